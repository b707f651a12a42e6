//! The ledger with a partner, equal on both sides at equal heads.

use api::input::With;
use clap::Args;

use super::desk::{Desk, Shown};
use super::failure::Failure;
use super::show::ledger;

/// Show what passed each way, counted from the two logs alone
#[derive(Debug, Args)]
#[command(after_help = eg!(
    "forewarn ledger --with service-b",
    "role liaison, release, desk or oversight. At equal heads both sides print the same."
))]
pub(crate) struct Ledger {
    /// The partner
    #[arg(long, value_name = "PARTNER")]
    with: String,
}

impl Ledger {
    pub(crate) fn run(self, desk: &Desk) -> Result<Shown, Failure> {
        let with = desk.partner(&self.with)?;
        desk.show("/v1/ledger", &With { with }, ledger::ledger)
    }
}
