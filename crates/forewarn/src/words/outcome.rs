//! What came of a warning, and thanks.

use std::path::{Path, PathBuf};

use api::input::{OutcomeReport, ThanksGive, ThanksRelay};
use clap::{Args, Subcommand};
use model::body::{self, Outcome as Reported};

use super::agreement::template;
use super::desk::{Desk, Shown};
use super::failure::Failure;
use super::reading;

/// A commented example of an outcome, ready to be edited.
const TEMPLATE: &str = r#"{
  // What came of a warning. What you leave out is not said; it is never read as zero.
  // pending, ongoing, occurred, not_occurred or undetermined
  "event": "not_occurred",
  // blocked, confirmed, failed_attempt, false_positive or suspected
  "determination": "blocked",
  // how far the warning helped: none, some, decisive or unknown
  "contribution": "decisive",
  // your grade of the warning: no_value, low, medium or high
  "usefulness": "high",
  "text": "Helped to locate and detain. No lives were lost.",
  // Each number with who counted; zero is said as zero. basis: exact, estimate or at_least
  "counts": [
    { "measure": "lives_lost", "value": 0, "basis": "exact", "counter": "service-b.example" }
  ],
  // The groups sum up to the number declared; those whose status you do not know are "unknown".
  "subjects": {
    "declared": 7,
    "counter": "service-b.example",
    "groups": [
      { "status": "remanded", "number": 5, "as_of": "2026-12-17", "asserted_by": "Court B" },
      { "status": "unknown", "number": 2 }
    ]
  },
  "open_questions": ["How two of the seven stand"]
  // For an outcome that answers no warning: "unsolicited": true and its "domain"; `--to` sets the first.
}
"#;

/// Report to its giver what came of a warning
#[derive(Debug, Args)]
pub(crate) struct Outcome {
    #[command(subcommand)]
    act: OutcomeAct,
}

#[derive(Debug, Subcommand)]
enum OutcomeAct {
    /// Print a commented example of an outcome
    #[command(after_help = eg!("forewarn outcome template > outcome.json", "nothing."))]
    Template,
    /// Report what came of a warning to its giver
    #[command(
        allow_missing_positional = true,
        after_help = eg!(
            "forewarn outcome report 1a2b3c4d/7 outcome.json",
            "role desk or release. With --to instead of ENTRY it answers no warning and must name its domain."
        )
    )]
    Report {
        /// The warning that it answers
        #[arg(required_unless_present = "to", conflicts_with = "to")]
        entry: Option<String>,
        /// The outcome (- for standard input)
        #[arg(required = true)]
        file: PathBuf,
        /// The partner, for an outcome that answers no warning
        #[arg(long, value_name = "PARTNER")]
        to: Option<String>,
    },
}

impl Outcome {
    pub(crate) fn run(self, desk: &Desk) -> Result<Shown, Failure> {
        match self.act {
            OutcomeAct::Template => Ok(template(TEMPLATE)),
            OutcomeAct::Report { entry, file, to } => {
                let mut outcome = read(&reading::text(&file)?, &file)?;
                let to = desk.partner_if(to.as_deref())?;
                outcome.unsolicited |= to.is_some();
                let outcome = checked(outcome, &file)?;
                let text = "Reported. It goes to the giver as you wrote it; what you left out is not said.\n";
                desk.done("/v1/outcome/report", &OutcomeReport { entry, to, outcome }, text)
            }
        }
    }
}

fn read(text: &str, file: &Path) -> Result<Reported, Failure> {
    body::read(model::file::without_comments(text).as_bytes()).map_err(|why| bad(file, why))
}

fn checked(outcome: Reported, file: &Path) -> Result<Reported, Failure> {
    outcome.check().map_err(|why| bad(file, why))?;
    Ok(outcome)
}

fn bad(file: &Path, why: String) -> Failure {
    Failure::yours("bad_outcome", format!("{} is no outcome", file.display()))
        .detail(why)
        .hint("`forewarn outcome template` prints a commented example")
}

/// Thank a partner, for a warning or for anything
#[derive(Debug, Args)]
#[command(after_help = eg!(
    "forewarn thank 1a2b3c4d/7 --text \"It saved lives.\" --from-role \"head of service\" --relay-to \"head of service\"",
    "role liaison, release or desk."
))]
pub(crate) struct Thank {
    /// The warning that they are for
    #[arg(required_unless_present = "to", conflicts_with = "to")]
    entry: Option<String>,
    /// The partner, if they are for no warning
    #[arg(long, value_name = "PARTNER")]
    to: Option<String>,
    /// The words; they are sent as you write them
    #[arg(long)]
    text: String,
    /// On whose behalf, by role
    #[arg(long, value_name = "ROLE")]
    from_role: String,
    /// To which role they are to be passed on
    #[arg(long, value_name = "ROLE")]
    relay_to: Option<String>,
}

impl Thank {
    pub(crate) fn run(self, desk: &Desk) -> Result<Shown, Failure> {
        let to = desk.partner_if(self.to.as_deref())?;
        let input = ThanksGive {
            entry: self.entry,
            to,
            text: self.text,
            from_role: self.from_role,
            relay_to: self.relay_to,
        };
        desk.done("/v1/thanks/give", &input, "The thanks are on their way.\n")
    }
}

/// Confirm that thanks were passed on, naming a role alone
#[derive(Debug, Args)]
#[command(after_help = eg!("forewarn relay 1a2b3c4d/9 --received-by \"head of service\"", "role liaison or release."))]
pub(crate) struct Relay {
    /// The entry with the thanks
    entry: String,
    /// The role that received them
    #[arg(long, value_name = "ROLE")]
    received_by: String,
}

impl Relay {
    pub(crate) fn run(self, desk: &Desk) -> Result<Shown, Failure> {
        let input = ThanksRelay { entry: self.entry, received_by: self.received_by };
        desk.done("/v1/thanks/relay", &input, "The partner is told that the thanks were passed on.\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_is_an_outcome_that_can_be_reported() {
        let file = Path::new("outcome.json");
        let outcome = read(TEMPLATE, file).and_then(|outcome| checked(outcome, file)).unwrap();
        assert_eq!(outcome.counts.first().map(|c| c.value), Some(0));
        assert!(!outcome.unsolicited);
    }

    #[test]
    fn an_outcome_that_does_not_sum_up_is_refused_with_the_place() {
        let wrong = TEMPLATE.replace("\"declared\": 7", "\"declared\": 8");
        let file = Path::new("outcome.json");
        let refused = read(&wrong, file).and_then(|outcome| checked(outcome, file)).unwrap_err();
        assert!(refused.detail.unwrap().contains("8 are declared"));
        let misspelt = TEMPLATE.replace("\"usefulness\"", "\"usefullness\"");
        assert!(read(&misspelt, file).unwrap_err().detail.unwrap().contains("line"));
    }
}
