//! A warning is written, and what each partner would get of it is looked at before anything leaves.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::clock;
use crate::demo::check::{Failed, Telling, list, text, with};
use crate::demo::files::{self, CANARIES, NAMES, PERSONS};
use crate::demo::play::{DESK, OPERATOR, RELEASE, World, word};
use crate::demo::print::table;

/// A's desk writes the warning and assesses the duty to warn.
pub(crate) fn written(play: &mut World, tell: &mut Telling) -> Result<(), Failed> {
    let file = play.file("warning.json", &files::warning(&play.days, files::WHAT_SLIPPED, true))?;
    let a = &play.a;
    let wrote = a.ask(DESK, &["warning", "write", &file])?;
    let id = text(&wrote, "/warning")?;
    tell.equal("one source is sealed", wrote.get("sources_sealed").cloned(), 1)?;
    tell.equal("it threatens life", wrote.get("threatens_life").cloned(), true)?;
    tell.equal("no person is stopped by the persecution guard", list(&wrote, "/persons_stopped")?.len(), 0)?;
    let in_the_open = a.holds_bytes("Bombings planned")?;
    tell.equal("the warning stands in A's own data folder", in_the_open, true)?;
    let sealed = !a.holds_bytes("liaison asset")?;
    tell.equal("the source does not, but sealed", sealed, true)?;
    tell.ran(&["warning", "write", &file]);
    let duty = a.ask(DESK, &["duty", "assess", &id, "--credible", "--specific", "--impending"])?;
    tell.equal("the duty to warn arises", duty.get("arises").cloned(), true)?;
    let decide_by = text(&duty, "/decide_by")?;
    let minutes = minutes_until(&decide_by)?;
    tell.holds("the clock runs for at most an hour", (1..=60).contains(&minutes), &decide_by.clone().into())?;
    let operator = a.refused(OPERATOR, &["warning", "show", &id, "--why", "curious"])?;
    tell.equal("the operator may not read it", operator.code, "not_authorised")?;
    let unasked = a.refused(DESK, &["warning", "show", &id])?;
    tell.equal("who reads persons says why", unasked.code, "why")?;
    tell.say(format!(
        "{PERSONS} persons, bombings, City P, {}; Group G suspected; grade B2; the source sealed to its handler's key.",
        files_day(&play.days.planned)
    ));
    tell.say(format!(
        "Credible, specific, impending, a threat to life: the duty to warn arises. Warn or waive within {minutes} min."
    ));
    tell.fact("warning", id.clone());
    tell.fact("decide_by", decide_by.clone());
    (play.seen.warning, play.seen.decide_by) = (id, decide_by);
    Ok(())
}

fn minutes_until(instant: &str) -> Result<i64, Failed> {
    let at: jiff::Timestamp =
        instant.parse().map_err(|e: jiff::Error| Failed::new("an instant", format!("{instant}: {e}")))?;
    Ok((at.as_second() - clock::now().as_second() + 59) / 60)
}

fn files_day(day: &jiff::civil::Date) -> String {
    day.strftime("%-d %B").to_string()
}

/// The author named a protected term in a rung meant for B: the comparison finds it, the author writes it anew.
pub(crate) fn slip(play: &mut World, tell: &mut Telling) -> Result<(), Failed> {
    let (a, b, id) = (&play.a, &play.b, play.seen.warning.clone());
    let preview = a.ask(RELEASE, &["warning", "preview", &id, "--to", &b.name])?;
    let column = with(list(&preview, "/columns")?, "party", &b.name)?;
    let what = with(list(column, "/cells")?, "field", "what")?;
    let hits: Vec<&str> = list(what, "/hits")?.iter().filter_map(Value::as_str).collect();
    tell.holds("the word is found in what", hits.iter().any(|h| h.contains("\"Lark\"")), what)?;
    tell.equal("B would get the next lower words", text(what, "/granted")?, files::WHAT_LEAST)?;
    tell.silent("what B would get", &text(column, "/text")?, &CANARIES)?;
    tell.say(format!(
        "The author wrote \u{201c}{}\u{201d} for B. In the field \u{201c}what\u{201d}, {}: that rung is blocked.",
        files::WHAT_SLIPPED,
        hits.first().copied().unwrap_or_default()
    ));
    let file = play.file("warning-corrected.json", &files::warning(&play.days, files::WHAT, false))?;
    a.ask(DESK, &["warning", "write", &file, "--update", &id])?;
    let duty = a.ask(DESK, &["duty", "assess", &id, "--credible", "--specific", "--impending"])?;
    tell.equal(
        "writing it anew does not move the clock",
        text(&duty, "/decide_by")?,
        play.seen.decide_by.clone(),
    )?;
    let preview = a.ask(RELEASE, &["warning", "preview", &id, "--to", &b.name])?;
    let column = with(list(&preview, "/columns")?, "party", &b.name)?;
    let what = with(list(column, "/cells")?, "field", "what")?;
    tell.equal("the corrected words pass", text(what, "/granted")?, files::WHAT)?;
    tell.equal("nothing is found any more", list(what, "/hits")?.len(), 0)?;
    tell.say("Written anew, it passes. Paraphrase would not be caught: words are compared, not meanings.");
    tell.fact("hits", hits.join("; "));
    Ok(())
}

