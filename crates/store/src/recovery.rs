//! What a node remembers that goes on from a copy of its data: which logs are not settled, and what came back.

use jiff::Timestamp;
use model::id::{EntryRef, PartyName};
use rusqlite::{OptionalExtension, params};
use tlog::channel::Use;

use crate::channel::{ChannelRow, entry_from, entry_text, use_word};
use crate::columns::{ms, number};
use crate::error::StoreError;
use crate::high_water::note_reason;
use crate::outbox::OutboxRow;
use crate::writer::{Act, View};

/// An entry of our own log that a partner gave back.
pub struct CameBack {
    /// Who gave it back.
    pub partner: PartyName,
    /// Of which channel.
    pub use_: Use,
    /// Its kind.
    pub kind: String,
    /// SHA-256 of its body.
    pub digest: [u8; 32],
    /// Where it stands.
    pub at: EntryRef,
    /// When it was written.
    pub written: Timestamp,
}

impl View<'_> {
    /// How many bytes the sealed texts of the entries from `from` up to but not including `to` have.
    pub fn sealed_bytes(&self, row: &ChannelRow, from: u64, to: u64) -> Result<usize, StoreError> {
        let sql = "SELECT coalesce(sum(length(sealed)), 0) FROM entries WHERE channel = ?1 AND idx >= ?2 AND idx < ?3";
        let keys = params![row.id, number(from)?, number(to)?];
        let bytes: i64 = self.c.node.prepare_cached(sql)?.query_row(keys, |r| r.get(0))?;
        Ok(usize::try_from(bytes).unwrap_or(usize::MAX))
    }
}

impl Act<'_> {
    /// From now on this log is signed or cosigned no further before it is settled what was signed before.
    pub fn begin_recovery(&mut self, row: &mut ChannelRow) -> Result<(), StoreError> {
        self.set_recovery(row, true, None)
    }

    /// What was signed before is known, and this log has caught up with it.
    pub fn end_recovery(&mut self, row: &mut ChannelRow) -> Result<(), StoreError> {
        self.set_recovery(row, false, None)?;
        self.mark_recovered(row)
    }

    /// A log that recovers carries again after a freeze, during which it was no reason for this node to recover. Where no
    /// other reason stands, this one does from now on.
    pub fn recovers_again(&mut self, reason: &str, now: Timestamp) -> Result<(), StoreError> {
        if self.recovering()?.is_some() {
            return Ok(());
        }
        note_reason(&self.c.node, reason)?;
        self.recovery_told(now)
    }

    /// Remembers our own cosigned checkpoint that the copy of a partner's log must grow into.
    pub fn grow_into(&mut self, row: &mut ChannelRow, held: &str) -> Result<(), StoreError> {
        self.set_recovery(row, true, Some(held.to_owned()))
    }

    fn set_recovery(
        &mut self,
        row: &mut ChannelRow,
        recovering: bool,
        held: Option<String>,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE channels SET recovering = ?2, held = ?3 WHERE id = ?1";
        self.c.node.prepare_cached(sql)?.execute(params![row.id, recovering, held])?;
        (row.recovering, row.held) = (recovering, held);
        Ok(())
    }

    /// Remembers an entry that a partner gave back.
    pub fn came_back(&mut self, back: &CameBack) -> Result<(), StoreError> {
        let sql = "INSERT INTO came_back (partner, use, kind, digest, entry, written) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                   ON CONFLICT DO NOTHING";
        self.c.node.prepare_cached(sql)?.execute(params![
            back.partner.as_str(),
            use_word(back.use_),
            back.kind,
            back.digest,
            entry_text(&back.at),
            ms(back.written)
        ])?;
        Ok(())
    }

    /// Whether a row of the outbox is what came back, and where it stands; each entry is claimed once.
    ///
    /// A warning's body is like no other, so it is the same whenever it was decided. Anything else counts only if it was
    /// decided before the entry was written: the same thanks may be given twice.
    pub fn claim_come_back(&mut self, row: &OutboxRow) -> Result<Option<EntryRef>, StoreError> {
        let sql = "SELECT entry FROM came_back WHERE partner = ?1 AND use = ?2 AND kind = ?3 AND digest = ?4
                   AND (kind LIKE 'warning.%' OR written / 1000 >= ?5 / 1000) ORDER BY written LIMIT 1";
        let keys =
            params![row.partner.as_str(), use_word(row.use_), row.kind, row.digest, ms(row.created_at)];
        let found: Option<String> =
            self.c.node.prepare_cached(sql)?.query_row(keys, |r| r.get(0)).optional()?;
        let Some(entry) = found else { return Ok(None) };
        self.c.node.prepare_cached("DELETE FROM came_back WHERE entry = ?1")?.execute([&entry])?;
        entry_from(&entry).map(Some)
    }
}
