//! Pull (docs/log-format.md, Delivery): a partner asks for its parcels; only the two parties of a log learn anything of it.

use exchange::pull::{self, Brought, Served};
use exchange::receive::{self, Receipt};
use exchange::{channel, deliver};
use store::ChannelSide;
use testkit::{A, B, TestHouse, TestHouses, code, party, warning};
use tlog::channel::{Origin, Use};
use tlog::hash::Hash;
use tlog::tree::verify_consistency;

/// B asks A for the next parcel.
fn ask(a: &TestHouse, b: &TestHouse, origin: Origin, from: u64) -> Served {
    pull::parcel(&a.house(), &b.as_partner(), origin, from, a.now(), &mut a.rng()).unwrap()
}

fn take(a: &TestHouse, b: &TestHouse, origin: Origin, bytes: &[u8]) -> Receipt {
    receive::parcel(&b.house(), &a.as_partner(), origin, bytes, b.now(), &mut b.rng()).unwrap()
}

/// B brings A its newest receipt.
fn bring(a: &TestHouse, b: &TestHouse, origin: Origin) -> Brought {
    let held = pull::holding(&b.house(), a.name(), Use::Actual).unwrap().unwrap();
    let note = held.receipt.unwrap();
    pull::receipt(&a.house(), &b.as_partner(), origin, note.as_bytes(), a.now()).unwrap()
}

fn origin(a: &TestHouse) -> Origin {
    a.store().view(|v| v.channel_with(&party(B), ChannelSide::Ours, Use::Actual)).unwrap().unwrap().origin
}

#[test]
fn a_partner_that_asks_opens_the_channel_and_takes_what_waits() {
    let houses = TestHouses::of(&[A, B]);
    let (a, b) = (houses.a(), houses.b());
    let proposed =
        |use_| pull::proposal_for(&a.house(), &b.as_partner(), use_, a.now(), &mut a.rng()).unwrap();
    assert_eq!(proposed(Use::Actual), None, "nothing waits");
    a.undertake(B).unwrap();
    let proposal = proposed(Use::Actual).unwrap();
    assert_eq!(proposed(Use::Exercise), None);
    let statement = channel::accept(&b.house(), &a.as_partner(), proposal.as_bytes(), b.now()).unwrap();
    for _ in 0..2 {
        let opened = pull::opened(&a.house(), &b.as_partner(), statement.as_bytes(), a.now(), &mut a.rng());
        assert_eq!(opened, Ok(true));
    }
    assert_eq!(proposed(Use::Actual), None, "it is open");
    let held = pull::holding(&b.house(), a.name(), Use::Actual).unwrap().unwrap();
    assert_eq!((held.size, &held.receipt), (0, &None));
    let mut size = 0;
    while let Served::Parcel(bytes) = ask(a, b, held.origin, size) {
        assert!(ask(a, b, held.origin, size) == Served::Parcel(bytes.clone()), "asked again, the same");
        assert!(matches!(take(a, b, held.origin, &bytes), Receipt::Held(_)));
        assert_eq!(bring(a, b, held.origin), Brought::Settled);
        assert_eq!(bring(a, b, held.origin), Brought::Settled, "at least once gives once");
        size = pull::holding(&b.house(), a.name(), Use::Actual).unwrap().unwrap().size;
    }
    assert_eq!(size, 2);
    assert_eq!(ask(a, b, held.origin, 2), Served::Nothing);
    assert_eq!(ask(a, b, held.origin, 3), Served::From(2));
    assert_eq!(b.relation(A).undertakings().count(), 1);
}

#[test]
fn after_a_start_nothing_is_signed_before_the_partner_has_shown_its_newest_receipt() {
    let houses = TestHouses::two();
    let (a, b) = (houses.a(), houses.b());
    let origin = origin(a);
    a.restart();
    a.warn(&warning(), &[B]);
    let size = pull::holding(&b.house(), a.name(), Use::Actual).unwrap().unwrap().size;
    assert!(ask(a, b, origin, size) == Served::Nothing, "nothing is signed yet");
    assert!(matches!(ask(a, b, origin, 0), Served::Parcel(_)), "what is receipted is given again");
    assert_eq!(a.waiting().len(), 1);
    assert_eq!(bring(a, b, origin), Brought::Settled);
    let Served::Parcel(bytes) = ask(a, b, origin, size) else { panic!("a warning waits") };
    take(a, b, origin, &bytes);
    assert_eq!(bring(a, b, origin), Brought::Settled);
    assert_eq!(b.inbox().len(), 1);
}

