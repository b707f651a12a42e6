//! The ledger is a fold over two logs, equal on both sides, and nothing on the duty path reads it; what happens in one
//! domain changes nothing in another (I-21, I-22, I-23).

use exchange::answer::About;
use exchange::preview::Request;
use exchange::standing::Change;
use exchange::view::ledger::LedgerView;
use model::agreement::DomainTerms;
use model::file::WarningFile;
use model::state::DomainState;
use model::vocab::{Disposition, Domain, EventState, MatterKind, Purpose, RecallReason};
use testkit::{A, B, TestHouses, Weather, for_parcels, outcome, recipients, terms, warning};

#[test]
fn both_sides_count_the_same_favours_by_kind() {
    let houses = TestHouses::two();
    houses.a().warn(&warning(), &[B]);
    houses.settle_all();
    let b = houses.b();
    houses.advance(5);
    b.dispose("desk1", &b.newest(), Disposition::Accepted).unwrap();
    b.report("desk1", &b.newest(), outcome(EventState::NotOccurred)).unwrap();
    b.thank("liaison1", About::Release(b.newest())).unwrap();
    houses.settle_all();
    let ledger = both(&houses);
    let counts: Vec<_> = ledger.counts.iter().map(|c| (c.giver.as_str(), c.favour, c.count)).collect();
    assert_eq!(counts, [(A, "warning", 1), (B, "answer", 1), (B, "outcome", 1), (B, "thanks", 1)]);
    let warning = ledger.lines.iter().find(|l| l.favour == "warning").unwrap();
    assert_eq!(warning.disposed_after_s, Some(300), "by the receiver's clock alone");
    assert_eq!(warning.event.as_deref(), Some("not_occurred"));
}

#[test]
fn the_latency_is_the_receivers_own_whatever_the_clocks_say() {
    for skew in [-7200, 0, 7200] {
        let houses = TestHouses::of(&[A, B]);
        houses.b().skew(skew);
        houses.agree(A, B, &terms(A, B));
        houses.a().warn(&warning(), &[B]);
        houses.settle_all();
        houses.advance(5);
        houses.b().dispose("desk1", &houses.b().newest(), Disposition::Accepted).unwrap();
        houses.settle_all();
        let lines = both(&houses).lines;
        let warning = lines.iter().find(|l| l.favour == "warning").unwrap();
        assert_eq!(warning.disposed_after_s, Some(300), "{skew}");
    }
}

#[test]
fn updates_and_duplicates_do_not_count() {
    let houses = TestHouses::two();
    let sent = houses.a().warn(&warning(), &[B]);
    houses.carry_in(A, B, &mut for_parcels(Weather::Doubled)).unwrap();
    let mut file = warning();
    for how in ["fertiliser", "acid"] {
        file.how[0].text = how.to_owned();
        houses.a().update(sent.warning, &file, &[B]);
        houses.settle_all();
    }
    assert_eq!(houses.b().inbox().len(), 3);
    assert_eq!(both(&houses).lines.len(), 1);
}

#[test]
fn a_recalled_favour_shows_as_recalled_on_both_sides_or_is_taken_out_of_both() {
    for counts in [true, false] {
        let houses = TestHouses::two();
        let sent = houses.a().warn(&warning(), &[B]);
        houses.settle_all();
        houses.b().dispose("desk1", &houses.b().newest(), Disposition::Accepted).unwrap();
        houses.settle_all();
        let change = Change::Recall { reason: RecallReason::Undisclosed, counts };
        houses.a().change("release1", sent.warning, change).unwrap();
        houses.settle_all();
        let ledger = both(&houses);
        let shown: Vec<_> = ledger.lines.iter().map(|l| (l.favour, l.recalled)).collect();
        assert_eq!(shown, if counts { vec![("warning", true), ("answer", false)] } else { vec![] });
    }
}

#[test]
fn the_ledger_is_of_what_both_hold_and_grows_when_the_receipt_is_there() {
    let houses = TestHouses::two();
    houses.a().warn(&warning(), &[B]);
    assert!(houses.carry_in(A, B, &mut for_parcels(Weather::AnswerLost)).is_err());
    assert_eq!(houses.b().ledger(A).lines.len(), 1, "the receiver has cosigned it");
    assert!(houses.a().ledger(B).lines.is_empty(), "the giver has no receipt yet");
    houses.settle_all();
    both(&houses);
}

#[test]
fn nothing_is_added_up_across_kinds() {
    let houses = TestHouses::two();
    houses.a().warn(&warning(), &[B]);
    houses.settle_all();
    let shown = serde_json::to_string(&both(&houses)).unwrap();
    for word in ["balance", "score", "ratio", "total", "sum", "rank"] {
        assert!(!shown.contains(word), "{word}: {shown}");
    }
}

