//! Heads of logs: the sign fence of what we sign, and the receipts.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, params};
use tlog::hash::Hash;

use crate::channel::ChannelRow;
use crate::columns::{count, ms, number, time};
use crate::error::{StoreError, bad_row};
use crate::high_water::{HighWater, Mark};
use crate::writer::{Act, View};

/// A head of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeadRow {
    /// The size.
    pub size: u64,
    /// The root at that size.
    pub root: Hash,
    /// The checkpoint with all its lines, once signed.
    pub note: Option<String>,
    /// The cosignature's line, once there.
    pub line: Option<String>,
    /// The cosignature's time, by the receiver's clock.
    pub at: Option<Timestamp>,
}

struct Raw {
    size: i64,
    root: [u8; 32],
    note: Option<String>,
    line: Option<String>,
    at: Option<i64>,
}

fn raw(row: &Row<'_>) -> rusqlite::Result<Raw> {
    Ok(Raw { size: row.get(0)?, root: row.get(1)?, note: row.get(2)?, line: row.get(3)?, at: row.get(4)? })
}

fn from_raw(raw: Raw) -> Result<HeadRow, StoreError> {
    Ok(HeadRow {
        size: count(raw.size)?,
        root: Hash::from_bytes(raw.root),
        note: raw.note,
        line: raw.line,
        at: raw.at.map(time).transpose()?,
    })
}

impl View<'_> {
    /// The head of a log at exactly this size, if one was made there.
    pub fn head(&self, row: &ChannelRow, at: u64) -> Result<Option<HeadRow>, StoreError> {
        let sql = "SELECT size, root, note, line, at FROM heads WHERE channel = ?1 AND size = ?2";
        let found =
            self.c.node.prepare_cached(sql)?.query_row(params![row.id, number(at)?], raw).optional()?;
        found.map(from_raw).transpose()
    }

    /// The largest cosigned head of a log: the newest receipt.
    pub fn newest_receipt(&self, row: &ChannelRow) -> Result<Option<HeadRow>, StoreError> {
        let sql = "SELECT size, root, note, line, at FROM heads WHERE channel = ?1 AND line IS NOT NULL
                   ORDER BY size DESC LIMIT 1";
        let found = self.c.node.prepare_cached(sql)?.query_row([row.id], raw).optional()?;
        found.map(from_raw).transpose()
    }

    /// The note of the largest head that has one: of a partner's log also where it is not cosigned while we take back what
    /// we have lost.
    pub fn newest_note(&self, row: &ChannelRow) -> Result<Option<String>, StoreError> {
        let sql = "SELECT note FROM heads WHERE channel = ?1 AND note IS NOT NULL ORDER BY size DESC LIMIT 1";
        Ok(self.c.node.prepare_cached(sql)?.query_row([row.id], |r| r.get(0)).optional()?)
    }

    /// The smallest head with a note that covers an entry.
    pub fn noted_after(&self, row: &ChannelRow, index: u64) -> Result<Option<HeadRow>, StoreError> {
        let sql = "SELECT size, root, note, line, at FROM heads WHERE channel = ?1 AND note IS NOT NULL AND size > ?2
                   ORDER BY size LIMIT 1";
        let found =
            self.c.node.prepare_cached(sql)?.query_row(params![row.id, number(index)?], raw).optional()?;
        found.map(from_raw).transpose()
    }

    /// The earliest cosigned head that covers an entry: its receipt.
    pub fn receipt_of(&self, row: &ChannelRow, index: u64) -> Result<Option<HeadRow>, StoreError> {
        let sql = "SELECT size, root, note, line, at FROM heads WHERE channel = ?1 AND line IS NOT NULL AND size > ?2
                   ORDER BY size LIMIT 1";
        let found =
            self.c.node.prepare_cached(sql)?.query_row(params![row.id, number(index)?], raw).optional()?;
        found.map(from_raw).transpose()
    }
}

impl Act<'_> {
    /// The sign fence: from when this is durable no other root can be signed for this size, also by another process on
    /// this database, and the high-water mark says that it was. The same root again changes nothing; another one is a
    /// `Contradiction`.
    pub fn fence_head(&mut self, row: &ChannelRow, at: u64, root: &Hash) -> Result<(), StoreError> {
        match self.head(row, at)? {
            Some(head) if head.root == *root => {}
            Some(_) => {
                return Err(StoreError::Contradiction(format!("a second root for size {at} of one log")));
            }
            None => {
                let sql = "INSERT INTO heads (channel, size, root) VALUES (?1, ?2, ?3)";
                self.c.node.prepare_cached(sql)?.execute(params![row.id, number(at)?, root.as_bytes()])?;
            }
        }
        self.raise_mark(row, HighWater { signed: Mark { size: at, root: *root }, cosigned: Mark::NONE })
    }

    /// Keeps a fenced head's note as its giver signed it, where there is no receipt of it yet.
    pub fn keep_note(&mut self, row: &ChannelRow, at: u64, note: &str) -> Result<(), StoreError> {
        let sql = "UPDATE heads SET note = ?3 WHERE channel = ?1 AND size = ?2 AND line IS NULL";
        self.c.node.prepare_cached(sql)?.execute(params![row.id, number(at)?, note])?;
        Ok(())
    }

    /// Keeps the receipt for a fenced head: the note with all its lines, the cosignature's line and its time.
    ///
    /// The first receipt of a head is the one that counts, and nothing replaces it: a head that has one is left alone,
    /// whatever line comes. `Contradiction` if no root was ever fenced for this size.
    pub fn keep_receipt(
        &mut self,
        row: &mut ChannelRow,
        at: u64,
        note: &str,
        line: &str,
        cosigned_at: Timestamp,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE heads SET note = ?3, line = ?4, at = ?5 WHERE channel = ?1 AND size = ?2 AND line IS NULL";
        let changed = self.c.node.prepare_cached(sql)?.execute(params![
            row.id,
            number(at)?,
            note,
            line,
            ms(cosigned_at)
        ])?;
        if changed == 0 {
            return match self.head(row, at)? {
                Some(head) => {
                    let signed = Mark { size: at, root: head.root };
                    let cosigned = if head.line.is_some() { signed } else { Mark::NONE };
                    self.raise_mark(row, HighWater { signed, cosigned })
                }
                None => {
                    Err(StoreError::Contradiction(format!("a receipt for size {at}, which was never fenced")))
                }
            };
        }
        row.cosigned = row.cosigned.max(at);
        row.cosigned_at = row.cosigned_at.max(cosigned_at);
        let sql = "UPDATE channels SET cosigned = ?2, cosigned_at = ?3 WHERE id = ?1";
        self.c.node.prepare_cached(sql)?.execute(params![
            row.id,
            number(row.cosigned)?,
            ms(row.cosigned_at)
        ])?;
        let fenced = self.head(row, at)?.ok_or_else(|| bad_row("a receipted head is gone"))?;
        let mark = Mark { size: at, root: fenced.root };
        self.raise_mark(row, HighWater { signed: mark, cosigned: mark })
    }
}
