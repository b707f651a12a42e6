//! Warnings, proposals, decisions and who has which copy.

use std::collections::BTreeSet;

use jiff::Timestamp;
use model::id::{DecisionId, Digest, OutboxId, PartyName, PersonName, ProposalId, SourceId, WarningId};
use model::state::{Machine, ProposalState, WarningState};
use model::warning::{DutyAssessment, DutyDecision, ProtectedTerm};
use rusqlite::{OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

use crate::columns::{ms, parsed, time, time_or_none};
use crate::error::{StoreError, bad_row};
use crate::writer::{Act, View};

/// A warning as it is kept: its file without sources, and what belongs to this node alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WarningRow {
    /// Its id.
    pub id: WarningId,
    /// Where it is in its life.
    pub state: WarningState,
    /// The warning file, as JSON, without its sources.
    pub file: String,
    /// Who wrote it.
    pub author: PersonName,
    /// Who graded it.
    pub graded_by: PersonName,
    /// When the desk had the information.
    pub aware_at: Timestamp,
    /// When it was first written.
    pub created_at: Timestamp,
    /// The sealed sources it rests on.
    pub sources: BTreeSet<SourceId>,
    /// Keyed digests of the sources' protected words.
    pub terms: BTreeSet<ProtectedTerm>,
    /// The duty to warn, once assessed.
    pub duty: Option<DutyAssessment>,
    /// Until when it is asserted; then somebody must decide.
    pub valid_until: Timestamp,
}

/// A proposal to be kept.
pub struct NewProposal {
    /// Its id.
    pub id: ProposalId,
    /// The warning.
    pub warning: WarningId,
    /// Who proposes.
    pub author: PersonName,
    /// Until when it may be approved.
    pub expires_at: Timestamp,
    /// The seed of its renderings.
    pub seed: [u8; 32],
    /// The digest over all copies, which the approver names.
    pub digest: Digest,
    /// The warning file as it is previewed: rendered again from it, whatever is written later.
    pub file: String,
    /// Recipients and what is stated to each, as the act wrote it (JSON).
    pub request: String,
    /// The copies.
    pub copies: Vec<ProposalCopy>,
}

/// What one recipient is to get under a proposal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProposalCopy {
    /// The recipient.
    pub recipient: PartyName,
    /// SHA-256 of the bytes.
    pub digest: Digest,
    /// The exact bytes.
    pub bytes: Vec<u8>,
    /// Digest of what they say, whatever the time they were rendered at.
    pub content: Digest,
    /// What was granted and why not more, for our own desk (JSON).
    pub judgement: String,
}

/// A proposal as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProposalRow {
    /// Its id.
    pub id: ProposalId,
    /// The warning.
    pub warning: WarningId,
    /// Where it is in its life.
    pub state: ProposalState,
    /// Who proposed it.
    pub author: PersonName,
    /// When it was previewed; also the time that its renderings carry.
    pub created_at: Timestamp,
    /// Until when it may be approved.
    pub expires_at: Timestamp,
    /// The seed of its renderings.
    pub seed: [u8; 32],
    /// The digest over all copies.
    pub digest: Digest,
    /// The warning file as it was previewed.
    pub file: String,
    /// Recipients and what is stated to each (JSON).
    pub request: String,
    /// The approver's signed note, once given.
    pub approval: Option<String>,
}

/// A copy that was released to a recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyRow {
    /// The warning.
    pub warning: WarningId,
    /// The recipient.
    pub recipient: PartyName,
    /// The proposal it came from.
    pub proposal: ProposalId,
    /// The row of the outbox it became.
    pub outbox: OutboxId,
    /// The thread in which the matter runs with this recipient.
    pub thread: [u8; 16],
    /// Digest of what the rendering says, whatever the time it was rendered at.
    pub digest: Digest,
    /// When it was released.
    pub at: Timestamp,
}

/// A decision of a named person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecisionRow {
    /// Its id.
    pub id: DecisionId,
    /// What kind of decision, e.g. `release`, `waive`.
    pub kind: String,
    /// What it is about: an id.
    pub about: String,
    /// Who took it.
    pub by: PersonName,
    /// In which role.
    pub role: String,
    /// When.
    pub at: Timestamp,
    /// Why, in the officer's words.
    pub basis: String,
    /// The signed note over what was decided.
    pub signature: String,
}

