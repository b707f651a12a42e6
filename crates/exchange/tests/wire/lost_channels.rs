//! A channel that one of the two has lost whole comes back however things are carried between them (docs/log-format.md,
//! Going backwards); and where it cannot, persons decide.

use exchange::declined::{self, Answered};
use exchange::pull::{self, Brought, Served};
use exchange::receive;
use exchange::statement;
use exchange::succession::{self, Ending};
use model::vocab::Carriage;
use store::{ChannelRow, ChannelSide, ChannelState};
use testkit::{A, B, ByHand, DataCopy, TestHouse, TestHouses, code, party};
use tlog::channel::{ChannelProposal, Use, origin_of};
use tlog::key::{KeyKind, SigningKey};

fn log(house: &TestHouse, with: &str, side: ChannelSide) -> Option<ChannelRow> {
    house.store().view(|view| view.channel_with(&party(with), side, Use::Actual)).unwrap()
}

/// What B's courier does in a round of fetching from A: false where A's node said something else than yes.
fn fetch(a: &TestHouse, b: &TestHouse) -> bool {
    let (house, caller) = (a.house(), b.as_partner());
    let holding = || pull::holding(&b.house(), a.name(), Use::Actual).unwrap();
    let held = pull::names_as_held(&b.house(), a.name(), Use::Actual).unwrap();
    let asked = (Use::Actual, Some(held.as_str()));
    let mut sound = true;
    if let Some(text) = pull::statement_for(&house, &caller, asked, a.now(), &mut a.rng()).unwrap() {
        match declined::sign_or_decline(&b.house(), &a.as_partner(), text.as_bytes(), b.now()) {
            Ok(Answered::Signed(text) | Answered::Known(text)) => {
                sound = pull::opened(&house, &caller, text.as_bytes(), a.now(), &mut a.rng()).unwrap();
            }
            _ => sound = false,
        }
    }
    let Some(held) = holding() else { return sound };
    let show = || match holding().unwrap().receipt {
        Some(note) => pull::receipt(&house, &caller, held.origin, note.as_bytes(), a.now()).unwrap(),
        None => Brought::Settled,
    };
    let mut shown = show();
    if shown == Brought::NotHere {
        sound &= pull::opened(&house, &caller, held.statement.as_bytes(), a.now(), &mut a.rng()).unwrap();
        shown = show();
    }
    if shown != Brought::Settled {
        return false;
    }
    loop {
        let size = holding().unwrap().size;
        match pull::parcel(&house, &caller, held.origin, size, a.now(), &mut a.rng()).unwrap() {
            Served::Parcel(bytes) => {
                receive::parcel(&b.house(), &a.as_partner(), held.origin, &bytes, b.now(), &mut b.rng())
                    .unwrap();
                show();
                assert!(holding().unwrap().size > size, "it comes further with each parcel");
            }
            Served::Nothing => return sound,
            _ => return false,
        }
    }
}

/// Houses A and B, nothing agreed; B fetches what A has for it.
fn fetched() -> TestHouses {
    let houses = TestHouses::of(&[A, B]);
    houses.a().carries(B, Carriage::Wait);
    houses.b().carries(A, Carriage::Fetch);
    houses
}

#[test]
fn a_giver_that_is_fetched_from_learns_of_the_channel_that_it_has_lost() {
    for something_waits in [false, true] {
        let houses = fetched();
        let (a, b) = (houses.a(), houses.b());
        let old = a.copy(DataCopy::WithoutMark);
        a.undertake(B).unwrap();
        assert!(fetch(a, b));
        let lost = log(a, B, ChannelSide::Ours).unwrap();
        a.go_back(&old);
        houses.advance(1);
        if something_waits {
            a.undertake(B).unwrap();
        }
        fetch(a, b);
        let known = log(a, B, ChannelSide::Ours).unwrap();
        assert_eq!((known.origin, known.recovering), (lost.origin, true), "{something_waits}");
        fetch(a, b);
        let told = exchange::deliver::trouble(&a.house(), b.name()).unwrap().unwrap();
        assert!(told.contains("carry receipt"), "its entries cannot be fetched back: {told}");
        // They come by files, or over a line that A calls.
        for file in b.newest_receipts(A, Some(0)).unwrap() {
            a.settle_file(&file).unwrap();
        }
        assert!(fetch(a, b));
        let back = log(a, B, ChannelSide::Ours).unwrap();
        assert!(!back.recovering && back.size() == lost.size() + u64::from(something_waits));
        assert_eq!(b.relation(A).undertakings().count(), 1 + usize::from(something_waits));
    }
}

