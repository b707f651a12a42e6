//! Backup, its check, and the way back.

use std::path::PathBuf;

use api::input;
use clap::{Args, Subcommand};
use indicatif::ProgressBar;
use serde_json::{Value, json};

use super::desk::{Desk, Shown};
use super::failure::Failure;
use super::reading;
use crate::backup::GoOn;
use crate::backup::restore::{self, Restored};
use crate::backup::seal::{OpenWith, SealTo};
use crate::backup::take::{self, Made, Wanted};
use crate::backup::verify::{self, Verified};
use crate::say::{self, Ink};

/// Copy the running node into one file, and its keys into another
///
/// The backup holds the databases and the configuration, and no key: the texts of the logs cannot be read from it. Drafts,
/// renderings and what was decided can. The file of keys holds the keys of the texts and the node's own; it is sealed by
/// age under a passphrase, or to a recipient. Whoever has both, and the passphrase, has the node: keep them apart.
/// Made together, both are of one moment. The high-water mark is in neither.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = eg!(
        "forewarn backup node.backup --keys node.keys",
        "role operator, a running node, and room beside FILE for the databases twice. `forewarn backup verify` checks it."
    )
)]
pub(crate) struct Backup {
    #[command(subcommand)]
    act: Option<BackupAct>,
    /// The file to be made; must not be there
    #[arg(value_name = "FILE", required_unless_present = "keys")]
    file: Option<PathBuf>,
    /// The file of keys to be made; must not be there
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
    /// Seal the keys to this age recipient, and ask for no passphrase
    #[arg(long, value_name = "age1…", requires = "keys", conflicts_with = "passphrase_file")]
    to: Option<String>,
    /// The first line of this file is the passphrase of the keys (- for standard input); asked for if left out
    #[arg(long, value_name = "FILE", requires = "keys")]
    passphrase_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum BackupAct {
    /// Check a backup: every byte, every database, and whether the keys open every text
    #[command(after_help = eg!(
        "forewarn backup verify node.backup --keys node.keys",
        "no node and no login, but the passphrase or identity of the keys. The exit status is 1 if it cannot be used."
    ))]
    Verify(Verify),
}

#[derive(Debug, Args)]
struct Verify {
    /// The backup
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    keys: KeysIfAny,
    /// Unpack in this folder [default: beside FILE]; what was unpacked is removed at the end
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
}

/// The file of keys and what opens it.
#[derive(Debug, Args)]
struct KeysIfAny {
    /// The file of keys
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
    #[command(flatten)]
    opener: Opener,
}

/// What opens the file of keys.
#[derive(Debug, Args)]
struct Opener {
    /// The age identity that opens the keys is in this file; a passphrase is asked for if left out
    #[arg(long, value_name = "FILE", requires = "keys", conflicts_with = "passphrase_file")]
    identity: Option<PathBuf>,
    /// The first line of this file is the passphrase of the keys (- for standard input); asked for if left out
    #[arg(long, value_name = "FILE", requires = "keys")]
    passphrase_file: Option<PathBuf>,
}

impl Opener {
    fn open_with(&self) -> Result<OpenWith, Failure> {
        match &self.identity {
            Some(file) => Ok(OpenWith::Identity(reading::text(file)?.into())),
            None => Ok(OpenWith::Passphrase(reading::secret(
                self.passphrase_file.as_deref(),
                "Passphrase of the keys",
            )?)),
        }
    }
}

impl Backup {
    pub(crate) fn run(self, desk: &Desk) -> Result<Shown, Failure> {
        match self.act {
            Some(BackupAct::Verify(act)) => act.run(desk),
            None => self.make(desk),
        }
    }

