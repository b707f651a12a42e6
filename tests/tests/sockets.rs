//! Nodes over real TLS on loopback: the courier, the peer door, and what each says when the other is not what it should be.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test stops at the first surprise, and reads the clock itself"
)]

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use courier::{Bell, Courier, Hook};
use exchange::house::{House, Settings};
use exchange::keys::{NodeKeys, NodeSeeds, draw_encryption_key, encryption_recipient};
use exchange::{alarm, partner, undertaking, view};
use gate::clock::Clock;
use gate::limits::ServeLimits;
use gate::tls::{TlsIdentity, generate_certificate, server_config};
use jiff::Timestamp;
use model::body::Undertaking;
use model::caller::Person;
use model::id::PartyName;
use model::vocab::{Domain, Role};
use peer::Peer;
use rand::SeedableRng;
use rand::rngs::StdRng;
use store::Store;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::timeout;

/// How long anything here may take.
const PATIENCE: Duration = Duration::from_secs(20);

fn clock() -> Clock {
    Clock::new(Timestamp::now, || StdRng::seed_from_u64(u64::try_from(Timestamp::now().as_nanosecond()).unwrap_or(7)))
}

fn officer() -> Person {
    Person { name: "liaison1".parse().unwrap(), roles: Role::ALL.iter().copied().collect() }
}

/// A node with its doors open.
struct Node {
    house: House,
    identity: Arc<TlsIdentity>,
    bell: Bell,
    rings: watch::Receiver<u64>,
    stop: watch::Sender<bool>,
    _folder: TempDir,
}

impl Node {
    /// A node whose card names `address`; nothing listens yet.
    fn made(name: &str, address: SocketAddr, seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let folder = tempfile::tempdir().unwrap();
        let party: PartyName = name.parse().unwrap();
        let fill = |n: u8| zeroize::Zeroizing::new([u8::try_from(seed * 16).unwrap() + n; 32]);
        let seeds =
            NodeSeeds { identity: fill(1), cosigner: fill(2), log: fill(3), rendering: fill(4), terms: fill(5) };
        let identity = Arc::new(generate_certificate(name, Timestamp::now(), &mut rng).unwrap());
        let pin = identity.pin().unwrap().to_string();
        let encryption = encryption_recipient(&draw_encryption_key()).unwrap();
        let settings = Settings::new(address.to_string(), pin, encryption, "duty desk, +00 100".to_owned());
        let bell = Bell::default();
        let (heard, rings) = watch::channel(0u64);
        let ring = bell.clone();
        let house = House::new(
            Store::open(folder.path()).unwrap(),
            NodeKeys::from_seeds(&party, &seeds).unwrap(),
            party,
            settings,
            Arc::new(move || {
                ring.ring();
                heard.send_modify(|n| *n += 1);
            }),
        );
        Self { house, identity, bell, rings, stop: watch::channel(false).0, _folder: folder }
    }

    /// Opens the peer door on this listener and sends the courier out.
    fn run(&self, listener: TcpListener, hook: Option<Hook>) {
        self.serve(listener, peer::router(Peer { house: self.house.clone(), clock: clock() }));
        self.send_courier(hook);
    }

    fn serve(&self, listener: TcpListener, router: Router) {
        let tls = server_config(&self.identity).unwrap();
        let mut stop = self.stop.subscribe();
        let stopped = async move { drop(stop.wait_for(|stop| *stop).await) };
        tokio::spawn(gate::serve::serve_tls(listener, tls, router, ServeLimits::default(), stopped));
    }

    fn send_courier(&self, hook: Option<Hook>) {
        let courier = Courier {
            house: self.house.clone(),
            identity: Arc::clone(&self.identity),
            clock: clock(),
            bell: self.bell.clone(),
            hook,
        };
        tokio::spawn(courier.run(self.stop.subscribe()));
    }

    /// Waits until something is so; looked at again whenever the house's bell rings, and every now and then.
    async fn until<T>(&self, what: &str, mut look: impl FnMut(&House) -> Option<T>) -> T {
        let mut rings = self.rings.clone();
        let found = timeout(PATIENCE, async {
            loop {
                if let Some(found) = look(&self.house) {
                    return found;
                }
                let _ = timeout(Duration::from_millis(50), rings.changed()).await;
            }
        });
        found.await.unwrap_or_else(|_| panic!("in vain: {what}"))
    }

    fn trouble(&self) -> Option<String> {
        view::relation::partners(&self.house, &officer()).unwrap().into_iter().find_map(|p| p.trouble)
    }

    fn promise(&self, to: &PartyName) {
        let promise = Undertaking {
            domain: Domain::CounterTerrorism,
            text: "threats to your territory and citizens".to_owned(),
            protected: Vec::new(),
            harm: std::collections::BTreeSet::default(),
            until: None,
        };
        undertaking::declare(&self.house, &officer(), to, promise, Timestamp::now(), &mut clock().rng()).unwrap();
    }

