//! How our values stand in columns: times as integer milliseconds since 1970 UTC, ids and words as their text.

use std::fmt::Display;
use std::str::FromStr;

use jiff::Timestamp;

use crate::error::{StoreError, bad_row};

/// The column of a time: milliseconds since 1970 UTC. What is below a millisecond is dropped towards the past.
pub(crate) fn ms(t: Timestamp) -> i64 {
    let whole = t.as_millisecond();
    if t.subsec_nanosecond() % 1_000_000 < 0 { whole - 1 } else { whole }
}

/// The time that stands in a column.
pub(crate) fn time(ms: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_millisecond(ms).map_err(bad_row)
}

/// The time that stands in a column which may be empty.
pub(crate) fn time_or_none(ms: Option<i64>) -> Result<Option<Timestamp>, StoreError> {
    ms.map(time).transpose()
}

/// The id, name or word that stands in a column as text.
pub(crate) fn parsed<T>(text: &str) -> Result<T, StoreError>
where
    T: FromStr,
    T::Err: Display,
{
    text.parse().map_err(bad_row)
}

/// As `parsed`, for a column which may be empty.
pub(crate) fn parsed_or_none<T>(text: Option<&str>) -> Result<Option<T>, StoreError>
where
    T: FromStr,
    T::Err: Display,
{
    text.map(parsed).transpose()
}

/// The bytes of a fixed length that stand in a column: a hash, a digest, a thread.
pub(crate) fn bytes<const N: usize>(column: &[u8]) -> Result<[u8; N], StoreError> {
    column.try_into().map_err(|_| StoreError::BadRow(format!("{N} bytes expected, {} found", column.len())))
}

/// The column of a count or an index.
pub(crate) fn number(n: u64) -> Result<i64, StoreError> {
    i64::try_from(n).map_err(bad_row)
}

/// The count or index that stands in a column.
pub(crate) fn count(column: i64) -> Result<u64, StoreError> {
    u64::try_from(column).map_err(bad_row)
}

/// The rows that a query maps, or the first row that is no row of ours.
pub(crate) fn all<T>(
    rows: impl Iterator<Item = rusqlite::Result<Result<T, StoreError>>>,
) -> Result<Vec<T>, StoreError> {
    rows.map(|row| row.map_err(StoreError::from)?).collect()
}
