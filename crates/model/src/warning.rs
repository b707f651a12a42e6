//! The warning as its giver holds it, and the table that says of every attribute whether and how it may leave.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::handling::Handling;
use crate::id::{EntryRef, PartyName, PersonName, SourceId, WarningId};
use crate::ladder::{Field, FieldPath, PersonValue, Rung, Value};
use crate::subject::Subject;
use crate::vocab::{Domain, HarmKind, MatterKind, Precedence, Status, WaiverReason};

/// A warning in the giver's node. Never serialised; what leaves is rendered from granted rungs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Its id inside the node.
    pub id: WarningId,
    /// The case it belongs to, in the desk's own words.
    pub case: Option<String>,
    /// Actual or exercise.
    pub status: Status,
    /// How fast the desk treats it; what a recipient is told is stated at preview.
    pub precedence: Precedence,
    /// The domain of co-operation it falls under.
    pub domain: Domain,
    /// What kind of matter it is.
    pub kind: MatterKind,
    /// The parties that can protect the target.
    pub protectors: BTreeSet<PartyName>,
    /// The ladders, without those of subjects.
    pub fields: Vec<Field>,
    /// The persons; at most twenty.
    pub subjects: Vec<Subject>,
    /// Handling that every rung's own handling was joined with.
    pub handling: Handling,
    /// The undertaking of ours that it keeps, if one is cited.
    pub under: Option<EntryRef>,
    /// The duty to warn, once assessed.
    pub duty: Option<DutyAssessment>,
    /// Sealed sources it rests on.
    pub sources: BTreeSet<SourceId>,
    /// Keyed digests of words that would give the sources away; compared with every outgoing text.
    pub protected_terms: BTreeSet<ProtectedTerm>,
    /// Who wrote it.
    pub author: PersonName,
    /// Who graded it.
    pub graded_by: PersonName,
    /// When the desk had it.
    pub aware_at: Timestamp,
}

/// A keyed digest of a folded word or phrase of a sealed source: enough to recognise the word in a text, not to read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProtectedTerm {
    /// How many words the phrase has.
    pub words: u8,
    /// HMAC-SHA256 under a key of the node over the folded phrase.
    pub digest: [u8; 32],
}

/// The assessment whether there is a duty to warn (ICD 191), and what was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DutyAssessment {
    /// Credible, specific and impending: all three, with a threat to life, make the duty arise.
    pub credible: bool,
    /// It says enough to act upon.
    pub specific: bool,
    /// It is about to happen.
    pub impending: bool,
    /// By when somebody must have decided; `None` if the duty does not arise.
    pub deadline: Option<Timestamp>,
    /// What was decided; `None` while the clock runs.
    pub decision: Option<DutyDecision>,
}

/// The decision that ends a duty's clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DutyDecision {
    /// To warn; the release follows.
    Warn {
        /// The named officer.
        by: PersonName,
        /// When.
        at: Timestamp,
    },
    /// Not to warn, for a coded reason and with the officer's words (I-16).
    Waive {
        /// The named officer.
        by: PersonName,
        /// When.
        at: Timestamp,
        /// The coded reason.
        reason: WaiverReason,
        /// Why, in the officer's words.
        text: String,
    },
}

impl DutyAssessment {
    /// Whether the duty to warn arises: a threat to life that is credible, specific and impending (ICD 191).
    pub fn arises(&self) -> bool {
        self.deadline.is_some()
    }
}

impl Warning {
    /// The kinds of harm on any rung of the harm ladder.
    pub fn harm(&self) -> BTreeSet<HarmKind> {
        let rungs = self.fields.iter().filter(|f| f.path == FieldPath::Harm).flat_map(|f| &f.rungs);
        rungs
            .filter_map(|r| match &r.value {
                Value::Harm(kinds) => Some(kinds.iter().copied()),
                _ => None,
            })
            .flatten()
            .collect()
    }

    /// Whether it tells of killing, serious injury or kidnapping, and so may use the life floor.
    pub fn threatens_life(&self) -> bool {
        self.harm().iter().any(|h| h.threatens_life())
    }

    /// Whether any rung names a person.
    pub fn names_a_person(&self) -> bool {
        let rungs = self.subjects.iter().flat_map(|s| &s.identity);
        rungs.into_iter().any(|r| matches!(&r.value, Value::Person(PersonValue::Named { .. })))
    }

    /// Every ladder with its path, those of subjects after the others.
    pub fn ladders(&self) -> Vec<Field> {
        self.each_ladder().map(|(path, rungs)| Field { path, rungs: rungs.to_vec() }).collect()
    }

    /// The paths and rungs of [`Warning::ladders`], in the same order, without a copy.
    pub fn each_ladder(&self) -> impl Iterator<Item = (FieldPath, &[Rung])> {
        let fields = self.fields.iter().map(|field| (field.path, field.rungs.as_slice()));
        let of_subjects = (1u8..).zip(&self.subjects).flat_map(|(n, subject)| {
            let status = Some(&subject.status).filter(|status| !status.is_empty());
            std::iter::once((FieldPath::SubjectIdentity(n), subject.identity.as_slice()))
                .chain(status.map(|status| (FieldPath::SubjectStatus(n), status.as_slice())))
        });
        fields.chain(of_subjects)
    }

    /// The subject that a path speaks of.
    pub fn subject(&self, path: FieldPath) -> Option<&Subject> {
        match path {
            FieldPath::SubjectIdentity(n) | FieldPath::SubjectStatus(n) => {
                self.subjects.get(usize::from(n).checked_sub(1)?)
            }
            _ => None,
        }
    }
}

/// How an attribute of a warning may leave the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passage {
    /// By rungs, each with its handling.
    Ladder,
    /// By a word chosen for each recipient at preview.
    StatedPerRecipient,
    /// Not at all.
    NeverLeaves,
}

/// Every attribute of a warning with its passage. The destructuring makes a forgotten attribute a compile error.
pub fn attributes(warning: &Warning) -> Vec<(&'static str, Passage)> {
    use Passage::{Ladder, NeverLeaves, StatedPerRecipient};
    let Warning {
        id: _,
        case: _,
        status: _,
        precedence: _,
        domain: _,
        kind: _,
        protectors: _,
        fields: _,
        subjects: _,
        handling: _,
        under: _,
        duty: _,
        sources: _,
        protected_terms: _,
        author: _,
        graded_by: _,
        aware_at: _,
    } = warning;
    vec![
        ("id", NeverLeaves),
        ("case", NeverLeaves),
        ("status", StatedPerRecipient),
        ("precedence", NeverLeaves),
        ("domain", StatedPerRecipient),
        ("kind", StatedPerRecipient),
        ("protectors", NeverLeaves),
        ("fields", Ladder),
        ("subjects", Ladder),
        ("handling", StatedPerRecipient),
        ("under", StatedPerRecipient),
        ("duty", NeverLeaves),
        ("sources", NeverLeaves),
        ("protected_terms", NeverLeaves),
        ("author", NeverLeaves),
        ("graded_by", NeverLeaves),
        ("aware_at", NeverLeaves),
    ]
}
