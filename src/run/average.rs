//! An average of a run's iterates: stochastic weight averaging or an exponential moving average, with batch-norm buffers of its
//! own. It reads the trajectory and never changes it.

use super::{
    Averaging, Position,
    batches::Batches,
    measure::{AverageWeights, Averaged},
};
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
/// Memory: two more vectors of weights. Cost of an update: no gradient evaluation and no forward pass.
#[derive(Debug)]
pub(super) struct WeightAverage {
    averaging: Averaging,
    /// n.
    iterates: u64,
    /// w_A; `None` while n = 0.
    weights: Option<Vector>,
    /// The average that was completed last.
    completed: Option<AverageWeights>,
    forward_passes: u64,
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
        Self { averaging, iterates: 0, weights: None, completed: None, forward_passes: 0 }
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

    /// Completes the present average with batch-norm buffers of its own, so that it can be measured and kept: the mean, over the
    /// minibatches of one epoch without augmentation, of the minibatch means and variances at w_A, as PyTorch's
    /// `torch.optim.swa_utils.update_bn` has it. Buffers that training leaves as they are stay so.
    ///
    /// Cost: one forward pass of each minibatch, only where the network has batch normalisation and the average has changed since.
    pub fn complete(&mut self, problem: &dyn Problem, batches: Batches, per_epoch: u64) {
        let Some(weights) = self.weights.clone() else { return };
        if self.completed.as_ref().is_some_and(|known| known.iterates == self.iterates) {
            return;
        }
        let buffers = problem.buffers().map(|buffers| {
            let updated =
                if buffers.frozen { None } else { self.mean_statistics(&weights, problem, batches, per_epoch) };
            updated.unwrap_or(buffers.initial)
        });
        self.completed = Some(AverageWeights { iterates: self.iterates, weights, buffers });
    }

    /// The mean of the batch statistics at `weights` over so many minibatches; `None` where there are none.
    fn mean_statistics(
        &mut self,
        weights: &Vector,
        problem: &dyn Problem,
        mut batches: Batches,
        count: u64,
    ) -> Option<Vector> {
        let mut sum: Option<Vector> = None;
        for _ in 0..count {
            let examples = Examples::Chosen(batches.next_batch());
            let found = problem.objective_in(Mode::default(), examples).batch_statistics(weights);
            self.forward_passes += 1;
            sum = match (sum, found) {
                (Some(sum), Some(found)) => Some(sum + found),
                (sum, found) => sum.or(found),
            };
        }
        sum.map(|sum| sum * (1.0 / count as f64))
    }

    /// The average that was completed last, as measurements take it; `None` before there is one.
    pub fn averaged(&self) -> Option<Averaged<'_>> {
        let average = self.completed.as_ref()?;
        Some(Averaged { kind: self.averaging.kind(), average, forward_passes: self.forward_passes })
    }

    /// The average that was completed last.
    pub fn into_completed(self) -> Option<AverageWeights> {
        self.completed
    }
}
