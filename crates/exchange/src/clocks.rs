//! Clocks: views of (fold, now), and the escalation when one runs out. A clock fires once; time running back un-fires
//! nothing; a jump forward fires escalations and lets nothing expire until an operator has confirmed the clock (I-15).

use jiff::{SignedDuration, Timestamp};
use model::caller::Person;
use model::file::WarningFile;
use model::id::EntryRef;
use model::relation::{Relation, Side, Standing};
use model::state::{Machine, ProposalEvent};
use model::vocab::{Precedence, Role, Status};
use serde::Serialize;
use store::{Act, ChannelRow, ChannelSide, View, WarningRow};
use tlog::channel::Use;

use crate::alarm::{self, due};
use crate::audit;
use crate::budget;
use crate::caller::needs;
use crate::erasure::{self, CONFIRM_MINUTES};
use crate::house::House;
use crate::refusal::{Refusal, Whose};

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
    /// Our own answer to a recall: erase, or contest.
    OurErasure,
    /// A partner's word that what we recalled is erased.
    TheirErasure,
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
            Self::OurErasure => "our answer to a recall",
            Self::TheirErasure => "the partner's word that what was recalled is erased",
        }
    }

    fn calls_the_roster(self) -> bool {
        matches!(
            self,
            Self::DutyDecision | Self::Review | Self::OurAcknowledgement | Self::TheirAcknowledgement
        )
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
    /// Under which name it has fired once: what it is about, spelt out, and when it is due.
    #[serde(skip)]
    name: String,
}

/// Every clock that runs at `now`, the most pressing first.
pub fn running(house: &House, view: &View<'_>, now: Timestamp) -> Result<Vec<Clock>, Refusal> {
    Ok(Looked::at(house, view, now)?.clocks)
}

/// The clocks that run, and what could not be read of them: one bad row stops no other clock.
#[derive(Default)]
struct Looked {
    clocks: Vec<Clock>,
    faults: Vec<String>,
}

impl Looked {
    fn at(house: &House, view: &View<'_>, now: Timestamp) -> Result<Self, Refusal> {
        let mut looked = Self::default();
        let duties = duties(view, now);
        looked.take("the duties", duties)?;
        let reviews = reviews(view, now);
        looked.take("the reviews", reviews)?;
        let ends = ends_of_validity(view, now);
        looked.take("the ends of validity", ends)?;
        for channel in view.channels()? {
            let clocks = of_channel(house, view, &channel, now);
            looked.take(&format!("the {} channel with {}", channel.use_, channel.partner), clocks)?;
        }
        looked.clocks.sort_by(|a, b| (a.due, &a.about).cmp(&(b.due, &b.about)));
        Ok(looked)
    }

    /// Takes some clocks, or notes why they cannot be read; what the disk has to do with ends the look.
    fn take(&mut self, whose: &str, clocks: Result<Vec<Clock>, Refusal>) -> Result<(), Refusal> {
        match clocks {
            Ok(clocks) => self.clocks.extend(clocks),
            Err(refusal) if refusal.whose == Whose::World => return Err(refusal),
            Err(refusal) => self.faults.push(format!("{whose}: {refusal}")),
        }
        Ok(())
    }
}

fn duties(view: &View<'_>, now: Timestamp) -> Result<Vec<Clock>, Refusal> {
    let rows = view.undecided_duties()?;
    let due = |row: &WarningRow| row.duty.as_ref().and_then(|d| d.deadline);
    Ok(rows.iter().filter_map(|row| Some(of_warning(Awaited::DutyDecision, row, due(row)?, now))).collect())
}

fn reviews(view: &View<'_>, now: Timestamp) -> Result<Vec<Clock>, Refusal> {
    let open = view.reviews()?.into_iter().filter(|r| r.done_at.is_none());
    open.map(|review| {
        let exercise = is_exercise_release(view, &review.about)?;
        Ok(Clock { exercise, ..plain(Awaited::Review, review.about, review.due, now) })
    })
    .collect()
}

