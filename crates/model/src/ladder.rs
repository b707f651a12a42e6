//! A field is a ladder: rungs from the most telling value to the least; the last, implicit rung is silence.
//!
//! Lower rungs are proposed for structured values only (times, places, persons, the giver's name).
//! Free text stands as its author wrote it.

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::handling::Handling;
use crate::subject::StatusAssertion;
use crate::vocab::{
    Confidence, GradeScheme, HarmKind, Likelihood, NamingDepth, PlaceGrain, ProtectedBy, TargetKind,
    TimeDepth,
};

/// The name of a ladder in a warning; subjects are numbered from 1 in the order they were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FieldPath {
    /// A headline.
    Title,
    /// What kinds of harm; the harm predicate.
    Harm,
    /// Who or what is threatened.
    Target,
    /// What is planned.
    What,
    /// Who is behind it, in words; persons are subjects.
    Who,
    /// Where it is to happen.
    Where,
    /// When it is to happen.
    When,
    /// By which means.
    How,
    /// How the giver is named.
    Giver,
    /// The non-sensitive sentence on the source's access and reliability (ICD 206).
    SourceLine,
    /// Reliability and credibility, as given.
    Grade,
    /// How probable the event is.
    Likelihood,
    /// How sure the analyst is.
    Confidence,
    /// From when until when the warning is asserted.
    Validity,
    /// Who the numbered subject is.
    SubjectIdentity(u8),
    /// The procedural status of the numbered subject, with its asserter.
    SubjectStatus(u8),
}

impl FieldPath {
    /// Whether the life floor carries it: harm, target, what, where, when, how (I-41).
    pub fn is_threat(self) -> bool {
        matches!(self, Self::Harm | Self::Target | Self::What | Self::Where | Self::When | Self::How)
    }

    /// Whether it tells of a person.
    pub fn is_subject(self) -> bool {
        matches!(self, Self::SubjectIdentity(_) | Self::SubjectStatus(_))
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self {
            Self::Title => "title",
            Self::Harm => "harm",
            Self::Target => "target",
            Self::What => "what",
            Self::Who => "who",
            Self::Where => "where",
            Self::When => "when",
            Self::How => "how",
            Self::Giver => "giver",
            Self::SourceLine => "source_line",
            Self::Grade => "grade",
            Self::Likelihood => "likelihood",
            Self::Confidence => "confidence",
            Self::Validity => "validity",
            Self::SubjectIdentity(n) => return write!(f, "subject {n} identity"),
            Self::SubjectStatus(n) => return write!(f, "subject {n} status"),
        };
        f.write_str(word)
    }
}

/// One ladder of a warning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Which ladder it is.
    pub path: FieldPath,
    /// The rungs, the most telling first; may be empty, which is silence for everybody.
    pub rungs: Vec<Rung>,
}

/// One rung: a value and who may stand on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rung {
    /// What it says.
    pub value: Value,
    /// Who may have it and what they may do; already joined with the warning's own handling.
    pub handling: Handling,
}

/// What a rung says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Words, exactly as the author wrote them.
    Text(String),
    /// A time or a span at a depth.
    Time(TimeValue),
    /// A place at a grain.
    Place(Place),
    /// A person, named or not.
    Person(PersonValue),
    /// Who or what is threatened.
    Target(Target),
    /// The giver at a naming depth.
    Giver(GiverName),
    /// The kinds of harm; never empty.
    Harm(BTreeSet<HarmKind>),
    /// A grade in its own scheme.
    Grade(Grade),
    /// A likelihood term.
    Likelihood(Likelihood),
    /// A confidence.
    Confidence(Confidence),
    /// From when until when.
    Validity(Validity),
    /// A person's status as asserted by somebody.
    Status(StatusAssertion),
}

impl Value {
    /// Whether the author's own words stand in it, so that it is compared with what a recipient does not get.
    pub fn is_free_text(&self) -> bool {
        matches!(self, Self::Text(_) | Self::Target(_) | Self::Giver(_) | Self::Status(_))
    }

