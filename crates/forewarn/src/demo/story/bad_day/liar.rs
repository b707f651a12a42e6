//! Somebody who holds a node's keys and signs what is not so. It speaks to the other node as any node does: over TLS, with
//! the certificate that the other knows.

use std::fs;
use std::path::Path;

use axum::http::Method;
use exchange::keys::NodeKeys;
use gate::dial::{PeerAnswer, PeerClient};
use gate::limits::DialLimits;
use gate::tls::{SpkiPin, TlsIdentity, client_config};
use model::id::PartyName;
use sha2::{Digest, Sha256};
use tlog::card::Card;
use tlog::channel::Origin;
use tlog::checkpoint::Checkpoint;
use tlog::hash::Hash;
use tlog::parcel::{PARCEL_MEDIA, Parcel};

use crate::data_dir::DataDir;
use crate::demo::check::Failed;
use crate::demo::node::world;

/// Who holds the keys of a node.
pub(super) struct Liar {
    keys: NodeKeys,
    tls: TlsIdentity,
}

/// A claim about a log.
pub(super) struct Claim {
    origin: Origin,
    parcel: Vec<u8>,
}

impl Liar {
    /// Takes the keys out of a node's data folder.
    pub(super) fn with_the_keys_in(data: &Path) -> Result<Self, Failed> {
        let taken = || {
            let dir = DataDir::at(data);
            let (config, keys) = (dir.config()?, dir.keys()?);
            let name: PartyName = config.name.parse().map_err(exchange::refusal::Refusal::ours)?;
            Ok::<_, exchange::refusal::Refusal>(Self {
                keys: NodeKeys::from_seeds(&name, &keys.seeds)?,
                tls: keys.tls,
            })
        };
        taken().map_err(|e| Failed::new("the keys of the node", e.to_string()))
    }

    /// Signs that the first `size` entries of a log are others than they are.
    pub(super) fn claims(&self, origin: &str, size: u64) -> Result<Claim, Failed> {
        let said = |why: String| Failed::new("a head that can be signed", why);
        let origin = Origin::parse(origin).map_err(|e| said(e.to_string()))?;
        let root = Hash::from_bytes(Sha256::digest("none of this was ever said").into());
        let key = self.keys.log_key(&origin).map_err(|e| said(e.to_string()))?;
        let checkpoint = Checkpoint { origin, size, root }.sign(&key).map_err(|e| said(e.to_string()))?;
        let parcel = Parcel { old: size, held: None, items: Vec::new(), checkpoint };
        Ok(Claim { origin, parcel: parcel.encode().map_err(|e| said(e.to_string()))? })
    }

    /// Sends it to the node of this card.
    pub(super) fn tells(&self, card: &Path, claim: &Claim) -> Result<PeerAnswer, Failed> {
        let said = |why: String| Failed::new("the node to answer", why);
        let bytes = fs::read(card).map_err(|e| world(&format!("to read {}", card.display()), &e))?;
        let card = Card::parse(&bytes).map_err(|e| said(e.to_string()))?;
        let config = client_config(&self.tls, SpkiPin(card.tls)).map_err(|e| said(e.to_string()))?;
        let client = PeerClient::new(card.address.to_string(), config, DialLimits::default());
        let path = format!("/peer/v1/log/{}/add-entries", claim.origin.hex());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|e| world("to call a node", &e))?;
        let asked = client.request(Method::POST, &path, Some(PARCEL_MEDIA), claim.parcel.clone());
        runtime.block_on(asked).map_err(|e| said(format!("{e}: {}", e.detail())))
    }
}
