//! One node in a temporary folder, with its persons.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use exchange::audit::{self, TrailLine};
use exchange::house::{House, Settings};
use exchange::keys::{NodeKeys, NodeSeeds, draw_encryption_key, encryption_recipient};
use exchange::people::{self, Activation, Invitation};
use exchange::person_key::{PassphraseCost, PersonKey};
use exchange::refusal::Refusal;
use jiff::{SignedDuration, Timestamp};
use model::caller::{Partner, Person};
use model::id::{Digest, PartyName, PersonName};
use model::vocab::Role;
use rand::rngs::StdRng;
use store::{Faults, Places, Step, Store};
use tempfile::TempDir;
use zeroize::Zeroizing;

use crate::clock::Clock;
use crate::draws::Draws;

/// Everybody's passphrase.
pub const PASSPHRASE: &str = "otter lantern gravel";

/// The persons of every house, in the order in which they join. The two with release authority end the time of setting
/// up, so they come last.
const PERSONS: &[(&str, &[Role])] = &[
    ("desk1", &[Role::Desk]),
    ("desk2", &[Role::Desk]),
    ("liaison1", &[Role::Liaison]),
    ("oversight1", &[Role::Oversight]),
    ("release1", &[Role::Release]),
    ("release2", &[Role::Release]),
];

/// A person's name.
pub fn name(text: &str) -> PersonName {
    text.parse().unwrap()
}

/// A party's name.
pub fn party(text: &str) -> PartyName {
    text.parse().unwrap()
}

/// The code with which something was refused; `done` if it was not.
pub fn code<T>(outcome: Result<T, Refusal>) -> &'static str {
    match outcome {
        Ok(_) => "done",
        Err(refusal) => refusal.code,
    }
}

/// The file of the high-water mark, which stands in no backup.
const MARK: &str = "high-water.db";

/// What a copy of a house's data holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataCopy {
    /// What a backup holds.
    WithoutMark,
    /// What an image of the whole disk holds.
    WithMark,
}

impl DataCopy {
    fn files(self) -> &'static [&'static str] {
        match self {
            Self::WithoutMark => &["node.db", "keys.db", "sources.db"],
            Self::WithMark => &["node.db", "keys.db", "sources.db", MARK],
        }
    }
}

/// Copies the databases that are there; the node is stopped, so nothing of them stands in a log beside.
fn copy_files(files: &[&str], from: &Path, to: &Path) {
    for file in files.iter().filter(|file| from.join(file).exists()) {
        for beside in ["-wal", "-shm"] {
            let _ = std::fs::remove_file(to.join(format!("{file}{beside}")));
        }
        std::fs::copy(from.join(file), to.join(file)).unwrap();
    }
}

/// Where partners reach a node, and by which key they know it.
#[derive(Debug, Clone)]
pub struct Door {
    /// `host:port`.
    pub address: String,
    /// SHA-256 of the public key of its TLS certificate.
    pub pin: [u8; 32],
}

impl Door {
    /// A door that nobody knocks at: tests carry parcels without a socket.
    fn of(name: &PartyName) -> Self {
        Self { address: format!("{name}:7443"), pin: pin_of(name) }
    }
}

/// A furnished house in memory: its databases, and the keys of its persons.
pub(crate) struct KeptHouse {
    name: String,
    files: BTreeMap<&'static str, Vec<u8>>,
    keys: BTreeMap<String, PersonKey>,
}

/// One node. Everything takes `&self`: a test holds several houses at once.
pub struct TestHouse {
    name: PartyName,
    door: Door,
    folder: TempDir,
    house: RefCell<Option<House>>,
    clock: Clock,
    skew_s: Cell<i64>,
    draws: Draws,
    keys: RefCell<BTreeMap<String, PersonKey>>,
    node_keys: RefCell<KeysMade>,
    strikes: Arc<Strikes>,
    lives: Cell<u64>,
}

/// Which commit of a house is to fail at which step, and how many there were.
#[derive(Default)]
struct Strikes {
    commits: AtomicUsize,
    planned: Mutex<Option<(usize, Step)>>,
    struck: AtomicBool,
}

