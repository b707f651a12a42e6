//! Signed notes: a text and the signature lines under it (C2SP signed-note).
//!
//! A note is parsed without judging its signatures. Who may sign what is for the room that knows the text:
//! [`crate::checkpoint`], [`crate::channel`], [`crate::card`].

use std::fmt;

use crate::grammar;
use crate::key::{KeyKind, SigningKey, VerifierKey, check_name};

/// Largest note, in bytes.
pub const NOTE_BYTES_MAX: usize = 64 * 1024;

/// Most signature lines of a note.
pub const SIGNATURE_LINES_MAX: usize = 16;

const SIGNATURE_PREFIX: &str = "— ";
const KEY_ID_BYTES: usize = 4;

/// A text with the signature lines under it. Shown as text, empty line, signature lines, each ending in LF.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

impl Note {
    /// Puts signature lines under a text.
    ///
    /// `text`: not empty, ends in LF, no ASCII control character but LF. 1 to 16 lines. At most 64 KiB
    /// together.
    ///
    /// # Errors
    /// [`NoteError`] for what breaks these rules.
    pub fn new(text: String, signatures: Vec<NoteSignature>) -> Result<Self, NoteError> {
        check_text(&text)?;
        check_lines(signatures.len())?;
        let note = Note { text, signatures };
        check_size(note.to_string().len())?;
        Ok(note)
    }

    /// Reads a note: at most 64 KiB, 1 to 16 signature lines. Signatures are not verified.
    ///
    /// What this accepts, `to_string` gives back byte for byte.
    ///
    /// # Errors
    /// [`NoteError`] for what breaks the format.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        check_size(bytes.len())?;
        let whole =
            std::str::from_utf8(bytes).map_err(|error| NoteError::Utf8 { at: error.valid_up_to() })?;
        // The text may hold empty lines; the last one ends it.
        let (text, lines) = whole.rsplit_once("\n\n").ok_or(NoteError::NoSignatures)?;
        let text = format!("{text}\n");
        check_text(&text)?;
        let lines = lines.strip_suffix('\n').ok_or(NoteError::NoSignatures)?;
        check_lines(lines.split('\n').count())?;
        let signatures = lines.split('\n').map(NoteSignature::parse_line).collect::<Result<_, _>>()?;
        Ok(Note { text, signatures })
    }

    /// Gives the text that the signatures are over, with its last LF.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Gives the signature lines in their order.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// Gives the one line that names this key by name and key id. It is not verified.
    ///
    /// # Errors
    /// [`NoteError::Unsigned`] if there is none, [`NoteError::Twice`] if there are several.
    pub fn signature_of(&self, key: &VerifierKey) -> Result<&NoteSignature, NoteError> {
        let mut lines = self.signatures.iter().filter(|line| line.names(key));
        match (lines.next(), lines.next()) {
            (Some(line), None) => Ok(line),
            (None, _) => Err(NoteError::Unsigned { key: key.name().to_owned() }),
            (Some(_), Some(_)) => Err(NoteError::Twice { key: key.name().to_owned() }),
        }
    }

    /// Checks that the text carries exactly one signature line of this Ed25519 key and that it verifies.
    ///
    /// # Errors
    /// [`NoteError::Unsigned`], [`NoteError::Twice`], [`NoteError::Signature`], or [`NoteError::Kind`] for a
    /// cosigner key.
    pub fn verify(&self, key: &VerifierKey) -> Result<(), NoteError> {
        self.signature_of(key)?.verify_text(&self.text, key)
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        for line in &self.signatures {
            writeln!(f, "{line}")?;
        }
        Ok(())
    }
}

/// One signature line. Shown as `— <name> <base64(key id ‖ payload)>`, em dash U+2014, without LF.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NoteSignature {
    name: String,
    key_id: [u8; KEY_ID_BYTES],
    payload: Vec<u8>,
}

impl NoteSignature {
    /// Makes the line of this key with a signature that the caller has made.
    pub(crate) fn new(key: &VerifierKey, payload: Vec<u8>) -> Self {
        NoteSignature { name: key.name().to_owned(), key_id: key.id(), payload }
    }

    /// Reads one line, without LF. The signature is not verified.
    ///
    /// # Errors
    /// [`NoteError::Line`] for anything but a dash, a key name and canonical base64 of more than 4 bytes.
    pub fn parse_line(line: &str) -> Result<Self, NoteError> {
        let bad = || NoteError::Line { found: grammar::quoted(line) };
        let rest = line.strip_prefix(SIGNATURE_PREFIX).ok_or_else(bad)?;
        let (name, signature) = rest.split_once(' ').ok_or_else(bad)?;
        check_name(name).map_err(|_| bad())?;
        let bytes = grammar::base64(signature).ok_or_else(bad)?;
        let (key_id, payload) = bytes.split_first_chunk().ok_or_else(bad)?;
        if payload.is_empty() {
            return Err(bad());
        }
        Ok(NoteSignature { name: name.to_owned(), key_id: *key_id, payload: payload.to_vec() })
    }

