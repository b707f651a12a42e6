//! What this program reads of files and words that anybody may have written, for whoever tries the readers with any bytes.
//!
//! Each function is the reader that a command uses, without the disk around it. None of them prints, writes or decides.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Read;

use tlog::receipt::Standing;

use crate::backup;
use crate::data_dir::Config;
use crate::verify::{Elsewhere, judge};
use crate::words;

/// What `forewarn verify` finds in a folder, given as file name → content, where nothing is known from elsewhere.
///
/// # Errors
/// Why it is refused, as it is shown.
pub fn verified(files: &BTreeMap<String, Vec<u8>>) -> Result<Standing, String> {
    judge(files, &Elsewhere::default()).map(|verified| verified.standing()).map_err(|refused| refused.why)
}

/// Reads the text of a `node.json`, its limits included, and gives it as this program writes it.
///
/// # Errors
/// What is wrong with it.
pub fn node_json(text: &str) -> Result<String, String> {
    let config = Config::parse(text).map_err(|e| e.to_string())?;
    config.minutes().map_err(|refusal| refusal.fact)?;
    serde_json::to_string_pretty(&config).map_err(|e| e.to_string())
}

/// Reads the manifest of a backup or of its file of keys, and gives it as this program writes it.
///
/// # Errors
/// What is wrong with it.
pub fn manifest(bytes: &[u8]) -> Result<Vec<u8>, String> {
    backup::manifest_of_any_kind(bytes).map_err(|refusal| refusal.fact)
}

/// Reads the archive of a backup or of its file of keys, unpacked, up to the last byte; gives the names of its members.
///
/// # Errors
/// What is wrong with it.
pub fn archive(from: impl Read) -> Result<Vec<String>, String> {
    backup::members_of_any_kind(from).map_err(|refusal| refusal.fact)
}

/// Reads a command line, the program's name in front, and does nothing of what it says.
///
/// # Errors
/// Why it cannot be read, as it is shown; the text of the help, if that is what it asks for.
pub fn command(words: impl IntoIterator<Item = impl Into<OsString>>) -> Result<(), String> {
    let words: Vec<OsString> = words.into_iter().map(Into::into).collect();
    words::read(&words).map(drop).map_err(|error| words::plain(&error))
}
