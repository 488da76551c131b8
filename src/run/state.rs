//! Where a run is: everything that a step changes, the step itself, and how all of it is kept in a checkpoint.

use std::num::NonZeroUsize;

use super::{
    Budget, Event, Position, RunHeader,
    average::{RunningAverage, Transition},
    batches::Batches,
    clock::Clock,
    device,
    job::Job,
    measure::Snapshot,
};
use crate::{
    autodiff::{Archive, ArchiveError, Counted, Interruptible, Interruption, Objective as _, Vector, vector_like},
    optimizer::{
        Hyperparameter, HyperparameterError, Hyperparameters, NoiseStream, OptimizerState, Rule, StepContext,
        StepInput, StepOutput, StepStats, TrainingProgress,
    },
    problem::{Augmented, Buffers, Examples, Mode},
    random::{Purpose, stream},
};

/// Everything that a step changes.
pub(super) struct State<'a> {
    pub hyperparameters: Hyperparameters,
    pub w: Vector,
    /// The weights that training began from.
    pub start: Vector,
    optimizer: OptimizerState,
    pub buffers: Option<Buffers<'a>>,
    noise: NoiseStream,
    batches: Batches,
    pub at: Position,
    /// Forward passes without a backward one that training took for the sake of batch normalisation.
    forward_passes: u64,
    pub average: Option<RunningAverage>,
}

/// What a step changes, as it was before.
pub(super) struct Kept {
    w: Vector,
    optimizer: OptimizerState,
    buffers: Option<Vector>,
    average: Option<RunningAverage>,
    noise: NoiseStream,
    at: Position,
    forward_passes: u64,
}

impl<'a> State<'a> {
    pub fn new(job: &Job<'a>) -> Self {
        let seed = job.train.seed;
        let initial = job.problem.initial(&mut stream(seed, Purpose::Weights));
        let like = Vector::zeros([1], job.problem.device());
        let start = vector_like(&initial, &like);
        Self {
            hyperparameters: job.run.hyperparameters,
            w: start.clone(),
            start,
            optimizer: OptimizerState::default(),
            buffers: job.problem.buffers(),
            noise: device::noise(seed, job.problem.device()),
            batches: Batches::new(job.problem.examples(), batch(job), seed),
            at: Position::default(),
            forward_passes: 0,
            average: job.run.average.map(RunningAverage::new),
        }
    }

    /// All that the next step depends on, but for what the job says. Minibatches follow from the number of steps. Waits for the device.
    pub fn to_archive(&self) -> Archive {
        let mut archive = Archive::default();
        archive.set("at", self.at);
        archive.set("hyperparameters", self.hyperparameters);
        archive.set("noise", &self.noise);
        archive.set("forward_passes", self.forward_passes);
        archive.put("w", &self.w);
        archive.put_some("buffers", self.buffers.as_ref().map(|buffers| &buffers.values));
        archive.put_all("optimizer.", self.optimizer.to_archive());
        if let Some(average) = &self.average {
            archive.put_all("average.", average.to_archive());
        }
        archive
    }

    /// Where the job was when [`State::to_archive`] made this of it.
    ///
    /// # Errors
    /// [`ArchiveError`] names what is missing or belongs to another problem.
    pub fn from_archive(job: &Job<'a>, archive: &Archive) -> Result<Self, ArchiveError> {
        let fresh = Self::new(job);
        let device = job.problem.device();
        let w = archive.vector("w", device)?;
        let [found, expected] = [&w, &fresh.start].map(|vector| vector.dims()[0]);
        if found != expected {
            let fault = format!("has {found} numbers, and the problem {expected} parameters");
            return Err(ArchiveError::Unfit { name: "w".to_owned(), fault });
        }
        let at: Position = archive.get("at")?;
        let buffers =
            fresh.buffers.map(|buffers| Ok(Buffers { values: archive.vector("buffers", device)?, ..buffers }));
        let average = job.run.average.map(|kind| RunningAverage::from_archive(kind, &archive.part("average."), device));
        Ok(Self {
            hyperparameters: archive.get("hyperparameters")?,
            w,
            start: fresh.start,
            optimizer: OptimizerState::from_archive(&archive.part("optimizer."), device)?,
            buffers: buffers.transpose()?,
            noise: archive.get("noise")?,
            batches: fresh.batches.after(at.step),
            at,
            forward_passes: archive.get("forward_passes")?,
            average: average.transpose()?,
        })
    }

