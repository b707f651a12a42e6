//! Sealed sources, in a database of their own. The node runs without it (I-03); nothing here can open a source.

use std::collections::BTreeSet;

use jiff::Timestamp;
use model::id::{PersonName, SourceId};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::columns::{all, ms, parsed, time};
use crate::error::{StoreError, bad_row};
use crate::writer::{Act, View};

/// A sealed source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceRow {
    /// Its id.
    pub id: SourceId,
    /// Who can open it.
    pub handlers: BTreeSet<PersonName>,
    /// The source, encrypted with age to the handlers' personal keys.
    pub sealed: Vec<u8>,
    /// When it was written.
    pub created_at: Timestamp,
}

const SOURCE: &str = "id, handlers, sealed, created_at";

impl View<'_> {
    /// Whether the database of sources is there.
    pub fn has_sources(&self) -> bool {
        self.c.sources.is_some()
    }

    /// The sealed source of this id, if it is there. `Unsealable` if the database of sources is not.
    pub fn source(&self, id: SourceId) -> Result<Option<SourceRow>, StoreError> {
        let mut select =
            self.sources()?.prepare_cached(&format!("SELECT {SOURCE} FROM sources WHERE id = ?1"))?;
        select.query_row([id.to_string()], |row| Ok(source(row))).optional()?.transpose()
    }

    /// Every sealed source that this person handles, oldest first. `Unsealable` if the database of sources is not there.
    pub fn sources_of(&self, handler: &PersonName) -> Result<Vec<SourceRow>, StoreError> {
        let sql = format!(
            "SELECT {SOURCE} FROM sources \
             WHERE EXISTS (SELECT 1 FROM json_each(handlers) WHERE json_each.value = ?1) ORDER BY created_at, id"
        );
        let mut select = self.sources()?.prepare_cached(&sql)?;
        all(select.query_map([handler.as_str()], |row| Ok(source(row)))?)
    }

    fn sources(&self) -> Result<&Connection, StoreError> {
        self.c
            .sources
            .as_ref()
            .ok_or_else(|| StoreError::Unsealable("sources.db is not in the data folder".to_owned()))
    }
}

impl Act<'_> {
    /// Keeps a sealed source; one of the same id is replaced. `Unsealable` if the database of sources is not there.
    pub fn put_source(&mut self, row: &SourceRow) -> Result<(), StoreError> {
        let names: Vec<&str> = row.handlers.iter().map(PersonName::as_str).collect();
        let handlers = serde_json::to_string(&names).map_err(bad_row)?;
        let sql = "INSERT INTO sources (id, handlers, sealed, created_at) VALUES (?1, ?2, ?3, ?4) \
                   ON CONFLICT (id) DO UPDATE SET handlers = excluded.handlers, sealed = excluded.sealed";
        let mut insert = self.sources()?.prepare_cached(sql)?;
        insert.execute(params![row.id.to_string(), handlers, row.sealed, ms(row.created_at)])?;
        Ok(())
    }
}

fn source(row: &Row<'_>) -> Result<SourceRow, StoreError> {
    let handlers: Vec<String> = serde_json::from_str(&row.get::<_, String>(1)?).map_err(bad_row)?;
    Ok(SourceRow {
        id: parsed(&row.get::<_, String>(0)?)?,
        handlers: handlers.iter().map(|name| parsed(name)).collect::<Result<_, _>>()?,
        sealed: row.get(2)?,
        created_at: time(row.get(3)?)?,
    })
}
