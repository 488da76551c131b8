//! The training loop of one run. It blocks, it is deterministic, and it knows neither threads nor files: commands come from an
//! [`Inbox`], events and checkpoints go to a [`Listener`].

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    Budget, Cadence, Command, Event, NonFinitePolicy, Outcome, Position,
    average::RunningAverage,
    clock::Clock,
    job::{Checkpoint, FinalState, Inbox, Job, Listener, PublishError, TrainError},
    measure::{Completion, Divergence, Evaluator, EvaluatorInput, PendingReadouts},
    state::{State, header, steps_per_epoch},
};
use crate::{
    autodiff::{Archive, ArchiveError, norm, read},
    optimizer::CurvatureSamples,
};

/// How long step losses may stay on the device before they are read.
const READ_EVERY: Duration = Duration::from_millis(150);

/// How long a step must have taken for the next one to be interruptible.
const WORTH_INTERRUPTING: Duration = Duration::from_millis(100);

/// Why the loop leaves early.
enum Interrupt {
    Stop,
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
    /// What is to be measured before the next step: at the start, or since it was interrupted.
    due: Option<Due>,
    /// How long the last step took.
    step_took: Duration,
}

/// What is to be measured between two steps.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Due {
    evaluation: bool,
    curvature: bool,
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
pub fn train(job: Job<'_>, inbox: &mut dyn Inbox, listener: &mut dyn Listener) -> Result<FinalState, TrainError> {
    let mut state = match job.checkpoint {
        None => State::new(&job),
        Some(checkpoint) => State::from_archive(&job, checkpoint.archive())?,
    };
    let mut instruments = Instruments::new(&job, &state)?;
    if job.checkpoint.is_none() {
        listener.publish(Event::Start(header(&job)))?;
        instruments.due = Some(Due { evaluation: true, curvature: true });
    }
    let mut channels = Channels { inbox, listener };
    let interrupt = run_to_the_end(&job, &mut state, &mut instruments, &mut channels).err();
    let (outcome, at, reason) = match interrupt {
        None => (Outcome::Completed, state.at, left_over(&job, &state)),
        Some(Interrupt::Stop) => (Outcome::Stopped, state.at, None),
        Some(Interrupt::Publish(error)) => return Err(error.into()),
        Some(Interrupt::Diverged(Divergence { at, loss })) => {
            (Outcome::Diverged, at, Some(format!("the loss is {loss} at step {}", at.step)))
        }
    };
    let at = Position { seconds: instruments.clock.seconds(), ..at };
    let average = state.average.and_then(RunningAverage::into_completed);
    let buffers = state.buffers.map(|buffers| buffers.values);
    let best = instruments.evaluator.best();
    Ok(FinalState { outcome, reason, at, weights: state.w, buffers, best, average })
}

