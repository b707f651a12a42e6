//! The node's audit trail: every act leaves its line in the transaction in which it was done (I-12), and whoever holds
//! oversight or operator authority can read it (I-40).
//!
//! The lines are leaves of a tree like those of the channels. [`check`] makes the tree again from the texts: a line
//! that was changed, taken out or put in shows, unless whoever did it made the whole tree again.

use std::fmt;

use jiff::Timestamp;
use model::caller::Person;
use model::plain::{is_unseen, plain_line};
use model::vocab::Role;
use serde_json::Value;
use store::{Act, AuditLine, AuditRecord, StoreError, View, audit_leaf};
use tlog::tree::CompactRange;

use crate::caller::needs;
use crate::house::House;
use crate::refusal::Refusal;

/// The most lines that one reading gives.
const LINES_MAX: u32 = 1_000;
/// The longest `about` that is kept, in characters; the rest is cut.
const ABOUT_CHARS_MAX: usize = 200;
/// The largest detail, in bytes of JSON.
const DETAIL_BYTES_MAX: usize = 4_096;
/// The most faults that one check names.
const FAULTS_MAX: usize = 20;

/// What stands out about an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// One person did what takes two, because the node was being set up.
    Bootstrap,
    /// One person did what takes two, to save life.
    ImminentDanger,
    /// A rule was set aside, with a reason.
    Override,
    /// The persecution guard stopped a person; a legal review looks at it.
    PersonStopped,
}

impl Mark {
    /// The word as it stands in the trail.
    pub fn word(self) -> &'static str {
        match self {
            Self::Bootstrap => "bootstrap",
            Self::ImminentDanger => "imminent_danger",
            Self::Override => "override",
            Self::PersonStopped => "person_stopped",
        }
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Adds a line to the trail, in the transaction of the act that it tells of.
///
/// `who`: a login name, a partner's name, or `node`. `act`: words joined by dots, as `person.grant`. `about`: the id or
/// name it was done to. `detail`: more, without any source, body, token, passphrase, one-time secret or person-subject:
/// operators and oversight read it.
pub fn note(
    tx: &mut Act<'_>,
    now: Timestamp,
    who: &str,
    act: &str,
    about: &str,
    detail: Value,
    marks: &[Mark],
) -> Result<(), Refusal> {
    let detail = seen_json(&detail);
    if detail.len() > DETAIL_BYTES_MAX {
        let fact = format!("{} bytes of detail for {act}; {DETAIL_BYTES_MAX} are allowed", detail.len());
        return Err(Refusal::ours(fact));
    }
    let one_line = |text: &str| -> String { plain_line(text).chars().take(ABOUT_CHARS_MAX).collect() };
    tx.append_audit(&AuditLine {
        at: now,
        who: one_line(who),
        act: one_line(act),
        about: one_line(about),
        detail,
        marks: marks.iter().map(|mark| mark.word()).collect::<Vec<_>>().join(","),
    })?;
    Ok(())
}

/// JSON on one line in which every character can be seen.
fn seen_json(value: &Value) -> String {
    let mut out = String::new();
    for c in value.to_string().chars() {
        if is_unseen(c) {
            // Such a character can only stand inside a string, where this is another spelling of it.
            let mut units = [0; 2];
            out.extend(c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            out.push(c);
        }
    }
    out
}

/// A line of the trail, as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrailLine {
    /// Its 0-based index.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// A login name, a partner's name, or `node`.
    pub who: String,
    /// What was done.
    pub act: String,
    /// The id or name it was done to.
    pub about: String,
    /// More, as JSON on one line.
    pub detail: String,
    /// What stands out about it, as words.
    pub marks: Vec<String>,
}

impl From<AuditRecord> for TrailLine {
    fn from(AuditRecord { seq, line, .. }: AuditRecord) -> Self {
        let AuditLine { at, who, act, about, detail, marks } = line;
        let marks = marks.split(',').filter(|mark| !mark.is_empty()).map(str::to_owned).collect();
        Self { seq, at, who, act, about, detail, marks }
    }
}

/// The lines from index `from`, oldest first; at most `limit`, and never more than 1,000. For oversight and operators.
pub fn trail(house: &House, caller: &Person, from: u64, limit: u32) -> Result<Vec<TrailLine>, Refusal> {
    needs(caller, &[Role::Oversight, Role::Operator], "read the audit trail")?;
    let lines = house.store.view(|view| view.audit_lines(from, limit.min(LINES_MAX)))?;
    Ok(lines.into_iter().map(TrailLine::from).collect())
}

/// What a check of the whole trail found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrailCheck {
    /// How many lines there are.
    pub lines: u64,
    /// The root of the tree made again from their texts, in base64.
    pub root: String,
    /// What is wrong, at most the first twenty; empty when the trail is as it was written.
    pub faults: Vec<TrailFault>,
}

impl TrailCheck {
    /// Whether the trail is as it was written, as far as this node alone can tell.
    pub fn is_sound(&self) -> bool {
        self.faults.is_empty()
    }

    fn add(&mut self, seq: u64, what: &'static str) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(TrailFault { seq, what });
        }
    }
}

/// What is wrong with the trail at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrailFault {
    /// The index of the line; the number of lines where the tree as a whole is wrong.
    pub seq: u64,
    /// What is wrong.
    pub what: &'static str,
}

/// Makes the tree again from the texts of all lines and compares: columns with text, text with leaf, leaves with the
/// root kept with the newest line.
pub fn check(house: &House) -> Result<TrailCheck, Refusal> {
    Ok(house.store.view(check_in)?)
}

/// As [`check`], of the trail in a store that no node runs on: a backup.
pub fn check_in(view: &View<'_>) -> Result<TrailCheck, StoreError> {
    let mut made = CompactRange::new();
    let mut found = TrailCheck { lines: 0, root: String::new(), faults: Vec::new() };
    let mut from = 0;
    loop {
        let lines = view.audit_lines(from, LINES_MAX)?;
        let Some(last) = lines.last() else { break };
        from = last.seq + 1;
        for record in &lines {
            check_line(&mut found, made.size(), record);
            made.append(audit_leaf(&record.text));
        }
    }
    found.lines = made.size();
    found.root = made.root().to_string();
    let kept = view.audit_range()?;
    if kept.size() != made.size() {
        found.add(made.size(), "the number of lines is not the one kept with the newest line");
    } else if kept != made {
        found.add(made.size(), "the lines do not give the root kept with the newest line");
    }
    Ok(found)
}

fn check_line(found: &mut TrailCheck, expected_seq: u64, record: &AuditRecord) {
    if record.seq != expected_seq {
        found.add(record.seq, "a line before it is missing");
    }
    if record.line.text(record.seq) != record.text {
        found.add(record.seq, "what its columns say is not its text");
    }
    if audit_leaf(&record.text) != record.leaf {
        found.add(record.seq, "its text is not the one its leaf was made of");
    }
}
