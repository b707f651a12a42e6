//! What is signed leaves only where the durable high-water mark covers it: a mark that went back with the rest of its disk
//! must never say less than a partner was shown (docs/decisions/0008).

use exchange::{carriage, pull, receive, recover};
use store::{ChannelRow, ChannelSide, Step};
use testkit::{A, B, TestHouse, TestHouses, party, warning};
use tlog::channel::Use;
use tlog::parcel::Parcel;

fn log(house: &TestHouse, with: &str, side: ChannelSide) -> ChannelRow {
    house.store().view(|view| view.channel_with(&party(with), side, Use::Actual)).unwrap().unwrap()
}

/// What the mark of a house says on its disk of a log: signed, cosigned.
fn mark(house: &TestHouse, log: &ChannelRow) -> (u64, u64) {
    let of = |column: &str| {
        let sql = format!("SELECT CAST({column} AS TEXT) FROM marks WHERE origin = '{}'", log.origin.hex());
        house.rows("high-water.db", &sql)[0].parse().unwrap()
    };
    (of("signed"), of("cosigned"))
}

#[test]
fn a_receipt_whose_mark_could_not_be_written_is_shown_at_no_door_before_it_is() {
    let houses = TestHouses::two();
    let (a, b) = (houses.a(), houses.b());
    let before = log(b, A, ChannelSide::Theirs);
    let shown = || receive::newest_head(&b.house(), &a.as_partner(), before.origin).unwrap();
    let held = || pull::holding(&b.house(), a.name(), Use::Actual).unwrap().unwrap().receipt;
    let first = shown();
    a.warn(&warning(), &[B]);
    b.fail_commit(1, Step::BeforeMark);
    houses.carry(A, B).unwrap_err();
    assert!(b.has_failed());
    let after = log(b, A, ChannelSide::Theirs);
    assert!(after.cosigned > before.cosigned, "it stands in the database");
    assert_eq!(mark(b, &after).1, before.cosigned, "and the mark does not cover it");

    assert_eq!(shown(), first, "the newest head");
    assert_eq!(held(), first, "the receipt that is brought to a giver");
    let stored = |size| pull::checkpoint_at(&b.house(), &a.as_partner(), before.origin, size).unwrap();
    assert_eq!(stored(after.cosigned), None, "the stored checkpoint");
    let copied = recover::copy(&b.house(), &a.as_partner(), before.origin, before.cosigned).unwrap();
    assert_eq!(copied, None, "the giver's own entries, given back with their receipt");
    let sent_to_us = carriage::newest(&b.house(), &b.caller("desk1"), &party(A), None, b.now()).unwrap();
    let name = format!("-{}.receipt", before.cosigned);
    assert!(sent_to_us[0].name.ends_with(&name), "{}", sent_to_us[0].name);

    // The next act raises the mark before anything else; from then on it may be shown.
    assert_eq!(mark(b, &after).1, after.cosigned);
    assert_ne!(shown(), first);
    assert_eq!(held(), shown());
    houses.settle_all();
    assert_eq!(b.inbox().len(), 1);
}

#[test]
fn whichever_commit_of_a_giver_loses_its_mark_no_parcel_leaves_above_it() {
    for n in 1..=8 {
        let houses = TestHouses::two();
        let a = houses.a();
        a.warn(&warning(), &[B]);
        a.fail_commit(n, Step::BeforeMark);
        let _ = houses.carry(A, B);
        let signed = mark(a, &log(a, B, ChannelSide::Ours)).0;
        let parcels = houses.observed(A, B).into_iter().filter(|c| c.path.ends_with("add-entries"));
        for parcel in parcels {
            let size = Parcel::parse(&parcel.request).unwrap().checkpoint.checkpoint().size;
            assert!(size <= signed, "commit {n}: a parcel up to {size}, and the mark says {signed}");
        }
        houses.settle_all();
        assert_eq!(houses.b().inbox().len(), 1, "commit {n}");
    }
}
