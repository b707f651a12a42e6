//! What a node does with its own log: decide, ask, append and fence, mark, sign, send, settle; go back, take back, go on.

use crate::channel::Channel;
use crate::state::{
    Answer, Lane, Memory, Node, Ours, Parcel, State, Theirs, Tree, head, party, rows, seen_of, size,
};

impl Node {
    /// The log with what was signed before it was durable (nothing, while the fence is kept).
    pub(crate) fn whole(&self) -> Tree {
        let mut tree = self.disk.ours.tree.clone();
        tree.extend(&self.memory.unsaved);
        tree
    }

    /// `exchange::deliver::anything_waiting`.
    pub(crate) fn has_a_reason_to_call(&self) -> bool {
        let Ours { recovering, receipted, tree, .. } = &self.disk.ours;
        *recovering || *receipted < size(tree) || self.disk.waiting != 0
    }

    /// `forewarn recover`: every log recovers from now on.
    pub(crate) fn recover(&mut self) {
        self.disk.ours.recovering = true;
        self.disk.theirs.recovering = true;
        self.disk.theirs.held.clear();
        self.memory = Memory::default();
    }

    /// Ends a round: nothing is signed before the partner has shown its head again.
    fn wait(&mut self) {
        let told = self.memory.told;
        self.memory = Memory { told, ..Memory::default() };
    }
}

impl State {
    pub(crate) fn decide(&mut self, at: usize) {
        let ghost = &mut self.ghost[party(at)];
        self.nodes[at].disk.waiting |= 1 << ghost.rows;
        ghost.rows += 1;
        self.left.rows[party(at)] -= 1;
    }

    /// The partner shows the newest head of our log that it holds, with its own line if it has cosigned it.
    pub(crate) fn ask_head(&mut self, at: usize, stored: bool) -> Option<()> {
        if self.nodes[1 - party(at)].stopped {
            return None;
        }
        let Theirs { tree, cosigned, lines, .. } = &self.nodes[1 - party(at)].disk.theirs;
        let tree = if stored { tree.clone() } else { head(tree, *cosigned) };
        let lane = Lane::Shown { line: lines & 1 << tree.len() != 0, tree };
        self.nodes[at].memory = Memory { lane, ..Memory::default() };
        Some(())
    }

    pub(crate) fn mark_late(&mut self, at: usize) {
        let node = &mut self.nodes[at];
        node.mark.signed = Some(node.whole());
        node.memory.unmarked = false;
    }

    pub(crate) fn back_up(&mut self, at: usize) -> Option<()> {
        let node = &mut self.nodes[at];
        node.backup.is_none().then(|| node.backup = Some(node.disk.clone()))
    }

    /// The node that waits for the answer to this parcel.
    pub(crate) fn waits_for(&self, parcel: &Parcel) -> Option<usize> {
        (0..self.nodes.len()).filter(|at| party(*at) == parcel.giver).find(|at| {
            let node = &self.nodes[*at];
            let Lane::Sent { old, size: sent } = node.memory.lane else { return false };
            let same = (old, sent) == (parcel.old, size(&parcel.tree)) && parcel.log == node.disk.ours.log;
            same && node.whole().starts_with(&parcel.tree) && node.held(old) == parcel.held
        })
    }

    fn note_receipt(&mut self, at: usize, upto: u8) {
        let ours = &mut self.nodes[at].disk.ours;
        ours.receipted = ours.receipted.max(upto);
        self.ghost[party(at)].receipted |= rows(&ours.tree[..usize::from(ours.receipted)]);
    }
}

impl Node {
    /// What a parcel from `old` on shows as held: the receiver's newest receipt, if it holds less than that.
    fn held(&self, old: u8) -> Tree {
        let Ours { receipted, tree, .. } = &self.disk.ours;
        if old < *receipted { head(tree, *receipted) } else { Tree::new() }
    }
}

impl Channel {
    /// `exchange::deliver::head_answer`, and `exchange::recover::take_back` where more is shown than we have.
    pub(crate) fn take_head(&self, state: &mut State, at: usize) -> Option<()> {
        let node = &mut state.nodes[at];
        let Lane::Shown { tree, line } = std::mem::take(&mut node.memory.lane) else { return None };
        let ours = &mut node.disk.ours;
        if tree.len() > ours.tree.len() {
            if !ours.recovering {
                node.memory.told = true;
            } else if tree.starts_with(&ours.tree) {
                let back = rows(&tree[ours.tree.len()..]);
                ours.tree.clone_from(&tree);
                if self.rules.came_back {
                    node.disk.waiting &= !back;
                }
                if line {
                    state.note_receipt(at, size(&tree));
                }
            }
            state.nodes[at].wait();
            return Some(());
        }
        if !ours.tree.starts_with(&tree) {
            node.wait();
            return Some(());
        }
        if line {
            state.note_receipt(at, size(&tree));
        }
        let node = &mut state.nodes[at];
        if self.settle_ours(node) {
            node.memory = Memory { confirmed: true, from: Some(size(&tree)), ..Memory::default() };
        } else {
            node.wait();
        }
        Some(())
    }

