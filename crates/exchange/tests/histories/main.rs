//! Rules over whole histories of acts: what both count (I-21), and what one party can observe (I-02).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod ledgers;
mod observed;
