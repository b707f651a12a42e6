//! What does not leave is never silent: somebody is told, the duty to warn is open again, and one broken row stops no other.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

use exchange::answer::About;
use exchange::clocks::Awaited;
use model::state::DomainState;
use model::vocab::{Domain, Status};
use testkit::{A, B, ByHand, C, EntryOf, TestHouse, TestHouses, Weather, for_parcels, party, warning};
use tlog::channel::Use;

const STOPPED: &str = "a release was stopped before it left: look now";

#[test]
fn a_release_that_was_stopped_is_told_and_its_duty_runs_again() {
    let houses = TestHouses::two();
    let a = houses.a();
    let sent = a.warn(&warning(), &[B]);
    assert!(a.clocks().is_empty(), "the decision to warn was taken");
    suspend_by_b(&houses);
    houses.settle_all();
    assert_eq!(told(a, STOPPED), 1);
    let clocks = a.clocks();
    assert_eq!((clocks.len(), clocks[0].awaited), (1, Awaited::DutyDecision));
    assert_eq!(clocks[0].about, sent.warning.to_string());
    houses.minutes_pass(61);
    assert_eq!(told(a, "OVERDUE: decision to warn"), 1, "nobody was warned in time, and somebody hears it");
}

#[test]
fn a_duty_stays_decided_while_another_copy_has_left() {
    let houses = TestHouses::three();
    let a = houses.a();
    a.warn(&warning(), &[B, C]);
    houses.carry(A, C).unwrap();
    suspend_by_b(&houses);
    houses.settle_all();
    assert_eq!(told(a, STOPPED), 1);
    assert!(a.clocks().iter().all(|c| c.awaited != Awaited::DutyDecision), "{:?}", a.clocks());
}

#[test]
fn a_stopped_exercise_says_that_it_is_one() {
    let houses = TestHouses::two();
    let mut drill = warning();
    drill.status = Status::Exercise;
    houses.a().warn(&drill, &[B]);
    suspend_by_b(&houses);
    houses.settle_all();
    assert_eq!(told(houses.a(), &format!("EXERCISE {STOPPED}")), 1, "{:?}", houses.a().notices());
    assert!(houses.a().clocks().iter().all(|c| c.exercise), "{:?}", houses.a().clocks());
}

#[test]
fn a_row_that_cannot_be_sent_stops_no_other() {
    for (what, sql) in [
        ("no body", "UPDATE outbox SET sealed = NULL WHERE kind = 'warning.released'"),
        ("another body", "UPDATE outbox SET sealed = zeroblob(100) WHERE kind = 'warning.released'"),
        ("no condition", "UPDATE outbox SET condition = 'none' WHERE kind = 'warning.released'"),
        ("no such warning", "UPDATE proposals SET file = 'none'"),
    ] {
        let houses = TestHouses::two();
        let a = houses.a();
        a.warn(&warning(), &[B]);
        a.thank("liaison1", About::Unsolicited(party(B))).unwrap();
        a.sql("node.db", sql);
        houses.settle_all();
        assert_eq!(houses.b().relation(A).thanks().count(), 1, "{what}");
        assert!(a.waiting().is_empty(), "{what}");
        assert_eq!(told(a, STOPPED), 1, "{what}: {:?}", a.notices());
        houses.leave_broken();
    }
}

#[test]
fn while_the_clock_is_unsure_what_is_refused_waits() {
    for looked in [true, false] {
        let houses = TestHouses::two();
        let a = houses.a();
        a.tick();
        a.warn(&warning(), &[B]);
        houses.advance(60 * 24 * 365);
        if looked {
            a.tick();
        }
        houses.carry(A, B).unwrap();
        assert_eq!(
            (a.waiting().len(), told(a, STOPPED)),
            (1, 0),
            "whether or not the clocks were looked at: {looked}"
        );
        a.confirm_clock();
        houses.settle_all();
        assert_eq!((a.waiting().len(), told(a, STOPPED)), (0, 1));
    }
}

