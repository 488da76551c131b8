//! The session directory on disk:
//!
//! ```text
//! session.toml                 the preset as it ran
//! .lock                        held while a process writes the session
//! NSO/events.jsonl             the events of a run, one JSON object a line
//! NSO/checkpoint-1200.safetensors   all that the run needs to go on from step 1200; the last two are kept
//! NSO/weights.safetensors      its last weights; best.safetensors, average.safetensors where there are such
//! ```
//!
//! Each line and file carries a checksum. All of it is read with distrust: a line cut short by a crash is not there yet, a damaged
//! line is reported and skipped, and the runs beside it are unharmed.

pub(super) mod checkpoints;
mod directory;
mod line;
mod lock;
mod reader;
mod session;
mod verify;
pub(super) mod weights;
mod writer;

use std::{
    io,
    path::{Path, PathBuf},
};

use super::preset;

pub use directory::{Destination, SessionDirectory, free_name, is_session_file, run_folders};
pub use lock::LOCK_FILE;
pub(super) use reader::LoggedEvent;
pub use reader::{DamagedLine, LogReader, NewEvents};
pub use session::{SessionEvents, SessionLog};
pub use verify::{FileReport, Verdict, verify};
pub use writer::LogWriter;

/// The preset as it ran.
pub const SESSION_FILE: &str = "session.toml";
/// A run's events.
pub const EVENTS_FILE: &str = "events.jsonl";
/// A run's last weights.
pub const WEIGHTS_FILE: &str = "weights.safetensors";
/// The average of a run's weights.
pub const AVERAGE_FILE: &str = "average.safetensors";
/// A run's weights at its lowest validation loss.
pub const BEST_FILE: &str = "best.safetensors";

/// What went wrong with a session directory.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The directory is in use.
    #[error("{path} exists and is not empty; choose a new folder for --out, or remove it", path = .0.display())]
    NotEmpty(PathBuf),
    #[error("{path} is not a session: it has no {SESSION_FILE}; give the folder that `run --out` wrote", path = .0.display())]
    NotASession(PathBuf),
    #[error("{path} has no run {run}", path = .path.display())]
    NoSuchRun {
        path: PathBuf,
        /// Counting from 0.
        run: usize,
    },
    #[error("{path} is being written by process {process}; wait until it ends, or end it", path = .path.display())]
    InUse { path: PathBuf, process: String },
    #[error("{path} is damaged: {fault}", path = .path.display())]
    Damaged { path: PathBuf, fault: String },
    /// Reading or writing failed.
    #[error("cannot {verb} {path}: {cause}{hint}", path = .path.display(), hint = hint(.cause))]
    Io {
        verb: &'static str,
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// The session's preset cannot be read.
    #[error(transparent)]
    Preset(#[from] preset::PresetError),
}

/// What to do about an error of the system, where that is not plain.
fn hint(cause: &io::Error) -> &'static str {
    #[cfg(unix)]
    if cause.raw_os_error() == Some(rustix::io::Errno::MFILE.raw_os_error()) {
        return "; each run holds its log open: raise `ulimit -n`, or compare fewer runs";
    }
    let _ = cause;
    ""
}

fn io_error(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> LogError + use<> {
    let path = path.to_owned();
    move |cause| LogError::Io { verb, path, cause }
}
