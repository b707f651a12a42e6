//! What one recipient does not get, as phrases to look for; and what it gets, as words that give nothing away.

use std::collections::BTreeSet;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use model::handling::RelTo;
use model::id::PartyName;
use model::ladder::{Field, FieldPath, PersonValue, Place, Rung, TimeValue, Value};
use model::vocab::{HarmKind, NamingDepth, SubjectStatus, TimeDepth};
use model::warning::{ProtectedTerm, Warning};

use super::fold::{find, pieces, squeezed, words};
use super::marked::{is_telling, marked_terms};
use crate::judgement::Withheld;

/// A phrase that the recipient must not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Phrase {
    /// Squeezed.
    pub(crate) needle: String,
    /// Where it is said.
    pub(crate) of: Withheld,
    /// Whether it is one of the marked words of a text, not the text or the name itself.
    marked: bool,
    /// Whether it comes from free text, so that the field that is its home may give it.
    prose: bool,
}

/// A time that the recipient does not get as exactly as it is held.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HeldTime {
    pub(crate) path: FieldPath,
    pub(crate) at: DateTime,
    /// How exactly it is held.
    pub(crate) depth: TimeDepth,
    /// How exactly the recipient gets it.
    pub(crate) known: TimeDepth,
}

/// Everything that one recipient does not get of one warning.
pub(crate) struct Secrets<'a> {
    pub(crate) phrases: Vec<Phrase>,
    pub(crate) times: Vec<HeldTime>,
    pub(crate) coordinates: Vec<i32>,
    pub(crate) protected: &'a BTreeSet<ProtectedTerm>,
    pub(crate) terms_key: &'a [u8; 32],
}

/// A ladder with what the recipient gets of it, as far as is settled.
pub(crate) struct Foothold<'a> {
    pub(crate) field: &'a Field,
    /// The rung given.
    pub(crate) granted: Option<usize>,
    /// The harms to life that are told in any case.
    pub(crate) life: BTreeSet<HarmKind>,
    /// Rungs that are no secret, the one given among them.
    pub(crate) open: Vec<usize>,
}

impl<'a> Foothold<'a> {
    fn given(&self) -> Option<&'a Rung> {
        self.field.rungs.get(self.granted?)
    }

    /// The rungs that are secret.
    fn withheld(&self) -> impl Iterator<Item = &'a Rung> {
        self.field.rungs.iter().enumerate().filter(|(at, _)| !self.open.contains(at)).map(|(_, rung)| rung)
    }
}

