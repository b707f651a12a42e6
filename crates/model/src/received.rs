//! Reading a warning that arrived: the release header and what it states, out of the STIX bundle a partner rendered.

mod skim;

use serde::Deserialize;
use serde_json::Value;

use crate::body::{BODY_BYTES_MAX, ReleaseHeader, StatedField};

/// The key of the property-extension that carries what a warning states, on the report.
pub const WARNING_EXTENSION: &str = "extension-definition--5ec35ee6-b8e9-55b4-9d8c-6fb3e7a9f0ce";
/// The key of the new object type that carries the header of a release.
pub const RELEASE_EXTENSION: &str = "extension-definition--0dc9bc1c-6a5e-5ab5-9a5c-2a4ed07ef2a1";
/// The key of the extension that carries handling conditions in a marking definition.
pub const HANDLING_EXTENSION: &str = "extension-definition--b6a40a19-4a6f-5f0f-8f62-6f2e3c07c9f4";
/// The STIX type of the header of a release.
pub const RELEASE_TYPE: &str = "forewarn-release";

/// Why a bundle cannot be read as a warning.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAWarning {
    /// Longer than an entry may be.
    #[error("the body has {bytes} bytes; at most {BODY_BYTES_MAX} are read")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// Not JSON, or not a bundle.
    #[error("the body is not a STIX bundle: {0}")]
    NotABundle(String),
    /// No release header in it.
    #[error("the bundle has no {RELEASE_TYPE} object")]
    NoHeader,
    /// A part of it has another form.
    #[error("the {part} cannot be read: {why}")]
    Malformed {
        /// Which part.
        part: &'static str,
        /// What was wrong.
        why: String,
    },
}

#[derive(Deserialize)]
struct Bundle {
    objects: Vec<Value>,
}

/// A warning as its recipient holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedWarning {
    /// What was stated beside the rungs.
    pub header: ReleaseHeader,
    /// The report's name.
    pub title: String,
    /// What is held of each ladder.
    pub fields: Vec<StatedField>,
    /// The specificity profile: who, what, where, when, how, each with the grain held or "not stated".
    pub specificity: Vec<(String, String)>,
}

fn objects(body: &[u8]) -> Result<Vec<Value>, NotAWarning> {
    if body.len() > BODY_BYTES_MAX {
        return Err(NotAWarning::TooLong { bytes: body.len() });
    }
    let bundle: Bundle = serde_json::from_slice(body).map_err(|e| NotAWarning::NotABundle(e.to_string()))?;
    Ok(bundle.objects)
}

fn is_type(object: &Value, name: &str) -> bool {
    object.get("type").and_then(Value::as_str) == Some(name)
}

fn header_of(objects: &[Value]) -> Result<ReleaseHeader, NotAWarning> {
    read_header(objects.iter().find(|o| is_type(o, RELEASE_TYPE)).ok_or(NotAWarning::NoHeader)?)
}

fn read_header(object: &Value) -> Result<ReleaseHeader, NotAWarning> {
    ReleaseHeader::deserialize(object)
        .map_err(|e| NotAWarning::Malformed { part: "release header", why: e.to_string() })
}

/// The header of the release in this bundle. Reads the whole of it and keeps one object: every entry goes through here on
/// both sides.
pub fn release_header(body: &[u8]) -> Result<ReleaseHeader, NotAWarning> {
    if body.len() > BODY_BYTES_MAX {
        return Err(NotAWarning::TooLong { bytes: body.len() });
    }
    let object = skim::first_header(body).map_err(|e| NotAWarning::NotABundle(e.to_string()))?;
    read_header(&object.ok_or(NotAWarning::NoHeader)?)
}

/// The whole warning in this bundle, as far as this product wrote it; other objects stay in the bytes.
pub fn read(body: &[u8]) -> Result<ReceivedWarning, NotAWarning> {
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Stated {
        fields: Vec<StatedField>,
        specificity: std::collections::BTreeMap<String, String>,
    }
    let objects = objects(body)?;
    let header = header_of(&objects)?;
    let report = objects
        .iter()
        .find(|o| is_type(o, "report"))
        .ok_or(NotAWarning::Malformed { part: "report", why: "there is none".to_owned() })?;
    let title = report.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let stated = match report.get("extensions").and_then(|e| e.get(WARNING_EXTENSION)) {
        None => Stated::default(),
        Some(extension) => Stated::deserialize(extension)
            .map_err(|e| NotAWarning::Malformed { part: "warning extension", why: e.to_string() })?,
    };
    Ok(ReceivedWarning {
        header,
        title,
        fields: stated.fields,
        specificity: stated.specificity.into_iter().collect(),
    })
}
