//! Two histories of A that differ only in what B may not see: B observes the same bytes, at the same times, in the same
//! number of parcels (I-02).
//!
//! The rule is about information, not about which random numbers happen to come next. Both histories therefore draw from
//! the same generators as far as B can count: each act that B may see has the generator of its number among such acts
//! (`testkit::Draws`), each parcel that of the size of the log it begins at; acts that B cannot see draw from a stream
//! of their own. Every draw is still uniform and independent of all secrets, so equal bytes under this pairing mean that
//! what B observes has the same distribution in both histories. (Copies of one release draw in the order of their
//! recipients; B comes before C, so C's copy shifts none of B's draws.) What is not paired and not compared: the salts of
//! seals, ids inside the node, and the keys of sealed sources, none of which leave.

use exchange::preview::Request;
use exchange::standing::Change;
use model::file::{PersonRung, SourceWords, SubjectWords, WarningFile};
use model::id::WarningId;
use model::state::DomainState;
use model::vocab::{
    Disposition, Domain, EventState, Ground, IdentityBasis, PlaceGrain, Precedence, Purpose, RecallReason,
    SourceKind, SubjectCategory, TimeDepth, Traceability, WaiverReason,
};
use proptest::prelude::*;
use testkit::{
    A, B, C, Crossing, TestHouse, TestHouses, outcome, recipients, repeatable, terms, text, tight, warning,
};

/// An act that B may see something of: the same in both histories.
#[derive(Debug, Clone)]
enum Seen {
    Warn { how: u8 },
    Danger { how: u8 },
    Update { which: usize, how: u8 },
    End { which: usize, end: u8 },
    Stance { state: DomainState },
    Undertake,
    BAnswers { which: usize },
    Carry,
    Pass { minutes: i64 },
}

/// What one warning holds beside what B gets of it.
#[derive(Debug, Clone)]
struct Withheld {
    /// Rungs above those that B gets, by ladder; who may have them.
    rungs: Vec<(u8, bool)>,
    /// Persons that B is not told of.
    persons: usize,
    /// Sealed sources, each with a protected term.
    sources: usize,
    /// The desk's own name for the case.
    case: Option<u8>,
    /// The desk's own precedence.
    precedence: usize,
    /// Whether C is a recipient, too.
    also_to_c: bool,
    /// Whether somebody else of the desk wrote it.
    by_desk2: bool,
    /// How many minutes before it was written the desk had it.
    aware_before: i64,
}

/// An act of A that B can see nothing of.
#[derive(Debug, Clone)]
enum Unseen {
    Draft(Withheld),
    WarnC(Withheld),
    WaiveOne,
    LookAtPreviewForB,
    ProposeToBAndRefuse,
    ReleaseToBAndTakeBack,
    EditWithheld { which: usize, now: Withheld },
    TellCMore { which: usize },
    AssessRiskOfC,
    StanceWithC,
    ReadOwn,
    Tick,
    CarryToC,
}

fn seen() -> impl Strategy<Value = Seen> {
    prop_oneof![
        4 => (0u8..4).prop_map(|how| Seen::Warn { how }),
        1 => (0u8..4).prop_map(|how| Seen::Danger { how }),
        2 => (0usize..3, 0u8..4).prop_map(|(which, how)| Seen::Update { which, how }),
        2 => (0usize..3, 0u8..3).prop_map(|(which, end)| Seen::End { which, end }),
        1 => prop::sample::select(vec![DomainState::Suspended, DomainState::Resuming, DomainState::Active])
            .prop_map(|state| Seen::Stance { state }),
        1 => Just(Seen::Undertake),
        1 => (0usize..3).prop_map(|which| Seen::BAnswers { which }),
        4 => Just(Seen::Carry),
        2 => prop::sample::select(vec![1i64, 59, 700, 3000]).prop_map(|minutes| Seen::Pass { minutes }),
    ]
}

