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
    let _held = dir.lock()?;
    let (now, mut rng) = (clock::now(), clock::rng());
    let (role, old) = (which.word(), dir.old_keys());
    make_folder(&old)?;
    let current = dir.key(&format!("{role}.key"));
    let kept = old.join(format!("{role}-{}.{ending}", stamp(now)));
    let had = current.exists();
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
    fn nothing_is_made_while_the_node_runs() {
        let (_folder, dir) = node();
        let _running = dir.lock().unwrap();
        assert_eq!(rotate_cosigner(&dir).unwrap_err().code, "in_use");
        assert!(!dir.old_keys().exists());
    }
}
