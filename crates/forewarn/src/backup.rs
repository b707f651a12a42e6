//! Backup and restore: one file with the databases, a second one, sealed, with the keys; and the way back.
//!
//! The high-water mark is in neither: a restored node asks it what it had signed since. Read `take` (how both files are
//! made while the node goes on), `verify` (what is checked) and `restore` (in which order, and what a crash leaves).

mod archive;
pub(crate) mod manifest;
pub(crate) mod restore;
pub(crate) mod seal;
pub(crate) mod take;
pub(crate) mod verify;

use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use exchange::refusal::Refusal;

use manifest::{Kind, Manifest};

/// Whether the person at the terminal wants to go on.
#[derive(Debug, Clone, Default)]
pub(crate) struct GoOn(Arc<AtomicBool>);

impl GoOn {
    /// From now on a Ctrl-C or SIGTERM is heard and asks to stop, where it would have ended the process at once.
    pub(crate) fn until_signal() -> Result<Self, Refusal> {
        let stop = Self::default();
        let heard = stop.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|e| Refusal::world("runtime", e.to_string()))?;
        // Signals are listened for before this returns; the thread ends with the process.
        let told = {
            let _inside = runtime.enter();
            crate::serve::told_to_stop()?
        };
        std::thread::spawn(move || {
            runtime.block_on(told);
            heard.0.store(true, Ordering::Relaxed);
        });
        Ok(stop)
    }

    /// Whether to go on.
    pub(crate) fn yes(&self) -> bool {
        !self.0.load(Ordering::Relaxed)
    }

    /// The refusal of going on after somebody said stop.
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        if self.yes() { Ok(()) } else { Err(stopped()) }
    }
}

/// Reads a manifest, whichever of the two files of a backup it is of, and gives it as it is written.
pub(crate) fn manifest_of_any_kind(bytes: &[u8]) -> Result<Vec<u8>, Refusal> {
    let manifest = Manifest::parse(bytes, Kind::Backup).or_else(|_| Manifest::parse(bytes, Kind::Keys))?;
    manifest.to_bytes()
}

/// Reads an archive, unpacked, whichever of the two files of a backup it is; gives the names of its members.
pub(crate) fn members_of_any_kind(mut from: impl Read) -> Result<Vec<String>, Refusal> {
    let mut bytes = Vec::new();
    from.read_to_end(&mut bytes).map_err(|e| manifest::damaged(e.to_string()))?;
    let of = |kind| archive::read_tar(bytes.as_slice(), kind, &GoOn::default(), |_, _| Ok(()));
    let manifest = of(Kind::Backup).or_else(|_| of(Kind::Keys))?;
    Ok(manifest.members.into_iter().map(|member| member.name).collect())
}

fn stopped() -> Refusal {
    Refusal::yours("stopped", "stopped, as was asked").detail("nothing half-made was left")
}

/// A file or folder that cannot be read or written.
fn world(path: &Path, error: &io::Error) -> Refusal {
    if error.kind() == io::ErrorKind::StorageFull {
        let folder = path.parent().unwrap_or(path).display();
        return Refusal::world("disk_full", format!("the disk with {folder} is full"))
            .detail("nothing half-made was left")
            .hint("make room there, or name a file on another disk");
    }
    Refusal::world("file", format!("{}: {error}", path.display()))
}

/// As `world`, for what SQLite writes outside the data folder.
fn store_world(path: &Path, error: store::StoreError) -> Refusal {
    match error {
        store::StoreError::DiskFull => world(path, &io::Error::from(io::ErrorKind::StorageFull)),
        other => Refusal::from(other),
    }
}
