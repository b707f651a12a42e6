//! One writer that commits acts in groups, and readers beside it.

#[cfg(test)]
mod tests;

use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::error::StoreError;
use crate::faults::{Faults, Step};
use crate::files::{Connections, Logs};
use crate::health::quick_check;
use crate::high_water::{self, Opened, Places};
use crate::schema;
use crate::sealed::KeyId;

/// The most acts that share one fsync; bounds how long the first of a group waits for its answer.
const ACTS_PER_COMMIT_MAX: usize = 256;
/// How many reading connections are kept open.
const READERS_KEPT_MAX: usize = 4;

/// The databases of a node. Cheap to clone; the writer stops when the last clone is dropped.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    queue: Mutex<Option<Sender<Job>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    readers: Mutex<Vec<Connections>>,
    places: Places,
    opened: Opened,
    measure: Arc<OnceLock<Measure>>,
}

/// How commits are measured. The store reads no clock; it asks this one.
pub struct Measure {
    /// A time that only rises.
    pub time: fn() -> Duration,
    /// Is told of each group of acts, on the writer's own thread; it must be quick.
    pub told: Box<dyn Fn(Commit) + Send + Sync>,
}

/// A group of acts that was committed, or could not be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Commit {
    /// How long it took to make it durable.
    pub took: Duration,
    /// How many acts were in it.
    pub acts: usize,
    /// Whether it is durable; if not, all of them are undone.
    pub is_durable: bool,
}

/// A consistent reading of the store. Every `Act` is one, too.
pub struct View<'a> {
    pub(crate) c: &'a Connections,
}

/// One act's transaction: what it writes is durable when `Store::act` returns `Ok`, and gone when it returns `Err`.
pub struct Act<'a> {
    view: View<'a>,
    number: u64,
}

/// Counts the acts of this process.
static ACTS: AtomicU64 = AtomicU64::new(0);

impl Act<'_> {
    /// A number that no other act of this process has. Within one act the logs only grow, whatever becomes of it.
    pub fn number(&self) -> u64 {
        self.number
    }
}

impl<'a> Act<'a> {
    /// An act on connections that are in a transaction.
    pub(crate) fn on(c: &'a Connections) -> Self {
        Self { view: View { c }, number: ACTS.fetch_add(1, Ordering::Relaxed) }
    }
}

impl<'a> Deref for Act<'a> {
    type Target = View<'a>;

    fn deref(&self) -> &View<'a> {
        &self.view
    }
}

/// Does its work on the connections of an open transaction, or hears why none could be opened.
type Job = Box<dyn FnOnce(Result<(&Connections, Company), StoreError>) -> Done + Send>;
/// Called once the group's commit is known, with its verdict.
type Answer = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// What a job leaves to the writer.
struct Done {
    answer: Answer,
    transaction: Transaction,
}

/// Whether an act finds the work of others in its transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Company {
    /// None: to undo it is to undo everything. That is nearly always so, and a savepoint would have every page that the act
    /// changes copied.
    Alone,
    /// What acts before it wrote, which stays if this one is undone.
    Behind,
}

/// How an act leaves the transaction that it shares with its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transaction {
    /// It was alone and failed: there is nothing in it that anybody wants.
    Void,
    /// It holds what the acts before wrote, and this one's work only if that succeeded.
    Sound,
    /// SQLite has undone it, or this act's part cannot be told from the others': nobody may build on it.
    Broken,
}

