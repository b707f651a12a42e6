//! What nodes hold, what is on its way, and what the world remembers of every signature.

/// An entry: whose decision it carries, its salt (no two appends share one), and the opposite head that its writer saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Entry {
    pub(crate) row: u8,
    pub(crate) salt: u8,
    pub(crate) seen: Seen,
}

/// An opposite head: which log of that direction (successors are counted), its size and its last entry's salt, which
/// stands for its root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct Seen {
    pub(crate) log: u8,
    pub(crate) size: u8,
    pub(crate) last: u8,
}

/// A tree: its entries in order. Two trees have one root exactly if they are equal, so it stands for a checkpoint, too.
pub(crate) type Tree = Vec<Entry>;

/// The size of a tree.
pub(crate) fn size(tree: &Tree) -> u8 {
    u8::try_from(tree.len()).unwrap()
}

/// Its head of a smaller size.
pub(crate) fn head(tree: &Tree, size: u8) -> Tree {
    tree[..usize::from(size)].to_vec()
}

/// Whether two heads can be of one append-only log.
pub(crate) fn agree(one: &Tree, other: &Tree) -> bool {
    one.starts_with(other) || other.starts_with(one)
}

/// The decisions that entries carry, a bit each.
pub(crate) fn rows<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> u8 {
    entries.into_iter().fold(0, |rows, entry| rows | 1 << entry.row)
}

/// The largest head of a log for an opposite entry to name.
pub(crate) fn seen_of(log: u8, tree: &Tree) -> Seen {
    tree.last().map_or(Seen { log, ..Seen::default() }, |last| Seen {
        log,
        size: size(tree),
        last: last.salt,
    })
}

/// A log of the node's own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct Ours {
    /// How many logs of this direction came before it.
    pub(crate) log: u8,
    pub(crate) tree: Tree,
    pub(crate) receipted: u8,
    pub(crate) recovering: bool,
    /// What was not settled when the partner had shown its head: only a successor helps.
    pub(crate) ended: bool,
    /// The entries of the logs before it, as both sides agreed on them.
    pub(crate) before: Tree,
}

/// A copy of the partner's log.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct Theirs {
    pub(crate) log: u8,
    pub(crate) tree: Tree,
    /// The sizes with a line of our own, a bit each.
    pub(crate) lines: u8,
    pub(crate) cosigned: u8,
    pub(crate) recovering: bool,
    /// The own cosigned head that the copy must grow into.
    pub(crate) held: Tree,
    /// The giver had nothing more to give back and it was not enough: only a successor helps.
    pub(crate) ended: bool,
    pub(crate) frozen: bool,
    pub(crate) before: Tree,
}

/// What a backup holds and a restore takes back.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct Disk {
    /// The decisions that wait in the outbox, a bit each.
    pub(crate) waiting: u8,
    pub(crate) ours: Ours,
    pub(crate) theirs: Theirs,
}

/// The high-water mark: what was signed and cosigned last, outside every backup. `None` where it was lost.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Mark {
    pub(crate) signed: Option<Tree>,
    pub(crate) cosigned: Option<Tree>,
}

/// Where a round of the courier stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) enum Lane {
    #[default]
    Idle,
    /// The partner has shown its head of our log; it may carry the partner's line.
    Shown { tree: Tree, line: bool },
    /// A parcel was sent and its answer is waited for.
    Sent { old: u8, size: u8 },
    /// The answer to it has come.
    Answered { old: u8, size: u8, answer: Answer },
}

/// The answer to a parcel (log-format §6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Answer {
    /// 200.
    Receipt,
    /// 202.
    Stored(u8),
    /// 409.
    HoldsSize(u8),
    /// 423, 422, 503, 404.
    Refused,
}

/// What a crash takes away.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct Memory {
    pub(crate) confirmed: bool,
    pub(crate) from: Option<u8>,
    pub(crate) lane: Lane,
    /// The partner showed more of our log than we have; the operator was told.
    pub(crate) told: bool,
    /// Entries signed before they were durable: only where the fence is taken away.
    pub(crate) unsaved: Tree,
    /// A head signed before the mark was raised: only where the mark comes late.
    pub(crate) unmarked: bool,
}

