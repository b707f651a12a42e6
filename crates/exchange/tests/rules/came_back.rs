//! What comes back after a loss was held before: its clocks run on, and people are not called for it as if it were new.

use model::vocab::{Disposition, Precedence};
use testkit::{A, B, DataCopy, TestHouse, TestHouses, warning};

fn told_of(house: &TestHouse, words: &str) -> usize {
    house.notices().iter().filter(|line| line.contains(words)).count()
}

/// When the one release that a house was given was held, and when its answer is due.
fn times(house: &TestHouse) -> (Option<jiff::Timestamp>, jiff::Timestamp) {
    let line = &house.inbox()[0];
    (line.held_at, line.due)
}

#[test]
fn an_entry_that_came_back_was_held_when_its_own_receipt_says_and_its_clock_runs_on() {
    let houses = TestHouses::two();
    let (a, b) = (houses.a(), houses.b());
    let old = b.copy(DataCopy::WithoutMark);
    a.warn(&warning(), &[B]);
    houses.settle_all();
    let before = times(b);
    houses.advance(45);
    b.go_back(&old);
    houses.settle_all();
    assert_eq!(times(b), before);
    assert_eq!(a.sent()[0].held_at, before.0);
}

#[test]
fn what_a_giver_takes_back_of_its_own_log_keeps_its_clocks() {
    let houses = TestHouses::two();
    let (a, b) = (houses.a(), houses.b());
    let old = a.copy(DataCopy::WithoutMark);
    a.warn(&warning(), &[B]);
    houses.settle_all();
    let clocks = |house: &TestHouse| {
        let running = house.clocks().into_iter().filter(|c| c.partner.is_some());
        running.map(|c| (c.awaited, c.due)).collect::<Vec<_>>()
    };
    let before = clocks(a);
    assert!(!before.is_empty());
    houses.advance(45);
    a.go_back(&old);
    houses.settle_all();
    assert_eq!(clocks(a), before);
    assert_eq!(b.inbox().len(), 1);
}

#[test]
fn what_was_answered_before_the_loss_calls_nobody_again() {
    let houses = TestHouses::two();
    let (a, b) = (houses.a(), houses.b());
    let old = b.copy(DataCopy::WithoutMark);
    a.warn(&warning(), &[B]);
    houses.settle_all();
    b.dispose("desk1", &b.newest(), Disposition::Accepted).unwrap();
    houses.settle_all();
    let waiting = format!("{} waiting", b.inbox()[0].precedence.word().to_uppercase());
    houses.advance(600);
    b.go_back(&old);
    // B calls first, so that its own log is back before the partner's.
    houses.carry(B, A).unwrap();
    houses.settle_all();
    b.tick();
    assert_eq!(told_of(b, &waiting), 0);
    assert_eq!(told_of(b, "held before a loss"), 0, "{:?}", b.notices());
    assert_eq!(told_of(b, "OVERDUE: our acknowledgement"), 0);
}

#[test]
fn what_nobody_answered_before_the_loss_is_told_in_one_line_and_its_clock_still_fires() {
    let houses = TestHouses::two();
    let (a, b) = (houses.a(), houses.b());
    let old = b.copy(DataCopy::WithoutMark);
    for _ in 0..3 {
        a.warn(&warning(), &[B]);
        houses.settle_all();
    }
    let precedence = b.inbox()[0].precedence;
    houses.advance(600);
    b.go_back(&old);
    houses.settle_all();
    assert_eq!(told_of(b, "held before a loss"), 1, "{:?}", b.notices());
    let flash = told_of(b, "FLASH among what was held") == 1;
    assert_eq!(flash, precedence == Precedence::Flash);
    assert_eq!(told_of(b, " waiting until"), 0, "not once more for each: {:?}", b.notices());
    b.tick();
    assert_eq!(told_of(b, "OVERDUE: our acknowledgement"), 3);
}

#[test]
fn what_was_never_held_is_told_as_ever_also_while_the_rest_comes_back() {
    let houses = TestHouses::two();
    let (a, b) = (houses.a(), houses.b());
    let old = b.copy(DataCopy::WithoutMark);
    a.warn(&warning(), &[B]);
    houses.settle_all();
    b.go_back(&old);
    a.warn(&warning(), &[B]);
    houses.settle_all();
    assert_eq!(b.inbox().len(), 2);
    assert_eq!((told_of(b, "held before a loss"), told_of(b, " waiting until")), (1, 1), "{:?}", b.notices());
}
