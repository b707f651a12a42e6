//! What may be wrong around the node's own matter: the disk, the files, the clock, the traffic. Each look gives findings.

use jiff::{SignedDuration, Timestamp};
use store::{ChannelRow, ChannelSide, FileSize, PartnerRow, View};

use crate::budget;
use crate::house::House;
use crate::refusal::Refusal;
use crate::view::status::{Finding, Severity, finding};

/// Room on the disk below which no act may succeed soon, in bytes; on a small disk, a tenth of it.
const ROOM_BYTES_FAULT: u64 = 256 << 20;
/// Room on the disk below which somebody should make more, in bytes; on a small disk, a twentieth of it.
const ROOM_BYTES_LITTLE: u64 = 8 << 30;
/// A write-ahead log above this is not being folded back into its database, in bytes.
const WAL_BYTES_MAX: u64 = 64 << 20;
/// Two clocks further apart than this are told of, in seconds.
const APART_SECONDS_MAX: i64 = 300;
/// How many of the newest entries of a log are compared with the clock.
const ENTRIES_COMPARED: u64 = 8;
/// What was stopped before it left is named for so many days.
const STOPPED_DAYS: i64 = 7;

/// What is wrong with the disk and the files of a node that runs.
pub(super) fn of_files(house: &House, found: &mut Vec<Finding>) -> Result<(), Refusal> {
    let (free, all) = house.store.room()?;
    found.extend(of_room(free, all));
    found.extend(house.store.sizes().iter().filter_map(of_wal));
    Ok(())
}

/// What is wrong with so many bytes of room on a disk of so many bytes.
pub fn of_room(free: u64, all: u64) -> Option<Finding> {
    let mib = |bytes: u64| bytes >> 20;
    let detail = format!("{} MiB of {} MiB are free", mib(free), mib(all));
    if free < ROOM_BYTES_FAULT.min(all / 10) {
        let hint = "make room now: on a full disk no act is done, nothing is received and nothing is sent";
        return Some(finding(Severity::Fault, "the disk with the data folder is full", hint).detail(detail));
    }
    if free < ROOM_BYTES_LITTLE.min(all / 20) {
        let hint =
            "make room before it is full; what fills it is seen with `du -x` from the root of that disk";
        let fact = "the disk with the data folder is nearly full";
        return Some(finding(Severity::Warning, fact, hint).detail(detail));
    }
    None
}

/// What is wrong with the write-ahead log of a database.
pub fn of_wal(size: &FileSize) -> Option<Finding> {
    if size.wal_bytes <= WAL_BYTES_MAX {
        return None;
    }
    let fact = format!("the write-ahead log of {} has grown large", size.database);
    let hint =
        "something reads the database all the while, as a backup that hangs: end it, or start the node again";
    let detail = format!("{} MiB beside a database of {} MiB", size.wal_bytes >> 20, size.bytes >> 20);
    Some(finding(Severity::Warning, fact, hint).detail(detail))
}

/// What is wrong with a time that a node acted on until, at the start of the next look.
pub fn of_last_time(acted_until: Timestamp, now: Timestamp) -> Option<Finding> {
    let back = acted_until.duration_since(now);
    (back > SignedDuration::from_secs(APART_SECONDS_MAX)).then(|| {
        finding(
            Severity::Fault,
            "the clock of this machine has gone back",
            "set the clock right before you start the node: what it signs must not be dated into the past",
        )
        .detail(format!("it says {now}, and the node has acted at {acted_until} already"))
    })
}

/// How far a partner's clock is before ours, by what it wrote and signed; nothing where nothing tells.
struct Apart {
    partner: String,
    /// At least so much before ours; below zero, behind ours.
    seconds: i64,
}

