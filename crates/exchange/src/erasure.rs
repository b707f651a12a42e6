//! What a recall erases, on both sides, and what keeps it erased (docs/log-format.md §4, Erasure).
//!
//! The receiver erases when its desk confirms (`recall`). The giver erases when it holds that confirmation and the
//! receiver's receipt covers the recall: from then on it can give the entry again only as a commitment, and the receiver
//! that has lost it finds the recall within what it had receipted. Where a node takes back entries that it has lost,
//! erasing is part of taking the recall, or its own confirmation, back: nothing is served in between.

use jiff::Timestamp;
use model::body::Recall;
use model::facts::Facts;
use model::id::{EntryRef, PartyName};
use model::relation::Erasure;
use model::state::{Machine, WarningEvent, WarningState};
use store::{Act, ChannelRow, ChannelSide, NamedEntry, OutboxState, View};
use tlog::commitment::Commitment;

use crate::alarm::{self, due};
use crate::audit;
use crate::chain;
use crate::house::House;
use crate::refusal::Refusal;

/// The kind with which a receiver says that it erased its copy.
pub(crate) const CONFIRMED: &str = "recall.confirmed";

/// Within how many minutes of a recall its receiver is to answer.
pub(crate) const CONFIRM_MINUTES: u32 = 24 * 60;

/// An entry that was just kept, for what it means to texts of earlier ones.
pub(crate) struct Kept<'a> {
    pub(crate) at: EntryRef,
    pub(crate) thread: [u8; 16],
    pub(crate) written: Timestamp,
    pub(crate) answers: Option<&'a EntryRef>,
    pub(crate) facts: &'a Facts,
}

/// Keeps an entry that was given as erased. What it was, its recall says, which may stand later in the log.
pub(crate) fn keep(
    act: &mut Act<'_>,
    channel: &mut ChannelRow,
    commitment: &Commitment,
    now: Timestamp,
) -> Result<(), Refusal> {
    act.append_erased(channel, commitment, now)?;
    Ok(())
}

/// The indices below `end` of a partner's log that would be held as erased and that no recall names: of those that stand,
/// and of `erased` in a parcel whose own recalls name `recalled`. The first of them; nothing may be cosigned over it.
pub(crate) fn first_unnamed(
    view: &View<'_>,
    channel: &ChannelRow,
    (erased, recalled): (&[u64], &[u64]),
    end: u64,
) -> Result<Option<u64>, Refusal> {
    let stand = view.unnamed(channel)?;
    let unnamed = |index: &u64| *index < end && !recalled.contains(index);
    Ok(stand.into_iter().chain(erased.iter().copied()).find(unnamed))
}

/// A log of ours has come back whole, and the partner calls something erased that we never recalled: it cannot show what
/// it was, and people are told. The log goes on; its root is what we signed.
pub(crate) fn tell_unnamed(act: &mut Act<'_>, channel: &ChannelRow, now: Timestamp) -> Result<(), Refusal> {
    let lost = act.unnamed(channel)?;
    if lost.is_empty() {
        return Ok(());
    }
    alarm::line(
        act,
        "a partner gave entries of ours back without their text, and no recall asks for that",
        now,
    )?;
    let detail = serde_json::json!({ "entries": lost });
    audit::note(act, now, "node", "log.text_lost", channel.partner.as_str(), detail, &[])
}

/// What an entry of a partner's log, just kept, does to texts: a recall names what came as erased, and is applied again
/// where this node had confirmed it before it lost it; a confirmation erases the giver's copy.
pub(crate) fn after_theirs(
    us: &House,
    act: &mut Act<'_>,
    channel: &ChannelRow,
    kept: &Kept<'_>,
    now: Timestamp,
) -> Result<(), Refusal> {
    match (kept.facts, kept.answers) {
        (Facts::Recalled(recall), answers) => {
            let Some((log, index)) = named_by(act, channel, answers, recall)? else { return Ok(()) };
            name(act, (&log, index), kept, recall)?;
            if confirmed_by(act, channel, &kept.at)? {
                erase(act, &log, index, "recall.again", now)?;
            }
            Ok(())
        }
        (Facts::RecallConfirmed, Some(recall)) => {
            they_confirmed(us, act, &channel.partner, recall, now)?;
            Ok(())
        }
        _ => Ok(()),
    }
}

