//! What answers look like: calm and dense, the clock first, nothing without its asserter. One file for each kind of
//! answer; each function takes an answer and gives a text.

pub(crate) mod answers;
pub(crate) mod carry;
pub(crate) mod channels;
pub(crate) mod entry;
pub(crate) mod inbox;
pub(crate) mod ledger;
pub(crate) mod people;
pub(crate) mod preview;
pub(crate) mod proof;
pub(crate) mod recalls;
pub(crate) mod relation;
pub(crate) mod status;
pub(crate) mod table;
pub(crate) mod times;
pub(crate) mod warning;

use crate::say::{Ink, Look};

/// What stands above whatever is not real.
const BAND: &str = "//////// EXERCISE //////// nothing below is real ////////";

/// The band of an exercise.
fn band(look: &Look) -> String {
    look.ink(Ink::Due, BAND) + "\n"
}

/// A headline, marked if it is of an exercise. The mark stands once, whoever put it there.
fn headline(title: &str, exercise: bool) -> String {
    match title {
        "" if exercise => "EXERCISE: no title".to_owned(),
        "" => "no title".to_owned(),
        title if exercise && !title.starts_with("EXERCISE") => format!("EXERCISE: {title}"),
        title => title.to_owned(),
    }
}

/// A heading.
fn head(look: &Look, text: &str) -> String {
    look.ink(Ink::Head, text) + "\n"
}
