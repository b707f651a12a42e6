//! Every answer to a parcel but the freeze: nothing is stored of what is refused, and what is held is held once.

use exchange::receive::Receipt;
use model::caller::Partner;
use testkit::{A, B, ByHand, C, EntryOf, TestHouse, TestHouses, party};
use tlog::channel::{Origin, Use};
use tlog::commitment::commit;
use tlog::entry::{Entry, EntryHeader, Seen};
use tlog::hash::Hash;
use tlog::key::{KeyKind, SigningKey};
use tlog::parcel::{Item, Parcel};

#[test]
fn a_log_that_is_unknown_and_one_of_somebody_else_look_alike() {
    let houses = TestHouses::of(&[A]);
    let a = houses.a();
    let b = ByHand::with(a, B, Use::Actual).opened();
    let c = ByHand::with(a, C, Use::Actual).opened();
    let unknown = Origin::from_hex(&"ab".repeat(32)).unwrap();
    let parcel = b.parcel(0);
    assert_eq!(b.send_as(a, &b.as_partner(), unknown, &parcel), Receipt::Unknown);
    assert_eq!(c.send_as(a, &c.as_partner(), b.origin(), &parcel), Receipt::Unknown, "even with its parcel");
    assert_eq!(b.send_as(a, &b.as_partner(), c.origin(), &parcel), Receipt::Unknown);
    assert_eq!(b.send_as(a, &stranger(), b.origin(), &parcel), Receipt::Unknown);
    assert_eq!(b.send_as(a, &stranger(), b.origin(), b"rubbish"), Receipt::Unknown, "before it is looked at");
    b.delivers(a, 0);
}

#[test]
fn our_own_log_takes_no_parcel_from_the_partner_that_receives_it() {
    let houses = TestHouses::of(&[A]);
    let a = houses.a();
    let mut b = ByHand::with(a, B, Use::Actual).opened();
    a.undertake(B).unwrap();
    b.takes(a);
    let ours = b.seen().unwrap().origin;
    assert_eq!(b.send_as(a, &b.as_partner(), ours, &b.parcel(0)), Receipt::Unknown);
}

#[test]
fn bytes_that_are_no_parcel_are_refused_with_the_reason() {
    let houses = TestHouses::of(&[A]);
    let b = ByHand::with(houses.a(), B, Use::Actual).opened();
    let good = b.parcel(0);
    let mut cut = good.clone();
    cut.truncate(good.len() - 10);
    let header = b"forewarn/parcel/v1\nold 0\ncount 5000\nheld 0\n\n".to_vec();
    for bytes in [Vec::new(), b"rubbish".to_vec(), cut, header] {
        assert!(matches!(b.send(houses.a(), &bytes), Receipt::Unreadable(_)));
    }
    assert_eq!(held(houses.a(), &b), 0);
}

#[test]
fn another_size_than_is_held_is_answered_with_the_size() {
    let houses = TestHouses::of(&[A]);
    let mut b = ByHand::with(houses.a(), B, Use::Actual).opened();
    b.push(EntryOf::kind("cover", ""));
    assert_eq!(b.send(houses.a(), &b.parcel(1)), Receipt::HoldsSize(0));
    b.delivers(houses.a(), 0);
    b.push(EntryOf::kind("cover", ""));
    for old in [0, 1] {
        assert_eq!(b.send(houses.a(), &b.parcel(old)), Receipt::HoldsSize(2), "old {old}");
    }
    b.delivers(houses.a(), 2);
    assert_eq!(held(houses.a(), &b), 3);
}

#[test]
fn what_the_key_of_the_log_did_not_sign_is_refused_and_its_note_is_kept() {
    let houses = TestHouses::of(&[A]);
    let a = houses.a();
    let b = ByHand::with(a, B, Use::Actual).opened();
    let c = ByHand::with(a, C, Use::Actual).opened();
    let of_another_log = Parcel { checkpoint: c.head(1), ..Parcel::parse(&b.parcel(0)).unwrap() };
    let head = *b.head(1).checkpoint();
    let other_key = SigningKey::from_seed(&b.origin().to_string(), KeyKind::Ed25519, [9; 32]).unwrap();
    let forged =
        Parcel { checkpoint: head.sign(&other_key).unwrap(), ..Parcel::parse(&b.parcel(0)).unwrap() };
    let stray = b.head(1).and_line(c.head(1).lines()[0].clone()).unwrap();
    let stray = Parcel { checkpoint: stray, ..Parcel::parse(&b.parcel(0)).unwrap() };
    for (n, parcel) in (1..).zip([of_another_log, forged, stray]) {
        let answer = b.send(a, &parcel.encode().unwrap());
        assert!(matches!(answer, Receipt::NotSigned(_)), "{n}: {answer:?}");
        assert_eq!(held(a, &b), 0, "{n}");
        assert!(!evidence(a).is_empty(), "{n}: what was signed is kept");
    }
    b.delivers(a, 0);
}

