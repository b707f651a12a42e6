//! Evidence of two signatures that cannot both be honest.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod world;

use std::collections::BTreeMap;

use tlog::channel::ChannelProposal;
use tlog::checkpoint::{Checkpoint, SignedCheckpoint};
use tlog::cosignature::cosign;
use tlog::evidence::{Accused, Beginning, Conflict, Evidence, EvidenceError, verify_evidence};
use tlog::hash::Hash;
use tlog::head::HeadError;
use tlog::key::KeyKind;
use tlog::receipt::{FilesError, Standing, Trusted};
use tlog::tree::VerifyError;
use world::*;

const TIME: u64 = 1_796_115_602;

/// A head of the log from a to b with another root than the true one.
fn false_head(size: u64) -> Checkpoint {
    Checkpoint { root: Hash::from_bytes([6; 32]), ..head_ab(size) }
}

fn both(head: &Checkpoint, time: u64) -> SignedCheckpoint {
    cosigned(head, &log_ab(), &receiver_cosigner(), time)
}

/// Two roots of size 3.
fn two_roots() -> Evidence {
    Evidence {
        accused: Accused::Giver,
        statement: statement_ab(),
        first_statement: None,
        first: false_head(3).sign(&log_ab()).unwrap(),
        second: head_ab(3).sign(&log_ab()).unwrap(),
        beginning: None,
    }
}

/// A false root of size 2 and the true one of size 3.
fn no_growth() -> Evidence {
    Evidence {
        first: false_head(2).sign(&log_ab()).unwrap(),
        beginning: Some(Beginning { root: head_ab(2).root, proof: vec![leaves()[2]] }),
        ..two_roots()
    }
}

/// The receiver has cosigned size 2 later than size 3.
fn went_back() -> Evidence {
    Evidence {
        accused: Accused::Receiver,
        first: both(&head_ab(2), TIME + 1),
        second: both(&head_ab(3), TIME),
        ..two_roots()
    }
}

fn check(evidence: &Evidence, conflict: Conflict) {
    let files = evidence.files().unwrap();
    let proven = verify_evidence(&files, Some(trusted())).unwrap();
    assert_eq!(proven.standing, Standing::Verified);
    assert_eq!(proven.conflict, conflict);
    assert_eq!(proven.evidence.accused, evidence.accused);
    assert_eq!(proven.evidence.files().unwrap(), files);
    assert_eq!(verify_evidence(&files, None).unwrap().standing, Standing::Intact);
}

#[test]
fn two_roots_of_one_size_are_a_conflict() {
    check(&two_roots(), Conflict::TwoRoots { size: 3 });
    let files = two_roots().files().unwrap();
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    assert_eq!(names, ["channel", "conflict", "first.checkpoint", "second.checkpoint"]);
    assert_eq!(files["conflict"], b"forewarn/conflict/v1 giver\n");
}

#[test]
fn a_larger_tree_that_does_not_begin_with_the_smaller_is_a_conflict() {
    let root = head_ab(2).root;
    check(&no_growth(), Conflict::NotAGrowth { first: 2, second: 3, root });
    let conflict = format!("forewarn/conflict/v1 giver\n{root}\n{}\n", leaves()[2]);
    assert_eq!(no_growth().files().unwrap()["conflict"], conflict.as_bytes());

    let from_nothing = Evidence {
        first: false_head(0).sign(&log_ab()).unwrap(),
        beginning: Some(Beginning { root: head_ab(0).root, proof: vec![] }),
        ..no_growth()
    };
    let root = head_ab(0).root;
    check(&from_nothing, Conflict::NotAGrowth { first: 0, second: 3, root });
}

#[test]
fn a_receiver_that_goes_back_is_a_conflict() {
    let times = Conflict::WentBack { first_time: TIME + 1, second_time: TIME };
    check(&went_back(), times);
    assert_eq!(went_back().files().unwrap()["conflict"], b"forewarn/conflict/v1 receiver\n");
}

#[test]
fn a_receiver_that_cosigned_two_trees_is_accused_with_both_cosignatures() {
    let accused = Evidence {
        accused: Accused::Receiver,
        first: both(&false_head(3), TIME),
        second: both(&head_ab(3), TIME),
        ..two_roots()
    };
    check(&accused, Conflict::TwoRoots { size: 3 });
    let one_only = Evidence { accused: Accused::Receiver, second: both(&head_ab(3), TIME), ..two_roots() };
    assert!(matches!(
        one_only.verify(),
        Err(EvidenceError::Head { name: "first.checkpoint", source: HeadError::NoReceipt })
    ));
}

#[test]
fn honest_checkpoints_are_no_conflict() {
    let honest = |evidence: Evidence| {
        assert_eq!(evidence.verify(), Err(EvidenceError::NoConflict));
        assert_eq!(evidence.files(), Err(EvidenceError::NoConflict));
    };
    let signed = |size| head_ab(size).sign(&log_ab()).unwrap();
    honest(Evidence { first: signed(3), ..two_roots() });
    honest(Evidence { first: signed(2), ..two_roots() });
    honest(Evidence { first: signed(2), ..no_growth() });
    // Same second: the size may have grown within it.
    honest(Evidence { first: both(&head_ab(2), TIME), ..went_back() });
    // Times are the receiver's matter.
    honest(Evidence { accused: Accused::Giver, ..went_back() });
    // A false first root without its proof shows nothing, and a proof for equal sizes neither.
    honest(Evidence { beginning: None, ..no_growth() });
    honest(Evidence { beginning: no_growth().beginning, ..two_roots() });
}

