//! Channels and the entries of their logs.

use jiff::Timestamp;
use model::facts::Facts;
use model::id::{EntryRef, PartyName};
use rusqlite::{OptionalExtension, Row, params};
use tlog::channel::{Origin, Use};
use tlog::commitment::{Commitment, Salt};
use tlog::hash::{Hash, leaf_hash};
use tlog::tree::{CompactRange, Subtree};

use crate::columns::{count, ms, number, time};
use crate::error::{StoreError, bad_row};
use crate::sealed::{SealingDraw, key_id};
use crate::statement::StatementRow;
use crate::writer::{Act, View};

/// On which side of a channel this node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChannelSide {
    /// We are the giver: we append and sign checkpoints.
    Ours,
    /// We are the receiver: we keep a copy and cosign.
    Theirs,
}

/// Whether a channel carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChannelState {
    /// The giver has signed the statement, the receiver not yet.
    Proposed,
    /// It carries.
    Open,
    /// The receiver takes no more; the reason in words.
    Frozen(String),
    /// It goes on in another log, its successor; if it was frozen before, the reason in words.
    Succeeded(Option<String>),
}

/// A channel to be remembered.
pub struct NewChannel {
    /// Its origin.
    pub origin: Origin,
    /// The partner.
    pub partner: PartyName,
    /// Our side of it.
    pub side: ChannelSide,
    /// Actual or exercise.
    pub use_: Use,
    /// The statement, half-signed while proposed.
    pub statement: String,
    /// Whether it carries already.
    pub state: ChannelState,
}

/// A channel as it stands.
#[derive(Debug, Clone)]
pub struct ChannelRow {
    /// The row's own number.
    pub id: i64,
    /// Its origin.
    pub origin: Origin,
    /// The partner.
    pub partner: PartyName,
    /// Our side of it.
    pub side: ChannelSide,
    /// Actual or exercise.
    pub use_: Use,
    /// The statement that it was opened with, half-signed while proposed; `View::statement_at` gives the one in force.
    pub statement: String,
    /// Whether it carries.
    pub state: ChannelState,
    /// The tree at the size appended or held.
    pub range: CompactRange,
    /// The largest size with the receiver's cosignature; 0 if there is none.
    pub cosigned: u64,
    /// When the newest entry was written, by its writer's clock.
    pub written: Timestamp,
    /// The time of the newest cosignature.
    pub cosigned_at: Timestamp,
    /// The largest size of the opposite log that an entry of this log named.
    pub seen: u64,
    /// Whether this node goes on from a copy of its data and this log has not caught up with what was signed before.
    pub recovering: bool,
    /// Of a partner's log: our own cosigned checkpoint of it that the copy held here must grow into before anything is
    /// cosigned.
    pub held: Option<String>,
    /// The log that this one goes on from.
    pub follows: Option<Origin>,
    /// Once it is succeeded: how many of its entries count.
    pub until: Option<u64>,
}

impl ChannelRow {
    /// Entries appended or held.
    pub fn size(&self) -> u64 {
        self.range.size()
    }

    /// How many entries count for the folds: all, but for a succeeded log those that its successor goes on from.
    pub fn counted(&self) -> u64 {
        self.until.map_or(self.size(), |until| until.min(self.size()))
    }

    /// Whether it goes on in another log.
    pub fn is_succeeded(&self) -> bool {
        matches!(self.state, ChannelState::Succeeded(_))
    }
}

/// An entry to be appended (ours) or kept (theirs).
pub struct NewEntry {
    /// The kind, as in its header.
    pub kind: String,
    /// The thread.
    pub thread: [u8; 16],
    /// The entry it answers.
    pub answers: Option<EntryRef>,
    /// When it was written, by its writer's clock.
    pub written: Timestamp,
    /// What the folds read of it.
    pub facts: Facts,
    /// The salt of its commitment.
    pub salt: Salt,
    /// The exact bytes with their padding.
    pub bytes: Vec<u8>,
    /// The commitment, which the caller has computed or checked.
    pub commitment: Commitment,
    /// The opposite size that its header names; 0 for none.
    pub seen: u64,
    /// The randomness that seals it.
    pub draw: SealingDraw,
}

