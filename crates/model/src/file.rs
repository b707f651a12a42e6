//! The warning file: the one documented JSON form in which a warning is written, and in which the node keeps drafts.
//!
//! Lines that begin with `//` are comments. Unknown keys are refused with their place.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::body::{EntryName, TEXT_CHARS_MAX};
use crate::handling::Handling;
use crate::id::PartyName;
use crate::ladder::{
    Field, FieldPath, GiverName, Grade, PersonValue, Place, Rung, Target, TimeValue, Validity, Value,
    proposed_rungs,
};
use crate::subject::{REVIEW_DAYS_MAX, SUBJECTS_MAX, StatusAssertion, Subject};
use crate::vocab::{
    Confidence, Domain, GradeScheme, Ground, HarmKind, IdentityBasis, Likelihood, MatterKind, NamingDepth,
    PlaceGrain, Precedence, ProtectedBy, Purpose, SourceKind, Status, StatusBasis, SubjectCategory,
    SubjectStatus, TargetKind, TimeDepth, Traceability,
};
use crate::words::HandlingWords;

/// The longest warning file that is read, in bytes.
pub const FILE_BYTES_MAX: usize = 512 * 1024;
/// The most rungs one field may have.
pub const RUNGS_MAX: usize = 16;
/// The form's name, in the key `format`.
pub const FORMAT: &str = "forewarn/warning";

/// A warning file, as read. `TEMPLATE` is a commented example.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WarningFile {
    /// `forewarn/warning`.
    pub format: String,
    /// Actual or exercise.
    #[serde(default = "actual")]
    pub status: Status,
    /// The case, in the desk's own words; never leaves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<String>,
    /// How fast the desk treats it.
    pub precedence: Precedence,
    /// The domain of co-operation.
    pub domain: Domain,
    /// What kind of matter.
    #[serde(default = "threat")]
    pub kind: MatterKind,
    /// The harm predicate; at least one kind.
    pub harm: BTreeSet<HarmKind>,
    /// The nodes that can protect the target.
    #[serde(default)]
    pub protectors: BTreeSet<String>,
    /// Handling for every rung; a rung may be stricter, never looser.
    pub handling: HandlingWords,
    /// When the desk had it; the time of writing if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aware_at: Option<Timestamp>,
    /// The grade, in its own scheme.
    pub grade: GradeWords,
    /// How probable the event is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub likelihood: Option<Likelihood>,
    /// How sure the analyst is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<Confidence>,
    /// From when until when it is asserted.
    pub validity: ValidityWords,
    /// Who or what is threatened, as a ladder.
    pub target: Vec<TargetRung>,
    /// A headline, as a ladder.
    #[serde(default)]
    pub title: Vec<TextRung>,
    /// What is planned.
    #[serde(default)]
    pub what: Vec<TextRung>,
    /// Who is behind it; persons go under `subjects`.
    #[serde(default)]
    pub who: Vec<TextRung>,
    /// By which means.
    #[serde(default)]
    pub how: Vec<TextRung>,
    /// Where. One place proposes the places it lies in as lower rungs.
    #[serde(default, rename = "where")]
    pub place: Vec<PlaceRung>,
    /// When. One time proposes day, week, month and year as lower rungs.
    #[serde(default, rename = "when")]
    pub time: Vec<TimeRung>,
    /// How the giver may be named, the deepest first; "a partner" is proposed.
    #[serde(default)]
    pub giver: Vec<GiverRung>,
    /// The non-sensitive sentence on the source's access and reliability.
    #[serde(default)]
    pub source_line: Vec<TextRung>,
    /// Persons; at most twenty.
    #[serde(default)]
    pub subjects: Vec<SubjectWords>,
    /// Sealed sources; taken out of the file at once and sealed to their handlers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<SourceWords>,
    /// The undertaking of ours that it keeps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub under: Option<EntryName>,
}

fn actual() -> Status {
    Status::Actual
}
fn threat() -> MatterKind {
    MatterKind::Threat
}

/// A grade as written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GradeWords {
    /// The scheme.
    pub scheme: GradeScheme,
    /// The source's grade, e.g. `B`.
    pub source: String,
    /// The information's grade, e.g. `2`.
    pub info: String,
    /// Who may have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handling: Option<HandlingWords>,
}

/// A validity as written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValidityWords {
    /// The first instant; the time of writing if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// The last instant.
    pub until: Timestamp,
}

macro_rules! rung {
    ($(#[$meta:meta])* $name:ident { $($(#[$fmeta:meta])* $field:ident : $type:ty),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($(#[$fmeta])* pub $field: $type,)+
            /// Stricter handling for this rung.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub handling: Option<HandlingWords>,
        }
    };
}

