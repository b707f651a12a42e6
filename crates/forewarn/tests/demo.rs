//! The demo is the main job, whole: real processes, real sockets, a database on disk; it checks every claim it prints.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

use std::process::{Command, Stdio};

use serde_json::Value;

#[test]
fn the_demo_plays_the_whole_case_and_every_claim_holds() {
    let done = Command::new(env!("CARGO_BIN_EXE_forewarn"))
        .args(["--json", "demo"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "{told}{}", String::from_utf8_lossy(&done.stderr));
    let told: Value = serde_json::from_str(&told).unwrap();
    let steps = told["steps"].as_array().unwrap();
    assert!(steps.len() >= 12, "{told}");
    assert!(steps.iter().all(|step| step["ok"] == true), "{told}");
}
