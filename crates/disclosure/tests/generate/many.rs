//! Generators: warnings with a canary of their own in every value, random handling, random audiences.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::{BTreeMap, BTreeSet};

use disclosure::{Audience, Path};
use jiff::Timestamp;
use jiff::civil::Date;
use model::agreement::{Clocks, DomainTerms, OpeningState};
use model::handling::{Handling, Purposes, RelTo};
use model::id::{Digest, PartyName, WarningId};
use model::ladder::*;
use model::relation::DomainStanding;
use model::state::DomainState;
use model::subject::{StatusAssertion, Subject};
use model::vocab::*;
use model::warning::Warning;
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};

use super::{at, now, party};

/// A word that stands in one value only: fixed width, so that none is part of another.
pub fn canary(n: usize) -> String {
    format!("Kz{n:05}w")
}

/// A warning with its canaries: which word stands in which rung of which ladder.
#[derive(Debug, Clone)]
pub struct Planted {
    pub warning: Warning,
    /// Canaries by ladder and rung.
    pub homes: BTreeMap<String, (FieldPath, usize)>,
    /// Canaries that belong to nobody's field: the case, protected terms, parties, unknown markings.
    pub never: BTreeSet<String>,
}

pub fn one_of<T: Copy + std::fmt::Debug + 'static>(all: &'static [T]) -> impl Strategy<Value = T> + Clone {
    select(all)
}

pub fn some_of<T: Copy + Ord + std::fmt::Debug + 'static>(
    all: &'static [T],
) -> impl Strategy<Value = BTreeSet<T>> {
    subsequence(all.to_vec(), 0..=all.len()).prop_map(|v| v.into_iter().collect())
}

fn parties(names: &'static [&'static str]) -> impl Strategy<Value = BTreeSet<PartyName>> {
    subsequence(names.to_vec(), 0..=names.len()).prop_map(|v| v.into_iter().map(party).collect())
}

const OTHERS: &[&str] = &["service-b.example", "service-c.example", "service-d.example"];
const OWNERS: &[&str] = &["service-a.example", "service-b.example", "service-c.example", "service-d.example"];
const ASSURANCES: &[&str] = &["no coercive action on this alone", "no death penalty"];

pub fn assurances() -> impl Strategy<Value = BTreeSet<String>> {
    subsequence(ASSURANCES.to_vec(), 0..=2).prop_map(|v| v.into_iter().map(str::to_owned).collect())
}

/// Any handling at all.
pub fn handling() -> impl Strategy<Value = Handling> {
    let who = (
        prop_oneof![3 => Just(None), 2 => parties(OTHERS).prop_map(Some)],
        prop_oneof![3 => Just(BTreeSet::new()), 1 => parties(OWNERS)],
        prop_oneof![3 => Just(None), 1 => some_of(Purpose::ALL).prop_map(Some)],
        prop_oneof![4 => Just(BTreeSet::new()), 1 => assurances()],
        prop_oneof![6 => Just(None), 1 => Just(Some(at("2026-12-01T00:00:00Z"))), 2 => Just(Some(at("2027-02-01T00:00:00Z")))],
        prop_oneof![12 => Just(false), 1 => Just(true)],
    );
    let rules = (
        prop_oneof![4 => one_of(&[Tlp::Clear, Tlp::Green, Tlp::Amber, Tlp::AmberStrict]), 1 => Just(Tlp::Red)],
        one_of(Pap::ALL),
        some_of(HCode::ALL),
        one_of(Evidential::ALL),
        one_of(Onward::ALL),
        one_of(Publicity::ALL),
        one_of(PersonsUse::ALL),
    );
    (who, rules).prop_map(|(who, (tlp, pap, hcodes, evidential, onward, publicity, persons))| {
        let (rel_to, orcon, purposes, assurances, valid_until, unknown) = who;
        Handling {
            tlp,
            pap,
            hcodes,
            iep: BTreeSet::new(),
            rel_to: rel_to.map_or(RelTo::Any, RelTo::Only),
            orcon,
            purposes: purposes.map_or(Purposes::Any, Purposes::Only),
            evidential,
            onward,
            publicity,
            persons,
            assurances,
            valid_until,
            alt_labels: BTreeSet::new(),
            unknown_markings: if unknown { BTreeSet::from(["STRANGE".to_owned()]) } else { BTreeSet::new() },
        }
    })
}