impl<'a> Secrets<'a> {
    /// Gathers what `recipient` does not get, given where it stands on each ladder.
    pub(crate) fn gather(
        warning: &'a Warning,
        footholds: &[Foothold<'_>],
        recipient: &PartyName,
        us: &PartyName,
        terms_key: &'a [u8; 32],
    ) -> Self {
        let protected = &warning.protected_terms;
        let mut secrets =
            Self { phrases: Vec::new(), times: Vec::new(), coordinates: Vec::new(), protected, terms_key };
        for ladder in footholds {
            let given = ladder.given().map(|g| &g.value);
            for rung in ladder.withheld().filter(|r| given != Some(&r.value)) {
                match &rung.value {
                    Value::Harm(kinds) => secrets.harm(kinds, given, ladder),
                    value => secrets.value(ladder.field.path, value, given),
                }
            }
        }
        secrets.parties(warning, footholds, recipient, us);
        secrets.desk(warning);
        secrets.phrases.retain(|t| !t.needle.is_empty());
        secrets
    }

    fn value(&mut self, path: FieldPath, value: &Value, given: Option<&Value>) {
        let of = Withheld::Field(path);
        match value {
            Value::Text(text) => self.text(text, &of),
            Value::Target(target) => self.text(&target.name, &of),
            Value::Giver(giver) => self.text(&giver.name, &of),
            Value::Person(person) => self.person(person, &of),
            Value::Place(place) => self.place(place, given, &of),
            Value::Time(time) => {
                let known = match given {
                    Some(Value::Time(given)) => given.depth,
                    _ => TimeDepth::None,
                };
                self.time(path, time, known);
            }
            Value::Validity(v) => {
                for at in [v.from, v.until] {
                    self.time(
                        path,
                        &TimeValue { from: at, to: None, depth: TimeDepth::Exact },
                        TimeDepth::None,
                    );
                }
            }
            Value::Status(status) => {
                self.text(&status.asserted_by, &of);
                self.phrase(tell_tale(status.status), &of);
                let at = status.as_of.at(0, 0, 0, 0);
                self.times.push(HeldTime { path, at, depth: TimeDepth::Day, known: TimeDepth::None });
            }
            Value::Harm(_) => {}
            Value::Grade(grade) => {
                self.phrase(&format!("{}{}", grade.source, grade.info), &of);
                // A letter or a digit alone says nothing; a scheme of whole words does.
                let words = [&grade.source, &grade.info].into_iter().filter(|w| w.chars().count() > 2);
                words.for_each(|word| self.phrase(word, &of));
            }
            Value::Likelihood(likelihood) => self.phrase(&likelihood.plain(), &of),
            Value::Confidence(confidence) => self.phrase(&format!("{} confidence", confidence.plain()), &of),
        }
    }

    fn harm(&mut self, kinds: &BTreeSet<HarmKind>, given: Option<&Value>, ladder: &Foothold<'_>) {
        let told = |kind: &HarmKind| match given {
            Some(Value::Harm(told)) => told.contains(kind) || ladder.life.contains(kind),
            _ => ladder.life.contains(kind),
        };
        let of = Withheld::Field(ladder.field.path);
        kinds.iter().filter(|kind| !told(kind)).for_each(|kind| self.phrase(&kind.plain(), &of));
    }

    fn phrase(&mut self, text: &str, of: &Withheld) {
        self.phrases.push(Phrase { needle: squeezed(text), of: of.clone(), marked: false, prose: false });
    }

    fn text(&mut self, text: &str, of: &Withheld) {
        let all = words(text);
        let needle = all.iter().map(|w| w.folded.as_str()).collect();
        self.phrases.push(Phrase { needle, of: of.clone(), marked: false, prose: true });
        let marked = marked_terms(&all).into_iter();
        self.phrases.extend(marked.map(|needle| Phrase {
            needle,
            of: of.clone(),
            marked: true,
            prose: true,
        }));
    }

    fn person(&mut self, person: &PersonValue, of: &Withheld) {
        let PersonValue::Named { name, aliases, identifiers } = person else { return };
        for name in std::iter::once(name).chain(aliases) {
            self.phrase(name, of);
            let telling = pieces(name).into_iter().filter(|p| is_telling(p));
            self.phrases.extend(telling.map(|needle| Phrase {
                needle,
                of: of.clone(),
                marked: false,
                prose: false,
            }));
        }
        for identifier in identifiers {
            self.phrase(identifier, of);
            let marked = marked_terms(&words(identifier)).into_iter();
            self.phrases.extend(marked.map(|needle| Phrase {
                needle,
                of: of.clone(),
                marked: false,
                prose: false,
            }));
        }
    }

    /// The names of a place that are finer than those given, and their telling words.
    fn place(&mut self, place: &Place, given: Option<&Value>, of: &Withheld) {
        let told: Vec<&str> = match given {
            Some(Value::Place(told)) => place_names(told).collect(),
            _ => Vec::new(),
        };
        for name in place_names(place).filter(|n| !told.contains(n)) {
            self.phrase(name, of);
            let telling = pieces(name).into_iter().filter(|p| is_telling(p) && p.chars().count() > 3);
            self.phrases.extend(telling.map(|needle| Phrase {
                needle,
                of: of.clone(),
                marked: true,
                prose: false,
            }));
        }
        let known = match given {
            Some(Value::Place(told)) => told.microdegrees,
            _ => None,
        };
        let (latitude, longitude) = place.microdegrees.filter(|_| place.microdegrees != known).unzip();
        self.coordinates.extend(latitude.into_iter().chain(longitude));
    }

    fn time(&mut self, path: FieldPath, time: &TimeValue, known: TimeDepth) {
        let civil = |t: jiff::Timestamp| t.to_zoned(TimeZone::UTC).datetime();
        let ends = std::iter::once(time.from).chain(time.to);
        self.times.extend(ends.map(|t| HeldTime { path, at: civil(t), depth: time.depth, known }));
    }

    /// Parties are never named to one another: originators, other recipients, protectors; we only down to the depth given.
    fn parties(
        &mut self,
        warning: &Warning,
        footholds: &[Foothold<'_>],
        recipient: &PartyName,
        us: &PartyName,
    ) {
        let rungs = footholds.iter().flat_map(|ladder| &ladder.field.rungs).map(|rung| &rung.handling);
        let mut parties: BTreeSet<&PartyName> = warning.protectors.iter().collect();
        for handling in rungs.chain(std::iter::once(&warning.handling)) {
            parties.extend(&handling.orcon);
            if let RelTo::Only(only) = &handling.rel_to {
                parties.extend(only);
            }
        }
        parties.insert(us);
        let named = giver_depth(footholds) >= NamingDepth::Agency;
        parties.retain(|p| *p != recipient && !(named && *p == us));
        for party in parties {
            self.phrase(party.as_str(), &Withheld::Party);
        }
    }

    fn desk(&mut self, warning: &Warning) {
        if let Some(case) = &warning.case {
            self.text(case, &Withheld::Desk);
        }
        for person in [&warning.author, &warning.graded_by] {
            let telling = squeezed(person.as_str());
            if telling.chars().count() > 3 && is_telling(&telling) {
                self.phrase(person.as_str(), &Withheld::Desk);
            }
        }
    }
}

impl Phrase {
    /// Whether a value of this field is compared with the phrase at all.
    ///
    /// Ladders of names (who, target, giver, status) lead from a fuller name down to a part of it, so within one of them
    /// only the whole of a higher rung is looked for; a status says who asserts it, and its rungs may share that.
    pub(crate) fn concerns(&self, path: FieldPath, value: &Value) -> bool {
        if self.of != Withheld::Field(path) {
            return true;
        }
        match path {
            FieldPath::SubjectStatus(_) => false,
            FieldPath::Target | FieldPath::Giver => !self.marked && squeezed(&name_of(value)) != self.needle,
            FieldPath::Who => !self.marked,
            _ => true,
        }
    }
}

fn name_of(value: &Value) -> String {
    match value {
        Value::Target(target) => target.name.clone(),
        other => other.plain(),
    }
}

/// What the recipient gets, as far as it excuses a word elsewhere.
pub(crate) struct Known {
    /// Structured values given: they are known whoever mentions them.
    values: Vec<Vec<super::fold::Word>>,
    /// Short names given as who or target: the home of such a name, which may be mentioned elsewhere.
    homes: Vec<(FieldPath, Vec<super::fold::Word>)>,
}

/// The most words that a name given as who or target may have in order to excuse its mention elsewhere.
const HOME_WORDS_MAX: usize = 6;

impl Known {
    /// Gathers what is given on the ladders as they stand.
    pub(crate) fn gather(footholds: &[Foothold<'_>]) -> Self {
        let mut known = Self { values: Vec::new(), homes: Vec::new() };
        for ladder in footholds {
            let path = ladder.field.path;
            let Some(Rung { value, .. }) = ladder.given() else { continue };
            match value {
                Value::Text(name) if path == FieldPath::Who => known.home(path, name),
                Value::Target(target) => known.home(path, &target.name),
                Value::Text(_) | Value::Status(_) => {}
                Value::Place(place) => known.values.extend(place_names(place).map(words)),
                Value::Person(PersonValue::Named { name, aliases, .. }) => {
                    known.values.extend(std::iter::once(name).chain(aliases).map(|n| words(n)));
                }
                other => known.values.push(words(&other.plain())),
            }
        }
        known
    }

    fn home(&mut self, path: FieldPath, name: &str) {
        let name = words(name);
        if name.len() <= HOME_WORDS_MAX {
            self.homes.push((path, name));
        }
    }

    /// Whether the recipient knows the phrase anyway.
    pub(crate) fn excuses(&self, phrase: &Phrase) -> bool {
        let said = |text: &Vec<super::fold::Word>| find(text, &phrase.needle).is_some();
        let at_home =
            || self.homes.iter().any(|(path, name)| phrase.of != Withheld::Field(*path) && said(name));
        match phrase.of {
            Withheld::Field(_) | Withheld::Desk => {
                self.values.iter().any(said) || (phrase.prose && at_home())
            }
            Withheld::ProtectedTerm | Withheld::TimeCeiling | Withheld::Party => false,
        }
    }
}

fn place_names(place: &Place) -> impl Iterator<Item = &str> {
    std::iter::once(place.name.as_str()).chain(place.within.iter().map(|(_, name)| name.as_str()))
}

/// How deep the giver is named as the ladders stand.
pub(crate) fn giver_depth(footholds: &[Foothold<'_>]) -> NamingDepth {
    let depth = footholds.iter().find_map(|ladder| match ladder.given().map(|r| &r.value) {
        Some(Value::Giver(giver)) => Some(giver.depth),
        _ => None,
    });
    depth.unwrap_or(NamingDepth::None)
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
