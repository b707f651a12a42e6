//! STIX domain objects, built from typed parts and checked while they are built.
//!
//! A builder is a struct of what the type has, with `Common` for what every object has. `build` turns it into an
//! `Object`, which knows what it refers to, so that a bundle can be checked whole.

mod draft;

use std::collections::{BTreeMap, BTreeSet};

pub(crate) use draft::Draft;
use draft::filled;

use crate::canonical::Json;
use crate::error::StixError;
use crate::id::StixId;
use crate::time::StixTime;

/// The key of the incident core extension (OASIS CTI common objects, incident-ef7).
pub const INCIDENT_CORE: &str = "extension-definition--ef765651-680c-498d-9894-99799f2fa126";
/// The key of the event object type (OASIS CTI common objects, incident-ef7).
pub const EVENT_EXTENSION: &str = "extension-definition--4ca6de00-5b0d-45ef-a1dc-ea7279ea910e";

/// A finished object: its id, its canonical form as it is written, and every id that it refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    id: StixId,
    text: String,
    refs: Vec<StixId>,
}

impl Object {
    /// Its id.
    pub fn id(&self) -> &StixId {
        &self.id
    }

    /// Every id that it refers to, its markings and creator among them, some perhaps twice; never an
    /// `extension-definition`.
    pub fn refs(&self) -> &[StixId] {
        &self.refs
    }

    /// Its canonical form.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

/// What every object of a bundle has (STIX 2.1 §3.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Common {
    /// The id, of the type that is built.
    pub id: StixId,
    /// When the first version was made.
    pub created: StixTime,
    /// When this version was made; not before `created`.
    pub modified: StixTime,
    /// The identity that made it.
    pub created_by: Option<StixId>,
    /// Free labels; none leaves the property out.
    pub labels: Vec<String>,
    /// 0 to 100 (STIX 2.1 appendix A).
    pub confidence: Option<u8>,
    /// The marking definitions that hold for it, in the order given.
    pub markings: Vec<StixId>,
    /// Its extensions.
    pub extensions: Vec<Extension>,
}

/// One extension of an object (STIX 2.1 §7.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    /// The `extension-definition` id that is its key.
    pub key: StixId,
    /// What kind of extension it is.
    pub kind: ExtensionKind,
    /// Its properties; a new object type carries its own at the top level and has none here.
    pub properties: BTreeMap<String, Json>,
    /// The ids that its properties refer to.
    pub refs: BTreeSet<StixId>,
}

/// What an extension does (STIX 2.1 §7.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExtensionKind {
    /// It adds properties to an object, inside its own map.
    Property,
    /// It defines the object type.
    NewSdo,
}

/// A report (STIX 2.1 §4.16).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The name; not empty.
    pub name: String,
    /// The text.
    pub description: Option<String>,
    /// What kind of report, e.g. `threat-report`.
    pub report_types: Vec<String>,
    /// When it was officially published.
    pub published: StixTime,
    /// What it speaks of; at least one.
    pub object_refs: Vec<StixId>,
}

/// An incident with the incident core extension (STIX 2.1 §4.7 and incident-ef7 §2.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incident {
    /// The name; not empty.
    pub name: String,
    /// The text.
    pub description: Option<String>,
    /// The determination, e.g. `suspected`.
    pub determination: String,
    /// The state of the investigation, e.g. `new`.
    pub investigation_status: String,
    /// The events that belong to it.
    pub events: Vec<StixId>,
}

/// An event (incident-ef7 §2.2), a type of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// `pending`, `ongoing`, `occurred`, `not-occurred` or `undetermined`.
    pub status: String,
    /// The name.
    pub name: Option<String>,
    /// The text.
    pub description: Option<String>,
    /// The start with its fidelity: `second`, `minute`, `hour`, `day`, `month` or `year`.
    pub start: Option<(StixTime, &'static str)>,
    /// The end with its fidelity; not before the start.
    pub end: Option<(StixTime, &'static str)>,
}

/// An identity (STIX 2.1 §4.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The name; not empty.
    pub name: String,
    /// The text.
    pub description: Option<String>,
    /// In what roles it stands here.
    pub roles: Vec<String>,
    /// `individual`, `group`, `system`, `organization`, `class` or `unknown`.
    pub identity_class: String,
}

