//! The forms of the logs: every one has one spelling, and nothing verifies that a key of the vectors has not signed.

use std::collections::BTreeSet;

use tlog::card::{Address, Card, Contact, EncryptionKey};
use tlog::channel::{ChannelStatement, Origin, SignedProposal};
use tlog::checkpoint::SignedCheckpoint;
use tlog::cosignature::Cosignature;
use tlog::entry::{ENTRY_BYTES_MAX, Entry, EntryKind, Thread, bucket_len};
use tlog::hash::{HASH_BYTES, Hash};
use tlog::head::judge_head;
use tlog::key::{Fingerprint, VerifierKey};
use tlog::note::{NOTE_BYTES_MAX, Note, NoteSignature, SIGNATURE_LINES_MAX};
use tlog::parcel::{Item, PARCEL_ITEMS_MAX, Parcel};
use tlog::policy::Policy;
use tlog::proof::TlogProof;
use tlog::tree::{CompactRange, PROOF_HASHES_MAX, consistency_proof, inclusion_proof};
use tlog::tree::{verify_consistency, verify_inclusion};

use crate::world::*;
use crate::{Begun, same};

/// Everything that was signed in the vectors: heads with their lines.
fn signed() -> Vec<SignedCheckpoint> {
    let ab = (1..=3).zip(TIMES).map(|(size, time)| signed_ab(size, time));
    ab.chain([signed_ba()]).chain([full_receipt_parts().proof.checkpoint]).collect()
}

fn statements() -> Vec<ChannelStatement> {
    vec![statement_ab(), statement_ba(), full_receipt_parts().statement]
}

fn bytes_of(text: impl ToString) -> Vec<u8> {
    text.to_string().into_bytes()
}

pub(crate) fn note() -> Begun {
    let examples = statements().iter().map(bytes_of).chain(signed().iter().map(bytes_of)).collect::<Vec<_>>();
    let texts: BTreeSet<String> =
        examples.iter().map(|bytes| Note::parse(bytes).unwrap().text().to_owned()).collect();
    let keys = [giver(), receiver(), log_ab(), log_ba()].map(|key| key.verifier().clone());
    Begun::of(examples, move |bytes| {
        let Ok(note) = Note::parse(bytes) else { return };
        same(note.to_string(), bytes);
        assert!(bytes.len() <= NOTE_BYTES_MAX && note.signatures().len() <= SIGNATURE_LINES_MAX);
        for key in keys.iter().filter(|key| note.verify(key).is_ok()) {
            assert!(texts.contains(note.text()), "{} never signed this", key.name());
        }
    })
}

pub(crate) fn checkpoint() -> Begun {
    let known = signed();
    let texts: BTreeSet<String> = known.iter().map(|head| head.checkpoint().text()).collect();
    let lines: BTreeSet<String> =
        known.iter().flat_map(|head| head.lines()).map(ToString::to_string).collect();
    let (logs, cosigners) = ([log_ab(), log_ba()], [giver_cosigner(), receiver_cosigner()]);
    let statements = statements();
    Begun::of(known.iter().map(bytes_of), move |bytes| {
        let Ok(head) = SignedCheckpoint::parse(bytes) else { return };
        same(head.to_string(), bytes);
        for key in logs.iter().filter(|key| head.verify_log(key.verifier()).is_ok()) {
            assert!(texts.contains(&head.checkpoint().text()), "{} never signed this", key.name());
        }
        for line in cosigners.iter().filter_map(|key| head.cosignature_of(key.verifier()).ok()) {
            assert!(lines.contains(&line.to_string()), "{line} was never made");
            same(
                Cosignature::parse_line(&line.to_string()).unwrap().to_string(),
                line.to_string().as_bytes(),
            );
        }
        for judged in statements.iter().filter_map(|statement| judge_head(statement, &head).ok()) {
            let made =
                judged.receipt.iter().chain(&judged.neutrals).all(|line| lines.contains(&line.to_string()));
            assert!(made && texts.contains(&judged.checkpoint.text()));
        }
    })
}

pub(crate) fn signature_line() -> Begun {
    let examples =
        signed().into_iter().flat_map(|head| head.lines().iter().map(bytes_of).collect::<Vec<_>>());
    Begun::of(examples, |bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        let line = NoteSignature::parse_line(text).inspect(|line| same(line.to_string(), bytes));
        let cosignature = Cosignature::parse_line(text).inspect(|line| same(line.to_string(), bytes));
        assert!(line.is_ok() || cosignature.is_err(), "a cosignature is a signature line");
    })
}

