//! Softmax regression: one linear map, a convex loss, a Hessian in closed form at w = 0.

use burn::tensor::Tensor;

use super::{Blueprint, Network, Tensors};
use crate::{
    autodiff::Real,
    problem::layer::{Pass, flat},
};

/// inputs -> classes, no bias. At w = 0 with K classes Tr H = (1 - 1/K) mean |x|^2 and
/// lambda_max = lambda_max(mean x x') / K.
#[derive(Debug, Clone)]
pub struct SoftmaxRegression {
    matrix: usize,
    inputs: usize,
    tensors: Tensors,
}

impl SoftmaxRegression {
    /// Logits W x without a bias, W [classes, inputs], zero at first.
    pub fn new(inputs: usize, classes: usize) -> Self {
        let mut plan = Blueprint::default();
        // Zero, where the Hessian is known.
        let matrix = plan.zero_matrix("fc", [inputs, classes]);
        Self { matrix, inputs, tensors: plan.finish() }
    }
}

impl Network for SoftmaxRegression {
    /// Images [n, channels, height, width].
    type Input = Tensor<4>;

    fn tensors(&self) -> &Tensors {
        &self.tensors
    }

    fn width(&self) -> usize {
        self.inputs
    }

    fn forward<R: Real>(&self, pass: &mut Pass<'_, R>, images: &Tensor<4>) -> R::T<2> {
        R::matmul(flat::<R>(pass.constant(images)), R::transpose(pass.get(self.matrix)))
    }
}
