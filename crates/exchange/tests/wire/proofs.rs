//! Evidence as a folder: where two signatures cannot both be true, anybody can verify it; where nothing is proven, that is
//! said.

use exchange::deliver;
use exchange::evidence::export::{self, ExportedEvidence, Wanted};
use exchange::receive::Receipt;
use exchange::refusal::Refusal;
use exchange::view::evidence::{self, EvidenceLine};
use store::{Act, ChannelRow, ChannelSide};
use testkit::tamper::{Files, each_change};
use testkit::{A, B, ByHand, DataCopy, EntryOf, TestHouse, TestHouses, code, party};
use tlog::channel::{ChannelStatement, Use};
use tlog::checkpoint::{Checkpoint, SignedCheckpoint};
use tlog::cosignature::cosign;
use tlog::evidence::{Accused, Conflict, ProvenConflict, verify_evidence};
use tlog::hash::Hash;
use tlog::note::NoteSignature;
use tlog::parcel::Parcel;
use tlog::receipt::{Standing, Trusted};

#[test]
fn two_trees_of_one_size_are_proven_against_the_giver() {
    let houses = TestHouses::of(&[A]);
    let (a, mut b) = (houses.a(), with_three(houses.a()));
    let forged = forged(&b, 3);
    assert_eq!(b.send(a, &b.parcel_with(1, forged)), Receipt::BadRoot);
    let line = only(a);
    assert!(line.frozen && line.accused.as_deref() == Some(B) && line.no_proof.is_none(), "{line:?}");
    assert_eq!((line.giver.as_str(), line.receiver.as_str(), line.size), (B, A, Some(3)));
    let proven = verified(&proof(a).unwrap());
    assert_eq!((proven.conflict, proven.evidence.accused), (Conflict::TwoRoots { size: 3 }, Accused::Giver));
    b.push(EntryOf::kind("cover", ""));
    assert_eq!(b.send(a, &b.parcel(3)), Receipt::Frozen);
}

#[test]
fn a_smaller_tree_that_the_larger_one_did_not_grow_out_of_is_proven() {
    for size in [1, 2] {
        let houses = TestHouses::of(&[A]);
        let (a, b) = (houses.a(), with_three(houses.a()));
        assert_eq!(b.send(a, &b.parcel_with(0, forged(&b, size))), Receipt::BadRoot);
        let proven = verified(&proof(a).unwrap());
        let root = b.range(size).root();
        assert_eq!(proven.conflict, Conflict::NotAGrowth { first: size, second: 3, root });
    }
}

#[test]
fn every_change_to_any_file_of_evidence_is_refused_with_and_without_trusted_keys() {
    for size in [2, 3] {
        let houses = TestHouses::of(&[A]);
        let (a, b) = (houses.a(), with_three(houses.a()));
        assert_eq!(b.send(a, &b.parcel_with(0, forged(&b, size))), Receipt::BadRoot);
        let files = proof(a).unwrap().files;
        let trusted = trusted(&files);
        let mut changes = 0;
        each_change(&files, |changed, change| {
            changes += 1;
            assert!(verify_evidence(changed, None).is_err(), "{change:?}");
            if change.is_telling() {
                assert!(verify_evidence(changed, Some(trusted)).is_err(), "{change:?}");
            }
        });
        assert!(changes > 10_000, "{changes}");
    }
}

