//! The receipt of one entry, made into a folder that convinces a third person offline (log-format §12).
//!
//! Whoever holds the folder convinces anybody, and it says nothing of later entries. So it is for those who may read the
//! entry, and the trail keeps who made it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use model::caller::Person;
use model::id::EntryRef;
use serde_json::json;
use store::{ChannelRow, ChannelSide, View};
use tlog::channel::ChannelStatement;
use tlog::checkpoint::SignedCheckpoint;
use tlog::entry::{Entry, Seen};
use tlog::proof::TlogProof;
use tlog::receipt::ReceiptParts;
use tlog::tree::inclusion_proof;

use crate::audit;
use crate::caller::needs;
use crate::house::House;
use crate::refusal::Refusal;
use crate::statement;
use crate::view::show::{self, READERS};

/// An exported receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedReceipt {
    /// The entry's name, with the whole origin.
    pub entry: String,
    /// Its kind.
    pub kind: String,
    /// Who wrote it.
    pub giver: String,
    /// Who held it.
    pub receiver: String,
    /// By when, by the receiver's clock.
    pub held_at: Option<Timestamp>,
    /// The files of the folder: name and content. They have been verified as a third person would.
    pub files: BTreeMap<String, Vec<u8>>,
}

/// Makes the folder of the earliest cosigned checkpoint that covers the entry: it tells least about how much passed.
///
/// For whoever may read the entry; `why` is needed where it names persons. Refused for an entry that was erased or that no
/// receipt covers. The line in the trail is durable when this returns.
pub fn export(
    house: &House,
    caller: &Person,
    name: &str,
    why: Option<&str>,
    now: Timestamp,
) -> Result<ExportedReceipt, Refusal> {
    needs(caller, READERS, "export receipts")?;
    let (at, shown) = house.store.view(|view| show::look(house, view, name, now))?;
    let why = show::reason_to_hand_on(&shown, why)?;
    let (us, by) = (house.clone(), caller.name.clone());
    house.store.act(move |act| {
        let exported = folder(&us, act, &at)?;
        if let Some(why) = why {
            show::note_reading(act, by.as_str(), &exported.entry, &why, now)?;
        }
        let detail = json!({ "kind": exported.kind, "giver": exported.giver, "receiver": exported.receiver });
        audit::note(act, now, by.as_str(), "receipt.export", &exported.entry, detail, &[])?;
        Ok(exported)
    })
}

fn folder(house: &House, view: &View<'_>, at: &EntryRef) -> Result<ExportedReceipt, Refusal> {
    let channel = view.channel(&at.origin)?.ok_or_else(|| Refusal::ours("an entry without its log"))?;
    let (giver, receiver) = parties(house, &channel);
    let opened = view.open_entry(&channel, at.index)?.ok_or_else(|| {
        Refusal::yours("erased", format!("the text of {at} was erased after a recall"))
            .detail("a receipt shows the entry itself; what is left of it convinces nobody")
            .hint("`forewarn receipt show` still says when it was held")
    })?;
    let head = view.receipt_of(&channel, at.index)?;
    let (Some(head), Some(note)) = (&head, head.as_ref().and_then(|h| h.note.as_ref())) else {
        return Err(Refusal::yours("no_receipt", format!("no receipt covers {at}"))
            .detail(format!("nothing shows yet that {receiver} holds it"))
            .hint(
                "`forewarn status` says what stands in the way; do not hold a warning back for a receipt",
            ));
    };
    let path = inclusion_proof(at.index, head.size, |level, index| view.subtree(&channel, level, index));
    let proof = TlogProof {
        salt: opened.salt,
        index: at.index,
        path: path.map_err(Refusal::ours)?,
        checkpoint: SignedCheckpoint::parse(note.as_bytes()).map_err(Refusal::ours)?,
    };
    let header = Entry::parse(&opened.bytes).map_err(Refusal::ours)?.header;
    let parts = ReceiptParts {
        statement: statement::in_force(view, &channel, head.size)?,
        entry: opened.bytes,
        proof,
        seen: header.seen.as_ref().map(|seen| seen_head(view, seen)).transpose()?.flatten(),
    };
    Ok(ExportedReceipt {
        entry: format!("{at:#}"),
        kind: header.kind.as_str().to_owned(),
        giver,
        receiver,
        held_at: head.at,
        files: tlog::receipt::export(&parts).map_err(Refusal::ours)?,
    })
}

/// Who gives and who receives in a channel.
pub(crate) fn parties(house: &House, channel: &ChannelRow) -> (String, String) {
    let (us, them) = (house.name.to_string(), channel.partner.to_string());
    match channel.side {
        ChannelSide::Ours => (us, them),
        ChannelSide::Theirs => (them, us),
    }
}

/// The opposite head that an entry names, where its receipt is kept here; a folder without it is whole, too.
fn seen_head(view: &View<'_>, seen: &Seen) -> Result<Option<(ChannelStatement, SignedCheckpoint)>, Refusal> {
    let Some(opposite) = view.channel(&seen.origin)? else { return Ok(None) };
    let head = view.head(&opposite, seen.size)?.filter(|head| head.root == seen.root);
    let Some(note) = head.filter(|head| head.line.is_some()).and_then(|head| head.note) else {
        return Ok(None);
    };
    let checkpoint = SignedCheckpoint::parse(note.as_bytes()).map_err(Refusal::ours)?;
    Ok(Some((statement::in_force(view, &opposite, seen.size)?, checkpoint)))
}
