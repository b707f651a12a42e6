//! Holds objects that were read against STIX 2.1: what the standard demands is an error, what it advises a warning.
//!
//! Each type is a table of its properties (`domain`, `observable`); the walk holds one object against its table, in one
//! pass over the tape. What only several objects show is found by [`Series`].

mod domain;
mod finding;
mod forms;
mod observable;
mod pattern;
mod relations;
mod rules;
mod series;
mod table;
mod vocabulary;
mod walk;

pub use finding::{Finding, RULES, Rule, rule};
pub use series::Series;

use crate::read::RawObject;

/// Holds one object against the standard and adds what is found, in the order of the text as far as it has one.
pub fn validate(object: &RawObject<'_>, findings: &mut Vec<Finding>) {
    walk::Walk::new(object.root(), findings).object();
}
