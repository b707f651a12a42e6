//! One writer that commits acts in groups, and readers beside it.

use std::ops::Deref;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use rusqlite::{Connection, OpenFlags};

use crate::error::StoreError;
use crate::schema;

/// The most acts that share one fsync; bounds how long the first of a group waits for its answer.
const ACTS_PER_COMMIT_MAX: usize = 256;
/// How many reading connections are kept open.
const READERS_KEPT_MAX: usize = 4;
/// How long a connection waits for another process's lock, in milliseconds.
const BUSY_TIMEOUT_MS: u64 = 2_000;

/// The databases of a node. Cheap to clone; the writer stops when the last clone is dropped.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    queue: Mutex<Option<Sender<Job>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    readers: Mutex<Vec<Connections>>,
    folder: std::path::PathBuf,
}

/// What a transaction reads and writes: `node.db`, the keys beside it, and the sources if they are there.
pub(crate) struct Connections {
    pub(crate) node: Connection,
    pub(crate) keys: Connection,
    pub(crate) sources: Option<Connection>,
}

/// A consistent reading of the store. Every `Act` is one, too.
pub struct View<'a> {
    pub(crate) c: &'a Connections,
}

/// One act's transaction: what it writes is durable when `Store::act` returns `Ok`, and gone when it returns `Err`.
pub struct Act<'a> {
    view: View<'a>,
}

impl<'a> Deref for Act<'a> {
    type Target = View<'a>;

    fn deref(&self) -> &View<'a> {
        &self.view
    }
}

/// Does its work on the connections of an open transaction, or hears why none could be opened.
type Job = Box<dyn FnOnce(Result<&Connections, StoreError>) -> Answer + Send>;
/// Called once the group's commit is known, with its verdict.
type Answer = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

impl Store {
    /// Opens the databases in `folder`, makes those that are missing and brings their forms up to date.
    ///
    /// Errors: `InUse` if another process writes here, `TooNew`, `Corrupt`, `Io`.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let mut writing = Connections::open(folder)?;
        schema::bring_up_node(&mut writing.node)?;
        schema::bring_up_keys(&mut writing.keys)?;
        if let Some(sources) = &mut writing.sources {
            schema::bring_up_sources(sources)?;
        }
        let (queue, jobs) = channel();
        let writer = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || write_until_closed(&writing, &jobs))
            .map_err(|e| StoreError::Io(e.to_string()))?;
        Ok(Self {
            inner: Arc::new(Inner {
                queue: Mutex::new(Some(queue)),
                writer: Mutex::new(Some(writer)),
                readers: Mutex::new(Vec::new()),
                folder: folder.to_owned(),
            }),
        })
    }

    /// Runs one act in a transaction. Blocks until it is durable, or undone; never call it from an async task directly.
    ///
    /// `f` returning an error undoes this act and no other. Acts run one after another, in the order they were queued.
    pub fn act<T, E>(&self, f: impl FnOnce(&mut Act<'_>) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (answer_to, answer) = channel::<Result<T, E>>();
        let job: Job = Box::new(move |connections| {
            let outcome = connections.map_err(E::from).and_then(|c| in_savepoint(c, f));
            Box::new(move |commit| {
                let told = match commit {
                    Ok(()) => outcome,
                    Err(error) => outcome.and(Err(E::from(error))),
                };
                // The caller may have gone away; then nobody is waiting for this answer.
                let _ = answer_to.send(told);
            })
        });
        let queued = match &*self.inner.queue.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(queue) => queue.send(job).is_ok(),
            None => false,
        };
        if !queued {
            return Err(E::from(StoreError::Stopping));
        }
        answer.recv().unwrap_or_else(|_| Err(E::from(StoreError::Stopping)))
    }

    /// Reads in one consistent snapshot, beside the writer.
    pub fn view<T, E: From<StoreError>>(&self, f: impl FnOnce(&View<'_>) -> Result<T, E>) -> Result<T, E> {
        let kept = self.inner.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connections = match kept {
            Some(connections) => connections,
            None => Connections::open(&self.inner.folder)?,
        };
        connections.node.execute_batch("BEGIN").map_err(StoreError::from)?;
        let outcome = f(&View { c: &connections });
        connections.node.execute_batch("COMMIT").map_err(StoreError::from)?;
        let mut readers = self.inner.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if readers.len() < READERS_KEPT_MAX {
            readers.push(connections);
        }
        outcome
    }

    /// Whether the sealed sources are there. The node runs, renders and searches without them (I-03).
    pub fn has_sources(&self) -> bool {
        self.inner.folder.join("sources.db").exists()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Closing the queue ends the writer after the acts that are already in it.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take()
            && writer.thread().id() != std::thread::current().id()
        {
            let _ = writer.join();
        }
    }
}

