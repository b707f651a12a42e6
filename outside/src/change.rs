//! Changes to bytes, the same in every run.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Bytes that mean something in one of the forms: ends of lines and fields, digits at an edge, quotes, what is no UTF-8.
const TELLING: &[u8] = b"\n\r \t-+=/.:,%\"\\{}[]09azAZ\0\x01\x7f\x80\xc2\xe2\xff";
/// Words that mean something, put in whole.
const WORDS: &[&str] = &[
    "18446744073709551615",
    "281474976710656",
    "-1",
    "0",
    "null",
    "\u{2014} ",
    "\u{202e}",
    "\u{0}",
    "\n\n",
    "%2e%2e/",
    "[[[[[[[[[[[[[[[[",
    "{\"a\":",
    "9999-12-31T23:59:59.999999999Z",
    "-009999-01-02T01:59:59Z",
];

/// The changed input of this number: an example with one to five changes, sometimes with a piece of another.
pub fn changed(examples: &[Vec<u8>], number: u64) -> Vec<u8> {
    let mut rng = StdRng::seed_from_u64(number);
    let Some(first) = pick(examples, &mut rng) else { return Vec::new() };
    let mut bytes = first.clone();
    for _ in 0..rng.random_range(1..=5) {
        change(&mut bytes, examples, &mut rng);
    }
    bytes
}

fn pick<'a, T>(from: &'a [T], rng: &mut StdRng) -> Option<&'a T> {
    if from.is_empty() { None } else { from.get(rng.random_range(0..from.len())) }
}

fn change(bytes: &mut Vec<u8>, examples: &[Vec<u8>], rng: &mut StdRng) {
    let at = rng.random_range(0..=bytes.len());
    let to = (at + rng.random_range(0..=32)).min(bytes.len());
    match rng.random_range(0..9) {
        0 => drop(bytes.splice(at..(at + 1).min(bytes.len()), [rng.random::<u8>()])),
        1 => drop(bytes.splice(at..(at + 1).min(bytes.len()), pick(TELLING, rng).copied())),
        2 => drop(bytes.splice(at..at, pick(TELLING, rng).copied())),
        3 => drop(bytes.drain(at..to)),
        4 => bytes.truncate(at),
        5 => drop(bytes.splice(at..at, bytes[at..to].to_vec())),
        6 => drop(bytes.splice(at..to, pick(WORDS, rng).into_iter().flat_map(|word| word.bytes()))),
        7 => {
            let other = pick(examples, rng).cloned().unwrap_or_default();
            let from = rng.random_range(0..=other.len());
            let until = (from + rng.random_range(0..=200)).min(other.len());
            drop(bytes.splice(at..to, other[from..until].iter().copied()));
        }
        _ => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << rng.random_range(0..8);
            }
        }
    }
}
