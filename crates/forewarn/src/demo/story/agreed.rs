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
    let before = sayings(a, b, &play.seen.warning)?;
    let quarrel =
        ["domain", "suspend", "cyber", "--with", &b.name, "--note", "your people were in our networks"];
    a.ask(LIAISON, &quarrel)?;
    tell.equal("cyber is suspended, as A sees it", state_of(a, &b.name, "cyber")?, "suspended")?;
    b.until("cyber suspended", LIAISON, &["partner", "list"], |answer| {
        let partner =
            answer.as_array()?.iter().find(|l| word(l, "name").as_deref() == Some(a.name.as_str()))?;
        let domains = partner.get("domains")?.as_array()?;
        let cyber = domains.iter().find(|d| word(d, "domain").as_deref() == Some("cyber"))?;
        (word(cyber, "state")? == "suspended").then_some(())
    })?;
    for (node, of) in [(a, b), (b, a)] {
        let state = state_of(node, &of.name, "counter_terrorism")?;
        tell.equal("counter-terrorism stays active", state, "active")?;
        tell.equal("elections stays as it was", state_of(node, &of.name, "elections")?, "suspended")?;
    }
    let after = sayings(a, b, &play.seen.warning)?;
    tell.equal("the warning reads the same for B, byte for byte", after.1.clone(), before.1)?;
    tell.equal("there is nothing new to send", after.0, true)?;
    tell.say(format!(
        "A suspends cyber: \u{201c}your people were in our networks\u{201d}. Both sides see it. The counter-terrorism warning, \
         previewed before and after, is the same {} bytes for B but for the time of the preview.",
        after.1.len()
    ));
    tell.fact("cyber", "suspended");
    tell.fact("counter_terrorism", "active");
    Ok(())
}

/// Whether a preview of the warning has nothing new for B, and what it says without the time and the bundle's own id.
fn sayings(a: &Node, b: &Node, warning: &str) -> Result<(bool, String), Failed> {
    let preview = a.ask(RELEASE, &["warning", "preview", warning, "--to", &b.name])?;
    let column = with(list(&preview, "/columns")?, "party", &b.name)?;
    let bytes = text(column, "/text")?;
    let mut bundle: Value =
        serde_json::from_str(&bytes).map_err(|e| Failed::new("a rendering that is JSON", e.to_string()))?;
    if let Some(bundle) = bundle.as_object_mut() {
        bundle.remove("id");
    }
    for object in bundle.get_mut("objects").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(object) = object.as_object_mut() {
            object.retain(|key, _| !matches!(key.as_str(), "created" | "modified" | "published"));
        }
    }
    Ok((column.get("nothing_new") == Some(&Value::Bool(true)), bundle.to_string()))
}
