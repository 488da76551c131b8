//! One optimizer step: a method's direction and the base update along it, or a rule that is both.

use super::{
    Hyperparameters, Rule, base_optimizer::AdamState, bsam::BsamState, noise::NoiseSource, schedule::TrainingProgress,
};
use crate::autodiff::{Layout, Objective, Scalar, Vector};

/// What a step may know of the problem besides its loss.
#[derive(Debug, Clone, Copy)]
pub struct StepContext<'a> {
    /// The parameters by name and shape.
    pub layout: &'a Layout,
    /// The weights w0 that training began from.
    pub start: &'a Vector,
    /// Training examples; 0 where the problem has none.
    pub examples: usize,
}

/// What an optimizer remembers between steps.
#[derive(Debug, Clone, Default)]
pub enum OptimizerState {
    /// Nothing yet.
    #[default]
    Nothing,
    /// SGD's momentum buffer.
    Momentum(Box<Vector>),
    /// Adam's moments.
    AdamConfig(Box<AdamState>),
    /// bSAM's momentum and precision.
    Precision(Box<BsamState>),
}

/// What a step's evaluations tell besides where to go. All is still on the device.
#[derive(Debug, Clone)]
pub struct StepStats {
    /// The minibatch loss as the method saw it; see [`Method`](super::Method) for where.
    pub loss: Scalar,
    /// Curvature that the step paid for anyway.
    pub free: CurvatureSamples,
    /// The batch's moments at the clean weights, where batch normalisation looked at the batch there.
    pub statistics: Option<Vector>,
}

/// Samples of curvature from gradients that a step needs for itself.
#[derive(Debug, Clone)]
pub struct CurvatureSamples {
    /// What they are samples of; `None` where there are none.
    pub kind: Option<SampleKind>,
    /// The samples.
    pub values: Vec<Scalar>,
}

/// What free samples are samples of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SampleKind {
    /// Tr H_sigma from pairs, U'(g+ - g-) / (2 sigma^2): exactly in the mean for Gaussian noise (Stein's identity), to leading order
    /// in sigma for other laws of mean 0.
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

/// Where a step begins.
#[derive(Debug)]
pub struct StepInput {
    /// The weights.
    pub w: Vector,
    /// What earlier steps left.
    pub memory: OptimizerState,
    /// Where in its training.
    pub progress: TrainingProgress,
}

/// Where a step ends.
#[derive(Debug)]
pub struct StepOutput {
    /// The weights.
    pub w: Vector,
    /// What the next step needs of this one.
    pub memory: OptimizerState,
    /// What was seen on the way.
    pub stats: StepStats,
}

impl Hyperparameters {
    /// One step on the loss `f`. All its gradients are of `f`, so of one minibatch. Cost: [`Rule::cost`].
    pub fn step(
        &self,
        f: &dyn Objective,
        from: StepInput,
        (terrain, noise): (StepContext<'_>, &mut dyn NoiseSource),
    ) -> StepOutput {
        let StepInput { w, memory, progress } = from;
        let lr = self.lr * self.schedule.factor(progress);
        let (w, memory, stats) = match self.rule {
            Rule::Follow { method, base } => {
                let direction = method.at(progress).direction(f, &w, (terrain.layout, noise));
                let g = self.anchor.add_penalty_gradient(direction.vector, &w, terrain);
                let (w, memory) = base.step(lr, (w, g), memory);
                (w, memory, direction.stats)
            }
            Rule::Bsam(bsam) => bsam.step(lr, (f, w, memory), (self.anchor, terrain, noise)),
        };
        StepOutput { w: self.anchor.project(w, terrain), memory, stats }
    }
}