rung!(
    /// Words.
    TextRung {
        /// The words, exactly as they are to be read.
        text: String,
    }
);
rung!(
    /// A target.
    TargetRung {
        /// What kind.
        kind: TargetKind,
        /// The words for it.
        name: String,
        /// By what it is protected.
        #[serde(default)]
        protected: BTreeMap<ProtectedBy, String>,
    }
);
rung!(
    /// A place.
    PlaceRung {
        /// How exactly it is given.
        grain: PlaceGrain,
        /// Its name.
        name: String,
        /// The places it lies in.
        #[serde(default)]
        within: BTreeMap<PlaceGrain, String>,
        /// Latitude in millionths of a degree.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        latitude_microdegrees: Option<i32>,
        /// Longitude in millionths of a degree.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        longitude_microdegrees: Option<i32>,
    }
);
rung!(
    /// A time or span.
    TimeRung {
        /// The instant or the start.
        from: Timestamp,
        /// The end.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<Timestamp>,
        /// How exactly it is given.
        depth: TimeDepth,
    }
);
rung!(
    /// A name for the giver.
    GiverRung {
        /// How deep it goes.
        depth: NamingDepth,
        /// The words.
        name: String,
    }
);
rung!(
    /// A person's identity.
    PersonRung {
        /// The name.
        name: String,
        /// Other names.
        #[serde(default)]
        aliases: Vec<String>,
        /// Further identifying facts.
        #[serde(default)]
        identifiers: Vec<String>,
    }
);
rung!(
    /// A status asserted.
    StatusRung {
        /// The status.
        status: SubjectStatus,
        /// Who says so.
        asserted_by: String,
        /// As of which day.
        as_of: Date,
        /// Until which day.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        valid_until: Option<Date>,
        /// On what it rests.
        basis: StatusBasis,
    }
);

/// A person as written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubjectWords {
    /// How the desk speaks of them.
    pub pseudonym: String,
    /// In what capacity.
    pub category: SubjectCategory,
    /// Why their data is held.
    pub purpose: Purpose,
    /// The coded grounds.
    pub grounds: BTreeSet<Ground>,
    /// When somebody must look again; at most five years ahead.
    pub review_date: Date,
    /// How the identity is known.
    pub identity_basis: IdentityBasis,
    /// Who they are; "a person" is proposed.
    #[serde(default)]
    pub identity: Vec<PersonRung>,
    /// Their status.
    #[serde(default)]
    pub status: Vec<StatusRung>,
}

/// A source as written; it is sealed and taken out of the file before anything is stored.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceWords {
    /// What kind of origin.
    pub kind: SourceKind,
    /// How many could have been it.
    pub traceability: Traceability,
    /// What it is.
    pub description: String,
    /// Words that would give it away.
    #[serde(default)]
    pub protected_terms: Vec<String>,
    /// Who may open it; the author if left out.
    #[serde(default)]
    pub handlers: Vec<String>,
}

impl std::fmt::Debug for SourceWords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SourceWords(…)")
    }
}

/// Why a text is no warning file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadFile {
    /// Longer than is read.
    #[error("the file has {bytes} bytes; at most {FILE_BYTES_MAX} are read")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// Not of the form; the message names line and column.
    #[error("the file cannot be read: {0}")]
    Unreadable(String),
    /// A rule of the form is broken.
    #[error("{place}: {why}")]
    Broken {
        /// Where, e.g. `when, rung 2`.
        place: String,
        /// What was wrong, and what was expected.
        why: String,
    },
}

fn broken(place: impl Into<String>, why: impl std::fmt::Display) -> BadFile {
    BadFile::Broken { place: place.into(), why: why.to_string() }
}

/// The file with its comment lines blanked, so that line numbers in errors stay true.
pub fn without_comments(text: &str) -> String {
    let keep = |line: &str| if line.trim_start().starts_with("//") { String::new() } else { line.to_owned() };
    text.lines().map(keep).collect::<Vec<_>>().join("\n")
}

/// The ladders, subjects and handling that a file stands for. What belongs to the node (ids, author) is added by the act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The ladders, without those of subjects.
    pub fields: Vec<Field>,
    /// The persons.
    pub subjects: Vec<Subject>,
    /// The handling of the whole.
    pub handling: Handling,
    /// The protectors.
    pub protectors: BTreeSet<PartyName>,
}

impl WarningFile {
    /// Reads a file with its limits. The ladders are checked by `written`.
    pub fn parse(text: &str) -> Result<Self, BadFile> {
        if text.len() > FILE_BYTES_MAX {
            return Err(BadFile::TooLong { bytes: text.len() });
        }
        let file: Self =
            serde_json::from_str(&without_comments(text)).map_err(|e| BadFile::Unreadable(e.to_string()))?;
        if file.format != FORMAT {
            return Err(broken("format", format!("is {:?}; expected {FORMAT:?}", file.format)));
        }
        Ok(file)
    }

