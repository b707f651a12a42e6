//! The receiver's answers to a warning: read, disposed, the outcome, thanks. Each is an entry in our own log.

use disclosure::{Released, entries};
use jiff::Timestamp;
use model::body::{DispositionNote, Outcome, ReadNote, Thanks, ThanksRelayed};
use model::caller::Person;
use model::id::{EntryRef, OutboxId, PartyName};
use model::relation::Standing;
use model::vocab::{Disposition, Role};
use rand_core::CryptoRng;
use store::{Act, ChannelSide, NewAction};
use tlog::channel::Use;

use crate::audit;
use crate::caller::needs;
use crate::house::House;
use crate::incoming::{self, Incoming, entry_ref};
use crate::outgoing::{Condition, OutboxDraw, Place, queue};
use crate::refusal::Refusal;

/// Notes that a role of ours has read a release. Reading again changes nothing.
pub fn read(
    house: &House,
    caller: &Person,
    release: &str,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<(), Refusal> {
    needs(caller, &[Role::Desk, Role::Release, Role::Liaison], "read a warning for the desk")?;
    let (draw, us, by, name) =
        (OutboxDraw::draw(rng), house.clone(), caller.name.clone(), release.to_owned());
    house.store.act(move |act| {
        let found = incoming::find(&us, act, &name)?;
        if found.read || waits_already(act, &found, "release.read")? {
            return Ok(());
        }
        let note = ReadNote { role: "duty officer".to_owned(), held_at: seconds(found.held_at)? };
        send(act, &entries::release_read(&found.from, &note)?, &found, draw, now)?;
        audit::note(act, now, by.as_str(), "release.read", &found.at.to_string(), serde_json::json!({}), &[])
    })?;
    (house.bell)();
    Ok(())
}

/// What the desk decided about a release. A further disposition follows the earlier one and does not replace it.
pub fn dispose(
    house: &House,
    caller: &Person,
    release: &str,
    disposition: Disposition,
    text: Option<String>,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<(), Refusal> {
    needs(caller, &[Role::Desk, Role::Release], "dispose of a warning")?;
    if disposition == Disposition::NeedsMore && text.is_none() {
        return Err(Refusal::yours("says_nothing", "needs_more without saying what is needed")
            .hint("add `--text` with what the giver should add; it is sent as you write it"));
    }
    let (first, draw) = (OutboxDraw::draw(rng), OutboxDraw::draw(rng));
    let (us, by, name) = (house.clone(), caller.name.clone(), release.to_owned());
    house.store.act(move |act| {
        let found = incoming::find(&us, act, &name)?;
        let (role, held_at) = ("duty officer".to_owned(), seconds(found.held_at)?);
        if !found.read && !waits_already(act, &found, "release.read")? {
            let note = ReadNote { role: role.clone(), held_at };
            send(act, &entries::release_read(&found.from, &note)?, &found, first, now)?;
        }
        let note = DispositionNote { disposition, role, held_at, text };
        send(act, &entries::release_disposed(&found.from, &note)?, &found, draw, now)?;
        let detail = serde_json::json!({ "disposition": disposition.word() });
        audit::note(act, now, by.as_str(), "release.dispose", &found.at.to_string(), detail, &[])
    })?;
    (house.bell)();
    Ok(())
}

/// Records what was done about a release. Local: the giver hears of it only in an outcome.
pub fn record_action(
    house: &House,
    caller: &Person,
    release: &str,
    kind: &str,
    text: &str,
    now: Timestamp,
) -> Result<i64, Refusal> {
    needs(caller, &[Role::Desk, Role::Release], "record an action")?;
    let (us, by, name) = (house.clone(), caller.name.clone(), release.to_owned());
    let (kind, text) = (kind.to_owned(), text.to_owned());
    house.store.act(move |act| {
        let found = incoming::find(&us, act, &name)?;
        let new = NewAction { release: found.at.clone(), kind: kind.clone(), text, by: by.clone() };
        let id = act.add_action(&new, now)?;
        let detail = serde_json::json!({ "kind": kind });
        audit::note(act, now, by.as_str(), "action.record", &found.at.to_string(), detail, &[])?;
        Ok(id)
    })
}

/// Records that the protective measures of an action have ended.
pub fn stand_down(house: &House, caller: &Person, action: i64, now: Timestamp) -> Result<(), Refusal> {
    needs(caller, &[Role::Desk, Role::Release], "stand an action down")?;
    let by = caller.name.clone();
    house.store.act(move |act| {
        if !act.stand_down(action, now)? {
            return Err(Refusal::yours("unknown_action", format!("no action {action} is running")));
        }
        audit::note(
            act,
            now,
            by.as_str(),
            "action.stand_down",
            &action.to_string(),
            serde_json::json!({}),
            &[],
        )
    })
}

/// To what an outcome belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// A release that the partner gave us, by its name.
    Release(String),
    /// No warning of the partner's: it goes as unsolicited.
    Unsolicited(PartyName),
}

/// Reports what came of a warning. It must answer a release that this node received, or be marked unsolicited (I-19).
pub fn report_outcome(
    house: &House,
    caller: &Person,
    about: About,
    outcome: Outcome,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<(), Refusal> {
    needs(caller, &[Role::Desk, Role::Release], "report an outcome")?;
    outcome
        .check()
        .map_err(|why| Refusal::yours("bad_outcome", "the outcome was not reported").detail(why))?;
    if outcome.unsolicited != matches!(about, About::Unsolicited(_)) {
        return Err(Refusal::yours("bad_outcome", "an outcome answers a warning, or is marked unsolicited")
            .hint(
                "name the entry it answers, or set \"unsolicited\": true with its domain and give `--to`",
            ));
    }
    let (draw, us, by) = (OutboxDraw::draw(rng), house.clone(), caller.name.clone());
    house.store.act(move |act| {
        let about = match about {
            About::Unsolicited(to) => {
                let place = Place {
                    use_: Use::Actual,
                    thread: draw.thread(),
                    answers: None,
                    condition: Condition::Reachable,
                };
                queue(act, &entries::outcome_reported(&to, &outcome)?, place, draw, now)?;
                to.to_string()
            }
            About::Release(name) => {
                let found = incoming::find(&us, act, &name)?;
                send(act, &entries::outcome_reported(&found.from, &outcome)?, &found, draw, now)?;
                found.at.to_string()
            }
        };
        let detail = serde_json::json!({ "event": outcome.event.word() });
        audit::note(act, now, by.as_str(), "outcome.report", &about, detail, &[])
    })?;
    (house.bell)();
    Ok(())
}

/// Thanks a partner for a release it gave us, or for anything (`about` names the partner then).
pub fn thank(
    house: &House,
    caller: &Person,
    about: About,
    thanks: Thanks,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<(), Refusal> {
    needs(caller, &[Role::Liaison, Role::Release, Role::Desk], "give thanks")?;
    let (draw, us, by) = (OutboxDraw::draw(rng), house.clone(), caller.name.clone());
    house.store.act(move |act| {
        let to = match about {
            About::Unsolicited(to) => {
                let (thread, condition) = (draw.thread(), Condition::Reachable);
                let place = Place { use_: Use::Actual, thread, answers: None, condition };
                queue(act, &entries::thanks_given(&to, &thanks)?, place, draw, now)?;
                to
            }
            About::Release(name) => {
                let found = incoming::find(&us, act, &name)?;
                send(act, &entries::thanks_given(&found.from, &thanks)?, &found, draw, now)?;
                found.from
            }
        };
        audit::note(act, now, by.as_str(), "thanks.give", to.as_str(), serde_json::json!({}), &[])
    })?;
    (house.bell)();
    Ok(())
}

/// Confirms that thanks were passed on, naming the role that received them and nobody else.
pub fn relay_thanks(
    house: &House,
    caller: &Person,
    thanks: &str,
    received_by: &str,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<(), Refusal> {
    needs(caller, &[Role::Liaison, Role::Release], "pass thanks on")?;
    let (draw, us, by) = (OutboxDraw::draw(rng), house.clone(), caller.name.clone());
    let (name, body) = (thanks.to_owned(), ThanksRelayed { received_by: received_by.to_owned() });
    house.store.act(move |act| {
        let at = entry_ref(act, &name)?;
        let (partner, thread, use_) = their_entry(act, &at)?;
        let relation = us.relations.in_act(act, &partner)?;
        if !relation.thanks().any(|(t, _, _)| *t == at) {
            return Err(Refusal::yours("not_thanks", format!("{name} is no entry with thanks")));
        }
        let place = Place { use_, thread, answers: Some(at.clone()), condition: Condition::Reachable };
        queue(act, &entries::thanks_relayed(&partner, &body)?, place, draw, now)?;
        audit::note(act, now, by.as_str(), "thanks.relay", &at.to_string(), serde_json::json!({}), &[])
    })?;
    (house.bell)();
    Ok(())
}

/// The partner, thread and use of an entry that a partner wrote.
pub(crate) fn their_entry(act: &Act<'_>, at: &EntryRef) -> Result<(PartyName, [u8; 16], Use), Refusal> {
    let channel = act.channel(&at.origin)?.filter(|c| c.side == ChannelSide::Theirs);
    let channel =
        channel.ok_or_else(|| Refusal::yours("not_incoming", format!("{at} is not a partner's entry")))?;
    let row = act.entries(&channel, at.index, at.index + 1)?.pop();
    let row = row.ok_or_else(|| Refusal::ours(format!("no entry {at}")))?;
    Ok((channel.partner, row.thread, channel.use_))
}

/// An answer goes in the thread and the use of what it answers.
fn send(
    act: &mut Act<'_>,
    released: &Released,
    found: &Incoming,
    draw: OutboxDraw,
    now: Timestamp,
) -> Result<OutboxId, Refusal> {
    if matches!(found.standing, Standing::Recalled { .. }) {
        return Err(Refusal::yours("recalled", format!("{} was recalled by its giver", found.at))
            .hint("what it said is not to be used any more; ask the giver's duty desk"));
    }
    let place = Place {
        use_: found.channel.use_,
        thread: found.release.thread,
        answers: Some(found.at.clone()),
        condition: Condition::Reachable,
    };
    queue(act, released, place, draw, now)
}

/// Whether an answer of this kind waits in the outbox already.
fn waits_already(act: &Act<'_>, found: &Incoming, kind: &str) -> Result<bool, Refusal> {
    let waiting = act.waiting(&found.from, found.channel.use_, 4096)?;
    Ok(waiting.iter().any(|w| w.kind == kind && w.answers.as_ref() == Some(&found.at)))
}

fn seconds(t: Timestamp) -> Result<Timestamp, Refusal> {
    Timestamp::from_second(t.as_second()).map_err(Refusal::ours)
}
