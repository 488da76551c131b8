//! Gradients averaged over perturbations of the weights: what WP-SGD and NSO share.

use std::num::NonZeroU32;

use super::Direction;
use crate::{
    autodiff::Vector,
    optimizer::{
        context::{CurvatureSamples, SampleKind, StepStats},
        noise::{Noise, NoiseSource},
    },
};

/// The mean of values that arrive one by one. Equal values give that value to the last bit, which keeps
/// sigma = 0 on SGD's path for every k.
struct RunningMean {
    mean: Option<Vector>,
    count: f64,
}

impl RunningMean {
    fn new() -> Self {
        Self { mean: None, count: 0.0 }
    }

    fn add(&mut self, value: Vector) {
        self.count += 1.0;
        self.mean = Some(match self.mean.take() {
            None => value,
            Some(mean) => mean.clone() + (value - mean) / self.count,
        });
    }

    fn value(self, like: &Vector) -> Vector {
        self.mean.unwrap_or_else(|| like.zeros_like())
    }
}

/// What a method makes of one draw U.
pub struct Perturbed {
    pub gradient: Vector,
    pub loss: Vector,
    /// A sample of U' H_sigma U.
    pub curvature: Vector,
}

/// The draws that a mean is over.
#[derive(Clone, Copy)]
pub struct Draws {
    /// Distribution and scale of U.
    pub noise: Noise,
    pub k: NonZeroU32,
    /// What their curvature samples are of.
    pub kind: Option<SampleKind>,
}

/// The mean over k draws U of what `evaluate` makes of each.
pub fn averaged(
    w: &Vector,
    draws: Draws,
    source: &mut dyn NoiseSource,
    evaluate: impl Fn(Vector) -> Perturbed,
) -> Direction {
    let Draws { noise, k, kind } = draws;
    let (mut direction, mut loss, mut values) = (RunningMean::new(), RunningMean::new(), Vec::new());
    for _ in 0..k.get() {
        let found = evaluate(source.draw(w, noise));
        if noise.samples_traces() {
            values.push(found.curvature / (noise.sigma * noise.sigma));
        }
        direction.add(found.gradient);
        loss.add(found.loss);
    }
    let curvature = CurvatureSamples { kind: kind.filter(|_| noise.samples_traces()), values };
    Direction {
        vector: direction.value(w),
        stats: StepStats { loss: loss.value(w), curvature_samples: curvature, batch_statistics: None },
    }
}
