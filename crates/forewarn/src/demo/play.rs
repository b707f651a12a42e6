//! The play's world: the three nodes, the days, and what later steps need of earlier ones.

use serde_json::Value;

use super::check::{Failed, text};
use super::files::Days;
use super::node::{Node, Stage, free_addresses, private, shown};
use crate::clock;

/// Who answers for the node and its accounts.
pub(crate) const OPERATOR: &str = "operator";
/// Who writes and reads warnings.
pub(crate) const DESK: &str = "desk1";
/// Who proposes what leaves.
pub(crate) const RELEASE: &str = "release1";
/// The second pair of eyes.
pub(crate) const SECOND: &str = "release2";
/// Who keeps the relation with the partners.
pub(crate) const LIAISON: &str = "liaison1";
/// Everybody whom the operator invites, with their role.
pub(crate) const INVITED: [(&str, &str); 4] =
    [(DESK, "desk"), (RELEASE, "release"), (SECOND, "release"), (LIAISON, "liaison")];

/// Everybody who has an account on a node.
pub(crate) const EVERYBODY: [&str; 5] = [OPERATOR, DESK, RELEASE, SECOND, LIAISON];

/// The three nodes and what has happened so far.
#[derive(Debug)]
pub(crate) struct World {
    /// The folder of the play and this program.
    pub(crate) stage: Stage,
    /// The giver.
    pub(crate) a: Node,
    /// The receiver, in whose country the attack is planned.
    pub(crate) b: Node,
    /// A third service, with a narrower agreement.
    pub(crate) c: Node,
    /// The days.
    pub(crate) days: Days,
    /// What later steps need.
    pub(crate) seen: Seen,
}

/// What earlier steps found out, by what it is.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// A's warning.
    pub(crate) warning: String,
    /// By when A has to decide.
    pub(crate) decide_by: String,
    /// The preview that goes out.
    pub(crate) preview: Value,
    /// The entry in A's log to B.
    pub(crate) to_b: String,
    /// The entry in A's log to C.
    pub(crate) to_c: String,
    /// The entry that brought B the names.
    pub(crate) names_to_b: String,
    /// B's undertaking.
    pub(crate) undertaking: String,
    /// The warning that B gave under it.
    pub(crate) from_b: String,
    /// The bare threat to life that A gave.
    pub(crate) life_floor: String,
    /// The exercise that A gave.
    pub(crate) exercise: String,
}

impl World {
    /// A world in which nothing has happened.
    pub(crate) fn new(stage: Stage) -> Result<Self, Failed> {
        let [a, b, c] = free_addresses()?;
        Ok(Self {
            a: Node::new(&stage, "a", a),
            b: Node::new(&stage, "b", b),
            c: Node::new(&stage, "c", c),
            days: Days::of(clock::now())?,
            seen: Seen::default(),
            stage,
        })
    }

    /// Writes a file that one of the people wrote; its path.
    pub(crate) fn file(&self, name: &str, content: &Value) -> Result<String, Failed> {
        let path = self.stage.folder.join("files").join(name);
        private(&path, &format!("{content:#}\n"))?;
        Ok(shown(&path))
    }
}

/// Has the second person approve what was previewed, and releases it; what was put into the outbox.
pub(crate) fn release(node: &Node, preview: &Value) -> Result<Value, Failed> {
    let proposal = text(preview, "/proposal")?;
    let digest = text(preview, "/digest")?;
    node.ask(SECOND, &["approve", &proposal, "--digest", &digest])?;
    node.ask(RELEASE, &["release", &proposal, "--digest", &digest])
}

/// The newest line of a list of releases with this partner and title, once there is one.
pub(crate) fn line<'v>(list: &'v Value, partner: &str, title: &str) -> Option<&'v Value> {
    let is = |l: &&Value, key: &str, wanted: &str| l.get(key).and_then(Value::as_str) == Some(wanted);
    list.as_array()?.iter().find(|l| is(l, "partner", partner) && is(l, "title", title))
}

/// The text under a key, if there is one.
pub(crate) fn word(value: &Value, key: &str) -> Option<String> {
    value.get(key).and_then(Value::as_str).map(str::to_owned)
}
