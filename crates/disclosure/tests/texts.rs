//! Free text against what a recipient does not get: what blocks a rung, what does not, and who may let it stand.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod generate;

use std::collections::BTreeSet;

use disclosure::{Audience, Rule, TextOverride, Withheld, judge, protected_term};
use generate::*;
use model::agreement::DomainTerms;
use model::handling::{Handling, RelTo};
use model::ladder::*;
use model::vocab::*;
use model::warning::Warning;

fn for_nobody(value: Value) -> Rung {
    Rung { value, handling: Handling { rel_to: RelTo::Only(BTreeSet::new()), ..Handling::open() } }
}

/// The full item of the case: who told it and how, for nobody but us; a place and a person that stay at home, too.
fn warning() -> Warning {
    let mut warning = with(
        template(),
        FieldPath::How,
        vec![for_nobody(text("Intercept of Platform T by unit 7; liaison asset LARK."))],
    );
    warning = with(warning, FieldPath::Who, vec![for_nobody(text("Group G, third cell"))]);
    let place = Place {
        grain: PlaceGrain::Address,
        name: "Fountain Court 12".to_owned(),
        within: vec![(PlaceGrain::City, "City P".to_owned()), (PlaceGrain::Country, "Country B".to_owned())],
        microdegrees: Some((48_208_174, 16_373_819)),
    };
    let city = place.coarser().unwrap();
    warning =
        with(warning, FieldPath::Where, vec![for_nobody(Value::Place(place)), rung(Value::Place(city))]);
    warning.subjects[0].identity[0] = for_nobody(Value::Person(PersonValue::Named {
        name: "Ana Xyrovna O'Doe".to_owned(),
        aliases: vec!["Сокол".to_owned()],
        identifiers: vec!["passport ZQ1187".to_owned()],
    }));
    warning
}

fn to_b() -> Audience {
    audience(DomainTerms { time: TimeDepth::Day, naming: NamingDepth::Country, ..terms() })
}

/// The words in a title that keep it from going.
fn hits(title: &str) -> Vec<(String, Withheld)> {
    let warning = with(warning(), FieldPath::Title, vec![rung(text(title))]);
    let judgement = judged(&warning, &to_b());
    let cell = judgement.cell(FieldPath::Title).unwrap();
    assert_eq!(cell.granted.is_none(), !cell.hits.is_empty(), "{title}: {cell:?}");
    assert_eq!(cell.granted.is_none(), cell.reasons.iter().any(|r| r.rule == Rule::Text));
    if let Some(rendering) = rendered(&warning, &to_b()) {
        assert_eq!(text_of(&rendering).contains(title), cell.granted.is_some(), "{title}");
    }
    cell.hits.iter().map(|h| (h.word.clone(), h.of.clone())).collect()
}

#[test]
fn a_title_that_says_what_is_withheld_does_not_go() {
    use FieldPath::{How, SubjectIdentity, Where, Who};
    let field = Withheld::Field;
    let person = || field(SubjectIdentity(1));
    for (title, word, of) in [
        ("told over Platform T", "Platform T", field(How)),
        ("told over platform-t", "platform-t", field(How)),
        ("as ｐｌａｔｆｏｒｍ  Ｔ told", "ｐｌａｔｆｏｒｍ  Ｔ", field(How)),
        ("our Unit 7 says", "Unit 7", field(How)),
        ("L.A.R.K. says", "L.A.R.K", field(How)),
        ("the work of group g, third cell", "group g, third cell", field(Who)),
        ("the work of Group G", "Group G", field(Who)),
        ("Xyrovna is seen", "Xyrovna", person()),
        ("xyrovna's friends are seen", "xyrovna", person()),
        ("one O’Doe is seen", "Doe", person()),
        ("Sokol is seen", "Sokol", person()),
        ("СОКОЛ is seen", "СОКОЛ", person()),
        ("bearer of zq 1187", "zq 1187", person()),
        ("at Fountain Court 12", "Fountain Court 12", field(Where)),
        ("near the fountain", "fountain", field(Where)),
        ("at 48.2082, 16.37", "48.2082", field(Where)),
        ("at 18:00 exactly", "18:00", Withheld::TimeCeiling),
        ("tonight at 6 pm", "6 pm", Withheld::TimeCeiling),
        ("at 1800 hrs", "1800 hrs", Withheld::TimeCeiling),
        ("it comes 2026-12-28T18:00Z", "2026-12-28T18:00Z", Withheld::TimeCeiling),
        ("Service A reports", "Service A", field(FieldPath::Giver)),
        ("service-a.example reports", "service-a.example", Withheld::Party),
        ("Case Lantern, latest", "Case Lantern", Withheld::Desk),
        ("written by m.writer", "m.writer", Withheld::Desk),
    ] {
        let found = hits(title);
        assert!(found.iter().any(|(w, o)| w == word && *o == of), "{title}: {found:?}");
    }
}

