//! A node on loopback with its doors and its courier, and a guard at its door that can be told what to answer.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU16, AtomicU64, AtomicUsize, Ordering};
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
use exchange::{carriage, partner, undertaking, view};
use gate::clock::Clock;
use gate::limits::ServeLimits;
use gate::tls::{TlsIdentity, generate_certificate, server_config};
use jiff::Timestamp;
use model::body::Undertaking;
use model::caller::Person;
use model::id::PartyName;
use model::vocab::{Carriage, Domain, Role};
use peer::Peer;
use rand::SeedableRng;
use rand::rngs::StdRng;
use store::{ChannelSide, Store};
use tempfile::TempDir;
use tlog::channel::Use;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How long anything here may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// How many generators were drawn: two acts in the same nanosecond draw differently.
static DRAWN: AtomicU64 = AtomicU64::new(0);

pub(crate) fn clock() -> Clock {
    Clock::new(Timestamp::now, || {
        let now = u64::try_from(Timestamp::now().as_nanosecond()).unwrap_or(7);
        // The counter stands in the upper bits, which the time of one run does not change.
        StdRng::seed_from_u64(now ^ DRAWN.fetch_add(1, Ordering::SeqCst).rotate_right(24))
    })
}

pub(crate) fn officer() -> Person {
    Person { name: "liaison1".parse().unwrap(), roles: Role::ALL.iter().copied().collect() }
}

/// A node with its doors open.
pub(crate) struct Node {
    pub(crate) house: House,
    pub(crate) identity: Arc<TlsIdentity>,
    pub(crate) bell: Bell,
    pub(crate) rings: watch::Receiver<u64>,
    pub(crate) stop: watch::Sender<bool>,
    pub(crate) _folder: TempDir,
}

impl Node {
    /// A node whose card names `address`; nothing listens yet.
    pub(crate) fn made(name: &str, address: SocketAddr, seed: u64) -> Self {
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

    /// Opens the peer door on this listener and sends the courier out. Gives the door: it ends with its last connection.
    pub(crate) fn run(&self, listener: TcpListener, hook: Option<Hook>) -> JoinHandle<()> {
        let door = self.serve(listener, peer::router(Peer { house: self.house.clone(), clock: clock() }));
        self.send_courier(hook);
        door
    }

    pub(crate) fn serve(&self, listener: TcpListener, router: Router) -> JoinHandle<()> {
        let tls = server_config(&self.identity).unwrap();
        let mut stop = self.stop.subscribe();
        let stopped = async move { drop(stop.wait_for(|stop| *stop).await) };
        tokio::spawn(async move {
            gate::serve::serve_tls(listener, tls, router, ServeLimits::default(), stopped).await.unwrap();
        })
    }

    pub(crate) fn send_courier(&self, hook: Option<Hook>) -> JoinHandle<()> {
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
    pub(crate) async fn until<T>(&self, what: &str, mut look: impl FnMut(&House) -> Option<T>) -> T {
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

    pub(crate) fn trouble(&self) -> Option<String> {
        view::relation::partners(&self.house, &officer()).unwrap().into_iter().find_map(|p| p.trouble)
    }

    /// The officer says how things are carried to a partner.
    pub(crate) fn carries(&self, to: &Self, how: Carriage) {
        carriage::set(&self.house, &officer(), &to.house.name, how, Timestamp::now()).unwrap();
    }

    pub(crate) fn promise(&self, to: &PartyName) {
        promise(&self.house, to);
    }

    /// Queues so many promises at once.
    pub(crate) async fn promises(&self, to: &PartyName, count: usize) {
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
    pub(crate) fn sizes(&self, to: &PartyName) -> (u64, u64) {
        let ours =
            self.house.store.view(|view| view.channel_with(to, ChannelSide::Ours, Use::Actual)).unwrap();
        ours.map_or((0, 0), |c| (c.size(), c.cosigned))
    }

    /// Its peer door behind one that counts parcels and answers them itself while it is told to.
    pub(crate) fn run_guarded(&self, listener: TcpListener, guard: &Arc<Guard>) {
        let guard = Arc::clone(guard);
        let router = peer::router(Peer { house: self.house.clone(), clock: clock() });
        let guarded = move |request: Request, next: Next| {
            let guard = Arc::clone(&guard);
            async move { guard.let_in(request, next).await }
        };
        self.serve(listener, router.layer(from_fn(guarded)));
    }

    pub(crate) fn promises_held(&self) -> usize {
        view::relation::undertakings(&self.house, &officer(), None).unwrap().len()
    }
}

pub(crate) fn promise(house: &House, to: &PartyName) {
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
pub(crate) struct Guard {
    pub(crate) status: AtomicU16,
    pub(crate) sizes: [AtomicU16; 2],
    pub(crate) heads: AtomicUsize,
    pub(crate) parcels: AtomicUsize,
    /// The one log that it keeps out; every log if there is none.
    pub(crate) only: Mutex<Option<String>>,
}

impl Guard {
    pub(crate) async fn let_in(&self, request: Request, next: Next) -> Response {
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
pub(crate) fn introduce(one: &Node, other: &Node) {
    let now = Timestamp::now();
    for (here, there) in [(one, other), (other, one)] {
        let card = partner::own_card(&there.house, now).unwrap();
        partner::add(&here.house, &officer(), &card, now).unwrap();
        let words = partner::fingerprint_words(there.house.keys.identity.verifier()).unwrap();
        partner::confirm(&here.house, &officer(), &there.house.name, &words, now).unwrap();
    }
}

pub(crate) async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

pub(crate) fn in_runtime(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(test);
}
