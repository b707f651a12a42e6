//! How things go to and come from a partner; and what goes as files, where there is no line between the nodes.
//!
//! A file is nothing new: it holds the same parcel, receipt or channel statement that would go over the line, sealed (age
//! v1) to the encryption key on the receiver's card, and it is taken by the same acts (docs/log-format.md §6, By file). Any
//! file may come late, twice or never. Read first `pack`, then `open` and `settle`.

mod envelope;
mod held;
mod open;
mod pack;
mod settle;

use base64ct::{Base64, Encoding};
use jiff::Timestamp;
use model::caller::Person;
use model::id::PartyName;
use model::vocab::{Carriage, Role};
use serde_json::json;
use store::{Act, View};
use tlog::card::EncryptionKey;
use tlog::channel::{ChannelProposal, Origin};

pub use envelope::SEALED_BYTES_MAX;
pub use open::{End, Opened, newest, open};
pub use pack::{Packed, Place, pack, pack_from};
pub use settle::{Settled, settle};

use crate::audit;
use crate::caller::needs;
use crate::house::House;
use crate::partner;
use crate::refusal::Refusal;

/// Who may change how things are carried: whoever may add a partner.
const KEEPERS: &[Role] = &[Role::Liaison, Role::Operator];
/// Who may carry files.
const CARRIERS: &[Role] = &[Role::Desk, Role::Release, Role::Liaison, Role::Operator];

/// A file to be carried to a partner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CarriedFile {
    /// Its name (log-format §6). It says what is inside: two files of one name hold the same, sealed anew.
    pub name: String,
    /// What it holds, in words.
    pub what: String,
    /// Its bytes.
    pub sealed: Vec<u8>,
}

impl CarriedFile {
    /// Its bytes in base64, RFC 4648 §4.
    pub fn base64(&self) -> String {
        Base64::encode_string(&self.sealed)
    }
}

/// Changes how things are carried to and from a partner. It holds from the next round of the courier on; for liaison and
/// operators, with a line in the trail.
pub fn set(
    house: &House,
    caller: &Person,
    of: &PartyName,
    carriage: Carriage,
    now: Timestamp,
) -> Result<(), Refusal> {
    needs(caller, KEEPERS, "change how things are carried to a partner")?;
    let (of, by) = (of.clone(), caller.name.clone());
    house.store.act(move |act| {
        partner::known(act, &of)?;
        let before = act.carriage(&of)?;
        if before == carriage {
            return Ok(());
        }
        act.set_carriage(&of, carriage)?;
        let detail = json!({ "carriage": carriage.word(), "before": before.word() });
        audit::note(act, now, by.as_str(), "partner.carriage", of.as_str(), detail, &[])
    })?;
    (house.bell)();
    Ok(())
}

/// How things are carried to and from a partner.
pub fn of(house: &House, partner: &PartyName) -> Result<Carriage, Refusal> {
    house.store.view(|view| Ok(view.carriage(partner)?))
}

/// The key to which files for a partner are sealed. Refused where the partner is not confirmed.
fn key_of(view: &View<'_>, partner: &PartyName) -> Result<EncryptionKey, Refusal> {
    Ok(partner::card(&partner::confirmed(view, partner)?)?.encryption)
}

/// How a file with a statement is named: by its log and, for new keys, by the size from which they hold.
fn of_statement(said: &ChannelProposal) -> String {
    match said.from {
        0 => digits(&said.origin()),
        from => format!("{}-{from}", digits(&said.origin())),
    }
}

/// The first eight digits of an origin, by which files and tables name a log.
fn digits(origin: &Origin) -> String {
    origin.hex().chars().take(8).collect()
}

/// The size from which a partner wants a log of ours, where it has named one below our newest receipt.
fn wanted_from(view: &View<'_>, origin: &Origin) -> Result<Option<u64>, Refusal> {
    view.meta(&wanted_key(origin))?.map(|size| size.parse().map_err(Refusal::ours)).transpose()
}

fn set_wanted(act: &mut Act<'_>, origin: &Origin, from: Option<u64>) -> Result<(), Refusal> {
    match from {
        Some(size) => act.set_meta(&wanted_key(origin), &size.to_string())?,
        None => act.forget_meta(&wanted_key(origin))?,
    }
    Ok(())
}

fn wanted_key(origin: &Origin) -> String {
    format!("carriage.from/{}", origin.hex())
}
