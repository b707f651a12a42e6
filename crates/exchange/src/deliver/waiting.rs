//! What waits for a partner: each body is asked again whether it may go, and appended. What may not go any more is
//! stopped, with its reason, and a person is told; one broken row stops no other.

use std::collections::BTreeSet;

use jiff::Timestamp;
use model::facts::{self, Facts};
use model::id::EntryRef;
use model::warning::DutyDecision;
use store::{Act, ChannelRow, ChannelSide, NewEntry, OutboxRow, OutboxState, SealingDraw};
use tlog::commitment::{Salt, commit};
use tlog::entry::{Answers, Entry, EntryHeader, EntryKind, Seen, Thread};

use crate::alarm;
use crate::audiences::Audiences;
use crate::chain;
use crate::channel;
use crate::clocks;
use crate::erasure;
use crate::house::House;
use crate::outgoing::Condition;
use crate::recover::{self, Settled};
use crate::refusal::{Refusal, Whose};
use crate::release::{self, Again};

/// The most waiting bodies that one round looks at.
const WAITING_MAX: usize = 4096;
/// How many of them are read at once.
const PAGE_ROWS: usize = 256;
/// After so many bytes of bodies no further entry is appended in one round.
const BODY_BYTES_MAX: usize = 16 << 20;
/// The most characters of a reason that are kept.
const REASON_CHARS_MAX: usize = 400;

/// Whether a row may go.
enum Asked {
    /// It may: this is its entry.
    Goes(Box<Ready>),
    /// The rules do not let it go now.
    Refused(String),
    /// It can never be sent as it is.
    Broken(String),
}

/// An entry that lacks nothing but its salt.
struct Ready {
    header: EntryHeader,
    answers: Option<EntryRef>,
    facts: Facts,
    bytes: Vec<u8>,
    body_bytes: usize,
}

/// Appends what may still go, at most one entry for each draw. What may not is withdrawn. An error concerns the whole act:
/// the disk, or the log itself.
pub(crate) fn append(
    us: &House,
    act: &mut Act<'_>,
    channel: &mut ChannelRow,
    draws: Vec<(Salt, SealingDraw)>,
    now: Timestamp,
) -> Result<(), Refusal> {
    if is_opposite_lost(act, channel, now)? {
        return Ok(());
    }
    let seen = Named::newest(act, channel)?;
    let mut audiences = Audiences::default();
    let may_expire = clocks::may_expire(act, now)?;
    let mut bytes = 0;
    let mut waiting = Waiting::of(act, channel)?;
    // An entry takes the next draw only when it is appended: what is withdrawn shifts no salt that the partner sees.
    let mut draws = draws.into_iter();
    if channel.size() == 0
        && let Some(draw) = draws.next()
    {
        // It was taken up again from the partner's statement, and nothing had been signed of it.
        channel::begin(act, channel, draw, now)?;
    }
    while bytes <= BODY_BYTES_MAX && draws.len() > 0 {
        let Some(row) = waiting.next(act, channel)? else { break };
        // What was decided in this copy of the data, and stands in what the partner gave back, was sent before.
        if let Some(at) = act.claim_come_back(&row)? {
            act.outbox_appended(row.id, &at)?;
            erasure::sent_before(us, act, &at)?;
            continue;
        }
        match ask(us, act, channel, &row, (&seen, &mut audiences), now)? {
            Asked::Goes(ready) => {
                let Some(draw) = draws.next() else { break };
                bytes += ready.body_bytes;
                append_row(act, channel, &row, (*ready, seen.size), draw, now)?;
                audiences.appended(&row.kind);
            }
            // It may be refused only because the clock has jumped; then it waits until an operator has looked (I-15).
            Asked::Refused(_) if !may_expire => {}
            Asked::Refused(reason) | Asked::Broken(reason) => stop(act, &row, &reason, now)?,
        }
    }
    Ok(())
}

/// What the entries of one act say of the opposite log: while an act of ours runs nothing is cosigned in it.
struct Named {
    seen: Option<Seen>,
    /// How far that counts for the rule that it never falls.
    size: u64,
}

impl Named {
    fn newest(act: &Act<'_>, channel: &ChannelRow) -> Result<Self, Refusal> {
        let seen = chain::newest_seen(act, channel)?;
        let size = chain::seen_size(act, channel, seen.as_ref())?;
        Ok(Self { seen, size })
    }
}

