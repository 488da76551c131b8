//! The two-layer perceptron of the paper's figure 2.

use burn::tensor::Tensor;

use super::{Blueprint, Network, Tensors};
use crate::{
    autodiff::Real,
    problem::layer::{Linear, Pass, flat},
};

/// What a hidden unit makes of its sum.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Activation {
    /// max(a, 0): piecewise linear, with kinks that the exact Hessian does not see.
    #[default]
    Relu,
    /// tanh a: smooth.
    Tanh,
}

impl Activation {
    /// Every activation.
    pub const ALL: [Self; 2] = [Self::Relu, Self::Tanh];

    /// The name in presets.
    pub fn key(self) -> &'static str {
        match self {
            Self::Relu => "relu",
            Self::Tanh => "tanh",
        }
    }
}

/// inputs -> hidden units -> classes, biases on.
#[derive(Debug, Clone)]
pub struct Perceptron {
    layers: [Linear; 2],
    activation: Activation,
    tensors: Tensors,
    width: usize,
}

impl Perceptron {
    /// A perceptron of these widths, with ReLU units.
    pub fn new(inputs: usize, hidden: usize, classes: usize) -> Self {
        let mut plan = Blueprint::default();
        let layers = [plan.linear("fc1", [inputs, hidden]), plan.linear("fc2", [hidden, classes])];
        Self { layers, activation: Activation::Relu, tensors: plan.finish(), width: inputs.max(hidden) }
    }

    /// The same with other units.
    #[must_use]
    pub fn with(self, activation: Activation) -> Self {
        Self { activation, ..self }
    }
}

impl Network for Perceptron {
    /// Images [n, channels, height, width].
    type Input = Tensor<4>;

    fn tensors(&self) -> &Tensors {
        &self.tensors
    }

    fn width(&self) -> usize {
        self.width
    }

    fn forward<R: Real>(&self, pass: &mut Pass<'_, R>, images: &Tensor<4>) -> R::T<2> {
        let [first, last] = self.layers;
        let sums = first.apply::<R>(flat::<R>(pass.constant(images)), pass);
        let hidden = match self.activation {
            Activation::Relu => R::relu(sums),
            Activation::Tanh => R::tanh(sums),
        };
        last.apply::<R>(hidden, pass)
    }
}
