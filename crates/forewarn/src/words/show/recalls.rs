//! How a recall stands, in words: what the receiver says is its word, and never a proof.

use crate::say::Look;
use crate::words::answer::Said;
use crate::words::show::times;

/// What the receiver of a recalled release says, in one line; `nobody` says nothing.
pub(crate) fn said(recall: Said<'_>, look: &Look) -> String {
    let at = |key: &str| recall.at(key).time().map(|t| times::away(t, look.now)).unwrap_or_default();
    match recall.at("said") {
        word if word.is("confirmed") => format!("says {} that it is erased", at("said_at")),
        word if word.is("contested") => {
            format!("keeps it, said {}: {}", at("said_at"), recall.at("contest").words())
        }
        _ if recall.at("overdue").yes() => {
            format!("OVERDUE: no word on its erasure, asked {}", at("since"))
        }
        _ if recall.at("held_at").is_nothing() => {
            format!("not reached yet: no receipt covers the recall of {}", at("since"))
        }
        _ => format!("no word yet on its erasure, asked {}, due {}", at("since"), at("due")),
    }
}

/// The recall of an entry that is shown whole: by whom, why, and what became of the text.
pub(crate) fn told(recall: Said<'_>, giver: &str, receiver: &str, look: &Look) -> String {
    let since = recall.at("since").time().map(|t| times::both(t, look.now)).unwrap_or_default();
    let mut out = format!(
        "  asked back by {giver} {since}, in {}; reason: {}\n  {receiver}: {}\n",
        recall.at("entry").line(),
        recall.at("reason").words(),
        said(recall, look)
    );
    if !recall.at("text_here").yes() {
        out.push_str(
            "  its text and its salt are erased in this node; its commitment and the receipt stay\n",
        );
    }
    out
}
