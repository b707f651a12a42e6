//! What convinces a third person: receipts and evidence, verified, exported, or listed as they are kept.

use crate::say::{Ink, Look};
use crate::words::answer::Said;
use crate::words::show::table::{Table, cell, indented};
use crate::words::show::{band, head, times};

/// A verified receipt.
pub(crate) fn receipt(said: Said<'_>, look: &Look) -> String {
    let (giver, receiver) = (said.at("giver").at("name").line(), said.at("receiver").at("name").line());
    let mut out = top(said, &format!("{giver} wrote this, and {receiver} held it"), look);
    let mut table = parties(said);
    let held = moment(said.at("held"));
    for (name, text) in [
        ("kind", said.at("kind").line()),
        ("entry", format!("number {} of the channel {}", said.at("index").line(), said.at("origin").line())),
        ("written", format!("{}, by the clock of {giver}", exact(said.at("written")))),
        ("held", format!("no later than {held}, by the clock of {receiver}")),
    ] {
        row(&mut table, name, text);
    }
    for witness in said.at("witnesses").items() {
        row(
            &mut table,
            "witness",
            format!("{}, by the clock of {}", moment(witness), witness.at("clock").line()),
        );
    }
    let seen = said.at("seen");
    if !seen.is_nothing() {
        let text = format!(
            "after {giver} had {} entries of the other direction, which it cosigned at {}, by its own clock",
            seen.at("size").line(),
            moment(seen.at("cosigned"))
        );
        row(&mut table, "not before", text);
    } else if said.at("names_seen").yes() {
        row(
            &mut table,
            "not before",
            "the entry names a head of the other direction, which is not shown here".to_owned(),
        );
    }
    row(&mut table, "tree", format!("{} entries, root {}", said.at("size").line(), said.at("root").line()));
    let body = format!("{} bytes of {}", said.at("length").line(), said.at("media").line());
    row(
        &mut table,
        "body",
        format!("{body}, in the file `entry`; SHA-256 {}", said.at("body_sha256").line()),
    );
    out.push_str(&table.show(look));
    out.push('\n');
    out.push_str(&indented(
        &format!(
            "This says nothing about later entries: whether it was cancelled or recalled afterwards cannot be seen from it. \
             It shows that {receiver} held these bytes, and not that anyone read or believed them."
        ),
        0,
        look,
    ));
    out
}

/// A proven conflict.
pub(crate) fn conflict(said: Said<'_>, look: &Look) -> String {
    let (giver, receiver) = (said.at("giver").at("name").line(), said.at("receiver").at("name").line());
    let accused = said.at("accused_name").line();
    let mut out = top(said, &format!("two signatures of {accused} cannot both be true"), look);
    let mut table = parties(said);
    row(&mut table, "channel", said.at("origin").line());
    for (name, key) in [("first", "first"), ("second", "second")] {
        let head = said.at(key);
        row(&mut table, name, format!("{} entries, root {}", head.at("size").line(), head.at("root").line()));
    }
    out.push_str(&table.show(look));
    out.push('\n');
    let by_receiver = said.at("accused").is("receiver");
    let signed = if by_receiver { "cosigned" } else { "signed" };
    let (first, second) = (said.at("first").at("size").line(), said.at("second").at("size").line());
    let conflict = said.at("conflict");
    let mut words = match conflict.at("kind") {
        kind if kind.is("two_roots") => {
            format!(
                "{accused} {signed} two different trees of {first} entries, and an append-only log has one."
            )
        }
        kind if kind.is("not_a_growth") => format!(
            "{accused} {signed} a tree of {first} entries and a tree of {second}. The larger one begins with another root, \
             {}: it did not grow out of the smaller.",
            conflict.at("begins_with").line()
        ),
        _ => format!(
            "{accused} cosigned {first} entries at {}, after it had cosigned {second} at {}, both by its own clock: it went \
             back.",
            time(conflict.at("first_at"), conflict.at("first_seconds")),
            time(conflict.at("second_at"), conflict.at("second_seconds"))
        ),
    };
    if by_receiver && !conflict.at("kind").is("went_back") {
        words.push_str(&format!(
            " The log key of {giver} signed both, too; {receiver} is bound by its own signatures."
        ));
    }
    words.push_str(
        " These are two statements that cannot both be honest. After a bad restore from a backup it can be an accident: that is \
         for people to judge.",
    );
    out.push_str(&indented(&words, 0, look));
    out
}

