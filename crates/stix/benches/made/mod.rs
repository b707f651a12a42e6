//! The bundle that the benches read.

use std::fmt::Write;

/// How many objects are made.
const OBJECTS: u32 = 20_000;

/// The bundle in the file that `STIX_BUNDLE` names, else one of relationships and attack patterns, nine to one, of the
/// sizes that large public bundles have.
#[allow(clippy::disallowed_methods, reason = "a bench is told by a variable what to read")]
pub(crate) fn bundle() -> Vec<u8> {
    match std::env::var_os("STIX_BUNDLE") {
        Some(path) => std::fs::read(path).unwrap(),
        None => made(),
    }
}

fn made() -> Vec<u8> {
    let id = |n: u32| format!("{n:08x}-0000-4000-8000-000000000000");
    let words = "A service may look for open doors in what it was shown, and \\\"say so\\\" in a way that others read. ";
    let mut out = String::from(
        "{\"type\":\"bundle\",\"id\":\"bundle--00000000-0000-4000-8000-000000000000\",\"objects\":[",
    );
    for n in 0..OBJECTS {
        let comma = if n == 0 { "" } else { "," };
        let (kind, own) = if n % 10 == 0 {
            let own = format!(
                "\"name\":\"Way {n}\",\"kill_chain_phases\":[{{\"kill_chain_name\":\"chain\",\"phase_name\":\"look\"}}],\
                 \"x_example_platforms\":[\"one\",\"two\"],\"x_example_is_part\":false,"
            );
            ("attack-pattern", own)
        } else {
            let own = format!(
                "\"relationship_type\":\"uses\",\"source_ref\":\"malware--{}\",\"target_ref\":\"attack-pattern--{}\",",
                id(n),
                id(n - n % 10)
            );
            ("relationship", own)
        };
        let description = words.repeat(if n % 10 == 0 { 16 } else { 3 });
        let _ = write!(
            out,
            "{comma}{{\"type\":\"{kind}\",\"id\":\"{kind}--{}\",\"created\":\"2020-01-02T03:04:05.678Z\",\
             \"modified\":\"2021-01-02T03:04:05.678Z\",\"created_by_ref\":\"identity--{}\",\"spec_version\":\"2.1\",\
             \"revoked\":false,{own}\"description\":\"{description}\",\"external_references\":[{{\"source_name\":\"Paper\",\
             \"description\":\"Someone: a paper about it.\",\"url\":\"https://paper.example/{n}\"}}],\
             \"object_marking_refs\":[\"marking-definition--{}\"]}}",
            id(n),
            id(1),
            id(2),
        );
    }
    out.push_str("]}");
    out.into_bytes()
}
