//! Who is trusted, and what is agreed and promised: words compared by voice, texts that both hold with one hash.

use exchange::agreement::Answer;
use exchange::partner;
use exchange::refusal::Refusal;
use exchange::view::relation;
use model::agreement::Terms;
use model::body::EntryName;
use model::relation::Side;
use model::state::DomainState;
use model::vocab::Domain;
use store::{ChannelSide, NewEntry, SealingDraw};
use testkit::{A, B, C, Clock, TestHouse, TestHouses, code, party, terms, warning};
use tlog::card::{Address, Card};
use tlog::channel::Use;
use tlog::commitment::{Salt, commit};

#[test]
fn nothing_is_confirmed_but_by_the_words_that_the_partners_officer_read_out() {
    let clock = Clock::standing();
    let (a, b) = (TestHouse::furnished(A, 1, &clock), TestHouse::furnished(B, 1, &clock));
    let card = partner::own_card(&b.house(), b.now()).unwrap();
    let confirm =
        |words: &str| code(partner::confirm(&a.house(), &a.caller("liaison1"), &party(B), words, a.now()));
    let words = partner::fingerprint_words(b.house().keys.identity.verifier()).unwrap();
    assert_eq!(confirm(&words), "unknown_partner");
    partner::add(&a.house(), &a.caller("operator1"), &card, a.now()).unwrap();
    assert_eq!(code(a.undertake(B)), "unconfirmed", "nothing flows but cards");

    let own = partner::fingerprint_words(a.house().keys.identity.verifier()).unwrap();
    assert_eq!(confirm(&own), "own_words");
    let mut swapped: Vec<&str> = words.split(' ').collect();
    swapped.swap(0, 1);
    for wrong in ["", "zoo", &words[1..], &swapped.join(" ")] {
        assert_eq!(confirm(wrong), "words_differ", "{wrong:?}");
    }
    assert_eq!(confirm(&format!("  {} ", words.to_uppercase())), "done", "however they were typed");
    assert_eq!(confirm(&words), "already_confirmed");
}

#[test]
fn a_confirmed_card_is_never_replaced_and_no_card_shows_anothers_keys() {
    let houses = TestHouses::of(&[A, B]);
    let (a, b) = (houses.a(), houses.b());
    let own = partner::own_card(&a.house(), a.now()).unwrap();
    let add = |card: &str| code(partner::add(&a.house(), &a.caller("operator1"), card, a.now()));
    assert_eq!(add(&own), "own_card");
    let card = partner::own_card(&b.house(), b.now()).unwrap();
    assert_eq!(add(&card), "done", "the same card again changes nothing");
    houses.advance(1);
    assert_eq!(add(&partner::own_card(&b.house(), b.now()).unwrap()), "done", "nor does a later print of it");
    let keys = |house: &TestHouse| house.house().keys;
    let mut moved = Card::parse(card.as_bytes()).unwrap();
    moved.address = Address::parse("elsewhere.example:7443").unwrap();
    assert_eq!(add(&moved.sign(&keys(b).identity).unwrap()), "already_confirmed");

    let c = TestHouse::furnished(C, 1, houses.clock());
    let mut posing = Card::parse(partner::own_card(&c.house(), c.now()).unwrap().as_bytes()).unwrap();
    posing.tls = b.pin();
    assert_eq!(
        add(&posing.sign(&keys(&c).identity).unwrap()),
        "keys_not_its_own",
        "a gate knows callers by this"
    );
    posing.tls = a.pin();
    assert_eq!(add(&posing.sign(&keys(&c).identity).unwrap()), "keys_not_its_own");
    for spoilt in [card.replace("contact duty", "contact dusty"), card.replace(B, C), String::new()] {
        assert_eq!(add(&spoilt), "bad_card");
    }
    let pin = b.pin();
    let caller = partner::caller_by_pin(&a.house(), &pin).unwrap().unwrap();
    assert_eq!(caller.name.as_str(), B);
    assert!(partner::caller_by_pin(&a.house(), &[0; 32]).unwrap().is_none());
}

