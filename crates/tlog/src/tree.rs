//! The append-only Merkle tree of RFC 6962 §2.1: growing it, its roots, its proofs and their verification.
//!
//! Nothing here holds a tree. A log stores the hash of every *full subtree* as it becomes complete, named by
//! level and index: subtree (level, index) covers the leaves from index · 2^level, 2^level of them; level 0
//! is the leaves. All functions read O(log n) of these.

use crate::grammar::NUMBER_LIMIT;
use crate::hash::{HASH_BYTES, Hash, empty_root, node_hash};

/// Most hashes of one inclusion or consistency proof (C2SP tlog-proof: 63).
pub const PROOF_HASHES_MAX: usize = 63;

/// The hash of a full subtree that has just become complete, to be stored by level and index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subtree {
    /// Height: 0 for a leaf; it covers 2^level leaves.
    pub level: u8,
    /// Place among the subtrees of its level, from the left, counted from 0.
    pub index: u64,
    /// Its root.
    pub hash: Hash,
}

/// The right edge of a tree: one hash for each 1 in the binary size, which is all that appending needs.
///
/// At most 48 hashes. Two ranges are equal exactly if size and all leaves are equal.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CompactRange {
    size: u64,
    /// Roots of the full subtrees, largest (leftmost) first; as many as `size` has ones.
    peaks: Vec<Hash>,
}

impl CompactRange {
    /// Gives the range of the empty tree.
    pub fn new() -> Self {
        CompactRange::default()
    }

    /// Gives the number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Gives the root of the tree (RFC 6962 §2.1); that of no leaves for size 0.
    pub fn root(&self) -> Hash {
        root_of_peaks(&self.peaks)
    }

    /// Adds one leaf hash and gives every full subtree that it completes, lowest first: always the leaf
    /// itself, then its ancestors that are now full.
    pub fn append(&mut self, leaf: Hash) -> Vec<Subtree> {
        let mut hash = leaf;
        let mut level = 0;
        let mut complete = vec![Subtree { level, index: self.size, hash }];
        // Each trailing 1 of the old size is a full left neighbour of the subtree completed so far.
        while (self.size >> level) & 1 == 1 {
            let Some(left) = self.peaks.pop() else { break };
            hash = node_hash(&left, &hash);
            level += 1;
            complete.push(Subtree { level, index: self.size >> level, hash });
        }
        self.peaks.push(hash);
        self.size += 1;
        complete
    }

    /// Gives the form for storage: size as 8 bytes big-endian, then the hashes, largest subtree first.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.size.to_be_bytes().to_vec();
        for peak in &self.peaks {
            bytes.extend_from_slice(peak.as_bytes());
        }
        bytes
    }

    /// Reads the form for storage. Size and number of hashes must fit; the hashes themselves cannot be
    /// checked here.
    ///
    /// # Errors
    /// [`CompactRangeError`]: the stored bytes are damaged; rebuild the range with [`compact_range_at`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CompactRangeError> {
        let (size, hashes) =
            bytes.split_first_chunk::<8>().ok_or(CompactRangeError::Short { bytes: bytes.len() })?;
        let size = u64::from_be_bytes(*size);
        if size >= NUMBER_LIMIT {
            return Err(CompactRangeError::Size { size });
        }
        let (peaks, rest) = hashes.as_chunks::<HASH_BYTES>();
        if !rest.is_empty() || peaks.len() != size.count_ones() as usize {
            return Err(CompactRangeError::Hashes { size, bytes: hashes.len() });
        }
        Ok(CompactRange { size, peaks: peaks.iter().copied().map(Hash::from_bytes).collect() })
    }
}

/// Stored bytes that are no compact range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompactRangeError {
    /// Fewer bytes than the size takes.
    #[error("a compact range begins with 8 bytes of size, found {bytes} bytes")]
    Short {
        /// Bytes found.
        bytes: usize,
    },
    /// The size is 2^48 or more.
    #[error("a tree holds fewer than 2^48 leaves, found {size}")]
    Size {
        /// The size found.
        size: u64,
    },
    /// Not one hash for each 1 in the binary size.
    #[error("{bytes} bytes of hashes do not fit a tree of {size} leaves")]
    Hashes {
        /// The size found.
        size: u64,
        /// Bytes after the size.
        bytes: usize,
    },
}

/// Gives the root of the tree of the first `size` leaves (RFC 6962 §2.1).
///
/// `fetch(level, index)` gives the hash of a stored full subtree.
///
/// # Errors
/// Only those of `fetch`.
pub fn root_at<E>(size: u64, mut fetch: impl FnMut(u8, u64) -> Result<Hash, E>) -> Result<Hash, E> {
    Ok(root_of_peaks(&peaks(0, size, &mut fetch)?))
}

/// Gives the right edge of the tree of the first `size` leaves, so that appending can go on from there.
///
/// `fetch(level, index)` gives the hash of a stored full subtree.
///
/// # Errors
/// Only those of `fetch`.
pub fn compact_range_at<E>(
    size: u64,
    mut fetch: impl FnMut(u8, u64) -> Result<Hash, E>,
) -> Result<CompactRange, E> {
    let peaks = peaks(0, size, &mut fetch)?;
    Ok(CompactRange { size, peaks })
}

