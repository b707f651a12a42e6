//! The tape: one entry for each key and value of an object, in the order of the text, each with its place in it.
//!
//! It is what the scanner leaves behind. A [`Value`] is a place on it; going to the next member steps over everything
//! inside, and a text is decoded only when it is asked for.

use std::borrow::Cow;

/// What an entry of the tape is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Map,
    List,
    Key,
    /// A key with a backslash in it.
    EscapedKey,
    Text,
    /// A text with a backslash in it.
    EscapedText,
    /// A number without fraction and exponent.
    Whole,
    /// Any other number.
    Decimal,
    True,
    False,
    Null,
}

/// One entry. Places are bytes from the beginning of the object; those of a text leave out its quotes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node {
    pub(crate) start: u32,
    pub(crate) end: u32,
    /// The entry behind this value and all that is in it.
    pub(crate) next: u32,
    pub(crate) kind: Kind,
}

/// A value of an object, as it stands in the text.
#[derive(Debug, Clone, Copy)]
pub struct Value<'a> {
    text: &'a str,
    nodes: &'a [Node],
    at: usize,
}

/// What kind of JSON value it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A map.
    Map,
    /// A list.
    List,
    /// A string.
    Text,
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// Null.
    Null,
}

impl Shape {
    /// As a person calls it.
    pub fn said(self) -> &'static str {
        match self {
            Self::Map => "an object",
            Self::List => "a list",
            Self::Text => "a string",
            Self::Number => "a number",
            Self::Boolean => "true or false",
            Self::Null => "null",
        }
    }
}

impl<'a> Value<'a> {
    /// The first value of a tape; `None` for an empty one.
    pub(crate) fn root(text: &'a str, nodes: &'a [Node]) -> Option<Self> {
        nodes.first().map(|_| Self { text, nodes, at: 0 })
    }

    fn node(self) -> Option<&'a Node> {
        self.nodes.get(self.at)
    }

    fn kind(self) -> Kind {
        // A value is only made at an entry that is there.
        self.node().map_or(Kind::Null, |node| node.kind)
    }

    /// What kind of value it is.
    pub fn shape(self) -> Shape {
        match self.kind() {
            Kind::Map => Shape::Map,
            Kind::List => Shape::List,
            Kind::Key | Kind::EscapedKey | Kind::Text | Kind::EscapedText => Shape::Text,
            Kind::Whole | Kind::Decimal => Shape::Number,
            Kind::True | Kind::False => Shape::Boolean,
            Kind::Null => Shape::Null,
        }
    }

    /// Where it begins in the text of its object.
    pub fn offset(self) -> usize {
        self.node().map_or(0, |node| node.start as usize)
    }

    /// The bytes as they were received; those of a text without its quotes.
    pub fn raw(self) -> &'a str {
        self.node().and_then(|n| self.text.get(n.start as usize..n.end as usize)).unwrap_or_default()
    }

    /// The text, decoded; `None` if it is no string.
    pub fn text(self) -> Option<Cow<'a, str>> {
        match self.kind() {
            Kind::Text | Kind::Key => Some(Cow::Borrowed(self.raw())),
            Kind::EscapedText | Kind::EscapedKey => Some(Cow::Owned(unescaped(self.raw()))),
            _ => None,
        }
    }

    /// The text if it is this one.
    pub fn is_text(self, wanted: &str) -> bool {
        match self.kind() {
            Kind::Text | Kind::Key => self.raw() == wanted,
            _ => self.text().is_some_and(|text| text == wanted),
        }
    }

    /// True or false.
    pub fn boolean(self) -> Option<bool> {
        match self.kind() {
            Kind::True => Some(true),
            Kind::False => Some(false),
            _ => None,
        }
    }

    /// The number as a double.
    pub fn number(self) -> Option<f64> {
        matches!(self.kind(), Kind::Whole | Kind::Decimal).then(|| self.raw().parse().ok()).flatten()
    }

    /// The number if it is whole and of at most 53 bits; `1.0` and `1e3` are whole (STIX 2.1 §2.10).
    pub fn whole(self) -> Option<i64> {
        match self.kind() {
            Kind::Whole => self.raw().parse().ok(),
            Kind::Decimal => {
                let number = self.number()?;
                let exact = number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0;
                // In this range the conversion loses nothing.
                exact.then_some(number as i64)
            }
            _ => None,
        }
    }

    /// The members of a map; none for anything else.
    pub fn members(self) -> Members<'a> {
        Members(self.inside(Kind::Map))
    }

    /// The items of a list; none for anything else.
    pub fn items(self) -> Items<'a> {
        Items(self.inside(Kind::List))
    }

    /// The member of this name.
    pub fn member(self, name: &str) -> Option<Value<'a>> {
        self.members().find(|(key, _)| key.is_text(name)).map(|(_, value)| value)
    }

    /// Every key below it with its value, however deep, in the order of the text.
    pub fn keys_below(self) -> impl Iterator<Item = (Value<'a>, Value<'a>)> {
        let end = self.node().map_or(0, |node| node.next as usize);
        (self.at..end).filter_map(move |at| {
            let node = self.nodes.get(at)?;
            matches!(node.kind, Kind::Key | Kind::EscapedKey)
                .then_some((Self { at, ..self }, Self { at: at + 1, ..self }))
        })
    }

    fn inside(self, kind: Kind) -> Inside<'a> {
        let end = self.node().filter(|node| node.kind == kind).map_or(0, |node| node.next as usize);
        Inside { value: Self { at: self.at + 1, ..self }, end }
    }
}

#[derive(Debug, Clone, Copy)]
struct Inside<'a> {
    value: Value<'a>,
    end: usize,
}

impl<'a> Inside<'a> {
    fn step(&mut self) -> Option<Value<'a>> {
        if self.value.at >= self.end {
            return None;
        }
        let here = self.value;
        self.value.at = here.node()?.next as usize;
        Some(here)
    }
}

/// The members of a map, each key with its value.
#[derive(Debug, Clone, Copy)]
pub struct Members<'a>(Inside<'a>);

impl<'a> Iterator for Members<'a> {
    type Item = (Value<'a>, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let key = self.0.step()?;
        Some((key, self.0.step()?))
    }
}

/// The items of a list.
#[derive(Debug, Clone, Copy)]
pub struct Items<'a>(Inside<'a>);

impl<'a> Iterator for Items<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        self.0.step()
    }
}

/// A text that the scanner has let pass, with its escapes resolved.
pub(crate) fn unescaped(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((plain, escaped)) = rest.split_once('\\') {
        out.push_str(plain);
        let mut chars = escaped.chars();
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('b') => out.push('\u{8}'),
            Some('f') => out.push('\u{c}'),
            Some('u') => {
                let (c, taken) = coded(chars.as_str());
                out.push(c);
                rest = chars.as_str().get(taken..).unwrap_or_default();
                continue;
            }
            Some(other) => out.push(other),
            None => {}
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    out
}

/// The character that stands behind `\u`, and how many bytes it takes there.
fn coded(text: &str) -> (char, usize) {
    let unit = |from: usize| text.get(from..from + 4).and_then(|digits| u16::from_str_radix(digits, 16).ok());
    let first = unit(0).unwrap_or_default();
    let second = if (0xd800..0xdc00).contains(&first) { unit(6) } else { None };
    let taken = if second.is_some() { 10 } else { 4 };
    // The scanner refuses a half pair, so the replacement is never seen.
    let read = char::decode_utf16([first].into_iter().chain(second)).next();
    (read.and_then(Result::ok).unwrap_or(char::REPLACEMENT_CHARACTER), taken)
}
