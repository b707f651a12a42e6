//! Plays lives of `testkit::simulate` on all cores until there are enough of them or the time is over.

use std::num::NonZero;
use std::panic::catch_unwind;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Which lives are played, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    seeds: u64,
    from: u64,
    minutes: u64,
}

impl Limits {
    /// Reads `--seeds N --from S --minutes M`, each of which may be left out.
    pub(crate) fn parse(words: &[&str]) -> Result<Self, String> {
        let mut limits = Self { seeds: 1_000, from: 1, minutes: 3 };
        for pair in words.chunks(2) {
            let [name, number] = pair else {
                return Err(format!("{} is not followed by a number", pair.join(" ")));
            };
            let number = number.parse().map_err(|_| format!("{name} {number}: this is no number"))?;
            match *name {
                "--seeds" => limits.seeds = number,
                "--from" => limits.from = number,
                "--minutes" => limits.minutes = number,
                other => return Err(format!("simulate knows --seeds, --from and --minutes, and no {other}")),
            }
        }
        Ok(limits)
    }
}

/// Plays them; an error names the numbers that failed. What went wrong was printed when it happened.
pub(crate) fn play(limits: Limits) -> Result<String, String> {
    let (begun, next) = (Instant::now(), AtomicU64::new(limits.from));
    let until = limits.from.saturating_add(limits.seeds);
    let time = Duration::from_secs(60 * limits.minutes);
    let failed = Mutex::new(Vec::new());
    let (played, went_back, refused) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, NonZero::get) {
            scope.spawn(|| {
                while begun.elapsed() < time {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= until {
                        return;
                    }
                    match catch_unwind(|| testkit::simulate(seed)) {
                        Ok(life) => {
                            went_back.fetch_add(life.went_back as u64, Ordering::Relaxed);
                            refused.fetch_add(life.refused as u64, Ordering::Relaxed);
                        }
                        Err(_) => {
                            failed.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(seed);
                        }
                    }
                    played.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    let mut failed = failed.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    failed.sort_unstable();
    let (played, seconds) = (played.into_inner(), begun.elapsed().as_secs_f64());
    let (went_back, refused) = (went_back.into_inner(), refused.into_inner());
    let words = format!(
        "{played} lives from {} on, in {seconds:.0} s: {:.1} a second; data went back {went_back} times, {refused} lies \
         were refused",
        limits.from,
        played as f64 / seconds
    );
    if failed.is_empty() {
        Ok(words)
    } else {
        let numbers: Vec<String> = failed.iter().map(u64::to_string).collect();
        Err(format!(
            "{words}\nfailed: {}\nput them into testkit/tests/failed.txt, and mend",
            numbers.join(" ")
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_in_any_order_and_nothing_else_is() {
        let limits = Limits::parse(&["--minutes", "2", "--seeds", "10"]);
        assert_eq!(limits, Ok(Limits { seeds: 10, from: 1, minutes: 2 }));
        for wrong in [&["--seeds"][..], &["--seeds", "many"], &["--lives", "3"]] {
            assert!(Limits::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