/// Gives the proof that leaf `index` (from 0) is in the tree of `size` leaves: sibling hashes, lowest first
/// (RFC 6962 §2.1.1).
///
/// `fetch(level, index)` gives the hash of a stored full subtree.
///
/// # Errors
/// [`ProveError::Index`] if there is no such leaf; [`ProveError::Fetch`] from `fetch`.
pub fn inclusion_proof<E>(
    index: u64,
    size: u64,
    mut fetch: impl FnMut(u8, u64) -> Result<Hash, E>,
) -> Result<Vec<Hash>, ProveError<E>> {
    if index >= size {
        return Err(ProveError::Index { index, size });
    }
    let mut path = Vec::new();
    let (mut start, mut end) = (0, size);
    while end - start > 1 {
        let middle = split(start, end);
        if index < middle {
            path.push(range_root(middle, end, &mut fetch)?);
            end = middle;
        } else {
            path.push(range_root(start, middle, &mut fetch)?);
            start = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// Gives the proof that the tree of `new` leaves begins with the tree of `old` leaves (RFC 6962 §2.1.2).
///
/// Empty for `old` = 0 and for `old` = `new`. `fetch(level, index)` gives the hash of a stored full subtree.
///
/// # Errors
/// [`ProveError::Sizes`] if `old` > `new`; [`ProveError::Fetch`] from `fetch`.
pub fn consistency_proof<E>(
    old: u64,
    new: u64,
    mut fetch: impl FnMut(u8, u64) -> Result<Hash, E>,
) -> Result<Vec<Hash>, ProveError<E>> {
    if old > new {
        return Err(ProveError::Sizes { old, new });
    }
    let mut proof = Vec::new();
    if old == 0 {
        return Ok(proof);
    }
    let (mut start, mut end) = (0, new);
    while end != old {
        let middle = split(start, end);
        if old <= middle {
            proof.push(range_root(middle, end, &mut fetch)?);
            end = middle;
        } else {
            proof.push(range_root(start, middle, &mut fetch)?);
            start = middle;
        }
    }
    // From the left edge the rest is the old root itself, which the verifier has.
    if start > 0 {
        proof.push(range_root(start, end, &mut fetch)?);
    }
    proof.reverse();
    Ok(proof)
}

/// A proof that cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProveError<E> {
    /// There is no such leaf in a tree of this size.
    #[error("leaf {index} is not in a tree of {size} leaves")]
    Index {
        /// The leaf asked for, from 0.
        index: u64,
        /// Leaves of the tree.
        size: u64,
    },
    /// The old tree is larger than the one it should be the beginning of.
    #[error("a tree of {old} leaves is not the beginning of one of {new}")]
    Sizes {
        /// Leaves of the tree named old.
        old: u64,
        /// Leaves of the tree named new.
        new: u64,
    },
    /// A stored subtree could not be read.
    #[error("a stored subtree could not be read")]
    Fetch(#[from] E),
}

/// Checks that `leaf` stands at `index` (from 0) in the tree of `size` leaves with this root (RFC 6962
/// §2.1.1; the way of RFC 9162 §2.1.3.2). `path` is what [`inclusion_proof`] gives.
///
/// # Errors
/// [`VerifyError`]: the proof shows nothing.
pub fn verify_inclusion(
    leaf: &Hash,
    index: u64,
    size: u64,
    path: &[Hash],
    root: &Hash,
) -> Result<(), VerifyError> {
    if index >= size {
        return Err(VerifyError::Index { index, size });
    }
    check_length(path)?;
    let mut climb = Climb::new(index, size - 1);
    let mut computed = *leaf;
    for sibling in path {
        computed = match climb.step(path.len())? {
            Side::Left => node_hash(sibling, &computed),
            Side::Right => node_hash(&computed, sibling),
        };
    }
    climb.finish(path.len())?;
    check_root(&computed, root)
}

/// Checks that the tree of `new` leaves with `new_root` begins with the tree of `old` leaves with `old_root`
/// (RFC 6962 §2.1.2; the way of RFC 9162 §2.1.4.2). `proof` is what [`consistency_proof`] gives.
///
/// # Errors
/// [`VerifyError`]: the proof shows nothing. It does not show that the trees differ.
pub fn verify_consistency(
    old: u64,
    old_root: &Hash,
    new: u64,
    new_root: &Hash,
    proof: &[Hash],
) -> Result<(), VerifyError> {
    if old > new {
        return Err(VerifyError::Sizes { old, new });
    }
    check_length(proof)?;
    // Nothing is the beginning of every tree, and every tree of itself: no proof is needed, and none may ride
    // along.
    if old == 0 {
        check_root(&empty_root(), old_root)?;
    }
    if old == new {
        check_root(old_root, new_root)?;
    }
    if old == 0 || old == new {
        return match proof.len() {
            0 => Ok(()),
            hashes => Err(VerifyError::Length { hashes }),
        };
    }
    let (computed_old, computed_new) = grow(old, old_root, new, proof)?;
    check_root(&computed_old, old_root)?;
    check_root(&computed_new, new_root)
}

/// A proof that does not show what it should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// There is no such leaf in a tree of this size.
    #[error("leaf {index} is not in a tree of {size} leaves")]
    Index {
        /// The leaf named, from 0.
        index: u64,
        /// Leaves of the tree.
        size: u64,
    },
    /// The old tree is larger than the new one.
    #[error("a tree of {old} leaves is not the beginning of one of {new}")]
    Sizes {
        /// Leaves of the tree named old.
        old: u64,
        /// Leaves of the tree named new.
        new: u64,
    },
    /// The proof has more or fewer hashes than these sizes need, or more than 63.
    #[error("a proof of {hashes} hashes does not fit these sizes")]
    Length {
        /// Hashes of the proof.
        hashes: usize,
    },
    /// The proof leads to another root than the one stated.
    #[error("the proof leads to the root {computed}, stated is {stated}")]
    Root {
        /// The root computed from the proof.
        computed: Hash,
        /// The root that was to be shown.
        stated: Hash,
    },
}

/// Roots of the old and the new tree as a consistency proof gives them, for 0 < old < new.
fn grow(old: u64, old_root: &Hash, new: u64, proof: &[Hash]) -> Result<(Hash, Hash), VerifyError> {
    let wrong_length = VerifyError::Length { hashes: proof.len() };
    // If the old tree is one full subtree, its root is the first node of the proof and is left out of it.
    let (first, rest) =
        if old.is_power_of_two() { (old_root, proof) } else { proof.split_first().ok_or(wrong_length)? };
    let mut climb = Climb::new(old - 1, new - 1);
    climb.skip_right_turns();
    let (mut old_side, mut new_side) = (*first, *first);
    for sibling in rest {
        match climb.step(proof.len())? {
            Side::Left => {
                old_side = node_hash(sibling, &old_side);
                new_side = node_hash(sibling, &new_side);
            }
            Side::Right => new_side = node_hash(&new_side, sibling),
        }
    }
    climb.finish(proof.len())?;
    Ok((old_side, new_side))
}

fn check_root(computed: &Hash, stated: &Hash) -> Result<(), VerifyError> {
    if computed != stated {
        return Err(VerifyError::Root { computed: *computed, stated: *stated });
    }
    Ok(())
}

fn check_length(proof: &[Hash]) -> Result<(), VerifyError> {
    if proof.len() > PROOF_HASHES_MAX {
        return Err(VerifyError::Length { hashes: proof.len() });
    }
    Ok(())
}

/// The way from a leaf to the root: place of the present node and of the last node on its level.
struct Climb {
    node: u64,
    last: u64,
}

/// Where the next sibling stands.
enum Side {
    Left,
    Right,
}

impl Climb {
    fn new(node: u64, last: u64) -> Self {
        Climb { node, last }
    }

    /// Goes one sibling up. A node that is the last of its level and has no right sibling rises until it has
    /// a left one.
    fn step(&mut self, hashes: usize) -> Result<Side, VerifyError> {
        if self.last == 0 {
            return Err(VerifyError::Length { hashes });
        }
        let left = self.node & 1 == 1 || self.node == self.last;
        if left {
            while self.node & 1 == 0 && self.node != 0 {
                self.rise();
            }
        }
        self.rise();
        Ok(if left { Side::Left } else { Side::Right })
    }

    fn skip_right_turns(&mut self) {
        while self.node & 1 == 1 {
            self.rise();
        }
    }

    fn rise(&mut self) {
        self.node >>= 1;
        self.last >>= 1;
    }

    fn finish(&self, hashes: usize) -> Result<(), VerifyError> {
        if self.last != 0 {
            return Err(VerifyError::Length { hashes });
        }
        Ok(())
    }
}

/// First leaf of the right part of the tree over leaves `start` to `end`: the left part is the largest power
/// of two smaller than their number (RFC 6962 §2.1). At least two leaves.
fn split(start: u64, end: u64) -> u64 {
    start + (1 << (end - start - 1).ilog2())
}

/// Root of the tree over leaves `start` to `end`, `start` being a boundary that [`split`] gives.
fn range_root<E>(
    start: u64,
    end: u64,
    fetch: &mut impl FnMut(u8, u64) -> Result<Hash, E>,
) -> Result<Hash, E> {
    Ok(root_of_peaks(&peaks(start, end, fetch)?))
}

/// Roots of the full subtrees that together cover leaves `start` to `end`, largest first.
fn peaks<E>(
    start: u64,
    end: u64,
    fetch: &mut impl FnMut(u8, u64) -> Result<Hash, E>,
) -> Result<Vec<Hash>, E> {
    let mut found = Vec::new();
    let mut at = start;
    for level in (0..u64::BITS as u8).rev() {
        if ((end - start) >> level) & 1 == 1 {
            found.push(fetch(level, at >> level)?);
            at += 1 << level;
        }
    }
    Ok(found)
}

fn root_of_peaks(peaks: &[Hash]) -> Hash {
    peaks.iter().rev().copied().reduce(|right, left| node_hash(&left, &right)).unwrap_or_else(empty_root)
}
