//! Going on from a copy of the data (docs/log-format.md §9): what was lost is taken back from the partner, who holds it,
//! and nothing is signed or cosigned before it is certain that no other signature of ours stands against it.
//!
//! What makes it certain is the high-water mark, which is kept outside every backup: the size and root that were signed
//! or cosigned last. Without it a partner could name less than it holds and let us sign against ourselves; then only a
//! successor of the channel helps.

use jiff::Timestamp;
use model::caller::{Partner, Person};
use model::facts;
use model::id::{Digest, EntryRef, PartyName};
use model::vocab::Role;
use rand_core::CryptoRng;
use store::{Act, CameBack, ChannelRow, ChannelSide, ChannelState, NewEntry, SealingDraw, View};
use tlog::channel::{Origin, Use};
use tlog::checkpoint::SignedCheckpoint;
use tlog::commitment::{Salt, commit};
use tlog::entry::Entry;
use tlog::hash::{Hash, leaf_hash};
use tlog::parcel::{Item, Parcel};
use tlog::tree::CompactRange;

use crate::alarm;
use crate::audit;
use crate::caller::needs;
use crate::chain;
use crate::deliver;
use crate::erasure::{self, Kept};
use crate::evidence;
use crate::house::House;
use crate::partner;
use crate::refusal::Refusal;
use crate::statement;

/// The most entries in one piece of a copy, unless the parcel in which they came had more.
const ENTRIES_PER_PIECE_MAX: u64 = 256;
/// After so many bytes a piece of a copy ends, unless the parcel in which they came had more.
const PIECE_BYTES_MAX: usize = 32 << 20;

/// Whether a log's copy is settled with what was signed of it before.
pub(crate) enum Settled {
    /// It is: signing goes on.
    Yes,
    /// Not yet, or never; why, in words.
    No(String),
}

/// What we have cosigned of a partner's log and do not hold, while its copy is not settled.
pub(crate) struct Missed {
    settled: bool,
    marked: bool,
    heads: Vec<(u64, Hash)>,
}

/// What is missed of a partner's log.
pub(crate) fn missed(view: &View<'_>, channel: &ChannelRow) -> Result<Missed, Refusal> {
    if !channel.recovering {
        return Ok(Missed { settled: true, marked: false, heads: Vec::new() });
    }
    let mark = view.high_water(&channel.origin)?.map(|mark| (mark.cosigned.size, mark.cosigned.root));
    let held = held(channel)?.map(|held| (held.checkpoint().size, held.checkpoint().root));
    let heads = mark.into_iter().chain(held).filter(|(size, _)| *size > 0).collect();
    Ok(Missed { settled: false, marked: mark.is_some(), heads })
}

impl Missed {
    /// Whether a parcel up to this size may be stored. Without the mark nothing is taken beyond what the giver can show
    /// as cosigned by us: it would have to come again in the successor.
    pub(crate) fn may_store(&self, size: u64) -> bool {
        self.settled || self.marked || self.heads.iter().any(|(head, _)| size <= *head)
    }

    /// The heads that we cosigned and that the copy must grow into: each size with its root.
    pub(crate) fn heads(&self) -> &[(u64, Hash)] {
        &self.heads
    }

    /// Whether the copy, grown so far, is what we cosigned.
    pub(crate) fn agrees(&self, grown: &CompactRange) -> bool {
        self.heads.iter().all(|(size, root)| *size != grown.size() || *root == grown.root())
    }
}

/// What we held of a partner's log before we lost it, as far as it is known: its entries were told to people then, and by
/// what time they were held our own cosignature says.
pub(crate) struct HeldBefore {
    size: u64,
    until: Option<(u64, Timestamp)>,
}

impl HeldBefore {
    /// Of a log that is taken back now.
    pub(crate) fn of(us: &House, view: &View<'_>, channel: &ChannelRow) -> Result<Self, Refusal> {
        let mut before = Self { size: 0, until: None };
        if !channel.recovering {
            return Ok(before);
        }
        before.size = view.high_water(&channel.origin)?.map_or(0, |mark| mark.cosigned.size);
        let Some(held) = held(channel)? else { return Ok(before) };
        let size = held.checkpoint().size;
        before.size = before.size.max(size);
        let own = us.keys.cosigners().find_map(|key| held.cosignature_of(key.verifier()).ok());
        let seconds = own.and_then(|own| i64::try_from(own.time()).ok());
        before.until = seconds.and_then(|s| Timestamp::from_second(s).ok()).map(|at| (size, at));
        Ok(before)
    }

