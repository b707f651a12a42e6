//! The node's keys: new ones in order, and new ones in the place of what was lost.

use api::input::OneChannel;
use clap::{Args, Subcommand};

use super::desk::{Desk, Shown};
use super::failure::Failure;
use super::show::channels;
use crate::key_files::{self, LostKey};

/// Change a key of the node, or replace one that was lost
#[derive(Debug, Args)]
pub(crate) struct Key {
    #[command(subcommand)]
    act: KeyAct,
}

#[derive(Debug, Subcommand)]
enum KeyAct {
    /// Change a key that nobody has stolen
    #[command(subcommand)]
    Rotate(Rotate),
    /// Make a new key in the place of one that was lost or stolen
    #[command(after_help = eg!(
        "forewarn key lost identity",
        "the data folder, and the node stopped: while it runs it signs with the key in its memory. Without --understood it only says what it means and changes nothing."
    ))]
    Lost {
        /// The key
        which: LostKey,
        /// Do it: you have read what it means
        #[arg(long)]
        understood: bool,
    },
}

#[derive(Debug, Subcommand)]
enum Rotate {
    /// Change the key that signs our log to a partner
    #[command(after_help = eg!(
        "forewarn key rotate log service-b",
        "role operator. The two nodes exchange it by themselves; nobody need call anybody."
    ))]
    Log {
        /// The partner
        partner: String,
        /// The log of exercises
        #[arg(long)]
        exercise: bool,
    },
    /// Change the key that signs our receipts
    #[command(after_help = eg!(
        "forewarn key rotate cosigner",
        "the data folder, and the node stopped: while it runs it signs with the key in its memory. Then the new card for each partner."
    ))]
    Cosigner,
}

impl Key {
    pub(crate) fn run(self, desk: &Desk) -> Result<Shown, Failure> {
        match self.act {
            KeyAct::Rotate(Rotate::Log { partner, exercise }) => {
                let input = OneChannel { partner: desk.partner(&partner)?, exercise };
                desk.show("/v1/key/rotate-log", &input, channels::key_begun)
            }
            KeyAct::Rotate(Rotate::Cosigner) => {
                let made = key_files::rotate_cosigner(&desk.dir)?;
                let data = desk.dir.root().display();
                let text = format!(
                    "The node has a new cosigner key. The old one is kept in {}, and signs on for each partner until its\n\
                     node has taken the new one. Nothing waits meanwhile.\n\n\
                     Next\n  \
                     forewarn --data {data} serve\n  \
                     forewarn --data {data} card > new.card    give it to each partner; its officers run\n                                   \
                     forewarn partner renew new.card\n",
                    made.kept.display()
                );
                Ok(shown(&made, text)?)
            }
            KeyAct::Lost { which, understood: false } => {
                let text = format!(
                    "{}\nNothing was changed. To do it:\n  forewarn key lost {} --understood\n",
                    meaning(which),
                    which.word()
                );
                Ok(Shown {
                    text,
                    json: serde_json::json!({ "done": false, "means": meaning(which) }),
                    sound: true,
                })
            }
            KeyAct::Lost { which, understood: true } => {
                let made = key_files::replace_lost(&desk.dir, which)?;
                let words = match which {
                    LostKey::Identity => {
                        format!("Its words, to be read out to every partner:\n  {}\n\n", made.words)
                    }
                    _ => String::new(),
                };
                let text = format!("A new {} key is made.\n\n{words}{}", which.word(), next(which, desk));
                Ok(shown(&made, text)?)
            }
        }
    }
}

fn shown(made: &key_files::Made, text: String) -> Result<Shown, Failure> {
    let json = serde_json::to_value(made).map_err(|e| Failure::world("internal", e.to_string()))?;
    Ok(Shown { text, json, sound: true })
}

/// What it means, in plain words.
fn meaning(which: LostKey) -> &'static str {
    match which {
        LostKey::Identity => {
            "The identity key says who this node is. With a new one it is somebody new to every partner:\n\
             - whoever stole the old key can sign cards and channel statements in this node's name until each partner has\n  \
             been told by voice. Call every duty desk now, before anything else;\n\
             - nothing flows to or from a partner before its officers have pinned the new card, two of them, and have\n  \
             compared its twelve words with you by voice;\n\
             - every log goes on in a successor then, by itself. What was receipted stays receipted: old receipts verify\n  \
             with the old fingerprint.\n"
        }
        LostKey::Log => {
            "The log key signs what this node has sent. With a new one:\n\
             - every log of ours goes on in a successor, by itself, as soon as the node runs. No partner need do anything,\n  \
             unless it holds something that no receipt here covers: then its officer looks first;\n\
             - what has no receipt is sent anew;\n\
             - whoever stole the old key can sign heads of the old logs, and no receipt of a partner stands under those.\n"
        }
        LostKey::Cosigner => {
            "The cosigner key signs this node's receipts. With a new one:\n\
             - the old key signs nothing more, so partners get no receipt before two of their officers have pinned the\n  \
             new card; what they send waits with them until then. Call every duty desk now;\n\
             - whoever stole the old key can make receipts that this node never gave, up to where each log takes the new\n  \
             key. Tell each partner from when on the old key is not to be believed.\n"
        }
    }
}

fn next(which: LostKey, desk: &Desk) -> String {
    let data = desk.dir.root().display();
    match which {
        LostKey::Log => format!(
            "Next\n  forewarn --data {data} serve    every log of ours goes on in a successor\n  forewarn --data {data} channel list\n"
        ),
        LostKey::Cosigner | LostKey::Identity => format!(
            "Next\n  \
             forewarn --data {data} serve\n  \
             forewarn --data {data} card > new.card    give it to each partner by hand; its officers run\n                                   \
             forewarn partner renew new.card{}\n",
            if which == LostKey::Identity {
                "\n                                   forewarn partner confirm NAME    with those words, which `forewarn status --json` prints too"
            } else {
                ""
            }
        ),
    }
}
