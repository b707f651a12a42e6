//! Writes the data folders of two nodes with a row in every table, as this program leaves them, for the tests of the
//! programs that come after it: `cargo run -p testkit --example data_folders -- FOLDER`.
//!
//! `a` and `b` hold the databases and the keys of the nodes; beside them lie the passphrases, and what this program reads
//! of ledger, inbox, sent warnings and agreements.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a generator for tests stops at the first surprise, and takes the folder from its command line"
)]

use std::fs;
use std::path::Path;

use exchange::answer::About;
use exchange::card_renewal;
use exchange::oversight::watcher::Watch;
use exchange::preview::{OverrideWords, Request};
use exchange::receive::Receipt;
use exchange::refusal::Refusal;
use exchange::roster::{self, OnDuty};
use exchange::rotation::rotate_log;
use exchange::succession::{self, Ending};
use exchange::{oversight, partner, recall, view};
use model::file::WarningFile;
use model::vocab::{Disposition, EventState, Status};
use serde::Serialize;
use store::ChannelSide;
use testkit::{
    A, B, ByHand, C, D, DataCopy, EntryOf, PASSPHRASE, TestHouse, TestHouses, Weather, for_parcels, outcome,
    party, recipients, terms, warning,
};
use tlog::channel::Use;
use tlog::checkpoint::Checkpoint;
use tlog::commitment::commit;
use tlog::hash::Hash;
use tlog::key::{KeyKind, SigningKey, VerifierKey};
use tlog::note::NoteSignature;
use tlog::parcel::{Item, Parcel};

/// A partner by hand whose log node a has lost in part.
const E: &str = "service-e.example";

fn main() {
    let folder = std::env::args().nth(1).expect("the folder to write into");
    let houses = TestHouses::of(&[A, B, C]);
    houses.leave_undelivered();
    lost_log(houses.a());
    houses.agree(A, B, &terms(A, B));
    houses.agree(A, C, &terms(A, C));
    liar(houses.a());
    went_back(&houses);
    warnings(&houses);
    answers(&houses);
    decisions(&houses);
    keys(&houses);
    successors(&houses);
    overseen(houses.a());
    last(&houses);
    write(&houses, Path::new(&folder));
}

/// Node a holds an entry of e's log by its commitment alone, and no recall has named it yet.
fn lost_log(a: &TestHouse) {
    let mut e = ByHand::with(a, E, Use::Actual).opened();
    e.delivers(a, 0);
    let copy = a.copy(DataCopy::WithMark);
    for what in ["a text that is erased by now", "", ""] {
        e.push(EntryOf::kind(if what.is_empty() { "cover" } else { "warning.released" }, what));
    }
    let line = NoteSignature::parse_line(e.delivers(a, 1).trim_end()).unwrap();
    let held = e.head(4).and_line(line).unwrap();
    a.go_back(&copy);
    let recovers = a.store().act(|act| {
        let channel = act.channel_with(&party(E), ChannelSide::Theirs, Use::Actual)?;
        Ok::<_, Refusal>(act.begin_recovery(&mut channel.unwrap())?)
    });
    recovers.unwrap();
    let mut parcel = Parcel::parse(&e.parcel(1)).unwrap();
    parcel.items = vec![Item::Erased(commit(&e.entries[1].0, &e.entries[1].1))];
    let parcel = Parcel { held: Some(held), checkpoint: e.head(2), ..parcel };
    assert_eq!(e.send(a, &parcel.encode().unwrap()), Receipt::Stored(2));
}

/// Node a holds evidence against d, which signed two roots.
fn liar(a: &TestHouse) {
    let mut d = ByHand::with(a, D, Use::Actual).opened();
    d.push(EntryOf::kind("cover", "one"));
    d.delivers(a, 0);
    let forged = d.signed(&Checkpoint { origin: d.origin(), size: 2, root: Hash::from_bytes([6; 32]) });
    d.send(a, &d.parcel_with(0, forged));
}

