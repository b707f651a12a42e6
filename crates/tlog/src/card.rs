//! Partner cards: what a party gives to be reached and recognised, signed by its identity key alone.
//!
//! A card that verifies is only self-consistent. Whose identity key it is, people find out by comparing
//! fingerprint words by voice.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use jiff::Timestamp;

use crate::channel::COSIGNER_SUFFIX;
use crate::grammar::{self, Lines, Malformed};
use crate::key::{KeyError, KeyKind, SigningKey, VerifierKey};
use crate::note::{Note, NoteError, sign_line};

/// Largest card, in bytes.
pub const CARD_BYTES_MAX: usize = 4 * 1024;

/// Longest contact line, in characters.
pub const CONTACT_CHARS_MAX: usize = 200;

const CARD_LABEL: &str = "forewarn/card/v1";

/// What one party tells another of itself. The party's name is the name of its identity key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    /// Key that signs this card and channel statements, nothing else; Ed25519.
    pub identity: VerifierKey,
    /// Key that gives receipts; cosignature/v1, its name is the party's name and `/cosigner`.
    pub cosigner: VerifierKey,
    /// Where the party's node is reached.
    pub address: Address,
    /// SHA-256 of the public key info (SPKI) of the node's TLS certificate.
    pub tls: [u8; 32],
    /// To whom files for the party are sealed.
    pub encryption: EncryptionKey,
    /// How a person reaches the party's duty desk.
    pub contact: Contact,
    /// When the card was signed, by the party's clock, whole seconds.
    pub issued: Timestamp,
}

impl Card {
    /// Gives the party's name.
    pub fn name(&self) -> &str {
        self.identity.name()
    }

    /// Gives the text that is signed, one line a field.
    ///
    /// # Errors
    /// [`CardError::Issued`] if the time has no form of whole seconds in a year of four digits.
    pub fn text(&self) -> Result<String, CardError> {
        let issued = grammar::to_timestamp(self.issued).ok_or(CardError::Issued { issued: self.issued })?;
        Ok(format!(
            "{CARD_LABEL}\nidentity {}\ncosigner {}\naddress {}\ntls {}\nencryption {}\ncontact {}\nissued {issued}\n",
            self.identity,
            self.cosigner,
            self.address,
            hex::encode(self.tls),
            self.encryption,
            self.contact,
        ))
    }

    /// Signs with the identity key and gives the whole card.
    ///
    /// # Errors
    /// [`CardError::Signer`] for a key that is not the identity key; [`CardError::Keys`],
    /// [`CardError::Issued`] or [`CardError::TooLarge`] for fields that make no card.
    pub fn sign(&self, key: &SigningKey) -> Result<String, CardError> {
        self.check_keys()?;
        if key.verifier() != &self.identity {
            return Err(CardError::Signer { key: key.name().to_owned() });
        }
        let text = self.text()?;
        let line = sign_line(key, &text)?;
        let card = Note::new(text, vec![line])?.to_string();
        check_size(card.len())?;
        Ok(card)
    }

    /// Reads a card of at most 4 KiB and verifies its one signature by the identity key that it names.
    ///
    /// # Errors
    /// [`CardError::TooLarge`], [`CardError::NotACard`] or [`CardError::Note`]: this is no card;
    /// [`CardError::Malformed`] and [`CardError::Key`]: a card with a bad line; [`CardError::Signature`]:
    /// changed after it was signed, or not signed by this identity alone.
    pub fn parse(bytes: &[u8]) -> Result<Self, CardError> {
        let (card, note) = Card::unverified(bytes)?;
        let [line] = note.signatures() else {
            return Err(CardError::Signature { name: card.name().to_owned() });
        };
        line.verify_text(note.text(), &card.identity)
            .map_err(|_| CardError::Signature { name: card.name().to_owned() })?;
        Ok(card)
    }

    /// Reads a card again that [`Card::parse`] took before, from where only its reader writes. The card names its own key,
    /// so verifying it once more would show nothing about who wrote it there.
    ///
    /// # Errors
    /// As [`Card::parse`], but for `Signature`.
    pub fn parse_kept(bytes: &[u8]) -> Result<Self, CardError> {
        Card::unverified(bytes).map(|(card, _)| card)
    }

    fn unverified(bytes: &[u8]) -> Result<(Self, Note), CardError> {
        check_size(bytes.len())?;
        let is_card = bytes.strip_prefix(CARD_LABEL.as_bytes()).is_some_and(|rest| rest.starts_with(b"\n"));
        if !is_card {
            return Err(CardError::NotACard);
        }
        let note = Note::parse(bytes)?;
        let card = Card::parse_text(note.text())?;
        Ok((card, note))
    }

