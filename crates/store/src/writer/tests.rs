//! Groups of acts that the disk, a constraint or a fault of ours breaks in the middle.

use std::sync::mpsc::{Receiver, Sender, channel};

use jiff::Timestamp;
use model::facts::Facts;
use model::id::{EntryRef, OutboxId};
use rand::SeedableRng;
use rand::rngs::StdRng;
use tempfile::TempDir;
use tlog::channel::{Origin, Use};
use tlog::commitment::{Salt, commit};

use super::Store;
use crate::{
    Act, ChannelSide, ChannelState, NewChannel, NewEntry, NewOutboxRow, OutboxState, SealingDraw, StoreError,
};

type Answered = Receiver<Result<(), StoreError>>;

fn store() -> (Store, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (Store::open(folder.path()).unwrap(), folder)
}

/// Keeps the writer within an act, so that what is queued meanwhile shares its transaction.
fn hold(store: &Store) -> Sender<()> {
    let (go_on, held) = channel();
    queue(store, move |_| held.recv().map_err(|_| StoreError::Stopping));
    go_on
}

fn queue(store: &Store, f: impl FnOnce(&mut Act<'_>) -> Result<(), StoreError> + Send + 'static) -> Answered {
    store.queue(f).unwrap()
}

fn set(store: &Store, key: &'static str) -> Answered {
    queue(store, move |act| act.set_meta(key, key))
}

fn is_there(store: &Store, key: &str) -> bool {
    store.view(|view| view.meta(key)).unwrap().is_some()
}

/// Writes more than the database may hold; SQLite then undoes the whole transaction by itself.
fn fill_the_disk(act: &mut Act<'_>) -> Result<(), StoreError> {
    let pages: i64 = act.c.node.pragma_query_value(None, "page_count", |row| row.get(0))?;
    act.c.node.pragma_update_and_check(None, "max_page_count", pages + 1, |_| Ok(()))?;
    act.set_meta("large", &"x".repeat(100_000))
}

fn make_room(act: &mut Act<'_>) -> Result<(), StoreError> {
    act.c.node.pragma_update_and_check(None, "max_page_count", 1_000_000, |_| Ok(()))?;
    Ok(())
}

#[test]
fn a_full_disk_refuses_its_whole_group_and_nothing_refused_is_there() {
    let (store, folder) = store();
    set(&store, "before").recv().unwrap().unwrap();
    let go_on = hold(&store);
    let neighbour = set(&store, "neighbour");
    let filled = queue(&store, fill_the_disk);
    let after = queue(&store, |act| {
        make_room(act)?;
        act.set_meta("after", "after")
    });
    let last = set(&store, "last");
    go_on.send(()).unwrap();
    assert!(matches!(neighbour.recv().unwrap(), Err(StoreError::Undone)));
    assert!(matches!(filled.recv().unwrap(), Err(StoreError::DiskFull)));
    after.recv().unwrap().unwrap();
    last.recv().unwrap().unwrap();
    drop(store);
    let store = Store::open(folder.path()).unwrap();
    let there = ["before", "neighbour", "large", "after", "last"].map(|key| is_there(&store, key));
    assert_eq!(there, [true, false, false, true, true]);
}

#[test]
fn a_full_disk_that_an_act_keeps_to_itself_still_refuses_the_act() {
    let (store, _folder) = store();
    let hidden = queue(&store, |act| {
        let full = fill_the_disk(act);
        assert!(matches!(full, Err(StoreError::DiskFull)), "{full:?}");
        make_room(act)
    });
    assert!(matches!(hidden.recv().unwrap(), Err(StoreError::Undone)));
    set(&store, "after").recv().unwrap().unwrap();
    assert!(!is_there(&store, "large"));
}

#[test]
fn a_panic_undoes_its_act_and_no_other() {
    let (store, folder) = store();
    let go_on = hold(&store);
    let before = set(&store, "before");
    let broken = queue(&store, |act| {
        act.set_meta("broken", "broken")?;
        panic!("a fault of ours")
    });
    let after = set(&store, "after");
    go_on.send(()).unwrap();
    before.recv().unwrap().unwrap();
    assert!(matches!(broken.recv().unwrap(), Err(StoreError::Panicked)));
    after.recv().unwrap().unwrap();
    store.act(|act| act.set_meta("later", "later")).unwrap();
    drop(store);
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(
        ["before", "broken", "after", "later"].map(|key| is_there(&store, key)),
        [true, false, true, true]
    );
}

fn now() -> Timestamp {
    "2026-12-10T14:00:00Z".parse().unwrap()
}

fn origin() -> Origin {
    Origin::from_hex(&"ab".repeat(32)).unwrap()
}

/// A key to look for, and the draw that seals with it.
fn draw(seed: u64) -> ([u8; 32], SealingDraw) {
    let draw = SealingDraw::draw(&mut StdRng::seed_from_u64(seed));
    (*draw.key, draw)
}

/// Queues a body for a partner; its row and its key.
fn body_waits(store: &Store, seed: u64) -> (OutboxId, [u8; 32]) {
    let id = OutboxId::make(now(), seed.to_be_bytes().repeat(2)[..10].try_into().unwrap());
    let (key, draw) = draw(seed);
    let new = NewOutboxRow {
        id,
        partner: "service-b.example".parse().unwrap(),
        use_: Use::Actual,
        kind: "warning".to_owned(),
        thread: [7; 16],
        answers: None,
        media: "text/plain".to_owned(),
        body: b"a body".to_vec(),
        digest: [0; 32],
        condition: String::new(),
        draw,
    };
    store.act(move |act| act.queue(new, now())).unwrap();
    (id, key)
}

/// Makes the COMMIT of `node.db` fail, after that of `keys.db` has succeeded.
fn fail_at_commit(act: &mut Act<'_>) -> Result<(), StoreError> {
    act.c.node.pragma_update(None, "defer_foreign_keys", true)?;
    put_channel(act)
}

/// A channel with a partner that is not there.
fn put_channel(act: &mut Act<'_>) -> Result<(), StoreError> {
    act.put_channel(&NewChannel {
        origin: origin(),
        partner: "service-b.example".parse().unwrap(),
        side: ChannelSide::Ours,
        use_: Use::Actual,
        statement: String::new(),
        state: ChannelState::Open,
    })
}

fn keys_hold(folder: &TempDir, key: &[u8]) -> bool {
    ["keys.db", "keys.db-wal"].iter().any(|name| {
        let bytes = std::fs::read(folder.path().join(name)).unwrap_or_default();
        bytes.windows(key.len()).any(|found| found == key)
    })
}

fn keys_marked(store: &Store) -> i64 {
    let sql = "SELECT count(*) FROM keys_to_forget";
    store.view(|view| Ok::<_, StoreError>(view.c.node.query_row(sql, [], |row| row.get(0))?)).unwrap()
}

#[test]
fn a_commit_that_fails_leaves_each_text_its_key() {
    let (store, folder) = store();
    let ((sent, _), (stopped, _)) = (body_waits(&store, 1), body_waits(&store, 2));
    let go_on = hold(&store);
    let at = EntryRef { origin: origin(), index: 3 };
    let acts = [
        queue(&store, move |act| act.outbox_appended(sent, &at)),
        queue(&store, move |act| act.withdraw(stopped, "recalled")),
        queue(&store, fail_at_commit),
    ];
    go_on.send(()).unwrap();
    for answer in acts {
        answer.recv().unwrap().unwrap_err();
    }
    drop(store);
    let store = Store::open(folder.path()).unwrap();
    for id in [sent, stopped] {
        let row = store.view(|view| view.outbox_row(id)).unwrap().unwrap();
        let body = store.view(|view| view.outbox_body(id)).unwrap();
        assert_eq!((row.state, body.as_deref()), (OutboxState::Queued, Some(b"a body".as_slice())));
    }
}

#[test]
fn the_key_of_a_body_goes_once_it_was_sent_or_stopped() {
    let (store, _folder) = store();
    let ((sent, _), (stopped, _)) = (body_waits(&store, 1), body_waits(&store, 2));
    let count = |store: &Store| -> i64 {
        let sql = "SELECT count(*) FROM body_keys";
        store.view(|view| Ok::<_, StoreError>(view.c.keys.query_row(sql, [], |row| row.get(0))?)).unwrap()
    };
    assert_eq!(count(&store), 2);
    let at = EntryRef { origin: origin(), index: 3 };
    // The key goes before the next act begins, which takes the mark away.
    store.act(move |act| act.outbox_appended(sent, &at)).unwrap();
    store.act(|act| act.set_meta("a", "1")).unwrap();
    assert_eq!((count(&store), keys_marked(&store)), (1, 0));
    store.act(move |act| act.withdraw(stopped, "recalled")).unwrap();
    store.act(|act| act.set_meta("a", "2")).unwrap();
    assert_eq!((count(&store), keys_marked(&store)), (0, 0));
}

#[test]
fn a_key_that_a_crash_left_is_forgotten_at_the_next_start() {
    let (store, folder) = store();
    let (sent, key) = body_waits(&store, 1);
    // What a crash between the two commits leaves: the mark is durable, the key still there.
    store.act(move |act| act.set_meta("a", "1")).unwrap();
    drop(store);
    let node = rusqlite::Connection::open(folder.path().join("node.db")).unwrap();
    let sql = "INSERT INTO keys_to_forget SELECT key_id, 1 FROM outbox WHERE id = ?1";
    assert_eq!(node.execute(sql, [sent.to_string()]).unwrap(), 1);
    drop(node);
    assert!(keys_hold(&folder, &key));
    let store = Store::open(folder.path()).unwrap();
    store.act(|act| act.set_meta("b", "1")).unwrap();
    assert!(!keys_hold(&folder, &key));
    assert_eq!(keys_marked(&store), 0);
}

#[test]
fn the_key_of_an_erased_entry_is_in_no_file_when_the_act_is_answered() {
    let (store, folder) = store();
    let partner = "service-b.example".parse().unwrap();
    store.act(move |act| act.add_partner(&partner, "card", now())).unwrap();
    store.act(put_channel).unwrap();
    let (key, draw) = draw(5);
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
        draw,
    };
    store
        .act(move |act| {
            let mut channel = act.channel(&origin())?.unwrap();
            act.append_entry(&mut channel, new, now())
        })
        .unwrap();
    assert!(keys_hold(&folder, &key));
    // A reader's connection is open meanwhile.
    assert!(store.view(|view| view.open_entry(&view.channel(&origin())?.unwrap(), 0)).unwrap().is_some());
    store.act(|act| act.erase_entry(&act.channel(&origin())?.unwrap(), 0)).unwrap();
    assert!(!keys_hold(&folder, &key));
    let channel = store.view(|view| view.channel(&origin())).unwrap().unwrap();
    assert!(store.view(|view| view.open_entry(&channel, 0)).unwrap().is_none());
    assert!(store.view(|view| view.commitment(&channel, 0)).unwrap().is_some());
}

