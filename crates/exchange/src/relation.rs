//! The relation with a partner, folded from the stored logs and kept in memory between acts.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use model::facts::Facts;
use model::id::{EntryRef, PartyName};
use model::relation::{Logged, Relation, Side};
use store::{Act, ChannelRow, ChannelSide, ChannelState, View};
use tlog::channel::{Origin, Use};
use tlog::hash::Hash;

use crate::refusal::Refusal;

/// How many entries are read at once for a fold: a long log is never whole in memory.
const ENTRIES_AT_ONCE: u64 = 1024;

/// Relations as they were last folded, with how far. Losing it costs time, never truth.
#[derive(Default)]
pub struct Relations {
    /// As views of the committed store saw them.
    kept: Mutex<BTreeMap<PartyName, Folded>>,
    /// As acts saw them, with entries of their own that perhaps were undone since: what was folded is known by its roots.
    in_acts: Mutex<BTreeMap<PartyName, Folded>>,
}

#[derive(Clone, Default)]
struct Folded {
    /// Of each log the size to which it is folded, and its root at that size.
    heads: BTreeMap<Origin, (u64, Hash)>,
    /// The act that it was folded in last, if it was one: in that act nothing of it can have been undone.
    act: Option<u64>,
    /// Whether an entry was folded that came as erased and that no recall had named yet: its facts come with the recall.
    unnamed: bool,
    relation: Arc<Relation>,
}

impl Relations {
    /// The relation with a partner as the committed store has it.
    pub fn of(&self, view: &View<'_>, partner: &PartyName) -> Result<Arc<Relation>, Refusal> {
        let channels = view.channels_of(partner)?;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let folded = kept.entry(partner.clone()).or_default();
        extend(folded, view, &channels)?;
        Ok(folded.relation.clone())
    }

    /// The relation with a partner as this act sees it, its own uncommitted entries included.
    pub fn in_act(&self, act: &Act<'_>, partner: &PartyName) -> Result<Arc<Relation>, Refusal> {
        let channels = act.channels_of(partner)?;
        let mut in_acts = self.in_acts.lock().unwrap_or_else(PoisonError::into_inner);
        let folded = in_acts.entry(partner.clone()).or_default();
        if folded.act != Some(act.number()) && !folded.begins(act, &channels)? {
            *folded = Folded::default();
        }
        folded.act = Some(act.number());
        extend(folded, act, &channels)?;
        Ok(folded.relation.clone())
    }
}

impl Folded {
    /// Whether every log begins with what was folded of it. An act that was undone leaves entries here that no log has.
    fn begins(&self, view: &View<'_>, channels: &[ChannelRow]) -> Result<bool, Refusal> {
        for (origin, (size, root)) in &self.heads {
            let same = match channels.iter().find(|c| c.origin == *origin) {
                Some(channel) if channel.size() == *size => channel.range.root() == *root,
                Some(channel) if channel.size() > *size => view.root_at(channel, *size)? == *root,
                _ => false,
            };
            if !same {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether nothing was folded that counts no longer, and each log that was folded is known by its place in its chain.
    fn still_counts(&self, channels: &[ChannelRow]) -> bool {
        let counts = |c: &ChannelRow| self.heads.get(&c.origin).is_none_or(|(size, _)| *size <= c.counted());
        channels.iter().all(counts)
    }
}

fn extend(folded: &mut Folded, view: &View<'_>, channels: &[ChannelRow]) -> Result<(), Refusal> {
    let size = |c: &ChannelRow| folded.heads.get(&c.origin).map_or(0, |(size, _)| *size);
    let grows = channels.iter().any(|c| c.counted() > size(c));
    // A log was succeeded, and what was folded of it counts no longer; or a recall may have named what was folded as
    // erased: from the beginning again.
    if !folded.still_counts(channels) || (folded.unnamed && grows) {
        *folded = Folded { act: folded.act, ..Folded::default() };
    }
    // What is only proposed is no log yet, and may never be one.
    for channel in channels.iter().filter(|c| c.state != ChannelState::Proposed) {
        name(&mut folded.relation, channels, channel);
        let from = folded.heads.get(&channel.origin).map_or(0, |(size, _)| *size);
        let to = channel.counted();
        if to > from {
            folded.unnamed |= take(Arc::make_mut(&mut folded.relation), view, channel, from, to)?;
            let root = if to == channel.size() { channel.range.root() } else { view.root_at(channel, to)? };
            folded.heads.insert(channel.origin, (to, root));
        }
    }
    Ok(())
}

/// Names a log with its place in its chain, if the relation does not know it yet.
fn name(relation: &mut Arc<Relation>, channels: &[ChannelRow], channel: &ChannelRow) {
    let before = |c: &ChannelRow| channels.iter().find(|o| c.follows == Some(o.origin));
    let mut earlier = 0;
    let mut at = channel;
    while let Some(older) = before(at).filter(|_| usize::try_from(earlier).is_ok_and(|n| n < channels.len()))
    {
        earlier += 1;
        at = older;
    }
    if !relation.knows(&channel.origin) {
        Arc::make_mut(relation).name_log(channel.origin, side(channel.side), earlier);
    }
}

/// Folds a stretch of a log. True if an entry of it came as erased and no recall has named it yet.
fn take(
    relation: &mut Relation,
    view: &View<'_>,
    channel: &ChannelRow,
    from: u64,
    to: u64,
) -> Result<bool, Refusal> {
    let mut unnamed = false;
    let mut next = from;
    while next < to {
        let end = to.min(next.saturating_add(ENTRIES_AT_ONCE));
        for entry in view.entries(channel, next, end)? {
            unnamed |= entry.facts == Facts::Erased;
            if channel.use_ == Use::Exercise && !of_an_exercise(&entry.facts) {
                continue;
            }
            relation.take(Logged {
                at: EntryRef { origin: channel.origin, index: entry.index },
                side: side(channel.side),
                written: entry.written,
                thread: entry.thread,
                answers: entry.answers,
                facts: entry.facts,
            });
        }
        next = end;
    }
    Ok(unnamed)
}

/// An exercise plays warnings and their answers; it changes no agreement, no promise and no thanks (I-17).
fn of_an_exercise(facts: &Facts) -> bool {
    matches!(
        facts,
        Facts::Release(_)
            | Facts::Cancelled(_)
            | Facts::Lapsed(_)
            | Facts::Recalled(_)
            | Facts::RecallConfirmed
            | Facts::RecallContested { .. }
            | Facts::Erased
            | Facts::Read { .. }
            | Facts::Disposed { .. }
            | Facts::Outcome { .. }
    )
}

/// The side of the fold that a channel's entries are on.
pub(crate) fn side(side: ChannelSide) -> Side {
    match side {
        ChannelSide::Ours => Side::Ours,
        ChannelSide::Theirs => Side::Theirs,
    }
}

/// The relation at given sizes of the actual logs: what a ledger at their heads is computed from.
pub(crate) fn at_heads(view: &View<'_>, heads: &[(&ChannelRow, u64)]) -> Result<Relation, Refusal> {
    let channels: Vec<ChannelRow> = heads.iter().map(|(channel, _)| (*channel).clone()).collect();
    let mut relation = Arc::new(Relation::default());
    for channel in &channels {
        name(&mut relation, &channels, channel);
    }
    let mut relation = Arc::unwrap_or_clone(relation);
    // The older logs of each chain first.
    for (channel, size) in heads.iter().rev() {
        take(&mut relation, view, channel, 0, *size)?;
    }
    Ok(relation)
}
