//! A partner's parcel arrives: the checks of log-format §6 in their order, then one transaction, then the receipt.

mod answered;

pub use answered::Receipt;

use jiff::Timestamp;
use model::caller::Partner;
use model::facts::{self, Facts};
use model::id::{EntryRef, PartyName};
use rand_core::CryptoRng;
use store::{Act, ChannelRow, ChannelSide, ChannelState, NewEntry, SealingDraw, View};
use tlog::channel::{Origin, Use};
use tlog::checkpoint::{Checkpoint, SignedCheckpoint};
use tlog::commitment::{Commitment, Salt};
use tlog::cosignature::cosign;
use tlog::entry::{Entry, EntryHeader};
use tlog::hash::{Hash, leaf_hash};
use tlog::parcel::{Item, Parcel};

use crate::alarm;
use crate::budget;
use crate::chain::{self, SeenHead};
use crate::erasure::{self, Kept};
use crate::evidence::{self, Binds};
use crate::house::House;
use crate::recover::{self, HeldBefore, Settled};
use crate::refusal::Refusal;
use crate::statement;

/// Why an item that is called erased is refused.
const ERASED: &str = "erased";

/// An entry of a parcel, read without the log that it is to stand in; `Err` says what is wrong with its frame.
type Read = Result<Shown, &'static str>;

/// What a parcel shows of an entry.
enum Shown {
    /// All of it.
    Opened(Box<Opened>),
    /// Its commitment alone: it was erased after a recall.
    Erased(Commitment),
}

/// What an entry says, with its exact bytes.
struct Opened {
    header: EntryHeader,
    /// Of entries of the channel itself: the body, to be compared with a statement.
    statement: Option<Vec<u8>>,
    facts: Facts,
    commitment: Commitment,
    salt: Salt,
    bytes: Vec<u8>,
}

/// A parcel whose signature is right and whose entries are read.
struct Arrived {
    old: u64,
    note: SignedCheckpoint,
    held: Option<SignedCheckpoint>,
    entries: Vec<Read>,
    leaves: Vec<Hash>,
    draws: Vec<SealingDraw>,
}

