//! Ids as others write them.

use std::borrow::Cow;
use std::fmt;

use uuid::Uuid;

use crate::error::StixError;
use crate::id::{StixId, check_type};

/// An id that was read: its type and the 16 bytes of its UUID (STIX 2.1 §2.9). Two spellings of one UUID are one id
/// (RFC 4122 §3: hexadecimal digits are read in either case).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id<'a> {
    kind: Cow<'a, str>,
    uuid: Uuid,
}

/// `8-4-4-4-12` digits.
const UUID_BYTES: usize = uuid::fmt::Hyphenated::LENGTH;

impl<'a> Id<'a> {
    /// Reads `type--uuid`, the UUID hyphenated, of the RFC 4122 variant and of any version. `None` for anything else.
    pub fn read(text: &'a str) -> Option<Self> {
        let (kind, uuid) = parts(text)?;
        Some(Self { kind: Cow::Borrowed(kind), uuid })
    }

    /// The same for a text that may have been decoded.
    pub(crate) fn of(text: Cow<'a, str>) -> Option<Self> {
        match text {
            Cow::Borrowed(text) => Self::read(text),
            Cow::Owned(text) => {
                let (kind, uuid) = parts(&text)?;
                Some(Self { kind: Cow::Owned(kind.to_owned()), uuid })
            }
        }
    }

    /// The type before the two hyphens.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The UUID.
    pub fn uuid(&self) -> Uuid {
        self.uuid
    }

    /// The id as it is kept, in lower case.
    ///
    /// # Errors
    /// None for an id that was read; the form is checked again.
    pub fn kept(&self) -> Result<StixId, StixError> {
        self.to_string().parse()
    }
}

impl fmt::Display for Id<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}--{}", self.kind, self.uuid.hyphenated())
    }
}

fn parts(text: &str) -> Option<(&str, Uuid)> {
    let at = text.len().checked_sub(UUID_BYTES)?;
    let kind = text.get(..at)?.strip_suffix("--")?;
    let uuid = Uuid::try_parse(text.get(at..)?).ok()?;
    (uuid.get_variant() == uuid::Variant::RFC4122 && check_type(kind).is_ok()).then_some((kind, uuid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_its_type_and_sixteen_bytes_whatever_their_case() {
        let one = Id::read("report--5e57c739-391a-4eb3-b6be-7d15ca92d5ed").unwrap();
        assert_eq!(one, Id::read("report--5E57C739-391A-4EB3-B6BE-7D15CA92D5ED").unwrap());
        assert_eq!(one.kind(), "report");
        assert_eq!(one.kept().unwrap().to_string(), "report--5e57c739-391a-4eb3-b6be-7d15ca92d5ed");
        for text in [
            "",
            "report",
            "report--",
            "--5e57c739-391a-4eb3-b6be-7d15ca92d5ed",
            "report-5e57c739-391a-4eb3-b6be-7d15ca92d5ed",
            "Report--5e57c739-391a-4eb3-b6be-7d15ca92d5ed",
            "report--{5e57c739-391a-4eb3-b6be-7d15ca92d5e}",
            "report--5e57c739391a4eb3b6be7d15ca92d5ed",
            "report--5e57c739-391a-4eb3-06be-7d15ca92d5ed",
            "ré--5e57c739-391a-4eb3-b6be-7d15ca92d5ed",
        ] {
            assert_eq!(Id::read(text), None, "{text}");
        }
    }
}
