//! What the testkit looks at in the end is worth nothing if it would not see it: each fault is made once, on purpose.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

use testkit::{A, B, C, TestHouse, TestHouses, Weather, faults, for_parcels, text, tight, warning};

#[test]
fn houses_in_which_nothing_is_wrong_end_without_a_word() {
    let houses = TestHouses::two();
    houses.plant("QUARTZ5", &[A, B]);
    let mut file = warning();
    file.how.insert(0, text("the QUARTZ5 way", Some(tight(&[B]))));
    houses.a().warn(&file, &[B]);
    houses.settle_all();
    assert_eq!(houses.wrongs(), Vec::<String>::new());
}

#[test]
fn what_waits_and_what_has_no_receipt_is_found() {
    let houses = TestHouses::two();
    houses.a().warn(&warning(), &[B]);
    assert_eq!(houses.wrongs(), ["service-a.example: 1 bodies wait for service-b.example"]);
    houses.carry_in(A, B, &mut for_parcels(Weather::AnswerLost)).unwrap_err();
    assert_eq!(
        houses.wrongs(),
        ["service-a.example: 1 entries to service-b.example (actual) have no receipt"]
    );
    houses.leave_undelivered();
    assert_eq!(houses.wrongs(), Vec::<String>::new());
}

#[test]
fn a_planted_word_in_the_wrong_hands_is_found_however_it_is_spelt() {
    use base64ct::{Base64, Encoding as _};
    let words = "they speak of QUARTZ5 often";
    let spelt = [
        words.to_owned(),
        words.to_lowercase(),
        hex::encode(words),
        Base64::encode_string(words.as_bytes()),
        Base64::encode_string(format!("x{words}").as_bytes()),
        Base64::encode_string(format!("xy{words}").as_bytes()),
    ];
    for said in spelt {
        let houses = TestHouses::two();
        houses.plant("QUARTZ5", &[A]);
        let mut file = warning();
        file.how[0].text = said.clone();
        houses.a().warn(&file, &[B]);
        houses.settle_all();
        let wrong = houses.wrongs().join("\n");
        assert!(wrong.contains("went from service-a.example"), "{said}: {wrong}");
        houses.leave_broken();
    }
}

#[test]
fn a_log_that_is_not_what_was_signed_is_found() {
    for (what, sql) in [
        ("an entry is missing", "DELETE FROM entries WHERE channel = 1 AND idx = 1"),
        (
            "a commitment is another",
            "UPDATE entries SET commitment = zeroblob(32) WHERE channel = 1 AND idx = 1",
        ),
        (
            "facts are others",
            "UPDATE entries SET facts = '{\"fact\":\"channel\"}' WHERE kind = 'warning.released'",
        ),
        ("a kind is another", "UPDATE entries SET kind = 'cover' WHERE kind = 'warning.released'"),
        ("a head has another root", "UPDATE heads SET root = zeroblob(32) WHERE channel = 1"),
        ("a receipt is another", "UPDATE heads SET line = '— x AAAA' WHERE channel = 1"),
        ("the newest receipt is gone", "UPDATE heads SET line = NULL WHERE channel = 1"),
        ("a line of the trail is another", "UPDATE audit SET about = 'nobody' WHERE act = 'release'"),
    ] {
        let houses = TestHouses::two();
        houses.a().warn(&warning(), &[B]);
        houses.settle_all();
        assert_eq!(faults(houses.a()), Vec::<String>::new());
        houses.a().sql("node.db", sql);
        houses.a().restart();
        assert!(!faults(houses.a()).is_empty(), "{what}");
        houses.leave_broken();
    }
}

#[test]
fn every_act_has_a_generator_of_its_own_and_a_history_is_the_same_in_every_run() {
    let observed = |more: fn(&TestHouse)| {
        let houses = TestHouses::three();
        more(houses.a());
        houses.a().warn(&warning(), &[B]);
        houses.settle_all();
        houses.observed(B, A)
    };
    let quiet = observed(|_| ());
    assert_eq!(quiet, observed(|_| ()));
    let apart = observed(|a| {
        a.apart("elsewhere", |a| a.try_warn(&warning(), &[C]));
    });
    assert_eq!(quiet, apart, "acts in a stream of their own shift nothing");
    let shifted = observed(|a| drop(a.try_warn(&warning(), &[C])));
    assert_ne!(quiet, shifted, "acts in the same stream do");
}
