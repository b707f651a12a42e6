//! The floors of the house: which crate may import which, held by a test that names the arrow.
//!
//! Imports go down. A crate on a lower floor can be read, tested and trusted without the ones above
//! it; an arrow that is not in [`HOUSE`] is a wall taken out, so it gets a reason and a second reader
//! before it gets a line here.

#![allow(clippy::expect_used, clippy::panic, reason = "a test stops at the first surprise")]

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// What one crate may import of this workspace.
enum Imports {
    /// These and no other.
    Only(&'static [&'static str]),
    /// Every crate on a lower floor.
    AnyBelow,
}

/// One crate of the workspace.
struct Room {
    name: &'static str,
    floor: u8,
    imports: Imports,
}

const fn room(name: &'static str, floor: u8, imports: &'static [&'static str]) -> Room {
    Room { name, floor, imports: Imports::Only(imports) }
}

const fn over_all(name: &'static str, floor: u8) -> Room {
    Room { name, floor, imports: Imports::AnyBelow }
}

/// The table of allowed imports. Floors: 0 other people's languages, 1 our words and judgements,
/// 2 memory, 3 the acts, 4 the gate, 5 the doors, 6 the roof; beside the house what tests it.
#[rustfmt::skip]
const HOUSE: &[Room] = &[
    room("stix",       0, &[]),
    room("tlog",       0, &[]),
    room("model",      1, &["stix", "tlog"]),
    room("disclosure", 1, &["model", "stix"]),
    room("store",      2, &["model", "tlog"]),
    room("exchange",   3, &["disclosure", "model", "stix", "store", "tlog"]),
    room("gate",       4, &["exchange", "model"]),
    room("api",        5, &["exchange", "gate", "model"]),
    room("courier",    5, &["exchange", "gate", "model", "tlog"]),
    room("peer",       5, &["exchange", "gate", "model", "tlog"]),
    over_all("forewarn", 6),
    over_all("testkit", 6),
    over_all("house-tests", 7),
    over_all("outside", 7),
    room("xtask",      8, &["outside", "testkit"]),
    room("protocol",   8, &[]),
];

/// The crates that read no clock, touch no disk and open no socket.
const PURE: &[&str] = &["tlog", "stix", "model", "disclosure"];

/// What a pure crate would need in order to do one of these things. (`rand_core`, the traits by which
/// randomness is handed in, is welcome.)
const IMPURE: &[&str] = &["tokio", "rusqlite", "hyper", "axum", "rand", "rustls"];

/// Names that say nothing about what is inside, so that anything gets put there.
const EMPTY_NAMES: &[&str] = &["common", "core", "utils", "util", "helpers", "helper", "types", "manager"];

/// One dependency of a workspace crate on another.
struct Arrow {
    from: String,
    to: String,
    for_tests: bool,
}

#[test]
fn imports_only_go_where_the_table_allows() {
    let forbidden: Vec<String> = arrows(&metadata()).iter().filter_map(objection).collect();
    assert!(forbidden.is_empty(), "\n{}\n", forbidden.join("\n"));
}

#[test]
fn every_crate_has_a_floor_and_every_line_a_crate() {
    let members = members(&metadata());
    for name in &members {
        assert!(
            find(name).is_some(),
            "crate {name} has no line in the table of allowed imports: give it a floor"
        );
    }
    for room in HOUSE {
        assert!(
            members.iter().any(|name| name == room.name),
            "the table names {}, which is no crate",
            room.name
        );
    }
}

#[test]
fn the_table_itself_only_goes_down() {
    for room in HOUSE {
        let Imports::Only(list) = &room.imports else {
            continue;
        };
        for name in *list {
            let below = find(name).expect("the table imports only crates that are in it");
            let sideways_on_the_ground = room.floor <= 1 && below.floor <= room.floor;
            assert!(
                below.floor < room.floor || sideways_on_the_ground,
                "{} → {name} does not go down",
                room.name
            );
        }
    }
}

#[test]
fn a_forbidden_arrow_is_named_with_its_reason() {
    let arrow = |from: &str, to: &str, for_tests| Arrow { from: from.into(), to: to.into(), for_tests };
    let text = objection(&arrow("disclosure", "store", false)).expect("the judge must not reach into memory");
    assert!(text.starts_with("disclosure → store is not in the table of allowed imports: "), "{text}");
    assert!(text.contains("floor 2") && text.contains("floor 1"), "{text}");

    assert!(objection(&arrow("exchange", "disclosure", false)).is_none());
    assert!(objection(&arrow("gate", "store", false)).is_some(), "a lower floor alone is no permission");
    assert!(objection(&arrow("gate", "store", true)).is_none(), "a test may reach further down");
    assert!(objection(&arrow("store", "testkit", true)).is_none(), "tests build on the testkit");
    assert!(objection(&arrow("store", "testkit", false)).is_some(), "the product does not");
    assert!(objection(&arrow("model", "exchange", true)).is_some(), "no test reaches up");
}

#[test]
fn the_pure_crates_cannot_reach_a_clock_a_disk_or_a_socket() {
    for name in PURE {
        let packages = linked_into(name);
        assert!(packages.iter().any(|p| p == name), "cargo tree did not list {name} itself: {packages:?}");
        for impure in IMPURE {
            let found = packages.iter().any(|package| package == impure);
            assert!(!found, "{name} links {impure}; see `cargo tree -e normal -p {name} -i {impure}`");
        }
    }
}

#[test]
fn no_crate_or_module_has_a_name_that_says_nothing() {
    let mut empty: Vec<String> = members(&metadata()).into_iter().filter(|name| says_nothing(name)).collect();
    for folder in ["crates", "protocol", "testkit", "tests", "xtask"] {
        walk(&root().join(folder), &mut |path| {
            let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            let is_module = path.is_dir() || path.extension().is_some_and(|extension| extension == "rs");
            if is_module && says_nothing(stem) {
                empty.push(path.display().to_string());
            }
        });
    }
    assert!(empty.is_empty(), "name these after what is inside: {empty:?}");
}

/// Why an arrow is forbidden and what to do about it; `None` when the table has it.
fn objection(arrow: &Arrow) -> Option<String> {
    let Arrow { from, to, for_tests } = arrow;
    let (Some(room), Some(below)) = (find(from), find(to)) else {
        return Some(format!("{from} → {to}: one of them has no line in the table of allowed imports"));
    };
    let listed = match &room.imports {
        Imports::Only(list) => list.contains(&to.as_str()),
        Imports::AnyBelow => below.floor < room.floor,
    };
    if listed || (*for_tests && (to == "testkit" || below.floor < room.floor)) {
        return None;
    }
    let why = if below.floor >= room.floor {
        format!(
            "{to} stands on floor {}, {from} on floor {}, and imports only go down",
            below.floor, room.floor
        )
    } else {
        format!("{to} stands lower than {from}, but {from} was to do its work without it")
    };
    let kind = if *for_tests { " (a dev-dependency)" } else { "" };
    Some(format!(
        "{from} → {to} is not in the table of allowed imports{kind}: {why}. Hand the value in, or move the \
         code to a crate that may; where the arrow is right, write a decision in docs/decisions and add it to \
         the table in tests/tests/floors.rs"
    ))
}

fn find(name: &str) -> Option<&'static Room> {
    HOUSE.iter().find(|room| room.name == name)
}

