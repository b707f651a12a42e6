//! Clocks: views of (fold, now), and the escalation when one runs out. A clock fires once; time running back un-fires
//! nothing; a jump forward fires escalations and lets nothing expire until an operator has confirmed the clock (I-15).

use jiff::{SignedDuration, Timestamp};
use model::caller::Person;
use model::id::EntryRef;
use model::relation::{Side, Standing};
use model::state::{Machine, ProposalEvent};
use model::vocab::{Precedence, Role, Status};
use serde::Serialize;
use store::{Act, ChannelRow, ChannelSide, View};

use crate::alarm::{self, due};
use crate::audit;
use crate::caller::needs;
use crate::house::House;
use crate::refusal::Refusal;

/// A step of our clock further than this is a jump.
const JUMP_MINUTES: i64 = 5;
/// How far the clock may run back before it is shown.
const BACK_SECONDS_SHOWN: i64 = 2;

const HIGH: &str = "clock.high_ms";
const UNSURE: &str = "clock.unsure";

/// What a clock waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Awaited {
    /// The decision to warn or to waive.
    DutyDecision,
    /// The second person's review of a one-person release.
    Review,
    /// Our own acknowledgement of what a partner gave us.
    OurAcknowledgement,
    /// A partner's acknowledgement of what we gave it.
    TheirAcknowledgement,
    /// A partner's outcome.
    TheirOutcome,
    /// The decision on a warning whose validity has ended: extend, cancel or let lapse.
    LapseDecision,
}

impl Awaited {
    /// The words for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::DutyDecision => "decision to warn or to waive",
            Self::Review => "review of a one-person release",
            Self::OurAcknowledgement => "our acknowledgement",
            Self::TheirAcknowledgement => "the partner's acknowledgement",
            Self::TheirOutcome => "the partner's outcome",
            Self::LapseDecision => "decision to extend, cancel or let lapse",
        }
    }

    fn calls_the_roster(self) -> bool {
        matches!(self, Self::DutyDecision | Self::Review | Self::OurAcknowledgement | Self::TheirAcknowledgement)
    }
}

/// A clock that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Clock {
    /// What it waits for.
    pub awaited: Awaited,
    /// About what: a warning, a proposal or an entry.
    pub about: String,
    /// With which partner, if with one.
    pub partner: Option<String>,
    /// The precedence, where there is one.
    pub precedence: Option<Precedence>,
    /// Whether it is an exercise.
    pub exercise: bool,
    /// When it runs out.
    pub due: Timestamp,
    /// Whether it has run out at the time of the view.
    pub overdue: bool,
}

impl Clock {
    /// A clock that was set anew, as when a warning is extended, is another clock: it fires again.
    fn name(&self) -> String {
        format!("{:?}/{}/{}", self.awaited, self.about, self.due.as_millisecond())
    }
}

/// Every clock that runs at `now`, the most pressing first.
pub fn running(house: &House, view: &View<'_>, now: Timestamp) -> Result<Vec<Clock>, Refusal> {
    let mut clocks = Vec::new();
    for row in view.undecided_duties()? {
        if let Some(due) = row.duty.as_ref().and_then(|d| d.deadline) {
            clocks.push(plain(Awaited::DutyDecision, row.id.to_string(), due, now));
        }
    }
    for review in view.reviews()?.into_iter().filter(|r| r.done_at.is_none()) {
        clocks.push(plain(Awaited::Review, review.about, review.due, now));
    }
    for row in view.past_validity(now)? {
        clocks.push(plain(Awaited::LapseDecision, row.id.to_string(), row.valid_until, now));
    }
    for channel in view.channels()? {
        of_channel(house, view, &channel, now, &mut clocks)?;
    }
    clocks.sort_by(|a, b| (a.due, &a.about).cmp(&(b.due, &b.about)));
    Ok(clocks)
}

fn plain(awaited: Awaited, about: String, due: Timestamp, now: Timestamp) -> Clock {
    Clock { awaited, about, partner: None, precedence: None, exercise: false, due, overdue: now >= due }
}

fn of_channel(
    house: &House,
    view: &View<'_>,
    channel: &ChannelRow,
    now: Timestamp,
    clocks: &mut Vec<Clock>,
) -> Result<(), Refusal> {
    let relation = house.relations.of(view, &channel.partner)?;
    for release in relation.releases().filter(|r| r.at.origin == channel.origin && r.standing == Standing::Active) {
        let facts = &release.entry.facts;
        let waits_for_outcome = release.outcomes.is_empty() && release.entry.side == Side::Ours;
        if !release.disposed.is_empty() && !waits_for_outcome {
            continue;
        }
        let Some(kept_at) = kept_at(view, channel, release.at)? else { continue };
        let mut clock = |awaited, minutes| {
            clocks.push(Clock {
                partner: Some(channel.partner.to_string()),
                precedence: Some(facts.precedence),
                exercise: facts.status == Status::Exercise,
                ..plain(awaited, release.at.to_string(), due(kept_at, minutes), now)
            });
        };
        match (release.disposed.is_empty(), channel.side) {
            (true, ChannelSide::Theirs) => clock(Awaited::OurAcknowledgement, facts.acknowledge_minutes),
            (true, ChannelSide::Ours) => clock(Awaited::TheirAcknowledgement, facts.acknowledge_minutes),
            (false, _) => clock(Awaited::TheirOutcome, facts.outcome_minutes),
        }
    }
    Ok(())
}

