//! The high-water mark (log-format §9): how far each log was signed and cosigned, and which keys were erased, in a file of
//! its own that never goes into a backup. Whoever goes on from an old copy of `node.db` is told so by it.
//!
//! It is written after the commit of `node.db` and before any act of the group is answered, so before a signature over
//! what it covers exists. It never falls: a mark that is ahead of `node.db` means that `node.db` went back.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};
use tlog::channel::Origin;
use tlog::hash::Hash;

use crate::channel::ChannelRow;
use crate::columns::{count, number};
use crate::error::{StoreError, bad_row};
use crate::files::{self, Connections};
use crate::schema;
use crate::sealed::KeyId;
use crate::writer::{Act, View};

/// The name of the file where nobody put it elsewhere.
pub(crate) const FILE: &str = "high-water.db";
/// Under which key of `meta` it stands that this node keeps a mark. Where it stands and the file is gone, the mark is lost.
const KEPT: &str = "high-water.kept";
/// Under which key of `meta` the reason stands for which this node recovers.
const REASON: &str = "recovering.reason";
/// Under which key of `meta` it stands since when people know of it.
const SINCE: &str = "recovering.since";
/// Under which keys of `meta` the logs stand that the mark knows and `node.db` lacks; each is a reason once.
const MISSING: &str = "high-water.missing";
/// Under which key of `meta` it stands that a mark was lost or counts no more: what it does not know may have been signed.
const LOST: &str = "high-water.lost";
/// Under which key of `meta` it stands when this node was restored.
const RESTORED: &str = "restored.at";

/// Where the databases of a node lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// The data folder.
    pub folder: PathBuf,
    /// The high-water mark, if it lies elsewhere: on another disk, where no snapshot takes it back with the rest.
    pub high_water: Option<PathBuf>,
}

impl Places {
    /// Everything in one folder.
    pub fn in_folder(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), high_water: None }
    }

    /// Where the mark is.
    pub fn mark(&self) -> PathBuf {
        self.high_water.clone().unwrap_or_else(|| self.folder.join(FILE))
    }
}

/// A head of a log that was signed or cosigned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// The size; 0 for none.
    pub size: u64,
    /// The root at that size: with it a partner cannot give back other entries than those that were signed.
    pub root: Hash,
}

impl Mark {
    /// Nothing was signed.
    pub const NONE: Self = Self { size: 0, root: Hash::from_bytes([0; 32]) };

    /// The later of two.
    fn or_later(self, other: Self) -> Self {
        if other.size > self.size { other } else { self }
    }
}

/// How far a log had been signed and cosigned, at the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HighWater {
    /// The largest head that was fenced to be signed (ours) or cosigned (theirs).
    pub signed: Mark,
    /// The largest head with a cosignature: the partner's (ours) or our own (theirs).
    pub cosigned: Mark,
}

/// How the mark was found when the databases were opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarkFound {
    /// It was there.
    There,
    /// There had never been one: it was made from what stands.
    Made,
    /// There had been one and it is gone. Every log is marked as recovering, and there is no mark to recover by.
    Lost,
}

/// What opening the databases showed about going backwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// How the mark was found.
    pub mark: MarkFound,
    /// The logs that the mark has further than `node.db`: it went back, and these are marked as recovering from now on.
    pub behind: Vec<Origin>,
    /// Why this node recovers, in words; `None` if it does not. Stays until `Act::recovery_over`.
    pub reason: Option<String>,
}

/// Looks for signs that the databases went back, acts on them, and brings the mark up to what stands.
///
/// In an order that a crash cannot turn into silence: first the logs are marked in `node.db`, then the mark is written.
pub(crate) fn open(c: &Connections, places: &Places) -> Result<Opened, StoreError> {
    let mut mark = match (schema::marks_form(&c.marks)? > 0, meta(&c.node, KEPT)?.is_some()) {
        (true, _) => MarkFound::There,
        (false, false) => MarkFound::Made,
        (false, true) => MarkFound::Lost,
    };
    let inside = places.folder.join(FILE);
    let beside = places.high_water.is_some() && inside.exists();
    if beside && mark == MarkFound::Lost {
        // It is moved to where it was put.
        mark = MarkFound::There;
    }
    if mark == MarkFound::Lost {
        if let Some(place) = &places.high_water {
            return Err(StoreError::MarkAway { place: place.display().to_string() });
        }
        recover_all(&c.node, "the high-water mark is lost")?;
        note_lost(&c.node)?;
    }
    schema::make_marks(&c.marks)?;
    if beside {
        absorb(&c.marks, &inside)?;
        files::remove(&inside)?;
    }
    let behind = mark_what_is_behind(c)?;
    let erased = erase_again(c)?;
    if !behind.is_empty() || erased || mark == MarkFound::Lost {
        erase_entries_again(c)?;
    }
    raise_to_present(c)?;
    let sql = "INSERT INTO meta (key, value) VALUES (?1, '1') ON CONFLICT (key) DO NOTHING";
    c.node.execute(sql, [KEPT])?;
    Ok(Opened { mark, behind, reason: meta(&c.node, REASON)? })
}

