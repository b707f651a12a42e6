//! Whether a signed note that was kept proves, together with a receipted head of the same log, that two signatures cannot
//! both be true (log-format §11).

use std::fmt;

use store::{ChannelRow, EvidenceRow, View};
use tlog::channel::ChannelStatement;
use tlog::checkpoint::SignedCheckpoint;
use tlog::evidence::{Accused, Beginning, Evidence, EvidenceError};
use tlog::tree::consistency_proof;

use crate::receipt::statement_at;
use crate::refusal::Refusal;

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

/// The proof that a note gives, or why it gives none.
pub(crate) fn of(
    view: &View<'_>,
    channel: &ChannelRow,
    kept: &EvidenceRow,
) -> Result<Result<Evidence, NoProof>, Refusal> {
    let first = match SignedCheckpoint::parse(kept.note.as_bytes()) {
        Ok(note) if note.checkpoint().origin == channel.origin => note,
        Ok(_) => return Ok(Err(NoProof::Unreadable("it is of another log".to_owned()))),
        Err(why) => return Ok(Err(NoProof::Unreadable(why.to_string()))),
    };
    let signed = *first.checkpoint();
    let statement = statement_at(view, channel, signed.size)?;
    if let Err(why) = first.verify_log(&statement.proposal().log) {
        return Ok(Err(NoProof::NotSigned(why.to_string())));
    }
    if signed.size > channel.size() {
        return Ok(Err(NoProof::NotHeld { signed: signed.size, held: channel.size() }));
    }
    let root = view.root_at(channel, signed.size)?;
    if root == signed.root {
        return Ok(Err(NoProof::Agrees { size: signed.size }));
    }
    let head = view.receipt_of(channel, signed.size.saturating_sub(1))?;
    let Some((head, note)) = head.and_then(|head| Some((head.clone(), head.note?))) else {
        return Ok(Err(NoProof::NoOtherHead { size: signed.size }));
    };
    let second = SignedCheckpoint::parse(note.as_bytes()).map_err(Refusal::ours)?;
    let beginning = match head.size > signed.size {
        false => None,
        true => {
            let fetch = |level, index| view.subtree(channel, level, index);
            let proof = consistency_proof(signed.size, head.size, fetch).map_err(Refusal::ours)?;
            Some(Beginning { root, proof })
        }
    };
    let in_force = statement_at(view, channel, head.size)?;
    let cosigner = &in_force.proposal().cosigner;
    // The receiver is accused only where both carry its own cosignature; else no cosignature is shown, since it proves nothing
    // against the giver.
    let cosigned = [&first, &second].iter().all(|note| note.cosignature_of(cosigner).is_ok());
    let (first, second) = match cosigned {
        true => (first, second),
        false => (log_line(&first, &statement)?, log_line(&second, &in_force)?),
    };
    let evidence = Evidence {
        accused: if cosigned { Accused::Receiver } else { Accused::Giver },
        first_statement: (statement != in_force).then_some(statement),
        statement: in_force,
        first,
        second,
        beginning,
    };
    match evidence.files() {
        Ok(_) => Ok(Ok(evidence)),
        Err(EvidenceError::Head { source, .. }) => Ok(Err(NoProof::NotSigned(source.to_string()))),
        Err(other) => Err(Refusal::ours(other)),
    }
}

/// The checkpoint with the signature of its log alone.
fn log_line(signed: &SignedCheckpoint, statement: &ChannelStatement) -> Result<SignedCheckpoint, Refusal> {
    signed.only_lines_of(&[&statement.proposal().log]).map_err(Refusal::ours)
}
