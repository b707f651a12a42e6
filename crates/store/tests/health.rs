//! How the files are, while the node runs and while it does not.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::mpsc::channel;
use std::time::Duration;

use store::{Measure, Places, Store, StoreError, examine, sizes};

fn made(folder: &Path) {
    let store = Store::open(folder).unwrap();
    store
        .act(|act| {
            act.set_meta("clock.high_ms", "1795353406000")?;
            for n in 0..2_000 {
                act.set_meta(&format!("key {n:05}"), &"x".repeat(100))?;
            }
            Ok::<_, StoreError>(())
        })
        .unwrap();
}

/// Overwrites the pages of a database from the middle on.
fn damage(file: &Path) {
    let length = fs::metadata(file).unwrap().len();
    let file = OpenOptions::new().write(true).open(file).unwrap();
    file.write_all_at(&vec![0xff; usize::try_from(length / 3).unwrap()], length / 2).unwrap();
}

#[test]
fn a_sound_store_at_rest_has_no_faults_and_says_until_when_it_acted() {
    let folder = tempfile::tempdir().unwrap();
    made(folder.path());
    let before = fs::read(folder.path().join("node.db")).unwrap();
    let found = examine(&Places::in_folder(folder.path()));
    assert_eq!(found.len(), 4);
    assert!(found.iter().all(|e| e.is_there && e.faults.is_empty()), "{found:?}");
    assert_eq!(found[0].acted_until_ms, Some(1_795_353_406_000));
    assert_eq!(fs::read(folder.path().join("node.db")).unwrap(), before, "nothing is written");
}

#[test]
fn a_damaged_database_is_found_at_rest_and_while_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    made(folder.path());
    let store = Store::open(folder.path()).unwrap();
    damage(&folder.path().join("node.db"));
    let faults = store.view(|view| view.faults()).unwrap();
    assert!(faults.iter().any(|fault| fault.starts_with("node.db: ")), "{faults:?}");
    drop(store);
    let found = examine(&Places::in_folder(folder.path()));
    assert!(!found[0].faults.is_empty(), "{found:?}");
}

#[test]
fn a_file_that_is_no_database_and_one_that_is_missing_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    made(folder.path());
    fs::write(folder.path().join("keys.db"), "this is no database, whatever its name may say").unwrap();
    fs::remove_file(folder.path().join("sources.db")).unwrap();
    let found = examine(&Places::in_folder(folder.path()));
    assert!(found[0].faults.is_empty());
    assert!(found[1].is_there && !found[1].faults.is_empty(), "{found:?}");
    assert!(!found[2].is_there && found[2].faults.is_empty());
    assert!(!folder.path().join("sources.db").exists(), "nothing is made in its place");
}

#[test]
fn the_sizes_and_the_room_are_those_of_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    made(folder.path());
    let node =
        sizes(&Places::in_folder(folder.path())).into_iter().find(|s| s.database == "node.db").unwrap();
    assert_eq!(node.bytes, fs::metadata(folder.path().join("node.db")).unwrap().len());
    let (free, all) = store::room(folder.path()).unwrap();
    assert!(free <= all && all > 0);
    assert!(store::room(&folder.path().join("nowhere")).is_err());
}

#[test]
fn every_commit_is_measured() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let (tell, told) = channel();
    let time = || Duration::from_millis(5);
    store.measure(Measure { time, told: Box::new(move |commit| tell.send(commit).unwrap()) });
    store.act(|act| act.set_meta("a", "b")).unwrap();
    let commit = told.recv().unwrap();
    assert_eq!((commit.acts, commit.is_durable, commit.took), (1, true, Duration::ZERO));
}
