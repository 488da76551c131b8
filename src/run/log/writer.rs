//! Writing a run's log: whole lines, in one write each time, and what was written of a line that did not fit is cut off again.

use std::{
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::{LogError, io_error, line};
use crate::{file, run::Event};

/// How often what was written is made to survive a power failure.
const SYNC_EVERY: Duration = Duration::from_secs(5);

/// Appends events to one run's log.
#[derive(Debug)]
pub struct LogWriter {
    path: PathBuf,
    file: File,
    /// Bytes of whole lines in the file.
    length: u64,
    /// Whole lines that are not in the file yet.
    pending: Vec<u8>,
    /// Whether the file may end with a part of a line, since it could not be cut.
    torn: bool,
    synced: Instant,
}

impl LogWriter {
    /// Opens the log at `path`, which keeps `length` bytes: the rest is cut off.
    pub(super) fn open(path: PathBuf, length: u64) -> Result<Self, LogError> {
        let file = file::open_to_append(&path).map_err(io_error("open", &path))?;
        let mut log = Self { path, file, length, pending: Vec::new(), torn: true, synced: Instant::now() };
        log.mend()?;
        Ok(log)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes of the log with all that was appended, written or not.
    pub fn length(&self) -> u64 {
        self.length + self.pending.len() as u64
    }

    /// Appends one event. It is in the file after the next [`flush`](Self::flush).
    ///
    /// # Errors
    /// [`LogError::Io`] if the event has no line.
    pub fn append(&mut self, event: &Event) -> Result<(), LogError> {
        line::encode(event, &mut self.pending).map_err(|fault| io_error("write", &self.path)(fault.into()))
    }

    /// Hands everything to the system, in whole lines. After an error the file is as it was, and what was not written is kept for
    /// the next call.
    ///
    /// # Errors
    /// [`LogError::Io`].
    pub fn flush(&mut self) -> Result<(), LogError> {
        self.mend()?;
        if self.pending.is_empty() {
            return Ok(());
        }
        if let Err(error) = self.file.write_all(&self.pending) {
            self.torn = true;
            // If this fails too, the next flush tries again.
            let _ = self.mend();
            return Err(io_error("write", &self.path)(error));
        }
        self.length += self.pending.len() as u64;
        self.pending.clear();
        Ok(())
    }

    /// Makes what was written survive a power failure, at most every five seconds: whether it was done.
    ///
    /// # Errors
    /// [`LogError::Io`].
    pub fn sync_if_due(&mut self) -> Result<bool, LogError> {
        if self.synced.elapsed() < SYNC_EVERY {
            return Ok(false);
        }
        self.sync().map(|()| true)
    }

    /// Makes what was written survive a power failure.
    ///
    /// # Errors
    /// [`LogError::Io`].
    pub fn sync(&mut self) -> Result<(), LogError> {
        self.file.sync_data().map_err(io_error("write", &self.path))?;
        self.synced = Instant::now();
        Ok(())
    }

    /// Cuts the log back to its first `length` bytes, and drops what was appended and not written.
    ///
    /// # Errors
    /// [`LogError::Io`].
    pub(in crate::run) fn cut(&mut self, length: u64) -> Result<(), LogError> {
        self.pending.clear();
        (self.length, self.torn) = (length, true);
        self.mend()
    }

    /// Cuts off what the file has beyond its whole lines.
    fn mend(&mut self) -> Result<(), LogError> {
        if self.torn {
            self.file.set_len(self.length).map_err(io_error("write", &self.path))?;
            self.torn = false;
        }
        Ok(())
    }
}
