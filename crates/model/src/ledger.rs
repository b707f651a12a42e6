//! The ledger of favours between two parties: counts by kind, computed from the two logs and from nothing else.
//!
//! No balance, score or ratio is formed, and nothing on the duty path reads it (I-21, I-22). Exercises, updates of the
//! same thread and what a recall takes out do not count. A latency lies inside one party's clock: from when the receiver
//! held a release to when the receiver disposed of it, both by the receiver's own clock.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::id::{EntryRef, PartyName};
use crate::relation::{Relation, Side, Standing};
use crate::vocab::{Contribution, Disposition, Domain, EventState, Usefulness};

/// What kind of favour a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Favour {
    /// A warning was given.
    Warning,
    /// A warning was answered by a disposition.
    Answer,
    /// What came of a warning was told.
    Outcome,
    /// Thanks were given.
    Thanks,
}

impl Favour {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Warning, Self::Answer, Self::Outcome, Self::Thanks];

    /// The word in tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Answer => "answer",
            Self::Outcome => "outcome",
            Self::Thanks => "thanks",
        }
    }
}

/// One line of the ledger; every line leads to its entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerLine {
    /// What it is.
    pub favour: Favour,
    /// Who gave it.
    pub giver: PartyName,
    /// The domain, where the entry or what it answers names one.
    pub domain: Option<Domain>,
    /// The entry.
    pub entry: EntryRef,
    /// When its writer wrote it, by the writer's clock.
    pub written: Timestamp,
    /// For a warning: the giver's undertaking that it keeps.
    pub under: Option<EntryRef>,
    /// For a warning: whether it was recalled.
    pub recalled: bool,
    /// For a warning: whether it was the bare threat to life.
    pub life_floor: bool,
    /// For a warning: how many seconds after holding it the receiver first disposed of it, by the receiver's clock.
    pub disposed_after_s: Option<i64>,
    /// For a warning: the receiver's latest disposition.
    pub disposition: Option<Disposition>,
    /// For a warning: the usefulness as the receiver last graded it.
    pub usefulness: Option<Usefulness>,
    /// For a warning: how far it helped, as the receiver last said.
    pub contribution: Option<Contribution>,
    /// For a warning: what became of the event, as the receiver last said.
    pub event: Option<EventState>,
}

/// A head of a log: where it was when the ledger was computed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerHead {
    /// Who writes the log.
    pub giver: PartyName,
    /// The log's origin.
    pub origin: String,
    /// How many entries were folded.
    pub size: u64,
    /// The root at that size, base64.
    pub root: String,
}

/// The ledger of two parties. At equal heads both parties compute the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    /// The two parties, in alphabetical order.
    pub parties: [PartyName; 2],
    /// The heads it was computed at, in the order of the parties.
    pub heads: Vec<LedgerHead>,
    /// The lines, in the order of (entry).
    pub lines: Vec<LedgerLine>,
}

impl Ledger {
    /// Folds the relation of `us` with `them` into the ledger. The result names parties, so it is the same on both sides.
    pub fn of(relation: &Relation, us: &PartyName, them: &PartyName, heads: Vec<LedgerHead>) -> Self {
        let who = |side| match side {
            Side::Ours => us.clone(),
            Side::Theirs => them.clone(),
        };
        let mut lines = Vec::new();
        let mut threads = BTreeSet::new();
        for release in relation.releases().filter(|r| r.counts()) {
            // One thread is one favour, however often it is told.
            if !threads.insert((release.entry.side, release.entry.thread)) {
                continue;
            }
            let facts = &release.entry.facts;
            let last = release.outcomes.last().map(|(_, o)| *o);
            let mut line = line(Favour::Warning, who(release.entry.side), release.at, release.entry.written);
            line.domain = Some(facts.domain);
            line.under = facts.under.as_ref().and_then(crate::body::EntryName::entry);
            line.recalled = matches!(release.standing, Standing::Recalled { .. });
            line.life_floor = facts.life_floor;
            line.disposed_after_s =
                release.disposed.first().map(|d| d.at.as_second() - d.held_at.as_second());
            line.disposition = release.disposed.last().map(|d| d.disposition);
            line.usefulness = release.outcomes.iter().rev().find_map(|(_, o)| o.usefulness);
            line.contribution = release.outcomes.iter().rev().find_map(|(_, o)| o.contribution);
            line.event = last.map(|o| o.event);
            lines.push(line);
            if let Some(first) = release.disposed.first() {
                let mut answer =
                    self::line(Favour::Answer, who(release.entry.side.other()), release.at, first.at);
                answer.domain = Some(facts.domain);
                answer.disposition = Some(first.disposition);
                lines.push(answer);
            }
        }
        let mut answered = BTreeSet::new();
        for (at, outcome) in relation.outcomes() {
            if outcome
                .answers
                .as_ref()
                .is_some_and(|release| !answered.insert((outcome.side, release.clone())))
            {
                continue;
            }
            let release = outcome.answers.as_ref().and_then(|a| relation.release(a));
            let solicited = release.as_ref().is_some_and(|r| r.counts() && r.entry.side != outcome.side);
            if solicited || outcome.unsolicited.is_some() {
                let mut line = line(Favour::Outcome, who(outcome.side), at, outcome.written);
                line.domain = outcome.unsolicited.or(release.map(|r| r.entry.facts.domain));
                line.event = Some(outcome.event);
                lines.push(line);
            }
        }
        for (at, thanks, _) in relation.thanks() {
            let release = thanks.answers.as_ref().and_then(|a| relation.release(a));
            if release.as_ref().is_none_or(|r| r.counts()) {
                let mut line = line(Favour::Thanks, who(thanks.side), at, thanks.written);
                line.domain = release.map(|r| r.entry.facts.domain);
                lines.push(line);
            }
        }
        lines.sort_by(|a, b| (a.written, &a.entry, a.favour).cmp(&(b.written, &b.entry, b.favour)));
        let mut parties = [us.clone(), them.clone()];
        parties.sort();
        Self { parties, heads, lines }
    }

    /// How many favours of each kind each party gave, by domain; a pair that gave none is zero because the logs are whole.
    pub fn counts(&self) -> BTreeMap<(PartyName, Option<Domain>, Favour), usize> {
        let mut counts = BTreeMap::new();
        for line in &self.lines {
            *counts.entry((line.giver.clone(), line.domain, line.favour)).or_insert(0) += 1;
        }
        counts
    }
}

fn line(favour: Favour, giver: PartyName, entry: &EntryRef, written: Timestamp) -> LedgerLine {
    LedgerLine {
        favour,
        giver,
        domain: None,
        entry: entry.clone(),
        written,
        under: None,
        recalled: false,
        life_floor: false,
        disposed_after_s: None,
        disposition: None,
        usefulness: None,
        contribution: None,
        event: None,
    }
}
