//! How fast a warning becomes what may be sent: judged, rendered, its texts compared, its bytes demanded.

mod demo;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use disclosure::{judge, release_warning, render};
use model::id::Digest;
use std::hint::black_box;

fn released(c: &mut Criterion) {
    let (warning, us, keys, stamp, now) = (demo::warning(), demo::us(), demo::keys(), demo::stamp(), demo::now());
    let mut group = c.benchmark_group("disclosure");
    for (name, audience) in [("to_b", demo::to_b()), ("to_c", demo::to_c())] {
        let judgement = judge(&warning, &audience, &us, keys.terms, &[], now);
        let rendering = render(&warning, &judgement, &audience, keys.rendering, &stamp).unwrap();
        println!("{name}: {} bytes", rendering.bytes().len());
        let approved = rendering.digest();
        group.throughput(Throughput::Elements(1));
        group.bench_function(format!("released_{name}"), |b| {
            b.iter(|| release_warning(black_box(&warning), &audience, &us, &keys, &[], &stamp, &approved, now))
        });
        group.bench_function(format!("judged_{name}"), |b| {
            b.iter(|| judge(black_box(&warning), &audience, &us, keys.terms, &[], now))
        });
        group.bench_function(format!("rendered_{name}"), |b| {
            b.iter(|| render(&warning, black_box(&judgement), &audience, keys.rendering, &stamp))
        });
        let bytes = rendering.bytes().to_vec();
        group.bench_function(format!("sha256_of_{name}"), |b| b.iter(|| Digest::of(black_box(&bytes))));
    }
    group.finish();
}

criterion_group!(benches, released);
criterion_main!(benches);
