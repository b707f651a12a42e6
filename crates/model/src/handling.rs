//! Handling conditions as a lattice: the join of two is the stricter of both in every part (I-06).

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::id::PartyName;
use crate::vocab::{Evidential, HCode, Onward, Pap, PersonsUse, Publicity, Purpose, Tlp};

/// To whom something may go at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RelTo {
    /// Anyone the other conditions admit.
    Any,
    /// These parties and no others; empty means nobody.
    Only(BTreeSet<PartyName>),
}

/// For which purposes something may be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purposes {
    /// Any purpose that the agreement names.
    Any,
    /// These and no others; empty means none.
    Only(BTreeSet<Purpose>),
}

/// What a holder may do with a value, and who may hold it. `join` gives the stricter of two in every part.
///
/// The order of the parts and their words follow TLP 2.0, PAP, the Europol handling codes, IEP 2.0 and STANAG 4774.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handling {
    /// How widely a holder may share.
    pub tlp: Tlp,
    /// What a holder may do.
    pub pap: Pap,
    /// Europol handling codes; more codes are stricter.
    pub hcodes: BTreeSet<HCode>,
    /// Addresses of IEP 2.0 policies that bind the holder.
    pub iep: BTreeSet<String>,
    /// Who may have it.
    pub rel_to: RelTo,
    /// Originators whose permission every passing-on needs (third-party rule).
    pub orcon: BTreeSet<PartyName>,
    /// What it may be used for.
    pub purposes: Purposes,
    /// Whether it may be used as evidence.
    pub evidential: Evidential,
    /// Whether the holder may pass it on.
    pub onward: Onward,
    /// Whether the holder may publish it.
    pub publicity: Publicity,
    /// What may be done about persons in it.
    pub persons: PersonsUse,
    /// Assurances the holder must have given.
    pub assurances: BTreeSet<String>,
    /// After this instant it may not be given any more.
    pub valid_until: Option<Timestamp>,
    /// Labels of other schemes, as given (STANAG 4774); shown, never judged.
    pub alt_labels: BTreeSet<String>,
    /// Markings nobody here can read: while there is one, nobody but the originator may have the value (I-09).
    pub unknown_markings: BTreeSet<String>,
}

impl Handling {
    /// The least strict handling, the neutral element of `join`.
    pub fn open() -> Self {
        Self {
            tlp: Tlp::Clear,
            pap: Pap::Clear,
            hcodes: BTreeSet::new(),
            iep: BTreeSet::new(),
            rel_to: RelTo::Any,
            orcon: BTreeSet::new(),
            purposes: Purposes::Any,
            evidential: Evidential::Yes,
            onward: Onward::Free,
            publicity: Publicity::Free,
            persons: PersonsUse::Free,
            assurances: BTreeSet::new(),
            valid_until: None,
            alt_labels: BTreeSet::new(),
            unknown_markings: BTreeSet::new(),
        }
    }

    /// The handling of the life floor: TLP:RED for the receiver, to prevent harm, nothing onward, nothing published (I-41).
    pub fn strictest_default() -> Self {
        Self {
            tlp: Tlp::Red,
            pap: Pap::Amber,
            hcodes: BTreeSet::from([HCode::H1, HCode::H2]),
            purposes: Purposes::Only(BTreeSet::from([Purpose::PreventHarm, Purpose::ProtectVictim])),
            evidential: Evidential::No,
            onward: Onward::Ask,
            publicity: Publicity::None,
            persons: PersonsUse::LeadOnly,
            ..Self::open()
        }
    }

    /// The stricter of both in every part. Associative, commutative, idempotent; `open()` is its neutral element.
    pub fn join(&self, other: &Self) -> Self {
        Self {
            tlp: self.tlp.max(other.tlp),
            pap: self.pap.max(other.pap),
            hcodes: &self.hcodes | &other.hcodes,
            iep: &self.iep | &other.iep,
            rel_to: match (&self.rel_to, &other.rel_to) {
                (RelTo::Any, r) | (r, RelTo::Any) => r.clone(),
                (RelTo::Only(a), RelTo::Only(b)) => RelTo::Only(a & b),
            },
            orcon: &self.orcon | &other.orcon,
            purposes: match (&self.purposes, &other.purposes) {
                (Purposes::Any, p) | (p, Purposes::Any) => p.clone(),
                (Purposes::Only(a), Purposes::Only(b)) => Purposes::Only(a & b),
            },
            evidential: self.evidential.max(other.evidential),
            onward: self.onward.max(other.onward),
            publicity: self.publicity.max(other.publicity),
            persons: self.persons.max(other.persons),
            assurances: &self.assurances | &other.assurances,
            valid_until: match (self.valid_until, other.valid_until) {
                (None, v) | (v, None) => v,
                (Some(a), Some(b)) => Some(a.min(b)),
            },
            alt_labels: &self.alt_labels | &other.alt_labels,
            unknown_markings: &self.unknown_markings | &other.unknown_markings,
        }
    }

    /// Whether `self` is at least as strict as `other` in every part: joining `other` changes nothing.
    pub fn is_at_least(&self, other: &Self) -> bool {
        self.join(other) == *self
    }
}
