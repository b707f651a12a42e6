//! The persons of this node: accounts, roles, one-time secrets, logins.
//!
//! What would give one person the power of two takes two: granting release, operator or oversight authority, taking
//! oversight away, and resetting a login wait as pending acts for a second person ([`crate::pending`]). Only while a
//! node is being set up, until two active persons hold release authority, an operator does so alone, and each such act
//! is marked `bootstrap` in the audit trail. That time ends by itself and does not come back.

mod login;
mod one_time_secret;
mod passphrase;
mod standing;

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use model::caller::Person;
use model::id::PersonName;
use model::vocab::Role;
use rand_core::CryptoRng;
use serde_json::json;
use store::{Act, PersonState, View};
use tlog::key::VerifierKey;

use crate::audit;
use crate::caller::needs;
use crate::house::House;
use crate::pending::{self, PendingKind, Waiting};
use crate::person_key::PersonKey;
use crate::refusal::Refusal;

pub use login::{Activation, activate, change_passphrase, login};
pub use one_time_secret::OneTimeSecret;
pub(crate) use standing::{Authority, acting, disable_now, grant_now, reset_now, revoke_now};
pub use standing::{person, signed_now, verifiers};

/// The most accounts of a node.
const PEOPLE_MAX: usize = 1_000;

/// A one-time secret with its end.
#[derive(Debug)]
pub struct Invitation {
    /// To be handed to the person, by a way that nobody else can read.
    pub secret: OneTimeSecret,
    /// Until when it opens the account.
    pub until: Timestamp,
}

/// What became of an act that may take two persons.
#[derive(Debug)]
pub enum Settled<T> {
    /// It is done.
    Now(T),
    /// It waits for a second person; nothing has changed yet.
    Waits(Waiting),
}

/// Which of the roles asked for were granted, and which wait.
#[derive(Debug)]
pub struct Granted {
    /// Granted by the operator alone.
    pub at_once: BTreeSet<Role>,
    /// The pending act that grants the others.
    pub waiting: Option<Waiting>,
}

/// A new account.
#[derive(Debug)]
pub struct Invited {
    /// What opens it.
    pub invitation: Invitation,
    /// The roles it has and those it waits for.
    pub granted: Granted,
}

/// An account, as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonView {
    /// The login name.
    pub name: PersonName,
    /// The roles given; those of an account that is not active give no authority.
    pub roles: BTreeSet<Role>,
    /// How far the account is: `invited`, `active`, `disabled`.
    pub state: &'static str,
    /// Until when a one-time secret opens it, if one is out.
    pub invited_until: Option<Timestamp>,
    /// The fingerprint of the key in use, 64 hex digits.
    pub fingerprint: Option<String>,
    /// Wrong passphrases since the last right one.
    pub failures: u32,
    /// When the account was made.
    pub created_at: Timestamp,
}

