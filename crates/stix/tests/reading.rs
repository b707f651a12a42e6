//! What others wrote is split and read without loss, whatever it is wrapped in and however it is broken.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

use proptest::prelude::*;
use stix::read::{
    BundleReader, FaultCode, Id, Instant, Limits, Marking, Piece, RawObject, Split, Tlp, Wrapper,
};
use stix::validate::{Series, validate};

const ID: &str = "8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f";

/// What a text holds, in order.
#[derive(Debug, Clone, PartialEq)]
enum Seen {
    Object(String, u64),
    Wrapper(Wrapper),
    Refused(FaultCode, u64),
}

fn seen(piece: Piece<'_>) -> Seen {
    match piece {
        Piece::Object(object) => Seen::Object(object.text().to_owned(), object.at()),
        Piece::Wrapper(wrapper) => Seen::Wrapper(wrapper),
        Piece::Refused(fault) => Seen::Refused(fault.code, fault.at),
    }
}

fn split(text: &[u8], limits: Limits) -> Vec<Seen> {
    let mut split = Split::new(text, limits);
    let mut all = Vec::new();
    while let Some(piece) = split.piece() {
        all.push(seen(piece));
    }
    all
}

fn streamed(text: &[u8], limits: Limits, pieces: usize) -> Vec<Seen> {
    let mut reader = BundleReader::new(Drops { text, pieces }, limits);
    let mut all = Vec::new();
    while let Some(piece) = reader.piece().unwrap() {
        all.push(seen(piece));
    }
    all
}

/// A stream that gives a few bytes at a time.
struct Drops<'a> {
    text: &'a [u8],
    pieces: usize,
}

impl std::io::Read for Drops<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let count = self.pieces.min(into.len()).min(self.text.len());
        let (now, later) = self.text.split_at(count);
        into[..count].copy_from_slice(now);
        self.text = later;
        Ok(count)
    }
}

fn objects(all: &[Seen]) -> Vec<&str> {
    let mut texts = Vec::new();
    for each in all {
        if let Seen::Object(text, _) = each {
            texts.push(text.as_str());
        }
    }
    texts
}

fn faults(all: &[Seen]) -> Vec<FaultCode> {
    let fault = |each: &Seen| match each {
        Seen::Refused(code, _) => Some(*code),
        _ => None,
    };
    all.iter().filter_map(fault).collect()
}

#[test]
fn each_wrapper_gives_its_objects_as_they_were_received() {
    let (one, two) = ("{\"type\" : \"a\\u0062\",\n \"n\": 1.50}", "{ }");
    for text in [
        format!("{{\"type\":\"bundle\",\"id\":\"bundle--{ID}\",\"objects\":[{one} , {two}]}}"),
        format!("{{\"objects\":[{one},{two}],\"id\":\"bundle--{ID}\",\"type\":\"bundle\"}}"),
        format!("{{\"more\":true,\"next\":\"n\",\"objects\":[{one},{two}]}}"),
        format!("\u{feff} [{one},{two}] "),
        format!("{one}\n{two}\r\n"),
        format!("[{one}]\n\n{{\"objects\":[{two}]}}"),
    ] {
        let all = split(text.as_bytes(), Limits::default());
        assert_eq!(objects(&all), [one, two], "{text}");
        assert_eq!(faults(&all), [], "{text}");
        for each in &all {
            if let Seen::Object(object, at) = each {
                assert!(text.as_bytes()[*at as usize..].starts_with(object.as_bytes()));
            }
        }
        for pieces in [1, 7, 1 << 20] {
            assert_eq!(streamed(text.as_bytes(), Limits::default(), pieces), all);
        }
    }
}