fn meta(node: &Connection, key: &str) -> Result<Option<String>, StoreError> {
    Ok(node.query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get(0)).optional()?)
}

/// Marks every log as recovering, for a reason that stays until recovery is over.
fn recover_all(node: &Connection, reason: &str) -> Result<(), StoreError> {
    let marking = Transaction::new_unchecked(node, TransactionBehavior::Immediate)?;
    marking.execute(
        "UPDATE channels SET recovering = 1, held = NULL WHERE recovering = 0 AND state <> 'succeeded'",
        [],
    )?;
    note_reason(&marking, reason)?;
    marking.commit()?;
    Ok(())
}

fn note_lost(node: &Connection) -> Result<(), StoreError> {
    let sql = "INSERT INTO meta (key, value) VALUES (?1, '1') ON CONFLICT (key) DO NOTHING";
    node.execute(sql, [LOST])?;
    Ok(())
}

/// The first reason stays: it says most.
pub(crate) fn note_reason(node: &Connection, reason: &str) -> Result<(), StoreError> {
    let sql = "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO NOTHING";
    node.execute(sql, [REASON, reason])?;
    Ok(())
}

/// A line of the mark.
struct Line {
    origin: String,
    mark: HighWater,
}

fn lines(marks: &Connection) -> Result<Vec<Line>, StoreError> {
    let sql = "SELECT origin, signed, signed_root, cosigned, cosigned_root FROM marks ORDER BY origin";
    let mut select = marks.prepare(sql)?;
    let mut rows = select.query([])?;
    let mut lines = Vec::new();
    while let Some(row) = rows.next()? {
        lines.push(Line { origin: row.get(0)?, mark: high_water(row, 1)? });
    }
    Ok(lines)
}

fn erased(marks: &Connection) -> Result<BTreeSet<[u8; 16]>, StoreError> {
    let mut select = marks.prepare("SELECT id FROM erased")?;
    let ids = select.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(ids)
}

/// Takes in what another file of marks says: nothing falls.
fn absorb(marks: &Connection, other: &Path) -> Result<(), StoreError> {
    let other = files::open(other)?;
    if schema::marks_form(&other)? == 0 {
        return Ok(());
    }
    let taking = Transaction::new_unchecked(marks, TransactionBehavior::Immediate)?;
    for line in lines(&other)? {
        raise(&taking, &line.origin, line.mark)?;
    }
    for id in erased(&other)? {
        taking.execute("INSERT INTO erased (id) VALUES (?1) ON CONFLICT (id) DO NOTHING", params![id])?;
    }
    taking.commit()?;
    Ok(())
}

/// The two heads in four columns of a row, the first of them given; a head that is not there has size 0 and no root.
fn high_water(row: &Row<'_>, first: usize) -> Result<HighWater, StoreError> {
    let mark = |at: usize| {
        let (size, root): (i64, Option<[u8; 32]>) = (row.get(at)?, row.get(at + 1)?);
        Ok::<_, StoreError>(match root {
            Some(root) => Mark { size: count(size)?, root: Hash::from_bytes(root) },
            None => Mark::NONE,
        })
    };
    Ok(HighWater { signed: mark(first)?, cosigned: mark(first + 2)? })
}

/// Raises a line of the mark; writes nothing if it does not rise.
fn raise(marks: &Connection, origin: &str, to: HighWater) -> Result<(), StoreError> {
    let stands = line_of(marks, origin)?;
    let next = stands.map_or(to, |s| HighWater {
        signed: s.signed.or_later(to.signed),
        cosigned: s.cosigned.or_later(to.cosigned),
    });
    if stands == Some(next) {
        return Ok(());
    }
    let sql = "INSERT INTO marks (origin, signed, signed_root, cosigned, cosigned_root) VALUES (?1, ?2, ?3, ?4, ?5) \
               ON CONFLICT (origin) DO UPDATE SET signed = ?2, signed_root = ?3, cosigned = ?4, cosigned_root = ?5";
    marks.prepare_cached(sql)?.execute(params![
        origin,
        number(next.signed.size)?,
        next.signed.root.as_bytes(),
        number(next.cosigned.size)?,
        next.cosigned.root.as_bytes()
    ])?;
    Ok(())
}