#[test]
fn an_entry_whose_frame_is_wrong_is_named_with_the_reason_and_nothing_is_stored() {
    type Spoil = fn(&mut ByHand, EntryOf);
    let spoilt: [(&str, &str, Spoil); 12] = [
        ("padding that is not zero", "frame", |b, of| {
            let mut bytes = entry(b, of, |_| ()).encode().unwrap();
            *bytes.last_mut().unwrap() = 1;
            b.push_bytes(bytes);
        }),
        ("a bucket that is too large", "frame", |b, of| {
            let mut bytes = entry(b, of, |_| ()).encode().unwrap();
            bytes.resize(2 * bytes.len(), 0);
            b.push_bytes(bytes);
        }),
        ("no header", "frame", |b, _| b.push_bytes(vec![0; 1024])),
        ("a header field changed", "frame", |b, of| {
            let bytes = entry(b, of, |_| ()).encode().unwrap();
            let text = String::from_utf8(bytes).unwrap().replacen("answers -", "answers ~", 1);
            b.push_bytes(text.into_bytes());
        }),
        ("another log's origin", "origin", |b, of| {
            let bytes = entry(b, of, |h| h.origin = Origin::from_hex(&"cd".repeat(32)).unwrap());
            b.push_entry(&bytes);
        }),
        ("an index that is taken", "index", |b, of| b.push_entry(&entry(b, of, |h| h.index -= 1))),
        ("an index that leaves a hole", "index", |b, of| b.push_entry(&entry(b, of, |h| h.index += 1))),
        ("a time before the entry before", "written", |b, of| {
            b.push_entry(&entry(b, of, |h| h.written = testkit::at(-60)));
        }),
        ("a second opening", "statement", |b, _| {
            b.push(EntryOf { media: "text/plain", ..EntryOf::kind("channel.opened", "again") });
        }),
        ("a head of our log that never was", "seen", |b, of| {
            let seen = Seen { root: Hash::from_bytes([7; 32]), ..b.seen().unwrap() };
            b.push_entry(&entry(b, of, |h| h.seen = Some(seen)));
        }),
        ("a seen head that falls", "seen", |b, of| b.push_entry(&entry(b, of, |h| h.seen = None))),
        ("an answer to what is not there", "answers", |b, of| {
            let ours = b.seen().unwrap();
            b.push(of.answering(ours.origin, ours.size));
        }),
    ];
    for (what, why, spoil) in spoilt {
        let houses = TestHouses::of(&[A]);
        let a = houses.a();
        let mut b = ByHand::with(a, B, Use::Actual).opened();
        a.undertake(B).unwrap();
        b.takes(a);
        b.push(EntryOf::kind("cover", ""));
        b.delivers(a, 0);
        let notices = a.notices().len();
        b.push(EntryOf::kind("cover", ""));
        spoil(&mut b, EntryOf::kind("cover", ""));
        b.push(EntryOf::kind("cover", ""));
        assert_eq!(b.send(a, &b.parcel(2)), Receipt::BadEntry { index: 3, why }, "{what}");
        assert_eq!(held(a, &b), 2, "{what}: not even the entries before it");
        let told = a.notices().split_off(notices);
        assert!(matches!(&told[..], [told] if told.contains("was refused")), "{what}: {told:?}");
        assert_eq!(evidence(a).len(), 1, "{what}: the signed note is kept");
        assert_eq!(b.send(a, &b.parcel(2)), Receipt::BadEntry { index: 3, why }, "{what}: the same again");
        assert_eq!(evidence(a).len(), 1, "{what}: once");
        b.entries.truncate(2);
        b.push(EntryOf::kind("cover", ""));
        assert!(matches!(b.send(a, &b.parcel(2)), Receipt::Held(_)), "{what}: the log goes on without it");
    }
}

