//! Every act leaves its line, nothing is taken out unnoticed, and who reads a person is written down (I-12, I-40).

use exchange::answer::About;
use exchange::refusal::Refusal;
use exchange::view::{inbox, ledger, relation, show, status, warning as own};
use model::agreement::Terms;
use model::caller::Person;
use model::id::Digest;
use model::state::DomainState;
use model::vocab::{Disposition, Domain, EventState, PersonsRule, Role, WaiverReason};
use testkit::{
    A, B, TestHouse, TestHouses, Weather, assert_sound, code, faults, for_parcels, outcome, party, persons,
    terms, warning,
};

#[test]
fn every_act_leaves_its_line_with_who_did_it() {
    let houses = TestHouses::two();
    let (a, b) = (houses.a(), houses.b());
    let begun = [a.trail().len(), b.trail().len()];
    let waived = a.written(&warning());
    a.waive("release1", waived, WaiverReason::AlreadyWarned, "by another").unwrap();
    let refused = a.proposed(a.written(&warning()), &[B]);
    a.refuse("release1", &refused).unwrap();
    let sent = a.warn(&warning(), &[B]);
    houses.settle_all();
    b.read("desk2", &b.newest()).unwrap();
    b.dispose("desk1", &b.newest(), Disposition::Accepted).unwrap();
    let action = b.act_on("desk1", &b.newest()).unwrap();
    exchange::answer::stand_down(&b.house(), &b.caller("desk2"), action, b.now()).unwrap();
    b.report("desk1", &b.newest(), outcome(EventState::NotOccurred)).unwrap();
    b.thank("liaison1", About::Release(b.newest())).unwrap();
    houses.settle_all();
    let thanks = a.relation(B).thanks().map(|(at, _, _)| at.to_string()).next().unwrap();
    a.relay("liaison1", &thanks).unwrap();
    a.undertake(B).unwrap();
    a.take_stance(B, Domain::CounterTerrorism, DomainState::Suspended).unwrap();
    a.trust_with_persons(B, "2027-06-01").unwrap();
    a.cancel(sent.warning);
    let alone = a.warn_in_danger(&warning(), &[B]);
    a.review("release2", alone.id()).unwrap();
    a.confirm_clock();
    houses.settle_all();

    let who_did = |house: &TestHouse, from: usize| -> Vec<(String, String)> {
        let lines = house.trail().split_off(from).into_iter();
        lines.filter(|l| l.who.ends_with(['1', '2'])).map(|l| (l.who, l.act)).collect()
    };
    let expected = [
        ("desk1", "warning.write"),
        ("desk1", "duty.assess"),
        ("release1", "duty.waive"),
        ("desk1", "warning.write"),
        ("desk1", "duty.assess"),
        ("desk1", "person.read"),
        ("desk1", "warning.preview"),
        ("release1", "release.refuse"),
        ("desk1", "warning.write"),
        ("desk1", "duty.assess"),
        ("desk1", "person.read"),
        ("desk1", "warning.preview"),
        ("release1", "release.approve"),
        ("release2", "release"),
        ("liaison1", "thanks.relay"),
        ("liaison1", "undertaking.declare"),
        ("liaison1", "domain.change"),
        ("release1", "risk.assess"),
        ("release1", "warning.cancel"),
        ("desk1", "warning.write"),
        ("desk1", "duty.assess"),
        ("desk1", "person.read"),
        ("desk1", "warning.preview"),
        ("release1", "release"),
        ("release2", "release.review"),
        ("operator1", "clock.confirm"),
    ];
    assert_eq!(who_did(a, begun[0]), pairs(&expected));
    let expected = [
        ("desk2", "release.read"),
        ("desk1", "release.dispose"),
        ("desk1", "action.record"),
        ("desk2", "action.stand_down"),
        ("desk1", "outcome.report"),
        ("liaison1", "thanks.give"),
    ];
    assert_eq!(who_did(b, begun[1]), pairs(&expected));
    let held: Vec<_> = b.trail().split_off(begun[1]).into_iter().filter(|l| l.act == "entry.held").collect();
    assert!(!held.is_empty() && held.iter().all(|l| l.who == A));
}

