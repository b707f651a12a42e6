//! A log and those it goes on from count as one (log-format §8): for the folds, for `seen`, for `answers`.

use model::id::EntryRef;
use store::{ChannelRow, ChannelSide, View};
use tlog::channel::Origin;
use tlog::entry::Seen;

use crate::recover;
use crate::refusal::Refusal;

/// The most logs that one chain is followed through.
const LOGS_MAX: usize = 64;

/// A log and those it goes on from, the newest first.
pub(crate) fn of(view: &View<'_>, newest: ChannelRow) -> Result<Vec<ChannelRow>, Refusal> {
    let mut chain = vec![newest];
    while let Some(older) = chain.last().and_then(|c| c.follows).filter(|_| chain.len() < LOGS_MAX) {
        let Some(row) = view.channel(&older)? else { break };
        chain.push(row);
    }
    Ok(chain)
}

/// The logs opposite to this one, the newest first; none while there is no opposite log.
pub(crate) fn opposite(view: &View<'_>, channel: &ChannelRow) -> Result<Vec<ChannelRow>, Refusal> {
    let side = match channel.side {
        ChannelSide::Ours => ChannelSide::Theirs,
        ChannelSide::Theirs => ChannelSide::Ours,
    };
    match view.channel_with(&channel.partner, side, channel.use_)? {
        Some(newest) => of(view, newest),
        None => Ok(Vec::new()),
    }
}

/// What an entry of ours says of the opposite logs: the newest head that we cosigned, of the newest log that has one; of a
/// succeeded log no more than counts (log-format §8, §10).
pub(crate) fn newest_seen(view: &View<'_>, channel: &ChannelRow) -> Result<Option<Seen>, Refusal> {
    for log in opposite(view, channel)? {
        let size = log.until.map_or(log.cosigned, |until| until.min(log.cosigned));
        if size > 0 {
            return Ok(Some(Seen { origin: log.origin, size, root: view.root_at(&log, size)? }));
        }
    }
    Ok(None)
}

/// How far a head named in `seen` counts for the rule that it never falls: its size in the newest opposite log, 0 for an
/// older one. Where no opposite log is held, it was lost whole: it counts until that is back.
pub(crate) fn seen_size(view: &View<'_>, channel: &ChannelRow, seen: Option<&Seen>) -> Result<u64, Refusal> {
    let Some(seen) = seen else { return Ok(0) };
    let newest = opposite(view, channel)?.into_iter().next();
    Ok(if newest.is_none_or(|log| log.origin == seen.origin) { seen.size } else { 0 })
}

/// What a `seen` line of a partner's entry turns out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SeenHead {
    /// A head of our log, not before the one named last.
    True,
    /// None of ours.
    False,
    /// Larger than our log is here.
    BeyondOurs,
}

/// Judges a `seen` line over the chain of our logs, newest first. Heads of a succeeded log are taken where they lie beyond
/// what counts of it: nothing rests on them any more, and an entry on its way must not stop the partner's log.
pub(crate) fn judge_seen(
    view: &View<'_>,
    ours: &[ChannelRow],
    seen: Option<&Seen>,
    before: u64,
) -> Result<SeenHead, Refusal> {
    let Some(seen) = seen else {
        return Ok(if before == 0 { SeenHead::True } else { SeenHead::False });
    };
    let Some(at) = ours.iter().position(|log| log.origin == seen.origin) else {
        let lost = recover::is_lost(view, &seen.origin)?;
        return Ok(if lost { SeenHead::BeyondOurs } else { SeenHead::False });
    };
    let Some(log) = ours.get(at) else { return Ok(SeenHead::False) };
    // Once it names a later log it does not go back to an earlier one.
    if (at > 0 && before > 0) || (at == 0 && seen.size < before) {
        return Ok(SeenHead::False);
    }
    if log.until.is_some_and(|until| seen.size > until) {
        return Ok(SeenHead::True);
    }
    if seen.size > log.size() {
        return Ok(SeenHead::BeyondOurs);
    }
    let root = view.root_at(log, seen.size)?;
    Ok(if root == seen.root { SeenHead::True } else { SeenHead::False })
}

/// Whether an entry of a partner's log may answer this one: an earlier one of the same log, one of ours, or any of a log
/// that was succeeded on either side. What was left behind of a succeeded log counts for nothing, but may be named.
pub(crate) fn can_be_answered(
    channels: (&[ChannelRow], &[ChannelRow]),
    origin: Origin,
    index: u64,
    own_index: u64,
) -> bool {
    let (same, opposite) = channels;
    if let Some(at) = same.iter().position(|log| log.origin == origin) {
        return at > 0 || index < own_index;
    }
    opposite.iter().enumerate().any(|(at, log)| log.origin == origin && (at > 0 || index < log.size()))
}

/// Where an entry of ours stands now that an answer of ours names: where it was, or where it was sent anew after its log was
/// succeeded. `Err` says in words why it cannot be named.
pub(crate) fn where_now(view: &View<'_>, at: &EntryRef) -> Result<Result<EntryRef, String>, Refusal> {
    let mut at = at.clone();
    for _ in 0..LOGS_MAX {
        let Some(log) = view.channel(&at.origin)? else { return Ok(Ok(at)) };
        if log.until.is_none_or(|until| at.index < until) {
            return Ok(Ok(at));
        }
        if log.side == ChannelSide::Theirs {
            return Ok(Err(format!(
                "what it answers, {at}, was left behind in the partner's old log; the partner sends it anew, answer that one"
            )));
        }
        let anew = view.sent_anew(&at)?.map(|id| view.outbox_row(id)).transpose()?.flatten();
        match anew.map(|row| row.state) {
            Some(store::OutboxState::Appended(now)) => at = now,
            _ => {
                return Ok(Err(format!(
                    "what it refers to, {at}, was left behind in our old log and was not sent anew"
                )));
            }
        }
    }
    Ok(Err("what it refers to was moved too often".to_owned()))
}
