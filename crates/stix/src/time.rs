//! STIX timestamps: UTC, always three digits of a second.

use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::error::StixError;

/// A timestamp (STIX 2.1 §2.16), truncated to the millisecond; `created` and `modified` need exactly that (§3.2). It is
/// kept as it is written, since one stands in many objects; texts of one length are in the order of their instants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StixTime([u8; TIME_BYTES]);

/// The length of `2026-12-09T14:02:05.000Z`.
const TIME_BYTES: usize = 24;

impl StixTime {
    /// The instant, truncated to its millisecond.
    ///
    /// # Errors
    /// [`StixError::Time`] before the year 0000, which RFC 3339 cannot write.
    pub fn new(at: Timestamp) -> Result<Self, StixError> {
        let refused = || StixError::Time { found: at.to_string() };
        if at.to_zoned(TimeZone::UTC).year() < 0 {
            return Err(refused());
        }
        let millis = at.as_nanosecond().div_euclid(1_000_000);
        // A truncation of an instant that exists cannot leave the range.
        let cut = Timestamp::from_nanosecond(millis * 1_000_000).unwrap_or(at);
        let text = format!("{}.{:03}Z", cut.strftime("%Y-%m-%dT%H:%M:%S"), millis.rem_euclid(1000));
        text.as_bytes().try_into().map(Self).map_err(|_| refused())
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        // It was made from a text and never changed.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for StixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_has_three_digits_and_is_cut_never_rounded() {
        for (given, shown) in [
            ("2026-12-09T14:02:05Z", "2026-12-09T14:02:05.000Z"),
            ("2026-12-09T14:02:05.9999Z", "2026-12-09T14:02:05.999Z"),
            ("2026-12-09T15:02:05.12+01:00", "2026-12-09T14:02:05.120Z"),
            ("1969-12-31T23:59:59.9999Z", "1969-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(StixTime::new(given.parse().unwrap()).unwrap().to_string(), shown);
        }
        assert!(StixTime::new(Timestamp::MIN).is_err());
        assert_eq!(StixTime::new(Timestamp::MAX).unwrap().to_string(), "9999-12-30T22:00:00.999Z");
    }
}
