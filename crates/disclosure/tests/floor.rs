//! The life floor (docs/rules.md I-41): for killing, serious injury and kidnapping the bare threat goes whatever is agreed, and
//! nothing else goes with it.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod generate;

use std::collections::BTreeSet;

use disclosure::{Audience, Basis, Path, Rule, Verdict, why_not_more};
use generate::many::{audiences, warnings};
use generate::*;
use model::handling::{Handling, Purposes, RelTo};
use model::ladder::*;
use model::state::DomainState;
use model::vocab::*;
use model::warning::Warning;
use proptest::prelude::*;

fn imminent(domain: Option<DomainState>) -> Audience {
    let domain = domain.map(|state| {
        let mut standing = standing(state, terms());
        standing.pilot_scope.clear();
        standing
    });
    Audience { domain, path: Path::ImminentDanger, ..audience(terms()) }
}

fn threatening(harm: HarmKind) -> Warning {
    with(template(), FieldPath::Harm, vec![rung(Value::Harm(BTreeSet::from([harm])))])
}

/// A warning every word of which service-c.example owns.
fn owned_by_c(harm: HarmKind) -> Warning {
    let mut warning = threatening(harm);
    for rung in warning.fields.iter_mut().flat_map(|f| &mut f.rungs).chain(&mut warning.subjects[0].identity)
    {
        rung.handling.orcon = BTreeSet::from([party("service-c.example")]);
    }
    warning
}

fn told(warning: &Warning, audience: &Audience) -> Vec<String> {
    let Some(rendering) = rendered(warning, audience) else { return Vec::new() };
    let read = model::received::read(rendering.bytes()).unwrap();
    read.fields.into_iter().map(|f| f.path).collect()
}

#[test]
fn the_bare_threat_goes_in_every_state_with_every_agreement_for_every_harm_to_life() {
    use DomainState::{Active, Proposed, Refused, Resuming, Suspended, Terminated};
    let states = [
        None,
        Some(Active),
        Some(Proposed),
        Some(Suspended),
        Some(Resuming),
        Some(Terminated),
        Some(Refused),
    ];
    for state in states {
        for harm in HarmKind::ALL {
            for owned in [false, true] {
                for struck_out in [false, true] {
                    let warning = if owned { owned_by_c(*harm) } else { threatening(*harm) };
                    let mut to_b = imminent(state);
                    to_b.struck_out.extend(struck_out.then(|| party("service-c.example")));
                    let case = format!("{state:?} {harm} owned: {owned}, struck out: {struck_out}");
                    let judgement = judged(&warning, &to_b);
                    let agreed = state == Some(Active) && !owned;
                    let floor = harm.threatens_life() && !(owned && struck_out);
                    assert_eq!(judgement.may_go(), agreed || floor, "{case}");
                    if floor {
                        let fields = told(&warning, &to_b);
                        for path in ["harm", "target", "what", "where", "when", "how"] {
                            assert!(fields.contains(&path.to_owned()), "{case}: {path} in {fields:?}");
                        }
                    }
                    if floor && !agreed {
                        let fields = told(&warning, &to_b);
                        assert_eq!(fields, ["harm", "target", "what", "where", "when", "how"], "{case}");
                        let bytes = text_of(&rendered(&warning, &to_b).unwrap());
                        for withheld in [
                            "Subject 1",
                            "source with direct access",
                            "B2",
                            "Group G",
                            "Service A",
                            "likely",
                            "moderate",
                        ] {
                            assert!(!bytes.contains(withheld), "{case}: {withheld}");
                        }
                        assert!(judgement.handling.is_at_least(&Handling::strictest_default()), "{case}");
                    }
                    if !agreed && !floor && harm.threatens_life() {
                        let Verdict::Held(why) = &judgement.whole else { panic!("{case}") };
                        assert_eq!(why.rule, Rule::StruckOut, "{case}");
                        assert!(why.hint.contains("call service-c.example now"), "{case}: {}", why.hint);
                    }
                    let expected: BTreeSet<_> =
                        (floor && owned).then(|| party("service-c.example")).into_iter().collect();
                    assert_eq!(judgement.tell, expected, "{case}: the originator is told at once");
                }
            }
        }
    }
}

