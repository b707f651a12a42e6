//! STIX 2.1 objects built in one canonical form, as far as rendering needs them.
//!
//! Objects are built from typed parts, checked while they are built, and written as canonical JSON: equal content is
//! identical bytes. Of what others send only patterns are read here; nothing is cut out of a parsed object, and no id is ever
//! derived from what an object says. This room is pure: no clock, no I/O, no randomness; ids are made of bytes handed in.
//!
//! Read first `object` (what can be built), then `bundle` (what makes it whole); `canonical` has the bytes;
//! `pattern` stands for itself.

pub mod bundle;
pub mod canonical;
pub mod error;
pub mod id;
pub mod marking;
pub mod object;
pub mod pattern;
pub mod time;
