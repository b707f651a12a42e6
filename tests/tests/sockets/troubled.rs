//! What stands in the way is told in words, and keeps nothing else waiting.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use exchange::house::House;
use exchange::refusal::Refusal;
use exchange::{partner, view};
use jiff::Timestamp;
use model::id::{Digest, OutboxId, PartyName};
use store::{ChannelSide, NewOutboxRow, SealingDraw, View};
use tlog::channel::{Origin, Use};
use tokio::time::timeout;

use crate::node::*;

#[test]
fn a_partner_that_names_one_size_and_then_another_is_left_alone_for_a_while() {
    in_runtime(async {
        let ((at_a, address_a), (at_b, address_b)) = (listener().await, listener().await);
        let (a, b) =
            (Node::made("service-a.example", address_a, 1), Node::made("service-b.example", address_b, 2));
        introduce(&a, &b);
        let guard: Arc<Guard> = Arc::default();
        b.run_guarded(at_b, &guard);
        a.run(at_a, None);
        a.promise(&b.house.name);
        a.until("the first promise is receipted", |_| (a.sizes(&b.house.name) == (2, 2)).then_some(())).await;
        guard.sizes[0].store(2, Ordering::SeqCst);
        guard.sizes[1].store(3, Ordering::SeqCst);
        guard.status.store(409, Ordering::SeqCst);
        let before = guard.parcels.load(Ordering::SeqCst);
        a.promise(&b.house.name);
        let trouble = a.until("the trouble is shown", |_| a.trouble()).await;
        assert!(trouble.contains("again and again"), "{trouble}");
        assert!(guard.parcels.load(Ordering::SeqCst) - before <= 5);
        guard.status.store(0, Ordering::SeqCst);
        a.until("it goes on", |_| (a.sizes(&b.house.name) == (3, 3)).then_some(())).await;
        a.until("the trouble is gone", |_| a.trouble().is_none().then_some(())).await;
    });
}

#[test]
fn what_the_partner_refuses_is_not_sent_in_full_again_and_again() {
    for status in [403, 422, 423] {
        in_runtime(async move {
            let ((at_a, address_a), (at_b, address_b)) = (listener().await, listener().await);
            let (a, b) = (
                Node::made("service-a.example", address_a, 1),
                Node::made("service-b.example", address_b, 2),
            );
            introduce(&a, &b);
            let guard: Arc<Guard> = Arc::default();
            b.run_guarded(at_b, &guard);
            a.run(at_a, None);
            a.promise(&b.house.name);
            a.until("the first promise is receipted", |_| (a.sizes(&b.house.name) == (2, 2)).then_some(()))
                .await;
            guard.status.store(status, Ordering::SeqCst);
            let before = guard.parcels.load(Ordering::SeqCst);
            a.promises(&b.house.name, 50).await;
            a.until("the trouble is shown", |_| a.trouble()).await;
            for _ in 0..20 {
                a.bell.ring();
                tokio::task::yield_now().await;
            }
            b.promise(&a.house.name);
            let _ = timeout(Duration::from_millis(1_200), std::future::pending::<()>()).await;
            assert_eq!(guard.parcels.load(Ordering::SeqCst), before + 1, "{status}");
            assert!(!a.house.is_confirmed(&origin_to(&a, &b)), "nothing more is signed");
        });
    }
}

#[test]
fn what_a_partner_sends_takes_away_no_trouble_with_what_we_send() {
    in_runtime(async {
        let ((at_a, address_a), (at_b, address_b)) = (listener().await, listener().await);
        let (a, b) =
            (Node::made("service-a.example", address_a, 1), Node::made("service-b.example", address_b, 2));
        introduce(&a, &b);
        let guard: Arc<Guard> = Arc::default();
        guard.status.store(423, Ordering::SeqCst);
        b.run_guarded(at_b, &guard);
        b.send_courier(None);
        a.run(at_a, None);
        a.promise(&b.house.name);
        a.until("the trouble is shown", |_| a.trouble()).await;
        b.promise(&a.house.name);
        a.until("the partner's promise arrives", |_| (a.promises_held() == 1).then_some(())).await;
        assert!(a.trouble().unwrap().contains("froze"), "{:?}", a.trouble());
    });
}

