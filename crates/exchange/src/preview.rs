//! Preview: what each recipient would get, side by side, with the reasons; kept as a proposal that can be approved.

use std::collections::BTreeSet;

use disclosure::{Audience, Judgement, Path, Stamp, TextOverride, Worded};
use jiff::Timestamp;
use model::caller::Person;
use model::id::{DecisionId, Digest, EntryRef, PartyName, PersonName, ProposalId, WarningId};
use model::relation::Side;
use model::state::{Machine, ProposalState, WarningEvent, WarningState};
use model::vocab::{Precedence, Purpose, Role};
use model::warning::Warning;
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use store::{Act, DecisionRow, NewProposal, ProposalCopy, View, WarningRow};

use crate::alarm::due;
use crate::audit::{self, Mark};
use crate::caller::needs;
use crate::house::House;
use crate::partner;
use crate::people;
use crate::person_key::{Decision, PersonKey};
use crate::refusal::Refusal;
use crate::view::preview::{self as shown, PreviewView};
use crate::write::{known, warning_of};

/// The most recipients of one proposal.
pub const RECIPIENTS_MAX: usize = 100;

/// What is asked to be previewed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The recipients.
    pub recipients: Vec<Stated>,
    /// Whether it is to go by the imminent-danger path.
    #[serde(default)]
    pub imminent_danger: bool,
    /// Words that the comparison found and that a release officer lets through.
    #[serde(default)]
    pub overrides: Vec<OverrideWords>,
}

/// What is stated to one recipient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stated {
    /// The recipient.
    pub party: String,
    /// What it is passed for.
    pub purpose: Purpose,
    /// The precedence it is told.
    pub precedence: Precedence,
}

/// An override of the free-text comparison, with who let it through and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverrideWords {
    /// The field, as shown.
    pub path: String,
    /// The word found.
    pub word: String,
    /// Who lets it through; never the author.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// Previews a warning for its recipients and keeps the proposal, signed by the author. Nothing leaves.
