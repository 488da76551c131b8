//! What is measured, and what the measurements of one place along training share.

use crate::{
    autodiff::{Interruptible, Interruption, Objective, Vector},
    curvature::{LinearOperator, ProbeVectors, Spectrum},
    problem::{Examples, Mode, Normalization, Problem, Reduction},
    random::{Purpose, Stream, stream},
    run::{Estimate, NamedEstimate, Position, Probe},
};

use super::CurvaturePlan;

/// Weights, and the examples that their loss is measured on.
#[derive(Clone, Copy)]
pub struct MeasurementTarget<'a> {
    /// What is trained.
    pub problem: &'a dyn Problem,
    /// The training examples to measure on, by index.
    pub sample: &'a [usize],
    /// The weights w, [p].
    pub w: &'a Vector,
    /// The buffers of batch normalisation, where there is one.
    pub buffers: Option<&'a Vector>,
    /// The weights that training began from, w0.
    pub initial_weights: &'a Vector,
    /// How far the run has come.
    pub at: Position,
    /// The seed of the measurements' random streams, the same for all runs of a session.
    pub seed: u64,
    /// By which the measurement may be cut short.
    pub interruption: Option<&'a Interruption>,
}

/// What measurements of the Hessian share.
pub struct HessianContext<'a> {
    /// What is to be measured, and what it may cost.
    pub plan: &'a CurvaturePlan,
    /// The exact Hessian of the mean loss over the sample.
    pub hessian: &'a dyn LinearOperator,
    /// Probe vectors, one after another for all measurements.
    pub vectors: &'a mut ProbeVectors,
    /// The ends of the spectrum that were searched.
    pub spectrum: &'a Spectrum,
    /// The trace of each tensor's block, where the trace was estimated so that it is known.
    pub tensors: &'a [NamedEstimate],
    /// What was found so far.
    pub event: Probe,
}

/// What a measurement with an event of its own may use.
#[derive(Debug, Clone, Copy)]
pub struct MeasurementContext {
    /// The trace of the exact Hessian at the same weights.
    pub trace: Estimate,
}

/// What trace and `lambda_max` may find with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shared {
    /// The smallest eigenvalue, from the Krylov space of the largest.
    SmallestEigenvalue,
    /// The trace of each tensor's block.
    TracePerTensor,
}

impl<'a> MeasurementTarget<'a> {
    /// The mean clean loss over the sample.
    pub fn objective(&self) -> Box<dyn Objective + 'a> {
        self.on(if self.has_all_examples() {
            Examples::First(self.sample.len())
        } else {
            Examples::Chosen(self.sample)
        })
    }

    /// The mean clean loss over these examples.
    pub fn on(&self, examples: Examples<'_>) -> Box<dyn Objective + 'a> {
        let mode = Mode { normalization: Normalization::by(self.buffers), ..Mode::default() };
        let objective = self.problem.objective_in(mode, examples);
        match self.interruption {
            Some(interruption) => Box::new(Interruptible::new(objective, interruption)),
            None => objective,
        }
    }

    /// A random stream that no other measurement draws from, by the measurement's key: the same at every measurement of a session.
    pub fn stream(&self, key: &'static str) -> Stream {
        stream(self.seed, Purpose::Measurement(key))
    }

    /// Probe vectors from the measurement's own [`stream`](Self::stream).
    pub fn probe_vectors(&self, key: &'static str) -> ProbeVectors {
        ProbeVectors::of(self.stream(key), self.w)
    }

    /// Whether the sample is the whole training set.
    pub fn has_all_examples(&self) -> bool {
        self.problem.examples().is_none_or(|all| self.sample.len() == all.get())
    }

    /// The sample in `count` parts of equal size (to one example), each mixed as the whole; fewer where there are fewer examples, one
    /// where the loss is no mean over examples.
    pub fn parts(&self, count: usize) -> impl Iterator<Item = &'a [usize]> + use<'a> {
        let sample = self.sample;
        let count = match self.problem.reduction() {
            Reduction::MeanOverExamples => count.min(sample.len()),
            Reduction::WholeBatch => 1.min(sample.len()),
        };
        (0..count).map(move |part| &sample[part * sample.len() / count..(part + 1) * sample.len() / count])
    }
}
