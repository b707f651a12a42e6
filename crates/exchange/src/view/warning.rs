//! Our own warnings: the list, one whole with its decisions, and the proposals that wait.

use jiff::Timestamp;
use model::caller::Person;
use model::id::WarningId;
use model::state::ProposalState;
use model::vocab::{Domain, Precedence, Role, Status};
use model::warning::{DutyDecision, Warning};
use serde::Serialize;
use store::{CopyRow, OutboxState, View, WarningRow};

use crate::audit;
use crate::caller::needs;
use crate::house::House;
use crate::refusal::Refusal;
use crate::view::recall::{self, RecallLine};
use crate::write::{known, warning_of};

/// The most lines of the list.
const LINES_MAX: usize = 500;

/// A warning as a line of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WarningLine {
    /// Its id.
    pub warning: String,
    /// Where it is in its life.
    pub state: String,
    /// Actual or exercise.
    pub status: Status,
    /// How fast the desk treats it.
    pub precedence: Precedence,
    /// The domain.
    pub domain: Domain,
    /// The case.
    pub case: Option<String>,
    /// The fullest headline.
    pub title: String,
    /// Who wrote it.
    pub author: String,
    /// When.
    pub created_at: Timestamp,
    /// By when the duty to warn must be decided, while it is not.
    pub decide_by: Option<Timestamp>,
}

/// One warning, whole, as its own desk sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WarningWhole {
    /// The line of the list.
    pub line: WarningLine,
    /// Every ladder with its rungs, the most telling first.
    pub ladders: Vec<LadderView>,
    /// How many sealed sources it rests on.
    pub sources: usize,
    /// What was assessed and decided about the duty to warn, in words.
    pub duty: Option<String>,
    /// The proposals made of it.
    pub proposals: Vec<ProposalLine>,
    /// Who has which copy.
    pub copies: Vec<CopyLine>,
    /// The decisions on it, in words.
    pub decisions: Vec<DecisionLine>,
}

/// A ladder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LadderView {
    /// Its name.
    pub path: String,
    /// The values in words.
    pub rungs: Vec<String>,
}

/// A proposal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProposalLine {
    /// Its id.
    pub proposal: String,
    /// The warning.
    pub warning: String,
    /// Where it is in its life.
    pub state: String,
    /// Who proposed it.
    pub author: String,
    /// The digest that an approver names.
    pub digest: String,
    /// The recipients.
    pub recipients: Vec<String>,
    /// When it was previewed.
    pub created_at: Timestamp,
    /// Until when it may be approved.
    pub expires_at: Timestamp,
}

/// A copy that was released.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CopyLine {
    /// The recipient.
    pub recipient: String,
    /// When it was released.
    pub at: Timestamp,
    /// `queued`, `withdrawn: …`, or the entry it stands in.
    pub delivery: String,
    /// Its recall, once that stands in a log, and what the receiver said to it.
    pub recall: Option<RecallLine>,
}

/// A decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DecisionLine {
    /// What kind.
    pub kind: String,
    /// Who took it.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Why, in the officer's words.
    pub basis: String,
}

const READERS: &[Role] = &[Role::Desk, Role::Release, Role::Oversight];

/// Our warnings, the newest first.
pub fn list(house: &House, caller: &Person) -> Result<Vec<WarningLine>, Refusal> {
    needs(caller, READERS, "read this desk's warnings")?;
    house.store.view(|view| {
        let rows = view.warnings(LINES_MAX)?;
        rows.iter().map(|row| Ok(line(row, &warning_of(row)?))).collect()
    })
}

fn line(row: &WarningRow, warning: &Warning) -> WarningLine {
    let title = warning.fields.iter().find(|f| f.path == model::ladder::FieldPath::Title);
    let undecided = row.duty.as_ref().filter(|d| d.decision.is_none());
    WarningLine {
        warning: row.id.to_string(),
        state: row.state.to_string(),
        status: warning.status,
        precedence: warning.precedence,
        domain: warning.domain,
        case: warning.case.clone(),
        title: title.and_then(|f| f.rungs.first()).map(|r| r.value.plain()).unwrap_or_default(),
        author: row.author.to_string(),
        created_at: row.created_at,
        decide_by: undecided.and_then(|d| d.deadline),
    }
}

/// One warning, whole. `why` is kept in the trail when it names persons (I-40).
pub fn show(
    house: &House,
    caller: &Person,
    id: WarningId,
    why: Option<&str>,
    now: Timestamp,
) -> Result<WarningWhole, Refusal> {
    needs(caller, READERS, "read this desk's warnings")?;
    let (whole, names) = house.store.view(|view| {
        let row = known(view, id)?;
        let warning = warning_of(&row)?;
        Ok::<_, Refusal>((whole(house, view, &row, &warning, now)?, warning.names_a_person()))
    })?;
    if names {
        let why = why.filter(|w| !w.trim().is_empty()).ok_or_else(|| {
            Refusal::yours("why", "this warning names persons; reading it is logged with the reason")
                .hint("say why you read it: `--why \"preparing the release\"`")
        })?;
        let (by, why) = (caller.name.clone(), why.to_owned());
        house.store.act(move |act| {
            let detail = serde_json::json!({ "why": why });
            audit::note(act, now, by.as_str(), "person.read", &id.to_string(), detail, &[])
        })?;
    }
    Ok(whole)
}

