//! What two nodes hold and cannot both be right: signed notes that are kept for people to judge without freezing anything
//! (log-format §6, §11), and the signs that this node runs on an old copy of its data (§9).

pub mod export;
pub(crate) mod proof;

use jiff::{SignedDuration, Timestamp};
use store::{Act, ChannelRow, View};
use tlog::checkpoint::{Checkpoint, SignedCheckpoint};
use tlog::hash::Hash;

use crate::alarm;
use crate::audit;
use crate::refusal::Refusal;

/// The most signed heads of one channel that are kept in this way, so that no partner fills the disk with them.
const HEADS_PER_CHANNEL_MAX: usize = 64;
/// The most notes of one channel that are kept although nobody is bound by them.
const STRAYS_PER_CHANNEL_MAX: usize = 16;

/// Whom a note binds that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Binds {
    /// The giver of the log, by the signature of its key.
    Giver,
    /// Nobody: the signature is missing or wrong. Kept apart, so that such notes take no place from the others.
    Nobody,
}

/// Keeps a note for people to judge, with a line in the trail; of those that bind the giver one for each size and root, of
/// the others one for each size. True if it was kept now.
pub(crate) fn keep_note(
    act: &mut Act<'_>,
    channel: &ChannelRow,
    what: &str,
    binds: Binds,
    note: &SignedCheckpoint,
    now: Timestamp,
) -> Result<bool, Refusal> {
    let Checkpoint { size, root, .. } = *note.checkpoint();
    let (key, mark, max) = match binds {
        Binds::Giver => {
            (heads_key(channel), format!("{size}:{}", hex::encode(root.as_bytes())), HEADS_PER_CHANNEL_MAX)
        }
        Binds::Nobody => {
            (format!("evidence.strays/{}", channel.origin.hex()), size.to_string(), STRAYS_PER_CHANNEL_MAX)
        }
    };
    let kept = act.meta(&key)?.unwrap_or_default();
    let marks: Vec<&str> = kept.split_whitespace().collect();
    if marks.contains(&mark.as_str()) || marks.len() >= max {
        return Ok(false);
    }
    act.keep_evidence(channel, what, &note.to_string(), None, now)?;
    act.set_meta(&key, format!("{kept} {mark}").trim())?;
    act.set_meta(&last_key(channel), &format!("{now} {what}"))?;
    let detail = serde_json::json!({ "what": what });
    audit::note(act, now, "node", "note.kept", channel.partner.as_str(), detail, &[])?;
    Ok(true)
}

/// Keeps a note that cannot be true and the parcel with which it came, of a log that is frozen already: one for each size
/// and root.
pub(crate) fn keep_with(
    act: &mut Act<'_>,
    channel: &ChannelRow,
    what: &str,
    (note, parcel): (&SignedCheckpoint, &[u8]),
    now: Timestamp,
) -> Result<(), Refusal> {
    let kept = act.all_evidence()?.into_iter().filter(|row| row.origin == channel.origin);
    let mut heads = kept.filter_map(|row| SignedCheckpoint::parse(row.note.as_bytes()).ok());
    if heads.any(|kept| kept.checkpoint() == note.checkpoint()) {
        return Ok(());
    }
    act.keep_evidence(channel, what, &note.to_string(), Some(parcel), now)?;
    let detail = serde_json::json!({ "what": what });
    audit::note(act, now, "node", "note.kept", channel.partner.as_str(), detail, &[])
}

/// The heads of a log that its giver signed and that were refused, and those that were proven since: each size with its
/// root. Whatever the log grows into later must have them, or the giver has signed two histories (log-format §11).
pub(crate) fn refused_heads(view: &View<'_>, channel: &ChannelRow) -> Result<Vec<(u64, Hash)>, Refusal> {
    let refused = view.meta(&heads_key(channel))?.unwrap_or_default();
    let proven = view.meta(&proven_key(channel))?.unwrap_or_default();
    let head = |mark: &str| {
        let (size, root) = mark.split_once(':')?;
        let mut bytes = [0; 32];
        hex::decode_to_slice(root, &mut bytes).ok()?;
        Some((size.parse().ok()?, Hash::from_bytes(bytes)))
    };
    Ok(refused.split_whitespace().chain(proven.split_whitespace()).filter_map(head).collect())
}