/// The rows that wait, read page by page, since one round takes few of many.
struct Waiting {
    page: std::collections::VecDeque<(i64, OutboxRow)>,
    /// How many further rows may be looked at.
    left: usize,
    /// The place of the last row read in the order of decision; what is agreed was read before.
    after: i64,
    agreed: BTreeSet<i64>,
}

impl Waiting {
    /// What is agreed goes first: an officer who has suspended a domain has stopped what waits for it.
    fn of(act: &Act<'_>, channel: &ChannelRow) -> Result<Self, Refusal> {
        let page = act.waiting_agreed(&channel.partner, channel.use_, WAITING_MAX)?;
        let agreed = page.iter().map(|(place, _)| *place).collect();
        Ok(Self { left: WAITING_MAX - page.len(), page: page.into(), after: 0, agreed })
    }

    fn next(&mut self, act: &Act<'_>, channel: &ChannelRow) -> Result<Option<OutboxRow>, Refusal> {
        while self.page.is_empty() && self.left > 0 {
            let size = PAGE_ROWS.min(self.left);
            let page = act.waiting_after(&channel.partner, channel.use_, self.after, size)?;
            let Some((last, _)) = page.last() else { break };
            (self.after, self.left) = (*last, self.left - page.len());
            self.page.extend(page.into_iter().filter(|(place, _)| !self.agreed.contains(place)));
        }
        Ok(self.page.pop_front().map(|(_, row)| row))
    }
}

fn ask(
    us: &House,
    act: &Act<'_>,
    channel: &ChannelRow,
    row: &OutboxRow,
    (named, audiences): (&Named, &mut Audiences),
    now: Timestamp,
) -> Result<Asked, Refusal> {
    let first = match of_the_row(may_still_go(us, act, row, audiences, now))? {
        Err(broken) => return Ok(Asked::Broken(broken)),
        Ok(Err(reason)) => return Ok(Asked::Refused(reason)),
        Ok(Ok(first)) => first,
    };
    Ok(match of_the_row(ready(act, channel, row, (named.seen, first), now))? {
        Ok(ready) => Asked::Goes(Box::new(ready)),
        Err(broken) => Asked::Broken(broken),
    })
}

/// Tells a failure of this row alone from one of the whole act: what the disk or a lock has to do with is passed on.
fn of_the_row<T>(done: Result<T, Refusal>) -> Result<Result<T, String>, Refusal> {
    match done {
        Err(refusal) if refusal.whose == Whose::World => Err(refusal),
        done => Ok(done.map_err(|refusal| refusal.to_string())),
    }
}

/// Whether a queued body may still be sent; the reason if not. Of a release of a warning that this partner has already:
/// where the first one stands by now.
fn may_still_go(
    us: &House,
    act: &Act<'_>,
    row: &OutboxRow,
    audiences: &mut Audiences,
    now: Timestamp,
) -> Result<Result<Option<EntryRef>, String>, Refusal> {
    let condition: Condition = serde_json::from_str(&row.condition).map_err(Refusal::ours)?;
    match condition {
        Condition::Reachable => Ok(Ok(None)),
        Condition::ReleaseStands { proposal } => {
            let id = proposal.parse().map_err(Refusal::ours)?;
            Ok(match release::again(us, act, id, &row.partner, audiences, now) {
                Ok(Again { released, first }) if released.digest().0 == row.digest => Ok(first.map(|f| f.at)),
                Ok(_) => Err("the rendering has changed since it was approved".to_owned()),
                Err(refusal) if refusal.whose == Whose::Yours => Err(refusal.to_string()),
                Err(refusal) => return Err(refusal),
            })
        }
    }
}

/// The entry that a row becomes at the end of the log. An update that was decided before the first release had left
/// answers that one, which stands in the log by now.
fn ready(
    act: &Act<'_>,
    channel: &ChannelRow,
    row: &OutboxRow,
    (seen, first): (Option<Seen>, Option<EntryRef>),
    now: Timestamp,
) -> Result<Ready, Refusal> {
    let body = act.outbox_body(row.id)?.ok_or_else(|| Refusal::ours("a body that waits is not there"))?;
    let answers = match &row.answers {
        Some(at) => Some(chain::where_now(act, at)?.map_err(|why| Refusal::yours("left_behind", why))?),
        None => first,
    };
    // The writer's times never fall within a log, whatever the clock does.
    let written = now.max(channel.written);
    let header = EntryHeader {
        origin: channel.origin,
        index: channel.size(),
        written: Timestamp::from_second(written.as_second()).map_err(Refusal::ours)?,
        seen,
        kind: EntryKind::parse(&row.kind).map_err(Refusal::ours)?,
        thread: Thread::from_bytes(row.thread),
        answers: answers.as_ref().map(|a| Answers { origin: a.origin, index: a.index }),
        media: row.media.clone(),
        length: u64::try_from(body.len()).map_err(Refusal::ours)?,
    };
    let facts = facts::of_entry(&row.kind, channel.use_, &body);
    let body_bytes = body.len();
    let entry = Entry { header, body };
    let bytes = entry.encode().map_err(Refusal::ours)?;
    Ok(Ready { header: entry.header, answers, facts, bytes, body_bytes })
}

