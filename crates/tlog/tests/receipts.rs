//! Exported receipts: the complete test vector, each step of the verification, and that no byte can be
//! changed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod world;

use std::collections::BTreeMap;

use tlog::channel::{ChannelError, ChannelProposal, ChannelStatement, Use, origin_of};
use tlog::checkpoint::CheckpointError;
use tlog::commitment::Salt;
use tlog::cosignature::cosign;
use tlog::entry::{Entry, EntryHeader};
use tlog::hash::Hash;
use tlog::head::{HeadError, judge_head};
use tlog::key::KeyKind;
use tlog::note::NoteError;
use tlog::policy::{Policy, PolicyError};
use tlog::proof::{ProofError, TlogProof};
use tlog::receipt::{
    FilesError, IdentityError, ReceiptError, ReceiptParts, SeenError, Standing, Trusted, export,
    verify_export,
};
use tlog::tree::VerifyError;
use world::*;

type Files = BTreeMap<String, Vec<u8>>;

const PROOF: &str = include_str!("vectors/receipt.tlog-proof.txt");
const POLICY: &str = include_str!("vectors/policy.txt");

fn files() -> Files {
    export(&receipt_parts()).unwrap()
}

fn full_files() -> Files {
    export(&full_receipt_parts()).unwrap()
}

/// The files with one of them replaced.
fn with(files: Files, name: &str, content: impl Into<Vec<u8>>) -> Files {
    let mut files = files;
    files.insert(name.into(), content.into());
    files
}

fn text(files: &Files, name: &str) -> String {
    String::from_utf8(files[name].clone()).unwrap()
}

fn failed(files: &Files) -> ReceiptError {
    verify_export(files, None).unwrap_err()
}

#[test]
fn the_complete_receipt_of_the_test_vectors_is_made_byte_for_byte() {
    let origin = origin_ab().to_string();
    let files = files();
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    assert_eq!(names, ["channel", "entry", "policy", "receipt.tlog-proof"]);
    assert_eq!(text(&files, "receipt.tlog-proof"), PROOF.replace("$O", &origin));
    assert_eq!(text(&files, "policy"), POLICY.replace("$O", &origin));
    assert_eq!(files["channel"], statement_ab().as_bytes());
    assert_eq!(files["entry"], entries()[1].encode().unwrap());
}

#[test]
fn a_receipt_is_verified_with_trusted_fingerprints_and_only_intact_without() {
    let verified = verify_export(&full_files(), Some(trusted())).unwrap();
    assert_eq!(verified.standing, Standing::Verified);
    assert_eq!(verified.entry, entries()[1]);
    assert_eq!(verified.checkpoint, head_ab(2));
    assert_eq!(verified.receipt.time(), TIMES[1]);
    assert_eq!(verified.neutrals.len(), 2);
    let seen = verified.seen.unwrap();
    assert_eq!((seen.checkpoint.root, seen.receipt.time()), (world::seen().root, SEEN_TIME));

    let intact = verify_export(&files(), None).unwrap();
    assert_eq!(intact.standing, Standing::Intact);
    assert_eq!(intact.seen, None);
}

#[test]
fn step_1_exactly_the_files_of_a_receipt_are_there() {
    let full = full_files();
    for name in full.keys() {
        let mut fewer = full.clone();
        fewer.remove(name);
        let found = failed(&fewer);
        assert!(
            matches!(&found, ReceiptError::Files(FilesError::Missing { name: missing }) if missing == name)
        );
        assert_eq!(found.step(), 1);
    }
    assert!(matches!(
        failed(&with(files(), "README", "hello")),
        ReceiptError::Files(FilesError::Foreign { .. })
    ));
    for name in full.keys() {
        let large = with(full.clone(), name, vec![b'x'; 1024 * 1024 + 1]);
        assert!(matches!(failed(&large), ReceiptError::Files(FilesError::TooLarge { .. })), "{name}");
    }
}

#[test]
fn step_2_the_statement_is_signed_by_both() {
    let half = proposal_ab().sign_as_giver(&giver()).unwrap();
    let found = failed(&with(files(), "channel", half.to_string()));
    assert!(matches!(found, ReceiptError::Statement(ChannelError::Signers { .. })));
    assert_eq!(found.step(), 2);
}

#[test]
fn step_3_both_identities_are_the_trusted_ones() {
    let Trusted { giver, receiver } = trusted();
    for (role, trusted) in [
        ("giver", Trusted { giver: receiver, receiver }),
        ("receiver", Trusted { giver, receiver: giver }),
        ("giver", Trusted { giver: receiver, receiver: giver }),
    ] {
        let found = verify_export(&files(), Some(trusted)).unwrap_err();
        assert!(matches!(&found, ReceiptError::Identity(IdentityError { role: at, .. }) if *at == role));
        assert_eq!(found.step(), 3);
    }
}

