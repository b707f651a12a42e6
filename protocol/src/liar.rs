//! What B may do when it lies: as receiver show and answer whatever its signatures and A's allow, as giver sign what it
//! likes. It cannot sign for A.

use crate::channel::{Channel, Step};
use crate::state::{Answer, Entry, Lane, Parcel, Seen, State, Tree, head, size};

/// The salt of B's entry at a place, in one of its two versions.
fn salt(place: usize, version: u8) -> u8 {
    u8::try_from(2 * place).unwrap() + version
}

impl Channel {
    pub(crate) fn lies_in(&self, state: &State, steps: &mut Vec<Step>) {
        let a = &state.nodes[0];
        let known = &state.ghost[0].signed;
        match &a.memory.lane {
            Lane::Idle if !a.memory.confirmed && a.has_a_reason_to_call() => {
                steps.push(Step::LieHead(0, None, false));
                for upto in 1..=size(known) {
                    for line in [false, true] {
                        steps.push(Step::LieHead(0, Some(head(known, upto)), line));
                    }
                }
            }
            Lane::Sent { .. } => {
                steps.push(Step::LieAnswer(0, Answer::Receipt));
                for upto in 0..=size(known) {
                    steps.push(Step::LieAnswer(0, Answer::HoldsSize(upto)));
                    steps.push(Step::LieAnswer(0, Answer::Stored(upto)));
                }
            }
            _ => {}
        }
        self.lies_of_its_own_log(state, steps);
    }

    fn lies_of_its_own_log(&self, state: &State, steps: &mut Vec<Step>) {
        let (theirs, ghost) = (&state.nodes[0].disk.theirs, &state.ghost[1]);
        if theirs.frozen {
            return;
        }
        let shown = (1..8).filter(|s| ghost.cosigned_sizes & 1 << s != 0 && *s > size(&theirs.tree));
        let mut helds: Vec<Tree> =
            shown.filter(|s| *s <= size(&ghost.cosigned)).map(|s| head(&ghost.cosigned, s)).collect();
        helds.push(Tree::new());
        let mut trees = Vec::new();
        if theirs.recovering {
            // No entries: B says that it has no more.
            trees.push(theirs.tree.clone());
        }
        if size(&theirs.tree) < state.left.lies {
            for version in 0..2 {
                trees.push(with(&theirs.tree, version, Seen::default()));
            }
            let beyond = Seen { size: size(&state.nodes[0].disk.ours.tree) + 1, ..Seen::default() };
            trees.push(with(&theirs.tree, 0, beyond));
        }
        if let Some((last, rest)) = theirs.tree.split_last() {
            trees.push(with(&rest.to_vec(), 1 - (last.salt & 1), Seen::default()));
        }
        for tree in trees {
            for held in &helds {
                for stops in [false, true].into_iter().filter(|stops| !stops || self.stops_before_mark) {
                    steps.push(Step::LieParcel { tree: tree.clone(), held: held.clone(), stops });
                }
            }
        }
    }

    pub(crate) fn lie_arrives(&self, state: &mut State, tree: &Tree, held: &Tree, stops: bool) -> Option<()> {
        let theirs = &state.nodes[0].disk.theirs;
        if *tree == theirs.tree {
            self.no_more(state, 0);
            return Some(());
        }
        let old = theirs.tree.len().min(tree.len() - 1);
        let parcel = Parcel {
            giver: 1,
            log: theirs.log,
            tree: tree.clone(),
            old: u8::try_from(old).unwrap(),
            held: held.clone(),
        };
        self.receive(state, 0, &parcel, stops);
        Some(())
    }
}

fn with(tree: &Tree, version: u8, seen: Seen) -> Tree {
    let mut tree = tree.clone();
    tree.push(Entry { row: 0, salt: salt(tree.len(), version), seen });
    tree
}