fn kept_at(view: &View<'_>, channel: &ChannelRow, at: &EntryRef) -> Result<Option<Timestamp>, Refusal> {
    Ok(view.entries(channel, at.index, at.index + 1)?.pop().map(|e| e.kept_at))
}

/// What one look at the clocks did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ticked {
    /// How many clocks fired.
    pub fired: usize,
    /// When the next clock runs out.
    pub next: Option<Timestamp>,
    /// Whether an operator must confirm the clock before anything may expire.
    pub unsure: bool,
}

/// Looks at every clock at `now`: what has run out fires once, with a notice and a line in the trail.
pub fn tick(house: &House, now: Timestamp) -> Result<Ticked, Refusal> {
    let (clocks, roster) = house.store.view(|view| {
        Ok::<_, Refusal>((running(house, view, now)?, view.roster()?))
    })?;
    let next = clocks.iter().map(|c| c.due).find(|due| *due > now);
    let call = roster.first().map(|line| format!(": call {} {}", line.name, line.phone)).unwrap_or_default();
    house.store.act(move |act| {
        let unsure = watch_clock(act, now)?;
        let mut fired = 0;
        for clock in clocks.iter().filter(|c| c.due <= now) {
            if !act.fire(&clock.name(), clock.due, now)? {
                continue;
            }
            fired += 1;
            let call = if clock.awaited.calls_the_roster() { call.as_str() } else { "" };
            let drill = if clock.exercise { "EXERCISE " } else { "" };
            alarm::line(act, &format!("{drill}OVERDUE: {}{call}", clock.awaited.words()), now)?;
            let detail = serde_json::json!({ "awaited": clock.awaited.words(), "due": clock.due.to_string() });
            audit::note(act, now, "node", "clock.overdue", &clock.about, detail, &[])?;
        }
        if !unsure {
            expire_proposals(act, now)?;
        }
        Ok(Ticked { fired, next, unsure })
    })
}

fn expire_proposals(act: &mut Act<'_>, now: Timestamp) -> Result<(), Refusal> {
    for row in act.open_proposals()?.into_iter().filter(|p| now >= p.expires_at) {
        let state = row.state.step(ProposalEvent::Clock).map_err(Refusal::ours)?;
        act.move_proposal(row.id, state, None)?;
        audit::note(act, now, "node", "proposal.expire", &row.id.to_string(), serde_json::json!({}), &[])?;
    }
    Ok(())
}

/// Keeps the highest time acted on. Returns whether the clock waits to be confirmed.
fn watch_clock(act: &mut Act<'_>, now: Timestamp) -> Result<bool, Refusal> {
    let high = act.meta(HIGH)?.and_then(|text| text.parse::<i64>().ok());
    if let Some(high) = high {
        let step = SignedDuration::from_millis(now.as_millisecond() - high);
        let jumped = if step > SignedDuration::from_mins(JUMP_MINUTES) {
            Some(format!("the clock went forward by {} min since it was last looked at", step.as_mins()))
        } else if step < SignedDuration::from_secs(-BACK_SECONDS_SHOWN) {
            Some(format!("the clock runs {} s behind a time that was acted on", -step.as_secs()))
        } else {
            None
        };
        if let Some(words) = jumped
            && act.meta(UNSURE)?.is_none()
        {
            act.set_meta(UNSURE, &words)?;
            let detail = serde_json::json!({ "what": words });
            audit::note(act, now, "node", "clock.unsure", "clock", detail, &[])?;
        }
    }
    if high.is_none_or(|high| now.as_millisecond() > high) {
        act.set_meta(HIGH, &now.as_millisecond().to_string())?;
    }
    Ok(act.meta(UNSURE)?.is_some())
}

/// What is unsure about the clock, in words; `None` when nothing is.
pub fn unsure(view: &View<'_>) -> Result<Option<String>, Refusal> {
    Ok(view.meta(UNSURE)?)
}

/// An operator has looked at the clock and it is right: what waited to expire may expire.
pub fn confirm(house: &House, caller: &Person, now: Timestamp) -> Result<(), Refusal> {
    needs(caller, &[Role::Operator], "confirm the clock")?;
    let by = caller.name.clone();
    house.store.act(move |act| {
        act.forget_meta(UNSURE)?;
        act.set_meta(HIGH, &now.as_millisecond().to_string())?;
        audit::note(act, now, by.as_str(), "clock.confirm", "clock", serde_json::json!({}), &[])
    })
}
