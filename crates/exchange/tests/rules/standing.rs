//! Lapsed, cancelled and recalled are three different things to the receiver (I-18).

use exchange::standing::Change;
use model::vocab::{Disposition, RecallReason};
use testkit::{B, TestHouses, code, warning};

#[test]
fn the_receiver_tells_the_three_ends_apart_and_none_is_shown_as_active() {
    let houses = TestHouses::two();
    let ends: [(&str, Option<Change>); 4] = [
        ("active", None),
        ("lapsed", Some(Change::Lapse)),
        ("cancelled", Some(Change::Cancel)),
        ("recalled", Some(Change::Recall { reason: RecallReason::Undisclosed, counts: true })),
    ];
    for (word, change) in ends {
        let sent = houses.a().warn(&warning(), &[B]);
        houses.settle_all();
        if let Some(change) = change {
            houses.a().change("release1", sent.warning, change).unwrap();
        }
        houses.settle_all();
        assert_eq!(houses.b().inbox()[0].standing, word);
        assert_eq!(houses.a().sent()[0].standing, word, "the giver sees the same");
        houses.advance(1);
    }
    assert_eq!(houses.b().inbox().len(), 4, "none is deleted");
}

#[test]
fn the_strongest_end_holds_whatever_came_after_it() {
    let houses = TestHouses::two();
    let sent = houses.a().warn(&warning(), &[B]);
    houses.settle_all();
    houses.a().lapse(sent.warning);
    houses.settle_all();
    assert_eq!(houses.b().inbox()[0].standing, "lapsed");
    houses.a().cancel(sent.warning);
    houses.settle_all();
    assert_eq!(houses.b().inbox()[0].standing, "cancelled");
    houses.a().recall(sent.warning);
    houses.settle_all();
    assert_eq!(houses.b().inbox()[0].standing, "recalled");
    assert_eq!(code(houses.a().change("release1", sent.warning, Change::Cancel)), "wrong_step");
}

#[test]
fn the_end_of_a_warning_is_the_end_of_all_its_updates() {
    let houses = TestHouses::two();
    let sent = houses.a().warn(&warning(), &[B]);
    houses.settle_all();
    let mut file = warning();
    file.how[0].text = "fertiliser".to_owned();
    houses.a().update(sent.warning, &file, &[B]);
    houses.settle_all();
    houses.a().recall(sent.warning);
    houses.settle_all();
    let standings: Vec<_> = houses.b().inbox().iter().map(|l| l.standing).collect();
    assert_eq!(standings, ["recalled", "recalled"]);
}

#[test]
fn nobody_answers_what_was_recalled_and_everybody_may_answer_what_has_lapsed() {
    let houses = TestHouses::two();
    for (recalled, expected) in [(true, "recalled"), (false, "done")] {
        let sent = houses.a().warn(&warning(), &[B]);
        houses.settle_all();
        let _ = if recalled { houses.a().recall(sent.warning) } else { houses.a().lapse(sent.warning) };
        houses.settle_all();
        let b = houses.b();
        assert_eq!(code(b.dispose("desk1", &b.newest(), Disposition::Accepted)), expected);
        houses.advance(1);
        houses.settle_all();
    }
}

#[test]
fn what_ended_runs_no_clock_and_is_never_overdue() {
    let houses = TestHouses::two();
    let sent = houses.a().warn(&warning(), &[B]);
    houses.settle_all();
    assert_eq!((houses.a().clocks().len(), houses.b().clocks().len()), (1, 1));
    houses.a().cancel(sent.warning);
    houses.settle_all();
    assert_eq!((houses.a().clocks().len(), houses.b().clocks().len()), (0, 0));
    houses.advance(60 * 24 * 100);
    assert!(!houses.b().inbox()[0].overdue);
}

#[test]
fn only_the_giver_ends_a_warning() {
    let houses = TestHouses::two();
    let sent = houses.a().warn(&warning(), &[B]);
    houses.settle_all();
    assert_eq!(code(houses.b().change("release1", sent.warning, Change::Cancel)), "unknown_warning");
    for person in ["desk1", "liaison1", "operator1", "oversight1"] {
        let tried = houses.a().change(person, sent.warning, Change::Cancel);
        assert_eq!(code(tried), "not_authorised", "{person}");
    }
}
