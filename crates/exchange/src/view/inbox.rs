//! What came in and what went out, with its four facts: held, read, disposed, outcome. Overdue is computed, never stored.

use jiff::Timestamp;
use model::caller::Person;
use model::relation::{ReleaseView, Side, Standing};
use model::vocab::{Disposition, Domain, EventState, Precedence, Role, Status, Usefulness};
use serde::Serialize;
use store::{ChannelRow, ChannelSide, OutboxState, View};

use crate::alarm::due;
use crate::caller::needs;
use crate::house::House;
use crate::refusal::Refusal;
use crate::view::recall::{self, RecallLine};

/// The most lines of one list.
pub const LINES_MAX: usize = 500;

/// A release as a line of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReleaseLine {
    /// The entry's name, shortened; other commands take it as it is.
    pub entry: String,
    /// The partner it came from or went to.
    pub partner: String,
    /// Whether it came in or went out.
    pub direction: &'static str,
    /// Actual or exercise.
    pub status: Status,
    /// The precedence stated.
    pub precedence: Precedence,
    /// The domain.
    pub domain: Domain,
    /// The headline, as far as it is held.
    pub title: String,
    /// The thread, hex: what belongs together with this partner.
    pub thread: String,
    /// True if it brings an earlier release up to date.
    pub update: bool,
    /// True if it is the bare threat to life.
    pub life_floor: bool,
    /// When its giver wrote it, by the giver's clock.
    pub written: Timestamp,
    /// When it was held: by our clock if it came in, by the receiver's receipt if it went out.
    pub held_at: Option<Timestamp>,
    /// When it was first read, by the receiver's clock.
    pub read_at: Option<Timestamp>,
    /// The latest disposition.
    pub disposition: Option<Disposition>,
    /// When it was first disposed of, by the receiver's clock.
    pub disposed_at: Option<Timestamp>,
    /// What became of the event, as last reported.
    pub outcome: Option<EventState>,
    /// The usefulness as the receiver last graded it.
    pub usefulness: Option<Usefulness>,
    /// `active`, `lapsed`, `cancelled` or `recalled`.
    pub standing: &'static str,
    /// Its recall, and what the receiver said to it.
    pub recall: Option<RecallLine>,
    /// Until when its giver asserts it, if that is stated.
    pub valid_until: Option<Timestamp>,
    /// True if that time has passed and the giver has not decided: ask before relying on it.
    pub past_validity: bool,
    /// By when an acknowledgement is asked for.
    pub due: Timestamp,
    /// Whether that time has passed without one.
    pub overdue: bool,
}

/// Something decided and not sent yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WaitingLine {
    /// The partner.
    pub partner: String,
    /// The kind of entry it is to become.
    pub kind: String,
    /// When it was decided.
    pub since: Timestamp,
}

/// What partners gave us, the newest first, at most `LINES_MAX`.
pub fn incoming(house: &House, caller: &Person, now: Timestamp) -> Result<Vec<ReleaseLine>, Refusal> {
    list(house, caller, ChannelSide::Theirs, now)
}

/// What we gave partners and is in a log, the newest first, at most `LINES_MAX`.
pub fn outgoing(house: &House, caller: &Person, now: Timestamp) -> Result<Vec<ReleaseLine>, Refusal> {
    list(house, caller, ChannelSide::Ours, now)
}

/// What waits in the outbox.
pub fn waiting(house: &House, caller: &Person) -> Result<Vec<WaitingLine>, Refusal> {
    needs(caller, Role::ALL, "look at the outbox")?;
    house.store.view(|view| {
        let mut lines = Vec::new();
        for partner in view.partners()? {
            for use_ in [tlog::channel::Use::Actual, tlog::channel::Use::Exercise] {
                for row in view.waiting(&partner.name, use_, LINES_MAX)? {
                    debug_assert_eq!(row.state, OutboxState::Queued);
                    lines.push(WaitingLine {
                        partner: partner.name.to_string(),
                        kind: row.kind,
                        since: row.created_at,
                    });
                }
            }
        }
        Ok(lines)
    })
}

