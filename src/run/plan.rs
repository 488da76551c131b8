//! The checked plan of a session: what `preset.rs` makes of a TOML file, and all that the training loop needs to know.

use std::fmt;

use crate::{optimizer::Hyperparameters, problem::ProblemConfig, run::Budget};

/// One experiment: a problem, how long to train, and the runs to compare.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The preset's name: `mnist-mlp`, or the file stem of a path.
    pub preset: String,
    /// One line.
    pub title: String,
    /// What to look for, a few sentences.
    pub about: String,
    /// How long it takes on two cores, as the preset says; empty if it does not.
    pub takes: String,
    /// What is trained.
    pub problem: ProblemConfig,
    /// How long, how often measured.
    pub train: Train,
    /// The runs, at least one, each with its own name.
    pub runs: Vec<RunPlan>,
}

/// What all runs of a session share.
#[derive(Debug, Clone, PartialEq)]
pub struct Train {
    /// Where every run ends.
    pub budget: Budget,
    /// Examples in a minibatch; ignored by problems without examples.
    pub batch: usize,
    /// Seed of initial weights, batches, noise and probes.
    pub seed: u64,
    /// When losses on whole splits are measured.
    pub evaluate_every: Cadence,
    /// When curvature is measured; `None` for never.
    pub probe_every: Option<Cadence>,
    /// How curvature is measured.
    pub probe: ProbePlan,
    /// Every how many steps a step event is logged.
    pub record_every: u64,
}

/// The budget of one curvature probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProbePlan {
    /// Training examples to measure on: the first so many of the training set.
    pub examples: usize,
    /// Rademacher vectors for the trace.
    pub trace_probes: u32,
    /// Products that Lanczos may spend on lambda_max.
    pub lanczos_products: u32,
}

/// A rhythm along training, in one of three units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cadence {
    /// Every so many passes over the training set.
    Epochs(u64),
    /// Every so many optimizer steps.
    Steps(u64),
    /// Every so many gradient evaluations: the same places on the cost axis for every method.
    Gradients(u64),
}

/// One run of the comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct RunPlan {
    /// Unique in its plan, printable, at most 32 characters.
    pub name: String,
    /// Method and knobs at the start.
    pub hyperparameters: Hyperparameters,
}

impl fmt::Display for Cadence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, unit) = match self {
            Self::Epochs(count) => (count, "epoch"),
            Self::Steps(count) => (count, "step"),
            Self::Gradients(count) => (count, "gradient"),
        };
        write!(f, "{count} {unit}{}", if *count == 1 { "" } else { "s" })
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Epochs(count) => write!(f, "{count} epochs"),
            Self::Steps(count) => write!(f, "{count} steps"),
            Self::Gradients(count) => write!(f, "{count} gradient evaluations"),
        }
    }
}