/// An entry as it stands, without its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryRow {
    /// Its place in the log.
    pub index: u64,
    /// The kind.
    pub kind: String,
    /// The thread.
    pub thread: [u8; 16],
    /// The entry it answers.
    pub answers: Option<EntryRef>,
    /// When it was written, by its writer's clock.
    pub written: Timestamp,
    /// When we appended or held it, by our clock.
    pub kept_at: Timestamp,
    /// What the folds read of it.
    pub facts: Facts,
}

/// An entry's exact bytes and salt.
pub struct OpenedEntry {
    /// The salt of its commitment.
    pub salt: Salt,
    /// The exact bytes with their padding.
    pub bytes: Vec<u8>,
}

const COLUMNS: &str = "id, origin, partner, side, use, statement, state, reason, range, cosigned, written, cosigned_at, seen, \
     recovering, held, follows, until";

struct RawChannel {
    id: i64,
    origin: String,
    partner: String,
    side: String,
    use_: String,
    statement: String,
    state: String,
    reason: Option<String>,
    range: Vec<u8>,
    cosigned: i64,
    written: i64,
    cosigned_at: i64,
    seen: i64,
    recovering: bool,
    held: Option<String>,
    follows: Option<String>,
    until: Option<i64>,
}

fn raw(row: &Row<'_>) -> rusqlite::Result<RawChannel> {
    Ok(RawChannel {
        id: row.get(0)?,
        origin: row.get(1)?,
        partner: row.get(2)?,
        side: row.get(3)?,
        use_: row.get(4)?,
        statement: row.get(5)?,
        state: row.get(6)?,
        reason: row.get(7)?,
        range: row.get(8)?,
        cosigned: row.get(9)?,
        written: row.get(10)?,
        cosigned_at: row.get(11)?,
        seen: row.get(12)?,
        recovering: row.get(13)?,
        held: row.get(14)?,
        follows: row.get(15)?,
        until: row.get(16)?,
    })
}

fn channel(raw: RawChannel) -> Result<ChannelRow, StoreError> {
    Ok(ChannelRow {
        id: raw.id,
        origin: Origin::from_hex(&raw.origin).map_err(bad_row)?,
        partner: raw.partner.parse().map_err(bad_row)?,
        side: match raw.side.as_str() {
            "ours" => ChannelSide::Ours,
            "theirs" => ChannelSide::Theirs,
            other => return Err(bad_row(format!("channel side {other:?}"))),
        },
        use_: use_from(&raw.use_)?,
        statement: raw.statement,
        state: match raw.state.as_str() {
            "proposed" => ChannelState::Proposed,
            "open" => ChannelState::Open,
            "frozen" => ChannelState::Frozen(raw.reason.unwrap_or_default()),
            "succeeded" => ChannelState::Succeeded(raw.reason),
            other => return Err(bad_row(format!("channel state {other:?}"))),
        },
        range: CompactRange::from_bytes(&raw.range).map_err(bad_row)?,
        cosigned: count(raw.cosigned)?,
        written: time(raw.written)?,
        cosigned_at: time(raw.cosigned_at)?,
        seen: count(raw.seen)?,
        recovering: raw.recovering,
        held: raw.held,
        follows: raw.follows.as_deref().map(Origin::from_hex).transpose().map_err(bad_row)?,
        until: raw.until.map(count).transpose()?,
    })
}

/// The word of a use in columns.
pub(crate) fn use_word(use_: Use) -> &'static str {
    match use_ {
        Use::Actual => "actual",
        Use::Exercise => "exercise",
    }
}

/// A use read from a column.
pub(crate) fn use_from(word: &str) -> Result<Use, StoreError> {
    match word {
        "actual" => Ok(Use::Actual),
        "exercise" => Ok(Use::Exercise),
        other => Err(bad_row(format!("use {other:?}"))),
    }
}

/// An entry's name in a column: origin hex, slash, index.
pub(crate) fn entry_text(at: &EntryRef) -> String {
    format!("{}/{}", at.origin.hex(), at.index)
}

