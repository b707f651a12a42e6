//! Nodes over real TLS on loopback: the courier, the peer door, and what each says when the other is not what it should be.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test stops at the first surprise, and reads the clock itself"
)]

mod delivering;
mod fetching;
mod node;
mod notices;
mod troubled;
