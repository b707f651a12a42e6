//! What a partner signed that cannot be true: kept, frozen, told to people, and never forgotten.

use exchange::receive::{self, Receipt};
use exchange::view::relation;
use testkit::{A, B, ByHand, EntryOf, TestHouses};
use tlog::channel::Use;
use tlog::checkpoint::{Checkpoint, SignedCheckpoint};
use tlog::hash::Hash;

use crate::parcels::evidence;

#[test]
fn entries_that_do_not_give_the_signed_root_freeze_the_channel_with_note_and_parcel_kept() {
    let houses = TestHouses::of(&[A]);
    let a = houses.a();
    let mut b = ByHand::with(a, B, Use::Actual).opened();
    b.delivers(a, 0);
    b.push(EntryOf::kind("cover", ""));
    let parcel = b.parcel_with(1, forged(&b, 2));
    assert_eq!(b.send(a, &parcel), Receipt::BadRoot);
    assert_eq!(evidence(a).len(), 1);
    assert_eq!(a.rows("node.db", "SELECT hex(parcel) FROM evidence"), [hex(&parcel)]);
    let note = a.rows("node.db", "SELECT note FROM evidence").remove(0);
    SignedCheckpoint::parse(note.as_bytes()).unwrap().verify_log(&b.log_key()).unwrap();
    assert!(a.notices().iter().any(|n| n.contains("frozen")), "{:?}", a.notices());
    let shown = relation::partners(&a.house(), &a.caller("desk1")).unwrap();
    assert_eq!(shown[0].channels[0].state, "frozen");
    let findings = exchange::view::status::doctor(&a.house(), &a.caller("desk1"), a.now()).unwrap();
    assert!(findings.iter().any(|f| f.fact.contains("frozen")), "{findings:?}");
}

#[test]
fn after_the_freeze_nothing_is_taken_any_more_not_even_what_is_honest() {
    let houses = TestHouses::of(&[A]);
    let a = houses.a();
    let mut b = ByHand::with(a, B, Use::Actual).opened();
    let receipt = b.delivers(a, 0);
    b.push(EntryOf::kind("cover", ""));
    assert_eq!(b.send(a, &b.parcel_with(1, forged(&b, 2))), Receipt::BadRoot);
    for parcel in [b.parcel(1), b.parcel(0), b"rubbish".to_vec()] {
        assert_eq!(b.send(a, &parcel), Receipt::Frozen);
    }
    a.restart();
    assert_eq!(b.send(a, &b.parcel(1)), Receipt::Frozen, "also after a restart");
    let newest = receive::newest_head(&a.house(), &b.as_partner(), b.origin()).unwrap().unwrap();
    assert!(newest.contains(&receipt), "the last receipt stands");
    assert_eq!(evidence(a).len(), 1);
}

#[test]
fn a_signed_head_of_a_size_that_is_held_with_another_root_is_evidence_whatever_the_parcel_says() {
    for (what, old) in [("a replayed size", 1), ("a size held", 2), ("from a wrong size", 0)] {
        let houses = TestHouses::of(&[A]);
        let a = houses.a();
        let mut b = ByHand::with(a, B, Use::Actual).opened();
        b.push(EntryOf::kind("cover", ""));
        b.push(EntryOf::kind("cover", ""));
        b.delivers(a, 0);
        let parcel = b.parcel_with(old, forged(&b, 2));
        assert_eq!(b.send(a, &parcel), Receipt::BadRoot, "{what}");
        assert_eq!(evidence(a).len(), 1, "{what}");
        assert_eq!(b.send(a, &b.parcel(3)), Receipt::Frozen, "{what}");
    }
}

#[test]
fn a_second_history_from_an_old_size_is_evidence_and_the_first_stays() {
    let houses = TestHouses::of(&[A]);
    let a = houses.a();
    let mut b = ByHand::with(a, B, Use::Actual).opened();
    b.push(EntryOf::kind("cover", "one"));
    b.delivers(a, 0);
    let entry = format!("{}/1", b.origin().hex());
    let first = a.body(&entry).unwrap();
    b.entries.truncate(1);
    b.push(EntryOf::kind("cover", "two"));
    assert_eq!(b.send(a, &b.parcel(1)), Receipt::BadRoot);
    assert_eq!(a.body(&entry).unwrap(), first);
    testkit::assert_sound(a);
}

#[test]
fn the_duty_to_warn_goes_on_over_our_own_log_when_the_partners_is_frozen() {
    let houses = TestHouses::of(&[A]);
    let a = houses.a();
    let mut b = ByHand::with(a, B, Use::Actual).opened();
    b.delivers(a, 0);
    b.push(EntryOf::kind("cover", ""));
    assert_eq!(b.send(a, &b.parcel_with(1, forged(&b, 2))), Receipt::BadRoot);
    a.warn_in_danger(&testkit::warning(), &[B]);
    let got = b.takes(a);
    assert!(got.iter().any(|e| e.header.kind.as_str() == "warning.released"));
}

#[test]
fn one_frozen_channel_freezes_no_other() {
    let houses = TestHouses::of(&[A]);
    let a = houses.a();
    let mut b = ByHand::with(a, B, Use::Actual).opened();
    b.push(EntryOf::kind("cover", ""));
    assert_eq!(b.send(a, &b.parcel_with(0, forged(&b, 2))), Receipt::BadRoot);
    ByHand::with(a, B, Use::Exercise).opened().delivers(a, 0);
    ByHand::with(a, testkit::C, Use::Actual).opened().delivers(a, 0);
}

#[test]
fn an_unsigned_lie_freezes_nothing() {
    let houses = TestHouses::of(&[A]);
    let a = houses.a();
    let mut b = ByHand::with(a, B, Use::Actual).opened();
    b.delivers(a, 0);
    b.push(EntryOf::kind("cover", ""));
    let c = ByHand::with(a, testkit::C, Use::Actual);
    let by_another = Checkpoint { root: Hash::from_bytes([5; 32]), ..*b.head(2).checkpoint() };
    let key = tlog::key::SigningKey::from_seed(&b.origin().to_string(), tlog::key::KeyKind::Ed25519, [8; 32]);
    let parcel = b.parcel_with(1, by_another.sign(&key.unwrap()).unwrap());
    assert!(matches!(b.send(a, &parcel), Receipt::NotSigned(_)));
    assert_eq!(c.send_as(a, &c.as_partner(), b.origin(), &parcel), Receipt::Unknown);
    b.delivers(a, 1);
}

/// A checkpoint of this size that the log's key signed over another root than the entries give.
fn forged(b: &ByHand, size: u64) -> SignedCheckpoint {
    b.signed(&Checkpoint { origin: b.origin(), size, root: Hash::from_bytes([6; 32]) })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}
