//! How fast a warning becomes what may be sent: judged, rendered, its texts compared, its bytes demanded.

#![allow(clippy::unwrap_used, reason = "a bench stops at the first surprise")]

mod demo;
#[path = "../../tlog/benches/processor/mod.rs"]
mod processor;

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use disclosure::{Worded, judge, release_warning, render};
use model::id::Digest;

use crate::processor::ProcessorTime;

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// For each receiver of the demo: released with the texts read once for all recipients, released alone with everything,
/// the parts of it, and as the bound SHA-256 over the bytes, which release cannot do without.
fn released(c: &mut Criterion<ProcessorTime>) {
    let (warning, us, keys, stamp, now) =
        (demo::warning(), demo::us(), demo::keys(), demo::stamp(), demo::now());
    let worded = Worded::of(&warning, &us, keys.terms);
    let mut group = c.benchmark_group("disclosure");
    group.throughput(Throughput::Elements(1));
    group.bench_function("texts_read", |b| b.iter(|| Worded::of(black_box(&warning), &us, keys.terms)));
    for (name, audience) in [("wide", demo::to_b()), ("narrow", demo::to_c())] {
        let judgement = judge(&warning, &audience, &us, keys.terms, &[], now);
        let rendering = render(&warning, &judgement, &audience, keys.rendering, &stamp).unwrap();
        let (approved, bytes) = (rendering.digest(), rendering.bytes().to_vec());
        group.bench_function(format!("released/{name}"), |b| {
            b.iter(|| {
                black_box(&worded).release(&audience, keys.rendering, &[], &stamp, &approved, now).unwrap()
            })
        });
        group.bench_function(format!("released_alone/{name}"), |b| {
            b.iter(|| {
                release_warning(black_box(&warning), &audience, &us, &keys, &[], &stamp, &approved, now)
                    .unwrap()
            })
        });
        group.bench_function(format!("judged/{name}"), |b| {
            b.iter(|| black_box(&worded).judge(&audience, &[], now))
        });
        group.bench_function(format!("sha256/{name}"), |b| b.iter(|| Digest::of(black_box(&bytes))));
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = processor::criterion();
    targets = released
}
criterion_main!(benches);