    /// Whether the budget has room for the next step, whole.
    pub fn affords_a_step(&self, job: &Job<'_>) -> bool {
        match job.train.budget {
            Budget::Epochs(epochs) => self.at.step < epochs * steps_per_epoch(job),
            Budget::Steps(steps) => self.at.step < steps,
            Budget::Gradients(gradients) => self.at.gradients + self.hyperparameters.rule.cost() <= gradients,
        }
    }

    /// One optimizer step on the next minibatch; `None` where an interruption has cut it short, after which the state is to be
    /// [rewound](Self::rewind).
    pub fn step(&mut self, job: &Job<'_>, clock: &Clock, interruption: Option<&Interruption>) -> Option<StepStats> {
        let problem = job.problem;
        let start_of_step = self.at;
        let examples = Examples::Chosen(self.batches.next_batch());
        let mode = Mode {
            normalization: self.buffers.as_ref().map(Buffers::in_training).unwrap_or_default(),
            augmentation: job
                .run
                .augmentation
                .filter(|augmentation| !augmentation.is_none())
                .map(|augmentation| Augmented { augmentation, draw: self.at.step }),
            smoothing: self.hyperparameters.rule.label_smoothing(),
        };
        let never = Interruption::default();
        let objective = Interruptible::new(problem.objective_in(mode, examples), interruption.unwrap_or(&never));
        let counted = Counted::new(&objective);
        let mut context = StepContext {
            layout: problem.layout(),
            initial_weights: &self.start,
            examples: problem.examples(),
            noise: &mut self.noise,
        };
        let before = StepInput {
            w: self.w.clone(),
            state: std::mem::take(&mut self.optimizer),
            progress: progress(job, self.at, self.hyperparameters.rule),
        };
        let StepOutput { w, state, stats } = self.hyperparameters.step(&counted, before, &mut context);
        if let Some(buffers) = &mut self.buffers {
            buffers.update(|| {
                stats.batch_statistics.clone().or_else(|| {
                    self.forward_passes += 1;
                    objective.batch_statistics(&self.w)
                })
            });
        }
        if objective.was_cut_short() {
            return None;
        }
        (self.w, self.optimizer) = (w, state);
        self.at.step += 1;
        self.at.gradients += counted.spent();
        self.at.seconds = clock.seconds();
        if let Some(average) = &mut self.average {
            let TrainingProgress { spent, budget, .. } = progress(job, self.at, self.hyperparameters.rule);
            average.record(
                &self.w,
                Transition {
                    before: start_of_step,
                    after: self.at,
                    steps_per_epoch: steps_per_epoch(job),
                    budget_share: spent as f64 / budget as f64,
                },
            );
        }
        Some(stats)
    }

    /// What is needed to undo the next step.
    pub fn kept(&self) -> Kept {
        let buffers = self.buffers.as_ref().map(|buffers| buffers.values.clone());
        Kept {
            w: self.w.clone(),
            optimizer: self.optimizer.clone(),
            buffers,
            average: self.average.clone(),
            noise: self.noise.clone(),
            at: self.at,
            forward_passes: self.forward_passes,
        }
    }

    /// Undoes a step, but for its cost, its minibatch and its draws of noise.
    pub fn skip(&mut self, Kept { w, optimizer, buffers, average, .. }: Kept) {
        (self.w, self.optimizer, self.average) = (w, optimizer, average);
        if let (Some(buffers), Some(values)) = (&mut self.buffers, buffers) {
            buffers.values = values;
        }
    }

