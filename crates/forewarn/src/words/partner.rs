//! Partners: our card, a partner's card, and the words that officers read to one another.

use std::path::PathBuf;

use api::input::{Nothing, PartnerCard, PartnerCarriage, PartnerConfirm};
use clap::{Args, Subcommand};
use model::vocab::Carriage;

use super::desk::{Desk, Shown};
use super::failure::Failure;
use super::reading;
use super::show::{channels, relation};

/// Print this node's signed card, to be given to a partner
#[derive(Debug, Args)]
#[command(after_help = eg!("forewarn card > service-a.card", "a session."))]
pub(crate) struct Card {}

impl Card {
    pub(crate) fn run(self, desk: &Desk) -> Result<Shown, Failure> {
        desk.show("/v1/card", &Nothing {}, |said, _| said.at("card").text())
    }
}

/// Pin a partner's card, confirm it by voice, see how partners are
#[derive(Debug, Args)]
pub(crate) struct Partner {
    #[command(subcommand)]
    act: PartnerAct,
}

#[derive(Debug, Subcommand)]
enum PartnerAct {
    /// Pin a partner's card as unconfirmed, and print our own words to read out
    #[command(after_help = eg!("forewarn partner add service-b.card", "role liaison or operator; the file that the partner's `forewarn card` printed."))]
    Add {
        /// The card (- for standard input)
        file: PathBuf,
    },
    /// Propose a confirmed partner's new card to a second person, who sees what is new
    #[command(after_help = eg!(
        "forewarn partner renew service-b.card",
        "role liaison or operator; then `forewarn approve` by another person. Ask the partner by voice why its card is new."
    ))]
    Renew {
        /// The card (- for standard input)
        file: PathBuf,
    },
    /// Confirm a partner with the words heard from its officer
    #[command(after_help = eg!("forewarn partner confirm service-b", "role liaison or operator; a call with the partner's officer."))]
    Confirm {
        /// The partner
        name: String,
        /// The twelve words as heard; asked for if left out
        #[arg(long, value_name = "WORDS")]
        heard: Option<String>,
    },
    /// Say how things are carried to and from a partner: call it, fetch as well, wait for it, or by file
    #[command(after_help = eg!("forewarn partner carriage service-b file", "role liaison or operator."))]
    Carriage {
        /// The partner
        name: String,
        /// push: this node calls it; fetch: and takes its parcels too; wait: it calls us; file: people carry files
        #[arg(value_parser = word!(Carriage))]
        carriage: Carriage,
    },
    /// List the partners with their channels, domains and troubles
    #[command(after_help = eg!("forewarn partner list", "a session."))]
    List,
}

impl Partner {
    pub(crate) fn run(self, desk: &Desk) -> Result<Shown, Failure> {
        match self.act {
            PartnerAct::Add { file } => {
                let card = reading::text(&file)?;
                desk.show("/v1/partner/add", &PartnerCard { card }, relation::partner_added)
            }
            PartnerAct::Renew { file } => {
                let card = reading::text(&file)?;
                desk.show("/v1/partner/renew", &PartnerCard { card }, channels::card_waits)
            }
            PartnerAct::Confirm { name, heard } => confirm(desk, &name, heard),
            PartnerAct::Carriage { name, carriage } => {
                let partner = desk.partner(&name)?;
                let text = said_of(carriage, &partner);
                desk.done("/v1/partner/carriage", &PartnerCarriage { partner, carriage }, &text)
            }
            PartnerAct::List => desk.show("/v1/partner/list", &Nothing {}, relation::partners),
        }
    }
}

fn confirm(desk: &Desk, name: &str, heard: Option<String>) -> Result<Shown, Failure> {
    let partner = desk.partner(name)?;
    let heard = match heard {
        Some(heard) => heard,
        None => reading::heard(&format!("The twelve words that the officer of {partner} reads out"))?,
    };
    let text = format!(
        "{partner} is confirmed.\n\
         Warnings, agreements and answers may flow now, as far as an agreement allows.\n\n\
         Next\n  forewarn agreement template > agreement.json\n  forewarn agreement propose --with {partner} agreement.json\n"
    );
    desk.done("/v1/partner/confirm", &PartnerConfirm { partner, heard }, &text)
}

/// What a carriage means from now on.
fn said_of(carriage: Carriage, partner: &str) -> String {
    match carriage {
        Carriage::Push => format!("{partner} is called by this node from now on, and calls this node.\n"),
        Carriage::Fetch => format!(
            "{partner} is called by this node from now on, also to fetch what it has for us.\n\
             Its officer says there: forewarn partner carriage (this node's name) wait\n"
        ),
        Carriage::Wait => format!(
            "{partner} is not called any more: it comes and fetches.\n\
             Its officer says there: forewarn partner carriage (this node's name) fetch\n"
        ),
        Carriage::File => format!(
            "{partner} is not called any more: what waits for it is packed into files, and somebody carries them.\n\n\
             Next\n  forewarn carry pack {partner} --to FOLDER\n"
        ),
    }
}
