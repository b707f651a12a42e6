//! The state between two parties: a fold over their two logs, and nothing else.
//!
//! Every rule here commutes: an entry is filed under itself or under the entry it answers, and what two concurrent
//! entries mean together is worked out when it is looked at, by the stricter of both. So the fold may take the two logs
//! in any interleaving that keeps each log's own order, and at equal heads both sides hold the same state (I-14, I-21).
//! No clock is in it: overdue and expired are views of (fold, now).

mod parts;

use std::collections::{BTreeMap, BTreeSet};

pub use parts::*;

use jiff::Timestamp;
use tlog::channel::Origin;

use crate::agreement::{OpeningState, Terms};
use crate::body::Recall;
use crate::facts::Facts;
use crate::id::{Digest, EntryRef};
use crate::state::{DomainState, Machine};
use crate::vocab::{Domain, MatterKind};

/// Whose log an entry stands in, seen from one of the two parties.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// In the log that this node writes.
    Ours,
    /// In the log that the partner writes.
    Theirs,
}

impl Side {
    /// The other side.
    pub fn other(self) -> Self {
        match self {
            Self::Ours => Self::Theirs,
            Self::Theirs => Self::Ours,
        }
    }
}

/// An entry as the fold reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    /// Where it stands.
    pub at: EntryRef,
    /// In whose log.
    pub side: Side,
    /// When its writer wrote it, by the writer's clock.
    pub written: Timestamp,
    /// The thread it belongs to.
    pub thread: [u8; 16],
    /// The entry it answers.
    pub answers: Option<EntryRef>,
    /// What it says.
    pub facts: Facts,
}

