//! Distributions of the weight noise, and the stream that draws from them.

mod device;

use burn::tensor::{DType, Tensor, TensorData};
use rand::{Rng, RngExt};
use rand_distr::{Distribution, StandardNormal, StandardUniform};
use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray, VariantNames};

use super::schedule::{NoiseSchedule, TrainingProgress};
use crate::{
    autodiff::Vector,
    random::{Purpose, Stream, stream},
};

/// The distribution of the weight noise U = sigma xi, xi iid over all coordinates, of variance 1 and, but for one, of mean 0.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    EnumString,
    IntoStaticStr,
    VariantArray,
    VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum NoiseDistribution {
    /// N(0, 1); kurtosis 3.
    #[default]
    Gaussian,
    /// Laplace(0, 1/sqrt 2); kurtosis 6.
    Laplace,
    /// Uniform on (-sqrt 3, sqrt 3); kurtosis 1.8.
    Uniform,
    /// Bin(4, 1/2) - 2; kurtosis 2.5.
    Binomial,
    /// Bin(4, 1/2), of mean 2: every weight shifts by 2 sigma in the mean. Not a sensible distribution but a fault of the paper's
    /// published code, behind the poor binomial rows of its table 2; here so that those rows reproduce.
    BinomialUncentred,
}

impl NoiseDistribution {
    /// Every distribution.
    pub fn all() -> impl Iterator<Item = Self> {
        <Self as VariantArray>::VARIANTS.iter().copied()
    }

    /// The name in presets and events.
    pub fn key(self) -> &'static str {
        self.into()
    }

    /// Whether its mean is 0. Only then is U'HU / sigma^2 a sample of a trace.
    pub fn is_centred(self) -> bool {
        self != Self::BinomialUncentred
    }

    /// One draw of xi.
    fn sample(self, random: &mut Stream) -> f32 {
        match self {
            Self::Gaussian => StandardNormal.sample(random),
            Self::Laplace => laplace_quantile(random.random()),
            Self::Uniform => {
                let unit: f32 = StandardUniform.sample(random);
                3f32.sqrt() * (2.0 * unit - 1.0)
            }
            Self::Binomial => heads(random) - 2.0,
            Self::BinomialUncentred => heads(random),
        }
    }
}

/// Inverse of the distribution function of Laplace(0, 1/sqrt 2) at p, a multiple of 2^-24 below 1:
/// -sign(2p - 1) log(1 - |2p - 1|) / sqrt 2.
fn laplace_quantile(p: f32) -> f32 {
    let centred = 2.0 * p - 1.0;
    // A p of 0 stands for all below 2^-24 and is taken for their middle; its own quantile is without bound.
    let tail = (1.0 - centred.abs()).max(f32::EPSILON / 2.0);
    -std::f32::consts::FRAC_1_SQRT_2 * centred.signum() * tail.ln()
}

/// The number of heads among four fair coins.
fn heads(random: &mut Stream) -> f32 {
    (random.random::<u8>() & 0b1111).count_ones() as f32
}

/// Weight noise as a method asks for it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Noise {
    /// Standard deviation per coordinate.
    pub sigma: f64,
    /// Distribution of xi = U / sigma.
    pub distribution: NoiseDistribution,
    /// How sigma changes over the epochs.
    pub schedule: NoiseSchedule,
}

impl Noise {
    /// Gaussian noise of constant scale.
    pub const fn gaussian(sigma: f64) -> Self {
        Self { sigma, distribution: NoiseDistribution::Gaussian, schedule: NoiseSchedule::Constant }
    }

    /// Whether quadratic forms in it are samples of a trace.
    pub(super) fn samples_traces(self) -> bool {
        self.sigma > 0.0 && self.distribution.is_centred()
    }

    /// The same as it is at a point of training: sigma as the schedule has it.
    #[must_use]
    pub fn at(self, progress: TrainingProgress) -> Self {
        Self { sigma: self.schedule.sigma(self.sigma, progress), ..self }
    }
}

/// Where weight noise comes from.
pub trait NoiseSource {
    /// U = sigma xi in the shape, in the precision and on the device of `like`; sigma as it stands, whatever the schedule.
    fn draw(&mut self, like: &Vector, noise: Noise) -> Vector;
}

/// A run's own stream of weight noise. xi is drawn in single precision, whatever that of the weights.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoiseStream {
    /// Coordinate by coordinate on the host.
    Host(Stream),
    /// A vector at a time on the device of the weights, each from a key of its own out of this stream. Nothing waits for the device.
    Device(Stream),
}

