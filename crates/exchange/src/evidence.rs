//! What two nodes hold and cannot both be right: signed notes that are kept for people to judge without freezing anything
//! (log-format §6, §11), and the signs that this node runs on an old copy of its data (§9).

pub mod export;
pub(crate) mod proof;

use jiff::Timestamp;
use store::{Act, ChannelRow, View};

use crate::alarm;
use crate::audit;
use crate::refusal::Refusal;

/// The most notes of one channel that are kept in this way, so that no partner fills the disk with them.
const NOTES_PER_CHANNEL_MAX: usize = 64;

/// Keeps a signed note for people to judge, with a line in the trail; at most one for each size of a channel. True
/// if it was kept now.
pub(crate) fn keep_note(
    act: &mut Act<'_>,
    channel: &ChannelRow,
    what: &str,
    size: u64,
    note: &str,
    now: Timestamp,
) -> Result<bool, Refusal> {
    let key = format!("evidence.sizes/{}", channel.origin.hex());
    let kept = act.meta(&key)?.unwrap_or_default();
    let sizes: Vec<u64> = kept.split_whitespace().filter_map(|s| s.parse().ok()).collect();
    if sizes.contains(&size) || sizes.len() >= NOTES_PER_CHANNEL_MAX {
        return Ok(false);
    }
    act.keep_evidence(channel, what, note, None, now)?;
    act.set_meta(&key, format!("{kept} {size}").trim())?;
    let detail = serde_json::json!({ "what": what });
    audit::note(act, now, "node", "note.kept", channel.partner.as_str(), detail, &[])?;
    Ok(true)
}

/// A partner holds more of a log of ours than we do: nothing shows earlier that this node runs on an old copy of its data.
/// People are told once, until a receipt shows that the log has caught up.
pub(crate) fn behind(act: &mut Act<'_>, ours: &ChannelRow, now: Timestamp) -> Result<(), Refusal> {
    let key = behind_key(ours);
    if act.meta(&key)?.is_some() {
        return Ok(());
    }
    act.set_meta(&key, &now.to_string())?;
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

/// The log has caught up: the next time it is behind is told again.
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
