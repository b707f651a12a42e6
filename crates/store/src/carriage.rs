//! How things are carried to and from a partner, and what stands in the way of fetching.

use model::id::PartyName;
use model::vocab::Carriage;
use rusqlite::{OptionalExtension, params};

use crate::channel::ChannelRow;
use crate::columns::{count, number};
use crate::error::{StoreError, bad_row};
use crate::writer::{Act, View};

impl View<'_> {
    /// How things are carried to and from this partner; `Push` where there is no such partner.
    pub fn carriage(&self, name: &PartyName) -> Result<Carriage, StoreError> {
        let sql = "SELECT carriage FROM partners WHERE name = ?1";
        let found: Option<String> =
            self.c.node.prepare_cached(sql)?.query_row([name.as_str()], |row| row.get(0)).optional()?;
        found.map_or(Ok(Carriage::Push), |word| word.parse().map_err(bad_row))
    }

    /// What stands in the way of fetching from this partner, in words.
    pub fn fetching_trouble(&self, name: &PartyName) -> Result<Option<String>, StoreError> {
        let sql = "SELECT fetching FROM partners WHERE name = ?1";
        let found: Option<Option<String>> =
            self.c.node.prepare_cached(sql)?.query_row([name.as_str()], |row| row.get(0)).optional()?;
        Ok(found.flatten())
    }

    /// The smallest fenced size of a log above this one.
    pub fn next_fence(&self, row: &ChannelRow, above: u64) -> Result<Option<u64>, StoreError> {
        let sql = "SELECT min(size) FROM heads WHERE channel = ?1 AND size > ?2";
        let found: Option<i64> =
            self.c.node.prepare_cached(sql)?.query_row(params![row.id, number(above)?], |r| r.get(0))?;
        found.map(count).transpose()
    }
}

impl Act<'_> {
    /// Changes how things are carried to and from a partner. What stood in the way of the former carriage is forgotten.
    pub fn set_carriage(&mut self, name: &PartyName, carriage: Carriage) -> Result<(), StoreError> {
        let sql = "UPDATE partners SET carriage = ?2, trouble = NULL, fetching = NULL WHERE name = ?1";
        self.c.node.prepare_cached(sql)?.execute(params![name.as_str(), carriage.word()])?;
        Ok(())
    }

    /// Notes what stands in the way of fetching from a partner, or that nothing does.
    pub fn note_fetching(&mut self, name: &PartyName, trouble: Option<&str>) -> Result<(), StoreError> {
        let sql = "UPDATE partners SET fetching = ?2 WHERE name = ?1";
        self.c.node.prepare_cached(sql)?.execute(params![name.as_str(), trouble])?;
        Ok(())
    }
}
