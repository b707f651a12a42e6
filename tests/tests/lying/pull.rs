//! What can be lied about where one of the two asks instead of being called (docs/log-format.md §6, Pull).

use exchange::carriage;
use model::vocab::Carriage;
use store::ChannelSide;
use testkit::{B, EntryOf, Said, party};
use tlog::checkpoint::Checkpoint;
use tlog::cosignature::cosign;
use tlog::hash::Hash;
use tlog::key::{KeyKind, SigningKey};

use crate::node::{Scene, in_runtime};

#[test]
fn a_receipt_that_is_brought_counts_only_if_both_have_signed_that_very_head() {
    in_runtime(async {
        let scene = Scene::set().await;
        scene.warned_b().await;
        let ours = scene.a.channel(B, ChannelSide::Ours).unwrap();
        let path = format!("/peer/v1/log/{}/receipt", ours.origin.hex());
        let newest = scene.b.desk(|desk| desk.log().newest().unwrap().clone());
        let log = SigningKey::from_seed(&ours.origin.to_string(), KeyKind::Ed25519, [4; 32]).unwrap();
        let forged = Checkpoint { size: 40, root: Hash::from_bytes([2; 32]), origin: ours.origin };
        let forged = forged.sign(&log).unwrap();
        let line = cosign(forged.checkpoint(), 1_796_000_000, &scene.b.keys().cosigner).unwrap();
        let forged = forged.and_line(line.line().clone()).unwrap().to_string();
        let other_root = newest.to_string().replacen("\n2\n", "\n1\n", 1);
        let before = scene.a.sizes(B);
        for (what, status, text) in [
            ("garbage", 400, "thank you".to_owned()),
            ("nothing", 400, String::new()),
            ("a head that we never signed", 403, forged),
            ("our signature under another size", 403, other_root),
        ] {
            let heard = scene.b.ask("POST", &path, text.as_bytes()).await;
            assert_eq!(heard.status, status, "{what}: {}", heard.text());
            assert_eq!(scene.a.sizes(B), before, "{what}");
        }
        scene.a.assert_doctor_says(&[B, "never signed", "duty desk"]);
        assert!(!scene.a.channel(B, ChannelSide::Ours).unwrap().recovering);
        scene.assert_others_are_served().await;
        scene.warned_b().await;
    });
}

#[test]
fn numbers_in_a_question_that_lead_nowhere_get_the_same_nothing() {
    in_runtime(async {
        let scene = Scene::set().await;
        scene.warned_b().await;
        let ours = scene.a.channel(B, ChannelSide::Ours).unwrap().origin.hex();
        for rest in [
            "consistency?old=0&new=281474976710655",
            "consistency?old=9&new=1",
            "consistency?old=-1&new=18446744073709551616",
            "consistency?old=1&old=2&new=2",
            "checkpoint/281474976710655",
            "checkpoint/007",
            "checkpoint/-1",
            "parcel?from=18446744073709551616",
            "parcel?from=0&from=1",
            "parcel",
        ] {
            let heard = scene.b.ask("GET", &format!("/peer/v1/log/{ours}/{rest}"), b"").await;
            assert_eq!(heard.status, 404, "{rest}: {}", heard.text());
        }
        scene.assert_others_are_served().await;
    });
}

#[test]
fn a_partner_that_is_fetched_from_and_lies_gives_nothing_and_is_named() {
    in_runtime(async {
        for (what, words) in [
            ("garbage", "could not be taken (400"),
            ("the same again", "again and again"),
            ("a forged head", "could not be taken (403"),
            ("a screen that is moved", "answered 500"),
            ("no HTTP", "no whole answer"),
        ] {
            let scene = Scene::set().await;
            let mut b = scene.opened().await;
            b.push(EntryOf::kind("cover", ""));
            let (origin, again) = (b.origin(), b.parcel_with(0, b.head(1)));
            let key = SigningKey::from_seed(&origin.to_string(), KeyKind::Ed25519, [9; 32]).unwrap();
            let forged = b.parcel_with(1, b.head(2).checkpoint().sign(&key).unwrap());
            scene.b.lies(move |asked, _| match (asked.is_copy(), what) {
                (true, "garbage") => Said::Status(200, vec![0xff; 3_000]),
                (true, "the same again") => Said::Status(200, again.clone()),
                (true, "a forged head") => Said::Status(200, forged.clone()),
                (true, "no HTTP") => Said::Raw(b"SSH-2.0-x\r\n\r\n".to_vec()),
                (true, _) => Said::Status(500, "\u{1b}[2J\u{202e}done".as_bytes().to_vec()),
                (false, _) if asked.method == "GET" => Said::Status(204, Vec::new()),
                (false, _) => Said::Status(200, Vec::new()),
            });
            let (house, now) = (scene.a.here.house(), scene.a.here.now());
            carriage::set(&house, &scene.a.here.caller("liaison1"), &party(B), Carriage::Fetch, now).unwrap();
            scene.a.rings_the_bell();
            let told = || scene.a.doctor().into_iter().find(|line| line.contains(B) && line.contains(words));
            let told = scene.a.until(words, |_| told()).await;
            assert!(told.to_lowercase().contains("duty desk") || what == "no HTTP", "{what}: {told}");
            assert!(!told.chars().any(model::plain::is_unseen), "{what}: {told:?}");
            assert_eq!(scene.a.holds(&origin), 1, "{what}");
            scene.assert_others_are_served().await;
        }
    });
}
