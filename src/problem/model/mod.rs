//! Networks: layers composed, as functions from inputs to logits.

mod blueprint;
mod convnet;
mod mobilenet;
mod perceptron;
mod resnet;
mod softmax;

pub use blueprint::{Blueprint, Shape, Tensors};
pub use convnet::ConvNet;
pub use mobilenet::MobileNetV2;
pub use perceptron::{Activation, Perceptron};
pub use resnet::{Depth, ResNet};
pub use softmax::SoftmaxRegression;

use super::layer::Pass;
use crate::{
    autodiff::{Layout, Real},
    random::Stream,
};

/// A classifier's network: from rows of inputs to rows of logits.
pub trait Network: Send + Sync {
    /// Its tensors as its layers declared them.
    fn tensors(&self) -> &Tensors;

    /// The parameters.
    fn layout(&self) -> &Layout {
        &self.tensors().layout
    }

    /// Initial weights.
    fn initial(&self, random: &mut Stream) -> Vec<f64> {
        self.tensors().initial(random)
    }

    /// Logits of a batch of images: [n, channels, height, width] -> [n, classes].
    fn logits<R: Real>(&self, pass: &mut Pass<'_, R>, images: R::T<4>) -> R::T<2>;

    /// The running means and variances of its batch normalisations, by name and place.
    fn buffers(&self) -> &Layout {
        &self.tensors().buffers
    }

    /// Whether it has convolutions in groups.
    fn has_groups(&self) -> bool {
        false
    }

    /// Numbers in the largest tensor on the way of one image: what bounds how many go through at a time.
    fn width(&self) -> usize;
}