#[test]
fn a_wrapper_says_what_stood_around_its_objects() {
    let text =
        format!("{{\"id\":\"bundle--{ID}\",\"objects\":[{{}}],\"type\":\"bundle\",\"x_a\":[1, {{}}]}}");
    let all = split(text.as_bytes(), Limits::default());
    let Some(Seen::Wrapper(wrapper)) = all.last() else { panic!("{all:?}") };
    assert!(wrapper.is_bundle() && wrapper.is_map && wrapper.held == 1);
    assert_eq!(wrapper.text("id").unwrap(), format!("bundle--{ID}"));
    assert_eq!(wrapper.members.last().unwrap(), &("x_a".to_owned(), "[1, {}]".to_owned()));
    let observed = "{\"type\":\"observed-data\",\"objects\":[1]}";
    assert_eq!(objects(&split(observed.as_bytes(), Limits::default())), [observed]);
    let with_map = "{\"objects\":{\"0\":{}}}";
    assert_eq!(objects(&split(with_map.as_bytes(), Limits::default())), [with_map]);
}

#[test]
fn one_bad_object_is_named_with_its_place_and_does_not_spoil_the_others() {
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(64), "]".repeat(64));
    let lone = "{\"a\":\"\\ud800\"}";
    for (bad, code, at) in [
        ("{\"a\":1,\"b\":2,\"a\":3}", FaultCode::DuplicateKey, 13),
        ("{\"a\":1,\"\\u0061\":3}", FaultCode::DuplicateKey, 7),
        ("{\"a\":{\"b\":9007199254740992}}", FaultCode::NumberRange, 10),
        ("{\"a\":-9007199254740992}", FaultCode::NumberRange, 5),
        ("{\"a\":1e400}", FaultCode::NumberRange, 5),
        (&deep, FaultCode::TooDeep, 68),
        (lone, FaultCode::LoneSurrogate, 6),
        ("{\"a\":\"\\udc00\\ud800\"}", FaultCode::LoneSurrogate, 6),
        ("7", FaultCode::NotAnObject, 0),
        ("[{}]", FaultCode::NotAnObject, 0),
    ] {
        let text = format!("[{{\"n\":1}},{bad},{{\"n\":2}}]");
        let all = split(text.as_bytes(), Limits::default());
        assert_eq!(objects(&all), ["{\"n\":1}", "{\"n\":2}"], "{bad}");
        assert!(all.contains(&Seen::Refused(code, 9 + at)), "{bad}: {all:?}");
    }
    let mut text = b"[{\"n\":1},{\"a\":\"x".to_vec();
    text.extend(b"\xff\"},{\"n\":2}]");
    let all = split(&text, Limits::default());
    assert_eq!(objects(&all).len(), 2);
    assert!(all.contains(&Seen::Refused(FaultCode::NotUtf8, 16)), "{all:?}");
}

#[test]
fn the_largest_integers_and_the_deepest_lists_that_are_allowed_pass() {
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(63), "]".repeat(63));
    for good in [
        "{\"a\":9007199254740991,\"b\":-9007199254740991,\"c\":-0,\"d\":1e300}",
        "{\"a\":\"\\ud83d\\ude00\\\\\\\"\\/\"}",
        &deep,
    ] {
        assert_eq!(objects(&split(good.as_bytes(), Limits::default())), [good]);
    }
}

#[test]
fn what_is_not_json_is_named_with_its_place() {
    for (text, code, at) in [
        ("", FaultCode::Empty, 0),
        (" \n", FaultCode::Empty, 2),
        ("a", FaultCode::NotJson, 0),
        ("7", FaultCode::NotJson, 0),
        ("{\"a\":01}", FaultCode::NotJson, 5),
        ("{\"a\":1.}", FaultCode::NotJson, 7),
        ("{\"a\":.5}", FaultCode::NotJson, 5),
        ("{\"a\":+5}", FaultCode::NotJson, 5),
        ("{\"a\":nul}", FaultCode::NotJson, 5),
        ("{\"a\":'b'}", FaultCode::NotJson, 5),
        ("{\"a\":1,}", FaultCode::NotJson, 7),
        ("{\"a\" 1}", FaultCode::NotJson, 5),
        ("{a:1}", FaultCode::NotJson, 1),
        ("{\"a\":\"\t\"}", FaultCode::NotJson, 6),
        ("{\"a\":\"\\x\"}", FaultCode::NotJson, 6),
        ("{\"a\":\"\\u00g0\"}", FaultCode::NotJson, 8),
        ("[{},]", FaultCode::NotJson, 4),
        ("[{} {}]", FaultCode::NotJson, 4),
        ("[1)", FaultCode::NotJson, 2),
        ("{\"a\":[1}", FaultCode::NotJson, 7),
        ("{\"a\":1", FaultCode::Cut, 6),
        ("[{}", FaultCode::Cut, 3),
        ("{\"objects\":[", FaultCode::Cut, 12),
        ("{\"objects\":[],\"a\"", FaultCode::Cut, 17),
        ("{\"a\":\"b", FaultCode::Cut, 7),
        ("{} {}", FaultCode::MoreText, 3),
        ("{\"objects\":[],\"objects\":[]}", FaultCode::DuplicateKey, 14),
        ("{\"id\":1,\"objects\":[],\"id\":2}", FaultCode::DuplicateKey, 21),
    ] {
        let all = split(text.as_bytes(), Limits::default());
        assert!(all.contains(&Seen::Refused(code, at)), "{text}: {all:?}");
        assert_eq!(streamed(text.as_bytes(), Limits::default(), 1), all, "{text}");
    }
}

