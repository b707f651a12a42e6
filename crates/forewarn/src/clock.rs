//! The one place that reads the clock and the system's randomness; everything below has them handed in.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rand::SeedableRng;
use rand::rngs::{StdRng, SysRng};

/// The time now.
#[allow(clippy::disallowed_methods, reason = "the roof hands the time in; this is where it comes from")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// The time since the first call, by a clock that is never set: what durations are measured with.
#[allow(clippy::disallowed_methods, reason = "the roof hands the time in; this is where it comes from")]
pub(crate) fn since_start() -> Duration {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}

/// A generator seeded from the system's own, for one act.
pub(crate) fn rng() -> StdRng {
    match StdRng::try_from_rng(&mut SysRng) {
        Ok(rng) => rng,
        // Without randomness no key, no salt and no id can be made: going on would be worse than stopping.
        Err(_) => std::process::abort(),
    }
}

/// The clock that doors use.
pub(crate) fn of_the_system() -> gate::clock::Clock {
    gate::clock::Clock::new(now, rng)
}
