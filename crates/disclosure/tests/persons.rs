//! Threat first, persons later (I-42); the persecution guard (I-32); statuses and convictions (I-29, I-31).

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod generate;

use std::collections::BTreeSet;

use disclosure::{Rule, why_not_more};
use generate::*;
use model::agreement::DomainTerms;
use model::handling::RelTo;
use model::ladder::*;
use model::subject::StatusAssertion;
use model::vocab::*;

#[test]
fn persons_are_named_only_by_terms_with_an_assessment_and_a_known_identity() {
    use IdentityBasis::{Claimed, Confirmed, PerMedia, Unknown};
    for rule in PersonsRule::ALL {
        for assessed in [false, true] {
            for basis in [Confirmed, Claimed, PerMedia, Unknown] {
                let mut warning = template();
                warning.subjects[0].identity_basis = basis;
                let mut to_b = audience(DomainTerms { persons: *rule, ..terms() });
                to_b.risk_assessed = assessed;
                let judgement = judged(&warning, &to_b);
                let cell = judgement.cell(FieldPath::SubjectIdentity(1)).unwrap();
                let named = cell.granted == Some(0);
                let may = *rule != PersonsRule::None && assessed && matches!(basis, Confirmed | Claimed);
                assert_eq!(named, may, "{rule} {assessed} {basis}");
                assert!(cell.granted.is_some(), "a person goes in any case");
                let bytes = text_of(&rendered(&warning, &to_b).unwrap());
                assert_eq!(bytes.contains("Name of Subject 1"), named, "{rule} {assessed} {basis}");
                let rules: BTreeSet<_> = cell.reasons.iter().map(|r| r.rule).collect();
                assert_eq!(rules.contains(&Rule::RiskAssessment), !assessed);
                assert_eq!(rules.contains(&Rule::Persons), *rule == PersonsRule::None);
                assert_eq!(rules.contains(&Rule::IdentityBasis), matches!(basis, PerMedia | Unknown));
            }
        }
    }
}

#[test]
fn a_person_given_as_a_lead_is_a_lead_only() {
    let mut warning = template();
    warning.handling.persons = PersonsUse::Free;
    let rungs = warning.fields.iter_mut().flat_map(|f| &mut f.rungs).chain(&mut warning.subjects[0].identity);
    rungs.for_each(|r| r.handling.persons = PersonsUse::Free);
    for (rule, expected) in [
        (PersonsRule::Named, PersonsUse::Free),
        (PersonsRule::LeadOnly, PersonsUse::LeadOnly),
        (PersonsRule::None, PersonsUse::Free),
    ] {
        let judgement = judged(&warning, &audience(DomainTerms { persons: rule, ..terms() }));
        assert_eq!(judgement.handling.persons, expected, "{rule}");
    }
}

#[test]
fn a_claimed_identity_is_told_as_claimed() {
    let mut warning = template();
    warning.subjects[0].identity_basis = IdentityBasis::Claimed;
    let bytes = text_of(&rendered(&warning, &audience(terms())).unwrap());
    assert!(
        bytes.contains("Name of Subject 1, as claimed") && bytes.contains("Identity: claimed."),
        "{bytes}"
    );
}

#[test]
fn a_person_here_only_for_who_they_are_is_stopped_and_the_threat_goes() {
    for ground in Ground::ALL {
        let mut warning = template();
        warning.subjects[0].grounds = BTreeSet::from([*ground]);
        let rendering = rendered(&warning, &audience(terms())).unwrap();
        assert_eq!(text_of(&rendering).contains("Name of Subject 1"), ground.stands_alone(), "{ground}");
        let persons =
            objects(&rendering)["identity"].iter().filter(|o| o["identity_class"] == "individual").count();
        assert_eq!(persons, usize::from(ground.stands_alone()), "{ground}: not even as a person");
        assert!(text_of(&rendering).contains("bombings of"), "the bare threat still goes");
    }
    let mut overdue = template();
    overdue.subjects[0].review_date = jiff::civil::Date::constant(2026, 12, 10);
    let judgement = judged(&overdue, &audience(terms()));
    let why = why_not_more(&judgement, FieldPath::SubjectIdentity(1));
    assert!(why.iter().any(|r| r.rule == Rule::PersonStopped && r.detail.contains("review")), "{why:?}");
}

#[test]
fn a_status_is_told_only_of_somebody_told_of_and_a_conviction_only_by_a_court() {
    let status = |status, basis| {
        let assertion = StatusAssertion {
            status,
            asserted_by: "Court B".to_owned(),
            as_of: jiff::civil::Date::constant(2026, 12, 8),
            valid_until: None,
            basis,
        };
        let mut warning = template();
        warning.subjects[0].status = vec![rung(Value::Status(assertion))];
        warning
    };
    for (basis, goes) in
        [(StatusBasis::CourtOrder, true), (StatusBasis::Announcement, false), (StatusBasis::Media, false)]
    {
        let judgement = judged(&status(SubjectStatus::Convicted, basis), &audience(terms()));
        assert_eq!(judgement.cell(FieldPath::SubjectStatus(1)).unwrap().granted.is_some(), goes, "{basis}");
    }
    let remanded = status(SubjectStatus::Remanded, StatusBasis::Media);
    let note = objects(&rendered(&remanded, &audience(terms())).unwrap())["note"].clone();
    assert!(
        note.iter().any(|n| n["content"] == "remanded as of 2026-12-08, says Court B (media)"),
        "{note:?}"
    );
    let mut stopped = remanded.clone();
    stopped.subjects[0].identity.iter_mut().for_each(|r| r.handling.rel_to = RelTo::Only(BTreeSet::new()));
    let judgement = judged(&stopped, &audience(terms()));
    let cell = judgement.cell(FieldPath::SubjectStatus(1)).unwrap();
    assert_eq!((cell.granted, cell.reasons[0].rule), (None, Rule::NoIdentity));
    let mut burnt = remanded.clone();
    burnt.protected_terms.insert(disclosure::protected_term(&TERMS_KEY, "Subject 1"));
    burnt.subjects[0].identity.truncate(1);
    let judgement = judged(&burnt, &audience(terms()));
    assert!(
        judgement.cell(FieldPath::SubjectIdentity(1)).unwrap().granted.is_none(),
        "its name gives a source away"
    );
    assert!(judgement.cell(FieldPath::SubjectStatus(1)).unwrap().granted.is_none());
    let coarse = judged(&remanded, &audience(DomainTerms { time: TimeDepth::Month, ..terms() }));
    assert_eq!(coarse.cell(FieldPath::SubjectStatus(1)).unwrap().granted, None, "its date is a day");
}
