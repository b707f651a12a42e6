//! The rules of the judge as tables: what goes, what is held, and by which rule.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod generate;

use std::collections::{BTreeMap, BTreeSet};

use disclosure::{Audience, Basis, Path, Rule, Verdict, judge, render, why_not_more};
use generate::*;
use model::agreement::{DomainTerms, OpeningState, Terms, VolumeBudget};
use model::body::AgreementAnswer;
use model::facts::Facts;
use model::handling::{Handling, Purposes, RelTo};
use model::id::{Digest, EntryRef, PartyName};
use model::ladder::*;
use model::relation::{Logged, Relation, Side};
use model::state::DomainState;
use model::vocab::*;
use model::warning::Warning;

/// The warning of the template with one word of our own in `how`, under the handling given; it falls back to silence.
fn how(handling: Handling) -> Warning {
    with(template(), FieldPath::How, vec![Rung { value: text("by an improvised device"), handling }])
}

/// The rule that holds `how`, if it is held.
fn held_by(handling: Handling, audience: &Audience) -> Option<Rule> {
    let judgement = judged(&how(handling), audience);
    let cell = judgement.cell(FieldPath::How).unwrap();
    assert_eq!(cell.granted.is_none(), !cell.reasons.is_empty(), "silence has a reason, and only silence");
    cell.reasons.first().map(|r| r.rule)
}

fn only(names: &[&str]) -> BTreeSet<PartyName> {
    names.iter().map(|n| party(n)).collect()
}

#[test]
fn a_rung_goes_only_where_its_handling_admits() {
    let to_b = audience(terms());
    let open = Handling::open;
    let table = [
        ("open", open(), None),
        ("for b", Handling { rel_to: RelTo::Only(only(&["service-b.example"])), ..open() }, None),
        (
            "for c",
            Handling { rel_to: RelTo::Only(only(&["service-c.example"])), ..open() },
            Some(Rule::RelTo),
        ),
        ("for nobody", Handling { rel_to: RelTo::Only(BTreeSet::new()), ..open() }, Some(Rule::RelTo)),
        ("red for anyone", Handling { tlp: Tlp::Red, ..open() }, Some(Rule::TlpRed)),
        (
            "red for b",
            Handling { tlp: Tlp::Red, rel_to: RelTo::Only(only(&["service-b.example"])), ..open() },
            None,
        ),
        ("strict amber", Handling { tlp: Tlp::AmberStrict, ..open() }, None),
        (
            "to oversee",
            Handling { purposes: Purposes::Only([Purpose::Oversight].into()), ..open() },
            Some(Rule::RungPurpose),
        ),
        (
            "for nothing",
            Handling { purposes: Purposes::Only(BTreeSet::new()), ..open() },
            Some(Rule::RungPurpose),
        ),
        ("to prevent", Handling { purposes: Purposes::Only([Purpose::PreventHarm].into()), ..open() }, None),
        ("until now", Handling { valid_until: Some(now()), ..open() }, None),
        (
            "until before",
            Handling { valid_until: Some(at("2026-12-10T11:59:59Z")), ..open() },
            Some(Rule::Expired),
        ),
        (
            "an unread marking",
            Handling { unknown_markings: ["X-7".to_owned()].into(), ..open() },
            Some(Rule::UnknownMarking),
        ),
        (
            "an assurance",
            Handling { assurances: ["no death penalty".to_owned()].into(), ..open() },
            Some(Rule::Assurance),
        ),
    ];
    for (name, handling, expected) in table {
        assert_eq!(held_by(handling, &to_b), expected, "{name}");
    }
    let mut assured = audience(terms());
    assured.domain.as_mut().unwrap().terms.assurances = ["no death penalty".to_owned()].into();
    assert_eq!(
        held_by(Handling { assurances: ["no death penalty".to_owned()].into(), ..open() }, &assured),
        None
    );
}

