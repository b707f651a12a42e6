//! What waits for a second person: releases and acts on accounts.

use api::input;
use clap::Args;

use super::desk::{Desk, Shown};
use super::failure::Failure;
use super::show::{people, preview};

/// List what waits for a second person, or read one proposal whole
#[derive(Debug, Args)]
#[command(after_help = eg!("forewarn pending p-0190f3c2-…", "a session; what is shown depends on your roles."))]
pub(crate) struct Pending {
    /// A proposal (p-…): what each recipient would get, with the digest to approve
    proposal: Option<String>,
}

impl Pending {
    pub(crate) fn run(self, desk: &Desk) -> Result<Shown, Failure> {
        match self.proposal {
            None => desk.show("/v1/pending/list", &input::Nothing {}, people::pending),
            Some(proposal) => {
                desk.show("/v1/proposal/show", &input::ProposalShow { proposal }, preview::preview)
            }
        }
    }
}

/// Approve what another person proposed: a release or an account
#[derive(Debug, Args)]
#[command(after_help = eg!(
    "forewarn approve p-0190f3c2-… --digest 9f86d081…",
    "role release; for q-… role operator or release. Never the person who proposed it."
))]
pub(crate) struct Approve {
    /// Its id
    id: String,
    /// The digest of what you have read
    #[arg(long)]
    digest: String,
}

impl Approve {
    pub(crate) fn run(self, desk: &Desk) -> Result<Shown, Failure> {
        let digest = self.digest.clone();
        let input = input::Approve { id: self.id, digest: self.digest };
        desk.show("/v1/approve", &input, |said, look| people::approved(said, &digest, look))
    }
}

/// Refuse what another person proposed
#[derive(Debug, Args)]
#[command(after_help = eg!(
    "forewarn refuse p-0190f3c2-… --reason \"the place is too exact\"",
    "role release; for q-… role operator or release."
))]
pub(crate) struct Refuse {
    /// Its id
    id: String,
    /// Why; it stays in this node
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
}

impl Refuse {
    pub(crate) fn run(self, desk: &Desk) -> Result<Shown, Failure> {
        let input = input::Refuse { id: self.id, reason: self.reason };
        desk.done("/v1/refuse", &input, "Refused. Nothing leaves; a warning goes back to be graded.\n")
    }
}
