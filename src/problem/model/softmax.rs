//! Softmax regression: one linear map, a convex loss, a Hessian in closed form at w = 0.

use super::Network;
use crate::{
    autodiff::{Layout, Parameters, Real},
    problem::layer::{Norms, flat},
    random::Stream,
};

/// inputs -> classes, no bias. At w = 0 with K classes Tr H = (1 - 1/K) mean |x|^2 and
/// lambda_max = lambda_max(mean x x') / K.
#[derive(Debug, Clone)]
pub struct SoftmaxRegression {
    layout: Layout,
}

impl SoftmaxRegression {
    /// A regression of these widths.
    pub fn new(inputs: usize, classes: usize) -> Self {
        Self { layout: Layout::new([("fc.weight", vec![classes, inputs])]) }
    }
}

impl Network for SoftmaxRegression {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Zero, where the Hessian is known.
    fn initial(&self, _random: &mut Stream) -> Vec<f64> {
        vec![0.0; self.layout.dimension()]
    }

    fn width(&self) -> usize {
        self.layout.dimension()
    }

    fn logits<R: Real>(&self, w: &Parameters<'_, R>, images: R::T<4>, _norms: &mut Norms) -> R::T<2> {
        R::matmul(flat::<R>(images), R::transpose(w.get(0)))
    }
}