/// An entry's name read from a column.
pub(crate) fn entry_from(text: &str) -> Result<EntryRef, StoreError> {
    let (origin, index) = text.split_once('/').ok_or_else(|| bad_row(format!("entry name {text:?}")))?;
    Ok(EntryRef {
        origin: Origin::from_hex(origin).map_err(bad_row)?,
        index: index.parse().map_err(bad_row)?,
    })
}

impl View<'_> {
    /// The channel of this origin.
    pub fn channel(&self, origin: &Origin) -> Result<Option<ChannelRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM channels WHERE origin = ?1");
        let found = self.c.node.prepare_cached(&sql)?.query_row([origin.hex()], raw).optional()?;
        found.map(channel).transpose()
    }

    /// The channel with this partner, on this side, for this use, that is not succeeded.
    pub fn channel_with(
        &self,
        partner: &PartyName,
        side: ChannelSide,
        use_: Use,
    ) -> Result<Option<ChannelRow>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM channels WHERE partner = ?1 AND side = ?2 AND use = ?3 AND state <> 'succeeded'"
        );
        let side = if side == ChannelSide::Ours { "ours" } else { "theirs" };
        let keys = params![partner.as_str(), side, use_word(use_)];
        let found = self.c.node.prepare_cached(&sql)?.query_row(keys, raw).optional()?;
        found.map(channel).transpose()
    }

    /// Every channel, in the order they were made.
    pub fn channels(&self) -> Result<Vec<ChannelRow>, StoreError> {
        let mut select =
            self.c.node.prepare_cached(&format!("SELECT {COLUMNS} FROM channels ORDER BY id"))?;
        let rows: Vec<RawChannel> = select.query_map([], raw)?.collect::<Result<_, _>>()?;
        rows.into_iter().map(channel).collect()
    }

    /// The channels with a partner, in the order they were made.
    pub fn channels_of(&self, partner: &PartyName) -> Result<Vec<ChannelRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM channels WHERE partner = ?1 ORDER BY id");
        let mut select = self.c.node.prepare_cached(&sql)?;
        let rows: Vec<RawChannel> = select.query_map([partner.as_str()], raw)?.collect::<Result<_, _>>()?;
        rows.into_iter().map(channel).collect()
    }

    /// The entries of a log from index `from` up to but not including `to`, in order.
    pub fn entries(&self, row: &ChannelRow, from: u64, to: u64) -> Result<Vec<EntryRow>, StoreError> {
        let sql = "SELECT idx, kind, thread, answers, written, kept_at, facts FROM entries
                   WHERE channel = ?1 AND idx >= ?2 AND idx < ?3 ORDER BY idx";
        self.entry_rows(sql, params![row.id, number(from)?, number(to)?])
    }

    /// The entries of a log that answer an entry, in order.
    pub fn answers_to(&self, row: &ChannelRow, at: &EntryRef) -> Result<Vec<EntryRow>, StoreError> {
        let sql = "SELECT idx, kind, thread, answers, written, kept_at, facts FROM entries
                   WHERE channel = ?1 AND answers = ?2 ORDER BY idx";
        self.entry_rows(sql, params![row.id, entry_text(at)])
    }

    fn entry_rows(&self, sql: &str, keys: &[&dyn rusqlite::ToSql]) -> Result<Vec<EntryRow>, StoreError> {
        let mut select = self.c.node.prepare_cached(sql)?;
        let mut rows = select.query(keys)?;
        let mut entries = Vec::new();
        while let Some(row) = rows.next()? {
            let answers: Option<String> = row.get(3)?;
            entries.push(EntryRow {
                index: count(row.get(0)?)?,
                kind: row.get(1)?,
                thread: row.get(2)?,
                answers: answers.as_deref().map(entry_from).transpose()?,
                written: time(row.get(4)?)?,
                kept_at: time(row.get(5)?)?,
                facts: serde_json::from_str(&row.get::<_, String>(6)?).map_err(bad_row)?,
            });
        }
        Ok(entries)
    }

    /// The exact bytes and the salt of an entry; `None` if it was erased or is not there.
    pub fn open_entry(&self, row: &ChannelRow, index: u64) -> Result<Option<OpenedEntry>, StoreError> {
        let sql = "SELECT key_id, sealed FROM entries WHERE channel = ?1 AND idx = ?2 AND sealed IS NOT NULL";
        let mut select = self.c.node.prepare_cached(sql)?;
        let found: Option<(Vec<u8>, Vec<u8>)> =
            select.query_row(params![row.id, number(index)?], |r| Ok((r.get(0)?, r.get(1)?))).optional()?;
        let Some((key, sealed)) = found else { return Ok(None) };
        let mut text = self.unseal(&key_id(&key)?, sealed)?;
        let bytes = text.split_off(32.min(text.len()));
        let salt: [u8; 32] = text.try_into().map_err(|_| bad_row("a sealed entry without its salt"))?;
        Ok(Some(OpenedEntry { salt: Salt::from_bytes(salt), bytes }))
    }

    /// The commitment of an entry.
    pub fn commitment(&self, row: &ChannelRow, index: u64) -> Result<Option<Commitment>, StoreError> {
        let sql = "SELECT commitment FROM entries WHERE channel = ?1 AND idx = ?2";
        let mut select = self.c.node.prepare_cached(sql)?;
        let found: Option<[u8; 32]> =
            select.query_row(params![row.id, number(index)?], |r| r.get(0)).optional()?;
        Ok(found.map(Commitment::from_bytes))
    }

    /// The hash of a full subtree of a log.
    pub fn subtree(&self, row: &ChannelRow, level: u8, index: u64) -> Result<Hash, StoreError> {
        let sql = "SELECT hash FROM subtrees WHERE channel = ?1 AND level = ?2 AND idx = ?3";
        let mut select = self.c.node.prepare_cached(sql)?;
        let hash: [u8; 32] = select.query_row(params![row.id, level, number(index)?], |r| r.get(0))?;
        Ok(Hash::from_bytes(hash))
    }

    /// The root of a log at a size it has had. Costs a logarithm of the size.
    pub fn root_at(&self, row: &ChannelRow, at: u64) -> Result<Hash, StoreError> {
        tlog::tree::root_at(at, |level, index| self.subtree(row, level, index))
    }
}

