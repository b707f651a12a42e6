//! How a person gets in: opening an account with the one-time secret, logging in, another passphrase.
//!
//! A wrong passphrase, an unknown name, an account that is not open and a name that waits all look alike from outside:
//! one refusal, after one slow hash and one line in the audit trail.

use jiff::{SignedDuration, Timestamp};
use model::caller::Person;
use model::id::PersonName;
use rand_core::CryptoRng;
use serde_json::json;
use store::{Act, PersonKeyRow, PersonRow, PersonState};

use super::one_time_secret::OneTimeSecret;
use super::{passphrase, standing};
use crate::audit;
use crate::house::House;
use crate::person_key::{PersonKey, seal, try_in_vain, unseal};
use crate::refusal::Refusal;

/// How many wrong passphrases in a row cost nothing.
const FREE_FAILURES: u32 = 3;
/// How long a name waits after the next one; doubled with each further one.
const FIRST_WAIT_S: i64 = 5;
/// How long a name waits at most.
const WAIT_MAX_S: i64 = 15 * 60;
/// The longest passphrase that is looked at.
const PASSPHRASE_BYTES_MAX: usize = 1_024;

/// What opens an account.
pub struct Activation<'a> {
    /// The login name.
    pub name: &'a PersonName,
    /// The one-time secret, as the person typed it.
    pub one_time_secret: &'a str,
    /// The passphrase that the person chose.
    pub passphrase: &'a str,
}