#[test]
fn a_log_begins_with_its_statement_and_nothing_else() {
    let another =
        EntryOf { media: "text/plain", thread: [0; 16], ..EntryOf::kind("channel.opened", "another") };
    for first in [EntryOf::kind("warning.released", "{}"), another] {
        let houses = TestHouses::of(&[A]);
        let a = houses.a();
        let mut b = ByHand::with(a, B, Use::Actual);
        b.push(first);
        assert_eq!(b.send(a, &b.parcel(0)), Receipt::BadEntry { index: 0, why: "statement" });
        b.entries.clear();
        let b = b.opened();
        // The one that was refused stays signed: with the statement it is a second head of this size.
        assert_eq!(b.send(a, &b.parcel(0)), Receipt::BadRoot);
    }
    let houses = TestHouses::of(&[A]);
    ByHand::with(houses.a(), B, Use::Actual).opened().delivers(houses.a(), 0);
}

#[test]
fn an_answer_names_an_entry_of_ours_or_an_earlier_one_of_its_own_log() {
    let houses = TestHouses::of(&[A]);
    let a = houses.a();
    let mut b = ByHand::with(a, B, Use::Actual).opened();
    a.undertake(B).unwrap();
    b.takes(a);
    let own = b.origin();
    let ours = b.seen().unwrap().origin;
    b.push(EntryOf::kind("cover", "").answering(own, 0));
    b.push(EntryOf::kind("cover", "").answering(ours, 1));
    b.delivers(a, 0);
    for (what, name, origin, index) in
        [("another partner's log", C, own, 0), ("our log to another", testkit::D, ours, 1)]
    {
        let mut c = ByHand::with(a, name, Use::Actual).opened();
        c.delivers(a, 0);
        c.push(EntryOf::kind("cover", "").answering(origin, index));
        assert_eq!(c.send(a, &c.parcel(1)), Receipt::BadEntry { index: 1, why: "answers" }, "{what}");
    }
}

#[test]
fn an_exercise_answers_no_actual_entry() {
    let houses = TestHouses::of(&[A]);
    let a = houses.a();
    let mut actual = ByHand::with(a, B, Use::Actual).opened();
    actual.delivers(a, 0);
    a.undertake(B).unwrap();
    actual.takes(a);
    let ours = actual.seen().unwrap().origin;
    let mut drill = ByHand::with(a, B, Use::Exercise).opened();
    drill.push(EntryOf::kind("release.disposed", "{}").answering(ours, 1));
    assert_eq!(drill.send(a, &drill.parcel(0)), Receipt::BadEntry { index: 1, why: "answers" });
}

#[test]
fn an_item_called_erased_gets_no_receipt() {
    let houses = TestHouses::of(&[A]);
    let mut b = ByHand::with(houses.a(), B, Use::Actual).opened();
    b.push(EntryOf::kind("warning.released", "never shown"));
    let mut parcel = Parcel::parse(&b.parcel(0)).unwrap();
    parcel.items[1] = Item::Erased(commit(&b.entries[1].0, &b.entries[1].1));
    let answer = b.send(houses.a(), &parcel.encode().unwrap());
    assert_eq!(answer, Receipt::BadEntry { index: 1, why: "erased" });
    assert_eq!(held(houses.a(), &b), 0);
}

#[test]
fn an_entry_that_has_seen_more_of_our_log_than_there_is_waits_until_we_have_recovered() {
    let houses = TestHouses::of(&[A]);
    let a = houses.a();
    let mut b = ByHand::with(a, B, Use::Actual).opened();
    a.undertake(B).unwrap();
    b.takes(a);
    let lost = Seen { size: 9, ..b.seen().unwrap() };
    let of = EntryOf::kind("cover", "");
    b.push_entry(&entry(&b, of, |h| h.seen = Some(lost)));
    assert_eq!(b.send(a, &b.parcel(0)), Receipt::Recovering);
    assert_eq!(held(a, &b), 0);
    assert!(matches!(state(a, &b), store::ChannelState::Open), "and is no evidence");
}

