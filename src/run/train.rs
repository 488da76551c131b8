//! The loop of one run: (job, inbox, publish) -> how it ended. It blocks, it is deterministic, and it does not know
//! who listens: whatever it is asked comes from the inbox, whatever there is to say goes to `publish`.

use std::time::Duration;

use super::{
    Budget, Cadence, Command, Event, Outcome, Position, RunPlan, Start, Train,
    batches::Batches,
    clock::Clock,
    device,
    log::LogError,
    measure::{Best, Divergence, Evaluator, EvaluatorInput, PendingReadouts, ReadoutError, Snapshot},
};
use crate::{
    autodiff::{Counted, Vector, vector_like},
    optimizer::{
        Hyperparameter, HyperparameterError, Hyperparameters, NoiseStream, OptimizerState, Rule, StepContext,
        StepInput, StepOutput, StepStats, TrainingProgress,
    },
    problem::{Augmented, Examples, Mode, Problem},
    random::{Purpose, stream},
};

/// How long step losses may stay on the device before somebody reads them.
const READ_EVERY: Duration = Duration::from_millis(150);

/// What is to be run.
#[derive(Clone, Copy)]
pub struct Job<'a> {
    /// The run.
    pub run: &'a RunPlan,
    /// What it shares with its siblings.
    pub train: &'a Train,
    /// What is trained.
    pub problem: &'a dyn Problem,
}

/// Where commands come from.
pub trait Inbox {
    /// The next command, if there is one.
    fn poll(&mut self) -> Option<Command>;

    /// The next command, however long it takes; [`Command::Stop`] once nobody can send any more.
    fn wait(&mut self) -> Command;
}

/// Where events go.
pub type Publish<'a> = dyn FnMut(Event) -> Result<(), LogError> + 'a;

/// How a call of [`train`] ended.
#[derive(Debug)]
pub enum Ending {
    /// The run is over.
    Finished(Box<Finished>),
    /// It is to begin again.
    Restart,
}

/// What is left of a run.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub outcome: Outcome,
    /// Why, where the outcome needs a reason.
    pub reason: Option<String>,
    /// Where it ended. For a run that diverged: at the first loss that is not finite, though it trained on until
    /// somebody looked.
    pub at: Position,
    /// Its last weights.
    pub weights: Vector,
    /// The buffers of its batch normalisations, where it has any.
    pub buffers: Option<Vector>,
    /// What it was at its lowest validation loss, where there is a validation set.
    pub best: Option<Best>,
}

/// Why the loop leaves early.
enum Interrupt {
    Stop,
    Restart,
    Diverged(Divergence),
    Log(LogError),
}

impl From<LogError> for Interrupt {
    fn from(error: LogError) -> Self {
        Self::Log(error)
    }
}

impl From<ReadoutError<LogError>> for Interrupt {
    fn from(error: ReadoutError<LogError>) -> Self {
        match error {
            ReadoutError::Diverged(divergence) => Self::Diverged(divergence),
            ReadoutError::Publish(error) => Self::Log(error),
        }
    }
}

/// The running means and variances of a network's batch normalisations, PyTorch's buffers.
struct BatchNormBuffers {
    values: Vector,
    /// Whether training normalises by them too and leaves them as they are.
    frozen: bool,
}

impl BatchNormBuffers {
    /// Weight of a batch's statistics in the running ones, PyTorch's default.
    const MOMENTUM: f64 = 0.1;

    /// Moves towards the statistics of one clean pass over a batch, as perturbed passes must not.
    fn update(&mut self, batch_statistics: Vector) {
        self.values = self.values.clone() * (1.0 - Self::MOMENTUM) + batch_statistics * Self::MOMENTUM;
    }
}

/// Everything that a step changes.
struct State {
    hyperparameters: Hyperparameters,
    w: Vector,
    /// The weights that training began from.
    start: Vector,
    optimizer: OptimizerState,
    buffers: Option<BatchNormBuffers>,
    noise: NoiseStream,
    batches: Batches,
    at: Position,
    /// Forward passes without a backward one that training took for the sake of batch normalisation.
    forward_passes: u64,
}

/// Trains one run from its initial weights to the end of its budget. It tells all but its end, which is returned:
/// whoever keeps the weights announces it once they are kept.
///
/// # Errors
/// [`LogError`] if an event could not be written; the run is over then.
pub fn train(job: Job<'_>, inbox: &mut dyn Inbox, publish: &mut Publish<'_>) -> Result<Ending, LogError> {
    let mut state = State::new(&job);
    let mut clock = Clock::start();
    publish(Event::Start(start(&job)))?;
    let mut evaluator = Evaluator::new(EvaluatorInput {
        problem: job.problem,
        curvature: job.train.probe_every.map(|_| &job.train.curvature),
        seed: job.train.seed,
        initial_weights: state.start.clone(),
    });
    let interrupt = run_to_the_end(&job, &mut state, (&mut evaluator, &mut clock), (inbox, publish)).err();
    let (outcome, at, reason) = match interrupt {
        None => (Outcome::Completed, state.at, left_over(&job, &state)),
        Some(Interrupt::Stop) => (Outcome::Stopped, state.at, None),
        Some(Interrupt::Restart) => return Ok(Ending::Restart),
        Some(Interrupt::Log(error)) => return Err(error),
        Some(Interrupt::Diverged(Divergence { at, loss })) => {
            (Outcome::Diverged, at, Some(format!("the loss is {loss} at step {}", at.step)))
        }
    };
    let at = Position { seconds: clock.seconds(), ..at };
    let buffers = state.buffers.map(|buffers| buffers.values);
    Ok(Ending::Finished(Box::new(Finished { outcome, reason, at, weights: state.w, buffers, best: evaluator.best() })))
}

