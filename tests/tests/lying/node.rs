//! An honest node with its persons, its doors and its courier on 127.0.0.1, a partner that lies, and one that does not.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use courier::{Bell, Courier};
use exchange::house::{House, Settings};
use exchange::{partner, view};
use gate::clock::Clock;
use gate::limits::{DialLimits, ServeLimits};
use gate::tls::{TlsIdentity, generate_certificate, server_config};
use peer::Peer;
use rand::SeedableRng;
use rand::rngs::StdRng;
use store::{ChannelRow, ChannelSide, ChannelState};
use testkit::{A, B, ByHand, C, Hostile, TestHouse, Victim, party, warning};
use tlog::channel::{Origin, Use};
use tlog::key::VerifierKey;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How long anything here may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// The most requests that one warning to an honest partner costs: the head, the parcel, and for the first one the channel
/// with its opening; and what was lost of the partner's log, where this node takes that back first.
const REQUESTS_FOR_A_WARNING_MAX: usize = 6;

/// A node with its doors open.
pub(crate) struct Node {
    /// Its persons and their acts.
    pub(crate) here: TestHouse,
    house: House,
    identity: Arc<TlsIdentity>,
    bell: Bell,
    rings: watch::Receiver<u64>,
    asked: Arc<AtomicUsize>,
    pub(crate) address: SocketAddr,
    stop: Stop,
    doors: Vec<JoinHandle<()>>,
}

/// Stops a node's doors when it is dropped.
struct Stop(watch::Sender<bool>);

impl Drop for Stop {
    fn drop(&mut self) {
        let _ = self.0.send(true);
    }
}

impl Node {
    /// A node that serves and carries within these limits.
    pub(crate) async fn open(name: &str, seed: u64, serve: ServeLimits, dial: DialLimits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let clock = testkit::Clock::standing();
        let here = TestHouse::furnished(name, seed, &clock);
        let mut rng = StdRng::seed_from_u64(seed);
        let identity = Arc::new(generate_certificate(name, clock.now(), &mut rng).unwrap());
        Self::open_on(here, identity, (listener, address), serve, dial)
    }

    fn open_on(
        here: TestHouse,
        identity: Arc<TlsIdentity>,
        (listener, address): (TcpListener, SocketAddr),
        serve: ServeLimits,
        dial: DialLimits,
    ) -> Self {
        let clock = here.clock().clone();
        let bell = Bell::default();
        let (heard, rings) = watch::channel(0u64);
        let mut house = here.house();
        let pin = identity.pin().unwrap().to_string();
        let settings = &here.house().settings;
        house.settings =
            Arc::new(Settings { address: address.to_string(), tls_pin: pin, ..Settings::clone(settings) });
        let ring = bell.clone();
        house.bell = Arc::new(move || {
            ring.ring();
            heard.send_modify(|n| *n += 1);
        });
        let (stop, asked) = (Stop(watch::channel(false).0), Arc::default());
        let mut node = Self { here, house, identity, bell, rings, asked, address, stop, doors: Vec::new() };
        node.doors = vec![node.serve(listener, serve, &clock), node.carry(dial, &clock)];
        node
    }

    /// Closes its doors, lets `change` have the stopped node, and opens them again.
    pub(crate) async fn stopped<T>(self, change: impl FnOnce(&TestHouse) -> T) -> (Self, T) {
        let Self { here, house, identity, address, stop, doors, .. } = self;
        drop(stop);
        for door in doors {
            timeout(PATIENCE, door).await.expect("the doors close").unwrap();
        }
        drop(house);
        let changed = change(&here);
        let listener = (TcpListener::bind(address).await.unwrap(), address);
        let (serve, dial) = (ServeLimits::default(), DialLimits::default());
        (Self::open_on(here, identity, listener, serve, dial), changed)
    }

    fn serve(&self, listener: TcpListener, limits: ServeLimits, clock: &testkit::Clock) -> JoinHandle<()> {
        let asked = Arc::clone(&self.asked);
        let counting = move |request: Request, next: Next| {
            asked.fetch_add(1, Ordering::SeqCst);
            async move { next.run(request).await }
        };
        let peer = Peer { house: self.house.clone(), clock: doors_clock(clock) };
        let router = peer::router(peer).layer(from_fn(counting));
        let mut stop = self.stop.0.subscribe();
        let stopped = async move { drop(stop.wait_for(|stop| *stop).await) };
        let tls = server_config(&self.identity).unwrap();
        let served = gate::serve::serve_tls(listener, tls, router, limits, stopped);
        tokio::spawn(async move { served.await.unwrap() })
    }