impl Connections {
    fn open(folder: &Path) -> Result<Self, StoreError> {
        let sources = folder.join("sources.db");
        // Made with the node and never made again: taken away, it stays away.
        let with_sources = sources.exists() || !folder.join("node.db").exists();
        Ok(Self {
            keys: open(&folder.join("keys.db"))?,
            sources: if with_sources { Some(open(&sources)?) } else { None },
            node: open(&folder.join("node.db"))?,
        })
    }
}

fn open(file: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(std::time::Duration::from_millis(BUSY_TIMEOUT_MS))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "secure_delete", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.set_prepared_statement_cache_capacity(128);
    Ok(connection)
}

fn write_until_closed(connections: &Connections, jobs: &Receiver<Job>) {
    while let Ok(first) = jobs.recv() {
        let mut answers = Vec::new();
        if let Err(error) = begin(connections) {
            roll_back(connections);
            first(Err(error))(Ok(()));
            continue;
        }
        answers.push(first(Ok(connections)));
        while answers.len() < ACTS_PER_COMMIT_MAX {
            let Ok(next) = jobs.try_recv() else { break };
            answers.push(next(Ok(connections)));
        }
        let verdict = commit(connections);
        if verdict.is_err() {
            roll_back(connections);
        }
        let text = verdict.err();
        for answer in answers {
            answer(match &text {
                None => Ok(()),
                Some(StoreError::DiskFull) => Err(StoreError::DiskFull),
                Some(other) => Err(StoreError::Io(other.to_string())),
            });
        }
    }
}

fn begin(connections: &Connections) -> Result<(), StoreError> {
    connections.keys.execute_batch("BEGIN IMMEDIATE")?;
    connections.node.execute_batch("BEGIN IMMEDIATE")?;
    if let Some(sources) = &connections.sources {
        sources.execute_batch("BEGIN IMMEDIATE")?;
    }
    Ok(())
}

/// Keys and sources first: a crash in between leaves a key without a text, never a text without its key.
fn commit(connections: &Connections) -> Result<(), StoreError> {
    connections.keys.execute_batch("COMMIT")?;
    if let Some(sources) = &connections.sources {
        sources.execute_batch("COMMIT")?;
    }
    connections.node.execute_batch("COMMIT")?;
    Ok(())
}

fn roll_back(connections: &Connections) {
    for connection in [Some(&connections.node), connections.sources.as_ref(), Some(&connections.keys)].into_iter().flatten()
    {
        if !connection.is_autocommit() {
            // Nothing better can be done with a second failure; the next BEGIN will tell.
            let _ = connection.execute_batch("ROLLBACK");
        }
    }
}

fn in_savepoint<T, E: From<StoreError>>(
    connections: &Connections,
    f: impl FnOnce(&mut Act<'_>) -> Result<T, E>,
) -> Result<T, E> {
    let all = || [Some(&connections.node), Some(&connections.keys), connections.sources.as_ref()].into_iter().flatten();
    for connection in all() {
        connection.execute_batch("SAVEPOINT act").map_err(StoreError::from)?;
    }
    let outcome = f(&mut Act { view: View { c: connections } });
    for connection in all() {
        let end = if outcome.is_ok() { "RELEASE act" } else { "ROLLBACK TO act; RELEASE act" };
        connection.execute_batch(end).map_err(StoreError::from)?;
    }
    outcome
}

impl View<'_> {
    /// Asks SQLite whether the databases are sound: an empty list, or what is wrong, at most ten lines each.
    pub fn faults(&self) -> Result<Vec<String>, StoreError> {
        let mut faults = Vec::new();
        let all = [("node.db", Some(&self.c.node)), ("keys.db", Some(&self.c.keys)), ("sources.db", self.c.sources.as_ref())];
        for (name, connection) in all {
            let Some(connection) = connection else { continue };
            let mut check = connection.prepare("PRAGMA quick_check(10)")?;
            let lines: Vec<String> = check.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
            faults.extend(lines.into_iter().filter(|l| l != "ok").map(|l| format!("{name}: {l}")));
        }
        Ok(faults)
    }
}
