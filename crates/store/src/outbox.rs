//! The outbox: what was decided and not yet sent. A row has no index in any log until it is sent.

use jiff::Timestamp;
use model::id::{EntryRef, OutboxId, PartyName};
use rusqlite::{OptionalExtension, Row, params};
use tlog::channel::{Origin, Use};

use crate::channel::{entry_from, entry_text, use_from, use_word};
use crate::columns::{count, ms, number, time};
use crate::error::{StoreError, bad_row};
use crate::sealed::{Forgotten, SealingDraw, key_id};
use crate::writer::{Act, View};

/// Something decided, to be sent.
pub struct NewOutboxRow {
    /// Its id.
    pub id: OutboxId,
    /// To whom.
    pub partner: PartyName,
    /// Actual or exercise.
    pub use_: Use,
    /// The kind of the entry it is to become.
    pub kind: String,
    /// The thread.
    pub thread: [u8; 16],
    /// The entry it answers.
    pub answers: Option<EntryRef>,
    /// The media type of the body.
    pub media: String,
    /// The exact bytes to send.
    pub body: Vec<u8>,
    /// SHA-256 of the body.
    pub digest: [u8; 32],
    /// What must still hold when it is sent, as the acts wrote it.
    pub condition: String,
    /// The randomness that seals the body.
    pub draw: SealingDraw,
}

/// Where a row of the outbox stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutboxState {
    /// It waits.
    Queued,
    /// It stands in a log.
    Appended(EntryRef),
    /// It was stopped before it was sent, for a reason in words.
    Withdrawn(String),
}

/// A row of the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxRow {
    /// Its id.
    pub id: OutboxId,
    /// To whom.
    pub partner: PartyName,
    /// Actual or exercise.
    pub use_: Use,
    /// The kind of entry.
    pub kind: String,
    /// The thread.
    pub thread: [u8; 16],
    /// The entry it answers.
    pub answers: Option<EntryRef>,
    /// The media type of the body.
    pub media: String,
    /// SHA-256 of the body.
    pub digest: [u8; 32],
    /// What must still hold when it is sent.
    pub condition: String,
    /// Where it stands.
    pub state: OutboxState,
    /// When it was decided.
    pub created_at: Timestamp,
}

const COLUMNS: &str = "id, partner, use, kind, thread, answers, media, digest, condition, state, reason, origin, idx, created_at";

struct Raw {
    texts: [String; 6],
    thread: [u8; 16],
    answers: Option<String>,
    digest: [u8; 32],
    state: String,
    reason: Option<String>,
    origin: Option<String>,
    idx: Option<i64>,
    created_at: i64,
}

fn raw(row: &Row<'_>) -> rusqlite::Result<Raw> {
    Ok(Raw {
        texts: [row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(6)?, row.get(8)?],
        thread: row.get(4)?,
        answers: row.get(5)?,
        digest: row.get(7)?,
        state: row.get(9)?,
        reason: row.get(10)?,
        origin: row.get(11)?,
        idx: row.get(12)?,
        created_at: row.get(13)?,
    })
}

fn outbox(raw: Raw) -> Result<OutboxRow, StoreError> {
    let [id, partner, use_, kind, media, condition] = raw.texts;
    let state = match (raw.state.as_str(), raw.origin, raw.idx) {
        ("queued", _, _) => OutboxState::Queued,
        ("withdrawn", _, _) => OutboxState::Withdrawn(raw.reason.unwrap_or_default()),
        ("appended", Some(origin), Some(index)) => OutboxState::Appended(EntryRef {
            origin: Origin::from_hex(&origin).map_err(bad_row)?,
            index: count(index)?,
        }),
        (other, _, _) => return Err(bad_row(format!("outbox state {other:?}"))),
    };
    Ok(OutboxRow {
        id: id.parse().map_err(bad_row)?,
        partner: partner.parse().map_err(bad_row)?,
        use_: use_from(&use_)?,
        kind,
        thread: raw.thread,
        answers: raw.answers.as_deref().map(entry_from).transpose()?,
        media,
        digest: raw.digest,
        condition,
        state,
        created_at: time(raw.created_at)?,
    })
}

fn row_limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