#[test]
fn of_many_lines_a_broken_one_is_passed_over() {
    let text = "{\"n\":1}\n{\"n\":}\n{\"n\":2\n{\"n\":3} x\n\n{\"n\":4}";
    let all = split(text.as_bytes(), Limits::default());
    assert_eq!(objects(&all), ["{\"n\":1}", "{\"n\":3}", "{\"n\":4}"], "{all:?}");
    assert_eq!(streamed(text.as_bytes(), Limits::default(), 3), all);
}

#[test]
fn a_text_of_a_hundred_thousand_brackets_uses_no_stack() {
    for open in ["[", "{\"a\":", "[{\"a\":["] {
        let text = format!("{{\"a\":{}", open.repeat(20_000));
        assert!(!faults(&split(text.as_bytes(), Limits::default())).is_empty());
        let text = open.repeat(200_000);
        assert!(!faults(&split(text.as_bytes(), Limits::default())).is_empty());
    }
    let closed = format!("[{{\"a\":{}{}}},{{\"n\":1}}]", "[".repeat(20_000), "]".repeat(20_000));
    let all = split(closed.as_bytes(), Limits::default());
    assert_eq!((objects(&all), faults(&all)), (vec!["{\"n\":1}"], vec![FaultCode::TooDeep]));
}

#[test]
fn every_limit_is_kept_and_named() {
    let text = "[{\"long\":\"aaaaaaaaaaaaaaaaaaaa\"},{\"n\":1}]".as_bytes();
    let tight = |limits: Limits| {
        let all = split(text, limits);
        for pieces in [1, 5, 4096] {
            assert_eq!(streamed(text, limits, pieces), all);
        }
        (objects(&all).len(), faults(&all))
    };
    let limits = Limits::default();
    let cut = |code| (1, vec![code]);
    assert_eq!(tight(Limits { object_bytes_max: 20, ..limits }), cut(FaultCode::ObjectTooLong));
    assert_eq!(tight(Limits { string_bytes_max: 20, ..limits }), cut(FaultCode::StringTooLong));
    assert_eq!(tight(Limits { objects_max: 1, ..limits }), cut(FaultCode::TooManyObjects));
    assert_eq!(tight(Limits { values_max: 2, ..limits }), (0, vec![FaultCode::TooManyValues; 2]));
    assert_eq!(
        split(text, Limits { text_bytes_max: 10, ..limits }).last(),
        Some(&Seen::Refused(FaultCode::TextTooLong, 32))
    );
}

#[test]
fn an_object_longer_than_allowed_is_passed_over_in_a_stream_without_being_kept() {
    let long = format!("{{\"a\":\"{}\\\"]}}\",\"b\":[{{}}]}}", "x".repeat(2 << 20));
    let limits = Limits { object_bytes_max: 1000, ..Limits::default() };
    for text in [format!("[{long},{{\"n\":1}}]"), format!("{long}\n{{\"n\":1}}")] {
        let all = streamed(text.as_bytes(), limits, 1 << 16);
        assert_eq!((objects(&all), faults(&all)), (vec!["{\"n\":1}"], vec![FaultCode::ObjectTooLong]));
    }
}

