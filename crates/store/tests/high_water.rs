//! The high-water mark: what a node had signed is known also when its databases go back, and what was erased stays so.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

use std::fs;
use std::path::Path;

use jiff::Timestamp;
use model::facts::Facts;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rusqlite::Connection;
use store::{
    Act, ChannelRow, ChannelSide, ChannelState, HighWater, MarkFound, NewChannel, NewEntry, Places,
    SealingDraw, Store, StoreError,
};
use tempfile::TempDir;
use tlog::channel::{Origin, Use};
use tlog::commitment::{Salt, commit};

fn now() -> Timestamp {
    "2026-12-10T14:00:00Z".parse().unwrap()
}

fn origin(n: u8) -> Origin {
    Origin::from_hex(&format!("{n:02x}").repeat(32)).unwrap()
}

/// Two channels with a partner: ours, with two entries that are fenced and the first receipted, and its opposite, empty.
fn node(folder: &Path) -> Store {
    let store = Store::open(folder).unwrap();
    store.act(|act| open_channel(act, 1, ChannelSide::Ours)).unwrap();
    store.act(|act| open_channel(act, 2, ChannelSide::Theirs)).unwrap();
    append(&store, 1);
    receipt(&store, 1);
    append(&store, 2);
    store
}

fn open_channel(act: &mut Act<'_>, n: u8, side: ChannelSide) -> Result<(), StoreError> {
    let partner = "service-b.example".parse().unwrap();
    if act.partner(&partner)?.is_none() {
        act.add_partner(&partner, "card", now())?;
    }
    act.put_channel(&NewChannel {
        origin: origin(n),
        partner,
        side,
        use_: Use::Actual,
        statement: String::new(),
        state: ChannelState::Open,
    })
}

/// Appends an entry to our log and fences the head over it.
fn append(store: &Store, seed: u64) {
    let salt = Salt::from_bytes([9; 32]);
    let bytes = b"an entry".to_vec();
    let new = NewEntry {
        kind: "warning".to_owned(),
        thread: [7; 16],
        answers: None,
        written: now(),
        facts: Facts::Channel,
        commitment: commit(&salt, &bytes),
        salt,
        bytes,
        seen: 0,
        draw: SealingDraw::draw(&mut StdRng::seed_from_u64(seed)),
    };
    let done: Result<(), StoreError> = store.act(|act| {
        let mut channel = act.channel(&origin(1))?.unwrap();
        act.append_entry(&mut channel, new, now())?;
        let (size, root) = (channel.size(), channel.range.root());
        act.fence_head(&channel, size, &root)
    });
    done.unwrap();
}

fn receipt(store: &Store, size: u64) {
    let done: Result<(), StoreError> = store.act(move |act| {
        let mut channel = act.channel(&origin(1))?.unwrap();
        act.keep_receipt(&mut channel, size, "note", "line", now())
    });
    done.unwrap();
}

fn channel(store: &Store, n: u8) -> ChannelRow {
    store.view(|view| view.channel(&origin(n))).unwrap().unwrap()
}

fn mark(store: &Store, n: u8) -> Option<(u64, u64)> {
    let found = store.view(|view| view.high_water(&origin(n))).unwrap();
    found.map(|HighWater { signed, cosigned }| (signed.size, cosigned.size))
}

fn reason(store: &Store) -> Option<String> {
    store.view(|view| view.recovering()).unwrap().map(|(reason, _)| reason)
}

/// Copies the databases of a node that is not running.
fn copy(folder: &Path, names: &[&str]) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for name in names {
        fs::copy(folder.join(name), copy.path().join(name)).unwrap();
    }
    copy
}

fn put_back(copy: &Path, folder: &Path) {
    for file in fs::read_dir(copy).unwrap() {
        let file = file.unwrap();
        let name = file.file_name().into_string().unwrap();
        for end in ["-wal", "-shm"] {
            let _ = fs::remove_file(folder.join(format!("{name}{end}")));
        }
        fs::copy(file.path(), folder.join(name)).unwrap();
    }
}

const WITHOUT_MARK: &[&str] = &["node.db", "keys.db", "sources.db"];

#[test]
fn the_mark_says_how_far_each_log_was_signed_and_cosigned() {
    let folder = tempfile::tempdir().unwrap();
    let store = node(folder.path());
    assert_eq!((mark(&store, 1), mark(&store, 2)), (Some((2, 1)), None));
    assert_eq!((store.opened().mark, store.opened().behind.len()), (MarkFound::Made, 0));
    drop(store);
    let store = Store::open(folder.path()).unwrap();
    assert_eq!((store.opened().mark, store.opened().reason.clone()), (MarkFound::There, None));
    assert!(!channel(&store, 1).recovering);
}

