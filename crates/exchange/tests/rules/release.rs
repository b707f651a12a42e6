//! What leaves is what was approved by another person, judged again at that moment (I-10, I-11, I-13).

use disclosure::{Audience, Keys, Path, Stamp};
use exchange::preview::{OverrideWords, Request};
use jiff::ToSpan as _;
use model::agreement::Terms;
use model::file::WarningFile;
use model::state::DomainState;
use model::vocab::{Domain, NamingDepth, PersonsRule, TimeDepth};
use model::warning::Warning;
use testkit::{
    A, B, Sent, TestHouse, TestHouses, at, code, persons, recipients, terms, text, tight, warning,
};

#[test]
fn what_was_approved_arrives_byte_for_byte() {
    let houses = TestHouses::two();
    let sent = houses.a().warn(&warning(), &[B]);
    houses.settle_all();
    assert_eq!(arrived(&houses), sent.proposal.text(B));
}

/// A second person reads just what would go, and reading of named persons is noted with its reason.
#[test]
fn the_second_person_reads_the_stored_proposal_whole_and_the_reading_is_noted() {
    let houses = TestHouses::two();
    let a = houses.a();
    let id = a.written(&warning());
    let proposal = a.proposed(id, &[B]);
    let line = a.trail().len();
    let read = exchange::preview::look(&a.house(), &a.caller("release1"), proposal.id, a.now()).unwrap();
    assert_eq!(read, proposal.view, "the same as its author saw");
    assert!(a.trail().split_off(line).iter().any(|l| l.act == "person.read" && l.who == "release1"));

    let mut edited = warning();
    edited.how[0].text = "fertiliser".to_owned();
    a.rewrite("desk1", id, &edited).unwrap();
    let still = exchange::preview::look(&a.house(), &a.caller("release1"), proposal.id, a.now()).unwrap();
    assert_eq!(
        still.columns, proposal.view.columns,
        "what is written later does not change what was proposed"
    );
}

#[test]
fn a_warning_that_was_edited_is_not_released() {
    let houses = TestHouses::two();
    let a = houses.a();
    let id = a.written(&warning());
    let mut edited = warning();
    edited.how[0].text = "fertiliser".to_owned();

    let before_approval = a.proposed(id, &[B]);
    a.rewrite("desk1", id, &edited).unwrap();
    assert_eq!(code(a.approve("release1", &before_approval)), "wrong_step");
    assert_eq!(code(a.release("release2", &before_approval)), "wrong_step");

    a.assess("desk1", id, FOUND).unwrap();
    let approved = a.proposed(id, &[B]);
    a.approve("release1", &approved).unwrap();
    a.rewrite("desk1", id, &warning()).unwrap();
    assert_eq!(code(a.release("release2", &approved)), "changed");
    assert_eq!(code(a.release_alone("release2", &approved)), "not_imminent");
    assert!(a.waiting().is_empty());
}

#[test]
fn an_edit_that_the_recipient_cannot_see_takes_the_approval_back_too() {
    let houses = TestHouses::two();
    let a = houses.a();
    let id = a.written(&warning());
    let approved = a.proposed(id, &[B]);
    a.approve("release1", &approved).unwrap();
    let mut edited = warning();
    edited.case = Some("another name for it".to_owned());
    a.rewrite("desk1", id, &edited).unwrap();
    assert_eq!(code(a.release("release2", &approved)), "changed");
    assert!(a.waiting().is_empty());
}

#[test]
fn another_agreement_since_the_preview_stops_the_release() {
    let houses = TestHouses::two();
    let (approved, _) = approved(&houses, &warning());
    let before = houses.a().relation(B).domain(Domain::CounterTerrorism).unwrap().agreement;
    let next = Terms { replaces: Some(before.to_string()), ..naming(NamingDepth::Country) };
    houses.agree(A, B, &next);
    assert_eq!(code(houses.a().release("release2", &approved)), "changed");
}

