//! Gradient-norm penalty: SGD on the loss plus a multiple of its gradient's norm.

use super::{
    Direction, GradientMethod, MethodInfo, NumberSlot, Settings,
    ascent::{Ascent, on_sphere},
    setting::real,
};
use crate::{
    autodiff::{Objective, Vector},
    optimizer::{context::{SampleKind, StepContext}, hyperparameter::Hyperparameter},
};

/// Gradient-norm penalty (Zhao 2022), which minimises f(w) + lambda |grad f(w)|_2.
///
/// The penalty has the gradient lambda H g1 / |g1|_2, g1 = grad f(w). The product with H is taken as a forward difference over
/// the radius rho (r in the paper), and alpha = lambda / rho:
///
/// g = (1 - alpha) g1 + alpha grad f(w + e), e = rho g1 / (|g1|_2 + 1e-12).
///
/// Exact on quadratics, else to first order in rho. At alpha = 0 it is SGD, at alpha = 1 SAM. Cost 2.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gnp {
    /// Radius rho of the ascent step, which is the step of the forward difference.
    pub rho: f64,
    /// Weight alpha of the perturbed gradient: the coefficient lambda of the penalty over rho.
    pub alpha: f64,
}

impl Gnp {
    /// Name, formula, cost and paper, for presets, panels and docs.
    pub const INFO: MethodInfo = MethodInfo {
        key: "gnp",
        name: "gradient-norm penalty (GNP)",
        formula: "g = (1 − α) g₁ + α ∇f(w + ρ g₁/|g₁|), g₁ = ∇f(w)",
        cost: "2",
        source: "Zhao, Zhang & Hu 2022",
    };
    /// The values of its published code for CIFAR.
    pub const USUAL: Self = Self { rho: 0.1, alpha: 0.8 };
    /// Settings with which every step is SGD's to the last bit.
    pub const AS_SGD: &'static [(&'static str, Self)] = &[("GNP, alpha 0", Self { rho: 0.1, alpha: 0.0 })];
}

impl Settings for Gnp {
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

impl GradientMethod for Gnp {
    fn direction(&self, f: &dyn Objective, w: &Vector, _context: &mut StepContext<'_>) -> Direction {
        Ascent::from(f, w, self.rho, |g| on_sphere(g, self.rho))
            .direction(|clean, perturbed| clean * (1.0 - self.alpha) + perturbed * self.alpha)
    }
}
