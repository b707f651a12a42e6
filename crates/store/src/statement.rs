//! The statements of a channel by the size from which their keys hold, and logs that go on in another (log-format §8).

use jiff::Timestamp;
use model::id::{EntryRef, OutboxId, PartyName};
use rusqlite::{OptionalExtension, Row, params};
use tlog::channel::Origin;

use crate::channel::ChannelRow;
use crate::columns::{count, ms, number, time};
use crate::error::{StoreError, bad_row};
use crate::sealed::SealingDraw;
use crate::writer::{Act, View};

/// A statement of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementRow {
    /// Its keys hold for checkpoints of this size and larger, until the next statement's.
    pub from: u64,
    /// Which key of ours signs the log: 0 for the first, one more with each change. 0 for a partner's log.
    pub generation: u64,
    /// Its text, half-signed while it is proposed.
    pub text: String,
}

/// A log of ours that is to be succeeded and still ends in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndingRow {
    /// Who decided it: a login name, or `node`.
    pub by: String,
    /// Why, in words; they stay here.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

/// A successor that a partner proposed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuccessorRow {
    /// The new log.
    pub origin: Origin,
    /// Its giver.
    pub partner: PartyName,
    /// The proposal, signed by its giver.
    pub text: String,
    /// Whether a person still has to look at it.
    pub waiting: bool,
    /// Whether a person has refused it.
    pub refused: bool,
    /// When it arrived.
    pub at: Timestamp,
}

fn statement(row: &Row<'_>) -> rusqlite::Result<(i64, i64, String)> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
}

fn statement_row((from, generation, text): (i64, i64, String)) -> Result<StatementRow, StoreError> {
    Ok(StatementRow { from: count(from)?, generation: count(generation)?, text })
}

impl View<'_> {
    /// The statement in force for checkpoints of this size: of those that both have signed the one with the largest
    /// `from` that is not beyond it. `None` while the first is only proposed.
    pub fn statement_at(&self, row: &ChannelRow, size: u64) -> Result<Option<StatementRow>, StoreError> {
        let sql = "SELECT from_size, generation, text FROM statements
                   WHERE channel = ?1 AND state = 'agreed' AND from_size <= ?2 ORDER BY from_size DESC LIMIT 1";
        let mut select = self.c.node.prepare_cached(sql)?;
        let found = select.query_row(params![row.id, number(size)?], statement).optional()?;
        found.map(statement_row).transpose()
    }

    /// The next change of keys of this log that we proposed and the partner has not signed yet.
    pub fn statement_proposed(&self, row: &ChannelRow) -> Result<Option<StatementRow>, StoreError> {
        let sql =
            "SELECT from_size, generation, text FROM statements WHERE channel = ?1 AND state = 'proposed'";
        let found = self.c.node.prepare_cached(sql)?.query_row([row.id], statement).optional()?;
        found.map(statement_row).transpose()
    }

    /// Every statement that both have signed, the first first.
    pub fn statements(&self, row: &ChannelRow) -> Result<Vec<StatementRow>, StoreError> {
        let sql = "SELECT from_size, generation, text FROM statements
                   WHERE channel = ?1 AND state = 'agreed' ORDER BY from_size";
        let mut select = self.c.node.prepare_cached(sql)?;
        let rows: Vec<_> = select.query_map([row.id], statement)?.collect::<Result<_, _>>()?;
        rows.into_iter().map(statement_row).collect()
    }

    /// Why this log of ours is to end, if it is.
    pub fn ending(&self, row: &ChannelRow) -> Result<Option<EndingRow>, StoreError> {
        let sql = "SELECT by_person, reason, at FROM endings WHERE channel = ?1";
        let found: Option<(String, String, i64)> = self
            .c
            .node
            .prepare_cached(sql)?
            .query_row([row.id], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))
            .optional()?;
        found.map(|(by, reason, at)| Ok(EndingRow { by, reason, at: time(at)? })).transpose()
    }

    /// The successors that partners proposed and a person must look at, the oldest first.
    pub fn successors_waiting(&self) -> Result<Vec<SuccessorRow>, StoreError> {
        self.successors_in("waiting")
    }

    /// The successors that partners proposed and a person refused, the oldest first.
    pub fn successors_refused(&self) -> Result<Vec<SuccessorRow>, StoreError> {
        self.successors_in("refused")
    }

    fn successors_in(&self, state: &str) -> Result<Vec<SuccessorRow>, StoreError> {
        let sql =
            "SELECT origin, partner, text, state, at FROM successors WHERE state = ?1 ORDER BY at, origin";
        let mut select = self.c.node.prepare_cached(sql)?;
        let rows: Vec<_> = select.query_map([state], successor)?.collect::<Result<_, _>>()?;
        rows.into_iter().map(successor_row).collect()
    }

    /// The proposed successor of this origin, if it had to wait for a person.
    pub fn successor(&self, origin: &Origin) -> Result<Option<SuccessorRow>, StoreError> {
        let sql = "SELECT origin, partner, text, state, at FROM successors WHERE origin = ?1";
        let found = self.c.node.prepare_cached(sql)?.query_row([origin.hex()], successor).optional()?;
        found.map(successor_row).transpose()
    }

    /// The outbox row that sends an entry anew that was left behind in a succeeded log.
    pub fn sent_anew(&self, at: &EntryRef) -> Result<Option<OutboxId>, StoreError> {
        let sql = "SELECT outbox FROM sent_anew WHERE origin = ?1 AND idx = ?2";
        let found: Option<String> = self
            .c
            .node
            .prepare_cached(sql)?
            .query_row(params![at.origin.hex(), number(at.index)?], |r| r.get(0))
            .optional()?;
        found.map(|id| id.parse().map_err(bad_row)).transpose()
    }

    /// The row of the outbox that became this entry.
    pub fn outbox_at(&self, at: &EntryRef) -> Result<Option<OutboxId>, StoreError> {
        let sql = "SELECT id FROM outbox WHERE state = 'appended' AND origin = ?1 AND idx = ?2";
        let found: Option<String> = self
            .c
            .node
            .prepare_cached(sql)?
            .query_row(params![at.origin.hex(), number(at.index)?], |r| r.get(0))
            .optional()?;
        found.map(|id| id.parse().map_err(bad_row)).transpose()
    }
}

