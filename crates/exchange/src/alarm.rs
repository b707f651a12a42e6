//! Somebody must hear it: a content-free line for the notify hook, queued with the act that causes it.

use jiff::{SignedDuration, Timestamp};
use model::facts::Facts;
use model::id::EntryRef;
use model::vocab::Status;
use store::{Act, ChannelRow};

use crate::house::House;
use crate::refusal::Refusal;

/// What divides the words of a notice from the instant it counts down to.
const UNTIL: &str = " until ";

/// Raises the alarm that an entry calls for. The line never says what the entry says.
pub(crate) fn raise(
    _house: &House,
    act: &mut Act<'_>,
    channel: &ChannelRow,
    at: &EntryRef,
    kind: &str,
    facts: &Facts,
    now: Timestamp,
) -> Result<(), Refusal> {
    let words = match facts {
        Facts::Release(release) => {
            let drill = if release.status == Status::Exercise { "EXERCISE " } else { "" };
            let due = due(now, release.acknowledge_minutes);
            format!("{drill}{} waiting{UNTIL}{due}", release.precedence.word().to_uppercase())
        }
        Facts::Recalled(_) => "a warning was recalled: look now".to_owned(),
        Facts::Cancelled(_) => "a warning was cancelled".to_owned(),
        Facts::NotUnderstood => format!("an entry of a kind that this node does not know was kept ({kind})"),
        _ => return Ok(()),
    };
    line(act, &words, now)?;
    let detail = serde_json::json!({ "kind": kind });
    crate::audit::note(act, now, channel.partner.as_str(), "entry.held", &at.to_string(), detail, &[])
}

/// Queues a notice.
pub(crate) fn line(act: &mut Act<'_>, words: &str, now: Timestamp) -> Result<(), Refusal> {
    act.queue_notice(words, now)?;
    Ok(())
}

/// A notice that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Its number.
    pub id: i64,
    /// The line, before `worded`.
    pub line: String,
    /// How often it was tried.
    pub attempts: u32,
}

/// What became of a try to tell a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// The hook took it.
    Heard,
    /// It failed; try again then.
    AgainAt(Timestamp),
    /// It failed too often; `doctor` says so.
    GivenUp,
}

/// The notices that are due, the oldest first.
pub fn due_now(house: &House, now: Timestamp, limit: u32) -> Result<Vec<Notice>, Refusal> {
    let rows = house.store.view(|view| Ok::<_, Refusal>(view.notices_due(now, limit)?))?;
    Ok(rows.into_iter().map(|r| Notice { id: r.id, line: r.line, attempts: r.attempts }).collect())
}

/// Notes what became of a try.
pub fn told(house: &House, id: i64, end: Told) -> Result<(), Refusal> {
    house.store.act(move |act| {
        Ok(match end {
            Told::Heard => act.notice_sent(id)?,
            Told::AgainAt(at) => act.notice_failed(id, at)?,
            Told::GivenUp => act.notice_given_up(id)?,
        })
    })
}

/// When something is due that was given so many minutes at `from`.
pub(crate) fn due(from: Timestamp, minutes: u32) -> Timestamp {
    from.checked_add(SignedDuration::from_mins(i64::from(minutes))).unwrap_or(Timestamp::MAX)
}

/// The words of a notice at `now`: "FLASH waiting, 00:14 left", or "FLASH waiting, overdue by 00:03" (hours and minutes).
pub fn worded(line: &str, now: Timestamp) -> String {
    let Some((words, due)) = line.split_once(UNTIL) else { return line.to_owned() };
    let Ok(due) = due.parse::<Timestamp>() else { return line.to_owned() };
    let minutes = (due.as_second() - now.as_second()) / 60;
    let clock = format!("{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60);
    if due >= now { format!("{words}, {clock} left") } else { format!("{words}, overdue by {clock}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_counts_down_and_then_says_overdue() {
        let at = |t: &str| t.parse().unwrap();
        let line = "FLASH waiting until 2026-12-10T12:15:00Z";
        assert_eq!(worded(line, at("2026-12-10T12:00:30Z")), "FLASH waiting, 00:14 left");
        assert_eq!(worded(line, at("2026-12-10T13:20:00Z")), "FLASH waiting, overdue by 01:05");
    }
}
