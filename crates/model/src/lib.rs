//! Our own words: the nouns of passing a warning on, their states, and the folds over what two parties wrote.
//!
//! This room is pure: no clock, no I/O, no randomness. It never decides what a recipient may see (`disclosure` does),
//! and a `source::Source` in it cannot be serialised. Domain types are not wire types: the forms of files and entry
//! bodies are in `file`, `body` and `words`.
//!
//! Read first `warning` (what a giver holds) and `relation` (what two logs mean together).

pub mod agreement;
pub mod body;
pub mod caller;
pub mod facts;
pub mod file;
pub mod handling;
pub mod id;
pub mod ladder;
pub mod ledger;
pub mod plain;
pub mod received;
pub mod relation;
pub mod source;
pub mod state;
pub mod subject;
pub mod vocab;
pub mod warning;
pub mod words;
