//! The training loop of one run. It blocks, it is deterministic, and it knows neither threads nor files: commands come from an
//! [`Inbox`], events and checkpoints go to a [`Listener`].

use std::time::Duration;

use super::{
    Budget, Cadence, Command, Event, NonFinitePolicy, Outcome, Position,
    average::RunningAverage,
    clock::Clock,
    job::{Checkpoint, FinalState, Inbox, Job, Listener, LoopExit, PublishError, TrainError},
    measure::{Divergence, Evaluator, EvaluatorInput, PendingReadouts},
    state::{State, header, steps_per_epoch},
};
use crate::{
    autodiff::{Archive, ArchiveError, norm, read},
    optimizer::CurvatureSamples,
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

/// What the loop measures with.
struct Instruments<'a> {
    evaluator: Evaluator<'a>,
    readouts: PendingReadouts,
    clock: Clock,
    policy: NonFinitePolicy,
    /// Whether the run is to hold before its next step, since a loss is not finite.
    pause_due: bool,
}

/// Where commands come from and events go.
struct Channels<'a> {
    inbox: &'a mut dyn Inbox,
    listener: &'a mut dyn Listener,
}

/// Trains one run to the end of its budget, from its initial weights or from the job's checkpoint. Every event is published but the
/// last, [`Event::Finish`]: the caller publishes it once the weights are kept. A run that goes on from a checkpoint publishes what
/// comes after it.
///
/// # Errors
/// [`TrainError`] if an event could not be published, or the checkpoint is not one of this job; the run is over then.
pub fn train(job: Job<'_>, inbox: &mut dyn Inbox, listener: &mut dyn Listener) -> Result<LoopExit, TrainError> {
    let mut state = match job.checkpoint {
        None => State::new(&job),
        Some(checkpoint) => State::from_archive(&job, checkpoint.archive())?,
    };
    let mut instruments = Instruments::new(&job, &state)?;
    if job.checkpoint.is_none() {
        listener.publish(Event::Start(header(&job)))?;
        instruments.evaluator.measure_all(state.snapshot(&job), &mut |event| listener.publish(event))?;
    }
    let mut channels = Channels { inbox, listener };
    let interrupt = run_to_the_end(&job, &mut state, &mut instruments, &mut channels).err();
    let (outcome, at, reason) = match interrupt {
        None => (Outcome::Completed, state.at, left_over(&job, &state)),
        Some(Interrupt::Stop) => (Outcome::Stopped, state.at, None),
        Some(Interrupt::Restart) => return Ok(LoopExit::Restart),
        Some(Interrupt::Publish(error)) => return Err(error.into()),
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

impl<'a> Instruments<'a> {
    /// As they are at the start of a job, or were at its checkpoint.
    fn new(job: &Job<'a>, state: &State<'_>) -> Result<Self, ArchiveError> {
        let mut evaluator = Evaluator::new(EvaluatorInput {
            problem: job.problem,
            curvature: job.train.probe_every.map(|_| &job.train.curvature),
            seed: job.train.seed,
            initial_weights: state.start.clone(),
        });
        let mut readouts = PendingReadouts::new(job.train.record_every);
        if let Some(archive) = job.checkpoint.map(Checkpoint::archive) {
            evaluator.restore(&archive.part("evaluator."))?;
            readouts.restore(&archive.part("readouts."), job.problem.device())?;
        }
        Ok(Self {
            evaluator,
            readouts,
            clock: Clock::started_at(state.at.seconds),
            policy: job.train.non_finite.unwrap_or_default(),
            pause_due: false,
        })
    }

    /// Publishes the step losses so far, and does about those that are not finite what the policy says.
    fn read_losses(&mut self, listener: &mut dyn Listener) -> Result<(), Interrupt> {
        let found = self.readouts.read_losses(self.policy, &mut |event| listener.publish(event))?;
        match (found, self.policy) {
            (Some(divergence), NonFinitePolicy::Stop) => return Err(Interrupt::Diverged(divergence)),
            (Some(_), NonFinitePolicy::Pause) => self.pause_due = true,
            (Some(_), NonFinitePolicy::Skip | NonFinitePolicy::Continue) | (None, _) => {}
        }
        Ok(())
    }

    fn to_archive(&self) -> Archive {
        let mut archive = Archive::default();
        archive.put_all("evaluator.", self.evaluator.to_archive());
        archive.put_all("readouts.", self.readouts.to_archive());
        archive
    }
}

/// Hands over all that the run needs to go on from here. The step losses so far must have been published.
fn save(state: &State<'_>, instruments: &Instruments<'_>, listener: &mut dyn Listener) -> Result<(), PublishError> {
    let mut archive = state.to_archive();
    archive.put_all("", instruments.to_archive());
    let at = Position { seconds: instruments.clock.seconds(), ..state.at };
    archive.set("at", at);
    listener.save(Checkpoint::new(at, archive))
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
    channels: &mut Channels<'_>,
) -> Result<(), Interrupt> {
    let mut read_at = instruments.clock.elapsed();
    while state.affords_a_step(job) {
        if channels.listener.wants_checkpoint() {
            instruments.read_losses(channels.listener)?;
            save(state, instruments, channels.listener)?;
        }
        handle_commands(state, instruments, channels)?;
        // A change may have made the next step dearer than what is left.
        if !state.affords_a_step(job) {
            break;
        }
        let before = state.at;
        take_a_step(job, state, instruments, channels.listener)?;
        let due = |cadence: Cadence| cadence.is_due(before, state.at, steps_per_epoch(job));
        let evaluate = due(job.train.evaluate_every);
        let probe = job.train.probe_every.is_some_and(due);
        if evaluate || probe || instruments.clock.elapsed().saturating_sub(read_at) > READ_EVERY {
            instruments.read_losses(channels.listener)?;
            read_at = instruments.clock.elapsed();
        }
        let Instruments { evaluator, readouts, .. } = &mut *instruments;
        let publish = &mut |event| channels.listener.publish(event);
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
    instruments.read_losses(channels.listener)?;
    let Instruments { evaluator, readouts, .. } = &mut *instruments;
    let publish = &mut |event| channels.listener.publish(event);
    readouts.read_curvature_samples(publish)?;
    state.complete_average(job);
    evaluator.measure_what_is_old(state.snapshot(job), publish)?;
    match (evaluator.divergence(state.at), instruments.policy) {
        (Some(divergence), NonFinitePolicy::Stop | NonFinitePolicy::Pause) => {
            return Err(Interrupt::Diverged(divergence));
        }
        (Some(_), NonFinitePolicy::Skip | NonFinitePolicy::Continue) | (None, _) => {}
    }
    save(state, instruments, channels.listener)?;
    Ok(())
}

/// Takes the next step, or skips it where its loss or the weights after it are not finite and the policy says so.
fn take_a_step(
    job: &Job<'_>,
    state: &mut State<'_>,
    instruments: &mut Instruments<'_>,
    listener: &mut dyn Listener,
) -> Result<(), PublishError> {
    match instruments.policy {
        NonFinitePolicy::Stop | NonFinitePolicy::Pause | NonFinitePolicy::Continue => {
            let found = state.step(job, &instruments.clock);
            instruments.readouts.record(state.at, found);
        }
        NonFinitePolicy::Skip => {
            let before = state.kept();
            let mut found = state.step(job, &instruments.clock);
            let [loss, length] = read(vec![found.loss.clone(), norm(&state.w)]).try_into().unwrap_or([f64::NAN; 2]);
            if !(loss.is_finite() && length.is_finite()) {
                state.put_back(before);
                found.curvature_samples = CurvatureSamples::none();
                listener.publish(Event::NonFinite { at: state.at, loss, policy: instruments.policy })?;
            }
            instruments.readouts.record(state.at, found);
        }
    }
    Ok(())
}

/// Carries out the pending commands between two steps. While paused it waits here.
fn handle_commands(
    state: &mut State<'_>,
    instruments: &mut Instruments<'_>,
    Channels { inbox, listener }: &mut Channels<'_>,
) -> Result<(), Interrupt> {
    let mut paused = std::mem::take(&mut instruments.pause_due);
    if paused {
        instruments.clock.pause();
        listener.publish(Event::Pause { step: state.at.step })?;
    }
    while let Some(command) = if paused { Some(inbox.wait()) } else { inbox.poll(state.at.step) } {
        // A restart discards the readouts of the attempt that it ends.
        if command == Command::Restart {
            return Err(Interrupt::Restart);
        }
        instruments.read_losses(*listener)?;
        let publish = &mut |event| listener.publish(event);
        let Instruments { readouts, clock, .. } = &mut *instruments;
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
                // Before the free curvature of a window that the stop cuts short.
                save(state, instruments, *listener)?;
                instruments.readouts.read_curvature_samples(&mut |event| listener.publish(event))?;
                return Err(Interrupt::Stop);
            }
        }
    }
    Ok(())
}
