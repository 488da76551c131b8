//! How fast the device is on a problem that people train.

use std::time::{Duration, Instant};

use burn::tensor::Device;

use super::check::{Bar, Check, Verdict};
use crate::{
    autodiff::{Vector, values, vector_like},
    curvature::ProbeVectors,
    figure::text::thousands,
    problem::{Activation, Examples},
    random::{Purpose, stream},
    run::{
        ProblemConfig,
        problem::{ImageSubset, MnistMlp},
    },
};

/// Examples in the minibatch.
const BATCH: usize = 128;
/// How long each rate is measured.
const MEASURED: Duration = Duration::from_millis(300);
/// Gradients a second below which the preset `mnist-mlp`, 16,000 of them, takes longer than five minutes.
const GRADIENTS: f64 = 50.0;
/// The same for Hessian products, which cost about two gradients.
const PRODUCTS: f64 = 25.0;

/// Work done, and what it took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Done {
    /// Pieces.
    pub count: u64,
    /// Time for all.
    pub took: Duration,
}

/// Gradients and Hessian products of the two-layer perceptron on MNIST digits, a second.
pub fn speed(device: &Device, seed: u64) -> Vec<Check> {
    let images = ImageSubset::EMBEDDED;
    let problem = match ProblemConfig::MnistMlp(MnistMlp { hidden: 128, activation: Activation::Relu, images })
        .build(seed, device)
    {
        Ok(problem) => problem,
        Err(error) => return vec![Check::fact("mnist-mlp", error.to_string(), Verdict::Fail)],
    };
    let f = problem.objective(Examples::First(BATCH));
    let w = vector_like(&problem.initial(&mut stream(seed, Purpose::Weights)), &Vector::zeros([1], device));
    let v = ProbeVectors::new(seed, &w).signs();
    let gradients = timed(|| drop(values(&f.gradient(&w).gradient)));
    let products = timed(|| drop(values(&f.hessian_product(&w, &v))));
    vec![rate("gradients", gradients, GRADIENTS), rate("Hessian products", products, PRODUCTS)]
}

/// Does `work` once to warm up, then until the time is over.
fn timed(mut work: impl FnMut()) -> Done {
    work();
    let (start, mut count) = (Instant::now(), 0);
    loop {
        work();
        count += 1;
        let took = start.elapsed();
        if took >= MEASURED {
            return Done { count, took };
        }
    }
}

/// Whether so much work in that time is fast enough, in pieces a second.
pub fn rate(name: &str, done: Done, least: f64) -> Check {
    let rate = done.count as f64 / done.took.as_secs_f64();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate is positive and moderate")]
    let seen = format!("{} a second", thousands(rate.round() as u64));
    Check::figure(name, seen, rate, Bar::AtLeast(least))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_device_fails() {
        let of = |count| rate("gradients", Done { count, took: Duration::from_secs(2) }, 50.0);
        assert_eq!((of(2600).verdict(), of(2600).seen.as_str()), (Verdict::Pass, "1,300 a second"));
        assert_eq!(of(98).verdict(), Verdict::Fail);
    }

    #[test]
    fn a_rate_counts_the_work_that_was_done_in_its_time() {
        let mut calls = 0;
        let done = timed(|| calls += 1);
        assert_eq!(done.count + 1, calls);
        assert!(done.took >= MEASURED);
    }
}