#[test]
fn both_sides_hold_the_same_text_under_the_same_hash_and_the_same_state() {
    let houses = TestHouses::two();
    let of = |house: &TestHouse, with: &str| {
        let lines = relation::agreements(&house.house(), &house.caller("desk1"), Some(&party(with))).unwrap();
        lines.into_iter().map(|l| (l.hash, l.proposed_by, l.state, l.terms)).collect::<Vec<_>>()
    };
    assert_eq!(of(houses.a(), B), of(houses.b(), A));
    let hash = houses.propose(B, A, &Terms { legal_basis: "another".to_owned(), ..terms(A, B) });
    assert_eq!(of(houses.a(), B), of(houses.b(), A));
    houses.a().answer_agreement(B, &hash, Answer::Refuse).unwrap();
    houses.settle_all();
    assert_eq!(of(houses.a(), B), of(houses.b(), A));
    assert_eq!(of(houses.a(), B).iter().filter(|l| l.2 == "refused").count(), 1);
}

#[test]
fn an_agreement_is_answered_once_by_the_other_side() {
    let houses = TestHouses::of(&[A, B]);
    let (a, b) = (houses.a(), houses.b());
    let hash = houses.propose(A, B, &terms(A, B));
    assert_eq!(code(a.accept(B, &hash)), "own_proposal");
    for person in ["desk1", "liaison1", "operator1", "oversight1"] {
        let (accept, caller) = (Answer::Accept, b.caller(person));
        let hash = hash.to_string();
        let tried = exchange::agreement::answer(
            &b.house(),
            &caller,
            &party(A),
            &hash,
            accept,
            None,
            b.now(),
            &mut b.rng(),
        );
        assert_eq!(code(tried), "not_authorised", "{person}");
    }
    b.accept(A, &hash).unwrap();
    houses.settle_all();
    assert_eq!(code(b.accept(A, &hash)), "already_answered");
    assert_eq!(code(b.answer_agreement(A, &hash, Answer::Refuse)), "already_answered");
    assert_eq!(a.domain(B, Domain::CounterTerrorism), Some(DomainState::Active));
}

#[test]
fn what_its_proposer_took_back_does_not_hold_whenever_it_was_accepted() {
    let houses = TestHouses::of(&[A, B]);
    let hash = houses.propose(A, B, &terms(A, B));
    houses.a().answer_agreement(B, &hash, Answer::Refuse).unwrap();
    houses.b().accept(A, &hash).unwrap();
    houses.settle_all();
    for (house, with) in [(houses.a(), B), (houses.b(), A)] {
        assert_eq!(house.domain(with, Domain::CounterTerrorism), None, "{}", house.name());
    }
}

#[test]
fn suspending_takes_one_side_and_resuming_both() {
    let houses = TestHouses::two();
    let (a, b) = (houses.a(), houses.b());
    let domain = Domain::CounterTerrorism;
    let both = || {
        houses.settle_all();
        let states = [a.domain(B, domain).unwrap(), b.domain(A, domain).unwrap()];
        assert_eq!(states[0], states[1]);
        states[0]
    };
    a.take_stance(B, domain, DomainState::Suspended).unwrap();
    assert_eq!(both(), DomainState::Suspended);
    b.take_stance(A, domain, DomainState::Suspended).unwrap();
    a.take_stance(B, domain, DomainState::Resuming).unwrap();
    assert_eq!(both(), DomainState::Suspended, "one side alone resumes nothing");
    assert_eq!(code(b.take_stance(A, domain, DomainState::Active)), "wrong_step");
    b.take_stance(A, domain, DomainState::Resuming).unwrap();
    assert_eq!(both(), DomainState::Resuming);
    a.take_stance(B, domain, DomainState::Active).unwrap();
    assert_eq!(both(), DomainState::Resuming);
    b.take_stance(A, domain, DomainState::Active).unwrap();
    assert_eq!(both(), DomainState::Active);
}

#[test]
fn a_suspension_that_crosses_an_acceptance_holds() {
    let houses = TestHouses::two();
    let (a, b) = (houses.a(), houses.b());
    let before = a.relation(B).domain(Domain::CounterTerrorism).unwrap().agreement;
    let next =
        Terms { replaces: Some(before.to_string()), legal_basis: "the next".to_owned(), ..terms(A, B) };
    let hash = houses.propose(A, B, &next);
    a.take_stance(B, Domain::CounterTerrorism, DomainState::Suspended).unwrap();
    b.accept(A, &hash).unwrap();
    houses.settle_all();
    for (house, with) in [(a, B), (b, A)] {
        assert_eq!(house.domain(with, Domain::CounterTerrorism), Some(DomainState::Suspended));
        assert_eq!(house.domain(with, Domain::Cyber), Some(DomainState::Resuming));
    }
}

