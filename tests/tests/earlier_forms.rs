//! Databases of every form there has been, as the program of that time left them: today's opens them, reads them as that
//! one did, and goes on with them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use exchange::deliver::{self, Answer, Next};
use exchange::house::{House, Settings};
use exchange::keys::{NodeKeys, NodeSeeds};
use exchange::receive::{self, Receipt};
use exchange::{audit, people, undertaking, view};
use jiff::Timestamp;
use model::body::Undertaking;
use model::caller::{Partner, Person};
use model::id::PartyName;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde::Serialize;
use serde_json::Value;
use store::{ChannelSide, ChannelState, MarkFound, Store};
use tempfile::TempDir;
use tlog::channel::Use;
use zeroize::Zeroizing;

/// A form that databases have had, and what is known of its archive in `fixtures`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Form {
    number: i64,
    archive: &'static str,
    /// Whether the program of that time kept a high-water mark.
    has_mark: bool,
    /// A moment after the archive was made.
    now: &'static str,
}

const FORMS: [Form; 2] = [
    Form { number: 1, archive: "first-form.tar.zst", has_mark: false, now: "2026-11-22T13:20:00Z" },
    Form { number: 2, archive: "second-form.tar.zst", has_mark: true, now: "2026-12-12T12:00:00Z" },
];

impl Form {
    fn now(self) -> Timestamp {
        self.now.parse().unwrap()
    }

    fn unpacked(self) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(self.archive);
        let packed = zstd::Decoder::new(fs::File::open(fixture).unwrap()).unwrap();
        tar::Archive::new(packed).unpack(folder.path()).unwrap();
        folder
    }
}

fn party(node: &str) -> PartyName {
    format!("service-{node}.example").parse().unwrap()
}

/// The house of node `a` or `b` on the folder that was left.
fn house(folder: &Path, node: &str) -> House {
    let root = folder.join(node);
    let seed = |name: &str| {
        let mut bytes = Zeroizing::new([0; 32]);
        let text = fs::read_to_string(root.join("keys").join(format!("{name}.key"))).unwrap();
        hex::decode_to_slice(text.trim(), bytes.as_mut_slice()).unwrap();
        bytes
    };
    let seeds = NodeSeeds {
        identity: seed("identity"),
        cosigner: seed("cosigner"),
        log: seed("log"),
        rendering: seed("rendering"),
        terms: seed("terms"),
    };
    let keys = NodeKeys::from_seeds(&party(node), &seeds).unwrap();
    let settings = Settings::new("127.0.0.1:1".to_owned(), "00".repeat(32), String::new(), "desk".to_owned());
    House::new(Store::open(&root).unwrap(), keys, party(node), settings, Arc::new(|| ()))
}

fn person((form, folder): (Form, &Path), house: &House, node: &str, name: &str) -> Person {
    let passphrase = fs::read_to_string(folder.join(format!("{node}.{name}.passphrase"))).unwrap();
    people::login(house, &name.parse().unwrap(), passphrase.trim(), form.now()).unwrap().0
}

/// Whether today's answer says all that was recorded; it may say more.
fn says(today: &Value, recorded: &Value) -> bool {
    match (today, recorded) {
        (Value::Object(t), Value::Object(r)) => {
            r.iter().all(|(key, value)| t.get(key).is_some_and(|today| says(today, value)))
        }
        (Value::Array(t), Value::Array(r)) => t.len() == r.len() && t.iter().zip(r).all(|(t, r)| says(t, r)),
        (t, r) => t == r,
    }
}

fn assert_as_recorded(folder: &Path, name: &str, today: impl Serialize) {
    let recorded: Value =
        serde_json::from_slice(&fs::read(folder.join(format!("{name}.json"))).unwrap()).unwrap();
    let today = serde_json::to_value(today).unwrap();
    assert!(says(&today, &recorded), "{name}\nrecorded {recorded:#}\ntoday {today:#}");
    assert!(!recorded.as_array().is_some_and(Vec::is_empty), "{name}: nothing was recorded");
}