/// Numbers canaries as values are made.
struct Mint {
    next: usize,
    homes: BTreeMap<String, (FieldPath, usize)>,
}

impl Mint {
    fn word(&mut self, path: FieldPath, rung: usize) -> String {
        let word = canary(self.next);
        self.next += 1;
        self.homes.insert(word.clone(), (path, rung));
        word
    }

    fn value(&mut self, path: FieldPath, rung: usize, pick: Index) -> Value {
        let pick = |n: usize| pick.index(n);
        let mut word = || self.word(path, rung);
        match path {
            FieldPath::Title | FieldPath::What | FieldPath::Who | FieldPath::How | FieldPath::SourceLine => {
                Value::Text(format!("that which is told of {} here, in several words", word()))
            }
            FieldPath::Harm => {
                let first = HarmKind::ALL[pick(HarmKind::ALL.len())];
                Value::Harm(BTreeSet::from([first, HarmKind::Fraud]))
            }
            FieldPath::Target => Value::Target(Target {
                kind: TargetKind::ALL[pick(TargetKind::ALL.len())],
                name: format!("people near {} and elsewhere in town", word()),
                protected: BTreeSet::from([(ProtectedBy::Territory, "a country".to_owned())]),
            }),
            FieldPath::Where => Value::Place(Place {
                grain: [PlaceGrain::City, PlaceGrain::District, PlaceGrain::Address][pick(3)],
                name: word(),
                within: vec![(PlaceGrain::Region, word()), (PlaceGrain::Country, word())],
                microdegrees: Some((48_208_174 + i32::try_from(pick(1000)).unwrap(), -16_373_819)),
            }),
            FieldPath::When => Value::Time(time(pick(7), pick(1_000_000))),
            FieldPath::Giver => Value::Giver(GiverName {
                depth: NamingDepth::ALL[pick(NamingDepth::ALL.len())],
                name: format!("the service {}", word()),
            }),
            FieldPath::Grade => Value::Grade(Grade {
                scheme: GradeScheme::ALL[pick(GradeScheme::ALL.len())],
                source: word(),
                info: word(),
            }),
            FieldPath::Likelihood => Value::Likelihood(Likelihood::ALL[pick(7)]),
            FieldPath::Confidence => Value::Confidence(Confidence::ALL[pick(3)]),
            FieldPath::Validity => Value::Validity(Validity {
                from: at("2026-12-10T09:10:11Z"),
                until: at("2026-12-20T09:10:11Z") + jiff::SignedDuration::from_secs(pick(100_000) as i64),
            }),
            FieldPath::SubjectIdentity(_) if pick(3) == 0 => Value::Person(PersonValue::APerson),
            FieldPath::SubjectIdentity(_) => Value::Person(PersonValue::Named {
                name: format!("{} {}", word(), word()),
                aliases: vec![word()],
                identifiers: vec![format!("bearer of {}", word())],
            }),
            FieldPath::SubjectStatus(_) => Value::Status(StatusAssertion {
                status: SubjectStatus::ALL[pick(SubjectStatus::ALL.len())],
                asserted_by: format!("the court {}", word()),
                as_of: Date::constant(2026, 11, 3),
                valid_until: None,
                basis: StatusBasis::ALL[pick(3)],
            }),
        }
    }
}

fn time(depth: usize, seconds: usize) -> TimeValue {
    let from: Timestamp = at("2026-12-20T00:00:07Z") + jiff::SignedDuration::from_secs(seconds as i64);
    let exact = TimeValue { from, to: None, depth: TimeDepth::Exact };
    exact.coarsened(TimeDepth::ALL[depth].max(TimeDepth::Recently))
}

const PATHS: &[FieldPath] = &[
    FieldPath::Title,
    FieldPath::Harm,
    FieldPath::Target,
    FieldPath::What,
    FieldPath::Who,
    FieldPath::Where,
    FieldPath::When,
    FieldPath::How,
    FieldPath::Giver,
    FieldPath::SourceLine,
    FieldPath::Grade,
    FieldPath::Likelihood,
    FieldPath::Confidence,
    FieldPath::Validity,
];

