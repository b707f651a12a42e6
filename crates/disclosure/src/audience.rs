//! For whom a warning is judged: one partner, with what is agreed and assessed of it in the warning's domain.

use std::collections::BTreeSet;

use model::id::{EntryRef, PartyName};
use model::relation::DomainStanding;
use model::vocab::{Precedence, Purpose};

/// The way a warning is to be released.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Path {
    /// Two persons: one writes, another approves.
    Ordinary,
    /// One person, reviewed afterwards; the only path on which the life floor stands (I-41).
    ImminentDanger,
}

/// One recipient, as far as the judge needs to know it. It holds the warning's own domain and no other, so no other
/// domain can change anything (I-23).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audience {
    /// The recipient: a confirmed partner.
    pub party: PartyName,
    /// How the warning's domain stands with it; `None` if no agreement in force names that domain.
    pub domain: Option<DomainStanding>,
    /// The originators whose agreement with us struck out the life exception.
    pub struck_out: BTreeSet<PartyName>,
    /// Whether our receiver risk assessment of the partner for this domain is in force (I-42).
    pub risk_assessed: bool,
    /// What the warning is passed for, as stated at preview.
    pub purpose: Purpose,
    /// The precedence stated to the recipient.
    pub precedence: Precedence,
    /// The way it is to be released.
    pub path: Path,
    /// The undertaking of ours to this very partner that the release keeps, if one is cited. The warning's own citation
    /// is never rendered: it may have been made to somebody else.
    pub under: Option<EntryRef>,
    /// The partner's duty desk, for hints to our own officers.
    pub contact: String,
}
