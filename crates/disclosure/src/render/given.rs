//! What the recipient is given, taken out of the warning: the last place that sees the warning itself.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use model::agreement::Clocks;
use model::body::{EntryName, ReleaseHeader};
use model::ladder::{FieldPath, Rung, Validity, Value, midnight};
use model::subject::Subject;
use model::vocab::{HarmKind, IdentityBasis, NamingDepth, PlaceGrain, Status, SubjectCategory, TimeDepth};
use model::warning::Warning;
use model::words::HandlingWords;

use super::NotRendered;
use crate::audience::Audience;
use crate::judgement::{Basis, Cell, Judgement};

/// Everything that a rendering is built from.
pub(super) struct Given {
    /// What is stated beside the rungs.
    pub(super) header: ReleaseHeader,
    /// The values given, by path; subjects are numbered anew among those that are told of.
    pub(super) values: BTreeMap<FieldPath, Value>,
    /// The persons told of, by their new number.
    pub(super) subjects: BTreeMap<u8, Person>,
    /// How exactly the window of validity is stated.
    pub(super) validity_depth: TimeDepth,
    /// How exactly the giver may be named where no rung names it.
    pub(super) naming: NamingDepth,
}

/// What goes with a person of whom something is given.
pub(super) struct Person {
    /// What their ids are made of.
    pub(super) key: String,
    /// In what capacity they stand here (LED Art. 6 wants it told).
    pub(super) category: SubjectCategory,
    /// How the identity is known.
    pub(super) basis: IdentityBasis,
}

impl Given {
    /// Takes the granted values out of the warning.
    pub(super) fn of(
        warning: &Warning,
        judgement: &Judgement,
        audience: &Audience,
    ) -> Result<Self, NotRendered> {
        let agreed = audience.domain.as_ref().filter(|_| matches!(judgement.basis, Basis::Agreement(_)));
        let depth = agreed.map_or(TimeDepth::Exact, |d| d.terms.time);
        let mut values = BTreeMap::new();
        let mut told = Told::default();
        if warning.each_ladder().count() != judgement.cells.len() {
            return Err(NotRendered::OtherWarning);
        }
        for ((path, rungs), cell) in warning.each_ladder().zip(&judgement.cells) {
            let Some(value) = value(path, rungs, cell)? else { continue };
            let Some(path) = told.path(path, warning.subject(path)) else { continue };
            values.entry(path).or_insert(within_its_depth(value, depth));
        }
        let header = header(warning, judgement, audience, &values);
        let naming = agreed.map_or(NamingDepth::APartner, |d| d.terms.naming);
        Ok(Self { header, values, subjects: told.subjects, validity_depth: depth, naming })
    }

    /// The value given of a field.
    pub(super) fn value(&self, path: FieldPath) -> Option<&Value> {
        self.values.get(&path)
    }

    /// The kinds of harm given.
    pub(super) fn harm(&self) -> &BTreeSet<HarmKind> {
        &self.header.harm
    }

    /// Whether it is a drill.
    pub(super) fn is_exercise(&self) -> bool {
        self.header.status == Status::Exercise
    }
}

/// The persons told of so far, numbered anew, so that nobody can count those who are not.
#[derive(Default)]
struct Told {
    subjects: BTreeMap<u8, Person>,
    numbers: BTreeMap<u8, u8>,
    namesakes: BTreeMap<String, usize>,
}

impl Told {
    /// The path of a field in the rendering.
    fn path(&mut self, path: FieldPath, subject: Option<&Subject>) -> Option<FieldPath> {
        match (path, subject) {
            (FieldPath::SubjectIdentity(n), Some(subject)) => {
                let number = u8::try_from(self.subjects.len() + 1).ok()?;
                // Two of one pseudonym are told apart by their order among those that are told of.
                let same = self.namesakes.entry(subject.pseudonym.clone()).or_default();
                let key = format!("{}\u{0}{same}", subject.pseudonym);
                *same += 1;
                self.subjects.insert(
                    number,
                    Person { key, category: subject.category, basis: subject.identity_basis },
                );
                self.numbers.insert(n, number);
                Some(FieldPath::SubjectIdentity(number))
            }
            (FieldPath::SubjectStatus(n), _) => self.numbers.get(&n).copied().map(FieldPath::SubjectStatus),
            (FieldPath::SubjectIdentity(_), None) => None,
            (path, _) => Some(path),
        }
    }
}

