//! Two real nodes under load, one of which is killed again and again (SIGKILL), as a power cut does it.
//!
//! What was answered with success stands in both logs once, what was not answered once or not at all, and both logs are
//! the same at both nodes.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use exchange::refusal::Refusal;
use model::body::Thanks;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;
use store::{ChannelSide, Store};
use tempfile::TempDir;
use tlog::entry::Entry;

use crate::house::PASSPHRASE;

/// How many acts are on their way while a node is killed.
const ACTS_AT_ONCE: usize = 4;
/// Within how many milliseconds of the first act a node is killed.
const KILLED_WITHIN_MS: u64 = 120;
/// How often it is looked whether everything is receipted, and the pause between two looks.
const LOOKS_MAX: usize = 600;
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// What a run did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Killed {
    /// How often a node was killed.
    pub kills: usize,
    /// How many acts were answered with success.
    pub answered: usize,
    /// How many were not answered.
    pub unanswered: usize,
    /// How many entries stand in the two logs.
    pub entries: usize,
}

/// Kills one of two nodes so often, at times drawn from the seed, and looks at what is left.
///
/// # Panics
/// With what is wrong; the folder is kept then and named.
pub fn kill(program: &Path, kills: usize, seed: u64) -> Killed {
    let folder = tempfile::tempdir().unwrap();
    let outcome = std::panic::catch_unwind(|| run(program, &folder, kills, seed));
    outcome.unwrap_or_else(|why| {
        let kept = folder.keep();
        let what = why.downcast_ref::<String>().cloned().unwrap_or_default();
        panic!("seed {seed}: {what}\nwhat is left stands in {}", kept.display())
    })
}

fn run(program: &Path, folder: &TempDir, kills: usize, seed: u64) -> Killed {
    let mut draws = StdRng::seed_from_u64(seed);
    let mut nodes = [0, 1].map(|n| Node::made(program, folder.path(), n));
    for node in &mut nodes {
        node.serve();
        node.furnish();
    }
    introduce(&nodes);
    let (mut answered, mut unanswered) = (BTreeSet::new(), BTreeSet::new());
    for round in 0..kills {
        let acts: Vec<(usize, String, Child)> = (0..ACTS_AT_ONCE)
            .map(|n| {
                let at = n % 2;
                let text = format!("thanks {round} {n}");
                let to = nodes[1 - at].name.clone();
                let words = ["thank", "--to", &to, "--text", &text, "--from-role", "head of service"];
                let child = nodes[at].says(&words).spawn().unwrap();
                (at, text, child)
            })
            .collect();
        pause(Duration::from_millis(draws.random_range(0..KILLED_WITHIN_MS)));
        let victim = draws.random_range(0..2usize);
        nodes[victim].kill();
        for (at, text, mut act) in acts {
            let kept = if act.wait().unwrap().success() { &mut answered } else { &mut unanswered };
            kept.insert((at, text));
        }
        nodes[victim].serve();
        nodes[victim].login();
    }
    settle(&nodes);
    for node in &mut nodes {
        node.stop();
    }
    let entries = compare(&nodes, &answered, &unanswered);
    Killed { kills, answered: answered.len(), unanswered: unanswered.len(), entries }
}

#[allow(
    clippy::disallowed_methods,
    reason = "when a node is killed is the point of it; nothing is asserted of time"
)]
fn pause(how_long: Duration) {
    std::thread::sleep(how_long);
}

/// Both pin the other's card and confirm its words.
fn introduce(nodes: &[Node; 2]) {
    let cards: Vec<PathBuf> = nodes
        .iter()
        .map(|node| {
            let card = node.folder.join("card");
            std::fs::write(&card, node.ask(&["card"])["card"].as_str().unwrap()).unwrap();
            card
        })
        .collect();
    let words: Vec<String> =
        nodes.iter().map(|node| node.ask(&["status"])["words"].as_str().unwrap().to_owned()).collect();
    for (at, of) in [(0, 1), (1, 0)] {
        nodes[at].ask(&["partner", "add", cards[of].to_str().unwrap()]);
        nodes[at].ask(&["partner", "confirm", &nodes[of].name, "--heard", &words[of]]);
    }
}

/// Waits until nothing is on its way any more.
fn settle(nodes: &[Node; 2]) {
    for _ in 0..LOOKS_MAX {
        let waiting: usize = nodes.iter().map(|n| n.ask(&["outbox"]).as_array().unwrap().len()).sum();
        if waiting == 0 && nodes.iter().all(Node::is_receipted) {
            return;
        }
        pause(LOOK_AGAIN);
    }
    let troubles: Vec<Value> = nodes.iter().map(|node| node.ask(&["status"])["troubles"].clone()).collect();
    panic!("it never comes to rest: {troubles:?}");
}

