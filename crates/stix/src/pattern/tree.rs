//! What a pattern is made of (STIX 2.1 §9.1): observations, each a condition on one observed object, joined over time.

use std::borrow::Cow;

use super::place::Span;

/// An observation expression with its qualifiers (STIX 2.1 §9.3, §9.4).
#[derive(Debug, Clone, PartialEq)]
pub struct Observation<'a> {
    /// Where it stands, its qualifiers included.
    pub span: Span,
    /// What has to be observed.
    pub observed: Observed<'a>,
    /// What is asked of time and number, as written.
    pub qualifiers: Vec<Qualifier<'a>>,
}

/// What has to be observed.
#[derive(Debug, Clone, PartialEq)]
pub enum Observed<'a> {
    /// `[…]`: one object for which the comparison holds.
    One(Comparison<'a>),
    /// Two or more observations, joined by the same operator, in the order of the text.
    Joined(ObservationOperator, Vec<Observation<'a>>),
    /// `(…)` around an observation that has qualifiers, with more of them after the parenthesis.
    Group(Box<Observation<'a>>),
}

/// How observations are joined (STIX 2.1 §9.5); the first binds closest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ObservationOperator {
    /// `AND`: both, in different observations.
    And,
    /// `OR`: one of them.
    Or,
    /// `FOLLOWEDBY`: the right one not before the left one.
    FollowedBy,
}

/// What is asked of the observations before it (STIX 2.1 §9.4).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Qualifier<'a> {
    /// Where it stands.
    pub span: Span,
    /// What is asked.
    pub demand: Demand<'a>,
}

/// What a qualifier asks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Demand<'a> {
    /// `WITHIN n SECONDS`: all within so many seconds, whole or with a fraction.
    Within(Number<'a>),
    /// `REPEATS n TIMES`: so many matches, each in another observation.
    Repeats(Number<'a>),
    /// `START t STOP t`: observed from the first instant on, and before the second.
    StartStop {
        /// From here on.
        start: Timestamp<'a>,
        /// Before this.
        stop: Timestamp<'a>,
    },
}

/// A comparison expression: a condition on one object (STIX 2.1 §9.6).
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison<'a> {
    /// Where it stands.
    pub span: Span,
    /// The condition.
    pub condition: Condition<'a>,
}

/// A condition on one object.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition<'a> {
    /// One comparison.
    Test(Test<'a>),
    /// Two or more, joined by the same operator, in the order of the text.
    Joined(ComparisonOperator, Vec<Comparison<'a>>),
}

/// How comparisons are joined; the first binds closest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ComparisonOperator {
    /// `AND`: both, for the same object.
    And,
    /// `OR`: one of them.
    Or,
}

/// One comparison of what an object path leads to: the atom of a pattern.
#[derive(Debug, Clone, PartialEq)]
pub struct Test<'a> {
    /// Where it stands.
    pub span: Span,
    /// What is compared.
    pub path: Path<'a>,
    /// Whether `NOT` turns the check around.
    pub negated: bool,
    /// With what, and how.
    pub check: Check<'a>,
}

