//! Acts that take two persons.

use exchange::pending;
use exchange::people::{self, Settled};
use exchange::person_key::{Decision, PersonKey, verify_decision};
use model::id::{Digest, PendingId};
use model::vocab::Role;

use crate::house::{PASSPHRASE, TestNode, at, code, name, roles};

#[test]
fn nobody_approves_their_own_proposal() {
    let mut node = TestNode::set_up();
    node.join("omar", "dana", &[Role::Desk]);
    let waiting = node.grant("omar", "dana", &[Role::Release], 50).unwrap().waiting.unwrap();
    assert_eq!(code(node.approve("omar", waiting.id, waiting.digest, 51)), "approver_is_author");
    assert_eq!(node.roles_of("dana"), roles(&[Role::Desk]));
    let approved = node.approve("rita", waiting.id, waiting.digest, 52).unwrap();
    assert_eq!(approved.what, "grant dana the authority: release");
    assert_eq!(node.roles_of("dana"), roles(&[Role::Desk, Role::Release]));
    assert_eq!(code(node.approve("ruben", waiting.id, waiting.digest, 53)), "pending_settled");
}

#[test]
fn the_database_itself_refuses_an_approver_who_is_the_proposer() {
    let mut node = TestNode::set_up();
    node.join("omar", "dana", &[Role::Desk]);
    let waiting = node.grant("omar", "dana", &[Role::Release], 50).unwrap().waiting.unwrap();
    let done = node.house.store.act(move |tx| tx.pending_done(waiting.id, "a note", &name("omar"), at(51)));
    assert!(matches!(done, Err(store::StoreError::Contradiction(_))), "{done:?}");
}

#[test]
fn an_approval_takes_authority_and_the_approvers_own_key() {
    let mut node = TestNode::set_up();
    node.join("omar", "dana", &[Role::Desk]);
    let waiting = node.grant("omar", "dana", &[Role::Release], 50).unwrap().waiting.unwrap();
    assert_eq!(code(node.approve("dana", waiting.id, waiting.digest, 51)), "not_authorised");

    let (rita, omars_key) = (node.person("rita"), node.key("omar"));
    let with_another_key =
        pending::approve(&node.house, &rita, &omars_key, waiting.id, waiting.digest, at(51), &mut node.rng);
    assert_eq!(code(with_another_key), "decision_not_genuine");
    assert_eq!(node.roles_of("dana"), roles(&[Role::Desk]));
}

#[test]
fn a_stale_digest_is_refused() {
    let mut node = TestNode::set_up();
    node.join("omar", "dana", &[Role::Desk]);
    let waiting = node.grant("omar", "dana", &[Role::Release], 50).unwrap().waiting.unwrap();
    let stale = Digest::of(b"what was shown an hour ago");
    assert_eq!(code(node.approve("rita", waiting.id, stale, 51)), "digest_is_stale");
    let other = PendingId::make(at(0), [7; 10]);
    assert_eq!(code(node.approve("rita", other, waiting.digest, 51)), "no_such_pending");
    assert_eq!(node.roles_of("dana"), roles(&[Role::Desk]));
}

#[test]
fn what_was_changed_in_the_database_after_it_was_proposed_is_not_approved() {
    let mut node = TestNode::set_up();
    node.join("omar", "dana", &[Role::Desk]);
    let waiting = node.grant("omar", "dana", &[Role::Release], 50).unwrap().waiting.unwrap();
    node.sql("UPDATE pending_acts SET payload = replace(payload, 'dana', 'omar')");
    assert_eq!(code(node.approve("rita", waiting.id, waiting.digest, 51)), "internal");
    let changed = r#"{"act":"grant_roles","person":"omar","roles":["release"]}"#;
    node.sql(&format!("UPDATE pending_acts SET digest = x'{}'", Digest::of(changed.as_bytes())));
    assert_eq!(code(node.approve("rita", waiting.id, Digest::of(changed.as_bytes()), 51)), "internal");
    assert_eq!(node.roles_of("omar"), roles(&[Role::Operator]));
}

#[test]
fn a_proposal_expires() {
    let mut node = TestNode::set_up();
    node.join("omar", "dana", &[Role::Desk]);
    let waiting = node.grant("omar", "dana", &[Role::Release], 50).unwrap().waiting.unwrap();
    let end = 50 + i64::from(node.house.settings.pending_minutes);
    assert_eq!(waiting.expires_at, at(end));
    assert_eq!(code(node.approve("rita", waiting.id, waiting.digest, end)), "pending_expired");
    assert_eq!(node.list_pending("rita", end)[0].standing, pending::PendingStanding::Expired);
    let again = node.grant("omar", "dana", &[Role::Release], end).unwrap().waiting.unwrap();
    node.approve("rita", again.id, again.digest, end + 1).unwrap();
}

