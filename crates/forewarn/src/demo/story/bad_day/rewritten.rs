//! A partner that rewrites what it has said, and is caught.

use serde_json::Value;

use super::liar::Liar;
use super::shown::quoted;
use super::{arrived_once, one_ledger, settled, warned};
use crate::demo::check::{Failed, Telling, at, list, text, with};
use crate::demo::node::{Node, shown};
use crate::demo::play::{DESK, EVERYBODY, LIAISON, World, word};

const TITLE: &str = "The group has lost its leader";
/// What the people on duty at A hear of it.
const NOTICE: &str = "A channel is frozen: a partner signed what cannot be true.";

/// Who holds C's keys signs another history of C's log to A. A keeps the proof, freezes that channel, and no other.
pub(crate) fn rewritten(play: &mut World, tell: &mut Telling) -> Result<(), Failed> {
    settled(&play.c, &play.a)?;
    let (origin, size) = own_log(&play.c, &play.a)?;
    let fingerprint = text(&play.c.ask(DESK, &["status"])?, "/fingerprint")?;
    play.c.stop();
    let liar = Liar::with_the_keys_in(&play.c.data())?;
    let claim = liar.claims(&origin, size)?;
    let card = play.a.handed(&format!("{}.card", play.a.name));
    let answer = liar.tells(&card, &claim)?;
    tell.equal("A refuses it: HTTP status", answer.status, 422)?;
    let again = liar.tells(&card, &claim)?;
    tell.equal("and takes nothing more in that channel: HTTP status", again.status, 423)?;
    tell.say(format!(
        "Somebody with C's keys signs that the {size} entries of C's log to A were others, and sends that to A over TLS \
         with C's certificate. A answers 422 (\u{201c}{}\u{201d}), and 423 from then on.",
        String::from_utf8_lossy(&answer.body).trim()
    ));
    told(play, tell)?;
    proven(play, &fingerprint, tell)?;
    play.c.serve_again(&EVERYBODY)?;
    let digest = warned(play, TITLE)?;
    let receipt = arrived_once(play, TITLE, &digest, tell)?;
    one_ledger(&play.a, &play.b, tell)?;
    tell.say(format!(
        "A and B go on undisturbed: one more warning, receipted at {} entries. C's channel to A stays frozen until \
         people have spoken; A's node says so whenever it is asked.",
        receipt.size
    ));
    Ok(())
}

/// A node's own log to another: its origin, and how many entries it has.
fn own_log(node: &Node, to: &Node) -> Result<(String, u64), Failed> {
    let partners = node.ask(LIAISON, &["partner", "list"])?;
    let channels = list(with(list(&partners, "")?, "name", &to.name)?, "/channels")?;
    let log = with(channels, "side", "ours")?;
    let size = at(log, "/size")?.as_u64().unwrap_or_default();
    Ok((text(log, "/origin")?, size))
}

/// A's people are told, and which channel it is.
fn told(play: &World, tell: &mut Telling) -> Result<(), Failed> {
    let (a, c) = (&play.a, &play.c);
    a.until_noticed(NOTICE)?;
    tell.checks += 1;
    tell.fact("notice", NOTICE);
    let findings = a.ask(DESK, &["doctor"])?;
    let fact = format!("a channel with {} is frozen", c.name);
    let found = with(list(&findings, "")?, "fact", &fact)?;
    tell.equal("A's doctor calls it a fault", text(found, "/severity")?, "fault")?;
    let (detail, hint) = (text(found, "/detail")?, text(found, "/hint")?);
    let partners = a.ask(LIAISON, &["partner", "list"])?;
    for partner in list(&partners, "")? {
        for channel in list(partner, "/channels")? {
            let theirs = word(channel, "side").as_deref() == Some("theirs");
            let of_c = word(partner, "name").as_ref() == Some(&c.name);
            let expected = if of_c && theirs { "frozen" } else { "open" };
            tell.equal("of all channels that one alone is frozen", text(channel, "/state")?, expected)?;
        }
    }
    tell.say(format!(
        "A's people get a notice: \u{201c}{NOTICE}\u{201d} A's doctor calls it a fault: {fact}. It says why ({detail}), \
         and what to do: {hint}."
    ));
    tell.fact("frozen", detail);
    Ok(())
}

/// What A keeps proves to anybody that two signatures of C cannot both be true.
fn proven(play: &World, fingerprint: &str, tell: &mut Telling) -> Result<(), Failed> {
    let (a, c) = (&play.a, &play.c);
    let kept = a.ask(DESK, &["evidence", "list"])?;
    let line = with(list(&kept, "")?, "partner", &c.name)?;
    tell.equal("it is proven of C", text(line, "/accused")?, c.name.clone())?;
    tell.equal("and of nobody else", at(line, "/ours_too")?.clone(), false)?;
    let number = at(line, "/id")?.to_string();
    let folder = shown(&a.handed("evidence"));
    a.ask(LIAISON, &["evidence", "export", &number, "--to", &folder])?;
    let words = text(&a.ask(DESK, &["status"])?, "/words")?;
    let known = ["verify", &folder, "--giver", fingerprint, "--receiver", &words];
    let (status, said) = play.stage.outside(&known)?;
    tell.equal("anybody can verify it: exit status", status, 0)?;
    let verdict = format!("VERIFIED: two signatures of {} cannot both be true", c.name);
    tell.holds("and reads whose signatures they are", said.starts_with(&verdict), &said.clone().into())?;
    let (status, _) = play.stage.outside(&["verify", &folder])?;
    tell.equal("intact, and not verified, without the parties' words: exit status", status, 3)?;
    tell.ran(&["evidence", "export", &number, "--to", "evidence"]);
    tell.ran(&["verify", "evidence", "--giver", fingerprint, "--receiver", "<A's twelve words>"]);
    tell.lines.extend(quoted(&said, &["VERIFIED", "  first", "  second"]));
    tell.fact("verdict", Value::from(verdict));
    Ok(())
}
