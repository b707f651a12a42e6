//! Somebody must hear it: a content-free line for the notify hook, queued with the act that causes it.

use jiff::{SignedDuration, Timestamp};
use model::facts::Facts;
use model::id::EntryRef;
use model::vocab::{Precedence, Status};
use store::{Act, ChannelRow, ChannelSide};
use tlog::channel::Use;

use crate::budget;
use crate::house::House;
use crate::refusal::Refusal;

/// What divides the words of a notice from the instant it counts down to.
const UNTIL: &str = " until ";
/// What stands before whom to call.
pub(crate) const CALL: &str = ": call ";
/// For how long a notice that still waits speaks for others of the same words from the same partner, in milliseconds.
const SPEAKS_FOR_MS: i64 = 60_000;
/// The most due notices that are looked through.
const DUE_MAX: u32 = 10_000;

/// Raises the alarm that an entry calls for. The line never says what the entry says.
///
/// Below flash a partner has one waiting notice of the same words within a minute: thousands of releases at once must not
/// drown the one alarm that matters.
pub(crate) fn raise(
    act: &mut Act<'_>,
    channel: &ChannelRow,
    at: &EntryRef,
    kind: &str,
    facts: &Facts,
    now: Timestamp,
) -> Result<(), Refusal> {
    let drill = drill(channel.use_);
    let said = |words: &str| format!("{drill}{words}");
    match facts {
        Facts::Release(release) => {
            let drill = if release.status == Status::Exercise { "EXERCISE " } else { drill };
            let words = format!("{drill}{} waiting", release.precedence.word().to_uppercase());
            let notice = format!("{words}{UNTIL}{}", due(now, release.acknowledge_minutes));
            if release.precedence == Precedence::Flash {
                if budget::is_told_alone(act, channel, true, now)? {
                    line(act, &notice, now)?;
                }
            } else {
                once(act, channel, &words, &notice, now)?;
            }
        }
        facts => {
            let Some(words) = content_free(facts).map(said) else { return Ok(()) };
            once(act, channel, &words, &words, now)?;
        }
    }
    let detail = serde_json::json!({ "kind": kind });
    crate::audit::note(act, now, channel.partner.as_str(), "entry.held", &at.to_string(), detail, &[])
}

/// Tells of an entry that was held before this node lost it, and is back. It was told when it was held first: the notice and
/// the receipt over it were one act. So it is not told alone again; one line for the log says where to look, and one more if
/// a flash is among what came back. What was answered, as far as our own log is back, is not told at all.
///
/// Its clock runs on from the time at which it was held, and fires if nobody answered.
pub(crate) fn came_back(
    act: &mut Act<'_>,
    channel: &ChannelRow,
    at: &EntryRef,
    kind: &str,
    facts: &Facts,
    now: Timestamp,
) -> Result<(), Refusal> {
    let detail = serde_json::json!({ "kind": kind, "held_before": true });
    crate::audit::note(act, now, channel.partner.as_str(), "entry.held", &at.to_string(), detail, &[])?;
    let (words, level) = match facts {
        Facts::Release(release) if release.precedence == Precedence::Flash => {
            ("FLASH among what was held before a loss and is back: look at the inbox", "flash")
        }
        facts if matches!(facts, Facts::Release(_)) || content_free(facts).is_some() => {
            ("what was held before a loss is back: look at the inbox", "told")
        }
        _ => return Ok(()),
    };
    let ours = act.channel_with(&channel.partner, ChannelSide::Ours, channel.use_)?;
    let told = act.meta(&back_key(channel))?;
    let is_told = told.as_deref() == Some("flash") || told.as_deref() == Some(level);
    if is_told || ours.map_or(Ok(false), |ours| Ok::<_, Refusal>(!act.answers_to(&ours, at)?.is_empty()))? {
        return Ok(());
    }
    act.set_meta(&back_key(channel), level)?;
    line(act, &format!("{}{words}", drill(channel.use_)), now)
}

/// Everything of a log is back.
pub(crate) fn all_came_back(act: &mut Act<'_>, channel: &ChannelRow) -> Result<(), Refusal> {
    Ok(act.forget_meta(&back_key(channel))?)
}

fn back_key(channel: &ChannelRow) -> String {
    format!("came_back.told/{}", channel.origin.hex())
}

/// The words for what is no release; `None` for what nobody is called for.
fn content_free(facts: &Facts) -> Option<&'static str> {
    match facts {
        Facts::Recalled(_) => Some("a warning was recalled: look now"),
        Facts::RecallContested { .. } => Some("a partner keeps what it was asked to give back: look now"),
        Facts::Cancelled(_) => Some("a warning was cancelled"),
        Facts::Lapsed(_) => Some("a warning is no longer asserted"),
        Facts::DomainChanged(_) => Some("a partner changed how a domain stands: look now"),
        Facts::AgreementProposed { .. } => Some("a partner proposed an agreement"),
        Facts::NotUnderstood => Some("an entry of a kind that this node does not know was kept"),
        _ => None,
    }
}