#[test]
fn every_form_there_has_been_has_its_archive() {
    let (_, newest) = store::forms()[0];
    // The newest may be in the making; those before are in the field.
    assert!((newest - 1..=newest).contains(&FORMS.last().unwrap().number), "form {newest} is the newest");
    for (number, form) in (1..).zip(FORMS) {
        let folder = form.unpacked();
        for node in ["a", "b"] {
            let database = rusqlite::Connection::open(folder.path().join(node).join("node.db")).unwrap();
            let found: i64 = database.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
            assert_eq!((form.number, found), (number, number), "{}", form.archive);
        }
    }
}

#[test]
fn the_archive_of_the_second_form_has_a_row_in_every_table() {
    let folder = FORMS[1].unpacked();
    for name in ["node.db", "keys.db", "sources.db", "high-water.db"] {
        let mut rows = BTreeMap::new();
        for node in ["a", "b"] {
            let database = rusqlite::Connection::open(folder.path().join(node).join(name)).unwrap();
            let mut tables = database
                .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
                .unwrap();
            let tables: Vec<String> =
                tables.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
            assert!(!tables.is_empty(), "{name}");
            for table in tables {
                let count = format!("SELECT count(*) FROM \"{table}\"");
                let count: i64 = database.query_row(&count, [], |row| row.get(0)).unwrap();
                *rows.entry(table).or_insert(0) += count;
            }
        }
        let empty: Vec<_> = rows.iter().filter(|(_, count)| **count == 0).collect();
        assert!(empty.is_empty(), "{name}: {empty:?}");
    }
}

#[test]
fn todays_program_opens_and_reads_what_every_earlier_one_wrote() {
    FORMS.into_iter().for_each(reads);
}

fn reads(form: Form) {
    let folder = form.unpacked();
    let folder = folder.path();
    for (node, other) in [("a", "b"), ("b", "a")] {
        let house = house(folder, node);
        let mark = if form.has_mark { MarkFound::There } else { MarkFound::Made };
        // The second node a was recovering a partner's log when it stopped.
        let recovers = form.has_mark && node == "a";
        let reason = recovers.then(|| "the databases went back to an earlier state".to_owned());
        assert_eq!((house.store.opened().mark, house.store.opened().reason.clone()), (mark, reason));
        let trail = audit::check(&house).unwrap();
        assert!(trail.is_sound() && trail.lines > 10, "{trail:?}");
        let faults = house.store.view(|view| view.faults()).unwrap();
        assert!(faults.is_empty(), "{faults:?}");
        let desk = person((form, folder), &house, node, "desk1");
        let ledger = view::ledger::ledger(&house, &desk, &party(other)).unwrap();
        assert_as_recorded(folder, &format!("{node}-ledger"), ledger);
        let inbox = view::inbox::incoming(&house, &desk, form.now()).unwrap();
        assert_as_recorded(folder, &format!("{node}-inbox"), inbox);
        let sent = view::inbox::outgoing(&house, &desk, form.now()).unwrap();
        assert_as_recorded(folder, &format!("{node}-sent"), sent);
        let agreements = view::relation::agreements(&house, &desk, None).unwrap();
        assert_as_recorded(folder, &format!("{node}-agreement-list"), agreements);
    }
}

#[test]
fn each_log_of_every_form_is_whole_and_has_its_mark() {
    FORMS.into_iter().for_each(is_whole);
}

fn is_whole(form: Form) {
    let folder = form.unpacked();
    for node in ["a", "b"] {
        let store = house(folder.path(), node).store;
        store
            .view(|view| {
                let channels = view.channels()?;
                assert!(channels.len() >= 3);
                for channel in channels {
                    for index in 0..channel.size() {
                        // What was erased, or was lost and came as erased, opens to nothing; its commitment stays.
                        let Some(opened) = view.open_entry(&channel, index)? else { continue };
                        let commitment = tlog::commitment::commit(&opened.salt, &opened.bytes);
                        assert_eq!(view.commitment(&channel, index)?.unwrap(), commitment);
                    }
                    assert_eq!(view.root_at(&channel, channel.size())?, channel.range.root());
                    if form.has_mark && channel.state != ChannelState::Open {
                        continue;
                    }
                    let mark = view.high_water(&channel.origin)?;
                    let Some(mark) = mark else {
                        assert!(form.has_mark && channel.cosigned == 0, "no mark: {channel:?}");
                        continue;
                    };
                    if !form.has_mark {
                        assert_eq!(
                            (mark.signed.size, mark.signed.root),
                            (channel.cosigned, channel.range.root())
                        );
                        assert!(!channel.recovering);
                    }
                    assert_eq!(mark.cosigned.size, channel.cosigned);
                }
                Ok::<_, store::StoreError>(())
            })
            .unwrap();
    }
}