/// Whether a proposal is one of an exercise. What cannot be read counts as actual: it is never taken too lightly.
fn is_exercise_release(view: &View<'_>, proposal: &str) -> Result<bool, Refusal> {
    let Ok(id) = proposal.parse() else { return Ok(false) };
    let Some(row) = view.proposal(id)? else { return Ok(false) };
    Ok(view.warning(row.warning)?.is_some_and(|warning| is_exercise(&warning)))
}

fn is_exercise(row: &WarningRow) -> bool {
    WarningFile::parse(&row.file).is_ok_and(|file| file.status == Status::Exercise)
}

fn ends_of_validity(view: &View<'_>, now: Timestamp) -> Result<Vec<Clock>, Refusal> {
    let rows = view.past_validity(now)?;
    Ok(rows.iter().map(|row| of_warning(Awaited::LapseDecision, row, row.valid_until, now)).collect())
}

fn of_warning(awaited: Awaited, row: &WarningRow, due: Timestamp, now: Timestamp) -> Clock {
    Clock { exercise: is_exercise(row), ..plain(awaited, row.id.to_string(), due, now) }
}

fn plain(awaited: Awaited, about: String, due: Timestamp, now: Timestamp) -> Clock {
    let name = name(awaited, &about, due);
    Clock { awaited, about, partner: None, precedence: None, exercise: false, due, overdue: now >= due, name }
}

/// A clock that was set anew, as when a warning is extended, is another clock: it fires again.
fn name(awaited: Awaited, about: &str, due: Timestamp) -> String {
    format!("{awaited:?}/{about}/{due}")
}

fn of_channel(
    house: &House,
    view: &View<'_>,
    channel: &ChannelRow,
    now: Timestamp,
) -> Result<Vec<Clock>, Refusal> {
    let mut clocks = Vec::new();
    let relation = house.relations.of(view, &channel.partner)?;
    for release in
        relation.releases().filter(|r| r.at.origin == channel.origin && r.standing == Standing::Active)
    {
        let facts = &release.entry.facts;
        let waits_for_outcome = release.outcomes.is_empty() && release.entry.side == Side::Ours;
        if !release.disposed.is_empty() && !waits_for_outcome {
            continue;
        }
        let Some(kept_at) = kept_at(view, channel, release.at)? else { continue };
        let (awaited, minutes) = match (release.disposed.is_empty(), channel.side) {
            (true, ChannelSide::Theirs) => (Awaited::OurAcknowledgement, facts.acknowledge_minutes),
            (true, ChannelSide::Ours) => (Awaited::TheirAcknowledgement, facts.acknowledge_minutes),
            (false, _) => (Awaited::TheirOutcome, facts.outcome_minutes),
        };
        let due = due(kept_at, minutes);
        clocks.push(Clock {
            partner: Some(channel.partner.to_string()),
            precedence: Some(facts.precedence),
            exercise: channel.use_ == Use::Exercise || facts.status == Status::Exercise,
            name: name(awaited, &format!("{:#}", release.at), due),
            ..plain(awaited, release.at.to_string(), due, now)
        });
    }
    clocks.extend(of_recalls(view, channel, &relation, now)?);
    Ok(clocks)
}

