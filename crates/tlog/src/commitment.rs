//! Salted commitments: what the tree holds in place of an entry, so that the entry can be erased and nobody
//! without its salt can test a guess.

use std::fmt;

use hmac::digest::Key;
use hmac::{Hmac, KeyInit, Mac};
use rand_core::CryptoRng;
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::grammar;
use crate::hash::HashError;

/// Bytes of a salt.
pub const SALT_BYTES: usize = 32;

const COMMITMENT_LABEL: &[u8] = b"forewarn/commitment/v1\n";

/// Gives the commitment to an entry: HMAC-SHA256 with the salt as key over `forewarn/commitment/v1` LF ‖
/// entry.
///
/// `entry` is the whole entry with header and padding, as [`crate::entry::Entry::encode`] gives it.
pub fn commit(salt: &Salt, entry: &[u8]) -> Commitment {
    let mut mac = keyed(&salt.0);
    mac.update(COMMITMENT_LABEL);
    mac.update(entry);
    Commitment(mac.finalize().into_bytes().into())
}

/// The secret that hides one entry behind its commitment: fresh for each entry, never derived, never used
/// again.
///
/// Cleared from memory when dropped; `Debug` does not show it. Whoever has salt and entry can prove the entry
/// for ever.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Salt([u8; SALT_BYTES]);

impl Salt {
    /// Draws a salt from the generator handed in, which must be the system's.
    pub fn draw(rng: &mut impl CryptoRng) -> Self {
        let mut salt = Salt([0; SALT_BYTES]);
        rng.fill_bytes(&mut salt.0);
        salt
    }

    /// Takes 32 bytes as they are, for instance from storage or from a parcel.
    pub const fn from_bytes(bytes: [u8; SALT_BYTES]) -> Self {
        Salt(bytes)
    }

    /// Gives the 32 bytes, for storage and for parcels. Never log them.
    pub const fn as_bytes(&self) -> &[u8; SALT_BYTES] {
        &self.0
    }
}

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt(…)")
    }
}

/// The 32 bytes that stand in the tree for an entry: binds it, and hides it while the salt is secret.
///
/// It stays when entry and salt are erased. Not a [`crate::hash::Hash`]: the leaf hash is made from it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Commitment([u8; 32]);

impl Commitment {
    /// Takes 32 bytes as they are.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Commitment(bytes)
    }

    /// Gives the 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Gives 64 lower-case hex digits.
    pub fn to_hex(&self) -> String {
        hex::encode(self.0)
    }

    /// Reads 64 lower-case hex digits.
    ///
    /// # Errors
    /// [`HashError::Hex`] for any other text.
    pub fn from_hex(text: &str) -> Result<Self, HashError> {
        let found = || HashError::Hex { found: grammar::quoted(text) };
        grammar::hex_array(text).map(Commitment).ok_or_else(found)
    }
}

impl fmt::Debug for Commitment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Commitment({})", self.to_hex())
    }
}

fn keyed(key: &[u8; SALT_BYTES]) -> Hmac<Sha256> {
    // A 32-byte key is shorter than the 64-byte block of SHA-256: HMAC pads it with zeros (RFC 2104 §2).
    let mut block = Key::<Hmac<Sha256>>::default();
    for (place, byte) in block.iter_mut().zip(key) {
        *place = *byte;
    }
    let mac = Hmac::new(&block);
    block.as_mut_slice().zeroize();
    mac
}
