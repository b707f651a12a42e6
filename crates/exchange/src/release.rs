//! Approval and release: what was previewed leaves, byte for byte, when two persons have signed; or one, to save a life,
//! with a review that has a clock.

use disclosure::{Released, Stamp, Worded};
use jiff::Timestamp;
use model::caller::Person;
use model::file::WarningFile;
use model::id::{DecisionId, Digest, PartyName, PersonName, ProposalId};
use model::state::{Machine, ProposalEvent, ProposalState, WarningEvent, WarningState};
use model::vocab::Role;
use model::warning::{DutyDecision, Warning};
use rand_core::CryptoRng;
use serde::Serialize;
use store::{Act, CopyRow, DecisionRow, ProposalRow, ReviewRow, WarningRow};

use crate::alarm::{self, due};
use crate::audiences::Audiences;
use crate::audit::{self, Mark};
use crate::caller::needs;
use crate::clocks;
use crate::house::House;
use crate::outgoing::{Condition, OutboxDraw, Place, queue};
use crate::people;
use crate::person_key::{Decision, PersonKey};
use crate::preview::{FirstLeft, Request, audience, overrides};
use crate::refusal::Refusal;
use crate::write::{known, warning_of};

/// What a release put into the outbox.
#[derive(Debug, Clone, Serialize)]
pub struct ReleasedView {
    /// The warning.
    pub warning: String,
    /// The proposal.
    pub proposal: String,
    /// The recipients, each with the digest of its copy and the kind of entry.
    pub copies: Vec<ReleasedCopy>,
    /// By when a second person must review it, if one person released it alone.
    pub review_due: Option<Timestamp>,
    /// Originators whose information went by their standing life exception: they are to be told at once, by voice.
    pub tell: Vec<String>,
}

/// One recipient's copy.
#[derive(Debug, Clone, Serialize)]
pub struct ReleasedCopy {
    /// The recipient.
    pub recipient: String,
    /// SHA-256 of the bytes.
    pub digest: String,
    /// `warning.released` or `warning.updated`.
    pub kind: String,
}

fn known_proposal(
    act: &Act<'_>,
    id: ProposalId,
    digest: Digest,
    now: Timestamp,
) -> Result<ProposalRow, Refusal> {
    let row = act.proposal(id)?.ok_or_else(|| {
        Refusal::yours("unknown_proposal", format!("there is no proposal {id}"))
            .hint("`forewarn warning preview` makes one; `forewarn pending` lists those that wait")
    })?;
    if row.digest != digest {
        return Err(Refusal::yours("digest_is_stale", "the digest is not that of this proposal")
            .detail(format!("given {digest}, the proposal has {}", row.digest))
            .hint("look at the preview again and approve what you have read"));
    }
    // While an operator has not confirmed a clock that jumped, nothing expires (I-15).
    let expired = now >= row.expires_at && clocks::unsure(act)?.is_none();
    if matches!(row.state, ProposalState::Proposed | ProposalState::Approved) && expired {
        return Err(Refusal::yours("expired", format!("the proposal expired at {}", row.expires_at))
            .hint("preview the warning again"));
    }
    Ok(row)
}