/// Makes the first account of a node, an operator, and gives the one-time secret that opens it. There is no default
/// passphrase. Called where the node is installed; refused once there is any account.
pub fn init_first_operator(
    house: &House,
    name: &PersonName,
    now: Timestamp,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Invitation, Refusal> {
    let invitation = Invitation::draw(house, now, rng)?;
    let (name, row) = (name.clone(), invitation.secret.invitation(name, invitation.until));
    house.store.act(move |tx| {
        if !tx.people()?.is_empty() {
            return Err(Refusal::yours("already_set_up", "this node has accounts already")
                .hint("ask one of its operators for an account"));
        }
        standing::open_bootstrap(tx)?;
        standing::add_account(tx, &name, &row, now)?;
        grant_now(tx, &name, &BTreeSet::from([Role::Operator]), &Authority::Root, now)
    })?;
    Ok(invitation)
}

/// Gives an operator back to a node that has locked itself out: makes or resets the account, grants it operator
/// authority, and opens the time of setting up again if fewer than two others hold release authority.
///
/// For whoever holds root and the data folder, with the node stopped; no door may call it. Marked `override`.
pub fn recover_operator(
    house: &House,
    name: &PersonName,
    now: Timestamp,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Invitation, Refusal> {
    let invitation = Invitation::draw(house, now, rng)?;
    let (name, row) = (name.clone(), invitation.secret.invitation(name, invitation.until));
    house.store.act(move |tx| {
        audit::note(tx, now, "node", "person.recover", name.as_str(), json!({}), &[audit::Mark::Override])?;
        match tx.person(&name)? {
            None => standing::add_account(tx, &name, &row, now)?,
            Some(_) => reset_now(tx, &name, &row, &Authority::Root, now)?,
        }
        grant_now(tx, &name, &BTreeSet::from([Role::Operator]), &Authority::Root, now)?;
        if standing::active_with_release(tx)? < 2 {
            standing::open_bootstrap(tx)?;
        }
        Ok::<_, Refusal>(())
    })?;
    Ok(invitation)
}

/// Makes an account and gives its one-time secret. Desk and liaison roles are granted at once, the others as [`grant`]
/// does.
pub fn invite(
    house: &House,
    caller: &Person,
    key: &PersonKey,
    name: &PersonName,
    roles: &BTreeSet<Role>,
    now: Timestamp,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Invited, Refusal> {
    needs(caller, &[Role::Operator], "invite a person")?;
    let invitation = Invitation::draw(house, now, rng)?;
    let asked = Asked::prepare(house, key, name, roles, now, rng)?;
    let (caller, name) = (caller.name.clone(), name.clone());
    let row = invitation.secret.invitation(&name, invitation.until);
    let granted = house.store.act(move |tx| {
        acting(tx, &caller, &[Role::Operator])?;
        if tx.people()?.len() >= PEOPLE_MAX {
            return Err(Refusal::yours("too_many_people", format!("this node has {PEOPLE_MAX} accounts")));
        }
        standing::add_account(tx, &name, &row, now)?;
        audit::note(tx, now, caller.as_str(), "person.invite", name.as_str(), json!({}), &[])?;
        asked.grant(tx, &caller, now)
    })?;
    Ok(Invited { invitation, granted })
}

/// Grants roles. Desk and liaison at once, by one operator; release, operator and oversight authority wait for a second
/// person, except while the node is being set up.
pub fn grant(
    house: &House,
    caller: &Person,
    key: &PersonKey,
    name: &PersonName,
    roles: &BTreeSet<Role>,
    now: Timestamp,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Granted, Refusal> {
    needs(caller, &[Role::Operator], "grant roles")?;
    let asked = Asked::prepare(house, key, name, roles, now, rng)?;
    let caller = caller.name.clone();
    house.store.act(move |tx| {
        acting(tx, &caller, &[Role::Operator])?;
        asked.grant(tx, &caller, now)
    })
}

/// Takes roles away, at once and by one operator; taking oversight away waits for a second person.
pub fn revoke(
    house: &House,
    caller: &Person,
    key: &PersonKey,
    name: &PersonName,
    roles: &BTreeSet<Role>,
    now: Timestamp,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Settled<()>, Refusal> {
    needs(caller, &[Role::Operator], "take roles away")?;
    let kind = PendingKind::RevokeRoles { person: name.clone(), roles: roles.clone() };
    let proposal = pending::prepare(house, key, &kind, now, rng)?;
    let (caller, name, roles) = (caller.name.clone(), name.clone(), roles.clone());
    house.store.act(move |tx| {
        acting(tx, &caller, &[Role::Operator])?;
        standing::account(tx, &name)?;
        let authority = standing::alone(tx, &caller)?;
        if roles.contains(&Role::Oversight) && matches!(authority, Authority::One(_)) {
            return pending::propose(tx, &proposal).map(Settled::Waits);
        }
        revoke_now(tx, &name, &roles, &authority, now).map(Settled::Now)
    })
}

/// Shuts a person out, at once and by one operator: the key goes out of use, and what it signed stays checkable.
/// Shutting out a person who holds oversight waits for a second person. [`reset`] opens the account again.
///
/// The door that calls this then closes the person's sessions.
pub fn disable(
    house: &House,
    caller: &Person,
    key: &PersonKey,
    name: &PersonName,
    now: Timestamp,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Settled<()>, Refusal> {
    needs(caller, &[Role::Operator], "shut a person out")?;
    let proposal =
        pending::prepare(house, key, &PendingKind::DisablePerson { person: name.clone() }, now, rng)?;
    let (caller, name) = (caller.name.clone(), name.clone());
    house.store.act(move |tx| {
        acting(tx, &caller, &[Role::Operator])?;
        let account = standing::account(tx, &name)?;
        let authority = standing::alone(tx, &caller)?;
        if account.roles.contains(&Role::Oversight) && matches!(authority, Authority::One(_)) {
            return pending::propose(tx, &proposal).map(Settled::Waits);
        }
        disable_now(tx, &name, &authority, now).map(Settled::Now)
    })
}

/// Asks for a new one-time secret for an account whose passphrase is lost or in wrong hands, and for a new key with it.
/// It waits for a second person, who gets the secret; an account that never had a key gets one at once.
pub fn reset(
    house: &House,
    caller: &Person,
    key: &PersonKey,
    name: &PersonName,
    now: Timestamp,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Settled<Invitation>, Refusal> {
    needs(caller, &[Role::Operator], "reset a login")?;
    let invitation = Invitation::draw(house, now, rng)?;
    let proposal =
        pending::prepare(house, key, &PendingKind::ResetPerson { person: name.clone() }, now, rng)?;
    let (caller, name) = (caller.name.clone(), name.clone());
    house.store.act(move |tx| {
        acting(tx, &caller, &[Role::Operator])?;
        let account = standing::account(tx, &name)?;
        let authority = standing::alone(tx, &caller)?;
        // Nobody has acted under a name that never had a key: a secret for it is only an invitation again.
        let is_new = account.state == PersonState::Invited && tx.person_keys(&name)?.is_empty();
        if !is_new && matches!(authority, Authority::One(_)) {
            return pending::propose(tx, &proposal).map(Settled::Waits);
        }
        reset_now(tx, &name, &invitation.secret.invitation(&name, invitation.until), &authority, now)?;
        Ok(Settled::Now(invitation))
    })
}

/// Whether this is the key that its person signs with now. A session opened before a reset holds another one, and is to
/// be treated as closed.
pub fn is_in_use(house: &House, key: &PersonKey) -> Result<bool, Refusal> {
    let row = house.store.view(|view| Ok::<_, Refusal>(view.person_key(key.person())?))?;
    Ok(row.is_some_and(|row| row.verifier == key.verifier().to_string()))
}

/// The person of this name with the roles held right now; refused unless the account is active. What a door asks for
/// before each act, so that a role taken away is gone at once.
pub fn look_up(house: &House, name: &PersonName) -> Result<Person, Refusal> {
    house.store.view(|view| person(view, name))
}

/// Whether the node is still being set up, so that an operator alone may do what takes two.
pub fn is_being_set_up(house: &House) -> Result<bool, Refusal> {
    house.store.view(standing::in_bootstrap)
}

/// Every account of the node, by name. For every person of the node: who can approve is no secret among them.
pub fn list(house: &House, _caller: &Person) -> Result<Vec<PersonView>, Refusal> {
    house.store.view(|view| view.people()?.into_iter().map(|row| shown(view, row)).collect())
}

fn shown(view: &View<'_>, row: store::PersonRow) -> Result<PersonView, Refusal> {
    let key = view.person_key(&row.name)?.map(|key| VerifierKey::parse(&key.verifier)).transpose();
    Ok(PersonView {
        fingerprint: key.map_err(Refusal::ours)?.map(|key| key.fingerprint().to_string()),
        name: row.name,
        roles: row.roles,
        state: match row.state {
            PersonState::Invited => "invited",
            PersonState::Active => "active",
            PersonState::Disabled => "disabled",
        },
        invited_until: row.invitation.map(|invitation| invitation.until),
        failures: row.failures,
        created_at: row.created_at,
    })
}

impl Invitation {
    pub(crate) fn draw(
        house: &House,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Self, Refusal> {
        let until = after_minutes(now, house.settings.invitation_minutes)?;
        Ok(Self { secret: OneTimeSecret::draw(rng), until })
    }

    /// What is kept of it.
    pub(crate) fn row(&self, name: &PersonName) -> store::InvitationRow {
        self.secret.invitation(name, self.until)
    }
}

/// Roles asked for one person, with the proposal ready for those that take two.
struct Asked {
    name: PersonName,
    roles: BTreeSet<Role>,
    proposal: store::PendingRow,
}

impl Asked {
    fn prepare(
        house: &House,
        key: &PersonKey,
        name: &PersonName,
        roles: &BTreeSet<Role>,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Self, Refusal> {
        let grave = roles.iter().copied().filter(|role| takes_two(*role)).collect();
        let kind = PendingKind::GrantRoles { person: name.clone(), roles: grave };
        let proposal = pending::prepare(house, key, &kind, now, rng)?;
        Ok(Self { name: name.clone(), roles: roles.clone(), proposal })
    }

    fn grant(self, tx: &mut Act<'_>, caller: &PersonName, now: Timestamp) -> Result<Granted, Refusal> {
        let held = standing::account(tx, &self.name)?.roles;
        let wanted: BTreeSet<Role> = self.roles.difference(&held).copied().collect();
        standing::fits(&held.union(&self.roles).copied().collect())?;
        let authority = standing::alone(tx, caller)?;
        let is_alone = matches!(authority, Authority::One(_));
        let (grave, at_once): (BTreeSet<Role>, _) =
            wanted.into_iter().partition(|role| is_alone && takes_two(*role));
        if !at_once.is_empty() {
            grant_now(tx, &self.name, &at_once, &authority, now)?;
        }
        let waiting = if grave.is_empty() { None } else { Some(pending::propose(tx, &self.proposal)?) };
        Ok(Granted { at_once, waiting })
    }
}

/// Whether granting this role takes two persons.
fn takes_two(role: Role) -> bool {
    match role {
        Role::Release | Role::Operator | Role::Oversight => true,
        Role::Desk | Role::Liaison => false,
    }
}

pub(crate) fn after_minutes(now: Timestamp, minutes: u32) -> Result<Timestamp, Refusal> {
    now.checked_add(SignedDuration::from_mins(minutes.into())).map_err(Refusal::ours)
}