fn says_nothing(name: &str) -> bool {
    EMPTY_NAMES.contains(&name)
}

/// The dependencies between crates of the workspace, as their manifests state them.
fn arrows(metadata: &Value) -> Vec<Arrow> {
    let members = members(metadata);
    let mut arrows = Vec::new();
    for package in packages(metadata) {
        for dependency in package["dependencies"].as_array().expect("each package lists its dependencies") {
            let to = text(&dependency["name"]);
            if members.contains(&to) {
                arrows.push(Arrow {
                    from: text(&package["name"]),
                    to,
                    for_tests: dependency["kind"] == "dev",
                });
            }
        }
    }
    assert!(!arrows.is_empty(), "no arrows at all: has the form of cargo's metadata changed?");
    arrows
}

fn members(metadata: &Value) -> Vec<String> {
    packages(metadata).iter().map(|package| text(&package["name"])).collect()
}

fn packages(metadata: &Value) -> &Vec<Value> {
    metadata["packages"].as_array().expect("metadata lists packages")
}

fn text(value: &Value) -> String {
    value.as_str().expect("a name is a string").to_owned()
}

/// The packages that end up in a program that uses this crate alone, for this machine.
fn linked_into(name: &str) -> Vec<String> {
    let arguments = ["tree", "--offline", "-e", "normal", "--prefix", "none", "--format", "{p}", "-p", name];
    let output = cargo(&arguments);
    output.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

fn metadata() -> Value {
    let output = cargo(&["metadata", "--no-deps", "--format-version", "1", "--offline"]);
    serde_json::from_str(&output).expect("cargo metadata prints JSON")
}

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(root())
        .output()
        .expect("cargo can be started");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo {}: {complaint}", arguments.join(" "));
    String::from_utf8(output.stdout).expect("cargo prints UTF-8")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests stand in the workspace").to_owned()
}

/// Calls `visit` on every file and folder below `folder`, build products left out.
fn walk(folder: &Path, visit: &mut dyn FnMut(&Path)) {
    for entry in std::fs::read_dir(folder).expect("the folder can be listed") {
        let path = entry.expect("the folder can be listed").path();
        if path.join("CACHEDIR.TAG").exists() {
            continue;
        }
        visit(&path);
        if path.is_dir() {
            walk(&path, visit);
        }
    }
}
