//! Roots and proofs against two independent implementations, and what the verifiers refuse.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::BTreeMap;

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use proptest::prelude::*;
use sha2::{Digest, Sha256};
use tlog::commitment::Commitment;
use tlog::hash::{Hash, empty_root, leaf_hash, node_hash};
use tlog::tree::{
    CompactRange, CompactRangeError, ProveError, Subtree, VerifyError, compact_range_at, consistency_proof,
    inclusion_proof, root_at, verify_consistency, verify_inclusion,
};
use tlog_tiles::tlog as tiles;

/// A log with its stored subtrees, and the same log in ct-merkle.
struct Log {
    range: CompactRange,
    stored: BTreeMap<(u8, u64), Hash>,
    oracle: MemoryBackedTree<Sha256, Vec<u8>>,
}

impl Log {
    fn of(size: u64) -> Log {
        let mut log =
            Log { range: CompactRange::new(), stored: BTreeMap::new(), oracle: MemoryBackedTree::new() };
        for index in 0..size {
            let commitment = commitment(index);
            log.oracle.push(commitment.as_bytes().to_vec());
            for Subtree { level, index, hash } in log.range.append(leaf_hash(&commitment)) {
                assert_eq!(log.stored.insert((level, index), hash), None);
            }
        }
        log
    }

    fn fetch(&self) -> impl Fn(u8, u64) -> Result<Hash, (u8, u64)> + Copy + '_ {
        |level, index| self.stored.get(&(level, index)).copied().ok_or((level, index))
    }

    fn root_at(&self, size: u64) -> Hash {
        root_at(size, self.fetch()).unwrap()
    }
}

/// tlog_tiles reads its hashes from our stored subtrees.
impl tiles::HashReader for Log {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tiles::Hash>, tiles::Error> {
        let read = |index: &u64| {
            let place = tiles::split_stored_hash_index(*index);
            tiles::Hash(*self.stored[&place].as_bytes())
        };
        Ok(indexes.iter().map(read).collect())
    }
}

fn commitment(index: u64) -> Commitment {
    Commitment::from_bytes(Sha256::digest(index.to_be_bytes()).into())
}

fn leaf(index: u64) -> Hash {
    leaf_hash(&commitment(index))
}

fn theirs(hash: &Hash) -> tiles::Hash {
    tiles::Hash(*hash.as_bytes())
}

fn joined(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| *hash.as_bytes()).collect()
}

fn joined_theirs(hashes: &[tiles::Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

/// RFC 6962 §2.1, word for word.
fn naive_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            node_hash(&naive_root(left), &naive_root(right))
        }
    }
}

#[test]
fn every_small_tree_has_the_root_of_the_definition() {
    let log = Log::of(70);
    let leaves: Vec<Hash> = (0..70).map(leaf).collect();
    for size in 0..=70 {
        assert_eq!(log.root_at(size as u64), naive_root(&leaves[..size]));
        let range = compact_range_at(size as u64, log.fetch()).unwrap();
        assert_eq!(range.root(), naive_root(&leaves[..size]));
    }
}

