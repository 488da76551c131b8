//! When a run is evaluated and its curvature measured, and what these remember from one call to the next.

use super::{
    CurvaturePlan,
    curvature::{WarmStart, curvature},
    declared::Found,
    readouts::Divergence,
    target::{MeasurementContext, MeasurementTarget},
};
use crate::{
    autodiff::{Archive, ArchiveError, Interruption, Vector, norm, read},
    problem::Problem,
    run::{AverageEval, AverageKind, Event, Measured, Position, WeightStats, clock::Clock},
};

/// Evaluations and curvature measurements of one run, and what they remember between calls. Events go to a callback whose error E ends
/// the measuring.
pub(in crate::run) struct Evaluator<'a> {
    input: EvaluatorInput<'a>,
    memory: Memory,
    /// The training examples that curvature is measured on.
    sample: Vec<usize>,
}

/// What an evaluator remembers from one call to the next.
#[derive(Debug, Clone, Default)]
pub(in crate::run) struct Memory {
    warm_start: WarmStart,
    average_warm_start: WarmStart,
    evaluated_at: Option<u64>,
    measured_at: Option<u64>,
    train_loss: Option<f64>,
    best: Option<BestWeights>,
}

/// Whether a measurement came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::run) enum Completion {
    Whole,
    /// It was interrupted. Some of its events may be published, and the memory may have part of it.
    CutShort,
}

/// What an evaluator needs to know of a run.
pub(in crate::run) struct EvaluatorInput<'a> {
    /// What is trained.
    pub problem: &'a dyn Problem,
    /// How curvature is measured; `None` for never.
    pub curvature: Option<&'a CurvaturePlan>,
    /// The seed of the session's random streams.
    pub seed: u64,
    /// The weights that training begins from, w0.
    pub initial_weights: Vector,
    /// By which evaluations and measurements are cut short.
    pub interruption: Option<&'a Interruption>,
}

impl EvaluatorInput<'_> {
    fn is_interrupted(&self) -> bool {
        self.interruption.is_some_and(Interruption::is_requested)
    }
}

/// What is to be measured, and how the next step from there is taken.
#[derive(Clone, Copy)]
pub(in crate::run) struct Snapshot<'a> {
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
    pub average: Option<&'a AveragedWeights>,
}

/// An average of a run's weights, ready to be measured.
#[derive(Debug, Clone)]
pub struct AveragedWeights {
    pub kind: AverageKind,
    /// How many iterates are averaged.
    pub iterates: u64,
    pub weights: Vector,
    /// The buffers of its batch normalisations, where it has any.
    pub buffers: Option<Vector>,
    /// Forward passes of minibatches that the run has spent on buffers of averages so far.
    pub forward_passes: u64,
}

/// The weights of the evaluation with the lowest validation loss.
#[derive(Debug, Clone)]
pub struct BestWeights {
    /// Optimizer steps taken by then.
    pub step: u64,
    pub validation_loss: f64,
    pub weights: Vector,
    /// The buffers of its batch normalisations, where it has any.
    pub buffers: Option<Vector>,
}

impl<'a> Evaluator<'a> {
    pub fn new(input: EvaluatorInput<'a>) -> Self {
        let sample = input.curvature.map_or_else(Vec::new, |plan| input.problem.sample(plan.examples, input.seed));
        Self { input, memory: Memory::default(), sample }
    }

    pub fn memory(&self) -> Memory {
        self.memory.clone()
    }

    /// Remembers what it did at another time.
    pub fn recall(&mut self, memory: Memory) {
        self.memory = memory;
    }

    /// What it remembers. Waits for the device.
    pub fn to_archive(&self) -> Archive {
        let mut archive = Archive::default();
        archive.set("evaluated_at", self.memory.evaluated_at);
        archive.set("measured_at", self.memory.measured_at);
        archive.set("train_loss_bits", self.memory.train_loss.map(f64::to_bits));
        archive.put_all("warm_start.", self.memory.warm_start.to_archive());
        archive.put_all("average_warm_start.", self.memory.average_warm_start.to_archive());
        if let Some(best) = &self.memory.best {
            archive.set("best.step", best.step);
            archive.set("best.validation_loss", best.validation_loss);
            archive.put("best.weights", &best.weights);
            archive.put_some("best.buffers", best.buffers.as_ref());
        }
        archive
    }