#[test]
fn a_node_on_a_folder_of_any_form_goes_on_delivering() {
    FORMS.into_iter().for_each(delivers);
}

fn delivers(form: Form) {
    let folder = form.unpacked();
    let now = || form.now();
    let (a, b) = (house(folder.path(), "a"), house(folder.path(), "b"));
    let liaison = person((form, folder.path()), &a, "a", "liaison1");
    let promise = Undertaking {
        domain: "counter_terrorism".parse().unwrap(),
        text: "we tell you of any threat to your ports".to_owned(),
        protected: Vec::new(),
        harm: Default::default(),
        until: None,
    };
    let mut rng = StdRng::seed_from_u64(7);
    undertaking::declare(&a, &liaison, &party("b"), promise, now(), &mut rng).unwrap();
    let size = |house: &House, with: &str, side| {
        let found = house.store.view(|view| view.channel_with(&party(with), side, Use::Actual)).unwrap();
        found.map(|channel| (channel.size(), channel.cosigned, channel.origin)).unwrap()
    };
    let (before, _, origin) = size(&a, "b", ChannelSide::Ours);
    let caller = Partner { name: party("a") };
    let head = receive::newest_head(&b, &caller, origin).unwrap().unwrap();
    let next = deliver::head_answer(&a, &party("b"), Use::Actual, Some(head.as_bytes()), now()).unwrap();
    assert_eq!(next, Next::SendFrom(before));
    let parcel =
        deliver::next_parcel(&a, &party("b"), Use::Actual, Some(before), now(), &mut rng).unwrap().unwrap();
    let receipt = receive::parcel(&b, &caller, origin, &parcel.bytes, now(), &mut rng).unwrap();
    let Receipt::Held(line) = receipt else { panic!("{receipt:?}") };
    let settled = deliver::settle(&a, &parcel, Answer::Receipt(format!("{line}\n").into_bytes()), now());
    assert_eq!(settled.unwrap(), Next::Settled);
    for (house, with, side) in [(&a, "b", ChannelSide::Ours), (&b, "a", ChannelSide::Theirs)] {
        assert_eq!(size(house, with, side), (before + 1, before + 1, origin));
        let mark = house.store.view(|view| view.high_water(&origin)).unwrap().unwrap();
        assert_eq!((mark.signed.size, mark.cosigned.size), (before + 1, before + 1));
    }
}

#[test]
fn a_change_of_form_that_was_cut_off_is_taken_up_again() {
    type Cut = fn(&Path);
    let cuts: [(&str, Cut); 3] = [
        ("within the step of node.db", |node| {
            let database = rusqlite::Connection::open(node.join("node.db")).unwrap();
            database
                .execute_batch(
                    "BEGIN; ALTER TABLE channels ADD COLUMN recovering INTEGER; PRAGMA user_version = 2;",
                )
                .unwrap();
        }),
        ("before the high-water mark was made", |node| {
            drop(Store::open(node).unwrap());
            fs::remove_file(node.join("high-water.db")).unwrap();
            not_kept(node);
        }),
        ("after it was made and before it was noted", |node| {
            drop(Store::open(node).unwrap());
            not_kept(node);
        }),
    ];
    for (when, cut) in cuts {
        let (form, folder) = (FORMS[0], FORMS[0].unpacked());
        let node: PathBuf = folder.path().join("a");
        cut(&node);
        let house = house(folder.path(), "a");
        assert_eq!(house.store.opened().reason, None, "{when}");
        let desk = person((form, folder.path()), &house, "a", "desk1");
        let ledger = view::ledger::ledger(&house, &desk, &party("b")).unwrap();
        assert_as_recorded(folder.path(), "a-ledger", ledger);
    }
}

fn not_kept(node: &Path) {
    let database = rusqlite::Connection::open(node.join("node.db")).unwrap();
    database.execute("DELETE FROM meta WHERE key = 'high-water.kept'", []).unwrap();
}
