//! The mean and the central moments of weight noise on the device, against those of its distribution.

use burn::tensor::Device;

use super::check::{Bar, Check};
use crate::{
    autodiff::{Vector, values},
    figure::text::{fixed, significant},
    optimizer::{Noise, NoiseDistribution, NoiseSource},
    run::device,
};

/// Draws that the moments are taken of.
const DRAWS: usize = 200_000;
/// Standard errors that a moment may be off.
const ERRORS: f64 = 5.0;
/// The scale that is asked for.
const SIGMA: f64 = 0.03;

/// Mean of a distribution and its central moments of even order, 4, 6 and 8, for variance 1; the odd ones are 0.
struct CentralMoments {
    mean: f64,
    fourth: f64,
    sixth: f64,
    eighth: f64,
}

/// By their definitions: Gaussian 1 3 5 7; Laplace(0, b) has E x^2n = (2n)! b^2n with b^2 = 1/2; the uniform distribution on
/// (-a, a) a^2n / (2n + 1) with a^2 = 3; Bin(4, 1/2) - 2 is 0, 1 and 2 with weights 6, 4 + 4 and 1 + 1 of 16.
fn central_moments(distribution: NoiseDistribution) -> CentralMoments {
    let binomial = CentralMoments { mean: 0.0, fourth: 2.5, sixth: 8.5, eighth: 32.5 };
    match distribution {
        NoiseDistribution::Gaussian => CentralMoments { mean: 0.0, fourth: 3.0, sixth: 15.0, eighth: 105.0 },
        NoiseDistribution::Laplace => CentralMoments { mean: 0.0, fourth: 6.0, sixth: 90.0, eighth: 2520.0 },
        NoiseDistribution::Uniform => CentralMoments { mean: 0.0, fourth: 1.8, sixth: 27.0 / 7.0, eighth: 9.0 },
        NoiseDistribution::Binomial => binomial,
        NoiseDistribution::BinomialUncentred => CentralMoments { mean: 2.0, ..binomial },
    }
}

/// Every distribution from a run's own stream.
pub fn noise(device: &Device, seed: u64) -> Vec<Check> {
    let like = Vector::zeros([DRAWS], device);
    NoiseDistribution::all()
        .map(|distribution| distribution_of(distribution, &mut device::noise(seed, device), &like))
        .collect()
}

/// Whether `source` draws from a distribution: mean, second to fourth central moment, and the product of neighbours, each in standard
/// errors of so many draws; the worst counts. `like` says how many draws and where.
pub fn distribution_of(distribution: NoiseDistribution, source: &mut dyn NoiseSource, like: &Vector) -> Check {
    let expected = central_moments(distribution);
    let drawn = values(&source.draw(like, Noise { sigma: SIGMA, distribution, ..Noise::gaussian(0.0) }));
    let n = drawn.len() as f64;
    let mean = drawn.iter().sum::<f64>() / n / SIGMA;
    let xi: Vec<f64> = drawn.iter().map(|u| u / SIGMA - expected.mean).collect();
    let moment = |power| xi.iter().map(|x| x.powi(power)).sum::<f64>() / n;
    let neighbours = xi.windows(2).map(|pair| pair[0] * pair[1]).sum::<f64>() / n;
    let CentralMoments { fourth, sixth, eighth, .. } = expected;
    // Each with what it should be and the variance of one sample of it.
    let deviations = [
        (mean - expected.mean, 1.0),
        (moment(2) - 1.0, fourth - 1.0),
        (moment(3), sixth),
        (moment(4) - fourth, eighth - fourth * fourth),
        (neighbours, 1.0),
    ]
    .map(|(off, variance)| off.abs() / (variance / n).sqrt());
    let worst = deviations.into_iter().fold(0.0, |worst: f64, z| if z > worst || z.is_nan() { z } else { worst });
    let seen = format!(
        "{}, {}, {}; {} off",
        fixed(mean, 3),
        fixed(moment(2), 3),
        fixed(moment(4) / moment(2).powi(2), 2),
        significant(worst, 2)
    );
    Check::figure(distribution.key(), seen, worst, Bar::Errors(ERRORS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::check::Verdict;
    use crate::optimizer::NoiseStream;

    /// Noise of a run with something done to it.
    struct Changed<F>(NoiseStream, F);

    impl<F: Fn(Vector, f64) -> Vector> NoiseSource for Changed<F> {
        fn draw(&mut self, like: &Vector, noise: Noise) -> Vector {
            (self.1)(self.0.draw(like, noise), noise.sigma)
        }
    }

    fn verdict(distribution: NoiseDistribution, change: impl Fn(Vector, f64) -> Vector) -> Verdict {
        let like = Vector::zeros([DRAWS], &Device::flex());
        distribution_of(distribution, &mut Changed(NoiseStream::new(1), change), &like).verdict()
    }

    #[test]
    fn noise_of_another_variance_mean_or_distribution_and_repeated_draws_fail() {
        for distribution in NoiseDistribution::all() {
            assert_eq!(verdict(distribution, |u, _| u), Verdict::Pass, "{distribution:?}");
            assert_eq!(
                verdict(distribution, |u, _| u * 1.1f64.sqrt()),
                Verdict::Fail,
                "{distribution:?}, variance 1.1"
            );
            assert_eq!(
                verdict(distribution, |u, sigma| u + 0.02 * sigma),
                Verdict::Fail,
                "{distribution:?}, mean 0.02"
            );
            assert_eq!(verdict(distribution, |u, _| u * f64::NAN), Verdict::Fail, "{distribution:?}, no numbers");
            // Each number twice, side by side.
            let twice =
                |u: Vector, _| u.narrow(0, 0, DRAWS / 2).unsqueeze_dim::<2>(1).repeat_dim(1, 2).reshape([DRAWS]);
            assert_eq!(verdict(distribution, twice), Verdict::Fail, "{distribution:?}, each number twice");
        }
        let like = Vector::zeros([DRAWS], &Device::flex());
        let laplace = NoiseStream::new(1)
            .draw(&like, Noise { distribution: NoiseDistribution::Laplace, ..Noise::gaussian(SIGMA) });
        assert_eq!(
            verdict(NoiseDistribution::Gaussian, move |_, _| laplace.clone()),
            Verdict::Fail,
            "Laplace for Gaussian"
        );
    }

    #[test]
    fn skewed_noise_fails() {
        // (x^2 - 1) / sqrt 2 of a Gaussian x has mean 0 and variance 1, and a third moment.
        let skewed = |u: Vector, sigma: f64| ((u / sigma).square() - 1.0) * (sigma / 2f64.sqrt());
        assert_eq!(verdict(NoiseDistribution::Gaussian, skewed), Verdict::Fail);
    }
}
