//! What can be made again from the entries of the logs: the trees, and what is read out of the entries. Compared with
//! what stands, and mended.

use std::collections::BTreeMap;

use model::facts::{self, Facts};
use model::id::EntryRef;
use rusqlite::params;
use tlog::channel::Use;
use tlog::commitment::{Commitment, Salt, commit};
use tlog::entry::Entry;
use tlog::hash::leaf_hash;
use tlog::tree::{CompactRange, Subtree};

use crate::channel::{entry_text, use_from};
use crate::columns::{count, ms, number};
use crate::error::{StoreError, bad_row};
use crate::high_water::note_reason;
use crate::sealed::key_id;
use crate::writer::{Act, Store, View};

/// The most differences that are named.
const NAMED_MAX: usize = 20;
/// After how many entries it is asked whether to go on.
const ENTRIES_PER_STEP: u64 = 500;

/// Something that is not as the entries say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The log, 64 hex digits.
    pub origin: String,
    /// What is not as it should be.
    pub what: String,
    /// Whether it can be made again. What cannot is lost or was tampered with.
    pub mendable: bool,
}

/// What a comparison found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Compared {
    /// How many logs were read.
    pub channels: u64,
    /// How many entries.
    pub entries: u64,
    /// How many differences there are.
    pub differences: u64,
    /// How many of them cannot be made again.
    pub unmendable: u64,
    /// The first of them.
    pub named: Vec<Difference>,
}

/// What mends one difference.
enum Mend {
    Entry {
        channel: i64,
        index: i64,
        kind: String,
        thread: [u8; 16],
        answers: Option<String>,
        written: i64,
        facts: String,
    },
    Subtree {
        channel: i64,
        level: u8,
        index: i64,
        hash: [u8; 32],
    },
    NoSubtreesAbove {
        channel: i64,
        size: i64,
    },
    Channel {
        channel: i64,
        stands: Stands,
    },
}

/// The columns of a channel that follow from its entries and heads.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Stands {
    size: i64,
    range: Vec<u8>,
    written: i64,
    seen: i64,
    cosigned: i64,
    cosigned_at: i64,
}

struct Log {
    id: i64,
    origin: String,
    use_: Use,
    stands: Stands,
}

/// The pass over all logs.
struct Pass<'a> {
    view: &'a View<'a>,
    found: Compared,
    mends: Vec<Mend>,
    all: u64,
    go_on: &'a mut dyn FnMut(u64, u64) -> bool,
}

/// Compares what stands with what the entries of all logs say. Linear in the entries; `go_on` hears how many of how many
/// were read, and false stops with `None`.
pub fn compare(
    view: &View<'_>,
    go_on: &mut dyn FnMut(u64, u64) -> bool,
) -> Result<Option<Compared>, StoreError> {
    Ok(pass(view, go_on)?.map(|(found, _)| found))
}

/// Compares, and makes again what can be made again, in one act. What it found before.
pub fn rebuild(
    store: &Store,
    go_on: &mut dyn FnMut(u64, u64) -> bool,
) -> Result<Option<Compared>, StoreError> {
    let Some((found, mends)) = store.view(|view| pass(view, go_on))? else { return Ok(None) };
    store.act(move |act| mends.iter().try_for_each(|mend| act.mend(mend)))?;
    Ok(Some(found))
}

fn pass(
    view: &View<'_>,
    go_on: &mut dyn FnMut(u64, u64) -> bool,
) -> Result<Option<(Compared, Vec<Mend>)>, StoreError> {
    let all = view.c.node.query_row("SELECT count(*) FROM entries", [], |row| row.get(0))?;
    let mut pass = Pass { view, found: Compared::default(), mends: Vec::new(), all: count(all)?, go_on };
    for log in logs(view)? {
        if !pass.log(&log)? {
            return Ok(None);
        }
    }
    Ok(Some((pass.found, pass.mends)))
}

fn logs(view: &View<'_>) -> Result<Vec<Log>, StoreError> {
    let sql =
        "SELECT id, origin, use, size, range, written, seen, cosigned, cosigned_at FROM channels ORDER BY id";
    let mut select = view.c.node.prepare(sql)?;
    let mut rows = select.query([])?;
    let mut logs = Vec::new();
    while let Some(row) = rows.next()? {
        logs.push(Log {
            id: row.get(0)?,
            origin: row.get(1)?,
            use_: use_from(&row.get::<_, String>(2)?)?,
            stands: Stands {
                size: row.get(3)?,
                range: row.get(4)?,
                written: row.get(5)?,
                seen: row.get(6)?,
                cosigned: row.get(7)?,
                cosigned_at: row.get(8)?,
            },
        });
    }
    Ok(logs)
}

/// A row of `entries`.
struct Kept {
    index: i64,
    kind: String,
    thread: Vec<u8>,
    answers: Option<String>,
    written: i64,
    facts: String,
    commitment: [u8; 32],
    sealed: Option<(Vec<u8>, Vec<u8>)>,
}

