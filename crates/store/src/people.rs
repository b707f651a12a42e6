//! The persons of this node, their roles, and the keys they have and had. What is kept of a key is sealed under the
//! person's passphrase; what is kept of a one-time secret is a digest.

use std::collections::BTreeSet;

use jiff::Timestamp;
use model::id::PersonName;
use model::vocab::Role;
use rusqlite::{OptionalExtension, Row, params};

use crate::columns::{all, bytes, ms, parsed, time, time_or_none};
use crate::error::{StoreError, bad_row};
use crate::writer::{Act, View};

/// How far an account is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PersonState {
    /// A one-time secret is out, or has expired; there is no key in use.
    Invited,
    /// The person has a key and can log in.
    Active,
    /// Shut out; the roles are kept for the record and mean nothing.
    Disabled,
}

/// A person's account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonRow {
    /// The login name.
    pub name: PersonName,
    /// The roles given.
    pub roles: BTreeSet<Role>,
    /// How far the account is.
    pub state: PersonState,
    /// The one-time secret that is out, if one is.
    pub invitation: Option<InvitationRow>,
    /// Wrong passphrases since the last right one.
    pub failures: u32,
    /// Until when no passphrase is tried.
    pub locked_until: Option<Timestamp>,
    /// When the account was made.
    pub created_at: Timestamp,
}

/// What is kept of a one-time secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvitationRow {
    /// The digest of the secret; the secret itself is kept nowhere.
    pub digest: [u8; 32],
    /// Until when it opens the account.
    pub until: Timestamp,
}

/// A key that a person has or had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonKeyRow {
    /// The public key of the person's signatures, `<person>@<node>+…`.
    pub verifier: String,
    /// The public key to which sources are sealed, `age1…`.
    pub recipient: String,
    /// Both private keys, sealed under the passphrase; gone once retired.
    pub sealed: Option<Vec<u8>>,
    /// When it was made.
    pub made_at: Timestamp,
    /// When it was retired; `None` while it is in use. A person has at most one key in use.
    pub retired_at: Option<Timestamp>,
}

const PERSON: &str = "name, roles, state, invitation, invited_until, failures, locked_until, created_at";
const KEY: &str = "verifier, recipient, sealed, made_at, retired_at";

impl View<'_> {
    /// The account of this name, if there is one.
    pub fn person(&self, name: &PersonName) -> Result<Option<PersonRow>, StoreError> {
        let mut select =
            self.c.node.prepare_cached(&format!("SELECT {PERSON} FROM people WHERE name = ?1"))?;
        select.query_row([name.as_str()], |row| Ok(person(row))).optional()?.transpose()
    }

    /// Every account, by name.
    pub fn people(&self) -> Result<Vec<PersonRow>, StoreError> {
        let mut select = self.c.node.prepare_cached(&format!("SELECT {PERSON} FROM people ORDER BY name"))?;
        all(select.query_map([], |row| Ok(person(row)))?)
    }

    /// The key that the person uses, if there is one.
    pub fn person_key(&self, name: &PersonName) -> Result<Option<PersonKeyRow>, StoreError> {
        let sql = format!("SELECT {KEY} FROM person_keys WHERE person = ?1 AND retired_at IS NULL");
        let mut select = self.c.node.prepare_cached(&sql)?;
        select.query_row([name.as_str()], |row| Ok(key(row))).optional()?.transpose()
    }

    /// Every key that the person has or had, oldest first.
    pub fn person_keys(&self, name: &PersonName) -> Result<Vec<PersonKeyRow>, StoreError> {
        let sql = format!("SELECT {KEY} FROM person_keys WHERE person = ?1 ORDER BY made_at, verifier");
        let mut select = self.c.node.prepare_cached(&sql)?;
        all(select.query_map([name.as_str()], |row| Ok(key(row)))?)
    }
}