#[test]
fn step_4_the_policy_follows_from_the_statement() {
    let found = failed(&with(files(), "policy", full_files()["policy"].clone()));
    assert_eq!(found, ReceiptError::Policy(PolicyError::Other));
    assert_eq!(found.step(), 4);
    let commented = format!("# ours\n{}", text(&files(), "policy"));
    assert!(matches!(
        failed(&with(files(), "policy", commented)),
        ReceiptError::Policy(PolicyError::Malformed(_))
    ));
    let spaced = text(&files(), "policy").replace("quorum receiver", "quorum  receiver");
    assert_eq!(failed(&with(files(), "policy", spaced)), ReceiptError::Policy(PolicyError::Form));
}

#[test]
fn a_policy_with_neutral_witnesses_has_the_one_form() {
    let statement = both_sign(&proposal_with_witnesses(2, 3), &giver(), &receiver());
    let policy = Policy::of(&statement).to_string();
    let expected = format!(
        "log {}\nwitness receiver {}\nwitness neutral1 {}\nwitness neutral2 {}\nwitness neutral3 {}\n\
         group neutral 2 neutral1 neutral2 neutral3\ngroup receipt all receiver neutral\nquorum receipt\n",
        log_ab().verifier(),
        receiver_cosigner().verifier(),
        witness(1).verifier(),
        witness(2).verifier(),
        witness(3).verifier(),
    );
    assert_eq!(policy, expected);
    assert_eq!(Policy::parse(policy.as_bytes()), Ok(Policy::of(&statement)));
    for wrong in [
        policy.replace("neutral 2", "neutral 4"),
        policy.replace("neutral 2", "neutral 0"),
        policy.replace("neutral 2", "neutral any"),
        policy.replace(" neutral3\n", "\n"),
        policy.replace("witness neutral2", "witness neutral9"),
        policy.replace("quorum receipt", "quorum receiver"),
        policy.replace("all receiver", "any receiver"),
        format!("{policy}\n"),
    ] {
        assert!(Policy::parse(wrong.as_bytes()).is_err(), "{wrong}");
    }
    assert!(matches!(Policy::parse(&[b'x'; 4097]), Err(PolicyError::TooLarge { .. })));
    let most = both_sign(&proposal_with_witnesses(8, 8), &giver(), &receiver());
    assert!(Policy::of(&most).check(Policy::of(&most).to_string().as_bytes()).is_ok());
}

#[test]
fn step_5_the_proof_is_in_its_grammar_and_opens_with_a_salt_of_32_bytes() {
    let proof = text(&files(), "receipt.tlog-proof");
    let salt = "8aE0Q76qupMc+vABGALhxNcUmwBbqVMS68mQHbh4OyE=";
    for wrong in [
        proof.replace("@v1", "@v2"),
        proof.replace(&format!("extra {salt}\n"), ""),
        proof.replace(salt, "8aE0Q76qupMc"),
        proof.replace("index 1", "index 01"),
        proof.replace("index 1\n", "index 1\n\n"),
        proof.replace("zC9j", "zC9"),
        proof.replace("\n\nforewarn", "\nforewarn"),
    ] {
        assert_eq!(failed(&with(files(), "receipt.tlog-proof", wrong.clone())).step(), 5, "{wrong}");
    }
    let unknown = failed(&with(files(), "receipt.tlog-proof", proof.replace("=\nindex", "==\nindex")));
    assert!(!unknown.to_string().contains("8aE0Q76"), "an error shows the salt: {unknown}");

    let many = TlogProof { path: vec![leaves()[0]; 64], ..receipt_parts().proof };
    assert!(matches!(many.encode(), Err(ProofError::Path { hashes: 64, .. })));
    let line = format!("{}\n", leaves()[0]);
    let many = proof.replace(&line, &line.repeat(64));
    assert!(matches!(TlogProof::parse(many.as_bytes()), Err(ProofError::Path { hashes: 64, .. })));
    let large = TlogProof::parse(&[b'x'; 68 * 1024 + 1]);
    assert!(matches!(large, Err(ProofError::TooLarge { bytes: 69_633, limit: 69_632 })));
    let far = TlogProof { index: 1 << 48, ..receipt_parts().proof };
    assert!(matches!(far.encode(), Err(ProofError::Index { .. })));
}

