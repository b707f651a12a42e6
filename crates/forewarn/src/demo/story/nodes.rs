//! The beginning: nodes, people, cards, words.

use std::fs;

use serde_json::Value;

use crate::demo::check::{Failed, Telling, list, text, with};
use crate::demo::node::{Node, private, shown, world};
use crate::demo::play::{DESK, INVITED, LIAISON, OPERATOR, RELEASE, World};

/// Makes and starts the three nodes and opens the accounts of their people.
pub(crate) fn made(play: &mut World, tell: &mut Telling) -> Result<(), Failed> {
    let World { a, b, c, .. } = play;
    let mut settled = std::thread::scope(|scope| {
        let tasks = [a, b, c].map(|node| scope.spawn(move || settle(node)));
        tasks.map(|task| {
            task.join().unwrap_or_else(|_| Err(Failed::new("a node to be made", "it went wrong")))
        })
    });
    for done in &mut settled {
        let checks = std::mem::replace(done, Ok(Telling::default()))?;
        tell.checks += checks.checks;
    }
    let addresses = [&play.a, &play.b, &play.c].map(|n| format!("{} on {}", n.name, n.address));
    tell.say(format!("{}: a process each.", addresses.join(", ")));
    tell.say(
        "On each an operator, a desk officer (desk1), two release officers (release1, release2) and a liaison \
         officer (liaison1), each let in by a one-time secret. A guessed passphrase, and the operator's secret \
         a second time, were refused. The operator appointed the release officers alone, marked in the audit \
         trail; with the second of them that time was over.",
    );
    bootstrap_is_over(&play.a, tell)?;
    tell.fact("nodes", vec![play.a.name.clone(), play.b.name.clone(), play.c.name.clone()]);
    Ok(())
}

fn settle(node: &mut Node) -> Result<Telling, Failed> {
    let mut tell = Telling::default();
    let (name, address) = (node.name.clone(), node.address.clone());
    let init = ["init", "--name", &name, "--address", &address, "--contact", "duty desk, +00 000 000 000"];
    let made = node.ask(OPERATOR, &init)?;
    tell.equal("the node's name", text(&made, "/name")?, name)?;
    node.serve()?;
    let guess = node.file("guess.passphrase");
    private(&guess, "forewarn forewarn admin")?;
    let login = ["login", OPERATOR, "--passphrase-file", &shown(&guess)];
    let refused = node.refused(OPERATOR, &login)?;
    tell.holds(
        "a login before the account was opened is refused",
        !refused.code.is_empty(),
        &refused.words.into(),
    )?;
    let secret = text(&made, "/secret")?;
    node.activate(OPERATOR, &secret)?;
    let again = node.file("again.secret");
    private(&again, &secret)?;
    let twice = ["activate", OPERATOR, "--secret-file", &shown(&again), "--passphrase-file", &shown(&guess)];
    let refused = node.refused(DESK, &twice)?;
    tell.holds("a one-time secret opens once", !refused.code.is_empty(), &refused.words.into())?;
    for (who, role) in INVITED {
        let invited = node.ask(OPERATOR, &["person", "invite", who, "--role", role])?;
        tell.equal("the role is granted at once", invited.pointer("/roles/waits").cloned(), Value::Null)?;
        node.activate(who, &text(&invited, "/invitation/secret")?)?;
    }
    node.ask(OPERATOR, &["roster", "set", "--line", "Duty desk=+00 000 000 000"])?;
    Ok(tell)
}

