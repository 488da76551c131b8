//! An average of a run's iterates: stochastic weight averaging or an exponential moving average, with batch-norm buffers of its
//! own. It reads the trajectory and never changes it.

use super::{Averaging, Position, batches::Batches, measure::Averaged};
use crate::{
    autodiff::Vector,
    problem::{Examples, Mode, Problem},
};

/// The average w_A of the iterates w_1, ..., w_n that have entered it, n = 1, 2, ...:
///
///   SWA  w_A = 1/n sum_i w_i                                  (Izmailov et al. 2018, equation 1)
///   EMA  w_A = (1 - d)/(1 - d^n) sum_i d^(n - i) w_i           (Polyak & Juditsky 1992 with exponential weights)
///
/// The factor 1/(1 - d^n) makes the weights of the EMA sum to 1 without w_0 (Kingma & Ba 2015, section 3). Both are updated as
/// w_A + r (w_n - w_A) with r = 1/n and r = (1 - d)/(1 - d^n).
///
/// Memory: one more vector of weights. Cost of an update: no gradient evaluation and no forward pass.
#[derive(Debug)]
pub(super) struct WeightAverage {
    averaging: Averaging,
    /// n.
    iterates: u64,
    /// w_A; `None` while n = 0.
    weights: Option<Vector>,
    buffers: Option<Buffers>,
    forward_passes: u64,
}

/// The batch-norm buffers of an average, and which average that was.
#[derive(Debug)]
struct Buffers {
    values: Vector,
    /// n of the average that they belong to.
    iterates: u64,
}

/// One step of the trajectory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Passed {
    /// Before the step.
    pub before: Position,
    /// After it.
    pub after: Position,
    /// Steps in one epoch.
    pub steps_per_epoch: u64,
    /// The share of the budget that is spent after it, 0 to 1.
    pub budget_share: f64,
}

impl WeightAverage {
    pub fn new(averaging: Averaging) -> Self {
        Self { averaging, iterates: 0, weights: None, buffers: None, forward_passes: 0 }
    }

    /// Lets the iterate `w` after a step enter the average where it is due. SWA begins with the first iterate at or past its share
    /// of the budget.
    pub fn record(&mut self, w: &Vector, passed: Passed) {
        let is_due = |every: super::Cadence| every.is_due(passed.before, passed.after, passed.steps_per_epoch);
        let enters = match self.averaging {
            Averaging::Swa { start, every } => passed.budget_share >= start && (self.iterates == 0 || is_due(every)),
            Averaging::Ema { every, .. } => is_due(every),
        };
        if !enters {
            return;
        }
        self.iterates += 1;
        let n = self.iterates as f64;
        let rate = match self.averaging {
            Averaging::Swa { .. } => 1.0 / n,
            Averaging::Ema { decay, .. } => (1.0 - decay) / (1.0 - decay.powf(n)),
        };
        self.weights = Some(match self.weights.take() {
            None => w.clone(),
            Some(average) => average.clone() + (w.clone() - average) * rate,
        });
    }

    /// Brings the buffers up to the present average: the mean, over the minibatches of one epoch without augmentation, of the
    /// minibatch means and variances at w_A, as PyTorch's `torch.optim.swa_utils.update_bn` has it. Buffers that training leaves as
    /// they are stay so.
    ///
    /// Cost: one forward pass of each minibatch, only where the average has changed since.
    pub fn update_buffers(&mut self, problem: &dyn Problem, mut batches: Batches, per_epoch: u64) {
        let (Some(weights), Some(buffers)) = (&self.weights, problem.buffers()) else { return };
        if self.buffers.as_ref().is_some_and(|known| known.iterates == self.iterates) {
            return;
        }
        let values = if buffers.frozen {
            buffers.initial
        } else {
            let mut sum: Option<Vector> = None;
            for _ in 0..per_epoch {
                let examples = Examples::Chosen(batches.next_batch());
                let found = problem.objective_in(Mode::default(), examples).batch_statistics(weights);
                self.forward_passes += 1;
                sum = match (sum, found) {
                    (Some(sum), Some(found)) => Some(sum + found),
                    (sum, found) => sum.or(found),
                };
            }
            sum.map_or(buffers.initial, |sum| sum * (1.0 / per_epoch as f64))
        };
        self.buffers = Some(Buffers { values, iterates: self.iterates });
    }

    /// The average with its buffers; `None` while no iterate has entered.
    pub fn averaged(&self) -> Option<Averaged<'_>> {
        Some(Averaged {
            kind: self.averaging.kind(),
            weights: self.weights.as_ref()?,
            buffers: self.buffers.as_ref().map(|buffers| &buffers.values),
            iterates: self.iterates,
            forward_passes: self.forward_passes,
        })
    }
}
