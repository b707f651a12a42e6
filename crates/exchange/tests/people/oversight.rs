//! Oversight watches over the audit trail with a key that never stands on the node, reads everything but sources, and
//! changes nothing.

use exchange::oversight::watcher::{Watch, WatchFault};
use exchange::oversight::{self, Watched};
use testkit::{A, TestHouse, TestHouses, code};
use tlog::checkpoint::SignedCheckpoint;
use tlog::key::{KeyKind, SigningKey, VerifierKey};

fn key(n: u8) -> SigningKey {
    SigningKey::from_seed("oversight.example/trail", KeyKind::CosignatureV1, [n; 32]).unwrap()
}

fn watched(house: &TestHouse) -> Watched {
    oversight::watched(&house.house(), &house.caller("desk1")).unwrap()
}

fn appoint(house: &TestHouse, who: &str, key: &SigningKey) -> &'static str {
    let vkey = key.verifier().to_string();
    code(oversight::appoint(&house.house(), &house.caller(who), &vkey, house.now()))
}

fn watch(house: &TestHouse) -> Watch {
    Watch::new(&VerifierKey::parse(&watched(house).trail_key).unwrap())
}

fn pull(house: &TestHouse, from: u64) -> (SignedCheckpoint, String) {
    let caller = house.caller("oversight1");
    let head = oversight::head(&house.house(), &caller).unwrap();
    let (mut at, mut texts) = (from, String::new());
    while at < head.checkpoint().size {
        let lines = oversight::lines(&house.house(), &caller, at).unwrap();
        at += u64::try_from(lines.len()).unwrap();
        texts.extend(lines);
    }
    (head, texts)
}

fn settle(house: &TestHouse, cosigned: &SignedCheckpoint) -> &'static str {
    let caller = house.caller("oversight1");
    code(oversight::keep(&house.house(), &caller, &cosigned.to_string(), house.now()))
}

#[test]
fn the_trail_is_cosigned_visit_by_visit_and_the_node_shows_up_to_where() {
    let houses = TestHouses::two();
    let (house, key) = (houses.a(), key(1));
    assert_eq!(appoint(house, "oversight1", &key), "done");
    let mut watch = watch(house);
    assert_eq!(watched(house).cosigned, None);
    for _ in 0..3 {
        let (head, texts) = pull(house, watch.lines);
        let cosigned = watch.follow(&head, &texts, &key, house.now()).unwrap();
        assert_eq!(settle(house, &cosigned), "done");
        assert_eq!(watched(house).cosigned.unwrap().0, head.checkpoint().size);
        houses
            .a()
            .thank("liaison1", exchange::answer::About::Unsolicited(testkit::party(testkit::B)))
            .unwrap();
        houses.settle_all();
    }
}

#[test]
fn a_trail_pulled_from_its_beginning_is_followed_as_well() {
    let houses = TestHouses::of(&[A]);
    let (house, key) = (houses.a(), key(1));
    appoint(house, "oversight1", &key);
    let mut watch = watch(house);
    for _ in 0..2 {
        let (head, texts) = pull(house, 0);
        let cosigned = watch.follow(&head, &texts, &key, house.now()).unwrap();
        settle(house, &cosigned);
    }
}

#[test]
fn a_trail_that_was_made_again_is_not_cosigned() {
    let houses = TestHouses::of(&[A]);
    let (house, key) = (houses.a(), key(1));
    appoint(house, "oversight1", &key);
    let mut seen = watch(house);
    let (head, texts) = pull(house, 0);
    seen.follow(&head, &texts, &key, house.now()).unwrap();
    // Whoever holds the node changes a line and makes the whole tree again, with the node's own key.
    let changed = texts.replacen("who operator1", "who somebody1", 1);
    assert_ne!(changed, texts);
    let forged = forge(house, &changed);
    let mut fresh = watch(house);
    assert!(
        fresh.follow(&forged, &changed, &key, house.now()).is_ok(),
        "by itself it is a trail like any other"
    );
    let before = seen.clone();
    let longer =
        format!("{changed}{}", changed.lines().take(8).map(|l| format!("{l}\n")).collect::<String>());
    let longer = renumbered(&longer);
    let more = forge(house, &longer);
    let fault = seen.follow(&more, &longer, &key, house.now()).unwrap_err();
    assert!(matches!(fault, WatchFault::MadeAgain { before: Some(_), .. }), "{fault:?}");
    assert_eq!(seen, before, "nothing was followed");
    houses.leave_broken();
}

/// The texts with their numbers in order.
fn renumbered(texts: &str) -> String {
    let lines: Vec<&str> = texts.lines().collect();
    let texts = lines.chunks(8).enumerate().map(|(n, text)| {
        let mut text: Vec<String> = text.iter().map(|l| format!("{l}\n")).collect();
        text[1] = format!("seq {n}\n");
        text.concat()
    });
    texts.collect()
}

