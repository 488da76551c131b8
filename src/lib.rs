//! nso-tui: train optimizers side by side, measure the curvature of where they go, and steer them.

pub mod autodiff;
pub mod curvature;
pub mod figure;
pub mod number;
pub mod optimizer;
pub mod problem;
pub mod random;
pub mod run;
pub mod tui;
