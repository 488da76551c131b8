//! The convolution.

use super::Pass;
use crate::autodiff::{Conv2dOptions, Real};

/// One convolution of a network: where its parameters are, and how it moves.
#[derive(Debug, Clone, Copy)]
pub struct Conv {
    /// Index of the kernels among the parameters; the bias follows them.
    pub parameters: usize,
    /// Whether there is a bias.
    pub biased: bool,
    /// Stride, padding, groups.
    pub window: Conv2dOptions,
}

impl Conv {
    /// [n, in, h, w] -> [n, out, h', w'].
    pub fn apply<R: Real>(self, images: R::T<4>, pass: &Pass<'_, R>) -> R::T<4> {
        let sums = R::conv2d(images, pass.get(self.parameters), self.window);
        if !self.biased {
            return sums;
        }
        let bias: R::T<1> = pass.get(self.parameters + 1);
        let [channels] = R::dims(&bias);
        R::add(sums, R::reshape(bias, [1, channels, 1, 1]))
    }
}
