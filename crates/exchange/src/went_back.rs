//! A node that went back (log-format §9): after a restore, on an old copy of its data, or without its high-water mark.
//! People are told once, when it starts.

use jiff::Timestamp;
use serde_json::json;
use store::Act;

use crate::alarm;
use crate::audit;
use crate::house::House;
use crate::refusal::Refusal;

/// Tells people that this node recovers, if it does and they were not told: a notice, and a line in the trail with the
/// reason. To be called when a node starts. Gives the reason if it recovers at all, told now or earlier.
pub fn tell(house: &House, now: Timestamp) -> Result<Option<String>, Refusal> {
    let stands = house.store.view(|view| Ok::<_, Refusal>(view.recovering()?))?;
    match stands {
        Some((reason, None)) => {
            house.store.act(move |act| told(act, &reason, now))?;
            Ok(house.store.view(|view| Ok::<_, Refusal>(view.recovering()?))?.map(|(reason, _)| reason))
        }
        stands => Ok(stands.map(|(reason, _)| reason)),
    }
}

fn told(act: &mut Act<'_>, reason: &str, now: Timestamp) -> Result<(), Refusal> {
    alarm::line(
        act,
        "this node went back to an earlier state: it asks its partners what it had signed",
        now,
    )?;
    let channels = act.channels()?;
    let recovering = channels.iter().filter(|channel| channel.recovering).count();
    let mut without_mark = 0;
    for channel in &channels {
        without_mark += usize::from(act.high_water(&channel.origin)?.is_none());
    }
    let detail = json!({
        "why": reason, "restored": act.restored()?, "channels": recovering, "without_mark": without_mark,
    });
    audit::note(act, now, "node", "node.recovering", "-", detail, &[])?;
    act.recovery_told(now)?;
    Ok(())
}
