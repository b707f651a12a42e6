//! Channels that go on in others, keys that change, cards that are renewed.

use exchange::view::channels;
use exchange::{card_renewal, rotation, succession, unfreeze};
use model::vocab::Status;
use serde_json::json;

use crate::input::{self, Nothing};
use crate::routes::{Call, party, view};

type Answer = Result<serde_json::Value, exchange::refusal::Refusal>;

/// Which of the two channels is meant.
fn status(exercise: bool) -> Status {
    if exercise { Status::Exercise } else { Status::Actual }
}

pub(crate) fn list(c: &mut Call, _: Nothing) -> Answer {
    view(channels::list(&c.house, &c.person)?)
}

pub(crate) fn succeed(c: &mut Call, i: input::Succeed) -> Answer {
    let ending = if i.at_once { succession::Ending::AtOnce } else { succession::Ending::InOrder };
    let to = party(&i.partner)?;
    let to = (&to, status(i.exercise).into());
    view(succession::succeed(&c.house, &c.person, to, &i.reason, ending, c.now, &mut c.rng)?)
}

pub(crate) fn accept(c: &mut Call, i: input::OneChannel) -> Answer {
    view(succession::accept(&c.house, &c.person, &party(&i.partner)?, status(i.exercise).into(), c.now)?)
}

pub(crate) fn refuse(c: &mut Call, i: input::OneChannel) -> Answer {
    view(succession::refuse(&c.house, &c.person, &party(&i.partner)?, status(i.exercise).into(), c.now)?)
}

pub(crate) fn unfreeze(c: &mut Call, i: input::OneChannel) -> Answer {
    let of = (&party(&i.partner)?, status(i.exercise).into());
    view(unfreeze::ask(&c.house, &c.person, of, c.now)?)
}

pub(crate) fn rotate_log(c: &mut Call, i: input::OneChannel) -> Answer {
    view(rotation::rotate_log(&c.house, &c.person, &party(&i.partner)?, status(i.exercise).into(), c.now)?)
}

pub(crate) fn renew_card(c: &mut Call, i: input::PartnerCard) -> Answer {
    let (new, waits) = card_renewal::propose(&c.house, &c.person, &c.key, &i.card, c.now, &mut c.rng)?;
    Ok(json!({
        "partner": new.partner, "changes": new.changes, "id": waits.id.to_string(),
        "digest": waits.digest.to_string(), "expires_at": waits.expires_at,
    }))
}
