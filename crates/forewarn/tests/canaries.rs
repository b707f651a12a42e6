//! Nothing of content reaches a log or a figure: a whole case is played between three nodes with everything logged, then
//! every word of the warnings, every person, passphrase and token is looked for in what was written.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test may stop at the first surprise"
)]

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

/// Everything that our own crates could say.
const EVERYTHING: &str = "warn,forewarn=trace,api=trace,peer=trace,courier=trace,gate=trace,exchange=trace,\
                          disclosure=trace,store=trace,model=trace,tlog=trace,stix=trace";
/// Keys of the files whose values are words of the program, not of the case.
const VOCABULARY: &[&str] = &["format", "path", "parties", "rel_to", "party", "protectors", "depth", "unit"];

fn forewarn() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_forewarn"));
    command.env("FOREWARN_LOG", EVERYTHING).stdin(Stdio::null());
    command
}

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let all = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    all.filter(|path| path.to_str().unwrap().ends_with(ending)).collect()
}

/// The texts of a file of the case that say something: what a person wrote, not a word of a vocabulary.
fn texts(value: &Value, key: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) if text.contains(' ') && text.len() > 12 && !VOCABULARY.contains(&key) => {
            found.insert(text.clone());
        }
        Value::Array(items) => items.iter().for_each(|item| texts(item, key, found)),
        Value::Object(parts) => parts.iter().for_each(|(key, part)| texts(part, key, found)),
        _ => {}
    }
}

/// What must not be found, each with what it is.
fn canaries(played: &Path) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    let people = played.join("people");
    for (what, ending) in
        [("passphrase", ".passphrase"), ("session token", ".session"), ("one-time secret", ".secret")]
    {
        for file in files(&people, ending) {
            found.push((what, fs::read_to_string(&file).unwrap().trim().to_owned()));
            let name = file.file_name().unwrap().to_str().unwrap().trim_end_matches(ending);
            found.push(("login name", name.split_once('-').unwrap().1.to_owned()));
        }
    }
    let mut words = BTreeSet::new();
    for file in files(&played.join("files"), ".json") {
        texts(&serde_json::from_slice(&fs::read(file).unwrap()).unwrap(), "", &mut words);
    }
    assert!(words.iter().any(|w| w == "Name of Subject 1") && words.len() > 30, "{words:?}");
    found.extend(words.into_iter().map(|text| ("a text of the case", text)));
    // "again" and "guess" are no persons but words that the demo tries in vain.
    found.retain(|(_, word)| word != "again" && word != "guess" && word != "operator");
    found.sort();
    found.dedup();
    assert!(found.len() > 50, "{found:?}");
    found
}

fn page(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n").unwrap();
    let mut all = String::new();
    stream.read_to_string(&mut all).unwrap();
    all
}

/// Runs a node that has played once more, has every desk look at it, and gives its log and its figures.
fn looked_at_again(played: &Path, label: &str) -> String {
    let data = played.join(label);
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let mut config: Value = serde_json::from_slice(&fs::read(data.join("node.json")).unwrap()).unwrap();
    config["metrics"] = json!(address);
    fs::write(data.join("node.json"), config.to_string()).unwrap();
    let mut node = forewarn()
        .args(["--json", "--data"])
        .arg(&data)
        .args(["serve", "--log-format", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(node.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("ready"));
    for who in ["operator", "desk1", "release1"] {
        let say = |words: &[&str]| {
            let passphrase = played.join("people").join(format!("{label}-{who}.passphrase"));
            let mut command = forewarn();
            command
                .arg("--data")
                .arg(&data)
                .arg("--session")
                .arg(played.join(format!("{label}-{who}.again")));
            command.args(words);
            if words[0] == "login" {
                command.arg("--passphrase-file").arg(passphrase);
            }
            command.output().unwrap()
        };
        assert!(say(&["login", who]).status.success());
        for words in [
            &["status"][..],
            &["doctor"],
            &["inbox"],
            &["sent"],
            &["audit", "show"],
            &["person", "list"],
            &["warning", "list"],
            &["warning", "show", "w-00000000000000000000000000"],
            &["ledger", "--with", "service-b"],
        ] {
            say(words);
        }
    }
    let figures =
        [page(&address, "/metrics"), page(&address, "/healthz"), page(&address, "/readyz")].concat();
    assert!(figures.contains("partner=\"service-"), "{figures}");
    assert!(Command::new("kill").args(["-TERM", &node.id().to_string()]).status().unwrap().success());
    let mut log = String::new();
    node.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    assert!(node.wait().unwrap().success());
    assert!(log.contains("an act was done"), "{log}");
    log + &figures
}

#[test]
fn no_text_person_passphrase_or_token_stands_in_a_log_or_a_figure() {
    let folder = tempfile::tempdir().unwrap();
    let played = folder.path().join("played");
    let demo = forewarn().args(["--json", "demo", "--out"]).arg(&played).output().unwrap();
    assert!(demo.status.success(), "{}", String::from_utf8_lossy(&demo.stdout));
    let canaries = canaries(&played);
    for label in ["a", "b", "c"] {
        let log = fs::read_to_string(played.join("people").join(format!("{label}-node.log"))).unwrap();
        assert!(log.contains("DEBUG") && log.contains("door=\"peer\""), "everything was logged: {log}");
        let written = log + &looked_at_again(&played, label);
        for (what, word) in &canaries {
            assert!(!written.contains(word.as_str()), "node {label} wrote {what} {word:?}");
        }
    }
}
