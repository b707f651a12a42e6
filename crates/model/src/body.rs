//! The wire forms of entry bodies other than warnings: small JSON documents, read with limits.
//!
//! What a reader does not know is left where it is (the bytes are kept whole) and never refused.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::facts::ReleaseFacts;
use crate::state::DomainState;
use crate::vocab::{
    ContestReason, Contribution, CountBasis, Determination, Disposition, Domain, EventState, HarmKind,
    MatterKind, Precedence, ProtectedBy, Purpose, RecallReason, SubjectStatus, Usefulness,
};
use crate::words::HandlingWords;

/// Media type of these bodies.
pub const JSON: &str = "application/json";
/// Media type of a rendered warning.
pub const STIX: &str = "application/stix+json;version=2.1";
/// The longest body, in bytes: what an entry can hold beside the longest header.
pub const BODY_BYTES_MAX: usize = tlog::entry::ENTRY_BYTES_MAX - tlog::entry::HEADER_BYTES_MAX;
/// The longest single text in a body, in characters.
pub const TEXT_CHARS_MAX: usize = 20_000;

/// Reads a body of one of these forms.
pub fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    if body.len() > BODY_BYTES_MAX {
        return Err(format!("the body has {} bytes; at most {BODY_BYTES_MAX} are read", body.len()));
    }
    serde_json::from_slice(body).map_err(|e| e.to_string())
}

/// Names an agreement by the hash of its text: `agreement.accepted`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgreementAnswer {
    /// Lower-case hex SHA-256 of the text of the proposal.
    pub agreement: String,
    /// Why, if it is refused and the author wants to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A party's new stance on a domain: `domain.changed`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainChange {
    /// Hash of the agreement it is about.
    pub agreement: String,
    /// The domain.
    pub domain: Domain,
    /// The stance taken.
    #[serde(with = "domain_state")]
    pub state: DomainState,
    /// What may pass while resuming; empty otherwise.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub pilot_scope: BTreeSet<MatterKind>,
    /// A word of explanation, as the author wrote it for the partner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

mod domain_state {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use crate::state::{DomainState, Machine};

    pub(super) fn serialize<S: Serializer>(state: &DomainState, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(state.word())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<DomainState, D::Error> {
        String::deserialize(d)?.parse().map_err(D::Error::custom)
    }
}

/// Names an entry from inside a body; both sides name it alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryName {
    /// The origin of the log.
    pub origin: String,
    /// The index in it.
    pub index: u64,
}

impl From<&crate::id::EntryRef> for EntryName {
    fn from(at: &crate::id::EntryRef) -> Self {
        Self { origin: at.origin.to_string(), index: at.index }
    }
}

impl EntryName {
    /// The entry named, if the origin is one.
    pub fn entry(&self) -> Option<crate::id::EntryRef> {
        Some(crate::id::EntryRef {
            origin: tlog::channel::Origin::parse(&self.origin).ok()?,
            index: self.index,
        })
    }
}

/// The header of a release inside its bundle, as the `forewarn-release` object carries it: what a recipient is told
/// beside the rungs. Nothing in it comes from what the recipient does not get.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseHeader {
    /// `actual` or `exercise`.
    pub status: crate::vocab::Status,
    /// The domain of co-operation.
    pub domain: Domain,
    /// What kind of matter.
    pub kind: MatterKind,
    /// The precedence stated to this recipient.
    pub precedence: Precedence,
    /// The kinds of harm that this recipient is told.
    pub harm: BTreeSet<HarmKind>,
    /// What it is passed for.
    pub purpose: Purpose,
    /// Within how many minutes an acknowledgement is asked for.
    pub acknowledge_minutes: u32,
    /// Within how many minutes an outcome is asked for.
    pub outcome_minutes: u32,
    /// Hash of the agreement it goes under; absent on the life floor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreement: Option<String>,
    /// True if it is the bare threat to life, given whatever the state of the agreement (I-41).
    #[serde(default)]
    pub life_floor: bool,
    /// The giver's undertaking that it keeps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub under: Option<EntryName>,
    /// Until when the warning is asserted, if the recipient is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Timestamp>,
    /// What the recipient may do with it.
    pub handling: HandlingWords,
}