/// Whether both nodes hold the same, and each act as often as it may be held. Gives how many entries there are.
fn compare(
    nodes: &[Node; 2],
    answered: &BTreeSet<(usize, String)>,
    unanswered: &BTreeSet<(usize, String)>,
) -> usize {
    let stores = [0, 1].map(|n| Store::open(&nodes[n].data()).unwrap());
    let mut entries = 0;
    for at in [0, 1] {
        let ours = log(&stores[at], ChannelSide::Ours);
        let theirs = log(&stores[1 - at], ChannelSide::Theirs);
        assert_eq!(ours.len(), theirs.len(), "entries of {} at both nodes", nodes[at].name);
        assert!(ours == theirs, "the log of {} is not the same at both nodes", nodes[at].name);
        entries += ours.len();
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for text in ours.iter().filter_map(|entry| thanks(entry)) {
            *counts.entry(text).or_default() += 1;
        }
        for (_, text) in answered.iter().filter(|(by, _)| *by == at) {
            assert_eq!(counts.get(text), Some(&1), "{text:?} was answered");
        }
        for (_, text) in unanswered.iter().filter(|(by, _)| *by == at) {
            assert!(
                counts.get(text).is_none_or(|n| *n == 1),
                "{text:?} was not answered, and stands {counts:?}"
            );
        }
        let faults = stores[at].view(|view| view.faults()).unwrap();
        assert!(faults.is_empty(), "{faults:?}");
    }
    entries
}

/// The exact bytes of a log's entries; all are receipted.
fn log(store: &Store, side: ChannelSide) -> Vec<Vec<u8>> {
    store
        .view(|view| {
            let mut entries = Vec::new();
            for row in view.channels()?.into_iter().filter(|row| row.side == side) {
                assert_eq!(row.size(), row.cosigned, "a log that is receipted whole");
                assert!(!row.recovering, "nothing went back");
                assert_eq!(view.root_at(&row, row.size())?, row.range.root());
                for index in 0..row.size() {
                    entries.push(view.open_entry(&row, index)?.unwrap().bytes);
                }
            }
            Ok::<_, Refusal>(entries)
        })
        .unwrap()
}

fn thanks(entry: &[u8]) -> Option<String> {
    let Entry { header, body } = Entry::parse(entry).unwrap();
    (header.kind.as_str() == "thanks.given").then(|| serde_json::from_slice::<Thanks>(&body).unwrap().text)
}

/// One node.
struct Node {
    program: PathBuf,
    folder: PathBuf,
    name: String,
    process: Option<Child>,
}

impl Node {
    fn made(program: &Path, folder: &Path, n: usize) -> Self {
        let name = format!("service-{}.example", ["a", "b"][n]);
        let folder = folder.join(&name);
        std::fs::create_dir(&folder).unwrap();
        let node = Self { program: program.to_owned(), folder, name, process: None };
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let made = node.ask(&[
            "init",
            "--name",
            &node.name,
            "--contact",
            "duty desk, +00 000",
            "--address",
            &address,
        ]);
        node.write("secret", made["secret"].as_str().unwrap());
        node.write("passphrase", PASSPHRASE);
        node
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.join(name), format!("{text}\n")).unwrap();
    }

    fn file(&self, name: &str) -> String {
        self.folder.join(name).to_str().unwrap().to_owned()
    }

    /// The command that says these words to the node.
    fn says(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .arg("--data")
            .arg(self.data())
            .args(["--session", &self.file("session"), "--json"])
            .args(words);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn ask(&self, words: &[&str]) -> Value {
        let answer = self.says(words).stdout(Stdio::piped()).output().unwrap();
        let text = String::from_utf8_lossy(&answer.stdout);
        assert!(answer.status.success(), "{} {words:?}: {text}", self.name);
        serde_json::from_str(&text).unwrap()
    }

    /// Starts it and waits until both its doors are open.
    fn serve(&mut self) {
        let mut child = self.says(&["serve"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        self.process = Some(child);
        assert!(line.contains("ready"), "{} said {line:?}", self.name);
    }

    /// Its operator opens the account and lets one person in, who gives the thanks.
    fn furnish(&self) {
        let passphrase = self.file("passphrase");
        let activate = |who: &str| {
            let secret = self.file("secret");
            self.ask(&["activate", who, "--secret-file", &secret, "--passphrase-file", &passphrase])
        };
        activate("operator");
        let invited = self.ask(&["person", "invite", "liaison1", "--role", "liaison"]);
        self.write("secret", invited["invitation"]["secret"].as_str().unwrap());
        activate("liaison1");
    }

    fn login(&self) {
        self.ask(&["login", "liaison1", "--passphrase-file", &self.file("passphrase")]);
    }

    fn is_receipted(&self) -> bool {
        let store = rusqlite::Connection::open(self.data().join("node.db")).unwrap();
        let sql = "SELECT count(*) FROM channels WHERE size > cosigned OR state <> 'open'";
        store.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap() == 0
    }

    fn kill(&mut self) {
        let mut process = self.process.take().unwrap();
        process.kill().unwrap();
        process.wait().unwrap();
    }

    fn stop(&mut self) {
        let mut process = self.process.take().unwrap();
        let told = Command::new("kill").args(["-TERM", &process.id().to_string()]).status().unwrap();
        assert!(told.success() && process.wait().unwrap().success(), "{} stops", self.name);
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}
