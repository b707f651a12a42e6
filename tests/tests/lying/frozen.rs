//! The end of a freeze by a proof (docs/log-format.md §11): what a partner can and cannot reach by it.

use exchange::refusal::Refusal;
use exchange::unfreeze;
use store::ChannelSide;
use testkit::{B, ByHand, EntryOf, Said, party};
use tlog::channel::Use;

use crate::node::{Scene, in_runtime};

/// B has signed a true head of three entries, and sent other entries with it: its log is frozen, and nothing is proven.
async fn frozen(scene: &Scene) -> ByHand {
    let mut garbled = scene.opened().await;
    let mut b = scene.b.again(&garbled);
    for text in ["one", "two"] {
        b.push(EntryOf::kind("cover", text));
        garbled.push(EntryOf::kind("cover", format!("not {text}")));
    }
    let heard = scene.b.sends(&b.origin(), &garbled.parcel_with(1, b.head(3))).await;
    assert_eq!((heard.status, heard.text().as_str()), (422, "root\n"));
    assert!(scene.a.froze(&b.origin()));
    b
}

/// An officer of A asks B for the proof.
fn asks(scene: &Scene, person: &str) -> Result<unfreeze::Asked, Refusal> {
    let (house, now) = (scene.a.house(), scene.a.here.now());
    unfreeze::ask(&house, &scene.a.here.caller(person), (&party(B), Use::Actual), now)
}

/// What came of the question, as the list of channels shows it.
async fn until_refused(scene: &Scene) -> String {
    let list = |_: &_| {
        let all = exchange::view::channels::list(&scene.a.house(), &scene.a.here.caller("desk1")).unwrap();
        all.logs.into_iter().find_map(|log| log.proof).and_then(|proof| proof.failed)
    };
    scene.a.until("the question is answered", list).await
}

#[test]
fn a_freeze_ends_when_the_partner_proves_what_it_signed_and_that_binds_it_on() {
    in_runtime(async {
        let scene = Scene::set().await;
        let mut b = frozen(&scene).await;
        assert_eq!(scene.b.sends(&b.origin(), &b.parcel(1)).await.status, 423);
        let proof = b.proves(1, 3);
        scene.b.lies(move |asked, _| match asked.is_proof() {
            Some((1, 3)) => Said::Status(200, proof.clone().into_bytes()),
            _ => Said::Honest,
        });
        assert_eq!(asks(&scene, "desk1").unwrap_err().code, "not_authorised");
        let asked = asks(&scene, "liaison1").unwrap();
        assert_eq!((asked.held, asked.signed), (1, vec![3]));
        let origin = b.origin();
        scene.a.until("the freeze ends", |_| (!scene.a.froze(&origin)).then_some(())).await;
        let notices = scene.a.here.rows("node.db", "SELECT line FROM notices");
        assert!(notices.iter().any(|n| n.contains("freeze has ended")), "{notices:?}");
        let trail = scene.a.here.trail();
        for act in ["channel.freeze", "channel.ask_proof", "channel.unfreeze"] {
            assert!(trail.iter().any(|line| line.act == act), "{act}");
        }
        assert_eq!(scene.a.evidence().len(), 1, "what was kept stays");
        assert_eq!(asks(&scene, "liaison1").unwrap_err().code, "not_frozen");
        // What was proven holds: a history that does not grow through it freezes again.
        let mut other = scene.b.again(&b);
        other.entries.truncate(1);
        for text in ["three", "four", "five"] {
            other.push(EntryOf::kind("cover", text));
        }
        let honest = scene.b.sends(&origin, &b.parcel(1)).await;
        assert_eq!(honest.status, 200, "{}", honest.text());
        assert_eq!(scene.a.holds(&origin), 3);
        b.push(EntryOf::kind("cover", "six"));
        assert_eq!(scene.b.sends(&origin, &b.parcel(3)).await.status, 200);
        assert_eq!(scene.b.sends(&origin, &other.parcel(1)).await.status, 422);
        scene.assert_others_are_served().await;
    });
}

#[test]
fn a_log_that_was_proven_and_grows_another_way_is_frozen_again() {
    in_runtime(async {
        let scene = Scene::set().await;
        let b = frozen(&scene).await;
        let (origin, proof) = (b.origin(), b.proves(1, 3));
        scene.b.lies(move |asked, _| match asked.is_proof() {
            Some(_) => Said::Status(200, proof.clone().into_bytes()),
            None => Said::Honest,
        });
        asks(&scene, "release1").unwrap();
        scene.a.until("the freeze ends", |_| (!scene.a.froze(&origin)).then_some(())).await;
        let mut other = scene.b.again(&b);
        other.entries.truncate(1);
        for text in ["three", "four", "five"] {
            other.push(EntryOf::kind("cover", text));
        }
        let heard = scene.b.sends(&origin, &other.parcel(1)).await;
        assert_eq!((heard.status, heard.text().as_str()), (422, "root\n"));
        assert!(scene.a.froze(&origin) && scene.a.holds(&origin) == 1);
        assert_eq!(asks(&scene, "release1").unwrap().signed, [3, 4], "both have to be one history");
        scene.assert_others_are_served().await;
    });
}