#[test]
fn databases_that_went_back_are_noticed_and_nothing_is_signed_before_it_is_settled() {
    let folder = tempfile::tempdir().unwrap();
    drop(node(folder.path()));
    let kept = copy(folder.path(), WITHOUT_MARK);
    let store = Store::open(folder.path()).unwrap();
    append(&store, 3);
    receipt(&store, 3);
    drop(store);
    put_back(kept.path(), folder.path());
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(store.opened().behind, [origin(1)]);
    assert_eq!(reason(&store).unwrap(), "the databases went back to an earlier state");
    assert_eq!((channel(&store, 1).recovering, channel(&store, 2).recovering), (true, false));
    assert_eq!(mark(&store, 1), Some((3, 3)), "a mark never falls");
    drop(store);
    let store = Store::open(folder.path()).unwrap();
    assert!(store.opened().behind.is_empty(), "it is told once");
    assert!(store.opened().reason.is_some() && channel(&store, 1).recovering, "and stays so");
    let over = store.act(|act| {
        let mut channel = act.channel(&origin(1))?.unwrap();
        let too_early = act.recovery_over()?;
        act.end_recovery(&mut channel)?;
        Ok::<_, StoreError>((too_early, act.recovery_over()?))
    });
    assert_eq!(over.unwrap(), (false, true));
    assert_eq!(reason(&store), None);
}

#[test]
fn a_channel_that_an_old_copy_does_not_know_is_a_reason_to_recover() {
    let folder = tempfile::tempdir().unwrap();
    drop(Store::open(folder.path()).unwrap());
    let kept = copy(folder.path(), WITHOUT_MARK);
    drop(node(folder.path()));
    put_back(kept.path(), folder.path());
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(reason(&store).unwrap(), "the databases went back to before a channel was opened");
}

#[test]
fn a_mark_that_a_crash_kept_behind_is_raised_and_alarms_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let store = node(folder.path());
    drop(store);
    let kept = copy(folder.path(), &["high-water.db"]);
    let store = Store::open(folder.path()).unwrap();
    append(&store, 3);
    drop(store);
    put_back(kept.path(), folder.path());
    let store = Store::open(folder.path()).unwrap();
    assert_eq!((mark(&store, 1), store.opened().reason.clone()), (Some((3, 1)), None));
}

#[test]
fn a_mark_that_is_lost_makes_every_log_recover_without_one() {
    let folder = tempfile::tempdir().unwrap();
    drop(node(folder.path()));
    fs::remove_file(folder.path().join("high-water.db")).unwrap();
    for _ in 0..2 {
        let store = Store::open(folder.path()).unwrap();
        assert_eq!(store.opened().reason.as_deref(), Some("the high-water mark is lost"));
        assert!(channel(&store, 1).recovering && channel(&store, 2).recovering);
        assert_eq!(mark(&store, 1), None, "what stands says nothing about what was signed");
    }
    let store = Store::open(folder.path()).unwrap();
    let done: Result<(), StoreError> = store.act(|act| {
        let mut channel = act.channel(&origin(1))?.unwrap();
        act.end_recovery(&mut channel)
    });
    done.unwrap();
    assert_eq!(mark(&store, 1), Some((2, 1)), "from the end of the recovery on there is one again");
}

#[test]
fn a_mark_that_is_lost_is_noticed_also_after_a_crash_while_it_was_noticed() {
    let folder = tempfile::tempdir().unwrap();
    drop(node(folder.path()));
    // What a crash leaves before the logs are marked: the file is there, and empty.
    fs::write(folder.path().join("high-water.db"), b"").unwrap();
    assert_eq!(Store::open(folder.path()).unwrap().opened().mark, MarkFound::Lost);
}

#[test]
fn a_node_of_the_first_form_gets_its_mark_from_what_stands() {
    let folder = tempfile::tempdir().unwrap();
    drop(node(folder.path()));
    fs::remove_file(folder.path().join("high-water.db")).unwrap();
    let first = Connection::open(folder.path().join("node.db")).unwrap();
    first.execute("DELETE FROM meta WHERE key = 'high-water.kept'", []).unwrap();
    drop(first);
    let store = Store::open(folder.path()).unwrap();
    assert_eq!((store.opened().mark, mark(&store, 1)), (MarkFound::Made, Some((2, 1))));
    assert!(!channel(&store, 1).recovering);
}

