//! Two real nodes over TLS on loopback, on a disk that must be waited for: how long one release takes to be durable at
//! both with its receipt back, and how many a second go when thousands wait.
//!
//! `cargo bench -p house-tests --bench house -- [entries before] [warnings that wait] [single releases]`. The history is
//! made by the acts themselves on a disk of memory and copied, file by file, to the disk. Prints one `figure` a line.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "a bench stops at the first surprise, reads the clock, and prints what it has measured"
)]

use std::fs::File;
use std::net::SocketAddr;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::Method;
use courier::{Bell, Courier};
use exchange::house::House;
use exchange::release::{self, Authority};
use gate::clock::Clock;
use gate::dial::PeerClient;
use gate::limits::{DialLimits, ServeLimits};
use gate::tls::{TlsIdentity, client_config, generate_certificate, server_config};
use jiff::Timestamp;
use peer::Peer;
use rand::SeedableRng;
use rand::rngs::StdRng;
use store::ChannelSide;
use testkit::{A, B, Door, Proposal, TestHouses, terms, warning};
use tlog::channel::Use;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long anything here may take.
const PATIENCE: Duration = Duration::from_secs(1200);
/// How often the store is looked at for a receipt: of one release, and of many, whose nodes are not to be disturbed.
const LOOK_EVERY: Duration = Duration::from_micros(200);
const LOOK_EVERY_OF_MANY: Duration = Duration::from_millis(5);
/// What `/proc` counts processor time in, a second (proc(5): USER_HZ).
const TICKS_A_SECOND: f64 = 100.0;

fn main() {
    let sizes: Vec<usize> = std::env::args().skip(1).filter_map(|a| a.parse().ok()).collect();
    let [entries, waiting, singles] =
        [(0, 100_000), (1, 10_000), (2, 300)].map(|(n, d)| *sizes.get(n).unwrap_or(&d));
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    figure("fsync of 4 KiB", fsyncs(folder.path(), 200), "ms");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(measured(folder.path(), entries, waiting, singles));
}

fn figure(name: &str, value: f64, unit: &str) {
    println!("figure | {name} | {value:.3} | {unit}");
}

/// The median of so many writes of 4 KiB over what stands in a file, each waited for, in milliseconds: as a write-ahead log
/// is written that was moved before.
fn fsyncs(folder: &Path, times: u64) -> f64 {
    let file = File::create(folder.join("raw")).unwrap();
    (0..times).for_each(|n| file.write_all_at(&[1; 4096], n * 4096).unwrap());
    file.sync_all().unwrap();
    let once = |n| {
        let start = Instant::now();
        file.write_all_at(&[7; 4096], n * 4096).unwrap();
        file.sync_data().unwrap();
        start.elapsed()
    };
    quantile((0..times).map(once).collect(), 0.5)
}

fn quantile(mut times: Vec<Duration>, part: f64) -> f64 {
    times.sort_unstable();
    let at = ((times.len() as f64 * part).ceil() as usize).saturating_sub(1);
    times[at].as_secs_f64() * 1e3
}

struct Node {
    house: House,
    identity: Arc<TlsIdentity>,
    bell: Bell,
    clock: Clock,
}

async fn measured(folder: &Path, entries: usize, waiting: usize, singles: usize) {
    let mut rng = StdRng::seed_from_u64(1);
    let (at_a, at_b) = (listener().await, listener().await);
    let identities =
        [A, B].map(|name| Arc::new(generate_certificate(name, Timestamp::now(), &mut rng).unwrap()));
    let door = |at: &(TcpListener, SocketAddr), identity: &TlsIdentity| Door {
        address: at.1.to_string(),
        pin: identity.pin().unwrap().0,
    };
    let doors = [door(&at_a, &identities[0]), door(&at_b, &identities[1])];
    let began = Instant::now();
    let houses = TestHouses::two_behind(doors, terms(A, B));
    houses.leave_broken();
    history(&houses, entries);
    let mut proposals = decided(&houses, waiting + singles);
    let later = proposals.split_off(waiting);
    for proposal in &proposals {
        houses.a().release("release2", proposal).unwrap();
    }
    eprintln!("history made in {:.0} s", began.elapsed().as_secs_f64());
    let now = houses.clock().now();
    let node = |name: &str, identity: &Arc<TlsIdentity>| {
        let (bell, home) = (Bell::default(), folder.join(name));
        std::fs::create_dir(&home).unwrap();
        let ring = bell.clone();
        let house = houses.at(name).again_in(&home, Arc::new(move || ring.ring()));
        let clock = Clock::new(move || now, || StdRng::from_rng(&mut rand::rng()));
        Node { house, identity: Arc::clone(identity), bell, clock }
    };
    let (a, b) = (node(A, &identities[0]), node(B, &identities[1]));
    let (_stop, stopped) = watch::channel(false);
    serve(&b, at_b.0, stopped.clone());
    serve(&a, at_a.0, stopped.clone());
    figure("round trip of an empty request over TLS", empty_requests(&a, &b, at_b.1, 300).await, "ms");
    many(&a, waiting, stopped).await;
    single(&a, &houses, &later).await;
    let appended = receipted(&a.house);
    figure("entries in the log at the end", appended as f64, "entries");
}

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// So many promises of A, each with its receipt.
fn history(houses: &TestHouses, entries: usize) {
    for n in 1..=entries {
        houses.a().undertake(B).unwrap();
        if n % 4096 == 0 || n == entries {
            houses.settle_all();
        }
    }
}