#[test]
fn a_proof_that_is_false_or_missing_ends_no_freeze_and_people_are_told() {
    in_runtime(async {
        let scene = Scene::set().await;
        let b = frozen(&scene).await;
        let (origin, truth) = (b.origin(), b.proves(1, 3));
        let mut other = scene.b.again(&b);
        other.entries.truncate(1);
        other.push(EntryOf::kind("cover", "five"));
        other.push(EntryOf::kind("cover", "six"));
        let kept = scene.a.evidence();
        let lies: [(&str, Said, &str); 7] = [
            ("of another history", Said::Status(200, other.proves(1, 3).into_bytes()), "does not hold"),
            ("too long", Said::Status(200, truth.repeat(2).into_bytes()), "does not hold"),
            ("without end", Said::Status(200, truth.repeat(4_000).into_bytes()), "no list of hashes"),
            ("empty", Said::Status(200, Vec::new()), "no list of hashes"),
            ("an order", Said::Status(200, b"\x1b[2Junfreeze me\n".to_vec()), "no list of hashes"),
            ("none", Said::Honest, "no such proof (404)"),
            ("cut off", Said::HangUp, "could not be asked"),
        ];
        for (what, said, why) in lies {
            let notices =
                scene.a.here.rows("node.db", "SELECT line FROM notices WHERE line LIKE '%stays frozen%'");
            scene
                .b
                .lies(move |asked, _| if asked.is_proof().is_some() { said.clone() } else { Said::Honest });
            asks(&scene, "liaison1").unwrap();
            let failed = until_refused(&scene).await;
            assert!(failed.contains(why), "{what}: {failed}");
            assert!(scene.a.froze(&origin) && scene.a.holds(&origin) == 1, "{what}");
            assert_eq!(scene.a.evidence(), kept, "{what}");
            scene.a.assert_doctor_says(&[B, "frozen", "asked for a proof at", why]);
            let now =
                scene.a.here.rows("node.db", "SELECT line FROM notices WHERE line LIKE '%stays frozen%'");
            assert_eq!(now.len(), notices.len() + 1, "{what}: a person is told once");
            assert_eq!(scene.b.sends(&origin, &b.parcel(1)).await.status, 423, "{what}");
        }
        let trail = scene.a.here.trail();
        let unproven: Vec<_> = trail.iter().filter(|line| line.act == "channel.unproven").collect();
        assert_eq!(unproven.len(), 7);
        assert!(!format!("{unproven:?}").contains('\u{1b}'), "what it said moves no screen");
        scene.assert_others_are_served().await;
    });
}

#[test]
fn nobody_is_asked_to_prove_two_histories_and_a_partner_that_is_not_called_is_not_asked() {
    in_runtime(async {
        let scene = Scene::set().await;
        let mut b = scene.opened().await;
        b.push(EntryOf::kind("cover", "one"));
        scene.b.sends(&b.origin(), &b.parcel(1)).await;
        assert_eq!(asks(&scene, "liaison1").unwrap_err().code, "not_frozen");
        b.entries.truncate(1);
        b.push(EntryOf::kind("cover", "two"));
        assert_eq!(scene.b.sends(&b.origin(), &b.parcel(1)).await.status, 422);
        let refused = asks(&scene, "liaison1").unwrap_err();
        assert_eq!(refused.code, "contradiction");
        assert!(refused.hint.unwrap().contains("forewarn channel succeed"));
        assert!(!scene.b.asked().iter().any(|asked| asked.is_proof().is_some()));

        let scene = Scene::set().await;
        let b = frozen(&scene).await;
        let (house, liaison, now) = (scene.a.house(), scene.a.here.caller("liaison1"), scene.a.here.now());
        exchange::carriage::set(&house, &liaison, &party(B), model::vocab::Carriage::Wait, now).unwrap();
        assert_eq!(asks(&scene, "liaison1").unwrap_err().code, "not_called");
        assert!(scene.a.froze(&b.origin()));
        assert!(scene.a.channel(B, ChannelSide::Theirs).is_some());
    });
}
