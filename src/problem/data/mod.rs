//! Reading data sets: checked, never trusted.

pub mod idx;
pub mod mnist;

use std::path::PathBuf;

/// Labelled examples, normalised, on the host.
#[derive(Debug, Clone, PartialEq)]
pub struct Labelled {
    /// Row-major, one example after another.
    pub inputs: Vec<f32>,
    /// Channels, height and width of one example.
    pub shape: [usize; 3],
    /// One label an example.
    pub labels: Vec<u8>,
}

impl Labelled {
    /// The first `count` examples, or all where there are fewer.
    #[must_use]
    pub fn first(mut self, count: usize) -> Self {
        self.labels.truncate(count);
        self.inputs.truncate(self.labels.len() * self.shape.iter().product::<usize>());
        self
    }
}

/// Why a data set could not be read.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// None of the file names that the set may have is there.
    #[error(
        "no {name} in {folder}: expected {name}-ubyte, {name}-ubyte.gz or the same with a dot for the second hyphen; \
         problem.data_dir must be a folder with the four original MNIST files",
        folder = .folder.display()
    )]
    Missing {
        /// The folder that was searched.
        folder: PathBuf,
        /// The stem that was looked for.
        name: &'static str,
    },
    /// The file cannot be opened or read.
    #[error("cannot read {path}", path = .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not what it claims to be.
    #[error("{path} is not a valid IDX file", path = .path.display())]
    Idx {
        /// The file.
        path: PathBuf,
        /// What is wrong, and at which byte.
        source: idx::IdxError,
    },
    /// A well-formed file with the wrong content.
    #[error("{path}: {fault}", path = .path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        fault: String,
    },
}