/// Compares the clock with what partners wrote: one that differs may be theirs, several that agree are right.
pub(super) fn of_clock(view: &View<'_>, now: Timestamp, found: &mut Vec<Finding>) -> Result<(), Refusal> {
    let channels = view.channels()?;
    let mut partners: Vec<String> = channels.iter().map(|c| c.partner.to_string()).collect();
    partners.dedup();
    partners.sort();
    partners.dedup();
    let mut told = 0;
    let mut apart = Vec::new();
    for partner in partners {
        let mut of_this: Vec<i64> = Vec::new();
        for channel in channels.iter().filter(|c| c.partner.as_str() == partner) {
            of_this.extend(before_ours(view, channel, now)?);
        }
        let Some(seconds) = of_this.into_iter().max_by_key(|s| s.abs()) else { continue };
        told += 1;
        if seconds.abs() > APART_SECONDS_MAX {
            apart.push(Apart { partner, seconds });
        }
    }
    found.extend(of_apart(&apart, told, now));
    Ok(())
}

/// By how many seconds the writer of a log seems to be before our clock. An entry that was long on its way looks as if its
/// writer were behind, so the quickest of the newest entries counts.
fn before_ours(view: &View<'_>, channel: &ChannelRow, now: Timestamp) -> Result<Option<i64>, Refusal> {
    match channel.side {
        ChannelSide::Ours => {
            let ahead = channel.cosigned_at.duration_since(now).as_secs();
            Ok((channel.cosigned > 0 && ahead > 0).then_some(ahead))
        }
        ChannelSide::Theirs => {
            let from = channel.size().saturating_sub(ENTRIES_COMPARED);
            let entries = view.entries(channel, from, channel.size())?;
            Ok(entries.iter().map(|e| e.written.duration_since(e.kept_at).as_secs()).max())
        }
    }
}

fn of_apart(apart: &[Apart], told: usize, now: Timestamp) -> Vec<Finding> {
    let words = |a: &Apart| {
        let side = if a.seconds > 0 { "before" } else { "behind" };
        format!("{} is {} s {side} ours", a.partner, a.seconds.abs())
    };
    let same_side = apart.iter().all(|a| a.seconds > 0) || apart.iter().all(|a| a.seconds < 0);
    if apart.len() > 1 && apart.len() == told && same_side {
        let hint = "set the clock of this machine by a source you trust, then `forewarn clock confirm`";
        let detail = apart.iter().map(words).collect::<Vec<_>>().join("; ");
        let fact = "the clock of this node is wrong, if its partners' clocks are right";
        return vec![finding(Severity::Fault, fact, hint).detail(format!("{detail}; this node says {now}"))];
    }
    let hint =
        "compare both clocks with a third one, by voice; where its entries only came late, nothing is wrong";
    apart
        .iter()
        .map(|a| {
            let fact = format!("the clocks of {} and this node are apart", a.partner);
            finding(Severity::Warning, fact, hint).detail(words(a))
        })
        .collect()
}

/// What stands in the way of delivery to a partner, with the act that fits it.
pub(super) fn of_trouble(partner: &PartnerRow) -> Option<Finding> {
    let trouble = partner.trouble.as_ref()?;
    let hint = if trouble.contains("speaks peer protocol") {
        "one of the two programs is old: compare the versions by voice (`forewarn --version`)"
    } else if trouble.contains("clock and ours") {
        "compare both clocks with a third one, by voice; what was delivered stays delivered"
    } else {
        "the courier tries again by itself; if it stays, call the partner's duty desk"
    };
    let fact = format!("delivery to {} is in trouble", partner.name);
    Some(finding(Severity::Warning, fact, hint).detail(trouble.clone()))
}

