//! What comes back: the outcome, the thanks, and a promise that is kept.

use serde_json::{Value, json};

use crate::demo::check::{Failed, Telling, list, text, with};
use crate::demo::files::{self, PERSONS};
use crate::demo::play::{DESK, LIAISON, RELEASE, World, line, release, word};

/// B reports what came of it.
pub(crate) fn outcome(play: &mut World, tell: &mut Telling) -> Result<(), Failed> {
    let wrong = play.file("outcome-wrong.json", &files::outcome(&play.days, 1))?;
    let right = play.file("outcome.json", &files::outcome(&play.days, 2))?;
    let (a, b, c, entry) = (&play.a, &play.b, &play.c, &play.seen.to_b);
    let refused = b.refused(DESK, &["outcome", "report", entry, &wrong])?;
    tell.equal("a tally that does not add up is refused", refused.code, "bad_outcome")?;
    tell.say(format!("B first counts six of seven, and is refused: {}.", refused.detail));
    b.ask(DESK, &["outcome", "report", entry, &right])?;
    tell.ran(&["outcome", "report", entry, &right]);
    let said = a.until("the outcome", DESK, &["show", entry], |answer| {
        let mut answers = answer.get("answers")?.as_array()?.iter();
        let line = answers.find(|l| word(l, "answer").as_deref() == Some("outcome"))?;
        line.get("said").cloned()
    })?;
    counted(play, &said, tell)?;
    let at_c = c.ask(DESK, &["show", &play.seen.to_c])?;
    tell.equal("C is told nothing of it", list(&at_c, "/answers")?.len(), 0)?;
    let held = c.every_entry(DESK)?.join("\n");
    tell.holds("the search finds what was given", held.contains(files::HELD_BY_ALL), &held.clone().into())?;
    tell.silent("what C holds", &held, &["lives_lost", "remanded", "not_occurred"])?;
    tell.say(format!(
        "A reads: the attack did not take place, blocked; the warning was decisive, its usefulness high. Of \
         {PERSONS} persons 3 are remanded until {}, 2 were remanded before, of 2 the status is unknown, and \
         that stays an open question. Lives lost: 0, said as zero. C's node holds no trace of it.",
        play.days.remanded_until.strftime("%-d %B")
    ));
    tell.fact("outcome", said);
    Ok(())
}

/// What A reads of it: every number as B said it, and none that B did not say.
fn counted(play: &World, said: &Value, tell: &mut Telling) -> Result<(), Failed> {
    tell.equal("the attack did not take place", text(said, "/event")?, "not_occurred")?;
    tell.equal("because it was blocked", text(said, "/determination")?, "blocked")?;
    tell.equal("the warning was decisive", text(said, "/contribution")?, "decisive")?;
    tell.equal("its usefulness", text(said, "/usefulness")?, "high")?;
    let counts = list(said, "/counts")?;
    let lost = with(counts, "measure", "lives_lost")?;
    tell.equal("lives lost, said as zero", lost.get("value").cloned(), 0)?;
    tell.equal("what was not counted is absent, and not zero", counts.len(), 1)?;
    let groups = list(said, "/subjects/groups")?;
    let numbers: Vec<u64> = groups.iter().filter_map(|g| g.get("number")?.as_u64()).collect();
    tell.equal("the groups", numbers.clone(), vec![3, 2, 2])?;
    tell.equal("their sum is the number declared", numbers.iter().sum::<u64>(), PERSONS)?;
    tell.equal("unknown is a status", text(said, "/subjects/groups/2/status")?, "unknown")?;
    let until = play.days.remanded_until.to_string();
    tell.equal("three are remanded until a day", text(said, "/subjects/groups/0/until")?, until)?;
    tell.equal("one question stays open", list(said, "/open_questions")?.len(), 1)
}

/// Thanks, and that they reached the head of the service.
pub(crate) fn thanks(play: &mut World, tell: &mut Telling) -> Result<(), Failed> {
    let (a, b, entry) = (&play.a, &play.b, &play.seen.to_b);
    let words = "your information helped to find them; no lives were lost";
    let give = [
        "thank",
        entry,
        "--text",
        words,
        "--from-role",
        "head of government",
        "--relay-to",
        "head of the service",
    ];
    b.ask(LIAISON, &give)?;
    let (thanks, said) = a.until("the thanks", LIAISON, &["show", entry], |answer| {
        let answers = answer.get("answers")?.as_array()?;
        let line = answers.iter().find(|l| word(l, "answer").as_deref() == Some("thanks"))?;
        Some((word(line, "entry")?, line.get("said").cloned().unwrap_or_default()))
    })?;
    tell.equal("the wish to pass them on", text(&said, "/relay_to")?, "head of the service")?;
    a.ask(LIAISON, &["relay", &thanks, "--received-by", "head of the service"])?;
    let relayed = b.until("that the thanks were passed on", LIAISON, &["show", &thanks], |answer| {
        let answers = answer.get("answers")?.as_array()?;
        let line = answers.iter().find(|l| word(l, "answer").as_deref() == Some("relayed"))?;
        Some(line.get("said").cloned().unwrap_or_default())
    })?;
    let expected = json!({ "received_by": "head of the service" });
    tell.equal("by role, and nothing else", relayed, expected)?;
    tell.say(format!(
        "\u{201c}{words}\u{201d}: from B's head of government, to be passed on to the head of A's service. A \
         passes them on; B sees that they were received by the role \u{201c}head of the service\u{201d}, and \
         by whom else it does not see."
    ));
    tell.fact("thanks", thanks);
    Ok(())
}

