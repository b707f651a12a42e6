//! For how long a partner may be silent before somebody looks: what the operator set, for all partners and for single ones.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use model::id::PartyName;
use serde::Serialize;
use store::{PartnerRow, PartnerState};

/// For how long a partner may be silent if the operator says nothing, in minutes: a day.
pub const SILENCE_MINUTES: u32 = 24 * 60;

/// For how long partners may be silent. Clones share it; the operator may change it while the node runs.
#[derive(Debug, Clone)]
pub struct Silence(Arc<Mutex<Minutes>>);

#[derive(Debug)]
struct Minutes {
    of_all: u32,
    of_single: BTreeMap<PartyName, u32>,
}

impl Default for Silence {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Minutes { of_all: SILENCE_MINUTES, of_single: BTreeMap::new() })))
    }
}

impl Silence {
    /// From now on it is so many minutes, and for these partners so many instead.
    pub fn set(&self, of_all: u32, of_single: BTreeMap<PartyName, u32>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Minutes { of_all, of_single };
    }

    /// For how many minutes this partner may be silent.
    pub fn of(&self, partner: &PartyName) -> u32 {
        let minutes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        minutes.of_single.get(partner).copied().unwrap_or(minutes.of_all)
    }

    /// The partners that have minutes of their own.
    pub(crate) fn single(&self) -> Vec<PartyName> {
        let minutes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        minutes.of_single.keys().cloned().collect()
    }
}

/// A partner that has been silent for longer than it may.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Silent {
    /// The partner.
    pub partner: String,
    /// When it was last heard of; nothing if it never was.
    pub heard_at: Option<Timestamp>,
    /// For how many minutes it may be silent.
    pub minutes: u32,
}

/// Whether a confirmed partner has been silent for longer than it may. One that is not confirmed has nothing to say.
pub(crate) fn of(silence: &Silence, partner: &PartnerRow, now: Timestamp) -> Option<Silent> {
    if partner.state != PartnerState::Confirmed {
        return None;
    }
    let minutes = silence.of(&partner.name);
    let may = SignedDuration::from_mins(i64::from(minutes));
    if partner.heard_at.is_some_and(|heard| now.duration_since(heard) <= may) {
        return None;
    }
    Some(Silent { partner: partner.name.to_string(), heard_at: partner.heard_at, minutes })
}

/// Minutes in words: `24 h`, or `90 min` where it is no whole hour.
pub(crate) fn in_words(minutes: u32) -> String {
    if minutes.is_multiple_of(60) { format!("{} h", minutes / 60) } else { format!("{minutes} min") }
}
