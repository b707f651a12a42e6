//! The files of the store: who may read them, which must be there together, and which forms are known.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use jiff::Timestamp;
use model::id::OutboxId;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rusqlite::Connection;
use store::{NewOutboxRow, SealingDraw, Store, StoreError};
use tlog::channel::Use;

fn form(file: &Path) -> i64 {
    Connection::open(file).unwrap().pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
}

fn set_form(file: &Path, form: i64) {
    Connection::open(file).unwrap().pragma_update(None, "user_version", form).unwrap();
}

fn refused(folder: &Path) -> StoreError {
    match Store::open(folder) {
        Ok(_) => panic!("it was opened"),
        Err(error) => error,
    }
}

fn names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

fn queue_a_body(store: &Store) {
    let now: Timestamp = "2026-12-10T14:00:00Z".parse().unwrap();
    let new = NewOutboxRow {
        id: OutboxId::make(now, [1; 10]),
        partner: "service-b.example".parse().unwrap(),
        use_: Use::Actual,
        kind: "warning".to_owned(),
        thread: [7; 16],
        answers: None,
        media: "text/plain".to_owned(),
        body: b"a body".to_vec(),
        digest: [0; 32],
        condition: String::new(),
        draw: SealingDraw::draw(&mut StdRng::seed_from_u64(1)),
    };
    store.act(move |act| act.queue(new, now)).unwrap();
}

#[test]
fn every_file_is_for_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    queue_a_body(&store);
    let found = names(folder.path());
    assert!(found.len() > 3, "the files beside the databases are there, too: {found:?}");
    for name in found {
        let mode = fs::metadata(folder.path().join(&name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{name}");
    }
}

#[test]
fn a_database_of_a_later_form_is_refused_and_nothing_is_changed() {
    for later in ["node.db", "keys.db", "sources.db"] {
        let folder = tempfile::tempdir().unwrap();
        drop(Store::open(folder.path()).unwrap());
        let file = folder.path().join(later);
        let ours = form(&file);
        set_form(&file, ours + 6);
        let error = refused(folder.path());
        let later_by_six = matches!(error, StoreError::TooNew { found, known } if found == known + 6);
        assert!(later_by_six, "{later}: {error}");
        set_form(&file, ours);
        Store::open(folder.path()).unwrap();
    }
}

#[test]
fn the_keys_that_are_missing_are_not_made_again() {
    let folder = tempfile::tempdir().unwrap();
    drop(Store::open(folder.path()).unwrap());
    let (keys, aside) = (folder.path().join("keys.db"), folder.path().join("aside"));
    fs::rename(&keys, &aside).unwrap();
    let error = refused(folder.path());
    assert_eq!(
        error.to_string(),
        "keys.db is missing in the data folder, beside its node.db. Restore keys.db from a backup; nothing was changed"
    );
    assert_eq!(names(folder.path()), ["aside", "high-water.db", "node.db", "sources.db"]);
    fs::write(&keys, b"").unwrap();
    let error = refused(folder.path());
    assert!(
        matches!(error, StoreError::Missing { file: "keys.db", .. }),
        "an empty one is as good as none: {error}"
    );
    fs::rename(&aside, &keys).unwrap();
    Store::open(folder.path()).unwrap();
}

#[test]
fn a_node_database_that_is_missing_is_not_made_again_beside_its_keys() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    queue_a_body(&store);
    drop(store);
    fs::remove_file(folder.path().join("node.db")).unwrap();
    let error = refused(folder.path());
    assert!(matches!(error, StoreError::Missing { file: "node.db", .. }), "{error}");
    assert_eq!(names(folder.path()), ["high-water.db", "keys.db", "sources.db"]);
}

#[test]
fn sources_that_were_taken_away_stay_away() {
    let folder = tempfile::tempdir().unwrap();
    drop(Store::open(folder.path()).unwrap());
    fs::remove_file(folder.path().join("sources.db")).unwrap();
    let store = Store::open(folder.path()).unwrap();
    assert!(!store.has_sources());
    queue_a_body(&store);
}
