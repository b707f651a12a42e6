//! Whether a signed note that was kept proves, together with a receipted head of the same log, that two signatures cannot
//! both be true (log-format §11).

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;

use store::{ChannelRow, ChannelSide, EvidenceRow, StoreError, View};
use tlog::channel::ChannelStatement;
use tlog::checkpoint::SignedCheckpoint;
use tlog::evidence::{Accused, Beginning, Evidence, EvidenceError};
use tlog::hash::{Hash, leaf_hash};
use tlog::parcel::Parcel;
use tlog::tree::{Subtree, compact_range_at, consistency_proof, root_at};

use crate::recover;
use crate::refusal::Refusal;
use crate::statement;

/// Why a note proves nothing, as things stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NoProof {
    /// It is no checkpoint of the log.
    Unreadable(String),
    /// A signature in it is missing or does not verify, so that nobody is bound by it.
    NotSigned(String),
    /// The log is held up to a smaller size: the tree that was signed is not known.
    NotHeld {
        /// The size signed.
        signed: u64,
        /// The size held.
        held: u64,
    },
    /// The log has this very root at that size: it was refused for another reason, or came true later.
    Agrees {
        /// The size.
        size: u64,
    },
    /// No receipted head of at least that size stands against it.
    NoOtherHead {
        /// The size signed.
        size: u64,
    },
}

impl fmt::Display for NoProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(why) => write!(f, "the note cannot be read as a checkpoint of this log: {why}"),
            Self::NotSigned(why) => write!(f, "the note binds nobody: {why}"),
            Self::NotHeld { signed, held } => write!(
                f,
                "it is signed for {signed} entries and {held} are held here, so the tree that was signed is not known. The \
                 signature stays: any later head of at least {signed} entries that the giver signs makes a proof of it, or \
                 clears it"
            ),
            Self::Agrees { size } => write!(
                f,
                "the log held here has this very root at {size} entries, so the signature can be true"
            ),
            Self::NoOtherHead { size } => {
                write!(f, "no receipted head of at least {size} entries stands against it yet")
            }
        }
    }
}

/// A proof, and whose it is not alone.
#[derive(Debug, Clone)]
pub(crate) struct Proof {
    /// The two heads, and what shows that they contradict each other. The partner is accused wherever that is proven.
    pub(crate) evidence: Evidence,
    /// Whether this node has signed or cosigned both as well.
    pub(crate) ours_too: bool,
}

/// The proof that a note gives, or why it gives none.
pub(crate) fn of(
    view: &View<'_>,
    channel: &ChannelRow,
    kept: &EvidenceRow,
) -> Result<Result<Proof, NoProof>, Refusal> {
    let note = match SignedCheckpoint::parse(kept.note.as_bytes()) {
        Ok(note) if note.checkpoint().origin == channel.origin => note,
        Ok(_) => return Ok(Err(NoProof::Unreadable("it is of another log".to_owned()))),
        Err(why) => return Ok(Err(NoProof::Unreadable(why.to_string()))),
    };
    let signed = *note.checkpoint();
    let statement = statement::in_force(view, channel, signed.size)?;
    if let Err(why) = note.verify_log(&statement.proposal().log) {
        return Ok(Err(NoProof::NotSigned(why.to_string())));
    }
    if signed.size > channel.size() {
        return against_what_we_cosigned(view, channel, kept, note);
    }
    let root = view.root_at(channel, signed.size)?;
    if root == signed.root {
        return Ok(Err(NoProof::Agrees { size: signed.size }));
    }
    let head = view.receipt_of(channel, signed.size.saturating_sub(1))?;
    let Some(head) = head.and_then(|head| head.note) else {
        return Ok(Err(NoProof::NoOtherHead { size: signed.size }));
    };
    let head = SignedCheckpoint::parse(head.as_bytes()).map_err(Refusal::ours)?;
    let nodes = |level, index| view.subtree(channel, level, index);
    contradiction(view, channel, (note, head), nodes)
}

/// A parcel whose entries give the signed root, but not the one that we had cosigned before we lost what was below it
/// (log-format §9): the tree is known as far as the parcel goes.
fn against_what_we_cosigned(
    view: &View<'_>,
    channel: &ChannelRow,
    kept: &EvidenceRow,
    note: SignedCheckpoint,
) -> Result<Result<Proof, NoProof>, Refusal> {
    if let Some(held) = recover::held(channel)?
        && let Some(proof) = against(view, channel, held, (kept.id, note.clone()))?
    {
        return Ok(proof);
    }
    against_another_note(view, channel, kept, note)
}

