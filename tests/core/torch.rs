//! Ten steps of every method on the perceptron against PyTorch 2, from the same weights with the same batches and noise.
//! `tests/torch/fixtures.py` made the numbers that are compared; its cases are tables of hyper-parameters as presets have them.

use std::{
    collections::BTreeSet,
    sync::{Arc, LazyLock},
};

use burn::tensor::{DType, Device};
use nso_tui::{
    autodiff::{read, values},
    optimizer::{Categorical, Hyperparameters, OptimizerState, Rule, StepContext, StepInput, TrainingProgress},
    problem::{Activation, Examples, Mode, Problem},
    run::{
        ProblemConfig,
        problem::{ImageSubset, MnistMlp},
    },
};
use serde::Deserialize;

use crate::common::{Replay, apart, scattered, vector};

const STEPS: u64 = 10;
const STEPS_PER_EPOCH: u64 = 3;
const BATCH: usize = 32;

/// Coordinates kept of each tensor, and projections of each that is not kept whole.
const KEPT: [usize; 4] = [40, 32, 40, 10];
const PROJECTIONS: u8 = 3;

#[derive(Deserialize)]
struct Fixtures {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    hyperparameters: Hyperparameters,
    #[serde(flatten)]
    digest: Digest,
}

/// What is kept of a run: the loss of each step; of each tensor's way w - w_start a few coordinates and projections.
#[derive(Deserialize)]
struct Digest {
    losses: Vec<f64>,
    coordinates: Vec<Vec<f64>>,
    projections: Vec<Vec<f64>>,
}

static CASES: LazyLock<Vec<Case>> =
    LazyLock::new(|| serde_json::from_str::<Fixtures>(include_str!("../torch/fixtures.json")).unwrap().cases);

/// 784-128-10 on the embedded digits.
static PROBLEM: LazyLock<Arc<dyn Problem>> = LazyLock::new(|| {
    ProblemConfig::MnistMlp(MnistMlp { hidden: 128, activation: Activation::Relu, images: ImageSubset::EMBEDDED })
        .build(0, &Device::flex())
        .unwrap()
});

/// Scattered numbers that single precision has too, so that a run begins and is disturbed alike in both precisions.
fn fractions(count: usize, offset: f64) -> Vec<f64> {
    scattered(count, offset).into_iter().map(single).collect()
}

fn single(number: f64) -> f64 {
    f64::from(number as f32)
}

/// Each tensor on +-1/sqrt(fan_in).
fn initial() -> Vec<f64> {
    let fans = [784.0_f64, 784.0, 128.0, 128.0];
    let tensors = PROBLEM.layout().entries().iter().zip(fans).enumerate();
    tensors
        .flat_map(|(index, (tensor, fan))| {
            let numbers = fractions(tensor.len(), 0.1 * (index as f64 + 1.0));
            numbers.into_iter().map(move |x| single(x / fan.sqrt()))
        })
        .collect()
}

/// Ten steps as the training loop takes them.
fn follow(hyperparameters: &Hyperparameters, precision: DType) -> Digest {
    let problem = PROBLEM.as_ref();
    let layout = problem.layout();
    let start = vector(&initial(), precision);
    let mut draws = 0.0;
    let mut noise = Replay(|| {
        draws += 1.0;
        fractions(layout.dimension(), 0.754_877_666_246_692_7 * draws).into_iter().map(|xi| 1.7 * xi).collect()
    });
    let mut context = StepContext { layout, initial_weights: &start, examples: problem.examples(), noise: &mut noise };
    let (mut w, mut state, mut losses) = (start.clone(), OptimizerState::default(), Vec::new());
    for step in 0..STEPS {
        let first = step as usize * BATCH;
        let examples = problem.examples().unwrap().get();
        let batch: Vec<usize> = (first..first + BATCH).map(|index| index * 97 % examples).collect();
        let smoothing = hyperparameters.rule.label_smoothing();
        let mode = Mode { smoothing, ..Mode::default() };
        let objective = problem.objective_in(mode, Examples::Chosen(&batch));
        let progress = TrainingProgress { spent: step, cost: 1, epoch: STEPS_PER_EPOCH, budget: STEPS };
        let after = hyperparameters.step(objective.as_ref(), StepInput { w, state, progress }, &mut context);
        (w, state) = (after.w, after.state);
        losses.push(after.stats.loss);
    }
    let way: Vec<f64> = values(&w).iter().zip(values(&start)).map(|(w, start)| w - start).collect();
    let ways = || layout.entries().iter().map(|tensor| &way[tensor.offset..tensor.offset + tensor.len()]);
    let chosen =
        |(way, count): (&[f64], usize)| (0..count).map(|j| way[(j * way.len() + way.len() / 2) / count]).collect();
    let projected = |(way, _): (&[f64], usize)| {
        let along = |j| scattered(way.len(), 0.3 * f64::from(j)).iter().zip(way).map(|(a, b)| a * b).sum();
        (0..PROJECTIONS).map(along).collect()
    };
    Digest {
        losses: read(losses),
        coordinates: ways().zip(KEPT).map(chosen).collect(),
        projections: ways().zip(KEPT).filter(|(way, count)| *count < way.len()).map(projected).collect(),
    }
}

/// The largest relative error of the parts of a digest, in the 2-norm: losses, and tensor by tensor.
fn error(found: &Digest, expected: &Digest) -> f64 {
    let parts = |digest: &Digest| {
        let tensors = digest.coordinates.iter().chain(&digest.projections);
        std::iter::once(&digest.losses).chain(tensors).cloned().collect::<Vec<_>>()
    };
    let (found, expected) = (parts(found), parts(expected));
    assert_eq!(found.len(), expected.len());
    let errors: Vec<f64> = found.iter().zip(&expected).map(|(found, expected)| apart(found, expected)).collect();
    assert!(errors.iter().all(|error| error.is_finite()), "{errors:?}");
    errors.into_iter().fold(0.0, f64::max)
}

/// All cases, and those that are further than `tolerance` from PyTorch.
fn compare(precision: DType, tolerance: f64) {
    let errors = CASES.iter().map(|case| (&case.name, error(&follow(&case.hyperparameters, precision), &case.digest)));
    let wrong: Vec<String> =
        errors.filter(|(_, error)| *error >= tolerance).map(|(name, error)| format!("{name}: {error:.1e}")).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn ten_steps_of_every_method_agree_with_pytorch_in_double_precision() {
    compare(DType::F64, 1e-9);
}

/// Against the same numbers, which PyTorch computed in double precision: its own single precision is up to 2.7e-6 from them.
#[test]
fn ten_steps_of_every_method_agree_with_pytorch_in_single_precision() {
    compare(DType::F32, 1e-5);
}

#[test]
fn pytorch_was_asked_for_every_method_and_every_choice() {
    let methods: BTreeSet<&str> = CASES.iter().map(|case| case.hyperparameters.rule.key()).collect();
    assert_eq!(methods, Rule::KEYS.into());
    let asked: BTreeSet<_> = CASES.iter().flat_map(|case| case.hyperparameters.choices().collect::<Vec<_>>()).collect();
    // Noise comes from the fixtures, so its distribution does not show in them.
    for choice in Categorical::all().filter(|choice| *choice != Categorical::Distribution) {
        for word in choice.words() {
            assert!(asked.contains(&(choice, word)), "{choice} = {word}");
        }
    }
}
