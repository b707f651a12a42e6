//! The bare threat to life passes whatever the agreement says, by one person, with a review (I-41, S11).

use exchange::clocks::Awaited;
use exchange::preview::Request;
use model::agreement::{OpeningState, Terms};
use model::file::WarningFile;
use model::state::DomainState;
use model::vocab::{Domain, Ground, HarmKind, MatterKind, SubjectCategory};
use testkit::{A, B, C, TestHouses, code, persons, recipients, terms, warning};

/// What the domain is to be like when the danger is imminent.
#[derive(Debug, Clone, Copy)]
enum Relation {
    NoAgreement,
    ProposedOnly,
    RefusedAgreement,
    DomainNotNamed,
    KindNotNamed,
    PurposeNotNamed,
    OutsidePilot,
    Suspended,
    SuspendedByUs,
    Terminated,
    Ended,
    NoLifeException,
}

const ALL: &[Relation] = &[
    Relation::NoAgreement,
    Relation::ProposedOnly,
    Relation::RefusedAgreement,
    Relation::DomainNotNamed,
    Relation::KindNotNamed,
    Relation::PurposeNotNamed,
    Relation::OutsidePilot,
    Relation::Suspended,
    Relation::SuspendedByUs,
    Relation::Terminated,
    Relation::Ended,
    Relation::NoLifeException,
];

#[test]
fn the_bare_threat_passes_in_every_state_of_the_relation() {
    for relation in ALL {
        let houses = in_relation(*relation);
        houses.plant("Name of Subject 1", &[A]);
        houses.plant("direct access", &[A]);
        let ordinary = houses.a().looked_at(houses.a().written(&warning()), request(false));
        assert!(ordinary.columns[0].held.is_some(), "{relation:?}: the ordinary way is closed");

        let sent = houses.a().warn_in_danger(&warning(), &[B]);
        assert!(sent.proposal.column(B).basis.contains("life floor"), "{relation:?}");
        houses.settle_all();
        let line = houses.b().inbox()[0].clone();
        assert!(line.life_floor, "{relation:?}");
        let told = houses.b().entry(&line.entry).warning.unwrap();
        let fields: Vec<&str> = told.fields.iter().map(|f| f.path.as_str()).collect();
        assert_eq!(fields, ["harm", "target", "what", "where", "when", "how"], "{relation:?}");
        assert_eq!(told.fields[4].text, "28 December 2026, 18:00 UTC", "as exactly as it is known");
        assert!(told.header.handling.rel_to.as_ref().is_some_and(|only| only.len() == 1 && only.contains(B)));
        assert_eq!(told.header.agreement, None);
        let body = String::from_utf8(houses.b().body(&line.entry).unwrap()).unwrap();
        assert!(!body.contains("Service A"), "{relation:?}: the giver is a partner: {body}");
    }
}

#[test]
fn what_is_no_threat_to_life_stays_held() {
    for harm in [HarmKind::Fraud, HarmKind::Intrusion, HarmKind::InfrastructureDisruption] {
        let houses = in_relation(Relation::Suspended);
        let file = WarningFile { harm: [harm].into(), ..warning() };
        let tried = houses.a().preview("desk1", houses.a().written(&file), request(true));
        assert_eq!(code(tried), "not_imminent", "{harm}");
    }
}

#[test]
fn whoever_cannot_protect_the_target_is_told_nothing_by_the_floor() {
    let houses = in_relation(Relation::Suspended);
    let mut file = warning();
    file.protectors = [C.to_owned()].into();
    let looked = houses.a().looked_at(houses.a().written(&file), request(true));
    assert!(looked.proposal.is_none());
}

