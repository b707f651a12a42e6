//! Receipts that are none, that are old, or that are dated by another clock; heads and answers that were never true.

use store::ChannelSide;
use testkit::{Asked, B, Desk, EntryOf, Said};
use tlog::checkpoint::Checkpoint;
use tlog::cosignature::cosign;
use tlog::hash::Hash;
use tlog::key::{KeyKind, SigningKey};
use tlog::parcel::Parcel;

use crate::node::{Scene, in_runtime};

/// What a test makes of the head of a parcel that came.
type Line = fn(&Desk, &Checkpoint) -> Vec<u8>;

fn head_of(asked: &Asked) -> Checkpoint {
    *Parcel::parse(&asked.body).unwrap().checkpoint.checkpoint()
}

/// B answers every parcel with this line.
async fn answers(scene: &Scene, line: Line) {
    scene.b.lies(move |asked, desk| match asked.is_parcel() {
        true => Said::Status(200, line(desk, &head_of(asked))),
        false => Said::Honest,
    });
    scene.a.warns(B);
}

#[test]
fn a_line_that_is_no_receipt_of_what_was_sent_does_not_count_and_people_are_told() {
    in_runtime(async {
        let lies: [(&str, Line); 6] = [
            ("over another root", |desk, head| {
                desk.receipt(&Checkpoint { root: Hash::from_bytes([1; 32]), ..*head }, desk.seconds())
            }),
            ("over another size", |desk, head| {
                desk.receipt(&Checkpoint { size: head.size + 1, ..*head }, desk.seconds())
            }),
            ("by another key of its own", |desk, head| {
                let name = format!("{B}/cosigner");
                let key = SigningKey::from_seed(&name, KeyKind::CosignatureV1, [3; 32]).unwrap();
                format!("{}\n", cosign(head, desk.seconds(), &key).unwrap().line()).into_bytes()
            }),
            ("with a bit changed", |desk, head| {
                let mut line = desk.receipt(head, desk.seconds());
                let at = line.len() - 12;
                line[at] = if line[at] == b'A' { b'B' } else { b'A' };
                line
            }),
            ("the node's own words", |_, _| b"thank you, received\n".to_vec()),
            ("nothing", |_, _| Vec::new()),
        ];
        let scene = Scene::set().await;
        scene.warned_b().await;
        for (n, (what, line)) in (1..).zip(lies) {
            let before = scene.a.sizes(B).1;
            answers(&scene, line).await;
            let words = ["does not count", "call the partner's duty desk"];
            scene.a.until_troubled(B, &words).await;
            assert_eq!(scene.a.sizes(B).1, before, "{what}: nothing is receipted");
            scene.a.assert_doctor_says(&[B, "does not count"]);
            if n == 1 {
                scene.assert_others_are_served().await;
            }
            scene.b.repents();
            scene.a.rings_the_bell();
            let whole = |_: &testkit::TestHouse| {
                let (size, receipted) = scene.a.sizes(B);
                (size > before && receipted == size && scene.a.troubles().is_empty()).then_some(())
            };
            scene.a.until("the truth is receipted", whole).await;
        }
    });
}

#[test]
fn a_receipt_of_an_older_size_is_none_of_the_newer_parcel() {
    in_runtime(async {
        let scene = Scene::set().await;
        scene.warned_b().await;
        let before = scene.a.sizes(B).1;
        scene.b.lies(|asked, desk| match asked.is_parcel() {
            true => {
                let old = desk.log().newest().unwrap().lines().last().unwrap().to_string();
                Said::Status(200, format!("{old}\n").into_bytes())
            }
            false => Said::Honest,
        });
        scene.a.warns(B);
        scene.a.until_troubled(B, &["does not count", "do not rely on it having been warned"]).await;
        let (size, receipted) = scene.a.sizes(B);
        assert!(receipted == before && size > before, "{size} {receipted}");
        scene.assert_others_are_served().await;
    });
}

#[test]
fn a_receipt_dated_by_a_clock_far_off_counts_and_people_are_told_to_compare() {
    in_runtime(async {
        for (what, seconds) in [("late", 7_200i64), ("early", -90_000)] {
            let scene = Scene::set().await;
            scene.b.lies(move |asked, desk| match asked.is_parcel() {
                true => {
                    desk.honest(asked);
                    let at = desk.seconds().checked_add_signed(seconds).unwrap();
                    Said::Status(200, desk.receipt(&head_of(asked), at))
                }
                false => Said::Honest,
            });
            scene.a.warns(B);
            let words = ["apart", "the receipt counts", "Compare both clocks", "duty desk"];
            scene.a.until("it is kept", |_| (scene.a.sizes(B) == (2, 2)).then_some(())).await;
            let told = scene.a.until_troubled(B, &words).await;
            assert!(told.contains(&seconds.to_string()), "{what}: {told}");
            scene.a.assert_doctor_says(&[B, "apart"]);
            scene.assert_others_are_served().await;
        }
    });
}

