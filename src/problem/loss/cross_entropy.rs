//! The loss of classifiers.

use burn::tensor::{Int, Tensor};

use super::{LossFunction, Reduction};
use crate::autodiff::{Primal, Real, Scalar, Vector};

/// Cross-entropy of logits [n, classes] and labels [n, 1], each below the number of classes: mean_i -log p_i(label_i) with
/// p = softmax(logits), in nats. With smoothing a (Szegedy 2016): the mean of (1 - a) (-log p(label)) + a mean_c(-log p_c).
#[derive(Debug, Clone, Copy, Default)]
pub struct CrossEntropy;

/// -log p(label) for each example: logits [n, classes], labels [n, 1] -> [n, 1].
fn negative_log_likelihoods<R: Real>(logits: R::T<2>, labels: Tensor<2, Int>) -> R::T<2> {
    R::scale(R::gather(R::log_softmax(logits), labels), -1.0)
}

impl LossFunction for CrossEntropy {
    type Targets = Tensor<2, Int>;

    const UNIT: Option<&'static str> = Some("nats");
    const REDUCTION: Reduction = Reduction::MeanOverExamples;
    const SMOOTHS_LABELS: bool = true;

    fn loss<R: Real>(&self, logits: R::T<2>, labels: &Tensor<2, Int>, smoothing: f64) -> R::T<1> {
        if smoothing == 0.0 {
            return R::cross_entropy(logits, labels.clone());
        }
        let [n, classes] = R::dims(&logits);
        let log_p = R::log_softmax(logits);
        let likelihood = R::sum(R::gather(log_p.clone(), labels.clone()));
        let uniform = R::scale(R::sum(log_p), -smoothing / (n * classes) as f64);
        R::add(R::scale(likelihood, (smoothing - 1.0) / n as f64), uniform)
    }

    fn example_losses(&self, logits: Tensor<2>, labels: &Tensor<2, Int>) -> Option<Vector> {
        Some(negative_log_likelihoods::<Primal>(logits, labels.clone()).squeeze_dim(1))
    }

    /// A logit is right where it is the largest of its row.
    fn correct(&self, logits: Tensor<2>, labels: &Tensor<2, Int>) -> Option<Scalar> {
        let precision = logits.dtype();
        Some(logits.argmax(1).equal(labels.clone()).float().cast(precision).sum())
    }
}
