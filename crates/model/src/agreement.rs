//! What two parties agreed: terms for each domain of co-operation, as one text that both hold with one hash.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::Digest;
use crate::vocab::{Domain, MatterKind, NamingDepth, PersonsRule, Precedence, Publicity, Purpose, TimeDepth};

/// The longest text of an agreement, in bytes.
pub const AGREEMENT_BYTES_MAX: usize = 256 * 1024;

/// The text of an agreement. It is a document: its JSON bytes are what both sides hash and hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// The two parties' names, in alphabetical order.
    pub parties: [String; 2],
    /// The legal basis, in words.
    pub legal_basis: String,
    /// The terms for each domain; a domain that is not here has no agreement.
    pub domains: BTreeMap<Domain, DomainTerms>,
    /// Standing leave to pass on the bare threat to life of what the other gave, with notice at once (I-41).
    /// Standing unless struck out.
    #[serde(default = "standing")]
    pub life_exception: bool,
    /// How much either channel is meant to carry.
    #[serde(default)]
    pub volume: VolumeBudget,
    /// The day from which it holds no more, if it ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// The agreement (hash of its text) that this one takes the place of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<String>,
}

fn standing() -> bool {
    true
}

/// The state in which a domain begins when the agreement is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OpeningState {
    /// Everything that the terms allow may pass.
    #[default]
    Active,
    /// Only the kinds of the pilot scope may pass.
    Resuming,
    /// Nothing passes, but for the life floor.
    Suspended,
}

/// The terms for one domain. What is left out takes the closed default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DomainTerms {
    /// The state it begins in.
    #[serde(default)]
    pub state: OpeningState,
    /// The kinds of matter that may pass while the domain is resuming.
    #[serde(default)]
    pub pilot_scope: BTreeSet<MatterKind>,
    /// The kinds of matter that may pass at all.
    pub kinds: BTreeSet<MatterKind>,
    /// The purposes it may be passed for.
    pub purposes: BTreeSet<Purpose>,
    /// What may be told of persons (I-42).
    #[serde(default = "no_persons")]
    pub persons: PersonsRule,
    /// How exactly the giver may be named to the other party.
    #[serde(default = "a_partner")]
    pub naming: NamingDepth,
    /// How exactly times may be given.
    #[serde(default = "to_the_day")]
    pub time: TimeDepth,
    /// Within how long the receiver acknowledges, and the review of an imminent-danger release is due.
    #[serde(default)]
    pub clocks: Clocks,
    /// How long the receiver may keep it, in days.
    #[serde(default = "a_year")]
    pub retention_days: u32,
    /// Parties to whom the receiver may pass it on without asking.
    #[serde(default)]
    pub onward: BTreeSet<String>,
    /// Whether the receiver may publish.
    #[serde(default = "no_publicity")]
    pub publicity: Publicity,
    /// Assurances that both sides gave, in words.
    #[serde(default)]
    pub assurances: BTreeSet<String>,
    /// Whether the oversight bodies of both sides may see what passed.
    #[serde(default = "standing")]
    pub oversight_access: bool,
}

fn no_persons() -> PersonsRule {
    PersonsRule::None
}
fn a_partner() -> NamingDepth {
    NamingDepth::APartner
}
fn to_the_day() -> TimeDepth {
    TimeDepth::Day
}
fn a_year() -> u32 {
    365
}
fn no_publicity() -> Publicity {
    Publicity::None
}

/// Clocks of a domain, in minutes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Clocks {
    /// Within how many minutes a release of each precedence is to be acknowledged.
    pub acknowledge_minutes: BTreeMap<Precedence, u32>,
    /// Within how many minutes an imminent-danger release is to be reviewed by a second person.
    pub review_minutes: u32,
    /// Within how many minutes an outcome is expected.
    pub outcome_minutes: u32,
}

