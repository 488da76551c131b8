//! What several test files need: numbers in and out of tensors, distances, noise that is known beforehand.

use burn::tensor::{DType, Device, Tensor, TensorData};
use nso_tui::{
    autodiff::{Vector, values, vector_like},
    curvature::LinearOperator,
    optimizer::{Noise, NoiseSource},
};

/// A vector on the CPU in the given precision.
pub fn vector(numbers: &[f64], precision: DType) -> Vector {
    let data = TensorData::new(numbers.to_vec(), [numbers.len()]).convert_dtype(precision);
    Tensor::from_data(data, (&Device::flex(), precision))
}

/// |a - b|_2 / |b|_2.
pub fn relative(a: &Vector, b: &[f64]) -> f64 {
    apart(&values(a), b)
}

/// |a - b|_2 / |b|_2.
pub fn apart(a: &[f64], b: &[f64]) -> f64 {
    let norm = |x: &mut dyn Iterator<Item = f64>| x.map(|x| x * x).sum::<f64>().sqrt();
    assert_eq!(a.len(), b.len());
    norm(&mut a.iter().zip(b).map(|(a, b)| a - b)) / norm(&mut b.iter().copied())
}

/// Numbers that look random and are the same everywhere: fractions of multiples of the golden ratio, in (-1, 1).
pub fn scattered(count: usize, offset: f64) -> Vec<f64> {
    (0..count).map(|i| 2.0 * ((i as f64 + 1.0) * 0.618_033_988_749_894_9 + offset).fract() - 1.0).collect()
}

/// Weight noise whose xi, draw after draw, is what the function returns, whatever the distribution.
pub struct Replay<F>(pub F);

impl<F: FnMut() -> Vec<f64>> NoiseSource for Replay<F> {
    fn draw(&mut self, like: &Vector, noise: Noise) -> Vector {
        let xi = (self.0)();
        assert_eq!(xi.len(), like.dims()[0]);
        vector_like(&xi, like) * noise.sigma
    }
}

/// A diagonal matrix by its diagonal.
pub struct Diagonal(pub Vector);

impl LinearOperator for Diagonal {
    fn apply(&self, v: &Vector) -> Vector {
        self.0.clone() * v.clone()
    }

    fn dimension(&self) -> usize {
        self.0.dims()[0]
    }
}