#[test]
fn a_giver_that_does_not_know_that_it_went_back_is_told_and_its_partner_learns_nothing() {
    let houses = fetched();
    let (a, b) = (houses.a(), houses.b());
    let image = a.copy(DataCopy::WithMark);
    a.undertake(B).unwrap();
    assert!(fetch(a, b));
    a.go_back(&image);
    assert!(!fetch(a, b));
    let told = exchange::deliver::trouble(&a.house(), b.name()).unwrap().unwrap();
    assert!(told.contains("recover begin"), "{told}");
    assert!(log(a, B, ChannelSide::Ours).is_none());
}

#[test]
fn a_receiver_that_fetches_gets_the_channel_again_that_it_has_lost_and_what_is_in_it() {
    let houses = fetched();
    let (a, b) = (houses.a(), houses.b());
    let old = b.copy(DataCopy::WithoutMark);
    a.undertake(B).unwrap();
    assert!(fetch(a, b));
    let lost = log(b, A, ChannelSide::Theirs).unwrap();
    b.go_back(&old);
    assert!(fetch(a, b), "although nothing waits");
    let back = log(b, A, ChannelSide::Theirs).unwrap();
    assert_eq!((back.origin, back.size(), back.cosigned), (lost.origin, lost.size(), lost.cosigned));
    assert!(!back.recovering);
    a.undertake(B).unwrap();
    assert!(fetch(a, b));
    assert_eq!(b.relation(A).undertakings().count(), 2);
}

#[test]
fn a_stranger_is_given_no_statement_and_brings_none() {
    let houses = TestHouses::three();
    let (a, c) = (houses.a(), houses.c());
    let statement = log(a, B, ChannelSide::Ours).unwrap().statement;
    let (house, caller) = (a.house(), c.as_partner());
    let brought = pull::opened(&house, &caller, statement.as_bytes(), a.now(), &mut a.rng());
    assert_ne!(brought, Ok(true));
    let asked = pull::statement_for(&house, &caller, (Use::Exercise, Some("-")), a.now(), &mut a.rng());
    assert_eq!(asked, Ok(None));
}

#[test]
fn a_giver_takes_a_lost_channel_up_again_by_file_alone() {
    for packs_first in [false, true] {
        let houses = TestHouses::of(&[A, B]);
        houses.by_file(A, B);
        let (a, b) = (houses.a(), houses.b());
        let old = a.copy(DataCopy::WithoutMark);
        a.undertake(B).unwrap();
        houses.carry_files(A, B);
        let lost = log(a, B, ChannelSide::Ours).unwrap();
        a.go_back(&old);
        houses.advance(1);
        a.undertake(B).unwrap();
        if packs_first {
            let opened = b.open_file(&a.pack(B).unwrap()[0]).unwrap();
            assert!(
                opened.answer.name.ends_with(".opened") && opened.what.contains("--from 0"),
                "{opened:?}"
            );
            a.settle_file(&opened.answer).unwrap();
            assert_eq!(code(a.pack(B)), "recovering");
        }
        for file in b.newest_receipts(A, Some(0)).unwrap() {
            a.settle_file(&file).unwrap();
        }
        assert_eq!(log(a, B, ChannelSide::Ours).unwrap().size(), lost.size());
        houses.carry_files(A, B);
        assert_eq!(log(a, B, ChannelSide::Ours).unwrap().origin, lost.origin);
        assert_eq!(b.relation(A).undertakings().count(), 2);
    }
}