#[test]
fn many_releases_at_once_make_one_notice_and_each_flash_its_own() {
    let houses = TestHouses::two();
    let header = |precedence: &str| {
        houses.a().warn(&warning(), &[B]);
        houses.settle_all();
        let body = String::from_utf8(houses.b().body(&houses.b().newest()).unwrap()).unwrap();
        houses.advance(2);
        body.replace("\"precedence\":\"immediate\"", &format!("\"precedence\":\"{precedence}\""))
    };
    let (routine, flash) = (header("routine"), header("flash"));
    let mut many = ByHand::with(houses.b(), C, Use::Actual).opened();
    for n in 0..200 {
        let body = if n % 100 == 50 { &flash } else { &routine };
        many.push(EntryOf::kind("warning.released", body.clone().into_bytes()));
    }
    many.delivers(houses.b(), 0);
    assert_eq!(told(houses.b(), "ROUTINE waiting"), 1);
    assert_eq!(told(houses.b(), "FLASH waiting"), 2);
    assert!(houses.b().notices()[0].starts_with("FLASH"), "{:?}", houses.b().notices());
    houses.advance(2);
    many.push(EntryOf::kind("warning.released", routine.into_bytes()));
    many.delivers(houses.b(), 201);
    assert_eq!(told(houses.b(), "ROUTINE waiting"), 2, "after a minute it is told again");
}

#[test]
fn a_head_of_ours_with_another_root_is_kept_and_nothing_more_is_signed() {
    let houses = TestHouses::two();
    houses.a().warn(&warning(), &[B]);
    houses.settle_all();
    let old =
        houses.b().rows("node.db", "SELECT note FROM heads WHERE channel = 2 ORDER BY size DESC LIMIT 1");
    assert_eq!(old.len(), 1);
    // A loses its newest entry, as from an old copy, and writes another in its place.
    houses.a().sql(
        "node.db",
        "UPDATE heads SET root = zeroblob(32) WHERE channel = 1;
         UPDATE subtrees SET hash = zeroblob(32) WHERE channel = 1 AND level = 0",
    );
    houses.a().restart();
    houses.a().warn(&warning(), &[B]);
    let parcels = houses.arrived(A, B, "add-entries");
    for _ in 0..3 {
        let trouble = houses.carry(A, B).unwrap_err();
        assert!(trouble.0.contains("with another root than our entries give"), "{trouble:?}");
    }
    assert_eq!(houses.arrived(A, B, "add-entries"), parcels);
    assert_eq!(houses.a().rows("node.db", "SELECT what FROM evidence").len(), 1, "kept once");
    houses.leave_broken();
}

#[test]
fn a_stray_signature_is_kept_once_for_a_size_and_freezes_nothing() {
    let houses = TestHouses::of(&[A]);
    let a = houses.a();
    let mut b = ByHand::with(a, B, Use::Actual).opened();
    b.delivers(a, 0);
    b.push(EntryOf::kind("thanks.given", "{}"));
    let other = ByHand::with(a, C, Use::Actual).opened();
    let parcel = b.parcel(1);
    let stray = b.head(2).and_line(other.head(1).lines()[0].clone()).unwrap();
    let refused = b.parcel_with(1, stray);
    for _ in 0..3 {
        assert!(matches!(b.send(a, &refused), exchange::receive::Receipt::NotSigned(_)));
    }
    assert_eq!(a.rows("node.db", "SELECT what FROM evidence").len(), 1);
    assert!(matches!(b.send(a, &parcel), exchange::receive::Receipt::Held(_)));
}

#[test]
fn a_receipt_that_was_lost_for_a_day_tells_of_no_clock() {
    let houses = TestHouses::two();
    houses.a().warn(&warning(), &[B]);
    assert!(houses.carry_in(A, B, &mut for_parcels(Weather::AnswerLost)).is_err());
    houses.advance(60 * 24);
    houses.settle_all();
    let partners =
        exchange::view::relation::partners(&houses.a().house(), &houses.a().caller("desk1")).unwrap();
    assert_eq!(partners[0].trouble, None);
}

fn suspend_by_b(houses: &TestHouses) {
    houses.b().take_stance(A, Domain::CounterTerrorism, DomainState::Suspended).unwrap();
    houses.carry(B, A).unwrap();
}

fn told(house: &TestHouse, words: &str) -> usize {
    house.notices().iter().filter(|n| n.starts_with(words)).count()
}
