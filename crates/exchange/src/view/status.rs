//! How the node is: what waits, what is overdue, what is wrong and what to do about it.

use jiff::{SignedDuration, Timestamp};
use model::caller::Person;
use model::state::ProposalState;
use model::vocab::{Carriage, Role};
use serde::Serialize;
use store::{ChannelState, PartnerState, View};

use crate::audit;
use crate::caller::needs;
use crate::clocks::{self, Clock};
use crate::house::House;
use crate::refusal::Refusal;
use crate::silence::{self, Silent};
use crate::unfreeze;
use crate::view::health;
use crate::view::refused;

/// After how many days without a cosignature of oversight the node says so.
const UNWATCHED_DAYS: i64 = 7;
/// An agreement that ends within this long is a finding, in days.
const ENDING_DAYS: i64 = 30;

/// The node at a glance.
#[derive(Debug, Clone, Serialize)]
pub struct StatusView {
    /// The node's name.
    pub node: String,
    /// The fingerprint of its identity, hex.
    pub fingerprint: String,
    /// The words of its identity, to be read out to partners.
    pub words: String,
    /// The time of this view, by the node's clock.
    pub now: Timestamp,
    /// What is unsure about the clock.
    pub clock_unsure: Option<String>,
    /// Since when this node takes back from its partners what it had lost, and why; nothing when it does not.
    pub recovering: Option<String>,
    /// Clocks that run, the most pressing first.
    pub clocks: Vec<Clock>,
    /// Proposals that wait for a second person.
    pub proposals_waiting: usize,
    /// Bodies in the outbox.
    pub outbox_waiting: u64,
    /// What stands in the way of delivery, by partner.
    pub troubles: Vec<(String, String)>,
    /// The partners that were silent for longer than they may be.
    pub silent: Vec<Silent>,
    /// The partners that are not simply called, each with its carriage and what waits for it in the outbox.
    pub carried: Vec<(String, &'static str, u64)>,
    /// Whom to call first.
    pub duty: Option<String>,
}

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Look at it when there is time.
    Note,
    /// Look at it today.
    Warning,
    /// Look at it now.
    Fault,
}

/// Something that is wrong, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// What is the case.
    pub fact: String,
    /// The values it rests on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The next act.
    pub hint: String,
}

impl Finding {
    /// The same with the values it rests on.
    #[must_use]
    pub fn detail(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }
}

/// A finding.
pub fn finding(severity: Severity, fact: impl Into<String>, hint: impl Into<String>) -> Finding {
    Finding { severity, fact: fact.into(), detail: None, hint: hint.into() }
}

/// The node at a glance.
pub fn status(house: &House, caller: &Person, now: Timestamp) -> Result<StatusView, Refusal> {
    needs(caller, Role::ALL, "look at the node")?;
    let identity = house.keys.identity.verifier();
    house.store.view(|view| {
        let partners = view.partners()?;
        let (mut outbox_waiting, mut troubles, mut carried) = (0, Vec::new(), Vec::new());
        let silent = partners.iter().filter_map(|p| silence::of(&house.settings.silence, p, now)).collect();
        for partner in &partners {
            let (name, waiting) = (partner.name.to_string(), view.waiting_count(&partner.name)?);
            outbox_waiting += waiting;
            if let Some(trouble) = partner.trouble.clone().or(view.fetching_trouble(&partner.name)?) {
                troubles.push((name.clone(), trouble));
            }
            match view.carriage(&partner.name)? {
                Carriage::Push => {}
                other => carried.push((name, other.word(), waiting)),
            }
        }
        Ok(StatusView {
            node: house.name.to_string(),
            fingerprint: identity.fingerprint().to_string(),
            words: crate::partner::fingerprint_words(identity)?,
            now,
            clock_unsure: clocks::unsure(view)?,
            recovering: recovering(view)?,
            clocks: clocks::running(house, view, now)?,
            proposals_waiting: view.open_proposals()?.iter().filter(|p| now < p.expires_at).count(),
            outbox_waiting,
            troubles,
            silent,
            carried,
            duty: view.roster()?.first().map(|line| format!("{} {}", line.name, line.phone)),
        })
    })
}

