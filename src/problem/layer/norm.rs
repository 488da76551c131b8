//! Batch normalisation (Ioffe & Szegedy 2015), by the statistics of the batch or by buffers. It changes neither.

use super::{Conv, Pass};
use crate::autodiff::Real;

/// Added to a variance, PyTorch's default.
const EPSILON: f64 = 1e-5;

/// One batch normalisation of a network: where its parameters and buffers are.
#[derive(Debug, Clone, Copy)]
pub struct BatchNorm {
    /// Index of the scale among the parameters; the shift follows it.
    pub parameters: usize,
    /// Index of the running mean among the buffers; the running variance follows it.
    pub buffers: usize,
}

impl BatchNorm {
    /// scale (x - mean) / sqrt(variance + 1e-5) + shift, channel by channel: [n, c, h, w] -> [n, c, h, w].
    pub fn apply<R: Real>(self, images: R::T<4>, pass: &mut Pass<'_, R>) -> R::T<4> {
        let affine = [pass.get(self.parameters), pass.get(self.parameters + 1)];
        if let Some(buffers) = pass.buffers(self.buffers) {
            return R::batch_norm_eval(images, affine, buffers, EPSILON);
        }
        let (output, statistics) = R::batch_norm(images, affine, EPSILON);
        pass.keep(self.buffers, statistics);
        output
    }
}

/// A convolution and its normalisation.
#[derive(Debug, Clone, Copy)]
pub struct Stage {
    /// The convolution, without a bias.
    pub conv: Conv,
    /// The normalisation of its output.
    pub norm: BatchNorm,
}

impl Stage {
    /// [n, in, h, w] -> [n, out, h', w'].
    pub fn apply<R: Real>(self, images: R::T<4>, pass: &mut Pass<'_, R>) -> R::T<4> {
        let output = self.conv.apply::<R>(images, pass);
        self.norm.apply::<R>(output, pass)
    }
}