/// A head as it was fenced.
struct Fenced {
    root: [u8; 32],
    receipted: Option<i64>,
}

impl Pass<'_> {
    fn differs(&mut self, log: &Log, what: String, mend: Option<Mend>) {
        let mendable = mend.is_some();
        self.found.differences += 1;
        self.found.unmendable += u64::from(!mendable);
        if self.found.named.len() < NAMED_MAX {
            self.found.named.push(Difference { origin: log.origin.clone(), what, mendable });
        }
        self.mends.extend(mend);
    }

    /// One log; false if it was told to stop.
    fn log(&mut self, log: &Log) -> Result<bool, StoreError> {
        self.found.channels += 1;
        let heads = self.heads(log)?;
        let mut range = CompactRange::new();
        let mut made = Stands::default();
        let mut erased = false;
        let node = &self.view.c.node;
        let mut select = node.prepare(
            "SELECT idx, kind, thread, answers, written, facts, commitment, key_id, sealed FROM entries
             WHERE channel = ?1 ORDER BY idx",
        )?;
        let mut rows = select.query([log.id])?;
        while let Some(row) = rows.next()? {
            let kept = Kept {
                index: row.get(0)?,
                kind: row.get(1)?,
                thread: row.get(2)?,
                answers: row.get(3)?,
                written: row.get(4)?,
                facts: row.get(5)?,
                commitment: row.get(6)?,
                sealed: row.get::<_, Option<Vec<u8>>>(7)?.zip(row.get(8)?),
            };
            if kept.index != number(range.size())? {
                self.differs(log, format!("entry {} is missing", range.size()), None);
                return Ok(true);
            }
            let (written, seen) = self.entry(log, &kept)?;
            erased |= kept.sealed.is_none();
            made.written = made.written.max(written);
            made.seen = made.seen.max(seen);
            self.tree(log, &mut range, &kept.commitment)?;
            if let Some(head) = heads.get(&range.size())
                && head.root != *range.root().as_bytes()
            {
                self.differs(log, format!("the entries do not give the head of size {}", range.size()), None);
            }
            self.found.entries += 1;
            if self.found.entries.is_multiple_of(ENTRIES_PER_STEP)
                && !(self.go_on)(self.found.entries, self.all)
            {
                return Ok(false);
            }
        }
        made.size = number(range.size())?;
        made.range = range.to_bytes();
        // What an erased entry had named is not known any more.
        made.seen = if erased { made.seen.max(log.stands.seen) } else { made.seen };
        self.columns(log, made, &heads)?;
        Ok(true)
    }

    fn heads(&self, log: &Log) -> Result<BTreeMap<u64, Fenced>, StoreError> {
        let sql =
            "SELECT size, root, CASE WHEN line IS NULL THEN NULL ELSE at END FROM heads WHERE channel = ?1";
        let mut select = self.view.c.node.prepare(sql)?;
        let mut rows = select.query([log.id])?;
        let mut heads = BTreeMap::new();
        while let Some(row) = rows.next()? {
            heads.insert(count(row.get(0)?)?, Fenced { root: row.get(1)?, receipted: row.get(2)? });
        }
        Ok(heads)
    }

    /// Compares the columns of an entry with its text; when it was written, and which opposite size it named.
    fn entry(&mut self, log: &Log, kept: &Kept) -> Result<(i64, i64), StoreError> {
        let Some((key, sealed)) = &kept.sealed else { return Ok((kept.written, 0)) };
        let opened = self.view.unseal(&key_id(key)?, sealed.clone());
        let Ok(mut text) = opened else {
            self.differs(log, format!("the text of entry {} cannot be opened", kept.index), None);
            return Ok((kept.written, 0));
        };
        let bytes = text.split_off(32.min(text.len()));
        let salt: [u8; 32] = text.try_into().map_err(|_| bad_row("a sealed entry without its salt"))?;
        if *commit(&Salt::from_bytes(salt), &bytes).as_bytes() != kept.commitment {
            self.differs(log, format!("the text of entry {} is not what was committed to", kept.index), None);
            return Ok((kept.written, 0));
        }
        let Ok(Entry { header, body }) = Entry::parse(&bytes) else {
            self.differs(log, format!("the frame of entry {} cannot be read", kept.index), None);
            return Ok((kept.written, 0));
        };
        let facts = facts::of_entry(header.kind.as_str(), log.use_, &body);
        let answers = header.answers.as_ref().map(|a| EntryRef { origin: a.origin, index: a.index });
        let (kind, written) = (header.kind.as_str(), ms(header.written));
        let thread = *header.thread.as_bytes();
        let answers = answers.as_ref().map(entry_text);
        let stands = kept.kind == kind
            && kept.thread == thread
            && kept.answers == answers
            && kept.written == written
            && serde_json::from_str::<Facts>(&kept.facts).is_ok_and(|stands| stands == facts);
        if !stands {
            let mend = Mend::Entry {
                channel: log.id,
                index: kept.index,
                kind: kind.to_owned(),
                thread,
                answers,
                written,
                facts: serde_json::to_string(&facts).map_err(bad_row)?,
            };
            self.differs(
                log,
                format!("what is kept of entry {} is not what it says", kept.index),
                Some(mend),
            );
        }
        Ok((written, number(header.seen.map_or(0, |seen| seen.size))?))
    }

    /// Appends a leaf, and compares the subtrees that it completes.
    fn tree(&mut self, log: &Log, range: &mut CompactRange, commitment: &[u8; 32]) -> Result<(), StoreError> {
        for Subtree { level, index, hash } in range.append(leaf_hash(&Commitment::from_bytes(*commitment))) {
            let sql = "SELECT hash FROM subtrees WHERE channel = ?1 AND level = ?2 AND idx = ?3";
            let mut select = self.view.c.node.prepare_cached(sql)?;
            let mut rows = select.query(params![log.id, level, number(index)?])?;
            let stands: Option<[u8; 32]> = rows.next()?.map(|row| row.get(0)).transpose()?;
            if stands != Some(*hash.as_bytes()) {
                let mend =
                    Mend::Subtree { channel: log.id, level, index: number(index)?, hash: *hash.as_bytes() };
                self.differs(log, format!("subtree {index} of level {level}"), Some(mend));
            }
        }
        Ok(())
    }

    /// Compares the columns of the channel, and looks for heads and subtrees of entries that are not there.
    fn columns(
        &mut self,
        log: &Log,
        mut made: Stands,
        heads: &BTreeMap<u64, Fenced>,
    ) -> Result<(), StoreError> {
        let receipted = heads.iter().filter_map(|(size, head)| head.receipted.map(|at| (*size, at)));
        for (size, at) in receipted {
            made.cosigned = made.cosigned.max(number(size)?);
            made.cosigned_at = made.cosigned_at.max(at);
        }
        let beyond = heads.last_key_value().filter(|(size, _)| **size > made.size.unsigned_abs());
        if let Some((size, _)) = beyond {
            let what = format!(
                "a head of size {size}, and only {} entries: what is missing comes back from the partner, if it has it",
                made.size
            );
            self.differs(log, what, None);
        }
        let sql = "SELECT EXISTS (SELECT 1 FROM subtrees WHERE channel = ?1 AND ((idx + 1) << level) > ?2)";
        if self.view.c.node.query_row(sql, [log.id, made.size], |row| row.get(0))? {
            let mend = Mend::NoSubtreesAbove { channel: log.id, size: made.size };
            self.differs(log, "subtrees of entries that are not there".to_owned(), Some(mend));
        }
        if made != log.stands {
            let what = format!(
                "what the channel says of itself: {} entries, {} receipted",
                made.size, made.cosigned
            );
            self.differs(log, what, Some(Mend::Channel { channel: log.id, stands: made }));
        } else if beyond.is_some() {
            // Its columns are right, and it is to be marked as recovering all the same.
            self.mends.push(Mend::Channel { channel: log.id, stands: made });
        }
        Ok(())
    }
}

