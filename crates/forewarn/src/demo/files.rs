//! The texts that the people of the play write: agreements, warnings, an outcome. All names in them are neutral.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use serde_json::{Value, json};

use super::check::Failed;

/// Words that must never leave Service A: of the sealed source, of the rung that stays at home, of the desk.
pub(crate) const CANARIES: [&str; 4] = ["LARK", "intercept", "unit 7", "HARBOUR"];
/// What every name of a person begins with.
pub(crate) const NAMES: &str = "Name of Subject";
/// What both receivers are told, so that a search for the others shows that it searches.
pub(crate) const HELD_BY_ALL: &str = "Bombings planned in City P";
/// How many persons the warning names.
pub(crate) const PERSONS: usize = 7;

/// The days of the play, counted from today.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Days {
    /// Today.
    pub(crate) today: Date,
    /// When the attack is planned.
    pub(crate) planned: Date,
    /// Until when the warning is asserted.
    pub(crate) until: Date,
    /// When somebody must look again at persons and assessments.
    pub(crate) review: Date,
    /// Until when three are remanded: the next 14 January.
    pub(crate) remanded_until: Date,
}

impl Days {
    /// The days as seen at `now`.
    pub(crate) fn of(now: Timestamp) -> Result<Self, Failed> {
        let today = now.to_zoned(TimeZone::UTC).date();
        let after = |days: i64| {
            today
                .checked_add(Span::new().days(days))
                .map_err(|e| Failed::new("a date that can be written", e.to_string()))
        };
        let january = |year: i16| Date::new(year, 1, 14).ok().filter(|day| *day > today);
        let next = january(today.year()).or_else(|| january(today.year().saturating_add(1)));
        Ok(Self {
            today,
            planned: after(18)?,
            until: after(32)?,
            review: after(330)?,
            remanded_until: next.unwrap_or(today),
        })
    }
}

/// The agreement of A and B: one domain open, one resuming, one suspended.
pub(crate) fn agreement_with_b() -> Value {
    json!({
        "parties": ["service-a.example", "service-b.example"],
        "legal_basis": "Memorandum between Service A and Service B, article 4",
        "domains": {
            "counter_terrorism": {
                "state": "active", "kinds": ["threat", "indicator", "advisory"],
                "purposes": ["prevent_harm", "protect_victim", "investigate"],
                "persons": "named", "naming": "agency", "time": "day",
                "clocks": {
                    "acknowledge_minutes": { "flash": 15, "immediate": 60, "priority": 480, "routine": 4320 },
                    "review_minutes": 1440, "outcome_minutes": 43200
                },
                "assurances": ["no coercive action on this alone"]
            },
            "cyber": {
                "state": "resuming", "pilot_scope": ["indicator"], "kinds": ["indicator", "malware_report"],
                "purposes": ["prevent_harm", "situational_awareness"]
            },
            "elections": {
                "state": "suspended", "kinds": ["advisory"], "purposes": ["situational_awareness"]
            }
        }
    })
}

/// The agreement of A and C: narrower in every way.
pub(crate) fn agreement_with_c() -> Value {
    json!({
        "parties": ["service-a.example", "service-c.example"],
        "legal_basis": "Exchange of letters between Service A and Service C",
        "domains": {
            "counter_terrorism": {
                "state": "active", "kinds": ["threat"], "purposes": ["prevent_harm"],
                "persons": "none", "naming": "a_partner", "time": "month"
            }
        }
    })
}

/// What the second rung of `what` says when it is written properly.
pub(crate) const WHAT: &str = "bombings of two crowded places on one evening, explosives are at hand";
/// What it says at first: the author's hand slipped.
pub(crate) const WHAT_SLIPPED: &str = "bombings of two crowded places on one evening, as Lark has it";
/// The lowest rung of `what`.
pub(crate) const WHAT_LEAST: &str = "bombings of crowded places";

