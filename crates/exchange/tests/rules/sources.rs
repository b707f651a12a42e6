//! A source stays with its handlers: what a partner gets is the same whatever the source is, and with the sealed sources
//! away (I-01, I-03).

use model::file::{SourceWords, WarningFile};
use model::vocab::{Role, SourceKind, Traceability};
use testkit::{A, B, TestHouses, code, text, warning};

#[test]
fn what_a_partner_gets_is_the_same_with_the_sealed_sources_absent() {
    let told = |away: bool| {
        let houses = TestHouses::two();
        let a = houses.a();
        let id = a.written(&with_source("LARK77"));
        if away {
            a.stopped(|folder| {
                for file in ["sources.db", "sources.db-wal", "sources.db-shm"] {
                    let _ = std::fs::remove_file(folder.join(file));
                }
            });
            assert!(!a.store().has_sources());
        }
        let shown = a.proposed(id, &[B]);
        a.approved_and_released(shown);
        houses.settle_all();
        let (a, b) = (houses.a(), houses.b());
        (b.body(&b.newest()), houses.observed(B, A), a.ledger(B))
    };
    assert_eq!(told(true), told(false));
}

#[test]
fn without_its_sealed_sources_a_node_refuses_to_write_a_new_one_and_nothing_else() {
    let houses = TestHouses::two();
    let a = houses.a();
    a.stopped(|folder| std::fs::remove_file(folder.join("sources.db")).unwrap());
    assert_eq!(code(a.write("desk1", &with_source("LARK77"))), "sources_absent");
    a.warn(&warning(), &[B]);
    houses.settle_all();
}

#[test]
fn a_protected_term_of_a_source_stops_the_rung_that_says_it_in_whatever_spelling() {
    let houses = TestHouses::two();
    let a = houses.a();
    for said in ["LARK77", "lark77", "L\u{e4}rk77", "L A R K 77", "\u{41b}\u{410}\u{420}\u{41a}77"] {
        let mut file = with_source("LARK77");
        file.how = vec![text(&format!("as told by {said} yesterday"), None), text("explosives", None)];
        let proposed = a.proposed(a.written(&file), &[B]);
        assert_eq!(proposed.granted(B, "how"), Some("explosives"), "{said}");
    }
}

#[test]
fn nothing_of_a_source_stands_in_any_file_but_sealed_or_in_any_entry() {
    let houses = TestHouses::two();
    houses.plant("LARK77", &[]);
    houses.plant("nightingale", &[]);
    let sent = houses.a().warn(&with_source("LARK77"), &[B]);
    houses.settle_all();
    let row = houses.a().row(sent.warning);
    assert_eq!((row.sources.len(), row.terms.len()), (1, 1));
    for house in houses.all() {
        house.stopped(|folder| {
            for file in std::fs::read_dir(folder).unwrap() {
                let path = file.unwrap().path();
                let bytes = std::fs::read(&path).unwrap();
                for word in [&b"LARK77"[..], b"nightingale"] {
                    assert!(!bytes.windows(word.len()).any(|w| w == word), "{}", path.display());
                }
            }
        });
    }
    assert!(houses.a().trail().iter().all(|l| !l.detail.contains("LARK77") && !l.about.contains("LARK77")));
}

#[test]
fn only_its_handlers_open_a_source_and_every_try_is_written_down() {
    let houses = TestHouses::two();
    let a = houses.a();
    let id = *a.row(a.written(&with_source("LARK77"))).sources.first().unwrap();
    let open = |who: &str| exchange::sources::open(&a.house(), &a.caller(who), &a.key(who), id, a.now());
    for who in ["desk2", "release1", "liaison1", "operator1", "oversight1"] {
        let line = a.trail().len();
        assert_eq!(code(open(who)), "not_a_handler", "{who}");
        assert_eq!(a.acts_since(line), ["source.refuse"], "{who}");
    }
    let line = a.trail().len();
    assert_eq!(open("desk1").unwrap().description, "the nightingale at the ministry");
    assert_eq!(a.acts_since(line), ["source.open"]);
    assert!(a.caller("desk1").holds(Role::Desk));
}

fn with_source(term: &str) -> WarningFile {
    let mut file = warning();
    file.sources = vec![SourceWords {
        kind: SourceKind::Human,
        traceability: Traceability::Unique,
        description: "the nightingale at the ministry".to_owned(),
        protected_terms: vec![term.to_owned()],
        handlers: Vec::new(),
    }];
    file
}
