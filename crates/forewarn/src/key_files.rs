//! New key files in the place of old ones. The node must be stopped; old keys are kept apart and never overwritten.
//!
//! `keys/old/` holds them by role and date: `<role>-<date>.key` was replaced in order, and an old cosigner there signs on
//! until each partner has taken the new one; `<role>-<date>.lost` was lost or stolen, and `.key.lost` was replaced in order
//! before that: both sign nothing any more.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use clap::ValueEnum;
use exchange::refusal::Refusal;
use exchange::rotation;
use jiff::Timestamp;
use model::id::PartyName;
use rand_core::Rng as _;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::clock;
use crate::data_dir::{DataDir, make_folder, read_private, sync, world, write_private};

/// A key that can be lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LostKey {
    /// Who this node is; it signs cards and channel statements
    Identity,
    /// It signs the logs that this node writes
    Log,
    /// It signs this node's receipts
    Cosigner,
}

impl LostKey {
    /// The word, which is also the name of its file.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Log => "log",
            Self::Cosigner => "cosigner",
        }
    }
}

/// What was made.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Made {
    /// Which key.
    pub(crate) key: String,
    /// Where the old one is kept; the folder, if there was none to keep.
    pub(crate) kept: PathBuf,
    /// The twelve words of the identity as it is now, to be read out.
    pub(crate) words: String,
}

/// Gives the node a new cosigner key. The old one signs on where a statement in force names it.
pub(crate) fn rotate_cosigner(dir: &DataDir) -> Result<Made, Refusal> {
    replace(dir, LostKey::Cosigner, "key", "key.rotate")
}

/// Makes a new key in the place of one that was lost or stolen; the old one signs nothing more.
pub(crate) fn replace_lost(dir: &DataDir, which: LostKey) -> Result<Made, Refusal> {
    replace(dir, which, "lost", "key.lost")
}

/// The old copy is durable before the new key has the old one's name; a stop in between leaves the old key in use.
fn replace(dir: &DataDir, which: LostKey, ending: &str, act: &'static str) -> Result<Made, Refusal> {
    let config = dir.config()?;
    dir.must_be_private()?;
    let _held = dir
        .lock()
        .map_err(|refusal| runs(refusal, dir, if ending == "key" { "rotate" } else { "lost" }, which))?;
    let (now, mut rng) = (clock::now(), clock::rng());
    let (role, old) = (which.word(), dir.old_keys());
    must_lie_in_the_folder(dir, role)?;
    make_folder(&old)?;
    let current = dir.key(&format!("{role}.key"));
    let kept = old.join(format!("{role}-{}.{ending}", stamp(now)));
    let had = current.exists();
    if !had && ending == "key" {
        let fact = format!("there is no {} to replace in order", current.display());
        return Err(Refusal::yours("no_key", fact).hint(format!(
            "if the service manager hands it in as a credential, put it back into the folder first; if it is gone, see \
             `forewarn key lost {role}`"
        )));
    }
    if had {
        write_private(&kept, read_private(&current)?.as_bytes())?;
        sync(&old)?;
    }
    if which == LostKey::Cosigner && ending == "lost" {
        retire_all(&old)?;
    }
    let mut seed = Zeroizing::new([0; 32]);
    rng.fill_bytes(seed.as_mut_slice());
    let unfinished = dir.key(&format!("{role}.key.unfinished"));
    if unfinished.exists() {
        fs::remove_file(&unfinished).map_err(|e| world(&unfinished, &e))?;
    }
    write_private(&unfinished, hex::encode(seed.as_slice()).as_bytes())?;
    fs::rename(&unfinished, &current).map_err(|e| world(&current, &e))?;
    if let Some(folder) = current.parent() {
        sync(folder)?;
    }
    let house = crate::init::house(dir, &config, &dir.keys()?, Arc::new(|| {}))?;
    rotation::note_new_key(&house, role, act, now)?;
    let words = exchange::partner::fingerprint_words(house.keys.identity.verifier())?;
    Ok(Made { key: role.to_owned(), kept: if had { kept } else { old }, words })
}

/// The node runs: why its key files are not changed meanwhile, and what to do.
fn runs(refusal: Refusal, dir: &DataDir, how: &str, which: LostKey) -> Refusal {
    if refusal.code != "in_use" {
        return refusal;
    }
    let (role, root) = (which.word(), dir.root().display());
    Refusal::yours("in_use", format!("the node runs, and has the {role} key in its memory"))
        .detail(format!(
            "it would go on signing with the old key, and no act of a session may write key files; nothing was changed. {}",
            refusal.fact
        ))
        .hint(format!(
            "stop it (`systemctl stop forewarn`, or SIGTERM), then `forewarn --data {root} key {how} {role}{}` as its user, \
             then start it: what partners send meanwhile waits with them, and nothing is lost",
            if how == "lost" { " --understood" } else { "" }
        ))
}

