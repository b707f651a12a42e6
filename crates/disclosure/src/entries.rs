//! The other bodies that leave: one function for each kind of entry, with the check that belongs to it.
//!
//! Whatever one party tells another is judged here, not only warnings: the receiver is the giver of its outcome. Bodies
//! are canonical JSON, so that saying the same is the same bytes; an agreement is the text itself.

use model::agreement::Terms;
use model::body::{
    AgreementAnswer, BODY_BYTES_MAX, DispositionNote, DomainChange, JSON, Outcome, ReadNote, Recall,
    RecallConfirmed, RecallContested, StandingChange, TEXT_CHARS_MAX, Thanks, ThanksRelayed, Undertaking,
    UndertakingAccepted,
};
use model::id::{Digest, PartyName};
use model::relation::DomainStanding;
use model::state::{DomainState, Machine};
use serde::Serialize;
use stix::canonical::Json;

use crate::release::{NotReleasable, Released};

/// `agreement.proposed`: the text, if it reads as terms between us and the recipient and nobody else.
pub fn agreement_proposed(to: &PartyName, us: &PartyName, text: &[u8]) -> Result<Released, NotReleasable> {
    let entry = Entry { to, kind: "agreement.proposed" };
    let terms = Terms::parse(text).map_err(|e| entry.refused(e))?;
    let mut parties = [us.as_str(), to.as_str()];
    parties.sort_unstable();
    if terms.parties != parties {
        return Err(entry.refused(format!("its parties are {:?}, and must be {parties:?}", terms.parties)));
    }
    entry.released(text.to_vec())
}

/// `agreement.accepted`: names the text that is accepted by its hash, and gives no reason.
pub fn agreement_accepted(to: &PartyName, answer: &AgreementAnswer) -> Result<Released, NotReleasable> {
    let entry = Entry { to, kind: "agreement.accepted" };
    entry.digest(&answer.agreement)?;
    if answer.reason.is_some() {
        return Err(entry.refused("an acceptance has no reason; what is accepted is the text"));
    }
    entry.json(answer)
}

/// `agreement.refused`: names the text by its hash; a reason is free to give.
pub fn agreement_refused(to: &PartyName, answer: &AgreementAnswer) -> Result<Released, NotReleasable> {
    let entry = Entry { to, kind: "agreement.refused" };
    entry.digest(&answer.agreement)?;
    entry.texts(answer.reason.iter())?;
    entry.json(answer)
}

/// `domain.changed`: our stance may take this step from where it stands, under the agreement in force.
pub fn domain_changed(
    to: &PartyName,
    change: &DomainChange,
    standing: &DomainStanding,
) -> Result<Released, NotReleasable> {
    let entry = Entry { to, kind: "domain.changed" };
    if entry.digest(&change.agreement)? != standing.agreement {
        return Err(entry
            .refused(format!("the agreement in force is {}, not {}", standing.agreement, change.agreement)));
    }
    let possible =
        DomainState::STEPS.iter().any(|(from, _, into)| *from == standing.ours && *into == change.state);
    if !possible {
        return Err(
            entry.refused(format!("our stance is {} and cannot become {}", standing.ours, change.state))
        );
    }
    if (change.state == DomainState::Resuming) == change.pilot_scope.is_empty() {
        return Err(
            entry.refused("a pilot scope belongs to a domain that is resuming, and must name a kind there")
        );
    }
    entry.texts(change.note.iter())?;
    entry.json(change)
}

/// `release.read`: a role, never a person, has read a release.
pub fn release_read(to: &PartyName, note: &ReadNote) -> Result<Released, NotReleasable> {
    let entry = Entry { to, kind: "release.read" };
    entry.filled("the role", &note.role)?;
    entry.json(note)
}

/// `release.disposed`: what a role decided about a release; what is wanted more must be said.
pub fn release_disposed(to: &PartyName, note: &DispositionNote) -> Result<Released, NotReleasable> {
    let entry = Entry { to, kind: "release.disposed" };
    entry.filled("the role", &note.role)?;
    entry.texts(note.text.iter())?;
    if note.disposition == model::vocab::Disposition::NeedsMore && note.text.is_none() {
        return Err(entry.refused("needs_more says what more is needed"));
    }
    entry.json(note)
}

/// `outcome.reported`: the outcome stands by itself (`Outcome::check`, I-20, I-30).
pub fn outcome_reported(to: &PartyName, outcome: &Outcome) -> Result<Released, NotReleasable> {
    let entry = Entry { to, kind: "outcome.reported" };
    outcome.check().map_err(|why| entry.refused(why))?;
    entry.texts(outcome.text.iter().chain(&outcome.open_questions))?;
    entry.json(outcome)
}

