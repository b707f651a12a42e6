//! Entries and parcels: the frame that the receiver checks, and the limits.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod world;

use tlog::checkpoint::{Checkpoint, SignedCheckpoint};
use tlog::commitment::{Commitment, Salt, commit};
use tlog::entry::{
    Answers, ENTRY_BYTES_MAX, Entry, EntryError, EntryHeader, EntryKind, Seen, Thread, bucket_len,
};
use tlog::grammar::Malformed;
use tlog::hash::empty_root;
use tlog::parcel::{Item, Parcel, ParcelError, parcel_file_name, receipt_file_name};
use world::*;

const TIME: u64 = 1_796_115_602;

fn entry() -> Entry {
    entries()[1].clone()
}

/// Entry 1 of the test vectors with a body of this many bytes.
fn with_body(bytes: usize) -> Entry {
    let header = EntryHeader { length: bytes as u64, ..entry().header };
    Entry { header, body: vec![b'x'; bytes] }
}

/// Bytes of the header of [`with_body`] for lengths of `digits` digits.
fn header_bytes(digits: usize) -> usize {
    let text = entry().encode().unwrap();
    let end = text.windows(2).position(|pair| pair == b"\n\n").unwrap() + 2;
    end - 2 + digits
}

#[test]
fn a_bucket_is_the_smallest_power_of_two_kib_up_to_1_mib() {
    for (content, bucket) in [
        (0, Some(1024)),
        (1024, Some(1024)),
        (1025, Some(2048)),
        (2049, Some(4096)),
        (524_289, Some(1_048_576)),
        (1_048_576, Some(1_048_576)),
        (1_048_577, None),
        (usize::MAX, None),
    ] {
        assert_eq!(bucket_len(content), bucket);
    }
}

#[test]
fn an_entry_fills_its_bucket_and_the_next_begins_one_byte_later() {
    let room = 1024 - header_bytes(3);
    for (body, length) in [(0, 1024), (room, 1024), (room + 1, 2048)] {
        let bytes = with_body(body).encode().unwrap();
        assert_eq!(bytes.len(), length);
        assert_eq!(Entry::parse(&bytes), Ok(with_body(body)));
    }
    let room = ENTRY_BYTES_MAX - header_bytes(7);
    let bytes = with_body(room).encode().unwrap();
    assert_eq!(bytes.len(), ENTRY_BYTES_MAX);
    assert_eq!(Entry::parse(&bytes), Ok(with_body(room)));
    assert!(matches!(with_body(room + 1).encode(), Err(EntryError::TooLarge { .. })));
    assert!(matches!(Entry::parse(&vec![0; ENTRY_BYTES_MAX + 1]), Err(EntryError::TooLarge { .. })));
}

#[test]
fn padding_is_zero_and_no_larger_than_the_bucket() {
    let bytes = entry().encode().unwrap();
    let mut marked = bytes.clone();
    marked[1023] = 1;
    assert_eq!(Entry::parse(&marked), Err(EntryError::Padding { at: 1023 }));
    for length in [bytes.len() - 1, bytes.len() + 1, 2048, 4096] {
        let mut wrong = bytes.clone();
        wrong.resize(length, 0);
        assert!(matches!(Entry::parse(&wrong), Err(EntryError::Bucket { .. })), "{length}");
    }
}

#[test]
fn the_length_is_that_of_the_body() {
    let wrong = Entry { body: b"short".to_vec(), ..entry() };
    assert_eq!(wrong.encode(), Err(EntryError::Length { stated: 76, found: 5 }));
    let changed = |from: &str, to: &str| {
        let text = String::from_utf8(entry().encode().unwrap()).unwrap();
        Entry::parse(text.replace(from, to).as_bytes())
    };
    // One byte of the body would be padding, or one byte of padding body.
    assert!(matches!(changed("length 76", "length 75"), Err(EntryError::Padding { .. })));
    assert!(changed("length 76", "length 77").is_ok());
    assert!(matches!(changed("length 76", "length 9999"), Err(EntryError::Length { .. })));
}

