//! Random vectors that curvature is probed with.

use burn::tensor::{Tensor, TensorData};
use rand::Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::{
    autodiff::Vector,
    random::{Purpose, Stream, stream},
};

/// A stream of probe vectors with independent entries of mean 0 and variance 1, all of one shape, precision and device.
#[derive(Debug, Clone)]
pub struct ProbeVectors {
    stream: Stream,
    like: Vector,
}

impl ProbeVectors {
    /// The probe vectors of `seed` in the shape, precision and device of `like`: the same vectors for every run and at every step
    /// of a session, so that differences between runs and over time are not differences of the draw.
    pub fn new(seed: u64, like: &Vector) -> Self {
        Self::of(stream(seed, Purpose::Probes), like)
    }

    /// The vectors that a stream yields.
    pub fn of(stream: Stream, like: &Vector) -> Self {
        Self { stream, like: like.clone() }
    }

    /// Entries +1 and -1 (Rademacher), [p].
    pub fn signs(&mut self) -> Vector {
        let dimension = self.like.dims()[0];
        let signs: Vec<f32> = (0..dimension.div_ceil(64))
            .flat_map(|_| {
                let bits = self.stream.next_u64();
                (0..64).map(move |bit| if bits >> bit & 1 == 0 { 1.0 } else { -1.0 })
            })
            .take(dimension)
            .collect();
        on_device_of(&self.like, signs)
    }

    /// Entries N(0, 1), [p]; drawn in single precision.
    pub fn normal(&mut self) -> Vector {
        let dimension = self.like.dims()[0];
        on_device_of(&self.like, (0..dimension).map(|_| StandardNormal.sample(&mut self.stream)).collect())
    }

    /// One N(0, 1).
    pub fn normal_number(&mut self) -> f64 {
        StandardNormal.sample(&mut self.stream)
    }
}

/// Numbers as a vector in the precision and on the device of `like`.
fn on_device_of(like: &Vector, numbers: Vec<f32>) -> Vector {
    let data = TensorData::new(numbers, like.dims()).convert_dtype(like.dtype());
    Tensor::from_data(data, (&like.device(), like.dtype()))
}
