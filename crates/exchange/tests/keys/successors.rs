//! A log that goes on in another: what counts stays counted, what was not accepted goes anew, and nothing is left behind
//! without a person.

use exchange::succession::{self, Ending};
use model::vocab::Disposition;
use store::{ChannelSide, ChannelState};
use testkit::{A, B, DataCopy, TestHouse, TestHouses, Weather, code, for_parcels, party, warning};
use tlog::channel::Use;

use crate::rotation::log;

fn succeed(house: &TestHouse, to: &str, ending: Ending) -> succession::Begun {
    try_succeed(house, "liaison1", to, ending).unwrap()
}

fn try_succeed(
    house: &TestHouse,
    by: &str,
    to: &str,
    ending: Ending,
) -> Result<succession::Begun, exchange::refusal::Refusal> {
    let (us, now) = (house.house(), house.now());
    let to = (&party(to), Use::Actual);
    succession::succeed(&us, &house.caller(by), to, "an exercise of the desk", ending, now, &mut house.rng())
}

fn kinds_of_all_logs(house: &TestHouse) -> Vec<String> {
    house.rows("node.db", "SELECT kind FROM entries ORDER BY channel, idx")
}

#[test]
fn a_log_that_ends_in_order_says_so_and_everything_stays_counted() {
    let houses = TestHouses::two();
    let (a, b) = (houses.a(), houses.b());
    a.warn(&warning(), &[B]);
    a.undertake(B).unwrap();
    houses.settle_all();
    let (line, before) = (b.newest(), a.ledger(B).counts);
    let agreed = b.relation(A).agreements().len();
    let begun = succeed(a, B, Ending::InOrder);
    assert!(begun.in_order);
    a.warn(&warning(), &[B]);
    houses.settle_all();
    let (ours, theirs) = (log(a, B, ChannelSide::Ours), log(b, A, ChannelSide::Theirs));
    assert_eq!(ours.origin, theirs.origin);
    assert_eq!(ours.follows, theirs.follows);
    assert!(ours.follows.is_some());
    assert!(kinds_of_all_logs(b).contains(&"channel.succeeded".to_owned()));
    assert_eq!(b.inbox().len(), 2, "the old one and the new one");
    assert_eq!(b.relation(A).agreements().len(), agreed);
    b.dispose("desk1", &line, Disposition::Accepted).unwrap();
    houses.settle_all();
    assert!(
        a.relation(B).release(&a.entry_ref(&line)).unwrap().disposed.len() == 1,
        "the old name still serves"
    );
    assert_eq!(a.ledger(B), b.ledger(A));
    assert!(a.ledger(B).counts.len() >= before.len());
    a.restart();
    b.restart();
    a.warn(&warning(), &[B]);
    b.undertake(A).unwrap();
    houses.settle_all();
    assert_eq!(b.inbox().len(), 3);
}

#[test]
fn both_directions_and_again_can_be_succeeded_under_traffic() {
    let houses = TestHouses::two();
    let (a, b) = (houses.a(), houses.b());
    for _ in 0..3 {
        a.warn(&warning(), &[B]);
        b.undertake(A).unwrap();
        let _ = houses.carry_in(A, B, &mut for_parcels(Weather::AnswerLost));
        succeed(a, B, Ending::InOrder);
        succeed(b, A, Ending::InOrder);
        a.warn(&warning(), &[B]);
        let _ = houses.carry_in(B, A, &mut for_parcels(Weather::AnswerLost));
        houses.settle_all();
        for line in b.inbox() {
            let _ = b.dispose("desk1", &line.entry, Disposition::Accepted);
        }
        houses.settle_all();
    }
    assert_eq!((a.sent().len(), b.inbox().len()), (6, 6));
    assert_eq!(a.ledger(B), b.ledger(A));
}

