//! The answers to a recall.

use api::input;
use clap::{Args, Subcommand};
use model::plain::plain_line;
use model::vocab::ContestReason;

use super::desk::{Desk, Shown};
use super::failure::Failure;

/// Answer a recall: erase what is asked back, or keep it and say why
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct Recall {
    #[command(subcommand)]
    act: RecallAct,
}

#[derive(Debug, Subcommand)]
enum RecallAct {
    /// Erase the text here and tell its giver so; this cannot be undone
    #[command(after_help = eg!("forewarn recall confirm 1a2b3c4d/7", "role desk or release."))]
    Confirm {
        /// The recalled warning, as the inbox names it
        entry: String,
    },
    /// Keep it, and tell its giver why
    #[command(after_help = eg!(
        "forewarn recall contest 1a2b3c4d/7 --reason legal_proceedings --text \"a court has ordered it kept\"",
        "role desk or release."
    ))]
    Contest {
        /// The recalled warning, as the inbox names it
        entry: String,
        /// Why it is kept
        #[arg(long, value_parser = word!(ContestReason))]
        reason: ContestReason,
        /// A word to the giver; it is sent as you write it
        #[arg(long)]
        text: Option<String>,
    },
}

impl Recall {
    pub(crate) fn run(self, desk: &Desk) -> Result<Shown, Failure> {
        match self.act {
            RecallAct::Confirm { entry } => {
                let text = format!(
                    "The text of {0} is erased here, with its key; its giver is told so.\n\
                     Its kind, its times, its receipt and what this desk did about it stay: `forewarn show {0}`.\n\n\
                     Not reached by this: what was exported, printed or noted elsewhere, and backups made before.\n",
                    plain_line(&entry)
                );
                desk.done("/v1/recall/confirm", &input::EntryOnly { entry }, &text)
            }
            RecallAct::Contest { entry, reason, text } => {
                let shown = format!(
                    "{0} is kept; its giver is told why: {1}.\n\nOnce the reason has gone\n  forewarn recall confirm {0}\n",
                    plain_line(&entry),
                    reason.plain()
                );
                desk.done("/v1/recall/contest", &input::Contest { entry, reason, text }, &shown)
            }
        }
    }
}
