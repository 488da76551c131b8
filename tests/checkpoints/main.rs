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
    sync::{Mutex, PoisonError},
};

use nso_tui::problem::checkpoint::{Checkpoint, CheckpointError};
use peak_alloc::PeakAlloc;

/// Counts every allocation of this binary.
#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

/// Allowed besides the file's own size.
const ALLOWANCE: usize = 64 << 20;

/// Tests that measure take turns.
static TURN: Mutex<()> = Mutex::new(());

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/checkpoints/fixtures").join(name)
}

fn fixture_bytes(name: &str) -> Vec<u8> {
    fs::read(fixture(name)).unwrap()
}

/// Writes the file as `name` into a folder of its own, reads it and all of its tensors, and checks what that allocated.
fn read_measured(name: &str, bytes: &[u8]) -> Result<Checkpoint, CheckpointError> {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    let before = ALLOCATED.current_usage();
    ALLOCATED.reset_peak_usage();
    let read = Checkpoint::open(&path).and_then(|checkpoint| {
        for tensor in checkpoint.names() {
            checkpoint.tensor(tensor, checkpoint.shape(tensor).unwrap())?;
        }
        Ok(checkpoint)
    });
    let used = ALLOCATED.peak_usage().saturating_sub(before);
    assert!(used <= bytes.len() + ALLOWANCE, "{name}: {used} bytes for a file of {}", bytes.len());
    read
}

/// The error of a malformed file, which names it and fits on a terminal.
fn refused(name: &str, bytes: &[u8]) -> String {
    let error = match read_measured(name, bytes) {
        Err(error) => error.to_string(),
        Ok(checkpoint) => panic!("{name} was read: {:?}", checkpoint.names().collect::<Vec<_>>()),
    };
    assert!(error.contains(name), "{name}: {error}");
    assert!(!error.chars().any(char::is_control) && error.len() < 1000, "{error:?}");
    error
}
