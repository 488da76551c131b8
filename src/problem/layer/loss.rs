//! Losses of classifiers.

use burn::tensor::{Int, Tensor};

use crate::autodiff::Real;

/// Labels [n, 1] with a share of the uniform distribution over all classes, the true one included.
#[derive(Debug, Clone)]
pub struct Labels {
    /// [n, 1], each below the number of classes.
    pub classes: Tensor<2, Int>,
    /// The share a, 0 to 1.
    pub smoothing: f64,
}

/// Negative log-likelihood of each label: logits [n, classes], labels [n, 1] -> [n, 1].
pub fn likelihoods<R: Real>(logits: R::T<2>, labels: Tensor<2, Int>) -> R::T<2> {
    R::scale(R::gather(R::log_softmax(logits), labels), -1.0)
}

/// Mean of (1 - a) NLL + a mean_c(-log p_c) (Szegedy 2016): logits [n, classes] -> one number.
pub fn smoothed_cross_entropy<R: Real>(logits: R::T<2>, labels: Labels) -> R::T<1> {
    if labels.smoothing == 0.0 {
        return R::cross_entropy(logits, labels.classes);
    }
    let [n, classes] = R::dims(&logits);
    let log_p = R::log_softmax(logits);
    let likelihood = R::sum(R::gather(log_p.clone(), labels.classes));
    let uniform = R::scale(R::sum(log_p), -labels.smoothing / (n * classes) as f64);
    R::add(R::scale(likelihood, (labels.smoothing - 1.0) / n as f64), uniform)
}
