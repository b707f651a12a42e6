//! Times for people: how far away, with the instant beside it. A deadline that has passed is said in a word elsewhere.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The instant, to the minute: `2026-12-10 15:20 UTC`.
pub(crate) fn instant(t: Timestamp) -> String {
    t.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// The instant, to the second.
pub(crate) fn exact(t: Timestamp) -> String {
    t.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// How far away: `in 3 h 20 min`, `2 h ago`, `now`.
pub(crate) fn away(t: Timestamp, now: Timestamp) -> String {
    let seconds = t.as_second() - now.as_second();
    match seconds {
        0 => "now".to_owned(),
        1.. => format!("in {}", lasting(seconds)),
        _ => format!("{} ago", lasting(seconds.saturating_neg())),
    }
}

/// How long: seconds, minutes, hours with minutes, days with hours.
pub(crate) fn lasting(seconds: i64) -> String {
    let two = |big: i64, unit: &str, small: i64, sub: &str| match small {
        0 => format!("{big} {unit}"),
        _ => format!("{big} {unit} {small} {sub}"),
    };
    match seconds {
        ..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..172_800 => two(seconds / 3_600, "h", seconds % 3_600 / 60, "min"),
        _ => two(seconds / 86_400, "d", seconds % 86_400 / 3_600, "h"),
    }
}

/// How far away, and the instant: `in 3 h 20 min (2026-12-10 15:20 UTC)`.
pub(crate) fn both(t: Timestamp, now: Timestamp) -> String {
    format!("{} ({})", away(t, now), instant(t))
}

/// The instant, and how far away: `2026-12-10 15:20 UTC (in 3 h 20 min)`; to follow "until".
pub(crate) fn until(t: Timestamp, now: Timestamp) -> String {
    format!("{} ({})", instant(t), away(t, now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_says_how_far_away_it_is_and_the_instant() {
        let now: Timestamp = "2026-12-10T12:00:00Z".parse().unwrap();
        let at = |s: i64| now + jiff::SignedDuration::from_secs(s);
        assert_eq!(both(at(12_000), now), "in 3 h 20 min (2026-12-10 15:20 UTC)");
        assert_eq!(until(at(12_000), now), "2026-12-10 15:20 UTC (in 3 h 20 min)");
        assert_eq!(away(at(-7_200), now), "2 h ago");
        assert_eq!(away(at(30), now), "in 30 s");
        assert_eq!(away(at(-59 * 60), now), "59 min ago");
        assert_eq!(away(at(3 * 86_400 + 3_600), now), "in 3 d 1 h");
        assert_eq!(away(at(47 * 3_600), now), "in 47 h");
        assert_eq!(away(now, now), "now");
    }
}
