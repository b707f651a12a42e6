//! The fold over two logs: any interleaving gives the same state, both sides see the same, and the stricter wins.

#![allow(
    clippy::cloned_ref_to_slice_refs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

use jiff::{SignedDuration, Timestamp};
use model::agreement::{OpeningState, TEMPLATE, Terms};
use model::body::{AgreementAnswer, DomainChange, Recall, RecalledRelease, StandingChange};
use model::facts::{Facts, ReleaseFacts};
use model::file::without_comments;
use model::id::{Digest, EntryRef, PartyName};
use model::ledger::Ledger;
use model::relation::{Logged, Relation, Side, Standing};
use model::state::{DomainState, Machine};
use model::vocab::{
    ContestReason, Disposition, Domain, EventState, MatterKind, NamingDepth, PersonsRule, Precedence,
    Purpose, RecallReason, Status, TimeDepth,
};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::RngSeed;
use tlog::channel::Origin;

const DOMAIN: Domain = Domain::CounterTerrorism;

/// An entry as its writer wrote it: what it says, and what it answers (in whose log, at which index).
#[derive(Debug, Clone)]
struct Wrote {
    facts: Facts,
    answers: Option<(Side, u64)>,
}

fn origin(side: Side) -> Origin {
    Origin::from_hex(&if side == Side::Ours { "ab" } else { "cd" }.repeat(32)).unwrap()
}

fn at(side: Side, index: u64) -> EntryRef {
    EntryRef { origin: origin(side), index }
}

fn time(minute: u64) -> Timestamp {
    let start: Timestamp = "2026-12-10T12:00:00Z".parse().unwrap();
    start + SignedDuration::from_mins(i64::try_from(minute).unwrap())
}

/// The entry at this place of a log, as one of the two parties reads it.
fn logged(writer: Side, index: u64, wrote: &Wrote, reader_is_other: bool) -> Logged {
    Logged {
        at: at(writer, index),
        side: if reader_is_other { writer.other() } else { writer },
        written: time(index),
        thread: [u8::try_from(index % 5).unwrap(); 16],
        answers: wrote.answers.map(|(side, index)| at(side, index)),
        facts: wrote.facts.clone(),
    }
}

/// Folds both logs; `order` says from which log the next entry is taken while both have one.
fn folded(ours: &[Wrote], theirs: &[Wrote], order: &[bool], reader_is_other: bool) -> Relation {
    let mut relation = Relation::default();
    let mut order = order.iter().copied();
    let (mut a, mut b) = ((0..).zip(ours).peekable(), (0..).zip(theirs).peekable());
    while a.peek().is_some() || b.peek().is_some() {
        let take_ours = b.peek().is_none() || (a.peek().is_some() && order.next().unwrap_or(true));
        let (side, next) = if take_ours { (Side::Ours, a.next()) } else { (Side::Theirs, b.next()) };
        let (index, wrote) = next.unwrap();
        relation.take(logged(side, index, wrote, reader_is_other));
    }
    relation
}

fn terms() -> Terms {
    Terms::parse(without_comments(TEMPLATE).as_bytes()).unwrap()
}

fn hash(terms: &Terms) -> String {
    Digest::of(terms.text().as_bytes()).to_string()
}

/// Three agreements; the second and the third each replace the first.
fn texts() -> [Terms; 3] {
    let first = terms();
    let mut second = Terms { replaces: Some(hash(&first)), ..terms() };
    let domain = second.domains.get_mut(&DOMAIN).unwrap();
    (domain.naming, domain.time) = (NamingDepth::Country, TimeDepth::Exact);
    domain.kinds = [MatterKind::Threat, MatterKind::VictimList].into();
    let mut third = Terms { replaces: Some(hash(&first)), life_exception: false, ..terms() };
    let domain = third.domains.get_mut(&DOMAIN).unwrap();
    (domain.naming, domain.persons) = (NamingDepth::Unit, PersonsRule::Named);
    domain.state = OpeningState::Resuming;
    domain.pilot_scope = [MatterKind::Threat].into();
    [first, second, third]
}

