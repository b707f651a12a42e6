//! Exported receipts: a folder that convinces a third person, offline, that one party gave one entry to
//! another and that the other held it.
//!
//! Whoever holds the folder convinces anybody. It says nothing of later entries: whether the entry was
//! cancelled or recalled afterwards cannot be seen from it.

use std::collections::BTreeMap;

use crate::channel::{ChannelError, ChannelStatement, Origin};
use crate::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::commitment::commit;
use crate::cosignature::Cosignature;
use crate::entry::{ENTRY_BYTES_MAX, Entry, EntryError, Seen};
use crate::hash::leaf_hash;
use crate::head::{Head, HeadError, judge_head};
use crate::key::Fingerprint;
use crate::note::NOTE_BYTES_MAX;
use crate::policy::{POLICY_BYTES_MAX, Policy, PolicyError};
use crate::proof::{PROOF_BYTES_MAX, ProofError, TlogProof};
use crate::tree::{VerifyError, verify_inclusion};

/// File of the channel statement in force at the checkpoint's size.
pub const CHANNEL_FILE: &str = "channel";
/// File of the exact entry, with padding.
pub const ENTRY_FILE: &str = "entry";
/// File of the policy that follows from the statement.
pub const POLICY_FILE: &str = "policy";
/// File of salt, path and cosigned checkpoint.
pub const PROOF_FILE: &str = "receipt.tlog-proof";
/// File of the opposite channel's statement; only together with [`SEEN_CHECKPOINT_FILE`].
pub const SEEN_CHANNEL_FILE: &str = "seen.channel";
/// File of the opposite checkpoint that the entry names; only together with [`SEEN_CHANNEL_FILE`].
pub const SEEN_CHECKPOINT_FILE: &str = "seen.checkpoint";

/// Every file that a receipt may have: name, largest size in bytes, whether it must be there.
const FILES: [(&str, usize, bool); 6] = [
    (CHANNEL_FILE, NOTE_BYTES_MAX, true),
    (ENTRY_FILE, ENTRY_BYTES_MAX, true),
    (POLICY_FILE, POLICY_BYTES_MAX, true),
    (PROOF_FILE, PROOF_BYTES_MAX, true),
    (SEEN_CHANNEL_FILE, NOTE_BYTES_MAX, false),
    (SEEN_CHECKPOINT_FILE, NOTE_BYTES_MAX, false),
];

/// Verifies an exported receipt, given as file name → content. Any change of a single byte of any file is
/// refused.
///
/// `trusted`: the parties' fingerprints, learned elsewhere than from this folder. Without them the folder can
/// at best be [`Standing::Intact`]: whole in itself, by keys that anybody could have made.
///
/// Steps, in this order, up to the first that fails: 1 set and size of files, 2 statement, 3 identities, 4
/// policy, 5 proof, 6 checkpoint with its signatures, 7 entry, 8 the entry is in the tree, 9 the opposite
/// head that the entry names.
///
/// # Errors
/// [`ReceiptError`] of the step that fails; the folder proves nothing then.
pub fn verify_export(
    files: &BTreeMap<String, Vec<u8>>,
    trusted: Option<Trusted>,
) -> Result<VerifiedReceipt, ReceiptError> {
    check_files(files)?;
    let statement = ChannelStatement::parse(file(files, CHANNEL_FILE)?)?;
    let standing = check_identities(&statement, trusted)?;
    Policy::of(&statement).check(file(files, POLICY_FILE)?)?;
    let proof = TlogProof::parse(file(files, PROOF_FILE)?)?;
    let head = judge_head(&statement, &proof.checkpoint)?;
    let receipt = head.with_receipt()?.clone();
    check_neutrals(&statement, &head)?;
    let bytes = file(files, ENTRY_FILE)?;
    let entry = Entry::parse(bytes)?;
    check_place(&entry, &proof)?;
    let leaf = leaf_hash(&commit(&proof.salt, bytes));
    let Checkpoint { size, root, .. } = head.checkpoint;
    verify_inclusion(&leaf, proof.index, size, &proof.path, &root)?;
    let seen = verify_seen(files, &statement, &entry)?;
    Ok(VerifiedReceipt {
        standing,
        statement,
        entry,
        checkpoint: head.checkpoint,
        receipt,
        neutrals: head.neutrals,
        seen,
    })
}

