//! The training core against oracles of its own: closed forms, differences, dense matrices, plain loops.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;
mod curvature;
mod derivatives;
mod methods;
mod presets;
mod sessions;
mod training;
