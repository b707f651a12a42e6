//! The log records what was sent, not what was queued: what may not go any more is stopped, what may have left is
//! followed by its recall.

use exchange::answer::About;
use exchange::deliver;
use exchange::preview::{Request, Stated};
use exchange::standing::Change;
use model::agreement::Terms;
use model::state::DomainState;
use model::vocab::{Domain, NamingDepth, Precedence, Purpose, RecallReason};
use testkit::{A, B, Sent, TestHouses, Weather, code, for_parcels, party, terms, warning};
use tlog::channel::Use;
use tlog::parcel::Parcel;

#[test]
fn what_may_not_go_any_more_is_stopped_and_leaves_no_trace_with_the_recipient() {
    type Stop = fn(&TestHouses, &Sent);
    let stops: [(&str, Stop); 6] = [
        ("suspended by the receiver", |houses, _| suspend(houses, B)),
        ("suspended by the giver", |houses, _| suspend(houses, A)),
        ("the agreement was replaced", |houses, _| replace_agreement(houses)),
        ("cancelled", |houses, sent| drop(houses.a().cancel(sent.warning))),
        ("let lapse", |houses, sent| drop(houses.a().lapse(sent.warning))),
        ("recalled", |houses, sent| drop(houses.a().recall(sent.warning))),
    ];
    for (why, stop) in stops {
        let houses = TestHouses::two();
        houses.plant("improvised explosive", &[A]);
        let sent = houses.a().warn(&warning(), &[B]);
        stop(&houses, &sent);
        houses.settle_all();
        assert!(houses.b().inbox().is_empty(), "{why}: {:#?}", houses.b().inbox());
        assert!(houses.a().sent().is_empty(), "{why}");
        let copies = houses.a().copies(sent.warning);
        assert!(copies.iter().all(|(_, where_)| where_.starts_with("withdrawn: ")), "{why}: {copies:?}");
        assert!(houses.a().waiting().is_empty(), "{why}");
    }
}

#[test]
fn what_was_released_goes_as_it_was_approved_also_when_the_warning_is_written_anew_meanwhile() {
    let houses = TestHouses::two();
    let sent = houses.a().warn(&warning(), &[B]);
    let mut other = warning();
    other.how[0].text = "fertiliser".to_owned();
    houses.a().rewrite("desk1", sent.warning, &other).unwrap();
    houses.settle_all();
    assert_eq!(houses.b().inbox().len(), 1);
    assert_eq!(arrived(&houses), sent.proposal.text(B), "byte for byte");
}

#[test]
fn releases_of_one_round_go_each_as_it_was_stated_and_approved() {
    let houses = TestHouses::two();
    let a = houses.a();
    let stated = |precedence, purpose| {
        let to = Stated { party: B.to_owned(), precedence, purpose };
        let request = Request { recipients: vec![to], imminent_danger: false, overrides: Vec::new() };
        a.approved_and_released(a.proposed_with(a.written(&warning()), request)).proposal
    };
    let mut approved = vec![
        stated(Precedence::Immediate, Purpose::PreventHarm).text(B).to_owned(),
        stated(Precedence::Flash, Purpose::PreventHarm).text(B).to_owned(),
        a.warn_in_danger(&warning(), &[B]).proposal.text(B).to_owned(),
        stated(Precedence::Immediate, Purpose::PreventHarm).text(B).to_owned(),
        stated(Precedence::Routine, Purpose::PreventHarm).text(B).to_owned(),
    ];
    houses.carry(A, B).unwrap();
    let entries = houses.b().inbox().into_iter().map(|line| line.entry);
    let mut arrived: Vec<String> =
        entries.map(|entry| String::from_utf8(houses.b().body(&entry).unwrap()).unwrap()).collect();
    approved.sort();
    arrived.sort();
    assert_eq!(arrived, approved);
    houses.settle_all();
}

#[test]
fn what_was_asked_for_the_releases_of_one_round_is_asked_anew_in_the_next() {
    let houses = TestHouses::two();
    let a = houses.a();
    let first = a.warn(&warning(), &[B]);
    houses.carry(A, B).unwrap();
    let second = a.warn(&warning(), &[B]);
    suspend(&houses, A);
    let third = a.warn_in_danger(&warning(), &[B]);
    houses.carry(A, B).unwrap();
    let where_is = |sent: &Sent| a.copies(sent.warning)[0].1.clone();
    assert!(!where_is(&first).starts_with("withdrawn"), "{}", where_is(&first));
    assert!(where_is(&second).starts_with("withdrawn: "), "{}", where_is(&second));
    assert!(!where_is(&third).starts_with("withdrawn"), "{}", where_is(&third));
    assert_eq!(houses.b().inbox().len(), 2);
    houses.settle_all();
}

fn arrived(houses: &TestHouses) -> String {
    String::from_utf8(houses.b().body(&houses.b().newest()).unwrap()).unwrap()
}

