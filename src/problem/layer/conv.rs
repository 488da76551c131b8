//! The convolution.

use crate::autodiff::{Conv2dOptions, Parameters, Real};

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
    pub fn apply<R: Real>(self, images: R::T<4>, w: &Parameters<'_, R>) -> R::T<4> {
        let sums = R::conv2d(images, w.get(self.parameters), self.window);
        if !self.biased {
            return sums;
        }
        let bias: R::T<1> = w.get(self.parameters + 1);
        let [channels] = R::dims(&bias);
        R::add(sums, R::reshape(bias, [1, channels, 1, 1]))
    }
}
