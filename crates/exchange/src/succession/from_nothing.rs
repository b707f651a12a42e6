//! A log of which this node has nothing any more, not even its keys: it goes on from nothing, which the format allows
//! (docs/log-format.md §8, `after` with size 0 and the empty root). The partner's officer sees everything that it holds of
//! the old one as left behind, and decides.

use jiff::Timestamp;
use model::id::PartyName;
use store::{Act, ChannelSide, ChannelState, EndingRow};
use tlog::card::Card;
use tlog::channel::{Origin, Use};
use tlog::checkpoint::Checkpoint;
use tlog::hash::empty_root;

use super::{begin_anew, proposal_of, told};
use crate::channel;
use crate::house::House;
use crate::refusal::Refusal;

/// The log of an earlier identity that the partner has shown, if that is all there is between the two in this direction.
pub(super) fn earlier(act: &Act<'_>, to: &PartyName, use_: Use) -> Result<Option<Origin>, Refusal> {
    let ours = act.channel_with(to, ChannelSide::Ours, use_)?;
    match ours.is_none_or(|channel| channel.state == ChannelState::Proposed && channel.follows.is_none()) {
        true => channel::earlier(act, to, use_),
        false => Ok(None),
    }
}

/// Proposes its successor, in the place of what was proposed without it.
pub(super) fn propose(
    us: &House,
    act: &mut Act<'_>,
    (earlier, use_): (Origin, Use),
    (to, card): (&PartyName, &Card),
    decided: &EndingRow,
    nonce: [u8; 32],
    now: Timestamp,
) -> Result<(), Refusal> {
    if let Some(proposed) = act.channel_with(to, ChannelSide::Ours, use_)? {
        act.drop_proposal(&proposed)?;
    }
    let after = Checkpoint { origin: earlier, size: 0, root: empty_root() };
    let origin = proposal_of(us, act, (to, use_), card, after, nonce)?;
    if let Some(row) = act.channel(&origin)? {
        begin_anew(act, &row, ChannelSide::Theirs)?;
    }
    channel::forget_earlier(act, to, use_)?;
    let detail = serde_json::json!({
        "use": use_.to_string(), "reason": decided.reason, "after": 0, "sent_anew": 0, "not_sent": 0,
        "old": earlier.hex(), "new": origin.hex(),
    });
    told(act, (to, use_), &decided.by, detail, now)
}
