//! Heads of logs: the sign fence of what we sign, and the receipts.
//!
//! A note that bears a signature of ours is given out only as far as the durable high-water mark goes. A group of acts is
//! durable before its mark is (`writer`): where the mark's disk fails, what was signed in that group stands in `node.db`,
//! and nobody may be shown it before the mark covers it.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, params};
use tlog::hash::Hash;

use crate::channel::{ChannelRow, ChannelSide};
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

/// Which heads with a note may be given out, beside `?2` as the size up to which the mark vouches: those of a log of ours
/// carry our signature, those of a partner's log only where they have our line.
const MAY_BE_GIVEN: &str = "note IS NOT NULL AND (size <= ?2 OR (?3 AND line IS NULL))";

impl View<'_> {
    /// The head of a log at exactly this size, if one was made there. Its note and line are left out where they bear a
    /// signature of ours that the high-water mark does not cover.
    pub fn head(&self, row: &ChannelRow, at: u64) -> Result<Option<HeadRow>, StoreError> {
        let Some(mut head) = self.stored_head(row, at)? else { return Ok(None) };
        let signed_by_us = row.side == ChannelSide::Ours || head.line.is_some();
        if signed_by_us && number(at)? > self.vouched(row)? {
            (head.note, head.line, head.at) = (None, None, None);
        }
        Ok(Some(head))
    }

    /// Whether a head of this size may be signed or shown with our signature: the high-water mark covers it.
    pub fn is_marked(&self, row: &ChannelRow, size: u64) -> Result<bool, StoreError> {
        Ok(number(size)? <= self.vouched(row)?)
    }

    /// The largest cosigned head of a log: the newest receipt that may be shown.
    pub fn newest_receipt(&self, row: &ChannelRow) -> Result<Option<HeadRow>, StoreError> {
        let sql = "SELECT size, root, note, line, at FROM heads WHERE channel = ?1 AND line IS NOT NULL AND size <= ?2
                   ORDER BY size DESC LIMIT 1";
        let keys = params![row.id, self.vouched(row)?];
        let found = self.c.node.prepare_cached(sql)?.query_row(keys, raw).optional()?;
        found.map(from_raw).transpose()
    }

    /// The note of the largest head that has one and may be shown: of a partner's log also where it is not cosigned while
    /// we take back what we have lost.
    pub fn newest_note(&self, row: &ChannelRow) -> Result<Option<String>, StoreError> {
        let sql = format!(
            "SELECT note FROM heads WHERE channel = ?1 AND {MAY_BE_GIVEN} ORDER BY size DESC LIMIT 1"
        );
        let keys = params![row.id, self.vouched(row)?, row.side == ChannelSide::Theirs];
        Ok(self.c.node.prepare_cached(&sql)?.query_row(keys, |r| r.get(0)).optional()?)
    }

    /// The smallest head that covers an entry and has a note that may be shown.
    pub fn noted_after(&self, row: &ChannelRow, index: u64) -> Result<Option<HeadRow>, StoreError> {
        let sql = format!(
            "SELECT size, root, note, line, at FROM heads WHERE channel = ?1 AND {MAY_BE_GIVEN} AND size > ?4
             ORDER BY size LIMIT 1"
        );
        let keys = params![row.id, self.vouched(row)?, row.side == ChannelSide::Theirs, number(index)?];
        let found = self.c.node.prepare_cached(&sql)?.query_row(keys, raw).optional()?;
        found.map(from_raw).transpose()
    }

    /// The earliest cosigned head that covers an entry: its receipt, if it may be shown.
    pub fn receipt_of(&self, row: &ChannelRow, index: u64) -> Result<Option<HeadRow>, StoreError> {
        let sql = "SELECT size, root, note, line, at FROM heads WHERE channel = ?1 AND line IS NOT NULL AND size > ?2
                   AND size <= ?3 ORDER BY size LIMIT 1";
        let keys = params![row.id, number(index)?, self.vouched(row)?];
        let found = self.c.node.prepare_cached(sql)?.query_row(keys, raw).optional()?;
        found.map(from_raw).transpose()
    }

    /// The head of a log at this size as it stands in `node.db`.
    fn stored_head(&self, row: &ChannelRow, at: u64) -> Result<Option<HeadRow>, StoreError> {
        let sql = "SELECT size, root, note, line, at FROM heads WHERE channel = ?1 AND size = ?2";
        let found =
            self.c.node.prepare_cached(sql)?.query_row(params![row.id, number(at)?], raw).optional()?;
        found.map(from_raw).transpose()
    }

    /// Up to which size the high-water mark says that this log was signed (ours) or cosigned (theirs). In an act that
    /// counts what the act itself raises: it is answered only once that is durable.
    ///
    /// A log of which no mark is left has no such size while it recovers, and once it is succeeded: nothing new is signed
    /// of it, and what stands was signed before the mark was lost.
    fn vouched(&self, row: &ChannelRow) -> Result<i64, StoreError> {
        match (self.high_water(&row.origin)?, row.side) {
            (Some(mark), ChannelSide::Ours) => number(mark.signed.size),
            (Some(mark), ChannelSide::Theirs) => number(mark.cosigned.size),
            (None, _) if row.recovering || row.is_succeeded() => Ok(i64::MAX),
            (None, _) => Ok(0),
        }
    }
}

impl Act<'_> {
    /// The sign fence: from when this is durable no other root can be signed for this size, also by another process on
    /// this database, and the high-water mark says that it was. The same root again changes nothing; another one is a
    /// `Contradiction`.
    pub fn fence_head(&mut self, row: &ChannelRow, at: u64, root: &Hash) -> Result<(), StoreError> {
        match self.stored_head(row, at)? {
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
            return match self.stored_head(row, at)? {
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
        let fenced = self.stored_head(row, at)?.ok_or_else(|| bad_row("a receipted head is gone"))?;
        let mark = Mark { size: at, root: fenced.root };
        self.raise_mark(row, HighWater { signed: mark, cosigned: mark })
    }
}