#[test]
fn the_same_act_waits_only_once() {
    let mut node = TestNode::set_up();
    node.join("omar", "dana", &[Role::Desk]);
    let waiting = node.grant("omar", "dana", &[Role::Release], 50).unwrap().waiting.unwrap();
    let refusal = node.grant("omar", "dana", &[Role::Release], 51).unwrap_err();
    assert_eq!(refusal.code, "already_pending");
    assert!(refusal.detail.unwrap().contains(&waiting.id.to_string()));
}

#[test]
fn a_refused_proposal_is_not_approved_afterwards() {
    let mut node = TestNode::set_up();
    node.join("omar", "dana", &[Role::Desk]);
    let waiting = node.grant("omar", "dana", &[Role::Release], 50).unwrap().waiting.unwrap();
    pending::refuse(&node.house, &node.person("ruben"), waiting.id, at(51)).unwrap();
    assert_eq!(code(node.approve("rita", waiting.id, waiting.digest, 52)), "pending_settled");
    assert_eq!(node.list_pending("omar", 53)[0].standing, pending::PendingStanding::Refused);
}

#[test]
fn a_proposal_falls_with_its_proposers_authority() {
    let mut node = TestNode::set_up();
    node.join("omar", "dana", &[Role::Desk]);
    node.join_with_two("olga", &[Role::Operator]);
    let waiting = node.grant("olga", "dana", &[Role::Release], 70).unwrap().waiting.unwrap();
    node.disable("omar", "olga", 71).unwrap();
    assert_eq!(code(node.approve("rita", waiting.id, waiting.digest, 72)), "proposer_lost_authority");
}

#[test]
fn both_signatures_are_kept_and_verify() {
    let mut node = TestNode::set_up();
    node.join("omar", "dana", &[Role::Desk]);
    let waiting = node.grant("omar", "dana", &[Role::Release], 50).unwrap().waiting.unwrap();
    node.approve("rita", waiting.id, waiting.digest, 51).unwrap();
    let row = node.house.store.view(|view| view.pending(waiting.id)).unwrap().unwrap();
    for (person, kind, note) in
        [("omar", "pending.propose", row.signature), ("rita", "pending.approve", row.approval.unwrap())]
    {
        let decision = verify_decision(&note, node.key(person).verifier()).unwrap();
        assert_eq!(
            (decision.kind.as_str(), decision.about.as_str()),
            (kind, waiting.id.to_string().as_str())
        );
        assert_eq!((decision.by, decision.digest), (name(person), waiting.digest));
    }
}

#[test]
fn a_reset_takes_two_persons_and_makes_a_new_key() {
    let mut node = TestNode::set_up();
    let old = node.key("ruben");
    let Settled::Waits(waiting) = node.reset("omar", "ruben", 50).unwrap() else {
        panic!("done by one person")
    };
    assert!(node.login("ruben", PASSPHRASE, 51).is_ok(), "nothing has changed yet");
    let invitation = node.approve("rita", waiting.id, waiting.digest, 52).unwrap().invitation.unwrap();
    assert_eq!(code(node.login("ruben", PASSPHRASE, 53)), "login_refused");
    assert_eq!(code(people::look_up(&node.house, &name("ruben"))), "not_active");

    let (ruben, new) = node.activate("ruben", &invitation.secret, 54).unwrap();
    assert!(ruben.holds(Role::Release), "the roles stay");
    assert_ne!(old.verifier(), new.verifier());
    assert_ne!(old.recipient(), new.recipient());

    let keys = node.house.store.view(|view| people::verifiers(view, &name("ruben"))).unwrap();
    assert_eq!(
        keys,
        [old.verifier().clone(), new.verifier().clone()],
        "what the old one signed stays checkable"
    );
    let said =
        Decision::new("release.approve", "p-1", Digest::of(b""), &node.house.name, &name("ruben"), at(55));
    let by = |key: &PersonKey| {
        let note = key.sign_decision(&said).unwrap();
        node.house.store.view(|view| people::signed_now(view, &note, &name("ruben")))
    };
    assert_eq!(code(by(&old)), "decision_not_genuine");
    assert!(by(&new).is_ok());
}

#[test]
fn a_session_from_before_a_reset_approves_nothing() {
    let mut node = TestNode::set_up();
    node.join("omar", "dana", &[Role::Desk]);
    let (ruben, old) = (node.person("ruben"), node.key("ruben"));
    let Settled::Waits(reset) = node.reset("omar", "ruben", 50).unwrap() else {
        panic!("done by one person")
    };
    let invitation = node.approve("rita", reset.id, reset.digest, 51).unwrap().invitation.unwrap();
    node.activate("ruben", &invitation.secret, 52).unwrap();
    let waiting = node.grant("omar", "dana", &[Role::Release], 53).unwrap().waiting.unwrap();
    let approved =
        pending::approve(&node.house, &ruben, &old, waiting.id, waiting.digest, at(54), &mut node.rng);
    assert_eq!(code(approved), "decision_not_genuine");
}
