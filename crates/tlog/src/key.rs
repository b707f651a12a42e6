//! Keys of signed notes: verifier keys and their text form, signing keys, fingerprints (C2SP signed-note,
//! Signatures and Verifier keys; C2SP tlog-cosignature).

use std::fmt;

use ed25519_dalek::{Signature, Signer as _, VerifyingKey};
use rand_core::CryptoRng;
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

use crate::grammar;

/// Longest name of a key, in bytes.
pub const KEY_NAME_BYTES_MAX: usize = 200;

/// What a key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyKind {
    /// Type 0x01: Ed25519 over the note text (C2SP signed-note). Identity and log keys.
    Ed25519,
    /// Type 0x04: timed cosignature of a checkpoint (C2SP tlog-cosignature). Receivers and neutral witnesses.
    CosignatureV1,
}

impl KeyKind {
    /// Gives the type byte of signed-note.
    pub const fn byte(self) -> u8 {
        match self {
            KeyKind::Ed25519 => 0x01,
            KeyKind::CosignatureV1 => 0x04,
        }
    }
}

/// A public key with its name: what a verifier must know. Shown as `<name>+<hex key id>+<base64(type ‖
/// key)>`.
///
/// Every value is a canonical point of the curve and not of small order, so that a signature by it means
/// something.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    kind: KeyKind,
    id: [u8; 4],
    point: VerifyingKey,
}

impl VerifierKey {
    /// Makes a key from its parts.
    ///
    /// `name`: 1 to 200 bytes of printable ASCII without space and `+`.
    ///
    /// # Errors
    /// [`KeyError::Name`], [`KeyError::Point`] or [`KeyError::Weak`].
    pub fn new(name: &str, kind: KeyKind, key: [u8; 32]) -> Result<Self, KeyError> {
        check_name(name)?;
        let point = point(&key)?;
        Ok(VerifierKey { name: name.to_owned(), kind, id: key_id(name, kind, &key), point })
    }

    /// Reads the text form. The key id is computed again and compared.
    ///
    /// # Errors
    /// [`KeyError`] with the reason; the text is not to be trusted for anything then.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let shape = || KeyError::Shape { found: grammar::quoted(text) };
        let (name, rest) = text.split_once('+').ok_or_else(shape)?;
        let (id, key) = rest.split_once('+').ok_or_else(shape)?;
        let id: [u8; 4] = grammar::hex_array(id).ok_or_else(shape)?;
        let typed: [u8; 33] = grammar::base64_array(key).ok_or_else(shape)?;
        let [byte, key @ ..] = typed;
        let kind = match byte {
            0x01 => KeyKind::Ed25519,
            0x04 => KeyKind::CosignatureV1,
            _ => return Err(KeyError::Kind { byte }),
        };
        let verifier = VerifierKey::new(name, kind, key)?;
        if verifier.id != id {
            return Err(KeyError::Id { written: hex::encode(id), computed: hex::encode(verifier.id) });
        }
        Ok(verifier)
    }

    /// Gives the name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Gives what the key signs.
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// Gives the key id: first four bytes of SHA-256(name ‖ LF ‖ type ‖ key). A hint for finding a key, no
    /// proof of one.
    pub fn id(&self) -> [u8; 4] {
        self.id
    }

    /// Gives the 32 bytes of the public key.
    pub fn key_bytes(&self) -> &[u8; 32] {
        self.point.as_bytes()
    }

    /// Gives the fingerprint: SHA-256 of the text form, without newline.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint(Sha256::digest(self.to_string()).into())
    }

    /// Whether this is a strict Ed25519 signature of the message by this key (S < L, canonical R, no small
    /// order).
    pub(crate) fn signed(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        self.point.verify_strict(message, &Signature::from_bytes(signature)).is_ok()
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut typed = vec![self.kind.byte()];
        typed.extend_from_slice(self.key_bytes());
        let key = grammar::to_base64(&typed);
        write!(f, "{}+{}+{key}", self.name, hex::encode(self.id))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifierKey({self})")
    }
}

