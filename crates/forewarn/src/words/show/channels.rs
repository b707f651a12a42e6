//! Logs with partners, their keys and successors.

use crate::say::{Ink, Look};
use crate::words::answer::Said;
use crate::words::show::table::Table;
use crate::words::show::{head, times};

/// Every log, and what waits for an officer.
pub(crate) fn list(said: Said<'_>, look: &Look) -> String {
    let mut out = String::new();
    for waits in said.at("waiting").items() {
        out.push_str(&look.ink(Ink::Alarm, &waiting(waits, look)));
        out.push('\n');
    }
    if !said.at("logs").has_parts() {
        out.push_str("There is no log yet; one opens with the first thing that is sent.\n");
        return out;
    }
    let mut table =
        Table::new(&["partner", "log", "written by", "use", "state", ">entries", ">receipted", "of note"]);
    for log in said.at("logs").items() {
        table.row([
            log.at("partner").line().into(),
            short(&log.at("origin").line()).into(),
            if log.at("side").is("ours") { "us" } else { "the partner" }.into(),
            log.at("use").line().into(),
            log.at("state").line().into(),
            log.at("size").line().into(),
            log.at("receipted").line().into(),
            of_note(log).into(),
        ]);
    }
    out.push_str(&table.show(look));
    out
}

/// The first eight digits of an origin, as entries are named.
fn short(origin: &str) -> String {
    origin.trim_start_matches("forewarn/log/").chars().take(8).collect()
}

fn of_note(log: Said<'_>) -> String {
    let mut notes = Vec::new();
    if !log.at("frozen").is_nothing() {
        notes.push(format!("frozen: {}", log.at("frozen").line()));
    }
    let proof = log.at("proof");
    if !proof.is_nothing() {
        notes.push(match proof.at("failed").is_nothing() {
            true => "its node is asked for a proof".to_owned(),
            false => format!("no proof: {}", proof.at("failed").line()),
        });
    }
    if log.at("state").is("succeeded") {
        notes.push(format!("the first {} count", log.at("counted").line()));
    }
    if !log.at("follows").is_nothing() {
        notes.push(format!("goes on from {}", short(&log.at("follows").line())));
    }
    if log.at("ends").yes() {
        notes.push("ends when its last receipt is here".to_owned());
    }
    if log.at("new_keys_from").has_parts() {
        notes.push(format!("new keys from {}", log.at("new_keys_from").joined(", ")));
    }
    if !log.at("keys_wait_from").is_nothing() {
        notes.push("new keys wait for the partner's node".to_owned());
    }
    notes.join("; ")
}

fn waiting(waits: Said<'_>, look: &Look) -> String {
    let partner = waits.at("partner").line();
    let drill = if waits.at("use").is("exercise") { " --exercise" } else { "" };
    let since = waits.at("at").time().map(|t| times::both(t, look.now)).unwrap_or_default();
    let mut out = format!(
        "WAITS FOR YOU: {partner} goes on in a new log ({}), since {since}\n  It goes on after entry {} of log {}; {} are held here.\n",
        waits.at("use").line(),
        waits.at("after").line(),
        short(&waits.at("old").line()),
        waits.at("held").line(),
    );
    out.push_str(&behind(waits));
    out.push_str(&format!(
        "  Call its duty desk and ask why. If it is right: forewarn channel accept {partner}{drill}\n  \
         If it is not:                                  forewarn channel refuse {partner}{drill}\n"
    ));
    out
}

fn behind(waits: Said<'_>) -> String {
    let mut out = String::new();
    if waits.at("left_behind").has_parts() {
        out.push_str("  These count no longer; the partner sends anew what it still means:\n");
        for entry in waits.at("left_behind").items() {
            out.push_str(&format!("    {}  {}\n", entry.at("entry").line(), entry.at("kind").line()));
        }
    }
    if waits.at("missing").count().is_some_and(|n| n > 0) {
        out.push_str(&format!(
            "  The partner counts {} more entries than are here: has this node lost data?\n",
            waits.at("missing").line()
        ));
    }
    out
}

