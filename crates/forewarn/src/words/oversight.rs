//! Oversight's key, and the audit trail that it cosigns.

use std::fs;
use std::path::{Path, PathBuf};

use api::input::{Nothing, OversightAppoint, OversightLines, OversightSettle};
use clap::{Args, Subcommand};
use exchange::oversight::watcher::{Watch, WatchFault};
use serde_json::json;
use tlog::checkpoint::SignedCheckpoint;
use tlog::key::{KeyKind, SigningKey, VerifierKey};
use zeroize::Zeroizing;

use super::desk::{Desk, Shown};
use super::failure::Failure;
use super::show::people;
use crate::clock;
use crate::data_dir::{read_private, write_private};

/// The checkpoint that the node has signed, in a folder that was pulled.
const CHECKPOINT: &str = "trail.checkpoint";
/// The texts of the lines.
const LINES: &str = "trail.lines";
/// The checkpoint with oversight's line.
const COSIGNED: &str = "trail.cosigned";

/// Watch over the audit trail with a key that never stands here
#[derive(Debug, Args)]
pub(crate) struct Oversight {
    #[command(subcommand)]
    act: OversightAct,
}

#[derive(Debug, Subcommand)]
enum OversightAct {
    /// Show who watches over the audit trail, and up to where
    #[command(after_help = eg!("forewarn oversight show", "a session."))]
    Show,
    /// Make a key that cosigns audit trails, on oversight's own machine
    #[command(after_help = eg!("forewarn oversight key oversight.key --name oversight.example/trail", "nothing; no node is asked."))]
    Key {
        /// Where to put it; keep it off the node
        file: PathBuf,
        /// The name of the key
        #[arg(long, value_name = "NAME")]
        name: String,
    },
    /// Put oversight's key in force
    #[command(after_help = eg!("forewarn oversight appoint oversight.example/trail+1f2e3d4c+BA…", "role oversight."))]
    Appoint {
        /// The verifier key that `forewarn oversight key` printed
        key: String,
    },
    /// Pull the audit trail into a folder
    #[command(after_help = eg!("forewarn oversight pull trail/", "role oversight."))]
    Pull {
        /// A folder, made if it is not there
        dir: PathBuf,
        /// The line to begin with [default: the first that is not cosigned]
        #[arg(long, value_name = "N")]
        from: Option<u64>,
    },
    /// Follow a pulled trail and cosign it, on oversight's own machine
    ///
    /// What was followed is remembered beside the key, in FILE.watch. Exit status 1 if the node shows another past.
    #[command(after_help = eg!("forewarn oversight cosign trail/ --key oversight.key", "nothing; no node is asked."))]
    Cosign {
        /// The folder that was pulled
        dir: PathBuf,
        /// Oversight's key
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// The first time: the trail's key, as `forewarn oversight appoint` printed it
        #[arg(long, value_name = "VKEY")]
        trail_key: Option<String>,
    },
    /// Give the cosigned trail back to the node
    #[command(after_help = eg!("forewarn oversight settle trail/", "role oversight."))]
    Settle {
        /// The folder that was cosigned
        dir: PathBuf,
    },
}

impl Oversight {
    pub(crate) fn run(self, desk: &Desk) -> Result<Shown, Failure> {
        match self.act {
            OversightAct::Show => desk.show("/v1/oversight/show", &Nothing {}, people::watched),
            OversightAct::Key { file, name } => make_key(&file, &name),
            OversightAct::Appoint { key } => {
                let answer = desk.ask("/v1/oversight/appoint", &OversightAppoint { key })?;
                let trail = answer.said().at("trail_key").line();
                let text = format!(
                    "Appointed. Keep the key of this node's trail beside your own; the first cosigning asks for it:\n{trail}\n"
                );
                Ok(Shown::of(answer, text))
            }
            OversightAct::Pull { dir, from } => pull(desk, &dir, from),
            OversightAct::Cosign { dir, key, trail_key } => cosign(&dir, &key, trail_key.as_deref()),
            OversightAct::Settle { dir } => {
                let note = read(&dir.join(COSIGNED))?;
                desk.done("/v1/oversight/settle", &OversightSettle { note }, "The node has it.\n")
            }
        }
    }
}

fn make_key(file: &Path, name: &str) -> Result<Shown, Failure> {
    let mut rng = clock::rng();
    let key = SigningKey::draw(name, KeyKind::CosignatureV1, &mut rng)
        .map_err(|e| Failure::usage(format!("{name:?} cannot be the name of a key")).detail(e.to_string()))?;
    let text = Zeroizing::new(format!("{name}\n{}\n", hex::encode(key.seed().as_slice())));
    write_private(file, text.as_bytes())?;
    let vkey = key.verifier().to_string();
    let text = format!(
        "Made {}. Never put it on the node. Give this to `forewarn oversight appoint`:\n{vkey}\n",
        file.display()
    );
    Ok(Shown { text, json: json!({ "key": vkey }), sound: true })
}

