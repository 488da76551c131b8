//! One experiment from its preset to its end: plan, loop, threads, log.

mod average;
mod batches;
mod clock;
pub mod device;
mod engine;
mod estimate;
mod event;
mod job;
pub mod log;
mod measure;
mod measured;
mod plan;
mod position;
pub mod preset;
pub mod problem;
mod section;
mod train;
mod view;

pub use engine::{Engine, EngineError, EventBatch};
pub use estimate::NamedEstimate;
pub use event::{AverageEval, AverageKind, Budget, Command, Event, Outcome, RunHeader};
pub use job::{FinalState, Inbox, Job, LoopExit, Publish, PublishError};
pub use measure::{
    AveragedWeights, BestWeights, CurvaturePlan, DeclaredQuantity, MeasurementInfo, MeasurementKind,
    MeasurementSettings, QuantityInfo, Scale, Setting, SettingValue, Unit,
};
pub use measured::{Bound, Eigenvalue, GapCurve, Layerwise, Measured, Probe, Sides, WeightStats};
pub use plan::{Averaging, Cadence, Plan, RunPlan, Train};
pub use position::Position;
pub use problem::{Fact, ProblemConfig};
pub use train::train;
pub use view::PanelKind;

pub use crate::{
    curvature::{Density, Estimate, GapPoint, Interval},
    problem::Metrics,
};