/// A change of a release's standing: `warning.cancelled`, `warning.lapsed`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandingChange {
    /// Index of the release in this same log.
    pub release: u64,
    /// A word of explanation, as the author wrote it for the partner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A release asked back, with the content-free facts that the folds need: `warning.recalled` (log-format §4, Erasure).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recall {
    /// Index of the release in this same log.
    pub recalls: u64,
    /// The coded reason; `undisclosed` is allowed.
    pub reason: RecallReason,
    /// The kind of the entry recalled.
    pub kind: String,
    /// Its domain.
    pub domain: Domain,
    /// Whether it counts in the ledger.
    pub counts: bool,
    /// What else the folds read of the entry recalled. Recalls of nodes that do not repeat it have none, and no entry that came as erased is known by them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<RecalledRelease>,
}

impl Recall {
    /// What it repeats of the release that it names: an entry that came as erased is known by this alone. `None` where it
    /// names no release, or repeats nothing.
    pub fn names_a_release(&self) -> Option<&RecalledRelease> {
        let kind = self.kind.as_str();
        self.release.as_ref().filter(|_| matches!(kind, "warning.released" | "warning.updated"))
    }
}

/// What the folds read of a release, repeated by its recall so that they give the same when its text is erased. The same
/// recipient was told all of it in the release itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecalledRelease {
    /// When it was written, by the giver's clock.
    pub written: Timestamp,
    /// Index of the release in this same log that it brought up to date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updates: Option<u64>,
    /// What it says to the folds.
    pub facts: ReleaseFacts,
}

/// The receiver says that it erased its copy: `recall.confirmed`. A statement; nothing proves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecallConfirmed {
    /// The role that erased it, e.g. `duty officer`.
    pub role: String,
}

/// The receiver keeps what it was asked to give back: `recall.contested`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecallContested {
    /// Why, coded.
    pub reason: ContestReason,
    /// The role that decided so.
    pub role: String,
    /// What the author wrote for the giver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// A role at the receiver has read a release: `release.read`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadNote {
    /// The role that read it, e.g. `duty officer`.
    pub role: String,
    /// When the receiver's node held it, by the receiver's clock.
    pub held_at: Timestamp,
}

/// What the receiver decided about a release: `release.disposed`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DispositionNote {
    /// The decision.
    pub disposition: Disposition,
    /// The role that took it.
    pub role: String,
    /// When the receiver's node held the release, by the receiver's clock.
    pub held_at: Timestamp,
    /// What the author wrote for the giver: the reason, or what more is needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// What came of a warning: `outcome.reported`. What is absent was not said; it is never zero (I-20).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// What became of the event.
    pub event: EventState,
    /// How it is determined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub determination: Option<Determination>,
    /// How far the warning helped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contribution: Option<Contribution>,
    /// The receiver's grade of the warning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usefulness: Option<Usefulness>,
    /// What happened, in the author's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Counts, each with who counted; a measure that is not here was not said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub counts: Vec<CountedClaim>,
    /// How many persons were concerned, and how they stand (I-30).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subjects: Option<SubjectTally>,
    /// Questions that stay open.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub open_questions: Vec<String>,
    /// True for an outcome without a warning: it answers nothing (I-19).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unsolicited: bool,
    /// The domain, for an outcome without a warning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<Domain>,
}

/// A number somebody counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CountedClaim {
    /// What was counted, e.g. `lives_lost`.
    pub measure: String,
    /// How many; zero is said as zero.
    pub value: u64,
    /// Whether it is exact.
    #[serde(default = "exact")]
    pub basis: CountBasis,
    /// Who counted.
    pub counter: String,
    /// Over which time, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<String>,
}

fn exact() -> CountBasis {
    CountBasis::Exact
}

/// How the persons concerned stand; the sum over all statuses, unknown included, is the number declared (I-30).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubjectTally {
    /// How many persons in all.
    pub declared: u32,
    /// Who says so.
    pub counter: String,
    /// The groups.
    pub groups: Vec<SubjectGroup>,
}

