//! The steps of the case, in order. Each says what it claims, does it, and checks it.

mod after;
mod agreed;
mod bad_day;
mod count;
mod give;
mod life;
mod nodes;
mod write;

use super::check::{Failed, Telling};
use super::play::World;

/// A step.
pub(crate) struct Step {
    /// A short name, for machines.
    pub(crate) name: &'static str,
    /// What it claims, in a line.
    pub(crate) claim: &'static str,
    /// Does it.
    pub(crate) act: fn(&mut World, &mut Telling) -> Result<(), Failed>,
}

/// An act of the play.
pub(crate) struct Act {
    /// Its heading.
    pub(crate) heading: &'static str,
    /// Its steps.
    pub(crate) steps: &'static [Step],
}

/// The play.
pub(crate) const ACTS: [Act; 2] = [
    Act { heading: "A good day", steps: GOOD_DAY },
    Act { heading: "A bad day: what breaks, and what holds", steps: BAD_DAY },
];

/// Everything goes as it should.
const GOOD_DAY: &[Step] = &[
    Step {
        name: "nodes",
        claim: "Three services make a node each; no default password opens anything",
        act: nodes::made,
    },
    Step {
        name: "words",
        claim: "They exchange cards and read twelve words to one another",
        act: nodes::confirmed,
    },
    Step {
        name: "agreements",
        claim: "They agree, domain by domain; both sides hold one text",
        act: agreed::agreements,
    },
    Step {
        name: "warning",
        claim: "Service A learns of a plot against City P, and a clock starts",
        act: write::written,
    },
    Step {
        name: "slip",
        claim: "A word that would burn the source is caught before anything leaves",
        act: write::slip,
    },
    Step {
        name: "preview",
        claim: "Each partner would get what it may see, side by side",
        act: write::preview,
    },
    Step {
        name: "release",
        claim: "Two people release it, and both receivers sign for what they hold",
        act: give::released,
    },
    Step {
        name: "received",
        claim: "Service B reads, accepts and acts; A sees it, within B's clock",
        act: give::received,
    },
    Step {
        name: "names",
        claim: "Names come later, and only to the partner whose risk was assessed",
        act: give::names,
    },
    Step {
        name: "outcome",
        claim: "What came of it comes back: 7 = 3 + 2 + 2, and zero said as zero",
        act: after::outcome,
    },
    Step {
        name: "thanks",
        claim: "Thanks go up, across and down, confirmed at each hop",
        act: after::thanks,
    },
    Step {
        name: "undertaking",
        claim: "B promises to tell A of threats to it, and keeps the promise",
        act: after::undertaking,
    },
    Step {
        name: "firewall",
        claim: "A quarrel in one domain changes nothing in another",
        act: agreed::firewall,
    },
    Step {
        name: "life_floor",
        claim: "No quarrel holds up the bare warning of a threat to life",
        act: life::floor,
    },
    Step { name: "exercise", claim: "An exercise cannot be taken for real", act: life::exercise },
    Step {
        name: "ledger",
        claim: "Both sides compute the same ledger from the same two logs",
        act: count::ledger,
    },
];

/// Everything that can go wrong does, and is really done: processes are killed, files lost, signatures misused.
const BAD_DAY: &[Step] = &[
    Step {
        name: "killed",
        claim: "Nodes are killed in the middle of a delivery; it arrives exactly once",
        act: bad_day::killed::killed,
    },
    Step {
        name: "cut",
        claim: "The line is cut for a while; everything arrives, in order",
        act: bad_day::cut::cut,
    },
    Step {
        name: "carried",
        claim: "Without a line a file is carried, and its receipt comes back",
        act: bad_day::carried::carried,
    },
    Step {
        name: "restored",
        claim: "B loses its disk, restores a backup, and gets back what came after it",
        act: bad_day::restored::restored,
    },
    Step {
        name: "verified",
        claim: "Somebody outside checks a receipt with the program and nothing else",
        act: bad_day::shown::verified,
    },
    Step {
        name: "rewritten",
        claim: "C rewrites its history, and A can prove it to anybody",
        act: bad_day::rewritten::rewritten,
    },
];
