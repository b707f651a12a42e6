//! Two nodes without a line between them, as their duty desks meet them: what one packs the other opens, and the answer
//! comes back.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test may stop at the first surprise"
)]

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A node that runs, and a liaison officer who is logged in.
struct Node {
    root: TempDir,
    name: &'static str,
    child: Option<Child>,
}

impl Node {
    fn made(name: &'static str) -> Self {
        let mut node = Self { root: tempfile::tempdir().unwrap(), name, child: None };
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = format!("127.0.0.1:{port}");
        let made =
            node.says(&["init", "--name", name, "--contact", "duty desk, +00 100", "--address", &address]);
        node.start();
        node.activate("operator", made["secret"].as_str().unwrap());
        let invited = node.says(&["person", "invite", "liaison1", "--role", "liaison"]);
        node.activate("liaison1", invited["invitation"]["secret"].as_str().unwrap());
        node
    }

    fn start(&mut self) {
        let mut child =
            self.command(&["serve"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.contains("ready"), "the node said {line:?}");
        self.child = Some(child);
    }

    fn stop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let told = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
        assert!(told.success() && child.wait().unwrap().success());
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn activate(&self, person: &str, secret: &str) {
        std::fs::write(self.path("secret"), secret).unwrap();
        std::fs::write(self.path("passphrase"), "otter lantern gravel").unwrap();
        let (secret, passphrase) = (self.path("secret"), self.path("passphrase"));
        let files = ["--secret-file", text(&secret), "--passphrase-file", text(&passphrase)];
        self.says(&[&["activate", person], &files[..]].concat());
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_forewarn"));
        command.arg("--data").arg(self.path("node")).arg("--session").arg(self.path("session"));
        command.arg("--json").args(words).stdin(Stdio::null());
        command
    }

    fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    /// What a command that succeeds answers.
    fn says(&self, words: &[&str]) -> Value {
        let done = self.run(words);
        let shown = String::from_utf8_lossy(&done.stdout).into_owned();
        assert!(
            done.status.success(),
            "{} {words:?}: {shown}{}",
            self.name,
            String::from_utf8_lossy(&done.stderr)
        );
        serde_json::from_str(&shown).unwrap_or(Value::Null)
    }

    /// What a command answers that does not succeed.
    fn refuses(&self, words: &[&str]) -> Value {
        let done = self.run(words);
        assert!(!done.status.success(), "{words:?}");
        serde_json::from_slice(&done.stdout).unwrap()
    }

    fn knows(&self, other: &Self) {
        let card = other.says(&["card"])["card"].as_str().unwrap().to_owned();
        std::fs::write(self.path("card"), card).unwrap();
        self.says(&["partner", "add", text(&self.path("card"))]);
        let words = other.says(&["status"])["words"].as_str().unwrap().to_owned();
        self.says(&["partner", "confirm", other.name, "--heard", &words]);
        self.says(&["partner", "carriage", other.name, "file"]);
    }

    fn promises(&self, to: &str) {
        let words = ["--to", to, "--domain", "counter_terrorism", "--text", "threats to your territory"];
        self.says(&[&["undertaking", "declare"], &words[..]].concat());
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The files in a folder with this ending.
fn files(folder: &Path, ending: &str) -> Vec<String> {
    let mut found: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| text(&file.unwrap().path()).to_owned())
        .filter(|path| path.ends_with(ending))
        .collect();
    found.sort();
    found
}

fn with<'a>(words: &[&'a str], files: &'a [String]) -> Vec<&'a str> {
    words.iter().copied().chain(files.iter().map(String::as_str)).collect()
}

#[test]
fn a_promise_goes_over_an_air_gap_and_its_receipt_comes_back() {
    let (mut a, b) = (Node::made("service-a.example"), Node::made("service-b.example"));
    a.knows(&b);
    b.knows(&a);
    a.promises(b.name);
    let stick = tempfile::tempdir().unwrap();
    let to = ["--to", text(stick.path())];
    let pack = |node: &Node, other: &str| node.says(&[&["carry", "pack", other], &to[..]].concat());
    let open =
        |node: &Node, files: &[String]| node.says(&[&with(&["carry", "open"], files)[..], &to[..]].concat());

    pack(&a, b.name);
    let statement = files(stick.path(), ".channel");
    assert_eq!(statement.len(), 1);
    let mode = std::fs::metadata(&statement[0]).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    open(&b, &statement);
    a.says(&with(&["carry", "settle"], &files(stick.path(), ".opened")));
    pack(&a, b.name);
    let first = files(stick.path(), ".parcel");
    let before = std::fs::read(&first[0]).unwrap();
    let again = pack(&a, b.name);
    let name = first[0].rsplit('/').next().unwrap();
    assert_eq!(again["files"][0]["beside"], name, "what lies there already is left as it is");
    assert_eq!(std::fs::read(&first[0]).unwrap(), before);
    let parcels = files(stick.path(), ".parcel");
    assert_eq!(parcels.len(), 2, "whichever of the two is damaged, the other one serves");

    let wrong = a.refuses(&[&with(&["carry", "open"], &parcels)[..], &to[..]].concat());
    assert_eq!(wrong["files"][0]["code"], "not_for_us");
    open(&b, &parcels);
    assert_eq!(b.says(&["undertaking", "list"]).as_array().unwrap().len(), 1);
    // A clean restart goes on without asking.
    a.stop();
    a.start();
    std::fs::write(a.path("passphrase"), "otter lantern gravel").unwrap();
    a.says(&["login", "liaison1", "--passphrase-file", text(&a.path("passphrase"))]);
    let receipts = files(stick.path(), ".receipt");
    for _ in 0..2 {
        a.says(&with(&["carry", "settle"], &receipts));
    }
    let partner = &a.says(&["partner", "list"])[0];
    assert_eq!(partner["carriage"], "file");
    let ours = partner["channels"].as_array().unwrap().iter().find(|c| c["side"] == "ours").unwrap();
    assert_eq!((&ours["size"], &ours["receipted"]), (&Value::from(2), &Value::from(2)));
    assert_eq!(pack(&a, b.name)["files"].as_array().unwrap().len(), 0, "nothing waits");
    assert!(b.says(&["status"])["carried"][0][1] == "file");
}
