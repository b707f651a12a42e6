//! An object while it is built.

use super::{Common, Extension, Object, of_type};
use crate::canonical::{Json, write_all, write_text};
use crate::error::StixError;
use crate::id::{StixId, check_type};

/// An object while it is built: its properties, each once, in canonical order, which for names in ASCII is that of their
/// bytes. They are written at the end, all at once. References are noted as they go in.
pub(crate) struct Draft<'a> {
    id: &'a StixId,
    properties: Vec<(&'a str, Part<'a>)>,
    refs: Vec<StixId>,
}

/// The value of a property before it is written.
pub(crate) enum Part<'a> {
    Text(&'a str),
    Words(&'a [&'static str]),
    Id(&'a StixId),
    Ids(&'a [StixId]),
    Int(u8),
    Micro(i32),
    Json(&'a Json),
    Extension(&'a Extension),
    /// What was written once for many objects.
    Written(&'a str),
}

/// About the bytes and the properties of an ordinary object.
const OBJECT_BYTES: usize = 1024;
const OBJECT_PROPERTIES: usize = 16;

impl<'a> Draft<'a> {
    pub(super) fn new(kind: &'a str, common: &'a Common<'_>) -> Result<Self, StixError> {
        let Common { id, shared, confidence } = common;
        let mut draft = Self::bare(kind, id)?;
        draft.put("created", Part::Text(shared.created.as_str()))?;
        draft.put("modified", Part::Text(shared.modified.as_str()))?;
        if *id != shared.created_by {
            draft.reference("created_by_ref", &shared.created_by)?;
        }
        draft.words("labels", &shared.labels)?;
        if let Some(found) = *confidence {
            if found > 100 {
                return Err(StixError::Confidence { found });
            }
            draft.put("confidence", Part::Int(found))?;
        }
        if !shared.markings.is_empty() {
            draft.put("object_marking_refs", Part::Written(&shared.markings_written))?;
            draft.refs.extend_from_slice(&shared.markings);
        }
        Ok(draft)
    }

    /// A draft with type, id and version of the specification only.
    pub(crate) fn bare(kind: &'a str, id: &'a StixId) -> Result<Self, StixError> {
        check_type(kind)?;
        if id.kind() != kind {
            return Err(StixError::Id { found: format!("{id} for an object of type {kind}") });
        }
        let (properties, refs) =
            (Vec::with_capacity(OBJECT_PROPERTIES), Vec::with_capacity(OBJECT_PROPERTIES));
        let mut draft = Self { id, properties, refs };
        draft.put("type", Part::Text(kind))?;
        draft.put("spec_version", Part::Text("2.1"))?;
        draft.put("id", Part::Id(id))?;
        Ok(draft)
    }

    pub(crate) fn created_by(&mut self, by: &'a StixId) -> Result<(), StixError> {
        of_type("created_by_ref", "identity", by)?;
        self.reference("created_by_ref", by)
    }

    /// Puts a property in, in its place.
    pub(crate) fn put(&mut self, name: &'a str, value: Part<'a>) -> Result<(), StixError> {
        match self.properties.binary_search_by(|(other, _)| (*other).cmp(name)) {
            Ok(_) => Err(StixError::PropertyTwice { id: self.id.clone(), name: name.to_owned() }),
            Err(at) => {
                self.properties.insert(at, (name, value));
                Ok(())
            }
        }
    }

    /// Puts a property in whose name comes from outside this room.
    pub(super) fn foreign(&mut self, name: &'a str, value: &'a Json) -> Result<(), StixError> {
        let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        if !(3..=250).contains(&name.len()) || !name.bytes().all(good) {
            return Err(StixError::PropertyName { found: name.to_owned() });
        }
        self.json(name, value)
    }

    pub(crate) fn extension(&mut self, extension: &'a Extension) -> Result<(), StixError> {
        whole("extensions", &extension.properties)?;
        self.refs.extend_from_slice(&extension.refs);
        self.put("extensions", Part::Extension(extension))
    }

    pub(crate) fn json(&mut self, name: &'a str, value: &'a Json) -> Result<(), StixError> {
        whole(name, value)?;
        self.put(name, Part::Json(value))
    }

    pub(crate) fn required_text(&mut self, name: &'a str, text: &'a str) -> Result<(), StixError> {
        if text.trim().is_empty() {
            return Err(StixError::Empty { place: name.to_owned() });
        }
        self.put(name, Part::Text(text))
    }

    pub(super) fn text(&mut self, name: &'a str, text: Option<&'a str>) -> Result<(), StixError> {
        text.map_or(Ok(()), |text| self.required_text(name, text))
    }

    pub(super) fn words(&mut self, name: &'a str, words: &'a [&'static str]) -> Result<(), StixError> {
        if words.is_empty() { Ok(()) } else { self.put(name, Part::Words(words)) }
    }

    pub(super) fn reference(&mut self, name: &'a str, to: &'a StixId) -> Result<(), StixError> {
        self.refs.push(to.clone());
        self.put(name, Part::Id(to))
    }

    pub(super) fn required_refs(&mut self, name: &'a str, ids: &'a [StixId]) -> Result<(), StixError> {
        if ids.is_empty() {
            return Err(StixError::Empty { place: name.to_owned() });
        }
        self.refs.extend_from_slice(ids);
        self.put(name, Part::Ids(ids))
    }

    /// The object.
    pub(crate) fn finish(self) -> Result<Object, StixError> {
        let mut text = String::with_capacity(OBJECT_BYTES);
        write_all(self.properties.iter(), ['{', '}'], &mut text, |(name, value), text| {
            text.push('"');
            text.push_str(name);
            text.push_str("\":");
            value.write(text);
        });
        Ok(Object { id: self.id.clone(), text, refs: self.refs })
    }
}

impl Part<'_> {
    fn write(&self, out: &mut String) {
        match self {
            Self::Text(text) => write_text(text, out),
            Self::Words(words) => write_all(words.iter(), ['[', ']'], out, |word, out| write_text(word, out)),
            Self::Id(id) => write_id(id, out),
            Self::Ids(ids) => write_ids(ids, out),
            Self::Int(int) => Json::Int(i64::from(*int)).write(out),
            Self::Micro(micro) => Json::Micro(*micro).write(out),
            Self::Json(json) => json.write(out),
            Self::Extension(extension) => write_all([extension].iter(), ['{', '}'], out, |extension, out| {
                write_id(&extension.key, out);
                out.push(':');
                extension.properties.write(out);
            }),
            Self::Written(written) => out.push_str(written),
        }
    }
}

/// Writes ids as a list of texts.
pub(super) fn write_ids(ids: &[StixId], out: &mut String) {
    write_all(ids.iter(), ['[', ']'], out, write_id);
}

/// Writes an id as a text; none has anything in it that is escaped.
pub(crate) fn write_id(id: &StixId, out: &mut String) {
    out.push('"');
    id.write(out);
    out.push('"');
}

/// Refuses what holds an empty list or map.
fn whole(name: &str, value: &Json) -> Result<(), StixError> {
    value.empty_place(name).map_or(Ok(()), |place| Err(StixError::Empty { place }))
}
