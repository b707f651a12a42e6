//! The forms that the databases have had, and the steps between them. Steps run at start, each in one transaction.

use rusqlite::Connection;

use crate::error::StoreError;

/// Steps of `node.db`: step n takes form n to form n + 1. A step that has shipped never changes.
const NODE: &[&[&str]] = &[&[
    include_str!("schema/channel.sql"),
    include_str!("schema/node.sql"),
    include_str!("schema/people.sql"),
    include_str!("schema/warning.sql"),
]];

const KEYS: &[&[&str]] = &[&["CREATE TABLE body_keys (id BLOB PRIMARY KEY, key BLOB NOT NULL) STRICT, WITHOUT ROWID;"]];

const SOURCES: &[&[&str]] = &[&[
    "CREATE TABLE sources (
        id         TEXT PRIMARY KEY,
        handlers   TEXT NOT NULL,           -- JSON list of login names
        sealed     BLOB NOT NULL,           -- age, to the handlers' personal keys
        created_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;",
]];

/// Brings `node.db` to the form this program knows.
pub(crate) fn bring_up_node(connection: &mut Connection) -> Result<(), StoreError> {
    bring_up(connection, NODE)
}

/// Brings `keys.db` to the form this program knows.
pub(crate) fn bring_up_keys(connection: &mut Connection) -> Result<(), StoreError> {
    bring_up(connection, KEYS)
}

/// Brings `sources.db` to the form this program knows.
pub(crate) fn bring_up_sources(connection: &mut Connection) -> Result<(), StoreError> {
    bring_up(connection, SOURCES)
}

fn bring_up(connection: &mut Connection, steps: &[&[&str]]) -> Result<(), StoreError> {
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = i64::try_from(steps.len()).unwrap_or(i64::MAX);
    if found > known {
        return Err(StoreError::TooNew { found, known });
    }
    for (form, step) in (0i64..).zip(steps).skip(usize::try_from(found).unwrap_or(0)) {
        let transaction = connection.transaction()?;
        for sql in *step {
            transaction.execute_batch(sql)?;
        }
        transaction.pragma_update(None, "user_version", form + 1)?;
        transaction.commit()?;
    }
    Ok(())
}
