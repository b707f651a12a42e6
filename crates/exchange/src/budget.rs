//! Budgets of volume: what a partner's log costs, against what the agreement allows. An entry above a budget is kept and
//! receipted like any other; alarms above theirs are told together; the operator is told once.
//!
//! One row a log and a fixed number of counters, so that counting costs the same whatever comes. The limits stand in that
//! row; the look at the clocks brings them up to date with the agreement in force.

use jiff::{SignedDuration, Timestamp};
use model::agreement::VolumeBudget;
use model::id::PartyName;
use serde::{Deserialize, Serialize};
use store::{Act, ChannelRow, ChannelSide, View};
use tlog::channel::Use;

use crate::alarm;
use crate::audit;
use crate::house::House;
use crate::refusal::Refusal;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;
/// How often alarms that are told together are told, in milliseconds.
const TOGETHER_MS: i64 = 10 * MINUTE_MS;
/// The same where a flash is among them.
const TOGETHER_FLASH_MS: i64 = MINUTE_MS;
/// For how long a budget that was passed is not told again, and for how long `doctor` names it, in milliseconds.
const TOLD_MS: i64 = DAY_MS;

/// What a budget is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Budget {
    /// Entries in a minute.
    EntriesPerMinute,
    /// Bytes of entries in a day.
    BytesPerDay,
    /// Bytes kept in all.
    StoredBytes,
    /// Alarms in an hour.
    AlarmsPerHour,
}

impl Budget {
    /// Every budget.
    pub const ALL: [Self; 4] =
        [Self::EntriesPerMinute, Self::BytesPerDay, Self::StoredBytes, Self::AlarmsPerHour];

    /// The words for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::EntriesPerMinute => "entries in a minute",
            Self::BytesPerDay => "bytes in a day",
            Self::StoredBytes => "bytes stored",
            Self::AlarmsPerHour => "alarms in an hour",
        }
    }

    /// The word for machines.
    pub fn word(self) -> &'static str {
        match self {
            Self::EntriesPerMinute => "entries_per_minute",
            Self::BytesPerDay => "bytes_per_day",
            Self::StoredBytes => "stored_bytes",
            Self::AlarmsPerHour => "alarms_per_hour",
        }
    }

    fn limit(self, of: &VolumeBudget) -> u64 {
        match self {
            Self::EntriesPerMinute => u64::from(of.entries_per_minute),
            Self::BytesPerDay => of.bytes_per_day,
            Self::StoredBytes => of.stored_bytes,
            Self::AlarmsPerHour => u64::from(of.alarms_per_hour),
        }
    }
}

/// A count since an instant, which begins anew when its time is over or the clock runs back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Window {
    from_ms: i64,
    count: u64,
}

impl Window {
    /// The window that `now` lies in.
    fn at(self, now_ms: i64, long_ms: i64) -> Self {
        match (0..long_ms).contains(&now_ms.saturating_sub(self.from_ms)) {
            true => self,
            false => Self { from_ms: now_ms, count: 0 },
        }
    }

    fn plus(self, more: u64) -> Self {
        Self { count: self.count.saturating_add(more), ..self }
    }
}

/// Alarms of one kind, and those that are told together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Alarms {
    hour: Window,
    /// How many of this hour were left to be told together.
    together: u64,
    /// Whether some of them were not told at all so far.
    untold: bool,
    told_ms: Option<i64>,
}

/// A budget that was passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Passed {
    of: Budget,
    at_ms: i64,
    counted: u64,
    limit: u64,
}

/// What stands in the row of a log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Counted {
    limits: Option<VolumeBudget>,
    minute: Window,
    day: Window,
    alarms: Alarms,
    flashes: Alarms,
    passed: Vec<Passed>,
}

impl Counted {
    fn of(view: &View<'_>, channel: &ChannelRow) -> Result<(Self, u64), Refusal> {
        let row = view.budget(channel.id)?;
        let stored = row.as_ref().map_or(0, |row| row.stored_bytes);
        // Counts that cannot be read are begun anew: they are worth less than the entry that is to be kept.
        let counted = row.and_then(|row| serde_json::from_str(&row.counted).ok()).unwrap_or_default();
        Ok((counted, stored))
    }

    fn put(&self, act: &mut Act<'_>, channel: &ChannelRow) -> Result<(), Refusal> {
        let text = serde_json::to_string(self).map_err(Refusal::ours)?;
        Ok(act.put_budget(channel.id, &text)?)
    }

