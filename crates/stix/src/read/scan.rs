//! The scanner: checks one JSON value (RFC 8259, RFC 7493) and leaves its tape. It goes forward only and never calls
//! itself, so that no depth of a text uses up the stack.

use super::fault::{DEPTH_GIVEN_UP, Fault, FaultCode, Limits};
use super::tape::{Kind, Node, unescaped};
use crate::canonical::INTEGER_MAX;

/// Why the scanner stops before the end of the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The text given ends here; there may be more of it.
    More,
    /// The outermost map has a member `objects` that is a list, which begins here: it wraps objects.
    Wraps(usize),
    /// It is not JSON from here on.
    Broken(usize),
    /// Nothing more of it is read.
    GivenUp(FaultCode, usize),
}

/// Whether the outermost map may turn out to wrap objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outermost {
    MayWrap,
    IsItem,
}

/// The scanner, with the tape of what it read last. Its memory is used again.
#[derive(Debug, Default)]
pub(crate) struct Scanner {
    nodes: Vec<Node>,
    open: Vec<Open>,
    keys: Vec<(u64, u32)>,
    /// The first thing for which the object is refused while the text is still read.
    refused: Option<(FaultCode, usize)>,
    base: usize,
    depth_max: usize,
    values_max: usize,
    string_bytes_max: usize,
}

/// A list or map that is open, with its entry on the tape.
#[derive(Debug, Clone, Copy)]
struct Open {
    node: u32,
    list: bool,
}

impl Scanner {
    /// The tape of the value read last.
    pub(crate) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Why the value read last is refused though it is JSON; the place is one in the text given.
    pub(crate) fn refused(&self) -> Option<(FaultCode, usize)> {
        self.refused
    }

    /// Reads the value that begins at `from`; gives the place behind it.
    pub(crate) fn value(
        &mut self,
        text: &[u8],
        from: usize,
        outermost: Outermost,
        limits: &Limits,
    ) -> Result<usize, Stop> {
        self.nodes.clear();
        self.open.clear();
        self.refused = None;
        self.base = from;
        self.depth_max = limits.depth_max;
        self.values_max = limits.values_max;
        self.string_bytes_max = limits.string_bytes_max;
        let may_wrap = outermost == Outermost::MayWrap;
        let mut at = from;
        loop {
            at = blank(text, at);
            at = match *text.get(at).ok_or(Stop::More)? {
                b'"' => self.string(text, at, false)?,
                b'{' => {
                    self.open(at, false)?;
                    at = blank(text, at + 1);
                    match text.get(at).ok_or(Stop::More)? {
                        b'}' => self.close(text, at),
                        _ => {
                            at = self.key(text, at, may_wrap)?;
                            continue;
                        }
                    }
                }
                b'[' => {
                    self.open(at, true)?;
                    at = blank(text, at + 1);
                    match text.get(at).ok_or(Stop::More)? {
                        b']' => self.close(text, at),
                        _ => continue,
                    }
                }
                b't' => self.literal(text, at, b"true", Kind::True)?,
                b'f' => self.literal(text, at, b"false", Kind::False)?,
                b'n' => self.literal(text, at, b"null", Kind::Null)?,
                b'-' | b'0'..=b'9' => self.number(text, at)?,
                _ => return Err(Stop::Broken(at)),
            };
            match self.behind(text, at, may_wrap)? {
                Behind::Another(there) => at = there,
                Behind::End(there) => return Ok(there),
            }
        }
    }

    /// Goes on behind a value: closes what ends there, or comes to where the next value begins.
    fn behind(&mut self, text: &[u8], mut at: usize, may_wrap: bool) -> Result<Behind, Stop> {
        while let Some(open) = self.open.last() {
            let list = open.list;
            at = blank(text, at);
            match (*text.get(at).ok_or(Stop::More)?, list) {
                (b',', true) => return Ok(Behind::Another(at + 1)),
                (b',', false) => {
                    let key = blank(text, at + 1);
                    text.get(key).ok_or(Stop::More)?;
                    return self.key(text, key, may_wrap).map(Behind::Another);
                }
                (b']', true) | (b'}', false) => at = self.close(text, at),
                _ => return Err(Stop::Broken(at)),
            }
        }
        Ok(Behind::End(at))
    }

