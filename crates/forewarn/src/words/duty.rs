//! The duty to warn: assessed by the desk, waived by a named officer or kept by a release.

use clap::{Args, Subcommand};
use model::vocab::WaiverReason;

use super::desk::{Desk, Shown};
use super::failure::Failure;
use super::show::warning as shown;

/// Assess the duty to warn, or decide not to warn
#[derive(Debug, Args)]
pub(crate) struct Duty {
    #[command(subcommand)]
    act: DutyAct,
}

#[derive(Debug, Subcommand)]
enum DutyAct {
    /// Say what was found; the duty arises from a threat to life that is all three, and starts a clock
    #[command(after_help = eg!("forewarn duty assess w-0190f3c2-… --credible --specific --impending", "role desk or release."))]
    Assess {
        /// The warning
        warning: String,
        /// It can be believed
        #[arg(long)]
        credible: bool,
        /// It says enough to act upon
        #[arg(long)]
        specific: bool,
        /// It is about to happen
        #[arg(long)]
        impending: bool,
    },
    /// Decide not to warn, with a coded reason and the officer's words
    #[command(after_help = eg!(
        "forewarn duty waive w-0190f3c2-… --reason already_warned --text \"told by service-c.example today\"",
        "role release. Oversight reads it."
    ))]
    Waive {
        /// The warning
        warning: String,
        /// The coded reason
        #[arg(long, value_parser = word!(WaiverReason))]
        reason: WaiverReason,
        /// The officer's words
        #[arg(long)]
        text: String,
    },
}

impl Duty {
    pub(crate) fn run(self, desk: &Desk) -> Result<Shown, Failure> {
        match self.act {
            DutyAct::Assess { warning, credible, specific, impending } => {
                let about = warning.clone();
                let input = api::input::Assess { warning, credible, specific, impending };
                desk.show("/v1/duty/assess", &input, |said, look| shown::assessed(said, &about, look))
            }
            DutyAct::Waive { warning, reason, text } => {
                let done = "Waived. The decision stands in this node under your name; it re-opens when the warning is written anew.\n";
                desk.done("/v1/duty/waive", &api::input::Waive { warning, reason, text }, done)
            }
        }
    }
}
