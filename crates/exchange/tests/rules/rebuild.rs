//! What follows from the entries of the logs can be made again from them; what was lost or changed is named.

use store::{Compared, compare, rebuild};
use testkit::{A, B, TestHouse, TestHouses, warning};

fn compared(house: &TestHouse) -> Compared {
    house.store().view(|view| compare(view, &mut |_, _| true)).unwrap().unwrap()
}

fn played() -> TestHouses {
    let houses = TestHouses::two();
    houses.a().warn(&warning(), &[B]);
    houses.settle_all();
    houses
}

#[test]
fn logs_as_they_were_written_differ_in_nothing() {
    let houses = played();
    for house in houses.all() {
        let found = compared(house);
        assert_eq!((found.differences, found.named.clone()), (0, Vec::new()));
        assert!(found.entries > 3 && found.channels >= 2, "{found:?}");
    }
}

#[test]
fn whatever_follows_from_the_entries_is_made_again() {
    let houses = played();
    let damages = [
        "UPDATE entries SET facts = '{\"fact\":\"channel\"}'",
        "UPDATE entries SET facts = 'nothing', answers = NULL, kind = 'cover', written = 1",
        "DELETE FROM subtrees WHERE idx = 0",
        "UPDATE subtrees SET hash = zeroblob(32)",
        "INSERT INTO subtrees VALUES (1, 0, 900, zeroblob(32))",
        "UPDATE channels SET size = 1, range = x'00', seen = 0, written = 0, cosigned = 0, cosigned_at = 0",
    ];
    for damage in damages {
        let house = houses.b();
        house.stopped(|_| ());
        house.sql("node.db", damage);
        let store = house.store();
        let found = rebuild(&store, &mut |_, _| true).unwrap().unwrap();
        assert!(found.differences > 0 && found.unmendable == 0, "{damage}: {found:?}");
        assert_eq!(compared(house).differences, 0, "{damage}");
    }
    // In the end both logs are verified whole, and the relation is folded anew from them.
    houses.b().restart();
    assert_eq!(houses.b().inbox().len(), 1);
}

#[test]
fn what_cannot_be_made_again_is_named_and_left_as_it_is() {
    let damages = [
        ("DELETE FROM entries WHERE idx = 1 AND channel = 1", "entry 1 is missing"),
        ("UPDATE entries SET sealed = zeroblob(80) WHERE idx = 1", "the text of entry 1 cannot be opened"),
        ("UPDATE entries SET commitment = zeroblob(32) WHERE idx = 1", "is not what was committed to"),
        ("UPDATE heads SET root = zeroblob(32)", "the entries do not give the head of size"),
    ];
    for (damage, said) in damages {
        let houses = played();
        houses.leave_broken();
        let house = houses.at(A);
        house.sql("node.db", damage);
        let found = compared(house);
        assert!(
            found.unmendable > 0 && found.named.iter().any(|d| d.what.contains(said)),
            "{damage}: {found:?}"
        );
    }
}

/// Loses the entries of a log from an index on, with their keys.
fn lose_entries(house: &TestHouse, side: &str, from: u64) {
    house.stopped(|_| ());
    let of = format!(
        "channel = (SELECT id FROM channels WHERE side = '{side}' AND use = 'actual') AND idx >= {from}"
    );
    let keys = house.rows("node.db", &format!("SELECT hex(key_id) FROM entries WHERE {of}"));
    house.sql("node.db", &format!("DELETE FROM entries WHERE {of}"));
    for key in keys {
        house.sql("keys.db", &format!("DELETE FROM body_keys WHERE id = x'{key}'"));
    }
}

#[test]
fn a_log_whose_heads_go_beyond_its_entries_signs_nothing_until_the_partner_gave_them_back() {
    for (who, side) in [(A, "ours"), (B, "theirs")] {
        for columns_as_well in [false, true] {
            let houses = played();
            houses.a().warn(&warning(), &[B]);
            houses.settle_all();
            let house = houses.at(who);
            let before = house.ledger(if who == A { B } else { A });
            lose_entries(house, side, 2);
            if columns_as_well {
                // As after a first rebuild that was stopped: the columns say what is there.
                rebuild(&house.store(), &mut |_, _| true).unwrap();
                house.sql(
                    "node.db",
                    "UPDATE channels SET recovering = 0; DELETE FROM meta WHERE key LIKE 'recovering%'",
                );
            }
            let found = rebuild(&house.store(), &mut |_, _| true).unwrap().unwrap();
            assert!(found.unmendable > 0, "{found:?}");
            assert!(found.named.iter().any(|d| d.what.contains("comes back from the partner")), "{found:?}");
            house.restart();
            let channels = house.store().view(|view| view.channels()).unwrap();
            let recovering: Vec<_> = channels.iter().filter(|c| c.recovering).collect();
            assert_eq!(recovering.len(), 1, "{who}: that log and no other");
            let why = exchange::went_back::tell(&house.house(), house.now()).unwrap();
            assert_eq!(why.as_deref(), Some("entries of a log were lost"));
            // The weather may be such that the one or the other calls first.
            houses.settle_all();
            assert!(house.store().view(|view| view.channels()).unwrap().iter().all(|c| !c.recovering));
            assert_eq!(compared(house).differences, 0, "{who}: {:?}", compared(house).named);
            assert_eq!(house.ledger(if who == A { B } else { A }).counts, before.counts);
            houses.a().warn(&warning(), &[B]);
            houses.settle_all();
            assert_eq!(houses.b().inbox().len(), 3);
        }
    }
}