fn proposed(terms: &Terms) -> Wrote {
    Wrote { facts: Facts::AgreementProposed { hash: hash(terms), terms: terms.clone() }, answers: None }
}

fn accepted(terms: &Terms) -> Wrote {
    Wrote {
        facts: Facts::AgreementAccepted(AgreementAnswer { agreement: hash(terms), reason: None }),
        answers: None,
    }
}

fn refused(terms: &Terms) -> Wrote {
    Wrote {
        facts: Facts::AgreementRefused(AgreementAnswer { agreement: hash(terms), reason: None }),
        answers: None,
    }
}

fn changed(terms: &Terms, state: DomainState) -> Wrote {
    let pilot_scope =
        if state == DomainState::Resuming { [MatterKind::Indicator].into() } else { Default::default() };
    let change = DomainChange { agreement: hash(terms), domain: DOMAIN, state, pilot_scope, note: None };
    Wrote { facts: Facts::DomainChanged(change), answers: None }
}

fn released(status: Status) -> Wrote {
    let facts = ReleaseFacts {
        status,
        domain: DOMAIN,
        kind: MatterKind::Threat,
        precedence: Precedence::Flash,
        harm: Default::default(),
        acknowledge_minutes: 15,
        outcome_minutes: 60,
        life_floor: false,
        under: None,
        valid_until: None,
    };
    Wrote { facts: Facts::Release(facts), answers: None }
}

fn state_words() -> impl Strategy<Value = DomainState> {
    use DomainState::{Active, Proposed, Refused, Resuming, Suspended, Terminated};
    select(vec![Active, Suspended, Resuming, Terminated, Proposed, Refused])
}

/// Any entry at all, sensible or not.
fn wrote() -> impl Strategy<Value = Wrote> {
    let text = || (0usize..3).prop_map(|n| texts()[n].clone());
    let index = 0u64..12;
    let facts = prop_oneof![
        2 => text().prop_map(|t| proposed(&t).facts),
        3 => text().prop_map(|t| accepted(&t).facts),
        1 => text().prop_map(|t| refused(&t).facts),
        3 => (text(), state_words()).prop_map(|(t, s)| changed(&t, s).facts),
        4 => select(vec![Status::Actual, Status::Actual, Status::Exercise]).prop_map(|s| released(s).facts),
        1 => index.clone().prop_map(|release| Facts::Cancelled(StandingChange { release, note: None })),
        1 => index.clone().prop_map(|release| Facts::Lapsed(StandingChange { release, note: None })),
        1 => (index, any::<bool>()).prop_map(|(recalls, counts)| Facts::Recalled(recall(recalls, counts))),
        1 => Just(Facts::RecallConfirmed),
        1 => select(ContestReason::ALL).prop_map(|reason| Facts::RecallContested { reason }),
        1 => Just(Facts::Read { held_at: time(1) }),
        2 => select(Disposition::ALL).prop_map(|disposition| Facts::Disposed { disposition, held_at: time(1) }),
        2 => (select(EventState::ALL), prop::option::of(Just(Domain::Cyber))).prop_map(|(event, unsolicited)| {
            Facts::Outcome {
                event,
                determination: None,
                contribution: None,
                usefulness: None,
                unsolicited,
                open_questions: 0,
            }
        }),
        1 => Just(Facts::Thanks { relay: true }),
        1 => Just(Facts::ThanksRelayed),
        1 => Just(Facts::UndertakingDeclared { domain: DOMAIN, until: None }),
        1 => Just(Facts::UndertakingAccepted),
        1 => Just(Facts::NotUnderstood),
    ];
    let answers = prop::option::weighted(0.7, (select(vec![Side::Ours, Side::Theirs]), 0u64..12));
    (facts, answers).prop_map(|(facts, answers)| Wrote { facts, answers })
}

