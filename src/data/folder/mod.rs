//! Image folders as those of Caltech-256, Aircraft, Indoor and many others: one folder a class, with its JPEG and
//! PNG files, or `train` and `test` (or `val`) with such folders in them.

mod cache;
mod decode;
mod fault;
mod jpeg;
mod png;
mod scan;
mod workers;

use std::{
    num::{NonZeroU32, NonZeroUsize},
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use strum::{EnumString, IntoStaticStr, VariantArray};

pub use decode::read;
pub use fault::ImageFault;

use super::{DataError, Images, Share, selection};
use crate::random::{Purpose, stream};
use cache::CachedImages;
use scan::{Division, Listing};
use workers::{Decoded, Decoding};

/// Called with the number of images read and of all images; [`ControlFlow::Break`] ends the reading.
pub type ImageProgress<'a> = &'a dyn Fn(usize, usize) -> ControlFlow<()>;

/// What becomes of a corrupt image.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub enum Corrupt {
    /// It is named, and nothing is loaded.
    #[default]
    Error,
    /// It is left out, and counted.
    Skip,
}

/// Where decoded images are kept for the next time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Cache {
    /// In the user's cache folder (`$XDG_CACHE_HOME/nso-tui/images` on Linux).
    #[default]
    User,
    /// In this folder.
    Folder(PathBuf),
    /// Nowhere.
    Off,
}

/// How a folder is read.
#[derive(Debug, Clone, PartialEq)]
pub struct FolderOptions {
    /// Rows and columns that images are scaled to.
    pub image_size: NonZeroU32,
    /// Training images of each class, at most; all where there is no number.
    pub per_class: Option<NonZeroUsize>,
    /// The share of each class that is held out, where the folder itself does not divide training from testing.
    pub test_share: Share,
    /// What becomes of a corrupt image.
    pub corrupt: Corrupt,
    /// Decides what is held out and kept.
    pub seed: u64,
    /// Where decoded images are kept.
    pub cache: Cache,
}

/// A folder's images.
#[derive(Debug)]
pub struct Loaded {
    /// Classes mixed by the seed.
    pub train: Images,
    /// Of the same classes.
    pub test: Images,
    /// Corrupt images that were left out.
    pub skipped: Vec<Skipped>,
}

/// A corrupt image that was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    pub path: PathBuf,
    pub reason: String,
}

impl Skipped {
    fn new(path: PathBuf, fault: &ImageFault) -> Self {
        let cause = std::error::Error::source(fault).map(|cause| format!(": {cause}")).unwrap_or_default();
        Self { path, reason: format!("{fault}{cause}") }
    }
}

/// Training and test images from `folder`, RGB, scaled as [`read`] says. Only images that are used are decoded, on
/// several threads; `progress` is called on this thread with how many of how many are done.
///
/// Memory: twice the decoded images (and what numbers on a device take, which is checked to be free), and 64 MB and its
/// file for each of at most eight threads.
///
/// # Errors
/// [`DataError`] names the folder or file, and what is wrong with it.
pub fn load(folder: &Path, options: &FolderOptions, progress: ImageProgress<'_>) -> Result<Loaded, DataError> {
    let side = options.image_size.get();
    let (train, test) = divided(scan::scan(folder)?, options);
    let files = [&train.files[..], &test.files].concat();
    let known = options.cache.folder().map(|cache| CachedImages::new(&cache, folder, &files, side));
    let mut pixels = workers::room(files.len(), side).map_err(|fault| DataError::content(folder, fault))?;
    let cached = known.as_ref().and_then(|known| known.read(&mut pixels));
    let usable = |skipped: &Vec<_>| skipped.is_empty() || options.corrupt == Corrupt::Skip;
    let decoded = if let Some(skipped) = cached.filter(usable) {
        if progress(files.len(), files.len()).is_break() {
            return Err(DataError::Unwanted);
        }
        Decoded { pixels, skipped }
    } else {
        let decoded = workers::decode_all(&files, Decoding { side, corrupt: options.corrupt, progress }, pixels)?;
        if let Some(known) = &known {
            known.write(&decoded);
        }
        decoded
    };
    let loaded = assembled(decoded, [&train, &test], side)?;
    for (images, split) in [(&loaded.train, "training"), (&loaded.test, "test")] {
        if images.is_empty() {
            return Err(DataError::content(folder, format!("it has no usable {split} image")));
        }
    }
    Ok(loaded)
}

impl Cache {
    fn folder(&self) -> Option<PathBuf> {
        match self {
            Self::User => dirs::cache_dir().map(|cache| cache.join("nso-tui").join("images")),
            Self::Folder(folder) => Some(folder.clone()),
            Self::Off => None,
        }
    }
}

/// Bytes of one decoded image.
fn image_bytes(side: u32) -> usize {
    3 * (side as usize).pow(2)
}

/// Training and test files, chosen and mixed by the seed.
fn divided(found: Division, options: &FolderOptions) -> (Listing, Listing) {
    let (train, test) = match found {
        Division::TrainAndTest { train, test } => (train, test),
        Division::None(all) => {
            let chosen = selection::split(
                &all.labels,
                all.classes.len(),
                options.test_share,
                &mut stream(options.seed, Purpose::Split),
            );
            (all.chosen(&chosen.0), all.chosen(&chosen.1))
        }
    };
    let most = options.per_class.map_or(usize::MAX, NonZeroUsize::get);
    let kept = selection::per_class(&train.labels, train.classes.len(), most, options.seed);
    (train.chosen(&kept), test)
}

impl Listing {
    fn chosen(&self, indices: &[usize]) -> Self {
        Self {
            files: indices.iter().map(|&at| self.files[at].clone()).collect(),
            labels: indices.iter().map(|&at| self.labels[at]).collect(),
            classes: self.classes.clone(),
        }
    }
}

/// Images of `side` rows and columns from what was decoded, those for training before those for testing, without those that were
/// skipped.
fn assembled(
    Decoded { mut pixels, skipped }: Decoded,
    [train, test]: [&Listing; 2],
    side: u32,
) -> Result<Loaded, DataError> {
    let image = image_bytes(side);
    let (count, classes) = (train.files.len(), &train.classes);
    let mut labels = [&train.labels[..], &test.labels].concat();
    let shape = [3, side as usize, side as usize];
    let mut gone = skipped.iter().map(|(at, _)| *at).peekable();
    let mut kept = 0;
    for at in 0..labels.len() {
        if gone.next_if_eq(&at).is_none() {
            pixels.copy_within(at * image..(at + 1) * image, kept * image);
            labels[kept] = labels[at];
            kept += 1;
        }
    }
    let train = count - skipped.iter().filter(|(at, _)| *at < count).count();
    pixels.truncate(kept * image);
    labels.truncate(kept);
    let (rest, rest_labels) = (pixels.split_off(train * image), labels.split_off(train));
    pixels.shrink_to_fit();
    let train = Images::new(shape, pixels, labels, classes)?;
    let test = Images::new(shape, rest, rest_labels, classes)?;
    Ok(Loaded { train, test, skipped: skipped.into_iter().map(|(_, skipped)| skipped).collect() })
}

#[cfg(test)]
mod tests;
