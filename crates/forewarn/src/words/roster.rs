//! The duty roster: whom an overdue alarm names.

use api::input::{self, Nothing};
use clap::{Args, Subcommand};

use super::desk::{Desk, Shown};
use super::failure::Failure;
use super::show::people;

/// Say whom an overdue alarm names
#[derive(Debug, Args)]
pub(crate) struct Roster {
    #[command(subcommand)]
    act: RosterAct,
}

#[derive(Debug, Subcommand)]
enum RosterAct {
    /// Write the whole roster, whom to call first in front
    #[command(after_help = eg!(
        "forewarn roster set --line \"Duty desk=+00 000\" --line \"Head of duty=+00 001\"",
        "role operator, release or liaison."
    ))]
    Set {
        /// A line: who, and how to reach them by voice
        #[arg(long = "line", value_name = "NAME=PHONE", required = true, value_parser = line)]
        lines: Vec<input::RosterLine>,
    },
    /// Show whom an overdue alarm names, in their order
    #[command(after_help = eg!("forewarn roster show", "a session."))]
    Show,
}

fn line(text: &str) -> Result<input::RosterLine, String> {
    match text.split_once('=') {
        Some((name, phone)) if !name.trim().is_empty() && !phone.trim().is_empty() => {
            Ok(input::RosterLine { name: name.trim().to_owned(), phone: phone.trim().to_owned() })
        }
        _ => Err("write it like \"Duty desk=+00 000\"".to_owned()),
    }
}

impl Roster {
    pub(crate) fn run(self, desk: &Desk) -> Result<Shown, Failure> {
        match self.act {
            RosterAct::Set { lines } => {
                desk.done("/v1/roster/set", &input::Roster { lines }, "The roster is written.\n")
            }
            RosterAct::Show => desk.show("/v1/roster/show", &Nothing {}, people::roster),
        }
    }
}
