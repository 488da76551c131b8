//! The zip archive that torch.save writes: stored entries, one directory, its end record in the last 22 bytes.
//!
//! Nothing is unpacked or copied: an entry is a range of the file. Compressed or encrypted entries, comments, several
//! disks and sizes from 4 GiB on are refused; torch.save writes none of them below that size.

use std::ops::Range;

use flate2::Crc;

const END: &[u8] = b"PK\x05\x06";
const END_LENGTH: usize = 22;
/// What PyTorch writes before the end record: the same in 64 bits, and where that is.
const LARGE_END: &[u8] = b"PK\x06\x06";
const LARGE_END_LENGTH: usize = 56 + 20;
const ENTRY: &[u8] = b"PK\x01\x02";
const ENTRY_LENGTH: usize = 46;
const LOCAL: &[u8] = b"PK\x03\x04";
const LOCAL_LENGTH: usize = 30;

/// What is wrong with an archive.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the fields are")]
pub enum ArchiveError {
    /// Cut off, or with something appended.
    #[error("no end record in the last {END_LENGTH} bytes: the file is cut off or was not written by torch.save")]
    End,
    /// The directory is not where the end record says.
    #[error("the end record claims a directory of {entries} entries at bytes {start} to {end}, which is not there")]
    Directory { entries: usize, start: usize, end: usize },
    /// An entry is compressed, encrypted or beyond 4 GiB.
    #[error("entry {entry} is compressed or encrypted; torch.save does neither: save the weights again")]
    Packed { entry: String },
    /// An entry is not where the directory says.
    #[error("entry {entry} is not at byte {at} as the directory says")]
    Misplaced { entry: String, at: usize },
    /// Two entries share bytes or a name.
    #[error("entries {first} and {second} overlap or have the same name")]
    Overlap { first: String, second: String },
    /// The bytes are not those that were written.
    #[error("entry {entry} is damaged: its checksum is {found:08x}, the directory says {claimed:08x}")]
    Damaged { entry: String, found: u32, claimed: u32 },
    /// An entry is missing.
    #[error("there is no entry {entry}")]
    Missing { entry: String },
}

/// One file of the archive.
#[derive(Debug, Clone)]
struct ArchiveEntry<'a> {
    name: &'a str,
    /// From its own header to the end of its data.
    whole: Range<usize>,
    data: Range<usize>,
    checksum: u32,
}

/// The directory of an archive held in memory, sorted by name.
#[derive(Debug)]
pub(super) struct Archive<'a> {
    file: &'a [u8],
    entries: Vec<ArchiveEntry<'a>>,
}

impl<'a> Archive<'a> {
    /// Reads the directory. Memory: 64 bytes an entry, of which there are at most 65,534.
    ///
    /// # Errors
    /// [`ArchiveError`] names the entry.
    pub(super) fn parse(file: &'a [u8]) -> Result<Self, ArchiveError> {
        let end = file.len().checked_sub(END_LENGTH).ok_or(ArchiveError::End)?;
        let record = &file[end..];
        if !record.starts_with(END) || u32_at(record, 4) != 0 || u16_at(record, 20) != 0 {
            return Err(ArchiveError::End);
        }
        let [count, total, length, start] =
            [u16_at(record, 8), u16_at(record, 10), u32_at(record, 12), u32_at(record, 16)];
        let absent = ArchiveError::Directory { entries: total, start, end: start.saturating_add(length) };
        let between = start.checked_add(length).and_then(|to| file.get(to..end));
        let adjacent = between.is_some_and(|between| {
            between.is_empty() || between.len() == LARGE_END_LENGTH && between.starts_with(LARGE_END)
        });
        if count != total || length < count * ENTRY_LENGTH || !adjacent {
            return Err(absent);
        }
        let mut directory = &file[start..start + length];
        let mut entries = Vec::with_capacity(count);
        for _ in 0..count {
            let (entry, length) = entry(file, directory, start)?.ok_or_else(|| absent.clone())?;
            entries.push(entry);
            directory = &directory[length..];
        }
        if !directory.is_empty() {
            return Err(absent);
        }
        entries.sort_by_key(|entry| entry.whole.start);
        let overlap = |pair: &[ArchiveEntry<'_>]| ArchiveError::Overlap {
            first: super::shown(pair[0].name),
            second: super::shown(pair[1].name),
        };
        if let Some(pair) = entries.windows(2).find(|pair| pair[0].whole.end > pair[1].whole.start) {
            return Err(overlap(pair));
        }
        entries.sort_by_key(|entry| entry.name);
        if let Some(pair) = entries.windows(2).find(|pair| pair[0].name == pair[1].name) {
            return Err(overlap(pair));
        }
        Ok(Self { file, entries })
    }

