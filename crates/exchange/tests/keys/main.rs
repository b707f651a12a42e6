//! Keys that change and logs that go on in others (docs/log-format.md, Key rotation and successors).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod cards;
mod carried;
mod rotation;
mod successors;