/// The recalls that their receiver has not answered.
fn of_recalls(
    view: &View<'_>,
    channel: &ChannelRow,
    relation: &Relation,
    now: Timestamp,
) -> Result<Vec<Clock>, Refusal> {
    let awaited = match channel.side {
        ChannelSide::Theirs => Awaited::OurErasure,
        ChannelSide::Ours => Awaited::TheirErasure,
    };
    let mut clocks = Vec::new();
    for release in relation.releases().filter(|r| r.at.origin == channel.origin) {
        let Some(recall) = release.recall.filter(|recall| recall.said.is_none()) else { continue };
        let Some(asked) = kept_at(view, channel, recall.at)? else { continue };
        let (due, facts) = (due(asked, CONFIRM_MINUTES), &release.entry.facts);
        clocks.push(Clock {
            partner: Some(channel.partner.to_string()),
            precedence: Some(facts.precedence),
            exercise: channel.use_ == Use::Exercise || facts.status == Status::Exercise,
            name: name(awaited, &format!("{:#}", recall.at), due),
            ..plain(awaited, release.at.to_string(), due, now)
        });
    }
    Ok(clocks)
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
    budget::look(house, now)?;
    let (Looked { clocks, mut faults }, roster) =
        house.store.view(|view| Ok::<_, Refusal>((Looked::at(house, view, now)?, view.roster()?)))?;
    let next = clocks.iter().map(|c| c.due).find(|due| *due > now);
    house.tally.clocks(clocks.len(), clocks.iter().filter(|c| c.overdue).count());
    let call = roster.first().map(|line| format!("{}{} {}", alarm::CALL, line.name, line.phone));
    let call = call.unwrap_or_default();
    let us = house.clone();
    house.store.act(move |act| {
        let unsure = watch_clock(act, now)?;
        let mut fired = 0;
        for clock in clocks.iter().filter(|c| c.due <= now) {
            if !act.fire(&clock.name, clock.due, now)? {
                continue;
            }
            fired += 1;
            let call = if clock.awaited.calls_the_roster() { call.as_str() } else { "" };
            let drill = alarm::drill(if clock.exercise { Use::Exercise } else { Use::Actual });
            alarm::line(act, &format!("{drill}OVERDUE: {}{call}", clock.awaited.words()), now)?;
            let detail =
                serde_json::json!({ "awaited": clock.awaited.words(), "due": clock.due.to_string() });
            audit::note(act, now, "node", "clock.overdue", &clock.about, detail, &[])?;
        }
        if !unsure {
            expire_proposals(act, &mut faults, now)?;
            erasure::deadlines(&us, act, now)?;
        }
        for fault in &faults {
            fired += usize::from(tell_of(act, fault, now)?);
        }
        Ok(Ticked { fired, next, unsure })
    })
}

/// A clock that cannot be read is told once: none dies silently (I-15).
fn tell_of(act: &mut Act<'_>, fault: &str, now: Timestamp) -> Result<bool, Refusal> {
    if !act.fire(&format!("fault/{fault}"), now, now)? {
        return Ok(false);
    }
    tracing::error!(fault, "a clock cannot be read");
    alarm::line(
        act,
        "some clocks of this node cannot be read: see its log, and look after them by hand",
        now,
    )?;
    Ok(true)
}

fn expire_proposals(act: &mut Act<'_>, faults: &mut Vec<String>, now: Timestamp) -> Result<(), Refusal> {
    let open = match act.open_proposals().map_err(Refusal::from) {
        Ok(open) => open,
        Err(refusal) if refusal.whose == Whose::World => return Err(refusal),
        Err(refusal) => {
            faults.push(format!("the proposals: {refusal}"));
            return Ok(());
        }
    };
    for row in open.into_iter().filter(|p| now >= p.expires_at) {
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

/// Whether anything may expire at `now`: the clock is sure, and has not jumped since it was last looked at (I-15).
pub(crate) fn may_expire(view: &View<'_>, now: Timestamp) -> Result<bool, Refusal> {
    let high = view.meta(HIGH)?.and_then(|text| text.parse::<i64>().ok());
    let jumped = high.is_some_and(|high| now.as_millisecond() - high > JUMP_MINUTES * 60_000);
    Ok(!jumped && unsure(view)?.is_none())
}

/// What is unsure about the clock, in words; `None` when nothing is.
pub fn unsure(view: &View<'_>) -> Result<Option<String>, Refusal> {
    Ok(view.meta(UNSURE)?)
}

/// An operator has looked at the clock and it is right: what waited to expire may expire, and what
/// was held back in the outbox is looked at again.
pub fn confirm(house: &House, caller: &Person, now: Timestamp) -> Result<(), Refusal> {
    needs(caller, &[Role::Operator], "confirm the clock")?;
    let by = caller.name.clone();
    house.store.act(move |act| {
        act.forget_meta(UNSURE)?;
        act.set_meta(HIGH, &now.as_millisecond().to_string())?;
        audit::note(act, now, by.as_str(), "clock.confirm", "clock", serde_json::json!({}), &[])
    })?;
    (house.bell)();
    Ok(())
}