fn recall(recalls: u64, counts: bool) -> Recall {
    let kind = "warning.released".to_owned();
    Recall { recalls, reason: RecallReason::Undisclosed, kind, domain: DOMAIN, counts, release: None }
}

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 300,
        rng_seed: RngSeed::Fixed(20_261_210),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

fn log() -> impl Strategy<Value = Vec<Wrote>> {
    proptest::collection::vec(wrote(), 0..16)
}

fn interleaving() -> impl Strategy<Value = Vec<bool>> {
    proptest::collection::vec(any::<bool>(), 32)
}

/// A log whose recalls repeat what they recall, as a node writes them, and only recall releases that stand before them.
fn with_true_recalls(mut log: Vec<Wrote>, writer: Side) -> Vec<Wrote> {
    for index in 0..log.len() {
        let Facts::Recalled(recall) = &log[index].facts else { continue };
        let of = usize::try_from(recall.recalls).unwrap();
        let (released, counts) = (log.get(of).filter(|_| of < index).cloned(), recall.counts);
        log[index].answers = Some((writer, recall.recalls));
        log[index].facts = match released.map(|r| (r.facts.clone(), r.answers)) {
            Some((Facts::Release(facts), answers)) => {
                let updates = answers.filter(|(side, _)| *side == writer).map(|(_, index)| index);
                let written = time(u64::try_from(of).unwrap());
                let recall = self::recall(u64::try_from(of).unwrap(), counts);
                Facts::Recalled(Recall {
                    release: Some(RecalledRelease { written, updates, facts }),
                    ..recall
                })
            }
            _ => Facts::NotUnderstood,
        };
    }
    log
}

/// The same log with every recalled release as it comes once its text is erased.
fn erased(log: &[Wrote]) -> Vec<Wrote> {
    let recalled = |index: usize| {
        log.iter()
            .any(|w| matches!(&w.facts, Facts::Recalled(r) if r.recalls == u64::try_from(index).unwrap()))
    };
    let erase = |(index, wrote): (usize, &Wrote)| match recalled(index) {
        true => Wrote { facts: Facts::Erased, answers: None },
        false => wrote.clone(),
    };
    log.iter().enumerate().map(erase).collect()
}