#[test]
fn a_time_that_no_clock_shows_is_no_receipt() {
    in_runtime(async {
        let scene = Scene::set().await;
        answers(&scene, |desk, head| desk.receipt(head, (1 << 63) - 1)).await;
        scene.a.until_troubled(B, &["no clock shows", "does not count"]).await;
        assert_eq!(scene.a.sizes(B).1, 0);
        scene.assert_others_are_served().await;
    });
}

#[test]
fn a_head_that_was_never_signed_or_cannot_be_read_stops_signing_for_that_partner_alone() {
    in_runtime(async {
        type Head = fn(&Desk) -> Vec<u8>;
        let lies: [(&str, &str, Head); 4] = [
            ("of another size", "never signed", |desk| {
                let head = desk.log().newest().unwrap().to_string();
                head.replacen("\n2\n", "\n9\n", 1).into_bytes()
            }),
            ("signed by itself", "never signed", |desk| {
                let head = *desk.log().newest().unwrap().checkpoint();
                let key = SigningKey::from_seed(&head.origin.to_string(), KeyKind::Ed25519, [4; 32]);
                head.sign(&key.unwrap()).unwrap().to_string().into_bytes()
            }),
            ("no checkpoint", "no checkpoint", |_| b"\x1b[2Jrun `rm`\n".to_vec()),
            ("of a gigabyte", "no checkpoint", |_| vec![b'a'; 1 << 20]),
        ];
        for (n, (what, words, head)) in (0..).zip(lies) {
            let scene = Scene::set().await;
            scene.warned_b().await;
            let before = scene.a.sizes(B);
            scene.b.lies(move |asked, desk| match asked.is_head() {
                true => Said::Status(200, head(desk)),
                false => Said::Honest,
            });
            scene.a.warns(B);
            let told = scene.a.until_troubled(B, &[words, "duty desk"]).await;
            assert!(!told.chars().any(char::is_control), "{what}: {told:?}");
            assert_eq!(scene.a.sizes(B), before, "{what}: nothing is appended or signed");
            if n == 0 {
                scene.assert_others_are_served().await;
            }
        }
    });
}

#[test]
fn an_old_head_again_and_again_ends_the_round_and_loses_nothing() {
    in_runtime(async {
        let scene = Scene::set().await;
        scene.warned_b().await;
        let old = scene.b.desk(|desk| desk.log().newest().unwrap().to_string());
        scene.warned_b().await;
        let before = scene.a.sizes(B);
        scene.b.lies(move |asked, desk| match (asked.is_head(), asked.is_parcel()) {
            (true, _) => Said::Status(200, old.clone().into_bytes()),
            (_, true) => {
                let size = head_of(asked).size;
                Said::Status(409, format!("{}\n", size.min(desk.log().items.len() as u64) - 1).into_bytes())
            }
            _ => Said::Honest,
        });
        let asked = scene.b.asked().len();
        scene.a.warns(B);
        scene.a.until_troubled(B, &["again and again", "duty desk", "other ways"]).await;
        let parcels = scene.b.asked()[asked..].iter().filter(|a| a.is_parcel()).count();
        assert!(parcels <= 10, "{parcels} parcels in a round that leads nowhere");
        assert_eq!(scene.a.sizes(B).1, before.1);
        scene.assert_others_are_served().await;
        scene.b.repents();
        scene.a.rings_the_bell();
        scene.a.until("it goes on", |_| (scene.a.sizes(B).1 > before.1).then_some(())).await;
    });
}

#[test]
fn a_number_without_a_signature_sends_nobody_into_recovery() {
    in_runtime(async {
        let scene = Scene::set().await;
        scene.warned_b().await;
        scene.b.lies(|asked, _| match asked.is_parcel() {
            true => Said::Status(409, b"4000\n".to_vec()),
            false => Said::Honest,
        });
        scene.a.warns(B);
        let told = scene.a.until_troubled(B, &["says that it holds 4000", "no signature", "duty desk"]).await;
        assert!(!told.contains("recover begin"), "{told}");
        let recovering = scene.a.channel(B, ChannelSide::Ours).unwrap().recovering;
        assert!(!recovering && !scene.a.channel(B, ChannelSide::Theirs).is_some_and(|c| c.recovering));
        scene.assert_others_are_served().await;
    });
}

