//! What a partner can send, and what it is answered (docs/log-format.md, Delivery): parcels and statements made by hand.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod by_file;
mod channels;
mod conflicts;
mod erased;
mod freezes;
mod lost_channels;
mod parcels;
mod proofs;
mod pull;
mod receipts;
