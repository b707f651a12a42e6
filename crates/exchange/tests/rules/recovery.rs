//! A house that goes on from an old copy of its data takes back from its partners what it has lost, and signs and cosigns
//! nothing that could stand against what it signed before (docs/log-format.md §9).

use exchange::answer::About;
use exchange::recover;
use model::vocab::Disposition;
use store::{ChannelRow, ChannelSide, ChannelState};
use testkit::{A, B, C, DataCopy, TestHouse, TestHouses, Weather, for_parcels, party, warning};
use tlog::channel::Use;

fn log(house: &TestHouse, with: &str, side: ChannelSide) -> ChannelRow {
    let found = house.store().view(|view| view.channel_with(&party(with), side, Use::Actual));
    found.unwrap().unwrap()
}

fn recovering(house: &TestHouse) -> bool {
    house.store().view(|view| view.channels()).unwrap().iter().any(|c| c.recovering)
}

/// Carries until nothing moves, whatever stands in the way; gives what stood in the way last.
fn carry_on(houses: &TestHouses) -> Vec<String> {
    let mut last = Vec::new();
    for _ in 0..6 {
        last.clear();
        for from in houses.all() {
            for to in houses.all().iter().filter(|to| to.name() != from.name()) {
                if let Err(lost) = houses.carry(from.name().as_str(), to.name().as_str()) {
                    last.push(lost.0);
                }
            }
        }
    }
    last
}

#[test]
fn a_giver_takes_back_what_it_had_sent_and_goes_on() {
    let houses = TestHouses::two();
    let old = houses.a().copy(DataCopy::WithoutMark);
    for _ in 0..3 {
        houses.a().warn(&warning(), &[B]);
        houses.settle_all();
    }
    let before = houses.a().ledger(B);
    houses.a().go_back(&old);
    assert!(recovering(houses.a()));
    houses.settle_all();
    assert!(!recovering(houses.a()));
    assert_eq!(houses.a().ledger(B), before);
    assert_eq!(houses.a().sent().len(), 3);
    houses.a().warn(&warning(), &[B]);
    houses.settle_all();
    assert_eq!(houses.b().inbox().len(), 4);
    assert_eq!(houses.a().ledger(B).counts, houses.b().ledger(A).counts);
}

#[test]
fn a_giver_with_nothing_to_send_takes_back_what_it_had_sent() {
    let houses = TestHouses::two();
    let old = houses.a().copy(DataCopy::WithoutMark);
    houses.a().warn(&warning(), &[B]);
    houses.settle_all();
    houses.a().go_back(&old);
    houses.carry(A, B).unwrap();
    assert_eq!(houses.a().sent().len(), 1);
    assert!(!log(houses.a(), B, ChannelSide::Ours).recovering);
}

#[test]
fn what_waited_in_the_copy_and_was_sent_since_is_not_sent_twice() {
    let houses = TestHouses::two();
    houses.a().warn(&warning(), &[B]);
    houses.a().thank("liaison1", About::Unsolicited(party(B))).unwrap();
    let old = houses.a().copy(DataCopy::WithoutMark);
    houses.settle_all();
    houses.a().go_back(&old);
    assert_eq!(houses.a().waiting().len(), 2);
    houses.settle_all();
    assert!(houses.a().waiting().is_empty());
    assert_eq!(houses.b().inbox().len(), 1);
    assert_eq!(houses.b().relation(A).thanks().count(), 1);
}

#[test]
fn what_was_approved_in_the_copy_and_sent_since_is_not_sent_twice() {
    let houses = TestHouses::two();
    let written = houses.a().written(&warning());
    let proposal = houses.a().proposed(written, &[B]);
    houses.a().approve("release1", &proposal).unwrap();
    let old = houses.a().copy(DataCopy::WithoutMark);
    houses.a().release("release2", &proposal).unwrap();
    houses.settle_all();
    houses.a().go_back(&old);
    houses.a().release("release2", &proposal).unwrap();
    houses.settle_all();
    assert_eq!(houses.b().inbox().len(), 1);
    assert_eq!(houses.a().sent().len(), 1);
}

#[test]
fn the_same_thanks_given_again_after_the_recovery_are_given() {
    let houses = TestHouses::two();
    let old = houses.a().copy(DataCopy::WithoutMark);
    houses.a().thank("liaison1", About::Unsolicited(party(B))).unwrap();
    houses.settle_all();
    houses.a().go_back(&old);
    houses.advance(1);
    houses.a().thank("liaison1", About::Unsolicited(party(B))).unwrap();
    houses.settle_all();
    assert_eq!(houses.b().relation(A).thanks().count(), 2);
}