/// How a value is compared, and with what (STIX 2.1 §9.6.1).
#[derive(Debug, Clone, PartialEq)]
pub enum Check<'a> {
    /// `EXISTS`: the path leads somewhere.
    Exists,
    /// `=`, `!=`, `<`, `<=`, `>` or `>=`.
    Relation(Relation, Value<'a>),
    /// `IN (…)`: one of these.
    In(Vec<Value<'a>>),
    /// `LIKE`: `%` stands for any characters, `_` for one.
    Like(Text<'a>),
    /// `MATCHES`: a regular expression is found in it.
    Matches(Text<'a>),
    /// `ISSUBSET`: an address or network that lies within this one.
    Subset(Text<'a>),
    /// `ISSUPERSET`: a network that this one lies within.
    Superset(Text<'a>),
}

/// How two values relate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// From a type of object to a value in it (STIX 2.1 §9.7).
#[derive(Debug, Clone, PartialEq)]
pub struct Path<'a> {
    /// Where it stands.
    pub span: Span,
    /// The type of the object.
    pub object_type: &'a str,
    /// The first property.
    pub property: Text<'a>,
    /// What follows it. A property that ends in `_ref` or `_refs` leads into the object that it refers to.
    pub steps: Vec<Step<'a>>,
}

/// One step of a path.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Step<'a> {
    /// `.key` or `.'key'`
    Key(Text<'a>),
    /// `[n]`, from 0
    Index(Number<'a>),
    /// `[*]`: any element
    Any(Span),
}

/// A value that stands in the pattern.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Value<'a> {
    /// Where it stands.
    pub span: Span,
    /// What it is.
    pub literal: Literal<'a>,
}

/// A value with its type (STIX 2.1 §9.2).
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Literal<'a> {
    /// `'…'`
    String(Text<'a>),
    /// `-12`
    Integer(Number<'a>),
    /// `1.5`
    Float(Number<'a>),
    /// `true` or `false`
    Boolean(bool),
    /// `t'…'`
    Timestamp(Timestamp<'a>),
    /// `h'…'`: pairs of hexadecimal digits, in either case.
    Hex(&'a str),
    /// `b'…'`: Base64 with its padding.
    Binary(&'a str),
}

/// A text as it is written between quotes, or bare where that is the same. Only quotes and backslashes are escaped, and
/// both have to be, so that equal texts are written alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text<'a> {
    /// Where it stands, quotes included.
    pub span: Span,
    pub(super) raw: &'a str,
}

impl<'a> Text<'a> {
    /// What is meant: the text without its escapes.
    pub fn value(&self) -> Cow<'a, str> {
        if !self.raw.contains('\\') {
            return Cow::Borrowed(self.raw);
        }
        let mut value = String::with_capacity(self.raw.len());
        let mut characters = self.raw.chars();
        while let Some(character) = characters.next() {
            // A backslash is never the last: the parser saw to that.
            value.push(if character == '\\' { characters.next().unwrap_or(character) } else { character });
        }
        Cow::Owned(value)
    }

    /// As it is written between the quotes.
    pub fn raw(&self) -> &'a str {
        self.raw
    }
}

/// A number as it is written, without a plus sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number<'a> {
    /// Where it stands, with its sign.
    pub span: Span,
    pub(super) raw: &'a str,
}

impl<'a> Number<'a> {
    /// As it is written.
    pub fn raw(&self) -> &'a str {
        self.raw
    }

    /// The whole number, unless it has a fraction or passes 64 bits.
    pub fn integer(&self) -> Option<i64> {
        self.raw.parse().ok()
    }

    /// The nearest double; infinite when it passes what a double can hold.
    pub fn float(&self) -> f64 {
        // Digits with a point somewhere are always a number.
        self.raw.parse().unwrap_or(f64::NAN)
    }
}

/// An instant as it is written, in UTC, with any number of digits after the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timestamp<'a> {
    /// Where it stands, with its quotes.
    pub span: Span,
    pub(super) raw: &'a str,
}

impl<'a> Timestamp<'a> {
    /// As it is written between the quotes.
    pub fn raw(&self) -> &'a str {
        self.raw
    }

    /// What orders instants: the part down to the second, and the digits of the fraction that count. It knows no limit
    /// of precision, and a leap second comes after the second before it.
    pub fn order(&self) -> (&'a str, &'a str) {
        let instant = self.raw.trim_end_matches('Z');
        let (seconds, fraction) = instant.split_once('.').unwrap_or((instant, ""));
        (seconds, fraction.trim_end_matches('0'))
    }
}

/// The comparisons of a pattern one by one, in the order of the text.
#[derive(Debug, Clone)]
pub struct Tests<'t, 'a> {
    open: Vec<Node<'t, 'a>>,
}

/// What is still to be looked into.
#[derive(Debug, Clone, Copy)]
enum Node<'t, 'a> {
    Observation(&'t Observation<'a>),
    Comparison(&'t Comparison<'a>),
}

impl<'t, 'a> Tests<'t, 'a> {
    pub(super) fn of(root: &'t Observation<'a>) -> Self {
        Tests { open: vec![Node::Observation(root)] }
    }

    pub(super) fn within(comparison: &'t Comparison<'a>) -> Self {
        Tests { open: vec![Node::Comparison(comparison)] }
    }
}

impl<'t, 'a> Iterator for Tests<'t, 'a> {
    type Item = &'t Test<'a>;

    fn next(&mut self) -> Option<&'t Test<'a>> {
        while let Some(node) = self.open.pop() {
            match node {
                Node::Observation(Observation { observed, .. }) => match observed {
                    Observed::One(comparison) => self.open.push(Node::Comparison(comparison)),
                    Observed::Group(inner) => self.open.push(Node::Observation(inner)),
                    Observed::Joined(_, parts) => {
                        self.open.extend(parts.iter().rev().map(Node::Observation));
                    }
                },
                Node::Comparison(Comparison { condition, .. }) => match condition {
                    Condition::Test(test) => return Some(test),
                    Condition::Joined(_, parts) => {
                        self.open.extend(parts.iter().rev().map(Node::Comparison));
                    }
                },
            }
        }
        None
    }
}
