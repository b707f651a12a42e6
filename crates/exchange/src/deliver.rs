//! Delivery: what waits is asked again whether it may still go, appended, fenced, signed and sent, in one breath.
//!
//! The order that makes it safe: (1) append and fence in one durable act; (2) sign the fenced head; (3) send; (4) keep the
//! receipt. A crash after (1) leaves entries that are sent next time with the same bytes; after (3) the partner answers
//! the same parcel with the stored cosignature.

pub(crate) mod waiting;

use jiff::Timestamp;
use model::id::PartyName;
use rand_core::CryptoRng;
use store::{Act, ChannelRow, ChannelSide, ChannelState, SealingDraw, View};
use tlog::channel::{Origin, Use};
use tlog::checkpoint::{Checkpoint, SignedCheckpoint};
use tlog::commitment::Salt;
use tlog::cosignature::Cosignature;
use tlog::parcel::{Item, Parcel};

use crate::alarm;
use crate::erasure;
use crate::evidence::{self, Binds};
use crate::house::House;
use crate::recover::{self, Settled};
use crate::refusal::Refusal;
use crate::statement;
use crate::succession;

/// The most entries in one parcel of ours; each parcel ends in a checkpoint of its own. Each waits for some eight fsyncs, one
/// after another, so many entries share them; other acts wait for the writer as long as one parcel takes.
const ENTRIES_PER_PARCEL_MAX: u64 = 1024;
/// After so many bytes of entries a parcel of ours ends, well below the 64 MiB that a receiver must take.
const PARCEL_BYTES_MAX: usize = 32 << 20;
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
    /// 202: stored up to this size, and not receipted: the partner takes back what it has lost.
    Stored(u64),
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
    /// The partner takes back what it has lost and has come so far: send from this size.
    GoOn(u64),
    /// The partner holds more of this log than we do: take it back, from this index on.
    TakeBack(u64),
    /// Wait and try again; what stands in the way, in words.
    Wait(String),
}

/// Whether something waits for this partner, was appended and has no receipt, or has been lost here. Only looks: a courier asks before it
/// calls anybody.
pub fn anything_waiting(house: &House, to: &PartyName, use_: Use) -> Result<bool, Refusal> {
    house.store.view(|view| {
        let ours = view.channel_with(to, ChannelSide::Ours, use_)?;
        let unsettled = ours
            .as_ref()
            .is_some_and(|c| c.state == ChannelState::Open && (c.recovering || c.cosigned < c.size()));
        Ok(unsettled
            || !view.waiting(to, use_, 1)?.is_empty()
            || recover::looks_for_lost(view, to, use_)?
            || ours.map_or(Ok(false), |c| succession::due(house, view, &c))?)
    })
}

/// How many entries of a log of ours have the partner's receipt.
pub(crate) fn receipted(house: &House, origin: &Origin) -> Result<u64, Refusal> {
    house.store.view(|view| Ok(view.channel(origin)?.map_or(0, |channel| channel.cosigned)))
}

/// What was noted last as standing in the way of delivery to this partner.
pub fn trouble(house: &House, to: &PartyName) -> Result<Option<String>, Refusal> {
    house.store.view(|view| Ok(view.partner(to)?.and_then(|row| row.trouble)))
}

