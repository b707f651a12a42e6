//! Houses in temporary folders, builders, a fixed clock and canary sources, for tests only.
//!
//! [`TestHouses`] builds one or several nodes in one line: each on a real SQLite folder, with a clock that stands until
//! it is moved, a generator of its own for every act, persons with roles, cards exchanged and confirmed by voice, and an
//! agreement in force. Parcels are carried by [`TestHouses::carry`] without a socket, in any [`Weather`]. When the
//! houses are dropped, each log is verified whole, and what was not delivered, not receipted or held by the wrong party
//! fails the test.
//!
//! It reads no clock, and opens no socket but those of [`Hostile`], a partner that lies over real ones. It is linked into
//! tests, never into the product. Read first `houses` (what a test begins with), then `acts` and `flow` (what persons do),
//! `carry` (how parcels go), `check` (what is looked at in the end), `by_hand` (a partner that signs whatever a test wants),
//! `hostile` (the same over real sockets) and `tamper` (every change to a folder).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod acts;
mod by_file;
mod by_hand;
mod carry;
mod check;
mod clock;
mod draws;
mod flow;
mod hostile;
mod house;
mod houses;
pub mod killing;
mod observe;
mod simulate;
pub mod tamper;
mod words;

pub use by_hand::{ByHand, EntryOf};
pub use carry::{Lost, Weather, for_parcels};
pub use check::{assert_sound, faults, relation_from_scratch};
pub use clock::{Clock, at};
pub use draws::{Draws, repeatable};
pub use flow::{Proposal, Sent};
pub use hostile::{Asked, Desk, Heard, Hostile, Said, TheirLog, Victim};
pub use house::{DataCopy, Door, PASSPHRASE, TestHouse, code, name, party};
pub use houses::{A, B, C, D, TestHouses};
pub use observe::Crossing;
pub use simulate::{Played, simulate};
pub use words::{closed_to, outcome, persons, recipient, recipients, terms, text, tight, warning};