    fn limit(&self, of: Budget) -> u64 {
        of.limit(&self.limits.clone().unwrap_or_default())
    }

    /// Tells the operator that a budget is passed, unless that was told within a day.
    fn pass(
        &mut self,
        act: &mut Act<'_>,
        channel: &ChannelRow,
        (of, counted): (Budget, u64),
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let (limit, at_ms) = (self.limit(of), now.as_millisecond());
        if counted <= limit {
            return Ok(());
        }
        let told = self.passed.iter().any(|p| p.of == of && (0..TOLD_MS).contains(&(at_ms - p.at_ms)));
        if told {
            return Ok(());
        }
        self.passed.retain(|p| p.of != of);
        self.passed.push(Passed { of, at_ms, counted, limit });
        let detail = serde_json::json!({
            "budget": of.word(), "counted": counted, "agreed": limit, "use": channel.use_.to_string(),
        });
        audit::note(act, now, "node", "budget.passed", channel.partner.as_str(), detail, &[])
    }
}

/// Counts an entry of a partner's log that is being kept. It never refuses one.
pub(crate) fn count(
    act: &mut Act<'_>,
    channel: &ChannelRow,
    bytes: usize,
    now: Timestamp,
) -> Result<(), Refusal> {
    let (mut counted, stored) = Counted::of(act, channel)?;
    let (at, bytes) = (now.as_millisecond(), u64::try_from(bytes).unwrap_or(u64::MAX));
    counted.minute = counted.minute.at(at, MINUTE_MS).plus(1);
    counted.day = counted.day.at(at, DAY_MS).plus(bytes);
    for passed in [
        (Budget::EntriesPerMinute, counted.minute.count),
        (Budget::BytesPerDay, counted.day.count),
        (Budget::StoredBytes, stored.saturating_add(bytes)),
    ] {
        counted.pass(act, channel, passed, now)?;
    }
    counted.put(act, channel)
}

/// Whether an alarm that a partner's entry calls for is told by itself. Above the budget it is told with others, in one
/// line; a flash is counted apart, so that nothing below it can use up its budget.
pub(crate) fn is_told_alone(
    act: &mut Act<'_>,
    channel: &ChannelRow,
    is_flash: bool,
    now: Timestamp,
) -> Result<bool, Refusal> {
    let (mut counted, _) = Counted::of(act, channel)?;
    let limit = counted.limit(Budget::AlarmsPerHour);
    let mut alarms = if is_flash { counted.flashes } else { counted.alarms };
    let hour = alarms.hour.at(now.as_millisecond(), HOUR_MS);
    if hour != alarms.hour {
        alarms = Alarms { hour, together: u64::from(alarms.untold) * alarms.together, ..alarms };
    }
    alarms.hour = hour.plus(1);
    let alone = alarms.hour.count <= limit;
    if !alone {
        alarms.together = alarms.together.saturating_add(1);
        alarms.untold = true;
    }
    let passed = (Budget::AlarmsPerHour, alarms.hour.count);
    *(if is_flash { &mut counted.flashes } else { &mut counted.alarms }) = alarms;
    counted.pass(act, channel, passed, now)?;
    tell_together(act, &mut counted, channel, now)?;
    counted.put(act, channel)?;
    Ok(alone)
}

/// Queues the lines for what is told together, where they are due.
fn tell_together(
    act: &mut Act<'_>,
    counted: &mut Counted,
    channel: &ChannelRow,
    now: Timestamp,
) -> Result<(), Refusal> {
    let at = now.as_millisecond();
    let drill = alarm::drill(channel.use_);
    for (alarms, first, pause) in
        [(&mut counted.flashes, "FLASH waiting: ", TOGETHER_FLASH_MS), (&mut counted.alarms, "", TOGETHER_MS)]
    {
        if is_due(alarms, pause, at) {
            let words =
                format!("{drill}{first}{} more from {} in the last hour", alarms.together, channel.partner);
            alarm::line(act, &words, now)?;
            (alarms.untold, alarms.told_ms) = (false, Some(at));
        }
    }
    Ok(())
}

fn is_due(alarms: &Alarms, pause_ms: i64, at_ms: i64) -> bool {
    let pausing = alarms.told_ms.is_some_and(|told| (0..pause_ms).contains(&at_ms.saturating_sub(told)));
    alarms.untold && !pausing
}