/// From now on a log must grow through this head, or its giver has signed two histories: the head froze the log, and it was
/// proven since that it belongs to it. Kept apart, so that proven heads take no place from refused ones.
pub(crate) fn bind(act: &mut Act<'_>, channel: &ChannelRow, size: u64, root: &Hash) -> Result<(), Refusal> {
    let key = proven_key(channel);
    let mark = format!("{size}:{}", hex::encode(root.as_bytes()));
    let kept = act.meta(&key)?.unwrap_or_default();
    if !kept.split_whitespace().any(|before| before == mark) {
        act.set_meta(&key, format!("{kept} {mark}").trim())?;
    }
    Ok(())
}

/// When the last note of a channel was kept, and why; `None` if none was.
pub(crate) fn last_kept(
    view: &View<'_>,
    channel: &ChannelRow,
) -> Result<Option<(Timestamp, String)>, Refusal> {
    let last = view.meta(&last_key(channel))?;
    Ok(last.and_then(|last| {
        let (at, what) = last.split_once(' ')?;
        Some((at.parse().ok()?, what.to_owned()))
    }))
}

/// Since when a partner has named more of a log of ours than this node has; `None` if none has, or it has caught up.
pub(crate) fn behind_since(view: &View<'_>, ours: &ChannelRow) -> Result<Option<String>, Refusal> {
    Ok(view.meta(&behind_key(ours))?)
}

fn heads_key(channel: &ChannelRow) -> String {
    format!("evidence.heads/{}", channel.origin.hex())
}

fn proven_key(channel: &ChannelRow) -> String {
    format!("evidence.proven/{}", channel.origin.hex())
}

fn last_key(channel: &ChannelRow) -> String {
    format!("evidence.last/{}", channel.origin.hex())
}

/// A partner holds more of a log of ours than we do: nothing shows earlier that this node runs on an old copy of its data.
/// People are told once, until a receipt shows that the log has caught up, and at most once a day.
pub(crate) fn behind(act: &mut Act<'_>, ours: &ChannelRow, now: Timestamp) -> Result<(), Refusal> {
    let key = behind_key(ours);
    if act.meta(&key)?.is_some() {
        return Ok(());
    }
    act.set_meta(&key, &now.to_string())?;
    // A partner could go on saying so and taking it back.
    let told_key = format!("log.behind.told/{}", ours.origin.hex());
    let told: Option<Timestamp> = act.meta(&told_key)?.and_then(|at| at.parse().ok());
    if told.is_some_and(|at| now.duration_since(at) < SignedDuration::from_hours(24)) {
        return Ok(());
    }
    act.set_meta(&told_key, &now.to_string())?;
    alarm::line(
        act,
        "a partner holds more of our log than this node: it may run on an old copy of its data",
        now,
    )?;
    audit::note(act, now, "node", "log.behind", ours.partner.as_str(), serde_json::json!({}), &[])
}

/// Whether a sign was seen that this node runs on an old copy of its data, and no receipt has shown the contrary since.
pub(crate) fn is_behind(view: &View<'_>, ours: &ChannelRow) -> Result<bool, Refusal> {
    Ok(view.meta(&behind_key(ours))?.is_some())
}

/// The log has caught up: the next time it is behind is told again, though not on the same day.
pub(crate) fn caught_up(act: &mut Act<'_>, ours: &ChannelRow) -> Result<(), Refusal> {
    let key = behind_key(ours);
    if act.meta(&key)?.is_some() {
        act.forget_meta(&key)?;
    }
    Ok(())
}

fn behind_key(ours: &ChannelRow) -> String {
    format!("log.behind/{}", ours.origin.hex())
}
