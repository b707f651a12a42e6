//! A channel that one of its two parties has lost whole, since it went back to before the channel was opened: the other
//! has the statement (docs/log-format.md §9).

use jiff::Timestamp;
use model::caller::Partner;
use model::id::PartyName;
use store::{Act, ChannelRow, ChannelSide, ChannelState, NewChannel, View};
use tlog::channel::{ChannelStatement, Origin, Use};
use tlog::key::VerifierKey;

use crate::audit;
use crate::house::House;
use crate::partner;
use crate::recover;
use crate::refusal::{Refusal, Whose};

/// The code of the refusal of a statement that is none of a channel of ours.
const BAD_STATEMENT: &str = "bad_statement";

/// What a statement that a partner shows is to this node.
enum Shown {
    /// The channel is known again, or was all along.
    Known,
    /// It was signed with an identity key that is not that of today, on either side: which those are, in words.
    OfEarlierKeys(String),
    /// The same, while this node has a channel of its own to the partner: anybody can make such keys.
    OfStrangeKeys,
    /// It is ours, and this node does not know that it went back.
    OldCopy,
}

/// Takes the statement of a channel of ours that the partner has and this node has lost: it went back to before the channel
/// was opened. The channel is open and recovering from now on. A node that does not know that it went back is told.
///
/// # Errors
/// `bad_statement` for a statement that is not ours to this partner; `other_identity` where it was signed by an identity
/// that this node or the partner had before; `old_copy` where this node does not recover.
pub fn adopt(house: &House, to: &PartyName, use_: Use, answer: &[u8], now: Timestamp) -> Result<(), Refusal> {
    let bad =
        |why: &str| Refusal::theirs(BAD_STATEMENT, format!("{to} answered the channel statement with {why}"));
    let statement =
        ChannelStatement::parse(answer).map_err(|e| bad("something else").detail(e.to_string()))?;
    if !is_between(house, to, &statement) || statement.proposal().use_ != use_ {
        return Err(bad("one of another channel"));
    }
    let (us, of) = (house.clone(), to.clone());
    match house.store.act(move |act| take(&us, act, &of, &statement, now))? {
        Shown::Known => Ok(()),
        Shown::OldCopy => {
            let fact = format!(
                "{to} has a channel that we signed, and this node does not know it: it runs on an old copy of its data"
            );
            Err(Refusal::theirs("old_copy", fact)
                .hint("stop any other copy of this node, then `forewarn recover begin`"))
        }
        Shown::OfStrangeKeys => Err(bad("one of identity keys that are not those of today")),
        Shown::OfEarlierKeys(keys) => {
            let fact =
                format!("{to} has a channel of an earlier identity key, and this node has nothing of it");
            Err(Refusal::theirs("other_identity", fact).hint(format!(
                "compare first, by voice or with an earlier card, {keys}; where that is no earlier key, {to} shows what it made \
                 up. If the earlier data are lost for good, `forewarn channel succeed {to} --reason TEXT` lets the channel go \
                 on from nothing; an officer of {to} sees what that leaves behind, and takes it or refuses it"
            )))
        }
    }
}

/// Whether a statement names this node as giver and the partner as receiver, by whatever keys.
fn is_between(house: &House, to: &PartyName, statement: &ChannelStatement) -> bool {
    let said = statement.proposal();
    said.giver.name() == house.name.as_str() && said.receiver.name() == to.as_str()
}

/// An identity key as people compare it.
fn in_words(identity: &VerifierKey) -> Result<String, Refusal> {
    Ok(format!("the words of the key of {}: “{}”", identity.name(), partner::fingerprint_words(identity)?))
}

