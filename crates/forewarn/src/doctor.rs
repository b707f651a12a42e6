//! What can be found out about a node from outside: the folder, its files, the keys, the disk; and, while no node runs, the
//! databases and the clock. Nothing is written.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;

use exchange::refusal::Refusal;
use exchange::view::health;
use exchange::view::status::{Finding, Severity, finding};
use jiff::Timestamp;
use store::Places;

use crate::data_dir::DataDir;

/// What is wrong with the folder, its permissions, the configuration, the keys, the socket and the disk, whether or not
/// the node runs.
pub(crate) fn from_outside(dir: &DataDir) -> Vec<Finding> {
    let mut found = Vec::new();
    found.extend(dir.must_be_private().err().map(as_finding));
    match dir.config().and_then(|config| config.minutes().map(drop)) {
        Ok(()) => {}
        Err(refusal) => found.push(as_finding(refusal)),
    }
    found.extend(dir.keys().err().map(as_finding));
    found.extend(of_socket(dir));
    match store::room(dir.root()) {
        Ok((free, all)) => found.extend(health::of_room(free, all)),
        Err(error) => found.push(as_finding(Refusal::from(error))),
    }
    found.extend(store::sizes(&places(dir)).iter().filter_map(health::of_wal));
    found
}

/// What is wrong with the databases and the clock of a node that does not run.
pub(crate) fn at_rest(dir: &DataDir, now: Timestamp) -> Vec<Finding> {
    let mut found = Vec::new();
    for examined in store::examine(&places(dir)) {
        let name = examined.database;
        if !examined.is_there {
            found.push(missing(name));
        } else if !examined.faults.is_empty() {
            let hint =
                "keep a copy of the folder, and restore from the last backup before you start the node";
            let fact = format!("{name} is damaged");
            found.push(finding(Severity::Fault, fact, hint).detail(examined.faults.join("; ")));
        }
        let acted = examined.acted_until_ms.and_then(|ms| Timestamp::from_millisecond(ms).ok());
        found.extend(acted.and_then(|acted| health::of_last_time(acted, now)));
    }
    found
}

/// Where the databases lie, as far as the configuration can be read.
fn places(dir: &DataDir) -> Places {
    dir.config().map_or_else(|_| Places::in_folder(dir.root()), |config| dir.places(&config))
}

fn missing(name: &str) -> Finding {
    if name == "sources.db" {
        let hint = "the node runs without it; put it back to open or seal sources";
        return finding(Severity::Note, "sources.db is not there", hint);
    }
    if name == "high-water.db" {
        let fact = "the high-water mark is not there";
        let hint = "if its disk is away, bring it back before you start the node: it says how far each log was signed";
        return finding(Severity::Fault, fact, hint);
    }
    let hint =
        "restore it from a backup made at the same time as the rest; the node does not start without it";
    finding(Severity::Fault, format!("{name} is not there"), hint)
}

/// The control socket lets in whoever may write it: its owner alone.
fn of_socket(dir: &DataDir) -> Option<Finding> {
    let path = dir.socket();
    let mode = match fs::metadata(&path) {
        Ok(found) => found.permissions().mode() & 0o777,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return None,
        Err(e) => {
            let hint = "run this as the user that runs the node";
            let fact = format!("{} cannot be looked at", path.display());
            return Some(finding(Severity::Fault, fact, hint).detail(e.to_string()));
        }
    };
    (mode & 0o077 != 0).then(|| {
        let hint = format!("`chmod 600 {}`, and find out who changed it", path.display());
        finding(Severity::Fault, "others may call the node on its control socket", hint)
            .detail(format!("the permissions of {} are {mode:o}", path.display()))
    })
}

/// A refusal of the program itself, as a finding.
pub(crate) fn as_finding(refusal: Refusal) -> Finding {
    let hint = refusal.hint.unwrap_or_else(|| "`forewarn serve` says more when it is started".to_owned());
    let fault = finding(Severity::Fault, refusal.fact, hint);
    match refusal.detail {
        Some(detail) => fault.detail(detail),
        None => fault,
    }
}
