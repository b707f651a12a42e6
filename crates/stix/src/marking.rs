//! Marking definitions: TLP 2.0 and PAP as the fixed objects of their specifications, statements, and our own.
//!
//! The fixed ids are those of the OASIS CTI TC's common objects: "TLP 2.0 marking definition" (tlp-2.0) and "PAP marking
//! definition" (pap-f8d). A fixed object is the same bytes everywhere and says nothing about who sent it.

use crate::canonical::{Json, Map};
use crate::error::StixError;
use crate::id::StixId;
use crate::object::{Draft, Extension, Object, Part};
use crate::time::StixTime;

/// The key of the TLP 2.0 extension.
pub const TLP_EXTENSION: &str = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d";
/// The key of the PAP extension.
pub const PAP_EXTENSION: &str = "extension-definition--f8d78575-edfd-406e-8e84-6162a8450f5b";

/// The type of all of them.
const TYPE: &str = "marking-definition";

/// A label with the object that its specification fixes for it.
struct Fixed {
    word: &'static str,
    id: &'static str,
    created: &'static str,
}

const TLP: &[Fixed] = &[
    Fixed {
        word: "clear",
        id: "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487",
        created: "2022-10-01T00:00:00.000Z",
    },
    Fixed {
        word: "green",
        id: "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
        created: "2022-10-01T00:00:00.000Z",
    },
    Fixed {
        word: "amber",
        id: "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421",
        created: "2022-10-01T00:00:00.000Z",
    },
    Fixed {
        word: "amber+strict",
        id: "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003",
        created: "2022-10-01T00:00:00.000Z",
    },
    Fixed {
        word: "red",
        id: "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1",
        created: "2022-10-01T00:00:00.000Z",
    },
];

const PAP: &[Fixed] = &[
    Fixed {
        word: "clear",
        id: "marking-definition--ad15a0cd-55b6-4588-a14c-a66105329b92",
        created: "2022-10-01T00:00:00.000Z",
    },
    Fixed {
        word: "green",
        id: "marking-definition--c43594d1-4b11-4c59-93ab-1c9b14d53ce9",
        created: "2022-10-09T00:00:00.000Z",
    },
    Fixed {
        word: "amber",
        id: "marking-definition--60f8932b-e51e-4458-b265-a2e8be9a80ab",
        created: "2022-10-02T00:00:00.000Z",
    },
    Fixed {
        word: "red",
        id: "marking-definition--740d36e5-7714-4c30-961a-3ae632ceee0e",
        created: "2022-10-06T00:00:00.000Z",
    },
];

/// The fixed TLP 2.0 object of a label: `clear`, `green`, `amber`, `amber+strict` or `red`.
///
/// # Errors
/// [`StixError::Id`] for any other word.
pub fn tlp(word: &str) -> Result<Object, StixError> {
    fixed(TLP, "TLP", TLP_EXTENSION, "tlp_2_0", word)
}

/// The fixed PAP object of a label: `clear`, `green`, `amber` or `red`.
///
/// # Errors
/// [`StixError::Id`] for any other word.
pub fn pap(word: &str) -> Result<Object, StixError> {
    fixed(PAP, "PAP", PAP_EXTENSION, "pap", word)
}

fn fixed(
    labels: &[Fixed],
    scheme: &str,
    key: &'static str,
    property: &'static str,
    word: &str,
) -> Result<Object, StixError> {
    let unknown = || StixError::Id { found: format!("{scheme}:{word}") };
    let label = labels.iter().find(|label| label.word == word).ok_or_else(unknown)?;
    let (id, name) = (StixId::fixed(label.id)?, format!("{scheme}:{}", word.to_uppercase()));
    let properties = Map::from_iter([(property, Json::text(word))]);
    let extension = Extension::of_properties(key, properties, Vec::new())?;
    let mut draft = Draft::bare(TYPE, &id)?;
    draft.put("created", Part::Text(label.created))?;
    draft.required_text("name", &name)?;
    draft.extension(&extension)?;
    draft.finish()
}

/// A marking definition that is a sentence in plain words (STIX 2.1 §7.2.1.3); it restricts nothing by itself.
///
/// # Errors
/// [`StixError::Empty`] without words; [`StixError::IdOfOtherType`] for a maker that is no identity.
pub fn statement(
    id: &StixId,
    created: StixTime,
    created_by: Option<&StixId>,
    words: String,
) -> Result<Object, StixError> {
    if words.trim().is_empty() {
        return Err(StixError::Empty { place: "statement".to_owned() });
    }
    let definition = Json::Map(Map::from_iter([("statement", Json::Text(words))]));
    let mut draft = made(id, &created, created_by)?;
    draft.put("definition_type", Part::Text("statement"))?;
    draft.json("definition", &definition)?;
    draft.finish()
}

/// A marking definition that an extension carries (STIX 2.1 §7.2.1).
///
/// # Errors
/// [`StixError::Empty`] without a name; [`StixError::IdOfOtherType`] for a maker that is no identity.
pub fn extended(
    id: &StixId,
    created: StixTime,
    created_by: Option<&StixId>,
    name: &str,
    extension: &Extension,
) -> Result<Object, StixError> {
    let mut draft = made(id, &created, created_by)?;
    draft.required_text("name", name)?;
    draft.extension(extension)?;
    draft.finish()
}

fn made<'a>(
    id: &'a StixId,
    created: &'a StixTime,
    created_by: Option<&'a StixId>,
) -> Result<Draft<'a>, StixError> {
    let mut draft = Draft::bare(TYPE, id)?;
    draft.put("created", Part::Text(created.as_str()))?;
    created_by.map_or(Ok(()), |by| draft.created_by(by))?;
    Ok(draft)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fixed_markings_are_those_of_their_specifications() {
        let text = tlp("amber+strict").unwrap().text().to_owned();
        assert_eq!(
            text,
            "{\"created\":\"2022-10-01T00:00:00.000Z\",\"extensions\":{\"extension-definition--60a3c5c5-0d10-413e-aab3-\
             9e08dde9e88d\":{\"extension_type\":\"property-extension\",\"tlp_2_0\":\"amber+strict\"}},\"id\":\"marking-\
             definition--939a9414-2ddd-4d32-a0cd-375ea402b003\",\"name\":\"TLP:AMBER+STRICT\",\"spec_version\":\"2.1\",\
             \"type\":\"marking-definition\"}"
        );
        for label in ["clear", "green", "amber", "red"] {
            assert!(tlp(label).is_ok() && pap(label).is_ok());
        }
        assert!(tlp("white").is_err() && pap("amber+strict").is_err());
    }

    #[test]
    fn a_statement_says_something() {
        let id = StixId::make("marking-definition", [1; 16]).unwrap();
        let at = StixTime::new("2026-12-10T12:00:00Z".parse().unwrap()).unwrap();
        assert!(statement(&id, at, None, " ".to_owned()).is_err());
        assert!(statement(&id, at, None, "Only for the recipient.".to_owned()).is_ok());
    }
}