impl<'a> Instruments<'a> {
    /// As they are at the start of a job, or were at its checkpoint.
    fn new(job: &Job<'a>, state: &State<'_>) -> Result<Self, ArchiveError> {
        let mut evaluator = Evaluator::new(EvaluatorInput {
            problem: job.problem,
            curvature: job.train.probe_every.map(|_| &job.train.curvature),
            seed: job.train.seed,
            initial_weights: state.start.clone(),
            interruption: job.interruption,
        });
        let mut due = None;
        let mut readouts = PendingReadouts::new(job.train.record_every);
        if let Some(archive) = job.checkpoint.map(Checkpoint::archive) {
            evaluator.restore(&archive.part("evaluator."))?;
            readouts.restore(&archive.part("readouts."), job.problem.device())?;
            due = archive.get("due")?;
        }
        Ok(Self {
            evaluator,
            readouts,
            clock: Clock::started_at(state.at.seconds),
            policy: job.train.non_finite.unwrap_or_default(),
            pause_due: false,
            due,
            step_took: Duration::MAX,
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
        archive.set("due", self.due);
        archive
    }
}

/// All that the run needs to go on from here. The step losses so far must have been published.
fn checkpoint(state: &State<'_>, instruments: &Instruments<'_>) -> Checkpoint {
    let mut archive = state.to_archive();
    archive.put_all("", instruments.to_archive());
    let at = Position { seconds: instruments.clock.seconds(), ..state.at };
    archive.set("at", at);
    Checkpoint::new(at, archive)
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
        if let Some(due) = instruments.due.filter(|_| !job.is_interrupted()) {
            measure(job, due, state, instruments, channels.listener)?;
        }
        if channels.listener.wants_checkpoint() {
            instruments.read_losses(channels.listener)?;
            channels.listener.save(checkpoint(state, instruments))?;
        }
        handle_commands(job, state, instruments, channels)?;
        // A change may have made the next step dearer than what is left.
        if !state.affords_a_step(job) {
            break;
        }
        let before = state.at;
        take_a_step(job, state, instruments, channels.listener)?;
        let due = |cadence: Cadence| cadence.is_due(before, state.at, steps_per_epoch(job));
        let due = Due { evaluation: due(job.train.evaluate_every), curvature: job.train.probe_every.is_some_and(due) };
        let measures = due.evaluation || due.curvature;
        if measures || instruments.clock.elapsed().saturating_sub(read_at) > READ_EVERY {
            instruments.read_losses(channels.listener)?;
            read_at = instruments.clock.elapsed();
        }
        if measures {
            measure(job, due, state, instruments, channels.listener)?;
        }
    }
    loop {
        // The measurement after the last step may have been cut short: its beginning is where the run goes on.
        if job.is_interrupted() {
            handle_commands(job, state, instruments, channels)?;
        }
        instruments.read_losses(channels.listener)?;
        instruments.readouts.read_curvature_samples(&mut |event| channels.listener.publish(event))?;
        let old = Due {
            evaluation: !instruments.evaluator.has_evaluated(state.at.step),
            curvature: !instruments.evaluator.has_measured(state.at.step),
        };
        measure(job, old, state, instruments, channels.listener)?;
        if instruments.due.is_none() {
            break;
        }
    }
    match (instruments.evaluator.divergence(state.at), instruments.policy) {
        (Some(divergence), NonFinitePolicy::Stop | NonFinitePolicy::Pause) => {
            return Err(Interrupt::Diverged(divergence));
        }
        (Some(_), NonFinitePolicy::Skip | NonFinitePolicy::Continue) | (None, _) => {}
    }
    channels.listener.save(checkpoint(state, instruments))?;
    Ok(())
}

/// Measures what is due. What an interruption cuts short stays due: the run will be as it was before, and a checkpoint that is made
/// then stands before it.
fn measure(
    job: &Job<'_>,
    due: Due,
    state: &mut State<'_>,
    instruments: &mut Instruments<'_>,
    listener: &mut dyn Listener,
) -> Result<(), PublishError> {
    state.complete_average(job);
    if due.evaluation {
        instruments.readouts.read_curvature_samples(&mut |event| listener.publish(event))?;
    }
    listener.begin_measuring();
    let memory = instruments.evaluator.memory();
    let publish = &mut |event| listener.publish(event);
    let mut completion = Completion::Whole;
    if due.evaluation {
        completion = instruments.evaluator.evaluate(state.snapshot(job), publish)?;
    }
    if due.curvature && completion == Completion::Whole {
        completion = instruments.evaluator.measure(state.snapshot(job), publish)?;
    }
    match completion {
        Completion::Whole => {
            instruments.due = None;
            listener.end_measuring();
        }
        Completion::CutShort => {
            instruments.due = Some(due);
            instruments.evaluator.recall(memory);
        }
    }
    Ok(())
}

/// Takes the next step. It is undone where it was interrupted, and skipped where its loss or the weights after it are not finite and
/// the policy says so.
fn take_a_step(
    job: &Job<'_>,
    state: &mut State<'_>,
    instruments: &mut Instruments<'_>,
    listener: &mut dyn Listener,
) -> Result<(), PublishError> {
    let begin = instruments.clock.elapsed();
    // To keep the state before a step costs memory and time, which count where steps are short.
    let interruption = job.interruption.filter(|_| instruments.step_took > WORTH_INTERRUPTING);
    let may_skip = instruments.policy == NonFinitePolicy::Skip;
    let before = (may_skip || interruption.is_some()).then(|| state.kept());
    let found = state.step(job, &instruments.clock, interruption);
    instruments.step_took = instruments.clock.elapsed().saturating_sub(begin);
    match (found, before) {
        (None, Some(before)) => state.rewind(job, before),
        (Some(mut found), Some(before)) if may_skip => {
            let [loss, length] = read(vec![found.loss.clone(), norm(&state.w)]).try_into().unwrap_or([f64::NAN; 2]);
            if !(loss.is_finite() && length.is_finite()) {
                state.skip(before);
                found.curvature_samples = CurvatureSamples::none();
                listener.publish(Event::NonFinite { at: state.at, loss, policy: instruments.policy })?;
            }
            instruments.readouts.record(state.at, found);
        }
        (Some(found), _) => instruments.readouts.record(state.at, found),
        (None, None) => unreachable!("a step is interrupted only where the state before it is kept"),
    }
    Ok(())
}

/// Carries out the pending commands between two steps. While paused it waits here.
fn handle_commands(
    job: &Job<'_>,
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
            Command::Fork { run } => {
                let checkpoint = checkpoint(state, instruments);
                listener.branch_off(&run, checkpoint);
                listener.publish(Event::Fork { step: state.at.step, run })?;
            }
            Command::Pause | Command::Resume => {}
            Command::Stop => {
                // Before the free curvature of a window that the stop cuts short.
                listener.save(checkpoint(state, instruments))?;
                listener.begin_stop();
                instruments.readouts.read_curvature_samples(&mut |event| listener.publish(event))?;
                return Err(Interrupt::Stop);
            }
        }
    }
    // The command that asked for it would have been there.
    if let Some(interruption) = job.interruption {
        interruption.withdraw();
    }
    Ok(())
}
