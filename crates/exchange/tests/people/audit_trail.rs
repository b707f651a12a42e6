//! What the trail shows, and what never stands in it.

use exchange::people::{self, OneTimeSecret, Settled};
use exchange::{audit, roster};
use model::vocab::Role;

use crate::house::{PASSPHRASE, TestNode, at, code};
use crate::sources::{keep, source};

#[test]
fn the_trail_shows_a_changed_line() {
    for change in [
        "UPDATE audit SET who = 'rita' WHERE seq = 3",
        "UPDATE audit SET text = replace(text, 'omar', 'rita') WHERE seq = 3",
        "UPDATE audit SET marks = '' WHERE seq = 0",
        "UPDATE audit SET at = at + 1 WHERE seq = 3",
        "UPDATE audit SET leaf = zeroblob(32) WHERE seq = 3",
        "DELETE FROM audit WHERE seq = 3",
        "DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)",
        "UPDATE audit SET seq = -seq WHERE seq = 0; UPDATE audit SET seq = 9999 WHERE seq = 3",
        "DELETE FROM meta WHERE key = 'audit.range'",
        "INSERT INTO audit SELECT max(seq) + 1, at, who, act, about, detail, marks, text, leaf FROM audit",
    ] {
        let node = TestNode::set_up();
        assert!(audit::check(&node.house).unwrap().is_sound());
        node.sql(change);
        let check = audit::check(&node.house).unwrap();
        assert!(!check.is_sound(), "{change}");
    }
}

#[test]
fn a_line_and_its_text_and_leaf_changed_together_do_not_give_the_kept_root() {
    let node = TestNode::set_up();
    let lines = node.house.store.view(|view| view.audit_lines(3, 1)).unwrap();
    let mut line = lines[0].line.clone();
    line.who = "rita".to_owned();
    let text = line.text(3);
    let leaf = store::audit_leaf(&text).to_hex();
    node.sql(&format!("UPDATE audit SET who = 'rita', text = '{text}', leaf = x'{leaf}' WHERE seq = 3"));
    let check = audit::check(&node.house).unwrap();
    assert_eq!(check.faults.len(), 1, "{check:?}");
    assert_eq!(check.faults[0].what, "the lines do not give the root kept with the newest line");
}

#[test]
fn a_refused_act_leaves_no_line_and_a_done_one_does() {
    let mut node = TestNode::set_up();
    let before = node.trail().len();
    node.grant("rita", "rita", &[Role::Desk], 50).unwrap_err();
    node.disable("omar", "omar", 50).unwrap_err();
    assert_eq!(node.trail().len(), before);
    node.grant("omar", "rita", &[Role::Desk], 50).unwrap();
    assert_eq!(node.trail().len(), before + 1);
}

#[test]
fn only_oversight_and_operators_read_the_trail() {
    let mut node = TestNode::set_up();
    node.join_with_two("iris", &[Role::Oversight]);
    for reader in ["omar", "iris"] {
        assert!(!audit::trail(&node.house, &node.person(reader), 0, 10).unwrap().is_empty());
    }
    assert_eq!(code(audit::trail(&node.house, &node.person("rita"), 0, 10)), "not_authorised");
    let page = audit::trail(&node.house, &node.person("iris"), 4, 3).unwrap();
    assert_eq!(page.iter().map(|line| line.seq).collect::<Vec<_>>(), [4, 5, 6]);
}

#[test]
fn a_line_stays_one_line_whatever_is_put_into_it() {
    let node = TestNode::set_up();
    let forged = "x\nwho rita\nact person.grant\u{2028}\u{202e}";
    node.house
        .store
        .act(move |tx| {
            let detail = serde_json::json!({ "text": forged });
            audit::note(tx, at(50), forged, "person.login", forged, detail, &[])
        })
        .unwrap();
    let line = node.house.store.view(|view| view.audit_lines(0, 1_000)).unwrap().pop().unwrap();
    assert_eq!(line.text.lines().count(), 8, "{}", line.text);
    assert!(!line.text.contains(['\u{202e}', '\u{2028}']));
    let detail: serde_json::Value = serde_json::from_str(&line.line.detail).unwrap();
    assert_eq!(detail["text"], forged);
    assert!(audit::check(&node.house).unwrap().is_sound());
}

#[test]
fn no_secret_stands_in_the_trail() {
    let mut node = TestNode::set_up();
    node.join("omar", "dana", &[Role::Desk]);
    let id = keep(&mut node, source(&[]), "dana").unwrap();
    node.open_source("dana", id).unwrap();
    node.open_source("rita", id).unwrap_err();
    let (dana, _) = node.login("dana", PASSPHRASE, 61).unwrap();
    people::change_passphrase(&node.house, &dana, PASSPHRASE, "four other words here", at(62), &mut node.rng)
        .unwrap();
    node.login("dana", "a wrong passphrase", 63).unwrap_err();
    let Settled::Waits(reset) = node.reset("omar", "dana", 64).unwrap() else { panic!("done by one person") };
    let invitation = node.approve("rita", reset.id, reset.digest, 65).unwrap().invitation.unwrap();
    let secret: OneTimeSecret = invitation.secret;
    roster::set(
        &node.house,
        &node.person("omar"),
        &[roster::OnDuty { name: "Night desk".to_owned(), phone: "+49 30 555 0100".to_owned() }],
        at(66),
    )
    .unwrap();

    let trail = node.whole_trail();
    let bare = secret.text().replace('-', "");
    for canary in [PASSPHRASE, "four other words", "a wrong passphrase", "LARK", "fish market", "555", &bare]
    {
        assert!(!trail.contains(canary), "{canary} is in the trail");
    }
    // Nor do passphrases, one-time secrets or sources stand anywhere else in the data folder.
    node.close();
    for (file, bytes) in node.files() {
        for canary in
            [PASSPHRASE, "four other words", "LARK", "fish market", &bare, &secret.text(), "AGE-SECRET-KEY"]
        {
            let found = bytes.windows(canary.len()).any(|window| window == canary.as_bytes());
            assert!(!found, "{canary} stands in {file}");
        }
    }
}