#[test]
fn every_proof_in_every_small_tree_verifies_and_equals_that_of_ct_merkle() {
    for size in 1..=33 {
        let log = Log::of(size);
        let root = log.root_at(size);
        for index in 0..size {
            let path = inclusion_proof(index, size, log.fetch()).unwrap();
            verify_inclusion(&leaf(index), index, size, &path, &root).unwrap();
            let oracle = log.oracle.prove_inclusion(index as usize);
            assert_eq!(joined(&path), oracle.as_bytes());
        }
        for old in 1..size {
            let proof = consistency_proof(old, size, log.fetch()).unwrap();
            verify_consistency(old, &log.root_at(old), size, &root, &proof).unwrap();
            let oracle = log.oracle.prove_consistency((size - old) as usize);
            assert_eq!(joined(&proof), oracle.as_bytes());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn roots_and_proofs_equal_those_of_both_oracles(size in 1..700_u64, at in any::<prop::sample::Index>()) {
        let log = Log::of(size);
        let root = log.range.root();
        prop_assert_eq!(log.root_at(size), root);
        let oracle = log.oracle.root();
        prop_assert_eq!(root.as_bytes(), oracle.as_bytes().as_slice());
        prop_assert_eq!(theirs(&root), tiles::tree_hash(size, &log).unwrap());

        let index = at.index(size as usize) as u64;
        let path = inclusion_proof(index, size, log.fetch()).unwrap();
        let oracle = log.oracle.prove_inclusion(index as usize);
        prop_assert_eq!(joined(&path), oracle.as_bytes());
        let record = tiles::prove_record(size, index, &log).unwrap();
        prop_assert_eq!(joined(&path), joined_theirs(&record));
        verify_inclusion(&leaf(index), index, size, &path, &root).unwrap();
        tiles::check_record(&record, size, theirs(&root), index, theirs(&leaf(index))).unwrap();

        let old = index + 1;
        let old_root = log.root_at(old);
        let proof = consistency_proof(old, size, log.fetch()).unwrap();
        let tree = tiles::prove_tree(size, old, &log).unwrap();
        prop_assert_eq!(joined(&proof), joined_theirs(&tree));
        verify_consistency(old, &old_root, size, &root, &proof).unwrap();
        tiles::check_tree(&tree, size, theirs(&root), old, theirs(&old_root)).unwrap();
    }

    #[test]
    fn a_range_goes_on_from_storage_as_if_never_stored(before in 0..300_u64, more in 0..40_u64) {
        let log = Log::of(before + more);
        let mut range = compact_range_at(before, log.fetch()).unwrap();
        range = CompactRange::from_bytes(&range.to_bytes()).unwrap();
        for index in before..before + more {
            for Subtree { level, index, hash } in range.append(leaf(index)) {
                prop_assert_eq!(log.stored[&(level, index)], hash);
            }
        }
        prop_assert_eq!(range, log.range);
    }

    #[test]
    fn a_changed_inclusion_proof_is_refused(size in 2..300_u64, at in any::<prop::sample::Index>(), bit in any::<prop::sample::Index>()) {
        let log = Log::of(size);
        let root = log.range.root();
        let index = at.index(size as usize) as u64;
        let path = inclusion_proof(index, size, log.fetch()).unwrap();
        let verify = |index, path: &[Hash]| verify_inclusion(&leaf(index), index, size, path, &root);

        prop_assert!(verify(index, &flipped(&path, bit)).is_err());
        let shorter = &path[..path.len() - 1];
        let longer = [path.as_slice(), &[root]].concat();
        prop_assert_eq!(verify(index, shorter), Err(VerifyError::Length { hashes: shorter.len() }));
        prop_assert_eq!(verify(index, &longer), Err(VerifyError::Length { hashes: longer.len() }));
        for other in (0..size).filter(|other| *other != index) {
            prop_assert!(verify_inclusion(&leaf(index), other, size, &path, &root).is_err());
        }
    }

    #[test]
    fn a_changed_consistency_proof_is_refused(size in 2..300_u64, at in any::<prop::sample::Index>(), bit in any::<prop::sample::Index>()) {
        let log = Log::of(size);
        let root = log.range.root();
        let old = 1 + at.index(size as usize - 1) as u64;
        let old_root = log.root_at(old);
        let proof = consistency_proof(old, size, log.fetch()).unwrap();
        let verify = |proof: &[Hash]| verify_consistency(old, &old_root, size, &root, proof);

        prop_assert!(verify(&flipped(&proof, bit)).is_err());
        prop_assert!(verify(&proof[..proof.len() - 1]).is_err());
        prop_assert!(verify(&[proof.as_slice(), &[root]].concat()).is_err());
        let wrong = node_hash(&old_root, &root);
        prop_assert!(verify_consistency(old, &wrong, size, &root, &proof).is_err());
        prop_assert!(verify_consistency(old, &old_root, size, &wrong, &proof).is_err());
    }

    #[test]
    fn huge_trees_take_a_few_reads_and_short_proofs(size in 2..(1_u64 << 48), at in any::<u64>()) {
        let same = uniform_levels();
        let mut reads = 0;
        let mut fetch = |level: u8, _: u64| -> Result<Hash, ()> {
            reads += 1;
            Ok(same[level as usize])
        };
        let index = at % size;
        let root = root_at(size, &mut fetch).unwrap();
        let path = inclusion_proof(index, size, &mut fetch).unwrap();
        verify_inclusion(&same[0], index, size, &path, &root).unwrap();
        let old = index + 1;
        let old_root = root_at(old, &mut fetch).unwrap();
        let proof = consistency_proof(old, size, &mut fetch).unwrap();
        verify_consistency(old, &old_root, size, &root, &proof).unwrap();
        prop_assert!(path.len() <= 63 && proof.len() <= 63);
        prop_assert!(reads <= 4 * 2 * 48);
    }

    #[test]
    fn the_verifiers_take_anything_without_panic(
        numbers in any::<[u64; 2]>(),
        proof in prop::collection::vec(any::<[u8; 32]>(), 0..80),
    ) {
        let [a, b] = numbers;
        let proof: Vec<Hash> = proof.into_iter().map(Hash::from_bytes).collect();
        let root = empty_root();
        let _ = verify_inclusion(&root, a, b, &proof, &root);
        let _ = verify_consistency(a, &root, b, &root, &proof);
        let small = [a % 40, b % 40];
        let _ = verify_inclusion(&root, small[0], small[1], &proof, &root);
        let _ = verify_consistency(small[0], &root, small[1], &root, &proof);
    }
}

/// Roots of full subtrees whose leaves are all the same, by level.
fn uniform_levels() -> Vec<Hash> {
    let mut levels = vec![leaf(0)];
    for level in 0..48 {
        let below = levels[level];
        levels.push(node_hash(&below, &below));
    }
    levels
}

fn flipped(hashes: &[Hash], bit: prop::sample::Index) -> Vec<Hash> {
    let mut bytes = joined(hashes);
    let bit = bit.index(bytes.len() * 8);
    bytes[bit / 8] ^= 1 << (bit % 8);
    let (hashes, _) = bytes.as_chunks();
    hashes.iter().copied().map(Hash::from_bytes).collect()
}

#[test]
fn nothing_grows_into_anything_and_a_tree_into_itself() {
    let log = Log::of(5);
    let (root, empty) = (log.range.root(), empty_root());
    assert_eq!(consistency_proof(0, 5, log.fetch()), Ok(vec![]));
    assert_eq!(consistency_proof(5, 5, log.fetch()), Ok(vec![]));
    assert_eq!(verify_consistency(0, &empty, 5, &root, &[]), Ok(()));
    assert_eq!(verify_consistency(5, &root, 5, &root, &[]), Ok(()));
    assert_eq!(verify_consistency(0, &empty, 0, &empty, &[]), Ok(()));
    assert!(verify_consistency(0, &root, 5, &root, &[]).is_err());
    assert!(verify_consistency(0, &empty, 5, &root, &[root]).is_err());
    assert!(verify_consistency(5, &root, 5, &empty, &[]).is_err());
    assert!(verify_consistency(5, &root, 5, &root, &[root]).is_err());
    assert!(verify_consistency(0, &root, 0, &root, &[]).is_err());
    assert!(verify_consistency(0, &empty, 0, &root, &[]).is_err());
}

#[test]
fn what_is_not_in_the_tree_has_no_proof() {
    let log = Log::of(5);
    let root = log.range.root();
    assert_eq!(inclusion_proof(5, 5, log.fetch()), Err(ProveError::Index { index: 5, size: 5 }));
    assert_eq!(consistency_proof(6, 5, log.fetch()), Err(ProveError::Sizes { old: 6, new: 5 }));
    assert_eq!(verify_inclusion(&leaf(0), 5, 5, &[], &root), Err(VerifyError::Index { index: 5, size: 5 }));
    assert_eq!(verify_consistency(6, &root, 5, &root, &[]), Err(VerifyError::Sizes { old: 6, new: 5 }));
}

#[test]
fn a_subtree_that_cannot_be_read_is_named() {
    let log = Log::of(5);
    assert_eq!(root_at(6, log.fetch()), Err((1, 2)));
    assert_eq!(inclusion_proof(0, 6, log.fetch()), Err(ProveError::Fetch((1, 2))));
}

#[test]
fn a_leaf_completes_itself_and_its_full_ancestors() {
    let log = Log::of(7);
    let mut range = log.range;
    let places: Vec<_> = range.append(leaf(7)).iter().map(|tree| (tree.level, tree.index)).collect();
    assert_eq!(places, [(0, 7), (1, 3), (2, 1), (3, 0)]);
    let places: Vec<_> = range.append(leaf(8)).iter().map(|tree| (tree.level, tree.index)).collect();
    assert_eq!(places, [(0, 8)]);
}

#[test]
fn damaged_bytes_of_a_range_are_refused() {
    let bytes = Log::of(6).range.to_bytes();
    assert_eq!(bytes.len(), 8 + 2 * 32);
    assert_eq!(CompactRange::from_bytes(&bytes[..7]), Err(CompactRangeError::Short { bytes: 7 }));
    assert_eq!(
        CompactRange::from_bytes(&bytes[..bytes.len() - 1]),
        Err(CompactRangeError::Hashes { size: 6, bytes: 63 })
    );
    assert_eq!(CompactRange::from_bytes(&bytes[..40]), Err(CompactRangeError::Hashes { size: 6, bytes: 32 }));
    let size = 1 << 48;
    assert_eq!(CompactRange::from_bytes(&u64::to_be_bytes(size)), Err(CompactRangeError::Size { size }));
    assert_eq!(CompactRange::from_bytes(&CompactRange::new().to_bytes()), Ok(CompactRange::new()));
}
