//! Clocks: decided in time or escalated, whatever the node's clock does (I-15, I-16).

use exchange::clocks::Awaited;
use exchange::duty::Findings;
use exchange::preview::Request;
use model::id::WarningId;
use model::state::{ProposalState, WarningState};
use model::vocab::{Disposition, Precedence, WaiverReason};
use testkit::{A, B, Clock, TestHouse, TestHouses, at, code, recipients, warning};

/// A duty is to be decided within so many minutes.
const DUTY: i64 = 60;

#[test]
fn a_duty_is_decided_before_its_deadline_or_an_escalation_exists_at_it() {
    for decided_after in [None, Some(0), Some(DUTY - 1), Some(DUTY), Some(DUTY + 30)] {
        let a = alone();
        let id = a.written(&warning());
        let mut decided = false;
        for minute in 0..=DUTY + 40 {
            if decided_after == Some(minute) {
                a.waive("release1", id, WaiverReason::AlreadyWarned, "by another service").unwrap();
                decided = true;
            }
            let fired = a.tick().fired;
            let expected = usize::from(!decided && minute == DUTY);
            assert_eq!(fired, expected, "decided after {decided_after:?}, minute {minute}");
            pass(&a, 60);
        }
        let in_time = decided_after.is_some_and(|minute| minute <= DUTY);
        assert_eq!(escalations(&a), usize::from(!in_time), "decided after {decided_after:?}");
    }
}

#[test]
fn the_duty_arises_from_a_threat_to_life_that_is_credible_specific_and_impending() {
    let a = alone();
    for (found, arises) in [
        (Findings { credible: true, specific: true, impending: true }, true),
        (Findings { credible: false, specific: true, impending: true }, false),
        (Findings { credible: true, specific: false, impending: true }, false),
        (Findings { credible: true, specific: true, impending: false }, false),
    ] {
        let id = a.write("desk1", &warning()).unwrap().warning.parse().unwrap();
        assert_eq!(a.assess("desk1", id, found).unwrap().is_some(), arises, "{found:?}");
    }
    let mut fraud = warning();
    fraud.harm = [model::vocab::HarmKind::Fraud].into();
    let id = a.write("desk1", &fraud).unwrap().warning.parse().unwrap();
    assert_eq!(a.assess("desk1", id, FOUND).unwrap(), None);
}

#[test]
fn the_clock_runs_from_when_the_desk_had_it_and_not_from_when_somebody_wrote_it() {
    let a = alone();
    let mut file = warning();
    file.aware_at = Some(at(-30));
    let id = a.written(&file);
    assert_eq!(duty_due(&a, id), at(-30 + DUTY));
    file.aware_at = Some(at(10));
    assert_eq!(code(a.write("desk1", &file)), "bad_warning", "nobody knows what comes");
    a.rewrite("desk1", id, &warning()).unwrap();
    assert_eq!(duty_due(&a, id), at(-30 + DUTY), "writing it anew wins no time");
}

#[test]
fn no_restart_loses_a_clock_and_none_fires_twice() {
    let a = alone();
    a.written(&warning());
    for minute in 0..DUTY + 10 {
        a.restart();
        assert_eq!(a.tick().fired, usize::from(minute == DUTY), "minute {minute}");
        pass(&a, 60);
    }
    a.restart();
    assert_eq!(escalations(&a), 1);
}

#[test]
fn what_ran_out_while_the_node_was_down_fires_when_it_is_up() {
    let a = alone();
    a.written(&warning());
    a.tick();
    a.restart();
    pass(&a, 60 * (DUTY + 200));
    assert_eq!(a.tick().fired, 1);
}

#[test]
fn a_clock_that_runs_back_unfires_nothing_and_is_shown() {
    let a = alone();
    a.written(&warning());
    pass(&a, 60 * DUTY);
    a.confirm_clock();
    assert_eq!(a.tick().fired, 1);
    assert_eq!(a.unsure(), None);
    pass(&a, -60 * 30);
    assert_eq!(a.tick().fired, 0);
    assert_eq!(escalations(&a), 1, "it stays fired");
    assert!(a.unsure().is_some_and(|words| words.contains("behind")), "{:?}", a.unsure());
    for _ in 0..40 {
        pass(&a, 60);
        assert_eq!(a.tick().fired, 0, "and does not fire again on the way forward");
    }
    assert!(a.unsure().is_some(), "it stays shown until somebody has looked");
    a.confirm_clock();
    assert_eq!(a.unsure(), None);
}