#[test]
fn no_grant_no_passing_on_and_no_originator_is_named() {
    let to_b = audience(terms());
    let of = |names: &[&str]| Handling { orcon: only(names), ..Handling::open() };
    let table: &[(&[&str], Option<Rule>)] = &[
        (&[], None),
        (&["service-a.example"], None),
        (&["service-b.example"], None),
        (&["service-c.example"], Some(Rule::Originator)),
        (&["service-a.example", "service-c.example"], Some(Rule::Originator)),
        (&["service-b.example", "service-c.example"], Some(Rule::Originator)),
    ];
    for (originators, expected) in table {
        assert_eq!(held_by(of(originators), &to_b), *expected, "{originators:?}");
    }
    let judgement = judged(&how(of(&["service-c.example"])), &to_b);
    let why = &why_not_more(&judgement, FieldPath::How)[0];
    assert!(why.fact.contains("no grant") && why.hint.contains("ask service-c.example"), "{why}");
    let bytes = text_of(&rendered(&how(of(&["service-c.example"])), &to_b).unwrap());
    assert!(!bytes.contains("service-c.example"));
    // Our own control travels as "ask us", and by name only where our name is given.
    let deep = rendered(&how(of(&["service-a.example"])), &to_b).unwrap();
    assert!(text_of(&deep).contains("\"orcon\":[\"service-a.example\"]"));
    let shallow = DomainTerms { naming: NamingDepth::Country, ..terms() };
    let bytes = text_of(&rendered(&how(of(&["service-a.example"])), &audience(shallow)).unwrap());
    assert!(!bytes.contains("service-a.example") && bytes.contains("\"onward\":\"ask\""), "{bytes}");
}

#[test]
fn the_whole_goes_only_by_an_agreement_that_names_it() {
    let domain = |state, terms: DomainTerms, pilot: &[MatterKind]| {
        let mut standing = standing(state, terms);
        standing.pilot_scope = pilot.iter().copied().collect();
        Some(standing)
    };
    let without_threats = DomainTerms { kinds: [MatterKind::Indicator].into(), ..terms() };
    let to_investigate = DomainTerms { purposes: [Purpose::Investigate].into(), ..terms() };
    let table = [
        ("none", None, Some(Rule::NoAgreement)),
        ("active", domain(DomainState::Active, terms(), &[]), None),
        ("proposed", domain(DomainState::Proposed, terms(), &[MatterKind::Threat]), Some(Rule::DomainState)),
        (
            "suspended",
            domain(DomainState::Suspended, terms(), &[MatterKind::Threat]),
            Some(Rule::DomainState),
        ),
        ("refused", domain(DomainState::Refused, terms(), &[MatterKind::Threat]), Some(Rule::DomainState)),
        (
            "terminated",
            domain(DomainState::Terminated, terms(), &[MatterKind::Threat]),
            Some(Rule::DomainState),
        ),
        ("resuming, on the list", domain(DomainState::Resuming, terms(), &[MatterKind::Threat]), None),
        (
            "resuming, another kind",
            domain(DomainState::Resuming, terms(), &[MatterKind::Indicator]),
            Some(Rule::PilotScope),
        ),
        ("resuming, empty list", domain(DomainState::Resuming, terms(), &[]), Some(Rule::PilotScope)),
        (
            "kind not agreed",
            domain(DomainState::Active, without_threats.clone(), &[]),
            Some(Rule::MatterKind),
        ),
        (
            "on the list, not agreed",
            domain(DomainState::Resuming, without_threats, &[MatterKind::Threat]),
            Some(Rule::MatterKind),
        ),
        ("purpose not agreed", domain(DomainState::Active, to_investigate, &[]), Some(Rule::Purpose)),
    ];
    for (name, domain, expected) in table {
        let judgement = judged(&template(), &Audience { domain, ..audience(terms()) });
        let held = match &judgement.whole {
            Verdict::Held(reason) => Some(reason.rule),
            Verdict::MayGo => None,
        };
        assert_eq!(held, expected, "{name}");
        if held.is_some() {
            assert!(judgement.cells.iter().all(|c| !c.speaks()), "{name}: a held warning says nothing");
            assert!(render(&template(), &judgement, &audience(terms()), &SECRET, &stamp()).is_err());
            assert!(why_not_more(&judgement, FieldPath::What)[0].hint.contains("imminent-danger"), "{name}");
        }
    }
}

