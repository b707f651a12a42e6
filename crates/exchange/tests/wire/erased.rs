//! Items of which a giver shows the commitment alone (docs/log-format.md, Delivery): taken only by a receiver that has
//! lost what it had cosigned, and only where a recall says what they were.

use exchange::receive::Receipt;
use exchange::refusal::Refusal;
use store::{Act, ChannelRow, ChannelSide};
use testkit::{A, B, ByHand, DataCopy, EntryOf, TestHouse, TestHouses, party};
use tlog::channel::Use;
use tlog::checkpoint::SignedCheckpoint;
use tlog::commitment::commit;
use tlog::note::NoteSignature;
use tlog::parcel::{Item, Parcel};

const RELEASE: &str = r#","release":{"written":"2026-12-01T09:00:00Z","facts":{"status":"actual","domain":"cyber",
    "kind":"threat","precedence":"flash","harm":[],"acknowledge_minutes":15,"outcome_minutes":60,"life_floor":false}}"#;

fn recall(index: u64, repeated: &str) -> EntryOf {
    let kind = r#""kind":"warning.released","domain":"cyber""#;
    let body = format!(r#"{{"recalls":{index},"reason":"error",{kind},"counts":true{repeated}}}"#);
    EntryOf::kind("warning.recalled", body)
}

fn theirs(act: &Act<'_>) -> Result<ChannelRow, Refusal> {
    Ok(act.channel_with(&party(B), ChannelSide::Theirs, Use::Actual)?.unwrap())
}

fn size(a: &TestHouse) -> u64 {
    a.store()
        .view(|view| view.channel_with(&party(B), ChannelSide::Theirs, Use::Actual))
        .unwrap()
        .unwrap()
        .size()
}

/// A giver by hand, whose receiver has cosigned its opening, a release, something else and `last`, and has lost all but
/// the opening. The receiver's lines at sizes 1 and 4.
fn lost(a: &TestHouse, last: EntryOf) -> (ByHand, [SignedCheckpoint; 2]) {
    let mut b = ByHand::with(a, B, Use::Actual).opened();
    let line = |line: String| NoteSignature::parse_line(line.trim_end()).unwrap();
    let first = b.head(1).and_line(line(b.delivers(a, 0))).unwrap();
    let copy = a.copy(DataCopy::WithMark);
    b.push(EntryOf::kind("warning.released", "a text that is erased by now"));
    b.push(EntryOf::kind("cover", ""));
    b.push(last);
    let held = b.head(4).and_line(line(b.delivers(a, 1))).unwrap();
    a.go_back(&copy);
    a.store().act(|act| Ok::<_, Refusal>(act.begin_recovery(&mut theirs(act)?)?)).unwrap();
    (b, [first, held])
}

/// The entries of a giver from one size to another, the release as erased.
fn piece(b: &ByHand, (old, end): (u64, u64), held: Option<&SignedCheckpoint>) -> Vec<u8> {
    let mut parcel = Parcel::parse(&b.parcel(old)).unwrap();
    parcel.items.truncate(usize::try_from(end - old).unwrap());
    if old == 1 {
        parcel.items[0] = Item::Erased(commit(&b.entries[1].0, &b.entries[1].1));
    }
    Parcel { held: held.cloned(), checkpoint: b.head(end), ..parcel }.encode().unwrap()
}

#[test]
fn with_the_receivers_own_receipt_and_the_recall_an_erased_entry_is_taken_as_what_it_was() {
    let houses = TestHouses::of(&[A]);
    let a = houses.a();
    let (b, [_, held]) = lost(a, recall(1, RELEASE));
    let answer = b.send(a, &piece(&b, (1, 4), Some(&held)));
    assert!(matches!(answer, Receipt::Held(_)), "{answer:?}");
    let shown = a.entry(&format!("{}/1", b.origin().hex()));
    assert_eq!((shown.kind.as_str(), shown.body.is_none()), ("warning.released", true));
    assert_eq!((a.inbox().len(), a.inbox()[0].standing), (1, "recalled"));
}

#[test]
fn a_recall_may_come_in_a_later_parcel_and_nothing_is_cosigned_before_it() {
    let houses = TestHouses::of(&[A]);
    let a = houses.a();
    let (b, [_, held]) = lost(a, recall(1, RELEASE));
    assert_eq!(b.send(a, &piece(&b, (1, 2), Some(&held))), Receipt::Stored(2));
    assert!(a.inbox().is_empty(), "nobody knows yet what it was");
    assert_eq!(b.send(a, &piece(&b, (2, 3), Some(&held))), Receipt::Stored(3));
    assert!(matches!(b.send(a, &piece(&b, (3, 4), Some(&held))), Receipt::Held(_)));
    assert_eq!((a.inbox().len(), a.inbox()[0].standing), (1, "recalled"));
}

#[test]
fn without_a_recall_that_says_what_it_was_it_is_refused_where_the_receipt_would_be() {
    let lasts = [
        ("no recall", EntryOf::kind("cover", "")),
        ("of another entry", recall(2, RELEASE)),
        ("that repeats nothing", recall(1, "")),
    ];
    for (what, last) in lasts {
        let houses = TestHouses::of(&[A]);
        let a = houses.a();
        let (b, [_, held]) = lost(a, last);
        let refused = Receipt::BadEntry { index: 1, why: "erased" };
        assert_eq!(b.send(a, &piece(&b, (1, 4), Some(&held))), refused, "{what}");
        assert_eq!(size(a), 1, "{what}: nothing is stored");
        assert_eq!(b.send(a, &piece(&b, (1, 3), Some(&held))), Receipt::Stored(3), "{what}: it may come yet");
        for shown in [Some(&held), None] {
            assert_eq!(b.send(a, &piece(&b, (3, 4), shown)), refused, "{what}: and has not come");
        }
        assert_eq!(size(a), 3, "{what}");
    }
}

#[test]
fn without_the_receivers_own_receipt_that_covers_it_it_is_refused() {
    let houses = TestHouses::of(&[A]);
    let a = houses.a();
    let (b, [first, _]) = lost(a, recall(1, RELEASE));
    for shown in [None, Some(&first)] {
        let answer = b.send(a, &piece(&b, (1, 4), shown));
        assert_eq!(answer, Receipt::BadEntry { index: 1, why: "erased" });
        assert_eq!(size(a), 1);
    }
    let mut opening = Parcel::parse(&b.parcel(0)).unwrap();
    opening.items[0] = Item::Erased(commit(&b.entries[0].0, &b.entries[0].1));
    assert_eq!(b.send(a, &opening.encode().unwrap()), Receipt::HoldsSize(1));
}
