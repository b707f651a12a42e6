//! The receiver's answer to a recall: it erases its copy and says so, or keeps it and says why. Either is a statement,
//! and nothing proves it.

use disclosure::entries;
use jiff::Timestamp;
use model::body::{RecallConfirmed, RecallContested};
use model::caller::Person;
use model::id::EntryRef;
use model::relation::{Erasure, RecallView};
use model::vocab::{ContestReason, Role};
use rand_core::CryptoRng;
use serde_json::json;
use store::Act;

use crate::audit;
use crate::caller::needs;
use crate::erasure;
use crate::house::House;
use crate::incoming::{self, Incoming};
use crate::outgoing::{Condition, OutboxDraw, Place, queue};
use crate::refusal::Refusal;

/// Who answers a recall.
const ANSWERERS: &[Role] = &[Role::Desk, Role::Release];
/// The role that the giver is told.
const ROLE: &str = "duty officer";

/// Erases the text of a recalled release, and tells its giver so. What it was (kind, domain, when, by whom recalled), the
/// receipt, and what this desk did about it stay. Confirmed again, it is erased again, and nobody is told twice.
///
/// When it is answered the key of the text is gone from every file of the node.
///
/// # Errors
/// `not_authorised`; `not_incoming`; `not_recalled`.
pub fn confirm(
    house: &House,
    caller: &Person,
    release: &str,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<(), Refusal> {
    needs(caller, ANSWERERS, "erase what was recalled")?;
    let draw = OutboxDraw::draw(rng);
    let (us, by, name) = (house.clone(), caller.name.clone(), release.to_owned());
    house.store.act(move |act| {
        let (found, recall) = recalled(&us, act, &name)?;
        act.erase_entry(&found.channel, found.at.index)?;
        if recall.confirmed || waits(act, &found, &recall.at, erasure::CONFIRMED)? {
            return Ok(());
        }
        let said = entries::recall_confirmed(&found.from, &RecallConfirmed { role: ROLE.to_owned() })?;
        queue(act, &said, place(&found, &recall.at), draw, now)?;
        let detail = json!({ "reason": recall.reason });
        audit::note(act, now, by.as_str(), "recall.confirm", &found.at.to_string(), detail, &[])
    })?;
    (house.bell)();
    Ok(())
}

/// Keeps a recalled release, and tells its giver why. Nothing is erased; it may still be confirmed later.
///
/// # Errors
/// `not_authorised`; `not_incoming`; `not_recalled`; `erased` where it was confirmed before.
pub fn contest(
    house: &House,
    caller: &Person,
    release: &str,
    (reason, text): (ContestReason, Option<String>),
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<(), Refusal> {
    needs(caller, ANSWERERS, "contest a recall")?;
    let draw = OutboxDraw::draw(rng);
    let (us, by, name) = (house.clone(), caller.name.clone(), release.to_owned());
    house.store.act(move |act| {
        let (found, recall) = recalled(&us, act, &name)?;
        if recall.confirmed || !act.holds_text(&found.channel, found.at.index)? {
            return Err(Refusal::yours("erased", format!("{} was erased here already", found.at))
                .hint("there is nothing left to keep; its giver was or will be told so"));
        }
        let said = RecallContested { reason, role: ROLE.to_owned(), text };
        let said = entries::recall_contested(&found.from, &said)?;
        queue(act, &said, place(&found, &recall.at), draw, now)?;
        let detail = json!({ "reason": reason.word() });
        audit::note(act, now, by.as_str(), "recall.contest", &found.at.to_string(), detail, &[])
    })?;
    (house.bell)();
    Ok(())
}

/// The recall of a release, as its receiver answers it.
struct Recalled {
    at: EntryRef,
    reason: &'static str,
    confirmed: bool,
}

fn recalled(us: &House, act: &Act<'_>, name: &str) -> Result<(Incoming, Recalled), Refusal> {
    let found = incoming::find(us, act, name)?;
    let relation = us.relations.in_act(act, &found.from)?;
    let recall = relation.release(&found.at).and_then(|release| release.recall).map(of);
    match recall {
        Some(recall) => Ok((found, recall)),
        None => Err(Refusal::yours("not_recalled", format!("{} was not recalled by its giver", found.at))
            .detail("what was not asked back is not erased")
            .hint("`forewarn show ENTRY` says how it stands")),
    }
}

fn of(recall: RecallView<'_>) -> Recalled {
    Recalled {
        at: recall.at.clone(),
        reason: recall.reason.word(),
        confirmed: matches!(recall.said, Some(Erasure::Confirmed { .. })),
    }
}

fn place(found: &Incoming, recall: &EntryRef) -> Place {
    Place {
        use_: found.channel.use_,
        thread: found.release.thread,
        answers: Some(recall.clone()),
        condition: Condition::Reachable,
    }
}

fn waits(act: &Act<'_>, found: &Incoming, recall: &EntryRef, kind: &str) -> Result<bool, Refusal> {
    let waiting = act.waiting(&found.from, found.channel.use_, usize::MAX)?;
    Ok(waiting.iter().any(|row| row.kind == kind && row.answers.as_ref() == Some(recall)))
}