/// A location (STIX 2.1 §4.11); it needs a country or coordinates.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Location {
    /// The name.
    pub name: Option<String>,
    /// The country.
    pub country: Option<String>,
    /// A region of a country.
    pub administrative_area: Option<String>,
    /// The city.
    pub city: Option<String>,
    /// The address in the city.
    pub street_address: Option<String>,
    /// Latitude and longitude in millionths of a degree (WGS 84).
    pub microdegrees: Option<(i32, i32)>,
}

/// A note (STIX 2.1 §4.13).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// One line.
    pub summary: Option<String>,
    /// The text; not empty.
    pub content: String,
    /// What it is about; at least one.
    pub object_refs: Vec<StixId>,
}

/// An object of a type that an extension defines (STIX 2.1 §7.3.2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSdo {
    /// The key of the extension that defines the type.
    pub defined_by: StixId,
    /// Its properties.
    pub properties: BTreeMap<String, Json>,
    /// Its properties that refer to another object; each name ends in `_ref`.
    pub refs: BTreeMap<String, StixId>,
}

impl Report {
    /// The object.
    ///
    /// # Errors
    /// [`StixError::Empty`] without a name or a reference; see `Common` for the rest.
    pub fn build(self, common: Common) -> Result<Object, StixError> {
        let mut draft = Draft::new("report", common)?;
        draft.required_text("name", self.name)?;
        draft.text("description", self.description)?;
        draft.texts("report_types", self.report_types)?;
        draft.word("published", self.published.as_str())?;
        draft.required_refs("object_refs", self.object_refs)?;
        draft.finish()
    }
}

impl Incident {
    /// The object, with its incident core extension.
    ///
    /// # Errors
    /// [`StixError::Empty`] without name, determination or status of investigation.
    pub fn build(self, mut common: Common) -> Result<Object, StixError> {
        let mut properties = BTreeMap::new();
        for (name, word) in
            [("determination", self.determination), ("investigation_status", self.investigation_status)]
        {
            properties.insert(name.to_owned(), Json::Text(filled(name, word)?));
        }
        if !self.events.is_empty() {
            let entry = |id: &StixId| {
                Json::Map(BTreeMap::from([("event_ref".to_owned(), Json::text(id.to_string()))]))
            };
            properties.insert("events".to_owned(), Json::List(self.events.iter().map(entry).collect()));
        }
        common.extensions.push(Extension {
            key: INCIDENT_CORE.parse()?,
            kind: ExtensionKind::Property,
            properties,
            refs: self.events.into_iter().collect(),
        });
        let mut draft = Draft::new("incident", common)?;
        draft.required_text("name", self.name)?;
        draft.text("description", self.description)?;
        draft.finish()
    }
}

impl Event {
    /// The object, with the extension that defines its type.
    ///
    /// # Errors
    /// [`StixError::EndBeforeStart`]; [`StixError::Empty`] without a status.
    pub fn build(self, mut common: Common) -> Result<Object, StixError> {
        if let (Some((start, _)), Some((end, _))) = (self.start, self.end)
            && end < start
        {
            return Err(StixError::EndBeforeStart { id: common.id });
        }
        common.extensions.push(defines(EVENT_EXTENSION.parse()?));
        let mut draft = Draft::new("event", common)?;
        draft.required_text("status", self.status)?;
        draft.text("name", self.name)?;
        draft.text("description", self.description)?;
        for (name, at) in [("start_time", self.start), ("end_time", self.end)] {
            if let Some((at, fidelity)) = at {
                draft.word(name, at.as_str())?;
                draft.word(&format!("{name}_fidelity"), fidelity)?;
            }
        }
        draft.finish()
    }
}