impl Strikes {
    /// Whether this step of the present commit is to fail. The first step of each commit counts it.
    fn at(&self, step: Step) -> bool {
        if step == Step::BeforeCommit {
            self.commits.fetch_add(1, Ordering::SeqCst);
        }
        let strikes = *self.planned.lock().unwrap() == Some((self.commits.load(Ordering::SeqCst), step));
        self.struck.fetch_or(strikes, Ordering::SeqCst);
        strikes
    }
}

impl TestHouse {
    /// A node with the persons operator1, desk1, desk2, liaison1, oversight1, release1 and release2, who knows nobody yet.
    pub fn furnished(name: &str, seed: u64, clock: &Clock) -> Self {
        Self::furnished_behind(Door::of(&party(name)), name, seed, clock)
    }

    /// The same behind a door that can be knocked at.
    pub(crate) fn furnished_behind(door: Door, name: &str, seed: u64, clock: &Clock) -> Self {
        let house = Self::empty_behind(door, name, seed, clock);
        let operator = crate::name("operator1");
        let first =
            people::init_first_operator(&house.house(), &operator, house.now(), &mut house.rng()).unwrap();
        house.activate("operator1", &first);
        for (person, roles) in PERSONS {
            house.join(person, roles);
        }
        assert!(!people::is_being_set_up(&house.house()).unwrap(), "two persons are needed from now on");
        house
    }

    /// What it is now, to be furnished again from: [`TestHouse::as_kept`].
    pub(crate) fn keep(&self) -> KeptHouse {
        let mut files = BTreeMap::new();
        self.stopped(|folder| {
            for file in DataCopy::WithMark.files() {
                files.insert(*file, std::fs::read(folder.join(file)).unwrap());
            }
        });
        KeptHouse { name: self.name.to_string(), files, keys: self.keys.borrow().clone() }
    }

    /// A node as it was when it was kept, which draws from generators of its own from here on.
    pub(crate) fn as_kept(kept: &KeptHouse, seed: u64, clock: &Clock) -> Self {
        let door = Door::of(&party(&kept.name));
        Self::begun(door, &kept.name, seed, clock, &|folder| {
            for (file, bytes) in &kept.files {
                std::fs::write(folder.join(file), bytes).unwrap();
            }
        })
        .with_person_keys(kept.keys.clone())
    }

    fn with_person_keys(self, keys: BTreeMap<String, PersonKey>) -> Self {
        self.keys.replace(keys);
        self
    }

    /// A node without any account.
    pub fn empty(name: &str, seed: u64, clock: &Clock) -> Self {
        Self::empty_behind(Door::of(&party(name)), name, seed, clock)
    }

    fn empty_behind(door: Door, name: &str, seed: u64, clock: &Clock) -> Self {
        Self::begun(door, name, seed, clock, &|_| ())
    }

    /// A node that starts on a folder that was filled before.
    fn begun(door: Door, name: &str, seed: u64, clock: &Clock, fill: &dyn Fn(&Path)) -> Self {
        let folder = folder();
        fill(folder.path());
        let strikes = Arc::default();
        let house = open(folder.path(), &party(name), &door, &KeysMade::default(), &strikes, Arc::new(|| ()));
        Self {
            name: party(name),
            door,
            folder,
            house: RefCell::new(Some(house)),
            clock: clock.clone(),
            skew_s: Cell::new(0),
            draws: Draws::of(seed, name),
            keys: RefCell::default(),
            strikes,
            node_keys: RefCell::default(),
            lives: Cell::new(0),
        }
    }

    /// Its name.
    pub fn name(&self) -> &PartyName {
        &self.name
    }

    /// The node as its acts see it.
    pub fn house(&self) -> House {
        self.house.borrow().clone().expect("the node is running")
    }

    /// What is remembered.
    pub fn store(&self) -> Store {
        self.house().store
    }

    /// Its clock.
    pub fn now(&self) -> Timestamp {
        self.clock.now() + SignedDuration::from_secs(self.skew_s.get())
    }

