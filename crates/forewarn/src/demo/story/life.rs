//! A threat to life where nothing else may pass, and an exercise that is unmistakable.

use serde_json::Value;

use crate::demo::check::{Failed, Telling, list, text, with};
use crate::demo::files::{self, NAMES};
use crate::demo::play::{DESK, RELEASE, SECOND, World, line, release, word};

/// What the life floor may carry.
const THREAT: [&str; 6] = ["harm", "target", "what", "where", "when", "how"];
/// What must stay behind on the life floor: persons, who is behind it, the source line, the giver's name.
const BEHIND: [&str; 4] = [NAMES, "Group G", "close to the matter", "Service A"];

/// In a suspended domain the ordinary way is held; the bare threat goes at once, by one person, and is reviewed.
pub(crate) fn floor(play: &mut World, tell: &mut Telling) -> Result<(), Failed> {
    let file = play.file("threat-to-life.json", &files::threat_to_life(&play.days))?;
    let (a, b) = (&play.a, &play.b);
    let id = text(&a.ask(DESK, &["warning", "write", &file])?, "/warning")?;
    a.ask(DESK, &["duty", "assess", &id, "--credible", "--specific", "--impending"])?;
    let ordinary = a.ask(RELEASE, &["warning", "preview", &id, "--to", &b.name])?;
    let column = with(list(&ordinary, "/columns")?, "party", &b.name)?;
    let held = text(column, "/held")?;
    tell.holds(
        "the ordinary way is held by the domain",
        held.contains("elections") && held.contains("suspended"),
        column,
    )?;
    tell.equal("nothing can be approved", ordinary.get("proposal").cloned(), Value::Null)?;
    let bare = a.ask(RELEASE, &["warning", "preview", &id, "--to", &b.name, "--imminent-danger"])?;
    let column = with(list(&bare, "/columns")?, "party", &b.name)?;
    tell.equal("the bare threat goes", column.get("goes").cloned(), true)?;
    tell.equal("on the life floor", text(column, "/basis")?, "life floor")?;
    tell.silent("the bare threat", &text(column, "/text")?, &BEHIND)?;
    let (proposal, digest) = (text(&bare, "/proposal")?, text(&bare, "/digest")?);
    let basis = "polling opens tomorrow; the second officer cannot be reached";
    let alone = ["release", &proposal, "--digest", &digest, "--imminent-danger", "--basis", basis];
    let due = when(&text(&a.ask(RELEASE, &alone)?, "/review_due")?)?;
    let entry = b.until("the bare threat", DESK, &["inbox"], |answer| {
        let mut lines = answer.as_array()?.iter();
        lines.find(|l| l.get("life_floor") == Some(&Value::Bool(true))).and_then(|l| word(l, "entry"))
    })?;
    let shown = b.ask(DESK, &["show", &entry])?;
    for field in list(&shown, "/warning/fields")? {
        let path = text(field, "/path")?;
        tell.holds("the life floor carries the threat alone", THREAT.contains(&path.as_str()), field)?;
    }
    tell.silent("what B was told", &shown.to_string(), &BEHIND)?;
    b.ask(DESK, &["dispose", &entry, "accepted", "--text", "guards are posted"])?;
    reviewed(play, &proposal, tell)?;
    let told: Vec<String> = list(&shown, "/warning/fields")?.iter().filter_map(|f| word(f, "path")).collect();
    let why = held.split(". ").next().unwrap_or_default();
    tell.say(format!(
        "A threat to polling officers, in a suspended domain. The ordinary way is held: {why}."
    ));
    tell.ran(&["warning", "preview", &id, "--to", &b.name, "--imminent-danger"]);
    tell.say(format!(
        "By the imminent-danger path one person gives B the bare threat at once: {}; no person, no group, no \
         source line. B posts guards. The review, due by {due}, is for release2; release1 is refused.",
        told.join(", ")
    ));
    tell.fact("held", held);
    tell.fact("fields", told);
    play.seen.life_floor = entry;
    Ok(())
}

/// An instant as people say it.
fn when(instant: &str) -> Result<String, Failed> {
    let at: jiff::Timestamp =
        instant.parse().map_err(|e: jiff::Error| Failed::new("an instant", format!("{instant}: {e}")))?;
    Ok(at.strftime("%-d %B, %H:%M UTC").to_string())
}

/// The second person's look afterwards.
fn reviewed(play: &World, proposal: &str, tell: &mut Telling) -> Result<(), Failed> {
    let a = &play.a;
    let runs = |status: &Value| -> Result<bool, Failed> {
        Ok(list(status, "/clocks")?.iter().any(|c| word(c, "about").as_deref() == Some(proposal)))
    };
    let status = a.ask(DESK, &["status"])?;
    tell.holds("the clock of the review runs", runs(&status)?, &status)?;
    let verdict = ["review", proposal, "--verdict", "right to go at once; nobody else was there"];
    let own = a.refused(RELEASE, &verdict)?;
    tell.equal("nobody reviews their own release", own.code, "approver_is_author")?;
    a.ask(SECOND, &verdict)?;
    let status = a.ask(DESK, &["status"])?;
    tell.holds("the clock of the review has stopped", !runs(&status)?, &status)
}

/// A drill: its own channel, its own word before everything, no place in the ledger.
pub(crate) fn exercise(play: &mut World, tell: &mut Telling) -> Result<(), Failed> {
    let file = play.file("exercise.json", &files::exercise(&play.days))?;
    let (a, b) = (&play.a, &play.b);
    let id = text(&a.ask(DESK, &["warning", "write", &file])?, "/warning")?;
    a.ask(DESK, &["duty", "assess", &id])?;
    let preview = a.ask(RELEASE, &["warning", "preview", &id, "--to", &b.name])?;
    release(a, &preview)?;
    let title = "EXERCISE: Spring drill of both duty desks";
    let incoming =
        b.until("the exercise", DESK, &["inbox"], |answer| line(answer, &a.name, title).cloned())?;
    tell.equal("it says what it is", text(&incoming, "/status")?, "exercise")?;
    let entry = text(&incoming, "/entry")?;
    let shown = b.ask(DESK, &["show", &entry])?;
    tell.equal("it travels in a channel of its own", text(&shown, "/channel_use")?, "exercise")?;
    let origin = |entry: &str| entry.split('/').next().unwrap_or_default().to_owned();
    let real = origin(&play.seen.to_b);
    tell.holds("which is not that of the warning", origin(&entry) != real && !real.is_empty(), &shown)?;
    let actual = files::actual(&files::exercise(&play.days));
    let file = play.file("exercise-as-actual.json", &actual)?;
    let refused = a.refused(DESK, &["warning", "write", &file, "--update", &id])?;
    tell.equal("it can never become actual", refused.code, "status_is_fixed")?;
    tell.say(format!(
        "A drill reaches B as \u{201c}{title}\u{201d}, in a channel with keys of its own. Trying to turn it \
         into an actual warning is refused: {}",
        refused.words
    ));
    tell.fact("exercise", entry.clone());
    play.seen.exercise = entry;
    Ok(())
}
