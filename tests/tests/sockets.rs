//! Nodes over real TLS on loopback: the courier, the peer door, and what each says when the other is not what it should be.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test stops at the first surprise, and reads the clock itself"
)]

use std::future::Future;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use courier::{Bell, Courier, Hook};
use exchange::house::{House, Settings};
use exchange::keys::{NodeKeys, NodeSeeds, draw_encryption_key, encryption_recipient};
use exchange::refusal::Refusal;
use exchange::{alarm, carriage, deliver, partner, undertaking, view};
use gate::clock::Clock;
use gate::limits::ServeLimits;
use gate::tls::{TlsIdentity, generate_certificate, server_config};
use jiff::Timestamp;
use model::body::Undertaking;
use model::caller::Person;
use model::id::{Digest, OutboxId, PartyName};
use model::vocab::{Carriage, Domain, Role};
use peer::Peer;
use rand::SeedableRng;
use rand::rngs::StdRng;
use store::{ChannelSide, NewOutboxRow, SealingDraw, Store, View};
use tempfile::TempDir;
use tlog::channel::{Origin, Use};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How long anything here may take.
const PATIENCE: Duration = Duration::from_secs(20);

fn clock() -> Clock {
    Clock::new(Timestamp::now, || {
        StdRng::seed_from_u64(u64::try_from(Timestamp::now().as_nanosecond()).unwrap_or(7))
    })
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
        let seeds = NodeSeeds {
            identity: fill(1),
            cosigner: fill(2),
            log: fill(3),
            rendering: fill(4),
            terms: fill(5),
        };
        let identity = Arc::new(generate_certificate(name, Timestamp::now(), &mut rng).unwrap());
        let pin = identity.pin().unwrap().to_string();
        let encryption = encryption_recipient(&draw_encryption_key()).unwrap();
        let mut settings =
            Settings::new(address.to_string(), pin, encryption, "duty desk, +00 100".to_owned());
        settings.fetch_seconds = 1;
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

    fn send_courier(&self, hook: Option<Hook>) -> JoinHandle<()> {
        let courier = Courier {
            house: self.house.clone(),
            identity: Arc::clone(&self.identity),
            clock: clock(),
            bell: self.bell.clone(),
            hook: hook.into(),
        };
        tokio::spawn(courier.run(self.stop.subscribe()))
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

    /// The officer says how things are carried to a partner.
    fn carries(&self, to: &Self, how: Carriage) {
        carriage::set(&self.house, &officer(), &to.house.name, how, Timestamp::now()).unwrap();
    }

    fn promise(&self, to: &PartyName) {
        promise(&self.house, to);
    }

    /// Queues so many promises at once.
    async fn promises(&self, to: &PartyName, count: usize) {
        let promised: Vec<_> = (0..count)
            .map(|_| {
                let (house, to) = (self.house.clone(), to.clone());
                tokio::task::spawn_blocking(move || promise(&house, &to))
            })
            .collect();
        for one in promised {
            one.await.unwrap();
        }
    }

    /// The log to a partner: how many entries it has, and how many of them are receipted.
    fn sizes(&self, to: &PartyName) -> (u64, u64) {
        let ours =
            self.house.store.view(|view| view.channel_with(to, ChannelSide::Ours, Use::Actual)).unwrap();
        ours.map_or((0, 0), |c| (c.size(), c.cosigned))
    }

    /// Its peer door behind one that counts parcels and answers them itself while it is told to.
    fn run_guarded(&self, listener: TcpListener, guard: &Arc<Guard>) {
        let guard = Arc::clone(guard);
        let router = peer::router(Peer { house: self.house.clone(), clock: clock() });
        let guarded = move |request: Request, next: Next| {
            let guard = Arc::clone(&guard);
            async move { guard.let_in(request, next).await }
        };
        self.serve(listener, router.layer(from_fn(guarded)));
    }

    fn promises_held(&self) -> usize {
        view::relation::undertakings(&self.house, &officer(), None).unwrap().len()
    }
}

fn promise(house: &House, to: &PartyName) {
    let promise = Undertaking {
        domain: Domain::CounterTerrorism,
        text: "threats to your territory and citizens".to_owned(),
        protected: Vec::new(),
        harm: std::collections::BTreeSet::default(),
        until: None,
    };
    undertaking::declare(house, &officer(), to, promise, Timestamp::now(), &mut clock().rng()).unwrap();
}

/// A door before a peer door: it answers parcels with a status of its own while it has one, and counts them.
#[derive(Default)]
struct Guard {
    status: AtomicU16,
    sizes: [AtomicU16; 2],
    heads: AtomicUsize,
    parcels: AtomicUsize,
    /// The one log that it keeps out; every log if there is none.
    only: Mutex<Option<String>>,
}

impl Guard {
    async fn let_in(&self, request: Request, next: Next) -> Response {
        let path = request.uri().path().to_owned();
        if path.ends_with("/checkpoint") {
            self.heads.fetch_add(1, Ordering::SeqCst);
        }
        if !path.ends_with("/add-entries") {
            return next.run(request).await;
        }
        let (head, body) = request.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let nth = self.parcels.fetch_add(1, Ordering::SeqCst);
        let status = self.status.load(Ordering::SeqCst);
        let spared = self.only.lock().unwrap().as_ref().is_some_and(|origin| !path.contains(origin.as_str()));
        let text = match status {
            _ if spared => return next.run(Request::from_parts(head, body.into())).await,
            0 => return next.run(Request::from_parts(head, body.into())).await,
            409 => format!("{}\n", self.sizes[nth % 2].load(Ordering::SeqCst)),
            _ => "no\n".to_owned(),
        };
        (StatusCode::from_u16(status).unwrap(), text).into_response()
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
        b.run(at_b, None);
        a.promise(&b.house.name);
        a.until("the first promise is receipted", |_| (a.sizes(&b.house.name) == (2, 2)).then_some(())).await;
        let _ = b.stop.send(true);
        a.until("nobody listens", |_| std::net::TcpStream::connect(address_b).is_err().then_some(())).await;
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
