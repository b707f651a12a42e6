//! The model: its bounds, the rules that can be taken away, and the steps that are possible in a state.

use stateright::{Model, Property};

use crate::claims;
use crate::state::{Answer, Lane, Left, Memory, Node, State, Tree, party};

/// What becomes of the high-water mark when a node is restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marks {
    /// It is at hand.
    Kept,
    /// It is lost.
    Lost,
    /// Either.
    Any,
}

/// The bounds of a model and who is in it. B lies where `liar` is said; the twin is a second copy of A's node.
#[derive(Debug, Clone, Copy)]
pub struct Channel {
    /// Decisions that A and B queue.
    pub rows: [u8; 2],
    /// How often A and B go back to a backup.
    pub restores: [u8; 2],
    /// What becomes of the mark.
    pub marks: Marks,
    /// The node is not told that its disk went back, and finds out by its mark alone.
    pub silently: bool,
    /// Entries in one parcel.
    pub parcel: u8,
    /// B lies: entries that it signs in its own log. Nothing if it is honest.
    pub lies: Option<u8>,
    /// A second copy of A's node may be started from A's backup, while the first still runs.
    pub twin: bool,
    /// A receiver may stop between its commit and its mark.
    pub stops_before_mark: bool,
    /// Successors that may be opened.
    pub successors: u8,
    /// Whether each state is asked if everything arrives once the weather is fair.
    pub heals: bool,
    /// The rules in force.
    pub rules: Rules,
}

/// The rules that keep the claims true, each of which can be taken away.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// What is signed is durable first.
    pub fence: bool,
    /// Nothing is signed before the partner has shown its newest head.
    pub ask_first: bool,
    /// The giver's mark is raised before a signature leaves.
    pub mark_first: bool,
    /// A node that starts raises its mark to what stands on its disk.
    pub mark_raised_at_start: bool,
    /// The mark holds roots, not only sizes.
    pub mark_root: bool,
    /// Without a mark, nothing is signed or cosigned any more after a restore.
    pub mark_needed: bool,
    /// A mark that is ahead of the disk at a start shows that the disk went back.
    pub mark_at_start: bool,
    /// Nothing is cosigned while the copy has not grown into `held`.
    pub held_first: bool,
    /// The restored receiver asks for what it has lost.
    pub pull: bool,
    /// A receiver shows and gives back what it has stored and not cosigned, too.
    pub stored_shown: bool,
    /// Queued decisions that came back as entries count as sent.
    pub came_back: bool,
    /// Nothing is appended while the copy of the opposite log has not settled.
    pub opposite_settled: bool,
    /// A receiver takes nothing more in a log that has a successor.
    pub old_log_ends: bool,
}

impl Rules {
    /// All of them.
    pub const ALL: Self = Self {
        fence: true,
        ask_first: true,
        mark_first: true,
        mark_raised_at_start: true,
        mark_root: true,
        mark_needed: true,
        mark_at_start: true,
        held_first: true,
        pull: true,
        stored_shown: true,
        came_back: true,
        opposite_settled: true,
        old_log_ends: true,
    };
}

impl Channel {
    /// Two honest nodes in rain, nothing goes back.
    pub const HONEST: Self = Self {
        rows: [2, 1],
        restores: [0, 0],
        marks: Marks::Kept,
        silently: false,
        parcel: 2,
        lies: None,
        twin: false,
        stops_before_mark: false,
        successors: 0,
        heals: false,
        rules: Rules::ALL,
    };

    pub(crate) fn honest(&self, node: usize) -> bool {
        node != 1 || self.lies.is_none()
    }
}

/// One step of the world. Numbers are nodes: 0 is A, 1 is B, 2 is A's twin.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(private_interfaces, reason = "a step is shown, not made, outside")]
pub enum Step {
    /// A person decides something for the partner: it is queued.
    Decide(usize),
    /// The partner's newest head of our log is asked for and comes.
    AskHead(usize),
    /// It is compared with ours, and what was lost is taken back.
    TakeHead(usize),
    /// What waits is appended and fenced.
    Append(usize),
    /// The mark is raised, the head signed and the parcel sent.
    Send(usize),
    /// The mark is raised late, where that rule is taken away.
    MarkLate(usize),
    /// A parcel arrives.
    Arrive {
        /// Which of those on their way.
        parcel: usize,
        /// The answer reaches its giver.
        answered: bool,
        /// The receiver stops between its commit and its mark.
        stops: bool,
    },
    /// The giver takes the answer.
    Settle(usize),
    /// A restored receiver asks for a piece of the partner's log.
    Pull(usize),
    /// The node stops and starts again, or gives the round up.
    Crash(usize),
    /// A node that stopped between its commit and its mark starts again.
    Start(usize),
    /// A backup is taken.
    Backup(usize),
    /// The disk goes back to the backup; whether the mark is at hand.
    Restore(usize, bool),
    /// The operator says that this node goes on from a copy of its data.
    Recover(usize),
    /// A second copy of A's node starts.
    Twin,
    /// Officers agree on a successor of the log of this direction.
    Succeed(usize),
    /// B shows some head of A's log that A signed, with its line or without.
    LieHead(usize, Option<Tree>, bool),
    /// B answers whatever it likes.
    LieAnswer(usize, Answer),
    /// B sends A a parcel.
    LieParcel {
        /// Its tree.
        tree: Tree,
        /// The head that it shows as held.
        held: Tree,
        /// A stops between its commit and its mark.
        stops: bool,
    },
}

