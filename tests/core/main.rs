//! The training core against oracles of its own: closed forms, differences, dense matrices, plain loops.

mod common;
mod curvature;
mod derivatives;
mod methods;
mod presets;
mod sessions;
mod training;