/// The result in a word, and what it means.
fn top(said: Said<'_>, claim: &str, look: &Look) -> String {
    let mut out = if said.at("channel_use").is("exercise") { band(look) } else { String::new() };
    if said.at("result").is("verified") {
        out.push_str(&head(look, &format!("VERIFIED: {claim}")));
        out.push('\n');
        return out;
    }
    out.push_str(&look.ink(
        Ink::Due,
        "INTACT, NOT VERIFIED: the folder is whole, but nobody has said whose keys these are",
    ));
    out.push_str(&format!("\nIf both keys are theirs: {claim}.\n"));
    let mut missing = Vec::new();
    for (role, flag) in [("giver", "--giver"), ("receiver", "--receiver")] {
        if !said.at(role).at("compared").yes() {
            missing.push(flag);
        }
    }
    let hint = format!(
        "Give {} with the fingerprint or the twelve words that you have from the party itself; the folder cannot vouch for \
         its own keys.",
        missing.join(" and ")
    );
    out.push_str(&indented(&hint, 0, look));
    out.push('\n');
    out
}

fn parties(said: Said<'_>) -> Table {
    let mut table = Table::new(&["", ""]);
    for role in ["giver", "receiver"] {
        let party = said.at(role);
        let compared = if party.at("compared").yes() { "compared" } else { "NOT compared" };
        let fingerprint = party.at("fingerprint").line();
        row(&mut table, role, format!("{}  fingerprint {fingerprint}, {compared}", party.at("name").line()));
    }
    row(&mut table, "use", said.at("channel_use").line());
    table
}

fn row(table: &mut Table, name: &str, text: String) {
    table.row([cell(Ink::Quiet, format!("  {name}")), text.into()]);
}

fn exact(said: Said<'_>) -> String {
    said.time().map(times::exact).unwrap_or_default()
}

fn moment(said: Said<'_>) -> String {
    time(said.at("at"), said.at("seconds"))
}

/// The instant; where no calendar reaches, the seconds.
fn time(at: Said<'_>, seconds: Said<'_>) -> String {
    at.time().map_or_else(|| format!("second {} after 1970-01-01 00:00:00 UTC", seconds.line()), times::exact)
}

/// Whether an entry is receipted.
pub(crate) fn receipt_standing(said: Said<'_>, look: &Look) -> String {
    let (giver, receiver) = (said.at("giver").line(), said.at("receiver").line());
    let mut out = if said.at("channel_use").is("exercise") { band(look) } else { String::new() };
    let receipt = said.at("receipt");
    let fact = match receipt.is_nothing() {
        true => look.ink(Ink::Due, &format!("NO RECEIPT: nothing shows that {receiver} holds it")),
        false => look.ink(Ink::Head, &format!("Receipted: {receiver} cosigned that it holds it")),
    };
    out.push_str(&format!("{fact}\n\n"));
    let mut table = Table::new(&["", ""]);
    let short = short(said.at("entry"));
    row(&mut table, "entry", format!("{short}  {}, from {giver} to {receiver}", said.at("kind").line()));
    row(&mut table, "written", format!("{}, by the clock of {giver}", exact(said.at("written"))));
    if !receipt.is_nothing() {
        let held = format!("no later than {}, by the clock of {receiver}", exact(receipt.at("at")));
        row(&mut table, "held", held);
        let tree = format!("{} entries, root {}", receipt.at("size").line(), receipt.at("root").line());
        row(&mut table, "tree", tree);
    }
    out.push_str(&table.show(look));
    out.push_str(&match (receipt.is_nothing(), said.at("erased").yes()) {
        (_, true) => {
            "\nIts text was erased after a recall, so its receipt cannot be exported any more.\n".to_owned()
        }
        (true, false) => "\nNext\n  what stands in the way of delivery: forewarn status\n".to_owned(),
        (false, false) => format!("\nNext\n  for a third person: forewarn receipt export {short} --to DIR\n"),
    });
    out
}

