//! Parcels whose numbers, lengths and frames are wrong.

use testkit::{B, ByHand, EntryOf, Heard};
use tlog::commitment::commit;
use tlog::entry::{Answers, Entry, EntryHeader, EntryKind};
use tlog::parcel::{Item, Parcel};

use crate::node::{Scene, in_runtime};

#[test]
fn a_parcel_that_lies_about_its_numbers_is_refused_by_its_first_lines() {
    in_runtime(async {
        let scene = Scene::set().await;
        let mut b = scene.opened().await;
        b.push(EntryOf::kind("cover", ""));
        let honest = b.parcel(1);
        let text = |from: &str, to: &str| replaced(&honest, from, to);
        let mut long_entry = honest.clone();
        let at = long_entry.iter().position(|byte| *byte == 1).unwrap() + 33;
        long_entry[at..at + 4].copy_from_slice(&u32::MAX.to_be_bytes());
        for (what, parcel) in [
            ("ten million entries", text("count 1\n", "count 10000000\n")),
            ("one more than is allowed", text("count 1\n", "count 4097\n")),
            ("more than there are", text("count 1\n", "count 2\n")),
            ("fewer than there are", text("count 1\n", "count 0\n")),
            ("a count above every number", text("count 1\n", "count 18446744073709551616\n")),
            ("a negative count", text("count 1\n", "count -1\n")),
            ("a size beyond the format", text("old 1\n", "old 281474976710656\n")),
            ("a held note of the whole memory", text("held 0\n", "held 281474976710655\n")),
            ("a held note that is not there", text("held 0\n", "held 900\n")),
            ("an entry of four gigabytes", long_entry),
            ("an item of no known form", text("\n\n\u{1}", "\n\n\u{7}")),
            ("another version", text("forewarn/parcel/v1", "forewarn/parcel/v9")),
            ("cut short", honest[..honest.len() - 1].to_vec()),
            ("nothing", Vec::new()),
            ("zeros", vec![0; 5_000]),
        ] {
            let heard = scene.b.sends(&b.origin(), &parcel).await;
            assert_eq!(heard.status, 400, "{what}: {}", heard.text());
            assert_eq!(scene.a.holds(&b.origin()), 1, "{what}");
        }
        assert!(!scene.a.froze(&b.origin()), "what is not signed is no evidence");
        scene.assert_others_are_served().await;
        assert_eq!(scene.b.sends(&b.origin(), &honest).await.status, 200, "and the truth is still taken");
    });
}

/// Each field of a frame, spoilt.
type Spoil = fn(&mut EntryHeader);

#[test]
fn each_wrong_field_of_a_frame_is_named_kept_and_told_and_nothing_is_taken() {
    in_runtime(async {
        let spoilt: [(&str, Spoil); 6] = [
            ("origin", |h| h.origin = tlog::channel::Origin::from_hex(&"ab".repeat(32)).unwrap()),
            ("index", |h| h.index += 1),
            ("written", |h| h.written = "2001-01-01T00:00:00Z".parse().unwrap()),
            ("statement", |h| h.kind = EntryKind::parse("channel.opened").unwrap()),
            ("seen", |h| {
                let origin = tlog::channel::Origin::from_hex(&"ef".repeat(32)).unwrap();
                let root = tlog::hash::Hash::from_bytes([1; 32]);
                h.seen = Some(tlog::entry::Seen { origin, size: 1, root });
            }),
            ("answers", |h| {
                let origin = tlog::channel::Origin::from_hex(&"cd".repeat(32)).unwrap();
                h.answers = Some(Answers { origin, index: 0 });
            }),
        ];
        for (n, (why, spoil)) in (0..).zip(spoilt) {
            let scene = Scene::set().await;
            let mut b = scene.opened().await;
            let of = EntryOf::kind("cover", "");
            let mut header = b.header(&of);
            spoil(&mut header);
            b.push_entry(&Entry { header, body: Vec::new() });
            assert_refused(&scene, &b, &scene.b.sends(&b.origin(), &b.parcel(1)).await, why).await;
            if n == 0 {
                scene.assert_others_are_served().await;
            }
        }
    });
}