/// One running copy of a party's node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Node {
    pub(crate) disk: Disk,
    pub(crate) memory: Memory,
    pub(crate) mark: Mark,
    pub(crate) backup: Option<Disk>,
    /// It stopped between a commit and its mark: the next it does is to start.
    pub(crate) stopped: bool,
}

impl Node {
    /// A node that holds nothing, with a mark that says so.
    pub(crate) fn new() -> Self {
        Self::on(Disk::default())
    }

    /// A node on a copy of a disk, with the mark that such a disk gives by itself.
    pub(crate) fn on(disk: Disk) -> Self {
        let cosigned = head(&disk.theirs.tree, disk.theirs.cosigned);
        let mark = Mark { signed: Some(disk.ours.tree.clone()), cosigned: Some(cosigned) };
        Self { disk, memory: Memory::default(), mark, backup: None, stopped: false }
    }
}

/// A parcel on its way: the tree of its checkpoint, the size that it begins at, the receiver's own head that it shows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Parcel {
    pub(crate) giver: usize,
    pub(crate) log: u8,
    pub(crate) tree: Tree,
    pub(crate) old: u8,
    pub(crate) held: Tree,
}

/// What the world remembers of one direction, whatever the parties forget: every signature is for ever.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct Ghost {
    pub(crate) log: u8,
    /// The largest head that the giver ever signed, while all that it signed agree.
    pub(crate) signed: Tree,
    pub(crate) giver_guilty: bool,
    /// The largest head that the receiver ever cosigned, and the sizes that it cosigned, a bit each.
    pub(crate) cosigned: Tree,
    pub(crate) cosigned_sizes: u8,
    pub(crate) receiver_guilty: bool,
    /// An honest writer named less than it had cosigned, or less than before.
    pub(crate) seen_false: bool,
    /// An honest receiver refused the frame of an honest entry, which stands in the log for ever.
    pub(crate) frame_refused: bool,
    /// Appends so far: the next salt.
    pub(crate) salts: u8,
    /// Decisions so far.
    pub(crate) rows: u8,
    /// Decisions whose receipt the giver has had, a bit each.
    pub(crate) receipted: u8,
}

/// What the bounds still allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct Left {
    pub(crate) rows: [u8; 2],
    pub(crate) restores: [u8; 2],
    pub(crate) lies: u8,
    pub(crate) successors: u8,
    pub(crate) twin: bool,
}

/// A state of the world. Nodes: A, B, and A's twin once it runs; direction 0 is A's log, 1 is B's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct State {
    pub(crate) nodes: Vec<Node>,
    /// Every parcel that was ever sent and is not of a log that ended: each may arrive never, late or again.
    pub(crate) net: Vec<Parcel>,
    pub(crate) ghost: [Ghost; 2],
    pub(crate) left: Left,
}

/// The party of a node.
pub(crate) fn party(node: usize) -> usize {
    node & 1
}

impl State {
    /// The giver signs a head: the signature is for ever.
    pub(crate) fn sign(&mut self, direction: usize, tree: &Tree) {
        let ghost = &mut self.ghost[direction];
        ghost.giver_guilty |= !agree(&ghost.signed, tree);
        if tree.len() > ghost.signed.len() {
            ghost.signed = tree.clone();
        }
    }

    /// The receiver cosigns a head anew; at a later time than all before.
    pub(crate) fn cosign(&mut self, direction: usize, tree: &Tree) {
        let ghost = &mut self.ghost[direction];
        ghost.receiver_guilty |= !tree.starts_with(&ghost.cosigned);
        ghost.cosigned_sizes |= 1 << tree.len();
        if tree.len() > ghost.cosigned.len() {
            ghost.cosigned = tree.clone();
        }
    }

    /// A parcel goes out and can arrive from now on.
    pub(crate) fn put_on_its_way(&mut self, parcel: Parcel) {
        if let Err(at) = self.net.binary_search(&parcel) {
            self.net.insert(at, parcel);
        }
    }
}