impl Identity {
    /// The object.
    ///
    /// # Errors
    /// [`StixError::Empty`] without name or class.
    pub fn build(self, common: Common) -> Result<Object, StixError> {
        let mut draft = Draft::new("identity", common)?;
        draft.required_text("name", self.name)?;
        draft.text("description", self.description)?;
        draft.texts("roles", self.roles)?;
        draft.required_text("identity_class", self.identity_class)?;
        draft.finish()
    }
}

impl Location {
    /// The object.
    ///
    /// # Errors
    /// [`StixError::LocationOfNowhere`], [`StixError::Coordinates`].
    pub fn build(self, common: Common) -> Result<Object, StixError> {
        if self.country.is_none() && self.microdegrees.is_none() {
            return Err(StixError::LocationOfNowhere { id: common.id });
        }
        let mut draft = Draft::new("location", common)?;
        draft.text("name", self.name)?;
        draft.text("country", self.country)?;
        draft.text("administrative_area", self.administrative_area)?;
        draft.text("city", self.city)?;
        draft.text("street_address", self.street_address)?;
        if let Some((latitude, longitude)) = self.microdegrees {
            if latitude.unsigned_abs() > 90_000_000 || longitude.unsigned_abs() > 180_000_000 {
                return Err(StixError::Coordinates { latitude, longitude });
            }
            draft.put("latitude", &Json::Micro(latitude))?;
            draft.put("longitude", &Json::Micro(longitude))?;
        }
        draft.finish()
    }
}

impl Note {
    /// The object.
    ///
    /// # Errors
    /// [`StixError::Empty`] without content or a reference.
    pub fn build(self, common: Common) -> Result<Object, StixError> {
        let mut draft = Draft::new("note", common)?;
        draft.text("abstract", self.summary)?;
        draft.required_text("content", self.content)?;
        draft.required_refs("object_refs", self.object_refs)?;
        draft.finish()
    }
}

impl NewSdo {
    /// The object of the type that the id in `common` names.
    ///
    /// # Errors
    /// [`StixError::PropertyName`], [`StixError::PropertyTwice`], [`StixError::Empty`].
    pub fn build(self, mut common: Common) -> Result<Object, StixError> {
        let kind = common.id.kind().to_owned();
        common.extensions.push(defines(self.defined_by));
        let mut draft = Draft::new(&kind, common)?;
        for (name, value) in self.properties {
            draft.put(&name, &value)?;
        }
        for (name, id) in self.refs {
            draft.word(&name, id.as_str())?;
            draft.refs.push(id);
        }
        draft.finish()
    }
}

fn defines(key: StixId) -> Extension {
    Extension { key, kind: ExtensionKind::NewSdo, properties: BTreeMap::new(), refs: BTreeSet::new() }
}

