//! The ledger, on both sides.

use serde_json::Value;

use crate::demo::check::{Failed, Telling, list, text, with};
use crate::demo::node::Node;
use crate::demo::play::{LIAISON, World, word};
use crate::demo::print::table;

/// The kinds of favour, in the order of the table, as they read there.
const FAVOURS: [(&str, &str); 4] =
    [("warning", "warnings"), ("answer", "answers"), ("outcome", "outcomes"), ("thanks", "thanks")];

/// Both sides compute it; the two documents are one.
pub(crate) fn ledger(play: &mut World, tell: &mut Telling) -> Result<(), Failed> {
    let (a, b) = (&play.a, &play.b);
    let (ours, ours_text) = one_ledger(a, b, tell)?;
    let lines = list(&ours, "/lines")?;
    let exercise = play.seen.exercise.split('/').next().unwrap_or_default();
    let drilled = lines.iter().filter_map(|l| word(l, "entry")).any(|e| e.starts_with(exercise));
    tell.equal("the exercise is in it", drilled, false)?;
    let expected = [
        (&a.name, "warning", "counter_terrorism", 1),
        (&a.name, "warning", "elections", 1),
        (&b.name, "warning", "counter_terrorism", 1),
        (&b.name, "outcome", "counter_terrorism", 1),
        (&b.name, "thanks", "counter_terrorism", 1),
    ];
    for (giver, favour, domain, number) in expected {
        let found = count(&ours, giver, favour, domain);
        tell.equal(&format!("{favour} in {domain} given by {giver}"), found, number)?;
    }
    let kept = with(lines, "entry", &play.seen.from_b)?;
    tell.equal(
        "B's warning is held against its promise",
        text(kept, "/under")?,
        play.seen.undertaking.clone(),
    )?;
    let first = with(lines, "entry", &play.seen.to_b)?;
    tell.equal("usefulness, as B graded it", text(first, "/usefulness")?, "high")?;
    for forbidden in ["score", "balance", "ratio", "total"] {
        tell.silent("the ledger", &ours_text, &[forbidden])?;
    }
    tell.ran(&["ledger", "--with", &b.name]);
    tell.lines.extend(counts(&ours, a, b)?);
    for head in list(&ours, "/heads")? {
        tell.say(format!(
            "  log of {}: {} entries, root {}",
            text(head, "/giver")?,
            size(head),
            text(head, "/root")?
        ));
    }
    tell.say(format!(
        "Both nodes print the same {} bytes. Counts by kind, never a score; the exercise is not in it.",
        ours_text.len()
    ));
    tell.fact("ledger", ours);
    Ok(())
}

/// The ledger of two nodes, once both hold the same receipts: one document, byte for byte.
pub(super) fn one_ledger(a: &Node, b: &Node, tell: &mut Telling) -> Result<(Value, String), Failed> {
    // What was just said is receipted a moment later.
    settled(a, b)?;
    settled(b, a)?;
    let (ours, ours_text) = a.answer(LIAISON, &["ledger", "--with", &b.name])?;
    let (theirs, theirs_text) = b.answer(LIAISON, &["ledger", "--with", &a.name])?;
    tell.equal("the same heads on both sides", ours.get("heads").cloned(), theirs.get("heads").cloned())?;
    tell.equal("the same document, byte for byte", ours_text.clone(), theirs_text)?;
    Ok((ours, ours_text))
}

fn size(head: &Value) -> String {
    head.get("size").map(Value::to_string).unwrap_or_default()
}

/// Waits until everything that one wrote for the other is receipted, on both sides.
pub(super) fn settled(writer: &Node, reader: &Node) -> Result<(), Failed> {
    let channel = |partner: &str, side: &'static str| {
        let partner = partner.to_owned();
        move |answer: &Value| {
            let line =
                answer.as_array()?.iter().find(|l| word(l, "name").as_deref() == Some(partner.as_str()))?;
            let channels = line.get("channels")?.as_array()?;
            let is = |c: &Value, key: &str, wanted: &str| c.get(key).and_then(Value::as_str) == Some(wanted);
            let channel = channels.iter().find(|c| is(c, "side", side) && is(c, "channel_use", "actual"))?;
            let (size, receipted) = (channel.get("size")?, channel.get("receipted")?);
            let waiting = line.get("waiting").and_then(Value::as_u64).unwrap_or_default();
            (size == receipted && (waiting == 0 || side == "theirs")).then(|| size.clone())
        }
    };
    let partners = ["partner", "list"];
    let sent = writer.until("every entry receipted", LIAISON, &partners, channel(&reader.name, "ours"))?;
    let theirs = channel(&writer.name, "theirs");
    reader.until("every entry", LIAISON, &partners, |answer| theirs(answer).filter(|size| *size == sent))?;
    Ok(())
}

fn count(ledger: &Value, giver: &str, favour: &str, domain: &str) -> u64 {
    let counts = ledger.get("counts").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let is = |l: &Value, key: &str, wanted: &str| l.get(key).and_then(Value::as_str) == Some(wanted);
    let line =
        counts.iter().find(|l| is(l, "giver", giver) && is(l, "favour", favour) && is(l, "domain", domain));
    // Both logs are whole, so a kind that is not listed was given no time at all.
    line.and_then(|l| l.get("count")?.as_u64()).unwrap_or_default()
}

fn counts(ledger: &Value, a: &Node, b: &Node) -> Result<Vec<String>, Failed> {
    let mut rows = vec![vec!["given".to_owned(), format!("by {}", a.name), format!("by {}", b.name)]];
    let mut domains: Vec<String> =
        list(ledger, "/counts")?.iter().filter_map(|l| word(l, "domain")).collect();
    domains.sort();
    domains.dedup();
    for domain in &domains {
        for (favour, plural) in FAVOURS {
            let number = |node: &Node| count(ledger, &node.name, favour, domain);
            if number(a) + number(b) > 0 {
                let label = format!("{plural}, {}", domain.replace('_', " "));
                rows.push(vec![label, number(a).to_string(), number(b).to_string()]);
            }
        }
    }
    Ok(table(&rows))
}
