//! How the files are: their sizes, the room left beside them, and whether they are sound, also while no node runs.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, OptionalExtension};

use crate::error::StoreError;
use crate::high_water::Places;
use crate::writer::{Act, Store, View};

/// The most lines that SQLite is asked for about one damaged database.
const FAULT_LINES_MAX: usize = 10;
/// Where the trial writing of [`Act::try_to_write`] leaves its mark.
const TRIAL: &str = "health.written_ms";

/// A file of the store and how large it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSize {
    /// The database, as `node.db`.
    pub database: &'static str,
    /// Bytes of the database itself.
    pub bytes: u64,
    /// Bytes of its write-ahead log; 0 if there is none.
    pub wal_bytes: u64,
}

/// What was found of one database while no node ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examined {
    /// The database, as `node.db`.
    pub database: &'static str,
    /// Whether the file is there.
    pub is_there: bool,
    /// What is wrong with it, in SQLite's words; empty when it is sound.
    pub faults: Vec<String>,
    /// Of `node.db`: the highest time that the node acted on, in milliseconds since 1970 UTC, if it ever did.
    pub acted_until_ms: Option<i64>,
}

/// The databases, each with the name by which people know it.
fn databases(places: &Places) -> [(&'static str, PathBuf); 4] {
    let at = |name: &str| places.folder.join(name);
    [
        ("node.db", at("node.db")),
        ("keys.db", at("keys.db")),
        ("sources.db", at("sources.db")),
        ("high-water.db", places.mark()),
    ]
}

/// The sizes of the databases; those that are not there are left out.
pub fn sizes(places: &Places) -> Vec<FileSize> {
    let bytes = |path: &Path| fs::metadata(path).map(|found| found.len()).ok();
    let size = |(database, path): (&'static str, PathBuf)| {
        let mut wal = path.clone().into_os_string();
        wal.push("-wal");
        let wal_bytes = bytes(Path::new(&wal)).unwrap_or(0);
        Some(FileSize { database, bytes: bytes(&path)?, wal_bytes })
    };
    databases(places).into_iter().filter_map(size).collect()
}

/// Asks SQLite whether the databases are sound. For a node that does not run; nothing is written, made or brought to
/// another form. A database that cannot even be opened is one with a fault.
pub fn examine(places: &Places) -> Vec<Examined> {
    databases(places).into_iter().map(|(database, path)| examine_one(&path, database)).collect()
}

fn examine_one(path: &Path, database: &'static str) -> Examined {
    let mut found = Examined { database, is_there: path.exists(), faults: Vec::new(), acted_until_ms: None };
    if found.is_there
        && let Err(error) = look(path, &mut found)
    {
        found.faults.push(error.to_string());
    }
    found
}

fn look(path: &Path, found: &mut Examined) -> Result<(), StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    found.faults = quick_check(&connection)?;
    if found.database == "node.db" && found.faults.is_empty() {
        let high: Option<String> = connection
            .query_row("SELECT value FROM meta WHERE key = 'clock.high_ms'", [], |row| row.get(0))
            .optional()?;
        found.acted_until_ms = high.and_then(|text| text.parse().ok());
    }
    Ok(())
}

/// What SQLite finds wrong with a database; an empty list for a sound one.
pub(crate) fn quick_check(connection: &Connection) -> Result<Vec<String>, StoreError> {
    let mut check = connection.prepare(&format!("PRAGMA quick_check({FAULT_LINES_MAX})"))?;
    let lines: Vec<String> = check.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(lines.into_iter().filter(|line| line != "ok").collect())
}

impl Store {
    /// The sizes of the databases.
    pub fn sizes(&self) -> Vec<FileSize> {
        sizes(self.places())
    }

    /// Bytes that this process may still write on the disk with the databases, and bytes of the whole disk.
    pub fn room(&self) -> Result<(u64, u64), StoreError> {
        room(&self.places().folder)
    }
}

/// Bytes that this process may still write on the disk with this folder, and bytes of the whole disk.
pub fn room(folder: &Path) -> Result<(u64, u64), StoreError> {
    let disk = rustix::fs::statvfs(folder).map_err(|e| StoreError::Io(e.to_string()))?;
    Ok((disk.f_bavail.saturating_mul(disk.f_frsize), disk.f_blocks.saturating_mul(disk.f_frsize)))
}

impl View<'_> {
    /// Reads one row: the store answers.
    pub fn answers(&self) -> Result<(), StoreError> {
        self.meta(TRIAL).map(drop)
    }
}

impl Act<'_> {
    /// Writes one row over the last one of its kind: the store can be written.
    pub fn try_to_write(&mut self, now: jiff::Timestamp) -> Result<(), StoreError> {
        self.set_meta(TRIAL, &now.as_millisecond().to_string())
    }
}