    fn carry(&self, limits: DialLimits, clock: &testkit::Clock) -> JoinHandle<()> {
        let courier = Courier {
            house: self.house.clone(),
            identity: Arc::clone(&self.identity),
            clock: doors_clock(clock),
            bell: self.bell.clone(),
            hook: courier::HookInUse::default(),
        };
        tokio::spawn(courier.run_within(limits, self.stop.0.subscribe()))
    }

    /// The house that its doors serve.
    pub(crate) fn house(&self) -> House {
        self.house.clone()
    }

    /// As a liar sees it.
    pub(crate) fn victim(&self) -> Victim {
        Victim {
            address: self.address,
            pin: self.identity.pin().unwrap(),
            identity: self.house.keys.identity.verifier().clone(),
            cosigner: self.house.keys.cosigner.verifier().clone(),
        }
    }

    /// Pins a card and confirms it with the words that the other's officer reads out.
    pub(crate) fn confirms(&self, name: &str, card: &str, identity: &VerifierKey) {
        let (house, now) = (&self.house, self.here.now());
        partner::add(house, &self.here.caller("operator1"), card, now).unwrap();
        let words = partner::fingerprint_words(identity).unwrap();
        partner::confirm(house, &self.here.caller("liaison1"), &party(name), &words, now).unwrap();
    }

    /// Its own card.
    pub(crate) fn card(&self) -> String {
        partner::own_card(&self.house, self.here.now()).unwrap()
    }

    /// A release in imminent danger: what waits longest for nobody.
    pub(crate) fn warns(&self, whom: &str) {
        let mut file = warning();
        file.protectors = [whom.to_owned()].into();
        self.here.warn_in_danger(&file, &[whom]);
        self.rings_the_bell();
    }

    /// The courier looks at the outbox again.
    pub(crate) fn rings_the_bell(&self) {
        (self.house.bell)();
    }

    /// Waits until something is so; looked at again whenever the house's bell rings, and every now and then.
    pub(crate) async fn until<T>(&self, what: &str, mut look: impl FnMut(&TestHouse) -> Option<T>) -> T {
        let mut rings = self.rings.clone();
        let found = timeout(PATIENCE, async {
            loop {
                if let Some(found) = look(&self.here) {
                    return found;
                }
                let _ = timeout(Duration::from_millis(50), rings.changed()).await;
            }
        });
        found.await.unwrap_or_else(|_| panic!("in vain: {what}; {:?}; {:?}", self.troubles(), self.doctor()))
    }

    /// What stands in the way of delivery, by partner.
    pub(crate) fn troubles(&self) -> Vec<(String, String)> {
        view::status::status(&self.house, &self.here.caller("desk1"), self.here.now()).unwrap().troubles
    }

    /// Waits for the trouble with a partner that says all of this.
    pub(crate) async fn until_troubled(&self, with: &str, words: &[&str]) -> String {
        let says = |(name, said): &(String, String)| name == with && words.iter().all(|w| said.contains(w));
        self.until(&format!("{words:?} is told"), |_| self.troubles().into_iter().find(says)).await.1
    }

    /// What doctor says, fact, detail and hint together.
    pub(crate) fn doctor(&self) -> Vec<String> {
        let found = view::status::doctor(&self.house, &self.here.caller("desk1"), self.here.now()).unwrap();
        found
            .into_iter()
            .map(|f| format!("{} ({}): {}", f.fact, f.detail.unwrap_or_default(), f.hint))
            .collect()
    }

    /// Doctor names a partner with all of this in one finding.
    pub(crate) fn assert_doctor_says(&self, words: &[&str]) {
        let said = self.doctor();
        assert!(said.iter().any(|line| words.iter().all(|w| line.contains(w))), "{words:?} in {said:#?}");
    }

    /// What is kept as evidence, in words.
    pub(crate) fn evidence(&self) -> Vec<String> {
        self.here.rows("node.db", "SELECT what FROM evidence ORDER BY id")
    }