    fn promises_held(&self) -> usize {
        view::relation::undertakings(&self.house, &officer(), None).unwrap().len()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
    }
}

/// Pins each other's cards and confirms them with the words that the other's officer reads out.
fn introduce(one: &Node, other: &Node) {
    let now = Timestamp::now();
    for (here, there) in [(one, other), (other, one)] {
        let card = partner::own_card(&there.house, now).unwrap();
        partner::add(&here.house, &officer(), &card, now).unwrap();
        let words = partner::fingerprint_words(there.house.keys.identity.verifier()).unwrap();
        partner::confirm(&here.house, &officer(), &there.house.name, &words, now).unwrap();
    }
}

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

fn in_runtime(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(test);
}

#[test]
fn what_is_promised_arrives_with_its_receipt_over_real_sockets() {
    in_runtime(async {
        let ((at_a, address_a), (at_b, address_b)) = (listener().await, listener().await);
        let (a, b) = (Node::made("service-a.example", address_a, 1), Node::made("service-b.example", address_b, 2));
        introduce(&a, &b);
        a.run(at_a, None);
        b.run(at_b, None);
        a.promise(&b.house.name);
        b.until("the promise arrives", |_| (b.promises_held() == 1).then_some(())).await;
        a.until("the receipt is kept", |house| {
            let partners = view::relation::partners(house, &officer()).unwrap();
            partners.iter().flat_map(|p| &p.channels).find(|c| c.side == "ours" && c.receipted == 2).map(|_| ())
        })
        .await;
        assert_eq!(a.trouble(), None);
    });
}

#[test]
fn a_partner_that_was_down_gets_everything_once_it_is_up() {
    in_runtime(async {
        let ((at_a, address_a), (at_b, address_b)) = (listener().await, listener().await);
        let (a, b) = (Node::made("service-a.example", address_a, 1), Node::made("service-b.example", address_b, 2));
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
fn a_partner_that_has_not_confirmed_us_is_told_to_people_in_words() {
    in_runtime(async {
        let ((at_a, address_a), (at_b, address_b)) = (listener().await, listener().await);
        let (a, b) = (Node::made("service-a.example", address_a, 1), Node::made("service-b.example", address_b, 2));
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
        let (a, b) = (Node::made("service-a.example", address_a, 1), Node::made("service-b.example", address_b, 2));
        introduce(&a, &b);
        a.run(at_a, None);
        let later = || async { (axum::http::StatusCode::NOT_FOUND, "not here; this node speaks forewarn peer protocol v7\n") };
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
        let (a, b) = (Node::made("service-a.example", address_a, 1), Node::made("service-b.example", address_b, 2));
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

#[test]
fn the_notify_hook_hears_a_content_free_line() {
    in_runtime(async {
        let (at_a, address_a) = listener().await;
        let a = Node::made("service-a.example", address_a, 1);
        let heard = tempfile::NamedTempFile::new().unwrap();
        let script = format!("cat >> {}", heard.path().display());
        a.run(at_a, Some(Hook::Command(vec!["sh".to_owned(), "-c".to_owned(), script, "hook".to_owned()])));
        let house = a.house.clone();
        let due = Timestamp::now() + jiff::SignedDuration::from_secs(14 * 60 + 30);
        tokio::task::spawn_blocking(move || {
            house.store.act(move |act| {
                act.queue_notice(&format!("FLASH waiting until {due}"), Timestamp::now())?;
                Ok::<_, exchange::refusal::Refusal>(())
            })
        })
        .await
        .unwrap()
        .unwrap();
        a.bell.ring();
        let line = a
            .until("the hook hears", |house| {
                let text = std::fs::read_to_string(heard.path()).unwrap();
                let told = alarm::due_now(house, Timestamp::now(), 10).unwrap().is_empty();
                (!text.is_empty() && told).then_some(text)
            })
            .await;
        assert_eq!(line, "FLASH waiting, 00:14 left\n");
    });
}

#[test]
fn a_hook_that_fails_is_tried_again_and_its_notice_is_kept() {
    in_runtime(async {
        let (at_a, address_a) = listener().await;
        let a = Node::made("service-a.example", address_a, 1);
        a.run(at_a, Some(Hook::Command(vec!["false".to_owned()])));
        let house = a.house.clone();
        tokio::task::spawn_blocking(move || {
            house.store.act(|act| {
                act.queue_notice("FLASH waiting", Timestamp::now())?;
                Ok::<_, exchange::refusal::Refusal>(())
            })
        })
        .await
        .unwrap()
        .unwrap();
        a.bell.ring();
        let later = Timestamp::now() + jiff::SignedDuration::from_mins(1);
        let kept = a
            .until("a try is counted", |house| {
                alarm::due_now(house, later, 10).unwrap().into_iter().find(|notice| notice.attempts == 1)
            })
            .await;
        assert_eq!(kept.line, "FLASH waiting");
    });
}
