//! Two warnings that are equal in what a recipient may see render to identical bytes for it (docs/rules.md I-02, I-03).

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod generate;

use std::collections::BTreeSet;

use disclosure::{Audience, Cell, Judgement, Path};
use generate::many::{audiences, canary, other_protected_terms, warnings};
use generate::*;
use jiff::civil::Date;
use model::handling::{Handling, RelTo};
use model::ladder::*;
use model::subject::Subject;
use model::vocab::*;
use model::warning::{DutyAssessment, DutyDecision, ProtectedTerm, Warning};
use proptest::prelude::*;

/// What is changed behind the recipient's back.
#[derive(Debug, Clone)]
struct Behind {
    /// Rungs written above the granted one, and whether those that stand there go.
    above: Vec<bool>,
    clear: Vec<bool>,
    /// Persons that nobody is told of, and where they are put among the others.
    hidden: Vec<prop::sample::Index>,
    drop_hidden: bool,
    terms: BTreeSet<ProtectedTerm>,
    precedence: Precedence,
    /// Names that a field of this recipient never shows.
    seed: u32,
}

fn behind() -> impl Strategy<Value = Behind> {
    (
        prop::collection::vec(any::<bool>(), 40),
        prop::collection::vec(any::<bool>(), 40),
        prop::collection::vec(any::<prop::sample::Index>(), 0..3),
        any::<bool>(),
        other_protected_terms(),
        many_precedences(),
        any::<u32>(),
    )
        .prop_map(|(above, clear, hidden, drop_hidden, terms, precedence, seed)| Behind {
            above,
            clear,
            hidden,
            drop_hidden,
            terms,
            precedence,
            seed,
        })
}

fn many_precedences() -> impl Strategy<Value = Precedence> {
    generate::many::one_of(Precedence::ALL)
}

fn for_nobody() -> Handling {
    Handling { rel_to: RelTo::Only(BTreeSet::new()), ..Handling::open() }
}

/// A value of the same kind that stands nowhere else.
fn other(value: &Value, n: u32) -> Value {
    let word = canary(50_000 + usize::try_from(n % 40_000).unwrap());
    match value {
        Value::Text(_) => Value::Text(format!("quite another thing, {word}")),
        Value::Time(time) => {
            Value::Time(TimeValue { from: time.from + jiff::SignedDuration::from_secs(5), ..*time })
        }
        Value::Place(place) => Value::Place(Place { name: word, within: Vec::new(), ..place.clone() }),
        Value::Person(_) => {
            Value::Person(PersonValue::Named { name: word, aliases: Vec::new(), identifiers: Vec::new() })
        }
        Value::Target(target) => Value::Target(Target { name: word, ..target.clone() }),
        Value::Giver(giver) => Value::Giver(GiverName { name: word, ..giver.clone() }),
        Value::Grade(grade) => Value::Grade(Grade { source: word, ..grade.clone() }),
        Value::Status(status) => {
            Value::Status(model::subject::StatusAssertion { asserted_by: word, ..status.clone() })
        }
        Value::Harm(_) => Value::Harm(BTreeSet::from([HarmKind::Extortion])),
        Value::Likelihood(_) => Value::Likelihood(Likelihood::AlmostNoChance),
        Value::Confidence(_) => Value::Confidence(Confidence::Low),
        Value::Validity(v) => {
            Value::Validity(Validity { until: v.until + jiff::SignedDuration::from_hours(99), ..*v })
        }
    }
}

/// Changes a ladder in whatever the recipient does not get of it: the values above and below the granted rung, their
/// number, their order.
fn change_ladder(rungs: &mut Vec<Rung>, cell: &Cell, behind: &Behind, n: usize) {
    if cell.bare.is_some() {
        // The kinds of target and of harm to life are what it gets; nothing of the ladder is free.
        return;
    }
    let salt = |k: usize| behind.seed.wrapping_add(u32::try_from(n * 97 + k).unwrap());
    let flip = |flags: &[bool]| flags[n % flags.len()];
    let sample = rungs.first().cloned();
    match cell.granted {
        Some(granted) => {
            for (k, rung) in rungs.iter_mut().enumerate().filter(|(k, _)| *k != granted) {
                rung.value = other(&rung.value, salt(k));
            }
            rungs.truncate(granted + 1);
            if flip(&behind.clear) {
                rungs.drain(..granted);
            } else {
                rungs[..granted].reverse();
            }
        }
        None if flip(&behind.clear) => rungs.clear(),
        None => {
            for (k, rung) in rungs.iter_mut().enumerate() {
                rung.value = other(&rung.value, salt(k));
            }
            rungs.reverse();
        }
    }
    if let Some(sample) = sample.filter(|_| flip(&behind.above)) {
        rungs.insert(0, Rung { value: other(&sample.value, salt(31)), handling: for_nobody() });
    }
}

fn hidden_person(n: usize) -> Subject {
    let named = PersonValue::Named {
        name: format!("{} {}", canary(90_000 + n), canary(91_000 + n)),
        aliases: Vec::new(),
        identifiers: Vec::new(),
    };
    Subject {
        pseudonym: format!("Hidden {n}"),
        category: SubjectCategory::Witness,
        purpose: Purpose::Investigate,
        grounds: BTreeSet::from([Ground::WitnessOfHarm]),
        review_date: Date::constant(2028, 1, 1),
        identity_basis: IdentityBasis::Confirmed,
        identity: vec![Rung { value: Value::Person(named), handling: for_nobody() }],
        status: Vec::new(),
    }
}

