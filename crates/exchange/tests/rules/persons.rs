//! Persons and originators: nothing of a person or of another's matter passes without its ground (I-07, I-32, I-42, S1).

use model::file::{PersonRung, SubjectWords, WarningFile};
use model::vocab::{Domain, Ground, IdentityBasis, PersonsRule, SubjectCategory};
use testkit::{A, B, C, TestHouses, persons, terms, text, warning};

#[test]
fn a_person_without_a_ground_of_their_own_is_stopped_and_the_threat_goes() {
    for grounds in [
        vec![],
        vec![Ground::Belief],
        vec![Ground::Affiliation, Ground::Origin],
        vec![Ground::Journalism, Ground::Protest, Ground::Asylum],
    ] {
        let houses = TestHouses::two_with(persons(terms(A, B), PersonsRule::Named));
        houses.a().trust_with_persons(B, "2027-06-01").unwrap();
        houses.plant("Ygrainne", &[A]);
        let mut file = warning();
        file.subjects = vec![subject("Ygrainne", &grounds), subject("Subject 2", &[Ground::PlansAttack])];
        let line = houses.a().trail().len();
        let wrote = houses.a().write("desk1", &file).unwrap();
        assert_eq!(wrote.persons_stopped.len(), 1, "{grounds:?}");
        let kept = houses.a().row(wrote.warning.parse().unwrap()).file;
        assert!(!kept.contains("Ygrainne"), "not even as a draft: {kept}");
        let noted = &houses.a().trail()[line];
        assert_eq!(noted.marks, ["person_stopped"], "oversight sees that it happened");
        assert!(!noted.detail.contains("Ygrainne"), "and not who");

        houses.a().warn(&file, &[B]);
        houses.settle_all();
        let entry = houses.b().entry(&houses.b().newest());
        let told = entry.warning.unwrap();
        assert!(told.fields.iter().any(|f| f.path == "what"), "the threat goes");
        let named: Vec<_> = told.fields.iter().filter(|f| f.path.starts_with("subject")).collect();
        assert_eq!(named.len(), 1);
        assert_eq!(named[0].text, "Subject 2", "and so does whoever has a ground");
    }
}

#[test]
fn a_protected_ground_beside_a_real_one_stops_nobody() {
    let houses = TestHouses::two();
    let mut file = warning();
    file.subjects = vec![subject("Subject 1", &[Ground::Belief, Ground::PlansAttack])];
    assert!(houses.a().write("desk1", &file).unwrap().persons_stopped.is_empty());
}

#[test]
fn a_person_whose_review_is_overdue_is_not_written_and_not_released() {
    let houses = TestHouses::two_with(persons(terms(A, B), PersonsRule::Named));
    let a = houses.a();
    a.trust_with_persons(B, "2027-06-01").unwrap();
    let mut file = warning();
    file.subjects[0].review_date = "2026-12-10".parse().unwrap();
    assert_eq!(a.write("desk1", &file).unwrap().persons_stopped.len(), 1);

    file.subjects[0].review_date = "2026-12-12".parse().unwrap();
    let id = a.written(&file);
    assert_eq!(a.proposed(id, &[B]).granted(B, "subject 1 identity"), Some("Name of Subject 1"));
    houses.advance(60 * 48);
    let later = a.proposed(id, &[B]);
    assert_eq!(later.granted(B, "subject 1 identity"), None, "past it, not even as a person");
    assert!(later.granted(B, "what").is_some());
}

#[test]
fn persons_need_the_agreements_leave_and_an_assessment_in_force() {
    for (rule, assessed, told) in [
        (PersonsRule::None, true, "a person"),
        (PersonsRule::LeadOnly, false, "a person"),
        (PersonsRule::LeadOnly, true, "Name of Subject 1"),
        (PersonsRule::Named, false, "a person"),
        (PersonsRule::Named, true, "Name of Subject 1"),
    ] {
        let houses = TestHouses::two_with(persons(terms(A, B), rule));
        if assessed {
            houses.a().trust_with_persons(B, "2027-06-01").unwrap();
        }
        let sent = houses.a().warn(&warning(), &[B]);
        assert_eq!(sent.proposal.granted(B, "subject 1 identity"), Some(told), "{rule} {assessed}");
        houses.settle_all();
        let body = String::from_utf8(houses.b().body(&houses.b().newest()).unwrap()).unwrap();
        assert_eq!(body.contains("Name of Subject 1"), told != "a person");
        if rule == PersonsRule::LeadOnly && assessed {
            assert!(body.contains("lead_only"), "as a lead only: {body}");
        }
    }
}

