//! The rules (docs/rules.md) at the boundary of the acts, on real folders: the name of a test is the rule.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod came_back;
mod clocks;
mod delivery;
mod exercises;
mod favours;
mod life_floor;
mod losses;
mod marks;
mod outcomes;
mod persons;
mod rebuild;
mod recalls;
mod recovery;
mod relations;
mod release;
mod sources;
mod standing;
mod trail;
mod went_back;
