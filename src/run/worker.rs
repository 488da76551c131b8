//! The thread of one run: trains it, keeps its weights, and publishes how it ended.

use std::{
    any::Any,
    collections::VecDeque,
    panic::{self, AssertUnwindSafe},
    sync::{Arc, mpsc},
};

use super::{
    Checkpoint, Command, Event, Inbox, Job, Listener as _, Outcome, Plan, TrainError,
    catch_up::Scripted,
    job::FinalState,
    log::{AVERAGE_FILE, BEST_FILE, LogError, WEIGHTS_FILE, checkpoints},
    outbox::{End, Outbox},
    retrace::{ForkPoint, RetraceError, Retracing, retrace},
    state::header,
    train::train,
};
use crate::{
    autodiff::{Interruption, Vector},
    problem::Problem,
};

/// A run's end of the command channel.
pub(super) struct Mailbox(pub mpsc::Receiver<Command>);

impl Inbox for Mailbox {
    fn poll(&mut self, _step: u64) -> Option<Command> {
        match self.0.try_recv() {
            Ok(command) => Some(command),
            Err(mpsc::TryRecvError::Empty) => None,
            Err(mpsc::TryRecvError::Disconnected) => Some(Command::Stop),
        }
    }

    fn wait(&mut self) -> Command {
        self.0.recv().unwrap_or(Command::Stop)
    }
}

/// How a run begins.
#[derive(Debug)]
pub(super) enum Beginning {
    /// It trains.
    Training {
        from: StartingPoint,
        /// Commands at their steps.
        script: VecDeque<(u64, Command)>,
    },
    /// Not at all: it is over already.
    Over,
}

/// Where training begins.
#[derive(Debug)]
pub(super) enum StartingPoint {
    InitialWeights,
    /// Its own checkpoint.
    Checkpoint(Box<Checkpoint>),
    /// The state of the run that it is a fork of.
    Fork(ForkPoint),
}

impl Default for Beginning {
    fn default() -> Self {
        Self::Training { from: StartingPoint::InitialWeights, script: VecDeque::new() }
    }
}

/// What a run's thread holds.
pub(super) struct Worker {
    pub plan: Arc<Plan>,
    pub problem: Arc<dyn Problem>,
    /// Requested after a command to stop.
    pub interruption: Interruption,
}

impl Worker {
    /// Trains the run until it is over and the engine is closed.
    pub fn work(self, mut mailbox: Mailbox, mut outbox: Outbox, beginning: Beginning) {
        if let Beginning::Training { from, script } = beginning {
            let attempt = || self.attempt(from, script, &mut mailbox, &mut outbox);
            let attempt = panic::catch_unwind(AssertUnwindSafe(attempt));
            let failed = |reason| End { outcome: Outcome::Failed, reason: Some(reason), best_step: None };
            outbox.finish(match attempt {
                Ok(Ok(end)) => end,
                Ok(Err(error)) => failed(error.to_string()),
                Err(payload) => failed(format!("panicked: {}", panic_text(payload.as_ref()))),
            });
        } else {
            outbox.send();
        }
        while let Ok(command) = mailbox.0.recv() {
            match command {
                Command::Adjust { hyperparameter, value } => outbox.refuse(hyperparameter, value),
                Command::Fork { run } => outbox.branch_off_last(&run),
                Command::Pause | Command::Resume | Command::Stop => {}
            }
        }
    }

    /// The training to its end, its last, best and averaged weights kept: how it ended.
    fn attempt(
        &self,
        from: StartingPoint,
        script: VecDeque<(u64, Command)>,
        mailbox: &mut Mailbox,
        outbox: &mut Outbox,
    ) -> Result<End, AttemptError> {
        let run = &self.plan.runs[outbox.run];
        let mut waiting = VecDeque::new();
        let mut job = Job {
            run,
            train: &self.plan.train,
            problem: self.problem.as_ref(),
            checkpoint: None,
            interruption: Some(&self.interruption),
        };
        let checkpoint = match from {
            StartingPoint::InitialWeights => {
                Self::forget_earlier_attempt(outbox)?;
                None
            }
            StartingPoint::Checkpoint(checkpoint) => Some(checkpoint),
            StartingPoint::Fork(point) => {
                outbox.publish(Event::Start(header(&job))).map_err(TrainError::from)?;
                let checkpoint = match point {
                    ForkPoint::Given(checkpoint) => checkpoint,
                    ForkPoint::Retraced(legs) => {
                        let Job { train, problem, .. } = job;
                        let with = Retracing { train, problem, interruption: &self.interruption };
                        let Some(found) = retrace(&with, legs, mailbox, &mut waiting)? else {
                            return Ok(End { outcome: Outcome::Stopped, reason: None, best_step: None });
                        };
                        Box::new(found.with_hyperparameters(run.hyperparameters))
                    }
                };
                outbox.at = checkpoint.at();
                outbox.save(Checkpoint::clone(&checkpoint)).map_err(TrainError::from)?;
                Some(checkpoint)
            }
        };
        job.checkpoint = checkpoint.as_deref();
        let until = outbox.catch_up.last_step();
        let mut inbox = Scripted { script, until, inbox: mailbox, waiting };
        let state = train(job, &mut inbox, outbox)?;
        let FinalState { outcome, reason, at, weights, buffers, best, average } = state;
        outbox.at = at;
        self.keep(outbox, WEIGHTS_FILE, &weights, buffers.as_ref())?;
        if let Some(best) = &best {
            self.keep(outbox, BEST_FILE, &best.weights, best.buffers.as_ref())?;
        }
        if let Some(average) = &average {
            self.keep(outbox, AVERAGE_FILE, &average.weights, average.buffers.as_ref())?;
        }
        Ok(End { outcome, reason, best_step: best.map(|best| best.step) })
    }

    /// Removes the weights and checkpoints of an attempt before the one that begins, which are not its own.
    fn forget_earlier_attempt(outbox: &mut Outbox) -> Result<(), LogError> {
        let Some(directory) = outbox.directory.clone() else { return Ok(()) };
        outbox.insist(|outbox| {
            directory.remove_earlier_weights(outbox.run)?;
            checkpoints::remove_all(&directory.run_folder(outbox.run))
        })
    }

    /// Writes a whole network: its trained and its frozen tensors, and the buffers of its batch normalisations.
    fn keep(
        &self,
        outbox: &mut Outbox,
        file: &str,
        weights: &Vector,
        buffers: Option<&Vector>,
    ) -> Result<(), LogError> {
        let Some(directory) = outbox.directory.clone() else { return Ok(()) };
        let buffers = self.problem.buffers().map(|found| found.layout).zip(buffers);
        let frozen = self.problem.frozen();
        let frozen = frozen.as_ref().map(|(layout, values)| (*layout, values));
        let trained = [(self.problem.layout(), weights)];
        let tensors: Vec<_> = trained.into_iter().chain(frozen).chain(buffers).collect();
        outbox.insist(|outbox| directory.write_weights(outbox.run, file, &tensors))
    }
}

/// Why an attempt failed.
#[derive(Debug, thiserror::Error)]
enum AttemptError {
    #[error(transparent)]
    Train(#[from] TrainError),
    #[error(transparent)]
    Retrace(#[from] RetraceError),
    #[error(transparent)]
    Log(#[from] LogError),
}

fn panic_text(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no reason given".to_owned())
}