#[test]
fn without_the_kinds_of_harm_there_is_no_warning() {
    let mut warning = template();
    rung_mut(&mut warning, FieldPath::Harm, 0).handling.rel_to = RelTo::Only(BTreeSet::new());
    let judgement = judged(&warning, &audience(terms()));
    assert!(matches!(&judgement.whole, Verdict::Held(r) if r.rule == Rule::NoHarm), "{:?}", judgement.whole);
}

#[test]
fn giver_and_times_stay_below_the_ceilings() {
    for naming in NamingDepth::ALL {
        let terms = DomainTerms { naming: *naming, ..terms() };
        let bytes = text_of(&rendered(&template(), &audience(terms)).unwrap());
        assert_eq!(bytes.contains("Service A"), *naming >= NamingDepth::Agency, "{naming}");
        let country = bytes.contains("a service of Country A");
        assert_eq!(country, (NamingDepth::Country..NamingDepth::Agency).contains(naming), "{naming}");
        assert_eq!(bytes.contains("\"not named\""), *naming == NamingDepth::None, "{naming}");
    }
    for (time, expected) in [
        (TimeDepth::Exact, Some("28 December 2026, 18:00 UTC")),
        (TimeDepth::Day, Some("28 December 2026")),
        (TimeDepth::Week, Some("week of 28 December 2026")),
        (TimeDepth::Month, Some("December 2026")),
        (TimeDepth::Year, Some("2026")),
        (TimeDepth::Recently, None),
        (TimeDepth::None, None),
    ] {
        let terms = DomainTerms { time, ..terms() };
        let rendering = rendered(&template(), &audience(terms)).unwrap();
        let read = model::received::read(rendering.bytes()).unwrap();
        let when = read.fields.iter().find(|f| f.path == "when").map(|f| f.text.as_str());
        assert_eq!(when, expected, "{time}");
        let event = &objects(&rendering)["event"][0];
        assert_eq!(
            event.get("start_time").is_some(),
            matches!(time, TimeDepth::Exact | TimeDepth::Day | TimeDepth::Month | TimeDepth::Year),
            "{time}"
        );
    }
}

/// The window of validity is stated rounded outwards, so that it never ends before it is asserted.
#[test]
fn validity_is_stated_to_the_ceiling_and_never_ends_too_early() {
    let window = Validity { from: at("2026-12-10T09:10:00Z"), until: at("2026-12-30T17:00:00Z") };
    let warning = with(template(), FieldPath::Validity, vec![rung(Value::Validity(window))]);
    for (time, expected) in [
        (TimeDepth::Exact, Some("2026-12-30T17:00:00Z")),
        (TimeDepth::Day, Some("2026-12-31T00:00:00Z")),
        (TimeDepth::Week, Some("2027-01-04T00:00:00Z")),
        (TimeDepth::Month, Some("2027-01-01T00:00:00Z")),
        (TimeDepth::Year, Some("2027-01-01T00:00:00Z")),
        (TimeDepth::Recently, None),
    ] {
        let rendering = rendered(&warning, &audience(DomainTerms { time, ..terms() })).unwrap();
        let header = model::received::release_header(rendering.bytes()).unwrap();
        assert_eq!(header.valid_until, expected.map(at), "{time}");
        assert_eq!(text_of(&rendering).contains("09:10"), time == TimeDepth::Exact, "{time}");
    }
}

