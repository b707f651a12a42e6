//! What only several objects show: a version that comes twice, markings that mark each other, and what is wrong with the
//! bundle around them.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use super::finding::*;
use crate::read::{Id, RawObject, Value, Wrapper};

/// The objects of one file, one after another. It keeps 8 bytes of each version, of at most two million versions.
#[derive(Debug, Default)]
pub struct Series {
    versions: BTreeSet<u64>,
    /// Each marking definition, with those that mark it.
    marked: BTreeMap<String, Vec<String>>,
}

/// So many versions are remembered; later ones are not looked for twice.
const VERSIONS_MAX: usize = 2_000_000;
/// So many marking definitions are looked at for circles.
const MARKINGS_MAX: usize = 10_000;

impl Series {
    /// Takes the next object, and adds what it shows beside those before it.
    pub fn takes(&mut self, object: &RawObject<'_>, findings: &mut Vec<Finding>) {
        let Some(text) = object.property("id").and_then(Value::text) else { return };
        let Some(id) = Id::read(&text) else { return };
        let modified = object.property("modified").and_then(Value::text).unwrap_or_default();
        let mut hasher = DefaultHasher::new();
        (id.kind(), id.uuid().as_u128(), &*modified).hash(&mut hasher);
        let room = self.versions.len() < VERSIONS_MAX;
        if room && !self.versions.insert(hasher.finish()) {
            let detail = format!("this version of {id} stands there twice");
            findings.push(found(&VERSION_TWICE, "$.id", detail));
        }
        if id.kind() == "marking-definition" && self.marked.len() < MARKINGS_MAX {
            let by = object.property("object_marking_refs").map(Value::items).into_iter().flatten();
            let by = by.filter_map(|item| Some(Id::read(&item.text()?)?.to_string())).collect();
            self.marked.insert(id.to_string(), by);
        }
    }

    /// What is wrong with the wrapper of the objects before (§8).
    pub fn wrapped(&self, wrapper: &Wrapper) -> Vec<Finding> {
        let mut findings = Vec::new();
        let member = |name: &str| wrapper.members.iter().any(|(key, _)| key == name);
        if !wrapper.is_map || (!member("type") && !member("id")) {
            return findings;
        }
        match wrapper.text("type").as_deref() {
            Some("bundle") => {}
            Some(_) | None if member("type") => {
                findings.push(found(&WRONG_KIND, "$.type", "what holds `objects` is no bundle".to_owned()));
            }
            _ => findings.push(found(&MISSING, "$.type", "`type` is missing".to_owned())),
        }
        match wrapper.text("id") {
            None if member("id") => {
                findings.push(found(&WRONG_KIND, "$.id", "it is wanted as a string".to_owned()));
            }
            None => findings.push(found(&MISSING, "$.id", "`id` is missing".to_owned())),
            Some(text) => match Id::read(&text) {
                None => findings.push(found(&MALFORMED_ID, "$.id", format!("`{text}` is no id"))),
                Some(id) if id.kind() != "bundle" => {
                    findings.push(found(&OTHER_TYPE, "$.id", format!("the id is one of a {}", id.kind())));
                }
                Some(_) => {}
            },
        }
        if wrapper.held == 0 {
            findings.push(found(&EMPTY_LIST, "$.objects", "the list is empty".to_owned()));
        }
        for (name, _) in wrapper.members.iter().filter(|(name, _)| name != "type" && name != "id") {
            let detail = format!("`{name}` is no property of a bundle");
            findings.push(found(&CUSTOM_PROPERTY, &format!("$.{name}"), detail));
        }
        findings
    }

    /// The marking definitions that are marked, over others, with themselves (§7.2).
    pub fn circles(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (start, by) in &self.marked {
            let mut seen = BTreeSet::new();
            // What is marked with itself at once was found with the object.
            let mut next: Vec<&String> = by.iter().filter(|id| *id != start).collect();
            while let Some(id) = next.pop() {
                if id == start {
                    let detail = format!("{start} is marked, over others, with itself");
                    findings.push(found(&MARKS_ITSELF, "$.object_marking_refs", detail));
                    break;
                }
                if seen.insert(id) {
                    next.extend(self.marked.get(id).into_iter().flatten());
                }
            }
        }
        findings
    }
}

fn found(rule: &'static Rule, path: &str, detail: String) -> Finding {
    let section = if rule.section == "3.2" || rule.section == "2" { "8" } else { rule.section };
    Finding { rule, path: path.to_owned(), detail, section, at: 0 }
}