#[test]
fn what_was_never_accepted_goes_anew_in_the_new_log() {
    let houses = TestHouses::two();
    let (a, b) = (houses.a(), houses.b());
    a.warn(&warning(), &[B]);
    houses.settle_all();
    let sent = a.warn(&warning(), &[B]);
    assert!(houses.carry_in(A, B, &mut for_parcels(Weather::RequestLost)).is_err());
    a.cancel(sent.warning);
    let begun = succeed(a, B, Ending::AtOnce);
    assert_eq!((begun.in_order, begun.sent_anew), (false, 1));
    assert_eq!(a.sent().len(), 1, "what was not receipted does not count as sent");
    houses.settle_all();
    assert_eq!((a.sent().len(), b.inbox().len()), (2, 2));
    let cancelled = b.inbox().iter().filter(|l| l.standing == "cancelled").count();
    assert_eq!(cancelled, 1, "the cancellation names the entry where it stands now: {:?}", b.inbox());
    assert_eq!(a.ledger(B), b.ledger(A));
    assert!(!a.acts_since(0).contains(&"channel.successor_waits".to_owned()));
}

#[test]
fn a_successor_that_leaves_something_behind_waits_for_a_person_who_sees_it() {
    let houses = TestHouses::two();
    let (a, b) = (houses.a(), houses.b());
    a.warn(&warning(), &[B]);
    houses.settle_all();
    a.warn(&warning(), &[B]);
    assert!(houses.carry_in(A, B, &mut for_parcels(Weather::AnswerLost)).is_err());
    assert_eq!(b.inbox().len(), 2);
    succeed(a, B, Ending::AtOnce);
    let waits = houses.carry(A, B).unwrap_err();
    assert!(waits.0.contains("officer"), "{waits:?}");
    assert!(b.notices().iter().any(|n| n.contains("leaves something behind")), "{:?}", b.notices());
    let logs = exchange::view::channels::list(&b.house(), &b.caller("desk1")).unwrap();
    assert_eq!(logs.waiting.len(), 1);
    assert_eq!(logs.waiting[0].left_behind.len(), 1);
    assert_eq!(logs.waiting[0].left_behind[0].kind, "warning.released");
    let findings = exchange::view::status::doctor(&b.house(), &b.caller("desk1"), b.now()).unwrap();
    assert!(findings.iter().any(|f| f.hint.contains("forewarn channel accept")), "{findings:?}");
    let accept = |by| succession::accept(&b.house(), &b.caller(by), &party(A), Use::Actual, b.now());
    assert_eq!(code(accept("desk1")), "not_authorised");
    assert_eq!(code(accept("liaison1")), "done");
    assert_eq!(code(accept("liaison1")), "nothing_waits");
    assert_eq!(b.inbox().len(), 1, "the one left behind counts no longer");
    houses.settle_all();
    assert_eq!((a.sent().len(), b.inbox().len()), (2, 2), "and came anew");
    assert_eq!(a.ledger(B), b.ledger(A));
}

#[test]
fn a_frozen_log_goes_on_in_a_successor_and_its_freeze_stays_on_record() {
    let houses = TestHouses::two();
    let (a, b) = (houses.a(), houses.b());
    a.warn(&warning(), &[B]);
    houses.settle_all();
    b.sql("node.db", "UPDATE channels SET state = 'frozen', reason = 'two roots' WHERE side = 'theirs'");
    a.warn(&warning(), &[B]);
    assert!(houses.carry(A, B).is_err());
    assert_eq!(b.inbox().len(), 1);
    assert!(succeed(a, B, Ending::InOrder).in_order);
    houses.settle_all();
    assert_eq!(b.inbox().len(), 2, "what the frozen log did not take goes anew");
    let old = log(b, A, ChannelSide::Theirs).follows.unwrap();
    let old = b.store().view(|view| view.channel(&old)).unwrap().unwrap();
    assert_eq!(old.state, ChannelState::Succeeded(Some("two roots".to_owned())));
    assert_eq!(a.ledger(B), b.ledger(A));
}

