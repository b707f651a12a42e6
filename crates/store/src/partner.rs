//! Partners: their signed cards and how far they are confirmed.

use jiff::Timestamp;
use model::id::PartyName;
use rusqlite::{OptionalExtension, Row, params};

use crate::columns::{ms, time};
use crate::error::{StoreError, bad_row};
use crate::writer::{Act, View};

/// How far a partner is confirmed. Before `Confirmed` nothing flows but cards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartnerState {
    /// Pinned by its card; nobody compared the fingerprint by voice yet.
    Unconfirmed,
    /// An officer heard the fingerprint words and they were right.
    Confirmed,
}

/// A partner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartnerRow {
    /// The name of its node.
    pub name: PartyName,
    /// Its signed card, byte for byte.
    pub card: String,
    /// How far it is confirmed.
    pub state: PartnerState,
    /// When it was added.
    pub added_at: Timestamp,
    /// When it was confirmed.
    pub confirmed_at: Option<Timestamp>,
    /// When it last called or answered.
    pub heard_at: Option<Timestamp>,
    /// What stands in the way of delivery, in words.
    pub trouble: Option<String>,
}

const COLUMNS: &str = "name, card, state, added_at, confirmed_at, heard_at, trouble";

type Raw = (String, String, String, i64, Option<i64>, Option<i64>, Option<String>);

fn raw(row: &Row<'_>) -> rusqlite::Result<Raw> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?))
}

fn partner((name, card, state, added, confirmed, heard, trouble): Raw) -> Result<PartnerRow, StoreError> {
    Ok(PartnerRow {
        name: name.parse().map_err(bad_row)?,
        card,
        state: match state.as_str() {
            "unconfirmed" => PartnerState::Unconfirmed,
            "confirmed" => PartnerState::Confirmed,
            other => return Err(bad_row(format!("partner state {other:?}"))),
        },
        added_at: time(added)?,
        confirmed_at: confirmed.map(time).transpose()?,
        heard_at: heard.map(time).transpose()?,
        trouble,
    })
}

impl View<'_> {
    /// The partner of this name, if there is one.
    pub fn partner(&self, name: &PartyName) -> Result<Option<PartnerRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM partners WHERE name = ?1");
        let found = self.c.node.prepare_cached(&sql)?.query_row([name.as_str()], raw).optional()?;
        found.map(partner).transpose()
    }

    /// Every partner, by name.
    pub fn partners(&self) -> Result<Vec<PartnerRow>, StoreError> {
        let mut select =
            self.c.node.prepare_cached(&format!("SELECT {COLUMNS} FROM partners ORDER BY name"))?;
        let rows: Vec<Raw> = select.query_map([], raw)?.collect::<Result<_, _>>()?;
        rows.into_iter().map(partner).collect()
    }
}

impl Act<'_> {
    /// Adds a partner, unconfirmed. A partner of that name must not be there.
    pub fn add_partner(&mut self, name: &PartyName, card: &str, now: Timestamp) -> Result<(), StoreError> {
        let sql = "INSERT INTO partners (name, card, state, added_at) VALUES (?1, ?2, 'unconfirmed', ?3)";
        self.c.node.prepare_cached(sql)?.execute(params![name.as_str(), card, ms(now)])?;
        Ok(())
    }

    /// Puts another card in the place of an unconfirmed partner's card. A confirmed partner's card is never replaced so.
    pub fn replace_unconfirmed_card(&mut self, name: &PartyName, card: &str) -> Result<(), StoreError> {
        let sql = "UPDATE partners SET card = ?2 WHERE name = ?1 AND state = 'unconfirmed'";
        self.c.node.prepare_cached(sql)?.execute(params![name.as_str(), card])?;
        Ok(())
    }

    /// Puts another card in the place of a partner's card. With another identity the partner is unconfirmed again.
    pub fn replace_card(
        &mut self,
        name: &PartyName,
        card: &str,
        same_identity: bool,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE partners SET card = ?2, state = CASE WHEN ?3 THEN state ELSE 'unconfirmed' END,
                   confirmed_at = CASE WHEN ?3 THEN confirmed_at ELSE NULL END WHERE name = ?1";
        self.c.node.prepare_cached(sql)?.execute(params![name.as_str(), card, same_identity])?;
        Ok(())
    }

    /// Marks a partner as confirmed.
    pub fn confirm_partner(&mut self, name: &PartyName, now: Timestamp) -> Result<(), StoreError> {
        let sql = "UPDATE partners SET state = 'confirmed', confirmed_at = ?2 WHERE name = ?1";
        self.c.node.prepare_cached(sql)?.execute(params![name.as_str(), ms(now)])?;
        Ok(())
    }

    /// Notes that a partner called. Whether our own deliveries reach it is another matter.
    pub fn heard_from(&mut self, name: &PartyName, now: Timestamp) -> Result<(), StoreError> {
        let sql = "UPDATE partners SET heard_at = max(coalesce(heard_at, 0), ?2) WHERE name = ?1";
        self.c.node.prepare_cached(sql)?.execute(params![name.as_str(), ms(now)])?;
        Ok(())
    }

    /// Notes that delivery works: the partner answered, and nothing stands in the way.
    pub fn heard_of(&mut self, name: &PartyName, now: Timestamp) -> Result<(), StoreError> {
        let sql =
            "UPDATE partners SET heard_at = max(coalesce(heard_at, 0), ?2), trouble = NULL WHERE name = ?1";
        self.c.node.prepare_cached(sql)?.execute(params![name.as_str(), ms(now)])?;
        Ok(())
    }

    /// Notes what stands in the way of delivery to a partner.
    pub fn trouble_with(&mut self, name: &PartyName, trouble: &str) -> Result<(), StoreError> {
        let sql = "UPDATE partners SET trouble = ?2 WHERE name = ?1";
        self.c.node.prepare_cached(sql)?.execute(params![name.as_str(), trouble])?;
        Ok(())
    }
}
