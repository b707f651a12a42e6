//! What was answered to an entry: dispositions, outcomes, thanks; and bodies of whatever form.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::say::{Ink, Look};
use crate::words::answer::Said;
use crate::words::show::table::indented;
use crate::words::show::{head, times};

/// The answers to an entry. `by` is who gave them.
pub(crate) fn answers(said: Said<'_>, by: &str, look: &Look) -> String {
    let mut out = String::new();
    for answer in said.at("answers").items() {
        let at = answer.at("at").time().map(|t| times::both(t, look.now)).unwrap_or_default();
        let what = answer.at("said");
        let (kind, text) = match answer.at("answer") {
            kind if kind.is("disposed") => (what.at("disposition").words(), disposed(what, look)),
            kind if kind.is("outcome") => {
                (format!("outcome: {}", what.at("event").words()), outcome(what, look))
            }
            kind => (kind.words(), body(what, 4, look)),
        };
        let beside = format!("{by}, {at} · {}", answer.at("entry").line());
        out.push_str(&format!("  {kind} · {}\n{text}", look.ink(Ink::Quiet, &beside)));
    }
    if out.is_empty() { out } else { format!("{}{out}\n", head(look, "Answers")) }
}

fn disposed(said: Said<'_>, look: &Look) -> String {
    let role = said.at("role").line();
    let text = said.at("text").line();
    indented(
        &if text.is_empty() { format!("by role {role}") } else { format!("{text} (by role {role})") },
        4,
        look,
    )
}

/// An outcome: what is absent is not said, and zero is said as zero; each number with who counted.
pub(crate) fn outcome(said: Said<'_>, look: &Look) -> String {
    let mut lines = vec![said.at("text").line()];
    let words = ["determination", "contribution", "usefulness"];
    let graded = words.iter().filter(|key| !said.at(key).is_nothing());
    lines.push(graded.map(|key| format!("{key} {}", said.at(key).words())).collect::<Vec<_>>().join(" · "));
    for count in said.at("counts").items() {
        let period = count.at("period").line();
        let period = if period.is_empty() { period } else { format!(", {period}") };
        lines.push(format!(
            "{}: {} ({}, counted by {}{period})",
            count.at("measure").words(),
            count.at("value").line(),
            count.at("basis").words(),
            count.at("counter").line()
        ));
    }
    let tally = said.at("subjects");
    if !tally.is_nothing() {
        lines.push(format!(
            "{} persons, as {} says:",
            tally.at("declared").line(),
            tally.at("counter").line()
        ));
        lines.extend(tally.at("groups").items().map(|g| group(g, look)));
    }
    lines.extend(said.at("open_questions").items().map(|q| format!("open: {}", q.line())));
    lines.extend(said.at("unsolicited").yes().then(|| "it answers no warning".to_owned()));
    lines.iter().map(|line| indented(line, if line.starts_with("- ") { 6 } else { 4 }, look)).collect()
}

/// Persons of one status, with who says so and as of when. Past its end it is to be confirmed (I-31).
fn group(said: Said<'_>, look: &Look) -> String {
    let today = look.now.to_zoned(TimeZone::UTC).date();
    let mut beside = Vec::new();
    for (key, word) in [("as_of", "as of"), ("until", "until"), ("asserted_by", "says")] {
        let text = said.at(key).line();
        if key == "until" && said.at(key).raw().parse::<Date>().is_ok_and(|until| until <= today) {
            beside.push(format!("ended {text}, to be confirmed"));
        } else if !text.is_empty() {
            beside.push(format!("{word} {text}"));
        }
    }
    let beside = if beside.is_empty() { String::new() } else { format!(" ({})", beside.join(", ")) };
    format!("- {} {}{beside}", said.at("number").line(), said.at("status").words())
}

/// A body of whatever form, key by key. What is absent is not shown.
pub(crate) fn body(said: Said<'_>, blanks: usize, look: &Look) -> String {
    let mut out = String::new();
    let before = " ".repeat(blanks);
    if said.is_list() {
        for item in said.items() {
            match item.has_parts() {
                true => out.push_str(&format!("{before}-\n{}", body(item, blanks + 2, look))),
                false => out.push_str(&indented(&format!("- {}", item.line()), blanks, look)),
            }
        }
        return out;
    }
    for (key, part) in said.parts() {
        let key = key.replace('_', " ");
        if part.has_parts() {
            out.push_str(&format!(
                "{before}{}\n{}",
                look.ink(Ink::Quiet, &key),
                body(part, blanks + 2, look)
            ));
        } else if !part.is_nothing() {
            out.push_str(&indented(&format!("{key}: {}", part.line()), blanks, look));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::words::answer::Answer;

    #[test]
    fn an_outcome_says_zero_as_zero_what_is_absent_not_at_all_and_an_ended_status_as_to_be_confirmed() {
        let said = json!({
            "event": "not_occurred", "text": "No lives were lost.",
            "counts": [{ "measure": "lives_lost", "value": 0, "basis": "exact", "counter": "service-b.example" }],
            "subjects": { "declared": 5, "counter": "service-b.example", "groups": [
                { "status": "remanded", "number": 3, "as_of": "2026-11-17", "until": "2026-12-10", "asserted_by": "Court B" },
                { "status": "unknown", "number": 2 },
            ] },
        });
        let answer =
            json!({ "answer": "outcome", "entry": "983beb72/6", "at": "2026-12-10T11:50:00Z", "said": said });
        let look = Look { paint: false, width: 100, now: "2026-12-10T12:00:00Z".parse().unwrap() };
        let shown = answers(Answer(json!({ "answers": [answer] })).said(), "service-b.example", &look);
        let expected = "\
Answers
  outcome: not occurred · service-b.example, 10 min ago (2026-12-10 11:50 UTC) · 983beb72/6
    No lives were lost.
    lives lost: 0 (exact, counted by service-b.example)
    5 persons, as service-b.example says:
      - 3 remanded (as of 2026-11-17, ended 2026-12-10, to be confirmed, says Court B)
      - 2 unknown
";
        assert_eq!(shown.trim_end(), expected.trim_end(), "\n{shown}");
        assert!(!shown.contains("usefulness") && !shown.contains("contribution"), "{shown}");
    }
}