#[test]
fn a_title_that_says_what_is_given_goes() {
    for title in [
        "Bombings planned in City P",
        "Bombings planned in Country B, CITY P",
        "a group of persons on a platform",
        "28 December",
        "on Monday 28 December 2026",
        "a larkspur grows near parks",
        "seven units, 7 persons",
        "at the court of the city",
        "killing by improvised means",
        "public places in City P",
    ] {
        assert_eq!(hits(title), [], "{title}");
    }
}

#[test]
fn a_time_finer_than_the_ceiling_or_than_what_is_given_blocks_the_words() {
    let with_title = |title: &str| with(template(), FieldPath::Title, vec![rung(text(title))]);
    let goes = |title: &str, time: TimeDepth| {
        let to_b = audience(DomainTerms { time, ..terms() });
        judged(&with_title(title), &to_b).cell(FieldPath::Title).unwrap().granted.is_some()
    };
    for (title, finest) in [
        ("at 18:00", TimeDepth::Exact),
        ("at 18.00", TimeDepth::Exact),
        ("um 18 Uhr", TimeDepth::Exact),
        ("18h30", TimeDepth::Exact),
        ("1800Z", TimeDepth::Exact),
        ("28 December", TimeDepth::Day),
        ("December 28th, 2026", TimeDepth::Day),
        ("28th of December", TimeDepth::Day),
        ("le 28 décembre", TimeDepth::Day),
        ("28 декабря", TimeDepth::Day),
        ("2026-12-28", TimeDepth::Day),
        ("20261228", TimeDepth::Day),
        ("28/12/2026", TimeDepth::Day),
        ("12/28/26", TimeDepth::Day),
        ("28.12.2026", TimeDepth::Day),
        ("28.12.", TimeDepth::Day),
        ("٢٨/١٢/٢٠٢٦", TimeDepth::Day),
        ("next Monday", TimeDepth::Day),
        ("tomorrow", TimeDepth::Day),
        ("in December", TimeDepth::Month),
        ("in December 2026", TimeDepth::Month),
        ("in 2026", TimeDepth::Year),
        ("some time, they may march for 24 hours", TimeDepth::None),
        ("version 10.12.20.1 of 300 items at 3.5 km", TimeDepth::None),
    ] {
        for depth in TimeDepth::ALL {
            assert_eq!(goes(title, *depth), *depth >= finest, "{title} under {depth}");
        }
    }
    // The hour itself is held by its handling here, not by a ceiling.
    let mut held = with_title("a bomb at 18:00 on 28 December");
    rung_mut(&mut held, FieldPath::When, 0).handling.rel_to = RelTo::Only(BTreeSet::new());
    let judgement = judged(&held, &audience(terms()));
    let hits = &judgement.cell(FieldPath::Title).unwrap().hits;
    assert_eq!(
        hits.iter().map(|h| (h.word.as_str(), h.of.clone())).collect::<Vec<_>>(),
        [("18:00", Withheld::Field(FieldPath::When))]
    );
    let other_time = with(held, FieldPath::Title, vec![rung(text("a call at 07:15 on 3 October"))]);
    assert!(judged(&other_time, &audience(terms())).cell(FieldPath::Title).unwrap().granted.is_some());
}