    /// All names, sorted.
    pub(super) fn names(&self) -> impl Iterator<Item = &'a str> {
        self.entries.iter().map(|entry| entry.name)
    }

    /// Where the data of the entry `name` lies in the file; its checksum holds, where it has one.
    ///
    /// # Errors
    /// [`ArchiveError`] if there is no such entry or it is damaged.
    pub(super) fn data(&self, name: &str) -> Result<Range<usize>, ArchiveError> {
        let missing = || ArchiveError::Missing { entry: super::shown(name) };
        let found = self.entries.binary_search_by_key(&name, |entry| entry.name).map_err(|_| missing())?;
        let ArchiveEntry { data, checksum, .. } = &self.entries[found];
        let mut crc = Crc::new();
        crc.update(&self.file[data.clone()]);
        // PyTorch writes zeros where it computes no checksums.
        if *checksum != 0 && crc.sum() != *checksum {
            let entry = super::shown(name);
            return Err(ArchiveError::Damaged { entry, found: crc.sum(), claimed: *checksum });
        }
        Ok(data.clone())
    }
}

/// The entry that `directory` begins with, and its length there; `None` if there is none. Data lies before `limit`.
fn entry<'a>(
    file: &'a [u8],
    directory: &'a [u8],
    limit: usize,
) -> Result<Option<(ArchiveEntry<'a>, usize)>, ArchiveError> {
    if directory.len() < ENTRY_LENGTH || !directory.starts_with(ENTRY) {
        return Ok(None);
    }
    let name_end = ENTRY_LENGTH + u16_at(directory, 28);
    let length = name_end + u16_at(directory, 30) + u16_at(directory, 32);
    if directory.len() < length {
        return Ok(None);
    }
    let Ok(name) = str::from_utf8(&directory[ENTRY_LENGTH..name_end]) else { return Ok(None) };
    let [encrypted, method] = [u16_at(directory, 8) & 1, u16_at(directory, 10)];
    let [packed, size, start] = [u32_at(directory, 20), u32_at(directory, 24), u32_at(directory, 42)];
    if encrypted != 0 || method != 0 || packed != size {
        return Err(ArchiveError::Packed { entry: super::shown(name) });
    }
    let data = local_header(file, start, name).and_then(|data_start| Some(data_start..data_start.checked_add(size)?));
    let Some(data) = data.filter(|data| data.end <= limit) else {
        return Err(ArchiveError::Misplaced { entry: super::shown(name), at: start });
    };
    let checksum = u32::from_le_bytes([directory[16], directory[17], directory[18], directory[19]]);
    Ok(Some((ArchiveEntry { name, whole: start..data.end, data, checksum }, length)))
}

/// Where the data begins whose local header is at `start`; `None` if there is no such header of that name.
fn local_header(file: &[u8], start: usize, name: &str) -> Option<usize> {
    let header = file.get(start..start.checked_add(LOCAL_LENGTH)?)?;
    let name_start = start + LOCAL_LENGTH;
    let name_end = name_start + u16_at(header, 26);
    let same = header.starts_with(LOCAL) && file.get(name_start..name_end)? == name.as_bytes();
    same.then(|| name_end + u16_at(header, 28))
}

fn u16_at(bytes: &[u8], at: usize) -> usize {
    usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]))
}

fn u32_at(bytes: &[u8], at: usize) -> usize {
    u16_at(bytes, at) | u16_at(bytes, at + 2) << 16
}
