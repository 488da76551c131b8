//! What training costs: one step of each method, one evaluation, one curvature probe, on the embedded digits.
//! `cargo bench --bench training`

use std::{hint::black_box, sync::Arc};

use burn::tensor::Device;
use divan::Bencher;
use nso_tui::{
    autodiff::{Vector, values, vector_like},
    curvature::{Effort, Hessian, ProbeVectors, hutchinson, largest},
    optimizer::{
        Hyperparameter, Hyperparameters, Noise, NoiseSource, NoiseStream, OptimizerState, Rule, StepContext, StepInput,
        TrainingProgress,
    },
    problem::{Activation, Examples, Problem},
    random::{Purpose, stream},
    run::{
        ProblemConfig,
        problem::{ImageSubset, MnistMlp},
    },
};

fn main() {
    divan::main();
}

const BATCH: usize = 128;

fn perceptron() -> (Arc<dyn Problem>, Vector) {
    let problem =
        ProblemConfig::MnistMlp(MnistMlp { hidden: 128, activation: Activation::Relu, images: ImageSubset::EMBEDDED })
            .build(1, &Device::flex());
    let problem = problem.unwrap_or_else(|error| panic!("{error}"));
    let initial = problem.initial(&mut stream(1, Purpose::Weights));
    let w = vector_like(&initial, &Vector::zeros([1], problem.device()));
    (problem, w)
}

/// One step of every method, k as small as it goes.
#[divan::bench(args = Rule::KEYS)]
fn step_of_method(bencher: Bencher<'_, '_>, method: &str) {
    let (problem, start) = perceptron();
    let hyperparameters = Hyperparameters::new(method)
        .and_then(|plain| plain.with(Hyperparameter::Lr, 0.05).ok())
        .unwrap_or_else(|| panic!("no method {method}"));
    let batch: Vec<usize> = (0..BATCH).collect();
    let (mut w, mut state, mut noise) = (start.clone(), OptimizerState::default(), NoiseStream::new(1));
    let mut context = StepContext {
        layout: problem.layout(),
        initial_weights: &start,
        examples: problem.examples(),
        noise: &mut noise,
    };
    bencher.bench_local(|| {
        let objective = problem.objective(Examples::Chosen(&batch));
        let before =
            StepInput { w: w.clone(), state: std::mem::take(&mut state), progress: TrainingProgress::UNSCHEDULED };
        let after = hyperparameters.step(objective.as_ref(), before, &mut context);
        (w, state) = (after.w, after.state);
        black_box(&w);
    });
}

#[divan::bench]
fn gaussian_noise_of_the_perceptrons_size(bencher: Bencher) {
    let (_, w) = perceptron();
    let mut noise = NoiseStream::new(1);
    bencher.bench_local(|| noise.draw(&w, Noise::gaussian(0.03)));
}

#[divan::bench(sample_count = 20)]
fn evaluation_on_5000_digits(bencher: Bencher) {
    let (problem, w) = perceptron();
    bencher.bench_local(|| problem.evaluate(&w, None));
}

#[divan::bench(sample_count = 20)]
fn hessian_product_on_4000_digits(bencher: Bencher) {
    let (problem, w) = perceptron();
    let objective = problem.objective(Examples::First(4000));
    let v = ProbeVectors::new(1, &w).signs();
    bencher.bench_local(|| values(&objective.hessian_product(&w, &v)));
}

#[divan::bench(sample_count = 5)]
fn probe_of_10_trace_vectors_and_lambda_max(bencher: Bencher) {
    let (problem, w) = perceptron();
    let objective = problem.objective(Examples::First(4000));
    bencher.bench_local(|| {
        let hessian = Hessian::new(objective.as_ref(), &w);
        let mut vectors = ProbeVectors::new(1, &w);
        let trace = hutchinson(&hessian, &mut vectors, 10).mean;
        let top = largest(&hessian, &vectors.signs(), Effort { products: 30, tolerance: 1e-3 });
        (trace.mean, top.value)
    });
}
