//! Layers over any numbers: pure functions of their input and parameters.

mod conv;
mod linear;
mod loss;
mod norm;

pub(super) use conv::Conv;
pub(super) use linear::{Linear, flat, initial as initial_linear, linear};
pub(super) use loss::{Labels, cross_entropy, likelihoods, smoothed_cross_entropy};
pub use norm::Norms;
pub(super) use norm::{BatchNorm, Stage};
