//! The two parties, keys, salts and entries of the test vectors in log-format.md §15, made from their seeds.
#![allow(dead_code, unreachable_pub, reason = "every test file uses the parts of the world that it needs")]

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use tlog::channel::{ChannelProposal, ChannelStatement, Origin, Use, origin_of};
use tlog::checkpoint::{Checkpoint, SignedCheckpoint};
use tlog::commitment::{Salt, commit};
use tlog::cosignature::cosign;
use tlog::entry::{Answers, Entry, EntryHeader, EntryKind, Seen, Thread};
use tlog::hash::{Hash, leaf_hash};
use tlog::key::{KeyKind, SigningKey};
use tlog::proof::TlogProof;
use tlog::receipt::{ReceiptParts, Trusted};
use tlog::tree::CompactRange;

pub const GIVER: &str = "service-a.example";
pub const RECEIVER: &str = "service-b.example";

pub fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}

pub fn seed(role: &str) -> [u8; 32] {
    digest(&format!("forewarn test key: {role}"))
}

pub fn nonce(direction: &str) -> [u8; 32] {
    digest(&format!("forewarn test nonce: {direction}"))
}

pub fn salt(direction: &str, index: u64) -> Salt {
    Salt::from_bytes(digest(&format!("forewarn test salt: {direction} {index}")))
}

pub fn key(role: &str, name: &str, kind: KeyKind) -> SigningKey {
    SigningKey::from_seed(name, kind, seed(role)).unwrap()
}

pub fn giver() -> SigningKey {
    key("giver identity", GIVER, KeyKind::Ed25519)
}

pub fn receiver() -> SigningKey {
    key("receiver identity", RECEIVER, KeyKind::Ed25519)
}

pub fn giver_cosigner() -> SigningKey {
    let name = format!("{GIVER}/cosigner");
    key("giver cosigner", &name, KeyKind::CosignatureV1)
}

pub fn receiver_cosigner() -> SigningKey {
    let name = format!("{RECEIVER}/cosigner");
    key("receiver cosigner", &name, KeyKind::CosignatureV1)
}

pub fn origin_ab() -> Origin {
    let nonce = nonce("a to b");
    origin_of(Use::Actual, giver().verifier(), receiver().verifier(), &nonce)
}

pub fn origin_ba() -> Origin {
    let nonce = nonce("b to a");
    origin_of(Use::Actual, receiver().verifier(), giver().verifier(), &nonce)
}

pub fn log_ab() -> SigningKey {
    key("a to b log", &origin_ab().to_string(), KeyKind::Ed25519)
}

pub fn log_ba() -> SigningKey {
    key("b to a log", &origin_ba().to_string(), KeyKind::Ed25519)
}

pub fn proposal_ab() -> ChannelProposal {
    ChannelProposal {
        use_: Use::Actual,
        giver: giver().verifier().clone(),
        receiver: receiver().verifier().clone(),
        nonce: nonce("a to b"),
        after: None,
        from: 0,
        log: log_ab().verifier().clone(),
        cosigner: receiver_cosigner().verifier().clone(),
        neutral: 0,
        witnesses: vec![],
    }
}

pub fn proposal_ba() -> ChannelProposal {
    ChannelProposal {
        use_: Use::Actual,
        giver: receiver().verifier().clone(),
        receiver: giver().verifier().clone(),
        nonce: nonce("b to a"),
        after: None,
        from: 0,
        log: log_ba().verifier().clone(),
        cosigner: giver_cosigner().verifier().clone(),
        neutral: 0,
        witnesses: vec![],
    }
}

pub fn statement_ab() -> ChannelStatement {
    both_sign(&proposal_ab(), &giver(), &receiver())
}

pub fn statement_ba() -> ChannelStatement {
    both_sign(&proposal_ba(), &receiver(), &giver())
}

pub fn both_sign(proposal: &ChannelProposal, giver: &SigningKey, receiver: &SigningKey) -> ChannelStatement {
    let half = proposal.sign_as_giver(giver).unwrap();
    half.countersign(receiver).unwrap()
}

pub fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub fn opening(statement: &ChannelStatement, written: &str) -> Entry {
    Entry {
        header: EntryHeader {
            origin: statement.origin(),
            index: 0,
            written: time(written),
            seen: None,
            kind: EntryKind::parse(EntryKind::CHANNEL_OPENED).unwrap(),
            thread: Thread::CHANNEL,
            answers: None,
            media: "text/plain".into(),
            length: statement.as_bytes().len() as u64,
        },
        body: statement.as_bytes().to_vec(),
    }
}

pub fn seen() -> Seen {
    Seen {
        origin: origin_ba(),
        size: 1,
        root: Hash::from_base64("5FlmZfVaBXF9lv3L7yzGcIc405xaPqXBl46EeGUiRHw=").unwrap(),
    }
}

pub fn thread() -> Thread {
    let digest = digest("forewarn test thread: 1");
    Thread::from_bytes(*digest.first_chunk().unwrap())
}