#[test]
fn equal_content_again_gets_the_stored_line() {
    let houses = TestHouses::of(&[A]);
    let a = houses.a();
    let mut b = ByHand::with(a, B, Use::Actual).opened();
    let first = b.delivers(a, 0);
    let opening = b.parcel(0);
    houses.advance(30);
    assert_eq!(b.delivers(a, 0), first);
    b.push(EntryOf::kind("cover", ""));
    let second = b.delivers(a, 1);
    houses.advance(30);
    assert_ne!(first, second);
    assert_eq!(b.send(a, &opening), Receipt::Held(first), "an older parcel gets the older line");
    assert_eq!(b.send(a, &b.parcel(2)), Receipt::Held(second.clone()), "no items ask for the receipt again");
    assert_eq!(b.delivers(a, 0), second, "and so does all of it");
    assert_eq!(held(a, &b), 2);
}

#[test]
fn the_times_of_receipts_never_fall_whatever_our_clock_does() {
    let houses = TestHouses::of(&[A]);
    let a = houses.a();
    let mut b = ByHand::with(a, B, Use::Actual).opened();
    let mut times = Vec::new();
    for (old, minutes) in (0..).zip([0, 10, -30, 5, 60]) {
        houses.advance(minutes);
        let line = b.delivers(a, old);
        times.push(tlog::cosignature::Cosignature::parse_line(&line).unwrap().time());
        b.push(EntryOf::kind("cover", ""));
    }
    assert!(times.is_sorted(), "{times:?}");
    assert_eq!(times[1], times[2], "while the clock is behind, the time stands");
}

#[test]
fn what_is_not_understood_is_held_receipted_and_shown_as_that() {
    let houses = TestHouses::of(&[A]);
    let a = houses.a();
    let mut b = ByHand::with(a, B, Use::Actual).opened();
    let strange: [(&'static str, Vec<u8>); 6] = [
        ("moon.phase", b"full".to_vec()),
        ("warning.released", b"not even JSON".to_vec()),
        ("warning.released", vec![0xff; 500]),
        ("outcome.reported", b"{}".to_vec()),
        ("warning.recalled", b"{\"recalls\":\"everything\"}".to_vec()),
        ("agreement.proposed", b"{\"parties\":[]}".to_vec()),
    ];
    for (kind, body) in &strange {
        b.push(EntryOf { media: "application/octet-stream", ..EntryOf::kind(kind, body.clone()) });
    }
    b.delivers(a, 0);
    for index in 1..=strange.len() {
        let entry = a.entry(&format!("{}/{index}", b.origin().hex()));
        assert_eq!(entry.kind, strange[index - 1].0);
        assert!(entry.release.is_none() && entry.receipt.is_some());
    }
    assert!(a.inbox().is_empty());
    assert!(a.notices().iter().any(|n| n.contains("does not know")), "{:?}", a.notices());
    assert!(a.relation(B).agreements().is_empty());
}

#[test]
fn a_recall_of_an_entry_that_is_no_release_changes_nothing() {
    let houses = TestHouses::of(&[A]);
    let a = houses.a();
    let mut b = ByHand::with(a, B, Use::Actual).opened();
    let recall = r#"{"recalls":0,"reason":"error","kind":"channel.opened","domain":"cyber","counts":false}"#;
    b.push(EntryOf::kind("warning.recalled", recall));
    b.push(EntryOf::kind("warning.cancelled", r#"{"release":7}"#));
    b.delivers(a, 0);
    assert!(a.inbox().is_empty());
    testkit::assert_sound(a);
}

fn stranger() -> Partner {
    Partner { name: party("service-x.example") }
}

/// The entry that should come next, with its header changed.
fn entry(b: &ByHand, of: EntryOf, change: impl FnOnce(&mut EntryHeader)) -> Entry {
    let mut header = b.header(&of);
    change(&mut header);
    Entry { header, body: of.body }
}

fn held(a: &TestHouse, b: &ByHand) -> u64 {
    a.store().view(|view| view.channel(&b.origin())).unwrap().unwrap().size()
}

fn state(a: &TestHouse, b: &ByHand) -> store::ChannelState {
    a.store().view(|view| view.channel(&b.origin())).unwrap().unwrap().state
}

/// What is kept of what cannot be true or was refused: what it is, in words.
pub(crate) fn evidence(a: &TestHouse) -> Vec<String> {
    a.rows("node.db", "SELECT what FROM evidence ORDER BY id")
}