fn append_row(
    act: &mut Act<'_>,
    channel: &mut ChannelRow,
    row: &OutboxRow,
    (ready, seen): (Ready, u64),
    (salt, draw): (Salt, SealingDraw),
    now: Timestamp,
) -> Result<(), Refusal> {
    let new = NewEntry {
        kind: row.kind.clone(),
        thread: row.thread,
        answers: ready.answers,
        written: ready.header.written,
        facts: ready.facts,
        commitment: commit(&salt, &ready.bytes),
        salt,
        bytes: ready.bytes,
        seen,
        draw,
    };
    let index = act.append_entry(channel, new, now)?;
    act.outbox_appended(row.id, &EntryRef { origin: channel.origin, index })?;
    Ok(())
}

/// Withdraws a row. That a warning did not leave is never silent: somebody is told, and the duty to warn is open again.
fn stop(act: &mut Act<'_>, row: &OutboxRow, reason: &str, now: Timestamp) -> Result<(), Refusal> {
    let reason: String = reason.chars().take(REASON_CHARS_MAX).collect();
    act.withdraw(row.id, &reason)?;
    let detail = serde_json::json!({ "kind": row.kind, "reason": reason });
    crate::audit::note(act, now, "node", "delivery.withdraw", &row.id.to_string(), detail, &[])?;
    let what = if row.kind.starts_with("warning.") { "a release" } else { "an entry" };
    let drill = alarm::drill(row.use_);
    alarm::line(act, &format!("{drill}{what} was stopped before it left: look now"), now)?;
    if let Err(why) = of_the_row(open_duty_again(act, row, now))? {
        tracing::error!(%why, "the duty behind a stopped release could not be opened again");
    }
    Ok(())
}

/// Where no copy of the warning has left or waits any more, nobody was warned: the decision to warn counts no longer, and
/// the clock of the duty runs again.
fn open_duty_again(act: &mut Act<'_>, row: &OutboxRow, now: Timestamp) -> Result<(), Refusal> {
    let Some(copy) = act.copy_in_outbox(row.id)? else { return Ok(()) };
    for other in act.copies_of(copy.warning)? {
        let state = act.outbox_row(other.outbox)?.map(|o| o.state);
        if matches!(state, Some(OutboxState::Queued | OutboxState::Appended(_))) {
            return Ok(());
        }
    }
    let Some(mut warning) = act.warning(copy.warning)? else { return Ok(()) };
    let warned = |decision: &Option<DutyDecision>| matches!(decision, Some(DutyDecision::Warn { .. }));
    let Some(duty) = warning.duty.as_mut().filter(|d| warned(&d.decision)) else { return Ok(()) };
    duty.decision = None;
    act.put_warning(&warning)?;
    let detail = serde_json::json!({ "why": "no copy left" });
    crate::audit::note(act, now, "node", "duty.reopen", &copy.warning.to_string(), detail, &[])
}

/// Whether this node has lost of the opposite log what it had cosigned or named as seen: an entry would name less as seen
/// than it has cosigned, which is a contradiction by two signatures, or less than the entry before it, which is refused for
/// ever (log-format §10).
fn is_opposite_lost(act: &mut Act<'_>, channel: &ChannelRow, now: Timestamp) -> Result<bool, Refusal> {
    let opposite = act.channel_with(&channel.partner, ChannelSide::Theirs, channel.use_)?;
    if let Some(mut theirs) = opposite.filter(|theirs| theirs.recovering)
        && matches!(recover::settle_theirs(act, &mut theirs, now)?, Settled::No(_))
    {
        return Ok(true);
    }
    let seen = chain::newest_seen(act, channel)?;
    Ok(chain::seen_size(act, channel, seen.as_ref())? < channel.seen)
}
