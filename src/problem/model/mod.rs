//! Networks: layers composed, as functions from inputs to logits.

mod perceptron;
mod softmax;

pub use perceptron::{Activation, Perceptron};
pub use softmax::SoftmaxRegression;

use crate::{
    autodiff::{Layout, Parameters, Real},
    random::Stream,
};

/// A classifier's network: from rows of inputs to rows of logits.
pub trait Network: Send + Sync {
    /// The parameters.
    fn layout(&self) -> &Layout;

    /// Initial weights.
    fn initial(&self, random: &mut Stream) -> Vec<f64>;

    /// Logits of a batch: [n, features] -> [n, classes].
    fn logits<R: Real>(&self, w: &Parameters<'_, R>, inputs: R::T<2>) -> R::T<2>;
}
