//! Setting a node up, opening accounts, and who may change them.

use std::collections::BTreeSet;

use exchange::people::{self, Activation, Settled};
use exchange::roster;
use model::vocab::Role;

use crate::house::{PASSPHRASE, TestNode, at, code, name, roles};

#[test]
fn the_first_operator_is_made_once() {
    let mut node = TestNode::empty();
    let invitation = people::init_first_operator(&node.house, &name("omar"), at(0), &mut node.rng).unwrap();
    let (omar, _) = node.activate("omar", &invitation.secret, 1).unwrap();
    assert_eq!(omar.roles, roles(&[Role::Operator]));
    let again = people::init_first_operator(&node.house, &name("eve"), at(2), &mut node.rng);
    assert_eq!(code(again), "already_set_up");
}

#[test]
fn an_operator_sets_the_node_up_alone_and_each_such_act_is_marked() {
    let mut node = TestNode::with_operator();
    let granted = node.invite("omar", "rita", &[Role::Release, Role::Desk], 2).granted;
    assert_eq!(granted.at_once, roles(&[Role::Release, Role::Desk]));
    assert_eq!(granted.waiting, None);
    let grants = node.trail().into_iter().filter(|line| line.act == "person.grant");
    for line in grants {
        assert_eq!(line.marks, ["bootstrap"], "{line:?}");
    }
}

#[test]
fn the_bootstrap_ends_when_two_persons_hold_release_authority() {
    let mut node = TestNode::with_operator();
    node.join("omar", "rita", &[Role::Release]);
    let invited = node.invite("omar", "ruben", &[Role::Release], 5);
    assert!(people::is_being_set_up(&node.house).unwrap(), "an account that nobody opened holds nothing");
    node.activate("ruben", &invited.invitation.secret, 6).unwrap();
    assert!(!people::is_being_set_up(&node.house).unwrap());

    let granted = node.grant("omar", "omar", &[Role::Release, Role::Desk], 7).unwrap();
    assert_eq!(granted.at_once, roles(&[Role::Desk]));
    assert!(granted.waiting.is_some());
    assert_eq!(node.roles_of("omar"), roles(&[Role::Operator, Role::Desk]));
}

#[test]
fn the_bootstrap_does_not_come_back() {
    let mut node = TestNode::set_up();
    for person in ["rita", "ruben"] {
        let key = node.key("omar");
        let omar = node.person("omar");
        let done = people::disable(&node.house, &omar, &key, &name(person), at(50), &mut node.rng).unwrap();
        assert!(matches!(done, Settled::Now(())));
    }
    assert!(!people::is_being_set_up(&node.house).unwrap());
    assert!(node.grant("omar", "omar", &[Role::Release], 51).unwrap().waiting.is_some());
}

#[test]
fn a_node_that_locked_itself_out_is_recovered_by_whoever_installed_it_and_says_so() {
    let mut node = TestNode::set_up();
    for person in ["rita", "ruben"] {
        node.disable("omar", person, 50).unwrap();
    }
    let invitation = people::recover_operator(&node.house, &name("omar"), at(60), &mut node.rng).unwrap();
    assert_eq!(code(node.login("omar", PASSPHRASE, 61)), "login_refused");
    node.activate("omar", &invitation.secret, 61).unwrap();
    assert!(node.grant("omar", "omar", &[Role::Release], 62).unwrap().waiting.is_none());
    let line = node.trail().into_iter().find(|line| line.act == "person.recover").unwrap();
    assert_eq!((line.who.as_str(), line.marks), ("node", vec!["override".to_owned()]));
}

#[test]
fn recovering_an_operator_opens_nothing_while_two_persons_hold_release_authority() {
    let mut node = TestNode::set_up();
    people::recover_operator(&node.house, &name("omar"), at(60), &mut node.rng).unwrap();
    assert!(!people::is_being_set_up(&node.house).unwrap());
}