#[test]
fn a_false_proof_shows_nothing() {
    let with = |root, proof| Evidence { beginning: Some(Beginning { root, proof }), ..no_growth() }.verify();
    assert!(matches!(
        with(Hash::from_bytes([9; 32]), vec![leaves()[2]]),
        Err(EvidenceError::Proof(VerifyError::Root { .. }))
    ));
    assert!(matches!(with(head_ab(2).root, vec![]), Err(EvidenceError::Proof(VerifyError::Length { .. }))));
}

#[test]
fn the_smaller_checkpoint_stands_first() {
    let evidence = no_growth();
    let swapped = Evidence { first: evidence.second.clone(), second: evidence.first.clone(), ..evidence };
    assert_eq!(swapped.verify(), Err(EvidenceError::Order { first: 3, second: 2 }));
}

#[test]
fn stray_lines_are_left_out_of_evidence_and_cannot_spoil_it() {
    let stray = cosign(&false_head(3), TIME, &witness(9)).unwrap();
    let evidence = two_roots();
    let spoiled = Evidence { first: evidence.first.and_line(stray.line().clone()).unwrap(), ..two_roots() };
    assert!(matches!(spoiled.verify(), Err(EvidenceError::Head { source: HeadError::Lines(_), .. })));
    assert_eq!(spoiled.files(), two_roots().files());
}

#[test]
fn a_conflict_across_a_change_of_keys_needs_both_statements() {
    let log = key("second log key", &origin_ab().to_string(), KeyKind::Ed25519);
    let changed = ChannelProposal { from: 3, log: log.verifier().clone(), ..proposal_ab() };
    let changed = both_sign(&changed, &giver(), &receiver());
    let across = Evidence {
        statement: changed,
        first_statement: Some(statement_ab()),
        second: head_ab(3).sign(&log).unwrap(),
        ..no_growth()
    };
    let root = head_ab(2).root;
    check(&across, Conflict::NotAGrowth { first: 2, second: 3, root });
    assert!(across.files().unwrap().contains_key("first.channel"));

    let without = Evidence { first_statement: None, ..across.clone() };
    assert!(matches!(without.verify(), Err(EvidenceError::Head { name: "first.checkpoint", .. })));
    // The old key does not count from the size on for which the other holds: it may have been stolen.
    let stolen =
        Evidence { first: false_head(3).sign(&log_ab()).unwrap(), beginning: None, ..across.clone() };
    assert_eq!(stolen.verify(), Err(EvidenceError::Succession { size: 3, from: 3 }));
    let foreign = Evidence { first_statement: Some(statement_ba()), ..across };
    assert!(matches!(foreign.verify(), Err(EvidenceError::Succession { .. })));
}

#[test]
fn evidence_is_of_the_trusted_parties() {
    let files = two_roots().files().unwrap();
    let Trusted { giver, receiver } = trusted();
    let swapped = Trusted { giver: receiver, receiver: giver };
    assert!(matches!(verify_evidence(&files, Some(swapped)), Err(EvidenceError::Identity(_))));
}

#[test]
fn exactly_the_files_of_evidence_are_there() {
    let files = no_growth().files().unwrap();
    for name in files.keys() {
        let mut fewer = files.clone();
        fewer.remove(name);
        assert!(matches!(
            verify_evidence(&fewer, None),
            Err(EvidenceError::Files(FilesError::Missing { .. }))
        ));
    }
    let mut more = files.clone();
    more.insert("policy".into(), vec![]);
    assert!(matches!(verify_evidence(&more, None), Err(EvidenceError::Files(FilesError::Foreign { .. }))));
    let conflict = |text: &str| {
        let mut changed = files.clone();
        changed.insert("conflict".into(), text.into());
        verify_evidence(&changed, None)
    };
    let root = head_ab(2).root;
    for wrong in [
        String::new(),
        "forewarn/conflict/v1 giver".into(),
        "forewarn/conflict/v1  giver\n".into(),
        "forewarn/conflict/v1 witness\n".into(),
        format!("forewarn/conflict/v1 giver\n{root}\n\n"),
        format!("forewarn/conflict/v1 giver\n{}", format!("{root}\n").repeat(65)),
    ] {
        assert!(matches!(conflict(&wrong), Err(EvidenceError::Conflict(_))), "{wrong}");
    }
    assert!(matches!(
        conflict(&format!("forewarn/conflict/v1 giver\n{}", format!("{root}\n").repeat(64))),
        Err(EvidenceError::Proof(_))
    ));
}

#[test]
fn a_change_of_any_byte_of_evidence_is_refused() {
    for evidence in [two_roots(), no_growth(), went_back()] {
        let files: BTreeMap<String, Vec<u8>> = evidence.files().unwrap();
        for name in files.keys() {
            for at in 0..files[name].len() {
                let mut changed = files.clone();
                changed.get_mut(name).unwrap()[at] ^= 1;
                assert!(verify_evidence(&changed, None).is_err(), "{name} byte {at}");
            }
        }
    }
}
