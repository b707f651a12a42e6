//! Which heads of a frozen log have to be one history.

use store::{ChannelRow, View};
use tlog::checkpoint::SignedCheckpoint;
use tlog::hash::{Hash, empty_root};

use crate::evidence;
use crate::recover;
use crate::refusal::Refusal;
use crate::statement;

/// A head that has to be the beginning of a larger one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// The smaller size, at least 1.
    pub old: u64,
    /// Its root.
    pub old_root: Hash,
    /// The larger size.
    pub new: u64,
    /// Its root.
    pub new_root: Hash,
}

/// The heads beyond what is held, from one to the next: those that the giver signed and that are kept as evidence, and those
/// that we cosigned and have lost.
///
/// # Errors
/// `contradiction` where two of them cannot both be true whatever is proven; `nothing_signed` where there is none;
/// `nothing_held` where there is nothing that they could go on from.
pub(super) fn steps(view: &View<'_>, channel: &ChannelRow) -> Result<Vec<Step>, Refusal> {
    let held = channel.size();
    let mut last = (held, if held == 0 { empty_root() } else { view.root_at(channel, held)? });
    let mut steps = Vec::new();
    for (size, root) in signed(view, channel)? {
        let own = match size {
            0 => empty_root(),
            size if size <= held => view.root_at(channel, size)?,
            size if size == last.0 => last.1,
            _ => {
                steps.push(Step { old: last.0, old_root: last.1, new: size, new_root: root });
                last = (size, root);
                continue;
            }
        };
        if own != root {
            return Err(contradiction(channel, size));
        }
    }
    match steps.first() {
        None => Err(nothing_signed(channel)),
        Some(Step { old: 0, .. }) => Err(nothing_held(channel)),
        Some(_) => Ok(steps),
    }
}

/// Every head that binds the giver or us, by size.
fn signed(view: &View<'_>, channel: &ChannelRow) -> Result<Vec<(u64, Hash)>, Refusal> {
    let mut heads = recover::missed(view, channel)?.heads().to_vec();
    // Judged when they came: with a later key in force they would not verify any more.
    heads.extend(evidence::refused_heads(view, channel)?);
    for row in view.all_evidence()?.into_iter().filter(|row| row.origin == channel.origin) {
        let Ok(note) = SignedCheckpoint::parse(row.note.as_bytes()) else { continue };
        let head = *note.checkpoint();
        let in_force = statement::in_force(view, channel, head.size)?;
        if head.origin == channel.origin && note.verify_log(&in_force.proposal().log).is_ok() {
            heads.push((head.size, head.root));
        }
    }
    heads.sort_unstable();
    heads.dedup();
    Ok(heads)
}

fn contradiction(channel: &ChannelRow, size: u64) -> Refusal {
    let of = &channel.partner;
    Refusal::yours("contradiction", format!("{of} has signed two histories: no proof can make both true"))
        .detail(format!("two roots for {size} entries"))
        .hint(successor(channel))
}

fn nothing_signed(channel: &ChannelRow) -> Refusal {
    let fact = format!("no signed head of {} is kept that a proof could be about", channel.partner);
    Refusal::yours("nothing_signed", fact).hint(successor(channel))
}

fn nothing_held(channel: &ChannelRow) -> Refusal {
    let fact = format!("nothing of the log of {} is held, so a proof would say nothing", channel.partner);
    Refusal::yours("nothing_held", fact).hint(successor(channel))
}

fn successor(channel: &ChannelRow) -> String {
    let of = &channel.partner;
    format!(
        "`forewarn evidence list` shows what is kept. Agree with the duty desk of {of} on how to go on; then its officer runs \
         `forewarn channel succeed` there"
    )
}
