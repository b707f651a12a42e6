//! Logging in, and what a guesser learns.

use exchange::people;
use model::vocab::Role;

use crate::house::{PASSPHRASE, TestNode, at, code};

#[test]
fn a_wrong_passphrase_and_an_unknown_name_look_alike() {
    let mut node = TestNode::set_up();
    node.invite("omar", "invited", &[Role::Desk], 40);
    node.disable("omar", "ruben", 40).unwrap();
    let lines_before = node.trail().len();
    let cases = [
        ("rita", "a wrong passphrase"),
        ("nobody", "a wrong passphrase"),
        ("nobody", PASSPHRASE),
        ("invited", PASSPHRASE),
        ("ruben", PASSPHRASE),
        ("rita", ""),
        ("nobody", ""),
    ];
    let refusals: Vec<_> =
        cases.iter().map(|(name, passphrase)| node.login(name, passphrase, 41).unwrap_err()).collect();
    assert_eq!(refusals[0].code, "login_refused");
    assert!(refusals.iter().all(|refusal| *refusal == refusals[0]), "{refusals:#?}");
    assert_eq!(node.trail().len() - lines_before, cases.len(), "one line each");
    let huge = "x".repeat(100_000);
    assert_eq!(node.login("rita", &huge, 41).unwrap_err(), refusals[0]);
    assert_eq!(node.login("nobody", &huge, 41).unwrap_err(), refusals[0]);
}

#[test]
fn what_was_typed_as_a_name_is_not_written_down_if_it_is_none() {
    let node = TestNode::set_up();
    node.login("my_secret_passphrase", "rita", 41).unwrap_err();
    assert!(!node.whole_trail().contains("my_secret_passphrase"));
}

#[test]
fn a_name_waits_after_wrong_passphrases_ever_longer_and_nobody_else_does() {
    let node = TestNode::set_up();
    let wrong = |seconds: i64| node.login_at_second("rita", "a wrong passphrase", seconds).unwrap_err();
    let right = |seconds: i64| node.login_at_second("rita", PASSPHRASE, seconds).is_ok();
    for _ in 0..3 {
        wrong(10_000);
    }
    assert!(right(10_000), "three wrong ones cost nothing, and are forgotten");
    for _ in 0..4 {
        wrong(10_000);
    }
    assert!(!right(10_004), "the fourth costs five seconds");
    assert!(node.login_at_second("ruben", PASSPHRASE, 10_004).is_ok());
    wrong(10_005);
    assert!(!right(10_014), "the fifth ten");
    let mut now = 10_015;
    for _ in 0..20 {
        wrong(now);
        assert!(!right(now + 1));
        now += 900;
    }
    assert!(right(now), "never more than fifteen minutes");
}

#[test]
fn a_try_while_a_name_waits_counts_for_nothing() {
    let node = TestNode::set_up();
    for _ in 0..4 {
        node.login_at_second("rita", "a wrong passphrase", 10_000).unwrap_err();
    }
    for second in 10_000..10_005 {
        node.login_at_second("rita", "a wrong passphrase", second).unwrap_err();
    }
    assert!(node.login_at_second("rita", PASSPHRASE, 10_005).is_ok());
}

#[test]
fn a_clock_that_was_wrong_keeps_nobody_out() {
    let node = TestNode::set_up();
    let in_a_year = 365 * 24 * 3600;
    for _ in 0..9 {
        node.login_at_second("rita", "a wrong passphrase", in_a_year).unwrap_err();
    }
    assert!(node.login_at_second("rita", PASSPHRASE, 10_000).is_ok());
}

#[test]
fn a_person_logs_in_with_the_same_keys_after_a_restart_and_under_another_passphrase() {
    let mut node = TestNode::set_up();
    let (rita, before) = node.login("rita", PASSPHRASE, 41).unwrap();
    node.reopen();
    people::change_passphrase(&node.house, &rita, PASSPHRASE, "four other words here", at(42), &mut node.rng)
        .unwrap();
    assert_eq!(code(node.login("rita", PASSPHRASE, 43)), "login_refused");
    let (_, after) = node.login("rita", "four other words here", 43).unwrap();
    assert_eq!(before.verifier(), after.verifier());
    assert_eq!(before.recipient(), after.recipient());
    let refused =
        people::change_passphrase(&node.house, &rita, "not it, surely", PASSPHRASE, at(44), &mut node.rng);
    assert_eq!(code(refused), "login_refused");
}
