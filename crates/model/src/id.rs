//! Ids and names. Inside the node an id is a UUIDv7 and never leaves it (it carries a time).

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use tlog::channel::Origin;
use uuid::Uuid;

/// Text that is not an id of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a {kind} id (expected a form like {prefix}-0190f3c2-…)")]
pub struct NotAnId {
    /// What was met, cut to 60 characters.
    pub text: String,
    /// The kind of id that was expected.
    pub kind: &'static str,
    /// The prefix such ids have.
    pub prefix: &'static str,
}

macro_rules! id_type {
    ($(#[$meta:meta])* $name:ident, $kind:literal, $prefix:literal) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// Makes an id of the time `now` and ten bytes of randomness (UUIDv7, RFC 9562 §5.7).
            pub fn make(now: Timestamp, random: [u8; 10]) -> Self {
                let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
                Self(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
            }

            /// The sixteen bytes, for keyed functions and storage.
            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}-{}", $prefix, self.0)
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                text.strip_prefix(concat!($prefix, "-"))
                    .and_then(|rest| Uuid::try_parse(rest).ok())
                    .map(Self)
                    .ok_or_else(|| NotAnId {
                        text: text.chars().take(60).collect(),
                        kind: $kind,
                        prefix: $prefix,
                    })
            }
        }
    };
}

id_type!(
    /// A warning in the giver's node, through all its drafts and releases.
    WarningId, "warning", "w"
);
id_type!(
    /// A previewed set of recipient copies, waiting for its approval; one proposal leads to at most one release each.
    ProposalId, "proposal", "p"
);
id_type!(
    /// A judgement that a named person took and signed.
    DecisionId, "decision", "d"
);
id_type!(
    /// A sealed source; has no wire form and no place in anything that leaves.
    SourceId, "source", "s"
);
id_type!(
    /// A question to several eyes: a four-eyes act that waits for its second person.
    PendingId, "pending act", "q"
);
id_type!(
    /// A row of the outbox: something decided, not yet sent, without an index in any log.
    OutboxId, "outbox row", "o"
);

/// Why a text is no name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a {what}: {why}")]
pub struct NotAName {
    /// What was met, cut to 60 characters.
    pub text: String,
    /// Which kind of name was expected.
    pub what: &'static str,
    /// The rule it breaks.
    pub why: &'static str,
}

/// The name of a party's node, e.g. `service-a.example`; the name in its identity key.
///
/// Lower-case letters, digits, dots and hyphens, 1 to 100 characters, beginning with a letter or digit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartyName(String);

impl PartyName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PartyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for PartyName {
    type Err = NotAName;

    fn from_str(text: &str) -> Result<Self, NotAName> {
        let refuse = |why| NotAName { text: text.chars().take(60).collect(), what: "party name", why };
        if text.is_empty() || text.len() > 100 {
            return Err(refuse("it must have 1 to 100 characters"));
        }
        if !text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'-') {
            return Err(refuse("only a-z, 0-9, dot and hyphen may stand in it"));
        }
        if !text.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            return Err(refuse("it must begin with a letter or a digit"));
        }
        Ok(Self(text.to_owned()))
    }
}

/// The login name of a person in this node; never leaves it. 1 to 40 of a-z, 0-9, dot, hyphen, underscore.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersonName(String);

impl PersonName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PersonName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for PersonName {
    type Err = NotAName;

    fn from_str(text: &str) -> Result<Self, NotAName> {
        let refuse = |why| NotAName { text: text.chars().take(60).collect(), what: "login name", why };
        if text.is_empty() || text.len() > 40 {
            return Err(refuse("it must have 1 to 40 characters"));
        }
        let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'_');
        if !text.bytes().all(good) {
            return Err(refuse("only a-z, 0-9, dot, hyphen and underscore may stand in it"));
        }
        Ok(Self(text.to_owned()))
    }
}

/// Where an entry stands: the log and the index in it. Both parties name it alike.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryRef {
    /// The log.
    pub origin: Origin,
    /// The 0-based index in it.
    pub index: u64,
}

impl fmt::Display for EntryRef {
    /// `<first eight hex digits of the origin>/<index>`, or all 64 digits with `{:#}`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = self.origin.hex();
        let short = if f.alternate() { hex.as_str() } else { hex.get(..8).unwrap_or(&hex) };
        write!(f, "{short}/{}", self.index)
    }
}

/// SHA-256 of something that a person is asked to approve: bytes, a text, an agreement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest as _;
        Self(sha2::Sha256::digest(bytes).into())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl FromStr for Digest {
    type Err = NotAName;

    fn from_str(text: &str) -> Result<Self, NotAName> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| NotAName {
            text: text.chars().take(60).collect(),
            what: "digest",
            why: "it must be 64 hex digits",
        })?;
        Ok(Self(bytes))
    }
}
