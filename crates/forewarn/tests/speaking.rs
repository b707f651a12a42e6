//! The command line against a node that says whatever the test wants: what is asked, what is printed, how it ends.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test may stop at the first surprise"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use model::plain::is_unseen;
use serde_json::{Value, json};
use tempfile::TempDir;

/// What a test node was asked.
#[derive(Debug, Clone)]
struct Asked {
    path: String,
    token: Option<String>,
    body: Value,
}

/// A node in a folder of its own that answers each path with what the test says.
struct Node {
    _root: TempDir,
    data: PathBuf,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Node {
    fn answering(answers: Vec<(&'static str, u16, String)>) -> Self {
        let root = tempfile::tempdir().unwrap();
        let data = root.path().join("node");
        std::fs::create_dir(&data).unwrap();
        let listener = UnixListener::bind(data.join("control.sock")).unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&asked);
        // It ends with the process of the test.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let request = read_request(&stream);
                let found = answers.iter().find(|(path, ..)| *path == request.path);
                let (status, body) =
                    found.map_or((404, "{}".to_owned()), |(_, status, body)| (*status, body.clone()));
                heard.lock().unwrap().push(request);
                let head = format!(
                    "HTTP/1.1 {status} Said\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                // The command may have gone.
                let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
            }
        });
        Self { _root: root, data, asked }
    }

    fn run(&self, words: &[&str]) -> Output {
        forewarn(&self.data).args(words).output().unwrap()
    }

    fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    fn session(&self) -> PathBuf {
        self.data.join("test.session")
    }
}

fn read_request(stream: &UnixStream) -> Asked {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first).unwrap();
    let (mut length, mut token) = (0, None);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        match name.to_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap(),
            "authorization" => token = value.strip_prefix("Bearer ").map(str::to_owned),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    Asked { path, token, body: serde_json::from_slice(&body).unwrap() }
}

fn forewarn(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_forewarn"));
    command.arg("--data").arg(data).env("FOREWARN_SESSION", data.join("test.session"));
    command.env_remove("FOREWARN_DATA").env_remove("COLUMNS").stdin(Stdio::null());
    command
}

