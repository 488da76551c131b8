//! One ascent step before the descent: what SAM and its variants share.

use super::Direction;
use crate::{
    autodiff::{Evaluation, Objective, Vector, norm},
    optimizer::context::{CurvatureSamples, SampleKind, StepStats},
};

/// SAM's guard against a zero gradient norm, as its authors have it.
pub const NORM_FLOOR: f64 = 1e-12;

/// rho v / (|v|_2 + 1e-12).
pub fn on_sphere(v: &Vector, rho: f64) -> Vector {
    v.clone() * ((norm(v) + NORM_FLOOR).recip() * rho)
}

/// The gradients before and after an ascent step.
pub struct Ascent {
    /// At w.
    pub clean: Evaluation,
    /// At w + e.
    pub perturbed: Evaluation,
    /// e' (grad f(w + e) - grad f(w)) / |e|^2: the curvature along e; none for a radius of 0.
    pub curvature: CurvatureSamples,
}

impl Ascent {
    /// From `w` by the step e that `step` makes of the clean gradient; `rho` is its radius. Cost: two gradient evaluations.
    pub fn from(f: &dyn Objective, w: &Vector, rho: f64, step: impl FnOnce(&Vector) -> Vector) -> Self {
        let clean = f.gradient(w);
        let e = step(&clean.gradient);
        let perturbed = f.gradient(&(w.clone() + e.clone()));
        let curvature = if rho > 0.0 {
            let sample = e.clone().dot(perturbed.gradient.clone() - clean.gradient.clone()) / e.square().sum();
            CurvatureSamples { kind: Some(SampleKind::Ascent), values: vec![sample] }
        } else {
            CurvatureSamples::none()
        };
        Self { clean, perturbed, curvature }
    }

    /// The direction that `g` makes of the clean and the perturbed gradient. The reported loss is f(w).
    pub fn direction(self, g: impl FnOnce(Vector, Vector) -> Vector) -> Direction {
        let stats = StepStats {
            loss: self.clean.loss,
            curvature_samples: self.curvature,
            batch_statistics: self.clean.batch_statistics,
        };
        Direction { vector: g(self.clean.gradient, self.perturbed.gradient), stats }
    }
}
