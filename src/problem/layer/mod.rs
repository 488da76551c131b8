//! Layers over any numbers: pure functions of their input and parameters.

mod conv;
mod linear;
mod norm;
mod pass;

pub use conv::Conv;
pub use linear::Linear;
pub(super) use linear::{flat, initial as initial_linear};
pub use norm::{BatchNorm, Stage};
pub use pass::Pass;