    /// The clock that it shares with the other houses.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Lets its clock run so many seconds before the others' (behind, below zero).
    pub fn skew(&self, seconds: i64) {
        self.skew_s.set(seconds);
    }

    /// A generator for one act.
    pub fn rng(&self) -> StdRng {
        self.draws.next()
    }

    /// Its generators.
    pub fn draws(&self) -> &Draws {
        &self.draws
    }

    /// Acts that draw from a stream of their own, and so shift no other act's draws.
    pub fn apart<T>(&self, stream: &str, acts: impl FnOnce(&Self) -> T) -> T {
        self.draws.within(stream, || acts(self))
    }

    /// The person as a door would know them right now.
    pub fn caller(&self, person: &str) -> Person {
        people::look_up(&self.house(), &crate::name(person)).unwrap()
    }

    /// The keys that the person's session holds.
    pub fn key(&self, person: &str) -> PersonKey {
        self.keys.borrow()[person].clone()
    }

    /// This node as its partners' gates know it.
    pub fn as_partner(&self) -> Partner {
        Partner { name: self.name.clone() }
    }

    /// SHA-256 of the public key of its TLS certificate, which its partners pinned.
    pub fn pin(&self) -> [u8; 32] {
        self.door.pin
    }

    /// Lets a person join whose roles one operator may grant.
    fn join(&self, person: &str, roles: &[Role]) {
        let roles: BTreeSet<Role> = roles.iter().copied().collect();
        let (operator, key) = (self.caller("operator1"), self.key("operator1"));
        let (house, now) = (self.house(), self.now());
        let invited =
            people::invite(&house, &operator, &key, &crate::name(person), &roles, now, &mut self.rng())
                .unwrap();
        assert!(invited.granted.waiting.is_none(), "{person} joins while the node is being set up");
        self.activate(person, &invited.invitation);
    }

    fn activate(&self, person: &str, invitation: &Invitation) {
        let (name, secret) = (crate::name(person), invitation.secret.text());
        let activation = Activation { name: &name, one_time_secret: &secret, passphrase: PASSPHRASE };
        let (_, key) = people::activate(&self.house(), &activation, self.now(), &mut self.rng()).unwrap();
        self.keys.borrow_mut().insert(person.to_owned(), key);
    }

    fn opened(&self, folder: &Path, strikes: &Arc<Strikes>, bell: Arc<dyn Fn() + Send + Sync>) -> House {
        open(folder, &self.name, &self.door, &self.node_keys.borrow(), strikes, bell)
    }

    /// Stops the node and starts it again on the same folder: what was in memory alone is gone.
    pub fn restart(&self) {
        drop(self.house.borrow_mut().take());
        *self.house.borrow_mut() = Some(self.opened(self.folder.path(), &self.strikes, Arc::new(|| ())));
    }

    /// Starts the node again with a new cosigner key; the old one signs on where a statement names it.
    pub fn rotate_cosigner(&self) {
        self.node_keys.borrow_mut().rotate_cosigner();
        self.restart();
    }

    /// Starts the node again with a new key in the place of one that was lost: `identity`, `cosigner` or `log`.
    pub fn lose(&self, role: &str) {
        self.node_keys.borrow_mut().lose(role);
        self.restart();
    }

    /// Two persons pin another house's card as it is now.
    pub fn renews(&self, of: &Self) {
        let card = exchange::partner::own_card(&of.house(), of.now()).unwrap();
        let (house, now) = (self.house(), self.now());
        let by = (self.caller("liaison1"), self.key("liaison1"));
        let (_, waits) =
            exchange::card_renewal::propose(&house, &by.0, &by.1, &card, now, &mut self.rng()).unwrap();
        let second = (self.caller("release1"), self.key("release1"));
        exchange::pending::approve(
            &house,
            &second.0,
            &second.1,
            waits.id,
            waits.digest,
            now,
            &mut self.rng(),
        )
        .unwrap();
    }

