//! What anybody does with a file of STIX before it goes anywhere: holds it against the standard. No node is asked.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::Args;
use model::plain::plain_line;
use serde_json::{Value, json};
use stix::read::{BundleReader, Fault, Limits, Piece, RawObject, Value as Part};
use stix::validate::{Finding, Rule, Series, validate};

use super::desk::Shown;
use super::failure::{Failure, REFUSED, USAGE};
use super::surroundings::Surroundings;
use crate::say::{Ink, Look};

/// Of each rule so many findings of a file are shown, where not all are wanted.
const SHOWN_MAX: u64 = 10;

/// Hold files of STIX against the standard, STIX 2.1
#[derive(Debug, Args)]
#[command(after_help = eg!(
    "forewarn validate report.json",
    "nothing: no node, no login, no network. A file may be a bundle, a TAXII envelope, a list, one object, or one of \
     these on each line. Exit status: 0 nothing wrong, 1 something breaks the standard, 2 a file cannot be read or is \
     not JSON."
))]
pub(crate) struct Validate {
    /// The files; - is standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Show every finding, not only the first of each rule, and warnings one by one
    #[arg(long)]
    all: bool,
    /// Let warnings count as errors
    #[arg(long)]
    strict: bool,
}

impl Validate {
    /// What was found, with the exit status.
    pub(crate) fn run(&self, surroundings: &Surroundings, look: &Look) -> Result<(Shown, u8), Failure> {
        if self.files.iter().filter(|file| is_input(file)).count() > 1 {
            return Err(Failure::usage("standard input can be read only once").hint("name - once"));
        }
        let mut told = Vec::new();
        for file in &self.files {
            let mut tale = Tale::new(file, self);
            let read = if is_input(file) {
                tale.read(io::stdin().lock())
            } else {
                File::open(surroundings.absolute(file)).and_then(|file| tale.read(file))
            };
            tale.unread = read.err().map(|e| e.to_string());
            told.push(tale);
        }
        let status = told.iter().map(|tale| tale.status(self.strict)).max().unwrap_or_default();
        let text = told.iter().map(|tale| tale.text(look)).collect::<Vec<_>>().join("\n");
        let json = json!({
            "files": told.iter().map(Tale::json).collect::<Vec<_>>(),
            "clean": status == 0,
        });
        Ok((Shown { text, json, sound: status == 0 }, status))
    }
}

fn is_input(file: &Path) -> bool {
    file.as_os_str() == "-"
}

/// What one file has to tell.
struct Tale {
    file: String,
    all: bool,
    objects: u64,
    errors: u64,
    warnings: u64,
    /// How often each rule is broken, by its code.
    rules: BTreeMap<&'static str, (&'static Rule, u64)>,
    /// What is shown, in the order of the file.
    shown: Vec<Noted>,
    /// Whether a part of it is not JSON.
    broken: bool,
    unread: Option<String>,
}

/// One finding with its place in the file.
struct Noted {
    line: u64,
    byte: u64,
    object: String,
    weight: &'static str,
    code: &'static str,
    name: &'static str,
    path: String,
    detail: String,
    section: &'static str,
    hint: &'static str,
}

impl Tale {
    fn new(file: &Path, asked: &Validate) -> Self {
        let file = if is_input(file) { "standard input".to_owned() } else { file.display().to_string() };
        Self {
            file: plain_line(&file),
            all: asked.all,
            objects: 0,
            errors: 0,
            warnings: 0,
            rules: BTreeMap::new(),
            shown: Vec::new(),
            broken: false,
            unread: None,
        }
    }

    fn read(&mut self, from: impl Read) -> io::Result<()> {
        let mut reader = BundleReader::new(from, Limits::default());
        let mut series = Series::default();
        let mut findings = Vec::new();
        loop {
            let (object, at) = match reader.piece()? {
                None => break,
                Some(Piece::Object(object)) => {
                    self.objects += 1;
                    validate(&object, &mut findings);
                    series.takes(&object, &mut findings);
                    (name(&object), object.at())
                }
                Some(Piece::Wrapper(wrapper)) => {
                    findings.extend(series.wrapped(&wrapper));
                    ("the bundle".to_owned(), wrapper.at)
                }
                Some(Piece::Refused(fault)) => {
                    let line = reader.line(fault.at);
                    self.fault(fault, line);
                    continue;
                }
            };
            for finding in findings.drain(..) {
                let place = at + finding.at as u64;
                self.note(finding, &object, place, |byte| reader.line(byte));
            }
        }
        for finding in series.circles() {
            self.note(finding, "the marking definitions", 0, |_| 1);
        }
        Ok(())
    }

