//! One entry whole. Of a warning: what is held and how exactly, the grade as given, the handling in plain words, the
//! receipt with whose clock, the four facts, the answers, and what to do next.

use model::words::HandlingWords;
use serde::Deserialize;

use crate::say::{Ink, Look};
use crate::words::answer::Said;
use crate::words::show::answers::{answers, body, outcome};
use crate::words::show::recalls;
use crate::words::show::table::{Table, cell, chars, indented, wrap};
use crate::words::show::{band, head, headline, times};

/// The five questions of the specificity profile.
const QUESTIONS: [&str; 5] = ["who", "what", "where", "when", "how"];
/// Fields that have a place of their own.
const APART: [&str; 3] = ["title", "likelihood", "confidence"];

/// The entry.
pub(crate) fn entry(said: Said<'_>, look: &Look) -> String {
    if said.at("release").is_nothing() {
        return other_kind(said, look);
    }
    let mut out = top(said, look);
    out.push_str(&what_is_held(said, look));
    out.push_str(&recall(said, look));
    out.push_str(&handling(said, look));
    out.push_str(&receipt(said, look));
    out.push_str(&facts(said, look));
    out.push_str(&actions(said, look));
    let by = if is_ours(said) { said.at("release").at("partner").line() } else { "this node".to_owned() };
    out.push_str(&answers(said, &by, look));
    out.push_str(&head(look, "Next"));
    for (what, command) in next(said) {
        out.push_str(&format!("  {what}{}{command}\n", if command.is_empty() { "" } else { ": " }));
    }
    out
}

fn is_ours(said: Said<'_>) -> bool {
    said.at("release").at("direction").is("outgoing")
}

/// Whose clock says when it was held and read.
fn receiver(said: Said<'_>) -> String {
    if is_ours(said) { said.at("release").at("partner").line() } else { "this node".to_owned() }
}

fn top(said: Said<'_>, look: &Look) -> String {
    let release = said.at("release");
    let exercise = release.at("status").is("exercise");
    let mut out = if exercise { band(look) } else { String::new() };
    out.push_str(&head(look, &headline(&release.at("title").line(), exercise)));
    let (from, to) = if is_ours(said) { ("to", "given") } else { ("from", "came in") };
    let mut line = format!(
        "{} {from} {}, {to} · {} · {}",
        release.at("entry").line(),
        release.at("partner").line(),
        release.at("precedence").line(),
        release.at("domain").line()
    );
    for (key, word) in [("update", "update of an earlier one"), ("life_floor", "life floor: the bare threat")]
    {
        if release.at(key).yes() {
            line.push_str(&format!(" · {word}"));
        }
    }
    out.push_str(&format!("{line}\n{}\n\n", alarm(release, look)));
    out
}

/// The clock, in a word first.
fn alarm(release: Said<'_>, look: &Look) -> String {
    let due = release.at("due").time().map(|t| times::both(t, look.now)).unwrap_or_default();
    match release.at("standing") {
        s if s.is("lapsed") => look.ink(Ink::Due, "LAPSED: its giver no longer says so"),
        s if s.is("cancelled") => look.ink(Ink::Due, "CANCELLED: its giver says that it is over"),
        s if s.is("recalled") => {
            look.ink(Ink::Alarm, "RECALLED: its giver asks it back; it is not to be used")
        }
        _ if release.at("overdue").yes() => {
            look.ink(Ink::Alarm, &format!("OVERDUE: an answer was due {due}"))
        }
        _ if release.at("disposition").is_nothing() => look.ink(Ink::Due, &format!("an answer is due {due}")),
        _ => "answered".to_owned(),
    }
}

