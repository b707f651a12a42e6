//! The rendering in words: title, description, the fields as stated, the specificity profile, the handling in a sentence.
//!
//! Our own words say suspected and planned, never who is guilty; likelihood and confidence each have a sentence of their
//! own (I-28, I-29).

use model::body::StatedField;
use model::ladder::{FieldPath, PersonValue, TimeValue, Value};
use model::vocab::{Evidential, IdentityBasis, NamingDepth, Onward, PersonsUse, Publicity, TimeDepth};
use model::words::HandlingWords;

use super::given::Given;

/// What a recipient reads before anything else of a drill.
const EXERCISE: &str = "EXERCISE: ";

/// What the profile says of a grain that the recipient does not hold.
const NOT_STATED: &str = "not stated";

/// The name of the report: the title given, or a neutral one of the harm.
pub(super) fn name(given: &Given) -> String {
    let title = match given.value(FieldPath::Title) {
        Some(Value::Text(title)) => title.clone(),
        _ => format!("Warning: {}", harm(given)),
    };
    marked(given, title)
}

/// The text, with the mark of a drill before it if it is one.
pub(super) fn marked(given: &Given, text: String) -> String {
    if given.is_exercise() { format!("{EXERCISE}{text}") } else { text }
}

pub(super) fn harm(given: &Given) -> String {
    given.harm().iter().map(|h| h.plain()).collect::<Vec<_>>().join(", ")
}

/// The fields given, one line each, as a peer without our extension reads them.
pub(super) fn description(given: &Given) -> String {
    let lines = given.values.iter().filter_map(|(path, value)| {
        let label = match path {
            FieldPath::Harm => "Harm threatened",
            FieldPath::Target => "Threatened",
            FieldPath::What => "What",
            FieldPath::Who => "Who",
            FieldPath::Where => "Where",
            FieldPath::When => "When",
            FieldPath::How => "How",
            FieldPath::Likelihood => "Likelihood of the event",
            FieldPath::Confidence => "Confidence in the judgement",
            FieldPath::Validity => "Asserted",
            // The title is the name; giver, source and persons are objects of their own.
            FieldPath::Title | FieldPath::Giver | FieldPath::SourceLine | FieldPath::Grade => return None,
            FieldPath::SubjectIdentity(_) | FieldPath::SubjectStatus(_) => return None,
        };
        let text = value.plain();
        let stop = if text.ends_with(['.', '!', '?']) { "" } else { "." };
        Some(format!("{label}: {text}{stop}"))
    });
    marked(given, lines.collect::<Vec<_>>().join("\n"))
}

/// The fields given, as the extension states them.
pub(super) fn stated(given: &Given) -> Vec<StatedField> {
    given
        .values
        .iter()
        .map(|(path, value)| StatedField {
            path: path.to_string(),
            depth: depth(given, value),
            text: text(given, *path, value),
        })
        .collect()
}

fn text(given: &Given, path: FieldPath, value: &Value) -> String {
    let claimed = match path {
        FieldPath::SubjectIdentity(n) => {
            given.subjects.get(&n).is_some_and(|s| s.basis == IdentityBasis::Claimed)
        }
        _ => false,
    };
    match value {
        Value::Person(PersonValue::Named { .. }) if claimed => format!("{}, as claimed", value.plain()),
        other => other.plain(),
    }
}

fn depth(given: &Given, value: &Value) -> Option<String> {
    match value {
        Value::Time(time) => Some(time.depth.to_string()),
        Value::Place(place) => Some(place.grain.to_string()),
        Value::Giver(giver) => Some(giver.depth.to_string()),
        Value::Validity(_) => Some(given.validity_depth.to_string()),
        _ => None,
    }
}

