//! Which problem a preset asks for, and building it.

use std::{path::PathBuf, sync::Arc};

use burn::tensor::{Device, Tensor};

use super::{
    Activation, ConvNet, CrossEntropy, FineTune, ImageDataset, MatrixSensing, Network, Perceptron, Problem, Progress,
    Quadratic, SoftmaxRegression, Supervised, Valley, checkpoint::CheckpointError, image_set::ignore_progress,
};
use crate::data::{self, Channel, ImageSplits, Images, Share, Splits};

/// A problem with its settings, as checked by the preset reader.
#[derive(Debug, Clone, PartialEq)]
pub enum ProblemConfig {
    /// See [`Quadratic`].
    Quadratic {
        /// Curvatures.
        h: Vec<f64>,
        /// Slope, of the length of `h`.
        b: Vec<f64>,
        /// Start, of the length of `h`.
        start: Vec<f64>,
    },
    /// See [`Valley`].
    Valley {
        /// Start (x, y).
        start: [f64; 2],
    },
    /// See [`MatrixSensing`].
    MatrixSensing {
        /// Dimension of the matrix.
        d: usize,
        /// Rank of the solution.
        r: usize,
        /// Measurements.
        n: usize,
    },
    /// [`SoftmaxRegression`] on MNIST.
    MnistSoftmax(Digits),
    /// [`Perceptron`] on MNIST.
    MnistMlp {
        /// Hidden units.
        hidden: usize,
        /// What they make of their sums.
        activation: Activation,
        /// Which digits.
        digits: Digits,
    },
    /// [`ConvNet`] on Fashion-MNIST.
    FashionCnn {
        /// Channels after its first convolution.
        channels: usize,
        /// Which images.
        digits: Digits,
    },
    /// See [`FineTune`].
    FineTune(Box<FineTune>),
}

/// Which MNIST digits to use.
#[derive(Debug, Clone, PartialEq)]
pub struct Digits {
    /// The first so many training digits; all where there is no number.
    pub train_samples: Option<usize>,
    /// The share of each class of them that is held out for validation.
    pub validation_share: Share,
    /// A folder of the original files; the embedded subset where there is none.
    pub data_dir: Option<PathBuf>,
}

/// Why a problem could not be built.
#[derive(Debug, thiserror::Error)]
pub enum ProblemError {
    /// The data set is at fault.
    #[error(transparent)]
    Data(#[from] data::DataError),
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

impl Digits {
    fn mnist(&self, seed: u64) -> Result<Splits, ProblemError> {
        let images = self.data_dir.as_deref().map_or_else(data::mnist::embedded, data::mnist::from_folder)?;
        self.splits(images, &data::MNIST, seed)
    }

    fn fashion(&self, seed: u64) -> Result<Splits, ProblemError> {
        let images = self.data_dir.as_deref().map_or_else(data::fashion::embedded, data::fashion::from_folder)?;
        self.splits(images, &data::FASHION, seed)
    }

    fn splits(&self, (train, test): ImageSplits, channels: &[Channel], seed: u64) -> Result<Splits, ProblemError> {
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

/// A classifier of images, every parameter trained from its initial value.
fn classifier<N: Network<Input = Tensor<4>>>(
    network: N,
    splits: Splits,
    device: &Device,
) -> Supervised<N, ImageDataset, CrossEntropy> {
    Supervised::new(network, ImageDataset::new(splits, device), CrossEntropy)
}

impl ProblemConfig {
    /// The name in presets.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Quadratic { .. } => "quadratic",
            Self::Valley { .. } => "valley",
            Self::MatrixSensing { .. } => "matrix-sensing",
            Self::MnistSoftmax(_) => "mnist-softmax",
            Self::MnistMlp { .. } => "mnist-mlp",
            Self::FashionCnn { .. } => "fashion-cnn",
            Self::FineTune(_) => "fine-tune",
        }
    }

    /// Whether its examples have labels, which can be smoothed.
    pub fn has_labels(&self) -> bool {
        !matches!(self, Self::Quadratic { .. } | Self::Valley { .. } | Self::MatrixSensing { .. })
    }

    /// The unit of its loss, where it has one: a cross-entropy of natural logarithms is counted in nats.
    pub fn loss_unit(&self) -> Option<&'static str> {
        self.has_labels().then_some("nats")
    }

    /// Whether its parameters are several tensors.
    pub fn has_layers(&self) -> bool {
        self.has_labels() && !matches!(self, Self::MnistSoftmax(_))
    }

    /// Reads or draws the data and puts the problem on `device`. May take seconds.
    ///
    /// # Errors
    /// [`ProblemError`] if data cannot be read.
    pub fn build(&self, seed: u64, device: &Device) -> Result<Arc<dyn Problem>, ProblemError> {
        self.build_with_progress(seed, device, &ignore_progress)
    }

    /// The same; `progress` hears how many of how many images are read, and which are left out.
    ///
    /// # Errors
    /// [`ProblemError`] if data cannot be read, or if `progress` breaks off.
    pub fn build_with_progress(
        &self,
        seed: u64,
        device: &Device,
        progress: Progress<'_>,
    ) -> Result<Arc<dyn Problem>, ProblemError> {
        let device = device.clone();
        Ok(match self {
            Self::Quadratic { h, b, start } => Arc::new(Quadratic::new(h.clone(), b.clone(), start.clone(), device)),
            Self::Valley { start } => Arc::new(Valley::new(*start, device)),
            Self::MatrixSensing { d, r, n } => Arc::new(MatrixSensing::new(*d, *r, *n, (seed, device))),
            Self::MnistSoftmax(digits) => {
                let network = SoftmaxRegression::new(data::mnist::FEATURES, data::mnist::CLASSES);
                Arc::new(classifier(network, digits.mnist(seed)?, &device))
            }
            Self::MnistMlp { hidden, activation, digits } => {
                let network = Perceptron::new(data::mnist::FEATURES, *hidden, data::mnist::CLASSES).with(*activation);
                Arc::new(classifier(network, digits.mnist(seed)?, &device))
            }
            Self::FashionCnn { channels, digits } => {
                let splits = digits.fashion(seed)?;
                let network = ConvNet::new(splits.train.shape, *channels, splits.train.classes);
                Arc::new(classifier(network, splits, &device))
            }
            Self::FineTune(config) => config.build(seed, &device, progress)?,
        })
    }
}