#[test]
fn a_suspended_domain_since_the_preview_stops_the_release_whoever_suspended_it() {
    for who in [A, B] {
        let houses = TestHouses::two();
        let (approved, _) = approved(&houses, &warning());
        let other = if who == A { B } else { A };
        houses.at(who).take_stance(other, Domain::CounterTerrorism, DomainState::Suspended).unwrap();
        houses.settle_all();
        assert_eq!(code(houses.a().release("release2", &approved)), "held", "suspended by {who}");
    }
}

#[test]
fn an_assessment_that_lapsed_since_the_preview_stops_the_release() {
    let houses = TestHouses::two_with(persons(terms(A, B), PersonsRule::Named));
    houses.a().trust_with_persons(B, "2026-12-11").unwrap();
    houses.advance(6 * 60);
    let (approved, id) = approved(&houses, &warning());
    assert_eq!(approved.granted(B, "subject 1 identity"), Some("Name of Subject 1"));
    houses.advance(6 * 60 + 30);
    assert_eq!(code(houses.a().release("release2", &approved)), "changed");

    let again = houses.a().proposed(id, &[B]);
    assert_eq!(again.granted(B, "subject 1 identity"), Some("a person"));
}

#[test]
fn a_handling_whose_time_has_passed_since_the_preview_stops_the_release() {
    let houses = TestHouses::two();
    let mut file = warning();
    let mut until = tight(&[B]);
    until.valid_until = Some(at(30));
    file.how[0].handling = Some(until);
    let (approved, _) = approved(&houses, &file);
    houses.advance(31);
    assert_eq!(code(houses.a().release("release2", &approved)), "changed");
}

#[test]
fn nothing_changed_and_the_release_goes_hours_later() {
    let houses = TestHouses::two();
    let (approved, _) = approved(&houses, &warning());
    houses.advance(11 * 60);
    houses.a().release("release2", &approved).unwrap();
    houses.settle_all();
    assert_eq!(arrived(&houses), approved.text(B));
}

#[test]
fn the_stored_seed_and_time_give_the_logged_bytes_again() {
    let houses = TestHouses::two();
    let sent = houses.a().warn(&warning(), &[B]);
    houses.settle_all();
    houses.advance(60 * 24 * 40);
    assert_eq!(replayed(houses.a(), &sent), arrived(&houses));
}

#[test]
fn what_was_released_is_not_released_twice_and_no_other_digest_is_taken() {
    let houses = TestHouses::two();
    let (approved, _) = approved(&houses, &warning());
    let mut other = approved.clone();
    other.digest = model::id::Digest::of(b"what was shown before");
    assert_eq!(code(houses.a().release("release2", &other)), "digest_is_stale");
    assert_eq!(code(houses.a().approve("release2", &other)), "digest_is_stale");
    houses.a().release("release2", &approved).unwrap();
    assert_eq!(code(houses.a().release("release2", &approved)), "already_released");
    houses.settle_all();
    assert_eq!(houses.b().inbox().len(), 1);
}