#[test]
fn a_receiver_is_given_again_what_it_had_receipted_with_its_own_receipt() {
    let houses = TestHouses::two();
    let old = houses.b().copy(DataCopy::WithoutMark);
    for _ in 0..3 {
        houses.a().warn(&warning(), &[B]);
        houses.settle_all();
    }
    let had = log(houses.b(), A, ChannelSide::Theirs);
    let receipts = receipts(houses.b(), &had);
    houses.advance(10);
    houses.b().go_back(&old);
    houses.settle_all();
    let has = log(houses.b(), A, ChannelSide::Theirs);
    assert_eq!((has.size(), has.cosigned, has.recovering), (had.size(), had.cosigned, false));
    assert_eq!(houses.b().inbox().len(), 3);
    assert_eq!(
        receipts.last(),
        self::receipts(houses.b(), &has).last(),
        "its newest receipt is the one it had given"
    );
    houses.a().warn(&warning(), &[B]);
    houses.settle_all();
    assert_eq!(houses.b().inbox().len(), 4);
}

fn receipts(house: &TestHouse, row: &ChannelRow) -> Vec<String> {
    let sql = format!("SELECT line FROM heads WHERE channel = {} AND line IS NOT NULL ORDER BY size", row.id);
    house.rows("node.db", &sql)
}

#[test]
fn a_giver_that_has_something_new_first_gives_a_receiver_back_what_it_has_lost() {
    let houses = TestHouses::two();
    let old = houses.b().copy(DataCopy::WithoutMark);
    houses.a().warn(&warning(), &[B]);
    houses.settle_all();
    houses.b().go_back(&old);
    houses.a().warn(&warning(), &[B]);
    houses.carry(A, B).unwrap();
    assert_eq!(houses.b().inbox().len(), 2);
    houses.settle_all();
}

#[test]
fn both_directions_come_back_whoever_calls_first_and_however_the_line_fails() {
    for (first, second) in [(A, B), (B, A)] {
        for weather in [Weather::Fair, Weather::AnswerLost, Weather::Doubled, Weather::RequestLost] {
            let houses = TestHouses::two();
            let old = houses.b().copy(DataCopy::WithoutMark);
            houses.a().warn(&warning(), &[B]);
            houses.settle_all();
            let entry = houses.b().newest();
            houses.b().read("desk1", &entry).unwrap();
            houses.b().dispose("desk1", &entry, Disposition::Accepted).unwrap();
            houses.settle_all();
            houses.a().thank("liaison1", About::Unsolicited(party(B))).unwrap();
            houses.settle_all();
            let before = (houses.a().ledger(B).counts, houses.b().ledger(A).counts);
            houses.b().go_back(&old);
            let mut bad = for_parcels(weather);
            let _ = houses.carry_in(first, second, &mut bad);
            let _ = houses.carry_in(second, first, &mut bad);
            houses.settle_all();
            assert_eq!((houses.a().ledger(B).counts, houses.b().ledger(A).counts), before, "{weather:?}");
            assert_eq!(houses.b().inbox().len(), 1);
            assert!(!recovering(houses.b()));
        }
    }
}

#[test]
fn a_third_party_sees_nothing_of_a_recovery() {
    let houses = TestHouses::three();
    let old = houses.a().copy(DataCopy::WithoutMark);
    houses.a().warn(&warning(), &[B]);
    houses.settle_all();
    let parcels = houses.arrived(A, C, "add-entries");
    houses.a().go_back(&old);
    houses.settle_all();
    assert_eq!(houses.arrived(A, C, "add-entries"), parcels);
    assert_eq!((houses.b().inbox().len(), houses.c().inbox().len()), (1, 0));
}

#[test]
fn without_its_mark_a_house_signs_and_cosigns_nothing_after_it_went_back() {
    for who in [A, B] {
        let houses = TestHouses::two();
        let old = houses.at(who).copy(DataCopy::WithoutMark);
        houses.a().warn(&warning(), &[B]);
        houses.settle_all();
        houses.at(who).go_back_without_mark(&old);
        let signed = heads(houses.at(who));
        houses.a().warn(&warning(), &[B]);
        let trouble = carry_on(&houses);
        assert!(trouble.iter().any(|t| t.contains("successor")), "{trouble:?}");
        assert!(recovering(houses.at(who)));
        assert_eq!(houses.b().inbox().len(), 1, "{who}: what was there came back, and nothing new");
        assert!(heads(houses.at(who)) <= signed + 2, "no head of its own was made");
        houses.leave_undelivered();
    }
}