#[test]
fn what_was_erased_stays_erased_when_old_databases_come_back() {
    for old in [&["keys.db"][..], &["node.db", "keys.db"], WITHOUT_MARK] {
        let folder = tempfile::tempdir().unwrap();
        drop(node(folder.path()));
        let kept = copy(folder.path(), old);
        let store = Store::open(folder.path()).unwrap();
        let done: Result<(), StoreError> = store.act(|act| {
            let channel = act.channel(&origin(1))?.unwrap();
            act.erase_entry(&channel, 0)
        });
        done.unwrap();
        append(&store, 3);
        drop(store);
        put_back(kept.path(), folder.path());
        let keys = |folder: &Path| -> i64 {
            let keys = Connection::open(folder.join("keys.db")).unwrap();
            keys.query_row("SELECT count(*) FROM body_keys", [], |row| row.get(0)).unwrap()
        };
        assert_eq!(keys(folder.path()), 2, "the old copy brought it back: {old:?}");
        let store = Store::open(folder.path()).unwrap();
        assert_eq!(keys(folder.path()), 1, "{old:?}");
        let row = channel(&store, 1);
        assert!(store.view(|view| view.open_entry(&row, 0)).unwrap().is_none(), "{old:?}");
        assert!(store.view(|view| view.open_entry(&row, 1)).unwrap().is_some(), "{old:?}");
        assert!(store.view(|view| view.commitment(&row, 0)).unwrap().is_some(), "{old:?}");
    }
}

#[test]
fn an_act_that_signs_nothing_leaves_the_mark_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = node(folder.path());
    let bytes = || {
        ["high-water.db", "high-water.db-wal"]
            .map(|name| fs::read(folder.path().join(name)).unwrap_or_default())
    };
    let before = bytes();
    store.act(|act| act.set_meta("a", "1")).unwrap();
    receipt(&store, 1);
    assert!(bytes() == before, "nothing rose");
    append(&store, 3);
    assert!(bytes() != before);
}

#[test]
fn an_act_that_fails_leaves_the_mark_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = node(folder.path());
    let refused: Result<(), StoreError> = store.act(|act| {
        let channel = act.channel(&origin(1))?.unwrap();
        act.fence_head(&channel, 9, &channel.range.root())?;
        Err(StoreError::Stopping)
    });
    refused.unwrap_err();
    assert_eq!(mark(&store, 1), Some((2, 1)));
}

#[test]
fn the_mark_moves_to_where_it_is_put_and_must_be_found_there() {
    let folder = tempfile::tempdir().unwrap();
    let disk = tempfile::tempdir().unwrap();
    drop(node(folder.path()));
    let elsewhere =
        Places { high_water: Some(disk.path().join("mark.db")), ..Places::in_folder(folder.path()) };
    let store = Store::open_at(&elsewhere).unwrap();
    assert_eq!((mark(&store, 1), store.opened().reason.clone()), (Some((2, 1)), None));
    assert!(!folder.path().join("high-water.db").exists());
    drop(store);
    fs::rename(disk.path().join("mark.db"), disk.path().join("away.db")).unwrap();
    let away = Store::open_at(&elsewhere).err().unwrap();
    assert!(matches!(&away, StoreError::MarkAway { place } if place.ends_with("mark.db")), "{away}");
    fs::remove_file(disk.path().join("mark.db")).unwrap();
    fs::rename(disk.path().join("away.db"), disk.path().join("mark.db")).unwrap();
    assert!(Store::open_at(&elsewhere).unwrap().opened().reason.is_none());
    // Without the setting it is not found any more, and the node says so.
    assert_eq!(Store::open(folder.path()).unwrap().opened().mark, MarkFound::Lost);
}

#[test]
fn after_a_restore_every_log_recovers_until_people_were_told_and_it_is_settled() {
    let folder = tempfile::tempdir().unwrap();
    let store = node(folder.path());
    store.act(|act| act.mark_restored("digest", now())).unwrap();
    assert!(channel(&store, 1).recovering && channel(&store, 2).recovering);
    let (why, told) = store.view(|view| view.recovering()).unwrap().unwrap();
    assert_eq!((why.as_str(), told), ("it was restored from a backup", None));
    store.act(|act| act.recovery_told(now())).unwrap();
    let (_, told) = store.view(|view| view.recovering()).unwrap().unwrap();
    assert_eq!(told.as_deref(), Some("2026-12-10T14:00:00Z"));
    assert_eq!(store.view(|view| view.restored()).unwrap().as_deref(), Some("2026-12-10T14:00:00Z digest"));
    assert_eq!(mark(&store, 1), Some((2, 1)));
}
