//! Checkpoints of a run on disk: `checkpoint-<step>.safetensors`, of which the last two are kept, so that one is whole whatever
//! happens while the next is written.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use safetensors::{Dtype, SafeTensors};

use super::{
    LogError, io_error,
    weights::{self, Integrity, NamedTensor},
};
use crate::{
    autodiff::{Archive, ArchivedVector, Precision},
    run::{Checkpoint, Position},
};

const PREFIX: &str = "checkpoint-";
const ENDING: &str = ".safetensors";

/// How many checkpoints of a run are kept.
const KEPT: usize = 2;

/// The version of the form of checkpoints; others are not read.
const VERSION: &str = "1";

/// A checkpoint as it is on disk.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::run) struct StoredCheckpoint {
    pub checkpoint: Checkpoint,
    /// Bytes of the run's log at that moment.
    pub log_length: u64,
}

/// Writes a checkpoint into a run's folder, in one piece or not at all, and then removes all but the last two.
pub(in crate::run) fn write(folder: &Path, stored: &StoredCheckpoint) -> Result<(), LogError> {
    let StoredCheckpoint { checkpoint, log_length } = stored;
    let tensors: Vec<_> = checkpoint
        .archive()
        .vectors()
        .map(|(name, ArchivedVector { precision, bytes })| NamedTensor {
            name: name.to_owned(),
            dtype: match precision {
                Precision::Single => Dtype::F32,
                Precision::Double => Dtype::F64,
            },
            shape: vec![bytes.len() / precision.size()],
            bytes: bytes.clone(),
        })
        .collect();
    let metadata = HashMap::from([
        ("checkpoint".to_owned(), VERSION.to_owned()),
        ("values".to_owned(), checkpoint.archive().values_as_json()),
        ("log_length".to_owned(), log_length.to_string()),
    ]);
    let path = folder.join(format!("{PREFIX}{}{ENDING}", checkpoint.at().step));
    weights::write(&path, &tensors, metadata)?;
    for (_, old) in by_step(folder)?.into_iter().skip(KEPT) {
        fs::remove_file(&old).map_err(io_error("remove", &old))?;
    }
    Ok(())
}

/// The newest checkpoint in a run's folder that is whole; `None` where there is none. Damaged ones are passed over.
pub(in crate::run) fn newest(folder: &Path) -> Result<Option<StoredCheckpoint>, LogError> {
    for (_, path) in by_step(folder)? {
        match read(&path) {
            Ok(stored) => return Ok(Some(stored)),
            Err(error) => tracing::warn!("{error}"),
        }
    }
    Ok(None)
}

/// Removes every checkpoint of a run: those of an earlier attempt.
pub(in crate::run) fn remove_all(folder: &Path) -> Result<(), LogError> {
    by_step(folder)?.into_iter().try_for_each(|(_, path)| fs::remove_file(&path).map_err(io_error("remove", &path)))
}

/// The checkpoints in a folder with their steps, the last first.
fn by_step(folder: &Path) -> Result<Vec<(u64, PathBuf)>, LogError> {
    let entries = fs::read_dir(folder).map_err(io_error("read", folder))?;
    let step =
        |path: &Path| path.file_name()?.to_str()?.strip_prefix(PREFIX)?.strip_suffix(ENDING)?.parse::<u64>().ok();
    let mut found: Vec<_> = entries.flatten().filter_map(|entry| Some((step(&entry.path())?, entry.path()))).collect();
    found.sort_by_key(|(step, _)| std::cmp::Reverse(*step));
    Ok(found)
}

/// Reads a checkpoint with all its checks.
fn read(path: &Path) -> Result<StoredCheckpoint, LogError> {
    let damaged = |fault: String| LogError::Damaged { path: path.to_owned(), fault };
    let bytes = weights::read(path)?;
    let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|fault| damaged(fault.to_string()))?;
    let file = SafeTensors::deserialize(&bytes).map_err(|fault| damaged(fault.to_string()))?;
    let metadata = header.metadata().clone().unwrap_or_default();
    if weights::integrity(&file, &metadata) != Integrity::Whole {
        return Err(damaged("its checksum is wrong or missing".to_owned()));
    }
    let text = |key: &str| metadata.get(key).ok_or_else(|| damaged(format!("it has no {key}")));
    if text("checkpoint")? != VERSION {
        return Err(damaged("it was written by another version of the program".to_owned()));
    }
    let mut archive = Archive::with_values(text("values")?).map_err(|fault| damaged(fault.to_string()))?;
    for (name, view) in file.tensors() {
        let precision = match view.dtype() {
            Dtype::F32 => Precision::Single,
            Dtype::F64 => Precision::Double,
            other => return Err(damaged(format!("{name} has numbers of the type {other:?}"))),
        };
        archive.put_archived(&name, ArchivedVector { precision, bytes: view.data().to_vec() });
    }
    let at: Position = archive.get("at").map_err(|fault| damaged(fault.to_string()))?;
    let log_length = text("log_length")?.parse().map_err(|_| damaged("its log_length is no number".to_owned()))?;
    Ok(StoredCheckpoint { checkpoint: Checkpoint::new(at, archive), log_length })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stored() -> StoredCheckpoint {
        let at = Position { step: 7, gradients: 14, seconds: 0.5 };
        let mut archive = Archive::default();
        archive.set("at", at);
        let bytes = (0..40_u8).collect();
        archive.put_archived("w", ArchivedVector { precision: Precision::Single, bytes });
        StoredCheckpoint { checkpoint: Checkpoint::new(at, archive), log_length: 99 }
    }

    /// A change of a file.
    #[derive(Debug, Clone)]
    enum Change {
        Byte(u8),
        Cut,
        /// So many bytes of its beginning once more.
        Twice(u8),
    }

    fn change() -> impl Strategy<Value = Change> {
        prop_oneof![any::<u8>().prop_map(Change::Byte), Just(Change::Cut), any::<u8>().prop_map(Change::Twice)]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

        /// Fifty changed files a case: a byte, the end, a piece twice.
        #[test]
        fn a_changed_checkpoint_is_refused_or_the_same(
            changes in prop::collection::vec((any::<prop::sample::Index>(), change()), 50),
        ) {
            let folder = tempfile::tempdir().unwrap();
            write(folder.path(), &stored()).unwrap();
            let path = folder.path().join("checkpoint-7.safetensors");
            let whole = fs::read(&path).unwrap();
            prop_assert_eq!(read(&path).unwrap(), stored());
            for (at, change) in changes {
                let mut file = whole.clone();
                let at = at.index(file.len());
                match change {
                    Change::Byte(byte) => file[at] ^= byte,
                    Change::Cut => file.truncate(at),
                    Change::Twice(count) => {
                        drop(file.splice(at..at, whole[..usize::from(count).min(whole.len())].to_vec()));
                    }
                }
                fs::write(&path, file).unwrap();
                if let Ok(found) = read(&path) {
                    prop_assert_eq!(found, stored());
                }
            }
        }
    }
}
