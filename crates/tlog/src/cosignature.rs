//! Timed cosignatures of checkpoints, the receipts of a channel (C2SP tlog-cosignature, Ed25519 signed
//! message).
//!
//! A cosigner key says: at this time this was the largest consistent tree of this origin that I had seen. A
//! receiver's key says besides: each leaf of it was opened to me, and I hold its bytes and salt durably, save
//! those erased under a recall entry of this log. So never cosign over a leaf that was not opened to you.

use std::fmt;

use crate::checkpoint::Checkpoint;
use crate::key::{KeyKind, SigningKey, VerifierKey};
use crate::note::{NoteError, NoteSignature};

/// First time, in POSIX seconds, that is too late for a cosignature: 2^63.
pub const COSIGNATURE_TIME_LIMIT: u64 = 1 << 63;

/// Cosigns a checkpoint at `time`, POSIX seconds, 0 < time < 2^63.
///
/// The caller keeps the rules between cosignatures: per origin neither time nor size ever falls, and for a
/// checkpoint already cosigned the stored line is given again.
///
/// # Errors
/// [`CosignatureError::Time`] for a time outside these limits, [`CosignatureError::Line`] if the key is no
/// cosigner key.
pub fn cosign(checkpoint: &Checkpoint, time: u64, key: &SigningKey) -> Result<Cosignature, CosignatureError> {
    if key.verifier().kind() != KeyKind::CosignatureV1 {
        let key = key.name().to_owned();
        return Err(NoteError::Kind { key }.into());
    }
    check_time(time)?;
    let signature = key.sign(message(checkpoint, time).as_bytes());
    let payload = [time.to_be_bytes().as_slice(), &signature].concat();
    Ok(Cosignature { line: NoteSignature::new(key.verifier(), payload), time })
}

/// A signature line of a cosigner key with the time it states. Shown as the line, without LF.
///
/// Not yet verified unless it comes from [`cosign`] or
/// [`crate::checkpoint::SignedCheckpoint::cosignature_of`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cosignature {
    line: NoteSignature,
    time: u64,
}

impl Cosignature {
    /// Takes a signature line as a cosignature: 8 bytes time, 64 bytes signature. The signature is not
    /// verified.
    ///
    /// # Errors
    /// [`CosignatureError::Length`] or [`CosignatureError::Time`].
    pub fn from_line(line: NoteSignature) -> Result<Self, CosignatureError> {
        let (time, signature) = line.payload().split_first_chunk().ok_or_else(|| wrong_length(&line))?;
        if signature.len() != 64 {
            return Err(wrong_length(&line));
        }
        let time = u64::from_be_bytes(*time);
        check_time(time)?;
        Ok(Cosignature { line, time })
    }

    /// Reads one signature line, without LF. The signature is not verified.
    ///
    /// # Errors
    /// [`CosignatureError`] for what breaks the format.
    pub fn parse_line(line: &str) -> Result<Self, CosignatureError> {
        Cosignature::from_line(NoteSignature::parse_line(line)?)
    }

    /// Gives the signature line.
    pub fn line(&self) -> &NoteSignature {
        &self.line
    }

    /// Gives the time stated, POSIX seconds by the cosigner's clock.
    pub fn time(&self) -> u64 {
        self.time
    }

    /// Checks that this is the key's cosignature of exactly this checkpoint.
    ///
    /// # Errors
    /// [`CosignatureError::Line`]: another key is named, the key is no cosigner key, or the signature does
    /// not verify.
    pub fn verify(&self, checkpoint: &Checkpoint, key: &VerifierKey) -> Result<(), CosignatureError> {
        let named = key.name().to_owned();
        if key.kind() != KeyKind::CosignatureV1 {
            return Err(NoteError::Kind { key: named }.into());
        }
        if !self.line.names(key) {
            return Err(NoteError::Unsigned { key: named }.into());
        }
        let signature = self.line.payload().last_chunk();
        let message = message(checkpoint, self.time);
        match signature {
            Some(signature) if key.signed(message.as_bytes(), signature) => Ok(()),
            _ => Err(NoteError::Signature { key: named }.into()),
        }
    }
}

impl fmt::Display for Cosignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.line.fmt(f)
    }
}

/// A line that is no cosignature, or not the one asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CosignatureError {
    /// The line breaks the format, names another key or does not verify.
    #[error(transparent)]
    Line(#[from] NoteError),
    /// Not 8 bytes of time and 64 of signature.
    #[error("a cosignature has 72 bytes after the key id, that of the key {key} has {bytes}")]
    Length {
        /// Name of the key that the line names.
        key: String,
        /// Bytes found.
        bytes: usize,
    },
    /// The time is 0, or 2^63 seconds or more.
    #[error("the time of a cosignature is above 0 and below 2^63 POSIX seconds, found {time}")]
    Time {
        /// The time found, POSIX seconds.
        time: u64,
    },
}

fn message(checkpoint: &Checkpoint, time: u64) -> String {
    format!("cosignature/v1\ntime {time}\n{}", checkpoint.text())
}

fn check_time(time: u64) -> Result<(), CosignatureError> {
    if time == 0 || time >= COSIGNATURE_TIME_LIMIT {
        return Err(CosignatureError::Time { time });
    }
    Ok(())
}

fn wrong_length(line: &NoteSignature) -> CosignatureError {
    CosignatureError::Length { key: line.name().to_owned(), bytes: line.payload().len() }
}
