//! Random histories of two houses with random losses: at equal roots both ledgers are equal, at every step, and in the end
//! each favour is counted once (I-14, I-21).

use exchange::answer::About;
use exchange::standing::Change;
use model::body::Outcome;
use model::file::WarningFile;
use model::id::WarningId;
use model::state::DomainState;
use model::vocab::{Disposition, Domain, EventState, RecallReason, Status, Usefulness};
use proptest::prelude::*;
use testkit::{A, B, TestHouse, TestHouses, Weather, outcome, party, repeatable, warning};

/// One act of one of the two, or of the world. Numbers choose among what there is.
#[derive(Debug, Clone)]
enum Step {
    Warn { by: bool, exercise: bool },
    Danger { by: bool },
    Update { by: bool, which: usize, how: u8 },
    End { by: bool, which: usize, end: u8 },
    Dispose { by: bool, which: usize, how: usize },
    Report { by: bool, which: usize },
    Unsolicited { by: bool },
    Thank { by: bool, which: Option<usize> },
    Undertake { by: bool },
    Stance { by: bool, state: DomainState },
    Carry { from: bool, weather: Vec<Weather> },
    LateArrives,
    Restart { who: bool },
    Pass { minutes: i64 },
}

fn step() -> impl Strategy<Value = Step> {
    let by = any::<bool>;
    let which = || 0usize..6;
    prop_oneof![
        4 => (by(), prop::bool::weighted(0.2)).prop_map(|(by, exercise)| Step::Warn { by, exercise }),
        1 => by().prop_map(|by| Step::Danger { by }),
        2 => (by(), which(), any::<u8>()).prop_map(|(by, which, how)| Step::Update { by, which, how }),
        3 => (by(), which(), 0u8..4).prop_map(|(by, which, end)| Step::End { by, which, end }),
        4 => (by(), which(), 0usize..4).prop_map(|(by, which, how)| Step::Dispose { by, which, how }),
        3 => (by(), which()).prop_map(|(by, which)| Step::Report { by, which }),
        1 => by().prop_map(|by| Step::Unsolicited { by }),
        2 => (by(), prop::option::of(which())).prop_map(|(by, which)| Step::Thank { by, which }),
        1 => by().prop_map(|by| Step::Undertake { by }),
        2 => (by(), prop::sample::select(vec![DomainState::Suspended, DomainState::Resuming, DomainState::Active]))
            .prop_map(|(by, state)| Step::Stance { by, state }),
        8 => (by(), prop::collection::vec(weather(), 0..4)).prop_map(|(from, weather)| Step::Carry { from, weather }),
        1 => Just(Step::LateArrives),
        1 => by().prop_map(|who| Step::Restart { who }),
        2 => (1i64..500).prop_map(|minutes| Step::Pass { minutes }),
    ]
}

fn weather() -> impl Strategy<Value = Weather> {
    prop_oneof![
        3 => Just(Weather::Fair),
        1 => Just(Weather::RequestLost),
        1 => Just(Weather::AnswerLost),
        1 => Just(Weather::Doubled),
        1 => Just(Weather::Late),
    ]
}

proptest! {
    #![proptest_config(repeatable(20))]

    #[test]
    fn at_equal_roots_both_ledgers_are_equal_whatever_happened_and_whatever_was_lost(
        steps in proptest::collection::vec(step(), 10..40),
    ) {
        let mut play = Play::new();
        for step in &steps {
            play.take(step);
            if let Some(different) = play.unequal_at_equal_roots() {
                prop_assert!(false, "after {step:?}: {different}");
            }
        }
        play.houses.late_arrives();
        for house in play.houses.all() {
            house.confirm_clock();
        }
        play.houses.settle_all();
        play.houses.late_arrives();
        let (a, b) = (play.houses.a().ledger(B), play.houses.b().ledger(A));
        prop_assert_eq!(&a, &b);
        for (by, giver) in [(true, A), (false, B)] {
            let warnings = a.lines.iter().filter(|l| l.favour == "warning" && l.giver == giver);
            let shown: Vec<bool> = warnings.map(|l| l.recalled).collect();
            prop_assert_eq!(shown.len(), play.counted(by).len(), "warnings of {}", giver);
            let recalled = play.counted(by).into_iter().filter(|recalled| *recalled).count();
            prop_assert_eq!(shown.iter().filter(|r| **r).count(), recalled, "recalled of {}", giver);
        }
    }
}

/// What was given, by the bookkeeping of the test alone.
struct Given {
    warning: WarningId,
    exercise: bool,
    file: WarningFile,
    recalled: Option<bool>,
}

struct Play {
    houses: TestHouses,
    given: [Vec<Given>; 2],
}

impl Play {
    fn new() -> Self {
        Self { houses: TestHouses::two(), given: [Vec::new(), Vec::new()] }
    }

