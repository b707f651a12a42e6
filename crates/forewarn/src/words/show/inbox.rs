//! Lists of releases: overdue first, then by the time an answer is due, then what is settled; exercises apart, below a band.

use crate::say::{Ink, Look};
use crate::words::answer::Said;
use crate::words::show::recalls;
use crate::words::show::table::{Table, cell};
use crate::words::show::{band, head, headline, times};

/// What partners gave us.
pub(crate) fn incoming(said: Said<'_>, look: &Look) -> String {
    if !said.has_parts() {
        return "Nothing has come in. What partners give this node stands here; `forewarn partner list` shows who can.\n"
            .to_owned();
    }
    let words = Words { head: "Inbox", other: "from", whose: "" };
    list(said, &words, look)
        + "\n`forewarn show ENTRY` shows one; `forewarn dispose ENTRY accepted` answers it.\n"
}

/// What we gave partners.
pub(crate) fn outgoing(said: Said<'_>, look: &Look) -> String {
    if !said.has_parts() {
        return "Nothing was sent. What is released stands here once it is in a log: `forewarn warning preview`, then \
                `forewarn release`; `forewarn outbox` shows what waits.\n"
            .to_owned();
    }
    let words = Words { head: "Sent", other: "to", whose: "their " };
    list(said, &words, look)
        + "\n`forewarn show ENTRY` shows one, with its receipt and what the receiver said.\n"
}

/// How one list speaks.
struct Words {
    head: &'static str,
    other: &'static str,
    whose: &'static str,
}

fn list(said: Said<'_>, words: &Words, look: &Look) -> String {
    let (exercises, actual): (Vec<_>, Vec<_>) =
        said.items().partition(|line| line.at("status").is("exercise"));
    let overdue = actual.iter().filter(|line| line.at("overdue").yes()).count();
    let open = actual.iter().filter(|line| is_open(**line)).count();
    let mut out = look.ink(Ink::Head, words.head);
    out.push_str(": ");
    if overdue > 0 {
        out.push_str(&look.ink(Ink::Alarm, &format!("{overdue} OVERDUE")));
        out.push_str(", ");
    }
    out.push_str(&format!("{open} without {}answer, {} in all\n", article(words.whose), actual.len()));
    if !actual.is_empty() {
        out.push('\n');
        out.push_str(&table(actual, words, look));
    }
    if !exercises.is_empty() {
        out.push('\n');
        out.push_str(&band(look));
        out.push_str(&table(exercises, words, look));
    }
    out
}

fn article(whose: &str) -> &str {
    if whose.is_empty() { "an " } else { whose }
}

/// Whether an answer is still waited for.
fn is_open(line: Said<'_>) -> bool {
    line.at("disposition").is_nothing() && line.at("standing").is("active")
}

fn table(mut lines: Vec<Said<'_>>, words: &Words, look: &Look) -> String {
    // Open ones by when they are due, which puts the overdue in front; settled ones stay the newest first.
    lines.sort_by_key(|line| match is_open(*line) {
        true => (false, !line.at("overdue").yes(), line.at("due").time()),
        false => (true, true, None),
    });
    let mut table = Table::new(&["", "answer due", "", "entry", words.other, "precedence"]);
    for line in lines {
        let due = line.at("due").time().filter(|_| is_open(line));
        table.row([
            state(line),
            due.map(|t| times::away(t, look.now)).unwrap_or_default().into(),
            due.map(times::instant).unwrap_or_default().into(),
            line.at("entry").line().into(),
            line.at("partner").line().into(),
            line.at("precedence").line().into(),
        ]);
        table.below(headline(&line.at("title").line(), line.at("status").is("exercise")).into());
        table.below(cell(Ink::Quiet, facts(line, look)));
        let recall = line.at("recall");
        if !recall.is_nothing() {
            let who = if words.whose.is_empty() { "this node".to_owned() } else { line.at("partner").line() };
            let reason = recall.at("reason").words();
            let ink = if recall.at("overdue").yes() { Ink::Alarm } else { Ink::Quiet };
            let text = format!("recalled ({reason}) · {who} {}", recalls::said(recall, look));
            table.below(cell(ink, text));
        }
    }
    table.show(look)
}

fn state(line: Said<'_>) -> super::table::Cell {
    if line.at("overdue").yes() {
        cell(Ink::Alarm, "OVERDUE")
    } else if is_open(line) {
        cell(Ink::Due, "due")
    } else if !line.at("standing").is("active") {
        cell(Ink::Due, line.at("standing").line().to_uppercase())
    } else {
        "answered".into()
    }
}

/// The four facts, each with what is known of it; what is not known is said so.
fn facts(line: Said<'_>, look: &Look) -> String {
    let at = |key: &str| line.at(key).time().map(|t| times::away(t, look.now));
    let held = at("held_at").map_or_else(|| "not held yet".to_owned(), |ago| format!("held {ago}"));
    let read = at("read_at").map_or_else(|| "not read".to_owned(), |ago| format!("read {ago}"));
    let disposed = match line.at("disposition") {
        nothing if nothing.is_nothing() => "not answered".to_owned(),
        disposition => {
            format!("{} {}", disposition.words(), at("disposed_at").unwrap_or_default()).trim().to_owned()
        }
    };
    let outcome = match line.at("outcome") {
        nothing if nothing.is_nothing() => "no outcome".to_owned(),
        outcome => format!("outcome: {}", outcome.words()),
    };
    let mut facts = vec![held, read, disposed, outcome];
    if !line.at("usefulness").is_nothing() {
        facts.push(format!("usefulness {}", line.at("usefulness").words()));
    }
    facts.push(line.at("domain").line());
    facts.extend(line.at("life_floor").yes().then(|| "life floor".to_owned()));
    facts.extend(line.at("update").yes().then(|| "update".to_owned()));
    facts.join(" · ")
}

