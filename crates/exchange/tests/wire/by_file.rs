//! By file, over an air gap (docs/log-format.md, Delivery and Going backwards): the same acts, in any order and any number
//! of times; what was lost is made good by the next packing.

use exchange::carriage::{CarriedFile, End, SEALED_BYTES_MAX};
use exchange::recover;
use exchange::refusal::Refusal;
use model::state::DomainState;
use model::vocab::{Carriage, Domain};
use proptest::prelude::*;
use store::{ChannelRow, ChannelSide};
use testkit::{A, B, C, DataCopy, TestHouse, TestHouses, code, party, repeatable, warning};
use tlog::channel::Use;

/// A log as one side has it.
fn log(house: &TestHouse, with: &str, side: ChannelSide) -> Option<ChannelRow> {
    house.store().view(|view| view.channel_with(&party(with), side, Use::Actual)).unwrap()
}

/// Both logs between A and B stand alike on both sides, and everything in them is receipted.
fn assert_alike(houses: &TestHouses) {
    for (giver, receiver) in [(A, B), (B, A)] {
        let Some(ours) = log(houses.at(giver), receiver, ChannelSide::Ours) else { continue };
        let theirs = log(houses.at(receiver), giver, ChannelSide::Theirs).unwrap();
        assert_eq!((ours.size(), ours.range.root()), (theirs.size(), theirs.range.root()), "{giver}");
        assert_eq!((ours.cosigned, theirs.cosigned), (ours.size(), theirs.size()), "{giver}");
    }
}

/// Houses A and B, agreed and carried by file from now on.
fn apart() -> TestHouses {
    let houses = TestHouses::two();
    houses.by_file(A, B);
    houses
}

fn names(files: &[CarriedFile]) -> Vec<&str> {
    files.iter().map(|f| f.name.as_str()).collect()
}

#[test]
fn a_channel_is_opened_and_a_promise_arrives_with_its_receipt_by_file_alone() {
    let houses = TestHouses::of(&[A, B]);
    houses.by_file(A, B);
    let (a, b) = (houses.a(), houses.b());
    a.undertake(B).unwrap();
    let statement = a.pack(B).unwrap();
    assert_eq!(statement.len(), 1, "{:?}", names(&statement));
    assert!(statement[0].name.ends_with(".channel") && statement[0].name.len() == 16);
    let opened = b.open_file(&statement[0]).unwrap();
    assert!(opened.answer.name.ends_with(".opened"));
    a.settle_file(&opened.answer).unwrap();
    let parcels = a.pack(B).unwrap();
    assert_eq!(parcels.len(), 1);
    assert!(parcels[0].name.ends_with("-0-2.parcel"), "{:?}", names(&parcels));
    let opened = b.open_file(&parcels[0]).unwrap();
    assert_eq!((opened.end, opened.from.as_str()), (End::Held, A));
    assert!(opened.answer.name.ends_with("-2.receipt"), "{}", opened.answer.name);
    a.settle_file(&opened.answer).unwrap();
    assert_eq!(code(a.pack(B).map(|files| assert!(files.is_empty()))), "done");
    assert_alike(&houses);
    assert!(houses.observed(A, B).is_empty(), "nothing went over a line");
}

#[test]
fn what_waits_is_packed_also_while_earlier_receipts_are_still_on_their_way() {
    let houses = apart();
    let (a, b) = (houses.a(), houses.b());
    a.warn(&warning(), &[B]);
    let monday = a.pack(B).unwrap();
    a.undertake(B).unwrap();
    let tuesday = a.pack(B).unwrap();
    assert_eq!(tuesday.len(), 2);
    assert_eq!(tuesday[0].name, monday[0].name, "what was lost is made good");
    assert!(a.waiting().is_empty());
    let early = b.open_file(&tuesday[1]).unwrap();
    assert_eq!(early.end, End::DoesNotFit);
    assert!(early.what.contains("missing") && early.answer.name.ends_with(".held"), "{early:?}");
    a.settle_file(&early.answer).unwrap();
    assert_eq!(names(&a.pack(B).unwrap()), names(&tuesday));
    for file in &tuesday {
        a.settle_file(&b.open_file(file).unwrap().answer).unwrap();
    }
    assert_eq!(b.inbox().len(), 1);
    assert_alike(&houses);
}

