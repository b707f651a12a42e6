//! Why a text is no pattern.

use std::borrow::Cow;
use std::fmt;

use super::place::{Place, tame};

/// Where a text stops being a pattern, what was expected there, and what was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatternError {
    /// What kind of fault it is.
    pub fault: Fault,
    /// Where it stands.
    pub place: Place,
    /// What would have fitted.
    pub expected: Cow<'static, str>,
    /// What stands there.
    pub found: Cow<'static, str>,
    /// What to do about it, where that can be said.
    pub hint: Option<Cow<'static, str>>,
}

impl PatternError {
    /// The line of the pattern with a caret below the fault, for a terminal.
    pub fn caret(&self, text: &str) -> String {
        self.place.caret(text)
    }
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {}: expected {}, found {}", self.place, self.expected, self.found)?;
        match &self.hint {
            Some(hint) => write!(f, ". {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for PatternError {}

/// The kinds of faults. [`Fault::code`] has the word that scripts may rely on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing but white space and comments.
    Empty,
    /// More than [`super::PATTERN_BYTES_MAX`].
    TooLong,
    /// More than [`super::NESTING_MAX`].
    TooDeep,
    /// More than [`super::COMPARISONS_MAX`].
    TooManyComparisons,
    /// More than [`super::LISTED_VALUES_MAX`].
    TooManyValues,
    /// More than [`super::QUALIFIERS_MAX`].
    TooManyQualifiers,
    /// More than [`super::PATH_STEPS_MAX`].
    PathTooLong,
    /// Something else than the grammar wants in this place.
    Unexpected,
    /// Something after the end of the pattern.
    Trailing,
    /// A comparison outside square brackets.
    NoBrackets,
    /// A text whose closing quote is missing.
    TextOpen,
    /// A backslash before anything but a quote or a backslash.
    TextEscape,
    /// A comment whose end is missing.
    CommentOpen,
    /// `h'…'` with something else than pairs of hexadecimal digits.
    Hex,
    /// `b'…'` with something else than Base64.
    Binary,
    /// `t'…'` with something else than a timestamp in UTC.
    Timestamp,
    /// A keyword in the wrong case.
    KeywordCase,
    /// A keyword where a name is wanted.
    ReservedWord,
    /// A property with a hyphen and without quotes.
    KeyNeedsQuotes,
    /// A type name in quotes.
    TypeQuoted,
    /// A bare word where a value is wanted.
    ValueNeedsQuotes,
    /// A unit other than seconds or times.
    Unit,
}

impl Fault {
    /// The fault in one word, the same in all releases.
    pub fn code(self) -> &'static str {
        match self {
            Fault::Empty => "empty",
            Fault::TooLong => "too-long",
            Fault::TooDeep => "too-deep",
            Fault::TooManyComparisons => "too-many-comparisons",
            Fault::TooManyValues => "too-many-values",
            Fault::TooManyQualifiers => "too-many-qualifiers",
            Fault::PathTooLong => "path-too-long",
            Fault::Unexpected => "unexpected",
            Fault::Trailing => "trailing",
            Fault::NoBrackets => "no-brackets",
            Fault::TextOpen => "text-open",
            Fault::TextEscape => "text-escape",
            Fault::CommentOpen => "comment-open",
            Fault::Hex => "hex",
            Fault::Binary => "binary",
            Fault::Timestamp => "timestamp",
            Fault::KeywordCase => "keyword-case",
            Fault::ReservedWord => "reserved-word",
            Fault::KeyNeedsQuotes => "key-needs-quotes",
            Fault::TypeQuoted => "type-quoted",
            Fault::ValueNeedsQuotes => "value-needs-quotes",
            Fault::Unit => "unit",
        }
    }
}

/// What stands in a place, cut to 40 characters, so that it can be shown.
pub(super) fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(40).map(tame).collect();
    if text.chars().nth(40).is_some() {
        shown.push('…');
    }
    shown
}

/// The same in quotes.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", shown(text))
}
