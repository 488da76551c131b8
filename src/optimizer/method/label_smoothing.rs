//! SGD on smoothed labels (Szegedy et al. 2016). The smoothing is a property of the loss: the method states its share, and the
//! objective that it is given must be the smoothed one.

use super::{
    Direction, GradientMethod, MethodInfo, NumberSlot, Settings,
    setting::real,
    sgd,
};
use crate::{
    autodiff::{Objective, Vector},
    optimizer::{hyperparameter::Hyperparameter, context::StepContext},
};

/// SGD on the loss (1 - a) NLL + a mean_c(-log p_c), uniform over all classes. Cost 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LabelSmoothing {
    /// Share a of the uniform distribution.
    pub smoothing: f64,
}

impl LabelSmoothing {
    /// Name, formula, cost and paper, for presets, panels and docs.
    pub const INFO: MethodInfo = MethodInfo {
        key: "label-smoothing",
        name: "SGD with label smoothing",
        formula: "g = ∇[(1 − a) NLL + a mean_c(−log p_c)](w)",
        cost: "1",
        source: "Szegedy et al. 2016",
    };
    /// Its paper's share.
    pub const USUAL: Self = Self { smoothing: 0.1 };
    /// Empty: its direction is SGD's on another loss.
    pub const AS_SGD: &'static [(&'static str, Self)] = &[];
}

impl Settings for LabelSmoothing {
    fn info(&self) -> MethodInfo {
        Self::INFO
    }

    fn cost(&self) -> u64 {
        1
    }

    fn numbers(&mut self) -> Vec<NumberSlot<'_>> {
        vec![real(Hyperparameter::Smoothing, &mut self.smoothing)]
    }

    fn label_smoothing(&self) -> f64 {
        self.smoothing
    }
}

impl GradientMethod for LabelSmoothing {
    fn direction(&self, f: &dyn Objective, w: &Vector, _context: &mut StepContext<'_>) -> Direction {
        sgd::clean(f, w)
    }
}
