//! What may be sent, and the one way for a warning to become it.

use std::fmt;

use jiff::Timestamp;
use model::id::{Digest, PartyName};
use model::warning::Warning;

use crate::audience::Audience;
use crate::judge::Worded;
use crate::judgement::{Reason, Verdict};
use crate::render::{NotRendered, Stamp, rendered};
use crate::text::TextOverride;

/// Bytes that may be sent to one recipient as one entry. Only the functions of this room make it, each from the evidence
/// that it judges; a door can send nothing else.
///
/// ```compile_fail
/// // Its fields are its own.
/// let forged = disclosure::Released { bytes: b"unit 7".to_vec() };
/// ```
///
/// ```compile_fail
/// // It has no constructor and no default, and is read from nothing.
/// let forged: disclosure::Released = Default::default();
/// ```
///
/// ```compile_fail
/// fn must_be_readable<T: serde::de::DeserializeOwned>() {}
/// must_be_readable::<disclosure::Released>();
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Released {
    recipient: PartyName,
    kind: &'static str,
    media: &'static str,
    bytes: Vec<u8>,
    digest: Digest,
}

impl Released {
    /// Only for this room, after a judgement.
    pub(crate) fn judged(
        recipient: &PartyName,
        kind: &'static str,
        media: &'static str,
        bytes: Vec<u8>,
    ) -> Self {
        let digest = Digest::of(&bytes);
        Self { recipient: recipient.clone(), kind, media, bytes, digest }
    }

    /// To whom.
    pub fn recipient(&self) -> &PartyName {
        &self.recipient
    }

    /// The kind of entry, e.g. `warning.released`.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// The media type of the body.
    pub fn media(&self) -> &'static str {
        self.media
    }

    /// The body.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// SHA-256 of the body.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

impl fmt::Debug for Released {
    /// Tells of it without the body, which belongs in no log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Released")
            .field("recipient", &self.recipient.as_str())
            .field("kind", &self.kind)
            .field("bytes", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

/// The node's keys that a release needs.
#[derive(Clone, Copy)]
pub struct Keys<'a> {
    /// Under which protected terms are digested.
    pub terms: &'a [u8; 32],
    /// Of which ids in renderings are made.
    pub rendering: &'a [u8; 32],
}

/// Why something may not be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotReleasable {
    /// The judgement at the time of the release holds the whole.
    #[error("not released to {to}: {reason}")]
    Held {
        /// The recipient.
        to: PartyName,
        /// What holds it.
        reason: Box<Reason>,
    },
    /// What would go is no longer what was approved: a rung, a term, an assessment or the text has changed.
    #[error(
        "not released to {to}: what would go now ({found}) is not what was approved ({approved}); preview it again"
    )]
    Changed {
        /// The recipient.
        to: PartyName,
        /// The digest that was approved.
        approved: Digest,
        /// The digest of what would go now.
        found: Digest,
    },
    /// There is no rendering.
    #[error("not released to {to}: {why}")]
    NotRendered {
        /// The recipient.
        to: PartyName,
        /// Why.
        why: NotRendered,
    },
    /// The body of another kind of entry breaks a rule of its kind.
    #[error("no {kind} for {to}: {why}")]
    Refused {
        /// The recipient.
        to: PartyName,
        /// The kind of entry.
        kind: &'static str,
        /// The rule, and what was met.
        why: String,
    },
}

/// Releases a warning to one recipient: judges it at `now`, renders it with the stored stamp, and demands the bytes that
/// were approved (I-11). The entry is `warning.updated` if the stamp names an earlier rendering, else `warning.released`.
/// For several recipients of one warning, [`Worded::release`] reads its texts once.
///
/// # Errors
/// `Held` when nothing may go any more; `Changed` when a rung is no longer admitted or anything else differs from the
/// preview; `NotRendered`.
#[allow(
    clippy::too_many_arguments,
    reason = "the evidence of a release, each part named; the act has them apart"
)]
pub fn release_warning(
    warning: &Warning,
    audience: &Audience,
    us: &PartyName,
    keys: &Keys<'_>,
    overrides: &[TextOverride],
    stamp: &Stamp,
    approved: &Digest,
    now: Timestamp,
) -> Result<Released, NotReleasable> {
    Worded::of(warning, us, keys.terms).release(audience, keys.rendering, overrides, stamp, approved, now)
}

impl Worded<'_> {
    /// Releases it to one of several recipients: [`release_warning`], with the key of which ids in renderings are made.
    ///
    /// # Errors
    /// As [`release_warning`].
    pub fn release(
        &self,
        audience: &Audience,
        rendering_secret: &[u8; 32],
        overrides: &[TextOverride],
        stamp: &Stamp,
        approved: &Digest,
        now: Timestamp,
    ) -> Result<Released, NotReleasable> {
        let to = || audience.party.clone();
        let judgement = self.judge(audience, overrides, now);
        if let Verdict::Held(reason) = &judgement.whole {
            return Err(NotReleasable::Held { to: to(), reason: Box::new(reason.clone()) });
        }
        let bytes = rendered(self.warning, &judgement, audience, rendering_secret, stamp)
            .map_err(|why| NotReleasable::NotRendered { to: to(), why })?;
        let kind = if stamp.first_rendered_at.is_some() { "warning.updated" } else { "warning.released" };
        let released = Released::judged(&audience.party, kind, model::body::STIX, bytes);
        if released.digest != *approved {
            return Err(NotReleasable::Changed { to: to(), approved: *approved, found: released.digest });
        }
        Ok(released)
    }
}