/// The folded state between two parties.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Relation {
    /// Whose log it is, and how many came before it in its chain.
    logs: BTreeMap<Origin, (Side, u32)>,
    proposals: BTreeMap<Digest, Proposal>,
    accepted: BTreeMap<(Digest, Side), EntryRef>,
    refused: BTreeMap<(Digest, Side), EntryRef>,
    changes: BTreeMap<(Digest, Domain, Side), Vec<Change>>,
    releases: BTreeMap<EntryRef, ReleaseEntry>,
    standings: BTreeMap<(EntryRef, Side), Vec<Standing>>,
    recalls: BTreeMap<(EntryRef, Side), Vec<RecallFact>>,
    erasures: BTreeMap<(EntryRef, Side), Vec<Erasure>>,
    /// Entries that came as erased and whose recall has not been taken yet.
    unnamed: BTreeSet<EntryRef>,
    reads: BTreeMap<(EntryRef, Side), Vec<ReadFact>>,
    disposals: BTreeMap<(EntryRef, Side), Vec<DisposedFact>>,
    outcomes: BTreeMap<EntryRef, OutcomeEntry>,
    outcomes_of: BTreeMap<(EntryRef, Side), Vec<EntryRef>>,
    undertakings: BTreeMap<EntryRef, UndertakingEntry>,
    undertakings_accepted: BTreeMap<(EntryRef, Side), EntryRef>,
    thanks: BTreeMap<EntryRef, ThanksEntry>,
    relayed: BTreeMap<(EntryRef, Side), EntryRef>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Proposal {
    /// Who proposed this very text; both, if both did.
    proposed_by: BTreeSet<Side>,
    /// Who proposed it in the entry that stands for it.
    side: Side,
    at: EntryRef,
    terms: Terms,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Change {
    at: EntryRef,
    state: DomainState,
    pilot_scope: BTreeSet<MatterKind>,
}

impl Relation {
    /// Takes the next entry of one of the two logs. Entries of one log must come in their order.
    pub fn take(&mut self, entry: Logged) {
        let Logged { at, side, written, thread, answers, facts } = entry;
        match facts {
            Facts::AgreementProposed { hash, terms } => {
                if let Ok(hash) = hash.parse() {
                    // The same text proposed twice: the earliest entry in (side, index) order stands for it.
                    let new = Proposal { proposed_by: BTreeSet::from([side]), side, at, terms };
                    let kept = self.proposals.entry(hash).or_insert_with(|| new.clone());
                    kept.proposed_by.insert(side);
                    if new.at < kept.at {
                        (kept.side, kept.at) = (new.side, new.at);
                    }
                }
            }
            Facts::AgreementAccepted(a) => {
                file(&mut self.accepted, a.agreement.parse().ok().map(|h| (h, side)), at)
            }
            Facts::AgreementRefused(a) => {
                file(&mut self.refused, a.agreement.parse().ok().map(|h| (h, side)), at)
            }
            Facts::DomainChanged(change) => {
                if let Ok(hash) = change.agreement.parse() {
                    let line = Change { at, state: change.state, pilot_scope: change.pilot_scope };
                    self.changes.entry((hash, change.domain, side)).or_default().push(line);
                }
            }
            Facts::Release(facts) => {
                let updates = answers.filter(|a| self.is_same_chain(&at, a, side));
                self.releases.insert(at, ReleaseEntry { side, thread, written, updates, facts });
            }
            Facts::Cancelled(c) => self.stand((&at, answers), side, c.release, Standing::Cancelled),
            Facts::Lapsed(c) => self.stand((&at, answers), side, c.release, Standing::Lapsed),
            Facts::Recalled(recall) => self.recalled((at, answers), side, (written, thread), &recall),
            Facts::RecallConfirmed => {
                push(&mut self.erasures, answers, side, Erasure::Confirmed { at: written });
            }
            Facts::RecallContested { reason } => {
                push(&mut self.erasures, answers, side, Erasure::Contested { reason, at: written });
            }
            Facts::Erased => {
                self.unnamed.insert(at);
            }
            Facts::Read { held_at } => {
                push(&mut self.reads, answers, side, ReadFact { at: written, held_at });
            }
            Facts::Disposed { disposition, held_at } => {
                push(&mut self.disposals, answers, side, DisposedFact { disposition, at: written, held_at });
            }
            Facts::Outcome {
                event,
                determination,
                contribution,
                usefulness,
                unsolicited,
                open_questions,
            } => {
                let answers = if unsolicited.is_some() { None } else { answers };
                let line = OutcomeEntry {
                    side,
                    answers,
                    written,
                    event,
                    determination,
                    contribution,
                    usefulness,
                    unsolicited,
                    open_questions,
                };
                if let Some(release) = &line.answers {
                    self.outcomes_of.entry((release.clone(), side)).or_default().push(at.clone());
                }
                self.outcomes.insert(at, line);
            }
            Facts::Thanks { relay } => {
                self.thanks.insert(at, ThanksEntry { side, answers, written, relay });
            }
            Facts::ThanksRelayed => file(&mut self.relayed, answers.map(|a| (a, side)), at),
            Facts::UndertakingDeclared { domain, until } => {
                self.undertakings.insert(at, UndertakingEntry { side, domain, until, written });
            }
            Facts::UndertakingAccepted => {
                file(&mut self.undertakings_accepted, answers.map(|a| (a, side)), at)
            }
            Facts::Channel | Facts::NotUnderstood => {}
        }
    }

    /// Names a log of one side with how many logs came before it in its chain (log-format §8). To be said before its first
    /// entry is taken; a log that nobody named stands alone.
    pub fn name_log(&mut self, origin: Origin, side: Side, before: u32) {
        self.logs.insert(origin, (side, before));
    }

    /// Whether a log was named.
    pub fn knows(&self, origin: &Origin) -> bool {
        self.logs.contains_key(origin)
    }

    /// Where an entry stands in the chain of its side.
    fn place(&self, at: &EntryRef) -> (u32, Origin, u64) {
        (self.logs.get(&at.origin).map_or(0, |(_, before)| *before), at.origin, at.index)
    }

    fn is_same_chain(&self, at: &EntryRef, other: &EntryRef, side: Side) -> bool {
        at.origin == other.origin || self.logs.get(&other.origin).is_some_and(|(of, _)| *of == side)
    }

    /// A recall also says what the folds read of its release, which may have come as erased: then it stands for it, so
    /// that the state is the same with the text and without (log-format §4, Erasure).
    fn recalled(
        &mut self,
        (at, answers): (EntryRef, Option<EntryRef>),
        side: Side,
        (written, thread): (Timestamp, [u8; 16]),
        recall: &Recall,
    ) {
        let release = answers.clone().unwrap_or(EntryRef { origin: at.origin, index: recall.recalls });
        self.stand((&at, answers), side, recall.recalls, Standing::Recalled { counts: recall.counts });
        if let Some(repeated) = recall.names_a_release().filter(|_| self.unnamed.remove(&release)) {
            let entry = ReleaseEntry {
                side,
                thread,
                written: repeated.written,
                updates: repeated.updates.map(|index| EntryRef { origin: release.origin, index }),
                facts: repeated.facts.clone(),
            };
            self.releases.insert(release.clone(), entry);
        }
        let fact = RecallFact { at, written, reason: recall.reason };
        self.recalls.entry((release, side)).or_default().push(fact);
    }

    /// The header names the release, also one of an earlier log of the chain; the body's index repeats it, as it was when
    /// the body was written.
    fn stand(
        &mut self,
        (at, answers): (&EntryRef, Option<EntryRef>),
        side: Side,
        index: u64,
        standing: Standing,
    ) {
        let release = answers.unwrap_or(EntryRef { origin: at.origin, index });
        self.standings.entry((release, side)).or_default().push(standing);
    }

    /// Every agreement ever proposed, in the order of their hashes.
    pub fn agreements(&self) -> Vec<AgreementView<'_>> {
        let in_force = self.in_force();
        self.proposals
            .iter()
            .map(|(hash, p)| AgreementView {
                hash: *hash,
                proposed_by: p.side,
                at: &p.at,
                terms: &p.terms,
                accepted: self.is_accepted(hash, p),
                refused: self.refused.keys().any(|(h, _)| h == hash) && !self.is_accepted(hash, p),
                in_force: in_force.contains(hash),
            })
            .collect()
    }

    /// Accepted by the side that did not propose it, and not refused earlier by that side.
    fn is_accepted(&self, hash: &Digest, proposal: &Proposal) -> bool {
        proposal.proposed_by.iter().any(|side| {
            let by = side.other();
            let Some(accepted) = self.accepted.get(&(*hash, by)) else { return false };
            self.refused.get(&(*hash, by)).is_none_or(|refused| refused > accepted)
                && !self.refused.contains_key(&(*hash, *side))
        })
    }

    fn in_force(&self) -> BTreeSet<Digest> {
        let accepted: BTreeMap<_, _> =
            self.proposals.iter().filter(|(h, p)| self.is_accepted(h, p)).collect();
        let replaced: BTreeSet<Digest> =
            accepted.values().filter_map(|p| p.terms.replaces.as_ref()?.parse().ok()).collect();
        accepted.keys().filter(|h| !replaced.contains(**h)).map(|h| **h).collect()
    }

    /// The terms in force: of one agreement, or the stricter of all that were accepted at once; `None` without any.
    pub fn terms(&self) -> Option<Terms> {
        let mut all =
            self.in_force().into_iter().filter_map(|h| self.proposals.get(&h)).map(|p| p.terms.clone());
        let first = all.next()?;
        Some(all.fold(first, |a, b| a.stricter(&b)))
    }

    /// How a domain stands; `None` if no agreement in force names it.
    pub fn domain(&self, domain: Domain) -> Option<DomainStanding> {
        let terms = self.terms()?.domains.remove(&domain)?;
        let in_force = self.in_force();
        let agreement = *in_force.first()?;
        let stance = |side| {
            let all = in_force.iter().map(|h| self.stance(h, domain, side));
            all.reduce(|(s, p), (t, q)| (s.max(t), &p & &q))
        };
        let ((ours, our_pilot), (theirs, their_pilot)) = (stance(Side::Ours)?, stance(Side::Theirs)?);
        Some(DomainStanding {
            agreement,
            state: ours.max(theirs),
            ours,
            theirs,
            pilot_scope: &our_pilot & &their_pilot,
            terms,
        })
    }

    /// One party's stance on a domain under an agreement: where it began, moved by that party's own changes in order.
    /// A change that the table of states does not allow moves nothing.
    fn stance(&self, hash: &Digest, domain: Domain, side: Side) -> (DomainState, BTreeSet<MatterKind>) {
        let Some(proposal) = self.proposals.get(hash) else {
            return (DomainState::Terminated, BTreeSet::new());
        };
        let Some(terms) = proposal.terms.domains.get(&domain) else {
            return (DomainState::Terminated, BTreeSet::new());
        };
        let mut state = match terms.state {
            OpeningState::Active => DomainState::Active,
            OpeningState::Resuming => DomainState::Resuming,
            OpeningState::Suspended => DomainState::Suspended,
        };
        let everything: BTreeSet<MatterKind> = MatterKind::ALL.iter().copied().collect();
        let mut pilot =
            if state == DomainState::Resuming { terms.pilot_scope.clone() } else { everything.clone() };
        for change in self.changes_under(hash, proposal, domain, side) {
            let allowed =
                DomainState::STEPS.iter().any(|(from, _, to)| *from == state && *to == change.state);
            if allowed {
                state = change.state;
                pilot = if state == DomainState::Resuming {
                    change.pilot_scope.clone()
                } else {
                    everything.clone()
                };
            }
        }
        (state, pilot)
    }

    /// The changes that move one party's stance under an agreement: its changes under that one, and before them those
    /// under the one that it replaces which the party wrote after it had proposed or accepted the new one. So an
    /// acceptance that had not seen a suspension does not lift it: suspend over accept, by each party's own log alone.
    fn changes_under<'a>(
        &'a self,
        hash: &Digest,
        proposal: &'a Proposal,
        domain: Domain,
        side: Side,
    ) -> impl Iterator<Item = &'a Change> {
        let own = if proposal.side == side { Some(&proposal.at) } else { self.accepted.get(&(*hash, side)) };
        let replaced: Option<Digest> = proposal.terms.replaces.as_ref().and_then(|h| h.parse().ok());
        let under = |hash: Digest| self.changes.get(&(hash, domain, side)).into_iter().flatten();
        let carried = replaced.map(under).into_iter().flatten();
        carried
            .filter(move |change| own.is_some_and(|own| self.place(&change.at) > self.place(own)))
            .chain(under(*hash))
    }

    /// Every release of both logs with what answers it, in the order of (log, index).
    pub fn releases(&self) -> impl Iterator<Item = ReleaseView<'_>> {
        self.releases.iter().map(|(at, entry)| self.view(at, entry))
    }

    /// One release.
    pub fn release(&self, at: &EntryRef) -> Option<ReleaseView<'_>> {
        self.releases.get_key_value(at).map(|(at, entry)| self.view(at, entry))
    }

    fn view<'a>(&'a self, at: &'a EntryRef, entry: &'a ReleaseEntry) -> ReleaseView<'a> {
        // Only the giver changes the standing, only the receiver answers.
        let standing = self.standings.get(&(at.clone(), entry.side)).into_iter().flatten().max().copied();
        let answers = (at.clone(), entry.side.other());
        let by_receiver = self.outcomes_of.get(&answers).into_iter().flatten();
        ReleaseView {
            at,
            entry,
            standing: standing.unwrap_or(Standing::Active),
            recall: self.recall(at, entry.side),
            read: self.reads.get(&answers).and_then(|r| r.first()).copied(),
            disposed: self.disposals.get(&answers).map_or(&[], Vec::as_slice),
            outcomes: by_receiver.filter_map(|o| self.outcomes.get_key_value(o)).collect(),
        }
    }

    fn recall(&self, release: &EntryRef, giver: Side) -> Option<RecallView<'_>> {
        let recalls = self.recalls.get(&(release.clone(), giver))?;
        let said = || {
            let answered = recalls.iter().filter_map(|r| self.erasures.get(&(r.at.clone(), giver.other())));
            answered.flatten().copied()
        };
        let confirmed = said().find(|said| matches!(said, Erasure::Confirmed { .. }));
        let RecallFact { at, written, reason } = recalls.first()?;
        Some(RecallView { at, written: *written, reason: *reason, said: confirmed.or_else(|| said().last()) })
    }

    /// Every outcome of both logs.
    pub fn outcomes(&self) -> impl Iterator<Item = (&EntryRef, &OutcomeEntry)> {
        self.outcomes.iter()
    }

    /// Every undertaking with whether the other side accepted it.
    pub fn undertakings(&self) -> impl Iterator<Item = (&EntryRef, &UndertakingEntry, bool)> {
        self.undertakings
            .iter()
            .map(|(at, u)| (at, u, self.undertakings_accepted.contains_key(&(at.clone(), u.side.other()))))
    }

    /// All thanks with whether the other side passed them on.
    pub fn thanks(&self) -> impl Iterator<Item = (&EntryRef, &ThanksEntry, bool)> {
        self.thanks.iter().map(|(at, t)| (at, t, self.relayed.contains_key(&(at.clone(), t.side.other()))))
    }
}

fn file<K: Ord>(map: &mut BTreeMap<K, EntryRef>, key: Option<K>, at: EntryRef) {
    if let Some(key) = key {
        map.entry(key).or_insert(at);
    }
}

fn push<T>(map: &mut BTreeMap<(EntryRef, Side), Vec<T>>, answers: Option<EntryRef>, side: Side, fact: T) {
    if let Some(answers) = answers {
        map.entry((answers, side)).or_default().push(fact);
    }
}