/// What waits to go.
pub(crate) fn waiting(said: Said<'_>, look: &Look) -> String {
    if !said.has_parts() {
        return "Nothing waits. What is decided stands here until the partner's node has taken it.\n"
            .to_owned();
    }
    let mut table = Table::new(&["to", "becomes", "decided", ""]);
    for line in said.items() {
        let since = line.at("since").time();
        table.row([
            line.at("partner").line().into(),
            line.at("kind").line().into(),
            since.map(|t| times::away(t, look.now)).unwrap_or_default().into(),
            since.map(times::instant).unwrap_or_default().into(),
        ]);
    }
    let head = head(look, "Decided and not sent");
    format!(
        "{head}{}\nThe courier tries again by itself; `forewarn partner list` shows what stands in the way.\n",
        table.show(look)
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::words::answer::Answer;

    fn look() -> Look {
        Look { paint: false, width: 100, now: "2026-12-10T12:00:00Z".parse().unwrap() }
    }

    fn line(entry: &str, due: &str) -> Value {
        json!({
            "entry": entry, "partner": "service-a.example", "direction": "incoming", "status": "actual",
            "precedence": "immediate", "domain": "counter_terrorism", "title": "Bombings planned", "thread": "00",
            "update": false, "life_floor": false, "written": "2026-12-10T11:00:00Z", "held_at": "2026-12-10T11:30:00Z",
            "read_at": null, "disposition": null, "disposed_at": null, "outcome": null, "usefulness": null,
            "standing": "active", "due": due, "overdue": false,
        })
    }

    fn with(mut line: Value, parts: Value) -> Value {
        for (key, value) in parts.as_object().unwrap() {
            line[key] = value.clone();
        }
        line
    }

    #[test]
    fn the_overdue_stand_first_then_by_when_they_are_due_then_the_settled_and_exercises_below_a_band() {
        let answered = json!({
            "disposition": "accepted", "disposed_at": "2026-12-10T11:50:00Z", "read_at": "2026-12-10T11:40:00Z",
            "outcome": "not_occurred", "usefulness": "high",
        });
        let answer = Answer(json!([
            with(line("aaaaaaaa/1", "2026-12-10T20:00:00Z"), answered),
            with(line("bbbbbbbb/2", "2026-12-10T12:14:00Z"), json!({ "status": "exercise" })),
            line("cccccccc/3", "2026-12-10T15:20:00Z"),
            with(line("dddddddd/4", "2026-12-10T11:00:00Z"), json!({ "overdue": true })),
            with(line("eeeeeeee/5", "2026-12-10T10:00:00Z"), json!({ "standing": "recalled" })),
            line("ffffffff/6", "2026-12-10T13:00:00Z"),
        ]));
        let shown = incoming(answer.said(), &look());
        let expected = "\
Inbox: 1 OVERDUE, 3 without an answer, 5 in all

          answer due                           entry       from               precedence
OVERDUE   1 h ago        2026-12-10 11:00 UTC  dddddddd/4  service-a.example  immediate
    Bombings planned
    held 30 min ago · not read · not answered · no outcome · counter_terrorism
due       in 1 h         2026-12-10 13:00 UTC  ffffffff/6  service-a.example  immediate
    Bombings planned
    held 30 min ago · not read · not answered · no outcome · counter_terrorism
due       in 3 h 20 min  2026-12-10 15:20 UTC  cccccccc/3  service-a.example  immediate
    Bombings planned
    held 30 min ago · not read · not answered · no outcome · counter_terrorism
answered                                       aaaaaaaa/1  service-a.example  immediate
    Bombings planned
    held 30 min ago · read 20 min ago · accepted 10 min ago · outcome: not occurred · usefulness high · counter_terrorism
RECALLED                                       eeeeeeee/5  service-a.example  immediate
    Bombings planned
    held 30 min ago · not read · not answered · no outcome · counter_terrorism

//////// EXERCISE //////// nothing below is real ////////
     answer due                        entry       from               precedence
due  in 14 min   2026-12-10 12:14 UTC  bbbbbbbb/2  service-a.example  immediate
    EXERCISE: Bombings planned
    held 30 min ago · not read · not answered · no outcome · counter_terrorism

`forewarn show ENTRY` shows one; `forewarn dispose ENTRY accepted` answers it.
";
        assert_eq!(shown, expected, "\n{shown}");
    }

    #[test]
    fn an_empty_list_says_what_would_be_here_and_the_command_that_puts_it_here() {
        let none = Answer(json!([]));
        for shown in
            [incoming(none.said(), &look()), outgoing(none.said(), &look()), waiting(none.said(), &look())]
        {
            assert!(shown.contains("here") && !shown.contains("0 "), "{shown}");
        }
        assert!(outgoing(none.said(), &look()).contains("`forewarn warning preview`"));
    }

    #[test]
    fn what_was_not_held_is_not_said_to_be() {
        let answer =
            Answer(json!([with(line("aaaaaaaa/1", "2026-12-10T15:20:00Z"), json!({ "held_at": null }))]));
        assert!(outgoing(answer.said(), &look()).contains("not held yet · not read"));
    }
}
