//! What every act needs: the store, the node's keys, its name and its settings. Cheap to clone.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use model::id::PartyName;
use store::Store;
use tlog::channel::Origin;

use crate::keys::NodeKeys;
use crate::person_key::PassphraseCost;
use crate::relation::Relations;
use crate::silence::Silence;
use crate::tally::Tally;

/// A node as the acts see it.
#[derive(Clone)]
pub struct House {
    /// What is remembered.
    pub store: Store,
    /// The node's secrets.
    pub keys: Arc<NodeKeys>,
    /// The node's name.
    pub name: PartyName,
    /// What the operator set.
    pub settings: Arc<Settings>,
    /// The relations with partners, folded.
    pub relations: Arc<Relations>,
    /// What was counted since the node started.
    pub tally: Arc<Tally>,
    /// Rung when something waits in the outbox; the courier listens. Rings before it listens are not lost to it, since
    /// it looks at the outbox first.
    pub bell: Arc<dyn Fn() + Send + Sync>,
    confirmed: Arc<Mutex<BTreeSet<Origin>>>,
}

impl House {
    /// A house over an open store. `bell` is rung after each act that put something into the outbox.
    pub fn new(
        store: Store,
        keys: NodeKeys,
        name: PartyName,
        settings: Settings,
        bell: Arc<dyn Fn() + Send + Sync>,
    ) -> Self {
        Self {
            store,
            keys: Arc::new(keys),
            name,
            settings: Arc::new(settings),
            relations: Arc::default(),
            tally: Arc::default(),
            bell,
            confirmed: Arc::default(),
        }
    }

    /// Whether the partner's newest head of a log of ours was asked for since this start, and since the last delivery that
    /// failed (log-format §9). Before that nothing is signed for it.
    pub fn is_confirmed(&self, origin: &Origin) -> bool {
        self.confirmed.lock().unwrap_or_else(PoisonError::into_inner).contains(origin)
    }

    /// From now on nothing is appended or signed in this log before the partner has shown its newest head again.
    pub fn unconfirm(&self, origin: &Origin) {
        self.confirmed.lock().unwrap_or_else(PoisonError::into_inner).remove(origin);
    }

    pub(crate) fn confirm(&self, origin: &Origin) {
        self.confirmed.lock().unwrap_or_else(PoisonError::into_inner).insert(*origin);
    }
}

/// A number of minutes that the operator may change while the node runs. Clones share it; an act reads it once.
#[derive(Debug, Clone)]
pub struct Minutes(Arc<AtomicU32>);

impl Minutes {
    /// So many minutes.
    pub fn new(minutes: u32) -> Self {
        Self(Arc::new(AtomicU32::new(minutes)))
    }

    /// How many they are now.
    pub fn now(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    /// From now on they are so many. Clocks that run already keep their time.
    pub fn set(&self, minutes: u32) {
        self.0.store(minutes, Ordering::Relaxed);
    }
}

/// What the operator sets for a node.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where partners reach this node, `host:port`.
    pub address: String,
    /// SHA-256 of the public key of this node's TLS certificate, 64 hex digits.
    pub tls_pin: String,
    /// The public half of the node's encryption key, `age1…`.
    pub encryption: String,
    /// How partners reach the duty desk by voice.
    pub contact: String,
    /// Within how many minutes a duty to warn must be decided.
    pub duty_minutes: Minutes,
    /// For how many minutes a proposal may be approved.
    pub proposal_minutes: Minutes,
    /// For how many minutes a four-eyes act waits for its second person.
    pub pending_minutes: u32,
    /// For how many minutes a one-time secret opens an account.
    pub invitation_minutes: u32,
    /// For how long partners may be silent before somebody looks.
    pub silence: Silence,
    /// After how many seconds a partner that is fetched from is asked again.
    pub fetch_seconds: u32,
    /// What one try at a passphrase costs; taken for keys sealed from now on.
    pub passphrase_cost: PassphraseCost,
}

impl Settings {
    /// The defaults beside what only the operator can know.
    pub fn new(address: String, tls_pin: String, encryption: String, contact: String) -> Self {
        Self {
            address,
            tls_pin,
            encryption,
            contact,
            duty_minutes: Minutes::new(60),
            proposal_minutes: Minutes::new(12 * 60),
            pending_minutes: 24 * 60,
            invitation_minutes: 3 * 24 * 60,
            silence: Silence::default(),
            fetch_seconds: 30,
            passphrase_cost: PassphraseCost::default(),
        }
    }
}
