//! Builders: a warning, the terms of an agreement, handling, an outcome. Each is the template or next to nothing, to be
//! changed field by field.

use exchange::preview::Stated;
use model::agreement::{self, Terms};
use model::body::Outcome;
use model::file::{self, TextRung, WarningFile};
use model::vocab::{Domain, EventState, PersonsRule, Precedence, Purpose, Tlp};
use model::words::HandlingWords;

/// The warning of the template: a threat to life in counter-terrorism, for service-b.example to prevent, with one
/// person; without sources.
pub fn warning() -> WarningFile {
    let mut file = WarningFile::parse(file::TEMPLATE).unwrap();
    file.sources.clear();
    file
}

/// The terms of the template between two parties: counter-terrorism is active (no persons, naming to the agency, times
/// to the day), cyber is resuming for indicators only, elections are suspended.
pub fn terms(one: &str, other: &str) -> Terms {
    let text = file::without_comments(agreement::TEMPLATE);
    let mut terms = Terms::parse(text.as_bytes()).unwrap();
    let mut parties = [one.to_owned(), other.to_owned()];
    parties.sort();
    terms.parties = parties;
    terms
}

/// The same with a rule on persons in counter-terrorism.
pub fn persons(mut terms: Terms, rule: PersonsRule) -> Terms {
    terms.domains.get_mut(&Domain::CounterTerrorism).unwrap().persons = rule;
    terms
}

/// A rung of words.
pub fn text(words: &str, handling: Option<HandlingWords>) -> TextRung {
    TextRung { text: words.to_owned(), handling }
}

/// Handling that lets a rung go to these parties and to no other.
pub fn tight(parties: &[&str]) -> HandlingWords {
    HandlingWords { rel_to: Some(parties.iter().map(|p| (*p).to_owned()).collect()), ..amber() }
}

/// Handling under which a rung goes to nobody.
pub fn closed_to() -> HandlingWords {
    tight(&[])
}

fn amber() -> HandlingWords {
    let mut words = warning().handling;
    words.tlp = Tlp::Amber;
    words
}

/// One recipient, told that it is to prevent harm, with immediate precedence.
pub fn recipient(party: &str) -> Stated {
    Stated { party: party.to_owned(), purpose: Purpose::PreventHarm, precedence: Precedence::Immediate }
}

/// As `recipient`, for several.
pub fn recipients(parties: &[&str]) -> Vec<Stated> {
    parties.iter().map(|p| recipient(p)).collect()
}

/// An outcome that says nothing but what became of the event.
pub fn outcome(event: EventState) -> Outcome {
    Outcome {
        event,
        determination: None,
        contribution: None,
        usefulness: None,
        text: None,
        counts: Vec::new(),
        subjects: None,
        open_questions: Vec::new(),
        unsolicited: false,
        domain: None,
    }
}
