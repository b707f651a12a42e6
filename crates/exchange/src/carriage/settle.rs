//! Settling what a partner gave back: a countersigned channel statement, a receipt, or the size that it holds. In any
//! order and any number of times: what is known already changes nothing.

use jiff::Timestamp;
use model::caller::Person;
use model::id::PartyName;
use rand_core::CryptoRng;
use serde_json::json;
use store::{Act, ChannelRow, ChannelSide, ChannelState, View};
use tlog::channel::{ChannelStatement, Origin, SignedProposal};
use tlog::checkpoint::SignedCheckpoint;
use tlog::parcel::Parcel;

use super::held::{self, HeldSize};
use super::{CARRIERS, envelope, set_wanted, wanted_from};
use crate::audit;
use crate::caller::needs;
use crate::channel;
use crate::declined;
use crate::deliver::{self, Answer, Next, Outgoing};
use crate::evidence::{self, Binds};
use crate::house::House;
use crate::partner;
use crate::recover;
use crate::refusal::Refusal;
use crate::statement;

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// Who wrote it.
    pub from: PartyName,
    /// What became of it, in words.
    pub what: String,
}

/// Takes back what a partner answered. Once answered it is durable.
///
/// Refused, with nothing changed, where the file is sealed to somebody else, cut short or changed, is no answer, is about a
/// log that this node does not write, does not verify, or covers more than this node has.
pub fn settle(
    house: &House,
    caller: &Person,
    sealed: &[u8],
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<Settled, Refusal> {
    needs(caller, CARRIERS, "settle a partner's answers")?;
    let bytes = envelope::open(house, sealed)?;
    let settled = if bytes.starts_with(held::LABEL.as_bytes()) {
        held(house, &bytes, now)?
    } else if bytes.starts_with(declined::LABEL.as_bytes()) {
        keys_declined(house, &bytes, now)?
    } else if let Ok(note) = SignedCheckpoint::parse(&bytes) {
        let channel = house.store.view(|view| ours(view, &note.checkpoint().origin))?;
        let what = receipt(house, &channel, &note, now)?;
        Settled { from: channel.partner, what }
    } else if let Ok(parcel) = Parcel::parse(&bytes) {
        given_back(house, parcel.checkpoint.checkpoint().origin, &bytes, now, rng)?
    } else if let Ok(statement) = ChannelStatement::parse(&bytes) {
        opened(house, &statement, now, rng)?
    } else {
        return Err(not_to_be_settled(&bytes));
    };
    let (by, about, what) = (caller.name.clone(), settled.from.clone(), settled.what.clone());
    house.store.act(move |act| {
        audit::note(act, now, by.as_str(), "carry.settle", about.as_str(), json!({ "what": what }), &[])
    })?;
    (house.bell)();
    Ok(settled)
}

fn not_to_be_settled(bytes: &[u8]) -> Refusal {
    if SignedProposal::parse(bytes).is_ok() {
        return no_answer();
    }
    Refusal::theirs("bad_file", "the file opens, and holds no answer that this node understands")
        .hint("nothing was changed; does the partner run a newer program?")
}

fn no_answer() -> Refusal {
    Refusal::yours("no_answer", "the file is something that a partner packed for this node, and no answer")
        .hint("`forewarn carry open FILE --to DIR` takes it and writes the answer")
}

/// The log of this origin that we write to a confirmed partner.
fn ours(view: &View<'_>, origin: &Origin) -> Result<ChannelRow, Refusal> {
    let channel = view.channel(origin)?.filter(|c| c.side == ChannelSide::Ours);
    let channel = channel.ok_or_else(|| {
        Refusal::theirs("not_ours", "the file is about a log that this node does not write")
            .hint(
                "nothing was changed; it goes to another node. If this node has lost that log, settle its channel first: \
                 `forewarn carry receipt PARTNER --from 0` at the partner writes it",
            )
    })?;
    partner::confirmed(view, &channel.partner)?;
    Ok(channel)
}

/// Takes back entries of a log of ours that this node has lost and the partner has held.
fn given_back(
    house: &House,
    origin: Origin,
    bytes: &[u8],
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<Settled, Refusal> {
    let found = house.store.view(|view| Ok::<_, Refusal>(view.channel(&origin)?))?;
    if found.is_some_and(|c| c.side == ChannelSide::Theirs) {
        return Err(no_answer());
    }
    let channel = house.store.view(|view| ours(view, &origin))?;
    let from = channel.partner;
    if !channel.recovering {
        return Ok(Settled {
            from,
            what: "nothing of this log is missed; the file was not needed".to_owned(),
        });
    }
    recover::take_back(house, &origin, bytes, now, rng)?.map_err(|why| {
        Refusal::theirs("not_taken", format!("what {from} gave back does not fit")).detail(why).hint(
            "nothing was changed; settle the files that it wrote in the order of their entries, its receipt last",
        )
    })?;
    let row = house.store.view(|view| ours(view, &origin))?;
    Ok(Settled { from, what: format!("this node has {} entries of this log again", row.size()) })
}

/// Takes the statement of a channel of ours that this node does not know. Gives the receiver that it names.
fn lost(house: &House, statement: &ChannelStatement, now: Timestamp) -> Result<Option<PartyName>, Refusal> {
    let said = statement.proposal();
    let Ok(from) = said.receiver.name().parse::<PartyName>() else { return Ok(None) };
    let (known, is_partner) = house.store.view(|view| {
        Ok::<_, Refusal>((view.channel(&statement.origin())?.is_some(), view.partner(&from)?.is_some()))
    })?;
    if known || !is_partner || said.giver.name() != house.name.as_str() {
        return Ok(None);
    }
    channel::adopt(house, &from, said.use_, statement.as_bytes(), now)?;
    if house.store.view(|view| Ok::<_, Refusal>(view.channel(&statement.origin())?))?.is_none() {
        let fact = format!("this node has another {} channel to {from} by now", said.use_);
        return Err(Refusal::theirs("other_channel", fact)
            .detail(format!("the file is about the log {}", statement.origin().hex()))
            .hint(
                "nothing was changed; `forewarn channel list` shows the log that carries. If the partner holds another, call \
                 its duty desk",
            ));
    }
    Ok(Some(from))
}

fn opened(
    house: &House,
    statement: &ChannelStatement,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<Settled, Refusal> {
    if let Some(from) = lost(house, statement, now)? {
        let use_ = statement.proposal().use_;
        let what = format!(
            "the {use_} channel, which this node had lost, is known again: settle next what {from} gives back of it"
        );
        return Ok(Settled { from, what });
    }
    let channel = house.store.view(|view| ours(view, &statement.origin()))?;
    let keys_wait =
        house.store.view(|view| Ok::<_, Refusal>(view.statement_proposed(&channel)?.is_some()))?;
    let (from, use_) = (channel.partner, channel.use_);
    let new_keys = statement.proposal().from > 0;
    if channel.state != ChannelState::Proposed && !(new_keys && keys_wait) {
        return Ok(Settled { from, what: format!("the {use_} channel was open already") });
    }
    channel::opened(house, &from, use_, statement.as_bytes(), now, rng)?;
    let done = if new_keys { "has its new keys" } else { "is open" };
    Ok(Settled { from, what: format!("the {use_} channel {done}: pack again, and what waits goes along") })
}

/// Takes the word of the partner whose file it is that it does not sign new keys.
fn keys_declined(house: &House, bytes: &[u8], now: Timestamp) -> Result<Settled, Refusal> {
    let origin = declined::about(bytes)?;
    let from = house.store.view(|view| ours(view, &origin))?.partner;
    let what = match declined::take(house, &from, bytes, now)? {
        true => {
            "the partner does not sign the new keys; the old ones stay: pack again, and what waits goes along"
        }
        false => "no such new keys wait for the partner any more",
    };
    Ok(Settled { from, what: what.to_owned() })
}

/// Takes a cosigned checkpoint of a log of ours.
fn receipt(
    house: &House,
    channel: &ChannelRow,
    note: &SignedCheckpoint,
    now: Timestamp,
) -> Result<String, Refusal> {
    let (origin, from, size) = (channel.origin, &channel.partner, note.checkpoint().size);
    let not_true = |why: String| {
        Refusal::theirs("bad_receipt", format!("the receipt of {from} does not verify; it does not count"))
            .detail(why)
            .hint("nothing was changed; ask the partner for its newest receipt (`forewarn carry receipt` there)")
    };
    if channel.state == ChannelState::Proposed {
        return Err(not_true("the channel is not open yet".to_owned()));
    }
    let statement = house.store.view(|view| statement::in_force(view, channel, size))?;
    let (log, cosigner) = (&statement.proposal().log, &statement.proposal().cosigner);
    note.verify_log(log).map_err(|e| not_true(e.to_string()))?;
    note.check_lines(&[log, cosigner]).map_err(|e| not_true(e.to_string()))?;
    let line = note.cosignature_of(cosigner).map_err(|e| not_true(e.to_string()))?.line().to_string();
    let held = note.to_string();
    let (row, head) = (channel.clone(), *note.checkpoint());
    let known = house.store.act(move |act| {
        let at_hand = compare(act, &row, &head, &held, now)?;
        if at_hand == AtHand::Unreceipted {
            act.fence_head(&row, head.size, &head.root)?;
        }
        Ok::<_, Refusal>(at_hand)
    })?;
    match known {
        AtHand::Receipted => {}
        AtHand::Unreceipted => {
            let sent = Outgoing { origin, old: size, size, bytes: Vec::new() };
            if let Next::Wait(why) = deliver::settle(house, &sent, Answer::Receipt(line.into_bytes()), now)? {
                return Err(not_true(why));
            }
        }
        AtHand::NotOurRoot => {
            return Err(Refusal::theirs(
                "bad_root",
                format!("{from} shows a signature of ours that cannot be true"),
            )
            .detail(format!("a head of {size} entries with another root than our entries give"))
            .hint("it is kept as evidence; look now, and call the partner's duty desk"));
        }
        AtHand::MoreThanOurs => return Err(more_than_ours(channel, size)),
    }
    let row = channel.clone();
    let waits = house.store.act(move |act| after_receipt(act, &row, size, now))?;
    let counted = match known {
        AtHand::Receipted => format!("the receipt for {size} entries was settled before"),
        _ => format!("{size} entries are receipted"),
    };
    Ok(format!("{counted}{}", of_recovery(channel, waits)))
}

/// A receipt for more than this node has of its own log.
fn more_than_ours(channel: &ChannelRow, size: u64) -> Refusal {
    let (from, have) = (&channel.partner, channel.size());
    let refusal = Refusal::world("behind", format!("{from} holds more of our log than this node"))
        .detail(format!("the receipt is for {size} entries, and this node has {have}"));
    match channel.recovering {
        true => refusal.hint(format!(
            "ask {from} for the entries (`forewarn carry receipt` there, with --from {have}), settle those first, then this"
        )),
        false => refusal.hint(
            "this node runs on an old copy of its data: make sure that no second copy is running, then `forewarn recover \
             begin`",
        ),
    }
}

/// What a log that was recovering waits for still, in words; nothing where it was not.
fn of_recovery(channel: &ChannelRow, waits: Option<String>) -> String {
    match (channel.recovering, waits) {
        (false, _) => String::new(),
        (true, None) => "; the log goes on from here".to_owned(),
        (true, Some(why)) => {
            let by = &channel.partner;
            format!(
                "; nothing is packed yet: {why}; or take the partner's word with `forewarn recover trust {by}`"
            )
        }
    }
}

/// How a checkpoint that we signed stands to the log as we have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AtHand {
    Receipted,
    Unreceipted,
    NotOurRoot,
    MoreThanOurs,
}

fn compare(
    act: &mut Act<'_>,
    row: &ChannelRow,
    head: &tlog::checkpoint::Checkpoint,
    note: &str,
    now: Timestamp,
) -> Result<AtHand, Refusal> {
    if head.size > row.size() {
        if !row.recovering {
            evidence::behind(act, row, now)?;
        }
        return Ok(AtHand::MoreThanOurs);
    }
    if act.root_at(row, head.size)? != head.root {
        let what =
            format!("a head of size {} that we signed, with another root than our entries give", head.size);
        let note = SignedCheckpoint::parse(note.as_bytes()).map_err(Refusal::ours)?;
        if evidence::keep_note(act, row, &what, Binds::Giver, &note, now)? {
            crate::alarm::line(
                act,
                "a partner showed a signature of ours that cannot be true: look now",
                now,
            )?;
        }
        return Ok(AtHand::NotOurRoot);
    }
    let receipted = act.head(row, head.size)?.is_some_and(|h| h.line.is_some());
    Ok(if receipted { AtHand::Receipted } else { AtHand::Unreceipted })
}

/// What a receipt settles beside itself: the partner's wish for an earlier size, and the waiting after a restore. Gives why
/// the log waits on, if it does.
fn after_receipt(
    act: &mut Act<'_>,
    row: &ChannelRow,
    size: u64,
    now: Timestamp,
) -> Result<Option<String>, Refusal> {
    if wanted_from(act, &row.origin)?.is_some_and(|from| from < size) {
        set_wanted(act, &row.origin, None)?;
    }
    let Some(mut row) = act.channel(&row.origin)? else { return Ok(None) };
    // An older receipt than others that are held cannot be the newest that was given.
    if row.recovering && size < row.cosigned {
        return Ok(Some("this is an older receipt than others that this node holds".to_owned()));
    }
    Ok(match recover::settle_ours(act, &mut row, now)? {
        recover::Settled::Yes => None,
        recover::Settled::No(why) => Some(why),
    })
}

/// Takes what a partner says about the size it holds.
fn held(house: &House, bytes: &[u8], now: Timestamp) -> Result<Settled, Refusal> {
    let held = HeldSize::parse(bytes).map_err(|why| {
        Refusal::theirs("bad_file", "the file says in no known form how much the partner holds").detail(why)
    })?;
    let channel = house.store.view(|view| ours(view, &held.origin))?;
    let (from, size) = (channel.partner.clone(), held.size);
    if size > channel.size() {
        return Err(more_than_ours(&channel, size));
    }
    let said = match &held.receipt {
        Some(note) => receipt(house, &channel, note, now)?,
        None => "the partner has receipted nothing of this log".to_owned(),
    };
    let has_receipt = held.receipt.is_some();
    let waits = house.store.act(move |act| {
        let Some(row) = act.channel(&held.origin)? else { return Ok(None) };
        // Nobody has signed it; it settles nothing where our own mark does not.
        let signed = has_receipt || act.mark_lost()?;
        let waits = if signed { None } else { after_receipt(act, &row, 0, now)? };
        set_wanted(act, &row.origin, (size < row.cosigned).then_some(size))?;
        Ok::<_, Refusal>(waits)
    })?;
    let recovery = if has_receipt { String::new() } else { of_recovery(&channel, waits) };
    let what = format!("{said}{recovery}; it holds {size} entries, and the next packing begins there");
    Ok(Settled { from, what })
}
