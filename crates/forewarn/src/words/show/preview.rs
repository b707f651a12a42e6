//! The preview: a column for each recipient, a row for each field, in each cell what that recipient gets. What stands
//! above it and is not given is struck (`–`), with the reason below.

use crate::say::{Ink, Look};
use crate::words::answer::Said;
use crate::words::show::table::{chars, wrap};
use crate::words::show::{head, times};

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
    let mut out = head(look, &format!("{}: what each recipient would get", said.at("title").line()));
    out.push_str(&look.ink(Ink::Quiet, &said.at("warning").line()));
    out.push_str("\n\n");
    if said.at("imminent_danger").yes() {
        let path = "By the imminent-danger path: one person releases, a second reviews it afterwards.";
        out.push_str(&look.ink(Ink::Due, path));
        out.push_str("\n\n");
    }
    let label = columns.iter().flat_map(|c| c.at("cells").items()).map(|c| chars(&c.at("field").line())).max();
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

/// Recipients side by side.
fn grid(columns: &[Said<'_>], label: usize, look: &Look) -> String {
    let width = look.width.saturating_sub(label) / columns.len().max(1);
    let width = width.saturating_sub(GAP).clamp(COLUMN_CHARS_MIN, COLUMN_CHARS_MAX);
    let mut rows: Vec<(String, Vec<Vec<Line>>)> = Vec::new();
    rows.push((String::new(), columns.iter().map(|c| top(*c, width)).collect()));
    for field in fields(columns) {
        let cells = columns.iter().map(|c| cell_of(*c, &field, width)).collect();
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

fn cell_of(column: Said<'_>, field: &str, width: usize) -> Vec<Line> {
    let cell = column.at("cells").items().find(|c| c.at("field").line() == field);
    let Some(cell) = cell else { return vec![line(Ink::Quiet, "silence")] };
    let mut lines = Vec::new();
    for struck in cell.at("struck").items() {
        lines.extend(wrapped(Ink::Quiet, &struck.at("text").line(), "– ", width));
        // The reason of the whole stands on top; here it would be said once for each field.
        if column.at("held").is_nothing() {
            lines.extend(wrapped(Ink::Quiet, &struck.at("reason").line(), "    ", width));
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
    lines.into_iter().enumerate().map(|(n, text)| line(ink, format!("{}{text}", if n == 0 { mark } else { &blank }))).collect()
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
    let mut out = format!("proposal  {id}\ndigest    {digest}\n{copies} would go. The proposal ends {until}.\n");
    out.push_str("Nothing has left. Words are compared, paraphrase is not: read each cell as its recipient will.\n\n");
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
