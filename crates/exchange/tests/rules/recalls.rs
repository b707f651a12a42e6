//! After a recall both sides erase, the receiver says so, and nothing brings the text back (docs/log-format.md §4, §9).

use exchange::receipt;
use exchange::recover;
use exchange::standing::Change;
use model::file::WarningFile;
use model::id::EntryRef;
use model::state::WarningState;
use model::vocab::{ContestReason, Disposition, RecallReason};
use store::{ChannelRow, ChannelSide};
use testkit::{A, B, C, DataCopy, TestHouse, TestHouses, code, party, warning};
use tlog::channel::Use;

const CANARY: &str = "heliotrope";

/// The warning of the tests, with a word in it that occurs nowhere else.
fn telling() -> WarningFile {
    let mut file = warning();
    file.how[0].text = format!("with {CANARY}");
    file
}

fn log(house: &TestHouse, with: &str, side: ChannelSide) -> ChannelRow {
    house.store().view(|view| view.channel_with(&party(with), side, Use::Actual)).unwrap().unwrap()
}

fn holds_text(house: &TestHouse, with: &str, side: ChannelSide, entry: &EntryRef) -> bool {
    house.store().view(|view| view.holds_text(&log(house, with, side), entry.index)).unwrap()
}

/// The newest release that B has of A, by its place in A's log.
fn newest(houses: &TestHouses) -> EntryRef {
    houses.b().relation(A).releases().last().unwrap().at.clone()
}

fn confirm(house: &TestHouse, by: &str, entry: &str) -> &'static str {
    let (node, caller, now) = (house.house(), house.caller(by), house.now());
    code(exchange::recall::confirm(&node, &caller, entry, now, &mut house.rng()))
}

fn contest(house: &TestHouse, by: &str, entry: &str) -> &'static str {
    let (node, caller, now) = (house.house(), house.caller(by), house.now());
    let said = (ContestReason::LegalProceedings, Some("a court has ordered it kept".to_owned()));
    code(exchange::recall::contest(&node, &caller, entry, said, now, &mut house.rng()))
}

fn state(house: &TestHouse, warning: model::id::WarningId) -> WarningState {
    house.store().view(|view| view.warning(warning)).unwrap().unwrap().state
}

/// Every byte of a house's databases, with their logs.
fn bytes(house: &TestHouse) -> Vec<u8> {
    let mut all = Vec::new();
    house.stopped(|folder| {
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            if path.is_file() {
                all.extend(std::fs::read(path).unwrap());
            }
        }
    });
    all
}

fn contains(all: &[u8], part: &[u8]) -> bool {
    all.windows(part.len()).any(|window| window == part)
}

/// The keys under which an entry's text is sealed.
fn key_of(house: &TestHouse, channel: &ChannelRow, index: u64) -> Vec<u8> {
    let sql = format!("SELECT hex(key_id) FROM entries WHERE channel = {} AND idx = {index}", channel.id);
    let id = house.rows("node.db", &sql).remove(0);
    let key = house.rows("keys.db", &format!("SELECT hex(key) FROM body_keys WHERE hex(id) = '{id}'"));
    hex::decode(&key[0]).unwrap()
}

/// A warning at B that A has recalled, and whose text both still hold.
fn recalled() -> (TestHouses, model::id::WarningId, EntryRef) {
    let houses = TestHouses::two();
    let sent = houses.a().warn(&telling(), &[B]);
    houses.settle_all();
    let entry = newest(&houses);
    houses.a().recall(sent.warning);
    houses.settle_all();
    (houses, sent.warning, entry)
}

#[test]
fn nothing_is_erased_before_the_receivers_desk_has_said_so() {
    let (houses, warning, entry) = recalled();
    assert!(holds_text(houses.a(), B, ChannelSide::Ours, &entry));
    assert!(holds_text(houses.b(), A, ChannelSide::Theirs, &entry));
    assert_eq!(state(houses.a(), warning), WarningState::Recalling);
    for house in [houses.a().sent(), houses.b().inbox()] {
        let recall = house[0].recall.clone().unwrap();
        assert_eq!((recall.said, recall.reason, recall.text_here), (None, "undisclosed", true));
    }
}

