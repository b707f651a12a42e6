//! Heads of a channel: a signed checkpoint judged by the channel statement that is in force for it.

use crate::channel::{ChannelStatement, Origin};
use crate::checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint, key_of};
use crate::cosignature::Cosignature;

/// A checkpoint whose every signature line has been verified against a channel statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The checkpoint; its log key has signed it.
    pub checkpoint: Checkpoint,
    /// The receiver's cosignature, if it has a line: the receipt.
    pub receipt: Option<Cosignature>,
    /// Cosignatures of neutral witnesses, in the order of the statement.
    pub neutrals: Vec<Cosignature>,
}

/// Checks a signed checkpoint by the statement in force: same origin, size from `from` on, the log's
/// signature, and no line but those of log, receiver and neutral witnesses, in this order, each verified.
///
/// Cosignatures need not be there: whoever needs a receipt looks at [`Head::receipt`], or calls
/// [`Head::with_receipt`].
///
/// # Errors
/// [`HeadError`] with the rule broken.
pub fn judge_head(statement: &ChannelStatement, signed: &SignedCheckpoint) -> Result<Head, HeadError> {
    let proposal = statement.proposal();
    let checkpoint = *signed.checkpoint();
    if checkpoint.origin != statement.origin() {
        return Err(HeadError::Origin { expected: statement.origin(), found: checkpoint.origin });
    }
    if checkpoint.size < proposal.from {
        return Err(HeadError::From { from: proposal.from, size: checkpoint.size });
    }
    signed.verify_log(&proposal.log)?;
    let keys = proposal.checkpoint_keys();
    let mut head = Head { checkpoint, receipt: None, neutrals: Vec::new() };
    for line in signed.lines() {
        let key = key_of(line, &keys)?;
        if key == &proposal.cosigner {
            head.receipt = Some(signed.cosignature_of(key)?);
        } else if key != &proposal.log {
            head.neutrals.push(signed.cosignature_of(key)?);
        }
    }
    if signed.only_lines_of(&keys)? != *signed {
        return Err(HeadError::Order);
    }
    Ok(head)
}

impl Head {
    /// Gives the receiver's cosignature.
    ///
    /// # Errors
    /// [`HeadError::NoReceipt`] if the checkpoint has none.
    pub fn with_receipt(&self) -> Result<&Cosignature, HeadError> {
        self.receipt.as_ref().ok_or(HeadError::NoReceipt)
    }
}

/// A signed checkpoint that does not stand under its channel statement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// The checkpoint is of another log.
    #[error("the checkpoint is of {found}, the statement of {expected}")]
    Origin {
        /// Origin of the statement.
        expected: Origin,
        /// Origin of the checkpoint.
        found: Origin,
    },
    /// The keys of the statement do not hold for so small a size yet.
    #[error("the keys of the statement hold from size {from} on, the checkpoint is of size {size}")]
    From {
        /// First size for which the keys hold.
        from: u64,
        /// Size of the checkpoint.
        size: u64,
    },
    /// A signature is missing, unknown, double, or does not verify.
    #[error(transparent)]
    Lines(#[from] CheckpointError),
    /// The lines do not stand in the order log, receiver, neutral witnesses of the statement.
    #[error("the signature lines are not in the order log, receiver, neutral witnesses")]
    Order,
    /// The receiver has not cosigned.
    #[error("the receiver has not cosigned the checkpoint")]
    NoReceipt,
    /// Fewer neutral witnesses have cosigned than the statement needs.
    #[error("{needed} neutral witnesses must have cosigned, {found} have")]
    Neutrals {
        /// Witnesses needed.
        needed: u8,
        /// Witnesses that have cosigned.
        found: usize,
    },
}