#[test]
fn the_state_of_a_held_domain_changes_no_byte_of_the_bare_threat() {
    use DomainState::{Proposed, Refused, Resuming, Suspended, Terminated};
    let without = rendered(&template(), &imminent(None)).unwrap();
    for state in [Proposed, Suspended, Resuming, Terminated, Refused] {
        assert_eq!(rendered(&template(), &imminent(Some(state))).unwrap(), without, "{state}");
    }
    let header = model::received::release_header(without.bytes()).unwrap();
    assert!(header.life_floor && header.agreement.is_none() && header.valid_until.is_none());
    assert_eq!(header.handling.handling().unwrap().tlp, Tlp::Red);
}

#[test]
fn an_agreement_that_admits_everything_gives_the_ordinary_judgement() {
    let ordinary = judged(&template(), &audience(terms()));
    let imminent = judged(&template(), &imminent(Some(DomainState::Active)));
    assert_eq!(imminent, ordinary);
    assert!(matches!(imminent.basis, Basis::Agreement(_)));
}

#[test]
fn what_is_the_recipients_own_is_struck_out_by_nobody() {
    let mut warning = template();
    rung_mut(&mut warning, FieldPath::Harm, 0).handling.orcon = BTreeSet::from([b(), us()]);
    let mut to_b = imminent(None);
    to_b.struck_out = BTreeSet::from([b(), us()]);
    assert!(judged(&warning, &to_b).may_go());
    assert!(judged(&warning, &to_b).tell.is_empty());
}

#[test]
fn the_ordinary_path_has_no_floor() {
    for state in [None, Some(DomainState::Suspended)] {
        let judgement = judged(&template(), &Audience { path: Path::Ordinary, ..imminent(state) });
        assert!(!judgement.may_go());
    }
}

#[test]
fn the_floor_is_for_those_who_can_protect() {
    let mut to_c = imminent(None);
    to_c.party = party("service-c.example");
    let judgement = judged(&template(), &to_c);
    let Verdict::Held(why) = &judgement.whole else { panic!("only service-b.example is a protector") };
    assert!(why.hint.contains("name it as a protector"), "{why}");
    let mut unnamed = template();
    unnamed.protectors.clear();
    assert!(judged(&unnamed, &to_c).may_go());
}

/// Where the domain is open, no threat field is given lower than the floor gives it.
#[test]
fn under_an_agreement_the_floor_still_bears_the_threat() {
    let mut warning = template();
    let silent = BTreeSet::from([party("service-c.example")]);
    rung_mut(&mut warning, FieldPath::What, 0).handling.orcon = silent.clone();
    rung_mut(&mut warning, FieldPath::SourceLine, 0).handling.orcon = silent;
    let coarse = model::agreement::DomainTerms { time: TimeDepth::Month, ..terms() };
    let mut to_b = audience(coarse);
    let ordinary = judged(&warning, &to_b);
    assert_eq!(ordinary.cell(FieldPath::What).unwrap().granted, Some(1));
    assert_eq!(ordinary.cell(FieldPath::When).unwrap().granted, Some(3));
    to_b.path = Path::ImminentDanger;
    let floor = judged(&warning, &to_b);
    assert!(matches!(floor.basis, Basis::Agreement(_)));
    let what = floor.cell(FieldPath::What).unwrap();
    assert_eq!((what.granted, what.by_floor), (Some(0), true));
    assert_eq!(floor.cell(FieldPath::When).unwrap().granted, Some(0), "no ceiling on the hour of a killing");
    assert_eq!(
        floor.cell(FieldPath::SourceLine).unwrap().granted,
        None,
        "the floor carries nothing but the threat"
    );
    assert!(floor.cell(FieldPath::Title).unwrap().granted.is_some(), "what is agreed still goes");
    assert!(floor.handling.is_at_least(&Handling::strictest_default()));
    assert_eq!(floor.tell, BTreeSet::from([party("service-c.example")]));
}

#[test]
fn an_explicit_rel_to_still_holds_a_rung_and_harm_and_target_have_a_lowest_expression() {
    let mut warning = template();
    for rung in warning.fields.iter_mut().flat_map(|f| &mut f.rungs) {
        rung.handling.rel_to = RelTo::Only(BTreeSet::from([party("service-d.example")]));
    }
    let judgement = judged(&warning, &imminent(None));
    assert!(judgement.may_go());
    assert_eq!(told(&warning, &imminent(None)), ["harm", "target"]);
    let bytes = text_of(&rendered(&warning, &imminent(None)).unwrap());
    assert!(bytes.contains("\"a location\"") && !bytes.contains("public places"), "{bytes}");
    assert!(bytes.contains("Warning: killing") && !bytes.contains("service-d"), "{bytes}");
    let why = why_not_more(&judgement, FieldPath::Target);
    assert!(why.iter().any(|r| r.rule == Rule::RelTo), "{why:?}");
}

