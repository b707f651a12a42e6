//! The warning leaves, arrives, is answered; the names follow later.

use serde_json::Value;

use crate::demo::check::{Failed, Telling, list, text, with};
use crate::demo::files::{self, CANARIES, NAMES, PERSONS};
use crate::demo::node::Node;
use crate::demo::play::{DESK, LIAISON, OPERATOR, RELEASE, SECOND, World, line, release, word};

const TITLE: &str = "Bombings planned in City P";

/// Approved by the second person, released, carried, receipted.
pub(crate) fn released(play: &mut World, tell: &mut Telling) -> Result<(), Failed> {
    alone_nothing_goes(play, tell)?;
    let (a, b, c) = (&play.a, &play.b, &play.c);
    let released = release(a, &play.seen.preview)?;
    tell.equal("one copy for B, one for C", list(&released, "/copies")?.len(), 2)?;
    let proposal = text(&released, "/proposal")?;
    tell.ran(&["release", &proposal, "--digest", &text(&play.seen.preview, "/digest")?]);
    tell.say(
        "Each receiver checks the log and cosigns it. That signature is the receipt, the same on both sides:",
    );
    let mut entries = Vec::new();
    let mut roots = Vec::new();
    for node in [b, c] {
        let copy = with(list(&released, "/copies")?, "recipient", &node.name)?;
        let receipt = receipted(a, node, TITLE, &text(copy, "/digest")?, tell)?;
        tell.say(format!("  {}   {} entries, root {}", node.name, receipt.size, receipt.root));
        entries.push(receipt.entry);
        roots.push(receipt.root);
    }
    let searched = searched(&[b, c], tell)?;
    tell.say(format!(
        "All {searched} entries that B and C hold were opened and searched: no word of the source, the \
         intercept, the case, and no name."
    ));
    let whole = a.ask(DESK, &["warning", "show", &play.seen.warning, "--why", "has the duty been met?"])?;
    let duty = text(&whole, "/duty")?;
    let warned = duty.contains("decided at") && duty.contains("to warn");
    tell.holds("the duty ended in a decision to warn", warned, &whole)?;
    tell.fact("duty", duty);
    tell.fact("receipts", roots);
    let two = <[String; 2]>::try_from(entries).map_err(|e| Failed::new("two entries", e.join(", ")))?;
    [play.seen.to_b, play.seen.to_c] = two;
    Ok(())
}

/// What one person alone cannot do; then the second approves.
fn alone_nothing_goes(play: &World, tell: &mut Telling) -> Result<(), Failed> {
    let a = &play.a;
    let proposal = text(&play.seen.preview, "/proposal")?;
    let digest = text(&play.seen.preview, "/digest")?;
    let own = a.refused(RELEASE, &["approve", &proposal, "--digest", &digest])?;
    tell.equal("who proposed it cannot approve it", own.code.clone(), "approver_is_author")?;
    let other = a.refused(SECOND, &["approve", &proposal, "--digest", &"0".repeat(64)])?;
    tell.equal("an approval names what was read", other.code.clone(), "digest_is_stale")?;
    let alone = a.refused(RELEASE, &["release", &proposal, "--digest", &digest])?;
    tell.equal("nobody releases alone", alone.code.clone(), "not_approved")?;
    tell.say(format!(
        "Refused: release1 approving what release1 proposed ({}), release2 approving other bytes ({}), \
         releasing without approval ({}). Then release2 approves.",
        own.code, other.code, alone.code
    ));
    Ok(())
}

/// A receipt that both sides hold.
pub(super) struct Receipt {
    /// The entry that it is for.
    pub(super) entry: String,
    /// How many entries it covers.
    pub(super) size: String,
    /// The root that was cosigned.
    pub(super) root: String,
}

