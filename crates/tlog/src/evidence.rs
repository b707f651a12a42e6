//! Evidence: a folder that shows that one party has signed two things which cannot both be honest statements.
//!
//! It can still be an accident, for instance after a bad restore. That is for people to judge.

use std::collections::BTreeMap;
use std::fmt;

use crate::channel::{ChannelError, ChannelStatement};
use crate::checkpoint::{CheckpointError, SignedCheckpoint};
use crate::grammar::{Lines, Malformed};
use crate::hash::Hash;
use crate::head::{Head, HeadError, judge_head};
use crate::note::NOTE_BYTES_MAX;
use crate::receipt::{
    CHANNEL_FILE, FilesError, IdentityError, Standing, Trusted, check_file_set, check_identities, file,
    in_order,
};
use crate::tree::{PROOF_HASHES_MAX, VerifyError, verify_consistency};

/// File of the checkpoint of the smaller size.
pub const FIRST_FILE: &str = "first.checkpoint";
/// File of the checkpoint of the larger size.
pub const SECOND_FILE: &str = "second.checkpoint";
/// File that says whose conflict it is, with the proof if one is needed.
pub const CONFLICT_FILE: &str = "conflict";
/// File of the statement in force for the first checkpoint, if keys were changed between the two.
pub const FIRST_CHANNEL_FILE: &str = "first.channel";

/// Largest file `conflict`, in bytes: 65 lines of at most 63 bytes.
pub const CONFLICT_BYTES_MAX: usize = 4 * 1024;

const CONFLICT_LABEL: &str = "forewarn/conflict/v1";

const FILES: [(&str, usize, bool); 5] = [
    (CHANNEL_FILE, NOTE_BYTES_MAX, true),
    (FIRST_FILE, NOTE_BYTES_MAX, true),
    (SECOND_FILE, NOTE_BYTES_MAX, true),
    (CONFLICT_FILE, CONFLICT_BYTES_MAX, true),
    (FIRST_CHANNEL_FILE, NOTE_BYTES_MAX, false),
];

/// Verifies an evidence folder, given as file name → content.
///
/// `trusted`: the parties' fingerprints, learned elsewhere than from this folder; without them the result can
/// at best be [`Standing::Intact`].
///
/// # Errors
/// [`EvidenceError`]: the folder proves nothing.
pub fn verify_evidence(
    files: &BTreeMap<String, Vec<u8>>,
    trusted: Option<Trusted>,
) -> Result<ProvenConflict, EvidenceError> {
    let evidence = Evidence::parse(files)?;
    let standing = check_identities(&evidence.statement, trusted)?;
    let conflict = evidence.verify()?;
    Ok(ProvenConflict { standing, evidence, conflict })
}

/// A conflict that has been proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvenConflict {
    /// Whether the identities are known to be those parties.
    pub standing: Standing,
    /// Who, and the two checkpoints.
    pub evidence: Evidence,
    /// What cannot both be honest.
    pub conflict: Conflict,
}

/// Whose signatures contradict each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accused {
    /// The party that signs the checkpoints.
    Giver,
    /// The party that cosigns them; then both checkpoints carry its cosignature.
    Receiver,
}

impl fmt::Display for Accused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Accused::Giver => "giver",
            Accused::Receiver => "receiver",
        })
    }
}

/// What two signed checkpoints of one log show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conflict {
    /// Two trees of one size.
    TwoRoots {
        /// The size.
        size: u64,
    },
    /// The larger tree does not begin with the smaller one.
    NotAGrowth {
        /// Size of the smaller tree.
        first: u64,
        /// Size of the larger tree.
        second: u64,
        /// Root of the first leaves of the larger tree, as many as the smaller one has.
        root: Hash,
    },
    /// The receiver cosigned the smaller tree at a later time than the larger.
    WentBack {
        /// Time of the smaller tree's cosignature, POSIX seconds by the receiver's clock.
        first_time: u64,
        /// Time of the larger tree's cosignature, POSIX seconds by the receiver's clock.
        second_time: u64,
    },
}

/// The content of an evidence folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// Whose signatures contradict each other.
    pub accused: Accused,
    /// Channel statement in force for the second checkpoint, and for the first unless there is one of its
    /// own.
    pub statement: ChannelStatement,
    /// Statement in force for the first checkpoint, if keys were changed between the two: same origin, and
    /// its size is below `from` of the other.
    pub first_statement: Option<ChannelStatement>,
    /// The checkpoint of the smaller size.
    pub first: SignedCheckpoint,
    /// The checkpoint of the larger size, or of the same.
    pub second: SignedCheckpoint,
    /// For sizes that differ: what the larger tree begins with, unless only the times contradict each other.
    pub beginning: Option<Beginning>,
}

