//! How a step moves w. Tensors in, tensors out; this layer knows no model, no clock and no event.
//!
//! ```text
//!   step               one step: direction, penalty, base optimizer, projection
//!    │
//!   flat_table         hyperparameters in event logs
//!   options            which words a run may choose
//!    │
//!   hyperparameters    everything that decides a step, as data
//!    │
//!   method             one file a method, one list
//!    │
//!   base_optimizer  distance_regularizer  context  error
//!    │
//!   noise
//!    │
//!   schedule  hyperparameter  categorical
//! ```
//!
//! Files use those below them only.

#![warn(missing_docs)]

mod base_optimizer;
mod categorical;
mod context;
mod distance_regularizer;
mod error;
mod flat_table;
mod hyperparameter;
mod hyperparameters;
mod method;
mod noise;
mod options;
mod schedule;
mod state;
mod step;

pub use base_optimizer::{AdamConfig, AdamState, BaseOptimizer, BaseState, UpdateRule};
pub use categorical::Categorical;
pub use context::{CurvatureSamples, SampleKind, StepContext, StepStats};
pub use distance_regularizer::{DistanceRegularizer, Projection};
pub use error::HyperparameterError;
pub use hyperparameter::{Hyperparameter, Listed, OutOfRange, Owner};
pub use hyperparameters::{Hyperparameters, Rule};
pub use method::*;
pub use noise::{Noise, NoiseDistribution, NoiseSource, NoiseStream};
pub use schedule::{LrSchedule, LrShape, NoiseSchedule, TrainingProgress};
pub use state::OptimizerState;
pub use step::{StepInput, StepOutput};