#[test]
fn step_6_the_checkpoint_has_its_signatures_and_no_other_line() {
    let with_checkpoint = |checkpoint| {
        let proof = TlogProof { checkpoint, ..receipt_parts().proof };
        let found = failed(&with(files(), "receipt.tlog-proof", proof.encode().unwrap()));
        assert_eq!(found.step(), 6);
        found
    };
    let unsigned = head_ab(2).sign(&log_ab()).unwrap();
    assert!(matches!(with_checkpoint(unsigned.clone()), ReceiptError::Checkpoint(HeadError::NoReceipt)));
    let cosigner = receiver_cosigner();
    let only_receiver = signed_ab(2, TIMES[1]).only_lines_of(&[cosigner.verifier()]).unwrap();
    assert!(matches!(
        with_checkpoint(only_receiver),
        ReceiptError::Checkpoint(HeadError::Lines(CheckpointError::Note(NoteError::Unsigned { .. })))
    ));
    let stray = cosign(&head_ab(2), TIMES[1], &witness(1)).unwrap();
    assert!(matches!(
        with_checkpoint(signed_ab(2, TIMES[1]).and_line(stray.line().clone()).unwrap()),
        ReceiptError::Checkpoint(HeadError::Lines(CheckpointError::Stray { .. }))
    ));
    let log = log_ab();
    let reversed = signed_ab(2, TIMES[1]).only_lines_of(&[cosigner.verifier(), log.verifier()]).unwrap();
    assert!(matches!(with_checkpoint(reversed), ReceiptError::Checkpoint(HeadError::Order)));
    assert!(matches!(with_checkpoint(signed_ba()), ReceiptError::Checkpoint(HeadError::Origin { .. })));
}

#[test]
fn step_6_enough_neutral_witnesses_have_cosigned() {
    let parts = full_receipt_parts();
    let statement = both_sign(&proposal_with_witnesses(3, 3), &giver(), &receiver());
    let found = export(&ReceiptParts { statement, ..parts }).unwrap_err();
    assert_eq!(found, ReceiptError::Checkpoint(HeadError::Neutrals { needed: 3, found: 2 }));
}

#[test]
fn step_6_the_keys_hold_for_the_size() {
    let from = |from| both_sign(&ChannelProposal { from, ..proposal_ab() }, &giver(), &receiver());
    assert!(export(&ReceiptParts { statement: from(2), ..receipt_parts() }).is_ok());
    assert_eq!(
        export(&ReceiptParts { statement: from(3), ..receipt_parts() }).unwrap_err(),
        ReceiptError::Checkpoint(HeadError::From { from: 3, size: 2 })
    );
}

#[test]
fn step_7_the_entry_is_of_this_log_and_place() {
    let broken = failed(&with(files(), "entry", vec![b'x'; 1024]));
    assert!(matches!(broken, ReceiptError::Entry(_)));
    assert_eq!(broken.step(), 7);
    let other = entries()[2].encode().unwrap();
    assert!(matches!(
        failed(&with(files(), "entry", other)),
        ReceiptError::Place { index: 2, proven: 1, .. }
    ));
    let header = EntryHeader { origin: origin_ba(), seen: None, ..entries()[1].header.clone() };
    let elsewhere = Entry { header, ..entries()[1].clone() }.encode().unwrap();
    let found = failed(&with(files(), "entry", elsewhere));
    assert!(matches!(found, ReceiptError::Place { .. }));
    assert_eq!(found.step(), 7);
}

#[test]
fn step_8_entry_and_salt_open_the_leaf_that_the_path_leads_up_from() {
    let with_proof = |proof: TlogProof| {
        let found = failed(&with(files(), "receipt.tlog-proof", proof.encode().unwrap()));
        assert_eq!(found.step(), 8);
        found
    };
    let proof = receipt_parts().proof;
    assert!(matches!(
        with_proof(TlogProof { salt: Salt::from_bytes([0; 32]), ..proof.clone() }),
        ReceiptError::Inclusion(VerifyError::Root { .. })
    ));
    assert!(matches!(
        with_proof(TlogProof { path: vec![], ..proof.clone() }),
        ReceiptError::Inclusion(VerifyError::Length { hashes: 0 })
    ));
    assert!(matches!(
        with_proof(TlogProof { path: vec![Hash::from_bytes([1; 32])], ..proof.clone() }),
        ReceiptError::Inclusion(VerifyError::Root { .. })
    ));
    assert!(matches!(
        with_proof(TlogProof { checkpoint: signed_ab(1, TIMES[0]), ..proof }),
        ReceiptError::Inclusion(VerifyError::Index { index: 1, size: 1 })
    ));
}

