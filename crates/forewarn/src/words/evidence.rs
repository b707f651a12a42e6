//! What was signed and cannot be true: what is kept of it, and the folder that proves it to others.

use std::path::PathBuf;

use api::input::{EvidenceExport, Nothing};
use clap::{Args, Subcommand};

use super::desk::{Desk, Shown};
use super::failure::Failure;
use super::new_folder;
use super::show::proof;

/// List what was signed and cannot be true; export the proof of it
#[derive(Debug, Args)]
pub(crate) struct Evidence {
    #[command(subcommand)]
    act: EvidenceAct,
}

#[derive(Debug, Subcommand)]
enum EvidenceAct {
    /// List what is kept, whether it proves anything, and what to do
    #[command(after_help = eg!("forewarn evidence list", "a session."))]
    List,
    /// Write the folder with which anybody can verify that two signatures contradict each other
    #[command(after_help = eg!(
        "forewarn evidence export 3 --to evidence-3",
        "role release, liaison or oversight. Where nothing is proven, --raw writes what was kept as it came."
    ))]
    Export {
        /// Its number, as the list shows it
        #[arg(value_name = "N")]
        id: i64,
        /// The folder to be made; one that is there must be empty
        #[arg(long, value_name = "DIR")]
        to: PathBuf,
        /// Write the note and the parcel as they came, and a text that says what they are
        #[arg(long)]
        raw: bool,
        /// Why; needed with --raw where a parcel was kept, since it may name persons, and kept in the audit trail
        #[arg(long, value_name = "TEXT", requires = "raw")]
        why: Option<String>,
    },
}

impl Evidence {
    pub(crate) fn run(self, desk: &Desk) -> Result<Shown, Failure> {
        match self.act {
            EvidenceAct::List => desk.show("/v1/evidence/list", &Nothing {}, proof::evidence_list),
            EvidenceAct::Export { id, to, raw, why } => {
                let input = EvidenceExport { id, raw, why };
                new_folder::asked(desk, &to, "/v1/evidence/export", &input, proof::evidence_exported)
            }
        }
    }
}
