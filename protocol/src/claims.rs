//! What must hold in every state, and what must be reached in some state, so that nothing holds only because nothing
//! happens.

use stateright::Property;

use crate::channel::Channel;
use crate::state::{Answer, Lane, State, agree, rows};

pub(crate) fn all(channel: &Channel) -> Vec<Property<Channel>> {
    let mut claims = vec![
        Property::always(
            "an honest giver signs no two heads that contradict",
            |channel: &Channel, state: &State| {
                (0..2).all(|d| !judged(channel, d) || !state.ghost[d].giver_guilty)
            },
        ),
        Property::always(
            "an honest receiver cosigns nothing that contradicts",
            |channel: &Channel, state: &State| {
                (0..2).all(|d| !channel.honest(1 - d) || !state.ghost[d].receiver_guilty)
            },
        ),
        Property::always("what is cosigned is held", |channel: &Channel, state: &State| {
            let held = |at: usize| {
                let theirs = &state.nodes[at].disk.theirs;
                usize::from(theirs.cosigned) <= theirs.tree.len()
            };
            (0..2).all(|at| !channel.honest(at) || held(at))
        }),
        Property::always("seen is true and never falls", |channel: &Channel, state: &State| {
            (0..2).all(|d| !judged(channel, d) || !state.ghost[d].seen_false)
        }),
        Property::always("no honest frame is refused", |channel: &Channel, state: &State| {
            (0..2).all(|d| !judged(channel, d) || !state.ghost[d].frame_refused)
        }),
        Property::always("an honest channel never freezes", |channel: &Channel, state: &State| {
            (0..2).all(|d| !judged(channel, d) || !state.nodes[1 - d].disk.theirs.frozen)
        }),
        Property::always("both sides hold one log", |channel: &Channel, state: &State| {
            (0..2).all(|d| !judged(channel, d) || channel.lies.is_some() || one_log(state, d))
        }),
        Property::always("each decision is taken once", |channel: &Channel, state: &State| {
            (0..2).all(|d| channel.lies.is_some() || taken_once(state, d))
        }),
        Property::always("what was receipted is not lost", |channel: &Channel, state: &State| {
            let both = channel.restores.iter().all(|r| *r > 0);
            both || channel.lies.is_some() || (0..2).all(|d| not_lost(state, d))
        }),
    ];
    if channel.heals {
        claims.push(Property::always(
            "in fair weather everything arrives",
            |channel: &Channel, state: &State| channel.arrives(state),
        ));
    }
    claims.extend(reached());
    claims
}

fn reached() -> Vec<Property<Channel>> {
    vec![
        Property::sometimes("reached: everything is receipted", |channel: &Channel, state: &State| {
            state.left.rows == [0, 0] && (0..2).all(|at| !channel.honest(at) || at_rest(state, at))
        }),
        Property::sometimes("reached: recovering", |_, state: &State| {
            state.nodes.iter().any(|n| n.disk.ours.recovering && n.disk.theirs.recovering)
        }),
        Property::sometimes("reached: recovered", |channel: &Channel, state: &State| {
            (0..2).any(|at| {
                let disk = &state.nodes[at].disk;
                let went_back = state.left.restores[at] < channel.restores[at];
                let holds = !disk.ours.tree.is_empty() || !disk.theirs.tree.is_empty();
                went_back && holds && !disk.ours.recovering && !disk.theirs.recovering
            })
        }),
        Property::sometimes("reached: taken back", |_, state: &State| {
            state.nodes.iter().any(|n| n.disk.ours.recovering && n.disk.ours.receipted > 0)
        }),
        Property::sometimes("reached: held", |_, state: &State| {
            state.nodes.iter().any(|n| !n.disk.theirs.held.is_empty())
        }),
        Property::sometimes("reached: 202", |_, state: &State| {
            answered(state, |a| matches!(a, Answer::Stored(_)))
        }),
        Property::sometimes("reached: 409", |_, state: &State| {
            answered(state, |a| matches!(a, Answer::HoldsSize(_)))
        }),
        Property::sometimes("reached: refused", |_, state: &State| {
            answered(state, |a| *a == Answer::Refused)
        }),
        Property::sometimes("reached: told", |_, state: &State| state.nodes.iter().any(|n| n.memory.told)),
        Property::sometimes("reached: frozen", |_, state: &State| {
            state.nodes.iter().any(|n| n.disk.theirs.frozen)
        }),
        Property::sometimes("reached: successor", |_, state: &State| {
            state.nodes.iter().any(|n| n.disk.ours.log > 0 && n.disk.ours.receipted > 0)
        }),
        Property::sometimes("reached: evidence", |_, state: &State| {
            state.ghost.iter().any(|g| g.giver_guilty)
        }),
    ]
}

/// Whether the giver of this direction is one honest node; a node that runs twice signs against itself.
fn judged(channel: &Channel, direction: usize) -> bool {
    channel.honest(direction) && !(channel.twin && direction == 0)
}

fn answered(state: &State, what: impl Fn(&Answer) -> bool) -> bool {
    state.nodes.iter().any(|n| matches!(&n.memory.lane, Lane::Answered { answer, .. } if what(answer)))
}

fn one_log(state: &State, direction: usize) -> bool {
    let (ours, theirs) = (&state.nodes[direction].disk.ours, &state.nodes[1 - direction].disk.theirs);
    ours.log == theirs.log && agree(&ours.tree, &theirs.tree)
}

fn taken_once(state: &State, direction: usize) -> bool {
    let theirs = &state.nodes[1 - direction].disk.theirs;
    let mut taken = 0;
    theirs.before.iter().chain(&theirs.tree).all(|entry| {
        let first = taken & 1 << entry.row == 0;
        taken |= 1 << entry.row;
        first
    })
}

fn not_lost(state: &State, direction: usize) -> bool {
    let theirs = &state.nodes[1 - direction].disk.theirs;
    let mut held = rows(theirs.before.iter().chain(&theirs.tree));
    for node in state.nodes.iter().skip(direction).step_by(2) {
        held |= rows(node.disk.ours.before.iter().chain(&node.disk.ours.tree));
    }
    state.ghost[direction].receipted & !held == 0
}

/// Whether a node has nothing on its way and nothing to make up for.
pub(crate) fn at_rest(state: &State, at: usize) -> bool {
    let disk = &state.nodes[at].disk;
    let receipted = usize::from(disk.ours.receipted) == disk.ours.tree.len();
    disk.waiting == 0 && receipted && !disk.ours.recovering && !disk.theirs.recovering && !disk.theirs.frozen
}
