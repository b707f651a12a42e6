//! The content-free facts of an entry: all that the folds ever read. They survive the erasure of the entry's text.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tlog::channel::Use;

use crate::agreement::Terms;
use crate::body::{
    self, AgreementAnswer, DispositionNote, DomainChange, EntryName, Outcome, ReadNote, Recall,
    RecallConfirmed, RecallContested, ReleaseHeader, StandingChange, Thanks, ThanksRelayed, Undertaking,
    UndertakingAccepted,
};
use crate::id::Digest;
use crate::received;
use crate::vocab::{
    ContestReason, Contribution, Determination, Disposition, Domain, EventState, HarmKind, MatterKind,
    Precedence, Status, Usefulness,
};

/// What an entry says to the folds. `NotUnderstood` is a fact, too: the entry is held and receipted, and means nothing here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
#[allow(clippy::large_enum_variant, reason = "one fact per entry is read at a time; agreements are rare")]
pub enum Facts {
    /// `agreement.proposed`: the text's hash and what it says.
    AgreementProposed {
        /// SHA-256 of the text, hex.
        hash: String,
        /// The terms.
        terms: Terms,
    },
    /// `agreement.accepted`.
    AgreementAccepted(AgreementAnswer),
    /// `agreement.refused`.
    AgreementRefused(AgreementAnswer),
    /// `domain.changed`.
    DomainChanged(DomainChange),
    /// `warning.released` and `warning.updated`.
    Release(ReleaseFacts),
    /// `warning.cancelled`.
    Cancelled(StandingChange),
    /// `warning.lapsed`.
    Lapsed(StandingChange),
    /// `warning.recalled`.
    Recalled(Recall),
    /// `recall.confirmed`.
    RecallConfirmed,
    /// `recall.contested`.
    RecallContested {
        /// Why.
        reason: ContestReason,
    },
    /// Of an entry that came as erased, by its commitment alone: what it was stands in the recall that names it.
    Erased,
    /// `release.read`.
    Read {
        /// When the receiver's node held it.
        held_at: Timestamp,
    },
    /// `release.disposed`.
    Disposed {
        /// The decision.
        disposition: Disposition,
        /// When the receiver's node held it.
        held_at: Timestamp,
    },
    /// `outcome.reported`.
    Outcome {
        /// What became of the event.
        event: EventState,
        /// How it is determined.
        determination: Option<Determination>,
        /// How far the warning helped.
        contribution: Option<Contribution>,
        /// How useful it was.
        usefulness: Option<Usefulness>,
        /// The domain, if it answers no warning.
        unsolicited: Option<Domain>,
        /// How many questions stay open.
        open_questions: u32,
    },
    /// `thanks.given`.
    Thanks {
        /// Whether they are to be passed on.
        relay: bool,
    },
    /// `thanks.relayed`.
    ThanksRelayed,
    /// `undertaking.declared`.
    UndertakingDeclared {
        /// The domain.
        domain: Domain,
        /// Until when it holds.
        until: Option<Timestamp>,
    },
    /// `undertaking.accepted`.
    UndertakingAccepted,
    /// `channel.opened`, `key.changed`, `channel.succeeded`, `cover`: of the channel, not of what passed.
    Channel,
    /// A kind or a body that this node does not know.
    NotUnderstood,
}

/// The facts of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseFacts {
    /// Actual or exercise; an exercise if either the channel or the body says so (I-17).
    pub status: Status,
    /// The domain.
    pub domain: Domain,
    /// The kind of matter.
    pub kind: MatterKind,
    /// The precedence stated.
    pub precedence: Precedence,
    /// The harm stated.
    pub harm: BTreeSet<HarmKind>,
    /// Within how many minutes an acknowledgement is asked for.
    pub acknowledge_minutes: u32,
    /// Within how many minutes an outcome is asked for.
    pub outcome_minutes: u32,
    /// Whether it is the bare threat to life.
    pub life_floor: bool,
    /// The giver's undertaking that it keeps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub under: Option<EntryName>,
    /// Until when it is asserted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Timestamp>,
}