pub(crate) fn statement() -> Begun {
    let half = |bytes: &[u8]| SignedProposal::parse(bytes).map(|proposal| proposal.to_string());
    let mut known: BTreeSet<Vec<u8>> = statements().iter().map(bytes_of).collect();
    known.insert(bytes_of(proposal_ab().sign_as_giver(&giver()).unwrap()));
    known.insert(bytes_of(proposal_with_witnesses(2, 3).sign_as_giver(&giver()).unwrap()));
    Begun::of(known.clone(), move |bytes| {
        let whole = ChannelStatement::parse(bytes).map(|statement| statement.to_string());
        for again in whole.into_iter().chain(half(bytes)) {
            same(&again, bytes);
            assert!(known.contains(bytes), "nobody signed this statement");
        }
    })
}

fn a_card() -> Card {
    Card {
        identity: giver().verifier().clone(),
        cosigner: giver_cosigner().verifier().clone(),
        address: Address::parse("node.service-a.example:8443").unwrap(),
        tls: [0xab; 32],
        encryption: EncryptionKey::parse(&format!("age1{}", "q".repeat(58))).unwrap(),
        contact: Contact::parse("Duty desk, +00 000").unwrap(),
        issued: time("2026-12-01T09:00:00Z"),
    }
}

pub(crate) fn card() -> Begun {
    let known = bytes_of(a_card().sign(&giver()).unwrap());
    Begun::of([known.clone()], move |bytes| {
        if let Ok(card) = Card::parse(bytes) {
            assert_eq!(card, a_card(), "nobody signed this card");
            same(&known, bytes);
        }
        // What was verified when it came in is read again without its signature.
        if let Ok(card) = Card::parse_kept(bytes) {
            assert!(bytes.starts_with(card.text().unwrap().as_bytes()), "a card has one spelling");
        }
    })
}

pub(crate) fn entry() -> Begun {
    let examples = entries().map(|entry| entry.encode().unwrap());
    Begun::of(examples, |bytes| {
        let Ok(entry) = Entry::parse(bytes) else { return };
        assert!(bytes.len() <= ENTRY_BYTES_MAX && bucket_len(bytes.len()) == Some(bytes.len()));
        same(entry.encode().unwrap(), bytes);
    })
}

pub(crate) fn parcel() -> Begun {
    let opened = || entries().into_iter().zip(0..).map(|(entry, index)| (entry.encode().unwrap(), index));
    let whole = |index, entry| Item::Entry { salt: salt("a to b", index), entry };
    let items: Vec<Item> = opened().map(|(entry, index)| whole(index, entry)).collect();
    let erased: Vec<Item> = items.iter().map(|item| Item::Erased(item.commitment())).collect();
    let head = || signed_ab(3, TIMES[2]);
    let parcels = [
        Parcel { old: 0, held: None, items, checkpoint: head() },
        Parcel { old: 0, held: Some(head()), items: erased, checkpoint: head() },
        Parcel { old: 3, held: None, items: Vec::new(), checkpoint: head() },
    ];
    Begun::of(parcels.map(|parcel| parcel.encode().unwrap()), |bytes| {
        let Ok(parcel) = Parcel::parse(bytes) else { return };
        let items = parcel.items.len() as u64;
        assert!(items <= PARCEL_ITEMS_MAX && parcel.old + items == parcel.checkpoint.checkpoint().size);
        same(parcel.encode().unwrap(), bytes);
    })
}

pub(crate) fn proof() -> Begun {
    let examples =
        [receipt_parts(), full_receipt_parts()].map(|parts| bytes_of(parts.proof.encode().unwrap()));
    Begun::of(examples, |bytes| {
        let Ok(proof) = TlogProof::parse(bytes) else { return };
        assert!(proof.path.len() <= PROOF_HASHES_MAX);
        same(proof.encode().unwrap(), bytes);
    })
}

