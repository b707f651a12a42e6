//! Writing a warning: the file is checked, its sources are sealed and taken out, the persecution guard looks at persons.

use std::collections::BTreeSet;

use jiff::Timestamp;
use model::caller::Person;
use model::file::WarningFile;
use model::id::{PersonName, SourceId, WarningId};
use model::state::{Machine, ProposalState, WarningEvent, WarningState};
use model::vocab::Role;
use model::warning::{ProtectedTerm, Warning};
use rand_core::CryptoRng;
use serde::Serialize;
use store::{Act, View, WarningRow};

use crate::audit::{self, Mark};
use crate::caller::needs;
use crate::house::House;
use crate::refusal::Refusal;
use crate::sources;

/// What writing a warning gave.
#[derive(Debug, Clone, Serialize)]
pub struct Wrote {
    /// The warning's id.
    pub warning: String,
    /// Where it is in its life.
    pub state: String,
    /// Persons that the persecution guard stopped, with why; nothing of them was kept.
    pub persons_stopped: Vec<String>,
    /// How many sources were sealed.
    pub sources_sealed: usize,
    /// Whether the harm raises the question of a duty to warn.
    pub threatens_life: bool,
}

/// Writes a warning, or writes an existing one anew. Its sources are sealed to their handlers in the same act.
pub fn write(
    house: &House,
    caller: &Person,
    text: &str,
    existing: Option<WarningId>,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<Wrote, Refusal> {
    needs(caller, &[Role::Desk, Role::Release], "write a warning")?;
    let bad = |e: model::file::BadFile| {
        Refusal::yours("bad_warning", "the warning was not written")
            .detail(e.to_string())
            .hint("`forewarn warning template` prints a commented example")
    };
    let mut file = WarningFile::parse(text).map_err(bad)?;
    file.validity.from.get_or_insert(now);
    let aware_at = *file.aware_at.get_or_insert(now);
    if aware_at > now {
        return Err(Refusal::yours("bad_warning", "aware_at lies in the future"));
    }
    let written = file.written(now).map_err(bad)?;
    let persons_stopped = stop_persons(&mut file, &written.subjects, now);
    let taken = std::mem::take(&mut file.sources);
    let prepared: Vec<_> = taken.into_iter().map(|s| sources::prepare(s, &caller.name, now, rng)).collect();
    let mut random = [0; 10];
    rng.fill_bytes(&mut random);
    let (us, by) = (house.clone(), caller.name.clone());
    house.store.act(move |act| {
        let mut terms = BTreeSet::new();
        let mut ids = BTreeSet::new();
        for source in &prepared {
            terms.extend(source.terms().iter().map(|t| disclosure::protected_term(&us.keys.terms, t)));
            ids.insert(sources::seal(act, source)?);
        }
        let row = new_row(act, &by, &file, existing, WarningId::make(now, random), (ids, terms), now)?;
        act.put_warning(&row)?;
        let marks: &[Mark] = if persons_stopped.is_empty() { &[] } else { &[Mark::PersonStopped] };
        let detail = serde_json::json!({
            "state": row.state.word(), "persons_stopped": persons_stopped.len(), "sources": prepared.len(),
        });
        audit::note(act, now, by.as_str(), "warning.write", &row.id.to_string(), detail, marks)?;
        Ok(Wrote {
            warning: row.id.to_string(),
            state: row.state.to_string(),
            persons_stopped,
            sources_sealed: prepared.len(),
            threatens_life: warning_of(&row)?.threatens_life(),
        })
    })
}

/// Takes out the persons whose only ground is who they are: nothing of them circulates, not even as a draft (S1).
fn stop_persons(file: &mut WarningFile, subjects: &[model::subject::Subject], now: Timestamp) -> Vec<String> {
    let verdicts: Vec<Option<String>> =
        subjects.iter().map(|s| s.may_circulate(now).err().map(|why| why.to_string())).collect();
    let mut keep = verdicts.iter().map(Option::is_none);
    file.subjects.retain(|_| keep.next().unwrap_or(false));
    verdicts.into_iter().flatten().collect()
}

fn new_row(
    act: &mut Act<'_>,
    by: &PersonName,
    file: &WarningFile,
    existing: Option<WarningId>,
    fresh: WarningId,
    (sources, terms): (BTreeSet<SourceId>, BTreeSet<ProtectedTerm>),
    now: Timestamp,
) -> Result<WarningRow, Refusal> {
    let text = serde_json::to_string(file).map_err(Refusal::ours)?;
    let aware_at = file.aware_at.unwrap_or(now);
    let Some(id) = existing else {
        return Ok(WarningRow {
            id: fresh,
            // The form demands a grade, so a warning that was written is graded.
            state: WarningState::START.step(WarningEvent::Grade).map_err(Refusal::ours)?,
            file: text,
            author: by.clone(),
            graded_by: by.clone(),
            aware_at,
            created_at: now,
            sources,
            terms,
            duty: None,
            valid_until: file.validity.until,
        });
    };
    let mut row = known(act, id)?;
    if WarningFile::parse(&row.file).map_err(Refusal::ours)?.status != file.status {
        return Err(Refusal::yours("status_is_fixed", "an exercise cannot become actual, nor the other way round")
            .hint("write another warning"));
    }
    row.state = edited(row.state)?;
    if row.state == WarningState::Graded || row.state == WarningState::Assessed {
        // What was decided was decided on other grounds. The clock runs on until it is assessed again: writing a warning
        // anew must not stop it (I-15).
        row.duty = row.duty.map(|d| model::warning::DutyAssessment { decision: None, ..d });
    }
    for open in act.proposals_of(id)?.iter().filter(|p| p.state == ProposalState::Proposed) {
        act.move_proposal(open.id, ProposalState::Refused, None)?;
    }
    row.sources.extend(sources);
    row.terms.extend(terms);
    (row.file, row.graded_by, row.aware_at) = (text, by.clone(), row.aware_at.min(aware_at));
    row.valid_until = file.validity.until;
    Ok(row)
}

fn edited(state: WarningState) -> Result<WarningState, Refusal> {
    let event = match state {
        WarningState::Graded | WarningState::Assessed => return Ok(state),
        WarningState::InReview => WarningEvent::Return,
        WarningState::Waived => WarningEvent::Reopen,
        WarningState::Active => WarningEvent::Update,
        WarningState::Lapsed => WarningEvent::Extend,
        _ => WarningEvent::Edit,
    };
    state.step(event).map_err(|e| Refusal::yours("wrong_step", e.to_string()))
}

/// The row of a warning, or why there is none.
pub(crate) fn known(view: &View<'_>, id: WarningId) -> Result<WarningRow, Refusal> {
    view.warning(id)?.ok_or_else(|| {
        Refusal::yours("unknown_warning", format!("there is no warning {id}"))
            .hint("`forewarn warning list` names them")
    })
}

/// The warning that a row stands for.
pub(crate) fn warning_of(row: &WarningRow) -> Result<Warning, Refusal> {
    let file = WarningFile::parse(&row.file).map_err(Refusal::ours)?;
    let written = file.written(row.aware_at.max(row.created_at)).map_err(Refusal::ours)?;
    Ok(Warning {
        id: row.id,
        case: file.case,
        status: file.status,
        precedence: file.precedence,
        domain: file.domain,
        kind: file.kind,
        protectors: written.protectors,
        fields: written.fields,
        subjects: written.subjects,
        handling: written.handling,
        under: file.under.and_then(|u| u.entry()),
        duty: row.duty.clone(),
        sources: row.sources.clone(),
        protected_terms: row.terms.clone(),
        author: row.author.clone(),
        graded_by: row.graded_by.clone(),
        aware_at: row.aware_at,
    })
}
