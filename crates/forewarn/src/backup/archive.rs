//! The archive of a backup: tar, its manifest first, packed by zstd, and at the end a frame that every unpacker skips,
//! with the digest of all before it. So `tar --zstd` opens it, and a changed byte anywhere shows.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use exchange::refusal::Refusal;
use sha2::{Digest as _, Sha256};

use super::manifest::{self, Kind, Manifest, Member, damaged};
use super::{GoOn, world};

/// The first bytes of the last frame: a skippable frame (RFC 8878 §3.1.2) of 51 bytes, and a word of ours.
const LAST_FRAME: &[u8; 27] = b"\x50\x2a\x4d\x18\x33\x00\x00\x00forewarn/backup/v1\n";
/// The bytes of the last frame, digest included.
const LAST_FRAME_BYTES: u64 = 27 + 32;
/// How hard zstd packs.
const LEVEL: i32 = 3;

/// What counts and digests as it passes bytes on, and stops when it is told to.
pub(super) struct Counted<T> {
    inner: T,
    digest: Sha256,
    bytes: u64,
    go_on: GoOn,
}

impl<T> Counted<T> {
    /// Around a reader or a writer.
    pub(super) fn new(inner: T, go_on: &GoOn) -> Self {
        Self { inner, digest: Sha256::new(), bytes: 0, go_on: go_on.clone() }
    }

    /// SHA-256 of what has passed, in hex, and how many bytes that was.
    pub(super) fn so_far(&self) -> (String, u64) {
        (hex::encode(self.digest.clone().finalize()), self.bytes)
    }

    fn passed(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.digest.update(bytes);
        self.bytes += bytes.len() as u64;
        if self.go_on.yes() { Ok(()) } else { Err(io::Error::other("stopped")) }
    }
}

impl<T: Read> Read for Counted<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.passed(buffer.get(..read).unwrap_or_default())?;
        Ok(read)
    }
}

impl<T: Write> Write for Counted<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.passed(bytes.get(..written).unwrap_or_default())?;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// SHA-256 of a file, in hex, and how many bytes it has.
pub(super) fn digest_of(file: &Path, go_on: &GoOn) -> Result<(String, u64), Refusal> {
    let opened = File::open(file).map_err(|e| world(file, &e))?;
    let mut counted = Counted::new(opened, go_on);
    let copied = io::copy(&mut counted, &mut io::sink());
    go_on.check()?;
    copied.map_err(|e| world(file, &e))?;
    Ok(counted.so_far())
}

/// What a manifest says of a file.
pub(super) fn member(name: &str, file: &Path, form: Option<i64>, go_on: &GoOn) -> Result<Member, Refusal> {
    let (sha256, bytes) = digest_of(file, go_on)?;
    Ok(Member { name: name.to_owned(), form, bytes, sha256 })
}

/// Writes a tar with the manifest first.
pub(super) fn write_tar<'a, W: Write>(
    to: W,
    manifest: &Manifest,
    mut open: impl FnMut(&Member) -> io::Result<Box<dyn Read + 'a>>,
) -> io::Result<W> {
    let mut tar = tar::Builder::new(to);
    let second = u64::try_from(manifest.taken_at.as_second()).unwrap_or(0);
    let header = |bytes: u64| {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes);
        header.set_mode(0o600);
        header.set_mtime(second);
        header
    };
    let bytes = manifest.to_bytes().map_err(|e| io::Error::other(e.to_string()))?;
    tar.append_data(&mut header(bytes.len() as u64), manifest::NAME, bytes.as_slice())?;
    for member in &manifest.members {
        tar.append_data(&mut header(member.bytes), &member.name, open(member)?)?;
    }
    tar.into_inner()
}

/// Writes the archive of a backup from the members in a folder, durably, and gives the digest of the whole file.
pub(super) fn write(file: &mut File, manifest: &Manifest, folder: &Path, go_on: &GoOn) -> io::Result<String> {
    let mut packer = zstd::Encoder::new(Counted::new(file, go_on), LEVEL)?;
    packer.include_checksum(true)?;
    let packer = write_tar(packer, manifest, |member| Ok(Box::new(File::open(folder.join(&member.name))?)))?;
    let mut counted = packer.finish()?;
    let digest: [u8; 32] = counted.digest.clone().finalize().into();
    counted.write_all(LAST_FRAME)?;
    counted.write_all(&digest)?;
    counted.inner.sync_all()?;
    Ok(counted.so_far().0)
}

