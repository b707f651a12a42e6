//! What belongs to the node: clocks that fired, notices, assessments, actions, values.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

use jiff::{SignedDuration, Timestamp};
use model::id::EntryRef;
use model::vocab::Domain;
use store::{NewAction, RiskRow, Store, StoreError};
use tempfile::TempDir;
use tlog::channel::Origin;

fn at(seconds: i64) -> Timestamp {
    let start: Timestamp = "2026-12-10T14:00:00Z".parse().unwrap();
    start.checked_add(SignedDuration::from_secs(seconds)).unwrap()
}

fn store() -> (Store, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (Store::open(folder.path()).unwrap(), folder)
}

#[test]
fn a_clock_fires_once_and_is_not_unfired_by_a_time_that_runs_back() {
    let (store, folder) = store();
    assert!(store.act(|tx| tx.fire("duty w-1", at(60), at(61))).unwrap());
    assert!(!store.act(|tx| tx.fire("duty w-1", at(60), at(30))).unwrap());
    drop(store);
    let store = Store::open(folder.path()).unwrap();
    assert!(!store.act(|tx| tx.fire("duty w-1", at(90), at(90))).unwrap());
    let fired = store.view(|view| view.fired("duty w-1")).unwrap().unwrap();
    assert_eq!((fired.due, fired.fired_at), (at(60), at(61)));
    assert_eq!(store.view(|view| view.fired("duty w-2")).unwrap(), None);
}

#[test]
fn a_notice_waits_until_it_is_sent_or_given_up() {
    let (store, _folder) = store();
    let [first, second, third] =
        ["one", "two", "three"].map(|line| store.act(move |tx| tx.queue_notice(line, at(0))).unwrap());
    store.act(move |tx| tx.notice_sent(first)).unwrap();
    store.act(move |tx| tx.notice_failed(second, at(60))).unwrap();
    store.act(move |tx| tx.notice_given_up(third)).unwrap();
    assert_eq!(store.view(|view| view.notices_due(at(59), 10)).unwrap(), []);
    assert_eq!(store.view(|view| view.next_notice_at()).unwrap(), Some(at(60)));
    let due = store.view(|view| view.notices_due(at(60), 10)).unwrap();
    assert_eq!((due.len(), due[0].id, due[0].line.as_str(), due[0].attempts), (1, second, "two", 1));
    assert_eq!(store.view(|view| view.notices_given_up()).unwrap(), 1);
    store.act(move |tx| tx.notice_failed(first, at(0))).unwrap();
    assert_eq!(
        store.view(|view| view.notices_due(at(60), 10)).unwrap().len(),
        1,
        "what was sent is not sent again"
    );
}

#[test]
fn the_newest_risk_assessment_of_a_domain_is_the_one_in_force() {
    let (store, _folder) = store();
    let row = |domain, basis: &str| RiskRow {
        partner: "service-b.example".parse().unwrap(),
        domain,
        author: "rita".parse().unwrap(),
        basis: basis.to_owned(),
        assurances: vec!["no death penalty".to_owned()],
        review_date: "2027-06-01".parse().unwrap(),
        at: at(0),
    };
    let (old, new, other) =
        (row(Domain::Cyber, "old"), row(Domain::Cyber, "new"), row(Domain::Elections, "other"));
    for kept in [old.clone(), new.clone(), other.clone()] {
        store.act(move |tx| tx.add_risk_assessment(&kept)).unwrap();
    }
    let partner = &new.partner;
    assert_eq!(store.view(|view| view.risk_assessment(partner, Domain::Cyber)).unwrap(), Some(new.clone()));
    assert_eq!(store.view(|view| view.risk_assessment(partner, Domain::Financial)).unwrap(), None);
    assert_eq!(store.view(|view| view.risk_assessments(partner)).unwrap(), [other, new.clone(), old]);
}

#[test]
fn an_action_is_stood_down_once() {
    let (store, _folder) = store();
    let release = EntryRef { origin: Origin::from_hex(&"ab".repeat(32)).unwrap(), index: 7 };
    let new = NewAction {
        release: release.clone(),
        kind: "patrols".to_owned(),
        text: "two cars".to_owned(),
        by: "dana".parse().unwrap(),
    };
    let id = store.act(move |tx| tx.add_action(&new, at(0))).unwrap();
    assert!(store.act(move |tx| tx.stand_down(id, at(60))).unwrap());
    assert!(!store.act(move |tx| tx.stand_down(id, at(90))).unwrap());
    let kept = store.view(|view| view.actions(&release)).unwrap();
    assert_eq!((kept.len(), kept[0].at, kept[0].stand_down_at), (1, at(0), Some(at(60))));
    assert_eq!(store.view(|view| view.action(id)).unwrap().as_ref(), kept.first());
    assert_eq!(store.view(|view| view.action(id + 1)).unwrap(), None);
}

#[test]
fn a_value_is_replaced_forgotten_and_gone_with_an_act_that_failed() {
    let (store, _folder) = store();
    store.act(|tx| tx.set_meta("a", "1")).unwrap();
    let failed: Result<(), StoreError> = store.act(|tx| {
        tx.set_meta("a", "2")?;
        Err(StoreError::Stopping)
    });
    assert!(failed.is_err());
    assert_eq!(store.view(|view| view.meta("a")).unwrap().as_deref(), Some("1"));
    store.act(|tx| tx.forget_meta("a")).unwrap();
    assert_eq!(store.view(|view| view.meta("a")).unwrap(), None);
}

#[test]
fn a_time_is_kept_to_the_millisecond_and_never_later_than_it_was() {
    let (store, _folder) = store();
    for (given, kept) in [
        ("2026-12-10T14:00:00.123999999Z", "2026-12-10T14:00:00.123Z"),
        ("1969-12-31T23:59:59.9995Z", "1969-12-31T23:59:59.999Z"),
        ("1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"),
    ] {
        let given: Timestamp = given.parse().unwrap();
        store.act(move |tx| tx.fire(&given.to_string(), given, given)).unwrap();
        let fired = store.view(|view| view.fired(&given.to_string())).unwrap().unwrap();
        assert_eq!(fired.due.to_string(), kept);
    }
}