/// The recall of a copy that was sent.
fn recall_of(
    house: &House,
    view: &View<'_>,
    copy: &CopyRow,
    now: Timestamp,
) -> Result<Option<RecallLine>, Refusal> {
    let Some(OutboxState::Appended(at)) = view.outbox_row(copy.outbox)?.map(|o| o.state) else {
        return Ok(None);
    };
    let Some(channel) = view.channel(&at.origin)? else { return Ok(None) };
    let relation = house.relations.of(view, &copy.recipient)?;
    let release = relation.release(&at);
    Ok(release.map(|release| recall::line(view, &channel, &release, now)).transpose()?.flatten())
}

fn whole(
    house: &House,
    view: &View<'_>,
    row: &WarningRow,
    warning: &Warning,
    now: Timestamp,
) -> Result<WarningWhole, Refusal> {
    let ladder = |f: model::ladder::Field| LadderView {
        path: f.path.to_string(),
        rungs: f.rungs.iter().map(|r| r.value.plain()).collect(),
    };
    let mut decisions = view.decisions_about(&row.id.to_string())?;
    let mut proposals = Vec::new();
    for proposal in view.proposals_of(row.id)? {
        decisions.extend(view.decisions_about(&proposal.id.to_string())?);
        proposals.push(proposal_line(view, proposal)?);
    }
    let mut copies = Vec::new();
    for copy in view.copies_of(row.id)? {
        let delivery = match view.outbox_row(copy.outbox)?.map(|o| o.state) {
            Some(OutboxState::Queued) => "queued".to_owned(),
            Some(OutboxState::Withdrawn(why)) => format!("withdrawn: {why}"),
            Some(OutboxState::Appended(at)) => at.to_string(),
            None => "gone".to_owned(),
        };
        let recall = recall_of(house, view, &copy, now)?;
        copies.push(CopyLine { recipient: copy.recipient.to_string(), at: copy.at, delivery, recall });
    }
    Ok(WarningWhole {
        line: line(row, warning),
        ladders: warning.ladders().into_iter().map(ladder).collect(),
        sources: warning.sources.len(),
        duty: row.duty.as_ref().map(duty_words),
        proposals,
        copies,
        decisions: decisions
            .into_iter()
            .map(|d| DecisionLine { kind: d.kind, by: d.by.to_string(), at: d.at, basis: d.basis })
            .collect(),
    })
}

fn duty_words(duty: &model::warning::DutyAssessment) -> String {
    let arises = match duty.deadline {
        None => "does not arise".to_owned(),
        Some(by) => format!("arises, to be decided by {by}"),
    };
    match &duty.decision {
        None => arises,
        Some(DutyDecision::Warn { by, at }) => format!("{arises}; {by} decided at {at} to warn"),
        Some(DutyDecision::Waive { by, at, reason, .. }) => {
            format!("{arises}; {by} decided at {at} not to warn: {}", reason.plain())
        }
    }
}

fn proposal_line(view: &View<'_>, row: store::ProposalRow) -> Result<ProposalLine, Refusal> {
    let copies = view.proposal_copies(row.id)?;
    Ok(ProposalLine {
        proposal: row.id.to_string(),
        warning: row.warning.to_string(),
        state: row.state.to_string(),
        author: row.author.to_string(),
        digest: row.digest.to_string(),
        recipients: copies.into_iter().map(|c| c.recipient.to_string()).collect(),
        created_at: row.created_at,
        expires_at: row.expires_at,
    })
}

/// The proposals that can be approved at `now`; an empty list for those who may not read warnings.
pub fn proposals_waiting(
    house: &House,
    caller: &Person,
    now: Timestamp,
) -> Result<Vec<ProposalLine>, Refusal> {
    if !READERS.iter().any(|role| caller.holds(*role)) {
        return Ok(Vec::new());
    }
    house.store.view(|view| {
        let open = view.open_proposals()?.into_iter();
        let open = open.filter(|p| p.state == ProposalState::Proposed && now < p.expires_at);
        open.map(|row| proposal_line(view, row)).collect()
    })
}

/// The desk's own precedence of a warning: what a recipient is told if nothing else is stated.
pub fn precedence(house: &House, id: WarningId) -> Result<Precedence, Refusal> {
    house.store.view(|view| Ok(warning_of(&known(view, id)?)?.precedence))
}