    /// A channel with a partner.
    pub(crate) fn channel(&self, with: &str, side: ChannelSide) -> Option<ChannelRow> {
        self.here.store().view(|view| view.channel_with(&party(with), side, Use::Actual)).unwrap()
    }

    /// How much of a partner's log is held.
    pub(crate) fn holds(&self, origin: &Origin) -> u64 {
        self.here.store().view(|view| view.channel(origin)).unwrap().unwrap().size()
    }

    /// Whether a partner's log is frozen.
    pub(crate) fn froze(&self, origin: &Origin) -> bool {
        let channel = self.here.store().view(|view| view.channel(origin)).unwrap().unwrap();
        matches!(channel.state, ChannelState::Frozen(_))
    }

    /// Of the log to a partner: how many entries it has, and how many of them are receipted.
    pub(crate) fn sizes(&self, to: &str) -> (u64, u64) {
        self.channel(to, ChannelSide::Ours).map_or((0, 0), |c| (c.size(), c.cosigned))
    }
}

fn doors_clock(clock: &testkit::Clock) -> Clock {
    // One sequence for all doors: no key is drawn twice, also not by a node that opens its doors again.
    static SEED: AtomicU64 = AtomicU64::new(7);
    let now = clock.clone();
    let draw = || StdRng::seed_from_u64(SEED.fetch_add(1, Ordering::SeqCst));
    Clock::new(move || now.now(), draw)
}

/// A node A, a partner B that lies to it, and an honest partner C.
pub(crate) struct Scene {
    pub(crate) a: Node,
    pub(crate) b: Hostile,
    pub(crate) c: Node,
}

impl Scene {
    pub(crate) async fn set() -> Self {
        Self::within(ServeLimits::default(), DialLimits::default()).await
    }

    /// Where A serves and calls within these limits.
    pub(crate) async fn within(serve: ServeLimits, dial: DialLimits) -> Self {
        let a = Node::open(A, 1, serve, dial).await;
        let c = Node::open(C, 3, ServeLimits::default(), DialLimits::default()).await;
        let b = Hostile::listening(B, 22, a.victim(), a.here.now()).await;
        a.confirms(B, &b.card(), b.keys().identity.verifier());
        a.confirms(C, &c.card(), c.house.keys.identity.verifier());
        c.confirms(A, &a.card(), a.house.keys.identity.verifier());
        a.rings_the_bell();
        Self { a, b, c }
    }

    /// B's log to A, with its opening delivered.
    pub(crate) async fn opened(&self) -> ByHand {
        let hand = self.b.opens(Use::Actual).await;
        let heard = self.b.sends(&hand.origin(), &hand.parcel(0)).await;
        assert_eq!(heard.status, 200, "{}", heard.text());
        hand
    }

    /// A has warned B, which was honest so far.
    pub(crate) async fn warned_b(&self) {
        let (before, _) = self.a.sizes(B);
        self.a.warns(B);
        self.a
            .until("B has receipted a warning", |_| {
                let (size, receipted) = self.a.sizes(B);
                (size > before.max(1) && receipted == size).then_some(())
            })
            .await;
    }

    /// Whatever B does, a warning goes from A to C and one from C to A, within few requests.
    pub(crate) async fn assert_others_are_served(&self) {
        let (a, c) = (&self.a, &self.c);
        let (at_a, at_c) = (a.here.inbox().len(), c.here.inbox().len());
        let (asked, receipted) = (c.asked.load(Ordering::SeqCst), a.sizes(C).1);
        a.warns(C);
        c.until("A's warning reaches C", |c| (c.inbox().len() == at_c + 1).then_some(())).await;
        a.until("C's receipt reaches A", |_| (a.sizes(C).1 > receipted).then_some(())).await;
        let cost = c.asked.load(Ordering::SeqCst) - asked;
        assert!(cost <= REQUESTS_FOR_A_WARNING_MAX, "{cost} requests for one warning");
        c.warns(A);
        a.until("C's warning reaches A", |a| (a.inbox().len() == at_a + 1).then_some(())).await;
    }
}

/// Runs a test on several threads, as a node runs.
pub(crate) fn in_runtime(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .unwrap()
        .block_on(test);
}
