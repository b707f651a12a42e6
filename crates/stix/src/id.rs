//! STIX ids: a type and a UUID. The UUID is made of bytes handed in, never of what the object says.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use uuid::Uuid;

use crate::error::{StixError, cut};

/// An identifier (STIX 2.1 §2.9): `type--uuid`, with a version 4 UUID for everything that is made here. Ids are in the
/// order of their types, then of their UUIDs, which is that of their texts. A copy shares the text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StixId(Arc<str>);

/// The length of a UUID in hyphenated form.
const UUID_BYTES: usize = uuid::fmt::Hyphenated::LENGTH;

impl StixId {
    /// Makes an id of the type `kind` from 16 bytes; the six version and variant bits are set as for UUID version 4.
    ///
    /// # Errors
    /// [`StixError::TypeName`] if `kind` is no type name.
    pub fn make(kind: &str, bytes: [u8; 16]) -> Result<Self, StixError> {
        check_type(kind)?;
        let uuid = uuid::Builder::from_random_bytes(bytes).into_uuid();
        let mut hyphenated = [0; UUID_BYTES];
        let uuid: &str = uuid.hyphenated().encode_lower(&mut hyphenated);
        Ok(Self([kind, "--", uuid].concat().into()))
    }

    /// The type before the two hyphens.
    pub fn kind(&self) -> &str {
        self.0.get(..self.0.len().saturating_sub(UUID_BYTES + 2)).unwrap_or_default()
    }

    /// The whole.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StixId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for StixId {
    type Err = StixError;

    /// Reads `type--uuid`, the UUID of any version in lower-case hyphenated form.
    fn from_str(text: &str) -> Result<Self, StixError> {
        let refused = || StixError::Id { found: cut(text) };
        let (kind, rest) = text.split_once("--").ok_or_else(refused)?;
        check_type(kind).map_err(|_| refused())?;
        let uuid = Uuid::try_parse(rest).map_err(|_| refused())?;
        if uuid.hyphenated().encode_lower(&mut [0; UUID_BYTES]) == rest {
            Ok(Self(text.into()))
        } else {
            Err(refused())
        }
    }
}

/// Refuses what is no type name (STIX 2.1 §3.1: a-z, 0-9, hyphen; 3 to 250 characters; no two hyphens together).
pub(crate) fn check_type(kind: &str) -> Result<(), StixError> {
    let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let fits = (3..=250).contains(&kind.len()) && kind.bytes().all(good);
    if fits
        && kind.starts_with(|c: char| c.is_ascii_lowercase())
        && !kind.contains("--")
        && !kind.ends_with('-')
    {
        return Ok(());
    }
    Err(StixError::TypeName { found: cut(kind) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_id_reads_back_and_is_a_version_4_uuid(bytes: [u8; 16]) {
            let id = StixId::make("report", bytes).unwrap();
            prop_assert_eq!(id.to_string().parse::<StixId>().unwrap(), id.clone());
            prop_assert_eq!(id.kind(), "report");
            let uuid = Uuid::try_parse(&id.as_str()["report--".len()..]).unwrap();
            prop_assert_eq!(uuid.get_version_num(), 4);
            prop_assert_eq!(uuid.get_variant(), uuid::Variant::RFC4122);
        }

        #[test]
        fn ids_are_in_the_order_of_their_types_and_then_of_their_uuids(
            kinds in proptest::array::uniform2("[a-z][a-z0-9]{2,3}(-[a-z0-9]{1,3}){0,2}"),
            bytes: [[u8; 16]; 2],
        ) {
            let [one, other] = [0, 1].map(|n| StixId::make(&kinds[n], bytes[n]).unwrap());
            let [uuid, other_uuid] = bytes.map(|b| uuid::Builder::from_random_bytes(b).into_uuid());
            prop_assert_eq!(one.cmp(&other), (&kinds[0], uuid).cmp(&(&kinds[1], other_uuid)));
        }
    }

    #[test]
    fn what_is_no_id_is_refused() {
        for text in [
            "report",
            "report--",
            "Report--5e57c739-391a-4eb3-b6be-7d15ca92d5ed",
            "re--port--5e57c739-391a-4eb3-b6be-7d15ca92d5ed",
            "report--5E57C739-391A-4EB3-B6BE-7D15CA92D5ED",
            "report--5e57c739391a4eb3b6be7d15ca92d5ed",
        ] {
            assert!(text.parse::<StixId>().is_err(), "{text}");
        }
        assert!(StixId::make("no type", [0; 16]).is_err());
    }
}
