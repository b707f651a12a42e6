//! What the judge says: which rung of each field the recipient gets, and for our own desk why not more.
//!
//! Nothing here can be serialised or sent: reasons are for us, never for a partner.

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use model::handling::Handling;
use model::id::{Digest, PartyName, PersonName};
use model::ladder::{FieldPath, Value};
use model::vocab::Purpose;

/// The judgement on one warning for one recipient at one time. Made by [`judge`](crate::judge()) only.
///
/// ```compile_fail
/// // What holds a warning back is for our own desk: no door can write it into an answer.
/// fn must_be_writable<T: serde::Serialize>() {}
/// must_be_writable::<disclosure::Judgement>();
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Judgement {
    /// For whom.
    pub recipient: PartyName,
    /// At which instant.
    pub at: Timestamp,
    /// On what it rests.
    pub basis: Basis,
    /// Whether anything may go at all.
    pub whole: Verdict,
    /// What it is passed for, as the recipient is told: as stated, but on the life floor always to prevent harm or to
    /// protect.
    pub purpose: Purpose,
    /// One cell for each ladder of the warning, in its order; subjects are numbered as in the warning.
    pub cells: Vec<Cell>,
    /// What the recipient may do with it: the join over the rungs granted, told from the recipient's side (I-06).
    pub handling: Handling,
    /// Originators whose rungs go by their standing life exception: they are to be told at once (I-41).
    pub tell: BTreeSet<PartyName>,
}

/// On what a judgement rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// The agreement with this hash.
    Agreement(Digest),
    /// The bare threat to life, whatever is agreed (I-41).
    LifeFloor,
    /// Nothing: there is no agreement, and the life floor does not apply.
    Nothing,
}

/// Whether a warning may go to this recipient at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It may, as far as the cells say.
    MayGo,
    /// It may not, and every cell is silent.
    Held(Reason),
}

/// One field of the warning for this recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// Which ladder.
    pub path: FieldPath,
    /// The rung granted, counted from 0, the most telling; `None` is silence.
    pub granted: Option<usize>,
    /// How many rungs the ladder has.
    pub rungs: usize,
    /// Whether the granted rung is one that only the life floor admits.
    pub by_floor: bool,
    /// The lowest expression that the life floor gives in place of the granted rung: the harms to life beside those
    /// granted, or the kind of target where no rung is granted.
    pub bare: Option<Value>,
    /// Why each rung above the granted one is not given (all rungs, when silent): every obstacle, by rung.
    pub reasons: Vec<Reason>,
    /// Words in otherwise admissible rungs that say what this recipient does not get.
    pub hits: Vec<TextHit>,
}

impl Cell {
    /// Whether the recipient gets anything of this field.
    pub fn speaks(&self) -> bool {
        self.granted.is_some() || self.bare.is_some()
    }
}

/// Why something is not given: fact, detail, and who could change it by what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// The rung it is about, counted from 0; `None` when it is about the whole.
    pub rung: Option<usize>,
    /// The rule that holds it.
    pub rule: Rule,
    /// What is the case, in one line.
    pub fact: String,
    /// The values that it rests on.
    pub detail: String,
    /// Who could change it, and by what act.
    pub hint: String,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}). {}", self.fact, self.detail, self.hint)
    }
}

/// The rule by which something is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// No agreement in force names the domain.
    NoAgreement,
    /// The domain is proposed, suspended, terminated or refused.
    DomainState,
    /// The domain is resuming and the kind of matter is outside the pilot scope.
    PilotScope,
    /// The terms do not name the kind of matter.
    MatterKind,
    /// The terms do not name the purpose.
    Purpose,
    /// No rung that tells the kinds of harm is admitted, and without them there is no warning.
    NoHarm,
    /// The whole is held, and so is every cell.
    Whole,
    /// The value is empty or does not belong in this field, or the field is written twice.
    Misplaced,
    /// The life floor carries the threat and nothing else.
    ThreatOnly,
    /// The rung names the parties it may go to, and this one is not among them.
    RelTo,
    /// TLP:RED goes to named recipients only.
    TlpRed,
    /// The originator has given no grant.
    Originator,
    /// The originator has struck out the life exception.
    StruckOut,
    /// The rung may not be used for this purpose.
    RungPurpose,
    /// The rung's time is over.
    Expired,
    /// A marking that nobody here can read.
    UnknownMarking,
    /// An assurance that the recipient has not given.
    Assurance,
    /// The giver is named more exactly than agreed.
    NamingCeiling,
    /// A time is given more exactly than agreed.
    TimeCeiling,
    /// The terms let no person be named.
    Persons,
    /// No receiver risk assessment is in force.
    RiskAssessment,
    /// The identity is not confirmed or claimed by anybody.
    IdentityBasis,
    /// The persecution guard or an overdue review stops the person.
    PersonStopped,
    /// A status of somebody of whom nothing else is given.
    NoIdentity,
    /// A conviction that rests on no court.
    Conviction,
    /// The words say what this recipient does not get.
    Text,
}

/// A word in an otherwise admissible rung that says what the recipient does not get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextHit {
    /// The rung that holds the word, counted from 0.
    pub rung: usize,
    /// The word or words, as they stand in that rung.
    pub word: String,
    /// What they say.
    pub of: Withheld,
    /// Who let it stand all the same, if a release officer did.
    pub overridden_by: Option<PersonName>,
}

/// What a word gives away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Withheld {
    /// A value of this field that the recipient does not get.
    Field(FieldPath),
    /// A protected term of a sealed source.
    ProtectedTerm,
    /// A time finer than the agreed ceiling.
    TimeCeiling,
    /// The name of a party that is not named to this recipient.
    Party,
    /// Something of the desk's own: the case, who wrote or graded it.
    Desk,
}

impl fmt::Display for Withheld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(path) => write!(f, "{path}, of which this recipient does not get it"),
            Self::ProtectedTerm => f.write_str("a protected term of a sealed source"),
            Self::TimeCeiling => f.write_str("a time finer than agreed"),
            Self::Party => f.write_str("a party that is not named to this recipient"),
            Self::Desk => f.write_str("the desk's own words, which never leave"),
        }
    }
}

impl Judgement {
    /// The cell of a ladder.
    pub fn cell(&self, path: FieldPath) -> Option<&Cell> {
        self.cells.iter().find(|c| c.path == path)
    }

    /// Whether anything may go.
    pub fn may_go(&self) -> bool {
        self.whole == Verdict::MayGo
    }
}

/// Why the recipient gets no more of a field: what holds the whole, then every obstacle of each rung above the granted
/// one, the lowest such rung first, because it is the nearest. Empty when it gets all there is.
pub fn why_not_more(judgement: &Judgement, path: FieldPath) -> Vec<Reason> {
    let mut all = Vec::new();
    if let Verdict::Held(reason) = &judgement.whole {
        all.push(reason.clone());
    }
    let mut of_cell: Vec<Reason> =
        judgement.cell(path).map(|c| c.reasons.clone()).unwrap_or_default().into_iter().collect();
    of_cell.retain(|r| r.rule != Rule::Whole);
    of_cell.sort_by_key(|r| std::cmp::Reverse(r.rung));
    all.extend(of_cell);
    all
}