/// What was stopped before it left, and logs that catch up after a restore.
pub(super) fn of_traffic(view: &View<'_>, now: Timestamp, found: &mut Vec<Finding>) -> Result<(), Refusal> {
    let since = now.checked_sub(SignedDuration::from_hours(24 * STOPPED_DAYS)).unwrap_or(Timestamp::MIN);
    for stopped in view.withdrawn_since(since)? {
        let fact = format!("{} entries to {} were stopped before they left", stopped.count, stopped.partner);
        let hint = "`forewarn sent` shows what left and what did not; who must be warned still, is warned by other ways";
        let newest = stopped.newest.map(|at| format!(", the newest decided at {at}")).unwrap_or_default();
        let detail = format!("in the last {STOPPED_DAYS} days{newest}");
        found.push(finding(Severity::Warning, fact, hint).detail(detail));
    }
    for channel in view.channels()?.iter().filter(|c| c.recovering) {
        let whose = match channel.side {
            ChannelSide::Ours => "our log to",
            ChannelSide::Theirs => "the log of",
        };
        let fact = format!("{whose} {} is recovering: nothing is signed in it", channel.partner);
        let hint = "it goes on by itself once the partner answers; warn by other ways meanwhile";
        found.push(finding(Severity::Fault, fact, hint).detail(format!("the {} channel", channel.use_)));
    }
    Ok(())
}

/// Budgets of volume that a partner passed within a day.
pub(super) fn of_budgets(view: &View<'_>, now: Timestamp, found: &mut Vec<Finding>) -> Result<(), Refusal> {
    for standing in budget::standings(view, now)? {
        let Some((at, counted)) = standing.passed else { continue };
        let fact = format!("{} sends more than is agreed: {}", standing.partner, standing.of.words());
        let hint = "everything is kept and receipted; call its duty desk, or propose an agreement with another budget";
        let detail = format!(
            "{counted} counted at {at} in the {} channel; {} are agreed",
            standing.use_, standing.limit
        );
        found.push(finding(Severity::Warning, fact, hint).detail(detail));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn severity(free: u64, all: u64) -> Option<Severity> {
        of_room(free, all).map(|f| f.severity)
    }

    #[test]
    fn a_disk_is_full_before_the_last_byte() {
        const GIB: u64 = 1 << 30;
        for (free, all, expected) in [
            (500 * GIB, 1_000 * GIB, None),
            (9 * GIB, 1_000 * GIB, None),
            (7 * GIB, 1_000 * GIB, Some(Severity::Warning)),
            (200 << 20, 1_000 * GIB, Some(Severity::Fault)),
            (2 * GIB, 20 * GIB, None),
            (900 << 20, 20 * GIB, Some(Severity::Warning)),
            (0, GIB, Some(Severity::Fault)),
            (900 << 20, GIB, None),
        ] {
            assert_eq!(severity(free, all), expected, "{free} of {all}");
        }
    }

    #[test]
    fn a_clock_that_all_partners_contradict_is_wrong_and_one_that_one_contradicts_may_be_right() {
        let now: Timestamp = "2026-12-10T12:00:00Z".parse().unwrap();
        let apart = |partner: &str, seconds| Apart { partner: partner.to_owned(), seconds };
        assert!(of_apart(&[], 3, now).is_empty());
        let all = of_apart(&[apart("b", 900), apart("c", 4_000)], 2, now);
        assert_eq!((all.len(), all[0].severity), (1, Severity::Fault));
        for (some, told) in [
            (vec![apart("b", 900)], 1),
            (vec![apart("b", 900), apart("c", 900)], 3),
            (vec![apart("b", 900), apart("c", -900)], 2),
        ] {
            let found = of_apart(&some, told, now);
            assert_eq!(found.len(), some.len());
            assert!(found.iter().all(|f| f.severity == Severity::Warning), "{found:?}");
        }
    }

    #[test]
    fn a_clock_that_went_back_is_found_before_the_node_starts() {
        let now: Timestamp = "2026-12-10T12:00:00Z".parse().unwrap();
        assert_eq!(of_last_time("2026-12-10T12:04:00Z".parse().unwrap(), now), None);
        assert_eq!(of_last_time("2026-12-01T12:00:00Z".parse().unwrap(), now), None);
        let back = of_last_time("2026-12-10T13:00:00Z".parse().unwrap(), now).unwrap();
        assert_eq!(back.severity, Severity::Fault);
    }
}
