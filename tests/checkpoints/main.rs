//! Pretrained weights: what PyTorch writes is read to the last bit, and what is malformed is refused by name, without
//! running anything or allocating more than the file and 64 MB.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bytes;
mod good;
mod malformed;
mod names;
mod pickles;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use nso_tui::problem::checkpoint::{Checkpoint, CheckpointError};
use peak_alloc::PeakAlloc;
use tempfile::TempDir;

/// Counts every allocation of this binary.
#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

/// Allowed besides the file's own size.
const ALLOWANCE: usize = 64 << 20;

static ONE: Mutex<()> = Mutex::new(());

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/checkpoints/fixtures").join(name)
}

fn fixture_bytes(name: &str) -> Vec<u8> {
    fs::read(fixture(name)).unwrap()
}

/// The right to measure: one test at a time has it, from where it makes its files.
struct Turn {
    folder: TempDir,
    _one: MutexGuard<'static, ()>,
}

impl Turn {
    fn take() -> Self {
        let one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        Self { folder: tempfile::tempdir().unwrap(), _one: one }
    }

    /// Writes the file as `name` and reads it.
    fn read(&self, name: &str, bytes: &[u8]) -> Result<Checkpoint, CheckpointError> {
        let path = self.folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        Self::measured(self, name, bytes.len(), || Checkpoint::open(&path))
    }

    /// Reads the file from memory.
    fn parse(&self, name: &str, bytes: Vec<u8>) -> Result<Checkpoint, CheckpointError> {
        Self::measured(self, name, bytes.len(), || Checkpoint::parse(name, bytes))
    }

    /// The checkpoint and all of its tensors, and a check of what reading them allocates.
    fn measured(
        _turn: &Self,
        name: &str,
        size: usize,
        open: impl FnOnce() -> Result<Checkpoint, CheckpointError>,
    ) -> Result<Checkpoint, CheckpointError> {
        let before = ALLOCATED.current_usage();
        ALLOCATED.reset_peak_usage();
        let read = open().and_then(|checkpoint| {
            for tensor in checkpoint.names() {
                checkpoint.tensor(tensor, checkpoint.shape(tensor).unwrap())?;
            }
            Ok(checkpoint)
        });
        let used = ALLOCATED.peak_usage().saturating_sub(before);
        assert!(used <= size + ALLOWANCE, "{name}: {used} bytes for a file of {size}");
        read
    }

    /// The error of a malformed file, which names it and fits on a terminal.
    fn refused(&self, name: &str, bytes: &[u8]) -> String {
        let error = match self.read(name, bytes) {
            Err(error) => error.to_string(),
            Ok(checkpoint) => panic!("{name} was read: {:?}", checkpoint.names().collect::<Vec<_>>()),
        };
        assert!(error.contains(name), "{name}: {error}");
        assert!(!error.chars().any(char::is_control) && error.len() < 1000, "{error:?}");
        error
    }
}