/// The threads of `logged` are of no use here: a recall stands in the thread of what it recalls.
fn in_one_thread(log: &[Wrote], writer: Side) -> Relation {
    let mut relation = Relation::default();
    for (index, wrote) in (0..).zip(log) {
        relation.take(Logged { thread: [7; 16], ..logged(writer, index, wrote, false) });
    }
    relation
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn folding_gives_the_same_state_with_the_text_of_what_was_recalled_and_without(log in log()) {
        for writer in [Side::Ours, Side::Theirs] {
            let log = with_true_recalls(log.clone(), writer);
            prop_assert_eq!(in_one_thread(&log, writer), in_one_thread(&erased(&log), writer));
        }
    }

    #[test]
    fn any_interleaving_that_keeps_each_logs_order_gives_the_same_state(
        ours in log(), theirs in log(), one in interleaving(), other in interleaving(),
    ) {
        let (one, other) = (folded(&ours, &theirs, &one, false), folded(&ours, &theirs, &other, false));
        prop_assert_eq!(one, other);
    }

    #[test]
    fn both_parties_see_the_same_agreement_domains_standings_and_ledger(
        ours in log(), theirs in log(), one in interleaving(), other in interleaving(),
    ) {
        let (a, b) = (folded(&ours, &theirs, &one, false), folded(&ours, &theirs, &other, true));
        prop_assert_eq!(a.terms(), b.terms());
        for domain in Domain::ALL {
            let (a, b) = (a.domain(*domain), b.domain(*domain));
            prop_assert_eq!(a.as_ref().map(|d| (d.state, &d.pilot_scope)), b.as_ref().map(|d| (d.state, &d.pilot_scope)));
            prop_assert_eq!(a.map(|d| (d.ours, d.theirs)), b.map(|d| (d.theirs, d.ours)));
        }
        let standings = |r: &Relation| r.releases().map(|v| (v.at.clone(), v.standing)).collect::<Vec<_>>();
        prop_assert_eq!(standings(&a), standings(&b));
        let recalls = |r: &Relation| {
            r.releases().map(|v| v.recall.map(|r| (r.at.clone(), r.reason, r.said))).collect::<Vec<_>>()
        };
        prop_assert_eq!(recalls(&a), recalls(&b));
        prop_assert_eq!(Ledger::of(&a, &name("a"), &name("b"), vec![]), Ledger::of(&b, &name("b"), &name("a"), vec![]));
    }

    #[test]
    fn the_state_between_two_is_the_stricter_stance_and_an_impossible_step_moves_nothing(
        ours in proptest::collection::vec(state_words(), 0..8),
        theirs in proptest::collection::vec(state_words(), 0..8),
        order in interleaving(),
    ) {
        let [first, ..] = texts();
        let stance = |steps: &[DomainState]| steps.iter().fold(DomainState::Active, |now, to| {
            if DomainState::STEPS.iter().any(|(from, _, into)| (*from, *into) == (now, *to)) { *to } else { now }
        });
        let log = |head: Wrote, steps: &[DomainState]| {
            std::iter::once(head).chain(steps.iter().map(|s| changed(&first, *s))).collect::<Vec<_>>()
        };
        let (a, b) = (log(proposed(&first), &ours), log(accepted(&first), &theirs));
        let standing = folded(&a, &b, &order, false).domain(DOMAIN).unwrap();
        prop_assert_eq!((standing.ours, standing.theirs), (stance(&ours), stance(&theirs)));
        prop_assert_eq!(standing.state, stance(&ours).max(stance(&theirs)));
    }

    #[test]
    fn the_strongest_end_of_a_release_holds_and_only_its_giver_ends_it(
        ends in proptest::collection::vec((any::<bool>(), 0u8..4), 0..6), order in interleaving(),
    ) {
        let end = |kind: u8| match kind {
            0 => Facts::Lapsed(StandingChange { release: 0, note: None }),
            1 => Facts::Cancelled(StandingChange { release: 0, note: None }),
            kind => Facts::Recalled(recall(0, kind == 2)),
        };
        let (mut a, mut b) = (vec![released(Status::Actual)], vec![released(Status::Actual)]);
        for (by_giver, kind) in &ends {
            if *by_giver { &mut a } else { &mut b }.push(Wrote { facts: end(*kind), answers: None });
        }
        let strongest = ends.iter().filter(|(by_giver, _)| *by_giver).map(|(_, kind)| match kind {
            0 => Standing::Lapsed,
            1 => Standing::Cancelled,
            kind => Standing::Recalled { counts: *kind == 2 },
        });
        let relation = folded(&a, &b, &order, false);
        let of_ours = relation.release(&at(Side::Ours, 0)).unwrap().standing;
        prop_assert_eq!(of_ours, strongest.max().unwrap_or(Standing::Active));
    }
}

#[test]
fn an_agreement_holds_from_when_the_other_side_accepted_it_and_its_proposer_did_not_take_it_back() {
    let [first, ..] = texts();
    let holds = |a: &[Wrote], b: &[Wrote]| folded(a, b, &[], false).terms().is_some();
    assert!(!holds(&[proposed(&first)], &[]));
    assert!(!holds(&[proposed(&first), accepted(&first)], &[]), "nobody accepts their own proposal");
    assert!(holds(&[proposed(&first)], &[accepted(&first)]));
    assert!(!holds(&[proposed(&first)], &[refused(&first)]));
    assert!(
        !holds(&[proposed(&first)], &[refused(&first), accepted(&first)]),
        "what was refused stays refused"
    );
    assert!(
        !holds(&[proposed(&first), refused(&first)], &[accepted(&first)]),
        "taken back, whenever it was accepted"
    );
    assert!(!holds(&[], &[accepted(&first)]), "nothing was proposed");
}