type RungPlan = (Handling, Index);

fn rungs() -> impl Strategy<Value = Vec<RungPlan>> {
    vec((handling(), any::<Index>()), 0..=3)
}

/// A word of one value, mentioned in the text of another: which text, which word, how spelt.
type Mention = (Index, Index, Index);

/// Warnings without mentions: every word stands in its own value only.
pub fn warnings() -> impl Strategy<Value = Planted> {
    planted(Just(Vec::new()).boxed())
}

/// Warnings in whose texts words of other values are mentioned, in various spellings.
pub fn talkative_warnings() -> impl Strategy<Value = Planted> {
    planted(vec((any::<Index>(), any::<Index>(), any::<Index>()), 1..=4).boxed())
}

/// What stands beside the ladders: status, domain, kind, protectors, precedence, randomness of the id.
fn heads() -> impl Strategy<Value = (Status, Domain, MatterKind, BTreeSet<PartyName>, Precedence, [u8; 10])> {
    (
        one_of(Status::ALL),
        one_of(Domain::ALL),
        one_of(MatterKind::ALL),
        parties(OTHERS),
        one_of(Precedence::ALL),
        any::<[u8; 10]>(),
    )
}

fn planted(mentions: BoxedStrategy<Vec<Mention>>) -> impl Strategy<Value = Planted> {
    let subjects = vec(
        (rungs(), rungs(), one_of(SubjectCategory::ALL), one_of(IdentityBasis::ALL), one_of(Ground::ALL)),
        0..=3,
    );
    (vec(rungs(), PATHS.len()), subjects, heads(), mentions).prop_map(|(ladders, persons, head, mentions)| {
        let mut mint = Mint { next: 0, homes: BTreeMap::new() };
        let mut ladder = |path: FieldPath, plan: &Vec<RungPlan>| -> Vec<Rung> {
            let rung = |(n, (handling, pick)): (usize, &RungPlan)| Rung {
                value: mint.value(path, n, *pick),
                handling: handling.clone(),
            };
            plan.iter().enumerate().map(rung).collect()
        };
        let fields = PATHS
            .iter()
            .zip(&ladders)
            .map(|(path, plan)| Field { path: *path, rungs: ladder(*path, plan) })
            .collect();
        let subjects = (1u8..)
            .zip(&persons)
            .map(|(n, (identity, status, category, basis, ground))| Subject {
                pseudonym: format!("Subject {n}"),
                category: *category,
                purpose: Purpose::PreventHarm,
                grounds: BTreeSet::from([*ground]),
                review_date: Date::constant(2027, 6, 1),
                identity_basis: *basis,
                identity: ladder(FieldPath::SubjectIdentity(n), identity),
                status: ladder(FieldPath::SubjectStatus(n), status),
            })
            .collect();
        let (status, domain, kind, protectors, precedence, random) = head;
        let mut next = mint.next;
        let mut own = || {
            next += 1;
            canary(next)
        };
        let (case, author, term) = (own(), own(), own());
        let warning = Warning {
            id: WarningId::make(now(), random),
            case: Some(format!("the case {case}")),
            status,
            precedence,
            domain,
            kind,
            protectors,
            fields,
            subjects,
            handling: Handling::open(),
            under: None,
            duty: None,
            sources: BTreeSet::new(),
            protected_terms: BTreeSet::from([disclosure::protected_term(&super::TERMS_KEY, &term)]),
            author: author.to_lowercase().parse().unwrap(),
            graded_by: "g.grader".parse().unwrap(),
            aware_at: at("2026-12-10T11:22:33Z"),
        };
        let never = BTreeSet::from([case, author, term]);
        let mut planted = Planted { warning, homes: mint.homes, never };
        mentions.iter().for_each(|mention| mention_in(&mut planted, *mention));
        planted
    })
}