/// The value with nothing in it that is finer than the depth or grain it is given at.
fn within_its_depth(value: Value, agreed: TimeDepth) -> Value {
    match value {
        Value::Time(time) => Value::Time(time.coarsened(time.depth)),
        Value::Validity(window) => Value::Validity(outwards(window, agreed)),
        Value::Place(mut place) => {
            place.within.retain(|(grain, name)| *grain < place.grain && !name.trim().is_empty());
            place.microdegrees = place.microdegrees.filter(|_| place.grain == PlaceGrain::Address);
            Value::Place(place)
        }
        other => other,
    }
}

fn value(path: FieldPath, rungs: &[Rung], cell: &Cell) -> Result<Option<Value>, NotRendered> {
    if cell.path != path {
        return Err(NotRendered::OtherWarning);
    }
    match (&cell.bare, cell.granted) {
        (Some(bare), _) => Ok(Some(bare.clone())),
        (None, Some(at)) => Ok(Some(rungs.get(at).ok_or(NotRendered::OtherWarning)?.value.clone())),
        (None, None) => Ok(None),
    }
}

/// The window rounded outwards to the depth, so that nothing finer is told and it never ends before it is asserted.
fn outwards(window: Validity, depth: TimeDepth) -> Validity {
    let first = |t: Timestamp| {
        model::ladder::TimeValue { from: t, to: None, depth: TimeDepth::Exact }.coarsened(depth).from
    };
    let from = first(window.from);
    let start = first(window.until);
    if start == window.until {
        return Validity { from, until: window.until };
    }
    let next = match depth {
        TimeDepth::Exact => return Validity { from, until: window.until },
        TimeDepth::Week => Span::new().weeks(1),
        TimeDepth::Month => Span::new().months(1),
        TimeDepth::Year => Span::new().years(1),
        TimeDepth::Day | TimeDepth::Recently | TimeDepth::None => Span::new().days(1),
    };
    let after = start.to_zoned(TimeZone::UTC).date().checked_add(next);
    Validity { from, until: after.map(midnight).unwrap_or(window.until) }
}

fn header(
    warning: &Warning,
    judgement: &Judgement,
    audience: &Audience,
    values: &BTreeMap<FieldPath, Value>,
) -> ReleaseHeader {
    let agreed = match judgement.basis {
        Basis::Agreement(hash) => audience.domain.as_ref().map(|d| (hash, &d.terms.clocks)),
        Basis::LifeFloor | Basis::Nothing => None,
    };
    let default = Clocks::default();
    let clocks = agreed.map_or(&default, |(_, clocks)| clocks);
    ReleaseHeader {
        status: warning.status,
        domain: warning.domain,
        kind: warning.kind,
        precedence: audience.precedence,
        harm: match values.get(&FieldPath::Harm) {
            Some(Value::Harm(kinds)) => kinds.clone(),
            _ => BTreeSet::new(),
        },
        purpose: judgement.purpose,
        acknowledge_minutes: clocks.acknowledge_within(audience.precedence),
        outcome_minutes: clocks.outcome_minutes,
        agreement: agreed.map(|(hash, _)| hash.to_string()),
        life_floor: judgement.basis == Basis::LifeFloor,
        under: audience.under.as_ref().map(EntryName::from),
        valid_until: match values.get(&FieldPath::Validity) {
            Some(Value::Validity(window)) => Some(window.until),
            _ => None,
        },
        handling: HandlingWords::from(&judgement.handling),
    }
}