/// Brings the limits up to date with the agreements, and tells what waits to be told together. To be called whenever the
/// clocks are looked at; writes only where something changed.
pub(crate) fn look(house: &House, now: Timestamp) -> Result<(), Refusal> {
    let at = now.as_millisecond();
    let found = house.store.view(|view| {
        let mut found = Vec::new();
        for channel in view.channels()?.into_iter().filter(|c| c.side == ChannelSide::Theirs) {
            let (counted, _) = Counted::of(view, &channel)?;
            let limits = agreed(house, view, &channel.partner)?;
            let told =
                is_due(&counted.flashes, TOGETHER_FLASH_MS, at) || is_due(&counted.alarms, TOGETHER_MS, at);
            if told || counted.limits.clone().unwrap_or_default() != limits {
                found.push((channel, limits));
            }
        }
        Ok::<_, Refusal>(found)
    })?;
    if found.is_empty() {
        return Ok(());
    }
    house.store.act(move |act| {
        for (channel, limits) in found {
            let (mut counted, _) = Counted::of(act, &channel)?;
            counted.limits = Some(limits);
            tell_together(act, &mut counted, &channel, now)?;
            counted.put(act, &channel)?;
        }
        Ok(())
    })
}

/// The budget agreed with a partner; the default where no agreement is in force.
fn agreed(house: &House, view: &View<'_>, partner: &PartyName) -> Result<VolumeBudget, Refusal> {
    Ok(house.relations.of(view, partner)?.terms().map(|terms| terms.volume).unwrap_or_default())
}

/// How a partner's log stands against one budget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The partner.
    pub partner: PartyName,
    /// Actual or exercise.
    pub use_: Use,
    /// What the budget is of.
    pub of: Budget,
    /// What is counted in the present minute, day or hour, or in all.
    pub counted: u64,
    /// What is agreed.
    pub limit: u64,
    /// When it was last passed, if that was within a day, with what was counted then.
    pub passed: Option<(Timestamp, u64)>,
}

/// How every partner's log stands against its budgets.
pub fn standings(view: &View<'_>, now: Timestamp) -> Result<Vec<Standing>, Refusal> {
    let at = now.as_millisecond();
    let mut found = Vec::new();
    for channel in view.channels()?.into_iter().filter(|c| c.side == ChannelSide::Theirs) {
        let (counted, stored) = Counted::of(view, &channel)?;
        let alarms = |a: &Alarms| a.hour.at(at, HOUR_MS).count;
        for of in Budget::ALL {
            let present = match of {
                Budget::EntriesPerMinute => counted.minute.at(at, MINUTE_MS).count,
                Budget::BytesPerDay => counted.day.at(at, DAY_MS).count,
                Budget::StoredBytes => stored,
                Budget::AlarmsPerHour => alarms(&counted.alarms).max(alarms(&counted.flashes)),
            };
            let recent = counted.passed.iter().find(|p| p.of == of && at.saturating_sub(p.at_ms) < TOLD_MS);
            let passed = recent.and_then(|p| Some((Timestamp::from_millisecond(p.at_ms).ok()?, p.counted)));
            found.push(Standing {
                partner: channel.partner.clone(),
                use_: channel.use_,
                of,
                counted: present,
                limit: counted.limit(of),
                passed,
            });
        }
    }
    Ok(found)
}

/// For how long a passed budget is named, for words.
pub fn named_for() -> SignedDuration {
    SignedDuration::from_millis(TOLD_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_begins_anew_when_its_time_is_over_or_the_clock_runs_back() {
        let window = Window { from_ms: 1_000, count: 7 };
        assert_eq!(window.at(1_000, 60), window);
        assert_eq!(window.at(1_059, 60), window);
        assert_eq!(window.at(1_060, 60), Window { from_ms: 1_060, count: 0 });
        assert_eq!(window.at(999, 60), Window { from_ms: 999, count: 0 });
    }

    #[test]
    fn what_is_counted_is_as_long_however_much_was_counted() {
        let full = Counted {
            limits: Some(VolumeBudget::default()),
            minute: Window { from_ms: i64::MAX, count: u64::MAX },
            passed: Budget::ALL
                .map(|of| Passed { of, at_ms: i64::MAX, counted: u64::MAX, limit: u64::MAX })
                .to_vec(),
            ..Counted::default()
        };
        let text = serde_json::to_string(&full).unwrap();
        assert!(text.len() < 2_000, "{} bytes", text.len());
        assert_eq!(serde_json::from_str::<Counted>(&text).unwrap(), full);
    }
}
