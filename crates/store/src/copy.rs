//! Copies of the databases, taken while the node goes on, and what is in a copy.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use zeroize::Zeroizing;

use crate::columns::count;
use crate::error::{StoreError, bad_row};
use crate::files;
use crate::schema;
use crate::sealed::opens;

/// How many pages are copied between two looks at whether to go on.
const PAGES_PER_STEP: i32 = 512;
/// The bytes of one key in a list: its name and the key.
const KEY_BYTES: usize = 48;

/// `node.db`, `sources.db` and `keys.db` as they were between two groups of acts. The node goes on meanwhile.
pub struct Moment {
    node: Connection,
    sources: Option<Connection>,
    keys: Connection,
}

/// A channel as it stands in a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopiedChannel {
    /// Its origin, 64 hex digits.
    pub origin: String,
    /// The partner.
    pub partner: String,
    /// `ours` or `theirs`.
    pub side: String,
    /// `actual` or `exercise`.
    pub use_: String,
    /// Entries appended or held.
    pub size: u64,
    /// The largest size with a cosignature.
    pub cosigned: u64,
}

impl Moment {
    /// Takes the moment: no act stands in one of the databases and not in another. Waits for the group of acts that is
    /// being committed; holds the next one up for as long as it takes to look at each database once.
    pub fn take(folder: &Path) -> Result<Self, StoreError> {
        let there = |name: &str| folder.join(name).exists();
        if !there("node.db") || !there("keys.db") {
            let (file, beside) =
                if there("node.db") { ("keys.db", "node.db") } else { ("node.db", "node.json") };
            return Err(StoreError::Missing { file, beside });
        }
        // The last that a group commits, and no group commits without it.
        let between = files::open(&folder.join("node.db"))?;
        between.execute_batch("BEGIN IMMEDIATE")?;
        let sources = folder.join("sources.db");
        let moment = Self {
            node: seen(files::open(&folder.join("node.db"))?)?,
            sources: if sources.exists() { Some(seen(files::open(&sources)?)?) } else { None },
            keys: seen(files::open(&folder.join("keys.db"))?)?,
        };
        between.execute_batch("ROLLBACK")?;
        Ok(moment)
    }

    /// Whether there are sealed sources.
    pub fn has_sources(&self) -> bool {
        self.sources.is_some()
    }

    /// Copies `node.db` into a new file of its own for its owner alone. `go_on` is asked again and again with the pages
    /// done and all of them; false stops. True if the copy is whole and durable.
    pub fn copy_node(&self, to: &Path, go_on: &mut dyn FnMut(u64, u64) -> bool) -> Result<bool, StoreError> {
        copy(&self.node, to, go_on)
    }

    /// As `copy_node`, of `sources.db`; false, too, if it is not there.
    pub fn copy_sources(
        &self,
        to: &Path,
        go_on: &mut dyn FnMut(u64, u64) -> bool,
    ) -> Result<bool, StoreError> {
        self.sources.as_ref().map_or(Ok(false), |sources| copy(sources, to, go_on))
    }

    /// The keys of all sealed texts.
    pub fn body_keys(&self) -> Result<BodyKeys, StoreError> {
        let mut select = self.keys.prepare("SELECT id, key FROM body_keys")?;
        let rows =
            select.query_map([], |row| Ok((row.get(0)?, Zeroizing::new(row.get::<_, [u8; 32]>(1)?))))?;
        Ok(BodyKeys(rows.collect::<Result<_, _>>()?))
    }
}

/// A connection whose snapshot is taken.
fn seen(connection: Connection) -> Result<Connection, StoreError> {
    connection.execute_batch("BEGIN")?;
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(connection)
}

fn copy(from: &Connection, to: &Path, go_on: &mut dyn FnMut(u64, u64) -> bool) -> Result<bool, StoreError> {
    files::make_private(to)?;
    let mut into = Connection::open(to)?;
    let copying = Backup::new(from, &mut into)?;
    loop {
        let step = copying.step(PAGES_PER_STEP)?;
        let progress = copying.progress();
        let all = u64::try_from(progress.pagecount).unwrap_or(0);
        let left = u64::try_from(progress.remaining).unwrap_or(0);
        match step {
            StepResult::Done => break,
            StepResult::More if go_on(all.saturating_sub(left), all) => {}
            StepResult::More => return Ok(false),
            _ => return Err(StoreError::InUse),
        }
    }
    drop(copying);
    // One file and nothing beside it.
    into.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))?;
    into.close().map_err(|(_, e)| StoreError::from(e))?;
    Ok(true)
}

