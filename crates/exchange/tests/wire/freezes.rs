//! What a freeze keeps, and what has to be one history before it ends (docs/log-format.md, Freeze and evidence).

use std::sync::{Arc, Barrier};
use std::thread;

use exchange::channel;
use exchange::receive::{self, Receipt};
use exchange::refusal::Refusal;
use exchange::unfreeze::{self, Asked, Came};
use model::vocab::Carriage;
use store::ChannelRow;
use testkit::{A, B, ByHand, EntryOf, TestHouse, TestHouses, code, party};
use tlog::channel::{ChannelProposal, Use};
use tlog::checkpoint::{Checkpoint, SignedCheckpoint};
use tlog::hash::Hash;
use tlog::key::{KeyKind, SigningKey};

use crate::parcels::evidence;

/// B's log with one entry that A holds, and the true entries after it up to this size.
fn grown(a: &TestHouse, size: usize) -> ByHand {
    let mut b = ByHand::with(a, B, Use::Actual).opened();
    b.delivers(a, 0);
    while b.entries.len() < size {
        b.push(EntryOf::kind("cover", format!("true {}", b.entries.len())));
    }
    b
}

/// B signs its true head of this size and sends other entries with it, which freezes its log.
fn freezes(a: &TestHouse, b: &mut ByHand, size: u64) {
    let head = b.head(size);
    let truth = b.entries.split_off(1);
    while b.entries.len() < usize::try_from(size).unwrap() {
        b.push(EntryOf::kind("cover", "garbled"));
    }
    let sent = b.send(a, &b.parcel_with(1, head));
    b.entries.truncate(1);
    b.entries.extend(truth);
    assert_eq!(sent, Receipt::BadRoot);
}

/// A checkpoint of B's log that its key signed over a root that nobody's entries give.
fn forged(b: &ByHand, size: u64, root: u8) -> SignedCheckpoint {
    b.signed(&Checkpoint { origin: b.origin(), size, root: Hash::from_bytes([root; 32]) })
}

fn asks(a: &TestHouse) -> Result<Asked, Refusal> {
    unfreeze::ask(&a.house(), &a.caller("liaison1"), (&party(B), Use::Actual), a.now())
}

/// A's officer asks, and B proves everything.
fn proves(a: &TestHouse, b: &ByHand) -> Came {
    asks(a).unwrap();
    let question = unfreeze::questions(&a.house(), &party(B), a.now()).unwrap().remove(0);
    let proofs = question.steps.iter().map(|step| b.proves(step.old, step.new).into_bytes());
    unfreeze::answered(&a.house(), &question, Ok(proofs.collect()), a.now()).unwrap()
}

fn row(a: &TestHouse, b: &ByHand) -> ChannelRow {
    a.store().view(|view| view.channel(&b.origin())).unwrap().unwrap()
}

fn why_no_proof(a: &TestHouse) -> Option<String> {
    let all = exchange::view::channels::list(&a.house(), &a.caller("desk1")).unwrap();
    all.logs.into_iter().find_map(|log| log.proof).and_then(|proof| proof.failed)
}

#[test]
fn of_many_untrue_parcels_at_once_each_signed_head_is_kept_once() {
    let houses = TestHouses::of(&[A]);
    let a = houses.a();
    let b = grown(a, 2);
    let all_ready = Arc::new(Barrier::new(8));
    let sent: Vec<_> = (0..8)
        .map(|n| {
            // Each head is sent twice.
            let (parcel, all_ready) = (b.parcel_with(1, forged(&b, 2, n / 2)), Arc::clone(&all_ready));
            let (house, from, origin) = (a.house(), b.as_partner(), b.origin());
            let (now, mut rng) = (a.now(), a.rng());
            thread::spawn(move || {
                all_ready.wait();
                (n / 2, receive::parcel(&house, &from, origin, &parcel, now, &mut rng).unwrap())
            })
        })
        .collect();
    let answers: Vec<_> = sent.into_iter().map(|sent| sent.join().unwrap()).collect();
    let mut refused: Vec<u8> =
        answers.iter().filter(|(_, said)| *said == Receipt::BadRoot).map(|(root, _)| *root).collect();
    refused.sort_unstable();
    refused.dedup();
    assert!(
        !refused.is_empty() && answers.iter().all(|(_, a)| [Receipt::BadRoot, Receipt::Frozen].contains(a))
    );
    assert_eq!(evidence(a).len(), refused.len(), "{answers:?}");
    assert_eq!(a.trail().iter().filter(|line| line.act == "channel.freeze").count(), 1);
}

