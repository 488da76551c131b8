//! bSAM, the Bayesian variant of SAM: an update of its own, since its direction depends on the precision that its update keeps.

use std::num::NonZeroUsize;

use super::{
    MethodInfo, NumberSlot, Settings,
    setting::real,
};
use crate::{
    autodiff::{Objective, Vector},
    optimizer::{
        distance_regularizer::DistanceRegularizer,
        hyperparameter::Hyperparameter,
        noise::Noise,
        context::{CurvatureSamples, StepContext, StepStats},
    },
};

/// bSAM (Moellenhoff & Khan 2023) with its settings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bsam {
    /// Radius of the ascent step.
    pub rho: f64,
    /// Decay b1 of the momentum.
    pub beta1: f64,
    /// Decay b2 of the precision.
    pub beta2: f64,
    /// Precision of the Gaussian prior over the weights.
    pub prior: f64,
    /// Damping c.
    pub damping: f64,
    /// Precision s of every weight at the start.
    pub precision: f64,
}

/// What bSAM keeps between steps.
#[derive(Debug, Clone)]
pub struct BsamState {
    /// Momentum m.
    pub(in crate::optimizer) momentum: Vector,
    /// Precision s of each weight.
    pub(in crate::optimizer) s: Vector,
}

impl Bsam {
    /// Name, formula, cost and paper, for presets, panels and docs.
    pub const INFO: MethodInfo = MethodInfo {
        key: "bsam",
        name: "Bayesian SAM (bSAM), an update of its own",
        formula: "g₁ = ∇f(w + ξ/√(N s)), g₂ = ∇f(w + ρ g₁/s), w ← w − α m/s",
        cost: "2",
        source: "Möllenhoff & Khan 2023",
    };
    /// The values of its paper's experiments, but for the start, which is its code's.
    pub const USUAL: Self = Self { rho: 0.05, beta1: 0.9, beta2: 0.999, prior: 10.0, damping: 0.1, precision: 1.0 };

    /// One step of size alpha = `lr` from `w`. With N training examples, d = prior / N and state (m, s):
    ///
    /// xi ~ N(0, I); g1 = grad f(w + xi / sqrt(N s)); g2 = grad f(w + rho g1 / s), elementwise;
    /// m <- b1 m + (1 - b1) (g2 + d w + penalty's gradient); w <- w - alpha m / s with the old s;
    /// s <- b2 s + (1 - b2) (sqrt(s) |g1| + c + d).
    ///
    /// Cost: two gradient evaluations. Its reported loss is the one at w + xi / sqrt(N s).
    pub(in crate::optimizer) fn step(
        &self,
        f: &dyn Objective,
        from: BsamInput,
        context: &mut StepContext<'_>,
    ) -> BsamOutput {
        let BsamInput { w, state, lr, regularizer } = from;
        let (momentum, s) = match state {
            Some(before) => (before.momentum, before.s),
            None => (w.zeros_like(), w.ones_like() * self.precision),
        };
        let examples = context.examples.map_or(1, NonZeroUsize::get) as f64;
        let prior = self.prior / examples;
        let xi = context.noise.draw(&w, Noise::gaussian(1.0));
        let around = f.gradient(&(w.clone() + xi / (s.clone() * examples).sqrt()));
        let g1 = around.gradient;
        let g2 = f.gradient(&(w.clone() + g1.clone() * self.rho / s.clone())).gradient;
        let g2 = regularizer.add_penalty_gradient(g2, &w, context.initial_weights);
        let momentum = momentum * self.beta1 + (g2 + w.clone() * prior) * (1.0 - self.beta1);
        let w = w - momentum.clone() / s.clone() * lr;
        let s = s.clone() * self.beta2 + (s.sqrt() * g1.abs() + (self.damping + prior)) * (1.0 - self.beta2);
        let stats = StepStats { loss: around.loss, curvature_samples: CurvatureSamples::none(), batch_statistics: None };
        BsamOutput { w, state: BsamState { momentum, s }, stats }
    }
}

/// Where a step of bSAM begins.
pub(in crate::optimizer) struct BsamInput {
    pub w: Vector,
    /// The state after the previous step; `None` at the first.
    pub state: Option<BsamState>,
    /// The learning rate alpha.
    pub lr: f64,
    /// The regularizer whose penalty gradient is added to g2.
    pub regularizer: DistanceRegularizer,
}

/// Where a step of bSAM ends.
pub(in crate::optimizer) struct BsamOutput {
    pub w: Vector,
    /// What the next step needs of this one.
    pub state: BsamState,
    /// Loss and curvature samples of its evaluations.
    pub stats: StepStats,
}

impl Settings for Bsam {
    fn info(&self) -> MethodInfo {
        Self::INFO
    }

    fn cost(&self) -> u64 {
        2
    }

    fn numbers(&mut self) -> Vec<NumberSlot<'_>> {
        let Self { rho, beta1, beta2, prior, damping, precision } = self;
        vec![
            real(Hyperparameter::Rho, rho),
            real(Hyperparameter::Beta1, beta1),
            real(Hyperparameter::Beta2, beta2),
            real(Hyperparameter::Prior, prior),
            real(Hyperparameter::Damping, damping),
            real(Hyperparameter::Precision, precision),
        ]
    }
}