/// Entries 0, 1 and 2 of the log from a to b.
pub fn entries() -> [Entry; 3] {
    let opened = opening(&statement_ab(), "2026-12-01T09:00:00Z");
    let body = br#"{"who":"seven persons","what":"bombings","where":"City P","when":"December"}"#;
    let released = Entry {
        header: EntryHeader {
            origin: origin_ab(),
            index: 1,
            written: time("2026-12-10T14:02:05Z"),
            seen: Some(seen()),
            kind: EntryKind::parse("warning.released").unwrap(),
            thread: thread(),
            answers: None,
            media: "application/json".into(),
            length: body.len() as u64,
        },
        body: body.to_vec(),
    };
    let body = br#"{"recalls":1,"reason":"undisclosed","counts":true}"#;
    let recalled = Entry {
        header: EntryHeader {
            index: 2,
            written: time("2026-12-11T08:30:00Z"),
            kind: EntryKind::parse("warning.recalled").unwrap(),
            answers: Some(Answers { origin: origin_ab(), index: 1 }),
            length: body.len() as u64,
            ..released.header.clone()
        },
        body: body.to_vec(),
    };
    [opened, released, recalled]
}

/// Leaf hashes of the log from a to b.
pub fn leaves() -> [Hash; 3] {
    let mut index = 0;
    entries().map(|entry| {
        let commitment = commit(&salt("a to b", index), &entry.encode().unwrap());
        index += 1;
        leaf_hash(&commitment)
    })
}

pub fn head_ab(size: u64) -> Checkpoint {
    let mut range = CompactRange::new();
    for leaf in leaves().into_iter().take(size as usize) {
        range.append(leaf);
    }
    Checkpoint { origin: origin_ab(), size, root: range.root() }
}

/// A head of the log from a to b, signed by its log key and cosigned by the receiver at `time`.
pub fn signed_ab(size: u64, time: u64) -> SignedCheckpoint {
    cosigned(&head_ab(size), &log_ab(), &receiver_cosigner(), time)
}

/// The head that entry 1 has seen, signed and cosigned.
pub fn signed_ba() -> SignedCheckpoint {
    let head = Checkpoint { origin: origin_ba(), size: 1, root: seen().root };
    cosigned(&head, &log_ba(), &giver_cosigner(), SEEN_TIME)
}

/// When the head that entry 1 has seen was cosigned: 2026-12-01T09:00:03Z.
pub const SEEN_TIME: u64 = 1_796_115_603;

pub fn cosigned(head: &Checkpoint, log: &SigningKey, cosigner: &SigningKey, time: u64) -> SignedCheckpoint {
    let line = cosign(head, time, cosigner).unwrap();
    let signed = head.sign(log).unwrap();
    signed.and_line(line.line().clone()).unwrap()
}

/// Seconds at which the receiver cosigned the heads of size 1, 2 and 3.
pub const TIMES: [u64; 3] = [1_796_115_602, 1_796_911_328, 1_796_977_804];

pub fn witness(number: u8) -> SigningKey {
    let name = format!("witness-{number}.example");
    SigningKey::from_seed(&name, KeyKind::CosignatureV1, [number; 32]).unwrap()
}

/// The statement from a to b with neutral witnesses 1, 2, … of which `neutral` must cosign.
pub fn proposal_with_witnesses(neutral: u8, witnesses: u8) -> ChannelProposal {
    let witnesses = (1..=witnesses).map(|number| witness(number).verifier().clone());
    ChannelProposal { neutral, witnesses: witnesses.collect(), ..proposal_ab() }
}

/// Entry 1 of the test vectors in the tree of size 2.
pub fn receipt_parts() -> ReceiptParts {
    ReceiptParts {
        statement: statement_ab(),
        entry: entries()[1].encode().unwrap(),
        proof: TlogProof {
            salt: salt("a to b", 1),
            index: 1,
            path: vec![leaves()[0]],
            checkpoint: signed_ab(2, TIMES[1]),
        },
        seen: None,
    }
}

/// The same with two of three neutral witnesses, and with the opposite head that the entry has seen.
pub fn full_receipt_parts() -> ReceiptParts {
    let parts = receipt_parts();
    let mut checkpoint = parts.proof.checkpoint.clone();
    for number in [1, 3] {
        let line = cosign(&head_ab(2), TIMES[1], &witness(number)).unwrap();
        checkpoint = checkpoint.and_line(line.line().clone()).unwrap();
    }
    ReceiptParts {
        statement: both_sign(&proposal_with_witnesses(2, 3), &giver(), &receiver()),
        proof: TlogProof { checkpoint, ..parts.proof.clone() },
        seen: Some((statement_ba(), signed_ba())),
        ..parts
    }
}

pub fn trusted() -> Trusted {
    Trusted { giver: giver().verifier().fingerprint(), receiver: receiver().verifier().fingerprint() }
}
