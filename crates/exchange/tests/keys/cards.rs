//! A partner's new card is pinned by two persons, or not at all; a new cosigner is taken into each log from there.

use exchange::card_renewal;
use exchange::partner;
use exchange::pending;
use exchange::refusal::Refusal;
use store::ChannelSide;
use testkit::{A, B, C, TestHouse, TestHouses, Weather, code, party, warning};

use crate::rotation::log;

fn card(of: &TestHouse) -> String {
    partner::own_card(&of.house(), of.now()).unwrap()
}

fn proposed(
    a: &TestHouse,
    by: &str,
    card: &str,
) -> Result<(card_renewal::NewCard, pending::Waiting), Refusal> {
    card_renewal::propose(&a.house(), &a.caller(by), &a.key(by), card, a.now(), &mut a.rng())
}

fn approved(a: &TestHouse, by: &str, waits: &pending::Waiting) -> Result<pending::Approved, Refusal> {
    let house = a.house();
    pending::approve(&house, &a.caller(by), &a.key(by), waits.id, waits.digest, a.now(), &mut a.rng())
}

fn cosigner(house: &TestHouse, partner: &str, side: ChannelSide, size: u64) -> String {
    let row = log(house, partner, side);
    let text = house.store().view(|view| view.statement_at(&row, size)).unwrap().unwrap().text;
    let statement = tlog::channel::ChannelStatement::parse(text.as_bytes()).unwrap();
    statement.proposal().cosigner.to_string()
}

#[test]
fn a_new_cosigner_signs_from_where_the_log_says_so_and_old_receipts_stand() {
    let houses = TestHouses::two();
    let (a, b) = (houses.a(), houses.b());
    a.warn(&warning(), &[B]);
    houses.settle_all();
    b.rotate_cosigner();
    a.warn(&warning(), &[B]);
    houses.settle_all();
    let before = log(a, B, ChannelSide::Ours).size();
    assert_eq!(cosigner(a, B, ChannelSide::Ours, before), cosigner(a, B, ChannelSide::Ours, 0));
    a.renews(b);
    houses.settle_all();
    a.warn(&warning(), &[B]);
    houses.settle_all();
    let now = b.house().keys.cosigner.verifier().to_string();
    for (house, partner, side) in [(a, B, ChannelSide::Ours), (b, A, ChannelSide::Theirs)] {
        assert_ne!(cosigner(house, partner, side, before), now);
        assert_eq!(cosigner(house, partner, side, before + 1), now);
    }
    assert!(a.sent().iter().all(|line| line.held_at.is_some()), "each has its receipt");
    assert_eq!((b.inbox().len(), a.ledger(B)), (3, b.ledger(A)));
}

#[test]
fn a_cosigner_that_was_lost_signs_no_more_and_warnings_wait_for_the_new_card_alone() {
    let houses = TestHouses::two();
    let (a, b) = (houses.a(), houses.b());
    b.lose("cosigner");
    a.renews(b);
    a.warn(&warning(), &[B]);
    houses.settle_all();
    assert_eq!(b.inbox().len(), 1);
    assert!(a.sent()[0].held_at.is_some());
}

#[test]
fn a_channel_that_was_proposed_with_an_old_cosigner_opens_with_the_new_one() {
    for weather in [Weather::RequestLost, Weather::AnswerLost] {
        let houses = TestHouses::of(&[A, B]);
        let (a, b) = (houses.a(), houses.b());
        a.undertake(B).unwrap();
        assert!(houses.carry_in(A, B, &mut |_| weather).is_err());
        b.rotate_cosigner();
        a.renews(b);
        houses.settle_all();
        assert_eq!(b.relation(A).undertakings().count(), 1, "{weather:?}");
    }
}

#[test]
fn a_new_card_takes_two_persons_who_see_what_is_new() {
    let houses = TestHouses::two();
    let (a, b) = (houses.a(), houses.b());
    b.rotate_cosigner();
    let pinned = a.rows("node.db", "SELECT card FROM partners");
    let again = partner::add(&a.house(), &a.caller("liaison1"), &card(b), a.now());
    assert_eq!(code(again), "already_confirmed");
    assert_eq!(code(proposed(a, "desk1", &card(b))), "not_authorised");
    let (new, waits) = proposed(a, "operator1", &card(b)).unwrap();
    assert!(new.changes[0].contains("cosigner") && new.changes.len() == 1, "{new:?}");
    assert!(waits.what.contains("another cosigner key"), "{}", waits.what);
    assert_eq!(code(approved(a, "operator1", &waits)), "approver_is_author");
    assert_eq!(a.rows("node.db", "SELECT card FROM partners"), pinned, "nothing is pinned yet");
    approved(a, "release1", &waits).unwrap();
    assert_ne!(a.rows("node.db", "SELECT card FROM partners"), pinned);
    assert!(a.acts_since(0).contains(&"partner.renew".to_owned()));
    houses.settle_all();
}

#[test]
fn an_old_card_or_one_that_shows_a_foreign_key_or_was_changed_is_not_pinned() {
    let houses = TestHouses::of(&[A, B, C]);
    let (a, b) = (houses.a(), houses.b());
    let old = card(b);
    houses.advance(10);
    b.rotate_cosigner();
    a.renews(b);
    assert_eq!(code(proposed(a, "liaison1", &old)), "old_card");
    assert_eq!(code(proposed(a, "liaison1", &card(b))), "nothing_new");
    let swapped = card(b).replace("duty desk of", "call me at");
    assert_eq!(code(proposed(a, "liaison1", &swapped)), "bad_card");
    b.rotate_cosigner();
    let (_, first) = proposed(a, "liaison1", &card(b)).unwrap();
    b.rotate_cosigner();
    let (_, second) = proposed(a, "liaison1", &card(b)).unwrap();
    approved(a, "release1", &second).unwrap();
    assert_eq!(code(approved(a, "release1", &first)), "card_changed");
}

#[test]
fn another_identity_unconfirms_the_partner_until_its_words_were_heard() {
    let houses = TestHouses::two();
    let (a, b) = (houses.a(), houses.b());
    a.warn(&warning(), &[B]);
    houses.settle_all();
    let line = b.newest();
    b.lose("identity");
    let (new, waits) = proposed(a, "liaison1", &card(b)).unwrap();
    assert!(new.changes[0].contains("ANOTHER IDENTITY"), "{new:?}");
    approved(a, "release1", &waits).unwrap();
    let state = a.rows("node.db", "SELECT state FROM partners");
    assert_eq!(state, ["unconfirmed"]);
    a.undertake(B).unwrap_err();
    houses.confirms(A, B);
    b.read("desk1", &line).unwrap();
    a.undertake(B).unwrap();
    houses.settle_all();
    for (house, partner) in [(a, B), (b, A)] {
        for side in [ChannelSide::Ours, ChannelSide::Theirs] {
            let row = log(house, partner, side);
            assert!(row.follows.is_some(), "{} {side:?} goes on in a successor", house.name());
        }
    }
    assert_eq!(a.ledger(B), b.ledger(A));
    assert_eq!(a.relation(party(B).as_str()), testkit::relation_from_scratch(a, B));
}
