//! What a pattern says that the grammar allows and a reader should know: what the standard forbids, and what can never
//! match or means less than it looks.

mod literal;
mod regex;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use super::Pattern;
use super::place::{Place, Span};
use super::tree::{
    Comparison, ComparisonOperator, Condition, Demand, Observation, Observed, Qualifier, Tests,
};

/// The most findings that are told of one pattern.
pub const FINDINGS_MAX: usize = 100;

/// Something about a pattern, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which rule it is about.
    pub rule: Rule,
    /// Where it stands.
    pub place: Place,
    /// What is the case.
    pub fact: Cow<'static, str>,
    /// What to do about it.
    pub hint: Cow<'static, str>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {}: {}. {}", self.place, self.fact, self.hint)
    }
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It can never match, or means less than it looks.
    Warning,
    /// The standard forbids it.
    Error,
}

/// The rules beyond the grammar. [`Rule::code`] has the word that scripts may rely on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// The start of a window is later than its end.
    StartAfterStop,
    /// A window that ends when it begins.
    WindowEmpty,
    /// No time at all.
    WithinZero,
    /// No repetition at all.
    RepeatsZero,
    /// A repetition beyond 64 bits.
    RepeatsTooMany,
    /// Two qualifiers of one kind on an observation (STIX 2.1 §9.4).
    QualifierTwice,
    /// Two qualifiers of one kind on a group, of which the standard does not speak.
    GroupQualifierTwice,
    /// An instant on a day that its month does not have.
    NoSuchDay,
    /// An element before the first.
    IndexNegative,
    /// A name that no type of object can have (STIX 2.1 §3.1).
    TypeName,
    /// `AND` between objects of different types.
    TypesMixed,
    /// A list without a value.
    ListEmpty,
    /// `LIKE` without a wildcard.
    LikeWithoutWildcard,
    /// A regular expression that has no form here.
    Regex,
    /// A regular expression with look-around or a back-reference.
    RegexLookAround,
    /// `ISSUBSET` or `ISSUPERSET` of something else than an address or network.
    NotAnAddress,
    /// A hash of another length than its algorithm makes.
    HashLength,
    /// A number beyond what is compared exactly.
    NumberRange,
}

impl Rule {
    /// The rule in one word, the same in all releases.
    pub fn code(self) -> &'static str {
        match self {
            Rule::StartAfterStop => "start-after-stop",
            Rule::WindowEmpty => "window-empty",
            Rule::WithinZero => "within-zero",
            Rule::RepeatsZero => "repeats-zero",
            Rule::RepeatsTooMany => "repeats-too-many",
            Rule::QualifierTwice => "qualifier-twice",
            Rule::GroupQualifierTwice => "group-qualifier-twice",
            Rule::NoSuchDay => "no-such-day",
            Rule::IndexNegative => "index-negative",
            Rule::TypeName => "type-name",
            Rule::TypesMixed => "types-mixed",
            Rule::ListEmpty => "list-empty",
            Rule::LikeWithoutWildcard => "like-without-wildcard",
            Rule::Regex => "regex",
            Rule::RegexLookAround => "regex-look-around",
            Rule::NotAnAddress => "not-an-address",
            Rule::HashLength => "hash-length",
            Rule::NumberRange => "number-range",
        }
    }

    /// How bad it is.
    pub fn severity(self) -> Severity {
        match self {
            Rule::StartAfterStop
            | Rule::WithinZero
            | Rule::RepeatsZero
            | Rule::QualifierTwice
            | Rule::NoSuchDay => Severity::Error,
            _ => Severity::Warning,
        }
    }
}

/// Looks at the whole pattern.
pub(super) fn findings(pattern: &Pattern<'_>) -> Vec<Finding> {
    let mut noted = Noted { notes: Vec::new(), most: FINDINGS_MAX };
    qualifiers(pattern.root(), &mut noted);
    noted.most += noted.notes.len();
    for test in pattern.tests() {
        literal::test(test, &mut noted);
    }
    noted.placed(pattern.text())
}

/// What was found, before its place is counted out.
#[derive(Debug)]
struct Noted {
    notes: Vec<(u32, Rule, Cow<'static, str>, Cow<'static, str>)>,
    /// How many are kept.
    most: usize,
}

impl Noted {
    fn note(
        &mut self,
        span: Span,
        rule: Rule,
        fact: impl Into<Cow<'static, str>>,
        hint: impl Into<Cow<'static, str>>,
    ) {
        if self.notes.len() < self.most {
            self.notes.push((span.start, rule, fact.into(), hint.into()));
        }
    }

