//! Writing a warning: the file is checked, its sources are sealed and taken out, the persecution guard looks at persons.

use std::collections::BTreeSet;

use jiff::Timestamp;
use model::caller::Person;
use model::file::WarningFile;
use model::id::{PersonName, SourceId, WarningId};
use model::state::{Machine, ProposalState, WarningEvent, WarningState};
use model::vocab::Role;
use model::warning::{DutyAssessment, ProtectedTerm, Warning};
use rand_core::CryptoRng;
use serde::Serialize;
use store::{Act, View, WarningRow};

use crate::alarm::{self, due};
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
    // Drawn first, so that how many sources follow shifts nothing that recipients' ids are made of (I-02).
    let mut random = [0; 10];
    rng.fill_bytes(&mut random);
    let mut file = WarningFile::parse(text).map_err(bad)?;
    // Left out, the first instant stays what it was: else an edit of what a recipient does not get would reach it.
    let first = existing.map(|id| asserted_from(house, id)).transpose()?.flatten();
    file.validity.from.get_or_insert(first.unwrap_or(now));
    let aware_at = *file.aware_at.get_or_insert(now);
    if aware_at > now {
        return Err(Refusal::yours("bad_warning", "aware_at lies in the future"));
    }
    file.check_review_dates(now).map_err(bad)?;
    let written = file.written(now).map_err(bad)?;
    let persons_stopped = stop_persons(&mut file, &written.subjects, now);
    let taken = std::mem::take(&mut file.sources);
    let prepared: Vec<_> = taken.into_iter().map(|s| sources::prepare(s, &caller.name, now, rng)).collect();
    let (us, by) = (house.clone(), caller.name.clone());
    house.store.act(move |act| {
        let mut terms = BTreeSet::new();
        let mut ids = BTreeSet::new();
        for source in &prepared {
            terms.extend(source.terms().iter().map(|t| disclosure::protected_term(&us.keys.terms, t)));
            ids.insert(sources::seal(act, source)?);
        }
        let row = new_row(
            act,
            &by,
            &file,
            existing,
            WarningId::make(now, random),
            (ids, terms),
            us.settings.duty_minutes.now(),
            now,
        )?;
        act.put_warning(&row)?;
        open_waived_of_the_case(act, &row, &file, us.settings.duty_minutes.now(), now)?;
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

/// From when a warning is asserted, as it was written before.
fn asserted_from(house: &House, id: WarningId) -> Result<Option<Timestamp>, Refusal> {
    let row = house.store.view(|view| known(view, id))?;
    Ok(WarningFile::parse(&row.file).map_err(Refusal::ours)?.validity.from)
}

/// New information on a case opens again what was waived on it: the duty is to be decided anew, and its clock runs from
/// now (I-16).
fn open_waived_of_the_case(
    act: &mut Act<'_>,
    new: &WarningRow,
    file: &WarningFile,
    duty_minutes: u32,
    now: Timestamp,
) -> Result<(), Refusal> {
    let Some(case) = &file.case else { return Ok(()) };
    for mut row in act.waived()? {
        if row.id == new.id
            || WarningFile::parse(&row.file).map_err(Refusal::ours)?.case.as_ref() != Some(case)
        {
            continue;
        }
        row.state = row.state.step(WarningEvent::Reopen).map_err(Refusal::ours)?;
        row.duty = row.duty.map(|d| DutyAssessment {
            decision: None,
            deadline: d.deadline.map(|_| due(now, duty_minutes)),
            ..d
        });
        act.put_warning(&row)?;
        alarm::line(act, "new information on a case in which it was decided not to warn: decide again", now)?;
        let detail = serde_json::json!({ "by": new.id.to_string() });
        audit::note(act, now, "node", "duty.reopen", &row.id.to_string(), detail, &[])?;
    }
    Ok(())
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
    duty_minutes: u32,
    now: Timestamp,
) -> Result<WarningRow, Refusal> {
    let text = serde_json::to_string(file).map_err(Refusal::ours)?;
    // What is kept is read back first: nothing is stored that could not be read again.
    WarningFile::parse(&text).map_err(|e| {
        Refusal::yours("bad_warning", "the warning is too long to be kept").detail(e.to_string())
    })?;
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
        return Err(Refusal::yours(
            "status_is_fixed",
            "an exercise cannot become actual, nor the other way round",
        )
        .hint("write another warning"));
    }
    let was_waived = row.state == WarningState::Waived;
    row.state = edited(row.state)?;
    if row.state == WarningState::Graded || row.state == WarningState::Assessed {
        // What was decided was decided on other grounds. The clock runs on until it is assessed again: writing a warning
        // anew must not stop it (I-15).
        row.duty = row.duty.map(|d| DutyAssessment {
            decision: None,
            // A waived duty is opened again by what is new now, so its clock runs from now (I-16).
            deadline: if was_waived { d.deadline.map(|_| due(now, duty_minutes)) } else { d.deadline },
            ..d
        });
    }
    for open in act.proposals_of(id)?.iter().filter(|p| p.state == ProposalState::Proposed) {
        act.move_proposal(open.id, ProposalState::Refused, None)?;
        let detail = serde_json::json!({ "why": "the warning was written anew" });
        audit::note(act, now, by.as_str(), "release.refuse", &open.id.to_string(), detail, &[])?;
    }
    row.sources.extend(sources);
    row.terms.extend(terms);
    (row.file, row.graded_by, row.aware_at) = (text, by.clone(), row.aware_at.min(aware_at));
    if row.state != WarningState::Active {
        // Of a warning that is out, what was released counts until the next release.
        row.valid_until = file.validity.until;
    }
    Ok(row)
}

fn edited(state: WarningState) -> Result<WarningState, Refusal> {
    let event = match state {
        WarningState::Graded => return Ok(state),
        // As if it had been proposed and returned: what was assessed was another text.
        WarningState::Assessed => {
            let step = |s: WarningState, e| s.step(e).map_err(Refusal::ours);
            return step(step(state, WarningEvent::Propose)?, WarningEvent::Return);
        }
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