fn what_is_held(said: Said<'_>, look: &Look) -> String {
    let warning = said.at("warning");
    if warning.is_nothing() {
        return "Its text cannot be read or was erased; the receipt and the facts stay.\n\n".to_owned();
    }
    let writer = said.at("writer").line();
    let title = if is_ours(said) {
        format!("What {} holds, as {writer} said it", said.at("release").at("partner").line())
    } else {
        format!("What {writer} says")
    };
    let mut rows: Vec<(String, String, String)> = Vec::new();
    for question in QUESTIONS {
        let grain = warning
            .at("specificity")
            .items()
            .find(|pair| pair.nth(0).is(question))
            .map(|pair| pair.nth(1).words());
        let grain = grain.unwrap_or_else(|| "not stated".to_owned());
        let texts: Vec<String> =
            fields(said).filter(|f| f.at("path").is(question)).map(|f| f.at("text").line()).collect();
        match texts.is_empty() {
            true => rows.push((question.to_owned(), grain, String::new())),
            false => rows.push((question.to_owned(), texts.join("; "), grain)),
        }
    }
    let apart = |field: &Said<'_>| QUESTIONS.iter().chain(&APART).any(|path| field.at("path").is(path));
    for field in fields(said).filter(|f| !apart(f)) {
        rows.push((field.at("path").words(), field.at("text").line(), field.at("depth").words()));
    }
    // Two judgements, never in one sentence.
    for path in ["likelihood", "confidence"] {
        if let Some(field) = fields(said).find(|f| f.at("path").is(path)) {
            rows.push((path.to_owned(), field.at("text").line(), String::new()));
        }
    }
    head(look, &title) + &labelled(&rows, look) + "\n"
}