/// Whoever owns a rung, its holder asks us before passing it on, also where our name is not given.
#[test]
fn originator_control_leaves_as_ask_first() {
    let mut warning = template();
    let rungs = warning.fields.iter_mut().flat_map(|f| &mut f.rungs).chain(&mut warning.subjects[0].identity);
    rungs.for_each(|r| r.handling.onward = Onward::Free);
    let onward = |warning: &Warning| {
        let shallow = DomainTerms { naming: NamingDepth::Country, ..terms() };
        let judgement = judged(warning, &audience(shallow));
        (judgement.handling.onward, judgement.handling.orcon)
    };
    assert_eq!(onward(&warning), (Onward::Free, BTreeSet::new()));
    rung_mut(&mut warning, FieldPath::How, 0).handling.orcon = only(&["service-a.example"]);
    assert_eq!(onward(&warning), (Onward::Ask, BTreeSet::new()));
    rung_mut(&mut warning, FieldPath::How, 0).handling.orcon = only(&["service-b.example"]);
    assert_eq!(onward(&warning), (Onward::Ask, only(&["service-b.example"])));
}

/// A rung may hold more than it says it gives; only what it says is given.
#[test]
fn nothing_finer_than_its_own_depth_or_grain_leaves_with_a_value() {
    let careless =
        Value::Time(TimeValue { from: at("2026-12-28T17:31:07Z"), to: None, depth: TimeDepth::Day });
    let mut warning = with(template(), FieldPath::When, vec![rung(careless)]);
    let place = Place {
        grain: PlaceGrain::City,
        name: "City P".to_owned(),
        within: vec![
            (PlaceGrain::Address, "Square 1".to_owned()),
            (PlaceGrain::Country, "Country B".to_owned()),
        ],
        microdegrees: Some((48_208_174, 16_373_819)),
    };
    warning = with(warning, FieldPath::Where, vec![rung(Value::Place(place))]);
    let bytes = text_of(&rendered(&warning, &audience(terms())).unwrap());
    assert!(
        bytes.contains("\"start_time\":\"2026-12-28T00:00:00.000Z\",\"start_time_fidelity\":\"day\""),
        "{bytes}"
    );
    for finer in ["17:31", "latitude", "48.2", "Square 1"] {
        assert!(!bytes.contains(finer), "{finer}");
    }
    let exact = Place {
        grain: PlaceGrain::Address,
        name: "Square 1".to_owned(),
        within: Vec::new(),
        microdegrees: Some((48_208_174, -16_370_000)),
    };
    let there = with(warning, FieldPath::Where, vec![rung(Value::Place(exact))]);
    let bytes = text_of(&rendered(&there, &audience(terms())).unwrap());
    assert!(bytes.contains("\"latitude\":48.208174,\"longitude\":-16.37"), "{bytes}");
}

#[test]
fn a_value_out_of_place_goes_nowhere() {
    let named =
        PersonValue::Named { name: "Name of Subject 9".to_owned(), aliases: vec![], identifiers: vec![] };
    let smuggled = with(template(), FieldPath::Who, vec![rung(Value::Person(named))]);
    let mut strict = audience(DomainTerms { persons: PersonsRule::None, ..terms() });
    strict.risk_assessed = false;
    let judgement = judged(&smuggled, &strict);
    assert_eq!(judgement.cell(FieldPath::Who).unwrap().reasons[0].rule, Rule::Misplaced);
    let mut twice = template();
    twice
        .fields
        .push(Field { path: FieldPath::What, rungs: vec![rung(text("the other what, told to nobody"))] });
    let last = judged(&twice, &audience(terms()))
        .cells
        .into_iter()
        .find(|c| c.rungs == 1 && c.path == FieldPath::What);
    assert_eq!(
        last.map(|c| (c.granted, c.reasons[0].rule)),
        Some((None, Rule::Misplaced)),
        "only the first counts"
    );
    let blank = with(template(), FieldPath::How, vec![rung(text("  "))]);
    assert_eq!(judged(&blank, &audience(terms())).cell(FieldPath::How).unwrap().granted, None);
}

