//! Channels: origins, and the statement that both parties sign before the first entry flows.
//!
//! The life of a statement: the giver fills a [`ChannelProposal`] and signs it, which gives a
//! [`SignedProposal`]; the receiver judges that and countersigns, which gives the [`ChannelStatement`]. Its
//! exact bytes are the body of entry 0.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::checkpoint::Checkpoint;
use crate::grammar::{self, Lines, Malformed, NUMBER_LIMIT};
use crate::hash::{Hash, empty_root};
use crate::key::{KeyError, KeyKind, SigningKey, VerifierKey};
use crate::note::{Note, NoteError, NoteSignature, sign_line};

/// Most neutral witnesses of a channel.
pub const WITNESSES_MAX: usize = 8;

/// End of the name of a party's cosigner key, after the party's own name.
pub const COSIGNER_SUFFIX: &str = "/cosigner";

const ORIGIN_PREFIX: &str = "forewarn/log/";
const ORIGIN_LABEL: &str = "forewarn/origin/v1\n";
const STATEMENT_LABEL: &str = "forewarn/channel/v1";

/// The name of one log. Shown as `forewarn/log/<64 hex digits>`, 77 bytes.
///
/// It is a hash of use, giver, receiver and nonce: it is the pair and the direction, and names nobody.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin([u8; 32]);

impl Origin {
    /// Reads `forewarn/log/<64 lower-case hex digits>`.
    ///
    /// # Errors
    /// [`ChannelError::Origin`] for any other text.
    pub fn parse(text: &str) -> Result<Self, ChannelError> {
        text.strip_prefix(ORIGIN_PREFIX)
            .and_then(grammar::hex_array)
            .map(Origin)
            .ok_or_else(|| not_origin(text))
    }

    /// Reads the 64 lower-case hex digits alone, as they stand in paths and file names.
    ///
    /// # Errors
    /// [`ChannelError::Origin`] for any other text.
    pub fn from_hex(digits: &str) -> Result<Self, ChannelError> {
        grammar::hex_array(digits).map(Origin).ok_or_else(|| not_origin(digits))
    }

    /// Gives the 64 hex digits alone.
    pub fn hex(&self) -> String {
        hex::encode(self.0)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{ORIGIN_PREFIX}{}", self.hex())
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Origin({})", self.hex())
    }
}

/// Gives the origin of the channel from `giver` to `receiver`: SHA-256 of `forewarn/origin/v1` and the four
/// lines use, giver, receiver and nonce of the statement. The nonce is 32 random bytes, never used again.
pub fn origin_of(use_: Use, giver: &VerifierKey, receiver: &VerifierKey, nonce: &[u8; 32]) -> Origin {
    let lines = pair_lines(use_, giver, receiver, nonce);
    Origin(Sha256::digest(format!("{ORIGIN_LABEL}{lines}")).into())
}

/// What a channel is for. An exercise runs in channels of its own, so that none of its entries can be shown
/// as actual.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Use {
    /// Real warnings.
    Actual,
    /// An exercise.
    Exercise,
}

impl fmt::Display for Use {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Use::Actual => "actual",
            Use::Exercise => "exercise",
        })
    }
}

/// What a channel statement says, before anybody has signed it. The origin follows from it:
/// [`ChannelProposal::origin`].
///
/// The rules between the fields are checked when it is signed and when it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelProposal {
    /// Actual or exercise.
    pub use_: Use,
    /// Identity key of the party that writes the log; Ed25519.
    pub giver: VerifierKey,
    /// Identity key of the party that cosigns it; Ed25519.
    pub receiver: VerifierKey,
    /// 32 random bytes, never used again.
    pub nonce: [u8; 32],
    /// For a successor channel: the last head of the old log that both hold; size 0 with the empty root if
    /// none.
    pub after: Option<Checkpoint>,
    /// The keys below hold for checkpoints of this size and larger, until a later statement of the same
    /// origin.
    pub from: u64,
    /// Key that signs checkpoints; Ed25519, its name is the origin.
    pub log: VerifierKey,
    /// Key that gives the receipts; cosignature/v1, its name is the receiver's name and `/cosigner`.
    pub cosigner: VerifierKey,
    /// How many neutral witnesses must have cosigned; 0 exactly if there are none.
    pub neutral: u8,
    /// Neutral witnesses, 0 to 8; cosignature/v1.
    pub witnesses: Vec<VerifierKey>,
}

impl ChannelProposal {
    /// Gives the origin that use, giver, receiver and nonce make.
    pub fn origin(&self) -> Origin {
        origin_of(self.use_, &self.giver, &self.receiver, &self.nonce)
    }

