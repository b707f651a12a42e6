//! Checking a backup: every byte, every member, every database, and whether the keys open the texts.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use exchange::audit;
use exchange::refusal::Refusal;
use store::{BodyKeys, Store, Texts};
use zeroize::Zeroizing;

use super::manifest::{Kind, Manifest, damaged};
use super::seal::{self, OpenWith};
use super::{GoOn, archive, store_world, take, world};

/// The largest list of keys that is read, in bytes: some twenty million texts.
const KEYS_BYTES_MAX: u64 = 1 << 30;

/// A backup that is as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verified {
    /// What it says of itself.
    pub(crate) manifest: Manifest,
    /// SHA-256 of the whole file, hex.
    pub(crate) digest: String,
    /// Lines of the audit trail.
    pub(crate) trail_lines: u64,
    /// What the file of keys says of itself, and how it fits, if it was named.
    pub(crate) keys: Option<(Manifest, Texts)>,
}

/// What the file of keys holds.
pub(super) struct Keys {
    pub(super) manifest: Manifest,
    pub(super) of_texts: BodyKeys,
    pub(super) of_the_node: Vec<(String, Zeroizing<Vec<u8>>)>,
}

/// Checks a backup, and the file of keys with it if that is named. The databases are unpacked beside `scratch_in`,
/// for this process alone, and gone when this is over.
///
/// Refused: what is not as it was written, databases of a later program, a database or an audit trail that is not sound,
/// keys of another node, texts that cannot be opened.
pub(crate) fn verify(
    backup: &Path,
    keys: Option<(&Path, &OpenWith)>,
    scratch_in: Option<&Path>,
    go_on: &GoOn,
) -> Result<Verified, Refusal> {
    // First what asks a person for something.
    let keys = keys.map(|(path, with)| read_keys(path, with, go_on)).transpose()?;
    let beside = scratch_in.or(backup.parent()).filter(|folder| !folder.as_os_str().is_empty());
    let scratch = take::scratch(beside.unwrap_or(Path::new(".")))?;
    let (manifest, digest) = unpack(backup, scratch.path(), go_on)?;
    look_at(&manifest, scratch.path())?;
    let fits = keys.as_ref().map(|keys| fits(&manifest, keys, scratch.path(), false)).transpose()?;
    BodyKeys::none().write(scratch.path())?;
    let trail_lines = trail(&Store::open(scratch.path()).map_err(|e| store_world(backup, e))?)?;
    Ok(Verified { manifest, digest, trail_lines, keys: keys.map(|k| k.manifest).zip(fits) })
}

/// Unpacks a backup into a folder; the digest of its file.
pub(super) fn unpack(backup: &Path, to: &Path, go_on: &GoOn) -> Result<(Manifest, String), Refusal> {
    let (digest, file) = archive::open(backup, go_on)?;
    let manifest = archive::read_tar(archive::unpacker(file)?, Kind::Backup, go_on, |member, from| {
        let path = to.join(&member.name);
        let said = |e: io::Error| world(&path, &e);
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(said)?;
        io::copy(from, &mut file).and_then(|_| file.sync_all()).map_err(said)
    })?;
    Ok((manifest, digest))
}

/// Reads and opens the file of keys.
pub(super) fn read_keys(path: &Path, with: &OpenWith, go_on: &GoOn) -> Result<Keys, Refusal> {
    let file = File::open(path).map_err(|e| world(path, &e))?;
    let mut opened = seal::open(BufReader::new(file), with)?;
    let mut files = Vec::new();
    let manifest = archive::read_tar(&mut opened, Kind::Keys, go_on, |member, from| {
        if member.bytes > KEYS_BYTES_MAX {
            return Err(damaged(format!("{} is too large", member.name)));
        }
        // Room for all of it at once, so that no half of it stays behind where it grew.
        let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(member.bytes).unwrap_or(0)));
        from.read_to_end(&mut bytes)
            .map_err(|e| damaged("the file of keys is not as it was written").detail(e.to_string()))?;
        files.push((member.name.clone(), bytes));
        Ok(())
    })?;
    // What comes after the archive, so that a byte changed there shows as well.
    io::copy(&mut opened, &mut io::sink())
        .map_err(|e| damaged("the file of keys is not as it was written").detail(e.to_string()))?;
    let at = files.iter().position(|(name, _)| name == "body-keys");
    let list = at.map(|at| files.remove(at).1).unwrap_or_default();
    let of_texts = BodyKeys::from_bytes(&list).map_err(|e| damaged(e.to_string()))?;
    Ok(Keys { manifest, of_texts, of_the_node: files })
}

/// Looks at unpacked databases: forms, soundness, and the channels that the manifest names.
pub(super) fn look_at(manifest: &Manifest, folder: &Path) -> Result<(), Refusal> {
    for name in ["node.db", "sources.db"] {
        let Some(member) = manifest.member(name) else { continue };
        let found = store::examine_file(&folder.join(name)).map_err(|e| damaged(format!("{name}: {e}")))?;
        if let Some(fault) = found.faults.first() {
            return Err(damaged(format!("{name} is damaged")).detail(fault.clone()));
        }
        if Some(found.form) != member.form {
            return Err(damaged(format!("{name} has another form than its manifest says")));
        }
    }
    let channels = store::copied_channels(&folder.join("node.db"))?;
    if channels.into_iter().map(super::manifest::Channel::from).ne(manifest.channels.iter().cloned()) {
        return Err(damaged("the channels in node.db are not those of its manifest"));
    }
    Ok(())
}

/// Whether these keys belong to these databases and open their texts. Texts whose key is missing were erased, sent or
/// stopped after the backup was made, if the keys are no older than it; else they are lost, and `lose` says so be it.
pub(super) fn fits(manifest: &Manifest, keys: &Keys, folder: &Path, lose: bool) -> Result<Texts, Refusal> {
    if keys.manifest.node != manifest.node {
        return Err(damaged(format!(
            "the keys are those of {}, the backup is one of {}",
            keys.manifest.node, manifest.node
        )));
    }
    let texts = store::try_texts(&folder.join("node.db"), &keys.of_texts)?;
    if texts.broken > 0 {
        return Err(damaged(format!("{} texts do not open with their keys", texts.broken)));
    }
    if texts.without_key > 0 && keys.manifest.taken_at < manifest.taken_at && !lose {
        return Err(Refusal::yours(
            "keys_too_old",
            format!("the file of keys is older than the backup: {} texts cannot be opened", texts.without_key),
        )
        .detail(format!("keys of {}, backup of {}", keys.manifest.taken_at, manifest.taken_at))
        .hint(
            "name the file of keys that was made with it, or later; `forewarn restore --lose-texts` goes on without them",
        ));
    }
    Ok(texts)
}

/// Checks the audit trail; how many lines it has.
pub(super) fn trail(store: &Store) -> Result<u64, Refusal> {
    let found = store.view(|view| Ok::<_, Refusal>(audit::check_in(view)?))?;
    match found.faults.first() {
        None => Ok(found.lines),
        Some(fault) => {
            Err(damaged(format!("the audit trail in it was changed: line {}: {}", fault.seq, fault.what)))
        }
    }
}

/// The path of a file that SQLite may have put beside a database.
pub(super) fn with_log(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}
