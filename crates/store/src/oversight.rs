//! Oversight's key and the heads of the audit trail that it cosigned.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};
use tlog::hash::Hash;

use crate::columns::{count, ms, number, time};
use crate::error::StoreError;
use crate::writer::{Act, View};

/// Oversight's key as it was appointed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OversightKeyRow {
    /// The verifier key.
    pub vkey: String,
    /// Who appointed it.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// A head of the audit trail that oversight has cosigned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CosignedTrail {
    /// How many lines it covers.
    pub size: u64,
    /// The checkpoint with both lines.
    pub note: String,
    /// The cosignature's time, by oversight's clock.
    pub at: Timestamp,
}

impl View<'_> {
    /// Oversight's key in force.
    pub fn oversight_key(&self) -> Result<Option<OversightKeyRow>, StoreError> {
        let sql = "SELECT vkey, by, at FROM oversight_keys ORDER BY seq DESC LIMIT 1";
        let mut select = self.c.node.prepare_cached(sql)?;
        let found: Option<(String, String, i64)> =
            select.query_row([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?))).optional()?;
        found.map(|(vkey, by, at)| Ok(OversightKeyRow { vkey, by, at: time(at)? })).transpose()
    }

    /// The root of the trail at a size that was signed.
    pub fn trail_head(&self, size: u64) -> Result<Option<Hash>, StoreError> {
        let sql = "SELECT root FROM trail_heads WHERE size = ?1";
        let mut select = self.c.node.prepare_cached(sql)?;
        let root: Option<[u8; 32]> = select.query_row([number(size)?], |r| r.get(0)).optional()?;
        Ok(root.map(Hash::from_bytes))
    }

    /// The newest head of the trail that oversight has cosigned.
    pub fn cosigned_trail(&self) -> Result<Option<CosignedTrail>, StoreError> {
        let sql = "SELECT size, cosigned, cosigned_at FROM trail_heads WHERE cosigned IS NOT NULL
                   ORDER BY size DESC LIMIT 1";
        let mut select = self.c.node.prepare_cached(sql)?;
        let found: Option<(i64, String, i64)> =
            select.query_row([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?))).optional()?;
        found
            .map(|(size, note, at)| Ok(CosignedTrail { size: count(size)?, note, at: time(at)? }))
            .transpose()
    }
}

impl Act<'_> {
    /// Puts a key of oversight's in force, in the place of the one before.
    pub fn appoint_oversight_key(&mut self, vkey: &str, by: &str, now: Timestamp) -> Result<(), StoreError> {
        let sql = "INSERT INTO oversight_keys (vkey, by, at) VALUES (?1, ?2, ?3)";
        self.c.node.prepare_cached(sql)?.execute(params![vkey, by, ms(now)])?;
        Ok(())
    }

    /// The sign fence of the trail: from when this is durable no other root can be signed for this size. The same root
    /// again changes nothing; another one is a `Contradiction`.
    pub fn fence_trail_head(&mut self, size: u64, root: &Hash) -> Result<(), StoreError> {
        match self.trail_head(size)? {
            Some(fenced) if fenced == *root => Ok(()),
            Some(_) => {
                Err(StoreError::Contradiction(format!("a second root for size {size} of the audit trail")))
            }
            None => {
                let sql = "INSERT INTO trail_heads (size, root) VALUES (?1, ?2)";
                self.c.node.prepare_cached(sql)?.execute(params![number(size)?, root.as_bytes()])?;
                Ok(())
            }
        }
    }

    /// Keeps what oversight cosigned. The first cosignature of a head is the one that counts.
    pub fn keep_cosigned_trail(&mut self, size: u64, note: &str, at: Timestamp) -> Result<(), StoreError> {
        let sql =
            "UPDATE trail_heads SET cosigned = ?2, cosigned_at = ?3 WHERE size = ?1 AND cosigned IS NULL";
        self.c.node.prepare_cached(sql)?.execute(params![number(size)?, note, ms(at)])?;
        Ok(())
    }
}