/// Refuses an id of another type than `wanted`.
pub(crate) fn of_type(place: &str, wanted: &'static str, id: &StixId) -> Result<(), StixError> {
    if id.kind() == wanted {
        return Ok(());
    }
    Err(StixError::IdOfOtherType { place: place.to_owned(), wanted, found: id.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(kind: &str) -> StixId {
        StixId::make(kind, [7; 16]).unwrap()
    }

    fn at(text: &str) -> StixTime {
        StixTime::new(text.parse().unwrap()).unwrap()
    }

    fn common(kind: &str) -> Common {
        Common {
            id: id(kind),
            created: at("2026-12-10T12:00:00Z"),
            modified: at("2026-12-10T12:00:00Z"),
            created_by: None,
            labels: Vec::new(),
            confidence: None,
            markings: Vec::new(),
            extensions: Vec::new(),
        }
    }

    fn written(object: &Object) -> String {
        object.text().to_owned()
    }

    #[test]
    fn a_report_refers_to_something_and_has_a_name() {
        let report = Report {
            name: "Warning".to_owned(),
            description: None,
            report_types: vec!["threat-report".to_owned()],
            published: at("2026-12-10T12:00:00Z"),
            object_refs: vec![id("incident")],
        };
        let object = report.clone().build(common("report")).unwrap();
        assert_eq!(object.refs().iter().map(StixId::kind).collect::<Vec<_>>(), ["incident"]);
        assert_eq!(
            written(&object),
            "{\"created\":\"2026-12-10T12:00:00.000Z\",\"id\":\"report--07070707-0707-4707-8707-070707070707\",\
             \"modified\":\"2026-12-10T12:00:00.000Z\",\"name\":\"Warning\",\
             \"object_refs\":[\"incident--07070707-0707-4707-8707-070707070707\"],\
             \"published\":\"2026-12-10T12:00:00.000Z\",\"report_types\":[\"threat-report\"],\"spec_version\":\"2.1\",\
             \"type\":\"report\"}"
        );
        assert!(Report { object_refs: Vec::new(), ..report.clone() }.build(common("report")).is_err());
        assert!(Report { name: " ".to_owned(), ..report.clone() }.build(common("report")).is_err());
        assert!(report.build(common("incident")).is_err());
    }

    #[test]
    fn a_location_needs_a_country_or_coordinates() {
        let city = Location { city: Some("City P".to_owned()), ..Location::default() };
        assert!(matches!(city.clone().build(common("location")), Err(StixError::LocationOfNowhere { .. })));
        let there = Location { microdegrees: Some((48_200_000, -16_370_001)), ..city.clone() };
        let text = written(&there.build(common("location")).unwrap());
        assert!(text.contains("\"latitude\":48.2,\"longitude\":-16.370001"), "{text}");
        let beyond = Location { microdegrees: Some((90_000_001, 0)), ..city };
        assert!(matches!(beyond.build(common("location")), Err(StixError::Coordinates { .. })));
    }

    #[test]
    fn an_object_is_never_modified_before_it_was_created_nor_marked_by_something_else() {
        let early = Common { modified: at("2026-12-10T11:59:59.999Z"), ..common("identity") };
        let identity = Identity {
            name: "a partner".to_owned(),
            description: None,
            roles: Vec::new(),
            identity_class: "organization".to_owned(),
        };
        assert!(matches!(identity.clone().build(early), Err(StixError::ModifiedBeforeCreated { .. })));
        let marked = Common { markings: vec![id("identity")], ..common("identity") };
        assert!(matches!(identity.clone().build(marked), Err(StixError::IdOfOtherType { .. })));
        let sure = Common { confidence: Some(101), ..common("identity") };
        assert!(matches!(identity.build(sure), Err(StixError::Confidence { found: 101 })));
    }

    #[test]
    fn an_object_of_a_new_type_names_its_extension_and_holds_no_empty_list() {
        let release = NewSdo {
            defined_by: id("extension-definition"),
            properties: BTreeMap::from([("harm".to_owned(), Json::List(vec![Json::text("killing")]))]),
            refs: BTreeMap::from([("warning_ref".to_owned(), id("report"))]),
        };
        let text = written(&release.clone().build(common("forewarn-release")).unwrap());
        assert!(text.contains("\"extension_type\":\"new-sdo\""), "{text}");
        let mut empty = release;
        empty.properties.insert("harm".to_owned(), Json::List(Vec::new()));
        assert!(matches!(empty.build(common("forewarn-release")), Err(StixError::Empty { .. })));
    }

    #[test]
    fn an_event_does_not_end_before_it_starts() {
        let event = Event {
            status: "pending".to_owned(),
            name: None,
            description: None,
            start: Some((at("2026-12-28T00:00:00Z"), "day")),
            end: Some((at("2026-12-27T00:00:00Z"), "day")),
        };
        assert!(matches!(event.build(common("event")), Err(StixError::EndBeforeStart { .. })));
    }
}