#[test]
fn of_persons_the_floor_names_the_intended_victim_alone() {
    let houses = in_relation(Relation::Suspended);
    let mut file = warning();
    let mut victim = file.subjects[0].clone();
    victim.category = SubjectCategory::IntendedVictim;
    victim.identity[0].name = "Name of Subject 2".to_owned();
    let mut stopped = victim.clone();
    stopped.identity[0].name = "Name of Subject 3".to_owned();
    stopped.grounds = [Ground::Belief].into();
    file.subjects.extend([victim, stopped]);
    houses.a().warn_in_danger(&file, &[B]);
    houses.settle_all();
    let told = houses.b().entry(&houses.b().newest()).warning.unwrap();
    let named: Vec<&str> =
        told.fields.iter().filter(|f| f.path.starts_with("subject")).map(|f| f.text.as_str()).collect();
    assert_eq!(named, ["Name of Subject 2"]);
}

#[test]
fn what_one_person_releases_is_the_bare_threat_even_where_the_ordinary_way_is_open() {
    let houses = TestHouses::two_with(persons(terms(A, B), model::vocab::PersonsRule::Named));
    let a = houses.a();
    a.trust_with_persons(B, "2027-06-01").unwrap();
    let sent = a.warn_in_danger(&warning(), &[B]);
    let told: Vec<&str> = sent
        .proposal
        .column(B)
        .cells
        .iter()
        .filter(|c| c.granted.is_some())
        .map(|c| c.field.as_str())
        .collect();
    assert_eq!(told, ["harm", "target", "what", "where", "when", "how"]);
    houses.settle_all();

    let ordinary = a.proposed(a.written(&warning()), &[B]);
    assert_eq!(
        code(a.release_alone("release1", &ordinary)),
        "not_imminent",
        "the rest takes a second person"
    );
    a.approved_and_released(ordinary);
    houses.settle_all();
    assert_eq!(houses.b().inbox().iter().filter(|l| l.life_floor).count(), 1);
}

#[test]
fn one_person_may_release_and_another_reviews() {
    let houses = in_relation(Relation::Suspended);
    let a = houses.a();
    let line = a.trail().len();
    let sent = a.warn_in_danger(&warning(), &[B]);
    houses.settle_all();
    let noted = a.trail().split_off(line);
    assert!(noted.iter().any(|l| l.act == "release" && l.marks == ["imminent_danger"]), "{noted:?}");
    assert_eq!(reviews(&houses), 1);
    assert_eq!(code(a.review("release1", sent.id())), "approver_is_author");
    for person in ["desk1", "liaison1", "operator1", "oversight1"] {
        assert_eq!(code(a.review(person, sent.id())), "not_authorised", "{person}");
    }
    assert_eq!(reviews(&houses), 1);
    a.review("release2", sent.id()).unwrap();
    assert_eq!(reviews(&houses), 0);
    assert_eq!(code(a.review("release2", sent.id())), "no_review", "it is reviewed once");
}

#[test]
fn a_review_that_nobody_does_is_escalated() {
    let houses = in_relation(Relation::Suspended);
    houses.a().warn_in_danger(&warning(), &[B]);
    houses.settle_all();
    houses.advance(24 * 60 - 1);
    houses.a().tick();
    assert!(!overdue_review(&houses));
    houses.advance(1);
    houses.a().tick();
    assert!(overdue_review(&houses));
    assert_eq!(reviews(&houses), 1, "and stays open");
}

#[test]
fn a_release_by_one_person_needs_words_and_release_authority() {
    let houses = in_relation(Relation::NoAgreement);
    let a = houses.a();
    let proposed = a.proposed_in_danger(a.written(&warning()), &[B]);
    for person in ["desk1", "liaison1", "operator1", "oversight1"] {
        assert_eq!(code(a.release_alone(person, &proposed)), "not_authorised", "{person}");
    }
    assert_eq!(code(a.release("release1", &proposed)), "not_approved");
    let (house, caller, key) = (a.house(), a.caller("release1"), a.key("release1"));
    let wordless = exchange::release::Authority::ImminentDanger("  ".to_owned());
    let (id, digest) = (proposed.id, proposed.digest);
    let tried =
        exchange::release::release(&house, &caller, &key, id, digest, wordless, a.now(), &mut a.rng());
    assert_eq!(code(tried), "no_reason");
    assert!(a.waiting().is_empty());
}