    /// Stops the node, lets `change` have its folder, and starts it again.
    pub fn stopped(&self, change: impl FnOnce(&Path)) {
        drop(self.house.borrow_mut().take());
        change(self.folder.path());
        *self.house.borrow_mut() = Some(self.opened(self.folder.path(), &self.strikes, Arc::new(|| ())));
    }

    /// How often it went back: nothing that is drawn once for each place in a log is drawn again in another life.
    pub(crate) fn life(&self) -> u64 {
        self.lives.get()
    }

    /// How many commits it has made since it was furnished.
    pub fn commits(&self) -> usize {
        self.strikes.commits.load(Ordering::SeqCst)
    }

    /// Lets the n-th commit from now fail at a step, and no other; the first is 1.
    pub fn fail_commit(&self, n: usize, step: Step) {
        *self.strikes.planned.lock().unwrap() = Some((self.commits() + n, step));
        self.strikes.struck.store(false, Ordering::SeqCst);
    }

    /// Whether the commit that was to fail has failed.
    pub fn has_failed(&self) -> bool {
        self.strikes.struck.load(Ordering::SeqCst)
    }

    /// A copy of its databases as they stand, as a backup or an image of the disk has them.
    pub fn copy(&self, what: DataCopy) -> TempDir {
        let copy = folder();
        self.stopped(|folder| copy_files(what.files(), folder, copy.path()));
        copy
    }

    /// Copies its databases as they stand, the mark with them, and its keys, as an operator's data folder holds them.
    pub fn write_folder(&self, to: &Path) {
        self.stopped(|folder| copy_files(DataCopy::WithMark.files(), folder, to));
        let seeds = seeds_of(&self.name, &self.node_keys.borrow());
        let keys = [
            ("identity", &seeds.identity),
            ("cosigner", &seeds.cosigner),
            ("log", &seeds.log),
            ("rendering", &seeds.rendering),
            ("terms", &seeds.terms),
        ];
        for (name, seed) in keys {
            let text = format!("{}\n", hex::encode(seed.as_slice()));
            std::fs::write(to.join("keys").join(format!("{name}.key")), text).unwrap();
        }
    }

    /// A second running of this node on a copy of its data in `folder`: on a disk that must be waited for, say.
    pub fn again_in(&self, folder: &Path, bell: Arc<dyn Fn() + Send + Sync>) -> House {
        self.stopped(|here| copy_files(DataCopy::WithMark.files(), here, folder));
        self.opened(folder, &Arc::default(), bell)
    }

    /// Its data goes back to a copy. What the copy lacks stays as it is: the mark, if it is without.
    pub fn go_back(&self, copy: &TempDir) {
        self.lives.set(self.lives.get() + 1);
        self.stopped(|folder| copy_files(DataCopy::WithMark.files(), copy.path(), folder));
    }

    /// Its data goes back to a copy, and the mark is lost.
    pub fn go_back_without_mark(&self, copy: &TempDir) {
        self.lives.set(self.lives.get() + 1);
        self.stopped(|folder| {
            copy_files(DataCopy::WithoutMark.files(), copy.path(), folder);
            std::fs::remove_file(folder.join(MARK)).unwrap();
        });
    }

    /// Changes a database behind the node's back, e.g. (`node.db`, `UPDATE …`).
    pub fn sql(&self, database: &str, sql: &str) {
        rusqlite::Connection::open(self.folder.path().join(database)).unwrap().execute_batch(sql).unwrap();
    }

    /// The first column of what a query finds in a database, behind the node's back.
    pub fn rows(&self, database: &str, query: &str) -> Vec<String> {
        let database = rusqlite::Connection::open(self.folder.path().join(database)).unwrap();
        let mut select = database.prepare(query).unwrap();
        select.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    }

    /// The lines of its audit trail, the oldest first.
    pub fn trail(&self) -> Vec<TrailLine> {
        let mut lines: Vec<TrailLine> = Vec::new();
        loop {
            let from = u64::try_from(lines.len()).unwrap();
            let more = audit::trail(&self.house(), &self.caller("oversight1"), from, 1_000).unwrap();
            if more.is_empty() {
                return lines;
            }
            lines.extend(more);
        }
    }