/// Appends what may still go to this partner and gives the parcel to send, from the size `from` (the newest receipt if
/// `None`). `None` when nothing waits and everything sent is receipted.
///
/// What may not go any more is withdrawn, with the reason. The head is fenced durably before it is signed. Call it only when
/// the partner has just answered: what is appended counts as sent. A log that is not confirmed gives nothing.
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
        if channel.state != ChannelState::Open || channel.recovering || !us.is_confirmed(&channel.origin) {
            return Ok(None);
        }
        let old = from.unwrap_or(channel.cosigned).min(channel.size());
        // What was appended and has no receipt, or has been lost by the partner, is sent again first: so a parcel stays
        // within its limits however often it was refused, and what waits can still be stopped.
        let all_sent = old == channel.size() && old == channel.cosigned;
        if all_sent && !succession::appends_nothing(act, &channel)? {
            waiting::append(&us, act, &mut channel, draws, now)?;
        }
        let size = channel.size();
        // Nothing is missing at the partner; a parcel without entries asks for the receipt, if that is.
        if size == old && size == channel.cosigned {
            return Ok::<_, Refusal>(None);
        }
        // To a partner that has lost something no new entry goes before it has all that it had receipted.
        let end = if old < channel.cosigned { channel.cosigned } else { size };
        let checkpoint = fence(act, &channel, end.min(old + ENTRIES_PER_PARCEL_MAX))?;
        Ok(Some((channel, old, checkpoint)))
    })?;
    let Some((channel, old, mut checkpoint)) = fenced else { return Ok(None) };
    let (held, items) = house.store.view(|view| {
        let held = if old < channel.cosigned { newest_receipt(view, &channel)? } else { None };
        Ok::<_, Refusal>((held, items(view, &channel, old, checkpoint.size, PARCEL_BYTES_MAX)?))
    })?;
    let end = old + u64::try_from(items.len()).map_err(Refusal::ours)?;
    if end < checkpoint.size {
        let channel = channel.clone();
        checkpoint = house.store.act(move |act| fence(act, &channel, end))?;
    }
    encode(house, old, held, items, &checkpoint).map(Some)
}

/// The question that costs a partner nothing: a parcel without entries that asks again for the newest receipt. What a
/// refusal of it says holds for every parcel. `None` where nothing was receipted yet.
pub fn question(house: &House, to: &PartyName, use_: Use) -> Result<Option<Outgoing>, Refusal> {
    let asked = house.store.view(|view| {
        let ours = view.channel_with(to, ChannelSide::Ours, use_)?;
        let Some(channel) = ours.filter(|c| c.state == ChannelState::Open && c.cosigned > 0) else {
            return Ok(None);
        };
        let head = view.head(&channel, channel.cosigned)?;
        Ok::<_, Refusal>(head.map(|h| Checkpoint { origin: channel.origin, size: h.size, root: h.root }))
    })?;
    asked.map(|checkpoint| encode(house, checkpoint.size, None, Vec::new(), &checkpoint)).transpose()
}

/// The head of a log of ours at a size it has, fenced durably when the act is: it may be signed then.
pub(crate) fn fence(act: &mut Act<'_>, channel: &ChannelRow, size: u64) -> Result<Checkpoint, Refusal> {
    let root = act.root_at(channel, size)?;
    act.fence_head(channel, size, &root)?;
    Ok(Checkpoint { origin: channel.origin, size, root })
}

/// The partner's newest receipt of a log of ours: shown to a partner that holds less than it has receipted (log-format §9).
pub(crate) fn newest_receipt(
    view: &View<'_>,
    channel: &ChannelRow,
) -> Result<Option<SignedCheckpoint>, Refusal> {
    let note = view.newest_receipt(channel)?.and_then(|head| head.note);
    note.map(|note| SignedCheckpoint::parse(note.as_bytes()).map_err(Refusal::ours)).transpose()
}

/// The items from `old` on, up to `size`; fewer if they have more bytes than that, but one at least.
pub(crate) fn items(
    view: &View<'_>,
    channel: &ChannelRow,
    old: u64,
    size: u64,
    bytes_max: usize,
) -> Result<Vec<Item>, Refusal> {
    let (mut items, mut bytes) = (Vec::new(), 0);
    for index in old..size {
        if bytes > bytes_max {
            break;
        }
        items.push(match view.open_entry(channel, index)? {
            Some(entry) => {
                bytes += entry.bytes.len();
                Item::Entry { salt: entry.salt, entry: entry.bytes }
            }
            None => {
                let erased = view.commitment(channel, index)?;
                Item::Erased(
                    erased.ok_or_else(|| Refusal::ours(format!("no entry {index} in a log of ours")))?,
                )
            }
        });
    }
    Ok(items)
}

