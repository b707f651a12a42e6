//! What each partner's log has cost lately: one row a log, so that counting costs the same however much comes.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};

use crate::columns::{count, ms, time_or_none};
use crate::error::StoreError;
use crate::writer::{Act, View};

/// What is counted of one log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetRow {
    /// The channel's own number.
    pub channel: i64,
    /// Bytes of its entries as they are kept, sealed; erased ones are not in it.
    pub stored_bytes: u64,
    /// What the acts count, as they wrote it (JSON); `{}` before anything was counted.
    pub counted: String,
}

/// What was stopped before it left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withdrawn {
    /// To whom it would have gone.
    pub partner: String,
    /// How many.
    pub count: u64,
    /// When the newest of them was decided.
    pub newest: Option<Timestamp>,
}

impl View<'_> {
    /// What is counted of a log; `None` if nothing ever was.
    pub fn budget(&self, channel: i64) -> Result<Option<BudgetRow>, StoreError> {
        let sql = "SELECT stored_bytes, counted FROM budgets WHERE channel = ?1";
        let mut select = self.c.node.prepare_cached(sql)?;
        let found = select.query_row([channel], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        let row = |(stored, counted): (i64, String)| {
            Ok(BudgetRow { channel, stored_bytes: count(stored)?, counted })
        };
        found.map(row).transpose()
    }

    /// What was stopped before it left, of what was decided at `since` or later, by partner.
    pub fn withdrawn_since(&self, since: Timestamp) -> Result<Vec<Withdrawn>, StoreError> {
        let sql = "SELECT partner, count(*), max(created_at) FROM outbox \
                   WHERE state = 'withdrawn' AND created_at >= ?1 GROUP BY partner ORDER BY partner";
        let mut select = self.c.node.prepare_cached(sql)?;
        let rows: Vec<(String, i64, Option<i64>)> = select
            .query_map([ms(since)], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect::<Result<_, _>>()?;
        let row = |(partner, number, newest)| {
            Ok(Withdrawn { partner, count: count(number)?, newest: time_or_none(newest)? })
        };
        rows.into_iter().map(row).collect()
    }

    /// When the oldest row that waits for a partner was decided, of both uses.
    pub fn waiting_since(&self, partner: &model::id::PartyName) -> Result<Option<Timestamp>, StoreError> {
        let sql =
            "SELECT created_at FROM outbox WHERE partner = ?1 AND state = 'queued' ORDER BY seq LIMIT 1";
        let mut select = self.c.node.prepare_cached(sql)?;
        time_or_none(select.query_row([partner.as_str()], |row| row.get(0)).optional()?)
    }

    /// How many notices wait to be told.
    pub fn notices_waiting(&self) -> Result<u64, StoreError> {
        let sql = "SELECT count(*) FROM notices WHERE state = 'waiting'";
        count(self.c.node.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
    }
}

impl Act<'_> {
    /// Keeps what the acts count of a log, in the place of what was there. The stored bytes keep themselves.
    pub fn put_budget(&mut self, channel: i64, counted: &str) -> Result<(), StoreError> {
        let sql = "INSERT INTO budgets (channel, stored_bytes, counted) VALUES (?1, 0, ?2) \
                   ON CONFLICT (channel) DO UPDATE SET counted = excluded.counted";
        self.c.node.prepare_cached(sql)?.execute(params![channel, counted])?;
        Ok(())
    }
}
