//! Which problem a preset asks for, and building it.

use std::{path::PathBuf, sync::Arc};

use burn::tensor::Device;

use super::{
    Activation, Classifier, ConvNet, FineTune, MatrixSensing, Perceptron, Problem, Progress, Quadratic,
    SoftmaxRegression, Valley,
    checkpoint::CheckpointError,
    data,
    image_set::{clothes, unheard},
};

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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digits {
    /// The first so many training digits; all where there is no number.
    pub train_samples: Option<usize>,
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
    fn load(&self) -> Result<data::mnist::Splits, ProblemError> {
        self.first(match &self.data_dir {
            Some(folder) => data::mnist::from_folder(folder)?,
            None => data::mnist::embedded()?,
        })
    }

    fn first(&self, (train, test): data::mnist::Splits) -> Result<data::mnist::Splits, ProblemError> {
        let available = train.labels.len();
        let asked = self.train_samples.unwrap_or(available);
        if asked > available {
            return Err(ProblemError::TooFewExamples { asked, available });
        }
        Ok((train.first(asked), test))
    }
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

    /// Whether its parameters are several tensors.
    pub fn has_layers(&self) -> bool {
        self.has_labels() && !matches!(self, Self::MnistSoftmax(_))
    }

    /// Reads or draws the data and puts the problem on `device`. May take seconds.
    ///
    /// # Errors
    /// [`ProblemError`] if data cannot be read.
    pub fn build(&self, seed: u64, device: &Device) -> Result<Arc<dyn Problem>, ProblemError> {
        self.build_telling(seed, device, &unheard)
    }

    /// The same; `progress` hears how many of how many images are read, and which are left out.
    ///
    /// # Errors
    /// [`ProblemError`] if data cannot be read, or if `progress` breaks off.
    pub fn build_telling(
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
                let (train, test) = digits.load()?;
                let network = SoftmaxRegression::new(data::mnist::FEATURES, data::mnist::CLASSES);
                Arc::new(Classifier::new(network, (&train, &test), device))
            }
            Self::MnistMlp { hidden, activation, digits } => {
                let (train, test) = digits.load()?;
                let network = Perceptron::new(data::mnist::FEATURES, *hidden, data::mnist::CLASSES).with(*activation);
                Arc::new(Classifier::new(network, (&train, &test), device))
            }
            Self::FashionCnn { channels, digits } => {
                let (train, test) = digits.first(clothes(digits.data_dir.as_deref())?)?;
                let network = ConvNet::new(train.shape, *channels, train.classes);
                Arc::new(Classifier::new(network, (&train, &test), device))
            }
            Self::FineTune(config) => config.build(seed, &device, progress)?,
        })
    }
}