/// Checks the last frame: every byte of the file is as it was written. Gives the digest of the whole file, and the file
/// at its beginning without the last frame.
pub(super) fn open(path: &Path, go_on: &GoOn) -> Result<(String, io::Take<File>), Refusal> {
    let said = |e: io::Error| world(path, &e);
    let mut file = File::open(path).map_err(said)?;
    let all = file.metadata().map_err(said)?.len();
    let before = all
        .checked_sub(LAST_FRAME_BYTES)
        .ok_or_else(|| damaged(format!("{} is too short to be one", path.display())))?;
    let mut counted = Counted::new(&mut file, go_on);
    let copied = io::copy(&mut Read::by_ref(&mut counted).take(before), &mut io::sink());
    go_on.check()?;
    copied.map_err(said)?;
    let digest: [u8; 32] = counted.digest.clone().finalize().into();
    let mut last = Vec::new();
    counted.read_to_end(&mut last).map_err(said)?;
    let whole = counted.so_far().0;
    let kept = last.strip_prefix(LAST_FRAME.as_slice());
    match kept {
        None => return Err(damaged(format!("{} is no backup, or its end is missing", path.display()))),
        Some(kept) if kept != digest => {
            return Err(damaged(format!("{} is not as it was written", path.display()))
                .detail("its bytes do not give the digest at its end"));
        }
        Some(_) => {}
    }
    file.seek(SeekFrom::Start(0)).map_err(said)?;
    Ok((whole, file.take(before)))
}

/// Unpacks the archive of a backup.
pub(super) fn unpacker(file: io::Take<File>) -> Result<impl Read, Refusal> {
    zstd::Decoder::new(file).map_err(|e| damaged("it is not packed by zstd").detail(e.to_string()))
}

/// Reads a tar whose manifest comes first, and hands each member to `take` in the order of the manifest. A member that
/// is not as the manifest says is refused after `take` has had it: whatever `take` made of it is to be thrown away.
pub(super) fn read_tar(
    from: impl Read,
    kind: Kind,
    go_on: &GoOn,
    mut take: impl FnMut(&Member, &mut dyn Read) -> Result<(), Refusal>,
) -> Result<Manifest, Refusal> {
    let bad = |e: io::Error| damaged("its archive cannot be read").detail(e.to_string());
    let mut tar = tar::Archive::new(from);
    let mut entries = tar.entries().map_err(bad)?;
    let mut first = entries.next().ok_or_else(|| damaged("it is empty"))?.map_err(bad)?;
    if first.path_bytes().as_ref() != manifest::NAME.as_bytes() || first.size() > manifest::BYTES_MAX {
        return Err(damaged("it does not begin with its manifest"));
    }
    let mut bytes = Vec::new();
    first.read_to_end(&mut bytes).map_err(bad)?;
    let manifest = Manifest::parse(&bytes, kind)?;
    manifest.forms_are_known()?;
    for member in &manifest.members {
        let entry =
            entries.next().ok_or_else(|| damaged(format!("{} is not in it", member.name)))?.map_err(bad)?;
        if entry.path_bytes().as_ref() != member.name.as_bytes() || entry.size() != member.bytes {
            return Err(damaged(format!("its manifest says otherwise of {}", member.name)));
        }
        let mut counted = Counted::new(entry, go_on);
        let taken = take(member, &mut counted).and_then(|()| {
            // What `take` had no use for is read all the same.
            io::copy(&mut counted, &mut io::sink()).map(|_| ()).map_err(bad)
        });
        go_on.check()?;
        taken?;
        if counted.so_far() != (member.sha256.clone(), member.bytes) {
            return Err(damaged(format!("{} is not as it was written", member.name)));
        }
    }
    match entries.next() {
        None => Ok(manifest),
        Some(_) => Err(damaged("there is more in it than its manifest says")),
    }
}