#[test]
fn a_jump_forward_fires_escalations_and_lets_nothing_expire_until_the_clock_is_confirmed() {
    let houses = TestHouses::two();
    let a = houses.a();
    a.written(&warning());
    let proposal = a.proposed(a.written(&warning()), &[B]);
    a.tick();
    houses.advance(60 * 24);
    let ticked = a.tick();
    assert_eq!((ticked.fired, ticked.unsure), (2, true));
    assert_eq!(a.proposal_row(proposal.id).state, ProposalState::Proposed);
    a.tick();
    a.restart();
    a.tick();
    assert_eq!(a.proposal_row(proposal.id).state, ProposalState::Proposed, "however often it looks");
    a.confirm_clock();
    assert!(!a.tick().unsure);
    assert_eq!(a.proposal_row(proposal.id).state, ProposalState::Expired);
}

#[test]
fn only_an_operator_confirms_the_clock() {
    let a = alone();
    a.tick();
    pass(&a, 60 * 60);
    a.tick();
    for person in ["desk1", "release1", "liaison1", "oversight1"] {
        let tried = exchange::clocks::confirm(&a.house(), &a.caller(person), a.now());
        assert_eq!(code(tried), "not_authorised", "{person}");
    }
    assert!(a.unsure().is_some());
}

#[test]
fn a_step_of_five_minutes_is_no_jump() {
    let a = alone();
    for step in [60, 300, 299, -2, 300, 0, 300] {
        a.tick();
        pass(&a, step);
    }
    assert!(!a.tick().unsure, "{:?}", a.unsure());
    pass(&a, 301);
    assert!(a.tick().unsure);
}

#[test]
fn a_partners_clock_moves_none_of_our_deadlines() {
    for skew in [-86_400, 0, 86_400] {
        let houses = TestHouses::two();
        houses.b().skew(skew);
        let sent = houses.a().warn(&warning(), &[B]);
        houses.settle_all();
        let ours = houses.a().clocks();
        assert_eq!(ours.len(), 1);
        assert_eq!((ours[0].awaited, ours[0].due), (Awaited::TheirAcknowledgement, at(60)), "{skew}");
        let theirs = houses.b().clocks();
        let due = houses.b().now() + jiff::SignedDuration::from_mins(60);
        assert_eq!((theirs[0].awaited, theirs[0].due), (Awaited::OurAcknowledgement, due), "{skew}");
        houses.b().dispose("desk1", &houses.b().newest(), Disposition::Accepted).unwrap();
        houses.settle_all();
        assert_eq!(houses.a().clocks()[0].awaited, Awaited::TheirOutcome);
        assert_eq!(houses.a().row(sent.warning).state, WarningState::Active);
    }
}

#[test]
fn an_acknowledgement_is_asked_for_as_fast_as_the_precedence_stated() {
    for (precedence, minutes) in [
        (Precedence::Flash, 15),
        (Precedence::Immediate, 60),
        (Precedence::Priority, 480),
        (Precedence::Routine, 4320),
    ] {
        let houses = TestHouses::two();
        let a = houses.a();
        let mut stated = recipients(&[B]);
        stated[0].precedence = precedence;
        let request = Request { recipients: stated, imminent_danger: false, overrides: Vec::new() };
        a.approved_and_released(a.proposed_with(a.written(&warning()), request));
        houses.settle_all();
        for house in [houses.a(), houses.b()] {
            assert_eq!(house.clocks()[0].due, at(minutes), "{precedence}");
        }
        houses.advance(minutes);
        assert!(houses.b().inbox()[0].overdue);
        assert!(houses.b().tick().fired == 1 && houses.a().tick().fired == 1);
    }
}