fn heads(house: &TestHouse) -> usize {
    house.rows("node.db", "SELECT line FROM heads WHERE line IS NOT NULL").len()
}

#[test]
fn a_house_that_is_a_copy_of_a_whole_disk_signs_nothing_until_an_operator_has_said_so() {
    let houses = TestHouses::two();
    let image = houses.a().copy(DataCopy::WithMark);
    houses.a().warn(&warning(), &[B]);
    houses.settle_all();
    houses.a().go_back(&image);
    assert!(!recovering(houses.a()), "the mark went back with the rest");
    houses.a().warn(&warning(), &[B]);
    let parcels = houses.arrived(A, B, "add-entries");
    let trouble = houses.carry(A, B).unwrap_err();
    assert!(trouble.0.contains("Nothing is signed"), "{trouble:?}");
    assert!(houses.a().notices().iter().any(|n| n.contains("old copy of its data")));
    assert_eq!(houses.arrived(A, B, "add-entries"), parcels);
    let refused = recover::begin(&houses.a().house(), &houses.a().caller("desk1"), "image", houses.a().now());
    assert_eq!(refused.unwrap_err().code, "not_authorised");
    let operator = houses.a().caller("operator1");
    recover::begin(&houses.a().house(), &operator, "the disk was set back", houses.a().now()).unwrap();
    let trouble = houses.carry(A, B).unwrap_err();
    assert!(trouble.0.contains("successor"), "its mark says nothing any more: {trouble:?}");
    assert_eq!(houses.a().sent().len(), 1, "what the partner holds came back");
    recover::trust(&houses.a().house(), &operator, &party(B), houses.a().now()).unwrap();
    houses.settle_all();
    assert_eq!(houses.b().inbox().len(), 2);
}

#[test]
fn a_frozen_channel_stays_frozen_in_a_recovery() {
    let houses = TestHouses::two();
    houses.a().warn(&warning(), &[B]);
    houses.settle_all();
    houses
        .b()
        .sql("node.db", "UPDATE channels SET state = 'frozen', reason = 'a test' WHERE side = 'theirs'");
    let operator = houses.b().caller("operator1");
    recover::begin(&houses.b().house(), &operator, "a test", houses.b().now()).unwrap();
    carry_on(&houses);
    assert!(matches!(log(houses.b(), A, ChannelSide::Theirs).state, ChannelState::Frozen(_)));
    houses.leave_broken();
}

#[test]
fn nothing_new_is_signed_while_what_the_partner_gave_is_not_back() {
    let houses = TestHouses::two();
    let old = houses.a().copy(DataCopy::WithoutMark);
    houses.b().thank("liaison1", About::Unsolicited(party(A))).unwrap();
    houses.settle_all();
    houses.a().go_back(&old);
    houses.a().warn(&warning(), &[B]);
    // B's copy of its own log never comes; so A cannot say what it has seen of it.
    let without_copy =
        |path: &str| if path.contains("/parcel?") { Weather::RequestLost } else { Weather::Fair };
    for _ in 0..3 {
        assert!(houses.carry_in(A, B, &mut { without_copy }).is_err());
        assert!(houses.b().inbox().is_empty(), "an entry that names less as seen than A has cosigned");
    }
    houses.settle_all();
    assert_eq!((houses.b().inbox().len(), houses.a().relation(B).thanks().count()), (1, 1));
}

#[test]
fn what_a_receiver_has_stored_on_its_way_back_is_there_for_a_giver_that_went_back_as_well() {
    let houses = TestHouses::two();
    let (old_a, old_b) = (houses.a().copy(DataCopy::WithoutMark), houses.b().copy(DataCopy::WithoutMark));
    for _ in 0..2 {
        houses.a().thank("liaison1", About::Unsolicited(party(B))).unwrap();
        houses.carry(A, B).unwrap();
    }
    houses.b().go_back(&old_b);
    // One parcel of what B has lost arrives, and no more: it is stored and not cosigned.
    let statement = log(houses.a(), B, ChannelSide::Ours);
    let from = log(houses.b(), A, ChannelSide::Theirs).size();
    let copy = recover::copy(&houses.a().house(), &houses.b().as_partner(), statement.origin, from);
    let copy = copy.unwrap().unwrap();
    let mut parcel = tlog::parcel::Parcel::parse(&copy).unwrap();
    let end = houses.a().store().view(|view| view.noted_after(&statement, from)).unwrap().unwrap();
    parcel.items.truncate(usize::try_from(end.size - from).unwrap());
    let note = tlog::checkpoint::SignedCheckpoint::parse(end.note.as_ref().unwrap().as_bytes()).unwrap();
    let log_key = houses.a().house().keys.log_key(&statement.origin).unwrap();
    parcel.checkpoint = note.only_lines_of(&[log_key.verifier()]).unwrap();
    let stored = exchange::receive::parcel(
        &houses.b().house(),
        &houses.a().as_partner(),
        statement.origin,
        &parcel.encode().unwrap(),
        houses.b().now(),
        &mut houses.b().rng(),
    );
    assert!(matches!(stored.unwrap(), exchange::receive::Receipt::Stored(size) if size == end.size));
    houses.a().go_back(&old_a);
    houses.carry(A, B).unwrap_err();
    assert_eq!(log(houses.a(), B, ChannelSide::Ours).size(), end.size, "what B has stored came back");
    houses.leave_undelivered();
}