#[test]
fn entries_that_do_not_give_the_signed_root_freeze_and_prove_nothing_and_can_be_had_as_they_came() {
    let houses = TestHouses::of(&[A]);
    let a = houses.a();
    let mut b = ByHand::with(a, B, Use::Actual).opened();
    b.delivers(a, 0);
    b.push(EntryOf::kind("cover", ""));
    let parcel = b.parcel_with(1, forged(&b, 2));
    assert_eq!(b.send(a, &parcel), Receipt::BadRoot);
    let line = only(a);
    assert!(line.frozen && line.accused.is_none(), "{line:?}");
    assert!(line.no_proof.unwrap().contains("signed for 2 entries and 1 are held"), "{}", line.what);
    assert_eq!(line.parcel_bytes, Some(u64::try_from(parcel.len()).unwrap()));
    let refusal = proof(a).unwrap_err();
    assert_eq!(refusal.code, "no_proof");
    assert!(refusal.hint.unwrap().contains("--raw"));
    assert_eq!(code(as_kept(a, "release1", None)), "why", "a parcel may name persons");
    let before = a.trail().len();
    let kept = as_kept(a, "release1", Some("called the partner")).unwrap();
    assert_eq!(a.acts_since(before), ["person.read", "evidence.export"]);
    assert_eq!(kept.files.keys().map(String::as_str).collect::<Vec<_>>(), ["about.txt", "note", "parcel"]);
    assert_eq!(kept.files["parcel"], parcel);
    SignedCheckpoint::parse(&kept.files["note"]).unwrap().verify_log(&b.log_key()).unwrap();
    let about = String::from_utf8(kept.files["about.txt"].clone()).unwrap();
    assert!(about.contains("This folder is no proof") && about.contains(B), "{about}");
    assert!(verify_evidence(&kept.files, None).is_err());
}

#[test]
fn a_refused_head_that_the_log_later_contradicts_freezes_and_is_proven_whichever_note_is_asked_for() {
    for sizes in [[2, 2], [2, 3]] {
        let [refused, later] = sizes;
        let houses = TestHouses::of(&[A]);
        let a = houses.a();
        let mut b = ByHand::with(a, B, Use::Actual).opened();
        b.delivers(a, 0);
        b.push_bytes(vec![b'x'; 1024]);
        assert!(matches!(b.send(a, &b.parcel(1)), Receipt::BadEntry { index: 1, .. }));
        assert!(only(a).no_proof.unwrap().contains("any later head"));
        b.entries.truncate(1);
        for _ in 1..later {
            b.push(EntryOf::kind("cover", ""));
        }
        assert_eq!(b.send(a, &b.parcel(1)), Receipt::BadRoot, "a refusal does not unsign");
        let lines = evidence::list(&a.house(), &a.caller("oversight1")).unwrap();
        assert_eq!(lines.len(), 2, "{lines:?}");
        for line in lines {
            assert!(line.frozen && line.accused.as_deref() == Some(B), "{line:?}");
            let (house, now) = (a.house(), a.now());
            let exported = export::export(&house, &a.caller("release1"), line.id, Wanted::Proof, now);
            let conflict = verified(&exported.unwrap()).conflict;
            match conflict {
                Conflict::TwoRoots { size } => assert_eq!([size, size], sizes),
                Conflict::NotAGrowth { first, second, .. } => assert_eq!([first, second], sizes),
                Conflict::WentBack { .. } => panic!("{conflict:?}"),
            }
        }
        assert_eq!(refused, 2);
    }
}

#[test]
fn a_note_that_binds_nobody_or_that_came_true_accuses_nobody() {
    let houses = TestHouses::of(&[A]);
    let a = houses.a();
    let mut b = ByHand::with(a, B, Use::Actual).opened();
    b.delivers(a, 0);
    b.push(EntryOf::kind("cover", ""));
    let stray = cosign(b.head(2).checkpoint(), 7, &a.house().keys.cosigner).unwrap();
    let note = b.head(2).and_line(stray.line().clone()).unwrap();
    assert!(matches!(b.send(a, &b.parcel_with(1, note)), Receipt::NotSigned(_)));
    b.delivers(a, 1);
    assert!(only(a).no_proof.unwrap().contains("can be true"));

    let houses = TestHouses::of(&[A]);
    let a = houses.a();
    let b = with_three(a);
    let key = tlog::key::SigningKey::from_seed(&b.origin().to_string(), tlog::key::KeyKind::Ed25519, [8; 32]);
    let by_another = Checkpoint { root: Hash::from_bytes([5; 32]), ..*b.head(3).checkpoint() };
    let note = by_another.sign(&key.unwrap()).unwrap();
    assert!(matches!(b.send(a, &b.parcel_with(1, note)), Receipt::NotSigned(_)));
    let line = only(a);
    assert!(line.accused.is_none() && line.no_proof.unwrap().contains("binds nobody"));
    assert_eq!(code(proof(a)), "no_proof");
    assert_eq!(as_kept(a, "release1", None).unwrap().files.len(), 2, "a note alone names nobody");
}

