//! The preview: a column for each recipient, a row for each field, in each cell what that recipient gets. What stands
//! above it and is not given is struck (`–`), with the reason below.

use model::received;
use model::vocab::Status;

use crate::say::{Ink, Look};
use crate::words::answer::Said;
use crate::words::show::table::{chars, wrap};
use crate::words::show::{band, head, headline, times};

/// More recipients than these have a block each.
const COLUMNS_MAX: usize = 3;
/// A column is not made narrower than this; then each recipient has a block.
const COLUMN_CHARS_MIN: usize = 26;
/// Nor wider.
const COLUMN_CHARS_MAX: usize = 64;
/// Blanks between columns.
const GAP: usize = 2;

/// One line of a cell.
struct Line {
    ink: Ink,
    text: String,
}

fn line(ink: Ink, text: impl Into<String>) -> Line {
    Line { ink, text: text.into() }
}

/// The whole preview.
pub(crate) fn preview(said: Said<'_>, look: &Look) -> String {
    let columns: Vec<Said<'_>> = said.at("columns").items().collect();
    let exercise = columns.iter().any(|column| is_exercise(*column));
    let mut out = if exercise { band(look) } else { String::new() };
    let title = headline(&said.at("title").line(), exercise);
    out.push_str(&head(look, &format!("{title}: what each recipient would get")));
    out.push_str(&look.ink(Ink::Quiet, &said.at("warning").line()));
    out.push_str("\n\n");
    if said.at("imminent_danger").yes() {
        let path = "By the imminent-danger path: one person releases, a second reviews it afterwards.";
        out.push_str(&look.ink(Ink::Due, path));
        out.push_str("\n\n");
    }
    let label =
        columns.iter().flat_map(|c| c.at("cells").items()).map(|c| chars(&c.at("field").line())).max();
    let label = label.unwrap_or(0).max("handling".len());
    let each = look.width.saturating_sub(label) / columns.len().max(1);
    let side_by_side = columns.len() <= COLUMNS_MAX && each >= COLUMN_CHARS_MIN + GAP;
    let in_one_row = if side_by_side { columns.len().max(1) } else { 1 };
    for row in columns.chunks(in_one_row) {
        out.push_str(&grid(row, label, look));
        out.push('\n');
    }
    out.push_str(&what_could_change_it(&columns, look));
    out.push_str(&ending(said, &columns, look));
    out
}

/// Whether the copy that would go says of itself that it is an exercise.
fn is_exercise(column: Said<'_>) -> bool {
    received::release_header(column.at("text").raw().as_bytes()).is_ok_and(|h| h.status == Status::Exercise)
}

