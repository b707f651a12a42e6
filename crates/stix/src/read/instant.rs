//! Timestamps as others write them.

use std::borrow::Cow;
use std::cmp::Ordering;

/// A timestamp that was read (STIX 2.1 §2.16, RFC 3339 in UTC): its text, and an order by the instant with every digit
/// of its fraction. It knows each year of four digits and leap seconds.
#[derive(Debug, Clone)]
pub struct Instant<'a> {
    text: Cow<'a, str>,
    /// Minutes since 0000-03-01.
    minutes: i64,
    second: u8,
}

/// Where the fraction begins: `2026-12-09T14:02:05`.
const SECONDS_BYTES: usize = 19;

impl<'a> Instant<'a> {
    /// Reads a timestamp: four digits of the year, two of each other part, `T`, `Z`, any number of digits of the second.
    pub fn read(text: &'a str) -> Option<Self> {
        Self::of(Cow::Borrowed(text))
    }

    /// The same for a text that may have been decoded.
    pub(crate) fn of(text: Cow<'a, str>) -> Option<Self> {
        let (minutes, second) = moment(text.as_bytes())?;
        Some(Self { text, minutes, second })
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The digits behind the second, as they were written.
    pub fn digits(&self) -> &str {
        let fraction = self.text.get(SECONDS_BYTES..).unwrap_or_default();
        fraction.trim_start_matches('.').trim_end_matches('Z')
    }

    /// The instant in seconds since 1970 and nanoseconds, further digits cut off; a leap second counts as the next.
    pub fn seconds(&self) -> (i64, u32) {
        let nanoseconds = self.digits().bytes().chain(std::iter::repeat(b'0')).take(9);
        let nanoseconds = nanoseconds.fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'));
        (self.minutes * 60 + i64::from(self.second) - EPOCH_DAYS * 86_400, nanoseconds)
    }
}

/// Days from 0000-03-01 to 1970-01-01.
const EPOCH_DAYS: i64 = 719_468;

impl Ord for Instant<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        // Without zeros at its end a fraction is in the order of its digits.
        let fraction = |of: &Self| of.digits().trim_end_matches('0').to_owned();
        (self.minutes, self.second)
            .cmp(&(other.minutes, other.second))
            .then_with(|| fraction(self).cmp(&fraction(other)))
    }
}

impl PartialOrd for Instant<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Instant<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Instant<'_> {}

/// The minutes since 0000-03-01 and the second of a timestamp.
fn moment(text: &[u8]) -> Option<(i64, u8)> {
    let fixed = text.first_chunk::<SECONDS_BYTES>()?;
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T', h1, h2, b':', n1, n2, b':', s1, s2] = *fixed
    else {
        return None;
    };
    match text.get(SECONDS_BYTES..)? {
        b"Z" => {}
        [b'.', digits @ .., b'Z'] if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) => {}
        _ => return None,
    }
    let two = |tens: u8, ones: u8| {
        (tens.is_ascii_digit() && ones.is_ascii_digit()).then(|| (tens - b'0') * 10 + (ones - b'0'))
    };
    let year = i64::from(two(y1, y2)?) * 100 + i64::from(two(y3, y4)?);
    let (month, day) = (two(m1, m2)?, two(d1, d2)?);
    let (hour, minute, second) = (two(h1, h2)?, two(n1, n2)?, two(s1, s2)?);
    let last_day = days_of(year, month)?;
    let leap = second == 60 && (hour, minute) == (23, 59) && day == last_day;
    if day == 0 || day > last_day || hour > 23 || minute > 59 || (second > 59 && !leap) {
        return None;
    }
    let minutes =
        day_number(year, i64::from(month), i64::from(day)) * 1440 + i64::from(hour) * 60 + i64::from(minute);
    Some((minutes, second))
}

fn days_of(year: i64, month: u8) -> Option<u8> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => Some(31),
        4 | 6 | 9 | 11 => Some(30),
        2 => Some(if leap { 29 } else { 28 }),
        _ => None,
    }
}

/// Days since 0000-03-01 in the proleptic Gregorian calendar; a year begins in March, so that its leap day is its last.
fn day_number(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn instants_are_in_order_with_all_their_digits() {
        let in_order = [
            "0000-01-01T00:00:00Z",
            "1600-02-29T23:59:59.9Z",
            "2016-12-31T23:59:59.999999999999Z",
            "2016-12-31T23:59:60Z",
            "2016-12-31T23:59:60.5Z",
            "2017-01-01T00:00:00Z",
            "2017-01-01T00:00:00.00000000000000000001Z",
            "2017-01-01T00:00:00.0000000001Z",
            "9999-12-31T23:59:59.999Z",
        ];
        for pair in in_order.windows(2) {
            assert!(Instant::read(pair[0]).unwrap() < Instant::read(pair[1]).unwrap(), "{pair:?}");
        }
        let same = Instant::read("2017-01-01T00:00:00.100Z").unwrap();
        assert_eq!(same, Instant::read("2017-01-01T00:00:00.1Z").unwrap());
        assert_eq!(same.text(), "2017-01-01T00:00:00.100Z");
    }

    #[test]
    fn what_is_no_instant_in_utc_is_refused() {
        for text in [
            "2017-01-01T00:00:00",
            "2017-01-01T00:00:00+00:00",
            "2017-01-01t00:00:00Z",
            "2017-01-01 00:00:00Z",
            "2017-02-29T00:00:00Z",
            "1900-02-29T00:00:00Z",
            "2017-13-01T00:00:00Z",
            "2017-00-01T00:00:00Z",
            "2017-01-00T00:00:00Z",
            "2017-01-01T24:00:00Z",
            "2017-01-01T00:60:00Z",
            "2017-01-01T00:00:60Z",
            "2017-01-30T23:59:60Z",
            "2017-01-01T00:00:00.Z",
            "2017-01-01T00:00:00.1",
            "2017-01-01T00:00:00.1xZ",
            "17-01-01T00:00:00Z",
            "+2017-01-01T00:00:00Z",
            "",
        ] {
            assert!(Instant::read(text).is_none(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn an_instant_is_the_one_that_the_calendar_says(second in -62_167_219_200i64..253_402_207_200, nano in 0u32..1_000_000_000) {
            let at = jiff::Timestamp::new(second, nano as i32).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
            let text = format!("{at:.9}");
            prop_assert_eq!(Instant::read(&text).unwrap().seconds(), {
                let whole = at.as_nanosecond().div_euclid(1_000_000_000) as i64;
                (whole, at.as_nanosecond().rem_euclid(1_000_000_000) as u32)
            });
        }
    }
}
