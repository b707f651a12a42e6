//! What persons do in a house: each act of `exchange` with who does it, the house's clock and a generator of its own.

use exchange::agreement::{self, Answer, Stance};
use exchange::answer::{self, About};
use exchange::clocks::{self, Clock, Ticked};
use exchange::duty::{self, Findings};
use exchange::preview::{self, Request};
use exchange::refusal::Refusal;
use exchange::release::{self, Authority, ReleasedView};
use exchange::risk::{self, Assessed};
use exchange::standing::{self, Change, Changed};
use exchange::undertaking;
use exchange::view::inbox::{self, ReleaseLine, WaitingLine};
use exchange::view::ledger::{self, LedgerView};
use exchange::view::preview::PreviewView;
use exchange::view::show::{self, EntryView};
use exchange::view::warning as own;
use exchange::write::{self, Wrote};
use jiff::Timestamp;
use model::agreement::Terms;
use model::body::{Outcome, Thanks, Undertaking};
use model::file::WarningFile;
use model::id::{Digest, EntryRef, ProposalId, WarningId};
use model::relation::Relation;
use model::state::DomainState;
use model::vocab::{Disposition, Domain, MatterKind, RecallReason, WaiverReason};
use store::{ProposalRow, WarningRow};

use crate::flow::Proposal;
use crate::house::{TestHouse, party};

type Done<T = ()> = Result<T, Refusal>;

/// Writing, previewing, releasing.
impl TestHouse {
    /// Writes a warning.
    pub fn write(&self, by: &str, file: &WarningFile) -> Done<Wrote> {
        self.put(by, file, None)
    }

    /// Writes an existing warning anew.
    pub fn rewrite(&self, by: &str, of: WarningId, file: &WarningFile) -> Done<Wrote> {
        self.put(by, file, Some(of))
    }

    fn put(&self, by: &str, file: &WarningFile, of: Option<WarningId>) -> Done<Wrote> {
        let text = serde_json::to_string(file).unwrap();
        write::write(&self.house(), &self.caller(by), &text, of, self.now(), &mut self.rng())
    }

    /// Assesses the duty to warn. Gives the deadline, if it arises.
    pub fn assess(&self, by: &str, warning: WarningId, found: Findings) -> Done<Option<Timestamp>> {
        duty::assess(&self.house(), &self.caller(by), warning, found, self.now())
    }

    /// Decides not to warn.
    pub fn waive(&self, by: &str, warning: WarningId, reason: WaiverReason, words: &str) -> Done {
        let (house, caller, key) = (self.house(), self.caller(by), self.key(by));
        duty::waive(&house, &caller, &key, warning, reason, words, self.now(), &mut self.rng())
    }

    /// Previews a warning.
    pub fn preview(&self, by: &str, warning: WarningId, request: Request) -> Done<PreviewView> {
        let (house, caller, key) = (self.house(), self.caller(by), self.key(by));
        preview::preview(&house, &caller, &key, warning, request, self.now(), &mut self.rng())
    }

    /// Approves a proposal as the second person.
    pub fn approve(&self, by: &str, proposal: &Proposal) -> Done {
        let (house, caller, key) = (self.house(), self.caller(by), self.key(by));
        release::approve(&house, &caller, &key, proposal.id, proposal.digest, self.now(), &mut self.rng())
    }

    /// Refuses a proposal.
    pub fn refuse(&self, by: &str, proposal: &Proposal) -> Done {
        release::refuse(&self.house(), &self.caller(by), proposal.id, "not so", self.now())
    }

    /// Releases an approved proposal.
    pub fn release(&self, by: &str, proposal: &Proposal) -> Done<ReleasedView> {
        self.release_with(by, proposal, Authority::SecondPerson)
    }

    /// Releases a proposal alone, to save life.
    pub fn release_alone(&self, by: &str, proposal: &Proposal) -> Done<ReleasedView> {
        self.release_with(by, proposal, Authority::ImminentDanger("they are on their way".to_owned()))
    }

    fn release_with(&self, by: &str, proposal: &Proposal, authority: Authority) -> Done<ReleasedView> {
        let (house, caller, key) = (self.house(), self.caller(by), self.key(by));
        let Proposal { id, digest, .. } = *proposal;
        release::release(&house, &caller, &key, id, digest, authority, self.now(), &mut self.rng())
    }

    /// Reviews what one person released alone.
    pub fn review(&self, by: &str, proposal: ProposalId) -> Done {
        let (house, caller, key) = (self.house(), self.caller(by), self.key(by));
        release::review(&house, &caller, &key, proposal, "it was right", self.now(), &mut self.rng())
    }