/// What the larger tree really begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beginning {
    /// Root of its first leaves, as many as the smaller tree has.
    pub root: Hash,
    /// Consistency proof from that root to the larger tree's (RFC 6962 §2.1.2), at most 63 hashes.
    pub proof: Vec<Hash>,
}

impl Evidence {
    /// Gives the files of the folder. Signature lines of other keys than the statements' are left out and the
    /// rest put in order. The result has passed [`Evidence::verify`].
    ///
    /// # Errors
    /// [`EvidenceError`]: there is no proof.
    pub fn files(&self) -> Result<BTreeMap<String, Vec<u8>>, EvidenceError> {
        let tidy = Evidence {
            first: in_order(self.first_channel(), &self.first).map_err(first_head)?,
            second: in_order(&self.statement, &self.second).map_err(second_head)?,
            ..self.clone()
        };
        tidy.verify()?;
        let mut files = BTreeMap::new();
        let mut put = |name: &str, content: &[u8]| files.insert(name.to_owned(), content.to_vec());
        put(CHANNEL_FILE, tidy.statement.as_bytes());
        put(FIRST_FILE, tidy.first.to_string().as_bytes());
        put(SECOND_FILE, tidy.second.to_string().as_bytes());
        put(CONFLICT_FILE, tidy.conflict_text().as_bytes());
        if let Some(statement) = &tidy.first_statement {
            put(FIRST_CHANNEL_FILE, statement.as_bytes());
        }
        Ok(files)
    }

    /// Reads the files of the folder. Statements are verified; what the checkpoints show is for
    /// [`Evidence::verify`].
    ///
    /// # Errors
    /// [`EvidenceError`] for a file that breaks its format.
    pub fn parse(files: &BTreeMap<String, Vec<u8>>) -> Result<Self, EvidenceError> {
        check_file_set(files, &FILES)?;
        let statement = ChannelStatement::parse(file(files, CHANNEL_FILE)?)?;
        let first_statement =
            files.get(FIRST_CHANNEL_FILE).map(|bytes| ChannelStatement::parse(bytes)).transpose()?;
        let checkpoint = |name| -> Result<SignedCheckpoint, EvidenceError> {
            let bytes = file(files, name)?;
            SignedCheckpoint::parse(bytes).map_err(|source| EvidenceError::Checkpoint { name, source })
        };
        let (accused, beginning) = parse_conflict(file(files, CONFLICT_FILE)?)?;
        Ok(Evidence {
            accused,
            statement,
            first_statement,
            first: checkpoint(FIRST_FILE)?,
            second: checkpoint(SECOND_FILE)?,
            beginning,
        })
    }

    /// Checks every signature and gives what the two checkpoints show.
    ///
    /// # Errors
    /// [`EvidenceError`]: they show nothing.
    pub fn verify(&self) -> Result<Conflict, EvidenceError> {
        self.check_succession()?;
        let first = judge_head(self.first_channel(), &self.first).map_err(first_head)?;
        let second = judge_head(&self.statement, &self.second).map_err(second_head)?;
        if self.accused == Accused::Receiver {
            first.with_receipt().map_err(first_head)?;
            second.with_receipt().map_err(second_head)?;
        }
        let (small, large) = (first.checkpoint, second.checkpoint);
        if small.size > large.size {
            return Err(EvidenceError::Order { first: small.size, second: large.size });
        }
        match &self.beginning {
            None if small.size == large.size => {
                if small.root == large.root {
                    return Err(EvidenceError::NoConflict);
                }
                Ok(Conflict::TwoRoots { size: small.size })
            }
            None => self.went_back(&first, &second),
            Some(_) if small.size == large.size => Err(EvidenceError::NoConflict),
            Some(Beginning { root, proof }) => {
                verify_consistency(small.size, root, large.size, &large.root, proof)?;
                if *root == small.root {
                    return Err(EvidenceError::NoConflict);
                }
                Ok(Conflict::NotAGrowth { first: small.size, second: large.size, root: *root })
            }
        }
    }

