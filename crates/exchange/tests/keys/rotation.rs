//! New keys for a log that goes on: exchanged first, carried by one entry, in force from there and not before.

use exchange::channel;
use exchange::receive::Receipt;
use exchange::rotation::{self, rotate_log};
use store::{ChannelRow, ChannelSide};
use testkit::{A, B, ByHand, DataCopy, EntryOf, TestHouse, TestHouses, Weather, code, party, warning};
use tlog::channel::{ChannelProposal, ChannelStatement, Use};
use tlog::checkpoint::Checkpoint;

/// Our log to a partner, or the partner's to us.
pub(crate) fn log(house: &TestHouse, partner: &str, side: ChannelSide) -> ChannelRow {
    house.store().view(|view| view.channel_with(&party(partner), side, Use::Actual)).unwrap().unwrap()
}

fn kinds(house: &TestHouse, row: &ChannelRow) -> Vec<String> {
    let entries = house.store().view(|view| view.entries(row, 0, row.size())).unwrap();
    entries.into_iter().map(|e| e.kind).collect()
}

fn rotate(house: &TestHouse, to: &str) {
    rotate_log(&house.house(), &house.caller("operator1"), &party(to), Use::Actual, house.now()).unwrap();
}

/// The log key in force at the newest size, and the one at the beginning.
fn log_keys(house: &TestHouse, row: &ChannelRow) -> (String, String) {
    let of = |size| {
        let text = house.store().view(|view| view.statement_at(row, size)).unwrap().unwrap().text;
        ChannelStatement::parse(text.as_bytes()).unwrap().proposal().log.to_string()
    };
    (of(0), of(row.size()))
}

#[test]
fn a_log_goes_on_with_a_new_key_from_the_entry_that_carries_it() {
    let houses = TestHouses::two();
    let (a, b) = (houses.a(), houses.b());
    a.warn(&warning(), &[B]);
    houses.settle_all();
    let before = log(a, B, ChannelSide::Ours).size();
    for again in 1..=3 {
        rotate(a, B);
        houses.settle_all();
        a.warn(&warning(), &[B]);
        houses.settle_all();
        let (ours, theirs) = (log(a, B, ChannelSide::Ours), log(b, A, ChannelSide::Theirs));
        assert_eq!(kinds(a, &ours), kinds(b, &theirs));
        assert_eq!(kinds(a, &ours).iter().filter(|k| *k == "key.changed").count(), again);
        let (first, now) = log_keys(a, &ours);
        assert_ne!(first, now);
        assert_eq!((first, now), log_keys(b, &theirs));
    }
    let changed = usize::try_from(before).unwrap();
    assert_eq!(kinds(a, &log(a, B, ChannelSide::Ours))[changed], "key.changed", "at the size it was begun");
    assert_eq!(b.inbox().len(), 4);
    a.restart();
    a.warn(&warning(), &[B]);
    houses.settle_all();
    assert_eq!(a.ledger(B), b.ledger(A));
}

#[test]
fn the_exchange_of_new_keys_survives_any_weather_and_a_stop_between_its_steps() {
    for weather in [Weather::RequestLost, Weather::AnswerLost, Weather::Doubled, Weather::Late] {
        let houses = TestHouses::two();
        let (a, b) = (houses.a(), houses.b());
        rotate(a, B);
        a.warn(&warning(), &[B]);
        let size = log(a, B, ChannelSide::Ours).size();
        let mut on_statements = |path: &str| if path.ends_with("/channel") { weather } else { Weather::Fair };
        let first = houses.carry_in(A, B, &mut on_statements);
        if weather != Weather::Doubled {
            assert!(first.is_err(), "{weather:?}");
            assert_eq!(log(a, B, ChannelSide::Ours).size(), size, "nothing is appended meanwhile");
        }
        a.restart();
        b.restart();
        houses.late_arrives();
        houses.settle_all();
        houses.late_arrives();
        assert_eq!(b.inbox().len(), 1, "{weather:?}");
        let theirs = log(b, A, ChannelSide::Theirs);
        assert_eq!(kinds(b, &theirs).iter().filter(|k| *k == "key.changed").count(), 1);
    }
}