#[test]
fn what_may_not_go_any_more_is_stopped_when_it_is_asked_for() {
    let houses = TestHouses::two();
    let (a, b) = (houses.a(), houses.b());
    let sent = a.warn(&warning(), &[B]);
    a.recall(sent.warning);
    let origin = origin(a);
    assert_eq!(bring(a, b, origin), Brought::Settled);
    let size = pull::holding(&b.house(), a.name(), Use::Actual).unwrap().unwrap().size;
    assert_eq!(ask(a, b, origin, size), Served::Nothing);
    assert!(a.waiting().is_empty() && !deliver::anything_waiting(&a.house(), b.name(), Use::Actual).unwrap());
}

#[test]
fn a_log_is_not_here_for_anybody_but_its_two_parties() {
    let houses = TestHouses::three();
    let (a, b, c) = (houses.a(), houses.b(), houses.c());
    let origin = origin(a);
    let unknown = Origin::from_hex(&"00".repeat(32)).unwrap();
    for (caller, origin) in [(c, origin), (b, unknown)] {
        let caller = caller.as_partner();
        let house = a.house();
        let parcel = pull::parcel(&house, &caller, origin, 0, a.now(), &mut a.rng());
        assert_eq!(parcel, Ok(Served::NotHere));
        assert_eq!(pull::receipt(&house, &caller, origin, b"x", a.now()), Ok(Brought::NotHere));
        assert_eq!(pull::checkpoint_at(&house, &caller, origin, 2), Ok(None));
        assert_eq!(pull::consistency(&house, &caller, origin, 1, 2), Ok(None));
    }
    let at_b = pull::receipt(&b.house(), &a.as_partner(), origin, b"x", b.now());
    assert_eq!(at_b, Ok(Brought::NotHere), "the giver has no receipts to bring");
    assert_eq!(
        pull::receipt(&a.house(), &b.as_partner(), origin, b"x", a.now())
            .map(|said| { matches!(said, Brought::Unreadable(_)) }),
        Ok(true)
    );
    let opened = pull::opened(&a.house(), &c.as_partner(), b"rubbish", a.now(), &mut a.rng());
    assert_eq!(code(opened), "bad_statement");
}

#[test]
fn both_parties_get_stored_heads_and_proofs_that_verify() {
    let houses = TestHouses::two();
    let (a, b) = (houses.a(), houses.b());
    for _ in 0..3 {
        a.undertake(B).unwrap();
        houses.settle_all();
    }
    let origin = origin(a);
    let row = a.store().view(|view| view.channel(&origin)).unwrap().unwrap();
    let root = |size| a.store().view(|view| view.root_at(&row, size)).unwrap();
    for (at, caller) in [(a, b), (b, a)] {
        let (house, caller) = (at.house(), caller.as_partner());
        let note = pull::checkpoint_at(&house, &caller, origin, row.size()).unwrap().unwrap();
        assert!(note.lines().count() == 6, "with both lines: {note}");
        assert_eq!(pull::checkpoint_at(&house, &caller, origin, row.size() + 1), Ok(None));
        for old in 1..=row.size() {
            let text = pull::consistency(&house, &caller, origin, old, row.size()).unwrap().unwrap();
            let nodes: Vec<Hash> = text.lines().map(|line| Hash::from_base64(line).unwrap()).collect();
            verify_consistency(old, &root(old), row.size(), &root(row.size()), &nodes).unwrap();
        }
        for (old, new) in [(0, 1), (2, 1), (1, row.size() + 1)] {
            assert_eq!(pull::consistency(&house, &caller, origin, old, new), Ok(None));
        }
    }
}