    /// Reads one member, `"key": value`, that begins at `from`; the tape holds the value.
    pub(crate) fn member<'t>(
        &mut self,
        text: &'t [u8],
        from: usize,
        limits: &Limits,
    ) -> Result<(&'t [u8], usize), Stop> {
        let (end, _) = string_end(text, opening_quote(text, from)?)?;
        let key = text.get(from + 1..end).unwrap_or_default();
        let value = colon(text, end + 1)?;
        Ok((key, self.value(text, value, Outermost::IsItem, limits)?))
    }

    fn refuse(&mut self, code: FaultCode, at: usize) {
        self.refused.get_or_insert((code, at));
    }

    fn place(&self, at: usize) -> u32 {
        // An object that long is refused before anybody looks at its tape.
        u32::try_from(at - self.base).unwrap_or(u32::MAX)
    }

    fn push(&mut self, kind: Kind, start: usize, end: usize) {
        if self.refused.is_some() {
            return;
        }
        if self.nodes.len() >= self.values_max {
            return self.refuse(FaultCode::TooManyValues, start);
        }
        let next = self.nodes.len() as u32 + 1;
        self.nodes.push(Node { start: self.place(start), end: self.place(end), next, kind });
    }

    fn open(&mut self, at: usize, list: bool) -> Result<(), Stop> {
        if self.open.len() >= self.depth_max {
            self.refuse(FaultCode::TooDeep, at);
            if self.open.len() >= DEPTH_GIVEN_UP {
                return Err(Stop::GivenUp(FaultCode::TooDeep, at));
            }
        }
        self.open.push(Open { node: self.nodes.len() as u32, list });
        self.push(if list { Kind::List } else { Kind::Map }, at, at);
        Ok(())
    }

    fn close(&mut self, text: &[u8], at: usize) -> usize {
        let Some(open) = self.open.pop() else { return at + 1 };
        if self.refused.is_none() {
            let (end, next) = (self.place(at + 1), self.nodes.len() as u32);
            if let Some(node) = self.nodes.get_mut(open.node as usize) {
                node.end = end;
                node.next = next;
            }
            if !open.list {
                self.named_twice(text, open.node as usize);
            }
        }
        at + 1
    }

    fn key(&mut self, text: &[u8], at: usize, may_wrap: bool) -> Result<usize, Stop> {
        let behind = self.string(text, at, true)?;
        let value = colon(text, behind)?;
        let objects = may_wrap && self.open.len() == 1 && text.get(at..behind) == Some(b"\"objects\"");
        if objects && text.get(value).ok_or(Stop::More)? == &b'[' && self.is_no_other_type(text) {
            return Err(Stop::Wraps(value));
        }
        Ok(value)
    }

    /// Whether no member `type` of the outermost map, read so far, says that it is something else than a bundle.
    fn is_no_other_type(&self, text: &[u8]) -> bool {
        let mut at = 1;
        while let (Some(key), Some(value)) = (self.nodes.get(at), self.nodes.get(at + 1)) {
            let of = |node: &Node| text.get(self.base + node.start as usize..self.base + node.end as usize);
            if of(key) == Some(b"type") {
                return of(value) == Some(b"bundle");
            }
            at = value.next as usize;
        }
        true
    }

    fn string(&mut self, text: &[u8], at: usize, key: bool) -> Result<usize, Stop> {
        let (end, escapes) = string_end(text, opening_quote(text, at)?)?;
        if end - at > self.string_bytes_max {
            self.refuse(FaultCode::StringTooLong, at);
        }
        if let Escapes::Half(half) = escapes {
            self.refuse(FaultCode::LoneSurrogate, half);
        }
        let kind = match (key, escapes == Escapes::None) {
            (true, true) => Kind::Key,
            (true, false) => Kind::EscapedKey,
            (false, true) => Kind::Text,
            (false, false) => Kind::EscapedText,
        };
        self.push(kind, at + 1, end);
        Ok(end + 1)
    }

    fn literal(&mut self, text: &[u8], at: usize, word: &[u8], kind: Kind) -> Result<usize, Stop> {
        let end = at + word.len();
        match text.get(at..end) {
            Some(found) if found == word => {
                self.push(kind, at, end);
                Ok(end)
            }
            Some(_) => Err(Stop::Broken(at)),
            None if word.starts_with(text.get(at..).unwrap_or_default()) => Err(Stop::More),
            None => Err(Stop::Broken(at)),
        }
    }

    fn number(&mut self, text: &[u8], at: usize) -> Result<usize, Stop> {
        let first = at + usize::from(text.get(at) == Some(&b'-'));
        let mut end = digits(text, first);
        let leading_zero = text.get(first) == Some(&b'0') && end > first + 1;
        if leading_zero || (end == first && end < text.len()) {
            return Err(Stop::Broken(first));
        }
        let mut kind = Kind::Whole;
        if text.get(end) == Some(&b'.') {
            kind = Kind::Decimal;
            end = some_digits(text, end + 1)?;
        }
        if let Some(b'e' | b'E') = text.get(end) {
            kind = Kind::Decimal;
            end = some_digits(text, end + 1 + usize::from(matches!(text.get(end + 1), Some(b'+' | b'-'))))?;
        }
        // The number may go on behind what is there; only the outermost value can end with the text.
        if end == text.len() && !self.open.is_empty() || end == first {
            return Err(Stop::More);
        }
        let to_be_tried = end - at > 15 || kind == Kind::Decimal;
        if to_be_tried && !carried(text.get(at..end).unwrap_or_default(), kind) {
            self.refuse(FaultCode::NumberRange, at);
        }
        self.push(kind, at, end);
        Ok(end)
    }

    /// Refuses a map in which one key stands twice, whatever its spelling.
    fn named_twice(&mut self, text: &[u8], map: usize) {
        let within = |node: &Node| {
            text.get(self.base + node.start as usize..self.base + node.end as usize).unwrap_or_default()
        };
        self.keys.clear();
        let mut escaped = false;
        let mut at = map + 1;
        while let (Some(key), Some(value)) = (self.nodes.get(at), self.nodes.get(at + 1)) {
            escaped |= key.kind == Kind::EscapedKey;
            self.keys.push((mark(within(key)), at as u32));
            at = value.next as usize;
        }
        let node = |at: u32| self.nodes.get(at as usize);
        let twice = if !escaped && self.keys.len() <= FEW_KEYS {
            twice_of_few(&self.keys, |at| node(at).map(within))
        } else {
            let mut all: Vec<(Vec<u8>, u32)> =
                self.keys.iter().filter_map(|(_, at)| Some((decoded(within(node(*at)?)), *at))).collect();
            all.sort_unstable();
            all.windows(2).find_map(|pair| match pair {
                [(one, _), (other, at)] if one == other => Some(*at),
                _ => None,
            })
        };
        if let Some(place) = twice.and_then(node).map(|node| self.base + node.start as usize - 1) {
            self.refuse(FaultCode::DuplicateKey, place);
        }
    }
}

