//! What a network is trained for: a loss compares its outputs with the targets of a batch.

mod cross_entropy;

use burn::tensor::Tensor;

pub use cross_entropy::CrossEntropy;

use crate::autodiff::{Real, Scalar, Vector};

/// How the loss of a batch comes about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reduction {
    /// The mean of the examples' own losses: it can be computed part by part, and each example has a loss and a Hessian.
    MeanOverExamples,
    /// A function of the whole batch, in which examples see each other, as in a contrastive loss over pairs. It is never computed in
    /// parts, and an example has no loss of its own.
    WholeBatch,
}

/// A loss over a batch of outputs, one row an example: [n, outputs]. A contrastive loss takes the similarities of every input of a
/// batch to every other, [n, n], whose diagonal belongs together.
pub trait LossFunction: Send + Sync {
    /// What the outputs are compared with.
    type Targets: Clone;

    /// Its unit, where it has one.
    const UNIT: Option<&'static str>;

    /// Whether examples contribute independently.
    const REDUCTION: Reduction;

    /// Whether its targets are labels, which can be smoothed.
    const SMOOTHS_LABELS: bool;

    /// The loss of a batch: outputs [n, outputs] -> one number. `smoothing` is the share a of the uniform distribution in the labels,
    /// 0 to 1, always 0 where labels are not smoothed.
    fn loss<R: Real>(&self, outputs: R::T<2>, targets: &Self::Targets, smoothing: f64) -> R::T<1>;

    /// The loss of each example without smoothing, [n], whose mean is the loss of the batch; `None` where an example has none.
    fn example_losses(&self, outputs: Tensor<2>, targets: &Self::Targets) -> Option<Vector>;

    /// How many examples are right, one number of the outputs' precision; `None` where right and wrong mean nothing.
    fn correct(&self, _outputs: Tensor<2>, _targets: &Self::Targets) -> Option<Scalar> {
        None
    }
}
