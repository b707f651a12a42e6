//! Packing: what waits for a partner becomes parcels in files.
//!
//! A parcel in a file is sent: append, fence and sign are one act, and what waits is asked again in it whether it may still
//! go, as the courier does. What was packed and has no receipt is packed again, in the same pieces, so that a file that was
//! lost is made good by the next packing and one that was not is taken for the same.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use model::caller::Person;
use model::id::PartyName;
use model::vocab::Carriage;
use rand_core::CryptoRng;
use serde_json::json;
use store::{Act, ChannelRow, ChannelSide, ChannelState, SealingDraw};
use tlog::card::EncryptionKey;
use tlog::channel::{SignedProposal, Use};
use tlog::checkpoint::Checkpoint;
use tlog::commitment::Salt;
use tlog::parcel::{Parcel, parcel_file_name};

use super::{CARRIERS, CarriedFile, digits, envelope, key_of, of_statement, set_wanted, wanted_from};
use crate::audit;
use crate::caller::needs;
use crate::channel::{self, OurChannel};
use crate::deliver::{self, waiting};
use crate::evidence;
use crate::house::House;
use crate::partner;
use crate::refusal::Refusal;
use crate::statement;
use crate::succession;

/// The most entries in one parcel of ours.
const ENTRIES_PER_PARCEL_MAX: u64 = 256;
/// After so many bytes of entries a parcel of ours ends: in base64 it still fits into an answer of the control socket.
const PARCEL_BYTES_MAX: usize = 32 << 20;

/// Where a packing goes on: in which channel, and above which size of its log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    use_: Use,
    above: Option<u64>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.above {
            Some(size) => write!(f, "{} {size}", self.use_),
            None => write!(f, "{}", self.use_),
        }
    }
}

impl FromStr for Place {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        let bad = || Refusal::yours("bad_request", "a packing goes on at `actual 7` or the like");
        let (word, size) = text.split_once(' ').map_or((text, None), |(word, size)| (word, Some(size)));
        let use_ = match word {
            "actual" => Use::Actual,
            "exercise" => Use::Exercise,
            _ => return Err(bad()),
        };
        Ok(Self { use_, above: size.map(|s| s.parse().map_err(|_| bad())).transpose()? })
    }
}

/// One piece of a packing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    /// The file; `None` when nothing more is to be packed.
    pub file: Option<CarriedFile>,
    /// Where the packing goes on after it; `None` at its end.
    pub next: Option<Place>,
}

/// The partner has lost what it held from this entry on: the next packing begins there in each log, from 0 on with the
/// channel itself. What it has not receipted is packed anyhow.
pub fn pack_from(house: &House, caller: &Person, to: &PartyName, entry: u64) -> Result<(), Refusal> {
    needs(caller, CARRIERS, "pack parcels")?;
    let to = to.clone();
    house.store.act(move |act| {
        partner::known(act, &to)?;
        for use_ in [Use::Actual, Use::Exercise] {
            let Some(channel) = act.channel_with(&to, ChannelSide::Ours, use_)? else { continue };
            if channel.state == ChannelState::Open && entry < channel.cosigned {
                set_wanted(act, &channel.origin, Some(entry))?;
            }
        }
        Ok(())
    })
}