    /// Gives the text that both sign.
    pub fn text(&self) -> String {
        let after = match &self.after {
            Some(head) => format!("{} {} {}", head.origin, head.size, head.root),
            None => "-".into(),
        };
        let witnesses: String = self.witnesses.iter().map(|key| format!("witness {key}\n")).collect();
        format!(
            "{STATEMENT_LABEL}\norigin {}\n{}after {after}\nfrom {}\nlog {}\ncosigner {}\nneutral {}\n{witnesses}",
            self.origin(),
            pair_lines(self.use_, &self.giver, &self.receiver, &self.nonce),
            self.from,
            self.log,
            self.cosigner,
            self.neutral,
        )
    }

    /// Signs as the giver.
    ///
    /// # Errors
    /// [`ChannelError::Signer`] for a key that is not the giver's, else the rule that the fields break.
    pub fn sign_as_giver(&self, key: &SigningKey) -> Result<SignedProposal, ChannelError> {
        self.check()?;
        let line = signed_by("giver", &self.giver, key, &self.text())?;
        Ok(SignedProposal { proposal: self.clone(), note: Note::new(self.text(), vec![line])? })
    }

    /// Gives every key that signs checkpoints under this statement, in the order of exported lines: log,
    /// receiver's cosigner, neutral witnesses.
    pub fn checkpoint_keys(&self) -> Vec<&VerifierKey> {
        let mut keys = vec![&self.log, &self.cosigner];
        keys.extend(&self.witnesses);
        keys
    }

    fn check(&self) -> Result<(), ChannelError> {
        self.check_roles()?;
        self.check_all_different()?;
        let witnesses = self.witnesses.len();
        if witnesses > WITNESSES_MAX
            || usize::from(self.neutral) > witnesses
            || (self.neutral == 0) != (witnesses == 0)
        {
            return Err(ChannelError::Quorum { neutral: self.neutral, witnesses });
        }
        let sizes = self.after.iter().map(|head| head.size).chain([self.from]);
        if let Some(size) = sizes.into_iter().find(|size| *size >= NUMBER_LIMIT) {
            return Err(ChannelError::Size { size });
        }
        match &self.after {
            Some(head) if head.size == 0 && head.root != empty_root() => {
                Err(ChannelError::After { root: head.root })
            }
            _ => Ok(()),
        }
    }

    fn check_roles(&self) -> Result<(), ChannelError> {
        let origin = self.origin().to_string();
        let cosigner = format!("{}{COSIGNER_SUFFIX}", self.receiver.name());
        let mut roles = vec![
            ("giver", &self.giver, KeyKind::Ed25519, None),
            ("receiver", &self.receiver, KeyKind::Ed25519, None),
            ("log", &self.log, KeyKind::Ed25519, Some(&origin)),
            ("cosigner", &self.cosigner, KeyKind::CosignatureV1, Some(&cosigner)),
        ];
        for witness in &self.witnesses {
            roles.push(("witness", witness, KeyKind::CosignatureV1, None));
        }
        for (role, key, kind, name) in roles {
            if key.kind() != kind {
                return Err(ChannelError::Kind { role, kind: key.kind().byte() });
            }
            if let Some(expected) = name.filter(|name| *name != key.name()) {
                return Err(ChannelError::Name {
                    role,
                    expected: expected.clone(),
                    found: key.name().to_owned(),
                });
            }
        }
        Ok(())
    }

    /// No key and no name may serve twice: a cosignature does not commit to its cosigner's name, and a key
    /// shared between two roles would sign for both (C2SP tlog-cosignature, signed-note, tlog-policy).
    fn check_all_different(&self) -> Result<(), ChannelError> {
        let mut seen: Vec<&VerifierKey> = vec![&self.giver, &self.receiver];
        for key in self.checkpoint_keys() {
            seen.push(key);
        }
        for (at, key) in seen.iter().enumerate() {
            let same =
                |other: &&&VerifierKey| other.name() == key.name() || other.key_bytes() == key.key_bytes();
            if let Some(other) = seen.iter().take(at).find(same) {
                return Err(ChannelError::Same {
                    first: other.name().to_owned(),
                    second: key.name().to_owned(),
                });
            }
        }
        Ok(())
    }

