//! Who may make a backup, and that the trail says so. The roof makes it.

use jiff::Timestamp;
use model::caller::Person;
use model::vocab::Role;
use serde_json::json;

use crate::audit;
use crate::caller::needs;
use crate::house::House;
use crate::refusal::Refusal;

/// Notes that an operator begins a backup: with the keys or without them. Durable before anything is copied, so that the
/// line stands in the backup itself.
pub fn begin(
    house: &House,
    caller: &Person,
    databases: bool,
    keys: bool,
    now: Timestamp,
) -> Result<(), Refusal> {
    needs(caller, &[Role::Operator], "make a backup")?;
    let who = caller.name.clone();
    house.store.act(move |act| {
        let detail = json!({ "databases": databases, "keys": keys });
        audit::note(act, now, who.as_str(), "backup.begun", "-", detail, &[])
    })
}

/// Notes that a file of a backup is there: `digest` is its SHA-256 in hex.
pub fn made(house: &House, caller: &Person, digest: &str, keys: bool, now: Timestamp) -> Result<(), Refusal> {
    needs(caller, &[Role::Operator], "make a backup")?;
    if digest.len() != 64 || !digest.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(Refusal::yours("bad_digest", "a digest has 64 hex digits"));
    }
    let (who, digest) = (caller.name.clone(), digest.to_owned());
    house.store.act(move |act| {
        audit::note(act, now, who.as_str(), "backup.made", &digest, json!({ "keys": keys }), &[])
    })
}
