//! The receipt of one entry as a folder: what both sides can show to anybody, and when there is nothing to show.

use exchange::receipt::{self, ExportedReceipt};
use exchange::refusal::Refusal;
use exchange::rotation::rotate_log;
use exchange::view::receipt as standing;
use model::vocab::PersonsRule;
use store::{ChannelRow, ChannelSide};
use testkit::tamper::{Change, Files, What, each_change};
use testkit::{A, B, TestHouse, TestHouses, Weather, code, for_parcels, party, persons, terms, warning};
use tlog::channel::Use;
use tlog::receipt::{FilesError, ReceiptError, Standing, Trusted, verify_export};

const WHY: Option<&str> = Some("asked for by the oversight body");

#[test]
fn both_sides_export_the_same_receipt_and_a_third_person_verifies_it() {
    let houses = TestHouses::two();
    houses.a().warn(&warning(), &[B]);
    houses.settle_all();
    let entry = released(houses.a());
    let by_giver = export(houses.a(), &entry).unwrap();
    let by_receiver = export(houses.b(), &entry).unwrap();
    assert_eq!(by_giver, by_receiver);
    assert_eq!((by_giver.giver.as_str(), by_giver.receiver.as_str()), (A, B));
    let verified = verify_export(&by_giver.files, Some(trusted(&houses))).unwrap();
    assert_eq!(verified.standing, Standing::Verified);
    assert_eq!(verified.entry.header.kind.as_str(), "warning.released");
    assert_eq!(verified.entry.body, houses.b().body(&entry).unwrap());
    assert!(verified.seen.is_some(), "the warning was written after B had accepted the agreement");
    assert_eq!(verify_export(&by_giver.files, None).unwrap().standing, Standing::Intact);
}

#[test]
fn the_earliest_checkpoint_that_covers_the_entry_is_taken() {
    let houses = TestHouses::two();
    houses.a().warn(&warning(), &[B]);
    houses.settle_all();
    let entry = released(houses.a());
    let before = export(houses.a(), &entry).unwrap();
    houses.advance(60);
    houses.a().warn(&warning(), &[B]);
    houses.settle_all();
    assert_eq!(export(houses.a(), &entry).unwrap(), before, "what came later is not told");
    let first = format!("{}/0", entry.split('/').next().unwrap());
    let verified = verify_export(&export(houses.b(), &first).unwrap().files, None).unwrap();
    assert!(verified.seen.is_none() && verified.entry.header.seen.is_none());
}

#[test]
fn every_change_to_any_file_is_refused_with_and_without_trusted_keys() {
    assert!(changes_refused(|file| !file.starts_with("seen.")) > 10_000);
}

#[test]
fn every_change_to_the_opposite_head_is_refused_with_and_without_trusted_keys() {
    assert!(changes_refused(|file| file.starts_with("seen.")) > 5_000);
}

/// How many changes to these files there are; each is refused.
fn changes_refused(of: impl Fn(&str) -> bool) -> usize {
    let houses = TestHouses::two();
    houses.b().undertake(A).unwrap();
    houses.settle_all();
    let channel = log(houses.b(), ChannelSide::Ours);
    let entry = format!("{}/{}", channel.origin.hex(), channel.size() - 1);
    let files = export(houses.a(), &entry).unwrap().files;
    assert_eq!(files.len(), 6, "with the opposite head: {:?}", files.keys());
    let Trusted { giver, receiver } = trusted(&houses);
    let trusted = Trusted { giver: receiver, receiver: giver };
    verify_export(&files, Some(trusted)).unwrap();
    let mut changes = 0;
    each_change(&files, |changed, change| {
        if !of(change.file) {
            return;
        }
        changes += 1;
        // Trusted keys only add a check, so that all is shown without them and enough with them.
        assert!(is_refused(&files, changed, change, None), "{change:?}");
        if change.is_telling() {
            assert!(is_refused(&files, changed, change, Some(trusted)), "{change:?}");
        }
    });
    changes
}

/// Whether the change is refused, and a missing or strange file as what it is.
fn is_refused(files: &Files, changed: &Files, change: Change<'_>, trusted: Option<Trusted>) -> bool {
    assert_ne!(files, changed, "{change:?}");
    match (verify_export(changed, trusted), change.what) {
        (Err(ReceiptError::Files(FilesError::Missing { .. })), What::Missing) => true,
        (Err(ReceiptError::Files(FilesError::Foreign { .. })), What::Beside) => true,
        (Err(_), What::Missing | What::Beside) => false,
        (refused, _) => refused.is_err(),
    }
}

#[test]
fn without_its_opposite_head_the_receipt_is_still_whole() {
    let houses = TestHouses::two();
    houses.a().warn(&warning(), &[B]);
    houses.settle_all();
    let mut files = export(houses.a(), &released(houses.a())).unwrap().files;
    files.retain(|name, _| !name.starts_with("seen."));
    assert!(verify_export(&files, Some(trusted(&houses))).unwrap().seen.is_none());
}