/// A review that a one-person release opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewRow {
    /// The decision to be reviewed.
    pub decision: DecisionId,
    /// What it is about: the proposal's id.
    pub about: String,
    /// Who released alone.
    pub author: PersonName,
    /// By when a second person must have looked.
    pub due: Timestamp,
    /// Who reviewed it.
    pub done_by: Option<PersonName>,
    /// When.
    pub done_at: Option<Timestamp>,
    /// What the reviewer found, in words.
    pub verdict: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct DutyColumn {
    credible: bool,
    specific: bool,
    impending: bool,
    #[serde(default)]
    deadline: Option<Timestamp>,
    #[serde(default)]
    decision: Option<DecisionColumn>,
}

#[derive(Serialize, Deserialize)]
struct DecisionColumn {
    by: String,
    at: Timestamp,
    #[serde(default)]
    waived: Option<(model::vocab::WaiverReason, String)>,
}

fn duty_column(duty: &DutyAssessment) -> Result<String, StoreError> {
    let decision = duty.decision.as_ref().map(|d| match d {
        DutyDecision::Warn { by, at } => DecisionColumn { by: by.to_string(), at: *at, waived: None },
        DutyDecision::Waive { by, at, reason, text } => {
            DecisionColumn { by: by.to_string(), at: *at, waived: Some((*reason, text.clone())) }
        }
    });
    let DutyAssessment { credible, specific, impending, deadline, .. } = *duty;
    serde_json::to_string(&DutyColumn { credible, specific, impending, deadline, decision }).map_err(bad_row)
}

fn duty_from(text: &str) -> Result<DutyAssessment, StoreError> {
    let column: DutyColumn = serde_json::from_str(text).map_err(bad_row)?;
    let decision = column.decision.map(|d| {
        let by: PersonName = parsed(&d.by)?;
        Ok::<_, StoreError>(match d.waived {
            None => DutyDecision::Warn { by, at: d.at },
            Some((reason, text)) => DutyDecision::Waive { by, at: d.at, reason, text },
        })
    });
    Ok(DutyAssessment {
        credible: column.credible,
        specific: column.specific,
        impending: column.impending,
        deadline: column.deadline,
        decision: decision.transpose()?,
    })
}

struct RawWarning {
    texts: [String; 7],
    aware_at: i64,
    created_at: i64,
    duty: Option<String>,
    valid_until: i64,
}

const WARNING: &str =
    "id, state, file, author, graded_by, aware_at, created_at, sources, terms, duty, valid_until";

fn raw_warning(row: &Row<'_>) -> rusqlite::Result<RawWarning> {
    Ok(RawWarning {
        texts: [row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(7)?, row.get(8)?],
        aware_at: row.get(5)?,
        created_at: row.get(6)?,
        duty: row.get(9)?,
        valid_until: row.get(10)?,
    })
}

fn warning(raw: RawWarning) -> Result<WarningRow, StoreError> {
    let [id, state, file, author, graded_by, sources, terms] = raw.texts;
    let sources: Vec<String> = serde_json::from_str(&sources).map_err(bad_row)?;
    let terms: Vec<(u8, [u8; 32])> = serde_json::from_str(&terms).map_err(bad_row)?;
    Ok(WarningRow {
        id: parsed(&id)?,
        state: parsed(&state)?,
        file,
        author: parsed(&author)?,
        graded_by: parsed(&graded_by)?,
        aware_at: time(raw.aware_at)?,
        created_at: time(raw.created_at)?,
        sources: sources.iter().map(|s| parsed(s)).collect::<Result<_, _>>()?,
        terms: terms.into_iter().map(|(words, digest)| ProtectedTerm { words, digest }).collect(),
        duty: raw.duty.as_deref().map(duty_from).transpose()?,
        valid_until: time(raw.valid_until)?,
    })
}

type RawProposal = ([String; 5], i64, i64, [u8; 32], [u8; 32], String, Option<String>);

const PROPOSAL: &str =
    "id, warning, state, author, rendered_at, expires_at, seed, digest, request, approval, file";

fn raw_proposal(row: &Row<'_>) -> rusqlite::Result<RawProposal> {
    let texts = [row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(10)?];
    Ok((texts, row.get(4)?, row.get(5)?, row.get(6)?, row.get(7)?, row.get(8)?, row.get(9)?))
}

