//! Budgets of volume: what is above them is kept and receipted like the rest, alarms are told together, and the operator
//! is told once.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

use exchange::budget::{self, Budget, Standing};
use exchange::receive::Receipt;
use exchange::view::status;
use testkit::{A, B, ByHand, C, EntryOf, TestHouse, TestHouses, party, terms, warning};
use tlog::channel::Use;

/// A body of a release as B got it, with another precedence.
fn release(houses: &TestHouses, precedence: &str) -> Vec<u8> {
    houses.a().warn(&warning(), &[B]);
    houses.settle_all();
    let body = String::from_utf8(houses.b().body(&houses.b().newest()).unwrap()).unwrap();
    houses.advance(2);
    let said = format!("\"precedence\":\"{precedence}\"");
    body.replace("\"precedence\":\"immediate\"", &said).into_bytes()
}

fn standing(house: &TestHouse, partner: &str, of: Budget) -> Standing {
    let now = house.now();
    let all = house.store().view(|view| budget::standings(view, now)).unwrap();
    let found = all.into_iter().find(|s| s.partner == party(partner) && s.of == of && s.use_ == Use::Actual);
    found.expect("the log is counted")
}

fn passed(house: &TestHouse) -> usize {
    house.trail().iter().filter(|line| line.act == "budget.passed").count()
}

fn told(house: &TestHouse, words: &str) -> Vec<String> {
    house.notices().into_iter().filter(|notice| notice.contains(words)).collect()
}

#[test]
fn what_is_above_a_budget_is_kept_and_receipted_and_the_operator_is_told_once() {
    let houses = TestHouses::of(&[A]);
    let a = houses.a();
    let mut b = ByHand::with(a, B, Use::Actual).opened();
    for _ in 0..300 {
        b.push(EntryOf::kind("cover", ""));
    }
    b.delivers(a, 0);
    let now = standing(a, B, Budget::EntriesPerMinute);
    assert_eq!((now.counted, now.limit, now.passed.map(|(_, n)| n)), (301, 120, Some(121)));
    assert_eq!(passed(a), 1);
    let findings = status::doctor(&a.house(), &a.caller("desk1"), a.now()).unwrap();
    let found = findings.iter().find(|f| f.fact.contains("more than is agreed")).expect("doctor names it");
    assert!(found.fact.contains(B) && found.detail.as_ref().unwrap().contains("120 are agreed"), "{found:?}");
    houses.advance(2);
    for _ in 0..200 {
        b.push(EntryOf::kind("cover", ""));
    }
    b.delivers(a, 301);
    assert_eq!((passed(a), standing(a, B, Budget::EntriesPerMinute).counted), (1, 200), "told once a day");
    houses.advance(25 * 60);
    assert_eq!(standing(a, B, Budget::EntriesPerMinute).passed, None);
    for _ in 0..200 {
        b.push(EntryOf::kind("cover", ""));
    }
    b.delivers(a, 501);
    assert_eq!(passed(a), 2);
}

#[test]
fn stored_bytes_are_those_of_the_entries_that_are_kept() {
    let houses = TestHouses::of(&[A]);
    let a = houses.a();
    let mut b = ByHand::with(a, B, Use::Actual).opened();
    b.push(EntryOf::kind("cover", vec![b' '; 5_000]));
    b.delivers(a, 0);
    let sum = || a.rows("node.db", "SELECT CAST(sum(length(sealed)) AS TEXT) FROM entries")[0].clone();
    let counted = || standing(a, B, Budget::StoredBytes).counted.to_string();
    assert_eq!(counted(), sum());
    a.sql("node.db", "UPDATE entries SET sealed = NULL, key_id = NULL WHERE idx = 1");
    assert_eq!(counted(), sum(), "what is erased is no longer stored");
    houses.leave_broken();
}

#[test]
fn alarms_above_the_budget_are_told_together_and_no_flash_is_among_those_below_it() {
    let houses = TestHouses::two();
    let (routine, flash) = (release(&houses, "routine"), release(&houses, "flash"));
    let b = houses.b();
    let mut c = ByHand::with(b, C, Use::Actual).opened();
    // Below flash one notice a minute is told at most: 40 minutes make 40 alarms.
    for minute in 0..40 {
        c.push(EntryOf::kind("warning.released", routine.clone()));
        c.delivers(b, if minute == 0 { 0 } else { minute + 1 });
        houses.advance(1);
    }
    assert_eq!(told(b, "ROUTINE waiting").len(), 30);
    assert_eq!(told(b, "more from"), [format!("1 more from {C} in the last hour")]);
    c.push(EntryOf::kind("warning.released", flash.clone()));
    c.delivers(b, 41);
    assert_eq!(told(b, "FLASH waiting until").len(), 1, "a flash has a budget of its own");
    b.tick();
    assert_eq!(told(b, "more from").last().unwrap(), &format!("10 more from {C} in the last hour"));
    b.tick();
    assert_eq!(told(b, "more from").len(), 2, "nothing is told twice");
}

#[test]
fn thousands_of_flashes_make_a_line_a_minute_above_the_budget() {
    let houses = TestHouses::two();
    let flash = release(&houses, "flash");
    let b = houses.b();
    let mut c = ByHand::with(b, C, Use::Actual).opened();
    for _ in 0..1_000 {
        c.push(EntryOf::kind("warning.released", flash.clone()));
    }
    c.delivers(b, 0);
    assert_eq!(told(b, "FLASH waiting until").len(), 30);
    assert_eq!(told(b, "FLASH waiting: "), [format!("FLASH waiting: 1 more from {C} in the last hour")]);
    b.tick();
    assert_eq!(told(b, "FLASH waiting: ").len(), 1);
    houses.advance(1);
    b.tick();
    let lines = told(b, "FLASH waiting: ");
    assert_eq!(lines.last().unwrap(), &format!("FLASH waiting: 970 more from {C} in the last hour"));
    assert!(b.notices()[0].starts_with("FLASH"), "it presses");
}

#[test]
fn the_budget_is_the_one_that_is_agreed() {
    let mut agreed = terms(A, B);
    agreed.volume.entries_per_minute = 3;
    let houses = TestHouses::two_with(agreed);
    houses.a().tick();
    houses.b().tick();
    assert_eq!(standing(houses.a(), B, Budget::EntriesPerMinute).limit, 3);
}

#[test]
fn a_flood_in_an_exercise_takes_nothing_from_the_budget_of_what_is_actual() {
    let houses = TestHouses::of(&[A]);
    let a = houses.a();
    let mut drill = ByHand::with(a, B, Use::Exercise).opened();
    let actual = ByHand::with(a, B, Use::Actual).opened();
    for _ in 0..200 {
        drill.push(EntryOf::kind("cover", ""));
    }
    drill.delivers(a, 0);
    actual.delivers(a, 0);
    assert_eq!(standing(a, B, Budget::EntriesPerMinute).counted, 1);
}

#[test]
fn what_is_agreed_is_no_reason_to_refuse() {
    let houses = TestHouses::of(&[A]);
    let a = houses.a();
    let mut b = ByHand::with(a, B, Use::Actual).opened();
    b.delivers(a, 0);
    a.sql("node.db", "UPDATE budgets SET counted = 'not JSON'");
    b.push(EntryOf::kind("cover", ""));
    let parcel = b.parcel(1);
    assert!(matches!(b.send(a, &parcel), Receipt::Held(_)), "counts that cannot be read stop nothing");
}