#[test]
fn of_two_agreements_accepted_at_once_what_both_let_through_holds() {
    let [first, second, third] = texts();
    let ours = [proposed(&first), proposed(&second), accepted(&third)];
    let theirs = [accepted(&first), proposed(&third), accepted(&second)];
    let relation = folded(&ours, &theirs, &[], false);
    let in_force: Vec<_> = relation.agreements().into_iter().filter(|a| a.in_force).map(|a| a.hash).collect();
    assert_eq!(in_force.len(), 2, "each replaced the first, and neither the other");
    let both = relation.terms().unwrap();
    assert_eq!(both, second.stricter(&third).stricter(&second));
    let domain = &both.domains[&DOMAIN];
    assert_eq!(
        (domain.naming, domain.time, domain.persons),
        (NamingDepth::Country, TimeDepth::Day, PersonsRule::None)
    );
    assert_eq!(domain.kinds, [MatterKind::Threat].into());
    assert!(!both.life_exception);
    assert_eq!(relation.domain(DOMAIN).unwrap().state, DomainState::Resuming);
}

#[test]
fn an_acceptance_that_had_not_seen_a_suspension_does_not_lift_it() {
    let [first, second, _] = texts();
    let state = |ours: &[Wrote], theirs: &[Wrote]| {
        let one = folded(ours, theirs, &[], false).domain(DOMAIN).unwrap();
        let other = folded(ours, theirs, &[false; 8], true).domain(DOMAIN).unwrap();
        assert_eq!(one.state, other.state);
        one.state
    };
    let suspended = || changed(&first, DomainState::Suspended);
    let accepts = [accepted(&first), accepted(&second)];
    let proposes = [proposed(&first), proposed(&second)];
    let with = |more: &[Wrote]| proposes.iter().chain(more).cloned().collect::<Vec<_>>();
    assert_eq!(state(&proposes, &accepts), DomainState::Active);
    assert_eq!(
        state(&with(&[suspended()]), &accepts),
        DomainState::Suspended,
        "suspended after it was proposed"
    );
    let again = [suspended(), changed(&first, DomainState::Resuming), changed(&first, DomainState::Active)];
    assert_eq!(
        state(&with(&again), &accepts),
        DomainState::Active,
        "and active again before it was accepted"
    );
    let lifted = [suspended(), changed(&second, DomainState::Resuming)];
    assert_eq!(state(&with(&lifted), &accepts), DomainState::Resuming, "its own side goes on from there");

    let before = [proposed(&first), suspended(), proposed(&second)];
    assert_eq!(
        state(&before, &accepts),
        DomainState::Active,
        "whoever suspends and then proposes anew wants it anew"
    );
    let by_acceptor = [accepted(&first), suspended(), accepted(&second)];
    assert_eq!(state(&proposes, &by_acceptor), DomainState::Active, "and whoever accepts it knowingly, too");
    let after = [accepted(&first), accepted(&second), suspended()];
    assert_eq!(state(&proposes, &after), DomainState::Suspended);
}

#[test]
fn the_stricter_of_two_terms_is_the_same_from_both_sides_and_lets_nothing_more_through() {
    let [first, second, third] = texts();
    for (a, b) in [(&first, &second), (&first, &third), (&second, &third)] {
        let both = a.stricter(b);
        assert_eq!(both.domains, b.stricter(a).domains);
        for (domain, terms) in &both.domains {
            for one in [&a.domains[domain], &b.domains[domain]] {
                assert!(terms.kinds.is_subset(&one.kinds) && terms.purposes.is_subset(&one.purposes));
                assert!(terms.naming <= one.naming && terms.time <= one.time && terms.persons <= one.persons);
                assert!(terms.publicity >= one.publicity && terms.assurances.is_superset(&one.assurances));
                assert!(terms.retention_days <= one.retention_days && terms.onward.is_subset(&one.onward));
                let acknowledge = |p| terms.clocks.acknowledge_within(p) <= one.clocks.acknowledge_within(p);
                assert!(Precedence::ALL.iter().all(|p| acknowledge(*p)));
            }
        }
    }
}

