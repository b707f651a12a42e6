//! Going on from a copy of the data.

use api::input::{RecoverBegin, RecoverTrust};
use clap::{Args, Subcommand};

use super::desk::{Desk, Shown};
use super::failure::Failure;

/// Take back from partners what an old copy of the data lacks
#[derive(Debug, Args)]
pub(crate) struct Recover {
    #[command(subcommand)]
    act: RecoverAct,
}

#[derive(Debug, Subcommand)]
enum RecoverAct {
    /// Say that this node runs on an old copy of its data, where it has not noticed by itself
    ///
    /// Nothing is signed for any partner until it is settled what this node had signed before. First make sure that no
    /// second copy of the node is running.
    #[command(after_help = eg!("forewarn recover begin --why \"the disk was set back to Monday's image\"", "role operator."))]
    Begin {
        /// What happened, for the audit trail
        #[arg(long, value_name = "TEXT")]
        why: String,
    },
    /// Take a partner's word for what this node had signed, where its own high-water mark is lost
    ///
    /// A partner that lies could later show two signatures of this node that contradict each other. A successor of the
    /// channel has no such risk.
    #[command(after_help = eg!("forewarn recover trust service-b.example", "role operator."))]
    Trust {
        /// The partner
        partner: String,
    },
}

impl Recover {
    pub(crate) fn run(self, desk: &Desk) -> Result<Shown, Failure> {
        match self.act {
            RecoverAct::Begin { why } => desk.done(
                "/v1/recover/begin",
                &RecoverBegin { why },
                "The node asks its partners for what it has lost. `forewarn status` says how far it is.\n",
            ),
            RecoverAct::Trust { partner } => desk.done(
                "/v1/recover/trust",
                &RecoverTrust { partner },
                "Its word is taken. The channels go on once they have caught up.\n",
            ),
        }
    }
}
