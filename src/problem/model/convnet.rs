//! A small convolutional network without normalisation: two convolutions, each halved by a maximum, and a linear head.

use burn::tensor::Tensor;

use super::{
    Network,
    blueprint::{Blueprint, ConvShape, Tensors},
};
use crate::{
    autodiff::{Conv2dOptions, Real},
    problem::layer::{Conv, Linear, Pass, flat},
};

/// images -> 3 x 3 convolution, ReLU, 2 x 2 maximum -> the same at twice the channels -> classes.
#[derive(Debug, Clone)]
pub struct ConvNet {
    convs: [Conv; 2],
    head: Linear,
    tensors: Tensors,
    width: usize,
}

impl ConvNet {
    /// For images of this shape, [channels, height, width], with so many channels after the first convolution.
    pub fn new([inputs, height, width]: [usize; 3], channels: usize, classes: usize) -> Self {
        let mut plan = Blueprint::default();
        let mut conv =
            |name, channels| plan.conv_with_bias(name, ConvShape { channels, size: 3, stride: 1, groups: 1 });
        let convs = [conv("conv1", [inputs, channels]), conv("conv2", [channels, 2 * channels])];
        let head = plan.linear("fc", [2 * channels * (height / 4) * (width / 4), classes]);
        Self { convs, head, tensors: plan.finish(), width: channels * height * width }
    }
}

impl Network for ConvNet {
    /// Images [n, channels, height, width].
    type Input = Tensor<4>;

    fn tensors(&self) -> &Tensors {
        &self.tensors
    }

    fn width(&self) -> usize {
        self.width
    }

    fn forward<R: Real>(&self, pass: &mut Pass<'_, R>, images: &Tensor<4>) -> R::T<2> {
        let halved = Conv2dOptions { stride: 2, padding: 0, groups: 1 };
        let features = self
            .convs
            .iter()
            .fold(pass.constant(images), |x, conv| R::max_pool2d(R::relu(conv.apply::<R>(x, pass)), 2, halved));
        self.head.apply::<R>(flat::<R>(features), pass)
    }
}
