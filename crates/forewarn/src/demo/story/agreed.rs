//! What was agreed, domain by domain, and that a quarrel in one domain stays there.

use serde_json::Value;

use crate::demo::check::{Failed, Telling, list, text, with};
use crate::demo::files;
use crate::demo::node::Node;
use crate::demo::play::{LIAISON, RELEASE, World, word};

/// Proposes and accepts the two agreements.
pub(crate) fn agreements(play: &mut World, tell: &mut Telling) -> Result<(), Failed> {
    let with_b = play.file("agreement-a-b.json", &files::agreement_with_b())?;
    let with_c = play.file("agreement-a-c.json", &files::agreement_with_c())?;
    let one = agree(&play.a, &play.b, &with_b, tell)?;
    let other = agree(&play.a, &play.c, &with_c, tell)?;
    for node in [&play.a, &play.b] {
        let of = if node.name == play.a.name { &play.b.name } else { &play.a.name };
        for (domain, state) in
            [("counter_terrorism", "active"), ("cyber", "resuming"), ("elections", "suspended")]
        {
            tell.equal(&format!("{domain} is {state}"), state_of(node, of, domain)?, state)?;
        }
    }
    tell.say(format!(
        "A and B: counter-terrorism active, cyber resuming (indicators only), elections suspended. SHA-256 {}… on both.",
        one.get(..16).unwrap_or(&one)
    ));
    tell.say(format!(
        "A and C, narrower: threats only, to the month, no persons, A is \u{201c}a partner\u{201d}. SHA-256 {}… on both.",
        other.get(..16).unwrap_or(&other)
    ));
    tell.fact("agreement_a_b", one);
    tell.fact("agreement_a_c", other);
    Ok(())
}

/// One proposes, the other accepts; the hash that both hold.
fn agree(one: &Node, other: &Node, file: &str, tell: &mut Telling) -> Result<String, Failed> {
    let hash =
        text(&one.ask(LIAISON, &["agreement", "propose", "--with", &other.name, file])?, "/agreement")?;
    let standing = |wanted: &'static str| {
        let hash = hash.clone();
        move |answer: &Value| {
            let lines = answer.as_array()?;
            let line = lines.iter().find(|l| word(l, "hash").as_deref() == Some(hash.as_str()))?;
            (word(line, "state")? == wanted).then(|| line.get("terms").cloned().unwrap_or_default())
        }
    };
    let at_other = ["agreement", "list", "--with", &one.name];
    other.until("the proposed agreement", LIAISON, &at_other, standing("proposed"))?;
    let own = one.refused(RELEASE, &["agreement", "accept", "--with", &other.name, &hash])?;
    tell.equal("who proposed does not accept", own.code, "own_proposal")?;
    other.ask(RELEASE, &["agreement", "accept", "--with", &one.name, &hash])?;
    let ours = one.until(
        "the agreement in force",
        LIAISON,
        &["agreement", "list", "--with", &other.name],
        standing("in_force"),
    )?;
    let theirs = other.until("the agreement in force", LIAISON, &at_other, standing("in_force"))?;
    tell.equal("both sides hold the same terms under that hash", ours, theirs)?;
    Ok(hash)
}

/// How a domain with a partner stands, as a node sees it.
fn state_of(node: &Node, partner: &str, domain: &str) -> Result<String, Failed> {
    let partners = node.ask(LIAISON, &["partner", "list"])?;
    let line = with(list(&partners, "")?, "name", partner)?;
    text(with(list(line, "/domains")?, "domain", domain)?, "/state")
}

/// A quarrel in cyber: nothing in counter-terrorism moves.
pub(crate) fn firewall(play: &mut World, tell: &mut Telling) -> Result<(), Failed> {
    let (a, b) = (&play.a, &play.b);
    let before = sayings(play)?;
    let reproach = "your people were in our networks";
    let quarrel = ["domain", "suspend", "cyber", "--with", &b.name, "--note", reproach];
    a.ask(LIAISON, &quarrel)?;
    for (node, of) in [(a, b), (b, a)] {
        node.until("cyber suspended", LIAISON, &["partner", "list"], |answer| {
            let partner = answer.as_array()?.iter().find(|l| word(l, "name").as_ref() == Some(&of.name))?;
            let mut domains = partner.get("domains")?.as_array()?.iter();
            let cyber = domains.find(|d| word(d, "domain").as_deref() == Some("cyber"))?;
            (word(cyber, "state")? == "suspended").then_some(())
        })?;
        let state = state_of(node, &of.name, "counter_terrorism")?;
        tell.equal("counter-terrorism stays active", state, "active")?;
        tell.equal("elections stays as it was", state_of(node, &of.name, "elections")?, "suspended")?;
    }
    let after = sayings(play)?;
    let mut bytes = Vec::new();
    for ((whose, before), (_, after)) in before.iter().zip(&after) {
        tell.equal(&format!("the warning reads the same for {whose}"), after.as_str(), before.as_str())?;
        bytes.push(after.len().to_string());
    }
    tell.ran(&quarrel);
    tell.say(format!(
        "Both sides see it at once. The counter-terrorism warning, previewed before and after, is the same for \
         B and for C but for the time of the preview ({} bytes), and there is nothing new to send.",
        bytes.join(" and ")
    ));
    tell.fact("cyber", "suspended");
    tell.fact("counter_terrorism", "active");
    Ok(())
}

/// What a preview of the warning says to each partner, without the time and the bundle's own id; it must be nothing new.
fn sayings(play: &World) -> Result<Vec<(String, String)>, Failed> {
    let (b, c) = (&play.b.name, &play.c.name);
    let preview = play.a.ask(RELEASE, &["warning", "preview", &play.seen.warning, "--to", b, "--to", c])?;
    let columns = list(&preview, "/columns")?.iter().map(|column| {
        if column.get("nothing_new") != Some(&Value::Bool(true)) {
            return Err(Failed::new("nothing new for anybody", column.to_string()));
        }
        let mut bundle: Value = serde_json::from_str(&text(column, "/text")?)
            .map_err(|e| Failed::new("a rendering that is JSON", e.to_string()))?;
        if let Some(bundle) = bundle.as_object_mut() {
            bundle.remove("id");
        }
        for object in bundle.get_mut("objects").and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(object) = object.as_object_mut() {
                object.retain(|key, _| !matches!(key.as_str(), "created" | "modified" | "published"));
            }
        }
        Ok((text(column, "/party")?, bundle.to_string()))
    });
    columns.collect()
}
