//! What a step claims, and what was found: a claim that does not hold ends the demo.

use serde_json::{Map, Value};

/// A claim that does not hold, or a step that could not be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failed {
    /// What should have been the case.
    pub(crate) expected: String,
    /// What was the case.
    pub(crate) found: String,
    /// Where to look.
    pub(crate) hint: String,
}

impl Failed {
    /// A failure without a hint of its own.
    pub(crate) fn new(expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self { expected: expected.into(), found: found.into(), hint: String::new() }
    }

    /// The same with a hint.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }
}

/// What one step has to tell: lines for people, facts for machines, and how many claims were checked.
#[derive(Debug, Default)]
pub(crate) struct Telling {
    /// The lines, as they are printed.
    pub(crate) lines: Vec<String>,
    /// The facts, as `--json` gives them.
    pub(crate) facts: Map<String, Value>,
    /// How many claims were checked and hold.
    pub(crate) checks: usize,
}

impl Telling {
    /// Tells a line.
    pub(crate) fn say(&mut self, line: impl Into<String>) {
        self.lines.push(line.into());
    }

    /// Tells a command that was run, its ids and paths shortened.
    pub(crate) fn ran(&mut self, words: &[&str]) {
        let words: Vec<String> = words.iter().map(|word| shortened(word)).collect();
        self.say(format!("$ forewarn {}", words.join(" ")));
    }

    /// Notes a fact.
    pub(crate) fn fact(&mut self, name: &str, value: impl Into<Value>) {
        self.facts.insert(name.to_owned(), value.into());
    }

    /// Claims that two things are equal.
    pub(crate) fn equal(
        &mut self,
        claim: &str,
        found: impl Into<Value>,
        expected: impl Into<Value>,
    ) -> Result<(), Failed> {
        let (found, expected) = (found.into(), expected.into());
        if found != expected {
            return Err(Failed::new(format!("{claim}: {expected}"), short(&found)));
        }
        self.checks += 1;
        Ok(())
    }

    /// Claims that something holds; `found` is what to show if it does not.
    pub(crate) fn holds(&mut self, claim: &str, holds: bool, found: &Value) -> Result<(), Failed> {
        if !holds {
            return Err(Failed::new(claim, short(found)));
        }
        self.checks += 1;
        Ok(())
    }

    /// Claims that a text says none of these words, in whatever case.
    pub(crate) fn silent(&mut self, whose: &str, text: &str, words: &[&str]) -> Result<(), Failed> {
        let folded = text.to_lowercase();
        for word in words {
            if folded.contains(&word.to_lowercase()) {
                return Err(Failed::new(format!("no {word:?} in {whose}"), format!("{word:?} stands in it")));
            }
            self.checks += 1;
        }
        Ok(())
    }
}

/// What stands at a JSON pointer.
pub(crate) fn at<'v>(value: &'v Value, pointer: &str) -> Result<&'v Value, Failed> {
    value.pointer(pointer).ok_or_else(|| Failed::new(format!("an answer with {pointer}"), short(value)))
}

/// The text at a JSON pointer.
pub(crate) fn text(value: &Value, pointer: &str) -> Result<String, Failed> {
    let found = at(value, pointer)?;
    let text = found.as_str().map(str::to_owned);
    text.ok_or_else(|| Failed::new(format!("an answer with a text at {pointer}"), short(found)))
}

/// The list at a JSON pointer.
pub(crate) fn list<'v>(value: &'v Value, pointer: &str) -> Result<&'v [Value], Failed> {
    let found = at(value, pointer)?;
    let list = found.as_array().map(Vec::as_slice);
    list.ok_or_else(|| Failed::new(format!("an answer with a list at {pointer}"), short(found)))
}

/// The first of a list whose `key` is `wanted`.
pub(crate) fn with<'v>(list: &'v [Value], key: &str, wanted: &str) -> Result<&'v Value, Failed> {
    let found = list.iter().find(|v| v.get(key).and_then(Value::as_str) == Some(wanted));
    found.ok_or_else(|| Failed::new(format!("a line whose {key} is {wanted}"), short(&list.into())))
}

/// A word of a command line as it is told: the first digits of an id, the name of a file, quotes where they are needed.
fn shortened(word: &str) -> String {
    let id = ["w-", "p-"].iter().any(|prefix| word.starts_with(prefix)) && word.len() > 20;
    let hex = word.len() == 64 && word.bytes().all(|b| b.is_ascii_hexdigit());
    match (id || hex, word.rsplit_once('/')) {
        (true, _) => format!("{}…", word.get(..10).unwrap_or(word)),
        (false, Some((folder, file))) if folder.starts_with('/') => file.to_owned(),
        _ if word.contains(' ') => format!("{word:?}"),
        _ => word.to_owned(),
    }
}

/// A value cut to what a person reads.
pub(crate) fn short(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match text.char_indices().nth(600) {
        Some((end, _)) => format!("{} …", text.get(..end).unwrap_or_default()),
        None => text,
    }
}