/// The warning of the play. `sources` are written the first time and sealed at once.
pub(crate) fn warning(days: &Days, what: &str, with_source: bool) -> Value {
    let only_b = json!({ "tlp": "amber", "rel_to": ["service-b.example"] });
    let nobody = json!({ "tlp": "red", "rel_to": [] });
    let mut file = json!({
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
        "validity": { "until": format!("{}T00:00:00Z", days.until) },
        "title": [{ "text": "Bombings planned in City P" }],
        "target": [
            { "kind": "location", "name": "public places in City P", "protected": { "territory": "Country B" } }
        ],
        "what": [
            { "text": "intercept of Platform T by unit 7: the group speaks of two devices and one evening",
              "handling": nobody },
            { "text": what, "handling": only_b },
            { "text": WHAT_LEAST }
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
        "when": [{ "from": format!("{}T18:00:00Z", days.planned), "depth": "exact" }],
        "giver": [
            { "depth": "agency", "name": "Service A" },
            { "depth": "country", "name": "a service of Country A" },
            { "depth": "a_partner", "name": "a partner" }
        ],
        "source_line": [{ "text": "a source with direct access, reliable so far", "handling": only_b }],
        "subjects": (1..=PERSONS).map(|n| person(days, n)).collect::<Vec<_>>(),
    });
    if with_source {
        let sources = json!([{
            "kind": "technical", "traceability": "few",
            "description": "intercept of Platform T by unit 7; liaison asset LARK",
            "protected_terms": ["LARK", "unit 7"]
        }]);
        put(&mut file, "sources", sources);
    }
    file
}

fn person(days: &Days, n: usize) -> Value {
    json!({
        "pseudonym": format!("Subject {n}"), "category": "suspect", "purpose": "prevent_harm",
        "grounds": ["plans_attack"], "review_date": days.review, "identity_basis": "confirmed",
        "identity": [{ "name": format!("{NAMES} {n}") }]
    })
}

/// What came of it, as B tells it. `unknown` are those of whose status nothing is known.
pub(crate) fn outcome(days: &Days, unknown: usize) -> Value {
    let remanded = |number: usize, until: Option<Date>| {
        let mut group =
            json!({ "status": "remanded", "number": number, "as_of": days.today, "asserted_by": "Court B" });
        if let Some(until) = until {
            put(&mut group, "until", json!(until));
        }
        group
    };
    json!({
        "event": "not_occurred",
        "determination": "blocked",
        "contribution": "decisive",
        "usefulness": "high",
        "text": "the information helped to find and detain the suspects; weapons and explosives were seized",
        "counts": [{ "measure": "lives_lost", "value": 0, "counter": "service-b.example" }],
        "subjects": {
            "declared": PERSONS,
            "counter": "service-b.example",
            "groups": [
                remanded(3, Some(days.remanded_until)),
                remanded(2, None),
                { "status": "unknown", "number": unknown }
            ]
        },
        "open_questions": ["What is the status of the two of whom no court has spoken?"]
    })
}

/// B's own warning, later: a hotel in a third country where citizens of Country A stay.
pub(crate) fn warning_of_b(days: &Days) -> Value {
    json!({
        "format": "forewarn/warning",
        "precedence": "immediate",
        "domain": "counter_terrorism",
        "harm": ["killing"],
        "protectors": ["service-a.example"],
        "handling": { "tlp": "amber", "purposes": ["prevent_harm", "protect_victim"] },
        "grade": { "scheme": "nato6x6", "source": "C", "info": "3" },
        "validity": { "until": format!("{}T00:00:00Z", days.until) },
        "title": [{ "text": "Attack on a hotel in City R considered" }],
        "target": [
            { "kind": "business", "name": "a hotel in City R where citizens of Country A stay",
              "protected": { "nationality": "Country A" } }
        ],
        "what": [{ "text": "an armed attack on guests" }],
        "where": [{ "grain": "city", "name": "City R", "within": { "country": "Country D" } }],
        "when": [{ "from": format!("{}T00:00:00Z", days.planned), "depth": "week" }],
        "giver": [{ "depth": "agency", "name": "Service B" }]
    })
}

/// A threat to life in the suspended domain: it names a person and a source line, which must stay behind.
pub(crate) fn threat_to_life(days: &Days) -> Value {
    json!({
        "format": "forewarn/warning",
        "precedence": "flash",
        "domain": "elections",
        "harm": ["killing"],
        "protectors": ["service-b.example"],
        "handling": { "tlp": "amber" },
        "grade": { "scheme": "nato6x6", "source": "B", "info": "3" },
        "validity": { "until": format!("{}T00:00:00Z", days.until) },
        "title": [{ "text": "Shooting planned at a polling place" }],
        "target": [{ "kind": "group", "name": "polling officers in City P", "protected": { "territory": "Country B" } }],
        "what": [{ "text": "a shooting at a polling place" }],
        "who": [{ "text": "one armed follower of Group G" }],
        "where": [{ "grain": "city", "name": "City P", "within": { "country": "Country B" } }],
        "when": [{ "from": format!("{}T07:00:00Z", days.today), "depth": "day" }],
        "giver": [{ "depth": "agency", "name": "Service A" }],
        "source_line": [{ "text": "a source close to the matter" }],
        "subjects": [person(days, PERSONS)]
    })
}

/// A warning of the bad day: nothing but its title differs, so that what arrives can be told apart.
pub(crate) fn of_the_bad_day(days: &Days, title: &str) -> Value {
    json!({
        "format": "forewarn/warning",
        "precedence": "priority",
        "domain": "counter_terrorism",
        "harm": ["killing"],
        "protectors": ["service-b.example"],
        "handling": { "tlp": "amber", "purposes": ["prevent_harm"] },
        "grade": { "scheme": "nato6x6", "source": "B", "info": "3" },
        "validity": { "until": format!("{}T00:00:00Z", days.until) },
        "title": [{ "text": title }],
        "target": [{ "kind": "location", "name": "public places in City P" }],
        "what": [{ "text": "somebody who is still at large looks for another place" }],
        "giver": [{ "depth": "agency", "name": "Service A" }]
    })
}

/// A drill.
pub(crate) fn exercise(days: &Days) -> Value {
    json!({
        "format": "forewarn/warning",
        "status": "exercise",
        "precedence": "priority",
        "domain": "counter_terrorism",
        "harm": ["killing"],
        "protectors": ["service-b.example"],
        "handling": { "tlp": "green" },
        "grade": { "scheme": "nato6x6", "source": "A", "info": "1" },
        "validity": { "until": format!("{}T00:00:00Z", days.until) },
        "title": [{ "text": "Spring drill of both duty desks" }],
        "target": [{ "kind": "location", "name": "a station in City P" }],
        "what": [{ "text": "an attack with vehicles" }]
    })
}

fn put(object: &mut Value, key: &str, value: Value) {
    if let Some(map) = object.as_object_mut() {
        map.insert(key.to_owned(), value);
    }
}

/// The same file, claiming to be actual.
pub(crate) fn actual(file: &Value) -> Value {
    let mut file = file.clone();
    put(&mut file, "status", json!("actual"));
    file
}