#[test]
fn a_giver_that_went_back_behind_a_succession_goes_on_when_the_receivers_officer_agrees() {
    let houses = TestHouses::two();
    let (a, b) = (houses.a(), houses.b());
    a.warn(&warning(), &[B]);
    houses.settle_all();
    let copy = a.copy(DataCopy::WithoutMark);
    succeed(a, B, Ending::InOrder);
    houses.settle_all();
    a.warn(&warning(), &[B]);
    houses.settle_all();
    assert_eq!(b.inbox().len(), 2);
    a.go_back(&copy);
    for _ in 0..4 {
        let _ = houses.carry(A, B);
        let _ = houses.carry(B, A);
    }
    let waits = exchange::view::channels::list(&b.house(), &b.caller("desk1")).unwrap().waiting;
    let kinds: Vec<_> = waits[0].left_behind.iter().map(|e| e.kind.as_str()).collect();
    assert_eq!(kinds, ["channel.opened", "warning.released"], "what followed is shown, not hidden");
    succession::accept(&b.house(), &b.caller("liaison1"), &party(A), Use::Actual, b.now()).unwrap();
    houses.settle_all();
    assert_eq!((a.sent().len(), b.inbox().len()), (1, 1), "on both sides alike");
    a.warn(&warning(), &[B]);
    houses.settle_all();
    assert_eq!(a.ledger(B), b.ledger(A));
}

#[test]
fn a_lost_log_key_lets_every_log_of_ours_go_on_in_a_successor() {
    let houses = TestHouses::two();
    let (a, b) = (houses.a(), houses.b());
    a.warn(&warning(), &[B]);
    houses.settle_all();
    a.lose("log");
    houses.settle_all();
    assert!(log(b, A, ChannelSide::Theirs).follows.is_some(), "although nothing waits");
    a.warn(&warning(), &[B]);
    houses.settle_all();
    assert_eq!(b.inbox().len(), 2);
}

#[test]
fn a_successor_takes_authority_and_a_reason_and_one_at_a_time() {
    let houses = TestHouses::two();
    let a = houses.a();
    assert_eq!(code(try_succeed(a, "desk1", B, Ending::InOrder)), "not_authorised");
    let us = a.house();
    let to = (&party(B), Use::Actual);
    let liaison = a.caller("liaison1");
    let without = succession::succeed(&us, &liaison, to, " ", Ending::InOrder, a.now(), &mut a.rng());
    assert_eq!(code(without), "bad_reason");
    assert_eq!(code(try_succeed(a, "liaison1", B, Ending::InOrder)), "done");
    assert_eq!(code(try_succeed(a, "liaison1", B, Ending::InOrder)), "already_pending");
    assert_eq!(code(try_succeed(a, "liaison1", B, Ending::AtOnce)), "done");
    assert_eq!(code(try_succeed(a, "liaison1", B, Ending::AtOnce)), "already_pending");
    houses.settle_all();
}

#[test]
fn the_exchange_of_a_successor_survives_any_weather_and_a_restart() {
    for weather in [Weather::RequestLost, Weather::AnswerLost, Weather::Doubled, Weather::Late] {
        let houses = TestHouses::two();
        let (a, b) = (houses.a(), houses.b());
        a.warn(&warning(), &[B]);
        houses.settle_all();
        succeed(a, B, Ending::InOrder);
        a.warn(&warning(), &[B]);
        for _ in 0..3 {
            let _ = houses.carry_in(A, B, &mut |path| {
                if path.ends_with("/channel") || path.ends_with("add-entries") {
                    weather
                } else {
                    Weather::Fair
                }
            });
        }
        a.restart();
        b.restart();
        houses.late_arrives();
        houses.settle_all();
        houses.late_arrives();
        houses.settle_all();
        assert_eq!((a.sent().len(), b.inbox().len()), (2, 2), "{weather:?}");
        assert_eq!(a.ledger(B), b.ledger(A));
    }
}

