//! The trace of a symmetric map, by random probes.

use burn::tensor::{Tensor, TensorData};
use rand::Rng;

use super::LinearOperator;
use crate::{
    autodiff::{Vector, read},
    random::{Purpose, Stream, stream},
};

/// A stream of random vectors with independent entries +1 and -1.
#[derive(Debug, Clone)]
pub struct Rademacher(Stream);

impl Rademacher {
    /// The probes of `seed`: the same vectors for every run and at every step of a session, so that differences
    /// between runs and over time are not differences of luck.
    pub fn new(seed: u64) -> Self {
        Self(stream(seed, Purpose::Probes))
    }

    /// The next vector, in the shape, precision and place of `like`.
    pub fn draw(&mut self, like: &Vector) -> Vector {
        let dimension = like.dims()[0];
        let signs: Vec<f32> = (0..dimension.div_ceil(64))
            .flat_map(|_| {
                let bits = self.0.next_u64();
                (0..64).map(move |bit| if bits >> bit & 1 == 0 { 1.0 } else { -1.0 })
            })
            .take(dimension)
            .collect();
        let data = TensorData::new(signs, [dimension]).convert_dtype(like.dtype());
        Tensor::from_data(data, (&like.device(), like.dtype()))
    }
}

/// A sample mean with its standard error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SampleMean {
    /// The mean.
    pub mean: f64,
    /// Its standard error, s / sqrt n with the unbiased variance s^2; NaN for fewer than two samples.
    pub std_error: f64,
    /// The number of samples n.
    pub count: u64,
}

impl SampleMean {
    /// Of these samples; a mean of NaN if there are none.
    pub fn of(samples: &[f64]) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "counts of samples are small")]
        let n = samples.len() as f64;
        let mean = samples.iter().sum::<f64>() / n;
        let variance = samples.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
        let std_error = if samples.len() < 2 { f64::NAN } else { (variance / n).sqrt() };
        Self { mean, std_error, count: samples.len() as u64 }
    }
}

/// Hutchinson's estimator of Tr A: the mean of v'A v over `probes` Rademacher vectors v.
///
/// Unbiased, since E v v' = I. Its variance is 2 (|A|_F^2 - sum_i A_ii^2) / probes: exact for a diagonal A.
/// Cost: `probes` products. Source: Hutchinson 1990.
pub fn hutchinson(operator: &dyn LinearOperator, like: &Vector, vectors: &mut Rademacher, probes: u32) -> SampleMean {
    let samples = (0..probes).map(|_| {
        let v = vectors.draw(like);
        operator.apply(&v).dot(v)
    });
    SampleMean::of(&read(samples.collect()))
}