/// Opens an account with its one-time secret: makes the person's keys, sealed under the passphrase, and logs the person
/// in. The secret is used up. Slow on purpose; the slow part is outside any transaction.
pub fn activate(
    house: &House,
    activation: &Activation<'_>,
    now: Timestamp,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<(Person, PersonKey), Refusal> {
    let Activation { name, one_time_secret, passphrase } = *activation;
    let secret = OneTimeSecret::parse(one_time_secret).ok_or_else(|| {
        Refusal::yours("secret_mistyped", "this is no one-time secret")
            .detail("six groups of five letters and digits, without i, l, o and u")
            .hint("type it again")
    })?;
    passphrase::check(passphrase, name, &house.name)?;
    let digest = secret.digest(name);
    house.store.view(|view| admits(view.person(name)?.as_ref(), &digest, now))?;
    let key = PersonKey::draw(name, &house.name, rng)?;
    let row = PersonKeyRow {
        verifier: key.verifier().to_string(),
        recipient: key.recipient(),
        sealed: Some(seal(&key, passphrase, house.settings.passphrase_cost, rng)?),
        made_at: now,
        retired_at: None,
    };
    let (name, fingerprint) = (name.clone(), key.verifier().fingerprint().to_string());
    let person = house.store.act(move |tx| {
        // Asked again: the secret may have been used or replaced while the passphrase was hashed.
        admits(tx.person(&name)?.as_ref(), &digest, now)?;
        tx.activate_person(&name, &row)?;
        let detail = json!({ "key": fingerprint });
        audit::note(tx, now, name.as_str(), "person.activate", name.as_str(), detail, &[])?;
        standing::end_bootstrap_if_due(tx, now)?;
        standing::person(tx, &name)
    })?;
    Ok((person, key))
}

/// Logs a person in: opens their keys with the passphrase. Slow on purpose, outside any transaction.
pub fn login(
    house: &House,
    name: &PersonName,
    passphrase: &str,
    now: Timestamp,
) -> Result<(Person, PersonKey), Refusal> {
    let row = house.store.view(|view| view.person_key(name))?;
    let too_long = passphrase.len() > PASSPHRASE_BYTES_MAX;
    let opened = match row.filter(|_| !too_long) {
        Some(row) => unseal(&row, name, &house.name, passphrase)?,
        None => {
            try_in_vain(if too_long { "" } else { passphrase }, house.settings.passphrase_cost)?;
            None
        }
    };
    let verifier = opened.as_ref().map(|key| key.verifier().to_string());
    let name = name.clone();
    // A refused login commits too: what is counted and noted must not be undone by the refusal.
    let person = house.store.act(move |tx| settle_login(tx, &name, verifier.as_deref(), now))?;
    match (person, opened) {
        (Some(person), Some(key)) => Ok((person, key)),
        _ => Err(login_refused()),
    }
}

/// Puts the person's keys under another passphrase; the keys stay the same. A passphrase that somebody else may know
/// asks for a reset instead.
pub fn change_passphrase(
    house: &House,
    caller: &Person,
    present: &str,
    chosen: &str,
    now: Timestamp,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<(), Refusal> {
    passphrase::check(chosen, &caller.name, &house.name)?;
    let (person, key) = login(house, &caller.name, present, now)?;
    let sealed = seal(&key, chosen, house.settings.passphrase_cost, rng)?;
    let verifier = key.verifier().to_string();
    house.store.act(move |tx| {
        if tx.person_key(&person.name)?.is_none_or(|row| row.verifier != verifier) {
            return Err(login_refused());
        }
        tx.reseal_person_key(&person.name, &sealed)?;
        let name = person.name.as_str();
        audit::note(tx, now, name, "person.passphrase", name, json!({}), &[])
    })
}

/// Refuses unless this secret is out for the account and has not expired.
fn admits(row: Option<&PersonRow>, digest: &[u8; 32], now: Timestamp) -> Result<(), Refusal> {
    let invitation = row.and_then(|row| row.invitation);
    let is_it = |kept: &[u8; 32]| aws_lc_rs::constant_time::verify_slices_are_equal(kept, digest).is_ok();
    match invitation {
        Some(invitation) if !is_it(&invitation.digest) => Err(activation_refused()),
        // Whoever has the right secret may know that it came too late.
        Some(invitation) if invitation.until <= now => Err(Refusal::yours(
            "secret_expired",
            format!("the one-time secret ended at {}", invitation.until),
        )
        .hint("ask an operator for another one")),
        Some(_) => Ok(()),
        None => Err(activation_refused()),
    }
}

fn activation_refused() -> Refusal {
    Refusal::yours("activation_refused", "this one-time secret opens no account of this name")
        .hint("check the name; if the secret was used before, and not by you, tell an operator at once")
}

fn login_refused() -> Refusal {
    Refusal::yours("login_refused", "the name or the passphrase is wrong, or the name has to wait")
        .hint("after several wrong passphrases a name waits, at most 15 minutes; an operator can see whether it does")
}

/// Counts and notes a try. Gives the person if the keys that were opened are the ones in use and the name does not wait.
fn settle_login(
    tx: &mut Act<'_>,
    name: &PersonName,
    opened: Option<&str>,
    now: Timestamp,
) -> Result<Option<Person>, Refusal> {
    let Some(row) = tx.person(name)?.filter(|row| row.state == PersonState::Active) else {
        // Not even the name as it was typed: it may be a passphrase in the wrong field.
        audit::note(tx, now, "node", "person.login_refused", "no such login", json!({}), &[])?;
        return Ok(None);
    };
    let waits = waits(&row, now);
    let in_use = tx.person_key(name)?.map(|key| key.verifier);
    if !waits && opened.is_some() && opened == in_use.as_deref() {
        let detail = json!({ "failures_before": row.failures });
        tx.set_login_failures(name, 0, None)?;
        audit::note(tx, now, name.as_str(), "person.login", name.as_str(), detail, &[])?;
        return Ok(Some(Person { name: row.name, roles: row.roles }));
    }
    // A try while the name waits counts for nothing: else anybody could keep a person out for ever.
    if !waits {
        let failures = row.failures.saturating_add(1);
        tx.set_login_failures(name, failures, wait_until(failures, now)?)?;
    }
    let detail = json!({ "failures": row.failures.saturating_add(u32::from(!waits)), "waits": waits });
    audit::note(tx, now, "node", "person.login_refused", name.as_str(), detail, &[])?;
    Ok(None)
}

/// Whether no passphrase is taken for this account yet. An end further off than any wait comes from a clock that was
/// wrong, and counts for nothing.
fn waits(row: &PersonRow, now: Timestamp) -> bool {
    let longest = SignedDuration::from_secs(WAIT_MAX_S);
    row.locked_until.is_some_and(|until| now < until && until.duration_since(now) <= longest)
}

fn wait_until(failures: u32, now: Timestamp) -> Result<Option<Timestamp>, Refusal> {
    let Some(beyond) = failures.checked_sub(FREE_FAILURES + 1) else { return Ok(None) };
    let wait_s = FIRST_WAIT_S.saturating_mul(1 << beyond.min(20)).min(WAIT_MAX_S);
    now.checked_add(SignedDuration::from_secs(wait_s)).map(Some).map_err(Refusal::ours)
}
