//! The strict line grammar under every text format of this crate: lines ending in LF, decimal numbers,
//! canonical base64, lower-case hex, whole-second times. One spelling for each value, so that equal meaning
//! is equal bytes.

use std::fmt::Write as _;

use base64ct::{Base64, Encoding};
use jiff::Timestamp;
use jiff::civil;
use jiff::tz::TimeZone;

/// First number that is too large for a text format: every number is below 2^48.
pub const NUMBER_LIMIT: u64 = 1 << 48;

/// Most characters of a foreign line that an error repeats.
const FOUND_CHARS_MAX: usize = 80;

/// A line that is not what its format demands at that place.
///
/// It is the writer's matter: the text came from outside, or was changed on the way. Nothing of it should be
/// used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: expected {expected}, found {found}")]
pub struct Malformed {
    /// Number of the line in the text, counted from 1.
    pub line: usize,
    /// What the format has at this place.
    pub expected: &'static str,
    /// The line found, control and non-ASCII characters escaped, cut at 80 characters; secret lines are not
    /// repeated.
    pub found: String,
}

/// Reader of a text line by line; remembers the number of the line for errors.
pub(crate) struct Lines<'a> {
    rest: &'a str,
    number: usize,
}

impl<'a> Lines<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Lines { rest: text, number: 0 }
    }

    /// Gives the next line without its LF; a last line without LF is refused.
    pub(crate) fn line(&mut self, expected: &'static str) -> Result<&'a str, Malformed> {
        self.number += 1;
        match self.rest.split_once('\n') {
            Some((line, rest)) => {
                self.rest = rest;
                Ok(line)
            }
            None if self.rest.is_empty() => {
                Err(Malformed { line: self.number, expected, found: "the end".into() })
            }
            None => Err(self.bad(expected, self.rest)),
        }
    }

    /// Takes the next line, which must be exactly `expected`.
    pub(crate) fn exact(&mut self, expected: &'static str) -> Result<(), Malformed> {
        let line = self.line(expected)?;
        if line == expected { Ok(()) } else { Err(self.bad(expected, line)) }
    }

    /// Takes the next line, which must be `label`, one space and a value that `read` accepts.
    pub(crate) fn field<T>(
        &mut self,
        label: &str,
        expected: &'static str,
        read: impl FnOnce(&'a str) -> Option<T>,
    ) -> Result<T, Malformed> {
        let line = self.line(expected)?;
        line.strip_prefix(label)
            .and_then(|rest| rest.strip_prefix(' '))
            .and_then(read)
            .ok_or_else(|| self.bad(expected, line))
    }

    /// Whether every line has been taken.
    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// What has not been taken yet.
    pub(crate) fn rest(&self) -> &'a str {
        self.rest
    }

    /// The text must end here.
    pub(crate) fn end(&mut self) -> Result<(), Malformed> {
        if self.rest.is_empty() {
            return Ok(());
        }
        self.number += 1;
        let line = self.rest.split('\n').next().unwrap_or_default();
        Err(self.bad("the end of the text", line))
    }

    /// An error about the line taken last.
    pub(crate) fn bad(&self, expected: &'static str, found: &str) -> Malformed {
        Malformed { line: self.number, expected, found: quoted(found) }
    }

    /// An error about the line taken last that does not repeat it, because it holds a secret.
    pub(crate) fn bad_secret(&self, expected: &'static str) -> Malformed {
        Malformed { line: self.number, expected, found: "something else (not shown)".into() }
    }
}

/// Foreign text made safe to show: quoted, escaped to printable ASCII and cut.
pub(crate) fn quoted(found: &str) -> String {
    let mut shown = String::from("`");
    let mut escaped = found.chars().flat_map(char::escape_default);
    for character in escaped.by_ref().take(FOUND_CHARS_MAX) {
        shown.push(character);
    }
    if escaped.next().is_some() {
        shown.push('…');
    }
    shown.push('`');
    shown
}

/// A decimal number: ASCII digits, no leading zero, below 2^48.
pub(crate) fn number(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let leading_zero = text.len() > 1 && text.starts_with('0');
    if !plain || leading_zero {
        return None;
    }
    text.parse().ok().filter(|value| *value < NUMBER_LIMIT)
}

/// Decoded standard base64 with padding; any other spelling of the same bytes is refused.
pub(crate) fn base64(text: &str) -> Option<Vec<u8>> {
    let bytes = Base64::decode_vec(text).ok()?;
    (to_base64(&bytes) == text).then_some(bytes)
}

/// As [`base64`], for exactly `N` bytes.
pub(crate) fn base64_array<const N: usize>(text: &str) -> Option<[u8; N]> {
    base64(text)?.try_into().ok()
}

pub(crate) fn to_base64(bytes: &[u8]) -> String {
    Base64::encode_string(bytes)
}

/// Exactly `N` bytes in lower-case hex.
pub(crate) fn hex_array<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    Some(bytes)
}

/// Whether every character is printable ASCII, the space included.
pub(crate) fn is_printable_ascii(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, 0x20..=0x7e))
}

/// A time written `YYYY-MM-DDThh:mm:ssZ`.
pub(crate) fn timestamp(text: &str) -> Option<Timestamp> {
    let fields: &[u8; 20] = text.as_bytes().try_into().ok()?;
    let [y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1, b'T', h0, h1, b':', n0, n1, b':', s0, s1, b'Z'] =
        *fields
    else {
        return None;
    };
    let year = i16::from(two_digits(y0, y1)?) * 100 + i16::from(two_digits(y2, y3)?);
    let date = civil::Date::new(year, two_digits(m0, m1)?, two_digits(d0, d1)?).ok()?;
    let (hour, minute, second) = (two_digits(h0, h1)?, two_digits(n0, n1)?, two_digits(s0, s1)?);
    let time = civil::Time::new(hour, minute, second, 0).ok()?;
    TimeZone::UTC.to_timestamp(date.to_datetime(time)).ok()
}

/// The time as `YYYY-MM-DDThh:mm:ssZ`; nothing for a fraction of a second or a year outside 0000 to 9999.
pub(crate) fn to_timestamp(time: Timestamp) -> Option<String> {
    if time.subsec_nanosecond() != 0 {
        return None;
    }
    let at = TimeZone::UTC.to_datetime(time);
    let mut text = String::new();
    write!(text, "{:04}-{:02}-{:02}", at.year(), at.month(), at.day()).ok()?;
    write!(text, "T{:02}:{:02}:{:02}Z", at.hour(), at.minute(), at.second()).ok()?;
    (at.year() >= 0).then_some(text)
}

fn two_digits(tens: u8, ones: u8) -> Option<i8> {
    let digit = |byte: u8| byte.is_ascii_digit().then(|| byte.wrapping_sub(b'0'));
    i8::try_from(digit(tens)? * 10 + digit(ones)?).ok()
}