/// The fields of the table, and what the two recipients are to get.
const ROWS: [(&str, &str); 8] = [
    ("what", "what"),
    ("who", "who"),
    ("where", "where"),
    ("when", "when"),
    ("giver", "giver"),
    ("source_line", "source"),
    ("grade", "grade"),
    ("subject 1 identity", "persons"),
];

/// Previews the warning for both partners, side by side.
pub(crate) fn preview(play: &mut World, tell: &mut Telling) -> Result<(), Failed> {
    let (a, b, c) = (&play.a, &play.b, &play.c);
    let to = ["warning", "preview", &play.seen.warning, "--to", &b.name, "--to", &c.name];
    let preview = a.ask(RELEASE, &to)?;
    let columns = list(&preview, "/columns")?;
    let (for_b, for_c) = (with(columns, "party", &b.name)?, with(columns, "party", &c.name)?);
    let day = play.days.planned.strftime("%-d %B %Y").to_string();
    let month = play.days.planned.strftime("%B %Y").to_string();
    let expected = [
        (for_b, "what", files::WHAT),
        (for_c, "what", files::WHAT_LEAST),
        (for_b, "where", "Old Town, City P, Country B"),
        (for_c, "where", "City P, Country B"),
        (for_b, "when", &day),
        (for_c, "when", &month),
        (for_b, "giver", "Service A"),
        (for_c, "giver", "a partner"),
    ];
    for (column, field, value) in expected {
        tell.equal(&format!("{field} as granted"), granted(column, field)?, value)?;
    }
    for column in [for_b, for_c] {
        for n in 1..=PERSONS {
            let person = granted(column, &format!("subject {n} identity"))?;
            tell.equal("threat first: no name yet", person, "a person")?;
        }
        let bytes = text(column, "/text")?;
        tell.silent("the rendering", &bytes, &CANARIES)?;
        tell.silent("the rendering", &bytes, &[NAMES])?;
    }
    tell.silent(
        "C's rendering",
        &text(for_c, "/text")?,
        &["Old Town", &day, "Service A", "Group G", &b.name],
    )?;
    let shared: Vec<String> = ids(for_b)?.intersection(&ids(for_c)?).cloned().collect();
    tell.equal("the two copies share no id", shared, Vec::<String>::new())?;
    tell.ran(&to);
    tell.lines.extend(side_by_side(for_b, for_c)?);
    let why = |column: &Value| -> Result<String, Failed> {
        text(with(list(column, "/cells")?, "field", "subject 1 identity")?, "/struck/0/reason")
    };
    tell.say(format!("Why B gets no names: {}.", why(for_b)?));
    tell.say(format!("Why C gets none: {}.", why(for_c)?));
    tell.say("Neither holds the source, the intercept, a name or the case; but for public labels they share no id.");
    tell.fact("proposal", text(&preview, "/proposal")?);
    tell.fact("digest", text(&preview, "/digest")?);
    play.seen.preview = preview;
    Ok(())
}

/// What a recipient gets of a field; empty for silence.
fn granted(column: &Value, field: &str) -> Result<String, Failed> {
    let cell = with(list(column, "/cells")?, "field", field)?;
    Ok(cell.get("granted").and_then(Value::as_str).unwrap_or_default().to_owned())
}

/// The ids of a rendering, without those of published extensions and labels, which are everybody's.
fn ids(column: &Value) -> Result<BTreeSet<String>, Failed> {
    let bundle: Value = serde_json::from_str(&text(column, "/text")?)
        .map_err(|e| Failed::new("a rendering that is JSON", e.to_string()))?;
    let published = |object: &&Value| {
        let begins = |key: &str, with: &str| word(object, key).is_some_and(|t| t.starts_with(with));
        begins("id", "extension-definition--") || begins("name", "TLP:") || begins("name", "PAP:")
    };
    Ok(list(&bundle, "/objects")?.iter().filter(|o| !published(o)).filter_map(|o| word(o, "id")).collect())
}

fn side_by_side(for_b: &Value, for_c: &Value) -> Result<Vec<String>, Failed> {
    let name = |column: &Value| text(column, "/party");
    let mut rows =
        vec![vec![String::new(), format!("{} gets", name(for_b)?), format!("{} gets", name(for_c)?)]];
    for (field, label) in ROWS {
        let cell = |column: &Value| -> Result<String, Failed> {
            let said = granted(column, field)?;
            Ok(match (said.is_empty(), label) {
                (true, _) => "(silence)".to_owned(),
                (false, "persons") => format!("{said}, \u{d7} {PERSONS}"),
                (false, _) => said,
            })
        };
        rows.push(vec![label.to_owned(), cell(for_b)?, cell(for_c)?]);
    }
    Ok(table(&rows))
}
