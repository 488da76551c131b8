//! What is trained: data and a model, seen as an objective.
//! One file a problem; `model/` and `layer/` are what networks are built of, `data/` reads and checks data sets.

pub mod checkpoint;
mod classifier;
mod config;
pub mod data;
mod layer;
mod matrix_sensing;
mod metrics;
mod model;
mod quadratic;
mod valley;

use burn::tensor::{Device, Int, Tensor, TensorData};

use crate::{
    autodiff::{Layout, Objective, Vector},
    random::Stream,
};

pub use classifier::Classifier;
pub use config::{Digits, ProblemConfig, ProblemError};
pub use matrix_sensing::MatrixSensing;
pub use metrics::Metrics;
pub use model::{Activation, Perceptron, SoftmaxRegression};
pub use quadratic::Quadratic;
pub use valley::Valley;

/// Which training examples an objective averages over. Problems without examples ignore it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Examples<'a> {
    /// The first so many of the training set (all, where it has fewer).
    First(usize),
    /// These, by index.
    Chosen(&'a [usize]),
}

/// A tensor of indices.
#[expect(clippy::cast_possible_wrap, reason = "no tensor has 2^63 entries")]
fn indices_on(device: &Device, indices: &[usize]) -> Tensor<1, Int> {
    let data: Vec<i64> = indices.iter().map(|&index| index as i64).collect();
    Tensor::from_data(TensorData::new(data, [indices.len()]), device)
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

    /// Examples or measurements that one evaluation looks at, all splits together.
    fn evaluated_examples(&self) -> usize {
        0
    }

    /// The mean clean loss over these training examples as a function of w.
    fn objective(&self, examples: Examples<'_>) -> Box<dyn Objective + '_>;

    /// The same on labels smoothed by a share `smoothing` of the uniform distribution: (1 - a) NLL + a mean_c(-log p_c);
    /// `None` where there are no labels.
    fn smoothed_objective(&self, _examples: Examples<'_>, _smoothing: f64) -> Option<Box<dyn Objective + '_>> {
        None
    }

    /// The clean loss of every training example at `w`, [n]; `None` where there are none.
    fn example_losses(&self, _w: &Vector) -> Option<Vector> {
        None
    }

    /// Losses and their companions on whole splits, at `w`. Waits for the device.
    fn evaluate(&self, w: &Vector) -> Metrics;

    /// Where the tensors live.
    fn device(&self) -> &Device;
}
