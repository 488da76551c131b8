//! How a step moves w. Tensors in, tensors out; this layer knows no model, no clock and no event.

mod base_optimizer;
mod bsam;
mod categorical;
mod distance_regularizer;
mod hyperparameter;
mod hyperparameters;
mod method;
mod noise;
mod schedule;
mod step;

pub use base_optimizer::{AdamConfig, AdamState, BaseOptimizer, UpdateRule};
pub use bsam::{Bsam, BsamState};
pub use categorical::Categorical;
pub use distance_regularizer::{DistanceRegularizer, Projection};
pub use hyperparameter::{Hyperparameter, OutOfRange};
pub use hyperparameters::{Hyperparameters, Refused, Rule};
pub use method::{Direction, Method, Scaling};
pub use noise::{Noise, NoiseDistribution, NoiseSource, NoiseStream};
pub use schedule::{LrSchedule, LrShape, NoiseSchedule, TrainingProgress};
pub use step::{CurvatureSamples, OptimizerState, SampleKind, StepContext, StepInput, StepOutput, StepStats};
