//! Our own warnings: the list, one whole, and what an act on one gave.

use crate::say::{Ink, Look};
use crate::words::answer::Said;
use crate::words::show::recalls;
use crate::words::show::table::{Cell, Table, cell, indented};
use crate::words::show::{band, head, headline, times};

/// The list: what must be decided first, then the newest.
pub(crate) fn list(said: Said<'_>, look: &Look) -> String {
    if !said.has_parts() {
        return "No warning was written. `forewarn warning template > warning.json` gives a commented example; \
                `forewarn warning write warning.json` writes it.\n"
            .to_owned();
    }
    let (exercises, actual): (Vec<_>, Vec<_>) =
        said.items().partition(|line| line.at("status").is("exercise"));
    let mut out = String::new();
    if !actual.is_empty() {
        out.push_str(&lines(actual, look));
    }
    if !exercises.is_empty() {
        out.push_str(&band(look));
        out.push_str(&lines(exercises, look));
    }
    out + "\n`forewarn warning show WARNING` shows one whole.\n"
}

fn lines(mut lines: Vec<Said<'_>>, look: &Look) -> String {
    lines.sort_by_key(|line| (line.at("decide_by").is_nothing(), line.at("decide_by").time()));
    let mut table = Table::new(&["", "decide by", "warning", "precedence", "domain", "by", "written"]);
    for line in lines {
        let by = line.at("decide_by").time();
        let written = line.at("created_at").time().map(|t| times::away(t, look.now)).unwrap_or_default();
        let overdue = by.is_some_and(|by| by <= look.now);
        let state = if overdue { cell(Ink::Alarm, "OVERDUE") } else { line.at("state").words().into() };
        table.row([
            state,
            by.map(|t| times::both(t, look.now)).unwrap_or_default().into(),
            line.at("warning").line().into(),
            line.at("precedence").line().into(),
            line.at("domain").line().into(),
            line.at("author").line().into(),
            written.into(),
        ]);
        let case = line.at("case").line();
        let case = if case.is_empty() { case } else { format!("  [case {case}]") };
        let title = headline(&line.at("title").line(), line.at("status").is("exercise"));
        table.below(format!("{title}{case}").into());
    }
    table.show(look)
}

/// One warning, whole, as its own desk sees it.
pub(crate) fn whole(said: Said<'_>, look: &Look) -> String {
    let line = said.at("line");
    let exercise = line.at("status").is("exercise");
    let mut out = if exercise { band(look) } else { String::new() };
    out.push_str(&head(look, &headline(&line.at("title").line(), exercise)));
    out.push_str(&format!(
        "{} · {} · {} · {} · by {}\n",
        line.at("warning").line(),
        line.at("state").words(),
        line.at("precedence").line(),
        line.at("domain").line(),
        line.at("author").line()
    ));
    if let Some(by) = line.at("decide_by").time() {
        let (ink, word) = if by <= look.now { (Ink::Alarm, "OVERDUE") } else { (Ink::Due, "due") };
        out.push_str(&look.ink(
            ink,
            &format!("{word}: the duty to warn is to be decided by {}", times::until(by, look.now)),
        ));
        out.push('\n');
    }
    out.push('\n');
    out.push_str(&head(look, "Ladders, the most telling rung first"));
    let mut ladders = Table::new(&["", ""]);
    for ladder in said.at("ladders").items() {
        for (n, rung) in ladder.at("rungs").items().enumerate() {
            let name = if n == 0 { format!("  {}", ladder.at("path").words()) } else { String::new() };
            ladders.row([cell(Ink::Quiet, name), rung.line().into()]);
        }
    }
    out.push_str(&ladders.show(look));
    match said.at("sources").count() {
        Some(1) => out.push_str("  rests on 1 sealed source; it never leaves\n\n"),
        sources => {
            out.push_str(&format!("  rests on {} sealed sources; they never leave\n\n", sources.unwrap_or(0)))
        }
    }
    let duty = said.at("duty");
    let duty = if duty.is_nothing() { "not assessed".to_owned() } else { duty.line() };
    out.push_str(&head(look, "Duty to warn"));
    out.push_str(&indented(&duty, 2, look));
    out.push('\n');
    out + &proposals(said, look) + &copies(said, look) + &decisions(said, look) + &next(said, look)
}

fn proposals(said: Said<'_>, look: &Look) -> String {
    if !said.at("proposals").has_parts() {
        return String::new();
    }
    let mut table = Table::new(&["  proposal", "state", "by", "to", "ends"]);
    for p in said.at("proposals").items() {
        table.row([
            format!("  {}", p.at("proposal").line()).into(),
            p.at("state").words().into(),
            p.at("author").line().into(),
            p.at("recipients").joined(", ").into(),
            p.at("expires_at").time().map(times::instant).unwrap_or_default().into(),
        ]);
        table.below(cell(Ink::Quiet, format!("digest {}", p.at("digest").line())));
    }
    head(look, "Proposals") + &table.show(look) + "\n"
}

fn copies(said: Said<'_>, look: &Look) -> String {
    let mut out = head(look, "Who has a copy");
    if !said.at("copies").has_parts() {
        return out + "  nobody\n\n";
    }
    let mut table = Table::new(&["  recipient", "released", "", "stands in"]);
    for copy in said.at("copies").items() {
        let at = copy.at("at").time();
        table.row([
            format!("  {}", copy.at("recipient").line()).into(),
            at.map(|t| times::away(t, look.now)).unwrap_or_default().into(),
            at.map(times::instant).unwrap_or_default().into(),
            copy.at("delivery").line().into(),
        ]);
        let recall = copy.at("recall");
        if !recall.is_nothing() {
            table.below(format!("  recalled; {}", recalls::said(recall, look)).into());
        } else if said.at("line").at("state").line().starts_with("recall") && is_entry(copy) {
            table.below("  its recall waits to go: `forewarn outbox`".into());
        }
    }
    out.push_str(&table.show(look));
    out + "\n"
}

