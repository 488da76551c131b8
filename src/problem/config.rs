//! Which problem a preset asks for, and building it.

use std::{path::PathBuf, sync::Arc};

use burn::tensor::Device;

use super::{Activation, Classifier, MatrixSensing, Perceptron, Problem, Quadratic, SoftmaxRegression, Valley, data};

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
        let (train, test) = match &self.data_dir {
            Some(folder) => data::mnist::from_folder(folder)?,
            None => data::mnist::embedded()?,
        };
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
        }
    }

    /// Whether its examples have labels, which can be smoothed.
    pub fn has_labels(&self) -> bool {
        matches!(self, Self::MnistSoftmax(_) | Self::MnistMlp { .. })
    }

    /// Whether its parameters are several tensors.
    pub fn has_layers(&self) -> bool {
        matches!(self, Self::MnistMlp { .. })
    }

    /// Reads or draws the data and puts the problem on `device`. May take seconds.
    ///
    /// # Errors
    /// [`ProblemError`] if data cannot be read.
    pub fn build(&self, seed: u64, device: &Device) -> Result<Arc<dyn Problem>, ProblemError> {
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
        })
    }
}
