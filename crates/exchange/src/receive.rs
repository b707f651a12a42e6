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

/// An entry of a parcel, read without the log that it is to stand in; `Err` says what is wrong with its frame.
type Read = Result<Opened, &'static str>;

/// What an entry says, with its exact bytes.
struct Opened {
    header: EntryHeader,
    /// Of entry 0 alone: the statement, to be compared.
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
    let found = house.store.view(|view| theirs(view, &from.name, &origin))?;
    let Some(channel) = found else { return Ok(Receipt::Unknown) };
    if matches!(channel.state, ChannelState::Frozen(_)) {
        return Ok(Receipt::Frozen);
    }
    let parcel = match Parcel::parse(bytes) {
        Ok(parcel) => parcel,
        Err(e) => return Ok(Receipt::Unreadable(e.to_string())),
    };
    let statement = ChannelStatement::parse(channel.statement.as_bytes()).map_err(Refusal::ours)?;
    if let Some(why) = not_signed(&channel, &statement, &parcel.checkpoint) {
        let (what, note) = (why.clone(), parcel.checkpoint);
        house.store.act(move |act| {
            evidence::keep_note(act, &channel, &what, note.checkpoint().size, &note.to_string(), now)
        })?;
        return Ok(Receipt::NotSigned(why));
    }
    // What is held already is answered by its head; its entries are not looked at again.
    let leaves = parcel.items.iter().map(|item| leaf_hash(&item.commitment()));
    let leaves: Vec<Hash> = if parcel.checkpoint.checkpoint().size > channel.size() { leaves.collect() } else { Vec::new() };
    let items = parcel.items.into_iter().take(leaves.len());
    let entries: Vec<Read> = (parcel.old..).zip(items).map(|(index, item)| read(index, item, channel.use_)).collect();
    let draws = entries.iter().map(|_| SealingDraw::draw(rng)).collect();
    let arrived = Arrived { old: parcel.old, note: parcel.checkpoint, entries, leaves, draws };
    let (us, from) = (house.clone(), from.name.clone());
    let taken = house.store.act(move |act| match theirs(act, &from, &origin)? {
        None => Ok((Receipt::Unknown, None)),
        Some(channel) if matches!(channel.state, ChannelState::Frozen(_)) => Ok((Receipt::Frozen, None)),
        Some(channel) => take(&us, act, channel, &statement, arrived, now),
    })?;
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