fn encode(
    house: &House,
    old: u64,
    held: Option<SignedCheckpoint>,
    items: Vec<Item>,
    checkpoint: &Checkpoint,
) -> Result<Outgoing, Refusal> {
    let signed = house.store.view(|view| statement::sign(house, view, checkpoint))?;
    let parcel = Parcel { old, held, items, checkpoint: signed };
    let bytes = parcel.encode().map_err(Refusal::ours)?;
    Ok(Outgoing { origin: checkpoint.origin, old, size: checkpoint.size, bytes })
}

/// Takes the partner's answer to a parcel. A receipt is verified before it counts. After `Wait` nothing more is appended or
/// signed in this log until the partner has shown its newest head.
pub fn settle(house: &House, sent: &Outgoing, answer: Answer, now: Timestamp) -> Result<Next, Refusal> {
    let for_good = matches!(answer, Answer::Frozen | Answer::Refused(400 | 403 | 413 | 422, _));
    if for_good && succession::cannot_end(house, &sent.origin)? {
        return Ok(Next::Settled);
    }
    let next = match answer {
        Answer::Receipt(line) => keep_receipt(house, sent.origin, sent.size, &line, now)?,
        Answer::Stored(size) => stored(house, sent, size)?,
        Answer::HoldsSize(held) => other_size(house, sent, held)?,
        Answer::Frozen => Next::Wait(
            "the partner froze the channel: it says that it holds something we signed that cannot be true. Call its duty \
             desk, ask which signed head it holds, and warn it by other ways meanwhile"
                .to_owned(),
        ),
        Answer::Refused(404, _) => Next::Wait(
            "the partner does not know this channel; perhaps its officer has not confirmed us yet".to_owned(),
        ),
        Answer::Refused(status, why) => Next::Wait(format!(
            "the partner refused the parcel ({status}: “{why}”). If that stays, call its duty desk and warn it by other ways"
        )),
    };
    match next {
        Next::Wait(_) => house.unconfirm(&sent.origin),
        Next::Settled => succession::ring_if_ended(house, &sent.origin)?,
        Next::SendFrom(_) | Next::GoOn(_) | Next::TakeBack(_) => {}
    }
    Ok(next)
}

/// A partner that takes back what it has lost comes further with every parcel, and cosigns where it has receipted last.
fn stored(house: &House, sent: &Outgoing, size: u64) -> Result<Next, Refusal> {
    let channel = house.store.view(|view| Ok::<_, Refusal>(view.channel(&sent.origin)?))?;
    let cosigned = channel.map_or(0, |c| c.cosigned);
    Ok(if size > sent.old && size <= sent.size && size < cosigned {
        Next::GoOn(size)
    } else {
        Next::Wait(format!(
            "the partner has stored {size} entries and receipts none: it goes on from an old copy of its data and cannot \
             tell what it had receipted. Call its operator; if it cannot, only a successor helps: `forewarn channel succeed`"
        ))
    })
}

fn other_size(house: &House, sent: &Outgoing, held: u64) -> Result<Next, Refusal> {
    let channel = house.store.view(|view| Ok::<_, Refusal>(view.channel(&sent.origin)?))?;
    let channel = channel.ok_or_else(|| Refusal::ours("an answer for a log that is not there"))?;
    // A partner that holds less than it has receipted has lost it: it is sent again, with its own receipt.
    Ok(if held <= channel.size() { Next::SendFrom(held) } else { Next::Wait(claims_more(held, &channel)) })
}

/// A bare number, without our signature: nobody is to act on it alone.
fn claims_more(held: u64, channel: &ChannelRow) -> String {
    let ours = channel.size();
    format!(
        "the partner says that it holds {held} entries of our log, and this node has only {ours}; it showed no signature of \
         ours for that. Nothing is signed. Call its duty desk: either it is wrong, or this node runs on an old copy of its \
         data. The head that it shows next will tell"
    )
}

fn old_copy(held: u64, channel: &ChannelRow) -> String {
    let ours = channel.size();
    format!(
        "the partner holds {held} entries of our log, with our signature, and this node only {ours}: it runs on an old copy \
         of its data, or a second copy of it is running. Nothing is signed. Stop the other one, then `forewarn recover begin`"
    )
}

