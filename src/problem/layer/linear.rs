//! The fully connected layer.

use crate::{autodiff::Real, random::Stream};
use rand::RngExt;

/// x W' + b: [n, in], [out, in], [out] -> [n, out]. The weight is in PyTorch's layout.
pub fn linear<R: Real>(x: R::T<2>, weight: R::T<2>, bias: R::T<1>) -> R::T<2> {
    let [out] = R::value(&bias).dims();
    R::add(R::matmul(x, R::transpose(weight)), R::reshape(bias, [1, out]))
}

/// PyTorch's default initial values of a linear layer, weights then biases: all uniform on +-1/sqrt(fan_in).
pub fn initial(inputs: usize, outputs: usize, random: &mut Stream) -> Vec<f64> {
    #[expect(clippy::cast_precision_loss, reason = "layer widths are small")]
    let bound = 1.0 / (inputs as f64).sqrt();
    (0..outputs * inputs + outputs).map(|_| bound * (2.0 * random.random::<f64>() - 1.0)).collect()
}
