//! The file of keys, sealed by age to a recipient or under a passphrase.

use std::io::{self, Read, Write};

use age::secrecy::SecretString;
use exchange::refusal::Refusal;
use zeroize::Zeroizing;

use super::manifest::damaged;

/// The fewest characters of a passphrase.
const PASSPHRASE_CHARS_MIN: usize = 12;

/// To whom the file of keys is sealed.
pub(crate) enum SealTo {
    /// Whoever has the identity of this recipient, `age1…`.
    Recipient(String),
    /// Whoever knows the passphrase.
    Passphrase(Zeroizing<String>),
}

/// What opens the file of keys.
pub(crate) enum OpenWith {
    /// An identity, `AGE-SECRET-KEY-1…`.
    Identity(Zeroizing<String>),
    /// The passphrase.
    Passphrase(Zeroizing<String>),
}

fn secret(text: &str) -> SecretString {
    SecretString::from(text.to_owned())
}

impl SealTo {
    /// What seals. Refused: a recipient that is none, a passphrase that is too short.
    pub(super) fn encryptor(&self) -> Result<age::Encryptor, Refusal> {
        match self {
            Self::Recipient(text) => {
                let recipient: age::x25519::Recipient = text.trim().parse().map_err(|why: &str| {
                    Refusal::yours("bad_recipient", format!("{text} is no age recipient"))
                        .detail(why)
                        .hint("it begins with age1; `age-keygen` makes one with its identity")
                })?;
                let recipients = std::iter::once(&recipient as &dyn age::Recipient);
                age::Encryptor::with_recipients(recipients).map_err(Refusal::ours)
            }
            Self::Passphrase(passphrase) if passphrase.chars().count() < PASSPHRASE_CHARS_MIN => {
                Err(Refusal::yours("too_short", "the passphrase is too short").hint(format!(
                    "take {PASSPHRASE_CHARS_MIN} characters or more: whoever has both files may try as often as they like"
                )))
            }
            Self::Passphrase(passphrase) => Ok(age::Encryptor::with_user_passphrase(secret(passphrase))),
        }
    }
}

/// Writes what `write` writes, sealed.
pub(super) fn seal<W: Write>(
    to: W,
    encryptor: age::Encryptor,
    write: impl FnOnce(age::stream::StreamWriter<W>) -> io::Result<age::stream::StreamWriter<W>>,
) -> io::Result<W> {
    write(encryptor.wrap_output(to)?)?.finish()
}

/// Opens a sealed file. A changed byte shows here or while it is read.
pub(super) fn open<R: Read>(from: R, with: &OpenWith) -> Result<age::stream::StreamReader<R>, Refusal> {
    let sealed =
        age::Decryptor::new(from).map_err(|e| damaged("the file of keys is none").detail(e.to_string()))?;
    let opened = match with {
        OpenWith::Identity(text) => {
            let words = text.lines().map(str::trim).find(|l| !l.is_empty() && !l.starts_with('#'));
            let identity: age::x25519::Identity =
                words.unwrap_or_default().parse().map_err(|why: &str| {
                    Refusal::yours("bad_identity", "the identity is no age identity")
                        .detail(why)
                        .hint("it begins with AGE-SECRET-KEY-1")
                })?;
            sealed.decrypt(std::iter::once(&identity as &dyn age::Identity))
        }
        OpenWith::Passphrase(passphrase) => {
            let identity = age::scrypt::Identity::new(secret(passphrase));
            sealed.decrypt(std::iter::once(&identity as &dyn age::Identity))
        }
    };
    opened.map_err(|e| match e {
        age::DecryptError::NoMatchingKeys
        | age::DecryptError::DecryptionFailed
        | age::DecryptError::KeyDecryptionFailed => {
            Refusal::yours("wrong_key", "the file of keys does not open with this passphrase or identity")
                .hint("nothing was changed; try again")
        }
        other => damaged("the file of keys is damaged").detail(other.to_string()),
    })
}
