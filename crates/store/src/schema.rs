//! The forms that the databases have had, and the steps between them. Steps run at start, each in one transaction.

#[cfg(test)]
mod pinned;

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::error::StoreError;
use crate::files::Connections;

/// Steps of `node.db`: step n takes form n to form n + 1. A step that has shipped never changes.
const NODE: &[&[&str]] = &[
    &[
        include_str!("schema/channel.sql"),
        include_str!("schema/node.sql"),
        include_str!("schema/people.sql"),
        include_str!("schema/warning.sql"),
    ],
    &[
        include_str!("schema/recovery.sql"),
        include_str!("schema/oversight.sql"),
        include_str!("schema/keys.sql"),
        include_str!("schema/carriage.sql"),
        include_str!("schema/budget.sql"),
        include_str!("schema/outbox.sql"),
        include_str!("schema/erasure.sql"),
        include_str!("schema/waived.sql"),
    ],
];

const KEYS: &[&[&str]] =
    &[&["CREATE TABLE body_keys (id BLOB PRIMARY KEY, key BLOB NOT NULL) STRICT, WITHOUT ROWID;"]];

const SOURCES: &[&[&str]] = &[&["CREATE TABLE sources (
        id         TEXT PRIMARY KEY,
        handlers   TEXT NOT NULL,           -- JSON list of login names
        sealed     BLOB NOT NULL,           -- age, to the handlers' personal keys
        created_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;"]];

/// The high-water mark. Its first step is taken only once it is known why there was none (`high_water::open`).
const MARKS: &[&[&str]] = &[&["CREATE TABLE marks (
        origin        TEXT PRIMARY KEY,    -- 64 hex digits
        signed        INTEGER NOT NULL,    -- largest size fenced; never falls
        signed_root   BLOB NOT NULL,       -- the root at that size
        cosigned      INTEGER NOT NULL,    -- largest size with a cosignature; never falls
        cosigned_root BLOB NOT NULL        -- the root at that size
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE erased (
        id BLOB PRIMARY KEY                -- the name of an erased entry's key, which must not come back
    ) STRICT, WITHOUT ROWID;"]];

/// Brings the databases to the forms this program knows. All are looked at before one is changed.
///
/// `node.db` comes last: where it has a form, the others have had theirs, so one that has none has been lost.
pub(crate) fn bring_up(c: &Connections) -> Result<(), StoreError> {
    let (node, keys) = (form(&c.node, NODE)?, form(&c.keys, KEYS)?);
    if let Some(sources) = &c.sources {
        form(sources, SOURCES)?;
    }
    marks_form(&c.marks)?;
    if node > 0 && keys == 0 {
        return Err(StoreError::Missing { file: "keys.db", beside: "node.db" });
    }
    if node == 0 && holds_keys(&c.keys)? {
        return Err(StoreError::Missing { file: "node.db", beside: "keys.db" });
    }
    take_steps(&c.keys, KEYS)?;
    if let Some(sources) = &c.sources {
        take_steps(sources, SOURCES)?;
    }
    take_steps(&c.node, NODE)
}

/// Whether `keys.db` holds the key of any text.
pub(crate) fn holds_keys(keys: &Connection) -> Result<bool, StoreError> {
    Ok(form(keys, KEYS)? > 0
        && keys.query_row("SELECT EXISTS (SELECT 1 FROM body_keys)", [], |row| row.get(0))?)
}

/// The form a database has; `TooNew` if this program does not know it.
fn form(connection: &Connection, steps: &[&[&str]]) -> Result<i64, StoreError> {
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = i64::try_from(steps.len()).unwrap_or(i64::MAX);
    if found > known {
        return Err(StoreError::TooNew { found, known });
    }
    Ok(found)
}

/// The form of the high-water mark; 0 if there is none.
pub(crate) fn marks_form(marks: &Connection) -> Result<i64, StoreError> {
    form(marks, MARKS)
}

/// Makes the high-water mark, or brings it to the form this program knows.
pub(crate) fn make_marks(marks: &Connection) -> Result<(), StoreError> {
    take_steps(marks, MARKS)
}

/// Makes `keys.db`.
pub(crate) fn make_keys(keys: &Connection) -> Result<(), StoreError> {
    take_steps(keys, KEYS)
}

/// The forms that this program writes, by the names of the databases.
pub fn forms() -> [(&'static str, i64); 3] {
    let known = |steps: &[&[&str]]| i64::try_from(steps.len()).unwrap_or(i64::MAX);
    [("node.db", known(NODE)), ("keys.db", known(KEYS)), ("sources.db", known(SOURCES))]
}

fn take_steps(connection: &Connection, steps: &[&[&str]]) -> Result<(), StoreError> {
    let found = form(connection, steps)?;
    for (form, step) in (0i64..).zip(steps).skip(usize::try_from(found).unwrap_or(0)) {
        let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
        for sql in *step {
            transaction.execute_batch(sql)?;
        }
        transaction.pragma_update(None, "user_version", form + 1)?;
        transaction.commit()?;
    }
    Ok(())
}
