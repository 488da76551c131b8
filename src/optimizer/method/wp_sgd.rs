//! Weight-perturbed SGD, also called randomized smoothing.

use std::num::NonZeroU32;

use super::{
    Direction, GradientMethod, MethodInfo, NumberSlot, Settings,
    averaging::{Draws, Perturbed, averaged},
    setting::count,
};
use crate::{
    autodiff::{Evaluation, Objective, Vector},
    optimizer::{
        hyperparameter::Hyperparameter,
        noise::Noise,
        context::{SampleKind, StepContext},
    },
};

/// Weight-perturbed SGD: g = 1/k sum_j grad f(w + U_j). Cost k.
///
/// Each evaluation is also a one-point sample U'g / sigma^2 of the trace of the smoothed Hessian. The reported loss is the mean
/// over the perturbed points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WpSgd {
    /// Distribution and scale of U.
    pub noise: Noise,
    /// Perturbations a step.
    pub k: NonZeroU32,
}

impl WpSgd {
    /// Name, formula, cost and paper, for presets, panels and docs.
    pub const INFO: MethodInfo = MethodInfo {
        key: "wp-sgd",
        name: "weight-perturbed SGD (WP-SGD), randomized smoothing",
        formula: "g = 1/k Σ_j ∇f(w + U_j)",
        cost: "k",
        source: "Bisla, Wang & Choromanska 2022; arXiv 2306.08553",
    };
    /// Gaussian noise of scale .01, one perturbation.
    pub const USUAL: Self = Self { noise: Noise::gaussian(0.01), k: NonZeroU32::MIN };
    /// Settings with which every step is SGD's to the last bit.
    pub const AS_SGD: &'static [(&'static str, Self)] =
        &[("WP-SGD, sigma 0, k 3", Self { noise: Noise::gaussian(0.0), k: NonZeroU32::MIN.saturating_add(2) })];
}

impl Settings for WpSgd {
    fn info(&self) -> MethodInfo {
        Self::INFO
    }

    fn cost(&self) -> u64 {
        u64::from(self.k.get())
    }

    fn numbers(&mut self) -> Vec<NumberSlot<'_>> {
        vec![count(Hyperparameter::K, &mut self.k)]
    }

    fn noise(&mut self) -> Option<&mut Noise> {
        Some(&mut self.noise)
    }

    fn sampled_curvature(&self) -> Option<SampleKind> {
        Some(SampleKind::OnePoint { sigma: self.noise.sigma })
    }
}

impl GradientMethod for WpSgd {
    fn direction(&self, f: &dyn Objective, w: &Vector, context: &mut StepContext<'_>) -> Direction {
        let kind = self.sampled_curvature();
        averaged(w, Draws { noise: self.noise, k: self.k, kind }, context.noise, |u| {
            let Evaluation { loss, gradient, .. } = f.gradient(&(w.clone() + u.clone()));
            Perturbed { curvature: u.dot(gradient.clone()), gradient, loss }
        })
    }
}
