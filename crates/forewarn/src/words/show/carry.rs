//! Files that go without a line: what was packed, opened and settled.

use crate::words::answer::Said;

/// What was packed.
pub(crate) fn packed(said: Said<'_>) -> String {
    let partner = said.at("partner").line();
    if !said.at("files").has_parts() {
        return format!(
            "Nothing waits for {partner}, and everything sent is receipted. No file was written.\n"
        );
    }
    let mut out = format!("Packed for {partner} into {}:\n", said.at("to").line());
    out.push_str(&files(said));
    out.push_str(&format!(
        "\nWhat is in these files counts as sent. Only {partner} can open them. It runs\n  \
         forewarn carry open FILE... --to FOLDER\n\
         and gives back what that writes, for `forewarn carry settle` here.\n"
    ));
    out
}

/// The newest receipts.
pub(crate) fn receipts(said: Said<'_>) -> String {
    let partner = said.at("partner").line();
    if !said.at("files").has_parts() {
        return format!(
            "{partner} has opened no channel to this node, so there is no receipt. No file was written.\n"
        );
    }
    let mut out = format!("The newest receipts for {partner}, in {}:\n", said.at("to").line());
    out.push_str(&files(said));
    out.push_str("\nThe partner runs `forewarn carry settle FILE...`.\n");
    out
}

fn files(said: Said<'_>) -> String {
    let width = said.at("files").items().map(|f| f.at("name").line().len()).max().unwrap_or_default();
    let line = |file: Said<'_>| {
        let beside = file.at("beside");
        let beside = match beside.is_nothing() {
            true => String::new(),
            false => format!("  (a file {} was there already and was left as it was)", beside.line()),
        };
        format!("  {:<width$}  {}{beside}\n", file.at("name").line(), file.at("what").line())
    };
    said.at("files").items().map(line).collect()
}

/// What became of a partner's files.
pub(crate) fn opened(said: Said<'_>) -> String {
    let mut out = each(said);
    if said.at("files").items().any(|f| !f.at("answer").is_nothing()) {
        out.push_str(&format!(
            "\nCarry the answers in {} back; the partner runs `forewarn carry settle FILE...`.\n",
            said.at("to").line()
        ));
    }
    out
}

/// What became of a partner's answers.
pub(crate) fn settled(said: Said<'_>) -> String {
    each(said)
}

fn each(said: Said<'_>) -> String {
    let mut out = String::new();
    for file in said.at("files").items() {
        out.push_str(&format!("{}\n", file.at("file").line()));
        let from = file.at("from").line();
        let from = if from.is_empty() { String::new() } else { format!("{from}: ") };
        let not = if file.at("taken").yes() { "" } else { "NOT TAKEN: " };
        out.push_str(&format!("  {not}{from}{}\n", file.at("what").line()));
        if !file.at("detail").is_nothing() {
            out.push_str(&format!("  {}\n", file.at("detail").line()));
        }
        if !file.at("hint").is_nothing() {
            out.push_str(&format!("  hint: {}\n", file.at("hint").line()));
        }
        let answer = file.at("answer");
        if !answer.is_nothing() {
            out.push_str(&format!("  answer: {}, {}\n", answer.at("name").line(), answer.at("what").line()));
        }
    }
    out
}
