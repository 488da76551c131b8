//! The smoothed Hessian, that of E f(w + U) for Gaussian U: what NSO penalises, and what finite differences of gradients measure.

use std::{cell::RefCell, num::NonZeroU32};

use serde::{Deserialize, Serialize};

use super::{Estimate, LinearOperator, ProbeVectors};
use crate::{
    autodiff::{Objective, Pair, Vector, norm, read},
    number,
};

/// H_sigma, the Hessian of the loss averaged over Gaussian weight noise of scale sigma. On a piecewise linear network it carries the
/// curvature of the kinks, which the exact Hessian does not see.
///
/// A product is an unbiased sample, by Stein's identity along v. Split U = u + t v^, v^ = v / |v|, t ~ N(0, sigma^2): then
/// H_sigma v = |v| E [g(w + u + t v^) - g(w + u - t v^)] t / (2 sigma^2). Drawing t from the density that has t^2 / sigma^2 in it (the
/// length of a Gaussian vector in three dimensions) leaves
///
/// H_sigma v = |v| E [g(w + u + t v^) - g(w + u - t v^)] / (2 t),
///
/// exact on a quadratic for each draw. Each product draws anew, so products of the same v differ: means over them converge to
/// H_sigma v, eigenvalue searches by Lanczos do not apply. Cost: 2 `draws` gradient evaluations a product.
///
/// Runs measure the trace of H_sigma by the antithetic pairs of their steps; this map is an independent check of them.
pub struct SmoothedHessian<'a> {
    objective: &'a dyn Objective,
    w: &'a Vector,
    smoothing: Smoothing,
    vectors: RefCell<ProbeVectors>,
}

/// The Gaussian noise that a [`SmoothedHessian`] averages over.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Smoothing {
    /// Standard deviation of the noise per coordinate.
    pub sigma: f64,
    /// Draws averaged in one product, two gradient evaluations each.
    pub draws: NonZeroU32,
}

impl<'a> SmoothedHessian<'a> {
    /// The Hessian of E f(w + U), U ~ N(0, sigma^2 I).
    pub fn new(objective: &'a dyn Objective, w: &'a Vector, smoothing: Smoothing, vectors: ProbeVectors) -> Self {
        Self { objective, w, smoothing, vectors: RefCell::new(vectors) }
    }
}

impl LinearOperator for SmoothedHessian<'_> {
    fn apply(&self, v: &Vector) -> Vector {
        let mut vectors = self.vectors.borrow_mut();
        let Smoothing { sigma, draws } = self.smoothing;
        let length = norm(v);
        let unit = v.clone() / length.clone();
        let mut sum = v.zeros_like();
        for _ in 0..draws.get() {
            let u = vectors.normal() * sigma;
            let across = u.clone() - unit.clone() * unit.clone().dot(u);
            let t = (0..3).map(|_| vectors.normal_number().powi(2)).sum::<f64>().sqrt() * sigma;
            let around = self.w.clone() + across;
            let step = unit.clone() * t;
            let pair = Pair::evaluate(self.objective, &around, step);
            sum = sum + (pair.plus.gradient - pair.minus.gradient) / (2.0 * t);
        }
        sum * length / f64::from(draws.get())
    }

    fn dimension(&self) -> usize {
        self.objective.dimension()
    }
}

/// What Gaussian noise of one scale does to a loss.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct GapPoint {
    /// The scale of the noise.
    #[serde(with = "number")]
    pub sigma: f64,
    /// E f(w + U) - f(w): the mean over the draws of [f(w + U) + f(w - U)] / 2 - f(w) (figure 2 of the paper).
    pub gap: Estimate,
    /// Tr H_sigma: the mean over the same draws of U'(g+ - g-) / (2 sigma^2). With the gap it is tied by the heat equation
    /// d gap / d(sigma^2) = Tr H_sigma / 2.
    pub smoothed_trace: Estimate,
}

/// Where a perturbation gap is measured, and what it may cost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GapEffort<'a> {
    /// Scales of the noise.
    pub sigmas: &'a [f64],
    /// Antithetic pairs at each.
    pub draws: u32,
}

/// The gap at each sigma, all of the same draws of U / sigma, so that differences between scales are not differences of the draw.
/// A sigma of 0 gives 0 and no trace. Cost: two gradient evaluations a draw and sigma.
pub fn perturbation_gaps(
    objective: &dyn Objective,
    w: &Vector,
    effort: GapEffort<'_>,
    vectors: &ProbeVectors,
) -> Vec<GapPoint> {
    let clean: f64 = read(vec![objective.loss(w)]).into_iter().sum();
    let of_scale = |&sigma: &f64| {
        let mut vectors = vectors.clone();
        let (mut losses, mut curvatures) = (Vec::new(), Vec::new());
        for _ in 0..effort.draws {
            let pair = Pair::evaluate(objective, w, vectors.normal() * sigma);
            losses.push(pair.loss());
            curvatures.push(pair.smoothed_curvature() / (sigma * sigma));
        }
        let losses: Vec<f64> = read(losses).into_iter().map(|loss| loss - clean).collect();
        GapPoint { sigma, gap: Estimate::of(&losses), smoothed_trace: Estimate::of(&read(curvatures)) }
    };
    effort.sigmas.iter().map(of_scale).collect()
}
