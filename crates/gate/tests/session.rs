//! Sessions: how long they last, how many there are, and what is left of them.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

use std::sync::Arc;

use exchange::house::{House, Settings};
use exchange::keys::{NodeKeys, NodeSeeds};
use exchange::people::{self, Activation};
use exchange::person_key::{PassphraseCost, PersonKey};
use gate::limits::Rate;
use gate::session::{SessionLimits, Sessions, TooManySessions};
use jiff::{SignedDuration, Timestamp};
use model::id::PersonName;
use rand::SeedableRng;
use rand::rngs::StdRng;
use store::Store;
use zeroize::Zeroizing;

fn at(seconds: i64) -> Timestamp {
    let start: Timestamp = "2026-12-10T14:00:00Z".parse().unwrap();
    start.checked_add(SignedDuration::from_secs(seconds)).unwrap()
}

fn name(text: &str) -> PersonName {
    text.parse().unwrap()
}

fn rng() -> StdRng {
    StdRng::seed_from_u64(1)
}

/// The keys of a person of a node that exists only for this.
fn key() -> PersonKey {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = Settings::new(String::new(), String::new(), String::new(), String::new());
    settings.passphrase_cost = PassphraseCost { memory_kib: 8, passes: 1, lanes: 1 };
    let seed = || Zeroizing::new([1; 32]);
    let seeds =
        NodeSeeds { identity: seed(), cosigner: seed(), log: seed(), rendering: seed(), terms: seed() };
    let node = "service-a.example".parse().unwrap();
    let keys = NodeKeys::from_seeds(&node, &seeds).unwrap();
    let house = House::new(Store::open(folder.path()).unwrap(), keys, node, settings, Arc::new(|| ()));
    let (omar, mut rng) = (name("omar"), rng());
    let invitation = people::init_first_operator(&house, &omar, at(0), &mut rng).unwrap();
    let secret = invitation.secret.text();
    let activation = Activation { name: &omar, one_time_secret: &secret, passphrase: "otter lantern gravel" };
    people::activate(&house, &activation, at(0), &mut rng).unwrap().1
}

#[test]
fn a_session_is_found_by_its_token_and_by_nothing_else() {
    let (sessions, key) = (Sessions::new(SessionLimits::default()), key());
    let mut rng = rng();
    let omar = sessions.open(&name("omar"), key.clone(), at(0), &mut rng).unwrap();
    let rita = sessions.open(&name("rita"), key.clone(), at(0), &mut rng).unwrap();
    assert_ne!(omar.text(), rita.text());
    assert_eq!(omar.text().len(), 43);
    let found = sessions.find(omar.text(), at(1)).unwrap();
    assert_eq!(found.person, name("omar"));
    assert_eq!(found.key.verifier(), key.verifier());
    assert_eq!(sessions.find(rita.text(), at(1)).unwrap().person, name("rita"));
    let mut wrong = omar.text().to_owned();
    wrong.replace_range(0..1, if wrong.starts_with('A') { "B" } else { "A" });
    for token in ["", "x", &wrong, &omar.text()[..42], &format!("{}A", omar.text()), "ü".repeat(43).as_str()]
    {
        assert!(sessions.find(token, at(1)).is_none(), "{token:?}");
    }
}

#[test]
fn an_expired_session_is_gone() {
    let (sessions, key) = (Sessions::new(SessionLimits::default()), key());
    let token = sessions.open(&name("omar"), key, at(0), &mut rng()).unwrap();
    assert!(sessions.find(token.text(), at(15 * 60 - 1)).is_some());
    assert!(sessions.find(token.text(), at(30 * 60 - 1)).is_none(), "fifteen minutes without use");
    assert!(sessions.find(token.text(), at(15 * 60)).is_none(), "and it does not come back");
}

#[test]
fn a_session_in_use_ends_after_an_hour_all_the_same() {
    let (sessions, key) = (Sessions::new(SessionLimits::default()), key());
    let token = sessions.open(&name("omar"), key, at(0), &mut rng()).unwrap();
    for minute in 1..60 {
        assert!(sessions.find(token.text(), at(60 * minute)).is_some(), "minute {minute}");
    }
    assert!(sessions.find(token.text(), at(3_600)).is_none());
}

