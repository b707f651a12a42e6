//! STIX ids: a type and a UUID. The UUID is made of bytes handed in, never of what the object says.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use crate::error::{StixError, cut};

/// An identifier (STIX 2.1 §2.9): `type--uuid`, with a version 4 UUID for everything that is made here. Ids are in the
/// order of their types, then of their UUIDs, which is that of their texts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StixId {
    kind: Cow<'static, str>,
    uuid: Uuid,
}

/// The length of a UUID in hyphenated form.
const UUID_BYTES: usize = uuid::fmt::Hyphenated::LENGTH;

impl StixId {
    /// Makes an id of the type `kind` from 16 bytes; the six version and variant bits are set as for UUID version 4.
    ///
    /// # Errors
    /// [`StixError::TypeName`] if `kind` is no type name.
    pub fn make(kind: &'static str, bytes: [u8; 16]) -> Result<Self, StixError> {
        check_type(kind)?;
        let uuid = uuid::Builder::from_random_bytes(bytes).into_uuid();
        Ok(Self { kind: Cow::Borrowed(kind), uuid })
    }

    /// An id that a specification fixes, as it stands there: read as any other, and copied as cheaply as one made here.
    ///
    /// # Errors
    /// [`StixError::Id`] if it is none.
    pub fn fixed(text: &'static str) -> Result<Self, StixError> {
        let (kind, uuid) = parts(text)?;
        Ok(Self { kind: Cow::Borrowed(kind), uuid })
    }

    /// The type before the two hyphens.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Writes it at the end of `out`.
    pub(crate) fn write(&self, out: &mut String) {
        out.push_str(&self.kind);
        out.push_str("--");
        out.push_str(self.uuid.hyphenated().encode_lower(&mut [0; UUID_BYTES]));
    }
}

impl fmt::Display for StixId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}--{}", self.kind, self.uuid.hyphenated())
    }
}

impl FromStr for StixId {
    type Err = StixError;

    /// Reads `type--uuid`, the UUID of any version in lower-case hyphenated form.
    fn from_str(text: &str) -> Result<Self, StixError> {
        let (kind, uuid) = parts(text)?;
        Ok(Self { kind: Cow::Owned(kind.to_owned()), uuid })
    }
}

/// The type and the UUID of an id in its one written form.
fn parts(text: &str) -> Result<(&str, Uuid), StixError> {
    let refused = || StixError::Id { found: cut(text) };
    let (kind, rest) = text.split_once("--").ok_or_else(refused)?;
    check_type(kind).map_err(|_| refused())?;
    let uuid = Uuid::try_parse(rest).map_err(|_| refused())?;
    if uuid.hyphenated().encode_lower(&mut [0; UUID_BYTES]) == rest {
        Ok((kind, uuid))
    } else {
        Err(refused())
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
            let mut written = String::new();
            id.write(&mut written);
            prop_assert_eq!(written, id.to_string());
            prop_assert_eq!(id.kind(), "report");
            let text = id.to_string();
            let uuid = Uuid::try_parse(&text["report--".len()..]).unwrap();
            prop_assert_eq!(uuid.get_version_num(), 4);
            prop_assert_eq!(uuid.get_variant(), uuid::Variant::RFC4122);
        }

        #[test]
        fn ids_are_in_the_order_of_their_texts(
            kinds in proptest::array::uniform2("[a-z][a-z0-9]{2,3}(-[a-z0-9]{1,3}){0,2}"),
            bytes: [[u8; 16]; 2],
        ) {
            let text = |n: usize| format!("{}--{}", kinds[n], uuid::Builder::from_random_bytes(bytes[n]).into_uuid());
            let [one, other] = [0, 1].map(|n| text(n).parse::<StixId>().unwrap());
            prop_assert_eq!(one.cmp(&other), text(0).cmp(&text(1)));
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
