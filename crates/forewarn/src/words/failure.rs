//! Why a command did not do what was asked: fact, detail, hint, and the exit status that a script reads.

use std::path::Path;

use exchange::refusal::{Refusal, Whose};
use serde_json::{Value, json};

use crate::say;

/// The caller can mend it.
pub(crate) const REFUSED: u8 = 1;
/// The command line cannot be read.
pub(crate) const USAGE: u8 = 2;
/// No node is running, or it cannot be reached.
pub(crate) const NO_NODE: u8 = 3;
/// The world stood in the way, or the program is wrong.
pub(crate) const WORLD: u8 = 4;

/// A command that failed. Nothing was changed by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// A stable word for machines.
    pub(crate) code: String,
    /// What is the case, on one line.
    pub(crate) fact: String,
    /// The values it rests on.
    pub(crate) detail: Option<String>,
    /// What to do next.
    pub(crate) hint: Option<String>,
    /// The id of the request, under which the node's log has it.
    pub(crate) request: Option<Box<str>>,
    /// The exit status.
    pub(crate) status: u8,
}

impl Failure {
    /// A failure that the caller can mend.
    pub(crate) fn yours(code: &str, fact: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            fact: fact.into(),
            detail: None,
            hint: None,
            request: None,
            status: REFUSED,
        }
    }

    /// A command line that cannot be meant so.
    pub(crate) fn usage(fact: impl Into<String>) -> Self {
        Self { status: USAGE, ..Self::yours("usage", fact) }
    }

    /// Something in the world stood in the way.
    pub(crate) fn world(code: &str, fact: impl Into<String>) -> Self {
        Self { status: WORLD, ..Self::yours(code, fact) }
    }

    /// A file that cannot be read or written.
    pub(crate) fn file(path: &Path, error: &std::io::Error) -> Self {
        Self {
            status: if error.kind() == std::io::ErrorKind::NotFound { REFUSED } else { WORLD },
            ..Self::yours("file", format!("{}: {error}", path.display()))
        }
    }

    /// The same with the values it rests on.
    pub(crate) fn detail(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    /// The same with the next act.
    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// What is printed for people.
    pub(crate) fn text(&self) -> String {
        let mut text = say::three_parts(&self.fact, self.detail.as_deref(), self.hint.as_deref());
        // A refusal that the caller can mend needs no look into the log.
        if let Some(request) = self.request.as_deref().filter(|_| self.status == WORLD) {
            text.push_str(&format!("request {}: the node's log has it\n", model::plain::plain_line(request)));
        }
        text
    }

    /// What is printed for machines.
    pub(crate) fn json(&self) -> Value {
        let mut error =
            json!({ "code": self.code, "fact": self.fact, "detail": self.detail, "hint": self.hint });
        if let (Some(request), Value::Object(parts)) = (&self.request, &mut error) {
            parts.insert("request".to_owned(), json!(request));
        }
        json!({ "error": error })
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let Refusal { whose, code, fact, detail, hint } = refusal;
        let status = match whose {
            Whose::Yours => REFUSED,
            Whose::Theirs | Whose::World | Whose::Ours => WORLD,
        };
        Self { code: code.to_owned(), fact, detail, hint, request: None, status }
    }
}