    /// Gives the key's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Gives the key id.
    pub fn key_id(&self) -> [u8; KEY_ID_BYTES] {
        self.key_id
    }

    /// Gives the bytes after the key id: 64 for an Ed25519 signature, 72 for a cosignature.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// Whether the line names this key, by name and key id. It says nothing of the signature.
    pub fn names(&self, key: &VerifierKey) -> bool {
        self.name == key.name() && self.key_id == key.id()
    }

    /// Checks that this line is by this Ed25519 key over this text.
    ///
    /// # Errors
    /// [`NoteError::Kind`] for a cosigner key, [`NoteError::Unsigned`] if the line names another key,
    /// [`NoteError::Signature`] if it does not verify.
    pub fn verify_text(&self, text: &str, key: &VerifierKey) -> Result<(), NoteError> {
        let named = || key.name().to_owned();
        if key.kind() != KeyKind::Ed25519 {
            return Err(NoteError::Kind { key: named() });
        }
        if !self.names(key) {
            return Err(NoteError::Unsigned { key: named() });
        }
        match self.payload.as_array() {
            Some(signature) if key.signed(text.as_bytes(), signature) => Ok(()),
            _ => Err(NoteError::Signature { key: named() }),
        }
    }
}

impl fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signature = grammar::to_base64(&[&self.key_id, self.payload.as_slice()].concat());
        write!(f, "{SIGNATURE_PREFIX}{} {signature}", self.name)
    }
}

/// Signs a note text with an Ed25519 key and gives the signature line. The caller judges what the key may
/// sign.
///
/// # Errors
/// [`NoteError::Kind`] for a cosigner key, and the errors of [`Note::new`] about the text.
pub fn sign_line(key: &SigningKey, text: &str) -> Result<NoteSignature, NoteError> {
    if key.verifier().kind() != KeyKind::Ed25519 {
        return Err(NoteError::Kind { key: key.name().to_owned() });
    }
    check_text(text)?;
    let signature = key.sign(text.as_bytes());
    Ok(NoteSignature::new(key.verifier(), signature.to_vec()))
}

/// A note that breaks the format, or lacks a signature asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// More bytes than a note may have.
    #[error("a note has at most {limit} bytes, found {bytes}")]
    TooLarge {
        /// Bytes found.
        bytes: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// Not UTF-8.
    #[error("a note is UTF-8 text; byte {at} is not")]
    Utf8 {
        /// Place of the first wrong byte, from 0.
        at: usize,
    },
    /// The text has a control character other than LF.
    #[error("a note has no control characters but LF; byte {at} is one")]
    Control {
        /// Place in the text, in bytes from 0.
        at: usize,
    },
    /// The text is empty or does not end in LF.
    #[error("the text of a note is lines that end in LF")]
    Text,
    /// There are no signature lines after an empty line, each ending in LF.
    #[error("a note ends in an empty line and signature lines, each with its LF")]
    NoSignatures,
    /// More signature lines than a note may have.
    #[error("a note has at most {limit} signature lines, found {lines}")]
    TooManyLines {
        /// Lines found.
        lines: usize,
        /// Lines allowed.
        limit: usize,
    },
    /// A signature line that breaks the format.
    #[error("expected a signature line `— <name> <base64>`, found {found}")]
    Line {
        /// The line found, escaped and cut.
        found: String,
    },
    /// No signature line names the key.
    #[error("no signature line of the key {key}")]
    Unsigned {
        /// Name of the key looked for.
        key: String,
    },
    /// Several signature lines name the key.
    #[error("more than one signature line of the key {key}")]
    Twice {
        /// Name of the key looked for.
        key: String,
    },
    /// The signature is not by the key, or not over this text.
    #[error("the signature of the key {key} does not verify")]
    Signature {
        /// Name of the key.
        key: String,
    },
    /// The key does not make signatures of this kind.
    #[error("the key {key} is not of the kind that makes this signature")]
    Kind {
        /// Name of the key.
        key: String,
    },
}

fn check_text(text: &str) -> Result<(), NoteError> {
    let control = |byte: u8| byte < 0x20 && byte != b'\n';
    if let Some(at) = text.bytes().position(control) {
        return Err(NoteError::Control { at });
    }
    if text.len() < 2 || !text.ends_with('\n') {
        return Err(NoteError::Text);
    }
    Ok(())
}

fn check_lines(lines: usize) -> Result<(), NoteError> {
    match lines {
        0 => Err(NoteError::NoSignatures),
        1..=SIGNATURE_LINES_MAX => Ok(()),
        _ => Err(NoteError::TooManyLines { lines, limit: SIGNATURE_LINES_MAX }),
    }
}

fn check_size(bytes: usize) -> Result<(), NoteError> {
    if bytes > NOTE_BYTES_MAX {
        return Err(NoteError::TooLarge { bytes, limit: NOTE_BYTES_MAX });
    }
    Ok(())
}
