//! A whole life of three nodes and a lying fourth, from one number: acts, weather, clocks that run apart and jump, nodes
//! that stop and start, and data that goes back to a backup. The same number gives the same life, step by step.
//!
//! Every life begins with the same three houses, which are furnished and agreed once and copied; what they draw from there on
//! hangs on the number. No life shares anything with another, so that it is the same whatever is played beside it.
//!
//! It panics at the first thing that is wrong, as a test does. What is looked at: at equal heads both ledgers are equal
//! after every step; in the end everything has arrived, both sides of each pair fold to the same state, no release stands
//! in a log twice, planted words are only where they may be, and each log is sound as a whole.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use exchange::answer::About;
use exchange::receive::Receipt;
use exchange::standing::Change;
use model::agreement::OpeningState;
use model::file::WarningFile;
use model::id::WarningId;
use model::state::DomainState;
use model::vocab::{Disposition, Domain, EventState, RecallReason, Status};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use store::ChannelSide;
use tempfile::TempDir;
use tlog::channel::Use;
use tlog::checkpoint::Checkpoint;
use tlog::hash::Hash;

use crate::by_hand::{ByHand, EntryOf};
use crate::carry::Weather;
use crate::house::{DataCopy, TestHouse, party};
use crate::houses::{A, B, C, D, KeptHouses, TestHouses};
use crate::words::{outcome, terms, text, tight, warning};

const NAMES: [&str; 3] = [A, B, C];
/// The fewest and the most steps of a life.
const STEPS: (u64, u64) = (15, 50);
/// How far a clock may run apart, in seconds.
const APART_SECONDS_MAX: u64 = 600;

/// What a life consisted of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Played {
    /// Steps.
    pub steps: u64,
    /// Requests that arrived.
    pub crossings: usize,
    /// How often a node went back to a backup.
    pub went_back: usize,
    /// How often the liar was refused or frozen out.
    pub refused: usize,
}

/// Plays the life of this number to its end.
///
/// # Panics
/// At the first thing that is wrong.
pub fn simulate(seed: u64) -> Played {
    let mut life = Life::new(seed);
    let steps = STEPS.0 + life.dice.below(STEPS.1 - STEPS.0);
    for _ in 0..steps {
        life.step();
    }
    life.end(steps)
}

/// Three houses that have agreed with one another, as every life begins. They are made once: nothing of them hangs on the
/// number of a life.
fn begun() -> &'static KeptHouses {
    static BEGUN: OnceLock<KeptHouses> = OnceLock::new();
    BEGUN.get_or_init(|| {
        // No life draws what these drew.
        let houses = TestHouses::seeded(&NAMES, u64::MAX);
        for (one, other) in [(A, B), (A, C), (B, C)] {
            houses.agree(one, other, &terms(one, other));
        }
        houses.keep()
    })
}

struct Dice(StdRng);

impl Dice {
    fn below(&mut self, count: u64) -> u64 {
        self.0.next_u64() % count.max(1)
    }

    fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    fn of<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        let at = self.below(all.len() as u64);
        all.get(usize::try_from(at).unwrap())
    }

    fn house(&mut self) -> usize {
        usize::try_from(self.below(3)).unwrap()
    }
}

/// A warning that a house decided to give, by the bookkeeping of the simulation alone.
struct Given {
    to: &'static str,
    warning: WarningId,
    file: WarningFile,
}

struct Life {
    dice: Dice,
    houses: TestHouses,
    given: [Vec<Given>; 3],
    copies: [Option<TempDir>; 3],
    liar: Liar,
    words: u64,
    went_back: usize,
}

impl Life {
    fn new(seed: u64) -> Self {
        let houses = TestHouses::as_kept(begun(), seed);
        let liar = Liar { peer: ByHand::with(houses.c(), D, Use::Actual).opened(), held: 0, refused: 0 };
        Self {
            dice: Dice(StdRng::seed_from_u64(seed)),
            houses,
            given: Default::default(),
            copies: Default::default(),
            liar,
            words: 0,
            went_back: 0,
        }
    }

    fn step(&mut self) {
        let (one, other) = self.pair();
        match self.dice.below(44) {
            0..=5 => self.warn(one, other),
            6 => self.warn_in_danger(one, other),
            7..=8 => self.update(one),
            9..=11 => self.end_one(one),
            12..=15 => self.answer(one),
            16 => self.thank_or_tell(one, other),
            17 => self.house(one).undertake(NAMES[other]).unwrap(),
            18..=19 => self.stance(one, other),
            20..=27 => self.carry(one, other),
            28 => self.houses.late_arrives(),
            29..=30 => self.house(one).restart(),
            31..=33 => self.time(one),
            34..=36 => self.back_up(one),
            37..=39 => self.go_back(one),
            40 => self.change_agreement(one, other),
            _ => self.liar.lies_to(self.houses.c(), &mut self.dice),
        }
        self.same_ledgers(one, other);
    }

    fn pair(&mut self) -> (usize, usize) {
        let one = self.dice.house();
        let other = (one + 1 + usize::try_from(self.dice.below(2)).unwrap()) % 3;
        (one, other)
    }

