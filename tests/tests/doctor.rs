//! What is wrong with a node is found and named, each with the next act.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

use exchange::view::status::{self, Finding, Severity};
use model::state::DomainState;
use model::vocab::Domain;
use testkit::{A, B, ByHand, C, EntryOf, TestHouse, TestHouses, party, terms, warning};
use tlog::channel::Use;

fn findings(house: &TestHouse) -> Vec<Finding> {
    status::doctor(&house.house(), &house.caller("desk1"), house.now()).unwrap()
}

/// The finding whose fact says this.
fn found(house: &TestHouse, fact: &str) -> Finding {
    let all = findings(house);
    let one = all.iter().find(|f| f.fact.contains(fact)).unwrap_or_else(|| panic!("{fact}: {all:#?}"));
    assert!(!one.hint.is_empty());
    one.clone()
}

fn finds(house: &TestHouse, fact: &str) -> bool {
    findings(house).iter().any(|f| f.fact.contains(fact))
}

#[test]
fn an_agreement_that_ends_soon_is_named_and_one_that_has_ended_more_loudly() {
    let mut agreed = terms(A, B);
    let begun = TestHouses::of(&[A]).a().now();
    agreed.until = Some(begun + jiff::SignedDuration::from_hours(24 * 40));
    let houses = TestHouses::two_with(agreed);
    let a = houses.a();
    assert!(!finds(a, "the agreement with"));
    houses.advance(60 * 24 * 15);
    assert_eq!(found(a, "ends soon").severity, Severity::Warning);
    houses.advance(60 * 24 * 30);
    let ended = found(a, "has ended");
    assert!(ended.severity == Severity::Fault && ended.fact.contains(B), "{ended:?}");
}

#[test]
fn a_partner_that_is_silent_for_a_day_is_named() {
    let houses = TestHouses::two();
    houses.a().warn(&warning(), &[B]);
    houses.settle_all();
    assert!(!finds(houses.a(), "was not heard of"));
    houses.advance(60 * 25);
    assert!(found(houses.a(), "was not heard of").detail.unwrap().starts_with("last at "));
}

#[test]
fn how_long_a_partner_may_be_silent_is_set_for_all_and_for_single_ones() {
    let houses = TestHouses::two();
    let a = houses.a();
    a.warn(&warning(), &[B]);
    houses.settle_all();
    let silence = a.house().settings.silence.clone();
    silence.set(30, std::collections::BTreeMap::new());
    houses.advance(31);
    assert!(found(a, "was not heard of").fact.ends_with("30 min"));
    let silent = status::status(&a.house(), &a.caller("desk1"), a.now()).unwrap().silent;
    assert!(silent[0].partner == B && silent[0].minutes == 30, "{silent:?}");
    let figures = exchange::view::figures::figures(&a.house(), a.now()).unwrap();
    assert!(figures.partners[0].is_silent && figures.partners[0].silence_seconds == 1_800);
    silence.set(30, [(party(B), 120)].into());
    assert!(!finds(a, "was not heard of"));
    assert!(status::status(&a.house(), &a.caller("desk1"), a.now()).unwrap().silent.is_empty());
    houses.advance(90);
    assert!(found(a, "was not heard of").fact.ends_with("2 h"));
    silence.set(30, [(party(C), 120)].into());
    assert!(found(a, "who is no partner").detail.unwrap().contains(C));
}

#[test]
fn what_was_stopped_before_it_left_is_named_for_a_week() {
    let houses = TestHouses::two();
    let a = houses.a();
    a.warn(&warning(), &[B]);
    houses.b().take_stance(A, Domain::CounterTerrorism, DomainState::Suspended).unwrap();
    houses.carry(B, A).unwrap();
    houses.settle_all();
    assert!(found(a, "were stopped before they left").fact.starts_with(&format!("1 entries to {B}")));
    houses.advance(60 * 24 * 8);
    assert!(!finds(a, "were stopped before they left"));
}

#[test]
fn trouble_with_a_delivery_comes_with_the_act_that_fits_it() {
    let houses = TestHouses::two();
    let a = houses.a();
    for (trouble, hint) in [
        ("the partner speaks peer protocol v9, and this node v1: one of the two must be updated", "versions"),
        ("its clock and ours are 900 s apart", "third one"),
        ("connection refused", "tries again"),
    ] {
        exchange::partner::note_trouble(&a.house(), &party(B), Some(trouble), a.now()).unwrap();
        let found = found(a, "is in trouble");
        assert_eq!(found.detail.as_deref(), Some(trouble));
        assert!(found.hint.contains(hint), "{found:?}");
    }
}

#[test]
fn a_log_that_is_recovering_is_named() {
    let houses = TestHouses::two();
    houses.a().sql("node.db", "UPDATE channels SET recovering = 1 WHERE side = 'ours'");
    assert_eq!(found(houses.a(), "is recovering").severity, Severity::Fault);
    houses.leave_broken();
}

#[test]
fn a_clock_is_compared_with_what_partners_wrote() {
    let houses = TestHouses::of(&[A]);
    let a = houses.a();
    a.skew(-900);
    // The partners' clocks are a quarter of an hour before ours.
    let log = |name: &str| {
        a.skew(0);
        let mut log = ByHand::with(a, name, Use::Actual).opened();
        log.push(EntryOf::kind("cover", ""));
        a.skew(-900);
        log
    };
    log(B).delivers(a, 0);
    let one = found(a, "are apart");
    assert_eq!(one.severity, Severity::Warning, "one partner's clock may be the wrong one");
    log(C).delivers(a, 0);
    let both = found(a, "the clock of this node is wrong");
    assert_eq!(both.severity, Severity::Fault);
    assert!(both.detail.as_ref().unwrap().contains("900 s before ours"), "{both:?}");
}

#[test]
fn a_damaged_database_hides_nothing_of_what_else_is_wrong() {
    let houses = TestHouses::two();
    let a = houses.a();
    houses.advance(60 * 25);
    a.sql("node.db", "DROP TABLE audit; UPDATE partners SET trouble = 'connection refused'");
    let trail = found(a, "the audit trail cannot be looked at");
    assert_eq!(trail.severity, Severity::Fault);
    assert!(finds(a, "is in trouble"));
    houses.leave_broken();
}
