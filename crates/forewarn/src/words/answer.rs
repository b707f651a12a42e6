//! An answer of the node, and the only way to its texts: each is handed out with what cannot be seen made visible.
//!
//! Everything in an answer may come from a partner. `raw` is for what is compared or sent back, and is never printed.

use jiff::Timestamp;
use model::plain::{plain, plain_line};
use serde_json::Value;

/// A whole answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer(pub(crate) Value);

impl Answer {
    /// What it says.
    pub(crate) fn said(&self) -> Said<'_> {
        Said(Some(&self.0))
    }
}

/// A part of an answer; a part that is not there reads as nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Said<'a>(Option<&'a Value>);

impl<'a> Said<'a> {
    /// The part under this key.
    pub(crate) fn at(self, key: &str) -> Self {
        Self(self.0.and_then(|v| v.get(key)))
    }

    /// The part at this place of a list.
    pub(crate) fn nth(self, n: usize) -> Self {
        Self(self.0.and_then(|v| v.get(n)))
    }

    /// Whether nothing is said: the part is absent or null.
    pub(crate) fn is_nothing(self) -> bool {
        self.0.is_none_or(Value::is_null)
    }

    /// The text as it came. Never printed.
    pub(crate) fn raw(self) -> &'a str {
        self.0.and_then(Value::as_str).unwrap_or_default()
    }

    /// The value as it came, to be read into a type. Never printed.
    pub(crate) fn value(self) -> Option<&'a Value> {
        self.0
    }

    /// The text or number, safe, on one line; empty if nothing is said.
    pub(crate) fn line(self) -> String {
        match self.0 {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => plain_line(text),
            Some(other) => plain_line(&other.to_string()),
        }
    }

    /// The text, safe, with its line breaks.
    pub(crate) fn text(self) -> String {
        plain(self.raw())
    }

    /// A word of a vocabulary as a person reads it: underscores become spaces.
    pub(crate) fn words(self) -> String {
        self.line().replace('_', " ")
    }

    /// Whether it is this very word.
    pub(crate) fn is(self, word: &str) -> bool {
        self.0.and_then(Value::as_str) == Some(word)
    }

    /// Whether it is `true`.
    pub(crate) fn yes(self) -> bool {
        self.0.and_then(Value::as_bool).unwrap_or_default()
    }

    /// A number that counts.
    pub(crate) fn count(self) -> Option<u64> {
        self.0.and_then(Value::as_u64)
    }

    /// A number.
    pub(crate) fn number(self) -> Option<i64> {
        self.0.and_then(Value::as_i64)
    }

    /// An instant.
    pub(crate) fn time(self) -> Option<Timestamp> {
        self.raw().parse().ok()
    }

    /// The items of a list.
    pub(crate) fn items(self) -> impl Iterator<Item = Said<'a>> + Clone {
        self.0.and_then(Value::as_array).into_iter().flatten().map(|v| Said(Some(v)))
    }

    /// The keys and parts of an object; the keys are safe.
    pub(crate) fn parts(self) -> impl Iterator<Item = (String, Said<'a>)> {
        self.0.and_then(Value::as_object).into_iter().flatten().map(|(k, v)| (plain_line(k), Said(Some(v))))
    }

    /// Whether it is an object or a list with something in it.
    pub(crate) fn has_parts(self) -> bool {
        self.0.is_some_and(|v| {
            v.as_array().is_some_and(|a| !a.is_empty()) || v.as_object().is_some_and(|o| !o.is_empty())
        })
    }

    /// Whether it is a list.
    pub(crate) fn is_list(self) -> bool {
        self.0.is_some_and(Value::is_array)
    }

    /// The texts of a list, safe, with this between them.
    pub(crate) fn joined(self, between: &str) -> String {
        self.items().map(Said::line).collect::<Vec<_>>().join(between)
    }

    /// The words of a list as a person reads them.
    pub(crate) fn joined_words(self) -> String {
        self.items().map(Said::words).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_comes_out_with_a_character_that_cannot_be_seen() {
        let value = serde_json::json!({ "a\u{1b}": "x\u{1b}[2J\u{202e}y\nz", "list": ["\u{9b}m", 7, null], "no": null });
        let answer = Answer(value);
        let said = answer.said();
        let mut all: Vec<String> = said.parts().flat_map(|(k, v)| [k, v.line(), v.words()]).collect();
        all.push(said.at("list").joined(" "));
        all.push(said.at("a\u{1b}").text().replace('\n', ""));
        for text in all {
            assert!(!text.chars().any(model::plain::is_unseen), "{text:?}");
        }
        assert_eq!(said.at("a\u{1b}").text(), "x\\u{1b}[2J\\u{202e}y\nz");
        assert!(said.at("no").is_nothing() && said.at("other").is_nothing() && !said.at("list").is_nothing());
    }
}