#[test]
fn what_was_stopped_is_in_the_givers_trail_with_its_reason() {
    let houses = TestHouses::two();
    houses.a().warn(&warning(), &[B]);
    suspend(&houses, B);
    houses.settle_all();
    let line = houses.a().trail().into_iter().find(|l| l.act == "delivery.withdraw").unwrap();
    assert!(line.detail.contains("suspended"), "{line:?}");
}

#[test]
fn what_was_stopped_can_be_released_again_once_it_may_go() {
    let houses = TestHouses::two();
    let sent = houses.a().warn(&warning(), &[B]);
    suspend(&houses, B);
    houses.settle_all();
    assert!(houses.b().inbox().is_empty());
    for state in [DomainState::Resuming, DomainState::Active] {
        houses.b().take_stance(A, Domain::CounterTerrorism, state).unwrap();
        houses.settle_all();
    }
    let a = houses.a();
    let again = a.proposed(sent.warning, &[B]);
    assert!(!again.column(B).nothing_new, "the recipient holds nothing of it");
    a.approved_and_released(again);
    houses.settle_all();
    let inbox = houses.b().inbox();
    assert_eq!(inbox.len(), 1);
    assert!(!inbox[0].update, "what came first is no update");
    assert_eq!(houses.b().entry(&inbox[0].entry).kind, "warning.released");
}

#[test]
fn a_first_copy_that_never_left_does_not_show_in_the_second() {
    let mut second = warning();
    second.how[0].text = "fertiliser".to_owned();
    let told = |first_was_stopped: bool| {
        let houses = TestHouses::two();
        let a = houses.a();
        let warning = a.written(&if first_was_stopped { warning() } else { second.clone() });
        if first_was_stopped {
            a.approved_and_released(a.proposed(warning, &[B]));
            a.rewrite("desk1", warning, &second).unwrap();
        }
        houses.advance(60);
        a.approved_and_released(a.proposed(warning, &[B]));
        houses.settle_all();
        let entry = houses.b().entry(&houses.b().newest());
        let body = String::from_utf8(houses.b().body(&entry.entry).unwrap()).unwrap();
        (entry.kind, body.matches("2026-12-10T12:00:00").count())
    };
    assert_eq!(told(true), told(false));
}

#[test]
fn an_update_that_the_recipient_holds_already_appends_nothing() {
    let houses = TestHouses::two();
    let a = houses.a();
    let sent = a.warn(&warning(), &[B]);
    houses.settle_all();
    let mut file = warning();
    file.case = Some("only our own name for it has changed".to_owned());
    a.rewrite("desk1", sent.warning, &file).unwrap();
    let looked = a.looked_at(
        sent.warning,
        exchange::preview::Request {
            recipients: testkit::recipients(&[B]),
            imminent_danger: false,
            overrides: Vec::new(),
        },
    );
    assert!(looked.proposal.is_none() && looked.columns[0].nothing_new);
    houses.settle_all();
    assert_eq!(houses.b().inbox().len(), 1);
}

#[test]
fn an_update_keeps_the_thread_and_answers_the_first_release() {
    let houses = TestHouses::two();
    let sent = houses.a().warn(&warning(), &[B]);
    let mut file = warning();
    file.how[0].text = "fertiliser".to_owned();
    houses.settle_all();
    houses.advance(5);
    houses.a().update(sent.warning, &file, &[B]);
    houses.settle_all();
    let inbox = houses.b().inbox();
    assert_eq!(inbox.len(), 2);
    assert_eq!(inbox[0].thread, inbox[1].thread);
    assert!(inbox[0].update && !inbox[1].update);
}

#[test]
fn what_may_have_left_is_delivered_and_followed_by_its_recall() {
    for lost in [Weather::RequestLost, Weather::AnswerLost] {
        let houses = TestHouses::two();
        let sent = houses.a().warn(&warning(), &[B]);
        assert!(houses.carry_in(A, B, &mut for_parcels(lost)).is_err());
        houses.a().recall(sent.warning);
        houses.settle_all();
        let inbox = houses.b().inbox();
        assert_eq!((inbox.len(), inbox[0].standing), (1, "recalled"), "{lost:?}");
    }
}

#[test]
fn the_bare_threat_goes_although_the_domain_was_suspended_after_its_release() {
    let houses = TestHouses::two();
    suspend(&houses, A);
    houses.settle_all();
    houses.a().warn_in_danger(&warning(), &[B]);
    houses.b().take_stance(A, Domain::CounterTerrorism, DomainState::Suspended).unwrap();
    houses.settle_all();
    assert_eq!(houses.b().inbox().len(), 1);
    assert!(houses.b().inbox()[0].life_floor);
}

