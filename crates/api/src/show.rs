//! The handlers: an input becomes one call into `exchange`, its answer becomes JSON.

use exchange::answer::{self, About};
use exchange::pending::{self, Waiting};
use exchange::people::{self, Granted, Invitation, PersonView, Settled};
use exchange::refusal::Refusal;
use exchange::release::Authority;
use exchange::roster::{self, OnDuty};
use exchange::standing::{self, Change};
use exchange::{
    agreement, audit, duty, oversight, partner, preview as previews, recover, release as releases,
    risk as risks,
};
use exchange::{undertaking, write as writes};
use model::body::Thanks;
use model::caller::Person;
use model::id::PersonName;
use model::vocab::Purpose;
use serde_json::{Value, json};

use crate::input::{self, Nothing};
use crate::routes::{Call, bad_name, digest, done, party, view, warning_id};

type Answer = Result<Value, Refusal>;

fn name(text: &str) -> Result<PersonName, Refusal> {
    text.parse().map_err(bad_name)
}

/// A person with their roles.
pub(crate) fn person(person: &Person) -> Value {
    json!({ "name": person.name.to_string(), "roles": person.roles })
}

pub(crate) fn change_passphrase(c: &mut Call, i: input::ChangePassphrase) -> Answer {
    done(people::change_passphrase(&c.house, &c.person, &i.present, &i.chosen, c.now, &mut c.rng)?)
}

fn invitation(invitation: &Invitation) -> Value {
    json!({ "secret": invitation.secret.text().as_str(), "until": invitation.until })
}

fn waiting(waiting: &Waiting) -> Value {
    json!({ "id": waiting.id.to_string(), "digest": waiting.digest.to_string(), "expires_at": waiting.expires_at })
}

fn granted(granted: &Granted) -> Value {
    json!({ "granted": granted.at_once, "waits": granted.waiting.as_ref().map(waiting) })
}

pub(crate) fn invite(c: &mut Call, i: input::PersonRoles) -> Answer {
    let roles = i.roles.into_iter().collect();
    let invited = people::invite(&c.house, &c.person, &c.key, &name(&i.name)?, &roles, c.now, &mut c.rng)?;
    Ok(json!({ "invitation": invitation(&invited.invitation), "roles": granted(&invited.granted) }))
}

pub(crate) fn grant(c: &mut Call, i: input::PersonRoles) -> Answer {
    let roles = i.roles.into_iter().collect();
    let done = people::grant(&c.house, &c.person, &c.key, &name(&i.name)?, &roles, c.now, &mut c.rng)?;
    Ok(json!({ "roles": granted(&done) }))
}

fn settled(settled: Settled<Value>) -> Value {
    match settled {
        Settled::Now(value) => json!({ "done": true, "invitation": value }),
        Settled::Waits(waits) => json!({ "done": false, "waits": waiting(&waits) }),
    }
}

fn nothing(s: Settled<()>) -> Settled<Value> {
    match s {
        Settled::Now(()) => Settled::Now(Value::Null),
        Settled::Waits(waits) => Settled::Waits(waits),
    }
}

pub(crate) fn revoke(c: &mut Call, i: input::PersonRoles) -> Answer {
    let roles = i.roles.into_iter().collect();
    let s = people::revoke(&c.house, &c.person, &c.key, &name(&i.name)?, &roles, c.now, &mut c.rng)?;
    Ok(settled(nothing(s)))
}

pub(crate) fn disable(c: &mut Call, i: input::PersonOnly) -> Answer {
    let who = name(&i.name)?;
    let s = people::disable(&c.house, &c.person, &c.key, &who, c.now, &mut c.rng)?;
    if matches!(s, Settled::Now(())) {
        c.sessions.close_all(&who);
    }
    Ok(settled(nothing(s)))
}

pub(crate) fn reset(c: &mut Call, i: input::PersonOnly) -> Answer {
    let who = name(&i.name)?;
    let s = match people::reset(&c.house, &c.person, &c.key, &who, c.now, &mut c.rng)? {
        Settled::Now(new) => Settled::Now(invitation(&new)),
        Settled::Waits(waits) => Settled::Waits(waits),
    };
    Ok(settled(s))
}