#[test]
fn an_act_that_was_refused_leaves_nothing_behind() {
    let houses = TestHouses::two();
    let a = houses.a();
    let before = a.trail().len();
    let nobody: Digest = Digest::of(b"no agreement");
    assert_eq!(code(a.accept(B, &nobody)), "unknown_agreement");
    assert_eq!(code(a.take_stance(B, Domain::Financial, DomainState::Suspended)), "no_agreement");
    assert_eq!(code(a.take_stance(B, Domain::Elections, DomainState::Active)), "wrong_step");
    assert_eq!(code(a.propose("service-x.example", &terms(A, "service-x.example"))), "unknown_partner");
    assert_eq!(code(a.propose(B, &terms(B, "service-c.example"))), "wrong_parties");
    assert_eq!(code(a.propose(B, &terms(A, B))), "already_proposed");
    assert_eq!(a.trail().len(), before);
    assert!(a.waiting().is_empty());
}

#[test]
fn a_line_of_the_trail_taken_out_changed_or_reordered_shows() {
    for (what, sql) in [
        ("taken out", "DELETE FROM audit WHERE seq = 5"),
        ("the last taken out", "DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)"),
        ("changed", "UPDATE audit SET who = 'desk2' WHERE act = 'warning.write'"),
        ("its text changed too", "UPDATE audit SET who = 'desk2', text = replace(text, 'desk1', 'desk2')"),
        (
            "reordered",
            "UPDATE audit SET seq = -1 WHERE seq = 5; UPDATE audit SET seq = 5 WHERE seq = 6;
             UPDATE audit SET seq = 6 WHERE seq = -1",
        ),
    ] {
        let houses = TestHouses::two();
        houses.a().written(&warning());
        assert_sound(houses.a());
        houses.a().sql("node.db", sql);
        houses.a().restart();
        let found = faults(houses.a());
        assert!(found.iter().any(|f| f.starts_with("the audit trail")), "{what}: {found:?}");
        houses.leave_broken();
    }
}

#[test]
fn an_entry_changed_in_the_givers_own_store_cannot_be_sent_as_if_nothing_were() {
    for (what, sql) in [
        ("taken out of the middle", "DELETE FROM entries WHERE idx = 3 AND channel = 1"),
        (
            "reordered",
            "UPDATE entries SET idx = -1 WHERE idx = 3 AND channel = 1;
             UPDATE entries SET idx = 3 WHERE idx = 4 AND channel = 1;
             UPDATE entries SET idx = 4 WHERE idx = -1 AND channel = 1",
        ),
        ("another commitment", "UPDATE entries SET commitment = zeroblob(32) WHERE idx = 3 AND channel = 1"),
    ] {
        let houses = TestHouses::two();
        houses.a().warn(&warning(), &[B]);
        houses.a().undertake(B).unwrap();
        houses.a().thank("liaison1", About::Unsolicited(party(B))).unwrap();
        assert!(houses.carry_in(A, B, &mut for_parcels(Weather::RequestLost)).is_err());
        houses.a().sql("node.db", sql);
        houses.a().restart();
        let held = houses.b().inbox().len();
        let carried = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| houses.carry(A, B)));
        let noticed = !faults(houses.a()).is_empty();
        assert!(noticed, "{what}");
        if let Ok(Ok(())) = carried {
            assert_eq!(what, "another commitment", "only the copy of our own that nobody is sent");
        } else {
            assert_eq!(houses.b().inbox().len(), held, "{what}: the partner took nothing of it");
        }
        houses.leave_broken();
    }
}

