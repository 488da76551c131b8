//! What a run measures along the way: step losses as they were paid for, losses on whole splits, curvature.
//! Nothing here touches the trajectory.

mod average;
mod bound;
mod probe;
mod readouts;

use probe::{ProbeTarget, WarmStart};
pub(super) use readouts::{PendingReadouts, ReadoutError};

use super::{
    Event, Extra, Position, WeightStats,
    average::Averaged,
    clock::Clock,
    job::{BestWeights, Divergence, Job, Publish, PublishError},
};
use crate::autodiff::{Vector, norm, read};

/// Evaluations and curvature probes of one run, and what they remember between calls.
pub(super) struct Evaluator<'a> {
    job: Job<'a>,
    start: Vector,
    warm_start: WarmStart,
    average_warm_start: WarmStart,
    evaluated_at: Option<u64>,
    probed_at: Option<u64>,
    train_loss: Option<f64>,
    best: Option<BestWeights>,
    /// The training examples that curvature is measured on.
    sample: Vec<usize>,
}

/// What is to be measured, and how the next step from there is taken.
#[derive(Clone, Copy)]
pub(super) struct Snapshot<'a> {
    pub w: &'a Vector,
    /// The buffers of batch normalisation, where there is one.
    pub buffers: Option<&'a Vector>,
    pub at: Position,
    /// Forward passes without a backward one that training took so far.
    pub forward_passes: u64,
    /// The learning rate of the next step.
    pub lr: f64,
    /// The scale of its noise, where it has some.
    pub sigma: Option<f64>,
    /// The average of the weights, where the run keeps one and an iterate has entered.
    pub average: Option<Averaged<'a>>,
}

impl<'a> Evaluator<'a> {
    pub fn new(job: &Job<'a>, start: Vector) -> Self {
        let sample = job.problem.sample(job.train.probe.examples, job.train.seed);
        Self {
            job: *job,
            start,
            warm_start: WarmStart::default(),
            average_warm_start: WarmStart::default(),
            evaluated_at: None,
            probed_at: None,
            train_loss: None,
            best: None,
            sample,
        }
    }

    /// The run at its lowest validation loss so far.
    pub fn best(self) -> Option<BestWeights> {
        self.best
    }

    /// Losses on whole splits, and where the weights are.
    pub fn evaluate(&mut self, snapshot: Snapshot<'_>, publish: &mut Publish<'_>) -> Result<(), PublishError> {
        let Snapshot { w, buffers, at: Position { step, gradients, seconds }, forward_passes, lr, sigma, .. } =
            snapshot;
        self.evaluated_at = Some(step);
        let clock = Clock::start();
        let metrics = self.job.problem.evaluate(w, buffers);
        self.train_loss = metrics.train_loss;
        let lowest = self.best.as_ref().map_or(f64::INFINITY, |best| best.validation_loss);
        if let Some(validation_loss) = metrics.validation_loss.filter(|&loss| loss < lowest) {
            self.best = Some(BestWeights { step, validation_loss, weights: w.clone(), buffers: buffers.cloned() });
        }
        let norms = read(vec![norm(w), norm(&(w.clone() - self.start.clone()))]);
        let weight_stats = WeightStats {
            weight_norm: norms.first().copied(),
            distance_from_init: norms.last().copied(),
            lr_now: Some(lr),
            sigma_now: sigma,
        };
        let examples = self.job.problem.evaluated_examples() as u64;
        let took = clock.seconds();
        publish(Event::Eval { step, gradients, seconds, examples, forward_passes, took, metrics, weight_stats })?;
        self.evaluate_average(snapshot, publish)
    }

    /// The last evaluated train loss, if it is not finite: a last step can blow up with no step after it to show it.
    pub fn divergence(&self, at: Position) -> Option<Divergence> {
        self.train_loss.filter(|loss| !loss.is_finite()).map(|loss| Divergence { at, loss })
    }

    /// The curvature of the clean loss, and what else the plan has a probe measure.
    pub fn probe(&mut self, snapshot: Snapshot<'_>, publish: &mut Publish<'_>) -> Result<(), PublishError> {
        let Snapshot { w, buffers, at, .. } = snapshot;
        self.probed_at = Some(at.step);
        let target = ProbeTarget { job: self.job, sample: &self.sample, w, buffers, start: &self.start, at };
        let probe = target.curvature(&mut self.warm_start);
        let trace = probe.trace;
        publish(Event::Probe(Box::new(probe)))?;
        let extras = &self.job.train.probe.extras;
        if extras.contains(&Extra::PerturbationGap) {
            publish(Event::PerturbationGap(Box::new(target.perturbation_gap(trace))))?;
        }
        if let Some(bound) = extras.contains(&Extra::Bound).then(|| target.bound(trace)).flatten() {
            publish(Event::Bound(Box::new(bound)))?;
        }
        self.probe_average(snapshot, publish)
    }

    /// Everything, at the start.
    pub fn measure_all(&mut self, snapshot: Snapshot<'_>, publish: &mut Publish<'_>) -> Result<(), PublishError> {
        self.evaluate(snapshot, publish)?;
        if self.job.train.probe_every.is_some() { self.probe(snapshot, publish) } else { Ok(()) }
    }

    /// At the end: whatever was not measured at this very step.
    pub fn measure_what_is_old(
        &mut self,
        snapshot: Snapshot<'_>,
        publish: &mut Publish<'_>,
    ) -> Result<(), PublishError> {
        if self.evaluated_at != Some(snapshot.at.step) {
            self.evaluate(snapshot, publish)?;
        }
        if self.job.train.probe_every.is_some() && self.probed_at != Some(snapshot.at.step) {
            self.probe(snapshot, publish)?;
        }
        Ok(())
    }
}