fn list(
    house: &House,
    caller: &Person,
    side: ChannelSide,
    now: Timestamp,
) -> Result<Vec<ReleaseLine>, Refusal> {
    needs(caller, &[Role::Desk, Role::Release, Role::Liaison, Role::Oversight], "read warnings")?;
    house.store.view(|view| {
        let mut lines = Vec::new();
        for channel in view.channels()?.iter().filter(|c| c.side == side) {
            let relation = house.relations.of(view, &channel.partner)?;
            let releases: Vec<_> = relation.releases().filter(|r| r.at.origin == channel.origin).collect();
            let newest = releases.len().saturating_sub(LINES_MAX);
            let mut in_order = Vec::new();
            for release in releases.iter().skip(newest) {
                in_order.push(line(view, channel, release, now)?);
            }
            lines.extend(by_time_held(in_order));
        }
        lines.sort_by_key(|(held, line)| std::cmp::Reverse((*held, line.written)));
        let mut lines: Vec<ReleaseLine> = lines.into_iter().map(|(_, line)| line).collect();
        lines.truncate(LINES_MAX);
        Ok(lines)
    })
}

/// The lines of one log, the newest first, each with the time that it is sorted by: when it was held, and never before what
/// stands ahead of it in the log. So what came back after a loss, held by the second that its cosignature tells, stands where
/// it stood.
fn by_time_held(in_order: Vec<ReleaseLine>) -> Vec<(Option<Timestamp>, ReleaseLine)> {
    let mut latest = None;
    let mut timed: Vec<_> = in_order
        .into_iter()
        .map(|line| {
            latest = latest.max(line.held_at);
            (line.held_at.and(latest), line)
        })
        .collect();
    timed.reverse();
    timed
}

/// One release as a line.
pub(crate) fn line(
    view: &View<'_>,
    channel: &ChannelRow,
    release: &ReleaseView<'_>,
    now: Timestamp,
) -> Result<ReleaseLine, Refusal> {
    let facts = &release.entry.facts;
    let kept_at = view.entries(channel, release.at.index, release.at.index + 1)?.pop().map(|e| e.kept_at);
    let held_at = match release.entry.side {
        Side::Theirs => kept_at,
        Side::Ours => view.receipt_of(channel, release.at.index)?.and_then(|head| head.at),
    };
    let due = due(kept_at.unwrap_or(release.entry.written), facts.acknowledge_minutes);
    let last = release.outcomes.last().map(|(_, o)| *o);
    Ok(ReleaseLine {
        entry: release.at.to_string(),
        partner: channel.partner.to_string(),
        direction: if release.entry.side == Side::Theirs { "incoming" } else { "outgoing" },
        status: facts.status,
        precedence: facts.precedence,
        domain: facts.domain,
        title: title(view, channel, release.at.index)?,
        thread: hex::encode(release.entry.thread),
        update: release.entry.updates.is_some(),
        life_floor: facts.life_floor,
        written: release.entry.written,
        held_at,
        read_at: release.read.map(|r| r.at),
        disposition: release.disposed.last().map(|d| d.disposition),
        disposed_at: release.disposed.first().map(|d| d.at),
        outcome: last.map(|o| o.event),
        usefulness: release.outcomes.iter().rev().find_map(|(_, o)| o.usefulness),
        standing: standing_word(release.standing),
        recall: recall::line(view, channel, release, now)?,
        valid_until: facts.valid_until,
        past_validity: release.standing == Standing::Active
            && facts.valid_until.is_some_and(|until| now >= until),
        due,
        overdue: release.disposed.is_empty() && release.standing == Standing::Active && now >= due,
    })
}

/// The word for how a release stands.
pub(crate) fn standing_word(standing: Standing) -> &'static str {
    match standing {
        Standing::Active => "active",
        Standing::Lapsed => "lapsed",
        Standing::Cancelled => "cancelled",
        Standing::Recalled { .. } => "recalled",
    }
}

fn title(view: &View<'_>, channel: &ChannelRow, index: u64) -> Result<String, Refusal> {
    let Some(body) = super::show::body(view, channel, index)? else { return Ok("(erased)".to_owned()) };
    Ok(model::received::read(&body).map_or_else(|_| "(cannot be read)".to_owned(), |w| w.title))
}
