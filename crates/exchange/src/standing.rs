//! After the release: cancelled (it is over), lapsed (we no longer say so), recalled (give it back). Three different things
//! to the receiver (I-18). What was not sent yet is stopped in the outbox.

use disclosure::{Released, entries};
use jiff::Timestamp;
use model::body::{Recall, RecalledRelease, StandingChange};
use model::caller::Person;
use model::id::{EntryRef, PartyName, WarningId};
use model::relation::ReleaseEntry;
use model::state::{Machine, WarningEvent};
use model::vocab::{Domain, RecallReason, Role};
use model::warning::Warning;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand_core::CryptoRng;
use serde::Serialize;
use store::{Act, OutboxState};

use crate::audit;
use crate::caller::needs;
use crate::house::House;
use crate::outgoing::{Condition, OutboxDraw, Place, queue};
use crate::refusal::Refusal;
use crate::write::{known, warning_of};

/// What is said about a released warning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It is over. No words go with it: what one recipient may read another may not. An update says more.
    Cancel,
    /// It is no longer asserted; a person decided so.
    Lapse,
    /// It is to be given back.
    Recall {
        /// The coded reason; `undisclosed` is allowed.
        reason: RecallReason,
        /// Whether it still counts in the ledger.
        counts: bool,
    },
}

/// Who is told, and what was stopped before it left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Changed {
    /// The recipients that are told.
    pub told: Vec<String>,
    /// The recipients whose copy had not left and was stopped.
    pub stopped: Vec<String>,
}

/// Changes how a released warning stands, and tells everyone who has it.
pub fn change(
    house: &House,
    caller: &Person,
    warning: WarningId,
    change: Change,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<Changed, Refusal> {
    needs(caller, &[Role::Release], "change how a released warning stands")?;
    // As many draws as there are copies cannot be known before the act; so it draws its own, from a seed handed in.
    let mut own = StdRng::from_rng(rng);
    let (us, by) = (house.clone(), caller.name.clone());
    let told = house.store.act(move |act| {
        let mut row = known(act, warning)?;
        let (event, verb) = match change {
            Change::Cancel => (WarningEvent::Cancel, "warning.cancel"),
            Change::Lapse => (WarningEvent::LetLapse, "warning.lapse"),
            Change::Recall { .. } => (WarningEvent::Recall, "warning.recall"),
        };
        row.state = row.state.step(event).map_err(|e| Refusal::yours("wrong_step", e.to_string()))?;
        act.put_warning(&row)?;
        let whole = warning_of(&row)?;
        let changed = tell(&us, act, (warning, &whole), &change, &mut own, now)?;
        if matches!(change, Change::Recall { .. }) && changed.told.is_empty() {
            // Nobody was given it, so nobody has to give it back.
            row.state = row.state.step(WarningEvent::AllConfirmed).map_err(Refusal::ours)?;
            act.put_warning(&row)?;
        }
        let detail = serde_json::json!({ "told": changed.told.len(), "stopped": changed.stopped.len() });
        audit::note(act, now, by.as_str(), verb, &warning.to_string(), detail, &[])?;
        Ok::<_, Refusal>(changed)
    })?;
    (house.bell)();
    Ok(told)
}

fn tell(
    us: &House,
    act: &mut Act<'_>,
    (warning, whole): (WarningId, &Warning),
    change: &Change,
    rng: &mut StdRng,
    now: Timestamp,
) -> Result<Changed, Refusal> {
    let mut changed = Changed { told: Vec::new(), stopped: Vec::new() };
    for copy in act.copies_of(warning)? {
        match act.outbox_row(copy.outbox)?.map(|o| (o.state, o.kind)) {
            Some((OutboxState::Appended(at), kind)) => {
                // What it said then, not what the warning says by now.
                let relation = us.relations.in_act(act, &copy.recipient)?;
                let release = relation.release(&at).map(|r| r.entry);
                let released = said(&copy.recipient, &at, (&kind, whole.domain), release, change)?;
                let place = Place {
                    use_: whole.status.into(),
                    thread: copy.thread,
                    answers: Some(at),
                    condition: Condition::Reachable,
                };
                queue(act, &released, place, OutboxDraw::draw(rng), now)?;
                changed.told.push(copy.recipient.to_string());
            }
            Some((OutboxState::Queued, _)) => {
                act.withdraw(copy.outbox, "the warning was taken back before it was sent")?;
                changed.stopped.push(copy.recipient.to_string());
            }
            _ => {}
        }
    }
    Ok(changed)
}

fn said(
    to: &PartyName,
    at: &EntryRef,
    (kind, domain): (&str, Domain),
    release: Option<&ReleaseEntry>,
    change: &Change,
) -> Result<Released, Refusal> {
    let released = match change {
        Change::Cancel => entries::warning_cancelled(to, &StandingChange { release: at.index, note: None })?,
        Change::Lapse => entries::warning_lapsed(to, &StandingChange { release: at.index, note: None })?,
        Change::Recall { reason, counts } => {
            let recall = Recall {
                recalls: at.index,
                reason: *reason,
                kind: kind.to_owned(),
                domain: release.map_or(domain, |r| r.facts.domain),
                counts: *counts,
                release: release.map(|r| RecalledRelease {
                    written: r.written,
                    updates: r.updates.as_ref().map(|earlier| earlier.index),
                    facts: r.facts.clone(),
                }),
            };
            entries::warning_recalled(to, &recall)?
        }
    };
    Ok(released)
}
