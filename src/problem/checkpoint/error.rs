//! What can be wrong with a checkpoint, with its file, the tensor or byte, and what to do.
//! Texts of the file are escaped and cut to a line when an error is made of them.

use std::{fmt, io};

use super::{ArchiveError, PickleError, ViewError, pickle::Storage};

/// Why weights could not be read from a file.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the fields are")]
pub enum CheckpointError {
    /// The file could not be read.
    #[error("{file} could not be read")]
    Read { file: String, source: io::Error },
    /// The file is no checkpoint, is damaged or holds what is refused.
    #[error("{file}: {fault}")]
    Format { file: String, fault: Fault },
    /// Tensors that the model needs are not there.
    #[error("{file}: {missing} of {wanted} tensors are missing, first {first}; {hint}")]
    Missing {
        file: String,
        missing: usize,
        wanted: usize,
        first: String,
        /// What the names of the file look like.
        hint: Hint,
    },
    /// A tensor has another shape than the model's.
    #[error("{file}: {tensor} has shape {found:?}, the model wants {wanted:?}")]
    Shape { file: String, tensor: String, found: Vec<usize>, wanted: Vec<usize> },
    /// A weight is no number or too large for single precision, or a variance is negative.
    #[error(
        "{file}: {tensor} is {value} at index {index} (of its flat values, in single precision); weights must be finite, \
         variances not negative"
    )]
    Value {
        file: String,
        tensor: String,
        /// Its first such value, in row-major order.
        index: usize,
        value: f32,
    },
}

/// What is wrong with the content of a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the fields are")]
pub enum Fault {
    /// Neither format.
    #[error(
        "neither safetensors nor written by torch.save; write it again by torch.save(model.state_dict(), ...) or as \
         safetensors"
    )]
    Unknown,
    /// The zip archive.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// A pickle.
    #[error(transparent)]
    Pickle(#[from] PickleError),
    /// Not one pickle in the archive.
    #[error("the archive has {found} entries named data.pkl instead of one")]
    Pickles { found: usize },
    /// Written on a big-endian machine.
    #[error("its numbers are not little-endian")]
    ByteOrder,
    /// Nothing under a name.
    #[error(
        "holds no tensors by name; save model.state_dict(), alone or under the key state_dict, model_state_dict or model"
    )]
    NoStateDict,
    /// The list of storages in the older container.
    #[error("its list of storages does not agree with its tensors: the file is damaged")]
    Keys,
    /// A storage does not hold as many numbers as the pickle says.
    #[error("storage {key} does not hold the {count} numbers that the pickle says")]
    Storage { key: String, count: usize },
    /// Bytes after the last storage.
    #[error("{bytes} bytes follow the last storage, from byte {at} on")]
    Remainder { at: usize, bytes: usize },
    /// The header of safetensors is longer than the file or than allowed.
    #[error(
        "claims a header of {claimed} bytes; the file has {available} after byte 8, and at most {longest} are read"
    )]
    HeaderLength {
        claimed: u64,
        /// Bytes of the file behind the claim.
        available: usize,
        longest: u64,
    },
    /// The header of safetensors, in its library's words.
    #[error("its safetensors header is at fault: {fault}")]
    Header { fault: String },
    /// A tensor of numbers that are not read.
    #[error("{tensor} is of type {element}, which is not read; save it in f32, f16 or bf16")]
    Element { tensor: String, element: String },
    /// A tensor that is not where the file says.
    #[error("{tensor} {fault}")]
    View { tensor: String, fault: ViewError },
    /// Two tensors of one name.
    #[error("{tensor} occurs twice")]
    Twice { tensor: String },
    /// An empty or very long name.
    #[error("a tensor's name is empty or longer than {longest} bytes: '{tensor}'")]
    Name { tensor: String, longest: usize },
}

impl Fault {
    pub(super) fn header(fault: &impl fmt::Display) -> Self {
        Self::Header { fault: super::shown(&fault.to_string()) }
    }

    pub(super) fn view(tensor: &str, fault: ViewError) -> Self {
        Self::View { tensor: super::shown(tensor), fault }
    }

    pub(super) fn storage(storage: &Storage<'_>) -> Self {
        Self::Storage { key: super::shown(storage.key), count: storage.count }
    }
}

/// How the names of a file relate to the missing ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// What the file has in front of the first missing name.
    pub prefix: Option<String>,
    /// The first names of the file.
    pub there: Vec<String>,
    /// Tensors in the file.
    pub count: usize,
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { prefix, there, count } = self;
        match prefix {
            Some(prefix) => write!(f, "the file has it with '{prefix}' in front: save the inner model's state_dict()"),
            None => {
                write!(f, "the file has {count} tensors, first {}: are these weights of this model?", there.join(", "))
            }
        }
    }
}