/// The same warning, as far as the recipient of this judgement can see.
fn disguised(warning: &Warning, judgement: &Judgement, audience: &Audience, behind: &Behind) -> Warning {
    let mut other = warning.clone();
    let cell = |path| judgement.cell(path).unwrap();
    for (n, field) in other.fields.iter_mut().enumerate() {
        // On the life floor the kind of target is told whenever there is a target of which it may be told.
        if audience.path == Path::ImminentDanger && field.path == FieldPath::Target {
            continue;
        }
        change_ladder(&mut field.rungs, cell(field.path), behind, n);
    }
    for (n, subject) in (1u8..).zip(&mut other.subjects) {
        change_ladder(
            &mut subject.identity,
            cell(FieldPath::SubjectIdentity(n)),
            behind,
            20 + usize::from(n),
        );
        if let Some(cell) = judgement.cell(FieldPath::SubjectStatus(n)) {
            change_ladder(&mut subject.status, cell, behind, 30 + usize::from(n));
        }
    }
    if behind.drop_hidden {
        let mut n = 0;
        other.subjects.retain(|_| {
            n += 1;
            cell(FieldPath::SubjectIdentity(n)).granted.is_some()
        });
    }
    for (n, index) in behind.hidden.iter().enumerate() {
        let at = index.index(other.subjects.len() + 1);
        other.subjects.insert(at, hidden_person(n));
    }
    other.case = behind.seed.is_multiple_of(2).then(|| format!("case {}", canary(70_000)));
    other.author = "another.hand".parse().unwrap();
    other.graded_by = "another.grader".parse().unwrap();
    other.aware_at = at("2026-12-01T01:02:03Z");
    other.precedence = behind.precedence;
    other.protected_terms = behind.terms.clone();
    other.sources = BTreeSet::from([model::id::SourceId::make(now(), [5; 10])]);
    other.duty = Some(DutyAssessment {
        credible: true,
        specific: false,
        impending: true,
        deadline: Some(at("2026-12-11T00:00:00Z")),
        decision: Some(DutyDecision::Warn { by: "an.officer".parse().unwrap(), at: now() }),
    });
    let elsewhere = model::body::EntryName { origin: format!("forewarn/log/{}", "ab".repeat(32)), index: 4 };
    other.under = elsewhere.entry();
    other
}

fn looks_alike(warning: &Warning, audience: &Audience, behind: &Behind) -> Result<(), TestCaseError> {
    let judgement = judged(warning, audience);
    // A text that a withheld value blocks is a difference that the recipient may see; `leak` tests it.
    if judgement.cells.iter().any(|c| !c.hits.is_empty()) {
        return Ok(());
    }
    let disguised = disguised(warning, &judgement, audience, behind);
    let (one, other) = (rendered(warning, audience), rendered(&disguised, audience));
    prop_assert_eq!(one.is_some(), other.is_some());
    if let (Some(one), Some(other)) = (one, other) {
        prop_assert_eq!(text_of(&one), text_of(&other));
        prop_assert_eq!(one.content_digest(), other.content_digest());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn what_a_recipient_may_not_see_changes_no_byte(
        planted in warnings(),
        audience in audiences(),
        behind in behind(),
    ) {
        looks_alike(&planted.warning, &audience, &behind)?;
    }
}

/// A change of something that is not seen, by hand: each of these is a channel through which deletion leaked.
#[test]
fn the_template_and_its_twin_look_alike_to_a_recipient_that_gets_little() {
    let mut little = audience(terms());
    little.domain.as_mut().unwrap().terms.persons = PersonsRule::None;
    little.domain.as_mut().unwrap().terms.time = TimeDepth::Day;
    little.domain.as_mut().unwrap().terms.naming = NamingDepth::APartner;
    let one = template();
    let mut twin = one.clone();
    rung_mut(&mut twin, FieldPath::When, 0).value =
        Value::Time(TimeValue { from: at("2026-12-28T07:31:00Z"), to: None, depth: TimeDepth::Exact });
    rung_mut(&mut twin, FieldPath::Giver, 0).value =
        Value::Giver(GiverName { depth: NamingDepth::Unit, name: "unit 7".to_owned() });
    twin.subjects[0].identity[0].value = Value::Person(PersonValue::Named {
        name: "Somebody Else".to_owned(),
        aliases: vec!["Other".to_owned()],
        identifiers: vec!["born 1970".to_owned()],
    });
    twin.subjects.insert(0, hidden_person(1));
    twin.sources.insert(model::id::SourceId::make(now(), [8; 10]));
    assert_eq!(rendered(&one, &little), rendered(&twin, &little));
    little.path = Path::ImminentDanger;
    little.domain = None;
    rung_mut(&mut twin, FieldPath::When, 0).value = one.ladders()[6].rungs[0].value.clone();
    assert_eq!(rendered(&one, &little), rendered(&twin, &little), "nor on the life floor");
}

/// Nothing here can open a source: a warning holds only ids and digests of it, and both may be gone.
#[test]
fn a_rendering_is_the_same_when_the_sources_are_absent() {
    let mut without = template();
    without.sources.clear();
    without.protected_terms.clear();
    let mut with = template();
    with.sources.insert(model::id::SourceId::make(now(), [8; 10]));
    assert_eq!(rendered(&without, &audience(terms())), rendered(&with, &audience(terms())));
}
