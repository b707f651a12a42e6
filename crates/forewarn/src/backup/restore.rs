//! The way back: a backup and its keys become a data folder, which opens recovering.
//!
//! Everything is made beside the data folder, in `NAME.restoring`, and takes its place in one step. What stood there is
//! moved aside and never removed. A crash leaves the old folder in its place, or the new one, or, between two renames, both
//! beside it: the same command again then finishes.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use exchange::refusal::Refusal;
use jiff::Timestamp;
use store::{Store, TakenOver};

use super::manifest::{Manifest, RETIRING};
use super::seal::OpenWith;
use super::verify::{self, Keys};
use super::{GoOn, archive, store_world, world};
use crate::data_dir::DataDir;
use crate::key_files;

/// In the folder that is being made: it is ours, and not whole.
const UNFINISHED: &str = "restoring";
/// In its place when it is whole; holds the digest of the backup.
const WHOLE: &str = "restored";

/// What is to be restored, and how.
pub(crate) struct Wanted {
    /// The backup.
    pub(crate) backup: PathBuf,
    /// The file of keys.
    pub(crate) keys: PathBuf,
    /// What opens it.
    pub(crate) open_with: OpenWith,
    /// A high-water mark that was saved from elsewhere.
    pub(crate) high_water: Option<PathBuf>,
    /// Whether a node that stands there is moved aside.
    pub(crate) replace: bool,
    /// Whether texts whose keys are missing may be lost.
    pub(crate) lose_texts: bool,
}

/// What was restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Restored {
    /// What the backup says of itself.
    pub(crate) manifest: Manifest,
    /// SHA-256 of its file, hex.
    pub(crate) digest: String,
    /// Where the folder is now that stood there.
    pub(crate) aside: Option<PathBuf>,
    /// What was found; nothing where a restore that was cut off was finished.
    pub(crate) found: Option<TakenOver>,
}

/// A step that a restore is about to take. Each is durable before the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// The folder beside is made.
    Begin,
    /// The backup is unpacked into it.
    Unpack,
    /// The keys are written.
    Keys,
    /// The logs are marked, the mark is taken over, what was erased is erased.
    TakeOver,
    /// It is marked as whole.
    Whole,
    /// What stood there is moved aside.
    Aside,
    /// The new folder takes its place.
    InPlace,
}

/// Restores. Refused, and nothing is changed: a folder that holds something (unless a node is to be replaced), a folder
/// on which a node runs, a backup or keys that `verify` refuses.
pub(crate) fn restore(
    dir: &DataDir,
    wanted: &Wanted,
    now: Timestamp,
    go_on: &GoOn,
) -> Result<Restored, Refusal> {
    let staging = staging(dir)?;
    let done = steps(dir, wanted, now, go_on, &mut |_| Ok(()));
    if done.is_err() && staging.join(UNFINISHED).exists() {
        // What cannot be removed now is removed by the next run.
        let _ = fs::remove_dir_all(&staging);
    }
    done
}

/// As `restore`; `about_to` hears each step before it is taken, and what it refuses cuts the restore off there, with
/// everything left as a crash would leave it.
fn steps(
    dir: &DataDir,
    wanted: &Wanted,
    now: Timestamp,
    go_on: &GoOn,
    about_to: &mut dyn FnMut(Step) -> Result<(), Refusal>,
) -> Result<Restored, Refusal> {
    let staging = staging(dir)?;
    let (digest, _) = archive::open(&wanted.backup, go_on)?;
    if staging.join(WHOLE).exists() && !holds_something(dir.root())? {
        return finish(dir, wanted, &staging, digest, go_on, about_to);
    }
    may_stand_there(dir, wanted.replace)?;
    // From here on no node starts on what is there.
    let _held = if holds_something(dir.root())? { Some(dir.lock()?) } else { None };
    clear(&staging)?;
    let keys = verify::read_keys(&wanted.keys, &wanted.open_with, go_on)?;
    about_to(Step::Begin)?;
    begin(&staging)?;
    about_to(Step::Unpack)?;
    let (manifest, digest) = verify::unpack(&wanted.backup, &staging, go_on)?;
    verify::look_at(&manifest, &staging)?;
    verify::fits(&manifest, &keys, &staging, wanted.lose_texts)?;
    about_to(Step::Keys)?;
    write_keys(&staging, &keys)?;
    go_on.check()?;
    about_to(Step::TakeOver)?;
    let found = take_over(dir, wanted, &staging, &digest, now)?;
    go_on.check()?;
    about_to(Step::Whole)?;
    whole(&staging, &digest)?;
    let aside = put_in_place(dir, &staging, now, about_to)?;
    Ok(Restored { manifest, digest, aside, found: Some(found) })
}

