//! The sign fence and the receipts.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use jiff::{SignedDuration, Timestamp};
use store::{ChannelSide, ChannelState, NewChannel, Store, StoreError};
use tempfile::TempDir;
use tlog::channel::{Origin, Use};
use tlog::hash::Hash;

fn at(seconds: i64) -> Timestamp {
    let start: Timestamp = "2026-12-10T14:00:00Z".parse().unwrap();
    start.checked_add(SignedDuration::from_secs(seconds)).unwrap()
}

fn origin() -> Origin {
    Origin::from_hex(&"ab".repeat(32)).unwrap()
}

/// A store with one channel whose head of size 1 is fenced.
fn store() -> (Store, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    store
        .act(|act| {
            let partner = "service-b.example".parse().unwrap();
            act.add_partner(&partner, "card", at(0))?;
            act.put_channel(&NewChannel {
                origin: origin(),
                partner,
                side: ChannelSide::Ours,
                use_: Use::Actual,
                statement: String::new(),
                state: ChannelState::Open,
            })?;
            let channel = act.channel(&origin())?.unwrap();
            act.fence_head(&channel, 1, &Hash::from_bytes([1; 32]))
        })
        .unwrap();
    (store, folder)
}

fn keep(store: &Store, size: u64, line: &'static str, cosigned_at: Timestamp) -> Result<(), StoreError> {
    store.act(move |act| {
        let mut channel = act.channel(&origin())?.unwrap();
        act.keep_receipt(&mut channel, size, &format!("note, {line}"), line, cosigned_at)
    })
}

#[test]
fn the_first_receipt_of_a_head_is_never_replaced() {
    let (store, _folder) = store();
    for (line, time) in [("first", at(1)), ("first", at(1)), ("second", at(9))] {
        keep(&store, 1, line, time).unwrap();
        let channel = store.view(|view| view.channel(&origin())).unwrap().unwrap();
        let head = store.view(|view| view.head(&channel, 1)).unwrap().unwrap();
        let kept = (head.note.as_deref(), head.line.as_deref(), head.at);
        assert_eq!(kept, (Some("note, first"), Some("first"), Some(at(1))));
        assert_eq!((channel.cosigned, channel.cosigned_at), (1, at(1)));
    }
}

#[test]
fn a_receipt_for_a_size_that_was_never_fenced_is_refused() {
    let (store, _folder) = store();
    assert!(matches!(keep(&store, 2, "line", at(1)), Err(StoreError::Contradiction(_))));
}

#[test]
fn a_second_root_for_a_size_is_refused() {
    let (store, _folder) = store();
    let fence = |root: u8| {
        store.act(move |act| {
            let channel = act.channel(&origin())?.unwrap();
            act.fence_head(&channel, 1, &Hash::from_bytes([root; 32]))
        })
    };
    fence(1).unwrap();
    assert!(matches!(fence(2), Err(StoreError::Contradiction(_))));
}