impl Default for Clocks {
    fn default() -> Self {
        Self {
            acknowledge_minutes: BTreeMap::from([
                (Precedence::Flash, 15),
                (Precedence::Immediate, 60),
                (Precedence::Priority, 8 * 60),
                (Precedence::Routine, 3 * 24 * 60),
            ]),
            review_minutes: 24 * 60,
            outcome_minutes: 30 * 24 * 60,
        }
    }
}

impl Clocks {
    /// Within how many minutes a release of this precedence is to be acknowledged.
    pub fn acknowledge_within(&self, precedence: Precedence) -> u32 {
        let own = self.acknowledge_minutes.get(&precedence).copied();
        own.or_else(|| Self::default().acknowledge_minutes.get(&precedence).copied()).unwrap_or(60)
    }
}

/// How much a channel is meant to carry; above it entries are still kept and receipted, and the operator is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VolumeBudget {
    /// Entries in a minute.
    pub entries_per_minute: u32,
    /// Bytes of entries in a day.
    pub bytes_per_day: u64,
    /// Bytes of entries stored in all.
    pub stored_bytes: u64,
    /// Alarms in an hour.
    pub alarms_per_hour: u32,
}

impl Default for VolumeBudget {
    fn default() -> Self {
        Self {
            entries_per_minute: 120,
            bytes_per_day: 256 << 20,
            stored_bytes: 16 << 30,
            alarms_per_hour: 30,
        }
    }
}

/// Why a text is no agreement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadTerms {
    /// It is longer than an agreement may be.
    #[error("the agreement has {bytes} bytes; at most {AGREEMENT_BYTES_MAX} are read")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// It is not JSON of the expected form.
    #[error("the agreement cannot be read: {0}")]
    Unreadable(String),
    /// A rule of the form is broken.
    #[error("the agreement is not usable: {0}")]
    Unusable(String),
}

impl Terms {
    /// Reads the text of an agreement and checks what JSON alone cannot say.
    pub fn parse(text: &[u8]) -> Result<Self, BadTerms> {
        if text.len() > AGREEMENT_BYTES_MAX {
            return Err(BadTerms::TooLong { bytes: text.len() });
        }
        let terms: Self = serde_json::from_slice(text).map_err(|e| BadTerms::Unreadable(e.to_string()))?;
        let [a, b] = &terms.parties;
        if a >= b {
            return Err(BadTerms::Unusable(format!(
                "parties must be two different names in alphabetical order, and are {a:?}, {b:?}"
            )));
        }
        for party in &terms.parties {
            party.parse::<crate::id::PartyName>().map_err(|e| BadTerms::Unusable(e.to_string()))?;
        }
        if terms.legal_basis.trim().is_empty() {
            return Err(BadTerms::Unusable("legal_basis is empty".to_owned()));
        }
        for (domain, d) in &terms.domains {
            if d.kinds.is_empty() || d.purposes.is_empty() {
                return Err(BadTerms::Unusable(format!("{domain} names no kinds or no purposes")));
            }
            if d.state == OpeningState::Resuming && d.pilot_scope.is_empty() {
                return Err(BadTerms::Unusable(format!(
                    "{domain} begins as resuming and has an empty pilot_scope"
                )));
            }
        }
        if let Some(replaced) = &terms.replaces {
            replaced.parse::<Digest>().map_err(|e| BadTerms::Unusable(format!("replaces: {e}")))?;
        }
        Ok(terms)
    }

