//! What accounts hold right now, and the changes to them: each is one step inside a transaction, done on somebody's
//! authority and written into the audit trail.

use std::collections::BTreeSet;

use jiff::Timestamp;
use model::caller::Person;
use model::id::{PendingId, PersonName};
use model::vocab::Role;
use serde_json::{Map, Value, json};
use store::{Act, InvitationRow, PersonRow, PersonState, View};
use tlog::key::VerifierKey;

use crate::audit::{self, Mark};
use crate::caller::needs;
use crate::person_key::{Decision, verify_decision};
use crate::refusal::Refusal;

/// Under which key of `meta` it stands whether the node is being set up. Anything but `open`, or nothing, is no.
const BOOTSTRAP: &str = "people.bootstrap";
/// How many active persons with release authority end the time of setting up.
const RELEASERS_WANTED: usize = 2;
/// A login name under which the node's own acts stand in the audit trail; nobody may have it.
const NODE: &str = "node";

/// On whose authority something is done to an account.
pub(crate) enum Authority {
    /// One operator, who may do it alone.
    One(PersonName),
    /// One operator, who may do it alone only because the node is being set up.
    Bootstrap(PersonName),
    /// Two persons.
    Two {
        /// Who proposed it.
        proposer: PersonName,
        /// Who approved it.
        approver: PersonName,
        /// The pending act.
        id: PendingId,
    },
    /// Whoever installs the node.
    Root,
}

impl Authority {
    fn note(
        &self,
        tx: &mut Act<'_>,
        now: Timestamp,
        act: &str,
        about: &PersonName,
        mut detail: Map<String, Value>,
    ) -> Result<(), Refusal> {
        let (who, marks): (&str, &[Mark]) = match self {
            Self::One(operator) => (operator.as_str(), &[]),
            Self::Bootstrap(operator) => (operator.as_str(), &[Mark::Bootstrap]),
            Self::Two { proposer, approver, id } => {
                detail.insert("proposed_by".to_owned(), json!(proposer.as_str()));
                detail.insert("pending".to_owned(), json!(id.to_string()));
                (approver.as_str(), &[])
            }
            Self::Root => (NODE, &[Mark::Bootstrap]),
        };
        audit::note(tx, now, who, act, about.as_str(), Value::Object(detail), marks)
    }
}

/// The person of this name with the roles held right now; refused unless the account is active.
pub fn person(view: &View<'_>, name: &PersonName) -> Result<Person, Refusal> {
    let row = view.person(name)?.filter(|row| row.state == PersonState::Active);
    let row = row.ok_or_else(|| {
        Refusal::yours("not_active", format!("{name} has no active account in this node"))
            .hint("ask an operator for an account, or for a reset of the login")
    })?;
    Ok(Person { name: row.name, roles: row.roles })
}

/// Refuses unless the person holds one of the roles right now, whatever was known when the call came in.
pub(crate) fn acting(view: &View<'_>, name: &PersonName, any_of: &[Role]) -> Result<Person, Refusal> {
    let person = person(view, name)?;
    needs(&person, any_of, "do this any more")?;
    Ok(person)
}

/// Every public key the person has or had, oldest first: for checking what was signed in the past.
pub fn verifiers(view: &View<'_>, name: &PersonName) -> Result<Vec<VerifierKey>, Refusal> {
    let keys = view.person_keys(name)?;
    keys.iter().map(|key| VerifierKey::parse(&key.verifier).map_err(Refusal::ours)).collect()
}

/// Checks a signed decision against the key that the person uses right now. A key that a reset retired decides nothing
/// any more, even if it is still in the memory of a session.
pub fn signed_now(view: &View<'_>, note: &str, name: &PersonName) -> Result<Decision, Refusal> {
    let key = view.person_key(name)?.ok_or_else(|| {
        Refusal::yours("key_not_in_use", format!("{name} has no key in use")).hint("log in again")
    })?;
    verify_decision(note, &VerifierKey::parse(&key.verifier).map_err(Refusal::ours)?)
}

/// The account of this name.
pub(super) fn account(view: &View<'_>, name: &PersonName) -> Result<PersonRow, Refusal> {
    view.person(name)?.ok_or_else(|| {
        Refusal::yours("no_such_person", format!("{name} has no account in this node"))
            .hint("check the spelling, or invite the person")
    })
}

/// The authority of one operator as things stand.
pub(super) fn alone(view: &View<'_>, operator: &PersonName) -> Result<Authority, Refusal> {
    let operator = operator.clone();
    Ok(if in_bootstrap(view)? { Authority::Bootstrap(operator) } else { Authority::One(operator) })
}

/// Whether the node is being set up, so that an operator alone may do what takes two.
pub(super) fn in_bootstrap(view: &View<'_>) -> Result<bool, Refusal> {
    Ok(view.meta(BOOTSTRAP)?.as_deref() == Some("open"))
}