#[test]
fn a_receiver_gets_a_lost_channel_again_by_file_alone() {
    let houses = TestHouses::of(&[A, B]);
    houses.by_file(A, B);
    let (a, b) = (houses.a(), houses.b());
    let old = b.copy(DataCopy::WithoutMark);
    a.undertake(B).unwrap();
    houses.carry_files(A, B);
    let lost = log(b, A, ChannelSide::Theirs).unwrap();
    b.go_back(&old);
    a.undertake(B).unwrap();
    let refused = b.open_file(&a.pack(B).unwrap()[0]).unwrap_err();
    assert!(refused.hint.as_ref().is_some_and(|hint| hint.contains("--from 0")), "{refused:?}");
    let pack_from = |by| exchange::carriage::pack_from(&a.house(), &a.caller(by), &party(B), 0);
    assert_eq!(code(pack_from("oversight1")), "not_authorised");
    pack_from("desk1").unwrap();
    let files = a.pack(B).unwrap();
    assert!(files[0].name.ends_with(".channel"), "{}", files[0].name);
    for file in &files {
        a.settle_file(&b.open_file(file).unwrap().answer).unwrap();
    }
    houses.carry_files(A, B);
    let back = log(b, A, ChannelSide::Theirs).unwrap();
    assert_eq!((back.origin, back.recovering), (lost.origin, false));
    assert_eq!(b.relation(A).undertakings().count(), 2);
    assert!(a.pack(B).unwrap().is_empty(), "what was asked for once is not packed for ever");
}

fn succeed(house: &TestHouse, to: &str, ending: Ending) -> succession::Begun {
    let (us, by, now) = (house.house(), house.caller("liaison1"), house.now());
    succession::succeed(&us, &by, (&party(to), Use::Actual), "a test", ending, now, &mut house.rng()).unwrap()
}

#[test]
fn a_successor_of_a_log_that_its_receiver_has_lost_brings_that_log_with_it() {
    let houses = TestHouses::of(&[A, B]);
    let (a, b) = (houses.a(), houses.b());
    a.undertake(B).unwrap();
    houses.settle_all();
    let old = b.copy(DataCopy::WithoutMark);
    for _ in 0..2 {
        succeed(a, B, Ending::InOrder);
        houses.settle_all();
        a.undertake(B).unwrap();
        houses.settle_all();
    }
    succeed(a, B, Ending::AtOnce);
    b.go_back(&old);
    for _ in 0..12 {
        let _ = houses.carry(A, B);
        let _ = houses.carry(B, A);
    }
    houses.settle_all();
    a.undertake(B).unwrap();
    houses.settle_all();
    assert_eq!(b.relation(A).undertakings().count(), 4);
    assert_eq!(a.ledger(B).counts, b.ledger(A).counts);
    let (ours, theirs) = (log(a, B, ChannelSide::Ours).unwrap(), log(b, A, ChannelSide::Theirs).unwrap());
    assert_eq!((ours.origin, ours.follows), (theirs.origin, theirs.follows));
}

#[test]
fn a_giver_that_lost_its_data_and_its_identity_goes_on_from_nothing_when_both_officers_say_so() {
    let houses = TestHouses::of(&[A, B]);
    let (a, b) = (houses.a(), houses.b());
    let nothing = a.copy(DataCopy::WithMark);
    a.undertake(B).unwrap();
    houses.settle_all();
    a.go_back(&nothing);
    for key in ["identity", "log", "cosigner"] {
        a.lose(key);
    }
    b.renews(a);
    houses.confirms(B, A);
    houses.advance(1);
    a.undertake(B).unwrap();
    let told = houses.carry(A, B).unwrap_err();
    assert!(told.0.contains("channel succeed"), "{told:?}");
    succeed(a, B, Ending::AtOnce);
    let told = houses.carry(A, B).unwrap_err();
    assert!(told.0.contains("officer"), "{told:?}");
    let waits = exchange::view::channels::list(&b.house(), &b.caller("liaison1")).unwrap().waiting;
    assert_eq!(waits[0].left_behind.len(), 2, "everything of the old log is shown: {waits:?}");
    succession::accept(&b.house(), &b.caller("liaison1"), &party(A), Use::Actual, b.now()).unwrap();
    houses.settle_all();
    assert_eq!(b.relation(A).undertakings().count(), 1, "the new one; the old one counts on neither side");
    b.undertake(A).unwrap();
    houses.settle_all();
    assert_eq!(a.relation(B).undertakings().count(), 2);
    assert_eq!(a.ledger(B).counts, b.ledger(A).counts);
}

