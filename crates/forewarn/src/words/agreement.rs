//! Agreements and the state of each domain of co-operation.

use std::path::PathBuf;

use api::input::{AgreementAnswer, AgreementPropose, DomainChange, WithMaybe};
use clap::{Args, Subcommand};
use model::vocab::{Domain as DomainWord, MatterKind};
use serde_json::json;

use super::desk::{Desk, Shown};
use super::failure::Failure;
use super::reading;
use super::show::relation;

/// Propose, accept and look at agreements
#[derive(Debug, Args)]
pub(crate) struct Agreement {
    #[command(subcommand)]
    act: AgreementAct,
}

#[derive(Debug, Subcommand)]
enum AgreementAct {
    /// Print a commented example of an agreement
    #[command(after_help = eg!("forewarn agreement template > agreement.json", "nothing."))]
    Template,
    /// Propose an agreement to a partner
    #[command(after_help = eg!("forewarn agreement propose --with service-b agreement.json", "role liaison or release; a confirmed partner."))]
    Propose {
        /// The partner
        #[arg(long, value_name = "PARTNER")]
        with: String,
        /// The text of the agreement (- for standard input)
        file: PathBuf,
    },
    /// Accept an agreement that a partner proposed
    #[command(after_help = eg!("forewarn agreement accept --with service-a 3f786850", "role release."))]
    Accept {
        /// The partner
        #[arg(long, value_name = "PARTNER")]
        with: String,
        /// The hash of its text, or the first eight digits or more
        hash: String,
    },
    /// Refuse an agreement that a partner proposed
    #[command(after_help = eg!("forewarn agreement refuse --with service-a 3f786850 --reason \"no persons, please\"", "role release."))]
    Refuse {
        /// The partner
        #[arg(long, value_name = "PARTNER")]
        with: String,
        /// The hash of its text, or the first eight digits or more
        hash: String,
        /// Why; it is sent to the partner as you write it
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// List agreements with their hashes and terms
    #[command(after_help = eg!("forewarn agreement list --with service-b", "a session."))]
    List {
        /// With this partner only
        #[arg(long, value_name = "PARTNER")]
        with: Option<String>,
    },
}

impl Agreement {
    pub(crate) fn run(self, desk: &Desk) -> Result<Shown, Failure> {
        match self.act {
            AgreementAct::Template => Ok(template(model::agreement::TEMPLATE)),
            AgreementAct::Propose { with, file } => {
                let with = desk.partner(&with)?;
                let text = reading::text(&file)?;
                desk.show("/v1/agreement/propose", &AgreementPropose { with: with.clone(), text }, |said, _| {
                    format!(
                        "Proposed to {with}: {}\n\nNext\n  the other side runs `forewarn agreement accept --with OUR_NAME {}`\n",
                        said.at("agreement").line(),
                        first_digits(&said.at("agreement").line()),
                    )
                })
            }
            AgreementAct::Accept { with, hash } => {
                let with = desk.partner(&with)?;
                let done = format!("Accepted. `forewarn agreement list --with {with}` shows it in force.\n");
                desk.done("/v1/agreement/accept", &AgreementAnswer { with, hash, reason: None }, &done)
            }
            AgreementAct::Refuse { with, hash, reason } => {
                let with = desk.partner(&with)?;
                desk.done("/v1/agreement/refuse", &AgreementAnswer { with, hash, reason }, "Refused.\n")
            }
            AgreementAct::List { with } => {
                let with = desk.partner_if(with.as_deref())?;
                desk.show("/v1/agreement/list", &WithMaybe { with }, relation::agreements)
            }
        }
    }
}

/// A template as it is printed; machines get it as one text.
pub(crate) fn template(text: &str) -> Shown {
    Shown { text: text.to_owned(), json: json!({ "template": text }), sound: true }
}

fn first_digits(hash: &str) -> String {
    hash.chars().take(8).collect()
}

/// Suspend, resume, activate or end one domain and no other
#[derive(Debug, Args)]
pub(crate) struct Domain {
    #[command(subcommand)]
    act: DomainAct,
}

#[derive(Debug, Subcommand)]
enum DomainAct {
    /// Let nothing pass in a domain but the bare threat to life
    #[command(after_help = eg!("forewarn domain suspend elections --with service-b", "role release or liaison; an agreement in force."))]
    Suspend(Stance),
    /// Let only the kinds of a pilot scope pass in a suspended domain
    #[command(after_help = eg!("forewarn domain resume cyber --with service-b --pilot indicator", "role release or liaison; an agreement in force."))]
    Resume(Stance),
    /// Let everything pass that the agreement allows
    #[command(after_help = eg!("forewarn domain activate cyber --with service-b", "role release or liaison; both sides must say so."))]
    Activate(Stance),
    /// End a domain for good
    #[command(after_help = eg!("forewarn domain end elections --with service-b", "role release or liaison; a further agreement is needed to begin again."))]
    End(Stance),
}

#[derive(Debug, Args)]
struct Stance {
    /// The domain
    #[arg(value_parser = word!(DomainWord))]
    domain: DomainWord,
    /// The partner
    #[arg(long, value_name = "PARTNER")]
    with: String,
    /// What may pass while resuming
    #[arg(long, value_name = "KIND", num_args = 1.., value_parser = word!(MatterKind))]
    pilot: Vec<MatterKind>,
    /// A word to the partner; it is sent as you write it
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

impl Domain {
    pub(crate) fn run(self, desk: &Desk) -> Result<Shown, Failure> {
        let (stance, state) = match self.act {
            DomainAct::Suspend(s) => (s, "suspended"),
            DomainAct::Resume(s) => (s, "resuming"),
            DomainAct::Activate(s) => (s, "active"),
            DomainAct::End(s) => (s, "terminated"),
        };
        let Stance { domain, with, pilot, note } = stance;
        let with = desk.partner(&with)?;
        let text = format!(
            "Our stance on {domain} with {with}: {state}.\n\
             The stricter of both stances holds; `forewarn partner list` shows both. Other domains stay as they are.\n"
        );
        let input = DomainChange { with, domain, state: state.to_owned(), pilot, note };
        desk.done("/v1/domain/change", &input, &text)
    }
}