pub fn preview(
    house: &House,
    caller: &Person,
    key: &PersonKey,
    warning: WarningId,
    request: Request,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<PreviewView, Refusal> {
    needs(caller, &[Role::Desk, Role::Release], "preview a warning")?;
    check(&request)?;
    check_overrides(&request, caller)?;
    let (mut seed, mut ids) = ([0; 32], [[0; 10]; 2]);
    rng.fill_bytes(&mut seed);
    for id in &mut ids {
        rng.fill_bytes(id);
    }
    let now = Timestamp::from_millisecond(now.as_millisecond()).map_err(Refusal::ours)?;
    let (us, by) = (house.clone(), caller.name.clone());
    let (id, decision_id) = (ProposalId::make(now, ids[0]), DecisionId::make(now, ids[1]));
    let signer = key.clone();
    house.store.act(move |act| {
        people::acting(act, &by, &[Role::Desk, Role::Release])?;
        let mut row = known(act, warning)?;
        let wrote = |o: &OverrideWords| o.by == row.author.as_str() || o.by == row.graded_by.as_str();
        if request.overrides.iter().any(wrote) {
            return Err(Refusal::yours(
                "own_override",
                "an author cannot override the comparison of their own text",
            )
            .hint("another release officer may, with a reason"));
        }
        let whole = warning_of(&row)?;
        if request.imminent_danger && !whole.threatens_life() {
            return Err(Refusal::yours("not_imminent", "the imminent-danger path is for a threat to life")
                .detail("killing, serious injury or kidnapping")
                .hint("everything else takes a second person: preview it without `--imminent-danger`"));
        }
        note_reading(act, &whole, &by, "to preview its release", now)?;
        let mut columns = Vec::new();
        let worded = Worded::of(&whole, &us.name, &us.keys.terms);
        for stated in &request.recipients {
            let stamp = Stamp { seed, rendered_at: now, first_rendered_at: None };
            columns.push(column(&us, act, &row, &worded, stated, &request, stamp)?);
        }
        let digest = digest_of(&columns, request.imminent_danger);
        let copies: Vec<ProposalCopy> = columns.iter().filter_map(Column::copy).collect();
        let proposal = if copies.is_empty() {
            None
        } else {
            row.state = proposed(act, &row, &by, now)?;
            act.put_warning(&row)?;
            let text = serde_json::to_string(&request).map_err(Refusal::ours)?;
            let expires_at = due(now, us.settings.proposal_minutes.now());
            let author = by.clone();
            let file = row.file.clone();
            let new =
                NewProposal { id, warning, author, expires_at, seed, digest, file, request: text, copies };
            act.put_proposal(&new, now)?;
            let said = Decision::new("propose", &id.to_string(), digest, &us.name, &by, now);
            let signature = signer.sign_decision(&said)?;
            people::signed_now(act, &signature, &by)?;
            act.put_decision(&DecisionRow {
                id: decision_id,
                kind: "propose".to_owned(),
                about: id.to_string(),
                by: by.clone(),
                role: "author".to_owned(),
                at: now,
                basis: String::new(),
                signature,
            })?;
            Some((id, expires_at))
        };
        let marks: &[Mark] = if request.overrides.is_empty() { &[] } else { &[Mark::Override] };
        let detail = serde_json::json!({ "recipients": columns.len(), "digest": digest.to_string() });
        audit::note(act, now, by.as_str(), "warning.preview", &warning.to_string(), detail, marks)?;
        Ok(shown::view(&whole, &columns, proposal, digest, request.imminent_danger))
    })
}

/// A proposal as it was stored, for the second person to read: judged now, rendered with the stored seed and time. What
/// would no longer come out as it was approved is refused, as the release would be.
pub fn look(house: &House, caller: &Person, id: ProposalId, now: Timestamp) -> Result<PreviewView, Refusal> {
    needs(caller, &[Role::Desk, Role::Release, Role::Oversight], "read a proposal")?;
    let (us, by) = (house.clone(), caller.name.clone());
    house.store.act(move |act| {
        let row = act.proposal(id)?;
        let row =
            row.ok_or_else(|| Refusal::yours("unknown_proposal", format!("there is no proposal {id}")))?;
        let warning = WarningRow { file: row.file.clone(), ..known(act, row.warning)? };
        let whole = warning_of(&warning)?;
        note_reading(act, &whole, &by, &format!("to judge the proposal {id}"), now)?;
        let request: Request = serde_json::from_str(&row.request).map_err(Refusal::ours)?;
        let mut columns = Vec::new();
        let worded = Worded::of(&whole, &us.name, &us.keys.terms);
        for stated in &request.recipients {
            let stamp = Stamp { seed: row.seed, rendered_at: row.created_at, first_rendered_at: None };
            columns.push(column(&us, act, &warning, &worded, stated, &request, stamp)?);
        }
        let digest = digest_of(&columns, request.imminent_danger);
        if digest != row.digest && row.state == ProposalState::Proposed {
            return Err(Refusal::yours("changed", "what would go now is not what was previewed")
                .detail(format!("previewed {}, now {digest}", row.digest))
                .hint("`forewarn warning preview` makes a new proposal"));
        }
        Ok(shown::view(&whole, &columns, Some((id, row.expires_at)), row.digest, request.imminent_danger))
    })
}

/// Notes in the trail that somebody read of named persons, and why (I-40).
fn note_reading(
    act: &mut Act<'_>,
    warning: &Warning,
    by: &PersonName,
    why: &str,
    now: Timestamp,
) -> Result<(), Refusal> {
    if !warning.names_a_person() {
        return Ok(());
    }
    let detail = serde_json::json!({ "why": why });
    audit::note(act, now, by.as_str(), "person.read", &warning.id.to_string(), detail, &[])
}

fn check(request: &Request) -> Result<(), Refusal> {
    let mut named = BTreeSet::new();
    if request.recipients.is_empty() || request.recipients.len() > RECIPIENTS_MAX {
        return Err(Refusal::yours("recipients", format!("name 1 to {RECIPIENTS_MAX} recipients")));
    }
    match request.recipients.iter().find(|r| !named.insert(&r.party)) {
        Some(twice) => Err(Refusal::yours("recipients", format!("{} is named twice", twice.party))),
        None => Ok(()),
    }
}

/// A word is let through by the release officer who asks for it, under their own name and with a reason.
fn check_overrides(request: &Request, caller: &Person) -> Result<(), Refusal> {
    if request.overrides.is_empty() {
        return Ok(());
    }
    needs(caller, &[Role::Release], "let a word through that the comparison found")?;
    if request.overrides.iter().any(|o| o.by != caller.name.as_str()) {
        return Err(Refusal::yours("override", "nobody lets a word through in another's name")
            .hint("the release officer who answers for it previews the warning"));
    }
    if request.overrides.iter().any(|o| o.reason.trim().is_empty()) {
        return Err(Refusal::yours(
            "no_reason",
            "a word is let through with a reason in words, or not at all",
        ));
    }
    Ok(())
}

/// Opens the review of a warning: its duty must be assessed; earlier open proposals of it are taken back. What was
/// approved and could not be released as it was is reviewed anew, as if the same had been written and assessed again.
fn proposed(
    act: &mut Act<'_>,
    row: &WarningRow,
    by: &PersonName,
    now: Timestamp,
) -> Result<WarningState, Refusal> {
    for open in act.proposals_of(row.id)?.iter().filter(|p| p.state == ProposalState::Proposed) {
        act.move_proposal(open.id, ProposalState::Refused, None)?;
        let detail = serde_json::json!({ "why": "a later preview takes its place" });
        audit::note(act, now, by.as_str(), "release.refuse", &open.id.to_string(), detail, &[])?;
    }
    match row.state {
        WarningState::InReview | WarningState::Active => Ok(row.state),
        WarningState::Graded => Err(Refusal::yours("not_assessed", "the duty to warn was not assessed yet")
            .hint(format!("`forewarn duty assess {}` comes first", row.id))),
        WarningState::Releasable => [WarningEvent::Edit, WarningEvent::AssessDuty, WarningEvent::Propose]
            .into_iter()
            .try_fold(row.state, |state, event| state.step(event).map_err(Refusal::ours)),
        state => state.step(WarningEvent::Propose).map_err(|e| Refusal::yours("wrong_step", e.to_string())),
    }
}

/// One recipient's column.
pub(crate) struct Column {
    pub(crate) party: PartyName,
    pub(crate) judgement: Judgement,
    /// The bytes and the digest of what they say; `None` if nothing may go.
    pub(crate) rendering: Option<(Vec<u8>, Digest)>,
    /// True if the recipient holds just this already.
    pub(crate) nothing_new: bool,
}

impl Column {
    fn copy(&self) -> Option<ProposalCopy> {
        let (bytes, content) = self.rendering.as_ref().filter(|_| !self.nothing_new)?;
        Some(ProposalCopy {
            content: *content,
            recipient: self.party.clone(),
            digest: Digest::of(bytes),
            bytes: bytes.clone(),
            judgement: shown::judgement_text(&self.judgement),
        })
    }
}

fn column(
    us: &House,
    act: &Act<'_>,
    row: &WarningRow,
    worded: &Worded<'_>,
    stated: &Stated,
    request: &Request,
    stamp: Stamp,
) -> Result<Column, Refusal> {
    let whole = worded.warning();
    let party: PartyName =
        stated.party.parse().map_err(|e: model::id::NotAName| Refusal::yours("recipients", e.to_string()))?;
    let now = stamp.rendered_at;
    let audience = audience(us, act, &party, whole, stated, request.imminent_danger, now)?;
    let overrides = overrides(worded, &audience, request, now)?;
    let judgement = worded.judge(&audience, &overrides, now);
    let first = FirstLeft::of(act, row.id, &party)?.and_then(|first| first.rendered_at);
    let stamp = Stamp { first_rendered_at: first.filter(|first| *first < stamp.rendered_at), ..stamp };
    let rendering = if judgement.may_go() {
        let rendered = disclosure::render(whole, &judgement, &audience, &us.keys.rendering, &stamp);
        Some(rendered.map_err(|e| {
            Refusal::yours("not_rendered", format!("nothing can be rendered for {party}: {e}"))
        })?)
    } else {
        None
    };
    let rendering = rendering.map(|r| (r.bytes().to_vec(), r.content_digest()));
    let last = act.copies_that_left(row.id, &party)?.pop();
    let nothing_new =
        matches!((&rendering, &last), (Some((_, digest)), Some((copy, _))) if copy.digest == *digest);
    Ok(Column { party, judgement, rendering, nothing_new })
}

/// The first copy of a warning that left for a recipient. One that was stopped before it left tells the recipient nothing,
/// so it does not count.
pub(crate) struct FirstLeft {
    /// When it was rendered; an update keeps that time as `created`.
    pub(crate) rendered_at: Option<Timestamp>,
    /// Where it stands.
    pub(crate) at: EntryRef,
}

impl FirstLeft {
    pub(crate) fn of(
        view: &View<'_>,
        warning: WarningId,
        party: &PartyName,
    ) -> Result<Option<Self>, Refusal> {
        let Some((first, at)) = view.copies_that_left(warning, party)?.into_iter().next() else {
            return Ok(None);
        };
        Ok(Some(Self { rendered_at: view.proposal(first.proposal)?.map(|p| p.created_at), at }))
    }
}

/// The digest that the approver names: over every copy and the path, in the order of the recipients.
fn digest_of(columns: &[Column], imminent_danger: bool) -> Digest {
    let mut lines: Vec<String> = columns
        .iter()
        .filter_map(Column::copy)
        .map(|copy| format!("{} {}\n", copy.recipient, copy.digest))
        .collect();
    lines.sort();
    let path = if imminent_danger { "imminent-danger" } else { "ordinary" };
    Digest::of(format!("forewarn/proposal/v1\npath {path}\n{}", lines.concat()).as_bytes())
}

/// The overrides as the judge takes them: each word asked for, wherever the comparison found it in that field.
pub(crate) fn overrides(
    worded: &Worded<'_>,
    audience: &Audience,
    request: &Request,
    now: Timestamp,
) -> Result<Vec<TextOverride>, Refusal> {
    if request.overrides.is_empty() {
        return Ok(Vec::new());
    }
    let found = worded.judge(audience, &[], now);
    let mut overrides = Vec::new();
    for asked in &request.overrides {
        let by: PersonName =
            asked.by.parse().map_err(|e: model::id::NotAName| Refusal::yours("override", e.to_string()))?;
        for cell in found.cells.iter().filter(|c| c.path.to_string() == asked.path) {
            for hit in cell.hits.iter().filter(|h| h.word == asked.word) {
                overrides.push(TextOverride {
                    path: cell.path,
                    rung: hit.rung,
                    word: hit.word.clone(),
                    by: by.clone(),
                    reason: asked.reason.clone(),
                });
            }
        }
    }
    Ok(overrides)
}

/// What the judge must know of a recipient: the agreement's domain, the assessment, the path.
pub(crate) fn audience(
    us: &House,
    act: &Act<'_>,
    party: &PartyName,
    warning: &Warning,
    stated: &Stated,
    imminent_danger: bool,
    now: Timestamp,
) -> Result<Audience, Refusal> {
    let row = partner::confirmed(act, party)?;
    let relation = us.relations.in_act(act, party)?;
    let expired = relation.terms().and_then(|t| t.until).is_some_and(|until| now >= until);
    let assessment = act.risk_assessment(party, warning.domain)?;
    let mut struck_out = BTreeSet::new();
    for other in act.partners()? {
        let with = us.relations.in_act(act, &other.name)?;
        if with.terms().is_some_and(|t| !t.life_exception) {
            struck_out.insert(other.name);
        }
    }
    // An undertaking is cited only to the party it was given to.
    let own =
        |at: &EntryRef| relation.undertakings().any(|(u, entry, _)| u == at && entry.side == Side::Ours);
    // What one person releases to save life is the bare threat, whatever is agreed: so no change of the agreement between
    // the release and its delivery can stop it (docs/decisions/0004).
    let standing = relation.domain(warning.domain).filter(|_| !expired && !imminent_danger);
    Ok(Audience {
        under: warning.under.clone().filter(own),
        party: party.clone(),
        domain: standing,
        struck_out,
        risk_assessed: assessment.is_some_and(|a| now < model::ladder::midnight(a.review_date)),
        purpose: stated.purpose,
        precedence: stated.precedence,
        path: if imminent_danger { Path::ImminentDanger } else { Path::Ordinary },
        contact: partner::card(&row)?.contact.to_string(),
    })
}
