//! Opening a partner's files: a channel statement is countersigned, a parcel is taken, by the same acts as at the peer
//! door; the answer is a file for the partner.

use jiff::Timestamp;
use model::caller::{Partner, Person};
use model::id::PartyName;
use rand_core::CryptoRng;
use serde_json::json;
use store::{ChannelRow, ChannelSide, View};
use tlog::card::EncryptionKey;
use tlog::channel::{ChannelStatement, Origin, SignedProposal, Use};
use tlog::checkpoint::SignedCheckpoint;
use tlog::parcel::{Parcel, parcel_file_name, receipt_file_name};

use super::held::{self, HeldSize};
use super::{CARRIERS, CarriedFile, digits, envelope, key_of, of_statement};
use crate::audit;
use crate::caller::needs;
use crate::declined::{self, Answered};
use crate::house::House;
use crate::receive::{self, Receipt};
use crate::recover;
use crate::refusal::Refusal;

/// What became of a partner's file, and the file to be carried back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// Who wrote it.
    pub from: PartyName,
    /// What became of it, in words.
    pub what: String,
    /// The answer.
    pub answer: CarriedFile,
    /// How it ended.
    pub end: End,
}

/// How the opening of a file ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// All of it is held, by now or since before.
    Held,
    /// It is stored and not receipted, while this node takes back what it has lost (log-format §9).
    Stored,
    /// It goes on from another size than is held; nothing of it was taken.
    DoesNotFit,
}

