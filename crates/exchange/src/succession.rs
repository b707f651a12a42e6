//! Successors: a log that cannot or shall not go on goes on in another one (log-format §8).
//!
//! The giver decides, or the keys decide for it. Where the old log still can, it is receipted whole first, with an entry
//! that says that it ends; else the new log goes on from the newest receipt, and what no receipt covers is sent there anew.
//! The receiver takes a successor by itself if it goes on from exactly the newest head that it cosigned; else a person
//! looks at what would be left behind.

mod from_nothing;
mod refuse;

use jiff::Timestamp;
use model::caller::Person;
use model::id::{EntryRef, PartyName};
use model::vocab::Role;
use rand_core::CryptoRng;
use serde::Serialize;
use store::{
    Act, ChannelRow, ChannelSide, ChannelState, EndingRow, NewChannel, SealingDraw, SuccessorRow, View,
};
use tlog::card::Card;
use tlog::channel::{ChannelProposal, Origin, SignedProposal, Use, origin_of};
use tlog::checkpoint::Checkpoint;
use tlog::entry::Entry;
use tlog::hash::empty_root;

use crate::alarm;
use crate::audit;
use crate::caller::needs;
use crate::chain;
use crate::house::House;
use crate::partner;
use crate::refusal::Refusal;
use crate::rotation;
use crate::statement;
use crate::view::channels::{self, SuccessorView};

pub use refuse::refuse;

/// The longest reason, in characters.
const REASON_CHARS_MAX: usize = 400;
/// Who may let a channel go on in another: those who may propose an agreement.
const MAY_SUCCEED: &[Role] = &[Role::Liaison, Role::Release];
/// Who decided where the keys did.
const NODE: &str = "node";

/// How a log of ours is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Receipted whole, with a last entry that says so, if the partner still takes it.
    InOrder,
    /// At its newest receipt, now.
    AtOnce,
}

/// What was begun.
#[derive(Debug, Clone, Serialize)]
pub struct Begun {
    /// The partner.
    pub partner: String,
    /// Actual or exercise.
    #[serde(rename = "use")]
    pub use_: String,
    /// Whether the old log ends in order first; else the successor is proposed already.
    pub in_order: bool,
    /// How many entries go anew because no receipt covers them.
    pub sent_anew: u64,
}

/// The randomness of a succession, drawn before the act.
pub(crate) struct Draws {
    /// Of the new channel.
    pub(crate) nonce: [u8; 32],
    seals: Vec<SealingDraw>,
}

impl Draws {
    /// For a log with so many entries that have no receipt.
    pub(crate) fn draw(open: u64, rng: &mut impl CryptoRng) -> Self {
        let mut nonce = [0; 32];
        rng.fill_bytes(&mut nonce);
        Self { nonce, seals: (0..open).map(|_| SealingDraw::draw(rng)).collect() }
    }
}

/// How many entries of our log to this partner have no receipt.
pub(crate) fn open_entries(house: &House, to: &PartyName, use_: Use) -> Result<u64, Refusal> {
    house.store.view(|view| {
        let ours = view.channel_with(to, ChannelSide::Ours, use_)?;
        Ok(ours.map_or(0, |c| c.size().saturating_sub(c.cosigned)))
    })
}

