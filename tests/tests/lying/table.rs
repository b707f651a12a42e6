//! The table of SECURITY.md and the tests of this folder name one another.

use std::collections::BTreeSet;
use std::path::Path;

#[test]
fn each_row_of_the_table_is_held_by_a_test_and_each_test_stands_in_a_row() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let security = std::fs::read_to_string(root.join("SECURITY.md")).unwrap();
    let table = security.split("## What a lying partner can try").nth(1).unwrap();
    let table = table.split("\n## ").next().unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| ")).skip(1);
    let mut named = BTreeSet::new();
    for row in rows {
        let held = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        let names: Vec<String> = held.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        assert!(!names.is_empty(), "no test holds: {row}");
        named.extend(names);
    }
    let mut there = BTreeSet::new();
    for file in std::fs::read_dir(root.join("tests/tests/lying")).unwrap() {
        let path = file.unwrap().path();
        if path.file_name().is_some_and(|name| name == "table.rs") {
            continue;
        }
        let text = std::fs::read_to_string(path).unwrap();
        let tests = text.split("#[test]\nfn ").skip(1);
        there.extend(tests.filter_map(|test| test.split('(').next()).map(str::to_owned));
    }
    assert_eq!(named, there);
}
