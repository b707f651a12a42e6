//! STIX 2.1: objects built in one canonical form, objects of others read without loss and validated, patterns.
//!
//! What is built here is built from typed parts, checked while it is built, and written as canonical JSON: equal content
//! is identical bytes. What others wrote is kept as it was received and never written again; nothing of ours is cut out of
//! it, and no id of ours is derived from what an object says. This room is pure: no clock, no I/O but a reader that is
//! handed in, no randomness; ids are made of bytes handed in.
//!
//! Read first, for what is built, `object` (what can be), then `bundle` (what makes it whole); `canonical` has the bytes.
//! For what others wrote: `read`, then `validate`. `pattern` stands for itself.

pub mod bundle;
pub mod canonical;
pub mod error;
pub mod id;
pub mod marking;
pub mod object;
pub mod pattern;
pub mod read;
pub mod time;
pub mod validate;