impl Act<'_> {
    fn mend(&mut self, mend: &Mend) -> Result<(), StoreError> {
        let node = &self.c.node;
        match mend {
            Mend::Entry { channel, index, kind, thread, answers, written, facts } => {
                let sql = "UPDATE entries SET kind = ?3, thread = ?4, answers = ?5, written = ?6, facts = ?7
                           WHERE channel = ?1 AND idx = ?2";
                node.prepare_cached(sql)?
                    .execute(params![channel, index, kind, thread, answers, written, facts])?;
            }
            Mend::Subtree { channel, level, index, hash } => {
                let sql = "INSERT INTO subtrees (channel, level, idx, hash) VALUES (?1, ?2, ?3, ?4)
                           ON CONFLICT (channel, level, idx) DO UPDATE SET hash = excluded.hash";
                node.prepare_cached(sql)?.execute(params![channel, level, index, hash])?;
            }
            Mend::NoSubtreesAbove { channel, size } => {
                let sql = "DELETE FROM subtrees WHERE channel = ?1 AND ((idx + 1) << level) > ?2";
                node.prepare_cached(sql)?.execute([channel, size])?;
            }
            Mend::Channel { channel, stands } => {
                let sql = "UPDATE channels SET size = ?2, range = ?3, written = ?4, seen = ?5, cosigned = ?6,
                           cosigned_at = ?7,
                           recovering = recovering OR (state <> 'succeeded'
                               AND EXISTS (SELECT 1 FROM heads WHERE channel = ?1 AND size > ?2))
                           WHERE id = ?1";
                let Stands { size, range, written, seen, cosigned, cosigned_at } = stands;
                node.prepare_cached(sql)?.execute(params![
                    channel,
                    size,
                    range,
                    written,
                    seen,
                    cosigned,
                    cosigned_at
                ])?;
                let sql = "SELECT recovering FROM channels WHERE id = ?1";
                if node.prepare_cached(sql)?.query_row([channel], |row| row.get(0))? {
                    note_reason(node, "entries of a log were lost")?;
                }
            }
        }
        Ok(())
    }
}
