//! The objects of a rendering. They see what is given and nothing of the warning it was taken from.

use model::body::StatedField;
use model::ladder::{FieldPath, Grade, PersonValue, Place, Value};
use model::received::{HANDLING_EXTENSION, RELEASE_EXTENSION, RELEASE_TYPE, WARNING_EXTENSION};
use model::vocab::{Confidence, GradeScheme, PlaceGrain, TargetKind};
use stix::bundle::Bundle;
use stix::canonical::{Json, Map};
use stix::error::StixError;
use stix::id::StixId;
use stix::marking;
use stix::object::{
    Common, Event, Extension, Identity, Incident, Location, NewSdo, Note, Object, Report, Shared,
};
use stix::time::StixTime;

use super::Stamp;
use super::given::Given;
use super::ids::Ids;
use super::plainly;

/// Builds the bundle.
pub(super) fn bundle(given: &Given, ids: &Ids<'_>, stamp: &Stamp) -> Result<Bundle, StixError> {
    let modified = StixTime::new(stamp.rendered_at)?;
    let created = StixTime::new(stamp.first_rendered_at.unwrap_or(stamp.rendered_at))?.min(modified);
    let giver = ids.of("identity", "giver")?;
    let header = map(Json::of(&given.header)?);
    let mut all = markings(given, &header, ids, created, &giver)?;
    let labels = if given.is_exercise() { vec!["exercise"] } else { Vec::new() };
    let marked = all.iter().map(|marking| marking.id().clone()).collect();
    let forge = Forge { ids, shared: Shared::new(created, modified, giver, labels, marked)? };
    let mut spoken = forge.threat(given)?;
    spoken.extend(forge.persons(given)?);
    spoken.extend(forge.source(given)?);
    let report = forge.report(given, &spoken)?;
    let release = forge.release(header, report.id())?;
    all.extend([report, release]);
    all.extend(spoken);
    Bundle::new(ids.bundle(&stamp.seed)?, all)
}

/// The markings of all objects. The header, as it is written in the release, holds the handling.
fn markings(
    given: &Given,
    header: &Map,
    ids: &Ids<'_>,
    created: StixTime,
    giver: &StixId,
) -> Result<Vec<Object>, StixError> {
    let words = &given.header.handling;
    let conditions = header.get("handling").cloned().map(map).unwrap_or_default();
    let conditions = Extension::of_properties(HANDLING_EXTENSION, conditions, Vec::new())?;
    let (by, ours) = (Some(giver), "marking-definition");
    let (handling, statement) = (ids.of(ours, "handling")?, ids.of(ours, "statement")?);
    let sentence = plainly::handling(given, ids.recipient());
    Ok(vec![
        marking::tlp(words.tlp.word())?,
        marking::pap(words.pap.word())?,
        marking::extended(&handling, created, by, "Handling conditions", &conditions)?,
        marking::statement(&statement, created, by, sentence)?,
    ])
}

/// A field as the extension states it: what `Json::of` would make of it, and there are many.
fn stated(field: StatedField) -> Json {
    let StatedField { path, depth, text } = field;
    let pairs = [("depth", depth), ("path", Some(path)), ("text", Some(text))];
    Json::Map(pairs.into_iter().filter_map(|(key, value)| Some((key, Json::Text(value?)))).collect())
}

/// The properties of a JSON object; anything else has none.
fn map(json: Json) -> Map {
    match json {
        Json::Map(map) => map,
        _ => Map::default(),
    }
}

/// Makes the objects of one rendering.
struct Forge<'a> {
    ids: &'a Ids<'a>,
    shared: Shared,
}

