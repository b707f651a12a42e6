//! The rules of the standard, as tables that anybody can read: `objects/*.txt`.
//!
//! A line with an object begins a type, and nothing is found in it. Each line below changes that object (`without` some
//! properties, `with` others) and says what is found then: the name of each rule with its path, or `clean`.

#![allow(clippy::expect_used, clippy::panic, reason = "a test stops at the first surprise")]

use serde_json::{Map, Value};
use stix::read::{Limits, RawObject};
use stix::validate::validate;

#[test]
fn domain_objects_are_held_against_the_standard() {
    check(include_str!("objects/domain.txt"), 180);
}

#[test]
fn relationships_and_sightings_are_held_against_the_standard() {
    check(include_str!("objects/relations.txt"), 25);
}

#[test]
fn meta_objects_are_held_against_the_standard() {
    check(include_str!("objects/meta.txt"), 40);
}

#[test]
fn observables_are_held_against_the_standard() {
    check(include_str!("objects/observables.txt"), 150);
}

fn check(table: &str, at_least: usize) {
    let mut object = Map::new();
    let mut wrong = Vec::new();
    let mut lines = 0;
    for (n, line) in table.lines().enumerate().filter(|(_, l)| !l.is_empty() && !l.starts_with('#')) {
        lines += 1;
        let (changed, wanted) = if line.starts_with('{') {
            object = serde_json::from_str(line).unwrap_or_else(|e| panic!("line {}: {e}", n + 1));
            (object.clone(), "clean")
        } else {
            let (change, wanted) = line.rsplit_once(" -> ").expect("a line says what is found");
            (changed(&object, change), wanted)
        };
        // The id of an observable was made of what the unchanged object says.
        let about_id = line.starts_with('{') || change_of_id(line) || wanted.contains("observable-id");
        let found = found(&changed, about_id);
        let mut wanted: Vec<String> = match wanted {
            "clean" => Vec::new(),
            some => some.split("; ").map(str::to_owned).collect(),
        };
        wanted.sort();
        if found != wanted {
            wrong.push(format!("line {}: {line}\n   found  {found:?}\n   wanted {wanted:?}", n + 1));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(lines > at_least, "the table has {lines} lines");
}

fn change_of_id(line: &str) -> bool {
    line.contains("with \"id\":")
}

fn changed(object: &Map<String, Value>, change: &str) -> Map<String, Value> {
    let mut changed = object.clone();
    let (without, with) = match change.split_once("with \"") {
        Some((before, with)) => (before, Some(format!("\"{with}"))),
        None => (change, None),
    };
    for name in without.trim().strip_prefix("without ").into_iter().flat_map(|names| names.split(',')) {
        assert!(changed.remove(name.trim()).is_some(), "{change}: there is no {name}");
    }
    if let Some(with) = with {
        let more: Map<String, Value> = serde_json::from_str(&format!("{{{with}}}")).expect("it is JSON");
        changed.extend(more);
    }
    changed
}

fn found(object: &Map<String, Value>, about_id: bool) -> Vec<String> {
    let text = serde_json::to_string(object).expect("it can be written");
    let mut findings = Vec::new();
    RawObject::read(&text, &Limits::default(), |object| validate(&object, &mut findings))
        .expect("it is JSON");
    let said = findings.iter().filter(|finding| about_id || finding.rule.name != "observable-id");
    let mut said: Vec<String> =
        said.map(|finding| format!("{} {}", finding.rule.name, finding.path)).collect();
    said.sort();
    said
}
