//! One experiment from its preset to its end: plan, loop, threads, log.

mod batches;
mod clock;
pub mod device;
mod engine;
mod event;
pub mod log;
mod measure;
mod plan;
pub mod preset;
mod section;
mod train;

pub use engine::{Batch, Engine, EngineError};
pub use event::{Budget, Command, Eigenvalue, Estimate, Event, Outcome, Position, Probe, Start};
pub use plan::{Cadence, Plan, ProbePlan, RunPlan, Train};
pub use train::{Ending, Finished, Inbox, Job, Publish, train};

pub use crate::problem::Metrics;