    /// The acts in the trail from a line on, as words.
    pub fn acts_since(&self, line: usize) -> Vec<String> {
        self.trail().into_iter().skip(line).map(|l| l.act).collect()
    }
}

fn folder() -> TempDir {
    // Where there is a disk of memory, waiting for the platter proves nothing.
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

pub(crate) fn pin_of(name: &PartyName) -> [u8; 32] {
    Digest::of(format!("forewarn test pin: {name}").as_bytes()).0
}

/// How often each key of a node was made anew.
#[derive(Debug, Clone, Default)]
struct KeysMade {
    made: BTreeMap<String, u32>,
    /// Cosigner keys that sign on.
    retiring: Vec<u32>,
}

impl KeysMade {
    fn rotate_cosigner(&mut self) {
        self.retiring.push(self.count("cosigner"));
        *self.made.entry("cosigner".to_owned()).or_default() += 1;
    }

    fn lose(&mut self, role: &str) {
        *self.made.entry(role.to_owned()).or_default() += 1;
        if role == "cosigner" {
            self.retiring.clear();
        }
    }

    fn count(&self, role: &str) -> u32 {
        self.made.get(role).copied().unwrap_or(0)
    }
}

fn seed_of(name: &PartyName, role: &str, made: u32) -> Zeroizing<[u8; 32]> {
    let again = if made == 0 { String::new() } else { format!(" {made}") };
    Zeroizing::new(Digest::of(format!("forewarn test key: {name} {role}{again}").as_bytes()).0)
}

/// The keys of the node of this name, the same in every test.
pub(crate) fn keys_of(name: &PartyName) -> NodeKeys {
    keys_made(name, &KeysMade::default())
}

fn seeds_of(name: &PartyName, made: &KeysMade) -> NodeSeeds {
    let seed = |role: &str| seed_of(name, role, made.count(role));
    NodeSeeds {
        identity: seed("identity"),
        cosigner: seed("cosigner"),
        log: seed("log"),
        rendering: seed("rendering"),
        terms: seed("terms"),
    }
}

fn keys_made(name: &PartyName, made: &KeysMade) -> NodeKeys {
    let seeds = seeds_of(name, made);
    made.retiring.iter().fold(NodeKeys::from_seeds(name, &seeds).unwrap(), |keys, retiring| {
        keys.and_retiring_cosigner(name, &seed_of(name, "cosigner", *retiring)).unwrap()
    })
}

/// The private encryption key of the node of this name, the same for as long as the tests of one process run: age draws
/// its keys itself.
fn encryption_secret_of(name: &PartyName) -> Zeroizing<String> {
    static DRAWN: Mutex<BTreeMap<String, Zeroizing<String>>> = Mutex::new(BTreeMap::new());
    DRAWN.lock().unwrap().entry(name.to_string()).or_insert_with(draw_encryption_key).clone()
}

/// The public half of a node's encryption key, as it stands on its card.
pub(crate) fn encryption_of(name: &PartyName) -> String {
    encryption_recipient(&encryption_secret_of(name)).unwrap()
}

fn open(
    folder: &Path,
    name: &PartyName,
    door: &Door,
    made: &KeysMade,
    strikes: &Arc<Strikes>,
    bell: Arc<dyn Fn() + Send + Sync>,
) -> House {
    let mut settings = Settings::new(
        door.address.clone(),
        hex::encode(door.pin),
        encryption_of(name),
        format!("duty desk of {name}, +00 000"),
    );
    settings.passphrase_cost = PassphraseCost { memory_kib: 8, passes: 1, lanes: 1 };
    let strikes = Arc::clone(strikes);
    let faults = Faults::where_(move |step| strikes.at(step));
    let store = Store::open_failing(&Places::in_folder(folder), faults).unwrap();
    let keys = keys_made(name, made).with_encryption(&encryption_secret_of(name)).unwrap();
    House::new(store, keys, name.clone(), settings, bell)
}
