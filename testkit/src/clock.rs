//! The clock of a test: it stands until it is moved.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};

/// When every test begins.
const START: &str = "2026-12-10T12:00:00Z";

/// The time so many minutes after the tests begin.
pub fn at(minutes: i64) -> Timestamp {
    let start: Timestamp = START.parse().unwrap();
    start + SignedDuration::from_mins(minutes)
}

/// A clock that houses share. Clones show the same time.
#[derive(Clone)]
pub struct Clock(Arc<AtomicI64>);

impl Clock {
    /// A clock that stands at the beginning of the tests.
    pub fn standing() -> Self {
        Self(Arc::new(AtomicI64::new(at(0).as_millisecond())))
    }

    /// What it shows.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.load(Ordering::SeqCst)).unwrap()
    }

    /// Moves it by so many seconds; below zero it runs back.
    pub fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1_000, Ordering::SeqCst);
    }

    /// Sets it.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.as_millisecond(), Ordering::SeqCst);
    }
}
