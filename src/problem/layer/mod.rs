//! Layers over any numbers: pure functions of their input and parameters.

mod linear;
mod loss;

pub(super) use linear::{initial as initial_linear, linear};
pub(super) use loss::{Labels, cross_entropy, likelihoods, smoothed_cross_entropy};