#[test]
fn a_confirmed_recall_erases_both_copies_and_every_fact_stays() {
    let (houses, warning, entry) = recalled();
    let (a, b) = (houses.a(), houses.b());
    let before = (a.ledger(B).lines, b.ledger(A).lines);
    assert_eq!(confirm(b, "desk1", &entry.to_string()), "done");
    assert!(!holds_text(b, A, ChannelSide::Theirs, &entry), "at once");
    assert!(holds_text(a, B, ChannelSide::Ours, &entry), "and the giver's when it hears of it");
    houses.settle_all();
    assert!(!holds_text(a, B, ChannelSide::Ours, &entry));
    assert_eq!(state(a, warning), WarningState::Recalled);
    assert_eq!((a.ledger(B).lines, b.ledger(A).lines), before);
    for (house, lines) in [(a, a.sent()), (b, b.inbox())] {
        let recall = lines[0].recall.clone().unwrap();
        assert_eq!((recall.said, recall.text_here), (Some("confirmed"), false));
        assert_eq!((lines[0].standing, lines[0].title.as_str()), ("recalled", "(erased)"));
        let shown = house.entry(&entry.to_string());
        assert_eq!(shown.kind, "warning.released");
        assert!(shown.receipt.is_some() && shown.warning.is_none() && shown.body.is_none());
        assert!(!serde_json::to_string(&shown).unwrap().contains(CANARY));
    }
}

#[test]
fn after_it_neither_the_text_nor_its_key_is_in_any_file() {
    let (houses, _, entry) = recalled();
    let ends = [(houses.a(), B, ChannelSide::Ours), (houses.b(), A, ChannelSide::Theirs)];
    let keys: Vec<Vec<u8>> =
        ends.iter().map(|(house, with, side)| key_of(house, &log(house, with, *side), entry.index)).collect();
    for ((house, ..), key) in ends.iter().zip(&keys) {
        assert!(contains(&bytes(house), key), "it is there while it is used");
    }
    confirm(houses.b(), "desk1", &entry.to_string());
    houses.settle_all();
    for ((house, ..), key) in ends.iter().zip(&keys) {
        assert!(!contains(&bytes(house), key), "{}", house.name());
    }
    assert!(!contains(&bytes(houses.b()), CANARY.as_bytes()));
}

#[test]
fn what_the_receiver_did_about_it_stays() {
    let houses = TestHouses::two();
    let sent = houses.a().warn(&telling(), &[B]);
    houses.settle_all();
    let (a, b, entry) = (houses.a(), houses.b(), newest(&houses).to_string());
    b.dispose("desk1", &entry, Disposition::Accepted).unwrap();
    b.act_on("desk1", &entry).unwrap();
    houses.settle_all();
    a.recall(sent.warning);
    houses.settle_all();
    confirm(b, "desk1", &entry);
    houses.settle_all();
    let shown = b.entry(&entry);
    assert_eq!((shown.actions.len(), shown.answers.len()), (1, 1));
    assert_eq!(a.sent()[0].disposition, Some(Disposition::Accepted));
}

#[test]
fn who_contests_a_recall_keeps_the_text_and_says_why() {
    let (houses, warning, entry) = recalled();
    let (a, b) = (houses.a(), houses.b());
    assert_eq!(contest(b, "desk1", &entry.to_string()), "done");
    houses.settle_all();
    for (house, with, side) in [(a, B, ChannelSide::Ours), (b, A, ChannelSide::Theirs)] {
        assert!(holds_text(house, with, side, &entry));
    }
    let recall = a.sent()[0].recall.clone().unwrap();
    assert_eq!((recall.said, recall.contest), (Some("contested"), Some("legal_proceedings")));
    assert!(a.notices().iter().any(|n| n.contains("keeps what it was asked")), "{:?}", a.notices());
    assert_eq!(state(a, warning), WarningState::Recalling);
    assert_eq!(confirm(b, "desk1", &entry.to_string()), "done", "the reason has gone");
    houses.settle_all();
    assert_eq!(a.sent()[0].recall.clone().unwrap().said, Some("confirmed"));
    assert_eq!(state(a, warning), WarningState::Recalled);
    assert_eq!(contest(b, "desk1", &entry.to_string()), "erased");
}

#[test]
fn only_what_was_recalled_is_erased_and_only_by_those_who_may() {
    let houses = TestHouses::two();
    let sent = houses.a().warn(&telling(), &[B]);
    houses.settle_all();
    let entry = newest(&houses);
    assert_eq!(confirm(houses.b(), "desk1", &entry.to_string()), "not_recalled");
    assert_eq!(contest(houses.b(), "desk1", &entry.to_string()), "not_recalled");
    houses.a().recall(sent.warning);
    houses.settle_all();
    for person in ["liaison1", "operator1", "oversight1"] {
        assert_eq!(confirm(houses.b(), person, &entry.to_string()), "not_authorised", "{person}");
        assert_eq!(contest(houses.b(), person, &entry.to_string()), "not_authorised", "{person}");
    }
    assert_eq!(
        confirm(houses.a(), "desk1", &entry.to_string()),
        "not_incoming",
        "its giver does not confirm"
    );
    assert!(holds_text(houses.b(), A, ChannelSide::Theirs, &entry));
    assert_eq!(confirm(houses.b(), "desk1", &entry.to_string()), "done");
    assert_eq!(confirm(houses.b(), "desk1", &entry.to_string()), "done", "again changes nothing");
    assert_eq!(houses.b().waiting().len(), 1, "and tells nobody twice");
    houses.settle_all();
    assert_eq!(confirm(houses.b(), "desk1", &entry.to_string()), "done");
    assert!(houses.b().waiting().is_empty());
}