/// Everything that the node knows to be wrong, the worst first. An empty list is a healthy node.
pub fn doctor(house: &House, caller: &Person, now: Timestamp) -> Result<Vec<Finding>, Refusal> {
    needs(caller, Role::ALL, "look at the node's health")?;
    let mut found = Vec::new();
    // Each look by itself: a damaged page under one must not hide what the others find.
    let looks: [(&str, Look); 10] = [
        ("the databases", |_, view, _, found| of_databases(view, found)),
        ("the audit trail", |house, _, _, found| of_trail(house, found)),
        ("the disk and the files", |house, _, _, found| health::of_files(house, found)),
        ("the node", of_node),
        ("the people", |_, view, _, found| of_people(view, found)),
        ("the partners", of_partners),
        ("what was refused", |_, view, now, found| refused::findings(view, now, found)),
        ("the clock", |_, view, now, found| health::of_clock(view, now, found)),
        ("the traffic", |_, view, now, found| health::of_traffic(view, now, found)),
        ("the budgets", |_, view, now, found| health::of_budgets(view, now, found)),
    ];
    for (what, look) in looks {
        if let Err(refusal) = house.store.view(|view| look(house, view, now, &mut found)) {
            let hint =
                "if `forewarn doctor` names a damaged database, restore it; if not, look at the node's log";
            let fact = format!("{what} cannot be looked at");
            found.push(finding(Severity::Fault, fact, hint).detail(refusal.to_string()));
        }
    }
    found.sort_by_key(|f| std::cmp::Reverse(f.severity));
    Ok(found)
}

