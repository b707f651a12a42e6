//! What was signed and cannot be true, as it was kept.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row};
use tlog::channel::Origin;

use crate::columns::{count, time};
use crate::error::{StoreError, bad_row};
use crate::writer::View;

/// A signed note that was kept for people to judge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvidenceRow {
    /// Its number.
    pub id: i64,
    /// The log that it is about.
    pub origin: Origin,
    /// What is wrong, in words.
    pub what: String,
    /// The signed note as it came.
    pub note: String,
    /// The size of the parcel that came with it, in bytes, if that was kept.
    pub parcel_bytes: Option<u64>,
    /// When it was kept, by our clock.
    pub at: Timestamp,
}

const SELECT: &str = "SELECT e.id, c.origin, e.what, e.note, length(e.parcel), e.at
    FROM evidence e JOIN channels c ON c.id = e.channel";

struct Raw {
    id: i64,
    origin: String,
    what: String,
    note: String,
    parcel_bytes: Option<i64>,
    at: i64,
}

fn raw(row: &Row<'_>) -> rusqlite::Result<Raw> {
    Ok(Raw {
        id: row.get(0)?,
        origin: row.get(1)?,
        what: row.get(2)?,
        note: row.get(3)?,
        parcel_bytes: row.get(4)?,
        at: row.get(5)?,
    })
}

fn from_raw(raw: Raw) -> Result<EvidenceRow, StoreError> {
    let Raw { id, origin, what, note, parcel_bytes, at } = raw;
    Ok(EvidenceRow {
        id,
        origin: Origin::from_hex(&origin).map_err(bad_row)?,
        what,
        note,
        parcel_bytes: parcel_bytes.map(count).transpose()?,
        at: time(at)?,
    })
}

impl View<'_> {
    /// Everything that was kept, the oldest first.
    pub fn all_evidence(&self) -> Result<Vec<EvidenceRow>, StoreError> {
        let mut select = self.c.node.prepare_cached(&format!("{SELECT} ORDER BY e.id"))?;
        let rows: Vec<Raw> = select.query_map([], raw)?.collect::<Result<_, _>>()?;
        rows.into_iter().map(from_raw).collect()
    }

    /// What was kept under this number.
    pub fn evidence(&self, id: i64) -> Result<Option<EvidenceRow>, StoreError> {
        let mut select = self.c.node.prepare_cached(&format!("{SELECT} WHERE e.id = ?1"))?;
        select.query_row([id], raw).optional()?.map(from_raw).transpose()
    }

    /// The parcel that was kept under this number, byte for byte as it came.
    pub fn kept_parcel(&self, id: i64) -> Result<Option<Vec<u8>>, StoreError> {
        let sql = "SELECT parcel FROM evidence WHERE id = ?1";
        Ok(self.c.node.prepare_cached(sql)?.query_row([id], |row| row.get(0)).optional()?.flatten())
    }
}
