//! Opening a channel: the giver proposes a statement and signs it, the receiver checks and countersigns.

use jiff::Timestamp;
use model::caller::Partner;
use model::id::PartyName;
use rand_core::CryptoRng;
use store::{Act, ChannelRow, ChannelSide, ChannelState, NewChannel, NewEntry, SealingDraw};
use tlog::channel::{ChannelProposal, ChannelStatement, SignedProposal, Use};
use tlog::commitment::{Salt, commit};
use tlog::entry::{Entry, EntryHeader, EntryKind, Thread};

use crate::audit;
use crate::house::House;
use crate::partner;
use crate::recover;
use crate::refusal::Refusal;

/// The code of the refusal of a statement where there is a channel already; its detail is the statement of that one.
pub const OTHER_CHANNEL: &str = "other_channel";
/// The most bytes of a channel statement that are read from a partner.
pub const STATEMENT_BYTES_MAX: usize = 8 * 1024;

/// The channel in which we write to a partner: open, or the half-signed statement to be sent to it.
pub enum OurChannel {
    /// It carries, or is frozen.
    Open(Box<ChannelRow>),
    /// The partner must countersign this text; give its answer to `opened`.
    Propose(String),
}

/// Finds or proposes the channel in which we write to this partner. A proposal stays the same until it is answered.
pub fn ours(
    house: &House,
    to: &PartyName,
    use_: Use,
    rng: &mut impl CryptoRng,
) -> Result<OurChannel, Refusal> {
    let mut nonce = [0; 32];
    rng.fill_bytes(&mut nonce);
    let (us, to) = (house.clone(), to.clone());
    house.store.act(move |act| {
        let row = partner::confirmed(act, &to)?;
        match act.channel_with(&to, ChannelSide::Ours, use_)? {
            Some(channel) if channel.state == ChannelState::Proposed => {
                Ok(OurChannel::Propose(channel.statement))
            }
            Some(channel) => Ok(OurChannel::Open(Box::new(channel))),
            None => {
                let card = partner::card(&row)?;
                let giver = us.keys.identity.verifier().clone();
                let origin = tlog::channel::origin_of(use_, &giver, &card.identity, &nonce);
                let proposal = ChannelProposal {
                    use_,
                    giver,
                    receiver: card.identity,
                    nonce,
                    after: None,
                    from: 0,
                    log: us.keys.log_key(&origin)?.verifier().clone(),
                    cosigner: card.cosigner,
                    neutral: 0,
                    witnesses: Vec::new(),
                };
                let signed = proposal.sign_as_giver(&us.keys.identity).map_err(Refusal::ours)?;
                let statement = signed.to_string();
                act.put_channel(&NewChannel {
                    origin,
                    partner: to,
                    side: ChannelSide::Ours,
                    use_,
                    statement: statement.clone(),
                    state: ChannelState::Proposed,
                })?;
                Ok(OurChannel::Propose(statement))
            }
        }
    })
}

