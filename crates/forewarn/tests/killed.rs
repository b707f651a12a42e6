//! Real nodes, killed under load fifty times each: two hundred in all. `cargo xtask kills` goes on for longer.

use std::path::Path;

use testkit::killing;

fn killed_fifty_times(seed: u64) {
    let killed = killing::kill(Path::new(env!("CARGO_BIN_EXE_forewarn")), 50, seed);
    assert_eq!(killed.kills, 50);
    assert!(killed.answered > 0 && killed.unanswered > 0, "it was not under load: {killed:?}");
}

#[test]
fn nothing_answered_is_lost_or_doubled_when_nodes_are_killed_in_the_first_history() {
    killed_fifty_times(1);
}

#[test]
fn nothing_answered_is_lost_or_doubled_when_nodes_are_killed_in_the_second_history() {
    killed_fifty_times(2);
}

#[test]
fn nothing_answered_is_lost_or_doubled_when_nodes_are_killed_in_the_third_history() {
    killed_fifty_times(3);
}

#[test]
fn nothing_answered_is_lost_or_doubled_when_nodes_are_killed_in_the_fourth_history() {
    killed_fifty_times(4);
}