#[test]
fn a_one_time_secret_works_once_and_expires() {
    let mut node = TestNode::with_operator();
    let minutes = i64::from(node.house.settings.invitation_minutes);
    let late = node.invite("omar", "dana", &[Role::Desk], 0).invitation;
    assert_eq!(late.until, at(minutes));
    assert_eq!(code(node.activate("dana", &late.secret, minutes)), "secret_expired");

    let in_time = node.invite("omar", "dora", &[Role::Desk], 0).invitation;
    node.activate("dora", &in_time.secret, minutes - 1).unwrap();
    assert_eq!(code(node.activate("dora", &in_time.secret, minutes - 1)), "activation_refused");
}

#[test]
fn a_one_time_secret_opens_no_other_account() {
    let mut node = TestNode::with_operator();
    let for_dana = node.invite("omar", "dana", &[Role::Desk], 0).invitation;
    node.invite("omar", "dora", &[Role::Desk], 0);
    assert_eq!(code(node.activate("dora", &for_dana.secret, 1)), "activation_refused");
    assert_eq!(code(node.activate("nobody", &for_dana.secret, 1)), "activation_refused");
    node.activate("dana", &for_dana.secret, 1).unwrap();
}

#[test]
fn an_invitation_that_was_not_used_is_made_out_again_by_one_operator() {
    let mut node = TestNode::set_up();
    let lost = node.invite("omar", "dana", &[Role::Desk], 50).invitation;
    let Settled::Now(second) = node.reset("omar", "dana", 51).unwrap() else { panic!("it waits") };
    assert_eq!(code(node.activate("dana", &lost.secret, 52)), "activation_refused");
    node.activate("dana", &second.secret, 52).unwrap();
    assert!(matches!(node.reset("omar", "dana", 53).unwrap(), Settled::Waits(_)), "dana has a key now");
}

#[test]
fn a_weak_passphrase_opens_nothing_and_uses_nothing_up() {
    let mut node = TestNode::with_operator();
    let invitation = node.invite("omar", "dana", &[Role::Desk], 0).invitation;
    let secret = invitation.secret.text();
    let name = name("dana");
    for (passphrase, expected) in
        [("too short", "passphrase_too_short"), ("danadanadana", "passphrase_too_weak")]
    {
        let activation = Activation { name: &name, one_time_secret: &secret, passphrase };
        assert_eq!(code(people::activate(&node.house, &activation, at(1), &mut node.rng)), expected);
    }
    node.activate("dana", &invitation.secret, 1).unwrap();
}

#[test]
fn a_name_is_given_once() {
    let mut node = TestNode::set_up();
    node.disable("omar", "rita", 50).unwrap();
    assert_eq!(code(node.try_invite("omar", "rita", &[], 51)), "person_exists");
    assert_eq!(code(node.try_invite("omar", "node", &[], 51)), "name_is_reserved");
}

#[test]
fn a_role_taken_away_is_gone_at_once() {
    let mut node = TestNode::set_up();
    node.join_with_two("olga", &[Role::Operator]);
    let (as_known_before, key) = (node.person("olga"), node.key("olga"));
    node.revoke("omar", "olga", &[Role::Operator], 70).unwrap();
    let late =
        people::invite(&node.house, &as_known_before, &key, &name("eve"), &roles(&[]), at(71), &mut node.rng);
    assert_eq!(code(late), "not_authorised");
}

#[test]
fn only_an_operator_changes_accounts() {
    let mut node = TestNode::set_up();
    assert_eq!(code(node.try_invite("rita", "eve", &[], 50)), "not_authorised");
    assert_eq!(code(node.grant("rita", "rita", &[Role::Desk], 50)), "not_authorised");
    assert_eq!(code(node.revoke("rita", "ruben", &[Role::Release], 50)), "not_authorised");
    assert_eq!(code(node.disable("rita", "ruben", 50)), "not_authorised");
    assert_eq!(code(node.reset("rita", "ruben", 50)), "not_authorised");
}