#[test]
fn a_head_that_was_refused_under_an_earlier_key_has_to_be_of_the_same_history() {
    let houses = TestHouses::of(&[A]);
    let a = houses.a();
    let mut b = grown(a, 1);
    b.push_bytes(vec![b'x'; 1024]);
    assert!(matches!(b.send(a, &b.parcel(1)), Receipt::BadEntry { index: 1, .. }));
    b.entries.truncate(1);
    b.push(EntryOf::kind("cover", ""));
    let key = SigningKey::from_seed(&b.origin().to_string(), KeyKind::Ed25519, [8; 32]).unwrap();
    let keys = ByHand::would_propose(a, B, Use::Actual).1;
    let proposal =
        ChannelProposal { from: 2, log: key.verifier().clone(), ..b.statement().proposal().clone() };
    let proposal = proposal.sign_as_giver(&keys.identity).unwrap().to_string();
    channel::accept(&a.house(), &b.as_partner(), proposal.as_bytes(), a.now()).unwrap();
    let head = Checkpoint { root: Hash::from_bytes([6; 32]), ..*b.head(2).checkpoint() };
    assert_eq!(b.send(a, &b.parcel_with(1, head.sign(&key).unwrap())), Receipt::BadRoot);
    assert_eq!(code(asks(a)), "contradiction");
}

#[test]
fn heads_that_were_proven_take_no_place_from_heads_that_are_refused() {
    let houses = TestHouses::of(&[A]);
    let a = houses.a();
    let mut b = grown(a, 70);
    for size in 3..68 {
        freezes(a, &mut b, size);
        assert_eq!(proves(a, &b), Came::Open, "{size}");
    }
    let before = evidence(a).len();
    b.entries.truncate(1);
    b.push_bytes(vec![b'x'; 1024]);
    assert!(matches!(b.send(a, &b.parcel(1)), Receipt::BadEntry { index: 1, .. }));
    assert_eq!(evidence(a).len(), before + 1);
}

#[test]
fn a_log_that_recovers_is_a_reason_again_when_its_freeze_ends() {
    let houses = TestHouses::of(&[A]);
    let a = houses.a();
    let mut b = grown(a, 3);
    freezes(a, &mut b, 3);
    exchange::recover::begin(&a.house(), &a.caller("operator1"), "an old disk", a.now()).unwrap();
    // Every other log has settled.
    a.store().act(|act| act.recovery_over()).unwrap();
    let stands = || a.store().view(|view| view.recovering()).unwrap();
    assert_eq!(stands(), None, "a frozen log keeps nobody waiting");
    assert_eq!(proves(a, &b), Came::Open);
    assert!(row(a, &b).recovering);
    let (reason, since) = stands().unwrap();
    assert!(reason.contains("frozen while it recovered") && since.is_some(), "{reason}");
}

#[test]
fn a_freeze_that_ends_while_nothing_recovers_begins_no_recovery() {
    let houses = TestHouses::of(&[A]);
    let a = houses.a();
    let mut b = grown(a, 3);
    freezes(a, &mut b, 3);
    assert_eq!(proves(a, &b), Came::Open);
    assert_eq!(a.store().view(|view| view.recovering()).unwrap(), None);
}

#[test]
fn a_question_to_a_partner_that_is_not_called_any_more_is_answered_at_once_and_not_put_later() {
    let houses = TestHouses::of(&[A]);
    let a = houses.a();
    let mut b = grown(a, 3);
    freezes(a, &mut b, 3);
    asks(a).unwrap();
    let questions = || unfreeze::questions(&a.house(), &party(B), a.now()).unwrap();
    assert_eq!(questions().len(), 1);
    a.carries(B, Carriage::Wait);
    assert_eq!(questions(), []);
    let why = why_no_proof(a).unwrap();
    assert!(why.contains("does not call"), "{why}");
    a.carries(B, Carriage::Push);
    assert_eq!(questions(), [], "an officer has to ask again");
    assert_eq!(proves(a, &b), Came::Open);
}
