//! What is wrong with the node: asked of the node while it runs, and looked for from outside whether or not it does.

use api::input::Nothing;
use clap::Args;
use exchange::view::status::{Finding, Severity, finding};
use serde_json::Value;

use super::answer::Answer;
use super::desk::{Desk, Shown};
use super::failure::{Failure, NO_NODE};
use super::show::status;
use crate::doctor;

/// List what is wrong with the node, and what to do about it
#[derive(Debug, Args)]
#[command(after_help = eg!(
    "forewarn doctor",
    "the user that runs the node; a session to look inside while it runs. Exit status: 0 nothing, 1 findings."
))]
pub(crate) struct Doctor {}

impl Doctor {
    pub(crate) fn run(self, desk: &Desk) -> Result<Shown, Failure> {
        let mut found = doctor::from_outside(&desk.dir);
        let mut inside = Vec::new();
        match desk.ask("/v1/doctor", &Nothing {}) {
            Ok(Answer(Value::Array(all))) => inside = all,
            Ok(_) => return Err(Failure::world("bad_answer", "the node's answer cannot be read")),
            Err(failure) if failure.status == NO_NODE && failure.code == "not_running" => {
                found.extend(doctor::at_rest(&desk.dir, desk.look.now));
                found.push(unanswered(Severity::Warning, failure));
            }
            Err(failure) if failure.code == "not_logged_in" => {
                let hint = "`forewarn login NAME`, then ask again";
                let fact = "the node runs, and nobody is logged in here: it was looked at from outside alone";
                found.push(finding(Severity::Note, fact, hint));
            }
            Err(failure) => found.push(unanswered(Severity::Fault, failure)),
        }
        let all = together(&found, inside)?;
        let answer = Answer(Value::Array(all));
        let sound = !answer.said().has_parts();
        let text = status::doctor(answer.said(), &desk.look);
        Ok(Shown { sound, ..Shown::of(answer, text) })
    }
}

fn unanswered(severity: Severity, failure: Failure) -> Finding {
    let hint = failure.hint.unwrap_or_else(|| "look at the node's log".to_owned());
    let found = finding(severity, failure.fact, hint);
    match failure.detail {
        Some(detail) => found.detail(detail),
        None => found,
    }
}

/// Both lists as one, the worst first; what both sides see is told once.
fn together(outside: &[Finding], inside: Vec<Value>) -> Result<Vec<Value>, Failure> {
    let mut all = inside;
    for finding in outside {
        let value = serde_json::to_value(finding).map_err(|e| Failure::world("internal", e.to_string()))?;
        if !all.iter().any(|other| other.get("fact") == value.get("fact")) {
            all.push(value);
        }
    }
    let rank = |value: &Value| match value.get("severity").and_then(Value::as_str) {
        Some("fault") => 0,
        Some("warning") => 1,
        _ => 2,
    };
    all.sort_by_key(rank);
    Ok(all)
}
