//! The channel protocol in small bounds: every order of events of each configuration is gone through, every claim of
//! docs/protocol-model.md holds in every state, and every rule that is taken away breaks one.

#![allow(clippy::expect_used, reason = "a test stops at the first surprise")]
#![allow(
    clippy::disallowed_macros,
    reason = "a search says how many states it saw, and by which steps a claim broke"
)]

use std::collections::BTreeSet;

use protocol::{Channel, Marks, Rules};
use stateright::{Checker, HasDiscoveries, Model};

const SIGNS: &str = "an honest giver signs no two heads that contradict";
const COSIGNS: &str = "an honest receiver cosigns nothing that contradicts";
const SEEN: &str = "seen is true and never falls";
const FRAMES: &str = "no honest frame is refused";
const ONCE: &str = "each decision is taken once";
const ARRIVES: &str = "in fair weather everything arrives";

/// Goes through every state: every claim must hold, and all of these must be reached.
fn holds(channel: Channel, reached: &[&str]) {
    let checker = channel.checker().spawn_bfs().join();
    let (states, depth) = (checker.unique_state_count(), checker.max_depth());
    println!("{states} states, {depth} steps deep");
    assert!(checker.is_done(), "not all states were seen");
    let found = checker.discoveries();
    let broken = found.iter().find(|(claim, _)| !claim.starts_with("reached: "));
    let trace = broken.map(|(claim, path)| format!("{claim}\n{:#?}", path.clone().into_actions()));
    assert!(trace.is_none(), "broken: {}", trace.unwrap_or_default());
    for what in ["everything is receipted"].iter().chain(reached) {
        assert!(found.keys().any(|claim| *claim == format!("reached: {what}")), "never {what}");
    }
}

/// Without these rules this claim is broken: the claim can fail, and the rules are needed.
fn breaks(channel: Channel, rules: Rules, claim: &'static str) {
    let only = HasDiscoveries::AnyOf(BTreeSet::from([claim]));
    let checker = Channel { rules, ..channel }.checker().finish_when(only).spawn_bfs().join();
    println!("{} states", checker.unique_state_count());
    let path = checker.discovery(claim).expect("it holds without the rule");
    println!("{:#?}", path.into_actions());
}

const HONEST: Channel = Channel::HONEST;
const RESTORED: Channel = Channel { rows: [2, 1], restores: [1, 0], successors: 1, heals: true, ..HONEST };
const BOTH_RESTORED: Channel = Channel { rows: [1, 1], restores: [1, 1], heals: true, ..HONEST };
const ONE_BY_ONE: Channel =
    Channel { rows: [2, 0], restores: [1, 1], parcel: 1, successors: 1, heals: true, ..HONEST };
const LYING: Channel = Channel { restores: [1, 0], successors: 1, ..HONEST };
const LYING_RECEIVER: Channel = Channel { rows: [3, 0], lies: Some(0), parcel: 1, ..LYING };
const LYING_GIVER: Channel = Channel { rows: [0, 0], lies: Some(3), stops_before_mark: true, ..LYING };
const LYING_BOTH_WAYS: Channel = Channel { rows: [2, 0], lies: Some(1), successors: 0, ..LYING };
const ALL: Rules = Rules::ALL;

#[test]
fn two_honest_nodes_in_rain_and_with_crashes() {
    holds(Channel { rows: [3, 1], heals: true, ..HONEST }, &[]);
}

#[test]
fn parcels_of_one_entry() {
    holds(Channel { rows: [3, 1], parcel: 1, heals: true, ..HONEST }, &[]);
}

#[test]
fn a_restored_node_with_its_mark_goes_on() {
    holds(RESTORED, &["recovering", "recovered", "taken back", "successor"]);
}

#[test]
fn a_restored_node_without_its_mark_goes_on_in_successors() {
    holds(
        Channel { marks: Marks::Lost, successors: 2, ..RESTORED },
        &["recovering", "taken back", "successor"],
    );
}

#[test]
fn a_node_whose_disk_went_back_finds_out_by_its_mark() {
    holds(Channel { silently: true, ..RESTORED }, &["taken back"]);
}

#[test]
fn a_restored_receiver_takes_back_what_it_had_cosigned() {
    let channel = Channel { rows: [3, 0], restores: [0, 1], parcel: 1, marks: Marks::Any, ..RESTORED };
    holds(channel, &["held", "202", "recovered", "refused", "successor"]);
}

#[test]
fn a_receiver_that_stops_between_its_commit_and_its_mark() {
    holds(Channel { rows: [1, 1], stops_before_mark: true, ..RESTORED }, &["recovered"]);
}

