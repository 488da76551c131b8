//! What is trained: data and a model, seen as an objective.
//! `supervised.rs` joins a network of `model/`, made of `layer/`, a data set and a loss; an analytic problem is one file.

#![warn(missing_docs)]

pub mod checkpoint;
mod dataset;
mod error;
mod fine_tune;
mod image_set;
mod layer;
mod loss;
mod matrix_sensing;
mod metrics;
mod model;
mod normalization;
mod quadratic;
mod supervised;
mod valley;

use std::num::NonZeroUsize;

use burn::tensor::Device;

use crate::{
    autodiff::{Layout, Objective, Vector},
    data::Augmentation,
    random::Stream,
};

pub use dataset::{Batch, BatchOf, Classes, Dataset, ImageDataset, Split};
pub use error::ProblemError;
pub use fine_tune::{Backbone, FineTune, Weights};
pub use image_set::{ImageSet, ImageSource, Loading, LoadingCallback, ignore_progress};
pub use layer::{BatchNorm, Conv, Linear, Pass, Stage};
pub use loss::{CrossEntropy, LossFunction, Reduction};
pub use matrix_sensing::{MatrixSensing, MatrixSensingSize};
pub use metrics::Metrics;
pub use model::{
    Activation, Blueprint, ConvNet, ConvShape, Depth, MobileNetV2, Network, Perceptron, ResNet, SoftmaxRegression,
    Tensors,
};
pub use normalization::{BatchNormMode, Buffers, Normalization};
pub use quadratic::Quadratic;
pub use supervised::{InitialTensor, Initialization, Minibatch, Supervised};
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
    /// The number of the draw: the same number shows the same examples alike.
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

/// How a loss is computed on its batch.
#[derive(Debug, Clone, Default)]
pub struct Mode {
    /// What batch normalisation normalises by.
    pub normalization: Normalization,
    /// The augmentation that the training examples are seen under; `None` for the examples as they are.
    pub augmentation: Option<Augmented>,
    /// A share a of the uniform distribution in the labels: (1 - a) NLL + a mean_c(-log p_c). Problems without labels ignore it.
    pub smoothing: f64,
}

/// Something to train: shared by all runs of a session, never changed by them.
pub trait Problem: Send + Sync {
    /// The parameters, by name and shape.
    fn layout(&self) -> &Layout;

    /// Initial weights, as the problem's definition draws them.
    fn initial(&self, random: &mut Stream) -> Vec<f64>;

    /// Training examples to make minibatches of; `None` where every step sees the whole loss.
    fn examples(&self) -> Option<NonZeroUsize> {
        None
    }

    /// Examples of the test set; `None` where there is none.
    fn test_examples(&self) -> Option<NonZeroUsize> {
        None
    }

    /// Classes of the training examples; `None` where they have no labels.
    fn classes(&self) -> Option<NonZeroUsize> {
        None
    }

    /// Whether the loss of a batch is the mean of its examples' own losses.
    fn reduction(&self) -> Reduction {
        Reduction::MeanOverExamples
    }

    /// At most `count` training examples that stand for all of them: drawn by `seed`, each class in its share of the training
    /// set, neighbours of different classes. All of them in their order where there are no more.
    fn sample(&self, count: usize, _seed: u64) -> Vec<usize> {
        (0..self.examples().map_or(0, |all| all.get().min(count))).collect()
    }

    /// Examples or measurements that one evaluation looks at, all splits together; 0 for a closed formula.
    fn evaluated_examples(&self) -> usize {
        0
    }

    /// The mean loss over these training examples as a function of w.
    fn objective_in(&self, mode: Mode, examples: Examples<'_>) -> Box<dyn Objective + '_>;

    /// The same in the plainest mode: labels as they are, batch normalisation by the batch.
    fn objective(&self, examples: Examples<'_>) -> Box<dyn Objective + '_> {
        self.objective_in(Mode::default(), examples)
    }

    /// The buffers of batch normalisation before training; `None` where there is none.
    fn buffers(&self) -> Option<Buffers<'_>> {
        None
    }

    /// Parameters of the model that are not trained, with their values.
    fn frozen(&self) -> Option<(&Layout, Vector)> {
        None
    }

    /// The clean loss of every example at `w`, normalised by `buffers`; `None` where there are no examples. Cost: a forward pass
    /// of each.
    fn example_losses(&self, _w: &Vector, _buffers: Option<&Vector>) -> Option<ExampleLosses> {
        None
    }

    /// Losses and their companions on whole splits, at `w` normalised by `buffers`. Waits for the device.
    fn evaluate(&self, w: &Vector, buffers: Option<&Vector>) -> Metrics;

    /// The same as long as it is `wanted`, which is asked between parts; `None` once it is not.
    fn evaluate_while(&self, w: &Vector, buffers: Option<&Vector>, wanted: &dyn Fn() -> bool) -> Option<Metrics> {
        wanted().then(|| self.evaluate(w, buffers))
    }

    /// Where the tensors live.
    fn device(&self) -> &Device;
}
