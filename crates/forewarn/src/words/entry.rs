//! One entry of a log, and what the desk does about it.

use api::input;
use clap::Args;
use model::vocab::Disposition;

use super::desk::{Desk, Shown};
use super::failure::Failure;
use super::show::entry;

/// Show one entry: what it says, its receipt, what to do next
#[derive(Debug, Args)]
#[command(after_help = eg!("forewarn show 1a2b3c4d/7 --why \"assigned to the case\"", "role desk, release, liaison or oversight."))]
pub(crate) struct Show {
    /// The entry, as lists name it
    entry: String,
    /// Why you read it; needed where it names persons, and kept in the audit trail
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
}

impl Show {
    pub(crate) fn run(self, desk: &Desk) -> Result<Shown, Failure> {
        desk.show("/v1/entry/show", &input::EntryShow { entry: self.entry, why: self.why }, entry::entry)
    }
}

/// Tell the giver that the duty officer has read it
#[derive(Debug, Args)]
#[command(after_help = eg!("forewarn read 1a2b3c4d/7", "role desk, release or liaison."))]
pub(crate) struct Read {
    /// The warning that came in
    entry: String,
}

impl Read {
    pub(crate) fn run(self, desk: &Desk) -> Result<Shown, Failure> {
        let next = format!(
            "Its giver is told that the duty officer has read it.\n\nNext\n  forewarn dispose {} accepted\n",
            safe(&self.entry)
        );
        desk.done("/v1/release/read", &input::EntryOnly { entry: self.entry }, &next)
    }
}

/// Tell the giver what was decided; this stops the clock
#[derive(Debug, Args)]
#[command(after_help = eg!(
    "forewarn dispose 1a2b3c4d/7 needs_more --text \"which district?\"",
    "role desk or release."
))]
pub(crate) struct Dispose {
    /// The warning that came in
    entry: String,
    /// The decision
    #[arg(value_parser = word!(Disposition))]
    disposition: Disposition,
    /// A word to the giver; it is sent as you write it
    #[arg(long)]
    text: Option<String>,
}

impl Dispose {
    pub(crate) fn run(self, desk: &Desk) -> Result<Shown, Failure> {
        let entry = safe(&self.entry);
        let text = format!(
            "Its giver is told: {}.\n\nNext\n  \
             forewarn act {entry} --kind KIND --text \"what is done about it\"   (stays here)\n  \
             forewarn outcome template > outcome.json; forewarn outcome report {entry} outcome.json\n",
            self.disposition.plain()
        );
        let input = input::Dispose { entry: self.entry, disposition: self.disposition, text: self.text };
        desk.done("/v1/release/dispose", &input, &text)
    }
}

/// Record what was done about a warning; it stays in this node
#[derive(Debug, Args)]
#[command(after_help = eg!("forewarn act 1a2b3c4d/7 --kind protection --text \"guard at the station\"", "role desk or release."))]
pub(crate) struct Act {
    /// The warning that came in
    entry: String,
    /// What kind of action, e.g. raid or protection
    #[arg(long)]
    kind: String,
    /// What was done
    #[arg(long)]
    text: String,
}

impl Act {
    pub(crate) fn run(self, desk: &Desk) -> Result<Shown, Failure> {
        let input = input::Action { entry: self.entry, kind: self.kind, text: self.text };
        desk.show("/v1/action/record", &input, |said, _| {
            let number = said.at("action").line();
            format!("Recorded as action {number}; the giver does not see it.\n\nWhen it ends\n  forewarn stand-down {number}\n")
        })
    }
}

/// Record that the measures of an action have ended
#[derive(Debug, Args)]
#[command(after_help = eg!("forewarn stand-down 3", "role desk or release."))]
pub(crate) struct StandDown {
    /// The number of the action
    #[arg(value_name = "N")]
    action: i64,
}

impl StandDown {
    pub(crate) fn run(self, desk: &Desk) -> Result<Shown, Failure> {
        desk.done("/v1/action/stand-down", &input::StandDown { action: self.action }, "Stood down.\n")
    }
}

fn safe(entry: &str) -> String {
    model::plain::plain_line(entry)
}
