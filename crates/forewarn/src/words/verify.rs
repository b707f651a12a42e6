//! What somebody outside checks: a receipt or evidence that was handed over. No node is asked.

use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;
use serde_json::{Value, json};
use tlog::channel::{ChannelStatement, Use};
use tlog::cosignature::Cosignature;
use tlog::evidence::{Accused, Conflict, ProvenConflict};
use tlog::key::VerifierKey;
use tlog::receipt::{SeenHead, Standing, VerifiedReceipt};

use super::answer::Answer;
use super::desk::Shown;
use super::failure::Failure;
use super::show::proof;
use super::surroundings::Surroundings;
use crate::say::Look;
use crate::verify::{self, Elsewhere, Known, Refused, Unread, Verified};

/// Everything fits together, but nobody has said whose keys these are.
const INTACT: u8 = 3;

/// Verify a receipt or evidence that somebody handed over
#[derive(Debug, Args)]
#[command(after_help = eg!(
    "forewarn verify receipt-folder \\\n    \
     --giver eff218be5cf35ab9ca1d2ce46b10e9e9b1b9f2a4f5e9b7b9a2bb8cbe60c1d0aa \\\n    \
     --receiver \"legal winner thank year wave sausage worth useful legal winner thank yellow\"",
    "nothing: no node, no login, no network. Exit status: 0 verified, 3 intact but not known whose keys these are, 1 \
     refused, 2 not understood."
))]
pub(crate) struct Verify {
    /// The folder
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The giver's fingerprint or its twelve words, learned from the giver and not from the folder
    #[arg(long, value_name = "FINGERPRINT-OR-WORDS")]
    giver: Option<Known>,
    /// The receiver's fingerprint or its twelve words, learned from the receiver and not from the folder
    #[arg(long, value_name = "FINGERPRINT-OR-WORDS")]
    receiver: Option<Known>,
}

impl Verify {
    /// What the folder shows, with the exit status.
    pub(crate) fn run(&self, surroundings: &Surroundings, look: &Look) -> Result<(Shown, u8), Failure> {
        let folder = surroundings.absolute(&self.folder);
        let files = verify::read(&folder).map_err(|unread| match unread {
            Unread::NoFolder => Failure::usage(format!("{} is no folder", self.folder.display()))
                .hint("name the folder that holds the files, not one of the files"),
            Unread::Refused(refused) => refusal(refused),
            Unread::Disk(e) => Failure::yours("file", format!("{}: {e}", self.folder.display())),
        })?;
        let known = Elsewhere { giver: self.giver, receiver: self.receiver };
        let verified = verify::judge(&files, &known).map_err(refusal)?;
        let status = if verified.standing() == Standing::Verified { 0 } else { INTACT };
        let answer = Answer(document(&verified, &known));
        let text = match verified {
            Verified::Receipt(_) => proof::receipt(answer.said(), look),
            Verified::Evidence(_) => proof::conflict(answer.said(), look),
        };
        Ok((Shown::of(answer, text), status))
    }
}

fn refusal(refused: Refused) -> Failure {
    let failure = Failure::yours("refused", "REFUSED: this folder proves nothing");
    match refused.step {
        Some(step) => failure.detail(format!("{} (step {step} of 9)", refused.why)),
        None => failure.detail(refused.why),
    }
}

fn document(verified: &Verified, known: &Elsewhere) -> Value {
    let mut document = match verified {
        Verified::Receipt(receipt) => of_receipt(receipt),
        Verified::Evidence(conflict) => of_conflict(conflict),
    };
    let statement = match verified {
        Verified::Receipt(receipt) => &receipt.statement,
        Verified::Evidence(conflict) => &conflict.evidence.statement,
    };
    if let Some(parts) = document.as_object_mut() {
        parts.extend(of_statement(statement, known));
        let result = if verified.standing() == Standing::Verified { "verified" } else { "intact" };
        parts.insert("result".to_owned(), result.into());
    }
    document
}

fn of_statement(statement: &ChannelStatement, known: &Elsewhere) -> serde_json::Map<String, Value> {
    let said = statement.proposal();
    let party = |key: &VerifierKey, known: Option<Known>| json!({ "name": key.name(), "fingerprint": key.fingerprint().to_string(), "compared": known.is_some() });
    let channel_use = if said.use_ == Use::Exercise { "exercise" } else { "actual" };
    [
        ("giver", party(&said.giver, known.giver)),
        ("receiver", party(&said.receiver, known.receiver)),
        ("channel_use", channel_use.into()),
        ("origin", statement.origin().hex().into()),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value))
    .collect()
}

/// A time in a cosignature; the instant is absent where no calendar reaches.
fn moment(cosignature: &Cosignature) -> Value {
    let seconds = cosignature.time();
    json!({ "at": instant(seconds), "seconds": seconds, "clock": cosignature.line().name() })
}

fn instant(seconds: u64) -> Option<Timestamp> {
    i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok())
}

fn of_receipt(receipt: &VerifiedReceipt) -> Value {
    let VerifiedReceipt { entry, checkpoint, receipt, neutrals, seen, .. } = receipt;
    let header = &entry.header;
    json!({
        "form": "receipt",
        "kind": header.kind.as_str(),
        "index": header.index,
        "written": header.written,
        "media": header.media,
        "length": header.length,
        "body_sha256": model::id::Digest::of(&entry.body).to_string(),
        "size": checkpoint.size,
        "root": checkpoint.root.to_string(),
        "held": moment(receipt),
        "witnesses": neutrals.iter().map(moment).collect::<Vec<_>>(),
        "names_seen": header.seen.is_some(),
        "seen": seen.as_ref().map(|SeenHead { checkpoint, receipt, .. }| json!({
            "size": checkpoint.size, "root": checkpoint.root.to_string(), "cosigned": moment(receipt),
        })),
        "later_entries": "says nothing about later entries",
    })
}

fn of_conflict(proven: &ProvenConflict) -> Value {
    let evidence = &proven.evidence;
    let (first, second) = (evidence.first.checkpoint(), evidence.second.checkpoint());
    let said = evidence.statement.proposal();
    let accused = match evidence.accused {
        Accused::Giver => &said.giver,
        Accused::Receiver => &said.receiver,
    };
    let conflict = match proven.conflict {
        Conflict::TwoRoots { .. } => json!({ "kind": "two_roots" }),
        Conflict::NotAGrowth { root, .. } => {
            json!({ "kind": "not_a_growth", "begins_with": root.to_string() })
        }
        Conflict::WentBack { first_time, second_time } => json!({
            "kind": "went_back",
            "first_at": instant(first_time), "first_seconds": first_time,
            "second_at": instant(second_time), "second_seconds": second_time,
        }),
    };
    json!({
        "form": "evidence",
        "accused": evidence.accused.to_string(),
        "accused_name": accused.name(),
        "conflict": conflict,
        "first": { "size": first.size, "root": first.root.to_string() },
        "second": { "size": second.size, "root": second.root.to_string() },
    })
}