/// `thanks.given`: words on behalf of a role.
pub fn thanks_given(to: &PartyName, thanks: &Thanks) -> Result<Released, NotReleasable> {
    let entry = Entry { to, kind: "thanks.given" };
    entry.filled("the role that thanks", &thanks.from_role)?;
    entry.texts(std::iter::once(&thanks.text).chain(&thanks.relay_to))?;
    entry.json(thanks)
}

/// `thanks.relayed`: received by a role; by whom else is not told.
pub fn thanks_relayed(to: &PartyName, relayed: &ThanksRelayed) -> Result<Released, NotReleasable> {
    let entry = Entry { to, kind: "thanks.relayed" };
    entry.filled("the role that received them", &relayed.received_by)?;
    entry.json(relayed)
}

/// `undertaking.declared`: a promise in words.
pub fn undertaking_declared(to: &PartyName, promise: &Undertaking) -> Result<Released, NotReleasable> {
    let entry = Entry { to, kind: "undertaking.declared" };
    entry.texts(std::iter::once(&promise.text).chain(promise.protected.iter().map(|(_, whom)| whom)))?;
    entry.json(promise)
}

/// `undertaking.accepted`: a role has taken note.
pub fn undertaking_accepted(
    to: &PartyName,
    accepted: &UndertakingAccepted,
) -> Result<Released, NotReleasable> {
    let entry = Entry { to, kind: "undertaking.accepted" };
    entry.filled("the role", &accepted.role)?;
    entry.json(accepted)
}

/// `warning.cancelled`: we say that it is over.
pub fn warning_cancelled(to: &PartyName, change: &StandingChange) -> Result<Released, NotReleasable> {
    let entry = Entry { to, kind: "warning.cancelled" };
    entry.texts(change.note.iter())?;
    entry.json(change)
}

/// `warning.lapsed`: we no longer say so.
pub fn warning_lapsed(to: &PartyName, change: &StandingChange) -> Result<Released, NotReleasable> {
    let entry = Entry { to, kind: "warning.lapsed" };
    entry.texts(change.note.iter())?;
    entry.json(change)
}

/// `warning.recalled`: a warning, named by its place in this log with the content-free facts that the folds need.
pub fn warning_recalled(to: &PartyName, recall: &Recall) -> Result<Released, NotReleasable> {
    let entry = Entry { to, kind: "warning.recalled" };
    if !matches!(recall.kind.as_str(), "warning.released" | "warning.updated") {
        return Err(entry.refused(format!("{:?} is not an entry that can be recalled", recall.kind)));
    }
    entry.json(recall)
}

/// `recall.confirmed`: a role, never a person, says that the copy here is erased.
pub fn recall_confirmed(to: &PartyName, said: &RecallConfirmed) -> Result<Released, NotReleasable> {
    let entry = Entry { to, kind: "recall.confirmed" };
    entry.filled("the role", &said.role)?;
    entry.json(said)
}

/// `recall.contested`: a role says that the copy here is kept, and why.
pub fn recall_contested(to: &PartyName, said: &RecallContested) -> Result<Released, NotReleasable> {
    let entry = Entry { to, kind: "recall.contested" };
    entry.filled("the role", &said.role)?;
    entry.texts(said.text.iter())?;
    entry.json(said)
}

/// The entry that is being made.
struct Entry<'a> {
    to: &'a PartyName,
    kind: &'static str,
}

impl Entry<'_> {
    fn refused(&self, why: impl ToString) -> NotReleasable {
        NotReleasable::Refused { to: self.to.clone(), kind: self.kind, why: why.to_string() }
    }

    fn digest(&self, text: &str) -> Result<Digest, NotReleasable> {
        text.parse().map_err(|e| self.refused(e))
    }

    fn filled(&self, what: &str, text: &str) -> Result<(), NotReleasable> {
        if text.trim().is_empty() {
            return Err(self.refused(format!("{what} is empty")));
        }
        self.short(text)
    }

    fn texts<'t>(&self, texts: impl Iterator<Item = &'t String>) -> Result<(), NotReleasable> {
        texts.into_iter().try_for_each(|text| self.filled("a text", text))
    }

    fn short(&self, text: &str) -> Result<(), NotReleasable> {
        let chars = text.chars().count();
        if chars > TEXT_CHARS_MAX {
            return Err(
                self.refused(format!("a text has {chars} characters; at most {TEXT_CHARS_MAX} are sent"))
            );
        }
        Ok(())
    }

    fn json(&self, body: &impl Serialize) -> Result<Released, NotReleasable> {
        let json = Json::of(body).map_err(|e| self.refused(e))?;
        self.released(json.bytes())
    }

    fn released(&self, bytes: Vec<u8>) -> Result<Released, NotReleasable> {
        if bytes.len() > BODY_BYTES_MAX {
            return Err(self.refused(format!(
                "the body has {} bytes; an entry holds at most {BODY_BYTES_MAX}",
                bytes.len()
            )));
        }
        Ok(Released::judged(self.to, self.kind, JSON, bytes))
    }
}
