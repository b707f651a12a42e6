//! Canonical JSON (RFC 8785) for the values that are written here: texts, booleans, integers, coordinates, lists, maps.
//!
//! Keys stand in the order of their UTF-16 units, there is no white space, and there are no floats: a coordinate is an
//! integer of millionths of a degree and is printed exactly as ECMAScript prints the nearest double, which for at most
//! nine digits is the same text.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde::Serialize;

use crate::error::StixError;

/// The largest integer that an ECMAScript number carries exactly (RFC 8785 §3.2.2.3, RFC 7493).
pub const INTEGER_MAX: u64 = (1 << 53) - 1;

/// A value that has one canonical form. There is no null: STIX leaves a property out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Json {
    /// A text.
    Text(String),
    /// True or false.
    Bool(bool),
    /// An integer of at most 53 bits.
    Int(i64),
    /// Millionths, printed as a decimal number without trailing zeros.
    Micro(i32),
    /// A list, in its order.
    List(Vec<Json>),
    /// A map.
    Map(Map),
}

/// The pairs of a map in canonical order, each key once. A list and no tree: maps here are many, and have few pairs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Map(Vec<(Cow<'static, str>, Json)>);

impl Map {
    /// Puts a value in; what stood under this key goes.
    pub fn insert(&mut self, key: impl Into<Cow<'static, str>>, value: Json) {
        let key = key.into();
        let at = self.0.partition_point(|(other, _)| in_order(other, &key).is_lt());
        if self.0.get(at).is_some_and(|(other, _)| *other == key) {
            self.0.remove(at);
        }
        self.0.insert(at, (key, value));
    }

    /// The value under this key.
    pub fn get(&self, key: &str) -> Option<&Json> {
        self.iter().find(|(other, _)| *other == key).map(|(_, value)| value)
    }

    /// Keys and values, in canonical order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Json)> {
        self.0.iter().map(|(key, value)| (key.as_ref(), value))
    }

    /// Writes the canonical form at the end of `out`.
    fn write(&self, out: &mut String) {
        write_all(self.iter(), ['{', '}'], out, |(key, value), out| {
            write_text(key, out);
            out.push(':');
            value.write(out);
        });
    }
}

impl<K: Into<Cow<'static, str>>> FromIterator<(K, Json)> for Map {
    fn from_iter<I: IntoIterator<Item = (K, Json)>>(pairs: I) -> Self {
        let mut map = Self::default();
        pairs.into_iter().for_each(|(key, value)| map.insert(key, value));
        map
    }
}

/// The order of keys, by their UTF-16 units (RFC 8785 §3.2.3); below U+0080 that is the order of their bytes.
fn in_order(one: &str, other: &str) -> Ordering {
    if one.is_ascii() && other.is_ascii() {
        one.cmp(other)
    } else {
        one.encode_utf16().cmp(other.encode_utf16())
    }
}

impl Json {
    /// A text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// The value of anything that can be serialised, if it stays within the forms above.
    ///
    /// # Errors
    /// [`StixError::Null`] and [`StixError::Number`] name the place of a null, a float or an integer above 53 bits.
    pub fn of(value: &impl Serialize) -> Result<Self, StixError> {
        let value = serde_json::to_value(value).map_err(|e| StixError::NotJson(e.to_string()))?;
        Self::from_value(value, "")
    }

    fn from_value(value: serde_json::Value, place: &str) -> Result<Self, StixError> {
        use serde_json::Value;
        Ok(match value {
            Value::Null => return Err(StixError::Null { place: place.to_owned() }),
            Value::Bool(b) => Self::Bool(b),
            Value::String(s) => Self::Text(s),
            Value::Number(n) => match n.as_i64() {
                Some(i) if i.unsigned_abs() <= INTEGER_MAX => Self::Int(i),
                _ => return Err(StixError::Number { place: place.to_owned(), found: n.to_string() }),
            },
            Value::Array(list) => {
                Self::List(list.into_iter().map(|v| Self::from_value(v, place)).collect::<Result<_, _>>()?)
            }
            Value::Object(map) => {
                let within = |(key, v): (String, serde_json::Value)| {
                    let value = Self::from_value(v, &key)?;
                    Ok((key, value))
                };
                Self::Map(map.into_iter().map(within).collect::<Result<_, _>>()?)
            }
        })
    }

    /// The canonical bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = String::new();
        self.write(&mut out);
        out.into_bytes()
    }

    /// The place of the first empty list or map in it, if there is one; STIX has neither (§2.8, §2.3).
    pub(crate) fn empty_place(&self, place: &str) -> Option<String> {
        // The place is put into words only for what is refused.
        if !self.holds_empty() {
            return None;
        }
        match self {
            Self::List(list) if list.is_empty() => Some(place.to_owned()),
            Self::Map(map) if map.0.is_empty() => Some(place.to_owned()),
            Self::List(list) => list.iter().find_map(|v| v.empty_place(place)),
            Self::Map(map) => map.iter().find_map(|(key, v)| v.empty_place(&format!("{place}.{key}"))),
            Self::Text(_) | Self::Bool(_) | Self::Int(_) | Self::Micro(_) => None,
        }
    }

    fn holds_empty(&self) -> bool {
        match self {
            Self::List(list) => list.is_empty() || list.iter().any(Self::holds_empty),
            Self::Map(map) => map.0.is_empty() || map.iter().any(|(_, v)| v.holds_empty()),
            Self::Text(_) | Self::Bool(_) | Self::Int(_) | Self::Micro(_) => false,
        }
    }

    /// Writes the canonical form at the end of `out`.
    pub(crate) fn write(&self, out: &mut String) {
        match self {
            Self::Text(text) => write_text(text, out),
            Self::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
            Self::Int(i) => out.push_str(&i.to_string()),
            Self::Micro(micro) => write_micro(*micro, out),
            Self::List(list) => write_all(list.iter(), ['[', ']'], out, |v, out| v.write(out)),
            Self::Map(map) => map.write(out),
        }
    }
}

