//! Random vectors that curvature is probed with.

use burn::tensor::{Tensor, TensorData};
use rand::Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::{
    autodiff::Vector,
    random::{Purpose, Stream, stream},
};

/// A stream of probe vectors with independent entries of mean 0 and variance 1.
#[derive(Debug, Clone)]
pub struct ProbeVectors(Stream);

impl ProbeVectors {
    /// The probes of `seed`: the same vectors for every run and at every step of a session, so that differences
    /// between runs and over time are not differences of luck.
    pub fn new(seed: u64) -> Self {
        Self(stream(seed, Purpose::Probes))
    }

    /// Entries +1 and -1 (Rademacher), in the shape, precision and place of `like`.
    pub fn signs(&mut self, like: &Vector) -> Vector {
        let dimension = like.dims()[0];
        let signs: Vec<f32> = (0..dimension.div_ceil(64))
            .flat_map(|_| {
                let bits = self.0.next_u64();
                (0..64).map(move |bit| if bits >> bit & 1 == 0 { 1.0 } else { -1.0 })
            })
            .take(dimension)
            .collect();
        placed(signs, like)
    }

    /// Entries N(0, 1), in the shape, precision and place of `like`; drawn in single precision.
    pub fn normal(&mut self, like: &Vector) -> Vector {
        placed((0..like.dims()[0]).map(|_| StandardNormal.sample(&mut self.0)).collect(), like)
    }

    /// One N(0, 1).
    pub fn normal_number(&mut self) -> f64 {
        StandardNormal.sample(&mut self.0)
    }
}

fn placed(numbers: Vec<f32>, like: &Vector) -> Vector {
    let data = TensorData::new(numbers, like.dims()).convert_dtype(like.dtype());
    Tensor::from_data(data, (&like.device(), like.dtype()))
}
