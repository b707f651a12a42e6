//! Every parser takes anything: it never panics, and what it accepts it gives back byte for byte.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod world;

use std::collections::BTreeMap;

use proptest::prelude::*;
use tlog::card::{Address, Card, Contact, EncryptionKey};
use tlog::channel::{ChannelStatement, Origin, SignedProposal};
use tlog::checkpoint::SignedCheckpoint;
use tlog::commitment::{Commitment, Salt};
use tlog::cosignature::Cosignature;
use tlog::entry::{Answers, Entry, EntryHeader, EntryKind, Seen, Thread, bucket_len};
use tlog::evidence::{Accused, Beginning, Evidence, verify_evidence};
use tlog::hash::Hash;
use tlog::key::{Fingerprint, VerifierKey};
use tlog::note::{Note, NoteSignature};
use tlog::parcel::{Item, Parcel};
use tlog::policy::Policy;
use tlog::proof::TlogProof;
use tlog::receipt::{export, verify_export};
use tlog::tree::CompactRange;
use world::*;

/// Gives what a parser accepts as the bytes that it is written as again; nothing for what it refuses.
type Again = fn(&[u8]) -> Option<Vec<u8>>;
type Parsers = Vec<(&'static str, Vec<u8>, Again)>;
type Folder = BTreeMap<String, Vec<u8>>;

fn text<T: ToString, E>(read: impl Fn(&str) -> Result<T, E>, bytes: &[u8]) -> Option<Vec<u8>> {
    let read = read(std::str::from_utf8(bytes).ok()?).ok()?;
    Some(read.to_string().into_bytes())
}

fn card() -> Card {
    Card {
        identity: giver().verifier().clone(),
        cosigner: giver_cosigner().verifier().clone(),
        address: Address::parse("node.service-a.example:8443").unwrap(),
        tls: [0xab; 32],
        encryption: EncryptionKey::parse(&format!("age1{}", "q".repeat(58))).unwrap(),
        contact: Contact::parse("Duty desk, Łódź").unwrap(),
        issued: time("2026-12-01T09:00:00Z"),
    }
}

fn parcel() -> Parcel {
    let opened = entries()
        .into_iter()
        .zip(0..)
        .map(|(entry, index)| Item::Entry { salt: salt("a to b", index), entry: entry.encode().unwrap() });
    Parcel {
        old: 0,
        held: Some(signed_ab(3, TIMES[2])),
        items: opened.collect(),
        checkpoint: signed_ab(3, TIMES[2]),
    }
}

/// Every parser with a valid example.
fn parsers() -> Parsers {
    let proof = full_receipt_parts().proof;
    let statement = full_receipt_parts().statement;
    let cosignature = signed_ab(2, TIMES[1]).lines()[1].clone();
    let mut range = CompactRange::new();
    for leaf in leaves() {
        range.append(leaf);
    }
    vec![
        ("card", card().sign(&giver()).unwrap().into(), |bytes| {
            Some(Card::parse(bytes).ok()?.sign(&giver()).unwrap().into())
        }),
        ("statement", statement.as_bytes().into(), |bytes| {
            Some(ChannelStatement::parse(bytes).ok()?.as_bytes().into())
        }),
        ("proposal", proposal_ab().sign_as_giver(&giver()).unwrap().to_string().into(), |bytes| {
            Some(SignedProposal::parse(bytes).ok()?.to_string().into())
        }),
        ("note", statement.as_bytes().into(), |bytes| Some(Note::parse(bytes).ok()?.to_string().into())),
        ("checkpoint", signed_ab(2, TIMES[1]).to_string().into(), |bytes| {
            Some(SignedCheckpoint::parse(bytes).ok()?.to_string().into())
        }),
        ("signature line", cosignature.to_string().into(), |bytes| text(NoteSignature::parse_line, bytes)),
        ("cosignature", cosignature.to_string().into(), |bytes| text(Cosignature::parse_line, bytes)),
        ("entry", entries()[2].encode().unwrap(), |bytes| Some(Entry::parse(bytes).ok()?.encode().unwrap())),
        ("parcel", parcel().encode().unwrap(), |bytes| Some(Parcel::parse(bytes).ok()?.encode().unwrap())),
        ("proof", proof.encode().unwrap().into(), |bytes| {
            Some(TlogProof::parse(bytes).ok()?.encode().unwrap().into())
        }),
        ("policy", Policy::of(&statement).to_string().into(), |bytes| {
            Some(Policy::parse(bytes).ok()?.to_string().into())
        }),
        ("range", range.to_bytes(), |bytes| Some(CompactRange::from_bytes(bytes).ok()?.to_bytes())),
        ("key", log_ab().verifier().to_string().into(), |bytes| text(VerifierKey::parse, bytes)),
        ("fingerprint", trusted().giver.to_string().into(), |bytes| text(Fingerprint::from_hex, bytes)),
        ("origin", origin_ab().to_string().into(), |bytes| text(Origin::parse, bytes)),
        ("hash", seen().root.to_string().into(), |bytes| text(Hash::from_base64, bytes)),
        ("kind", "warning.released".into(), |bytes| text(EntryKind::parse, bytes)),
        ("thread", thread().to_string().into(), |bytes| text(Thread::from_hex, bytes)),
        ("address", "[2001:db8::1]:8443".into(), |bytes| text(Address::parse, bytes)),
        ("contact", "Duty desk, Łódź".into(), |bytes| text(Contact::parse, bytes)),
    ]
}

/// A valid text with a few bytes replaced, put in or taken out, or cut short.
fn mutated(valid: &[u8], changes: &[(prop::sample::Index, u8, u8)]) -> Vec<u8> {
    let mut bytes = valid.to_vec();
    for (at, what, byte) in changes {
        if bytes.is_empty() {
            break;
        }
        let at = at.index(bytes.len());
        match what % 5 {
            0 => bytes[at] = *byte,
            1 => bytes[at] = b"\n -+=0a\xc2"[usize::from(byte % 8)],
            2 => bytes.insert(at, *byte),
            3 => drop(bytes.remove(at)),
            _ => bytes.truncate(at),
        }
    }
    bytes
}

#[test]
fn every_valid_example_is_given_back_byte_for_byte() {
    for (name, valid, again) in parsers() {
        assert_eq!(again(&valid), Some(valid), "{name}");
    }
}

#[test]
fn every_prefix_of_a_valid_example_is_taken_without_panic() {
    for (name, valid, again) in parsers() {
        for end in 0..valid.len() {
            let found = again(&valid[..end]);
            assert!(found.is_none_or(|again| again == valid[..end]), "{name} cut at {end}");
        }
    }
}

fn any_hash() -> impl Strategy<Value = Hash> {
    any::<[u8; 32]>().prop_map(Hash::from_bytes)
}

fn any_origin() -> impl Strategy<Value = Origin> {
    any::<[u8; 32]>().prop_map(|bytes| Origin::from_hex(&hex::encode(bytes)).unwrap())
}

fn any_number() -> impl Strategy<Value = u64> {
    prop_oneof![0..10_u64, 0..1_u64 << 48]
}

prop_compose! {
    fn any_header()(
        origin in any_origin(),
        index in any_number(),
        seconds in -62_167_219_200..253_402_207_200_i64,
        seen in proptest::option::of((any_origin(), any_number(), any_hash())),
        kind in "[a-z]{1,9}(\\.[a-z]{1,9}){0,3}",
        thread in any::<[u8; 16]>(),
        answers in proptest::option::of((any_origin(), any_number())),
        media in "[ -~]{1,100}",
    ) -> EntryHeader {
        EntryHeader {
            origin,
            index,
            written: jiff::Timestamp::from_second(seconds).unwrap(),
            seen: seen.map(|(origin, size, root)| Seen { origin, size, root }),
            kind: EntryKind::parse(&kind).unwrap(),
            thread: Thread::from_bytes(thread),
            answers: answers.map(|(origin, index)| Answers { origin, index }),
            media,
            length: 0,
        }
    }
}

fn any_item() -> impl Strategy<Value = Item> {
    prop_oneof![
        (any::<[u8; 32]>(), prop::collection::vec(any::<u8>(), 0..200))
            .prop_map(|(salt, entry)| Item::Entry { salt: Salt::from_bytes(salt), entry }),
        any::<[u8; 32]>().prop_map(|bytes| Item::Erased(Commitment::from_bytes(bytes))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_entry_is_read_as_it_was_written(header in any_header(), body in prop::collection::vec(any::<u8>(), 0..3000)) {
        let header = EntryHeader { length: body.len() as u64, ..header };
        let entry = Entry { header, body };
        let bytes = entry.encode().unwrap();
        prop_assert_eq!(bucket_len(bytes.len()), Some(bytes.len()));
        prop_assert_eq!(Entry::parse(&bytes), Ok(entry));
    }

    #[test]
    fn any_parcel_is_read_as_it_was_written(items in prop::collection::vec(any_item(), 0..20), old in any_number(), held in any::<bool>()) {
        let size = old + items.len() as u64;
        prop_assume!(size < 1 << 48);
        let head = tlog::checkpoint::Checkpoint { size, ..head_ab(1) };
        let checkpoint = head.sign(&log_ab()).unwrap();
        let held = held.then(|| signed_ab(1, TIMES[0]));
        let bytes = Parcel { old, held, items, checkpoint }.encode().unwrap();
        prop_assert_eq!(Parcel::parse(&bytes).unwrap().encode().unwrap(), bytes);
    }

    #[test]
    fn any_bytes_are_taken_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), shown in ".{0,200}") {
        for (name, _, again) in examples() {
            for input in [bytes.as_slice(), shown.as_bytes()] {
                prop_assert!(again(input).is_none_or(|again| again == input), "{name}");
            }
        }
    }

    #[test]
    fn changed_bytes_are_refused_or_given_back_as_they_are(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), any::<u8>()), 1..4),
    ) {
        let (name, valid, again) = &examples()[which.index(examples().len())];
        let changed = mutated(valid, &changes);
        prop_assert!(again(&changed).is_none_or(|again| again == changed), "{name}");
    }

    #[test]
    fn changed_folders_are_refused(
        file in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), any::<u8>()), 1..4),
    ) {
        let change = |files: &BTreeMap<String, Vec<u8>>| {
            let name = files.keys().nth(file.index(files.len())).unwrap().clone();
            let content = mutated(&files[&name], &changes);
            let mut changed = files.clone();
            changed.insert(name, content);
            (changed != *files).then_some(changed)
        };
        let (receipt, evidence) = folders();
        if let Some(changed) = change(receipt) {
            prop_assert!(verify_export(&changed, None).is_err());
        }
        if let Some(changed) = change(evidence) {
            prop_assert!(verify_evidence(&changed, None).is_err());
        }
    }
}

/// The valid examples, made once.
fn examples() -> &'static Parsers {
    static EXAMPLES: std::sync::OnceLock<Parsers> = std::sync::OnceLock::new();
    EXAMPLES.get_or_init(parsers)
}

/// A receipt and an evidence folder, made once.
fn folders() -> &'static (Folder, Folder) {
    static FOLDERS: std::sync::OnceLock<(Folder, Folder)> = std::sync::OnceLock::new();
    FOLDERS.get_or_init(|| {
        let mut false_head = head_ab(2);
        false_head.root = Hash::from_bytes([6; 32]);
        let evidence = Evidence {
            accused: Accused::Receiver,
            statement: statement_ab(),
            first_statement: None,
            first: cosigned(&false_head, &log_ab(), &receiver_cosigner(), TIMES[1]),
            second: signed_ab(3, TIMES[2]),
            beginning: Some(Beginning { root: head_ab(2).root, proof: vec![leaves()[2]] }),
        };
        (export(&full_receipt_parts()).unwrap(), evidence.files().unwrap())
    })
}