/// B promises, A takes note; later B learns of something and keeps its promise.
pub(crate) fn undertaking(play: &mut World, tell: &mut Telling) -> Result<(), Failed> {
    let promise = "we tell you of any threat to your territory, or to your citizens anywhere";
    let undertaking = promised(play, promise, tell)?;
    let file = play.file("warning-of-b.json", &files::warning_of_b(&play.days))?;
    let (a, b) = (&play.a, &play.b);
    let wrote = b.ask(DESK, &["warning", "write", &file, "--under", &undertaking])?;
    let warning = text(&wrote, "/warning")?;
    b.ask(DESK, &["duty", "assess", &warning, "--credible", "--specific", "--impending"])?;
    let preview = b.ask(RELEASE, &["warning", "preview", &warning, "--to", &a.name])?;
    release(b, &preview)?;
    let title = "Attack on a hotel in City R considered";
    let entry =
        a.until("B's warning", DESK, &["inbox"], |answer| word(line(answer, &b.name, title)?, "entry"))?;
    let shown = a.ask(DESK, &["show", &entry])?;
    let under = shown.pointer("/warning/header/under").cloned().unwrap_or_default();
    let cited = under.get("origin").and_then(Value::as_str).map(str::to_owned).unwrap_or_default();
    let index = under.get("index").and_then(Value::as_u64).unwrap_or_default();
    let (origin, promised_at) = undertaking.split_once('/').unwrap_or_default();
    tell.holds("it cites the undertaking's log", cited.contains(origin) && !origin.is_empty(), &under)?;
    tell.equal("and its entry", index.to_string(), promised_at)?;
    a.ask(DESK, &["dispose", &entry, "accepted", "--text", "our embassy is told"])?;
    b.until("A's answer", DESK, &["sent"], |answer| {
        (word(line(answer, &a.name, title)?, "disposition")? == "accepted").then_some(())
    })?;
    tell.say(format!("B undertakes: \u{201c}{promise}\u{201d}; A takes note ({undertaking})."));
    tell.ran(&["warning", "write", &file, "--under", &undertaking]);
    tell.say(
        "\u{201c}We pay them back\u{201d}: B learns of an attack on a hotel in a third country where A's \
         citizens stay. B's people write, preview, approve and release it; A sees that it keeps the \
         undertaking, and accepts it.",
    );
    tell.fact("undertaking", undertaking.clone());
    tell.fact("kept_by", entry.clone());
    (play.seen.undertaking, play.seen.from_b) = (undertaking, entry);
    Ok(())
}

/// B's promise, taken note of by A; the entry.
fn promised(play: &World, promise: &str, tell: &mut Telling) -> Result<String, Failed> {
    let (a, b) = (&play.a, &play.b);
    let declare =
        ["undertaking", "declare", "--to", &a.name, "--domain", "counter_terrorism", "--text", promise];
    let whom = ["--protected", "territory=Country A", "--protected", "nationality=Country A"];
    b.ask(LIAISON, &[&declare[..], &whom].concat())?;
    let from_b = ["undertaking", "list", "--with", &b.name];
    let entry = a.until("B's undertaking", LIAISON, &from_b, |answer| {
        let line = answer.as_array()?.iter().find(|l| word(l, "by").as_deref() == Some(b.name.as_str()))?;
        word(line, "entry")
    })?;
    a.ask(LIAISON, &["undertaking", "accept", &entry])?;
    let to_a = ["undertaking", "list", "--with", &a.name];
    let line = b.until("that A took note", LIAISON, &to_a, |answer| {
        let line = answer.as_array()?.iter().find(|l| word(l, "entry").as_deref() == Some(entry.as_str()))?;
        (line.get("accepted") == Some(&Value::Bool(true))).then(|| line.clone())
    })?;
    tell.equal("the promise in its words", text(&line, "/said/text")?, promise)?;
    Ok(entry)
}
