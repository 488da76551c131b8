//! What training costs: one step of each method, one evaluation, one curvature probe, on the embedded digits.
//! `cargo bench --bench training`

use std::{hint::black_box, num::NonZeroU32, sync::Arc};

use burn::tensor::Device;
use divan::Bencher;
use nso_tui::{
    autodiff::{Vector, values, vector_like},
    curvature::{Effort, Hessian, Rademacher, hutchinson, largest},
    optimizer::{Method, Momentum, NoiseLaw, NoiseStream, Sgd},
    problem::{Digits, Examples, Problem, ProblemConfig},
    random::{Purpose, stream},
};

fn main() {
    divan::main();
}

const BATCH: usize = 128;

fn perceptron() -> (Arc<dyn Problem>, Vector) {
    let digits = Digits { train_samples: None, data_dir: None };
    let problem = ProblemConfig::MnistMlp { hidden: 128, digits }.build(1, &Device::flex());
    let problem = problem.unwrap_or_else(|error| panic!("{error}"));
    let initial = problem.initial(&mut stream(1, Purpose::Weights));
    let w = vector_like(&initial, &Vector::zeros([1], problem.device()));
    (problem, w)
}

fn step(bencher: Bencher, method: Method) {
    let (problem, start) = perceptron();
    let update = Sgd { lr: 0.05, momentum: 0.9, weight_decay: 0.0 };
    let batch: Vec<usize> = (0..BATCH).collect();
    let (mut w, mut memory, mut noise) = (start, Momentum::default(), NoiseStream::new(1));
    bencher.bench_local(|| {
        let objective = problem.objective(Examples::Chosen(&batch));
        let direction = method.direction(objective.as_ref(), &w, &mut noise);
        (w, memory) = update.step(w.clone(), direction.vector, std::mem::take(&mut memory));
        black_box(&w);
    });
}

#[divan::bench]
fn sgd_step(bencher: Bencher) {
    step(bencher, Method::Sgd);
}

#[divan::bench]
fn wp_sgd_step_k2(bencher: Bencher) {
    let k = NonZeroU32::MIN.saturating_add(1);
    step(bencher, Method::WpSgd { sigma: 0.03, k, law: NoiseLaw::Gaussian });
}

#[divan::bench]
fn nso_step_k1(bencher: Bencher) {
    step(bencher, Method::Nso { sigma: 0.03, k: NonZeroU32::MIN, law: NoiseLaw::Gaussian, mix: 0.0 });
}

#[divan::bench]
fn sam_step(bencher: Bencher) {
    step(bencher, Method::Sam { rho: 0.05 });
}

#[divan::bench]
fn gaussian_noise_of_the_perceptrons_size(bencher: Bencher) {
    let (_, w) = perceptron();
    let mut noise = NoiseStream::new(1);
    bencher.bench_local(|| noise.draw(&w, 0.03, NoiseLaw::Gaussian));
}

#[divan::bench(sample_count = 20)]
fn evaluation_on_5000_digits(bencher: Bencher) {
    let (problem, w) = perceptron();
    bencher.bench_local(|| problem.evaluate(&w));
}

#[divan::bench(sample_count = 20)]
fn hessian_product_on_4000_digits(bencher: Bencher) {
    let (problem, w) = perceptron();
    let objective = problem.objective(Examples::First(4000));
    let v = Rademacher::new(1).draw(&w);
    bencher.bench_local(|| values(&objective.hessian_product(&w, &v)));
}

#[divan::bench(sample_count = 5)]
fn probe_of_10_trace_vectors_and_lambda_max(bencher: Bencher) {
    let (problem, w) = perceptron();
    let objective = problem.objective(Examples::First(4000));
    bencher.bench_local(|| {
        let hessian = Hessian { objective: objective.as_ref(), w: &w };
        let mut vectors = Rademacher::new(1);
        let trace = hutchinson(&hessian, &w, &mut vectors, 10);
        let top = largest(&hessian, &vectors.draw(&w), Effort { products: 30, tolerance: 1e-3 });
        (trace.mean, top.value)
    });
}