#[test]
fn a_header_is_its_ten_lines_in_printable_ascii() {
    let text = String::from_utf8(entry().encode().unwrap()).unwrap();
    let parse = |text: String| {
        let mut bytes = text.into_bytes();
        bytes.resize(1024, 0);
        Entry::parse(&bytes)
    };
    assert!(parse(text.clone()).is_ok());
    let seen_line = format!("seen {} 1 {}", origin_ba(), seen().root);
    for (line, from, to) in [
        (1, "entry/v1", "entry/v2"),
        (2, "origin forewarn/log/9", "origin forewarn/log/G"),
        (3, "index 1", "index 01"),
        (3, "index 1", "index -1"),
        (3, "index 1", "index 281474976710656"),
        (4, "14:02:05Z", "14:02:05"),
        (4, "14:02:05Z", "24:02:05Z"),
        (4, "2026-12-10", "2026-02-30"),
        (4, "2026-12-10", "+2026-12-1"),
        (5, seen_line.as_str(), "seen"),
        (5, seen_line.as_str(), "seen - "),
        (6, "kind warning.released", "kind Warning.released"),
        (6, "kind warning.released", "kind warning..released"),
        (6, "kind warning.released", "kind warning."),
        (7, "thread af35", "thread AF35"),
        (8, "answers -", "answers none"),
        (9, "media application/json", "media "),
        (10, "length 76", "length 076"),
        (10, "length 76\n", "length 76\nmore -\n"),
        (10, "length 76\n", "more -\nlength 76\n"),
    ] {
        let line = if to.starts_with("length 76\nmore") { 11 } else { line };
        let found = parse(text.replacen(from, to, 1));
        assert!(
            matches!(&found, Err(EntryError::Malformed(Malformed { line: at, .. })) if *at == line),
            "{to} {found:?}"
        );
    }
    assert!(matches!(
        parse(text.replacen("application/json", "application/jsön", 1)),
        Err(EntryError::NotAscii { .. })
    ));
    assert!(matches!(parse(text.replacen("index 1\n", "index 1\r\n", 1)), Err(EntryError::NotAscii { .. })));
    assert!(matches!(parse(String::new()), Err(EntryError::NoHeader { .. })));
}

#[test]
fn a_header_ends_within_2048_bytes() {
    let line = "forewarn/entry/v1\n";
    let filler = |bytes: usize| {
        let mut text = line.repeat(bytes / line.len() + 1).into_bytes();
        text.truncate(bytes - 2);
        text.extend(b"\n\n");
        text.resize(4096, 0);
        text
    };
    assert!(matches!(Entry::parse(&filler(2048)), Err(EntryError::Malformed(_))));
    assert!(matches!(Entry::parse(&filler(2049)), Err(EntryError::NoHeader { limit: 2048 })));
}

#[test]
fn fields_that_have_no_form_are_not_encoded() {
    let encode = |header: EntryHeader| Entry { header, ..entry() }.encode();
    let header = || entry().header;
    let limit = 1 << 48;
    assert!(encode(EntryHeader { index: limit - 1, ..header() }).is_ok());
    assert_eq!(encode(EntryHeader { index: limit, ..header() }), Err(EntryError::Number { number: limit }));
    assert!(matches!(
        encode(EntryHeader { seen: Some(Seen { size: limit, ..seen() }), ..header() }),
        Err(EntryError::Number { .. })
    ));
    assert!(matches!(
        encode(EntryHeader { written: time("2026-12-10T14:02:05.000000001Z"), ..header() }),
        Err(EntryError::Written { .. })
    ));
    for media in ["".into(), "x".repeat(101), "a\nlength 1".into(), "ä".into()] {
        assert!(matches!(encode(EntryHeader { media, ..header() }), Err(EntryError::Media { .. })));
    }
    assert!(encode(EntryHeader { media: "text/plain; charset=utf-8".into(), ..header() }).is_ok());
}

#[test]
fn an_entry_has_seen_the_opposite_log_and_answers_what_is_earlier() {
    let encode = |header: EntryHeader| Entry { header, ..entry() }.encode();
    let own = Seen { origin: origin_ab(), ..seen() };
    assert_eq!(encode(EntryHeader { seen: Some(own), ..entry().header }), Err(EntryError::SeenOwn));
    let answer =
        |origin, index| encode(EntryHeader { answers: Some(Answers { origin, index }), ..entry().header });
    assert!(answer(origin_ab(), 0).is_ok());
    assert!(answer(origin_ba(), 500).is_ok());
    for answered in [1, 2] {
        assert_eq!(answer(origin_ab(), answered), Err(EntryError::AnswersLater { index: 1, answered }));
    }
    let text = String::from_utf8(entry().encode().unwrap()).unwrap();
    let mut bytes = text.replace("answers -", &format!("answers {} 1", origin_ab())).into_bytes();
    bytes.truncate(1024);
    assert!(matches!(Entry::parse(&bytes), Err(EntryError::AnswersLater { .. })));
}