enum Behind {
    Another(usize),
    End(usize),
}

/// So many keys are compared each with each; more are sorted.
const FEW_KEYS: usize = 32;

/// Whether any two of the keys are equal; only keys of equal marks are looked at.
fn twice_of_few<'t>(keys: &[(u64, u32)], text: impl Fn(u32) -> Option<&'t [u8]>) -> Option<u32> {
    let mut rest = keys;
    while let Some(((mark, at), behind)) = rest.split_first() {
        if behind.iter().fold(false, |any, (other, _)| any | (other == mark)) {
            let same = behind.iter().find(|(other, there)| other == mark && text(*at) == text(*there));
            if let Some((_, there)) = same {
                return Some(*there);
            }
        }
        rest = behind;
    }
    None
}

/// The length and the last seven bytes of a key: different marks are different keys.
fn mark(key: &[u8]) -> u64 {
    let length = (key.len() as u64) << 56;
    match key.last_chunk::<8>() {
        Some(last) => (u64::from_le_bytes(*last) >> 8) | length,
        None => key.iter().fold(0, |mark, byte| mark << 8 | u64::from(*byte)) | length,
    }
}

fn decoded(key: &[u8]) -> Vec<u8> {
    match std::str::from_utf8(key) {
        Ok(text) if key.contains(&b'\\') => unescaped(text).into_bytes(),
        _ => key.to_vec(),
    }
}

/// Where the next byte stands that is no blank (RFC 8259 §2).
pub(crate) fn blank(text: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = text.get(at) {
        at += 1;
    }
    at
}

fn opening_quote(text: &[u8], at: usize) -> Result<usize, Stop> {
    match text.get(at) {
        Some(b'"') => Ok(at + 1),
        Some(_) => Err(Stop::Broken(at)),
        None => Err(Stop::More),
    }
}