/// A checkpoint over these texts with the key of the trail.
fn forge(house: &TestHouse, texts: &str) -> SignedCheckpoint {
    let mut range = tlog::tree::CompactRange::new();
    let lines: Vec<&str> = texts.lines().collect();
    for text in lines.chunks(8) {
        range.append(store::audit_leaf(&text.iter().map(|l| format!("{l}\n")).collect::<String>()));
    }
    let origin = oversight::origin(house.house().keys.identity.verifier()).unwrap();
    let checkpoint = tlog::checkpoint::Checkpoint { origin, size: range.size(), root: range.root() };
    checkpoint.sign(&house.house().keys.log_key(&origin).unwrap()).unwrap()
}

#[test]
fn lines_that_are_left_out_or_cut_are_not_cosigned() {
    let houses = TestHouses::of(&[A]);
    let (house, key) = (houses.a(), key(1));
    appoint(house, "oversight1", &key);
    let (head, texts) = pull(house, 0);
    let lines: Vec<&str> = texts.split_inclusive('\n').collect();
    let without_first: String = lines[8..].concat();
    let without_last: String = lines[..lines.len() - 8].concat();
    let without_third: String = [&lines[..16], &lines[24..]].concat().concat();
    for texts in [without_first, without_last, without_third] {
        let fault = watch(house).follow(&head, &texts, &key, house.now()).unwrap_err();
        assert!(matches!(fault, WatchFault::Gap { .. }), "{fault:?}");
    }
    let fault = watch(house).follow(&head, &lines[..11].concat(), &key, house.now()).unwrap_err();
    assert!(matches!(fault, WatchFault::Unreadable(_)), "{fault:?}");
}

#[test]
fn only_oversight_appoints_and_settles_and_only_its_key_counts() {
    let houses = TestHouses::of(&[A]);
    let (house, ours) = (houses.a(), key(1));
    for who in ["operator1", "desk1", "release1", "liaison1"] {
        assert_eq!(appoint(house, who, &ours), "not_authorised", "{who}");
    }
    appoint(house, "oversight1", &ours);
    let (head, texts) = pull(house, 0);
    assert_eq!(settle(house, &head), "bad_checkpoint", "not cosigned");
    let other = watch(house).follow(&head, &texts, &key(2), house.now()).unwrap();
    assert_eq!(settle(house, &other), "bad_checkpoint", "by another key");
    let cosigned = watch(house).follow(&head, &texts, &ours, house.now()).unwrap();
    let operator = house.caller("operator1");
    let kept = oversight::keep(&house.house(), &operator, &cosigned.to_string(), house.now());
    assert_eq!(code(kept), "not_authorised");
    assert_eq!(settle(house, &cosigned), "done");
    let before = watched(house).lines;
    assert_eq!(settle(house, &cosigned), "done", "the same again");
    assert_eq!(watched(house).lines, before, "and nothing changed");
}

#[test]
fn a_key_that_signs_other_things_or_is_the_nodes_own_is_not_appointed() {
    let houses = TestHouses::of(&[A]);
    let house = houses.a();
    let signs = SigningKey::from_seed("oversight.example", KeyKind::Ed25519, [3; 32]).unwrap();
    assert_eq!(appoint(house, "oversight1", &signs), "bad_key");
    let own = house.house().keys.cosigner.verifier().to_string();
    let appointed = oversight::appoint(&house.house(), &house.caller("oversight1"), &own, house.now());
    assert_eq!(code(appointed), "bad_key");
    assert_eq!(
        code(oversight::appoint(&house.house(), &house.caller("oversight1"), "nothing", house.now())),
        "bad_key"
    );
}

#[test]
fn a_key_that_was_replaced_cosigns_no_more_and_what_it_cosigned_stays() {
    let houses = TestHouses::of(&[A]);
    let house = houses.a();
    appoint(house, "oversight1", &key(1));
    let (head, texts) = pull(house, 0);
    let first = watch(house).follow(&head, &texts, &key(1), house.now()).unwrap();
    settle(house, &first);
    appoint(house, "oversight1", &key(2));
    let (head, texts) = pull(house, 0);
    let old = watch(house).follow(&head, &texts, &key(1), house.now()).unwrap();
    assert_eq!(settle(house, &old), "bad_checkpoint");
    assert_eq!(watched(house).cosigned.unwrap().0, first.checkpoint().size);
    let new = watch(house).follow(&head, &texts, &key(2), house.now()).unwrap();
    assert_eq!(settle(house, &new), "done");
}
