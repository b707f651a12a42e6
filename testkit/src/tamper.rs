//! Every small change that somebody could make to a folder: for formats that promise to be refused after any of them.

use std::collections::BTreeMap;

/// Names and contents of a folder.
pub type Files = BTreeMap<String, Vec<u8>>;

/// One change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change<'a> {
    /// The file.
    pub file: &'a str,
    /// What was done to it.
    pub what: What,
}

impl Change<'_> {
    /// Whether it is among those with which a check is repeated that costs too much for all.
    pub fn is_telling(&self) -> bool {
        matches!(self.what, What::Changed(_, 0x01) | What::Missing | What::Beside)
    }
}

/// What was done to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// The byte at this place was combined with this pattern (exclusive or).
    Changed(usize, u8),
    /// This byte was put in before this place.
    PutIn(usize, u8),
    /// The byte at this place was taken out.
    TakenOut(usize),
    /// Nothing is left from this place on.
    CutAt(usize),
    /// The file was taken away.
    Missing,
    /// A file was put beside the others.
    Beside,
}

/// The patterns that bytes are combined with: the lowest bit, the case of a letter, the highest bit.
const PATTERNS: [u8; 3] = [0x01, 0x20, 0x80];
/// Names of files that do not belong into any folder of the formats.
const STRANGERS: [&str; 5] = ["", "CHANNEL", "channel~", "receipt", "seen"];

/// Shows `look` the folder after each change, one at a time: each byte of each file combined with three patterns, put in
/// before (itself, a line break), taken out, each cut, each file missing, a strange file beside them.
pub fn each_change(files: &Files, mut look: impl FnMut(&Files, Change<'_>)) {
    let mut folder = files.clone();
    for (file, content) in files {
        let mut show = |changed: Vec<u8>, what: What| {
            folder.insert(file.clone(), changed);
            look(&folder, Change { file, what });
        };
        for (at, byte) in content.iter().enumerate() {
            for pattern in PATTERNS {
                let mut changed = content.clone();
                changed[at] ^= pattern;
                show(changed, What::Changed(at, pattern));
            }
            for more in [*byte, b'\n'] {
                let mut changed = content.clone();
                changed.insert(at, more);
                show(changed, What::PutIn(at, more));
            }
            let mut changed = content.clone();
            changed.remove(at);
            show(changed, What::TakenOut(at));
            show(content[..at].to_vec(), What::CutAt(at));
        }
        for more in [0, b'\n', b' '] {
            let at = content.len();
            show([content.as_slice(), &[more]].concat(), What::PutIn(at, more));
        }
        folder.remove(file);
        look(&folder, Change { file, what: What::Missing });
        folder.insert(file.clone(), content.clone());
    }
    for file in STRANGERS {
        folder.insert(file.to_owned(), Vec::new());
        look(&folder, Change { file, what: What::Beside });
        folder.remove(file);
    }
}
