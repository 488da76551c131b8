//! Which images of MNIST or Fashion-MNIST are used: the keys that their problems share.

use std::path::PathBuf;

use burn::tensor::{Device, Tensor};
use toml::{Table, Value};

use super::{Fault, Footprint, Section, image_set::read_validation_share};
use crate::{
    data::{self, Channel, ImageSplits, Images, Share, Splits},
    problem::{CrossEntropy, ImageDataset, Network, ProblemError, Supervised},
};

/// A subset of a set of small grey images.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageSubset {
    /// The first so many training images; all where there is no number.
    pub train_samples: Option<usize>,
    /// The share of each class of them that is held out for validation.
    pub validation_share: Share,
    /// A folder of the original files; the embedded subset where there is none.
    pub data_dir: Option<PathBuf>,
}

impl ImageSubset {
    /// All embedded images, none held out for validation.
    pub const EMBEDDED: Self = Self { train_samples: None, validation_share: Share::NONE, data_dir: None };

    /// The keys that MNIST and Fashion-MNIST share.
    pub(super) fn read_keys(section: &mut Section) -> Result<Self, Fault> {
        let data_dir = section.text("data_dir")?.map(Into::into);
        let train_samples = section.count("train_samples", 1..=60_000)?;
        let train_samples = train_samples.and_then(|count| usize::try_from(count).ok());
        Ok(Self { train_samples, validation_share: read_validation_share(section, 0.0)?, data_dir })
    }

    /// The same keys as a table.
    pub(super) fn write_keys(&self, table: &mut Table) {
        if let Some(count) = self.train_samples {
            table.insert("train_samples".into(), Value::Integer(i64::try_from(count).unwrap_or(i64::MAX)));
        }
        table.insert("validation_share".into(), Value::Float(self.validation_share.get()));
        if let Some(folder) = &self.data_dir {
            table.insert("data_dir".into(), folder.to_string_lossy().into_owned().into());
        }
    }

    /// Nine bytes a pixel while images are put on a device. The files of a folder are checked when their headers are read; here they
    /// are taken to be the original ones.
    pub(super) fn footprint(&self, network: &impl Network) -> Footprint {
        let [train, test] = if self.data_dir.is_some() { [60_000, 10_000] } else { [4_000, 1_000] };
        let examples = self.train_samples.map_or(train, |samples| samples as u64);
        let data = (examples + test) * data::mnist::FEATURES as u64 * data::BYTES_ON_THE_WAY;
        of_network(network, examples, data)
    }

    /// These images of MNIST.
    pub(super) fn mnist(&self, seed: u64) -> Result<Splits, ProblemError> {
        let images = self.data_dir.as_deref().map_or_else(data::mnist::embedded, data::mnist::from_folder)?;
        self.splits(images, &data::MNIST, seed)
    }

    /// These images of Fashion-MNIST.
    pub(super) fn fashion(&self, seed: u64) -> Result<Splits, ProblemError> {
        let images = self.data_dir.as_deref().map_or_else(data::fashion::embedded, data::fashion::from_folder)?;
        self.splits(images, &data::FASHION, seed)
    }

    fn splits(&self, images: ImageSplits, channels: &[Channel], seed: u64) -> Result<Splits, ProblemError> {
        let ImageSplits { train, test } = images;
        let available = train.len();
        let asked = self.train_samples.unwrap_or(available);
        if asked > available {
            return Err(ProblemError::TooFewExamples { asked, available });
        }
        let (train, validation) = train.first(asked).validated(self.validation_share, seed)?;
        let normalised = |images: Images| images.normalised(channels);
        Ok(Splits { train: normalised(train), validation: validation.map(normalised), test: normalised(test) })
    }
}

/// The size of a network on so many examples that take so many bytes.
pub(super) fn of_network(network: &impl Network, examples: u64, data: u64) -> Footprint {
    Footprint {
        data,
        data_key: "the number or the size of the images",
        parameters: network.layout().entries().iter().map(|entry| entry.len() as u64).sum(),
        examples,
        width: network.width() as u64,
        examples_per_pass: network.examples_per_pass() as u64,
    }
}

/// A classifier of images, every parameter drawn and trained.
pub(super) fn classifier<N: Network<Input = Tensor<4>>>(
    network: N,
    splits: Splits,
    device: &Device,
) -> Supervised<N, ImageDataset, CrossEntropy> {
    Supervised::new(network, ImageDataset::new(splits, device), CrossEntropy)
}
