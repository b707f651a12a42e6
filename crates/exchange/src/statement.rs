//! The statement in force: which keys sign and cosign a checkpoint of a given size (log-format §3, §8). Everything that
//! signs or judges a checkpoint asks here.

use store::{Act, ChannelRow, ChannelSide, StatementRow, StoreError, View};
use tlog::channel::ChannelStatement;
use tlog::checkpoint::{Checkpoint, SignedCheckpoint};
use tlog::entry::Entry;
use tlog::key::{SigningKey, VerifierKey};
use tlog::parcel::{Item, Parcel};

use crate::house::House;
use crate::refusal::Refusal;

/// The kind of entry 0.
pub(crate) const OPENED: &str = "channel.opened";
/// The kind of the entry that carries a change of keys.
pub(crate) const KEY_CHANGED: &str = "key.changed";
/// The kind of the last entry of a log that ends in order.
pub(crate) const SUCCEEDED: &str = "channel.succeeded";

/// How many changes of a log key may have been lost at once with an older copy of the data.
const GENERATIONS_AHEAD_MAX: u64 = 64;

/// The statement in force for checkpoints of this size.
///
/// # Errors
/// The store's; and for a channel that is only proposed, which has none.
pub fn in_force(view: &View<'_>, channel: &ChannelRow, size: u64) -> Result<ChannelStatement, Refusal> {
    let statement = match view.statement_at(channel, size)? {
        Some(agreed) => ChannelStatement::parse_kept(agreed.text.as_bytes()),
        // Nobody has judged it before: it may bear one signature only.
        None => ChannelStatement::parse(channel.statement.as_bytes()),
    };
    statement.map_err(Refusal::ours)
}

/// The key with which a log of ours is signed at this size.
fn log_key(house: &House, view: &View<'_>, channel: &ChannelRow, size: u64) -> Result<SigningKey, Refusal> {
    let generation = view.statement_at(channel, size)?.map_or(0, |row| row.generation);
    let key = house.keys.log_key_of(&channel.origin, generation)?;
    if *key.verifier() != in_force(view, channel, size)?.proposal().log {
        return Err(Refusal::yours(
            "log_key_lost",
            format!("this node no longer has the key of its log to {}", channel.partner),
        )
        .hint(format!(
            "`forewarn channel succeed {} --reason \"the log key was lost\"` goes on in a new log",
            channel.partner
        )));
    }
    Ok(key)
}

/// Signs a fenced checkpoint of a log of ours with the key in force for its size, if the high-water mark covers it.
pub(crate) fn sign(
    house: &House,
    view: &View<'_>,
    checkpoint: &Checkpoint,
) -> Result<SignedCheckpoint, Refusal> {
    let channel = view.channel(&checkpoint.origin)?;
    let channel = channel.ok_or_else(|| Refusal::ours("a head of a log that is not there"))?;
    if !view.is_marked(&channel, checkpoint.size)? {
        let why = format!("it does not cover {} entries of the log to {}", checkpoint.size, channel.partner);
        return Err(StoreError::Unmarked(why).into());
    }
    checkpoint.sign(&log_key(house, view, &channel, checkpoint.size)?).map_err(Refusal::ours)
}