/// The texts in which a word of another value may slip in.
fn texts(warning: &mut Warning) -> Vec<&mut String> {
    let prose = [FieldPath::Title, FieldPath::What, FieldPath::How, FieldPath::SourceLine];
    let fields = warning.fields.iter_mut().filter(|f| prose.contains(&f.path));
    fields
        .flat_map(|f| &mut f.rungs)
        .filter_map(|r| match &mut r.value {
            Value::Text(text) => Some(text),
            _ => None,
        })
        .collect()
}

fn mention_in(planted: &mut Planted, (which, word, spelling): Mention) {
    let words: Vec<String> = planted.homes.keys().chain(&planted.never).cloned().collect();
    if words.is_empty() {
        return;
    }
    let word = spelt(&words[word.index(words.len())], spelling.index(6));
    let mut texts = texts(&mut planted.warning);
    let count = texts.len();
    if count > 0 {
        let text = &mut texts[which.index(count)];
        text.push_str(" and moreover of ");
        text.push_str(&word);
    }
}

/// A canary in another spelling that reads the same.
fn spelt(word: &str, how: usize) -> String {
    match how {
        0 => word.to_owned(),
        1 => word.to_lowercase(),
        2 => word.to_uppercase(),
        3 => word.chars().map(String::from).collect::<Vec<_>>().join("."),
        4 => word.replace('K', "\u{41a}").replace('z', "\u{437}\u{200b}"),
        _ => word.chars().map(|c| char::from_u32(u32::from(c) + 0xfee0).unwrap()).collect(),
    }
}

pub fn terms() -> impl Strategy<Value = DomainTerms> {
    (
        some_of(MatterKind::ALL),
        some_of(Purpose::ALL),
        one_of(PersonsRule::ALL),
        one_of(NamingDepth::ALL),
        one_of(TimeDepth::ALL),
        assurances(),
    )
        .prop_map(|(mut kinds, mut purposes, persons, naming, time, assurances)| {
            // Most agreements let most things pass; the rest is the tables' to test.
            kinds.extend([
                MatterKind::Threat,
                MatterKind::Indicator,
                MatterKind::Advisory,
                MatterKind::PersonLead,
            ]);
            purposes.extend([Purpose::PreventHarm, Purpose::ProtectVictim, Purpose::Investigate]);
            DomainTerms {
                state: OpeningState::Active,
                pilot_scope: BTreeSet::new(),
                kinds,
                purposes,
                persons,
                naming,
                time,
                clocks: Clocks::default(),
                retention_days: 365,
                onward: BTreeSet::new(),
                publicity: Publicity::None,
                assurances,
                oversight_access: true,
            }
        })
}

/// Service B in any state of agreement.
pub fn audiences() -> impl Strategy<Value = Audience> {
    let states = [
        DomainState::Active,
        DomainState::Active,
        DomainState::Active,
        DomainState::Resuming,
        DomainState::Suspended,
        DomainState::Terminated,
    ];
    let domain = (select(states.to_vec()), terms(), some_of(MatterKind::ALL)).prop_map(
        |(state, terms, pilot_scope)| DomainStanding {
            agreement: Digest([9; 32]),
            state,
            ours: state,
            theirs: state,
            pilot_scope,
            terms,
        },
    );
    (
        prop_oneof![8 => domain.prop_map(Some), 1 => Just(None)],
        parties(&["service-c.example", "service-d.example"]),
        any::<bool>(),
        one_of(&[Purpose::PreventHarm, Purpose::ProtectVictim, Purpose::Investigate]),
        one_of(Precedence::ALL),
        any::<bool>(),
    )
        .prop_map(|(domain, struck_out, risk_assessed, purpose, precedence, imminent)| Audience {
            party: super::b(),
            domain,
            struck_out,
            risk_assessed,
            purpose,
            precedence,
            path: if imminent { Path::ImminentDanger } else { Path::Ordinary },
            under: None,
            contact: "the duty desk".to_owned(),
        })
}

/// Digests that no text matches.
pub fn other_protected_terms() -> impl Strategy<Value = BTreeSet<model::warning::ProtectedTerm>> {
    btree_set((1u8..4, any::<[u8; 32]>()), 0..4).prop_map(|all| {
        all.into_iter().map(|(words, digest)| model::warning::ProtectedTerm { words, digest }).collect()
    })
}
