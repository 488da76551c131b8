//! One experiment from its preset to its end: plan, loop, threads, log.

mod average;
mod batches;
mod catch_up;
mod child;
mod clock;
mod compare;
pub mod device;
mod engine;
mod estimate;
mod event;
mod fork;
mod isolate;
mod job;
pub mod log;
mod measure;
mod measured;
mod memory;
mod non_finite;
mod outbox;
mod plan;
mod position;
pub mod preset;
pub mod problem;
mod resume;
mod retrace;
mod section;
mod state;
mod train;
mod view;
mod worker;

pub use child::{ChildRun, train_one};
pub use compare::{Difference, first_difference};
pub use engine::{Attendance, Engine, EngineError, NewRun};
pub use estimate::NamedEstimate;
pub use event::{AverageEval, AverageKind, Budget, Command, Event, Outcome, RunHeader};
pub use fork::Fork;
pub use isolate::{CHILD_COMMAND, ChildBeginning};
pub use job::{Checkpoint, FinalState, Inbox, Job, Listener, PublishError, TrainError};
pub use measure::{
    AveragedWeights, BestWeights, CurvaturePlan, DeclaredQuantity, MeasurementInfo, MeasurementKind,
    MeasurementSettings, QuantityInfo, Scale, Setting, SettingValue, Unit,
};
pub use measured::{Bound, Eigenvalue, GapCurve, Layerwise, Measured, Probe, Sides, WeightStats};
pub use memory::MemoryError;
pub use non_finite::NonFinitePolicy;
pub use outbox::{EventBatch, RunStatus};
pub use plan::{Averaging, Cadence, Plan, RunPlan, Train};
pub use position::Position;
pub use problem::{Fact, ProblemConfig};
pub use train::train;
pub use view::PanelKind;

pub use crate::{
    curvature::{Density, Estimate, GapPoint, Interval},
    problem::Metrics,
};
