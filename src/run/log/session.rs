//! A session on disk, finished or still running, as it is read.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::{
    DamagedLine, EVENTS_FILE, LogError, LogReader, LoggedEvent, NewEvents, SESSION_FILE, directory::run_folders,
    io_error, lock::SessionLock, weights::Integrity,
};
use crate::{
    file,
    run::{Event, Plan, preset},
};

/// The last line of `session.toml` is a comment with the CRC-32 of the lines before it.
const CHECKSUM: &str = "# crc32 ";

/// Bytes of that line, at most, and of the end of the line before it.
const CHECKSUM_LINE: u64 = 32;

/// A session on disk, finished or still running.
#[derive(Debug)]
pub struct SessionLog {
    pub directory: PathBuf,
    /// What was planned.
    pub plan: Plan,
    /// Each run's log, in the order of the plan.
    pub logs: Vec<LogReader>,
    /// What is wrong with `session.toml` although it can be read.
    pub warning: Option<String>,
}

/// What the logs of a session have got since they were last read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SessionEvents {
    /// The events of each run, in the order of the plan.
    pub runs: Vec<Vec<Event>>,
    /// The lines that were skipped.
    pub damaged: Vec<DamagedLine>,
}

impl SessionLog {
    /// Opens the session in `directory`.
    ///
    /// # Errors
    /// [`LogError`] if it is not a session or its preset cannot be read.
    pub fn open(directory: &Path) -> Result<Self, LogError> {
        let path = directory.join(SESSION_FILE);
        let text = read_preset(&path)?.ok_or_else(|| LogError::NotASession(directory.to_owned()))?;
        let plan = preset::parse(&path.display().to_string(), &text, &[])?;
        let warning = match integrity(&text) {
            Integrity::Whole | Integrity::Unknown => None,
            Integrity::Damaged => Some(format!(
                "{}: its checksum is wrong: it was changed or damaged, and may not say how the session ran",
                path.display()
            )),
        };
        let log = |folder: String| LogReader::new(directory.join(folder).join(EVENTS_FILE));
        let logs = run_folders(&plan).into_iter().map(log).collect();
        Ok(Self { directory: directory.to_owned(), plan, logs, warning })
    }

    /// Everything logged since the last call, run by run.
    ///
    /// # Errors
    /// [`LogError`] if a log cannot be read.
    pub fn read_new(&mut self) -> Result<SessionEvents, LogError> {
        let mut found = SessionEvents::default();
        for log in &mut self.logs {
            let NewEvents { events, damaged } = log.read_new()?;
            found.runs.push(events);
            found.damaged.extend(damaged);
        }
        Ok(found)
    }

    /// The same event by event, with the place of its run in the plan, run after run: nothing is kept.
    ///
    /// # Errors
    /// [`LogError`] if a log cannot be read.
    pub fn read_each(&mut self, each: &mut dyn FnMut(usize, &Event)) -> Result<Vec<DamagedLine>, LogError> {
        let mut damaged = Vec::new();
        for (run, log) in self.logs.iter_mut().enumerate() {
            damaged.extend(log.read_on(&mut |LoggedEvent { event, .. }| each(run, &event))?);
        }
        Ok(damaged)
    }

    /// Whether a process writes it now.
    pub fn is_live(&self) -> bool {
        SessionLock::is_held(&self.directory)
    }
}

/// The text of a session's preset; `None` where there is none.
pub(super) fn read_preset(path: &Path) -> Result<Option<String>, LogError> {
    let text = match file::read(path, preset::LARGEST + CHECKSUM_LINE) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        read => read.and_then(|bytes| String::from_utf8(bytes).map_err(io::Error::other)),
    };
    text.map(Some).map_err(io_error("read", path))
}

/// A preset with the comment that holds its checksum.
pub(super) fn with_checksum(mut text: String) -> String {
    if !text.ends_with('\n') {
        text.push('\n');
    }
    let checksum = crc32fast::hash(text.as_bytes());
    format!("{text}{CHECKSUM}{checksum:08x}\n")
}

/// Compares a preset with its checksum.
pub(super) fn integrity(text: &str) -> Integrity {
    let Some(at) = text.rfind(CHECKSUM) else { return Integrity::Unknown };
    if with_checksum(text[..at].to_owned()) == text { Integrity::Whole } else { Integrity::Damaged }
}