#[test]
fn a_kind_is_words_between_dots() {
    for kind in ["a", "warning.released", "a.b.c.d", &"k".repeat(40)] {
        assert_eq!(EntryKind::parse(kind).unwrap().as_str(), kind);
    }
    for kind in ["", ".", "a.", ".a", "a..b", "a-b", "a1", "A", "a b", "ä", &"k".repeat(41)] {
        assert!(matches!(EntryKind::parse(kind), Err(EntryError::Kind { .. })), "{kind}");
    }
    for kind in
        [EntryKind::CHANNEL_OPENED, EntryKind::KEY_CHANGED, EntryKind::CHANNEL_SUCCEEDED, EntryKind::COVER]
    {
        assert!(EntryKind::parse(kind).is_ok());
    }
    assert_eq!(Thread::from_hex(&Thread::CHANNEL.to_string()), Ok(Thread::CHANNEL));
    assert!(Thread::from_hex("00").is_err());
}

#[test]
fn another_salt_entry_or_byte_makes_another_commitment() {
    let bytes = entry().encode().unwrap();
    let commitment = commit(&salt("a to b", 1), &bytes);
    assert_eq!(Commitment::from_hex(&commitment.to_hex()), Ok(commitment));
    assert_ne!(commitment, commit(&salt("a to b", 2), &bytes));
    assert_ne!(commitment, commit(&salt("a to b", 1), &bytes[..1023]));
}

fn head(size: u64) -> SignedCheckpoint {
    let head = Checkpoint { origin: origin_ab(), size, root: empty_root() };
    cosigned(&head, &log_ab(), &receiver_cosigner(), TIME)
}

fn parcel() -> Parcel {
    let opened = entries()
        .into_iter()
        .zip(0..)
        .map(|(entry, index)| Item::Entry { salt: salt("a to b", index), entry: entry.encode().unwrap() });
    let erased = Item::Erased(Commitment::from_bytes([7; 32]));
    Parcel { old: 4, held: Some(head(9)), items: opened.chain([erased]).collect(), checkpoint: head(8) }
}

#[test]
fn a_parcel_is_laid_out_as_the_format_says() {
    let bytes = parcel().encode().unwrap();
    let held = head(9).to_string();
    let mut expected =
        format!("forewarn/parcel/v1\nold 4\ncount 4\nheld {}\n\n{held}", held.len()).into_bytes();
    for (entry, index) in entries().into_iter().zip(0..) {
        let entry = entry.encode().unwrap();
        expected.push(1);
        expected.extend(salt("a to b", index).as_bytes());
        expected.extend((entry.len() as u32).to_be_bytes());
        expected.extend(entry);
    }
    expected.push(2);
    expected.extend([7; 32]);
    expected.extend(head(8).to_string().into_bytes());
    assert_eq!(bytes, expected);

    let read = Parcel::parse(&bytes).unwrap();
    assert_eq!((read.old, read.items.len()), (4, 4));
    assert_eq!(read.held, Some(head(9)));
    assert_eq!(read.checkpoint, head(8));
    assert_eq!(read.encode().unwrap(), bytes);
    let commitments: Vec<Commitment> = read.items.iter().map(Item::commitment).collect();
    assert_eq!(commitments[3], Commitment::from_bytes([7; 32]));
    assert_eq!(commitments[1], commit(&salt("a to b", 1), &entry().encode().unwrap()));
}

#[test]
fn an_empty_parcel_asks_for_the_receipt_again() {
    let parcel = Parcel { old: 8, held: None, items: vec![], checkpoint: head(8) };
    let bytes = parcel.encode().unwrap();
    let text = String::from_utf8(bytes.clone()).unwrap();
    assert_eq!(text, format!("forewarn/parcel/v1\nold 8\ncount 0\nheld 0\n\n{}", head(8)));
    assert_eq!(Parcel::parse(&bytes).unwrap().encode().unwrap(), bytes);
}

#[test]
fn the_checkpoint_of_a_parcel_is_of_the_size_it_leads_to() {
    let wrong = Parcel { old: 5, ..parcel() };
    assert_eq!(wrong.encode(), Err(ParcelError::Size { old: 5, count: 4, size: 8 }));
    let bytes = parcel().encode().unwrap();
    let at = bytes.windows(5).position(|part| part == b"old 4").unwrap() + 4;
    let mut changed = bytes;
    changed[at] = b'3';
    assert_eq!(Parcel::parse(&changed).unwrap_err(), ParcelError::Size { old: 3, count: 4, size: 8 });
}

