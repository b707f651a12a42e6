//! The ledger: the two heads first, then counts by giver, kind and domain, then the lines. No total, no balance, no score;
//! and no time that depends on who looks, so that both sides read the same text at equal heads.

use std::collections::BTreeMap;

use crate::say::{Ink, Look};
use crate::words::answer::Said;
use crate::words::show::table::{Cell, Table, cell};
use crate::words::show::{head, times};

/// The kinds of favours, in their order.
const KINDS: [&str; 4] = ["warning", "answer", "outcome", "thanks"];

/// The whole ledger.
pub(crate) fn ledger(said: Said<'_>, look: &Look) -> String {
    let mut out = head(look, &format!("Ledger of {}", said.at("parties").joined(" and ")));
    out.push_str("Counted from the two logs at these heads, for which both sides hold receipts.\n\n");
    let mut heads = Table::new(&["giver", ">size", "root"]);
    for at in said.at("heads").items() {
        heads.row([at.at("giver").line().into(), at.at("size").line().into(), at.at("root").line().into()]);
    }
    out.push_str(&heads.show(look));
    out.push('\n');
    if !said.at("lines").has_parts() {
        out.push_str("Nothing passed yet. A warning that was released and receipted stands here: `forewarn release`.\n");
        return out;
    }
    out.push_str(&head(look, "Given"));
    out.push_str(&counts(said).show(look));
    out.push('\n');
    out.push_str(&head(look, "Lines"));
    out.push_str(&lines(said).show(look));
    out
}

fn counts(said: Said<'_>) -> Table {
    let mut by: BTreeMap<(String, String), BTreeMap<&str, u64>> = BTreeMap::new();
    for count in said.at("counts").items() {
        let key = (count.at("giver").line(), domain(count));
        let kind = KINDS.iter().find(|kind| count.at("favour").is(kind)).copied().unwrap_or_default();
        *by.entry(key).or_default().entry(kind).or_default() += count.at("count").count().unwrap_or_default();
    }
    let mut table = Table::new(&["giver", "domain", ">warning", ">answer", ">outcome", ">thanks"]);
    for ((giver, domain), counted) in by {
        let mut cells: Vec<Cell> = vec![giver.into(), domain.into()];
        // The logs are whole, so a kind of which there is no line was given no time.
        cells.extend(KINDS.iter().map(|kind| Cell::from(counted.get(kind).copied().unwrap_or_default().to_string())));
        table.cells(cells);
    }
    table
}

fn domain(of: Said<'_>) -> String {
    if of.at("domain").is_nothing() { "no domain".to_owned() } else { of.at("domain").line() }
}

fn lines(said: Said<'_>) -> Table {
    let mut table = Table::new(&["written, by the giver's clock", "giver", "gave", "entry", "domain", "marks"]);
    for line in said.at("lines").items() {
        let written = line.at("written").time().map(times::instant).unwrap_or_default();
        table.row([
            written.into(),
            line.at("giver").line().into(),
            line.at("favour").line().into(),
            line.at("entry").line().into(),
            domain(line).into(),
            marks(line).into(),
        ]);
        let answer = of_the_receiver(line);
        if !answer.is_empty() {
            table.below(cell(Ink::Quiet, answer));
        }
    }
    table
}

fn marks(line: Said<'_>) -> String {
    let mut marks = Vec::new();
    if line.at("recalled").yes() {
        marks.push("recalled".to_owned());
    }
    if line.at("life_floor").yes() {
        marks.push("life floor".to_owned());
    }
    if !line.at("under").is_nothing() {
        marks.push(format!("keeps undertaking {}", line.at("under").line()));
    }
    marks.join(", ")
}

/// What the receiver said of a warning; what it did not say is left out.
fn of_the_receiver(line: Said<'_>) -> String {
    if !line.at("favour").is("warning") {
        let said = [line.at("disposition").words(), line.at("event").words()];
        return said.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(", ");
    }
    let mut said = Vec::new();
    let disposition = line.at("disposition").words();
    match line.at("disposed_after_s").number() {
        Some(seconds) if !disposition.is_empty() => said.push(format!("{disposition} after {}", times::lasting(seconds))),
        _ if !disposition.is_empty() => said.push(disposition),
        _ => said.push("not answered".to_owned()),
    }
    for (key, name) in [("usefulness", "usefulness"), ("contribution", "contribution"), ("event", "event")] {
        if !line.at(key).is_nothing() {
            said.push(format!("{name} {}", line.at(key).words()));
        }
    }
    format!("the receiver says: {}", said.join(", "))
}