pub(super) fn open_bootstrap(tx: &mut Act<'_>) -> Result<(), Refusal> {
    Ok(tx.set_meta(BOOTSTRAP, "open")?)
}

/// How many active persons hold release authority.
pub(super) fn active_with_release(view: &View<'_>) -> Result<usize, Refusal> {
    Ok(view.people()?.iter().filter(|row| is_active(row, Role::Release)).count())
}

/// Ends the time of setting up once two active persons hold release authority. It does not come back when one of them
/// goes: else whoever can shut people out could also bring it back.
pub(super) fn end_bootstrap_if_due(tx: &mut Act<'_>, now: Timestamp) -> Result<(), Refusal> {
    if !in_bootstrap(tx)? || active_with_release(tx)? < RELEASERS_WANTED {
        return Ok(());
    }
    tx.set_meta(BOOTSTRAP, "ended")?;
    audit::note(tx, now, NODE, "bootstrap.end", NODE, json!({}), &[])
}

/// Refuses a set of roles that no person may hold together: oversight reads everything and changes nothing (I-40).
pub(super) fn fits(roles: &BTreeSet<Role>) -> Result<(), Refusal> {
    if roles.contains(&Role::Oversight) && roles.len() > 1 {
        return Err(Refusal::yours("oversight_stands_alone", "oversight goes with no other role")
            .hint("give the person who oversees an account for that alone"));
    }
    Ok(())
}

pub(super) fn add_account(
    tx: &mut Act<'_>,
    name: &PersonName,
    invitation: &InvitationRow,
    now: Timestamp,
) -> Result<(), Refusal> {
    if name.as_str() == NODE {
        return Err(Refusal::yours("name_is_reserved", format!("{NODE} stands for the node itself")));
    }
    if tx.person(name)?.is_some() {
        return Err(Refusal::yours("person_exists", format!("{name} has an account already"))
            .hint("grant roles to it, or reset its login; a name is never given to another person"));
    }
    tx.add_person(name, now)?;
    Ok(tx.invite_person(name, invitation, now)?)
}

/// Grants roles.
pub(crate) fn grant_now(
    tx: &mut Act<'_>,
    name: &PersonName,
    roles: &BTreeSet<Role>,
    authority: &Authority,
    now: Timestamp,
) -> Result<(), Refusal> {
    let row = account(tx, name)?;
    if row.state == PersonState::Disabled {
        return Err(Refusal::yours("person_disabled", format!("{name} is shut out"))
            .hint("reset the login first; that takes two persons"));
    }
    let all = row.roles.union(roles).copied().collect();
    fits(&all)?;
    tx.set_roles(name, &all)?;
    authority.note(tx, now, "person.grant", name, words(roles))?;
    end_bootstrap_if_due(tx, now)
}

/// Takes roles away.
pub(crate) fn revoke_now(
    tx: &mut Act<'_>,
    name: &PersonName,
    roles: &BTreeSet<Role>,
    authority: &Authority,
    now: Timestamp,
) -> Result<(), Refusal> {
    let row = account(tx, name)?;
    let left = row.roles.difference(roles).copied().collect();
    tx.set_roles(name, &left)?;
    still_has_an_operator(tx)?;
    authority.note(tx, now, "person.revoke", name, words(roles))
}

/// Shuts a person out.
pub(crate) fn disable_now(
    tx: &mut Act<'_>,
    name: &PersonName,
    authority: &Authority,
    now: Timestamp,
) -> Result<(), Refusal> {
    account(tx, name)?;
    tx.disable_person(name, now)?;
    still_has_an_operator(tx)?;
    authority.note(tx, now, "person.disable", name, Map::new())
}

/// Takes the person's key out of use and puts out a one-time secret; the roles stay and rest until it is used.
pub(crate) fn reset_now(
    tx: &mut Act<'_>,
    name: &PersonName,
    invitation: &InvitationRow,
    authority: &Authority,
    now: Timestamp,
) -> Result<(), Refusal> {
    account(tx, name)?;
    tx.invite_person(name, invitation, now)?;
    authority.note(tx, now, "person.reset", name, Map::new())
}

fn still_has_an_operator(view: &View<'_>) -> Result<(), Refusal> {
    if view.people()?.iter().any(|row| is_active(row, Role::Operator)) {
        return Ok(());
    }
    Err(Refusal::yours("last_operator", "no active operator would be left")
        .hint("make another operator first"))
}

fn is_active(row: &PersonRow, role: Role) -> bool {
    row.state == PersonState::Active && row.roles.contains(&role)
}

fn words(roles: &BTreeSet<Role>) -> Map<String, Value> {
    let words: Vec<&str> = roles.iter().map(|role| role.word()).collect();
    Map::from_iter([("roles".to_owned(), json!(words))])
}
