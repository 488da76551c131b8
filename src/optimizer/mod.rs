//! How a step moves w. Tensors in, tensors out; this layer knows no model, no clock and no event.

mod knob;
mod method;
mod noise;
mod update;

pub use knob::{Knob, OutOfRange};
pub use method::{Direction, Hyperparameters, Method, Refused};
pub use noise::{NoiseLaw, NoiseStream};
pub use update::{Momentum, Sgd};
