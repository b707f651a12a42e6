//! An exercise stays one: in channels of its own, marked in every copy, never counted (I-17).

use model::body::DomainChange;
use model::file::WarningFile;
use model::state::DomainState;
use model::vocab::{Disposition, Domain, EventState, Status};
use testkit::{A, B, ByHand, C, EntryOf, TestHouses, code, outcome, terms, warning};
use tlog::channel::Use;

#[test]
fn an_exercise_travels_in_a_channel_of_its_own_and_says_what_it_is() {
    let houses = TestHouses::two();
    let before = sizes(&houses);
    houses.a().warn(&exercise(), &[B]);
    houses.settle_all();
    assert_eq!(sizes(&houses), before, "nothing was added to the actual logs");
    let line = &houses.b().inbox()[0];
    assert_eq!(line.status, Status::Exercise);
    let entry = houses.b().entry(&line.entry);
    assert_eq!(entry.channel_use, "exercise");
    assert_eq!(entry.warning.unwrap().header.status, Status::Exercise);
    let text = String::from_utf8(houses.b().body(&line.entry).unwrap()).unwrap();
    assert!(text.to_lowercase().matches("exercise").count() > 1, "a reader of the text sees it too: {text}");
    assert!(houses.b().notices().iter().any(|n| n.starts_with("EXERCISE ")), "{:?}", houses.b().notices());
}

#[test]
fn answers_to_an_exercise_stay_in_the_exercise() {
    let houses = TestHouses::two();
    let before = sizes(&houses);
    houses.a().warn(&exercise(), &[B]);
    houses.settle_all();
    let b = houses.b();
    b.dispose("desk1", &b.newest(), Disposition::Accepted).unwrap();
    b.report("desk1", &b.newest(), outcome(EventState::NotOccurred)).unwrap();
    houses.settle_all();
    assert_eq!(sizes(&houses), before);
    assert_eq!(houses.a().sent()[0].disposition, Some(Disposition::Accepted));
}

#[test]
fn an_exercise_never_enters_the_ledger() {
    let houses = TestHouses::two();
    houses.a().warn(&exercise(), &[B]);
    houses.settle_all();
    let b = houses.b();
    b.dispose("desk1", &b.newest(), Disposition::Accepted).unwrap();
    b.report("desk1", &b.newest(), outcome(EventState::NotOccurred)).unwrap();
    b.thank("liaison1", exchange::answer::About::Release(b.newest())).unwrap();
    houses.settle_all();
    for (house, with) in [(houses.a(), B), (houses.b(), A)] {
        let ledger = house.ledger(with);
        assert!(ledger.lines.is_empty() && ledger.counts.is_empty(), "{ledger:?}");
    }
}

#[test]
fn the_status_of_a_warning_cannot_be_changed() {
    let houses = TestHouses::two();
    let a = houses.a();
    for (first, second) in [(warning(), exercise()), (exercise(), warning())] {
        let id = a.written(&first);
        assert_eq!(code(a.rewrite("desk1", id, &second)), "status_is_fixed");
        assert_eq!(WarningFile::parse(&a.row(id).file).unwrap().status, first.status);
    }
}

#[test]
fn a_body_that_calls_itself_actual_is_an_exercise_in_an_exercise_channel() {
    let houses = TestHouses::two();
    houses.a().warn(&warning(), &[B]);
    houses.settle_all();
    let actual = houses.b().body(&houses.b().newest()).unwrap();
    let mut forger = ByHand::with(houses.b(), C, Use::Exercise).opened();
    forger.push(EntryOf::kind("warning.released", actual));
    forger.delivers(houses.b(), 0);
    let line = houses.b().inbox().into_iter().find(|l| l.partner == C).unwrap();
    assert_eq!(line.status, Status::Exercise);
}

#[test]
fn an_exercise_body_in_an_actual_channel_counts_for_nothing() {
    let houses = TestHouses::two();
    houses.a().warn(&exercise(), &[B]);
    houses.settle_all();
    let drill = houses.b().body(&houses.b().newest()).unwrap();
    let mut forger = ByHand::with(houses.b(), C, Use::Actual).opened();
    forger.push(EntryOf::kind("warning.released", drill));
    forger.delivers(houses.b(), 0);
    let line = houses.b().inbox().into_iter().find(|l| l.partner == C).unwrap();
    assert_eq!(line.status, Status::Exercise);
    assert!(houses.b().ledger(C).lines.is_empty());
}

#[test]
fn what_is_agreed_or_suspended_in_an_exercise_changes_nothing_actual() {
    let houses = TestHouses::of(&[A]);
    let a = houses.a();
    let mut partner = ByHand::with(a, B, Use::Actual).opened();
    let agreed = terms(A, B);
    partner.push(EntryOf::kind("agreement.proposed", agreed.text()));
    partner.delivers(a, 0);
    let hash = model::id::Digest::of(agreed.text().as_bytes());
    a.accept(B, &hash).unwrap();
    partner.takes(a);
    assert_eq!(a.domain(B, Domain::CounterTerrorism), Some(DomainState::Active));

    let mut drill = ByHand::with(a, B, Use::Exercise).opened();
    let change = DomainChange {
        agreement: hash.to_string(),
        domain: Domain::CounterTerrorism,
        state: DomainState::Suspended,
        pilot_scope: Default::default(),
        note: None,
    };
    drill.push(EntryOf::kind("domain.changed", serde_json::to_vec(&change).unwrap()));
    let mut looser = terms(A, B);
    looser.replaces = Some(hash.to_string());
    drill.push(EntryOf::kind("agreement.proposed", looser.text()));
    drill.delivers(a, 0);
    assert_eq!(a.domain(B, Domain::CounterTerrorism), Some(DomainState::Active));
    assert_eq!(a.relation(B).agreements().len(), 1);
}

fn exercise() -> WarningFile {
    WarningFile { status: Status::Exercise, ..warning() }
}

/// The sizes of the actual logs, as A sees them.
fn sizes(houses: &TestHouses) -> Vec<u64> {
    let channels = houses.a().store().view(|view| view.channels()).unwrap();
    channels.into_iter().filter(|c| c.use_ == Use::Actual).map(|c| c.size()).collect()
}