#[test]
fn a_clock_that_steps_back_a_little_ends_nothing_and_one_that_falls_back_far_does() {
    let (sessions, key) = (Sessions::new(SessionLimits::default()), key());
    let token = sessions.open(&name("omar"), key, at(7_200), &mut rng()).unwrap();
    assert!(sessions.find(token.text(), at(7_190)).is_some());
    assert!(sessions.find(token.text(), at(3_600)).is_none(), "else it would last an hour longer");
}

#[test]
fn a_closed_session_is_gone_and_the_others_stay() {
    let (sessions, key) = (Sessions::new(SessionLimits::default()), key());
    let mut rng = rng();
    let mut open = |person: &str| sessions.open(&name(person), key.clone(), at(0), &mut rng).unwrap();
    let (first, second, other) = (open("omar"), open("omar"), open("rita"));
    sessions.close(first.text());
    assert!(sessions.find(first.text(), at(1)).is_none());
    assert!(sessions.find(second.text(), at(1)).is_some());
    assert_eq!(sessions.close_all(&name("omar")), 1);
    assert!(sessions.find(second.text(), at(1)).is_none());
    assert!(sessions.find(other.text(), at(1)).is_some());
}

#[test]
fn a_person_who_opens_too_many_loses_the_least_recently_used() {
    let limits = SessionLimits { sessions_per_person_max: 2, ..SessionLimits::default() };
    let (sessions, key) = (Sessions::new(limits), key());
    let mut rng = rng();
    let mut open = |second| sessions.open(&name("omar"), key.clone(), at(second), &mut rng).unwrap();
    let (first, second) = (open(0), open(1));
    sessions.find(first.text(), at(2)).unwrap();
    let third = open(3);
    assert!(sessions.find(second.text(), at(4)).is_none());
    assert!(sessions.find(first.text(), at(4)).is_some());
    assert!(sessions.find(third.text(), at(4)).is_some());
    let listed = sessions.list(&name("omar"), at(5));
    assert_eq!(listed.iter().map(|view| view.opened_at).collect::<Vec<_>>(), [at(0), at(3)]);
    assert_eq!(listed[0].ends_at, at(3_600));
}

#[test]
fn there_are_never_more_sessions_than_allowed_and_ended_ones_make_room() {
    let limits = SessionLimits { sessions_max: 2, ..SessionLimits::default() };
    let (sessions, key) = (Sessions::new(limits), key());
    let mut rng = rng();
    let mut open = |person: &str, second| sessions.open(&name(person), key.clone(), at(second), &mut rng);
    open("omar", 0).unwrap();
    open("rita", 0).unwrap();
    assert_eq!(open("dana", 1).unwrap_err(), TooManySessions { sessions: 2 });
    open("dana", 15 * 60).unwrap();
}

#[test]
fn one_peer_cannot_try_for_ever_nor_use_up_what_another_peer_has() {
    let rate = |burst| Rate { burst, per_minute: 1, keys_max: 100 };
    let limits = SessionLimits {
        logins_per_peer: rate(4),
        logins_per_peer_and_name: rate(2),
        ..SessionLimits::default()
    };
    let sessions = Sessions::new(limits);
    let tries = |peer: &str, person: &str| {
        (0..9).filter(|_| sessions.admit_login(peer, &name(person), at(0)).is_ok()).count()
    };
    assert_eq!(tries("uid 1000", "omar"), 2, "one name");
    assert_eq!(tries("uid 1000", "rita"), 0, "refused tries have cost the peer its budget");
    assert_eq!(tries("uid 1001", "omar"), 2, "another peer has its own");
    assert!(sessions.admit_login("uid 1000", &name("omar"), at(120)).is_ok());
}

#[test]
fn neither_a_token_nor_a_key_shows_when_printed() {
    let (sessions, key) = (Sessions::new(SessionLimits::default()), key());
    let token = sessions.open(&name("omar"), key, at(0), &mut rng()).unwrap();
    assert_eq!(format!("{token:?}"), "Token(…)");
    assert_eq!(format!("{sessions:?}"), "Sessions(1 open)");
    let session = format!("{:?}", sessions.find(token.text(), at(1)).unwrap());
    assert!(
        session.starts_with("Session { person: PersonName(\"omar\"), key: PersonKey(…, omar@"),
        "{session}"
    );
}