/// One look at the node.
type Look = fn(&House, &View<'_>, Timestamp, &mut Vec<Finding>) -> Result<(), Refusal>;

fn of_databases(view: &View<'_>, found: &mut Vec<Finding>) -> Result<(), Refusal> {
    let faults = view.faults()?;
    if !faults.is_empty() {
        let hint = "stop the node, keep a copy of the folder, and restore from the last backup";
        found.push(finding(Severity::Fault, "a database is damaged", hint).detail(faults.join("; ")));
    }
    Ok(())
}

fn of_trail(house: &House, found: &mut Vec<Finding>) -> Result<(), Refusal> {
    if !audit::check(house)?.is_sound() {
        found.push(finding(
            Severity::Fault,
            "the audit trail was changed behind the node's back",
            "keep a copy of the data folder and call oversight: `forewarn audit --check` names the lines",
        ));
    }
    Ok(())
}

fn of_node(house: &House, view: &View<'_>, now: Timestamp, found: &mut Vec<Finding>) -> Result<(), Refusal> {
    if let Some(words) = clocks::unsure(view)? {
        let hint =
            "compare the clock with another one, then `forewarn clock confirm`; nothing expires until then";
        found.push(finding(Severity::Warning, words, hint));
    }
    if let Some(words) = recovering(view)? {
        let hint = "it asks its partners by itself; a log goes on when it is settled what was signed in it";
        found.push(finding(Severity::Warning, words, hint));
    }
    let overdue = clocks::running(house, view, now)?.into_iter().filter(|c| c.overdue);
    for clock in overdue {
        let partner = clock.partner.map(|p| format!(" ({p})")).unwrap_or_default();
        let fact =
            format!("overdue since {}: {} on {}{partner}", clock.due, clock.awaited.words(), clock.about);
        found.push(finding(Severity::Fault, fact, "see `forewarn status`; somebody must act or be called"));
    }
    if view.roster()?.is_empty() {
        let hint = "`forewarn roster set --line \"Duty desk=+00 000\"`: an overdue alarm names it";
        found.push(finding(
            Severity::Warning,
            "the duty roster is empty: an alarm names nobody to call",
            hint,
        ));
    }
    found.extend(watched_over(view, now)?);
    let given_up = view.notices_given_up()?;
    if given_up > 0 {
        let fact = format!("{given_up} notices could not be delivered to the notify hook");
        found.push(finding(
            Severity::Fault,
            fact,
            "see the node's log for the hook's error, and try the hook by hand",
        ));
    }
    if !house.store.has_sources() {
        let hint = "the node runs without it; put it back to open or seal sources";
        found.push(finding(Severity::Note, "sources.db is not there", hint));
    }
    for row in
        view.open_proposals()?.iter().filter(|p| p.state == ProposalState::Proposed && now < p.expires_at)
    {
        let hint = format!("another person runs `forewarn approve {} --digest {}`", row.id, row.digest);
        found.push(finding(Severity::Note, format!("{} waits for its second person", row.id), hint));
    }
    Ok(())
}

/// A partner that says nothing.
fn of_silence(silent: Silent) -> Finding {
    let hint = "call its duty desk; its node may be down";
    let Some(heard) = silent.heard_at else {
        return finding(Severity::Warning, format!("{} was never heard of", silent.partner), hint);
    };
    let fact =
        format!("{} was not heard of for more than {}", silent.partner, silence::in_words(silent.minutes));
    finding(Severity::Warning, fact, hint).detail(format!("last at {heard}"))
}

/// Who has a silence of its own in the configuration and is no partner: most likely a misspelt name.
fn of_unknown_silence(house: &House, view: &View<'_>) -> Result<Option<Finding>, Refusal> {
    let mut unknown = Vec::new();
    for name in house.settings.silence.single() {
        if view.partner(&name)?.is_none() {
            unknown.push(name.to_string());
        }
    }
    let fact = "node.json says how long somebody may be silent who is no partner";
    let hint = "`forewarn partner list` names the partners: put the name right, then reload";
    Ok((!unknown.is_empty()).then(|| finding(Severity::Note, fact, hint).detail(unknown.join(", "))))
}

/// That this node goes on from an old copy of its data, since when and why; nothing if it does not.
fn recovering(view: &View<'_>) -> Result<Option<String>, Refusal> {
    let Some((reason, since)) = view.recovering()? else { return Ok(None) };
    let since = since.map(|since| format!(" since {since}")).unwrap_or_default();
    Ok(Some(format!("this node recovers{since}: {reason}")))
}

/// Whether the audit trail is watched over.
fn watched_over(view: &View<'_>, now: Timestamp) -> Result<Option<Finding>, Refusal> {
    let lines = view.audit_range()?.size();
    let Some(key) = view.oversight_key()? else {
        let hint =
            "on oversight's own machine: `forewarn oversight key FILE`, then `forewarn oversight appoint`";
        return Ok(Some(finding(
            Severity::Note,
            "nobody watches over the audit trail with a key of their own",
            hint,
        )));
    };
    let cosigned = view.cosigned_trail()?;
    let since = cosigned.as_ref().map_or(key.at, |head| head.at);
    let size = cosigned.map_or(0, |head| head.size);
    let late = now.duration_since(since) > SignedDuration::from_hours(24 * UNWATCHED_DAYS);
    let fact =
        format!("the audit trail has not been cosigned since {since}: {} lines", lines.saturating_sub(size));
    let hint = "oversight: `forewarn oversight pull`, then `cosign` on its own machine, then `settle`";
    Ok((late && lines > size).then(|| finding(Severity::Warning, fact, hint)))
}

fn of_people(view: &View<'_>, found: &mut Vec<Finding>) -> Result<(), Refusal> {
    let releasing = view
        .people()?
        .into_iter()
        .filter(|p| p.state == store::PersonState::Active && p.roles.contains(&Role::Release));
    if releasing.count() < 2 {
        found.push(finding(
            Severity::Warning,
            "fewer than two active persons hold release authority: nobody can approve what another proposes",
            "`forewarn person invite NAME --role release`",
        ));
    }
    Ok(())
}

fn of_partners(
    house: &House,
    view: &View<'_>,
    now: Timestamp,
    found: &mut Vec<Finding>,
) -> Result<(), Refusal> {
    for partner in view.partners()? {
        let name = &partner.name;
        if partner.state == PartnerState::Unconfirmed {
            let hint = format!("compare the words by voice, then `forewarn partner confirm {name}`");
            found.push(finding(
                Severity::Note,
                format!("{name} is not confirmed: nothing but cards flows"),
                hint,
            ));
            continue;
        }
        if let Some(trouble) = view.fetching_trouble(name)? {
            let hint = "this node asks again by itself; if it stays, call the partner's duty desk";
            found.push(finding(Severity::Warning, format!("{name} cannot be fetched from: {trouble}"), hint));
        }
        found.extend(health::of_trouble(&partner));
        found.extend(silence::of(&house.settings.silence, &partner, now).map(of_silence));
        let relation = house.relations.of(view, name)?;
        let ending = relation.terms().and_then(|t| t.until);
        if let Some(until) = ending.filter(|u| *u <= now + SignedDuration::from_hours(24 * ENDING_DAYS)) {
            let hint = "`forewarn agreement propose` the next one, with this one's hash as what it replaces";
            found.push(match until <= now {
                true => finding(Severity::Fault, format!("the agreement with {name} has ended"), hint)
                    .detail(format!("at {until}; since then only the bare threat to life passes")),
                false => finding(Severity::Warning, format!("the agreement with {name} ends soon"), hint)
                    .detail(format!("at {until}")),
            });
        }
    }
    found.extend(of_unknown_silence(house, view)?);
    for channel in view.channels()? {
        if let ChannelState::Frozen(why) = &channel.state {
            let fact = format!("a channel with {} is frozen", channel.partner);
            let hint = "call the partner's duty desk, and warn by other channels meanwhile; `forewarn evidence list` says \
                        what is kept. `forewarn channel unfreeze` asks its node to prove what it signed; else, when both \
                        agree, its officer runs `forewarn channel succeed` there";
            let asked =
                unfreeze::request(view, &channel)?.map_or_else(String::new, |asked| match asked.failed {
                    None => "; its node is being asked for a proof".to_owned(),
                    Some(failed) => format!("; asked for a proof at {}: {failed}", asked.at),
                });
            found.push(finding(Severity::Fault, fact, hint).detail(format!("{why}{asked}")));
        }
    }
    for waits in super::channels::waiting(view)? {
        let (partner, lost) = (&waits.partner, waits.left_behind.len());
        let drill = if waits.use_ == "exercise" { " --exercise" } else { "" };
        let fact = format!("{partner} goes on in a new log that leaves {lost} entries held here behind");
        let hint = format!(
            "`forewarn channel list` shows them; call its duty desk, then `forewarn channel accept {partner}{drill}`"
        );
        found.push(finding(Severity::Fault, fact, hint));
    }
    Ok(())
}
