//! Opening a channel: only between the pinned identities, with our own cosigner, once.

use exchange::channel::{self, OurChannel};
use exchange::refusal::Refusal;
use model::caller::Partner;
use testkit::{A, B, ByHand, C, TestHouse, TestHouses, code, party};
use tlog::channel::{ChannelProposal, ChannelStatement, SignedProposal, Use, origin_of};

#[test]
fn the_same_statement_again_gets_the_same_answer_and_another_is_refused() {
    let houses = TestHouses::of(&[A]);
    let a = houses.a();
    ByHand::with(a, B, Use::Actual);
    let (first, _) = ByHand::would_propose(a, B, Use::Actual);
    let answer = offer(a, B, &first).unwrap();
    houses.advance(10);
    assert_eq!(offer(a, B, &first).unwrap(), answer);
    let (mut second, keys) = ByHand::would_propose(a, B, Use::Actual);
    second.nonce = [99; 32];
    let origin = origin_of(second.use_, &second.giver, &second.receiver, &second.nonce);
    second.log = keys.log_key(&origin).unwrap().verifier().clone();
    assert_eq!(code(offer(a, B, &second)), "other_channel");
    let channels = a.store().view(|view| view.channels()).unwrap();
    assert_eq!(channels.len(), 1);
}

#[test]
fn a_statement_of_other_parties_or_other_keys_is_refused() {
    let houses = TestHouses::of(&[A, B]);
    let a = houses.a();
    let by_hand = ByHand::with(a, C, Use::Actual);
    let (honest, keys) = ByHand::would_propose(a, C, Use::Exercise);
    assert_eq!(code(offer_as(a, B, &honest, C)), "bad_statement", "signed by C and brought by B");

    let b = houses.b().house();
    let mut foreign_cosigner = honest.clone();
    foreign_cosigner.cosigner = b.keys.cosigner.verifier().clone();
    assert!(
        foreign_cosigner.sign_as_giver(&keys.identity).is_err(),
        "its name is not ours, so nobody can sign it"
    );

    let mut to_another = honest.clone();
    to_another.receiver = b.keys.identity.verifier().clone();
    to_another.cosigner = b.keys.cosigner.verifier().clone();
    let origin = origin_of(to_another.use_, &to_another.giver, &to_another.receiver, &to_another.nonce);
    to_another.log = keys.log_key(&origin).unwrap().verifier().clone();
    assert_eq!(code(offer(a, C, &to_another)), "bad_statement", "meant for B");

    for bytes in [&b""[..], b"rubbish", by_hand.origin().to_string().as_bytes()] {
        let caller = Partner { name: party(C) };
        assert_eq!(code(channel::accept(&a.house(), &caller, bytes, a.now())), "bad_statement");
    }
    assert_eq!(code(offer(a, C, &honest)), "done");
}

#[test]
fn a_statement_with_witnesses_or_a_past_is_refused() {
    let houses = TestHouses::of(&[A]);
    let a = houses.a();
    ByHand::with(a, B, Use::Actual);
    let (honest, _) = ByHand::would_propose(a, B, Use::Exercise);
    let late = ChannelProposal { from: 3, ..honest.clone() };
    assert_eq!(code(offer(a, B, &late)), "bad_statement");
}

#[test]
fn nobody_opens_a_channel_before_the_words_were_compared() {
    let houses = TestHouses::of(&[A]);
    let a = houses.a();
    ByHand::with(a, B, Use::Actual);
    a.sql("node.db", "UPDATE partners SET state = 'unconfirmed'");
    let (statement, _) = ByHand::would_propose(a, B, Use::Exercise);
    assert_eq!(code(offer(a, B, &statement)), "unconfirmed");
}

#[test]
fn the_giver_takes_back_only_what_it_proposed() {
    let houses = TestHouses::of(&[A, B]);
    let (a, b) = (houses.a(), houses.b());
    a.undertake(B).unwrap();
    let proposed = channel::ours(&a.house(), b.name(), Use::Actual, a.now(), &mut a.rng()).unwrap();
    let OurChannel::Propose(text) = proposed else { panic!("it is new") };
    let again = channel::ours(&a.house(), b.name(), Use::Actual, a.now(), &mut a.rng()).unwrap();
    assert!(matches!(again, OurChannel::Propose(same) if same == text), "a proposal stays the same");

    let mut other = SignedProposal::parse(text.as_bytes()).unwrap().proposal().clone();
    other.nonce = [1; 32];
    let origin = origin_of(other.use_, &other.giver, &other.receiver, &other.nonce);
    other.log = a.house().keys.log_key(&origin).unwrap().verifier().clone();
    let half = other.sign_as_giver(&a.house().keys.identity).unwrap();
    let another = half.countersign(&b.house().keys.identity).unwrap();
    for answer in [another.as_bytes(), text.as_bytes(), b"rubbish"] {
        let opened = channel::opened(&a.house(), b.name(), Use::Actual, answer, a.now(), &mut a.rng());
        assert_eq!(code(opened), "bad_statement");
    }
    houses.settle_all();
    let ours = a.store().view(|view| view.channels()).unwrap();
    let statement = ChannelStatement::parse(ours[0].statement.as_bytes()).unwrap();
    assert_eq!(statement.proposal(), SignedProposal::parse(text.as_bytes()).unwrap().proposal());
}

fn offer(a: &TestHouse, from: &str, proposal: &ChannelProposal) -> Result<String, Refusal> {
    offer_as(a, from, proposal, from)
}

/// `brings` offers a statement that `signs` has signed.
fn offer_as(a: &TestHouse, brings: &str, proposal: &ChannelProposal, signs: &str) -> Result<String, Refusal> {
    let (_, keys) = ByHand::would_propose(a, signs, Use::Actual);
    let half = proposal.sign_as_giver(&keys.identity).unwrap();
    let caller = Partner { name: party(brings) };
    channel::accept(&a.house(), &caller, half.to_string().as_bytes(), a.now())
}