#[test]
fn every_refusal_says_who_could_change_it() {
    let mut warning =
        how(Handling { tlp: Tlp::Red, orcon: only(&["service-c.example"]), ..Handling::open() });
    warning.subjects[0].grounds = BTreeSet::from([Ground::Origin]);
    let mut little =
        audience(DomainTerms { naming: NamingDepth::APartner, time: TimeDepth::Month, ..terms() });
    little.risk_assessed = false;
    let judgement = judged(&warning, &little);
    for cell in judgement.cells.iter().filter(|c| c.granted != Some(0)) {
        let above = cell.granted.unwrap_or(cell.rungs);
        for at in 0..above {
            let mut reasons = cell.reasons.iter().filter(|r| r.rung == Some(at)).peekable();
            assert!(reasons.peek().is_some(), "{} rung {at} has no reason", cell.path);
            assert!(reasons.all(|r| !r.fact.is_empty() && !r.detail.is_empty() && !r.hint.is_empty()));
        }
    }
    let why = why_not_more(&judgement, FieldPath::When);
    assert_eq!(
        why.iter().map(|r| r.rung).collect::<Vec<_>>(),
        [Some(2), Some(1), Some(0)],
        "the nearest rung first"
    );
    assert!(why_not_more(&judgement, FieldPath::Target).is_empty());
    assert_eq!(judgement.basis, Basis::Agreement(Digest([9; 32])));
}

/// A relation in which both domains are agreed, then `events` happen in the other one.
fn relation(events: &[DomainState]) -> Relation {
    let origin = |n: u8| model::body::EntryName {
        origin: format!("forewarn/log/{}", format!("{n:02x}").repeat(32)),
        index: 0,
    };
    let mut next = BTreeMap::from([(Side::Ours, 0u64), (Side::Theirs, 0u64)]);
    let mut relation = Relation::default();
    let mut take = |side: Side, facts: Facts| {
        let index = next.get_mut(&side).unwrap();
        let at = origin(if side == Side::Ours { 1 } else { 2 }).entry().unwrap();
        let at = EntryRef { index: *index, ..at };
        *index += 1;
        relation.take(Logged { at, side, written: now(), thread: [0; 16], answers: None, facts });
    };
    let terms = Terms {
        parties: ["service-a.example".to_owned(), "service-b.example".to_owned()],
        legal_basis: "a memorandum".to_owned(),
        domains: Domain::ALL
            .iter()
            .map(|d| (*d, DomainTerms { state: OpeningState::Active, ..terms() }))
            .collect(),
        life_exception: true,
        volume: VolumeBudget::default(),
        until: None,
        replaces: None,
    };
    let hash = Digest::of(terms.text().as_bytes()).to_string();
    take(Side::Ours, Facts::AgreementProposed { hash: hash.clone(), terms });
    take(Side::Theirs, Facts::AgreementAccepted(AgreementAnswer { agreement: hash.clone(), reason: None }));
    for state in events {
        for side in [Side::Ours, Side::Theirs] {
            let change = model::body::DomainChange {
                agreement: hash.clone(),
                domain: Domain::Elections,
                state: *state,
                pilot_scope: BTreeSet::new(),
                note: None,
            };
            take(side, Facts::DomainChanged(change));
        }
    }
    relation
}