fn printed(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn complained(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn said(answer: Value) -> String {
    answer.to_string()
}

/// A text as an attacker writes it: escape sequences, other controls, overrides of direction, zero-width characters.
const EVIL: &str = "x\u{1b}[2J\u{9b}31m\u{202e}y\u{2066}\u{200b}\u{7}\r\u{feff}\u{e0041}z";

/// The same answer with every text replaced, but for the words that choose what is shown.
fn poisoned(answer: Value) -> Value {
    const KEPT: &[&str] =
        &["status", "direction", "standing", "answer", "kind", "state", "favour", "severity", "path", "side"];
    match answer {
        Value::String(text) if text.parse::<jiff::Timestamp>().is_ok() => Value::String(text),
        Value::String(_) => Value::String(EVIL.to_owned()),
        Value::Array(items) => items.into_iter().map(poisoned).collect(),
        Value::Object(parts) => parts
            .into_iter()
            .map(|(key, part)| {
                let part = if KEPT.contains(&key.as_str()) { part } else { poisoned(part) };
                (key, part)
            })
            .collect(),
        other => other,
    }
}

fn release_line() -> Value {
    json!({
        "entry": "2e9dc61f/2", "partner": "service-a.example", "direction": "incoming", "status": "actual",
        "precedence": "flash", "domain": "cyber", "title": "t", "held_at": "2026-12-10T11:30:00Z", "read_at": null,
        "disposition": "accepted", "disposed_at": null, "outcome": "occurred", "usefulness": "low",
        "standing": "active", "due": "2026-12-10T12:00:00Z", "overdue": true, "life_floor": true, "update": true,
    })
}

/// One answer for each kind of view, with a text in every place that can hold one.
fn views() -> Vec<(&'static [&'static str], &'static str, Value)> {
    let cell = json!({ "field": "what", "granted": "g", "depth": "d", "hits": ["h"],
        "struck": [{ "text": "t", "reason": "r", "hint": "h" }] });
    let column = json!({ "party": "p", "goes": true, "held": null, "basis": "agreement x", "nothing_new": false,
        "handling": ["h"], "digest": "d", "bytes": 1, "cells": [cell] });
    let held = json!({ "party": "p", "goes": false, "held": "why", "basis": "nothing", "cells": [cell] });
    let entry = json!({
        "entry": "e/1", "writer": "w", "kind": "warning.released", "written": "2026-12-10T11:30:00Z", "digest": "d",
        "channel_use": "actual", "receipt": { "size": 1, "root": "r", "at": "2026-12-10T11:30:00Z" },
        "release": release_line(), "actions": [{ "id": 1, "kind": "k", "text": "t", "by": "b" }], "body": null,
        "warning": { "title": "t", "header": { "purpose": "p", "agreement": "a", "handling": { "tlp": "odd", "k": "v" } },
            "fields": [{ "path": "what", "text": "t", "depth": "d" }, { "path": "grade", "text": "t" }],
            "specificity": [["what", "words"]] },
        "answers": [
            { "answer": "disposed", "entry": "e", "said": { "disposition": "d", "role": "r", "text": "t" } },
            { "answer": "outcome", "entry": "e", "said": { "event": "e", "text": "t", "open_questions": ["q"],
                "counts": [{ "measure": "m", "value": 0, "basis": "b", "counter": "c", "period": "p" }],
                "subjects": { "declared": 1, "counter": "c", "groups": [{ "status": "s", "number": 1, "asserted_by": "a" }] } } },
            { "answer": "thanks", "entry": "e", "said": { "text": "t", "odd": [{ "key": "value" }, "item"] } },
        ],
    });
    let other = json!({ "entry": "e/1", "writer": "w", "kind": "other", "channel_use": "actual", "answers": [],
        "body": { "text": "t", "more": { "deep": ["x"] } } });
    let partner = json!({ "name": "n", "address": "a", "contact": "c", "state": "unconfirmed", "trouble": "t", "waiting": 2,
        "channels": [{ "origin": "o", "side": "ours", "channel_use": "u", "state": "frozen", "reason": "r", "size": 1 }],
        "domains": [{ "domain": "d", "state": "s", "ours": "o", "theirs": "t", "pilot_scope": ["p"] }] });
    let agreement = json!({ "hash": "h", "with": "w", "proposed_by": "p", "state": "proposed", "terms": {
        "legal_basis": "l", "domains": { "cyber": { "state": "s", "kinds": ["k"], "assurances": ["a"] } } } });
    vec![
        (
            &["warning", "preview", "w-1", "--to", "b.example"],
            "/v1/warning/preview",
            json!({
            "warning": "w", "title": "t", "proposal": "p", "digest": "d", "columns": [column, held] }),
        ),
        (&["show", "2e9dc61f/2"], "/v1/entry/show", entry),
        (&["show", "2e9dc61f/2"], "/v1/entry/show", other),
        (&["inbox"], "/v1/inbox", json!([release_line()])),
        (&["sent"], "/v1/sent", json!([release_line()])),
        (
            &["outbox"],
            "/v1/outbox",
            json!([{ "partner": "p", "kind": "x", "since": "2026-12-10T11:30:00Z" }]),
        ),
        (
            &["ledger", "--with", "b.example"],
            "/v1/ledger",
            json!({
            "parties": ["a", "b"], "heads": [{ "giver": "g", "size": 1, "root": "r" }],
            "counts": [{ "giver": "g", "domain": "d", "favour": "warning", "count": 1 }],
            "lines": [{ "entry": "e", "favour": "warning", "giver": "g", "domain": "d", "under": "u", "disposition": "d",
                "usefulness": "u", "contribution": "c", "event": "e" }] }),
        ),
        (
            &["status"],
            "/v1/status",
            json!({ "node": "n", "fingerprint": "f", "words": "w", "clock_unsure": "c", "duty": "d",
            "clocks": [{ "awaited": "a", "about": "b", "partner": "p", "due": "2026-12-10T11:30:00Z", "overdue": true }],
            "troubles": [["p", "t"]], "silent": [{ "partner": "s", "heard_at": null, "minutes": 60 }], "now": "2026-12-10T11:30:00Z" }),
        ),
        (
            &["doctor"],
            "/v1/doctor",
            json!([{ "severity": "fault", "fact": "f", "detail": "d", "hint": "h" }]),
        ),
        (&["partner", "list"], "/v1/partner/list", json!([partner])),
        (&["agreement", "list"], "/v1/agreement/list", json!([agreement])),
        (
            &["undertaking", "list"],
            "/v1/undertaking/list",
            json!([{ "entry": "e", "by": "b", "to": "t", "accepted": false,
            "said": { "domain": "d", "text": "t", "protected": [["nationality", "n"]], "harm": ["h"] } }]),
        ),
        (
            &["warning", "list"],
            "/v1/warning/list",
            json!([{ "warning": "w", "state": "graded", "status": "actual",
            "title": "t", "case": "c", "author": "a", "domain": "d", "precedence": "p" }]),
        ),
        (
            &["warning", "show", "w-1"],
            "/v1/warning/show",
            json!({
            "line": { "warning": "w", "state": "active", "status": "actual", "title": "t", "author": "a" },
            "ladders": [{ "path": "what", "rungs": ["r"] }], "sources": 1, "duty": "d",
            "proposals": [{ "proposal": "p", "state": "proposed", "author": "a", "digest": "d", "recipients": ["r"] }],
            "copies": [{ "recipient": "r", "delivery": "d" }], "decisions": [{ "kind": "approve", "by": "b", "basis": "t" }] }),
        ),
        (
            &["pending"],
            "/v1/pending/list",
            json!({
            "acts": [{ "id": "q", "what": "w", "digest": "d", "standing": "waiting", "proposed_by": "p" }],
            "proposals": [{ "proposal": "p", "warning": "w", "author": "a", "digest": "d", "recipients": ["r"] }] }),
        ),
        (
            &["person", "list"],
            "/v1/person/list",
            json!([{ "name": "n", "roles": ["r"], "state": "active", "fingerprint": "f" }]),
        ),
        (&["roster", "show"], "/v1/roster/show", json!([{ "name": "n", "phone": "p" }])),
        (
            &["audit"],
            "/v1/audit/show",
            json!([{ "seq": 1, "who": "w", "act": "a", "about": "b", "detail": { "k": "v" },
            "marks": ["m"] }]),
        ),
        (&["card"], "/v1/card", json!({ "card": "c" })),
        (
            &["receipt", "show", "2e9dc61f/2"],
            "/v1/receipt/show",
            json!({
            "entry": "e/1", "kind": "k", "giver": "g", "receiver": "r", "channel_use": "actual", "erased": false,
            "written": "2026-12-10T11:30:00Z", "receipt": { "size": 1, "root": "r", "at": "2026-12-10T11:30:00Z" } }),
        ),
        (
            &["evidence", "list"],
            "/v1/evidence/list",
            json!([
            { "id": 2, "giver": "g", "receiver": "r", "channel_use": "u", "frozen": true, "what": "w", "accused": "a",
                "at": "2026-12-10T11:30:00Z", "parcel_bytes": 7, "no_proof": null, "next": "n" },
            { "id": 1, "giver": "g", "receiver": "r", "channel_use": "u", "frozen": false, "what": "w", "accused": null,
                "at": "2026-12-10T11:30:00Z", "parcel_bytes": null, "no_proof": "p", "next": "n" }]),
        ),
        (&["whoami"], "/v1/session/show", json!({ "name": "n", "roles": ["desk"] })),
    ]
}

#[test]
fn nothing_that_cannot_be_seen_reaches_the_terminal_out_of_any_answer() {
    for (words, path, answer) in views() {
        let node = Node::answering(vec![(path, 200, said(poisoned(answer)))]);
        for form in [vec![], vec!["--json"]] {
            let output = node.run(&[words, &form].concat());
            // What the doctor finds is an exit status as well.
            let expected = i32::from(words == ["doctor"]);
            assert_eq!(output.status.code(), Some(expected), "{words:?}: {}", complained(&output));
            let text = printed(&output);
            assert!(!text.is_empty() && text.contains("202e"), "{words:?} shows nothing of it: {text}");
            let seen = text.chars().all(|c| c == '\n' || !is_unseen(c));
            assert!(seen, "{words:?} {form:?}: {text:?}");
        }
    }
}

#[test]
fn a_refusal_is_printed_in_three_parts_without_what_cannot_be_seen() {
    let refusal = json!({ "error": { "code": "unconfirmed", "fact": format!("fact {EVIL}"), "detail": "one\ntwo", "hint": "do" } });
    let node =
        Node::answering(vec![("/v1/inbox", 422, said(refusal.clone())), ("/v1/sent", 503, said(refusal))]);
    let output = node.run(&["inbox"]);
    assert_eq!(output.status.code(), Some(1));
    let text = complained(&output);
    assert!(text.starts_with("error: fact x") && text.ends_with("\n  one\n  two\nhint: do\n"), "{text}");
    assert!(text.chars().all(|c| c == '\n' || !is_unseen(c)), "{text:?}");
    assert!(printed(&output).is_empty());
    let output = node.run(&["--json", "inbox"]);
    assert_eq!(output.status.code(), Some(1));
    let error: Value = serde_json::from_str(&printed(&output)).unwrap();
    assert_eq!(error["error"]["code"], "unconfirmed");
    assert!(complained(&output).is_empty());
    assert_eq!(node.run(&["sent"]).status.code(), Some(4), "what the caller cannot mend");
}

#[test]
fn a_node_that_does_not_run_is_told_from_one_that_is_not_there() {
    let root = tempfile::tempdir().unwrap();
    let none = forewarn(root.path()).arg("status").output().unwrap();
    assert_eq!(none.status.code(), Some(3));
    assert!(complained(&none).contains("hint: `forewarn init`"), "{}", complained(&none));
    std::fs::write(root.path().join("node.json"), "{}").unwrap();
    let stopped = forewarn(root.path()).args(["--json", "status"]).output().unwrap();
    assert_eq!(stopped.status.code(), Some(3));
    let error: Value = serde_json::from_str(&printed(&stopped)).unwrap();
    assert_eq!(error["error"]["hint"], "start it with `forewarn serve`");
}

#[test]
fn a_login_keeps_its_token_for_its_owner_and_never_prints_it() {
    let token = "secret-token-of-this-session";
    let opened =
        json!({ "token": token, "name": "desk-1", "roles": ["desk"], "until": "2027-01-01T00:00:00Z" });
    let node = Node::answering(vec![
        ("/v1/session/login", 200, said(opened)),
        ("/v1/session/show", 200, said(json!({ "name": "desk-1", "roles": ["desk"] }))),
        ("/v1/session/logout", 200, said(json!({ "done": true }))),
    ]);
    let passphrase = node.data.join("passphrase");
    std::fs::write(&passphrase, "four words of it\n").unwrap();
    for form in ["--json", "--data"] {
        let mut words = vec!["login", "desk-1", "--passphrase-file", passphrase.to_str().unwrap()];
        words.extend((form == "--json").then_some("--json"));
        let output = node.run(&words);
        assert!(output.status.success(), "{}", complained(&output));
        assert!(
            !printed(&output).contains(token) && printed(&output).contains("desk-1"),
            "{}",
            printed(&output)
        );
    }
    let mode = std::fs::metadata(node.session()).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    assert!(node.run(&["whoami"]).status.success());
    assert!(node.run(&["logout"]).status.success());
    assert!(!node.session().exists());
    let asked = node.asked();
    assert_eq!(asked[0].body, json!({ "name": "desk-1", "passphrase": "four words of it" }));
    assert_eq!(asked[0].token, None);
    assert_eq!(asked[2].token.as_deref(), Some(token));
}

#[test]
fn secrets_come_line_by_line_from_standard_input() {
    let opened =
        json!({ "token": "t", "name": "operator", "roles": ["operator"], "until": "2027-01-01T00:00:00Z" });
    let node = Node::answering(vec![("/v1/session/activate", 200, said(opened))]);
    let mut child = forewarn(&node.data)
        .args(["activate", "operator", "--secret-file", "-", "--passphrase-file", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"one-time-secret\nfour words of it\n").unwrap();
    assert!(child.wait().unwrap().success());
    let body = &node.asked()[0].body;
    assert_eq!(
        *body,
        json!({ "name": "operator", "secret": "one-time-secret", "passphrase": "four words of it" })
    );
}

#[test]
fn a_shortened_name_is_looked_up_once_and_a_whole_one_not_at_all() {
    let partners = json!([{ "name": "service-b.example" }, { "name": "service-c.example" }]);
    let ledger = json!({ "parties": ["a", "b"], "heads": [], "counts": [], "lines": [] });
    let node =
        Node::answering(vec![("/v1/partner/list", 200, said(partners)), ("/v1/ledger", 200, said(ledger))]);
    assert!(node.run(&["ledger", "--with", "service-b"]).status.success());
    assert!(node.run(&["ledger", "--with", "service-c.example"]).status.success());
    let asked = node.asked();
    let paths: Vec<&str> = asked.iter().map(|a| a.path.as_str()).collect();
    assert_eq!(paths, ["/v1/partner/list", "/v1/ledger", "/v1/ledger"]);
    assert_eq!(asked[1].body, json!({ "with": "service-b.example" }));
    let unknown = node.run(&["ledger", "--with", "servce-b"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(complained(&unknown).contains("did you mean service-b.example ?"), "{}", complained(&unknown));
}

#[test]
fn the_ledger_of_both_sides_is_printed_in_the_same_bytes() {
    let one = r#"{"parties":["a","b"],"heads":[{"giver":"a","size":1,"root":"r"}],"lines":[],"counts":[]}"#;
    let other = r#"{ "counts": [], "lines": [], "heads": [{"root":"r","size":1,"giver":"a"}], "parties": ["a","b"] }"#;
    let print = |answer: &str, words: &[&str]| {
        printed(&Node::answering(vec![("/v1/ledger", 200, answer.to_owned())]).run(words))
    };
    for words in [&["--json", "ledger", "--with", "b.example"][..], &["ledger", "--with", "b.example"]] {
        assert_eq!(print(one, words), print(other, words));
    }
}

#[test]
fn a_warning_under_an_undertaking_names_it_by_its_whole_origin() {
    let whole = format!("{}/4", "2e9dc61f".repeat(8));
    let entry = json!({ "entry": whole, "kind": "undertaking.declared" });
    let wrote = json!({ "warning": "w-1", "state": "graded", "persons_stopped": [], "sources_sealed": 0 });
    let node =
        Node::answering(vec![("/v1/entry/show", 200, said(entry)), ("/v1/warning/write", 200, said(wrote))]);
    let file = node.data.join("warning.json");
    let template = forewarn(&node.data).args(["warning", "template"]).output().unwrap();
    std::fs::write(&file, &template.stdout).unwrap();
    let output = node.run(&["warning", "write", file.to_str().unwrap(), "--under", "2e9dc61f/4"]);
    assert!(output.status.success(), "{}", complained(&output));
    let body = &node.asked()[1].body;
    let sent: Value = serde_json::from_str(body["text"].as_str().unwrap()).unwrap();
    assert_eq!(
        sent["under"],
        json!({ "origin": format!("forewarn/log/{}", "2e9dc61f".repeat(8)), "index": 4 })
    );
    assert_eq!(sent["harm"], json!(["killing"]));
}

#[test]
fn a_wrong_word_ends_with_two_and_names_the_nearest() {
    let root = tempfile::tempdir().unwrap();
    let output = forewarn(root.path()).arg("inbax").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(complained(&output).contains("'inbox'"), "{}", complained(&output));
    let json =
        forewarn(root.path()).args(["--json", "dispose", "e/1", &format!("accept{EVIL}")]).output().unwrap();
    assert_eq!(json.status.code(), Some(2));
    let text = printed(&json);
    assert!(text.chars().all(|c| c == '\n' || !is_unseen(c)), "{text:?}");
    let error: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(error["error"]["code"], "usage");
}

#[test]
fn what_needs_no_node_works_without_one() {
    let root = tempfile::tempdir().unwrap();
    for words in [
        &["--version"][..],
        &["help"],
        &["help", "warning", "preview"],
        &["completions", "bash"],
        &["warning", "template"],
        &["agreement", "template"],
        &["outcome", "template"],
        &["--json", "outcome", "template"],
    ] {
        let output = forewarn(root.path()).args(words).output().unwrap();
        assert!(output.status.success() && !output.stdout.is_empty(), "{words:?}: {}", complained(&output));
    }
    assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0, "nothing is written");
}

#[test]
fn a_reader_that_has_gone_ends_a_command_quietly_and_a_full_disk_does_not() {
    let root = tempfile::tempdir().unwrap();
    let mut child = forewarn(root.path())
        .args(["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{}", complained(&output));
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = forewarn(root.path()).args(["completions", "bash"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(4));
}