/// Node a went back to a copy of its data and got from b what it had lost.
fn went_back(houses: &TestHouses) {
    let a = houses.a();
    let copy = a.copy(DataCopy::WithoutMark);
    a.undertake(B).unwrap();
    houses.settle_all();
    a.go_back(&copy);
    for _ in 0..3 {
        for (one, other) in [(A, B), (B, A), (A, C), (C, A)] {
            let _ = houses.carry(one, other);
        }
    }
    houses.settle_all();
    // What is decided later is not what came back.
    houses.advance(1);
}

fn warnings(houses: &TestHouses) {
    let (a, b) = (houses.a(), houses.b());
    for house in [a, b] {
        let on_duty = OnDuty { name: "Duty officer".to_owned(), phone: "+00 123".to_owned() };
        roster::set(&house.house(), &house.caller("operator1"), &[on_duty], house.now()).unwrap();
    }
    a.trust_with_persons(B, "2027-06-01").unwrap();
    let sourced = with_sources();
    let first = a.warn(&sourced, &[B]);
    a.warn(&WarningFile { status: Status::Exercise, ..warning() }, &[B]);
    a.warn(&WarningFile { status: Status::Exercise, ..warning() }, &[C]);
    let alone = a.warn_in_danger(&warning(), &[B]);
    b.warn(&for_party(A), &[A]);
    b.undertake(C).unwrap();
    houses.settle_all();
    a.review("release2", alone.id()).unwrap();
    let mut later = for_party(B);
    later.how.last_mut().unwrap().text = "another device".to_owned();
    a.update(first.warning, &later, &[B]);
    let asked_back = a.warn(&warning(), &[B]);
    houses.settle_all();
    a.recall(asked_back.warning);
    houses.settle_all();
    let recalled = b.inbox().into_iter().find(|line| line.standing == "recalled").unwrap();
    recall::confirm(&b.house(), &b.caller("desk1"), &recalled.entry, b.now(), &mut b.rng()).unwrap();
    houses.settle_all();
    a.warn_in_danger(&warning(), &[B]);
}

/// The warning of the template with its sources.
fn with_sources() -> WarningFile {
    WarningFile::parse(model::file::TEMPLATE).unwrap()
}

fn for_party(to: &str) -> WarningFile {
    let mut file = warning();
    file.protectors = [to.to_owned()].into();
    file
}

fn answers(houses: &TestHouses) {
    let (a, b) = (houses.a(), houses.b());
    houses.settle_all();
    for (house, from) in [(b, A), (a, B)] {
        for (n, line) in house.inbox().into_iter().filter(|line| line.standing == "active").enumerate() {
            let _ = house.read("desk1", &line.entry);
            let said = if n == 0 { Disposition::Accepted } else { Disposition::NeedsMore };
            let _ = house.dispose("desk1", &line.entry, said);
            let _ = house.act_on("desk1", &line.entry);
            if n == 0 {
                let _ = house.report("desk1", &line.entry, outcome(EventState::NotOccurred));
            }
            let _ = house.thank("liaison1", About::Release(line.entry));
        }
        house.undertake(from).unwrap();
    }
    houses.settle_all();
    houses.minutes_pass(3);
}

/// What waits for a decision: a waived warning, a proposal, clocks that fired.
fn decisions(houses: &TestHouses) {
    let a = houses.a();
    let waived = a.written(&for_party(B));
    let reason = model::vocab::WaiverReason::ALL[0];
    a.waive("release1", waived, reason, "they know of it").unwrap();
    let open = a.written(&for_party(B));
    let request = Request {
        recipients: recipients(&[B]),
        imminent_danger: false,
        overrides: Vec::<OverrideWords>::new(),
    };
    a.preview("desk1", open, request).unwrap();
    houses.advance(60 * 24);
    for house in [a, houses.b()] {
        house.confirm_clock();
        house.tick();
    }
    houses.settle_all();
}

/// Keys that were changed, and a card that waits for the second person.
fn keys(houses: &TestHouses) {
    let (a, c) = (houses.a(), houses.c());
    rotate_log(&a.house(), &a.caller("operator1"), &party(B), Use::Actual, a.now()).unwrap();
    houses.settle_all();
    c.rotate_cosigner();
    let card = partner::own_card(&c.house(), c.now()).unwrap();
    let (by, key) = (a.caller("liaison1"), a.key("liaison1"));
    card_renewal::propose(&a.house(), &by, &key, &card, a.now(), &mut a.rng()).unwrap();
}