fn withheld() -> impl Strategy<Value = Withheld> {
    (
        proptest::collection::vec((0u8..7, any::<bool>()), 0..5),
        (0usize..3, 0usize..3),
        prop::option::of(any::<u8>()),
        0usize..4,
        (any::<bool>(), any::<bool>()),
        0i64..90,
    )
        .prop_map(
            |(rungs, (persons, sources), case, precedence, (also_to_c, by_desk2), aware_before)| Withheld {
                rungs,
                persons,
                sources,
                case,
                precedence,
                also_to_c,
                by_desk2,
                aware_before,
            },
        )
}

fn unseen() -> impl Strategy<Value = Unseen> {
    prop_oneof![
        withheld().prop_map(Unseen::Draft),
        withheld().prop_map(Unseen::WarnC),
        Just(Unseen::WaiveOne),
        Just(Unseen::LookAtPreviewForB),
        Just(Unseen::ProposeToBAndRefuse),
        Just(Unseen::ReleaseToBAndTakeBack),
        (0usize..3, withheld()).prop_map(|(which, now)| Unseen::EditWithheld { which, now }),
        (0usize..3).prop_map(|which| Unseen::TellCMore { which }),
        Just(Unseen::AssessRiskOfC),
        Just(Unseen::StanceWithC),
        Just(Unseen::ReadOwn),
        Just(Unseen::Tick),
        Just(Unseen::CarryToC),
    ]
}

/// For each act that B may see: what is withheld with it, and what happens before it that B cannot see.
type Beside = Vec<(Withheld, Vec<Unseen>)>;

fn beside(acts: usize) -> impl Strategy<Value = Beside> {
    proptest::collection::vec((withheld(), proptest::collection::vec(unseen(), 0..3)), acts)
}

fn pair() -> impl Strategy<Value = (Vec<Seen>, Beside, Beside)> {
    proptest::collection::vec(seen(), 4..10).prop_flat_map(|acts| {
        let count = acts.len();
        (Just(acts), beside(count), beside(count))
    })
}

proptest! {
    #![proptest_config(repeatable(16))]

    #[test]
    fn histories_that_differ_only_in_what_b_may_not_see_are_one_to_b((acts, one, other) in pair()) {
        let (one, other) = (played(&acts, &one), played(&acts, &other));
        prop_assert_eq!(one.len(), other.len(), "the number of requests and parcels");
        for (n, (a, b)) in one.iter().zip(&other).enumerate() {
            prop_assert_eq!(a, b, "crossing {}", n);
        }
    }
}

#[test]
fn the_comparison_sees_a_difference_where_there_is_one() {
    let acts = |how| vec![Seen::Warn { how }, Seen::Carry];
    let nothing = || vec![(nothing_withheld(), Vec::new()); 2];
    assert_ne!(played(&acts(0), &nothing()), played(&acts(1), &nothing()));
    assert_eq!(played(&acts(1), &nothing()), played(&acts(1), &nothing()));
}

#[test]
fn an_edit_of_what_b_does_not_get_is_no_update_to_b_even_on_another_day() {
    let edit = Unseen::EditWithheld { which: 0, now: Withheld { case: Some(9), ..nothing_withheld() } };
    let acts = vec![Seen::Warn { how: 0 }, Seen::Carry, Seen::Pass { minutes: 3000 }, Seen::Carry];
    let quiet: Beside = vec![(nothing_withheld(), Vec::new()); 4];
    let mut edited = quiet.clone();
    edited[3].1.push(edit);
    assert_eq!(played(&acts, &quiet), played(&acts, &edited));
}

fn nothing_withheld() -> Withheld {
    Withheld {
        rungs: Vec::new(),
        persons: 0,
        sources: 0,
        case: None,
        precedence: 0,
        also_to_c: false,
        by_desk2: false,
        aware_before: 0,
    }
}

/// Plays a history and gives all that B observed of A.
fn played(acts: &[Seen], beside: &Beside) -> Vec<Crossing> {
    let mut play = Play::new();
    for (act, (withheld, unseen)) in acts.iter().zip(beside) {
        for hidden in unseen {
            play.hide(hidden);
        }
        play.show(act, withheld);
    }
    play.houses.carry(A, B).unwrap();
    play.houses.settle_all();
    play.houses.observed(B, A)
}