/// B's officer takes the successor that waits for one.
fn accepts(b: &TestHouse) {
    let waits = exchange::view::channels::list(&b.house(), &b.caller("liaison1")).unwrap().waiting;
    assert_eq!(waits.len(), 1, "{waits:?}");
    succession::accept(&b.house(), &b.caller("liaison1"), &party(A), Use::Actual, b.now()).unwrap();
}

#[test]
fn a_receiver_that_fetches_gets_the_successor_of_a_log_that_it_froze() {
    let houses = fetched();
    let (a, b) = (houses.a(), houses.b());
    a.undertake(B).unwrap();
    assert!(fetch(a, b));
    a.undertake(B).unwrap();
    let held = pull::holding(&b.house(), a.name(), Use::Actual).unwrap().unwrap();
    let (origin, from) = (held.origin, held.size);
    let parcel = pull::parcel(&a.house(), &b.as_partner(), origin, from, a.now(), &mut a.rng());
    let Ok(Served::Parcel(bytes)) = parcel else { panic!("{parcel:?}") };
    // Its receipt is never brought.
    receive::parcel(&b.house(), &a.as_partner(), origin, &bytes, b.now(), &mut b.rng()).unwrap();
    b.sql("node.db", "UPDATE channels SET state = 'frozen', reason = 'two roots' WHERE side = 'theirs'");
    assert!(fetch(a, b));
    assert!(log(b, A, ChannelSide::Theirs).unwrap().size() > from, "nothing is lost by asking");
    assert!(succeed(a, B, Ending::InOrder).in_order);
    assert!(fetch(a, b) && log(a, B, ChannelSide::Ours).unwrap().origin == origin, "nobody receipts its end");
    succeed(a, B, Ending::AtOnce);
    assert!(!fetch(a, b), "it leaves an entry behind");
    accepts(b);
    assert!(fetch(a, b));
    let (ours, theirs) = (log(a, B, ChannelSide::Ours).unwrap(), log(b, A, ChannelSide::Theirs).unwrap());
    assert_eq!((ours.origin, theirs.follows), (theirs.origin, Some(origin)));
    assert_eq!(b.relation(A).undertakings().count(), 2);
    assert_eq!(a.ledger(B).counts, b.ledger(A).counts);
}

#[test]
fn a_receiver_that_lost_its_data_and_a_key_is_offered_what_it_can_sign() {
    for key in ["identity", "cosigner"] {
        let houses = fetched();
        let (a, b) = (houses.a(), houses.b());
        let nothing = b.copy(DataCopy::WithMark);
        a.undertake(B).unwrap();
        assert!(fetch(a, b));
        let old = log(a, B, ChannelSide::Ours).unwrap().origin;
        b.go_back(&nothing);
        b.lose(key);
        a.renews(b);
        if key == "identity" {
            houses.confirms(A, B);
        } else {
            // The log could go on, had its receiver not lost it: an officer of its giver decides.
            assert!(fetch(a, b) && log(b, A, ChannelSide::Theirs).is_none());
            let told = exchange::deliver::trouble(&a.house(), b.name()).unwrap().unwrap();
            assert!(told.contains("channel succeed") && !told.contains("refused"), "{told}");
            succeed(a, B, Ending::AtOnce);
        }
        assert!(!fetch(a, b), "{key}: it waits for an officer");
        accepts(b);
        a.undertake(B).unwrap();
        assert!(fetch(a, b), "{key}");
        let (ours, theirs) = (log(a, B, ChannelSide::Ours).unwrap(), log(b, A, ChannelSide::Theirs).unwrap());
        assert_eq!((ours.origin, ours.follows), (theirs.origin, Some(old)), "{key}");
        assert_eq!(b.relation(A).undertakings().count(), 1, "{key}: what came after the loss");
    }
}

#[test]
fn a_giver_with_another_identity_gives_no_log_again_that_it_cannot_sign() {
    let houses = fetched();
    let (a, b) = (houses.a(), houses.b());
    let nothing = b.copy(DataCopy::WithMark);
    a.undertake(B).unwrap();
    assert!(fetch(a, b));
    b.go_back(&nothing);
    a.lose("identity");
    b.renews(a);
    houses.confirms(B, A);
    assert!(!fetch(a, b), "its successor waits for an officer");
    accepts(b);
    a.undertake(B).unwrap();
    assert!(fetch(a, b));
    assert_eq!(b.relation(A).undertakings().count(), 1);
}