impl Act<'_> {
    /// Remembers a channel, empty. Where the high-water mark knows its log, the databases went back to before it was
    /// opened, and it is recovering.
    pub fn put_channel(&mut self, new: &NewChannel) -> Result<(), StoreError> {
        let (state, reason) = state_words(&new.state);
        let side = if new.side == ChannelSide::Ours { "ours" } else { "theirs" };
        let known = self.high_water(&new.origin)?.is_some_and(|mark| mark.signed.size > 0);
        self.c.node.prepare_cached(
            "INSERT INTO channels (origin, partner, side, use, statement, state, reason, size, range, cosigned, written,
             cosigned_at, seen, recovering) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?8, 0, 0, 0, 0, ?9)",
        )?.execute(params![
            new.origin.hex(),
            new.partner.as_str(),
            side,
            use_word(new.use_),
            new.statement,
            state,
            reason,
            CompactRange::new().to_bytes(),
            known,
        ])?;
        if new.state != ChannelState::Proposed
            && let Some(row) = self.channel(&new.origin)?
        {
            self.keep_statement(&row, &opening(&new.statement))?;
        }
        Ok(())
    }

    /// Puts the fully signed statement in the place of the proposed one and opens the channel.
    pub fn open_channel(&mut self, row: &ChannelRow, statement: &str) -> Result<(), StoreError> {
        let sql = "UPDATE channels SET statement = ?2, state = 'open' WHERE id = ?1 AND state = 'proposed'";
        self.c.node.prepare_cached(sql)?.execute(params![row.id, statement])?;
        self.keep_statement(row, &opening(statement))
    }

    /// Forgets a channel that was proposed and never opened.
    pub fn drop_proposal(&mut self, row: &ChannelRow) -> Result<(), StoreError> {
        let sql = "DELETE FROM channels WHERE id = ?1 AND state = 'proposed'";
        self.c.node.prepare_cached(sql)?.execute([row.id])?;
        Ok(())
    }

    /// Freezes a channel for a reason. One that is succeeded stays so; the reason is kept.
    pub fn freeze_channel(&mut self, row: &ChannelRow, reason: &str) -> Result<(), StoreError> {
        let sql = "UPDATE channels SET state = iif(state = 'succeeded', state, 'frozen'), reason = ?2 WHERE id = ?1";
        self.c.node.prepare_cached(sql)?.execute(params![row.id, reason])?;
        Ok(())
    }

    /// Lets a frozen channel carry again. One that is not frozen stays as it is.
    pub fn unfreeze_channel(&mut self, row: &ChannelRow) -> Result<(), StoreError> {
        let sql = "UPDATE channels SET state = 'open', reason = NULL WHERE id = ?1 AND state = 'frozen'";
        self.c.node.prepare_cached(sql)?.execute([row.id])?;
        Ok(())
    }

    /// Appends an entry at the end of a log and returns its index. `row` is brought up to date.
    pub fn append_entry(
        &mut self,
        row: &mut ChannelRow,
        new: NewEntry,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let index = row.size();
        let mut text = new.salt.as_bytes().to_vec();
        text.extend_from_slice(&new.bytes);
        let (key, sealed) = self.seal(text, &new.draw)?;
        self.c.node.prepare_cached(
            "INSERT INTO entries (channel, idx, kind, thread, answers, written, kept_at, facts, commitment, key_id, sealed)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?.execute(params![
            row.id,
            number(index)?,
            new.kind,
            new.thread,
            new.answers.as_ref().map(entry_text),
            ms(new.written),
            ms(now),
            serde_json::to_string(&new.facts).map_err(bad_row)?,
            new.commitment.as_bytes(),
            key.0,
            sealed,
        ])?;
        row.written = row.written.max(new.written);
        row.seen = row.seen.max(new.seen);
        self.grow(row, &new.commitment)?;
        Ok(index)
    }

    /// Grows the tree of a log by a leaf and keeps what follows from it in its row.
    pub(crate) fn grow(&mut self, row: &mut ChannelRow, commitment: &Commitment) -> Result<(), StoreError> {
        for Subtree { level, index, hash } in row.range.append(leaf_hash(commitment)) {
            let sql = "INSERT INTO subtrees (channel, level, idx, hash) VALUES (?1, ?2, ?3, ?4)";
            self.c.node.prepare_cached(sql)?.execute(params![
                row.id,
                level,
                number(index)?,
                hash.as_bytes()
            ])?;
        }
        let sql = "UPDATE channels SET size = ?2, range = ?3, written = ?4, seen = ?5 WHERE id = ?1";
        self.c.node.prepare_cached(sql)?.execute(params![
            row.id,
            number(row.size())?,
            row.range.to_bytes(),
            ms(row.written),
            number(row.seen)?
        ])?;
        Ok(())
    }

    /// Keeps what a partner signed that cannot be true.
    pub fn keep_evidence(
        &mut self,
        row: &ChannelRow,
        what: &str,
        note: &str,
        parcel: Option<&[u8]>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO evidence (channel, what, note, parcel, at) VALUES (?1, ?2, ?3, ?4, ?5)";
        self.c.node.prepare_cached(sql)?.execute(params![row.id, what, note, parcel, ms(now)])?;
        Ok(())
    }
}

fn state_words(state: &ChannelState) -> (&'static str, Option<&str>) {
    match state {
        ChannelState::Proposed => ("proposed", None),
        ChannelState::Open => ("open", None),
        ChannelState::Frozen(reason) => ("frozen", Some(reason)),
        ChannelState::Succeeded(reason) => ("succeeded", reason.as_deref()),
    }
}

/// The statement that a channel is opened with.
fn opening(statement: &str) -> StatementRow {
    StatementRow { from: 0, generation: 0, text: statement.to_owned() }
}
