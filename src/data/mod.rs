//! Reading data sets: checked, never trusted.
//! Each reader gives [`Images`] (bytes, with class names); training takes them normalised, as [`Labelled`].

mod augmentation;
pub mod cifar;
pub mod clipart;
pub mod fashion;
pub mod folder;
pub mod idx;
mod idx_files;
mod images;
mod labelled;
pub mod mnist;
pub(crate) mod selection;

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::{
    memory::{self, Shortage},
    text::printable,
};

pub use augmentation::{Augmentation, Draw, Flip};
pub use images::Images;
pub use labelled::{Channel, FASHION, IMAGENET, Labelled, MNIST};
pub use selection::Share;

/// Examples to train on, to choose by, and to judge by.
#[derive(Debug, Clone, PartialEq)]
pub struct Splits {
    /// What training sees.
    pub train: Labelled,
    /// Held out of the training set; `None` where nothing was.
    pub validation: Option<Labelled>,
    /// Held out by the data set.
    pub test: Labelled,
}

/// The training and the test set that a data set comes in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageSplits {
    /// What training and validation examples are taken from.
    pub train: Images,
    /// Of the same shape and classes.
    pub test: Images,
}

/// Why a data set could not be read.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// None of the file names that the set may have is there.
    #[error(
        "no {name} in {folder}: expected {name}-ubyte, {name}-ubyte.gz or the same with a dot for the second hyphen; \
         problem.data_dir must be a folder with the four original files of MNIST's layout",
        folder = .folder.display()
    )]
    Missing { folder: PathBuf, name: &'static str },
    /// The file cannot be opened or read.
    #[error("cannot read {path}", path = .path.display())]
    Read { path: PathBuf, source: io::Error },
    /// The file is not what it claims to be.
    #[error("{path} is not a valid IDX file", path = .path.display())]
    Idx { path: PathBuf, source: idx::IdxError },
    /// A well-formed file with the wrong content.
    #[error("{path}: {fault}", path = .path.display())]
    Content { path: PathBuf, fault: String },
    /// One image of a folder is corrupt.
    #[error("{path} cannot be used (problem.corrupt = \"skip\" leaves such images out and counts them)", path = .path.display())]
    Image { path: PathBuf, source: folder::ImageFault },
    /// The reading was cancelled.
    #[error("reading the images was cancelled")]
    Unwanted,
    /// Pixels, labels and classes do not fit together.
    #[error("the images do not fit together: {fault}")]
    Inconsistent { fault: String },
}

impl DataError {
    pub(crate) fn content(path: &Path, fault: impl Into<String>) -> Self {
        Self::Content { path: path.to_owned(), fault: fault.into() }
    }
}

/// Bytes that a number of an image takes while it is put on a device: decoded, in single precision, and there.
pub(crate) const BYTES_ON_THE_WAY: u64 = 9;

/// Checks that `count` colour images of `side` x `side` pixels can be put on a device of this machine's memory. What else the machine
/// does meanwhile is not known.
pub(crate) fn check_room(count: usize, side: u32) -> Result<(), String> {
    let numbers = (count as u64).saturating_mul(3 * u64::from(side).pow(2));
    memory::check(numbers.saturating_mul(BYTES_ON_THE_WAY)).map_err(|Shortage { needed, available }| {
        format!(
            "{count} images of {side} x {side} pixels take {} GB on the way, {} are free; lower problem.image_size or \
             problem.per_class",
            memory::gigabytes(needed),
            memory::gigabytes(available),
        )
    })
}

/// A class's name as it may be shown: [`printable`], at most 64 characters.
fn class_name(text: &str) -> String {
    printable(text.trim()).chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_memory_holds_is_refused_with_what_to_change() {
        assert_eq!(check_room(1, 8), Ok(()));
        // 2^50 images of 12 MB.
        let fault = check_room(1 << 50, 2_048).unwrap_err();
        assert!(fault.contains("images of 2048 x 2048 pixels") && fault.contains("problem.per_class"), "{fault}");
    }
}
