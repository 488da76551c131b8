//! Who writes a session: the process that holds the lock of its directory. The system gives the lock up when that process is gone,
//! however it went, which distinguishes a running session from a killed one.

use std::{
    fs::{File, TryLockError},
    io::{self, Read as _, Write as _},
    path::Path,
    thread,
    time::Duration,
};

use super::{LogError, io_error};
use crate::file;

/// The file whose lock says that a session is being written. It holds the number of the process that does.
pub const LOCK_FILE: &str = ".lock";

/// The time between two tries to take the lock, and their number: a process that checks whether it is held holds it for a moment.
const BETWEEN_TRIES: Duration = Duration::from_millis(5);
const TRIES: u32 = 10;

/// The right to write a session, until it is dropped.
#[derive(Debug)]
pub(super) struct SessionLock {
    _file: File,
}

impl SessionLock {
    /// For a directory that is new: a second session that begins there is refused.
    pub fn create(directory: &Path) -> Result<Self, LogError> {
        let path = directory.join(LOCK_FILE);
        match File::create_new(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(LogError::NotEmpty(directory.to_owned())),
            created => Self::lock(created.map_err(io_error("create", &path))?, directory),
        }
    }

    /// For a session that is there.
    pub fn take(directory: &Path) -> Result<Self, LogError> {
        let path = directory.join(LOCK_FILE);
        let file = file::open_to_append(&path);
        Self::lock(file.map_err(io_error("open", &path))?, directory)
    }

    fn lock(mut file: File, directory: &Path) -> Result<Self, LogError> {
        let path = directory.join(LOCK_FILE);
        match lock_soon(&file) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // The process number is only part of the message.
                let _ = file.take(32).read_to_string(&mut holder);
                return Err(LogError::InUse { path: directory.to_owned(), process: holder.trim().to_owned() });
            }
            // A file system without locks cannot keep a second writer out.
            Err(TryLockError::Error(error)) => tracing::warn!("{} cannot be locked: {error}", path.display()),
        }
        let text = format!("{}\n", std::process::id());
        file.set_len(0).and_then(|()| file.write_all(text.as_bytes())).map_err(io_error("write", &path))?;
        Ok(Self { _file: file })
    }

    /// Whether a process writes the session in `directory` now.
    pub fn is_held(directory: &Path) -> bool {
        let file = file::open(&directory.join(LOCK_FILE));
        file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }
}

/// Locks a file, also while another process checks whether it is locked.
fn lock_soon(file: &File) -> Result<(), TryLockError> {
    for _ in 0..TRIES {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => thread::sleep(BETWEEN_TRIES),
            locked => return locked,
        }
    }
    file.try_lock()
}