#[test]
fn a_head_that_the_partner_shows_of_our_log_accuses_whoever_signed_both() {
    for cosigned in [false, true] {
        let houses = TestHouses::two();
        let (a, b) = (houses.a(), houses.b());
        let channel = ours(a);
        let key = a.house().keys.log_key(&channel.origin).unwrap();
        let head =
            Checkpoint { origin: channel.origin, size: channel.size(), root: Hash::from_bytes([6; 32]) };
        let mut note = head.sign(&key).unwrap();
        if cosigned {
            let time = u64::try_from(b.now().as_second()).unwrap();
            note =
                note.and_line(cosign(&head, time, &b.house().keys.cosigner).unwrap().line().clone()).unwrap();
        }
        let text = note.to_string();
        deliver::head_answer(&a.house(), &party(B), Use::Actual, Some(text.as_bytes()), a.now()).unwrap();
        let line = only(a);
        let accused = if cosigned { B } else { A };
        assert_eq!(line.accused.as_deref(), Some(accused), "{line:?}");
        assert!(line.ours_too && line.next.contains("this node has signed both"), "{line:?}");
        let proven = verified(&proof(a).unwrap());
        assert_eq!(proven.evidence.accused, if cosigned { Accused::Receiver } else { Accused::Giver });
    }
}

#[test]
fn a_second_history_is_proven_with_the_parcel_where_we_have_lost_the_first() {
    for later in [3, 5] {
        let houses = TestHouses::of(&[A]);
        let a = houses.a();
        let mut b = ByHand::with(a, B, Use::Actual).opened();
        b.delivers(a, 0);
        let copy = a.copy(DataCopy::WithMark);
        b.push(EntryOf::kind("cover", "one"));
        b.push(EntryOf::kind("cover", "two"));
        let line = NoteSignature::parse_line(b.delivers(a, 1).trim_end()).unwrap();
        let held = b.head(3).and_line(line).unwrap();
        a.go_back(&copy);
        a.store().act(|act| Ok::<_, Refusal>(act.begin_recovery(&mut theirs(act)?)?)).unwrap();
        b.entries.truncate(1);
        for _ in 1..later {
            b.push(EntryOf::kind("cover", "another"));
        }
        let parcel = Parcel { held: Some(held), ..Parcel::parse(&b.parcel(1)).unwrap() };
        assert_eq!(b.send(a, &parcel.encode().unwrap()), Receipt::BadRoot);
        let line = only(a);
        assert!(line.frozen && line.accused.as_deref() == Some(B), "{line:?}");
        assert!(line.size == Some(later) && !line.ours_too, "{line:?}");
        let expected = match later {
            3 => Conflict::TwoRoots { size: 3 },
            _ => Conflict::NotAGrowth { first: 3, second: later, root: b.range(3).root() },
        };
        assert_eq!(verified(&proof(a).unwrap()).conflict, expected);
    }
}

#[test]
fn a_head_that_we_have_cosigned_ourselves_is_proven_against_its_giver_and_said_to_be_ours_too() {
    let houses = TestHouses::of(&[A]);
    let (a, b) = (houses.a(), with_three(houses.a()));
    let head = forged(&b, 2);
    let time = u64::try_from(a.now().as_second()).unwrap();
    let ours = cosign(head.checkpoint(), time, &a.house().keys.cosigner).unwrap();
    let held = head.and_line(ours.line().clone()).unwrap();
    let parcel = Parcel { held: Some(held), ..Parcel::parse(&b.parcel(3)).unwrap() };
    assert_eq!(b.send(a, &parcel.encode().unwrap()), Receipt::BadRoot);
    let line = only(a);
    assert!(line.ours_too && line.accused.as_deref() == Some(B), "{line:?}");
    assert_eq!(verified(&proof(a).unwrap()).evidence.accused, Accused::Giver);
}