#[test]
fn a_clock_does_not_die_when_its_warning_is_written_anew_refused_or_previewed_again() {
    let houses = TestHouses::two();
    let a = houses.a();
    let deadline = at(DUTY);
    let id = a.written(&warning());
    assert_eq!(duty_due(a, id), deadline);
    let proposal = a.proposed(id, &[B]);
    assert_eq!(duty_due(a, id), deadline, "while it waits for its second person");
    a.refuse("release1", &proposal).unwrap();
    assert_eq!(duty_due(a, id), deadline, "after the second person refused");
    a.assess("desk1", id, FOUND).unwrap();
    a.proposed(id, &[B]);
    a.rewrite("desk1", id, &warning()).unwrap();
    assert_eq!(duty_due(a, id), deadline, "after it was written anew");
    a.assess("desk1", id, FOUND).unwrap();
    let approved = a.proposed(id, &[B]);
    a.approve("release1", &approved).unwrap();
    assert_eq!(duty_due(a, id), deadline, "approved is not released");
    a.rewrite("desk1", id, &warning()).unwrap();
    assert_eq!(duty_due(a, id), deadline);
    a.assess("desk1", id, FOUND).unwrap();
    a.approved_and_released(a.proposed(id, &[B]));
    houses.settle_all();
    assert!(a.clocks().iter().all(|c| c.awaited != Awaited::DutyDecision), "the decision to warn ends it");
}

#[test]
fn a_waiver_has_a_coded_reason_an_officer_and_words() {
    let a = alone();
    let id = a.written(&warning());
    assert_eq!(code(a.waive("release1", id, WaiverReason::NotFeasible, "  ")), "no_reason");
    for person in ["desk1", "liaison1", "operator1", "oversight1"] {
        assert_eq!(
            code(a.waive(person, id, WaiverReason::NotFeasible, "words")),
            "not_authorised",
            "{person}"
        );
    }
    let unassessed = a.write("desk1", &warning()).unwrap().warning.parse().unwrap();
    assert_eq!(code(a.waive("release1", unassessed, WaiverReason::NotFeasible, "words")), "not_assessed");
    a.waive("release1", id, WaiverReason::NotFeasible, "there is no way to reach them").unwrap();
    let decided = a.store().view(|view| view.decisions_about(&id.to_string())).unwrap();
    assert_eq!(decided.len(), 1);
    assert_eq!(decided[0].by.as_str(), "release1");
    assert!(decided[0].basis.starts_with("not_feasible: there is no way"), "{}", decided[0].basis);
    let verifier = a.key("release1").verifier().clone();
    let signed = exchange::person_key::verify_decision(&decided[0].signature, &verifier).unwrap();
    assert_eq!((signed.kind.as_str(), signed.about), ("waive", id.to_string()));
}

#[test]
fn new_information_opens_a_waived_duty_again() {
    let a = alone();
    let id = a.written(&warning());
    a.waive("release1", id, WaiverReason::NotFeasible, "there is no way to reach them").unwrap();
    assert!(a.clocks().is_empty());
    assert_eq!(a.row(id).state, WarningState::Waived);
    let mut file = warning();
    file.how[0].text = "fertiliser".to_owned();
    a.rewrite("desk1", id, &file).unwrap();
    assert_eq!(a.row(id).state, WarningState::Assessed);
    assert_eq!(duty_due(&a, id), at(DUTY), "and its clock runs again");
    pass(&a, 60 * DUTY);
    assert_eq!(a.tick().fired, 1);
}

#[test]
fn another_warning_on_the_same_case_opens_a_waived_duty_again() {
    for (case, opened) in [(Some("the harbour"), true), (Some("the bridge"), false), (None, false)] {
        let a = alone();
        let of = |case: Option<&str>| {
            let mut file = warning();
            file.case = case.map(str::to_owned);
            file
        };
        let id = a.written(&of(Some("the harbour")));
        a.waive("release1", id, WaiverReason::NotFeasible, "there is no way to reach them").unwrap();
        pass(&a, 60 * 30);
        a.write("desk2", &of(case)).unwrap();
        assert_eq!(a.row(id).state == WarningState::Assessed, opened, "{case:?}");
        if opened {
            assert_eq!(duty_due(&a, id), at(30 + DUTY), "its clock runs from when that was known");
        }
    }
}