#[test]
fn a_successor_that_an_officer_refused_is_not_asked_about_again_and_can_still_be_taken() {
    let houses = TestHouses::two();
    let (a, b) = (houses.a(), houses.b());
    a.warn(&warning(), &[B]);
    houses.settle_all();
    a.warn(&warning(), &[B]);
    assert!(houses.carry_in(A, B, &mut for_parcels(Weather::AnswerLost)).is_err());
    succeed(a, B, Ending::AtOnce);
    assert!(houses.carry(A, B).is_err());
    let refuse = |by| succession::refuse(&b.house(), &b.caller(by), &party(A), Use::Actual, b.now());
    assert_eq!(code(refuse("desk1")), "not_authorised");
    assert_eq!(code(refuse("liaison1")), "done");
    assert_eq!(code(refuse("liaison1")), "nothing_waits");
    let told = houses.carry(A, B).unwrap_err();
    assert!(told.0.contains("refused"), "{told:?}");
    let logs = exchange::view::channels::list(&b.house(), &b.caller("desk1")).unwrap();
    assert!(logs.waiting.is_empty(), "nobody is asked again");
    assert_eq!(b.inbox().len(), 2, "what is held stays as it is");
    succession::accept(&b.house(), &b.caller("release1"), &party(A), Use::Actual, b.now()).unwrap();
    houses.settle_all();
    assert_eq!((a.sent().len(), b.inbox().len()), (2, 2));
    assert_eq!(a.ledger(B), b.ledger(A));
}

#[test]
fn a_receiver_that_went_back_behind_a_succession_takes_the_log_again() {
    let houses = TestHouses::two();
    let (a, b) = (houses.a(), houses.b());
    a.warn(&warning(), &[B]);
    houses.settle_all();
    let copy = b.copy(DataCopy::WithoutMark);
    succeed(a, B, Ending::InOrder);
    houses.settle_all();
    a.warn(&warning(), &[B]);
    houses.settle_all();
    b.go_back(&copy);
    a.warn(&warning(), &[B]);
    let mut trouble = Vec::new();
    for _ in 0..8 {
        trouble.extend(houses.carry(A, B).err());
        trouble.extend(houses.carry(B, A).err());
    }
    assert_eq!(b.inbox().len(), 3, "{trouble:?}");
    houses.settle_all();
    assert_eq!(a.ledger(B), b.ledger(A));
    for _ in 0..2 {
        let stands = b.store().view(|view| view.recovering()).unwrap();
        assert_eq!(stands, None, "it is over, and stays so");
        b.restart();
    }
}

#[test]
fn a_recall_in_a_successor_erases_what_it_names_in_the_old_log_and_nothing_else() {
    let houses = TestHouses::two();
    let (a, b) = (houses.a(), houses.b());
    let recalled = a.warn(&warning(), &[B]);
    houses.settle_all();
    let old = b.relation(A).releases().next().unwrap().at.clone();
    succeed(a, B, Ending::InOrder);
    houses.settle_all();
    // In the new log something stands at the index that the recall repeats.
    while log(a, B, ChannelSide::Ours).size() <= old.index + 2 {
        a.warn(&warning(), &[B]);
        houses.settle_all();
    }
    a.recall(recalled.warning);
    houses.settle_all();
    let (us, caller, now) = (b.house(), b.caller("desk1"), b.now());
    exchange::recall::confirm(&us, &caller, &format!("{old:#}"), now, &mut b.rng()).unwrap();
    houses.settle_all();
    for house in [a, b] {
        let texts = house.store().view(|view| {
            let mut texts = Vec::new();
            for channel in view.channels()? {
                for entry in view.entries(&channel, 0, channel.size())? {
                    if entry.kind == "warning.released" {
                        let held = view.holds_text(&channel, entry.index)?;
                        texts.push((channel.origin == old.origin && entry.index == old.index, held));
                    }
                }
            }
            Ok::<_, exchange::refusal::Refusal>(texts)
        });
        let texts = texts.unwrap();
        assert!(texts.iter().all(|(named, held)| named != held), "{}: {texts:?}", house.name());
        assert!(texts.len() > 1);
    }
}

#[test]
fn a_giver_with_a_new_identity_that_its_partner_has_not_approved_hears_the_partners_own_reason() {
    let houses = TestHouses::two();
    let (a, b) = (houses.a(), houses.b());
    a.warn(&warning(), &[B]);
    houses.settle_all();
    a.lose("identity");
    for _ in 0..2 {
        let told = houses.carry(A, B).unwrap_err();
        assert!(told.0.contains("names other parties than the pinned cards"), "{told:?}");
    }
    b.renews(a);
    houses.confirms(B, A);
    houses.settle_all();
    a.warn(&warning(), &[B]);
    houses.settle_all();
    assert_eq!(b.inbox().len(), 2);
}