    /// `exchange::recover`: whether all that was ever signed of our log stands in it.
    fn settle_ours(&self, node: &mut Node) -> bool {
        let ours = &mut node.disk.ours;
        if !ours.recovering {
            return true;
        }
        let settled = match &node.mark.signed {
            Some(mark) => self.reaches(&ours.tree, mark),
            None => !self.rules.mark_needed,
        };
        (ours.recovering, ours.ended) = (!settled, !settled);
        settled
    }

    /// Whether a tree has grown to its mark.
    pub(crate) fn reaches(&self, tree: &Tree, mark: &Tree) -> bool {
        if self.rules.mark_root { tree.starts_with(mark) } else { tree.len() >= mark.len() }
    }

    fn may_sign(&self, node: &Node) -> bool {
        let asked = node.memory.confirmed || !self.rules.ask_first;
        asked && node.memory.lane == Lane::Idle && !node.disk.ours.recovering
    }

    /// `exchange::deliver::next_parcel`, first half: what waits is appended, and fenced durably.
    pub(crate) fn append(&self, state: &mut State, at: usize) -> Option<()> {
        let node = &state.nodes[at];
        let (direction, Ours { tree, receipted, .. }) = (party(at), &node.disk.ours);
        let end = size(tree);
        let all_receipted = *receipted == end && node.memory.from.is_none_or(|from| from >= end);
        let opposite = !self.rules.opposite_settled || !node.disk.theirs.recovering;
        if !self.may_sign(node) || !all_receipted || node.disk.waiting == 0 || !opposite {
            return None;
        }
        if !node.memory.unsaved.is_empty() {
            return None;
        }
        let theirs = &node.disk.theirs;
        let seen = seen_of(theirs.log, &head(&theirs.tree, theirs.cosigned));
        let before = tree.last().map_or(Default::default(), |last| last.seen);
        let cosigned = size(&state.ghost[1 - direction].cosigned);
        let ghost = &mut state.ghost[direction];
        ghost.seen_false |= seen.size != cosigned || (seen.log, seen.size) < (before.log, before.size);
        let node = &mut state.nodes[at];
        for row in (0..8).filter(|row| node.disk.waiting & 1 << row != 0) {
            let entry = crate::state::Entry { row, salt: ghost.salts, seen };
            ghost.salts += 1;
            if self.rules.fence {
                node.disk.ours.tree.push(entry);
            } else {
                node.memory.unsaved.push(entry);
            }
        }
        if self.rules.fence {
            node.disk.waiting = 0;
        }
        Some(())
    }

    /// Second half: the mark, the signature, the parcel.
    pub(crate) fn send(&self, state: &mut State, at: usize) -> Option<()> {
        let node = &mut state.nodes[at];
        if !self.may_sign(node) {
            return None;
        }
        let (whole, receipted) = (node.whole(), node.disk.ours.receipted);
        let old = node.memory.from.unwrap_or(receipted).min(size(&whole));
        let upto = size(&whole).min(old + self.parcel);
        if upto == old {
            return None;
        }
        let tree = head(&whole, upto);
        if self.rules.mark_first {
            node.raise_signed(&tree);
        } else {
            node.memory.unmarked = true;
        }
        node.memory.lane = Lane::Sent { old, size: upto };
        let parcel = Parcel {
            giver: party(at),
            log: node.disk.ours.log,
            held: node.held(old),
            tree: tree.clone(),
            old,
        };
        state.sign(party(at), &tree);
        if self.honest(1 - party(at)) {
            state.put_on_its_way(parcel);
        }
        Some(())
    }

    /// `exchange::deliver::settle`.
    pub(crate) fn settle(&self, state: &mut State, at: usize) -> Option<()> {
        let node = &mut state.nodes[at];
        let Lane::Answered { old, size: sent, answer } = std::mem::take(&mut node.memory.lane) else {
            return None;
        };
        node.memory.from = None;
        match answer {
            Answer::Receipt => {
                let durable = rows(&node.memory.unsaved);
                node.disk.ours.tree = node.whole();
                node.disk.waiting &= !durable;
                node.memory.unsaved.clear();
                state.note_receipt(at, sent);
            }
            Answer::Stored(upto) if upto > old && upto <= sent => node.memory.from = Some(upto),
            Answer::HoldsSize(held) if usize::from(held) <= node.whole().len() => {
                node.memory.from = Some(held);
            }
            Answer::Stored(_) | Answer::HoldsSize(_) | Answer::Refused => node.wait(),
        }
        Some(())
    }

