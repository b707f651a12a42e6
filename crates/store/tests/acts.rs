//! Acts share a commit and nothing else; what was answered stays; what was erased cannot be opened.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

use std::path::Path;
use std::sync::{Arc, Barrier};

use jiff::{SignedDuration, Timestamp};
use model::facts::Facts;
use rand::SeedableRng;
use rand::rngs::StdRng;
use store::{ChannelRow, ChannelSide, ChannelState, NewChannel, NewEntry, SealingDraw, Store, StoreError};
use tempfile::TempDir;
use tlog::channel::{Origin, Use};
use tlog::commitment::{Salt, commit};
use tlog::hash::leaf_hash;
use tlog::tree::CompactRange;

fn at(seconds: i64) -> Timestamp {
    let start: Timestamp = "2026-12-10T14:00:00Z".parse().unwrap();
    start.checked_add(SignedDuration::from_secs(seconds)).unwrap()
}

fn origin() -> Origin {
    Origin::from_hex(&"ab".repeat(32)).unwrap()
}

/// A store with one open channel.
fn store() -> (Store, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let made: Result<(), StoreError> = store.act(|act| {
        let partner = "service-b.example".parse().unwrap();
        act.add_partner(&partner, "card", at(0))?;
        act.put_channel(&NewChannel {
            origin: origin(),
            partner,
            side: ChannelSide::Ours,
            use_: Use::Actual,
            statement: String::new(),
            state: ChannelState::Open,
        })
    });
    made.unwrap();
    (store, folder)
}

fn channel(store: &Store) -> ChannelRow {
    store.view(|view| view.channel(&origin())).unwrap().unwrap()
}

/// Appends an entry of these bytes; its seal is drawn from this seed.
fn append(store: &Store, bytes: &'static [u8], seed: u64) -> u64 {
    let appended: Result<u64, StoreError> = store.act(move |act| {
        let mut channel = act.channel(&origin())?.unwrap();
        let salt = salt(seed);
        let new = NewEntry {
            kind: "cover".to_owned(),
            thread: [0; 16],
            answers: None,
            written: at(0),
            facts: Facts::Channel,
            commitment: commit(&salt, bytes),
            salt,
            bytes: bytes.to_vec(),
            seen: 0,
            draw: SealingDraw::draw(&mut StdRng::seed_from_u64(seed)),
        };
        act.append_entry(&mut channel, new, at(0))
    });
    appended.unwrap()
}

fn salt(seed: u64) -> Salt {
    Salt::draw(&mut StdRng::seed_from_u64(1_000 + seed))
}

#[test]
fn acts_of_one_group_are_undone_each_by_itself() {
    let (store, _folder) = store();
    let start = Arc::new(Barrier::new(41));
    // The writer is kept busy, so that the acts below queue up and share a commit.
    let held = {
        let (store, start) = (store.clone(), start.clone());
        std::thread::spawn(move || {
            let done: Result<(), StoreError> = store.act(move |_| {
                start.wait();
                Ok(())
            });
            done.unwrap();
        })
    };
    let acts: Vec<_> = (0..40)
        .map(|n| {
            let (store, start) = (store.clone(), start.clone());
            std::thread::spawn(move || {
                start.wait();
                let key = format!("act {n}");
                let done: Result<(), StoreError> = store.act(move |act| {
                    act.set_meta(&key, "done")?;
                    act.queue_notice(&key, at(0))?;
                    if n % 3 == 0 { Err(StoreError::BadRow("no".to_owned())) } else { Ok(()) }
                });
                (n, done)
            })
        })
        .collect();
    held.join().unwrap();
    for act in acts {
        let (n, done) = act.join().unwrap();
        assert_eq!(done.is_err(), n % 3 == 0, "act {n}");
        let kept = store.view(|view| view.meta(&format!("act {n}"))).unwrap();
        assert_eq!(kept.is_some(), n % 3 != 0, "act {n}");
    }
    let notices = store.view(|view| view.notices_due(at(0), 100)).unwrap();
    assert_eq!(notices.len(), 26);
}

#[test]
fn an_act_that_panics_is_undone_and_the_store_goes_on() {
    let (store, _folder) = store();
    let fell: Result<(), StoreError> = store.act(|act| {
        act.set_meta("half", "done")?;
        panic!("on purpose")
    });
    assert!(matches!(fell, Err(StoreError::Panicked)), "{fell:?}");
    let done: Result<(), StoreError> = store.act(|act| act.set_meta("after", "done"));
    done.unwrap();
    assert_eq!(store.view(|view| view.meta("half")).unwrap(), None);
    assert!(store.view(|view| view.meta("after")).unwrap().is_some());
}

#[test]
fn an_act_that_was_answered_is_there_after_the_process_was_killed() {
    let (store, folder) = store();
    for n in 0..5u64 {
        append(&store, b"an entry", n);
        // The files as they lie there the moment the act was answered, as a kill would leave them.
        let copy = copied(folder.path());
        let reopened = Store::open(copy.path()).unwrap();
        assert_eq!(channel(&reopened).size(), n + 1);
        let opened = reopened.view(|view| view.open_entry(&channel(&reopened), n)).unwrap().unwrap();
        assert_eq!(opened.bytes, b"an entry");
        assert_eq!(reopened.view(|view| view.faults()).unwrap(), Vec::<String>::new());
    }
}

#[test]
fn an_act_that_failed_is_not_there_after_the_process_was_killed() {
    let (store, folder) = store();
    let failed: Result<(), StoreError> = store.act(|act| {
        act.set_meta("a", "1")?;
        Err(StoreError::Stopping)
    });
    failed.unwrap_err();
    let copy = copied(folder.path());
    let reopened = Store::open(copy.path()).unwrap();
    assert_eq!(reopened.view(|view| view.meta("a")).unwrap(), None);
}

