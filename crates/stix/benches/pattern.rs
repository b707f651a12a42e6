//! How fast patterns are read, on one core.

#![allow(clippy::unwrap_used, reason = "a bench stops at the first surprise")]

#[path = "../../tlog/benches/processor/mod.rs"]
mod processor;

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use stix::pattern::Pattern;

use crate::processor::ProcessorTime;

const ADDRESS: &str = "[ipv4-addr:value = '198.51.100.7']";
const DOMAIN: &str = "[domain-name:value = 'mail.alpha.example']";
const HASH: &str =
    "[file:hashes.'SHA-256' = '4bac27393bdd9777ce02453256c5577cd02275510b2227f473d03f533924f877']";
const HASHES: &str = "[file:hashes.MD5 = 'd41d8cd98f00b204e9800998ecf8427e' OR \
                      file:hashes.'SHA-1' = 'da39a3ee5e6b4b0d3255bfef95601890afd80709' OR \
                      file:hashes.'SHA-256' = '4bac27393bdd9777ce02453256c5577cd02275510b2227f473d03f533924f877']";
const SEQUENCE: &str = "([network-traffic:dst_ref.value = 'alpha.example' AND network-traffic:dst_port IN (443, 8443)] \
                        FOLLOWEDBY [process:command_line LIKE '%curl%']) WITHIN 300 SECONDS";

/// Single patterns as feeds hold them, then as many of each kind as a feed has.
fn parse(c: &mut Criterion<ProcessorTime>) {
    let mut group = c.benchmark_group("pattern");
    for (name, text) in [
        ("address", ADDRESS),
        ("domain", DOMAIN),
        ("hash", HASH),
        ("three_hashes", HASHES),
        ("sequence", SEQUENCE),
    ] {
        group.throughput(Throughput::Elements(1));
        group
            .bench_function(format!("parse/{name}"), |b| b.iter(|| Pattern::parse(black_box(text)).unwrap()));
    }
    let kinds = [(ADDRESS, 40), (DOMAIN, 30), (HASH, 20), (HASHES, 8), (SEQUENCE, 2)];
    let feed: Vec<&str> = kinds.into_iter().flat_map(|(text, share)| vec![text; share]).collect();
    group.throughput(Throughput::Elements(100));
    group.bench_function("parse/feed_of_100", |b| {
        b.iter(|| {
            for text in black_box(&feed) {
                black_box(Pattern::parse(text).unwrap());
            }
        })
    });
    group.bench_function("parse_and_findings/feed_of_100", |b| {
        b.iter(|| {
            for text in black_box(&feed) {
                black_box(Pattern::parse(text).unwrap().findings());
            }
        })
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = processor::criterion();
    targets = parse
}
criterion_main!(benches);
