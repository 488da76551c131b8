//! Why a problem could not be built.

use super::checkpoint::CheckpointError;
use crate::data::DataError;

/// Why a problem could not be built.
#[derive(Debug, thiserror::Error)]
pub enum ProblemError {
    /// The data set is at fault.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The weights are at fault.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A prefix that no tensor's name begins with.
    #[error(
        "problem.freeze: no tensor but the new head's has a name that begins with '{prefix}'; the first is '{example}'"
    )]
    NothingToFreeze {
        /// As in the preset.
        prefix: String,
        /// A name that there is.
        example: String,
    },
    /// Fewer examples than asked for.
    #[error("problem.train_samples = {asked}, but the training set has {available} examples")]
    TooFewExamples {
        /// As in the preset.
        asked: usize,
        /// As in the data.
        available: usize,
    },
}
