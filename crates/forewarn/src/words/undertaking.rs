//! Undertakings: what one party promises to tell the other.

use api::input::{EntryOnly, Undertake, WithMaybe};
use clap::{Args, Subcommand};
use jiff::Timestamp;
use model::body;
use model::vocab::{Domain, HarmKind, ProtectedBy};

use super::desk::{Desk, Shown};
use super::failure::Failure;
use super::show::relation;

/// Promise a partner to tell it; take note of what it promises
#[derive(Debug, Args)]
pub(crate) struct Undertaking {
    #[command(subcommand)]
    act: UndertakingAct,
}

#[derive(Debug, Subcommand)]
enum UndertakingAct {
    /// Promise a partner to tell it of something
    #[command(after_help = eg!(
        "forewarn undertaking declare --to service-a --domain counter_terrorism \\\n    \
         --text \"threats to Country A or its citizens\" --protected nationality=\"Country A\"",
        "role liaison or release."
    ))]
    Declare {
        /// The partner
        #[arg(long, value_name = "PARTNER")]
        to: String,
        /// The domain
        #[arg(long, value_parser = word!(Domain))]
        domain: Domain,
        /// What is promised; it is sent as you write it
        #[arg(long)]
        text: String,
        /// Whose protection it is about: territory, nationality, sector or asset; give it again for each further one
        #[arg(long, value_name = "KIND=NAME", num_args = 1.., value_parser = protected)]
        protected: Vec<(ProtectedBy, String)>,
        /// A kind of harm; any if left out
        #[arg(long, num_args = 1.., value_parser = word!(HarmKind))]
        harm: Vec<HarmKind>,
        /// Until when it holds, e.g. 2027-12-31T00:00:00Z
        #[arg(long, value_name = "TIME", value_parser = super::time)]
        until: Option<Timestamp>,
    },
    /// Take note of what a partner promised
    #[command(after_help = eg!("forewarn undertaking accept 1a2b3c4d/4", "role liaison or release."))]
    Accept {
        /// The entry with the undertaking
        entry: String,
    },
    /// List undertakings, both ways
    #[command(after_help = eg!("forewarn undertaking list --with service-b", "role desk, release, liaison or oversight."))]
    List {
        /// With this partner only
        #[arg(long, value_name = "PARTNER")]
        with: Option<String>,
    },
}

fn protected(text: &str) -> Result<(ProtectedBy, String), String> {
    match text.split_once('=') {
        Some((kind, name)) if !name.trim().is_empty() => {
            Ok((kind.trim().parse::<ProtectedBy>().map_err(|e| e.to_string())?, name.trim().to_owned()))
        }
        _ => Err("write it like nationality=\"Country A\"".to_owned()),
    }
}

impl Undertaking {
    pub(crate) fn run(self, desk: &Desk) -> Result<Shown, Failure> {
        match self.act {
            UndertakingAct::Declare { to, domain, text, protected, harm, until } => {
                let to = desk.partner(&to)?;
                let done = format!(
                    "Declared to {to}. A warning that keeps it names it: `forewarn undertaking list` shows the entry for `--under`.\n"
                );
                let undertaking =
                    body::Undertaking { domain, text, protected, harm: harm.into_iter().collect(), until };
                desk.done("/v1/undertaking/declare", &Undertake { to, undertaking }, &done)
            }
            UndertakingAct::Accept { entry } => {
                desk.done("/v1/undertaking/accept", &EntryOnly { entry }, "Accepted; the partner is told.\n")
            }
            UndertakingAct::List { with } => {
                let with = desk.partner_if(with.as_deref())?;
                desk.show("/v1/undertaking/list", &WithMaybe { with }, relation::undertakings)
            }
        }
    }
}