/// The second person's approval, signed with their own key. The approver is never the author (I-13).
pub fn approve(
    house: &House,
    caller: &Person,
    key: &PersonKey,
    id: ProposalId,
    digest: Digest,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<(), Refusal> {
    needs(caller, &[Role::Release], "approve a release")?;
    let decided = decision(house, caller, key, "approve", id, digest, "", now, rng)?;
    let by = caller.name.clone();
    house.store.act(move |act| {
        people::acting(act, &by, &[Role::Release])?;
        people::signed_now(act, &decided.signature, &by)?;
        let row = known_proposal(act, id, digest, now)?;
        if row.author == by {
            return Err(Refusal::yours(
                "approver_is_author",
                format!("{by} wrote this proposal and cannot approve it"),
            )
            .hint(
                "another person with release authority runs `forewarn approve` in a session of their own",
            ));
        }
        let mut warning = known(act, row.warning)?;
        if warning.author == by || warning.graded_by == by {
            return Err(Refusal::yours(
                "approver_is_author",
                format!("{by} wrote this warning and cannot approve it"),
            )
            .hint(
                "another person with release authority runs `forewarn approve` in a session of their own",
            ));
        }
        let state = row
            .state
            .step(ProposalEvent::Approve)
            .map_err(|e| Refusal::yours("wrong_step", e.to_string()))?;
        act.move_proposal(id, state, Some(&decided.signature))?;
        act.put_decision(&decided)?;
        if warning.state == WarningState::InReview {
            warning.state = warning.state.step(WarningEvent::Approve).map_err(Refusal::ours)?;
            act.put_warning(&warning)?;
        }
        let detail = serde_json::json!({ "digest": digest.to_string() });
        audit::note(act, now, by.as_str(), "release.approve", &id.to_string(), detail, &[])
    })
}

/// Refuses a proposal; the warning goes back to be graded.
pub fn refuse(
    house: &House,
    caller: &Person,
    id: ProposalId,
    reason: &str,
    now: Timestamp,
) -> Result<(), Refusal> {
    needs(caller, &[Role::Release], "refuse a release")?;
    let (by, reason) = (caller.name.clone(), reason.to_owned());
    house.store.act(move |act| {
        let row = act.proposal(id)?;
        let row =
            row.ok_or_else(|| Refusal::yours("unknown_proposal", format!("there is no proposal {id}")))?;
        let state =
            row.state.step(ProposalEvent::Refuse).map_err(|e| Refusal::yours("wrong_step", e.to_string()))?;
        act.move_proposal(id, state, None)?;
        let mut warning = known(act, row.warning)?;
        if warning.state == WarningState::InReview {
            warning.state = warning.state.step(WarningEvent::Return).map_err(Refusal::ours)?;
            act.put_warning(&warning)?;
        }
        let detail = serde_json::json!({ "reason_given": !reason.is_empty() });
        audit::note(act, now, by.as_str(), "release.refuse", &id.to_string(), detail, &[])
    })
}

/// By which authority a proposal is released.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authority {
    /// A second person has approved it.
    SecondPerson,
    /// One person, to save life: the basis in words. A review opens with the domain's clock (S11).
    ImminentDanger(String),
}

