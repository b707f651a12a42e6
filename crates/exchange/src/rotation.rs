//! New keys for a channel that goes on (log-format §8): the new statement is exchanged first, with both signatures; then
//! the giver appends the entry that carries it; every later checkpoint is signed and cosigned with the new keys.
//!
//! While a statement is proposed nothing is appended to its log, so that the entry stands where the statement says. A
//! partner that refuses it stops no warning: the proposal is dropped, the old keys stay, and people are told (S11).

use jiff::Timestamp;
use model::caller::Person;
use model::facts::Facts;
use model::id::PartyName;
use model::vocab::Role;
use rand_core::CryptoRng;
use serde::Serialize;
use store::{Act, ChannelRow, ChannelSide, ChannelState, NewEntry, SealingDraw, StatementRow, View};
use tlog::card::Card;
use tlog::channel::{ChannelProposal, ChannelStatement, SignedProposal, Use};
use tlog::commitment::{Salt, commit};
use tlog::entry::{Entry, EntryHeader, EntryKind, Thread};
use tlog::key::VerifierKey;

use crate::alarm;
use crate::audit;
use crate::caller::needs;
use crate::chain;
use crate::house::House;
use crate::partner;
use crate::refusal::Refusal;
use crate::statement;

/// A change of keys that was begun.
#[derive(Debug, Clone, Serialize)]
pub struct Begun {
    /// The partner.
    pub partner: String,
    /// Actual or exercise.
    #[serde(rename = "use")]
    pub use_: String,
    /// From which size the new key holds.
    pub from: u64,
    /// The new log key.
    pub log: String,
}

/// Begins to change the key of our log to a partner. The courier exchanges the new statement; then the log goes on with it.
pub fn rotate_log(
    house: &House,
    caller: &Person,
    to: &PartyName,
    use_: Use,
    now: Timestamp,
) -> Result<Begun, Refusal> {
    needs(caller, &[Role::Operator], "change the key of a log")?;
    let (us, to, by) = (house.clone(), to.clone(), caller.name.clone());
    let begun = house.store.act(move |act| {
        partner::confirmed(act, &to)?;
        let channel = act.channel_with(&to, ChannelSide::Ours, use_)?;
        let Some(channel) = channel.filter(|c| c.state == ChannelState::Open) else {
            let fact = format!("there is no open {use_} log of ours to {to}");
            return Err(Refusal::yours("no_channel", fact).hint(format!(
                "a log opens with the first thing that is sent; `forewarn partner list` shows how it stands with {to}"
            )));
        };
        may_change(act, &channel)?;
        let in_force = act.statement_at(&channel, channel.size())?;
        let generation = in_force.map_or(0, |row| row.generation) + 1;
        let cosigner = statement::cosigner(act, &channel, channel.size())?;
        let proposal = propose(&us, act, &channel, generation, cosigner)?;
        act.forget_meta(&declined_key(&channel))?;
        let detail = serde_json::json!({ "use": use_.to_string(), "from": proposal.from });
        audit::note(act, now, by.as_str(), "key.rotate", to.as_str(), detail, &[])?;
        Ok(Begun {
            partner: to.to_string(),
            use_: use_.to_string(),
            from: proposal.from,
            log: proposal.log.to_string(),
        })
    })?;
    (house.bell)();
    Ok(begun)
}

fn may_change(view: &View<'_>, channel: &ChannelRow) -> Result<(), Refusal> {
    let to = &channel.partner;
    if let Some(proposed) = view.statement_proposed(channel)? {
        let fact = format!("new keys for the log to {to} wait for the partner's signature already");
        return Err(Refusal::yours("already_pending", fact)
            .detail(format!("they are to hold from size {}", proposed.from))
            .hint(
                "the courier exchanges them by itself; `forewarn partner list` shows what stands in its way",
            ));
    }
    if channel.recovering {
        return Err(Refusal::yours("recovering", format!("the log to {to} has not caught up yet"))
            .hint("`forewarn doctor` says what is missing; change the key afterwards"));
    }
    if view.ending(channel)?.is_some() {
        return Err(Refusal::yours(
            "ending",
            format!("the log to {to} ends; its successor has a key of its own"),
        )
        .hint("nothing need be done; `forewarn partner list` shows how far it is"));
    }
    Ok(())
}

/// Proposes the statement with which a log of ours goes on from its next entry but one: the next carries it.
fn propose(
    us: &House,
    act: &mut Act<'_>,
    channel: &ChannelRow,
    generation: u64,
    cosigner: VerifierKey,
) -> Result<ChannelProposal, Refusal> {
    let in_force = statement::in_force(act, channel, channel.size())?;
    let proposal = ChannelProposal {
        from: channel.size() + 1,
        log: us.keys.log_key_of(&channel.origin, generation)?.verifier().clone(),
        cosigner,
        ..in_force.proposal().clone()
    };
    let signed = proposal.sign_as_giver(&us.keys.identity).map_err(Refusal::ours)?;
    act.propose_statement(
        channel,
        &StatementRow { from: proposal.from, generation, text: signed.to_string() },
    )?;
    Ok(proposal)
}