    fn house(&self, at: usize) -> &TestHouse {
        self.houses.at(NAMES[at])
    }

    /// A warning for one party, with a word that is for that party or for nobody.
    fn file(&mut self, giver: usize, to: usize) -> WarningFile {
        let mut file = warning();
        file.protectors = [NAMES[to].to_owned()].into();
        file.what.remove(0);
        file.subjects.clear();
        if giver > 0 {
            file.giver.remove(0);
        }
        if self.dice.one_in(5) {
            file.status = Status::Exercise;
        }
        self.words += 1;
        let word = format!("Qx{}zv", self.words);
        let open = self.dice.one_in(2);
        let told: &[&str] = if open { &[NAMES[to]] } else { &[] };
        let rung = text(&format!("members of {word}"), Some(tight(told)));
        match self.dice.below(3) {
            0 => file.who.insert(0, rung),
            1 => file.how.insert(0, rung),
            _ => file.title.insert(0, rung),
        }
        let holders = [NAMES[giver], NAMES[to]];
        self.houses.plant(&word, if open { &holders } else { &holders[..1] });
        file
    }

    fn warn(&mut self, one: usize, other: usize) {
        let file = self.file(one, other);
        if let Some(sent) = self.house(one).try_warn(&file, &[NAMES[other]]) {
            self.given[one].push(Given { to: NAMES[other], warning: sent.warning, file });
        }
    }

    fn warn_in_danger(&mut self, one: usize, other: usize) {
        let file = WarningFile { status: Status::Actual, ..self.file(one, other) };
        let sent = self.house(one).warn_in_danger(&file, &[NAMES[other]]);
        self.given[one].push(Given { to: NAMES[other], warning: sent.warning, file });
    }

    fn update(&mut self, one: usize) {
        let how = format!("device of kind {}", self.dice.below(9));
        let Some(given) = self.dice.of(&self.given[one]) else { return };
        let mut file = given.file.clone();
        file.how.last_mut().unwrap().text = how;
        // What is not there any more, or not active, is refused; that is as good a life as any.
        if self.house(one).rewrite("desk1", given.warning, &file).is_ok() {
            self.house(one).try_release(given.warning, &[given.to]);
        }
    }

    fn end_one(&mut self, one: usize) {
        let change = match self.dice.below(4) {
            0 => Change::Cancel,
            1 => Change::Lapse,
            counts => Change::Recall { reason: RecallReason::Undisclosed, counts: counts == 2 },
        };
        if let Some(given) = self.dice.of(&self.given[one]) {
            let _ = self.house(one).change("release1", given.warning, change);
        }
    }

    fn answer(&mut self, one: usize) {
        let (how, act) = (self.dice.below(4), self.dice.below(5));
        let inbox = self.house(one).inbox();
        let Some(line) = self.dice.of(&inbox) else { return };
        let house = self.house(one);
        let _ = match act {
            0 => house.read("desk1", &line.entry),
            1 => house.thank("liaison1", About::Release(line.entry.clone())),
            2 => house.report("desk1", &line.entry, outcome(EventState::NotOccurred)),
            _ => house.dispose("desk1", &line.entry, Disposition::ALL[usize::try_from(how).unwrap()]),
        };
    }

    fn thank_or_tell(&mut self, one: usize, other: usize) {
        let about = About::Unsolicited(party(NAMES[other]));
        if self.dice.one_in(2) {
            self.house(one).thank("liaison1", about).unwrap();
        } else {
            let mut said = outcome(EventState::Occurred);
            (said.unsolicited, said.domain) = (true, Some(Domain::Cyber));
            self.house(one).report_about("desk1", about, said).unwrap();
        }
    }

    fn stance(&mut self, one: usize, other: usize) {
        let states = [DomainState::Suspended, DomainState::Resuming, DomainState::Active];
        let state = *self.dice.of(&states).unwrap();
        let _ = self.house(one).take_stance(NAMES[other], Domain::CounterTerrorism, state);
    }

    fn change_agreement(&mut self, one: usize, other: usize) {
        if self.dice.one_in(2) {
            let mut agreed = terms(NAMES[one], NAMES[other]);
            if let Some(rules) = agreed.domains.get_mut(&Domain::CounterTerrorism) {
                rules.state = OpeningState::Suspended;
            }
            let _ = self.house(one).propose(NAMES[other], &agreed);
        } else {
            let relation = self.house(one).relation(NAMES[other]);
            let open = relation.agreements().into_iter().find(|a| !a.accepted && !a.refused).map(|a| a.hash);
            if let Some(hash) = open {
                // Not if it is its own.
                let _ = self.house(one).accept(NAMES[other], &hash);
            }
        }
    }

    fn carry(&mut self, one: usize, other: usize) {
        let dice = &mut self.dice;
        let mut weather = |_: &str| match dice.below(8) {
            0 => Weather::RequestLost,
            1 => Weather::AnswerLost,
            2 => Weather::Doubled,
            3 => Weather::Late,
            _ => Weather::Fair,
        };
        let _ = self.houses.carry_in(NAMES[one], NAMES[other], &mut weather);
    }

