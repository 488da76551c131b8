//! Sharpness-aware minimization.

use super::{
    Direction, GradientMethod, MethodInfo, NumberSlot, Settings,
    ascent::{Ascent, on_sphere},
    setting::real,
};
use crate::{
    autodiff::{Objective, Vector},
    optimizer::{hyperparameter::Hyperparameter, context::{SampleKind, StepContext}},
};

/// Sharpness-aware minimization (Foret 2021): g = grad f(w + e), e = rho g1 / (|g1|_2 + 1e-12), g1 = grad f(w),
/// one norm over all parameters. Cost 2.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sam {
    /// Radius of the ascent step.
    pub rho: f64,
}

impl Sam {
    /// Name, formula, cost and paper, for presets, panels and docs.
    pub const INFO: MethodInfo = MethodInfo {
        key: "sam",
        name: "sharpness-aware minimization (SAM)",
        formula: "g = ∇f(w + ρ g₁/|g₁|), g₁ = ∇f(w)",
        cost: "2",
        source: "Foret et al. 2021",
    };
    /// Its paper's radius.
    pub const USUAL: Self = Self { rho: 0.05 };
    /// Settings with which every step is SGD's to the last bit.
    pub const AS_SGD: &'static [(&'static str, Self)] = &[("SAM, rho 0", Self { rho: 0.0 })];
}

impl Settings for Sam {
    fn info(&self) -> MethodInfo {
        Self::INFO
    }

    fn cost(&self) -> u64 {
        2
    }

    fn numbers(&mut self) -> Vec<NumberSlot<'_>> {
        vec![real(Hyperparameter::Rho, &mut self.rho)]
    }

    fn sampled_curvature(&self) -> Option<SampleKind> {
        Some(SampleKind::Ascent)
    }
}

impl GradientMethod for Sam {
    fn direction(&self, f: &dyn Objective, w: &Vector, _context: &mut StepContext<'_>) -> Direction {
        Ascent::from(f, w, self.rho, |g| on_sphere(g, self.rho)).direction(|_, perturbed| perturbed)
    }
}
