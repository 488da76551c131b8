//! What is trained: data and a model, seen as an objective.
//! One file a problem; `model/` and `layer/` are what networks are built of, `data/` reads and checks data sets.

#![warn(missing_docs)]

pub mod checkpoint;
mod classifier;
mod config;
pub mod data;
mod fine_tune;
mod image_set;
mod layer;
mod matrix_sensing;
mod metrics;
mod model;
mod quadratic;
mod valley;

use burn::tensor::Device;

use crate::{
    autodiff::{Layout, Objective, Vector},
    random::Stream,
};

use data::Augmentation;

pub use classifier::{Classifier, Start};
pub use config::{Digits, ProblemConfig, ProblemError};
pub use fine_tune::{Backbone, FineTune, Weights};
pub use image_set::{ImageSet, Loading, Progress, Source, ignore_progress};
pub use layer::{BatchNorm, Conv, Linear, Norms, Stage};
pub use matrix_sensing::MatrixSensing;
pub use metrics::Metrics;
pub use model::{
    Activation, Blueprint, ConvNet, Depth, MobileNetV2, Network, Perceptron, ResNet, Shape, SoftmaxRegression, Tensors,
};
pub use quadratic::Quadratic;
pub use valley::Valley;

/// Which examples an objective averages over. Problems without examples ignore it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Examples<'a> {
    /// The first so many of the training set (all, where it has fewer).
    First(usize),
    /// These of the training set, by index.
    Chosen(&'a [usize]),
    /// These that training never sees, by index: those of the validation set, then those of the test set.
    HeldOut(&'a [usize]),
}

/// The augmentation under which training examples are seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Augmented {
    /// What may happen to an example.
    pub augmentation: Augmentation,
    /// Which draw of it.
    pub draw: u64,
}

/// The clean loss of every example.
#[derive(Debug, Clone)]
pub struct ExampleLosses {
    /// Of the training set, [n].
    pub train: Vector,
    /// Of the validation set, where there is one.
    pub validation: Option<Vector>,
    /// Of the test set.
    pub test: Vector,
}

/// How a loss looks at its batch.
#[derive(Debug, Clone, Default)]
pub struct Mode {
    /// The moments that batch normalisation normalises with; `None` for the batch's own.
    pub buffers: Option<Vector>,
    /// The augmentation that the training examples are seen under; `None` for the examples as they are.
    pub augmentation: Option<Augmented>,
    /// A share a of the uniform distribution in the labels: (1 - a) NLL + a mean_c(-log p_c). Problems without labels ignore it.
    pub smoothing: f64,
}

/// What batch normalisation knows of a data set: running means and variances.
#[derive(Debug, Clone)]
pub struct Buffers<'a> {
    /// Names and places of the moments in their flat vector, as PyTorch calls them.
    pub layout: &'a Layout,
    /// Before training.
    pub initial: Vector,
    /// Whether training normalises by these too and leaves them as they are.
    pub frozen: bool,
}

/// Something to train: shared by all runs of a session, never changed by them.
pub trait Problem: Send + Sync {
    /// The parameters, by name and shape.
    fn layout(&self) -> &Layout;

    /// Initial weights, as the problem's definition draws them.
    fn initial(&self, random: &mut Stream) -> Vec<f64>;

    /// Training examples to make minibatches of; 0 where every step sees the whole loss.
    fn examples(&self) -> usize {
        0
    }

    /// Kinds of labels that examples have; 0 where they have none.
    fn classes(&self) -> usize {
        0
    }

    /// At most `count` training examples that stand for all of them: drawn by `seed`, each class in its share of the training
    /// set, neighbours of different classes. All of them in their order where there are no more.
    fn sample(&self, count: usize, _seed: u64) -> Vec<usize> {
        (0..self.examples().min(count)).collect()
    }

    /// Examples or measurements that one evaluation looks at, all splits together.
    fn evaluated_examples(&self) -> usize {
        0
    }

    /// The mean loss over these training examples as a function of w.
    fn objective_in(&self, mode: Mode, examples: Examples<'_>) -> Box<dyn Objective + '_>;

    /// The same in the plainest mode: labels as they are, batch normalisation by the batch.
    fn objective(&self, examples: Examples<'_>) -> Box<dyn Objective + '_> {
        self.objective_in(Mode::default(), examples)
    }

    /// The moments that batch normalisation has stored at the start; `None` where there is none.
    fn buffers(&self) -> Option<Buffers<'_>> {
        None
    }

    /// Tensors that the model has besides those that are trained and the moments: layers that stay as they are.
    fn frozen(&self) -> Option<(&Layout, Vector)> {
        None
    }

    /// The clean loss of every example at `w`, under stored moments; `None` where there are no examples. Cost: a forward pass of
    /// each.
    fn example_losses(&self, _w: &Vector, _statistics: Option<&Vector>) -> Option<ExampleLosses> {
        None
    }

    /// Losses and their companions on whole splits, at `w` under stored moments. Waits for the device.
    fn evaluate(&self, w: &Vector, buffers: Option<&Vector>) -> Metrics;

    /// Where the tensors live.
    fn device(&self) -> &Device;
}