    fn placed(mut self, text: &str) -> Vec<Finding> {
        self.notes.sort_by_key(|(offset, rule, ..)| (*offset, *rule));
        self.notes.truncate(FINDINGS_MAX);
        let mut last = Place::START;
        let found = self.notes.into_iter().map(|(offset, rule, fact, hint)| {
            last = last.forward(text, offset as usize);
            Finding { rule, place: last, fact, hint }
        });
        found.collect()
    }
}

/// The qualifiers of an observation and of those in it, and the types of objects in each.
fn qualifiers(observation: &Observation<'_>, noted: &mut Noted) {
    match &observation.observed {
        Observed::One(comparison) => {
            types(comparison, noted);
        }
        Observed::Group(inner) => qualifiers(inner, noted),
        Observed::Joined(_, parts) => parts.iter().for_each(|part| qualifiers(part, noted)),
    }
    let one = matches!(observation.observed, Observed::One(_));
    let mut kinds: [bool; 3] = [false; 3];
    for qualifier in &observation.qualifiers {
        let (kind, name) = match qualifier.demand {
            Demand::Within(_) => (0, "WITHIN"),
            Demand::Repeats(_) => (1, "REPEATS"),
            Demand::StartStop { .. } => (2, "START … STOP"),
        };
        let seen = kinds.get_mut(kind).is_some_and(|seen| std::mem::replace(seen, true));
        if seen && one {
            let fact = format!("this observation already has a {name}; the standard allows one of each kind");
            noted.note(qualifier.span, Rule::QualifierTwice, fact, "Keep the one that is meant");
        } else if seen {
            let fact =
                format!("this group already has a {name}; programs do not agree on what two of them mean");
            noted.note(qualifier.span, Rule::GroupQualifierTwice, fact, "Keep the one that is meant");
        }
        demand(qualifier, noted);
    }
}

fn demand(qualifier: &Qualifier<'_>, noted: &mut Noted) {
    let zero = |digits: &str| !digits.bytes().any(|byte| matches!(byte, b'1'..=b'9'));
    match qualifier.demand {
        Demand::Within(seconds) if zero(seconds.raw()) => {
            let hint = "Give a number above 0; a fraction of a second may be given too";
            noted.note(seconds.span, Rule::WithinZero, "within 0 seconds nothing happens", hint);
        }
        Demand::Repeats(times) if zero(times.raw()) => {
            let hint = "Give a whole number of 1 or more";
            noted.note(times.span, Rule::RepeatsZero, "0 repetitions are no observation", hint);
        }
        Demand::Repeats(times) if times.integer().is_none() => {
            let fact = "so many repetitions cannot be counted";
            noted.note(times.span, Rule::RepeatsTooMany, fact, "Give a number that can be observed");
        }
        Demand::Within(_) | Demand::Repeats(_) => {}
        Demand::StartStop { start, stop } => {
            literal::timestamp(start, noted);
            literal::timestamp(stop, noted);
            if start.order() > stop.order() {
                let fact = "the window starts after it stops";
                noted.note(qualifier.span, Rule::StartAfterStop, fact, "Exchange the two timestamps");
            } else if start.order() == stop.order() {
                let fact = "the window is empty: it holds no instant before STOP, so this can never match";
                noted.note(qualifier.span, Rule::WindowEmpty, fact, "Let STOP be later than START");
            }
        }
    }
}

/// The types of which one object could meet the comparison; none where that was already noted.
fn types<'a>(comparison: &Comparison<'a>, noted: &mut Noted) -> Option<BTreeSet<&'a str>> {
    let (operator, parts) = match &comparison.condition {
        Condition::Test(test) => return Some(BTreeSet::from([test.path.object_type])),
        Condition::Joined(operator, parts) => (operator, parts),
    };
    let kinds = parts.iter().map(|part| types(part, noted)).collect::<Vec<_>>();
    let mut kinds = kinds.into_iter().flatten();
    let first = kinds.next()?;
    match operator {
        ComparisonOperator::Or => Some(kinds.fold(first, |mut all, more| {
            all.extend(more);
            all
        })),
        ComparisonOperator::And => {
            let common = kinds.fold(first, |mut common, more| {
                common.retain(|kind| more.contains(kind));
                common
            });
            if !common.is_empty() {
                return Some(common);
            }
            let named: Vec<&str> = Tests::within(comparison).map(|test| test.path.object_type).collect();
            let first = named.first().copied().unwrap_or_default();
            let other = named.iter().find(|kind| **kind != first).copied().unwrap_or_default();
            let fact = format!(
                "AND asks one object to be of several types ({} and {}), so this can never match",
                super::error::shown(first),
                super::error::shown(other)
            );
            let hint = "Put each type in square brackets of its own: [file:size = 1] AND [url:value = 'x']";
            noted.note(comparison.span, Rule::TypesMixed, fact, hint);
            None
        }
    }
}