    fn time(&mut self, one: usize) {
        match self.dice.below(4) {
            0 => {
                let apart = self.dice.below(2 * APART_SECONDS_MAX) as i64 - APART_SECONDS_MAX as i64;
                self.house(one).skew(apart);
            }
            1 => self.houses.advance(1 + self.dice.below(60 * 30) as i64),
            _ => self.houses.minutes_pass(1 + self.dice.below(5) as i64),
        }
        self.house(one).tick();
        if self.dice.one_in(2) {
            self.house(one).confirm_clock();
        }
    }

    /// C's partner lies and would give nothing back, so C's data stays.
    fn back_up(&mut self, one: usize) {
        if NAMES[one] != C {
            self.copies[one] = Some(self.house(one).copy(DataCopy::WithoutMark));
        }
    }

    /// Data goes back to the backup when the partners have all that was signed; whatever was not, needs a successor.
    fn go_back(&mut self, one: usize) {
        let Some(copy) = self.copies[one].take() else { return };
        self.houses.late_arrives();
        for other in (0..3).filter(|other| *other != one) {
            for _ in 0..2 {
                let there = self.houses.carry(NAMES[one], NAMES[other]);
                let back = self.houses.carry(NAMES[other], NAMES[one]);
                if there.is_err() || back.is_err() {
                    return;
                }
            }
        }
        self.house(one).go_back(&copy);
        self.went_back += 1;
    }

    fn same_ledgers(&self, one: usize, other: usize) {
        let (ours, theirs) = (self.house(one).ledger(NAMES[other]), self.house(other).ledger(NAMES[one]));
        if ours.heads == theirs.heads {
            assert_eq!(ours, theirs, "{} and {}", NAMES[one], NAMES[other]);
        }
    }

    fn end(self, steps: u64) -> Played {
        self.houses.late_arrives();
        for house in self.houses.all() {
            house.skew(0);
            house.confirm_clock();
        }
        // Who went back is busy until it has taken back what it lost, in rounds of its own.
        for _ in 0..3 {
            for (one, other) in [(0, 1), (1, 0), (0, 2), (2, 0), (1, 2), (2, 1)] {
                let _ = self.houses.carry(NAMES[one], NAMES[other]);
            }
        }
        self.houses.settle_all();
        self.houses.late_arrives();
        for (one, other) in [(0, 1), (0, 2), (1, 2)] {
            let (ours, theirs) = (self.house(one).ledger(NAMES[other]), self.house(other).ledger(NAMES[one]));
            assert_eq!(ours, theirs, "in the end, {} and {}", NAMES[one], NAMES[other]);
            for domain in [Domain::CounterTerrorism, Domain::Cyber] {
                let stands = self.house(one).domain(NAMES[other], domain);
                assert_eq!(stands, self.house(other).domain(NAMES[one], domain), "{domain:?}");
            }
        }
        for house in self.houses.all() {
            released_once(house);
        }
        let crossings = self.houses.crossings.borrow().len();
        Played { steps, crossings, went_back: self.went_back, refused: self.liar.refused }
    }
}

/// No text of a release stands in a log of the house twice: each rendering has ids of its own.
fn released_once(house: &TestHouse) {
    let twice = house.store().view(|view| {
        let mut twice = Vec::new();
        for channel in view.channels()?.into_iter().filter(|c| c.side == ChannelSide::Ours) {
            let mut seen = BTreeSet::new();
            for index in 0..channel.size() {
                let Some(opened) = view.open_entry(&channel, index)? else { continue };
                let entry = tlog::entry::Entry::parse(&opened.bytes).unwrap();
                let released = ["warning.released", "warning.updated"].contains(&entry.header.kind.as_str());
                if released && !seen.insert(entry.body) {
                    twice.push(format!("entry {index} to {}", channel.partner));
                }
            }
        }
        Ok::<_, exchange::refusal::Refusal>(twice)
    });
    assert_eq!(twice.unwrap(), Vec::<String>::new(), "{} sent twice", house.name());
}

/// A partner of C that signs what it likes.
struct Liar {
    peer: ByHand,
    /// How many of its entries C has receipted.
    held: u64,
    refused: usize,
}

impl Liar {
    fn lies_to(&mut self, house: &TestHouse, dice: &mut Dice) {
        let size = self.peer.entries.len() as u64;
        let (parcel, honest) = match dice.below(6) {
            0 => (vec![0x7f; 40], false),
            1 if self.held > 0 => {
                let other = Hash::from_bytes([9; 32]);
                let head = Checkpoint { origin: self.peer.origin(), size: self.held, root: other };
                let note = self.peer.signed(&head);
                (self.peer.parcel_with(self.held, note), false)
            }
            2 if self.held > 0 => (self.peer.parcel(0), self.held == size),
            _ => {
                self.peer.push(EntryOf::kind("unheard.of", format!("{{\"n\":{size}}}")));
                (self.peer.parcel(self.held), true)
            }
        };
        match self.peer.send(house, &parcel) {
            Receipt::Held(_) => {
                assert!(honest, "a lie was receipted");
                self.held = self.peer.entries.len() as u64;
            }
            _ => self.refused += 1,
        }
    }
}