#[test]
fn a_parcel_has_at_most_4096_items_and_takes_no_memory_for_what_is_not_there() {
    let item = Item::Erased(Commitment::from_bytes([1; 32]));
    let full = Parcel { old: 0, held: None, items: vec![item.clone(); 4096], checkpoint: head(4096) };
    let bytes = full.encode().unwrap();
    assert_eq!(Parcel::parse(&bytes).unwrap().items.len(), 4096);
    let more = Parcel { items: vec![item; 4097], checkpoint: head(4097), ..full };
    assert!(matches!(more.encode(), Err(ParcelError::Count { count: 4097, .. })));
    let parse = |text: &str| Parcel::parse(text.as_bytes()).unwrap_err();
    assert!(matches!(
        parse("forewarn/parcel/v1\nold 0\ncount 4097\nheld 0\n\n"),
        ParcelError::Count { count: 4097, .. }
    ));
    assert_eq!(parse("forewarn/parcel/v1\nold 0\ncount 4096\nheld 0\n\n"), ParcelError::Item { at: 0 });
    assert_eq!(
        parse("forewarn/parcel/v1\nold 0\ncount 1\nheld 65537\n\n"),
        ParcelError::Held { bytes: 65_537 }
    );
    assert_eq!(parse("forewarn/parcel/v1\nold 0\ncount 1\nheld 9\n\n"), ParcelError::Held { bytes: 9 });
    let large = format!("forewarn/parcel/v1\nold 0\ncount 0\nheld 65537\n\n{}", "x".repeat(70_000));
    assert_eq!(parse(&large), ParcelError::Held { bytes: 65_537 });
    assert!(matches!(
        parse("forewarn/parcel/v1\nold 0\ncount 1\nheld 01\n\n"),
        ParcelError::Malformed(Malformed { line: 4, .. })
    ));
    assert!(matches!(parse("forewarn/parcel/v1\nold 0\n"), ParcelError::NoHeader { .. }));
    assert!(matches!(Parcel::parse(&vec![0; 64 * 1024 * 1024 + 1]), Err(ParcelError::TooLarge { .. })));
}

#[test]
fn an_item_cut_short_of_unknown_form_or_too_large_is_refused() {
    let start = b"forewarn/parcel/v1\nold 0\ncount 1\nheld 0\n\n";
    let parse = |item: &[u8]| Parcel::parse(&[start.as_slice(), item].concat()).unwrap_err();
    let entry = |length: u32, bytes: usize| {
        [&[1], [0; 32].as_slice(), &length.to_be_bytes(), &vec![0; bytes]].concat()
    };
    for item in [vec![0], vec![3; 100], vec![1; 20], vec![2; 32], entry(9, 8)] {
        assert_eq!(parse(&item), ParcelError::Item { at: 0 });
    }
    assert!(matches!(parse(&entry(1024 * 1024 + 1, 10)), ParcelError::Entry { at: 0, bytes: 1_048_577, .. }));
    assert!(matches!(parse(&entry(4, 4)), ParcelError::Checkpoint(_)));

    let large = Parcel {
        items: vec![Item::Entry { salt: Salt::from_bytes([0; 32]), entry: vec![0; ENTRY_BYTES_MAX + 1] }],
        checkpoint: head(5),
        ..parcel()
    };
    assert!(matches!(large.encode(), Err(ParcelError::Entry { .. })));
    let item = Item::Entry { salt: Salt::from_bytes([0; 32]), entry: vec![0; ENTRY_BYTES_MAX] };
    let many = Parcel { items: vec![item; 64], checkpoint: head(68), ..parcel() };
    assert!(matches!(many.encode(), Err(ParcelError::TooLarge { .. })));
}

#[test]
fn debug_of_a_parcel_shows_no_body_and_no_salt() {
    let shown = format!("{:?}", parcel());
    assert!(shown.contains("Entry(1024 bytes)"));
    assert!(!shown.contains("bombings") && !shown.contains("Salt"));
}

#[test]
fn files_are_named_after_origin_and_sizes() {
    assert_eq!(parcel_file_name(&origin_ab(), 4, 8), "953ab906-4-8.parcel");
    assert_eq!(receipt_file_name(&origin_ab(), 8), "953ab906-8.receipt");
}
