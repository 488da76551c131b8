//! The two-layer ReLU perceptron of the paper's figure 2.

use super::Network;
use crate::{
    autodiff::{Layout, Parameters, Real},
    problem::layer::{initial_linear, linear},
    random::Stream,
};

/// inputs -> hidden ReLU units -> classes, biases on.
#[derive(Debug, Clone)]
pub struct Perceptron {
    inputs: usize,
    hidden: usize,
    classes: usize,
    layout: Layout,
}

impl Perceptron {
    /// A perceptron of these widths.
    pub fn new(inputs: usize, hidden: usize, classes: usize) -> Self {
        let layout = Layout::new([
            ("fc1.weight", vec![hidden, inputs]),
            ("fc1.bias", vec![hidden]),
            ("fc2.weight", vec![classes, hidden]),
            ("fc2.bias", vec![classes]),
        ]);
        Self { inputs, hidden, classes, layout }
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

    fn logits<R: Real>(&self, w: &Parameters<'_, R>, inputs: R::T<2>) -> R::T<2> {
        let hidden = R::relu(linear::<R>(inputs, w.get(0), w.get(1)));
        linear::<R>(hidden, w.get(2), w.get(3))
    }
}
