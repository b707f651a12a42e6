//! Backup, its check, and the way back, as an operator meets them: real processes and real folders.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test may stop at the first surprise"
)]

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

struct Node {
    root: TempDir,
    secret: String,
}

impl Node {
    /// A node that was made, with its one-time secret.
    fn made() -> Self {
        let root = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let node = Self { root, secret: String::new() };
        let made = node.done(
            "data",
            &["init", "--name", "service-a.example", "--contact", "duty desk A, +00 100", "--address"]
                .iter()
                .copied()
                .chain([format!("127.0.0.1:{port}").as_str()])
                .collect::<Vec<_>>(),
        );
        fs::write(node.path("passphrase"), "otter lantern gravel\n").unwrap();
        fs::write(node.path("secret"), made["secret"].as_str().unwrap()).unwrap();
        Self { secret: made["secret"].as_str().unwrap().to_owned(), ..node }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn command(&self, data: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_forewarn"));
        command.current_dir(self.root.path()).env_remove("FOREWARN_DATA").env_remove("FOREWARN_SESSION");
        command.args(["--json", "--data", data, "--session", &format!("{data}.session")]);
        command.stdin(Stdio::null());
        command
    }

    fn run(&self, data: &str, words: &[&str]) -> Output {
        self.command(data).args(words).output().unwrap()
    }

    fn done(&self, data: &str, words: &[&str]) -> Value {
        let output = self.run(data, words);
        assert!(output.status.success(), "{words:?}: {output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn refused(&self, data: &str, words: &[&str]) -> (i32, Value) {
        let output = self.run(data, words);
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
        (output.status.code().unwrap(), answer["error"].clone())
    }

    fn start(&self, data: &str) -> Child {
        let mut child =
            self.command(data).arg("serve").stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.contains("ready"), "the node said {line:?}");
        child
    }
}

fn stop(mut child: Child) {
    let told = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(told.success() && child.wait().unwrap().success());
}

fn holds(folder: &Path, secret: &str) -> bool {
    fs::read_dir(folder).unwrap().any(|file| {
        let bytes = fs::read(file.unwrap().path()).unwrap_or_default();
        bytes.windows(secret.len()).any(|found| found == secret.as_bytes())
    })
}

#[test]
fn an_operator_copies_a_running_node_checks_the_copy_and_goes_on_from_it() {
    let node = Node::made();
    let running = node.start("data");
    let activate = ["activate", "operator", "--secret-file", "secret", "--passphrase-file", "passphrase"];
    node.done("data", &activate);
    let keys = ["--keys", "node.keys", "--passphrase-file", "passphrase"];
    let made = node.done("data", &[&["backup", "node.backup"][..], &keys].concat());
    assert_eq!(made.as_array().unwrap().len(), 2);
    assert!(!holds(node.root.path(), &fs::read_to_string(node.path("data/keys/identity.key")).unwrap()));
    let (status, error) = node.refused("data", &["backup", "node.backup"]);
    assert_eq!((status, error["code"].as_str()), (1, Some("exists")));
    let checked = node.done("data", &[&["backup", "verify", "node.backup"][..], &keys].concat());
    assert_eq!(checked["sha256"], made[0]["sha256"]);
    // While the node runs nothing takes its place.
    let restore = [&["restore", "node.backup", "--replace"][..], &keys].concat();
    assert_eq!(node.refused("data", &restore).1["code"], "in_use");
    stop(running);
    assert_eq!(node.done("data", &restore)["node"], "service-a.example");
    let running = node.start("data");
    let whoami = node.refused("data", &["whoami"]);
    assert_eq!(whoami.1["code"], "not_logged_in", "everybody is logged out");
    node.done("data", &["login", "operator", "--passphrase-file", "passphrase"]);
    let trail = node.done("data", &["audit", "--from", "0", "--limit", "100"]).to_string();
    assert!(trail.contains("backup.begun") && trail.contains("node.recovering"), "{trail}");
    assert!(!trail.contains("backup.made"), "what came after the backup is not in it");
    stop(running);
    assert!(!node.secret.is_empty());
    let rebuilt = node.done("data", &["rebuild", "--check"]);
    assert_eq!((rebuilt["sound"].as_bool(), rebuilt["differences"].as_u64()), (Some(true), Some(0)));
}

#[test]
fn a_backup_needs_a_running_node_and_an_operator() {
    let node = Node::made();
    assert_eq!(node.refused("data", &["backup", "node.backup"]).0, 3);
    let running = node.start("data");
    let (status, error) = node.refused("data", &["backup", "node.backup"]);
    assert_eq!((status, error["code"].as_str()), (1, Some("not_logged_in")));
    assert!(!node.path("node.backup").exists());
    stop(running);
}

#[test]
fn a_copy_with_one_byte_changed_is_refused_with_exit_status_1() {
    let node = Node::made();
    let running = node.start("data");
    node.done(
        "data",
        &["activate", "operator", "--secret-file", "secret", "--passphrase-file", "passphrase"],
    );
    node.done("data", &["backup", "node.backup"]);
    stop(running);
    let good = fs::read(node.path("node.backup")).unwrap();
    for place in [0, good.len() / 2, good.len() - 1] {
        let mut bad = good.clone();
        bad[place] ^= 0x20;
        fs::write(node.path("bad.backup"), bad).unwrap();
        let (status, error) = node.refused("data", &["backup", "verify", "bad.backup"]);
        assert_eq!((status, error["code"].as_str()), (1, Some("bad_backup")), "byte {place}");
    }
}