    fn parse_text(text: &str) -> Result<Self, CardError> {
        let mut lines = Lines::new(text);
        lines.exact(CARD_LABEL)?;
        let identity = key_line(&mut lines, "identity", "`identity <verifier key>`")?;
        let cosigner = key_line(&mut lines, "cosigner", "`cosigner <verifier key>`")?;
        let address = lines.field("address", "`address <host>:<port>`", |text| Address::parse(text).ok())?;
        let tls = lines.field("tls", "`tls <64 hex digits>`", grammar::hex_array)?;
        let encryption = lines
            .field("encryption", "`encryption <age recipient>`", |text| EncryptionKey::parse(text).ok())?;
        let contact = lines
            .field("contact", "`contact <1 to 200 plain characters>`", |text| Contact::parse(text).ok())?;
        let issued = lines.field("issued", "`issued <YYYY-MM-DDThh:mm:ssZ>`", grammar::timestamp)?;
        lines.end()?;
        let card = Card { identity, cosigner, address, tls, encryption, contact, issued };
        card.check_keys()?;
        Ok(card)
    }

    fn check_keys(&self) -> Result<(), CardError> {
        let fits = self.identity.kind() == KeyKind::Ed25519
            && self.cosigner.kind() == KeyKind::CosignatureV1
            && self.cosigner.name().strip_suffix(COSIGNER_SUFFIX) == Some(self.name())
            && self.cosigner.key_bytes() != self.identity.key_bytes();
        if !fits {
            return Err(CardError::Keys {
                identity: self.identity.to_string(),
                cosigner: self.cosigner.to_string(),
            });
        }
        Ok(())
    }
}

/// Host and port of a node: `name.example:8443`, `192.0.2.1:8443` or `[2001:db8::1]:8443`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    host: String,
    port: u16,
}

impl Address {
    /// Reads `<host>:<port>`: a host name of lower-case letters, digits, `-` and `.` (at most 253 bytes,
    /// labels of at most 63), an IPv4 address, or an IPv6 address in brackets and in its shortest form; a
    /// port from 1 without leading zero.
    ///
    /// # Errors
    /// [`CardError::Field`] for any other text.
    pub fn parse(text: &str) -> Result<Self, CardError> {
        let bad = || CardError::Field { field: "address", found: grammar::quoted(text) };
        let (host, port) = text.rsplit_once(':').ok_or_else(bad)?;
        let port = grammar::number(port).and_then(|port| u16::try_from(port).ok());
        match port.filter(|port| *port != 0) {
            Some(port) if is_host(host) => Ok(Address { host: host.to_owned(), port }),
            _ => Err(bad()),
        }
    }

    /// Gives the host; an IPv6 address keeps its brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Gives the port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// Text of an age recipient, `age1…`. Only its characters are checked here; who seals to it checks the rest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct EncryptionKey(String);

impl EncryptionKey {
    /// Reads `age1` and 10 to 2,500 lower-case letters and digits.
    ///
    /// # Errors
    /// [`CardError::Field`] for any other text.
    pub fn parse(text: &str) -> Result<Self, CardError> {
        let fits = text.strip_prefix("age1").is_some_and(|rest| {
            let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
            (10..=2_500).contains(&rest.len()) && rest.bytes().all(plain)
        });
        if !fits {
            return Err(CardError::Field { field: "encryption", found: grammar::quoted(text) });
        }
        Ok(EncryptionKey(text.to_owned()))
    }

    /// Gives the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One line for people: how to reach the duty desk. Safe to show on a terminal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Contact(String);

impl Contact {
    /// Takes 1 to 200 characters, none of which is a control, direction, zero-width or otherwise unseen
    /// character.
    ///
    /// # Errors
    /// [`CardError::Field`] for any other text.
    pub fn parse(text: &str) -> Result<Self, CardError> {
        let length = text.chars().count();
        if length == 0 || length > CONTACT_CHARS_MAX || text.chars().any(is_unseen) {
            return Err(CardError::Field { field: "contact", found: grammar::quoted(text) });
        }
        Ok(Contact(text.to_owned()))
    }