    fn house(&self, who: bool) -> &TestHouse {
        if who { self.houses.a() } else { self.houses.b() }
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Warn { by, exercise } => {
                let status = if *exercise { Status::Exercise } else { Status::Actual };
                self.give(*by, WarningFile { status, ..file(*by) }, false);
            }
            Step::Danger { by } => self.give(*by, file(*by), true),
            Step::Update { by, which, how } => self.update(*by, *which, *how),
            Step::End { by, which, end } => self.end(*by, *which, *end),
            Step::Dispose { by, which, how } => {
                let how = Disposition::ALL[*how];
                self.answer(*by, *which, |house, entry| house.dispose("desk1", entry, how).is_ok());
            }
            Step::Report { by, which } => {
                let helped =
                    Outcome { usefulness: Some(Usefulness::High), ..outcome(EventState::NotOccurred) };
                self.answer(*by, *which, |house, entry| house.report("desk1", entry, helped).is_ok());
            }
            Step::Unsolicited { by } => {
                let said = Outcome {
                    unsolicited: true,
                    domain: Some(Domain::Cyber),
                    ..outcome(EventState::Occurred)
                };
                self.house(*by).report_about("desk1", About::Unsolicited(party(name(!by))), said).unwrap();
            }
            Step::Thank { by, which: None } => {
                self.house(*by).thank("liaison1", About::Unsolicited(party(name(!by)))).unwrap();
            }
            Step::Thank { by, which: Some(which) } => {
                let about = |entry: &str| About::Release(entry.to_owned());
                self.answer(*by, *which, |house, entry| house.thank("liaison1", about(entry)).is_ok());
            }
            Step::Undertake { by } => self.house(*by).undertake(name(!by)).unwrap(),
            Step::Stance { by, state } => {
                // A step that the table does not have is refused; that is as good a history as any.
                let _ = self.house(*by).take_stance(name(!by), Domain::CounterTerrorism, *state);
            }
            Step::Carry { from, weather } => {
                let mut weather = weather.iter().copied();
                let mut next = |_: &str| weather.next().unwrap_or(Weather::Fair);
                let _ = self.houses.carry_in(name(*from), name(!from), &mut next);
            }
            Step::LateArrives => self.houses.late_arrives(),
            Step::Restart { who } => self.house(*who).restart(),
            Step::Pass { minutes } => self.houses.advance(*minutes),
        }
    }

    fn give(&mut self, by: bool, file: WarningFile, danger: bool) {
        let (house, to) = (self.house(by), name(!by));
        let exercise = file.status == Status::Exercise;
        let warning = if danger {
            house.warn_in_danger(&file, &[to]).warning
        } else {
            match house.try_warn(&file, &[to]) {
                Some(sent) => sent.warning,
                None => return,
            }
        };
        self.given[usize::from(!by)].push(Given { warning, exercise, file, recalled: None });
    }

    fn update(&mut self, by: bool, which: usize, how: u8) {
        let given = &mut self.given[usize::from(!by)];
        let Some(count) = given.len().checked_sub(1) else { return };
        let of = &mut given[which.min(count)];
        of.file.how[0].text = format!("device of kind {how}");
        let (warning, file) = (of.warning, of.file.clone());
        if self.house(by).rewrite("desk1", warning, &file).is_ok() {
            self.house(by).try_release(warning, &[name(!by)]);
        }
    }

    fn end(&mut self, by: bool, which: usize, end: u8) {
        let given = &self.given[usize::from(!by)];
        let Some(count) = given.len().checked_sub(1) else { return };
        let (at, warning) = (which.min(count), given[which.min(count)].warning);
        let change = match end {
            0 => Change::Cancel,
            1 => Change::Lapse,
            counts => Change::Recall { reason: RecallReason::Undisclosed, counts: counts == 2 },
        };
        if self.house(by).change("release1", warning, change).is_ok() && end > 1 {
            self.given[usize::from(!by)][at].recalled = Some(end == 2);
        }
    }

    fn answer(&self, by: bool, which: usize, answer: impl FnOnce(&TestHouse, &str) -> bool) {
        let inbox = self.house(by).inbox();
        if let Some(count) = inbox.len().checked_sub(1) {
            // What was recalled is not answered any more; the act says so.
            answer(self.house(by), &inbox[which.min(count)].entry);
        }
    }

    /// For each warning of a giver that stands in the actual log and was not taken out: whether it was recalled.
    fn counted(&self, by: bool) -> Vec<bool> {
        let given = self.given[usize::from(!by)].iter().filter(|g| !g.exercise && g.recalled != Some(false));
        let left = given.filter(|g| {
            let copies = self.house(by).copies(g.warning);
            copies.iter().any(|(_, at)| !at.starts_with("withdrawn") && at != "queued")
        });
        left.map(|g| g.recalled.is_some()).collect()
    }

    fn unequal_at_equal_roots(&self) -> Option<String> {
        let (a, b) = (self.houses.a().ledger(B), self.houses.b().ledger(A));
        (a.heads == b.heads && a != b).then(|| format!("{a:#?}\n{b:#?}"))
    }
}

fn name(who: bool) -> &'static str {
    if who { A } else { B }
}

/// A warning for the other.
fn file(by: bool) -> WarningFile {
    let mut file = warning();
    file.protectors = [name(!by).to_owned()].into();
    file.what.remove(0);
    if !by {
        file.giver.remove(0);
    }
    file
}
