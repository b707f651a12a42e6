//! The header: what a store needs to know of an object to keep it, without looking at the rest.

use std::fmt;

use super::ident::Id;
use super::instant::Instant;
use super::tape::Value;

/// What a store needs to know of an object (STIX 2.1 §3.2).
#[derive(Debug, Clone)]
pub struct Header<'a> {
    /// Its id; its type is that of the object.
    pub id: Id<'a>,
    /// When its first version was made; a cyber observable has none.
    pub created: Option<Instant<'a>>,
    /// When this version was made. With the id it names a version (§3.6).
    pub modified: Option<Instant<'a>>,
    /// The version of STIX that it names.
    pub spec_version: Option<Value<'a>>,
    /// Whether its maker has taken it back.
    pub revoked: bool,
    /// Who made it.
    pub created_by: Option<Id<'a>>,
    /// The markings that hold for the whole.
    pub markings: Vec<Id<'a>>,
    /// Whether markings hold for parts of it; `RawObject::markings` reads them.
    pub has_granular_markings: bool,
    /// Every reference in it, in extensions and embedded places too, in the order of the text.
    pub refs: Vec<Ref<'a>>,
}

/// A reference: the property that holds it, and the id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ref<'a> {
    /// The name of the property, as it is written.
    pub property: &'a str,
    /// What it refers to.
    pub to: Id<'a>,
}

/// The property without which an object cannot be kept, or that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unread {
    /// The property.
    pub property: &'static str,
    /// Where its value begins in the text of the object; `None` if it is missing.
    pub at: Option<usize>,
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at {
            Some(at) => write!(f, "`{}` at byte {at} of the object cannot be read", self.property),
            None => write!(f, "`{}` is missing", self.property),
        }
    }
}

impl std::error::Error for Unread {}

impl<'a> Header<'a> {
    /// Reads the header.
    ///
    /// # Errors
    /// [`Unread`] if `type` or `id` is missing or they differ, and if another of its properties is there and malformed.
    pub(crate) fn of(root: Value<'a>) -> Result<Self, Unread> {
        let mut found = Found::default();
        for (key, value) in root.members() {
            found.take(key, value);
        }
        let id = required("id", found.id, |value| Id::of(value.text()?))?;
        required("type", found.kind, |value| value.is_text(id.kind()).then_some(()))?;
        let markings = match found.markings {
            Some(list) => {
                list.items().map(|item| one("object_marking_refs", item, id_of)).collect::<Result<_, _>>()?
            }
            None => Vec::new(),
        };
        Ok(Self {
            created: optional("created", found.created, instant_of)?,
            modified: optional("modified", found.modified, instant_of)?,
            spec_version: found.spec_version,
            revoked: optional("revoked", found.revoked, Value::boolean)?.unwrap_or(false),
            created_by: optional("created_by_ref", found.created_by, id_of)?,
            markings,
            has_granular_markings: found.granular.is_some(),
            refs: refs(root),
            id,
        })
    }

    /// The type.
    pub fn kind(&self) -> &str {
        self.id.kind()
    }
}

#[derive(Default)]
struct Found<'a> {
    kind: Option<Value<'a>>,
    id: Option<Value<'a>>,
    created: Option<Value<'a>>,
    modified: Option<Value<'a>>,
    spec_version: Option<Value<'a>>,
    revoked: Option<Value<'a>>,
    created_by: Option<Value<'a>>,
    markings: Option<Value<'a>>,
    granular: Option<Value<'a>>,
}

impl<'a> Found<'a> {
    fn take(&mut self, key: Value<'a>, value: Value<'a>) {
        let decoded;
        let name = match key.raw() {
            raw if !raw.contains('\\') => raw,
            _ => {
                decoded = key.text().unwrap_or_default();
                &decoded
            }
        };
        let place = match name {
            "type" => &mut self.kind,
            "id" => &mut self.id,
            "created" => &mut self.created,
            "modified" => &mut self.modified,
            "spec_version" => &mut self.spec_version,
            "revoked" => &mut self.revoked,
            "created_by_ref" => &mut self.created_by,
            "object_marking_refs" => &mut self.markings,
            "granular_markings" => &mut self.granular,
            _ => return,
        };
        *place = Some(value);
    }
}

/// Every reference below: what `_ref` and `_refs` hold, where it is an id.
fn refs<'a>(root: Value<'a>) -> Vec<Ref<'a>> {
    let mut refs = Vec::with_capacity(8);
    for (key, value) in root.keys_below() {
        let property = key.raw();
        if property.ends_with("_ref") {
            refs.extend(id_of(value).map(|to| Ref { property, to }));
        } else if property.ends_with("_refs") {
            refs.extend(value.items().filter_map(id_of).map(|to| Ref { property, to }));
        }
    }
    refs
}

pub(crate) fn id_of(value: Value<'_>) -> Option<Id<'_>> {
    Id::of(value.text()?)
}

pub(crate) fn instant_of(value: Value<'_>) -> Option<Instant<'_>> {
    Instant::of(value.text()?)
}

pub(crate) fn one<'a, T>(
    property: &'static str,
    value: Value<'a>,
    read: impl Fn(Value<'a>) -> Option<T>,
) -> Result<T, Unread> {
    read(value).ok_or(Unread { property, at: Some(value.offset()) })
}

pub(crate) fn optional<'a, T>(
    property: &'static str,
    value: Option<Value<'a>>,
    read: impl Fn(Value<'a>) -> Option<T>,
) -> Result<Option<T>, Unread> {
    value.map(|value| one(property, value, read)).transpose()
}

pub(crate) fn required<'a, T>(
    property: &'static str,
    value: Option<Value<'a>>,
    read: impl Fn(Value<'a>) -> Option<T>,
) -> Result<T, Unread> {
    optional(property, value, read)?.ok_or(Unread { property, at: None })
}