/// A warning that went to B: what B gets of it, and what else it holds now.
struct Told {
    warning: WarningId,
    how: u8,
    withheld: Withheld,
}

struct Play {
    houses: TestHouses,
    told: Vec<Told>,
    drafts: Vec<WarningId>,
    words: u32,
}

impl Play {
    fn new() -> Self {
        let houses = TestHouses::of(&[A, B, C]);
        houses.agree(A, B, &terms(A, B));
        houses.agree(A, C, &terms(A, C));
        Self { houses, told: Vec::new(), drafts: Vec::new(), words: 0 }
    }

    fn a(&self) -> &TestHouse {
        self.houses.a()
    }

    /// An act that B may see.
    fn show(&mut self, act: &Seen, withheld: &Withheld) {
        match act {
            Seen::Warn { how } => {
                let file = self.file(*how, withheld);
                let warning = self.write(&file, withheld, None);
                self.told.push(Told { warning, how: *how, withheld: withheld.clone() });
                self.release(warning, withheld.also_to_c);
            }
            Seen::Danger { how } => {
                let file = self.file(*how, withheld);
                let warning = self.write(&file, withheld, None);
                let a = self.a();
                let proposal = a.proposed_in_danger(warning, if withheld.also_to_c { &[B, C] } else { &[B] });
                a.release_alone("release1", &proposal).unwrap();
            }
            Seen::Update { which, how } => {
                let Some(at) = self.pick(*which) else { return };
                self.told[at].how = *how;
                self.told[at].withheld = withheld.clone();
                let (file, warning) = (self.file(*how, withheld), self.told[at].warning);
                if self.a().rewrite("desk1", warning, &file).is_ok() {
                    // Once released, it was assessed; before that, writing it anew asks for it again.
                    let _ = self.a().assess("desk1", warning, FOUND);
                    self.release(warning, withheld.also_to_c);
                }
            }
            Seen::End { which, end } => {
                let Some(at) = self.pick(*which) else { return };
                let change = match end {
                    0 => Change::Cancel,
                    1 => Change::Lapse,
                    _ => Change::Recall { reason: RecallReason::Undisclosed, counts: true },
                };
                let _ = self.a().change("release1", self.told[at].warning, change);
            }
            Seen::Stance { state } => {
                let _ = self.a().take_stance(B, Domain::CounterTerrorism, *state);
            }
            Seen::Undertake => self.a().undertake(B).unwrap(),
            Seen::BAnswers { which } => {
                let b = self.houses.b();
                if let Some(line) = b.inbox().get(*which) {
                    let _ = b.dispose("desk1", &line.entry, Disposition::Accepted);
                    let _ = b.report("desk1", &line.entry, outcome(EventState::NotOccurred));
                }
                self.houses.carry(B, A).unwrap();
            }
            Seen::Carry => self.houses.carry(A, B).unwrap(),
            Seen::Pass { minutes } => {
                self.houses.advance(*minutes);
                // As the node does by itself; and an operator has looked at the clock that went so far at once.
                for house in self.houses.all() {
                    house.tick();
                    house.confirm_clock();
                }
            }
        }
    }

    /// Releases to B, and to C if it is to have a copy. Whether anything goes to B does not depend on C.
    fn release(&self, warning: WarningId, also_to_c: bool) {
        let to: &[&str] = if also_to_c { &[B, C] } else { &[B] };
        let a = self.a();
        let request = Request { recipients: recipients(to), imminent_danger: false, overrides: Vec::new() };
        // Every act takes its generator, whether it comes to anything or not, so that B's numbers stay the same.
        let (preview, approve, release) = (a.rng(), a.rng(), a.rng());
        let Ok(view) = with(a, preview, |a, rng| {
            let (house, caller, key) = (a.house(), a.caller("desk1"), a.key("desk1"));
            exchange::preview::preview(&house, &caller, &key, warning, request, a.now(), rng)
        }) else {
            return;
        };
        let Some(id) = view.proposal.as_ref() else { return };
        let (id, digest) = (id.parse().unwrap(), view.digest.parse().unwrap());
        let approved = with(a, approve, |a, rng| {
            let (house, caller, key) = (a.house(), a.caller("release1"), a.key("release1"));
            exchange::release::approve(&house, &caller, &key, id, digest, a.now(), rng)
        });
        if approved.is_ok() {
            let _ = with(a, release, |a, rng| {
                let (house, caller, key) = (a.house(), a.caller("release2"), a.key("release2"));
                let authority = exchange::release::Authority::SecondPerson;
                exchange::release::release(&house, &caller, &key, id, digest, authority, a.now(), rng)
            });
        }
    }