#[test]
fn the_giver_and_times_are_named_no_deeper_than_agreed() {
    let file = warning();
    for (naming, giver) in [
        (NamingDepth::Agency, Some("Service A")),
        (NamingDepth::KindOfService, Some("a service of Country A")),
        (NamingDepth::APartner, Some("a partner")),
        (NamingDepth::None, None),
    ] {
        let houses = TestHouses::two_with(self::naming(naming));
        let sent = houses.a().warn(&file, &[B]);
        assert_eq!(sent.proposal.granted(B, "giver"), giver);
        houses.settle_all();
        let deeper = ["Service A", "a service of Country A", "a partner"].into_iter();
        let told = arrived(&houses);
        for deep in deeper.take_while(|deep| Some(*deep) != giver) {
            assert!(!told.contains(deep), "{naming}: {deep} in {told}");
        }
    }
    for (depth, when, finer) in [
        (TimeDepth::Exact, Some("28 December 2026, 18:00 UTC"), &[][..]),
        (TimeDepth::Day, Some("28 December 2026"), &["18:00"]),
        (TimeDepth::Month, Some("December 2026"), &["18:00", "28 December", "12-28", "01-10"]),
        (TimeDepth::Year, Some("2026"), &["18:00", "December", "12-28", "01-10"]),
        (TimeDepth::None, None, &["18:00", "December", "12-28", "01-10", "2027"]),
    ] {
        let mut agreed = terms(A, B);
        agreed.domains.get_mut(&Domain::CounterTerrorism).unwrap().time = depth;
        let houses = TestHouses::two_with(agreed);
        let sent = houses.a().warn(&file, &[B]);
        assert_eq!(sent.proposal.granted(B, "when"), when);
        houses.settle_all();
        // The bundle says when it was made; that is the time of the release, not of what it tells.
        let told = arrived(&houses).replace("2026-12-10", "");
        for fine in finer {
            assert!(!told.contains(fine), "{depth}: {fine} in {told}");
        }
    }
}

#[test]
fn nobody_approves_what_they_wrote_or_proposed() {
    let houses = TestHouses::two();
    let a = houses.a();
    let wrote = a.write("release1", &warning()).unwrap();
    let id = wrote.warning.parse().unwrap();
    a.assess("release1", id, FOUND).unwrap();

    let own = a.preview("release1", id, request(&[B])).unwrap();
    let own = proposal(id, own);
    assert_eq!(code(a.approve("release1", &own)), "approver_is_author");

    let by_another = a.preview("desk1", id, request(&[B])).unwrap();
    let by_another = proposal(id, by_another);
    assert_eq!(code(a.approve("release1", &by_another)), "approver_is_author", "the author of the text");
    assert_eq!(code(a.release("release1", &by_another)), "not_approved");
    a.approve("release2", &by_another).unwrap();
    a.release("release1", &by_another).unwrap();
    houses.settle_all();
}

#[test]
fn an_approval_takes_release_authority_and_the_approvers_own_key() {
    let houses = TestHouses::two();
    let a = houses.a();
    let proposed = a.proposed(a.written(&warning()), &[B]);
    for person in ["desk2", "liaison1", "operator1", "oversight1"] {
        assert_eq!(code(a.approve(person, &proposed)), "not_authorised", "{person}");
        assert_eq!(code(a.release(person, &proposed)), "not_authorised", "{person}");
    }
    let borrowed = exchange::release::approve(
        &a.house(),
        &a.caller("release1"),
        &a.key("release2"),
        proposed.id,
        proposed.digest,
        a.now(),
        &mut a.rng(),
    );
    assert!(borrowed.is_err(), "nobody signs with another's key");
    assert_eq!(code(a.release("release2", &proposed)), "not_approved");
}

#[test]
fn a_word_that_the_comparison_found_is_let_through_by_a_release_officer_who_is_not_the_author() {
    let houses = TestHouses::two();
    let a = houses.a();
    let mut file = warning();
    file.who = vec![text("people around Group ZEPHYR9", Some(tight(&[A])))];
    file.what = vec![text("bombings planned by ZEPHYR9", None), text("bombings", None)];
    let id = a.written(&file);
    assert_eq!(a.proposed(id, &[B]).granted(B, "what"), Some("bombings"));
    let with = |by: &str, reason: &str| Request {
        overrides: vec![OverrideWords {
            path: "what".to_owned(),
            word: "ZEPHYR9".to_owned(),
            by: by.to_owned(),
            reason: reason.to_owned(),
        }],
        ..request(&[B])
    };
    for (caller, by, reason, refused) in [
        ("desk1", "desk1", "it is known", "not_authorised"),
        ("desk2", "desk2", "it is known", "not_authorised"),
        ("desk2", "release1", "it is known", "not_authorised"),
        ("release1", "release2", "it is known", "override"),
        ("release1", "release1", " ", "no_reason"),
    ] {
        let tried = a.preview(caller, id, with(by, reason));
        assert_eq!(code(tried), refused, "{caller} for {by}, {reason:?}");
    }
    let own = a.write("release1", &file).unwrap().warning.parse().unwrap();
    assert_eq!(code(a.preview("release1", own, with("release1", "it is known"))), "own_override");
    let line = a.trail().len();
    let let_through = proposal(id, a.preview("release1", id, with("release1", "B named it to us")).unwrap());
    assert_eq!(let_through.granted(B, "what"), Some("bombings planned by ZEPHYR9"));
    let noted = a.trail().split_off(line);
    assert!(noted.iter().any(|l| l.marks == ["override"] && l.who == "release1"), "{noted:?}");
}