/// What people compare to be sure of an identity: SHA-256 of a verifier key's text. Shown as 64 lower-case
/// hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Takes 32 bytes as they are.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Fingerprint(bytes)
    }

    /// Gives the 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads 64 lower-case hex digits.
    ///
    /// # Errors
    /// [`KeyError::Fingerprint`] for any other text.
    pub fn from_hex(text: &str) -> Result<Self, KeyError> {
        grammar::hex_array(text)
            .map(Fingerprint)
            .ok_or_else(|| KeyError::Fingerprint { found: grammar::quoted(text) })
    }

    /// Gives the first 16 bytes, from which the words compared by voice are made.
    pub fn words_seed(&self) -> [u8; 16] {
        let mut seed = [0; 16];
        for (place, byte) in seed.iter_mut().zip(self.0) {
            *place = byte;
        }
        seed
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

/// A private key with its name and use. Cleared from memory when dropped; `Debug` shows the public key only.
pub struct SigningKey {
    secret: ed25519_dalek::SigningKey,
    verifier: VerifierKey,
}

impl SigningKey {
    /// Makes the key of a 32-byte seed (RFC 8032 §5.1.5). The same seed, name and kind always give the same
    /// key.
    ///
    /// # Errors
    /// [`KeyError::Name`] if the name breaks the rule of [`VerifierKey::new`].
    pub fn from_seed(name: &str, kind: KeyKind, mut seed: [u8; 32]) -> Result<Self, KeyError> {
        let secret = ed25519_dalek::SigningKey::from_bytes(&seed);
        seed.zeroize();
        let verifier = VerifierKey::new(name, kind, secret.verifying_key().to_bytes())?;
        Ok(SigningKey { secret, verifier })
    }

    /// Draws a key from the generator handed in, which must be the system's.
    ///
    /// # Errors
    /// [`KeyError::Name`] if the name breaks the rule of [`VerifierKey::new`].
    pub fn draw(name: &str, kind: KeyKind, rng: &mut impl CryptoRng) -> Result<Self, KeyError> {
        let mut seed = Zeroizing::new([0; 32]);
        rng.fill_bytes(seed.as_mut());
        SigningKey::from_seed(name, kind, *seed)
    }

    /// Gives the public key.
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// Gives the name.
    pub fn name(&self) -> &str {
        self.verifier.name()
    }

    /// Gives the seed, for sealed storage. Never log it.
    pub fn seed(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.secret.to_bytes())
    }

    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.secret.sign(message).to_bytes()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey(…, {})", self.verifier)
    }
}

/// Text or bytes that are no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not `<name>+<8 hex digits>+<base64 of 33 bytes>`.
    #[error("expected a verifier key `<name>+<key id>+<base64>`, found {found}")]
    Shape {
        /// The text found, escaped and cut.
        found: String,
    },
    /// The name is empty, longer than 200 bytes, or has a character other than printable ASCII without space
    /// and `+`.
    #[error("a key name is 1 to 200 printable ASCII characters without space and `+`, found {found}")]
    Name {
        /// The name found, escaped and cut.
        found: String,
    },
    /// A signature type that is not used here.
    #[error("key type {byte:#04x} is not known (0x01 Ed25519, 0x04 cosignature/v1)")]
    Kind {
        /// The type byte found.
        byte: u8,
    },
    /// The key id written is not that of name and key.
    #[error("the key id is written {written}, computed {computed}")]
    Id {
        /// The id found, hex.
        written: String,
        /// The id of this name and key, hex.
        computed: String,
    },
    /// The bytes are no point of the curve in canonical form.
    #[error("the key {key} is no canonical point of the curve")]
    Point {
        /// The key found, hex.
        key: String,
    },
    /// The key is of small order: signatures by it could be made by anybody.
    #[error("the key {key} is of small order")]
    Weak {
        /// The key found, hex.
        key: String,
    },
    /// Not 64 lower-case hex digits.
    #[error("a fingerprint is 64 lower-case hex digits, found {found}")]
    Fingerprint {
        /// The text found, escaped and cut.
        found: String,
    },
}

pub(crate) fn check_name(name: &str) -> Result<(), KeyError> {
    let plain = |byte: u8| matches!(byte, 0x21..=0x7e) && byte != b'+';
    if name.is_empty() || name.len() > KEY_NAME_BYTES_MAX || !name.bytes().all(plain) {
        return Err(KeyError::Name { found: grammar::quoted(name) });
    }
    Ok(())
}

fn point(key: &[u8; 32]) -> Result<VerifyingKey, KeyError> {
    let no_point = || KeyError::Point { key: hex::encode(key) };
    if !is_canonical(key) {
        return Err(no_point());
    }
    let point = VerifyingKey::from_bytes(key).map_err(|_| no_point())?;
    if point.is_weak() {
        return Err(KeyError::Weak { key: hex::encode(key) });
    }
    Ok(point)
}

/// Whether the y coordinate is below p = 2^255 − 19, little-endian, the top bit being the sign of x (RFC 8032
/// §5.1.3). (The other second spelling, x = 0 with the sign set, belongs to points of small order only.)
fn is_canonical(key: &[u8; 32]) -> bool {
    let [lowest, between @ .., highest] = key;
    let all_ones = highest & 0x7f == 0x7f && between.iter().all(|byte| *byte == 0xff);
    !(all_ones && *lowest >= 0xed)
}

fn key_id(name: &str, kind: KeyKind, key: &[u8; 32]) -> [u8; 4] {
    let mut hasher = Sha256::new();
    hasher.update(name);
    hasher.update(b"\n");
    hasher.update([kind.byte()]);
    hasher.update(key);
    let digest: [u8; 32] = hasher.finalize().into();
    let [a, b, c, d, ..] = digest;
    [a, b, c, d]
}