/// Gives the files of an exported receipt: name → content.
///
/// Take the earliest cosigned checkpoint that covers the entry: it tells least about volume. Signature lines
/// of other keys than the statement's are left out and the rest put in order. The result has passed
/// [`verify_export`].
///
/// # Errors
/// [`ReceiptError`] of the step of [`verify_export`] that the result would fail.
pub fn export(parts: &ReceiptParts) -> Result<BTreeMap<String, Vec<u8>>, ReceiptError> {
    let proof =
        TlogProof { checkpoint: in_order(&parts.statement, &parts.proof.checkpoint)?, ..parts.proof.clone() };
    let mut files = BTreeMap::new();
    let mut put = |name: &str, content: &[u8]| files.insert(name.to_owned(), content.to_vec());
    put(CHANNEL_FILE, parts.statement.as_bytes());
    put(ENTRY_FILE, &parts.entry);
    put(POLICY_FILE, Policy::of(&parts.statement).to_string().as_bytes());
    put(PROOF_FILE, proof.encode()?.as_bytes());
    if let Some((statement, checkpoint)) = &parts.seen {
        let checkpoint = in_order(statement, checkpoint).map_err(SeenError::Head)?;
        put(SEEN_CHANNEL_FILE, statement.as_bytes());
        put(SEEN_CHECKPOINT_FILE, checkpoint.to_string().as_bytes());
    }
    verify_export(&files, None)?;
    Ok(files)
}

/// What an exported receipt is made of.
#[derive(Debug, Clone)]
pub struct ReceiptParts {
    /// Channel statement in force at the checkpoint's size.
    pub statement: ChannelStatement,
    /// The exact entry, with padding.
    pub entry: Vec<u8>,
    /// Salt, index, path and the cosigned checkpoint.
    pub proof: TlogProof,
    /// Statement and checkpoint of the opposite log that the entry names as seen, if they are to be shown.
    pub seen: Option<(ChannelStatement, SignedCheckpoint)>,
}

/// Fingerprints of the two identities, learned elsewhere than from what is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trusted {
    /// Identity of the party that wrote.
    pub giver: Fingerprint,
    /// Identity of the party that received.
    pub receiver: Fingerprint,
}

/// How far a verified folder reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Everything verifies, and both identities are the trusted ones.
    Verified,
    /// Everything fits together, but nobody has said whose keys these are.
    Intact,
}

/// What a receipt shows. Every time is the word of the party named with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedReceipt {
    /// Whether the identities are known to be those parties.
    pub standing: Standing,
    /// Who gave to whom, for what use, under which keys.
    pub statement: ChannelStatement,
    /// The entry given; its index is in the header, `written` is the giver's word.
    pub entry: Entry,
    /// The head that covers it.
    pub checkpoint: Checkpoint,
    /// The receiver's cosignature; its time is the receiver's word for *held no later than*.
    pub receipt: Cosignature,
    /// Cosignatures of neutral witnesses; their times are nobody's interest.
    pub neutrals: Vec<Cosignature>,
    /// The opposite head that the entry names, if the folder shows it: the entry was written after it.
    pub seen: Option<SeenHead>,
}

/// An opposite head that an entry names as seen, verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenHead {
    /// Statement of the opposite channel.
    pub statement: ChannelStatement,
    /// The head.
    pub checkpoint: Checkpoint,
    /// Cosignature of the party that wrote the entry; its time is that party's word.
    pub receipt: Cosignature,
}

