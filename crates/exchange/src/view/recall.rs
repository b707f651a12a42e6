//! How a recall stands: what was asked back, who says that it is erased, who keeps it and why, who is late.

use jiff::Timestamp;
use model::id::EntryRef;
use model::relation::{Erasure, ReleaseView, Side};
use serde::Serialize;
use store::{ChannelRow, View};

use crate::alarm::due;
use crate::erasure::CONFIRM_MINUTES;
use crate::refusal::Refusal;

/// The recall of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RecallLine {
    /// Its entry's name, shortened.
    pub entry: String,
    /// Why it is asked back.
    pub reason: &'static str,
    /// Since when: when it was appended or came in, by our clock.
    pub since: Timestamp,
    /// When the receiver held the recall, by its receipt; `None` while no receipt covers it.
    pub held_at: Option<Timestamp>,
    /// What the receiver said: `confirmed`, `contested`; `None` while it has said nothing. A statement, and no proof.
    pub said: Option<&'static str>,
    /// When it said so, by its clock.
    pub said_at: Option<Timestamp>,
    /// Why it keeps its copy, if it contests.
    pub contest: Option<&'static str>,
    /// By when an answer is asked for.
    pub due: Timestamp,
    /// Whether that time has passed without one.
    pub overdue: bool,
    /// Whether this node still holds the text.
    pub text_here: bool,
}

/// The recall of a release; `None` if it was not recalled.
pub(crate) fn line(
    view: &View<'_>,
    channel: &ChannelRow,
    release: &ReleaseView<'_>,
    now: Timestamp,
) -> Result<Option<RecallLine>, Refusal> {
    let Some(recall) = &release.recall else { return Ok(None) };
    let EntryRef { index, .. } = *recall.at;
    let kept_at = view.entries(channel, index, index.saturating_add(1))?.pop().map(|e| e.kept_at);
    let held_at = match release.entry.side {
        Side::Theirs => kept_at,
        Side::Ours => view.receipt_of(channel, index)?.and_then(|head| head.at),
    };
    let since = kept_at.unwrap_or(recall.written);
    let due = due(since, CONFIRM_MINUTES);
    let (said, said_at, contest) = match recall.said {
        None => (None, None, None),
        Some(Erasure::Confirmed { at }) => (Some("confirmed"), Some(at), None),
        Some(Erasure::Contested { reason, at }) => (Some("contested"), Some(at), Some(reason.word())),
    };
    Ok(Some(RecallLine {
        entry: recall.at.to_string(),
        reason: recall.reason.word(),
        since,
        held_at,
        said,
        said_at,
        contest,
        due,
        overdue: said.is_none() && now >= due,
        text_here: view.holds_text(channel, release.at.index)?,
    }))
}