fn line_of(marks: &Connection, origin: &str) -> Result<Option<HighWater>, StoreError> {
    let sql = "SELECT signed, signed_root, cosigned, cosigned_root FROM marks WHERE origin = ?1";
    let mut select = marks.prepare_cached(sql)?;
    let mut rows = select.query([origin])?;
    rows.next()?.map(|row| high_water(row, 0)).transpose()
}

/// What `node.db` says of each log: how far it was fenced and cosigned, and whether it recovers.
fn present(node: &Connection) -> Result<Vec<(Line, bool)>, StoreError> {
    let sql = "SELECT origin, coalesce(signed.size, 0), signed.root, coalesce(cosigned.size, 0), cosigned.root, recovering
               FROM channels
               LEFT JOIN heads AS signed ON signed.channel = channels.id
                    AND signed.size = (SELECT max(size) FROM heads WHERE heads.channel = channels.id)
               LEFT JOIN heads AS cosigned ON cosigned.channel = channels.id AND cosigned.size = channels.cosigned
               ORDER BY channels.id";
    let mut select = node.prepare(sql)?;
    let mut rows = select.query([])?;
    let mut present = Vec::new();
    while let Some(row) = rows.next()? {
        present.push((Line { origin: row.get(0)?, mark: high_water(row, 1)? }, row.get(5)?));
    }
    Ok(present)
}

/// Marks the logs in which less stands than was signed or cosigned. One that is missing whole gives the reason, too.
fn mark_what_is_behind(c: &Connections) -> Result<Vec<Origin>, StoreError> {
    let present = present(&c.node)?;
    let mut behind = Vec::new();
    let mut reason = None;
    let marking = Transaction::new_unchecked(&c.node, TransactionBehavior::Immediate)?;
    for line in lines(&c.marks)? {
        let stands = present.iter().find(|(p, _)| p.origin == line.origin);
        match stands {
            Some((p, recovering)) => {
                let less = p.mark.signed.size < line.mark.signed.size
                    || p.mark.cosigned.size < line.mark.cosigned.size;
                if less && !recovering {
                    let sql = "UPDATE channels SET recovering = 1, held = NULL
                               WHERE origin = ?1 AND state <> 'succeeded'";
                    if marking.execute(sql, [&line.origin])? > 0 {
                        behind.push(Origin::from_hex(&line.origin).map_err(bad_row)?);
                        reason = Some("the databases went back to an earlier state");
                    }
                }
            }
            // Once people were told, it is between them and the partner: the log comes back, or another takes its place.
            None => {
                let sql = "INSERT INTO meta (key, value) VALUES (?1, '1') ON CONFLICT (key) DO NOTHING";
                if marking.execute(sql, [format!("{MISSING}/{}", line.origin)])? > 0 {
                    reason = Some("the databases went back to before a channel was opened");
                }
            }
        }
    }
    if let Some(reason) = reason {
        note_reason(&marking, reason)?;
    }
    marking.commit()?;
    Ok(behind)
}

/// Deletes the keys of erased entries that an old copy of `keys.db` brought back. True if there were any.
fn erase_again(c: &Connections) -> Result<bool, StoreError> {
    let ids = erased(&c.marks)?;
    let mut deleted = 0;
    let deleting = Transaction::new_unchecked(&c.keys, TransactionBehavior::Immediate)?;
    for id in &ids {
        deleted += deleting.prepare_cached("DELETE FROM body_keys WHERE id = ?1")?.execute(params![id])?;
    }
    deleting.commit()?;
    if deleted > 0 {
        c.empty_the_log_of_keys()?;
    }
    Ok(deleted > 0)
}

/// Erases the texts again that an old copy of `node.db` brought back: their commitments and facts stay.
fn erase_entries_again(c: &Connections) -> Result<(), StoreError> {
    let ids = erased(&c.marks)?;
    if ids.is_empty() {
        return Ok(());
    }
    let erasing = Transaction::new_unchecked(&c.node, TransactionBehavior::Immediate)?;
    let mut back: Vec<(i64, i64)> = Vec::new();
    {
        let mut select =
            erasing.prepare("SELECT channel, idx, key_id FROM entries WHERE key_id IS NOT NULL")?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let key: Vec<u8> = row.get(2)?;
            if <[u8; 16]>::try_from(key.as_slice()).is_ok_and(|key| ids.contains(&key)) {
                back.push((row.get(0)?, row.get(1)?));
            }
        }
    }
    for (channel, index) in back {
        let sql = "UPDATE entries SET key_id = NULL, sealed = NULL WHERE channel = ?1 AND idx = ?2";
        erasing.prepare_cached(sql)?.execute([channel, index])?;
    }
    erasing.commit()?;
    Ok(())
}

