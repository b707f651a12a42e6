//! Receiver risk assessments: without one in force a partner is told of no person.

use clap::{Args, Subcommand};
use jiff::civil::Date;
use model::vocab::Domain;

use super::desk::{Desk, Shown};
use super::failure::Failure;

/// Assess whether a partner may be told of persons
#[derive(Debug, Args)]
pub(crate) struct Risk {
    #[command(subcommand)]
    act: RiskAct,
}

#[derive(Debug, Subcommand)]
enum RiskAct {
    /// Record that a partner may be told of persons in a domain, and on what that rests
    #[command(after_help = eg!(
        "forewarn risk assess --of service-b --domain counter_terrorism --basis \"visit in May\" --review 2027-06-01",
        "role release; a confirmed partner. The assessment stays in this node."
    ))]
    Assess {
        /// The partner
        #[arg(long, value_name = "PARTNER")]
        of: String,
        /// The domain
        #[arg(long, value_parser = word!(Domain))]
        domain: Domain,
        /// On what it rests
        #[arg(long, value_name = "TEXT")]
        basis: String,
        /// Past this date it is no longer in force
        #[arg(long, value_name = "DATE", value_parser = date)]
        review: Date,
        /// An assurance that it relies on; give it again for each further one
        #[arg(long = "assurance", value_name = "TEXT", num_args = 1..)]
        assurances: Vec<String>,
    },
}

fn date(text: &str) -> Result<Date, String> {
    text.parse().map_err(|_| "write a date like 2027-06-01".to_owned())
}

impl Risk {
    pub(crate) fn run(self, desk: &Desk) -> Result<Shown, Failure> {
        let RiskAct::Assess { of, domain, basis, review, assurances } = self.act;
        let of = desk.partner(&of)?;
        let text = format!(
            "Assessed: {of} may be told of persons in {domain}, as far as the agreement allows, until {review}.\n"
        );
        let input = api::input::Risk { of, domain, basis, assurances, review_date: review };
        desk.done("/v1/risk/assess", &input, &text)
    }
}
