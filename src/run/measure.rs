//! What a run measures along the way: step losses as they were paid for, losses on whole splits, curvature.
//! Nothing here touches the trajectory.

use super::{
    Eigenvalue, Estimate, Event, Position, Probe,
    clock::Clock,
    log::LogError,
    train::{Divergence, Job, Publish},
};
use crate::{
    autodiff::{Scalar, Vector, read},
    curvature::{Effort, Hessian, Rademacher, SampleMean, hutchinson, largest},
    optimizer::{Direction, Hyperparameters, Knob},
    problem::Examples,
};

/// lambda_max is good enough when its residual is below this share of it.
const TOLERANCE: f64 = 1e-3;

/// How much of a random vector is mixed into Lanczos's start, so that it is never an eigenvector itself.
const FRESH: f64 = 0.3;

/// Losses and free curvature samples that are still on the device.
pub(super) struct Ledger {
    record_every: u64,
    losses: Vec<(Position, Scalar)>,
    traces: Vec<Scalar>,
    last: Option<(Position, f64)>,
}

impl Ledger {
    pub fn new(record_every: u64) -> Self {
        Self { record_every, losses: Vec::new(), traces: Vec::new(), last: None }
    }

    /// Keeps what a step found, without waiting for it.
    pub fn record(&mut self, at: Position, direction: Direction, hyperparameters: Hyperparameters) {
        self.losses.push((at, direction.loss));
        self.traces.extend(direction.smoothed_traces);
        self.last = hyperparameters.get(Knob::Sigma).map(|sigma| (at, sigma));
    }

    /// Publishes the step losses gathered so far. Divergence is found here; steps past it are not told.
    pub fn read_losses(&mut self, publish: &mut Publish<'_>) -> Result<(), LedgerError> {
        let (positions, losses): (Vec<_>, Vec<_>) = self.losses.drain(..).unzip();
        for (at, loss) in positions.into_iter().zip(read(losses)) {
            let Position { step, gradients, seconds } = at;
            let diverged = !loss.is_finite();
            if diverged || step % self.record_every == 0 {
                publish(Event::Step { step, gradients, loss, seconds })?;
            }
            if diverged {
                return Err(LedgerError::Diverged(Divergence { at, loss }));
            }
        }
        Ok(())
    }

    /// Publishes the smoothed trace over the steps since the last call, where the method samples one.
    pub fn read_free_trace(&mut self, publish: &mut Publish<'_>) -> Result<(), LogError> {
        let samples = read(std::mem::take(&mut self.traces));
        match self.last {
            Some((Position { step, gradients, seconds }, sigma)) if !samples.is_empty() => {
                let trace = SampleMean::of(&samples).into();
                publish(Event::FreeTrace { step, gradients, seconds, sigma, trace })
            }
            _ => Ok(()),
        }
    }
}

/// Why the ledger could not be read to its end.
pub(super) enum LedgerError {
    Diverged(Divergence),
    Log(LogError),
}

impl From<LogError> for LedgerError {
    fn from(error: LogError) -> Self {
        Self::Log(error)
    }
}

/// Evaluations and curvature probes of one run, and what they remember between calls.
pub(super) struct Gauge<'a> {
    job: Job<'a>,
    top: Option<Vector>,
    evaluated_at: Option<u64>,
    probed_at: Option<u64>,
    train_loss: Option<f64>,
}

impl<'a> Gauge<'a> {
    pub fn new(job: &Job<'a>) -> Self {
        Self { job: *job, top: None, evaluated_at: None, probed_at: None, train_loss: None }
    }

    /// Losses on whole splits.
    pub fn evaluate(&mut self, w: &Vector, at: Position, publish: &mut Publish<'_>) -> Result<(), LogError> {
        self.evaluated_at = Some(at.step);
        let Position { step, gradients, seconds } = at;
        let clock = Clock::start();
        let metrics = self.job.problem.evaluate(w);
        self.train_loss = metrics.train_loss;
        let examples = self.job.problem.evaluated_examples() as u64;
        publish(Event::Eval { step, gradients, seconds, examples, took: clock.seconds(), metrics })
    }

    /// The last evaluated train loss, if it is not finite: a last step can blow up with no step after it to show it.
    pub fn divergence(&self, at: Position) -> Option<Divergence> {
        self.train_loss.filter(|loss| !loss.is_finite()).map(|loss| Divergence { at, loss })
    }

    /// Trace and largest eigenvalue of the exact Hessian on the probe's sample.
    ///
    /// Lanczos starts from the last top vector with a little of a random one.
    pub fn probe(&mut self, w: &Vector, at: Position, publish: &mut Publish<'_>) -> Result<(), LogError> {
        self.probed_at = Some(at.step);
        let clock = Clock::start();
        let plan = self.job.train.probe;
        let problem = self.job.problem;
        let objective = problem.objective(Examples::First(plan.examples));
        let hessian = Hessian { objective: objective.as_ref(), w };
        let mut vectors = Rademacher::new(self.job.train.seed);
        let trace = hutchinson(&hessian, w, &mut vectors, plan.trace_probes);
        let random = vectors.draw(w);
        let start = match self.top.take() {
            Some(top) => {
                let scale = FRESH / (w.dims()[0] as f64).sqrt();
                top + random * scale
            }
            None => random,
        };
        let effort = Effort { products: plan.lanczos_products, tolerance: TOLERANCE };
        let top = largest(&hessian, &start, effort);
        self.top = top.value.is_finite().then_some(top.vector);
        let Position { step, gradients, seconds } = at;
        publish(Event::Probe(Probe {
            step,
            gradients,
            seconds,
            trace: trace.into(),
            lambda_max: Eigenvalue { value: top.value, residual: top.residual, products: top.products.into() },
            examples: problem.examples().min(plan.examples) as u64,
            products: u64::from(plan.trace_probes + top.products),
            took: clock.seconds(),
        }))
    }

    /// Everything, at the start.
    pub fn measure_all(&mut self, w: &Vector, at: Position, publish: &mut Publish<'_>) -> Result<(), LogError> {
        self.evaluate(w, at, publish)?;
        if self.job.train.probe_every.is_some() { self.probe(w, at, publish) } else { Ok(()) }
    }

    /// At the end: whatever was not measured at this very step.
    pub fn measure_what_is_old(&mut self, w: &Vector, at: Position, publish: &mut Publish<'_>) -> Result<(), LogError> {
        if self.evaluated_at != Some(at.step) {
            self.evaluate(w, at, publish)?;
        }
        if self.job.train.probe_every.is_some() && self.probed_at != Some(at.step) {
            self.probe(w, at, publish)?;
        }
        Ok(())
    }
}

impl From<SampleMean> for Estimate {
    fn from(mean: SampleMean) -> Self {
        Self { mean: mean.mean, std_error: mean.std_error, probes: mean.count }
    }
}
