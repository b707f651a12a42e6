//! The texts of a warning, read once for as many recipients as there are: cut into words, folded, searched for times and
//! protected terms, and turned into the phrases that whoever does not get a rung must not read elsewhere.

use std::collections::BTreeSet;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use model::handling::RelTo;
use model::id::PartyName;
use model::ladder::{FieldPath, PersonValue, Place, Rung, TimeValue, Value};
use model::vocab::{SubjectStatus, TimeDepth};
use model::warning::{ProtectedTerm, Warning};

use super::dates::{Mention, mentions};
use super::fold::{Word, pieces, shown, squeezed, words};
use super::marked::{is_telling, marked_terms};
use super::withheld::{Phrase, Unless, place_names};
use crate::judgement::Withheld;
use crate::keyed::Keyed;

/// The texts of one warning. No recipient changes anything in it.
pub(crate) struct Texts<'w> {
    /// In the order of [`Warning::ladders`].
    pub(crate) ladders: Vec<Ladder<'w>>,
    /// The parties in its handling and its protectors, and we; by name.
    pub(super) parties: Vec<Party<'w>>,
    /// The desk's own words, which never leave.
    pub(super) desk: Vec<Phrase>,
}

/// One ladder with its rungs read.
pub(crate) struct Ladder<'w> {
    pub(crate) path: FieldPath,
    pub(crate) rungs: &'w [Rung],
    /// As many as there are rungs.
    pub(super) read: Vec<ReadRung>,
}

/// A party that is not named to others.
pub(super) struct Party<'w> {
    pub(super) name: &'w PartyName,
    pub(super) is_us: bool,
    pub(super) phrase: Option<Phrase>,
}

/// A rung with its texts read.
pub(crate) struct ReadRung {
    /// The words that leave as they were written.
    pub(super) text: Vec<Word>,
    /// The times that they tell.
    pub(super) mentions: Vec<Mention>,
    /// Runs of its structured names that are protected terms, as they stand there.
    pub(super) protected_in_names: Vec<String>,
    /// Runs of its text that are protected terms, as they stand there.
    pub(super) protected_in_text: Vec<String>,
    /// What nobody may read elsewhere who does not get this rung.
    pub(super) phrases: Vec<Phrase>,
    /// Its times, each with how exactly it is held.
    pub(super) times: Vec<(DateTime, TimeDepth)>,
    /// Structured values that whoever gets this rung knows, whoever mentions them.
    pub(super) values: Vec<Vec<Word>>,
    /// The short name that it gives as who or target, which may then be mentioned elsewhere.
    pub(super) home: Option<Vec<Word>>,
    /// The target's or giver's name, squeezed; empty elsewhere.
    pub(super) name: String,
}

/// The most words that a name given as who or target may have in order to excuse its mention elsewhere.
const HOME_WORDS_MAX: usize = 6;

/// The longest run of words, single letters among them, that is taken for one protected term.
const PROTECTED_RUN_WORDS_MAX: usize = 64;

impl<'w> Texts<'w> {
    /// Reads the texts of a warning of ours.
    pub(crate) fn of(warning: &'w Warning, us: &'w PartyName, terms_key: &[u8; 32]) -> Self {
        let protected = Protected::of(&warning.protected_terms, terms_key);
        let ladder = |(path, rungs): (FieldPath, &'w [Rung])| {
            let read = rungs.iter().map(|rung| ReadRung::of(path, rung, &protected)).collect();
            Ladder { path, rungs, read }
        };
        let ladders: Vec<Ladder<'w>> = warning.each_ladder().map(ladder).collect();
        let parties = parties(warning, &ladders, us);
        Self { ladders, parties, desk: desk(warning) }
    }
}

/// Parties are never named to one another: originators, other recipients, protectors; we only down to the depth given.
fn parties<'w>(warning: &'w Warning, ladders: &[Ladder<'w>], us: &'w PartyName) -> Vec<Party<'w>> {
    let rungs = ladders.iter().flat_map(|ladder| ladder.rungs).map(|rung| &rung.handling);
    let mut parties: BTreeSet<&'w PartyName> = warning.protectors.iter().collect();
    for handling in rungs.chain(std::iter::once(&warning.handling)) {
        parties.extend(&handling.orcon);
        if let RelTo::Only(only) = &handling.rel_to {
            parties.extend(only);
        }
    }
    parties.insert(us);
    let party = |name: &'w PartyName| {
        let mut said = Said::new(Withheld::Party);
        said.phrase(name.as_str());
        Party { name, is_us: name == us, phrase: said.phrases.pop() }
    };
    parties.into_iter().map(party).collect()
}

