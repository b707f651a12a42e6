//! What doctor says of partners that sent what was refused, and that name more of our logs than there is.

use jiff::{SignedDuration, Timestamp};
use model::plain::plain_line;
use store::{ChannelSide, View};

use crate::evidence;
use crate::refusal::Refusal;
use crate::view::status::{Finding, Severity, finding};

/// For how long a refused note is a finding, in days.
const FINDING_DAYS: i64 = 7;

/// The findings about every channel.
pub(crate) fn findings(view: &View<'_>, now: Timestamp, found: &mut Vec<Finding>) -> Result<(), Refusal> {
    for channel in view.channels()? {
        let partner = &channel.partner;
        let last = evidence::last_kept(view, &channel)?;
        let recent = SignedDuration::from_hours(24 * FINDING_DAYS);
        if let Some((at, what)) = last.filter(|(at, _)| now.duration_since(*at) <= recent) {
            let fact = match channel.side {
                ChannelSide::Theirs => format!("{partner} sent what was refused"),
                ChannelSide::Ours => format!("{partner} showed a signature of ours that cannot be true"),
            };
            let hint = "nothing of it was taken, and the signed note is kept: `forewarn evidence list`. Call the partner's duty \
                        desk and compare the heads that both hold; while it lasts, warn by other ways";
            let detail = format!("the last at {at}: {}", plain_line(&what));
            found.push(finding(Severity::Warning, fact, hint).detail(detail));
        }
        if let Some(since) = evidence::behind_since(view, &channel)? {
            let fact = format!("{partner} names more of a log than this node has");
            let hint = "if this node was restored or copied, stop the other one and run `forewarn recover begin`; if not, \
                        the partner is wrong: call its duty desk";
            found.push(finding(Severity::Warning, fact, hint).detail(format!("since {since}")));
        }
    }
    Ok(())
}
