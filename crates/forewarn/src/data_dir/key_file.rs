//! Where a key is read from, and who else may have read it.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use exchange::refusal::Refusal;
use zeroize::Zeroizing;

use super::{FILE_BYTES_MAX, open_to_others, read_private, world};

/// The file of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum KeyFile {
    /// In the folder `keys/`, for its owner alone.
    Kept(PathBuf),
    /// Handed in by the service manager (systemd.exec(5), Credentials).
    Credential(PathBuf),
}

impl KeyFile {
    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Kept(path) | Self::Credential(path) => path,
        }
    }

    /// Reads it; refused if others may read it, or may have written it.
    pub(super) fn read(&self) -> Result<Zeroizing<String>, Refusal> {
        let path = self.path();
        if let Err(e) = path.metadata()
            && e.kind() == io::ErrorKind::NotFound
        {
            return Err(Refusal::yours("missing_key", format!("{} is not there", path.display())).hint(
                "restore it from a backup, or have the service manager hand it in; another key makes another node",
            ));
        }
        match self {
            Self::Kept(path) => read_private(path),
            Self::Credential(path) => read_credential(path),
        }
    }
}

/// Reads a credential. It belongs to this user or to root; where it belongs to root, the bit for the group is what is left
/// of an access list by which this user alone was let in.
fn read_credential(path: &Path) -> Result<Zeroizing<String>, Refusal> {
    let file = File::open(path).map_err(|e| world(path, &e))?;
    let found = file.metadata().map_err(|e| world(path, &e))?;
    let (mode, us) = (found.mode() & 0o777, rustix::process::geteuid().as_raw());
    let wrong = match found.uid() {
        0 => mode & 0o037,
        owner if owner == us => mode & 0o077,
        _ => mode | 0o1000,
    };
    if wrong != 0 {
        return Err(open_to_others(path, mode, "may be another user's, or read by others", "chmod 400"));
    }
    let mut text = Zeroizing::new(String::new());
    file.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(|e| world(path, &e))?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_credential_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("identity.key");
        fs::write(&path, "00").unwrap();
        for (mode, is_right) in [(0o400, true), (0o600, true), (0o404, false), (0o620, false), (0o644, false)]
        {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let read = KeyFile::Credential(path.clone()).read();
            match is_right {
                true => assert_eq!(read.unwrap().as_str(), "00", "{mode:o}"),
                false => assert_eq!(read.unwrap_err().code, "bad_permission", "{mode:o}"),
            }
        }
    }

    #[test]
    fn a_key_that_is_missing_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.key");
        for file in [KeyFile::Kept(path.clone()), KeyFile::Credential(path)] {
            let refused = file.read().unwrap_err();
            assert_eq!(refused.code, "missing_key");
            assert!(refused.fact.contains("log.key"));
        }
    }
}