fn desk(warning: &Warning) -> Vec<Phrase> {
    let mut said = Said::new(Withheld::Desk);
    if let Some(case) = &warning.case {
        said.text(case);
    }
    for person in [&warning.author, &warning.graded_by] {
        let telling = squeezed(person.as_str());
        if telling.chars().count() > 3 && is_telling(&telling) {
            said.phrase(person.as_str());
        }
    }
    said.phrases
}

impl ReadRung {
    fn of(path: FieldPath, rung: &Rung, protected: &Protected<'_>) -> Self {
        let value = &rung.value;
        let text = words(&spoken(rung));
        let mut said = Said::new(Withheld::Field(path));
        said.value(value);
        let (values, home) = known(path, value);
        Self {
            mentions: mentions(&text),
            protected_in_names: protected.runs(|| words(&names(value))),
            protected_in_text: protected.runs_of(&text),
            text,
            phrases: said.phrases,
            times: times(value),
            values,
            home,
            name: match value {
                Value::Target(target) => squeezed(&target.name),
                Value::Giver(giver) => squeezed(&giver.name),
                _ => String::new(),
            },
        }
    }
}

/// The words of a rung that leave as they were written: the author's own, and those of its handling.
fn spoken(rung: &Rung) -> String {
    let mut parts: Vec<&str> = match &rung.value {
        Value::Text(text) => vec![text],
        Value::Target(target) => vec![&target.name],
        Value::Giver(giver) => vec![&giver.name],
        Value::Status(status) => vec![&status.asserted_by],
        _ => Vec::new(),
    };
    let handling = &rung.handling;
    parts.extend(
        handling.alt_labels.iter().chain(&handling.iep).chain(&handling.assurances).map(String::as_str),
    );
    parts.join("\n")
}

/// Names in structured values: given as they are, and compared with the protected terms only.
fn names(value: &Value) -> String {
    match value {
        Value::Place(_) | Value::Person(_) => value.plain(),
        _ => String::new(),
    }
}

/// What whoever gets a value knows by it: values that are known whoever mentions them, and a home.
fn known(path: FieldPath, value: &Value) -> (Vec<Vec<Word>>, Option<Vec<Word>>) {
    let home = |name: &str| Some(words(name)).filter(|name| name.len() <= HOME_WORDS_MAX);
    match value {
        Value::Text(name) if path == FieldPath::Who => (Vec::new(), home(name)),
        Value::Target(target) => (Vec::new(), home(&target.name)),
        Value::Text(_) | Value::Status(_) => (Vec::new(), None),
        Value::Place(place) => (place_names(place).map(words).collect(), None),
        Value::Person(PersonValue::Named { name, aliases, .. }) => {
            (std::iter::once(name).chain(aliases).map(|n| words(n)).collect(), None)
        }
        other => (vec![words(&other.plain())], None),
    }
}

/// The times of a value, each with how exactly it is held.
fn times(value: &Value) -> Vec<(DateTime, TimeDepth)> {
    let civil = |t: jiff::Timestamp| t.to_zoned(TimeZone::UTC).datetime();
    match value {
        Value::Time(TimeValue { from, to, depth }) => {
            std::iter::once(*from).chain(*to).map(|at| (civil(at), *depth)).collect()
        }
        Value::Validity(v) => [v.from, v.until].map(|at| (civil(at), TimeDepth::Exact)).to_vec(),
        Value::Status(status) => vec![(status.as_of.at(0, 0, 0, 0), TimeDepth::Day)],
        _ => Vec::new(),
    }
}

/// The phrases of one place of the warning, as they are gathered.
struct Said {
    of: Withheld,
    phrases: Vec<Phrase>,
}

impl Said {
    fn new(of: Withheld) -> Self {
        Self { of, phrases: Vec::new() }
    }

    fn push(&mut self, needle: String, marked: bool, prose: bool, unless: Unless) {
        if !needle.is_empty() {
            self.phrases.push(Phrase { needle, of: self.of.clone(), marked, prose, unless });
        }
    }

    fn phrase(&mut self, text: &str) {
        self.push(squeezed(text), false, false, Unless::Never);
    }

