//! The warning that the demo plays, as Service A holds it, and its two receivers: with agreements of different width.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a bench stops at the first surprise, and its files are its own"
)]
#![allow(unreachable_pub, reason = "a module of benches has no other reach")]

use std::collections::BTreeSet;

use disclosure::{Audience, Keys, Path, Stamp, protected_term};
use jiff::Timestamp;
use model::agreement::Terms;
use model::file::WarningFile;
use model::id::{Digest, PartyName, WarningId};
use model::relation::DomainStanding;
use model::state::DomainState;
use model::vocab::{Domain, Precedence, Purpose};
use model::warning::Warning;
use serde_json::{Value, json};

const TERMS_KEY: [u8; 32] = [1; 32];
const RENDERING_SECRET: [u8; 32] = [2; 32];

/// The present of the bench.
pub fn now() -> Timestamp {
    "2026-12-10T12:00:00Z".parse().unwrap()
}

/// The giver.
pub fn us() -> PartyName {
    "service-a.example".parse().unwrap()
}

/// The giver's keys.
pub fn keys() -> Keys<'static> {
    Keys { terms: &TERMS_KEY, rendering: &RENDERING_SECRET }
}

/// With what every rendering is stamped.
pub fn stamp() -> Stamp {
    Stamp { seed: [3; 32], rendered_at: now(), first_rendered_at: None }
}

/// Seven persons, a sealed source with two protected terms, three rungs of what.
pub fn warning() -> Warning {
    let file = WarningFile::parse(&file().to_string()).unwrap();
    let written = file.written(now()).unwrap();
    Warning {
        id: WarningId::make(now(), [7; 10]),
        case: file.case,
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
        protected_terms: ["LARK", "unit 7"].map(|word| protected_term(&TERMS_KEY, word)).into(),
        author: "desk1".parse().unwrap(),
        graded_by: "desk1".parse().unwrap(),
        aware_at: now(),
    }
}

/// The wide agreement: persons are named, the giver is an agency, times go to the day.
pub fn to_b() -> Audience {
    let terms = json!({
        "state": "active", "kinds": ["threat", "indicator", "advisory"],
        "purposes": ["prevent_harm", "protect_victim", "investigate"],
        "persons": "named", "naming": "agency", "time": "day",
        "clocks": {
            "acknowledge_minutes": { "flash": 15, "immediate": 60, "priority": 480, "routine": 4320 },
            "review_minutes": 1440, "outcome_minutes": 43200
        },
        "assurances": ["no coercive action on this alone"]
    });
    audience("service-b.example", &terms)
}

/// The narrow agreement: no persons, the giver is a partner, times go to the month.
pub fn to_c() -> Audience {
    let terms = json!({
        "state": "active", "kinds": ["threat"], "purposes": ["prevent_harm"],
        "persons": "none", "naming": "a_partner", "time": "month"
    });
    audience("service-c.example", &terms)
}

fn audience(party: &str, terms: &Value) -> Audience {
    let text = json!({
        "parties": ["service-a.example", party], "legal_basis": "Exchange of letters",
        "domains": { "counter_terrorism": terms }
    });
    let agreed = Terms::parse(text.to_string().as_bytes()).unwrap();
    Audience {
        party: party.parse().unwrap(),
        domain: Some(DomainStanding {
            agreement: Digest::of(text.to_string().as_bytes()),
            state: DomainState::Active,
            ours: DomainState::Active,
            theirs: DomainState::Active,
            pilot_scope: BTreeSet::new(),
            terms: agreed.domains[&Domain::CounterTerrorism].clone(),
        }),
        struck_out: BTreeSet::new(),
        risk_assessed: true,
        purpose: Purpose::PreventHarm,
        precedence: Precedence::Immediate,
        path: Path::Ordinary,
        under: None,
        contact: "duty desk, +00 100".to_owned(),
    }
}

fn file() -> Value {
    let only_b = json!({ "tlp": "amber", "rel_to": ["service-b.example"] });
    json!({
        "format": "forewarn/warning",
        "case": "HARBOUR",
        "precedence": "immediate",
        "domain": "counter_terrorism",
        "harm": ["killing"],
        "protectors": ["service-b.example"],
        "handling": { "tlp": "amber", "purposes": ["prevent_harm", "protect_victim", "investigate"] },
        "grade": { "scheme": "nato6x6", "source": "B", "info": "2", "handling": only_b },
        "likelihood": "likely",
        "confidence": "moderate",
        "validity": { "until": "2027-01-11T00:00:00Z" },
        "title": [{ "text": "Bombings planned in City P" }],
        "target": [
            { "kind": "location", "name": "public places in City P", "protected": { "territory": "Country B" } }
        ],
        "what": [
            { "text": "intercept of Platform T by unit 7: the group speaks of two devices and one evening",
              "handling": { "tlp": "red", "rel_to": [] } },
            { "text": "bombings of two crowded places on one evening, explosives are at hand", "handling": only_b },
            { "text": "bombings of crowded places" }
        ],
        "who": [
            { "text": "suspected members of Group G", "handling": only_b },
            { "text": "suspected members of an armed group" }
        ],
        "how": [{ "text": "improvised explosive devices" }],
        "where": [
            { "grain": "district", "name": "Old Town", "within": { "city": "City P", "country": "Country B" },
              "handling": only_b },
            { "grain": "city", "name": "City P", "within": { "country": "Country B" } }
        ],
        "when": [{ "from": "2026-12-28T18:00:00Z", "depth": "exact" }],
        "giver": [
            { "depth": "agency", "name": "Service A" },
            { "depth": "country", "name": "a service of Country A" },
            { "depth": "a_partner", "name": "a partner" }
        ],
        "source_line": [{ "text": "a source with direct access, reliable so far", "handling": only_b }],
        "subjects": (1..=7).map(person).collect::<Vec<_>>(),
    })
}

fn person(n: usize) -> Value {
    json!({
        "pseudonym": format!("Subject {n}"), "category": "suspect", "purpose": "prevent_harm",
        "grounds": ["plans_attack"], "review_date": "2027-11-01", "identity_basis": "confirmed",
        "identity": [{ "name": format!("Name of Subject {n}") }]
    })
}
