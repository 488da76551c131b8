//! Networks: layers composed, as functions from inputs to outputs.

mod blueprint;
mod convnet;
mod mobilenet;
mod perceptron;
mod resnet;
mod softmax;

pub use blueprint::{Blueprint, ConvShape, Tensors};
pub use convnet::ConvNet;
pub use mobilenet::MobileNetV2;
pub use perceptron::{Activation, Perceptron};
pub use resnet::{Depth, ResNet};
pub use softmax::SoftmaxRegression;

use super::layer::Pass;
use crate::{
    autodiff::{HessianProducts, Layout, Real},
    random::Stream,
};

/// Examples that pass through a network at a time at most.
const MOST: usize = 4096;

/// Numbers that the widest tensor of a pass may have, to bound its memory.
const WIDEST: usize = 1 << 23;

/// A network: a function of its parameters from a batch of inputs to rows of outputs.
pub trait Network: Send + Sync {
    /// A batch of inputs as a data set makes it: images [n, channels, height, width]; tokens with a mask; a graph with the indices of
    /// nodes; two lists, of images and of texts.
    type Input;

    /// Its tensors as its layers declared them.
    fn tensors(&self) -> &Tensors;

    /// The parameters under PyTorch's names, in the order of the flat vector w.
    fn layout(&self) -> &Layout {
        &self.tensors().layout
    }

    /// Initial weights, flat, [parameters]; each kind of layer has its own distribution.
    fn initial(&self, random: &mut Stream) -> Vec<f64> {
        self.tensors().initial(random)
    }

    /// Its outputs for a batch: [n, outputs], one row an example; a classifier's are logits [n, classes].
    fn forward<R: Real>(&self, pass: &mut Pass<'_, R>, input: &Self::Input) -> R::T<2>;

    /// The running means and variances of its batch normalisations, by name and place.
    fn buffers(&self) -> &Layout {
        &self.tensors().buffers
    }

    /// The faster of LibTorch's Hessian-vector products. It takes the double backward of a convolution in groups group by group,
    /// which on MobileNetV2 is slower than dual numbers.
    fn hessian_products(&self) -> HessianProducts {
        if self.tensors().has_grouped_convolutions {
            HessianProducts::DualNumbers
        } else {
            HessianProducts::DoubleBackward
        }
    }

    /// Numbers in the largest tensor on the way of one example.
    fn width(&self) -> usize;

    /// Examples in one pass at most, 1 or more, so that its memory is bounded. A network that looks at all data whatever the batch,
    /// as at a whole graph, has no bound: `usize::MAX`.
    fn examples_per_pass(&self) -> usize {
        (WIDEST / self.width()).clamp(1, MOST)
    }
}
