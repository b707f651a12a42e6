//! A bad day: processes are killed, lines cut, disks lost, signatures misused. What was answered and signed holds.

pub(super) mod carried;
pub(super) mod cut;
pub(super) mod killed;
mod liar;
pub(super) mod restored;
pub(super) mod rewritten;
pub(super) mod shown;

use super::count::{one_ledger, settled};
use super::give::{Receipt, receipted};
use crate::demo::check::{Failed, Telling, list, text, with};
use crate::demo::files;
use crate::demo::node::Node;
use crate::demo::play::{DESK, RELEASE, World, release, word};

/// A's people write a warning, approve it and release it to B; the digest of what B is to get.
fn warned(play: &World, title: &str) -> Result<String, Failed> {
    let name = format!("{}.json", title.to_lowercase().replace(' ', "-"));
    let file = play.file(&name, &files::of_the_bad_day(&play.days, title))?;
    let (a, b) = (&play.a, &play.b);
    let warning = text(&a.ask(DESK, &["warning", "write", &file])?, "/warning")?;
    a.ask(DESK, &["duty", "assess", &warning])?;
    let preview = a.ask(RELEASE, &["warning", "preview", &warning, "--to", &b.name])?;
    let released = release(a, &preview)?;
    text(with(list(&released, "/copies")?, "recipient", &b.name)?, "/digest")
}

/// Waits until A holds B's receipt of it, and looks whether B holds it once and both the same.
fn arrived_once(play: &World, title: &str, digest: &str, tell: &mut Telling) -> Result<Receipt, Failed> {
    let receipt = receipted(&play.a, &play.b, title, digest, tell)?;
    tell.equal(&format!("\u{201c}{title}\u{201d} stands in B's inbox"), times(&play.b, title)?, 1)?;
    Ok(receipt)
}

/// How often a warning of this title stands in a node's inbox.
fn times(node: &Node, title: &str) -> Result<usize, Failed> {
    let inbox = node.ask(DESK, &["inbox"])?;
    Ok(list(&inbox, "")?.iter().filter(|line| word(line, "title").as_deref() == Some(title)).count())
}
