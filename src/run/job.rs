//! What the training loop takes and returns: plain data and two interfaces, shared with the measurements of the loop.
//! The loop itself is in `train.rs`.

use std::error::Error;

use super::{
    Command, Event, Outcome, Position, RunPlan, Train,
    measure::{AveragedWeights, BestWeights},
};
use crate::{
    autodiff::{Archive, ArchiveError, Interruption, Vector},
    optimizer::Hyperparameters,
    problem::Problem,
};

/// What is to be run.
#[derive(Clone, Copy)]
pub struct Job<'a> {
    /// The run's own part of the plan.
    pub run: &'a RunPlan,
    /// The part of the plan that all runs share.
    pub train: &'a Train,
    /// Network, data set and loss.
    pub problem: &'a dyn Problem,
    /// Where it goes on from; `None` to begin at the initial weights.
    pub checkpoint: Option<&'a Checkpoint>,
    /// By which long computations are cut short when the run is to stop: requested after that command was sent.
    /// `None` lets them come to their end.
    pub interruption: Option<&'a Interruption>,
}

impl Job<'_> {
    /// Whether the run is to stop.
    pub(super) fn is_interrupted(&self) -> bool {
        self.interruption.is_some_and(Interruption::is_requested)
    }
}

/// Where commands come from.
pub trait Inbox {
    /// The next command for a run that has taken so many steps, if there is one.
    fn poll(&mut self, step: u64) -> Option<Command>;

    /// Waits for the next command; [`Command::Stop`] once all senders are gone.
    fn wait(&mut self) -> Command;
}

/// Where events and checkpoints go. A closure takes the events and no checkpoints.
pub trait Listener {
    /// Takes the next event.
    ///
    /// # Errors
    /// [`PublishError`] if the run cannot go on without it.
    fn publish(&mut self, event: Event) -> Result<(), PublishError>;

    /// Whether the run is to hand over a checkpoint now, between two steps.
    fn wants_checkpoint(&self) -> bool {
        false
    }

    /// The run stops: what it publishes from here on a run that goes on would not.
    fn begin_stop(&mut self) {}

    /// A computation begins that may be cut short: a checkpoint that is handed over before it ends stands before all of it, and before
    /// what it has published.
    fn begin_measuring(&mut self) {}

    /// The computation has come to its end.
    fn end_measuring(&mut self) {}

    /// Takes a checkpoint: one that was asked for, and one at an orderly end.
    ///
    /// # Errors
    /// [`PublishError`] if the run cannot go on without it.
    fn save(&mut self, _checkpoint: Checkpoint) -> Result<(), PublishError> {
        Ok(())
    }

    /// Takes the state that a run of this name goes on from.
    fn branch_off(&mut self, _run: &str, _checkpoint: Checkpoint) {}
}

impl<F: FnMut(Event) -> Result<(), PublishError>> Listener for F {
    fn publish(&mut self, event: Event) -> Result<(), PublishError> {
        self(event)
    }
}

/// All that a run needs to go on from between two of its steps as if it had never stopped: weights, optimizer state, buffers,
/// hyperparameters, random streams, averages, and what its measurements remember. The job itself is not in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    at: Position,
    archive: Archive,
}

impl Checkpoint {
    pub(super) fn new(at: Position, archive: Archive) -> Self {
        Self { at, archive }
    }

    /// Where the run was.
    pub fn at(&self) -> Position {
        self.at
    }

    /// Method and hyperparameters of the run as they were.
    ///
    /// # Errors
    /// [`ArchiveError`] if it was made by another version.
    pub fn hyperparameters(&self) -> Result<Hyperparameters, ArchiveError> {
        self.archive.get("hyperparameters")
    }

    /// The same with these, which are of the same method.
    pub(super) fn with_hyperparameters(mut self, hyperparameters: Hyperparameters) -> Self {
        self.archive.set("hyperparameters", hyperparameters);
        self
    }

    pub(super) fn archive(&self) -> &Archive {
        &self.archive
    }
}

/// Why a training could not go on.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The checkpoint is of another job, or was made by another version.
    #[error("the checkpoint does not fit: {0}")]
    Checkpoint(#[from] ArchiveError),
}

/// An event that could not be published, for a reason that the loop does not look into: the run ends.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct PublishError(Box<dyn Error + Send + Sync>);

impl PublishError {
    /// Wraps the error of the receiver of events.
    pub fn new(error: impl Error + Send + Sync + 'static) -> Self {
        Self(Box::new(error))
    }
}

/// A run at its end.
#[derive(Debug)]
pub struct FinalState {
    pub outcome: Outcome,
    /// Why, where the outcome needs a reason.
    pub reason: Option<String>,
    /// Where it ended. A diverged run ended at the first loss that is not finite, although it took more steps until that loss was
    /// read.
    pub at: Position,
    /// Its last weights.
    pub weights: Vector,
    /// The buffers of its batch normalisations, where it has any.
    pub buffers: Option<Vector>,
    /// Its weights at the lowest validation loss, where there is a validation set.
    pub best: Option<BestWeights>,
    /// The average of its weights at its last evaluation or curvature measurement, where it keeps one and an iterate had entered.
    pub average: Option<AveragedWeights>,
}