/// Waits for the receipt of the newest release of this title to a node, and compares what both sides hold.
pub(super) fn receipted(
    a: &Node,
    to: &Node,
    title: &str,
    digest: &str,
    tell: &mut Telling,
) -> Result<Receipt, Failed> {
    let held = |answer: &Value| {
        let line = line(answer, &to.name, title)?;
        word(line, "held_at").and(word(line, "entry"))
    };
    let entry = a.until("a receipt", DESK, &["sent"], held)?;
    let ours = a.ask(DESK, &["show", &entry])?;
    let name = text(&ours, "/entry")?;
    let theirs = to.ask(DESK, &["show", &name])?;
    tell.equal("both sides name the entry alike", text(&theirs, "/entry")?, name)?;
    tell.equal("the receiver holds the bytes that were approved", text(&theirs, "/digest")?, digest)?;
    tell.equal("and so does the giver's log", text(&ours, "/digest")?, digest)?;
    let root = text(&ours, "/receipt/root")?;
    tell.equal("the same root is receipted", text(&theirs, "/receipt/root")?, root.clone())?;
    let size = ours.pointer("/receipt/size").cloned().unwrap_or_default();
    tell.equal("at the same size", theirs.pointer("/receipt/size").cloned(), size.clone())?;
    Ok(Receipt { entry, size: size.to_string(), root })
}

/// Opens every entry that the receivers hold and searches it for what must not have reached them, and for what has.
fn searched(receivers: &[&Node], tell: &mut Telling) -> Result<usize, Failed> {
    let mut entries = 0;
    for node in receivers {
        let held = node.every_entry(LIAISON)?;
        entries += held.len();
        let (held, whose) = (held.join("\n"), format!("what {} holds", node.name));
        tell.holds(
            "the search finds what was given",
            held.contains(files::HELD_BY_ALL),
            &whose.clone().into(),
        )?;
        tell.silent(&whose, &held, &CANARIES)?;
        tell.silent(&whose, &held, &[NAMES])?;
    }
    Ok(entries)
}

/// B reads it, accepts it and acts; A sees what it is told.
pub(crate) fn received(play: &mut World, tell: &mut Telling) -> Result<(), Failed> {
    let (a, b, entry) = (&play.a, &play.b, &play.seen.to_b);
    let inbox = b.ask(DESK, &["inbox"])?;
    let incoming = line(&inbox, &a.name, TITLE)
        .ok_or_else(|| Failed::new("the warning in B's inbox", inbox.to_string()))?;
    let due = text(incoming, "/due")?;
    tell.equal("not overdue", incoming.get("overdue").cloned(), false)?;
    b.ask(DESK, &["read", entry])?;
    b.ask(DESK, &["dispose", entry, "accepted", "--text", "units are on their way"])?;
    b.ask(
        DESK,
        &["act", entry, "--kind", "raid", "--text", "seven detained in Old Town; explosives seized"],
    )?;
    let seen = a.until("B's answer", DESK, &["sent"], |answer| {
        let line = line(answer, &b.name, TITLE)?;
        (word(line, "disposition")? == "accepted").then(|| line.clone())
    })?;
    let disposed_at = text(&seen, "/disposed_at")?;
    tell.holds("B has read it", seen.get("read_at").is_some_and(Value::is_string), &seen)?;
    tell.equal("B was in time", seen.get("overdue").cloned(), false)?;
    let in_time = instant(&disposed_at)? <= instant(&due)?;
    tell.holds("B answered before its clock ran out", in_time, &seen)?;
    let shown = a.ask(DESK, &["show", entry])?;
    tell.equal("what B did is B's own matter", list(&shown, "/actions")?.len(), 0)?;
    tell.equal(
        "A is told that it was accepted",
        text(&shown, "/answers/0/said/text")?,
        "units are on their way",
    )?;
    let actions = b.ask(DESK, &["show", entry])?;
    tell.equal("B keeps the raid in its own record", text(&actions, "/actions/0/kind")?, "raid")?;
    let held_at = instant(&text(incoming, "/held_at")?)?;
    let seconds = instant(&disposed_at)?.as_second() - held_at.as_second();
    let allowed = (instant(&due)?.as_second() - held_at.as_second()) / 60;
    tell.ran(&["dispose", entry, "accepted", "--text", "units are on their way"]);
    tell.say(format!(
        "B has {allowed} min by its own clock and takes {seconds} s. A sees: read, accepted, \u{201c}units are \
         on their way\u{201d}. The raid that B logs stays in B's own record until B chooses to tell."
    ));
    tell.fact("accepted_after_s", seconds);
    Ok(())
}