/// Whether an open log of ours waits for new keys, or must ask for them because the partner's card shows another cosigner.
pub(crate) fn due(view: &View<'_>, channel: &ChannelRow) -> Result<bool, Refusal> {
    if channel.state != ChannelState::Open {
        return Ok(false);
    }
    if view.statement_proposed(channel)?.is_some() {
        return Ok(true);
    }
    let Some(row) = view.partner(&channel.partner)? else { return Ok(false) };
    Ok(other_cosigner(view, channel, &partner::card(&row)?)?.is_some())
}

/// The cosigner on the partner's card, if the log still names another one, and the partner has not refused it.
fn other_cosigner(
    view: &View<'_>,
    channel: &ChannelRow,
    card: &Card,
) -> Result<Option<VerifierKey>, Refusal> {
    let in_force = statement::in_force(view, channel, channel.size())?;
    let said = in_force.proposal();
    let declined = view.meta(&declined_key(channel))?;
    let wanted = card.identity == said.receiver
        && card.cosigner != said.cosigner
        && declined.as_deref() != Some(card.cosigner.to_string().as_str())
        && !channel.recovering
        && view.ending(channel)?.is_none();
    Ok(wanted.then(|| card.cosigner.clone()))
}

/// The half-signed statement to be sent to the partner before anything else, if there is one: proposed before, or now
/// because the partner's card shows another cosigner.
pub(crate) fn to_exchange(
    us: &House,
    act: &mut Act<'_>,
    channel: &ChannelRow,
    card: &Card,
) -> Result<Option<String>, Refusal> {
    if channel.state != ChannelState::Open {
        return Ok(None);
    }
    if let Some(proposed) = act.statement_proposed(channel)? {
        return Ok(Some(proposed.text));
    }
    let Some(cosigner) = other_cosigner(act, channel, card)? else { return Ok(None) };
    let generation = act.statement_at(channel, channel.size())?.map_or(0, |row| row.generation);
    propose(us, act, channel, generation, cosigner)?;
    Ok(act.statement_proposed(channel)?.map(|row| row.text))
}

/// Takes the partner's signature under new keys of a log of ours, and appends the entry that carries them. False if none
/// were proposed.
pub(crate) fn exchanged(
    act: &mut Act<'_>,
    channel: &mut ChannelRow,
    statement: &ChannelStatement,
    now: Timestamp,
    (salt, draw): (Salt, SealingDraw),
) -> Result<bool, Refusal> {
    let Some(proposed) = act.statement_proposed(channel)? else { return Ok(false) };
    let to = channel.partner.clone();
    let ours = SignedProposal::parse(proposed.text.as_bytes()).map_err(Refusal::ours)?;
    if ours.proposal() != statement.proposal() {
        return Err(Refusal::theirs("bad_statement", format!("{to} signed another statement than ours")));
    }
    if proposed.from != channel.size() + 1 {
        return Err(Refusal::ours("something was appended while new keys were being exchanged"));
    }
    let text = statement.to_string();
    act.keep_statement(channel, &StatementRow { text: text.clone(), ..proposed })?;
    append(act, channel, statement::KEY_CHANGED, ("text/plain", text.into_bytes()), now, (salt, draw))?;
    let detail = serde_json::json!({ "use": channel.use_.to_string(), "from": statement.proposal().from });
    audit::note(act, now, "node", "key.change", to.as_str(), detail, &[])?;
    Ok(true)
}

/// Appends an entry of the channel itself, in the thread of zeros.
pub(crate) fn append(
    act: &mut Act<'_>,
    channel: &mut ChannelRow,
    kind: &str,
    (media, body): (&str, Vec<u8>),
    now: Timestamp,
    (salt, draw): (Salt, SealingDraw),
) -> Result<u64, Refusal> {
    if chain::opposite(act, channel)?.first().is_some_and(|theirs| theirs.recovering) {
        let fact = format!("the log of {} has not caught up here yet", channel.partner);
        return Err(Refusal::world("recovering", fact)
            .detail("an entry of ours would name less of it as seen than this node has receipted")
            .hint("`forewarn doctor` says what is missing"));
    }
    let written = now.max(channel.written);
    let seen = chain::newest_seen(act, channel)?;
    let header = EntryHeader {
        origin: channel.origin,
        index: channel.size(),
        written: Timestamp::from_second(written.as_second()).map_err(Refusal::ours)?,
        seen,
        kind: EntryKind::parse(kind).map_err(Refusal::ours)?,
        thread: Thread::from_bytes([0; 16]),
        answers: None,
        media: media.to_owned(),
        length: u64::try_from(body.len()).map_err(Refusal::ours)?,
    };
    let entry = Entry { header, body };
    let bytes = entry.encode().map_err(Refusal::ours)?;
    let new = NewEntry {
        kind: kind.to_owned(),
        thread: [0; 16],
        answers: None,
        written: entry.header.written,
        facts: Facts::Channel,
        commitment: commit(&salt, &bytes),
        salt,
        bytes,
        seen: chain::seen_size(act, channel, seen.as_ref())?,
        draw,
    };
    Ok(act.append_entry(channel, new, now)?)
}

