//! What a step may know of the problem in addition to its loss, and what its evaluations yield in addition to a direction.

use std::num::NonZeroUsize;

use serde::{Deserialize, Serialize};

use super::noise::NoiseSource;
use crate::autodiff::{Layout, Scalar, Vector};

/// What a step may know of the problem in addition to its loss.
pub struct StepContext<'a> {
    /// The parameters by name and shape.
    pub layout: &'a Layout,
    /// The weights w0 that training began from, [parameters].
    pub initial_weights: &'a Vector,
    /// Training examples; `None` where the loss is not a mean over examples.
    pub examples: Option<NonZeroUsize>,
    /// Where weight noise comes from.
    pub noise: &'a mut dyn NoiseSource,
}

/// Loss, curvature and batch statistics of a step's own evaluations. All is still on the device.
#[derive(Debug, Clone)]
pub struct StepStats {
    /// The minibatch loss as the method saw it; each method says where.
    pub loss: Scalar,
    /// Curvature from gradients that the step needs anyway.
    pub curvature_samples: CurvatureSamples,
    /// The batch's means and variances at the clean weights, where batch normalisation computed them there.
    pub batch_statistics: Option<Vector>,
}

/// Samples of curvature from gradients that a step needs for itself.
#[derive(Debug, Clone)]
pub struct CurvatureSamples {
    /// What they are samples of; `None` where there are none.
    pub kind: Option<SampleKind>,
    /// One for each pair, perturbation or ascent of the step.
    pub values: Vec<Scalar>,
}

/// What a step's curvature samples are samples of.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SampleKind {
    /// Tr H_sigma from antithetic pairs, U'(g+ - g-) / (2 sigma^2): exact in the mean for Gaussian noise (Stein's identity), to
    /// leading order in sigma for other distributions of mean 0.
    TwoPoint {
        /// The scale of the noise.
        sigma: f64,
    },
    /// Tr H_sigma from single perturbations, U'g / sigma^2: the same mean, and |g|^2 / sigma^2 more variance.
    OnePoint {
        /// The scale of the noise.
        sigma: f64,
    },
    /// The curvature along SAM's ascent, e'(grad f(w + e) - grad f(w)) / |e|^2.
    Ascent,
}

impl CurvatureSamples {
    /// No samples.
    pub fn none() -> Self {
        Self { kind: None, values: Vec::new() }
    }
}
