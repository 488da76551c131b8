//! Noise drawn on the device: each vector a pure function of its key, law, length and device.
//! The framework has one generator for the whole process; it is seeded and used under one lock, so that it carries nothing from
//! one draw to another, nor from one run to its siblings.

use std::{
    f64::consts::FRAC_1_SQRT_2,
    sync::{Mutex, PoisonError},
};

use burn::tensor::{DType, Distribution, Tensor};

use super::NoiseLaw;
use crate::autodiff::Vector;

/// Held from the seeding of the framework's generator to the last number taken from it.
static GENERATOR: Mutex<()> = Mutex::new(());

/// xi by the law, in the shape, precision and place of `like`.
pub(super) fn draw(key: u64, like: &Vector, law: NoiseLaw) -> Vector {
    let device = like.device();
    let random = |distribution| Tensor::<1>::random(like.dims(), distribution, (&device, DType::F32));
    let guard = GENERATOR.lock().unwrap_or_else(PoisonError::into_inner);
    device.seed(key);
    let xi = match law {
        NoiseLaw::Gaussian => random(Distribution::Normal(0.0, 1.0)),
        NoiseLaw::Laplace => laplace_quantile(random(Distribution::Uniform(0.0, 1.0))),
        NoiseLaw::Uniform => random(Distribution::Uniform(-3f64.sqrt(), 3f64.sqrt())),
        NoiseLaw::Binomial | NoiseLaw::BinomialUncentred => {
            let coin = || random(Distribution::Bernoulli(0.5));
            let heads = coin() + coin() + coin() + coin();
            if law.is_centred() { heads - 2.0 } else { heads }
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
