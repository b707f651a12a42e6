//! Making a node: the folder, the keys, the databases, and a one-time secret for the first operator.

use exchange::house::House;
use exchange::keys::NodeKeys;
use exchange::people;
use exchange::refusal::Refusal;
use exchange::tally::Tally;
use jiff::Timestamp;
use model::id::{PartyName, PersonName};
use serde::Serialize;
use std::sync::Arc;
use store::{Measure, Store};

use crate::clock;
use crate::data_dir::{Config, DataDir, Keys};
use crate::key_files;

/// What a new node shows its operator, once.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Made {
    /// The node's name.
    pub(crate) name: String,
    /// Where partners reach it.
    pub(crate) address: String,
    /// The fingerprint of its identity, hex.
    pub(crate) fingerprint: String,
    /// The words of its identity.
    pub(crate) words: String,
    /// The first operator's login name.
    pub(crate) operator: String,
    /// The first operator's one-time secret.
    pub(crate) secret: String,
    /// Until when the secret opens the account.
    pub(crate) secret_until: Timestamp,
}

/// Makes a node. It counts as one when all of it is there, its first operator included: a crash before that leaves a
/// folder that is named as half made, and not a node which nobody can enter.
pub(crate) fn init(dir: &DataDir, config: &Config, operator: &str) -> Result<Made, Refusal> {
    let operator: PersonName =
        operator.parse().map_err(|e: model::id::NotAName| Refusal::yours("bad_name", e.to_string()))?;
    check_card_parts(config)?;
    dir.begin(config, clock::now(), &mut clock::rng())?;
    let house = house(dir, config, &dir.keys()?, Arc::new(|| {}))?;
    let invitation = people::init_first_operator(&house, &operator, clock::now(), &mut clock::rng())?;
    let identity = house.keys.identity.verifier();
    let made = Made {
        name: house.name.to_string(),
        address: config.address.clone(),
        fingerprint: identity.fingerprint().to_string(),
        words: exchange::partner::fingerprint_words(identity)?,
        operator: operator.to_string(),
        secret: invitation.secret.text().to_string(),
        secret_until: invitation.until,
    };
    // Closes the databases.
    drop(house);
    dir.finish()?;
    Ok(made)
}

/// What goes on the card is checked before anything is made.
fn check_card_parts(config: &Config) -> Result<(), Refusal> {
    tlog::card::Address::parse(&config.address).map_err(|e| Refusal::yours("bad_address", e.to_string()))?;
    tlog::card::Contact::parse(&config.contact).map_err(|e| Refusal::yours("bad_contact", e.to_string()))?;
    config
        .listen
        .parse::<std::net::SocketAddr>()
        .map(|_| ())
        .map_err(|e| Refusal::yours("bad_address", format!("--listen {:?}: {e}", config.listen)))
}

/// The house of the node in this folder. The caller holds the folder's lock, or has just made it.
pub(crate) fn house(
    dir: &DataDir,
    config: &Config,
    keys: &Keys,
    bell: Arc<dyn Fn() + Send + Sync>,
) -> Result<House, Refusal> {
    let name: PartyName = config.name.parse().map_err(Refusal::ours)?;
    let node_keys = NodeKeys::from_seeds(&name, &keys.seeds)?.with_encryption(&keys.encryption)?;
    let node_keys = key_files::and_retiring(dir, &name, node_keys)?;
    let settings = dir.settings(config, keys)?;
    let store = Store::open_at(&dir.places(config))?;
    let tally = Arc::new(Tally::timed(clock::since_start));
    let counting = Arc::clone(&tally);
    let told = Box::new(move |commit| counting.commit(commit));
    store.measure(Measure { time: tally.clock(), told });
    let mut house = House::new(store, node_keys, name, settings, bell);
    house.tally = tally;
    Ok(house)
}