/// `NAME.restoring`, beside the data folder.
fn staging(dir: &DataDir) -> Result<PathBuf, Refusal> {
    beside(dir, "restoring")
}

fn beside(dir: &DataDir, what: &str) -> Result<PathBuf, Refusal> {
    let name = dir.root().file_name().ok_or_else(|| {
        Refusal::yours("bad_folder", format!("{} cannot be a data folder", dir.root().display()))
    })?;
    let mut name = name.to_owned();
    name.push(format!(".{what}"));
    Ok(dir.root().with_file_name(name))
}

fn holds_something(folder: &Path) -> Result<bool, Refusal> {
    match folder.read_dir() {
        Ok(mut entries) => Ok(entries.next().is_some()),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(false),
        Err(e) => Err(world(folder, &e)),
    }
}

fn may_stand_there(dir: &DataDir, replace: bool) -> Result<(), Refusal> {
    let root = dir.root();
    if !holds_something(root)? {
        return Ok(());
    }
    let node = dir.is_node() || root.join("node.db").exists();
    if !node {
        return Err(Refusal::yours(
            "not_empty",
            format!("{} is not empty, and holds no node", root.display()),
        )
        .hint("name another folder with --data"));
    }
    if !replace {
        return Err(Refusal::yours("not_empty", format!("{} holds a node", root.display())).hint(
            "`--replace` moves it aside and takes its high-water mark over; or name another folder with --data",
        ));
    }
    Ok(())
}

/// Removes what a restore that was cut off has left, and nothing else. One that only had to be put in place is made anew
/// as well: the node that stands there may have signed more since.
fn clear(staging: &Path) -> Result<(), Refusal> {
    if !staging.exists() {
        return Ok(());
    }
    let ours = staging.join(UNFINISHED).exists() || staging.join(WHOLE).exists();
    if !ours && holds_something(staging)? {
        let fact = format!("{} holds something of somebody else", staging.display());
        return Err(Refusal::yours("in_the_way", fact).hint("move it away and run the same command again"));
    }
    fs::remove_dir_all(staging).map_err(|e| world(staging, &e))
}

fn begin(staging: &Path) -> Result<(), Refusal> {
    DirBuilder::new().recursive(true).mode(0o700).create(staging).map_err(|e| world(staging, &e))?;
    write_private(&staging.join(UNFINISHED), b"")?;
    let keys = staging.join("keys");
    DirBuilder::new().mode(0o700).create(&keys).map_err(|e| world(&keys, &e))?;
    sync(staging)
}

fn write_private(path: &Path, bytes: &[u8]) -> Result<(), Refusal> {
    let said = |e: io::Error| world(path, &e);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(said)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(said)
}

fn write_keys(staging: &Path, keys: &Keys) -> Result<(), Refusal> {
    for (name, bytes) in &keys.of_the_node {
        if name == RETIRING {
            key_files::retiring_from_text(&DataDir::at(staging), bytes)?;
            continue;
        }
        write_private(&staging.join("keys").join(name), bytes)?;
    }
    keys.of_texts.write(staging).map_err(|e| store_world(&staging.join("keys.db"), e))?;
    sync(&staging.join("keys"))?;
    // That the node can start with them.
    let made = DataDir::at(staging);
    made.settings(&made.config()?, &made.keys()?).map(|_| ())
}

