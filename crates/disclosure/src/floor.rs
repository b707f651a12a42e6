//! The life floor (I-41): for killing, serious injury and kidnapping the bare threat may go to any confirmed partner that
//! can protect the target, by the imminent-danger path, whatever the state of the domain and without any agreement.

use std::collections::BTreeSet;

use model::handling::Handling;
use model::id::PartyName;
use model::ladder::{FieldPath, Rung, Target, Value};
use model::vocab::{HarmKind, Purpose, TargetKind};
use model::warning::Warning;

use crate::audience::{Audience, Path};
use crate::judgement::{Reason, Rule};
use crate::rung::{list, reason};

/// Whether there is a floor under this warning for this audience.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Floor {
    /// No life is threatened, the path is the ordinary one, or the recipient is not among the protectors.
    None,
    /// Everything that threatens life comes from originators who struck the exception out.
    StruckOut(BTreeSet<PartyName>),
    /// It stands; these harms to life may be told.
    Open(BTreeSet<HarmKind>),
}

impl Floor {
    /// Where the floor stands. A party can protect when it is among the protectors, or none were named.
    pub(crate) fn under(warning: &Warning, audience: &Audience, us: &PartyName) -> Self {
        let can_protect = warning.protectors.is_empty() || warning.protectors.contains(&audience.party);
        if audience.path != Path::ImminentDanger || !can_protect {
            return Self::None;
        }
        let (mut kinds, mut struck) = (BTreeSet::new(), BTreeSet::new());
        let rungs = warning.fields.iter().filter(|f| f.path == FieldPath::Harm).flat_map(|f| &f.rungs);
        for rung in rungs {
            let Value::Harm(told) = &rung.value else { continue };
            let life: BTreeSet<HarmKind> = told.iter().copied().filter(|h| h.threatens_life()).collect();
            let by = struck_out_by(&rung.handling, audience, us);
            match by.is_empty() {
                true => kinds.extend(life),
                false if life.is_empty() => {}
                false => struck.extend(by),
            }
        }
        match (kinds.is_empty(), struck.is_empty()) {
            (false, _) => Self::Open(kinds),
            (true, false) => Self::StruckOut(struck),
            (true, true) => Self::None,
        }
    }

    /// What it is passed for: as stated, but on the floor always to prevent harm or to protect.
    pub(crate) fn purpose(&self, stated: Purpose) -> Purpose {
        match (self, stated) {
            (Self::Open(_), Purpose::PreventHarm | Purpose::ProtectVictim)
            | (Self::None | Self::StruckOut(_), _) => stated,
            (Self::Open(_), _) => Purpose::PreventHarm,
        }
    }

    /// The harms to life that are told.
    pub(crate) fn kinds(&self) -> BTreeSet<HarmKind> {
        match self {
            Self::Open(kinds) => kinds.clone(),
            Self::None | Self::StruckOut(_) => BTreeSet::new(),
        }
    }

    /// What holds the whole, with what the floor could do about it.
    pub(crate) fn hint(&self, held: Reason, warning: &Warning, audience: &Audience) -> Reason {
        match (self, audience.path) {
            (Self::StruckOut(by), _) => reason(
                Rule::StruckOut,
                "the bare threat to life may not go: its originator has struck out the life exception",
                format!("originator {}; {}", list(by), held.fact),
                format!("call {} now and ask for leave", list(by)),
            ),
            (_, Path::Ordinary) if warning.threatens_life() => Reason {
                hint: format!(
                    "{}; the bare threat to life may go at once by the imminent-danger path",
                    held.hint
                ),
                ..held
            },
            (Self::None, Path::ImminentDanger) if warning.threatens_life() => Reason {
                hint: format!(
                    "{}; if {} can protect the target, name it as a protector and the bare threat may go",
                    held.hint, audience.party
                ),
                ..held
            },
            _ => held,
        }
    }

    /// The lowest expression of harm and target, which the floor never withholds: the harms to life beside those granted,
    /// and the kind of target where no rung is granted. It says less than any rung, and without it there is no warning;
    /// only a target whose originator struck the exception out stays silent.
    pub(crate) fn bare(
        &self,
        path: FieldPath,
        rungs: &[Rung],
        granted: Option<usize>,
        audience: &Audience,
        us: &PartyName,
    ) -> Option<Value> {
        let Self::Open(life) = self else { return None };
        let given = granted.and_then(|at| rungs.get(at)).map(|rung| &rung.value);
        match (path, given) {
            (FieldPath::Harm, Some(Value::Harm(told))) => {
                (!told.is_superset(life)).then(|| Value::Harm(told | life))
            }
            (FieldPath::Harm, _) => Some(Value::Harm(life.clone())),
            (FieldPath::Target, None) => {
                let last = rungs.last().filter(|r| struck_out_by(&r.handling, audience, us).is_empty())?;
                let Value::Target(target) = &last.value else { return None };
                let name = some(target.kind).to_owned();
                Some(Value::Target(Target { kind: target.kind, name, protected: BTreeSet::new() }))
            }
            _ => None,
        }
    }
}

/// The originators of a rung, other than us and the recipient, who struck out the life exception.
pub(crate) fn struck_out_by(handling: &Handling, audience: &Audience, us: &PartyName) -> BTreeSet<PartyName> {
    let others = handling.orcon.iter().filter(|p| *p != us && **p != audience.party);
    others.filter(|p| audience.struck_out.contains(*p)).cloned().collect()
}

fn some(kind: TargetKind) -> &'static str {
    match kind {
        TargetKind::Person => "a person",
        TargetKind::Group => "a group",
        TargetKind::Institution => "an institution",
        TargetKind::Business => "a business",
        TargetKind::Structure => "a structure",
        TargetKind::Location => "a location",
    }
}