#[test]
fn a_view_sees_one_moment_while_acts_go_on() {
    let (store, _folder) = store();
    let seen: Result<_, StoreError> = store.view(|view| {
        let before = view.channel(&origin())?.unwrap().size();
        append(&store, b"meanwhile", 1);
        Ok((before, view.channel(&origin())?.unwrap().size()))
    });
    assert_eq!(seen.unwrap(), (0, 0));
    assert_eq!(channel(&store).size(), 1);
}

#[test]
fn the_tree_is_that_of_the_commitments_at_every_size_it_has_had() {
    let (store, _folder) = store();
    let mut range = CompactRange::new();
    let mut roots = vec![range.root()];
    for n in 0..21 {
        append(&store, b"an entry", n);
        range.append(leaf_hash(&commit(&salt(n), b"an entry")));
        roots.push(range.root());
    }
    let channel = channel(&store);
    assert_eq!(channel.range, range);
    for (size, root) in (0..).zip(roots) {
        assert_eq!(store.view(|view| view.root_at(&channel, size)).unwrap(), root, "size {size}");
    }
}

#[test]
fn a_sealed_text_cannot_be_opened_once_its_key_is_gone() {
    let (store, folder) = store();
    append(&store, b"LARK at unit seven", 1);
    append(&store, b"another", 2);
    let kept = copied(folder.path());
    drop(store);
    rusqlite::Connection::open(folder.path().join("keys.db"))
        .unwrap()
        .execute("DELETE FROM body_keys", [])
        .unwrap();
    let store = Store::open(folder.path()).unwrap();
    let opened = store.view(|view| view.open_entry(&channel(&store), 0));
    assert!(matches!(opened, Err(StoreError::Unsealable(_))));
    assert!(store.view(|view| view.commitment(&channel(&store), 0)).unwrap().is_some(), "the proof stands");
    // An older copy of the texts does not help: the key is what is missing.
    drop(store);
    std::fs::copy(kept.path().join("node.db"), folder.path().join("node.db")).unwrap();
    std::fs::copy(kept.path().join("node.db-wal"), folder.path().join("node.db-wal")).unwrap();
    let store = Store::open(folder.path()).unwrap();
    assert!(store.view(|view| view.open_entry(&channel(&store), 0)).is_err());
}

#[test]
fn an_erased_entry_is_gone_and_every_proof_stands() {
    let (store, folder) = store();
    for n in 0..4 {
        append(&store, b"LARK at unit seven", n);
    }
    let before = channel(&store);
    let root = store.view(|view| view.root_at(&before, 4)).unwrap();
    let erased: Result<(), StoreError> = store.act(|act| {
        let channel = act.channel(&origin())?.unwrap();
        act.erase_entry(&channel, 2)
    });
    erased.unwrap();
    assert!(store.view(|view| view.open_entry(&before, 2)).unwrap().is_none());
    assert!(store.view(|view| view.open_entry(&before, 1)).unwrap().is_some());
    assert_eq!(store.view(|view| view.root_at(&before, 4)).unwrap(), root);
    assert_eq!(store.view(|view| view.entries(&before, 0, 4)).unwrap().len(), 4, "its facts stay");
    drop(store);
    let store = Store::open(folder.path()).unwrap();
    assert!(store.view(|view| view.open_entry(&before, 2)).unwrap().is_none());
}

#[test]
fn the_text_stands_in_no_file_in_clear() {
    let (store, folder) = store();
    append(&store, b"LARK at unit seven, in clear", 1);
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let path = file.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let there = bytes.windows(4).any(|w| w == b"LARK");
        assert!(!there, "{}", path.display());
    }
    drop(store);
}

#[test]
fn bytes_that_were_changed_do_not_open() {
    let (store, folder) = store();
    append(&store, b"an entry", 1);
    drop(store);
    let change = "UPDATE entries SET sealed = zeroblob(length(sealed))";
    rusqlite::Connection::open(folder.path().join("node.db")).unwrap().execute_batch(change).unwrap();
    let store = Store::open(folder.path()).unwrap();
    let opened = store.view(|view| view.open_entry(&channel(&store), 0));
    assert!(matches!(opened, Err(StoreError::Unsealable(_))));
}

#[test]
fn one_place_of_a_log_holds_one_entry() {
    let (store, _folder) = store();
    append(&store, b"first", 1);
    let stale = channel(&store);
    append(&store, b"second", 2);
    // An act that was prepared on an older state of the log cannot write over what came since.
    let again: Result<u64, StoreError> = store.act(move |act| {
        let mut stale = stale;
        let salt = salt(3);
        let new = NewEntry {
            kind: "cover".to_owned(),
            thread: [0; 16],
            answers: None,
            written: at(0),
            facts: Facts::Channel,
            commitment: commit(&salt, b"third"),
            salt,
            bytes: b"third".to_vec(),
            seen: 0,
            draw: SealingDraw::draw(&mut StdRng::seed_from_u64(3)),
        };
        act.append_entry(&mut stale, new, at(0))
    });
    assert!(matches!(again, Err(StoreError::Contradiction(_))), "{again:?}");
    assert_eq!(channel(&store).size(), 2);
}

/// The files of a store as they lie there now, in another folder.
fn copied(folder: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(folder).unwrap() {
        let file = file.unwrap();
        if !file.file_name().to_string_lossy().ends_with("-shm") {
            std::fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
        }
    }
    copy
}
