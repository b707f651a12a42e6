//! Every reader over its examples, the corpus that is kept, and changes to both, the same in every run and on any toolchain.
#![allow(clippy::expect_used, clippy::panic, reason = "a test stops at the first surprise")]

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;

use outside::{Begun, READERS, Reader, changed, corpus, find};

/// The most bytes of the whole corpus, and of one input.
const CORPUS_BYTES_MAX: u64 = 1 << 20;
const INPUT_BYTES_MAX: u64 = 64 << 10;

/// The kept inputs of a reader, by the names of their files.
fn kept(reader: &Reader) -> Vec<(String, Vec<u8>)> {
    let Ok(folder) = std::fs::read_dir(corpus().join(reader.name)) else { return Vec::new() };
    let mut kept: Vec<_> = folder
        .map(|found| found.expect("the corpus can be listed").path())
        .map(|path| (path.display().to_string(), std::fs::read(&path).expect("the corpus can be read")))
        .collect();
    kept.sort();
    kept
}

/// Reads one input, and names it where a property does not hold.
#[allow(clippy::disallowed_macros, reason = "a failing input is named, so that it can be kept")]
fn read(reader: &Reader, begun: &mut Begun, what: &str, bytes: &[u8]) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (begun.read)(bytes))) {
        eprintln!(
            "reader {}, {what}; to keep it as an input: printf '%b' '{}' > fuzz/corpus/{}/NAME",
            reader.name,
            bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect::<String>(),
            reader.name
        );
        resume_unwind(panic);
    }
}

fn try_all(readers: &[&str]) {
    for reader in readers.iter().map(|name| find(name).expect("it stands in the table")) {
        let mut begun = (reader.begin)();
        let mut inputs = begun.examples.clone();
        assert!(!inputs.is_empty(), "{} has an example", reader.name);
        for (number, bytes) in inputs.clone().iter().enumerate() {
            read(reader, &mut begun, &format!("example {number}"), bytes);
        }
        for (name, bytes) in kept(reader) {
            read(reader, &mut begun, &name, &bytes);
            inputs.push(bytes);
        }
        read(reader, &mut begun, "nothing", b"");
        for number in 0..begun.changes as u64 {
            read(reader, &mut begun, &format!("change {number}"), &changed(&inputs, number));
        }
    }
}

/// The readers of every `of`th place of the table, from this one on: each test takes its share, so that they run side by side.
fn share(from: usize, of: usize) -> Vec<&'static str> {
    READERS.iter().skip(from).step_by(of).map(|reader| reader.name).collect()
}

#[test]
fn what_must_hold_for_any_bytes_holds_in_the_first_share_of_the_table() {
    try_all(&share(0, 4));
}

#[test]
fn what_must_hold_for_any_bytes_holds_in_the_second_share_of_the_table() {
    try_all(&share(1, 4));
}

#[test]
fn what_must_hold_for_any_bytes_holds_in_the_third_share_of_the_table() {
    try_all(&share(2, 4));
}

#[test]
fn what_must_hold_for_any_bytes_holds_in_the_last_share_of_the_table() {
    try_all(&share(3, 4));
}

#[test]
fn every_name_in_the_table_is_its_own_and_can_be_typed() {
    let names: BTreeSet<&str> = READERS.iter().map(|reader| reader.name).collect();
    assert_eq!(names.len(), READERS.len());
    assert!(names.iter().all(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')), "{names:?}");
}

#[test]
fn the_corpus_is_small_and_each_of_its_folders_is_of_a_target() {
    let mut bytes = 0;
    // A tree in which nothing was ever found has no folder.
    for folder in std::fs::read_dir(corpus()).into_iter().flatten() {
        let path = folder.expect("the corpus can be listed").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        assert!(find(&name).is_some(), "fuzz/corpus/{name} is of no reader");
        bytes += size_of_inputs(&path);
    }
    assert!(bytes <= CORPUS_BYTES_MAX, "{bytes} bytes are kept: make the inputs fewer or smaller");
}

fn size_of_inputs(folder: &Path) -> u64 {
    let inputs = std::fs::read_dir(folder).expect("the corpus can be listed");
    inputs.fold(0, |sum, input| {
        let input = input.expect("the corpus can be listed");
        let bytes = input.metadata().expect("an input is there").len();
        assert!(bytes <= INPUT_BYTES_MAX, "{} has {bytes} bytes", input.path().display());
        sum + bytes
    })
}

#[test]
fn changes_are_the_same_in_every_run_and_reach_far() {
    let examples = [b"forewarn/entry/v1\n".to_vec(), b"index 3\n".to_vec()];
    let made: BTreeSet<_> = (0..1_000).map(|number| changed(&examples, number)).collect();
    assert!(made.len() > 800, "{}", made.len());
    assert_eq!(changed(&examples, 7), changed(&examples, 7));
    assert!(changed(&[], 7).is_empty());
}