/// Some persons of one status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubjectGroup {
    /// Their status; unknown is one.
    pub status: SubjectStatus,
    /// How many.
    pub number: u32,
    /// As of which day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Date>,
    /// Until which day it holds, if it ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
    /// Who asserts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asserted_by: Option<String>,
}

impl Outcome {
    /// Whether it can stand: the tally sums up, an unsolicited one names its domain, texts are within their limits.
    pub fn check(&self) -> Result<(), String> {
        if let Some(tally) = &self.subjects {
            let sum = tally.groups.iter().try_fold(0u32, |sum, g| sum.checked_add(g.number));
            if sum != Some(tally.declared) {
                return Err(format!(
                    "subjects: {} are declared, but the groups sum to {}; put those whose status you do not know under \
                     status \"unknown\"",
                    tally.declared,
                    sum.map_or_else(|| "more than can be counted".to_owned(), |s| s.to_string())
                ));
            }
        }
        if self.unsolicited && self.domain.is_none() {
            return Err("an unsolicited outcome must name its domain".to_owned());
        }
        let texts = self.text.iter().chain(&self.open_questions);
        if texts.into_iter().any(|t| t.chars().count() > TEXT_CHARS_MAX) {
            return Err(format!("a text is longer than {TEXT_CHARS_MAX} characters"));
        }
        let mut measures = BTreeSet::new();
        if let Some(twice) = self.counts.iter().find(|c| !measures.insert(&c.measure)) {
            return Err(format!("{:?} is counted twice", twice.measure));
        }
        Ok(())
    }
}

/// Thanks, with the wish to have them passed on: `thanks.given`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thanks {
    /// The words.
    pub text: String,
    /// On whose behalf, by role.
    pub from_role: String,
    /// To which role they are to be passed on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relay_to: Option<String>,
}

/// Thanks passed on, by role: `thanks.relayed`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThanksRelayed {
    /// The role that received them.
    pub received_by: String,
}

/// A promise to tell: `undertaking.declared`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undertaking {
    /// The domain.
    pub domain: Domain,
    /// What is promised, in the author's words.
    pub text: String,
    /// Whose protection it is about, e.g. (`nationality`, "Country A").
    #[serde(default)]
    pub protected: Vec<(ProtectedBy, String)>,
    /// The kinds of harm; empty means any.
    #[serde(default)]
    pub harm: BTreeSet<HarmKind>,
    /// Until when it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// A promise taken note of: `undertaking.accepted`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndertakingAccepted {
    /// The role that accepted it.
    pub role: String,
}

/// What a recipient holds of one ladder, as the warning's extension states it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatedField {
    /// Which ladder, e.g. `where` or `subject 1 identity`.
    pub path: String,
    /// How exactly, where that has a word (a time depth, a place grain, a naming depth).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth: Option<String>,
    /// The value in words.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(json: &str) -> Outcome {
        read(json.as_bytes()).unwrap()
    }

    #[test]
    fn absent_is_not_zero() {
        let silent = outcome(r#"{"event":"not_occurred"}"#);
        let zero = outcome(
            r#"{"event":"not_occurred","counts":[{"measure":"lives_lost","value":0,"counter":"service-b.example"}]}"#,
        );
        assert!(silent.counts.is_empty());
        assert_eq!(zero.counts.first().map(|c| c.value), Some(0));
        let text = serde_json::to_string(&silent).unwrap();
        assert!(!text.contains("lives_lost") && !text.contains('0'), "{text}");
        assert!(serde_json::to_string(&zero).unwrap().contains(r#""value":0"#));
    }

    #[test]
    fn the_subjects_sum_up_with_the_unknown_ones_or_the_outcome_is_refused() {
        let with = |unknown: u32| {
            outcome(&format!(
                r#"{{"event":"not_occurred","subjects":{{"declared":7,"counter":"b","groups":[
                {{"status":"remanded","number":3}},{{"status":"remanded","number":2}},{{"status":"unknown","number":{unknown}}}]}}}}"#
            ))
        };
        assert_eq!(with(2).check(), Ok(()));
        assert!(with(1).check().unwrap_err().contains("sum to 6"));
        assert!(with(u32::MAX).check().is_err());
    }
}
