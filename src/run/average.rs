//! An average of a run's iterates: stochastic weight averaging or an exponential moving average, with batch-norm buffers of its
//! own. It reads the trajectory and never changes it.

use burn::tensor::Device;

use super::{AveragedWeights, Averaging, Position, batches::Batches};
use crate::{
    autodiff::{Archive, ArchiveError, Vector},
    problem::{BatchNormMode, Examples, Problem},
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
#[derive(Debug, Clone)]
pub(super) struct RunningAverage {
    averaging: Averaging,
    /// n.
    iterates: u64,
    /// w_A; `None` while n = 0.
    weights: Option<Vector>,
    /// The average that was completed last.
    completed: Option<AveragedWeights>,
}

/// One step of the trajectory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Transition {
    pub before: Position,
    pub after: Position,
    /// Steps in one epoch.
    pub steps_per_epoch: u64,
    /// The share of the budget that is spent after it, 0 to 1.
    pub budget_share: f64,
}

impl RunningAverage {
    pub fn new(averaging: Averaging) -> Self {
        Self { averaging, iterates: 0, weights: None, completed: None }
    }

    /// Lets the iterate `w` after a step enter the average where it is due. SWA begins with the first iterate at or past its share
    /// of the budget.
    pub fn record(&mut self, w: &Vector, transition: Transition) {
        let is_due =
            |every: super::Cadence| every.is_due(transition.before, transition.after, transition.steps_per_epoch);
        let enters = match self.averaging {
            Averaging::Swa { start, every } => {
                transition.budget_share >= start && (self.iterates == 0 || is_due(every))
            }
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
    /// Nothing is completed where it is not `wanted` any more, which is asked between the passes.
    pub fn complete(&mut self, problem: &dyn Problem, batches: Batches, per_epoch: u64, wanted: &dyn Fn() -> bool) {
        let Some(weights) = self.weights.clone() else { return };
        if self.completed.as_ref().is_some_and(|known| known.iterates == self.iterates) {
            return;
        }
        let mut forward_passes = self.completed.as_ref().map_or(0, |known| known.forward_passes);
        let buffers = problem.buffers().map(|buffers| match buffers.mode {
            BatchNormMode::BatchStatistics => {
                forward_passes += per_epoch;
                mean_statistics(&weights, problem, batches, per_epoch, wanted).unwrap_or(buffers.values)
            }
            BatchNormMode::Buffers => buffers.values,
        });
        if !wanted() {
            return;
        }
        let (kind, iterates) = (self.averaging.kind(), self.iterates);
        self.completed = Some(AveragedWeights { kind, iterates, weights, buffers, forward_passes });
    }

    pub fn to_archive(&self) -> Archive {
        let mut archive = Archive::default();
        archive.set("iterates", self.iterates);
        archive.put_some("weights", self.weights.as_ref());
        if let Some(completed) = &self.completed {
            archive.set("completed.iterates", completed.iterates);
            archive.set("completed.forward_passes", completed.forward_passes);
            archive.put("completed.weights", &completed.weights);
            archive.put_some("completed.buffers", completed.buffers.as_ref());
        }
        archive
    }

    pub fn from_archive(averaging: Averaging, archive: &Archive, device: &Device) -> Result<Self, ArchiveError> {
        let completed = archive.find("completed.weights", device).map(|weights| {
            Ok(AveragedWeights {
                kind: averaging.kind(),
                iterates: archive.get("completed.iterates")?,
                weights,
                buffers: archive.find("completed.buffers", device),
                forward_passes: archive.get("completed.forward_passes")?,
            })
        });
        let weights = archive.find("weights", device);
        Ok(Self { averaging, iterates: archive.get("iterates")?, weights, completed: completed.transpose()? })
    }

    /// The average that was completed last; `None` before there is one.
    pub fn completed(&self) -> Option<&AveragedWeights> {
        self.completed.as_ref()
    }

    /// [`completed`](Self::completed), to keep.
    pub fn into_completed(self) -> Option<AveragedWeights> {
        self.completed
    }
}

/// The mean of the batch statistics at `weights` over so many minibatches; `None` where there are none.
fn mean_statistics(
    weights: &Vector,
    problem: &dyn Problem,
    mut batches: Batches,
    count: u64,
    wanted: &dyn Fn() -> bool,
) -> Option<Vector> {
    let statistics = (0..count).take_while(|_| wanted()).filter_map(|_| {
        let examples = Examples::Chosen(batches.next_batch());
        problem.objective(examples).batch_statistics(weights)
    });
    statistics.reduce(|sum, found| sum + found).map(|sum| sum * (1.0 / count as f64))
}
