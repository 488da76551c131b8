//! Which images a network is trained on: where they come from, and what is made of them before training.

use std::{
    fmt,
    num::{NonZeroU32, NonZeroUsize},
    ops::ControlFlow,
    path::PathBuf,
};

use crate::data::{
    self, Channel, DataError, ImageSplits, Images, Share, Splits,
    cifar::{self, CifarLabels},
    clipart,
    folder::{self, Cache, Corrupt, FolderOptions, Skipped},
};

/// Where images come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageSource {
    /// The embedded clip art.
    Clipart,
    /// CIFAR-10 or CIFAR-100 in a folder of its binary version.
    Cifar(PathBuf, CifarLabels),
    /// A folder of image files by class.
    Folder(PathBuf),
}

/// A set of colour images.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageSet {
    /// The set in the binary, or files.
    pub source: ImageSource,
    /// Rows and columns that they are scaled to; their own where there is no number, 224 for image files.
    pub size: Option<NonZeroU32>,
    /// Training images of each class, at most.
    pub per_class: Option<NonZeroUsize>,
    /// The share of each class's training images that are held out for validation.
    pub validation_share: Share,
    /// The share of the labels of the other training images that are made wrong.
    pub label_noise: Share,
    /// The share that a folder without a division of its own holds out for testing.
    pub test_share: Share,
    /// What becomes of corrupt image files.
    pub corrupt: Corrupt,
    /// Whether training images stay at hand to be augmented.
    pub augmentable: bool,
}

/// Rows and columns of image files where the preset says nothing, ImageNet's.
const USUAL_SIZE: NonZeroU32 = NonZeroU32::new(224).unwrap();

/// Progress in building a problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Loading {
    /// So many images are read of so many.
    Images {
        /// Images read so far.
        done: usize,
        /// Images to be read.
        of: usize,
    },
    /// The problem is there.
    Done,
    /// Corrupt images are left out, as the preset allows.
    SkippedImages {
        /// Images left out.
        count: usize,
        /// Images found, those left out included.
        of: usize,
        /// The first of those left out.
        first: Skipped,
    },
}

/// Called while a problem is built; [`ControlFlow::Break`] ends that.
pub type LoadingCallback<'a> = &'a dyn Fn(Loading) -> ControlFlow<()>;

/// Progress that is not shown.
pub fn ignore_progress(_: Loading) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

impl fmt::Display for Loading {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => formatter.write_str("starting"),
            Self::Images { done, of } => write!(formatter, "{done} of {of} images read"),
            Self::SkippedImages { count, of, first } => {
                let (path, reason) = (first.path.display(), &first.reason);
                write!(formatter, "{count} of {of} images left out, {path}: {reason}")
            }
        }
    }
}

impl ImageSet {
    /// Training, validation and test images, normalised as networks pretrained on ImageNet expect them. May take minutes.
    ///
    /// # Errors
    /// [`DataError`] names the file and what is wrong with it.
    pub fn load(&self, seed: u64, progress: LoadingCallback<'_>) -> Result<Splits, DataError> {
        let normalised = |images: &Images| images.normalised(&data::IMAGENET as &[Channel]);
        let ImageSplits { train, test } = self.images(seed, progress)?;
        let (train, validation) = train.validated(self.validation_share, seed)?;
        let train = train.with_label_noise(self.label_noise, seed);
        Ok(Splits {
            train: normalised(&train),
            validation: validation.as_ref().map(normalised),
            test: normalised(&test),
        })
    }

    /// Training and test images, chosen and scaled.
    fn images(&self, seed: u64, progress: LoadingCallback<'_>) -> Result<ImageSplits, DataError> {
        let ImageSplits { train, test } = match &self.source {
            ImageSource::Folder(path) => {
                let options = FolderOptions {
                    image_size: self.size.unwrap_or(USUAL_SIZE),
                    per_class: self.per_class,
                    test_share: self.test_share,
                    corrupt: self.corrupt,
                    seed,
                    cache: Cache::User,
                };
                let loaded = folder::load(path, &options, &|done, of| progress(Loading::Images { done, of }))?;
                for skipped in &loaded.skipped {
                    tracing::warn!("{} is left out: {}", skipped.path.display(), skipped.reason);
                }
                if let Some(first) = loaded.skipped.first().cloned() {
                    let count = loaded.skipped.len();
                    let of = count + loaded.train.len() + loaded.test.len();
                    // There is nothing left to break off.
                    let _ = progress(Loading::SkippedImages { count, of, first });
                }
                return Ok(ImageSplits { train: loaded.train, test: loaded.test });
            }
            ImageSource::Clipart => clipart::embedded()?,
            ImageSource::Cifar(path, labels) => cifar::from_folder(path, *labels)?,
        };
        let train = self.per_class.map_or_else(|| train.clone(), |count| train.per_class(count.get(), seed));
        if let (Some(side), ImageSource::Cifar(path, _)) = (self.size, &self.source) {
            let count = train.len() + test.len();
            data::check_room(count, side.get()).map_err(|fault| DataError::content(path, fault))?;
        }
        let scaled = |images: Images| match self.size {
            Some(side) if images.shape()[1..] != [side.get() as usize; 2] => images.resized([side.get() as usize; 2]),
            _ => images,
        };
        Ok(ImageSplits { train: scaled(train), test: scaled(test) })
    }
}