pub(crate) fn people(c: &mut Call, _: Nothing) -> Answer {
    let line = |p: PersonView| {
        json!({
            "name": p.name.to_string(), "roles": p.roles, "state": p.state, "invited_until": p.invited_until,
            "fingerprint": p.fingerprint, "failures": p.failures, "created_at": p.created_at,
        })
    };
    Ok(people::list(&c.house, &c.person)?.into_iter().map(line).collect())
}

/// Pending acts and proposals that wait for a second person.
pub(crate) fn pending(c: &mut Call, _: Nothing) -> Answer {
    let acts: Vec<Value> = pending::list(&c.house, &c.person, c.now)
        .unwrap_or_default()
        .into_iter()
        .map(|p| {
            json!({
                "id": p.id.to_string(), "what": p.what, "digest": p.digest.to_string(),
                "standing": format!("{:?}", p.standing).to_lowercase(), "proposed_by": p.proposed_by.to_string(),
                "proposed_at": p.proposed_at, "expires_at": p.expires_at,
                "decided_by": p.decided_by.map(|n| n.to_string()), "decided_at": p.decided_at,
            })
        })
        .collect();
    let proposals = exchange::view::warning::proposals_waiting(&c.house, &c.person, c.now)?;
    Ok(json!({ "acts": acts, "proposals": proposals }))
}

/// A stored proposal, whole, for the second person to read.
pub(crate) fn proposal(c: &mut Call, i: input::ProposalShow) -> Answer {
    let id = i.proposal.parse().map_err(|e: model::id::NotAnId| Refusal::yours("bad_id", e.to_string()))?;
    view(previews::look(&c.house, &c.person, id, c.now)?)
}

pub(crate) fn approve(c: &mut Call, i: input::Approve) -> Answer {
    let wanted = digest(&i.digest)?;
    if let Ok(id) = i.id.parse() {
        let approved = pending::approve(&c.house, &c.person, &c.key, id, wanted, c.now, &mut c.rng)?;
        return Ok(json!({
            "approved": i.id, "what": approved.what, "invitation": approved.invitation.as_ref().map(invitation),
        }));
    }
    let id = i.id.parse().map_err(|e: model::id::NotAnId| {
        Refusal::yours("bad_id", e.to_string()).hint("proposals are named p-…, other pending acts q-…")
    })?;
    releases::approve(&c.house, &c.person, &c.key, id, wanted, c.now, &mut c.rng)?;
    Ok(json!({ "approved": i.id }))
}

pub(crate) fn refuse(c: &mut Call, i: input::Refuse) -> Answer {
    if let Ok(id) = i.id.parse() {
        return done(pending::refuse(&c.house, &c.person, id, c.now)?);
    }
    let id = i.id.parse().map_err(|e: model::id::NotAnId| Refusal::yours("bad_id", e.to_string()))?;
    done(releases::refuse(&c.house, &c.person, id, &i.reason, c.now)?)
}

pub(crate) fn set_roster(c: &mut Call, i: input::Roster) -> Answer {
    let lines: Vec<OnDuty> = i.lines.into_iter().map(|l| OnDuty { name: l.name, phone: l.phone }).collect();
    done(roster::set(&c.house, &c.person, &lines, c.now)?)
}

pub(crate) fn roster(c: &mut Call, _: Nothing) -> Answer {
    let lines = roster::list(&c.house, &c.person)?;
    Ok(lines.into_iter().map(|l| json!({ "name": l.name, "phone": l.phone })).collect())
}

pub(crate) fn trail(c: &mut Call, i: input::Trail) -> Answer {
    let lines = audit::trail(&c.house, &c.person, i.from, i.limit)?;
    let line = |l: audit::TrailLine| {
        let detail: Value = serde_json::from_str(&l.detail).unwrap_or(Value::Null);
        json!({
            "seq": l.seq, "at": l.at, "who": l.who, "act": l.act, "about": l.about, "detail": detail, "marks": l.marks,
        })
    };
    Ok(lines.into_iter().map(line).collect())
}