/// A log of ours was told to go on in another.
pub(crate) fn succeeding(said: Said<'_>, look: &Look) -> String {
    let (partner, use_) = (said.at("partner").line(), said.at("use").line());
    let title = head(look, &format!("The {use_} log to {partner} goes on in a new one"));
    let how = if said.at("in_order").yes() {
        "The old log ends first; what is decided now waits for the new one. The node does it by itself as soon as the\n\
         partner answers. If the partner is gone for long: the same again with --at-once.\n"
            .to_owned()
    } else {
        format!(
            "It goes on from its newest receipt. {} entries that no receipt covers are sent anew.\n\
             If the partner holds more than that receipt says, its officer has to take the new log: call its duty desk.\n",
            said.at("sent_anew").line()
        )
    };
    format!("{title}{how}\nNext\n  forewarn channel list    shows how far it is\n")
}

/// A partner's new log was taken.
pub(crate) fn accepted(said: Said<'_>, look: &Look) -> String {
    let partner = said.at("partner").line();
    let mut out = head(look, &format!("The new log of {partner} is taken"));
    out.push_str(&behind(said));
    out.push_str("It carries as soon as the partner's node asks again, within a minute or so.\n");
    out
}

/// A partner's new log was refused.
pub(crate) fn refused(said: Said<'_>, look: &Look) -> String {
    let partner = said.at("partner").line();
    let drill = if said.at("use").is("exercise") { " --exercise" } else { "" };
    format!(
        "{}Nothing held here has changed. Its node is told so when it asks again, and warnings from {partner} wait there:\n\
         agree with its duty desk what to do. To take the new log after all: forewarn channel accept {partner}{drill}\n",
        head(look, &format!("The new log of {partner} is refused"))
    )
}

/// A partner is asked for the proof that ends a freeze.
pub(crate) fn asked_for_proof(said: Said<'_>, look: &Look) -> String {
    let (partner, use_) = (said.at("partner").line(), said.at("use").line());
    let title = head(look, &format!("The node of {partner} is asked to prove what it signed"));
    format!(
        "{title}{} entries of its {use_} log are held here; it signed heads of {} entries. Its node is asked once, now. If the\n\
         proof holds, the freeze ends; if not, or if none comes, the log stays frozen. You are told in either case.\n\n\
         Next\n  forewarn channel list    shows what came of it\n",
        said.at("held").line(),
        said.at("signed").joined(", "),
    )
}

/// New keys for a log of ours were begun.
pub(crate) fn key_begun(said: Said<'_>, look: &Look) -> String {
    let (partner, use_) = (said.at("partner").line(), said.at("use").line());
    let title = head(look, &format!("The {use_} log to {partner} gets a new key"));
    format!(
        "{title}The nodes exchange it by themselves; it signs from size {}. Until then nothing is sent to {partner}; if its node\n\
         refuses the key, the old one stays and you are told.\n\nNext\n  forewarn channel list    shows when it is done\n",
        said.at("from").line()
    )
}

/// A partner's new card waits for a second person.
pub(crate) fn card_waits(said: Said<'_>, look: &Look) -> String {
    let mut out =
        head(look, &format!("A new card of {} waits for a second person", said.at("partner").line()));
    out.push_str("Nothing is pinned yet. What is new:\n");
    for change in said.at("changes").items() {
        out.push_str(&format!("  - {}\n", change.line()));
    }
    let until = said.at("expires_at").time().map(|t| times::both(t, look.now)).unwrap_or_default();
    out.push_str(&format!(
        "\nAsk the partner's officer by voice whether this is so. Then another person, until {until}:\n  \
         forewarn approve {} --digest {}\n",
        said.at("id").line(),
        said.at("digest").line()
    ));
    out
}
