//! Aligned columns, and text wrapped into them. A column in which nothing stands is left out.

use crate::say::{Ink, Look};

/// Blanks between two columns.
const GAP: &str = "  ";

/// One cell.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cell {
    text: String,
    ink: Ink,
}

/// The text in this ink.
pub(crate) fn cell(ink: Ink, text: impl Into<String>) -> Cell {
    Cell { text: text.into(), ink }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        cell(Ink::Plain, text)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        cell(Ink::Plain, text)
    }
}

/// A table.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    /// The heads of the columns; one that begins with `>` stands over numbers, which are put to the right.
    heads: Vec<&'static str>,
    rows: Vec<Row>,
}

#[derive(Debug, Clone)]
struct Row {
    cells: Vec<Cell>,
    below: Vec<Cell>,
}

impl Table {
    /// A table with these heads. `>` before a head puts its column to the right.
    pub(crate) fn new(heads: &[&'static str]) -> Self {
        Self { heads: heads.to_vec(), rows: Vec::new() }
    }

    /// Adds a row.
    pub(crate) fn row<const N: usize>(&mut self, cells: [Cell; N]) {
        self.rows.push(Row { cells: cells.into(), below: Vec::new() });
    }

    /// Adds a row of as many cells as there are.
    pub(crate) fn cells(&mut self, cells: Vec<Cell>) {
        self.rows.push(Row { cells, below: Vec::new() });
    }

    /// Adds a line that stands below the last row, indented.
    pub(crate) fn below(&mut self, line: Cell) {
        if let Some(row) = self.rows.last_mut() {
            row.below.push(line);
        }
    }

    /// Whether no row is in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The lines, each ended.
    pub(crate) fn show(&self, look: &Look) -> String {
        let width_of =
            |n: usize| self.rows.iter().filter_map(|r| r.cells.get(n)).map(|c| chars(&c.text)).max();
        let columns: Vec<(usize, &str, bool, usize)> = self
            .heads
            .iter()
            .enumerate()
            .map(|(n, head)| {
                (n, head.trim_start_matches('>'), head.starts_with('>'), width_of(n).unwrap_or(0))
            })
            .filter(|(.., width)| *width > 0)
            .map(|(n, head, right, width)| (n, head, right, width.max(chars(head))))
            .collect();
        let mut out = String::new();
        if columns.iter().any(|(_, head, ..)| !head.is_empty()) {
            let heads =
                columns.iter().map(|(_, head, right, width)| (cell(Ink::Quiet, *head), *right, *width));
            out.push_str(&line(heads, look));
        }
        for row in &self.rows {
            let cells = columns
                .iter()
                .map(|(n, _, right, width)| (row.cells.get(*n).cloned().unwrap_or_default(), *right, *width));
            out.push_str(&line(cells, look));
            for below in &row.below {
                out.push_str(&format!("    {}\n", look.ink(below.ink, &below.text)));
            }
        }
        out
    }
}

fn line(cells: impl Iterator<Item = (Cell, bool, usize)>, look: &Look) -> String {
    let mut out = String::new();
    let mut owed = String::new();
    for (cell, right, width) in cells {
        let blank = " ".repeat(width.saturating_sub(chars(&cell.text)));
        let inked = look.ink(cell.ink, &cell.text);
        if right {
            owed.push_str(&blank);
        }
        if !cell.text.is_empty() {
            out.push_str(&owed);
            out.push_str(&inked);
            owed.clear();
        }
        if !right {
            owed.push_str(&blank);
        }
        owed.push_str(GAP);
    }
    out.push('\n');
    out
}

/// How many characters a text has: the width that is reckoned with.
pub(crate) fn chars(text: &str) -> usize {
    text.chars().count()
}

/// The text in lines of at most this many characters, broken between words where that is possible.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(8);
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            let mut word = word.to_owned();
            if !line.is_empty() && chars(&line) + 1 + chars(&word) > width {
                lines.push(std::mem::take(&mut line));
            }
            while chars(&word) > width {
                let rest = word.split_off(word.char_indices().nth(width).map_or(word.len(), |(at, _)| at));
                lines.push(std::mem::replace(&mut word, rest));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(&word);
        }
        if !line.is_empty() {
            lines.push(line);
        }
    }
    lines
}

/// The text wrapped, each line behind so many blanks.
pub(crate) fn indented(text: &str, blanks: usize, look: &Look) -> String {
    let before = " ".repeat(blanks);
    let width = look.width.saturating_sub(blanks);
    wrap(text, width).iter().map(|line| format!("{before}{line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    const LOOK: Look = Look { paint: false, width: 80, now: Timestamp::UNIX_EPOCH };

    #[test]
    fn columns_are_aligned_numbers_to_the_right_and_empty_ones_left_out() {
        let mut table = Table::new(&["name", ">count", "nothing", "word"]);
        table.row(["service-a.example".into(), "7".into(), "".into(), "one".into()]);
        table.row(["b".into(), "12".into(), "".into(), "".into()]);
        table.below(cell(Ink::Quiet, "more of it"));
        let expected = "\
name               count  word
service-a.example      7  one
b                     12
    more of it
";
        assert_eq!(table.show(&LOOK), expected);
    }

    #[test]
    fn colour_does_not_move_a_column() {
        let mut table = Table::new(&["", ""]);
        table.row([cell(Ink::Alarm, "OVERDUE"), "x".into()]);
        table.row(["due".into(), "y".into()]);
        let shown = table.show(&Look { paint: true, ..LOOK });
        assert_eq!(shown, "\u{1b}[1;31mOVERDUE\u{1b}[0m  x\ndue      y\n");
    }

    #[test]
    fn text_is_wrapped_between_words_and_a_word_that_is_too_long_is_cut() {
        assert_eq!(wrap("bombings of crowded places", 12), ["bombings of", "crowded", "places"]);
        assert_eq!(wrap("0123456789abcdef", 10), ["0123456789", "abcdef"]);
        assert_eq!(wrap("one\n\ntwo", 10), ["one", "two"]);
        assert_eq!(wrap("naïve ünïcode", 8), ["naïve", "ünïcode"]);
    }
}
