//! Warnings, audiences and handlings for the tests: one of the template, and generators of many.

#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(unreachable_pub, reason = "a module of test files has no other reach")]
#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::{BTreeMap, BTreeSet};

use disclosure::{Audience, Judgement, Path, Rendering, Stamp, judge, render};
use jiff::Timestamp;
use model::agreement::{Clocks, DomainTerms, OpeningState};
use model::file::{TEMPLATE, WarningFile};
use model::handling::Handling;
use model::id::{Digest, PartyName, WarningId};
use model::ladder::{Field, FieldPath, Rung, Value};
use model::relation::DomainStanding;
use model::state::DomainState;
use model::vocab::*;
use model::warning::Warning;
use serde_json::Value as Json;

pub mod many;

/// The key of protected terms in the tests.
pub const TERMS_KEY: [u8; 32] = [1; 32];
/// The secret of ids in renderings in the tests.
pub const SECRET: [u8; 32] = [2; 32];

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The present of the tests.
pub fn now() -> Timestamp {
    at("2026-12-10T12:00:00Z")
}

pub fn party(name: &str) -> PartyName {
    name.parse().unwrap()
}

/// The giver.
pub fn us() -> PartyName {
    party("service-a.example")
}

/// The receiver.
pub fn b() -> PartyName {
    party("service-b.example")
}

/// The warning of the template file, as service-a.example holds it.
pub fn template() -> Warning {
    let file = WarningFile::parse(TEMPLATE).unwrap();
    let written = file.written(now()).unwrap();
    Warning {
        id: WarningId::make(now(), [7; 10]),
        case: Some("Case LANTERN".to_owned()),
        status: file.status,
        precedence: file.precedence,
        domain: file.domain,
        kind: file.kind,
        protectors: written.protectors,
        fields: written.fields,
        subjects: written.subjects,
        handling: written.handling,
        under: None,
        duty: None,
        sources: BTreeSet::new(),
        protected_terms: BTreeSet::from([disclosure::protected_term(&TERMS_KEY, "LARK")]),
        author: "m.writer".parse().unwrap(),
        graded_by: "g.grader".parse().unwrap(),
        aware_at: at("2026-12-10T11:00:00Z"),
    }
}

/// Terms that let everything through, to be narrowed by a test.
pub fn terms() -> DomainTerms {
    DomainTerms {
        state: OpeningState::Active,
        pilot_scope: BTreeSet::new(),
        kinds: MatterKind::ALL.iter().copied().collect(),
        purposes: Purpose::ALL.iter().copied().collect(),
        persons: PersonsRule::Named,
        naming: NamingDepth::Person,
        time: TimeDepth::Exact,
        clocks: Clocks::default(),
        retention_days: 365,
        onward: BTreeSet::new(),
        publicity: Publicity::Free,
        assurances: BTreeSet::new(),
        oversight_access: true,
    }
}

pub fn standing(state: DomainState, terms: DomainTerms) -> DomainStanding {
    DomainStanding {
        agreement: Digest([9; 32]),
        state,
        ours: state,
        theirs: state,
        pilot_scope: MatterKind::ALL.iter().copied().collect(),
        terms,
    }
}

/// Service B, with an active domain and `terms`.
pub fn audience(terms: DomainTerms) -> Audience {
    Audience {
        party: b(),
        domain: Some(standing(DomainState::Active, terms)),
        struck_out: BTreeSet::new(),
        risk_assessed: true,
        purpose: Purpose::PreventHarm,
        precedence: Precedence::Immediate,
        path: Path::Ordinary,
        under: None,
        contact: "duty desk of B, +00 1".to_owned(),
    }
}

pub fn stamp() -> Stamp {
    Stamp { seed: [3; 32], rendered_at: now(), first_rendered_at: None }
}

pub fn judged(warning: &Warning, audience: &Audience) -> Judgement {
    judge(warning, audience, &us(), &TERMS_KEY, &[], now())
}

/// Judges and renders; `None` when the whole is held.
pub fn rendered(warning: &Warning, audience: &Audience) -> Option<Rendering> {
    let judgement = judged(warning, audience);
    judgement.may_go().then(|| render(warning, &judgement, audience, &SECRET, &stamp()).unwrap())
}

pub fn text_of(rendering: &Rendering) -> String {
    String::from_utf8(rendering.bytes().to_vec()).unwrap()
}

pub fn json_of(rendering: &Rendering) -> Json {
    serde_json::from_slice(rendering.bytes()).unwrap()
}

/// The objects of a rendering by type; of one type in the order of their ids.
pub fn objects(rendering: &Rendering) -> BTreeMap<String, Vec<Json>> {
    let mut all: BTreeMap<String, Vec<Json>> = BTreeMap::new();
    for object in json_of(rendering)["objects"].as_array().unwrap() {
        all.entry(object["type"].as_str().unwrap().to_owned()).or_default().push(object.clone());
    }
    all
}

pub fn rung(value: Value) -> Rung {
    Rung { value, handling: Handling::open() }
}

pub fn text(words: &str) -> Value {
    Value::Text(words.to_owned())
}

/// Replaces a ladder of the warning, or adds it.
pub fn with(mut warning: Warning, path: FieldPath, rungs: Vec<Rung>) -> Warning {
    warning.fields.retain(|f| f.path != path);
    warning.fields.push(Field { path, rungs });
    warning
}

/// The rung of a ladder, to be changed.
pub fn rung_mut(warning: &mut Warning, path: FieldPath, at: usize) -> &mut Rung {
    warning.fields.iter_mut().find(|f| f.path == path).unwrap().rungs.get_mut(at).unwrap()
}