/// The step that an exported receipt fails.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// Step 1: set and size of files.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// Step 2: the channel statement.
    #[error("file channel: {0}")]
    Statement(#[from] ChannelError),
    /// Step 3: an identity is not the trusted one.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// Step 4: the policy.
    #[error("file policy: {0}")]
    Policy(#[from] PolicyError),
    /// Step 5: the form of the proof.
    #[error("file receipt.tlog-proof: {0}")]
    Proof(#[from] ProofError),
    /// Step 6: the checkpoint and its signatures.
    #[error("checkpoint in receipt.tlog-proof: {0}")]
    Checkpoint(#[from] HeadError),
    /// Step 7: the form of the entry.
    #[error("file entry: {0}")]
    Entry(#[from] EntryError),
    /// Step 7: the entry belongs to another log or place.
    #[error("the entry is number {index} of {origin}, the proof is for number {proven} of {log}")]
    Place {
        /// Origin in the entry.
        origin: Origin,
        /// Index in the entry.
        index: u64,
        /// Origin of the checkpoint.
        log: Origin,
        /// Index in the proof.
        proven: u64,
    },
    /// Step 8: the entry with this salt is not in the tree.
    #[error("the entry is not in the tree: {0}")]
    Inclusion(#[from] VerifyError),
    /// Step 9: the opposite head that the entry names.
    #[error(transparent)]
    Seen(#[from] SeenError),
}

impl ReceiptError {
    /// Gives the number of the step that failed, 1 to 9.
    pub fn step(&self) -> u8 {
        match self {
            ReceiptError::Files(_) => 1,
            ReceiptError::Statement(_) => 2,
            ReceiptError::Identity(_) => 3,
            ReceiptError::Policy(_) => 4,
            ReceiptError::Proof(_) => 5,
            ReceiptError::Checkpoint(_) => 6,
            ReceiptError::Entry(_) | ReceiptError::Place { .. } => 7,
            ReceiptError::Inclusion(_) => 8,
            ReceiptError::Seen(_) => 9,
        }
    }
}

/// A folder with a file too many, too few or too large.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilesError {
    /// A file that must be there is not.
    #[error("the file {name} is missing")]
    Missing {
        /// Name of the file.
        name: &'static str,
    },
    /// A file that does not belong here.
    #[error("the file {name} does not belong here")]
    Foreign {
        /// Name of the file, escaped and cut.
        name: String,
    },
    /// A file above its limit.
    #[error("the file {name} has at most {limit} bytes, found {bytes}")]
    TooLarge {
        /// Name of the file.
        name: &'static str,
        /// Bytes found.
        bytes: usize,
        /// Bytes allowed.
        limit: usize,
    },
}

/// An identity that is not the one learned elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the {role} has the fingerprint {found}, trusted is {trusted}")]
pub struct IdentityError {
    /// `giver` or `receiver`.
    pub role: &'static str,
    /// The fingerprint learned elsewhere.
    pub trusted: Fingerprint,
    /// The fingerprint of the identity in the statement.
    pub found: Fingerprint,
}

/// An opposite head that does not bear out what the entry says it has seen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SeenError {
    /// The statement of the opposite channel.
    #[error("file seen.channel: {0}")]
    Statement(#[from] ChannelError),
    /// The statement is not of the opposite direction between the same two parties, for the same use.
    #[error("file seen.channel is not the opposite channel of the same use")]
    NotOpposite,
    /// The entry names no head or another one.
    #[error("file seen.checkpoint is not the head that the entry names")]
    NotNamed,
    /// The checkpoint and its signatures.
    #[error("file seen.checkpoint: {0}")]
    Head(#[from] HeadError),
}

/// Checks that exactly the files of this table are there, each within its limit.
pub(crate) fn check_file_set(
    files: &BTreeMap<String, Vec<u8>>,
    table: &[(&'static str, usize, bool)],
) -> Result<(), FilesError> {
    for name in files.keys() {
        if !table.iter().any(|(known, ..)| known == name) {
            return Err(FilesError::Foreign { name: crate::grammar::quoted(name) });
        }
    }
    for (name, limit, required) in table {
        match files.get(*name).map(Vec::len) {
            None if *required => return Err(FilesError::Missing { name }),
            Some(bytes) if bytes > *limit => {
                return Err(FilesError::TooLarge { name, bytes, limit: *limit });
            }
            _ => {}
        }
    }
    Ok(())
}

pub(crate) fn file<'a>(
    files: &'a BTreeMap<String, Vec<u8>>,
    name: &'static str,
) -> Result<&'a [u8], FilesError> {
    let content = files.get(name).ok_or(FilesError::Missing { name })?;
    Ok(content)
}

/// Compares both identities with the trusted ones, if there are any.
pub(crate) fn check_identities(
    statement: &ChannelStatement,
    trusted: Option<Trusted>,
) -> Result<Standing, IdentityError> {
    let Some(trusted) = trusted else {
        return Ok(Standing::Intact);
    };
    let proposal = statement.proposal();
    for (role, key, trusted) in
        [("giver", &proposal.giver, trusted.giver), ("receiver", &proposal.receiver, trusted.receiver)]
    {
        let found = key.fingerprint();
        if found != trusted {
            return Err(IdentityError { role, trusted, found });
        }
    }
    Ok(Standing::Verified)
}

/// The lines of the statement's keys only, in their order.
pub(crate) fn in_order(
    statement: &ChannelStatement,
    checkpoint: &SignedCheckpoint,
) -> Result<SignedCheckpoint, HeadError> {
    let keys = statement.proposal().checkpoint_keys();
    Ok(checkpoint.only_lines_of(&keys)?)
}

fn check_files(files: &BTreeMap<String, Vec<u8>>) -> Result<(), FilesError> {
    check_file_set(files, &FILES)?;
    let both = [SEEN_CHANNEL_FILE, SEEN_CHECKPOINT_FILE];
    let missing = both.into_iter().find(|name| !files.contains_key(*name));
    let any = both.into_iter().any(|name| files.contains_key(name));
    match missing {
        Some(name) if any => Err(FilesError::Missing { name }),
        _ => Ok(()),
    }
}

fn check_neutrals(statement: &ChannelStatement, head: &Head) -> Result<(), HeadError> {
    let needed = statement.proposal().neutral;
    let found = head.neutrals.len();
    if found < usize::from(needed) {
        return Err(HeadError::Neutrals { needed, found });
    }
    Ok(())
}

fn check_place(entry: &Entry, proof: &TlogProof) -> Result<(), ReceiptError> {
    let log = proof.checkpoint.checkpoint().origin;
    let header = &entry.header;
    if header.origin != log || header.index != proof.index {
        return Err(ReceiptError::Place {
            origin: header.origin,
            index: header.index,
            log,
            proven: proof.index,
        });
    }
    Ok(())
}

fn verify_seen(
    files: &BTreeMap<String, Vec<u8>>,
    statement: &ChannelStatement,
    entry: &Entry,
) -> Result<Option<SeenHead>, SeenError> {
    let (Some(opposite), Some(checkpoint)) = (files.get(SEEN_CHANNEL_FILE), files.get(SEEN_CHECKPOINT_FILE))
    else {
        return Ok(None);
    };
    let opposite = ChannelStatement::parse(opposite)?;
    let (this, other) = (statement.proposal(), opposite.proposal());
    if other.giver != this.receiver || other.receiver != this.giver || other.use_ != this.use_ {
        return Err(SeenError::NotOpposite);
    }
    let checkpoint = SignedCheckpoint::parse(checkpoint).map_err(HeadError::from)?;
    if entry.header.seen != Some(Seen::from(*checkpoint.checkpoint())) {
        return Err(SeenError::NotNamed);
    }
    let head = judge_head(&opposite, &checkpoint)?;
    Ok(Some(SeenHead {
        receipt: head.with_receipt()?.clone(),
        checkpoint: head.checkpoint,
        statement: opposite,
    }))
}
