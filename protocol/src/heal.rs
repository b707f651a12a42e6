//! Whether everything arrives once the weather is fair, from any state: both nodes start again, and each step that helps
//! is taken in turn, those of operators and officers with the rest.

use crate::channel::{Channel, Step};
use crate::claims::at_rest;
use crate::state::{Lane, Memory, State, agree};

/// How often each node calls the other before it is given up; more than any backlog in the bounds needs.
const ROUNDS: usize = 8;
/// The most parcels of one round.
const PARCELS: usize = 12;

impl Channel {
    /// Whether all that was decided is receipted in the end, and both sides hold the same.
    pub(crate) fn arrives(&self, state: &State) -> bool {
        let mut state = state.clone();
        state.left.successors = 8;
        for at in 0..2 {
            state.nodes[at].memory = Memory::default();
            if state.nodes[at].stopped {
                self.start(&mut state, at);
            }
        }
        for _ in 0..ROUNDS {
            for at in 0..2 {
                self.call(&mut state, at);
            }
            if at_rest(&state, 0) && at_rest(&state, 1) {
                break;
            }
            for direction in 0..2 {
                self.try_step(&mut state, &Step::Succeed(direction));
            }
        }
        let same = |d: usize| {
            let (ours, theirs) = (&state.nodes[d].disk.ours, &state.nodes[1 - d].disk.theirs);
            ours.tree.len() == theirs.tree.len() && agree(&ours.tree, &theirs.tree)
        };
        (0..2).all(|at| at_rest(&state, at) && same(at))
    }

    /// One round of a courier, as `exchange::round` goes through it.
    fn call(&self, state: &mut State, at: usize) {
        for _ in 0..PARCELS {
            if self.rules.pull && state.nodes[at].disk.theirs.recovering {
                self.try_step(state, &Step::Pull(at));
            }
        }
        for _ in 0..2 {
            if state.nodes[at].has_a_reason_to_call() {
                self.try_step(state, &Step::AskHead(at));
                self.try_step(state, &Step::TakeHead(at));
            }
            if state.nodes[at].memory.told {
                self.try_step(state, &Step::Recover(at));
            }
        }
        for _ in 0..PARCELS {
            self.try_step(state, &Step::Append(at));
            self.try_step(state, &Step::Send(at));
            if !matches!(state.nodes[at].memory.lane, Lane::Sent { .. }) {
                break;
            }
            let sent = state.net.iter().position(|parcel| state.waits_for(parcel) == Some(at));
            let Some(parcel) = sent else { break };
            self.try_step(state, &Step::Arrive { parcel, answered: true, stops: false });
            self.try_step(state, &Step::Settle(at));
        }
        let told = state.nodes[at].memory.told;
        state.nodes[at].memory = Memory { told, ..Memory::default() };
    }

    fn try_step(&self, state: &mut State, step: &Step) {
        let before = state.clone();
        if self.take(state, step).is_none() {
            *state = before;
        }
    }
}
