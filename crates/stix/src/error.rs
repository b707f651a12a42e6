//! Why an object or a bundle cannot be built. All of it is the builder's matter: nothing here comes from outside.

use crate::id::StixId;
use crate::time::StixTime;

/// What is wrong with the parts of an object or a bundle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StixError {
    /// A type name that STIX 2.1 §2.9 and §3.1 do not allow.
    #[error("{found:?} is not a type name: 3 to 250 of a-z, 0-9 and single hyphens, beginning with a letter")]
    TypeName {
        /// What was met, cut to 60 characters.
        found: String,
    },
    /// A text that is no STIX id (`type--uuid`).
    #[error("{found:?} is not a STIX id of the form type--uuid")]
    Id {
        /// What was met, cut to 60 characters.
        found: String,
    },
    /// An id of another type than the place wants.
    #[error("{place} wants an id of type {wanted}, and was given {found}")]
    IdOfOtherType {
        /// The property.
        place: String,
        /// The type that the place wants.
        wanted: &'static str,
        /// The id given.
        found: StixId,
    },
    /// An instant that has no RFC 3339 form.
    #[error("the instant {found} lies outside the years 0000 to 9999")]
    Time {
        /// The instant.
        found: String,
    },
    /// A version that is older than its object.
    #[error("what was created at {created} would be modified before, at {modified}")]
    ModifiedBeforeCreated {
        /// When the first version was made.
        created: StixTime,
        /// When this one was.
        modified: StixTime,
    },
    /// An end before its start.
    #[error("{id} would end before it starts")]
    EndBeforeStart {
        /// The object.
        id: StixId,
    },
    /// A property name that STIX 2.1 §3.1 does not allow.
    #[error("{found:?} is not a property name: 3 to 250 of a-z, 0-9 and underscore")]
    PropertyName {
        /// What was met.
        found: String,
    },
    /// A property given twice.
    #[error("the property {name} of {id} is given twice")]
    PropertyTwice {
        /// The object.
        id: StixId,
        /// The property.
        name: String,
    },
    /// A list, a text or a map that is required and empty; STIX has none of these.
    #[error("{place} is empty; leave the property out, or fill it")]
    Empty {
        /// The property.
        place: String,
    },
    /// A number that canonical JSON cannot carry exactly.
    #[error("{place} holds {found}, which canonical JSON does not carry exactly")]
    Number {
        /// The property.
        place: String,
        /// The number.
        found: String,
    },
    /// A null, which STIX does not have.
    #[error("{place} is null; leave the property out")]
    Null {
        /// The property.
        place: String,
    },
    /// A value that cannot be written as JSON.
    #[error("a value cannot be written as JSON: {0}")]
    NotJson(String),
    /// A confidence above 100.
    #[error("a confidence of {found} is above 100")]
    Confidence {
        /// What was given.
        found: u8,
    },
    /// A location with neither country nor coordinates.
    #[error("{id} has neither country nor coordinates; a location needs one of them")]
    LocationOfNowhere {
        /// The object.
        id: StixId,
    },
    /// Coordinates beyond the poles or the date line.
    #[error("latitude {latitude} or longitude {longitude}, in millionths of a degree, is out of range")]
    Coordinates {
        /// The latitude.
        latitude: i32,
        /// The longitude.
        longitude: i32,
    },
    /// Two objects with one id.
    #[error("the bundle has {id} twice")]
    ObjectTwice {
        /// The id.
        id: StixId,
    },
    /// A reference to something that is not in the bundle.
    #[error("{from} refers to {to}, which is not in the bundle")]
    Dangling {
        /// The object that refers.
        from: StixId,
        /// What it refers to.
        to: StixId,
    },
}

/// At most 60 characters of something met, for a message.
pub(crate) fn cut(text: &str) -> String {
    text.chars().take(60).collect()
}