/// Comes from behind a key, over its colon, to where the value begins.
fn colon(text: &[u8], at: usize) -> Result<usize, Stop> {
    let at = blank(text, at);
    match text.get(at) {
        Some(b':') => Ok(blank(text, at + 1)),
        Some(_) => Err(Stop::Broken(at)),
        None => Err(Stop::More),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Escapes {
    None,
    Whole,
    /// Half a surrogate pair stands there.
    Half(usize),
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// Where the string ends that has begun before `at`.
fn string_end(text: &[u8], mut at: usize) -> Result<(usize, Escapes), Stop> {
    let mut escapes = Escapes::None;
    loop {
        at = plain_end(text, at);
        match text.get(at) {
            Some(b'"') => return Ok((at, escapes)),
            Some(b'\\') => {
                let (behind, half) = escape_end(text, at)?;
                escapes = match (escapes, half) {
                    (Escapes::Half(_), _) => escapes,
                    (_, true) => Escapes::Half(at),
                    (_, false) => Escapes::Whole,
                };
                at = behind;
            }
            // A line break or another control character must be escaped.
            Some(_) => return Err(Stop::Broken(at)),
            None => return Err(Stop::More),
        }
    }
}

/// Where the next quote, backslash or control character stands: eight bytes are looked at as one number.
fn plain_end(text: &[u8], mut at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    let (words, tail) = rest.as_chunks::<8>();
    for word in words {
        let word = u64::from_le_bytes(*word);
        let quote = word ^ (ONES * b'"' as u64);
        let slash = word ^ (ONES * b'\\' as u64);
        let low = word.wrapping_sub(ONES * 0x20) & !word;
        let found = (low | (quote.wrapping_sub(ONES) & !quote) | (slash.wrapping_sub(ONES) & !slash)) & HIGHS;
        if found != 0 {
            return at + (found.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    at + tail.iter().position(|b| *b < 0x20 || *b == b'"' || *b == b'\\').unwrap_or(tail.len())
}

/// The place behind an escape, and whether it is half a surrogate pair (RFC 8259 §7).
fn escape_end(text: &[u8], at: usize) -> Result<(usize, bool), Stop> {
    match text.get(at + 1).ok_or(Stop::More)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => return Ok((at + 2, false)),
        b'u' => {}
        _ => return Err(Stop::Broken(at)),
    }
    let first = unit(text, at + 2)?;
    if !(0xd800..0xe000).contains(&first) {
        return Ok((at + 6, false));
    }
    let pair = (first < 0xdc00).then(|| text.get(at + 6..).unwrap_or_default());
    match pair {
        Some([b'\\', b'u', ..]) => match unit(text, at + 8)? {
            0xdc00..0xe000 => Ok((at + 12, false)),
            _ => Ok((at + 6, true)),
        },
        Some([] | [b'\\']) => Err(Stop::More),
        _ => Ok((at + 6, true)),
    }
}

fn unit(text: &[u8], at: usize) -> Result<u16, Stop> {
    let digits = text.get(at..at + 4).ok_or(Stop::More)?;
    digits.iter().try_fold(0, |unit: u16, digit| match (*digit as char).to_digit(16) {
        Some(digit) => Ok(unit << 4 | digit as u16),
        None => Err(Stop::Broken(at)),
    })
}

fn digits(text: &[u8], mut at: usize) -> usize {
    while text.get(at).is_some_and(u8::is_ascii_digit) {
        at += 1;
    }
    at
}

fn some_digits(text: &[u8], at: usize) -> Result<usize, Stop> {
    let end = digits(text, at);
    match text.get(at) {
        None => Err(Stop::More),
        Some(_) if end == at => Err(Stop::Broken(at)),
        Some(_) => Ok(end),
    }
}

/// Whether every reader gets the same number from this text.
fn carried(number: &[u8], kind: Kind) -> bool {
    let text = std::str::from_utf8(number).unwrap_or_default();
    match kind {
        Kind::Whole => text.parse::<i64>().is_ok_and(|whole| whole.unsigned_abs() <= INTEGER_MAX),
        _ => text.parse::<f64>().is_ok_and(f64::is_finite),
    }
}

/// The fault of a stop, where no more text comes.
pub(crate) fn fault(stop: Stop, text: &[u8], base: u64) -> Fault {
    let (code, at) = match stop {
        Stop::More => (FaultCode::Cut, text.len()),
        Stop::Broken(at) | Stop::Wraps(at) => (FaultCode::NotJson, at),
        Stop::GivenUp(code, at) => (code, at),
    };
    Fault { code, at: base + at as u64 }
}
