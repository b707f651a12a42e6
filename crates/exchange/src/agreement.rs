//! Agreements: proposed and answered over the logs, so that both sides hold the same text and hash.

use disclosure::{Released, entries};
use jiff::Timestamp;
use model::agreement::Terms;
use model::body::{AgreementAnswer, DomainChange};
use model::caller::Person;
use model::id::{Digest, EntryRef, OutboxId, PartyName};
use model::relation::Side;
use model::state::{DomainState, Machine};
use model::vocab::{Domain, MatterKind, Role};
use rand_core::CryptoRng;
use store::Act;
use tlog::channel::Use;

use crate::audit;
use crate::caller::needs;
use crate::house::House;
use crate::outgoing::{Condition, OutboxDraw, Place, queue};
use crate::partner;
use crate::refusal::Refusal;

/// What is wanted of an agreement that the other side proposed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It shall hold.
    Accept,
    /// It shall not.
    Refuse,
}

/// Proposes an agreement. Returns its hash, which both sides will hold.
pub fn propose(
    house: &House,
    caller: &Person,
    with: &PartyName,
    text: &str,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<Digest, Refusal> {
    needs(caller, &[Role::Liaison, Role::Release], "propose an agreement")?;
    let text = model::file::without_comments(text);
    let terms = Terms::parse(text.as_bytes()).map_err(|e| {
        Refusal::yours("bad_agreement", "the agreement was not proposed")
            .detail(e.to_string())
            .hint("`forewarn agreement template` prints a commented example")
    })?;
    let mut parties = [house.name.to_string(), with.to_string()];
    parties.sort();
    if terms.parties != parties {
        return Err(Refusal::yours("wrong_parties", "the agreement is between other parties")
            .detail(format!("it names {} and {}", terms.parties.join(" and "), parties.join(" and ")))
            .hint(format!("\"parties\" must be {parties:?}")));
    }
    let released = entries::agreement_proposed(with, &house.name, text.as_bytes())?;
    let hash = released.digest();
    let (draw, us, by, with) = (OutboxDraw::draw(rng), house.clone(), caller.name.clone(), with.clone());
    house.store.act(move |act| {
        let relation = us.relations.in_act(act, &with)?;
        if relation.agreements().iter().any(|a| a.hash == hash) {
            return Err(Refusal::yours("already_proposed", "this very text was proposed before")
                .hint("`forewarn agreement list` says what became of it"));
        }
        send(act, &released, None, draw, now)?;
        let detail = serde_json::json!({ "agreement": hash.to_string() });
        audit::note(act, now, by.as_str(), "agreement.propose", with.as_str(), detail, &[])
    })?;
    (house.bell)();
    Ok(hash)
}

/// Answers an agreement that the partner proposed. `hash` may be shortened to eight digits or more.
pub fn answer(
    house: &House,
    caller: &Person,
    with: &PartyName,
    hash: &str,
    answer: Answer,
    reason: Option<String>,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<Digest, Refusal> {
    needs(caller, &[Role::Release], "answer an agreement")?;
    let (draw, us, by, with) = (OutboxDraw::draw(rng), house.clone(), caller.name.clone(), with.clone());
    let wanted = hash.to_owned();
    let hash = house.store.act(move |act| {
        partner::confirmed(act, &with)?;
        let relation = us.relations.in_act(act, &with)?;
        let found: Vec<_> = relation
            .agreements()
            .into_iter()
            .filter(|a| a.hash.to_string().starts_with(&wanted) && wanted.len() >= 8)
            .map(|a| (a.hash, a.at.clone(), a.proposed_by, a.accepted, a.refused))
            .collect();
        let named: Vec<_> = relation.agreements().iter().map(|a| (a.hash, a.terms.parties.clone())).collect();
        let [(hash, at, proposed_by, accepted, refused)] = found.as_slice() else {
            return Err(Refusal::yours(
                "unknown_agreement",
                format!("{with} proposed no agreement {wanted}"),
            )
            .hint(format!(
                "`forewarn agreement list --with {with}` shows the hashes; give at least 8 digits"
            )));
        };
        let mut parties = [us.name.to_string(), with.to_string()];
        parties.sort();
        if answer == Answer::Accept && named.iter().any(|(h, p)| h == hash && *p != parties) {
            return Err(Refusal::yours("wrong_parties", "this text is an agreement between other parties"));
        }
        if *proposed_by == Side::Ours && answer == Answer::Accept {
            return Err(Refusal::yours("own_proposal", "this side proposed it; the other side accepts"));
        }
        if *accepted || *refused {
            return Err(Refusal::yours("already_answered", "this agreement was answered before"));
        }
        let body = AgreementAnswer { agreement: hash.to_string(), reason };
        let (released, verb) = match answer {
            Answer::Accept => (entries::agreement_accepted(&with, &body)?, "agreement.accept"),
            Answer::Refuse => (entries::agreement_refused(&with, &body)?, "agreement.refuse"),
        };
        send(act, &released, Some(at.clone()), draw, now)?;
        let detail = serde_json::json!({ "agreement": hash.to_string() });
        audit::note(act, now, by.as_str(), verb, with.as_str(), detail, &[])?;
        Ok(*hash)
    })?;
    (house.bell)();
    Ok(hash)
}

/// A stance that this side takes on a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stance {
    /// The domain.
    pub domain: Domain,
    /// The state that this side wants.
    pub state: DomainState,
    /// What may pass while resuming; empty otherwise.
    pub pilot_scope: Vec<MatterKind>,
    /// A word to the partner, as written.
    pub note: Option<String>,
}

/// Takes another stance on a domain. Suspending and ending need one side; resuming needs both, since the stricter holds.
pub fn change_domain(
    house: &House,
    caller: &Person,
    with: &PartyName,
    to: Stance,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<(), Refusal> {
    needs(caller, &[Role::Release, Role::Liaison], "change the state of a domain")?;
    let Stance { domain, state, pilot_scope, note } = to;
    if (state == DomainState::Resuming) == pilot_scope.is_empty() {
        return Err(Refusal::yours("pilot_scope", "a pilot scope goes with resuming, and with nothing else")
            .hint("name the kinds that may pass while resuming, e.g. `--pilot indicator`"));
    }
    let (draw, us, by, with) = (OutboxDraw::draw(rng), house.clone(), caller.name.clone(), with.clone());
    house.store.act(move |act| {
        partner::confirmed(act, &with)?;
        let relation = us.relations.in_act(act, &with)?;
        let standing = relation.domain(domain).ok_or_else(|| {
            Refusal::yours("no_agreement", format!("no agreement in force with {with} names {domain}"))
        })?;
        if !DomainState::STEPS.iter().any(|(from, _, to)| *from == standing.ours && *to == state) {
            let possible: Vec<_> =
                DomainState::STEPS.iter().filter(|s| s.0 == standing.ours).map(|s| s.2.word()).collect();
            return Err(Refusal::yours(
                "wrong_step",
                format!("our stance on {domain} is {} and cannot become {state}", standing.ours),
            )
            .hint(format!("from here it can become: {}", possible.join(", "))));
        }
        let body = DomainChange {
            agreement: standing.agreement.to_string(),
            domain,
            state,
            pilot_scope: pilot_scope.into_iter().collect(),
            note,
        };
        let released = entries::domain_changed(&with, &body, &standing)?;
        send(act, &released, None, draw, now)?;
        let detail = serde_json::json!({ "domain": domain.word(), "state": state.word() });
        audit::note(act, now, by.as_str(), "domain.change", with.as_str(), detail, &[])
    })?;
    (house.bell)();
    Ok(())
}

/// Queues a matter of the relation itself: no thread of its own, in the actual channel.
fn send(
    act: &mut Act<'_>,
    released: &Released,
    answers: Option<EntryRef>,
    draw: OutboxDraw,
    now: Timestamp,
) -> Result<OutboxId, Refusal> {
    let place = Place { use_: Use::Actual, thread: [0; 16], answers, condition: Condition::Reachable };
    queue(act, released, place, draw, now)
}