    /// The bytes that both sides hash and hold: JSON, indented, in the order of the form.
    pub fn text(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// The agreement that lets through only what both let through: for two that were accepted at once.
    pub fn stricter(&self, other: &Self) -> Self {
        let domains = self.domains.iter().filter_map(|(domain, a)| {
            let b = other.domains.get(domain)?;
            Some((*domain, a.stricter(b)))
        });
        Self {
            parties: self.parties.clone(),
            legal_basis: self.legal_basis.clone().min(other.legal_basis.clone()),
            domains: domains.collect(),
            life_exception: self.life_exception && other.life_exception,
            volume: self.volume.stricter(&other.volume),
            until: match (self.until, other.until) {
                (None, v) | (v, None) => v,
                (Some(a), Some(b)) => Some(a.min(b)),
            },
            replaces: None,
        }
    }
}

impl DomainTerms {
    fn stricter(&self, other: &Self) -> Self {
        let state = match (self.state, other.state) {
            (OpeningState::Suspended, _) | (_, OpeningState::Suspended) => OpeningState::Suspended,
            (OpeningState::Resuming, _) | (_, OpeningState::Resuming) => OpeningState::Resuming,
            (OpeningState::Active, OpeningState::Active) => OpeningState::Active,
        };
        Self {
            state,
            pilot_scope: &self.pilot_scope & &other.pilot_scope,
            kinds: &self.kinds & &other.kinds,
            purposes: &self.purposes & &other.purposes,
            persons: self.persons.min(other.persons),
            naming: self.naming.min(other.naming),
            time: self.time.min(other.time),
            clocks: self.clocks.shorter(&other.clocks),
            retention_days: self.retention_days.min(other.retention_days),
            onward: &self.onward & &other.onward,
            publicity: self.publicity.max(other.publicity),
            assurances: &self.assurances | &other.assurances,
            oversight_access: self.oversight_access || other.oversight_access,
        }
    }
}

impl Clocks {
    fn shorter(&self, other: &Self) -> Self {
        let within = |p: &Precedence| (*p, self.acknowledge_within(*p).min(other.acknowledge_within(*p)));
        Self {
            acknowledge_minutes: Precedence::ALL.iter().map(within).collect(),
            review_minutes: self.review_minutes.min(other.review_minutes),
            outcome_minutes: self.outcome_minutes.min(other.outcome_minutes),
        }
    }
}

impl VolumeBudget {
    fn stricter(&self, other: &Self) -> Self {
        Self {
            entries_per_minute: self.entries_per_minute.min(other.entries_per_minute),
            bytes_per_day: self.bytes_per_day.min(other.bytes_per_day),
            stored_bytes: self.stored_bytes.min(other.stored_bytes),
            alarms_per_hour: self.alarms_per_hour.min(other.alarms_per_hour),
        }
    }
}

/// A commented example of an agreement's text, ready to be edited.
pub const TEMPLATE: &str = r#"{
  // The two nodes' names, in alphabetical order.
  "parties": ["service-a.example", "service-b.example"],
  "legal_basis": "Memorandum between Service A and Service B, article 4",
  // A domain that is not listed has no agreement: nothing passes in it but the bare threat to life.
  "domains": {
    "counter_terrorism": {
      // active, resuming (only pilot_scope passes) or suspended
      "state": "active",
      "kinds": ["threat", "indicator", "advisory"],
      "purposes": ["prevent_harm", "protect_victim", "investigate"],
      // none, lead_only or named; anything but none also needs your own risk assessment of the receiver
      "persons": "none",
      // how exactly the giver may be named, and how exactly times may be given
      "naming": "agency",
      "time": "day",
      "clocks": {
        "acknowledge_minutes": { "flash": 15, "immediate": 60, "priority": 480, "routine": 4320 },
        "review_minutes": 1440,
        "outcome_minutes": 43200
      },
      "retention_days": 365,
      "publicity": "none",
      "assurances": ["no coercive action on this alone"]
    },
    "cyber": {
      "state": "resuming",
      "pilot_scope": ["indicator"],
      "kinds": ["indicator", "malware_report"],
      "purposes": ["prevent_harm", "situational_awareness"]
    },
    "elections": {
      "state": "suspended",
      "kinds": ["advisory"],
      "purposes": ["situational_awareness"]
    }
  },
  // Leave for the other side to pass on the bare threat to life of what you gave, with notice to you at once.
  "life_exception": true
}
"#;
