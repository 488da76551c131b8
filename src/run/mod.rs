//! One experiment from its preset to its end: plan, loop, threads, log.

mod batches;
mod clock;
pub mod device;
mod engine;
mod estimate;
mod event;
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

pub use engine::{Batch, Engine, EngineError};
pub use estimate::NamedEstimate;
pub use event::{Budget, Command, Event, Outcome, Start};
pub use measure::{
    CurvaturePlan, DeclaredQuantity, MeasurementInfo, MeasurementKind, MeasurementSettings, QuantityInfo, Scale,
    Setting, SettingValue, Unit,
};
pub use measured::{Bound, Eigenvalue, GapCurve, Layerwise, Measured, Probe, Sides, WeightStats};
pub use plan::{Cadence, Plan, RunPlan, Train};
pub use position::Position;
pub use problem::{Fact, ProblemConfig};
pub use train::{Ending, Finished, Inbox, Job, Publish, train};
pub use view::PanelKind;

pub use crate::{
    curvature::{Density, Estimate, GapPoint, Interval},
    problem::Metrics,
};
