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
mod selection;

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

pub use augmentation::{Augmentation, Draw, Flip};
pub use images::Images;
pub use labelled::{CIFAR10, CIFAR100, Channel, FASHION, IMAGENET, Labelled, MNIST};
pub use selection::Share;

/// A training and a test set of images.
pub type ImageSplits = (Images, Images);

/// Why a data set could not be read.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// None of the file names that the set may have is there.
    #[error(
        "no {name} in {folder}: expected {name}-ubyte, {name}-ubyte.gz or the same with a dot for the second hyphen; \
         problem.data_dir must be a folder with the four original files of MNIST's layout",
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
        source: io::Error,
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
    /// One image of a folder is corrupt.
    #[error("{path} cannot be used (problem.corrupt = \"skip\" leaves such images out and counts them)", path = .path.display())]
    Image {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: folder::ImageFault,
    },
    /// Whoever asked for the images no longer wants them.
    #[error("nobody waits for the images any more")]
    Unwanted,
    /// Pixels, labels and classes do not fit together.
    #[error("the images do not fit together: {fault}")]
    Inconsistent {
        /// What does not fit.
        fault: String,
    },
}

impl DataError {
    fn content(path: &Path, fault: impl Into<String>) -> Self {
        Self::Content { path: path.to_owned(), fault: fault.into() }
    }
}

/// The bytes of a regular file of at most `largest` bytes. Neither a pipe nor a device is ever opened.
fn read_file(path: &Path, largest: u64) -> io::Result<Vec<u8>> {
    let about = fs::metadata(path)?;
    if !about.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    let too_large = || io::Error::other(format!("it has more than {largest} bytes"));
    if about.len() > largest {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    // A file that grows meanwhile is still cut at the limit.
    File::open(path)?.take(largest + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > largest { Err(too_large()) } else { Ok(bytes) }
}

/// A class's name as it may be shown: without control characters, at most 64 characters.
fn class_name(text: &str) -> String {
    text.trim().chars().filter(|letter| !letter.is_control()).take(64).collect()
}
