//! How often one may ask.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise"
)]

use gate::limits::{Rate, RateLimit, TooOften};
use jiff::{SignedDuration, Timestamp};

fn at(seconds: i64) -> Timestamp {
    "2026-11-20T12:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
}

/// Three at once, then one every 30 seconds.
fn rate(keys_max: usize) -> Rate {
    Rate { burst: 3, per_minute: 2, keys_max }
}

fn refused(retry_after_s: u64) -> Result<(), TooOften> {
    Err(TooOften { retry_after_s })
}

/// Takes at each time and gives how many were granted.
fn granted(
    limit: &mut RateLimit<&'static str>,
    key: &'static str,
    times: impl IntoIterator<Item = i64>,
) -> usize {
    times.into_iter().filter(|seconds| limit.take(key, at(*seconds)).is_ok()).count()
}

#[test]
fn a_burst_is_granted_and_then_one_for_each_interval() {
    let mut limit = RateLimit::new(rate(10));
    assert_eq!(granted(&mut limit, "a", [0; 10]), 3);
    assert_eq!(limit.take("a", at(0)), refused(30));
    assert_eq!(limit.take("a", at(29)), refused(1));
    assert_eq!(limit.take("a", at(30)), Ok(()));
    assert_eq!(limit.take("a", at(30)), refused(30));
    assert_eq!(granted(&mut limit, "a", 31..=3_630), 120);
}

#[test]
fn a_quiet_key_has_its_whole_burst_again_and_no_more() {
    let mut limit = RateLimit::new(rate(10));
    assert_eq!(granted(&mut limit, "a", [0; 10]), 3);
    assert_eq!(granted(&mut limit, "a", [100_000; 10]), 3);
}

#[test]
fn what_is_told_to_wait_is_granted_after_that_wait() {
    let mut limit = RateLimit::new(Rate { burst: 2, per_minute: 7, keys_max: 1 });
    let mut now = 0;
    for _ in 0..100 {
        if let Err(TooOften { retry_after_s }) = limit.take("a", at(now)) {
            now += i64::try_from(retry_after_s).unwrap();
            assert_eq!(limit.take("a", at(now)), Ok(()));
        }
    }
}

#[test]
fn one_key_does_not_use_up_anothers() {
    let mut limit = RateLimit::new(rate(10));
    assert_eq!(granted(&mut limit, "a", [0; 10]), 3);
    assert_eq!(granted(&mut limit, "b", [0; 10]), 3);
}

#[test]
fn keys_beyond_the_memory_share_one_bucket_and_the_remembered_keep_theirs() {
    let mut limit = RateLimit::new(rate(1));
    assert_eq!(granted(&mut limit, "a", [0]), 1);
    assert_eq!(granted(&mut limit, "b", [0; 2]), 2);
    assert_eq!(granted(&mut limit, "c", [0; 10]), 1);
    assert_eq!(limit.take("d", at(0)), refused(30));
    assert_eq!(granted(&mut limit, "a", [0; 10]), 2);
    assert_eq!(limit.keys_remembered(), 1);
}

#[test]
fn a_key_with_a_full_bucket_makes_room_for_another() {
    let mut limit = RateLimit::new(rate(1));
    assert_eq!(granted(&mut limit, "a", [0; 3]), 3);
    assert_eq!(granted(&mut limit, "b", [0; 10]), 3);
    // The bucket of "a" is full at 90 s; then "b" has one of its own.
    assert_eq!(granted(&mut limit, "b", [90; 10]), 3);
    assert_eq!(limit.keys_remembered(), 1);
    assert_eq!(granted(&mut limit, "c", [90; 10]), 3, "the shared bucket is full again, too");
}

#[test]
fn a_flood_of_keys_is_held_to_bounded_memory_and_rate() {
    let mut limit = RateLimit::new(Rate { burst: 1, per_minute: 1, keys_max: 100 });
    let granted = (0..100_000).filter(|key| limit.take(*key, at(0)).is_ok()).count();
    assert_eq!(granted, 101);
    assert_eq!(limit.keys_remembered(), 100);
}

#[test]
fn a_clock_that_steps_back_costs_at_most_one_bucket() {
    let mut limit = RateLimit::new(rate(10));
    assert_eq!(limit.take("a", at(1_000_000)), Ok(()));
    assert_eq!(limit.take("a", at(0)), refused(30));
    assert_eq!(limit.take("a", at(30)), Ok(()));
}

#[test]
fn a_rate_of_nothing_counts_as_one() {
    let mut limit = RateLimit::new(Rate { burst: 0, per_minute: 0, keys_max: 0 });
    assert_eq!(limit.take("a", at(0)), Ok(()));
    assert_eq!(limit.take("a", at(0)), refused(60));
    assert_eq!(limit.take("a", at(60)), Ok(()));
}
