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
        cells.extend(
            KINDS.iter().map(|kind| Cell::from(counted.get(kind).copied().unwrap_or_default().to_string())),
        );
        table.cells(cells);
    }
    table
}

fn domain(of: Said<'_>) -> String {
    if of.at("domain").is_nothing() { "no domain".to_owned() } else { of.at("domain").line() }
}

fn lines(said: Said<'_>) -> Table {
    let mut table =
        Table::new(&["written, by the giver's clock", "giver", "gave", "entry", "domain", "marks"]);
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
        Some(seconds) if !disposition.is_empty() => {
            said.push(format!("{disposition} after {}", times::lasting(seconds)))
        }
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

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::words::answer::Answer;

    fn look(now: &str) -> Look {
        Look { paint: false, width: 100, now: now.parse().unwrap() }
    }

    fn answer() -> Answer {
        let line = json!({
            "entry": "2e9dc61f/2", "favour": "warning", "giver": "service-a.example", "domain": "counter_terrorism",
            "written": "2026-11-22T11:20:00Z", "under": "983beb72/1", "recalled": false, "life_floor": false,
            "disposed_after_s": 720, "disposition": "accepted", "usefulness": "high", "contribution": null,
            "event": "not_occurred",
        });
        let thanks = json!({
            "entry": "983beb72/7", "favour": "thanks", "giver": "service-b.example", "domain": null,
            "written": "2026-11-23T08:00:00Z",
        });
        Answer(json!({
            "parties": ["service-a.example", "service-b.example"],
            "heads": [
                { "giver": "service-a.example", "origin": "o", "size": 5, "root": "rootA=" },
                { "giver": "service-b.example", "origin": "o", "size": 18, "root": "rootB=" },
            ],
            "counts": [
                { "giver": "service-a.example", "domain": "counter_terrorism", "favour": "warning", "count": 1 },
                { "giver": "service-b.example", "domain": null, "favour": "thanks", "count": 12 },
            ],
            "lines": [line, thanks],
        }))
    }

    #[test]
    fn the_heads_come_first_then_counts_by_kind_then_the_lines() {
        let expected = "\
Ledger of service-a.example and service-b.example
Counted from the two logs at these heads, for which both sides hold receipts.

giver              size  root
service-a.example     5  rootA=
service-b.example    18  rootB=

Given
giver              domain             warning  answer  outcome  thanks
service-a.example  counter_terrorism        1       0        0       0
service-b.example  no domain                0       0        0      12

Lines
written, by the giver's clock  giver              gave     entry       domain             marks
2026-11-22 11:20 UTC           service-a.example  warning  2e9dc61f/2  counter_terrorism  keeps undertaking 983beb72/1
    the receiver says: accepted after 12 min, usefulness high, event not occurred
2026-11-23 08:00 UTC           service-b.example  thanks   983beb72/7  no domain
";
        let shown = ledger(answer().said(), &look("2026-12-10T12:00:00Z"));
        assert_eq!(shown, expected, "\n{shown}");
    }

    #[test]
    fn the_text_does_not_depend_on_when_it_is_read() {
        let at = |now: &str| ledger(answer().said(), &look(now));
        assert_eq!(at("2026-12-10T12:00:00Z"), at("2027-01-01T00:00:00Z"));
    }

    #[test]
    fn a_ledger_without_lines_says_what_would_be_there() {
        let now = Timestamp::UNIX_EPOCH;
        let none = Answer(json!({ "parties": ["a", "b"], "heads": [], "counts": [], "lines": [] }));
        let shown = ledger(none.said(), &Look { paint: false, width: 100, now });
        assert!(shown.contains("Nothing passed yet") && shown.contains("forewarn release"), "{shown}");
    }
}
