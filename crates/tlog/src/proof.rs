//! Proofs for export: that one entry, opened by its salt, is in the tree of a signed checkpoint (C2SP
//! tlog-proof).

use crate::checkpoint::{CheckpointError, SignedCheckpoint};
use crate::commitment::Salt;
use crate::grammar::{self, Lines, Malformed, NUMBER_LIMIT};
use crate::hash::Hash;
use crate::note::NOTE_BYTES_MAX;
use crate::tree::PROOF_HASHES_MAX;

/// Largest proof, in bytes: the largest note and 4 KiB.
pub const PROOF_BYTES_MAX: usize = NOTE_BYTES_MAX + 4 * 1024;

const PROOF_LABEL: &str = "c2sp.org/tlog-proof@v1";

/// What is needed, besides the entry and the keys, to see that the entry is in the log.
#[derive(Debug, Clone)]
pub struct TlogProof {
    /// Opens the commitment that stands in the tree for the entry; the `extra` of the format.
    pub salt: Salt,
    /// Index of the entry, from 0, below 2^48.
    pub index: u64,
    /// Inclusion proof, lowest sibling first, at most 63 hashes.
    pub path: Vec<Hash>,
    /// The checkpoint that the path leads to.
    pub checkpoint: SignedCheckpoint,
}

impl TlogProof {
    /// Gives the text: label, salt, index, path, empty line, checkpoint.
    ///
    /// # Errors
    /// [`ProofError::Path`] above 63 hashes, [`ProofError::Index`] from 2^48 on.
    pub fn encode(&self) -> Result<String, ProofError> {
        check_path(self.path.len())?;
        if self.index >= NUMBER_LIMIT {
            return Err(ProofError::Index { index: self.index });
        }
        let salt = grammar::to_base64(self.salt.as_bytes());
        let path: String = self.path.iter().map(|hash| format!("{hash}\n")).collect();
        let index = self.index;
        let checkpoint = &self.checkpoint;
        Ok(format!("{PROOF_LABEL}\nextra {salt}\nindex {index}\n{path}\n{checkpoint}"))
    }

    /// Reads a proof with a salt of 32 bytes. Neither path nor signatures are checked.
    ///
    /// What this accepts, [`TlogProof::encode`] gives back byte for byte. Errors never repeat the salt.
    ///
    /// # Errors
    /// [`ProofError`] for what breaks the format.
    pub fn parse(bytes: &[u8]) -> Result<Self, ProofError> {
        if bytes.len() > PROOF_BYTES_MAX {
            return Err(ProofError::TooLarge { bytes: bytes.len(), limit: PROOF_BYTES_MAX });
        }
        let text =
            std::str::from_utf8(bytes).map_err(|error| ProofError::Utf8 { at: error.valid_up_to() })?;
        let mut lines = Lines::new(text);
        lines.exact(PROOF_LABEL)?;
        let salt = secret_salt(&mut lines)?;
        let index = lines.field("index", "`index <number>`", grammar::number)?;
        let mut path = Vec::new();
        loop {
            let expected = "a hash in base64, or the empty line";
            let line = lines.line(expected)?;
            if line.is_empty() {
                break;
            }
            path.push(Hash::from_base64(line).map_err(|_| lines.bad(expected, line))?);
            check_path(path.len())?;
        }
        Ok(TlogProof { salt, index, path, checkpoint: SignedCheckpoint::parse(lines.rest().as_bytes())? })
    }
}

/// Bytes or fields that make no proof.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// More bytes than a proof may have.
    #[error("a proof has at most {limit} bytes, found {bytes}")]
    TooLarge {
        /// Bytes found.
        bytes: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// Not UTF-8.
    #[error("a proof is UTF-8 text; byte {at} is not")]
    Utf8 {
        /// Place of the first wrong byte, from 0.
        at: usize,
    },
    /// A line is not what the format has there.
    #[error("no proof: {0}")]
    Malformed(#[from] Malformed),
    /// More than 63 hashes.
    #[error("a path has at most {limit} hashes, found {hashes} or more")]
    Path {
        /// Hashes found so far.
        hashes: usize,
        /// Hashes allowed.
        limit: usize,
    },
    /// An index of 2^48 or more.
    #[error("an index is below 2^48, found {index}")]
    Index {
        /// The index found.
        index: u64,
    },
    /// The checkpoint breaks the format.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}

fn check_path(hashes: usize) -> Result<(), ProofError> {
    if hashes > PROOF_HASHES_MAX {
        return Err(ProofError::Path { hashes, limit: PROOF_HASHES_MAX });
    }
    Ok(())
}

fn secret_salt(lines: &mut Lines<'_>) -> Result<Salt, Malformed> {
    let expected = "`extra <base64 of a salt of 32 bytes>`";
    lines
        .line(expected)?
        .strip_prefix("extra ")
        .and_then(grammar::base64_array)
        .map(Salt::from_bytes)
        .ok_or_else(|| lines.bad_secret(expected))
}
