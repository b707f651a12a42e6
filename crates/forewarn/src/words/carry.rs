//! Carrying by file: without a line between two nodes, somebody carries what one packed and the other answered.
//!
//! Files are written for their owner alone, whole or not at all, and never over another one. A name says what is inside,
//! and is no proof of it: one that is there may be damaged, or sealed to somebody else. So the new file is written beside it.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use api::input::{CarryReceipt, Pack};
use base64ct::{Base64, Encoding};
use clap::{Args, Subcommand};
use exchange::carriage::SEALED_BYTES_MAX;
use serde_json::{Value, json};

use super::answer::{Answer, Said};
use super::desk::{Desk, Shown};
use super::failure::{Failure, NO_NODE};
use super::show::carry as show;

/// How many files of one name may lie in a folder.
const SAME_NAMES_MAX: u32 = 99;

/// Carry by file what goes to a partner and comes back
#[derive(Debug, Args)]
pub(crate) struct Carry {
    #[command(subcommand)]
    act: CarryAct,
}

#[derive(Debug, Subcommand)]
enum CarryAct {
    /// Pack what waits for a partner into files sealed to it
    #[command(after_help = eg!("forewarn carry pack service-b --to /media/stick", "role desk, release, liaison or operator; a partner whose carriage is file."))]
    Pack {
        /// The partner
        partner: String,
        /// Pack from this entry on once more, for a partner that has lost what it held; 0 also packs the channel itself
        #[arg(long, value_name = "ENTRY")]
        from: Option<u64>,
        /// The folder for the files
        #[arg(long, value_name = "DIR")]
        to: PathBuf,
    },
    /// Open files that a partner packed for this node, and write the answers
    #[command(after_help = eg!("forewarn carry open /media/stick/1a2b3c4d-0-5.parcel --to /media/stick", "role desk, release, liaison or operator."))]
    Open {
        /// The files, ending in .channel or .parcel
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// The folder for the answers, to be carried back
        #[arg(long, value_name = "DIR")]
        to: PathBuf,
    },
    /// Take back the answers that a partner's node wrote
    #[command(after_help = eg!("forewarn carry settle /media/stick/1a2b3c4d-5.receipt", "role desk, release, liaison or operator."))]
    Settle {
        /// The files, ending in .opened, .receipt or .held
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Write the newest receipts for a partner once more, if it has lost them or goes on from a backup
    #[command(after_help = eg!("forewarn carry receipt service-a --to /media/stick", "role desk, release, liaison or operator."))]
    Receipt {
        /// The partner
        partner: String,
        /// Also give back the entries of its own log from this one on, which it has lost
        #[arg(long, value_name = "ENTRY")]
        from: Option<u64>,
        /// The folder for the files
        #[arg(long, value_name = "DIR")]
        to: PathBuf,
    },
}

impl Carry {
    pub(crate) fn run(self, desk: &Desk) -> Result<Shown, Failure> {
        match self.act {
            CarryAct::Pack { partner, from, to } => pack(desk, &partner, from, &to),
            CarryAct::Open { files, to } => open(desk, &files, &to),
            CarryAct::Settle { files } => settle(desk, &files),
            CarryAct::Receipt { partner, from, to } => receipt(desk, &partner, from, &to),
        }
    }
}

fn pack(desk: &Desk, partner: &str, from: Option<u64>, to: &Path) -> Result<Shown, Failure> {
    let partner = desk.partner(partner)?;
    must_be_folder(to)?;
    let (mut place, mut files) = (None, Vec::new());
    loop {
        let answer = desk.ask("/v1/carry/pack", &Pack { partner: partner.clone(), place, from })?;
        let said = answer.said();
        if !said.at("file").is_nothing() {
            files.push(kept(said.at("file"), to)?);
        }
        if said.at("next").is_nothing() {
            break;
        }
        place = Some(said.at("next").raw().to_owned());
    }
    let answer = Answer(json!({ "partner": partner, "to": to.display().to_string(), "files": files }));
    let text = show::packed(answer.said());
    Ok(Shown::of(answer, text))
}

fn receipt(desk: &Desk, partner: &str, from: Option<u64>, to: &Path) -> Result<Shown, Failure> {
    let partner = desk.partner(partner)?;
    must_be_folder(to)?;
    let answer = desk.ask("/v1/carry/receipt", &CarryReceipt { partner: partner.clone(), from })?;
    let files =
        answer.said().at("files").items().map(|file| kept(file, to)).collect::<Result<Vec<_>, _>>()?;
    let answer = Answer(json!({ "partner": partner, "to": to.display().to_string(), "files": files }));
    let text = show::receipts(answer.said());
    Ok(Shown::of(answer, text))
}

/// Opens the files, those first that come first in their log; one that does not fit yet is tried again after the others.
fn open(desk: &Desk, files: &[PathBuf], to: &Path) -> Result<Shown, Failure> {
    must_be_folder(to)?;
    let mut files = files.to_vec();
    files.sort_by_key(|file| place_in_log(file));
    let mut waiting: VecDeque<PathBuf> = files.into();
    let (mut lines, mut passed_over) = (Vec::new(), 0);
    while let Some(file) = waiting.pop_front() {
        let opened = read(&file).and_then(|bytes| desk.bring("/v1/carry/open", bytes));
        let line = match opened {
            Ok(answer) if !answer.said().at("fits").yes() && passed_over < waiting.len() => {
                passed_over += 1;
                waiting.push_back(file);
                continue;
            }
            Ok(answer) => {
                let said = answer.said();
                if said.at("fits").yes() {
                    passed_over = 0;
                }
                let answered = kept(said.at("file"), to)?;
                json!({
                    "file": file.display().to_string(), "from": said.at("from").raw(), "what": said.at("what").raw(),
                    "taken": said.at("fits").yes(), "answer": answered,
                })
            }
            Err(failure) => refused(&file, failure)?,
        };
        lines.push(line);
    }
    Ok(listed(lines, to, show::opened))
}

fn settle(desk: &Desk, files: &[PathBuf]) -> Result<Shown, Failure> {
    let mut files = files.to_vec();
    files.sort_by_key(|file| place_in_log(file));
    let mut lines = Vec::new();
    for file in &files {
        lines.push(match read(file).and_then(|bytes| desk.bring("/v1/carry/settle", bytes)) {
            Ok(answer) => {
                let said = answer.said();
                json!({
                    "file": file.display().to_string(), "from": said.at("from").raw(), "what": said.at("what").raw(),
                    "taken": true,
                })
            }
            Err(failure) => refused(file, failure)?,
        });
    }
    Ok(listed(lines, Path::new(""), show::settled))
}

fn listed(lines: Vec<Value>, to: &Path, text: fn(Said<'_>) -> String) -> Shown {
    let sound = lines.iter().all(|line| line.get("taken").and_then(Value::as_bool).unwrap_or_default());
    let answer = Answer(json!({ "to": to.display().to_string(), "files": lines }));
    let text = text(answer.said());
    Shown { sound, ..Shown::of(answer, text) }
}

/// One file that was refused does not keep the others waiting; a node that is not there, or nobody logged in, does.
fn refused(file: &Path, failure: Failure) -> Result<Value, Failure> {
    if failure.status == NO_NODE || ["not_logged_in", "not_authorised"].contains(&failure.code.as_str()) {
        return Err(failure);
    }
    Ok(json!({
        "file": file.display().to_string(), "taken": false, "code": failure.code, "what": failure.fact,
        "detail": failure.detail, "hint": failure.hint,
    }))
}

/// Where in its log a file stands, out of its name: a channel first, then parcels by the size that they go on from, then
/// receipts by theirs.
fn place_in_log(file: &Path) -> (u8, String, u64) {
    let name = file.file_stem().and_then(|n| n.to_str()).unwrap_or_default();
    let mut parts = name.split(['-', '.']);
    let log = parts.next().unwrap_or_default().to_owned();
    let kind = match file.extension().and_then(|e| e.to_str()) {
        Some("channel" | "opened") => 0,
        Some("parcel") => 1,
        _ => 2,
    };
    (kind, log, parts.next().and_then(|old| old.parse().ok()).unwrap_or_default())
}

fn must_be_folder(to: &Path) -> Result<(), Failure> {
    if to.is_dir() {
        return Ok(());
    }
    Err(Failure::yours("no_folder", format!("{} is no folder", to.display()))
        .hint("nothing was packed or opened; make the folder, or put in the medium"))
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |e: &io::Error| Failure::file(file, e);
    let open = File::open(file).map_err(|e| failed(&e))?;
    let mut bytes = Vec::new();
    open.take(SEALED_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(|e| failed(&e))?;
    if bytes.len() > SEALED_BYTES_MAX {
        return Err(Failure::yours("too_large", "the file is larger than any parcel")
            .detail(format!("{SEALED_BYTES_MAX} bytes are the most"))
            .hint("nothing was taken; is it the right file?"));
    }
    Ok(bytes)
}

/// Writes a file that the node made, and says so.
fn kept(file: Said<'_>, to: &Path) -> Result<Value, Failure> {
    let internal = || Failure::world("internal", "the node gave a file that cannot be read");
    let bytes = Base64::decode_vec(file.at("bytes").raw()).map_err(|_| internal())?;
    let name = file.at("name").raw();
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.') {
        return Err(internal());
    }
    let written = write_beside(to, name, &bytes).map_err(|e| Failure::file(&to.join(name), &e))?;
    let Some(written) = written else {
        return Err(Failure::yours(
            "names_taken",
            format!("there are {SAME_NAMES_MAX} files named {name} and the like"),
        )
        .detail(format!("in {}", to.display()))
        .hint("take away the old ones, or name another folder; what was packed is packed again"));
    };
    let taken = (written != name).then_some(name);
    Ok(json!({ "name": written, "what": file.at("what").raw(), "beside": taken }))
}

/// Writes the file whole, for its owner alone, and durable when it returns; under the name, or where that is taken with
/// `.2`, `.3` … before its ending. Never over another file. Gives the name, `None` where all are taken.
fn write_beside(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<Option<String>> {
    let made = folder.join(format!("{name}.{}.unfinished", std::process::id()));
    // One that a crash left behind under the same process number.
    let _ = fs::remove_file(&made);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&made)?;
    let written =
        file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| placed(folder, name, &made));
    let written = written.inspect_err(|_| {
        let _ = fs::remove_file(&made);
    })?;
    if written.is_none() {
        fs::remove_file(&made)?;
    }
    File::open(folder)?.sync_all()?;
    Ok(written)
}

/// Moves a file to the first of its names that is free.
fn placed(folder: &Path, name: &str, made: &Path) -> io::Result<Option<String>> {
    let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
    for nth in 1..=SAME_NAMES_MAX {
        let name = if nth == 1 { name.to_owned() } else { format!("{stem}.{nth}.{ending}") };
        let path = folder.join(&name);
        if path.symlink_metadata().is_err() {
            fs::rename(made, &path)?;
            return Ok(Some(name));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_is_its_owners_alone_and_never_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let write = |bytes: &[u8]| write_beside(folder.path(), "1a2b3c4d-0-5.parcel", bytes).unwrap();
        let names = ["1a2b3c4d-0-5.parcel", "1a2b3c4d-0-5.2.parcel", "1a2b3c4d-0-5.3.parcel"];
        for (at, name) in names.iter().enumerate() {
            assert_eq!(write(name.as_bytes()).as_deref(), Some(*name));
            for written in names.iter().take(at + 1) {
                let path = folder.path().join(written);
                assert_eq!(fs::read(&path).unwrap(), written.as_bytes());
                assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            }
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3, "nothing unfinished is left");
    }

    #[test]
    fn where_every_name_is_taken_people_are_told_and_nothing_is_left_behind() {
        let folder = tempfile::tempdir().unwrap();
        let answer = Answer(json!({ "name": "a-0-5.parcel", "bytes": "AAAA", "what": "w" }));
        for _ in 0..SAME_NAMES_MAX {
            kept(answer.said(), folder.path()).unwrap();
        }
        assert_eq!(kept(answer.said(), folder.path()).unwrap_err().code, "names_taken");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), SAME_NAMES_MAX as usize);
    }

    #[test]
    fn what_comes_first_in_a_log_is_opened_first() {
        let mut files: Vec<PathBuf> = ["a-10-12.2.parcel", "a-9-10.parcel", "b.2.channel", "a-0-9.parcel"]
            .iter()
            .map(PathBuf::from)
            .collect();
        files.sort_by_key(|file| place_in_log(file));
        let names: Vec<&str> = files.iter().map(|f| f.to_str().unwrap()).collect();
        assert_eq!(names, ["b.2.channel", "a-0-9.parcel", "a-9-10.parcel", "a-10-12.2.parcel"]);
    }

    #[test]
    fn a_name_cannot_lead_out_of_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["../x", "/x", "", "a b"] {
            let answer = Answer(json!({ "name": name, "bytes": "AAAA", "what": "w" }));
            assert_eq!(kept(answer.said(), folder.path()).unwrap_err().code, "internal");
        }
    }
}
