//! At-least-once delivery in any weather gives each entry once, one ledger line, and the stored receipt (I-14).

use model::vocab::{Disposition, EventState};
use proptest::prelude::*;
use testkit::{A, B, TestHouses, Weather, for_parcels, outcome, repeatable, terms, warning};

#[test]
fn the_same_parcel_again_gets_the_stored_receipt_unchanged() {
    let houses = TestHouses::two();
    houses.a().warn(&warning(), &[B]);
    houses.carry_in(A, B, &mut for_parcels(Weather::Doubled)).unwrap();
    let mut receipts: Vec<_> = houses
        .observed(B, A)
        .into_iter()
        .filter(|c| c.status == 200 && c.path.ends_with("add-entries"))
        .collect();
    let second = receipts.pop().unwrap();
    let first = receipts.pop().unwrap();
    assert_eq!((&first.request, &first.answer), (&second.request, &second.answer));
    assert_eq!(houses.b().inbox().len(), 1);
    assert_eq!(houses.a().ledger(B).lines.len(), 1);
}

#[test]
fn a_receipt_that_was_lost_comes_back_with_its_old_time() {
    let houses = TestHouses::two();
    houses.a().warn(&warning(), &[B]);
    assert!(houses.carry_in(A, B, &mut for_parcels(Weather::AnswerLost)).is_err());
    let held = houses.b().now();
    houses.advance(90);
    houses.settle_all();
    assert_eq!(houses.a().sent()[0].held_at, Some(held));
}

#[test]
fn an_old_parcel_that_arrives_after_newer_ones_changes_nothing() {
    let houses = TestHouses::two();
    houses.a().warn(&warning(), &[B]);
    assert!(houses.carry_in(A, B, &mut for_parcels(Weather::Late)).is_err());
    houses.settle_all();
    houses.a().warn(&warning(), &[B]);
    assert!(houses.carry_in(A, B, &mut for_parcels(Weather::Late)).is_err());
    houses.settle_all();
    let before = heads(&houses);
    houses.late_arrives();
    assert_eq!(heads(&houses), before);
    assert_eq!(houses.b().inbox().len(), 2);
}

#[test]
fn no_receipt_counts_that_is_not_the_receivers_signature_over_just_this_head() {
    use exchange::deliver::{self, Answer, Next};
    let houses = TestHouses::two();
    houses.a().warn(&warning(), &[B]);
    houses.settle_all();
    let receipts =
        houses.observed(B, A).into_iter().filter(|c| c.status == 200 && c.path.ends_with("add-entries"));
    let of_another_head = receipts.collect::<Vec<_>>().pop().unwrap().answer;
    houses.a().warn(&warning(), &[B]);
    let (a, to) = (houses.a(), testkit::party(B));
    let sent = deliver::next_parcel(&a.house(), &to, tlog::channel::Use::Actual, None, a.now(), &mut a.rng());
    let sent = sent.unwrap().unwrap();
    for line in [b"".to_vec(), b"thank you\n".to_vec(), of_another_head] {
        let next = deliver::settle(&a.house(), &sent, Answer::Receipt(line), a.now()).unwrap();
        assert!(matches!(&next, Next::Wait(words) if words.contains("does not count")), "{next:?}");
        assert_eq!(a.sent().iter().filter(|l| l.held_at.is_none()).count(), 1);
    }
    houses.settle_all();
    assert!(a.sent().iter().all(|l| l.held_at.is_some()));
}

#[test]
fn a_receipt_whose_clock_is_far_from_ours_counts_and_a_person_is_told() {
    let houses = TestHouses::two();
    houses.b().skew(900);
    houses.a().warn(&warning(), &[B]);
    houses.settle_all();
    assert!(houses.a().sent()[0].held_at.is_some());
    let partners =
        exchange::view::relation::partners(&houses.a().house(), &houses.a().caller("desk1")).unwrap();
    assert!(
        partners[0].trouble.as_ref().is_some_and(|t| t.contains("900 s apart")),
        "{:?}",
        partners[0].trouble
    );
}

fn weather() -> impl Strategy<Value = Weather> {
    prop_oneof![
        3 => Just(Weather::Fair),
        2 => Just(Weather::RequestLost),
        2 => Just(Weather::AnswerLost),
        1 => Just(Weather::Doubled),
        1 => Just(Weather::Late),
    ]
}

proptest! {
    #![proptest_config(repeatable(24))]

    #[test]
    fn whatever_the_weather_each_entry_is_held_once_with_one_ledger_line(
        storm in proptest::collection::vec(weather(), 1..60),
        restarts in proptest::collection::vec(0u8..4, 8),
    ) {
        let houses = TestHouses::of(&[A, B]);
        let mut storm = storm.into_iter();
        let mut next = |_: &str| storm.next().unwrap_or(Weather::Fair);
        let hash = houses.a().propose(B, &terms(A, B)).unwrap();
        let mut accepted = false;
        for restart in restarts {
            // What came in is answered as soon as it is there; both send whatever they have.
            let _ = houses.carry_in(A, B, &mut next);
            accepted = accepted || houses.b().accept(A, &hash).is_ok();
            let _ = houses.carry_in(B, A, &mut next);
            match restart {
                0 => houses.a().restart(),
                1 => houses.b().restart(),
                2 => houses.late_arrives(),
                _ => {}
            }
        }
        houses.settle_all();
        if !accepted {
            houses.b().accept(A, &hash).unwrap();
            houses.settle_all();
        }
        houses.a().warn(&warning(), &[B]);
        let _ = houses.carry_in(A, B, &mut next);
        houses.settle_all();
        let b = houses.b();
        b.dispose("desk1", &b.newest(), Disposition::Accepted).unwrap();
        b.report("desk1", &b.newest(), outcome(EventState::NotOccurred)).unwrap();
        let _ = houses.carry_in(B, A, &mut next);
        houses.late_arrives();
        houses.settle_all();
        houses.late_arrives();
        prop_assert_eq!(b.inbox().len(), 1);
        let kinds: Vec<_> = houses.a().ledger(B).lines.into_iter().map(|l| l.favour).collect();
        prop_assert_eq!(kinds, ["warning", "answer", "outcome"]);
        prop_assert_eq!(houses.a().ledger(B), b.ledger(A));
    }
}

/// The heads of every log at both houses.
fn heads(houses: &TestHouses) -> Vec<(String, u64, u64, String)> {
    let of = |house: &testkit::TestHouse| {
        let channels = house.store().view(|view| view.channels()).unwrap();
        channels.into_iter().map(|c| (c.origin.hex(), c.size(), c.cosigned, c.range.root().to_string()))
    };
    of(houses.a()).chain(of(houses.b())).collect()
}