#[test]
fn anothers_threat_passes_by_its_standing_exception_and_the_officer_hears_whom_to_tell() {
    for stands in [true, false] {
        let houses = TestHouses::of(&[A, B, C]);
        houses.agree(A, C, &Terms { life_exception: stands, ..terms(A, C) });
        let mut file = warning();
        let handling = model::words::HandlingWords { orcon: [C.to_owned()].into(), ..file.handling.clone() };
        file.how[0].handling = Some(handling);
        let a = houses.a();
        let proposed = a.proposed_in_danger(a.written(&file), &[B]);
        let told = proposed.granted(B, "how");
        assert_eq!(told, stands.then_some("improvised explosive devices"), "standing: {stands}");
        let released = a.release_alone("release1", &proposed).unwrap();
        assert_eq!(released.tell, if stands { vec![C.to_owned()] } else { vec![] });
        houses.settle_all();
        assert!(
            houses.b().entry(&houses.b().newest()).warning.unwrap().fields.iter().any(|f| f.path == "what")
        );
    }
}

fn request(imminent_danger: bool) -> Request {
    Request { recipients: recipients(&[B]), imminent_danger, overrides: Vec::new() }
}

fn reviews(houses: &TestHouses) -> usize {
    houses.a().clocks().iter().filter(|c| c.awaited == Awaited::Review).count()
}

fn overdue_review(houses: &TestHouses) -> bool {
    houses.a().notices().iter().any(|n| n.contains("OVERDUE: review"))
}

fn in_relation(relation: Relation) -> TestHouses {
    let houses = TestHouses::of(&[A, B]);
    let domain = |change: fn(&mut model::agreement::DomainTerms)| {
        let mut terms = terms(A, B);
        change(terms.domains.get_mut(&Domain::CounterTerrorism).unwrap());
        terms
    };
    let stance = |who: &str, other: &str, state| {
        houses.agree(A, B, &terms(A, B));
        houses.at(who).take_stance(other, Domain::CounterTerrorism, state).unwrap();
        houses.settle_all();
    };
    match relation {
        Relation::NoAgreement => {}
        Relation::ProposedOnly => {
            houses.propose(A, B, &terms(A, B));
        }
        Relation::RefusedAgreement => {
            let hash = houses.propose(A, B, &terms(A, B));
            houses.b().answer_agreement(A, &hash, exchange::agreement::Answer::Refuse).unwrap();
            houses.settle_all();
        }
        Relation::DomainNotNamed => {
            let mut without = terms(A, B);
            without.domains.remove(&Domain::CounterTerrorism);
            houses.agree(A, B, &without);
        }
        Relation::KindNotNamed => {
            houses.agree(A, B, &domain(|d| d.kinds = [MatterKind::Indicator].into()));
        }
        Relation::PurposeNotNamed => {
            houses.agree(A, B, &domain(|d| d.purposes = [model::vocab::Purpose::Oversight].into()));
        }
        Relation::OutsidePilot => {
            let pilot = domain(|d| {
                d.state = OpeningState::Resuming;
                d.pilot_scope = [MatterKind::Indicator].into();
            });
            houses.agree(A, B, &pilot);
        }
        Relation::Suspended => stance(B, A, DomainState::Suspended),
        Relation::SuspendedByUs => stance(A, B, DomainState::Suspended),
        Relation::Terminated => stance(A, B, DomainState::Terminated),
        Relation::Ended => {
            let ended = Terms { until: Some(testkit::at(60)), ..terms(A, B) };
            houses.agree(A, B, &ended);
            houses.advance(61);
        }
        Relation::NoLifeException => {
            let struck = Terms { life_exception: false, ..terms(A, B) };
            houses.agree(A, B, &struck);
            houses.at(B).take_stance(A, Domain::CounterTerrorism, DomainState::Suspended).unwrap();
            houses.settle_all();
        }
    }
    houses
}