fn take(
    us: &House,
    act: &mut Act<'_>,
    to: &PartyName,
    statement: &ChannelStatement,
    now: Timestamp,
) -> Result<Shown, Refusal> {
    let card = partner::card(&partner::confirmed(act, to)?)?;
    let (said, origin) = (statement.proposal(), statement.origin());
    let ours = act.channel_with(to, ChannelSide::Ours, said.use_)?;
    if act.channel(&origin)?.is_some() {
        return Ok(Shown::Known);
    }
    let not_of_today = [(&said.giver, us.keys.identity.verifier()), (&said.receiver, &card.identity)];
    let not_of_today = not_of_today.into_iter().filter(|(shown, today)| shown != today);
    let keys = not_of_today.map(|(shown, _)| in_words(shown)).collect::<Result<Vec<_>, _>>()?;
    if !keys.is_empty() {
        if ours.is_some_and(|c| c.state != ChannelState::Proposed || c.follows.is_some()) {
            return Ok(Shown::OfStrangeKeys);
        }
        act.set_meta(&earlier_key(to, said.use_), &origin.hex())?;
        return Ok(Shown::OfEarlierKeys(keys.join(" and ")));
    }
    if act.recovering()?.is_none() && !recover::is_lost(act, &origin)? {
        return Ok(Shown::OldCopy);
    }
    match ours {
        Some(proposed) if proposed.state == ChannelState::Proposed => act.drop_proposal(&proposed)?,
        Some(_) => return Ok(Shown::Known),
        None => {}
    }
    act.put_channel(&NewChannel {
        origin,
        partner: to.clone(),
        side: ChannelSide::Ours,
        use_: said.use_,
        statement: String::from_utf8_lossy(statement.as_bytes()).into_owned(),
        state: ChannelState::Open,
    })?;
    if let Some(after) = said.after {
        act.set_follows(&origin, &after.origin)?;
    }
    if let Some(mut row) = act.channel(&origin)? {
        act.begin_recovery(&mut row)?;
    }
    recover::found_lost(act, to, said.use_)?;
    let detail = serde_json::json!({"use": said.use_.to_string()});
    audit::note(act, now, "node", "channel.adopt", to.as_str(), detail, &[])?;
    Ok(Shown::Known)
}

/// Takes the statement of a channel that this node does not know, brought by a partner that is not called. False where it is
/// none between the two; what else stands in the way is told to people here, and the partner learns nothing of it.
///
/// # Errors
/// The store's only.
pub(crate) fn brought(
    house: &House,
    caller: &Partner,
    statement: &ChannelStatement,
    now: Timestamp,
) -> Result<bool, Refusal> {
    if !is_between(house, &caller.name, statement) {
        return Ok(false);
    }
    match adopt(house, &caller.name, statement.proposal().use_, statement.as_bytes(), now) {
        Ok(()) => house.store.view(|view| Ok(view.channel(&statement.origin())?.is_some())),
        // Whoever shows made-up keys reaches nobody here.
        Err(refusal) if refusal.code == BAD_STATEMENT => Ok(false),
        Err(refusal) if refusal.whose == Whose::Theirs => {
            let hint = refusal.hint.as_deref().unwrap_or("Call its duty desk");
            partner::note_trouble(house, &caller.name, Some(&format!("{refusal}. {hint}")), now)?;
            Ok(false)
        }
        Err(refusal) => Err(refusal),
    }
}

/// The statement of a channel of ours as the partner countersigned it first: for a partner that went back to before it was
/// opened, and does not know it any more. `None` where one of the two could not sign it any more: this node or the partner
/// has another identity since, or the partner's card shows another cosigner.
///
/// # Errors
/// The store's only.
pub fn again(house: &House, row: &ChannelRow) -> Result<Option<String>, Refusal> {
    let statement = ChannelStatement::parse(row.statement.as_bytes()).map_err(Refusal::ours)?;
    let said = statement.proposal();
    let Some(partner) = house.store.view(|view| Ok::<_, Refusal>(view.partner(&row.partner)?))? else {
        return Ok(None);
    };
    let card = partner::card(&partner)?;
    let of_today = said.giver == *house.keys.identity.verifier()
        && said.receiver == card.identity
        && said.cosigner == card.cosigner;
    if !of_today {
        return Ok(None);
    }
    let signed = said.clone().sign_as_giver(&house.keys.identity).map_err(Refusal::ours)?;
    Ok(Some(signed.to_string()))
}

/// The log of an earlier identity that a partner has shown, and of which this node has nothing.
pub(crate) fn earlier(view: &View<'_>, to: &PartyName, use_: Use) -> Result<Option<Origin>, Refusal> {
    let hex = view.meta(&earlier_key(to, use_))?;
    hex.map(|hex| Origin::from_hex(&hex).map_err(Refusal::ours)).transpose()
}

/// That log goes on in a successor.
pub(crate) fn forget_earlier(act: &mut Act<'_>, to: &PartyName, use_: Use) -> Result<(), Refusal> {
    Ok(act.forget_meta(&earlier_key(to, use_))?)
}

fn earlier_key(to: &PartyName, use_: Use) -> String {
    format!("channel.earlier/{to}/{use_}")
}