/// Raises the mark to what stands: a crash may have come between the two commits. A log that recovers is left out: what
/// stands of it says nothing about how far it was signed.
pub(crate) fn raise_to_present(c: &Connections) -> Result<(), StoreError> {
    for (line, recovering) in present(&c.node)? {
        if !recovering {
            raise(&c.marks, &line.origin, line.mark)?;
        }
    }
    Ok(())
}

/// Notes durably which entries' keys are about to be deleted, so that no old copy of `keys.db` brings them back.
pub(crate) fn note_erased(marks: &Connection, keys: &[KeyId]) -> Result<(), StoreError> {
    let noting = Transaction::new_unchecked(marks, TransactionBehavior::Immediate)?;
    for id in keys {
        let sql = "INSERT INTO erased (id) VALUES (?1) ON CONFLICT (id) DO NOTHING";
        noting.prepare_cached(sql)?.execute(params![id.0])?;
    }
    noting.commit()?;
    Ok(())
}

impl View<'_> {
    /// How far this log was signed and cosigned at the least, by the high-water mark (log-format §9). `None` where there
    /// is no mark of it: it was never signed, or the mark was lost and the log recovers without one.
    pub fn high_water(&self, origin: &Origin) -> Result<Option<HighWater>, StoreError> {
        line_of(&self.c.marks, &origin.hex())
    }

    /// Why this node recovers, in words, and since when people were told; `None` if it does not.
    pub fn recovering(&self) -> Result<Option<(String, Option<String>)>, StoreError> {
        let Some(reason) = self.meta(REASON)? else { return Ok(None) };
        Ok(Some((reason, self.meta(SINCE)?)))
    }

    /// Whether a log of which there is no mark may have been signed or cosigned before this node went back.
    pub fn mark_lost(&self) -> Result<bool, StoreError> {
        Ok(self.meta(LOST)?.is_some())
    }

    /// When this node was restored and from which backup, as `mark_restored` noted it; `None` if it never was.
    pub fn restored(&self) -> Result<Option<String>, StoreError> {
        self.meta(RESTORED)
    }
}

impl Act<'_> {
    /// Raises the mark of a log to at least this; durable before the act is answered. Where the log recovers without a
    /// mark there is still none: nothing is signed for it, and what stands says nothing about what was.
    pub(crate) fn raise_mark(&self, row: &ChannelRow, to: HighWater) -> Result<(), StoreError> {
        let origin = row.origin.hex();
        if row.recovering && line_of(&self.c.marks, &origin)?.is_none() {
            return Ok(());
        }
        raise(&self.c.marks, &origin, to)
    }

    /// The mark of a log whose recovery is over: what stands of it is what was signed.
    pub(crate) fn mark_recovered(&self, row: &ChannelRow) -> Result<(), StoreError> {
        let sql = "SELECT coalesce(max(size), 0) FROM heads WHERE channel = ?1";
        let signed = count(self.c.node.prepare_cached(sql)?.query_row([row.id], |found| found.get(0))?)?;
        let mark = |size| Ok::<_, StoreError>(Mark { size, root: self.root_at(row, size)? });
        self.raise_mark(row, HighWater { signed: mark(signed)?, cosigned: mark(row.cosigned)? })
    }

    /// The mark says nothing of any log any more: it went back with the databases. Also of a log that neither knows.
    pub fn void_marks(&mut self) -> Result<(), StoreError> {
        self.c.marks.execute("DELETE FROM marks", [])?;
        note_lost(&self.c.node)
    }

    /// Marks every log, on both sides, as recovering: this node goes on from a backup, and nothing is signed or cosigned
    /// before it is settled with each partner what was signed before. `from` names the backup.
    ///
    /// People are told at the next start: `View::recovering` has no time until then.
    pub fn mark_restored(&mut self, from: &str, now: Timestamp) -> Result<(), StoreError> {
        let sql = "UPDATE channels SET recovering = 1, held = NULL WHERE state <> 'succeeded'";
        self.c.node.execute(sql, [])?;
        self.set_meta(REASON, "it was restored from a backup")?;
        self.set_meta(RESTORED, &format!("{now:.0} {from}"))?;
        self.forget_meta(SINCE)
    }

    /// Notes that people were told that this node recovers.
    pub fn recovery_told(&mut self, now: Timestamp) -> Result<(), StoreError> {
        self.set_meta(SINCE, &format!("{now:.0}"))
    }

    /// Forgets why this node recovered, once no log does any more. False, and nothing is changed, if one still does.
    pub fn recovery_over(&mut self) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM channels WHERE recovering = 1 AND state <> 'frozen')";
        if self.c.node.prepare_cached(sql)?.query_row([], |row| row.get(0))? {
            return Ok(false);
        }
        self.forget_meta(REASON)?;
        self.forget_meta(SINCE)?;
        Ok(true)
    }
}

