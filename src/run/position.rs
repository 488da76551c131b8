//! How far a run has come, on every axis. Each event that has a place along training flattens it into its fields.

use serde::{Deserialize, Serialize};

/// How far a run has come, on every axis.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// Optimizer steps taken.
    pub step: u64,
    /// Gradient evaluations spent by training; measurements are not counted.
    pub gradients: u64,
    /// Seconds on the run's own clock, which stands still while the run is paused.
    pub seconds: f64,
}