/// So many warnings that lack nothing but the last word of the officer who releases them.
fn decided(houses: &TestHouses, count: usize) -> Vec<Proposal> {
    let (a, file) = (houses.a(), warning());
    let decide = |_| {
        let proposal = a.proposed(a.written(&file), &[B]);
        a.approve("release1", &proposal).unwrap();
        proposal
    };
    (0..count).map(decide).collect()
}

fn serve(node: &Node, listener: TcpListener, mut stopped: watch::Receiver<bool>) {
    let tls = server_config(&node.identity).unwrap();
    let router = peer::router(Peer { house: node.house.clone(), clock: node.clock.clone() });
    let stop = async move { drop(stopped.wait_for(|stop| *stop).await) };
    tokio::spawn(gate::serve::serve_tls(listener, tls, router, ServeLimits::default(), stop));
}

/// What a request that asks for nothing that is there costs on a connection that stands, in milliseconds.
async fn empty_requests(a: &Node, b: &Node, address: SocketAddr, times: usize) -> f64 {
    let config = client_config(&a.identity, b.identity.pin().unwrap()).unwrap();
    let client = PeerClient::new(address.to_string(), config, DialLimits::default());
    let mut taken = Vec::new();
    for _ in 0..times {
        let start = Instant::now();
        client.request(Method::GET, "/peer/v1/nothing", None, Vec::new()).await.unwrap();
        taken.push(start.elapsed());
    }
    quantile(taken, 0.5)
}

/// How many entries of A's log to B have a receipt that A keeps.
fn receipted(house: &House) -> u64 {
    let channel =
        house.store.view(|view| view.channel_with(&B.parse().unwrap(), ChannelSide::Ours, Use::Actual));
    let channel: Result<_, store::StoreError> = channel;
    channel.unwrap().unwrap().cosigned
}

/// The processor time of this process, in which both nodes are, in seconds.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    // The name of the program, in brackets, may hold anything; user and system time are the 12th and 13th after it.
    let after = stat.rsplit_once(')').unwrap().1;
    let ticks: f64 = after.split_whitespace().skip(11).take(2).map(|t| t.parse::<f64>().unwrap()).sum();
    ticks / TICKS_A_SECOND
}

fn wait_for(house: &House, size: u64, look_every: Duration) {
    let start = Instant::now();
    while receipted(house) < size {
        assert!(start.elapsed() < PATIENCE, "{} of {size} receipted", receipted(house));
        std::thread::sleep(look_every);
    }
}

/// Everything that waits goes: from the start of the courier to the last receipt.
async fn many(a: &Node, waiting: usize, stopped: watch::Receiver<bool>) {
    let target = receipted(&a.house) + waiting as u64;
    let courier = Courier {
        house: a.house.clone(),
        identity: Arc::clone(&a.identity),
        clock: a.clock.clone(),
        bell: a.bell.clone(),
        hook: None.into(),
    };
    let (start, spent) = (Instant::now(), processor_seconds());
    tokio::spawn(courier.run(stopped));
    let house = a.house.clone();
    tokio::task::spawn_blocking(move || wait_for(&house, target, LOOK_EVERY_OF_MANY)).await.unwrap();
    let (seconds, spent) = (start.elapsed().as_secs_f64(), processor_seconds() - spent);
    figure("processor time of both nodes for each of many", spent * 1e6 / waiting as f64, "us");
    figure("releases of one channel while many wait", waiting as f64 / seconds, "a second");
}

/// One release after another: from the officer's word to the receipt kept.
async fn single(a: &Node, houses: &TestHouses, proposals: &[Proposal]) {
    let (caller, key) = (houses.a().caller("release2"), houses.a().key("release2"));
    let now = houses.clock().now();
    let (mut whole, mut carried) = (Vec::new(), Vec::new());
    for (n, proposal) in proposals.iter().enumerate() {
        let (house, caller, key) = (a.house.clone(), caller.clone(), key.clone());
        let (id, digest) = (proposal.id, proposal.digest);
        let one = move || {
            let mut rng = StdRng::seed_from_u64(n as u64);
            let target = receipted(&house) + 1;
            let start = Instant::now();
            let authority = Authority::SecondPerson;
            release::release(&house, &caller, &key, id, digest, authority, now, &mut rng).unwrap();
            let released = start.elapsed();
            wait_for(&house, target, LOOK_EVERY);
            (start.elapsed(), start.elapsed() - released)
        };
        let (all, after) = tokio::task::spawn_blocking(one).await.unwrap();
        whole.push(all);
        carried.push(after);
    }
    figure("one release, median", quantile(whole.clone(), 0.5), "ms");
    figure("one release, 99th of 100", quantile(whole, 0.99), "ms");
    figure("of which after the officer's word is durable, median", quantile(carried, 0.5), "ms");
}
