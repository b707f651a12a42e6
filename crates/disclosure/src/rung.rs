//! The rules for one rung: every obstacle between it and one recipient, each in words for our own desk.
//!
//! A rung is admitted when there is no obstacle. What is not known, not named or not granted is an obstacle; a rule
//! that cannot be worked out holds the rung.

use std::collections::BTreeSet;

use jiff::Timestamp;
use model::agreement::DomainTerms;
use model::handling::{Handling, Purposes, RelTo};
use model::id::PartyName;
use model::ladder::{FieldPath, PersonValue, Rung, Value};
use model::subject::{StatusAssertion, Subject};
use model::vocab::{IdentityBasis, PersonsRule, Purpose, StatusBasis, SubjectStatus, TimeDepth, Tlp};
use model::warning::Warning;

use crate::audience::Audience;
use crate::floor::struck_out_by;
use crate::judgement::{Reason, Rule};

/// The evidence that every rung of one warning is judged by.
pub(crate) struct Evidence<'a> {
    pub(crate) warning: &'a Warning,
    pub(crate) audience: &'a Audience,
    pub(crate) us: &'a PartyName,
    pub(crate) now: Timestamp,
    /// What it is passed for.
    pub(crate) purpose: Purpose,
}

/// The way that a rung may go: by the agreement, or by the life floor.
#[derive(Clone, Copy)]
pub(crate) enum Way<'a> {
    /// The terms of the agreement in force.
    Terms(&'a DomainTerms),
    /// The life floor: no agreement, no assessment and no silent originator stands in its way (I-41).
    Floor,
}