/// Lets our log to a partner go on in a successor. The reason stays in this node.
pub fn succeed(
    house: &House,
    caller: &Person,
    (to, use_): (&PartyName, Use),
    reason: &str,
    ending: Ending,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<Begun, Refusal> {
    needs(caller, MAY_SUCCEED, "let a channel go on in another")?;
    let reason = model::plain::plain_line(reason).trim().to_owned();
    if reason.is_empty() || reason.chars().count() > REASON_CHARS_MAX {
        return Err(Refusal::yours("bad_reason", "a successor needs a reason of 1 to 400 characters")
            .hint("say why in a line; it stays in this node, for those who read the trail"));
    }
    let draws = Draws::draw(open_entries(house, to, use_)?, rng);
    let last = rotation::draw(rng);
    let (us, to, by) = (house.clone(), to.clone(), caller.name.clone());
    let begun = house.store.act(move |act| {
        let card = partner::card(&partner::confirmed(act, &to)?)?;
        let begun = |in_order, sent_anew| Begun {
            partner: to.to_string(),
            use_: use_.to_string(),
            in_order,
            sent_anew,
        };
        let decided = EndingRow { by: by.to_string(), reason, at: now };
        if let Some(earlier) = from_nothing::earlier(act, &to, use_)? {
            from_nothing::propose(&us, act, (earlier, use_), (&to, &card), &decided, draws.nonce, now)?;
            return Ok(begun(false, 0));
        }
        let Some(mut channel) = act.channel_with(&to, ChannelSide::Ours, use_)? else {
            return Err(Refusal::yours("no_channel", format!("there is no {use_} log of ours to {to}"))
                .hint("one opens by itself with the first thing that is sent"));
        };
        may_be_succeeded(act, &channel, ending)?;
        let in_order = ending == Ending::InOrder
            && channel.state == ChannelState::Open
            && !channel.recovering
            && must_go_on(&us, act, &channel, &card)?.is_none();
        if !in_order {
            let anew = propose(&us, act, &channel, &card, &decided, draws, now)?;
            return Ok(begun(false, anew));
        }
        act.drop_proposed_statement(&channel)?;
        rotation::append(
            act,
            &mut channel,
            statement::SUCCEEDED,
            ("application/json", b"{}".to_vec()),
            now,
            last,
        )?;
        act.begin_ending(&channel, &decided)?;
        let detail = serde_json::json!({ "use": use_.to_string(), "reason": decided.reason });
        audit::note(act, now, by.as_str(), "channel.end", to.as_str(), detail, &[])?;
        Ok(begun(true, 0))
    })?;
    (house.bell)();
    Ok(begun)
}

fn may_be_succeeded(view: &View<'_>, channel: &ChannelRow, ending: Ending) -> Result<(), Refusal> {
    let to = &channel.partner;
    if channel.state == ChannelState::Proposed && channel.follows.is_some() {
        return Err(Refusal::yours("already_pending", format!("a successor waits for {to} already")).hint(
            "call its duty desk: an officer there may have to take it with `forewarn channel accept`",
        ));
    }
    if ending == Ending::InOrder && view.ending(channel)?.is_some() {
        return Err(Refusal::yours("already_pending", format!("the log to {to} ends already")).hint(
            "it goes on as soon as the partner has receipted its end; with --at-once it goes on from the newest receipt",
        ));
    }
    Ok(())
}

/// Why a log of ours cannot go on with the keys that its statement names, if it cannot: an identity was replaced on either
/// side, or our log key was lost; or its end was refused by the partner.
pub(crate) fn must_go_on(
    us: &House,
    view: &View<'_>,
    channel: &ChannelRow,
    card: &Card,
) -> Result<Option<EndingRow>, Refusal> {
    if let Some(ending) = view.ending(channel)?
        && view.meta(&refused_key(channel))?.is_some()
    {
        return Ok(Some(ending));
    }
    let (said, generation) = if channel.state == ChannelState::Proposed {
        let said = SignedProposal::parse(channel.statement.as_bytes()).map_err(Refusal::ours)?;
        (said.proposal().clone(), 0)
    } else {
        let row = view.statement_at(channel, channel.size())?;
        let said = statement::in_force(view, channel, channel.size())?;
        (said.proposal().clone(), row.map_or(0, |row| row.generation))
    };
    let reason = if said.giver != *us.keys.identity.verifier() {
        "this node has another identity key"
    } else if said.receiver != card.identity {
        "the partner has another identity key"
    } else if said.log != *us.keys.log_key_of(&channel.origin, generation)?.verifier() {
        "this node has another log key"
    } else if channel.state == ChannelState::Proposed && said.cosigner != card.cosigner {
        "the partner has another cosigner key"
    } else if channel.cosigned == channel.size()
        && !channel.recovering
        && statement::has_ended(view, channel)?
        && view.ending(channel)?.is_none()
    {
        "the log has ended, and this node went back to a copy of its data that does not know its successor"
    } else {
        return Ok(None);
    };
    Ok(Some(EndingRow { by: NODE.to_owned(), reason: reason.to_owned(), at: channel.written }))
}

/// Proposes the successor of a log of ours, from its newest receipt; what no receipt covers waits again. Gives how many
/// entries those are.
pub(crate) fn propose(
    us: &House,
    act: &mut Act<'_>,
    old: &ChannelRow,
    card: &Card,
    decided: &EndingRow,
    draws: Draws,
    now: Timestamp,
) -> Result<u64, Refusal> {
    let after = last_head(act, old)?;
    act.forget_meta(&refused_key(old))?;
    act.succeed_channel(old, old.cosigned)?;
    let origin = proposal_of(us, act, (&old.partner, old.use_), card, after, draws.nonce)?;
    begin_anew(act, old, ChannelSide::Theirs)?;
    let (anew, lost) = send_anew(act, old, old.cosigned, draws.seals)?;
    us.unconfirm(&old.origin);
    act.recovery_over()?;
    let detail = serde_json::json!({
        "use": old.use_.to_string(), "reason": decided.reason, "after": after.size, "sent_anew": anew, "not_sent": lost,
        "old": old.origin.hex(), "new": origin.hex(),
    });
    told(act, (&old.partner, old.use_), &decided.by, detail, now)?;
    Ok(anew)
}

/// Signs the statement of a successor as its giver and keeps it as proposed. Gives its origin.
fn proposal_of(
    us: &House,
    act: &mut Act<'_>,
    (to, use_): (&PartyName, Use),
    card: &Card,
    after: Checkpoint,
    nonce: [u8; 32],
) -> Result<Origin, Refusal> {
    let giver = us.keys.identity.verifier().clone();
    let origin = origin_of(use_, &giver, &card.identity, &nonce);
    let proposal = ChannelProposal {
        use_,
        giver,
        receiver: card.identity.clone(),
        nonce,
        after: Some(after),
        from: 0,
        log: us.keys.log_key(&origin)?.verifier().clone(),
        cosigner: card.cosigner.clone(),
        neutral: 0,
        witnesses: Vec::new(),
    };
    act.put_channel(&NewChannel {
        origin,
        partner: to.clone(),
        side: ChannelSide::Ours,
        use_,
        statement: proposal.sign_as_giver(&us.keys.identity).map_err(Refusal::ours)?.to_string(),
        state: ChannelState::Proposed,
    })?;
    act.set_follows(&origin, &after.origin)?;
    Ok(origin)
}

/// Puts a successor into the trail, and tells people.
fn told(
    act: &mut Act<'_>,
    (to, use_): (&PartyName, Use),
    by: &str,
    detail: serde_json::Value,
    now: Timestamp,
) -> Result<(), Refusal> {
    audit::note(act, now, by, "channel.succeed", to.as_str(), detail, &[])?;
    let drill = alarm::drill(use_);
    alarm::line(
        act,
        &format!("{drill}a log to a partner goes on in a new one: see `forewarn channel list`"),
        now,
    )
}

/// The last head of a log of ours that both hold; of a successor that was never opened, the one that it was to go on from.
fn last_head(view: &View<'_>, old: &ChannelRow) -> Result<Checkpoint, Refusal> {
    if old.state == ChannelState::Proposed {
        let never_opened = SignedProposal::parse(old.statement.as_bytes()).map_err(Refusal::ours)?;
        if let Some(after) = never_opened.proposal().after {
            return Ok(after);
        }
    }
    let size = old.cosigned;
    let root = if size == 0 { empty_root() } else { view.root_at(old, size)? };
    Ok(Checkpoint { origin: old.origin, size, root })
}

/// The opposite log counts how far it has seen of this one from its beginning again.
fn begin_anew(act: &mut Act<'_>, old: &ChannelRow, opposite: ChannelSide) -> Result<(), Refusal> {
    if let Some(row) = act.channel_with(&old.partner, opposite, old.use_)? {
        act.forget_seen(&row)?;
    }
    Ok(())
}

/// Lets the entries from `size` on wait again. Gives how many, and how many cannot since their text was erased or they were
/// never in the outbox. What concerns only the old log is not sent.
fn send_anew(
    act: &mut Act<'_>,
    old: &ChannelRow,
    size: u64,
    seals: Vec<SealingDraw>,
) -> Result<(u64, u64), Refusal> {
    let (mut anew, mut lost, mut seals) = (0, 0, seals.into_iter());
    for entry in act.entries(old, size, old.size())? {
        if matches!(entry.facts, model::facts::Facts::Channel) {
            continue;
        }
        let was = EntryRef { origin: old.origin, index: entry.index };
        let (Some(row), Some(opened)) = (act.outbox_at(&was)?, act.open_entry(old, entry.index)?) else {
            lost += 1;
            continue;
        };
        let seal = seals
            .next()
            .ok_or_else(|| Refusal::world("busy", "the log grew at the same moment").hint("try it again"))?;
        let body = Entry::parse(&opened.bytes).map_err(Refusal::ours)?.body;
        act.send_anew(row, &was, body, &seal)?;
        anew += 1;
    }
    Ok((anew, lost))
}

/// Whether a log of ours appends nothing more: it ends, or new keys are being exchanged for it.
pub(crate) fn appends_nothing(view: &View<'_>, channel: &ChannelRow) -> Result<bool, Refusal> {
    Ok(view.statement_proposed(channel)?.is_some() || view.ending(channel)?.is_some())
}

/// Whether there is something to do for a log of ours although nothing waits: new keys, or its end.
pub(crate) fn due(us: &House, view: &View<'_>, channel: &ChannelRow) -> Result<bool, Refusal> {
    if view.ending(channel)?.is_some()
        || (channel.state == ChannelState::Proposed && channel.follows.is_some())
    {
        return Ok(true);
    }
    let Some(row) = view.partner(&channel.partner)? else { return Ok(false) };
    Ok(rotation::due(view, channel)? || must_go_on(us, view, channel, &partner::card(&row)?)?.is_some())
}

/// The partner refused a parcel of a log that ends in order: it goes on from its newest receipt. True if it was such a log.
pub(crate) fn cannot_end(house: &House, origin: &Origin) -> Result<bool, Refusal> {
    let origin = *origin;
    let ends = house.store.act(move |act| {
        let Some(channel) = act.channel(&origin)? else { return Ok(false) };
        if act.ending(&channel)?.is_none() {
            return Ok::<_, Refusal>(false);
        }
        act.set_meta(&refused_key(&channel), "refused")?;
        Ok(true)
    })?;
    if ends {
        house.unconfirm(&origin);
        (house.bell)();
    }
    Ok(ends)
}

/// Rings for the courier if a log that was to end in order has its last receipt.
pub(crate) fn ring_if_ended(house: &House, origin: &Origin) -> Result<(), Refusal> {
    let ended = house.store.view(|view| match view.channel(origin)? {
        Some(channel) => has_ended(view, &channel),
        None => Ok(None),
    })?;
    if ended.is_some() {
        (house.bell)();
    }
    Ok(())
}

/// Whether a log that was to end in order has its last receipt: then its successor is proposed.
pub(crate) fn has_ended(view: &View<'_>, channel: &ChannelRow) -> Result<Option<EndingRow>, Refusal> {
    Ok(view.ending(channel)?.filter(|_| channel.cosigned == channel.size()))
}

fn refused_key(channel: &ChannelRow) -> String {
    format!("ending.refused/{}", channel.origin.hex())
}

/// What became of a partner's proposal of a successor.
pub(crate) enum Taken {
    /// It carries: the statement with both signatures.
    Open(String),
    /// A person must look at it first.
    Waits,
}

/// Takes a partner's proposal of a successor, whose parties and keys were judged already. Without a person only if it goes
/// on from exactly the newest head that we cosigned, and we hold nothing beyond that.
pub(crate) fn take(
    us: &House,
    act: &mut Act<'_>,
    from: &PartyName,
    proposal: &SignedProposal,
    by: Option<&Person>,
    now: Timestamp,
) -> Result<Taken, Refusal> {
    let refuse = |why: &str| Refusal::theirs("bad_statement", why);
    let said = proposal.proposal();
    let Some(after) = said.after else { return Err(refuse("this is no successor")) };
    let chain = chain_with(act, from, ChannelSide::Theirs, said.use_)?;
    let at = chain.iter().position(|log| log.origin == after.origin);
    // No log is held on this side where the statement of the old one never arrived, or went with an older copy.
    if at.is_none() && !chain.is_empty() {
        return Err(refuse("it goes on from another log than those held here: show us that one first"));
    }
    // A giver that went back to an older copy may not know what followed: all of that is left behind.
    let (later, old) = chain.split_at(at.unwrap_or(0));
    let old = old.first();
    if let Some(old) = old
        && after.size > 0
        && after.size <= old.size()
        && act.root_at(old, after.size)? != after.root
    {
        return Err(refuse("it goes on from a head that is not one of the log held here"));
    }
    let exact = old.map_or(after.size == 0, |old| {
        let nothing_beyond = later.is_empty() && !old.recovering;
        nothing_beyond && after.size == old.size() && after.size == old.cosigned
    });
    let origin = said.origin();
    if by.is_none() && act.successor(&origin)?.is_some_and(|row| row.refused) {
        let fact = "an officer here refused the successor: call our duty desk";
        return Err(Refusal::theirs("successor_refused", fact));
    }
    if !exact && by.is_none() {
        keep_waiting(act, from, proposal, now)?;
        return Ok(Taken::Waits);
    }
    let statement = proposal.countersign(&us.keys.identity).map_err(|e| refuse(&e.to_string()))?;
    let text = statement.to_string();
    for log in later {
        act.succeed_channel(log, 0)?;
    }
    if let Some(old) = old {
        act.succeed_channel(old, after.size.min(old.size()))?;
    }
    act.put_channel(&NewChannel {
        origin,
        partner: from.clone(),
        side: ChannelSide::Theirs,
        use_: said.use_,
        statement: text.clone(),
        state: ChannelState::Open,
    })?;
    if let Some(old) = old {
        act.set_follows(&origin, &old.origin)?;
        begin_anew(act, old, ChannelSide::Ours)?;
    }
    act.accept_successor(&origin)?;
    act.recovery_over()?;
    let who = by.map_or(from.as_str(), |person| person.name.as_str());
    let detail = serde_json::json!({
        "use": said.use_.to_string(), "after": after.size, "held": old.map_or(0, ChannelRow::size),
        "old": after.origin.hex(), "new": origin.hex(),
    });
    audit::note(act, now, who, "channel.accept_successor", from.as_str(), detail, &[])?;
    Ok(Taken::Open(text))
}

/// Keeps a proposal for a person to look at: of each channel the newest alone, and people are told once.
fn keep_waiting(
    act: &mut Act<'_>,
    from: &PartyName,
    proposal: &SignedProposal,
    now: Timestamp,
) -> Result<(), Refusal> {
    let (said, origin) = (proposal.proposal(), proposal.proposal().origin());
    if act.successor(&origin)?.is_some() {
        return Ok(());
    }
    let mut told = false;
    for earlier in act.successors_waiting()?.into_iter().filter(|row| row.partner == *from) {
        let other = SignedProposal::parse(earlier.text.as_bytes()).map_err(Refusal::ours)?;
        if other.proposal().use_ == said.use_ {
            act.drop_successor(&earlier.origin)?;
            told = true;
        }
    }
    act.keep_successor(&origin, from, &proposal.to_string(), now)?;
    if told {
        return Ok(());
    }
    let drill = alarm::drill(said.use_);
    let line = format!("{drill}a partner goes on in a new log that leaves something behind: look now");
    alarm::line(act, &line, now)?;
    let detail =
        serde_json::json!({ "use": said.use_.to_string(), "after": said.after.map(|head| head.size) });
    audit::note(act, now, from.as_str(), "channel.successor_waits", from.as_str(), detail, &[])
}

/// A person takes the successor that a partner proposed, with what it leaves behind. The partner's node gets our signature
/// when it asks again.
pub fn accept(
    house: &House,
    caller: &Person,
    from: &PartyName,
    use_: Use,
    now: Timestamp,
) -> Result<SuccessorView, Refusal> {
    needs(caller, MAY_SUCCEED, "take a successor")?;
    let (us, caller, from) = (house.clone(), caller.clone(), from.clone());
    let taken = house.store.act(move |act| {
        let row = partner::confirmed(act, &from)?;
        let waits = last_of(act.successors_waiting()?, &from, use_)?;
        let waits = waits.map_or_else(|| last_of(act.successors_refused()?, &from, use_), |w| Ok(Some(w)))?;
        let Some((waiting, proposal)) = waits else {
            return Err(Refusal::yours("nothing_waits", format!("no {use_} successor of {from} waits"))
                .hint("`forewarn channel list` names what waits"));
        };
        let shown = channels::successor(act, &waiting, &proposal)?;
        let said = proposal.proposal();
        if said.giver != partner::card(&row)?.identity
            || said.receiver != *us.keys.identity.verifier()
            || said.cosigner != *us.keys.cosigner.verifier()
        {
            let fact = "the successor was proposed with keys that have changed since";
            return Err(Refusal::yours("keys_changed", fact).hint(
                "ask the partner to run `forewarn channel succeed` again, with the cards as they are now",
            ));
        }
        take(&us, act, &from, &proposal, Some(&caller), now)?;
        Ok(shown)
    })?;
    (house.bell)();
    Ok(taken)
}

/// The newest of these proposals by a partner for this use.
fn last_of(
    rows: Vec<SuccessorRow>,
    from: &PartyName,
    use_: Use,
) -> Result<Option<(SuccessorRow, SignedProposal)>, Refusal> {
    for row in rows.into_iter().rev().filter(|row| row.partner == *from) {
        let proposal = SignedProposal::parse(row.text.as_bytes()).map_err(Refusal::ours)?;
        if proposal.proposal().use_ == use_ {
            return Ok(Some((row, proposal)));
        }
    }
    Ok(None)
}

/// The log of this use that carries, of whom we write to, with the ones before it.
pub(crate) fn chain_with(
    view: &View<'_>,
    partner: &PartyName,
    side: ChannelSide,
    use_: Use,
) -> Result<Vec<ChannelRow>, Refusal> {
    match view.channel_with(partner, side, use_)? {
        Some(newest) => chain::of(view, newest),
        None => Ok(Vec::new()),
    }
}
