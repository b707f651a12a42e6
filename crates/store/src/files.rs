//! The files of the store: how they are made, for their owner alone, and opened.

use std::fs::{self, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::hooks::Wal;
use rusqlite::{Connection, OpenFlags};

use crate::error::StoreError;
use crate::high_water::Places;
use crate::schema;

/// How long a connection waits for another process's lock, in milliseconds.
const BUSY_TIMEOUT_MS: u64 = 2_000;
/// How many prepared statements a connection keeps.
const STATEMENTS_KEPT_MAX: usize = 128;
/// How much of `node.db` the writer keeps in memory, in KiB: the inner pages of its large tables, which every act goes
/// through.
const WRITER_KEEPS_KIB: i64 = 8_192;
/// From so many pages on a write-ahead log is moved into its database, as SQLite does by itself within a commit.
const LOG_PAGES_MAX: i32 = 1_000;

/// What a transaction reads and writes: `node.db`, the keys beside it, the sources if they are there, and the high-water
/// mark.
pub(crate) struct Connections {
    pub(crate) node: Connection,
    pub(crate) keys: Connection,
    pub(crate) sources: Option<Connection>,
    pub(crate) marks: Connection,
}

impl Connections {
    /// Opens the databases in a folder and makes those that were never there.
    ///
    /// `Missing` if one of `node.db` and `keys.db` is there with something in it, and the other is not: an empty one in
    /// its place would hide the loss.
    pub(crate) fn open_or_make(places: &Places) -> Result<Self, StoreError> {
        let folder = &places.folder;
        let there = |name: &str| folder.join(name).exists();
        if there("node.db") {
            if !there("keys.db") {
                return Err(StoreError::Missing { file: "keys.db", beside: "node.db" });
            }
        } else {
            if there("keys.db") && schema::holds_keys(&open(&folder.join("keys.db"))?)? {
                return Err(StoreError::Missing { file: "node.db", beside: "keys.db" });
            }
            // `node.db` last: a crash in between is met by making the rest. The sources are made with the node and
            // never made again: taken away, they stay away.
            for name in ["keys.db", "sources.db", "node.db"] {
                make_private(&folder.join(name))?;
            }
        }
        // An empty one is as good as none: what is missing shows by its form.
        make_private(&places.mark())?;
        let connections = Self::open(places)?;
        connections.node.pragma_update(None, "cache_size", -WRITER_KEEPS_KIB)?;
        Ok(connections)
    }

    /// Opens the databases that are there.
    pub(crate) fn open(places: &Places) -> Result<Self, StoreError> {
        let folder = &places.folder;
        let sources = folder.join("sources.db");
        Ok(Self {
            keys: open(&folder.join("keys.db"))?,
            sources: if sources.exists() { Some(open(&sources)?) } else { None },
            node: open(&folder.join("node.db"))?,
            marks: open(&places.mark())?,
        })
    }

    /// Those that are there, `node.db` first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Connection> {
        [Some(&self.node), Some(&self.keys), self.sources.as_ref(), Some(&self.marks)].into_iter().flatten()
    }
}

/// How long the write-ahead logs are that the writer fills, in pages, as of its last commit.
pub(crate) struct Logs {
    node: Arc<AtomicI32>,
    keys: Arc<AtomicI32>,
}

impl Connections {
    /// From now on no commit on these connections moves the write-ahead log of `node.db` or `keys.db` into its database:
    /// [`Connections::move_long`] does it, once whoever waits for the commit has been answered.
    pub(crate) fn watch_logs(&mut self) -> Result<Logs, StoreError> {
        Ok(Logs { node: watched(&mut self.node)?, keys: watched(&mut self.keys)? })
    }

    /// Moves the logs that have grown long. Called outside any transaction; what fails or is kept from moving by a reader
    /// is moved after a later commit, and is durable meanwhile.
    pub(crate) fn move_long(&self, logs: &Logs) {
        for (connection, pages) in [(&self.node, &logs.node), (&self.keys, &logs.keys)] {
            if pages.swap(0, Ordering::Relaxed) >= LOG_PAGES_MAX {
                let _ = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
            }
        }
    }
}

fn watched(connection: &mut Connection) -> Result<Arc<AtomicI32>, StoreError> {
    let pages = Arc::new(AtomicI32::new(0));
    let told = Arc::clone(&pages);
    connection.wal_hook(Some(move |_: &mut Wal, grown: i32| {
        told.store(grown, Ordering::Relaxed);
        Ok(())
    }))?;
    Ok(pages)
}

/// Makes an empty file with the permissions 0600, whatever the umask; one that is there is left as it is. SQLite gives
/// the files it makes beside a database (`-wal`, `-shm`) the permissions of the database.
pub(crate) fn make_private(file: &Path) -> Result<(), StoreError> {
    let said = |e: std::io::Error| StoreError::Io(format!("{}: {e}", file.display()));
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(file) {
        Ok(made) => made.set_permissions(fs::Permissions::from_mode(0o600)).map_err(said),
        Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(e) => Err(said(e)),
    }
}

pub(crate) fn open(file: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(Duration::from_millis(BUSY_TIMEOUT_MS))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "secure_delete", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    // What one act writes stays in memory until its commit: written early, a page goes to the log twice.
    connection.pragma_update(None, "cache_spill", false)?;
    // Without it SQLite prepares a kept statement anew whenever its values change, in case they would suit another index.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT_MAX);
    Ok(connection)
}

/// Takes a database away, with the files beside it.
pub fn remove(file: &Path) -> Result<(), StoreError> {
    let beside = |end: &str| {
        let mut name = file.as_os_str().to_owned();
        name.push(end);
        name
    };
    for name in [file.as_os_str().to_owned(), beside("-wal"), beside("-shm")] {
        match fs::remove_file(&name) {
            Err(e) if e.kind() != ErrorKind::NotFound => {
                return Err(StoreError::Io(format!("{}: {e}", name.display())));
            }
            _ => {}
        }
    }
    Ok(())
}