/// Packs the next piece for a partner that is carried by file, from the beginning if no place is named: a channel that is
/// to be opened, or a parcel. The actual channel goes first.
///
/// When it is answered, what the file holds stands in the log as sent. Refused where the partner is not confirmed or not
/// carried by file, where the channel is frozen, and after a restore until the partner's newest receipt was settled
/// (log-format §9).
pub fn pack(
    house: &House,
    caller: &Person,
    to: &PartyName,
    place: Option<Place>,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<Packed, Refusal> {
    needs(caller, CARRIERS, "pack parcels")?;
    let key = house.store.view(|view| {
        let key = key_of(view, to)?;
        match view.carriage(to)? {
            Carriage::File => Ok(key),
            other => Err(Refusal::yours("not_by_file", format!("{to} is not carried by file"))
                .detail(format!("its carriage is {other}"))
                .hint(format!("`forewarn partner carriage {to} file`, then pack again"))),
        }
    })?;
    let mut place = place.unwrap_or(Place { use_: Use::Actual, above: None });
    loop {
        let (file, next) = piece(house, to, &key, place, now, rng)?;
        if let Some(file) = file {
            let (by, about, name) = (caller.name.clone(), to.clone(), file.name.clone());
            house.store.act(move |act| {
                let detail = json!({ "file": name });
                audit::note(act, now, by.as_str(), "carry.pack", about.as_str(), detail, &[])
            })?;
            return Ok(Packed { file: Some(file), next });
        }
        match next {
            Some(next) => place = next,
            None => return Ok(Packed { file: None, next: None }),
        }
    }
}

/// The piece at this place, if there is one, and where to go on.
fn piece(
    house: &House,
    to: &PartyName,
    key: &EncryptionKey,
    place: Place,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<(Option<CarriedFile>, Option<Place>), Refusal> {
    let use_ = place.use_;
    let other = (use_ == Use::Actual).then_some(Place { use_: Use::Exercise, above: None });
    if place.above.is_none() && !anything_to_carry(house, to, use_)? {
        return Ok((None, other));
    }
    let ours = channel::ours(house, to, use_, now, rng)?;
    if let OurChannel::Open(channel) = &ours
        && place.above.is_none()
        && house.store.view(|view| wanted_from(view, &channel.origin))? == Some(0)
        && let Some(statement) = channel::again(house, channel)?
    {
        let file = CarriedFile {
            name: format!("{}.channel", digits(&channel.origin)),
            what: format!("the {use_} channel once more, to be opened by the partner first"),
            sealed: envelope::seal(key, statement.as_bytes())?,
        };
        return Ok((Some(file), Some(Place { use_, above: Some(0) })));
    }
    if let OurChannel::Propose(statement) = ours {
        let proposal = SignedProposal::parse(statement.as_bytes()).map_err(Refusal::ours)?;
        let said = proposal.proposal();
        let file = CarriedFile {
            name: format!("{}.channel", of_statement(said)),
            what: match said.from {
                0 => format!("the {use_} channel, to be opened by the partner before anything goes in it"),
                from => format!(
                    "new keys of the {use_} channel from {from} entries on, to be opened by the partner before \
                     anything more goes in it"
                ),
            },
            sealed: envelope::seal(key, statement.as_bytes())?,
        };
        return Ok((Some(file), other));
    }
    let Some((channel, old, checkpoint)) = fenced(house, to, place, now, rng)? else {
        return Ok((None, other));
    };
    let (parcel, size) = parcel(house, &channel, old, checkpoint)?;
    let exercise = if use_ == Use::Exercise { "exercise " } else { "" };
    let what = match size - old {
        1 => format!("{exercise}entry {old}"),
        _ => format!("{exercise}entries {old} to {}", size.saturating_sub(1)),
    };
    let file = CarriedFile {
        name: parcel_file_name(&channel.origin, old, size),
        what,
        sealed: envelope::seal(key, &parcel)?,
    };
    Ok((Some(file), Some(Place { use_, above: Some(size) })))
}

fn anything_to_carry(house: &House, to: &PartyName, use_: Use) -> Result<bool, Refusal> {
    if deliver::anything_waiting(house, to, use_)? {
        return Ok(true);
    }
    house.store.view(|view| match view.channel_with(to, ChannelSide::Ours, use_)? {
        Some(ours) => Ok(wanted_from(view, &ours.origin)?.is_some_and(|from| from < ours.size())),
        None => Ok(false),
    })
}

/// Appends what may go where nothing sent before is left to be packed, and fences the head of the next parcel, in one act.
fn fenced(
    house: &House,
    to: &PartyName,
    place: Place,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<Option<(ChannelRow, u64, Checkpoint)>, Refusal> {
    let draws: Vec<(Salt, SealingDraw)> =
        (0..ENTRIES_PER_PARCEL_MAX).map(|_| (Salt::draw(rng), SealingDraw::draw(rng))).collect();
    let (us, to) = (house.clone(), to.clone());
    house.store.act(move |act| {
        let Some(mut channel) = act.channel_with(&to, ChannelSide::Ours, place.use_)? else {
            return Ok(None);
        };
        may_be_signed(act, &channel)?;
        let from = match place.above {
            Some(size) => size,
            None => wanted_from(act, &channel.origin)?.unwrap_or(u64::MAX).min(channel.cosigned),
        };
        let old = from.min(channel.size());
        // A head that was fenced was packed: the same piece goes again, and what waits follows it in pieces of its own.
        let end = act.next_fence(&channel, old)?;
        if end.is_none() && !succession::appends_nothing(act, &channel)? {
            waiting::append(&us, act, &mut channel, draws, now)?;
        }
        let end = end.or_else(|| Some(channel.size()).filter(|size| *size > old));
        let Some(end) = end else { return Ok::<_, Refusal>(None) };
        let checkpoint = deliver::fence(act, &channel, end.min(old + ENTRIES_PER_PARCEL_MAX))?;
        Ok(Some((channel, old, checkpoint)))
    })
}

fn may_be_signed(act: &Act<'_>, channel: &ChannelRow) -> Result<(), Refusal> {
    let to = &channel.partner;
    if let ChannelState::Frozen(why) = &channel.state {
        return Err(Refusal::theirs("frozen", format!("the channel to {to} is frozen")).detail(why));
    }
    if channel.recovering {
        return Err(Refusal::yours(
            "recovering",
            format!("nothing is packed for {to} before it is known what was sent"),
        )
        .detail("this node goes on from a copy of its data, and may have signed more than the copy shows")
        .hint(format!(
            "ask {to} for its newest receipt (`forewarn carry receipt` there), then \
                 `forewarn carry settle FILE`"
        )));
    }
    if evidence::is_behind(act, channel)? {
        return Err(Refusal::world("behind", format!("{to} holds more of our log than this node"))
            .detail("this node may run on an old copy of its data; nothing more is signed in this log")
            .hint("make sure that no second copy of this node is running, then `forewarn recover begin`"));
    }
    Ok(())
}

/// The bytes of a parcel and the size it leads to, which is smaller than asked for where the entries are large.
fn parcel(
    house: &House,
    channel: &ChannelRow,
    old: u64,
    mut checkpoint: Checkpoint,
) -> Result<(Vec<u8>, u64), Refusal> {
    let items =
        house.store.view(|view| deliver::items(view, channel, old, checkpoint.size, PARCEL_BYTES_MAX))?;
    let end = old + u64::try_from(items.len()).map_err(Refusal::ours)?;
    if end < checkpoint.size {
        let channel = channel.clone();
        checkpoint = house.store.act(move |act| deliver::fence(act, &channel, end))?;
    }
    // A receiver that has lost entries knows its own signature again, and catches up with it (log-format §9).
    let held = match old < channel.cosigned {
        true => house.store.view(|view| deliver::newest_receipt(view, channel))?,
        false => None,
    };
    let checkpoint = house.store.view(|view| statement::sign(house, view, &checkpoint))?;
    let size = checkpoint.checkpoint().size;
    let parcel = Parcel { old, held, items, checkpoint };
    Ok((parcel.encode().map_err(Refusal::ours)?, size))
}