#[test]
fn new_keys_under_traffic_lose_no_entry_and_double_none() {
    let houses = TestHouses::two();
    let (a, b) = (houses.a(), houses.b());
    for weather in [Weather::RequestLost, Weather::AnswerLost, Weather::Late] {
        a.warn(&warning(), &[B]);
        let _ = houses.carry_in(A, B, &mut testkit::for_parcels(weather));
        rotate(a, B);
        a.warn(&warning(), &[B]);
        let _ = houses.carry_in(A, B, &mut testkit::for_parcels(weather));
        houses.settle_all();
        houses.late_arrives();
    }
    assert_eq!((a.sent().len(), b.inbox().len()), (6, 6));
}

#[test]
fn a_key_is_not_changed_twice_at_once_nor_by_a_person_who_may_not() {
    let houses = TestHouses::two();
    let a = houses.a();
    let tried = |person| rotate_log(&a.house(), &a.caller(person), &party(B), Use::Actual, a.now());
    assert_eq!(code(tried("desk1")), "not_authorised");
    assert_eq!(code(tried("operator1")), "done");
    assert_eq!(code(tried("operator1")), "already_pending");
    let exercise = rotate_log(&a.house(), &a.caller("operator1"), &party(B), Use::Exercise, a.now());
    assert_eq!(code(exercise), "no_channel");
    houses.settle_all();
    assert_eq!(code(tried("operator1")), "done");
    houses.settle_all();
}

#[test]
fn keys_that_the_partner_refuses_stop_no_warning() {
    let houses = TestHouses::two();
    let (a, b) = (houses.a(), houses.b());
    rotate(a, B);
    a.warn(&warning(), &[B]);
    assert!(rotation::declined(&a.house(), b.name(), Use::Actual, "no", a.now()).unwrap());
    houses.settle_all();
    assert_eq!(b.inbox().len(), 1);
    let ours = log(a, B, ChannelSide::Ours);
    let (first, now) = log_keys(a, &ours);
    assert_eq!(first, now, "the old key stays");
    assert!(a.notices().iter().any(|n| n.contains("refused the new keys")), "{:?}", a.notices());
    rotate(a, B);
    houses.settle_all();
    assert!(
        kinds(a, &log(a, B, ChannelSide::Ours)).contains(&"key.changed".to_owned()),
        "it can be tried again"
    );
}

#[test]
fn a_house_that_goes_back_behind_new_keys_takes_them_back_with_the_entry_that_carries_them() {
    for (who, other) in [(A, B), (B, A)] {
        let houses = TestHouses::two();
        let old = houses.at(who).copy(DataCopy::WithoutMark);
        for _ in 0..2 {
            rotate(houses.a(), B);
            rotate(houses.b(), A);
            houses.a().warn(&warning(), &[B]);
            houses.settle_all();
        }
        houses.at(who).go_back(&old);
        houses.settle_all();
        houses.a().warn(&warning(), &[B]);
        rotate(houses.at(who), other);
        houses.settle_all();
        let ours = log(houses.at(who), other, ChannelSide::Ours);
        assert_eq!(kinds(houses.at(who), &ours).iter().filter(|k| *k == "key.changed").count(), 3, "{who}");
        assert_eq!(
            log_keys(houses.at(who), &ours),
            log_keys(houses.at(other), &log(houses.at(other), who, ChannelSide::Theirs))
        );
        assert_eq!(houses.b().inbox().len(), 3);
    }
}

/// A partner by hand with two entries held, and its proposal of new keys from the third entry on.
fn by_hand(a: &TestHouse) -> (ByHand, ChannelProposal) {
    let mut b = ByHand::with(a, B, Use::Actual).opened();
    b.push(EntryOf::kind("cover", ""));
    b.delivers(a, 0);
    let (said, keys) = ByHand::would_propose(a, B, Use::Actual);
    let log = keys.log_key_of(&b.origin(), 1).unwrap().verifier().clone();
    (b, ChannelProposal { from: 3, log, ..said })
}

