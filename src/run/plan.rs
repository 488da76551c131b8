//! The checked plan of a session, as `preset.rs` reads it from TOML: all that the training loop needs to know.

use std::{fmt, time::Duration};

use super::{
    AverageKind, Budget, Fact, Fork, NonFinitePolicy, PanelKind, Position, ProblemConfig,
    device::{self, DeviceName, Devices},
    measure::CurvaturePlan,
};
use crate::{data::Augmentation, optimizer::Hyperparameters};

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
    /// The panels that the dashboard begins with, four or six; empty where the preset leaves it to the program.
    pub panels: Vec<PanelKind>,
    /// The runs, at least one, each with its own name.
    pub runs: Vec<RunPlan>,
}

impl Plan {
    /// The device of each run: its own where it names one; the others take turns on `devices`.
    pub fn assign(&self, devices: &Devices) -> Vec<DeviceName> {
        devices.assign(self.runs.iter().map(|run| run.device))
    }

    /// The same without a user who could resume a run that pauses at a loss that is not finite: it stops there.
    #[must_use]
    pub fn unattended(mut self) -> Self {
        self.train.non_finite = self.train.non_finite.map(|policy| match policy {
            NonFinitePolicy::Pause | NonFinitePolicy::Stop => NonFinitePolicy::Stop,
            NonFinitePolicy::Skip => NonFinitePolicy::Skip,
            NonFinitePolicy::Continue => NonFinitePolicy::Continue,
        });
        self
    }

    /// The same with a user: unless the preset says otherwise a run pauses at a loss that is not finite.
    #[must_use]
    pub fn attended(mut self) -> Self {
        self.train.non_finite.get_or_insert(NonFinitePolicy::Pause);
        self
    }

    /// What to know before it starts on these devices: that a convolutional network of ImageNet's size takes long without
    /// LibTorch or a GPU, or that the GPU rounds.
    pub fn warning(&self, devices: &Devices) -> Option<String> {
        let assigned = self.assign(devices);
        if self.problem.has(Fact::SlowOnFlex) && assigned.contains(&DeviceName::Flex) {
            let takes = if self.takes.is_empty() { String::new() } else { format!(" ({})", self.takes) };
            return Some(format!("slow on flex{takes}; build with --features tch or wgpu"));
        }
        let rounds = self.problem.has(Fact::Convolutions) && assigned.into_iter().any(device::rounds_convolutions);
        rounds.then(|| "cuDNN may round convolutions to TF32; NVIDIA_TF32_OVERRIDE=0 forbids it".to_owned())
    }
}

/// What all runs of a session share.
#[derive(Debug, Clone, PartialEq)]
pub struct Train {
    /// Where every run ends.
    pub budget: Budget,
    /// Examples in a minibatch; ignored by problems without examples.
    pub batch: usize,
    /// Seed of initial weights, batches, noise and probe vectors.
    pub seed: u64,
    /// When losses on whole splits are measured.
    pub evaluate_every: Cadence,
    /// When curvature is measured; `None` for never.
    pub probe_every: Option<Cadence>,
    /// How curvature is measured.
    pub curvature: CurvaturePlan,
    /// Every how many steps a step event is logged.
    pub record_every: u64,
    /// How much time passes between two checkpoints; `None` for none.
    pub checkpoint_every: Option<Duration>,
    /// What happens at a loss that is not finite; `None` leaves it to the program.
    pub non_finite: Option<NonFinitePolicy>,
}

/// An interval of training, in one of three units.
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
    /// Method and hyperparameters at the start.
    pub hyperparameters: Hyperparameters,
    /// Examples in its minibatches, where they are not those of the session.
    pub batch: Option<usize>,
    /// How its training images are augmented, where there are images that can be.
    pub augmentation: Option<Augmentation>,
    /// What it is trained on, where that is not left to the session.
    pub device: Option<DeviceName>,
    /// The average of its weights that is kept and measured, where there is one.
    pub average: Option<Averaging>,
    /// Where it branched off another run; `None` for a run that begins at the initial weights.
    pub fork: Option<Fork>,
}

/// An average of a run's weights over its training, which is evaluated and measured as well. It does not change the training.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Averaging {
    /// Stochastic weight averaging: the mean of the weights from a share of the budget on.
    Swa {
        /// The share of the budget from which weights are averaged, 0 to below 1.
        start: f64,
        /// When weights enter.
        every: Cadence,
    },
    /// An exponential moving average of the weights from the first step on.
    Ema {
        /// The weight of each entry relative to that of the next one, 0 to below 1.
        decay: f64,
        /// When weights enter.
        every: Cadence,
    },
}

impl Averaging {
    /// Stochastic weight averaging or exponential moving average.
    pub fn kind(self) -> AverageKind {
        match self {
            Self::Swa { .. } => AverageKind::Swa,
            Self::Ema { .. } => AverageKind::Ema,
        }
    }
}

impl Cadence {
    /// Whether a multiple of it lies after `before` and not after `now`.
    pub(super) fn is_due(self, before: Position, now: Position, steps_per_epoch: u64) -> bool {
        let multiples = |at: Position| match self {
            Self::Epochs(every) => at.step / (every * steps_per_epoch),
            Self::Steps(every) => at.step / every,
            Self::Gradients(every) => at.gradients / every,
        };
        multiples(now) > multiples(before)
    }
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
