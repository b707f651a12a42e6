//! Partners that are not called: they fetch, are waited for, or get files.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use exchange::succession::{Ending, succeed};
use model::vocab::Carriage;
use peer::Peer;
use store::{ChannelSide, View};
use tlog::channel::Use;
use tokio::net::TcpListener;

use crate::node::*;

#[test]
fn a_partner_that_cannot_be_called_fetches_what_waits_for_it_and_brings_the_receipt() {
    in_runtime(async {
        let ((at_a, address_a), (at_b, address_b)) = (listener().await, listener().await);
        let (a, b) =
            (Node::made("service-a.example", address_a, 1), Node::made("service-b.example", address_b, 2));
        introduce(&a, &b);
        a.carries(&b, Carriage::Wait);
        b.carries(&a, Carriage::Fetch);
        // Nobody listens where b is.
        drop(at_b);
        a.run(at_a, None);
        b.send_courier(None);
        a.promise(&b.house.name);
        b.until("the promise is fetched", |_| (b.promises_held() == 1).then_some(())).await;
        a.until("the receipt was brought", |_| (a.sizes(&b.house.name) == (2, 2)).then_some(())).await;
        // And the other way it is pushed as ever.
        b.promise(&a.house.name);
        a.until("the other's promise arrives", |_| (a.promises_held() == 2).then_some(())).await;
        a.promises(&b.house.name, 300).await;
        b.until("all are fetched, parcel by parcel", |_| (b.promises_held() == 302).then_some(())).await;
        a.until("all are receipted", |_| (a.sizes(&b.house.name) == (302, 302)).then_some(())).await;
        assert_eq!((a.trouble(), b.trouble()), (None, None));
    });
}

#[test]
fn a_partner_that_is_waited_for_or_carried_by_file_is_not_called() {
    in_runtime(async {
        for how in [Carriage::Wait, Carriage::File] {
            let ((at_a, address_a), (at_b, address_b)) = (listener().await, listener().await);
            let (a, b) = (
                Node::made("service-a.example", address_a, 1),
                Node::made("service-b.example", address_b, 2),
            );
            introduce(&a, &b);
            a.carries(&b, how);
            a.run(at_a, None);
            let called = Arc::new(AtomicUsize::new(0));
            let counted = Arc::clone(&called);
            let counting = move |request: Request, next: Next| {
                counted.fetch_add(1, Ordering::SeqCst);
                async move { next.run(request).await }
            };
            let router = peer::router(Peer { house: b.house.clone(), clock: clock() });
            b.serve(at_b, router.layer(from_fn(counting)));
            a.promise(&b.house.name);
            // What b pushes arrives after a's courier has heard of its own promise.
            b.send_courier(None);
            b.promise(&a.house.name);
            a.until("the other's promise arrives", |_| (a.promises_held() == 1).then_some(())).await;
            assert_eq!(called.load(Ordering::SeqCst), 0, "{how}");
            a.carries(&b, Carriage::Push);
            b.until("it is called again", |_| (b.promises_held() == 2).then_some(())).await;
        }
    });
}

#[test]
fn a_partner_that_cannot_be_fetched_from_is_named_until_it_can() {
    in_runtime(async {
        let ((at_a, address_a), (at_b, address_b)) = (listener().await, listener().await);
        let (a, b) =
            (Node::made("service-a.example", address_a, 1), Node::made("service-b.example", address_b, 2));
        introduce(&a, &b);
        b.carries(&a, Carriage::Fetch);
        drop(at_a);
        b.run(at_b, None);
        let trouble = b.until("the trouble is shown", |_| b.trouble()).await;
        assert!(trouble.contains("127.0.0.1"), "{trouble}");
        a.run(TcpListener::bind(address_a).await.unwrap(), None);
        b.until("the trouble is gone", |_| b.trouble().is_none().then_some(())).await;
    });
}

/// One of the two knows the other, and has to be known by nobody anew.
fn knows(here: &Node, there: &Node) {
    let now = jiff::Timestamp::now();
    let card = exchange::partner::own_card(&there.house, now).unwrap();
    exchange::partner::add(&here.house, &officer(), &card, now).unwrap();
    let words = exchange::partner::fingerprint_words(there.house.keys.identity.verifier()).unwrap();
    exchange::partner::confirm(&here.house, &officer(), &there.house.name, &words, now).unwrap();
}

