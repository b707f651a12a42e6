//! Every reader of bytes that come from outside, with what must hold whatever the bytes are.
//!
//! A reader is one function that gives valid examples and a closure. The closure does with any bytes what the program
//! does with them, and panics where a property does not hold: what is accepted is printed again byte for byte (or, where a
//! form has several spellings, reads back as the same), limits hold, and nothing verifies that was not signed.
//!
//! [`READERS`] is the table. `outside/tests/readers.rs` runs all of it, on any toolchain, over the examples, the corpus kept
//! in `fuzz/corpus/`, and changes to both; `cargo xtask fuzz` runs it with libFuzzer. It is linked into tests, never into
//! the product. Read first [`Reader`], then `logs` for the shortest readers.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a reader stops at the first surprise"
)]

mod change;
mod doors;
mod folders;
mod logs;
mod others;
mod ours;
mod roof;
#[path = "../../crates/tlog/tests/world/mod.rs"]
mod world;

use std::path::{Path, PathBuf};

pub use change::changed;

/// A reader of bytes from outside.
pub struct Reader {
    /// Its name: of its folder in the corpus, and on the command line.
    pub name: &'static str,
    /// Makes what it needs, once for many inputs.
    pub begin: fn() -> Begun,
}

/// What is done with any bytes.
pub type Read = Box<dyn FnMut(&[u8])>;

/// A reader that has begun.
pub struct Begun {
    /// Valid examples, made from the vectors of docs/log-format.md §15 and from houses of the testkit.
    pub examples: Vec<Vec<u8>>,
    /// Reads any bytes. A panic is a property that does not hold.
    pub read: Read,
    /// How many changed inputs an ordinary test run makes of it: fewer where each takes a database.
    pub changes: usize,
}

impl Begun {
    /// A reader whose inputs cost next to nothing.
    fn of(examples: impl IntoIterator<Item = Vec<u8>>, read: impl FnMut(&[u8]) + 'static) -> Self {
        Self { examples: examples.into_iter().collect(), read: Box::new(read), changes: 3_000 }
    }

    /// The same where each input asks a database.
    fn slow(self) -> Self {
        Self { changes: 300, ..self }
    }
}

const fn reader(name: &'static str, begin: fn() -> Begun) -> Reader {
    Reader { name, begin }
}

/// The table: one line a reader.
pub const READERS: &[Reader] = &[
    reader("note", logs::note),
    reader("checkpoint", logs::checkpoint),
    reader("signature-line", logs::signature_line),
    reader("statement", logs::statement),
    reader("card", logs::card),
    reader("entry", logs::entry),
    reader("parcel", logs::parcel),
    reader("proof", logs::proof),
    reader("tree", logs::tree),
    reader("policy", logs::policy),
    reader("spelling", logs::spelling),
    reader("receipt-folder", folders::receipt),
    reader("evidence-folder", folders::evidence),
    reader("warning-file", ours::warning_file),
    reader("agreement", ours::agreement),
    reader("body", ours::body),
    reader("bundle", ours::bundle),
    reader("fold", ours::fold),
    reader("name", ours::name),
    reader("shown", ours::shown),
    reader("typed", ours::typed),
    reader("decision", ours::decision),
    reader("stix", others::stix),
    reader("certificate", doors::certificate),
    reader("request", doors::request),
    reader("answer", doors::answer),
    reader("carried", doors::carried),
    reader("sealed", doors::sealed),
    reader("node-json", roof::node_json),
    reader("manifest", roof::manifest),
    reader("archive", roof::archive),
    reader("command", roof::command),
];

/// The reader of this name.
pub fn find(name: &str) -> Option<&'static Reader> {
    READERS.iter().find(|reader| reader.name == name)
}

/// Where the corpus is kept: a folder for each reader that has found something worth keeping.
pub fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("fuzz").join("corpus")
}

/// Panics unless what was accepted is printed again byte for byte.
#[track_caller]
fn same(again: impl AsRef<[u8]>, bytes: &[u8]) {
    assert_eq!(shown(again.as_ref()), shown(bytes), "what is accepted has one spelling");
}

fn shown(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}
