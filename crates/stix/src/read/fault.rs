//! Limits for what comes from outside, and why a text or an object of it is refused.

use std::fmt;

/// How much is taken. What goes beyond is refused with the place where it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the whole text.
    pub text_bytes_max: u64,
    /// Objects in the whole text.
    pub objects_max: u64,
    /// Bytes of one object.
    pub object_bytes_max: usize,
    /// Values and keys in one object.
    pub values_max: usize,
    /// Lists and maps inside one another, the object itself counted.
    pub depth_max: usize,
    /// Bytes of one string, as it is written.
    pub string_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            text_bytes_max: 16 << 30,
            objects_max: 20_000_000,
            object_bytes_max: 16 << 20,
            values_max: 1 << 20,
            depth_max: 64,
            string_bytes_max: 8 << 20,
        }
    }
}

/// Brackets inside one another where nothing is gone on with: a text like this is an attack, not a mistake.
pub(crate) const DEPTH_GIVEN_UP: usize = 100_000;

/// Why a text, or one object of it, is refused, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong.
    pub code: FaultCode,
    /// The byte of the text where it was met, the first being 0.
    pub at: u64,
}

/// What is wrong with a text before anything in it is judged as STIX.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FaultCode {
    /// There is no JSON in it.
    Empty,
    /// It breaks the grammar of JSON (RFC 8259 §2).
    NotJson,
    /// It ends inside a value.
    Cut,
    /// More stands behind a complete value, in the same line.
    MoreText,
    /// It is not UTF-8 (RFC 8259 §8.1).
    NotUtf8,
    /// One half of a surrogate pair stands alone (RFC 7493 §2.1).
    LoneSurrogate,
    /// One map names a property twice (RFC 7493 §2.3).
    DuplicateKey,
    /// An integer beyond 53 bits, or a number beyond a double (RFC 7493 §2.2, STIX 2.1 §2.10).
    NumberRange,
    /// Lists and maps stand too deep inside one another.
    TooDeep,
    /// A string is too long.
    StringTooLong,
    /// An object is too long.
    ObjectTooLong,
    /// An object has too many values.
    TooManyValues,
    /// The text has too many objects.
    TooManyObjects,
    /// The whole text is too long.
    TextTooLong,
    /// A list of objects holds something else.
    NotAnObject,
}

impl FaultCode {
    /// Every code.
    pub const ALL: [Self; 15] = [
        Self::Empty,
        Self::NotJson,
        Self::Cut,
        Self::MoreText,
        Self::NotUtf8,
        Self::LoneSurrogate,
        Self::DuplicateKey,
        Self::NumberRange,
        Self::TooDeep,
        Self::StringTooLong,
        Self::ObjectTooLong,
        Self::TooManyValues,
        Self::TooManyObjects,
        Self::TextTooLong,
        Self::NotAnObject,
    ];

    /// The name that stays.
    pub fn name(self) -> &'static str {
        match self {
            Self::Empty => "no-json",
            Self::NotJson => "not-json",
            Self::Cut => "text-cut",
            Self::MoreText => "more-text",
            Self::NotUtf8 => "not-utf8",
            Self::LoneSurrogate => "lone-surrogate",
            Self::DuplicateKey => "duplicate-key",
            Self::NumberRange => "number-range",
            Self::TooDeep => "too-deep",
            Self::StringTooLong => "string-too-long",
            Self::ObjectTooLong => "object-too-long",
            Self::TooManyValues => "too-many-values",
            Self::TooManyObjects => "too-many-objects",
            Self::TextTooLong => "text-too-long",
            Self::NotAnObject => "not-an-object",
        }
    }

    /// What is the case, for a person.
    pub fn said(self) -> &'static str {
        match self {
            Self::Empty => "there is no JSON in it",
            Self::NotJson => "this is not JSON",
            Self::Cut => "the text ends inside a value",
            Self::MoreText => "more text stands behind a complete value in the same line",
            Self::NotUtf8 => "this is not UTF-8",
            Self::LoneSurrogate => "half a surrogate pair stands alone",
            Self::DuplicateKey => "one map names the same property twice",
            Self::NumberRange => "the number is beyond what JSON carries exactly (53 bits)",
            Self::TooDeep => "lists and maps stand too deep inside one another",
            Self::StringTooLong => "the string is too long",
            Self::ObjectTooLong => "the object is too long",
            Self::TooManyValues => "the object has too many values",
            Self::TooManyObjects => "the text has too many objects",
            Self::TextTooLong => "the text is too long",
            Self::NotAnObject => "this stands among objects and is none",
        }
    }

    /// Whether the text can be read no further: what follows cannot be told apart any more.
    pub fn ends_the_text(self) -> bool {
        matches!(
            self,
            Self::Empty
                | Self::NotJson
                | Self::Cut
                | Self::MoreText
                | Self::TooManyObjects
                | Self::TextTooLong
        )
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.code.said(), self.at)
    }
}

impl std::error::Error for Fault {}