    fn make(self, desk: &Desk) -> Result<Shown, Failure> {
        let absolute = |path: PathBuf| desk.surroundings.absolute(&path);
        let (backup, keys) = (self.file.map(absolute), self.keys.map(absolute));
        // Before anybody is asked for a passphrase.
        for path in backup.iter().chain(&keys) {
            take::must_be_free(path)?;
        }
        let begun = input::BackupBegun { databases: backup.is_some(), keys: keys.is_some() };
        desk.ask("/v1/backup/begin", &begun)?;
        let keys = match (keys, self.to) {
            (Some(path), Some(recipient)) => Some((path, SealTo::Recipient(recipient))),
            (Some(path), None) => {
                let question = "Passphrase for the keys (12 characters or more)";
                let chosen = reading::chosen_secret(self.passphrase_file.as_deref(), question)?;
                Some((path, SealTo::Passphrase(chosen)))
            }
            (None, _) => None,
        };
        let bar = if say::errors_to_terminal() { ProgressBar::new(0) } else { ProgressBar::hidden() };
        let go_on = GoOn::until_signal()?;
        let made =
            take::take(&desk.dir, &Wanted { backup, keys }, crate::clock::now(), &go_on, &mut |done, all| {
                bar.set_length(all);
                bar.set_position(done);
            });
        bar.finish_and_clear();
        let made = made?;
        for file in &made {
            let input = input::BackupMade { digest: file.digest.clone(), keys: is_keys(file) };
            desk.ask("/v1/backup/made", &input)?;
        }
        Ok(shown_made(desk, &made))
    }
}

fn is_keys(made: &Made) -> bool {
    made.manifest.format == crate::backup::manifest::Kind::Keys
}

fn shown_made(desk: &Desk, made: &[Made]) -> Shown {
    let mut text = String::new();
    for file in made {
        let (what, with) = if is_keys(file) {
            (
                "Keys   ",
                "keep it apart from the backup: who has both, and what opens it, has the node".to_owned(),
            )
        } else {
            let channels = file.manifest.channels.len();
            ("Backup ", format!("{channels} channels, as of {}; no key is in it", file.manifest.taken_at))
        };
        let head = desk.look.ink(Ink::Head, &format!("{what} {}", file.path.display()));
        text.push_str(&format!("{head}\n  {} bytes, {with}\n  SHA-256 {}\n", file.bytes, file.digest));
    }
    if !made.iter().any(is_keys) {
        text.push_str("\nWithout the keys it restores nothing: `forewarn backup --keys FILE` copies them.\n");
    }
    let json = made.iter().map(|file| {
        json!({
            "path": file.path, "sha256": file.digest, "bytes": file.bytes, "keys": is_keys(file),
            "taken_at": file.manifest.taken_at, "node": file.manifest.node,
        })
    });
    Shown { json: Value::Array(json.collect()), text, sound: true }
}

impl Verify {
    fn run(self, desk: &Desk) -> Result<Shown, Failure> {
        let absolute = |path: &PathBuf| desk.surroundings.absolute(path);
        let file = absolute(&self.file);
        let keys = self.keys.keys.as_ref().map(absolute);
        let opener = keys.as_ref().map(|_| self.keys.opener.open_with()).transpose()?;
        let go_on = GoOn::until_signal()?;
        let scratch = self.scratch.as_ref().map(absolute);
        let keys = keys.as_deref().zip(opener.as_ref());
        let found = verify::verify(&file, keys, scratch.as_deref(), &go_on)?;
        Ok(shown_verified(desk, &found))
    }
}

fn shown_verified(desk: &Desk, found: &Verified) -> Shown {
    let Verified { manifest, digest, trail_lines, keys } = found;
    let head = desk.look.ink(Ink::Head, &format!("The backup of {} is sound", plain(&manifest.node)));
    let mut text = format!(
        "{head}\n  as of {}, made by forewarn {}\n  {} channels, {trail_lines} lines of the audit trail\n  SHA-256 {digest}\n",
        manifest.taken_at,
        plain(&manifest.program),
        manifest.channels.len(),
    );
    match keys {
        None => text.push_str("The keys were not looked at: name them with --keys.\n"),
        Some((of, texts)) => {
            text.push_str(&format!("The keys of {} open {} texts", of.taken_at, texts.open));
            if texts.without_key > 0 {
                text.push_str(&format!(
                    "; {} were erased, sent or stopped after the backup was made",
                    texts.without_key
                ));
            }
            text.push_str(".\n");
        }
    }
    let keys = keys.as_ref().map(
        |(of, texts)| json!({ "taken_at": of.taken_at, "open": texts.open, "without_key": texts.without_key }),
    );
    let json = json!({
        "node": manifest.node, "taken_at": manifest.taken_at, "program": manifest.program, "sha256": digest,
        "channels": manifest.channels, "trail_lines": trail_lines, "keys": keys, "sound": true,
    });
    Shown { text, json, sound: true }
}

