//! The release header out of a bundle of which the rest is read as strictly, and not kept.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::RELEASE_TYPE;

/// The first object of a bundle whose type is that of a release header. Refuses just what reading every object as a
/// [`Value`] refuses.
pub(super) fn first_header(body: &[u8]) -> serde_json::Result<Option<Value>> {
    let passed: Passed = serde_json::from_slice(body)?;
    let Some(at) = passed.objects.iter().position(|o| o.is_header) else { return Ok(None) };
    Nth(at).deserialize(&mut serde_json::Deserializer::from_slice(body))
}

/// A bundle of which nothing is kept.
#[derive(Deserialize)]
struct Passed {
    objects: Vec<Skimmed>,
}

/// A value that was read as strictly as a [`Value`] is, and not kept.
struct Skimmed {
    /// Whether it is an object whose type is that of a release header; of a type that is written twice the last counts.
    is_header: bool,
    /// Whether it is a string that names this type.
    names_it: bool,
}

const NOTHING: Skimmed = Skimmed { is_header: false, names_it: false };

impl<'de> Deserialize<'de> for Skimmed {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Skim;

        impl<'de> Visitor<'de> for Skim {
            type Value = Skimmed;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }

            fn visit_unit<E>(self) -> Result<Skimmed, E> {
                Ok(NOTHING)
            }

            fn visit_bool<E>(self, _: bool) -> Result<Skimmed, E> {
                Ok(NOTHING)
            }

            fn visit_i64<E>(self, _: i64) -> Result<Skimmed, E> {
                Ok(NOTHING)
            }

            fn visit_u64<E>(self, _: u64) -> Result<Skimmed, E> {
                Ok(NOTHING)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Skimmed, E> {
                Ok(NOTHING)
            }

            fn visit_str<E>(self, text: &str) -> Result<Skimmed, E> {
                Ok(Skimmed { is_header: false, names_it: text == RELEASE_TYPE })
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Skimmed, A::Error> {
                while seq.next_element::<Skimmed>()?.is_some() {}
                Ok(NOTHING)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Skimmed, A::Error> {
                let mut is_header = false;
                while let Some(key) = map.next_key::<Key>()? {
                    let value: Skimmed = map.next_value()?;
                    if key.is_type {
                        is_header = value.names_it;
                    }
                }
                Ok(Skimmed { is_header, names_it: false })
            }
        }

        from.deserialize_any(Skim)
    }
}

/// The key of a member, as far as it matters here.
struct Key {
    is_type: bool,
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Read;

        impl Visitor<'_> for Read {
            type Value = Key;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_str<E>(self, text: &str) -> Result<Key, E> {
                Ok(Key { is_type: text == "type" })
            }
        }

        from.deserialize_str(Read)
    }
}

/// Reads the object at this place of a bundle and passes over the rest, which was read before.
struct Nth(usize);

impl<'de> DeserializeSeed<'de> for Nth {
    type Value = Option<Value>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Option<Value>, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Nth {
    type Value = Option<Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a bundle")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Option<Value>, A::Error> {
        let mut found = None;
        while let Some(key) = map.next_key::<String>()? {
            if key == "objects" {
                found = map.next_value_seed(NthOf(self.0))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }

    /// A bundle without the names of its members is read, too.
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Option<Value>, A::Error> {
        let found = seq.next_element_seed(NthOf(self.0))?.flatten();
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(found)
    }
}

struct NthOf(usize);

impl<'de> DeserializeSeed<'de> for NthOf {
    type Value = Option<Value>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Option<Value>, D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for NthOf {
    type Value = Option<Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Option<Value>, A::Error> {
        for _ in 0..self.0 {
            if seq.next_element::<IgnoredAny>()?.is_none() {
                return Ok(None);
            }
        }
        let found = seq.next_element()?;
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Deserialize)]
    struct Whole {
        objects: Vec<Value>,
    }

    /// By reading every object and keeping it.
    fn kept(body: &[u8]) -> Option<Option<Value>> {
        let whole: Whole = serde_json::from_slice(body).ok()?;
        let is_header = |o: &Value| o.get("type").and_then(Value::as_str) == Some(RELEASE_TYPE);
        Some(whole.objects.into_iter().find(is_header))
    }

    fn alike(body: &[u8]) {
        assert_eq!(first_header(body).ok(), kept(body), "{}", String::from_utf8_lossy(body));
    }

    #[test]
    fn a_header_is_found_just_where_reading_everything_finds_it() {
        let header = format!(r#"{{"type":"{RELEASE_TYPE}","n":1}}"#);
        for body in [
            format!(
                r#"{{"objects":[{{"type":"report","deep":{header}}},{header},{{"type":"{RELEASE_TYPE}"}}]}}"#
            ),
            format!(r#"{{"objects":[{{"type":"{RELEASE_TYPE}","type":"report"}},{header}]}}"#),
            format!(r#"{{"objects":[{{"type":"report","type":"{RELEASE_TYPE}"}}]}}"#),
            format!(r#"{{"objects":["{RELEASE_TYPE}",["{RELEASE_TYPE}"],null,true,1,-1,1.5,{header}]}}"#),
            format!(r#"{{"objects":[{{"typ\u0065":"forewarn-\u0072elease"}}],"id":[{header}]}}"#),
            format!(r#"{{"id":{header},"objects":[]}}"#),
            format!(r#"{{"objects":[{header}],"objects":[{header}]}}"#),
            format!(r#"{{"objects":[{header},1e999]}}"#),
            format!(r#"{{"objects":[{header},"\ud800"]}}"#),
            format!(r#"{{"objects":[{header}]}} x"#),
            format!(r#"{{"objects":[{header},{}1{}]}}"#, "[".repeat(200), "]".repeat(200)),
            format!(r#"[[1,{header}]]"#),
            format!(r#"[[{header}],2]"#),
            format!(r#"{{"objects":{header}}}"#),
            "{}".to_owned(),
            "1".to_owned(),
            String::new(),
        ] {
            alike(body.as_bytes());
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_just_where_reading_everything_refuses_them(
            cut in 0usize..120, put in any::<u8>(), at in 0usize..120,
        ) {
            let mut body = format!(
                r#"{{"objects":[{{"id":"a\u00e9","n":[1,2.5e3,null]}},{{"type":"{RELEASE_TYPE}","q":{{}}}}]}}"#
            ).into_bytes();
            if let Some(byte) = body.get_mut(at) {
                *byte = put;
            }
            alike(&body);
            body.truncate(cut);
            alike(&body);
        }
    }
}