/// Takes the partner's countersigned statement: the channel opens, and entry 0 carries the statement (log-format §3).
pub fn opened(
    house: &House,
    to: &PartyName,
    use_: Use,
    answer: &[u8],
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<(), Refusal> {
    let statement = ChannelStatement::parse(answer).map_err(|e| {
        Refusal::theirs("bad_statement", format!("{to} answered the channel statement with something else"))
            .detail(e.to_string())
    })?;
    let (salt, draw) = (Salt::draw(rng), SealingDraw::draw(rng));
    let to = to.clone();
    house.store.act(move |act| {
        let Some(mut channel) = act.channel_with(&to, ChannelSide::Ours, use_)? else {
            return Err(Refusal::ours("a channel was opened that was never proposed"));
        };
        if channel.state != ChannelState::Proposed {
            return Ok(());
        }
        let proposed = SignedProposal::parse(channel.statement.as_bytes()).map_err(Refusal::ours)?;
        if proposed.proposal() != statement.proposal() {
            return Err(Refusal::theirs("bad_statement", format!("{to} signed another statement than ours")));
        }
        let text = String::from_utf8_lossy(statement.as_bytes()).into_owned();
        act.open_channel(&channel, &text)?;
        // Where this node went back to before it was opened, the partner may hold that entry; it is taken back then.
        if !channel.recovering {
            let entry = first_entry(&channel, &text, now)?;
            append_first(act, &mut channel, entry, salt, draw, now)?;
        }
        recover::found_lost(act, &to, use_)?;
        audit::note(
            act,
            now,
            "node",
            "channel.open",
            to.as_str(),
            serde_json::json!({"use": use_.to_string()}),
            &[],
        )
    })
}

/// Takes the statement of a channel of ours that the partner has and this node has lost: it went back to before the channel
/// was opened. The channel is open and recovering from now on. A node that does not know that it went back is told.
///
/// # Errors
/// `bad_statement` for a statement that is not ours to this partner; `old_copy` where this node does not recover.
pub fn adopt(house: &House, to: &PartyName, use_: Use, answer: &[u8], now: Timestamp) -> Result<(), Refusal> {
    let bad = |why: &str| {
        Refusal::theirs("bad_statement", format!("{to} answered the channel statement with {why}"))
    };
    let statement =
        ChannelStatement::parse(answer).map_err(|e| bad("something else").detail(e.to_string()))?;
    let (us, to) = (house.clone(), to.clone());
    let other = bad("one of another channel");
    house.store.act(move |act| {
        let card = partner::card(&partner::confirmed(act, &to)?)?;
        let said = statement.proposal();
        if said.giver != *us.keys.identity.verifier() || said.receiver != card.identity || said.use_ != use_ {
            return Err(other);
        }
        let origin = statement.origin();
        if act.recovering()?.is_none() && !recover::is_lost(act, &origin)? {
            let fact = format!("{to} has a channel that we signed, and this node does not know it: it runs on an old copy of its data");
            return Err(Refusal::theirs("old_copy", fact).hint("stop any other copy of this node, then `forewarn recover begin`"));
        }
        match act.channel_with(&to, ChannelSide::Ours, use_)? {
            Some(proposed) if proposed.state == ChannelState::Proposed => act.drop_proposal(&proposed)?,
            Some(_) => return Ok(()),
            None => {}
        }
        let new = NewChannel {
            origin: statement.origin(),
            partner: to.clone(),
            side: ChannelSide::Ours,
            use_,
            statement: String::from_utf8_lossy(statement.as_bytes()).into_owned(),
            state: ChannelState::Open,
        };
        act.put_channel(&new)?;
        if let Some(mut row) = act.channel(&new.origin)? {
            act.begin_recovery(&mut row)?;
        }
        recover::found_lost(act, &to, use_)?;
        let detail = serde_json::json!({"use": use_.to_string()});
        audit::note(act, now, "node", "channel.adopt", to.as_str(), detail, &[])
    })
}

/// The statement of an open channel of ours as the partner countersigned it first: for a partner that went back to before it
/// was opened, and does not know it any more.
pub fn again(house: &House, row: &ChannelRow) -> Result<String, Refusal> {
    let statement = ChannelStatement::parse(row.statement.as_bytes()).map_err(Refusal::ours)?;
    let signed = statement.proposal().clone().sign_as_giver(&house.keys.identity).map_err(Refusal::ours)?;
    Ok(signed.to_string())
}

fn first_entry(channel: &ChannelRow, statement: &str, now: Timestamp) -> Result<Entry, Refusal> {
    let header = EntryHeader {
        origin: channel.origin,
        index: 0,
        written: Timestamp::from_second(now.as_second()).map_err(Refusal::ours)?,
        seen: None,
        kind: EntryKind::parse("channel.opened").map_err(Refusal::ours)?,
        thread: Thread::from_bytes([0; 16]),
        answers: None,
        media: "text/plain".to_owned(),
        length: u64::try_from(statement.len()).map_err(Refusal::ours)?,
    };
    Ok(Entry { header, body: statement.as_bytes().to_vec() })
}

/// Appends entry 0 to an open channel of ours that has none.
pub(crate) fn begin(
    act: &mut Act<'_>,
    channel: &mut ChannelRow,
    (salt, draw): (Salt, SealingDraw),
    now: Timestamp,
) -> Result<(), Refusal> {
    let text = channel.statement.clone();
    let entry = first_entry(channel, &text, now)?;
    append_first(act, channel, entry, salt, draw, now)
}

fn append_first(
    act: &mut Act<'_>,
    channel: &mut ChannelRow,
    entry: Entry,
    salt: Salt,
    draw: SealingDraw,
    now: Timestamp,
) -> Result<(), Refusal> {
    let bytes = entry.encode().map_err(Refusal::ours)?;
    let new = NewEntry {
        kind: entry.header.kind.as_str().to_owned(),
        thread: [0; 16],
        answers: None,
        written: entry.header.written,
        facts: model::facts::Facts::Channel,
        commitment: commit(&salt, &bytes),
        salt,
        bytes,
        seen: 0,
        draw,
    };
    act.append_entry(channel, new, now)?;
    Ok(())
}

/// Countersigns a partner's channel statement. The same statement again gets the same answer; another one for a channel
/// that is there already is refused, and so is one that does not name the pinned keys.
pub fn accept(house: &House, from: &Partner, text: &[u8], now: Timestamp) -> Result<String, Refusal> {
    let refuse = |why: String| Refusal::theirs("bad_statement", why);
    let proposal = SignedProposal::parse(text).map_err(|e| refuse(e.to_string()))?;
    let (us, from) = (house.clone(), from.name.clone());
    house.store.act(move |act| {
        let row = partner::confirmed(act, &from)?;
        let card = partner::card(&row)?;
        let said = proposal.proposal();
        if said.giver != card.identity || said.receiver != *us.keys.identity.verifier() {
            return Err(refuse("the statement names other parties than the pinned cards".to_owned()));
        }
        if said.cosigner != *us.keys.cosigner.verifier() {
            return Err(refuse("the cosigner in the statement is not ours".to_owned()));
        }
        if said.after.is_some() || said.from != 0 || said.neutral != 0 || !said.witnesses.is_empty() {
            return Err(refuse("successors and neutral witnesses are not taken here".to_owned()));
        }
        let statement = proposal.countersign(&us.keys.identity).map_err(|e| refuse(e.to_string()))?;
        let text = String::from_utf8_lossy(statement.as_bytes()).into_owned();
        match act.channel_with(&from, ChannelSide::Theirs, said.use_)? {
            Some(channel) if channel.statement == text => Ok(channel.statement),
            // The giver may have gone back to before it was opened: the statement tells it.
            Some(channel) => {
                let fact = "there is another channel of this direction and use already";
                Err(Refusal::theirs(OTHER_CHANNEL, fact).detail(channel.statement))
            }
            None => {
                act.put_channel(&NewChannel {
                    origin: statement.origin(),
                    partner: from.clone(),
                    side: ChannelSide::Theirs,
                    use_: said.use_,
                    statement: text.clone(),
                    state: ChannelState::Open,
                })?;
                // Without a mark nobody can tell whether it is new, or was cosigned before this node went back.
                if recover::may_be_old(act, &from)?
                    && let Some(mut row) = act.channel(&statement.origin())?
                {
                    act.begin_recovery(&mut row)?;
                }
                let detail = serde_json::json!({"use": said.use_.to_string()});
                audit::note(act, now, from.as_str(), "channel.accept", from.as_str(), detail, &[])?;
                Ok(text)
            }
        }
    })
}