/// Writes a list or a map: each item by `each`, with commas between.
pub(crate) fn write_all<T>(
    items: impl Iterator<Item = T>,
    [open, close]: [char; 2],
    out: &mut String,
    mut each: impl FnMut(T, &mut String),
) {
    out.push(open);
    for (n, item) in items.enumerate() {
        if n > 0 {
            out.push(',');
        }
        each(item, out);
    }
    out.push(close);
}

/// Writes a text with its quotes and escapes (RFC 8785 §3.2.2.2).
pub(crate) fn write_text(text: &str, out: &mut String) {
    out.reserve(text.len() + 2);
    out.push('"');
    // Without a branch for each byte a whole text is looked through at once.
    if text.bytes().fold(false, |any, b| any | is_escaped(b)) {
        write_escaped(text, out)
    } else {
        out.push_str(text)
    }
    out.push('"');
}

fn is_escaped(b: u8) -> bool {
    (b < b' ') | (b == b'"') | (b == b'\\')
}

fn write_escaped(text: &str, out: &mut String) {
    let mut rest = text;
    // Every byte that is escaped is a character of its own, so a cut before and after it falls between characters.
    while let Some(at) = rest.bytes().position(is_escaped) {
        let (plain, from) = rest.split_at(at);
        out.push_str(plain);
        let (escaped, after) = from.split_at(1);
        match escaped {
            "\"" => out.push_str("\\\""),
            "\\" => out.push_str("\\\\"),
            "\u{8}" => out.push_str("\\b"),
            "\t" => out.push_str("\\t"),
            "\n" => out.push_str("\\n"),
            "\u{c}" => out.push_str("\\f"),
            "\r" => out.push_str("\\r"),
            other => out.extend(other.chars().map(|c| format!("\\u{:04x}", u32::from(c)))),
        }
        rest = after;
    }
    out.push_str(rest);
}

fn write_micro(micro: i32, out: &mut String) {
    let all = micro.unsigned_abs();
    if micro < 0 {
        out.push('-');
    }
    out.push_str(&(all / 1_000_000).to_string());
    let rest = format!("{:06}", all % 1_000_000);
    let rest = rest.trim_end_matches('0');
    if !rest.is_empty() {
        out.push('.');
        out.push_str(rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(json: &Json) -> String {
        String::from_utf8(json.bytes()).unwrap()
    }

    proptest! {
        #[test]
        fn a_coordinate_is_printed_as_the_shortest_double_prints(micro in -180_000_000i32..=180_000_000) {
            let shown = written(&Json::Micro(micro));
            let double: f64 = shown.parse().unwrap();
            prop_assert_eq!(format!("{double}"), shown.clone());
            prop_assert_eq!((double * 1e6).round() as i32, micro);
        }

        #[test]
        fn what_is_written_reads_back(texts: Vec<String>, keys: std::collections::BTreeSet<String>, int in -(1i64 << 53) + 1..1i64 << 53) {
            let list = Json::List(texts.iter().map(Json::text).collect());
            let map = Json::Map(keys.iter().map(|k| (k.clone(), Json::Int(int))).collect());
            for json in [list, map] {
                let back: serde_json::Value = serde_json::from_slice(&json.bytes()).unwrap();
                prop_assert_eq!(Json::of(&back).unwrap(), json);
            }
        }

        #[test]
        fn texts_are_escaped_as_rfc_8785_says(text: String) {
            prop_assert_eq!(written(&Json::text(text.clone())), serde_json::to_string(&text).unwrap());
        }
    }

    #[test]
    fn keys_stand_in_the_order_of_their_utf_16_units() {
        let keys = ["\u{20ac}", "\r", "\u{fb33}", "1", "\u{1f600}", "\u{80}", "\u{f6}"];
        let map = Json::Map(keys.into_iter().map(|k| (k, Json::Bool(true))).collect());
        // RFC 8785 §3.2.3: carriage return, one, control, o with diaeresis, euro, smiley, Hebrew dalet.
        let expected = "{\"\\r\":true,\"1\":true,\"\u{80}\":true,\"\u{f6}\":true,\"\u{20ac}\":true,\"\u{1f600}\":true,\"\u{fb33}\":true}";
        assert_eq!(written(&map), expected);
    }

    #[test]
    fn floats_nulls_and_large_integers_are_refused() {
        use serde_json::json;
        for value in [json!(1.5), json!({"a": null}), json!(9_007_199_254_740_992_u64), json!(u64::MAX)] {
            assert!(Json::of(&value).is_err(), "{value}");
        }
        assert_eq!(Json::of(&json!(9_007_199_254_740_991_u64)).unwrap(), Json::Int(9_007_199_254_740_991));
        assert_eq!(written(&Json::Micro(0)), "0");
        assert_eq!(written(&Json::Micro(-1)), "-0.000001");
        assert_eq!(written(&Json::Micro(48_200_000)), "48.2");
    }
}
