//! Several nodes that know each other: what most tests begin with.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use exchange::partner;
use model::agreement::Terms;
use model::id::Digest;
use tlog::channel::Use;

use crate::carry::Held;
use crate::check;
use crate::clock::Clock;
use crate::house::{Door, KeptHouse, TestHouse, party};
use crate::observe::Crossing;
use crate::words::terms;

/// The first house: the giver in most tests.
pub const A: &str = "service-a.example";
/// The second house: the receiver in most tests.
pub const B: &str = "service-b.example";
/// A third house.
pub const C: &str = "service-c.example";
/// A fourth house.
pub const D: &str = "service-d.example";

/// Houses with one clock between them.
///
/// When they are dropped without a panic, every log is verified whole, and the test fails on what waits, on what was
/// appended and not receipted (unless [`TestHouses::leave_undelivered`] was said), and on a planted word
/// ([`TestHouses::plant`]) in the wrong hands.
pub struct TestHouses {
    houses: Vec<TestHouse>,
    clock: Clock,
    seed: u64,
    pub(crate) crossings: RefCell<Vec<Crossing>>,
    pub(crate) held: RefCell<Vec<Held>>,
    pub(crate) ask_first: RefCell<BTreeSet<(String, String, Use)>>,
    pub(crate) troubled: RefCell<BTreeMap<(String, String), String>>,
    planted: RefCell<BTreeMap<String, BTreeSet<String>>>,
    undelivered: Cell<bool>,
    broken: Cell<bool>,
}

/// Houses in memory as they stood, and what had crossed between them: what many begin with alike is made once.
pub(crate) struct KeptHouses {
    houses: Vec<KeptHouse>,
    crossings: Vec<Crossing>,
}

impl TestHouses {
    /// What they are now, to begin with again and again: [`TestHouses::as_kept`].
    pub(crate) fn keep(&self) -> KeptHouses {
        let houses = self.houses.iter().map(TestHouse::keep).collect();
        KeptHouses { houses, crossings: self.crossings.borrow().clone() }
    }

    /// Houses as they were when they were kept and then started anew, with a clock that stands at the beginning and
    /// with generators of this seed.
    pub(crate) fn as_kept(kept: &KeptHouses, seed: u64) -> Self {
        let clock = Clock::standing();
        let houses = kept.houses.iter().map(|house| TestHouse::as_kept(house, seed, &clock)).collect();
        let houses = Self::strangers(houses, clock, seed);
        houses.crossings.replace(kept.crossings.clone());
        houses
    }
}

impl TestHouses {
    /// Houses A and B with the agreement of the template in force.
    pub fn two() -> Self {
        Self::two_with(terms(A, B))
    }

    /// Houses A and B with this agreement in force.
    pub fn two_with(agreed: Terms) -> Self {
        let houses = Self::of(&[A, B]);
        houses.agree(A, B, &agreed);
        houses
    }

    /// Houses A, B and C; A has the agreement of the template with both.
    pub fn three() -> Self {
        let houses = Self::of(&[A, B, C]);
        houses.agree(A, B, &terms(A, B));
        houses.agree(A, C, &terms(A, C));
        houses
    }

    /// Houses of these names, all confirmed with each other, nothing agreed.
    pub fn of(names: &[&str]) -> Self {
        Self::seeded(names, 1)
    }

    /// As `of`, with another seed.
    pub fn seeded(names: &[&str], seed: u64) -> Self {
        let clock = Clock::standing();
        let houses = names.iter().map(|name| TestHouse::furnished(name, seed, &clock)).collect();
        Self::acquainted(houses, clock, seed)
    }

    /// Houses A and B behind these doors, with this agreement in force.
    pub fn two_behind(doors: [Door; 2], agreed: Terms) -> Self {
        let clock = Clock::standing();
        let houses = [A, B].into_iter().zip(doors);
        let houses = houses.map(|(name, door)| TestHouse::furnished_behind(door, name, 1, &clock)).collect();
        let houses = Self::acquainted(houses, clock, 1);
        houses.agree(A, B, &agreed);
        houses
    }

    fn strangers(houses: Vec<TestHouse>, clock: Clock, seed: u64) -> Self {
        Self {
            houses,
            clock,
            seed,
            crossings: RefCell::default(),
            held: RefCell::default(),
            ask_first: RefCell::default(),
            troubled: RefCell::default(),
            planted: RefCell::default(),
            undelivered: Cell::new(false),
            broken: Cell::new(false),
        }
    }