impl ReleaseFacts {
    fn of(header: ReleaseHeader, channel: Use) -> Self {
        let status = if channel == Use::Exercise { Status::Exercise } else { header.status };
        Self {
            status,
            domain: header.domain,
            kind: header.kind,
            precedence: header.precedence,
            harm: header.harm,
            acknowledge_minutes: header.acknowledge_minutes,
            outcome_minutes: header.outcome_minutes,
            life_floor: header.life_floor,
            under: header.under,
            valid_until: header.valid_until,
        }
    }
}

/// The facts of an entry of this kind with this body, in a channel of this use. Never fails: what cannot be read is a fact.
/// What is agreed or promised is agreed in the actual channel: said in an exercise it means nothing (I-17).
pub fn of_entry(kind: &str, channel: Use, body: &[u8]) -> Facts {
    read(kind, channel, body).unwrap_or(Facts::NotUnderstood)
}

/// What a recall repeats of a release was an exercise if the channel is one, whatever it says (I-17).
fn of_this_channel(mut recall: Recall, channel: Use) -> Recall {
    if let Some(release) = recall.release.as_mut().filter(|_| channel == Use::Exercise) {
        release.facts.status = Status::Exercise;
    }
    recall
}

fn read(kind: &str, channel: Use, body: &[u8]) -> Option<Facts> {
    let binds = ["agreement.", "domain.", "undertaking."];
    if channel == Use::Exercise && binds.iter().any(|family| kind.starts_with(family)) {
        return None;
    }
    Some(match kind {
        "channel.opened" | "key.changed" | "channel.succeeded" | "cover" => Facts::Channel,
        "agreement.proposed" => {
            Facts::AgreementProposed { hash: Digest::of(body).to_string(), terms: Terms::parse(body).ok()? }
        }
        // Words stay with the text; facts hold none, since they survive its erasure.
        "agreement.accepted" => {
            Facts::AgreementAccepted(AgreementAnswer { reason: None, ..body::read(body).ok()? })
        }
        "agreement.refused" => {
            Facts::AgreementRefused(AgreementAnswer { reason: None, ..body::read(body).ok()? })
        }
        "domain.changed" => Facts::DomainChanged(DomainChange { note: None, ..body::read(body).ok()? }),
        "warning.released" | "warning.updated" => {
            Facts::Release(ReleaseFacts::of(received::release_header(body).ok()?, channel))
        }
        "warning.cancelled" => Facts::Cancelled(StandingChange { note: None, ..body::read(body).ok()? }),
        "warning.lapsed" => Facts::Lapsed(StandingChange { note: None, ..body::read(body).ok()? }),
        "warning.recalled" => {
            let recall: Recall = body::read(body).ok()?;
            Facts::Recalled(of_this_channel(recall, channel))
        }
        "recall.confirmed" => {
            body::read::<RecallConfirmed>(body).ok()?;
            Facts::RecallConfirmed
        }
        "recall.contested" => {
            Facts::RecallContested { reason: body::read::<RecallContested>(body).ok()?.reason }
        }
        "release.read" => Facts::Read { held_at: body::read::<ReadNote>(body).ok()?.held_at },
        "release.disposed" => {
            let note: DispositionNote = body::read(body).ok()?;
            Facts::Disposed { disposition: note.disposition, held_at: note.held_at }
        }
        "outcome.reported" => {
            let outcome: Outcome = body::read(body).ok()?;
            outcome.check().ok()?;
            Facts::Outcome {
                event: outcome.event,
                determination: outcome.determination,
                contribution: outcome.contribution,
                usefulness: outcome.usefulness,
                unsolicited: outcome.domain.filter(|_| outcome.unsolicited),
                open_questions: u32::try_from(outcome.open_questions.len()).ok()?,
            }
        }
        "thanks.given" => Facts::Thanks { relay: body::read::<Thanks>(body).ok()?.relay_to.is_some() },
        "thanks.relayed" => {
            body::read::<ThanksRelayed>(body).ok()?;
            Facts::ThanksRelayed
        }
        "undertaking.declared" => {
            let promise: Undertaking = body::read(body).ok()?;
            Facts::UndertakingDeclared { domain: promise.domain, until: promise.until }
        }
        "undertaking.accepted" => {
            body::read::<UndertakingAccepted>(body).ok()?;
            Facts::UndertakingAccepted
        }
        _ => return None,
    })
}
