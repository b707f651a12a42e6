//! `forewarn validate`, as a script before a commit meets it: the real program, its output and its exit status.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

const TOOL: &str = "{\"type\":\"tool\",\"spec_version\":\"2.1\",\"id\":\"tool--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f\",\
    \"created\":\"2020-01-01T00:00:00.000Z\",\"modified\":\"2020-01-01T00:00:00.000Z\",\"name\":\"T\"}";

/// The exit status, and what was printed.
fn validated(folder: &Path, args: &[&str], input: &str) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_forewarn"));
    command.env_clear().current_dir(folder).arg("validate").args(args);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn the_exit_status_tells_clean_from_wrong_from_unusable() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("clean.json", &format!("[{TOOL}]"));
    write("wrong.json", &TOOL.replace("\"name\"", "\"title\""));
    write("advised.json", &TOOL.replace("\"name\"", "\"x_note\":1,\"name\""));
    write("broken.json", "{\"type\":");
    let status = |args: &[&str]| validated(folder.path(), args, "").0;
    assert_eq!(status(&["clean.json"]), 0);
    assert_eq!(status(&["clean.json", "wrong.json"]), 1);
    assert_eq!(status(&["advised.json"]), 0);
    assert_eq!(status(&["advised.json", "--strict"]), 1);
    assert_eq!(status(&["wrong.json", "broken.json"]), 2);
    assert_eq!(status(&["nowhere.json"]), 2);
    assert_eq!(status(&["-", "-"]), 2);
}

#[test]
fn each_finding_has_its_line_its_path_and_the_section_of_the_standard() {
    let folder = tempfile::tempdir().unwrap();
    let lines = format!("{TOOL}\n{}\n{{\"a\":1,\"a\":2}}\nno json\n", TOOL.replace("\"T\"", "7"));
    let (status, text) = validated(folder.path(), &["-"], &lines);
    assert_eq!(status, 2);
    assert!(text.contains("standard input:2: error wrong-kind $.name of tool--8e2e2d2b"), "{text}");
    assert!(text.contains("(§4.18)") && text.contains("standard input:3: error duplicate-key"), "{text}");
    assert!(text.contains("standard input:4: error not-json"), "{text}");
    let (_, json) = validated(folder.path(), &["-", "--json", "--all"], &lines);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let file = json.pointer("/files/0").unwrap();
    assert_eq!(
        (&file["objects"], &file["is_json"], &json["clean"]),
        (&2.into(), &false.into(), &false.into())
    );
    let names: Vec<&str> =
        file["findings"].as_array().unwrap().iter().map(|each| each["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["wrong-kind", "version-twice", "duplicate-key", "not-json"]);
}

#[test]
fn what_a_file_says_reaches_the_terminal_made_visible() {
    let folder = tempfile::tempdir().unwrap();
    let (_, text) = validated(folder.path(), &["-"], &TOOL.replace("tool--8e", "\\u001b[31m"));
    assert!(!text.contains('\u{1b}') && text.contains("\\u{1b}[31m"), "{text}");
}
