//! A partner that lies, over real TLS on loopback. Each case shows that nothing of the lie is taken, that what proves it is
//! kept and people are told what to do, and that warnings to and from an honest partner go on meanwhile.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod door;
mod frames;
mod frozen;
mod heads;
mod identity;
mod node;
mod pull;
mod receipts;
mod recovery;
mod slow;
mod table;
