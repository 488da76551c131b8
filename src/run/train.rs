//! The training loop of one run. It blocks, it is deterministic, and it knows neither threads nor files: commands come from an
//! [`Inbox`], events go to a callback.

use std::time::Duration;

use super::{
    Budget, Cadence, Command, Event, Outcome, Position, RunHeader,
    average::{RunningAverage, Transition},
    batches::Batches,
    clock::Clock,
    device,
    job::{FinalState, Inbox, Job, LoopExit, Publish, PublishError},
    measure::{Divergence, Evaluator, EvaluatorInput, PendingReadouts, ReadoutError, Snapshot},
};
use crate::{
    autodiff::{Counted, Vector, vector_like},
    optimizer::{
        Hyperparameter, HyperparameterError, Hyperparameters, NoiseStream, OptimizerState, Rule, StepContext,
        StepInput, StepOutput, StepStats, TrainingProgress,
    },
    problem::{Augmented, Buffers, Examples, Mode},
    random::{Purpose, stream},
};

/// How long step losses may stay on the device before they are read.
const READ_EVERY: Duration = Duration::from_millis(150);

/// Why the loop leaves early.
enum Interrupt {
    Stop,
    Restart,
    Diverged(Divergence),
    Publish(PublishError),
}

impl From<PublishError> for Interrupt {
    fn from(error: PublishError) -> Self {
        Self::Publish(error)
    }
}

impl From<ReadoutError<PublishError>> for Interrupt {
    fn from(error: ReadoutError<PublishError>) -> Self {
        match error {
            ReadoutError::Diverged(divergence) => Self::Diverged(divergence),
            ReadoutError::Publish(error) => Self::Publish(error),
        }
    }
}

/// Everything that a step changes.
struct State<'a> {
    hyperparameters: Hyperparameters,
    w: Vector,
    /// The weights that training began from.
    start: Vector,
    optimizer: OptimizerState,
    buffers: Option<Buffers<'a>>,
    noise: NoiseStream,
    batches: Batches,
    at: Position,
    /// Forward passes without a backward one that training took for the sake of batch normalisation.
    forward_passes: u64,
    average: Option<RunningAverage>,
}

/// What the loop measures with.
struct Instruments<'a> {
    evaluator: Evaluator<'a>,
    readouts: PendingReadouts,
    clock: Clock,
}

/// Where commands come from and events go.
struct Channels<'a, 'b> {
    inbox: &'a mut dyn Inbox,
    publish: &'a mut Publish<'b>,
}

/// Trains one run from its initial weights to the end of its budget. Every event is published but the last,
/// [`Event::Finish`]: the caller publishes it once the weights are kept.
///
/// # Errors
/// [`PublishError`] if an event could not be published; the run is over then.
pub fn train(job: Job<'_>, inbox: &mut dyn Inbox, publish: &mut Publish<'_>) -> Result<LoopExit, PublishError> {
    let mut state = State::new(&job);
    let clock = Clock::start();
    publish(Event::Start(header(&job)))?;
    let evaluator = Evaluator::new(EvaluatorInput {
        problem: job.problem,
        curvature: job.train.probe_every.map(|_| &job.train.curvature),
        seed: job.train.seed,
        initial_weights: state.start.clone(),
    });
    let mut instruments = Instruments { evaluator, readouts: PendingReadouts::new(job.train.record_every), clock };
    let interrupt = run_to_the_end(&job, &mut state, &mut instruments, &mut Channels { inbox, publish }).err();
    let (outcome, at, reason) = match interrupt {
        None => (Outcome::Completed, state.at, left_over(&job, &state)),
        Some(Interrupt::Stop) => (Outcome::Stopped, state.at, None),
        Some(Interrupt::Restart) => return Ok(LoopExit::Restart),
        Some(Interrupt::Publish(error)) => return Err(error),
        Some(Interrupt::Diverged(Divergence { at, loss })) => {
            (Outcome::Diverged, at, Some(format!("the loss is {loss} at step {}", at.step)))
        }
    };
    let at = Position { seconds: instruments.clock.seconds(), ..at };
    let average = state.average.and_then(RunningAverage::into_completed);
    let buffers = state.buffers.map(|buffers| buffers.values);
    let best = instruments.evaluator.best();
    Ok(LoopExit::Ended(Box::new(FinalState { outcome, reason, at, weights: state.w, buffers, best, average })))
}

/// What is left of a budget that the next step would overrun, in words.
fn left_over(job: &Job<'_>, state: &State<'_>) -> Option<String> {
    let Budget::Gradients(budget) = job.train.budget else { return None };
    let (spent, cost) = (state.at.gradients, state.hyperparameters.rule.cost());
    (spent < budget).then(|| format!("{spent} of {budget} gradient evaluations spent; the next step would cost {cost}"))
}