    /// Gives the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Bytes or fields that make no card.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CardError {
    /// More bytes than a card may have.
    #[error("a card has at most {limit} bytes, found {bytes}")]
    TooLarge {
        /// Bytes found.
        bytes: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// The first line is not that of a card.
    #[error("not a card: the first line is not `forewarn/card/v1`")]
    NotACard,
    /// It begins like a card and is no signed note.
    #[error("not a whole card: {0}")]
    Note(#[from] NoteError),
    /// A line of the card is not what the format has there.
    #[error("bad card: {0}")]
    Malformed(#[from] Malformed),
    /// A key of the card cannot be read.
    #[error("bad card: key of the {role}: {source}")]
    Key {
        /// Role of the key.
        role: &'static str,
        /// Why it cannot be read.
        source: KeyError,
    },
    /// Wrong kinds of keys, a cosigner of another name than `<name>/cosigner`, or one key for both.
    #[error("bad card: identity {identity} and cosigner {cosigner} do not belong together")]
    Keys {
        /// Text of the identity key.
        identity: String,
        /// Text of the cosigner key.
        cosigner: String,
    },
    /// Text that is not of the field's form.
    #[error("the {field} of a card cannot be {found}")]
    Field {
        /// The field.
        field: &'static str,
        /// The text found, escaped and cut.
        found: String,
    },
    /// The time of issue has a fraction of a second, or a year outside 0000 to 9999.
    #[error("a card is issued at whole seconds of a year of four digits, found {issued}")]
    Issued {
        /// The time found.
        issued: Timestamp,
    },
    /// Not exactly one signature line, by the identity key, that verifies.
    #[error("the card of {name} is not signed by its identity key alone, or was changed afterwards")]
    Signature {
        /// Name on the card.
        name: String,
    },
    /// The key that should sign is not the identity key of the card.
    #[error("the key {key} is not the identity key of this card")]
    Signer {
        /// Name of the key handed in.
        key: String,
    },
}

fn check_size(bytes: usize) -> Result<(), CardError> {
    if bytes > CARD_BYTES_MAX {
        return Err(CardError::TooLarge { bytes, limit: CARD_BYTES_MAX });
    }
    Ok(())
}

fn key_line(
    lines: &mut Lines<'_>,
    role: &'static str,
    expected: &'static str,
) -> Result<VerifierKey, CardError> {
    let text = lines.field(role, expected, Some)?;
    VerifierKey::parse(text).map_err(|source| CardError::Key { role, source })
}

fn is_host(host: &str) -> bool {
    if let Some(inner) = host.strip_prefix('[') {
        let address = inner.strip_suffix(']').and_then(|text| text.parse::<Ipv6Addr>().ok());
        return address.is_some_and(|address| format!("[{address}]") == host);
    }
    // A name whose last label is a number would be taken for an IPv4 address in one of its odd spellings.
    let numeric_end = host.rsplit('.').next().is_some_and(is_number);
    if numeric_end {
        return host.parse::<Ipv4Addr>().is_ok_and(|address| address.to_string() == host);
    }
    host.len() <= 253 && host.split('.').all(is_host_label)
}

fn is_number(label: &str) -> bool {
    !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_host_label(label: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&label.len())
        && label.bytes().all(plain)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// Characters that show nothing, or change how others show: Unicode controls, format characters (direction,
/// zero width, tags), fillers, variation selectors, line and paragraph separators, private use and
/// noncharacters.
fn is_unseen(character: char) -> bool {
    let code = u32::from(character);
    character.is_control()
        || code & 0xfffe == 0xfffe
        || UNSEEN.iter().any(|(first, last)| (*first..=*last).contains(&code))
}

/// Ranges of unseen characters, first and last, in order: the Unicode general categories Cf, Co, Zl and Zp,
/// the property Default_Ignorable_Code_Point, noncharacters, and a few signs that are drawn blank.
const UNSEEN: [(u32, u32); 32] = [
    (0x00ad, 0x00ad),
    (0x034f, 0x034f),
    (0x0600, 0x0605),
    (0x061c, 0x061c),
    (0x06dd, 0x06dd),
    (0x070f, 0x070f),
    (0x0890, 0x0891),
    (0x08e2, 0x08e2),
    (0x115f, 0x1160),
    (0x17b4, 0x17b5),
    (0x180b, 0x180f),
    (0x200b, 0x200f),
    (0x2028, 0x202e),
    (0x2060, 0x206f),
    (0x2800, 0x2800),
    (0x3164, 0x3164),
    (0xe000, 0xf8ff),
    (0xfdd0, 0xfdef),
    (0xfe00, 0xfe0f),
    (0xfeff, 0xfeff),
    (0xffa0, 0xffa0),
    (0xfff0, 0xfffb),
    (0x110bd, 0x110bd),
    (0x110cd, 0x110cd),
    (0x13430, 0x1343f),
    (0x16fe4, 0x16fe4),
    (0x1bca0, 0x1bca3),
    (0x1d159, 0x1d159),
    (0x1d173, 0x1d17a),
    (0xe0000, 0xe0fff),
    (0xf0000, 0xfffff),
    (0x100000, 0x10ffff),
];