/// Whether a head of a log of ours carries our own valid signature: by the key in force for its size, or, where this node
/// has lost what it held, by a later key of ours that it does not remember. Other lines are not looked at.
pub(crate) fn is_ours(
    house: &House,
    view: &View<'_>,
    channel: &ChannelRow,
    head: &SignedCheckpoint,
) -> Result<bool, Refusal> {
    if head.checkpoint().origin != channel.origin {
        return Ok(false);
    }
    let statement = in_force(view, channel, head.checkpoint().size)?;
    if head.verify_log(&statement.proposal().log).is_ok() {
        return Ok(true);
    }
    if head.checkpoint().size <= channel.size() {
        return Ok(false);
    }
    let newest = view.statement_at(channel, channel.size())?.map_or(0, |row| row.generation);
    for later in newest + 1..=newest + GENERATIONS_AHEAD_MAX {
        if head.verify_log(house.keys.log_key_of(&channel.origin, later)?.verifier()).is_ok() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Why a parcel's checkpoint is not one of this log: another origin, no valid signature of the key in force for its size,
/// or a stray line. `None` if it is.
pub(crate) fn not_signed(
    view: &View<'_>,
    channel: &ChannelRow,
    head: &SignedCheckpoint,
) -> Result<Option<String>, Refusal> {
    if head.checkpoint().origin != channel.origin {
        return Ok(Some("the checkpoint is of another log".to_owned()));
    }
    let size = head.checkpoint().size;
    let statement = in_force(view, channel, size)?;
    let log = &statement.proposal().log;
    let Err(why) = head.verify_log(log).and_then(|()| head.check_lines(&[log])) else { return Ok(None) };
    for earlier in view.statements(channel)? {
        let earlier = ChannelStatement::parse(earlier.text.as_bytes()).map_err(Refusal::ours)?;
        if head.verify_log(&earlier.proposal().log).is_ok() {
            return Ok(Some(format!(
                "a head of size {size} is signed with a key of this log that is not in force there"
            )));
        }
    }
    Ok(Some(why.to_string()))
}

/// Why a checkpoint that a giver shows as the one we cosigned last is none (log-format §9). `None` if it is.
///
/// Beyond what is held here keys may have changed that this node does not remember: there any cosigner key of ours makes it
/// ours, and we never cosigned what its giver had not signed.
pub(crate) fn not_held(
    us: &House,
    view: &View<'_>,
    channel: &ChannelRow,
    held: &SignedCheckpoint,
) -> Result<Option<String>, Refusal> {
    if held.checkpoint().origin != channel.origin {
        return Ok(Some("the checkpoint shown as held is of another log".to_owned()));
    }
    let in_force = in_force(view, channel, held.checkpoint().size)?;
    let said = in_force.proposal();
    let signed = held.verify_log(&said.log).and_then(|()| held.cosignature_of(&said.cosigner).map(drop));
    let Err(why) = signed else { return Ok(None) };
    let beyond = held.checkpoint().size > channel.size();
    if beyond && us.keys.cosigners().any(|key| held.cosignature_of(key.verifier()).is_ok()) {
        return Ok(None);
    }
    Ok(Some(format!("the checkpoint shown as held is not signed by both: {why}")))
}

/// New keys that the entries of a parcel carry and this node does not know, since it went back to an older copy of its
/// data: each statement bears both identity signatures, so it was agreed. They are kept before the parcel is judged.
pub(crate) fn learn(house: &House, channel: &ChannelRow, parcel: &Parcel) -> Result<(), Refusal> {
    let carried: Vec<ChannelStatement> = carried(channel, parcel)?;
    let unknown = house.store.view(|view| {
        let known = view.statements(channel)?;
        Ok::<_, Refusal>(carried.iter().any(|c| known.iter().all(|row| row.from != c.proposal().from)))
    })?;
    if !unknown {
        return Ok(());
    }
    let (us, channel) = (house.clone(), channel.clone());
    house.store.act(move |act| learn_in(&us, act, &channel, carried))
}

/// The same in an act, for the piece of our own log that it takes back.
pub(crate) fn learn_from(
    us: &House,
    act: &mut Act<'_>,
    channel: &ChannelRow,
    parcel: &Parcel,
) -> Result<(), Refusal> {
    let carried = carried(channel, parcel)?;
    learn_in(us, act, channel, carried)
}

fn learn_in(
    us: &House,
    act: &mut Act<'_>,
    channel: &ChannelRow,
    carried: Vec<ChannelStatement>,
) -> Result<(), Refusal> {
    for statement in carried {
        let said = statement.proposal();
        let known = act.statements(channel)?;
        if known.iter().any(|row| row.from == said.from) {
            continue;
        }
        let mut generation = 0;
        if channel.side == ChannelSide::Ours {
            let newest = known.last().map_or(0, |row| row.generation);
            let Some(ours) = generation_of(us, channel, newest, &said.log)? else { continue };
            generation = ours;
        }
        let row = StatementRow { from: said.from, generation, text: statement.to_string() };
        act.keep_statement(channel, &row)?;
    }
    Ok(())
}

/// The generation of a key of a log of ours, from this one on.
fn generation_of(
    us: &House,
    channel: &ChannelRow,
    from: u64,
    log: &VerifierKey,
) -> Result<Option<u64>, Refusal> {
    for candidate in from..=from + GENERATIONS_AHEAD_MAX {
        if us.keys.log_key_of(&channel.origin, candidate)?.verifier() == log {
            return Ok(Some(candidate));
        }
    }
    Ok(None)
}

/// The statements that entries of a parcel carry where they say they stand, between the parties of this channel.
fn carried(channel: &ChannelRow, parcel: &Parcel) -> Result<Vec<ChannelStatement>, Refusal> {
    let opening = ChannelStatement::parse(channel.statement.as_bytes()).map_err(Refusal::ours)?;
    let mut found = Vec::new();
    for (index, item) in (parcel.old..).zip(&parcel.items) {
        let Item::Entry { entry, .. } = item else { continue };
        let Ok(Entry { header, body }) = Entry::parse(entry) else { continue };
        if header.kind.as_str() != KEY_CHANGED {
            continue;
        }
        let Ok(statement) = ChannelStatement::parse(&body) else { continue };
        let (said, first) = (statement.proposal(), opening.proposal());
        let fits = statement.origin() == channel.origin
            && said.from == index + 1
            && said.giver == first.giver
            && said.receiver == first.receiver;
        if fits {
            found.push(statement);
        }
    }
    Ok(found)
}

/// The cosigner key in force for a log at this size.
pub(crate) fn cosigner(view: &View<'_>, channel: &ChannelRow, size: u64) -> Result<VerifierKey, Refusal> {
    Ok(in_force(view, channel, size)?.proposal().cosigner.clone())
}

/// Our own key with which a partner's log is cosigned at this size.
pub(crate) fn our_cosigner<'a>(
    house: &'a House,
    view: &View<'_>,
    channel: &ChannelRow,
    size: u64,
) -> Result<&'a SigningKey, Refusal> {
    let named = cosigner(view, channel, size)?;
    house.keys.cosigner_named(&named).ok_or_else(|| {
        Refusal::yours(
            "cosigner_lost",
            format!(
                "the log of {} names a cosigner key that this node does not sign with any more",
                channel.partner
            ),
        )
        .hint("give the partner the new card (`forewarn card`); its node then proposes a statement with the new key")
    })
}

/// Whether an entry may stand at this index of a partner's log, as far as statements go: entry 0 and it alone opens the
/// channel with its statement; the entry before each later statement's `from`, and it alone, carries that statement.
pub(crate) fn frame_fits(
    view: &View<'_>,
    channel: &ChannelRow,
    index: u64,
    kind: &str,
    body: Option<&[u8]>,
) -> Result<bool, Refusal> {
    if index == 0 {
        return Ok(kind == OPENED && body == Some(channel.statement.as_bytes()));
    }
    let change = view.statement_at(channel, index + 1)?.filter(|row| row.from == index + 1);
    Ok(match change {
        Some(change) => kind == KEY_CHANGED && body == Some(change.text.as_bytes()),
        None => kind != KEY_CHANGED && kind != OPENED,
    })
}

/// Whether a log has said that it goes on elsewhere: nothing stands behind that entry.
pub(crate) fn has_ended(view: &View<'_>, channel: &ChannelRow) -> Result<bool, Refusal> {
    let size = channel.size();
    Ok(view.entries(channel, size.saturating_sub(1), size)?.iter().any(|e| e.kind == SUCCEEDED))
}
