//! STIX domain objects, built from typed parts and checked while they are built.
//!
//! A builder is a struct of what the type has, with `Common` for what every object has. `build` turns it into an
//! `Object`, which knows what it refers to, so that a bundle can be checked whole.

mod draft;

use draft::write_ids;
pub(crate) use draft::{Draft, Part, write_id};

use crate::canonical::{Json, Map};
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

/// What the objects of a bundle have in common (STIX 2.1 §3.2), checked and written once for all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shared {
    created: StixTime,
    modified: StixTime,
    created_by: StixId,
    labels: Vec<&'static str>,
    markings: Vec<StixId>,
    markings_written: String,
}

impl Shared {
    /// `created` is when the first version of the objects was made and `modified` when this one was; `created_by` is the
    /// identity that made them, itself included, which alone names no maker; `labels` are free, and none leaves the
    /// property out; `markings` are the marking definitions that hold for them, in the order given.
    ///
    /// # Errors
    /// [`StixError::ModifiedBeforeCreated`]; [`StixError::IdOfOtherType`] for a maker that is no identity and a marking
    /// that is none.
    pub fn new(
        created: StixTime,
        modified: StixTime,
        created_by: StixId,
        labels: Vec<&'static str>,
        markings: Vec<StixId>,
    ) -> Result<Self, StixError> {
        if modified < created {
            return Err(StixError::ModifiedBeforeCreated { created, modified });
        }
        of_type("created_by_ref", "identity", &created_by)?;
        markings.iter().try_for_each(|id| of_type("object_marking_refs", "marking-definition", id))?;
        let mut markings_written = String::new();
        write_ids(&markings, &mut markings_written);
        Ok(Self { created, modified, created_by, labels, markings, markings_written })
    }

    /// When this version of them was made.
    pub fn modified(&self) -> StixTime {
        self.modified
    }
}

/// What every object has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Common<'a> {
    /// The id, of the type that is built.
    pub id: StixId,
    /// What it has in common with the others.
    pub shared: &'a Shared,
    /// 0 to 100 (STIX 2.1 appendix A).
    pub confidence: Option<u8>,
}

/// An extension of an object (STIX 2.1 §7.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    key: StixId,
    properties: Json,
    refs: Vec<StixId>,
}

impl Extension {
    /// Adds properties to an object, inside a map of its own; `refs` are the ids that they refer to.
    ///
    /// # Errors
    /// [`StixError::Id`] and [`StixError::IdOfOtherType`] if the key is no `extension-definition`.
    pub fn of_properties(key: &'static str, properties: Map, refs: Vec<StixId>) -> Result<Self, StixError> {
        Self::of_kind("property-extension", key, properties, refs)
    }

    /// Defines the type of an object, which carries its properties at the top level.
    fn of_type(key: &'static str) -> Result<Self, StixError> {
        Self::of_kind("new-sdo", key, Map::default(), Vec::new())
    }

    fn of_kind(
        kind: &'static str,
        key: &'static str,
        mut properties: Map,
        refs: Vec<StixId>,
    ) -> Result<Self, StixError> {
        let key = StixId::fixed(key)?;
        of_type("extensions", "extension-definition", &key)?;
        properties.insert("extension_type", Json::text(kind));
        Ok(Self { key, properties: Json::Map(properties), refs })
    }
}

/// A report (STIX 2.1 §4.16).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The name; not empty.
    pub name: String,
    /// The text.
    pub description: Option<String>,
    /// What kind of report, e.g. `threat-report`.
    pub report_types: Vec<&'static str>,
    /// When it was officially published.
    pub published: StixTime,
    /// What it speaks of; at least one.
    pub object_refs: Vec<StixId>,
    /// An extension with properties.
    pub extension: Option<Extension>,
}

/// An incident with the incident core extension (STIX 2.1 §4.7 and incident-ef7 §2.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incident {
    /// The name; not empty.
    pub name: String,
    /// The text.
    pub description: Option<String>,
    /// The determination, e.g. `suspected`.
    pub determination: &'static str,
    /// The state of the investigation, e.g. `new`.
    pub investigation_status: &'static str,
    /// The events that belong to it.
    pub events: Vec<StixId>,
}

