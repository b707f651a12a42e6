//! Why an act was refused: a fact, what it rests on, and the next act. Split by whose matter it is.

use std::fmt;

use disclosure::NotReleasable;
use store::StoreError;

/// Whose matter a refusal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// The caller can mend it: a wrong word, a missing step, a missing authority.
    Yours,
    /// The partner sent what cannot be.
    Theirs,
    /// The disk, the network, a lock.
    World,
    /// A mistake in the program.
    Ours,
}

/// A refused act. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Whose matter it is.
    pub whose: Whose,
    /// A stable word for machines, e.g. `digest_is_stale`.
    pub code: &'static str,
    /// What is the case, on one line.
    pub fact: String,
    /// The values it rests on.
    pub detail: Option<String>,
    /// What to do next.
    pub hint: Option<String>,
}

impl Refusal {
    /// A refusal that the caller can mend.
    pub fn yours(code: &'static str, fact: impl Into<String>) -> Self {
        Self { whose: Whose::Yours, code, fact: fact.into(), detail: None, hint: None }
    }

    /// A refusal of what a partner sent.
    pub fn theirs(code: &'static str, fact: impl Into<String>) -> Self {
        Self { whose: Whose::Theirs, ..Self::yours(code, fact) }
    }

    /// Something in the world stood in the way.
    pub fn world(code: &'static str, fact: impl Into<String>) -> Self {
        Self { whose: Whose::World, ..Self::yours(code, fact) }
    }

    /// A mistake in the program: what cannot be was.
    pub fn ours(fact: impl fmt::Display) -> Self {
        let fact = format!("this should not happen: {fact}");
        Self { whose: Whose::Ours, ..Self::yours("internal", fact) }
            .hint("please report it with the node's log of this minute")
    }

    /// What of it may stand in the node's log: its stable word and its fact, without what was quoted, which may be
    /// anybody's words.
    pub fn for_the_log(&self) -> String {
        format!("{}: {}", self.code, without_quoted(&self.fact))
    }

    /// The same with the values it rests on.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// The same with the next act.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// The text without what stands between quotation marks or backquotes.
fn without_quoted(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        out.push(c);
        if c != '"' && c != '`' {
            continue;
        }
        out.push('…');
        while let Some(quoted) = chars.next() {
            if quoted == '\\' {
                chars.next();
            } else if quoted == c {
                break;
            }
        }
        out.push(c);
    }
    out
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.fact)?;
        if let Some(detail) = &self.detail {
            write!(f, " ({detail})")?;
        }
        Ok(())
    }
}

impl std::error::Error for Refusal {}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::BadRow(_) | StoreError::Contradiction(_) | StoreError::Unsealable(_) => {
                Self::ours(error)
            }
            other => Self::world("store", other.to_string()),
        }
    }
}

impl From<NotReleasable> for Refusal {
    fn from(error: NotReleasable) -> Self {
        match error {
            NotReleasable::Held { to, reason } => {
                Self::yours("held", format!("not released to {to}: {}", reason.fact))
                    .detail(reason.detail)
                    .hint(reason.hint)
            }
            NotReleasable::Changed { .. } => Self::yours("changed", error.to_string())
                .hint("`forewarn warning preview` shows what would go now"),
            NotReleasable::NotRendered { .. } | NotReleasable::Refused { .. } => {
                Self::yours("not_releasable", error.to_string())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_quoted_does_not_go_into_the_log() {
        for (fact, expected) in [
            ("the disk is full", "the disk is full"),
            ("state \"kept \\\" secret\" is none", "state \"…\" is none"),
            ("unknown field `secret`, expected `a`", "unknown field `…`, expected `…`"),
            ("broken off \"secret", "broken off \"…\""),
        ] {
            assert_eq!(Refusal::yours("code", fact).for_the_log(), format!("code: {expected}"));
        }
    }
}