#[test]
fn the_last_operator_stays() {
    let mut node = TestNode::set_up();
    assert_eq!(code(node.disable("omar", "omar", 50)), "last_operator");
    assert_eq!(code(node.revoke("omar", "omar", &[Role::Operator], 50)), "last_operator");
    node.join_with_two("olga", &[Role::Operator]);
    node.disable("omar", "omar", 80).unwrap();
}

#[test]
fn oversight_goes_with_no_other_role_and_one_person_cannot_take_it_away() {
    let mut node = TestNode::set_up();
    assert_eq!(code(node.grant("omar", "rita", &[Role::Oversight], 50)), "oversight_stands_alone");
    node.join_with_two("iris", &[Role::Oversight]);
    assert_eq!(code(node.grant("omar", "iris", &[Role::Desk], 70)), "oversight_stands_alone");

    let Settled::Waits(_) = node.revoke("omar", "iris", &[Role::Oversight], 71).unwrap() else {
        panic!("by one")
    };
    let Settled::Waits(waiting) = node.disable("omar", "iris", 72).unwrap() else { panic!("by one") };
    assert_eq!(node.roles_of("iris"), roles(&[Role::Oversight]));
    assert!(node.list_pending("iris", 73).iter().any(|shown| shown.id == waiting.id), "oversight sees it");
    node.approve("rita", waiting.id, waiting.digest, 74).unwrap();
    assert_eq!(code(node.login("iris", PASSPHRASE, 75)), "login_refused");
}

#[test]
fn two_proposals_that_do_not_go_together_are_not_both_done() {
    let mut node = TestNode::set_up();
    node.join("omar", "dana", &[]);
    let first = node.grant("omar", "dana", &[Role::Oversight], 50).unwrap().waiting.unwrap();
    let second = node.grant("omar", "dana", &[Role::Release], 50).unwrap().waiting.unwrap();
    node.approve("rita", first.id, first.digest, 51).unwrap();
    assert_eq!(code(node.approve("rita", second.id, second.digest, 51)), "oversight_stands_alone");
    assert_eq!(node.roles_of("dana"), roles(&[Role::Oversight]));
    assert_eq!(node.list_pending("rita", 52).iter().filter(|p| p.decided_by.is_some()).count(), 1);
}

#[test]
fn the_roster_is_kept_in_its_order_and_only_by_those_who_keep_it() {
    let mut node = TestNode::set_up();
    node.join("omar", "dana", &[Role::Desk]);
    let line = |name: &str, phone: &str| roster::OnDuty { name: name.to_owned(), phone: phone.to_owned() };
    let lines = [line("Night desk", "+49 30 555 0100"), line("Rita", "+49 30 555 0101")];
    roster::set(&node.house, &node.person("rita"), &lines, at(50)).unwrap();
    assert_eq!(roster::list(&node.house, &node.person("dana")).unwrap(), lines);
    roster::set(&node.house, &node.person("omar"), &lines[1..], at(51)).unwrap();
    assert_eq!(roster::list(&node.house, &node.person("dana")).unwrap(), &lines[1..]);
    assert_eq!(code(roster::set(&node.house, &node.person("dana"), &lines, at(52))), "not_authorised");
    for bad in [line("", "123"), line("Rita", "call me"), line("Ri\nta", "123"), line("Rita", "")] {
        assert_eq!(code(roster::set(&node.house, &node.person("rita"), &[bad], at(53))), "bad_roster");
    }
}

#[test]
fn the_list_of_persons_shows_roles_states_and_fingerprints() {
    let mut node = TestNode::set_up();
    node.invite("omar", "dana", &[Role::Desk], 50);
    let list = people::list(&node.house, &node.person("rita")).unwrap();
    let shown: Vec<_> = list.iter().map(|p| (p.name.as_str(), p.state, p.fingerprint.is_some())).collect();
    let expected = [
        ("dana", "invited", false),
        ("omar", "active", true),
        ("rita", "active", true),
        ("ruben", "active", true),
    ];
    assert_eq!(shown, expected);
    assert_eq!(list[2].roles, BTreeSet::from([Role::Release]));
}
