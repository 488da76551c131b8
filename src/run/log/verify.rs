//! Whether a session is as it was written: every line and every file against its checksum, and what should be there.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use safetensors::SafeTensors;

use super::{
    EVENTS_FILE, LogError, SESSION_FILE, SessionLog, io_error,
    session::{integrity, read_preset},
    weights::{self, Integrity},
};
use crate::run::Event;

/// What was found of one file of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileReport {
    pub path: PathBuf,
    pub verdict: Verdict,
}

/// How a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// As it was written; what it holds, in words.
    Whole(String),
    /// It was written by a version without checksums, and can be read.
    Unchecked(String),
    /// Each place that is not as it was written, in words.
    Damaged(Vec<String>),
}

/// Checks every file of the session in `directory`.
///
/// # Errors
/// [`LogError`] if it is not a session, or a file cannot be read at all.
pub fn verify(directory: &Path) -> Result<Vec<FileReport>, LogError> {
    let path = directory.join(SESSION_FILE);
    let text = read_preset(&path)?.ok_or_else(|| LogError::NotASession(directory.to_owned()))?;
    let verdict = match integrity(&text) {
        Integrity::Whole => Verdict::Whole("the preset as it ran".to_owned()),
        Integrity::Unknown => Verdict::Unchecked("the preset as it ran".to_owned()),
        Integrity::Damaged => Verdict::Damaged(vec!["its checksum is wrong".to_owned()]),
    };
    let mut reports = vec![FileReport { path, verdict }];
    let session = SessionLog::open(directory)?;
    for log in &session.logs {
        let folder = log.path().parent().unwrap_or(directory);
        reports
            .push(FileReport { path: folder.join(EVENTS_FILE), verdict: verify_log(log.path(), session.is_live())? });
        for path in tensor_files(folder)? {
            let verdict = verify_tensors(&path)?;
            reports.push(FileReport { path, verdict });
        }
    }
    Ok(reports)
}

fn verify_log(path: &Path, live: bool) -> Result<Verdict, LogError> {
    let mut log = super::LogReader::new(path.to_owned());
    let (mut events, mut steps, mut finish) = (0_u64, 0, None);
    let damaged = log.read_on(&mut |logged| {
        events += 1;
        steps = logged.event.position().map_or(steps, |at| at.step);
        finish = match logged.event {
            Event::Finish { outcome, .. } => Some(outcome),
            Event::Start(_) => None,
            _ => finish,
        };
    })?;
    let mut faults: Vec<String> =
        damaged.iter().map(|line| format!("line {} (byte {}): {}", line.line, line.offset, line.fault)).collect();
    if let Some(lines) = log.lines_without_checksum_before_one_with() {
        faults.push(format!("the first {lines} lines carry no checksum, and a later one does"));
    }
    let length = fs::metadata(path).map_or(0, |metadata| metadata.len());
    if !live && length > log.offset() {
        faults.push(format!("the last line (byte {}) is cut short", log.offset()));
    }
    let end = finish.map_or("not finished", Into::into);
    let holds = format!("{events} events to step {steps}, {end}");
    Ok(match (faults.is_empty(), log.is_checked()) {
        (false, _) => Verdict::Damaged(faults),
        (true, true) => Verdict::Whole(holds),
        (true, false) => Verdict::Unchecked(holds),
    })
}

/// The weights and checkpoints in a run's folder, by name.
fn tensor_files(folder: &Path) -> Result<Vec<PathBuf>, LogError> {
    let entries = fs::read_dir(folder).map_err(io_error("read", folder))?;
    let is_tensors = |path: &PathBuf| {
        path.extension().is_some_and(|ending| ending == "safetensors")
            && !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
    };
    let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).filter(is_tensors).collect();
    files.sort();
    Ok(files)
}

fn verify_tensors(path: &Path) -> Result<Verdict, LogError> {
    let bytes = weights::read(path)?;
    let damaged = |fault: String| Verdict::Damaged(vec![fault]);
    let (file, metadata) = match SafeTensors::deserialize(&bytes).and_then(|file| {
        let (_, metadata) = SafeTensors::read_metadata(&bytes)?;
        Ok((file, metadata.metadata().clone().unwrap_or_else(HashMap::new)))
    }) {
        Ok(read) => read,
        Err(fault) => return Ok(damaged(fault.to_string())),
    };
    let holds = format!("{} tensors", file.len());
    Ok(match weights::integrity(&file, &metadata) {
        Integrity::Whole => Verdict::Whole(holds),
        Integrity::Unknown => Verdict::Unchecked(holds),
        Integrity::Damaged => damaged("its checksum is wrong".to_owned()),
    })
}
