//! What a node does with its partner's log: check, store and cosign in one step, answer; catch up, freeze.

use crate::channel::Channel;
use crate::state::{Answer, Entry, Lane, Memory, Node, Parcel, Seen, State, Tree, head, party, size};

/// What the frame of an entry turns out to be.
enum Frame {
    Right,
    Wrong,
    /// It names more of our own log than we have.
    BeyondOurs,
}

impl Channel {
    /// A parcel arrives; the answer may reach its giver.
    pub(crate) fn arrive(&self, state: &mut State, at: usize, answered: bool, stops: bool) -> Option<()> {
        let parcel = state.net[at].clone();
        let asked = state.waits_for(&parcel);
        let answer = self.receive(state, 1 - parcel.giver, &parcel, stops);
        if answered {
            let lane = &mut state.nodes[asked?].memory.lane;
            let Lane::Sent { old, size } = *lane else { return None };
            *lane = Lane::Answered { old, size, answer };
        }
        Some(())
    }

    /// `exchange::receive::parcel`.
    pub(crate) fn receive(&self, state: &mut State, to: usize, parcel: &Parcel, stops: bool) -> Answer {
        let node = &mut state.nodes[to];
        let theirs = &mut node.disk.theirs;
        if parcel.log != theirs.log {
            if !self.rules.old_log_ends && parcel.tree.starts_with(&theirs.before) {
                theirs.before.clone_from(&parcel.tree);
            }
            return Answer::Refused;
        }
        if theirs.frozen {
            return Answer::Refused;
        }
        if parcel.held.len() > theirs.tree.len() {
            theirs.recovering = true;
            if parcel.held.len() > theirs.held.len() {
                theirs.held.clone_from(&parcel.held);
            }
        }
        let (have, upto) = (size(&theirs.tree), size(&parcel.tree));
        if upto <= have {
            if !theirs.tree.starts_with(&parcel.tree) {
                theirs.frozen = true;
                return Answer::Refused;
            }
            if theirs.lines & 1 << upto != 0 {
                return Answer::Receipt;
            }
        }
        if parcel.old != have || upto <= have {
            return Answer::HoldsSize(have);
        }
        let mut before = theirs.tree.last().map_or(Seen::default(), |last| last.seen);
        for entry in &parcel.tree[usize::from(have)..] {
            match node.frame(before, entry) {
                Frame::Right => before = entry.seen,
                Frame::Wrong => {
                    state.ghost[parcel.giver].frame_refused = true;
                    return Answer::Refused;
                }
                Frame::BeyondOurs => {
                    node.memory = Memory { told: true, ..Memory::default() };
                    return Answer::Refused;
                }
            }
        }
        if !parcel.tree.starts_with(&node.disk.theirs.tree) {
            node.disk.theirs.frozen = true;
            return Answer::Refused;
        }
        self.store(state, to, parcel, stops)
    }

    fn store(&self, state: &mut State, to: usize, parcel: &Parcel, stops: bool) -> Answer {
        let node = &mut state.nodes[to];
        let (theirs, mark) = (&mut node.disk.theirs, &node.mark.cosigned);
        if theirs.recovering && self.rules.held_first {
            let shown = parcel.tree.len() <= theirs.held.len();
            if mark.is_none() && !shown && self.rules.mark_needed {
                return Answer::Refused;
            }
            let marked = mark.iter().filter(|_| self.rules.mark_root);
            let cosigned = |head: &Tree| parcel.tree.len() < head.len() || parcel.tree.starts_with(head);
            if !marked.chain([&theirs.held]).all(cosigned) {
                theirs.frozen = true;
                return Answer::Refused;
            }
        }
        theirs.tree.clone_from(&parcel.tree);
        if theirs.recovering && !theirs.held.is_empty() && theirs.held.len() <= theirs.tree.len() {
            // Its own receipt is its own again.
            theirs.lines |= 1 << theirs.held.len();
            theirs.cosigned = theirs.cosigned.max(size(&theirs.held));
        }
        if !self.settle_theirs(node) {
            return Answer::Stored(size(&parcel.tree));
        }
        let theirs = &mut node.disk.theirs;
        theirs.lines |= 1 << parcel.tree.len();
        theirs.cosigned = size(&parcel.tree);
        if stops {
            node.memory = Memory::default();
            // The line stands on the disk and leaves when the node has started again.
            node.stopped = true;
        } else {
            node.raise_cosigned(&parcel.tree);
            state.cosign(parcel.giver, &parcel.tree);
        }
        Answer::Receipt
    }

    /// `exchange::recover`: whether all that was ever cosigned of the partner's log stands in the copy.
    pub(crate) fn settle_theirs(&self, node: &mut Node) -> bool {
        let theirs = &mut node.disk.theirs;
        if !theirs.recovering || !self.rules.held_first {
            return true;
        }
        let settled = theirs.tree.len() >= theirs.held.len()
            && match &node.mark.cosigned {
                Some(mark) => self.reaches(&theirs.tree, mark),
                None => !self.rules.mark_needed,
            };
        if settled {
            (theirs.recovering, theirs.ended) = (false, false);
            theirs.held.clear();
        }
        settled
    }

    /// `exchange::recover::copy`: a restored receiver asks for the next piece; when there is no more, that settles it.
    pub(crate) fn pull(&self, state: &mut State, at: usize) -> Option<()> {
        let giver = 1 - party(at);
        if state.nodes[giver].stopped {
            return None;
        }
        let ours = &state.nodes[giver].disk.ours;
        let have = size(&state.nodes[at].disk.theirs.tree);
        if have < ours.receipted {
            let upto = ours.receipted.min(have + self.parcel);
            let held = head(&ours.tree, ours.receipted);
            let parcel = Parcel { giver, log: ours.log, tree: head(&ours.tree, upto), old: have, held };
            self.receive(state, at, &parcel, false);
        } else {
            self.no_more(state, at);
        }
        Some(())
    }

    /// The partner says that it has no more for us.
    pub(crate) fn no_more(&self, state: &mut State, at: usize) {
        let node = &mut state.nodes[at];
        if !self.settle_theirs(node) {
            node.disk.theirs.ended = true;
        }
    }
}

impl Node {
    /// The receiver's check of an entry: `seen` is a head of our log and never falls.
    fn frame(&self, before: Seen, entry: &Entry) -> Frame {
        let (seen, ours) = (entry.seen, &self.disk.ours);
        if (seen.log, seen.size) < (before.log, before.size) {
            return Frame::Wrong;
        }
        if seen.log < ours.log || seen.size == 0 {
            return Frame::Right;
        }
        match ours.tree.get(usize::from(seen.size) - 1) {
            None => Frame::BeyondOurs,
            Some(last) if last.salt == seen.last => Frame::Right,
            Some(_) => Frame::Wrong,
        }
    }
}