    fn went_back(&self, first: &Head, second: &Head) -> Result<Conflict, EvidenceError> {
        match (self.accused, &first.receipt, &second.receipt) {
            (Accused::Receiver, Some(first), Some(second)) if first.time() > second.time() => {
                Ok(Conflict::WentBack { first_time: first.time(), second_time: second.time() })
            }
            _ => Err(EvidenceError::NoConflict),
        }
    }

    /// A statement of its own for the first checkpoint must be an earlier one of the same origin.
    fn check_succession(&self) -> Result<(), EvidenceError> {
        let Some(first) = &self.first_statement else {
            return Ok(());
        };
        let size = self.first.checkpoint().size;
        let from = self.statement.proposal().from;
        if first.origin() != self.statement.origin() || size >= from {
            return Err(EvidenceError::Succession { size, from });
        }
        Ok(())
    }

    fn first_channel(&self) -> &ChannelStatement {
        self.first_statement.as_ref().unwrap_or(&self.statement)
    }

    fn conflict_text(&self) -> String {
        let mut text = format!("{CONFLICT_LABEL} {}\n", self.accused);
        if let Some(Beginning { root, proof }) = &self.beginning {
            for hash in [root].into_iter().chain(proof) {
                text.push_str(&format!("{hash}\n"));
            }
        }
        text
    }
}

/// A folder that proves no conflict.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceError {
    /// Set or size of files.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// A channel statement does not verify.
    #[error("channel statement: {0}")]
    Statement(#[from] ChannelError),
    /// An identity is not the trusted one.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The file `conflict` is not UTF-8.
    #[error("the file conflict is UTF-8 text; byte {at} is not")]
    Utf8 {
        /// Place of the first wrong byte, from 0.
        at: usize,
    },
    /// A line of the file `conflict` is not what the format has there.
    #[error("file conflict: {0}")]
    Conflict(#[from] Malformed),
    /// A checkpoint breaks the format.
    #[error("file {name}: {source}")]
    Checkpoint {
        /// Name of the file.
        name: &'static str,
        /// What is wrong.
        source: CheckpointError,
    },
    /// A checkpoint does not stand under its statement, or lacks a signature.
    #[error("file {name}: {source}")]
    Head {
        /// Name of the file.
        name: &'static str,
        /// What is wrong.
        source: HeadError,
    },
    /// The first checkpoint is the larger one.
    #[error("the first checkpoint, of size {first}, is larger than the second, of size {second}")]
    Order {
        /// Size of the first.
        first: u64,
        /// Size of the second.
        second: u64,
    },
    /// The first checkpoint's own statement is of another origin, or was not in force any more at its size.
    #[error(
        "the statement of the first checkpoint was not in force at size {size}: another holds from {from} on, or it is of another log"
    )]
    Succession {
        /// Size of the first checkpoint.
        size: u64,
        /// Size from which the other statement holds.
        from: u64,
    },
    /// The root named is not that of the larger tree's first leaves.
    #[error("file conflict: {0}")]
    Proof(#[from] VerifyError),
    /// Both checkpoints can be honest.
    #[error("the two checkpoints do not contradict each other in a way that is shown")]
    NoConflict,
}

fn parse_conflict(bytes: &[u8]) -> Result<(Accused, Option<Beginning>), EvidenceError> {
    let text = std::str::from_utf8(bytes).map_err(|error| EvidenceError::Utf8 { at: error.valid_up_to() })?;
    let mut lines = Lines::new(text);
    let accused = lines.field(
        CONFLICT_LABEL,
        "`forewarn/conflict/v1 giver` or `forewarn/conflict/v1 receiver`",
        |text| match text {
            "giver" => Some(Accused::Giver),
            "receiver" => Some(Accused::Receiver),
            _ => None,
        },
    )?;
    let mut hashes = Vec::new();
    while !lines.is_empty() && hashes.len() <= PROOF_HASHES_MAX {
        let expected = "a hash in base64";
        let line = lines.line(expected)?;
        hashes.push(Hash::from_base64(line).map_err(|_| lines.bad(expected, line))?);
    }
    lines.end()?;
    let beginning =
        hashes.split_first().map(|(root, proof)| Beginning { root: *root, proof: proof.to_vec() });
    Ok((accused, beginning))
}

fn first_head(source: HeadError) -> EvidenceError {
    EvidenceError::Head { name: FIRST_FILE, source }
}

fn second_head(source: HeadError) -> EvidenceError {
    EvidenceError::Head { name: SECOND_FILE, source }
}