#[test]
fn a_file_about_a_channel_that_another_has_replaced_is_not_said_to_bring_it_back() {
    let houses = TestHouses::of(&[A, B]);
    houses.by_file(A, B);
    let (a, b) = (houses.a(), houses.b());
    let (old_a, old_b) = (a.copy(DataCopy::WithoutMark), b.copy(DataCopy::WithMark));
    a.undertake(B).unwrap();
    houses.carry_files(A, B);
    let late = b.newest_receipts(A, Some(0)).unwrap().remove(0);
    assert!(late.name.ends_with(".opened"), "{}", late.name);
    a.go_back(&old_a);
    b.go_back(&old_b);
    houses.advance(1);
    a.undertake(B).unwrap();
    a.settle_file(&b.open_file(&a.pack(B).unwrap()[0]).unwrap().answer).unwrap();
    let now = log(a, B, ChannelSide::Ours).unwrap();
    assert_eq!(code(a.settle_file(&late)), "other_channel");
    assert_eq!(log(a, B, ChannelSide::Ours).unwrap().origin, now.origin);
    houses.leave_broken();
}

/// A statement between A and B that B signed on both sides, with keys that it made up; and the words of A's made-up key.
fn made_up(a: &TestHouse) -> (String, String) {
    let key = |name: &str, seed| SigningKey::from_seed(name, KeyKind::Ed25519, [seed; 32]).unwrap();
    let (giver, receiver) = (key(A, 1), key(B, 2));
    let (like, _) = ByHand::would_propose(a, B, Use::Actual);
    let names = (giver.verifier().clone(), receiver.verifier().clone());
    let origin = origin_of(Use::Actual, &names.0, &names.1, &like.nonce);
    let log = SigningKey::from_seed(&origin.to_string(), KeyKind::Ed25519, [3; 32]).unwrap();
    let said = ChannelProposal {
        giver: names.0,
        receiver: names.1,
        log: log.verifier().clone(),
        cosigner: SigningKey::from_seed(&format!("{B}/cosigner"), like.cosigner.kind(), [4; 32])
            .unwrap()
            .verifier()
            .clone(),
        ..like
    };
    let words = exchange::partner::fingerprint_words(giver.verifier()).unwrap();
    let signed = said.sign_as_giver(&giver).unwrap().countersign(&receiver).unwrap();
    (signed.to_string(), words)
}

#[test]
fn a_channel_of_made_up_keys_reaches_nobody_where_there_is_one_and_is_told_with_the_words_to_compare() {
    let houses = TestHouses::of(&[A, B]);
    let (a, b) = (houses.a(), houses.b());
    let (statement, words) = made_up(a);
    let brings =
        || pull::opened(&a.house(), &b.as_partner(), statement.as_bytes(), a.now(), &mut a.rng()).unwrap();
    let told = || exchange::deliver::trouble(&a.house(), b.name()).unwrap();
    assert!(!brings());
    let hint = told().unwrap();
    assert!(hint.contains(&words) && hint.contains("compare"), "{hint}");
    a.undertake(B).unwrap();
    houses.settle_all();
    let ours = log(a, B, ChannelSide::Ours).unwrap();
    assert!(!brings());
    assert_eq!(told(), None);
    succeed(a, B, Ending::AtOnce);
    houses.settle_all();
    assert_eq!(log(a, B, ChannelSide::Ours).unwrap().follows, Some(ours.origin), "not one that was made up");
}

#[test]
fn a_channel_that_only_one_has_signed_has_no_statement_in_force() {
    let houses = TestHouses::of(&[A, B]);
    let (a, b) = (houses.a(), houses.b());
    a.undertake(B).unwrap();
    assert!(pull::proposal_for(&a.house(), &b.as_partner(), Use::Actual, a.now(), &mut a.rng()).is_ok());
    let row = log(a, B, ChannelSide::Ours).unwrap();
    assert_eq!(row.state, ChannelState::Proposed);
    let in_force = a.store().view(|view| statement::in_force(view, &row, 0));
    assert!(in_force.is_err());
    houses.settle_all();
    let row = log(a, B, ChannelSide::Ours).unwrap();
    assert!(a.store().view(|view| statement::in_force(view, &row, 0)).is_ok());
}
