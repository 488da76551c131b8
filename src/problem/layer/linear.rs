//! The fully connected layer.

use rand::RngExt;

use super::Pass;
use crate::{autodiff::Real, random::Stream};

/// Images as rows of numbers: [n, c, h, w] -> [n, c h w].
pub fn flat<R: Real>(images: R::T<4>) -> R::T<2> {
    let [n, channels, height, width] = R::dims(&images);
    R::reshape(images, [n, channels * height * width])
}

/// One fully connected layer of a network: where its parameters are.
#[derive(Debug, Clone, Copy)]
pub struct Linear {
    /// Index of the weight among the parameters; the bias follows it.
    pub parameters: usize,
}

impl Linear {
    /// x W' + b: [n, in] -> [n, out]. The weight [out, in] is in PyTorch's layout.
    pub fn apply<R: Real>(self, x: R::T<2>, pass: &Pass<'_, R>) -> R::T<2> {
        R::linear(x, pass.get(self.parameters), pass.get(self.parameters + 1))
    }
}

/// PyTorch's default initial values of a linear layer, weights then biases: all uniform on +-1/sqrt(fan_in).
pub fn initial(inputs: usize, outputs: usize, random: &mut Stream) -> Vec<f64> {
    #[expect(clippy::cast_precision_loss, reason = "layer widths are small")]
    let bound = 1.0 / (inputs as f64).sqrt();
    (0..outputs * inputs + outputs).map(|_| bound * (2.0 * random.random::<f64>() - 1.0)).collect()
}
