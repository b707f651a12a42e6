//! Two nodes without a line: somebody carries files.

use std::fs;

use serde_json::Value;

use super::{arrived_once, one_ledger, times, warned};
use crate::demo::check::{Failed, Telling, at, list, text, with};
use crate::demo::node::{Node, shown, world};
use crate::demo::play::{DESK, LIAISON, World};

const TITLE: &str = "Courier of the group crosses the border";

/// Packed by A, opened by B, settled by A, twice; then the line is taken up again.
pub(crate) fn carried(play: &mut World, tell: &mut Telling) -> Result<(), Failed> {
    let (a, b) = (&play.a, &play.b);
    carriage(a, b, "file")?;
    let heard = heard_of(b, a)?;
    let digest = warned(play, TITLE)?;
    let folder = a.handed("stick");
    fs::create_dir(&folder).map_err(|e| world(&format!("to make {}", folder.display()), &e))?;
    let stick = shown(&folder);
    let waiting = a.ask(DESK, &["status"])?;
    tell.equal("A says that it waits to be carried", at(&waiting, "/carried/0/1")?.clone(), "file")?;
    let packed = a.ask(DESK, &["carry", "pack", &b.name, "--to", &stick])?;
    let parcels = paths(&stick, &packed, "/name")?;
    tell.equal("one parcel is packed", parcels.len(), 1)?;
    let again = a.ask(DESK, &["carry", "pack", &b.name, "--to", &stick])?;
    tell.equal(
        "packed again it lies beside the first and never over it",
        text(&again, "/files/0/beside")?,
        text(&packed, "/files/0/name")?,
    )?;
    tell.equal("B has nothing of it yet", times(b, TITLE)?, 0)?;
    tell.equal("and nothing went over the line", heard_of(b, a)?, heard)?;

    let opened = b.ask(DESK, &with_files(&["carry", "open"], &parcels, &["--to", &stick]))?;
    tell.equal("B takes it", at(&opened, "/files/0/taken")?.clone(), true)?;
    let receipts = paths(&stick, &opened, "/answer/name")?;
    let settle = with_files(&["carry", "settle"], &receipts, &[]);
    let settled = a.ask(DESK, &settle)?;
    tell.equal("A takes the receipt", at(&settled, "/files/0/taken")?.clone(), true)?;
    let receipt = arrived_once(play, TITLE, &digest, tell)?;
    let before = standing(a, b, &receipt.entry)?;
    a.ask(DESK, &settle)?;
    tell.equal("settled twice, nothing changes", standing(a, b, &receipt.entry)?, before)?;
    carriage(a, b, "push")?;
    one_ledger(a, b, tell)?;
    tell.ran(&["carry", "pack", &b.name, "--to", "stick"]);
    tell.ran(&with_files(&["carry", "open"], &parcels, &["--to", "stick"]));
    tell.ran(&settle);
    tell.say(format!(
        "The parcel is sealed to B. Nothing goes over the line until it is opened; then A holds B's receipt for {} \
         entries, and taking it in twice changes nothing. The line is taken up again.",
        receipt.size
    ));
    tell.fact("entry", receipt.entry);
    Ok(())
}

/// Says on both sides how things are carried from now on.
fn carriage(a: &Node, b: &Node, how: &str) -> Result<(), Failed> {
    for (node, of) in [(a, b), (b, a)] {
        node.ask(LIAISON, &["partner", "carriage", &of.name, how])?;
    }
    Ok(())
}

/// When a node last heard of another over the line.
fn heard_of(node: &Node, other: &Node) -> Result<Value, Failed> {
    let partners = node.ask(LIAISON, &["partner", "list"])?;
    Ok(at(with(list(&partners, "")?, "name", &other.name)?, "/heard_at")?.clone())
}

/// What A holds of its log to B, and of one entry of it.
fn standing(a: &Node, b: &Node, entry: &str) -> Result<Value, Failed> {
    let partners = a.ask(LIAISON, &["partner", "list"])?;
    let channels = at(with(list(&partners, "")?, "name", &b.name)?, "/channels")?.clone();
    Ok(Value::from(vec![channels, a.ask(DESK, &["receipt", "show", entry])?]))
}

/// The files that an answer names, as paths.
fn paths(stick: &str, answer: &Value, name: &str) -> Result<Vec<String>, Failed> {
    list(answer, "/files")?.iter().map(|file| Ok(format!("{stick}/{}", text(file, name)?))).collect()
}

fn with_files<'w>(words: &[&'w str], files: &'w [String], more: &[&'w str]) -> Vec<&'w str> {
    words.iter().copied().chain(files.iter().map(String::as_str)).chain(more.iter().copied()).collect()
}