    /// An act that B cannot see.
    fn hide(&mut self, act: &Unseen) {
        match act {
            Unseen::Draft(withheld) => {
                let file = self.file(0, withheld);
                let draft = self.write(&file, withheld, Some("unseen"));
                self.drafts.push(draft);
            }
            Unseen::WarnC(withheld) => {
                let file = self.file(1, withheld);
                let draft = self.write(&file, withheld, Some("unseen"));
                self.a().apart("unseen", |a| a.try_release(draft, &[C]));
            }
            Unseen::WaiveOne => {
                if let Some(draft) = self.drafts.pop() {
                    let waived =
                        |a: &TestHouse| a.waive("release1", draft, WaiverReason::NotFeasible, "no way");
                    let _ = self.a().apart("unseen", waived);
                }
            }
            Unseen::LookAtPreviewForB => self.of_draft(|a, draft| {
                let _ = a.preview("desk1", draft, to_b());
            }),
            Unseen::ProposeToBAndRefuse => self.of_draft(|a, draft| {
                if let Some(id) = a.preview("desk1", draft, to_b()).ok().and_then(|v| v.proposal) {
                    let caller = a.caller("release1");
                    let _ = exchange::release::refuse(
                        &a.house(),
                        &caller,
                        id.parse().unwrap(),
                        "not so",
                        a.now(),
                    );
                }
            }),
            Unseen::ReleaseToBAndTakeBack => self.of_draft(|a, draft| {
                if a.try_release(draft, &[B]).is_some() {
                    a.recall(draft);
                }
            }),
            Unseen::EditWithheld { which, now } => {
                let Some(at) = self.pick(*which) else { return };
                let file = self.file(self.told[at].how, now);
                let warning = self.told[at].warning;
                let done = self.a().apart("unseen", |a| {
                    // Only what B holds already is edited: what waits for B would be stopped, which B could see.
                    let left =
                        a.copies(warning).iter().all(|(_, at)| at != "queued" && !at.starts_with("with"));
                    let active = a.row(warning).state == model::state::WarningState::Active;
                    left && active && a.rewrite("desk1", warning, &file).is_ok()
                });
                if done {
                    self.told[at].withheld = now.clone();
                    self.a().apart("unseen", |a| a.try_release(warning, &[B, C]));
                }
            }
            Unseen::TellCMore { which } => {
                let Some(at) = self.pick(*which) else { return };
                let warning = self.told[at].warning;
                self.a().apart("unseen", |a| {
                    (a.row(warning).state == model::state::WarningState::Active)
                        .then(|| a.try_release(warning, &[C]))
                });
            }
            Unseen::AssessRiskOfC => drop(self.a().trust_with_persons(C, "2027-06-01")),
            Unseen::StanceWithC => {
                let stance =
                    |a: &TestHouse| a.take_stance(C, Domain::CounterTerrorism, DomainState::Suspended);
                let _ = self.a().apart("unseen", stance);
            }
            Unseen::ReadOwn => {
                let caller = self.a().caller("oversight1");
                drop(exchange::view::warning::list(&self.a().house(), &caller).unwrap());
            }
            Unseen::Tick => drop(self.a().tick()),
            Unseen::CarryToC => self.houses.carry(A, C).unwrap(),
        }
    }

    fn of_draft(&self, act: impl FnOnce(&TestHouse, WarningId)) {
        if let Some(draft) = self.drafts.last() {
            self.a().apart("unseen", |a| act(a, *draft));
        }
    }

