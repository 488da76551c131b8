//! Why a problem could not be built.

use super::checkpoint::CheckpointError;
use crate::data::DataError;

/// Why a problem could not be built.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the fields are")]
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
    NothingToFreeze { prefix: String, example: String },
    /// Fewer examples than asked for.
    #[error("problem.train_samples = {asked}, but the training set has {available} examples")]
    TooFewExamples { asked: usize, available: usize },
}