impl Store {
    /// Opens the databases in `folder`, makes those that were never there and brings their forms up to date. The
    /// high-water mark lies in the same folder.
    ///
    /// Errors as `open_at`.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        Self::open_at(&Places::in_folder(folder))
    }

    /// As `open`, with the high-water mark where it was put. Logs that the mark has further than `node.db` are marked as
    /// recovering before anybody can use them; `opened` says so.
    ///
    /// It does not keep a second process out; the data folder's lock does. Errors: `Missing`, `MarkAway`, `TooNew`,
    /// `Corrupt`, `Io`, and `InUse` if another process holds a lock on one of the files all the while.
    pub fn open_at(places: &Places) -> Result<Self, StoreError> {
        Self::open_failing(places, Faults::default())
    }

    /// As `open_at`, with the steps of its commits that are to fail.
    pub fn open_failing(places: &Places, faults: Faults) -> Result<Self, StoreError> {
        let mut writing = Connections::open_or_make(places)?;
        schema::bring_up(&writing)?;
        let opened = high_water::open(&writing, places)?;
        let logs = writing.watch_logs()?;
        let (queue, jobs) = channel();
        let measure = Arc::new(OnceLock::new());
        let measured = Arc::clone(&measure);
        let writer = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || write_until_closed(&writing, &logs, &jobs, &measured, &faults))
            .map_err(|e| StoreError::Io(e.to_string()))?;
        Ok(Self {
            inner: Arc::new(Inner {
                queue: Mutex::new(Some(queue)),
                writer: Mutex::new(Some(writer)),
                readers: Mutex::new(Vec::new()),
                places: places.clone(),
                opened,
                measure,
            }),
        })
    }

    /// What opening the databases showed about going backwards.
    pub fn opened(&self) -> &Opened {
        &self.inner.opened
    }

    /// Where the databases lie.
    pub fn places(&self) -> &Places {
        &self.inner.places
    }

    /// Has commits measured from now on. Only the first call counts.
    pub fn measure(&self, by: Measure) {
        let _ = self.inner.measure.set(by);
    }

    /// Runs one act in a transaction. Blocks until it is durable, or undone; never call it from an async task directly.
    ///
    /// `f` returning an error undoes this act and no other; so does a panic in it, which is answered with `Panicked`.
    /// A full or failing disk undoes every act of the same moment, and each is answered with an error; `f` hands on
    /// every error of the store, because what it writes after such a one stands in no transaction. Acts run one after
    /// another, in the order they were queued.
    pub fn act<T, E>(&self, f: impl FnOnce(&mut Act<'_>) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.queue(f)?.recv().unwrap_or_else(|_| Err(E::from(StoreError::Stopping)))
    }

    /// Queues an act; what is returned gives its answer.
    fn queue<T, E>(
        &self,
        f: impl FnOnce(&mut Act<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<Receiver<Result<T, E>>, StoreError>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (answer_to, answer) = channel::<Result<T, E>>();
        let job: Job = Box::new(move |connections| {
            let (outcome, transaction) = match connections {
                Ok((c, company)) => undoable(c, company, f),
                Err(error) => (Err(E::from(error)), Transaction::Broken),
            };
            let answer: Answer = Box::new(move |commit| {
                let told = match commit {
                    Ok(()) => outcome,
                    Err(error) => outcome.and(Err(E::from(error))),
                };
                // The caller may have gone away; then nobody is waiting for this answer.
                let _ = answer_to.send(told);
            });
            Done { answer, transaction }
        });
        match &*self.inner.queue.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(queue) => queue.send(job).map_err(|_| StoreError::Stopping)?,
            None => return Err(StoreError::Stopping),
        }
        Ok(answer)
    }

    /// Reads in one consistent snapshot, beside the writer.
    pub fn view<T, E: From<StoreError>>(&self, f: impl FnOnce(&View<'_>) -> Result<T, E>) -> Result<T, E> {
        let kept = self.inner.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connections = match kept {
            Some(connections) => connections,
            None => Connections::open(&self.inner.places)?,
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
        self.inner.places.folder.join("sources.db").exists()
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

fn write_until_closed(
    connections: &Connections,
    logs: &Logs,
    jobs: &Receiver<Job>,
    measure: &OnceLock<Measure>,
    faults: &Faults,
) {
    // What cannot be deleted now is still marked; it is deleted after the next commit, or at the next start.
    let mut forgotten = connections.forget_marked_keys().unwrap_or_default();
    // Whether the mark may be behind what is durable in `node.db`: then it is raised with the next group, whatever that does.
    let mut mark_lags = false;
    while let Ok(first) = jobs.recv() {
        if let Err(error) = begin(connections, &forgotten, mark_lags) {
            roll_back(connections);
            (first(Err(error)).answer)(Ok(()));
            continue;
        }
        let (answers, transaction) = run_group(connections, first, jobs);
        let begun = measure.get().map(|by| (by.time)());
        let verdict = match transaction {
            Transaction::Sound => commit(connections, faults),
            Transaction::Broken => Err(StoreError::Undone),
            Transaction::Void => {
                roll_back(connections);
                answers.into_iter().for_each(|answer| answer(Ok(())));
                continue;
            }
        };
        if let (Some(by), Some(begun)) = (measure.get(), begun) {
            let took = (by.time)().saturating_sub(begun);
            (by.told)(Commit { took, acts: answers.len(), is_durable: verdict.is_ok() });
        }
        // An act that erases entries is answered once their keys are gone. The keys of bodies that were sent or stopped
        // keep nobody waiting: what they open stands in a log, or still with its author.
        let is_durable = verdict.is_ok();
        let erases = is_durable && connections.entries_are_marked();
        if erases {
            forgotten = connections.forget_marked_keys().unwrap_or_default();
        } else if !is_durable {
            roll_back(connections);
        }
        mark_lags = matches!(verdict, Err(StoreError::Unmarked(_))) || (mark_lags && verdict.is_err());
        let failed = verdict.err();
        for answer in answers {
            answer(match &failed {
                None => Ok(()),
                Some(StoreError::DiskFull) => Err(StoreError::DiskFull),
                Some(StoreError::Undone) => Err(StoreError::Undone),
                Some(StoreError::Unmarked(why)) => Err(StoreError::Unmarked(why.clone())),
                Some(StoreError::Io(why)) => Err(StoreError::Io(why.clone())),
                Some(other) => Err(StoreError::Io(other.to_string())),
            });
        }
        if is_durable && !erases {
            forgotten = connections.forget_marked_keys().unwrap_or_default();
        }
        connections.move_long(logs);
    }
}

/// Runs the acts that are queued, one after another, until there are no more, or enough, or one breaks the transaction.
fn run_group(connections: &Connections, first: Job, jobs: &Receiver<Job>) -> (Vec<Answer>, Transaction) {
    let (mut answers, mut next, mut company) = (Vec::new(), first, Company::Alone);
    loop {
        let Done { answer, transaction } = next(Ok((connections, company)));
        answers.push(answer);
        if transaction != Transaction::Sound || answers.len() == ACTS_PER_COMMIT_MAX {
            return (answers, transaction);
        }
        company = Company::Behind;
        match jobs.try_recv() {
            Ok(job) => next = job,
            Err(_) => return (answers, transaction),
        }
    }
}

/// Opens a group's transaction, and takes away the marks of the keys that were forgotten after the group before.
fn begin(connections: &Connections, forgotten: &[KeyId], mark_lags: bool) -> Result<(), StoreError> {
    connections.keys.execute_batch("BEGIN IMMEDIATE")?;
    connections.node.execute_batch("BEGIN IMMEDIATE")?;
    if let Some(sources) = &connections.sources {
        sources.execute_batch("BEGIN IMMEDIATE")?;
    }
    // Deferred: a group in which the mark does not rise touches nothing of its file and waits for no fsync of it.
    connections.marks.execute_batch("BEGIN DEFERRED")?;
    if mark_lags {
        high_water::raise_to_present(connections)?;
    }
    connections.unmark(forgotten)
}

/// Keys and sources first, and no key is deleted here: a crash or a failure in between leaves a key or a sealed source
/// without the text that names it, never a text without its key. The high-water mark comes last: a mark that is ahead of
/// `node.db` would say that it went back. Where it fails the group is durable and refused all the same: nothing may be
/// signed that the mark does not cover.
fn commit(connections: &Connections, faults: &Faults) -> Result<(), StoreError> {
    faults.at(Step::BeforeCommit)?;
    connections.keys.execute_batch("COMMIT")?;
    faults.at(Step::BetweenFiles)?;
    if let Some(sources) = &connections.sources {
        sources.execute_batch("COMMIT")?;
    }
    connections.node.execute_batch("COMMIT")?;
    faults.at(Step::BeforeMark)?;
    connections.marks.execute_batch("COMMIT").map_err(|e| StoreError::Unmarked(e.to_string()))?;
    faults.at(Step::BeforeAnswer)
}

fn roll_back(connections: &Connections) {
    for connection in connections.all() {
        if !connection.is_autocommit() {
            // Nothing better can be done with a second failure; the next BEGIN will tell.
            let _ = connection.execute_batch("ROLLBACK");
        }
    }
}

/// Runs one act so that it can be undone: in a savepoint, or alone in its transaction. After certain failures of the disk
/// SQLite ends the whole transaction by itself; from then on every statement would commit alone, so it counts as broken.
fn undoable<T, E: From<StoreError>>(
    connections: &Connections,
    company: Company,
    f: impl FnOnce(&mut Act<'_>) -> Result<T, E>,
) -> (Result<T, E>, Transaction) {
    if company == Company::Behind
        && let Err(error) = on_all(connections, "SAVEPOINT act")
    {
        return (Err(E::from(error)), Transaction::Broken);
    }
    // What a panic leaves half done lies in the savepoint or the transaction, which is rolled back, or in `f`, which is gone.
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        f(&mut Act { view: View { c: connections }, number: ACTS.fetch_add(1, Ordering::Relaxed) })
    }))
    .unwrap_or_else(|_| Err(E::from(StoreError::Panicked)));
    if connections.all().any(|connection| connection.is_autocommit()) {
        return (outcome, Transaction::Broken);
    }
    let end = match (company, outcome.is_ok()) {
        (Company::Alone, true) => return (outcome, Transaction::Sound),
        (Company::Alone, false) => return (outcome, Transaction::Void),
        (Company::Behind, true) => "RELEASE act",
        (Company::Behind, false) => "ROLLBACK TO act; RELEASE act",
    };
    match on_all(connections, end) {
        Ok(()) => (outcome, Transaction::Sound),
        Err(error) => (outcome.and(Err(E::from(error))), Transaction::Broken),
    }
}

fn on_all(connections: &Connections, sql: &str) -> Result<(), StoreError> {
    connections.all().try_for_each(|connection| Ok(connection.execute_batch(sql)?))
}

impl View<'_> {
    /// Asks SQLite whether the databases are sound: an empty list, or what is wrong, at most ten lines each. One that is
    /// too damaged to be asked is one with a fault, and no error.
    pub fn faults(&self) -> Result<Vec<String>, StoreError> {
        let mut faults = Vec::new();
        let all = [
            ("node.db", Some(&self.c.node)),
            ("keys.db", Some(&self.c.keys)),
            ("sources.db", self.c.sources.as_ref()),
            ("high-water.db", Some(&self.c.marks)),
        ];
        for (name, connection) in all {
            let Some(connection) = connection else { continue };
            let said = quick_check(connection).unwrap_or_else(|error| vec![error.to_string()]);
            faults.extend(said.into_iter().map(|line| format!("{name}: {line}")));
        }
        Ok(faults)
    }
}
