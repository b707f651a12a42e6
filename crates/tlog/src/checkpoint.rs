//! Checkpoints: the signed heads of a log (C2SP tlog-checkpoint), and the signature lines they gather.

use std::fmt;

use crate::channel::Origin;
use crate::cosignature::{Cosignature, CosignatureError};
use crate::grammar::{self, Lines, Malformed, NUMBER_LIMIT};
use crate::hash::Hash;
use crate::key::{KeyKind, SigningKey, VerifierKey};
use crate::note::{Note, NoteError, NoteSignature, sign_line};

/// A head of a log: that its first `size` leaves have this root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Checkpoint {
    /// The log.
    pub origin: Origin,
    /// Number of leaves, below 2^48.
    pub size: u64,
    /// Root of these leaves.
    pub root: Hash,
}

impl Checkpoint {
    /// Gives the text that is signed: three lines, origin, size and base64 of the root (C2SP tlog-checkpoint,
    /// Note text).
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, self.root)
    }

    /// Signs with the log key, whose name must be the origin.
    ///
    /// A second root for a size already signed must be impossible before this is called: store origin, size
    /// and root durably, unique by origin and size, first.
    ///
    /// # Errors
    /// [`CheckpointError::KeyName`] for a key of another name, [`CheckpointError::Size`] from 2^48 leaves on,
    /// [`CheckpointError::Note`] for a key of another kind.
    pub fn sign(&self, key: &SigningKey) -> Result<SignedCheckpoint, CheckpointError> {
        self.check_log_key(key.verifier())?;
        if self.size >= NUMBER_LIMIT {
            return Err(CheckpointError::Size { size: self.size });
        }
        let text = self.text();
        let line = sign_line(key, &text)?;
        Ok(SignedCheckpoint { checkpoint: *self, note: Note::new(text, vec![line])? })
    }

    fn parse_text(text: &str) -> Result<Self, CheckpointError> {
        let mut lines = Lines::new(text);
        let expected = "an origin `forewarn/log/<64 hex digits>`";
        let line = lines.line(expected)?;
        let origin = Origin::parse(line).map_err(|_| lines.bad(expected, line))?;
        let expected = "the size, a decimal number below 2^48";
        let line = lines.line(expected)?;
        let size = grammar::number(line).ok_or_else(|| lines.bad(expected, line))?;
        let expected = "the root, base64 of 32 bytes";
        let line = lines.line(expected)?;
        let root = Hash::from_base64(line).map_err(|_| lines.bad(expected, line))?;
        // Extension lines are optional in C2SP tlog-checkpoint; here nothing unaudited may ride along.
        lines.end()?;
        Ok(Checkpoint { origin, size, root })
    }

    fn check_log_key(&self, key: &VerifierKey) -> Result<(), CheckpointError> {
        if key.name() != self.origin.to_string() {
            return Err(CheckpointError::KeyName { key: key.name().to_owned(), origin: self.origin });
        }
        Ok(())
    }
}

/// A checkpoint with its signature lines. Shown as the signed note. The lines are verified only by the
/// methods that say so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    note: Note,
}

