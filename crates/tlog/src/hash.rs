//! Hashes of the tree: leaves, nodes and the empty tree, as in RFC 6962 §2.1 with SHA-256.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::commitment::Commitment;
use crate::grammar;

/// Bytes of one hash.
pub const HASH_BYTES: usize = 32;

const LEAF_PREFIX: [u8; 1] = [0x00];
const NODE_PREFIX: [u8; 1] = [0x01];

/// One SHA-256 value of a tree: the hash of a leaf, of a node, or a root.
///
/// Shown as standard padded base64, the form that checkpoints and proofs use; `Debug` and [`Hash::to_hex`]
/// give lower-case hex.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash([u8; HASH_BYTES]);

impl Hash {
    /// Takes 32 bytes as they are.
    pub const fn from_bytes(bytes: [u8; HASH_BYTES]) -> Self {
        Hash(bytes)
    }

    /// Gives the 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; HASH_BYTES] {
        &self.0
    }

    /// Reads canonical standard base64 of 32 bytes, 44 characters with padding (RFC 4648 §4).
    ///
    /// # Errors
    /// [`HashError::Base64`] for any other text, also for another spelling of the same bytes.
    pub fn from_base64(text: &str) -> Result<Self, HashError> {
        grammar::base64_array(text)
            .map(Hash)
            .ok_or_else(|| HashError::Base64 { found: grammar::quoted(text) })
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
        grammar::hex_array(text).map(Hash).ok_or_else(|| HashError::Hex { found: grammar::quoted(text) })
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&grammar::to_base64(&self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({})", self.to_hex())
    }
}

/// Text that is not a hash.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// Not canonical base64 of 32 bytes.
    #[error("expected the base64 of 32 bytes, found {found}")]
    Base64 {
        /// The text found, escaped and cut.
        found: String,
    },
    /// Not 64 lower-case hex digits.
    #[error("expected 64 lower-case hex digits, found {found}")]
    Hex {
        /// The text found, escaped and cut.
        found: String,
    },
}

/// Gives the hash of a leaf: SHA-256(0x00 ‖ commitment) (RFC 6962 §2.1).
pub fn leaf_hash(commitment: &Commitment) -> Hash {
    sha256(&[&LEAF_PREFIX, commitment.as_bytes()])
}

/// Gives the hash of a node: SHA-256(0x01 ‖ left ‖ right) (RFC 6962 §2.1).
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    sha256(&[&NODE_PREFIX, &left.0, &right.0])
}

/// Gives the root of the tree without leaves: SHA-256 of nothing (RFC 6962 §2.1).
pub fn empty_root() -> Hash {
    sha256(&[])
}

fn sha256(parts: &[&[u8]]) -> Hash {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    Hash(hasher.finalize().into())
}