    /// Whether this entry was held before.
    pub(crate) fn held(&self, index: u64) -> bool {
        index < self.size
    }

    /// By when this entry was held, at the latest: the time of the cosignature that covers it, else now.
    pub(crate) fn held_by(&self, index: u64, now: Timestamp) -> Timestamp {
        self.until.filter(|(size, _)| index < *size).map_or(now, |(_, at)| at.min(now))
    }
}

/// The checkpoint that the copy of a partner's log must grow into.
pub(crate) fn held(channel: &ChannelRow) -> Result<Option<SignedCheckpoint>, Refusal> {
    let held = channel.held.as_ref();
    held.map(|held| SignedCheckpoint::parse(held.as_bytes()).map_err(Refusal::ours)).transpose()
}

/// A piece of a log from index `from` on, as one of its two parties keeps it, for the other that has lost it: a parcel
/// that ends in a checkpoint which its giver has signed, and which its receiver has cosigned unless it is still taking
/// back what it had lost. Nothing is signed for it. To the
/// receiver it says what it has cosigned last (`held`). `None` when there is no more, or for a caller that is neither.
///
/// # Errors
/// The store's only.
pub fn copy(house: &House, caller: &Partner, origin: Origin, from: u64) -> Result<Option<Vec<u8>>, Refusal> {
    house.store.view(|view| {
        let found = view.channel(&origin)?.filter(|c| c.partner == caller.name);
        let Some(channel) = found.filter(|c| from < c.size()) else { return Ok(None) };
        let Some((end, note)) = piece_end(view, &channel, from)? else { return Ok(None) };
        let held = match channel.side {
            ChannelSide::Theirs => None,
            ChannelSide::Ours => deliver::newest_receipt(view, &channel)?,
        };
        let items = deliver::items(view, &channel, from, end, usize::MAX)?;
        let checkpoint = SignedCheckpoint::parse(note.as_bytes()).map_err(Refusal::ours)?;
        // The giver's line alone, as in every parcel; the receiver's own lines are in `held`, and in its own copy the
        // line is its receipt.
        let checkpoint = match channel.side {
            ChannelSide::Ours => giver_line(view, &channel, &checkpoint)?,
            ChannelSide::Theirs => checkpoint,
        };
        Parcel { old: from, held, items, checkpoint }.encode().map(Some).map_err(Refusal::ours)
    })
}

/// Where a piece ends: at the last head within its limits that its giver has signed, or at the first one.
fn piece_end(view: &View<'_>, channel: &ChannelRow, from: u64) -> Result<Option<(u64, String)>, Refusal> {
    let (mut end, mut at) = (None, from);
    let mut bytes = 0;
    while let Some(head) = view.noted_after(channel, at)? {
        let Some(note) = head.note else { break };
        bytes += view.sealed_bytes(channel, at, head.size)?;
        let large = head.size - from > ENTRIES_PER_PIECE_MAX || bytes > PIECE_BYTES_MAX;
        if large && end.is_some() {
            break;
        }
        at = head.size;
        end = Some((at, note));
    }
    Ok(end)
}

fn giver_line(
    view: &View<'_>,
    channel: &ChannelRow,
    signed: &SignedCheckpoint,
) -> Result<SignedCheckpoint, Refusal> {
    let statement = statement::in_force(view, channel, signed.checkpoint().size)?;
    signed.only_lines_of(&[&statement.proposal().log]).map_err(Refusal::ours)
}

/// Whether an origin may be that of a log of ours which this node has lost whole: it went back to before the channel was
/// opened.
pub(crate) fn is_lost(view: &View<'_>, origin: &Origin) -> Result<bool, Refusal> {
    if view.channel(origin)?.is_some() {
        return Ok(false);
    }
    Ok(view.mark_lost()? || view.high_water(origin)?.is_some_and(|mark| mark.signed.size > 0))
}

/// The partner names a log of ours that this node may have lost whole: it is asked for its statement, though nothing waits.
pub(crate) fn look_for_lost(act: &mut Act<'_>, theirs: &ChannelRow) -> Result<(), Refusal> {
    match act.channel_with(&theirs.partner, ChannelSide::Ours, theirs.use_)? {
        Some(ours) if ours.state != ChannelState::Proposed => Ok(()),
        _ => Ok(act.set_meta(&lost_key(&theirs.partner, theirs.use_), "1")?),
    }
}

/// Whether a log of ours to this partner is looked for.
pub(crate) fn looks_for_lost(view: &View<'_>, to: &PartyName, use_: Use) -> Result<bool, Refusal> {
    Ok(view.meta(&lost_key(to, use_))?.is_some())
}

