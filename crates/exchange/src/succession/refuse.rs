//! A person refuses the successor that a partner proposed. It can still be taken later.

use jiff::Timestamp;
use model::caller::Person;
use model::id::PartyName;
use tlog::channel::Use;

use super::{MAY_SUCCEED, last_of};
use crate::audit;
use crate::caller::needs;
use crate::house::House;
use crate::partner;
use crate::refusal::Refusal;
use crate::view::channels::{self, SuccessorView};

/// Refuses the successor of a partner's log that waits here: the partner's node is told so whenever it asks, and the log
/// that is held stays as it is. An officer may take it later all the same. Durable when it returns.
///
/// # Errors
/// `not_authorised`; `unknown_partner`; `nothing_waits`.
pub fn refuse(
    house: &House,
    caller: &Person,
    from: &PartyName,
    use_: Use,
    now: Timestamp,
) -> Result<SuccessorView, Refusal> {
    needs(caller, MAY_SUCCEED, "refuse a successor")?;
    let (caller, from) = (caller.clone(), from.clone());
    house.store.act(move |act| {
        partner::known(act, &from)?;
        let Some((waiting, proposal)) = last_of(act.successors_waiting()?, &from, use_)? else {
            return Err(Refusal::yours("nothing_waits", format!("no {use_} successor of {from} waits"))
                .hint("`forewarn channel list` names what waits"));
        };
        let shown = channels::successor(act, &waiting, &proposal)?;
        act.refuse_successor(&waiting.origin)?;
        let detail = serde_json::json!({
            "use": use_.to_string(), "old": shown.old, "new": shown.new, "after": shown.after,
        });
        let who = caller.name.as_str();
        audit::note(act, now, who, "channel.refuse_successor", from.as_str(), detail, &[])?;
        Ok(shown)
    })
}