    /// Changes how a released warning stands.
    pub fn change(&self, by: &str, warning: WarningId, change: Change) -> Done<Changed> {
        standing::change(&self.house(), &self.caller(by), warning, change, self.now(), &mut self.rng())
    }

    /// Says that it is over.
    pub fn cancel(&self, warning: WarningId) -> Changed {
        self.change("release1", warning, Change::Cancel).unwrap()
    }

    /// Says that it is no longer asserted.
    pub fn lapse(&self, warning: WarningId) -> Changed {
        self.change("release1", warning, Change::Lapse).unwrap()
    }

    /// Asks for it back; it still counts in the ledger.
    pub fn recall(&self, warning: WarningId) -> Changed {
        let change = Change::Recall { reason: RecallReason::Undisclosed, counts: true };
        self.change("release1", warning, change).unwrap()
    }
}

/// Answering.
impl TestHouse {
    /// Notes that a release was read.
    pub fn read(&self, by: &str, entry: &str) -> Done {
        answer::read(&self.house(), &self.caller(by), entry, self.now(), &mut self.rng())
    }

    /// Disposes of a release.
    pub fn dispose(&self, by: &str, entry: &str, disposition: Disposition) -> Done {
        let words = (disposition == Disposition::NeedsMore).then(|| "which square?".to_owned());
        answer::dispose(
            &self.house(),
            &self.caller(by),
            entry,
            disposition,
            words,
            self.now(),
            &mut self.rng(),
        )
    }

    /// Records an action of ours.
    pub fn act_on(&self, by: &str, entry: &str) -> Done<i64> {
        answer::record_action(&self.house(), &self.caller(by), entry, "patrols", "two cars", self.now())
    }

    /// Reports what came of a release.
    pub fn report(&self, by: &str, entry: &str, outcome: Outcome) -> Done {
        self.report_about(by, About::Release(entry.to_owned()), outcome)
    }

    /// Reports an outcome about anything.
    pub fn report_about(&self, by: &str, about: About, outcome: Outcome) -> Done {
        answer::report_outcome(&self.house(), &self.caller(by), about, outcome, self.now(), &mut self.rng())
    }

    /// Thanks a partner for a release.
    pub fn thank(&self, by: &str, about: About) -> Done {
        let thanks = Thanks {
            text: "it helped".to_owned(),
            from_role: "head of service".to_owned(),
            relay_to: Some("head of service".to_owned()),
        };
        answer::thank(&self.house(), &self.caller(by), about, thanks, self.now(), &mut self.rng())
    }

    /// Passes a partner's thanks on.
    pub fn relay(&self, by: &str, entry: &str) -> Done {
        answer::relay_thanks(
            &self.house(),
            &self.caller(by),
            entry,
            "head of service",
            self.now(),
            &mut self.rng(),
        )
    }
}

/// What is agreed.
impl TestHouse {
    /// Proposes an agreement, as the liaison officer.
    pub fn propose(&self, with: &str, agreed: &Terms) -> Done<Digest> {
        let caller = self.caller("liaison1");
        agreement::propose(&self.house(), &caller, &party(with), &agreed.text(), self.now(), &mut self.rng())
    }

    /// Accepts an agreement that the partner proposed.
    pub fn accept(&self, with: &str, hash: &Digest) -> Done<Digest> {
        self.answer_agreement(with, hash, Answer::Accept)
    }

    /// Answers an agreement.
    pub fn answer_agreement(&self, with: &str, hash: &Digest, said: Answer) -> Done<Digest> {
        let (house, caller) = (self.house(), self.caller("release1"));
        let (with, hash, now) = (party(with), hash.to_string(), self.now());
        agreement::answer(&house, &caller, &with, &hash, said, None, now, &mut self.rng())
    }

    /// Takes another stance on a domain; a pilot scope of indicators goes with resuming.
    pub fn take_stance(&self, with: &str, domain: Domain, state: DomainState) -> Done {
        let pilot_scope =
            if state == DomainState::Resuming { vec![MatterKind::Indicator] } else { Vec::new() };
        let stance = Stance { domain, state, pilot_scope, note: None };
        let caller = self.caller("liaison1");
        agreement::change_domain(&self.house(), &caller, &party(with), stance, self.now(), &mut self.rng())
    }

    /// Records that a partner may be told of persons in counter-terrorism until a day, e.g. `2027-06-01`.
    pub fn trust_with_persons(&self, partner: &str, until: &str) -> Done {
        let assessed = Assessed {
            basis: "visits of the liaison officer".to_owned(),
            assurances: Vec::new(),
            review_date: until.parse().unwrap(),
        };
        let (house, caller) = (self.house(), self.caller("release1"));
        risk::assess(&house, &caller, &party(partner), Domain::CounterTerrorism, assessed, self.now())
    }

