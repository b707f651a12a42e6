//! Handling conditions in the words of files and of the wire, and back. Left out means the closed default.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::handling::{Handling, Purposes, RelTo};
use crate::id::{NotAName, PartyName};
use crate::vocab::{Evidential, HCode, Onward, Pap, PersonsUse, Publicity, Purpose, Tlp};

/// Handling in words. In a file every part but `tlp` may be left out; what is left out is closed: no passing on, no
/// publicity, no evidence, persons as a lead only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandlingWords {
    /// TLP 2.0 label.
    pub tlp: Tlp,
    /// PAP label.
    #[serde(default = "amber")]
    pub pap: Pap,
    /// Europol handling codes.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub hcodes: BTreeSet<HCode>,
    /// IEP 2.0 policies.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub iep: BTreeSet<String>,
    /// The parties it may go to; left out means any that the rest admits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rel_to: Option<BTreeSet<String>>,
    /// Originators whose permission passing on needs.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub orcon: BTreeSet<String>,
    /// Purposes; left out means any that the agreement names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purposes: Option<BTreeSet<Purpose>>,
    /// Use as evidence.
    #[serde(default = "not_evidence")]
    pub evidential: Evidential,
    /// Passing on.
    #[serde(default = "ask_first")]
    pub onward: Onward,
    /// Publication.
    #[serde(default = "unpublished")]
    pub publicity: Publicity,
    /// Use of persons.
    #[serde(default = "lead_only")]
    pub persons: PersonsUse,
    /// Assurances needed.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub assurances: BTreeSet<String>,
    /// Until when it may be given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Timestamp>,
    /// Labels of other schemes.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub alt_labels: BTreeSet<String>,
    /// Markings that this node cannot read; while there is one the value stays with its originator (I-09).
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub markings: BTreeSet<String>,
}

fn amber() -> Pap {
    Pap::Amber
}
fn not_evidence() -> Evidential {
    Evidential::No
}
fn ask_first() -> Onward {
    Onward::Ask
}
fn unpublished() -> Publicity {
    Publicity::None
}
fn lead_only() -> PersonsUse {
    PersonsUse::LeadOnly
}

impl HandlingWords {
    /// The handling that these words mean; the error names a party name that is none.
    pub fn handling(&self) -> Result<Handling, NotAName> {
        let names = |texts: &BTreeSet<String>| {
            texts.iter().map(|t| t.parse()).collect::<Result<BTreeSet<PartyName>, _>>()
        };
        Ok(Handling {
            tlp: self.tlp,
            pap: self.pap,
            hcodes: self.hcodes.clone(),
            iep: self.iep.clone(),
            rel_to: match &self.rel_to {
                None => RelTo::Any,
                Some(texts) => RelTo::Only(names(texts)?),
            },
            orcon: names(&self.orcon)?,
            purposes: self.purposes.clone().map_or(Purposes::Any, Purposes::Only),
            evidential: self.evidential,
            onward: self.onward,
            publicity: self.publicity,
            persons: self.persons,
            assurances: self.assurances.clone(),
            valid_until: self.valid_until,
            alt_labels: self.alt_labels.clone(),
            unknown_markings: self.markings.clone(),
        })
    }
}

impl From<&Handling> for HandlingWords {
    fn from(h: &Handling) -> Self {
        Self {
            tlp: h.tlp,
            pap: h.pap,
            hcodes: h.hcodes.clone(),
            iep: h.iep.clone(),
            rel_to: match &h.rel_to {
                RelTo::Any => None,
                RelTo::Only(parties) => Some(parties.iter().map(ToString::to_string).collect()),
            },
            orcon: h.orcon.iter().map(ToString::to_string).collect(),
            purposes: match &h.purposes {
                Purposes::Any => None,
                Purposes::Only(purposes) => Some(purposes.clone()),
            },
            evidential: h.evidential,
            onward: h.onward,
            publicity: h.publicity,
            persons: h.persons,
            assurances: h.assurances.clone(),
            valid_until: h.valid_until,
            alt_labels: h.alt_labels.clone(),
            markings: h.unknown_markings.clone(),
        }
    }
}