fn proposal(raw: RawProposal) -> Result<ProposalRow, StoreError> {
    let ([id, warning, state, author, file], created, expires, seed, digest, request, approval) = raw;
    Ok(ProposalRow {
        id: parsed(&id)?,
        warning: parsed(&warning)?,
        state: parsed(&state)?,
        author: parsed(&author)?,
        created_at: time(created)?,
        expires_at: time(expires)?,
        seed,
        digest: Digest(digest),
        file,
        request,
        approval,
    })
}

impl View<'_> {
    /// The warning of this id.
    pub fn warning(&self, id: WarningId) -> Result<Option<WarningRow>, StoreError> {
        let sql = format!("SELECT {WARNING} FROM warnings WHERE id = ?1");
        let found = self.c.node.prepare_cached(&sql)?.query_row([id.to_string()], raw_warning).optional()?;
        found.map(warning).transpose()
    }

    /// Every warning, the newest first, at most `limit`.
    pub fn warnings(&self, limit: usize) -> Result<Vec<WarningRow>, StoreError> {
        let sql = format!("SELECT {WARNING} FROM warnings ORDER BY created_at DESC, id DESC LIMIT ?1");
        let mut select = self.c.node.prepare_cached(&sql)?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows: Vec<RawWarning> = select.query_map([limit], raw_warning)?.collect::<Result<_, _>>()?;
        rows.into_iter().map(warning).collect()
    }

    /// Warnings of which it was decided not to pass them on, the oldest first.
    pub fn waived(&self) -> Result<Vec<WarningRow>, StoreError> {
        let sql = format!("SELECT {WARNING} FROM warnings WHERE state = 'waived' ORDER BY created_at, id");
        let mut select = self.c.node.prepare_cached(&sql)?;
        let rows: Vec<RawWarning> = select.query_map([], raw_warning)?.collect::<Result<_, _>>()?;
        rows.into_iter().map(warning).collect()
    }

    /// Warnings whose duty is assessed and not decided, the most pressing first.
    pub fn undecided_duties(&self) -> Result<Vec<WarningRow>, StoreError> {
        let sql = format!(
            "SELECT {WARNING} FROM warnings WHERE decided_at IS NULL AND deadline IS NOT NULL ORDER BY deadline"
        );
        let mut select = self.c.node.prepare_cached(&sql)?;
        let rows: Vec<RawWarning> = select.query_map([], raw_warning)?.collect::<Result<_, _>>()?;
        rows.into_iter().map(warning).collect()
    }

    /// Active warnings whose validity has ended, the longest ended first.
    pub fn past_validity(&self, now: Timestamp) -> Result<Vec<WarningRow>, StoreError> {
        let sql = format!(
            "SELECT {WARNING} FROM warnings WHERE state = 'active' AND valid_until <= ?1 ORDER BY valid_until"
        );
        let mut select = self.c.node.prepare_cached(&sql)?;
        let rows: Vec<RawWarning> = select.query_map([ms(now)], raw_warning)?.collect::<Result<_, _>>()?;
        rows.into_iter().map(warning).collect()
    }

    /// The warnings that are asked back and not given back by everybody, by their ids.
    pub fn recalling(&self) -> Result<Vec<WarningRow>, StoreError> {
        let sql = format!("SELECT {WARNING} FROM warnings WHERE state = 'recalling' ORDER BY id");
        let mut select = self.c.node.prepare_cached(&sql)?;
        let rows: Vec<RawWarning> = select.query_map([], raw_warning)?.collect::<Result<_, _>>()?;
        rows.into_iter().map(warning).collect()
    }

    /// The proposal of this id.
    pub fn proposal(&self, id: ProposalId) -> Result<Option<ProposalRow>, StoreError> {
        let sql = format!("SELECT {PROPOSAL} FROM proposals WHERE id = ?1");
        let found = self.c.node.prepare_cached(&sql)?.query_row([id.to_string()], raw_proposal).optional()?;
        found.map(proposal).transpose()
    }

    /// The proposals of a warning, the oldest first.
    pub fn proposals_of(&self, of: WarningId) -> Result<Vec<ProposalRow>, StoreError> {
        let sql = format!("SELECT {PROPOSAL} FROM proposals WHERE warning = ?1 ORDER BY created_at, id");
        let mut select = self.c.node.prepare_cached(&sql)?;
        let rows: Vec<RawProposal> =
            select.query_map([of.to_string()], raw_proposal)?.collect::<Result<_, _>>()?;
        rows.into_iter().map(proposal).collect()
    }

    /// Proposals that wait for an approval, the oldest first.
    pub fn open_proposals(&self) -> Result<Vec<ProposalRow>, StoreError> {
        let sql =
            format!("SELECT {PROPOSAL} FROM proposals WHERE state = 'proposed' ORDER BY created_at, id");
        let mut select = self.c.node.prepare_cached(&sql)?;
        let rows: Vec<RawProposal> = select.query_map([], raw_proposal)?.collect::<Result<_, _>>()?;
        rows.into_iter().map(proposal).collect()
    }

    /// The copies of a proposal, by recipient.
    pub fn proposal_copies(&self, of: ProposalId) -> Result<Vec<ProposalCopy>, StoreError> {
        let sql = "SELECT recipient, digest, bytes, judgement, content FROM proposal_copies WHERE proposal = ?1 ORDER BY recipient";
        let mut select = self.c.node.prepare_cached(sql)?;
        let mut rows = select.query([of.to_string()])?;
        let mut copies = Vec::new();
        while let Some(row) = rows.next()? {
            copies.push(ProposalCopy {
                recipient: parsed(&row.get::<_, String>(0)?)?,
                digest: Digest(row.get(1)?),
                bytes: row.get(2)?,
                judgement: row.get(3)?,
                content: Digest(row.get(4)?),
            });
        }
        Ok(copies)
    }

    /// The decisions about something, the oldest first.
    pub fn decisions_about(&self, about: &str) -> Result<Vec<DecisionRow>, StoreError> {
        let sql = "SELECT id, kind, about, by_person, role, at, basis, signature FROM decisions
                   WHERE about = ?1 ORDER BY at, id";
        let mut select = self.c.node.prepare_cached(sql)?;
        let mut rows = select.query([about])?;
        let mut decisions = Vec::new();
        while let Some(row) = rows.next()? {
            decisions.push(DecisionRow {
                id: parsed(&row.get::<_, String>(0)?)?,
                kind: row.get(1)?,
                about: row.get(2)?,
                by: parsed(&row.get::<_, String>(3)?)?,
                role: row.get(4)?,
                at: time(row.get(5)?)?,
                basis: row.get(6)?,
                signature: row.get(7)?,
            });
        }
        Ok(decisions)
    }

    /// Every review, open ones and done ones, the most pressing first.
    pub fn reviews(&self) -> Result<Vec<ReviewRow>, StoreError> {
        let sql = "SELECT decision, about, author, due, done_by, done_at, verdict FROM reviews ORDER BY due";
        let mut select = self.c.node.prepare_cached(sql)?;
        let mut rows = select.query([])?;
        let mut reviews = Vec::new();
        while let Some(row) = rows.next()? {
            reviews.push(ReviewRow {
                decision: parsed(&row.get::<_, String>(0)?)?,
                about: row.get(1)?,
                author: parsed(&row.get::<_, String>(2)?)?,
                due: time(row.get(3)?)?,
                done_by: row.get::<_, Option<String>>(4)?.as_deref().map(parsed).transpose()?,
                done_at: time_or_none(row.get(5)?)?,
                verdict: row.get(6)?,
            });
        }
        Ok(reviews)
    }
}