    /// The ladders that the file stands for, with proposed rungs added, and every rule of the form checked.
    pub fn written(&self, now: Timestamp) -> Result<Written, BadFile> {
        if self.harm.is_empty() {
            return Err(broken(
                "harm",
                "names no kind of harm; a warning without a harm predicate is refused",
            ));
        }
        if self.target.is_empty() {
            return Err(broken("target", "is empty; say who or what is threatened, as exactly as you can"));
        }
        if self.grade.source.trim().is_empty() || self.grade.info.trim().is_empty() {
            return Err(broken("grade", "needs both the source's and the information's grade"));
        }
        let handling = self.handling.handling().map_err(|e| broken("handling", e))?;
        let protectors = self.protectors.iter().map(|p| p.parse()).collect::<Result<_, _>>();
        let protectors = protectors.map_err(|e| broken("protectors", e))?;
        Ok(Written {
            fields: self.fields(&handling, now)?,
            subjects: self.subjects(&handling)?,
            handling,
            protectors,
        })
    }

    /// Refuses a person record that nobody would look at again for more than five years. Asked when it is written, not
    /// when it is read: what was right once stays readable.
    pub fn check_review_dates(&self, now: Timestamp) -> Result<(), BadFile> {
        let latest =
            now.checked_add(jiff::SignedDuration::from_hours(24 * REVIEW_DAYS_MAX)).unwrap_or(Timestamp::MAX);
        match self.subjects.iter().find(|s| crate::ladder::midnight(s.review_date) > latest) {
            Some(late) => Err(broken(late.pseudonym.clone(), "review_date is more than five years ahead")),
            None => Ok(()),
        }
    }

    fn fields(&self, all: &Handling, now: Timestamp) -> Result<Vec<Field>, BadFile> {
        let l = Ladder { all };
        let validity = Validity { from: self.validity.from.unwrap_or(now), until: self.validity.until };
        if validity.until <= validity.from {
            return Err(broken("validity", "until is not later than from"));
        }
        let grade = Grade {
            scheme: self.grade.scheme,
            source: self.grade.source.clone(),
            info: self.grade.info.clone(),
        };
        let mut fields = vec![
            l.text(FieldPath::Title, &self.title)?,
            l.one(FieldPath::Harm, Value::Harm(self.harm.clone()), None)?,
            l.field(FieldPath::Target, &self.target, |r| (target(r), &r.handling))?,
            l.text(FieldPath::What, &self.what)?,
            l.text(FieldPath::Who, &self.who)?,
            l.field(FieldPath::Where, &self.place, |r| (place(r), &r.handling))?,
            l.field(FieldPath::When, &self.time, |r| (time(r), &r.handling))?,
            l.text(FieldPath::How, &self.how)?,
            l.field(FieldPath::Giver, &self.giver, |r| {
                (Ok(Value::Giver(GiverName { depth: r.depth, name: r.name.clone() })), &r.handling)
            })?,
            l.text(FieldPath::SourceLine, &self.source_line)?,
            l.one(FieldPath::Grade, Value::Grade(grade), self.grade.handling.as_ref())?,
            l.one(FieldPath::Validity, Value::Validity(validity), None)?,
        ];
        if let Some(likelihood) = self.likelihood {
            fields.push(l.one(FieldPath::Likelihood, Value::Likelihood(likelihood), None)?);
        }
        if let Some(confidence) = self.confidence {
            fields.push(l.one(FieldPath::Confidence, Value::Confidence(confidence), None)?);
        }
        fields.retain(|f| !f.rungs.is_empty());
        Ok(fields)
    }

    fn subjects(&self, all: &Handling) -> Result<Vec<Subject>, BadFile> {
        if self.subjects.len() > SUBJECTS_MAX {
            return Err(broken(
                "subjects",
                format!("{} persons are named; a warning names at most {SUBJECTS_MAX}", self.subjects.len()),
            ));
        }
        let l = Ladder { all };
        let mut subjects = Vec::with_capacity(self.subjects.len());
        for (n, words) in (1u8..).zip(&self.subjects) {
            let identity =
                l.field(FieldPath::SubjectIdentity(n), &words.identity, |r| (person(r), &r.handling))?;
            let status =
                l.field(FieldPath::SubjectStatus(n), &words.status, |r| (Ok(status(r)), &r.handling))?;
            let mut identity = identity.rungs;
            if identity.is_empty() {
                identity.push(Rung { value: Value::Person(PersonValue::APerson), handling: all.clone() });
            }
            subjects.push(Subject {
                pseudonym: words.pseudonym.clone(),
                category: words.category,
                purpose: words.purpose,
                grounds: words.grounds.clone(),
                review_date: words.review_date,
                identity_basis: words.identity_basis,
                identity,
                status: status.rungs,
            });
        }
        Ok(subjects)
    }
}