/// What is left of a budget that the next step would overrun, in words.
fn left_over(job: &Job<'_>, state: &State) -> Option<String> {
    let Budget::Gradients(budget) = job.train.budget else { return None };
    let (spent, cost) = (state.at.gradients, state.hyperparameters.rule.cost());
    (spent < budget).then(|| format!("{spent} of {budget} gradient evaluations spent; the next step would cost {cost}"))
}

fn run_to_the_end(
    job: &Job<'_>,
    state: &mut State,
    (evaluator, clock): (&mut Evaluator<'_>, &mut Clock),
    (inbox, publish): (&mut dyn Inbox, &mut Publish<'_>),
) -> Result<(), Interrupt> {
    let mut readouts = PendingReadouts::new(job.train.record_every);
    evaluator.measure_all(state.snapshot(job), publish)?;
    let mut read_at = clock.elapsed();
    while state.affords_a_step(job) {
        handle_commands(state, clock, &mut readouts, (inbox, publish))?;
        // A change may have made the next step dearer than what is left.
        if !state.affords_a_step(job) {
            break;
        }
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
        if evaluate {
            readouts.read_free(publish)?;
            evaluator.evaluate(state.snapshot(job), publish)?;
        }
        if probe {
            evaluator.measure(state.snapshot(job), publish)?;
        }
    }
    readouts.read_losses(publish)?;
    readouts.read_free(publish)?;
    evaluator.measure_what_is_old(state.snapshot(job), publish)?;
    evaluator.divergence(state.at).map_or(Ok(()), |divergence| Err(Interrupt::Diverged(divergence)))
}

/// Does what the inbox asks, between two steps. While paused it waits here.
fn handle_commands(
    state: &mut State,
    clock: &mut Clock,
    readouts: &mut PendingReadouts,
    (inbox, publish): (&mut dyn Inbox, &mut Publish<'_>),
) -> Result<(), Interrupt> {
    let mut paused = false;
    while let Some(command) = if paused { Some(inbox.wait()) } else { inbox.poll() } {
        // A restart leaves the past behind, whatever it was about to show.
        if command == Command::Restart {
            return Err(Interrupt::Restart);
        }
        readouts.read_losses(publish)?;
        match command {
            Command::Adjust { hyperparameter, value } => {
                // Free curvature belongs to the hyperparameters that it was sampled with: it is published before they change.
                readouts.read_free(publish)?;
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
                readouts.read_free(publish)?;
                return Err(Interrupt::Stop);
            }
        }
    }
    Ok(())
}

impl State {
    fn new(job: &Job<'_>) -> Self {
        let seed = job.train.seed;
        let initial = job.problem.initial(&mut stream(seed, Purpose::Weights));
        let like = Vector::zeros([1], job.problem.device());
        let start = vector_like(&initial, &like);
        Self {
            hyperparameters: job.run.hyperparameters,
            w: start.clone(),
            start,
            optimizer: OptimizerState::default(),
            buffers: job
                .problem
                .buffers()
                .map(|buffers| BatchNormBuffers { values: buffers.initial, frozen: buffers.frozen }),
            noise: device::noise(seed, job.problem.device()),
            batches: Batches::new(job.problem.examples(), batch(job), seed),
            at: Position::default(),
            forward_passes: 0,
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
        let examples = Examples::Chosen(self.batches.next_batch());
        let mode = Mode {
            buffers: self.buffers.as_ref().filter(|buffers| buffers.frozen).map(|buffers| buffers.values.clone()),
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
        // A pass normalised by the buffers has no batch statistics.
        if let Some(buffers) = self.buffers.as_mut().filter(|buffers| !buffers.frozen) {
            let batch_statistics = stats.batch_statistics.clone().or_else(|| {
                self.forward_passes += 1;
                objective.batch_statistics(&self.w)
            });
            if let Some(batch_statistics) = batch_statistics {
                buffers.update(batch_statistics);
            }
        }
        (self.w, self.optimizer) = (w, state);
        self.at.step += 1;
        self.at.gradients += counted.spent();
        self.at.seconds = clock.seconds();
        stats
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

fn start(job: &Job<'_>) -> Start {
    Start {
        run: job.run.name.clone(),
        hyperparameters: job.run.hyperparameters,
        seed: job.train.seed,
        device: device::name_of(job.problem.device()).map_or_else(String::new, |name| name.to_string()),
        parameters: job.problem.layout().dimension() as u64,
        budget: job.train.budget,
        steps_per_epoch: steps_per_epoch(job),
        probe_examples: job.problem.examples().min(job.train.curvature.examples) as u64,
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
