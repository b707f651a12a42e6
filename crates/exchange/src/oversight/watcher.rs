//! What oversight does on its own machine: it follows the audit trail of a node and cosigns it, and sees when the node
//! shows another past. Pure: no store, no node.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use store::audit_leaf;
use tlog::checkpoint::SignedCheckpoint;
use tlog::cosignature::cosign;
use tlog::key::{SigningKey, VerifierKey};
use tlog::tree::CompactRange;

/// How many lines of text a line of the trail has.
const TEXT_LINES: usize = 8;

/// What oversight remembers of a trail between two visits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Watch {
    /// The verifier key with which the node signs its trail, as it was shown when oversight was appointed.
    pub trail_key: String,
    /// How many lines were followed.
    pub lines: u64,
    range: String,
    newest: Option<String>,
}

/// What was wrong with what a node gave.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WatchFault {
    /// The files do not hold what they should.
    #[error("the trail cannot be read: {0}")]
    Unreadable(String),
    /// The lines do not begin where the watch ends.
    #[error("the lines begin at {given}, and {followed} were followed")]
    Gap {
        /// The index of the first line given.
        given: u64,
        /// How many lines were followed.
        followed: u64,
    },
    /// The node signed it with another key.
    #[error("the checkpoint is not signed with the key of this trail")]
    OtherKey,
    /// Lines that were followed are gone or were changed: the node signed two pasts.
    #[error("the trail was made again: the lines do not give the head that the node has signed")]
    MadeAgain {
        /// The newest head that was followed, if any, as evidence.
        before: Option<String>,
        /// The head that contradicts it.
        now: String,
    },
}

impl Watch {
    /// A watch that has followed nothing yet.
    pub fn new(trail_key: &VerifierKey) -> Self {
        Self {
            trail_key: trail_key.to_string(),
            lines: 0,
            range: hex::encode(CompactRange::new().to_bytes()),
            newest: None,
        }
    }

    /// Follows the texts of the lines up to a checkpoint, and cosigns it. `texts` are the lines' texts one after another,
    /// from any line on that was followed already, or from the first one that was not.
    ///
    /// # Errors
    /// `WatchFault`; nothing is cosigned and the watch stays as it was.
    pub fn follow(
        &mut self,
        checkpoint: &SignedCheckpoint,
        texts: &str,
        key: &SigningKey,
        now: Timestamp,
    ) -> Result<SignedCheckpoint, WatchFault> {
        let unreadable = |e: &dyn std::fmt::Display| WatchFault::Unreadable(e.to_string());
        let trail_key = VerifierKey::parse(&self.trail_key).map_err(|e| unreadable(&e))?;
        checkpoint.verify_log(&trail_key).map_err(|_| WatchFault::OtherKey)?;
        checkpoint.check_lines(&[&trail_key]).map_err(|e| unreadable(&e))?;
        let bytes = hex::decode(&self.range).map_err(|e| unreadable(&e))?;
        let mut range = CompactRange::from_bytes(&bytes).map_err(|e| unreadable(&e))?;
        let (head, mut first) = (*checkpoint.checkpoint(), true);
        let made_again =
            || WatchFault::MadeAgain { before: self.newest.clone(), now: checkpoint.to_string() };
        for (seq, text) in split(texts)? {
            if first && seq > self.lines {
                return Err(WatchFault::Gap { given: seq, followed: self.lines });
            }
            first = false;
            if seq < self.lines || range.size() == head.size {
                continue;
            }
            if seq != range.size() {
                return Err(WatchFault::Gap { given: seq, followed: range.size() });
            }
            range.append(audit_leaf(&text));
        }
        if head.size < range.size() {
            return Err(made_again());
        }
        if head.size > range.size() {
            return Err(WatchFault::Gap { given: head.size, followed: range.size() });
        }
        if head.root != range.root() {
            return Err(made_again());
        }
        let seconds = u64::try_from(now.as_second()).map_err(|e| unreadable(&e))?;
        let cosignature = cosign(&head, seconds, key).map_err(|e| unreadable(&e))?;
        let cosigned = checkpoint.and_line(cosignature.line().clone()).map_err(|e| unreadable(&e))?;
        self.lines = head.size;
        self.range = hex::encode(range.to_bytes());
        self.newest = Some(cosigned.to_string());
        Ok(cosigned)
    }
}

/// The lines' texts with their numbers.
fn split(texts: &str) -> Result<Vec<(u64, String)>, WatchFault> {
    let lines: Vec<&str> = texts.split_inclusive('\n').collect();
    let mut found = Vec::new();
    for text in lines.chunks(TEXT_LINES) {
        let seq = match text {
            [label, seq, ..] if text.len() == TEXT_LINES && *label == "forewarn/audit/v1\n" => {
                seq.strip_prefix("seq ").and_then(|n| n.trim_end().parse().ok())
            }
            _ => None,
        };
        let Some(seq) = seq else {
            return Err(WatchFault::Unreadable(format!(
                "what follows line {:?}",
                found.last().map(|(n, _)| n)
            )));
        };
        found.push((seq, text.concat()));
    }
    Ok(found)
}