#[test]
fn both_restored_with_their_marks() {
    holds(
        Channel { rows: [2, 0], successors: 1, ..BOTH_RESTORED },
        &["recovering", "recovered", "held", "successor"],
    );
}

#[test]
fn both_restored_and_the_marks_perhaps_lost() {
    holds(Channel { marks: Marks::Any, ..ONE_BY_ONE }, &["recovering", "held", "202", "successor"]);
}

#[test]
fn two_copies_of_one_node_freeze_the_channel_and_lose_nothing() {
    let channel = Channel { rows: [2, 0], twin: true, successors: 1, ..HONEST };
    holds(channel, &["frozen", "told", "evidence", "successor"]);
}

#[test]
fn a_receiver_that_lies_after_a_restore() {
    holds(LYING_RECEIVER, &["recovering", "taken back", "409", "successor"]);
    holds(Channel { marks: Marks::Lost, successors: 2, ..LYING_RECEIVER }, &["recovering", "successor"]);
}

#[test]
fn a_giver_that_lies_after_a_restore() {
    holds(LYING_GIVER, &["recovering", "held", "frozen"]);
    holds(Channel { marks: Marks::Lost, ..LYING_GIVER }, &["recovering", "held", "frozen"]);
}

#[test]
fn a_partner_that_lies_in_both_logs() {
    holds(LYING_BOTH_WAYS, &["recovering", "told", "frozen"]);
}

#[test]
fn without_the_fence_a_crash_makes_two_heads() {
    breaks(HONEST, Rules { fence: false, ..ALL }, SIGNS);
}

#[test]
fn without_asking_first_a_disk_that_went_back_makes_two_heads() {
    let rules = Rules { ask_first: false, mark_at_start: false, ..ALL };
    breaks(Channel { silently: true, ..RESTORED }, rules, SIGNS);
}

#[test]
fn asking_first_is_not_enough_where_a_parcel_was_still_on_its_way() {
    breaks(Channel { silently: true, ..RESTORED }, Rules { mark_at_start: false, ..ALL }, SIGNS);
}

#[test]
fn a_mark_raised_after_the_signature_comes_too_late() {
    breaks(RESTORED, Rules { mark_first: false, ..ALL }, SIGNS);
}

#[test]
fn without_a_mark_a_lying_receiver_makes_its_giver_guilty() {
    breaks(Channel { marks: Marks::Lost, ..LYING_RECEIVER }, Rules { mark_needed: false, ..ALL }, SIGNS);
}

#[test]
fn without_a_mark_a_lying_giver_makes_its_receiver_guilty() {
    breaks(Channel { marks: Marks::Lost, ..LYING_GIVER }, Rules { mark_needed: false, ..ALL }, COSIGNS);
}

#[test]
fn a_mark_of_sizes_alone_lets_a_lying_giver_make_its_receiver_guilty() {
    breaks(LYING_GIVER, Rules { mark_root: false, ..ALL }, COSIGNS);
}

#[test]
fn a_mark_that_is_not_raised_at_the_start_lets_a_lying_giver_make_its_receiver_guilty() {
    breaks(LYING_GIVER, Rules { mark_raised_at_start: false, ..ALL }, COSIGNS);
}

#[test]
fn whoever_cosigns_before_the_copy_has_grown_goes_back() {
    let channel = Channel { rows: [3, 0], restores: [0, 1], parcel: 1, ..RESTORED };
    breaks(channel, Rules { held_first: false, ..ALL }, COSIGNS);
}

#[test]
fn without_asking_for_what_it_lost_a_receiver_waits_for_ever() {
    breaks(RESTORED, Rules { pull: false, ..ALL }, ARRIVES);
}

#[test]
fn entries_that_came_back_would_go_twice() {
    breaks(RESTORED, Rules { came_back: false, ..ALL }, ONCE);
}

#[test]
fn whoever_writes_before_the_opposite_log_has_settled_names_too_little_as_seen() {
    breaks(RESTORED, Rules { opposite_settled: false, ..ALL }, SEEN);
}

#[test]
fn and_its_entry_is_refused_for_ever() {
    breaks(RESTORED, Rules { opposite_settled: false, ..ALL }, FRAMES);
}

#[test]
fn a_log_that_has_a_successor_must_end_or_a_late_parcel_doubles_its_entries() {
    breaks(RESTORED, Rules { old_log_ends: false, ..ALL }, ONCE);
}

#[test]
fn what_is_stored_and_not_shown_is_lost_with_its_giver() {
    breaks(Channel { marks: Marks::Any, ..ONE_BY_ONE }, Rules { stored_shown: false, ..ALL }, ARRIVES);
}
