//! Decoded sets on disk, so that a folder is decoded once. A file that is damaged, not the one that was looked for, or one that
//! another user may have written is as good as none. Files that were not used for longest are removed.
//!
//! A file holds: eight bytes of magic; the key; a count of skipped images, then for each its place among the files in
//! the order of their paths and a text; the pixels of the others in that order; the SHA-256 of all before.

use std::{
    fs::{self, DirBuilder, File as Disk},
    io::{self, BufReader, BufWriter, Read, Write},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use sha2::{Digest, Sha256};

use super::{
    Skipped, image_bytes,
    scan::{File, Version},
    workers::Decoded,
};
use crate::file::{self, Access};

/// The last digit is the version: it changes when the same files and side give other pixels.
const MAGIC: [u8; 8] = *b"nsoimg02";

/// Bytes of a reason that are kept.
const REASON: usize = 1000;

/// What the names of these files end in.
const ENDING: &str = "images";

/// Bytes that all files together may have: some sets of a hundred thousand images of 224 x 224 pixels.
const MOST_BYTES: u64 = 32 << 30;

/// A temporary file that was not written to for so long was left by a program that was killed.
const ABANDONED: Duration = Duration::from_hours(1);

type Key = [u8; 32];

/// Where the cached form of `files` at this size would be, and its key.
pub(super) struct CachedImages<'a> {
    path: PathBuf,
    key: Key,
    files: &'a [File],
    /// The places of `files` in the order of their paths.
    order: Vec<usize>,
    /// Bytes of an image.
    image: usize,
}

impl<'a> CachedImages<'a> {
    /// Those of the set at `root`, in the cache at `folder`.
    pub fn new(folder: &Path, root: &Path, files: &'a [File], side: u32) -> Self {
        let mut order: Vec<usize> = (0..files.len()).collect();
        order.sort_by_key(|&at| &files[at].path);
        let key = key(root, order.iter().map(|&at| &files[at]), side);
        let name = format!("{:032x}", key[..16].iter().fold(0_u128, |name, &byte| name << 8 | u128::from(byte)));
        let path = folder.join(name).with_extension(ENDING);
        Self { path, key, files, order, image: image_bytes(side) }
    }

    /// Fills `pixels`, which has room for all files, from the disk; `None` where there is nothing usable. `pixels` may
    /// then hold anything.
    pub fn read(&self, pixels: &mut [u8]) -> Option<Vec<(usize, Skipped)>> {
        match self.try_read(pixels) {
            Ok(skipped) => Some(skipped),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                tracing::warn!("decoded images in {} are not used: {error}", self.path.display());
                None
            }
        }
    }

    fn try_read(&self, pixels: &mut [u8]) -> io::Result<Vec<(usize, Skipped)>> {
        let mut file = Hashing { inner: BufReader::new(open(&self.path)?), hash: Sha256::new() };
        if (file.array::<8>()?, file.array::<32>()?) != (MAGIC, self.key) {
            return Err(damaged("it is of other images"));
        }
        let mut skipped = Vec::new();
        let mut is_skipped = vec![false; self.files.len()];
        for _ in 0..u32::from_le_bytes(file.array()?) {
            let place = u32::from_le_bytes(file.array()?) as usize;
            let length = usize::from(u16::from_le_bytes(file.array()?));
            // Places ascend, so that there are no more of them than files.
            let at = self.order.get(place).filter(|_| !is_skipped[place..].contains(&true) && length <= REASON);
            let &at = at.ok_or_else(|| damaged("it skips images that are not there"))?;
            let mut reason = vec![0; length];
            file.read_exact(&mut reason)?;
            is_skipped[place] = true;
            let reason = String::from_utf8(reason).map_err(|_| damaged("a reason is not text"))?;
            skipped.push((at, Skipped { path: self.files[at].path.clone(), reason }));
        }
        for (&at, _) in self.order.iter().zip(&is_skipped).filter(|(_, skipped)| !**skipped) {
            file.read_exact(&mut pixels[at * self.image..][..self.image])?;
        }
        let sum: [u8; 32] = file.hash.finalize().into();
        let mut rest = Vec::new();
        (&mut file.inner).take(33).read_to_end(&mut rest)?;
        if rest != sum {
            return Err(damaged("its checksum is wrong"));
        }
        skipped.sort_by_key(|(at, _)| *at);
        // That it was used only decides how long it is kept.
        let _ = file.inner.get_ref().set_modified(SystemTime::now());
        Ok(skipped)
    }

    /// Keeps what was decoded. That it cannot is no reason to stop: the log says so.
    pub fn write(&self, decoded: &Decoded) {
        if let Err(error) = self.try_write(decoded) {
            tracing::warn!("decoded images are not kept in {}: {error}", self.path.display());
        }
    }

    fn try_write(&self, decoded: &Decoded) -> io::Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        create_private(folder)?;
        file::replace_as(Access::Private, &self.path, |temporary| self.fill(BufWriter::new(temporary), decoded))?;
        tidy(folder, &self.path, MOST_BYTES)
    }

    fn fill(&self, inner: impl Write, decoded: &Decoded) -> io::Result<()> {
        let mut file = Hashing { inner, hash: Sha256::new() };
        file.put(&MAGIC)?;
        file.put(&self.key)?;
        let reason = |at: usize| {
            let found = decoded.skipped.iter().find(|(skipped, _)| *skipped == at)?;
            Some(&found.1.reason[..found.1.reason.floor_char_boundary(REASON)])
        };
        file.put(&u32::try_from(decoded.skipped.len()).map_err(io::Error::other)?.to_le_bytes())?;
        for (place, text) in self.order.iter().enumerate().filter_map(|(place, &at)| Some((place, reason(at)?))) {
            file.put(&u32::try_from(place).map_err(io::Error::other)?.to_le_bytes())?;
            file.put(&u16::try_from(text.len()).map_err(io::Error::other)?.to_le_bytes())?;
            file.put(text.as_bytes())?;
        }
        for &at in self.order.iter().filter(|&&at| reason(at).is_none()) {
            file.put(&decoded.pixels[at * self.image..][..self.image])?;
        }
        let Hashing { mut inner, hash } = file;
        inner.write_all(&hash.finalize())?;
        inner.flush()
    }
}