    fn parse_text(text: &str) -> Result<Self, ChannelError> {
        let mut lines = Lines::new(text);
        lines.exact(STATEMENT_LABEL)?;
        let stated = lines
            .field("origin", "`origin forewarn/log/<64 hex digits>`", |text| Origin::parse(text).ok())?;
        let use_ = lines.field("use", "`use actual` or `use exercise`", |text| match text {
            "actual" => Some(Use::Actual),
            "exercise" => Some(Use::Exercise),
            _ => None,
        })?;
        let giver = key_line(&mut lines, "giver", "`giver <verifier key>`")?;
        let receiver = key_line(&mut lines, "receiver", "`receiver <verifier key>`")?;
        let nonce = lines.field("nonce", "`nonce <base64 of 32 bytes>`", grammar::base64_array)?;
        let after = lines.field("after", "`after -` or `after <origin> <size> <root>`", head_or_none)?;
        let from = lines.field("from", "`from <size>`", grammar::number)?;
        let log = key_line(&mut lines, "log", "`log <verifier key>`")?;
        let cosigner = key_line(&mut lines, "cosigner", "`cosigner <verifier key>`")?;
        let neutral = lines.field("neutral", "`neutral <number of witnesses>`", |text| {
            u8::try_from(grammar::number(text)?).ok()
        })?;
        let mut witnesses = Vec::new();
        while !lines.is_empty() && witnesses.len() < WITNESSES_MAX {
            witnesses.push(key_line(&mut lines, "witness", "`witness <verifier key>`")?);
        }
        lines.end()?;
        let proposal =
            ChannelProposal { use_, giver, receiver, nonce, after, from, log, cosigner, neutral, witnesses };
        let computed = proposal.origin();
        if stated != computed {
            return Err(ChannelError::OriginHash { stated, computed });
        }
        proposal.check()?;
        Ok(proposal)
    }
}

/// A channel statement that the giver has signed and the receiver has not. Shown as the note with one
/// signature line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedProposal {
    proposal: ChannelProposal,
    note: Note,
}

impl SignedProposal {
    /// Reads and verifies a statement with the giver's signature line alone.
    ///
    /// # Errors
    /// [`ChannelError`] with the rule broken.
    pub fn parse(bytes: &[u8]) -> Result<Self, ChannelError> {
        let note = Note::parse(bytes)?;
        let proposal = ChannelProposal::parse_text(note.text())?;
        check_signers(&note, &[&proposal.giver])?;
        Ok(SignedProposal { proposal, note })
    }

    /// Gives what is proposed. Before countersigning compare both identities with the pinned cards, and the
    /// cosigner with one's own key.
    pub fn proposal(&self) -> &ChannelProposal {
        &self.proposal
    }

    /// Signs as the receiver.
    ///
    /// # Errors
    /// [`ChannelError::Signer`] for a key that is not the receiver's.
    pub fn countersign(&self, key: &SigningKey) -> Result<ChannelStatement, ChannelError> {
        let text = self.note.text();
        let line = signed_by("receiver", &self.proposal.receiver, key, text)?;
        let lines = [self.note.signatures(), &[line]].concat();
        Ok(ChannelStatement {
            proposal: self.proposal.clone(),
            bytes: Note::new(text.to_owned(), lines)?.to_string(),
        })
    }
}

impl fmt::Display for SignedProposal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.note.fmt(f)
    }
}

/// A channel statement that both parties have signed; both signatures have been verified. Shown as the exact
/// note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelStatement {
    proposal: ChannelProposal,
    bytes: String,
}

impl ChannelStatement {
    /// Reads and verifies a statement: grammar, key ids, the origin's hash, kinds, names and keys all
    /// different, and exactly two signature lines, the giver's and then the receiver's.
    ///
    /// It does not show *who* the parties are: compare both fingerprints with what was learned elsewhere.
    ///
    /// # Errors
    /// [`ChannelError`] with the rule broken.
    pub fn parse(bytes: &[u8]) -> Result<Self, ChannelError> {
        let note = Note::parse(bytes)?;
        let proposal = ChannelProposal::parse_text(note.text())?;
        check_signers(&note, &[&proposal.giver, &proposal.receiver])?;
        Ok(ChannelStatement { proposal, bytes: note.to_string() })
    }

    /// Reads a statement again that [`ChannelStatement::parse`] took before, from where only its reader writes. It names
    /// its signers itself, so verifying it once more would show nothing about who wrote it there.
    ///
    /// # Errors
    /// As [`ChannelStatement::parse`], but for the signatures, which are not looked at.
    pub fn parse_kept(bytes: &[u8]) -> Result<Self, ChannelError> {
        let note = Note::parse(bytes)?;
        let proposal = ChannelProposal::parse_text(note.text())?;
        Ok(ChannelStatement { proposal, bytes: note.to_string() })
    }

    /// Gives what both have signed.
    pub fn proposal(&self) -> &ChannelProposal {
        &self.proposal
    }

    /// Gives the origin.
    pub fn origin(&self) -> Origin {
        self.proposal.origin()
    }

    /// Gives the exact bytes of the note, the body of entry 0.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.as_bytes()
    }
}

impl fmt::Display for ChannelStatement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.bytes)
    }
}

