//! A person's own keys: one signs what the person decides, the other opens the sources the person handles. They exist
//! unsealed only in the memory of a node that the person is logged in to.
//!
//! This does not bind whoever holds root and the data folder while a person is logged in.

mod decision;
mod seal;

use std::fmt;
use std::sync::Arc;

use age::x25519::Identity;
use model::id::{PartyName, PersonName};
use rand_core::CryptoRng;
use tlog::key::{KeyKind, SigningKey, VerifierKey};
use zeroize::Zeroizing;

use crate::refusal::Refusal;

pub use decision::{Decision, verify_decision};
pub use seal::PassphraseCost;
pub(crate) use seal::{seal, try_in_vain, unseal};

/// A person's unsealed keys. Cheap to clone; cleared from memory when the last clone is dropped; `Debug` shows the public
/// half only.
#[derive(Clone)]
pub struct PersonKey {
    person: PersonName,
    secret: Arc<Secret>,
}

struct Secret {
    signing: SigningKey,
    identity: Identity,
}

impl PersonKey {
    /// Draws both keys. age draws its own from the system's generator, whatever is handed in.
    pub(crate) fn draw(
        person: &PersonName,
        node: &PartyName,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Self, Refusal> {
        let mut seed = Zeroizing::new([0; 32]);
        rng.fill_bytes(seed.as_mut_slice());
        Self::of(person, node, &seed, Identity::generate())
    }

    fn of(
        person: &PersonName,
        node: &PartyName,
        seed: &Zeroizing<[u8; 32]>,
        identity: Identity,
    ) -> Result<Self, Refusal> {
        let signing = SigningKey::from_seed(&key_name(person, node), KeyKind::Ed25519, **seed)
            .map_err(Refusal::ours)?;
        Ok(Self { person: person.clone(), secret: Arc::new(Secret { signing, identity }) })
    }

    /// Whose keys they are.
    pub fn person(&self) -> &PersonName {
        &self.person
    }

    /// The public key of the person's signatures, `<person>@<node>+…`.
    pub fn verifier(&self) -> &VerifierKey {
        self.secret.signing.verifier()
    }

    /// The public key to which sources are sealed, `age1…`.
    pub fn recipient(&self) -> String {
        self.secret.identity.to_public().to_string()
    }

    /// The private key that opens the sources this person handles.
    pub fn age_identity(&self) -> &Identity {
        &self.secret.identity
    }

    /// Signs a decision of this person and gives the signed note.
    pub fn sign_decision(&self, decision: &Decision) -> Result<String, Refusal> {
        decision::sign(decision, &self.secret.signing)
    }
}

impl fmt::Debug for PersonKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PersonKey(…, {})", self.verifier())
    }
}

/// The name of a person's signing key. Neither name can hold an `@`.
fn key_name(person: &PersonName, node: &PartyName) -> String {
    format!("{person}@{node}")
}