    /// The mark is raised to what stands, in a log that does not recover. From now on the last line may leave.
    pub(crate) fn start(&self, state: &mut State, at: usize) {
        let node = &mut state.nodes[at];
        node.stopped = false;
        let cosigned = head(&node.disk.theirs.tree, node.disk.theirs.cosigned);
        if self.rules.mark_raised_at_start {
            node.raise_cosigned(&cosigned);
        }
        state.cosign(1 - party(at), &cosigned);
    }

    /// The disk goes back; the mark does not, unless it is lost.
    pub(crate) fn restore(&self, state: &mut State, at: usize, mark: bool) -> Option<()> {
        let node = &mut state.nodes[at];
        node.disk = node.backup.take()?;
        (node.memory, node.stopped) = (Memory::default(), false);
        state.left.restores[at] -= 1;
        if !mark {
            (node.mark.signed, node.mark.cosigned) = (None, None);
        }
        if !self.silently {
            node.recover();
        } else if self.rules.mark_at_start {
            let ahead = |mark: &Option<Tree>, tree: &Tree| mark.as_ref().is_none_or(|m| m.len() > tree.len());
            node.disk.ours.recovering |= ahead(&node.mark.signed, &node.disk.ours.tree);
            node.disk.theirs.recovering |= ahead(&node.mark.cosigned, &node.disk.theirs.tree);
        }
        Some(())
    }

    pub(crate) fn start_twin(&self, state: &mut State) -> Option<()> {
        let copy = state.nodes[0].backup.take()?;
        state.nodes.push(Node::on(copy));
        state.left.twin = false;
        Some(())
    }

    /// Officers agree on a successor: it goes on after the head that both hold. What was never accepted is sent there anew.
    pub(crate) fn succeed(&self, state: &mut State, direction: usize) -> Option<()> {
        let (giver, receiver) = (direction, 1 - direction);
        let (ours, theirs) = (&state.nodes[giver].disk.ours, &state.nodes[receiver].disk.theirs);
        let (giver_honest, receiver_honest) = (self.honest(giver), self.honest(receiver));
        let wanted = giver_honest && ours.ended || receiver_honest && (theirs.ended || theirs.frozen);
        if state.left.successors == 0 || !wanted {
            return None;
        }
        let agreed = match (giver_honest, receiver_honest) {
            (true, true) => theirs.tree.clone(),
            (true, false) => ours.tree.clone(),
            (false, _) => theirs.tree.clone(),
        };
        if giver_honest && receiver_honest && !theirs.frozen {
            // Whoever has less takes back first what the other has.
            let lost = theirs.tree.len() > ours.tree.len() || size(&theirs.tree) < ours.receipted;
            if lost || !ours.tree.starts_with(&theirs.tree) {
                return None;
            }
        }
        state.left.successors -= 1;
        let accepted = rows(&agreed);
        let mut unaccepted = 0;
        for node in state.nodes.iter().skip(giver).step_by(2) {
            unaccepted |= (node.disk.waiting | rows(&node.disk.ours.tree)) & !accepted;
        }
        if giver_honest {
            state.nodes.truncate(2);
            let node = &mut state.nodes[giver];
            let mut before = std::mem::take(&mut node.disk.ours.before);
            before.extend(&agreed);
            node.disk.ours = Ours { log: node.disk.ours.log + 1, before, ..Ours::default() };
            node.disk.waiting = unaccepted;
            (node.mark.signed, node.memory, node.backup) = (Some(Tree::new()), Memory::default(), None);
        }
        if receiver_honest {
            let node = &mut state.nodes[receiver];
            let mut before = std::mem::take(&mut node.disk.theirs.before);
            before.extend(&agreed);
            node.disk.theirs = Theirs { log: node.disk.theirs.log + 1, before, ..Theirs::default() };
            (node.mark.cosigned, node.backup) = (Some(Tree::new()), None);
        }
        let ghost = &mut state.ghost[direction];
        ghost.log += 1;
        ghost.signed.clear();
        ghost.cosigned.clear();
        ghost.cosigned_sizes = 0;
        if self.rules.old_log_ends {
            state.net.retain(|parcel| parcel.giver != direction);
        }
        Some(())
    }
}

impl Node {
    /// Raises the mark of our log. Where the log recovers without one there is still none.
    fn raise_signed(&mut self, tree: &Tree) {
        let stands = self.mark.signed.as_ref().map_or(0, Vec::len);
        if tree.len() > stands && (self.mark.signed.is_some() || !self.disk.ours.recovering) {
            self.mark.signed = Some(tree.clone());
        }
    }

    /// Raises the mark of the partner's log.
    pub(crate) fn raise_cosigned(&mut self, tree: &Tree) {
        let stands = self.mark.cosigned.as_ref().map_or(0, Vec::len);
        if tree.len() > stands && (self.mark.cosigned.is_some() || !self.disk.theirs.recovering) {
            self.mark.cosigned = Some(tree.clone());
        }
    }
}
