//! Losses of classifiers.

use burn::tensor::{Int, Tensor};

use crate::autodiff::Real;

/// Mean negative log-likelihood of the labels: logits [n, classes], labels [n, 1] -> one number.
pub fn cross_entropy<R: Real>(logits: R::T<2>, labels: Tensor<2, Int>) -> R::T<1> {
    let [n, _] = labels.dims();
    #[expect(clippy::cast_precision_loss, reason = "numbers of examples are far below 2^52")]
    let mean = -1.0 / n as f64;
    R::scale(R::sum(R::pick(R::log_softmax(logits), labels)), mean)
}