#[test]
fn no_history_of_favours_changes_what_is_offered_when_life_is_threatened() {
    type History = fn(&TestHouses);
    let histories: [(&str, History); 5] = [
        ("nothing ever passed", |_| {}),
        ("B gave and was never thanked", |houses| {
            for _ in 0..3 {
                houses.b().warn(&to_a(), &[A]);
            }
            houses.settle_all();
        }),
        ("A gave and B declined all of it", |houses| {
            for _ in 0..3 {
                houses.a().warn(&warning(), &[B]);
                houses.settle_all();
                houses.b().dispose("desk1", &houses.b().newest(), Disposition::Declined).unwrap();
                houses.settle_all();
            }
        }),
        ("A gave and took it back", |houses| {
            let sent = houses.a().warn(&warning(), &[B]);
            houses.settle_all();
            houses.a().recall(sent.warning);
            houses.settle_all();
        }),
        ("B never keeps its promises", |houses| {
            houses.b().undertake(A).unwrap();
            houses.settle_all();
        }),
    ];
    let mut offered = Vec::new();
    for (name, history) in histories {
        let houses = TestHouses::two();
        history(&houses);
        houses.clock().set(testkit::at(30));
        let looked = houses.a().apart("the warning that matters", |a| {
            let id = a.written(&warning());
            let shown = [false, true].map(|imminent_danger| {
                let request =
                    Request { recipients: recipients(&[B]), imminent_danger, overrides: Vec::new() };
                a.looked_at(id, request)
            });
            let due: Vec<_> = a.clocks().into_iter().filter(|c| c.about == id.to_string()).collect();
            (shown, due)
        });
        offered.push((name, looked));
    }
    for (name, looked) in &offered {
        assert_eq!(*looked, offered[0].1, "{name}");
    }
}

#[test]
fn what_happens_in_one_domain_changes_no_byte_and_no_clock_in_another() {
    type Change = fn(&TestHouses);
    let changes: [(&str, Change); 6] = [
        ("nothing", |_| {}),
        ("cyber ended by A", |houses| stance(houses, A, Domain::Cyber, &[DomainState::Terminated])),
        ("cyber suspended by B", |houses| stance(houses, B, Domain::Cyber, &[DomainState::Suspended])),
        ("elections resumed and suspended", |houses| {
            let steps =
                [DomainState::Resuming, DomainState::Suspended, DomainState::Resuming, DomainState::Active];
            stance(houses, A, Domain::Elections, &steps);
            stance(houses, B, Domain::Elections, &steps[..3]);
        }),
        ("persons assessed in cyber", |houses| {
            let a = houses.a();
            let assessed = exchange::risk::Assessed {
                basis: "visits".to_owned(),
                assurances: Vec::new(),
                review_date: "2027-06-01".parse().unwrap(),
            };
            exchange::risk::assess(
                &a.house(),
                &a.caller("release1"),
                b_name(),
                Domain::Cyber,
                assessed,
                a.now(),
            )
            .unwrap();
        }),
        ("a warning of B's in cyber, declined and thanked for", |houses| {
            let file = WarningFile { domain: Domain::Cyber, kind: MatterKind::Indicator, ..to_a() };
            houses.b().warn(&file, &[A]);
            houses.settle_all();
            houses.a().dispose("desk1", &houses.a().newest(), Disposition::Declined).unwrap();
            houses.a().thank("liaison1", About::Release(houses.a().newest())).unwrap();
            houses.settle_all();
        }),
    ];
    let mut offered = Vec::new();
    for (name, change) in changes {
        let houses = TestHouses::two_with(with_cyber_open());
        change(&houses);
        houses.clock().set(testkit::at(30));
        let looked = houses.a().apart("the other domain", |a| {
            let id = a.written(&warning());
            let request =
                Request { recipients: recipients(&[B]), imminent_danger: false, overrides: Vec::new() };
            let shown = a.looked_at(id, request);
            let due: Vec<_> = a.clocks().into_iter().filter(|c| c.about == id.to_string()).collect();
            (shown, due, a.domain(B, Domain::CounterTerrorism))
        });
        offered.push((name, looked));
    }
    for (name, looked) in &offered {
        assert_eq!(*looked, offered[0].1, "{name}");
    }
}

#[test]
fn a_domain_that_is_resuming_lets_the_pilot_scope_through_and_nothing_else() {
    let houses = TestHouses::two();
    let a = houses.a();
    for (kind, goes) in [(MatterKind::Indicator, true), (MatterKind::MalwareReport, false)] {
        let mut file = WarningFile { domain: Domain::Cyber, kind, ..warning() };
        file.harm = [model::vocab::HarmKind::Intrusion].into();
        let request = Request { recipients: recipients(&[B]), imminent_danger: false, overrides: Vec::new() };
        let looked = a.looked_at(a.written(&file), request);
        let held = looked.columns[0].held.clone().unwrap_or_default();
        assert_eq!(looked.proposal.is_some(), goes, "{kind}: {held}");
        assert_eq!(held.contains("outside pilot scope"), !goes, "{held}");
    }
}

/// Both ledgers, which must be one.
fn both(houses: &TestHouses) -> LedgerView {
    let (a, b) = (houses.a().ledger(B), houses.b().ledger(A));
    assert_eq!(a, b);
    a
}

fn b_name() -> &'static model::id::PartyName {
    static NAME: std::sync::OnceLock<model::id::PartyName> = std::sync::OnceLock::new();
    NAME.get_or_init(|| testkit::party(B))
}

fn stance(houses: &TestHouses, who: &str, domain: Domain, steps: &[DomainState]) {
    let other = if who == A { B } else { A };
    for state in steps {
        houses.at(who).take_stance(other, domain, *state).unwrap();
        houses.settle_all();
    }
}

fn with_cyber_open() -> model::agreement::Terms {
    let mut terms = terms(A, B);
    let open = DomainTerms {
        state: model::agreement::OpeningState::Active,
        purposes: [Purpose::PreventHarm].into(),
        ..terms.domains[&Domain::Cyber].clone()
    };
    terms.domains.insert(Domain::Cyber, open);
    terms
}

/// A warning of B's for A.
fn to_a() -> WarningFile {
    let mut file = warning();
    file.protectors = [A.to_owned()].into();
    file.what.remove(0);
    file.giver.remove(0);
    file
}
