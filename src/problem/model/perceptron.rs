//! The two-layer perceptron of the paper's figure 2.

use super::Network;
use crate::{
    autodiff::{Layout, Parameters, Real},
    problem::layer::{Norms, flat, initial_linear, linear},
    random::Stream,
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
    inputs: usize,
    hidden: usize,
    classes: usize,
    activation: Activation,
    layout: Layout,
}

impl Perceptron {
    /// A perceptron of these widths, with ReLU units.
    pub fn new(inputs: usize, hidden: usize, classes: usize) -> Self {
        let layout = Layout::new([
            ("fc1.weight", vec![hidden, inputs]),
            ("fc1.bias", vec![hidden]),
            ("fc2.weight", vec![classes, hidden]),
            ("fc2.bias", vec![classes]),
        ]);
        Self { inputs, hidden, classes, activation: Activation::Relu, layout }
    }

    /// The same with other units.
    #[must_use]
    pub fn with(self, activation: Activation) -> Self {
        Self { activation, ..self }
    }
}

impl Network for Perceptron {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    /// PyTorch's defaults.
    fn initial(&self, random: &mut Stream) -> Vec<f64> {
        let mut weights = initial_linear(self.inputs, self.hidden, random);
        weights.extend(initial_linear(self.hidden, self.classes, random));
        weights
    }

    fn width(&self) -> usize {
        self.inputs.max(self.hidden)
    }

    fn logits<R: Real>(&self, w: &Parameters<'_, R>, images: R::T<4>, _norms: &mut Norms) -> R::T<2> {
        let inputs = flat::<R>(images);
        let sums = linear::<R>(inputs, w.get(0), w.get(1));
        let hidden = match self.activation {
            Activation::Relu => R::relu(sums),
            Activation::Tanh => R::tanh(sums),
        };
        linear::<R>(hidden, w.get(2), w.get(3))
    }
}