/// Two heads that the giver signed and that were both refused: of one size, or the larger with the parcel that came with it.
fn against_another_note(
    view: &View<'_>,
    channel: &ChannelRow,
    kept: &EvidenceRow,
    note: SignedCheckpoint,
) -> Result<Result<Proof, NoProof>, Refusal> {
    let signed = *note.checkpoint();
    let of_this_log = |row: &EvidenceRow| row.origin == channel.origin && row.id != kept.id;
    for row in view.all_evidence()?.into_iter().filter(of_this_log) {
        let Ok(other) = SignedCheckpoint::parse(row.note.as_bytes()) else { continue };
        let head = *other.checkpoint();
        let statement = statement::in_force(view, channel, head.size)?;
        if head.origin != channel.origin || other.verify_log(&statement.proposal().log).is_err() {
            continue;
        }
        let found = match head.size.cmp(&signed.size) {
            Ordering::Equal if head.root == signed.root => None,
            Ordering::Equal => {
                let nodes = |level, index| view.subtree(channel, level, index);
                Some(contradiction(view, channel, (note.clone(), other), nodes)?)
            }
            Ordering::Less => against(view, channel, other, (kept.id, note.clone()))?,
            Ordering::Greater => against(view, channel, note.clone(), (row.id, other))?,
        };
        if let Some(proof) = found {
            return Ok(proof);
        }
    }
    Ok(Err(NoProof::NotHeld { signed: signed.size, held: channel.size() }))
}

/// The proof that the larger head, with the parcel that was kept under its number, does not begin with the smaller one;
/// `None` where the parcel does not say.
fn against(
    view: &View<'_>,
    channel: &ChannelRow,
    first: SignedCheckpoint,
    (id, second): (i64, SignedCheckpoint),
) -> Result<Option<Result<Proof, NoProof>>, Refusal> {
    let (small, large) = (*first.checkpoint(), *second.checkpoint());
    let Some(parcel) = view.kept_parcel(id)?.and_then(|bytes| Parcel::parse(&bytes).ok()) else {
        return Ok(None);
    };
    if parcel.old > channel.size() || small.size > large.size {
        return Ok(None);
    }
    let ours = |level, index| view.subtree(channel, level, index);
    let mut range = compact_range_at(parcel.old, ours)?;
    let mut grown = BTreeMap::new();
    for item in &parcel.items {
        for Subtree { level, index, hash } in range.append(leaf_hash(&item.commitment())) {
            grown.insert((level, index), hash);
        }
    }
    let nodes = |level, index| match grown.get(&(level, index)) {
        Some(hash) => Ok(*hash),
        None => view.subtree(channel, level, index),
    };
    if range.root() != large.root || root_at(small.size, nodes)? == small.root {
        return Ok(None);
    }
    contradiction(view, channel, (first, second), nodes).map(Some)
}

/// The proof that the larger tree, whose nodes are known, does not begin with the smaller one.
fn contradiction(
    view: &View<'_>,
    channel: &ChannelRow,
    (first, second): (SignedCheckpoint, SignedCheckpoint),
    nodes: impl Fn(u8, u64) -> Result<Hash, StoreError>,
) -> Result<Result<Proof, NoProof>, Refusal> {
    let (small, large) = (first.checkpoint().size, second.checkpoint().size);
    let beginning = if large > small {
        let proof = consistency_proof(small, large, &nodes).map_err(Refusal::ours)?;
        Some(Beginning { root: root_at(small, &nodes)?, proof })
    } else {
        None
    };
    let (earlier, in_force) =
        (statement::in_force(view, channel, small)?, statement::in_force(view, channel, large)?);
    let cosigned = [(&first, &earlier), (&second, &in_force)]
        .iter()
        .all(|(note, statement)| note.cosignature_of(&statement.proposal().cosigner).is_ok());
    let accused = match channel.side {
        ChannelSide::Ours if cosigned => Accused::Receiver,
        ChannelSide::Ours | ChannelSide::Theirs => Accused::Giver,
    };
    // A cosignature proves nothing against the giver, so none is shown.
    let (first, second) = match accused {
        Accused::Receiver => (first, second),
        Accused::Giver => (log_line(&first, &earlier)?, log_line(&second, &in_force)?),
    };
    let evidence = Evidence {
        accused,
        first_statement: (earlier != in_force).then_some(earlier),
        statement: in_force,
        first,
        second,
        beginning,
    };
    match evidence.files() {
        Ok(_) => Ok(Ok(Proof { evidence, ours_too: cosigned || channel.side == ChannelSide::Ours })),
        Err(EvidenceError::Head { source, .. }) => Ok(Err(NoProof::NotSigned(source.to_string()))),
        Err(other) => Err(Refusal::ours(other)),
    }
}

/// The checkpoint with the signature of its log alone.
fn log_line(signed: &SignedCheckpoint, statement: &ChannelStatement) -> Result<SignedCheckpoint, Refusal> {
    signed.only_lines_of(&[&statement.proposal().log]).map_err(Refusal::ours)
}
