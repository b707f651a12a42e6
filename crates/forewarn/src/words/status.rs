//! How the node is, and its clock.

use api::input::Nothing;
use clap::{Args, Subcommand};

use super::desk::{Desk, Shown};
use super::failure::Failure;
use super::show::status;

/// Show what is due, what waits, and whom to call
#[derive(Debug, Args)]
#[command(after_help = eg!("forewarn status", "a session."))]
pub(crate) struct Status {}

impl Status {
    pub(crate) fn run(self, desk: &Desk) -> Result<Shown, Failure> {
        desk.show("/v1/status", &Nothing {}, status::status)
    }
}

/// Confirm the clock after it has jumped; nothing expires before
#[derive(Debug, Args)]
pub(crate) struct Clock {
    #[command(subcommand)]
    act: ClockAct,
}

#[derive(Debug, Subcommand)]
enum ClockAct {
    /// Say that the clock of this machine is right
    #[command(after_help = eg!("forewarn clock confirm", "role operator, who has compared it with another clock."))]
    Confirm,
}

impl Clock {
    pub(crate) fn run(self, desk: &Desk) -> Result<Shown, Failure> {
        let ClockAct::Confirm = self.act;
        desk.done("/v1/clock/confirm", &Nothing {}, "The clock is confirmed.\n")
    }
}
