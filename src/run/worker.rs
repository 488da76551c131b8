//! The thread of one run: trains it, again after each restart, keeps its weights, and publishes how it ended.

use std::{
    any::Any,
    collections::VecDeque,
    panic::{self, AssertUnwindSafe},
    sync::{Arc, mpsc},
};

use super::{
    Checkpoint, Command, Inbox, Job, LoopExit, Outcome, Plan, TrainError,
    catch_up::Scripted,
    job::FinalState,
    log::{AVERAGE_FILE, BEST_FILE, LogError, WEIGHTS_FILE, checkpoints},
    outbox::{End, Outbox},
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

/// How the first attempt of a run begins.
#[derive(Debug, Default)]
pub(super) enum Beginning {
    /// At the initial weights.
    #[default]
    Fresh,
    /// At the initial weights, with these commands at their steps.
    Scripted(VecDeque<(u64, Command)>),
    /// At a checkpoint, or at the initial weights where none was made, and through what the log has after it.
    Resumed(Option<Box<Checkpoint>>),
    /// Not at all: it is over already.
    Over,
}

/// What a run's thread holds.
pub(super) struct Worker {
    pub plan: Arc<Plan>,
    pub problem: Arc<dyn Problem>,
    /// Requested after a command to stop or to begin again.
    pub interruption: Interruption,
}

impl Worker {
    /// Trains the run until it is over and the engine is closed.
    pub fn work(self, mut mailbox: Mailbox, mut outbox: Outbox, mut beginning: Beginning) {
        loop {
            if matches!(beginning, Beginning::Over) {
                outbox.send();
            } else {
                let begin = std::mem::take(&mut beginning);
                let attempt = panic::catch_unwind(AssertUnwindSafe(|| self.attempt(begin, &mut mailbox, &mut outbox)));
                let failed = |reason| End { outcome: Outcome::Failed, reason: Some(reason), best_step: None };
                outbox.finish(match attempt {
                    Ok(Ok(None)) => continue,
                    Ok(Ok(Some(end))) => end,
                    Ok(Err(error)) => failed(error.to_string()),
                    Err(payload) => failed(format!("panicked: {}", panic_text(payload.as_ref()))),
                });
            }
            loop {
                match mailbox.0.recv() {
                    Ok(Command::Restart) => break,
                    Ok(Command::Adjust { hyperparameter, value }) => outbox.refuse(hyperparameter, value),
                    Ok(Command::Pause | Command::Resume | Command::Stop) => {}
                    Err(mpsc::RecvError) => return,
                }
            }
            beginning = Beginning::Fresh;
        }
    }

    /// One training to its end, its last, best and averaged weights kept: how it ended; `None` if it is to begin again.
    fn attempt(
        &self,
        beginning: Beginning,
        mailbox: &mut Mailbox,
        outbox: &mut Outbox,
    ) -> Result<Option<End>, AttemptError> {
        let (script, until, checkpoint) = match beginning {
            Beginning::Fresh | Beginning::Over => (VecDeque::new(), 0, None),
            Beginning::Scripted(script) => (script, 0, None),
            Beginning::Resumed(checkpoint) => (outbox.catch_up.changes(), outbox.catch_up.last_step(), checkpoint),
        };
        if checkpoint.is_none() {
            Self::forget_earlier_attempt(outbox)?;
        }
        let job = Job {
            run: &self.plan.runs[outbox.run],
            train: &self.plan.train,
            problem: self.problem.as_ref(),
            checkpoint: checkpoint.as_deref(),
            interruption: Some(&self.interruption),
        };
        // What was asked of an earlier attempt.
        self.interruption.withdraw();
        outbox.measuring_since = None;
        let mut inbox = Scripted { script, until, inbox: mailbox, waiting: VecDeque::new() };
        let LoopExit::Ended(state) = train(job, &mut inbox, outbox)? else {
            outbox.catch_up.forget();
            return Ok(None);
        };
        let FinalState { outcome, reason, at, weights, buffers, best, average } = *state;
        outbox.at = at;
        self.keep(outbox, WEIGHTS_FILE, &weights, buffers.as_ref())?;
        if let Some(best) = &best {
            self.keep(outbox, BEST_FILE, &best.weights, best.buffers.as_ref())?;
        }
        if let Some(average) = &average {
            self.keep(outbox, AVERAGE_FILE, &average.weights, average.buffers.as_ref())?;
        }
        Ok(Some(End { outcome, reason, best_step: best.map(|best| best.step) }))
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
    Log(#[from] LogError),
}

fn panic_text(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no reason given".to_owned())
}
