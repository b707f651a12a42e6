//! Histories that are rewritten, forked and replayed; parcels and heads meant for somebody else.

use testkit::{B, ByHand, C, EntryOf, Heard};
use tlog::channel::Use;
use tlog::checkpoint::{Checkpoint, SignedCheckpoint};
use tlog::hash::Hash;
use tlog::parcel::Parcel;

use crate::node::{Scene, in_runtime};

/// A checkpoint of this size that the log's key signed over another root than the entries give.
fn forged(b: &ByHand, size: u64) -> SignedCheckpoint {
    b.signed(&Checkpoint { origin: b.origin(), size, root: Hash::from_bytes([6; 32]) })
}

/// The lie froze B's log with one note kept, people are told what to do, and C's warnings go on.
async fn assert_frozen(scene: &Scene, b: &ByHand, heard: &Heard, held: u64, why: &str) {
    assert_eq!((heard.status, heard.text().as_str()), (422, "root\n"), "{why}");
    assert_eq!(scene.a.holds(&b.origin()), held, "{why}");
    assert!(scene.a.froze(&b.origin()), "{why}");
    let kept = scene.a.evidence();
    assert!(kept.last().is_some_and(|what| what.contains(why)), "{why}: {kept:?}");
    scene.a.assert_doctor_says(&[B, "frozen", why, "call the partner's duty desk", "other channels"]);
    // It goes out at once, so it may have been sent already.
    let notices = scene.a.here.rows("node.db", "SELECT line FROM notices");
    assert!(notices.iter().any(|n| n.contains("frozen") && n.contains("forewarn doctor")), "{notices:?}");
    let again = scene.b.sends(&b.origin(), &b.parcel(0)).await;
    assert_eq!((again.status, again.text().as_str()), (423, "frozen\n"), "{why}");
    scene.assert_others_are_served().await;
}

#[test]
fn a_history_that_is_rewritten_is_refused_frozen_and_kept() {
    in_runtime(async {
        let scene = Scene::set().await;
        let mut b = scene.opened().await;
        b.push(EntryOf::kind("cover", "one"));
        scene.b.sends(&b.origin(), &b.parcel(1)).await;
        b.entries.truncate(1);
        b.push(EntryOf::kind("cover", "two"));
        let heard = scene.b.sends(&b.origin(), &b.parcel(1)).await;
        assert_frozen(&scene, &b, &heard, 2, "another root").await;
        assert_eq!(scene.a.here.rows("node.db", "SELECT hex(parcel) FROM evidence").len(), 1);
    });
}

#[test]
fn entries_that_do_not_give_the_signed_root_are_not_taken_and_note_and_parcel_are_kept() {
    in_runtime(async {
        let scene = Scene::set().await;
        let mut b = scene.opened().await;
        b.push(EntryOf::kind("cover", ""));
        let parcel = b.parcel_with(1, forged(&b, 2));
        let heard = scene.b.sends(&b.origin(), &parcel).await;
        assert_frozen(&scene, &b, &heard, 1, "do not give the root").await;
        let kept = scene.a.here.rows("node.db", "SELECT hex(parcel) FROM evidence");
        let hex: String = parcel.iter().map(|byte| format!("{byte:02X}")).collect();
        assert_eq!(kept, [hex]);
    });
}

#[test]
fn two_heads_of_one_size_in_two_requests_freeze_whichever_came_first() {
    in_runtime(async {
        let scene = Scene::set().await;
        let mut b = scene.opened().await;
        // The first is refused for its frame alone, and its signature stays.
        let of = EntryOf::kind("cover", "");
        let header = tlog::entry::EntryHeader { index: 7, ..b.header(&of) };
        b.push_entry(&tlog::entry::Entry { header, body: Vec::new() });
        let first = scene.b.sends(&b.origin(), &b.parcel(1)).await;
        assert_eq!((first.status, first.text().as_str()), (422, "entry 1 index\n"));
        scene.a.assert_doctor_says(&[B, "refused", "entry 1", "Call the partner's duty desk"]);
        b.entries.truncate(1);
        b.push(of);
        let second = scene.b.sends(&b.origin(), &b.parcel(1)).await;
        assert_frozen(&scene, &b, &second, 1, "two signed heads of size 2").await;
        assert_eq!(scene.a.evidence().len(), 2, "both heads are kept: {:?}", scene.a.evidence());
    });
}