fn keep_receipt(
    house: &House,
    origin: Origin,
    size: u64,
    line: &[u8],
    now: Timestamp,
) -> Result<Next, Refusal> {
    let text = String::from_utf8_lossy(line).into_owned();
    let cosignature = text.lines().next().and_then(|l| Cosignature::parse_line(l).ok());
    let Some(cosignature) = cosignature else {
        return Ok(Next::Wait(no_receipt("cannot be read")));
    };
    let us = house.clone();
    house.store.act(move |act| {
        let Some(mut channel) = act.channel(&origin)? else {
            return Err(Refusal::ours("a receipt for a log that is not there"));
        };
        receipt(&us, act, &mut channel, size, &cosignature, now)
    })
}

/// Verifies the receipt of a fenced head and keeps it.
fn receipt(
    us: &House,
    act: &mut Act<'_>,
    channel: &mut ChannelRow,
    size: u64,
    cosignature: &Cosignature,
    now: Timestamp,
) -> Result<Next, Refusal> {
    let Some(head) = act.head(channel, size)? else {
        return Err(Refusal::ours(format!("a receipt for size {size}, which was never fenced")));
    };
    let checkpoint = Checkpoint { origin: channel.origin, size, root: head.root };
    if cosignature.verify(&checkpoint, &statement::cosigner(act, channel, size)?).is_err() {
        return Ok(Next::Wait(no_receipt("is not signed by its key over what we sent")));
    }
    let at = i64::try_from(cosignature.time()).ok().and_then(|s| Timestamp::from_second(s).ok());
    let Some(at) = at else { return Ok(Next::Wait(no_receipt("names a time that no clock shows"))) };
    let signed =
        statement::sign(us, act, &checkpoint)?.and_line(cosignature.line().clone()).map_err(Refusal::ours)?;
    let before = channel.cosigned;
    act.keep_receipt(channel, size, &signed.to_string(), &cosignature.line().to_string(), at)?;
    erasure::receipted(us, act, channel, (before, size), now)?;
    act.heard_of(&channel.partner, now)?;
    evidence::caught_up(act, channel)?;
    // A stored line comes back with its old time (D14): it may lie anywhere since we appended what it covers.
    let last = act.entries(channel, size.saturating_sub(1), size)?.pop().map_or(now, |e| e.kept_at);
    let apart = seconds_apart(at, last, now);
    if apart != 0 {
        let words = format!(
            "its clock and ours are {apart} s apart: the receipt counts, with its time as it came. Compare both clocks with a \
             third one and call its duty desk"
        );
        act.trouble_with(&channel.partner, &words)?;
    }
    Ok(Next::Settled)
}

fn no_receipt(why: &str) -> String {
    format!(
        "the partner's receipt {why}; it does not count, and what was sent counts as not receipted. It is sent again by \
         itself; call the partner's duty desk, and do not rely on it having been warned"
    )
}

/// How far the time of a receipt lies outside the span in which it was given, by our clock; 0 within 300 s of it.
fn seconds_apart(at: Timestamp, appended: Timestamp, now: Timestamp) -> i64 {
    let (at, from, to) = (at.as_second(), appended.min(now).as_second(), now.as_second());
    match (from - at, at - to) {
        (early, _) if early > CLOCK_APART_SECONDS_MAX => -early,
        (_, late) if late > CLOCK_APART_SECONDS_MAX => late,
        _ => 0,
    }
}

