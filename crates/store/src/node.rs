//! What belongs to the node itself: values by name, acts that wait for a second person, clocks that fired, notices,
//! the duty roster, risk assessments, and what was done about a release.

use jiff::Timestamp;
use jiff::civil::Date;
use model::id::{EntryRef, PartyName, PendingId, PersonName};
use model::vocab::Domain;
use rusqlite::{OptionalExtension, Row, params};

use crate::channel::{entry_from, entry_text};
use crate::columns::{all, bytes, ms, parsed, parsed_or_none, time, time_or_none};
use crate::error::{StoreError, bad_row};
use crate::writer::{Act, View};

/// How far an act that needs two persons is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PendingState {
    /// It waits for its second person. Whether it has expired is a matter of its time and the present one.
    Waiting,
    /// A second person approved it and it was done in the same transaction.
    Done,
    /// It was refused or taken back; nothing was done.
    Refused,
}

impl PendingState {
    fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Done => "done",
            Self::Refused => "refused",
        }
    }
}

/// An act that needs two persons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingRow {
    /// Its id.
    pub id: PendingId,
    /// What kind of act, as a word.
    pub kind: String,
    /// What is to be done, as JSON.
    pub payload: String,
    /// SHA-256 of the payload's bytes.
    pub digest: [u8; 32],
    /// How far it is.
    pub state: PendingState,
    /// Who proposed it.
    pub proposed_by: PersonName,
    /// When.
    pub proposed_at: Timestamp,
    /// Until when it can be approved.
    pub expires_at: Timestamp,
    /// The proposer's signed note.
    pub signature: String,
    /// Who approved or refused it; never the proposer where it was done.
    pub decided_by: Option<PersonName>,
    /// When.
    pub decided_at: Option<Timestamp>,
    /// The approver's signed note.
    pub approval: Option<String>,
}

/// A clock that fired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FiredRow {
    /// The clock's name.
    pub clock: String,
    /// When it was due.
    pub due: Timestamp,
    /// When it fired.
    pub fired_at: Timestamp,
}

/// A notice to people outside the program (mail, a webhook); says nothing of any content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeRow {
    /// Its number, rising.
    pub id: i64,
    /// The line to be sent.
    pub line: String,
    /// How often sending was tried.
    pub attempts: u32,
    /// When to try next.
    pub next_at: Timestamp,
    /// When it was queued.
    pub created_at: Timestamp,
}

/// One line of the duty roster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RosterLine {
    /// Its place: whom to call first is 1.
    pub position: u32,
    /// Who, or which desk.
    pub name: String,
    /// How to reach them by voice.
    pub phone: String,
}

/// A judgement that a partner may be told of persons, in one domain; private to the node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RiskRow {
    /// The partner.
    pub partner: PartyName,
    /// The domain.
    pub domain: Domain,
    /// Who made it.
    pub author: PersonName,
    /// On what it rests.
    pub basis: String,
    /// The assurances it relies on.
    pub assurances: Vec<String>,
    /// Past this date it is no longer in force.
    pub review_date: Date,
    /// When it was recorded.
    pub at: Timestamp,
}

/// What the receiver did about a release; local.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionRow {
    /// Its number, rising.
    pub id: i64,
    /// The release.
    pub release: EntryRef,
    /// What kind of action, as a word.
    pub kind: String,
    /// What was done, in words.
    pub text: String,
    /// Who recorded it.
    pub by: PersonName,
    /// When.
    pub at: Timestamp,
    /// When it was stood down, if it was.
    pub stand_down_at: Option<Timestamp>,
}

/// An action to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAction {
    /// The release.
    pub release: EntryRef,
    /// What kind of action, as a word.
    pub kind: String,
    /// What was done, in words.
    pub text: String,
    /// Who records it.
    pub by: PersonName,
}

const PENDING: &str = "id, kind, payload, digest, state, proposed_by, proposed_at, expires_at, signature, \
                       decided_by, decided_at, approval";
const RISK: &str = "partner, domain, author, basis, assurances, review_date, at";
const ACTION: &str = "id, release, kind, text, by_person, at, stand_down_at";

