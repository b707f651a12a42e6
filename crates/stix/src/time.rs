//! STIX timestamps: UTC, always three digits of a second.

use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::error::StixError;

/// A timestamp (STIX 2.1 §2.16), truncated to the millisecond; `created` and `modified` need exactly that (§3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StixTime(Timestamp);

impl StixTime {
    /// The instant, truncated to its millisecond.
    ///
    /// # Errors
    /// [`StixError::Time`] before the year 0000, which RFC 3339 cannot write.
    pub fn new(at: Timestamp) -> Result<Self, StixError> {
        if at.to_zoned(TimeZone::UTC).year() < 0 {
            return Err(StixError::Time { found: at.to_string() });
        }
        let millis = at.as_nanosecond().div_euclid(1_000_000);
        // A truncation of an instant that exists cannot leave the range.
        Ok(Self(Timestamp::from_nanosecond(millis * 1_000_000).unwrap_or(at)))
    }
}

impl fmt::Display for StixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_nanosecond().div_euclid(1_000_000).rem_euclid(1000);
        write!(f, "{}.{millis:03}Z", self.0.strftime("%Y-%m-%dT%H:%M:%S"))
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
