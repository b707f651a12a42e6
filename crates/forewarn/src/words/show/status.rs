//! The node at a glance: clocks first; and what it knows to be wrong.

use crate::say::{Ink, Look};
use crate::words::answer::Said;
use crate::words::show::table::{Table, cell, indented};
use crate::words::show::{head, times};

/// What each clock waits for, in words.
const AWAITED: &[(&str, &str)] = &[
    ("duty_decision", "decide to warn or to waive"),
    ("review", "review a one-person release"),
    ("our_acknowledgement", "answer the giver"),
    ("their_acknowledgement", "the partner's answer"),
    ("their_outcome", "the partner's outcome"),
    ("lapse_decision", "extend, cancel or let lapse"),
];

/// The node at a glance.
pub(crate) fn status(said: Said<'_>, look: &Look) -> String {
    let at = said.at("now").time();
    let look = &Look { now: at.unwrap_or(look.now), ..*look };
    let mut out = head(look, &said.at("node").line());
    out.push_str(&format!("as of {}, by its own clock\n", at.map(times::exact).unwrap_or_default()));
    if !said.at("clock_unsure").is_nothing() {
        out.push_str(&look.ink(Ink::Alarm, &format!("CLOCK UNSURE: {}", said.at("clock_unsure").line())));
        out.push_str("\n  compare it with another one, then: forewarn clock confirm\n");
    }
    if !said.at("recovering").is_nothing() {
        out.push_str(&look.ink(Ink::Alarm, &format!("RECOVERING: {}", said.at("recovering").line())));
        out.push_str("\n  it asks its partners what was signed since, and signs nothing before; see: forewarn doctor\n");
    }
    out.push('\n');
    out.push_str(&clocks(said, look));
    out.push('\n');
    let mut waiting = Table::new(&["", ">", ""]);
    for (what, key, command) in [
        ("proposals that wait for a second person", "proposals_waiting", "forewarn pending"),
        ("decided and not sent", "outbox_waiting", "forewarn outbox"),
    ] {
        let count = said.at(key).count().unwrap_or_default();
        let command = if count > 0 { command } else { "" };
        waiting.row([what.into(), count.to_string().into(), cell(Ink::Quiet, command)]);
    }
    out.push_str(&waiting.show(look));
    for partner in said.at("carried").items() {
        out.push_str(&carried(partner));
    }
    for trouble in said.at("troubles").items() {
        let words = format!("TROUBLE with {}: {}", trouble.nth(0).line(), trouble.nth(1).line());
        out.push_str(&look.ink(Ink::Alarm, &words));
        out.push('\n');
    }
    for silent in said.at("silent").items() {
        let partner = silent.at("partner").line();
        let words = match silent.at("heard_at").time() {
            Some(heard) => format!("SILENT: {partner} was last heard of at {}", times::exact(heard)),
            None => format!("SILENT: {partner} was never heard of"),
        };
        out.push_str(&look.ink(Ink::Due, &words));
        out.push('\n');
    }
    out.push('\n');
    let duty = said.at("duty");
    match duty.is_nothing() {
        true => out.push_str(
            "Call first  nobody: the roster is empty (`forewarn roster set --line \"Duty desk=+00 000\"`)\n",
        ),
        false => out.push_str(&format!("Call first  {}\n", duty.line())),
    }
    out.push_str(&format!("Our words   {}\n", said.at("words").line()));
    out.push_str(&format!("Fingerprint {}\n", said.at("fingerprint").line()));
    out
}

/// How a partner is carried that is not simply called.
fn carried(partner: Said<'_>) -> String {
    let (name, waiting) = (partner.nth(0).line(), partner.nth(2).count().unwrap_or_default());
    match partner.nth(1) {
        c if c.is("fetch") => format!("{name} is called, and fetched from\n"),
        c if c.is("wait") => format!("{name} calls us and fetches: {waiting} wait for it\n"),
        _ if waiting > 0 => {
            format!("{name} is carried by file: {waiting} wait (`forewarn carry pack {name} --to DIR`)\n")
        }
        _ => format!("{name} is carried by file: nothing waits\n"),
    }
}

fn clocks(said: Said<'_>, look: &Look) -> String {
    let all: Vec<Said<'_>> = said.at("clocks").items().collect();
    if all.is_empty() {
        return "No clock runs: nothing is due.\n".to_owned();
    }
    let (exercises, actual): (Vec<_>, Vec<_>) = all.into_iter().partition(|c| c.at("exercise").yes());
    let mut table = Table::new(&["", "due", "", "awaited", "about", "with", "precedence"]);
    for clock in actual.into_iter().chain(exercises) {
        let due = clock.at("due").time();
        let overdue = clock.at("overdue").yes();
        let exercise = if clock.at("exercise").yes() { "EXERCISE " } else { "" };
        let awaited = AWAITED.iter().find(|(word, _)| clock.at("awaited").is(word));
        let awaited = awaited.map_or_else(|| clock.at("awaited").words(), |(_, words)| (*words).to_owned());
        table.row([
            if overdue {
                cell(Ink::Alarm, format!("{exercise}OVERDUE"))
            } else {
                cell(Ink::Due, format!("{exercise}due"))
            },
            due.map(|t| times::away(t, look.now)).unwrap_or_default().into(),
            due.map(times::instant).unwrap_or_default().into(),
            awaited.into(),
            clock.at("about").line().into(),
            clock.at("partner").line().into(),
            clock.at("precedence").line().into(),
        ]);
    }
    table.show(look)
}

/// What the node knows to be wrong, the worst first.
pub(crate) fn doctor(said: Said<'_>, look: &Look) -> String {
    if !said.has_parts() {
        return "Nothing is wrong, as far as this node can tell.\n".to_owned();
    }
    let mut out = String::new();
    for finding in said.items() {
        let (ink, word) = match finding.at("severity") {
            s if s.is("fault") => (Ink::Alarm, "FAULT"),
            s if s.is("warning") => (Ink::Due, "today"),
            _ => (Ink::Quiet, "note"),
        };
        out.push_str(&look.ink(ink, word));
        out.push_str(&" ".repeat(7_usize.saturating_sub(word.len())));
        out.push_str(&format!("{}\n", finding.at("fact").line()));
        if !finding.at("detail").is_nothing() {
            out.push_str(&indented(&finding.at("detail").line(), 7, look));
        }
        out.push_str(&indented(&format!("hint: {}", finding.at("hint").line()), 7, look));
    }
    out
}