/// A credential goes before the file: a new file beside it would change nothing.
fn must_lie_in_the_folder(dir: &DataDir, role: &str) -> Result<(), Refusal> {
    let file = format!("{role}.key");
    let Some(credential) = dir.handed_in(&file) else { return Ok(()) };
    let fact = format!(
        "the {role} key is handed in by the service manager and cannot be replaced in the data folder"
    );
    Err(Refusal::yours("is_credential", fact).detail(credential.display().to_string()).hint(format!(
        "take `{file}` out of the credentials of the unit, put it into {} with mode 600, do this again there, and hand in \
         the new key if it shall be a credential again",
        dir.root().join("keys").display()
    )))
}

/// No cosigner key that was replaced in order signs any more.
fn retire_all(old: &std::path::Path) -> Result<(), Refusal> {
    for path in retiring(old)? {
        let lost = path.with_extension("key.lost");
        fs::rename(&path, &lost).map_err(|e| world(&lost, &e))?;
    }
    sync(old)
}

/// The files of the cosigner keys that were replaced in order, the oldest first.
fn retiring(old: &std::path::Path) -> Result<Vec<PathBuf>, Refusal> {
    if !old.exists() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for file in old.read_dir().map_err(|e| world(old, &e))? {
        let path = file.map_err(|e| world(old, &e))?.path();
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        if name.starts_with("cosigner-") && name.ends_with(".key") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// The old cosigner keys that sign on, for the file of keys of a backup: of each a line with the name of its file, a space
/// and its 64 hex digits. `None` if there are none.
pub(crate) fn retiring_to_text(dir: &DataDir) -> Result<Option<Zeroizing<Vec<u8>>>, Refusal> {
    let mut text = Zeroizing::new(Vec::new());
    for path in retiring(&dir.old_keys())? {
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let seed = read_private(&path)?;
        // Room for all of it at once, so that no half of it stays behind where it grew.
        let mut longer = Zeroizing::new(Vec::with_capacity(text.len() + name.len() + seed.len() + 2));
        longer.extend_from_slice(&text);
        for part in [name.as_bytes(), b" ", seed.trim().as_bytes(), b"\n"] {
            longer.extend_from_slice(part);
        }
        text = longer;
    }
    Ok((!text.is_empty()).then_some(text))
}

/// Puts them back into a folder that is being restored.
pub(crate) fn retiring_from_text(dir: &DataDir, text: &[u8]) -> Result<(), Refusal> {
    let damaged = || Refusal::yours("damaged", "the old cosigner keys in the file of keys cannot be read");
    let old = dir.old_keys();
    make_folder(&old)?;
    for line in std::str::from_utf8(text).map_err(|_| damaged())?.lines() {
        let (name, seed) = line.split_once(' ').ok_or_else(damaged)?;
        let known = name.strip_prefix("cosigner-").and_then(|rest| rest.strip_suffix(".key"));
        let plain = known.is_some_and(|stamp| stamp.bytes().all(|b| b.is_ascii_alphanumeric()));
        if !plain || hex::decode(seed).map_or(true, |bytes| bytes.len() != 32) {
            return Err(damaged());
        }
        write_private(&old.join(name), seed.as_bytes())?;
    }
    sync(&old)
}

/// The node's keys with the old cosigner keys that sign on.
pub(crate) fn and_retiring(
    dir: &DataDir,
    name: &PartyName,
    keys: exchange::keys::NodeKeys,
) -> Result<exchange::keys::NodeKeys, Refusal> {
    retiring(&dir.old_keys())?.iter().try_fold(keys, |keys, path| {
        let text = read_private(path)?;
        let mut seed = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text.trim(), seed.as_mut_slice()).map_err(|_| {
            Refusal::yours("bad_key", format!("{} is not 64 hex digits", path.display()))
                .hint("restore it from a backup, or take it out of the folder: partners whose log still names it wait then")
        })?;
        keys.and_retiring_cosigner(name, &seed)
    })
}

/// A time as it stands in a file's name.
fn stamp(now: Timestamp) -> String {
    now.strftime("%Y%m%dT%H%M%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::data_dir::Config;

    fn node() -> (tempfile::TempDir, DataDir) {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::at(&folder.path().join("data"));
        let config: Config = serde_json::from_str(
            r#"{"name":"service-a.example","address":"192.0.2.1:4430","listen":"192.0.2.1:4430","contact":"desk"}"#,
        )
        .unwrap();
        crate::init::init(&dir, &config, "operator").unwrap();
        (folder, dir)
    }

    fn keys(dir: &DataDir) -> exchange::keys::NodeKeys {
        let name = "service-a.example".parse().unwrap();
        let keys = exchange::keys::NodeKeys::from_seeds(&name, &dir.keys().unwrap().seeds).unwrap();
        and_retiring(dir, &name, keys).unwrap()
    }

    #[test]
    fn a_rotated_cosigner_signs_on_and_a_lost_one_does_not() {
        let (_folder, dir) = node();
        let first = keys(&dir).cosigner.verifier().clone();
        let made = rotate_cosigner(&dir).unwrap();
        let mode = fs::metadata(&made.kept).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
        let rotated = keys(&dir);
        assert_ne!(*rotated.cosigner.verifier(), first);
        assert!(rotated.cosigner_named(&first).is_some());
        replace_lost(&dir, LostKey::Cosigner).unwrap();
        let lost = keys(&dir);
        assert!(lost.cosigner_named(&first).is_none());
        assert!(lost.cosigner_named(rotated.cosigner.verifier()).is_none());
        assert_eq!(dir.old_keys().read_dir().unwrap().count(), 2, "both are kept");
    }

    #[test]
    fn a_lost_identity_makes_other_words_and_a_key_that_is_gone_can_be_replaced() {
        let (_folder, dir) = node();
        let before = keys(&dir).identity.verifier().clone();
        let old_words = exchange::partner::fingerprint_words(&before).unwrap();
        fs::remove_file(dir.key("identity.key")).unwrap();
        let made = replace_lost(&dir, LostKey::Identity).unwrap();
        assert_ne!(made.words, old_words);
        assert_ne!(*keys(&dir).identity.verifier(), before);
        assert_eq!(dir.old_keys().read_dir().unwrap().count(), 0, "there was none to keep");
    }

    #[test]
    fn old_cosigner_keys_come_back_with_a_backup() {
        let (folder, dir) = node();
        assert_eq!(retiring_to_text(&dir).unwrap(), None);
        let first = keys(&dir).cosigner.verifier().clone();
        rotate_cosigner(&dir).unwrap();
        let text = retiring_to_text(&dir).unwrap().unwrap();
        let restored = DataDir::at(&folder.path().join("restored"));
        retiring_from_text(&restored, &text).unwrap();
        let of = |dir: &DataDir| retiring_to_text(dir).unwrap().unwrap();
        assert_eq!(of(&restored), of(&dir));
        assert!(keys(&dir).cosigner_named(&first).is_some());
        for wrong in ["../cosigner-1.key 00", "cosigner-../x.key 00", "cosigner-1.key 00", "cosigner-1.key"] {
            assert_eq!(
                retiring_from_text(&restored, wrong.as_bytes()).unwrap_err().code,
                "damaged",
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_key_that_is_a_credential_is_not_replaced_by_a_file() {
        let (folder, dir) = node();
        let handed_in = folder.path().join("credentials");
        make_folder(&handed_in).unwrap();
        fs::copy(dir.key("cosigner.key"), handed_in.join("cosigner.key")).unwrap();
        let dir = dir.with_credentials(Some(handed_in));
        let refused = rotate_cosigner(&dir).unwrap_err();
        assert_eq!(refused.code, "is_credential");
        assert!(refused.hint.unwrap().contains("cosigner.key"));
        assert!(!dir.old_keys().exists(), "nothing was changed");
        replace_lost(&dir, LostKey::Log).unwrap();
    }

    #[test]
    fn nothing_is_made_while_the_node_runs() {
        let (_folder, dir) = node();
        let _running = dir.lock().unwrap();
        for (refused, command) in [
            (rotate_cosigner(&dir).unwrap_err(), "key rotate cosigner`"),
            (replace_lost(&dir, LostKey::Log).unwrap_err(), "key lost log --understood`"),
        ] {
            assert_eq!(refused.code, "in_use");
            assert!(
                refused.detail.as_ref().is_some_and(|d| d.contains("nothing was changed")),
                "{refused:?}"
            );
            assert!(refused.hint.as_ref().is_some_and(|h| h.contains(command)), "{refused:?}");
        }
        assert!(!dir.old_keys().exists());
    }
}
