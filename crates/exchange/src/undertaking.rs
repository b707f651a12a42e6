//! Undertakings: what one party promises to tell the other; declared, accepted, cited by a warning that keeps them.

use disclosure::entries;
use jiff::Timestamp;
use model::body::{Undertaking, UndertakingAccepted};
use model::caller::Person;
use model::id::PartyName;
use model::relation::Side;
use model::vocab::Role;
use rand_core::CryptoRng;
use tlog::channel::Use;

use crate::answer::their_entry;
use crate::audit;
use crate::caller::needs;
use crate::house::House;
use crate::incoming::entry_ref;
use crate::outgoing::{Condition, OutboxDraw, Place, queue};
use crate::refusal::Refusal;

/// Promises a partner to tell it of something.
pub fn declare(
    house: &House,
    caller: &Person,
    to: &PartyName,
    promise: Undertaking,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<(), Refusal> {
    needs(caller, &[Role::Liaison, Role::Release], "declare an undertaking")?;
    if promise.until.is_some_and(|until| until <= now) {
        return Err(Refusal::yours(
            "in_the_past",
            "an undertaking until a time that has passed promises nothing",
        ));
    }
    let released = entries::undertaking_declared(to, &promise)?;
    let (draw, by, to) = (OutboxDraw::draw(rng), caller.name.clone(), to.clone());
    house.store.act(move |act| {
        let thread = draw.thread();
        let place = Place { use_: Use::Actual, thread, answers: None, condition: Condition::Reachable };
        queue(act, &released, place, draw, now)?;
        let detail = serde_json::json!({ "domain": promise.domain.word() });
        audit::note(act, now, by.as_str(), "undertaking.declare", to.as_str(), detail, &[])
    })?;
    (house.bell)();
    Ok(())
}

/// Takes note of a partner's undertaking.
pub fn accept(
    house: &House,
    caller: &Person,
    undertaking: &str,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<(), Refusal> {
    needs(caller, &[Role::Liaison, Role::Release], "accept an undertaking")?;
    let (draw, us, by, name) =
        (OutboxDraw::draw(rng), house.clone(), caller.name.clone(), undertaking.to_owned());
    house.store.act(move |act| {
        let at = entry_ref(act, &name)?;
        let (partner, thread, use_) = their_entry(act, &at)?;
        let relation = us.relations.in_act(act, &partner)?;
        match relation.undertakings().find(|(u, entry, _)| **u == at && entry.side == Side::Theirs) {
            None => return Err(Refusal::yours("not_an_undertaking", format!("{name} is no undertaking"))),
            Some((_, _, true)) => {
                return Err(Refusal::yours("already_accepted", format!("{name} is accepted already")));
            }
            Some(_) => {}
        }
        let body = UndertakingAccepted { role: "liaison officer".to_owned() };
        let place = Place { use_, thread, answers: Some(at.clone()), condition: Condition::Reachable };
        queue(act, &entries::undertaking_accepted(&partner, &body)?, place, draw, now)?;
        audit::note(act, now, by.as_str(), "undertaking.accept", &at.to_string(), serde_json::json!({}), &[])
    })?;
    (house.bell)();
    Ok(())
}