#[test]
fn a_quarrel_in_one_domain_changes_no_byte_in_another() {
    use DomainState::{Active, Resuming, Suspended, Terminated};
    let to_b = |relation: &Relation| Audience {
        domain: relation.domain(Domain::CounterTerrorism),
        ..audience(terms())
    };
    let before = to_b(&relation(&[]));
    let calm = rendered(&template(), &before).unwrap();
    for events in [&[Suspended][..], &[Suspended, Resuming], &[Suspended, Resuming, Active], &[Terminated]] {
        let after = relation(events);
        assert_eq!(
            after.domain(Domain::Elections).unwrap().state,
            *events.last().unwrap(),
            "the quarrel is real"
        );
        assert_eq!(to_b(&after), before);
        assert_eq!(judged(&template(), &to_b(&after)), judged(&template(), &before));
        assert_eq!(rendered(&template(), &to_b(&after)).unwrap(), calm);
        let mut quarrelled = template();
        quarrelled.domain = Domain::Elections;
        let there = Audience { domain: after.domain(Domain::Elections), ..audience(terms()) };
        assert_eq!(judged(&quarrelled, &there).may_go(), events.last() == Some(&Active), "{events:?}");
    }
}

#[test]
fn an_exercise_says_so_everywhere() {
    let mut drill = template();
    drill.status = Status::Exercise;
    let rendering = rendered(&drill, &audience(terms())).unwrap();
    let all = objects(&rendering);
    for (kind, objects) in &all {
        for object in objects {
            if kind != "marking-definition" {
                assert_eq!(object["labels"][0], "exercise", "{kind}");
            }
        }
    }
    for kind in ["report", "incident", "event"] {
        assert!(all[kind][0]["name"].as_str().unwrap().starts_with("EXERCISE: "), "{kind}");
    }
    assert!(all["report"][0]["description"].as_str().unwrap().starts_with("EXERCISE: "));
    assert_eq!(model::received::release_header(rendering.bytes()).unwrap().status, Status::Exercise);
    assert!(
        !text_of(&rendered(&template(), &audience(terms())).unwrap()).to_lowercase().contains("exercise")
    );
}

#[test]
fn likelihood_and_confidence_never_share_a_sentence_and_a_grade_is_kept_as_given() {
    let rendering = rendered(&template(), &audience(terms())).unwrap();
    let mut texts = Vec::new();
    fn collect(value: &serde_json::Value, texts: &mut Vec<String>) {
        match value {
            serde_json::Value::String(text) => texts.push(text.clone()),
            serde_json::Value::Array(all) => all.iter().for_each(|v| collect(v, texts)),
            serde_json::Value::Object(map) => map.values().for_each(|v| collect(v, texts)),
            _ => {}
        }
    }
    collect(&json_of(&rendering), &mut texts);
    for sentence in texts.iter().flat_map(|t| t.split(['.', '\n'])) {
        let lower = sentence.to_lowercase();
        assert!(
            !(lower.contains("likel") && (lower.contains("confidence") || lower.contains("moderate"))),
            "{sentence}"
        );
        for noun in ["terrorist", "killer", "murderer", "culprit", "criminal", "perpetrator", "offender"] {
            assert!(!lower.contains(noun), "{sentence}");
        }
    }
    let note = &objects(&rendering)["note"][0];
    assert!(note["content"].as_str().unwrap().contains("B2 (nato6x6)") && note["confidence"] == 70, "{note}");
    let mut doubted = template();
    if let Value::Grade(grade) = &mut rung_mut(&mut doubted, FieldPath::Grade, 0).value {
        grade.source = "E".to_owned();
    }
    let other = rendered(&doubted, &audience(terms())).unwrap();
    assert_eq!(
        objects(&other)["note"][0]["confidence"],
        70,
        "the source's grade does not move the information's"
    );
}

#[test]
fn the_ordinary_path_never_uses_the_floor_and_the_judgement_is_the_same_twice() {
    let to_b = audience(terms());
    let one = judge(&template(), &to_b, &us(), &TERMS_KEY, &[], now());
    assert_eq!(one, judge(&template(), &to_b, &us(), &TERMS_KEY, &[], now()));
    assert!(one.cells.iter().all(|c| !c.by_floor && c.bare.is_none()) && one.tell.is_empty());
    assert_eq!(to_b.path, Path::Ordinary);
}
