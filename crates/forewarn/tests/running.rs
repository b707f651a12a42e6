//! A node as its operator meets it: made, started, stopped, started again, and what stands in the way.
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

struct Folder {
    _root: TempDir,
    data: PathBuf,
    port: u16,
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn forewarn(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_forewarn"));
    command.arg("--data").arg(data).env_remove("FOREWARN_SESSION").env_remove("FOREWARN_DATA");
    command.stdin(Stdio::null());
    command
}

fn made() -> Folder {
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("node");
    let port = free_port();
    let done = init(&data, port);
    assert!(done.status.success(), "{}", text(&done));
    Folder { _root: root, data, port }
}

fn init(data: &Path, port: u16) -> Output {
    forewarn(data)
        .args(["--json", "init", "--name", "service-a.example", "--contact", "duty desk A, +00 100"])
        .args(["--address", &format!("127.0.0.1:{port}")])
        .output()
        .unwrap()
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Starts the node and waits for the line that says it is ready.
fn start(folder: &Folder) -> Child {
    let mut child = forewarn(&folder.data)
        .args(["--json", "serve"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("ready"), "the node said {line:?}");
    child
}

fn stop(mut child: Child) {
    let told = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(told.success());
    assert!(child.wait().unwrap().success(), "a stop that was asked for is no failure");
}

fn refused(output: &Output) -> Value {
    assert!(!output.status.success());
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(output)));
    assert!(answer["error"]["fact"].is_string(), "{answer}");
    answer["error"].clone()
}

#[test]
fn init_shows_a_one_time_secret_and_twelve_words_and_keeps_the_folder_for_its_owner() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("node");
    let done = init(&data, 7400);
    let made: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(made["words"].as_str().unwrap().split(' ').count(), 12);
    assert!(made["secret"].as_str().unwrap().len() >= 26);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    for file in std::fs::read_dir(data.join("keys")).unwrap() {
        let path = file.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[test]
fn a_second_init_leaves_the_first_node_alone() {
    let folder = made();
    let before = std::fs::read(folder.data.join("keys/identity.key")).unwrap();
    let error = refused(&init(&folder.data, folder.port));
    assert_eq!(error["code"], "not_empty");
    assert_eq!(std::fs::read(folder.data.join("keys/identity.key")).unwrap(), before);
}

#[test]
fn a_node_stops_when_told_and_starts_again_on_the_same_data() {
    let folder = made();
    stop(start(&folder));
    assert!(!folder.data.join("control.sock").exists(), "the socket goes with the node");
    stop(start(&folder));
}

#[test]
fn a_node_that_was_killed_starts_again() {
    let folder = made();
    let mut child = start(&folder);
    child.kill().unwrap();
    child.wait().unwrap();
    stop(start(&folder));
}

#[test]
fn two_processes_never_run_one_node() {
    let folder = made();
    let first = start(&folder);
    let second = forewarn(&folder.data).args(["--json", "serve"]).output().unwrap();
    assert_eq!(refused(&second)["code"], "in_use");
    stop(first);
}

#[test]
fn a_port_in_use_is_named_with_what_to_do() {
    let folder = made();
    let _taken = TcpListener::bind(("127.0.0.1", folder.port)).unwrap();
    let error = refused(&forewarn(&folder.data).args(["--json", "serve"]).output().unwrap());
    assert_eq!(error["code"], "cannot_listen");
    assert!(error["fact"].as_str().unwrap().contains(&folder.port.to_string()));
    assert!(error["hint"].as_str().unwrap().contains("another program"));
}

#[test]
fn a_key_that_others_may_read_is_not_used() {
    let folder = made();
    let key = folder.data.join("keys/identity.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let error = refused(&forewarn(&folder.data).args(["--json", "serve"]).output().unwrap());
    assert_eq!(error["code"], "bad_permission");
    assert!(error["hint"].as_str().unwrap().contains("chmod 600"));
}

#[test]
fn a_key_that_is_damaged_is_named() {
    let folder = made();
    std::fs::write(folder.data.join("keys/cosigner.key"), "not a key").unwrap();
    let error = refused(&forewarn(&folder.data).args(["--json", "serve"]).output().unwrap());
    assert_eq!(error["code"], "bad_key");
    assert!(error["fact"].as_str().unwrap().contains("cosigner.key"));
}

#[test]
fn a_database_that_is_none_is_named_and_nothing_is_overwritten() {
    let folder = made();
    std::fs::write(
        folder.data.join("node.db"),
        "this is no database, and it is long enough to be read as one",
    )
    .unwrap();
    let error = refused(&forewarn(&folder.data).args(["--json", "serve"]).output().unwrap());
    assert!(error["fact"].as_str().unwrap().contains("database"), "{error}");
    assert!(std::fs::read_to_string(folder.data.join("node.db")).unwrap().starts_with("this is no"));
}

#[test]
fn without_a_running_node_the_answer_says_how_to_start_it() {
    let folder = made();
    let output = forewarn(&folder.data).args(["--json", "status"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
    assert!(refused(&output)["hint"].as_str().unwrap().contains("forewarn serve"));
}

#[test]
fn a_folder_without_a_node_says_how_to_make_one() {
    let folder = tempfile::tempdir().unwrap();
    let output = forewarn(folder.path()).args(["--json", "serve"]).output().unwrap();
    let error = refused(&output);
    assert_eq!(error["code"], "no_node");
    assert!(error["hint"].as_str().unwrap().contains("forewarn init"));
}
