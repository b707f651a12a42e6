//! Persons, roles, two-person acts, sealed sources and the audit trail, on a real folder.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod accounts;
mod audit_trail;
mod house;
mod logins;
mod oversight;
mod sources;
mod two_persons;
