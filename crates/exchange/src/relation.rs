//! The relation with a partner, folded from the stored logs and kept in memory between acts.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use model::facts::Facts;
use model::id::{EntryRef, PartyName};
use model::relation::{Logged, Relation, Side};
use store::{Act, ChannelRow, ChannelSide, View};
use tlog::channel::{Origin, Use};

use crate::refusal::Refusal;

/// Relations as they were last folded, with how far. Losing it costs time, never truth.
#[derive(Default)]
pub struct Relations {
    kept: Mutex<BTreeMap<PartyName, Folded>>,
}

#[derive(Clone, Default)]
struct Folded {
    sizes: BTreeMap<Origin, u64>,
    relation: Arc<Relation>,
}

impl Relations {
    /// The relation with a partner as the committed store has it.
    pub fn of(&self, view: &View<'_>, partner: &PartyName) -> Result<Arc<Relation>, Refusal> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let folded = kept.entry(partner.clone()).or_default();
        extend(folded, view, partner)?;
        Ok(folded.relation.clone())
    }

    /// The relation with a partner as this act sees it, its own uncommitted entries included.
    pub fn in_act(&self, act: &Act<'_>, partner: &PartyName) -> Result<Arc<Relation>, Refusal> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let mut folded = kept.get(partner).cloned().unwrap_or_default();
        drop(kept);
        extend(&mut folded, act, partner)?;
        Ok(folded.relation)
    }
}

fn extend(folded: &mut Folded, view: &View<'_>, partner: &PartyName) -> Result<(), Refusal> {
    let channels: Vec<_> = view.channels()?.into_iter().filter(|c| c.partner == *partner).collect();
    // A log was succeeded, and what was folded of it counts no longer: from the beginning again.
    let folded_too_much =
        |c: &ChannelRow| folded.sizes.get(&c.origin).is_some_and(|folded| *folded > c.counted());
    if channels.iter().any(folded_too_much) {
        *folded = Folded::default();
    }
    for channel in &channels {
        name(&mut folded.relation, &channels, channel);
        let from = folded.sizes.get(&channel.origin).copied().unwrap_or(0);
        if channel.counted() > from {
            take(Arc::make_mut(&mut folded.relation), view, channel, from, channel.counted())?;
            folded.sizes.insert(channel.origin, channel.counted());
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

fn take(
    relation: &mut Relation,
    view: &View<'_>,
    channel: &ChannelRow,
    from: u64,
    to: u64,
) -> Result<(), Refusal> {
    for entry in view.entries(channel, from, to)? {
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
    Ok(())
}

/// An exercise plays warnings and their answers; it changes no agreement, no promise and no thanks (I-17).
fn of_an_exercise(facts: &Facts) -> bool {
    matches!(
        facts,
        Facts::Release(_)
            | Facts::Cancelled(_)
            | Facts::Lapsed(_)
            | Facts::Recalled(_)
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
