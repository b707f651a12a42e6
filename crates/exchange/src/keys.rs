//! The node's own secrets, as the acts use them. Reading and writing the key files is the roof's matter.

use hkdf::Hkdf;
use model::id::PartyName;
use sha2::Sha256;
use tlog::channel::Origin;
use tlog::key::{KeyKind, SigningKey};
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
            log: seeds.log.clone(),
            rendering: seeds.rendering.clone(),
            terms: seeds.terms.clone(),
            encryption: None,
        })
    }

    /// The same keys with the private encryption key, `AGE-SECRET-KEY-1…`, to which partners seal their files.
    pub fn with_encryption(self, secret: &str) -> Result<Self, Refusal> {
        Ok(Self { encryption: Some(encryption_identity(secret)?), ..self })
    }

    /// The log key of one channel: HKDF-SHA256 of the node's log secret with the origin as info (log-format §2). Its name
    /// is the origin.
    pub fn log_key(&self, origin: &Origin) -> Result<SigningKey, Refusal> {
        let mut seed = [0; 32];
        Hkdf::<Sha256>::new(None, self.log.as_slice())
            .expand(origin.to_string().as_bytes(), &mut seed)
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
