//! Delivery: what waits is asked again whether it may still go, appended, fenced, signed and sent, in one breath.
//!
//! The order that makes it safe: (1) append and fence in one durable act; (2) sign the fenced head; (3) send; (4) keep the
//! receipt. A crash after (1) leaves entries that are sent next time with the same bytes; after (3) the partner answers
//! the same parcel with the stored cosignature.

use disclosure::Released;
use jiff::Timestamp;
use model::facts;
use model::id::{EntryRef, PartyName};
use rand_core::CryptoRng;
use store::{Act, ChannelRow, ChannelSide, ChannelState, NewEntry, OutboxRow, OutboxState, SealingDraw, View};
use tlog::channel::{ChannelStatement, Origin, Use};
use tlog::checkpoint::{Checkpoint, SignedCheckpoint};
use tlog::commitment::{Salt, commit};
use tlog::cosignature::Cosignature;
use tlog::entry::{Answers, Entry, EntryHeader, EntryKind, Seen, Thread};
use tlog::parcel::{Item, Parcel};

use crate::house::House;
use crate::outgoing::Condition;
use crate::refusal::Refusal;
use crate::release;

/// The most entries in one parcel of ours; each parcel ends in a checkpoint of its own.
const ENTRIES_PER_PARCEL_MAX: usize = 256;
/// The most waiting bodies that one round looks at.
const WAITING_MAX: usize = 4096;
/// The most entry bytes in one parcel of ours, well below the 64 MiB that a receiver must take.
const PARCEL_BYTES_MAX: usize = 16 << 20;
/// A receipt whose time is further than this from our clock is kept, and a person is told.
const CLOCK_APART_SECONDS_MAX: i64 = 300;

/// A parcel ready to be sent.
#[derive(Debug)]
pub struct Outgoing {
    /// The log.
    pub origin: Origin,
    /// The size it was made from.
    pub old: u64,
    /// The size of its checkpoint.
    pub size: u64,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// What the partner answered to a parcel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// 200: the cosignature's line.
    Receipt(Vec<u8>),
    /// 409: the size that the partner holds.
    HoldsSize(u64),
    /// 423: the partner froze the channel.
    Frozen,
    /// Anything else: the status and the reason in the body.
    Refused(u16, String),
}

/// What to do after an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Everything that was sent is receipted; look at the outbox again.
    Settled,
    /// Send from this size.
    SendFrom(u64),
    /// Wait and try again; what stands in the way, in words.
    Wait(String),
}

/// Whether there is a channel of this use to look after, or something that waits for one.
pub fn anything(house: &House, to: &PartyName, use_: Use) -> Result<bool, Refusal> {
    house.store.view(|view| {
        let open = view.channel_with(to, ChannelSide::Ours, use_)?.is_some();
        Ok(open || !view.waiting(to, use_, 1)?.is_empty())
    })
}