/// Recipients side by side.
fn grid(columns: &[Said<'_>], label: usize, look: &Look) -> String {
    let width = look.width.saturating_sub(label) / columns.len().max(1);
    let width = width.saturating_sub(GAP).clamp(COLUMN_CHARS_MIN, COLUMN_CHARS_MAX);
    let mut rows: Vec<(String, Vec<Vec<Line>>)> = Vec::new();
    rows.push((String::new(), columns.iter().map(|c| top(*c, width)).collect()));
    let mut said_above = vec![String::new(); columns.len()];
    for field in fields(columns) {
        let cells =
            columns.iter().zip(&mut said_above).map(|(c, above)| cell_of(*c, &field, above, width)).collect();
        rows.push((field, cells));
    }
    rows.push(("handling".to_owned(), columns.iter().map(|c| handling(*c, width)).collect()));
    rows.iter().map(|(name, cells)| row(name, cells, label, width, look)).collect()
}

/// The fields of all columns, in the order in which they come.
fn fields(columns: &[Said<'_>]) -> Vec<String> {
    let mut fields: Vec<String> = Vec::new();
    for cell in columns.iter().flat_map(|c| c.at("cells").items()) {
        let field = cell.at("field").line();
        if !fields.contains(&field) {
            fields.push(field);
        }
    }
    fields
}

fn row(name: &str, cells: &[Vec<Line>], label: usize, width: usize, look: &Look) -> String {
    let mut out = String::new();
    for n in 0..cells.iter().map(Vec::len).max().unwrap_or(0) {
        let name = if n == 0 { name } else { "" };
        out.push_str(&look.ink(Ink::Quiet, name));
        let mut owed = label.saturating_sub(chars(name)) + GAP;
        for cell in cells {
            match cell.get(n).filter(|line| !line.text.is_empty()) {
                Some(line) => {
                    out.push_str(&" ".repeat(owed));
                    out.push_str(&look.ink(line.ink, &line.text));
                    owed = width.saturating_sub(chars(&line.text)) + GAP;
                }
                None => owed += width + GAP,
            }
        }
        out.push('\n');
    }
    out
}

/// Who it is, whether anything goes, and if not, why.
fn top(column: Said<'_>, width: usize) -> Vec<Line> {
    let mut lines = wrapped(Ink::Head, &column.at("party").line(), "", width);
    if column.at("goes").yes() {
        let bytes = column.at("bytes").line();
        lines.extend(wrapped(Ink::Plain, &format!("goes, {bytes} bytes, {}", basis(column)), "", width));
    } else if column.at("nothing_new").yes() {
        lines.extend(wrapped(Ink::Plain, "nothing goes: it holds just this already", "", width));
    } else {
        lines.push(line(Ink::Alarm, "HELD: nothing goes"));
        lines.extend(wrapped(Ink::Plain, &column.at("held").line(), "", width));
    }
    lines.push(line(Ink::Plain, ""));
    lines
}

fn basis(column: Said<'_>) -> String {
    let basis = column.at("basis").line();
    match basis.strip_prefix("agreement ") {
        Some(hash) => format!("under agreement {}", hash.chars().take(8).collect::<String>()),
        None if basis == "life floor" => "on the life floor: the bare threat".to_owned(),
        None => format!("on {basis}"),
    }
}

/// A cell. A reason that was the last one said in the column is not said again.
fn cell_of(column: Said<'_>, field: &str, said_above: &mut String, width: usize) -> Vec<Line> {
    let cell = column.at("cells").items().find(|c| c.at("field").line() == field);
    let Some(cell) = cell else { return vec![line(Ink::Quiet, "silence")] };
    let mut lines = Vec::new();
    for struck in cell.at("struck").items() {
        lines.extend(wrapped(Ink::Quiet, &struck.at("text").line(), "– ", width));
        // The reason of the whole stands on top; here it would be said once for each field.
        if column.at("held").is_nothing() {
            let reason = struck.at("reason").line();
            let shown = if reason == *said_above { "as above" } else { &reason };
            lines.extend(wrapped(Ink::Quiet, shown, "    ", width));
            *said_above = reason;
        }
    }
    match cell.at("granted") {
        granted if granted.is_nothing() => lines.push(line(Ink::Quiet, "silence")),
        granted => {
            let depth = cell.at("depth").line();
            let depth = if depth.is_empty() { depth } else { format!("  [{depth}]") };
            lines.extend(wrapped(Ink::Plain, &format!("{}{depth}", granted.line()), "", width));
        }
    }
    for hit in cell.at("hits").items() {
        lines.extend(wrapped(Ink::Due, &hit.line(), "! ", width));
    }
    lines
}

fn handling(column: Said<'_>, width: usize) -> Vec<Line> {
    if !column.at("goes").yes() {
        return Vec::new();
    }
    column.at("handling").items().flat_map(|words| wrapped(Ink::Plain, &words.line(), "", width)).collect()
}

/// The text in lines, the first behind the mark and the others below it.
fn wrapped(ink: Ink, text: &str, mark: &str, width: usize) -> Vec<Line> {
    let blank = " ".repeat(chars(mark));
    let lines = wrap(text, width.saturating_sub(chars(mark)));
    lines
        .into_iter()
        .enumerate()
        .map(|(n, text)| line(ink, format!("{}{text}", if n == 0 { mark } else { &blank })))
        .collect()
}

/// Each hint once, in the order of the columns.
fn what_could_change_it(columns: &[Said<'_>], look: &Look) -> String {
    let mut hints: Vec<String> = Vec::new();
    let mut found = false;
    for cell in columns.iter().flat_map(|c| c.at("cells").items()) {
        found |= cell.at("hits").has_parts();
        for hint in cell.at("struck").items().map(|s| s.at("hint").line()).filter(|h| !h.is_empty()) {
            if !hints.contains(&hint) {
                hints.push(hint);
            }
        }
    }
    if found {
        hints.push(
            "a word marked `!` gives something away: write the text anew, or a release officer other than its author \
             previews with `--let-through FIELD=WORD=REASON`"
                .to_owned(),
        );
    }
    if hints.is_empty() {
        return String::new();
    }
    let mut out = head(look, "What could change it");
    for hint in hints {
        let lines = wrap(&hint, look.width.saturating_sub(4));
        for (n, line) in lines.iter().enumerate() {
            out.push_str(&format!("{}{line}\n", if n == 0 { "  - " } else { "    " }));
        }
    }
    out.push('\n');
    out
}

/// The digest and the exact next command.
fn ending(said: Said<'_>, columns: &[Said<'_>], look: &Look) -> String {
    let proposal = said.at("proposal");
    if proposal.is_nothing() {
        return "Nothing would go to anybody, so no proposal was kept.\n".to_owned();
    }
    let (id, digest) = (proposal.line(), said.at("digest").line());
    let going = columns.iter().filter(|c| c.at("goes").yes()).count();
    let copies = if going == 1 { "1 copy".to_owned() } else { format!("{going} copies") };
    let until = said.at("expires_at").time().map(|t| times::both(t, look.now)).unwrap_or_default();
    let mut out =
        format!("proposal  {id}\ndigest    {digest}\n{copies} would go. The proposal ends {until}.\n");
    out.push_str(
        "Nothing has left. Words are compared, paraphrase is not: read each cell as its recipient will.\n\n",
    );
    out.push_str(&head(look, "Next"));
    if said.at("imminent_danger").yes() {
        out.push_str(&format!(
            "  release it alone            forewarn release {id} --digest {digest} --imminent-danger --basis \"what is imminent\"\n  \
             another person, afterwards  forewarn review {id} --verdict \"what was found\"\n"
        ));
    } else {
        out.push_str(&format!(
            "  another person approves  forewarn approve {id} --digest {digest}\n  \
             then it is released      forewarn release {id} --digest {digest}\n"
        ));
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::words::answer::Answer;

    fn look(width: usize) -> Look {
        Look { paint: false, width, now: "2026-12-10T12:00:00Z".parse().unwrap() }
    }

    fn when(granted: &str, depth: &str) -> Value {
        json!({
            "field": "when", "granted": granted, "depth": depth, "hits": [],
            "struck": [{
                "text": "28 December 2026, 18:00 UTC", "reason": "it is finer than agreed (exact, day)",
                "hint": "release the coarser rung",
            }],
        })
    }

    fn what(struck: bool) -> Value {
        let all = json!([{ "text": "two crowded places", "reason": "it goes to service-b.example only", "hint": null }]);
        let struck = if struck { all } else { json!([]) };
        json!({ "field": "what", "granted": "bombings", "depth": null, "struck": struck, "hits": ["\"Lark\" says a protected term"] })
    }

    fn goes(party: &str, cells: Value) -> Value {
        json!({
            "party": party, "goes": true, "held": null, "basis": "agreement 731d00dd1111", "nothing_new": false,
            "handling": ["TLP:AMBER", "passing on: ask"], "digest": "d", "bytes": 2310, "cells": cells,
        })
    }

    fn held(party: &str) -> Value {
        let struck =
            json!([{ "text": "bombings", "reason": "the domain is suspended", "hint": "ask the liaison" }]);
        json!({
            "party": party, "goes": false, "held": "the domain is suspended (elections). Ask the liaison",
            "basis": "nothing", "nothing_new": false, "handling": [], "digest": null, "bytes": 0,
            "cells": [{ "field": "what", "granted": null, "depth": null, "struck": struck, "hits": [] }],
        })
    }

    fn view(columns: Value) -> Answer {
        Answer(json!({
            "warning": "w-1", "title": "Bombings planned", "proposal": "p-1", "digest": "9f86",
            "expires_at": "2026-12-10T15:20:00Z", "imminent_danger": false, "columns": columns,
        }))
    }

    #[test]
    fn a_preview_stands_side_by_side_with_what_is_struck_and_why() {
        let b = goes("service-b.example", json!([what(false), when("28 December 2026", "day")]));
        let shown = preview(view(json!([b, held("service-c.example")])).said(), &look(84));
        let expected = "\
Bombings planned: what each recipient would get
w-1

          service-b.example                     service-c.example
          goes, 2310 bytes, under agreement     HELD: nothing goes
          731d00dd                              the domain is suspended (elections).
                                                Ask the liaison

what      bombings                              – bombings
          ! \"Lark\" says a protected term        silence
when      – 28 December 2026, 18:00 UTC         silence
              it is finer than agreed (exact,
              day)
          28 December 2026 [day]
handling  TLP:AMBER
          passing on: ask

What could change it
  - release the coarser rung
  - ask the liaison
  - a word marked `!` gives something away: write the text anew, or a release
    officer other than its author previews with `--let-through FIELD=WORD=REASON`

proposal  p-1
digest    9f86
1 copy would go. The proposal ends in 3 h 20 min (2026-12-10 15:20 UTC).
Nothing has left. Words are compared, paraphrase is not: read each cell as its recipient will.

Next
  another person approves  forewarn approve p-1 --digest 9f86
  then it is released      forewarn release p-1 --digest 9f86
";
        assert_eq!(shown, expected, "\n{shown}");
    }

    #[test]
    fn many_recipients_or_a_narrow_terminal_give_each_a_block() {
        let four: Vec<Value> = ["b", "c", "d", "e"].iter().map(|n| goes(n, json!([what(false)]))).collect();
        let shown = preview(view(json!(four)).said(), &look(200));
        assert_eq!(shown.lines().filter(|line| line.starts_with("what ")).count(), 4, "{shown}");
        let two = json!([goes("service-b.example", json!([what(false)])), held("service-c.example")]);
        let narrow = preview(view(two.clone()).said(), &look(50));
        assert_eq!(narrow.lines().filter(|line| line.starts_with("what ")).count(), 2, "{narrow}");
        let wide = preview(view(two).said(), &look(90));
        assert_eq!(wide.lines().filter(|line| line.starts_with("what ")).count(), 1, "{wide}");
    }

    #[test]
    fn the_same_reason_is_not_said_again_in_the_next_row() {
        let mut second = what(true);
        second["field"] = json!("how");
        let shown = preview(view(json!([goes("b", json!([what(true), second]))])).said(), &look(80));
        assert_eq!(shown.matches("it goes to service-b.example only").count(), 1, "{shown}");
        assert_eq!(shown.matches("as above").count(), 1, "{shown}");
    }

    #[test]
    fn the_imminent_danger_path_names_its_own_commands() {
        let mut answer = view(json!([goes("b", json!([]))]));
        answer.0["imminent_danger"] = json!(true);
        let shown = preview(answer.said(), &look(80));
        assert!(
            shown.contains("--imminent-danger --basis") && shown.contains("forewarn review p-1"),
            "{shown}"
        );
        assert!(!shown.contains("forewarn approve"), "{shown}");
        answer.0["proposal"] = Value::Null;
        assert!(preview(answer.said(), &look(80)).ends_with("so no proposal was kept.\n"));
    }

    #[test]
    fn an_exercise_is_marked_by_what_the_copy_says_of_itself() {
        let header = json!({
            "type": received::RELEASE_TYPE, "status": "exercise", "domain": "cyber", "kind": "threat",
            "precedence": "flash", "harm": ["fraud"], "purpose": "prevent_harm", "acknowledge_minutes": 15,
            "outcome_minutes": 60, "handling": { "tlp": "amber" },
        });
        let mut column = goes("b", json!([]));
        assert!(!preview(view(json!([column])).said(), &look(80)).contains("EXERCISE"));
        column["text"] = json!(json!({ "objects": [header] }).to_string());
        let shown = preview(view(json!([column])).said(), &look(80));
        assert!(
            shown.starts_with("//////// EXERCISE") && shown.contains("EXERCISE: Bombings planned"),
            "{shown}"
        );
    }
}
