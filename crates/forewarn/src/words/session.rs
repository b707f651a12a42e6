//! The file of a login: the session's token, for its owner's eyes alone, one for each data folder and terminal.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, BufReader, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use model::id::Digest;
use zeroize::Zeroizing;

use super::failure::Failure;
use super::surroundings::Surroundings;
use crate::say;

/// Where the token of this login is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SessionFile {
    path: PathBuf,
    /// Whether the folder is ours to make: it is not when the caller named the file.
    own_folder: bool,
}

impl SessionFile {
    /// The file named by the caller; else one in the user's runtime folder, if only the user can look into it; else one
    /// in the data folder.
    pub(crate) fn find(named: Option<&Path>, data: &Path, surroundings: &Surroundings) -> Self {
        if let Some(named) = named.or(surroundings.session.as_deref()) {
            return Self { path: surroundings.absolute(named), own_folder: false };
        }
        let whose = format!("{}\n{}", data.display(), surroundings.terminal);
        let name: String = Digest::of(whose.as_bytes()).to_string().chars().take(32).collect();
        let private = surroundings.runtime.as_ref().filter(|folder| is_private(folder));
        let folder = private.map_or_else(|| data.join("sessions"), |runtime| runtime.join("forewarn"));
        Self { path: folder.join(name), own_folder: true }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The token; `None` if nobody is logged in here. A file that others may read is refused: the token may have been
    /// seen.
    pub(crate) fn token(&self) -> Result<Option<Zeroizing<String>>, Failure> {
        let file = match File::open(&self.path) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(|e| Failure::file(&self.path, &e))?,
        };
        let mode = file.metadata().map_err(|e| Failure::file(&self.path, &e))?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(Failure::yours(
                "bad_permission",
                format!("{} can be read by others", self.path.display()),
            )
            .detail(format!("its permissions are {mode:o}; only the owner may have any"))
            .hint("`forewarn logout`, then log in again: the session may have been taken over"));
        }
        let token = say::first_line(&mut BufReader::new(file)).map_err(|e| Failure::file(&self.path, &e))?;
        Ok(Some(token).filter(|t| !t.is_empty()))
    }

    /// Keeps a token. A crash leaves the file as it was, or the new one.
    pub(crate) fn keep(&self, token: &str) -> Result<(), Failure> {
        self.write(token).map_err(|e| Failure::file(&self.path, &e))
    }

    fn write(&self, token: &str) -> io::Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        if self.own_folder {
            if !folder.exists() {
                DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
            }
            fs::set_permissions(folder, Permissions::from_mode(0o700))?;
        }
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}", std::process::id()));
        let made = folder.join(name);
        // One that a crash left behind under the same process number; what is there is not looked at.
        let _ = fs::remove_file(&made);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&made)?;
        let kept = file.write_all(token.as_bytes()).and_then(|()| file.write_all(b"\n"));
        kept.and_then(|()| fs::rename(&made, &self.path)).inspect_err(|_| {
            let _ = fs::remove_file(&made);
        })
    }

    /// Forgets the token.
    pub(crate) fn remove(&self) -> Result<(), Failure> {
        match fs::remove_file(&self.path) {
            Err(e) if e.kind() != ErrorKind::NotFound => Err(Failure::file(&self.path, &e)),
            _ => Ok(()),
        }
    }
}

/// Whether only its owner can look into the folder, and its owner is who runs this process.
fn is_private(folder: &Path) -> bool {
    let ours = fs::metadata("/proc/self").map(|m| m.uid());
    fs::metadata(folder)
        .is_ok_and(|m| m.is_dir() && m.mode() & 0o077 == 0 && ours.is_ok_and(|uid| uid == m.uid()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn surroundings(runtime: Option<&Path>, terminal: &str) -> Surroundings {
        Surroundings {
            runtime: runtime.map(Path::to_owned),
            terminal: terminal.to_owned(),
            folder: PathBuf::from("/"),
            ..Surroundings::default()
        }
    }

    #[test]
    fn a_token_is_kept_for_its_owner_alone_and_forgotten() {
        let data = tempfile::tempdir().unwrap();
        let file = SessionFile::find(None, data.path(), &surroundings(None, "/dev/pts/1 7"));
        assert!(file.token().unwrap().is_none());
        file.keep("first").unwrap();
        file.keep("second").unwrap();
        assert_eq!(file.token().unwrap().unwrap().as_str(), "second");
        assert_eq!(mode(file.path()), 0o600);
        assert_eq!(mode(&data.path().join("sessions")), 0o700);
        assert_eq!(fs::read_dir(data.path().join("sessions")).unwrap().count(), 1);
        file.remove().unwrap();
        file.remove().unwrap();
        assert!(file.token().unwrap().is_none());
    }

    #[test]
    fn a_token_that_others_may_read_is_refused() {
        let data = tempfile::tempdir().unwrap();
        let file = SessionFile::find(None, data.path(), &surroundings(None, "no-terminal"));
        file.keep("seen").unwrap();
        fs::set_permissions(file.path(), Permissions::from_mode(0o644)).unwrap();
        let refused = file.token().unwrap_err();
        assert!(refused.fact.contains("can be read by others") && refused.hint.is_some());
    }

    #[test]
    fn each_folder_and_each_terminal_has_a_login_of_its_own() {
        let one = tempfile::tempdir().unwrap();
        let other = tempfile::tempdir().unwrap();
        let here = surroundings(None, "/dev/pts/1 7");
        let there = surroundings(None, "/dev/pts/2 8");
        let file = SessionFile::find(None, one.path(), &here);
        assert_eq!(file, SessionFile::find(None, one.path(), &here));
        assert_ne!(file, SessionFile::find(None, one.path(), &there));
        assert_ne!(file.path().file_name(), SessionFile::find(None, other.path(), &here).path().file_name());
    }

    #[test]
    fn a_runtime_folder_into_which_others_can_look_is_not_used() {
        let data = tempfile::tempdir().unwrap();
        let runtime = tempfile::tempdir().unwrap();
        let here = surroundings(Some(runtime.path()), "no-terminal");
        fs::set_permissions(runtime.path(), Permissions::from_mode(0o755)).unwrap();
        assert!(SessionFile::find(None, data.path(), &here).path().starts_with(data.path()));
        fs::set_permissions(runtime.path(), Permissions::from_mode(0o700)).unwrap();
        assert!(
            SessionFile::find(None, data.path(), &here).path().starts_with(runtime.path().join("forewarn"))
        );
        let named = SessionFile::find(Some(Path::new("mine")), data.path(), &here);
        assert_eq!(named.path(), Path::new("/mine"));
    }
}