fn instant(text: &str) -> Result<jiff::Timestamp, Failed> {
    text.parse().map_err(|e: jiff::Error| Failed::new("an instant", format!("{text}: {e}")))
}

/// A assesses the risk of telling B of persons; the names follow as an update, to B alone.
pub(crate) fn names(play: &mut World, tell: &mut Telling) -> Result<(), Failed> {
    let (a, b, c) = (&play.a, &play.b, &play.c);
    let review = play.days.review.to_string();
    let basis = "B's courts remand within two days; no ill-treatment is reported of this service";
    let assess = ["risk", "assess", "--of", &b.name, "--domain", "counter_terrorism", "--basis", basis];
    let assess =
        [&assess[..], &["--review", &review, "--assurance", "no coercive action on this alone"]].concat();
    a.ask(RELEASE, &assess)?;
    let to = ["warning", "preview", &play.seen.warning, "--to", &b.name, "--to", &c.name];
    let preview = a.ask(RELEASE, &to)?;
    let columns = list(&preview, "/columns")?;
    let (for_b, for_c) = (with(columns, "party", &b.name)?, with(columns, "party", &c.name)?);
    tell.equal("a copy goes to B", for_b.get("goes").cloned(), true)?;
    tell.equal("C holds all that it may have", for_c.get("nothing_new").cloned(), true)?;
    tell.equal("so no copy goes to C", for_c.get("goes").cloned(), false)?;
    tell.silent("C's rendering", &text(for_c, "/text")?, &[NAMES])?;
    let released = release(a, &preview)?;
    tell.equal("one copy", list(&released, "/copies")?.len(), 1)?;
    tell.equal("an update", text(&released, "/copies/0/kind")?, "warning.updated")?;
    let update = b.until("the update", DESK, &["inbox"], |answer| {
        let mut lines = answer.as_array()?.iter();
        lines.find(|l| l.get("update") == Some(&Value::Bool(true))).and_then(|l| word(l, "entry"))
    })?;
    let curious = b.refused(DESK, &["show", &update])?;
    tell.equal("who reads names says why", curious.code, "why")?;
    let shown = b.ask(DESK, &["show", &update, "--why", "assigned to the case"])?;
    let fields = list(&shown, "/warning/fields")?;
    for n in 1..=PERSONS {
        let field = with(fields, "path", &format!("subject {n} identity"))?;
        tell.equal("B is told who", text(field, "/text")?, format!("{NAMES} {n}"))?;
    }
    let trail = b.ask(OPERATOR, &["audit", "--limit", "500"])?;
    let reading = list(&trail, "")?.iter().any(|l| word(l, "act").as_deref() == Some("person.read"));
    tell.holds("the reading is in B's audit trail", reading, &trail)?;
    b.ask(DESK, &["dispose", &update, "accepted"])?;
    let inbox = c.ask(DESK, &["inbox"])?;
    tell.equal("C got nothing more", list(&inbox, "")?.len(), 1)?;
    searched(&[c], tell)?;
    tell.silent("what B was told", &shown.to_string(), &[&CANARIES[..], &[files::WHAT_SLIPPED]].concat())?;
    tell.say(format!(
        "A signs a receiver risk assessment of B, to be looked at again by {review}. A new preview: B gets \
         {PERSONS} names, for C there is nothing new. Two people release it; B alone gets the update, and \
         every reading of it is logged with its reason."
    ));
    tell.fact("names_to_b", update.clone());
    play.seen.names_to_b = update;
    Ok(())
}