/// A channel statement or an origin that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChannelError {
    /// Not `forewarn/log/` and 64 lower-case hex digits.
    #[error("expected an origin `forewarn/log/<64 hex digits>`, found {found}")]
    Origin {
        /// The text found, escaped and cut.
        found: String,
    },
    /// The note breaks the format, or a signature is missing or does not verify.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// A line of the text is not what the format has there.
    #[error("no channel statement: {0}")]
    Malformed(#[from] Malformed),
    /// A key cannot be read.
    #[error("key of the {role}: {source}")]
    Key {
        /// Role of the key.
        role: &'static str,
        /// Why it cannot be read.
        source: KeyError,
    },
    /// The origin written is not that of use, giver, receiver and nonce.
    #[error("the origin is written {stated}, computed {computed}")]
    OriginHash {
        /// The origin in the statement.
        stated: Origin,
        /// The origin of its four lines.
        computed: Origin,
    },
    /// A key of the wrong type for its role.
    #[error("the key of the {role} is of type {kind:#04x}, which this role does not use")]
    Kind {
        /// Role of the key.
        role: &'static str,
        /// Type byte of the key.
        kind: u8,
    },
    /// A key of the wrong name for its role.
    #[error("the key of the {role} must have the name {expected}, found {found}")]
    Name {
        /// Role of the key.
        role: &'static str,
        /// The name it must have.
        expected: String,
        /// The name it has.
        found: String,
    },
    /// Two keys of the statement have the same name or the same public key.
    #[error("the keys {first} and {second} have the same name or the same public key")]
    Same {
        /// Name of the first.
        first: String,
        /// Name of the second.
        second: String,
    },
    /// More than 8 witnesses, more needed than there are, or none needed of some.
    #[error("{neutral} of {witnesses} neutral witnesses is no quorum")]
    Quorum {
        /// Witnesses needed.
        neutral: u8,
        /// Witnesses named.
        witnesses: usize,
    },
    /// A size of 2^48 or more.
    #[error("a size is below 2^48, found {size}")]
    Size {
        /// The size found.
        size: u64,
    },
    /// An old head of size 0 with a root other than the empty one.
    #[error("an old head of size 0 has the empty root, found {root}")]
    After {
        /// The root found.
        root: Hash,
    },
    /// The signature lines are not exactly those of the signers, in their order.
    #[error("expected the signature line of {expected}, found {found}")]
    Signers {
        /// Name of the key whose line stands here, or that there is none.
        expected: String,
        /// Name on the line found, or that there is none.
        found: String,
    },
    /// The key that should sign is not the one in the statement.
    #[error("the key {key} is not that of the {role}")]
    Signer {
        /// The role that signs.
        role: &'static str,
        /// Name of the key handed in.
        key: String,
    },
}

fn not_origin(text: &str) -> ChannelError {
    ChannelError::Origin { found: grammar::quoted(text) }
}

fn pair_lines(use_: Use, giver: &VerifierKey, receiver: &VerifierKey, nonce: &[u8; 32]) -> String {
    let nonce = grammar::to_base64(nonce);
    format!("use {use_}\ngiver {giver}\nreceiver {receiver}\nnonce {nonce}\n")
}

fn key_line(
    lines: &mut Lines<'_>,
    role: &'static str,
    expected: &'static str,
) -> Result<VerifierKey, ChannelError> {
    let text = lines.field(role, expected, Some)?;
    VerifierKey::parse(text).map_err(|source| ChannelError::Key { role, source })
}

/// `-`, or origin, size and root between single spaces.
pub(crate) fn head_or_none(text: &str) -> Option<Option<Checkpoint>> {
    if text == "-" {
        return Some(None);
    }
    let (origin, rest) = text.split_once(' ')?;
    let (size, root) = rest.split_once(' ')?;
    Some(Some(Checkpoint {
        origin: Origin::parse(origin).ok()?,
        size: grammar::number(size)?,
        root: Hash::from_base64(root).ok()?,
    }))
}

fn signed_by(
    role: &'static str,
    expected: &VerifierKey,
    key: &SigningKey,
    text: &str,
) -> Result<NoteSignature, ChannelError> {
    if key.verifier() != expected {
        return Err(ChannelError::Signer { role, key: key.name().to_owned() });
    }
    Ok(sign_line(key, text)?)
}

/// Exactly these signers, in this order, each signature verified.
fn check_signers(note: &Note, signers: &[&VerifierKey]) -> Result<(), ChannelError> {
    let mut lines = note.signatures().iter();
    for key in signers {
        match lines.next() {
            Some(line) if line.names(key) => line.verify_text(note.text(), key)?,
            line => return Err(wrong_signers(Some(key), line)),
        }
    }
    match lines.next() {
        None => Ok(()),
        line => Err(wrong_signers(None, line)),
    }
}

fn wrong_signers(key: Option<&VerifierKey>, line: Option<&NoteSignature>) -> ChannelError {
    let nobody = "nobody";
    ChannelError::Signers {
        expected: key.map_or(nobody, |key| key.name()).to_owned(),
        found: line.map_or(nobody, NoteSignature::name).to_owned(),
    }
}