    fn fault(&mut self, fault: Fault, line: u64) {
        self.broken |= fault.code.ends_the_text();
        self.errors += 1;
        self.shown.push(Noted {
            line,
            byte: fault.at,
            object: String::new(),
            weight: "error",
            code: "E001",
            name: fault.code.name(),
            path: format!("at byte {}", fault.at),
            detail: fault.code.said().to_owned(),
            section: "",
            hint: "",
        });
    }

    fn note(&mut self, finding: Finding, object: &str, byte: u64, line: impl Fn(u64) -> u64) {
        let rule = finding.rule;
        let (_, count) = self.rules.entry(rule.code).or_insert((rule, 0));
        *count += 1;
        let few = rule.is_error() && *count <= SHOWN_MAX;
        *(if rule.is_error() { &mut self.errors } else { &mut self.warnings }) += 1;
        if self.all || few {
            self.shown.push(Noted {
                line: line(byte),
                byte,
                object: object.to_owned(),
                weight: if rule.is_error() { "error" } else { "warning" },
                code: rule.code,
                name: rule.name,
                path: plain_line(&finding.path),
                detail: plain_line(&finding.detail),
                section: finding.section,
                hint: rule.hint,
            });
        }
    }

    fn status(&self, strict: bool) -> u8 {
        if self.unread.is_some() || self.broken {
            USAGE
        } else if self.errors > 0 || (strict && self.warnings > 0) {
            REFUSED
        } else {
            0
        }
    }

    fn text(&self, look: &Look) -> String {
        let mut text = String::new();
        for noted in &self.shown {
            let ink = if noted.weight == "error" { Ink::Alarm } else { Ink::Due };
            let of = if noted.object.is_empty() { String::new() } else { format!(" of {}", noted.object) };
            let section =
                if noted.section.is_empty() { String::new() } else { format!(" (§{})", noted.section) };
            text.push_str(&format!(
                "{}:{}: {} {}{of}: {}{section}\n",
                self.file,
                noted.line,
                look.ink(ink, &format!("{} {}", noted.weight, noted.name)),
                noted.path,
                noted.detail
            ));
        }
        if let Some(why) = &self.unread {
            text.push_str(&format!(
                "{}: {}: {}\n",
                self.file,
                look.ink(Ink::Alarm, "cannot be read"),
                plain_line(why)
            ));
            return text;
        }
        let verdict = format!(
            "{}: {}, {}, {}",
            self.file,
            counted(self.objects, "object"),
            counted(self.errors, "error"),
            counted(self.warnings, "warning")
        );
        text.push_str(&look.ink(if self.errors > 0 { Ink::Alarm } else { Ink::Head }, &verdict));
        text.push('\n');
        for (rule, count) in self.rules.values() {
            text.push_str(&format!("  {} {:<24} {count:>8}  {}\n", rule.code, rule.name, rule.hint));
        }
        let hidden = self.warnings > 0 || self.rules.values().any(|(_, count)| *count > SHOWN_MAX);
        if hidden && !self.all {
            text.push_str(&look.ink(Ink::Quiet, "  `--all` shows each with its place\n"));
        }
        text
    }

    fn json(&self) -> Value {
        json!({
            "file": self.file,
            "objects": self.objects,
            "errors": self.errors,
            "warnings": self.warnings,
            "is_json": !self.broken && self.unread.is_none(),
            "unread": self.unread,
            "rules": self.rules.values().map(|(rule, count)| json!({
                "code": rule.code, "name": rule.name, "count": count, "hint": rule.hint,
            })).collect::<Vec<_>>(),
            "findings": self.shown.iter().map(Noted::json).collect::<Vec<_>>(),
        })
    }
}

impl Noted {
    fn json(&self) -> Value {
        json!({
            "line": self.line,
            "byte": self.byte,
            "object": self.object,
            "weight": self.weight,
            "code": self.code,
            "name": self.name,
            "path": self.path,
            "detail": self.detail,
            "section": self.section,
            "hint": self.hint,
        })
    }
}

/// What an object is called where something is said of it.
fn name(object: &RawObject<'_>) -> String {
    let text = |property: &str| object.property(property).and_then(Part::text);
    let name = match (text("id"), text("type")) {
        (Some(id), _) => id.into_owned(),
        (None, Some(kind)) => format!("an object of type {kind} without an id"),
        (None, None) => "an object without type and id".to_owned(),
    };
    plain_line(&name.chars().take(120).collect::<String>())
}

fn counted(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
