//! What a partner can lie about while this node takes back what it has lost (docs/log-format.md §9), and when it has not.

use store::ChannelSide;
use testkit::{B, ByHand, DataCopy, Desk, EntryOf, Said};
use tlog::checkpoint::{Checkpoint, SignedCheckpoint};
use tlog::cosignature::cosign;
use tlog::hash::Hash;
use tlog::key::{KeyKind, SigningKey};
use tlog::parcel::{Item, Parcel};

use crate::node::{Scene, in_runtime};

/// A has lost the end of its log to B and of B's log, and knows by its mark that it has.
async fn lost() -> (Scene, ByHand) {
    let scene = Scene::set().await;
    scene.warned_b().await;
    let mut b = scene.opened().await;
    // Both directions with C are open before: a log that is opened while a node recovers is recovering, too.
    scene.assert_others_are_served().await;
    let Scene { a, b: liar, c } = scene;
    let (a, copy) = a.stopped(|here| here.copy(DataCopy::WithoutMark)).await;
    let scene = Scene { a, b: liar, c };
    scene.warned_b().await;
    b.push(EntryOf::kind("cover", ""));
    assert_eq!(scene.b.sends(&b.origin(), &b.parcel(1)).await.status, 200);
    let Scene { a, b: liar, c } = scene;
    // Nothing is answered until the test has said how.
    liar.lies(|_, _| Said::Status(503, b"busy\n".to_vec()));
    let (a, ()) = a.stopped(|here| here.go_back(&copy)).await;
    (Scene { a, b: liar, c }, b)
}

/// What is made of an honest copy.
type Copy = fn(Parcel, &Desk) -> Vec<u8>;

#[test]
fn a_copy_of_our_log_that_is_not_what_we_signed_is_not_taken_back() {
    in_runtime(async {
        let lies: [(&str, &str, Copy); 5] = [
            ("garbage", "cannot be read", |_, _| vec![0xff; 10_000]),
            ("nothing in it", "does not begin where ours ends", |piece, desk| {
                let old = piece.checkpoint.checkpoint().size;
                let checkpoint = desk.log().newest().unwrap().clone();
                Parcel { old, held: None, items: vec![], checkpoint }.encode().unwrap()
            }),
            ("from another index", "does not begin where ours ends", |_, desk| {
                desk.piece(&desk.log().statement.origin(), 0).unwrap().encode().unwrap()
            }),
            ("another entry", "not what we signed", |mut piece, desk| {
                piece.items[0] = desk.log().items[0].clone();
                piece.encode().unwrap()
            }),
            ("a head that we never signed", "never signed", |piece, _| {
                let head = *piece.checkpoint.checkpoint();
                let key = SigningKey::from_seed(&head.origin.to_string(), KeyKind::Ed25519, [5; 32]);
                let checkpoint = head.sign(&key.unwrap()).unwrap();
                Parcel { checkpoint, ..piece }.encode().unwrap()
            }),
        ];
        for (n, (what, words, copy)) in (0..).zip(lies) {
            let (scene, _) = lost().await;
            let before = scene.a.sizes(B);
            let asked = scene.b.asked().len();
            scene.b.lies(move |asked, desk| {
                let ours = desk.log().statement.origin();
                let from = asked.path.rsplit('=').next().and_then(|from| from.parse().ok());
                match from.filter(|_| asked.is_copy()).and_then(|from| desk.piece(&ours, from)) {
                    Some(piece) if asked.path.contains(&ours.hex()) => Said::Status(200, copy(piece, desk)),
                    _ => Said::Honest,
                }
            });
            scene.a.rings_the_bell();
            scene.a.until_troubled(B, &[words]).await;
            assert_eq!(scene.a.sizes(B), before, "{what}: nothing is taken");
            assert!(scene.a.channel(B, ChannelSide::Ours).unwrap().recovering, "{what}");
            let copies = scene.b.asked()[asked..].iter().filter(|a| a.is_copy()).count();
            assert!(copies <= 4, "{what}: {copies} copies were asked for");
            scene.a.assert_doctor_says(&[B, words, "duty desk"]);
            if n == 0 {
                scene.assert_others_are_served().await;
                scene.b.repents();
                scene.a.rings_the_bell();
                let back = || scene.a.sizes(B).0 > before.0;
                scene.a.until("the truth is taken back", |_| back().then_some(())).await;
            }
        }
    });
}

