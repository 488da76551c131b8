//! Noise drawn on the device: each vector a pure function of its key, distribution, length and device.
//! The framework has one generator for the whole process; it is seeded and used under one lock, so that it carries nothing from
//! one draw to another, nor from one run to its siblings.

use std::{
    f64::consts::FRAC_1_SQRT_2,
    sync::{Mutex, PoisonError},
};

use burn::tensor::{DType, Distribution, Tensor};

use super::NoiseDistribution;
use crate::autodiff::Vector;

/// Held from the seeding of the framework's generator to the last number taken from it.
static GENERATOR: Mutex<()> = Mutex::new(());

/// xi by the distribution, in the shape, in the precision and on the device of `like`.
pub(super) fn draw(key: u64, like: &Vector, distribution: NoiseDistribution) -> Vector {
    let device = like.device();
    let random = |distribution| Tensor::<1>::random(like.dims(), distribution, (&device, DType::F32));
    let guard = GENERATOR.lock().unwrap_or_else(PoisonError::into_inner);
    device.seed(key);
    let xi = match distribution {
        NoiseDistribution::Gaussian => random(Distribution::Normal(0.0, 1.0)),
        NoiseDistribution::Laplace => laplace_quantile(random(Distribution::Uniform(0.0, 1.0))),
        NoiseDistribution::Uniform => random(Distribution::Uniform(-3f64.sqrt(), 3f64.sqrt())),
        NoiseDistribution::Binomial | NoiseDistribution::BinomialUncentred => {
            let coin = || random(Distribution::Bernoulli(0.5));
            let heads = coin() + coin() + coin() + coin();
            if distribution.is_centred() { heads - 2.0 } else { heads }
        }
    };
    drop(guard);
    if like.dtype() == DType::F32 { xi } else { xi.cast(like.dtype()) }
}

/// Inverse of the distribution function of Laplace(0, 1/sqrt 2) at each p, as on the host: -sign(2p - 1) log(1 - |2p - 1|) / sqrt 2,
/// a p nearer to an end than 2^-25 taken for it.
fn laplace_quantile(p: Vector) -> Vector {
    let centred = p * 2.0 - 1.0;
    let tail = (centred.clone().abs() * -1.0 + 1.0).clamp_min(f64::from(f32::EPSILON) / 2.0);
    centred.sign() * tail.log() * -FRAC_1_SQRT_2
}

#[cfg(test)]
mod tests {
    use std::{sync::Barrier, thread};

    use burn::tensor::Device;

    use super::*;
    use crate::{
        autodiff::values,
        optimizer::{Noise, NoiseSource, NoiseStream},
    };

    fn like(length: usize) -> Vector {
        Vector::zeros([length], &Device::flex())
    }

    fn next(stream: &mut NoiseStream, distribution: NoiseDistribution) -> Vec<f64> {
        values(&stream.draw(&like(101), Noise { distribution, ..Noise::gaussian(1.0) }))
    }

    /// By definition: variance 1 and fourth moments 3, 6, 1.8, 2.5, about a mean of 0 and for the last of 2.
    #[test]
    fn every_distribution_has_its_moments_on_the_device() {
        let distributions = [
            (NoiseDistribution::Gaussian, 0.0, 3.0),
            (NoiseDistribution::Laplace, 0.0, 6.0),
            (NoiseDistribution::Uniform, 0.0, 1.8),
            (NoiseDistribution::Binomial, 0.0, 2.5),
            (NoiseDistribution::BinomialUncentred, 2.0, 2.5),
        ];
        for (distribution, mean, kurtosis) in distributions {
            let draws = values(&draw(7, &like(400_000), distribution));
            let moment = |power| draws.iter().map(|x| (x - mean).powi(power)).sum::<f64>() / 400_000.0;
            assert!(moment(1).abs() < 0.008, "{distribution:?}: mean {}", moment(1));
            assert!((moment(2) - 1.0).abs() < 0.02, "{distribution:?}: variance {}", moment(2));
            assert!(moment(3).abs() < 0.15, "{distribution:?}: third moment {}", moment(3));
            assert!((moment(4) / kurtosis - 1.0).abs() < 0.06, "{distribution:?}: fourth moment {}", moment(4));
        }
    }

    /// A quarter of Laplace(0, 1/sqrt 2) lies below -log 2 / sqrt 2 = -.490129; the lowest number stands for 2^-25, -log 2^24 / sqrt 2.
    #[test]
    fn the_quantiles_of_laplace_are_those_of_the_host() {
        let p = Vector::from_floats([0.0f32, 0.25, 0.5, 0.75, 1.0], &Device::flex());
        for (found, expected) in
            values(&laplace_quantile(p)).into_iter().zip([-11.763, -0.490_129, 0.0, 0.490_129, 11.763])
        {
            assert!((found - expected).abs() < 1e-3, "{found} {expected}");
        }
    }

    #[test]
    fn streams_that_take_turns_draw_what_each_draws_alone() {
        for distribution in NoiseDistribution::all() {
            let alone = |seed| {
                let mut stream = NoiseStream::on_device(seed);
                [(); 5].map(|()| next(&mut stream, distribution))
            };
            let [a, b] = [alone(1), alone(2)];
            let mut all = [a.clone(), b.clone()].concat();
            all.sort_by(|one, other| one.partial_cmp(other).unwrap());
            all.dedup();
            assert_eq!(all.len(), 10, "{distribution:?}: each draw of each seed is its own");
            let mut streams = [1, 2].map(NoiseStream::on_device);
            for turn in 0..5 {
                assert_eq!(next(&mut streams[0], distribution), a[turn], "{distribution:?}");
                assert_eq!(next(&mut streams[1], distribution), b[turn], "{distribution:?}");
            }
        }
    }

    #[test]
    fn streams_on_many_threads_draw_what_each_draws_alone() {
        let drawn = &|seed| {
            let mut stream = NoiseStream::on_device(seed);
            (0..2_000).map(|_| next(&mut stream, NoiseDistribution::Binomial)).collect::<Vec<_>>()
        };
        let seeds = [1, 2, 3, 4];
        let alone = seeds.map(drawn);
        let begin = &Barrier::new(seeds.len());
        let together = thread::scope(|scope| {
            let threads = seeds.map(|seed| {
                scope.spawn(move || {
                    begin.wait();
                    drawn(seed)
                })
            });
            threads.map(|thread| thread.join().unwrap())
        });
        assert!(alone == together);
    }

    #[test]
    fn noise_comes_in_the_precision_of_the_weights() {
        let wide = Vector::zeros([16], (&Device::flex(), DType::F64));
        let found = draw(3, &wide, NoiseDistribution::Gaussian);
        assert_eq!(found.dtype(), DType::F64);
        assert_eq!(values(&found), values(&draw(3, &like(16), NoiseDistribution::Gaussian)));
    }
}