#[test]
fn the_same_file_again_changes_nothing_whichever_way() {
    let houses = apart();
    let (a, b) = (houses.a(), houses.b());
    a.undertake(B).unwrap();
    let first = a.pack(B).unwrap();
    a.undertake(B).unwrap();
    let both = a.pack(B).unwrap();
    let receipts: Vec<CarriedFile> = both.iter().map(|f| b.open_file(f).unwrap().answer).collect();
    let again = b.open_file(&first[0]).unwrap();
    assert_eq!((again.end, &again.answer.name), (End::Held, &receipts[0].name));
    a.settle_file(&receipts[1]).unwrap();
    a.settle_file(&receipts[0]).unwrap();
    for receipt in [&again.answer, &receipts[0], &receipts[1]] {
        let what = a.settle_file(receipt).unwrap().what;
        assert!(what.contains("settled before"), "{what}");
    }
    assert!(a.pack(B).unwrap().is_empty());
    assert_alike(&houses);
}

#[test]
fn what_may_not_go_any_more_is_stopped_by_the_packing() {
    type Stop = fn(&TestHouses, &testkit::Sent);
    let stops: [(&str, Stop); 2] = [
        ("recalled", |houses, sent| drop(houses.a().recall(sent.warning))),
        ("suspended", |houses, _| {
            houses.a().take_stance(B, Domain::CounterTerrorism, DomainState::Suspended).unwrap();
        }),
    ];
    for (why, stop) in stops {
        let houses = apart();
        houses.plant("improvised explosive", &[A]);
        let sent = houses.a().warn(&warning(), &[B]);
        stop(&houses, &sent);
        houses.carry_files(A, B);
        assert!(houses.b().inbox().is_empty(), "{why}");
        let copies = houses.a().copies(sent.warning);
        assert!(copies.iter().all(|(_, at)| at.starts_with("withdrawn: ")), "{why}: {copies:?}");
    }
}

#[test]
fn a_recall_follows_what_was_packed_before_it() {
    let houses = apart();
    let (a, b) = (houses.a(), houses.b());
    let sent = a.warn(&warning(), &[B]);
    let packed = a.pack(B).unwrap();
    a.recall(sent.warning);
    let recall = a.pack(B).unwrap();
    assert_eq!(recall.len(), 2, "what was packed counts as sent, and its recall goes after it");
    for file in packed.iter().chain(&recall) {
        a.settle_file(&b.open_file(file).unwrap().answer).unwrap();
    }
    houses.carry_files(A, B);
    assert_alike(&houses);
}

#[test]
fn a_file_that_cannot_be_taken_is_answered_clearly_and_changes_nothing() {
    let houses = TestHouses::three();
    houses.by_file(A, B);
    houses.by_file(A, C);
    let (a, b, c) = (houses.a(), houses.b(), houses.c());
    a.undertake(B).unwrap();
    a.undertake(C).unwrap();
    let (for_b, for_c) = (a.pack(B).unwrap().remove(0), a.pack(C).unwrap().remove(0));
    let before = log(b, A, ChannelSide::Theirs).unwrap().size();
    assert_eq!(code(b.open_file(&for_c)), "not_for_us");
    assert_eq!(code(b.settle_file(&for_b)), "no_answer");
    let whole = &for_b.sealed;
    for cut in [0, 1, 100, whole.len() / 2, whole.len() - 1] {
        assert_eq!(code(b.open_bytes(&whole[..cut])), "bad_file", "{cut}");
    }
    for at in [0, 30, whole.len() / 2, whole.len() - 1] {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        let refused = code(b.open_bytes(&changed));
        assert!(["bad_file", "not_for_us"].contains(&refused), "{at}: {refused}");
    }
    assert_eq!(code(b.open_bytes(&vec![7; SEALED_BYTES_MAX + 1])), "too_large");
    assert_eq!(log(b, A, ChannelSide::Theirs).unwrap().size(), before);

    let answer = b.open_file(&for_b).unwrap().answer;
    assert_eq!(code(a.open_file(&answer)), "an_answer");
    assert_eq!(code(c.settle_file(&answer)), "not_for_us");
    a.settle_file(&answer).unwrap();
    a.settle_file(&c.open_file(&for_c).unwrap().answer).unwrap();
}

