//! A partner's parcel arrives: the checks of log-format §6 in their order, then one transaction, then the receipt.

use jiff::Timestamp;
use model::caller::Partner;
use model::facts;
use model::id::EntryRef;
use rand_core::CryptoRng;
use store::{Act, ChannelRow, ChannelSide, ChannelState, NewEntry, SealingDraw};
use tlog::channel::{ChannelStatement, Origin};
use tlog::checkpoint::SignedCheckpoint;
use tlog::commitment::commit;
use tlog::cosignature::cosign;
use tlog::entry::Entry;
use tlog::hash::leaf_hash;
use tlog::parcel::{Item, Parcel};
use tlog::tree::CompactRange;

use crate::alarm;
use crate::house::House;
use crate::refusal::Refusal;

/// The answer to a parcel; the door turns it into a status and a body (log-format §6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Receipt {
    /// 200: stored and cosigned; the cosignature's line.
    Held(String),
    /// 404: no such log for this caller. The same whether it is unknown or another's.
    Unknown,
    /// 423: the channel is frozen.
    Frozen,
    /// 400: does not parse.
    Unreadable(String),
    /// 403: not signed by the key of the log, or a stray line.
    NotSigned(String),
    /// 409: another size is held.
    HoldsSize(u64),
    /// 422: an entry's frame is wrong.
    BadEntry {
        /// Its index.
        index: u64,
        /// Why.
        why: &'static str,
    },
    /// 422: the entries do not give the signed root; the channel is frozen now.
    BadRoot,
    /// 503: an entry names more of our log than we have; we must recover first.
    Recovering,
}

