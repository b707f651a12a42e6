//! What the fold holds of each entry, and what is seen of it.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::Side;
use crate::agreement::{DomainTerms, Terms};
use crate::facts::ReleaseFacts;
use crate::id::{Digest, EntryRef};
use crate::state::DomainState;
use crate::vocab::{
    ContestReason, Contribution, Determination, Disposition, Domain, EventState, MatterKind, RecallReason,
    Status, Usefulness,
};

/// A release as it stands in a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseEntry {
    /// In whose log.
    pub side: Side,
    /// Its thread.
    pub thread: [u8; 16],
    /// When the giver wrote it, by the giver's clock.
    pub written: Timestamp,
    /// The earlier release in the same log that it brings up to date.
    pub updates: Option<EntryRef>,
    /// What it says.
    pub facts: ReleaseFacts,
}

/// How a release stands by its giver's word. The three ends are different things to the receiver (I-18); the order is
/// from the weakest to the strongest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Asserted.
    Active,
    /// No longer asserted.
    Lapsed,
    /// Said to be over.
    Cancelled,
    /// To be given back.
    Recalled {
        /// Whether it counts in the ledger.
        counts: bool,
    },
}

/// A recall of a release, as it stands in its giver's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RecallFact {
    pub(super) at: EntryRef,
    pub(super) written: Timestamp,
    pub(super) reason: RecallReason,
}

/// What a receiver says became of a release that it was asked to give back: its statement, which nothing proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Erasure {
    /// It erased its copy.
    Confirmed {
        /// When it said so, by its clock.
        at: Timestamp,
    },
    /// It keeps its copy.
    Contested {
        /// Why.
        reason: ContestReason,
        /// When it said so, by its clock.
        at: Timestamp,
    },
}

/// A recall with what its receiver said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecallView<'a> {
    /// Where the recall stands; of several the first.
    pub at: &'a EntryRef,
    /// When it was written, by the giver's clock.
    pub written: Timestamp,
    /// Why.
    pub reason: RecallReason,
    /// What the receiver said: that it erased its copy, if it ever said so; else the latest reason to keep it.
    pub said: Option<Erasure>,
}

/// A reading at the receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadFact {
    /// When it was read, by the receiver's clock.
    pub at: Timestamp,
    /// When it was held, by the receiver's clock.
    pub held_at: Timestamp,
}

/// A disposition at the receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DisposedFact {
    /// The decision.
    pub disposition: Disposition,
    /// When it was taken, by the receiver's clock.
    pub at: Timestamp,
    /// When the release was held, by the receiver's clock.
    pub held_at: Timestamp,
}

/// An outcome as it stands in a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutcomeEntry {
    /// In whose log.
    pub side: Side,
    /// The release it answers; `None` for one that is marked unsolicited.
    pub answers: Option<EntryRef>,
    /// When its author wrote it.
    pub written: Timestamp,
    /// The event.
    pub event: EventState,
    /// The determination.
    pub determination: Option<Determination>,
    /// How far the warning helped.
    pub contribution: Option<Contribution>,
    /// How useful it was.
    pub usefulness: Option<Usefulness>,
    /// The domain, if unsolicited.
    pub unsolicited: Option<Domain>,
    /// How many questions stay open.
    pub open_questions: u32,
}

/// An undertaking as it stands in a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UndertakingEntry {
    /// Who promised.
    pub side: Side,
    /// The domain.
    pub domain: Domain,
    /// Until when.
    pub until: Option<Timestamp>,
    /// When it was declared, by the promiser's clock.
    pub written: Timestamp,
}

/// Thanks as they stand in a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThanksEntry {
    /// Who thanked.
    pub side: Side,
    /// What they answer.
    pub answers: Option<EntryRef>,
    /// When they were written.
    pub written: Timestamp,
    /// Whether they are to be passed on.
    pub relay: bool,
}

/// What the agreement says of one domain, right now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainStanding {
    /// The agreement in force, by the hash of its text; with two accepted at once, the first in order.
    pub agreement: Digest,
    /// The stricter of both parties' stances.
    pub state: DomainState,
    /// Our own stance.
    pub ours: DomainState,
    /// The partner's stance.
    pub theirs: DomainState,
    /// What may pass while resuming.
    pub pilot_scope: BTreeSet<MatterKind>,
    /// The terms.
    pub terms: DomainTerms,
}

/// An agreement that was proposed, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgreementView<'a> {
    /// The hash of its text.
    pub hash: Digest,
    /// Who proposed it.
    pub proposed_by: Side,
    /// Where the text stands.
    pub at: &'a EntryRef,
    /// What it says.
    pub terms: &'a Terms,
    /// Whether the other side accepted it.
    pub accepted: bool,
    /// Whether the other side refused it, or its proposer took it back.
    pub refused: bool,
    /// Whether it is in force: accepted, and not replaced by another accepted one.
    pub in_force: bool,
}

/// One release with everything that answers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseView<'a> {
    /// Where it stands.
    pub at: &'a EntryRef,
    /// The release.
    pub entry: &'a ReleaseEntry,
    /// How it stands.
    pub standing: Standing,
    /// Its recall, if it was recalled.
    pub recall: Option<RecallView<'a>>,
    /// The first reading.
    pub read: Option<ReadFact>,
    /// The dispositions, in the order they were taken.
    pub disposed: &'a [DisposedFact],
    /// The outcomes, in the order of the log.
    pub outcomes: Vec<(&'a EntryRef, &'a OutcomeEntry)>,
}

impl ReleaseView<'_> {
    /// Whether it counts as a favour: actual, first of its thread, not taken out by its recall.
    pub fn counts(&self) -> bool {
        self.entry.facts.status == Status::Actual
            && self.entry.updates.is_none()
            && self.standing != (Standing::Recalled { counts: false })
    }
}
