//! What crossed between houses: all that one party can observe of another.

use jiff::Timestamp;
use model::id::PartyName;

use crate::houses::TestHouses;

/// One request that arrived, with its answer.
#[derive(Clone, PartialEq, Eq)]
pub struct Crossing {
    /// Who asked.
    pub from: PartyName,
    /// Who answered.
    pub to: PartyName,
    /// When it arrived, by the clock of all.
    pub at: Timestamp,
    /// What was asked for: method and path.
    pub path: String,
    /// The body of the request, byte for byte.
    pub request: Vec<u8>,
    /// The status of the answer.
    pub status: u16,
    /// The body of the answer, byte for byte.
    pub answer: Vec<u8>,
}

impl std::fmt::Debug for Crossing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace('\0', "");
        writeln!(f, "{} {} → {} {}", self.at, self.from, self.to, self.path)?;
        writeln!(f, "{}", text(&self.request))?;
        writeln!(f, "= {} {}", self.status, text(&self.answer))
    }
}

impl TestHouses {
    /// Everything that `observer` ever got of `other`: each request that came from there and each answer it was given,
    /// byte for byte, in order, with when. What the observer asked of its own accord is not in it, its answers are.
    pub fn observed(&self, observer: &str, other: &str) -> Vec<Crossing> {
        let between = |c: &&Crossing| {
            let pair = [c.from.as_str(), c.to.as_str()];
            pair.contains(&observer) && pair.contains(&other)
        };
        self.crossings.borrow().iter().filter(between).cloned().collect()
    }

    /// How many requests of a kind arrived from one house at another, e.g. `add-entries`.
    pub fn arrived(&self, from: &str, to: &str, kind: &str) -> usize {
        let all = self.crossings.borrow();
        all.iter()
            .filter(|c| c.from.as_str() == from && c.to.as_str() == to && c.path.ends_with(kind))
            .count()
    }
}
