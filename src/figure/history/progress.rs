//! What follows from a run's history: how far it is, how long it still takes, where its edge of stability is.

use super::{History, RunState};
use crate::{
    figure::{quantity::Quantity, series::XAxis},
    optimizer::{Categorical, Hyperparameter},
    run::{Budget, Position},
};

/// How many times its first training loss a run's newest one is when it seems to have diverged.
const EXPLODED: f64 = 10.0;

impl History {
    /// Whether its training loss is ten times what it began with, or more, or not finite.
    pub fn seems_diverged(&self) -> bool {
        let losses = self.series(Quantity::TrainLoss);
        let ends = losses.get(0).zip(losses.last());
        let exploded = |begin: f64, end: f64| begin > 0.0 && (end.is_nan() || end >= EXPLODED * begin);
        ends.is_some_and(|(first, last)| exploded(first.value, last.value))
    }

    /// The share of the budget that is spent, 0 to 1.
    pub fn progress(&self) -> f64 {
        if self.state == RunState::Completed { 1.0 } else { self.progress_at(self.now) }
    }

    #[expect(clippy::cast_precision_loss, reason = "a share of a budget")]
    fn progress_at(&self, at: Position) -> f64 {
        let Some(start) = &self.start else { return 0.0 };
        let (spent, budget) = match start.budget {
            Budget::Epochs(epochs) => (at.step, epochs.saturating_mul(start.steps_per_epoch)),
            Budget::Steps(steps) => (at.step, steps),
            Budget::Gradients(gradients) => (at.gradients, gradients),
        };
        if budget == 0 { 0.0 } else { (spent as f64 / budget as f64).min(1.0) }
    }

    /// Seconds until the budget is spent, at the pace of the second half of the time so far; `None` unless the run is running
    /// and has shown a pace.
    pub fn eta_seconds(&self) -> Option<f64> {
        if self.state != RunState::Running {
            return None;
        }
        let steps = self.series(Quantity::StepLoss);
        let half = steps.find(0, 0, XAxis::Seconds, |seconds| seconds >= self.now.seconds / 2.0);
        let since = steps.get(half).map_or(Position::default(), |point| point.at);
        let (done, then) = (self.progress(), self.progress_at(since));
        let pace = (done - then) / (self.now.seconds - since.seconds);
        let left = (1.0 - done) / pace;
        (left.is_finite() && left >= 0.0 && pace > 0.0).then_some(left)
    }

    /// The edge of stability, 2 (1 + beta) / eta: the largest eigenvalue of a quadratic on which gradient descent with heavy-ball
    /// momentum beta and learning rate eta is stable; along directions of larger curvature it oscillates and grows. beta is the
    /// present momentum, eta the learning rate of the schedule at the newest evaluation; at the end of a schedule that ends at zero, the
    /// one before. `None` for base optimizers other than SGD.
    /// Source: Cohen et al. 2021, "Gradient descent on neural networks typically occurs at the edge of stability", section 2.
    pub fn edge_of_stability(&self) -> Option<f64> {
        let now = self.hyperparameters.as_ref()?;
        let scheduled =
            now.chosen(Categorical::LrSchedule) != Some("constant") || now.get(Hyperparameter::Warmup) != Some(0.0);
        let newest = || self.series(Quantity::LrNow).values().iter().rev().copied().find(|&lr| lr > 0.0);
        let lr = if scheduled { newest()? } else { now.get(Hyperparameter::Lr)? };
        let threshold = 2.0 * (1.0 + now.get(Hyperparameter::Momentum)?) / lr;
        (threshold.is_finite() && threshold > 0.0).then_some(threshold)
    }
}