/// Appends what may still go to this partner and gives the parcel to send, from the size `from` (the newest receipt if
/// `None`). `None` when nothing waits and everything sent is receipted.
///
/// What may not go any more is withdrawn, with the reason. The head is fenced durably before it is signed.
pub fn next_parcel(
    house: &House,
    to: &PartyName,
    use_: Use,
    from: Option<u64>,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<Option<Outgoing>, Refusal> {
    let draws: Vec<(Salt, SealingDraw)> =
        (0..ENTRIES_PER_PARCEL_MAX).map(|_| (Salt::draw(rng), SealingDraw::draw(rng))).collect();
    let (us, partner) = (house.clone(), to.clone());
    let fenced = house.store.act(move |act| {
        let Some(mut channel) = act.channel_with(&partner, ChannelSide::Ours, use_)? else { return Ok(None) };
        if channel.state != ChannelState::Open || !us.is_confirmed(&channel.origin) {
            return Ok(None);
        }
        // What was appended and has no receipt is sent again first: so a parcel stays within its limits however often it
        // was refused, and what waits can still be stopped.
        if channel.size() == channel.cosigned {
            append_waiting(&us, act, &mut channel, draws, now)?;
        }
        let (size, root) = (channel.size(), channel.range.root());
        if size == channel.cosigned || size == 0 {
            return Ok::<_, Refusal>(None);
        }
        act.fence_head(&channel, size, &root)?;
        let checkpoint = Checkpoint { origin: channel.origin, size, root };
        Ok(Some((channel, checkpoint)))
    })?;
    let Some((channel, checkpoint)) = fenced else { return Ok(None) };
    let old = from.unwrap_or(channel.cosigned).min(checkpoint.size);
    house.store.view(|view| parcel(house, view, &channel, old, &checkpoint)).map(Some)
}

fn append_waiting(
    us: &House,
    act: &mut Act<'_>,
    channel: &mut ChannelRow,
    draws: Vec<(Salt, SealingDraw)>,
    now: Timestamp,
) -> Result<(), Refusal> {
    let partner = channel.partner.clone();
    let mut bytes = 0;
    let mut waiting = act.waiting(&partner, channel.use_, WAITING_MAX)?;
    // What is agreed goes first: an officer who has suspended a domain has stopped what waits for it (stable, so each
    // kind keeps its order).
    waiting.sort_by_key(|row| !(row.kind.starts_with("agreement.") || row.kind.starts_with("domain.")));
    // An entry takes the next draw only when it is appended: what is withdrawn shifts no salt that the partner sees.
    let mut draws = draws.into_iter();
    for row in waiting {
        if bytes > PARCEL_BYTES_MAX || draws.len() == 0 {
            break;
        }
        if let Err(reason) = may_still_go(us, act, &row, now)? {
            act.withdraw(row.id, &reason)?;
            let detail = serde_json::json!({ "kind": row.kind, "reason": reason });
            crate::audit::note(act, now, "node", "delivery.withdraw", &row.id.to_string(), detail, &[])?;
            continue;
        }
        let Some(body) = act.outbox_body(row.id)? else { continue };
        let Some(draw) = draws.next() else { break };
        bytes += body.len();
        append_row(act, channel, &row, body, draw, now)?;
    }
    Ok(())
}

/// Whether a queued body may still be sent; the reason if not.
fn may_still_go(
    us: &House,
    act: &Act<'_>,
    row: &OutboxRow,
    now: Timestamp,
) -> Result<Result<(), String>, Refusal> {
    let condition: Condition = serde_json::from_str(&row.condition).map_err(Refusal::ours)?;
    match condition {
        Condition::Reachable => Ok(Ok(())),
        Condition::ReleaseStands { proposal } => {
            let id = proposal.parse().map_err(Refusal::ours)?;
            let again: Result<Released, Refusal> = release::again(us, act, id, &row.partner, now);
            Ok(match again {
                Ok(released) if released.digest().0 == row.digest => Ok(()),
                Ok(_) => Err("the rendering has changed since it was approved".to_owned()),
                Err(refusal) if refusal.whose == crate::refusal::Whose::Yours => Err(refusal.to_string()),
                Err(refusal) => return Err(refusal),
            })
        }
    }
}

fn append_row(
    act: &mut Act<'_>,
    channel: &mut ChannelRow,
    row: &OutboxRow,
    body: Vec<u8>,
    (salt, draw): (Salt, SealingDraw),
    now: Timestamp,
) -> Result<(), Refusal> {
    let seen = newest_seen(act, channel)?;
    let answers = match &row.answers {
        Some(at) => Some(at.clone()),
        None => first_release(act, row)?,
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
    let entry = Entry { header, body };
    let bytes = entry.encode().map_err(Refusal::ours)?;
    let new = NewEntry {
        kind: row.kind.clone(),
        thread: row.thread,
        answers,
        written: entry.header.written,
        facts,
        commitment: commit(&salt, &bytes),
        salt,
        bytes,
        seen: seen.map_or(0, |s| s.size),
        draw,
    };
    let index = act.append_entry(channel, new, now)?;
    act.outbox_appended(row.id, &EntryRef { origin: channel.origin, index })?;
    Ok(())
}

/// For an update that was decided before the first release had left: that release, which stands in the log by now.
fn first_release(act: &Act<'_>, row: &OutboxRow) -> Result<Option<EntryRef>, Refusal> {
    let Some(copy) = act.copy_in_outbox(row.id)? else { return Ok(None) };
    for earlier in act.copies_of(copy.warning)?.into_iter().filter(|c| c.recipient == copy.recipient) {
        if let Some(OutboxState::Appended(at)) = act.outbox_row(earlier.outbox)?.map(|o| o.state) {
            return Ok(Some(at));
        }
    }
    Ok(None)
}

/// The largest opposite head that we cosigned (log-format §10).
fn newest_seen(view: &View<'_>, channel: &ChannelRow) -> Result<Option<Seen>, Refusal> {
    let Some(opposite) = view.channel_with(&channel.partner, ChannelSide::Theirs, channel.use_)? else {
        return Ok(None);
    };
    if opposite.cosigned == 0 {
        return Ok(None);
    }
    let root = view.root_at(&opposite, opposite.cosigned)?;
    Ok(Some(Seen { origin: opposite.origin, size: opposite.cosigned, root }))
}

/// Signs a fenced checkpoint with the key of its log.
fn sign(house: &House, checkpoint: &Checkpoint) -> Result<SignedCheckpoint, Refusal> {
    checkpoint.sign(&house.keys.log_key(&checkpoint.origin)?).map_err(Refusal::ours)
}

fn parcel(
    house: &House,
    view: &View<'_>,
    channel: &ChannelRow,
    old: u64,
    checkpoint: &Checkpoint,
) -> Result<Outgoing, Refusal> {
    let mut items = Vec::new();
    for index in old..checkpoint.size {
        items.push(match view.open_entry(channel, index)? {
            Some(entry) => Item::Entry { salt: entry.salt, entry: entry.bytes },
            None => {
                let erased = view.commitment(channel, index)?;
                Item::Erased(erased.ok_or_else(|| Refusal::ours(format!("no entry {index} in a log of ours")))?)
            }
        });
    }
    let parcel = Parcel { old, held: None, items, checkpoint: sign(house, checkpoint)? };
    let bytes = parcel.encode().map_err(Refusal::ours)?;
    Ok(Outgoing { origin: channel.origin, old, size: checkpoint.size, bytes })
}

/// Takes the partner's answer to a parcel. A receipt is verified before it counts.
pub fn settle(house: &House, sent: &Outgoing, answer: Answer, now: Timestamp) -> Result<Next, Refusal> {
    match answer {
        Answer::Receipt(line) => keep_receipt(house, sent.origin, sent.size, &line, now),
        Answer::HoldsSize(held) if held <= sent.size => Ok(Next::SendFrom(held)),
        Answer::HoldsSize(held) => Ok(Next::Wait(format!(
            "the partner holds {held} entries of a log that has {} here: this node may run on an old copy of its data. Nothing is signed until that is settled",
            sent.size
        ))),
        Answer::Frozen => Ok(Next::Wait(
            "the partner froze the channel: it holds something we signed that cannot be true. Call its duty desk"
                .to_owned(),
        )),
        Answer::Refused(404, _) => Ok(Next::Wait(
            "the partner does not know this channel; perhaps its officer has not confirmed us yet".to_owned(),
        )),
        Answer::Refused(status, why) => Ok(Next::Wait(format!("the partner refused the parcel ({status}: {why})"))),
    }
}

fn keep_receipt(house: &House, origin: Origin, size: u64, line: &[u8], now: Timestamp) -> Result<Next, Refusal> {
    let text = String::from_utf8_lossy(line).into_owned();
    let cosignature = text.lines().next().and_then(|l| Cosignature::parse_line(l).ok());
    let Some(cosignature) = cosignature else {
        return Ok(Next::Wait("the partner's receipt cannot be read; it does not count".to_owned()));
    };
    let us = house.clone();
    let kept = house.store.act(move |act| {
        let Some(mut channel) = act.channel(&origin)? else {
            return Err(Refusal::ours("a receipt for a log that is not there"));
        };
        let Some(head) = act.head(&channel, size)? else {
            return Err(Refusal::ours(format!("a receipt for size {size}, which was never fenced")));
        };
        let statement = ChannelStatement::parse(channel.statement.as_bytes()).map_err(Refusal::ours)?;
        let checkpoint = Checkpoint { origin, size, root: head.root };
        if cosignature.verify(&checkpoint, &statement.proposal().cosigner).is_err() {
            return Ok(Next::Wait("the partner's receipt does not verify; it does not count".to_owned()));
        }
        let at = i64::try_from(cosignature.time()).ok().and_then(|s| Timestamp::from_second(s).ok());
        let Some(at) = at else { return Ok(Next::Wait("the receipt's time is out of range".to_owned())) };
        let signed = sign(&us, &checkpoint)?.and_line(cosignature.line().clone()).map_err(Refusal::ours)?;
        act.keep_receipt(&mut channel, size, &signed.to_string(), &cosignature.line().to_string(), at)?;
        act.heard_of(&channel.partner, now)?;
        if (at.as_second() - now.as_second()).abs() > CLOCK_APART_SECONDS_MAX {
            let apart = format!("its clock and ours are {} s apart", at.as_second() - now.as_second());
            act.trouble_with(&channel.partner, &apart)?;
        }
        Ok::<_, Refusal>(Next::Settled)
    })?;
    Ok(kept)
}

/// Takes the partner's newest checkpoint of a log of ours, asked for once after every start (log-format §9), `None` if the
/// partner holds nothing yet. A receipt that was lost on its way is kept now.
pub fn head_answer(
    house: &House,
    to: &PartyName,
    use_: Use,
    answer: Option<&[u8]>,
    now: Timestamp,
) -> Result<Next, Refusal> {
    let found = house.store.view(|view| Ok::<_, Refusal>(view.channel_with(to, ChannelSide::Ours, use_)?))?;
    let Some(channel) = found else { return Ok(Next::Settled) };
    let Some(note) = answer else {
        if channel.cosigned > 0 {
            return Ok(Next::Wait("the partner has lost entries that it had receipted".to_owned()));
        }
        house.confirm(&channel.origin);
        return Ok(Next::SendFrom(0));
    };
    let signed = SignedCheckpoint::parse(note)
        .map_err(|e| Refusal::theirs("bad_checkpoint", format!("{to} answered with no checkpoint: {e}")))?;
    let head = signed.checkpoint();
    let log = house.keys.log_key(&channel.origin)?;
    if head.origin != channel.origin || signed.verify_log(log.verifier()).is_err() {
        return Ok(Next::Wait("the partner showed a head that we never signed".to_owned()));
    }
    if head.size > channel.size() || head.size < channel.cosigned {
        return Ok(Next::Wait(format!(
            "the partner holds {} entries, and this node {} ({} receipted): one of the two runs on an old copy of its              data. Nothing is signed until that is settled",
            head.size,
            channel.size(),
            channel.cosigned
        )));
    }
    house.confirm(&channel.origin);
    let statement = ChannelStatement::parse(channel.statement.as_bytes()).map_err(Refusal::ours)?;
    if let Ok(cosignature) = signed.cosignature_of(&statement.proposal().cosigner) {
        keep_receipt(house, channel.origin, head.size, cosignature.line().to_string().as_bytes(), now)?;
    }
    Ok(Next::SendFrom(head.size))
}