#[test]
fn an_agreement_that_has_ended_releases_nothing() {
    let ending = Terms { until: Some(testkit::at(60)), ..terms(A, B) };
    let houses = TestHouses::two_with(ending);
    let a = houses.a();
    let proposed = a.proposed(a.written(&warning()), &[B]);
    a.approve("release1", &proposed).unwrap();
    houses.advance(60);
    assert_eq!(code(a.release("release2", &proposed)), "held");
}

#[test]
fn a_promise_is_cited_to_the_party_it_was_given_to_and_to_nobody_else() {
    let houses = TestHouses::three();
    let a = houses.a();
    a.undertake(B).unwrap();
    houses.settle_all();
    let promise = a.relation(B).undertakings().map(|(at, entry, _)| (at.clone(), entry.side)).next().unwrap();
    assert_eq!(promise.1, Side::Ours);
    let mut file = warning();
    file.what.remove(0);
    file.under = Some(EntryName::from(&promise.0));
    let proposed = a.proposed(a.written(&file), &[B, C]);
    let cited = promise.0.origin.hex();
    assert!(proposed.text(B).contains("\"under\":"));
    assert!(!proposed.text(C).contains("\"under\":") && !proposed.text(C).contains(&cited));
    a.approved_and_released(proposed);
    houses.settle_all();
    let kept = a.ledger(B).lines.into_iter().find(|l| l.favour == "warning").unwrap();
    assert_eq!(kept.under, Some(promise.0.to_string()));
    exchange::undertaking::accept(
        &houses.b().house(),
        &houses.b().caller("liaison1"),
        &promise.0.to_string(),
        a.now(),
        &mut houses.b().rng(),
    )
    .unwrap();
    houses.settle_all();
    assert!(a.relation(B).undertakings().all(|(_, _, accepted)| accepted));
}

#[test]
fn an_entry_of_an_act_that_was_undone_is_in_no_later_relation() {
    let houses = TestHouses::two();
    let (a, b) = (houses.a(), houses.b());
    a.undertake(B).unwrap();
    houses.settle_all();
    // An act appends the promise once more, sees it in the relation, and then fails or not; the next act appends another.
    let again = |seed: u8, fails: bool| {
        let house = a.house();
        let us = house.clone();
        let mut rng = a.rng();
        let done: Result<usize, Refusal> = house.store.act(move |act| {
            let ours = act.channel_with(&party(B), ChannelSide::Ours, Use::Actual)?;
            let mut channel = ours.ok_or_else(|| Refusal::ours("no channel"))?;
            let mut entries = act.entries(&channel, 0, channel.size())?;
            let promise = entries.pop().ok_or_else(|| Refusal::ours("no entry"))?;
            let (salt, bytes) = (Salt::from_bytes([seed; 32]), vec![seed]);
            let new = NewEntry {
                kind: promise.kind,
                thread: [seed; 16],
                answers: None,
                written: promise.written,
                facts: promise.facts,
                commitment: commit(&salt, &bytes),
                salt,
                bytes,
                seen: 0,
                draw: SealingDraw::draw(&mut rng),
            };
            act.append_entry(&mut channel, new, promise.written)?;
            let promised = us.relations.in_act(act, &party(B))?.undertakings().count();
            if fails { Err(Refusal::ours(promised)) } else { Ok(promised) }
        });
        done.map_err(|refusal| refusal.detail)
    };
    let promised = || {
        let us = a.house();
        a.store()
            .act(move |act| Ok::<_, Refusal>(us.relations.in_act(act, &party(B))?.undertakings().count()))
    };
    assert!(again(1, true).is_err());
    assert_eq!(promised().unwrap(), 1);
    assert_eq!(again(2, false), Ok(2), "another entry stands in that place");
    assert_eq!(promised().unwrap(), 2);
    assert_eq!(a.relation(B), testkit::relation_from_scratch(a, B));
    assert_eq!(b.relation(A).undertakings().count(), 1);
    houses.leave_broken();
}
