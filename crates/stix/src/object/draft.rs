//! An object while it is built.

use std::collections::BTreeMap;
use std::ops::Range;

use super::{Common, Extension, ExtensionKind, Object, of_type};
use crate::canonical::{Json, write_all, write_text};
use crate::error::StixError;
use crate::id::{StixId, check_type};

/// An object while it is built: properties go in once, written as they will stand, and are put in order at the end.
/// References are noted as they go in.
pub(crate) struct Draft {
    id: StixId,
    /// Names and values, one after another in the order in which they came.
    written: String,
    /// Of each property the name's and the value's place in `written`.
    properties: Vec<(Range<usize>, Range<usize>)>,
    pub(super) refs: Vec<StixId>,
}

/// About the bytes and the properties of an ordinary object.
const OBJECT_BYTES: usize = 1024;
const OBJECT_PROPERTIES: usize = 16;

impl Draft {
    pub(super) fn new(kind: &str, common: Common) -> Result<Self, StixError> {
        let Common { id, created, modified, created_by, labels, confidence, markings, extensions } = common;
        if modified < created {
            return Err(StixError::ModifiedBeforeCreated { id });
        }
        let mut draft = Self::bare(kind, id)?;
        draft.word("created", created.as_str())?;
        draft.word("modified", modified.as_str())?;
        if let Some(by) = created_by {
            draft.created_by(by)?;
        }
        draft.texts("labels", labels)?;
        if let Some(found) = confidence {
            if found > 100 {
                return Err(StixError::Confidence { found });
            }
            draft.put("confidence", &Json::Int(i64::from(found)))?;
        }
        for id in &markings {
            of_type("object_marking_refs", "marking-definition", id)?;
        }
        draft.refs("object_marking_refs", markings)?;
        draft.extensions(extensions)?;
        Ok(draft)
    }

    /// A draft with type, id and version of the specification only.
    pub(crate) fn bare(kind: &str, id: StixId) -> Result<Self, StixError> {
        check_type(kind)?;
        if id.kind() != kind {
            return Err(StixError::Id { found: format!("{id} for an object of type {kind}") });
        }
        let mut draft = Self {
            id: id.clone(),
            written: String::with_capacity(OBJECT_BYTES),
            properties: Vec::with_capacity(OBJECT_PROPERTIES),
            refs: Vec::with_capacity(OBJECT_PROPERTIES),
        };
        draft.word("type", kind)?;
        draft.word("spec_version", "2.1")?;
        // `id` is shorter than a property name may be, and the one exception.
        draft.write("id", |out| write_text(id.as_str(), out))?;
        Ok(draft)
    }

    pub(crate) fn created_by(&mut self, by: StixId) -> Result<(), StixError> {
        of_type("created_by_ref", "identity", &by)?;
        self.word("created_by_ref", by.as_str())?;
        self.refs.push(by);
        Ok(())
    }

    pub(crate) fn put(&mut self, name: &str, value: &Json) -> Result<(), StixError> {
        if let Some(place) = value.empty_place(name) {
            return Err(StixError::Empty { place });
        }
        self.property(name, |out| value.write(out))
    }

    /// Puts a text in that may be empty.
    pub(crate) fn word(&mut self, name: &str, text: &str) -> Result<(), StixError> {
        self.property(name, |out| write_text(text, out))
    }

    fn property(&mut self, name: &str, value: impl FnOnce(&mut String)) -> Result<(), StixError> {
        let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        if !(3..=250).contains(&name.len()) || !name.bytes().all(good) {
            return Err(StixError::PropertyName { found: name.to_owned() });
        }
        self.write(name, value)
    }

    fn write(&mut self, name: &str, value: impl FnOnce(&mut String)) -> Result<(), StixError> {
        if self.properties.iter().any(|(other, _)| self.written.get(other.clone()) == Some(name)) {
            return Err(StixError::PropertyTwice { id: self.id.clone(), name: name.to_owned() });
        }
        let start = self.written.len();
        self.written.push_str(name);
        let middle = self.written.len();
        value(&mut self.written);
        self.properties.push((start..middle, middle..self.written.len()));
        Ok(())
    }

    pub(crate) fn extensions(&mut self, extensions: Vec<Extension>) -> Result<(), StixError> {
        let mut all = BTreeMap::new();
        for Extension { key, kind, mut properties, refs } in extensions {
            of_type("extensions", "extension-definition", &key)?;
            let word = match kind {
                ExtensionKind::Property => "property-extension",
                ExtensionKind::NewSdo => "new-sdo",
            };
            properties.insert("extension_type".to_owned(), Json::text(word));
            self.refs.extend(refs);
            if all.insert(key.to_string(), Json::Map(properties)).is_some() {
                return Err(StixError::PropertyTwice { id: self.id.clone(), name: key.to_string() });
            }
        }
        if all.is_empty() { Ok(()) } else { self.put("extensions", &Json::Map(all)) }
    }

    pub(crate) fn required_text(&mut self, name: &str, text: String) -> Result<(), StixError> {
        self.word(name, &filled(name, text)?)
    }

    pub(super) fn text(&mut self, name: &str, text: Option<String>) -> Result<(), StixError> {
        text.map_or(Ok(()), |text| self.required_text(name, text))
    }

    pub(super) fn texts(&mut self, name: &str, texts: Vec<String>) -> Result<(), StixError> {
        if texts.is_empty() {
            return Ok(());
        }
        let texts = texts.into_iter().map(|t| filled(name, t)).collect::<Result<Vec<_>, StixError>>()?;
        self.list(name, texts.iter().map(String::as_str))
    }

    pub(super) fn refs(&mut self, name: &str, ids: Vec<StixId>) -> Result<(), StixError> {
        if ids.is_empty() { Ok(()) } else { self.required_refs(name, ids) }
    }

    pub(super) fn required_refs(&mut self, name: &str, ids: Vec<StixId>) -> Result<(), StixError> {
        if ids.is_empty() {
            return Err(StixError::Empty { place: name.to_owned() });
        }
        self.list(name, ids.iter().map(StixId::as_str))?;
        self.refs.extend(ids);
        Ok(())
    }

    fn list<'a>(&mut self, name: &str, texts: impl Iterator<Item = &'a str>) -> Result<(), StixError> {
        self.property(name, |out| write_all(texts, ['[', ']'], out, write_text))
    }

    /// The object, its properties in canonical order: their names are ASCII, so that is the order of their bytes.
    pub(crate) fn finish(self) -> Result<Object, StixError> {
        let Self { id, written, mut properties, refs } = self;
        let part = |range: &Range<usize>| written.get(range.clone()).unwrap_or_default();
        properties.sort_unstable_by(|(one, _), (other, _)| part(one).cmp(part(other)));
        let mut text = String::with_capacity(written.len() + 4 * properties.len() + 2);
        write_all(properties.iter(), ['{', '}'], &mut text, |(name, value), text| {
            text.push('"');
            text.push_str(part(name));
            text.push_str("\":");
            text.push_str(part(value));
        });
        Ok(Object { id, text, refs })
    }
}

pub(super) fn filled(place: &str, text: String) -> Result<String, StixError> {
    if text.trim().is_empty() { Err(StixError::Empty { place: place.to_owned() }) } else { Ok(text) }
}
