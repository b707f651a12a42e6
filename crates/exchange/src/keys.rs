//! The node's own secrets, as the acts use them. Reading and writing the key files is the roof's matter.

use hkdf::Hkdf;
use model::id::PartyName;
use sha2::Sha256;
use tlog::channel::Origin;
use tlog::key::{KeyKind, SigningKey, VerifierKey};
use zeroize::Zeroizing;

use crate::refusal::Refusal;

/// The seeds of a node's keys, 32 bytes each, as they stand in the key files.
pub struct NodeSeeds {
    /// Signs cards and channel statements.
    pub identity: Zeroizing<[u8; 32]>,
    /// Signs receipts.
    pub cosigner: Zeroizing<[u8; 32]>,
    /// From which the key of each channel's log is derived.
    pub log: Zeroizing<[u8; 32]>,
    /// From which the ids in renderings are derived, for each recipient apart.
    pub rendering: Zeroizing<[u8; 32]>,
    /// Under which protected words of sealed sources are digested.
    pub terms: Zeroizing<[u8; 32]>,
}

/// A node's keys.
pub struct NodeKeys {
    /// Signs cards and channel statements, nothing else.
    pub identity: SigningKey,
    /// Signs cosignatures of the channels this node receives, nothing else.
    pub cosigner: SigningKey,
    /// Cosigner keys that were replaced in order: each signs on in the logs whose statement in force still names it.
    retiring_cosigners: Vec<SigningKey>,
    log: Zeroizing<[u8; 32]>,
    /// From which the ids in renderings are derived.
    pub rendering: Zeroizing<[u8; 32]>,
    /// Under which protected words of sealed sources are digested.
    pub terms: Zeroizing<[u8; 32]>,
    /// Opens the files that partners sealed to this node; without it they stay shut.
    pub(crate) encryption: Option<age::x25519::Identity>,
}

impl NodeKeys {
    /// The keys of the node of this name.
    pub fn from_seeds(name: &PartyName, seeds: &NodeSeeds) -> Result<Self, Refusal> {
        let cosigner = format!("{name}/cosigner");
        Ok(Self {
            identity: SigningKey::from_seed(name.as_str(), KeyKind::Ed25519, *seeds.identity)
                .map_err(Refusal::ours)?,
            cosigner: SigningKey::from_seed(&cosigner, KeyKind::CosignatureV1, *seeds.cosigner)
                .map_err(Refusal::ours)?,
            retiring_cosigners: Vec::new(),
            log: seeds.log.clone(),
            rendering: seeds.rendering.clone(),
            terms: seeds.terms.clone(),
            encryption: None,
        })
    }

    /// Adds a cosigner key that was replaced in order, and may sign until each partner has taken the new one.
    pub fn and_retiring_cosigner(
        mut self,
        name: &PartyName,
        seed: &Zeroizing<[u8; 32]>,
    ) -> Result<Self, Refusal> {
        let key = SigningKey::from_seed(&format!("{name}/cosigner"), KeyKind::CosignatureV1, **seed);
        self.retiring_cosigners.push(key.map_err(Refusal::ours)?);
        Ok(self)
    }

    /// The same keys with the private encryption key, `AGE-SECRET-KEY-1…`, to which partners seal their files.
    pub fn with_encryption(self, secret: &str) -> Result<Self, Refusal> {
        Ok(Self { encryption: Some(encryption_identity(secret)?), ..self })
    }

    /// The cosigner keys that this node signs with: the one in use, then those that were replaced in order.
    pub fn cosigners(&self) -> impl Iterator<Item = &SigningKey> {
        std::iter::once(&self.cosigner).chain(&self.retiring_cosigners)
    }

    /// Our cosigner key that a statement names: the one in use, or one that was replaced in order. `None` if it is neither.
    pub fn cosigner_named(&self, named: &VerifierKey) -> Option<&SigningKey> {
        self.cosigners().find(|key| key.verifier() == named)
    }

    /// The first log key of one channel: HKDF-SHA256 of the node's log secret with the origin as info (log-format §2). Its
    /// name is the origin.
    pub fn log_key(&self, origin: &Origin) -> Result<SigningKey, Refusal> {
        self.log_key_of(origin, 0)
    }

    /// The log key of one channel after so many changes: with generation 0 the info is the origin, else the origin, a
    /// space and the generation (docs/decisions/0010).
    pub fn log_key_of(&self, origin: &Origin, generation: u64) -> Result<SigningKey, Refusal> {
        let info = if generation == 0 { origin.to_string() } else { format!("{origin} {generation}") };
        let mut seed = [0; 32];
        Hkdf::<Sha256>::new(None, self.log.as_slice())
            .expand(info.as_bytes(), &mut seed)
            .map_err(|e| Refusal::ours(format!("HKDF refused 32 bytes: {e}")))?;
        SigningKey::from_seed(&origin.to_string(), KeyKind::Ed25519, seed).map_err(Refusal::ours)
    }
}

/// Draws a new encryption key, `AGE-SECRET-KEY-1…`. age draws it from the system's generator itself.
pub fn draw_encryption_key() -> Zeroizing<String> {
    let identity = age::x25519::Identity::generate();
    Zeroizing::new(age::secrecy::ExposeSecret::expose_secret(&identity.to_string()).to_owned())
}

/// The public half of an encryption key, `age1…`.
pub fn encryption_recipient(secret: &str) -> Result<String, Refusal> {
    Ok(encryption_identity(secret)?.to_public().to_string())
}

fn encryption_identity(secret: &str) -> Result<age::x25519::Identity, Refusal> {
    secret.trim().parse().map_err(|why: &str| {
        Refusal::yours("bad_key", "encryption.key is no age key").detail(why).hint("restore it from a backup")
    })
}