fn read<T>(text: &str, with: impl FnOnce(RawObject<'_>) -> T) -> T {
    RawObject::read(text, &Limits::default(), with).unwrap_or_else(|fault| panic!("{fault}: {text}"))
}

#[test]
fn the_header_has_every_reference_wherever_it_stands() {
    let text = format!(
        "{{\"type\":\"file\",\"id\":\"file--{ID}\",\"created_by_ref\":\"identity--{ID}\",\"modified\":\"2020-01-01T00:00:00.000Z\",\
         \"object_marking_refs\":[\"marking-definition--{ID}\"],\"revoked\":true,\"granular_markings\":[{{\"marking_ref\":\
         \"marking-definition--{ID}\",\"selectors\":[\"id\"]}}],\"extensions\":{{\"archive-ext\":{{\"contains_refs\":\
         [\"file--{ID}\",\"directory--{ID}\"]}}}},\"note_ref\":\"not an id\",\"preference\":\"file--{ID}\"}}"
    );
    read(&text, |object| {
        let header = object.header().unwrap();
        assert_eq!((header.kind(), header.revoked, header.has_granular_markings), ("file", true, true));
        assert_eq!(header.modified.unwrap().text(), "2020-01-01T00:00:00.000Z");
        assert_eq!(header.markings.len(), 1);
        let refs: Vec<String> =
            header.refs.iter().map(|r| format!("{} {}", r.property, r.to.kind())).collect();
        assert_eq!(
            refs,
            [
                "created_by_ref identity",
                "object_marking_refs marking-definition",
                "marking_ref marking-definition",
                "contains_refs file",
                "contains_refs directory"
            ]
        );
    });
}

#[test]
fn a_header_that_cannot_be_read_names_the_property() {
    for (text, property) in [
        ("{}".to_owned(), "id"),
        (format!("{{\"id\":\"file--{ID}\"}}"), "type"),
        (format!("{{\"type\":\"url\",\"id\":\"file--{ID}\"}}"), "type"),
        (format!("{{\"type\":\"url\",\"id\":\"url--{ID}\",\"modified\":1}}"), "modified"),
        (
            format!("{{\"type\":\"url\",\"id\":\"url--{ID}\",\"object_marking_refs\":[\"a\"]}}"),
            "object_marking_refs",
        ),
    ] {
        assert_eq!(read(&text, |object| object.header().unwrap_err().property), property);
    }
}

#[test]
fn a_part_is_marked_as_the_whole_and_as_what_it_lies_in() {
    let green = "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da";
    let strict = "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003";
    let text = format!(
        "{{\"type\":\"tool\",\"id\":\"tool--{ID}\",\"a\":{{\"b\":[1,2]}},\"ab\":1,\"object_marking_refs\":[\"{green}\"],\
         \"granular_markings\":[{{\"marking_ref\":\"{strict}\",\"selectors\":[\"a\"]}},{{\"marking_ref\":\
         \"marking-definition--{ID}\",\"selectors\":[\"a.b.[1]\"]}},{{\"lang\":\"de\",\"selectors\":[\"ab\"]}}]}}"
    );
    read(&text, |object| {
        let markings = object.markings().unwrap();
        let at = |path: &str| markings.at(path).collect::<Vec<_>>();
        let (green, strict) = (Marking::Tlp(Tlp::Green), Marking::Tlp(Tlp::AmberStrict));
        let other =
            Marking::Other(Id::read("marking-definition--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f").unwrap());
        assert_eq!(at("ab"), vec![green.clone()]);
        assert_eq!(at("a"), [green.clone(), strict.clone()]);
        assert_eq!(at("a.b.[0]"), [green.clone(), strict.clone()]);
        assert_eq!(at("a.b.[1]"), [green.clone(), strict.clone(), other.clone()]);
        assert_eq!(markings.all().collect::<Vec<_>>(), [green, strict, other]);
        let part = markings.granular[1].selectors[0].find(object.root()).unwrap();
        assert_eq!(part.whole(), Some(2));
    });
}

#[test]
fn a_marking_that_cannot_be_read_closes_the_object() {
    for markings in [
        "[{}]",
        "[{\"marking_ref\":\"a\",\"selectors\":[\"id\"]}]",
        "[{\"lang\":\"de\",\"selectors\":[]}]",
        "[1]",
    ] {
        let text = format!("{{\"type\":\"tool\",\"id\":\"tool--{ID}\",\"granular_markings\":{markings}}}");
        assert!(read(&text, |object| object.markings().is_err()), "{markings}");
    }
}

#[test]
fn two_spellings_of_one_object_have_one_canonical_digest_and_two_of_their_bytes() {
    let (one, two) = ("{\"b\":[1.0,\"\\u0041\"],\"a\":{}}", "{ \"a\" : { }, \"b\":[ 1,\"A\" ] }");
    let digests =
        |text| read(text, |object| (object.sha256(), object.canonical_sha256(), object.canonical()));
    let (one, two) = (digests(one), digests(two));
    assert_ne!(one.0, two.0);
    assert_eq!((one.1, one.2.as_str()), (two.1, "{\"a\":{},\"b\":[1,\"A\"]}"));
}

#[test]
fn marking_definitions_that_mark_one_another_are_found_and_a_version_twice() {
    let id = |n: u8| format!("marking-definition--{n}e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f");
    let mut series = Series::default();
    let mut findings = Vec::new();
    for (own, by) in [(1, 2), (2, 3), (3, 1), (4, 1), (4, 1)] {
        let text = format!(
            "{{\"type\":\"marking-definition\",\"id\":\"{}\",\"object_marking_refs\":[\"{}\"]}}",
            id(own),
            id(by)
        );
        read(&text, |object| series.takes(&object, &mut findings));
    }
    assert_eq!(findings.iter().map(|f| f.rule.name).collect::<Vec<_>>(), ["version-twice"]);
    assert_eq!(series.circles().len(), 3);
}

#[test]
fn a_bundle_is_held_against_the_standard() {
    for (text, wanted) in [
        (format!("{{\"type\":\"bundle\",\"id\":\"bundle--{ID}\",\"objects\":[{{}}]}}"), ""),
        ("{\"objects\":[{}],\"more\":false}".to_owned(), ""),
        ("[{}]".to_owned(), ""),
        ("{\"type\":\"bundle\",\"objects\":[{}]}".to_owned(), "missing-property"),
        (format!("{{\"id\":\"bundle--{ID}\",\"objects\":[{{}}]}}"), "missing-property"),
        (format!("{{\"objects\":[{{}}],\"type\":\"list\",\"id\":\"bundle--{ID}\"}}"), "wrong-kind"),
        ("{\"type\":\"bundle\",\"id\":\"bundle--1\",\"objects\":[{}]}".to_owned(), "malformed-id"),
        (format!("{{\"type\":\"bundle\",\"id\":\"tool--{ID}\",\"objects\":[{{}}]}}"), "id-of-other-type"),
        (format!("{{\"type\":\"bundle\",\"id\":\"bundle--{ID}\",\"objects\":[]}}"), "empty-list"),
        (
            format!(
                "{{\"type\":\"bundle\",\"id\":\"bundle--{ID}\",\"spec_version\":\"2.0\",\"objects\":[{{}}]}}"
            ),
            "custom-property",
        ),
    ] {
        let all = split(text.as_bytes(), Limits::default());
        let Some(Seen::Wrapper(wrapper)) = all.last() else { panic!("{all:?}") };
        let found = Series::default().wrapped(wrapper);
        assert_eq!(found.iter().map(|f| f.rule.name).collect::<Vec<_>>().join(" "), wanted, "{text}");
    }
}

/// Any JSON, as it may be written: blanks, escapes, numbers of each form.
fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|b| b.to_string()),
        any::<i32>().prop_map(|n| n.to_string()),
        any::<f64>()
            .prop_filter("finite", |n| n.is_finite())
            .prop_map(|n| serde_json::to_string(&n).unwrap()),
        any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5)
                .prop_map(|items| format!("[ {} ]", items.join(" ,\n"))),
            members(inner).prop_map(|members| written(&members)),
        ]
    })
}

