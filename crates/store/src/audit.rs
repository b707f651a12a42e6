//! The node's own audit trail: an append-only log of the same kind as the channels'. Each line is a text; its leaf is
//! the RFC 6962 leaf hash of the text's SHA-256; the right edge of the tree stands beside it.

use jiff::Timestamp;
use model::id::Digest;
use rusqlite::{Row, params};
use tlog::commitment::Commitment;
use tlog::hash::{Hash, leaf_hash};
use tlog::tree::CompactRange;

use crate::columns::{all, bytes, count, ms, number, time};
use crate::error::{StoreError, bad_row};
use crate::writer::{Act, View};

/// Under which key of `meta` the right edge of the trail's tree stands, in hex.
const RANGE: &str = "audit.range";

/// A line to be added to the trail. No part may hold a line break; no source, body, secret or person-subject belongs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditLine {
    /// When.
    pub at: Timestamp,
    /// A login name, a partner's name, or `node`.
    pub who: String,
    /// What was done, as a word.
    pub act: String,
    /// The id or name it was done to.
    pub about: String,
    /// More, as JSON on one line.
    pub detail: String,
    /// What stands out about it, as comma-separated words; empty when nothing does.
    pub marks: String,
}

impl AuditLine {
    /// The text of the line at this index: what the leaf is made of.
    pub fn text(&self, seq: u64) -> String {
        let Self { at: _, who, act, about, detail, marks } = self;
        let marks = if marks.is_empty() { "-" } else { marks };
        format!(
            "forewarn/audit/v1\nseq {seq}\nat {}\nwho {who}\nact {act}\nabout {about}\nmarks {marks}\ndetail {detail}\n",
            // As the column keeps it, so that the text can be made again from the columns.
            Timestamp::from_millisecond(ms(self.at)).unwrap_or(self.at),
        )
    }
}

/// A line as it stands in the trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRecord {
    /// Its 0-based index.
    pub seq: u64,
    /// What it says, from the columns.
    pub line: AuditLine,
    /// The text that the leaf was made of when the line was written.
    pub text: String,
    /// Its leaf in the tree.
    pub leaf: Hash,
}

/// The leaf of a line's text.
pub fn audit_leaf(text: &str) -> Hash {
    leaf_hash(&Commitment::from_bytes(Digest::of(text.as_bytes()).0))
}

impl View<'_> {
    /// The lines from index `from`, oldest first, at most `limit`.
    pub fn audit_lines(&self, from: u64, limit: u32) -> Result<Vec<AuditRecord>, StoreError> {
        let sql = "SELECT seq, at, who, act, about, detail, marks, text, leaf FROM audit \
                   WHERE seq >= ?1 ORDER BY seq LIMIT ?2";
        let mut select = self.c.node.prepare_cached(sql)?;
        all(select.query_map(params![number(from)?, limit], |row| Ok(record(row)))?)
    }

    /// The right edge of the trail's tree as it was kept with the newest line: its size and root.
    pub fn audit_range(&self) -> Result<CompactRange, StoreError> {
        let Some(text) = self.meta(RANGE)? else { return Ok(CompactRange::new()) };
        CompactRange::from_bytes(&hex::decode(text).map_err(bad_row)?).map_err(bad_row)
    }
}

impl Act<'_> {
    /// Adds a line to the trail and gives its index.
    pub fn append_audit(&mut self, line: &AuditLine) -> Result<u64, StoreError> {
        let mut range = self.audit_range()?;
        let seq = range.size();
        let text = line.text(seq);
        let leaf = audit_leaf(&text);
        let sql = "INSERT INTO audit (seq, at, who, act, about, detail, marks, text, leaf) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
        let AuditLine { at, who, act, about, detail, marks } = line;
        let mut insert = self.c.node.prepare_cached(sql)?;
        insert.execute(params![
            number(seq)?,
            ms(*at),
            who,
            act,
            about,
            detail,
            marks,
            text,
            leaf.as_bytes().as_slice()
        ])?;
        range.append(leaf);
        self.set_meta(RANGE, &hex::encode(range.to_bytes()))?;
        Ok(seq)
    }
}

fn record(row: &Row<'_>) -> Result<AuditRecord, StoreError> {
    Ok(AuditRecord {
        seq: count(row.get(0)?)?,
        line: AuditLine {
            at: time(row.get(1)?)?,
            who: row.get(2)?,
            act: row.get(3)?,
            about: row.get(4)?,
            detail: row.get(5)?,
            marks: row.get(6)?,
        },
        text: row.get(7)?,
        leaf: Hash::from_bytes(bytes(&row.get::<_, Vec<u8>>(8)?)?),
    })
}
