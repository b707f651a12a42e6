//! Our own warnings: written, looked at, previewed, and what is said of them afterwards.

use std::path::PathBuf;

use api::input::{self, EntryShow, Nothing};
use clap::{Args, Subcommand};
use model::file::WarningFile;
use model::vocab::{Precedence, Purpose, RecallReason};

use super::agreement::template;
use super::answer::Said;
use super::desk::{Desk, Shown};
use super::failure::Failure;
use super::flags::{Flags, entry_name};
use super::reading;
use super::show::{preview, warning as shown};
use crate::say::Look;

/// Write and preview warnings; cancel, lapse or recall them
#[derive(Debug, Args)]
pub(crate) struct Warning {
    #[command(subcommand)]
    act: WarningAct,
}

#[derive(Debug, Subcommand)]
enum WarningAct {
    /// Print a commented example of a warning file
    #[command(after_help = eg!("forewarn warning template > warning.json", "nothing."))]
    Template,
    /// Write a warning, from a file or by flags; nothing leaves
    #[command(after_help = eg!("forewarn warning write warning.json", "role desk or release."))]
    Write(Box<Write>),
    /// List this desk's warnings
    #[command(after_help = eg!("forewarn warning list", "role desk, release or oversight."))]
    List,
    /// Show one warning with its ladders, duty, proposals, copies and decisions
    #[command(after_help = eg!("forewarn warning show w-0190f3c2-… --why \"preparing the release\"", "role desk, release or oversight."))]
    Show {
        /// The warning
        warning: String,
        /// Why you read it; needed where it names persons, and kept in the audit trail
        #[arg(long, value_name = "TEXT")]
        why: Option<String>,
    },
    /// Show what each recipient would get, side by side, and keep it as a proposal; nothing leaves
    #[command(after_help = eg!(
        "forewarn warning preview w-0190f3c2-… --to service-b,precedence=flash --to service-c",
        "role desk or release; the duty to warn is assessed."
    ))]
    Preview(Preview),
    /// Tell everyone who has it that it is over
    #[command(after_help = eg!("forewarn warning cancel w-0190f3c2-…", "role release."))]
    Cancel(One),
    /// Tell everyone who has it that it is no longer asserted
    #[command(after_help = eg!("forewarn warning lapse w-0190f3c2-…", "role release."))]
    Lapse(One),
    /// Ask it back from everyone who has it
    #[command(after_help = eg!("forewarn warning recall w-0190f3c2-… --reason error", "role release."))]
    Recall {
        /// The warning
        warning: String,
        /// The coded reason; undisclosed is one
        #[arg(long, value_parser = word!(RecallReason))]
        reason: RecallReason,
        /// Take it out of the ledger
        #[arg(long)]
        uncount: bool,
    },
}

#[derive(Debug, Args)]
struct Write {
    /// The warning file (- for standard input); the flags below take its place
    file: Option<PathBuf>,
    /// The warning that it writes anew
    #[arg(long, value_name = "WARNING")]
    update: Option<String>,
    /// The undertaking of ours that it keeps
    #[arg(long, value_name = "ENTRY")]
    under: Option<String>,
    #[command(flatten)]
    flags: Flags,
}

#[derive(Debug, Args)]
struct One {
    /// The warning
    warning: String,
}

#[derive(Debug, Args)]
struct Preview {
    /// The warning
    warning: String,
    /// A recipient, with what is stated to it; give it again for each further one
    #[arg(
        long = "to",
        value_name = "PARTNER[,purpose=P][,precedence=P]",
        required = true,
        num_args = 1..,
        value_parser = recipient
    )]
    to: Vec<input::Recipient>,
    /// By the imminent-danger path: one person releases, a second reviews it afterwards
    #[arg(long)]
    imminent_danger: bool,
    /// A word that the comparison found, let through with a reason; never by the author
    #[arg(long = "let-through", value_name = "FIELD=WORD=REASON", value_parser = let_through)]
    let_through: Vec<input::Override>,
}

fn recipient(text: &str) -> Result<input::Recipient, String> {
    let mut parts = text.split(',');
    let party = parts.next().unwrap_or_default().trim().to_owned();
    let mut stated = input::Recipient { party, purpose: None, precedence: None };
    for part in parts {
        match part.trim().split_once('=') {
            Some(("purpose", word)) => {
                stated.purpose = Some(word.parse::<Purpose>().map_err(|e| e.to_string())?);
            }
            Some(("precedence", word)) => {
                stated.precedence = Some(word.parse::<Precedence>().map_err(|e| e.to_string())?);
            }
            _ => return Err(format!("{part:?} is neither purpose=… nor precedence=…")),
        }
    }
    if stated.party.is_empty() { Err("names no partner".to_owned()) } else { Ok(stated) }
}

