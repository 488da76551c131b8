//! One experiment from its preset to its end: plan, loop, threads, log.

mod average;
mod batches;
mod clock;
pub mod device;
mod engine;
mod event;
mod job;
pub mod log;
mod measure;
mod measured;
mod plan;
pub mod preset;
mod section;
mod train;
mod view;

pub use engine::{Engine, EngineError, EventBatch};
pub use event::{AverageEval, AverageKind, Budget, Command, Event, Outcome, Position, RunHeader};
pub use job::{AverageWeights, BestWeights, FinalState, Inbox, Job, LoopExit, Publish, PublishError};
pub use measured::{
    Bound, Density, Eigenvalue, Estimate, GapCurve, GapPoint, Interval, LayerTrace, Layerwise, Probe, Sides,
    WeightStats,
};
pub use plan::{Averaging, Cadence, Extra, Plan, ProbePlan, RunPlan, Train};
pub use train::train;
pub use view::PanelKind;

pub use crate::problem::Metrics;
