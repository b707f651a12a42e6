//! The sealed source: no `Serialize`, no `Display`, a `Debug` that tells nothing. It lives in its own database, each
//! record sealed to the personal keys of its handlers; nothing else holds more than an id or a keyed digest.

use std::fmt;

use crate::vocab::{SourceKind, Traceability};

/// Where a piece of information came from. Opened only by its handlers.
///
/// ```compile_fail
/// fn must_be_serialisable<T: serde::Serialize>() {}
/// must_be_serialisable::<model::source::Source>();
/// ```
///
/// ```compile_fail
/// fn must_be_printable<T: std::fmt::Display>() {}
/// must_be_printable::<model::source::Source>();
/// ```
pub struct Source {
    /// What kind of origin.
    pub kind: SourceKind,
    /// How many could have been it.
    pub traceability: Traceability,
    /// What it is, in the handler's words.
    pub description: String,
    /// Words that would give it away; compared, as keyed digests, with every outgoing text.
    pub protected_terms: Vec<String>,
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Source(…)")
    }
}