#[test]
fn no_second_assessment_ends_a_duty_that_runs() {
    let a = alone();
    let id = a.written(&warning());
    let doubtful = Findings { credible: false, ..FOUND };
    assert_eq!(code(a.assess("desk2", id, doubtful)), "duty_runs");
    assert_eq!(duty_due(&a, id), at(DUTY));
    a.waive("release1", id, WaiverReason::NotFeasible, "it cannot be believed").unwrap();
    assert!(a.clocks().is_empty());
}

#[test]
fn what_a_jumped_clock_would_let_expire_may_still_be_approved_and_released() {
    let houses = TestHouses::two();
    let a = houses.a();
    let proposal = a.proposed(a.written(&warning()), &[B]);
    a.tick();
    houses.advance(60 * 24);
    a.tick();
    a.approve("release1", &proposal).unwrap();
    a.release("release2", &proposal).unwrap();
    houses.settle_all();
    assert_eq!(houses.b().inbox().len(), 1);
    a.confirm_clock();
    let late = a.proposed(a.written(&warning()), &[B]);
    houses.advance(60 * 24);
    a.confirm_clock();
    assert_eq!(code(a.approve("release1", &late)), "expired", "a clock that was looked at lets it expire");
}

#[test]
fn a_warning_does_not_fade_at_the_end_of_its_validity_somebody_is_asked_each_time() {
    let houses = TestHouses::two();
    let a = houses.a();
    let days = |n: i64| n * 24 * 60;
    let valid = |until| {
        let mut file = warning();
        file.validity.until = at(until);
        file
    };
    let sent = a.warn(&valid(days(2)), &[B]);
    houses.settle_all();
    houses.b().dispose("desk1", &houses.b().newest(), Disposition::Accepted).unwrap();
    houses.settle_all();
    houses.advance(days(2) - 1);
    assert_eq!(a.tick().fired, 0);
    houses.advance(1);
    assert_eq!((a.tick().fired, a.tick().fired), (1, 0));
    assert_eq!(houses.b().inbox()[0].standing, "active", "nothing lapses by itself");

    a.update(sent.warning, &valid(days(4)), &[B]);
    houses.settle_all();
    assert!(a.clocks().iter().all(|c| c.awaited != Awaited::LapseDecision), "it was extended");
    houses.b().dispose("desk1", &houses.b().newest(), Disposition::Accepted).unwrap();
    houses.settle_all();
    houses.advance(days(2));
    assert_eq!(a.tick().fired, 1, "and is asked for again at the new end");
    a.lapse(sent.warning);
    houses.settle_all();
    assert!(a.clocks().is_empty(), "{:?}", a.clocks());
    assert_eq!(houses.b().inbox()[0].standing, "lapsed");
    a.update(sent.warning, &valid(days(9)), &[B]);
    houses.settle_all();
    assert_eq!(houses.b().inbox()[0].standing, "active", "what has lapsed may be asserted again");
}

#[test]
fn the_one_to_call_stands_in_the_escalation() {
    let a = alone();
    let on_duty = exchange::roster::OnDuty { name: "Duty officer".to_owned(), phone: "+00 123".to_owned() };
    exchange::roster::set(&a.house(), &a.caller("operator1"), &[on_duty], a.now()).unwrap();
    a.written(&warning());
    pass(&a, 60 * DUTY);
    a.tick();
    assert!(a.notices().iter().any(|n| n.ends_with(": call Duty officer +00 123")), "{:?}", a.notices());
}

const FOUND: Findings = Findings { credible: true, specific: true, impending: true };

/// A house that knows nobody.
fn alone() -> TestHouse {
    TestHouse::furnished(A, 1, &Clock::standing())
}

fn pass(house: &TestHouse, seconds: i64) {
    house.clock().advance(seconds);
}

fn escalations(house: &TestHouse) -> usize {
    house.notices().iter().filter(|n| n.contains("OVERDUE: decision to warn")).count()
}

/// When the duty of a warning must be decided, by the clock that runs.
fn duty_due(house: &TestHouse, warning: WarningId) -> jiff::Timestamp {
    let clocks = house.clocks();
    let of = clocks.iter().find(|c| c.awaited == Awaited::DutyDecision && c.about == warning.to_string());
    of.unwrap_or_else(|| panic!("no clock runs for {warning}: {clocks:?}")).due
}
