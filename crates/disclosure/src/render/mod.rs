//! The bytes for one recipient, built from the granted rungs and from nothing else.
//!
//! `given` takes the granted values out of the warning; from there on nothing sees the warning any more, so that what is
//! withheld cannot show (I-02). Ids are a keyed function of the recipient and of the granted thing: an update keeps
//! them, and two recipients' are unlinkable (I-05).

mod given;
mod ids;
mod objects;
mod plainly;

use std::fmt;

use jiff::Timestamp;
use model::body::BODY_BYTES_MAX;
use model::id::Digest;
use model::warning::Warning;
use stix::error::StixError;

use crate::audience::Audience;
use crate::judgement::{Judgement, Reason, Verdict};
use given::Given;

/// What makes a rendering one and the same again: preview stores it, release renders with it (I-11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Randomness drawn at preview; only the bundle's own id is made of it.
    pub seed: [u8; 32],
    /// When it was rendered: the objects' `modified` and the report's `published`.
    pub rendered_at: Timestamp,
    /// For an update, when this recipient's first rendering was made: the objects' `created`. `None` for the first.
    pub first_rendered_at: Option<Timestamp>,
}

/// The bytes that one recipient would get. To send them, release them.
#[derive(Clone, PartialEq, Eq)]
pub struct Rendering {
    bytes: Vec<u8>,
    content: Digest,
}

impl fmt::Debug for Rendering {
    /// Tells of it without the body, which belongs in no log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rendering").field("bytes", &self.bytes.len()).finish_non_exhaustive()
    }
}

impl Rendering {
    /// The bytes: a STIX 2.1 bundle in canonical JSON.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// SHA-256 of the bytes: what an officer approves.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.bytes)
    }

    /// A digest of what is said, without when it was rendered: two renderings with equal content digests tell the
    /// recipient the same, and the second need not be sent.
    pub fn content_digest(&self) -> Digest {
        self.content
    }
}

/// Why there is no rendering.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotRendered {
    /// The whole is held.
    #[error("held: {0}")]
    Held(Box<Reason>),
    /// The judgement is for somebody else.
    #[error("the judgement is for {judged} and not for {wanted}")]
    OtherRecipient {
        /// For whom it is.
        judged: String,
        /// For whom it should be.
        wanted: String,
    },
    /// The ladders judged are not those of the warning.
    #[error("the judgement was made on another text of the warning; judge it again")]
    OtherWarning,
    /// The bundle is longer than an entry may be.
    #[error("the rendering has {bytes} bytes; an entry holds at most {BODY_BYTES_MAX}. Shorten the texts")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// The parts do not make a bundle.
    #[error("the parts do not make a STIX bundle: {0}")]
    Stix(#[from] StixError),
}

/// Renders what the judgement grants. Same warning, judgement, audience, secret and stamp: same bytes.
///
/// # Errors
/// [`NotRendered::Held`] when nothing may go; `OtherRecipient` and `OtherWarning` when the judgement does not belong to
/// the rest; `TooLong`; `Stix` is a fault of this room.
pub fn render(
    warning: &Warning,
    judgement: &Judgement,
    audience: &Audience,
    rendering_secret: &[u8; 32],
    stamp: &Stamp,
) -> Result<Rendering, NotRendered> {
    let forge = Forge::of(warning, judgement, audience, rendering_secret)?;
    let timeless = Stamp { seed: [0; 32], rendered_at: Timestamp::UNIX_EPOCH, first_rendered_at: None };
    let bytes = forge.bytes(stamp)?;
    let content = Digest::of(&objects::bundle(&forge.given, &forge.ids, &timeless)?.bytes());
    Ok(Rendering { bytes, content })
}

/// The bytes of [`render`] alone.
pub(crate) fn rendered(
    warning: &Warning,
    judgement: &Judgement,
    audience: &Audience,
    rendering_secret: &[u8; 32],
    stamp: &Stamp,
) -> Result<Vec<u8>, NotRendered> {
    Forge::of(warning, judgement, audience, rendering_secret)?.bytes(stamp)
}

/// What is given, and the ids for whom.
struct Forge<'a> {
    given: Given,
    ids: ids::Ids<'a>,
}

impl<'a> Forge<'a> {
    fn of(
        warning: &Warning,
        judgement: &Judgement,
        audience: &'a Audience,
        rendering_secret: &[u8; 32],
    ) -> Result<Self, NotRendered> {
        if let Verdict::Held(reason) = &judgement.whole {
            return Err(NotRendered::Held(Box::new(reason.clone())));
        }
        if judgement.recipient != audience.party {
            let (judged, wanted) = (judgement.recipient.to_string(), audience.party.to_string());
            return Err(NotRendered::OtherRecipient { judged, wanted });
        }
        let given = Given::of(warning, judgement, audience)?;
        Ok(Self { given, ids: ids::Ids::new(rendering_secret, &audience.party, &warning.id) })
    }

    fn bytes(&self, stamp: &Stamp) -> Result<Vec<u8>, NotRendered> {
        let bytes = objects::bundle(&self.given, &self.ids, stamp)?.bytes();
        if bytes.len() > BODY_BYTES_MAX {
            return Err(NotRendered::TooLong { bytes: bytes.len() });
        }
        Ok(bytes)
    }
}