/// What an entry of our own log, just taken back from the partner, does to texts: a recall erases what it names in the
/// same act, and so does our own confirmation of a recall.
pub(crate) fn after_ours(
    act: &mut Act<'_>,
    channel: &ChannelRow,
    kept: &Kept<'_>,
    now: Timestamp,
) -> Result<(), Refusal> {
    match (kept.facts, kept.answers) {
        (Facts::Recalled(recall), answers) => {
            let Some((log, index)) = named_by(act, channel, answers, recall)? else { return Ok(()) };
            name(act, (&log, index), kept, recall)?;
            if log.origin != channel.origin || index < kept.at.index {
                let named = EntryRef { origin: log.origin, index };
                claim_sent(act, &log, &named, (kept.thread, &recall.kind))?;
                erase(act, &log, index, "recall.again", now)?;
                step(act, &named, WarningEvent::Recall)?;
            }
            Ok(())
        }
        (Facts::RecallConfirmed, Some(at)) => {
            let theirs = act.channel(&at.origin)?.filter(|c| c.side == ChannelSide::Theirs);
            match theirs {
                Some(theirs) => match recall_at(act, &theirs, at.index)? {
                    Some((log, index)) => erase(act, &log, index, "recall.again", now),
                    None => Ok(()),
                },
                None => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

/// The receipts of a log of ours cover what lies between two sizes from now on: what was recalled there and is confirmed
/// is erased.
pub(crate) fn receipted(
    us: &House,
    act: &mut Act<'_>,
    channel: &ChannelRow,
    (from, to): (u64, u64),
    now: Timestamp,
) -> Result<(), Refusal> {
    for entry in act.entries(channel, from, to)? {
        if !matches!(entry.facts, Facts::Recalled(_)) {
            continue;
        }
        let at = EntryRef { origin: channel.origin, index: entry.index };
        if confirmed_by(act, channel, &at)? {
            they_confirmed(us, act, &channel.partner, &at, now)?;
        }
    }
    Ok(())
}

/// Erases the text of a release that this node holds, if it still does, with a line in the trail.
pub(crate) fn erase(
    act: &mut Act<'_>,
    channel: &ChannelRow,
    index: u64,
    verb: &str,
    now: Timestamp,
) -> Result<(), Refusal> {
    let row = act.entries(channel, index, index.saturating_add(1))?.pop();
    if !row.is_some_and(|row| matches!(row.facts, Facts::Release(_))) || !act.holds_text(channel, index)? {
        return Ok(());
    }
    act.erase_entry(channel, index)?;
    let at = EntryRef { origin: channel.origin, index };
    audit::note(act, now, "node", verb, &at.to_string(), serde_json::json!({}), &[])
}

/// The log and the index of what the recall at this index of a log names.
fn recall_at(
    view: &View<'_>,
    channel: &ChannelRow,
    index: u64,
) -> Result<Option<(ChannelRow, u64)>, Refusal> {
    let Some(row) = view.entries(channel, index, index.saturating_add(1))?.pop() else { return Ok(None) };
    match row.facts {
        Facts::Recalled(recall) => named_by(view, channel, row.answers.as_ref(), &recall),
        _ => Ok(None),
    }
}

/// What a recall names: the release that its header answers, which may stand in a log that this one goes on from
/// (log-format §8); the index in its body alone says nothing of the log. `None` where that log is not held.
fn named_by(
    view: &View<'_>,
    channel: &ChannelRow,
    answers: Option<&EntryRef>,
    recall: &Recall,
) -> Result<Option<(ChannelRow, u64)>, Refusal> {
    match answers {
        None => Ok(Some((channel.clone(), recall.recalls))),
        Some(release) => {
            let log = view.channel(&release.origin)?;
            let log = log.filter(|log| log.side == channel.side && log.partner == channel.partner);
            Ok(log.map(|log| (log, release.index)))
        }
    }
}

/// Whether the receiver of a log has said that it erased what this recall names.
fn confirmed_by(view: &View<'_>, channel: &ChannelRow, recall: &EntryRef) -> Result<bool, Refusal> {
    for opposite in chain::opposite(view, channel)? {
        if view.answers_to(&opposite, recall)?.iter().any(|answer| answer.facts == Facts::RecallConfirmed) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A recall says what the entry was that came as erased.
fn name(
    act: &mut Act<'_>,
    (channel, index): (&ChannelRow, u64),
    kept: &Kept<'_>,
    recall: &Recall,
) -> Result<(), Refusal> {
    let Some(release) = recall.names_a_release() else { return Ok(()) };
    let named = NamedEntry {
        kind: recall.kind.clone(),
        thread: kept.thread,
        answers: release.updates.map(|index| EntryRef { origin: channel.origin, index }),
        written: release.written.min(kept.written),
        facts: release.facts.clone(),
    };
    act.name_erased(channel, index, &named)?;
    Ok(())
}

/// What was decided in this copy of the data and stands in our log as erased was sent before, and is not sent again. Its
/// bytes cannot be compared any more: the thread and the kind say which it is, the oldest first.
fn claim_sent(
    act: &mut Act<'_>,
    channel: &ChannelRow,
    at: &EntryRef,
    (thread, kind): ([u8; 16], &str),
) -> Result<(), Refusal> {
    if act.holds_text(channel, at.index)? || act.copy_at(at)?.is_some() {
        return Ok(());
    }
    let waiting = act.waiting(&channel.partner, channel.use_, usize::MAX)?;
    let sent = waiting.into_iter().find(|row| row.thread == thread && row.kind == kind);
    if let Some(row) = sent {
        act.outbox_appended(row.id, at)?;
    }
    Ok(())
}

/// What waited in this copy of the data turns out to have been sent: the warning stands as its recall left it.
pub(crate) fn sent_before(us: &House, act: &mut Act<'_>, at: &EntryRef) -> Result<(), Refusal> {
    let Some(copy) = act.copy_at(at)? else { return Ok(()) };
    let relation = us.relations.in_act(act, &copy.recipient)?;
    if relation.release(at).is_some_and(|release| release.recall.is_some()) {
        step(act, at, WarningEvent::Recall)?;
        all_confirmed(us, act, at)?;
    }
    Ok(())
}

/// The receiver says that it erased what a recall of ours names: our copy goes, too, once its receipt covers the recall.
fn they_confirmed(
    us: &House,
    act: &mut Act<'_>,
    partner: &PartyName,
    recall: &EntryRef,
    now: Timestamp,
) -> Result<(), Refusal> {
    let ours = act.channel(&recall.origin)?;
    let ours = ours.filter(|c| c.side == ChannelSide::Ours && c.partner == *partner);
    let Some(ours) = ours.filter(|c| recall.index < c.size()) else { return Ok(()) };
    let Some((log, index)) = recall_at(act, &ours, recall.index)? else { return Ok(()) };
    if recall.index < ours.cosigned {
        erase(act, &log, index, "recall.erase", now)?;
    }
    all_confirmed(us, act, &EntryRef { origin: log.origin, index })
}

/// Moves the warning on once everybody who was given a copy says that it is erased.
fn all_confirmed(us: &House, act: &mut Act<'_>, release: &EntryRef) -> Result<(), Refusal> {
    let Some(copy) = act.copy_at(release)? else { return Ok(()) };
    for copy in act.copies_of(copy.warning)? {
        let state = act.outbox_row(copy.outbox)?.map(|row| row.state);
        let Some(OutboxState::Appended(at)) = state else { continue };
        let relation = us.relations.in_act(act, &copy.recipient)?;
        let said = relation.release(&at).and_then(|r| r.recall).and_then(|recall| recall.said);
        if !matches!(said, Some(Erasure::Confirmed { .. })) {
            return Ok(());
        }
    }
    step(act, release, WarningEvent::AllConfirmed)?;
    step(act, release, WarningEvent::LateConfirm)
}

/// A warning that was asked back and has not been given back by everybody in time is recalled in part; a later word of the
/// receiver completes it.
pub(crate) fn deadlines(us: &House, act: &mut Act<'_>, now: Timestamp) -> Result<(), Refusal> {
    for row in act.recalling()? {
        let mut missed = None;
        for copy in act.copies_of(row.id)? {
            let state = act.outbox_row(copy.outbox)?.map(|row| row.state);
            let Some(OutboxState::Appended(at)) = state else { continue };
            let relation = us.relations.in_act(act, &copy.recipient)?;
            let Some(recall) = relation.release(&at).and_then(|r| r.recall) else { continue };
            let asked =
                act.channel(&at.origin)?.map(|c| act.entries(&c, recall.at.index, recall.at.index + 1));
            let asked = asked.transpose()?.and_then(|mut rows| rows.pop()).map(|row| row.kept_at);
            let over = asked.is_some_and(|asked| now >= due(asked, CONFIRM_MINUTES));
            if over && !matches!(recall.said, Some(Erasure::Confirmed { .. })) {
                missed = Some(at);
            }
        }
        if let Some(at) = missed {
            step(act, &at, WarningEvent::Deadline)?;
            audit::note(act, now, "node", "recall.overdue", &row.id.to_string(), serde_json::json!({}), &[])?;
        }
    }
    Ok(())
}

/// Moves the warning of which this entry is a copy, if its state allows the step.
fn step(act: &mut Act<'_>, release: &EntryRef, event: WarningEvent) -> Result<(), Refusal> {
    let Some(copy) = act.copy_at(release)? else { return Ok(()) };
    let Some(mut row) = act.warning(copy.warning)? else { return Ok(()) };
    let moved: Option<WarningState> = row.state.step(event).ok();
    if let Some(state) = moved {
        row.state = state;
        act.put_warning(&row)?;
    }
    Ok(())
}