fn pull(desk: &Desk, dir: &Path, from: Option<u64>) -> Result<Shown, Failure> {
    let head = desk.ask("/v1/oversight/head", &Nothing {})?;
    let (note, size) = (head.said().at("note").raw().to_owned(), head.said().at("size").count().unwrap_or(0));
    let cosigned = head.said().at("cosigned").count().unwrap_or(0);
    let first = from.unwrap_or(cosigned);
    let (mut at, mut texts) = (first, String::new());
    while at < size {
        let lines = desk.ask("/v1/oversight/lines", &OversightLines { from: at })?;
        let wanted = usize::try_from(size - at).unwrap_or(usize::MAX);
        let mut found = 0;
        for line in lines.said().items().take(wanted) {
            texts.push_str(line.raw());
            found += 1;
        }
        at += found;
        if found == 0 {
            return Err(Failure::yours("trail_short", format!("the node gives no line {at} of {size}"))
                .hint("`forewarn audit --check` on the node"));
        }
    }
    fs::create_dir_all(dir).map_err(|e| Failure::file(dir, &e))?;
    write(&dir.join(CHECKPOINT), &note)?;
    write(&dir.join(LINES), &texts)?;
    let text = format!("Lines {first} to {size} and their signed head are in {}.\n", dir.display());
    Ok(Shown { text, json: json!({ "from": first, "size": size }), sound: true })
}

fn cosign(dir: &Path, key_file: &Path, trail_key: Option<&str>) -> Result<Shown, Failure> {
    let key = read_key(key_file)?;
    let mut remembered = key_file.as_os_str().to_owned();
    remembered.push(".watch");
    let remembered = PathBuf::from(remembered);
    let mut watch = watch(&remembered, trail_key)?;
    let checkpoint = SignedCheckpoint::parse(read(&dir.join(CHECKPOINT))?.as_bytes())
        .map_err(|e| Failure::yours("trail_unreadable", format!("{CHECKPOINT}: {e}")))?;
    let before = watch.lines;
    let cosigned = watch.follow(&checkpoint, &read(&dir.join(LINES))?, &key, clock::now());
    let cosigned = cosigned.map_err(|fault| refused(&fault))?;
    // What is remembered is durable before the line leaves: a head is never cosigned against a newer one.
    let state = serde_json::to_string_pretty(&watch).map_err(|e| Failure::world("output", e.to_string()))?;
    write(&remembered, &state)?;
    write(&dir.join(COSIGNED), &cosigned.to_string())?;
    let text = format!(
        "{} lines followed, {} of them new; nothing before was changed.\nCosigned in {}. Now `forewarn oversight settle {}`\n",
        watch.lines,
        watch.lines - before,
        dir.join(COSIGNED).display(),
        dir.display()
    );
    Ok(Shown { text, json: json!({ "lines": watch.lines, "new": watch.lines - before }), sound: true })
}

fn watch(file: &Path, trail_key: Option<&str>) -> Result<Watch, Failure> {
    if file.exists() {
        let watch: Watch = serde_json::from_str(&read(file)?)
            .map_err(|e| Failure::yours("watch_unreadable", format!("{}: {e}", file.display())))?;
        if trail_key.is_some_and(|given| given.trim() != watch.trail_key) {
            return Err(Failure::yours("other_trail", "this key watches over another trail already")
                .hint("make a key for each node"));
        }
        return Ok(watch);
    }
    let given = trail_key.ok_or_else(|| {
        Failure::usage("nothing is known of this trail yet")
            .hint("give --trail-key, as `forewarn oversight appoint` printed it")
    })?;
    let key = VerifierKey::parse(given.trim())
        .map_err(|e| Failure::usage("--trail-key is no verifier key").detail(e.to_string()))?;
    Ok(Watch::new(&key))
}

fn refused(fault: &WatchFault) -> Failure {
    match fault {
        WatchFault::MadeAgain { .. } => Failure::yours("trail_made_again", fault.to_string())
            .detail("the node has signed two pasts, or lines were taken out or changed")
            .hint(
                "keep the folder, the key and its .watch file: they prove it. Do not settle; call whoever answers for the \
                 node. One that was restored from a backup shows this too: then put the .watch file aside and follow the \
                 trail from its beginning (`forewarn oversight pull DIR --from 0`)",
            ),
        WatchFault::Gap { followed, .. } => Failure::yours("trail_gap", fault.to_string())
            .hint(format!("pull again with --from {followed}")),
        WatchFault::OtherKey => Failure::yours("other_trail", fault.to_string())
            .hint("the node signs with another key: it was made anew, or it is another node"),
        WatchFault::Unreadable(_) => {
            Failure::yours("trail_unreadable", fault.to_string()).hint("pull it again")
        }
    }
}

fn read_key(file: &Path) -> Result<SigningKey, Failure> {
    let text = read_private(file)?;
    let bad = || {
        Failure::yours("bad_key", format!("{} holds no key of oversight's", file.display()))
            .hint("`forewarn oversight key FILE` makes one")
    };
    let (name, seed) = text.trim_end().split_once('\n').ok_or_else(bad)?;
    let mut bytes = [0; 32];
    hex::decode_to_slice(seed.trim(), &mut bytes).map_err(|_| bad())?;
    SigningKey::from_seed(name, KeyKind::CosignatureV1, bytes).map_err(|_| bad())
}

fn read(file: &Path) -> Result<String, Failure> {
    fs::read_to_string(file).map_err(|e| Failure::file(file, &e))
}

fn write(file: &Path, text: &str) -> Result<(), Failure> {
    let mut half = file.as_os_str().to_owned();
    half.push(".new");
    let half = PathBuf::from(half);
    let written = fs::File::create(&half).and_then(|mut f| {
        std::io::Write::write_all(&mut f, text.as_bytes())?;
        f.sync_all()
    });
    written.and_then(|()| fs::rename(&half, file)).map_err(|e| Failure::file(file, &e))
}