#[test]
fn a_log_that_does_not_grow_through_a_head_that_was_signed_and_refused_is_frozen() {
    in_runtime(async {
        let scene = Scene::set().await;
        let mut b = scene.opened().await;
        b.push_bytes(vec![0; 1024]);
        let first = scene.b.sends(&b.origin(), &b.parcel(1)).await;
        assert_eq!((first.status, first.text().as_str()), (422, "entry 1 frame\n"));
        b.entries.truncate(1);
        b.push(EntryOf::kind("cover", "one"));
        b.push(EntryOf::kind("cover", "two"));
        let second = scene.b.sends(&b.origin(), &b.parcel(1)).await;
        assert_frozen(&scene, &b, &second, 1, "two signed heads of size 2").await;
    });
}

#[test]
fn notes_that_bind_nobody_take_no_place_from_a_signed_one() {
    in_runtime(async {
        let scene = Scene::set().await;
        let mut b = scene.opened().await;
        let key =
            tlog::key::SigningKey::from_seed(&b.origin().to_string(), tlog::key::KeyKind::Ed25519, [8; 32]);
        let key = key.unwrap();
        for size in 1..100 {
            let unsigned = Checkpoint { origin: b.origin(), size, root: Hash::from_bytes([5; 32]) };
            let parcel =
                Parcel { old: size, held: None, items: vec![], checkpoint: unsigned.sign(&key).unwrap() };
            let heard = scene.b.sends(&b.origin(), &parcel.encode().unwrap()).await;
            assert_eq!(heard.status, 403, "{}", heard.text());
        }
        let strays = scene.a.evidence().len();
        assert!(strays <= 16, "{strays} notes that bind nobody are kept");
        b.push_bytes(vec![0; 1024]);
        assert_eq!(scene.b.sends(&b.origin(), &b.parcel(1)).await.status, 422);
        assert_eq!(scene.a.evidence().len(), strays + 1, "the signed one is kept all the same");
        scene.assert_others_are_served().await;
    });
}

#[test]
fn a_parcel_that_is_replayed_changes_nothing_however_often() {
    in_runtime(async {
        let scene = Scene::set().await;
        let mut b = scene.opened().await;
        let old = b.parcel(0);
        let first = scene.b.sends(&b.origin(), &old).await.text();
        b.push(EntryOf::kind("cover", ""));
        scene.b.sends(&b.origin(), &b.parcel(1)).await;
        let trail = scene.a.here.trail().len();
        for _ in 0..200 {
            let heard = scene.b.sends(&b.origin(), &old).await;
            assert_eq!((heard.status, heard.text()), (200, first.clone()));
        }
        assert_eq!(scene.a.holds(&b.origin()), 2);
        assert_eq!(scene.a.here.trail().len(), trail, "a replay is no event");
        assert!(scene.a.evidence().is_empty(), "{:?}", scene.a.evidence());
        scene.assert_others_are_served().await;
    });
}

