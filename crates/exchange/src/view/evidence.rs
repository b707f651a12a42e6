//! What was signed and cannot be true, as it is kept: of which channel, since when, whether it proves anything, what to do.

use jiff::Timestamp;
use model::caller::Person;
use model::vocab::Role;
use serde::Serialize;
use store::{ChannelState, EvidenceRow, View};
use tlog::checkpoint::SignedCheckpoint;

use crate::caller::needs;
use crate::evidence::{export, proof};
use crate::house::House;
use crate::receipt::parties;
use crate::refusal::Refusal;

/// A signed note that is kept.
#[derive(Debug, Clone, Serialize)]
pub struct EvidenceLine {
    /// Its number.
    pub id: i64,
    /// The partner.
    pub partner: String,
    /// The channel's origin, whole.
    pub origin: String,
    /// Who gives in that channel.
    pub giver: String,
    /// Who receives in it.
    pub receiver: String,
    /// Actual or exercise.
    pub channel_use: String,
    /// Whether the channel is frozen.
    pub frozen: bool,
    /// What is wrong, in words.
    pub what: String,
    /// When it was kept, by our clock.
    pub at: Timestamp,
    /// The size that the note is signed for, if it can be read.
    pub size: Option<u64>,
    /// The bytes of the parcel that came with it, if that was kept.
    pub parcel_bytes: Option<u64>,
    /// The party whose two signatures cannot both be true, where that is proven.
    pub accused: Option<String>,
    /// Whether this node has signed or cosigned both as well.
    pub ours_too: bool,
    /// Where nothing is proven: why not.
    pub no_proof: Option<String>,
    /// What to do.
    pub next: String,
}

/// Everything that is kept, the newest first.
pub fn list(house: &House, caller: &Person) -> Result<Vec<EvidenceLine>, Refusal> {
    needs(caller, Role::ALL, "look at the evidence kept")?;
    house.store.view(|view| {
        let kept = view.all_evidence()?;
        kept.iter().rev().map(|row| line(house, view, row)).collect()
    })
}

fn line(house: &House, view: &View<'_>, kept: &EvidenceRow) -> Result<EvidenceLine, Refusal> {
    let channel = view.channel(&kept.origin)?.ok_or_else(|| Refusal::ours("evidence without its log"))?;
    let (giver, receiver) = parties(house, &channel);
    let (accused, ours_too, no_proof) = match proof::of(view, &channel, kept)? {
        Ok(proof) => (Some(export::accused(house, &channel, &proof.evidence)), proof.ours_too, None),
        Err(why) => (None, false, Some(why.to_string())),
    };
    let frozen = matches!(channel.state, ChannelState::Frozen(_));
    let next = match (&accused, ours_too, frozen) {
        (Some(_), true, _) => {
            "this node has signed both as well: look whether it ran on an old copy of its data, and ask the partner's officer \
             by voice"
        }
        (Some(_), false, _) => {
            "ask the partner's officer by voice; after a bad restore it can be an accident. Keep the proof outside this node"
        }
        (None, _, true) => {
            "call the partner's duty desk, and warn by other channels meanwhile. If its node can prove what it signed, \
             `forewarn channel unfreeze` ends the freeze"
        }
        (None, _, false) => "nothing is frozen; ask the partner's operator what its node sent",
    };
    Ok(EvidenceLine {
        id: kept.id,
        partner: channel.partner.to_string(),
        origin: channel.origin.hex(),
        giver,
        receiver,
        channel_use: channel.use_.to_string(),
        frozen,
        what: kept.what.clone(),
        at: kept.at,
        size: SignedCheckpoint::parse(kept.note.as_bytes()).ok().map(|note| note.checkpoint().size),
        parcel_bytes: kept.parcel_bytes,
        accused,
        ours_too,
        no_proof,
        next: next.to_owned(),
    })
}