    fn pick(&self, which: usize) -> Option<usize> {
        self.told.len().checked_sub(1).map(|last| which.min(last))
    }

    fn write(&self, file: &WarningFile, withheld: &Withheld, apart: Option<&str>) -> WarningId {
        let by = if withheld.by_desk2 { "desk2" } else { "desk1" };
        let write = |a: &TestHouse| {
            let warning = a.write(by, file).unwrap().warning.parse().unwrap();
            a.assess(by, warning, FOUND).unwrap();
            warning
        };
        match apart {
            Some(stream) => self.a().apart(stream, write),
            None => write(self.a()),
        }
    }

    /// A warning of which B gets the same whatever is withheld.
    fn file(&mut self, how: u8, withheld: &Withheld) -> WarningFile {
        let mut file = warning();
        file.what.remove(0);
        file.subjects.clear();
        file.case = withheld.case.map(|n| format!("our own name number {n}"));
        file.precedence = Precedence::ALL[withheld.precedence];
        file.how[0].text = format!("device of kind {how}");
        file.time[0].depth = TimeDepth::Day;
        file.aware_at = Some(self.a().now() - jiff::SignedDuration::from_mins(withheld.aware_before));
        if withheld.also_to_c {
            file.protectors.insert(C.to_owned());
        }
        for (ladder, to_c) in &withheld.rungs {
            self.hold_back(&mut file, *ladder, if *to_c { &[C] } else { &[] });
        }
        for _ in 0..withheld.persons {
            file.subjects.push(person(&self.word(), C));
        }
        for _ in 0..withheld.sources {
            file.sources.push(SourceWords {
                kind: SourceKind::Technical,
                traceability: Traceability::Few,
                description: format!("the source {}", self.word()),
                protected_terms: vec![self.word()],
                handlers: Vec::new(),
            });
        }
        file
    }

    /// A rung above all others, for these parties alone.
    fn hold_back(&mut self, file: &mut WarningFile, ladder: u8, to: &[&str]) {
        let (word, handling) = (self.word(), Some(tight(to)));
        match ladder {
            0 => file.title.insert(0, text(&format!("Bombings planned by {word}"), handling)),
            1 => file.what.insert(0, text(&format!("bombings by {word}"), handling)),
            2 => file.who.insert(0, text(&format!("members of {word}"), handling)),
            3 => file.how.insert(0, text(&format!("device from {word}"), handling)),
            4 => {
                let mut finer = file.place[0].clone();
                (finer.grain, finer.name, finer.handling) =
                    (PlaceGrain::Address, format!("{word} house"), handling);
                file.place.insert(0, finer);
            }
            5 => {
                let mut finer = file.time[0].clone();
                (finer.depth, finer.handling) = (TimeDepth::Exact, handling);
                file.time.insert(0, finer);
            }
            _ => file.source_line.insert(0, text(&format!("a source at {word}"), handling)),
        }
    }

    /// A word that stands nowhere else.
    fn word(&mut self) -> String {
        self.words += 1;
        format!("Qx{}zv", self.words)
    }
}

const FOUND: exchange::duty::Findings =
    exchange::duty::Findings { credible: true, specific: true, impending: true };

fn to_b() -> Request {
    Request { recipients: recipients(&[B]), imminent_danger: false, overrides: Vec::new() }
}

fn with<T>(
    a: &TestHouse,
    mut rng: rand::rngs::StdRng,
    act: impl FnOnce(&TestHouse, &mut rand::rngs::StdRng) -> T,
) -> T {
    act(a, &mut rng)
}

fn person(name: &str, to: &str) -> SubjectWords {
    SubjectWords {
        pseudonym: name.to_owned(),
        category: SubjectCategory::Suspect,
        purpose: Purpose::PreventHarm,
        grounds: [Ground::PlansAttack].into(),
        review_date: "2027-12-01".parse().unwrap(),
        identity_basis: IdentityBasis::Confirmed,
        identity: vec![PersonRung {
            name: name.to_owned(),
            aliases: Vec::new(),
            identifiers: Vec::new(),
            handling: Some(tight(&[to])),
        }],
        status: Vec::new(),
    }
}
