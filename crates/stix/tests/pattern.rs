//! Patterns that fit and patterns that do not, from text files that anybody can read and add to.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test stops at the first surprise")]

use proptest::prelude::*;
use stix::pattern::finding::Severity;
use stix::pattern::{
    LISTED_VALUES_MAX, NESTING_MAX, PATH_STEPS_MAX, PATTERN_BYTES_MAX, Pattern, QUALIFIERS_MAX,
};

const VALID: &str = include_str!("pattern/valid.txt");
const INVALID: &str = include_str!("pattern/invalid.txt");
const REMARKABLE: &str = include_str!("pattern/remarkable.txt");

/// A pattern of a file and what is said of it: the lines that begin with `> `.
struct Case {
    pattern: String,
    said: Vec<String>,
}

/// Cases stand apart by an empty line; lines that begin with `# ` are for the reader, and what cannot be seen is named.
fn cases(file: &str) -> Vec<Case> {
    let blocks = file.split("\n\n").map(|block| block.lines().filter(|line| !line.starts_with('#')));
    let cases = blocks.map(|lines| {
        let (said, pattern): (Vec<&str>, Vec<&str>) = lines.partition(|line| line.starts_with("> "));
        Case {
            pattern: pattern
                .join("\n")
                .trim_matches('\n')
                .replace("{U+FEFF}", "\u{feff}")
                .replace("{U+200B}", "\u{200b}"),
            said: said.into_iter().map(|line| line.trim_start_matches("> ").to_owned()).collect(),
        }
    });
    cases.filter(|case| !case.pattern.is_empty() || !case.said.is_empty()).collect()
}

fn errors(pattern: &str) -> Vec<String> {
    match Pattern::parse(pattern) {
        Ok(_) => Vec::new(),
        Err(error) => vec![format!("{} {error}", error.fault.code())],
    }
}

