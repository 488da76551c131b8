//! The training core against oracles of its own: closed forms, differences, dense matrices, plain loops.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::cast_possible_truncation, reason = "small made-up numbers as pixels and labels")]

mod average;
#[cfg(any(feature = "tch", feature = "wgpu"))]
mod backends;
mod common;
mod contrastive;
mod curvature;
mod dense;
mod derivatives;
mod devices;
mod estimators;
mod fine_tune;
mod forks;
mod inference;
mod interruption;
mod loops;
mod measurements;
mod methods;
mod networks;
mod non_finite;
mod operations;
mod presets;
mod readouts;
mod relatives;
mod resume;
mod sessions;
mod smoothing;
mod spectrum;
mod supervised;
mod torch;
mod training;
mod validation;