/// What stands before every line of an exercise (I-17).
pub(crate) fn drill(use_: Use) -> &'static str {
    match use_ {
        Use::Exercise => "EXERCISE ",
        Use::Actual => "",
    }
}

/// Queues a notice, unless one of these words from this partner was queued within a minute and still waits to be told, or
/// the partner's alarms are told together for now.
pub(crate) fn once(
    act: &mut Act<'_>,
    channel: &ChannelRow,
    words: &str,
    notice: &str,
    now: Timestamp,
) -> Result<(), Refusal> {
    let key = format!("notice/{}/{words}", channel.partner);
    let numbers: Vec<i64> =
        act.meta(&key)?.unwrap_or_default().split(' ').filter_map(|number| number.parse().ok()).collect();
    let at = now.as_millisecond();
    if let [id, queued, looked] = *numbers
        && (0..SPEAKS_FOR_MS).contains(&(at - queued))
    {
        if looked == at {
            return Ok(());
        }
        if act.notices_due(now, DUE_MAX)?.iter().any(|n| n.id == id && n.attempts == 0) {
            act.set_meta(&key, &format!("{id} {queued} {at}"))?;
            return Ok(());
        }
    }
    if !budget::is_told_alone(act, channel, false, now)? {
        return Ok(());
    }
    let id = act.queue_notice(notice, now)?;
    act.set_meta(&key, &format!("{id} {at} {at}"))?;
    Ok(())
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

/// The notices that are due: a flash and what is overdue first, then the oldest.
pub fn due_now(house: &House, now: Timestamp, limit: u32) -> Result<Vec<Notice>, Refusal> {
    let mut rows = house.store.view(|view| Ok::<_, Refusal>(view.notices_due(now, DUE_MAX)?))?;
    rows.sort_by_key(|row| !presses(&row.line));
    rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(rows.into_iter().map(|r| Notice { id: r.id, line: r.line, attempts: r.attempts }).collect())
}

fn presses(line: &str) -> bool {
    ["FLASH", "OVERDUE"].iter().any(|first| line.starts_with(first))
}

/// Notes what became of a try.
pub fn told(house: &House, id: i64, end: Told) -> Result<(), Refusal> {
    house.store.act(move |act| {
        let noted = match end {
            Told::Heard => act.notice_sent(id),
            Told::AgainAt(at) => act.notice_failed(id, at),
            Told::GivenUp => act.notice_given_up(id),
        };
        noted.map_err(Refusal::from)
    })
}

/// When something is due that was given so many minutes at `from`.
pub(crate) fn due(from: Timestamp, minutes: u32) -> Timestamp {
    from.checked_add(SignedDuration::from_mins(i64::from(minutes))).unwrap_or(Timestamp::MAX)
}

/// The words of a notice as they may stand in the node's log: whom to call is for the hook alone.
pub fn without_persons(worded: &str) -> &str {
    worded.split_once(CALL).map_or(worded, |(words, _)| words)
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
    fn a_flash_and_what_is_overdue_press_and_an_exercise_does_not() {
        for (line, expected) in [
            ("FLASH waiting until 2026-12-10T12:15:00Z", true),
            ("OVERDUE: decision to warn or to waive: call Duty +00 1", true),
            ("EXERCISE FLASH waiting until 2026-12-10T12:15:00Z", false),
            ("EXERCISE OVERDUE: decision to warn or to waive", false),
            ("a warning was cancelled", false),
        ] {
            assert_eq!(presses(line), expected, "{line}");
        }
    }

    #[test]
    fn whom_to_call_does_not_stand_in_the_log() {
        let line = format!("OVERDUE: decision to warn or to waive{CALL}Duty Person +00 1");
        assert_eq!(without_persons(&line), "OVERDUE: decision to warn or to waive");
        assert_eq!(without_persons("a warning was cancelled"), "a warning was cancelled");
    }

    #[test]
    fn a_notice_counts_down_and_then_says_overdue() {
        let at = |t: &str| t.parse().unwrap();
        let line = "FLASH waiting until 2026-12-10T12:15:00Z";
        assert_eq!(worded(line, at("2026-12-10T12:00:30Z")), "FLASH waiting, 00:14 left");
        assert_eq!(worded(line, at("2026-12-10T13:20:00Z")), "FLASH waiting, overdue by 01:05");
    }
}
