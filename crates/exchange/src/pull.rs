//! Pull: a partner that cannot be called, or a node that cannot, takes parcels by asking for them (docs/log-format.md §6).
//!
//! The giver's side is what the peer door calls: the proposal meant for the caller, the next parcel, the receipt. The
//! receiver's side is what the courier reads to know where to go on. Both end in the same acts as a parcel that is pushed.

use base64ct::{Base64, Encoding};
use jiff::Timestamp;
use model::caller::Partner;
use model::id::PartyName;
use rand_core::CryptoRng;
use store::{ChannelRow, ChannelSide, ChannelState, View};
use tlog::channel::{ChannelStatement, Origin, Use};
use tlog::checkpoint::SignedCheckpoint;
use tlog::tree::{ProveError, consistency_proof};

use crate::channel::{self, OurChannel};
use crate::deliver::{self, Next};
use crate::house::House;
use crate::partner;
use crate::recover;
use crate::refusal::Refusal;
use crate::succession;

/// The answer to a partner that asks for a parcel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Served {
    /// 200: the parcel.
    Parcel(Vec<u8>),
    /// 204: nothing waits, or nothing is signed before the caller has shown its newest receipt.
    Nothing,
    /// 404: no such log for this caller. The same whether it is unknown or another's.
    NotHere,
    /// 409: the caller asks from another size than its newest receipt is for; that size.
    From(u64),
}

/// The answer to a partner that brings a receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Brought {
    /// 200: it counts, or did before.
    Settled,
    /// 404: no such log for this caller.
    NotHere,
    /// 400: no checkpoint.
    Unreadable(String),
    /// 403: it cannot be taken; people here are told why.
    NotTaken,
}

