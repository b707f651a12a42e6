//! What came in, what went out, what waits to go.

use api::input::Nothing;
use clap::Args;

use super::desk::{Desk, Shown};
use super::failure::Failure;
use super::show::inbox;

/// List what partners gave us, overdue first
#[derive(Debug, Args)]
#[command(after_help = eg!("forewarn inbox", "role desk, release, liaison or oversight."))]
pub(crate) struct Inbox {}

impl Inbox {
    pub(crate) fn run(self, desk: &Desk) -> Result<Shown, Failure> {
        desk.show("/v1/inbox", &Nothing {}, inbox::incoming)
    }
}

/// List what we gave partners, and what they did about it
#[derive(Debug, Args)]
#[command(after_help = eg!("forewarn sent", "role desk, release, liaison or oversight."))]
pub(crate) struct Sent {}

impl Sent {
    pub(crate) fn run(self, desk: &Desk) -> Result<Shown, Failure> {
        desk.show("/v1/sent", &Nothing {}, inbox::outgoing)
    }
}

/// List what was decided and has not left
#[derive(Debug, Args)]
#[command(after_help = eg!("forewarn outbox", "a session."))]
pub(crate) struct Outbox {}

impl Outbox {
    pub(crate) fn run(self, desk: &Desk) -> Result<Shown, Failure> {
        desk.show("/v1/outbox", &Nothing {}, inbox::waiting)
    }
}
