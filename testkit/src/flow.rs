//! A release from writing to the outbox in one call, and its steps.

use exchange::duty::Findings;
use exchange::preview::{OverrideWords, Request, Stated};
use exchange::view::preview::{ColumnView, PreviewView};
use model::file::WarningFile;
use model::id::{Digest, ProposalId, WarningId};

use crate::house::TestHouse;
use crate::words::recipients;

/// Credible, specific and impending.
const ALL_FOUND: Findings = Findings { credible: true, specific: true, impending: true };

/// A proposal that waits for its second person.
#[derive(Debug, Clone)]
pub struct Proposal {
    /// The warning.
    pub warning: WarningId,
    /// The proposal.
    pub id: ProposalId,
    /// What the approver names.
    pub digest: Digest,
    /// The preview as the author saw it.
    pub view: PreviewView,
}

impl Proposal {
    /// The column of a recipient.
    pub fn column(&self, party: &str) -> &ColumnView {
        column(&self.view, party)
    }

    /// The exact text that a recipient would get.
    pub fn text(&self, party: &str) -> &str {
        self.column(party).text.as_deref().expect("nothing would go")
    }

    /// What a recipient would get of a field, in words; nothing for silence.
    pub fn granted(&self, party: &str, field: &str) -> Option<&str> {
        granted(&self.view, party, field)
    }
}

/// A warning that is in the outbox.
#[derive(Debug, Clone)]
pub struct Sent {
    /// The warning.
    pub warning: WarningId,
    /// What was approved.
    pub proposal: Proposal,
}

pub(crate) fn column<'a>(view: &'a PreviewView, party: &str) -> &'a ColumnView {
    view.columns.iter().find(|c| c.party == party).unwrap_or_else(|| panic!("{party} has no column"))
}

pub(crate) fn granted<'a>(view: &'a PreviewView, party: &str, field: &str) -> Option<&'a str> {
    let cell = column(view, party).cells.iter().find(|c| c.field == field)?;
    cell.granted.as_deref()
}

/// A release, step by step. Desk1 writes, assesses and previews; release1 approves; release2 releases.
impl TestHouse {
    /// desk1 writes a warning and finds that the duty arises, if it threatens life.
    pub fn written(&self, file: &WarningFile) -> WarningId {
        let wrote = self.write("desk1", file).unwrap();
        let warning = wrote.warning.parse().unwrap();
        self.assess("desk1", warning, ALL_FOUND).unwrap();
        warning
    }

    /// What recipients would get of a warning, looked at by desk1. Panics if nothing would go to anybody.
    pub fn proposed(&self, warning: WarningId, to: &[&str]) -> Proposal {
        self.proposed_with(warning, request(recipients(to)))
    }

    /// The same on the imminent-danger path.
    pub fn proposed_in_danger(&self, warning: WarningId, to: &[&str]) -> Proposal {
        self.proposed_with(warning, Request { imminent_danger: true, ..request(recipients(to)) })
    }

    /// A preview by desk1 with whatever is stated.
    pub fn proposed_with(&self, warning: WarningId, request: Request) -> Proposal {
        let view = self.preview("desk1", warning, request).unwrap();
        let why = || view.columns.iter().map(|c| (&c.party, &c.held, c.nothing_new)).collect::<Vec<_>>();
        let id = view.proposal.as_ref().unwrap_or_else(|| panic!("nothing would go: {:?}", why()));
        Proposal { warning, id: id.parse().unwrap(), digest: view.digest.parse().unwrap(), view }
    }

    /// A preview by desk1 that is not to become a release; also where nothing would go.
    pub fn looked_at(&self, warning: WarningId, request: Request) -> PreviewView {
        self.preview("desk1", warning, request).unwrap()
    }

    /// release1 approves what was proposed and release2 releases it.
    pub fn approved_and_released(&self, proposal: Proposal) -> Sent {
        self.approve("release1", &proposal).unwrap();
        self.release("release2", &proposal).unwrap();
        Sent { warning: proposal.warning, proposal }
    }

    /// From writing to the outbox in one call.
    pub fn warn(&self, file: &WarningFile, to: &[&str]) -> Sent {
        let warning = self.written(file);
        self.approved_and_released(self.proposed(warning, to))
    }

    /// The warning is written anew, and what it now says is released to the same or other recipients.
    pub fn update(&self, warning: WarningId, file: &WarningFile, to: &[&str]) -> Sent {
        self.rewrite("desk1", warning, file).unwrap();
        self.approved_and_released(self.proposed(warning, to))
    }

    /// As `warn`, where nothing may go perhaps: nothing then, and the warning stays with its desk.
    pub fn try_warn(&self, file: &WarningFile, to: &[&str]) -> Option<Sent> {
        let warning = self.written(file);
        self.try_release(warning, to)
    }

    /// Releases what a warning says now to these recipients, if anything may go and is new to them.
    pub fn try_release(&self, warning: WarningId, to: &[&str]) -> Option<Sent> {
        let view = self.preview("desk1", warning, request(recipients(to))).ok()?;
        let id = view.proposal.as_ref()?.parse().unwrap();
        let proposal = Proposal { warning, id, digest: view.digest.parse().unwrap(), view };
        self.approve("release1", &proposal).ok()?;
        self.release("release2", &proposal).ok()?;
        Some(Sent { warning, proposal })
    }

    /// release1 alone sends the bare threat, to save life.
    pub fn warn_in_danger(&self, file: &WarningFile, to: &[&str]) -> Sent {
        let warning = self.written(file);
        let proposal = self.proposed_in_danger(warning, to);
        self.release_alone("release1", &proposal).unwrap();
        Sent { warning, proposal }
    }
}

impl Sent {
    /// The proposal's id.
    pub fn id(&self) -> ProposalId {
        self.proposal.id
    }
}

pub(crate) fn request(recipients: Vec<Stated>) -> Request {
    Request { recipients, imminent_danger: false, overrides: Vec::<OverrideWords>::new() }
}
