//! Power cuts: a node ends in the middle of a delivery, on either side.

use serde_json::Value;

use super::{arrived_once, one_ledger, times, warned};
use crate::demo::check::{Failed, Telling};
use crate::demo::play::{DESK, EVERYBODY, World, line, word};

const GIVER_KILLED: &str = "Van with false plates near City P";
const RECEIVER_KILLED: &str = "Second store of explosives near City P";

/// A is killed as soon as it has answered that it releases; then B, with a parcel on its way.
pub(crate) fn killed(play: &mut World, tell: &mut Telling) -> Result<(), Failed> {
    let digest = warned(play, GIVER_KILLED)?;
    play.a.kill();
    let already = times(&play.b, GIVER_KILLED)? > 0;
    play.a.serve_again(&EVERYBODY)?;
    let first = arrived_once(play, GIVER_KILLED, &digest, tell)?;
    tell.say(format!(
        "A answers \u{201c}released\u{201d} and is killed (SIGKILL); at that moment B {}. Started again, A holds B's \
         receipt for {} entries, root {}.",
        if already { "has it already" } else { "does not have it yet" },
        first.size,
        first.root
    ));
    tell.fact("arrived_before_giver_was_killed", already);

    let digest = warned(play, RECEIVER_KILLED)?;
    play.b.kill();
    let sent = play.a.ask(DESK, &["sent"])?;
    let already = line(&sent, &play.b.name, RECEIVER_KILLED).is_some_and(|l| word(l, "held_at").is_some());
    play.b.serve_again(&EVERYBODY)?;
    let second = arrived_once(play, RECEIVER_KILLED, &digest, tell)?;
    tell.say(format!(
        "The next one is on its way when B is killed; A {} its receipt. Started again, B holds it, and A its receipt \
         for {} entries.",
        if already { "has just got" } else { "does not have" },
        second.size
    ));
    tell.fact("receipted_before_receiver_was_killed", already);

    let (_, ledger) = one_ledger(&play.a, &play.b, tell)?;
    tell.say(format!("Each stands in B's inbox once, and both ledgers are the same {} bytes.", ledger.len()));
    tell.fact("entries", Value::from(vec![first.entry, second.entry]));
    Ok(())
}