/// An event (incident-ef7 §2.2), a type of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// `pending`, `ongoing`, `occurred`, `not-occurred` or `undetermined`.
    pub status: &'static str,
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
    pub roles: Vec<&'static str>,
    /// `individual`, `group`, `system`, `organization`, `class` or `unknown`.
    pub identity_class: &'static str,
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
    pub summary: Option<&'static str>,
    /// The text; not empty.
    pub content: String,
    /// What it is about; at least one.
    pub object_refs: Vec<StixId>,
}

/// An object of a type that an extension defines (STIX 2.1 §7.3.2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSdo {
    /// The key of the extension that defines the type.
    pub defined_by: &'static str,
    /// Its properties.
    pub properties: Map,
    /// Its properties that refer to another object; each name ends in `_ref`.
    pub refs: Vec<(&'static str, StixId)>,
}

impl Report {
    /// The object.
    ///
    /// # Errors
    /// [`StixError::Empty`] without a name or a reference; see `Common` for the rest.
    pub fn build(&self, common: &Common<'_>) -> Result<Object, StixError> {
        let mut draft = Draft::new("report", common)?;
        draft.required_text("name", &self.name)?;
        draft.text("description", self.description.as_deref())?;
        draft.words("report_types", &self.report_types)?;
        draft.put("published", Part::Text(self.published.as_str()))?;
        draft.required_refs("object_refs", &self.object_refs)?;
        self.extension.iter().try_for_each(|extension| draft.extension(extension))?;
        draft.finish()
    }
}

impl Incident {
    /// The object, with its incident core extension.
    ///
    /// # Errors
    /// [`StixError::Empty`] without a name.
    pub fn build(&self, common: &Common<'_>) -> Result<Object, StixError> {
        let mut properties = Map::default();
        properties.insert("determination", Json::text(self.determination));
        properties.insert("investigation_status", Json::text(self.investigation_status));
        if !self.events.is_empty() {
            let entry =
                |id: &StixId| Json::Map(std::iter::once(("event_ref", Json::text(id.to_string()))).collect());
            properties.insert("events", Json::List(self.events.iter().map(entry).collect()));
        }
        let core = Extension::of_properties(INCIDENT_CORE, properties, self.events.clone())?;
        let mut draft = Draft::new("incident", common)?;
        draft.required_text("name", &self.name)?;
        draft.text("description", self.description.as_deref())?;
        draft.extension(&core)?;
        draft.finish()
    }
}

impl Event {
    /// The object, with the extension that defines its type.
    ///
    /// # Errors
    /// [`StixError::EndBeforeStart`].
    pub fn build(&self, common: &Common<'_>) -> Result<Object, StixError> {
        if let (Some((start, _)), Some((end, _))) = (self.start, self.end)
            && end < start
        {
            return Err(StixError::EndBeforeStart { id: common.id.clone() });
        }
        let defines = Extension::of_type(EVENT_EXTENSION)?;
        let mut draft = Draft::new("event", common)?;
        draft.put("status", Part::Text(self.status))?;
        draft.text("name", self.name.as_deref())?;
        draft.text("description", self.description.as_deref())?;
        if let Some((start, fidelity)) = &self.start {
            draft.put("start_time", Part::Text(start.as_str()))?;
            draft.put("start_time_fidelity", Part::Text(fidelity))?;
        }
        if let Some((end, fidelity)) = &self.end {
            draft.put("end_time", Part::Text(end.as_str()))?;
            draft.put("end_time_fidelity", Part::Text(fidelity))?;
        }
        draft.extension(&defines)?;
        draft.finish()
    }
}

impl Identity {
    /// The object.
    ///
    /// # Errors
    /// [`StixError::Empty`] without a name.
    pub fn build(&self, common: &Common<'_>) -> Result<Object, StixError> {
        let mut draft = Draft::new("identity", common)?;
        draft.required_text("name", &self.name)?;
        draft.text("description", self.description.as_deref())?;
        draft.words("roles", &self.roles)?;
        draft.put("identity_class", Part::Text(self.identity_class))?;
        draft.finish()
    }
}