#[test]
fn bytes_that_are_no_entry_are_named_kept_and_told_and_nothing_is_taken() {
    in_runtime(async {
        type Bytes = fn(Vec<u8>) -> Vec<u8>;
        let spoilt: [(&str, Bytes); 6] = [
            ("padding that carries a message", |mut entry| {
                *entry.last_mut().unwrap() = b'!';
                entry
            }),
            ("a bucket too large", |mut entry| {
                entry.resize(2 * entry.len(), 0);
                entry
            }),
            ("a length beyond the entry", |entry| replaced(&entry, "length 0\n", "length 99999\n")),
            ("a length above every number", |entry| {
                let mut entry = replaced(&entry, "length 0\n", "length 18446744073709551616\n");
                entry.truncate(1024);
                entry
            }),
            ("no header", |entry| vec![0; entry.len()]),
            ("nothing", |_| Vec::new()),
        ];
        for (what, spoil) in spoilt {
            let scene = Scene::set().await;
            let mut b = scene.opened().await;
            let of = EntryOf::kind("cover", "");
            let entry = Entry { header: b.header(&of), body: Vec::new() }.encode().unwrap();
            b.push_bytes(spoil(entry));
            let heard = scene.b.sends(&b.origin(), &b.parcel(1)).await;
            assert_refused(&scene, &b, &heard, "frame").await;
            assert_eq!(scene.a.evidence().len(), 1, "{what}");
        }
    });
}

#[test]
fn an_entry_called_erased_gets_no_receipt() {
    in_runtime(async {
        let scene = Scene::set().await;
        let mut b = scene.opened().await;
        b.push(EntryOf::kind("warning.released", "never shown"));
        let mut parcel = Parcel::parse(&b.parcel(1)).unwrap();
        parcel.items[0] = Item::Erased(commit(&b.entries[1].0, &b.entries[1].1));
        let heard = scene.b.sends(&b.origin(), &parcel.encode().unwrap()).await;
        assert_refused(&scene, &b, &heard, "erased").await;
        scene.assert_others_are_served().await;
    });
}

#[test]
fn what_is_promised_to_be_too_large_is_refused_before_a_byte_of_it_is_read() {
    in_runtime(async {
        let scene = Scene::set().await;
        let b = scene.opened().await;
        let path = format!("/peer/v1/log/{}/add-entries", b.origin().hex());
        for length in ["67108865", "1099511627776", "18446744073709551614"] {
            let request = format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n");
            let heard = scene.b.says(request.as_bytes()).await;
            assert!([413, 431].contains(&heard.status), "{length}: {}", heard.status);
        }
        let unknown = format!("/peer/v1/log/{}/add-entries", "0".repeat(64));
        let request = format!("POST {unknown} HTTP/1.1\r\nhost: x\r\ncontent-length: 60000000\r\n\r\n");
        // Nothing of the body is ever sent, so the answer cannot have waited for it.
        let mut line = scene.b.dials().await;
        tokio::io::AsyncWriteExt::write_all(&mut line, request.as_bytes()).await.unwrap();
        tokio::io::AsyncWriteExt::shutdown(&mut line).await.unwrap();
        assert_ne!(scene.b.hears(&mut line).await.status, 200);
        scene.assert_others_are_served().await;
    });
}

#[test]
fn one_parcel_of_a_log_is_read_at_a_time_and_the_newest_is_the_one() {
    in_runtime(async {
        use tokio::io::AsyncWriteExt;
        let scene = Scene::set().await;
        let mut b = scene.opened().await;
        let path = format!("/peer/v1/log/{}/add-entries", b.origin().hex());
        let begun = format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 67108864\r\n\r\n");
        let mut lines = Vec::new();
        for _ in 0..4 {
            let mut line = scene.b.dials().await;
            line.write_all(begun.as_bytes()).await.unwrap();
            line.write_all(&vec![7; 100_000]).await.unwrap();
            line.flush().await.unwrap();
            lines.push(line);
        }
        b.push(EntryOf::kind("cover", ""));
        assert_eq!(
            scene.b.sends(&b.origin(), &b.parcel(1)).await.status,
            200,
            "a dead line keeps nobody out"
        );
        scene.assert_others_are_served().await;
    });
}

async fn assert_refused(scene: &Scene, b: &ByHand, heard: &Heard, why: &str) {
    assert_eq!((heard.status, heard.text()), (422, format!("entry 1 {why}\n")));
    assert_eq!(scene.a.holds(&b.origin()), 1, "{why}: nothing is taken");
    assert_eq!(scene.a.evidence(), [format!("entry 1 was refused: {why}")]);
    scene.a.assert_doctor_says(&[B, "refused", why, "Call the partner's duty desk", "other ways"]);
    let notices = scene.a.here.notices();
    assert!(notices.iter().any(|n| n.contains("refused") && n.contains("forewarn doctor")), "{notices:?}");
    assert!(!scene.a.froze(&b.origin()), "{why}");
}

fn replaced(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    let at = bytes.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
    [&bytes[..at], to.as_bytes(), &bytes[at + from.len()..]].concat()
}