#[test]
fn a_warning_is_recalled_once_everybody_has_confirmed_and_in_part_after_the_deadline() {
    let houses = TestHouses::three();
    let sent = houses.a().warn(&telling(), &[B, C]);
    houses.settle_all();
    houses.a().recall(sent.warning);
    houses.settle_all();
    let of = |house: &TestHouse| house.inbox()[0].entry.clone();
    confirm(houses.b(), "desk1", &of(houses.b()));
    houses.settle_all();
    assert_eq!(state(houses.a(), sent.warning), WarningState::Recalling);
    let waits_for = |house: &TestHouse| house.clocks().iter().map(|c| c.awaited.words()).collect::<Vec<_>>();
    assert_eq!(waits_for(houses.a()), ["the partner's word that what was recalled is erased"]);
    assert_eq!(waits_for(houses.c()), ["our answer to a recall"]);
    assert!(waits_for(houses.b()).is_empty());
    houses.a().tick();
    houses.advance(24 * 60);
    houses.clock().advance(1);
    houses.a().tick();
    assert_eq!(state(houses.a(), sent.warning), WarningState::Recalling, "the clock has jumped");
    let operator = houses.a().caller("operator1");
    exchange::clocks::confirm(&houses.a().house(), &operator, houses.a().now()).unwrap();
    houses.a().tick();
    assert_eq!(state(houses.a(), sent.warning), WarningState::RecalledPartly);
    let overdue: Vec<bool> = houses.a().sent().iter().map(|l| l.recall.clone().unwrap().overdue).collect();
    assert_eq!(overdue.iter().filter(|o| **o).count(), 1, "{overdue:?}");
    confirm(houses.c(), "desk1", &of(houses.c()));
    houses.settle_all();
    assert_eq!(state(houses.a(), sent.warning), WarningState::Recalled);
}

#[test]
fn what_was_recalled_before_anybody_was_told_is_recalled() {
    let houses = TestHouses::two();
    let sent = houses.a().warn(&telling(), &[B]);
    houses.a().recall(sent.warning);
    assert_eq!(state(houses.a(), sent.warning), WarningState::Recalled);
    houses.settle_all();
    assert!(houses.b().inbox().is_empty());
}

#[test]
fn an_erased_entrys_receipt_is_exported_no_more_and_one_exported_before_still_verifies() {
    let (houses, _, entry) = recalled();
    let export = |house: &TestHouse| {
        let name = entry.to_string();
        receipt::export(&house.house(), &house.caller("desk1"), &name, Some("a test"), house.now())
    };
    let before = export(houses.b()).unwrap();
    confirm(houses.b(), "desk1", &entry.to_string());
    houses.settle_all();
    for house in [houses.a(), houses.b()] {
        let refused = export(house).unwrap_err();
        assert_eq!(refused.code, "erased");
        assert!(refused.to_string().contains("recall"), "{refused}");
    }
    let identity = |house: &TestHouse| house.house().keys.identity.verifier().fingerprint();
    let trusted = tlog::receipt::Trusted { giver: identity(houses.a()), receiver: identity(houses.b()) };
    let verified = tlog::receipt::verify_export(&before.files, Some(trusted)).unwrap();
    assert_eq!(verified.entry.header.index, entry.index);
}

#[test]
fn a_receiver_that_went_back_gets_the_commitment_and_the_recall_and_never_the_text() {
    let houses = TestHouses::two();
    let old = houses.b().copy(DataCopy::WithoutMark);
    let sent = houses.a().warn(&telling(), &[B]);
    houses.settle_all();
    let entry = newest(&houses);
    houses.a().recall(sent.warning);
    houses.settle_all();
    confirm(houses.b(), "desk1", &entry.to_string());
    houses.a().warn(&warning(), &[B]);
    houses.settle_all();
    let before = (houses.a().ledger(B), houses.b().ledger(A));
    houses.b().go_back(&old);
    houses.settle_all();
    assert_eq!(
        (houses.a().ledger(B), houses.b().ledger(A)),
        before,
        "folding gives the same without the text"
    );
    assert_eq!(
        log(houses.b(), A, ChannelSide::Theirs).size(),
        log(houses.b(), A, ChannelSide::Theirs).cosigned
    );
    assert!(!holds_text(houses.b(), A, ChannelSide::Theirs, &entry));
    let shown = houses.b().entry(&entry.to_string());
    assert_eq!((shown.kind.as_str(), shown.warning.is_none()), ("warning.released", true));
    let recall = shown.release.unwrap().recall.unwrap();
    assert_eq!((recall.said, recall.text_here), (Some("confirmed"), false));
    houses.a().warn(&warning(), &[B]);
    houses.settle_all();
    assert_eq!(houses.b().inbox().len(), 3, "and the log goes on");
    let again = exchange::relation::Relations::default();
    let folded = houses.b().store().view(|view| again.of(view, &party(A))).unwrap();
    assert_eq!(*folded, houses.b().relation(A), "what is kept in memory is what the store says");
}