/// The keys of sealed texts by their names. Whoever has these and a copy of `node.db` reads the texts.
pub struct BodyKeys(BTreeMap<[u8; 16], Zeroizing<[u8; 32]>>);

impl BodyKeys {
    /// No keys.
    pub fn none() -> Self {
        Self(BTreeMap::new())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As a list of 48 bytes each, name and key, in the order of the names.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(self.0.len() * KEY_BYTES));
        for (id, key) in &self.0 {
            bytes.extend_from_slice(id);
            bytes.extend_from_slice(key.as_slice());
        }
        bytes
    }

    /// From such a list. `BadRow` if it is none, or not in order.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, StoreError> {
        let mut keys = BTreeMap::new();
        let (lines, rest) = bytes.as_chunks::<KEY_BYTES>();
        for line in lines {
            let (id, key) = line.split_at(16);
            let id: [u8; 16] = id.try_into().map_err(bad_row)?;
            if keys.last_key_value().is_some_and(|(last, _)| *last >= id) {
                return Err(bad_row("the list of keys is not in order"));
            }
            keys.insert(id, Zeroizing::new(key.try_into().map_err(bad_row)?));
        }
        if rest.is_empty() { Ok(Self(keys)) } else { Err(bad_row("the list of keys ends within a key")) }
    }

    /// Makes `keys.db` in a folder that has none.
    pub fn write(&self, folder: &Path) -> Result<(), StoreError> {
        let file = folder.join("keys.db");
        files::make_private(&file)?;
        let keys = files::open(&file)?;
        schema::make_keys(&keys)?;
        let writing = Transaction::new_unchecked(&keys, TransactionBehavior::Immediate)?;
        for (id, key) in &self.0 {
            writing
                .prepare_cached("INSERT INTO body_keys (id, key) VALUES (?1, ?2)")?
                .execute(params![id, key.as_slice()])?;
        }
        writing.commit()?;
        Ok(())
    }
}

/// What a copy of a database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExaminedFile {
    /// Its form.
    pub form: i64,
    /// What SQLite finds wrong with it, at most ten lines.
    pub faults: Vec<String>,
}

/// Looks at a copy of a database. `Corrupt` if it is none.
pub fn examine_file(file: &Path) -> Result<ExaminedFile, StoreError> {
    let copy = Connection::open_with_flags(file, rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let form = copy.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let mut check = copy.prepare("PRAGMA quick_check(10)")?;
    let lines: Vec<String> = check.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(ExaminedFile { form, faults: lines.into_iter().filter(|line| line != "ok").collect() })
}

/// The channels in a copy of `node.db`, in the order they were made.
pub fn copied_channels(node: &Path) -> Result<Vec<CopiedChannel>, StoreError> {
    let copy = Connection::open_with_flags(node, rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let mut select =
        copy.prepare("SELECT origin, partner, side, use, size, cosigned FROM channels ORDER BY id")?;
    let mut rows = select.query([])?;
    let mut channels = Vec::new();
    while let Some(row) = rows.next()? {
        channels.push(CopiedChannel {
            origin: row.get(0)?,
            partner: row.get(1)?,
            side: row.get(2)?,
            use_: row.get(3)?,
            size: count(row.get(4)?)?,
            cosigned: count(row.get(5)?)?,
        });
    }
    Ok(channels)
}

/// How the sealed texts of a copy of `node.db` and a list of keys fit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Texts {
    /// Sealed texts whose key is there and opens them.
    pub open: u64,
    /// Sealed texts whose key is not there.
    pub without_key: u64,
    /// Sealed texts that their key does not open.
    pub broken: u64,
}

/// Opens every sealed text of a copy of `node.db` with these keys, and keeps none of them.
pub fn try_texts(node: &Path, keys: &BodyKeys) -> Result<Texts, StoreError> {
    let copy = Connection::open_with_flags(node, rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let mut found = Texts::default();
    for table in ["entries", "outbox"] {
        let sql =
            format!("SELECT key_id, sealed FROM {table} WHERE key_id IS NOT NULL AND sealed IS NOT NULL");
        let mut select = copy.prepare(&sql)?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let id: [u8; 16] = row.get(0)?;
            match keys.0.get(&id) {
                None => found.without_key += 1,
                Some(key) if opens(&id, key, row.get(1)?) => found.open += 1,
                Some(_) => found.broken += 1,
            }
        }
    }
    Ok(found)
}
