//! Stochastic gradient descent.

use super::{Direction, GradientMethod, MethodInfo, NumberSlot, Settings};
use crate::{
    autodiff::{Objective, Vector},
    optimizer::context::{CurvatureSamples, StepContext, StepStats},
};

/// Stochastic gradient descent: g = grad f(w). Cost 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sgd;

impl Sgd {
    /// Name, formula, cost and paper, for presets, panels and docs.
    pub const INFO: MethodInfo = MethodInfo {
        key: "sgd",
        name: "stochastic gradient descent (SGD)",
        formula: "g = ∇f(w)",
        cost: "1",
        source: "Robbins & Monro 1951",
    };
    /// It has no settings.
    pub const USUAL: Self = Self;
    /// Empty: it is SGD itself.
    pub const AS_SGD: &'static [(&'static str, Self)] = &[];
}

/// grad f(w), with its loss.
pub(super) fn clean(f: &dyn Objective, w: &Vector) -> Direction {
    let clean = f.gradient(w);
    let stats = StepStats { loss: clean.loss, curvature_samples: CurvatureSamples::none(), batch_statistics: clean.batch_statistics };
    Direction { vector: clean.gradient, stats }
}

impl Settings for Sgd {
    fn info(&self) -> MethodInfo {
        Self::INFO
    }

    fn cost(&self) -> u64 {
        1
    }

    fn numbers(&mut self) -> Vec<NumberSlot<'_>> {
        Vec::new()
    }
}

impl GradientMethod for Sgd {
    fn direction(&self, f: &dyn Objective, w: &Vector, _context: &mut StepContext<'_>) -> Direction {
        clean(f, w)
    }
}
