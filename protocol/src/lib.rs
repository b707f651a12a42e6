//! A model of the channel protocol (docs/log-format.md §5 to §11), for checking every order of events in small bounds.
//!
//! Two parties, two crossing logs, a network that loses, doubles and reorders, nodes that crash at every step, go back to
//! a backup, lose their high-water mark or run twice, and a partner that lies. It signs nothing and parses nothing: an
//! entry is a value, a root is the list of entries that it stands for. The code that it models is `exchange::deliver`,
//! `exchange::receive` and `exchange::recover`; docs/protocol-model.md says what is checked and what is left out.
//!
//! Read first `state` (what a node holds), then `giver` and `receiver` (the rules), `liar` (what a partner may do
//! instead), `claims` (what must hold) and `heal` (whether everything arrives in the end).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod channel;
mod claims;
mod giver;
mod heal;
mod liar;
mod receiver;
mod state;

pub use channel::{Channel, Marks, Rules, Step};
pub use state::State;
