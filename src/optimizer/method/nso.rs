//! Noise stability optimization, the method of arXiv 2306.08553.

use std::num::NonZeroU32;

use super::{
    Direction, GradientMethod, MethodInfo, NumberSlot, Settings,
    averaging::{Draws, Perturbed, averaged},
    setting::{count, real},
};
use crate::{
    autodiff::{Objective, Pair, Vector},
    optimizer::{
        hyperparameter::Hyperparameter,
        noise::Noise,
        context::{SampleKind, StepContext, StepStats},
    },
};

/// Noise stability optimization (arXiv 2306.08553, Algorithm 1), over k antithetic pairs of perturbations:
/// g = mix grad f(w) + (1 - mix) 1/(2k) sum_j [grad f(w + U_j) + grad f(w - U_j)]. Cost 2k, or 2k + 1 when mixed.
///
/// Each pair is also a two-point sample U'(g+ - g-) / (2 sigma^2) of the trace of the smoothed Hessian. The reported loss is the
/// mean over the perturbed points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Nso {
    /// Distribution and scale of U.
    pub noise: Noise,
    /// Antithetic pairs of perturbations a step.
    pub k: NonZeroU32,
    /// Share of the clean gradient, 0 to 1 (lambda in the paper's remark on mixing).
    pub mix: f64,
}

impl Nso {
    /// Name, formula, cost and paper, for presets, panels and docs.
    pub const INFO: MethodInfo = MethodInfo {
        key: "nso",
        name: "noise stability optimization (NSO)",
        formula: "g = 1/(2k) Σ_j [∇f(w + U_j) + ∇f(w − U_j)]",
        cost: "2k",
        source: "arXiv 2306.08553, Algorithm 1",
    };
    /// Gaussian noise of scale .01, one pair, no clean gradient.
    pub const USUAL: Self = Self { noise: Noise::gaussian(0.01), k: NonZeroU32::MIN, mix: 0.0 };
    /// Settings with which every step is SGD's to the last bit.
    pub const AS_SGD: &'static [(&'static str, Self)] = &[
        ("NSO, sigma 0, k 1", Self { noise: Noise::gaussian(0.0), k: NonZeroU32::MIN, mix: 0.0 }),
        ("NSO, sigma 0, k 3", Self { noise: Noise::gaussian(0.0), k: NonZeroU32::MIN.saturating_add(2), mix: 0.0 }),
        ("NSO, mix 1", Self { noise: Noise::gaussian(0.1), k: NonZeroU32::MIN, mix: 1.0 }),
    ];
}

impl Settings for Nso {
    fn info(&self) -> MethodInfo {
        Self::INFO
    }

    fn cost(&self) -> u64 {
        2 * u64::from(self.k.get()) + u64::from(self.mix != 0.0)
    }

    fn numbers(&mut self) -> Vec<NumberSlot<'_>> {
        vec![count(Hyperparameter::K, &mut self.k), real(Hyperparameter::Mix, &mut self.mix)]
    }

    fn noise(&mut self) -> Option<&mut Noise> {
        Some(&mut self.noise)
    }

    fn sampled_curvature(&self) -> Option<SampleKind> {
        Some(SampleKind::TwoPoint { sigma: self.noise.sigma })
    }
}

impl GradientMethod for Nso {
    fn direction(&self, f: &dyn Objective, w: &Vector, context: &mut StepContext<'_>) -> Direction {
        let kind = self.sampled_curvature();
        let smoothed = averaged(w, Draws { noise: self.noise, k: self.k, kind }, context.noise, |u| {
            let pair = Pair::evaluate(f, w, u);
            Perturbed { gradient: pair.mean(), loss: pair.loss(), curvature: pair.smoothed_curvature() }
        });
        if self.mix == 0.0 {
            return smoothed;
        }
        let clean = f.gradient(w);
        let vector = clean.gradient * self.mix + smoothed.vector * (1.0 - self.mix);
        Direction { vector, stats: StepStats { batch_statistics: clean.batch_statistics, ..smoothed.stats } }
    }
}