/// The log that was looked for is there.
pub(crate) fn found_lost(act: &mut Act<'_>, to: &PartyName, use_: Use) -> Result<(), Refusal> {
    Ok(act.forget_meta(&lost_key(to, use_))?)
}

fn lost_key(partner: &PartyName, use_: Use) -> String {
    format!("channel.lost/{partner}/{use_}")
}

/// The partner of this name as the giver of its logs.
pub(crate) fn giver_of(house: &House, name: &PartyName) -> Result<Partner, Refusal> {
    house.store.view(|view| partner::confirmed(view, name))?;
    Ok(Partner { name: name.clone() })
}

/// The partner's log of which our copy is not settled, and how much of it we hold; `None` if there is no such.
pub(crate) fn their_log_behind(
    house: &House,
    of: &PartyName,
    use_: Use,
) -> Result<Option<(Origin, u64)>, Refusal> {
    house.store.view(|view| {
        let theirs = view.channel_with(of, ChannelSide::Theirs, use_)?;
        let behind = theirs.filter(|c| c.recovering && c.state == ChannelState::Open);
        Ok(behind.map(|c| (c.origin, c.size())))
    })
}

/// The partner has no more of its log for us: our copy is settled if nothing beyond it was ever cosigned. Gives what
/// people are to be told if it is not.
pub(crate) fn their_log_ends(
    house: &House,
    of: &PartyName,
    use_: Use,
    now: Timestamp,
) -> Result<Option<String>, Refusal> {
    let of = of.clone();
    house.store.act(move |act| {
        let Some(mut channel) = act.channel_with(&of, ChannelSide::Theirs, use_)? else { return Ok(None) };
        match settle_theirs(act, &mut channel, now)? {
            Settled::Yes => Ok(None),
            Settled::No(why) => Ok(Some(why)),
        }
    })
}

/// Ends the recovery of the copy of a partner's log, if it holds all that we ever cosigned of it.
pub(crate) fn settle_theirs(
    act: &mut Act<'_>,
    channel: &mut ChannelRow,
    now: Timestamp,
) -> Result<Settled, Refusal> {
    if !channel.recovering {
        return Ok(Settled::Yes);
    }
    if let Some(held) = held(channel)?.filter(|held| held.checkpoint().size > channel.size()) {
        let (have, size) = (channel.size(), held.checkpoint().size);
        return Ok(Settled::No(format!("{have} of {size} entries that we had receipted are taken back")));
    }
    let mark = act.high_water(&channel.origin)?.map(|mark| mark.cosigned);
    settle(act, channel, mark, "cosigned", now)
}

/// Ends the recovery of a log of ours, if it holds all that we ever signed of it.
pub(crate) fn settle_ours(
    act: &mut Act<'_>,
    channel: &mut ChannelRow,
    now: Timestamp,
) -> Result<Settled, Refusal> {
    if !channel.recovering {
        return Ok(Settled::Yes);
    }
    let mark = act.high_water(&channel.origin)?.map(|mark| mark.signed);
    settle(act, channel, mark, "signed", now)
}

fn trusted_key(partner: &PartyName) -> String {
    format!("recover.word/{partner}")
}

/// Whether a channel that a partner proposes may be one of which this node has lost what it had cosigned: a mark was lost,
/// and nobody has taken this partner's word.
pub(crate) fn may_be_old(view: &View<'_>, partner: &PartyName) -> Result<bool, Refusal> {
    Ok(view.mark_lost()? && view.meta(&trusted_key(partner))?.is_none())
}

fn word_taken(channel: &ChannelRow) -> String {
    format!("recover.word/{}", channel.origin.hex())
}

fn settle(
    act: &mut Act<'_>,
    channel: &mut ChannelRow,
    mark: Option<store::Mark>,
    did: &str,
    now: Timestamp,
) -> Result<Settled, Refusal> {
    let size = channel.size();
    let word = act.meta(&word_taken(channel))?.is_some();
    let partner = &channel.partner;
    let successor = match channel.side {
        ChannelSide::Ours => {
            format!("Only a successor helps: `forewarn channel succeed {partner} --reason TEXT`")
        }
        ChannelSide::Theirs => {
            format!(
                "Only a successor helps: call {partner}, whose officer runs `forewarn channel succeed` there"
            )
        }
    };
    // Where no mark was lost, a log that it does not know was never signed.
    let mark = if mark.is_none() && !act.mark_lost()? { Some(store::Mark::NONE) } else { mark };
    let why = match mark {
        None if word => return over(act, channel, now),
        None => format!(
            "no high-water mark says up to where this node had {did} this log before it was restored. {successor}"
        ),
        Some(mark) if mark.size > size => format!(
            "this node had {did} {} entries of this log, and {size} are left at both sides. {successor}",
            mark.size
        ),
        Some(mark) if mark.size > 0 && act.root_at(channel, mark.size)? != mark.root => {
            format!("this node had {did} other entries of this log than the partner gave back. {successor}")
        }
        Some(_) => return over(act, channel, now),
    };
    Ok(Settled::No(why))
}

