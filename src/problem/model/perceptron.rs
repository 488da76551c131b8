//! The two-layer perceptron of the paper's figure 2.

use burn::tensor::Tensor;
use strum::{EnumString, IntoStaticStr, VariantArray};

use super::{Blueprint, Network, Tensors};
use crate::{
    autodiff::Real,
    problem::layer::{Linear, Pass, flat},
};

/// The function of a hidden unit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "lowercase")]
pub enum Activation {
    /// max(a, 0): piecewise linear, with kinks that the exact Hessian does not see.
    #[default]
    Relu,
    /// tanh a: smooth.
    Tanh,
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