type RawSuccessor = (String, String, String, String, i64);

fn successor(row: &Row<'_>) -> rusqlite::Result<RawSuccessor> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
}

fn successor_row((origin, partner, text, state, at): RawSuccessor) -> Result<SuccessorRow, StoreError> {
    Ok(SuccessorRow {
        origin: Origin::from_hex(&origin).map_err(bad_row)?,
        partner: partner.parse().map_err(bad_row)?,
        text,
        waiting: state == "waiting",
        refused: state == "refused",
        at: time(at)?,
    })
}

impl Act<'_> {
    /// Remembers a change of keys that we propose; in the place of one that was proposed before.
    pub fn propose_statement(&mut self, row: &ChannelRow, new: &StatementRow) -> Result<(), StoreError> {
        self.drop_proposed_statement(row)?;
        self.put_statement(row, new, "proposed")
    }

    /// Keeps a statement that both have signed, for ever. It takes the place of the one that was proposed.
    pub fn keep_statement(&mut self, row: &ChannelRow, new: &StatementRow) -> Result<(), StoreError> {
        self.drop_proposed_statement(row)?;
        self.put_statement(row, new, "agreed")
    }

    fn put_statement(&mut self, row: &ChannelRow, new: &StatementRow, state: &str) -> Result<(), StoreError> {
        let sql = "INSERT INTO statements (channel, from_size, generation, text, state) VALUES (?1, ?2, ?3, ?4, ?5)";
        let (from, generation) = (number(new.from)?, number(new.generation)?);
        self.c.node.prepare_cached(sql)?.execute(params![row.id, from, generation, new.text, state])?;
        Ok(())
    }

    /// Forgets the change of keys that was proposed and not signed by the partner.
    pub fn drop_proposed_statement(&mut self, row: &ChannelRow) -> Result<(), StoreError> {
        let sql = "DELETE FROM statements WHERE channel = ?1 AND state = 'proposed'";
        self.c.node.prepare_cached(sql)?.execute([row.id])?;
        Ok(())
    }

    /// From now on nothing but its end is appended to this log of ours.
    pub fn begin_ending(&mut self, row: &ChannelRow, ending: &EndingRow) -> Result<(), StoreError> {
        let sql = "INSERT INTO endings (channel, by_person, reason, at) VALUES (?1, ?2, ?3, ?4)";
        let keys = params![row.id, ending.by, ending.reason, ms(ending.at)];
        self.c.node.prepare_cached(sql)?.execute(keys)?;
        Ok(())
    }

    /// Marks a log as succeeded: of its entries the first `until` count. Why it was frozen stays on record.
    pub fn succeed_channel(&mut self, row: &ChannelRow, until: u64) -> Result<(), StoreError> {
        self.drop_proposed_statement(row)?;
        self.c.node.prepare_cached("DELETE FROM endings WHERE channel = ?1")?.execute([row.id])?;
        let sql =
            "UPDATE channels SET state = 'succeeded', until = ?2, recovering = 0, held = NULL WHERE id = ?1";
        self.c.node.prepare_cached(sql)?.execute(params![row.id, number(until)?])?;
        Ok(())
    }

    /// Notes from which log a channel goes on.
    pub fn set_follows(&mut self, origin: &Origin, old: &Origin) -> Result<(), StoreError> {
        let sql = "UPDATE channels SET follows = ?2 WHERE origin = ?1";
        self.c.node.prepare_cached(sql)?.execute([origin.hex(), old.hex()])?;
        Ok(())
    }

    /// The opposite log begins anew: how far it was seen is counted from its beginning.
    pub fn forget_seen(&mut self, row: &ChannelRow) -> Result<(), StoreError> {
        self.c.node.prepare_cached("UPDATE channels SET seen = 0 WHERE id = ?1")?.execute([row.id])?;
        Ok(())
    }

    /// Keeps a partner's proposal of a successor for a person to look at. The same again changes nothing.
    pub fn keep_successor(
        &mut self,
        origin: &Origin,
        partner: &PartyName,
        text: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let sql =
            "INSERT INTO successors (origin, partner, text, state, at) VALUES (?1, ?2, ?3, 'waiting', ?4)
                   ON CONFLICT (origin) DO NOTHING";
        let keys = params![origin.hex(), partner.as_str(), text, ms(now)];
        self.c.node.prepare_cached(sql)?.execute(keys)?;
        Ok(())
    }

    /// Forgets a proposed successor that waits for a person, since another came in its place.
    pub fn drop_successor(&mut self, origin: &Origin) -> Result<(), StoreError> {
        let sql = "DELETE FROM successors WHERE origin = ?1 AND state = 'waiting'";
        self.c.node.prepare_cached(sql)?.execute([origin.hex()])?;
        Ok(())
    }

    /// A person has looked at a proposed successor and refuses it.
    pub fn refuse_successor(&mut self, origin: &Origin) -> Result<(), StoreError> {
        let sql = "UPDATE successors SET state = 'refused' WHERE origin = ?1 AND state = 'waiting'";
        self.c.node.prepare_cached(sql)?.execute([origin.hex()])?;
        Ok(())
    }

    /// A person has looked at a proposed successor and takes it.
    pub fn accept_successor(&mut self, origin: &Origin) -> Result<(), StoreError> {
        let sql = "UPDATE successors SET state = 'accepted' WHERE origin = ?1";
        self.c.node.prepare_cached(sql)?.execute([origin.hex()])?;
        Ok(())
    }

    /// Lets a row of the outbox wait again whose entry was left behind in a succeeded log, and remembers where it stood.
    pub fn send_anew(
        &mut self,
        id: OutboxId,
        was: &EntryRef,
        body: Vec<u8>,
        draw: &SealingDraw,
    ) -> Result<(), StoreError> {
        let (key, sealed) = self.seal(body, draw)?;
        let sql = "UPDATE outbox SET state = 'queued', origin = NULL, idx = NULL, key_id = ?2, sealed = ?3
                   WHERE id = ?1 AND state = 'appended'";
        self.c.node.prepare_cached(sql)?.execute(params![id.to_string(), key.0, sealed])?;
        let sql = "INSERT OR REPLACE INTO sent_anew (origin, idx, outbox) VALUES (?1, ?2, ?3)";
        let keys = params![was.origin.hex(), number(was.index)?, id.to_string()];
        self.c.node.prepare_cached(sql)?.execute(keys)?;
        Ok(())
    }
}