/// The statement that waits for this caller's countersignature, `None` where nothing waits for it in the channel of this
/// use, or the channel is open.
pub fn proposal_for(
    house: &House,
    caller: &Partner,
    use_: Use,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<Option<String>, Refusal> {
    if !deliver::anything_waiting(house, &caller.name, use_)? {
        return Ok(None);
    }
    Ok(match channel::ours(house, &caller.name, use_, now, rng)? {
        OurChannel::Propose(statement) => Some(statement),
        OurChannel::Open(_) => None,
    })
}

/// As `proposal_for`, where the caller says which log of ours it holds (its origin in hex, or `-` for none): if that is not
/// the one that is open here, it has lost it, and gets its statement again as it was proposed (docs/log-format.md §9), if
/// both sides could still sign that.
pub fn statement_for(
    house: &House,
    caller: &Partner,
    (use_, held): (Use, Option<&str>),
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<Option<String>, Refusal> {
    let Some(held) = held else { return proposal_for(house, caller, use_, now, rng) };
    let lost = house.store.view(|view| lost_by(view, &caller.name, use_, held))?;
    for log in &lost {
        if let Some(statement) = channel::again(house, log)? {
            return Ok(Some(statement));
        }
    }
    // New keys for a log that the caller does not know would say nothing to it.
    let open = lost.iter().find(|log| log.state == ChannelState::Open);
    if let Some(open) = open
        && !goes_on_in_another(house, open)?
    {
        let of = &caller.name;
        let flag = if use_ == Use::Exercise { " --exercise" } else { "" };
        let words = format!(
            "the partner has lost our {use_} log, and it was opened with a key that the partner's card shows no more, so it \
             cannot be opened again: `forewarn channel succeed {of}{flag} --at-once --reason TEXT` lets it go on in a new one"
        );
        partner::note_trouble(house, of, Some(&words), now)?;
        return Ok(None);
    }
    proposal_for(house, caller, use_, now, rng)
}

/// Whether the next look at this open log of ours proposes its successor.
fn goes_on_in_another(house: &House, log: &ChannelRow) -> Result<bool, Refusal> {
    house.store.view(|view| {
        let card = partner::card(&partner::confirmed(view, &log.partner)?)?;
        Ok(succession::has_ended(view, log)?.is_some()
            || succession::must_go_on(house, view, log, &card)?.is_some())
    })
}

/// The logs of ours that were open and follow the one that the receiver holds, the earliest first; all of them where it
/// holds none.
fn lost_by(view: &View<'_>, receiver: &PartyName, use_: Use, held: &str) -> Result<Vec<ChannelRow>, Refusal> {
    let mut chain = succession::chain_with(view, receiver, ChannelSide::Ours, use_)?;
    let holds = chain.iter().position(|log| log.origin.hex() == held).unwrap_or(chain.len());
    chain.truncate(holds);
    chain.retain(|log| log.state == ChannelState::Open || (log.is_succeeded() && log.cosigned > 0));
    chain.reverse();
    Ok(chain)
}

/// Takes the countersigned statement back from the caller; also that of a channel which the caller holds and this node has
/// lost. False where there is no such channel between the two; again what is open already changes nothing.
pub fn opened(
    house: &House,
    caller: &Partner,
    text: &[u8],
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<bool, Refusal> {
    let Ok(statement) = ChannelStatement::parse(text) else {
        return Err(Refusal::theirs("bad_statement", "this is no countersigned channel statement"));
    };
    let use_ = statement.proposal().use_;
    let found = house.store.view(|view| ours(view, caller, &statement.origin()))?;
    match found {
        Some(channel) if channel.is_succeeded() => Ok(true),
        Some(_) => channel::opened(house, &caller.name, use_, text, now, rng).map(|()| true),
        None => channel::brought(house, caller, &statement, now),
    }
}

/// A parcel from the size `from` on. For the receiver of a log of ours: what it has receipted and lost, or the next parcel.
/// For the giver of a log: our copy of what it has lost (log-format §9).
///
/// The next parcel is appended, fenced and signed as one that is pushed, and only after the caller has shown its newest
/// receipt since this node started; a caller that holds nothing shows that by `from` = 0.
pub fn parcel(
    house: &House,
    caller: &Partner,
    origin: Origin,
    from: u64,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<Served, Refusal> {
    let found = house.store.view(|view| party_to(view, caller, &origin))?;
    let Some(channel) = found else { return Ok(Served::NotHere) };
    if channel.side == ChannelSide::Theirs || from < channel.cosigned {
        let piece = recover::copy(house, caller, origin, from)?;
        return Ok(piece.map_or(Served::Nothing, Served::Parcel));
    }
    if channel.is_succeeded() {
        return Ok(Served::Nothing);
    }
    let (to, use_) = (&caller.name, channel.use_);
    if !house.is_confirmed(&origin) && from == 0 {
        note(house, to, deliver::head_answer(house, to, use_, None, now)?, now)?;
    }
    if !house.is_confirmed(&origin) {
        return Ok(Served::Nothing);
    }
    if from != channel.cosigned {
        return Ok(Served::From(channel.cosigned));
    }
    let parcel = deliver::next_parcel(house, to, use_, Some(from), now, rng)?;
    Ok(parcel.map_or(Served::Nothing, |parcel| Served::Parcel(parcel.bytes)))
}

/// Takes a cosigned checkpoint of a log of ours from its receiver: the receipt of a parcel, or its newest head. What does
/// not fit is told to people and leaves the log unconfirmed.
pub fn receipt(
    house: &House,
    caller: &Partner,
    origin: Origin,
    text: &[u8],
    now: Timestamp,
) -> Result<Brought, Refusal> {
    let found = house.store.view(|view| ours(view, caller, &origin))?;
    let Some(channel) = found.filter(|c| c.state != ChannelState::Proposed) else {
        return Ok(Brought::NotHere);
    };
    if let Err(why) = SignedCheckpoint::parse(text) {
        return Ok(Brought::Unreadable(why.to_string()));
    }
    // Nothing is signed in it any more; what its receiver holds was settled with its successor.
    if channel.is_succeeded() {
        return Ok(Brought::Settled);
    }
    let next = deliver::head_answer(house, &caller.name, channel.use_, Some(text), now)?;
    note(house, &caller.name, next, now)?;
    Ok(if house.is_confirmed(&origin) { Brought::Settled } else { Brought::NotTaken })
}

/// Tells people what stands in the way.
fn note(house: &House, of: &PartyName, next: Next, now: Timestamp) -> Result<(), Refusal> {
    match next {
        Next::Wait(words) => partner::note_trouble(house, of, Some(&words), now),
        Next::TakeBack(from) => {
            let words = format!(
                "the partner holds entries of our log that this node has lost, from {from} on: it must be called to take them \
                 back (`forewarn partner carriage {of} push`), or write them into files (`forewarn carry receipt` there, \
                 with --from {from})"
            );
            partner::note_trouble(house, of, Some(&words), now)
        }
        _ => Ok(()),
    }
}

/// A stored checkpoint of a log between the caller and this node, with all lines held; `None` where there is none, or the
/// log is not the caller's.
pub fn checkpoint_at(
    house: &House,
    caller: &Partner,
    origin: Origin,
    size: u64,
) -> Result<Option<String>, Refusal> {
    house.store.view(|view| {
        let Some(channel) = party_to(view, caller, &origin)? else { return Ok(None) };
        Ok(view.head(&channel, size)?.and_then(|head| head.note))
    })
}

/// The proof that the log of `new` entries begins with that of `old` (RFC 6962 §2.1.2), in base64, one node a line; `None`
/// where the log is not the caller's or has no such sizes. Sizes begin at 1.
pub fn consistency(
    house: &House,
    caller: &Partner,
    origin: Origin,
    old: u64,
    new: u64,
) -> Result<Option<String>, Refusal> {
    house.store.view(|view| {
        let Some(channel) = party_to(view, caller, &origin)? else { return Ok(None) };
        if old == 0 || old > new || new > channel.size() {
            return Ok(None);
        }
        let nodes = consistency_proof(old, new, |level, index| view.subtree(&channel, level, index));
        let nodes = nodes.map_err(|e| match e {
            ProveError::Fetch(e) => Refusal::from(e),
            other => Refusal::ours(other),
        })?;
        Ok(Some(nodes.iter().map(|n| format!("{}\n", Base64::encode_string(n.as_bytes()))).collect()))
    })
}

/// What this node holds of a partner's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// The log.
    pub origin: Origin,
    /// Its size here.
    pub size: u64,
    /// The newest receipt that was given, the cosigned checkpoint.
    pub receipt: Option<String>,
    /// The statement that it was opened with, for a giver that has lost it.
    pub statement: String,
}

/// What this node holds of the log in which this partner writes to it; `None` where there is none or it is frozen.
pub fn holding(house: &House, of: &PartyName, use_: Use) -> Result<Option<Holding>, Refusal> {
    house.store.view(|view| {
        let theirs = view.channel_with(of, ChannelSide::Theirs, use_)?;
        let Some(channel) = theirs.filter(|c| c.state == ChannelState::Open) else { return Ok(None) };
        let receipt = view.newest_receipt(&channel)?.and_then(|head| head.note);
        let (origin, size) = (channel.origin, channel.size());
        Ok(Some(Holding { origin, size, receipt, statement: channel.statement }))
    })
}

/// What this node says to a partner that it holds (docs/log-format.md §6, `held`): the origin in hex of the newest log in
/// which the partner writes to it, also of one that is frozen, or `-` where there is none.
pub fn names_as_held(house: &House, of: &PartyName, use_: Use) -> Result<String, Refusal> {
    house.store.view(|view| {
        let theirs = view.channel_with(of, ChannelSide::Theirs, use_)?;
        Ok(theirs.map_or_else(|| "-".to_owned(), |channel| channel.origin.hex()))
    })
}

/// Notes what stands in the way of fetching from a partner, or that nothing does.
pub fn note_fetching(house: &House, from: &PartyName, trouble: Option<&str>) -> Result<(), Refusal> {
    let (from, trouble) = (from.clone(), trouble.map(str::to_owned));
    house.store.act(move |act| Ok(act.note_fetching(&from, trouble.as_deref())?))
}

/// The log of this origin that we write to this caller.
fn ours(view: &View<'_>, caller: &Partner, origin: &Origin) -> Result<Option<ChannelRow>, Refusal> {
    let found = view.channel(origin)?;
    Ok(found.filter(|c| c.partner == caller.name && c.side == ChannelSide::Ours))
}

/// The log of this origin, open or frozen, if the caller is one of its two parties.
fn party_to(view: &View<'_>, caller: &Partner, origin: &Origin) -> Result<Option<ChannelRow>, Refusal> {
    let found = view.channel(origin)?;
    Ok(found.filter(|c| c.partner == caller.name && c.state != ChannelState::Proposed))
}
