//! Randomness for tests: every act has a generator of its own, so that what one act draws never shifts another's.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use model::id::Digest;
use proptest::test_runner::{Config as ProptestConfig, RngSeed};
use rand::SeedableRng;
use rand::rngs::StdRng;

/// The configuration of a property test that is the same in every run. Another seed: `PROPTEST_RNG_SEED`.
///
/// A failing input is printed whole, and makes the failure again by itself.
pub fn repeatable(cases: u32) -> ProptestConfig {
    let fixed = ProptestConfig { rng_seed: RngSeed::Fixed(20_261_210), ..ProptestConfig::default() };
    let chosen = ProptestConfig::default().rng_seed;
    let rng_seed = if matches!(chosen, RngSeed::Fixed(_)) { chosen } else { fixed.rng_seed };
    ProptestConfig { cases, rng_seed, failure_persistence: None, max_shrink_iters: 200, ..fixed }
}

/// The stream that acts draw from when nothing else was said.
const ACTS: &str = "acts";

/// Generators by stream and number. The n-th generator of a stream is the same in every run, whatever was drawn from
/// other streams or from earlier generators.
///
/// That makes two histories comparable that differ in acts which somebody cannot see: those acts draw from a stream of
/// their own ([`Draws::within`]), so the acts that can be seen have the same generators in both. Every generator is
/// still uniform; only which one an act takes is chosen, and not by anything that is secret.
pub struct Draws {
    seed: String,
    streams: Mutex<Streams>,
}

#[derive(Default)]
struct Streams {
    present: Option<String>,
    taken: BTreeMap<String, u64>,
}

impl Draws {
    /// The generators of one house.
    pub fn of(seed: u64, house: &str) -> Self {
        Self { seed: format!("{seed} {house}"), streams: Mutex::default() }
    }

    /// The next generator of the present stream.
    pub fn next(&self) -> StdRng {
        let present = self.streams.lock().unwrap_or_else(PoisonError::into_inner).present.clone();
        self.next_of(present.as_deref().unwrap_or(ACTS))
    }

    /// The next generator of a stream.
    pub fn next_of(&self, stream: &str) -> StdRng {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = streams.taken.entry(stream.to_owned()).or_default();
        *taken += 1;
        self.numbered(stream, *taken)
    }

    /// The generator of this number in a stream; takes nothing.
    pub fn numbered(&self, stream: &str, number: u64) -> StdRng {
        let seed = format!("forewarn test draw\n{}\n{stream}\n{number}\n", self.seed);
        StdRng::from_seed(Digest::of(seed.as_bytes()).0)
    }

    /// Lets the acts inside draw from another stream.
    pub fn within<T>(&self, stream: &str, acts: impl FnOnce() -> T) -> T {
        let swap = |to| {
            std::mem::replace(&mut self.streams.lock().unwrap_or_else(PoisonError::into_inner).present, to)
        };
        let before = swap(Some(stream.to_owned()));
        let done = acts();
        swap(before);
        done
    }
}
