//! A new folder with what the node made for others: whole or not there at all, and for its owner alone.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Component, Path};

use base64ct::{Base64, Encoding};
use serde::Serialize;
use serde_json::{Value, json};

use super::answer::{Answer, Said};
use super::desk::{Desk, Shown};
use super::failure::Failure;
use crate::say::Look;

/// Asks the node for a folder and writes it. Nothing is asked where it could not be written.
pub(crate) fn asked(
    desk: &Desk,
    to: &Path,
    path: &str,
    body: &impl Serialize,
    show: impl FnOnce(Said<'_>, &Look) -> String,
) -> Result<Shown, Failure> {
    let folder = desk.surroundings.absolute(to);
    must_be_free(&folder)?;
    let Answer(mut answer) = desk.ask(path, body)?;
    let files = answer.get("files").and_then(files_of).ok_or_else(|| {
        Failure::world("bad_answer", "the files in the node's answer cannot be read")
            .hint("is the `forewarn` that you run the one that the node runs?")
    })?;
    make(&folder, &files)?;
    if let Some(parts) = answer.as_object_mut() {
        parts.insert("files".to_owned(), json!(files.keys().collect::<Vec<_>>()));
        parts.insert("folder".to_owned(), json!(to));
    }
    let answer = Answer(answer);
    let text = show(answer.said(), &desk.look);
    Ok(Shown::of(answer, text))
}

/// The files by their names; nothing if one is not what it should be.
fn files_of(value: &Value) -> Option<BTreeMap<String, Vec<u8>>> {
    let files = value.as_object()?.iter().map(|(name, content)| {
        let mut parts = Path::new(name).components();
        let plain = matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None));
        let content = Base64::decode_vec(content.as_str()?).ok()?;
        plain.then(|| (name.clone(), content))
    });
    files.collect()
}

/// Refuses a place where something stands already.
fn must_be_free(folder: &Path) -> Result<(), Failure> {
    let taken = |why: &str| {
        Failure::yours("not_empty", format!("{} {why}", folder.display()))
            .hint("what is exported goes into a folder of its own: name another one with --to")
    };
    match fs::symlink_metadata(folder) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => match folder.parent() {
            Some(above) if above.is_dir() => Ok(()),
            Some(above) => Err(Failure::yours("no_folder", format!("{} is no folder", above.display()))
                .hint("only the last part of the path is made")),
            None => Err(taken("is no place for a folder")),
        },
        Err(e) => Err(Failure::file(folder, &e)),
        Ok(found) if !found.is_dir() => Err(taken("is there and is no folder")),
        Ok(_) => match folder.read_dir().map_err(|e| Failure::file(folder, &e))?.next() {
            None => Ok(()),
            Some(_) => Err(taken("is not empty")),
        },
    }
}

/// Writes the files under another name beside it, durably, and then gives the folder its own. A crash before that leaves
/// nothing of this name.
fn make(folder: &Path, files: &BTreeMap<String, Vec<u8>>) -> Result<(), Failure> {
    let failed = |e: io::Error| Failure::file(folder, &e);
    let above = folder.parent().unwrap_or(Path::new("/"));
    let unfinished = tempfile::Builder::new()
        .prefix(".forewarn-unfinished-")
        .permissions(Permissions::from_mode(0o700))
        .tempdir_in(above)
        .map_err(failed)?;
    for (name, content) in files {
        write(&unfinished.path().join(name), content).map_err(failed)?;
    }
    sync(unfinished.path()).map_err(failed)?;
    must_be_free(folder)?;
    // Over an empty folder this puts the new one in its place; over one that was filled meanwhile it fails.
    fs::rename(unfinished.path(), folder).map_err(failed)?;
    let _ = unfinished.keep();
    sync(above).map_err(failed)
}

fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Makes the names in a folder durable.
fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files() -> BTreeMap<String, Vec<u8>> {
        [("one".to_owned(), b"1\0".to_vec()), ("two.part".to_owned(), Vec::new())].into()
    }

    #[test]
    fn a_folder_is_made_whole_and_for_its_owner_alone() {
        let above = tempfile::tempdir().unwrap();
        let folder = above.path().join("made");
        make(&folder, &files()).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder), 0o700);
        for (name, content) in files() {
            assert_eq!((mode(&folder.join(&name)), fs::read(folder.join(&name)).unwrap()), (0o600, content));
        }
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 2);
        assert_eq!(fs::read_dir(above.path()).unwrap().count(), 1, "nothing unfinished is left");
    }

    #[test]
    fn an_empty_folder_is_filled_and_any_other_left_alone() {
        let above = tempfile::tempdir().unwrap();
        make(above.path().join("empty").as_path(), &BTreeMap::new()).unwrap();
        make(above.path().join("empty").as_path(), &files()).unwrap();
        for taken in ["empty", "empty/one"] {
            let folder = above.path().join(taken);
            assert_eq!(must_be_free(&folder).unwrap_err().code, "not_empty", "{taken}");
            assert_eq!(make(&folder, &files()).unwrap_err().code, "not_empty", "{taken}");
        }
        std::os::unix::fs::symlink(above.path().join("empty"), above.path().join("link")).unwrap();
        assert_eq!(must_be_free(&above.path().join("link")).unwrap_err().code, "not_empty");
        assert_eq!(must_be_free(&above.path().join("no/where")).unwrap_err().code, "no_folder");
        assert_eq!(fs::read(above.path().join("empty/one")).unwrap(), b"1\0");
    }

    #[test]
    fn a_name_that_leads_out_of_the_folder_is_no_file() {
        let of = |name: &str| files_of(&json!({ name: "AA==" }));
        assert_eq!(of("channel").unwrap().len(), 1);
        for name in ["../channel", "/etc/x", "..", "a/b", ""] {
            assert!(of(name).is_none(), "{name}");
        }
        assert!(files_of(&json!({ "channel": "not base64" })).is_none());
    }
}