/// Make a data folder of a backup and its keys
///
/// The node that starts on it recovers: nothing is signed in any log before it is settled with each partner what was
/// signed after the backup was made. The high-water mark, if it was saved, says how much that was at the least.
#[derive(Debug, Args)]
#[command(after_help = eg!(
    "forewarn restore node.backup --keys node.keys",
    "an empty data folder (--data), or --replace; no node may run on it, and the folder above it must be writable."
))]
pub(crate) struct Restore {
    /// The backup
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The file of keys
    #[arg(long, value_name = "FILE")]
    keys: PathBuf,
    #[command(flatten)]
    opener: Opener,
    /// Move the node that stands in the data folder aside, and take its high-water mark over
    #[arg(long)]
    replace: bool,
    /// A high-water mark that was saved from elsewhere
    #[arg(long, value_name = "FILE")]
    high_water: Option<PathBuf>,
    /// Go on though the keys are older than the backup; texts without a key are lost
    #[arg(long)]
    lose_texts: bool,
}

impl Restore {
    pub(crate) fn run(self, desk: &Desk) -> Result<Shown, Failure> {
        let absolute = |path: &PathBuf| desk.surroundings.absolute(path);
        let wanted = restore::Wanted {
            backup: absolute(&self.file),
            keys: absolute(&self.keys),
            open_with: self.opener.open_with()?,
            high_water: self.high_water.as_ref().map(absolute),
            replace: self.replace,
            lose_texts: self.lose_texts,
        };
        let done = restore::restore(&desk.dir, &wanted, crate::clock::now(), &GoOn::until_signal()?)?;
        Ok(shown_restored(desk, &done))
    }
}

fn shown_restored(desk: &Desk, done: &Restored) -> Shown {
    let data = desk.dir.root().display();
    let head =
        format!("{} is restored as of {}, in {data}", plain(&done.manifest.node), done.manifest.taken_at);
    let mut text = format!("{}\n", desk.look.ink(Ink::Head, &head));
    if let Some(aside) = &done.aside {
        text.push_str(&format!(
            "What stood there is in {} now, keys included: remove it when it is not needed.\n",
            aside.display()
        ));
    }
    if let Some(found) = &done.found {
        let (all, with) = (found.channels, found.with_mark);
        text.push_str(&format!("Channels     {all}; all of them recover\n"));
        text.push_str(&match (with, all) {
            (_, 0) => "High-water   there is no channel that needs it\n".to_owned(),
            (0, _) => {
                "High-water   there is no mark: what was signed since, only the partners know\n".to_owned()
            }
            (with, all) => format!("High-water   the mark knows {with} of {all} channels\n"),
        });
        if found.without_key > 0 {
            text.push_str(&format!("Texts        {} have no key any more and are gone\n", found.without_key));
        }
        if with < all {
            text.push_str(
                "\nWithout a mark a partner could name less than it holds and let this node sign twice. Compare the\n\
                 sizes with its duty desk by voice. `forewarn recover trust PARTNER` takes its word; where you do not\n\
                 trust it, agree on a successor channel.\n",
            );
        }
    }
    text.push_str(&format!(
        "\nEverybody is logged out.\n\n\
         Next\n  \
         forewarn --data {data} serve     it asks each partner what was signed since, and goes on when that is settled\n  \
         forewarn --data {data} doctor    what is left to settle\n"
    ));
    let found = done.found.map(|f| {
        json!({
            "channels": f.channels, "with_mark": f.with_mark, "without_key": f.without_key,
        })
    });
    let json = json!({
        "node": done.manifest.node, "taken_at": done.manifest.taken_at, "sha256": done.digest,
        "aside": done.aside, "found": found,
    });
    Shown { text, json, sound: true }
}

/// What stands in a backup may have been written by anybody.
fn plain(text: &str) -> String {
    model::plain::plain_line(text)
}
