//! What was kept becomes a folder: an evidence folder where two signatures cannot both be true (log-format §11), or what was
//! kept as it came, where a person wants to look at it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use model::caller::Person;
use model::vocab::Role;
use serde_json::json;
use store::{Act, ChannelRow, EvidenceRow};

use crate::audit;
use crate::caller::needs;
use crate::evidence::proof::{self, Proof};
use crate::house::House;
use crate::receipt::parties;
use crate::refusal::Refusal;
use crate::view::show;

/// What the folder is to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// The proof, for anybody: two signed heads and what shows that they contradict each other. No entry is in it.
    Proof,
    /// The note and the parcel as they came. A parcel holds entries that were never judged and may name persons.
    AsKept {
        /// Why it is read; kept in the trail. Needed where a parcel was kept.
        why: Option<String>,
    },
}

/// A folder of what was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedEvidence {
    /// Its number.
    pub id: i64,
    /// Of a proof: the party whose two signatures cannot both be true.
    pub accused: Option<String>,
    /// The files: name and content. Those of a proof have been verified as a third person would.
    pub files: BTreeMap<String, Vec<u8>>,
}

/// Makes the folder. For officers who answer for the relation with the partner, and for oversight; the line in the trail is
/// durable when this returns.
///
/// `no_proof` where nothing is proven: what was kept can still be had as it came.
pub fn export(
    house: &House,
    caller: &Person,
    id: i64,
    wanted: Wanted,
    now: Timestamp,
) -> Result<ExportedEvidence, Refusal> {
    needs(caller, &[Role::Release, Role::Liaison, Role::Oversight], "export evidence")?;
    let (us, by) = (house.clone(), caller.name.clone());
    house.store.act(move |act| {
        let kept = act.evidence(id)?.ok_or_else(|| {
            Refusal::yours("unknown_evidence", format!("nothing is kept under the number {id}"))
                .hint("`forewarn evidence list` names what is kept")
        })?;
        let channel = act.channel(&kept.origin)?.ok_or_else(|| Refusal::ours("evidence without its log"))?;
        let raw = wanted != Wanted::Proof;
        let exported = match wanted {
            Wanted::Proof => proven(&us, act, &channel, &kept)?,
            Wanted::AsKept { why } => as_kept(&us, act, &channel, &kept, (by.as_str(), why), now)?,
        };
        let detail = json!({ "evidence": id, "as_kept": raw, "accused": exported.accused });
        audit::note(act, now, by.as_str(), "evidence.export", channel.partner.as_str(), detail, &[])?;
        Ok(exported)
    })
}

fn proven(
    house: &House,
    act: &Act<'_>,
    channel: &ChannelRow,
    kept: &EvidenceRow,
) -> Result<ExportedEvidence, Refusal> {
    let Proof { evidence, .. } = proof::of(act, channel, kept)?.map_err(|why| {
        Refusal::yours(
            "no_proof",
            format!("what is kept under the number {} proves nothing to others", kept.id),
        )
        .detail(why.to_string())
        .hint("`--raw` writes what was kept as it came, for people to look at")
    })?;
    let accused = accused(house, channel, &evidence);
    let files = evidence.files().map_err(Refusal::ours)?;
    Ok(ExportedEvidence { id: kept.id, accused: Some(accused), files })
}

/// The party whose two signatures cannot both be true.
pub(crate) fn accused(house: &House, channel: &ChannelRow, evidence: &tlog::evidence::Evidence) -> String {
    let (giver, receiver) = parties(house, channel);
    match evidence.accused {
        tlog::evidence::Accused::Giver => giver,
        tlog::evidence::Accused::Receiver => receiver,
    }
}

fn as_kept(
    house: &House,
    act: &mut Act<'_>,
    channel: &ChannelRow,
    kept: &EvidenceRow,
    (by, why): (&str, Option<String>),
    now: Timestamp,
) -> Result<ExportedEvidence, Refusal> {
    let mut files = BTreeMap::new();
    files.insert("note".to_owned(), kept.note.clone().into_bytes());
    if let Some(parcel) = act.kept_parcel(kept.id)? {
        let about = format!("evidence {} of {}", kept.id, channel.origin);
        show::note_reading(act, by, &about, &show::reason(why.as_deref())?, now)?;
        files.insert("parcel".to_owned(), parcel);
    }
    let standing = match proof::of(act, channel, kept)? {
        Ok(Proof { evidence, .. }) => format!(
            "A proof of it can be had: two signatures of {} cannot both be true.\n\
             `forewarn evidence export {} --to FOLDER`, without --raw, writes it for others to verify.",
            accused(house, channel, &evidence),
            kept.id
        ),
        Err(why) => format!("This folder is no proof: {why}."),
    };
    let (giver, receiver) = parties(house, channel);
    let parcel =
        if files.contains_key("parcel") { "parcel  the parcel that came with it, as it came\n" } else { "" };
    let about = format!(
        "What was kept: {what}\n\nchannel {origin}, {use_}, from {giver} to {receiver}\n\
         kept at {at}, by the clock of {us}\n\n\
         note    the signed note, as it came\n{parcel}\n{standing}\n",
        what = model::plain::plain_line(&kept.what),
        origin = channel.origin,
        use_ = channel.use_,
        at = kept.at,
        us = house.name,
    );
    files.insert("about.txt".to_owned(), about.into_bytes());
    Ok(ExportedEvidence { id: kept.id, accused: None, files })
}
