//! SAM without the normalisation of the ascent step.

use super::{Direction, GradientMethod, MethodInfo, NumberSlot, Settings, ascent::Ascent, setting::real};
use crate::{
    autodiff::{Objective, Vector},
    optimizer::{hyperparameter::Hyperparameter, context::{SampleKind, StepContext}},
};

/// Unnormalised SAM (Andriushchenko & Flammarion 2022): g = grad f(w + rho g1), g1 = grad f(w). Cost 2.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usam {
    /// Step size of the ascent.
    pub rho: f64,
}

impl Usam {
    /// Name, formula, cost and paper, for presets, panels and docs.
    pub const INFO: MethodInfo = MethodInfo {
        key: "usam",
        name: "unnormalised SAM (USAM)",
        formula: "g = ∇f(w + ρ g₁), g₁ = ∇f(w)",
        cost: "2",
        source: "Andriushchenko & Flammarion 2022",
    };
    /// SAM's radius.
    pub const USUAL: Self = Self { rho: 0.05 };
    /// Settings with which every step is SGD's to the last bit.
    pub const AS_SGD: &'static [(&'static str, Self)] = &[("USAM, rho 0", Self { rho: 0.0 })];
}

impl Settings for Usam {
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

impl GradientMethod for Usam {
    fn direction(&self, f: &dyn Objective, w: &Vector, _context: &mut StepContext<'_>) -> Direction {
        Ascent::from(f, w, self.rho, |g| g.clone() * self.rho).direction(|_, perturbed| perturbed)
    }
}