fn over(act: &mut Act<'_>, channel: &mut ChannelRow, now: Timestamp) -> Result<Settled, Refusal> {
    act.end_recovery(channel)?;
    erasure::tell_unnamed(act, channel, now)?;
    act.forget_meta(&word_taken(channel))?;
    alarm::all_came_back(act, channel)?;
    evidence::caught_up(act, channel)?;
    let detail = serde_json::json!({ "use": channel.use_.to_string(), "entries": channel.size() });
    audit::note(act, now, "node", "log.recovered", channel.partner.as_str(), detail, &[])?;
    act.recovery_over()?;
    Ok(Settled::Yes)
}

/// Takes back a piece of a log of ours that this node has lost, from the copy that the partner keeps. Each entry is one
/// that we signed: the piece ends in a checkpoint with our own signature, and its entries must give the root.
///
/// What was decided and not yet sent in this copy of the data, and stands in the piece, counts as sent.
///
/// # Errors
/// `Ok(Err(words))` for what cannot be taken, with what people are to be told; nothing is changed then.
pub fn take_back(
    house: &House,
    origin: &Origin,
    bytes: &[u8],
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<Result<(), String>, Refusal> {
    let parcel = match Parcel::parse(bytes) {
        Ok(parcel) => parcel,
        Err(why) => return Ok(Err(format!("the partner's copy of our log cannot be read: {why}"))),
    };
    let draws: Vec<SealingDraw> = parcel.items.iter().map(|_| SealingDraw::draw(rng)).collect();
    let (us, origin) = (house.clone(), *origin);
    house.store.act(move |act| {
        let Some(channel) = act.channel(&origin)?.filter(|c| c.side == ChannelSide::Ours) else {
            return Err(Refusal::ours("a copy of a log that is not ours was asked for"));
        };
        if !channel.recovering {
            return Ok(Err("nothing of this log is missed any more".to_owned()));
        }
        statement::learn_from(&us, act, &channel, &parcel)?;
        let ours = statement::is_ours(&us, act, &channel, &parcel.checkpoint)?;
        match ours_and_next(ours, &channel, &parcel) {
            Ok(()) => keep_piece(&us, act, channel, parcel, draws, now),
            Err(why) => Ok(Err(why)),
        }
    })
}

/// Whether a piece begins where we end, carries our own signature and gives its root.
fn ours_and_next(ours: bool, channel: &ChannelRow, parcel: &Parcel) -> Result<(), String> {
    let head = parcel.checkpoint.checkpoint();
    if !ours {
        return Err("the partner's copy of our log ends in a head that we never signed".to_owned());
    }
    if parcel.old != channel.size() || parcel.items.is_empty() {
        return Err("the partner's copy of our log does not begin where ours ends".to_owned());
    }
    let mut grown = channel.range.clone();
    for item in &parcel.items {
        grown.append(leaf_hash(&item.commitment()));
    }
    if grown.root() != head.root {
        return Err("the partner's copy of our log is not what we signed".to_owned());
    }
    Ok(())
}

fn keep_piece(
    us: &House,
    act: &mut Act<'_>,
    mut channel: ChannelRow,
    parcel: Parcel,
    draws: Vec<SealingDraw>,
    now: Timestamp,
) -> Result<Result<(), String>, Refusal> {
    let from = channel.size();
    for (item, draw) in parcel.items.into_iter().zip(draws) {
        match item {
            Item::Entry { salt, entry } => {
                keep_entry(act, &mut channel, (salt, entry), draw, now)?;
            }
            Item::Erased(commitment) => erasure::keep(act, &mut channel, &commitment, now)?,
        }
    }
    let head = *parcel.checkpoint.checkpoint();
    act.fence_head(&channel, head.size, &head.root)?;
    deliver::keep_shown_receipt(us, act, &mut channel, &parcel.checkpoint, now)?;
    let detail = serde_json::json!({ "use": channel.use_.to_string(), "from": from, "to": head.size });
    audit::note(act, now, "node", "log.take_back", channel.partner.as_str(), detail, &[])?;
    Ok(Ok(()))
}

fn keep_entry(
    act: &mut Act<'_>,
    channel: &mut ChannelRow,
    (salt, bytes): (Salt, Vec<u8>),
    draw: SealingDraw,
    now: Timestamp,
) -> Result<(), Refusal> {
    let index = channel.size();
    let commitment = commit(&salt, &bytes);
    let Entry { header, body } = Entry::parse(&bytes).map_err(Refusal::ours)?;
    let at = EntryRef { origin: channel.origin, index };
    let kind = header.kind.as_str().to_owned();
    let back = CameBack {
        partner: channel.partner.clone(),
        use_: channel.use_,
        kind: kind.clone(),
        digest: Digest::of(&body).0,
        at,
        written: header.written,
    };
    act.came_back(&back)?;
    let thread = *header.thread.as_bytes();
    let answers = header.answers.map(|a| EntryRef { origin: a.origin, index: a.index });
    let facts = facts::of_entry(header.kind.as_str(), channel.use_, &body);
    let new = NewEntry {
        kind,
        thread,
        answers: answers.clone(),
        written: header.written,
        facts: facts.clone(),
        commitment,
        salt,
        bytes,
        seen: chain::seen_size(act, channel, header.seen.as_ref())?,
        draw,
    };
    // Its clocks run on from when it was written, by our own clock.
    act.append_entry(channel, new, header.written.min(now))?;
    let kept =
        Kept { at: back.at, thread, written: header.written, answers: answers.as_ref(), facts: &facts };
    erasure::after_ours(act, channel, &kept, now)
}

/// An operator says that this node goes on from a copy of its data: every log is recovering from now on, as after
/// `restore`. Gives how many.
///
/// # Errors
/// `Refusal` of the operator's authority.
pub fn begin(house: &House, caller: &Person, why: &str, now: Timestamp) -> Result<usize, Refusal> {
    needs(caller, &[Role::Operator], "say that this node goes on from a copy of its data")?;
    let (by, why) = (caller.name.clone(), why.to_owned());
    let origins = house.store.act(move |act| {
        // The mark went back with the rest, or nobody would have to say so.
        act.void_marks()?;
        act.mark_restored(&why, now)?;
        let recovering = act.channels()?.into_iter().filter(|channel| channel.recovering);
        let origins: Vec<Origin> = recovering.map(|channel| channel.origin).collect();
        alarm::line(
            act,
            "this node goes on from a copy of its data: it asks its partners what it has lost",
            now,
        )?;
        let detail = serde_json::json!({ "why": why, "logs": origins.len() });
        audit::note(act, now, by.as_str(), "node.recover", "node", detail, &[])?;
        Ok::<_, Refusal>(origins)
    })?;
    for origin in &origins {
        house.unconfirm(origin);
    }
    (house.bell)();
    Ok(origins.len())
}

/// An operator takes a partner's word for what was signed and cosigned between the two before this node went back, where
/// no mark of our own says it. A partner that lies could later show two signatures of ours that contradict each other;
/// a successor of the channel has no such risk.
///
/// # Errors
/// `not_authorised`; `unknown_partner`; `not_recovering` where nothing with this partner waits for it.
pub fn trust(house: &House, caller: &Person, of: &PartyName, now: Timestamp) -> Result<(), Refusal> {
    needs(caller, &[Role::Operator], "take a partner's word for what this node had signed")?;
    let (by, of) = (caller.name.clone(), of.clone());
    house.store.act(move |act| {
        partner::known(act, &of)?;
        let waiting: Vec<ChannelRow> =
            act.channels()?.into_iter().filter(|c| c.partner == of && c.recovering).collect();
        if waiting.is_empty() && !act.mark_lost()? {
            return Err(Refusal::yours("not_recovering", format!("no channel with {of} is recovering"))
                .hint("`forewarn status` says which are"));
        }
        for channel in &waiting {
            act.set_meta(&word_taken(channel), by.as_str())?;
        }
        // Also for what it may show of a channel that this copy of the data does not know.
        act.set_meta(&trusted_key(&of), by.as_str())?;
        let detail = serde_json::json!({ "logs": waiting.len() });
        audit::note(act, now, by.as_str(), "partner.trust_word", of.as_str(), detail, &[])
    })?;
    (house.bell)();
    Ok(())
}