fn let_through(text: &str) -> Result<input::Override, String> {
    let mut parts = text.splitn(3, '=').map(|part| part.trim().to_owned());
    match (parts.next(), parts.next(), parts.next()) {
        (Some(path), Some(word), Some(reason))
            if !path.is_empty() && !word.is_empty() && !reason.is_empty() =>
        {
            Ok(input::Override { path, word, reason })
        }
        _ => Err("write it like \"what=LARK=a common word here\"".to_owned()),
    }
}

impl Warning {
    pub(crate) fn run(self, desk: &Desk) -> Result<Shown, Failure> {
        match self.act {
            WarningAct::Template => Ok(template(model::file::TEMPLATE)),
            WarningAct::Write(write) => write.run(desk),
            WarningAct::List => desk.show("/v1/warning/list", &Nothing {}, shown::list),
            WarningAct::Show { warning, why } => {
                desk.show("/v1/warning/show", &input::WarningShow { warning, why }, shown::whole)
            }
            WarningAct::Preview(preview) => preview.run(desk),
            WarningAct::Cancel(One { warning }) => {
                let over = |said: Said<'_>, _: &Look| shown::changed(said, "We say that it is over.");
                desk.show("/v1/warning/cancel", &input::WarningOnly { warning }, over)
            }
            WarningAct::Lapse(One { warning }) => {
                let lapsed = |said: Said<'_>, _: &Look| shown::changed(said, "We no longer say so.");
                desk.show("/v1/warning/lapse", &input::WarningOnly { warning }, lapsed)
            }
            WarningAct::Recall { warning, reason, uncount } => {
                let recalled = |said: Said<'_>, _: &Look| shown::changed(said, "It is asked back.");
                desk.show("/v1/warning/recall", &input::Recall { warning, reason, uncount }, recalled)
            }
        }
    }
}

impl Write {
    fn run(self, desk: &Desk) -> Result<Shown, Failure> {
        let Self { file, update, under, flags } = self;
        let under = under.map(|entry| whole_entry(desk, entry)).transpose()?;
        let text = match (file, under) {
            (Some(path), None) => reading::text(&path)?,
            (Some(path), Some(under)) => {
                let text = reading::text(&path)?;
                let file = WarningFile::parse(&text).map_err(|e| {
                    Failure::yours("bad_warning", "the warning was not written")
                        .detail(e.to_string())
                        .hint("`forewarn warning template` prints a commented example")
                })?;
                json(&WarningFile { under: Some(under), ..file })?
            }
            (None, under) => {
                let protectors =
                    flags.protectors.iter().map(|p| desk.partner(p)).collect::<Result<_, _>>()?;
                json(&WarningFile { under, ..flags.file(protectors)? })?
            }
        };
        desk.show("/v1/warning/write", &input::Write { text, warning: update }, shown::wrote)
    }
}

fn json(file: &WarningFile) -> Result<String, Failure> {
    serde_json::to_string_pretty(file).map_err(|e| Failure::world("internal", e.to_string()))
}

/// The entry by its whole name; the node alone knows what a shortened one stands for.
fn whole_entry(desk: &Desk, entry: String) -> Result<model::body::EntryName, Failure> {
    let answer = desk.ask("/v1/entry/show", &EntryShow { entry, why: None })?;
    let said = answer.said();
    if !said.at("kind").is("undertaking.declared") {
        let fact = format!("{} is no undertaking", said.at("entry").line());
        return Err(Failure::yours("not_an_undertaking", fact)
            .hint("`forewarn undertaking list` names those of ours"));
    }
    entry_name(said.at("entry").raw())
}

impl Preview {
    fn run(self, desk: &Desk) -> Result<Shown, Failure> {
        let mut recipients = self.to;
        for recipient in &mut recipients {
            recipient.party = desk.partner(&recipient.party)?;
        }
        let input = input::Preview {
            warning: self.warning,
            recipients,
            imminent_danger: self.imminent_danger,
            overrides: self.let_through,
        };
        desk.show("/v1/warning/preview", &input, preview::preview)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipient_is_read_with_what_is_stated_to_it() {
        let stated = recipient("service-b.example,purpose=protect_victim,precedence=flash").unwrap();
        assert_eq!(stated.party, "service-b.example");
        assert_eq!(
            (stated.purpose, stated.precedence),
            (Some(Purpose::ProtectVictim), Some(Precedence::Flash))
        );
        assert!(recipient("service-b.example,precedence=fast").unwrap_err().contains("flash"));
        assert!(recipient("service-b.example,fast").is_err() && recipient(",purpose=investigate").is_err());
    }

    #[test]
    fn a_word_is_let_through_with_its_field_and_a_reason() {
        let word = let_through("what=LARK=a=b, a common word").unwrap();
        assert_eq!(
            (word.path.as_str(), word.word.as_str(), word.reason.as_str()),
            ("what", "LARK", "a=b, a common word")
        );
        assert!(let_through("what=LARK").is_err() && let_through("what==x").is_err());
    }
}
