//! Opening a channel: the giver proposes a statement and signs it, the receiver checks and countersigns.

mod lost;

use jiff::Timestamp;
use model::caller::Partner;
use model::id::PartyName;
use rand_core::CryptoRng;
use store::{Act, ChannelRow, ChannelSide, ChannelState, NewChannel, SealingDraw};
use tlog::card::Card;
use tlog::channel::{ChannelProposal, ChannelStatement, SignedProposal, Use};
use tlog::commitment::Salt;

use crate::audit;
use crate::house::House;
use crate::partner;
use crate::recover;
use crate::refusal::Refusal;
use crate::rotation;
use crate::statement::OPENED;
use crate::succession::{self, Draws, Taken};

pub use lost::{adopt, again};
pub(crate) use lost::{brought, earlier, forget_earlier};

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
///
/// An open channel that is to have new keys gives their statement (log-format §8); one that must go on in another gives the
/// statement of its successor.
pub fn ours(
    house: &House,
    to: &PartyName,
    use_: Use,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<OurChannel, Refusal> {
    let draws = Draws::draw(succession::open_entries(house, to, use_)?, rng);
    let (us, to) = (house.clone(), to.clone());
    house.store.act(move |act| {
        let row = partner::confirmed(act, &to)?;
        let card = partner::card(&row)?;
        let Some(channel) = act.channel_with(&to, ChannelSide::Ours, use_)? else {
            return propose(&us, act, card, to, use_, draws.nonce).map(OurChannel::Propose);
        };
        let ended = succession::has_ended(act, &channel)?;
        let decided =
            ended.map_or_else(|| succession::must_go_on(&us, act, &channel, &card), |e| Ok(Some(e)))?;
        if let Some(decided) = decided {
            succession::propose(&us, act, &channel, &card, &decided, draws, now)?;
            let successor = act.channel_with(&to, ChannelSide::Ours, use_)?;
            let successor = successor.ok_or_else(|| Refusal::ours("a successor that is not there"))?;
            return Ok(OurChannel::Propose(successor.statement));
        }
        if channel.state == ChannelState::Proposed {
            return Ok(OurChannel::Propose(channel.statement));
        }
        Ok(match rotation::to_exchange(&us, act, &channel, &card)? {
            Some(statement) => OurChannel::Propose(statement),
            None => OurChannel::Open(Box::new(channel)),
        })
    })
}

fn propose(
    us: &House,
    act: &mut Act<'_>,
    card: Card,
    to: PartyName,
    use_: Use,
    nonce: [u8; 32],
) -> Result<String, Refusal> {
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
    let statement = proposal.sign_as_giver(&us.keys.identity).map_err(Refusal::ours)?.to_string();
    act.put_channel(&NewChannel {
        origin,
        partner: to,
        side: ChannelSide::Ours,
        use_,
        statement: statement.clone(),
        state: ChannelState::Proposed,
    })?;
    Ok(statement)
}

/// Takes the partner's countersigned statement: the channel opens, and entry 0 carries the statement (log-format §3); or,
/// in a channel that is open, the entry of the new keys does (§8).
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
        // It was offered again to a partner that had lost it.
        if channel.state == ChannelState::Open && channel.statement == statement.to_string() {
            return Ok(());
        }
        if channel.state != ChannelState::Proposed {
            return rotation::exchanged(act, &mut channel, &statement, now, (salt, draw)).map(drop);
        }
        let proposed = SignedProposal::parse(channel.statement.as_bytes()).map_err(Refusal::ours)?;
        if proposed.proposal() != statement.proposal() {
            return Err(Refusal::theirs("bad_statement", format!("{to} signed another statement than ours")));
        }
        let text = String::from_utf8_lossy(statement.as_bytes()).into_owned();
        act.open_channel(&channel, &text)?;
        channel.statement = text;
        // Where this node went back to before it was opened, the partner may hold that entry; it is taken back then.
        if !channel.recovering {
            begin(act, &mut channel, (salt, draw), now)?;
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

/// Appends entry 0 to an open channel of ours that has none.
pub(crate) fn begin(
    act: &mut Act<'_>,
    channel: &mut ChannelRow,
    draw: (Salt, SealingDraw),
    now: Timestamp,
) -> Result<(), Refusal> {
    let text = channel.statement.clone().into_bytes();
    rotation::append(act, channel, OPENED, ("text/plain", text), now, draw).map(drop)
}

/// Countersigns a partner's channel statement: of a new channel, of new keys for one that is there, or of a successor. The
/// same statement again gets the same answer; one that does not name the pinned keys is refused.
pub fn accept(house: &House, from: &Partner, text: &[u8], now: Timestamp) -> Result<String, Refusal> {
    let refuse = |why: String| Refusal::theirs("bad_statement", why);
    let proposal = SignedProposal::parse(text).map_err(|e| refuse(e.to_string()))?;
    let (us, from) = (house.clone(), from.name.clone());
    let taken = house.store.act(move |act| {
        let row = partner::confirmed(act, &from)?;
        let card = partner::card(&row)?;
        let said = proposal.proposal();
        if said.giver != card.identity || said.receiver != *us.keys.identity.verifier() {
            return Err(refuse("the statement names other parties than the pinned cards".to_owned()));
        }
        let known =
            act.channel(&said.origin())?.filter(|c| c.side == ChannelSide::Theirs && c.partner == from);
        if let Some(channel) = known {
            return rotation::countersign(&us, act, &channel, &proposal, now).map(Taken::Open);
        }
        if said.cosigner != *us.keys.cosigner.verifier() {
            return Err(refuse(
                "the cosigner in the statement is not ours: ask us for our new card".to_owned(),
            ));
        }
        if said.from != 0 || said.neutral != 0 || !said.witnesses.is_empty() {
            return Err(refuse("a new channel begins at 0 and has no neutral witnesses here".to_owned()));
        }
        if said.after.is_some() {
            return succession::take(&us, act, &from, &proposal, None, now);
        }
        if let Some(channel) = act.channel_with(&from, ChannelSide::Theirs, said.use_)? {
            // The giver may have gone back to before it was opened: the statement tells it.
            let fact = "there is another channel of this direction and use already";
            return Err(Refusal::theirs(OTHER_CHANNEL, fact).detail(channel.statement));
        }
        let statement = proposal.countersign(&us.keys.identity).map_err(|e| refuse(e.to_string()))?;
        let text = statement.to_string();
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
        Ok(Taken::Open(text))
    })?;
    match taken {
        Taken::Open(text) => Ok(text),
        Taken::Waits => Err(Refusal::theirs(
            "successor_waits",
            "the successor waits for an officer here: it leaves something behind",
        )),
    }
}