fn findings(pattern: &Pattern<'_>) -> Vec<String> {
    let shown = pattern.findings().into_iter().map(|finding| {
        let severity = match finding.rule.severity() {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        format!("{severity} {} {finding}", finding.rule.code())
    });
    shown.collect()
}

#[test]
fn what_fits_the_grammar_is_read_and_nothing_is_found_in_it() {
    let cases = cases(VALID);
    assert!(cases.len() > 80, "the file was not read");
    for case in cases {
        match Pattern::parse(&case.pattern) {
            Ok(pattern) => assert_eq!(findings(&pattern), case.said, "{}", case.pattern),
            Err(error) => panic!("{error}\n{}", error.caret(&case.pattern)),
        }
    }
}

#[test]
fn what_does_not_fit_is_refused_at_its_place_with_what_was_expected() {
    let cases = cases(INVALID);
    assert!(cases.len() > 60, "the file was not read");
    for case in cases {
        assert_eq!(errors(&case.pattern), case.said, "{}", case.pattern);
    }
}

#[test]
fn what_can_never_match_or_is_forbidden_beyond_the_grammar_is_found() {
    let cases = cases(REMARKABLE);
    assert!(cases.len() > 25, "the file was not read");
    for case in cases {
        let pattern = Pattern::parse(&case.pattern).expect(&case.pattern);
        assert_eq!(findings(&pattern), case.said, "{}", case.pattern);
    }
}

#[test]
fn what_is_printed_is_read_back_as_the_same_pattern() {
    for case in cases(VALID).into_iter().chain(cases(REMARKABLE)) {
        let pattern = Pattern::parse(&case.pattern).expect(&case.pattern);
        let printed = pattern.to_string();
        assert_eq!(Pattern::parse(&printed).as_ref(), Ok(&pattern), "{printed}");
    }
}

#[test]
fn the_canonical_form_has_one_spelling() {
    for (written, printed) in [
        ("[file:size==+1]", "[file:size = 1]"),
        ("[ ( file:'size' <> .5 ) ]", "[file:size != .5]"),
        ("(([a:b=1]))", "[a:b = 1]"),
        ("([a:b=1])WITHIN 5 SECONDS", "[a:b = 1] WITHIN 5 SECONDS"),
        ("[a:b=1 OR (a:c=2 AND a:d=3)]", "[a:b = 1 OR a:c = 2 AND a:d = 3]"),
        ("[a:b=1 AND (a:c=2 OR a:d=3)]", "[a:b = 1 AND (a:c = 2 OR a:d = 3)]"),
        ("[a:'IN' IN(1,'x',true)]", "[a:'IN' IN (1, 'x', true)]"),
        ("[a:b=1]/**/OR//x\n([a:b=2]FOLLOWEDBY[a:b=3])", "[a:b = 1] OR ([a:b = 2] FOLLOWEDBY [a:b = 3])"),
        ("[a:b=1] OR ([a:b=2] AND [a:b=3])", "[a:b = 1] OR [a:b = 2] AND [a:b = 3]"),
        (
            "([a:b=1] REPEATS 2 TIMES) REPEATS 3 TIMES WITHIN 60 SECONDS",
            "([a:b = 1] REPEATS 2 TIMES) REPEATS 3 TIMES WITHIN 60 SECONDS",
        ),
    ] {
        assert_eq!(Pattern::parse(written).unwrap().to_string(), printed);
    }
}

#[test]
fn operators_bind_as_the_standard_says() {
    for (short, long) in [
        ("[a:b=1] AND [a:b=2] OR [a:b=3]", "([a:b=1] AND [a:b=2]) OR [a:b=3]"),
        ("[a:b=1] OR [a:b=2] AND [a:b=3]", "[a:b=1] OR ([a:b=2] AND [a:b=3])"),
        ("[a:b=1] FOLLOWEDBY [a:b=2] OR [a:b=3]", "[a:b=1] FOLLOWEDBY ([a:b=2] OR [a:b=3])"),
        ("[a:b=1] AND [a:b=2] WITHIN 5 SECONDS", "[a:b=1] AND ([a:b=2] WITHIN 5 SECONDS)"),
        ("[a:b=1 OR a:b=2 AND a:b=3]", "[a:b=1 OR (a:b=2 AND a:b=3)]"),
    ] {
        assert_eq!(Pattern::parse(short).unwrap(), Pattern::parse(long).unwrap(), "{short}");
    }
    let (one, other) = ("[a:b=1] AND ([a:b=2] OR [a:b=3])", "[a:b=1] AND [a:b=2] OR [a:b=3]");
    assert_ne!(Pattern::parse(one).unwrap(), Pattern::parse(other).unwrap());
}

#[test]
fn all_white_space_of_the_grammar_is_skipped_and_no_other() {
    let spaces = "\t\n\u{b}\u{c}\r \u{85}\u{a0}\u{1680}\u{2000}\u{2001}\u{2002}\u{2003}\u{2004}\u{2005}\u{2006}\u{2007}\
                  \u{2008}\u{2009}\u{200a}\u{2028}\u{2029}\u{202f}\u{205f}\u{3000}";
    let spaced = format!("{spaces}[{spaces}file:size{spaces}={spaces}1{spaces}]{spaces}");
    assert_eq!(Pattern::parse(&spaced).unwrap(), Pattern::parse("[file:size=1]").unwrap());
    for stray in ["\u{200b}", "\u{feff}", "\u{180e}", "\0"] {
        let error = Pattern::parse(&format!("[file:size {stray}= 1]")).unwrap_err();
        assert_eq!((error.fault.code(), error.place.offset), ("unexpected", 11));
    }
}

#[test]
fn texts_and_paths_are_what_is_meant() {
    let pattern = Pattern::parse(r"[file:extensions.'a\'b'[0].c[*] = 'C:\\it\'s']").unwrap();
    let test = pattern.tests().next().unwrap();
    assert_eq!((test.path.object_type, &*test.path.property.value()), ("file", "extensions"));
    assert_eq!(test.path.to_string(), r"file:extensions.'a\'b'[0].c[*]");
    let stix::pattern::tree::Check::Relation(_, value) = &test.check else { panic!("it is compared with =") };
    let stix::pattern::tree::Literal::String(text) = value.literal else { panic!("it is a text") };
    assert_eq!(text.value(), r"C:\it's");
    assert_eq!((value.span.start, value.span.end), (34, 45));
}

#[test]
fn comparisons_are_visited_in_the_order_of_the_text() {
    let text = "[a:b=1 AND (a:c=1 OR a:d=1)] OR ([a:e=1] FOLLOWEDBY [NOT EXISTS a:f]) WITHIN 1 SECONDS";
    let pattern = Pattern::parse(text).unwrap();
    let visited: Vec<String> = pattern.tests().map(|test| test.path.to_string()).collect();
    assert_eq!(visited, ["a:b", "a:c", "a:d", "a:e", "a:f"]);
}

#[test]
fn a_chain_of_a_hundred_thousand_is_read_looked_at_printed_and_let_go() {
    let comparisons = vec!["url:value = 'x'"; 100_000];
    let observations = vec!["[url:value = 'x']"; 100_000];
    let mixed = vec!["[url:value = 'x'] AND [url:value = 'x'] WITHIN 5 SECONDS"; 50_000];
    for chain in [
        format!("[{}]", comparisons.join(" AND ")),
        format!("[{}]", comparisons.join(" OR ")),
        observations.join(" AND "),
        observations.join(" OR "),
        observations.join(" FOLLOWEDBY "),
        mixed.join(" OR "),
    ] {
        let pattern = Pattern::parse(&chain).unwrap();
        assert_eq!(pattern.tests().count(), 100_000);
        assert_eq!(pattern.findings(), []);
        assert_eq!(pattern.to_string(), chain);
    }
}

#[test]
fn what_passes_a_limit_is_refused_and_what_reaches_it_is_not() {
    let nested = |depth: usize| format!("{}[a:b = 1]{}", "(".repeat(depth), ")".repeat(depth));
    let bracketed = |depth: usize| format!("[{}a:b = 1{}]", "(".repeat(depth), ")".repeat(depth));
    let path = |steps: usize| format!("[a:b{} = 1]", ".c".repeat(steps));
    let listed = |values: usize| format!("[a:b IN ({})]", vec!["1"; values].join(","));
    let compared = |tests: usize| format!("[{}]", vec!["a:b=1"; tests].join(" OR "));
    let qualified = |count: usize| format!("[a:b=1]{}", " WITHIN 1 SECONDS".repeat(count));
    let long = |bytes: usize| format!("[a:b='{}']", "x".repeat(bytes - 8));
    let (nesting, values, tests) =
        (NESTING_MAX as usize, LISTED_VALUES_MAX as usize, stix::pattern::COMPARISONS_MAX as usize);
    for (code, reaches, passes) in [
        ("too-deep", nested(nesting), nested(nesting + 1)),
        ("too-deep", bracketed(nesting), bracketed(1_000_000)),
        ("path-too-long", path(PATH_STEPS_MAX), path(PATH_STEPS_MAX + 1)),
        ("too-many-values", listed(values), listed(values + 1)),
        ("too-many-comparisons", compared(tests), compared(tests + 1)),
        ("too-many-qualifiers", qualified(QUALIFIERS_MAX as usize), qualified(QUALIFIERS_MAX as usize + 1)),
        ("too-long", long(PATTERN_BYTES_MAX), long(PATTERN_BYTES_MAX + 1)),
    ] {
        let read = Pattern::parse(&reaches).map(|pattern| pattern.findings().len());
        assert!(read.is_ok(), "{code}: {read:?}");
        let refused = Pattern::parse(&passes).unwrap_err();
        assert_eq!(refused.fault.code(), code, "{refused}");
    }
}

#[test]
fn no_more_than_a_hundred_findings_are_told_and_they_are_the_first() {
    let text = format!("[{}]", vec!["url:value LIKE 'x'"; 500].join(" OR "));
    let findings = Pattern::parse(&text).unwrap().findings();
    assert_eq!(findings.len(), 100);
    assert!(findings.is_sorted_by_key(|finding| finding.place));
    assert_eq!(findings.first().map(|finding| finding.place.column), Some(17));
}

#[test]
fn a_caret_points_at_the_fault_and_obeys_nothing_that_stands_in_the_text() {
    let caret = |text: &str| Pattern::parse(text).unwrap_err().caret(text);
    assert_eq!(caret("[file:size = ]"), "[file:size = ]\n             ^");
    assert_eq!(caret("[file:name = 'ö' AND\n  url:value ! 'x']"), "  url:value ! 'x']\n            ^");
    assert_eq!(caret("[a:b = '\u{1b}[31m\u{202e}' x]"), "[a:b = '·[31m·' x]\n                ^");
    let long = format!("[a:b = '{}' {}", "x".repeat(500), "y".repeat(500));
    let shown = caret(&long);
    assert!(shown.lines().all(|line| line.chars().count() < 130), "{shown}");
    assert!(shown.starts_with('…'), "{shown}");
}

/// Words of the grammar and others, put together at random.
fn jumbled() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "[",
        "]",
        "(",
        ")",
        "AND",
        "OR",
        "NOT",
        "EXISTS",
        "FOLLOWEDBY",
        "IN",
        "LIKE",
        "MATCHES",
        "ISSUBSET",
        "WITHIN",
        "REPEATS",
        "TIMES",
        "SECONDS",
        "START",
        "STOP",
        "file",
        ":",
        ".",
        "name",
        "x-y",
        "=",
        "!=",
        "<",
        ">=",
        "'a'",
        "'\\'",
        "h'0a'",
        "b'AP8='",
        "t'2026-01-31T09:00:00Z'",
        "h'0",
        "1",
        "-1",
        ".5",
        "01",
        "true",
        "True",
        "*",
        "[*]",
        "/*",
        "*/",
        "//",
        "\n",
        "\u{a0}",
        "ö",
        "'",
        "\\",
        "file:size = 1",
        "[file:size = 1]",
    ]);
    prop::collection::vec(words, 0..24).prop_map(|words| words.join(" "))
}