#[test]
fn a_giver_that_went_back_to_before_its_channel_was_opened_takes_it_up_again() {
    let houses = TestHouses::of(&[A, B]);
    let old = houses.a().copy(DataCopy::WithoutMark);
    houses.a().thank("liaison1", About::Unsolicited(party(B))).unwrap();
    houses.settle_all();
    houses.a().go_back(&old);
    houses.advance(1);
    houses.a().thank("liaison1", About::Unsolicited(party(B))).unwrap();
    houses.settle_all();
    assert_eq!(houses.b().store().view(|view| view.channels()).unwrap().len(), 1);
    assert_eq!(houses.b().relation(A).thanks().count(), 2);
    assert!(!recovering(houses.a()));
}

#[test]
fn a_receiver_that_went_back_to_before_the_channel_was_opened_is_given_everything_again() {
    let houses = TestHouses::of(&[A, B]);
    let old = houses.b().copy(DataCopy::WithoutMark);
    houses.a().thank("liaison1", About::Unsolicited(party(B))).unwrap();
    houses.settle_all();
    let before = receipts(houses.b(), &log(houses.b(), A, ChannelSide::Theirs)).pop();
    houses.b().go_back(&old);
    houses.a().thank("liaison1", About::Unsolicited(party(B))).unwrap();
    houses.settle_all();
    assert_eq!(houses.b().relation(A).thanks().count(), 2);
    let after = receipts(houses.b(), &log(houses.b(), A, ChannelSide::Theirs));
    assert!(after.contains(&before.unwrap()), "its first receipt is its own again");
}

#[test]
fn a_giver_that_lost_the_opposite_log_whole_writes_nothing_that_names_less_as_seen() {
    let houses = TestHouses::of(&[A, B]);
    houses.a().thank("liaison1", About::Unsolicited(party(B))).unwrap();
    houses.settle_all();
    let old = houses.a().copy(DataCopy::WithoutMark);
    houses.b().thank("liaison1", About::Unsolicited(party(A))).unwrap();
    houses.settle_all();
    houses.a().thank("liaison1", About::Unsolicited(party(B))).unwrap();
    houses.settle_all();
    houses.a().go_back(&old);
    houses.advance(1);
    houses.a().thank("liaison1", About::Unsolicited(party(B))).unwrap();
    carry_on(&houses);
    houses.b().thank("liaison1", About::Unsolicited(party(A))).unwrap();
    carry_on(&houses);
    houses.settle_all();
    assert_eq!(houses.b().relation(A).thanks().count(), 5, "three each way and two");
}

#[test]
fn where_the_mark_went_back_as_well_it_does_not_vouch_for_a_channel_that_it_does_not_know() {
    let houses = TestHouses::of(&[A, B]);
    let image = houses.a().copy(DataCopy::WithMark);
    houses.a().thank("liaison1", About::Unsolicited(party(B))).unwrap();
    houses.settle_all();
    houses.a().go_back(&image);
    houses.advance(1);
    houses.a().thank("liaison1", About::Unsolicited(party(B))).unwrap();
    let trouble = houses.carry(A, B).unwrap_err();
    assert!(trouble.0.contains("recover begin"), "{trouble:?}");
    let operator = houses.a().caller("operator1");
    recover::begin(&houses.a().house(), &operator, "the disk was set back", houses.a().now()).unwrap();
    let trouble = carry_on(&houses);
    assert!(trouble.iter().any(|t| t.contains("successor")), "B's word alone ends no recovery: {trouble:?}");
    assert_eq!(houses.b().relation(A).thanks().count(), 1);
    recover::trust(&houses.a().house(), &operator, &party(B), houses.a().now()).unwrap();
    houses.settle_all();
    assert_eq!(houses.b().relation(A).thanks().count(), 2);
}
