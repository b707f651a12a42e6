//! What comes back: an outcome answers a release or says that it does not, zero is not silence, persons sum up
//! (I-19, I-20, I-30).

use exchange::answer::About;
use exchange::view::show::AnswerView;
use model::body::{CountedClaim, Outcome, SubjectGroup, SubjectTally};
use model::vocab::{
    Contribution, CountBasis, Determination, Disposition, Domain, EventState, SubjectStatus, Usefulness,
};
use testkit::{A, B, ByHand, C, EntryOf, TestHouses, code, outcome, party, warning};
use tlog::channel::Use;

#[test]
fn an_outcome_answers_a_release_that_its_author_received() {
    let houses = TestHouses::two();
    let sent = houses.a().warn(&warning(), &[B]);
    houses.settle_all();
    let (a, b) = (houses.a(), houses.b());
    b.report("desk1", &b.newest(), helped()).unwrap();
    houses.settle_all();
    let line = &a.sent()[0];
    assert_eq!((line.outcome, line.usefulness), (Some(EventState::NotOccurred), Some(Usefulness::High)));

    let own = line.entry.clone();
    assert_eq!(code(a.report("desk1", &own, helped())), "not_incoming", "its giver cannot report on it");
    let agreement = format!("{}/1", own.split_once('/').unwrap().0);
    assert_eq!(code(b.report("desk1", &agreement, helped())), "not_incoming", "nor is everything a warning");
    assert_eq!(code(b.report("desk1", &sent.warning.to_string(), helped())), "unknown_entry");
}

#[test]
fn an_outcome_without_a_warning_is_refused_unless_it_is_marked_unsolicited() {
    let houses = TestHouses::two();
    houses.a().warn(&warning(), &[B]);
    houses.settle_all();
    let b = houses.b();
    let unsolicited =
        Outcome { unsolicited: true, domain: Some(Domain::Cyber), ..outcome(EventState::Occurred) };
    let to_a = || About::Unsolicited(party(A));
    assert_eq!(code(b.report_about("desk1", to_a(), outcome(EventState::Occurred))), "bad_outcome");
    let without_domain = Outcome { domain: None, ..unsolicited.clone() };
    assert_eq!(code(b.report_about("desk1", to_a(), without_domain)), "bad_outcome");
    assert_eq!(code(b.report("desk1", &b.newest(), unsolicited.clone())), "bad_outcome", "one or the other");
    b.report_about("desk1", to_a(), unsolicited).unwrap();
    houses.settle_all();
    let lines: Vec<_> = houses.a().ledger(B).lines.into_iter().filter(|l| l.favour == "outcome").collect();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0].domain.as_deref(), Some("cyber"));
}

#[test]
fn an_outcome_that_answers_nothing_counts_for_nothing() {
    let houses = TestHouses::of(&[A]);
    let mut partner = ByHand::with(houses.a(), B, Use::Actual).opened();
    let body = serde_json::to_vec(&helped()).unwrap();
    partner.push(EntryOf::kind("outcome.reported", body.clone()));
    let origin = partner.origin();
    partner.push(EntryOf::kind("outcome.reported", body).answering(origin, 0));
    partner.delivers(houses.a(), 0);
    assert!(houses.a().ledger(B).lines.is_empty(), "it is held and receipted, and means nothing");
}

#[test]
fn what_was_not_said_is_not_zero_and_zero_is_said() {
    let houses = TestHouses::two();
    houses.a().warn(&warning(), &[B]);
    houses.settle_all();
    let (a, b) = (houses.a(), houses.b());
    let entry = b.newest();
    b.report("desk1", &entry, outcome(EventState::NotOccurred)).unwrap();
    b.report("desk1", &entry, lives_lost(0)).unwrap();
    houses.settle_all();
    let said: Vec<Outcome> = a
        .entry(&a.sent()[0].entry)
        .answers
        .into_iter()
        .filter_map(|x| if let AnswerView::Outcome { said, .. } = x { Some(*said) } else { None })
        .collect();
    assert!(said[0].counts.is_empty() && said[0].subjects.is_none());
    assert_eq!(said[1].counts[0].value, 0);
    let [silent, zero] = [0, 1].map(|n| outcome_body(&houses, n));
    assert!(!silent.contains("lives_lost") && !silent.contains('0'), "{silent}");
    assert!(zero.contains("\"value\":0"), "{zero}");
}

#[test]
fn a_measure_counted_twice_is_refused() {
    let houses = TestHouses::two();
    houses.a().warn(&warning(), &[B]);
    houses.settle_all();
    let mut twice = lives_lost(0);
    twice.counts.extend(lives_lost(3).counts);
    assert_eq!(code(houses.b().report("desk1", &houses.b().newest(), twice)), "bad_outcome");
}