#[test]
fn a_receiver_that_went_back_to_before_its_confirmation_erases_again_without_being_asked() {
    let (houses, _, entry) = recalled();
    let old = houses.b().copy(DataCopy::WithoutMark);
    confirm(houses.b(), "desk1", &entry.to_string());
    houses.settle_all();
    for lost_mark in [false, true] {
        match lost_mark {
            false => houses.b().go_back(&old),
            true => houses.b().go_back_without_mark(&old),
        }
        assert_eq!(
            holds_text(houses.b(), A, ChannelSide::Theirs, &entry),
            lost_mark,
            "an old copy brought it back"
        );
        if lost_mark {
            let operator = houses.b().caller("operator1");
            recover::trust(&houses.b().house(), &operator, &party(A), houses.b().now()).unwrap();
        }
        houses.settle_all();
        assert!(!holds_text(houses.b(), A, ChannelSide::Theirs, &entry));
        assert_eq!(houses.b().inbox()[0].recall.clone().unwrap().said, Some("confirmed"));
    }
}

#[test]
fn a_giver_that_went_back_to_before_its_recall_erases_again_when_the_recall_comes_back() {
    for queued in [false, true] {
        for lost_mark in [false, true] {
            let houses = TestHouses::two();
            let sent = houses.a().warn(&telling(), &[B]);
            let old_queued = houses.a().copy(DataCopy::WithoutMark);
            houses.settle_all();
            let old_sent = houses.a().copy(DataCopy::WithoutMark);
            let entry = newest(&houses);
            houses.a().recall(sent.warning);
            houses.settle_all();
            confirm(houses.b(), "desk1", &entry.to_string());
            houses.settle_all();
            let before = houses.a().ledger(B);
            let old = if queued { &old_queued } else { &old_sent };
            match lost_mark {
                false => houses.a().go_back(old),
                true => houses.a().go_back_without_mark(old),
            }
            if lost_mark {
                let operator = houses.a().caller("operator1");
                recover::trust(&houses.a().house(), &operator, &party(B), houses.a().now()).unwrap();
            }
            houses.settle_all();
            assert!(
                !holds_text(houses.a(), B, ChannelSide::Ours, &entry),
                "queued {queued}, mark {lost_mark}"
            );
            assert_eq!(houses.a().ledger(B), before);
            assert_eq!(houses.b().inbox().len(), 1, "what was recalled is not sent again");
            assert!(houses.a().waiting().is_empty());
            assert_eq!(state(houses.a(), sent.warning), WarningState::Recalled);
        }
    }
}

#[test]
fn a_giver_takes_back_what_the_receiver_keeps_and_erases_it_all_the_same() {
    let houses = TestHouses::two();
    let old = houses.a().copy(DataCopy::WithoutMark);
    let sent = houses.a().warn(&telling(), &[B]);
    houses.settle_all();
    let entry = newest(&houses);
    houses.a().recall(sent.warning);
    houses.settle_all();
    contest(houses.b(), "desk1", &entry.to_string());
    houses.settle_all();
    houses.a().go_back(&old);
    houses.settle_all();
    assert!(!holds_text(houses.a(), B, ChannelSide::Ours, &entry));
    assert!(holds_text(houses.b(), A, ChannelSide::Theirs, &entry), "the receiver has said why it keeps it");
}

#[test]
fn an_exercise_is_recalled_and_erased_in_its_own_channel() {
    let houses = TestHouses::two();
    let mut file = telling();
    file.status = model::vocab::Status::Exercise;
    let sent = houses.a().warn(&file, &[B]);
    houses.settle_all();
    let change = Change::Recall { reason: RecallReason::Error, counts: false };
    houses.a().change("release1", sent.warning, change).unwrap();
    houses.settle_all();
    assert_eq!(confirm(houses.b(), "desk1", &houses.b().newest()), "done");
    houses.settle_all();
    assert_eq!(state(houses.a(), sent.warning), WarningState::Recalled);
    assert!(!houses.b().inbox()[0].recall.clone().unwrap().text_here);
}