impl Forge<'_> {
    fn common(&self, kind: &'static str, key: &str) -> Result<Common<'_>, StixError> {
        Ok(Common { id: self.ids.of(kind, key)?, shared: &self.shared, confidence: None })
    }

    /// Giver, incident, event, target and place.
    fn threat(&self, given: &Given) -> Result<Vec<Object>, StixError> {
        let name = plainly::name(given);
        let mut all = vec![
            Identity {
                name: plainly::giver(given),
                description: None,
                roles: Vec::new(),
                identity_class: "organization",
            }
            .build(&self.common("identity", "giver")?)?,
        ];
        let event = self.event(given, &name)?;
        let incident = Incident {
            name,
            description: given.value(FieldPath::What).map(Value::plain),
            determination: "suspected",
            investigation_status: "new",
            events: vec![event.id().clone()],
        };
        all.extend([incident.build(&self.common("incident", "incident")?)?, event]);
        if let Some(Value::Target(target)) = given.value(FieldPath::Target) {
            let identity = Identity {
                name: target.name.clone(),
                description: Some(format!("Threatened: {}", target.kind.plain())),
                roles: vec!["target"],
                identity_class: identity_class(target.kind),
            };
            all.push(identity.build(&self.common("identity", "target")?)?);
        }
        if let Some(Value::Place(place)) = given.value(FieldPath::Where)
            && let Some(location) = location(place)
        {
            all.push(location.build(&self.common("location", "where")?)?);
        }
        Ok(all)
    }

    fn event(&self, given: &Given, name: &str) -> Result<Object, StixError> {
        let times = match given.value(FieldPath::When) {
            Some(Value::Time(time)) => plainly::event_times(time),
            _ => None,
        };
        let at = |t, fidelity| Ok::<_, StixError>((StixTime::new(t)?, fidelity));
        let (start, end) = match times {
            Some((fidelity, from, to)) => {
                (Some(at(from, fidelity)?), to.map(|to| at(to, fidelity)).transpose()?)
            }
            None => (None, None),
        };
        let event = Event { status: "pending", name: Some(name.to_owned()), description: None, start, end };
        event.build(&self.common("event", "event")?)
    }

    /// The persons told of, and what is asserted of their status. A person is an identity and never an actor.
    fn persons(&self, given: &Given) -> Result<Vec<Object>, StixError> {
        let mut all = Vec::new();
        for (number, person) in &given.subjects {
            let Some(Value::Person(value)) = given.value(FieldPath::SubjectIdentity(*number)) else {
                continue;
            };
            let (name, description) = match value {
                PersonValue::APerson => ("a person".to_owned(), None),
                PersonValue::Named { name, .. } => {
                    (name.clone(), Some(format!("{value}. Identity: {}.", person.basis.plain())))
                }
            };
            let roles = vec![person.category.word()];
            let identity = Identity { name, description, roles, identity_class: "individual" };
            let identity = identity.build(&self.common("identity", &format!("subject {}", person.key))?)?;
            if let Some(status) = given.value(FieldPath::SubjectStatus(*number)) {
                let note = Note {
                    summary: Some("Status, as asserted"),
                    content: plainly::marked(given, status.plain()),
                    object_refs: vec![identity.id().clone()],
                };
                all.push(note.build(&self.common("note", &format!("status {}", person.key))?)?);
            }
            all.push(identity);
        }
        Ok(all)
    }

    /// The note on source and grade, with the grade mapped to a confidence and kept as it was given.
    fn source(&self, given: &Given) -> Result<Option<Object>, StixError> {
        let Some(content) = plainly::on_the_source(given) else { return Ok(None) };
        let note = Note {
            summary: Some("On the source"),
            content: plainly::marked(given, content),
            object_refs: vec![self.ids.of("incident", "incident")?],
        };
        let mut common = self.common("note", "source")?;
        common.confidence = match given.value(FieldPath::Grade) {
            Some(Value::Grade(grade)) => credibility(grade),
            _ => None,
        };
        note.build(&common).map(Some)
    }

    fn report(&self, given: &Given, spoken: &[Object]) -> Result<Object, StixError> {
        let mut common = self.common("report", "report")?;
        common.confidence = match given.value(FieldPath::Confidence) {
            Some(Value::Confidence(confidence)) => Some(scale(*confidence)),
            _ => None,
        };
        let specificity = plainly::specificity(given).map(|(question, grain)| (question, Json::Text(grain)));
        let fields = plainly::stated(given).into_iter().map(stated).collect();
        let properties =
            [("fields", Json::List(fields)), ("specificity", Json::Map(specificity.into_iter().collect()))];
        let extension =
            Extension::of_properties(WARNING_EXTENSION, properties.into_iter().collect(), Vec::new())?;
        // The event is reached through its incident; a reader that knows only STIX's own types would refuse a report that
        // refers to it.
        let own = spoken.iter().map(Object::id).filter(|id| id.kind() != "event");
        let mut object_refs: Vec<StixId> = own.cloned().collect();
        object_refs.sort();
        Report {
            name: plainly::name(given),
            description: Some(plainly::description(given)),
            report_types: vec!["threat-report"],
            published: self.shared.modified(),
            object_refs,
            extension: Some(extension),
        }
        .build(&common)
    }

    fn release(&self, header: Map, report: &StixId) -> Result<Object, StixError> {
        let release = NewSdo {
            defined_by: RELEASE_EXTENSION,
            properties: header,
            refs: vec![("warning_ref", report.clone())],
        };
        release.build(&self.common(RELEASE_TYPE, "release")?)
    }
}

fn identity_class(kind: TargetKind) -> &'static str {
    match kind {
        TargetKind::Person => "individual",
        TargetKind::Group => "group",
        TargetKind::Institution | TargetKind::Business => "organization",
        TargetKind::Structure | TargetKind::Location => "unknown",
    }
}

/// The place as a STIX location; `None` where neither its country nor its coordinates are given, which STIX wants.
fn location(place: &Place) -> Option<Location> {
    let mut location =
        Location { name: Some(place.name.clone()), microdegrees: place.microdegrees, ..Location::default() };
    let own = (place.grain, place.name.clone());
    for (grain, name) in std::iter::once(own).chain(place.within.iter().cloned()) {
        match grain {
            PlaceGrain::Country => location.country = Some(name),
            PlaceGrain::Region => location.administrative_area = Some(name),
            PlaceGrain::City => location.city = Some(name),
            PlaceGrain::Address => location.street_address = Some(name),
            // STIX has no word for a district; the name and our own extension say it.
            PlaceGrain::District => {}
        }
    }
    (location.country.is_some() || location.microdegrees.is_some()).then_some(location)
}

/// Low, moderate and high on the STIX scale (STIX 2.1 appendix A, "None / Low / Med / High").
fn scale(confidence: Confidence) -> u8 {
    match confidence {
        Confidence::Low => 15,
        Confidence::Moderate => 50,
        Confidence::High => 85,
    }
}

/// The credibility of an Admiralty grade on the STIX scale (STIX 2.1 appendix A, "Admiralty Credibility"); other schemes
/// have no published mapping, and 6 means that it cannot be judged.
fn credibility(grade: &Grade) -> Option<u8> {
    if grade.scheme != GradeScheme::Nato6x6 {
        return None;
    }
    match grade.info.as_str() {
        "1" => Some(90),
        "2" => Some(70),
        "3" => Some(50),
        "4" => Some(30),
        "5" => Some(10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_field_is_stated_as_its_wire_form_says(path: String, depth: Option<String>, text: String) {
            let field = StatedField { path, depth, text };
            prop_assert_eq!(Json::of(&field).unwrap(), stated(field));
        }
    }
}