/// Releases an approved proposal: judged again now, rendered again with the stored seed and time, equal byte for byte.
pub fn release(
    house: &House,
    caller: &Person,
    key: &PersonKey,
    id: ProposalId,
    digest: Digest,
    authority: Authority,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<ReleasedView, Refusal> {
    needs(caller, &[Role::Release], "release a warning")?;
    let basis = match &authority {
        Authority::SecondPerson => String::new(),
        Authority::ImminentDanger(basis) if basis.trim().is_empty() => {
            return Err(Refusal::yours("no_reason", "the imminent-danger path needs the officer's words")
                .hint("say in `--basis` what is imminent; the reviewer reads it"));
        }
        Authority::ImminentDanger(basis) => basis.clone(),
    };
    let decided = decision(house, caller, key, "release", id, digest, &basis, now, rng)?;
    let draws: Vec<OutboxDraw> = (0..crate::preview::RECIPIENTS_MAX).map(|_| OutboxDraw::draw(rng)).collect();
    let (us, by) = (house.clone(), caller.name.clone());
    let view = house.store.act(move |act| {
        people::acting(act, &by, &[Role::Release])?;
        people::signed_now(act, &decided.signature, &by)?;
        let row = known_proposal(act, id, digest, now)?;
        let imminent = matches!(authority, Authority::ImminentDanger(_));
        let mut warning = known(act, row.warning)?;
        may_release(act, &row, &warning, imminent)?;
        let copies = queue_copies(&us, act, &row, draws, now)?;
        let tell = to_be_told(&us, act, &row, now)?;
        let review_due = if imminent { Some(open_review(&us, act, &row, &decided, now)?) } else { None };
        first_release(&mut warning, imminent, &by, now)?;
        warning.valid_until = WarningFile::parse(&row.file).map_err(Refusal::ours)?.validity.until;
        act.put_warning(&warning)?;
        act.put_decision(&decided)?;
        let marks: &[Mark] = if imminent { &[Mark::ImminentDanger] } else { &[] };
        let detail =
            serde_json::json!({ "digest": digest.to_string(), "copies": copies.len(), "tell": tell });
        audit::note(act, now, by.as_str(), "release", &id.to_string(), detail, marks)?;
        Ok::<_, Refusal>(ReleasedView {
            warning: row.warning.to_string(),
            proposal: id.to_string(),
            copies,
            review_due,
            tell,
        })
    })?;
    (house.bell)();
    Ok(view)
}

fn may_release(
    act: &mut Act<'_>,
    row: &ProposalRow,
    warning: &WarningRow,
    imminent: bool,
) -> Result<(), Refusal> {
    let request: Request = serde_json::from_str(&row.request).map_err(Refusal::ours)?;
    if imminent && !(request.imminent_danger && warning_of(warning)?.threatens_life()) {
        return Err(Refusal::yours(
            "not_imminent",
            "this proposal was not previewed for the imminent-danger path",
        )
        .hint(
            "a threat to life is previewed with `--imminent-danger`; everything else takes a second person",
        ));
    }
    if act.proposals_of(row.warning)?.iter().any(|p| p.created_at > row.created_at) {
        return Err(Refusal::yours(
            "superseded",
            "a later preview of this warning has taken this one's place",
        )
        .hint("release the later one: `forewarn pending` shows it"));
    }
    if act.copies_of(row.warning)?.iter().any(|c| c.proposal == row.id) {
        return Err(Refusal::yours("already_released", "this proposal was released before"));
    }
    match (row.state, imminent) {
        (ProposalState::Approved, _) => Ok(()),
        (ProposalState::Proposed, true) => {
            act.move_proposal(row.id, ProposalState::Approved, None)?;
            Ok(())
        }
        (ProposalState::Proposed, false) => {
            Err(Refusal::yours("not_approved", "a second person has not approved this proposal").hint(format!(
                "another person with release authority runs `forewarn approve {} --digest {}`; if life is at stake and \
                 nobody is there, preview it with `--imminent-danger`",
                row.id, row.digest
            )))
        }
        (state, _) => Err(Refusal::yours("wrong_step", format!("this proposal is {state}"))),
    }?;
    if warning.file != row.file {
        return Err(Refusal::yours("changed", "the warning was written anew since this preview")
            .hint("`forewarn warning preview` shows what would go now"));
    }
    Ok(())
}

fn first_release(
    row: &mut WarningRow,
    imminent: bool,
    by: &PersonName,
    now: Timestamp,
) -> Result<(), Refusal> {
    let step = |s: WarningState, e| s.step(e).map_err(|e| Refusal::yours("wrong_step", e.to_string()));
    if imminent && row.state == WarningState::InReview {
        row.state = step(row.state, WarningEvent::Approve)?;
    }
    let event =
        if row.state == WarningState::Active { WarningEvent::Update } else { WarningEvent::FirstRelease };
    row.state = step(row.state, event)?;
    if let Some(duty) = row.duty.as_mut().filter(|d| d.decision.is_none()) {
        duty.decision = Some(DutyDecision::Warn { by: by.clone(), at: now });
    }
    Ok(())
}

fn queue_copies(
    us: &House,
    act: &mut Act<'_>,
    row: &ProposalRow,
    draws: Vec<OutboxDraw>,
    now: Timestamp,
) -> Result<Vec<ReleasedCopy>, Refusal> {
    let (mut copies, mut audiences) = (Vec::new(), Audiences::default());
    let whole = previewed(act, row)?;
    let worded = Worded::of(&whole, &us.name, &us.keys.terms);
    for (copy, draw) in act.proposal_copies(row.id)?.into_iter().zip(draws) {
        let first = FirstLeft::of(act, row.warning, &copy.recipient)?;
        let asked = (&copy.recipient, copy.digest, first.as_ref());
        let released = judged_again(us, act, row, &worded, asked, &mut audiences, now)?;
        let use_ = whole.status.into();
        let mut before = act.copies_of(row.warning)?;
        before.retain(|c| c.recipient == copy.recipient);
        for waiting in &before {
            act.withdraw(waiting.outbox, "a later release of the warning takes its place")?;
        }
        let earlier = before.into_iter().next();
        let thread = earlier.as_ref().map_or(draw.thread(), |c| c.thread);
        let answers = match &earlier {
            None => None,
            Some(c) => match act.outbox_row(c.outbox)?.map(|o| o.state) {
                Some(store::OutboxState::Appended(at)) => Some(at),
                _ => None,
            },
        };
        let condition = Condition::ReleaseStands { proposal: row.id.to_string() };
        let outbox = queue(act, &released, Place { use_, thread, answers, condition }, draw, now)?;
        act.put_copy(&CopyRow {
            warning: row.warning,
            recipient: copy.recipient.clone(),
            proposal: row.id,
            outbox,
            thread,
            digest: copy.content,
            at: now,
        })?;
        copies.push(ReleasedCopy {
            recipient: copy.recipient.to_string(),
            digest: copy.digest.to_string(),
            kind: released.kind().to_owned(),
        });
    }
    Ok(copies)
}

/// The originators who are to be told at once, since their rungs went by the life exception (I-41).
fn to_be_told(us: &House, act: &Act<'_>, row: &ProposalRow, now: Timestamp) -> Result<Vec<String>, Refusal> {
    let request: Request = serde_json::from_str(&row.request).map_err(Refusal::ours)?;
    let whole = previewed(act, row)?;
    let worded = Worded::of(&whole, &us.name, &us.keys.terms);
    let mut tell = std::collections::BTreeSet::new();
    for stated in request.recipients.iter().filter(|_| request.imminent_danger) {
        let party: PartyName = stated.party.parse().map_err(Refusal::ours)?;
        let audience = audience(us, act, &party, &whole, stated, true, now)?;
        let overrides = overrides(&worded, &audience, &request, now)?;
        let judgement = worded.judge(&audience, &overrides, now);
        tell.extend(judgement.tell.iter().map(ToString::to_string));
    }
    Ok(tell.into_iter().collect())
}

/// The warning as it was previewed: what is rendered again is what was approved, whatever was written later (I-11).
fn previewed(act: &Act<'_>, row: &ProposalRow) -> Result<Warning, Refusal> {
    let now = known(act, row.warning)?;
    warning_of(&WarningRow { file: row.file.clone(), ..now })
}

/// Judges and renders a copy again, now: for this recipient, with this digest expected, after this copy that left before.
fn judged_again(
    us: &House,
    act: &Act<'_>,
    row: &ProposalRow,
    worded: &Worded<'_>,
    (recipient, expected, first): (&PartyName, Digest, Option<&FirstLeft>),
    audiences: &mut Audiences,
    now: Timestamp,
) -> Result<Released, Refusal> {
    let whole = worded.warning();
    let request: Request = serde_json::from_str(&row.request).map_err(Refusal::ours)?;
    let stated = request.recipients.iter().find(|r| r.party == recipient.as_str());
    let stated = stated.ok_or_else(|| Refusal::ours("a copy for a recipient that was not asked for"))?;
    let audience = audiences.of(us, act, recipient, whole, stated, request.imminent_danger, now)?;
    let overrides = overrides(worded, audience, &request, now)?;
    let first_rendered_at = first.and_then(|first| first.rendered_at).filter(|first| *first < row.created_at);
    let stamp = Stamp { seed: row.seed, rendered_at: row.created_at, first_rendered_at };
    Ok(worded.release(audience, &us.keys.rendering, &overrides, &stamp, &expected, now)?)
}

/// A copy that was judged again.
pub(crate) struct Again {
    /// What may go now.
    pub(crate) released: Released,
    /// The first copy of the warning that left for this recipient.
    pub(crate) first: Option<FirstLeft>,
}

/// The released copy of a proposal for one recipient, judged again at `now`: asked before each delivery.
pub(crate) fn again(
    us: &House,
    act: &Act<'_>,
    id: ProposalId,
    recipient: &PartyName,
    audiences: &mut Audiences,
    now: Timestamp,
) -> Result<Again, Refusal> {
    let row = act.proposal(id)?.ok_or_else(|| Refusal::ours(format!("no proposal {id}")))?;
    let expected = act.proposal_copy_digest(id, recipient)?;
    let expected = expected.ok_or_else(|| Refusal::ours(format!("no copy for {recipient} in {id}")))?;
    let whole = previewed(act, &row)?;
    let worded = Worded::of(&whole, &us.name, &us.keys.terms);
    let first = FirstLeft::of(act, row.warning, recipient)?;
    let asked = (recipient, expected, first.as_ref());
    let released = judged_again(us, act, &row, &worded, asked, audiences, now)?;
    Ok(Again { released, first })
}

fn open_review(
    us: &House,
    act: &mut Act<'_>,
    row: &ProposalRow,
    decided: &DecisionRow,
    now: Timestamp,
) -> Result<Timestamp, Refusal> {
    let warning = warning_of(&known(act, row.warning)?)?;
    let mut minutes = model::agreement::Clocks::default().review_minutes;
    for copy in act.proposal_copies(row.id)? {
        if let Some(standing) = us.relations.in_act(act, &copy.recipient)?.domain(warning.domain) {
            minutes = minutes.min(standing.terms.clocks.review_minutes);
        }
    }
    let due = due(now, minutes);
    act.open_review(&ReviewRow {
        decision: decided.id,
        about: row.id.to_string(),
        author: decided.by.clone(),
        due,
        done_by: None,
        done_at: None,
        verdict: None,
    })?;
    let drill = alarm::drill(warning.status.into());
    alarm::line(act, &format!("{drill}a release by one person waits for its review until {due}"), now)?;
    Ok(due)
}

/// The second person's review of a one-person release. Oversight sees that it is open and changes nothing (I-40).
pub fn review(
    house: &House,
    caller: &Person,
    key: &PersonKey,
    id: ProposalId,
    verdict: &str,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<(), Refusal> {
    needs(caller, &[Role::Release], "review a one-person release")?;
    if verdict.trim().is_empty() {
        return Err(Refusal::yours("no_reason", "a review says in words what was found"));
    }
    let decided =
        decision(house, caller, key, "review", id, Digest::of(verdict.as_bytes()), verdict, now, rng)?;
    let (by, verdict) = (caller.name.clone(), verdict.to_owned());
    house.store.act(move |act| {
        people::acting(act, &by, &[Role::Release])?;
        people::signed_now(act, &decided.signature, &by)?;
        let about = id.to_string();
        let open = act.reviews()?.into_iter().find(|r| r.about == about && r.done_at.is_none());
        let open = open.ok_or_else(|| Refusal::yours("no_review", format!("no review of {id} is open")))?;
        if open.author == by {
            return Err(Refusal::yours(
                "approver_is_author",
                format!("{by} released it and cannot review it"),
            ));
        }
        act.close_review(open.decision, &by, &verdict, now)?;
        act.put_decision(&decided)?;
        audit::note(act, now, by.as_str(), "release.review", &about, serde_json::json!({}), &[])
    })
}

#[allow(clippy::too_many_arguments, reason = "a decision is all of these, and nothing else makes one here")]
fn decision(
    house: &House,
    caller: &Person,
    key: &PersonKey,
    kind: &str,
    about: ProposalId,
    digest: Digest,
    basis: &str,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<DecisionRow, Refusal> {
    let mut random = [0; 10];
    rng.fill_bytes(&mut random);
    let said = Decision::new(kind, &about.to_string(), digest, &house.name, &caller.name, now);
    Ok(DecisionRow {
        id: DecisionId::make(now, random),
        kind: kind.to_owned(),
        about: about.to_string(),
        by: caller.name.clone(),
        role: Role::Release.word().to_owned(),
        at: now,
        basis: basis.to_owned(),
        signature: key.sign_decision(&said)?,
    })
}
