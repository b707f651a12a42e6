//! Receipts as people meet them: two real nodes, an export from either side, and `forewarn verify` as somebody outside runs
//! it, without a node, a login or an environment.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test may stop at the first surprise"
)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use exchange::evidence::export::{self, Wanted};
use model::plain::is_unseen;
use serde_json::Value;
use tempfile::TempDir;
use testkit::tamper::{Files, each_change};
use testkit::{A, B, ByHand, EntryOf, TestHouses};
use tlog::channel::Use;
use tlog::checkpoint::Checkpoint;
use tlog::hash::Hash;
use tlog::receipt::verify_export;

/// How long anything here may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A node of the real program.
struct Node {
    folder: PathBuf,
    label: &'static str,
    fingerprint: String,
    words: String,
    process: Option<Child>,
}

impl Node {
    /// A node that runs, with one person who is desk and liaison.
    fn started(folder: &Path, label: &'static str, port: u16) -> Self {
        let mut node = Self {
            folder: folder.to_owned(),
            label,
            fingerprint: String::new(),
            words: String::new(),
            process: None,
        };
        let address = format!("127.0.0.1:{port}");
        let name = node.name();
        let made = node.say(
            "nobody",
            &["init", "--name", &name, "--contact", "duty desk, +00 100", "--address", &address],
        );
        node.fingerprint = text(&made, "fingerprint");
        node.words = text(&made, "words");
        let mut child =
            node.command("nobody", &["serve"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        node.process = Some(child);
        assert!(line.contains("ready"), "the node said {line:?}");
        node.activate("operator", &text(&made, "secret"));
        let invited =
            node.say("operator", &["person", "invite", "desk", "--role", "desk", "--role", "liaison"]);
        node.activate("desk", &text(&invited["invitation"], "secret"));
        node
    }

    fn name(&self) -> String {
        format!("service-{}.example", self.label)
    }

    fn command(&self, who: &str, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_forewarn"));
        command.arg("--data").arg(self.folder.join(self.label)).arg("--json").args(words);
        let session = self.folder.join(format!("{}-{who}.session", self.label));
        command.env_remove("FOREWARN_DATA").env("FOREWARN_SESSION", session).stdin(Stdio::null());
        command
    }

    fn tell(&self, words: &[&str]) -> Output {
        self.command("desk", words).output().unwrap()
    }

    fn say(&self, who: &str, words: &[&str]) -> Value {
        let done = self.command(who, words).output().unwrap();
        assert!(done.status.success(), "{words:?}: {}", printed(&done));
        serde_json::from_slice(&done.stdout).unwrap()
    }

    fn activate(&self, who: &str, secret: &str) {
        let file = |name: &str, content: &str| {
            let path = self.folder.join(format!("{}-{name}", self.label));
            std::fs::write(&path, content).unwrap();
            path.display().to_string()
        };
        let (secret, passphrase) = (file("secret", secret), file("passphrase", "otter lantern gravel"));
        self.say(who, &["activate", who, "--secret-file", &secret, "--passphrase-file", &passphrase]);
    }

    fn meets(&self, other: &Node) {
        let card = self.folder.join(format!("{}.card", other.label));
        std::fs::write(&card, text(&other.say("desk", &["card"]), "card")).unwrap();
        self.say("desk", &["partner", "add", &card.display().to_string()]);
        self.say("desk", &["partner", "confirm", &other.name(), "--heard", &other.words]);
    }

    /// Thanks the other, and gives the entry once it is receipted.
    fn thanks(&self, other: &Node) -> String {
        self.say("desk", &["thank", "--to", &other.name(), "--from-role", "head", "--text", "thank you"]);
        let begun = Instant::now();
        loop {
            let partners = self.say("desk", &["partner", "list"]);
            let channels = partners[0]["channels"].as_array().unwrap();
            if let Some(log) = channels.iter().find(|c| c["side"] == "ours" && c["receipted"] == 2) {
                return format!("{}/1", text(log, "origin").rsplit('/').next().unwrap());
            }
            assert!(begun.elapsed() < PATIENCE, "{partners}");
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let Some(mut child) = self.process.take() else { return };
        let _ = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
        let _ = child.wait();
    }
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_else(|| panic!("{key} in {value}")).to_owned()
}

fn printed(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// `forewarn verify` as somebody runs it who has nothing but the program and the folder.
fn verify(folder: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_forewarn"));
    command.env_clear().arg("verify").arg(folder).args(more).stdin(Stdio::null()).output().unwrap()
}

fn status(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn read(folder: &Path) -> Files {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries.map(|e| (e.file_name().into_string().unwrap(), std::fs::read(e.path()).unwrap())).collect()
}

fn write(folder: &Path, files: &Files) {
    std::fs::remove_dir_all(folder).ok();
    std::fs::create_dir(folder).unwrap();
    for (name, content) in files {
        std::fs::write(folder.join(name), content).unwrap();
    }
}

#[test]
fn two_nodes_export_what_anybody_can_verify() {
    let place = tempfile::tempdir().unwrap();
    // Both are held at once, so that they differ.
    let ports = [TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap()];
    let [port_a, port_b] = ports.map(|held| held.local_addr().unwrap().port());
    let (a, b) = (Node::started(place.path(), "a", port_a), Node::started(place.path(), "b", port_b));
    a.meets(&b);
    b.meets(&a);
    a.thanks(&b);
    let entry = b.thanks(&a);
    let to = |name: &str| place.path().join(name).display().to_string();

    let standing = a.say("desk", &["receipt", "show", &entry]);
    assert_eq!((text(&standing, "giver"), text(&standing, "receiver")), (b.name(), a.name()));
    assert!(standing["receipt"]["at"].is_string() && standing["erased"] == false, "{standing}");
    let exported = a.say("desk", &["receipt", "export", &entry, "--to", &to("by-a")]);
    assert_eq!(exported["files"].as_array().unwrap().len(), 6, "with the opposite head: {exported}");
    b.say("desk", &["receipt", "export", &entry, "--to", &to("by-b")]);
    let folder = place.path().join("by-a");
    assert_eq!(read(&folder), read(&place.path().join("by-b")), "both sides export the same");
    assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);

    for (words, code) in
        [(&[&entry, "--to", &to("by-a")], "not_empty"), (&[&*to("x"), "--to", &to("x")], "unknown_entry")]
    {
        let refused = a.tell(&[&["receipt", "export"], words.as_slice()].concat());
        let answer: Value = serde_json::from_slice(&refused.stdout).unwrap();
        assert_eq!((status(&refused), text(&answer["error"], "code").as_str()), (1, code));
    }
    assert!(!place.path().join("x").exists());
    assert_eq!(a.say("desk", &["evidence", "list"]), Value::Array(Vec::new()));

    everything_that_somebody_may_say_of_the_parties(&folder, &a, &b);
    what_was_changed_is_refused(&folder, &["--giver", &b.fingerprint, "--receiver", &a.fingerprint]);
}

/// B wrote, A received.
fn everything_that_somebody_may_say_of_the_parties(folder: &Path, a: &Node, b: &Node) {
    let intact = verify(folder, &[]);
    assert_eq!(status(&intact), 3, "{}", printed(&intact));
    let said = printed(&intact);
    assert!(said.starts_with("INTACT, NOT VERIFIED") && said.contains("NOT compared"), "{said}");
    assert!(!said.contains(&a.words), "no words that could be copied off the screen");
    let shouted = b.words.to_uppercase();
    for [giver, receiver] in
        [[&b.fingerprint, &a.fingerprint], [&b.words, &a.words], [&shouted, &a.fingerprint]]
    {
        let verified = verify(folder, &["--giver", giver, "--receiver", receiver]);
        let said = printed(&verified);
        assert_eq!(status(&verified), 0, "{said}");
        assert!(said.starts_with("VERIFIED: service-b.example wrote this"), "{said}");
        for told in ["by the clock of service-a.example", "not before", "says nothing about later entries"] {
            assert!(said.contains(told), "{told}: {said}");
        }
    }
    for (words, expected) in [
        (["--giver", &b.fingerprint].as_slice(), 3),
        (&["--giver", &a.fingerprint], 1),
        (&["--receiver", &b.words], 1),
        (&["--giver", &a.fingerprint, "--receiver", &b.fingerprint], 1),
        (&["--giver", &a.words, "--receiver", &b.words], 1),
        (&["--giver", "not twelve words"], 2),
        (&["--giver", &b.fingerprint[1..]], 2),
        (&["--given", "x"], 2),
    ] {
        let output = verify(folder, words);
        assert_eq!(status(&output), expected, "{words:?}: {}", printed(&output));
    }
    let json = verify(folder, &["--json", "--giver", &b.fingerprint, "--receiver", &a.fingerprint]);
    let json: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(
        (text(&json, "result"), text(&json, "form"), json["index"].clone()),
        ("verified".into(), "receipt".into(), 1.into())
    );
    assert_eq!(status(&verify(&folder.join("channel"), &[])), 2);
    assert_eq!(status(&verify(&folder.join("nowhere"), &[])), 2);
}

/// Every change in memory; some of them, and what memory cannot show, by the program.
fn what_was_changed_is_refused(folder: &Path, trusted: &[&str]) {
    let files = read(folder);
    let place = tempfile::tempdir().unwrap();
    let changed_folder = place.path().join("changed");
    let mut number = 0_usize;
    each_change(&files, |changed, change| {
        number += 1;
        // A file without a name stands in no folder. Every 97th change comes to every kind of change in every file.
        if number.is_multiple_of(97) && !changed.contains_key("") {
            write(&changed_folder, changed);
            let known = if number.is_multiple_of(2) { trusted } else { &[] };
            let refused = verify(&changed_folder, known);
            assert_eq!(status(&refused), 1, "{change:?}: {}", printed(&refused));
            assert!(printed(&refused).starts_with("error: REFUSED"), "{}", printed(&refused));
        } else if change.is_telling() {
            assert!(verify_export(changed, None).is_err(), "{change:?}");
        }
    });
    let refused_as = |spoil: &dyn Fn(&Path), why: &str| {
        write(&changed_folder, &files);
        spoil(&changed_folder);
        for known in [&[], trusted] {
            let refused = verify(&changed_folder, known);
            let said = printed(&refused);
            assert_eq!(status(&refused), 1, "{said}");
            assert!(said.contains(why), "{why}: {said}");
            assert!(said.chars().all(|c| c == '\n' || !is_unseen(c)), "{said:?}");
        }
    };
    for name in files.keys() {
        refused_as(&|at| std::fs::remove_file(at.join(name)).unwrap(), "is missing");
        refused_as(&|at| std::fs::rename(at.join(name), at.join("other")).unwrap(), "does not belong here");
    }
    refused_as(&|at| std::fs::write(at.join("x\u{1b}[2J\u{202e}"), "").unwrap(), "does not belong here");
    refused_as(
        &|at| std::fs::write(at.join(std::ffi::OsStr::from_bytes(b"\xff\xfe")), "").unwrap(),
        "does not belong here",
    );
    refused_as(&|at| std::fs::create_dir(at.join("more")).unwrap(), "does not belong here");
    refused_as(
        &|at| (0..40).for_each(|n| std::fs::write(at.join(n.to_string()), "").unwrap()),
        "more than 32 files",
    );
    refused_as(
        &|at| {
            std::fs::rename(at.join("entry"), at.with_extension("elsewhere")).unwrap();
            symlink(at.with_extension("elsewhere"), at.join("entry")).unwrap();
        },
        "is no plain file",
    );
    refused_as(
        &|at| {
            std::fs::remove_file(at.join("policy")).unwrap();
            assert!(Command::new("mkfifo").arg(at.join("policy")).status().unwrap().success());
        },
        "is no plain file",
    );
    refused_as(
        &|at| {
            // Larger than memory, and a hole on the disk.
            let file = std::fs::File::create(at.join("entry")).unwrap();
            file.set_len(1 << 40).unwrap();
        },
        "at most 1048576 bytes",
    );
}

#[test]
fn evidence_is_told_by_its_files_and_says_whose_signatures_contradict_each_other() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("evidence");
    for (size, words) in [(3, "two different trees of 3 entries"), (2, "it did not grow out of the smaller")]
    {
        let (files, parties) = evidence(size);
        write(&folder, &files);
        let intact = verify(&folder, &[]);
        assert_eq!(status(&intact), 3, "{}", printed(&intact));
        let trusted = ["--giver", &parties[0], "--receiver", &parties[1]];
        let proven = verify(&folder, &trusted);
        let said = printed(&proven).replace('\n', " ");
        assert_eq!(status(&proven), 0, "{said}");
        assert!(
            said.starts_with("VERIFIED: two signatures of service-b.example cannot both be true"),
            "{said}"
        );
        assert!(said.contains(words) && said.contains("it can be an accident"), "{said}");
        let json = verify(&folder, &[&["--json"], trusted.as_slice()].concat());
        let json: Value = serde_json::from_slice(&json.stdout).unwrap();
        assert_eq!((text(&json, "form"), text(&json, "accused_name")), ("evidence".into(), B.into()));
        assert_eq!(status(&verify(&folder, &["--giver", &parties[1]])), 1);
        let mut number = 0_usize;
        each_change(&files, |changed, change| {
            number += 1;
            if !number.is_multiple_of(97) || changed.contains_key("") {
                return;
            }
            write(&folder, changed);
            let known = if number.is_multiple_of(2) { trusted.as_slice() } else { &[] };
            let refused = verify(&folder, known);
            assert_eq!(status(&refused), 1, "{change:?}: {}", printed(&refused));
        });
    }
}

/// The evidence folder that A's node makes after B has signed another root for this size of three, and what the officers of
/// B and A say of their nodes.
fn evidence(size: u64) -> (Files, [String; 2]) {
    let houses = TestHouses::of(&[A]);
    let a = houses.a();
    let mut b = ByHand::with(a, B, Use::Actual).opened();
    b.push(EntryOf::kind("cover", "one"));
    b.push(EntryOf::kind("cover", "two"));
    b.delivers(a, 0);
    let forged = b.signed(&Checkpoint { origin: b.origin(), size, root: Hash::from_bytes([6; 32]) });
    b.send(a, &b.parcel_with(0, forged));
    let made = export::export(&a.house(), &a.caller("release1"), 1, Wanted::Proof, a.now()).unwrap();
    let statement = tlog::channel::ChannelStatement::parse(&made.files["channel"]).unwrap();
    let said = statement.proposal();
    (made.files, [&said.giver, &said.receiver].map(|key| key.fingerprint().to_string()))
}

#[test]
fn a_folder_of_anything_else_is_refused_in_words() {
    let place: TempDir = tempfile::tempdir().unwrap();
    let of = |files: &[(&str, &str)]| -> BTreeMap<String, Vec<u8>> {
        files.iter().map(|(name, content)| ((*name).to_owned(), content.as_bytes().to_vec())).collect()
    };
    for files in [
        of(&[]),
        of(&[("channel", "")]),
        of(&[("conflict", "forewarn/conflict/v1 giver\n")]),
        of(&[("note", "x"), ("parcel", "y"), ("about.txt", "z")]),
        of(&[("channel", "\u{1b}]0;x\u{7}"), ("entry", "x"), ("policy", "x"), ("receipt.tlog-proof", "x")]),
    ] {
        let folder = place.path().join("folder");
        write(&folder, &files);
        for words in [&[][..], &["--giver", &"0".repeat(64), "--receiver", &"1".repeat(64)]] {
            let refused = verify(&folder, words);
            let said = printed(&refused);
            assert_eq!(status(&refused), 1, "{said}");
            assert!(said.starts_with("error: REFUSED: this folder proves nothing\n"), "{said}");
            assert!(said.chars().all(|c| c == '\n' || !is_unseen(c)), "{said:?}");
        }
    }
}
