//! The clock and the dice that doors use: handed in by the roof, by a test, or by a simulation.

use std::sync::Arc;

use jiff::Timestamp;
use rand::rngs::StdRng;

/// Where a door takes `now` and randomness from. Cheap to clone.
#[derive(Clone)]
pub struct Clock {
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    draw: Arc<dyn Fn() -> StdRng + Send + Sync>,
}

impl Clock {
    /// A clock that asks `now` for the time and `draw` for a freshly seeded generator.
    pub fn new(
        now: impl Fn() -> Timestamp + Send + Sync + 'static,
        draw: impl Fn() -> StdRng + Send + Sync + 'static,
    ) -> Self {
        Self { now: Arc::new(now), draw: Arc::new(draw) }
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        (self.now)()
    }

    /// A generator for one act.
    pub fn rng(&self) -> StdRng {
        (self.draw)()
    }
}
