//! Whole lives of three nodes and a lying fourth, from numbers alone (`testkit::simulate`). Many more are played by
//! `cargo xtask simulate`; a number that failed there is kept in `failed.txt` and played here for ever.

use testkit::{Played, simulate};

/// Numbers that failed once, one a line, each with what it was.
const FAILED: &str = include_str!("failed.txt");

fn play(seeds: impl IntoIterator<Item = u64>) -> Vec<Played> {
    seeds.into_iter().map(simulate).collect()
}

#[test]
fn lives_1_to_16_end_with_both_sides_alike() {
    let lives = play(1..=16);
    assert!(lives.iter().any(|life| life.went_back > 0), "no data went back");
    assert!(lives.iter().any(|life| life.refused > 0), "no lie was told");
}

#[test]
fn a_life_that_failed_once_does_not_fail_again() {
    let _ = play(FAILED.lines().filter_map(|line| line.split_whitespace().next()?.parse().ok()));
}

#[test]
fn a_life_is_the_same_whenever_it_is_played() {
    assert_eq!(simulate(3), simulate(3));
}
