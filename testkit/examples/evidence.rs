//! Writes evidence folders, as a node makes them after a partner has signed what cannot be true, for a foreign verifier:
//! `cargo run -p testkit --example evidence -- FOLDER`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a generator for tests stops at the first surprise, and takes the folder from its command line"
)]

use std::fs;
use std::path::Path;

use exchange::evidence::export::{self, Wanted};
use testkit::{A, B, ByHand, EntryOf, TestHouses};
use tlog::channel::Use;
use tlog::checkpoint::Checkpoint;
use tlog::hash::Hash;

fn main() {
    let folder = std::env::args().nth(1).expect("the folder to write into");
    // A partner with five receipted entries signs another root for one of these sizes.
    for size in 1..=5 {
        write(&Path::new(&folder).join(format!("another-root-at-{size}")), size);
    }
}

fn write(folder: &Path, size: u64) {
    let houses = TestHouses::of(&[A]);
    let a = houses.a();
    let mut b = ByHand::with(a, B, Use::Actual).opened();
    for word in ["one", "two", "three", "four"] {
        b.push(EntryOf::kind("cover", word));
    }
    b.delivers(a, 0);
    let forged = b.signed(&Checkpoint { origin: b.origin(), size, root: Hash::from_bytes([6; 32]) });
    b.send(a, &b.parcel_with(0, forged));
    let made = export::export(&a.house(), &a.caller("release1"), 1, Wanted::Proof, a.now()).unwrap();
    fs::create_dir_all(folder).unwrap();
    for (name, content) in made.files {
        fs::write(folder.join(name), content).unwrap();
    }
}