/// Marks every log, takes over the marks that there are, and looks at the audit trail.
fn take_over(
    dir: &DataDir,
    wanted: &Wanted,
    staging: &Path,
    digest: &str,
    now: Timestamp,
) -> Result<TakenOver, Refusal> {
    let said = |e| store_world(&staging.join("node.db"), e);
    let made = DataDir::at(staging);
    let config = made.config()?;
    let mut marks = Vec::new();
    let old = dir.root().join("high-water.db");
    // Where the node that stood there had put it.
    let elsewhere = dir.config().ok().and_then(|config| dir.places(&config).high_water);
    let named = wanted.high_water.iter().cloned();
    for (n, mark) in named.chain([old]).chain(elsewhere).enumerate() {
        if !mark.exists() {
            if wanted.high_water.as_ref() == Some(&mark) {
                return Err(world(&mark, &io::Error::from(ErrorKind::NotFound)));
            }
            continue;
        }
        // A copy is read: what is kept elsewhere stays as it is.
        let copy = staging.join(format!("mark-{n}.db"));
        fs::copy(&mark, &copy).map_err(|e| world(&mark, &e))?;
        let log = verify::with_log(&mark);
        if log.exists() {
            fs::copy(&log, verify::with_log(&copy)).map_err(|e| world(&log, &e))?;
        }
        marks.push(copy);
    }
    let places = made.places(&config);
    let found = store::take_over(&places, &marks, digest, now).map_err(said)?;
    for copy in marks {
        store::remove(&copy).map_err(said)?;
    }
    verify::trail(&Store::open_at(&places).map_err(said)?)?;
    Ok(found)
}

fn whole(staging: &Path, digest: &str) -> Result<(), Refusal> {
    let file = staging.join(UNFINISHED);
    fs::write(&file, digest).map_err(|e| world(&file, &e))?;
    File::open(&file).and_then(|file| file.sync_all()).map_err(|e| world(&file, &e))?;
    fs::rename(&file, staging.join(WHOLE)).map_err(|e| world(&file, &e))?;
    sync(staging)
}

fn put_in_place(
    dir: &DataDir,
    staging: &Path,
    now: Timestamp,
    about_to: &mut dyn FnMut(Step) -> Result<(), Refusal>,
) -> Result<Option<PathBuf>, Refusal> {
    let root = dir.root();
    let parent = root.parent().unwrap_or(Path::new("/"));
    about_to(Step::Aside)?;
    let aside = if holds_something(root)? {
        let aside = beside(dir, &format!("replaced-{}", now.strftime("%Y%m%dT%H%M%SZ")))?;
        if aside.exists() {
            return Err(Refusal::yours("in_the_way", format!("{} is there already", aside.display()))
                .hint("move it away and run the same command again"));
        }
        fs::rename(root, &aside).map_err(|e| in_place(root, &e))?;
        sync(parent)?;
        Some(aside)
    } else {
        None
    };
    about_to(Step::InPlace)?;
    // An empty folder of that name gives way.
    fs::rename(staging, root).map_err(|e| in_place(root, &e))?;
    sync(parent)?;
    // It says nothing that the databases do not say.
    let _ = fs::remove_file(root.join(WHOLE));
    Ok(aside)
}

fn in_place(root: &Path, error: &io::Error) -> Refusal {
    world(root, error).hint(
        "the data folder must not be a mount point, and the folder above it must be writable: name a folder within with --data",
    )
}

/// Puts in place what only had to be put in place when the restore before was cut off.
fn finish(
    dir: &DataDir,
    wanted: &Wanted,
    staging: &Path,
    digest: String,
    go_on: &GoOn,
    about_to: &mut dyn FnMut(Step) -> Result<(), Refusal>,
) -> Result<Restored, Refusal> {
    let file = staging.join(WHOLE);
    let kept = fs::read_to_string(&file).map_err(|e| world(&file, &e))?;
    if kept != digest {
        return Err(Refusal::yours("another_restore", "a restore of another backup was cut off before its last step")
            .detail(format!("it stands in {}, from the backup {kept}", staging.display()))
            .hint("name that backup again to finish it; or move the folder away, and name the mark in it with --high-water"));
    }
    let (_, file) = archive::open(&wanted.backup, go_on)?;
    let manifest =
        archive::read_tar(archive::unpacker(file)?, super::manifest::Kind::Backup, go_on, |_, _| Ok(()))?;
    about_to(Step::InPlace)?;
    let root = dir.root();
    fs::rename(staging, root).map_err(|e| in_place(root, &e))?;
    sync(root.parent().unwrap_or(Path::new("/")))?;
    let _ = fs::remove_file(root.join(WHOLE));
    Ok(Restored { manifest, digest, aside: None, found: None })
}

/// Makes the names in a folder durable.
fn sync(folder: &Path) -> Result<(), Refusal> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|e| world(folder, &e))
}

#[cfg(test)]
mod tests;
