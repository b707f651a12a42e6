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
    assert_eq!(steps.len(), 22, "{told}");
    assert!(steps.iter().all(|step| step["ok"] == true && step["checks"].as_u64() > Some(0)), "{told}");
    let names: Vec<&str> = steps.iter().map(|step| step["name"].as_str().unwrap()).collect();
    let bad_day = ["killed", "cut", "carried", "restored", "verified", "rewritten"];
    assert!(names.ends_with(&bad_day), "the bad day comes last: {names:?}");
    assert_eq!(
        steps[21]["facts"]["verdict"],
        "VERIFIED: two signatures of service-c.example cannot both be true"
    );
}