#[test]
fn an_unreadable_marking_and_a_foreign_purpose_hold_a_rung_on_the_floor() {
    let mut warning = template();
    rung_mut(&mut warning, FieldPath::How, 0).handling.unknown_markings.insert("X-7".to_owned());
    for at in [0, 1] {
        let oversight = Purposes::Only(BTreeSet::from([Purpose::Oversight]));
        rung_mut(&mut warning, FieldPath::What, at).handling.purposes = oversight;
    }
    assert_eq!(told(&warning, &imminent(None)), ["harm", "target", "where", "when"]);
}

#[test]
fn the_intended_victim_is_the_only_person_on_the_floor() {
    for category in SubjectCategory::ALL {
        let mut warning = template();
        warning.subjects[0].category = *category;
        let mut to_b = imminent(None);
        to_b.risk_assessed = false;
        let victim = *category == SubjectCategory::IntendedVictim;
        let bytes = text_of(&rendered(&warning, &to_b).unwrap());
        assert_eq!(bytes.contains("Name of Subject 1"), victim, "{category}");
        assert_eq!(bytes.contains("\"individual\""), victim, "{category}");
        warning.subjects[0].grounds = BTreeSet::from([Ground::Journalism]);
        let bytes = text_of(&rendered(&warning, &to_b).unwrap());
        assert!(!bytes.contains("Name of Subject 1"), "the guard withholds persons, never the threat");
    }
}

#[test]
fn the_floor_is_passed_to_prevent_harm_whatever_was_stated() {
    for purpose in Purpose::ALL {
        let to_b = Audience { purpose: *purpose, ..imminent(None) };
        let header = model::received::release_header(rendered(&template(), &to_b).unwrap().bytes()).unwrap();
        let expected = if *purpose == Purpose::ProtectVictim { *purpose } else { Purpose::PreventHarm };
        assert_eq!(header.purpose, expected, "{purpose}");
    }
}

#[test]
fn judgements_in_everyday_words_do_not_block_the_threat() {
    let warning = with(
        template(),
        FieldPath::What,
        vec![rung(text("an attack is likely, with high confidence tonight"))],
    );
    assert!(told(&warning, &imminent(None)).contains(&"what".to_owned()));
    let told_of_source =
        with(template(), FieldPath::What, vec![rung(text("Service A says that an attack comes"))]);
    assert!(
        !told(&told_of_source, &imminent(None)).contains(&"what".to_owned()),
        "the giver is not named by the way"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// On the imminent-danger path every life-threatening warning goes to a protector, unless an originator of the harm
    /// struck the exception out; and no agreement makes the threat less than the floor.
    #[test]
    fn nothing_stops_the_bare_threat_and_no_agreement_lessens_it(planted in warnings(), audience in audiences()) {
        let mut warning = planted.warning;
        warning.protectors.clear();
        let harm = warning.fields.iter_mut().find(|f| f.path == FieldPath::Harm).unwrap();
        if harm.rungs.is_empty() {
            harm.rungs.push(rung(Value::Harm(BTreeSet::new())));
        }
        harm.rungs[0].value = Value::Harm(BTreeSet::from([HarmKind::Kidnapping, HarmKind::Fraud]));
        let to_b = Audience { path: Path::ImminentDanger, struck_out: BTreeSet::new(), ..audience };
        let agreed = judged(&warning, &to_b);
        prop_assert!(agreed.may_go());
        let alone = judged(&warning, &Audience { domain: None, ..to_b.clone() });
        prop_assert_eq!(alone.basis, Basis::LifeFloor);
        for (floor, with_agreement) in alone.cells.iter().zip(&agreed.cells) {
            let victim = warning.subject(floor.path).is_some_and(|s| s.is_intended_victim());
            let threat = floor.path.is_threat() || (victim && matches!(floor.path, FieldPath::SubjectIdentity(_)));
            prop_assert!(threat || !floor.speaks(), "{} is no threat", floor.path);
            // A text on the floor may be blocked for what the agreement gives, never the other way.
            let (least, given) = (floor.granted.map_or(99, |g| g), with_agreement.granted.map_or(99, |g| g));
            prop_assert!(given <= least, "{}: {:?} under the agreement, {:?} without", floor.path, with_agreement.granted, floor.granted);
            prop_assert!(!floor.speaks() || with_agreement.speaks());
        }
        prop_assert!(rendered(&warning, &to_b).is_some());
    }
}
