//! A disk that is lost: B goes on from a backup, and takes back from A what came after it.

use std::fs;
use std::path::Path;

use exchange::keys::{draw_encryption_key, encryption_recipient};
use serde_json::Value;
use zeroize::Zeroizing;

use super::{arrived_once, one_ledger, times, warned};
use crate::demo::check::{Failed, Telling, at, list};
use crate::demo::node::{Node, private, shown, world};
use crate::demo::play::{DESK, EVERYBODY, OPERATOR, World, line, word};

const AFTER_THE_BACKUP: &str = "Sentries at the station in City P are watched";
const AFTER_THE_RESTORE: &str = "The watching of the sentries has ended";

/// A backup, an exchange after it, a disk that is lost, a restore; and everything is as before.
pub(crate) fn restored(play: &mut World, tell: &mut Telling) -> Result<(), Failed> {
    let files = Files::of(&play.b);
    private(Path::new(&files.identity), &files.opens_the_keys)?;
    let recipient = encryption_recipient(&files.opens_the_keys)
        .map_err(|e| Failed::new("an age identity for the keys", e.to_string()))?;
    play.b.ask(OPERATOR, &["backup", &files.backup, "--keys", &files.keys, "--to", &recipient])?;
    let keys = ["--keys", &files.keys, "--identity", &files.identity];
    let verified = play.b.ask(OPERATOR, &[&["backup", "verify", &files.backup], &keys[..]].concat())?;
    tell.equal("the backup is sound", verified.get("sound").cloned(), true)?;
    let (inbox, ledger) = happens_after(play, tell)?;

    play.b.stop();
    lose(&play.b, &files)?;
    let with_mark = ["--high-water", &files.mark];
    let restore = [&["restore", &files.backup], &keys[..], &with_mark].concat();
    let done = play.b.ask(OPERATOR, &restore)?;
    let channels = at(&done, "/found/channels")?.clone();
    tell.equal("the mark knows every channel", at(&done, "/found/with_mark")?.clone(), channels)?;
    tell.ran(&restore);

    // A does not answer yet, so that B can be looked at while it recovers.
    play.a.held(true)?;
    play.b.serve_again(&EVERYBODY)?;
    recovers(&play.b, tell)?;
    play.a.held(false)?;
    let b = &play.b;
    b.until("the end of the recovery", OPERATOR, &["status"], |status| {
        (status.get("recovering") == Some(&Value::Null)).then_some(())
    })?;
    let said = findings(b)?;
    tell.equal("and neither does its doctor speak of it any more", recovery_in(&said).is_some(), false)?;
    tell.equal("the inbox is as before", told_in(&b.ask(DESK, &["inbox"])?), told_in(&inbox))?;
    let (_, now) = one_ledger(&play.a, b, tell)?;
    tell.equal("and so is the ledger", now.clone(), ledger)?;
    let digest = warned(play, AFTER_THE_RESTORE)?;
    arrived_once(play, AFTER_THE_RESTORE, &digest, tell)?;
    one_ledger(&play.a, b, tell)?;
    tell.say(format!(
        "A answers again, and B takes back from A what it had lost: the warning and its own answer to it. The inbox is \
         as before, but that what was lost counts as held from now on; the ledger is the same {} bytes, nothing is \
         doubled, and the next warning flows.",
        now.len()
    ));
    Ok(())
}

/// What B has beside its disk.
struct Files {
    backup: String,
    keys: String,
    identity: String,
    mark: String,
    /// The age identity that is in `identity`: the operator's own, kept apart from the backup.
    opens_the_keys: Zeroizing<String>,
}

impl Files {
    fn of(b: &Node) -> Self {
        let file = |name: &str| shown(&b.file(name));
        Self {
            backup: file("node.backup"),
            keys: file("node.keys"),
            identity: file("operator.age"),
            mark: file("high-water.db"),
            opens_the_keys: draw_encryption_key(),
        }
    }
}

/// After the backup A warns and B answers; B's inbox and the ledger as they are then.
fn happens_after(play: &World, tell: &mut Telling) -> Result<(Value, String), Failed> {
    let (a, b) = (&play.a, &play.b);
    let digest = warned(play, AFTER_THE_BACKUP)?;
    let entry = arrived_once(play, AFTER_THE_BACKUP, &digest, tell)?.entry;
    b.ask(DESK, &["dispose", &entry, "accepted", "--text", "the sentries are doubled"])?;
    a.until("B's answer", DESK, &["sent"], |answer| {
        let line = line(answer, &b.name, AFTER_THE_BACKUP)?;
        (word(line, "disposition")? == "accepted").then_some(())
    })?;
    let (_, ledger) = one_ledger(a, b, tell)?;
    tell.say("B makes a backup and checks it. Then A warns once more, and B answers: that is in no backup.");
    Ok((b.ask(DESK, &["inbox"])?, ledger))
}

/// The disk is lost. The high-water mark lay on another one.
fn lose(b: &Node, files: &Files) -> Result<(), Failed> {
    let (data, lost) = (b.data(), b.handed("lost-disk-of-b"));
    let moved = fs::copy(data.join("high-water.db"), &files.mark).and_then(|_| fs::rename(&data, &lost));
    moved.map_err(|e| world(&format!("to move {} away", data.display()), &e))
}

/// What B says of itself while it recovers: nothing is hidden, and what it lost it does not have.
fn recovers(b: &Node, tell: &mut Telling) -> Result<(), Failed> {
    let status = b.ask(OPERATOR, &["status"])?;
    let why = word(&status, "recovering").unwrap_or_default();
    tell.holds("its status says that it recovers", why.contains("backup"), &status)?;
    let said = findings(b)?;
    let found = recovery_in(&said).map(|finding| finding.to_string());
    tell.holds("and so does its doctor", found.is_some(), &said)?;
    tell.equal("it does not have what came after the backup", times(b, AFTER_THE_BACKUP)?, 0)?;
    tell.say(format!("Started on it, B signs nothing yet. Its status: \u{201c}{why}\u{201d}."));
    tell.fact("recovering", why);
    Ok(())
}

/// An inbox without the times that run from when the node itself took an entry in: it took those that it had lost in twice.
fn told_in(inbox: &Value) -> Value {
    let mut inbox = inbox.clone();
    for line in inbox.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        line.retain(|key, _| !matches!(key.as_str(), "held_at" | "due"));
    }
    inbox
}

fn findings(b: &Node) -> Result<Value, Failed> {
    let said = b.ask(OPERATOR, &["doctor"])?;
    list(&said, "")?;
    Ok(said)
}

fn recovery_in(findings: &Value) -> Option<&Value> {
    let speaks = |f: &&Value| word(f, "fact").is_some_and(|fact| fact.contains("recovers"));
    findings.as_array()?.iter().find(speaks)
}