    fn text(&mut self, text: &str) {
        let all = words(text);
        let needle = all.iter().map(|w| w.folded.as_str()).collect();
        self.push(needle, false, true, Unless::Never);
        marked_terms(&all).into_iter().for_each(|term| self.push(term, true, true, Unless::Never));
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Text(text) => self.text(text),
            Value::Target(target) => self.text(&target.name),
            Value::Giver(giver) => self.text(&giver.name),
            Value::Person(person) => self.person(person),
            Value::Place(place) => self.place(place),
            Value::Status(status) => {
                self.text(&status.asserted_by);
                self.phrase(tell_tale(status.status));
            }
            Value::Harm(kinds) => kinds
                .iter()
                .for_each(|kind| self.push(squeezed(&kind.plain()), false, false, Unless::Harm(*kind))),
            Value::Grade(grade) => {
                self.phrase(&format!("{}{}", grade.source, grade.info));
                // A letter or a digit alone says nothing; a scheme of whole words does.
                let words = [&grade.source, &grade.info].into_iter().filter(|w| w.chars().count() > 2);
                words.for_each(|word| self.phrase(word));
            }
            Value::Likelihood(likelihood) => self.phrase(&likelihood.plain()),
            Value::Confidence(confidence) => self.phrase(&format!("{} confidence", confidence.plain())),
            Value::Time(_) | Value::Validity(_) => {}
        }
    }

    fn person(&mut self, person: &PersonValue) {
        let PersonValue::Named { name, aliases, identifiers } = person else { return };
        for name in std::iter::once(name).chain(aliases) {
            self.phrase(name);
            let telling = pieces(name).into_iter().filter(|p| is_telling(p));
            telling.for_each(|piece| self.push(piece, false, false, Unless::Never));
        }
        for identifier in identifiers {
            self.phrase(identifier);
            let marked = marked_terms(&words(identifier));
            marked.into_iter().for_each(|term| self.push(term, false, false, Unless::Never));
        }
    }

    /// The names of a place and their telling words; those that are given are no secret.
    fn place(&mut self, place: &Place) {
        for name in place_names(place) {
            self.push(squeezed(name), false, false, Unless::Place(name.to_owned()));
            let telling = pieces(name).into_iter().filter(|p| is_telling(p) && p.chars().count() > 3);
            telling.for_each(|piece| self.push(piece, true, false, Unless::Place(name.to_owned())));
        }
    }
}

/// The protected terms of the warning's sources, and the key under which words are compared with them.
struct Protected<'a> {
    terms: &'a BTreeSet<ProtectedTerm>,
    key: Keyed,
    /// A term may be spelt with more spaces than it was registered with, down to its single letters.
    longest: usize,
}

impl<'a> Protected<'a> {
    fn of(terms: &'a BTreeSet<ProtectedTerm>, key: &[u8; 32]) -> Self {
        let longest = terms.iter().map(|t| usize::from(t.words) + 2).max().unwrap_or(0);
        Self { terms, key: Keyed::new(key), longest }
    }

    fn runs(&self, text: impl FnOnce() -> Vec<Word>) -> Vec<String> {
        if self.longest == 0 { Vec::new() } else { self.runs_of(&text()) }
    }

    /// Runs of words that are protected terms.
    fn runs_of(&self, text: &[Word]) -> Vec<String> {
        let mut found = Vec::new();
        for first in 0..text.len() {
            let mut run = String::new();
            let mut words = 0;
            for (last, word) in text.iter().enumerate().skip(first).take(PROTECTED_RUN_WORDS_MAX) {
                words += usize::from(word.folded.chars().nth(1).is_some());
                if words > self.longest || self.longest == 0 {
                    break;
                }
                run.push_str(&word.folded);
                let digest = self.key.of(&[run.as_bytes()]);
                if self.terms.iter().any(|t| t.digest == digest) {
                    found.push(shown(text, (first, last)));
                }
            }
        }
        found
    }
}

/// The word for a status that ordinary language does not use of anybody; empty for the others.
fn tell_tale(status: SubjectStatus) -> &'static str {
    match status {
        SubjectStatus::Wanted => "wanted",
        SubjectStatus::AtLarge => "at large",
        SubjectStatus::Detained => "detained",
        SubjectStatus::Remanded => "remanded",
        SubjectStatus::Charged => "charged",
        SubjectStatus::OnTrial => "on trial",
        SubjectStatus::Convicted => "convicted",
        SubjectStatus::Acquitted => "acquitted",
        SubjectStatus::CaseDropped => "case dropped",
        SubjectStatus::Deceased => "deceased",
        SubjectStatus::Mentioned
        | SubjectStatus::OfInterest
        | SubjectStatus::Suspect
        | SubjectStatus::Released
        | SubjectStatus::Unknown => "",
    }
}