impl Evidence<'_> {
    /// Every obstacle between this rung and the recipient; none means that it is admitted.
    pub(crate) fn obstacles(&self, path: FieldPath, at: usize, rung: &Rung, way: Way<'_>) -> Vec<Reason> {
        let mut all = Vec::new();
        if !belongs(path, &rung.value) {
            all.push(reason(
                Rule::Misplaced,
                "the value is empty, or of a kind that does not belong in this field",
                format!("it stands in {path}"),
                "write it in the field that it belongs in".to_owned(),
            ));
        }
        if let Way::Floor = way
            && !self.floor_carries(path)
        {
            all.push(reason(
                Rule::ThreatOnly,
                "the life floor carries the threat and nothing else",
                format!("{path} is not part of it"),
                "the rest can follow when the ordinary way is open".to_owned(),
            ));
        }
        all.extend(self.handling(&rung.handling, way));
        if let Some(subject) = self.warning.subject(path) {
            all.extend(self.subject(subject, &rung.value, way));
        }
        if let Way::Terms(terms) = way {
            all.extend(ceilings(&rung.value, terms));
        }
        all.iter_mut().for_each(|r| r.rung = Some(at));
        all
    }

    /// Whether the life floor may carry this field: the threat, and who the intended victim is.
    pub(crate) fn floor_carries(&self, path: FieldPath) -> bool {
        let victim = || self.warning.subject(path).is_some_and(Subject::is_intended_victim);
        path.is_threat() || (matches!(path, FieldPath::SubjectIdentity(_)) && victim())
    }

    /// The originators of a rung that are neither we nor the recipient.
    pub(crate) fn others<'h>(&self, handling: &'h Handling) -> BTreeSet<&'h PartyName> {
        handling.orcon.iter().filter(|p| *p != self.us && **p != self.audience.party).collect()
    }

    fn handling(&self, handling: &Handling, way: Way<'_>) -> Vec<Reason> {
        let party = &self.audience.party;
        let mut all = Vec::new();
        if !handling.unknown_markings.is_empty() {
            all.push(reason(
                Rule::UnknownMarking,
                "it carries a marking that this node cannot read, so it stays with its originator",
                list(&handling.unknown_markings),
                "ask the originator what the marking means, and write the handling anew".to_owned(),
            ));
        }
        all.extend(self.addressed(handling, way));
        all.extend(self.originators(handling, way));
        if let Purposes::Only(purposes) = &handling.purposes
            && !purposes.contains(&self.purpose)
        {
            all.push(reason(
                Rule::RungPurpose,
                &format!("it may not be used to {}", self.purpose.plain()),
                format!("allowed: {}", list(purposes)),
                "release it for an allowed purpose, or have its handling widened by whoever wrote it"
                    .to_owned(),
            ));
        }
        if let Some(until) = handling.valid_until.filter(|until| *until < self.now) {
            all.push(reason(
                Rule::Expired,
                "its handling lets it be given only until a time that has passed",
                format!("until {until}"),
                "have the time extended by whoever wrote the handling".to_owned(),
            ));
        }
        if let Way::Terms(terms) = way {
            let missing: BTreeSet<_> = handling.assurances.difference(&terms.assurances).collect();
            if !missing.is_empty() {
                all.push(reason(
                    Rule::Assurance,
                    &format!("{party} has not given an assurance that it needs"),
                    list(&missing),
                    format!(
                        "have the assurance written into the agreement with {party} ({})",
                        self.audience.contact
                    ),
                ));
            }
        }
        all
    }

    /// To whom the rung is addressed. On the life floor TLP:RED is addressed to the recipient by the officer's act.
    fn addressed(&self, handling: &Handling, way: Way<'_>) -> Option<Reason> {
        let party = &self.audience.party;
        match &handling.rel_to {
            RelTo::Only(parties) if parties.contains(party) => None,
            RelTo::Only(parties) => Some(reason(
                Rule::RelTo,
                &format!("it may go only to parties among which {party} is not"),
                if parties.is_empty() { "to nobody".to_owned() } else { list(parties) },
                format!("whoever wrote it can add {party} to rel_to, or write a lower rung for it"),
            )),
            RelTo::Any if handling.tlp == Tlp::Red && matches!(way, Way::Terms(_)) => Some(reason(
                Rule::TlpRed,
                "TLP:RED goes to named recipients only, and it names none",
                "rel_to is not set".to_owned(),
                format!("name {party} in rel_to, or write a lower rung under a wider label"),
            )),
            RelTo::Any => None,
        }
    }

    /// The third-party rule: an originator's rung needs its grant, and on the life floor its standing life exception.
    fn originators(&self, handling: &Handling, way: Way<'_>) -> Vec<Reason> {
        let others = self.others(handling);
        match way {
            Way::Terms(_) if others.is_empty() => Vec::new(),
            Way::Terms(_) => vec![reason(
                Rule::Originator,
                "no grant, no passing on: its originator has not allowed it",
                format!("originator {}", list(&others)),
                format!("ask {} for leave, or say only what is ours", list(&others)),
            )],
            Way::Floor => {
                let struck = struck_out_by(handling, self.audience, self.us);
                if struck.is_empty() {
                    return Vec::new();
                }
                vec![reason(
                    Rule::StruckOut,
                    "its originator has struck out the life exception",
                    format!("originator {}", list(&struck)),
                    format!("call {} now and ask for leave", list(&struck)),
                )]
            }
        }
    }

    fn subject(&self, subject: &Subject, value: &Value, way: Way<'_>) -> Vec<Reason> {
        let mut all = Vec::new();
        if let Err(stopped) = subject.may_circulate(self.now) {
            all.push(reason(
                Rule::PersonStopped,
                "nothing may be told of this person",
                stopped.to_string(),
                "legal review decides; the threat itself may go".to_owned(),
            ));
        }
        match value {
            Value::Person(PersonValue::Named { .. }) => all.extend(self.named(subject, way)),
            Value::Status(status) => all.extend(conviction(status)),
            _ => {}
        }
        all
    }

    /// Naming a person: by the terms, with an assessment of the receiver, and only an identity that somebody stands for.
    fn named(&self, subject: &Subject, way: Way<'_>) -> Vec<Reason> {
        let mut all = Vec::new();
        if matches!(subject.identity_basis, IdentityBasis::PerMedia | IdentityBasis::Unknown) {
            all.push(reason(
                Rule::IdentityBasis,
                "an identity that nobody confirms is not given as one",
                format!("the identity of {} is known: {}", subject.pseudonym, subject.identity_basis.plain()),
                "confirm the identity, then release it on its own".to_owned(),
            ));
        }
        let Way::Terms(terms) = way else { return all };
        let party = &self.audience.party;
        if terms.persons == PersonsRule::None {
            all.push(reason(
                Rule::Persons,
                &format!("the agreement with {party} lets no person be named in this domain"),
                "persons: none".to_owned(),
                format!(
                    "have persons set to lead_only or named in the agreement ({})",
                    self.audience.contact
                ),
            ));
        }
        if !self.audience.risk_assessed {
            all.push(reason(
                Rule::RiskAssessment,
                &format!("no receiver risk assessment of {party} is in force for this domain"),
                "threat first, persons later".to_owned(),
                "a liaison officer records one, with basis, assurances and a review date".to_owned(),
            ));
        }
        all
    }
}

