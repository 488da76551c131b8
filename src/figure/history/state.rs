//! What a run's fold is made of besides its curves: where it stands, what was changed or refused, the newest whole curves.

use crate::{
    optimizer::Hyperparameter,
    run::{Bound, Cadence, Density, GapCurve, Metrics, NamedEstimate, Outcome, Position},
};

/// Where a run stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunState {
    /// It has not begun.
    Waiting,
    /// It takes steps.
    Running,
    /// It holds.
    Paused,
    /// Its budget is spent.
    Completed,
    /// It ended on request.
    Stopped,
    /// Its loss stopped being finite.
    Diverged {
        /// After so many steps.
        step: u64,
        /// In words.
        reason: String,
    },
    /// A panic or an I/O error ended it.
    Failed {
        /// After so many steps.
        step: u64,
        /// In words.
        reason: String,
    },
}

impl RunState {
    /// One word for tables.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::Stopped => "stopped",
            Self::Diverged { .. } => "diverged",
            Self::Failed { .. } => "failed",
        }
    }

    /// The state of a run that ended so.
    pub(super) fn ended(outcome: Outcome, step: u64, reason: Option<&str>) -> Self {
        match outcome {
            Outcome::Completed => Self::Completed,
            Outcome::Stopped => Self::Stopped,
            Outcome::Diverged => Self::Diverged { step, reason: reason.unwrap_or("the loss is not finite").into() },
            Outcome::Failed => Self::Failed { step, reason: reason.unwrap_or("no reason was given").into() },
        }
    }

    /// Whether no step will follow, short of a restart.
    pub fn is_over(&self) -> bool {
        !matches!(self, Self::Waiting | Self::Running | Self::Paused)
    }
}

/// A hyperparameter that was changed while the run went on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    /// Which hyperparameter.
    pub hyperparameter: Hyperparameter,
    /// Its value before.
    pub from: f64,
    /// Its value from the next step on.
    pub to: f64,
    /// When.
    pub at: Position,
}

/// A change that the run refused.
#[derive(Debug, Clone, PartialEq)]
pub struct Rejection {
    /// Which hyperparameter.
    pub hyperparameter: Hyperparameter,
    /// The value that was refused.
    pub value: f64,
    /// When.
    pub step: u64,
    /// Why, in words.
    pub reason: String,
}

/// When a run's plan has it measured, for charts that have nothing to show yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Schedule {
    /// The plan is not at hand.
    #[default]
    Unknown,
    /// As the plan says.
    Planned {
        /// When losses on whole splits are measured.
        evaluate: Cadence,
        /// When curvature is measured; `None` for never.
        curvature: Option<Cadence>,
    },
}

/// An evaluation that stands out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Best {
    /// When it was.
    pub at: Position,
    /// What it found.
    pub metrics: Metrics,
}

/// The newest measurements that are whole curves rather than points of one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Snapshots {
    /// When curvature was last measured.
    pub measured_at: Option<Position>,
    /// The trace of each tensor's block.
    pub layers: Vec<NamedEstimate>,
    /// The spectral density.
    pub density: Option<Density>,
    /// The perturbation gap against sigma.
    pub gap: Option<GapCurve>,
    /// The bound with its ingredients.
    pub bound: Option<Bound>,
}