/// Makes the COMMIT of the high-water mark fail, after that of `node.db` has succeeded.
fn fail_at_the_mark(act: &mut Act<'_>) -> Result<(), StoreError> {
    act.c.marks.execute_batch(
        "CREATE TABLE a (id INTEGER PRIMARY KEY);
         CREATE TABLE b (a INTEGER REFERENCES a(id) DEFERRABLE INITIALLY DEFERRED);
         INSERT INTO b VALUES (9);",
    )?;
    Ok(())
}

#[test]
fn where_the_mark_cannot_be_written_every_act_of_the_group_is_refused_and_it_is_made_up_for() {
    let (store, folder) = store();
    let partner = "service-b.example".parse().unwrap();
    store.act(move |act| act.add_partner(&partner, "card", now())).unwrap();
    store.act(put_channel).unwrap();
    let go_on = hold(&store);
    let fenced = queue(&store, |act| {
        let channel = act.channel(&origin())?.unwrap();
        act.fence_head(&channel, 1, &tlog::hash::Hash::from_bytes([1; 32]))
    });
    let failed = queue(&store, fail_at_the_mark);
    let neighbour = set(&store, "neighbour");
    go_on.send(()).unwrap();
    for answer in [fenced, failed, neighbour] {
        let refused = answer.recv().unwrap();
        assert!(matches!(refused, Err(StoreError::Unmarked(_))), "{refused:?}");
    }
    assert!(is_there(&store, "neighbour"), "it is kept, as the refusal says");
    let mark = |store: &Store| store.view(|view| view.high_water(&origin())).unwrap().map(|m| m.signed.size);
    assert_eq!(mark(&store), None);
    set(&store, "after").recv().unwrap().unwrap();
    assert_eq!(mark(&store), Some(1), "before anything else is answered");
    drop(store);
    let store = Store::open(folder.path()).unwrap();
    assert_eq!((mark(&store), store.opened().reason.clone()), (Some(1), None));
}