pub(crate) fn check_trail(c: &mut Call, _: Nothing) -> Answer {
    let check = audit::check(&c.house)?;
    let faults: Vec<String> = check.faults.iter().map(|f| format!("{f:?}")).collect();
    Ok(json!({ "sound": check.is_sound(), "lines": check.lines, "root": check.root, "faults": faults }))
}

pub(crate) fn watched(c: &mut Call, _: Nothing) -> Answer {
    let watched = oversight::watched(&c.house, &c.person)?;
    let key = watched.key.map(|(key, by, at)| json!({ "key": key, "by": by, "at": at }));
    let cosigned = watched.cosigned.map(|(lines, at)| json!({ "lines": lines, "at": at }));
    view(json!({
        "lines": watched.lines, "key": key, "cosigned": cosigned, "trail_key": watched.trail_key, "now": c.now,
    }))
}

pub(crate) fn oversight_appoint(c: &mut Call, i: input::OversightAppoint) -> Answer {
    oversight::appoint(&c.house, &c.person, &i.key, c.now)?;
    watched(c, Nothing {})
}

pub(crate) fn trail_head(c: &mut Call, _: Nothing) -> Answer {
    let head = oversight::head(&c.house, &c.person)?;
    let cosigned = oversight::watched(&c.house, &c.person)?.cosigned.map_or(0, |(lines, _)| lines);
    view(json!({ "note": head.to_string(), "size": head.checkpoint().size, "cosigned": cosigned }))
}

pub(crate) fn trail_lines(c: &mut Call, i: input::OversightLines) -> Answer {
    view(oversight::lines(&c.house, &c.person, i.from)?)
}

pub(crate) fn oversight_settle(c: &mut Call, i: input::OversightSettle) -> Answer {
    done(oversight::keep(&c.house, &c.person, &i.note, c.now)?)
}

pub(crate) fn recover_begin(c: &mut Call, i: input::RecoverBegin) -> Answer {
    view(json!({ "logs": recover::begin(&c.house, &c.person, &i.why, c.now)? }))
}

pub(crate) fn recover_trust(c: &mut Call, i: input::RecoverTrust) -> Answer {
    done(recover::trust(&c.house, &c.person, &party(&i.partner)?, c.now)?)
}

pub(crate) fn partner_add(c: &mut Call, i: input::PartnerCard) -> Answer {
    view(partner::add(&c.house, &c.person, &i.card, c.now)?)
}

pub(crate) fn partner_confirm(c: &mut Call, i: input::PartnerConfirm) -> Answer {
    done(partner::confirm(&c.house, &c.person, &party(&i.partner)?, &i.heard, c.now)?)
}

pub(crate) fn agreement_propose(c: &mut Call, i: input::AgreementPropose) -> Answer {
    let hash = agreement::propose(&c.house, &c.person, &party(&i.with)?, &i.text, c.now, &mut c.rng)?;
    Ok(json!({ "agreement": hash.to_string() }))
}

fn answer_agreement(c: &mut Call, i: input::AgreementAnswer, said: agreement::Answer) -> Answer {
    let with = party(&i.with)?;
    let hash = agreement::answer(&c.house, &c.person, &with, &i.hash, said, i.reason, c.now, &mut c.rng)?;
    Ok(json!({ "agreement": hash.to_string() }))
}

pub(crate) fn agreement_accept(c: &mut Call, i: input::AgreementAnswer) -> Answer {
    answer_agreement(c, i, agreement::Answer::Accept)
}

pub(crate) fn agreement_refuse(c: &mut Call, i: input::AgreementAnswer) -> Answer {
    answer_agreement(c, i, agreement::Answer::Refuse)
}

pub(crate) fn agreements(c: &mut Call, i: input::WithMaybe) -> Answer {
    let with = i.with.as_deref().map(party).transpose()?;
    view(exchange::view::relation::agreements(&c.house, &c.person, with.as_ref())?)
}

