//! Releasing what was previewed and approved; reviewing what one person released alone.

use api::input;
use clap::Args;

use super::desk::{Desk, Shown};
use super::failure::Failure;
use super::show::warning as shown;

/// Release an approved proposal, byte for byte as previewed
#[derive(Debug, Args)]
#[command(after_help = eg!(
    "forewarn release p-0190f3c2-… --digest 9f86d081…",
    "role release, and another person's approval; with --imminent-danger one person, and a review afterwards."
))]
pub(crate) struct Release {
    /// The proposal
    proposal: String,
    /// Its digest
    #[arg(long)]
    digest: String,
    /// Release it alone, to save life; a second person reviews it afterwards
    #[arg(long, requires = "basis")]
    imminent_danger: bool,
    /// What is imminent; the reviewer reads it
    #[arg(long, value_name = "TEXT", requires = "imminent_danger")]
    basis: Option<String>,
}

impl Release {
    pub(crate) fn run(self, desk: &Desk) -> Result<Shown, Failure> {
        let imminent_danger = self.basis.filter(|_| self.imminent_danger);
        let input = input::Release { proposal: self.proposal, digest: self.digest, imminent_danger };
        desk.show("/v1/release", &input, shown::released)
    }
}

/// Review what one person released alone to save life
#[derive(Debug, Args)]
#[command(after_help = eg!(
    "forewarn review p-0190f3c2-… --verdict \"right, and in time\"",
    "role release or oversight; never the person who released it."
))]
pub(crate) struct Review {
    /// The proposal that was released
    proposal: String,
    /// What you find
    #[arg(long, value_name = "TEXT")]
    verdict: String,
}

impl Review {
    pub(crate) fn run(self, desk: &Desk) -> Result<Shown, Failure> {
        let input = input::Review { proposal: self.proposal, verdict: self.verdict };
        desk.done("/v1/review", &input, "Reviewed. Its clock has stopped.\n")
    }
}