impl SignedCheckpoint {
    /// Reads the signed note of a checkpoint: at most 64 KiB and 16 signature lines, no extension lines.
    /// Signatures are not verified.
    ///
    /// What this accepts, `to_string` gives back byte for byte.
    ///
    /// # Errors
    /// [`CheckpointError::Note`] or [`CheckpointError::Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<Self, CheckpointError> {
        let note = Note::parse(bytes)?;
        let checkpoint = Checkpoint::parse_text(note.text())?;
        Ok(SignedCheckpoint { checkpoint, note })
    }

    /// Gives the checkpoint.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// Gives the signature lines in their order.
    pub fn lines(&self) -> &[NoteSignature] {
        self.note.signatures()
    }

    /// Checks that the log key, whose name must be the origin, signed this checkpoint.
    ///
    /// # Errors
    /// [`CheckpointError::KeyName`], or [`CheckpointError::Note`] if the line is missing, double or does not
    /// verify.
    pub fn verify_log(&self, key: &VerifierKey) -> Result<(), CheckpointError> {
        self.checkpoint.check_log_key(key)?;
        Ok(self.note.verify(key)?)
    }

    /// Gives the verified cosignature of this key.
    ///
    /// # Errors
    /// [`CheckpointError::Note`] if the line is missing or double, [`CheckpointError::Cosignature`] if it
    /// does not verify.
    pub fn cosignature_of(&self, key: &VerifierKey) -> Result<Cosignature, CheckpointError> {
        let line = self.note.signature_of(key)?;
        let cosignature = Cosignature::from_line(line.clone())?;
        cosignature.verify(&self.checkpoint, key)?;
        Ok(cosignature)
    }

    /// Checks that every signature line is by one of the known keys, verifies, and that no key has two lines.
    /// Not every key needs a line.
    ///
    /// An Ed25519 key is taken as a log key, a cosignature key as a cosigner.
    ///
    /// # Errors
    /// [`CheckpointError::Stray`] for a line of no known key, else as [`SignedCheckpoint::verify_log`] and
    /// [`SignedCheckpoint::cosignature_of`].
    pub fn check_lines(&self, known: &[&VerifierKey]) -> Result<(), CheckpointError> {
        for line in self.lines() {
            let key = key_of(line, known)?;
            match key.kind() {
                KeyKind::Ed25519 => self.verify_log(key)?,
                KeyKind::CosignatureV1 => drop(self.cosignature_of(key)?),
            }
        }
        Ok(())
    }

    /// Gives the checkpoint with the lines of these keys only, in the order of the keys. Keys without a line
    /// are passed over. Signatures are not verified.
    ///
    /// # Errors
    /// [`CheckpointError::Note`] if none of the keys has a line, or one has two.
    pub fn only_lines_of(&self, keys: &[&VerifierKey]) -> Result<Self, CheckpointError> {
        let mut lines = Vec::new();
        for key in keys {
            match self.note.signature_of(key) {
                Ok(line) => lines.push(line.clone()),
                Err(NoteError::Unsigned { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.with_lines(lines)
    }

    /// Gives the checkpoint with one more signature line at the end. The signature is not verified.
    ///
    /// # Errors
    /// [`CheckpointError::Note`] beyond 16 lines.
    pub fn and_line(&self, line: NoteSignature) -> Result<Self, CheckpointError> {
        self.with_lines([self.lines(), &[line]].concat())
    }

    fn with_lines(&self, lines: Vec<NoteSignature>) -> Result<Self, CheckpointError> {
        Ok(SignedCheckpoint {
            checkpoint: self.checkpoint,
            note: Note::new(self.note.text().to_owned(), lines)?,
        })
    }
}

impl fmt::Display for SignedCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.note.fmt(f)
    }
}

/// The known key that a line names.
pub(crate) fn key_of<'a>(
    line: &NoteSignature,
    known: &[&'a VerifierKey],
) -> Result<&'a VerifierKey, CheckpointError> {
    let key = known.iter().find(|key| line.names(key));
    key.copied().ok_or_else(|| CheckpointError::Stray {
        name: line.name().to_owned(),
        key_id: hex::encode(line.key_id()),
    })
}

/// A checkpoint that breaks the format, or lacks a signature asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// The note breaks the format, or a signature line is missing, double or does not verify.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The text is not origin, size and root.
    #[error("no checkpoint: {0}")]
    Malformed(#[from] Malformed),
    /// The cosignature breaks the format or does not verify.
    #[error(transparent)]
    Cosignature(#[from] CosignatureError),
    /// A log key has the origin as its name.
    #[error("the key {key} does not sign checkpoints of {origin}")]
    KeyName {
        /// Name of the key.
        key: String,
        /// Origin of the checkpoint.
        origin: Origin,
    },
    /// A tree has fewer than 2^48 leaves.
    #[error("a checkpoint is of fewer than 2^48 leaves, found {size}")]
    Size {
        /// The size found.
        size: u64,
    },
    /// A signature line of a key that is not known here.
    #[error("a signature line of the unknown key {name} (key id {key_id})")]
    Stray {
        /// Name on the line.
        name: String,
        /// Key id on the line, hex.
        key_id: String,
    },
}