    /// Remembers what [`Evaluator::to_archive`] kept.
    ///
    /// # Errors
    /// [`ArchiveError`] names what is missing.
    pub fn restore(&mut self, archive: &Archive) -> Result<(), ArchiveError> {
        let device = self.input.problem.device();
        self.memory.evaluated_at = archive.get("evaluated_at")?;
        self.memory.measured_at = archive.get("measured_at")?;
        self.memory.train_loss = archive.get::<Option<u64>>("train_loss_bits")?.map(f64::from_bits);
        self.memory.warm_start = WarmStart::from_archive(&archive.part("warm_start."), device);
        self.memory.average_warm_start = WarmStart::from_archive(&archive.part("average_warm_start."), device);
        let best = archive.find("best.weights", device).map(|weights| {
            Ok(BestWeights {
                step: archive.get("best.step")?,
                validation_loss: archive.get("best.validation_loss")?,
                weights,
                buffers: archive.find("best.buffers", device),
            })
        });
        self.memory.best = best.transpose()?;
        Ok(())
    }

    /// The run at its lowest validation loss so far.
    pub fn best(self) -> Option<BestWeights> {
        self.memory.best
    }

    /// Losses on whole splits, and norms of the weights.
    pub fn evaluate<E>(
        &mut self,
        snapshot: Snapshot<'_>,
        publish: &mut dyn FnMut(Event) -> Result<(), E>,
    ) -> Result<Completion, E> {
        let Snapshot { w, buffers, at, forward_passes, lr, sigma, .. } = snapshot;
        let clock = Clock::start();
        let problem = self.input.problem;
        let metrics = problem.evaluate_while(w, buffers, &|| !self.input.is_interrupted());
        let Some(metrics) = metrics else { return Ok(Completion::CutShort) };
        self.memory.evaluated_at = Some(at.step);
        self.memory.train_loss = metrics.train_loss;
        let lowest = self.memory.best.as_ref().map_or(f64::INFINITY, |best| best.validation_loss);
        if let Some(validation_loss) = metrics.validation_loss.filter(|&loss| loss < lowest) {
            self.memory.best =
                Some(BestWeights { step: at.step, validation_loss, weights: w.clone(), buffers: buffers.cloned() });
        }
        let weight_stats = WeightStats { lr_now: Some(lr), sigma_now: sigma, ..self.weight_stats(w) };
        let examples = problem.evaluated_examples() as u64;
        let took = clock.seconds();
        publish(Event::Eval { at, examples, forward_passes, took, metrics, weight_stats })?;
        self.evaluate_average(snapshot, publish)
    }

    /// |w| and |w - w0|.
    fn weight_stats(&self, w: &Vector) -> WeightStats {
        let norms = read(vec![norm(w), norm(&(w.clone() - self.input.initial_weights.clone()))]);
        WeightStats {
            weight_norm: norms.first().copied(),
            distance_from_init: norms.last().copied(),
            ..WeightStats::default()
        }
    }

    /// The last evaluated train loss, if it is not finite: a last step can blow up with no step after it to show it.
    pub fn divergence(&self, at: Position) -> Option<Divergence> {
        self.memory.train_loss.filter(|loss| !loss.is_finite()).map(|loss| Divergence { at, loss })
    }

