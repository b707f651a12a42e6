//! What was counted since the node started: acts, refusals, partners' requests, deliveries, commits. It is kept in memory
//! alone, costs one short lock to add to, and holds numbers and words of the program: no person, no body, no subject.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use store::Commit;

/// The upper bounds of the classes into which durations are sorted, in milliseconds; what is longer is in none of them.
pub const BOUNDS_MS: [u64; 10] = [1, 5, 10, 25, 50, 100, 250, 1_000, 5_000, 30_000];

/// Durations, sorted into classes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Durations {
    /// How many were at most as long as each of `BOUNDS_MS`, and longer than the bound before.
    pub classes: [u64; BOUNDS_MS.len()],
    /// How many there were in all.
    pub count: u64,
    /// How long all of them took together.
    pub sum: Duration,
}

impl Durations {
    fn add(&mut self, took: Duration) {
        let class = BOUNDS_MS.iter().position(|bound| took <= Duration::from_millis(*bound));
        if let Some(held) = class.and_then(|class| self.classes.get_mut(class)) {
            *held += 1;
        }
        self.count += 1;
        self.sum = self.sum.saturating_add(took);
    }
}

/// The counts as they stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// How long acts took, by the path on the control socket.
    pub acts: BTreeMap<&'static str, Durations>,
    /// How often an act was refused, by the stable word of the refusal.
    pub refusals: BTreeMap<String, u64>,
    /// How often a partner's request was answered, by what was asked and what was answered.
    pub partner_requests: BTreeMap<(&'static str, u16), u64>,
    /// How rounds of delivery ended, as a word.
    pub deliveries: BTreeMap<&'static str, u64>,
    /// How long it took to make groups of acts durable.
    pub commits: Durations,
    /// Acts that were made durable.
    pub acts_durable: u64,
    /// Groups of acts that could not be made durable.
    pub commits_failed: u64,
    /// Clocks that ran, and that had run out, when the clocks were last looked at.
    pub clocks: (u64, u64),
}

/// The most different words of one kind that are counted; further ones are counted as `other`.
const WORDS_MAX: usize = 200;

/// Counts since the node started.
pub struct Tally {
    time: fn() -> Duration,
    counts: Mutex<Counts>,
}

impl Default for Tally {
    /// A tally that counts and does not measure: every duration is nothing.
    fn default() -> Self {
        Self::timed(|| Duration::ZERO)
    }
}

impl Tally {
    /// A tally that measures with `time`, which only rises; its zero is the start of the node.
    pub fn timed(time: fn() -> Duration) -> Self {
        Self { time, counts: Mutex::default() }
    }

    /// The time since the node started.
    pub fn time(&self) -> Duration {
        (self.time)()
    }

    /// The clock that it measures with.
    pub fn clock(&self) -> fn() -> Duration {
        self.time
    }

    /// The counts as they stand.
    pub fn counts(&self) -> Counts {
        self.with(|counts| counts.clone())
    }

    /// An act on the control socket ended, begun at `begun` of `Self::time`; `refused` is the word of its refusal.
    pub fn act(&self, path: &'static str, begun: Duration, refused: Option<&str>) {
        let took = self.time().saturating_sub(begun);
        self.with(|counts| {
            counts.acts.entry(path).or_default().add(took);
            if let Some(word) = refused {
                let room = counts.refusals.len() < WORDS_MAX || counts.refusals.contains_key(word);
                let word = if room { word } else { "other" };
                *counts.refusals.entry(word.to_owned()).or_default() += 1;
            }
        });
    }

    /// A partner's request was answered with this status.
    pub fn partner_request(&self, what: &'static str, status: u16) {
        self.with(|counts| *counts.partner_requests.entry((what, status)).or_default() += 1);
    }

    /// A round of delivery ended so.
    pub fn delivery(&self, ended: &'static str) {
        self.with(|counts| *counts.deliveries.entry(ended).or_default() += 1);
    }

    /// A group of acts was committed, or could not be.
    pub fn commit(&self, commit: Commit) {
        self.with(|counts| {
            counts.commits.add(commit.took);
            match commit.is_durable {
                true => counts.acts_durable += u64::try_from(commit.acts).unwrap_or(u64::MAX),
                false => counts.commits_failed += 1,
            }
        });
    }

    /// So many clocks run, so many of them have run out.
    pub(crate) fn clocks(&self, running: usize, overdue: usize) {
        let number = |n| u64::try_from(n).unwrap_or(u64::MAX);
        self.with(|counts| counts.clocks = (number(running), number(overdue)));
    }

    fn with<T>(&self, add: impl FnOnce(&mut Counts) -> T) -> T {
        add(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_counted_in_the_class_whose_bound_it_does_not_pass() {
        let mut durations = Durations::default();
        for ms in [0, 1, 2, 100, 29_000, 31_000] {
            durations.add(Duration::from_millis(ms));
        }
        assert_eq!(durations.classes, [2, 1, 0, 0, 0, 1, 0, 0, 0, 1]);
        assert_eq!((durations.count, durations.sum), (6, Duration::from_millis(60_103)));
    }

    #[test]
    fn words_without_end_take_no_memory_without_end() {
        let tally = Tally::default();
        for n in 0..1_000 {
            tally.act("/v1/status", Duration::ZERO, Some(&format!("word_{n}")));
        }
        let counts = tally.counts();
        assert!(counts.refusals.len() <= WORDS_MAX + 1);
        assert_eq!(counts.refusals.values().sum::<u64>(), 1_000);
    }
}