#[test]
fn a_domain_that_one_of_two_agreements_does_not_name_has_none() {
    let [first, ..] = texts();
    let mut without = Terms { legal_basis: "another".to_owned(), ..first.clone() };
    without.domains.remove(&DOMAIN);
    let relation =
        folded(&[proposed(&first), proposed(&without)], &[accepted(&first), accepted(&without)], &[], false);
    assert!(relation.domain(DOMAIN).is_none());
    assert!(relation.domain(Domain::Cyber).is_some());
}

#[test]
fn while_a_domain_resumes_only_what_both_put_into_the_pilot_passes() {
    let [first, ..] = texts();
    let scope = |kinds: &[MatterKind]| {
        let Wrote { facts: Facts::DomainChanged(change), .. } = changed(&first, DomainState::Resuming) else {
            panic!()
        };
        let change = DomainChange { pilot_scope: kinds.iter().copied().collect(), ..change };
        Wrote { facts: Facts::DomainChanged(change), answers: None }
    };
    let suspended = || changed(&first, DomainState::Suspended);
    let ours = [proposed(&first), suspended(), scope(&[MatterKind::Indicator, MatterKind::Threat])];
    let theirs = [accepted(&first), suspended(), scope(&[MatterKind::Indicator, MatterKind::Advisory])];
    let both = folded(&ours, &theirs, &[], false).domain(DOMAIN).unwrap();
    assert_eq!(both.pilot_scope, [MatterKind::Indicator].into());
    let one = folded(&ours, &theirs[..1], &[], false).domain(DOMAIN).unwrap();
    assert_eq!((one.state, one.pilot_scope.len()), (DomainState::Resuming, 2), "one side's pilot binds both");
}

#[test]
fn an_outcome_counts_for_the_receiver_of_what_it_answers_and_for_nobody_else() {
    let outcome = |answers, unsolicited| Wrote {
        facts: Facts::Outcome {
            event: EventState::NotOccurred,
            determination: None,
            contribution: None,
            usefulness: None,
            unsolicited,
            open_questions: 0,
        },
        answers,
    };
    let lines = |ours: &[Wrote], theirs: &[Wrote]| {
        let ledger = Ledger::of(&folded(ours, theirs, &[], false), &name("a"), &name("b"), vec![]);
        ledger.lines.iter().map(|l| (l.favour.word(), l.giver.clone())).collect::<Vec<_>>()
    };
    let warned = released(Status::Actual);
    let warning = ("warning", name("a"));
    let by_receiver = outcome(Some((Side::Ours, 0)), None);
    assert_eq!(lines(&[warned.clone()], &[by_receiver.clone()]), [warning.clone(), ("outcome", name("b"))]);
    assert_eq!(
        lines(&[warned.clone(), by_receiver], &[]),
        [warning.clone()],
        "its giver cannot report on it"
    );
    assert_eq!(lines(&[warned.clone()], &[outcome(None, None)]), [warning.clone()]);
    assert_eq!(lines(&[warned.clone()], &[outcome(Some((Side::Ours, 7)), None)]), [warning]);
    assert_eq!(lines(&[], &[outcome(None, Some(Domain::Cyber))]), [("outcome", name("b"))]);
    assert_eq!(lines(&[released(Status::Exercise)], &[outcome(Some((Side::Ours, 0)), None)]), []);
}

#[test]
fn purposes_and_kinds_of_the_template_are_what_the_tests_above_build_on() {
    let terms = terms();
    assert!(terms.domains[&DOMAIN].purposes.contains(&Purpose::PreventHarm));
    assert_eq!(terms.domains[&DOMAIN].state, OpeningState::Active);
}

fn name(text: &str) -> PartyName {
    text.parse().unwrap()
}
