//! Sealed sources: who opens them, and what is left where.

use exchange::people::Settled;
use exchange::refusal::Refusal;
use exchange::{audit, sources};
use model::file::SourceWords;
use model::id::SourceId;
use model::vocab::{Role, SourceKind, Traceability};

use crate::house::{PASSPHRASE, TestNode, at, code, name};

pub(crate) fn source(handlers: &[&str]) -> SourceWords {
    SourceWords {
        kind: SourceKind::Human,
        traceability: Traceability::Unique,
        description: "canary LARK, met at the fish market".to_owned(),
        protected_terms: vec!["canary LARK".to_owned()],
        handlers: handlers.iter().map(ToString::to_string).collect(),
    }
}

pub(crate) fn keep(node: &mut TestNode, words: SourceWords, author: &str) -> Result<SourceId, Refusal> {
    let new = sources::prepare(words, &name(author), at(60), &mut node.rng);
    node.house.store.act(move |tx| sources::seal(tx, &new))
}

#[test]
fn only_a_handler_opens_a_source() {
    let mut node = TestNode::set_up();
    for person in ["dana", "dora", "dirk"] {
        node.join("omar", person, &[Role::Desk]);
    }
    let id = keep(&mut node, source(&["dana", "dora"]), "dana").unwrap();
    for handler in ["dana", "dora"] {
        let opened = node.open_source(handler, id).unwrap();
        assert_eq!(opened.description, "canary LARK, met at the fish market");
        assert_eq!(opened.protected_terms, ["canary LARK"]);
        assert_eq!((opened.kind, opened.traceability), (SourceKind::Human, Traceability::Unique));
    }
    for other in ["dirk", "omar", "rita"] {
        assert_eq!(code(node.open_source(other, id)), "not_a_handler");
    }
    let absent = SourceId::make(at(0), [9; 10]);
    assert_eq!(code(node.open_source("dana", absent)), "not_a_handler", "absent looks like somebody else's");
    assert_eq!(sources::handled_by(&node.house, &node.person("dora")).unwrap(), [id]);
    assert_eq!(sources::handled_by(&node.house, &node.person("dirk")).unwrap(), []);

    let lines: Vec<_> = node
        .trail()
        .into_iter()
        .filter(|line| line.act.starts_with("source."))
        .map(|line| line.who)
        .collect();
    assert_eq!(lines, ["dana", "dora", "dirk", "omar", "rita", "dana"], "who opened, and who tried");
}

#[test]
fn without_handlers_the_author_handles_a_source() {
    let mut node = TestNode::set_up();
    node.join("omar", "dana", &[Role::Desk]);
    let id = keep(&mut node, source(&[]), "dana").unwrap();
    assert!(node.open_source("dana", id).is_ok());
}

#[test]
fn a_source_is_not_sealed_to_who_cannot_or_may_not_open_it() {
    let mut node = TestNode::set_up();
    node.join("omar", "dana", &[Role::Desk]);
    node.invite("omar", "dora", &[Role::Desk], 50);
    assert_eq!(code(keep(&mut node, source(&["dana", "dora"]), "dana")), "handler_has_no_key");
    assert_eq!(code(keep(&mut node, source(&["nobody"]), "dana")), "handler_has_no_key");
    assert_eq!(code(keep(&mut node, source(&["omar"]), "dana")), "reads_no_source");
    assert_eq!(code(keep(&mut node, source(&["No Name"]), "dana")), "bad_warning");
}

#[test]
fn a_handler_who_became_an_operator_opens_no_source_any_more() {
    let mut node = TestNode::set_up();
    node.join("omar", "dana", &[Role::Desk]);
    let id = keep(&mut node, source(&[]), "dana").unwrap();
    let waiting = node.grant("omar", "dana", &[Role::Operator], 61).unwrap().waiting.unwrap();
    node.approve("rita", waiting.id, waiting.digest, 62).unwrap();
    assert_eq!(code(node.open_source("dana", id)), "reads_no_source");
}

#[test]
fn a_new_key_does_not_open_what_was_sealed_to_the_old_one() {
    let mut node = TestNode::set_up();
    node.join("omar", "dana", &[Role::Desk]);
    let id = keep(&mut node, source(&[]), "dana").unwrap();
    let (dana, old) = (node.person("dana"), node.key("dana"));
    let Settled::Waits(reset) = node.reset("omar", "dana", 61).unwrap() else { panic!("done by one person") };
    let invitation = node.approve("rita", reset.id, reset.digest, 62).unwrap().invitation.unwrap();
    node.activate("dana", &invitation.secret, 63).unwrap();
    assert_eq!(code(node.open_source("dana", id)), "sealed_to_another_key");
    let by_old_session = sources::open(&node.house, &dana, &old, id, at(64));
    assert_eq!(code(by_old_session), "key_not_in_use");
}

#[test]
fn the_node_runs_without_its_sources_and_says_so_only_where_they_are_asked_for() {
    let mut node = TestNode::set_up();
    node.join("omar", "dana", &[Role::Desk]);
    let id = keep(&mut node, source(&[]), "dana").unwrap();
    node.take_sources_away();
    assert!(node.login("dana", PASSPHRASE, 70).is_ok());
    assert_eq!(code(node.open_source("dana", id)), "sources_absent");
    assert_eq!(code(keep(&mut node, source(&[]), "dana")), "sources_absent");
    assert_eq!(code(sources::handled_by(&node.house, &node.person("dana"))), "sources_absent");
    assert!(audit::check(&node.house).unwrap().is_sound());
}

#[test]
fn an_opened_source_does_not_show_when_printed() {
    let mut node = TestNode::set_up();
    node.join("omar", "dana", &[Role::Desk]);
    let id = keep(&mut node, source(&[]), "dana").unwrap();
    assert_eq!(format!("{:?}", node.open_source("dana", id).unwrap()), "Source(…)");
}