impl Model for Channel {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        let node = Node::new();
        let left = Left {
            rows: self.rows,
            restores: self.restores,
            lies: self.lies.unwrap_or(0),
            successors: self.successors,
            twin: self.twin,
        };
        vec![State { nodes: vec![node.clone(), node], net: Vec::new(), ghost: Default::default(), left }]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        for node in (0..state.nodes.len()).filter(|n| self.honest(*n)) {
            if state.nodes[node].stopped {
                steps.push(Step::Start(node));
                self.restores_of(state, node, steps);
            } else {
                self.steps_of(state, node, steps);
            }
        }
        for (at, parcel) in state.net.iter().enumerate() {
            let to = 1 - parcel.giver;
            if !self.honest(to) || state.nodes[to].stopped {
                continue;
            }
            let awaited = state.waits_for(parcel).is_some();
            for answered in [false, true].into_iter().filter(|a| awaited || !a) {
                steps.push(Step::Arrive { parcel: at, answered, stops: false });
            }
            if self.stops_before_mark {
                steps.push(Step::Arrive { parcel: at, answered: false, stops: true });
            }
        }
        steps.extend((0..2).map(Step::Succeed));
        if state.left.twin {
            steps.push(Step::Twin);
        }
        if self.lies.is_some() && !state.nodes[0].stopped {
            self.lies_in(state, steps);
        }
    }

    fn next_state(&self, state: &State, step: Step) -> Option<State> {
        let mut next = state.clone();
        self.take(&mut next, &step)?;
        (next != *state).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        claims::all(self)
    }
}

impl Channel {
    fn steps_of(&self, state: &State, at: usize, steps: &mut Vec<Step>) {
        let node = &state.nodes[at];
        if state.left.rows[party(at)] > 0 {
            steps.push(Step::Decide(at));
        }
        match &node.memory.lane {
            Lane::Idle => {
                if !node.memory.confirmed && self.honest(1 - party(at)) && node.has_a_reason_to_call() {
                    steps.push(Step::AskHead(at));
                }
                steps.extend([Step::Append(at), Step::Send(at)]);
            }
            Lane::Shown { .. } => steps.push(Step::TakeHead(at)),
            Lane::Sent { .. } => {}
            Lane::Answered { .. } => steps.push(Step::Settle(at)),
        }
        if node.memory.unmarked {
            steps.push(Step::MarkLate(at));
        }
        if self.rules.pull && node.disk.theirs.recovering && self.honest(1 - party(at)) {
            steps.push(Step::Pull(at));
        }
        if node.memory != Memory::default() {
            steps.push(Step::Crash(at));
        }
        if at < 2 && (state.left.restores[at] > 0 || at == 0 && state.left.twin) {
            steps.push(Step::Backup(at));
        }
        self.restores_of(state, at, steps);
        if node.memory.told {
            steps.push(Step::Recover(at));
        }
    }

    fn restores_of(&self, state: &State, at: usize, steps: &mut Vec<Step>) {
        if at < 2 && state.left.restores[at] > 0 && state.nodes[at].backup.is_some() {
            steps.extend((self.marks != Marks::Lost).then_some(Step::Restore(at, true)));
            steps.extend((self.marks != Marks::Kept).then_some(Step::Restore(at, false)));
        }
    }

    /// Takes a step; `None` if it is not possible.
    pub(crate) fn take(&self, state: &mut State, step: &Step) -> Option<()> {
        match step {
            Step::Decide(node) => state.decide(*node),
            Step::AskHead(node) => state.ask_head(*node, self.rules.stored_shown)?,
            Step::TakeHead(node) => self.take_head(state, *node)?,
            Step::Append(node) => self.append(state, *node)?,
            Step::Send(node) => self.send(state, *node)?,
            Step::MarkLate(node) => state.mark_late(*node),
            Step::Arrive { parcel, answered, stops } => self.arrive(state, *parcel, *answered, *stops)?,
            Step::Settle(node) => self.settle(state, *node)?,
            Step::Pull(node) => self.pull(state, *node)?,
            Step::Crash(node) => state.nodes[*node].memory = Memory::default(),
            Step::Start(node) => self.start(state, *node),
            Step::Backup(node) => state.back_up(*node)?,
            Step::Restore(node, mark) => self.restore(state, *node, *mark)?,
            Step::Recover(node) => state.nodes[*node].recover(),
            Step::Twin => self.start_twin(state)?,
            Step::Succeed(direction) => self.succeed(state, *direction)?,
            Step::LieHead(node, tree, line) => {
                let shown = Lane::Shown { tree: tree.clone().unwrap_or_default(), line: *line };
                state.nodes[*node].memory = Memory { lane: shown, ..Memory::default() };
            }
            Step::LieAnswer(node, answer) => {
                let Lane::Sent { old, size } = state.nodes[*node].memory.lane else { return None };
                state.nodes[*node].memory.lane = Lane::Answered { old, size, answer: *answer };
            }
            Step::LieParcel { tree, held, stops } => self.lie_arrives(state, tree, held, *stops)?,
        }
        Some(())
    }
}
