//! The maths of a log: appending, proofs in a log of a million entries, and the hashing and signing that bound them.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a bench stops at the first surprise"
)]

mod processor;

use std::convert::Infallible;
use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use ed25519_dalek::{Signer, SigningKey};
use sha2::{Digest, Sha256};
use tlog::commitment::{Commitment, Salt, commit};
use tlog::hash::{Hash, leaf_hash, node_hash};
use tlog::tree::{CompactRange, inclusion_proof, verify_inclusion};

use crate::processor::ProcessorTime;

const MILLION: u64 = 1_000_000;

fn commitment(n: u64) -> Commitment {
    Commitment::from_bytes(Sha256::digest(n.to_be_bytes()).into())
}

fn append(c: &mut Criterion<ProcessorTime>) {
    let commitments: Vec<Commitment> = (0..10_000).map(commitment).collect();
    let mut group = c.benchmark_group("tlog");
    group.throughput(Throughput::Elements(10_000));
    group.bench_function("append_10000", |b| {
        b.iter(|| {
            let mut range = CompactRange::new();
            for commitment in black_box(&commitments) {
                black_box(range.append(leaf_hash(commitment)));
            }
            range.root()
        })
    });
    // What no log can do without: for each leaf its own hash, and on average one node above it.
    let (leaf, other) = (leaf_hash(&commitments[0]), leaf_hash(&commitments[1]));
    group.bench_function("hashes_of_10000", |b| {
        b.iter(|| {
            let mut last = other;
            for commitment in black_box(&commitments) {
                last = node_hash(&leaf_hash(commitment), &last);
            }
            (last, leaf)
        })
    });
    group.finish();
}

fn proof(c: &mut Criterion<ProcessorTime>) {
    let mut range = CompactRange::new();
    let mut levels: Vec<Vec<Hash>> = vec![Vec::new(); 64];
    for n in 0..MILLION {
        for subtree in range.append(leaf_hash(&commitment(n))) {
            levels[usize::from(subtree.level)].push(subtree.hash);
        }
    }
    let root = range.root();
    let fetch = |level: u8, index: u64| Ok::<_, Infallible>(levels[usize::from(level)][index as usize]);
    let mut group = c.benchmark_group("tlog");
    let mut n = 0u64;
    group.bench_function("proof_in_a_million", |b| {
        b.iter(|| {
            n = (n + 7_919) % MILLION;
            let path = inclusion_proof(n, MILLION, fetch).unwrap();
            verify_inclusion(&levels[0][n as usize], n, MILLION, &path, &root).unwrap();
        })
    });
    // Twenty siblings are hashed to check a path; to make it, the right edge is hashed once more.
    group.bench_function("forty_node_hashes", |b| {
        b.iter(|| (0..40).fold(root, |last, _| node_hash(black_box(&last), &root)))
    });
    group.finish();
}

fn primitives(c: &mut Criterion<ProcessorTime>) {
    let mut group = c.benchmark_group("primitive");
    let key = SigningKey::from_bytes(&[7; 32]);
    let verifying = key.verifying_key();
    let message = [5u8; 150];
    group.bench_function("ed25519_sign_and_verify", |b| {
        b.iter(|| verifying.verify_strict(&message, &key.sign(black_box(&message))).unwrap())
    });
    let megabyte = vec![1u8; 1 << 20];
    group.throughput(Throughput::Bytes(1 << 20));
    group.bench_function("sha256_of_a_mebibyte", |b| b.iter(|| Sha256::digest(black_box(&megabyte))));
    group.bench_function("copy_of_a_mebibyte", |b| {
        b.iter_batched_ref(
            || vec![0u8; 1 << 20],
            |to| to.copy_from_slice(black_box(&megabyte)),
            BatchSize::LargeInput,
        )
    });
    let entry = vec![1u8; 16 << 10];
    group.throughput(Throughput::Elements(1));
    group.bench_function("commitment_to_16_kib", |b| {
        b.iter(|| commit(&Salt::from_bytes([3; 32]), black_box(&entry)))
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = processor::criterion();
    targets = append, proof, primitives
}
criterion_main!(benches);
