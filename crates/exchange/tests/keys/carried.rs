//! New keys and successors where the nodes do not call each other: by file, and by a partner that asks.

use exchange::carriage::End;
use exchange::declined::{self, Answered};
use exchange::pull::{self, Brought, Served};
use exchange::rotation::rotate_log;
use exchange::succession::{self, Ending};
use store::ChannelSide;
use testkit::{A, B, TestHouse, TestHouses, code, party, warning};
use tlog::channel::Use;

use crate::rotation::log;

fn rotate(house: &TestHouse) {
    rotate_log(&house.house(), &house.caller("operator1"), &party(B), Use::Actual, house.now()).unwrap();
}

/// Everything that A packs is opened by B, and what B answers is settled, until nothing is packed any more.
fn carry(a: &TestHouse, b: &TestHouse) {
    for _ in 0..6 {
        for file in a.pack(B).unwrap() {
            a.settle_file(&b.open_file(&file).unwrap().answer).unwrap();
        }
    }
    assert!(a.pack(B).unwrap().is_empty());
}

fn new_keys(house: &TestHouse) -> usize {
    let ours = log(house, B, ChannelSide::Ours);
    house.store().view(|view| view.statements(&ours)).unwrap().len() - 1
}

#[test]
fn new_keys_and_a_successor_go_by_file() {
    let houses = TestHouses::two();
    houses.by_file(A, B);
    let (a, b) = (houses.a(), houses.b());
    rotate(a);
    a.warn(&warning(), &[B]);
    let files = a.pack(B).unwrap();
    assert_eq!(files.len(), 1, "the new keys go first");
    assert!(files[0].name.ends_with(".channel") && files[0].what.contains("new keys"), "{:?}", files[0].name);
    let opened = b.open_file(&files[0]).unwrap();
    for _ in 0..2 {
        a.settle_file(&opened.answer).unwrap();
    }
    carry(a, b);
    assert_eq!((b.inbox().len(), new_keys(a)), (1, 1));
    let liaison = a.caller("liaison1");
    let to = (&party(B), Use::Actual);
    succession::succeed(&a.house(), &liaison, to, "a drill", Ending::InOrder, a.now(), &mut a.rng()).unwrap();
    a.warn(&warning(), &[B]);
    carry(a, b);
    assert!(log(b, A, ChannelSide::Theirs).follows.is_some());
    assert_eq!((a.sent().len(), b.inbox().len()), (2, 2));
}

#[test]
fn new_keys_that_are_refused_by_file_stop_no_warning() {
    let houses = TestHouses::two();
    houses.by_file(A, B);
    let (a, b) = (houses.a(), houses.b());
    // The card that A holds of B is out of date, and so is the cosigner in what A proposes.
    b.lose("cosigner");
    rotate(a);
    a.warn(&warning(), &[B]);
    let refused = b.open_file(&a.pack(B).unwrap()[0]).unwrap();
    assert!(refused.end == End::DoesNotFit && refused.answer.name.ends_with(".declined"), "{refused:?}");
    for word in ["old ones stay", "wait"] {
        let what = a.settle_file(&refused.answer).unwrap().what;
        assert!(what.contains(word), "{what}");
    }
    assert_eq!(new_keys(a), 0);
    assert!(a.pack(B).unwrap()[0].name.ends_with(".parcel"), "the warning goes");
    assert!(a.notices().iter().any(|n| n.contains("refused the new keys")), "{:?}", a.notices());
    assert_eq!(code(b.settle_file(&refused.answer)), code(b.open_file(&refused.answer)), "it is sealed to A");
    houses.leave_undelivered();
}

#[test]
fn a_partner_that_asks_says_that_it_refuses_new_keys_and_the_warning_goes() {
    let houses = TestHouses::two();
    let (a, b) = (houses.a(), houses.b());
    b.lose("cosigner");
    rotate(a);
    a.warn(&warning(), &[B]);
    let now = a.now();
    let proposed = pull::proposal_for(&a.house(), &b.as_partner(), Use::Actual, now, &mut a.rng()).unwrap();
    let answered =
        declined::sign_or_decline(&b.house(), &a.as_partner(), proposed.unwrap().as_bytes(), b.now());
    let Answered::Declined { text, .. } = answered.unwrap() else { panic!("B no longer has that cosigner") };
    assert_eq!(declined::take(&a.house(), &party(A), text.as_bytes(), now), Ok(false), "of nobody else");
    assert_eq!(declined::take(&a.house(), b.name(), text.as_bytes(), now), Ok(true));
    assert_eq!(
        declined::take(&a.house(), b.name(), text.as_bytes(), now),
        Ok(false),
        "again changes nothing"
    );
    assert_eq!(code(declined::take(&a.house(), b.name(), b"no", now)), "bad_statement");
    let held = pull::holding(&b.house(), a.name(), Use::Actual).unwrap().unwrap();
    let newest = held.receipt.unwrap();
    let brought = pull::receipt(&a.house(), &b.as_partner(), held.origin, newest.as_bytes(), now).unwrap();
    assert_eq!(brought, Brought::Settled);
    let served =
        pull::parcel(&a.house(), &b.as_partner(), held.origin, held.size, now, &mut a.rng()).unwrap();
    assert!(matches!(served, Served::Parcel(_)), "the warning goes");
    houses.leave_undelivered();
}
