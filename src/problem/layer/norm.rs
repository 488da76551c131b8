//! Batch normalisation (Ioffe & Szegedy 2015): by the batch's own moments or by stored ones, never changing either.

use burn::tensor::Tensor;

use super::Conv;
use crate::autodiff::{Layout, Parameters, Real, Vector};

/// What is added to a variance, PyTorch's default.
const EPSILON: f64 = 1e-5;

/// One batch normalisation of a network: where its parameters and moments are.
#[derive(Debug, Clone, Copy)]
pub struct BatchNorm {
    /// Index of the scale among the parameters; the shift follows it.
    pub parameters: usize,
    /// Index of the mean among the moments; the variance follows it.
    pub moments: usize,
}

/// The batch normalisations of one forward pass: the moments that they normalise with, and those that they saw.
#[derive(Debug)]
pub enum Norms {
    /// By the batch's own moments, kept here by index.
    Batch(Vec<Option<Vector>>),
    /// By these, one tensor each.
    Stored(Vec<Vector>),
}

impl Norms {
    /// For a network with moments in `layout`: by `stored` ones, or by the batch's own.
    pub fn new(layout: &Layout, stored: Option<&Vector>) -> Self {
        match stored {
            Some(moments) if !layout.entries().is_empty() => Self::Stored(layout.split(moments)),
            _ => Self::Batch(vec![None; layout.entries().len()]),
        }
    }

    /// The moments of the batch as one flat vector, where every normalisation looked at it and there is one.
    pub fn seen(self) -> Option<Vector> {
        match self {
            Self::Batch(moments) if !moments.is_empty() => {
                Some(Tensor::cat(moments.into_iter().collect::<Option<Vec<_>>>()?, 0))
            }
            _ => None,
        }
    }
}

impl BatchNorm {
    /// scale (x - mean) / sqrt(variance + 1e-5) + shift, channel by channel: [n, c, h, w] -> [n, c, h, w].
    pub fn apply<R: Real>(self, images: R::T<4>, w: &Parameters<'_, R>, norms: &mut Norms) -> R::T<4> {
        let [scale, shift] = [w.get(self.parameters), w.get(self.parameters + 1)];
        match norms {
            Norms::Batch(seen) => {
                let (output, moments) = R::batch_norm(images, [scale, shift], EPSILON);
                seen[self.moments] = Some(moments.mean);
                seen[self.moments + 1] = Some(moments.variance);
                output
            }
            Norms::Stored(stored) => {
                let moments = [0, 1].map(|which| stored[self.moments + which].clone().cast(w.dtype()));
                R::batch_norm_eval(images, [scale, shift], moments, EPSILON)
            }
        }
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
    pub fn apply<R: Real>(self, images: R::T<4>, w: &Parameters<'_, R>, norms: &mut Norms) -> R::T<4> {
        self.norm.apply::<R>(self.conv.apply::<R>(images, w), w, norms)
    }
}
