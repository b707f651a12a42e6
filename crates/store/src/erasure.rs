//! Entries whose text this node does not hold: erased here after a recall, or given as erased by a partner.

use jiff::Timestamp;
use model::facts::{Facts, ReleaseFacts};
use model::id::EntryRef;
use rusqlite::{OptionalExtension, params};
use tlog::commitment::Commitment;

use crate::channel::{ChannelRow, entry_text};
use crate::columns::{count, ms, number};
use crate::error::{StoreError, bad_row};
use crate::sealed::{Forgotten, key_id};
use crate::warning::CopyRow;
use crate::writer::{Act, View};

/// The kind that stands for an entry of which only the commitment is held, until its recall names it.
const UNNAMED: &str = "erased";

/// What a recall says of the entry that it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedEntry {
    /// Its kind.
    pub kind: String,
    /// Its thread: the recall's own.
    pub thread: [u8; 16],
    /// The entry it answers.
    pub answers: Option<EntryRef>,
    /// When it was written, by its writer's clock.
    pub written: Timestamp,
    /// What the folds read of it.
    pub facts: ReleaseFacts,
}

impl View<'_> {
    /// The entries of a log that were given as erased and that no recall names yet, in order.
    pub fn unnamed(&self, row: &ChannelRow) -> Result<Vec<u64>, StoreError> {
        let sql = "SELECT idx FROM unnamed WHERE channel = ?1 ORDER BY idx";
        let mut select = self.c.node.prepare_cached(sql)?;
        let found: Vec<i64> = select.query_map([row.id], |r| r.get(0))?.collect::<Result<_, _>>()?;
        found.into_iter().map(count).collect()
    }

    /// Whether the text of an entry is held.
    pub fn holds_text(&self, row: &ChannelRow, index: u64) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM entries WHERE channel = ?1 AND idx = ?2 AND sealed IS NOT NULL";
        Ok(self.c.node.prepare_cached(sql)?.exists(params![row.id, number(index)?])?)
    }

    /// The copy of a warning of ours that stands in a log as this entry.
    pub fn copy_at(&self, at: &EntryRef) -> Result<Option<CopyRow>, StoreError> {
        let sql = "SELECT id FROM outbox WHERE origin = ?1 AND idx = ?2 AND state = 'appended'";
        let keys = params![at.origin.hex(), number(at.index)?];
        let found: Option<String> =
            self.c.node.prepare_cached(sql)?.query_row(keys, |r| r.get(0)).optional()?;
        match found {
            Some(id) => self.copy_in_outbox(id.parse().map_err(bad_row)?),
            None => Ok(None),
        }
    }
}

impl Act<'_> {
    /// Appends an entry of which only the commitment is known, and returns its index. `row` is brought up to date. Until
    /// `name_erased` it says nothing.
    pub fn append_erased(
        &mut self,
        row: &mut ChannelRow,
        commitment: &Commitment,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let index = row.size();
        self.c.node.prepare_cached(
            "INSERT INTO entries (channel, idx, kind, thread, answers, written, kept_at, facts, commitment, key_id, sealed)
             VALUES (?1, ?2, ?3, ?4, NULL, ?5, ?6, ?7, ?8, NULL, NULL)",
        )?.execute(params![
            row.id,
            number(index)?,
            UNNAMED,
            [0u8; 16],
            ms(row.written),
            ms(now),
            serde_json::to_string(&Facts::Erased).map_err(bad_row)?,
            commitment.as_bytes(),
        ])?;
        let sql = "INSERT INTO unnamed (channel, idx) VALUES (?1, ?2)";
        self.c.node.prepare_cached(sql)?.execute(params![row.id, number(index)?])?;
        self.grow(row, commitment)?;
        Ok(index)
    }

    /// Says of an entry that was given as erased what its recall says of it. False, and nothing is changed, for any other.
    pub fn name_erased(
        &mut self,
        row: &ChannelRow,
        index: u64,
        named: &NamedEntry,
    ) -> Result<bool, StoreError> {
        let sql = "DELETE FROM unnamed WHERE channel = ?1 AND idx = ?2";
        if self.c.node.prepare_cached(sql)?.execute(params![row.id, number(index)?])? == 0 {
            return Ok(false);
        }
        let sql = "UPDATE entries SET kind = ?3, thread = ?4, answers = ?5, written = ?6, facts = ?7
                   WHERE channel = ?1 AND idx = ?2";
        self.c.node.prepare_cached(sql)?.execute(params![
            row.id,
            number(index)?,
            named.kind,
            named.thread,
            named.answers.as_ref().map(entry_text),
            ms(named.written),
            serde_json::to_string(&Facts::Release(named.facts.clone())).map_err(bad_row)?,
        ])?;
        Ok(true)
    }

    /// Erases the text and the salt of an entry; its commitment and facts stay, and every proof still verifies.
    ///
    /// When the act is answered its key is deleted, overwritten and out of the write-ahead log of `keys.db`. If the disk
    /// fails at just that step, the act holds all the same and the deletion is done with the next one or at the start.
    pub fn erase_entry(&mut self, row: &ChannelRow, index: u64) -> Result<(), StoreError> {
        let sql = "SELECT key_id FROM entries WHERE channel = ?1 AND idx = ?2 AND key_id IS NOT NULL";
        let keys = params![row.id, number(index)?];
        let found: Option<Vec<u8>> =
            self.c.node.prepare_cached(sql)?.query_row(keys, |r| r.get(0)).optional()?;
        let Some(key) = found else { return Ok(()) };
        self.forget(&key_id(&key)?, Forgotten::Entry)?;
        let sql = "UPDATE entries SET key_id = NULL, sealed = NULL WHERE channel = ?1 AND idx = ?2";
        self.c.node.prepare_cached(sql)?.execute(params![row.id, number(index)?])?;
        Ok(())
    }
}