/// With two release officers, a third takes two persons.
fn bootstrap_is_over(node: &Node, tell: &mut Telling) -> Result<(), Failed> {
    let asked = node.ask(OPERATOR, &["person", "grant", DESK, "--role", "release"])?;
    let waits = text(&asked, "/roles/waits/id")?;
    let digest = text(&asked, "/roles/waits/digest")?;
    let own = node.refused(OPERATOR, &["approve", &waits, "--digest", &digest])?;
    tell.equal("who proposes does not approve", own.code, "approver_is_author")?;
    node.ask(RELEASE, &["refuse", &waits, "--reason", "two release officers are enough for a demo"])?;
    let trail = node.ask(OPERATOR, &["audit", "--limit", "200"])?;
    let lines = trail.as_array().map(Vec::as_slice).unwrap_or_default();
    let marked = lines.iter().filter(|l| l.get("marks").is_some_and(|m| m.to_string().contains("bootstrap")));
    tell.holds("acts of the operator alone are marked", marked.count() >= 2, &trail)?;
    with(lines, "act", "bootstrap.end")?;
    let sound = node.ask(OPERATOR, &["audit", "--check"])?;
    tell.equal("the audit trail is sound", sound.get("sound").cloned(), true)?;
    tell.say("A third release officer now takes two people: proposed by the operator, refused by release1.");
    Ok(())
}

/// Exchanges cards and compares the words; nothing flows before.
pub(crate) fn confirmed(play: &mut World, tell: &mut Telling) -> Result<(), Failed> {
    for node in [&play.a, &play.b, &play.c] {
        let card = text(&node.ask(LIAISON, &["card"])?, "/card")?;
        private(&card_file(node), &card)?;
    }
    let (a, b, c) = (&play.a, &play.b, &play.c);
    let a_reads_out = add(a, b)?;
    let b_reads_out = add(b, a)?;
    tell.equal("a node has one set of words", add(a, c)?, a_reads_out.clone())?;
    let c_reads_out = add(c, a)?;
    let file = play.file("too-early.json", &crate::demo::files::agreement_with_b())?;
    let early = a.refused(LIAISON, &["agreement", "propose", "--with", &b.name, &file])?;
    tell.equal("nothing but cards flows before", early.code, "unconfirmed")?;
    let misheard = misheard(&b_reads_out);
    let wrong = a.refused(LIAISON, &["partner", "confirm", &b.name, "--heard", &misheard])?;
    tell.equal("a word heard wrong is refused", wrong.code, "words_differ")?;
    let own = a.refused(LIAISON, &["partner", "confirm", &b.name, "--heard", &a_reads_out])?;
    tell.equal("one's own words are not the partner's", own.code, "own_words")?;
    for (at, of, heard) in
        [(a, b, &b_reads_out), (b, a, &a_reads_out), (a, c, &c_reads_out), (c, a, &a_reads_out)]
    {
        at.ask(LIAISON, &["partner", "confirm", &of.name, "--heard", heard])?;
        let partners = at.ask(LIAISON, &["partner", "list"])?;
        let line = with(list(&partners, "")?, "name", &of.name)?;
        tell.equal("the partner is confirmed", text(line, "/state")?, "confirmed")?;
    }
    tell.say(format!("For B's officer to read out by voice: \u{201c}{b_reads_out}\u{201d}"));
    tell.say(format!("Typed with one word misheard, A refuses: {}.", wrong.words));
    tell.say("With the right words A and B, and A and C, confirm one another. Before that nothing but cards flows.");
    tell.fact("words_of_b", b_reads_out);
    tell.fact("misheard", wrong.words);
    Ok(())
}

fn card_file(node: &Node) -> std::path::PathBuf {
    node.handed(&format!("{}.card", node.name))
}

/// Pins the card of another node; gives the words that this node's officer reads out.
fn add(at: &Node, of: &Node) -> Result<String, Failed> {
    let file = card_file(of);
    fs::metadata(&file).map_err(|e| world(&format!("to read {}", file.display()), &e))?;
    let added = at.ask(LIAISON, &["partner", "add", &shown(&file)])?;
    if text(&added, "/partner")? != of.name {
        return Err(Failed::new(format!("the card of {}", of.name), added.to_string()));
    }
    text(&added, "/our_words")
}

/// The words with one of them heard wrong.
fn misheard(words: &str) -> String {
    let swap = |(n, word): (usize, &str)| {
        if n == 4 { if word == "zebra" { "cobra" } else { "zebra" } } else { word }.to_owned()
    };
    words.split_whitespace().enumerate().map(swap).collect::<Vec<_>>().join(" ")
}