impl View<'_> {
    /// The value of this name, if there is one.
    pub fn meta(&self, key: &str) -> Result<Option<String>, StoreError> {
        let mut select = self.c.node.prepare_cached("SELECT value FROM meta WHERE key = ?1")?;
        Ok(select.query_row([key], |row| row.get(0)).optional()?)
    }

    /// The two-person act of this id, if there is one.
    pub fn pending(&self, id: PendingId) -> Result<Option<PendingRow>, StoreError> {
        let sql = format!("SELECT {PENDING} FROM pending_acts WHERE id = ?1");
        let mut select = self.c.node.prepare_cached(&sql)?;
        select.query_row([id.to_string()], |row| Ok(pending(row))).optional()?.transpose()
    }

    /// The two-person acts that wait, expired ones included, oldest first.
    pub fn pendings_waiting(&self) -> Result<Vec<PendingRow>, StoreError> {
        let sql =
            format!("SELECT {PENDING} FROM pending_acts WHERE state = 'waiting' ORDER BY proposed_at, id");
        all(self.c.node.prepare_cached(&sql)?.query_map([], |row| Ok(pending(row)))?)
    }

    /// The newest two-person acts in any state, newest first, at most `limit`.
    pub fn pendings(&self, limit: u32) -> Result<Vec<PendingRow>, StoreError> {
        let sql = format!("SELECT {PENDING} FROM pending_acts ORDER BY proposed_at DESC, id DESC LIMIT ?1");
        all(self.c.node.prepare_cached(&sql)?.query_map([limit], |row| Ok(pending(row)))?)
    }

    /// When and for what the clock of this name fired, if it did.
    pub fn fired(&self, clock: &str) -> Result<Option<FiredRow>, StoreError> {
        let mut select = self.c.node.prepare_cached("SELECT due, fired_at FROM fired WHERE clock = ?1")?;
        let found = select.query_row([clock], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        let row = |(due, fired_at)| {
            Ok(FiredRow { clock: clock.to_owned(), due: time(due)?, fired_at: time(fired_at)? })
        };
        found.map(row).transpose()
    }

    /// The notices whose time has come, oldest first, at most `limit`. One that was never tried is due whatever the
    /// clock says: a clock that runs back keeps no alarm waiting.
    pub fn notices_due(&self, now: Timestamp, limit: u32) -> Result<Vec<NoticeRow>, StoreError> {
        let sql = "SELECT id, line, attempts, next_at, created_at FROM notices \
                   WHERE state = 'waiting' AND (next_at <= ?1 OR attempts = 0) ORDER BY next_at, id LIMIT ?2";
        all(self.c.node.prepare_cached(sql)?.query_map(params![ms(now), limit], |row| Ok(notice(row)))?)
    }

    /// When the next waiting notice is to be tried, if one waits.
    pub fn next_notice_at(&self) -> Result<Option<Timestamp>, StoreError> {
        let sql = "SELECT min(next_at) FROM notices WHERE state = 'waiting'";
        time_or_none(self.c.node.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
    }

    /// How many notices were given up.
    pub fn notices_given_up(&self) -> Result<u32, StoreError> {
        let sql = "SELECT count(*) FROM notices WHERE state = 'given_up'";
        Ok(self.c.node.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
    }

    /// The duty roster in its order.
    pub fn roster(&self) -> Result<Vec<RosterLine>, StoreError> {
        let sql = "SELECT position, name, phone FROM roster ORDER BY position";
        let mut select = self.c.node.prepare_cached(sql)?;
        let line =
            |row: &Row<'_>| Ok(RosterLine { position: row.get(0)?, name: row.get(1)?, phone: row.get(2)? });
        Ok(select.query_map([], line)?.collect::<Result<_, _>>()?)
    }

    /// The newest risk assessment of the partner in the domain, if there is one.
    pub fn risk_assessment(
        &self,
        partner: &PartyName,
        domain: Domain,
    ) -> Result<Option<RiskRow>, StoreError> {
        let sql = format!(
            "SELECT {RISK} FROM risk_assessments WHERE partner = ?1 AND domain = ?2 ORDER BY id DESC LIMIT 1"
        );
        let mut select = self.c.node.prepare_cached(&sql)?;
        select.query_row([partner.as_str(), domain.word()], |row| Ok(risk(row))).optional()?.transpose()
    }

    /// Every risk assessment of the partner, newest first; the first of each domain is the one in force.
    pub fn risk_assessments(&self, partner: &PartyName) -> Result<Vec<RiskRow>, StoreError> {
        let sql = format!("SELECT {RISK} FROM risk_assessments WHERE partner = ?1 ORDER BY id DESC");
        all(self.c.node.prepare_cached(&sql)?.query_map([partner.as_str()], |row| Ok(risk(row)))?)
    }

    /// What was done about the release, oldest first.
    pub fn actions(&self, release: &EntryRef) -> Result<Vec<ActionRow>, StoreError> {
        let sql = format!("SELECT {ACTION} FROM actions WHERE release = ?1 ORDER BY id");
        all(self.c.node.prepare_cached(&sql)?.query_map([entry_text(release)], |row| Ok(action(row)))?)
    }

    /// The action of this number, if there is one.
    pub fn action(&self, id: i64) -> Result<Option<ActionRow>, StoreError> {
        let mut select =
            self.c.node.prepare_cached(&format!("SELECT {ACTION} FROM actions WHERE id = ?1"))?;
        select.query_row([id], |row| Ok(action(row))).optional()?.transpose()
    }
}

impl Act<'_> {
    /// Puts a value under a name, in the place of an earlier one.
    pub fn set_meta(&mut self, key: &str, value: &str) -> Result<(), StoreError> {
        let sql = "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value";
        self.c.node.prepare_cached(sql)?.execute([key, value])?;
        Ok(())
    }

    /// Takes a value away.
    pub fn forget_meta(&mut self, key: &str) -> Result<(), StoreError> {
        self.c.node.prepare_cached("DELETE FROM meta WHERE key = ?1")?.execute([key])?;
        Ok(())
    }

    /// Keeps a two-person act that waits. What the row says of a decision is not kept.
    pub fn put_pending(&mut self, row: &PendingRow) -> Result<(), StoreError> {
        let sql = "INSERT INTO pending_acts \
                   (id, kind, payload, digest, state, proposed_by, proposed_at, expires_at, signature) \
                   VALUES (?1, ?2, ?3, ?4, 'waiting', ?5, ?6, ?7, ?8)";
        let mut insert = self.c.node.prepare_cached(sql)?;
        insert.execute(params![
            row.id.to_string(),
            row.kind,
            row.payload,
            row.digest,
            row.proposed_by.as_str(),
            ms(row.proposed_at),
            ms(row.expires_at),
            row.signature,
        ])?;
        Ok(())
    }

    /// Marks a waiting two-person act as done, with the approver's signed note. `Contradiction` if the approver is the
    /// proposer, or if the act does not wait.
    pub fn pending_done(
        &mut self,
        id: PendingId,
        approval: &str,
        by: &PersonName,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.settle(id, PendingState::Done, Some(approval), by, now)
    }

    /// Marks a waiting two-person act as refused or taken back. `Contradiction` if it does not wait.
    pub fn pending_refused(
        &mut self,
        id: PendingId,
        by: &PersonName,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.settle(id, PendingState::Refused, None, by, now)
    }

    fn settle(
        &mut self,
        id: PendingId,
        state: PendingState,
        approval: Option<&str>,
        by: &PersonName,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE pending_acts SET state = ?2, approval = ?3, decided_by = ?4, decided_at = ?5 \
                   WHERE id = ?1 AND state = 'waiting'";
        let mut update = self.c.node.prepare_cached(sql)?;
        match update.execute(params![id.to_string(), state.word(), approval, by.as_str(), ms(now)])? {
            1 => Ok(()),
            _ => Err(StoreError::Contradiction(format!("{id} does not wait"))),
        }
    }

    /// Marks a clock as fired; false if it had fired already, whenever that was.
    pub fn fire(&mut self, clock: &str, due: Timestamp, now: Timestamp) -> Result<bool, StoreError> {
        let sql =
            "INSERT INTO fired (clock, due, fired_at) VALUES (?1, ?2, ?3) ON CONFLICT (clock) DO NOTHING";
        let rows = self.c.node.prepare_cached(sql)?.execute(params![clock, ms(due), ms(now)])?;
        Ok(rows == 1)
    }

    /// Queues a notice to be sent at once. The line must say nothing of any content.
    pub fn queue_notice(&mut self, line: &str, now: Timestamp) -> Result<i64, StoreError> {
        let sql = "INSERT INTO notices (line, state, attempts, next_at, created_at) VALUES (?1, 'waiting', 0, ?2, ?2)";
        self.c.node.prepare_cached(sql)?.execute(params![line, ms(now)])?;
        Ok(self.c.node.last_insert_rowid())
    }

    /// Notes that a notice was sent.
    pub fn notice_sent(&mut self, id: i64) -> Result<(), StoreError> {
        let sql =
            "UPDATE notices SET state = 'sent', attempts = attempts + 1 WHERE id = ?1 AND state = 'waiting'";
        self.c.node.prepare_cached(sql)?.execute([id])?;
        Ok(())
    }

    /// Notes that a notice could not be sent and when to try again.
    pub fn notice_failed(&mut self, id: i64, next_at: Timestamp) -> Result<(), StoreError> {
        let sql =
            "UPDATE notices SET attempts = attempts + 1, next_at = ?2 WHERE id = ?1 AND state = 'waiting'";
        self.c.node.prepare_cached(sql)?.execute(params![id, ms(next_at)])?;
        Ok(())
    }

    /// Gives a notice up.
    pub fn notice_given_up(&mut self, id: i64) -> Result<(), StoreError> {
        let sql = "UPDATE notices SET state = 'given_up', attempts = attempts + 1 WHERE id = ?1 AND state = 'waiting'";
        self.c.node.prepare_cached(sql)?.execute([id])?;
        Ok(())
    }

    /// Puts these lines in the place of the whole duty roster.
    pub fn set_roster(&mut self, lines: &[RosterLine]) -> Result<(), StoreError> {
        self.c.node.prepare_cached("DELETE FROM roster")?.execute([])?;
        let sql = "INSERT INTO roster (position, name, phone) VALUES (?1, ?2, ?3)";
        let mut insert = self.c.node.prepare_cached(sql)?;
        for line in lines {
            insert.execute(params![line.position, line.name, line.phone])?;
        }
        Ok(())
    }

    /// Records a risk assessment; earlier ones stay.
    pub fn add_risk_assessment(&mut self, row: &RiskRow) -> Result<(), StoreError> {
        let sql = "INSERT INTO risk_assessments (partner, domain, author, basis, assurances, review_date, at) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let mut insert = self.c.node.prepare_cached(sql)?;
        insert.execute(params![
            row.partner.as_str(),
            row.domain.word(),
            row.author.as_str(),
            row.basis,
            serde_json::to_string(&row.assurances).map_err(bad_row)?,
            row.review_date.to_string(),
            ms(row.at),
        ])?;
        Ok(())
    }

    /// Records what was done about a release and gives its number.
    pub fn add_action(&mut self, action: &NewAction, now: Timestamp) -> Result<i64, StoreError> {
        let sql = "INSERT INTO actions (release, kind, text, by_person, at) VALUES (?1, ?2, ?3, ?4, ?5)";
        let NewAction { release, kind, text, by } = action;
        let mut insert = self.c.node.prepare_cached(sql)?;
        insert.execute(params![entry_text(release), kind, text, by.as_str(), ms(now)])?;
        Ok(self.c.node.last_insert_rowid())
    }

    /// Notes that an action was stood down; false if it is not there or was stood down before.
    pub fn stand_down(&mut self, action: i64, now: Timestamp) -> Result<bool, StoreError> {
        let sql = "UPDATE actions SET stand_down_at = ?2 WHERE id = ?1 AND stand_down_at IS NULL";
        Ok(self.c.node.prepare_cached(sql)?.execute(params![action, ms(now)])? == 1)
    }
}

fn pending(row: &Row<'_>) -> Result<PendingRow, StoreError> {
    let state: String = row.get(4)?;
    Ok(PendingRow {
        id: parsed(&row.get::<_, String>(0)?)?,
        kind: row.get(1)?,
        payload: row.get(2)?,
        digest: bytes(&row.get::<_, Vec<u8>>(3)?)?,
        state: match state.as_str() {
            "waiting" => PendingState::Waiting,
            "done" => PendingState::Done,
            "refused" => PendingState::Refused,
            other => return Err(bad_row(format!("state of a two-person act {other:?}"))),
        },
        proposed_by: parsed(&row.get::<_, String>(5)?)?,
        proposed_at: time(row.get(6)?)?,
        expires_at: time(row.get(7)?)?,
        signature: row.get(8)?,
        decided_by: parsed_or_none(row.get::<_, Option<String>>(9)?.as_deref())?,
        decided_at: time_or_none(row.get(10)?)?,
        approval: row.get(11)?,
    })
}

fn notice(row: &Row<'_>) -> Result<NoticeRow, StoreError> {
    Ok(NoticeRow {
        id: row.get(0)?,
        line: row.get(1)?,
        attempts: row.get(2)?,
        next_at: time(row.get(3)?)?,
        created_at: time(row.get(4)?)?,
    })
}

fn risk(row: &Row<'_>) -> Result<RiskRow, StoreError> {
    Ok(RiskRow {
        partner: parsed(&row.get::<_, String>(0)?)?,
        domain: parsed(&row.get::<_, String>(1)?)?,
        author: parsed(&row.get::<_, String>(2)?)?,
        basis: row.get(3)?,
        assurances: serde_json::from_str(&row.get::<_, String>(4)?).map_err(bad_row)?,
        review_date: parsed(&row.get::<_, String>(5)?)?,
        at: time(row.get(6)?)?,
    })
}

fn action(row: &Row<'_>) -> Result<ActionRow, StoreError> {
    Ok(ActionRow {
        id: row.get(0)?,
        release: entry_from(&row.get::<_, String>(1)?)?,
        kind: row.get(2)?,
        text: row.get(3)?,
        by: parsed(&row.get::<_, String>(4)?)?,
        at: time(row.get(5)?)?,
        stand_down_at: time_or_none(row.get(6)?)?,
    })
}
