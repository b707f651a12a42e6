//! Making a backup while the node goes on: one moment of the databases, copied beside the file that is made of them.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use exchange::refusal::Refusal;
use jiff::Timestamp;
use store::{BodyKeys, Moment};
use tempfile::{Builder, NamedTempFile, TempDir};

use super::archive::{self, Counted};
use super::manifest::{Kind, Manifest, Member, RETIRING};
use super::seal::{self, SealTo};
use super::{GoOn, store_world, world};
use crate::data_dir::DataDir;
use crate::key_files;

/// What is to be made.
pub(crate) struct Wanted {
    /// The backup, if it is wanted.
    pub(crate) backup: Option<PathBuf>,
    /// The file of keys, if it is wanted, and to whom it is sealed.
    pub(crate) keys: Option<(PathBuf, SealTo)>,
}

/// A file that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Made {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// SHA-256 of the whole file, hex.
    pub(crate) digest: String,
    /// How many bytes it has.
    pub(crate) bytes: u64,
    /// What it says of itself.
    pub(crate) manifest: Manifest,
}

/// Refuses what is there already, and a folder that is not, before anything else is done.
pub(crate) fn must_be_free(path: &Path) -> Result<(), Refusal> {
    if path.symlink_metadata().is_ok() {
        return Err(Refusal::yours("exists", format!("{} is there already", path.display()))
            .hint("name another file; a backup is never overwritten"));
    }
    if !folder_of(path).is_dir() {
        return Err(Refusal::yours("no_folder", format!("there is no folder {}", folder_of(path).display()))
            .hint("make it, for its owner alone, or name another file"));
    }
    Ok(())
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes what is wanted, of one moment. `progress` hears the pages copied and all of them. Each file is there whole and
/// durable when this returns, for its owner alone, or not at all.
pub(crate) fn take(
    dir: &DataDir,
    wanted: &Wanted,
    now: Timestamp,
    go_on: &GoOn,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Vec<Made>, Refusal> {
    let config = dir.config()?;
    for path in wanted.backup.iter().chain(wanted.keys.iter().map(|(path, _)| path)) {
        must_be_free(path)?;
    }
    // Before anything is written: a recipient that is none.
    let encryptor =
        wanted.keys.as_ref().map(|(path, to)| Ok::<_, Refusal>((path, to.encryptor()?))).transpose()?;
    let moment = Moment::take(dir.root())?;
    let head = |format, members, channels| Manifest {
        format,
        node: config.name.clone(),
        taken_at: whole_second(now),
        program: env!("CARGO_PKG_VERSION").to_owned(),
        members,
        channels,
    };
    let mut made = Vec::new();
    if let Some(path) = &wanted.backup {
        let scratch = scratch(folder_of(path))?;
        let members = copy(dir, &moment, scratch.path(), go_on, progress)?;
        let channels = store::copied_channels(&scratch.path().join("node.db"))?;
        let manifest = head(Kind::Backup, members, channels.into_iter().map(Into::into).collect());
        made.push(keep(path, manifest, go_on, |file, manifest| {
            archive::write(file, manifest, scratch.path(), go_on)
        })?);
    }
    if let Some((path, encryptor)) = encryptor {
        let keys = moment.body_keys()?;
        let (members, files) = key_members(dir, &keys, go_on)?;
        let manifest = head(Kind::Keys, members, Vec::new());
        made.push(keep(path, manifest, go_on, |file, manifest| {
            let counted = Counted::new(file, go_on);
            let counted = seal::seal(counted, encryptor, |sealing| {
                archive::write_tar(sealing, manifest, |member| {
                    let found = files.iter().find(|(name, _)| *name == member.name);
                    let bytes = found.map(|(_, bytes)| bytes.as_slice()).unwrap_or_default();
                    Ok(Box::new(bytes) as Box<dyn Read>)
                })
            })?;
            Ok(counted.so_far().0)
        })?);
    }
    Ok(made)
}

/// The second that the moment lies in: nobody needs to know it more exactly.
fn whole_second(now: Timestamp) -> Timestamp {
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

/// A folder for its owner alone, gone when this is over however it ends.
pub(super) fn scratch(beside: &Path) -> Result<TempDir, Refusal> {
    Builder::new().prefix(".forewarn-backup-").tempdir_in(beside).map_err(|e| world(beside, &e))
}

fn copy(
    dir: &DataDir,
    moment: &Moment,
    to: &Path,
    go_on: &GoOn,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Vec<Member>, Refusal> {
    let (node, sources) = (to.join("node.db"), to.join("sources.db"));
    let mut step = |done, all| {
        progress(done, all);
        go_on.yes()
    };
    let said = |e| store_world(&node, e);
    moment.copy_node(&node, &mut step).map_err(said)?;
    go_on.check()?;
    moment.copy_sources(&sources, &mut step).map_err(said)?;
    go_on.check()?;
    let json = to.join("node.json");
    fs::copy(dir.root().join("node.json"), &json).map_err(|e| world(&json, &e))?;
    let form = |file: &Path| Ok::<_, Refusal>(Some(store::examine_file(file)?.form));
    let mut members = vec![
        archive::member("node.json", &json, None, go_on)?,
        archive::member("node.db", &node, form(&node)?, go_on)?,
    ];
    if moment.has_sources() {
        members.push(archive::member("sources.db", &sources, form(&sources)?, go_on)?);
    }
    Ok(members)
}

type KeyFiles = Vec<(String, zeroize::Zeroizing<Vec<u8>>)>;

/// The members of the file of keys; they are never on the disk unsealed.
fn key_members(dir: &DataDir, keys: &BodyKeys, go_on: &GoOn) -> Result<(Vec<Member>, KeyFiles), Refusal> {
    let mut files = vec![("body-keys".to_owned(), keys.to_bytes())];
    for name in Kind::key_files() {
        files.push((name.to_owned(), dir.key_file(name)?));
    }
    if let Some(retiring) = key_files::retiring_to_text(dir)? {
        files.push((RETIRING.to_owned(), retiring));
    }
    let mut members = Vec::new();
    for (name, bytes) in &files {
        let mut counted = Counted::new(bytes.as_slice(), go_on);
        let copied = io::copy(&mut counted, &mut io::sink());
        go_on.check()?;
        copied.map_err(Refusal::ours)?;
        let (sha256, bytes) = counted.so_far();
        let form = (name == "body-keys").then_some(1);
        members.push(Member { name: name.clone(), form, bytes, sha256 });
    }
    Ok((members, files))
}

/// Writes a file under a name of its own, makes it durable and gives it its name, unless that was taken meanwhile.
fn keep(
    path: &Path,
    manifest: Manifest,
    go_on: &GoOn,
    write: impl FnOnce(&mut File, &Manifest) -> io::Result<String>,
) -> Result<Made, Refusal> {
    let folder = folder_of(path);
    let said = |e: io::Error| world(path, &e);
    // For its owner alone from the beginning; gone if this ends before its last step.
    let mut file: NamedTempFile =
        Builder::new().prefix(".forewarn-backup-").tempfile_in(folder).map_err(said)?;
    let written = write(file.as_file_mut(), &manifest);
    go_on.check()?;
    let digest = written.map_err(said)?;
    file.as_file().sync_all().map_err(said)?;
    let bytes = file.as_file().metadata().map_err(said)?.len();
    file.persist_noclobber(path).map_err(|e| match e.error.kind() {
        io::ErrorKind::AlreadyExists => {
            Refusal::yours("exists", format!("{} is there already", path.display()))
                .hint("name another file; a backup is never overwritten")
        }
        _ => world(path, &e.error),
    })?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|e| world(folder, &e))?;
    Ok(Made { path: path.to_owned(), digest, bytes, manifest })
}