const FOUND: exchange::duty::Findings =
    exchange::duty::Findings { credible: true, specific: true, impending: true };

fn naming(depth: NamingDepth) -> Terms {
    let mut terms = terms(A, B);
    terms.domains.get_mut(&Domain::CounterTerrorism).unwrap().naming = depth;
    terms
}

fn request(to: &[&str]) -> Request {
    Request { recipients: recipients(to), imminent_danger: false, overrides: Vec::new() }
}

fn proposal(warning: model::id::WarningId, view: exchange::view::preview::PreviewView) -> testkit::Proposal {
    let id = view.proposal.clone().unwrap().parse().unwrap();
    testkit::Proposal { warning, id, digest: view.digest.parse().unwrap(), view }
}

/// A proposal for B that release1 has approved.
fn approved(houses: &TestHouses, file: &WarningFile) -> (testkit::Proposal, model::id::WarningId) {
    let id = houses.a().written(file);
    let proposal = houses.a().proposed(id, &[B]);
    houses.a().approve("release1", &proposal).unwrap();
    (proposal, id)
}

/// What B holds of the newest release.
fn arrived(houses: &TestHouses) -> String {
    String::from_utf8(houses.b().body(&houses.b().newest()).unwrap()).unwrap()
}

/// The bytes that come out of what is stored of a release: the warning, the seed and the time.
fn replayed(a: &TestHouse, sent: &Sent) -> String {
    let (row, proposal) = (a.row(sent.warning), a.proposal_row(sent.id()));
    let file = WarningFile::parse(&row.file).unwrap();
    let written = file.written(row.created_at).unwrap();
    let warning = Warning {
        id: row.id,
        case: file.case,
        status: file.status,
        precedence: file.precedence,
        domain: file.domain,
        kind: file.kind,
        protectors: written.protectors,
        fields: written.fields,
        subjects: written.subjects,
        handling: written.handling,
        under: None,
        duty: row.duty,
        sources: row.sources,
        protected_terms: row.terms,
        author: row.author,
        graded_by: row.graded_by,
        aware_at: row.aware_at,
    };
    let request: Request = serde_json::from_str(&proposal.request).unwrap();
    let audience = Audience {
        party: testkit::party(B),
        domain: a.relation(B).domain(warning.domain),
        struck_out: Default::default(),
        risk_assessed: false,
        purpose: request.recipients[0].purpose,
        precedence: request.recipients[0].precedence,
        path: Path::Ordinary,
        under: None,
        contact: String::new(),
    };
    let keys = &a.house().keys;
    let keys = Keys { terms: &keys.terms, rendering: &keys.rendering };
    let stamp = Stamp { seed: proposal.seed, rendered_at: proposal.created_at, first_rendered_at: None };
    let later = a.now().checked_sub(1.hour()).unwrap();
    let digest = sent.proposal.column(B).digest.as_ref().unwrap().parse().unwrap();
    let released =
        disclosure::release_warning(&warning, &audience, a.name(), &keys, &[], &stamp, &digest, later)
            .unwrap();
    String::from_utf8(released.bytes().to_vec()).unwrap()
}