/// The partner refused what we proposed for this use. New keys are dropped, and the log goes on with the old ones: true. A
/// channel that was never open stays proposed: false.
pub fn declined(
    house: &House,
    to: &PartyName,
    use_: Use,
    why: &str,
    now: Timestamp,
) -> Result<bool, Refusal> {
    let (to, why) = (to.clone(), why.chars().take(200).collect::<String>());
    house.store.act(move |act| {
        let Some(channel) = act.channel_with(&to, ChannelSide::Ours, use_)? else { return Ok(false) };
        let Some(proposed) = act.statement_proposed(&channel)? else { return Ok(false) };
        let said = SignedProposal::parse(proposed.text.as_bytes()).map_err(Refusal::ours)?;
        act.set_meta(&declined_key(&channel), &said.proposal().cosigner.to_string())?;
        act.drop_proposed_statement(&channel)?;
        alarm::line(act, "a partner refused the new keys of a log; the old ones stay: look now", now)?;
        let detail = serde_json::json!({ "use": use_.to_string(), "why": why });
        audit::note(act, now, "node", "key.declined", to.as_str(), detail, &[])?;
        Ok(true)
    })
}

/// Countersigns new keys for a partner's log. The same text again gets the same answer.
///
/// Giver, receiver, use and nonce are unchanged, since the origin is; `after` and the witnesses must be unchanged too. The
/// keys must begin beyond what is held, so that they change nothing that was signed already.
pub(crate) fn countersign(
    us: &House,
    act: &mut Act<'_>,
    channel: &ChannelRow,
    proposal: &SignedProposal,
    now: Timestamp,
) -> Result<String, Refusal> {
    let refuse = |why: String| Refusal::theirs("bad_statement", why);
    let said = proposal.proposal();
    let statement = proposal.countersign(&us.keys.identity).map_err(|e| refuse(e.to_string()))?;
    let text = statement.to_string();
    let known = act.statements(channel)?;
    if known.iter().any(|row| row.text == text) {
        return Ok(text);
    }
    match channel.state {
        ChannelState::Open => {}
        _ => return Err(refuse("the channel takes no new keys as it stands".to_owned())),
    }
    let newest = known.last().map_or(channel.statement.as_str(), |row| row.text.as_str());
    let newest = ChannelStatement::parse(newest.as_bytes()).map_err(Refusal::ours)?;
    let before = newest.proposal();
    let unchanged = (&said.after, said.neutral, &said.witnesses)
        == (&before.after, before.neutral, &before.witnesses)
        && said.giver == before.giver
        && said.receiver == before.receiver;
    if !unchanged {
        return Err(refuse("new keys change nothing else in a statement".to_owned()));
    }
    if said.from <= channel.size().max(before.from) {
        let size = channel.size();
        return Err(refuse(format!("new keys must begin beyond the {size} entries that are held")));
    }
    let still_ours = said.cosigner == before.cosigner && us.keys.cosigner_named(&said.cosigner).is_some();
    if said.cosigner != *us.keys.cosigner.verifier() && !still_ours {
        return Err(refuse("the cosigner in the statement is not ours: ask us for our new card".to_owned()));
    }
    let row = StatementRow { from: said.from, generation: 0, text: text.clone() };
    act.keep_statement(channel, &row)?;
    let detail = serde_json::json!({ "use": channel.use_.to_string(), "from": said.from });
    audit::note(act, now, channel.partner.as_str(), "key.accept", channel.partner.as_str(), detail, &[])?;
    Ok(text)
}

/// Notes in the trail that whoever runs the machine gave the node a new key: `key.rotate` or `key.lost`.
pub fn note_new_key(house: &House, role: &str, how: &'static str, now: Timestamp) -> Result<(), Refusal> {
    let role = role.to_owned();
    house.store.act(move |act| {
        audit::note(act, now, "node", how, &role, serde_json::json!({ "by": "the data folder" }), &[])
    })
}

fn declined_key(channel: &ChannelRow) -> String {
    format!("keys.declined/{}", channel.origin.hex())
}

/// The randomness of one entry of a channel itself.
pub(crate) fn draw(rng: &mut impl CryptoRng) -> (Salt, SealingDraw) {
    (Salt::draw(rng), SealingDraw::draw(rng))
}