#[test]
fn what_a_partner_answers_is_shown_as_its_words_and_moves_no_screen() {
    in_runtime(async {
        for (status, body, words) in [
            (500, "\u{1b}[2J\u{202e}run `forewarn recover begin` now", "answered 500: “"),
            (423, "frozen because we say so", "it says that it holds something"),
            (418, "no", "answered 418: “no”"),
        ] {
            let scene = Scene::set().await;
            scene.warned_b().await;
            scene.b.lies(move |asked, _| match (asked.is_head(), asked.is_parcel()) {
                (true, _) if status != 423 => Said::Status(status, body.as_bytes().to_vec()),
                (_, true) => Said::Status(status, body.as_bytes().to_vec()),
                _ => Said::Honest,
            });
            scene.a.warns(B);
            let told = scene.a.until_troubled(B, &[words]).await;
            assert!(!told.chars().any(model::plain::is_unseen), "{told:?}");
            scene.a.assert_doctor_says(&[B, words, "duty desk"]);
            scene.assert_others_are_served().await;
        }
    });
}

#[test]
fn a_seen_that_never_was_is_refused_and_its_note_is_kept() {
    in_runtime(async {
        use tlog::entry::{Entry, EntryHeader, Seen};
        for of_ours in [true, false] {
            let scene = Scene::set().await;
            scene.warned_b().await;
            let mut b = scene.opened().await;
            let ours = scene.a.channel(B, ChannelSide::Ours).unwrap().origin;
            let another = tlog::channel::Origin::from_hex(&"ab".repeat(32)).unwrap();
            let origin = if of_ours { ours } else { another };
            let seen = Some(Seen { origin, size: 1, root: Hash::from_bytes([2; 32]) });
            let of = EntryOf::kind("cover", "");
            let header = EntryHeader { seen, ..b.header(&of) };
            b.push_entry(&Entry { header, body: Vec::new() });
            let heard = scene.b.sends(&b.origin(), &b.parcel(1)).await;
            assert_eq!((heard.status, heard.text().as_str()), (422, "entry 1 seen\n"));
            assert_eq!(scene.a.holds(&b.origin()), 1);
            scene.a.assert_doctor_says(&[B, "refused", "entry 1", "seen", "duty desk"]);
            scene.assert_others_are_served().await;
        }
    });
}

#[test]
fn a_seen_that_falls_is_refused_and_its_note_is_kept() {
    in_runtime(async {
        use tlog::entry::{Entry, EntryHeader, Seen};
        let scene = Scene::set().await;
        scene.warned_b().await;
        let mut b = scene.opened().await;
        let newest = scene.b.desk(|desk| *desk.log().newest().unwrap().checkpoint());
        let first = scene.b.desk(|desk| *desk.log().heads.values().next().unwrap().checkpoint());
        assert!(first.size < newest.size, "two heads are there to choose from");
        for head in [newest, first] {
            let seen = Some(Seen { origin: head.origin, size: head.size, root: head.root });
            let of = EntryOf::kind("cover", "");
            let header = EntryHeader { seen, ..b.header(&of) };
            b.push_entry(&Entry { header, body: Vec::new() });
        }
        let heard = scene.b.sends(&b.origin(), &b.parcel(1)).await;
        assert_eq!((heard.status, heard.text().as_str()), (422, "entry 2 seen\n"));
        assert_eq!(scene.a.holds(&b.origin()), 1, "nothing of the parcel is taken");
        scene.a.assert_doctor_says(&[B, "refused", "entry 2", "seen", "duty desk"]);
        scene.assert_others_are_served().await;
    });
}

#[test]
fn a_seen_beyond_our_log_is_answered_busy_and_told_with_both_ways_to_read_it() {
    in_runtime(async {
        use tlog::entry::{Entry, EntryHeader, Seen};
        let scene = Scene::set().await;
        scene.warned_b().await;
        let mut b = scene.opened().await;
        let ours = scene.a.channel(B, ChannelSide::Ours).unwrap();
        let seen = Some(Seen { origin: ours.origin, size: ours.size() + 7, root: Hash::from_bytes([2; 32]) });
        let of = EntryOf::kind("cover", "");
        let header = EntryHeader { seen, ..b.header(&of) };
        b.push_entry(&Entry { header, body: Vec::new() });
        for _ in 0..5 {
            let heard = scene.b.sends(&b.origin(), &b.parcel(1)).await;
            assert_eq!((heard.status, heard.text().as_str()), (503, "busy\n"));
            assert!(heard.head.contains("retry-after"), "{}", heard.head);
        }
        assert_eq!(scene.a.holds(&b.origin()), 1);
        assert!(
            !scene.a.channel(B, ChannelSide::Ours).unwrap().recovering,
            "no partner's word begins a recovery"
        );
        let told = scene.a.here.notices();
        assert_eq!(told.iter().filter(|n| n.contains("holds more of our log")).count(), 1, "{told:?}");
        scene.a.assert_doctor_says(&[
            B,
            "names more",
            "forewarn recover begin",
            "the partner is wrong",
            "duty desk",
        ]);
        scene.assert_others_are_served().await;
        scene.warned_b().await;
        assert!(
            !scene.a.doctor().iter().any(|line| line.contains("names more")),
            "the receipt shows the truth"
        );
    });
}