#[test]
fn trouble_in_the_actual_channel_keeps_no_exercise_waiting() {
    in_runtime(async {
        let ((at_a, address_a), (at_b, address_b)) = (listener().await, listener().await);
        let (a, b) =
            (Node::made("service-a.example", address_a, 1), Node::made("service-b.example", address_b, 2));
        introduce(&a, &b);
        let guard: Arc<Guard> = Arc::default();
        b.run_guarded(at_b, &guard);
        a.run(at_a, None);
        a.promise(&b.house.name);
        a.until("the first promise is receipted", |_| (a.sizes(&b.house.name) == (2, 2)).then_some(())).await;
        *guard.only.lock().unwrap() = Some(origin_to(&a, &b).hex());
        guard.status.store(423, Ordering::SeqCst);
        a.promise(&b.house.name);
        a.until("the trouble is shown", |_| a.trouble()).await;
        let (house, to) = (a.house.clone(), b.house.name.clone());
        let queued = tokio::task::spawn_blocking(move || {
            let row = drill(&to);
            house.store.act(move |act| Ok::<_, Refusal>(act.queue(row, Timestamp::now())?))
        });
        queued.await.unwrap().unwrap();
        (a.house.bell)();
        let drilled = |house: &House| {
            let partners = view::relation::partners(house, &officer()).unwrap();
            let mut channels = partners.into_iter().flat_map(|p| p.channels);
            channels.any(|c| c.side == "ours" && c.channel_use == "exercise" && c.receipted == 2)
        };
        a.until("the drill is receipted", |house| drilled(house).then_some(())).await;
        a.until("the trouble stays", |_| a.trouble().filter(|t| t.contains("froze"))).await;
        assert_eq!(a.sizes(&b.house.name), (3, 2));
    });
}

/// Something to be said in an exercise.
fn drill(to: &PartyName) -> NewOutboxRow {
    let body = br#"{"text":"thank you"}"#.to_vec();
    NewOutboxRow {
        id: OutboxId::make(Timestamp::now(), [1; 10]),
        partner: to.clone(),
        use_: Use::Exercise,
        kind: "thanks.given".to_owned(),
        thread: [1; 16],
        answers: None,
        media: "application/json".to_owned(),
        digest: Digest::of(&body).0,
        body,
        condition: r#"{"must":"reachable"}"#.to_owned(),
        draw: SealingDraw::draw(&mut clock().rng()),
    }
}

fn origin_to(from: &Node, to: &Node) -> Origin {
    let with = |view: &View<'_>| view.channel_with(&to.house.name, ChannelSide::Ours, Use::Actual);
    from.house.store.view(with).unwrap().unwrap().origin
}

#[test]
fn a_partner_that_has_not_confirmed_us_is_told_to_people_in_words() {
    in_runtime(async {
        let ((at_a, address_a), (at_b, address_b)) = (listener().await, listener().await);
        let (a, b) =
            (Node::made("service-a.example", address_a, 1), Node::made("service-b.example", address_b, 2));
        let now = Timestamp::now();
        partner::add(&a.house, &officer(), &partner::own_card(&b.house, now).unwrap(), now).unwrap();
        let words = partner::fingerprint_words(b.house.keys.identity.verifier()).unwrap();
        partner::confirm(&a.house, &officer(), &b.house.name, &words, now).unwrap();
        a.run(at_a, None);
        b.run(at_b, None);
        a.promise(&b.house.name);
        let trouble = a.until("the trouble is shown", |_| a.trouble()).await;
        assert!(trouble.contains("has not confirmed our card"), "{trouble}");
        assert_eq!(b.promises_held(), 0);
    });
}

#[test]
fn a_partner_with_another_protocol_version_is_named_with_both_versions() {
    in_runtime(async {
        let ((at_a, address_a), (at_b, address_b)) = (listener().await, listener().await);
        let (a, b) =
            (Node::made("service-a.example", address_a, 1), Node::made("service-b.example", address_b, 2));
        introduce(&a, &b);
        a.run(at_a, None);
        let later = || async {
            (axum::http::StatusCode::NOT_FOUND, "not here; this node speaks forewarn peer protocol v7\n")
        };
        b.serve(at_b, Router::new().fallback(later));
        a.promise(&b.house.name);
        let trouble = a.until("the trouble is shown", |_| a.trouble()).await;
        assert!(trouble.contains("v7") && trouble.contains("v1"), "{trouble}");
    });
}

#[test]
fn another_node_at_the_partners_address_gets_nothing() {
    in_runtime(async {
        let ((at_a, address_a), (at_b, address_b)) = (listener().await, listener().await);
        let (a, b) =
            (Node::made("service-a.example", address_a, 1), Node::made("service-b.example", address_b, 2));
        let impostor = Node::made("service-b.example", address_b, 9);
        introduce(&a, &b);
        a.run(at_a, None);
        impostor.run(at_b, None);
        a.promise(&b.house.name);
        let trouble = a.until("the trouble is shown", |_| a.trouble()).await;
        assert!(trouble.contains("key"), "{trouble}");
        assert_eq!(impostor.promises_held(), 0);
    });
}
