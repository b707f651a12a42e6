//! The one module that prints and asks: standard output, standard error, and the questions to the terminal.
//!
//! Whatever is handed to `out` and `err` was made safe before (`words::answer` gives out nothing else). A reader that
//! has gone, as in `forewarn inbox | head -1`, ends the command quietly.

use std::io::{self, BufRead, IsTerminal, Write};

use jiff::Timestamp;
use model::plain::{is_unseen, plain};
use serde_json::Value;
use zeroize::Zeroizing;

/// The longest line that is read as an answer or out of a file with a secret, in bytes.
const LINE_BYTES_MAX: u64 = 4096;

/// How a piece of text is drawn on a terminal. Never the only sign: the words say it as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Ink {
    /// As it comes.
    #[default]
    Plain,
    /// A heading.
    Head,
    /// What is overdue or wrong.
    Alarm,
    /// What is due, or wants a look.
    Due,
    /// What stands beside: reasons, the asserter, what is struck.
    Quiet,
}

/// How and when something is shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    /// Whether standard output takes colours.
    pub(crate) paint: bool,
    /// How many characters fit on a line.
    pub(crate) width: usize,
    /// The time that "in 3 h" is counted from.
    pub(crate) now: Timestamp,
}

impl Look {
    /// The text in this ink.
    pub(crate) fn ink(&self, ink: Ink, text: &str) -> String {
        let code = match ink {
            Ink::Plain => return text.to_owned(),
            Ink::Head => "1",
            Ink::Alarm => "1;31",
            Ink::Due => "33",
            Ink::Quiet => "2",
        };
        if self.paint && !text.is_empty() {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}

/// Whether standard output is a terminal.
pub(crate) fn to_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Whether standard error is a terminal.
pub(crate) fn errors_to_terminal() -> bool {
    io::stderr().is_terminal()
}

/// Writes to standard output, with a line break at its end. A reader that has gone is no failure.
pub(crate) fn out(text: &str) -> io::Result<()> {
    write(io::stdout().lock(), text)
}

/// Writes to standard error, with a line break at its end. Where that fails, nobody is left to be told.
pub(crate) fn err(text: &str) {
    let _ = write(io::stderr().lock(), text);
}

fn write(mut to: impl Write, text: &str) -> io::Result<()> {
    let end = if text.ends_with('\n') || text.is_empty() { "" } else { "\n" };
    match to.write_all(text.as_bytes()).and_then(|()| to.write_all(end.as_bytes())).and_then(|()| to.flush())
    {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// A refusal in its three parts: fact, detail, hint.
pub(crate) fn three_parts(fact: &str, detail: Option<&str>, hint: Option<&str>) -> String {
    let mut text = format!("error: {}\n", model::plain::plain_line(fact));
    for line in detail.map(plain).unwrap_or_default().lines() {
        text.push_str(&format!("  {line}\n"));
    }
    if let Some(hint) = hint {
        text.push_str(&format!("hint: {}\n", plain(hint)));
    }
    text
}

/// JSON as it is printed: indented, keys in alphabetical order, and every character that cannot be seen as `\uXXXX`,
/// which is another spelling of the same text.
pub(crate) fn json(value: &Value) -> String {
    let mut value = value.clone();
    value.sort_all_objects();
    seen(&format!("{value:#}"))
}

/// JSON on one line, for what is a line among others.
pub(crate) fn json_line(value: &Value) -> String {
    let mut value = value.clone();
    value.sort_all_objects();
    seen(&value.to_string())
}

/// Such a character can only stand inside a string: outside strings JSON has line breaks and spaces alone.
fn seen(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c != '\n' && is_unseen(c) {
            let mut units = [0; 2];
            out.extend(c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            out.push(c);
        }
    }
    out
}

/// Asks for a secret on the terminal, without echo. Fails where there is no terminal.
pub(crate) fn ask_secret(question: &str) -> io::Result<Zeroizing<String>> {
    rpassword::prompt_password(format!("{question}: ")).map(Zeroizing::new)
}

/// Asks for a line: the question goes to standard error, the answer is the next line of standard input.
pub(crate) fn ask(question: &str) -> io::Result<Zeroizing<String>> {
    if io::stdin().is_terminal() {
        let mut to = io::stderr().lock();
        let _ = write!(to, "{question}: ").and_then(|()| to.flush());
    }
    input_line()
}

/// The next line of standard input, without its end. A second call gives the line after it.
pub(crate) fn input_line() -> io::Result<Zeroizing<String>> {
    first_line(&mut io::stdin().lock())
}

/// The first line of what is read, without its end.
pub(crate) fn first_line(from: &mut impl BufRead) -> io::Result<Zeroizing<String>> {
    let mut line = Zeroizing::new(String::new());
    let read = io::Read::take(&mut *from, LINE_BYTES_MAX).read_line(&mut line)?;
    if read as u64 == LINE_BYTES_MAX {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("the line is longer than {LINE_BYTES_MAX} bytes"),
        ));
    }
    let kept = line.trim_end_matches(['\n', '\r']).len();
    line.truncate(kept);
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_has_its_three_parts() {
        let text =
            three_parts("not released to service-b.example", Some("values\nin two lines"), Some("ask"));
        assert_eq!(text, "error: not released to service-b.example\n  values\n  in two lines\nhint: ask\n");
        assert_eq!(three_parts("a\u{1b}[2J\nb", None, None), "error: a\\u{1b}[2J\\nb\n");
    }

    #[test]
    fn printed_json_has_no_unseen_character_and_says_the_same() {
        let value = serde_json::json!({ "b": "red\u{1b}[31m \u{202e}cba\u{e0041}", "a": ["naïve", 1, {}] });
        let text = json(&value);
        assert!(text.chars().all(|c| c == '\n' || !is_unseen(c)), "{text}");
        assert!(text.find("\"a\"") < text.find("\"b\""), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
        assert_eq!(serde_json::from_str::<Value>(&json_line(&value)).unwrap(), value);
        let ordinary = serde_json::json!({ "list": [1, 2], "empty": [], "text": "say \"so\"\n" });
        assert_eq!(json(&ordinary), serde_json::to_string_pretty(&ordinary).unwrap());
    }

    #[test]
    fn colour_is_only_put_on_where_it_is_taken() {
        let now = Timestamp::UNIX_EPOCH;
        let without = Look { paint: false, width: 80, now };
        assert_eq!(without.ink(Ink::Alarm, "OVERDUE"), "OVERDUE");
        assert_eq!(
            Look { paint: true, ..without }.ink(Ink::Alarm, "OVERDUE"),
            "\u{1b}[1;31mOVERDUE\u{1b}[0m"
        );
    }

    #[test]
    fn a_line_is_read_without_its_end_and_has_a_limit() {
        let mut two = io::Cursor::new(b"first word\r\nsecond\n".to_vec());
        assert_eq!(first_line(&mut two).unwrap().as_str(), "first word");
        assert_eq!(first_line(&mut two).unwrap().as_str(), "second");
        let long = "a".repeat(5000);
        assert!(first_line(&mut io::Cursor::new(long.into_bytes())).is_err());
    }
}