impl Location {
    /// The object.
    ///
    /// # Errors
    /// [`StixError::LocationOfNowhere`], [`StixError::Coordinates`].
    pub fn build(&self, common: &Common<'_>) -> Result<Object, StixError> {
        if self.country.is_none() && self.microdegrees.is_none() {
            return Err(StixError::LocationOfNowhere { id: common.id.clone() });
        }
        let mut draft = Draft::new("location", common)?;
        draft.text("name", self.name.as_deref())?;
        draft.text("country", self.country.as_deref())?;
        draft.text("administrative_area", self.administrative_area.as_deref())?;
        draft.text("city", self.city.as_deref())?;
        draft.text("street_address", self.street_address.as_deref())?;
        if let Some((latitude, longitude)) = self.microdegrees {
            if latitude.unsigned_abs() > 90_000_000 || longitude.unsigned_abs() > 180_000_000 {
                return Err(StixError::Coordinates { latitude, longitude });
            }
            draft.put("latitude", Part::Micro(latitude))?;
            draft.put("longitude", Part::Micro(longitude))?;
        }
        draft.finish()
    }
}

impl Note {
    /// The object.
    ///
    /// # Errors
    /// [`StixError::Empty`] without content or a reference.
    pub fn build(&self, common: &Common<'_>) -> Result<Object, StixError> {
        let mut draft = Draft::new("note", common)?;
        draft.text("abstract", self.summary)?;
        draft.required_text("content", &self.content)?;
        draft.required_refs("object_refs", &self.object_refs)?;
        draft.finish()
    }
}

impl NewSdo {
    /// The object of the type that the id in `common` names.
    ///
    /// # Errors
    /// [`StixError::PropertyName`], [`StixError::PropertyTwice`], [`StixError::Empty`].
    pub fn build(&self, common: &Common<'_>) -> Result<Object, StixError> {
        let defines = Extension::of_type(self.defined_by)?;
        let mut draft = Draft::new(common.id.kind(), common)?;
        draft.extension(&defines)?;
        for (name, value) in self.properties.iter() {
            draft.foreign(name, value)?;
        }
        for (name, id) in &self.refs {
            draft.reference(name, id)?;
        }
        draft.finish()
    }
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

    fn id(kind: &'static str) -> StixId {
        StixId::make(kind, [7; 16]).unwrap()
    }

    fn at(text: &str) -> StixTime {
        StixTime::new(text.parse().unwrap()).unwrap()
    }

    fn shared() -> Shared {
        let (created, modified) = (at("2026-12-10T12:00:00Z"), at("2026-12-10T12:00:00Z"));
        Shared::new(created, modified, id("identity"), Vec::new(), Vec::new()).unwrap()
    }

    fn common<'a>(shared: &'a Shared, kind: &'static str) -> Common<'a> {
        Common { id: id(kind), shared, confidence: None }
    }

    fn written(object: &Object) -> String {
        object.text().to_owned()
    }

    #[test]
    fn a_report_refers_to_something_and_has_a_name() {
        let shared = shared();
        let report = Report {
            name: "Warning".to_owned(),
            description: None,
            report_types: vec!["threat-report"],
            published: at("2026-12-10T12:00:00Z"),
            object_refs: vec![id("incident")],
            extension: None,
        };
        let common = common(&shared, "report");
        let object = report.build(&common).unwrap();
        assert_eq!(object.refs().iter().map(StixId::kind).collect::<Vec<_>>(), ["identity", "incident"]);
        assert_eq!(
            written(&object),
            "{\"created\":\"2026-12-10T12:00:00.000Z\",\
             \"created_by_ref\":\"identity--07070707-0707-4707-8707-070707070707\",\
             \"id\":\"report--07070707-0707-4707-8707-070707070707\",\
             \"modified\":\"2026-12-10T12:00:00.000Z\",\"name\":\"Warning\",\
             \"object_refs\":[\"incident--07070707-0707-4707-8707-070707070707\"],\
             \"published\":\"2026-12-10T12:00:00.000Z\",\"report_types\":[\"threat-report\"],\"spec_version\":\"2.1\",\
             \"type\":\"report\"}"
        );
        assert!(Report { object_refs: Vec::new(), ..report.clone() }.build(&common).is_err());
        assert!(Report { name: " ".to_owned(), ..report.clone() }.build(&common).is_err());
        assert!(report.build(&Common { id: id("incident"), ..common }).is_err());
    }