/// What `restore` does to the copies of the databases before anything else may open them.
///
/// Brings them up to this program's forms, marks every log as recovering, takes in the marks that are named, deletes what
/// they say was erased, and lets go of the texts whose keys are not there: they were erased, sent or stopped after the
/// backup was made. Nothing of it is lost by a crash: `restore` begins again.
pub fn take_over(
    places: &Places,
    marks: &[PathBuf],
    from: &str,
    now: Timestamp,
) -> Result<TakenOver, StoreError> {
    let c = Connections::open_or_make(places)?;
    schema::bring_up(&c)?;
    let had_mark = schema::marks_form(&c.marks)? > 0;
    schema::make_marks(&c.marks)?;
    for other in marks {
        absorb(&c.marks, other)?;
    }
    let known: BTreeSet<String> = lines(&c.marks)?.into_iter().map(|line| line.origin).collect();
    erase_again(&c)?;
    erase_entries_again(&c)?;
    let marking = Transaction::new_unchecked(&c.node, TransactionBehavior::Immediate)?;
    let without_key = let_go(&c, &marking)?;
    {
        let mut act = Act::on(&c);
        act.mark_restored(from, now)?;
        act.set_meta(KEPT, "1")?;
        if void_what_is_older(&c)? || (!had_mark && marks.is_empty()) {
            note_lost(&c.node)?;
        }
    }
    marking.commit()?;
    let present = present(&c.node)?;
    Ok(TakenOver {
        channels: present.len(),
        with_mark: present.iter().filter(|(p, _)| known.contains(&p.origin)).count(),
        had_mark: had_mark || !marks.is_empty(),
        without_key,
    })
}

/// Takes away the lines of the mark that say less than the copy itself: they are of an earlier mark or of another node's.
/// True if there were any, or if a log of the copy is missing: then the mark is not the one that was kept last.
fn void_what_is_older(c: &Connections) -> Result<bool, StoreError> {
    let mut older = false;
    for (line, _) in present(&c.node)? {
        let stands = line_of(&c.marks, &line.origin)?;
        let whole = stands.is_some_and(|mark| {
            mark.signed.size >= line.mark.signed.size && mark.cosigned.size >= line.mark.cosigned.size
        });
        if !whole {
            older = true;
            c.marks.execute("DELETE FROM marks WHERE origin = ?1", [&line.origin])?;
        }
    }
    Ok(older)
}

/// What `take_over` found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TakenOver {
    /// How many channels there are; all of them recover.
    pub channels: usize,
    /// How many of them the mark knows.
    pub with_mark: usize,
    /// Whether there was any mark.
    pub had_mark: bool,
    /// How many texts had no key any more.
    pub without_key: usize,
}

/// Erases the entries and withdraws the waiting bodies whose keys are not there.
fn let_go(c: &Connections, node: &Connection) -> Result<usize, StoreError> {
    let both = [
        (
            "SELECT rowid, key_id FROM entries WHERE key_id IS NOT NULL",
            "UPDATE entries SET key_id = NULL, sealed = NULL WHERE rowid = ?1",
        ),
        (
            "SELECT id, key_id FROM outbox WHERE key_id IS NOT NULL",
            "UPDATE outbox SET key_id = NULL, sealed = NULL, state = 'withdrawn', \
             reason = 'it was sent or stopped after the backup was made' WHERE id = ?1",
        ),
    ];
    let mut keyless = 0;
    for (select, update) in both {
        let mut gone: Vec<Value> = Vec::new();
        let mut select = node.prepare(select)?;
        let mut rows = select.query([])?;
        let mut key = c.keys.prepare("SELECT 1 FROM body_keys WHERE id = ?1")?;
        while let Some(row) = rows.next()? {
            if !key.exists([row.get::<_, Vec<u8>>(1)?])? {
                gone.push(row.get(0)?);
            }
        }
        for row in gone {
            keyless += node.prepare_cached(update)?.execute([row])?;
        }
    }
    Ok(keyless)
}