    /// Undoes a step altogether.
    pub fn rewind(&mut self, job: &Job<'_>, before: Kept) {
        self.noise = before.noise.clone();
        (self.at, self.forward_passes) = (before.at, before.forward_passes);
        self.batches = Batches::new(job.problem.examples(), batch(job), job.train.seed).after(self.at.step);
        self.skip(before);
    }

    /// Gives the present average of the weights the batch-norm buffers that belong to it, before it is measured.
    pub fn complete_average(&mut self, job: &Job<'_>) {
        if let Some(average) = &mut self.average {
            let batches = Batches::new(job.problem.examples(), batch(job), job.train.seed);
            average.complete(job.problem, batches, steps_per_epoch(job), &|| !job.is_interrupted());
        }
    }

    /// What there is to measure now.
    pub fn snapshot(&self, job: &Job<'_>) -> Snapshot<'_> {
        let Hyperparameters { rule, lr, schedule, .. } = self.hyperparameters;
        let progress = progress(job, self.at, rule);
        let noise = match rule {
            Rule::Follow { method, .. } => method.at(progress).weight_noise(),
            Rule::Bsam(_) => None,
        };
        Snapshot {
            w: &self.w,
            buffers: self.buffers.as_ref().map(|buffers| &buffers.values),
            at: self.at,
            forward_passes: self.forward_passes,
            lr: lr * schedule.factor(progress),
            sigma: noise.map(|noise| noise.sigma),
            average: self.average.as_ref().and_then(RunningAverage::completed),
        }
    }

    /// Sets a hyperparameter, or says why not.
    pub fn adjust(&mut self, setting: Hyperparameter, to: f64) -> Event {
        let at = self.at;
        let changed = if setting.is_initial() && self.hyperparameters.get(setting).is_some() && at.step > 0 {
            Err(HyperparameterError::OnlyAtStart { hyperparameter: setting })
        } else {
            self.hyperparameters.with(setting, to)
        };
        match (self.hyperparameters.get(setting), changed) {
            (Some(from), Ok(changed)) => {
                self.hyperparameters = changed;
                Event::Adjust { at, setting, from, to }
            }
            (_, Err(refused)) => Event::Reject { step: at.step, setting, value: to, reason: refused.to_string() },
            (None, Ok(_)) => unreachable!("a hyperparameter that can be set has a value"),
        }
    }
}

pub(super) fn header(job: &Job<'_>) -> RunHeader {
    RunHeader {
        run: job.run.name.clone(),
        hyperparameters: job.run.hyperparameters,
        seed: job.train.seed,
        device: device::name_of(job.problem.device()).map_or_else(String::new, |name| name.to_string()),
        parameters: job.problem.layout().dimension() as u64,
        budget: job.train.budget,
        steps_per_epoch: steps_per_epoch(job),
        probe_examples: job.problem.examples().map_or(0, |all| all.get().min(job.train.curvature.examples)) as u64,
        test_examples: job.problem.test_examples().map_or(0, NonZeroUsize::get) as u64,
        fork: job.run.fork.clone(),
    }
}

/// Examples in a minibatch.
fn batch(job: &Job<'_>) -> usize {
    job.run.batch.unwrap_or(job.train.batch)
}

pub(super) fn steps_per_epoch(job: &Job<'_>) -> u64 {
    Batches::per_epoch(job.problem.examples(), batch(job))
}

/// Where in its training the next step is taken, counted in what the budget counts.
fn progress(job: &Job<'_>, at: Position, rule: Rule) -> TrainingProgress {
    let epoch = steps_per_epoch(job);
    let (spent, cost, budget) = match job.train.budget {
        Budget::Epochs(epochs) => (at.step, 1, epochs * epoch),
        Budget::Steps(steps) => (at.step, 1, steps),
        Budget::Gradients(gradients) => (at.gradients, rule.cost(), gradients),
    };
    TrainingProgress { spent, cost, epoch, budget }
}
