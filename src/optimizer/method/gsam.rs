//! Surrogate-gap guided SAM: SAM's direction less a part of the clean gradient that is orthogonal to it.

use super::{
    Direction, GradientMethod, MethodInfo, NumberSlot, Settings,
    ascent::{Ascent, on_sphere},
    setting::real,
};
use crate::{
    autodiff::{Objective, Vector},
    optimizer::{context::{SampleKind, StepContext}, hyperparameter::Hyperparameter},
};

/// Surrogate-gap guided SAM (Zhuang 2022, Algorithm 1), which minimises f(w + e) and the surrogate gap f(w + e) - f(w).
///
/// With SAM's g1 = grad f(w), e = rho g1 / (|g1|_2 + 1e-12) and gp = grad f(w + e), the clean gradient splits into a part along
/// gp and one orthogonal to it:
///
/// g = gp - alpha (g1 - (g1' u) u), u = gp / (|gp|_2 + 1e-12).
///
/// Compared with SAM's step, one along -g leaves f(w + e) the same to first order and raises f(w) by lr alpha times the square of
/// the orthogonal part, which narrows the gap. The radius is constant: the paper's rho_t = rho_min + (rho_max - rho_min)
/// (lr - lr_min) / (lr_max - lr_min) is not here. At alpha = 0 it is SAM. Cost 2.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gsam {
    /// Radius rho of the ascent step.
    pub rho: f64,
    /// Weight alpha of the orthogonal part.
    pub alpha: f64,
}

impl Gsam {
    /// Name, formula, cost and paper, for presets, panels and docs.
    pub const INFO: MethodInfo = MethodInfo {
        key: "gsam",
        name: "surrogate-gap guided SAM (GSAM)",
        formula: "g = gₚ − α (g₁ − (g₁·gₚ/|gₚ|²) gₚ), gₚ = ∇f(w + ρ g₁/|g₁|), g₁ = ∇f(w)",
        cost: "2",
        source: "Zhuang et al. 2022",
    };
    /// SAM's radius; alpha of its published code for CIFAR-10.
    pub const USUAL: Self = Self { rho: 0.05, alpha: 0.2 };
    /// Settings with which every step is SGD's to the last bit.
    pub const AS_SGD: &'static [(&'static str, Self)] = &[("GSAM, rho 0, alpha 0", Self { rho: 0.0, alpha: 0.0 })];
}

impl Settings for Gsam {
    fn info(&self) -> MethodInfo {
        Self::INFO
    }

    fn cost(&self) -> u64 {
        2
    }

    fn numbers(&mut self) -> Vec<NumberSlot<'_>> {
        vec![real(Hyperparameter::Rho, &mut self.rho), real(Hyperparameter::Alpha, &mut self.alpha)]
    }

    fn sampled_curvature(&self) -> Option<SampleKind> {
        Some(SampleKind::Ascent)
    }
}

impl GradientMethod for Gsam {
    fn direction(&self, f: &dyn Objective, w: &Vector, _context: &mut StepContext<'_>) -> Direction {
        Ascent::from(f, w, self.rho, |g| on_sphere(g, self.rho)).direction(|clean, perturbed| {
            let u = on_sphere(&perturbed, 1.0);
            let orthogonal = clean.clone() - u.clone() * clean.dot(u);
            perturbed - orthogonal * self.alpha
        })
    }
}