    /// The value in words, as a recipient reads it.
    pub fn plain(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Time(time) => time.to_string(),
            Self::Place(place) => place.to_string(),
            Self::Person(person) => person.to_string(),
            Self::Target(target) => target.to_string(),
            Self::Giver(giver) => giver.name.clone(),
            Self::Harm(kinds) => kinds.iter().map(|h| h.plain()).collect::<Vec<_>>().join(", "),
            Self::Grade(grade) => grade.to_string(),
            Self::Likelihood(likelihood) => likelihood.plain(),
            Self::Confidence(confidence) => confidence.plain(),
            Self::Validity(validity) => validity.to_string(),
            Self::Status(status) => status.to_string(),
        }
    }
}

/// A time or a span, at the depth it is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeValue {
    /// The instant, or the start of the span; already truncated to the depth.
    pub from: Timestamp,
    /// The end of the span, if it is one.
    pub to: Option<Timestamp>,
    /// How exactly it is given.
    pub depth: TimeDepth,
}

impl TimeValue {
    /// The same time at a coarser depth: truncated in UTC, so that nothing finer can be read off it.
    pub fn coarsened(self, depth: TimeDepth) -> Self {
        let depth = depth.min(self.depth);
        let cut = |t: Timestamp| truncate(t, depth);
        let to = self.to.map(cut).filter(|to| *to != cut(self.from));
        Self { from: cut(self.from), to, depth }
    }
}

fn truncate(t: Timestamp, depth: TimeDepth) -> Timestamp {
    let date = t.to_zoned(TimeZone::UTC).date();
    let first = match depth {
        TimeDepth::Exact => return t,
        TimeDepth::Day => date,
        TimeDepth::Week => {
            let back = jiff::Span::new().days(i64::from(date.weekday().to_monday_zero_offset()));
            date.checked_sub(back).unwrap_or(date)
        }
        TimeDepth::Month => date.first_of_month(),
        TimeDepth::Year => date.first_of_year(),
        TimeDepth::Recently | TimeDepth::None => return Timestamp::UNIX_EPOCH,
    };
    midnight(first)
}

/// The first instant of a date in UTC.
pub fn midnight(date: Date) -> Timestamp {
    date.to_zoned(TimeZone::UTC).map(|z| z.timestamp()).unwrap_or(Timestamp::UNIX_EPOCH)
}

impl fmt::Display for TimeValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |t: Timestamp| {
            let z = t.to_zoned(TimeZone::UTC);
            match self.depth {
                TimeDepth::Exact => z.strftime("%-d %B %Y, %H:%M UTC").to_string(),
                TimeDepth::Day => z.strftime("%-d %B %Y").to_string(),
                TimeDepth::Week => z.strftime("week of %-d %B %Y").to_string(),
                TimeDepth::Month => z.strftime("%B %Y").to_string(),
                TimeDepth::Year => z.strftime("%Y").to_string(),
                TimeDepth::Recently => "recently".to_owned(),
                TimeDepth::None => String::new(),
            }
        };
        match self.to {
            None => f.write_str(&show(self.from)),
            Some(to) => write!(f, "{} to {}", show(self.from), show(to)),
        }
    }
}

/// A place at a grain, with the coarser places it lies in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// How exactly it is given.
    pub grain: PlaceGrain,
    /// Its name.
    pub name: String,
    /// The places it lies in, from finer to coarser.
    pub within: Vec<(PlaceGrain, String)>,
    /// Latitude and longitude in millionths of a degree (WGS 84), for the exact place only.
    pub microdegrees: Option<(i32, i32)>,
}

impl Place {
    /// The same place at the next coarser grain: no coordinates, the rest of `within`. `None` at the coarsest.
    pub fn coarser(&self) -> Option<Self> {
        let (first, rest) = self.within.split_first()?;
        Some(Self { grain: first.0, name: first.1.clone(), within: rest.to_vec(), microdegrees: None })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        for (_, name) in &self.within {
            write!(f, ", {name}")?;
        }
        Ok(())
    }
}

/// A person, as far as a recipient may know them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PersonValue {
    /// A named person with what identifies them.
    Named {
        /// The name.
        name: String,
        /// Other names.
        aliases: Vec<String>,
        /// Further identifying facts in the author's words, e.g. a date of birth or a document number.
        identifiers: Vec<String>,
    },
    /// Somebody, not named: the rung that every person has.
    APerson,
}

