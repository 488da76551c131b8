//! bSAM, the Bayesian relative of SAM (Moellenhoff & Khan 2022): a rule of its own, since its direction depends on the
//! precision that its update keeps.

use super::{
    distance_regularizer::DistanceRegularizer,
    noise::{Noise, NoiseSource},
    step::{CurvatureSamples, OptimizerState, StepContext, StepStats},
};
use crate::autodiff::{Objective, Vector};

/// bSAM with its knobs.
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

/// What bSAM remembers.
#[derive(Debug, Clone)]
pub struct BsamState {
    /// Momentum m.
    momentum: Vector,
    /// Precision s of each weight.
    s: Vector,
}

impl Bsam {
    /// The values of its paper's experiments, but for the start, which is its code's.
    pub const USUAL: Self = Self { rho: 0.05, beta1: 0.9, beta2: 0.999, prior: 10.0, damping: 0.1, precision: 1.0 };

    /// One step of size alpha = `lr`. With N training examples, d = prior / N and state (m, s):
    ///
    /// xi ~ N(0, I); g1 = grad f(w + xi / sqrt(N s)); g2 = grad f(w + rho g1 / s), elementwise;
    /// m <- b1 m + (1 - b1) (g2 + d w + penalty's gradient); w <- w - alpha m / s with the old s;
    /// s <- b2 s + (1 - b2) (sqrt(s) |g1| + c + d).
    ///
    /// Cost: two gradient evaluations. Its reported loss is the one at w + xi / sqrt(N s).
    pub(super) fn step(
        &self,
        lr: f64,
        (f, w, memory): (&dyn Objective, Vector, OptimizerState),
        (anchor, terrain, noise): (DistanceRegularizer, StepContext<'_>, &mut dyn NoiseSource),
    ) -> (Vector, OptimizerState, StepStats) {
        let (momentum, s) = match memory {
            OptimizerState::Precision(before) => (before.momentum, before.s),
            _ => (w.zeros_like(), w.ones_like() * self.precision),
        };
        let examples = terrain.examples.max(1) as f64;
        let prior = self.prior / examples;
        let xi = noise.draw(&w, Noise::gaussian(1.0));
        let around = f.gradient(&(w.clone() + xi / (s.clone() * examples).sqrt()));
        let g1 = around.gradient;
        let g2 = f.gradient(&(w.clone() + g1.clone() * self.rho / s.clone())).gradient;
        let g2 = anchor.add_penalty_gradient(g2, &w, terrain);
        let momentum = momentum * self.beta1 + (g2 + w.clone() * prior) * (1.0 - self.beta1);
        let w = w - momentum.clone() / s.clone() * lr;
        let s = s.clone() * self.beta2 + (s.sqrt() * g1.abs() + (self.damping + prior)) * (1.0 - self.beta2);
        let memory = OptimizerState::Precision(Box::new(BsamState { momentum, s }));
        (w, memory, StepStats { loss: around.loss, free: CurvatureSamples::none(), statistics: None })
    }
}
