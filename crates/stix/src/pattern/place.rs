//! Where something stands in the text of a pattern.

use std::fmt;

/// From where to where a part of the pattern goes, in bytes; both ends lie on characters.
///
/// Two spans are always equal: patterns are compared by what they say, not by where they say it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Span {
    /// The first byte.
    pub start: u32,
    /// The byte after the last.
    pub end: u32,
}

impl PartialEq for Span {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Span {}

/// A place in the text, for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Bytes before it; on the boundary of a character.
    pub offset: usize,
    /// The line, from 1; lines end with a line feed.
    pub line: u32,
    /// The column, from 1, in characters.
    pub column: u32,
}

/// How much of a long line is shown on either side of the caret, in characters.
const SHOWN_MAX: usize = 60;

impl Place {
    /// Where the text begins.
    pub(super) const START: Self = Place { offset: 0, line: 1, column: 1 };

    /// The place so many bytes into the text, counted from this one, which stands before it.
    pub(super) fn forward(mut self, text: &str, offset: usize) -> Self {
        let passed = text.get(self.offset..offset).unwrap_or_default();
        for character in passed.chars() {
            if character == '\n' {
                self.line += 1;
                self.column = 1;
            } else {
                self.column += 1;
            }
        }
        self.offset += passed.len();
        self
    }

    /// The line of the text with a caret below the place, for a terminal. A long line is cut; characters that a
    /// terminal would obey are shown as `·`.
    pub fn caret(&self, text: &str) -> String {
        let (before, after) = text.split_at_checked(self.offset).unwrap_or((text, ""));
        let begun = before.rsplit('\n').next().unwrap_or_default();
        let rest = after.split('\n').next().unwrap_or_default();
        let mut shown: Vec<char> = begun.chars().rev().take(SHOWN_MAX + 1).collect();
        let mut line = String::from(if shown.len() > SHOWN_MAX { "…" } else { "" });
        shown.truncate(SHOWN_MAX);
        line.extend(shown.iter().rev().map(|character| tame(*character)));
        let width = line.chars().count();
        line.extend(rest.chars().take(SHOWN_MAX).map(tame));
        if rest.chars().nth(SHOWN_MAX).is_some() {
            line.push('…');
        }
        format!("{}\n{}^", line.trim_end(), " ".repeat(width))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// The character, unless it would move a cursor, hide itself or turn the line around.
pub(super) fn tame(character: char) -> char {
    let turns = matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    if character == '\t' {
        ' '
    } else if character.is_control() || turns {
        '·'
    } else {
        character
    }
}