/// For who, what, where, when and how the grain that the recipient holds, from what it is given alone.
pub(super) fn specificity(given: &Given) -> [(&'static str, String); 5] {
    let in_words = |path| given.value(path).map(|_| "in words".to_owned());
    let named = |v: &&Value| matches!(v, Value::Person(PersonValue::Named { .. }));
    let persons = || given.values.iter().filter(|(path, _)| path.is_subject()).map(|(_, value)| value);
    let who = match persons().find(named) {
        Some(_) => Some("person".to_owned()),
        None => {
            in_words(FieldPath::Who).or_else(|| persons().next().map(|_| "a person, not named".to_owned()))
        }
    };
    let depth_of = |path| given.value(path).and_then(|v| depth(given, v));
    let what = in_words(FieldPath::What).or_else(|| Some("kinds of harm".to_owned()));
    [
        ("who", who),
        ("what", what),
        ("where", depth_of(FieldPath::Where)),
        ("when", depth_of(FieldPath::When)),
        ("how", in_words(FieldPath::How)),
    ]
    .map(|(question, grain)| (question, grain.unwrap_or_else(|| NOT_STATED.to_owned())))
}

/// How the giver is named: as given, else by no more than that there is a partner, and not even that where the ceiling
/// is none.
pub(super) fn giver(given: &Given) -> String {
    match given.value(FieldPath::Giver) {
        Some(Value::Giver(giver)) => giver.name.clone(),
        _ if given.naming >= NamingDepth::APartner => "a partner".to_owned(),
        _ => "not named".to_owned(),
    }
}

/// The line on the source and the grade, if either is given.
pub(super) fn on_the_source(given: &Given) -> Option<String> {
    let line = |label: &str, path| given.value(path).map(|v| format!("{label}: {}", v.plain()));
    let lines: Vec<_> = [line("Source", FieldPath::SourceLine), line("Grade, as given", FieldPath::Grade)]
        .into_iter()
        .flatten()
        .collect();
    if lines.is_empty() { None } else { Some(lines.join("\n")) }
}

/// The handling in plain words, for a peer that reads no extension.
pub(super) fn handling(given: &Given, recipient: &str) -> String {
    let HandlingWords { tlp, pap, purposes, evidential, onward, publicity, persons, valid_until, .. } =
        &given.header.handling;
    let addressed = given.header.handling.rel_to.is_some();
    let mut all = vec![format!("TLP:{}, PAP:{}.", tlp.word().to_uppercase(), pap.word().to_uppercase())];
    if addressed {
        all.push(format!("For {recipient} only."));
    }
    all.push(match purposes {
        Some(purposes) => {
            let words: Vec<_> = purposes.iter().map(|p| p.plain()).collect();
            format!("To be used to {} and for nothing else.", words.join(", "))
        }
        None => "To be used for the purposes agreed.".to_owned(),
    });
    let rules = [
        match onward {
            Onward::Free => "May be passed on.",
            Onward::Listed => "May be passed on to the parties listed in the agreement.",
            Onward::Ask => "Not to be passed on without asking first.",
            Onward::No => "Not to be passed on.",
        },
        match publicity {
            Publicity::Free => "May be published.",
            Publicity::AgreedLines => "To be published in agreed lines only.",
            Publicity::None => "Not to be published.",
        },
        match evidential {
            Evidential::Yes => "May be used as evidence.",
            Evidential::Ask => "Not to be used as evidence without asking first.",
            Evidential::No => "Not to be used as evidence.",
        },
        match persons {
            PersonsUse::Free => "No further condition on persons.",
            PersonsUse::AskBeforeCoerciveAction => "Ask before any coercive action against a person.",
            PersonsUse::LeadOnly => "Persons in it are a lead only: no coercive action on this alone.",
        },
    ];
    all.extend(rules.map(str::to_owned));
    all.extend(valid_until.map(|until| format!("Not to be passed on after {until}.")));
    marked(given, all.join(" "))
}

/// When it is to happen, as an event's start and end with their fidelity (incident-ef7 §5.10). A week and "recently" have
/// no fidelity there and are left to the words.
pub(super) fn event_times(
    time: &TimeValue,
) -> Option<(&'static str, jiff::Timestamp, Option<jiff::Timestamp>)> {
    let whole_minute = |t: jiff::Timestamp| t.as_second() % 60 == 0;
    let fidelity = match time.depth {
        TimeDepth::Exact if whole_minute(time.from) && time.to.is_none_or(whole_minute) => "minute",
        TimeDepth::Exact => "second",
        TimeDepth::Day => "day",
        TimeDepth::Month => "month",
        TimeDepth::Year => "year",
        TimeDepth::Week | TimeDepth::Recently | TimeDepth::None => return None,
    };
    Some((fidelity, time.from, time.to.filter(|to| *to >= time.from)))
}
