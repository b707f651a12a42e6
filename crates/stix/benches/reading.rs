//! How fast what others wrote is split, its headers are read, and it is held against the standard: over the bundle in the file that the variable
//! `STIX_BUNDLE` names (unpacked JSON), else over one that is made here in the shape of a large public knowledge base.

#![allow(clippy::unwrap_used, reason = "a bench stops at the first surprise")]

mod made;
#[path = "../../tlog/benches/processor/mod.rs"]
mod processor;

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use stix::read::{BundleReader, Limits, Piece, Split};
use stix::validate::validate;

use crate::processor::ProcessorTime;

fn reading(c: &mut Criterion<ProcessorTime>) {
    let text = made::bundle();
    let mut group = c.benchmark_group("stix");
    group.throughput(Throughput::Bytes(text.len() as u64)).sample_size(20);
    group.bench_function("utf8", |b| b.iter(|| std::str::from_utf8(black_box(&text)).unwrap().len()));
    group.bench_function("split", |b| b.iter(|| objects(&text, |_| 1)));
    group.bench_function("split_header", |b| {
        b.iter(|| objects(&text, |piece| piece.header().unwrap().refs.len() as u64))
    });
    group.bench_function("split_header_stream", |b| {
        b.iter(|| {
            let mut reader = BundleReader::new(text.as_slice(), Limits::default());
            let mut sum = 0;
            while let Some(piece) = reader.piece().unwrap() {
                if let Piece::Object(object) = piece {
                    sum += object.header().unwrap().refs.len();
                }
            }
            sum
        })
    });
    group.bench_function("split_sha256", |b| b.iter(|| objects(&text, |piece| u64::from(piece.sha256()[0]))));
    group.bench_function("split_canonical", |b| {
        b.iter(|| objects(&text, |piece| piece.canonical().len() as u64))
    });
    group.bench_function("split_validate", |b| {
        b.iter(|| {
            let mut findings = Vec::new();
            objects(&text, |object| {
                findings.clear();
                validate(&object, &mut findings);
                findings.len() as u64
            })
        })
    });
    group.finish();
}

fn objects(text: &[u8], mut each: impl FnMut(stix::read::RawObject<'_>) -> u64) -> u64 {
    let mut split = Split::new(black_box(text), Limits::default());
    let mut sum = 0;
    while let Some(piece) = split.piece() {
        if let Piece::Object(object) = piece {
            sum += each(object);
        }
    }
    sum
}

criterion_group! {
    name = benches;
    config = processor::criterion();
    targets = reading
}
criterion_main!(benches);