impl View<'_> {
    /// What waits for a partner and use, in the order it was decided, at most `limit` rows.
    pub fn waiting(
        &self,
        partner: &PartyName,
        use_: Use,
        limit: usize,
    ) -> Result<Vec<OutboxRow>, StoreError> {
        Ok(self.waiting_after(partner, use_, 0, limit)?.into_iter().map(|(_, row)| row).collect())
    }

    /// The same for rows decided after the one of this place, each with its own place; the first place is above 0.
    pub fn waiting_after(
        &self,
        partner: &PartyName,
        use_: Use,
        place: i64,
        limit: usize,
    ) -> Result<Vec<(i64, OutboxRow)>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS}, seq FROM outbox WHERE partner = ?1 AND state = 'queued' AND seq > ?4 AND use = ?2
             ORDER BY seq LIMIT ?3"
        );
        self.places(&sql, params![partner.as_str(), use_word(use_), row_limit(limit), place])
    }

    /// What waits for a partner and use and changes what is agreed, in the order it was decided, each with its place.
    pub fn waiting_agreed(
        &self,
        partner: &PartyName,
        use_: Use,
        limit: usize,
    ) -> Result<Vec<(i64, OutboxRow)>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS}, seq FROM outbox WHERE partner = ?1 AND state = 'queued' AND use = ?2
             AND kind IN ('agreement.proposed', 'agreement.accepted', 'agreement.refused', 'domain.changed')
             ORDER BY seq LIMIT ?3"
        );
        self.places(&sql, params![partner.as_str(), use_word(use_), row_limit(limit)])
    }

    fn places(&self, sql: &str, keys: &[&dyn rusqlite::ToSql]) -> Result<Vec<(i64, OutboxRow)>, StoreError> {
        let mut select = self.c.node.prepare_cached(sql)?;
        let rows: Vec<(i64, Raw)> =
            select.query_map(keys, |row| Ok((row.get("seq")?, raw(row)?)))?.collect::<Result<_, _>>()?;
        rows.into_iter().map(|(place, raw)| Ok((place, outbox(raw)?))).collect()
    }

    /// How many rows wait for a partner, of both uses.
    pub fn waiting_count(&self, partner: &PartyName) -> Result<u64, StoreError> {
        let sql = "SELECT count(*) FROM outbox WHERE partner = ?1 AND state = 'queued'";
        count(self.c.node.prepare_cached(sql)?.query_row([partner.as_str()], |r| r.get(0))?)
    }

    /// One row.
    pub fn outbox_row(&self, id: OutboxId) -> Result<Option<OutboxRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM outbox WHERE id = ?1");
        let found = self.c.node.prepare_cached(&sql)?.query_row([id.to_string()], raw).optional()?;
        found.map(outbox).transpose()
    }

    /// The body of a row that waits; `None` once it was appended or withdrawn.
    pub fn outbox_body(&self, id: OutboxId) -> Result<Option<Vec<u8>>, StoreError> {
        let sql = "SELECT key_id, sealed FROM outbox WHERE id = ?1 AND sealed IS NOT NULL";
        let mut select = self.c.node.prepare_cached(sql)?;
        let found: Option<(Vec<u8>, Vec<u8>)> =
            select.query_row([id.to_string()], |r| Ok((r.get(0)?, r.get(1)?))).optional()?;
        found.map(|(key, sealed)| self.unseal(&key_id(&key)?, sealed)).transpose()
    }
}

impl Act<'_> {
    /// Queues something for a partner.
    pub fn queue(&mut self, new: NewOutboxRow, now: Timestamp) -> Result<(), StoreError> {
        let (key, sealed) = self.seal(new.body, &new.draw)?;
        self.c.node.prepare_cached(
            "INSERT INTO outbox (id, seq, partner, use, kind, thread, answers, media, digest, condition, key_id, sealed,
             state, created_at) VALUES (?1, (SELECT coalesce(max(seq), 0) + 1 FROM outbox), ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9,
             ?10, ?11, 'queued', ?12)",
        )?.execute(params![
            new.id.to_string(),
            new.partner.as_str(),
            use_word(new.use_),
            new.kind,
            new.thread,
            new.answers.as_ref().map(entry_text),
            new.media,
            new.digest,
            new.condition,
            key.0,
            sealed,
            ms(now),
        ])?;
        Ok(())
    }

    /// Notes that a row stands in a log now; its own copy of the body is erased.
    pub fn outbox_appended(&mut self, id: OutboxId, at: &EntryRef) -> Result<(), StoreError> {
        self.forget_outbox_key(id)?;
        let sql = "UPDATE outbox SET state = 'appended', origin = ?2, idx = ?3, key_id = NULL, sealed = NULL
                   WHERE id = ?1 AND state = 'queued'";
        self.c.node.prepare_cached(sql)?.execute(params![
            id.to_string(),
            at.origin.hex(),
            number(at.index)?
        ])?;
        Ok(())
    }

    /// Stops a row before it is sent; its body is erased.
    pub fn withdraw(&mut self, id: OutboxId, reason: &str) -> Result<(), StoreError> {
        self.forget_outbox_key(id)?;
        let sql = "UPDATE outbox SET state = 'withdrawn', reason = ?2, key_id = NULL, sealed = NULL
                   WHERE id = ?1 AND state = 'queued'";
        self.c.node.prepare_cached(sql)?.execute(params![id.to_string(), reason])?;
        Ok(())
    }

    /// Only a row that waits has a key.
    fn forget_outbox_key(&mut self, id: OutboxId) -> Result<(), StoreError> {
        let sql = "SELECT key_id FROM outbox WHERE id = ?1 AND key_id IS NOT NULL";
        let found: Option<Vec<u8>> =
            self.c.node.prepare_cached(sql)?.query_row([id.to_string()], |r| r.get(0)).optional()?;
        if let Some(key) = found {
            self.forget(&key_id(&key)?, Forgotten::OutboxBody)?;
        }
        Ok(())
    }
}