#[test]
fn the_next_lower_rung_is_tried_and_its_words_become_secret_where_it_is_blocked() {
    let title =
        |texts: &[&str]| with(warning(), FieldPath::Title, texts.iter().map(|t| rung(text(t))).collect());
    let judgement =
        judged(&title(&["LARK tells of bombings", "unit 7 tells of bombings", "bombings"]), &to_b());
    let cell = judgement.cell(FieldPath::Title).unwrap();
    assert_eq!(cell.granted, Some(2));
    assert_eq!(cell.hits.iter().map(|h| h.rung).collect::<BTreeSet<_>>(), BTreeSet::from([0, 1]));
    // A word that only a blocked text holds must not slip out through another one.
    let mut chained = title(&["LARK tells of Operation Heron", "bombings"]);
    chained = with(chained, FieldPath::What, vec![rung(text("it is called Heron"))]);
    let judgement = judged(&chained, &to_b());
    assert_eq!(judgement.cell(FieldPath::What).unwrap().granted, None);
}

#[test]
fn two_texts_do_not_excuse_one_another_and_a_name_at_home_does() {
    let mut both = with(warning(), FieldPath::Title, vec![rung(text("plans made over Platform T"))]);
    both = with(both, FieldPath::What, vec![rung(text("bombings prepared over Platform T"))]);
    let judgement = judged(&both, &to_b());
    assert!(judgement.cell(FieldPath::Title).unwrap().granted.is_none());
    assert!(judgement.cell(FieldPath::What).unwrap().granted.is_none());
    // The author gives the group's name in the field whose value it is; a full text that stays at home mentions it, too.
    let mut home =
        with(template(), FieldPath::What, vec![for_nobody(text("bombings by Group G, paid from abroad"))]);
    home.fields
        .iter_mut()
        .find(|f| f.path == FieldPath::What)
        .unwrap()
        .rungs
        .push(rung(text("bombings by Group G")));
    let judgement = judged(&home, &to_b());
    assert_eq!(judgement.cell(FieldPath::What).unwrap().granted, Some(1));
    assert_eq!(judgement.cell(FieldPath::Who).unwrap().granted, Some(0));
    let without = with(home, FieldPath::Who, Vec::new());
    assert_eq!(judged(&without, &to_b()).cell(FieldPath::What).unwrap().granted, None);
}

/// A ladder of names leads from a fuller name down to a part of it; only the whole of a higher rung is too much.
#[test]
fn a_ladder_of_names_may_keep_part_of_a_name() {
    let granted = |warning: &Warning, path| judged(warning, &audience(terms())).cell(path).unwrap().granted;
    let giver = |depth, name: &str| Value::Giver(GiverName { depth, name: name.to_owned() });
    let named = with(
        template(),
        FieldPath::Giver,
        vec![
            for_nobody(giver(NamingDepth::Unit, "Unit 7 of Service A")),
            rung(giver(NamingDepth::Agency, "Service A")),
        ],
    );
    assert_eq!(granted(&named, FieldPath::Giver), Some(1));
    let who = |above: &str, below: &str| {
        with(template(), FieldPath::Who, vec![for_nobody(text(above)), rung(text(below))])
    };
    assert_eq!(granted(&who("Group G, third cell", "members of Group G"), FieldPath::Who), Some(1));
    assert_eq!(granted(&who("Group G", "members of Group G"), FieldPath::Who), None, "the whole of it");
    let target = |name: &str| {
        Value::Target(Target {
            kind: TargetKind::Location,
            name: name.to_owned(),
            protected: Default::default(),
        })
    };
    let aimed = with(
        template(),
        FieldPath::Target,
        vec![for_nobody(target("Hotel Q in City P")), rung(target("a place in City P"))],
    );
    assert_eq!(granted(&aimed, FieldPath::Target), Some(1));
}

/// The field that is a name's home excuses its mention, but never a person's name.
#[test]
fn a_person_is_not_named_by_way_of_a_group() {
    for who in ["Xyrovna", "the people of Sokol"] {
        let judgement = judged(&with(warning(), FieldPath::Who, vec![rung(text(who))]), &to_b());
        assert_eq!(judgement.cell(FieldPath::Who).unwrap().granted, None, "{who}");
    }
}

