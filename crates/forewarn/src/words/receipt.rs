//! The receipt of an entry: whether there is one, and the folder that shows it to anybody.

use std::path::PathBuf;

use api::input::{EntryOnly, EntryShow};
use clap::{Args, Subcommand};

use super::desk::{Desk, Shown};
use super::failure::Failure;
use super::new_folder;
use super::show::proof;

/// Show whether an entry is receipted; export it for a third person
#[derive(Debug, Args)]
pub(crate) struct Receipt {
    #[command(subcommand)]
    act: ReceiptAct,
}

#[derive(Debug, Subcommand)]
enum ReceiptAct {
    /// Say whether an entry is receipted, and by whose clock
    #[command(after_help = eg!("forewarn receipt show 1a2b3c4d/7", "role desk, release, liaison or oversight."))]
    Show {
        /// The entry, as lists name it
        entry: String,
    },
    /// Write the folder with which anybody can verify who wrote an entry and who held it
    #[command(after_help = eg!(
        "forewarn receipt export 1a2b3c4d/7 --to receipt-7 --why \"asked for by the oversight body\"",
        "role desk, release, liaison or oversight. The audit trail keeps who exported what."
    ))]
    Export {
        /// The entry, as lists name it
        entry: String,
        /// The folder to be made; one that is there must be empty
        #[arg(long, value_name = "DIR")]
        to: PathBuf,
        /// Why; needed where the entry names persons, and kept in the audit trail
        #[arg(long, value_name = "TEXT")]
        why: Option<String>,
    },
}

impl Receipt {
    pub(crate) fn run(self, desk: &Desk) -> Result<Shown, Failure> {
        match self.act {
            ReceiptAct::Show { entry } => {
                desk.show("/v1/receipt/show", &EntryOnly { entry }, proof::receipt_standing)
            }
            ReceiptAct::Export { entry, to, why } => new_folder::asked(
                desk,
                &to,
                "/v1/receipt/export",
                &EntryShow { entry, why },
                proof::receipt_exported,
            ),
        }
    }
}