    #[test]
    fn a_location_needs_a_country_or_coordinates() {
        let shared = shared();
        let common = common(&shared, "location");
        let city = Location { city: Some("City P".to_owned()), ..Location::default() };
        assert!(matches!(city.build(&common), Err(StixError::LocationOfNowhere { .. })));
        let there = Location { microdegrees: Some((48_200_000, -16_370_001)), ..city.clone() };
        let text = written(&there.build(&common).unwrap());
        assert!(text.contains("\"latitude\":48.2,\"longitude\":-16.370001"), "{text}");
        let beyond = Location { microdegrees: Some((90_000_001, 0)), ..city };
        assert!(matches!(beyond.build(&common), Err(StixError::Coordinates { .. })));
    }

    #[test]
    fn an_object_is_never_modified_before_it_was_created_nor_marked_by_something_else() {
        let (created, early) = (at("2026-12-10T12:00:00Z"), at("2026-12-10T11:59:59.999Z"));
        let refused = Shared::new(created, early, id("identity"), Vec::new(), Vec::new());
        assert!(matches!(refused, Err(StixError::ModifiedBeforeCreated { .. })));
        let refused = Shared::new(created, created, id("identity"), Vec::new(), vec![id("identity")]);
        assert!(matches!(refused, Err(StixError::IdOfOtherType { .. })));
        let refused = Shared::new(created, created, id("report"), Vec::new(), Vec::new());
        assert!(matches!(refused, Err(StixError::IdOfOtherType { .. })));
    }

    #[test]
    fn an_identity_that_made_itself_names_no_maker_and_no_confidence_is_above_100() {
        let shared = shared();
        let identity = Identity {
            name: "a partner".to_owned(),
            description: None,
            roles: Vec::new(),
            identity_class: "organization",
        };
        let common = common(&shared, "identity");
        let object = identity.build(&common).unwrap();
        assert!(object.refs().is_empty() && !written(&object).contains("created_by_ref"));
        let sure = Common { confidence: Some(101), ..common };
        assert!(matches!(identity.build(&sure), Err(StixError::Confidence { found: 101 })));
    }

    #[test]
    fn an_object_of_a_new_type_names_its_extension_and_holds_no_empty_list() {
        let shared = shared();
        let common = common(&shared, "forewarn-release");
        let release = NewSdo {
            defined_by: EVENT_EXTENSION,
            properties: Map::from_iter([("harm", Json::List(vec![Json::text("killing")]))]),
            refs: vec![("warning_ref", id("report"))],
        };
        let text = written(&release.build(&common).unwrap());
        assert!(text.contains("\"extension_type\":\"new-sdo\""), "{text}");
        let with = |name: &'static str, value| {
            let mut other = release.clone();
            other.properties.insert(name, value);
            other.build(&common).unwrap_err()
        };
        assert!(matches!(with("harm", Json::List(Vec::new())), StixError::Empty { .. }));
        assert!(matches!(with("created", Json::Bool(true)), StixError::PropertyTwice { .. }));
        assert!(matches!(with("no name", Json::Bool(true)), StixError::PropertyName { .. }));
    }

    #[test]
    fn an_event_does_not_end_before_it_starts() {
        let event = Event {
            status: "pending",
            name: None,
            description: None,
            start: Some((at("2026-12-28T00:00:00Z"), "day")),
            end: Some((at("2026-12-27T00:00:00Z"), "day")),
        };
        let shared = shared();
        assert!(matches!(event.build(&common(&shared, "event")), Err(StixError::EndBeforeStart { .. })));
    }
}
