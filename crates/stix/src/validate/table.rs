//! How a type of the standard is written down: its properties, each with its kind, and what they need of one another.

use super::walk::Walk;
use crate::read::Value;

/// A type of object.
pub(super) struct Type {
    pub(super) name: &'static str,
    pub(super) section: &'static str,
    pub(super) class: Class,
    pub(super) properties: &'static [Property],
    /// Each: the later, how they stand, the earlier.
    pub(super) orders: &'static [(&'static str, Order, &'static str)],
    pub(super) needs: &'static [Need],
    /// What no table can say.
    pub(super) more: Option<More>,
}

/// A rule of one type that is a function.
pub(super) type More = for<'a> fn(&mut Walk<'a, '_>, Value<'a>);

/// What an object is, and so which properties it shares with others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Domain,
    Relation,
    Observable,
    Language,
    Marking,
    Extension,
}

/// A type that only stands inside others.
pub(super) struct Embedded {
    pub(super) section: &'static str,
    pub(super) properties: &'static [Property],
    pub(super) needs: &'static [Need],
    pub(super) more: Option<More>,
}

pub(super) struct Property {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) required: bool,
}

/// What a property takes. Lists of words are words with blanks between.
pub(super) enum Kind {
    Text,
    Boolean,
    Whole(i64, i64),
    Number(f64, f64),
    /// With at least so many digits behind the second.
    Time(usize),
    /// To the second.
    TimeToTheSecond,
    Id(Target),
    /// One of these words: the standard demands it.
    Enumeration(&'static str),
    /// One of these words: the standard advises it.
    Vocabulary(&'static str),
    Language,
    Hashes,
    /// A text of a form.
    Form(&'static Form),
    List(&'static Kind),
    Map(&'static Embedded),
    /// A dictionary with values of this kind.
    Dictionary(&'static Kind),
    /// One of two kinds, told apart by whether it is a list.
    ListOr(&'static Kind, &'static Kind),
    /// A text or a whole number.
    TextOrWhole,
    /// Anything but null and what is empty.
    Anything,
    /// As anything, and null.
    AnythingOrNull,
    GranularMarkings,
    Extensions,
    /// The observables inside an observed-data object.
    Observables,
    /// Looked at elsewhere.
    Elsewhere,
}

/// A form of text.
pub(super) struct Form {
    /// What is wanted, for the finding.
    pub(super) wanted: &'static str,
    pub(super) holds: fn(&str) -> bool,
    /// Whether the standard demands it or advises it.
    pub(super) demanded: bool,
    /// Whether a defanged object may break it.
    pub(super) of_the_matter: bool,
}

/// What a reference may lead to. A type that the standard does not know may be of any class.
#[derive(Clone, Copy)]
pub(super) enum Target {
    Only(&'static str),
    /// Observables.
    Observable,
    /// Observables and relationships.
    Observed,
    /// Domain objects.
    Domain,
    /// Domain objects and observables.
    DomainOrObservable,
    /// Everything but a bundle and these.
    AllBut(&'static str),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    After,
    NotBefore,
}

/// What properties need of one another.
pub(super) enum Need {
    /// At least one of these.
    OneOf(&'static [&'static str]),
    /// At least one of the type's own, or an extension.
    Any,
    /// With the first, all of these.
    With(&'static str, &'static [&'static str]),
    /// Not both.
    NotBoth(&'static str, &'static str),
    /// It is advised.
    Advised(&'static str),
}

pub(super) const fn must(name: &'static str, kind: Kind) -> Property {
    Property { name, kind, required: true }
}

pub(super) const fn may(name: &'static str, kind: Kind) -> Property {
    Property { name, kind, required: false }
}

impl Type {
    pub(super) const fn new(
        name: &'static str,
        section: &'static str,
        class: Class,
        properties: &'static [Property],
    ) -> Self {
        Self { name, section, class, properties, orders: &[], needs: &[], more: None }
    }

    pub(super) const fn ordered(self, orders: &'static [(&'static str, Order, &'static str)]) -> Self {
        Self { orders, ..self }
    }

    pub(super) const fn needing(self, needs: &'static [Need]) -> Self {
        Self { needs, ..self }
    }

    pub(super) const fn and(self, more: More) -> Self {
        Self { more: Some(more), ..self }
    }
}

impl Embedded {
    pub(super) const fn new(section: &'static str, properties: &'static [Property]) -> Self {
        Self { section, properties, needs: &[], more: None }
    }

    pub(super) const fn needing(self, needs: &'static [Need]) -> Self {
        Self { needs, ..self }
    }

    pub(super) const fn and(self, more: More) -> Self {
        Self { more: Some(more), ..self }
    }
}

/// Whether the word is one of those.
pub(super) fn is_among(words: &str, word: &str) -> bool {
    words.split_ascii_whitespace().any(|each| each == word)
}