#[test]
fn what_is_meant_for_another_log_is_taken_by_none() {
    in_runtime(async {
        let scene = Scene::set().await;
        let b = scene.opened().await;
        let drill = scene.b.opens(Use::Exercise).await;
        let heard = scene.b.sends(&drill.origin(), &b.parcel(0)).await;
        assert_eq!(heard.status, 403, "{}", heard.text());
        assert!(heard.text().contains("of another log"), "{}", heard.text());
        assert_eq!(scene.a.holds(&drill.origin()), 0);
        assert_eq!(scene.a.evidence(), ["the checkpoint is of another log"]);
        scene.a.assert_doctor_says(&[B, "refused", "another log", "Call the partner's duty desk"]);
        // The log of another partner, and our own, look as if they did not exist.
        scene.assert_others_are_served().await;
        let of_c = scene.a.channel(C, store::ChannelSide::Theirs).unwrap();
        let to_c = scene.a.channel(C, store::ChannelSide::Ours).unwrap();
        let unknown = scene.b.sends(&tlog::channel::Origin::from_hex(&"0".repeat(64)).unwrap(), b"").await;
        for origin in [of_c.origin, to_c.origin] {
            let heard = scene.b.sends(&origin, &b.parcel(0)).await;
            assert_eq!((heard.status, &heard.body), (unknown.status, &unknown.body));
        }
        assert_eq!(unknown.status, 404);
        scene.assert_others_are_served().await;
    });
}

#[test]
fn a_statement_that_names_other_parties_or_a_second_log_opens_nothing() {
    in_runtime(async {
        let scene = Scene::set().await;
        let victim = scene.a.victim();
        let signed = |change: &dyn Fn(&mut tlog::channel::ChannelProposal)| {
            let mut proposal = Hand::proposal(&scene.b, &victim);
            change(&mut proposal);
            let origin =
                tlog::channel::origin_of(proposal.use_, &proposal.giver, &proposal.receiver, &proposal.nonce);
            proposal.log = scene.b.keys().log_key(&origin).unwrap().verifier().clone();
            proposal.sign_as_giver(&scene.b.keys().identity).unwrap().to_string()
        };
        let c = scene.c.victim();
        let other = tlog::key::SigningKey::from_seed(
            victim.cosigner.name(),
            tlog::key::KeyKind::CosignatureV1,
            [3; 32],
        );
        let other = other.unwrap().verifier().clone();
        let lies: [(&str, String); 3] = [
            (
                "other parties",
                signed(&|p| (p.receiver, p.cosigner) = (c.identity.clone(), c.cosigner.clone())),
            ),
            ("not ours", signed(&|p| p.cosigner = other.clone())),
            ("begins at 0", signed(&|p| p.from = 4)),
        ];
        for (why, text) in lies {
            let heard = scene.b.ask("POST", "/peer/v1/channel", text.as_bytes()).await;
            assert_eq!(heard.status, 403, "{why}: {}", heard.text());
            assert!(heard.text().contains(why), "{why}: {}", heard.text());
            assert!(scene.a.channel(B, store::ChannelSide::Theirs).is_none(), "{why}");
        }
        scene.opened().await;
        let second = signed(&|p| p.nonce = [77; 32]);
        let heard = scene.b.ask("POST", "/peer/v1/channel", second.as_bytes()).await;
        assert_eq!(heard.status, 409, "{}", heard.text());
        let there = scene.a.channel(B, store::ChannelSide::Theirs).unwrap();
        assert_eq!(
            there.statement,
            heard.text(),
            "it is told of the one that is there, and no second is opened"
        );
        scene.assert_others_are_served().await;
    });
}

/// What the liar would honestly propose.
struct Hand;

impl Hand {
    fn proposal(b: &testkit::Hostile, to: &testkit::Victim) -> tlog::channel::ChannelProposal {
        let giver = b.keys().identity.verifier().clone();
        let nonce = [9; 32];
        let origin = tlog::channel::origin_of(Use::Actual, &giver, &to.identity, &nonce);
        tlog::channel::ChannelProposal {
            use_: Use::Actual,
            giver,
            receiver: to.identity.clone(),
            nonce,
            after: None,
            from: 0,
            log: b.keys().log_key(&origin).unwrap().verifier().clone(),
            cosigner: to.cosigner.clone(),
            neutral: 0,
            witnesses: Vec::new(),
        }
    }
}
