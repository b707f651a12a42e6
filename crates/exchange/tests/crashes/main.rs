//! Each commit of each act of the main job, at both nodes, made to fail at each of its named steps, and the line cut
//! before and after each request: what was answered is there, nothing is there twice, and the job goes on.
//!
//! An act that failed is tried again by whoever did it, after a look whether it was done after all; in every second
//! history the node is stopped and started first.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

use exchange::answer::About;
use exchange::duty::Findings;
use exchange::preview::Request;
use exchange::refusal::Refusal;
use model::id::WarningId;
use model::vocab::{Disposition, EventState};
use store::Step;
use testkit::{A, B, Proposal, TestHouse, TestHouses, Weather, outcome, recipients, warning};

/// What was done, to be compared at the end.
struct Main<'a> {
    houses: &'a TestHouses,
    restarts: bool,
}

impl Main<'_> {
    /// Does an act; when it fails, looks whether it was done, and does it again if not.
    fn act<T>(
        &self,
        house: &TestHouse,
        act: impl Fn() -> Result<T, Refusal>,
        done: impl Fn() -> Option<T>,
    ) -> T {
        let mut failed = Vec::new();
        for _ in 0..3 {
            match act() {
                Ok(value) => return value,
                Err(refusal) => {
                    if self.restarts {
                        house.restart();
                    }
                    if let Some(value) = done() {
                        return value;
                    }
                    assert!(house.has_failed(), "{refusal}: {:?}", refusal.detail);
                    failed.push(refusal.to_string());
                }
            }
        }
        panic!("the act fails again and again: {failed:#?}");
    }

    /// Carries both ways until everything is receipted; whatever fails is tried again, as a courier does.
    fn carry(&self) {
        let mut trouble = Vec::new();
        for _ in 0..8 {
            trouble =
                [(A, B), (B, A)].map(|(from, to)| self.carry_once(from, to)).into_iter().flatten().collect();
            if trouble.is_empty() && [A, B].iter().all(|who| self.houses.at(who).waiting().is_empty()) {
                return;
            }
        }
        panic!("it never comes to rest: {trouble:#?}");
    }

    /// What stood in the way, if anything did.
    fn carry_once(&self, from: &str, to: &str) -> Option<String> {
        let trouble = self.houses.carry(from, to).err().map(|lost| lost.0);
        if trouble.is_some() && self.restarts {
            self.houses.at(from).restart();
            self.houses.at(to).restart();
        }
        trouble
    }

    fn written(&self) -> WarningId {
        let a = self.houses.a();
        let newest = || {
            let found = a.rows("node.db", "SELECT id FROM warnings ORDER BY id DESC LIMIT 1");
            found.first().map(|id| id.parse().unwrap())
        };
        let id = self.act(a, || a.write("desk1", &warning()).map(|w| w.warning.parse().unwrap()), newest);
        let found = Findings { credible: true, specific: true, impending: true };
        let assessed = || a.row(id).duty.is_some().then_some(());
        self.act(a, || a.assess("desk1", id, found).map(drop), assessed);
        id
    }

    fn released(&self, id: WarningId) -> Proposal {
        let a = self.houses.a();
        let request =
            || Request { recipients: recipients(&[B]), imminent_danger: false, overrides: Vec::new() };
        let propose = || {
            let view = a.preview("desk1", id, request())?;
            let proposal = view.proposal.as_ref().expect("something would go").parse().unwrap();
            Ok(Proposal { warning: id, id: proposal, digest: view.digest.parse().unwrap(), view })
        };
        let proposal = self.act(a, propose, || None);
        let approved = || (a.proposal_row(proposal.id).state.to_string() == "approved").then_some(());
        self.act(a, || a.approve("release1", &proposal), approved);
        let queued = || {
            (!a.rows("node.db", "SELECT kind FROM outbox WHERE kind = 'warning.released'").is_empty())
                .then_some(())
        };
        self.act(a, || a.release("release2", &proposal).map(drop), queued);
        proposal
    }

    fn answered(&self) {
        let b = self.houses.b();
        let entry = b.newest();
        let queued = |kind: &'static str| {
            move || {
                let sql = format!("SELECT kind FROM outbox WHERE kind = '{kind}'");
                (!b.rows("node.db", &sql).is_empty()).then_some(())
            }
        };
        self.act(b, || b.read("desk1", &entry), queued("release.read"));
        self.act(b, || b.dispose("desk1", &entry, Disposition::Accepted), queued("release.disposed"));
        let acted = || (!b.rows("node.db", "SELECT release FROM actions").is_empty()).then_some(0);
        self.act(b, || b.act_on("desk1", &entry), acted);
        self.act(
            b,
            || b.report("desk1", &entry, outcome(EventState::NotOccurred)),
            queued("outcome.reported"),
        );
        self.act(b, || b.thank("liaison1", About::Release(entry.clone())), queued("thanks.given"));
    }

    /// The main job from writing to thanks.
    fn job(&self) {
        let id = self.written();
        self.released(id);
        self.carry();
        self.answered();
        self.carry();
    }

    /// What must be so whatever failed.
    fn check(&self) {
        let (a, b) = (self.houses.a(), self.houses.b());
        assert_eq!((a.sent().len(), b.inbox().len()), (1, 1));
        assert_eq!(a.ledger(B).counts, b.ledger(A).counts);
        assert_eq!(a.relation(B).thanks().count(), 1);
        assert_eq!(b.relation(A).outcomes().count(), 1);
        assert!(exchange::audit::check(&a.house()).unwrap().is_sound());
        assert!(exchange::audit::check(&b.house()).unwrap().is_sound());
    }
}

