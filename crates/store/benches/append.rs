//! Appending to a log on the disk: one entry an act, a parcel's worth an act, and the disk's own pace beside them.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a bench stops at the first surprise, and writes a file itself"
)]

use std::fs::File;
use std::io::Write;

use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use jiff::Timestamp;
use model::facts::Facts;
use rand::SeedableRng;
use rand::rngs::StdRng;
use store::{ChannelSide, ChannelState, NewChannel, NewEntry, SealingDraw, Store, StoreError};
use tlog::channel::{Origin, Use};
use tlog::commitment::{Salt, commit};

const ENTRY_BYTES: usize = 16 << 10;

fn now() -> Timestamp {
    "2026-12-10T14:00:00Z".parse().unwrap()
}

fn origin() -> Origin {
    Origin::from_hex(&"ab".repeat(32)).unwrap()
}

fn store(folder: &std::path::Path) -> Store {
    let store = Store::open(folder).unwrap();
    let made: Result<(), StoreError> = store.act(|act| {
        let partner = "service-b.example".parse().unwrap();
        act.add_partner(&partner, "card", now())?;
        act.put_channel(&NewChannel {
            origin: origin(),
            partner,
            side: ChannelSide::Ours,
            use_: Use::Actual,
            statement: String::new(),
            state: ChannelState::Open,
        })
    });
    made.unwrap();
    store
}

fn append(store: &Store, entries: usize, mut rng: StdRng) {
    let appended: Result<(), StoreError> = store.act(move |act| {
        let mut channel = act.channel(&origin())?.unwrap();
        for _ in 0..entries {
            let (salt, bytes) = (Salt::draw(&mut rng), vec![1; ENTRY_BYTES]);
            let new = NewEntry {
                kind: "cover".to_owned(),
                thread: [0; 16],
                answers: None,
                written: now(),
                facts: Facts::Channel,
                commitment: commit(&salt, &bytes),
                salt,
                bytes,
                seen: 0,
                draw: SealingDraw::draw(&mut rng),
            };
            act.append_entry(&mut channel, new, now())?;
        }
        Ok(())
    });
    appended.unwrap();
}

fn on_the_disk(c: &mut Criterion) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let store = store(folder.path());
    let mut seed = 0;
    let mut rng = || {
        seed += 1;
        StdRng::seed_from_u64(seed)
    };
    let mut group = c.benchmark_group("store");
    group.sampling_mode(SamplingMode::Flat).sample_size(20);
    group.throughput(Throughput::Elements(1));
    group.bench_function("append_1", |b| b.iter(|| append(&store, 1, rng())));
    let mut file = File::create(folder.path().join("raw")).unwrap();
    group.bench_function("fsync_of_4_kib", |b| {
        b.iter(|| {
            file.write_all(&[7; 4096]).unwrap();
            file.sync_data().unwrap();
        })
    });
    group.throughput(Throughput::Elements(256));
    group.bench_function("append_256", |b| b.iter(|| append(&store, 256, rng())));
    let mut file = File::create(folder.path().join("raw")).unwrap();
    group.bench_function("fsync_of_256_entries", |b| {
        b.iter(|| {
            file.write_all(&vec![7; 256 * ENTRY_BYTES]).unwrap();
            file.sync_data().unwrap();
        })
    });
    group.finish();
}

criterion_group!(benches, on_the_disk);
criterion_main!(benches);