#[test]
fn reading_a_named_person_is_written_down_with_who_when_and_why() {
    let houses = TestHouses::two_with(persons(terms(A, B), PersonsRule::Named));
    houses.a().trust_with_persons(B, "2027-06-01").unwrap();
    let sent = houses.a().warn(&warning(), &[B]);
    houses.settle_all();
    let (a, b) = (houses.a(), houses.b());
    let entry = b.newest();
    for why in [None, Some("  ")] {
        let line = b.trail().len();
        let tried = show::entry(&b.house(), &b.caller("desk2"), &entry, why, b.now());
        assert_eq!(code(tried), "why");
        let tried = own::show(&a.house(), &a.caller("desk2"), sent.warning, why, a.now());
        assert_eq!(code(tried), "why");
        assert_eq!(b.trail().len(), line, "nothing was read");
    }
    houses.advance(7);
    for (house, person) in [(b, "desk2"), (b, "oversight1"), (a, "release1"), (a, "oversight1")] {
        let line = house.trail().len();
        if house.name() == b.name() {
            show::entry(&house.house(), &house.caller(person), &entry, Some("assigned"), house.now())
                .unwrap();
        } else {
            own::show(&house.house(), &house.caller(person), sent.warning, Some("assigned"), house.now())
                .unwrap();
        }
        let noted = house.trail().split_off(line);
        assert_eq!(noted.len(), 1);
        assert_eq!((noted[0].act.as_str(), noted[0].who.as_str()), ("person.read", person));
        assert_eq!((noted[0].at, noted[0].detail.as_str()), (house.now(), r#"{"why":"assigned"}"#));
    }
}

#[test]
fn reading_what_names_nobody_needs_no_reason() {
    let houses = TestHouses::two();
    houses.a().warn(&warning(), &[B]);
    houses.settle_all();
    let b = houses.b();
    let line = b.trail().len();
    show::entry(&b.house(), &b.caller("desk1"), &b.newest(), None, b.now()).unwrap();
    assert_eq!(b.trail().len(), line);
}

#[test]
fn oversight_reads_everything() {
    let houses = TestHouses::two();
    let sent = houses.a().warn(&warning(), &[B]);
    houses.settle_all();
    let (house, who) = (houses.a().house(), houses.a().caller("oversight1"));
    let now = houses.a().now();
    assert!(!exchange::audit::trail(&house, &who, 0, 1000).unwrap().is_empty());
    assert_eq!(own::list(&house, &who).unwrap().len(), 1);
    let whole = own::show(&house, &who, sent.warning, Some("oversight"), now).unwrap();
    assert!(!whole.decisions.is_empty());
    assert_eq!(inbox::outgoing(&house, &who, now).unwrap().len(), 1);
    assert_eq!(inbox::incoming(&house, &who, now).unwrap().len(), 0);
    assert!(inbox::waiting(&house, &who).unwrap().is_empty());
    assert_eq!(ledger::ledger(&house, &who, &party(B)).unwrap().lines.len(), 1);
    assert_eq!(relation::partners(&house, &who).unwrap().len(), 1);
    assert_eq!(relation::agreements(&house, &who, None).unwrap().len(), 1);
    assert!(relation::undertakings(&house, &who, None).unwrap().is_empty());
    assert!(status::status(&house, &who, now).is_ok());
    assert!(status::doctor(&house, &who, now).is_ok());
    assert!(exchange::pending::list(&house, &who, now).is_ok());
}

#[test]
fn oversight_changes_nothing() {
    let houses = TestHouses::two();
    let sent = houses.a().warn(&warning(), &[B]);
    let alone = houses.a().warn_in_danger(&warning(), &[B]);
    let waiting = houses.a().proposed(houses.a().written(&warning()), &[B]);
    houses.settle_all();
    let (a, b) = (houses.a(), houses.b());
    let entry = b.newest();
    let id = a.written(&warning());
    let before = [a.trail().len(), b.trail().len()];
    let who = "oversight1";
    let caller = || a.caller(who);
    let tried: Vec<(&str, &str)> = vec![
        ("write", code(a.write(who, &warning()))),
        ("rewrite", code(a.rewrite(who, sent.warning, &warning()))),
        ("assess", code(a.assess(who, id, FOUND))),
        ("waive", code(a.waive(who, id, WaiverReason::NotFeasible, "words"))),
        ("preview", code(a.preview(who, id, request()))),
        ("approve", code(a.approve(who, &waiting))),
        ("refuse", code(a.refuse(who, &waiting))),
        ("release", code(a.release(who, &waiting))),
        ("release alone", code(a.release_alone(who, &waiting))),
        ("review", code(a.review(who, alone.id()))),
        ("cancel", code(a.change(who, sent.warning, exchange::standing::Change::Cancel))),
        ("read", code(b.read(who, &entry))),
        ("dispose", code(b.dispose(who, &entry, Disposition::Accepted))),
        ("action", code(b.act_on(who, &entry))),
        ("stand down", code(exchange::answer::stand_down(&b.house(), &b.caller(who), 1, b.now()))),
        ("outcome", code(b.report(who, &entry, outcome(EventState::Occurred)))),
        ("thanks", code(b.thank(who, About::Release(entry.clone())))),
        ("relay", code(a.relay(who, &entry))),
        ("agreement", code(propose(a, who, &terms(A, B)))),
        ("answer", code(answer(a, who))),
        ("domain", code(change_domain(a, who))),
        ("undertaking", code(undertake(a, who))),
        ("accept", code(exchange::undertaking::accept(&a.house(), &caller(), &entry, a.now(), &mut a.rng()))),
        ("risk", code(assess_risk(a, who))),
        ("clock", code(exchange::clocks::confirm(&a.house(), &caller(), a.now()))),
        ("roster", code(exchange::roster::set(&a.house(), &caller(), &[], a.now()))),
        ("card", code(exchange::partner::add(&a.house(), &caller(), "a card", a.now()))),
        ("words", code(exchange::partner::confirm(&a.house(), &caller(), &party(B), "words", a.now()))),
        ("invite", code(invite(a, who))),
        ("grant", code(grant(a, who))),
        ("pending", code(exchange::pending::refuse(&a.house(), &caller(), pending_id(a), a.now()))),
    ];
    let done: Vec<_> = tried.iter().filter(|(_, code)| *code != "not_authorised").collect();
    assert!(done.is_empty(), "{done:?}");
    assert_eq!([a.trail().len(), b.trail().len()], before);
    assert!(a.waiting().is_empty() && b.waiting().is_empty());
}

#[test]
fn an_authority_that_was_taken_away_is_gone_at_once() {
    let houses = TestHouses::two();
    let a = houses.a();
    let proposal = a.proposed(a.written(&warning()), &[B]);
    let as_before = a.caller("release1");
    let key = a.key("release1");
    let release: std::collections::BTreeSet<Role> = [Role::Release].into();
    let name = testkit::name("release1");
    let (house, operator, own) = (a.house(), a.caller("operator1"), a.key("operator1"));
    exchange::people::revoke(&house, &operator, &own, &name, &release, a.now(), &mut a.rng()).unwrap();
    let (id, digest) = (proposal.id, proposal.digest);
    let tried = exchange::release::approve(&house, &as_before, &key, id, digest, a.now(), &mut a.rng());
    assert_eq!(code(tried), "not_authorised");
}

const FOUND: exchange::duty::Findings =
    exchange::duty::Findings { credible: true, specific: true, impending: true };

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(who, act)| ((*who).to_owned(), (*act).to_owned())).collect()
}

