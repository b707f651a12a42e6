//! A node as the operator runs it, with many entries in its database: how long it takes until it is ready, and what it
//! holds in memory while nothing happens.
//!
//! `cargo bench -p forewarn --bench start -- [entries]`. The entries are appended through the store, in one log. Prints one
//! `figure` a line.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "a bench stops at the first surprise, reads the clock, and prints what it has measured"
)]

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use model::facts::Facts;
use rand::SeedableRng;
use rand::rngs::StdRng;
use store::{ChannelSide, ChannelState, NewChannel, NewEntry, SealingDraw, Store, StoreError};
use tlog::channel::{Origin, Use};
use tlog::commitment::{Salt, commit};

const ENTRIES_PER_ACT: u64 = 4096;
const STARTS: usize = 7;
/// How long a node is left alone before its memory is looked at.
const IDLE: Duration = Duration::from_secs(5);

fn main() {
    let entries = std::env::args().skip(1).find_map(|a| a.parse().ok()).unwrap_or(1_000_000);
    let root = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let data = root.path().join("node");
    init(&data);
    measured(&data, "an empty database");
    fill(&data, entries);
    measured(&data, &format!("{entries} entries"));
}

fn figure(name: &str, value: f64, unit: &str) {
    println!("figure | {name} | {value:.1} | {unit}");
}

fn forewarn(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_forewarn"));
    command.arg("--data").arg(data).stdin(Stdio::null()).stderr(Stdio::null());
    command.env_remove("FOREWARN_SESSION").env_remove("FOREWARN_DATA");
    command
}

fn init(data: &Path) {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("127.0.0.1:{port}");
    let words = ["init", "--name", "service-a.example", "--contact", "duty desk A, +00 100", "--address"];
    let done = forewarn(data).args(words).arg(address).stdout(Stdio::null()).status().unwrap();
    assert!(done.success());
}

/// Starts the node and waits for the line that says it is ready.
fn start(data: &Path) -> (Child, Duration) {
    let began = Instant::now();
    let mut child = forewarn(data).args(["--json", "serve"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("ready"), "the node said {line:?}");
    (child, began.elapsed())
}

fn stop(mut child: Child) {
    let told = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(told.success() && child.wait().unwrap().success());
}

/// The median of several starts, and the resident memory of the last of these nodes once it has been left alone.
fn measured(data: &Path, with: &str) {
    let mut times = Vec::new();
    for _ in 1..STARTS {
        let (child, time) = start(data);
        times.push(time);
        stop(child);
    }
    times.sort_unstable();
    figure(&format!("start until ready, {with}"), times[times.len() / 2].as_secs_f64() * 1e3, "ms");
    let (child, _) = start(data);
    std::thread::sleep(IDLE);
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let resident = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap();
    let kib: f64 = resident.trim().trim_end_matches("kB").trim().parse().unwrap();
    figure(&format!("resident while idle, {with}"), kib / 1024.0, "MiB");
    stop(child);
}

fn now() -> Timestamp {
    "2026-12-10T14:00:00Z".parse().unwrap()
}

fn origin() -> Origin {
    Origin::from_hex(&"ab".repeat(32)).unwrap()
}

/// Appends so many small entries to one log of a partner.
fn fill(data: &Path, entries: u64) {
    let store = Store::open(data).unwrap();
    let made: Result<(), StoreError> = store.act(|act| {
        let partner = "service-b.example".parse().unwrap();
        act.add_partner(&partner, "a card", now())?;
        act.put_channel(&NewChannel {
            origin: origin(),
            partner,
            side: ChannelSide::Theirs,
            use_: Use::Actual,
            statement: String::new(),
            state: ChannelState::Open,
        })
    });
    made.unwrap();
    let mut left = entries;
    while left > 0 {
        let some = left.min(ENTRIES_PER_ACT);
        let appended: Result<(), StoreError> = store.act(move |act| {
            let mut channel = act.channel(&origin())?.unwrap();
            let mut rng = StdRng::seed_from_u64(left);
            (0..some).try_for_each(|_| act.append_entry(&mut channel, entry(&mut rng), now()).map(drop))
        });
        appended.unwrap();
        left -= some;
    }
}

fn entry(rng: &mut StdRng) -> NewEntry {
    let (salt, bytes) = (Salt::draw(rng), vec![1; 1024]);
    NewEntry {
        kind: "cover".to_owned(),
        thread: [0; 16],
        answers: None,
        written: now(),
        facts: Facts::Channel,
        commitment: commit(&salt, &bytes),
        salt,
        bytes,
        seen: 0,
        draw: SealingDraw::draw(rng),
    }
}