#[test]
fn an_assessment_is_for_one_partner_and_one_domain() {
    let houses = TestHouses::of(&[A, B, C]);
    for other in [B, C] {
        houses.agree(A, other, &persons(terms(A, other), PersonsRule::Named));
    }
    houses.a().trust_with_persons(B, "2027-06-01").unwrap();
    let mut file = warning();
    file.what.remove(0);
    let id = houses.a().written(&file);
    let proposed = houses.a().proposed(id, &[B, C]);
    assert_eq!(proposed.granted(B, "subject 1 identity"), Some("Name of Subject 1"));
    assert_eq!(proposed.granted(C, "subject 1 identity"), Some("a person"));
}

#[test]
fn an_identity_that_nobody_stands_for_is_not_given_as_one() {
    let houses = TestHouses::two_with(persons(terms(A, B), PersonsRule::Named));
    houses.a().trust_with_persons(B, "2027-06-01").unwrap();
    for (basis, told) in [
        (IdentityBasis::Confirmed, "Name of Subject 1"),
        (IdentityBasis::Claimed, "Name of Subject 1"),
        (IdentityBasis::PerMedia, "a person"),
        (IdentityBasis::Unknown, "a person"),
    ] {
        let mut file = warning();
        file.subjects[0].identity_basis = basis;
        let proposed = houses.a().proposed(houses.a().written(&file), &[B]);
        assert_eq!(proposed.granted(B, "subject 1 identity"), Some(told), "{basis}");
    }
}

#[test]
fn an_originators_field_is_not_passed_on_without_a_grant() {
    let houses = TestHouses::three();
    houses.plant("CINNABAR7", &[A, C]);
    let file = originated("CINNABAR7", &[C]);
    let id = houses.a().written(&file);
    let proposed = houses.a().proposed(id, &[B, C]);
    assert_eq!(proposed.granted(B, "how"), Some("explosives"));
    assert_eq!(proposed.granted(C, "how"), Some("the CINNABAR7 method"), "the originator may have its own");
    let why = proposed.column(B).cells.iter().find(|c| c.field == "how").unwrap();
    assert!(why.struck[0].reason.contains("originator"), "{:?}", why.struck);
    houses.a().approved_and_released(proposed);
    houses.settle_all();
    assert_eq!((houses.b().inbox().len(), houses.c().inbox().len()), (1, 1));
}

#[test]
fn every_originator_of_a_field_must_have_given_its_grant() {
    let houses = TestHouses::three();
    houses.plant("CINNABAR7", &[A]);
    for owners in [&[B, C][..], &[C, "service-d.example"], &["service-d.example"]] {
        let proposed = houses.a().proposed(houses.a().written(&originated("CINNABAR7", owners)), &[B, C]);
        for recipient in [B, C] {
            let alone = owners.iter().all(|o| *o == recipient);
            assert_eq!(
                proposed.granted(recipient, "how") == Some("explosives"),
                !alone,
                "{owners:?} {recipient}"
            );
        }
    }
}

#[test]
fn what_we_originated_ourselves_needs_nobodys_grant() {
    let houses = TestHouses::two();
    let proposed = houses.a().proposed(houses.a().written(&originated("our own method", &[A])), &[B]);
    assert_eq!(proposed.granted(B, "how"), Some("the our own method method"));
}

/// Only the first rung of `how` is another's; it may go to anybody that it may go to.
fn originated(word: &str, owners: &[&str]) -> WarningFile {
    let mut file = warning();
    file.what.remove(0);
    let handling = model::words::HandlingWords {
        orcon: owners.iter().map(|o| (*o).to_owned()).collect(),
        ..file.handling.clone()
    };
    file.how = vec![text(&format!("the {word} method"), Some(handling)), text("explosives", None)];
    file
}

fn subject(name: &str, grounds: &[Ground]) -> SubjectWords {
    SubjectWords {
        pseudonym: "Subject".to_owned(),
        category: SubjectCategory::Suspect,
        purpose: model::vocab::Purpose::PreventHarm,
        grounds: grounds.iter().copied().collect(),
        review_date: "2027-12-01".parse().unwrap(),
        identity_basis: IdentityBasis::Confirmed,
        identity: vec![PersonRung {
            name: name.to_owned(),
            aliases: Vec::new(),
            identifiers: Vec::new(),
            handling: None,
        }],
        status: Vec::new(),
    }
}

#[test]
fn a_domain_without_an_agreement_is_told_nothing() {
    let houses = TestHouses::two();
    let mut file = warning();
    file.domain = Domain::Financial;
    let looked = houses.a().looked_at(
        houses.a().written(&file),
        exchange::preview::Request {
            recipients: testkit::recipients(&[B]),
            imminent_danger: false,
            overrides: Vec::new(),
        },
    );
    assert!(looked.proposal.is_none() && looked.columns[0].held.is_some());
}
