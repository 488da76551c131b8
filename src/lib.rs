//! nso-tui: train optimizers side by side, measure the curvature of where they go, and steer them.
//!
//! ```text
//!                                what it may know
//!   cli        one file a command, in the binary     everything below
//!    │
//!   doctor     does it hold on this machine?         everything below
//!    │
//!   dashboard  event loop, effects, the terminal     everything below: files, threads, signals
//!    │
//!   tui        update(Msg) -> effects, view          runs as events and figures; starts no thread, opens no file
//!    │
//!   figure     what a plot shows, wherever drawn     events
//!    │
//!   run        preset -> plan -> loop -> events      problems, methods, estimators
//!    │
//!   ├─ optimizer   how a step moves w                objectives
//!   ├─ curvature   what a probe says about w         objectives, symmetric maps
//!   ├─ problem     network, data set, loss           objectives, data
//!    │
//!   autodiff   loss, gradient, exact Hessian product of a model written once
//!    │
//!   data       reads data sets, trusts none of them  files; no tensors
//!
//!   random, number, text, file, terminal: streams of random bits, floats in JSON, text that is safe to print, files written
//!   whole, signals, and output that never blocks
//! ```
//!
//! Imports point down only, and not between optimizer, curvature and problem; a test reads them.
//!
//! One idea holds it together: a model is written once, as a function of its parameters over the small algebra
//! [`autodiff::Real`]. Reverse mode over plain numbers gives its gradient, over dual numbers its exact Hessian products;
//! evaluated in pairs at w + u and w - u it gives NSO's direction from the mean and the smoothed curvature from the
//! difference.
//!
//! Absent on purpose: the optimizer knows no model, event or time; the loop in `run::train` does not know who listens;
//! nothing depends on the framework's own random generator, nor on what other runs do.

pub mod autodiff;
pub mod curvature;
pub mod dashboard;
pub mod data;
pub mod doctor;
pub mod figure;
pub mod file;
mod memory;
pub mod number;
pub mod optimizer;
pub mod problem;
pub mod random;
pub mod run;
pub mod terminal;
pub mod text;
pub mod tui;