/// How many commits the main job makes at each node when nothing fails.
fn commits() -> (usize, usize) {
    let houses = TestHouses::two();
    let before = (houses.a().commits(), houses.b().commits());
    Main { houses: &houses, restarts: false }.job();
    (houses.a().commits() - before.0, houses.b().commits() - before.1)
}

fn every_commit_fails_at(step: Step) {
    let (of_a, of_b) = commits();
    assert!(of_a > 10 && of_b > 10, "{of_a} and {of_b} commits");
    let all = (1..=of_a).map(|n| (A, n)).chain((1..=of_b).map(|n| (B, n)));
    for (who, n) in all {
        let houses = TestHouses::two();
        houses.at(who).fail_commit(n, step);
        let main = Main { houses: &houses, restarts: n % 2 == 0 };
        main.job();
        assert!(houses.at(who).has_failed(), "commit {n} of {who} was made");
        main.check();
    }
}

#[test]
fn a_commit_that_fails_before_it_begins_leaves_nothing_and_the_job_goes_on() {
    every_commit_fails_at(Step::BeforeCommit);
}

#[test]
fn a_commit_that_fails_between_its_files_leaves_nothing_and_the_job_goes_on() {
    every_commit_fails_at(Step::BetweenFiles);
}

#[test]
fn a_commit_that_fails_before_the_high_water_mark_is_refused_and_the_job_goes_on() {
    every_commit_fails_at(Step::BeforeMark);
}

#[test]
fn a_commit_that_is_durable_and_not_answered_does_nothing_twice() {
    every_commit_fails_at(Step::BeforeAnswer);
}

#[test]
fn a_line_that_is_cut_before_or_after_any_request_does_nothing_twice() {
    for weather in [Weather::RequestLost, Weather::AnswerLost, Weather::Doubled] {
        for cut in 1..=24 {
            let houses = TestHouses::two();
            let main = Main { houses: &houses, restarts: cut % 2 == 0 };
            let mut requests = 0;
            let mut bad = |_: &str| {
                requests += 1;
                if requests == cut { weather } else { Weather::Fair }
            };
            let id = main.written();
            main.released(id);
            let _ = houses.carry_in(A, B, &mut bad);
            let _ = houses.carry_in(B, A, &mut bad);
            main.carry();
            main.answered();
            let _ = houses.carry_in(B, A, &mut bad);
            let _ = houses.carry_in(A, B, &mut bad);
            main.carry();
            main.check();
        }
    }
}