fn run_to_the_end(
    job: &Job<'_>,
    state: &mut State<'_>,
    instruments: &mut Instruments<'_>,
    channels: &mut Channels<'_, '_>,
) -> Result<(), Interrupt> {
    instruments.evaluator.measure_all(state.snapshot(job), channels.publish)?;
    let mut read_at = instruments.clock.elapsed();
    while state.affords_a_step(job) {
        handle_commands(state, instruments, channels)?;
        // A change may have made the next step dearer than what is left.
        if !state.affords_a_step(job) {
            break;
        }
        let Instruments { evaluator, readouts, clock } = &mut *instruments;
        let publish = &mut *channels.publish;
        let before = state.at;
        let found = state.step(job, clock);
        readouts.record(state.at, found);
        let due = |cadence: Cadence| cadence.is_due(before, state.at, steps_per_epoch(job));
        let evaluate = due(job.train.evaluate_every);
        let probe = job.train.probe_every.is_some_and(due);
        if evaluate || probe || clock.elapsed().saturating_sub(read_at) > READ_EVERY {
            readouts.read_losses(publish)?;
            read_at = clock.elapsed();
        }
        if evaluate || probe {
            state.complete_average(job);
        }
        if evaluate {
            readouts.read_curvature_samples(publish)?;
            evaluator.evaluate(state.snapshot(job), publish)?;
        }
        if probe {
            evaluator.measure(state.snapshot(job), publish)?;
        }
    }
    let Instruments { evaluator, readouts, .. } = instruments;
    let publish = &mut *channels.publish;
    readouts.read_losses(publish)?;
    readouts.read_curvature_samples(publish)?;
    state.complete_average(job);
    evaluator.measure_what_is_old(state.snapshot(job), publish)?;
    evaluator.divergence(state.at).map_or(Ok(()), |divergence| Err(Interrupt::Diverged(divergence)))
}

/// Carries out the pending commands between two steps. While paused it waits here.
fn handle_commands(
    state: &mut State<'_>,
    Instruments { readouts, clock, .. }: &mut Instruments<'_>,
    Channels { inbox, publish }: &mut Channels<'_, '_>,
) -> Result<(), Interrupt> {
    let mut paused = false;
    while let Some(command) = if paused { Some(inbox.wait()) } else { inbox.poll() } {
        // A restart discards the readouts of the attempt that it ends.
        if command == Command::Restart {
            return Err(Interrupt::Restart);
        }
        readouts.read_losses(publish)?;
        match command {
            Command::Adjust { hyperparameter, value } => {
                // Free curvature belongs to the hyperparameters that it was sampled with: it is published before they change.
                readouts.read_curvature_samples(publish)?;
                publish(state.adjust(hyperparameter, value))?;
            }
            Command::Pause if !paused => {
                paused = true;
                clock.pause();
                publish(Event::Pause { step: state.at.step })?;
            }
            Command::Resume if paused => {
                paused = false;
                clock.resume();
                publish(Event::Resume { step: state.at.step })?;
            }
            Command::Pause | Command::Resume | Command::Restart => {}
            Command::Stop => {
                readouts.read_curvature_samples(publish)?;
                return Err(Interrupt::Stop);
            }
        }
    }
    Ok(())
}

impl<'a> State<'a> {
    fn new(job: &Job<'a>) -> Self {
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

    /// Whether the budget has room for the next step, whole.
    fn affords_a_step(&self, job: &Job<'_>) -> bool {
        match job.train.budget {
            Budget::Epochs(epochs) => self.at.step < epochs * steps_per_epoch(job),
            Budget::Steps(steps) => self.at.step < steps,
            Budget::Gradients(gradients) => self.at.gradients + self.hyperparameters.rule.cost() <= gradients,
        }
    }

    /// One optimizer step on the next minibatch.
    fn step(&mut self, job: &Job<'_>, clock: &Clock) -> StepStats {
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
        let objective = problem.objective_in(mode, examples);
        let counted = Counted::new(objective.as_ref());
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
        stats
    }

    /// Gives the present average of the weights the batch-norm buffers that belong to it, before it is measured.
    fn complete_average(&mut self, job: &Job<'_>) {
        if let Some(average) = &mut self.average {
            let batches = Batches::new(job.problem.examples(), batch(job), job.train.seed);
            average.complete(job.problem, batches, steps_per_epoch(job));
        }
    }

    /// What there is to measure now.
    fn snapshot(&self, job: &Job<'_>) -> Snapshot<'_> {
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
    fn adjust(&mut self, setting: Hyperparameter, to: f64) -> Event {
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

fn header(job: &Job<'_>) -> RunHeader {
    RunHeader {
        run: job.run.name.clone(),
        hyperparameters: job.run.hyperparameters,
        seed: job.train.seed,
        device: device::name_of(job.problem.device()).map_or_else(String::new, |name| name.to_string()),
        parameters: job.problem.layout().dimension() as u64,
        budget: job.train.budget,
        steps_per_epoch: steps_per_epoch(job),
        probe_examples: job.problem.examples().map_or(0, |all| all.get().min(job.train.curvature.examples)) as u64,
    }
}

/// Examples in a minibatch.
fn batch(job: &Job<'_>) -> usize {
    job.run.batch.unwrap_or(job.train.batch)
}

fn steps_per_epoch(job: &Job<'_>) -> u64 {
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
