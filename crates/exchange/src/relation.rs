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
    for channel in view.channels()?.iter().filter(|c| c.partner == *partner) {
        let from = folded.sizes.get(&channel.origin).copied().unwrap_or(0);
        if channel.size() > from {
            take(Arc::make_mut(&mut folded.relation), view, channel, from, channel.size())?;
            folded.sizes.insert(channel.origin, channel.size());
        }
    }
    Ok(())
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

/// The relation at given sizes of the two actual logs: what a ledger at two heads is computed from.
pub(crate) fn at_heads(view: &View<'_>, heads: &[(&ChannelRow, u64)]) -> Result<Relation, Refusal> {
    let mut relation = Relation::default();
    for (channel, size) in heads {
        take(&mut relation, view, channel, 0, *size)?;
    }
    Ok(relation)
}