pub(crate) fn domain_change(c: &mut Call, i: input::DomainChange) -> Answer {
    let state =
        i.state.parse().map_err(|e: model::vocab::UnknownWord| Refusal::yours("bad_word", e.to_string()))?;
    let with = party(&i.with)?;
    let to = agreement::Stance { domain: i.domain, state, pilot_scope: i.pilot, note: i.note };
    done(agreement::change_domain(&c.house, &c.person, &with, to, c.now, &mut c.rng)?)
}

pub(crate) fn risk(c: &mut Call, i: input::Risk) -> Answer {
    let assessed = risks::Assessed { basis: i.basis, assurances: i.assurances, review_date: i.review_date };
    done(risks::assess(&c.house, &c.person, &party(&i.of)?, i.domain, assessed, c.now)?)
}

pub(crate) fn write(c: &mut Call, i: input::Write) -> Answer {
    let existing = i.warning.as_deref().map(warning_id).transpose()?;
    view(writes::write(&c.house, &c.person, &i.text, existing, c.now, &mut c.rng)?)
}

pub(crate) fn warning(c: &mut Call, i: input::WarningShow) -> Answer {
    let id = warning_id(&i.warning)?;
    view(exchange::view::warning::show(&c.house, &c.person, id, i.why.as_deref(), c.now)?)
}

pub(crate) fn preview(c: &mut Call, i: input::Preview) -> Answer {
    let warning = warning_id(&i.warning)?;
    let own = exchange::view::warning::precedence(&c.house, warning)?;
    let stated = |r: input::Recipient| previews::Stated {
        party: r.party,
        purpose: r.purpose.unwrap_or(Purpose::PreventHarm),
        precedence: r.precedence.unwrap_or(own),
    };
    let by = c.person.name.to_string();
    let let_through = |o: input::Override| previews::OverrideWords {
        path: o.path,
        word: o.word,
        by: by.clone(),
        reason: o.reason,
    };
    let request = previews::Request {
        recipients: i.recipients.into_iter().map(stated).collect(),
        imminent_danger: i.imminent_danger,
        overrides: i.overrides.into_iter().map(let_through).collect(),
    };
    view(previews::preview(&c.house, &c.person, &c.key, warning, request, c.now, &mut c.rng)?)
}

fn change(c: &mut Call, warning: &str, change: Change) -> Answer {
    view(standing::change(&c.house, &c.person, warning_id(warning)?, change, c.now, &mut c.rng)?)
}

pub(crate) fn cancel(c: &mut Call, i: input::WarningOnly) -> Answer {
    change(c, &i.warning, Change::Cancel)
}

pub(crate) fn lapse(c: &mut Call, i: input::WarningOnly) -> Answer {
    change(c, &i.warning, Change::Lapse)
}

pub(crate) fn recall(c: &mut Call, i: input::Recall) -> Answer {
    change(c, &i.warning, Change::Recall { reason: i.reason, counts: !i.uncount })
}

pub(crate) fn assess(c: &mut Call, i: input::Assess) -> Answer {
    let found = duty::Findings { credible: i.credible, specific: i.specific, impending: i.impending };
    let deadline = duty::assess(&c.house, &c.person, warning_id(&i.warning)?, found, c.now)?;
    Ok(json!({ "arises": deadline.is_some(), "decide_by": deadline }))
}

pub(crate) fn waive(c: &mut Call, i: input::Waive) -> Answer {
    let id = warning_id(&i.warning)?;
    done(duty::waive(&c.house, &c.person, &c.key, id, i.reason, &i.text, c.now, &mut c.rng)?)
}

pub(crate) fn release(c: &mut Call, i: input::Release) -> Answer {
    let id = i.proposal.parse().map_err(|e: model::id::NotAnId| Refusal::yours("bad_id", e.to_string()))?;
    let authority = match i.imminent_danger {
        None => Authority::SecondPerson,
        Some(basis) => Authority::ImminentDanger(basis),
    };
    let wanted = digest(&i.digest)?;
    view(releases::release(&c.house, &c.person, &c.key, id, wanted, authority, c.now, &mut c.rng)?)
}