/// Takes a parcel from a confirmed partner. `Held` is answered only after everything is durable.
pub fn parcel(
    house: &House,
    from: &Partner,
    origin: Origin,
    bytes: &[u8],
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<Receipt, Refusal> {
    let parsed = Parcel::parse(bytes);
    let count = parsed.as_ref().map_or(0, |p| p.items.len());
    let draws: Vec<SealingDraw> = (0..count).map(|_| SealingDraw::draw(rng)).collect();
    let (us, from, bytes) = (house.clone(), from.name.clone(), bytes.to_vec());
    let receipt = house.store.act(move |act| {
        let channel = act.channel(&origin)?.filter(|c| c.partner == from && c.side == ChannelSide::Theirs);
        let Some(channel) = channel else { return Ok::<_, Refusal>(Receipt::Unknown) };
        if matches!(channel.state, ChannelState::Frozen(_)) {
            return Ok(Receipt::Frozen);
        }
        match parsed {
            Err(e) => Ok(Receipt::Unreadable(e.to_string())),
            Ok(parcel) => take(&us, act, channel, &parcel, draws, &bytes, now),
        }
    })?;
    if matches!(receipt, Receipt::Held(_)) {
        (house.bell)();
    }
    Ok(receipt)
}

fn take(
    us: &House,
    act: &mut Act<'_>,
    mut channel: ChannelRow,
    parcel: &Parcel,
    draws: Vec<SealingDraw>,
    bytes: &[u8],
    now: Timestamp,
) -> Result<Receipt, Refusal> {
    let statement = ChannelStatement::parse(channel.statement.as_bytes()).map_err(Refusal::ours)?;
    if let Some(refused) = check_signature(&channel, &statement, &parcel.checkpoint) {
        return Ok(refused);
    }
    let head = *parcel.checkpoint.checkpoint();
    if head.size <= channel.size() && act.root_at(&channel, head.size)? != head.root {
        let what = format!("a signed head of size {} with another root than the entries held give", head.size);
        freeze(act, &channel, &what, &parcel.checkpoint, bytes, now)?;
        return Ok(Receipt::BadRoot);
    }
    if head.size <= channel.size()
        && let Some(stored) = act.head(&channel, head.size)?.and_then(|h| h.line)
    {
        return Ok(Receipt::Held(stored));
    }
    if parcel.old != channel.size() {
        return Ok(Receipt::HoldsSize(channel.size()));
    }
    let mut frames = Frames { us, act, channel: &channel, statement: &statement, written: channel.written, seen: channel.seen };
    let mut entries = Vec::with_capacity(parcel.items.len());
    for (index, item) in (parcel.old..).zip(&parcel.items) {
        match frames.check(index, item)? {
            Ok(entry) => entries.push(entry),
            Err(refused) => return Ok(refused),
        }
    }
    let mut grown = channel.range.clone();
    grow(&mut grown, &parcel.items);
    if grown.root() != head.root {
        let what = format!("entries {} to {} do not give the root that was signed", parcel.old, head.size);
        freeze(act, &channel, &what, &parcel.checkpoint, bytes, now)?;
        return Ok(Receipt::BadRoot);
    }
    for ((entry, item), draw) in entries.into_iter().zip(&parcel.items).zip(draws) {
        keep(us, act, &mut channel, entry, item, draw, now)?;
    }
    cosign_head(us, act, &mut channel, &parcel.checkpoint, now).map(Receipt::Held)
}

fn check_signature(
    channel: &ChannelRow,
    statement: &ChannelStatement,
    checkpoint: &SignedCheckpoint,
) -> Option<Receipt> {
    let said = statement.proposal();
    if checkpoint.checkpoint().origin != channel.origin {
        return Some(Receipt::NotSigned("the checkpoint is of another log".to_owned()));
    }
    if let Err(e) = checkpoint.verify_log(&said.log).and_then(|()| checkpoint.check_lines(&[&said.log])) {
        return Some(Receipt::NotSigned(e.to_string()));
    }
    None
}

fn grow(range: &mut CompactRange, items: &[Item]) {
    for item in items {
        range.append(leaf_hash(&item.commitment()));
    }
}

/// The receiver's frame check of each entry in its turn (log-format §4): header, padding, origin, index, times, `seen`,
/// `answers`. The body is not looked at.
struct Frames<'a, 'b> {
    us: &'a House,
    act: &'a Act<'b>,
    channel: &'a ChannelRow,
    statement: &'a ChannelStatement,
    written: Timestamp,
    seen: u64,
}

impl Frames<'_, '_> {
    fn check(&mut self, index: u64, item: &Item) -> Result<Result<Entry, Receipt>, Refusal> {
        let bad = |why| Ok(Err(Receipt::BadEntry { index, why }));
        let Item::Entry { entry: bytes, .. } = item else { return bad("erased") };
        let Ok(entry) = Entry::parse(bytes) else { return bad("frame") };
        let header = &entry.header;
        if header.origin != self.channel.origin {
            return bad("origin");
        }
        if header.index != index {
            return bad("index");
        }
        if header.written < self.written {
            return bad("written");
        }
        if (index == 0) != (header.kind.as_str() == "channel.opened")
            || (index == 0 && entry.body != self.statement.as_bytes())
        {
            return bad("statement");
        }
        match self.seen_is_true(header.seen.as_ref().map(|s| (s.origin, s.size, s.root)))? {
            Some(Receipt::Recovering) => return Ok(Err(Receipt::Recovering)),
            Some(_) => return bad("seen"),
            None => {}
        }
        if let Some(answers) = &header.answers
            && !self.can_be_answered(answers.origin, answers.index, index)?
        {
            return bad("answers");
        }
        self.written = header.written;
        self.seen = header.seen.as_ref().map_or(self.seen, |s| s.size);
        Ok(Ok(entry))
    }

    fn ours(&self) -> Result<Option<ChannelRow>, Refusal> {
        Ok(self.act.channel_with(&self.channel.partner, ChannelSide::Ours, self.channel.use_)?)
    }

    fn seen_is_true(&self, seen: Option<(Origin, u64, tlog::hash::Hash)>) -> Result<Option<Receipt>, Refusal> {
        let wrong = Ok(Some(Receipt::BadRoot));
        let Some((origin, size, root)) = seen else {
            return if self.seen == 0 { Ok(None) } else { wrong };
        };
        let Some(ours) = self.ours()? else { return wrong };
        if origin != ours.origin || size < self.seen {
            return wrong;
        }
        if size > ours.size() {
            return Ok(Some(Receipt::Recovering));
        }
        if self.act.root_at(&ours, size)? == root { Ok(None) } else { wrong }
    }

    fn can_be_answered(&self, origin: Origin, index: u64, own_index: u64) -> Result<bool, Refusal> {
        if origin == self.channel.origin {
            return Ok(index < own_index);
        }
        let _ = self.us;
        Ok(self.ours()?.is_some_and(|ours| ours.origin == origin && index < ours.size()))
    }
}

fn keep(
    us: &House,
    act: &mut Act<'_>,
    channel: &mut ChannelRow,
    entry: Entry,
    item: &Item,
    draw: SealingDraw,
    now: Timestamp,
) -> Result<(), Refusal> {
    let Item::Entry { salt, entry: bytes } = item else {
        return Err(Refusal::ours("an erased item passed the frame check"));
    };
    let header = &entry.header;
    let facts = facts::of_entry(header.kind.as_str(), channel.use_, &entry.body);
    let new = NewEntry {
        kind: header.kind.as_str().to_owned(),
        thread: *header.thread.as_bytes(),
        answers: header.answers.map(|a| EntryRef { origin: a.origin, index: a.index }),
        written: header.written,
        commitment: commit(salt, bytes),
        salt: salt.clone(),
        bytes: bytes.clone(),
        seen: header.seen.map_or(0, |s| s.size),
        draw,
        facts: facts.clone(),
    };
    let index = act.append_entry(channel, new, now)?;
    let at = EntryRef { origin: channel.origin, index };
    alarm::raise(us, act, channel, &at, header.kind.as_str(), &facts, now)
}

fn cosign_head(
    us: &House,
    act: &mut Act<'_>,
    channel: &mut ChannelRow,
    signed: &SignedCheckpoint,
    now: Timestamp,
) -> Result<String, Refusal> {
    let head = *signed.checkpoint();
    act.fence_head(channel, head.size, &head.root)?;
    // The times of one origin never fall, whatever the clock does.
    let at = now.max(channel.cosigned_at);
    let seconds = u64::try_from(at.as_second()).map_err(Refusal::ours)?;
    let cosignature = cosign(&head, seconds, &us.keys.cosigner).map_err(Refusal::ours)?;
    let note = signed.and_line(cosignature.line().clone()).map_err(Refusal::ours)?;
    let line = cosignature.line().to_string();
    let at = Timestamp::from_second(at.as_second()).map_err(Refusal::ours)?;
    act.keep_receipt(channel, head.size, &note.to_string(), &line, at)?;
    act.heard_of(&channel.partner, now)?;
    Ok(line)
}

fn freeze(
    act: &mut Act<'_>,
    channel: &ChannelRow,
    what: &str,
    note: &SignedCheckpoint,
    parcel: &[u8],
    now: Timestamp,
) -> Result<(), Refusal> {
    act.keep_evidence(channel, what, &note.to_string(), Some(parcel), now)?;
    act.freeze_channel(channel, what)?;
    alarm::line(act, "A channel is frozen: a partner signed what cannot be true. See `forewarn doctor`", now)?;
    let detail = serde_json::json!({ "what": what });
    crate::audit::note(act, now, "node", "channel.freeze", channel.partner.as_str(), detail, &[])
}

/// The newest checkpoint of a partner's log as we hold it, with our own line; `None` while we hold nothing. For the giver
/// of the log only; another caller gets the same `None`.
pub fn newest_head(house: &House, caller: &Partner, origin: Origin) -> Result<Option<String>, Refusal> {
    house.store.view(|view| {
        let channel = view.channel(&origin)?.filter(|c| c.partner == caller.name && c.side == ChannelSide::Theirs);
        let Some(channel) = channel else { return Ok(None) };
        Ok(view.newest_receipt(&channel)?.and_then(|head| head.note))
    })
}
