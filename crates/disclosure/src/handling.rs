//! The handling that goes out: the join over the rungs granted, told from the recipient's side (I-06).

use std::collections::BTreeSet;

use model::handling::{Handling, RelTo};
use model::id::PartyName;
use model::vocab::{NamingDepth, Onward, PersonsUse};

/// What was granted, as far as the handling of the whole depends on it.
pub(crate) struct Granted<'a> {
    /// The handling of every rung granted.
    pub(crate) rungs: Vec<&'a Handling>,
    /// Whether anything goes by the life floor.
    pub(crate) by_floor: bool,
    /// Whether a person is named whom the terms give as a lead only.
    pub(crate) lead_only: bool,
    /// How deep the giver is named.
    pub(crate) naming: NamingDepth,
}

/// The handling for `to`. At least as strict as every rung granted in what a holder may do; of parties it names only
/// the recipient, and us where our own name is given anyway: whoever else owns a rung, the recipient asks us.
pub(crate) fn outgoing(granted: &Granted<'_>, to: &PartyName, us: &PartyName) -> Handling {
    let start = if granted.by_floor { Handling::strictest_default() } else { Handling::open() };
    // To be joined twice is to be joined once, and most rungs of a warning are handled alike.
    let mut unlike: Vec<&Handling> = Vec::new();
    for rung in &granted.rungs {
        if !unlike.contains(rung) {
            unlike.push(rung);
        }
    }
    let mut all = unlike.into_iter().fold(start, |all, rung| all.join(rung));
    if granted.by_floor || all.rel_to != RelTo::Any {
        all.rel_to = RelTo::Only(BTreeSet::from([to.clone()]));
    }
    if !all.orcon.is_empty() {
        all.onward = all.onward.max(Onward::Ask);
        let named = granted.naming >= NamingDepth::Agency;
        let mut seen = BTreeSet::new();
        seen.extend(all.orcon.contains(to).then(|| to.clone()));
        seen.extend((named && all.orcon.iter().any(|p| p != to)).then(|| us.clone()));
        all.orcon = seen;
    }
    if granted.lead_only {
        all.persons = all.persons.max(PersonsUse::LeadOnly);
    }
    all
}