#[test]
fn the_persons_over_all_statuses_are_as_many_as_were_declared() {
    let houses = TestHouses::two();
    houses.a().warn(&warning(), &[B]);
    houses.settle_all();
    let b = houses.b();
    let with = |unknown| Outcome { subjects: Some(tally(unknown)), ..outcome(EventState::NotOccurred) };
    assert_eq!(code(b.report("desk1", &b.newest(), with(1))), "bad_outcome");
    assert_eq!(code(b.report("desk1", &b.newest(), with(3))), "bad_outcome");
    b.report("desk1", &b.newest(), with(2)).unwrap();
    houses.settle_all();

    let mut partner = ByHand::with(houses.a(), C, Use::Actual).opened();
    let wrong = Outcome { unsolicited: true, domain: Some(Domain::Cyber), ..with(1) };
    partner.push(EntryOf::kind("outcome.reported", serde_json::to_vec(&wrong).unwrap()));
    partner.delivers(houses.a(), 0);
    assert!(
        houses.a().ledger(C).lines.is_empty(),
        "a partner's tally that does not sum up is not understood"
    );
}

#[test]
fn the_four_facts_of_a_release_move_each_by_itself() {
    let houses = TestHouses::two();
    houses.a().warn(&warning(), &[B]);
    let (a, b) = (houses.a(), houses.b());
    assert!(a.sent().is_empty());
    houses.settle_all();
    let fact = || {
        let line = &a.sent()[0];
        (line.held_at.is_some(), line.read_at.is_some(), line.disposition, line.outcome)
    };
    assert_eq!(fact(), (true, false, None, None));
    b.read("liaison1", &b.newest()).unwrap();
    b.read("desk1", &b.newest()).unwrap();
    houses.settle_all();
    assert_eq!(fact(), (true, true, None, None));
    b.dispose("desk1", &b.newest(), Disposition::NeedsMore).unwrap();
    houses.settle_all();
    assert_eq!(fact(), (true, true, Some(Disposition::NeedsMore), None));
    b.dispose("desk1", &b.newest(), Disposition::Accepted).unwrap();
    b.report("desk1", &b.newest(), helped()).unwrap();
    houses.settle_all();
    assert_eq!(fact(), (true, true, Some(Disposition::Accepted), Some(EventState::NotOccurred)));
    let reads = houses.a().relation(B);
    let release = reads.releases().next().unwrap();
    assert_eq!(release.disposed.len(), 2, "a further disposition follows the earlier one");
}

#[test]
fn thanks_are_passed_on_and_the_giver_of_thanks_hears_by_which_role() {
    let houses = TestHouses::two();
    houses.a().warn(&warning(), &[B]);
    houses.settle_all();
    let (a, b) = (houses.a(), houses.b());
    b.thank("liaison1", About::Release(b.newest())).unwrap();
    houses.settle_all();
    let thanks = a.relation(B).thanks().map(|(at, _, _)| at.to_string()).next().unwrap();
    assert_eq!(code(a.relay("liaison1", &a.sent()[0].entry)), "not_incoming");
    a.relay("liaison1", &thanks).unwrap();
    houses.settle_all();
    assert!(b.relation(A).thanks().all(|(_, _, relayed)| relayed));
}

/// AS-5: blocked, no lives lost, decisive.
fn helped() -> Outcome {
    Outcome {
        determination: Some(Determination::Blocked),
        contribution: Some(Contribution::Decisive),
        usefulness: Some(Usefulness::High),
        ..lives_lost(0)
    }
}

fn lives_lost(value: u64) -> Outcome {
    let claim = CountedClaim {
        measure: "lives_lost".to_owned(),
        value,
        basis: CountBasis::Exact,
        counter: B.to_owned(),
        period: None,
    };
    Outcome { counts: vec![claim], ..outcome(EventState::NotOccurred) }
}

fn tally(unknown: u32) -> SubjectTally {
    let group = |status, number| SubjectGroup { status, number, as_of: None, until: None, asserted_by: None };
    SubjectTally {
        declared: 7,
        counter: B.to_owned(),
        groups: vec![
            group(SubjectStatus::Remanded, 3),
            group(SubjectStatus::Remanded, 2),
            group(SubjectStatus::Unknown, unknown),
        ],
    }
}

/// The body of the n-th outcome in B's log, as A holds it.
fn outcome_body(houses: &TestHouses, n: usize) -> String {
    let a = houses.a();
    let at = a.relation(B).outcomes().map(|(at, _)| at.to_string()).nth(n).unwrap();
    String::from_utf8(a.body(&at).unwrap()).unwrap()
}
