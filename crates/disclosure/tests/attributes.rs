//! Every attribute of a warning leaves in one way or not at all, and what never leaves is in no byte.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod generate;

use std::collections::BTreeSet;

use disclosure::Path;
use generate::*;
use model::id::{SourceId, WarningId};
use model::vocab::*;
use model::warning::{DutyAssessment, DutyDecision, Passage, Warning, attributes};

/// The names of the fields of `Warning`, out of its own debug form.
fn fields_of(warning: &Warning) -> BTreeSet<String> {
    let shown = format!("{warning:#?}");
    let lines = shown.lines().filter(|l| l.starts_with("    ") && !l.starts_with("     "));
    lines.filter_map(|l| l.trim().split_once(": ")).map(|(name, _)| name.to_owned()).collect()
}

#[test]
fn every_attribute_stands_in_the_table_once() {
    let warning = template();
    let table = attributes(&warning);
    let names: BTreeSet<_> = table.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names.len(), table.len(), "an attribute stands there twice");
    assert_eq!(names, fields_of(&warning));
}

/// One change of an attribute that the table says never leaves.
type Change = (&'static str, fn(&mut Warning));

#[test]
fn what_never_leaves_changes_no_byte_and_stands_in_none() {
    let changes: &[Change] = &[
        ("case", |w| w.case = Some("Case NIGHTJAR".to_owned())),
        ("precedence", |w| w.precedence = Precedence::Routine),
        ("protectors", |w| {
            w.protectors.insert(party("service-nightjar.example"));
        }),
        ("duty", |w| {
            w.duty = Some(DutyAssessment {
                credible: true,
                specific: true,
                impending: true,
                deadline: Some(at("2026-12-10T13:57:31Z")),
                decision: Some(DutyDecision::Waive {
                    by: "officer.nightjar".parse().unwrap(),
                    at: at("2026-12-10T12:57:31Z"),
                    reason: WaiverReason::EndangersSource,
                    text: "NIGHTJAR would be burnt".to_owned(),
                }),
            });
        }),
        ("sources", |w| {
            w.sources.insert(SourceId::make(now(), [6; 10]));
        }),
        ("protected_terms", |w| {
            w.protected_terms.insert(disclosure::protected_term(&TERMS_KEY, "NIGHTJAR"));
        }),
        ("author", |w| w.author = "nightjar.writer".parse().unwrap()),
        ("graded_by", |w| w.graded_by = "nightjar.grader".parse().unwrap()),
        ("aware_at", |w| w.aware_at = at("2026-12-10T10:57:31Z")),
    ];
    let never: BTreeSet<_> = attributes(&template())
        .into_iter()
        .filter(|(_, p)| *p == Passage::NeverLeaves)
        .map(|(name, _)| name)
        .collect();
    let tested: BTreeSet<_> = changes.iter().map(|(name, _)| *name).chain(["id"]).collect();
    assert_eq!(tested, never, "an attribute that never leaves is not tested here");
    for path in [Path::Ordinary, Path::ImminentDanger] {
        let mut to_b = audience(terms());
        to_b.path = path;
        let before = rendered(&template(), &to_b).unwrap();
        for (name, change) in changes {
            let mut warning = template();
            change(&mut warning);
            let after = rendered(&warning, &to_b).unwrap();
            assert_eq!(text_of(&after), text_of(&before), "{name}");
            assert!(!text_of(&after).to_lowercase().contains("nightjar"), "{name}");
        }
    }
    // The id inside only keys the ids outside; it carries a time and is in no byte.
    let mut renamed = template();
    renamed.id = WarningId::make(at("2020-01-01T00:00:00Z"), [1; 10]);
    let bytes = text_of(&rendered(&renamed, &audience(terms())).unwrap());
    assert!(!bytes.contains(&renamed.id.to_string()[2..]) && !bytes.contains("2020-01-01"));
}

#[test]
fn what_is_stated_per_recipient_is_stated_of_this_recipient() {
    let mut warning = template();
    let entry =
        |n: u64| model::body::EntryName { origin: format!("forewarn/log/{}", "ab".repeat(32)), index: n };
    warning.under = entry(4).entry();
    let mut to_b = audience(terms());
    let bytes = text_of(&rendered(&warning, &to_b).unwrap());
    assert!(!bytes.contains("forewarn/log/"), "an undertaking to somebody else is not cited");
    to_b.under = entry(9).entry();
    to_b.precedence = Precedence::Flash;
    to_b.purpose = Purpose::Investigate;
    let header = model::received::release_header(rendered(&warning, &to_b).unwrap().bytes()).unwrap();
    assert_eq!(header.under, Some(entry(9)));
    assert_eq!((header.precedence, header.purpose), (Precedence::Flash, Purpose::Investigate));
    assert_eq!(
        (header.status, header.domain, header.kind),
        (Status::Actual, Domain::CounterTerrorism, MatterKind::Threat)
    );
    assert_eq!(header.acknowledge_minutes, 15);
}