fn members(inner: impl Strategy<Value = String>) -> impl Strategy<Value = Vec<(String, String)>> {
    prop::collection::btree_map(any::<String>(), inner, 0..6).prop_map(|map| {
        map.into_iter().map(|(key, value)| (serde_json::to_string(&key).unwrap(), value)).collect()
    })
}

fn written(members: &[(String, String)]) -> String {
    format!(
        "{{{}}}",
        members.iter().map(|(key, value)| format!("{key} : {value}")).collect::<Vec<_>>().join(",")
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_split_and_joined_again_is_the_same_bytes(
        parts in prop::collection::vec(members(json()), 1..6),
        pieces in 1usize..64,
    ) {
        let parts: Vec<String> = parts.iter().map(|members| written(members)).collect();
        let text = format!("{{\"type\":\"bundle\", \"objects\" : [{}]}}", parts.join(","));
        let all = split(text.as_bytes(), Limits::default());
        let joined = format!("{{\"type\":\"bundle\", \"objects\" : [{}]}}", objects(&all).join(","));
        prop_assert_eq!(joined, text.clone());
        prop_assert_eq!(streamed(text.as_bytes(), Limits::default(), pieces), all);
    }

    #[test]
    fn a_value_is_read_as_another_reader_reads_it(members in members(json())) {
        let text = written(&members);
        let other: serde_json::Value = serde_json::from_str(&text).unwrap();
        let canonical = read(&text, |object| object.canonical());
        let back: serde_json::Value = serde_json::from_str(&canonical).unwrap();
        // Canonical numbers are doubles.
        prop_assert!(same(&back, &other), "{} {}", back, other);
    }

    #[test]
    fn the_order_of_properties_does_not_matter_for_the_canonical_digest(
        (members, shuffled) in members(json()).prop_flat_map(|m| (Just(m.clone()), Just(m).prop_shuffle())),
    ) {
        let digest = |members: &[(String, String)]| read(&written(members), |object| object.canonical_sha256());
        prop_assert_eq!(digest(&members), digest(&shuffled));
    }

    #[test]
    fn what_another_reader_refuses_is_refused_and_nothing_panics(
        members in members(json()),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut text = format!("[{}]", written(&members)).into_bytes();
        let at = at.index(text.len());
        text[at] = byte;
        let all = split(&text, Limits::default());
        prop_assert_eq!(&streamed(&text, Limits::default(), 3), &all);
        let good = serde_json::from_slice::<Vec<serde_json::Map<String, serde_json::Value>>>(&text).is_ok();
        prop_assert!(good || !faults(&all).is_empty(), "{}", String::from_utf8_lossy(&text));
        for object in objects(&all) {
            let mut findings = Vec::new();
            read(object, |object| {
                validate(&object, &mut findings);
                let _ = (object.header().is_ok(), object.markings().is_ok(), object.canonical());
            });
        }
    }

    #[test]
    fn objects_of_each_type_with_any_value_anywhere_are_judged_without_a_panic(
        n in 0usize..400,
        at in any::<prop::sample::Index>(),
        value in json(),
    ) {
        let tables = [include_str!("objects/domain.txt"), include_str!("objects/observables.txt"), include_str!("objects/meta.txt")];
        let lines: Vec<&str> = tables.iter().flat_map(|t| t.lines()).filter(|line| line.starts_with('{')).collect();
        let mut object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(lines[n % lines.len()]).unwrap();
        let name = object.keys().nth(at.index(object.len())).unwrap().clone();
        object.insert(name, serde_json::from_str(&value).unwrap());
        let text = serde_json::to_string(&object).unwrap();
        let mut findings = Vec::new();
        read(&text, |object| validate(&object, &mut findings));
        for finding in &findings {
            prop_assert!(finding.at < text.len() && finding.path.starts_with('$'));
        }
    }

    #[test]
    fn an_instant_never_panics(text in "[0-9TZ:.\\-]{0,30}") {
        if let Some(instant) = Instant::read(&text) {
            let _ = instant.seconds();
        }
    }
}

fn same(one: &serde_json::Value, other: &serde_json::Value) -> bool {
    use serde_json::Value;
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(key, value)| other.get(key).is_some_and(|v| same(value, v)))
        }
        _ => one == other,
    }
}