/// Opens a file that only its owner, the user of this process, can have written.
#[cfg(unix)]
fn open(path: &Path) -> io::Result<Disk> {
    use std::os::unix::fs::MetadataExt as _;

    file::refuse_link(path)?;
    let file = file::open(path)?;
    let about = file.metadata()?;
    if about.uid() != rustix::process::geteuid().as_raw() || about.mode() & 0o022 != 0 {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "others may have written it"));
    }
    Ok(file)
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<Disk> {
    file::refuse_link(path)?;
    file::open(path)
}

/// Makes a folder, and those above it, for its owner alone.
fn create_private(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Removes the files that were not used for longest until the rest has at most `most` bytes, never `kept`, and temporary files of
/// programs that were killed.
fn tidy(folder: &Path, kept: &Path, most: u64) -> io::Result<()> {
    let mut found = Vec::new();
    let mut total = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // Of the entry itself: a link leads to what is none of ours.
        let Ok(about) = entry.metadata() else { continue };
        let path = entry.path();
        let used = about.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        let is_temporary = entry.file_name().to_string_lossy().starts_with(file::TEMPORARY_PREFIX);
        if !about.is_file() {
            continue;
        }
        if is_temporary {
            if used.elapsed().is_ok_and(|age| age > ABANDONED) {
                fs::remove_file(&path)?;
            }
        } else if path.extension().is_some_and(|ending| ending == ENDING) {
            total += about.len();
            found.push((used, about.len(), path));
        }
    }
    found.sort();
    for (_, bytes, path) in found {
        if total <= most {
            break;
        }
        if path != kept {
            fs::remove_file(&path)?;
            total -= bytes;
        }
    }
    Ok(())
}

/// What the pixels depend on: where in the set each file is, all that the system says of its content, and the size of the images.
/// The same path with other content has another key, whatever times were set.
fn key<'a>(root: &Path, files: impl Iterator<Item = &'a File>, side: u32) -> Key {
    let mut hash = Sha256::new();
    hash.update(MAGIC);
    hash.update(side.to_le_bytes());
    for file in files {
        let path = file.path.strip_prefix(root).unwrap_or(&file.path).as_os_str().as_encoded_bytes();
        hash.update((path.len() as u64).to_le_bytes());
        hash.update(path);
        let Version { size, modified, changed, place } = &file.version;
        [*size].iter().chain(place).for_each(|number| hash.update(number.to_le_bytes()));
        modified.iter().chain(changed).for_each(|number| hash.update(number.to_le_bytes()));
    }
    hash.finalize().into()
}

fn damaged(fault: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, fault)
}

/// A file, and the hash of what went through.
struct Hashing<F> {
    inner: F,
    hash: Sha256,
}

impl<F: Read> Hashing<F> {
    fn read_exact(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        self.inner.read_exact(bytes)?;
        self.hash.update(bytes);
        Ok(())
    }

    fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

impl<F: Write> Hashing<F> {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.inner.write_all(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_used_for_longest_goes_first_and_the_newest_stays() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, age: u64| {
            let file = Disk::create(folder.path().join(name)).unwrap();
            file.set_len(100).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_secs(age)).unwrap();
        };
        for (name, age) in [("a.images", 30), ("b.images", 10), ("c.images", 20), ("new.images", 40), ("other.txt", 99)]
        {
            write(name, age);
        }
        write(".nso-tui-abandoned.images", 7_200);
        write(".nso-tui-at-work.images", 60);
        let kept = folder.path().join("new.images");
        let names = || {
            let entries = fs::read_dir(folder.path()).unwrap();
            let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        };
        tidy(folder.path(), &kept, 250).unwrap();
        assert_eq!(names(), [".nso-tui-at-work.images", "b.images", "new.images", "other.txt"]);
        tidy(folder.path(), &kept, 0).unwrap();
        assert_eq!(names(), [".nso-tui-at-work.images", "new.images", "other.txt"]);
    }
}
