//! A receipt, shown to somebody who has the program and nothing else.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::demo::check::{Failed, Telling, text};
use crate::demo::node::{shown, world};
use crate::demo::play::{DESK, World};

/// A exports the receipt of its first warning; it is verified, not believed without the parties' words, and refused when
/// a byte of it was changed.
pub(crate) fn verified(play: &mut World, tell: &mut Telling) -> Result<(), Failed> {
    let (a, b, entry) = (&play.a, &play.b, &play.seen.to_b);
    let (folder, of_b) = (a.handed("receipt"), a.handed("receipt-of-b"));
    let why = ["--why", "asked for by the oversight body"];
    for (node, folder) in [(a, &folder), (b, &of_b)] {
        node.ask(DESK, &[&["receipt", "export", entry, "--to", &shown(folder)], &why[..]].concat())?;
    }
    tell.equal("both sides export the same", digest(&of_b)?, digest(&folder)?)?;
    let words = text(&a.ask(DESK, &["status"])?, "/words")?;
    let fingerprint = text(&b.ask(DESK, &["status"])?, "/fingerprint")?;
    let known = ["--giver", &words, "--receiver", &fingerprint];
    let verify =
        |folder: &Path, known: &[&str]| play.stage.outside(&[&["verify", &shown(folder)], known].concat());
    let (status, said) = verify(&folder, &known)?;
    tell.equal("verified: exit status", status, 0)?;
    tell.holds(
        "it says who wrote it",
        said.starts_with("VERIFIED: service-a.example wrote this"),
        &said.clone().into(),
    )?;
    tell.ran(&["verify", "receipt", "--giver", "<A's twelve words>", "--receiver", &fingerprint]);
    tell.lines.extend(quoted(&said, &["VERIFIED", "  written", "  held"]));
    let (status, said) = verify(&folder, &[])?;
    tell.equal("intact, and not verified, without the parties' words: exit status", status, 3)?;
    let intact = said.lines().next().unwrap_or_default().to_owned();
    let forged = a.handed("receipt-forged");
    forge(&folder, &forged)?;
    let (status, said) = verify(&forged, &known)?;
    tell.equal("refused with one byte changed: exit status", status, 1)?;
    let refused = said.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
    tell.say(format!(
        "Without the parties' words, exit status 3: \u{201c}{intact}\u{201d}. With one byte of it changed, 1: \
         \u{201c}{refused}\u{201d}. It runs in an empty folder with an empty environment, and asks no node."
    ));
    tell.fact("intact", intact);
    tell.fact("refused", refused);
    Ok(())
}

/// The lines of a printed answer that begin like this, as the demo shows them.
pub(super) fn quoted(said: &str, begin: &[&str]) -> Vec<String> {
    let wanted = |line: &&str| begin.iter().any(|word| line.starts_with(word));
    said.lines().filter(wanted).map(|line| format!("  {}", line.trim_start())).collect()
}

/// The files of a folder, each with its bytes.
fn read(folder: &Path) -> Result<Vec<(String, Vec<u8>)>, Failed> {
    let said = |e: std::io::Error| world(&format!("to read {}", folder.display()), &e);
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(said)? {
        let entry = entry.map_err(said)?;
        files.push((entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path()).map_err(said)?));
    }
    files.sort();
    Ok(files)
}

fn digest(folder: &Path) -> Result<Value, Failed> {
    Ok(read(folder)?.into_iter().map(|(name, bytes)| format!("{name} {}", hex::encode(bytes))).collect())
}

/// A copy of the folder with one bit of the entry turned.
fn forge(folder: &Path, forged: &Path) -> Result<(), Failed> {
    let said = |e: std::io::Error| world(&format!("to write {}", forged.display()), &e);
    fs::create_dir(forged).map_err(said)?;
    for (name, mut bytes) in read(folder)? {
        let middle = bytes.len() / 2;
        if let Some(byte) = bytes.get_mut(middle).filter(|_| name == "entry") {
            *byte ^= 1;
        }
        fs::write(forged.join(name), bytes).map_err(said)?;
    }
    Ok(())
}
