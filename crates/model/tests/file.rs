//! The warning file: what it reads, what it refuses, and that nothing in it is looser than the whole.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use jiff::Timestamp;
use model::file::{TEMPLATE, WarningFile};

fn now() -> Timestamp {
    "2026-12-10T12:00:00Z".parse().unwrap()
}

#[test]
fn the_template_is_a_warning_that_can_be_written() {
    let file = WarningFile::parse(TEMPLATE).unwrap();
    let written = file.written(now()).unwrap();
    let paths: Vec<_> = written.fields.iter().map(|f| f.path.to_string()).collect();
    assert!(paths.contains(&"where".to_owned()) && paths.contains(&"grade".to_owned()), "{paths:?}");
    assert!(!written.subjects.is_empty());
    let again = WarningFile::parse(&serde_json::to_string(&file).unwrap()).unwrap();
    assert_eq!(again, file, "what is stored reads back the same");
}

#[test]
fn a_rung_is_never_looser_than_the_warning() {
    let file = WarningFile::parse(TEMPLATE).unwrap();
    let written = file.written(now()).unwrap();
    for rung in written.fields.iter().flat_map(|f| &f.rungs) {
        assert!(rung.handling.is_at_least(&written.handling));
    }
}

#[test]
fn an_error_names_the_place_and_what_was_expected() {
    let wrong = TEMPLATE.replace("\"counter_terrorism\"", "\"politics\"");
    let text = WarningFile::parse(&wrong).unwrap_err().to_string();
    assert!(text.contains("counter_terrorism") && text.contains("line"), "{text}");
    let mut file = WarningFile::parse(TEMPLATE).unwrap();
    file.harm.clear();
    assert!(file.written(now()).unwrap_err().to_string().starts_with("harm:"));
}
