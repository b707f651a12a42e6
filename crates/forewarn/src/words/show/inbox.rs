//! Lists of releases: overdue first, then by the time an answer is due, then what is settled; exercises apart, below a band.

use crate::say::{Ink, Look};
use crate::words::answer::Said;
use crate::words::show::table::{Table, cell};
use crate::words::show::{band, head, headline, times};

/// What partners gave us.
pub(crate) fn incoming(said: Said<'_>, look: &Look) -> String {
    if !said.has_parts() {
        return "Nothing has come in. What partners give this node stands here; `forewarn partner list` shows who can.\n"
            .to_owned();
    }
    let words = Words { head: "Inbox", other: "from", whose: "" };
    list(said, &words, look) + "\n`forewarn show ENTRY` shows one; `forewarn dispose ENTRY accepted` answers it.\n"
}

/// What we gave partners.
pub(crate) fn outgoing(said: Said<'_>, look: &Look) -> String {
    if !said.has_parts() {
        return "Nothing was sent. What is released stands here once it is in a log: `forewarn warning preview`, then \
                `forewarn release`; `forewarn outbox` shows what waits.\n"
            .to_owned();
    }
    let words = Words { head: "Sent", other: "to", whose: "their " };
    list(said, &words, look) + "\n`forewarn show ENTRY` shows one, with its receipt and what the receiver said.\n"
}

/// How one list speaks.
struct Words {
    head: &'static str,
    other: &'static str,
    whose: &'static str,
}

fn list(said: Said<'_>, words: &Words, look: &Look) -> String {
    let (exercises, actual): (Vec<_>, Vec<_>) = said.items().partition(|line| line.at("status").is("exercise"));
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
        disposition => format!("{} {}", disposition.words(), at("disposed_at").unwrap_or_default()).trim().to_owned(),
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
        return "Nothing waits. What is decided stands here until the partner's node has taken it.\n".to_owned();
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
    format!("{head}{}\nThe courier tries again by itself; `forewarn partner list` shows what stands in the way.\n", table.show(look))
}
