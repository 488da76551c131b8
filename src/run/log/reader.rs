//! Reading a run's log, also while it grows. It is read with distrust: a line cut short by a crash is not there yet, a damaged line
//! is reported with its place and skipped.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use super::{
    LogError, io_error,
    line::{self, Checksum},
};
use crate::{file, run::Event};

/// Longest line that is read; the program writes a few hundred bytes, and some megabytes for a finely sampled density.
const LONGEST_LINE: u64 = 1 << 26;

/// Bytes at the end of a log in which its last line is looked for.
const LAST_BYTES: u64 = 1 << 16;

/// Reads a run's log, and reads on where it stopped when the log has grown.
#[derive(Debug, Clone)]
pub struct LogReader {
    path: PathBuf,
    offset: u64,
    line: u64,
    /// Lines without a checksum before the first line with one.
    unchecked: u64,
    /// Whether a line carried a checksum; from there on all must.
    checked: bool,
}

/// An event and where its line ends.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::run) struct LoggedEvent {
    pub event: Event,
    /// Bytes of the log up to and with its line.
    pub end: u64,
}

/// A line of a log that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}, line {line} (byte {offset}): {fault}", path = .path.display())]
pub struct DamagedLine {
    pub path: PathBuf,
    /// Counting from 1.
    pub line: u64,
    /// Where it begins, in bytes.
    pub offset: u64,
    /// What is wrong, in words.
    pub fault: String,
}

/// What a log has got since it was last read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NewEvents {
    /// The events of its whole lines, in order.
    pub events: Vec<Event>,
    /// The lines that were skipped.
    pub damaged: Vec<DamagedLine>,
}

impl LogReader {
    /// From the start of the log at `path`. A log that is not there yet is empty.
    pub fn new(path: PathBuf) -> Self {
        Self { path, offset: 0, line: 0, unchecked: 0, checked: false }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes read so far: those of whole lines.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Whether its lines carry checksums.
    pub(super) fn is_checked(&self) -> bool {
        self.checked
    }

    /// How many lines without a checksum there are before the first with one, where there are both: none of its version.
    pub(super) fn lines_without_checksum_before_one_with(&self) -> Option<u64> {
        (self.checked && self.unchecked > 0).then_some(self.unchecked)
    }

    /// The whole lines written since the last call.
    ///
    /// # Errors
    /// [`LogError::Io`] if the file cannot be read; nothing counts as read then.
    pub fn read_new(&mut self) -> Result<NewEvents, LogError> {
        let mut found = NewEvents::default();
        found.damaged = self.read_on(&mut |LoggedEvent { event, .. }| found.events.push(event))?;
        Ok(found)
    }

    /// The same, event by event.
    pub(in crate::run) fn read_on(&mut self, each: &mut dyn FnMut(LoggedEvent)) -> Result<Vec<DamagedLine>, LogError> {
        let mut damaged = Vec::new();
        let Some(file) = open_regular(&self.path)? else { return Ok(damaged) };
        let mut reader = BufReader::with_capacity(1 << 16, file);
        let error = || io_error("read", &self.path);
        reader.seek(SeekFrom::Start(self.offset)).map_err(error())?;
        let mut at = self.clone();
        let mut line = Vec::new();
        loop {
            line.clear();
            let length = (&mut reader).take(LONGEST_LINE).read_until(b'\n', &mut line).map_err(error())? as u64;
            let whole = line.last() == Some(&b'\n');
            // What is still being written is read when it is whole.
            if !whole && length < LONGEST_LINE {
                *self = at;
                return Ok(damaged);
            }
            let skipped = if whole { 0 } else { skip_line(&mut reader).map_err(error())? };
            let begin = at.offset;
            at.offset += length + skipped;
            at.line += 1;
            let result =
                if whole { at.take_in(&line) } else { Err("it is longer than any line that was written".into()) };
            match result {
                Ok(Some(event)) => each(LoggedEvent { event, end: at.offset }),
                Ok(None) => {}
                Err(fault) => {
                    damaged.push(DamagedLine { path: at.path.clone(), line: at.line, offset: begin, fault });
                }
            }
        }
    }

    /// The event of the last whole line, read without those before it; `None` where there is none that can be read.
    pub fn last_event(&self) -> Option<Event> {
        let mut file = file::open(&self.path).ok()?;
        let length = file.metadata().ok()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(LAST_BYTES))).ok()?;
        let mut tail = Vec::new();
        file.take(LAST_BYTES).read_to_end(&mut tail).ok()?;
        let end = tail.iter().rposition(|&byte| byte == b'\n')?;
        let begin = tail[..end].iter().rposition(|&byte| byte == b'\n').map_or(0, |before| before + 1);
        line::decode(&tail[begin..=end]).ok().map(|line| line.event)
    }

    /// The event of a line; `None` for an empty line.
    fn take_in(&mut self, line: &[u8]) -> Result<Option<Event>, String> {
        if line == b"\n" {
            return Ok(None);
        }
        let line = line::decode(line)?;
        match line.checksum {
            Checksum::Right => self.checked = true,
            Checksum::Absent if self.checked => return Err("its checksum is missing".to_owned()),
            Checksum::Absent => self.unchecked += 1,
        }
        Ok(Some(line.event))
    }
}

/// Opens a file to read; `None` where there is none. A pipe or a device, which might never end, is refused.
fn open_regular(path: &Path) -> Result<Option<File>, LogError> {
    match file::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        opened => opened.map(Some).map_err(io_error("open", path)),
    }
}

/// Reads past the end of a line without keeping it; its length.
fn skip_line(reader: &mut impl BufRead) -> io::Result<u64> {
    let mut skipped = 0;
    loop {
        let buffer = reader.fill_buf()?;
        let (used, done) = match buffer.iter().position(|&byte| byte == b'\n') {
            Some(end) => (end + 1, true),
            None => (buffer.len(), buffer.is_empty()),
        };
        reader.consume(used);
        skipped += used as u64;
        if done {
            return Ok(skipped);
        }
    }
}