/// Takes a parcel from a confirmed partner. `Held` is answered only after everything is durable.
///
/// What does not rest on the log is done before the act, so that one partner's large parcel does not keep all others
/// waiting for the writer.
pub fn parcel(
    house: &House,
    from: &Partner,
    origin: Origin,
    bytes: &[u8],
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<Receipt, Refusal> {
    let channel = match unread(house, from, origin)? {
        Ok(channel) => channel,
        Err(refused) => return Ok(refused),
    };
    let parcel = match Parcel::parse(bytes) {
        Ok(parcel) => parcel,
        Err(e) => return Ok(Receipt::Unreadable(e.to_string())),
    };
    statement::learn(house, &channel, &parcel)?;
    let stray =
        house.store.view(|view| match statement::not_signed(view, &channel, &parcel.checkpoint)? {
            Some(why) => Ok(Some((why, parcel.checkpoint.clone()))),
            None => {
                let Some(held) = &parcel.held else { return Ok(None) };
                Ok::<_, Refusal>(
                    statement::not_held(house, view, &channel, held)?.map(|why| (why, held.clone())),
                )
            }
        })?;
    if let Some((why, note)) = stray {
        let what = why.clone();
        house.store.act(move |act| keep_refused(act, &channel, &what, Binds::Nobody, &note, now))?;
        return Ok(Receipt::NotSigned(why));
    }
    let arrived = Arrived::read(parcel, &channel, rng);
    let (us, from) = (house.clone(), from.name.clone());
    let taken = house.store.act(move |act| match theirs(act, &from, &origin)? {
        None => Ok(Taken::Answered(Receipt::Unknown)),
        Some(channel) if matches!(channel.state, ChannelState::Frozen(_)) => {
            Ok(Taken::Answered(Receipt::Frozen))
        }
        Some(channel) => take(&us, act, channel, arrived, now),
    })?;
    let receipt = match taken {
        Taken::Answered(receipt) => receipt,
        Taken::Untrue(what, note) => {
            let bytes = bytes.to_vec();
            house.store.act(move |act| match act.channel(&channel.origin)?.map(|c| c.state) {
                // Another parcel froze it in between. What was signed here stands as well.
                Some(ChannelState::Frozen(_)) => {
                    evidence::keep_with(act, &channel, &what, (&note, &bytes), now)
                }
                _ => freeze(act, &channel, &what, &note, &bytes, now),
            })?;
            Receipt::BadRoot
        }
    };
    // What came in waits for people; and so does the notice of a channel that is frozen now.
    if matches!(receipt, Receipt::Held(_) | Receipt::BadRoot) {
        (house.bell)();
    }
    Ok(receipt)
}

/// The answer to a parcel that need not be read for it: to another's log, and to a frozen one. `None`: read it.
///
/// # Errors
/// The store's only.
pub fn answered_unread(house: &House, from: &Partner, origin: Origin) -> Result<Option<Receipt>, Refusal> {
    Ok(unread(house, from, origin)?.err())
}

fn unread(house: &House, from: &Partner, origin: Origin) -> Result<Result<ChannelRow, Receipt>, Refusal> {
    let found = house.store.view(|view| theirs(view, &from.name, &origin))?;
    Ok(match found {
        None => Err(Receipt::Unknown),
        Some(channel) if matches!(channel.state, ChannelState::Frozen(_)) => Err(Receipt::Frozen),
        Some(channel) => Ok(channel),
    })
}

/// The log of this origin, if this partner is its giver.
fn theirs(view: &View<'_>, from: &PartyName, origin: &Origin) -> Result<Option<ChannelRow>, Refusal> {
    Ok(view.channel(origin)?.filter(|c| c.partner == *from && c.side == ChannelSide::Theirs))
}

impl Arrived {
    /// Reads the entries, unless the size that is held says already that they are not looked at.
    fn read(parcel: Parcel, channel: &ChannelRow, rng: &mut impl CryptoRng) -> Self {
        let Parcel { old, held, items, checkpoint: note } = parcel;
        let wanted = note.checkpoint().size > channel.size() && old >= channel.size();
        let (mut entries, mut leaves) = (Vec::new(), Vec::new());
        for item in items.into_iter().filter(|_| wanted) {
            let commitment = item.commitment();
            leaves.push(leaf_hash(&commitment));
            entries.push(read(item, commitment, channel.use_));
        }
        let draws = entries.iter().map(|_| SealingDraw::draw(rng)).collect();
        Self { old, note, held, entries, leaves, draws }
    }
}

fn read(item: Item, commitment: Commitment, use_: Use) -> Read {
    let Item::Entry { salt, entry: bytes } = item else { return Ok(Shown::Erased(commitment)) };
    let Ok(Entry { header, body }) = Entry::parse(&bytes) else { return Err("frame") };
    let facts = facts::of_entry(header.kind.as_str(), use_, &body);
    let statement = matches!(facts, Facts::Channel).then_some(body);
    Ok(Shown::Opened(Box::new(Opened { header, statement, facts, commitment, salt, bytes })))
}

/// What became of a parcel in the act.
enum Taken {
    /// This is its answer.
    Answered(Receipt),
    /// What was signed cannot be true: the channel is to be frozen for this reason.
    Untrue(String, SignedCheckpoint),
}

fn take(
    us: &House,
    act: &mut Act<'_>,
    mut channel: ChannelRow,
    arrived: Arrived,
    now: Timestamp,
) -> Result<Taken, Refusal> {
    let Arrived { old, note, held, entries, leaves, draws } = arrived;
    let head = *note.checkpoint();
    let shown_held = held.as_ref().map_or(0, |held| held.checkpoint().size);
    if let Some(held) = held
        && let Some(untrue) = shown_as_held(act, &mut channel, held, now)?
    {
        return Ok(untrue);
    }
    if head.size <= channel.size() {
        if act.root_at(&channel, head.size)? != head.root {
            let size = head.size;
            let what = format!("a signed head of size {size} with another root than the entries held give");
            return Ok(Taken::Untrue(what, note));
        }
        if let Some(stored) = act.head(&channel, head.size)?.and_then(|h| h.line) {
            return Ok(Taken::Answered(Receipt::Held(stored)));
        }
    }
    if channel.is_succeeded() {
        return Ok(Taken::Answered(Receipt::Frozen));
    }
    let refused_before = evidence::refused_heads(act, &channel)?;
    let second_head =
        |size, root| refused_before.iter().any(|(before, other)| *before == size && *other != root);
    let two_heads = |size| {
        format!("two signed heads of size {size} with two roots; the first of them was refused before")
    };
    if second_head(head.size, head.root) {
        return Ok(Taken::Untrue(two_heads(head.size), note));
    }
    if old != channel.size() {
        return Ok(Taken::Answered(Receipt::HoldsSize(channel.size())));
    }
    let missed = recover::missed(act, &channel)?;
    if !missed.may_store(head.size) {
        return Ok(Taken::Answered(Receipt::Recovering));
    }
    let ours = act.channel_with(&channel.partner, ChannelSide::Ours, channel.use_)?;
    let frames = Frames::of(act, &channel, shown_held)?;
    if let Some(refused) = frames.first_wrong(old, &entries)? {
        refused_frame(us, act, &channel, ours.as_ref(), (&refused, &note), now)?;
        return Ok(Taken::Answered(refused));
    }
    let mut grown = channel.range.clone();
    for leaf in leaves {
        grown.append(leaf);
        if !missed.agrees(&grown) {
            let size = grown.size();
            return Ok(Taken::Untrue(format!("other entries than the {size} that we cosigned"), note));
        }
        if grown.size() < head.size && second_head(grown.size(), grown.root()) {
            return Ok(Taken::Untrue(two_heads(grown.size()), note));
        }
    }
    if grown.root() != head.root {
        let what = format!("entries {old} to {} do not give the root that was signed", head.size);
        return Ok(Taken::Untrue(what, note));
    }
    keep_all(us, act, &mut channel, entries.into_iter().zip(draws), now)?;
    receipt(us, act, channel, note, now)
}

/// Keeps what passed every check, in its order.
fn keep_all(
    us: &House,
    act: &mut Act<'_>,
    channel: &mut ChannelRow,
    entries: impl Iterator<Item = (Read, SealingDraw)>,
    now: Timestamp,
) -> Result<(), Refusal> {
    let before = HeldBefore::of(us, act, channel)?;
    for (entry, draw) in entries {
        match entry.map_err(|_| Refusal::ours("an entry without a frame passed the check"))? {
            Shown::Opened(entry) => keep(us, act, channel, (*entry, draw), &before, now)?,
            Shown::Erased(commitment) => erasure::keep(act, channel, &commitment, now)?,
        }
    }
    Ok(())
}

/// Takes what a giver shows as cosigned by us last: if it is more than we hold, we have lost it, and cosign nothing before
/// the copy has grown into it (log-format §9). It carries our own signature, so nobody else can say so.
fn shown_as_held(
    act: &mut Act<'_>,
    channel: &mut ChannelRow,
    held: SignedCheckpoint,
    now: Timestamp,
) -> Result<Option<Taken>, Refusal> {
    let head = *held.checkpoint();
    if head.size > channel.size() {
        if !channel.recovering {
            evidence::behind(act, channel, now)?;
        }
        if recover::held(channel)?.is_none_or(|kept| head.size > kept.checkpoint().size) {
            act.grow_into(channel, &held.to_string())?;
        }
        return Ok(None);
    }
    if act.root_at(channel, head.size)? != head.root {
        let what = format!(
            "a head of size {} that we cosigned, with another root than the entries held give",
            head.size
        );
        return Ok(Some(Taken::Untrue(what, held)));
    }
    Ok(None)
}

/// Cosigns what is stored now; or answers that it is stored, while it is not settled what we have cosigned before.
fn receipt(
    us: &House,
    act: &mut Act<'_>,
    mut channel: ChannelRow,
    note: SignedCheckpoint,
    now: Timestamp,
) -> Result<Taken, Refusal> {
    if let Some(held) = recover::held(&channel)?.filter(|held| held.checkpoint().size <= channel.size()) {
        take_own_receipt(act, &mut channel, &held)?;
    }
    match recover::settle_theirs(act, &mut channel, now)? {
        Settled::Yes => {
            cosign_head(us, act, &mut channel, &note, now).map(|line| Taken::Answered(Receipt::Held(line)))
        }
        Settled::No(_) => {
            // Shown to the giver, should it have lost it, too: its own line is enough for it to take it back.
            let head = *note.checkpoint();
            act.fence_head(&channel, head.size, &head.root)?;
            act.keep_note(&channel, head.size, &note.to_string())?;
            Ok(Taken::Answered(Receipt::Stored(channel.size())))
        }
    }
}

/// The copy has grown into what we cosigned before: that receipt is ours again, with its old time.
fn take_own_receipt(
    act: &mut Act<'_>,
    channel: &mut ChannelRow,
    held: &SignedCheckpoint,
) -> Result<(), Refusal> {
    let Checkpoint { size, root, .. } = *held.checkpoint();
    let own = held
        .cosignature_of(&statement::cosigner(act, channel, held.checkpoint().size)?)
        .map_err(Refusal::ours)?;
    let at = i64::try_from(own.time()).map_err(Refusal::ours)?;
    let at = Timestamp::from_second(at).map_err(Refusal::ours)?;
    act.fence_head(channel, size, &root)?;
    act.keep_receipt(channel, size, &held.to_string(), &own.line().to_string(), at)?;
    Ok(())
}

/// Keeps what a refusal of a frame leaves behind: the note (log-format §6); or, where it names more of our own log than we
/// have, the alarm that we may run on an old copy, and we sign no more of it (§9).
fn refused_frame(
    us: &House,
    act: &mut Act<'_>,
    channel: &ChannelRow,
    ours: Option<&ChannelRow>,
    (refused, note): (&Receipt, &SignedCheckpoint),
    now: Timestamp,
) -> Result<(), Refusal> {
    match (refused, ours) {
        (Receipt::Recovering, Some(ours)) => {
            us.unconfirm(&ours.origin);
            evidence::behind(act, ours, now)?;
            recover::look_for_lost(act, channel)
        }
        (Receipt::Recovering, None) => recover::look_for_lost(act, channel),
        (Receipt::BadEntry { index, why }, _) => {
            let what = format!("entry {index} was refused: {why}");
            keep_refused(act, channel, &what, Binds::Giver, note, now)
        }
        _ => Ok(()),
    }
}

/// Keeps a note that came with what was refused, and tells people where to look.
fn keep_refused(
    act: &mut Act<'_>,
    channel: &ChannelRow,
    what: &str,
    binds: Binds,
    note: &SignedCheckpoint,
    now: Timestamp,
) -> Result<(), Refusal> {
    if evidence::keep_note(act, channel, what, binds, note, now)? {
        let words = "what a partner sent was refused, and its signed note kept: see `forewarn doctor`";
        alarm::once(act, channel, words, words, now)?;
    }
    Ok(())
}

/// The receiver's frame check of each entry in its turn (log-format §4): header, padding, origin, index, times, `seen`,
/// `answers`. The body is not looked at.
struct Frames<'a, 'b> {
    act: &'a Act<'b>,
    channel: &'a ChannelRow,
    /// This log and those it goes on from.
    chain: Vec<ChannelRow>,
    /// Our logs in the opposite direction, the newest first.
    ours: Vec<ChannelRow>,
    /// The size of the checkpoint that the giver shows as cosigned by us last; 0 if it shows none.
    shown_held: u64,
}

impl<'a, 'b> Frames<'a, 'b> {
    fn of(act: &'a Act<'b>, channel: &'a ChannelRow, shown_held: u64) -> Result<Self, Refusal> {
        let (chain, ours) = (chain::of(act, channel.clone())?, chain::opposite(act, channel)?);
        Ok(Self { act, channel, chain, ours, shown_held })
    }

    /// The answer to the first entry whose frame is wrong.
    fn first_wrong(&self, old: u64, entries: &[Read]) -> Result<Option<Receipt>, Refusal> {
        let (mut written, mut seen) = (self.channel.written, self.channel.seen);
        let mut ended = statement::has_ended(self.act, self.channel)?;
        for (index, entry) in (old..).zip(entries) {
            let bad = |why| Ok(Some(Receipt::BadEntry { index, why }));
            let entry = match entry {
                Ok(Shown::Opened(entry)) => entry,
                Ok(Shown::Erased(_)) if index > 0 && index < self.shown_held => continue,
                Ok(Shown::Erased(_)) => return bad(ERASED),
                Err(why) => return bad(why),
            };
            let header = &entry.header;
            if header.origin != self.channel.origin {
                return bad("origin");
            }
            if header.index != index {
                return bad("index");
            }
            if header.written < written {
                return bad("written");
            }
            let kind = header.kind.as_str();
            if ended
                || !statement::frame_fits(self.act, self.channel, index, kind, entry.statement.as_deref())?
            {
                return bad(if ended { "ended" } else { "statement" });
            }
            ended = kind == statement::SUCCEEDED;
            match chain::judge_seen(self.act, &self.ours, header.seen.as_ref(), seen)? {
                SeenHead::True => {}
                SeenHead::False => return bad("seen"),
                SeenHead::BeyondOurs => return Ok(Some(Receipt::Recovering)),
            }
            let answers = header.answers.as_ref();
            if answers
                .is_some_and(|a| !chain::can_be_answered((&self.chain, &self.ours), a.origin, a.index, index))
            {
                return bad("answers");
            }
            written = header.written;
            let newest = self.ours.first().map(|log| log.origin);
            seen = header.seen.as_ref().filter(|s| Some(s.origin) == newest).map_or(seen, |s| s.size);
        }
        self.first_without_recall(old, entries)
    }

    /// What a giver calls erased is known by a recall alone. The recall may come in a later parcel, but not beyond what we
    /// have cosigned: up to there we held either the text or the recall (log-format §6).
    fn first_without_recall(&self, old: u64, entries: &[Read]) -> Result<Option<Receipt>, Refusal> {
        let (mut erased, mut recalls) = (Vec::new(), Vec::new());
        let mut end = old;
        for entry in entries.iter().flatten() {
            match entry {
                Shown::Erased(_) => erased.push(end),
                Shown::Opened(entry) => recalls.extend(match &entry.facts {
                    // One that answers an entry of an earlier log names nothing in this one.
                    Facts::Recalled(recall) => {
                        let answers = entry.header.answers.as_ref();
                        let here = answers.is_none_or(|a| a.origin == self.channel.origin);
                        let named = answers.map_or(recall.recalls, |a| a.index);
                        recall.names_a_release().filter(|_| here).map(|_| named)
                    }
                    _ => None,
                }),
            }
            end += 1;
        }
        let held = recover::held(self.channel)?.map_or(0, |held| held.checkpoint().size);
        if end < held.max(self.shown_held) {
            return Ok(None);
        }
        let first = erasure::first_unnamed(self.act, self.channel, (&erased, &recalls), end)?;
        Ok(first.map(|index| Receipt::BadEntry { index, why: ERASED }))
    }
}

fn keep(
    us: &House,
    act: &mut Act<'_>,
    channel: &mut ChannelRow,
    (entry, draw): (Opened, SealingDraw),
    before: &HeldBefore,
    now: Timestamp,
) -> Result<(), Refusal> {
    let Opened { header, facts, commitment, salt, bytes, .. } = entry;
    budget::count(act, channel, bytes.len(), now)?;
    let thread = *header.thread.as_bytes();
    let answers = header.answers.map(|a| EntryRef { origin: a.origin, index: a.index });
    let new = NewEntry {
        kind: header.kind.as_str().to_owned(),
        thread,
        answers: answers.clone(),
        written: header.written,
        commitment,
        salt,
        bytes,
        seen: chain::seen_size(act, channel, header.seen.as_ref())?,
        draw,
        facts: facts.clone(),
    };
    let held_by = before.held_by(channel.size(), now);
    let index = act.append_entry(channel, new, held_by)?;
    let at = EntryRef { origin: channel.origin, index };
    let kept =
        Kept { at: at.clone(), thread, written: header.written, answers: answers.as_ref(), facts: &facts };
    erasure::after_theirs(us, act, channel, &kept, now)?;
    match before.held(index) {
        true => alarm::came_back(act, channel, &at, header.kind.as_str(), &facts, now),
        false => alarm::raise(act, channel, &at, header.kind.as_str(), &facts, now),
    }
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
    let cosignature = cosign(&head, seconds, statement::our_cosigner(us, act, channel, head.size)?)
        .map_err(Refusal::ours)?;
    let note = signed.and_line(cosignature.line().clone()).map_err(Refusal::ours)?;
    let line = cosignature.line().to_string();
    let at = Timestamp::from_second(at.as_second()).map_err(Refusal::ours)?;
    act.keep_receipt(channel, head.size, &note.to_string(), &line, at)?;
    act.heard_from(&channel.partner, now)?;
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
    alarm::line(
        act,
        "A channel is frozen: a partner signed what cannot be true. See `forewarn doctor`",
        now,
    )?;
    let detail = serde_json::json!({ "what": what });
    crate::audit::note(act, now, "node", "channel.freeze", channel.partner.as_str(), detail, &[])
}

/// The newest checkpoint of a partner's log as we hold it, with our own line; `None` while we hold nothing. For the giver
/// of the log only; another caller gets the same `None`.
pub fn newest_head(house: &House, caller: &Partner, origin: Origin) -> Result<Option<String>, Refusal> {
    house.store.view(|view| {
        let Some(channel) = theirs(view, &caller.name, &origin)? else { return Ok(None) };
        Ok(view.newest_note(&channel)?)
    })
}
