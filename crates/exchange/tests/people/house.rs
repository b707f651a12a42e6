//! A node in a temporary folder, with a fixed clock, seeded randomness and persons in it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use exchange::audit::{self, TrailLine};
use exchange::house::{House, Settings};
use exchange::keys::{NodeKeys, NodeSeeds};
use exchange::pending::{self, Approved, PendingView};
use exchange::people::{self, Activation, Granted, Invitation, Invited, OneTimeSecret, Settled};
use exchange::person_key::{PassphraseCost, PersonKey};
use exchange::refusal::Refusal;
use exchange::sources;
use jiff::{SignedDuration, Timestamp};
use model::caller::Person;
use model::id::{Digest, PendingId, PersonName, SourceId};
use model::source::Source;
use model::vocab::Role;
use rand::SeedableRng;
use rand::rngs::StdRng;
use store::Store;
use tempfile::TempDir;
use zeroize::Zeroizing;

/// Everybody's passphrase.
pub(crate) const PASSPHRASE: &str = "otter lantern gravel";

/// The time so many minutes after the tests begin.
pub(crate) fn at(minutes: i64) -> Timestamp {
    at_second(60 * minutes)
}

fn at_second(seconds: i64) -> Timestamp {
    let start: Timestamp = "2026-12-10T14:00:00Z".parse().unwrap();
    start.checked_add(SignedDuration::from_secs(seconds)).unwrap()
}

pub(crate) fn name(text: &str) -> PersonName {
    text.parse().unwrap()
}

pub(crate) fn roles(list: &[Role]) -> BTreeSet<Role> {
    list.iter().copied().collect()
}

/// The code with which something was refused; `done` if it was not.
pub(crate) fn code<T>(outcome: Result<T, Refusal>) -> &'static str {
    match outcome {
        Ok(_) => "done",
        Err(refusal) => refusal.code,
    }
}

pub(crate) struct TestNode {
    pub(crate) house: House,
    pub(crate) rng: StdRng,
    folder: TempDir,
    keys: BTreeMap<String, PersonKey>,
}

