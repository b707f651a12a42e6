//! What one recipient does not get, as phrases to look for; and what it gets, as words that give nothing away.

use std::collections::BTreeSet;

use jiff::civil::DateTime;
use model::id::PartyName;
use model::ladder::{FieldPath, Place, Rung, Value};
use model::vocab::{HarmKind, NamingDepth, TimeDepth};

use super::fold::{Word, find};
use super::worded::{Ladder, ReadRung, Texts};
use crate::judgement::Withheld;

/// A phrase that the recipient must not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Phrase {
    /// Squeezed; never empty.
    pub(crate) needle: String,
    /// Where it is said.
    pub(crate) of: Withheld,
    /// Whether it is one of the marked words of a text, not the text or the name itself.
    pub(super) marked: bool,
    /// Whether it comes from free text, so that the field that is its home may give it.
    pub(super) prose: bool,
    /// What else must be given for it to be no secret.
    pub(super) unless: Unless,
}

/// What makes a phrase of a withheld rung known all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unless {
    /// Nothing.
    Never,
    /// A rung that tells this kind of harm, or the life floor.
    Harm(HarmKind),
    /// A rung that gives a place of this name.
    Place(String),
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
    pub(crate) phrases: Vec<&'a Phrase>,
    pub(crate) times: Vec<HeldTime>,
    pub(crate) coordinates: Vec<i32>,
}

/// A ladder with what the recipient gets of it, as far as is settled.
pub(crate) struct Foothold<'a> {
    pub(crate) ladder: &'a Ladder<'a>,
    /// The rung given.
    pub(crate) granted: Option<usize>,
    /// The harms to life that are told in any case.
    pub(crate) life: &'a BTreeSet<HarmKind>,
    /// Rungs that are no secret, the one given among them.
    pub(crate) open: Vec<usize>,
}

impl<'a> Foothold<'a> {
    fn given(&self) -> Option<&'a Rung> {
        self.ladder.rungs.get(self.granted?)
    }

    /// The rungs that are secret.
    fn withheld(&self) -> impl Iterator<Item = (&'a Rung, &'a ReadRung)> {
        let rungs = self.ladder.rungs.iter().zip(&self.ladder.read).enumerate();
        rungs.filter(|(at, _)| !self.open.contains(at)).map(|(_, rung)| rung)
    }

    /// Whether a phrase of this ladder is known by what is given of it.
    fn tells(&self, phrase: &Phrase, given: Option<&Value>) -> bool {
        match (&phrase.unless, given) {
            (Unless::Never, _) => false,
            (Unless::Harm(kind), Some(Value::Harm(told))) => told.contains(kind) || self.life.contains(kind),
            (Unless::Harm(kind), _) => self.life.contains(kind),
            (Unless::Place(name), Some(Value::Place(told))) => place_names(told).any(|n| n == name),
            (Unless::Place(_), _) => false,
        }
    }
}

impl<'a> Secrets<'a> {
    /// Gathers what `recipient` does not get, given where it stands on each ladder.
    pub(crate) fn gather(texts: &'a Texts<'_>, footholds: &[Foothold<'a>], recipient: &PartyName) -> Self {
        let mut secrets = Self { phrases: Vec::new(), times: Vec::new(), coordinates: Vec::new() };
        for ladder in footholds {
            let given = ladder.given().map(|g| &g.value);
            for (rung, read) in ladder.withheld().filter(|(rung, _)| given != Some(&rung.value)) {
                secrets.phrases.extend(read.phrases.iter().filter(|p| !ladder.tells(p, given)));
                secrets.structured(ladder.ladder.path, &rung.value, read, given);
            }
        }
        let named = giver_depth(footholds) >= NamingDepth::Agency;
        let unnamed = texts.parties.iter().filter(|p| p.name != recipient && !(named && p.is_us));
        secrets.phrases.extend(unnamed.filter_map(|p| p.phrase.as_ref()));
        secrets.phrases.extend(&texts.desk);
        secrets
    }

    /// Times and coordinates that are finer than those given.
    fn structured(&mut self, path: FieldPath, value: &Value, read: &ReadRung, given: Option<&Value>) {
        let known = match (value, given) {
            (Value::Time(_), Some(Value::Time(given))) => given.depth,
            _ => TimeDepth::None,
        };
        self.times.extend(read.times.iter().map(|(at, depth)| HeldTime {
            path,
            at: *at,
            depth: *depth,
            known,
        }));
        if let Value::Place(place) = value {
            let known = match given {
                Some(Value::Place(told)) => told.microdegrees,
                _ => None,
            };
            let (latitude, longitude) = place.microdegrees.filter(|_| place.microdegrees != known).unzip();
            self.coordinates.extend(latitude.into_iter().chain(longitude));
        }
    }
}

impl Phrase {
    /// Whether a value of this field is compared with the phrase at all.
    ///
    /// Ladders of names (who, target, giver, status) lead from a fuller name down to a part of it, so within one of them
    /// only the whole of a higher rung is looked for; a status says who asserts it, and its rungs may share that.
    pub(crate) fn concerns(&self, path: FieldPath, rung: &ReadRung) -> bool {
        if self.of != Withheld::Field(path) {
            return true;
        }
        match path {
            FieldPath::SubjectStatus(_) => false,
            FieldPath::Target | FieldPath::Giver => !self.marked && rung.name != self.needle,
            FieldPath::Who => !self.marked,
            _ => true,
        }
    }
}

/// What the recipient gets, as far as it excuses a word elsewhere.
pub(crate) struct Known<'a> {
    /// Structured values given: they are known whoever mentions them.
    values: Vec<&'a [Word]>,
    /// Short names given as who or target: the home of such a name, which may be mentioned elsewhere.
    homes: Vec<(FieldPath, &'a [Word])>,
}

impl<'a> Known<'a> {
    /// Gathers what is given on the ladders as they stand.
    pub(crate) fn gather(footholds: &[Foothold<'a>]) -> Self {
        let mut known = Self { values: Vec::new(), homes: Vec::new() };
        for foothold in footholds {
            let ladder = foothold.ladder;
            let Some(read) = foothold.granted.and_then(|at| ladder.read.get(at)) else { continue };
            known.values.extend(read.values.iter().map(Vec::as_slice));
            known.homes.extend(read.home.iter().map(|name| (ladder.path, name.as_slice())));
        }
        known
    }

    /// Whether the recipient knows the phrase anyway.
    pub(crate) fn excuses(&self, phrase: &Phrase) -> bool {
        let said = |text: &[Word]| find(text, &phrase.needle).is_some();
        let at_home =
            || self.homes.iter().any(|(path, name)| phrase.of != Withheld::Field(*path) && said(name));
        match phrase.of {
            Withheld::Field(_) | Withheld::Desk => {
                self.values.iter().any(|text| said(text)) || (phrase.prose && at_home())
            }
            Withheld::ProtectedTerm | Withheld::TimeCeiling | Withheld::Party => false,
        }
    }
}

pub(super) fn place_names(place: &Place) -> impl Iterator<Item = &str> {
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
