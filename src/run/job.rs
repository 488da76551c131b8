//! What the training loop takes and returns: plain data and two interfaces, shared with the measurements of the loop.
//! The loop itself is in `train.rs`.

use std::error::Error;

use super::{
    Command, Event, Outcome, Position, RunPlan, Train,
    measure::{AveragedWeights, BestWeights},
};
use crate::{autodiff::Vector, problem::Problem};

/// What is to be run.
#[derive(Clone, Copy)]
pub struct Job<'a> {
    /// The run's own part of the plan.
    pub run: &'a RunPlan,
    /// The part of the plan that all runs share.
    pub train: &'a Train,
    /// Network, data set and loss.
    pub problem: &'a dyn Problem,
}

/// Where commands come from.
pub trait Inbox {
    /// The next command, if there is one.
    fn poll(&mut self) -> Option<Command>;

    /// Waits for the next command; [`Command::Stop`] once all senders are gone.
    fn wait(&mut self) -> Command;
}

/// Where events go.
pub type Publish<'a> = dyn FnMut(Event) -> Result<(), PublishError> + 'a;

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

/// How a call of [`train`](super::train) ended.
#[derive(Debug)]
pub enum LoopExit {
    /// The run is over.
    Ended(Box<FinalState>),
    /// A restart was asked for: the run is to begin again from its initial weights.
    Restart,
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
