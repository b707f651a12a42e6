//! How the demo looks: a spinner while a step runs, a few plain lines when it is done, one JSON document for machines.

use std::path::Path;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use model::plain::{plain, plain_line};
use serde_json::{Value, json};

use super::check::{Failed, Telling};
use super::node::{Node, shown};
use super::play::{DESK, INVITED, OPERATOR, World};
use super::{document, failure, milliseconds_since};
use crate::{clock, say};

/// The longest line, in characters.
const WIDTH: usize = 100;
/// How often the spinner turns.
const TURN: Duration = Duration::from_millis(100);

/// What was told so far.
pub(crate) struct Programme {
    json: bool,
    of: usize,
    begun: Timestamp,
    bar: ProgressBar,
    steps: Vec<Value>,
    checks: usize,
}

impl Programme {
    /// Begins, with a line on what is going to happen.
    pub(crate) fn begin(json: bool, of: usize) -> Self {
        let bar = if json { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
            bar.set_style(style);
        }
        let programme = Self { json, of, begun: clock::now(), bar, steps: Vec::new(), checks: 0 };
        programme.line(
            "Forewarn: three services, one warning, one outcome; then a day on which everything goes wrong.",
        );
        programme.line(
            "The people and the plot are made up. The rest happens now, between three nodes, and is checked.",
        );
        programme
    }

    /// An act begins.
    pub(crate) fn act(&self, heading: &str) {
        self.line(&format!("\n{heading}"));
    }

    /// A step begins.
    pub(crate) fn step(&self, claim: &str) {
        self.bar.set_message(format!("{:>2} of {}  {claim}", self.steps.len() + 1, self.of));
        self.bar.enable_steady_tick(TURN);
    }

    /// A step is over.
    pub(crate) fn told(&mut self, name: &str, claim: &str, telling: &Telling, ms: i64, ok: bool) {
        self.bar.disable_steady_tick();
        self.checks += telling.checks;
        self.steps.push(json!({
            "step": self.steps.len() + 1, "name": name, "claim": claim, "facts": telling.facts,
            "checks": telling.checks, "ok": ok, "ms": ms,
        }));
        let number = self.steps.len();
        let time = format!("{:.1} s", ms as f64 / 1000.0);
        let mut lines =
            vec![String::new(), format!("{number:>2}  {claim:<width$}{time:>8}", width = WIDTH - 12)];
        lines.extend(telling.lines.iter().flat_map(|line| wrapped(line)));
        self.line(&lines.join("\n"));
    }

    /// The whole was played; with the nodes that stay up, if any do.
    pub(crate) fn end(&mut self, kept: Option<&World>, out: Option<&Path>) {
        self.bar.finish_and_clear();
        let ms = milliseconds_since(self.begun);
        if self.json {
            let nodes: Vec<Value> = kept.iter().flat_map(|w| [&w.a, &w.b, &w.c]).map(node_document).collect();
            document(&json!({
                "ok": true, "steps": self.steps, "checks": self.checks, "ms": ms, "nodes": nodes,
            }));
            return;
        }
        self.line(&format!(
            "\n{} steps, {} checks, {:.1} seconds. Nothing was mocked: three processes, real keys, TLS, receipts.",
            self.steps.len(),
            self.checks,
            ms as f64 / 1000.0
        ));
        match kept {
            Some(world) => self.line(&how_to_go_on(world)),
            None => {
                if let Some(out) = out {
                    self.line(&format!("The nodes have stopped; their folders stay in {}.", out.display()));
                }
                self.line("Next: `forewarn demo --keep` leaves the three nodes running for you to try the commands.");
                self.line("      README.md says how to make a node of your own.");
            }
        }
    }

    /// Somebody pressed Ctrl-C before the end.
    pub(crate) fn interrupted(&mut self, why: &Failed) {
        if self.json {
            return self.failed(why);
        }
        self.bar.finish_and_clear();
        say::err(&format!(
            "stopped in step {} of {}; the nodes have stopped as well",
            self.steps.len(),
            self.of
        ));
    }

    /// A step failed: which, what was expected, what was found.
    pub(crate) fn failed(&mut self, why: &Failed) {
        self.bar.finish_and_clear();
        if self.json {
            document(&json!({
                "ok": false, "steps": self.steps, "checks": self.checks, "ms": milliseconds_since(self.begun),
                "failed": failure(why),
            }));
            return;
        }
        failed_lines(why, self.steps.len());
    }

    fn line(&self, text: &str) {
        if !self.json {
            // A reader that has gone needs no answer; the play goes on to its end and says how it ended.
            self.bar.suspend(|| drop(say::out(&plain(text))));
        }
    }
}