#[test]
fn a_node_that_fetches_and_has_lost_its_data_is_given_the_channel_and_what_was_in_it() {
    in_runtime(async {
        let ((at_a, address_a), (at_b, address_b)) = (listener().await, listener().await);
        let (a, b) =
            (Node::made("service-a.example", address_a, 1), Node::made("service-b.example", address_b, 2));
        introduce(&a, &b);
        a.carries(&b, Carriage::Wait);
        b.carries(&a, Carriage::Fetch);
        drop(at_b);
        a.run(at_a, None);
        b.send_courier(None);
        a.promise(&b.house.name);
        a.until("the receipt was brought", |_| (a.sizes(&b.house.name) == (2, 2)).then_some(())).await;
        drop(b);
        let b = Node::made("service-b.example", address_b, 2);
        knows(&b, &a);
        b.carries(&a, Carriage::Fetch);
        b.send_courier(None);
        b.until("the promise is back", |_| (b.promises_held() == 1).then_some(())).await;
        a.promise(&b.house.name);
        a.until("it goes on", |_| (a.sizes(&b.house.name) == (3, 3)).then_some(())).await;
    });
}

#[test]
fn a_giver_that_has_lost_its_data_learns_of_its_channel_from_the_node_that_fetches() {
    in_runtime(async {
        let ((at_a, address_a), (at_b, address_b)) = (listener().await, listener().await);
        let (a, b) =
            (Node::made("service-a.example", address_a, 1), Node::made("service-b.example", address_b, 2));
        introduce(&a, &b);
        a.carries(&b, Carriage::Wait);
        b.carries(&a, Carriage::Fetch);
        drop(at_b);
        a.run(at_a, None);
        b.send_courier(None);
        a.promise(&b.house.name);
        a.until("the receipt was brought", |_| (a.sizes(&b.house.name) == (2, 2)).then_some(())).await;
        drop(a);
        let a = Node::made("service-a.example", address_a, 1);
        knows(&a, &b);
        a.carries(&b, Carriage::Wait);
        let begun = exchange::recover::begin(&a.house, &officer(), "all is lost", jiff::Timestamp::now());
        assert_eq!(begun, Ok(0));
        let bound = tokio::time::timeout(PATIENCE, async {
            loop {
                match TcpListener::bind(address_a).await {
                    Ok(bound) => return bound,
                    Err(_) => tokio::task::yield_now().await,
                }
            }
        });
        a.run(bound.await.unwrap(), None);
        let told =
            a.until("its entries are missed", |_| a.trouble().filter(|t| t.contains("carry receipt"))).await;
        assert!(told.contains("from 0 on"), "{told}");
    });
}

#[test]
fn a_node_that_fetches_takes_the_successor_of_a_log_that_it_froze() {
    in_runtime(async {
        let ((at_a, address_a), (at_b, address_b)) = (listener().await, listener().await);
        let (a, b) =
            (Node::made("service-a.example", address_a, 1), Node::made("service-b.example", address_b, 2));
        introduce(&a, &b);
        a.carries(&b, Carriage::Wait);
        b.carries(&a, Carriage::Fetch);
        drop(at_b);
        a.run(at_a, None);
        b.send_courier(None);
        a.promise(&b.house.name);
        a.until("the receipt was brought", |_| (a.sizes(&b.house.name) == (2, 2)).then_some(())).await;
        let from = a.house.name.clone();
        let theirs = move |act: &View<'_>| act.channel_with(&from, ChannelSide::Theirs, Use::Actual);
        let log = b.house.store.view(|view| theirs(view)).unwrap().unwrap();
        b.house.store.act(move |act| act.freeze_channel(&log, "two roots")).unwrap();
        let (now, to) = (jiff::Timestamp::now(), (&b.house.name, Use::Actual));
        succeed(&a.house, &officer(), to, "a test", Ending::AtOnce, now, &mut clock().rng()).unwrap();
        a.promise(&b.house.name);
        b.until("it goes on", |_| (b.promises_held() == 2).then_some(())).await;
    });
}