fn fields(said: Said<'_>) -> impl Iterator<Item = Said<'_>> {
    said.at("warning").at("fields").items()
}

/// Label, text, and in small type how exactly; long texts go on below themselves.
fn labelled(rows: &[(String, String, String)], look: &Look) -> String {
    let label = rows.iter().map(|(name, ..)| chars(name)).max().unwrap_or(0);
    let mut out = String::new();
    for (name, text, grain) in rows {
        let grain = if grain.is_empty() { String::new() } else { format!("  [{grain}]") };
        let lines = wrap(text, look.width.saturating_sub(label + 4 + chars(&grain)));
        for (n, line) in lines.iter().enumerate() {
            let name = if n == 0 { name.as_str() } else { "" };
            let grain = if n + 1 == lines.len() { grain.as_str() } else { "" };
            let blank = " ".repeat(label.saturating_sub(chars(name)));
            out.push_str(&format!(
                "  {}{blank}  {line}{}\n",
                look.ink(Ink::Quiet, name),
                look.ink(Ink::Quiet, grain)
            ));
        }
    }
    out
}

fn recall(said: Said<'_>, look: &Look) -> String {
    let recall = said.at("release").at("recall");
    if recall.is_nothing() {
        return String::new();
    }
    let receiver = receiver(said);
    head(look, "Recall") + &recalls::told(recall, &said.at("writer").line(), &receiver, look) + "\n"
}

fn handling(said: Said<'_>, look: &Look) -> String {
    let header = said.at("warning").at("header");
    if header.is_nothing() {
        return String::new();
    }
    let mut out =
        head(look, if is_ours(said) { "Handling, as the receiver was told" } else { "Handling, for you" });
    for words in handling_words(header.at("handling")) {
        out.push_str(&indented(&words, 2, look));
    }
    let mut told = vec![format!("passed to {}", header.at("purpose").words())];
    match header.at("agreement") {
        hash if hash.is_nothing() => told.push("under no agreement".to_owned()),
        hash => told.push(format!("under agreement {}", hash.line().chars().take(8).collect::<String>())),
    }
    if !header.at("under").is_nothing() {
        let under = header.at("under");
        let origin: String =
            under.at("origin").line().rsplit('/').next().unwrap_or_default().chars().take(8).collect();
        told.push(format!("keeps undertaking {origin}/{}", under.at("index").line()));
    }
    out.push_str(&format!("  {}\n\n", look.ink(Ink::Quiet, &told.join(" · "))));
    out
}

/// The conditions in plain words, the same as in a preview. Those of a form that is not known are shown as they came.
fn handling_words(said: Said<'_>) -> Vec<String> {
    let read = said.value().and_then(|value| HandlingWords::deserialize(value).ok());
    match read.and_then(|words| words.handling().ok()) {
        Some(handling) => {
            let words = exchange::view::preview::handling_words(&handling);
            words.iter().map(|w| model::plain::plain_line(w)).collect()
        }
        None => said.parts().map(|(key, part)| format!("{key}: {}", part.line())).collect(),
    }
}

fn receipt(said: Said<'_>, look: &Look) -> String {
    let mut out = head(look, "Receipt");
    let receipt = said.at("receipt");
    let mut table = Table::new(&["", ""]);
    let row = |table: &mut Table, name: &str, text: String| {
        if !text.is_empty() {
            table.row([cell(Ink::Quiet, format!("  {name}")), text.into()]);
        }
    };
    if receipt.is_nothing() {
        row(&mut table, "none", "no receipt covers it: that the receiver holds it is not shown".to_owned());
    } else {
        let at = receipt.at("at").time();
        let held = at.map(|t| format!("{}, by the clock of {}", times::exact(t), receiver(said)));
        row(&mut table, "held by", held.unwrap_or_else(|| "at a time not stated".to_owned()));
        row(&mut table, "size", receipt.at("size").line());
        row(&mut table, "root", receipt.at("root").line());
    }
    let written = said.at("written").time().map(times::exact).unwrap_or_default();
    row(&mut table, "written", format!("{written}, by the clock of {}", said.at("writer").line()));
    row(&mut table, "entry", said.at("entry").line());
    row(&mut table, "digest", said.at("digest").line());
    out.push_str(&table.show(look));
    out.push('\n');
    out
}

fn facts(said: Said<'_>, look: &Look) -> String {
    let release = said.at("release");
    let at = |key: &str| release.at(key).time().map(|t| times::both(t, look.now));
    let or = |text: Option<String>, nothing: &str| text.unwrap_or_else(|| nothing.to_owned());
    let disposed = (!release.at("disposition").is_nothing()).then(|| {
        format!("{}, first {}", release.at("disposition").words(), at("disposed_at").unwrap_or_default())
    });
    let outcome = (!release.at("outcome").is_nothing()).then(|| release.at("outcome").words());
    let mut table = Table::new(&["", ""]);
    for (name, text) in [
        ("held", or(at("held_at"), "not yet")),
        ("read", or(at("read_at"), "not said")),
        ("disposed", or(disposed, "not yet")),
        ("outcome", or(outcome, "not said")),
    ] {
        table.row([cell(Ink::Quiet, format!("  {name}")), text.into()]);
    }
    head(look, &format!("Facts, as {} says", receiver(said))) + &table.show(look) + "\n"
}

fn actions(said: Said<'_>, look: &Look) -> String {
    if !said.at("actions").has_parts() {
        return String::new();
    }
    let mut table = Table::new(&[">", "kind", "by", "recorded", "stood down"]);
    for action in said.at("actions").items() {
        table.row([
            action.at("id").line().into(),
            action.at("kind").line().into(),
            action.at("by").line().into(),
            action.at("at").time().map(times::instant).unwrap_or_default().into(),
            action.at("stand_down_at").time().map_or_else(|| "running".to_owned(), times::instant).into(),
        ]);
        table.below(action.at("text").line().into());
    }
    head(look, "Actions of ours; the giver does not see them") + &table.show(look) + "\n"
}

/// What to do next: words, and a command where there is one.
fn next(said: Said<'_>) -> Vec<(String, String)> {
    let release = said.at("release");
    let entry = release.at("entry").line();
    let partner = release.at("partner").line();
    let one = |what: &str, command: String| vec![(what.to_owned(), command)];
    if release.at("standing").is("recalled") {
        return after_recall(said, &entry, &partner);
    }
    if is_ours(said) {
        return match (release.at("held_at").is_nothing(), release.at("disposition").is_nothing()) {
            (true, _) => one("no receipt yet", "forewarn outbox".to_owned()),
            (false, true) if release.at("overdue").yes() => one(
                &format!("call the duty desk of {partner}; its number stands in"),
                "forewarn partner list".to_owned(),
            ),
            (false, true) => one(&format!("{partner} has it and owes an answer"), String::new()),
            (false, false) => {
                one("what passed with this partner", format!("forewarn ledger --with {partner}"))
            }
        };
    }
    let mut next = Vec::new();
    if release.at("read_at").is_nothing() {
        next.push(("tell its giver that it was read".to_owned(), format!("forewarn read {entry}")));
    }
    if release.at("disposition").is_nothing() {
        next.push(("answer it".to_owned(), format!("forewarn dispose {entry} accepted")));
    } else {
        next.push((
            "record what is done".to_owned(),
            format!("forewarn act {entry} --kind KIND --text \"…\""),
        ));
    }
    if release.at("outcome").is_nothing() {
        let report =
            format!("forewarn outcome template > outcome.json; forewarn outcome report {entry} outcome.json");
        next.push(("say what came of it".to_owned(), report));
    } else {
        let thank = format!("forewarn thank {entry} --text \"…\" --from-role \"…\"");
        next.push(("thank its giver".to_owned(), thank));
    }
    next
}

/// What to do about a recall.
fn after_recall(said: Said<'_>, entry: &str, partner: &str) -> Vec<(String, String)> {
    let recall = said.at("release").at("recall");
    let said_nothing = recall.at("said").is_nothing();
    let mut next = vec![("it is asked back: do not use what it said".to_owned(), String::new())];
    match (is_ours(said), said_nothing) {
        (true, true) if recall.at("overdue").yes() => {
            let call = format!("call the duty desk of {partner}; its number stands in");
            next = vec![(call, "forewarn partner list".to_owned())];
        }
        (true, true) => next = vec![(format!("{partner} is asked to erase it and to say so"), String::new())],
        (true, false) => {
            next = vec![(
                "what passed with this partner".to_owned(),
                format!("forewarn ledger --with {partner}"),
            )];
        }
        (false, true) => {
            next.push((
                "erase it here and tell its giver".to_owned(),
                format!("forewarn recall confirm {entry}"),
            ));
            next.push((
                "or keep it and say why".to_owned(),
                format!("forewarn recall contest {entry} --reason REASON"),
            ));
        }
        (false, false) if recall.at("said").is("contested") => {
            let confirm = format!("forewarn recall confirm {entry}");
            next.push(("erase it once the reason to keep it has gone".to_owned(), confirm));
        }
        (false, false) => {}
    }
    next
}

/// An entry that is no warning: its kind, its receipt, its body.
fn other_kind(said: Said<'_>, look: &Look) -> String {
    let mut out = if said.at("channel_use").is("exercise") { band(look) } else { String::new() };
    out.push_str(&head(look, &format!("{} by {}", said.at("kind").line(), said.at("writer").line())));
    out.push('\n');
    match said.at("body").has_parts() {
        true if said.at("kind").is("outcome.reported") => {
            out.push_str(&format!(
                "    {}\n{}",
                said.at("body").at("event").words(),
                outcome(said.at("body"), look)
            ));
        }
        true => out.push_str(&body(said.at("body"), 2, look)),
        false => out.push_str("  Its text cannot be shown or was erased.\n"),
    }
    out.push('\n');
    let mut table = Table::new(&["", ""]);
    let written = said.at("written").time().map(times::exact).unwrap_or_default();
    let receipt = said.at("receipt");
    let covered = match receipt.is_nothing() {
        true => "no receipt covers it".to_owned(),
        false => format!(
            "size {}, root {}, {}",
            receipt.at("size").line(),
            receipt.at("root").line(),
            receipt.at("at").time().map(times::exact).unwrap_or_default()
        ),
    };
    for (name, text) in [
        ("written", format!("{written}, by the clock of {}", said.at("writer").line())),
        ("receipt", covered),
        ("entry", said.at("entry").line()),
        ("digest", said.at("digest").line()),
    ] {
        table.row([cell(Ink::Quiet, format!("  {name}")), text.into()]);
    }
    out.push_str(&table.show(look));
    let answers = answers(said, "the other side", look);
    if !answers.is_empty() {
        out.push_str(&format!("\n{}", answers.trim_end_matches('\n')));
        out.push('\n');
    }
    let (hex, index) = (said.at("entry").line(), said.at("entry").line());
    let short = format!(
        "{}/{}",
        hex.chars().take(8).collect::<String>(),
        index.rsplit('/').next().unwrap_or_default()
    );
    let command = match said.at("kind") {
        k if k.is("thanks.given") => format!("forewarn relay {short} --received-by ROLE"),
        k if k.is("undertaking.declared") => format!("forewarn undertaking accept {short}"),
        k if k.is("agreement.proposed") => "forewarn agreement list".to_owned(),
        _ => return out,
    };
    out.push_str(&format!("\n{}  if it is the partner's and not answered: {command}\n", head(look, "Next")));
    out
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::words::answer::Answer;

    fn look() -> Look {
        Look { paint: false, width: 100, now: "2026-12-10T12:00:00Z".parse().unwrap() }
    }

    fn release(direction: &str, partner: &str) -> Value {
        json!({
            "entry": "2e9dc61f/2", "partner": partner, "direction": direction, "status": "actual",
            "precedence": "flash", "domain": "counter_terrorism", "title": "Bombings planned",
            "held_at": "2026-12-10T11:30:00Z", "read_at": null, "disposition": null, "disposed_at": null,
            "outcome": null, "standing": "active", "due": "2026-12-10T11:45:00Z", "overdue": true,
        })
    }

    fn warning() -> Value {
        json!({
            "title": "Bombings planned",
            "header": {
                "purpose": "prevent_harm", "agreement": "731d00dd936f", "harm": ["killing"],
                "handling": { "tlp": "amber", "onward": "ask" },
            },
            "fields": [
                { "path": "where", "depth": "city", "text": "City P, Country B" },
                { "path": "what", "text": "bombings of crowded places" },
                { "path": "grade", "text": "B2 (nato6x6)" },
                { "path": "confidence", "text": "moderate" },
                { "path": "likelihood", "text": "likely" },
            ],
            "specificity": [["how", "not stated"], ["what", "in words"], ["when", "not stated"], ["where", "city"],
                ["who", "not stated"]],
        })
    }

    fn shown(direction: &str, answers: Value) -> String {
        let partner = if direction == "incoming" { "service-a.example" } else { "service-b.example" };
        let whole = Answer(json!({
            "entry": format!("{}/2", "2e9dc61f".repeat(8)), "writer": "service-a.example", "kind": "warning.released",
            "written": "2026-12-10T11:29:58Z", "channel_use": "actual", "digest": "4811",
            "receipt": { "size": 3, "root": "root=", "at": "2026-12-10T11:30:00Z" },
            "release": release(direction, partner), "warning": warning(), "actions": [], "answers": answers,
            "body": null,
        }));
        entry(whole.said(), &look())
    }

    #[test]
    fn a_warning_that_came_in_shows_what_is_held_how_exactly_the_receipt_and_what_to_do() {
        let expected = "\
Bombings planned
2e9dc61f/2 from service-a.example, came in · flash · counter_terrorism
OVERDUE: an answer was due 15 min ago (2026-12-10 11:45 UTC)

What service-a.example says
  who         not stated
  what        bombings of crowded places  [in words]
  where       City P, Country B  [city]
  when        not stated
  how         not stated
  grade       B2 (nato6x6)
  likelihood  likely
  confidence  moderate

Handling, for you
  TLP:AMBER
  PAP:AMBER
  as evidence: no
  passing on: ask
  publication: none
  persons: lead only
  passed to prevent harm · under agreement 731d00dd

Receipt
  held by  2026-12-10 11:30:00 UTC, by the clock of this node
  size     3
  root     root=
  written  2026-12-10 11:29:58 UTC, by the clock of service-a.example
";
        let shown = shown("incoming", json!([]));
        assert!(shown.starts_with(expected), "\n{shown}");
        let next = "Next\n  tell its giver that it was read: forewarn read 2e9dc61f/2\n  \
                    answer it: forewarn dispose 2e9dc61f/2 accepted\n";
        assert!(shown.contains(next), "\n{shown}");
    }

    #[test]
    fn a_warning_that_was_given_is_told_with_the_clock_of_its_receiver() {
        let shown = shown("outgoing", json!([]));
        assert!(shown.contains("What service-b.example holds, as service-a.example said it"), "{shown}");
        assert!(shown.contains("by the clock of service-b.example"), "{shown}");
        assert!(shown.contains("call the duty desk of service-b.example"), "{shown}");
    }
}