/// An exported receipt.
pub(crate) fn receipt_exported(said: Said<'_>, look: &Look) -> String {
    let (giver, receiver) = (said.at("giver").line(), said.at("receiver").line());
    let folder = said.at("folder").line();
    let mut out = head(look, &format!("The receipt of {} is in {folder}", short(said.at("entry"))));
    out.push_str(&format!(
        "  {} by {giver}, held by {receiver} no later than {}, by the clock of {receiver}\n\n",
        said.at("kind").line(),
        exact(said.at("held_at"))
    ));
    let words = format!(
        "Whoever holds this folder convinces anybody that {giver} wrote this, word for word, and it opens the entry. Hand it on \
         only as its handling allows. It says nothing about later entries."
    );
    out.push_str(&indented(&words, 0, look));
    out.push_str(&verify_with(&folder));
    out
}

fn verify_with(folder: &str) -> String {
    format!(
        "\nWhoever gets it verifies it without a node, with what both parties said of themselves (`forewarn status` there):\n  \
         forewarn verify {folder} --giver FINGERPRINT --receiver FINGERPRINT\n"
    )
}

/// What is kept of what cannot be true.
pub(crate) fn evidence_list(said: Said<'_>, look: &Look) -> String {
    if !said.has_parts() {
        return "Nothing is kept: no partner signed what cannot be true, as far as this node saw.\n"
            .to_owned();
    }
    let mut out = String::new();
    for line in said.items() {
        let number = line.at("id").line();
        let exercise = if line.at("channel_use").is("exercise") { "EXERCISE · " } else { "" };
        let frozen = if line.at("frozen").yes() { look.ink(Ink::Alarm, " · FROZEN") } else { String::new() };
        out.push_str(&format!(
            "{}  {exercise}from {} to {}{frozen}\n",
            look.ink(Ink::Head, &number),
            line.at("giver").line(),
            line.at("receiver").line()
        ));
        out.push_str(&indented(&line.at("what").line(), 4, look));
        let parcel = match line.at("parcel_bytes").count() {
            Some(bytes) => format!("with a parcel of {bytes} bytes"),
            None => "the note alone".to_owned(),
        };
        out.push_str(&format!("    kept {} by our clock, {parcel}\n", exact(line.at("at"))));
        if line.at("accused").is_nothing() {
            out.push_str(&indented(&format!("no proof: {}", line.at("no_proof").line()), 4, look));
            out.push_str(&indented(&format!("to do: {}", line.at("next").line()), 4, look));
            out.push_str(&format!("    as it came: forewarn evidence export {number} --raw --to DIR\n"));
        } else {
            let proven =
                format!("PROVEN: two signatures of {} cannot both be true", line.at("accused").line());
            out.push_str(&format!("    {}\n", look.ink(Ink::Alarm, &proven)));
            out.push_str(&indented(&format!("to do: {}", line.at("next").line()), 4, look));
            out.push_str(&format!("    the proof: forewarn evidence export {number} --to DIR\n"));
        }
        out.push('\n');
    }
    out
}

/// Exported evidence.
pub(crate) fn evidence_exported(said: Said<'_>, look: &Look) -> String {
    let folder = said.at("folder").line();
    if said.at("accused").is_nothing() {
        let mut out = head(look, &format!("What was kept is in {folder}, as it came"));
        out.push_str("  It is no evidence folder; `about.txt` in it says what it is.\n");
        return out;
    }
    let mut out = head(look, &format!("The proof is in {folder}"));
    let words = format!(
        "Two signatures of {} in it cannot both be true. No entry is in it. After a bad restore it can be an accident: that is for \
         people to judge, and first by voice.",
        said.at("accused").line()
    );
    out.push_str(&indented(&words, 2, look));
    out.push_str(&verify_with(&folder));
    out
}

/// An entry as lists name it, out of its whole name.
fn short(entry: Said<'_>) -> String {
    let whole = entry.line();
    let (origin, index) = whole.split_once('/').unwrap_or((whole.as_str(), ""));
    format!("{}/{index}", origin.chars().take(8).collect::<String>())
}