#[test]
fn protected_terms_are_found_in_every_spelling_and_excused_by_nothing() {
    let mut warning = template();
    warning.protected_terms =
        BTreeSet::from([protected_term(&TERMS_KEY, "Blue Heron"), protected_term(&TERMS_KEY, "LARK")]);
    for (title, found) in [
        ("blue heron flies", Some("blue heron")),
        ("BLUE-HERON", Some("BLUE-HERON")),
        ("BlueHeron", Some("BlueHeron")),
        ("b.l.u.e h e r o n", Some("b.l.u.e h e r o n")),
        ("Ｌａｒｋ", Some("Ｌａｒｋ")),
        ("la\u{200b}rk", Some("la\u{200b}rk")),
        ("the blue bird and a heron", None),
        ("larks", None),
    ] {
        let judgement =
            judged(&with(warning.clone(), FieldPath::Title, vec![rung(text(title))]), &audience(terms()));
        let cell = judgement.cell(FieldPath::Title).unwrap();
        let hit = cell.hits.first().map(|h| (h.word.replace('\u{200b}', ""), h.of.clone()));
        assert_eq!(hit, found.map(|w| (w.replace('\u{200b}', ""), Withheld::ProtectedTerm)), "{title}");
    }
    let place = Place {
        grain: PlaceGrain::Address,
        name: "Lark House".to_owned(),
        within: vec![],
        microdegrees: None,
    };
    let named = with(warning, FieldPath::Where, vec![rung(Value::Place(place))]);
    let judgement = judged(&named, &audience(terms()));
    assert!(judgement.cell(FieldPath::Where).unwrap().granted.is_none(), "a place's name is looked at, too");
    assert_ne!(protected_term(&TERMS_KEY, "LARK"), protected_term(&[8; 32], "LARK"));
    assert_eq!(protected_term(&TERMS_KEY, "LARK"), protected_term(&TERMS_KEY, "lark"));
}

#[test]
fn the_labels_of_a_handling_are_words_too() {
    let mut warning = warning();
    rung_mut(&mut warning, FieldPath::What, 0).handling.alt_labels.insert("EYES OF UNIT 7".to_owned());
    let judgement = judged(&warning, &to_b());
    assert_eq!(judgement.cell(FieldPath::What).unwrap().granted, Some(1));
}

#[test]
fn a_release_officer_other_than_the_author_lets_a_word_stand() {
    let warning = with(warning(), FieldPath::Title, vec![rung(text("plans over Platform T by unit 7"))]);
    let overriding = |word: &str, by: &str| TextOverride {
        path: FieldPath::Title,
        rung: 0,
        word: word.to_owned(),
        by: by.parse().unwrap(),
        reason: "public since yesterday".to_owned(),
    };
    let granted = |overrides: &[TextOverride]| {
        let judgement = judge(&warning, &to_b(), &us(), &TERMS_KEY, overrides, now());
        let cell = judgement.cell(FieldPath::Title).unwrap().clone();
        (cell.granted, cell.hits.iter().filter(|h| h.overridden_by.is_some()).count())
    };
    assert_eq!(granted(&[]), (None, 0));
    assert_eq!(granted(&[overriding("Platform T", "r.officer")]), (None, 1), "one word of two");
    let both = [overriding("platform t", "r.officer"), overriding("unit 7", "r.officer")];
    assert_eq!(granted(&both), (Some(0), 2));
    let author = [overriding("platform t", "m.writer"), overriding("unit 7", "m.writer")];
    assert_eq!(granted(&author), (None, 0), "never the author");
    let elsewhere = both.clone().map(|o| TextOverride { path: FieldPath::What, ..o });
    assert_eq!(granted(&elsewhere), (None, 0));
}

#[test]
fn a_party_is_never_named_to_another() {
    let mut warning = with(template(), FieldPath::Title, vec![rung(text("as told by service-c.example"))]);
    rung_mut(&mut warning, FieldPath::SourceLine, 0).handling.rel_to =
        RelTo::Only(BTreeSet::from([party("service-b.example"), party("service-c.example")]));
    let judgement = judged(&warning, &audience(terms()));
    assert_eq!(judgement.cell(FieldPath::Title).unwrap().hits[0].of, Withheld::Party);
    assert!(!text_of(&rendered(&warning, &audience(terms())).unwrap()).contains("service-c"));
}