/// A valid pattern with a few characters put in, taken out or doubled.
fn damaged() -> impl Strategy<Value = String> {
    let valid: Vec<String> = cases(VALID).into_iter().map(|case| case.pattern).collect();
    let damage = prop::collection::vec((any::<prop::sample::Index>(), any::<Option<char>>()), 1..4);
    (prop::sample::select(valid), damage).prop_map(|(pattern, damage)| {
        let mut characters: Vec<char> = pattern.chars().collect();
        for (index, with) in damage {
            let at = index.index(characters.len().max(1));
            match with {
                Some(character) => characters.insert(at, character),
                None if characters.is_empty() => {}
                None => {
                    characters.remove(at);
                }
            }
        }
        characters.into_iter().collect()
    })
}

/// What holds for every text whatever.
fn is_read_or_refused_in_its_place(text: &str) -> Result<(), TestCaseError> {
    match Pattern::parse(text) {
        Ok(pattern) => {
            let printed = pattern.to_string();
            let again = Pattern::parse(&printed);
            prop_assert_eq!(again.as_ref(), Ok(&pattern));
            for finding in pattern.findings() {
                prop_assert!(text.is_char_boundary(finding.place.offset));
            }
        }
        Err(error) => {
            prop_assert!(error.place.offset <= text.len() && text.is_char_boundary(error.place.offset));
            let lines = text.get(..error.place.offset).unwrap().matches('\n').count() + 1;
            prop_assert_eq!(error.place.line as usize, lines);
            prop_assert!(error.to_string().chars().all(|character| !character.is_control()));
            prop_assert!(error.caret(text).ends_with('^'));
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn any_text_is_read_or_refused_in_its_place(text in any::<String>()) {
        is_read_or_refused_in_its_place(&text)?;
    }

    #[test]
    fn any_jumble_of_words_is_read_or_refused_in_its_place(text in jumbled()) {
        is_read_or_refused_in_its_place(&text)?;
    }

    #[test]
    fn a_damaged_pattern_is_read_or_refused_in_its_place(text in damaged()) {
        is_read_or_refused_in_its_place(&text)?;
    }
}