    fn acquainted(houses: Vec<TestHouse>, clock: Clock, seed: u64) -> Self {
        let houses = Self::strangers(houses, clock, seed);
        for a in &houses.houses {
            for b in houses.houses.iter().filter(|b| b.name() != a.name()) {
                pin(a, b);
                confirm(a, b);
            }
        }
        houses
    }

    /// The house of this name.
    pub fn at(&self, name: &str) -> &TestHouse {
        self.houses
            .iter()
            .find(|h| h.name().as_str() == name)
            .unwrap_or_else(|| panic!("there is no house {name}"))
    }

    /// House A.
    pub fn a(&self) -> &TestHouse {
        self.at(A)
    }

    /// House B.
    pub fn b(&self) -> &TestHouse {
        self.at(B)
    }

    /// House C.
    pub fn c(&self) -> &TestHouse {
        self.at(C)
    }

    /// Every house.
    pub fn all(&self) -> &[TestHouse] {
        &self.houses
    }

    /// The clock of all.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Moves the clock of all by so many minutes.
    pub fn advance(&self, minutes: i64) {
        self.clock.advance(60 * minutes);
    }

    /// Moves the clock minute by minute, as it goes by itself, and lets every house look at its clocks each time.
    pub fn minutes_pass(&self, minutes: i64) {
        for _ in 0..minutes {
            self.clock.advance(60);
            for house in &self.houses {
                house.tick();
            }
        }
    }

    /// An agreement is proposed by one house, carried, accepted by the other, and carried back. Returns its hash.
    pub fn agree(&self, proposer: &str, other: &str, agreed: &Terms) -> Digest {
        let hash = self.propose(proposer, other, agreed);
        self.at(other).accept(proposer, &hash).unwrap();
        self.settle_all();
        hash
    }

    /// An agreement is proposed by one house and carried to the other.
    pub fn propose(&self, proposer: &str, other: &str, agreed: &Terms) -> Digest {
        let hash = self.at(proposer).propose(other, agreed).unwrap();
        self.settle_all();
        hash
    }

    /// The officer of the one house compares the other's words by voice.
    pub fn confirms(&self, one: &str, other: &str) {
        confirm(self.at(one), self.at(other));
    }

    /// From now on it is no fault that something waits in the end or has no receipt.
    pub fn leave_undelivered(&self) {
        self.undelivered.set(true);
    }

    /// A house was broken on purpose: nothing is looked at in the end.
    pub fn leave_broken(&self) {
        self.broken.set(true);
    }

    /// A word that only these houses may ever hold; looked for in every entry and every request in the end.
    pub fn plant(&self, word: &str, holders: &[&str]) {
        let holders = holders.iter().map(|h| (*h).to_owned()).collect();
        self.planted.borrow_mut().insert(word.to_owned(), holders);
    }

    /// Everything that is wrong with the houses as they stand; what `drop` fails on.
    pub fn wrongs(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        for house in &self.houses {
            wrong.extend(check::faults(house).into_iter().map(|f| format!("{}: {f}", house.name())));
            if !self.undelivered.get() {
                wrong.extend(check::undelivered(house).into_iter().map(|f| format!("{}: {f}", house.name())));
            }
        }
        let planted = self.planted.borrow();
        wrong.extend(check::in_wrong_hands(&self.houses, &self.crossings.borrow(), &planted));
        wrong
    }
}

impl Drop for TestHouses {
    fn drop(&mut self) {
        if std::thread::panicking() {
            #[allow(clippy::disallowed_macros, reason = "a failing test says how to make it again")]
            {
                eprintln!("houses were made with seed {}", self.seed);
            }
            return;
        }
        let wrong = if self.broken.get() { Vec::new() } else { self.wrongs() };
        assert!(wrong.is_empty(), "in the end:\n{}", wrong.join("\n"));
    }
}

/// Pins the other's card.
fn pin(a: &TestHouse, b: &TestHouse) {
    let card = partner::own_card(&b.house(), b.now()).unwrap();
    partner::add(&a.house(), &a.caller("operator1"), &card, a.now()).unwrap();
}

/// The other's officer reads its words out, and ours types what is heard.
pub(crate) fn confirm(a: &TestHouse, b: &TestHouse) {
    let words = partner::fingerprint_words(b.house().keys.identity.verifier()).unwrap();
    partner::confirm(&a.house(), &a.caller("liaison1"), &party(b.name().as_str()), &words, a.now()).unwrap();
}