#[test]
fn step_9_the_opposite_head_bears_out_what_the_entry_has_seen() {
    let failed_with = |statement: ChannelStatement, checkpoint: String| {
        let files = with(full_files(), "seen.channel", statement.as_bytes());
        let found = failed(&with(files, "seen.checkpoint", checkpoint));
        assert_eq!(found.step(), 9);
        match found {
            ReceiptError::Seen(error) => error,
            other => panic!("{other}"),
        }
    };
    assert_eq!(failed_with(statement_ab(), signed_ba().to_string()), SeenError::NotOpposite);
    assert_eq!(failed_with(statement_ba(), signed_ab(1, TIMES[0]).to_string()), SeenError::NotNamed);
    let exercise = opposite_as("service-b.example", "receiver identity", Use::Exercise);
    assert_eq!(failed_with(exercise, signed_ba().to_string()), SeenError::NotOpposite);
    let third = opposite_as("service-c.example", "a third identity", Use::Actual);
    assert_eq!(failed_with(third, signed_ba().to_string()), SeenError::NotOpposite);
    let unsigned = tlog::checkpoint::Checkpoint { origin: origin_ba(), size: 1, root: seen().root };
    let unsigned = unsigned.sign(&log_ba()).unwrap();
    assert_eq!(failed_with(statement_ba(), unsigned.to_string()), SeenError::Head(HeadError::NoReceipt));
    let half = ChannelProposal { from: 2, ..proposal_ba() };
    assert_eq!(
        failed_with(both_sign(&half, &receiver(), &giver()), signed_ba().to_string()),
        SeenError::Head(HeadError::From { from: 2, size: 1 })
    );
    assert!(matches!(failed_with(statement_ba(), "nothing".into()), SeenError::Head(HeadError::Lines(_))));
}

/// A channel to the giver from the party of this name and key role.
fn opposite_as(name: &str, role: &str, use_: Use) -> ChannelStatement {
    let from = key(role, name, KeyKind::Ed25519);
    let origin = origin_of(use_, from.verifier(), giver().verifier(), &nonce("b to a")).to_string();
    let log = key("another log", &origin, KeyKind::Ed25519).verifier().clone();
    let proposal = ChannelProposal { use_, giver: from.verifier().clone(), log, ..proposal_ba() };
    both_sign(&proposal, &from, &giver())
}

#[test]
fn an_entry_that_has_seen_nothing_takes_no_opposite_head() {
    let entry = &entries()[0];
    let opened = ReceiptParts {
        entry: entry.encode().unwrap(),
        proof: TlogProof {
            salt: salt("a to b", 0),
            index: 0,
            path: vec![],
            checkpoint: signed_ab(1, TIMES[0]),
        },
        ..receipt_parts()
    };
    assert!(export(&opened).is_ok());
    let seen = Some((statement_ba(), signed_ba()));
    assert_eq!(
        export(&ReceiptParts { seen, ..opened }).unwrap_err(),
        ReceiptError::Seen(SeenError::NotNamed)
    );
}

#[test]
fn an_export_leaves_out_foreign_lines_and_puts_the_rest_in_order() {
    let parts = full_receipt_parts();
    let mut lines = parts.proof.checkpoint.lines().to_vec();
    lines.reverse();
    let foreign = cosign(&head_ab(2), TIMES[1], &giver_cosigner()).unwrap();
    lines.push(foreign.line().clone());
    let mut untidy = head_ab(2).sign(&log_ab()).unwrap();
    for line in lines.into_iter().filter(|line| !line.names(log_ab().verifier())) {
        untidy = untidy.and_line(line).unwrap();
    }
    assert!(judge_head(&parts.statement, &untidy).is_err());
    let proof = TlogProof { checkpoint: untidy, ..parts.proof.clone() };
    assert_eq!(export(&ReceiptParts { proof, ..parts }).unwrap(), full_files());
}

#[test]
fn a_change_of_any_byte_of_any_file_is_refused() {
    for (files, flips) in [(files(), [0x01, 0x20].as_slice()), (full_files(), &[0x01])] {
        assert!(verify_export(&files, None).is_ok());
        for name in files.keys() {
            for at in 0..files[name].len() {
                for flip in flips {
                    let mut changed = files.clone();
                    changed.get_mut(name).unwrap()[at] ^= flip;
                    assert!(verify_export(&changed, None).is_err(), "{name} byte {at} ^ {flip}");
                }
            }
        }
    }
}

#[test]
fn a_byte_more_or_less_in_any_file_is_refused() {
    let files = files();
    for name in files.keys() {
        for at in 0..=files[name].len() {
            let mut shorter = files.clone();
            let mut longer = files.clone();
            if at < files[name].len() {
                shorter.get_mut(name).unwrap().remove(at);
                assert!(verify_export(&shorter, None).is_err(), "{name} without byte {at}");
            }
            longer.get_mut(name).unwrap().insert(at, b'\n');
            assert!(verify_export(&longer, None).is_err(), "{name} with a line end at {at}");
        }
    }
}