    /// The curvature of the clean loss, and what else the plan has measured with it, then the curvature at the average of the weights.
    /// Nothing where curvature is never measured.
    pub fn measure<E>(
        &mut self,
        snapshot: Snapshot<'_>,
        publish: &mut dyn FnMut(Event) -> Result<(), E>,
    ) -> Result<Completion, E> {
        let Some(plan) = self.input.curvature else { return Ok(Completion::Whole) };
        let Snapshot { w, buffers, at, .. } = snapshot;
        self.memory.measured_at = Some(at.step);
        let target = target(&self.input, &self.sample, WeightsAt { w, buffers, at });
        let probe = curvature(&target, plan, &mut self.memory.warm_start);
        if self.input.is_interrupted() {
            return Ok(Completion::CutShort);
        }
        let context = MeasurementContext { trace: probe.trace };
        publish(Event::Probe(Box::new(probe)))?;
        for (kind, measurement) in plan.settings.of_their_own() {
            if !plan.measures(kind) {
                continue;
            }
            let clock = Clock::start();
            let found = measurement.measure(&target, &context);
            if self.input.is_interrupted() {
                return Ok(Completion::CutShort);
            }
            match found {
                None => {}
                Some(Found::Event(event)) => publish(*event)?,
                Some(Found::Values { values, examples, evaluations }) => {
                    publish(Event::Measured(Box::new(Measured {
                        at,
                        measurement: kind.info().key.to_owned(),
                        values,
                        examples,
                        evaluations,
                        took: clock.seconds(),
                    })))?;
                }
            }
        }
        self.measure_average(plan, snapshot, publish)
    }

    /// Losses of the average on whole splits, under its own batch-norm buffers; nothing where there is no average.
    fn evaluate_average<E>(
        &self,
        Snapshot { average, at, .. }: Snapshot<'_>,
        publish: &mut dyn FnMut(Event) -> Result<(), E>,
    ) -> Result<Completion, E> {
        let Some(average) = average else { return Ok(Completion::Whole) };
        let clock = Clock::start();
        let wanted = || !self.input.is_interrupted();
        let metrics = self.input.problem.evaluate_while(&average.weights, average.buffers.as_ref(), &wanted);
        let Some(metrics) = metrics else { return Ok(Completion::CutShort) };
        let weight_stats = self.weight_stats(&average.weights);
        publish(Event::AverageEval(Box::new(AverageEval {
            at,
            average: average.kind,
            iterates: average.iterates,
            forward_passes: average.forward_passes,
            took: clock.seconds(),
            metrics,
            weight_stats,
        })))?;
        Ok(Completion::Whole)
    }

    /// What is part of a `probe` event, at the average under its own batch-norm buffers: on the same examples, along the same probe
    /// vectors, at the cost of the measurement of the weights. The measurements with an event of their own are not made there.
    /// Nothing where there is no average.
    fn measure_average<E>(
        &mut self,
        plan: &CurvaturePlan,
        Snapshot { average, at, .. }: Snapshot<'_>,
        publish: &mut dyn FnMut(Event) -> Result<(), E>,
    ) -> Result<Completion, E> {
        let Some(AveragedWeights { weights, buffers, .. }) = average else { return Ok(Completion::Whole) };
        let target = target(&self.input, &self.sample, WeightsAt { w: weights, buffers: buffers.as_ref(), at });
        let probe = curvature(&target, plan, &mut self.memory.average_warm_start);
        if self.input.is_interrupted() {
            return Ok(Completion::CutShort);
        }
        publish(Event::AverageProbe(Box::new(probe)))?;
        Ok(Completion::Whole)
    }

    /// Whether the weights after so many steps were evaluated.
    pub fn has_evaluated(&self, step: u64) -> bool {
        self.memory.evaluated_at == Some(step)
    }

    /// Whether the curvature after so many steps was measured.
    pub fn has_measured(&self, step: u64) -> bool {
        self.memory.measured_at == Some(step)
    }
}

/// Weights to measure at.
struct WeightsAt<'a> {
    w: &'a Vector,
    buffers: Option<&'a Vector>,
    at: Position,
}

fn target<'a>(
    input: &'a EvaluatorInput<'_>,
    sample: &'a [usize],
    WeightsAt { w, buffers, at }: WeightsAt<'a>,
) -> MeasurementTarget<'a> {
    MeasurementTarget {
        problem: input.problem,
        sample,
        w,
        buffers,
        initial_weights: &input.initial_weights,
        at,
        seed: input.seed,
        interruption: input.interruption,
    }
}