impl TestNode {
    /// Without any account.
    pub(crate) fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let house = house(folder.path());
        Self { house, rng: StdRng::seed_from_u64(1), folder, keys: BTreeMap::new() }
    }

    /// With omar, the first operator, alone.
    pub(crate) fn with_operator() -> Self {
        let mut node = Self::empty();
        let invitation =
            people::init_first_operator(&node.house, &name("omar"), at(0), &mut node.rng).unwrap();
        node.activate("omar", &invitation.secret, 1).unwrap();
        node
    }

    /// With omar, the operator, and rita and ruben, who hold release authority: two persons are needed from now on.
    pub(crate) fn set_up() -> Self {
        let mut node = Self::with_operator();
        node.join("omar", "rita", &[Role::Release]);
        node.join("omar", "ruben", &[Role::Release]);
        assert!(!people::is_being_set_up(&node.house).unwrap());
        node
    }

    /// Invites a person and opens the account; the roles must be such that one operator may grant them.
    pub(crate) fn join(&mut self, operator: &str, person: &str, wanted: &[Role]) {
        let invited = self.invite(operator, person, wanted, 2);
        assert!(invited.granted.waiting.is_none());
        self.activate(person, &invited.invitation.secret, 3).unwrap();
    }

    /// As `join`, for roles that omar proposes and rita approves.
    pub(crate) fn join_with_two(&mut self, person: &str, wanted: &[Role]) {
        let invited = self.invite("omar", person, wanted, 60);
        self.activate(person, &invited.invitation.secret, 61).unwrap();
        let waiting = invited.granted.waiting.unwrap();
        self.approve("rita", waiting.id, waiting.digest, 62).unwrap();
    }

    pub(crate) fn invite(&mut self, operator: &str, person: &str, wanted: &[Role], minute: i64) -> Invited {
        self.try_invite(operator, person, wanted, minute).unwrap()
    }

    pub(crate) fn try_invite(
        &mut self,
        operator: &str,
        person: &str,
        wanted: &[Role],
        minute: i64,
    ) -> Result<Invited, Refusal> {
        let (caller, key) = (self.person(operator), self.key(operator));
        people::invite(&self.house, &caller, &key, &name(person), &roles(wanted), at(minute), &mut self.rng)
    }

    pub(crate) fn activate(
        &mut self,
        person: &str,
        secret: &OneTimeSecret,
        minute: i64,
    ) -> Result<(Person, PersonKey), Refusal> {
        let (name, secret) = (name(person), secret.text());
        let activation = Activation { name: &name, one_time_secret: &secret, passphrase: PASSPHRASE };
        let (caller, key) = people::activate(&self.house, &activation, at(minute), &mut self.rng)?;
        self.keys.insert(person.to_owned(), key.clone());
        Ok((caller, key))
    }

    pub(crate) fn login(
        &self,
        person: &str,
        passphrase: &str,
        minute: i64,
    ) -> Result<(Person, PersonKey), Refusal> {
        people::login(&self.house, &name(person), passphrase, at(minute))
    }

    pub(crate) fn login_at_second(
        &self,
        person: &str,
        passphrase: &str,
        second: i64,
    ) -> Result<(Person, PersonKey), Refusal> {
        people::login(&self.house, &name(person), passphrase, at_second(second))
    }

    pub(crate) fn grant(
        &mut self,
        operator: &str,
        person: &str,
        wanted: &[Role],
        minute: i64,
    ) -> Result<Granted, Refusal> {
        let (caller, key) = (self.person(operator), self.key(operator));
        people::grant(&self.house, &caller, &key, &name(person), &roles(wanted), at(minute), &mut self.rng)
    }

    pub(crate) fn revoke(
        &mut self,
        operator: &str,
        person: &str,
        taken: &[Role],
        minute: i64,
    ) -> Result<Settled<()>, Refusal> {
        let (caller, key) = (self.person(operator), self.key(operator));
        people::revoke(&self.house, &caller, &key, &name(person), &roles(taken), at(minute), &mut self.rng)
    }

    pub(crate) fn disable(
        &mut self,
        operator: &str,
        person: &str,
        minute: i64,
    ) -> Result<Settled<()>, Refusal> {
        let (caller, key) = (self.person(operator), self.key(operator));
        people::disable(&self.house, &caller, &key, &name(person), at(minute), &mut self.rng)
    }

    pub(crate) fn reset(
        &mut self,
        operator: &str,
        person: &str,
        minute: i64,
    ) -> Result<Settled<Invitation>, Refusal> {
        let (caller, key) = (self.person(operator), self.key(operator));
        people::reset(&self.house, &caller, &key, &name(person), at(minute), &mut self.rng)
    }

    pub(crate) fn approve(
        &mut self,
        person: &str,
        id: PendingId,
        digest: Digest,
        minute: i64,
    ) -> Result<Approved, Refusal> {
        let (caller, key) = (self.person(person), self.key(person));
        pending::approve(&self.house, &caller, &key, id, digest, at(minute), &mut self.rng)
    }

    pub(crate) fn list_pending(&self, person: &str, minute: i64) -> Vec<PendingView> {
        pending::list(&self.house, &self.person(person), at(minute)).unwrap()
    }

    pub(crate) fn open_source(&self, person: &str, id: SourceId) -> Result<Source, Refusal> {
        sources::open(&self.house, &self.person(person), &self.key(person), id, at(90))
    }

    /// The person as a door would know them right now.
    pub(crate) fn person(&self, person: &str) -> Person {
        people::look_up(&self.house, &name(person)).unwrap()
    }

    /// The keys that the person's newest session holds.
    pub(crate) fn key(&self, person: &str) -> PersonKey {
        self.keys[person].clone()
    }

    pub(crate) fn roles_of(&self, person: &str) -> BTreeSet<Role> {
        self.house.store.view(|view| view.person(&name(person))).unwrap().unwrap().roles
    }

    pub(crate) fn trail(&self) -> Vec<TrailLine> {
        let reader = Person { name: name("omar"), roles: roles(&[Role::Operator]) };
        audit::trail(&self.house, &reader, 0, 1_000).unwrap()
    }

    /// The texts of all lines of the trail, one after the other.
    pub(crate) fn whole_trail(&self) -> String {
        let lines = self.house.store.view(|view| view.audit_lines(0, 1_000)).unwrap();
        lines.into_iter().map(|record| record.text).collect()
    }

    /// Changes the database behind the store's back.
    pub(crate) fn sql(&self, sql: &str) {
        rusqlite::Connection::open(self.folder.path().join("node.db")).unwrap().execute_batch(sql).unwrap();
    }

    /// Stops the node and starts it again on the same folder.
    pub(crate) fn reopen(&mut self) {
        self.close();
        self.house = house(self.folder.path());
    }

    /// Stops the node. What is left is in the folder.
    pub(crate) fn close(&mut self) {
        self.house = house(tempfile::tempdir().unwrap().path());
    }

    /// Takes `sources.db` out of the folder of a stopped node and starts it.
    pub(crate) fn take_sources_away(&mut self) {
        self.close();
        for (file, _) in self.files() {
            if file.starts_with("sources.db") {
                std::fs::remove_file(self.folder.path().join(file)).unwrap();
            }
        }
        self.house = house(self.folder.path());
    }

    /// Every file of the folder with its bytes.
    pub(crate) fn files(&self) -> Vec<(String, Vec<u8>)> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap().map(Result::unwrap);
        entries.map(|e| (e.file_name().into_string().unwrap(), std::fs::read(e.path()).unwrap())).collect()
    }
}

fn house(folder: &Path) -> House {
    let mut settings = Settings::new(String::new(), String::new(), String::new(), String::new());
    settings.passphrase_cost = PassphraseCost { memory_kib: 8, passes: 1, lanes: 1 };
    let node = "service-a.example".parse().unwrap();
    let seed = || Zeroizing::new([1; 32]);
    let seeds =
        NodeSeeds { identity: seed(), cosigner: seed(), log: seed(), rendering: seed(), terms: seed() };
    let keys = NodeKeys::from_seeds(&node, &seeds).unwrap();
    House::new(Store::open(folder).unwrap(), keys, node, settings, Arc::new(|| ()))
}