#[test]
fn a_receipt_of_another_log_or_without_its_lines_does_not_count() {
    let houses = apart();
    let (a, b) = (houses.a(), houses.b());
    a.undertake(B).unwrap();
    b.undertake(A).unwrap();
    let file = a.pack(B).unwrap().remove(0);
    let answer = b.open_file(&file).unwrap().answer;
    // Sealed for B instead: its own receipt, which is about A's log.
    let head = log(b, A, ChannelSide::Theirs).unwrap();
    let note = b.store().view(|view| view.head(&head, head.size())).unwrap().unwrap().note.unwrap();
    assert_eq!(code(b.settle_bytes(&sealed_for(b, &note))), "not_ours");
    let unsigned: String = note.lines().take(5).map(|line| format!("{line}\n")).collect();
    assert_eq!(code(a.settle_bytes(&sealed_for(a, &unsigned))), "bad_receipt");
    let forged = note.replace(note.lines().nth(2).unwrap(), "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    assert_eq!(code(a.settle_bytes(&sealed_for(a, &forged))), "bad_receipt");
    let ours = log(a, B, ChannelSide::Ours).unwrap();
    assert!(ours.cosigned < ours.size(), "none of them counted");
    a.settle_file(&answer).unwrap();
    houses.carry_files(A, B);
    assert_alike(&houses);
}

/// A text sealed to the key on a house's card, as anybody can do.
fn sealed_for(house: &TestHouse, text: &str) -> Vec<u8> {
    let key: age::x25519::Recipient = house.house().settings.encryption.parse().unwrap();
    age::encrypt(&key, text.as_bytes()).unwrap()
}

#[test]
fn files_flow_only_between_confirmed_partners_and_are_packed_only_where_no_line_is_used() {
    let houses = apart();
    let (a, b) = (houses.a(), houses.b());
    a.undertake(B).unwrap();
    a.carries(B, Carriage::Push);
    assert_eq!(code(a.pack(B)), "not_by_file");
    a.carries(B, Carriage::File);
    let file = a.pack(B).unwrap().remove(0);
    b.sql("node.db", "UPDATE partners SET state = 'unconfirmed'");
    assert_eq!(code(b.open_file(&file)), "unconfirmed");
    assert_eq!(code(b.newest_receipts(A, None)), "unconfirmed");
    b.sql("node.db", "UPDATE partners SET state = 'confirmed'");
    a.settle_file(&b.open_file(&file).unwrap().answer).unwrap();
    let acts = a.acts_since(0);
    for act in ["partner.carriage", "carry.pack", "carry.settle"] {
        assert!(acts.iter().any(|a| a == act), "{act}");
    }
    assert!(b.acts_since(0).iter().any(|a| a == "carry.open"));
}

#[test]
fn only_who_may_add_a_partner_changes_its_carriage_and_oversight_carries_nothing() {
    let houses = TestHouses::two();
    let a = houses.a();
    let set =
        |by: &str| exchange::carriage::set(&a.house(), &a.caller(by), &party(B), Carriage::File, a.now());
    assert_eq!(code(set("desk1")), "not_authorised");
    assert_eq!(code(set("oversight1")), "not_authorised");
    assert_eq!(code(set("operator1")), "done");
    let pack = |by: &str| {
        exchange::carriage::pack(&a.house(), &a.caller(by), &party(B), None, a.now(), &mut a.rng())
    };
    assert_eq!(code(pack("oversight1")), "not_authorised");
    assert_eq!(code(pack("desk1")), "done");
}

#[test]
fn a_clean_restart_goes_on_without_asking_anybody() {
    let houses = apart();
    let (a, b) = (houses.a(), houses.b());
    a.undertake(B).unwrap();
    a.restart();
    let file = a.pack(B).unwrap().remove(0);
    a.restart();
    b.restart();
    let answer = b.open_file(&file).unwrap().answer;
    a.restart();
    a.settle_file(&answer).unwrap();
    assert_alike(&houses);
}

/// The operator says that a house goes on from a copy of its data.
fn goes_on_from_a_copy(house: &TestHouse) {
    recover::begin(&house.house(), &house.caller("operator1"), "the disk was put back", house.now()).unwrap();
}

/// The operator takes a partner's word for what was signed.
fn takes_the_word(house: &TestHouse, of: &str) {
    recover::trust(&house.house(), &house.caller("operator1"), &party(of), house.now()).unwrap();
}

#[test]
fn after_a_restore_nothing_is_packed_before_the_newest_receipt_was_settled() {
    let houses = apart();
    let (a, b) = (houses.a(), houses.b());
    a.undertake(B).unwrap();
    let first = b.open_file(&a.pack(B).unwrap()[0]).unwrap().answer;
    a.settle_file(&first).unwrap();
    a.undertake(B).unwrap();
    b.open_file(&a.pack(B).unwrap()[0]).unwrap();
    a.undertake(B).unwrap();
    goes_on_from_a_copy(a);
    let refused = a.pack(B).unwrap_err();
    assert_eq!(refused.code, "recovering");
    assert!(refused.hint.unwrap().contains("carry receipt"));
    let newest = b.newest_receipts(A, None).unwrap().remove(0);
    let what = a.settle_file(&newest).unwrap().what;
    assert!(what.contains("recover trust"), "no mark of our own says that it is the newest: {what}");
    assert_eq!(code(a.pack(B)), "recovering");
    takes_the_word(a, B);
    let older = a.settle_file(&first).unwrap().what;
    assert!(older.contains("older receipt"), "{older}");
    assert_eq!(code(a.pack(B)), "recovering");
    let what = a.settle_file(&newest).unwrap().what;
    assert!(what.contains("goes on from here"), "{what}");
    houses.carry_files(A, B);
    assert_alike(&houses);
}

#[test]
fn a_giver_on_an_old_copy_takes_back_by_file_what_it_has_lost() {
    let houses = apart();
    let (a, b) = (houses.a(), houses.b());
    a.undertake(B).unwrap();
    let old = a.copy(DataCopy::WithMark);
    let file = a.pack(B).unwrap().remove(0);
    let receipt = b.open_file(&file).unwrap().answer;
    a.go_back(&old);
    assert_eq!(code(a.settle_file(&receipt)), "behind");
    assert_eq!(code(a.pack(B)), "behind", "nothing is signed over what was lost");
    goes_on_from_a_copy(a);
    assert_eq!(code(a.settle_file(&receipt)), "behind");
    let have = log(a, B, ChannelSide::Ours).unwrap().size();
    let given_back = b.newest_receipts(A, Some(have)).unwrap();
    assert!(given_back[0].name.ends_with(".parcel") && given_back[1].name.ends_with(".receipt"));
    assert_eq!(code(b.open_file(&given_back[0])), "not_for_us");
    takes_the_word(a, B);
    a.settle_file(&given_back[0]).unwrap();
    let what = a.settle_file(&given_back[1]).unwrap().what;
    assert!(what.contains("goes on from here"), "{what}");
    let again = a.settle_file(&given_back[0]).unwrap().what;
    assert!(again.contains("not needed"), "{again}");
    a.undertake(B).unwrap();
    houses.carry_files(A, B);
    assert_alike(&houses);
    assert_eq!(b.relation(A).undertakings().count(), 2, "what came back was sent, and is not sent twice");
}

#[test]
fn a_receiver_on_an_old_copy_is_packed_again_what_it_has_lost() {
    let houses = apart();
    let (a, b) = (houses.a(), houses.b());
    a.undertake(B).unwrap();
    let old = b.copy(DataCopy::WithMark);
    houses.carry_files(A, B);
    b.go_back(&old);
    a.undertake(B).unwrap();
    let early = b.open_file(&a.pack(B).unwrap()[0]).unwrap();
    assert_eq!(early.end, End::DoesNotFit);
    a.settle_file(&early.answer).unwrap();
    let again = a.pack(B).unwrap();
    assert_eq!(again.len(), 2, "what was lost, and what is new: {:?}", names(&again));
    let lost = b.open_file(&again[0]).unwrap();
    assert!([End::Stored, End::Held].contains(&lost.end), "{lost:?}");
    a.settle_file(&lost.answer).unwrap();
    if lost.end == End::Stored {
        takes_the_word(b, A);
    }
    houses.carry_files(A, B);
    assert_alike(&houses);
    assert_eq!(b.relation(A).undertakings().count(), 2);
}

#[test]
fn a_channel_that_was_proposed_twice_by_file_is_one() {
    let houses = TestHouses::of(&[A, B]);
    houses.by_file(A, B);
    let (a, b) = (houses.a(), houses.b());
    a.undertake(B).unwrap();
    let (one, other) = (a.pack(B).unwrap().remove(0), a.pack(B).unwrap().remove(0));
    assert_eq!(one.name, other.name);
    let answers = [b.open_file(&one).unwrap().answer, b.open_file(&other).unwrap().answer];
    for answer in &answers {
        a.settle_file(answer).unwrap();
    }
    assert_eq!(code(b.settle_file(&one)), "no_answer");
    houses.carry_files(A, B);
    assert_alike(&houses);
}

/// Something that happens to houses that carry by file.
#[derive(Debug, Clone)]
enum Step {
    /// A house promises something.
    Promise(bool),
    /// A house packs; the files go into the heap.
    Pack(bool),
    /// A file of the heap arrives; it stays in the heap, so it may arrive again.
    Arrive(usize),
    /// A file of the heap is lost.
    Lose(usize),
    /// A house is restarted.
    Restart(bool),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => any::<bool>().prop_map(Step::Promise),
        3 => any::<bool>().prop_map(Step::Pack),
        6 => any::<usize>().prop_map(Step::Arrive),
        1 => any::<usize>().prop_map(Step::Lose),
        1 => any::<bool>().prop_map(Step::Restart),
    ]
}