impl fmt::Display for PersonValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::APerson => f.write_str("a person"),
            Self::Named { name, aliases, identifiers } => {
                f.write_str(name)?;
                if !aliases.is_empty() {
                    write!(f, " (also {})", aliases.join(", "))?;
                }
                if !identifiers.is_empty() {
                    write!(f, " [{}]", identifiers.join("; "))?;
                }
                Ok(())
            }
        }
    }
}

/// Who or what is threatened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// What kind of target.
    pub kind: TargetKind,
    /// The author's words for it.
    pub name: String,
    /// By what it is protected, e.g. (`territory`, "Country B"); undertakings are matched on these.
    pub protected: BTreeSet<(ProtectedBy, String)>,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.kind.plain())
    }
}

/// The giver, named at a depth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GiverName {
    /// How deep this name goes.
    pub depth: NamingDepth,
    /// The words.
    pub name: String,
}

/// A grade in its own scheme; kept as given, never mapped in store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grade {
    /// The scheme.
    pub scheme: GradeScheme,
    /// The grade of the source, e.g. `B`.
    pub source: String,
    /// The grade of the information, e.g. `2`.
    pub info: String,
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{} ({})", self.source, self.info, self.scheme)
    }
}

/// From when until when a warning is asserted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// The first instant.
    pub from: Timestamp,
    /// The last instant; then somebody must decide: extend, cancel or let lapse.
    pub until: Timestamp,
}

impl fmt::Display for Validity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minute = |t: Timestamp| t.to_zoned(TimeZone::UTC).strftime("%-d %B %Y, %H:%M UTC").to_string();
        write!(f, "from {} until {}", minute(self.from), minute(self.until))
    }
}

/// The lower rungs that are proposed under the lowest structured rung of a field, all with that rung's handling.
///
/// For free text and for judgements (grade, likelihood, confidence, harm) nothing is proposed: an empty list.
pub fn proposed_rungs(rung: &Rung) -> Vec<Rung> {
    let with = |value| Rung { value, handling: rung.handling.clone() };
    match &rung.value {
        Value::Time(time) => [TimeDepth::Day, TimeDepth::Week, TimeDepth::Month, TimeDepth::Year]
            .into_iter()
            .filter(|depth| *depth < time.depth)
            .map(|depth| with(Value::Time(time.coarsened(depth))))
            .collect(),
        Value::Place(place) => {
            std::iter::successors(place.coarser(), Place::coarser).map(|p| with(Value::Place(p))).collect()
        }
        Value::Person(PersonValue::Named { .. }) => vec![with(Value::Person(PersonValue::APerson))],
        Value::Giver(giver) if giver.depth > NamingDepth::APartner => {
            vec![with(Value::Giver(GiverName { depth: NamingDepth::APartner, name: "a partner".to_owned() }))]
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rung(value: Value) -> Rung {
        Rung { value, handling: Handling::open() }
    }

    #[test]
    fn an_exact_time_proposes_day_week_month_year_and_nothing_finer_can_be_read_off_them() {
        let from: Timestamp = "2026-12-09T14:02:05Z".parse().unwrap();
        let exact = TimeValue { from, to: None, depth: TimeDepth::Exact };
        let words: Vec<_> =
            proposed_rungs(&rung(Value::Time(exact))).iter().map(|r| r.value.plain()).collect();
        assert_eq!(words, ["9 December 2026", "week of 7 December 2026", "December 2026", "2026"]);
        assert_eq!(exact.coarsened(TimeDepth::Month).from, "2026-12-01T00:00:00Z".parse().unwrap());
    }

    #[test]
    fn a_place_proposes_the_places_it_lies_in_without_coordinates() {
        let place = Place {
            grain: PlaceGrain::Address,
            name: "Square 1".to_owned(),
            within: vec![
                (PlaceGrain::City, "City P".to_owned()),
                (PlaceGrain::Country, "Country B".to_owned()),
            ],
            microdegrees: Some((1, 2)),
        };
        let lower = proposed_rungs(&rung(Value::Place(place)));
        let words: Vec<_> = lower.iter().map(|r| r.value.plain()).collect();
        assert_eq!(words, ["City P, Country B", "Country B"]);
        assert!(lower.iter().all(|r| matches!(&r.value, Value::Place(p) if p.microdegrees.is_none())));
    }

    #[test]
    fn free_text_has_no_proposed_rungs() {
        assert!(proposed_rungs(&rung(Value::Text("intercept by unit 7".to_owned()))).is_empty());
    }
}