/// Builds fields: joins each rung's handling with the warning's, adds the proposed rungs under the lowest.
struct Ladder<'a> {
    all: &'a Handling,
}

impl Ladder<'_> {
    fn text(&self, path: FieldPath, rungs: &[TextRung]) -> Result<Field, BadFile> {
        self.field(path, rungs, |r| (Ok(Value::Text(r.text.clone())), &r.handling))
    }

    fn one(&self, path: FieldPath, value: Value, handling: Option<&HandlingWords>) -> Result<Field, BadFile> {
        let own = handling.cloned();
        self.field(path, &[value], |v| (Ok(v.clone()), &own))
    }

    fn field<'r, R>(
        &self,
        path: FieldPath,
        rungs: &'r [R],
        read: impl Fn(&'r R) -> (Result<Value, String>, &'r Option<HandlingWords>),
    ) -> Result<Field, BadFile>
    where
        R: 'r,
    {
        if rungs.len() > RUNGS_MAX {
            return Err(broken(
                path.to_string(),
                format!("has {} rungs; at most {RUNGS_MAX} are read", rungs.len()),
            ));
        }
        let mut all = Vec::with_capacity(rungs.len());
        for (n, rung) in (1..).zip(rungs) {
            let place = || format!("{path}, rung {n}");
            let (value, own) = read(rung);
            let value = value.map_err(|why| broken(place(), why))?;
            check_text(&value).map_err(|why| broken(place(), why))?;
            let handling = match own {
                None => self.all.clone(),
                Some(words) => self.all.join(&words.handling().map_err(|e| broken(place(), e))?),
            };
            all.push(Rung { value, handling });
        }
        if let [only] = all.as_slice() {
            let proposed = proposed_rungs(only);
            all.extend(proposed);
        }
        Ok(Field { path, rungs: all })
    }
}

fn check_text(value: &Value) -> Result<(), String> {
    let text = value.plain();
    if text.trim().is_empty() {
        return Err("is empty; leave the rung out to say nothing".to_owned());
    }
    if text.chars().count() > TEXT_CHARS_MAX {
        return Err(format!("is longer than {TEXT_CHARS_MAX} characters"));
    }
    Ok(())
}

fn target(r: &TargetRung) -> Result<Value, String> {
    let protected = r.protected.iter().map(|(by, name)| (*by, name.clone())).collect();
    Ok(Value::Target(Target { kind: r.kind, name: r.name.clone(), protected }))
}

fn place(r: &PlaceRung) -> Result<Value, String> {
    if let Some((finer, _)) = r.within.iter().find(|(grain, _)| **grain >= r.grain) {
        return Err(format!("lies within a {finer}, which is not coarser than a {}", r.grain));
    }
    let microdegrees = match (r.latitude_microdegrees, r.longitude_microdegrees) {
        (None, None) => None,
        (Some(lat), Some(lon)) if lat.unsigned_abs() <= 90_000_000 && lon.unsigned_abs() <= 180_000_000 => {
            Some((lat, lon))
        }
        _ => {
            return Err(
                "needs both latitude (±90 000 000) and longitude (±180 000 000), or neither".to_owned()
            );
        }
    };
    let within = r.within.iter().rev().map(|(grain, name)| (*grain, name.clone())).collect();
    Ok(Value::Place(Place { grain: r.grain, name: r.name.clone(), within, microdegrees }))
}

fn time(r: &TimeRung) -> Result<Value, String> {
    if r.to.is_some_and(|to| to <= r.from) {
        return Err("to is not later than from".to_owned());
    }
    if r.depth == TimeDepth::None {
        return Err("depth none says nothing; leave the rung out".to_owned());
    }
    let exact = TimeValue { from: r.from, to: r.to, depth: TimeDepth::Exact };
    Ok(Value::Time(if r.depth == TimeDepth::Exact { exact } else { exact.coarsened(r.depth) }))
}

fn person(r: &PersonRung) -> Result<Value, String> {
    Ok(Value::Person(PersonValue::Named {
        name: r.name.clone(),
        aliases: r.aliases.clone(),
        identifiers: r.identifiers.clone(),
    }))
}

fn status(r: &StatusRung) -> Value {
    Value::Status(StatusAssertion {
        status: r.status,
        asserted_by: r.asserted_by.clone(),
        as_of: r.as_of,
        valid_until: r.valid_until,
        basis: r.basis,
    })
}

/// A commented example, ready to be edited.
pub const TEMPLATE: &str = include_str!("warning.template.json");