/// Whether a copy stands in a log.
fn is_entry(copy: Said<'_>) -> bool {
    copy.at("delivery").line().contains('/')
}

fn decisions(said: Said<'_>, look: &Look) -> String {
    if !said.at("decisions").has_parts() {
        return String::new();
    }
    let mut table = Table::new(&["  decision", "by", "at", "basis"]);
    for d in said.at("decisions").items() {
        table.row([
            format!("  {}", d.at("kind").words()).into(),
            d.at("by").line().into(),
            d.at("at").time().map(times::instant).unwrap_or_default().into(),
            d.at("basis").line().into(),
        ]);
    }
    head(look, "Decisions, each signed by its person") + &table.show(look) + "\n"
}

fn next(said: Said<'_>, look: &Look) -> String {
    let line = said.at("line");
    let id = line.at("warning").line();
    let command = match line.at("state") {
        s if s.is("graded") => {
            format!("forewarn duty assess {id} --credible --specific --impending   (those that hold)")
        }
        s if s.is("assessed") => format!("forewarn warning preview {id} --to PARTNER"),
        s if s.is("in_review") => "another person reads and approves it: forewarn pending".to_owned(),
        s if s.is("releasable") => "forewarn release PROPOSAL --digest DIGEST".to_owned(),
        s if s.is("active") => format!(
            "an update: `forewarn warning write FILE --update {id}`; an end: `forewarn warning cancel {id}`"
        ),
        s if s.is("lapsed") => format!("forewarn warning cancel {id}"),
        _ => return String::new(),
    };
    format!("{}  {command}\n", head(look, "Next"))
}

/// What writing a warning gave.
pub(crate) fn wrote(said: Said<'_>, look: &Look) -> String {
    let id = said.at("warning").line();
    let mut out = format!("Written as {id}, {}. Nothing has left.\n", said.at("state").words());
    let sealed = said.at("sources_sealed").count().unwrap_or_default();
    if sealed > 0 {
        out.push_str(&format!(
            "Sealed to their handlers: {sealed} of its sources. Nobody else can open them.\n"
        ));
    }
    for stopped in said.at("persons_stopped").items() {
        out.push_str(
            &look.ink(Ink::Alarm, &format!("STOPPED, nothing of this person was kept: {}", stopped.line())),
        );
        out.push('\n');
    }
    if said.at("threatens_life").yes() {
        out.push_str("The harm threatens life: whether there is a duty to warn must be assessed.\n");
    }
    out.push_str(&format!(
        "\n{}  forewarn duty assess {id} --credible --specific --impending   (those that hold)\n  forewarn warning preview {id} --to PARTNER\n",
        head(look, "Next")
    ));
    out
}

/// What an assessment gave.
pub(crate) fn assessed(said: Said<'_>, about: &str, look: &Look) -> String {
    let about = model::plain::plain_line(about);
    let next = format!("\n{}  forewarn warning preview {about} --to PARTNER\n", head(look, "Next"));
    match said.at("decide_by").time() {
        Some(by) => format!(
            "The duty to warn arises. Decide by {}: warn, or waive with a reason.\n{next}  \
             forewarn duty waive {about} --reason REASON --text \"…\"\n",
            times::until(by, look.now)
        ),
        None => format!("No duty to warn arises; you may warn all the same.\n{next}"),
    }
}

/// What a release put on its way.
pub(crate) fn released(said: Said<'_>, look: &Look) -> String {
    let copies: Vec<Said<'_>> = said.at("copies").items().collect();
    let mut out = format!(
        "Released: {} on the way.\n\n",
        if copies.len() == 1 { "1 copy is".to_owned() } else { format!("{} copies are", copies.len()) }
    );
    let mut table = Table::new(&["to", "as", "digest of its bytes"]);
    for copy in copies {
        let cells: [Cell; 3] = [
            copy.at("recipient").line().into(),
            copy.at("kind").line().into(),
            copy.at("digest").line().into(),
        ];
        table.row(cells);
    }
    out.push_str(&table.show(look));
    if let Some(due) = said.at("review_due").time() {
        let review = format!(
            "Released by one person alone: a second must review it by {}",
            times::until(due, look.now)
        );
        out.push_str(&format!("\n{}\n", look.ink(Ink::Due, &review)));
        out.push_str(&format!("  forewarn review {} --verdict \"…\"\n", said.at("proposal").line()));
    }
    out + "\nIt is held once its receipt is there: `forewarn sent`.\n"
}

/// Who is told of a change, and whose copy was stopped before it left.
pub(crate) fn changed(said: Said<'_>, what: &str) -> String {
    let mut out = format!("{what}\n");
    for (key, words) in [("told", "told"), ("stopped", "stopped before it left, for")] {
        let names = said.at(key).joined(", ");
        if !names.is_empty() {
            out.push_str(&format!("  {words}: {names}\n"));
        }
    }
    if !said.at("told").has_parts() {
        out.push_str("  nobody holds it, so nobody is told\n");
    }
    out
}