/// Takes the partner's newest checkpoint of a log of ours, asked for before anything is appended (log-format §9), `None` if
/// the partner holds nothing yet. A receipt that was lost on its way is kept now. Whatever is amiss leaves the log
/// unconfirmed.
pub fn head_answer(
    house: &House,
    to: &PartyName,
    use_: Use,
    answer: Option<&[u8]>,
    now: Timestamp,
) -> Result<Next, Refusal> {
    let found =
        house.store.view(|view| Ok::<_, Refusal>(view.channel_with(to, ChannelSide::Ours, use_)?))?;
    let Some(channel) = found else { return Ok(Next::Settled) };
    let origin = channel.origin;
    house.unconfirm(&origin);
    let Some(note) = answer else {
        // It holds nothing yet, or has lost everything; then it is sent again, with its own receipt.
        let none = house.store.act(move |act| nothing_shown(act, channel, now))?;
        if none == Next::SendFrom(0) {
            house.confirm(&origin);
        }
        return Ok(none);
    };
    let signed = SignedCheckpoint::parse(note).map_err(|e| {
        Refusal::theirs("bad_checkpoint", format!("{to} answered with no checkpoint: {e}"))
            .hint("Call its duty desk; nothing is signed for it meanwhile")
    })?;
    let size = signed.checkpoint().size;
    if !house.store.view(|view| statement::is_ours(house, view, &channel, &signed))? {
        return Ok(Next::Wait(
            "the partner showed a head that we never signed. Nothing is signed for it until it shows a true one: call its \
             duty desk"
                .to_owned(),
        ));
    }
    let us = house.clone();
    let stands = house.store.act(move |act| head_shown(&us, act, channel, &signed, now))?;
    if matches!(stands, Next::Wait(_) | Next::TakeBack(_)) {
        return Ok(stands);
    }
    house.confirm(&origin);
    Ok(Next::SendFrom(size))
}

fn nothing_shown(act: &mut Act<'_>, mut channel: ChannelRow, now: Timestamp) -> Result<Next, Refusal> {
    Ok(match recover::settle_ours(act, &mut channel, now)? {
        Settled::Yes => Next::SendFrom(0),
        Settled::No(why) => Next::Wait(why),
    })
}

/// Compares a head of ours that the partner showed, with our own signature, with the log as we have it.
fn head_shown(
    us: &House,
    act: &mut Act<'_>,
    mut channel: ChannelRow,
    signed: &SignedCheckpoint,
    now: Timestamp,
) -> Result<Next, Refusal> {
    let head = *signed.checkpoint();
    if head.size > channel.size() {
        if channel.recovering {
            return Ok(Next::TakeBack(channel.size()));
        }
        evidence::behind(act, &channel, now)?;
        return Ok(Next::Wait(old_copy(head.size, &channel)));
    }
    if act.root_at(&channel, head.size)? != head.root {
        let what =
            format!("a head of size {} that we signed, with another root than our entries give", head.size);
        if evidence::keep_note(act, &channel, &what, Binds::Giver, signed, now)? {
            alarm::line(act, "a partner showed a signature of ours that cannot be true: look now", now)?;
        }
        return Ok(Next::Wait(format!("the partner showed {what}. Nothing is signed until that is settled")));
    }
    act.fence_head(&channel, head.size, &head.root)?;
    let kept = keep_shown_receipt(us, act, &mut channel, signed, now)?;
    if matches!(kept, Next::Wait(_)) {
        return Ok(kept);
    }
    Ok(match recover::settle_ours(act, &mut channel, now)? {
        Settled::Yes => kept,
        Settled::No(why) => Next::Wait(why),
    })
}

/// Keeps the receipt that a shown head of ours carries, if it carries one; without the partner's line it is none, and the
/// next parcel asks for it. The head is fenced.
pub(crate) fn keep_shown_receipt(
    us: &House,
    act: &mut Act<'_>,
    channel: &mut ChannelRow,
    signed: &SignedCheckpoint,
    now: Timestamp,
) -> Result<Next, Refusal> {
    match signed.cosignature_of(&statement::cosigner(act, channel, signed.checkpoint().size)?) {
        Ok(cosignature) => receipt(us, act, channel, signed.checkpoint().size, &cosignature, now),
        Err(_) => Ok(Next::Settled),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_may_be_as_old_as_what_it_covers() {
        let at = |seconds: i64| Timestamp::from_second(1_796_000_000 + seconds).unwrap();
        for (receipt, appended, now, apart) in [
            (0, 0, 0, 0),
            (5, 0, 90_000, 0),
            (300, 0, 0, 0),
            (301, 0, 0, 301),
            (-300, 0, 90_000, 0),
            (-301, 0, 90_000, -301),
            (90_301, 0, 90_000, 301),
            (-100, 50, 0, 0),
        ] {
            assert_eq!(
                seconds_apart(at(receipt), at(appended), at(now)),
                apart,
                "{receipt} {appended} {now}"
            );
        }
    }
}