#[test]
fn a_copy_of_its_own_log_that_says_nothing_new_or_something_else_ends_the_round() {
    in_runtime(async {
        for what in ["garbage", "the same again for ever", "other entries", "an end that is none"] {
            let (scene, mut b) = lost().await;
            let origin = b.origin();
            assert_eq!(scene.a.holds(&origin), 1);
            let (status, body, words) = match what {
                "garbage" => (200, vec![0xff; 5_000], "could not be taken back"),
                "the same again for ever" => (200, first_parcel(&scene, &origin), "could not be taken back"),
                "other entries" => {
                    b.entries.truncate(1);
                    b.push(EntryOf::kind("cover", "another"));
                    (200, b.parcel(1), "could not be taken back")
                }
                _ => (404, Vec::new(), "had cosigned 2 entries"),
            };
            let asked = scene.b.asked().len();
            scene.b.lies(move |asked, _| match asked.is_copy() && asked.path.contains(&origin.hex()) {
                true => Said::Status(status, body.clone()),
                false => Said::Honest,
            });
            scene.a.rings_the_bell();
            scene.a.until_troubled(B, &[words]).await;
            assert_eq!(scene.a.holds(&origin), 1, "{what}: nothing is taken");
            let copies = |a: &&testkit::Asked| a.is_copy() && a.path.contains(&origin.hex());
            let copies = scene.b.asked()[asked..].iter().filter(copies).count();
            assert!(copies <= 4, "{what}: {copies} copies were asked for");
            scene.a.assert_doctor_says(&[B, words]);
            scene.assert_others_are_served().await;
        }
    });
}

/// The opening of B's log, as it was sent first.
fn first_parcel(scene: &Scene, origin: &tlog::channel::Origin) -> Vec<u8> {
    let stored = scene.a.here.store().view(|view| {
        let channel = view.channel(origin)?.unwrap();
        let entry = view.open_entry(&channel, 0)?.unwrap();
        let note = view.newest_receipt(&channel)?.unwrap().note.unwrap();
        Ok::<_, exchange::refusal::Refusal>((entry, note))
    });
    let (entry, note) = stored.unwrap();
    let checkpoint = SignedCheckpoint::parse(note.as_bytes()).unwrap();
    let log = tlog::channel::ChannelStatement::parse(
        scene.a.channel(B, ChannelSide::Theirs).unwrap().statement.as_bytes(),
    );
    let checkpoint = checkpoint.only_lines_of(&[&log.unwrap().proposal().log]).unwrap();
    let items = vec![Item::Entry { salt: entry.salt, entry: entry.bytes }];
    Parcel { old: 0, held: None, items, checkpoint }.encode().unwrap()
}

#[test]
fn a_checkpoint_shown_as_held_that_we_did_not_cosign_is_refused_and_begins_no_recovery() {
    in_runtime(async {
        let scene = Scene::set().await;
        let mut b = scene.opened().await;
        scene.warned_b().await;
        b.push(EntryOf::kind("cover", ""));
        let forged = |size: u64, key: &SigningKey| {
            let head = b.signed(&Checkpoint { origin: b.origin(), size, root: Hash::from_bytes([8; 32]) });
            let line = cosign(head.checkpoint(), 1_796_000_000, key).unwrap();
            head.and_line(line.line().clone()).unwrap()
        };
        let name = scene.a.victim().cosigner.name().to_owned();
        let other = SigningKey::from_seed(&name, KeyKind::CosignatureV1, [7; 32]).unwrap();
        let of_another_log = scene.b.desk(|desk| desk.log().newest().unwrap().clone());
        for (what, held) in [
            ("cosigned by a key of the same name", forged(50, &other)),
            ("cosigned by itself", forged(50, &scene.b.keys().cosigner)),
            ("not cosigned", b.head(2)),
            ("of another log", of_another_log),
        ] {
            let parcel = Parcel { held: Some(held), ..Parcel::parse(&b.parcel(1)).unwrap() };
            let heard = scene.b.sends(&b.origin(), &parcel.encode().unwrap()).await;
            assert_eq!(heard.status, 403, "{what}: {}", heard.text());
            assert!(heard.text().contains("shown as held"), "{what}: {}", heard.text());
            assert_eq!(scene.a.holds(&b.origin()), 1, "{what}");
            assert!(!scene.a.channel(B, ChannelSide::Theirs).unwrap().recovering, "{what}");
        }
        scene.a.assert_doctor_says(&[B, "refused", "shown as held", "duty desk"]);
        scene.assert_others_are_served().await;
        // What we cosigned earlier is true, and says nothing new.
        let note = scene.a.here.store().view(|view| {
            let channel = view.channel(&b.origin())?.unwrap();
            Ok::<_, exchange::refusal::Refusal>(view.newest_receipt(&channel)?.unwrap().note.unwrap())
        });
        let held = Some(SignedCheckpoint::parse(note.unwrap().as_bytes()).unwrap());
        let parcel = Parcel { held, ..Parcel::parse(&b.parcel(1)).unwrap() };
        assert_eq!(scene.b.sends(&b.origin(), &parcel.encode().unwrap()).await.status, 200);
        assert!(!scene.a.channel(B, ChannelSide::Theirs).unwrap().recovering);
    });
}