fn request() -> exchange::preview::Request {
    exchange::preview::Request {
        recipients: testkit::recipients(&[B]),
        imminent_danger: false,
        overrides: Vec::new(),
    }
}

fn person(house: &TestHouse, who: &str) -> Person {
    house.caller(who)
}

fn propose(a: &TestHouse, who: &str, terms: &Terms) -> Result<Digest, Refusal> {
    exchange::agreement::propose(&a.house(), &person(a, who), &party(B), &terms.text(), a.now(), &mut a.rng())
}

fn answer(a: &TestHouse, who: &str) -> Result<Digest, Refusal> {
    let (accept, now) = (exchange::agreement::Answer::Accept, a.now());
    let caller = person(a, who);
    exchange::agreement::answer(&a.house(), &caller, &party(B), "00000000", accept, None, now, &mut a.rng())
}

fn change_domain(a: &TestHouse, who: &str) -> Result<(), Refusal> {
    let stance = exchange::agreement::Stance {
        domain: Domain::CounterTerrorism,
        state: DomainState::Suspended,
        pilot_scope: Vec::new(),
        note: None,
    };
    exchange::agreement::change_domain(&a.house(), &person(a, who), &party(B), stance, a.now(), &mut a.rng())
}

fn undertake(a: &TestHouse, who: &str) -> Result<(), Refusal> {
    let promise = model::body::Undertaking {
        domain: Domain::Cyber,
        text: "words".to_owned(),
        protected: Vec::new(),
        harm: Default::default(),
        until: None,
    };
    exchange::undertaking::declare(&a.house(), &person(a, who), &party(B), promise, a.now(), &mut a.rng())
}

fn assess_risk(a: &TestHouse, who: &str) -> Result<(), Refusal> {
    let assessed = exchange::risk::Assessed {
        basis: "words".to_owned(),
        assurances: Vec::new(),
        review_date: "2027-06-01".parse().unwrap(),
    };
    exchange::risk::assess(&a.house(), &person(a, who), &party(B), Domain::Cyber, assessed, a.now())
}

fn invite(a: &TestHouse, who: &str) -> Result<(), Refusal> {
    let roles = [Role::Desk].into();
    let (caller, key, name) = (person(a, who), a.key(who), testkit::name("desk9"));
    exchange::people::invite(&a.house(), &caller, &key, &name, &roles, a.now(), &mut a.rng()).map(drop)
}

fn grant(a: &TestHouse, who: &str) -> Result<(), Refusal> {
    let roles = [Role::Desk].into();
    let (caller, key, name) = (person(a, who), a.key(who), testkit::name("desk2"));
    exchange::people::grant(&a.house(), &caller, &key, &name, &roles, a.now(), &mut a.rng()).map(drop)
}

fn pending_id(a: &TestHouse) -> model::id::PendingId {
    model::id::PendingId::make(a.now(), [1; 10])
}
