//! Typed views of the objects that are looked into, read when they are asked for. `None` says that the object is of
//! another type, or lacks what the standard requires of it there.

use std::borrow::Cow;

use super::header::{id_of, instant_of};
use super::ident::Id;
use super::instant::Instant;
use super::marks::Tlp;
use super::object::RawObject;
use super::tape::Value;

/// What an indicator says that is matched (STIX 2.1 §4.7).
#[derive(Debug, Clone)]
pub struct Indicator<'a> {
    /// The pattern.
    pub pattern: Cow<'a, str>,
    /// Its language: `stix` or another.
    pub pattern_type: Cow<'a, str>,
    /// From when it holds.
    pub valid_from: Instant<'a>,
    /// From when it holds no longer.
    pub valid_until: Option<Instant<'a>>,
}

/// A relationship (STIX 2.1 §5.1).
#[derive(Debug, Clone)]
pub struct Relationship<'a> {
    /// What it says, e.g. `uses`.
    pub kind: Cow<'a, str>,
    /// From which object.
    pub source: Id<'a>,
    /// To which object.
    pub target: Id<'a>,
}

/// A sighting (STIX 2.1 §5.2).
#[derive(Debug, Clone)]
pub struct Sighting<'a> {
    /// What was seen.
    pub of: Id<'a>,
    /// How often; once if it does not say.
    pub count: Option<i64>,
    /// When first.
    pub first_seen: Option<Instant<'a>>,
    /// When last.
    pub last_seen: Option<Instant<'a>>,
}

/// What a marking definition says (STIX 2.1 §7.2.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MarkingDefinition<'a> {
    /// One of the fixed labels of the Traffic Light Protocol, by its id.
    Tlp(Tlp),
    /// A sentence, which is shown and restricts nothing by itself.
    Statement(Cow<'a, str>),
    /// Something else; it stays closed to whoever does not know it.
    Other,
}

fn of_kind<'a>(object: &RawObject<'a>, kind: &str) -> Option<Value<'a>> {
    object.property("type").filter(|found| found.is_text(kind)).map(|_| object.root())
}

impl<'a> Indicator<'a> {
    /// The indicator in this object.
    pub fn of(object: &RawObject<'a>) -> Option<Self> {
        let root = of_kind(object, "indicator")?;
        Some(Self {
            pattern: root.member("pattern")?.text()?,
            pattern_type: root.member("pattern_type")?.text()?,
            valid_from: instant_of(root.member("valid_from")?)?,
            valid_until: optional(root, "valid_until", instant_of)?,
        })
    }
}

impl<'a> Relationship<'a> {
    /// The relationship in this object.
    pub fn of(object: &RawObject<'a>) -> Option<Self> {
        let root = of_kind(object, "relationship")?;
        Some(Self {
            kind: root.member("relationship_type")?.text()?,
            source: id_of(root.member("source_ref")?)?,
            target: id_of(root.member("target_ref")?)?,
        })
    }
}

impl<'a> Sighting<'a> {
    /// The sighting in this object.
    pub fn of(object: &RawObject<'a>) -> Option<Self> {
        let root = of_kind(object, "sighting")?;
        Some(Self {
            of: id_of(root.member("sighting_of_ref")?)?,
            count: optional(root, "count", Value::whole)?,
            first_seen: optional(root, "first_seen", instant_of)?,
            last_seen: optional(root, "last_seen", instant_of)?,
        })
    }
}

impl<'a> MarkingDefinition<'a> {
    /// The marking definition in this object.
    pub fn of(object: &RawObject<'a>) -> Option<Self> {
        let root = of_kind(object, "marking-definition")?;
        if let Some(label) = Tlp::of(&id_of(root.member("id")?)?) {
            return Some(Self::Tlp(label));
        }
        let statement = root.member("definition_type").filter(|kind| kind.is_text("statement"));
        let words = statement.and_then(|_| root.member("definition")?.member("statement")?.text());
        // An extension may say more than the sentence.
        let alone = root.member("extensions").is_none();
        Some(words.filter(|_| alone).map_or(Self::Other, Self::Statement))
    }
}

/// `Some(None)` where the property is absent, `None` where it is there and malformed.
fn optional<'a, T>(root: Value<'a>, name: &str, read: impl Fn(Value<'a>) -> Option<T>) -> Option<Option<T>> {
    match root.member(name) {
        Some(value) => read(value).map(Some),
        None => Some(None),
    }
}