impl Act<'_> {
    /// Keeps a warning, a first or a further writing of it.
    pub fn put_warning(&mut self, row: &WarningRow) -> Result<(), StoreError> {
        let sources: Vec<String> = row.sources.iter().map(ToString::to_string).collect();
        let terms: Vec<(u8, [u8; 32])> = row.terms.iter().map(|t| (t.words, t.digest)).collect();
        let decided = row.duty.as_ref().and_then(|d| d.decision.as_ref()).map(|d| match d {
            DutyDecision::Warn { at, .. } | DutyDecision::Waive { at, .. } => ms(*at),
        });
        self.c.node.prepare_cached(
            "INSERT INTO warnings (id, state, file, author, graded_by, aware_at, created_at, sources, terms, duty,
             deadline, decided_at, valid_until) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
             ON CONFLICT (id) DO UPDATE SET state = ?2, file = ?3, graded_by = ?5, aware_at = ?6, sources = ?8,
             terms = ?9, duty = ?10, deadline = ?11, decided_at = ?12, valid_until = ?13",
        )?.execute(params![
            row.id.to_string(),
            row.state.word(),
            row.file,
            row.author.as_str(),
            row.graded_by.as_str(),
            ms(row.aware_at),
            ms(row.created_at),
            serde_json::to_string(&sources).map_err(bad_row)?,
            serde_json::to_string(&terms).map_err(bad_row)?,
            row.duty.as_ref().map(duty_column).transpose()?,
            row.duty.as_ref().and_then(|d| d.deadline).map(ms),
            decided,
            ms(row.valid_until),
        ])?;
        Ok(())
    }

    /// Keeps a proposal with its copies.
    pub fn put_proposal(&mut self, new: &NewProposal, now: Timestamp) -> Result<(), StoreError> {
        self.c.node.prepare_cached(
            "INSERT INTO proposals (id, warning, state, author, created_at, expires_at, seed, rendered_at, digest, request,
             file) VALUES (?1, ?2, 'proposed', ?3, ?4, ?5, ?6, ?4, ?7, ?8, ?9)",
        )?.execute(params![
            new.id.to_string(),
            new.warning.to_string(),
            new.author.as_str(),
            ms(now),
            ms(new.expires_at),
            new.seed,
            new.digest.0,
            new.request,
            new.file,
        ])?;
        for copy in &new.copies {
            let sql = "INSERT INTO proposal_copies (proposal, recipient, digest, bytes, judgement, content)
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            self.c.node.prepare_cached(sql)?.execute(params![
                new.id.to_string(),
                copy.recipient.as_str(),
                copy.digest.0,
                copy.bytes,
                copy.judgement,
                copy.content.0,
            ])?;
        }
        Ok(())
    }

    /// Moves a proposal, with the approver's signed note if it was approved.
    pub fn move_proposal(
        &mut self,
        id: ProposalId,
        state: ProposalState,
        approval: Option<&str>,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE proposals SET state = ?2, approval = coalesce(?3, approval) WHERE id = ?1";
        self.c.node.prepare_cached(sql)?.execute(params![id.to_string(), state.word(), approval])?;
        Ok(())
    }

    /// Notes a copy that was released.
    pub fn put_copy(&mut self, copy: &CopyRow) -> Result<(), StoreError> {
        self.c
            .node
            .prepare_cached(
                "INSERT INTO copies (warning, recipient, proposal, outbox, thread, digest, at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                copy.warning.to_string(),
                copy.recipient.as_str(),
                copy.proposal.to_string(),
                copy.outbox.to_string(),
                copy.thread,
                copy.digest.0,
                ms(copy.at),
            ])?;
        Ok(())
    }

    /// Keeps a decision.
    pub fn put_decision(&mut self, decision: &DecisionRow) -> Result<(), StoreError> {
        self.c
            .node
            .prepare_cached(
                "INSERT INTO decisions (id, kind, about, by_person, role, at, basis, signature)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute(params![
                decision.id.to_string(),
                decision.kind,
                decision.about,
                decision.by.as_str(),
                decision.role,
                ms(decision.at),
                decision.basis,
                decision.signature,
            ])?;
        Ok(())
    }

    /// Opens a review of a one-person release.
    pub fn open_review(&mut self, review: &ReviewRow) -> Result<(), StoreError> {
        let sql = "INSERT INTO reviews (decision, about, author, due) VALUES (?1, ?2, ?3, ?4)";
        self.c.node.prepare_cached(sql)?.execute(params![
            review.decision.to_string(),
            review.about,
            review.author.as_str(),
            ms(review.due),
        ])?;
        Ok(())
    }

    /// Closes a review with what the reviewer found.
    pub fn close_review(
        &mut self,
        decision: DecisionId,
        by: &PersonName,
        verdict: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE reviews SET done_by = ?2, done_at = ?3, verdict = ?4 WHERE decision = ?1 AND done_at IS NULL";
        self.c.node.prepare_cached(sql)?.execute(params![
            decision.to_string(),
            by.as_str(),
            ms(now),
            verdict
        ])?;
        Ok(())
    }
}