pub(crate) fn review(c: &mut Call, i: input::Review) -> Answer {
    let id = i.proposal.parse().map_err(|e: model::id::NotAnId| Refusal::yours("bad_id", e.to_string()))?;
    done(releases::review(&c.house, &c.person, &c.key, id, &i.verdict, c.now, &mut c.rng)?)
}

pub(crate) fn entry(c: &mut Call, i: input::EntryShow) -> Answer {
    view(exchange::view::show::entry(&c.house, &c.person, &i.entry, i.why.as_deref(), c.now)?)
}

pub(crate) fn read(c: &mut Call, i: input::EntryOnly) -> Answer {
    done(answer::read(&c.house, &c.person, &i.entry, c.now, &mut c.rng)?)
}

pub(crate) fn dispose(c: &mut Call, i: input::Dispose) -> Answer {
    done(answer::dispose(&c.house, &c.person, &i.entry, i.disposition, i.text, c.now, &mut c.rng)?)
}

pub(crate) fn recall_confirm(c: &mut Call, i: input::EntryOnly) -> Answer {
    done(exchange::recall::confirm(&c.house, &c.person, &i.entry, c.now, &mut c.rng)?)
}

pub(crate) fn recall_contest(c: &mut Call, i: input::Contest) -> Answer {
    let said = (i.reason, i.text);
    done(exchange::recall::contest(&c.house, &c.person, &i.entry, said, c.now, &mut c.rng)?)
}

pub(crate) fn record_action(c: &mut Call, i: input::Action) -> Answer {
    let id = answer::record_action(&c.house, &c.person, &i.entry, &i.kind, &i.text, c.now)?;
    Ok(json!({ "action": id }))
}

pub(crate) fn stand_down(c: &mut Call, i: input::StandDown) -> Answer {
    done(answer::stand_down(&c.house, &c.person, i.action, c.now)?)
}

fn about(entry: Option<String>, to: Option<String>) -> Result<About, Refusal> {
    match (entry, to) {
        (Some(entry), None) => Ok(About::Release(entry)),
        (None, Some(to)) => Ok(About::Unsolicited(party(&to)?)),
        _ => Err(Refusal::yours(
            "bad_request",
            "name either the entry that it answers, or the partner it goes to",
        )),
    }
}

pub(crate) fn outcome(c: &mut Call, i: input::OutcomeReport) -> Answer {
    let about = about(i.entry, i.to)?;
    done(answer::report_outcome(&c.house, &c.person, about, i.outcome, c.now, &mut c.rng)?)
}

pub(crate) fn thank(c: &mut Call, i: input::ThanksGive) -> Answer {
    let thanks = Thanks { text: i.text, from_role: i.from_role, relay_to: i.relay_to };
    done(answer::thank(&c.house, &c.person, about(i.entry, i.to)?, thanks, c.now, &mut c.rng)?)
}

pub(crate) fn relay(c: &mut Call, i: input::ThanksRelay) -> Answer {
    done(answer::relay_thanks(&c.house, &c.person, &i.entry, &i.received_by, c.now, &mut c.rng)?)
}

pub(crate) fn undertake(c: &mut Call, i: input::Undertake) -> Answer {
    done(undertaking::declare(&c.house, &c.person, &party(&i.to)?, i.undertaking, c.now, &mut c.rng)?)
}

pub(crate) fn accept_undertaking(c: &mut Call, i: input::EntryOnly) -> Answer {
    done(undertaking::accept(&c.house, &c.person, &i.entry, c.now, &mut c.rng)?)
}

pub(crate) fn undertakings(c: &mut Call, i: input::WithMaybe) -> Answer {
    let with = i.with.as_deref().map(party).transpose()?;
    view(exchange::view::relation::undertakings(&c.house, &c.person, with.as_ref())?)
}

pub(crate) fn ledger(c: &mut Call, i: input::With) -> Answer {
    view(exchange::view::ledger::ledger(&c.house, &c.person, &party(&i.with)?)?)
}