impl Act<'_> {
    /// Makes an account without roles or a key. There must be none of that name.
    pub fn add_person(&mut self, name: &PersonName, now: Timestamp) -> Result<(), StoreError> {
        let sql =
            "INSERT INTO people (name, roles, state, failures, created_at) VALUES (?1, '', 'invited', 0, ?2)";
        self.c.node.prepare_cached(sql)?.execute(params![name.as_str(), ms(now)])?;
        Ok(())
    }

    /// Puts these roles in the place of those given before.
    pub fn set_roles(&mut self, name: &PersonName, roles: &BTreeSet<Role>) -> Result<(), StoreError> {
        let words: Vec<&str> = roles.iter().map(|role| role.word()).collect();
        let sql = "UPDATE people SET roles = ?2 WHERE name = ?1";
        self.c.node.prepare_cached(sql)?.execute(params![name.as_str(), words.join(",")])?;
        Ok(())
    }

    /// Puts out a one-time secret; an earlier one stops working. The key in use is retired and the account waits to be
    /// opened again.
    pub fn invite_person(
        &mut self,
        name: &PersonName,
        invitation: &InvitationRow,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.retire_person_key(name, now)?;
        let sql = "UPDATE people SET state = 'invited', invitation = ?2, invited_until = ?3, failures = 0, \
                   locked_until = NULL WHERE name = ?1";
        let until = ms(invitation.until);
        self.c.node.prepare_cached(sql)?.execute(params![name.as_str(), invitation.digest, until])?;
        Ok(())
    }

    /// Opens the account with this key; the one-time secret is used up. There must be no other key in use.
    pub fn activate_person(&mut self, name: &PersonName, key: &PersonKeyRow) -> Result<(), StoreError> {
        let sql = "UPDATE people SET state = 'active', invitation = NULL, invited_until = NULL, failures = 0, \
                   locked_until = NULL WHERE name = ?1";
        self.c.node.prepare_cached(sql)?.execute([name.as_str()])?;
        let sql = "INSERT INTO person_keys (verifier, person, recipient, sealed, made_at) VALUES (?1, ?2, ?3, ?4, ?5)";
        let mut insert = self.c.node.prepare_cached(sql)?;
        insert.execute(params![key.verifier, name.as_str(), key.recipient, key.sealed, ms(key.made_at)])?;
        Ok(())
    }

    /// Puts the same key under another passphrase.
    pub fn reseal_person_key(&mut self, name: &PersonName, sealed: &[u8]) -> Result<(), StoreError> {
        let sql = "UPDATE person_keys SET sealed = ?2 WHERE person = ?1 AND retired_at IS NULL";
        self.c.node.prepare_cached(sql)?.execute(params![name.as_str(), sealed])?;
        Ok(())
    }

    /// Shuts a person out: no login, no one-time secret, no key in use.
    pub fn disable_person(&mut self, name: &PersonName, now: Timestamp) -> Result<(), StoreError> {
        self.retire_person_key(name, now)?;
        let sql =
            "UPDATE people SET state = 'disabled', invitation = NULL, invited_until = NULL WHERE name = ?1";
        self.c.node.prepare_cached(sql)?.execute([name.as_str()])?;
        Ok(())
    }

    /// Notes how often a wrong passphrase was given, and until when none is tried.
    pub fn set_login_failures(
        &mut self,
        name: &PersonName,
        failures: u32,
        locked_until: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE people SET failures = ?2, locked_until = ?3 WHERE name = ?1";
        self.c.node.prepare_cached(sql)?.execute(params![name.as_str(), failures, locked_until.map(ms)])?;
        Ok(())
    }

    /// Takes the person's key out of use and forgets its private half.
    fn retire_person_key(&mut self, name: &PersonName, now: Timestamp) -> Result<(), StoreError> {
        let sql =
            "UPDATE person_keys SET sealed = NULL, retired_at = ?2 WHERE person = ?1 AND retired_at IS NULL";
        self.c.node.prepare_cached(sql)?.execute(params![name.as_str(), ms(now)])?;
        Ok(())
    }
}

fn person(row: &Row<'_>) -> Result<PersonRow, StoreError> {
    let roles: String = row.get(1)?;
    let state: String = row.get(2)?;
    let digest: Option<Vec<u8>> = row.get(3)?;
    let until = time_or_none(row.get(4)?)?;
    Ok(PersonRow {
        name: parsed(&row.get::<_, String>(0)?)?,
        roles: roles.split(',').filter(|word| !word.is_empty()).map(parsed).collect::<Result<_, _>>()?,
        state: match state.as_str() {
            "invited" => PersonState::Invited,
            "active" => PersonState::Active,
            "disabled" => PersonState::Disabled,
            other => return Err(bad_row(format!("person state {other:?}"))),
        },
        invitation: match (digest, until) {
            (Some(digest), Some(until)) => Some(InvitationRow { digest: bytes(&digest)?, until }),
            (None, None) => None,
            _ => return Err(bad_row("a one-time secret without its end, or an end without a secret")),
        },
        failures: row.get(5)?,
        locked_until: time_or_none(row.get(6)?)?,
        created_at: time(row.get(7)?)?,
    })
}

fn key(row: &Row<'_>) -> Result<PersonKeyRow, StoreError> {
    Ok(PersonKeyRow {
        verifier: row.get(0)?,
        recipient: row.get(1)?,
        sealed: row.get(2)?,
        made_at: time(row.get(3)?)?,
        retired_at: time_or_none(row.get(4)?)?,
    })
}
