//! Channels: the logs with partners, and how one goes on in another.

use api::input::{Nothing, OneChannel, Succeed};
use clap::{Args, Subcommand};

use super::desk::{Desk, Shown};
use super::failure::Failure;
use super::show::channels;

/// See the logs with partners; let one go on in a successor
#[derive(Debug, Args)]
pub(crate) struct Channel {
    #[command(subcommand)]
    act: ChannelAct,
}

#[derive(Debug, Subcommand)]
enum ChannelAct {
    /// List every log, with its keys and successors, and what waits for an officer
    #[command(after_help = eg!("forewarn channel list", "a session."))]
    List,
    /// Let our log to a partner go on in a new one
    #[command(after_help = eg!(
        "forewarn channel succeed service-b --reason \"the partner froze the log; both duty desks agree\"",
        "role liaison or release. The old log ends in order if the partner still takes its end; what no receipt covers is sent anew."
    ))]
    Succeed {
        /// The partner
        partner: String,
        /// Why; it stays in this node, for those who read the trail
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// The log of exercises
        #[arg(long)]
        exercise: bool,
        /// Go on from the newest receipt now, without waiting for the old log to end
        #[arg(long)]
        at_once: bool,
    },
    /// Take the new log that a partner proposed, with what it leaves behind
    #[command(after_help = eg!(
        "forewarn channel accept service-a",
        "role liaison or release; a call with the partner's duty desk. `forewarn channel list` shows what would count no longer."
    ))]
    Accept {
        /// The partner
        partner: String,
        /// The log of exercises
        #[arg(long)]
        exercise: bool,
    },
    /// Ask a partner for the proof that ends the freeze of its log
    #[command(after_help = eg!(
        "forewarn channel unfreeze service-b",
        "role liaison or release; a call with the partner's duty desk. Its node is asked once; only a proof that holds ends the freeze."
    ))]
    Unfreeze {
        /// The partner
        partner: String,
        /// The log of exercises
        #[arg(long)]
        exercise: bool,
    },
    /// Refuse the new log that a partner proposed; what is held here stays as it is
    #[command(after_help = eg!(
        "forewarn channel refuse service-a",
        "role liaison or release; a call with the partner's duty desk. It can be taken later with `forewarn channel accept`."
    ))]
    Refuse {
        /// The partner
        partner: String,
        /// The log of exercises
        #[arg(long)]
        exercise: bool,
    },
}

impl Channel {
    pub(crate) fn run(self, desk: &Desk) -> Result<Shown, Failure> {
        match self.act {
            ChannelAct::List => desk.show("/v1/channel/list", &Nothing {}, channels::list),
            ChannelAct::Succeed { partner, reason, exercise, at_once } => {
                let partner = desk.partner(&partner)?;
                let input = Succeed { partner, reason, exercise, at_once };
                desk.show("/v1/channel/succeed", &input, channels::succeeding)
            }
            ChannelAct::Accept { partner, exercise } => {
                let input = OneChannel { partner: desk.partner(&partner)?, exercise };
                desk.show("/v1/channel/accept", &input, channels::accepted)
            }
            ChannelAct::Unfreeze { partner, exercise } => {
                let input = OneChannel { partner: desk.partner(&partner)?, exercise };
                desk.show("/v1/channel/unfreeze", &input, channels::asked_for_proof)
            }
            ChannelAct::Refuse { partner, exercise } => {
                let input = OneChannel { partner: desk.partner(&partner)?, exercise };
                desk.show("/v1/channel/refuse", &input, channels::refused)
            }
        }
    }
}