/// A log of a to c that went on at once, one that is to end in order, and one of c that waits for a person here.
fn successors(houses: &TestHouses) {
    let (a, c) = (houses.a(), houses.c());
    c.undertake(A).unwrap();
    assert!(houses.carry_in(C, A, &mut for_parcels(Weather::AnswerLost)).is_err());
    succeed(c, A, Use::Actual, Ending::AtOnce);
    assert!(houses.carry(C, A).is_err());
    a.undertake(C).unwrap();
    assert!(houses.carry_in(A, C, &mut for_parcels(Weather::RequestLost)).is_err());
    succeed(a, C, Use::Actual, Ending::AtOnce);
    succeed(a, C, Use::Exercise, Ending::InOrder);
}

fn succeed(house: &TestHouse, to: &str, use_: Use, ending: Ending) {
    let (us, by, now) = (house.house(), house.caller("liaison1"), house.now());
    succession::succeed(&us, &by, (&party(to), use_), "a new log", ending, now, &mut house.rng()).unwrap();
}

/// Oversight has a key and has cosigned the trail.
fn overseen(a: &TestHouse) {
    let key = SigningKey::from_seed("oversight.example/trail", KeyKind::CosignatureV1, [1; 32]).unwrap();
    let (us, caller) = (a.house(), a.caller("oversight1"));
    oversight::appoint(&us, &caller, &key.verifier().to_string(), a.now()).unwrap();
    let trail = oversight::watched(&us, &caller).unwrap().trail_key;
    let mut watch = Watch::new(&VerifierKey::parse(&trail).unwrap());
    let head = oversight::head(&us, &caller).unwrap();
    let (mut at, mut texts) = (0, String::new());
    while at < head.checkpoint().size {
        let lines = oversight::lines(&us, &caller, at).unwrap();
        at += u64::try_from(lines.len()).unwrap();
        texts.extend(lines);
    }
    let cosigned = watch.follow(&head, &texts, &key, a.now()).unwrap();
    oversight::keep(&us, &caller, &cosigned.to_string(), a.now()).unwrap();
}

/// The last thing at b is what leaves a key to be forgotten: an entry was appended, and its body's key goes.
fn last(houses: &TestHouses) {
    let b = houses.b();
    b.undertake(C).unwrap();
    let mut rng = b.rng();
    let to = party(C);
    exchange::deliver::next_parcel(&b.house(), &to, Use::Actual, None, b.now(), &mut rng).unwrap();
}

fn write(houses: &TestHouses, folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("now"), houses.a().now().to_string()).unwrap();
    for (node, other, house) in [("a", B, houses.a()), ("b", A, houses.b())] {
        let root = folder.join(node);
        fs::create_dir_all(root.join("keys")).unwrap();
        let with = party(other);
        let (us, now) = (house.house(), house.now());
        let desk = house.caller("desk1");
        keep(folder, &format!("{node}-ledger"), view::ledger::ledger(&us, &desk, &with).unwrap());
        keep(folder, &format!("{node}-inbox"), view::inbox::incoming(&us, &desk, now).unwrap());
        keep(folder, &format!("{node}-sent"), view::inbox::outgoing(&us, &desk, now).unwrap());
        let agreements = view::relation::agreements(&us, &desk, None).unwrap();
        keep(folder, &format!("{node}-agreement-list"), agreements);
        for person in ["desk1", "liaison1"] {
            fs::write(folder.join(format!("{node}.{person}.passphrase")), PASSPHRASE).unwrap();
        }
        // Only a node that has stopped has all of its data in its databases.
        drop(us);
        house.write_folder(&root);
    }
}

fn keep(folder: &Path, name: &str, what: impl Serialize) {
    fs::write(folder.join(format!("{name}.json")), serde_json::to_vec(&what).unwrap()).unwrap();
}