/// A file on its way, and whether it is an answer.
type OnItsWay = (&'static str, CarriedFile, bool);

fn arrive(houses: &TestHouses, (to, file, is_answer): &OnItsWay) -> Result<Option<OnItsWay>, Refusal> {
    let other = if *to == A { B } else { A };
    match is_answer {
        true => houses.at(to).settle_file(file).map(|_| None),
        false => match houses.at(to).open_file(file) {
            Ok(opened) => Ok(Some((other, opened.answer, true))),
            // Its channel has not been opened here yet.
            Err(refusal) if refusal.code == "stranger" => Ok(None),
            Err(refusal) => Err(refusal),
        },
    }
}

proptest! {
    #![proptest_config(repeatable(24))]

    #[test]
    fn any_order_repetition_and_loss_of_files_leads_to_the_same_logs_on_both_sides(
        steps in proptest::collection::vec(step(), 1..50),
    ) {
        let houses = TestHouses::of(&[A, B]);
        houses.by_file(A, B);
        let at = |first: bool| if first { (A, B) } else { (B, A) };
        let (mut heap, mut promised): (Vec<OnItsWay>, usize) = (Vec::new(), 0);
        for step in steps {
            match step {
                Step::Promise(first) => {
                    houses.at(at(first).0).undertake(at(first).1).unwrap();
                    promised += 1;
                }
                Step::Pack(first) => {
                    let (from, to) = at(first);
                    heap.extend(houses.at(from).pack(to).unwrap().into_iter().map(|file| (to, file, false)));
                }
                Step::Arrive(nth) if !heap.is_empty() => {
                    let answer = arrive(&houses, &heap[nth % heap.len()]).unwrap();
                    heap.extend(answer);
                }
                Step::Lose(nth) if !heap.is_empty() => drop(heap.swap_remove(nth % heap.len())),
                Step::Restart(first) => houses.at(at(first).0).restart(),
                Step::Arrive(_) | Step::Lose(_) => {}
            }
        }
        houses.carry_files(A, B);
        assert_alike(&houses);
        let entries: u64 = [(A, B), (B, A)]
            .iter()
            .filter_map(|(giver, with)| log(houses.at(giver), with, ChannelSide::Ours))
            .map(|log| log.size() - 1)
            .sum();
        prop_assert_eq!(entries, promised as u64, "nothing lost, nothing doubled");
    }
}