fn offer(a: &TestHouse, proposal: &ChannelProposal) -> Result<String, exchange::refusal::Refusal> {
    let (_, keys) = ByHand::would_propose(a, B, Use::Actual);
    let text = proposal.sign_as_giver(&keys.identity).unwrap().to_string();
    channel::accept(&a.house(), &model::caller::Partner { name: party(B) }, text.as_bytes(), a.now())
}

#[test]
fn the_old_key_is_refused_and_kept_from_where_the_new_one_holds() {
    let houses = TestHouses::of(&[A]);
    let a = houses.a();
    let (mut b, new) = by_hand(a);
    let statement = offer(a, &new).unwrap();
    assert_eq!(offer(a, &new).unwrap(), statement, "the same again gets the same answer");
    b.push(EntryOf { media: "text/plain", thread: [0; 16], ..EntryOf::kind("key.changed", statement) });
    let old_key = b.send(a, &b.parcel(2));
    assert!(matches!(&old_key, Receipt::NotSigned(why) if why.contains("not in force")), "{old_key:?}");
    let evidence = a.rows("node.db", "SELECT what FROM evidence");
    assert_eq!(evidence.len(), 1, "{evidence:?}");
    let (_, keys) = ByHand::would_propose(a, B, Use::Actual);
    let head = Checkpoint { origin: b.origin(), size: 3, root: b.range(3).root() };
    let signed = head.sign(&keys.log_key_of(&b.origin(), 1).unwrap()).unwrap();
    let taken = b.send(a, &b.parcel_with(2, signed));
    assert!(matches!(taken, Receipt::Held(_)), "{taken:?}");
    let replay = b.send(a, &b.parcel_with(0, b.head(2)));
    assert!(matches!(replay, Receipt::Held(_)), "below it the old key still speaks: {replay:?}");
}

#[test]
fn the_entry_that_carries_new_keys_stands_where_they_say_and_nowhere_else() {
    let houses = TestHouses::of(&[A]);
    let a = houses.a();
    let (mut b, new) = by_hand(a);
    b.push(EntryOf { media: "text/plain", thread: [0; 16], ..EntryOf::kind("key.changed", "anything") });
    assert_eq!(b.send(a, &b.parcel(2)), Receipt::BadEntry { index: 2, why: "statement" }, "without new keys");

    let houses = TestHouses::of(&[A]);
    let a = houses.a();
    let (mut b, _) = (by_hand(a).0, offer(a, &new).unwrap());
    b.push(EntryOf::kind("cover", ""));
    let (_, keys) = ByHand::would_propose(a, B, Use::Actual);
    let head = Checkpoint { origin: b.origin(), size: 3, root: b.range(3).root() };
    let signed = head.sign(&keys.log_key_of(&b.origin(), 1).unwrap()).unwrap();
    let other = b.send(a, &b.parcel_with(2, signed));
    assert_eq!(other, Receipt::BadEntry { index: 2, why: "statement" }, "something else stands there");
}

#[test]
fn new_keys_change_nothing_else_and_nothing_that_is_held() {
    let houses = TestHouses::of(&[A]);
    let a = houses.a();
    let (_b, new) = by_hand(a);
    let back = ChannelProposal { from: 2, ..new.clone() };
    let (_, keys) = ByHand::would_propose(a, B, Use::Actual);
    let after = Some(Checkpoint { origin: new.origin(), size: 0, root: tlog::hash::empty_root() });
    let past = ChannelProposal { after, ..new.clone() };
    let cosigner = ByHand::would_propose(a, "service-x.example", Use::Actual).1.cosigner.verifier().clone();
    let foreign = ChannelProposal { cosigner, ..new.clone() };
    for (what, said) in [("held already", &back), ("another past", &past)] {
        assert_eq!(code(offer(a, said)), "bad_statement", "{what}");
    }
    assert!(foreign.sign_as_giver(&keys.identity).is_err(), "a cosigner of another name");
    assert_eq!(code(offer(a, &new)), "done");
}