/// A demo that could not even begin.
pub(crate) fn failed(why: &Failed, json: bool) {
    if json {
        document(&json!({ "ok": false, "steps": [], "failed": failure(why) }));
    } else {
        failed_lines(why, 0);
    }
}

fn failed_lines(why: &Failed, step: usize) {
    let fact = if step == 0 { "the demo could not begin".to_owned() } else { format!("step {step} failed") };
    let detail = format!("expected: {}\nfound:    {}", why.expected, why.found);
    let keep = "`forewarn demo --out DIR` keeps the nodes' folders and logs";
    let own = Some(why.hint.as_str()).filter(|hint| !hint.is_empty());
    let hint = own.into_iter().chain((step > 0).then_some(keep)).collect::<Vec<_>>().join("; ");
    say::err(&say::three_parts(&fact, Some(&detail), Some(hint.as_str()).filter(|hint| !hint.is_empty())));
}

/// The lines of a told line; tables and commands stay as they are.
fn wrapped(line: &str) -> Vec<String> {
    let line = plain_line(line);
    let as_it_is = line.starts_with(' ') || line.starts_with('$');
    let lines = if as_it_is { vec![line] } else { broken(&line, WIDTH - 4) };
    lines.into_iter().map(|l| format!("    {l}")).collect()
}

/// A text broken at its spaces into lines of at most `width` characters; a longer word has a line of its own.
fn broken(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(last) if last.is_empty() => last.push_str(word),
            Some(last) if last.chars().count() + 1 + word.chars().count() <= width => {
                last.push(' ');
                last.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// The longest line of a cell, in characters.
const CELL: usize = 42;

/// A table: cells beside one another, long ones over several lines, numbers to the right.
pub(crate) fn table(rows: &[Vec<String>]) -> Vec<String> {
    let rows: Vec<Vec<Vec<String>>> =
        rows.iter().map(|row| row.iter().map(|cell| broken(cell, CELL)).collect()).collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let widest = |n: usize| {
        let cells = rows.iter().filter_map(|row| row.get(n)).flatten();
        cells.map(|line| line.chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..columns).map(widest).collect();
    let mut lines = Vec::new();
    for row in &rows {
        for n in 0..row.iter().map(Vec::len).max().unwrap_or_default() {
            let cells = row.iter().zip(&widths).map(|(cell, width)| {
                let line = cell.get(n).map(String::as_str).unwrap_or_default();
                let number = !line.is_empty() && line.bytes().all(|b| b.is_ascii_digit());
                if number { format!("{line:>width$}") } else { format!("{line:<width$}") }
            });
            lines.push(format!("  {}", cells.collect::<Vec<_>>().join("   ")).trim_end().to_owned());
        }
    }
    lines
}

fn node_document(node: &Node) -> Value {
    let people = std::iter::once(OPERATOR).chain(INVITED.map(|(who, _)| who));
    let people = people.map(|who| {
        json!({ "name": who, "session": shown(&node.session(who)), "passphrase_file": shown(&node.passphrase(who)) })
    });
    json!({
        "name": node.name, "address": node.address, "data": shown(&node.data()), "people": people.collect::<Vec<_>>(),
    })
}

fn how_to_go_on(world: &World) -> String {
    let program = shown(&world.stage.program);
    let mut text = String::from(
        "\nThe nodes run until you press Ctrl-C. C's channel to A stays frozen, for what was signed with C's keys; the\n\
         rest goes on as ever. In another terminal, for example:\n",
    );
    for node in [&world.a, &world.b, &world.c] {
        let (data, session) = (shown(&node.data()), shown(&node.session(DESK)));
        let what: &[&str] =
            if node.name == world.a.name { &["warning list", "evidence list", "doctor"] } else { &["inbox"] };
        text.push_str(&format!("\n  {}\n", node.name));
        for what in what {
            text.push_str(&format!("    {program} --data {data} --session {session} {what}\n"));
        }
    }
    let names: Vec<&str> = std::iter::once(OPERATOR).chain(INVITED.map(|(who, _)| who)).collect();
    let folder = shown(&world.stage.folder);
    text.push_str(&format!(
        "\nPeople on each node: {}.\n\
         Node x in a, b, c and person NAME: --data {folder}/x --session {folder}/people/x-NAME.session\n\
         Their passphrases are in {folder}/people/x-NAME.passphrase; to log in again:\n    \
         {program} --data {folder}/a --session {folder}/people/a-{DESK}.session login {DESK} \\\n      \
         --passphrase-file {folder}/people/a-{DESK}.passphrase",
        names.join(", ")
    ));
    text
}