#[test]
fn a_change_of_what_is_agreed_goes_before_what_was_decided_earlier_and_waits() {
    let houses = TestHouses::two();
    houses.a().warn(&warning(), &[B]);
    houses.a().thank("liaison1", About::Unsolicited(party(B))).unwrap();
    suspend(&houses, A);
    houses.carry(A, B).unwrap();
    let relation = houses.b().relation(A);
    assert_eq!(relation.releases().count(), 0);
    assert_eq!(relation.thanks().count(), 1, "what does not rest on the domain goes");
    houses.settle_all();
}

#[test]
fn a_crash_after_the_append_sends_the_same_bytes_again() {
    let houses = TestHouses::two();
    houses.a().warn(&warning(), &[B]);
    assert!(houses.carry_in(A, B, &mut for_parcels(Weather::Late)).is_err());
    houses.a().restart();
    houses.advance(3);
    houses.carry(A, B).unwrap();
    houses.late_arrives();
    houses.settle_all();
    assert_eq!(houses.b().inbox().len(), 1);
    let parcels: Vec<_> = houses
        .observed(B, A)
        .into_iter()
        .filter(|c| c.path.ends_with("add-entries") && c.status == 200)
        .collect();
    let twice = parcels.iter().filter(|p| p.request == parcels[parcels.len() - 1].request).count();
    assert_eq!(twice, 2, "the parcel after the restart is the one before it");
}

#[test]
fn nothing_is_signed_after_a_start_before_the_partner_was_asked_for_its_newest_head() {
    let houses = TestHouses::two();
    houses.a().restart();
    houses.a().warn(&warning(), &[B]);
    let a = houses.a();
    let sent = deliver::next_parcel(&a.house(), &party(B), Use::Actual, None, a.now(), &mut a.rng()).unwrap();
    assert!(sent.is_none());
    let asked = houses.arrived(A, B, "checkpoint");
    houses.settle_all();
    assert_eq!(houses.arrived(A, B, "checkpoint"), asked + 1);
    assert_eq!(houses.b().inbox().len(), 1);
}

#[test]
fn a_parcel_stays_within_its_limit_however_often_it_was_refused() {
    let houses = TestHouses::two();
    for _ in 0..1_100 {
        houses.a().thank("liaison1", About::Unsolicited(party(B))).unwrap();
    }
    for _ in 0..2 {
        assert!(houses.carry_in(A, B, &mut for_parcels(Weather::RequestLost)).is_err());
    }
    houses.settle_all();
    let parcels = houses.observed(B, A).into_iter().filter(|c| c.path.ends_with("add-entries"));
    let most = parcels.map(|c| Parcel::parse(&c.request).unwrap().items.len()).max().unwrap();
    assert!(most <= 1024, "{most} entries in one parcel");
    assert_eq!(houses.b().relation(A).thanks().count(), 1_100);
}

#[test]
fn nothing_flows_to_a_partner_that_is_not_confirmed() {
    let houses = TestHouses::two();
    houses.a().warn(&warning(), &[B]);
    houses.a().sql("node.db", "UPDATE partners SET state = 'unconfirmed'");
    let carried = houses.carry(A, B);
    assert!(carried.is_err(), "{carried:?}");
    assert!(houses.b().inbox().is_empty());
    assert_eq!(code(houses.a().undertake(B)), "unconfirmed");
    houses.leave_undelivered();
}

#[test]
fn what_is_recalled_before_it_was_sent_is_told_to_nobody() {
    let houses = TestHouses::two();
    let sent = houses.a().warn(&warning(), &[B]);
    let change = Change::Recall { reason: RecallReason::Error, counts: false };
    let changed = houses.a().change("release1", sent.warning, change).unwrap();
    assert_eq!((changed.told.len(), changed.stopped.as_slice()), (0, &[B.to_owned()][..]));
    let parcels = houses.arrived(A, B, "add-entries");
    houses.settle_all();
    assert_eq!(houses.arrived(A, B, "add-entries"), parcels, "not even a parcel went");
}

fn suspend(houses: &TestHouses, who: &str) {
    let other = if who == A { B } else { A };
    houses.at(who).take_stance(other, Domain::CounterTerrorism, DomainState::Suspended).unwrap();
    // What B says arrives before A's courier comes to the outbox.
    if who == B {
        houses.carry(B, A).unwrap();
    }
}

/// B proposes an agreement in the place of the present one, and A accepts it.
fn replace_agreement(houses: &TestHouses) {
    let before = houses.b().relation(A).domain(Domain::CounterTerrorism).unwrap().agreement;
    let mut next = Terms { replaces: Some(before.to_string()), ..terms(A, B) };
    next.domains.get_mut(&Domain::CounterTerrorism).unwrap().naming = NamingDepth::Country;
    let hash = houses.b().propose(A, &next).unwrap();
    houses.carry(B, A).unwrap();
    houses.a().accept(B, &hash).unwrap();
}