/// Two numbers and hashes, taken as a path and as a proof of consistency in the tree of the vectors, and as a compact range.
pub(crate) fn tree() -> Begun {
    let leaves = leaves();
    let roots: Vec<Hash> = (1..=3).map(|size| head_ab(size).root).collect();
    let node = move |level: u8, index: u64| -> Result<Hash, ()> {
        match (level, index) {
            (0, index) => Ok(leaves[index as usize]),
            (1, 0) => Ok(roots[1]),
            _ => Err(()),
        }
    };
    let path = |index: u64, size: u64| inclusion_proof(index, size, &node).unwrap();
    let grown = |old: u64, new: u64| consistency_proof(old, new, &node).unwrap();
    let written = |one: u64, other: u64, hashes: &[Hash]| {
        let mut bytes = [one.to_be_bytes(), other.to_be_bytes()].concat();
        bytes.extend(hashes.iter().flat_map(|hash| *hash.as_bytes()));
        bytes
    };
    let mut examples = Vec::new();
    for (one, other) in [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)] {
        examples
            .extend([written(one, other, &path(one, other)), written(one, other, &grown(one.max(1), other))]);
    }
    let mut range = CompactRange::new();
    leaves.into_iter().for_each(|leaf| drop(range.append(leaf)));
    examples.push(range.to_bytes());
    let roots: Vec<Hash> = (1..=3).map(|size| head_ab(size).root).collect();
    let honest: BTreeSet<Vec<u8>> = examples.iter().cloned().collect();
    Begun::of(examples, move |bytes| {
        if let Ok(range) = CompactRange::from_bytes(bytes) {
            same(range.to_bytes(), bytes);
        }
        let Some((one, rest)) = bytes.split_first_chunk() else { return };
        let Some((other, rest)) = rest.split_first_chunk() else { return };
        let (one, other) = (u64::from_be_bytes(*one), u64::from_be_bytes(*other));
        let hashes: Vec<Hash> =
            rest.as_chunks::<HASH_BYTES>().0.iter().map(|hash| Hash::from_bytes(*hash)).collect();
        let whole = rest.len() == hashes.len() * HASH_BYTES;
        // A root is always signed together with its size.
        let root = |size: u64| size.checked_sub(1).and_then(|at| roots.get(usize::try_from(at).ok()?));
        let Some(new) = root(other).filter(|_| whole) else { return };
        for (at, leaf) in (0..).zip(&leaves) {
            if verify_inclusion(leaf, one, other, &hashes, new).is_ok() {
                assert!(at == one && honest.contains(bytes), "a path that the tree does not have");
            }
        }
        let Some(old) = root(one) else { return };
        let begins = verify_consistency(one, old, other, new, &hashes).is_ok();
        assert!(!begins || one == other || honest.contains(bytes), "a proof that the tree does not have");
    })
}

pub(crate) fn policy() -> Begun {
    let statements = statements();
    let examples: Vec<_> = statements.iter().map(|statement| bytes_of(Policy::of(statement))).collect();
    Begun::of(examples.clone(), move |bytes| {
        if let Ok(policy) = Policy::parse(bytes) {
            same(policy.to_string(), bytes);
        }
        for (statement, written) in statements.iter().zip(&examples) {
            assert_eq!(Policy::of(statement).check(bytes).is_ok(), written == bytes, "a policy has one form");
        }
    })
}

/// The small words: keys, fingerprints, origins, hashes, kinds, threads, addresses, contacts.
pub(crate) fn spelling() -> Begun {
    fn again<T: ToString, E>(read: Result<T, E>) -> Option<String> {
        read.ok().map(|read| read.to_string())
    }
    let examples = [
        bytes_of(log_ab().verifier()),
        bytes_of(giver_cosigner().verifier()),
        bytes_of(trusted().giver),
        bytes_of(origin_ab()),
        bytes_of(seen().root),
        bytes_of("warning.released"),
        bytes_of(thread()),
        bytes_of("[2001:db8::1]:8443"),
        bytes_of("node.service-a.example:8443"),
        bytes_of(format!("age1{}", "q".repeat(58))),
        bytes_of("Duty desk, +00 000"),
    ];
    Begun::of(examples, |bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        let read = [
            again(VerifierKey::parse(text)),
            again(Fingerprint::from_hex(text)),
            again(Origin::parse(text)),
            again(Hash::from_base64(text)),
            again(EntryKind::parse(text)),
            again(Thread::from_hex(text)),
            again(Address::parse(text)),
            again(EncryptionKey::parse(text)),
            again(Contact::parse(text)),
        ];
        for again in read.into_iter().flatten() {
            same(again, bytes);
        }
    })
}
