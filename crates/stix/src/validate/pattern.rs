//! The one place where a pattern is parsed for validation.

use super::finding::{PATTERN, PATTERN_ADVICE, Rule};
use crate::pattern::Pattern;
use crate::pattern::finding::Severity;

/// What is found in a pattern (STIX 2.1 §9): why it is none, else what its reader should know of it.
pub(super) fn found(pattern: &str) -> Vec<(&'static Rule, String)> {
    match Pattern::parse(pattern) {
        Err(error) => vec![(&PATTERN, format!("the pattern breaks {error}"))],
        Ok(parsed) => parsed
            .findings()
            .into_iter()
            .map(|finding| match finding.rule.severity() {
                Severity::Error => (&PATTERN, finding.to_string()),
                Severity::Warning => (&PATTERN_ADVICE, finding.to_string()),
            })
            .collect(),
    }
}