impl NoiseStream {
    /// The noise stream of `seed`, drawn on the host.
    pub fn new(seed: u64) -> Self {
        Self::Host(stream(seed, Purpose::Noise))
    }

    /// The noise stream of `seed`, drawn on the device. Other numbers than those of the host, of the same distributions.
    pub fn on_device(seed: u64) -> Self {
        Self::Device(stream(seed, Purpose::Noise))
    }
}

impl NoiseSource for NoiseStream {
    fn draw(&mut self, like: &Vector, noise: Noise) -> Vector {
        let xi = match self {
            Self::Host(random) => on_host(random, like, noise.distribution),
            Self::Device(keys) => device::draw(keys.next_u64(), like, noise.distribution),
        };
        xi * noise.sigma
    }
}

fn on_host(random: &mut Stream, like: &Vector, distribution: NoiseDistribution) -> Vector {
    let xi: Vec<f32> = (0..like.dims()[0]).map(|_| distribution.sample(random)).collect();
    let data = TensorData::new(xi, like.dims());
    let data = if like.dtype() == DType::F32 { data } else { data.convert_dtype(like.dtype()) };
    Tensor::from_data(data, (&like.device(), like.dtype()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Moments of the centred distributions by their definitions: Laplace(0, b) has E x^4 = 24 b^4 with b^2 = 1/2, the uniform distribution on
    /// (-a, a) has a^4/5 with a^2 = 3, Bin(4, 1/2) - 2 has (16 + 4 + 4 + 16)/16 with weights 1, 4, 4, 1.
    #[test]
    fn every_centred_distribution_has_mean_zero_variance_one_and_its_kurtosis() {
        let n = 400_000;
        for (distribution, kurtosis) in [
            (NoiseDistribution::Gaussian, 3.0),
            (NoiseDistribution::Laplace, 6.0),
            (NoiseDistribution::Uniform, 1.8),
            (NoiseDistribution::Binomial, 2.5),
        ] {
            let mut random = stream(7, Purpose::Noise);
            let draws: Vec<f64> = (0..n).map(|_| f64::from(distribution.sample(&mut random))).collect();
            let moment = |power| draws.iter().map(|x| x.powi(power)).sum::<f64>() / f64::from(n);
            assert!(moment(1).abs() < 0.008, "{distribution:?}: mean {}", moment(1));
            assert!((moment(2) - 1.0).abs() < 0.02, "{distribution:?}: variance {}", moment(2));
            assert!(moment(3).abs() < 0.15, "{distribution:?}: third moment {}", moment(3));
            assert!((moment(4) / kurtosis - 1.0).abs() < 0.06, "{distribution:?}: fourth moment {}", moment(4));
        }
    }

    /// Quantiles of Laplace(0, b): b log 2p below the median; at a quarter -log 2 / sqrt 2 = -.490129. The ends are those of 2^-25
    /// and 1 - 2^-24: -log 2^24 / sqrt 2 = -11.7630 and log 2^23 / sqrt 2 = 11.2729.
    #[test]
    fn no_draw_of_laplace_is_beyond_the_quantile_of_its_last_bit() {
        let found = [0.25, 0.5, 0.75, 0.0, 1.0 - f32::EPSILON / 2.0].map(laplace_quantile);
        let expected = [-0.490_129, 0.0, 0.490_129, -11.763, 11.2729];
        for (found, expected) in found.into_iter().zip(expected) {
            assert!((found - expected).abs() < 1e-4, "{found} {expected}");
        }
    }

    /// Bin(4, 1/2) has mean 2 and variance 1.
    #[test]
    fn the_uncentred_distribution_shifts_by_two() {
        let mut random = stream(7, Purpose::Noise);
        let draws: Vec<f64> =
            (0..100_000).map(|_| f64::from(NoiseDistribution::BinomialUncentred.sample(&mut random))).collect();
        let mean = draws.iter().sum::<f64>() / 1e5;
        let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 1e5;
        assert!((mean - 2.0).abs() < 0.02 && (variance - 1.0).abs() < 0.03, "{mean} {variance}");
    }

    #[test]
    fn keys_are_the_names_that_serde_writes() {
        for distribution in NoiseDistribution::all() {
            assert_eq!(serde_json::to_value(distribution).unwrap(), distribution.key());
        }
    }
}