/// Opens a file that a partner packed for this node. Once answered, what was taken is durable. A file may be opened any
/// number of times, in any order.
///
/// Refused, with nothing taken, where it is sealed to somebody else, cut short, changed, larger than any parcel, no file for
/// a receiver, of nobody confirmed, or not what the giver's log can hold.
pub fn open(
    house: &House,
    caller: &Person,
    sealed: &[u8],
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<Opened, Refusal> {
    needs(caller, CARRIERS, "open a partner's files")?;
    let bytes = envelope::open(house, sealed)?;
    let opened = if bytes.starts_with(b"forewarn/parcel/") {
        parcel(house, &bytes, now, rng)?
    } else if let Ok(proposal) = SignedProposal::parse(&bytes) {
        statement(house, &proposal, &bytes, now)?
    } else {
        return Err(not_to_be_opened(&bytes));
    };
    let (by, about, what) = (caller.name.clone(), opened.from.clone(), opened.what.clone());
    house.store.act(move |act| {
        audit::note(act, now, by.as_str(), "carry.open", about.as_str(), json!({ "what": what }), &[])
    })?;
    Ok(opened)
}

fn not_to_be_opened(bytes: &[u8]) -> Refusal {
    let answers = [held::LABEL, declined::LABEL, "forewarn/log/", "forewarn/channel/"];
    if answers.iter().any(|label| bytes.starts_with(label.as_bytes())) {
        return Refusal::yours("an_answer", "the file is an answer to what this node packed")
            .hint("`forewarn carry settle FILE` takes it");
    }
    Refusal::theirs("bad_file", "the file opens, and holds neither a parcel nor a channel statement")
        .hint("nothing was taken; does the partner run a newer program?")
}

fn statement(
    house: &House,
    proposal: &SignedProposal,
    text: &[u8],
    now: Timestamp,
) -> Result<Opened, Refusal> {
    let said = proposal.proposal();
    let from: PartyName = said.giver.name().parse().map_err(|_| stranger("a channel statement"))?;
    let key = house.store.view(|view| match view.partner(&from)? {
        Some(_) => key_of(view, &from),
        None => Err(stranger("a channel statement").detail(format!("it names {from}"))),
    })?;
    let (use_, name) = (said.use_, of_statement(said));
    match declined::sign_or_decline(house, &Partner { name: from.clone() }, text, now)? {
        Answered::Signed(countersigned) => {
            let answer = CarriedFile {
                name: format!("{name}.opened"),
                what: format!("the {use_} channel, countersigned"),
                sealed: envelope::seal(&key, countersigned.as_bytes())?,
            };
            let what = match said.from {
                0 => format!("the {use_} channel is open on this side"),
                from => format!("the {use_} channel has new keys from {from} entries on"),
            };
            Ok(Opened { from, what, answer, end: End::Held })
        }
        Answered::Known(statement) => {
            let what = format!(
                "{from} has lost the {use_} channel that there is already: the answer is its statement, and \
                 `forewarn carry receipt {from} --from 0` gives back what is in it"
            );
            Ok(Opened { from, what, answer: known(&key, &statement)?, end: End::DoesNotFit })
        }
        Answered::Declined { text, why } => {
            let answer = CarriedFile {
                name: format!("{name}.declined"),
                what: "that this node does not sign these keys".to_owned(),
                sealed: envelope::seal(&key, text.as_bytes())?,
            };
            let what = format!("new keys of the {use_} channel were refused: {why}");
            Ok(Opened { from, what, answer, end: End::DoesNotFit })
        }
    }
}

/// The statement of a channel as both have signed it, for a giver that has lost it.
fn known(key: &EncryptionKey, statement: &str) -> Result<CarriedFile, Refusal> {
    let said = ChannelStatement::parse(statement.as_bytes()).map_err(Refusal::ours)?;
    Ok(CarriedFile {
        name: format!("{}.opened", of_statement(said.proposal())),
        what: format!("the {} channel, as both have signed it", said.proposal().use_),
        sealed: envelope::seal(key, statement.as_bytes())?,
    })
}

fn stranger(what: &str) -> Refusal {
    Refusal::theirs("stranger", format!("the file is {what} of nobody who is a partner of this node"))
        .hint("nothing was taken; `forewarn partner list` names the partners")
}

fn parcel(house: &House, bytes: &[u8], now: Timestamp, rng: &mut impl CryptoRng) -> Result<Opened, Refusal> {
    let (origin, old, size) = {
        let parcel = Parcel::parse(bytes).map_err(|e| unreadable(&e.to_string()))?;
        let head = parcel.checkpoint.checkpoint();
        (head.origin, parcel.old, head.size)
    };
    let found = house.store.view(|view| match theirs(view, &origin)? {
        Some(channel) => Ok::<_, Refusal>(Some((key_of(view, &channel.partner)?, channel.partner))),
        None => Ok(None),
    })?;
    let Some((key, from)) = found else {
        return Err(stranger("a parcel of a log")
            .hint(
                "nothing was taken; if the partner packed a file that ends in .channel, open that first. If this node has \
                 lost the channel, the partner packs it once more: `forewarn carry pack PARTNER --from 0` there",
            ));
    };
    let caller = Partner { name: from.clone() };
    let mut receipt = receive::parcel(house, &caller, origin, bytes, now, rng)?;
    if receipt == Receipt::Recovering {
        // It is signed by the giver, or it would have been refused before.
        nothing_more_was_receipted(house, &from, &origin, old, now)?;
        receipt = receive::parcel(house, &caller, origin, bytes, now, rng)?;
    }
    let end = match receipt {
        Receipt::Held(_) => End::Held,
        Receipt::Stored(_) => End::Stored,
        Receipt::HoldsSize(_) => End::DoesNotFit,
        refused => return Err(not_taken(&from, refused)),
    };
    let channel = house.store.view(|view| theirs(view, &origin))?;
    let channel = channel.ok_or_else(|| Refusal::ours("a log that took a parcel is not there"))?;
    let what = match end {
        End::Held => format!("entries {old} to {} are held", size.saturating_sub(1)),
        End::Stored => format!(
            "entries {old} to {} are stored; they are receipted once this node holds all that it had receipted before",
            size.saturating_sub(1)
        ),
        End::DoesNotFit => does_not_fit(old, size, channel.size()),
    };
    let at = if end == End::Held { size } else { channel.size() };
    let answer = house.store.view(|view| answer(view, &channel, at, end, &key))?;
    Ok(Opened { from, what, answer, end })
}

/// A giver that goes on from the size that is held here knows of no receipt beyond it: so a copy that is taken back may be
/// whole, if our own mark or an operator says so too.
fn nothing_more_was_receipted(
    house: &House,
    from: &PartyName,
    origin: &Origin,
    old: u64,
    now: Timestamp,
) -> Result<(), Refusal> {
    let channel = house.store.view(|view| theirs(view, origin))?;
    match channel.filter(|c| c.recovering && c.size() == old) {
        Some(channel) => recover::their_log_ends(house, from, channel.use_, now).map(drop),
        None => Ok(()),
    }
}

fn does_not_fit(old: u64, size: u64, held: u64) -> String {
    if old > held {
        format!(
            "it begins at entry {old}, and this node holds {held} entries: the parcels before it are missing"
        )
    } else {
        format!(
            "it leads from {old} to {size} entries, and this node holds {held}: the giver packs again from there"
        )
    }
}

/// The receipt of this size, or the words about the size that is held, sealed for the giver.
fn answer(
    view: &View<'_>,
    channel: &ChannelRow,
    at: u64,
    end: End,
    key: &EncryptionKey,
) -> Result<CarriedFile, Refusal> {
    let head = match end {
        End::Held => view.head(channel, at)?,
        End::Stored | End::DoesNotFit => view.newest_receipt(channel)?,
    };
    let note = head.and_then(|head| head.note);
    match (end, note) {
        (End::Held, Some(note)) => Ok(CarriedFile {
            name: receipt_file_name(&channel.origin, at),
            what: format!("the receipt for {at} entries"),
            sealed: envelope::seal(key, note.as_bytes())?,
        }),
        (End::Held, None) => Err(Refusal::ours("a parcel was taken and has no receipt")),
        (End::Stored | End::DoesNotFit, note) => {
            let receipt = note.map(|note| SignedCheckpoint::parse(note.as_bytes())).transpose();
            let held =
                HeldSize { origin: channel.origin, size: at, receipt: receipt.map_err(Refusal::ours)? };
            Ok(CarriedFile {
                name: format!("{}-{at}.held", digits(&channel.origin)),
                what: format!("that this node holds {at} entries"),
                sealed: envelope::seal(key, held.encode().as_bytes())?,
            })
        }
    }
}

/// What a partner needs that has lost something of its log, as files: the newest receipt that this node gave for each of
/// its channels, or that nothing is held of it; and, where an index is named, the entries that it receipted from there on,
/// from 0 on with the statement of the channel, which the partner may have lost as well.
pub fn newest(
    house: &House,
    caller: &Person,
    of: &PartyName,
    entries_from: Option<u64>,
    now: Timestamp,
) -> Result<Vec<CarriedFile>, Refusal> {
    needs(caller, CARRIERS, "write receipts into files")?;
    let (key, channels) = house.store.view(|view| {
        let key = key_of(view, of)?;
        let mut channels = Vec::new();
        for use_ in [Use::Actual, Use::Exercise] {
            channels.extend(view.channel_with(of, ChannelSide::Theirs, use_)?);
        }
        Ok::<_, Refusal>((key, channels))
    })?;
    let mut files = Vec::new();
    for channel in channels {
        if entries_from == Some(0) {
            files.push(known(&key, &channel.statement)?);
        }
        if let Some(from) = entries_from {
            files.extend(copies(house, &channel, from, &key)?);
        }
        files.push(house.store.view(|view| {
            let at = view.newest_receipt(&channel)?.map_or(0, |head| head.size);
            let end = if at > 0 { End::Held } else { End::DoesNotFit };
            answer(view, &channel, at, end, &key)
        })?);
    }
    let (by, about, count) = (caller.name.clone(), of.clone(), files.len());
    house.store.act(move |act| {
        audit::note(act, now, by.as_str(), "carry.receipt", about.as_str(), json!({ "files": count }), &[])
    })?;
    Ok(files)
}

/// Our copy of a partner's log from an index on, in pieces.
fn copies(
    house: &House,
    channel: &ChannelRow,
    mut from: u64,
    key: &EncryptionKey,
) -> Result<Vec<CarriedFile>, Refusal> {
    let (giver, mut files) = (Partner { name: channel.partner.clone() }, Vec::new());
    while let Some(piece) = recover::copy(house, &giver, channel.origin, from)? {
        let size = Parcel::parse(&piece).map_err(Refusal::ours)?.checkpoint.checkpoint().size;
        files.push(CarriedFile {
            name: parcel_file_name(&channel.origin, from, size),
            what: format!("the entries {from} to {} of its own log, given back", size.saturating_sub(1)),
            sealed: envelope::seal(key, &piece)?,
        });
        from = size;
    }
    Ok(files)
}

fn theirs(view: &View<'_>, origin: &Origin) -> Result<Option<ChannelRow>, Refusal> {
    Ok(view.channel(origin)?.filter(|c| c.side == ChannelSide::Theirs))
}

fn unreadable(why: &str) -> Refusal {
    Refusal::theirs("unreadable", "the parcel in the file cannot be read").detail(why)
}

fn not_taken(from: &PartyName, refused: Receipt) -> Refusal {
    let call = format!("nothing was taken; call the duty desk of {from}");
    match refused {
        Receipt::Frozen => {
            Refusal::theirs("frozen", format!("the channel from {from} is frozen: it takes no parcel"))
                .hint("`forewarn doctor` says why; call the partner's duty desk")
        }
        Receipt::Unreadable(why) => unreadable(&why),
        Receipt::NotSigned(why) => {
            Refusal::theirs("not_signed", format!("the parcel is not signed as {from} signs this log"))
                .detail(why)
                .hint(call)
        }
        Receipt::BadEntry { index, why } => {
            Refusal::theirs("bad_entry", format!("entry {index} of the parcel cannot stand in the log"))
                .detail(why)
                .hint(call)
        }
        Receipt::BadRoot => Refusal::theirs(
            "bad_root",
            format!("{from} signed what its entries do not give: the channel is frozen now"),
        )
        .hint("the parcel is kept as evidence; call the partner's duty desk"),
        _ => Refusal::world(
            "recovering",
            "this node must catch up with what it signed before it takes this parcel",
        )
        .hint("see `forewarn doctor`; keep the file and open it again afterwards"),
    }
}