#[test]
fn what_has_no_receipt_or_was_erased_or_is_not_there_is_refused_in_words() {
    let houses = TestHouses::two();
    let a = houses.a();
    a.warn(&warning(), &[B]);
    houses.leave_undelivered();
    assert!(houses.carry_in(A, B, &mut for_parcels(Weather::AnswerLost)).is_err());
    let entry = released(a);
    let refusal = export(a, &entry).unwrap_err();
    assert_eq!(refusal.code, "no_receipt");
    assert!(refusal.detail.unwrap().contains(B));
    let shown = standing::show(&a.house(), &a.caller("desk1"), &entry).unwrap();
    assert!(shown.receipt.is_none() && !shown.erased);
    assert!(export(houses.b(), &entry).is_ok(), "the receiver has cosigned, and can show it");

    houses.settle_all();
    export(a, &entry).unwrap();
    let shown = standing::show(&a.house(), &a.caller("desk1"), &entry).unwrap();
    assert_eq!((shown.giver.as_str(), shown.receiver.as_str()), (A, B));
    assert_eq!(shown.receipt.unwrap().at.unwrap(), export(houses.b(), &entry).unwrap().held_at.unwrap());

    let (channel, index) = (log(a, ChannelSide::Ours), index_of(&entry));
    a.store().act(move |act| Ok::<_, Refusal>(act.erase_entry(&channel, index)?)).unwrap();
    assert_eq!(code(export(a, &entry)), "erased");
    let shown = standing::show(&a.house(), &a.caller("desk1"), &entry).unwrap();
    assert!(shown.erased && shown.receipt.is_some(), "that it was held stays");

    for unknown in ["1a2b3c4d/7", "nothing", &format!("{}/99", channel_hex(&entry))] {
        assert_eq!(code(export(a, unknown)), "unknown_entry", "{unknown}");
    }
}

#[test]
fn whoever_may_read_an_entry_may_export_it_and_the_trail_keeps_who_did() {
    let houses = TestHouses::two_with(persons(terms(A, B), PersonsRule::Named));
    let a = houses.a();
    a.trust_with_persons(B, "2027-06-01").unwrap();
    a.warn(&warning(), &[B]);
    houses.settle_all();
    let entry = released(a);
    let line = a.trail().len();
    assert_eq!(code(by(a, "operator1", &entry, WHY)), "not_authorised");
    assert_eq!(code(by(a, "desk1", &entry, None)), "why", "it names a person");
    assert_eq!(a.trail().len(), line, "what was refused leaves no line");
    for who in ["desk1", "release1", "liaison1", "oversight1"] {
        assert_eq!(code(by(a, who, &entry, WHY)), "done", "{who}");
    }
    let since: Vec<_> = a.trail().into_iter().skip(line).collect();
    let acts: Vec<(&str, &str)> = since.iter().map(|l| (l.who.as_str(), l.act.as_str())).collect();
    let (read, exported) = ("person.read", "receipt.export");
    let both = ["desk1", "release1", "liaison1", "oversight1"].map(|who| [(who, read), (who, exported)]);
    assert_eq!(acts, both.concat());
    assert!(since.iter().all(|l| l.about == entry));
}

#[test]
fn receipts_from_before_and_after_a_change_of_keys_verify_each_with_the_statement_in_force() {
    let houses = TestHouses::two();
    let (a, b) = (houses.a(), houses.b());
    a.warn(&warning(), &[B]);
    houses.settle_all();
    let (old, opening) = (released(a), log(a, ChannelSide::Ours).size());
    let before = export(a, &old).unwrap();
    let operator = a.caller("operator1");
    rotate_log(&a.house(), &operator, &party(B), Use::Actual, a.now()).unwrap();
    houses.settle_all();
    b.rotate_cosigner();
    a.renews(b);
    a.warn(&warning(), &[B]);
    houses.settle_all();
    let (new, size) = (released(a), log(a, ChannelSide::Ours).size());
    assert_ne!(old, new);
    assert_eq!(export(a, &old).unwrap(), before, "what came later changes nothing");
    for (entry, held) in [(&old, opening), (&new, size)] {
        let folder = export(a, entry).unwrap();
        assert_eq!(folder, export(b, entry).unwrap(), "both sides export the same");
        let verified = verify_export(&folder.files, Some(trusted(&houses))).unwrap();
        assert_eq!(verified.standing, Standing::Verified);
        assert!(verified.statement.proposal().from <= held);
    }
    let keys = |entry: &str| {
        let verified = verify_export(&export(a, entry).unwrap().files, None).unwrap();
        let said = verified.statement.proposal().clone();
        (said.from, said.log.to_string(), said.cosigner.to_string())
    };
    let (first, second) = (keys(&old), keys(&new));
    assert_eq!(first.0, 0);
    assert!(second.0 > opening && first.1 != second.1 && first.2 != second.2, "{first:?} {second:?}");
}

fn export(house: &TestHouse, entry: &str) -> Result<ExportedReceipt, Refusal> {
    by(house, "desk1", entry, WHY)
}

fn by(house: &TestHouse, who: &str, entry: &str, why: Option<&str>) -> Result<ExportedReceipt, Refusal> {
    receipt::export(&house.house(), &house.caller(who), entry, why, house.now())
}

fn log(house: &TestHouse, side: ChannelSide) -> ChannelRow {
    let other = if house.name().as_str() == A { B } else { A };
    house.store().view(|view| view.channel_with(&party(other), side, Use::Actual)).unwrap().unwrap()
}

/// The whole name of the newest warning that this house gave.
fn released(house: &TestHouse) -> String {
    let channel = log(house, ChannelSide::Ours);
    let all = house.store().view(|view| view.entries(&channel, 0, channel.size())).unwrap();
    let index = all.iter().rev().find(|row| row.kind == "warning.released").unwrap().index;
    format!("{}/{index}", channel.origin.hex())
}

fn channel_hex(entry: &str) -> &str {
    entry.split('/').next().unwrap()
}

fn index_of(entry: &str) -> u64 {
    entry.split('/').nth(1).unwrap().parse().unwrap()
}

/// What the officers of both told somebody: A gives, B receives.
fn trusted(houses: &TestHouses) -> Trusted {
    let of = |house: &TestHouse| house.house().keys.identity.verifier().fingerprint();
    Trusted { giver: of(houses.a()), receiver: of(houses.b()) }
}
