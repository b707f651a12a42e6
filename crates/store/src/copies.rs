//! Who has which copy of a warning, of what was previewed and of what was released.

use model::id::{Digest, EntryRef, OutboxId, PartyName, ProposalId, WarningId};
use rusqlite::{OptionalExtension, Row};
use tlog::channel::Origin;

use crate::columns::{count, parsed, time};
use crate::error::{StoreError, bad_row};
use crate::warning::CopyRow;
use crate::writer::View;

impl View<'_> {
    /// The digest of one recipient's copy in a proposal, if the proposal has one.
    pub fn proposal_copy_digest(
        &self,
        of: ProposalId,
        recipient: &PartyName,
    ) -> Result<Option<Digest>, StoreError> {
        let sql = "SELECT digest FROM proposal_copies WHERE proposal = ?1 AND recipient = ?2";
        let mut select = self.c.node.prepare_cached(sql)?;
        let keys = [of.to_string(), recipient.to_string()];
        Ok(select.query_row(keys, |row| row.get(0)).optional()?.map(Digest))
    }

    /// The copies of a warning that stand in a log to this recipient, the oldest first: the proposal of each, and its
    /// entry.
    pub fn copies_that_left(
        &self,
        of: WarningId,
        to: &PartyName,
    ) -> Result<Vec<(CopyRow, EntryRef)>, StoreError> {
        let sql = "SELECT warning, recipient, proposal, outbox, copies.thread, copies.digest, at, origin, idx
                   FROM copies CROSS JOIN outbox ON outbox.id = copies.outbox
                   WHERE warning = ?1 AND recipient = ?2 AND outbox.state = 'appended' ORDER BY at, proposal";
        let mut select = self.c.node.prepare_cached(sql)?;
        let mut rows = select.query([of.to_string(), to.to_string()])?;
        let mut left = Vec::new();
        while let Some(row) = rows.next()? {
            let origin: String = row.get(7)?;
            let at =
                EntryRef { origin: Origin::from_hex(&origin).map_err(bad_row)?, index: count(row.get(8)?)? };
            left.push((copy(row)?, at));
        }
        Ok(left)
    }

    /// The copies released of a warning, the oldest first.
    pub fn copies_of(&self, of: WarningId) -> Result<Vec<CopyRow>, StoreError> {
        self.copies("warning = ?1 ORDER BY at, proposal, recipient", &of.to_string())
    }

    /// The copy that a row of the outbox carries.
    pub fn copy_in_outbox(&self, outbox: OutboxId) -> Result<Option<CopyRow>, StoreError> {
        Ok(self.copies("outbox = ?1", &outbox.to_string())?.pop())
    }

    fn copies(&self, filter: &str, key: &str) -> Result<Vec<CopyRow>, StoreError> {
        let sql = format!(
            "SELECT warning, recipient, proposal, outbox, thread, digest, at FROM copies WHERE {filter}"
        );
        let mut select = self.c.node.prepare_cached(&sql)?;
        let mut rows = select.query([key])?;
        let mut copies = Vec::new();
        while let Some(row) = rows.next()? {
            copies.push(copy(row)?);
        }
        Ok(copies)
    }
}

fn copy(row: &Row<'_>) -> Result<CopyRow, StoreError> {
    Ok(CopyRow {
        warning: parsed(&row.get::<_, String>(0)?)?,
        recipient: parsed(&row.get::<_, String>(1)?)?,
        proposal: parsed(&row.get::<_, String>(2)?)?,
        outbox: parsed(&row.get::<_, String>(3)?)?,
        thread: row.get(4)?,
        digest: Digest(row.get(5)?),
        at: time(row.get(6)?)?,
    })
}