    /// Promises a partner to tell it of threats in counter-terrorism.
    pub fn undertake(&self, to: &str) -> Done {
        let promise = Undertaking {
            domain: Domain::CounterTerrorism,
            text: "any threat to the other's citizens".to_owned(),
            protected: Vec::new(),
            harm: Default::default(),
            until: None,
        };
        let caller = self.caller("liaison1");
        undertaking::declare(&self.house(), &caller, &party(to), promise, self.now(), &mut self.rng())
    }
}

/// Looking.
impl TestHouse {
    /// What partners gave, the newest first.
    pub fn inbox(&self) -> Vec<ReleaseLine> {
        inbox::incoming(&self.house(), &self.caller("desk1"), self.now()).unwrap()
    }

    /// What was given to partners and stands in a log, the newest first.
    pub fn sent(&self) -> Vec<ReleaseLine> {
        inbox::outgoing(&self.house(), &self.caller("desk1"), self.now()).unwrap()
    }

    /// What waits in the outbox.
    pub fn waiting(&self) -> Vec<WaitingLine> {
        inbox::waiting(&self.house(), &self.caller("desk1")).unwrap()
    }

    /// The name of the newest release that a partner gave.
    pub fn newest(&self) -> String {
        self.inbox().first().expect("nothing came in").entry.clone()
    }

    /// An entry, whole, read by desk1 with a reason.
    pub fn entry(&self, name: &str) -> EntryView {
        show::entry(&self.house(), &self.caller("desk1"), name, Some("on duty"), self.now()).unwrap()
    }

    /// The body of an entry, byte for byte; nothing once erased.
    pub fn body(&self, name: &str) -> Option<Vec<u8>> {
        let opened = self.store().view(|view| {
            let at = exchange::incoming::entry_ref(view, name)?;
            let channel = view.channel(&at.origin)?.unwrap();
            Ok::<_, Refusal>(view.open_entry(&channel, at.index)?)
        });
        opened.unwrap().map(|o| tlog::entry::Entry::parse(&o.bytes).unwrap().body)
    }

    /// The ledger with a partner.
    pub fn ledger(&self, with: &str) -> LedgerView {
        ledger::ledger(&self.house(), &self.caller("desk1"), &party(with)).unwrap()
    }

    /// The relation with a partner, as the acts see it.
    pub fn relation(&self, with: &str) -> Relation {
        let house = self.house();
        let relation = house.store.view(|view| house.relations.of(view, &party(with)));
        Relation::clone(&relation.unwrap())
    }

    /// How a domain stands with a partner.
    pub fn domain(&self, with: &str, domain: Domain) -> Option<DomainState> {
        self.relation(with).domain(domain).map(|d| d.state)
    }

    /// The clocks that run.
    pub fn clocks(&self) -> Vec<Clock> {
        let house = self.house();
        house.store.view(|view| clocks::running(&house, view, self.now())).unwrap()
    }

    /// Looks at the clocks, as the node does by itself.
    pub fn tick(&self) -> Ticked {
        clocks::tick(&self.house(), self.now()).unwrap()
    }

    /// An operator confirms the clock.
    pub fn confirm_clock(&self) {
        clocks::confirm(&self.house(), &self.caller("operator1"), self.now()).unwrap();
    }

    /// What is unsure about the clock.
    pub fn unsure(&self) -> Option<String> {
        self.store().view(clocks::unsure).unwrap()
    }

    /// The notices that are due, in words, the oldest first.
    pub fn notices(&self) -> Vec<String> {
        let due = exchange::alarm::due_now(&self.house(), self.now(), 1_000).unwrap();
        due.into_iter().map(|n| n.line).collect()
    }

    /// A warning as it is kept.
    pub fn row(&self, warning: WarningId) -> WarningRow {
        self.store().view(|view| view.warning(warning)).unwrap().unwrap()
    }

    /// A proposal as it is kept.
    pub fn proposal_row(&self, proposal: ProposalId) -> ProposalRow {
        self.store().view(|view| view.proposal(proposal)).unwrap().unwrap()
    }

    /// Where the copies of a warning are, by recipient: `queued`, `withdrawn: …` or the entry.
    pub fn copies(&self, warning: WarningId) -> Vec<(String, String)> {
        let whole =
            own::show(&self.house(), &self.caller("desk1"), warning, Some("on duty"), self.now()).unwrap();
        whole.copies.into_iter().map(|c| (c.recipient, c.delivery)).collect()
    }

    /// The entry that a name stands for.
    pub fn entry_ref(&self, name: &str) -> EntryRef {
        self.store().view(|view| exchange::incoming::entry_ref(view, name)).unwrap()
    }
}
