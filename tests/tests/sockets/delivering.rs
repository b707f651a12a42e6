//! What waits arrives, in parcels, with its receipt.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use exchange::{deliver, view};
use jiff::Timestamp;
use tlog::channel::Use;
use tokio::net::TcpListener;

use crate::node::*;

#[test]
fn what_is_promised_arrives_with_its_receipt_over_real_sockets() {
    in_runtime(async {
        let ((at_a, address_a), (at_b, address_b)) = (listener().await, listener().await);
        let (a, b) =
            (Node::made("service-a.example", address_a, 1), Node::made("service-b.example", address_b, 2));
        introduce(&a, &b);
        a.run(at_a, None);
        b.run(at_b, None);
        a.promise(&b.house.name);
        b.until("the promise arrives", |_| (b.promises_held() == 1).then_some(())).await;
        a.until("the receipt is kept", |house| {
            let partners = view::relation::partners(house, &officer()).unwrap();
            partners
                .iter()
                .flat_map(|p| &p.channels)
                .find(|c| c.side == "ours" && c.receipted == 2)
                .map(|_| ())
        })
        .await;
        assert_eq!(a.trouble(), None);
    });
}

#[test]
fn a_partner_that_was_down_gets_everything_once_it_is_up() {
    in_runtime(async {
        let ((at_a, address_a), (at_b, address_b)) = (listener().await, listener().await);
        let (a, b) =
            (Node::made("service-a.example", address_a, 1), Node::made("service-b.example", address_b, 2));
        introduce(&a, &b);
        drop(at_b);
        a.run(at_a, None);
        a.promise(&b.house.name);
        a.promise(&b.house.name);
        let trouble = a.until("the trouble is shown", |_| a.trouble()).await;
        assert!(trouble.contains("127.0.0.1"), "{trouble}");
        b.run(TcpListener::bind(address_b).await.unwrap(), None);
        b.until("both promises arrive", |_| (b.promises_held() == 2).then_some(())).await;
        a.until("the trouble is gone", |_| a.trouble().is_none().then_some(())).await;
    });
}

#[test]
fn nothing_is_appended_while_the_partner_does_not_answer() {
    in_runtime(async {
        let ((at_a, address_a), (at_b, address_b)) = (listener().await, listener().await);
        let (a, b) =
            (Node::made("service-a.example", address_a, 1), Node::made("service-b.example", address_b, 2));
        introduce(&a, &b);
        a.run(at_a, None);
        let door = b.run(at_b, None);
        a.promise(&b.house.name);
        a.until("the first promise is receipted", |_| (a.sizes(&b.house.name) == (2, 2)).then_some(())).await;
        let _ = b.stop.send(true);
        door.await.unwrap();
        a.promise(&b.house.name);
        a.until("the trouble is shown", |_| a.trouble()).await;
        assert_eq!(a.sizes(&b.house.name), (2, 2), "what waits can still be stopped");
    });
}

#[test]
fn thousands_that_wait_go_in_several_parcels() {
    in_runtime(async {
        let ((at_a, address_a), (at_b, address_b)) = (listener().await, listener().await);
        let (a, b) =
            (Node::made("service-a.example", address_a, 1), Node::made("service-b.example", address_b, 2));
        introduce(&a, &b);
        let guard = Arc::default();
        b.run_guarded(at_b, &guard);
        a.promises(&b.house.name, 2_200).await;
        a.run(at_a, None);
        b.until("all arrive", |_| (b.promises_held() == 2_200).then_some(())).await;
        a.until("all are receipted", |_| (a.sizes(&b.house.name) == (2_201, 2_201)).then_some(())).await;
        assert_eq!(
            guard.parcels.load(Ordering::SeqCst),
            4,
            "the opening, and 2,200 in parcels of at most 1,024"
        );
        assert_eq!(
            guard.heads.load(Ordering::SeqCst),
            1,
            "a partner that takes what it is given is asked once"
        );
    });
}

#[test]
fn a_long_way_to_catch_up_is_cut_with_a_head_for_each_part() {
    in_runtime(async {
        let ((at_a, address_a), (at_b, address_b)) = (listener().await, listener().await);
        let (a, b) =
            (Node::made("service-a.example", address_a, 1), Node::made("service-b.example", address_b, 2));
        introduce(&a, &b);
        b.run(at_b, None);
        a.promises(&b.house.name, 2_200).await;
        drop(at_a);
        let courier = a.send_courier(None);
        a.until("all are receipted", |_| (a.sizes(&b.house.name) == (2_201, 2_201)).then_some(())).await;
        let _ = a.stop.send(true);
        courier.await.unwrap();
        a.promise(&b.house.name);
        let (house, to) = (a.house.clone(), b.house.name.clone());
        let parts = tokio::task::spawn_blocking(move || {
            let part = |from| {
                let sent = deliver::next_parcel(
                    &house,
                    &to,
                    Use::Actual,
                    from,
                    Timestamp::now(),
                    &mut clock().rng(),
                );
                let sent = sent.unwrap().unwrap();
                let parcel = tlog::parcel::Parcel::parse(&sent.bytes).unwrap();
                assert_eq!(parcel.checkpoint.checkpoint().size, sent.size);
                (sent.old, sent.size)
            };
            [part(Some(0)), part(Some(1024)), part(Some(2048)), part(None)]
        });
        assert_eq!(parts.await.unwrap(), [(0, 1024), (1024, 2048), (2048, 2201), (2201, 2202)]);
    });
}