/// Whether a value may stand in a field and says something there; each rule below judges values in their own field only.
fn belongs(path: FieldPath, value: &Value) -> bool {
    let says = match value {
        Value::Text(text) => text,
        Value::Target(target) => &target.name,
        Value::Giver(giver) => &giver.name,
        Value::Place(place) => &place.name,
        Value::Person(PersonValue::Named { name, .. }) => name,
        Value::Status(status) => &status.asserted_by,
        Value::Time(time) if time.depth == TimeDepth::None => "",
        _ => "it",
    };
    let of_kind = match path {
        FieldPath::Title | FieldPath::What | FieldPath::Who | FieldPath::How | FieldPath::SourceLine => {
            matches!(value, Value::Text(_))
        }
        FieldPath::Harm => matches!(value, Value::Harm(kinds) if !kinds.is_empty()),
        FieldPath::Target => matches!(value, Value::Target(_)),
        FieldPath::Where => matches!(value, Value::Place(_)),
        FieldPath::When => matches!(value, Value::Time(_)),
        FieldPath::Giver => matches!(value, Value::Giver(_)),
        FieldPath::Grade => matches!(value, Value::Grade(_)),
        FieldPath::Likelihood => matches!(value, Value::Likelihood(_)),
        FieldPath::Confidence => matches!(value, Value::Confidence(_)),
        FieldPath::Validity => matches!(value, Value::Validity(_)),
        FieldPath::SubjectIdentity(_) => matches!(value, Value::Person(_)),
        FieldPath::SubjectStatus(_) => matches!(value, Value::Status(_)),
    };
    of_kind && !says.trim().is_empty()
}

/// The agreed ceilings: how exactly the giver may be named, and how exactly times may be given (I-10).
fn ceilings(value: &Value, terms: &DomainTerms) -> Option<Reason> {
    let time = |depth: TimeDepth| {
        (depth > terms.time).then(|| {
            reason(
                Rule::TimeCeiling,
                "it gives a time more exactly than agreed",
                format!("{} is finer than {}", depth.plain(), terms.time.plain()),
                "release the coarser rung, or have the time ceiling of the agreement changed".to_owned(),
            )
        })
    };
    match value {
        Value::Giver(giver) if giver.depth > terms.naming => Some(reason(
            Rule::NamingCeiling,
            "it names the giver more exactly than agreed",
            format!("{} is deeper than {}", giver.depth.plain(), terms.naming.plain()),
            "release the shallower rung, or have the naming ceiling of the agreement changed".to_owned(),
        )),
        Value::Time(at) => time(at.depth),
        Value::Status(_) => time(TimeDepth::Day),
        // A window is stated rounded outwards to the ceiling; at these two there is nothing left to state.
        Value::Validity(_) if terms.time <= TimeDepth::Recently => time(TimeDepth::Year),
        _ => None,
    }
}

/// Somebody is convicted only by a court (I-29).
fn conviction(status: &StatusAssertion) -> Option<Reason> {
    (status.status == SubjectStatus::Convicted && status.basis != StatusBasis::CourtOrder).then(|| {
        reason(
            Rule::Conviction,
            "a conviction is told only on the basis of a court",
            format!("its basis is: {}", status.basis.plain()),
            "state the court's order, or the status that it supports".to_owned(),
        )
    })
}

/// A reason without a rung; `obstacles` adds it.
pub(crate) fn reason(rule: Rule, fact: &str, detail: String, hint: String) -> Reason {
    Reason { rung: None, rule, fact: fact.to_owned(), detail, hint }
}

/// The items with commas between them.
pub(crate) fn list<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().map(|i| i.to_string()).collect::<Vec<_>>().join(", ")
}