#[test]
fn evidence_is_listed_for_everybody_and_exported_by_those_who_answer_for_the_relation() {
    let houses = TestHouses::of(&[A]);
    let (a, b) = (houses.a(), with_three(houses.a()));
    assert!(evidence::list(&a.house(), &a.caller("desk1")).unwrap().is_empty());
    assert_eq!(b.send(a, &b.parcel_with(1, forged(&b, 3))), Receipt::BadRoot);
    for who in ["operator1", "desk1", "release1", "liaison1", "oversight1"] {
        assert_eq!(evidence::list(&a.house(), &a.caller(who)).unwrap().len(), 1, "{who}");
        let may = !["operator1", "desk1"].contains(&who);
        for wanted in [Wanted::Proof, Wanted::AsKept { why: Some("asked".to_owned()) }] {
            let done = export::export(&a.house(), &a.caller(who), 1, wanted, a.now());
            assert_eq!(code(done), if may { "done" } else { "not_authorised" }, "{who}");
        }
    }
    let unknown = export::export(&a.house(), &a.caller("release1"), 7, Wanted::Proof, a.now());
    assert_eq!(code(unknown), "unknown_evidence");
    let doctor = exchange::view::status::doctor(&a.house(), &a.caller("desk1"), a.now()).unwrap();
    assert!(doctor.iter().any(|f| f.hint.contains("forewarn evidence list")), "{doctor:?}");
}

/// A partner with three entries, under one receipted head.
fn with_three(a: &TestHouse) -> ByHand {
    let mut b = ByHand::with(a, B, Use::Actual).opened();
    b.push(EntryOf::kind("cover", "one"));
    b.push(EntryOf::kind("cover", "two"));
    b.delivers(a, 0);
    b
}

/// A checkpoint of this size that the log's key signed over another root than the entries give.
fn forged(b: &ByHand, size: u64) -> SignedCheckpoint {
    b.signed(&Checkpoint { origin: b.origin(), size, root: Hash::from_bytes([6; 32]) })
}

fn ours(a: &TestHouse) -> ChannelRow {
    let found = a.store().view(|view| view.channel_with(&party(B), ChannelSide::Ours, Use::Actual));
    found.unwrap().unwrap()
}

fn theirs(act: &Act<'_>) -> Result<ChannelRow, Refusal> {
    let found = act.channel_with(&party(B), ChannelSide::Theirs, Use::Actual)?;
    Ok(found.expect("the log is there"))
}

fn only(a: &TestHouse) -> EvidenceLine {
    let mut lines = evidence::list(&a.house(), &a.caller("oversight1")).unwrap();
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines.remove(0)
}

fn proof(a: &TestHouse) -> Result<ExportedEvidence, Refusal> {
    export::export(&a.house(), &a.caller("release1"), 1, Wanted::Proof, a.now())
}

fn as_kept(a: &TestHouse, who: &str, why: Option<&str>) -> Result<ExportedEvidence, Refusal> {
    let wanted = Wanted::AsKept { why: why.map(str::to_owned) };
    export::export(&a.house(), &a.caller(who), 1, wanted, a.now())
}

/// What anybody sees in the folder who knows both parties.
fn verified(exported: &ExportedEvidence) -> ProvenConflict {
    let proven = verify_evidence(&exported.files, Some(trusted(&exported.files))).unwrap();
    assert_eq!(proven.standing, Standing::Verified);
    assert_eq!(verify_evidence(&exported.files, None).unwrap().standing, Standing::Intact);
    let said = proven.evidence.statement.proposal();
    let accused = if proven.evidence.accused == Accused::Giver { &said.giver } else { &said.receiver };
    assert_eq!(exported.accused.as_deref(), Some(accused.name()));
    proven
}

fn trusted(files: &Files) -> Trusted {
    let statement = ChannelStatement::parse(&files["channel"]).unwrap();
    let said = statement.proposal();
    Trusted { giver: said.giver.fingerprint(), receiver: said.receiver.fingerprint() }
}
