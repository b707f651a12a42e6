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
use crate::refusal::Refusal;

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
        let entry = first_entry(&channel, &text, now)?;
        append_first(act, &mut channel, entry, salt, draw, now)?;
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
            Some(_) => Err(refuse("there is another channel of this direction and use already".to_owned())),
            None => {
                act.put_channel(&NewChannel {
                    origin: statement.origin(),
                    partner: from.clone(),
                    side: ChannelSide::Theirs,
                    use_: said.use_,
                    statement: text.clone(),
                    state: ChannelState::Open,
                })?;
                let detail = serde_json::json!({"use": said.use_.to_string()});
                audit::note(act, now, from.as_str(), "channel.accept", from.as_str(), detail, &[])?;
                Ok(text)
            }
        }
    })
}
