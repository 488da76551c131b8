//! How a step moves w. Tensors in, tensors out; this layer knows no model, no clock and no event.

mod anchor;
mod base;
mod bsam;
mod choice;
mod hyperparameters;
mod knob;
mod method;
mod noise;
mod schedule;
mod step;

pub use anchor::{Anchor, Projection};
pub use base::{Base, BaseRule, MomentMemory, Moments};
pub use bsam::{Bsam, PrecisionMemory};
pub use choice::Choice;
pub use hyperparameters::{Hyperparameters, Refused, Rule};
pub use knob::{Knob, OutOfRange};
pub use method::{Direction, Method, Scaling};
pub use noise::{Noise, NoiseLaw, NoiseSource, NoiseStream};
pub use schedule::{LrSchedule, LrShape, NoiseSchedule, Progress};
pub use step::{After, Before, Findings, FreeKind, FreeSamples, Memory, Terrain};
