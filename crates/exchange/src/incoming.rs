//! What a partner released to us, found by its entry or a shortened name of it; the ground of every answer.

use jiff::Timestamp;
use model::id::{EntryRef, PartyName};
use model::relation::{ReleaseEntry, Side, Standing};
use store::{Act, ChannelRow, ChannelSide, View};

use crate::house::House;
use crate::refusal::Refusal;

/// A release that a partner gave us.
pub(crate) struct Incoming {
    pub(crate) at: EntryRef,
    pub(crate) from: PartyName,
    pub(crate) channel: ChannelRow,
    pub(crate) release: ReleaseEntry,
    pub(crate) standing: Standing,
    /// When this node held it, by its own clock.
    pub(crate) held_at: Timestamp,
    pub(crate) read: bool,
}

/// Reads an entry's name: `<origin hex, at least 8 digits>/<index>`, as every list prints it.
pub fn entry_ref(view: &View<'_>, text: &str) -> Result<EntryRef, Refusal> {
    let unknown = || {
        Refusal::yours("unknown_entry", format!("there is no entry {text:?}"))
            .hint("an entry is named like 1a2b3c4d/7; `forewarn inbox` and `forewarn sent` list them")
    };
    let (origin, index) = text.split_once('/').ok_or_else(unknown)?;
    let index: u64 = index.parse().map_err(|_| unknown())?;
    if origin.len() < 8 {
        return Err(unknown());
    }
    let channels = view.channels()?;
    let mut matching = channels.iter().filter(|c| c.origin.hex().starts_with(origin) && index < c.size());
    match (matching.next(), matching.next()) {
        (Some(channel), None) => Ok(EntryRef { origin: channel.origin, index }),
        (Some(_), Some(_)) => Err(unknown().detail("more than one log begins with these digits")),
        (None, _) => Err(unknown()),
    }
}

/// The release of this name that a partner gave us.
pub(crate) fn find(house: &House, act: &Act<'_>, text: &str) -> Result<Incoming, Refusal> {
    let at = entry_ref(act, text)?;
    let channel = act.channel(&at.origin)?.filter(|c| c.side == ChannelSide::Theirs);
    let not_incoming = || {
        Refusal::yours("not_incoming", format!("{text} is no warning that a partner gave this node"))
            .hint("`forewarn inbox` lists those")
    };
    let channel = channel.ok_or_else(not_incoming)?;
    let relation = house.relations.in_act(act, &channel.partner)?;
    let found = relation.release(&at).filter(|r| r.entry.side == Side::Theirs).ok_or_else(not_incoming)?;
    let row = act.entries(&channel, at.index, at.index + 1)?.pop().ok_or_else(not_incoming)?;
    Ok(Incoming {
        from: channel.partner.clone(),
        release: found.entry.clone(),
        standing: found.standing,
        held_at: row.kept_at,
        read: found.read.is_some(),
        channel,
        at,
    })
}
