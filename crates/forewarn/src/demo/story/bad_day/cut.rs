//! A line that is cut for a while.

use serde_json::Value;

use super::{arrived_once, one_ledger, warned};
use crate::demo::check::{Failed, Telling};
use crate::demo::play::{DESK, EVERYBODY, World};

const TITLES: [&str; 2] = ["Meeting of the group in City Q", "Meeting in City Q moved to the evening"];

/// B's node is down while A releases two warnings: people are told, and when it is back both arrive in their order.
pub(crate) fn cut(play: &mut World, tell: &mut Telling) -> Result<(), Failed> {
    play.b.stop();
    let digests = [warned(play, TITLES[0])?, warned(play, TITLES[1])?];
    let trouble = play.a.until("the trouble with B", DESK, &["status"], |status| {
        let mut troubles = status.get("troubles")?.as_array()?.iter();
        let with_b = troubles.find(|t| t.get(0).and_then(Value::as_str) == Some(play.b.name.as_str()))?;
        with_b.get(1)?.as_str().map(str::to_owned)
    })?;
    let told = trouble.contains("cannot be reached") && trouble.contains("tried again");
    tell.holds("A says in words what is wrong", told, &trouble.clone().into())?;
    let status = play.a.ask(DESK, &["status"])?;
    tell.equal("both wait", status.get("outbox_waiting").cloned(), 2)?;
    tell.say(format!("B is down, and A releases two warnings. A's status: \u{201c}{trouble}\u{201d}"));

    play.b.serve_again(&EVERYBODY)?;
    let mut places = Vec::new();
    for (title, digest) in TITLES.iter().zip(&digests) {
        let entry = arrived_once(play, title, digest, tell)?.entry;
        let place = entry.rsplit('/').next().and_then(|index| index.parse::<u64>().ok());
        places.push(place.ok_or_else(|| Failed::new("an entry with its index", entry))?);
    }
    let in_order = places.is_sorted() && places.first() != places.last();
    tell.holds("they stand in the log as they were released", in_order, &places.clone().into())?;
    let nothing = play.a.until("the end of the trouble", DESK, &["status"], |status| {
        let gone = status.get("troubles")?.as_array()?.is_empty();
        gone.then(|| status.get("outbox_waiting").cloned()).flatten()
    })?;
    tell.equal("nothing waits any more", nothing, 0)?;
    one_ledger(&play.a, &play.b, tell)?;
    let places: Vec<String> = places.iter().map(u64::to_string).collect();
    tell.say(format!(
        "B is back: both arrive by themselves, once, as entries {} of A's log, and the trouble is gone.",
        places.join(" and ")
    ));
    tell.fact("trouble", trouble);
    Ok(())
}
